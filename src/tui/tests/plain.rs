//! Plain lines: the same review and the same word, without a screen.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use zeroize::Zeroizing;

use super::harness::options;
use super::{scripted, trading_day};
use crate::client::secret::Secret;
use crate::client::{Reply, Request, SessionError};
use crate::domain::alert::{Alert, AlertId, AlertWhen};
use crate::domain::instrument::Symbol;
use crate::domain::quote::Feed;
use crate::domain::snapshot::{LogLine, Severity, Snapshot};
use crate::tui::plain::{For, Plain, Step};
use crate::tui::{Doing, Options};

struct Talk {
    plain: Plain,
    snapshot: Snapshot,
    asked: Vec<Request>,
    works: Vec<(u64, Doing)>,
    now: Duration,
    /// Time passes before each line: what was said is read meanwhile.
    reads: bool,
}

impl Talk {
    fn new(snapshot: Snapshot) -> Self {
        Self::with(options(), snapshot)
    }

    fn with(options: Options, snapshot: Snapshot) -> Self {
        let plain = Plain::new(&options, Arc::new(snapshot.clone())).unwrap();
        Self { plain, snapshot, asked: Vec::new(), works: Vec::new(), now: Duration::ZERO, reads: true }
    }

    /// What is said of a new picture.
    fn shown(&mut self, snapshot: Snapshot) -> String {
        self.snapshot = snapshot;
        self.plain.snapshot(Arc::new(self.snapshot.clone())).join("\n")
    }

