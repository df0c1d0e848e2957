//! The form of a strategy, and what it sends.

use super::harness::Runner;
use super::scripted;
use crate::client::message::StrategyRequest;
use crate::client::{Reply, Request};
use crate::domain::exit::ExitPlan;
use crate::domain::strategy::{KindView, ParamView, StrategyChange, StrategyEdit, StrategySpec};
use crate::tui::panes::PaneKind;

/// The pane alone, over an engine that knows one kind with one parameter.
fn pane(size: (u16, u16)) -> Runner {
    let mut runner = Runner::new(size);
    runner.answer = Box::new(|request, snapshot| match request {
        Request::Strategy(StrategyRequest::Kinds) => Ok(Reply::StrategyKinds(vec![kind()])),
        Request::Strategy(StrategyRequest::Change(_)) => Ok(Reply::Done("it is so".to_owned())),
        other => scripted::answer(other, snapshot),
    });
    runner.keys("ctrl-p").text(PaneKind::Strategies.tab()).keys("enter");
    if size.0 >= 100 {
        runner.keys("z");
    }
    runner
}

fn kind() -> KindView {
    KindView {
        name: "sma_cross".to_owned(),
        about: "one average over another".to_owned(),
        params: vec![ParamView {
            name: "fast".to_owned(),
            default: "10".to_owned(),
            allowed: "2 to 10000".to_owned(),
            choices: Vec::new(),
            about: "bars of the fast average".to_owned(),
        }],
    }
}

/// Goes to a field by its label, and puts a text in the place of what stands there.
fn fill(runner: &mut Runner, label: &str, text: &str) {
    for _ in 0..60 {
        let chosen = |line: &str| line.contains(&format!("▸{label} "));
        if runner.frame().lines().any(chosen) {
            runner.keys("ctrl-u").text(text);
            return;
        }
        runner.key("down");
    }
    panic!("no field {label} in\n{}", runner.frame());
}

fn changes(runner: &Runner) -> Vec<StrategyChange> {
    let changes = runner.asked.iter().filter_map(|request| match request {
        Request::Strategy(StrategyRequest::Change(change)) => Some(change.clone()),
        _ => None,
    });
    changes.collect()
}

fn added(runner: &Runner) -> StrategySpec {
    match changes(runner).as_slice() {
        [StrategyChange::Add { spec }] => (**spec).clone(),
        other => panic!("{other:?}"),
    }
}

fn edited(runner: &Runner) -> StrategyEdit {
    match changes(runner).as_slice() {
        [StrategyChange::Set { edit, .. }] => (**edit).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_strategy_has_the_exit_plan_that_its_form_says() {
    let mut runner = pane((120, 40));
    runner.keys("a enter").sees("new sma_cross");
    fill(&mut runner, "exit stop", "5%");
    fill(&mut runner, "exit take", "1r:0.5 2r:0.5");
    fill(&mut runner, "exit break_even", "yes");
    runner.keys("enter");
    let spec = added(&runner);
    assert_eq!(spec.exits, Some(ExitPlan::from_line("stop=5% take=1r:0.5 2r:0.5 break_even=yes").unwrap()));
    assert_eq!((spec.account, spec.adopt.len()), (runner.snapshot.default_account.clone(), 0));
    runner.misses("new sma_cross");
}

#[test]
fn a_form_that_says_no_exits_makes_a_strategy_without_and_adopts_what_it_is_told() {
    let mut runner = pane((80, 24));
    runner.keys("a enter").sees("exit stop");
    fill(&mut runner, "symbols", "aapl,msft");
    fill(&mut runner, "adopt", "msft");
    fill(&mut runner, "fast", "");
    runner.keys("enter");
    let spec = added(&runner);
    assert_eq!((spec.exits, spec.params.len()), (None, 0));
    assert_eq!(spec.adopt.iter().map(ToString::to_string).collect::<Vec<_>>(), ["MSFT"]);
}

/// One line says which part is wrong and what may stand there, and what was typed stays.
#[test]
fn a_wrong_part_of_a_plan_is_named_and_nothing_is_sent() {
    for (label, text, said) in [
        ("exit stop", "five", "exit stop: found 'five', allowed a price (180)"),
        ("exit trail_from", "1r", "need a trail"),
        ("exit by", "close", "exit by: found 'close', allowed mark, last or bid_ask"),
        ("account", "nobody", "account: found 'nobody', allowed"),
        ("symbols", "a b", "symbols"),
        ("interval", "2m", "interval"),
    ] {
        let mut runner = pane((120, 40));
        runner.keys("a enter");
        fill(&mut runner, label, text);
        runner.keys("enter").sees(said).sees("new sma_cross").sees(text);
        assert_eq!(changes(&runner), [], "{label}");
    }
}

#[test]
fn only_the_parts_that_were_changed_are_sent_and_an_emptied_one_goes() {
    let mut snapshot = super::trading_day::snapshot();
    let mut views = snapshot.strategies.to_vec();
    for view in &mut views {
        view.spec.kind = "sma_cross".into();
        view.spec.exits = Some(ExitPlan::from_line("stop=5% take=2r").unwrap());
    }
    snapshot.strategies = std::sync::Arc::new(views);
    let mut runner = pane((120, 40));
    runner.show(snapshot);
    runner.keys("i").sees("change ").sees("2r");
    fill(&mut runner, "exit take", "");
    fill(&mut runner, "exit sessions", "20");
    runner.keys("enter");
    let edit = edited(&runner);
    let exits: Vec<(&str, &str)> =
        edit.exits.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(exits, [("sessions", "20"), ("take", "")]);
    assert_eq!((edit.account, edit.params.len(), edit.rules.len()), (None, 0, 0));
}

#[test]
fn one_that_has_just_begun_says_when_it_will_have_looked() {
    let mut snapshot = super::trading_day::snapshot();
    let mut views = snapshot.strategies.to_vec();
    views[0].last_decision = None;
    views[0].next_due = Some(super::trading_day::now() + jiff::SignedDuration::from_mins(20));
    snapshot.strategies = std::sync::Arc::new(views);
    let mut runner = pane((200, 60));
    runner.show(snapshot).sees("no decision yet; it looks at ");
}

/// At 80 columns the reason is cut in its column: of the chosen one it stands below, with what the columns have no room for.
#[test]
fn the_chosen_strategy_is_told_in_full() {
    let mut runner = pane((80, 24));
    runner
        .sees("sma_cross on paper: AAPL; owns 100 AAPL; 0 orders work")
        .sees("the fast average is above the slow")
        .keys("down")
        .sees("grid on paper: BTC-USD; owns nothing")
        .sees("three losses in a row");
}

/// A line of the list may be cut; the chosen decision is there in full.
#[test]
fn the_chosen_decision_can_be_read_to_its_end() {
    let mut runner = pane((80, 24));
    runner.answer = Box::new(|request, snapshot| match request {
        Request::Strategy(StrategyRequest::Decisions { .. }) => {
            let mut record = snapshot.strategies.iter().find_map(|view| view.last_decision.clone()).unwrap();
            record.text = format!("bid=1.1 ask=1.55 {} max=the-end", "spread_pct=33.9 ".repeat(6));
            Ok(Reply::Decisions(vec![record]))
        }
        other => scripted::answer(other, snapshot),
    });
    runner.keys("enter").sees("max=the-end");
}
