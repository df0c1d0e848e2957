//! Work that takes long: started from the command bar, looked at, ended, and what came of it.

use std::sync::Arc;

use async_trait::async_trait;

use super::harness::{Runner, options};
use super::trading_day;
use crate::client::secret::Secret;
use crate::client::{Reply, Request, SessionError};
use crate::domain::snapshot::Connection;
use crate::tui::{Doing, Options, Works};

/// A program that understands three words.
pub struct Program;

#[async_trait]
impl Works for Program {
    fn understand(&self, line: &str) -> Option<Result<String, String>> {
        if let Some(broker) = line.strip_prefix("connect ") {
            return Some(Ok(format!("sign in at {broker}")));
        }
        if let Some(profile) = line.strip_prefix("profile ") {
            return Some(Ok(format!("go on as {profile}")));
        }
        let rest = line.strip_prefix("backtest")?;
        Some(match rest.trim() {
            "" => Err("a strategy is missing; see: arbion backtest --help".to_owned()),
            strategy => Ok(format!("run {strategy} over recorded bars")),
        })
    }

    async fn carry_out(&self, _: &Doing) -> Result<String, String> {
        Err("the runner does it".to_owned())
    }
}

fn runner(size: (u16, u16)) -> Runner {
    let options = Options { works: Some(Arc::new(Program)), ..options() };
    Runner::with(options, trading_day::snapshot(), size)
}

#[test]
fn a_backtest_runs_beside_the_screen() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut runner = runner(size);
        runner
            .keys(":")
            .text("backtest")
            .sees("a strategy is missing")
            .keys("enter")
            .sees("a strategy is missing");
        runner.text(" sma_cross").sees("run sma_cross over recorded bars").key("enter");
        let (_, doing) = runner.works[0].clone();
        assert_eq!((doing.line.as_str(), doing.columns), ("backtest sma_cross", size.0 - 8));
        doing.progress.set_total(1_000);
        doing.progress.add_done(250);
        runner.wait(1_000).sees("25%  250 of 1,000, 250/s, 3 s left  B shows it");
        // The screen goes on meanwhile.
        runner
            .keys("j B")
            .sees("Backtests, imports and exports")
            .sees("run sma_cross")
            .sees("c end it")
            .keys("esc");
        runner.work_ends(Ok("strategy  sma_cross\nequity    100,000.00 to 112,345.00"));
        runner.misses("112,345.00").sees("Done: run sma_cross over recorded bars");
        runner.keys("!").sees("112,345.00").keys("esc").misses("B shows it");
        runner.keys("B").sees("done in").keys("enter").sees("112,345.00");
    }
}

#[test]
fn what_is_waited_for_opens_by_itself_and_nothing_else_does() {
    let mut runner = runner((120, 40));
    runner.keys(":").text("backtest dca").key("enter").wait(3_000).work_ends(Ok("equity  1.00"));
    runner.sees("equity  1.00").keys("esc");
    runner.keys(":").text("backtest grid").key("enter").wait(50).keys("b").work_ends(Ok("equity  2.00"));
    runner.misses("equity  2.00").sees("Order ticket");
}

#[test]
fn work_is_ended_and_its_errors_are_said() {
    let mut runner = runner((120, 40));
    runner.keys(":").text("backtest dca").keys("enter B c");
    assert!(runner.works[0].1.progress.ends());
    runner.sees("is ending").work_ends(Err("it was ended before it was done"));
    runner.keys("esc").sees("run dca over recorded bars: it was ended before it was done");
    for _ in 0..5 {
        runner.keys(":").text("backtest dca").key("enter");
    }
    assert_eq!(runner.works.len(), 4);
    runner.sees("4 are under way already").wait(1_000).sees("and 3 more");
    runner.screen.end_work();
    assert!(runner.works.iter().all(|(_, doing)| doing.progress.ends()), "leaving waits for none");
    // The list of what was is bounded too.
    for _ in 0..20 {
        runner.work_ends(Ok("done")).keys("esc esc :").text("backtest dca").key("enter");
    }
    runner.keys("B").sees("run dca");
}

#[test]
fn what_comes_of_work_is_cleaned() {
    let mut runner = runner((120, 40));
    runner
        .keys(":")
        .text("backtest dca")
        .key("enter")
        .work_ends(Ok("red \u{1b}[31m\u{202e}equity\n  two   blanks"));
    runner.sees("red equity").sees("  two   blanks");
    assert!(!String::from_utf8_lossy(&runner.written).contains("\u{202e}"));
}

