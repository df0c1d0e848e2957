//! What ends a doubt that no rule could end: a comparison after a connector failed, and a person's word.

use super::reconcile::report;
use super::rig::*;
use crate::domain::execution::Reject;
use crate::domain::option::Leg;
use crate::domain::order::PositionEffect;

/// A connector that failed may have lost a word of its broker: nothing opens until a comparison that was asked for afterwards agrees, and the
/// failure that comes back with each question is not asked in a circle.
#[test]
fn l6_an_account_whose_connector_failed_opens_nothing_until_it_agrees() {
    let mut rig = Rig::new();
    rig.step(Input::BrokerStatus { account: paper(), up: true, reconciled: true });
    let before = rig.now;
    rig.later(6);
    rig.quote("100");
    let distrust =
        || Input::Distrust { account: paper(), reason: "the connector failed in submit".to_owned() };
    rig.step(distrust());
    assert_eq!(rig.said("CONNECTOR_FAILED"), 1);
    let denied = |rig: &mut Rig, side| {
        rig.quote("100");
        let order = rig.order(side, 1);
        let id = order.client_order_id;
        rig.place(vec![order]);
        let order = rig.engine.order(id).unwrap();
        order.denials.iter().any(|denial| denial.code == DenialCode::AccountUnreconciled)
    };
    assert!(denied(&mut rig, Side::Buy));
    let answer = |rig: &mut Rig, at: Timestamp| {
        let now = std::mem::replace(&mut rig.now, at);
        rig.statement(Vec::new(), Vec::new(), 0);
        rig.now = now;
    };
    answer(&mut rig, before);
    assert!(denied(&mut rig, Side::Buy), "it was asked before the failure");
    let asked = |effects: &Effects| effects.iter().any(|effect| matches!(effect, Effect::Reconcile { .. }));
    let mut questions = 0;
    for _ in 0..60 {
        rig.later(1);
        if asked(&rig.step(Input::Tick)) {
            questions += 1;
            assert!(!asked(&rig.step(distrust())), "not in a circle");
        }
    }
    assert!((2..=12).contains(&questions), "{questions}");
    rig.later(5);
    let now = rig.now;
    answer(&mut rig, now);
    assert!(!denied(&mut rig, Side::Buy), "it agrees");
}

/// With nobody there only what reduces goes out, over a restart too, until a person lifts it; a halt is no less than it was.
#[test]
fn h7_alone_it_only_reduces_until_a_person_lifts_it() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, fill(id, "x1", Side::Buy, 10, "99"));
    let alone = || Input::ReduceOnly { reason: "nobody is there".to_owned() };
    let effects = rig.step(alone());
    let kept = effects.iter().any(|effect| {
        matches!(effect, Effect::Journal { entry, .. } if entry.trading_state == Some(TradingState::ReducingOnly))
    });
    assert!(kept, "{effects:?}");
    let refused = |rig: &mut Rig, side| {
        rig.later(1);
        rig.quote("100");
        let order = rig.order(side, 1);
        let id = order.client_order_id;
        rig.place(vec![order]);
        rig.engine.order(id).unwrap().denials.iter().any(|denial| denial.code == DenialCode::ReducingOnly)
    };
    assert!(refused(&mut rig, Side::Buy) && !refused(&mut rig, Side::Sell));
    assert!(rig.engine.keeps_from_risk().is_some_and(|why| why.contains("reduces")));
    assert!(rig.step(alone()).is_empty(), "said once");
    rig.step(Input::Resume { request: RequestId(9) });
    assert!(!refused(&mut rig, Side::Buy) && rig.engine.keeps_from_risk().is_none());
    rig.step(Input::Halt { request: RequestId(9), all: false, reason: "test".to_owned() });
    rig.step(alone());
    assert_eq!(rig.engine.trading_state(), TradingState::Halted);
    assert!(rig.engine.keeps_from_risk().is_some_and(|why| why.contains("kill switch")));
}

