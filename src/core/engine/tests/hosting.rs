//! The host and strategies that misbehave or are not ready; and what companies, accounts and people do that strategies must hear of.

use super::rig::*;
use super::strategies::{Hosted, refused, spec};
use crate::domain::corporate::{CorporateAction, CorporateActionKind, CorporateReport};
use crate::domain::option::{OptionContract, Right};
use crate::domain::quote::{Bar, Interval};
use crate::domain::strategy::{QuotesTold, StrategyChange, StrategyPhase, StrategyRules, StrategySpec};
use crate::strategies::KINDS;

fn of(kind: &str, name: &str) -> StrategySpec {
    StrategySpec { kind: kind.into(), params: Default::default(), ..spec(name) }
}

fn flood(orders: usize) -> StrategySpec {
    let rules = StrategyRules { orders_per_minute: 600, ..StrategyRules::default() };
    StrategySpec { params: [("orders".to_owned(), orders.to_string())].into(), rules, ..of("floods", "wild") }
}

/// What a strategy of the tests has written down.
fn heard(hosted: &Hosted, name: &str) -> Vec<String> {
    let state: serde_json::Value = serde_json::from_str(&hosted.disk.strategies[name].state).unwrap();
    let memory: serde_json::Value = serde_json::from_str(state["memory"].as_str().unwrap()).unwrap();
    memory["heard"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
}

fn live(hosted: &mut Hosted) {
    hosted.rig.engine.accounts.get_mut(&paper()).unwrap().setup.mode = AccountMode::Live;
}

fn units(hosted: &Hosted, name: &str, instrument: &Instrument) -> Quantity {
    let claims = hosted.view(name).claims;
    claims.iter().find(|claim| claim.instrument == *instrument).map(|c| c.quantity).unwrap_or_default()
}

fn corporate(hosted: &mut Hosted, kind: CorporateActionKind) {
    let action = CorporateAction {
        instrument: aapl(),
        ex_date: jiff::civil::date(2026, 11, 24),
        pay_date: None,
        kind,
    };
    let report = CorporateReport { account: paper(), at: hosted.rig.now, action };
    hosted.step(Input::Broker(Box::new(AccountEvent::Corporate(Box::new(report)))));
}

/// Something that moves units without an order.
fn moves(hosted: &mut Hosted, id: &str, instrument: &Instrument, units: i64, price: &str) {
    let OrderEvent::Filled(like) = fill(ClientOrderId::from_u128(1), id, Side::Buy, units.abs(), price)
    else {
        unreachable!()
    };
    let option = instrument.as_option().is_some();
    let execution = Execution {
        client_order_id: None,
        instrument: instrument.clone(),
        side: if units > 0 { Side::Buy } else { Side::Sell },
        multiplier: if option { Decimal::ONE_HUNDRED } else { Decimal::ONE },
        fee: Decimal::ZERO,
        kind: ExecutionKind::CorporateAction,
        at: hosted.rig.now,
        ..like
    };
    hosted.step(Input::Broker(Box::new(AccountEvent::Execution(execution))));
}

/// Each kind of the program as it says of itself; and one that is not ready gets no real money, at any door.
#[test]
fn a_kind_that_is_not_ready_for_real_money_gets_none() {
    let mut hosted = Hosted::new();
    live(&mut hosted);
    for kind in KINDS {
        let params = if kind.name == "grid" { vec![("lower", "90"), ("upper", "110")] } else { Vec::new() };
        let params = params.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let outcome = hosted.add(StrategySpec { params, ..of(kind.name, kind.name) });
        assert_eq!(
            matches!(outcome, Outcome::Refused(_)),
            kind.paper_only.is_some(),
            "{}: {outcome:?}",
            kind.name
        );
    }
    // One that has to know what companies do gets none where no broker says it.
    let setup = &mut hosted.rig.engine.accounts.get_mut(&paper()).unwrap().setup;
    setup.capabilities.corporate_actions = false;
    for kind in KINDS.iter().filter(|kind| kind.paper_only.is_none()) {
        let params = if kind.name == "grid" { vec![("lower", "90"), ("upper", "110")] } else { Vec::new() };
        let params = params.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let outcome = hosted.add(StrategySpec { params, ..of(kind.name, &format!("{}-2", kind.name)) });
        let refused = matches!(&outcome, Outcome::Refused(why) if why.contains("what companies do"));
        assert_eq!(refused, kind.name == "wheel", "{}: {outcome:?}", kind.name);
    }
    let why = "not_ready trades on paper only: it is made up";
    assert_eq!(refused(hosted.add(of("not_ready", "early"))), why);
    let mut hosted = Hosted::new();
    assert!(!matches!(hosted.add(of("not_ready", "early")), Outcome::Refused(_)));
    live(&mut hosted);
    assert_eq!(refused(hosted.start("early")), why);
}

#[test]
fn a_strategy_gone_wild_is_stopped_before_any_of_it_is_sent() {
    let mut hosted = Hosted::running_with(flood(50));
    hosted.bar(100);
    assert_eq!((hosted.phase("wild"), hosted.view("wild").reason), (StrategyPhase::Running, None));
    assert_eq!(hosted.disk.orders.len(), 50);
    for count in [51, 10_000] {
        let mut hosted = Hosted::running_with(flood(count));
        hosted.bar(100);
        assert_eq!((hosted.phase("wild"), hosted.sent.len()), (StrategyPhase::Faulted, 0), "{count}");
        assert_eq!(hosted.disk.orders.len(), 0, "{count}");
        let said = format!("it proposed {count} orders in one step, 50 are allowed; none was sent");
        assert_eq!(hosted.view("wild").reason, Some(said));
        // It stays so until a person starts it again.
        hosted.bar(101);
        let next = hosted.restarted();
        assert_eq!((next.phase("wild"), next.sent.len()), (StrategyPhase::Faulted, 0));
    }
}

#[test]
fn a_strategy_that_panics_has_failed_and_nothing_else_with_it() {
    let mut hosted = Hosted::running_with(of("panics", "buggy"));
    hosted.add(spec("trend"));
    hosted.start("trend");
    for price in [100, 99, 98, 101] {
        hosted.bar(price);
    }
    let view = hosted.view("buggy");
    assert_eq!((view.phase, hosted.phase("trend")), (StrategyPhase::Faulted, StrategyPhase::Running));
    assert_eq!(view.reason.as_deref(), Some("it has a bug: it panicked; see the log file"));
    assert_eq!(hosted.rig.said("STRATEGY_FAULTED"), 1);
    assert_eq!(hosted.sent.len(), 1, "the other one trades on");
    hosted.start("buggy");
    assert_eq!(hosted.phase("buggy"), StrategyPhase::Running);
}

#[test]
fn the_same_reason_not_to_act_is_written_once_in_a_quarter_of_an_hour() {
    let mut hosted = Hosted::running_with(of("skips", "calm"));
    // A bar a minute.
    for _ in 0..15 {
        hosted.bar(101);
    }
    assert_eq!(hosted.disk.decisions, ["SKIP"]);
    hosted.bar(101);
    assert_eq!(hosted.disk.decisions, ["SKIP", "SKIP"], "15 minutes have passed");
    // Another reason is written at once, and so is the first one after it.
    hosted.bar(99);
    hosted.bar(101);
    hosted.bar(101);
    assert_eq!(hosted.disk.decisions.len(), 4);
}

/// Prices come once a second, or each time where that is wanted.
#[test]
fn prices_are_told_as_often_as_the_strategy_wants_them() {
    let told = |quotes: QuotesTold| {
        let rules = StrategyRules { quotes, ..StrategyRules::default() };
        let mut hosted = Hosted::running_with(StrategySpec { rules, ..of("skips", "keen") });
        for price in ["101", "102", "103"] {
            hosted.rig.now += SignedDuration::from_millis(400);
            let mut quote = Quote::empty(aapl(), hosted.rig.now, Feed::Simulated);
            (quote.bid, quote.ask) = (price.parse().ok(), price.parse().ok());
            hosted.step(Input::Quote(Box::new(quote)));
        }
        // Nothing comes any more: the last price is told once its second is over.
        for millis in [100, 500, 1_000, 1_000] {
            hosted.rig.now += SignedDuration::from_millis(millis);
            hosted.step(Input::Tick);
        }
        let heard = heard(&hosted, "keen");
        heard.into_iter().filter(|it| it.starts_with("quote")).collect::<Vec<_>>()
    };
    assert_eq!(told(QuotesTold::Second), ["quote 101", "quote 103"]);
    assert_eq!(told(QuotesTold::All), ["quote 101", "quote 102", "quote 103"]);
}

/// A bar that cannot be is a gap, and said to be one.
#[test]
fn a_bad_bar_is_left_out_and_said() {
    let mut hosted = Hosted::running_with(of("skips", "calm"));
    let price = |text: &str| text.parse().unwrap();
    let bar = Bar {
        start: hosted.rig.now,
        open: price("100"),
        high: price("99"),
        low: price("98"),
        close: price("101"),
        volume: Decimal::ONE,
    };
    let (instrument, interval, feed) = (aapl(), Interval::Minute1, Feed::Simulated);
    hosted.step(Input::StrategyBar { instrument, interval, bar, feed });
    assert_eq!((hosted.disk.decisions.len(), hosted.rig.said("BAD_BAR")), (0, 1));
}

#[test]
fn a_strategy_hears_that_it_goes_on_and_that_its_account_has_changed() {
    let mut hosted = Hosted::running_with(of("floods", "keen"));
    assert_eq!(heard(&hosted, "keen"), ["Started"]);
    hosted.step(Input::BrokerStatus { account: paper(), up: true, reconciled: true });
    assert_eq!(heard(&hosted, "keen").len(), 1, "nothing has changed");
    hosted.step(Input::BrokerStatus { account: paper(), up: false, reconciled: false });
    hosted.step(Input::BrokerStatus { account: paper(), up: true, reconciled: true });
    hosted.step(Input::ReduceOnly { reason: "a test".to_owned() });
    hosted.step(Input::Resume { request: RequestId(9) });
    assert_eq!(heard(&hosted, "keen")[1..], ["AccountChanged"; 4]);
    hosted.ask(StrategyChange::Pause { name: "keen".into() });
    hosted.step(Input::ReduceOnly { reason: "a test".to_owned() });
    hosted.step(Input::Resume { request: RequestId(9) });
    hosted.start("keen");
    assert_eq!(heard(&hosted, "keen")[5..], ["Started", "Resumed"]);
    hosted.ask(StrategyChange::Stop { name: "keen".into(), flatten: false });
    hosted.start("keen");
    assert_eq!(heard(&hosted, "keen")[7..], ["Started"], "it was not paused");
}

/// Buys ten shares for a strategy that owns nothing yet.
fn owner(name: &str) -> Hosted {
    let mut hosted = Hosted::running_with(StrategySpec {
        params: [("orders".to_owned(), "1".to_owned())].into(),
        ..of("floods", name)
    });
    hosted.bar(100);
    hosted.fills("100");
    assert_eq!(hosted.owns(name), Quantity::from(1));
    hosted
}

#[test]
fn a_split_is_told_and_what_it_adds_is_the_owners() {
    let mut hosted = owner("mine");
    let before = heard(&hosted, "mine").len();
    corporate(&mut hosted, CorporateActionKind::Split { numerator: 4, denominator: 1 });
    moves(&mut hosted, "s1", &aapl(), 3, "0");
    assert_eq!(heard(&hosted, "mine")[before..], ["AAPL is split 4 for 1", "corporate_action 3 AAPL"]);
    assert_eq!(hosted.owns("mine"), Quantity::from(4));
    assert_eq!(hosted.restarted().owns("mine"), Quantity::from(4));
}

#[test]
fn a_symbol_change_renames_what_a_strategy_trades_and_owns() {
    let mut hosted = owner("mine");
    let new = Instrument::equity("AAPX").unwrap();
    corporate(&mut hosted, CorporateActionKind::SymbolChange { to: new.root().clone() });
    moves(&mut hosted, "r1", &aapl(), -1, "100");
    moves(&mut hosted, "r2", &new, 1, "100");
    for hosted in [&hosted, &hosted.restarted()] {
        assert_eq!((units(hosted, "mine", &aapl()), units(hosted, "mine", &new)), (Quantity::ZERO, 1.into()));
        assert_eq!(hosted.view("mine").spec.instruments, std::slice::from_ref(&new));
    }
    assert_eq!(hosted.rig.said("CLAIM_REDUCED"), 0);
    let last = heard(&hosted, "mine").split_off(2);
    // It begins anew under the new name, once it has heard of it.
    assert_eq!(last, ["AAPL trades as AAPX from now on", "Started"]);
}

#[test]
fn contracts_given_for_others_are_their_owners_and_a_merger_pays_them() {
    let contract = |strike: i64| OptionContract {
        underlying: aapl().root().clone(),
        expiry: jiff::civil::date(2026, 12, 18),
        strike: Price::from(strike),
        right: Right::Put,
        root: None,
    };
    let (old, new) = (Instrument::Option(contract(200)), Instrument::Option(contract(50)));
    let mut hosted = Hosted::running_with(of("floods", "mine"));
    for instrument in [&old, &new] {
        hosted.step(Input::Instrument(Box::new(InstrumentSpec::standard(instrument.clone()))));
    }
    // Three of five written puts are the strategy's.
    moves(&mut hosted, "w", &old, -5, "8");
    let now = hosted.rig.now;
    let instance = hosted.rig.engine.host_mut("mine");
    instance.ledger.adopt(&old, Quantity::from(-3), Price::from(8), Decimal::ONE_HUNDRED, now);
    moves(&mut hosted, "o", &old, 5, "8");
    moves(&mut hosted, "i", &new, -20, "2");
    assert_eq!((units(&hosted, "mine", &old), units(&hosted, "mine", &new)), (Quantity::ZERO, (-12).into()));
    assert_eq!(hosted.view("mine").realized_pnl, Decimal::ZERO);
    // Bought for cash: nothing stands in for them, and what comes later at the same side is not theirs.
    moves(&mut hosted, "m", &new, 20, "1");
    assert_eq!(units(&hosted, "mine", &new), Quantity::ZERO);
    assert_eq!(hosted.view("mine").realized_pnl, Decimal::from(1_200));
    hosted.rig.later(60);
    moves(&mut hosted, "n", &old, -4, "1");
    assert_eq!(units(&hosted, "mine", &old), Quantity::ZERO);
}

/// On a real account nobody says what a company did: the difference is told, and a wheel opens nothing until a person lets it go on.
#[test]
fn what_a_real_account_does_not_explain_is_told_and_stops_a_wheel() {
    for mode in [AccountMode::Paper, AccountMode::Live] {
        let mut hosted = owner("mine");
        hosted.rig.engine.accounts.get_mut(&paper()).unwrap().setup.mode = mode;
        hosted.rig.later(30);
        for _ in 0..2 {
            let statement = Statement {
                orders: Some(Vec::new()),
                executions: Some(Vec::new()),
                movements: Some(Vec::new()),
                positions: Some(hosted.rig.position(4)),
                ..Statement::asked(paper(), ReconcileReason::Timer, hosted.rig.now)
            };
            hosted.step(Input::Broker(Box::new(AccountEvent::Statement(Box::new(statement)))));
            hosted.rig.later(6);
        }
        assert_eq!(hosted.rig.held(), Quantity::from(4));
        let told = heard(&hosted, "mine").iter().any(|it| it.contains("which no execution explains"));
        assert_eq!(told, mode == AccountMode::Live);
    }
}

/// Shares that come while a strategy is still told the past are told to it afterwards.
#[test]
fn what_happens_to_its_own_while_it_starts_is_heard_late() {
    let mut hosted = owner("mine");
    hosted.ask(StrategyChange::Stop { name: "mine".into(), flatten: false });
    let start = StrategyChange::Start { name: "mine".into(), confirmation: None };
    let effects = hosted.rig.step(Input::Strategy { request: RequestId(1), change: start });
    hosted.rig.journaled(effects);
    assert_eq!(hosted.phase("mine"), StrategyPhase::Starting);
    corporate(&mut hosted, CorporateActionKind::Dividend { amount: "0.25".parse().unwrap() });
    assert!(!heard(&hosted, "mine").iter().any(|it| it.contains("pays")));
    let (strategy, instrument) = ("mine".into(), aapl());
    let interval = crate::domain::quote::Interval::Minute1;
    hosted.step(Input::History { strategy, instrument, interval, bars: Vec::new(), feed: Feed::Simulated });
    assert_eq!(hosted.phase("mine"), StrategyPhase::Running);
    assert_eq!(heard(&hosted, "mine").last().unwrap(), "AAPL pays 0.25 a share");
}
