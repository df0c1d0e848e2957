//! Lines as they are typed, for the help of every command.

/// The line above a command's examples.
const HEAD: &str = "Examples:";

/// By a command's words, in their order: lines without the program's name.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("alert change", &["alert change 3 --above 260"]),
    ("alert list", &["alert list"]),
    ("alert remove", &["alert remove 3", "alert remove --rung"]),
    ("alert set", &["alert set AAPL --above 260", "alert set BTC-USD --moved -5"]),
    ("alpaca do-not-exercise", &["alpaca do-not-exercise \"AAPL  271217C00190000\""]),
    ("alpaca exercise", &["alpaca exercise \"AAPL  271217C00190000\""]),
    ("alpaca set", &["alpaca set no_shorting true"]),
    ("alpaca settings", &["alpaca settings", "alpaca settings --json"]),
    ("audit export", &["audit export --to audit.csv"]),
    ("audit list", &["audit list --limit 20"]),
    ("audit verify", &["audit verify"]),
    (
        "backtest",
        &[
            "backtest sma_cross --set fast=10 --set slow=30",
            "backtest sma_cross --data bars.csv --trades trades.csv",
            "backtest sma_cross --set fast=5..50:5 --set slow=60 --top 5",
        ],
    ),
    ("backup", &["backup", "backup --to arbion-copy.db"]),
    ("balances", &["balances", "balances --account paper --json"]),
    ("bars", &["bars AAPL --limit 10", "bars BTC-USD --interval 1h --json"]),
    ("bot add", &["bot add mine --symbol AAPL --set fast=10"]),
    ("bot approve", &["bot approve mine"]),
    ("bot confirm", &["bot confirm mine 3"]),
    ("bot list", &["bot list"]),
    ("bot logs", &["bot logs mine --lines 20"]),
    ("bot new", &["bot new mine --example mean-revert"]),
    ("bot remove", &["bot remove mine"]),
    ("bot start", &["bot start mine"]),
    ("bot stop", &["bot stop mine --flatten"]),
    ("bot versions", &["bot versions mine"]),
    ("calendar", &["calendar", "calendar --date 2026-12-24", "calendar --year 2027"]),
    ("chain", &["chain AAPL --right put", "chain SPY --expiry 2026-12-18"]),
    ("coinbase addresses", &["coinbase addresses BTC"]),
    ("coinbase new-address", &["coinbase new-address BTC"]),
    ("coinbase oco", &["coinbase oco 0.5 BTC-USD --limit 90000 --stop 70000"]),
    ("coinbase twap", &["coinbase twap buy 0.6 BTC-USD --limit 81000 --minutes 60"]),
    ("completions", &["completions bash"]),
    ("config check", &["config check", "config check --config config.example.toml"]),
    ("config path", &["config path"]),
    ("config show", &["config show --json"]),
    ("connect", &["connect alpaca", "connect coinbase --live --name savings"]),
    ("connections", &["connections"]),
    ("demo", &["demo", "demo --replay shipped --speed 3600", "demo --script tour.arb"]),
    ("depth", &["depth AAPL"]),
    ("disconnect", &["disconnect alpaca"]),
    ("do", &["do \"buy 10 aapl at 231.50 gtc\"", "do \"sell half my tesla, trail 5%\"", "do \"cancel all\""]),
    ("doctor", &["doctor --json"]),
    ("engine logs", &["engine logs --lines 100"]),
    ("engine restart", &["engine restart"]),
    ("engine run", &["engine run"]),
    ("engine start", &["engine start"]),
    ("engine status", &["engine status"]),
    ("engine stop", &["engine stop"]),
    ("engine unit", &["engine unit"]),
    ("equity", &["equity --since 2026-01-02 --points 12"]),
    ("events add", &["events add AAPL 2027-01-28", "events add KO 2027-03-12 --dividend 0.51"]),
    ("events fund", &["events fund SPY"]),
    ("events import", &["events import dates.csv"]),
    ("events list", &["events list AAPL --all"]),
    ("events remove", &["events remove AAPL 2027-01-28"]),
    ("exits clear", &["exits clear AAPL"]),
    ("exits list", &["exits list"]),
    ("exits set", &["exits set AAPL --stop 5% --take 2r --trail 2atr"]),
    ("export bars", &["export bars AAPL --to aapl.csv", "export bars AAPL --interval 5m --to aapl.parquet"]),
    (
        "export trades",
        &["export trades --to trades.csv", "export trades --format json --since 2026-01-02 --to trades.json"],
    ),
    ("fills", &["fills --symbol AAPL --since 2026-11-02"]),
    ("flatten", &["flatten", "flatten --scope options --yes"]),
    ("groups", &["groups", "groups Information Technology"]),
    ("halt", &["halt"]),
    ("history", &["history --symbol AAPL --limit 20", "history --since 2026-11-02 --json"]),
    ("hyperliquid leverage", &["hyperliquid leverage ETH-PERP 3 --isolated"]),
    ("hyperliquid margin", &["hyperliquid margin ETH-PERP 250"]),
    ("hyperliquid reserve-requests", &["hyperliquid reserve-requests 1000"]),
    ("hyperliquid schedule-cancel", &["hyperliquid schedule-cancel 60", "hyperliquid schedule-cancel --off"]),
    ("hyperliquid twap", &["hyperliquid twap buy 2 ETH-PERP --minutes 60"]),
    ("hyperliquid twap-cancel", &["hyperliquid twap-cancel ETH-PERP 77738308"]),
    ("import bars", &["import bars bars.csv --name mine"]),
    ("journal list", &["journal list --tag breakout --csv"]),
    ("journal note", &["journal note 12 \"bought the retest\""]),
    ("journal stats", &["journal stats --by tag"]),
    ("journal tag", &["journal tag 12 breakout", "journal tag 12 breakout --off"]),
    ("licenses", &["licenses serde", "licenses --sbom"]),
    ("limit list", &["limit list"]),
    ("limit set", &["limit set order_notional_max 5000"]),
    ("limit unlock", &["limit unlock"]),
    ("limit unset", &["limit unset order_notional_max"]),
    ("logs", &["logs --lines 100", "logs --follow"]),
    ("man", &["man", "man man-pages"]),
    ("mode", &["mode paper", "mode live --account alpaca"]),
    ("movers", &["movers --by losers --limit 10"]),
    ("news", &["news AAPL", "news AAPL TSLA --limit 5", "news --json"]),
    ("note add", &["note add AAPL earnings on Thursday"]),
    ("note list", &["note list", "note list AAPL", "note list --csv"]),
    ("note remove", &["note remove AAPL", "note remove AAPL 3"]),
    ("note set", &["note set 12 \"bought the retest\""]),
    ("order cancel", &["order cancel 12", "order cancel --symbol AAPL --side buy", "order cancel --all"]),
    ("order list", &["order list", "order list --all --symbol AAPL"]),
    (
        "order place",
        &[
            "order place buy 10 AAPL --limit 185 --tif gtc",
            "order place buy AAPL --notional 250",
            "order place sell 100 TSLA --trail-percent 5",
            "order place buy 100 MSFT --limit 410 --take-profit 430 --stop-loss 400",
            "order place buy 10 AAPL --exit stop=5% --exit take=2r --exit trail=3%",
            "order place sto 2 AAPL --expiry 2027-12-17 --strike 190 --right put --limit 2.35",
            "order place buy 1 \"AAPL  271217C00190000\" --limit 12.40",
            "order place buy 1 --leg \"buy 1 SPY 271217C00500000\" --leg \"sell 1 SPY 271217C00510000\" --debit 3.20",
        ],
    ),
    (
        "order preview",
        &[
            "order preview buy 10 AAPL --limit 185",
            "order preview sto 2 AAPL --expiry 2027-12-17 --strike 190 --right put --limit 2.35",
        ],
    ),
    ("order replace", &["order replace 12 --limit 186.50", "order replace 12 --quantity 50 --tif gtc"]),
    (
        "order settle",
        &[
            "order settle 12 --as filled --price 185.20 --reason \"on the broker's website\"",
            "order settle 12 --is 1001234567 --reason \"the order of 10:31 there\"",
            "order settle 12 --as never-reached --reason \"the broker's desk says so\"",
        ],
    ),
    ("order show", &["order show 12"]),
    ("override", &["override alpaca"]),
    ("paper advance", &["paper advance 1d"]),
    ("paper assign", &["paper assign \"AAPL  271217P00190000\" --contracts 1"]),
    ("paper do-not-exercise", &["paper do-not-exercise \"AAPL  271217C00190000\""]),
    ("paper expire", &["paper expire"]),
    (
        "parse",
        &[
            "parse \"sto 2 AAPL jan 15 2027 190p @ 2.35 gtc\"",
            "parse --explain \"sell half my tesla, trail 5%\"",
        ],
    ),
    ("pnl", &["pnl --since 2026-01-02", "pnl --symbol AAPL --json"]),
    ("positions", &["positions", "positions --account paper --json"]),
    ("profile create", &["profile create alice"]),
    ("profile delete", &["profile delete alice"]),
    ("profile disable", &["profile disable alice"]),
    ("profile enable", &["profile enable alice"]),
    ("profile list", &["profile list"]),
    ("profile lock", &["profile lock"]),
    ("profile passwd", &["profile passwd"]),
    ("profile rename", &["profile rename alice alicia"]),
    ("profile role", &["profile role alice admin"]),
    ("profile show", &["profile show alice"]),
    ("profile unlock", &["profile unlock"]),
    ("quote", &["quote AAPL BTC-USD EUR/USD", "quote \"AAPL  271217C00190000\""]),
    ("reconcile", &["reconcile", "reconcile alpaca"]),
    ("restore", &["restore arbion-copy.db"]),
    ("resume", &["resume"]),
    ("risk", &["risk", "risk desk"]),
    ("rotate", &["rotate alpaca"]),
    ("search", &["search berkshire"]),
    ("secret delete", &["secret delete brokers.alpaca.secret"]),
    ("secret list", &["secret list"]),
    ("secret move", &["secret move ssh --key id_ed25519"]),
    ("secret rotate", &["secret rotate brokers.alpaca.secret"]),
    ("secret set", &["secret set brokers.alpaca.secret"]),
    ("secret test", &["secret test brokers.alpaca.secret"]),
    ("self verify", &["self verify --checksums SHA256SUMS --key arbion.pub"]),
    ("strategy add", &["strategy add trend sma_cross AAPL --set fast=10 --limit capital=5000"]),
    ("strategy confirm", &["strategy confirm trend 3"]),
    ("strategy explain", &["strategy explain trend --limit 20"]),
    ("strategy kinds", &["strategy kinds", "strategy kinds sma_cross"]),
    ("strategy list", &["strategy list"]),
    ("strategy pause", &["strategy pause trend"]),
    ("strategy plan", &["strategy plan trend"]),
    ("strategy remove", &["strategy remove trend"]),
    ("strategy set", &["strategy set trend --set fast=12"]),
    ("strategy start", &["strategy start trend"]),
    ("strategy stop", &["strategy stop trend --flatten"]),
    ("strategy unlock", &["strategy unlock trend"]),
    ("tax choose", &["tax choose 42 12 17"]),
    ("tax gains", &["tax gains --year 2026 --csv"]),
    ("tax lots", &["tax lots --method fifo"]),
    ("tax summary", &["tax summary --year 2026"]),
    ("vault recovery", &["vault recovery"]),
    ("vault rekey", &["vault rekey"]),
    ("vault status", &["vault status"]),
    ("verify", &["verify alpaca"]),
    ("watchlist add", &["watchlist add tech NVDA AMD"]),
    ("watchlist drop", &["watchlist drop tech AMD"]),
    ("watchlist list", &["watchlist list"]),
    ("watchlist move", &["watchlist move tech --back"]),
    ("watchlist remove", &["watchlist remove tech"]),
    ("watchlist rename", &["watchlist rename tech chips"]),
    ("watchlist set", &["watchlist set tech AAPL MSFT NVDA"]),
    ("watchlist show", &["watchlist show tech"]),
];