/// After a start nothing opens before a comparison has succeeded whole; what works can be canceled all the while.
#[test]
fn r1_nothing_opens_before_the_first_comparison_and_cancels_go() {
    let mut rig = Rig::new();
    let working = rig.sent(Side::Buy, 10);
    rig.report(working, acknowledged());
    rig.later(6);
    rig.step(Input::BrokerStatus { account: paper(), up: true, reconciled: false });
    let denied = |rig: &mut Rig| {
        rig.later(1);
        rig.quote("100");
        let mut order = rig.order(Side::Buy, 1);
        order.origin = Origin { kind: OriginKind::Strategy, name: Some("x".into()) };
        let id = order.client_order_id;
        rig.place(vec![order]);
        rig.engine
            .order(id)
            .unwrap()
            .denials
            .iter()
            .any(|denial| denial.code == DenialCode::AccountUnreconciled)
    };
    assert!(denied(&mut rig));
    let shown = || vec![report(Some(working), OrderStatus::Submitted, 0)];
    for part in 0..4 {
        rig.later(5);
        let mut statement = Statement {
            orders: (part != 1).then(shown),
            executions: (part != 2).then(Vec::new),
            movements: Some(Vec::new()),
            positions: (part != 3).then(Vec::new),
            failures: vec!["no answer within 10 s".to_owned()],
            ..Statement::asked(paper(), ReconcileReason::Start, rig.now)
        };
        if part == 0 {
            (statement.orders, statement.executions, statement.positions) = (None, None, None);
        }
        rig.step(Input::Broker(Box::new(AccountEvent::Statement(Box::new(statement)))));
        assert!(denied(&mut rig), "part {part} failed");
    }
    let effects = rig.step(Input::Cancel { request: RequestId(9), orders: vec![working] });
    let sent = rig.journaled(effects);
    assert!(sent.iter().any(|effect| matches!(effect, Effect::Cancel { order, .. } if *order == working)));
    rig.later(5);
    rig.statement(shown(), Vec::new(), 0);
    assert!(!denied(&mut rig));
}

/// A person may go on before the books agree, automation may not; a broken line or agreement takes the word back.
#[test]
fn r1_a_person_may_override_and_automation_still_waits() {
    let mut rig = Rig::new();
    let denied = |rig: &mut Rig, kind: OriginKind| {
        rig.later(4);
        rig.quote("100");
        let mut order = rig.order(Side::Buy, 1);
        order.origin = Origin { kind, name: (!kind.is_human()).then(|| "x".into()) };
        let id = order.client_order_id;
        rig.place(vec![order]);
        let order = rig.engine.order(id).unwrap();
        order.denials.iter().any(|denial| denial.code == DenialCode::AccountUnreconciled)
    };
    let automation = [OriginKind::Strategy, OriginKind::Bot, OriginKind::Agent, OriginKind::Mcp];
    let line = |rig: &mut Rig, up: bool| {
        rig.step(Input::BrokerStatus { account: paper(), up, reconciled: false });
    };
    rig.step(Input::Override(paper()));
    line(&mut rig, true);
    assert!(denied(&mut rig, OriginKind::Ticket), "what agreed when it was said was not overridden");
    rig.step(Input::Override(paper()));
    for kind in [OriginKind::Ticket, OriginKind::Command, OriginKind::Cli] {
        assert!(!denied(&mut rig, kind), "{kind:?}");
    }
    for kind in automation {
        assert!(denied(&mut rig, kind), "{kind:?}");
    }
    assert!(rig.engine.snapshot().accounts[0].standing.overridden);
    line(&mut rig, false);
    line(&mut rig, true);
    assert!(denied(&mut rig, OriginKind::Ticket), "the line broke");
    rig.step(Input::Override(paper()));
    rig.step(Input::BrokerStatus { account: paper(), up: true, reconciled: true });
    assert!(!rig.engine.snapshot().accounts[0].standing.overridden);
    assert!(!denied(&mut rig, OriginKind::Strategy));
}

/// While a broker leaves orders unanswered, those that open are denied and those that close go.
#[test]
fn h5_a_broker_that_does_not_answer_gets_nothing_that_opens() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, fill(id, "x1", Side::Buy, 10, "99"));
    let circuit =
        |pause: Option<i64>| Input::Circuit { account: paper(), pause: pause.map(SignedDuration::from_secs) };
    let down = |rig: &mut Rig, side| {
        rig.later(1);
        rig.quote("100");
        let order = rig.order(side, 1);
        let id = order.client_order_id;
        rig.place(vec![order]);
        rig.engine.order(id).unwrap().denials.iter().any(|denial| denial.code == DenialCode::BrokerDown)
    };
    rig.step(circuit(Some(5)));
    assert_eq!(
        (rig.said("BROKER_DOWN"), down(&mut rig, Side::Buy), down(&mut rig, Side::Sell)),
        (1, true, false)
    );
    rig.step(circuit(None));
    assert_eq!((rig.said("BROKER_TRIED_AGAIN"), down(&mut rig, Side::Buy)), (1, false));
}

