//! The locked screen: nothing of the account in view, no key but those of its question, alerts by name, back-off told, the engine alone.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::harness::{Runner, options};
use super::trading_day;
use crate::client::secret::Secret;
use crate::client::{Reply, Request, SessionError};
use crate::domain::alert::{Alert, AlertId, AlertWhen};
use crate::tui::{Effect, Input};

/// An engine whose vault opens by these words alone.
fn guarded() -> Runner {
    let mut runner = Runner::new((120, 40));
    runner.answer = Box::new(|request, snapshot| match request {
        Request::Unlock { passphrase: None } => Err(SessionError::PassphraseNeeded),
        Request::Unlock { passphrase: Some(words) } if *words == Secret::new("pass words".to_owned()) => {
            Ok(Reply::Done("unlocked".to_owned()))
        }
        Request::Unlock { .. } => {
            Err(SessionError::Locked("the passphrase does not open /p/identity.age; wait 2 s".to_owned()))
        }
        request => super::scripted::answer(request, snapshot),
    });
    runner
}

#[test]
fn nothing_of_the_account_is_on_a_locked_screen_at_any_size() {
    for size in [(80, 24), (120, 40), (200, 60), (20, 5), (8, 2)] {
        let mut runner = Runner::new(size);
        let open = runner.frame();
        runner.keys("ctrl-l");
        let locked = runner.frame();
        assert_ne!(open, locked);
        for word in ["AAPL", "MSFT", "231", "Quotes", "Orders", "working", "equity", "$"] {
            assert!(!locked.contains(word), "{word} at {size:?}:\n{locked}");
        }
        if size.0 >= 20 {
            assert!(locked.contains("PAPER"), "{locked}");
        }
    }
    let mut runner = guarded();
    runner.keys("ctrl-l");
    insta::assert_snapshot!("locked_120x40", runner.frame());
}

#[test]
fn no_key_acts_but_those_of_the_question() {
    let mut runner = guarded();
    runner.keys("ctrl-l");
    let (asked, effects) = (runner.asked.len(), runner.effects.len());
    let locked = runner.frame();
    runner.keys("ctrl-k ctrl-c ctrl-c ctrl-z ctrl-p ctrl-r ctrl-t alt-0 tab f1 f10 esc");
    assert_eq!(runner.frame(), locked);
    runner.text("q b s : 1 buy 10 aapl").paste("halt").keys("up down esc");
    assert_eq!(runner.frame(), locked, "what was typed is taken back by Esc");
    runner.input(Input::Mouse(crossterm::event::MouseEvent {
        kind: crossterm::event::MouseEventKind::Down(crossterm::event::MouseButton::Left),
        column: 5,
        row: 5,
        modifiers: crossterm::event::KeyModifiers::NONE,
    }));
    assert_eq!((runner.asked.len(), runner.effects.len()), (asked, effects), "{:?}", runner.effects);
}

#[test]
fn the_passphrase_opens_it_and_a_wrong_one_is_told_to_wait() {
    let mut runner = guarded();
    runner.keys("ctrl-l enter").sees("Type the passphrase");
    runner.text("wrong words").sees("Passphrase: ***********").misses("wrong").keys("enter");
    runner.sees("does not open it; wait 2 s").misses("identity.age").sees("Passphrase: _");
    runner.text("pass wordz").keys("backspace").text("s").keys("enter").sees("AAPL").sees("Quotes");
    let said: Vec<String> = runner.asked.iter().map(|request| format!("{request:?}")).collect();
    assert!(said.iter().all(|line| !line.contains("pass words")), "a secret shows nothing of itself");
    // By a paste too, as from a keeper of passwords; it does not press Enter.
    runner.keys("ctrl-l").paste("pass words\n").sees("Locked").keys("enter").sees("AAPL");
}

#[test]
fn what_was_about_to_be_confirmed_is_not_there_afterwards() {
    let mut runner = guarded();
    runner.keys(":").text("buy 10 aapl").keys("enter").sees("Review order").wait(200);
    runner.keys("ctrl-l").text("pass words").keys("enter").sees("AAPL").misses("Review order");
    runner.keys("enter enter");
    assert!(runner.executed().is_empty());
}

#[test]
fn it_locks_after_idle_minutes_and_never_without_them() {
    let mut options = options();
    options.lock_after = Some(Duration::from_secs(300));
    let mut runner = Runner::with(options, trading_day::snapshot(), (120, 40));
    runner.wait(299_000).misses("Locked").keys("2").wait(299_000).misses("Locked");
    assert!(runner.screen.next_wake().unwrap() <= runner.now + Duration::from_secs(1));
    // Prices that come are no sign of a trader.
    let snapshot = trading_day::moved(&runner.snapshot.clone(), 1, 20);
    runner.show(snapshot).wait(1_000).sees("Locked");
    let mut runner = Runner::new((120, 40));
    runner.wait(86_400_000).misses("Locked");
}

#[test]
fn v10_a_half_typed_passphrase_is_forgotten() {
    let mut runner = guarded();
    runner.keys("ctrl-l").text("pass").wait(239_000).sees("Passphrase: ****_").text(" wo");
    runner.wait(239_000).sees("Passphrase: *******_");
    assert!(runner.screen.next_wake().unwrap() <= runner.now + Duration::from_secs(1));
    runner.wait(1_000).sees("Passphrase: _").sees("Locked");
    runner.text("pass words").keys("enter").sees("AAPL");
}

#[test]
fn alerts_ring_by_name_and_without_figures() {
    let mut runner = guarded();
    let mut snapshot = runner.snapshot.as_ref().clone();
    let instrument = snapshot.watchlists[0].instruments[0].clone();
    let mut alert = Alert {
        id: AlertId(1),
        instrument,
        when: AlertWhen::Above,
        value: 12_345.into(),
        created_at: snapshot.now,
        fired_at: None,
        fired_price: None,
    };
    snapshot.seq += 1;
    snapshot.alerts = Arc::new(vec![alert.clone()]);
    runner.show(snapshot.clone()).keys("ctrl-l");
    alert.fired_at = Some(snapshot.now + SignedDuration::from_secs(1));
    snapshot.seq += 1;
    snapshot.alerts = Arc::new(vec![alert]);
    runner.show(snapshot).sees("1 alert has rung: AAPL").misses("12,345").misses("12345");
    let rung: Vec<&String> = runner
        .effects
        .iter()
        .filter_map(|effect| if let Effect::Notify(text) = effect { Some(text) } else { None })
        .collect();
    assert_eq!(rung, ["An alert on AAPL has rung"]);
}

#[test]
fn a_screen_goes_with_the_lock_of_its_profile() {
    let mut runner = guarded();
    let open = runner.snapshot.as_ref().clone();
    let mut locked = open.veiled();
    (locked.seq, locked.locked) = (open.seq + 1, true);
    runner.show(locked.clone()).sees("Locked").misses("AAPL");
    let mut again = open.clone();
    again.seq = open.seq + 2;
    runner.show(again.clone()).misses("Locked").sees("AAPL");
    // A screen that was locked by its trader stays so when the profile is opened elsewhere.
    runner.keys("ctrl-l");
    (locked.seq, again.seq) = (open.seq + 3, open.seq + 4);
    runner.show(locked).show(again).sees("Locked");
}