/// A login that has ended is a key away from a new one; before it ended it was only a line that is down.
#[test]
fn a_login_that_has_ended_is_signed_in_again_by_what_its_notice_offers() {
    let mut runner = runner((120, 40));
    let turned = |runner: &Runner, signed_out: bool| {
        let mut next = trading_day::moved(&runner.snapshot.clone(), 1, 0);
        let mut connections = next.connections.to_vec();
        connections.retain(|connection| connection.name != "alpaca live");
        let mut gone = Connection::new("alpaca live", false, "its token has ended; connect it again");
        gone.signed_out = signed_out;
        connections.push(gone);
        next.connections = Arc::new(connections);
        next
    };
    let down = turned(&runner, false);
    runner.show(down).sees("alpaca live").sees("!: show connections");
    let ended = turned(&runner, true);
    runner.show(ended).sees("its token has ended").sees("!: sign in again");
    let again = turned(&runner, true);
    runner.keys("esc esc esc").show(again).misses("sign in again");
    let ended = turned(&runner, false);
    runner.show(ended);
    let ended = turned(&runner, true);
    runner.show(ended).keys("!");
    assert_eq!(runner.works[0].1.line, "connect alpaca live");
    runner.keys("ctrl-p").text("connections").keys("enter G k enter").sees(": connect alpaca live");
}

/// A login whose keys lie in a shut vault waits for a passphrase, not for another program: a key asks for it here.
#[test]
fn a_shut_vault_is_opened_by_what_its_notice_offers() {
    for size in [(80, 24), (120, 40)] {
        let mut runner = runner(size);
        runner.answer = Box::new(|request, snapshot| match request {
            Request::Unlock { passphrase: Some(words) } if *words == Secret::new("pass words".to_owned()) => {
                Ok(Reply::Done("unlocked".to_owned()))
            }
            Request::Unlock { .. } => {
                Err(SessionError::Locked("it does not open /p/x.age; wait 2 s".to_owned()))
            }
            request => super::scripted::answer(request, snapshot),
        });
        let turned = |runner: &Runner, text: &str, vault_locked: bool| {
            let mut next = trading_day::moved(&runner.snapshot.clone(), 1, 0);
            let mut connections = next.connections.to_vec();
            connections.retain(|connection| connection.name != "alpaca live");
            let mut shut = Connection::new("alpaca live", false, text);
            shut.vault_locked = vault_locked;
            connections.push(shut);
            next.connections = Arc::new(connections);
            next
        };
        let down = turned(&runner, "connecting", false);
        runner.show(down).sees("!: show connections");
        let shut = turned(&runner, "its vault is locked", true);
        runner.show(shut).sees("!: open the vault").keys("!").sees("─ Open the vault");
        runner.text("wrong").misses("wrong").keys("enter").sees("That does not open it; wait 2 s.");
        runner.keys("enter").sees("Type the passphrase of this profile's vault.");
        runner.paste("pass wor").text("ds").sees("**********").misses("pass words").keys("enter");
        runner.sees("The vault is open.").misses("─ Open the vault");
        assert_eq!(runner.asked.iter().filter(|one| matches!(one, Request::Unlock { .. })).count(), 2);
        // Later it is found again where the connection is.
        runner
            .keys("ctrl-p")
            .text("connections")
            .keys("enter G k enter")
            .sees("─ Open the vault")
            .keys("esc");
        runner.misses("─ Open the vault");
    }
}

#[test]
fn profiles_are_listed_and_enter_goes_on_as_another() {
    for size in [(80, 24), (120, 40)] {
        let works: Option<Arc<dyn Works>> = Some(Arc::new(Program));
        let options =
            Options { works, chores: Some(Arc::new(|_| Ok(String::new()))), tour: false, ..options() };
        let mut runner = Runner::with(options, trading_day::snapshot(), size);
        runner.keys("ctrl-p").text("profiles").keys("enter").sees("─ Profiles 4");
        insta::assert_snapshot!(format!("profiles_listed_{}x{}", size.0, size.1), runner.frame());
        let row = |runner: &Runner, name: &str| {
            let frame = runner.frame();
            let line =
                frame.lines().find(|line| line.contains(name) && !line.contains("PAPER")).unwrap().to_owned();
            line.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
        };
        assert!(row(&runner, "bob").contains("bob standard locked runs"), "{}", row(&runner, "bob"));
        assert!(row(&runner, "dave").contains("dave standard disabled -"), "{}", row(&runner, "dave"));
        runner.keys("enter").sees("This is its screen.");
        assert!(runner.works.is_empty());
        runner.keys("/").text("carol").sees("─ Profiles 1").keys("enter enter");
        assert_eq!(runner.works[0].1.line, "profile carol");
    }
    let mut without = runner((120, 40));
    without.keys("ctrl-p").text("profiles").keys("enter").sees("what runs here is kept in no profile");
}