/// A cancel that nobody answers is asked about and repeated, said aloud after a minute, and never taken for done.
#[test]
fn e5_a_cancel_without_an_answer_is_asked_about_and_never_assumed() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, acknowledged());
    let effects = rig.step(Input::Cancel { request: RequestId(9), orders: vec![id] });
    rig.journaled(effects);
    let mut asked = Vec::new();
    for second in 1..=90 {
        rig.later(1);
        let effects = rig.step(Input::Tick);
        let is_question = |effect: &Effect| matches!(effect, Effect::Ask { order, .. } if *order == id);
        let is_cancel = |effect: &Effect| matches!(effect, Effect::Cancel { order, .. } if *order == id);
        if effects.iter().any(is_question) {
            assert!(effects.iter().any(is_cancel), "a cancel may be repeated");
            asked.push(second);
        }
        assert_eq!(rig.said("CANCEL_STUCK"), usize::from(second > 60), "after {second} s");
    }
    assert!(asked[0] >= 15 && asked[0] <= 17, "{asked:?}");
    assert_eq!(rig.status(id), OrderStatus::PendingCancel);
    // That there is no such order to cancel may mean that it has filled: it is asked about before anything is concluded.
    let refused = Reject { code: "NOT_FOUND".into(), message: "no such order".to_owned() };
    let effects = rig.report(id, OrderEvent::CancelRejected(refused));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Ask { .. })), "{effects:?}");
    rig.report(id, fill(id, "x1", Side::Buy, 10, "99"));
    assert_eq!((rig.status(id), rig.held()), (OrderStatus::Filled, Quantity::from(10)));
}

/// A broker that sells out an account does it by no order of ours: it is booked, and said for what it is.
#[test]
fn what_a_broker_liquidates_is_said() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, fill(id, "x1", Side::Buy, 10, "99"));
    let OrderEvent::Filled(filled) = fill(id, "out", Side::Sell, 10, "98") else { panic!() };
    let sold = Execution { kind: ExecutionKind::Liquidation, client_order_id: None, ..filled };
    rig.step(Input::Broker(Box::new(AccountEvent::Execution(sold))));
    assert_eq!((rig.held(), rig.said("BROKER_LIQUIDATED")), (Quantity::ZERO, 1));
}

/// A fill that the broker takes back, or states anew, is a row of its own: nothing is deleted, and the books stand as the broker's.
#[test]
fn e4_a_bust_reverses_and_deletes_nothing() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, fill(id, "x1", Side::Buy, 10, "99"));
    let OrderEvent::Filled(filled) = fill(id, "x1-bust", Side::Sell, 4, "99") else { panic!() };
    let bust = Execution { kind: ExecutionKind::Bust, client_order_id: None, ..filled };
    let busted = |rig: &mut Rig| {
        let event = AccountEvent::Execution(bust.clone());
        let effects = rig.step(Input::Broker(Box::new(event)));
        let rows = effects.iter().filter_map(|effect| match effect {
            Effect::Journal { entry, .. } => Some(entry.executions.len()),
            _ => None,
        });
        rows.sum::<usize>()
    };
    assert_eq!((busted(&mut rig), rig.held(), rig.said("EXECUTION_BUSTED")), (1, Quantity::from(6), 1));
    assert_eq!(
        (busted(&mut rig), rig.held(), rig.said("EXECUTION_BUSTED")),
        (0, Quantity::from(6), 1),
        "once"
    );
    assert_eq!(rig.status(id), OrderStatus::Filled, "what the order has done stays its story");
}

fn settle(order: ClientOrderId, fate: OrderFate) -> Input {
    Input::Settle { request: RequestId(90), order, fate, why: "the broker's desk says so".to_owned() }
}

fn refusal(effects: &Effects) -> Option<String> {
    effects.iter().find_map(|effect| match effect {
        Effect::Answer { outcome: Outcome::Refused(why), .. } => Some(why.clone()),
        _ => None,
    })
}

fn at(id: &str) -> OrderFate {
    OrderFate::At { broker_order_id: BrokerOrderId::new(id) }
}

fn filled(price: &str) -> OrderFate {
    OrderFate::Filled { price: price.parse().unwrap() }
}