/// The whole tree of commands with their examples. What stands behind the options already stays, in front of them.
pub(super) fn with_examples(command: clap::Command) -> clap::Command {
    beneath(command, "")
}

fn beneath(command: clap::Command, path: &str) -> clap::Command {
    let command = command.mut_subcommands(|inner| {
        let path = if path.is_empty() {
            inner.get_name().to_owned()
        } else {
            format!("{path} {}", inner.get_name())
        };
        beneath(inner, &path)
    });
    let Ok(at) = EXAMPLES.binary_search_by(|(known, _)| (*known).cmp(path)) else { return command };
    let mut text = command.get_after_help().map(|said| format!("{said}\n\n")).unwrap_or_default();
    text.push_str(HEAD);
    for line in EXAMPLES[at].1 {
        text.push_str("\n  arbion ");
        text.push_str(line);
    }
    command.after_help(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a line as a shell cuts them.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::from("arbion")];
        for (at, piece) in line.split('"').enumerate() {
            if at % 2 == 1 {
                words.push(piece.to_owned());
            } else {
                words.extend(piece.split_whitespace().map(str::to_owned));
            }
        }
        words
    }

    fn leaves(command: &clap::Command, path: &str, all: &mut Vec<String>) {
        let mut inner = command.get_subcommands().filter(|inner| inner.get_name() != "help").peekable();
        if inner.peek().is_none() {
            all.push(path.to_owned());
        }
        for inner in inner {
            leaves(inner, format!("{path} {}", inner.get_name()).trim(), all);
        }
    }

    #[test]
    fn every_command_has_examples_that_it_takes() {
        assert!(EXAMPLES.is_sorted_by(|a, b| a.0 < b.0));
        let mut wanted = Vec::new();
        leaves(&crate::cli::args::command(), "", &mut wanted);
        wanted.sort_unstable();
        let known: Vec<&str> = EXAMPLES.iter().map(|(path, _)| *path).collect();
        assert_eq!(known, wanted);
        for (path, lines) in EXAMPLES {
            for line in *lines {
                assert!(line.starts_with(path), "{line} is no example of {path}");
                let read = crate::cli::args::command().try_get_matches_from(words(line));
                assert!(read.is_ok(), "{line}: {}", read.err().map(|e| e.to_string()).unwrap_or_default());
            }
        }
    }
}
