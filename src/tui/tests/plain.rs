//! Plain lines: the same review and the same word, without a screen.

use std::sync::Arc;

use super::harness::options;
use super::{scripted, trading_day};
use crate::client::Request;
use crate::domain::snapshot::{LogLine, Severity, Snapshot};
use crate::tui::plain::{Plain, Step};

struct Talk {
    plain: Plain,
    snapshot: Snapshot,
    asked: Vec<Request>,
}

impl Talk {
    fn new(snapshot: Snapshot) -> Self {
        let plain = Plain::new(&options(), Arc::new(snapshot.clone())).unwrap();
        Self { plain, snapshot, asked: Vec::new() }
    }

    /// What comes back for a line.
    fn says(&mut self, line: &str) -> String {
        let lines = match self.plain.line(line) {
            Step::Say(lines) => lines,
            Step::Quit => vec!["(left)".to_owned()],
            Step::Ask(request, what) => {
                let reply = scripted::answer(&request, &self.snapshot);
                self.asked.push(*request);
                self.plain.reply(what, reply)
            }
        };
        lines.join("\n")
    }

    fn sent(&self) -> usize {
        self.asked
            .iter()
            .filter(|request| matches!(request, Request::Execute { confirmation_hash: Some(_), .. }))
            .count()
    }
}

#[test]
fn an_order_is_shown_and_goes_after_a_word() {
    let mut talk = Talk::new(trading_day::snapshot());
    let shown = talk.says("buy 10 aapl at 231.50");
    assert!(
        shown.contains("BUY 10 AAPL")
            && shown.contains("buying power")
            && shown.ends_with("anything else to leave it."),
        "{shown}"
    );
    assert!(shown.is_ascii() && !shown.contains('\u{1b}'), "{shown}");
    assert_eq!((talk.says("y"), talk.sent()), ("Not sent.".to_owned(), 0));
    talk.says("buy 10 aapl at 231.50");
    assert!(talk.says("yes").starts_with("order 90 buy 10 AAPL: submitted"));
    assert_eq!(talk.sent(), 1);
    assert!(!talk.says("yes").contains("order 90"), "a second yes sends nothing");
    assert_eq!(talk.sent(), 1);
}

#[test]
fn live_orders_want_the_symbol() {
    let mut talk = Talk::new(trading_day::live());
    assert!(talk.says("buy 10 aapl").ends_with("Type AAPL to send it, anything else to leave it."));
    assert_eq!((talk.says("yes"), talk.sent()), ("Not sent.".to_owned(), 0));
    talk.says("buy 10 aapl");
    talk.says("aapl");
    assert_eq!(talk.sent(), 1);
}

#[test]
fn what_risk_denies_cannot_be_sent_and_changes_are_asked_about() {
    let mut talk = Talk::new(trading_day::snapshot());
    assert!(talk.says("buy 900 aapl at 231").ends_with("Risk says no; nothing can be sent."));
    talk.says("yes");
    assert_eq!(talk.sent(), 0);
    assert!(talk.says("halt").ends_with("Type yes to do it, anything else to leave it."));
    assert!(!talk.asked.iter().any(|request| matches!(request, Request::Halt { .. })));
    talk.says("yes");
    assert!(talk.asked.iter().any(|request| matches!(request, Request::Halt { .. })));
}

#[test]
fn what_there_is_is_said_in_lines() {
    let mut talk = Talk::new(trading_day::snapshot());
    for (line, expected) in [
        ("help", "quit: leave"),
        ("quotes", "AAPL last 231.80 +0.84% bid 231.79 ask 231.81"),
        ("show positions", "100 AAPL at 228.1, open gain +370.00"),
        ("show orders", "order 42 buy 10 AAPL: submitted, filled 0"),
        ("show balances", "equity 101,254.36"),
        ("show fills", "228.1"),
        ("buy some aapl", "How many shares of AAPL?"),
        ("quit", "(left)"),
    ] {
        let said = talk.says(line);
        assert!(said.contains(expected), "{line}: {said}");
    }
    assert_eq!(talk.says(""), "");
}

#[test]
fn news_is_told_once_and_clean() {
    let mut talk = Talk::new(trading_day::snapshot());
    assert!(
        talk.plain.snapshot(Arc::new(talk.snapshot.clone())).is_empty(),
        "what was logged before is no news"
    );
    let mut log = talk.snapshot.log.to_vec();
    let text = "filled \u{1b}[2J\u{202e}evil".to_owned();
    log.push(LogLine { at: talk.snapshot.now, severity: Severity::Info, code: "X".into(), text });
    talk.snapshot.log = Arc::new(log);
    let told = talk.plain.snapshot(Arc::new(talk.snapshot.clone()));
    assert_eq!(told, ["13:45:10 filled evil"]);
    assert!(talk.plain.snapshot(Arc::new(talk.snapshot.clone())).is_empty());
}