/// Each word does what the broker's own would have done, and is said in the log with how the person knows.
#[test]
fn j5_a_person_settles_what_no_rule_can_tell() {
    for (fate, status, held) in [
        (at("b7"), OrderStatus::Submitted, 0),
        (filled("99.5"), OrderStatus::Filled, 10),
        (OrderFate::Canceled, OrderStatus::Canceled, 0),
        (OrderFate::Rejected, OrderStatus::Rejected, 0),
        (OrderFate::NeverReached, OrderStatus::Canceled, 0),
    ] {
        let mut rig = Rig::new();
        let id = rig.sent(Side::Buy, 10);
        rig.report(id, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
        let effects = rig.step(settle(id, fate.clone()));
        assert_eq!(refusal(&effects), None, "{fate}");
        assert_eq!((rig.status(id), rig.held()), (status, Quantity::from(held)), "{fate}");
        assert_eq!(rig.said("ORDER_SETTLED"), 1, "{fate}");
        let written = effects.iter().any(|effect| {
            matches!(effect, Effect::Journal { entry, .. }
                if entry.orders.iter().any(|order| order.status == status)
                    && entry.executions.len() == usize::from(held > 0))
        });
        assert!(written, "{fate}: it is in the journal: {effects:?}");
        rig.later(6);
        let asked = rig.step(Input::Tick);
        assert!(
            asked.iter().any(|effect| matches!(effect, Effect::Reconcile { .. })),
            "{fate}: compared after"
        );
        if status.is_terminal() {
            let again = refusal(&rig.step(settle(id, fate.clone()))).unwrap();
            assert!(again.contains("not in doubt"), "{fate}: {again}");
        }
    }
}

/// What could not have been, or is nobody's to say, is refused and changes nothing.
#[test]
fn j5_what_cannot_be_is_not_settled() {
    let doubtful = |partly: bool| {
        let mut rig = Rig::new();
        let id = rig.sent(Side::Buy, 10);
        if partly {
            rig.report(id, fill(id, "x1", Side::Buy, 4, "99"));
            let effects = rig.step(Input::Cancel { request: RequestId(9), orders: vec![id] });
            rig.journaled(effects);
            rig.later(16);
        } else {
            rig.report(id, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
        }
        (rig, id)
    };
    for (partly, fate, why) in [
        (false, filled("0"), "above 0"),
        (false, filled("101"), "limit is 100"),
        (false, at(""), "plain letters"),
        (false, at("b\u{1b}7"), "plain letters"),
        (true, OrderFate::NeverReached, "seen at the broker"),
        (true, OrderFate::Rejected, "filled in part"),
    ] {
        let (mut rig, id) = doubtful(partly);
        let before = (rig.status(id), rig.held());
        let refused = refusal(&rig.step(settle(id, fate.clone())));
        assert!(refused.as_ref().is_some_and(|text| text.contains(why)), "{fate}: {refused:?}");
        assert_eq!((rig.status(id), rig.held()), before, "{fate}");
    }
    // Working, on its way, and unknown to us.
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    for order in [id, ClientOrderId::from_u128(404)] {
        assert!(refusal(&rig.step(settle(order, OrderFate::Canceled))).is_some());
    }
    rig.report(id, acknowledged());
    assert!(refusal(&rig.step(settle(id, OrderFate::Canceled))).unwrap().contains("not in doubt"));
}

/// It was said that only a person can tell which one it is; then it was canceled, which could not say which order it meant. The word of the
/// person counts at once, and the cancel goes with it.
#[test]
fn j5_one_that_a_person_is_asked_for_is_settled_while_it_is_being_canceled() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    rig.report(id, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
    rig.engine.mark_ambiguous(id);
    let effects = rig.step(Input::Cancel { request: RequestId(9), orders: vec![id] });
    rig.journaled(effects);
    let effects = rig.step(settle(id, at("b7")));
    assert_eq!(refusal(&effects), None);
    let sent = rig.journaled(effects);
    let canceled = sent.iter().any(|effect| matches!(effect, Effect::Cancel { order, .. } if *order == id));
    assert!(canceled, "{sent:?}");
}

/// What was said by hand gives way to what the broker shows: a fill is exchanged for the real one, and counts once.
#[test]
fn j5_a_settled_fill_gives_way_to_the_real_one() {
    let (mut rig, id) = {
        let mut rig = Rig::new();
        let id = rig.sent(Side::Buy, 10);
        rig.report(id, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
        (rig, id)
    };
    rig.step(settle(id, filled("99.5")));
    rig.report(id, fill(id, "x1", Side::Buy, 10, "99"));
    assert_eq!((rig.status(id), rig.held()), (OrderStatus::Filled, Quantity::from(10)));
    let order = rig.engine.order(id).unwrap();
    assert_eq!(order.average_price, Some(Price::from(99)), "the real price");
    assert!(order.overfill_quantity.is_zero());
}

/// Exits of an order that never came there are not there either; those of one that works stay in doubt until they are seen.
#[test]
fn j5_exits_are_settled_with_their_order() {
    for (fate, status) in [
        (OrderFate::NeverReached, OrderStatus::Canceled),
        (OrderFate::Rejected, OrderStatus::Canceled),
        (at("b7"), OrderStatus::Unknown),
    ] {
        let mut rig = Rig::new();
        rig.quote("100");
        let mut order = rig.order(Side::Buy, 10);
        let exit = ClientOrderId::from_u128(77);
        order.stop_loss = Some(BracketExit { client_order_id: exit, price: Price::from(90) });
        let id = order.client_order_id;
        let effects = rig.place(vec![order]);
        rig.journaled(effects);
        let number = |id| rig.engine.order(id).unwrap().number;
        assert!(number(id) < number(exit), "an order is numbered before its exits");
        for order in [id, exit] {
            rig.report(order, OrderEvent::OutcomeUnknown { reason: "timeout".to_owned() });
        }
        assert_eq!(rig.status(exit), OrderStatus::Unknown);
        rig.step(settle(id, fate.clone()));
        assert_eq!(rig.status(exit), status, "{fate}");
    }
}

/// The legs of a package are told one by one. Until the last one has come the package works, and holds back what it may still cost.
#[test]
fn k4_a_package_whose_second_leg_is_late_holds_its_money_back() {
    let other = || Instrument::equity("MSFT").unwrap();
    for first in 0..2 {
        let mut rig = Rig::new();
        rig.step(Input::Instrument(Box::new(InstrumentSpec::standard(other()))));
        let mut quote = Quote::empty(other(), rig.now, Feed::Simulated);
        (quote.bid, quote.ask) = ("50".parse().ok(), "50".parse().ok());
        rig.step(Input::Quote(Box::new(quote)));
        let leg = |instrument| Leg {
            instrument,
            side: Side::Buy,
            ratio: Decimal::ONE,
            position_effect: PositionEffect::Open,
        };
        let subject = OrderSubject::Legs(vec![leg(aapl()), leg(other())]);
        let pricing = Pricing::Limit { limit_price: Price::from(150) };
        let order = OrderRequest { subject, pricing, ..rig.order(Side::Buy, 100) };
        let id = order.client_order_id;
        let whole = rig.engine.account(&paper()).unwrap().buying_power;
        let effects = rig.place(vec![order]);
        let sent = rig.journaled(effects);
        assert!(sent.iter().any(|effect| matches!(effect, Effect::Submit { .. })), "{sent:?}");
        rig.report(id, acknowledged());
        let legs = [(aapl(), "100"), (other(), "50")];
        let told = |rig: &mut Rig, n: usize| {
            let (instrument, price) = legs[n].clone();
            let OrderEvent::Filled(fill) = fill(id, &format!("x{n}"), Side::Buy, 100, price) else {
                panic!()
            };
            rig.report(id, OrderEvent::Filled(Execution { instrument, ..fill }));
        };
        told(&mut rig, first);
        let power = |rig: &Rig| rig.engine.account(&paper()).unwrap().buying_power;
        assert_eq!(rig.status(id), OrderStatus::PartiallyFilled, "leg {first} alone");
        assert!(power(&rig) <= whole - Decimal::from(15_000), "{} of {whole} after leg {first}", power(&rig));
        // What has filled in part did reach the broker, and is not changed in place any more.
        let change = OrderChange { limit_price: Some(Price::from(151)), ..OrderChange::default() };
        let refused = rig.step(Input::Replace { request: RequestId(9), order: id, change });
        assert!(refusal(&refused).is_some_and(|text| text.contains("a leg")), "{refused:?}");
        told(&mut rig, 1 - first);
        let order = rig.engine.order(id).unwrap();
        assert_eq!((order.status, order.filled_quantity), (OrderStatus::Filled, Quantity::from(100)));
        assert_eq!((order.average_price, order.overfill_quantity), (Some(Price::from(150)), Quantity::ZERO));
        told(&mut rig, 1 - first);
        assert_eq!(rig.engine.order(id).unwrap().overfill_quantity, Quantity::ZERO, "a repeat");
    }
}
