//! What a manifest may say, and what it is told where it says something else.

use super::*;

pub(in crate::bots) const WHOLE: &str = r#"
name = "mean-revert"
command = ["python3", "-u", "main.py"]
protocol = 1
params_schema = "params.schema.json"
[env]
WINDOW = "20"
[permissions]
instruments = ["AAPL", "BTC-USD"]
data = ["bars:1m", "quotes", "chains"]
orders = "paper"
max_order_notional = "2000"
max_position_notional = "5000"
max_orders_per_minute = 10
max_daily_loss = "200"
network = false
files = "own"
[limits]
memory_mb = 512
cpu_pct = 50
open_files = 64
file_mb = 64
start_s = 20
reply_ms = 2000
log_lines_per_s = 50
[restart]
policy = "on-crash"
on_stop = "cancel"
"#;

#[test]
fn a_whole_manifest_is_read() {
    let manifest = Manifest::parse(WHOLE).unwrap();
    assert_eq!(manifest.command, ["python3", "-u", "main.py"]);
    assert_eq!(manifest.orders, OrderRight::Paper);
    assert_eq!(manifest.interval(), Interval::Minute1);
    assert_eq!(manifest.terms(3).max_daily_loss, Some(Decimal::from(200)));
    assert_eq!(manifest.variables["WINDOW"], "20");
    assert!(manifest.knows(&Instrument::from_key("BTC-USD").unwrap()));
    assert!(manifest.knows(&Instrument::from_key("AAPL  261218P00190000").unwrap()));
    assert!(!manifest.knows(&Instrument::equity("MSFT").unwrap()));
}

#[test]
fn what_is_not_said_is_the_least() {
    let text = "name = \"a\"\ncommand = [\"x\"]\nprotocol = 1\n[permissions]\ninstruments = [\"*\"]\n";
    let manifest = Manifest::parse(text).unwrap();
    assert_eq!((manifest.orders, manifest.network), (OrderRight::None, false));
    assert_eq!((manifest.instruments, manifest.data.len()), (None, 0));
    assert_eq!((manifest.limits.memory_mb, manifest.restart), (512, RestartPolicy::OnCrash));
    assert!(manifest.cancels_on_stop);
}

#[test]
fn every_mistake_is_named_with_what_is_allowed() {
    let with = |from: &str, to: &str| {
        assert!(WHOLE.contains(from), "{from}");
        Manifest::parse(&WHOLE.replace(from, to)).unwrap_err().to_string()
    };
    for (from, to, said) in [
        ("memory_mb", "memroy_mb", "bot.toml: limits.memroy_mb is not known; nearest is limits.memory_mb"),
        (
            "max_daily_loss",
            "max_daly_loss",
            "bot.toml: permissions.max_daly_loss is not known; nearest is permissions.max_daily_loss",
        ),
        ("[restart]", "[restrat]", "bot.toml: restrat is not known; nearest is restart"),
        (
            "\"paper\"",
            "\"all\"",
            "bot.toml: permissions.orders: found \\\"all\\\", allowed none, paper, propose, live",
        ),
        (
            "\"200\"",
            "200.0",
            "bot.toml: permissions.max_daily_loss: found 200.0, allowed an amount above 0 as text, such as \"2000\"",
        ),
        ("= 512", "= 5", "bot.toml: limits.memory_mb: found 5, allowed 32 to 16384"),
        ("protocol = 1", "protocol = 2", "bot.toml: protocol: found 2, allowed 1"),
        ("protocol = 1", "", "bot.toml: protocol is missing; allowed is 1"),
        (
            "\"mean-revert\"",
            "\"Mean\"",
            "bot.toml: name: found \\\"Mean\\\", allowed 1 to 32 of a-z, 0-9 and '-'",
        ),
        (
            "WINDOW",
            "LD_PRELOAD",
            "bot.toml: env.LD_PRELOAD: found \\\"20\\\", allowed up to 32 names of A-Z, 0-9 and '_' with texts; not PATH, HOME, LANG, TZ, PWD, nor LD_*",
        ),
        ("\"own\"", "\"all\"", "bot.toml: permissions.files: found \\\"all\\\", allowed \"own\""),
        (
            "params.schema.json",
            "../x",
            "bot.toml: params_schema: found \\\"../x\\\", allowed a file of its directory",
        ),
        (
            "on-crash",
            "often",
            "bot.toml: restart.policy: found \\\"often\\\", allowed never, on-crash, always",
        ),
    ] {
        assert_eq!(with(from, to), said);
    }
    assert!(matches!(Manifest::parse("name ="), Err(ManifestError::Syntax(_))));
    assert!(matches!(Manifest::parse(""), Err(ManifestError::Missing { .. })));
    assert!(ManifestError::Read("gone".to_owned()).to_string().contains("gone"));
    assert!(with("command = [\"python3\", \"-u\", \"main.py\"]", "command = []").contains("1 to 32 words"));
    assert!(with("\"AAPL\"", "\"*\"").contains("allowed 1 to 50 instruments"));
}