    /// What comes back for a line.
    fn says(&mut self, line: &str) -> String {
        if self.reads {
            self.now += Duration::from_secs(1);
            self.plain.at(self.now);
        }
        let lines = match self.plain.line(Zeroizing::new(line.to_owned())) {
            Step::Say(lines) => lines,
            Step::Quit => vec!["(left)".to_owned()],
            Step::Work(number, doing) => {
                self.works.push((number, doing));
                self.plain.work_begun()
            }
            Step::Ask(request, what) => {
                let reply = match &*request {
                    Request::Unlock { passphrase: None } => Err(SessionError::PassphraseNeeded),
                    Request::Unlock { passphrase: Some(words) }
                        if *words == Secret::new("pass words".to_owned()) =>
                    {
                        Ok(Reply::Done("unlocked".to_owned()))
                    }
                    Request::Unlock { .. } => Err(SessionError::Locked(
                        "the passphrase does not open /p/identity.age; wait 2 s".to_owned(),
                    )),
                    request => scripted::answer(request, &self.snapshot),
                };
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
fn what_is_pasted_with_its_answer_sends_nothing() {
    let mut talk = Talk::new(trading_day::snapshot());
    talk.reads = false;
    for line in ["buy 10 aapl at 231.50", "halt"] {
        talk.says(line);
        for _ in 0..3 {
            assert_eq!(talk.says("yes"), "Nobody reads so fast: nothing was sent. Type yes to do it.");
        }
        assert_eq!(talk.says("no"), "Not sent.");
    }
    assert!(
        !talk.asked.iter().any(|request| matches!(request, Request::Execute { .. } | Request::Halt { .. }))
    );
    // Whoever then types it means it.
    talk.says("buy 10 aapl at 231.50");
    talk.says("yes");
    talk.reads = true;
    assert!(talk.says("yes").starts_with("order 90 buy 10 AAPL: submitted"));
    assert_eq!(talk.sent(), 1);
}

#[test]
fn long_answers_come_in_parts_and_a_chain_around_the_price() {
    let mut talk = Talk::new(trading_day::snapshot());
    assert_eq!(talk.says("more"), "That was all.");
    let ask = Request::Chain { underlying: Symbol::new("AAPL").unwrap(), expiry: None, right: None };
    let chain = || match scripted::answer(&ask, &trading_day::snapshot()) {
        Ok(Reply::Chain(chain)) => chain,
        other => panic!("{other:?}"),
    };
    let mut small = chain();
    small.rows[0].delta = Some(-0.001);
    let said = talk.plain.reply(For::Sent("chain".to_owned()), Ok(Reply::Chain(small)));
    assert_eq!((said[0].as_str(), said.len()), ("AAPL 231.80", 27), "{said:?}");
    assert!(said[1].ends_with("delta 0.00 open 1204") && said[2].contains("delta -0.48"), "{said:?}");
    // Of several expiries the first, and how to see another one.
    let mut both = chain();
    let mut later = both.rows.clone();
    later.iter_mut().for_each(|row| row.contract.expiry = both.expiries[1]);
    both.rows.extend(later);
    let said = talk.plain.reply(For::Sent("chain".to_owned()), Ok(Reply::Chain(both)));
    assert_eq!(said[1], "Expiries: 27 nov 26, 18 dec 26, 15 jan 27.");
    assert_eq!(said[2], "Here the first around the price; another one by its day: chain aapl 18 dec 26.");
    assert!(said[3..].iter().all(|line| line.contains("27Nov26")), "{said:?}");
    let line = |n: usize| format!("line {n}");
    let first = talk.plain.page((1..=100).map(line).collect());
    assert_eq!((first.len(), first[40].as_str()), (41, "60 more lines: type more."));
    assert!(talk.says("more").starts_with("line 41\n") && talk.says("more").ends_with("\nline 100"));
    assert_eq!(talk.says("more"), "That was all.");
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
        ("show orders", "order 42 buy 10 AAPL: submitted, filled 0, limit 231.50 day"),
        ("show risk", "in another terminal: arbion risk"),
        ("alerts", "alert 1 TSLA below 330, waits"),
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
    assert_eq!(told, ["13:45:10 EST filled evil"]);
    assert!(talk.plain.snapshot(Arc::new(talk.snapshot.clone())).is_empty());
}

#[test]
fn work_goes_on_beside_the_lines() {
    let works: crate::tui::WorksRef = Arc::new(super::work::Program);
    let mut talk = Talk::with(Options { works: Some(works), ..options() }, trading_day::snapshot());
    assert!(talk.says("backtest").contains("a strategy is missing"));
    assert_eq!(talk.says("work"), "Nothing is under way.");
    let begun = talk.says("backtest sma_cross");
    assert!(begun.starts_with("Under way: run sma_cross over recorded bars."), "{begun}");
    let (number, doing) = talk.works[0].clone();
    doing.progress.set_total(1_000);
    doing.progress.add_done(250);
    talk.plain.at(Duration::from_secs(1));
    assert_eq!(talk.says("work"), "run sma_cross over recorded bars: 250 of 1,000, 250/s, 3 s left");
    // Other lines are answered meanwhile.
    assert!(talk.says("quotes").contains("AAPL"));
    let said = talk.plain.work_ended(number, Ok("equity  \u{1b}[31m112,345.00".to_owned())).join("\n");
    assert_eq!(said, "Done: run sma_cross over recorded bars\nequity  112,345.00");
    assert_eq!(talk.says("work"), said);
    talk.says("backtest dca");
    assert_eq!(talk.says("end work"), "Ending: 1.");
    assert!(talk.works[1].1.progress.ends());
    let said = talk.plain.work_ended(talk.works[1].0, Err("it was ended".to_owned()));
    assert_eq!(said, ["run dca over recorded bars: it was ended"]);
    for _ in 0..4 {
        talk.says("backtest grid");
    }
    assert!(talk.says("backtest grid").starts_with("As many as can be"));
    assert_eq!(talk.works.len(), 6);
}

#[test]
fn a_locked_one_says_nothing_and_takes_the_passphrase_alone() {
    for how in ["lock", "\u{c}"] {
        let mut talk = Talk::new(trading_day::snapshot());
        talk.says("buy 10 aapl at 231.50");
        let locked = talk.says(how);
        assert!(locked.ends_with("Type the passphrase of profile alice."), "{locked}");
        // Neither the order that waited for its word, nor anything else.
        for line in ["yes", "quotes", "show positions", "halt", "quit", "help"] {
            let said = talk.says(line);
            assert_eq!(said, "That does not open it; wait 2 s.", "{line}");
        }
        assert_eq!(talk.sent(), 0);
        assert_eq!(talk.says(""), "Type the passphrase of this profile's vault.");
        let told = format!("{:?}", talk.asked);
        assert!(!told.contains("quotes") && !told.contains("pass words"), "a secret shows nothing of itself");
        assert_eq!(talk.says("pass words"), "Unlocked.");
        assert!(talk.says("quotes").contains("AAPL"));
        talk.says("yes");
        assert_eq!(talk.sent(), 0, "what waited for a word is forgotten");
    }
}

#[test]
fn it_locks_after_idle_minutes() {
    let lock_after = Some(Duration::from_secs(300));
    let mut talk = Talk::with(Options { lock_after, ..options() }, trading_day::snapshot());
    talk.plain.at(Duration::from_secs(299));
    assert!(talk.plain.tick().is_empty());
    talk.says("quotes");
    assert_eq!(talk.plain.locks_at(), Some(Duration::from_secs(599)));
    talk.plain.at(Duration::from_secs(600));
    assert!(talk.plain.tick()[0].starts_with("Locked;"));
    assert!(talk.plain.tick().is_empty() && talk.plain.locks_at().is_none(), "it locks once");
}

#[test]
fn a_locked_one_tells_of_alerts_by_name_and_of_the_rest_afterwards() {
    let mut talk = Talk::new(trading_day::snapshot());
    let mut next = talk.snapshot.clone();
    let mut alert = Alert {
        id: AlertId(1),
        instrument: trading_day::instrument("AAPL"),
        when: AlertWhen::Above,
        value: 12_345.into(),
        created_at: next.now,
        fired_at: None,
        fired_price: None,
    };
    next.seq += 1;
    next.alerts = Arc::new(vec![alert.clone()]);
    talk.shown(next.clone());
    talk.says("lock");
    alert.fired_at = Some(next.now + SignedDuration::from_secs(1));
    next.seq += 1;
    next.alerts = Arc::new(vec![alert]);
    let text = "order 42 buy 10 AAPL: filled".to_owned();
    let line = LogLine { at: next.now, severity: Severity::Info, code: "ORDER_FILLED".into(), text };
    next.log = Arc::new(next.log.iter().cloned().chain([line]).collect());
    assert_eq!(talk.shown(next.clone()), "An alert on AAPL has rung");
    talk.says("pass words");
    next.seq += 1;
    assert!(talk.shown(next).contains("order 42 buy 10 AAPL: filled"), "it was not forgotten");
}

#[test]
fn it_goes_with_the_lock_of_its_profile() {
    let open = trading_day::snapshot();
    let mut locked = open.veiled();
    (locked.seq, locked.locked) = (open.seq + 1, true);
    let mut talk = Talk::new(open.clone());
    assert!(talk.shown(locked.clone()).starts_with("Locked with the profile"));
    assert_eq!(talk.says("quotes"), "That does not open it; wait 2 s.");
    let again = Snapshot { seq: open.seq + 2, ..open };
    assert_eq!(talk.shown(again), "Unlocked with the profile.");
    assert!(talk.says("quotes").contains("AAPL"));
    let first = Talk::new(locked).plain.greeting().join("\n");
    assert!(first.ends_with("Type the passphrase of profile alice.") && !first.contains("PAPER"), "{first}");
}

#[test]
fn where_prices_come_from_is_said() {
    let mut snapshot = trading_day::snapshot();
    assert!(Talk::new(snapshot.clone()).plain.greeting()[0].ends_with("Prices: SIM."));
    let mut quotes = snapshot.quotes.as_ref().clone();
    for (instrument, quote) in &mut quotes {
        if instrument.asset_class().trades_around_the_clock() {
            quote.feed = Feed::RealTime;
        }
    }
    snapshot.quotes = Arc::new(quotes);
    let mut talk = Talk::new(snapshot);
    let first = talk.plain.greeting().join("\n");
    assert!(first.contains("Prices: SIM for shares, options, fx; REAL-TIME for coins."), "{first}");
    let quotes = talk.says("quotes");
    assert!(quotes.contains("ask 231.81 SIM") && quotes.contains("ask 98,411.00 REAL-TIME"), "{quotes}");
}

#[test]
fn notes_are_written_and_read_in_plain_lines() {
    use crate::domain::note::{NoteChange, NoteId, SymbolNote};
    let mut snapshot = trading_day::snapshot();
    let aapl = crate::domain::instrument::Instrument::equity("AAPL").unwrap();
    let text = "earnings on Thursday".to_owned();
    snapshot.notes =
        Arc::new(vec![SymbolNote { id: NoteId(1), instrument: aapl.clone(), at: snapshot.now, text }]);
    let mut talk = Talk::new(snapshot);
    assert!(talk.says("notes").ends_with(": earnings on Thursday"));
    assert!(talk.says("notes aapl").starts_with("AAPL, "));
    assert_eq!(talk.says("notes msft"), "No notes on MSFT.");
    assert_eq!(talk.says("note aapl"), "note: found no text, allowed 1 to 500 characters");
    talk.says("note aapl sell 100 at 1");
    let change = NoteChange::Add { instrument: aapl, text: "sell 100 at 1".to_owned() };
    assert_eq!(talk.asked.last(), Some(&Request::NoteSymbol(change)));
    assert_eq!(talk.sent(), 0);
}
