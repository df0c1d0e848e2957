//! A profile that lives by its own time, through the real program: wheel and collar from their first order to their last, killed on the way.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::detached::{Home, is_alive, signal};

/// A Thursday, five minutes before the opening rules look: the same prices on every day that this is run.
const START: &str = "2026-11-12T14:40:00Z";

fn home(paper: &str) -> Home {
    let home = Home::new();
    home.configure(&format!("[paper]\nclock = \"{START}\"\n{paper}"));
    home
}

impl Home {
    /// The program's own words, where it did as it was told.
    #[track_caller]
    fn says(&self, args: &[&str]) -> String {
        let output = self.output(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Its one line of refusal.
    #[track_caller]
    fn refuses(&self, args: &[&str]) -> String {
        let output = self.output(args);
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), line.lines().count()), (Some(2), 1), "{args:?}: {line}");
        line
    }

    /// Units of shares and options, as `100 AAPL` and `-1 put`.
    fn held(&self) -> Vec<(String, String)> {
        let positions = self.json(&["positions"]);
        let row = |row: &Value| {
            let instrument = &row["instrument"];
            let what = instrument["right"].as_str().unwrap_or("shares").to_owned();
            (what, row["quantity"].as_str().unwrap().to_owned())
        };
        let mut held: Vec<_> = positions["positions"].as_array().unwrap().iter().map(row).collect();
        held.sort();
        held
    }

    /// The OCC symbol of the only option of a side.
    #[track_caller]
    fn option(&self, right: &str) -> String {
        let positions = self.json(&["positions"]);
        let row =
            positions["positions"].as_array().unwrap().iter().find(|row| row["instrument"]["right"] == right);
        let it = &row.unwrap_or_else(|| panic!("no {right}: {positions}"))["instrument"];
        let text = |name: &str| it[name].as_str().unwrap().to_owned();
        let day = text("expiry").replace('-', "");
        let strike: rust_decimal::Decimal = text("strike").parse().unwrap();
        let thousandths = (strike * rust_decimal::Decimal::from(1_000)).trunc();
        format!(
            "{}{}{}{:0>8}",
            text("underlying"),
            &day[2..],
            right[..1].to_uppercase(),
            thousandths.to_string()
        )
    }

    /// Codes of what a strategy did, oldest first.
    fn codes(&self, strategy: &str) -> Vec<String> {
        let told = self.json(&["strategy", "explain", strategy, "--limit", "1000"]);
        let mut codes: Vec<String> = told["decisions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["code"].as_str().unwrap().to_owned())
            .filter(|code| code.starts_with("WHEEL_") || code.starts_with("COLLAR_"))
            .collect();
        codes.reverse();
        codes.dedup();
        codes
    }

    /// Time goes on until the account holds this, so many half hours at most.
    #[track_caller]
    fn lives_until(&self, what: &[(&str, &str)]) {
        let wanted: Vec<_> = what.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        for _ in 0..400 {
            if self.held() == wanted {
                return;
            }
            self.says(&["paper", "advance", "30m"]);
        }
        panic!("{wanted:?} never came: {:?}", self.held());
    }

    /// The engine is killed in the middle of everything; the next command starts another.
    fn killed(&self) {
        let engine = self.engine().unwrap();
        signal(engine, "KILL");
        self.until("the death of the engine", || !is_alive(engine));
    }
}

#[test]
fn a_wheel_turns_once_with_a_kill_in_each_of_its_phases() {
    let home = home("");
    let wheel = ["strategy", "add", "w", "wheel", "AAPL", "--set"];
    let pairs = ["contracts=1", "--set", "take_profit=1", "--set", "max_rolls=0"];
    home.says(&[&wheel[..], &pairs[..]].concat());
    home.says(&["strategy", "start", "w"]);
    home.lives_until(&[("put", "-1")]);
    home.killed();
    let put = home.option("put");
    home.says(&["paper", "assign", &put]);
    home.killed();
    assert_eq!(home.held(), [("shares".to_owned(), "100".to_owned())]);
    home.lives_until(&[("call", "-1"), ("shares", "100")]);
    home.killed();
    let call = home.option("call");
    home.says(&["paper", "assign", &call]);
    home.killed();
    assert!(home.held().is_empty(), "{:?}", home.held());
    assert_eq!(home.codes("w"), ["WHEEL_SELL_PUT", "WHEEL_ASSIGNED", "WHEEL_SELL_CALL", "WHEEL_CALLED_AWAY"]);
    // What the campaign says it has brought is what the account has more.
    let told = home.json(&["strategy", "explain", "w", "--limit", "1000"]);
    let away =
        told["decisions"].as_array().unwrap().iter().find(|row| row["code"] == "WHEEL_CALLED_AWAY").unwrap();
    let campaign: f64 = away["inputs"]["campaign_pnl"].as_str().unwrap().parse().unwrap();
    let balances = home.json(&["balances"]);
    let equity = balances["accounts"][0]["net_liquidation"].as_str().unwrap();
    let gain = equity.parse::<f64>().unwrap() - 100_000.0;
    assert!((gain - campaign).abs() < 0.01, "{gain} and {campaign}");
    // It waits for a day, and begins again.
    home.lives_until(&[("put", "-1")]);
}

#[test]
fn a_collar_opens_is_rolled_and_ends_with_a_kill_between() {
    let home = home("");
    home.says(&["order", "place", "buy", "100", "KO"]);
    home.says(&["paper", "advance", "1m"]);
    home.says(&[
        "strategy",
        "add",
        "c",
        "collar",
        "KO",
        "--adopt",
        "KO",
        "--set",
        "roll_up_at_pct=1000",
        "--set",
        "roll_up_delta=1",
    ]);
    home.says(&["strategy", "start", "c"]);
    let pair = [("call", "-1"), ("put", "1"), ("shares", "100")];
    home.lives_until(&pair);
    let (put, call) = (home.option("put"), home.option("call"));
    home.killed();
    // Three weeks before its end the pair is exchanged for a later one.
    home.says(&["paper", "advance", "60d"]);
    home.killed();
    home.says(&["paper", "advance", "30d"]);
    home.lives_until(&pair);
    let codes = home.codes("c");
    assert!(codes.iter().any(|code| code == "COLLAR_ROLL_TIME"), "{codes:?}");
    assert!(home.option("put") != put && home.option("call") != call);
    home.says(&["paper", "assign", &home.option("call")]);
    home.killed();
    home.lives_until(&[]);
    let codes = home.codes("c");
    assert_eq!(codes[codes.len() - 2..], ["COLLAR_CALLED_AWAY", "COLLAR_SURPLUS"], "{codes:?}");
}

/// Where the clock stands is the profile's, and moves ahead alone. What cannot be by such a clock is said in one line.
#[test]
fn a_clock_of_its_own_is_kept_moved_ahead_and_for_new_paper_profiles_alone() {
    let home = home("");
    home.says(&["watchlist", "add", "main", "KO"]);
    let said = home.says(&["paper", "advance", "3d"]);
    assert!(said.starts_with("the paper clock stands at 2026-11-15T14:4"), "{said}");
    home.killed();
    let said = home.says(&["paper", "advance", "1d"]);
    assert!(said.starts_with("the paper clock stands at 2026-11-16T14:4"), "{said}");
    assert!(home.refuses(&["paper", "advance", "90d"]).contains("allowed 1 s to 62 d at a time"));
    assert!(home.refuses(&["connect", "alpaca"]).contains("found a clock of its own; allowed \"system\""));
    home.says(&["engine", "stop", "--force"]);
    home.configure("");
    let said = home.refuses(&["positions"]);
    assert!(said.contains("found \"system\", allowed an instant in this profile"), "{said}");
    home.configure(&format!("[paper]\nclock = \"{START}\"\n"));
    let file = home.path().join("data/profiles/default/CLOCK");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::write(&file, "soon\n").unwrap();
    assert!(home.refuses(&["positions"]).contains("CLOCK: found 'soon', allowed microseconds"));
    std::fs::remove_file(&file).unwrap();
    assert!(home.refuses(&["positions"]).contains("which has lived by the system's time"));
    for wrong in ["tomorrow", "1815-06-18T11:35:00Z", "2026-11-12 14:40"] {
        home.configure(&format!("[paper]\nclock = \"{wrong}\"\n"));
        let said = home.refuses(&["positions"]);
        assert!(
            said.contains("paper.clock: found") && said.contains("allowed \"system\", or the instant"),
            "{said}"
        );
    }
}

#[test]
fn a_profile_that_lives_now_is_not_moved() {
    let home = Home::new();
    let said = home.refuses(&["paper", "advance", "1d"]);
    assert!(said.contains("allowed in a profile with a clock of its own (paper.clock)"), "{said}");
}
