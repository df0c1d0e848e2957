//! A strategy that is stopped and closed out: what is in the way goes first, and the wish outlives the process.

use super::plans::{covered, fill_option, prices, stop};
use super::*;
use crate::domain::exit::ExitPlan;

impl Hosted {
    /// The broker says so of an order.
    fn told_of(&mut self, id: ClientOrderId, event: OrderEvent) {
        let update = OrderUpdate { account: paper(), client_order_id: id, at: self.rig.now, event };
        self.step(Input::Broker(Box::new(AccountEvent::Order(update))));
    }

    /// Orders sent since there were so many: what, which way, how much.
    fn sent_since(&self, before: usize) -> Vec<(String, Side, Quantity)> {
        let sent = self.sent[before..].iter();
        sent.map(|order| (order.subject.to_string(), order.side, order.quantity)).collect()
    }

    /// A second later, shares at 100.
    fn quoted(&mut self) {
        self.rig.later(1);
        let mut quote = Quote::empty(aapl(), self.rig.now, Feed::RealTime);
        (quote.bid, quote.ask) = ("100".parse().ok(), "100.01".parse().ok());
        self.step(Input::Quote(Box::new(quote)));
        self.step(Input::Tick);
    }

    /// Another engine over the same disk, which runs strategies and knows the call.
    fn again(&self, call: &Instrument) -> Self {
        let mut next = self.restarted();
        next.step(Input::Instrument(Box::new(InstrumentSpec::standard(call.clone()))));
        next.step(Input::RunStrategies);
        next
    }

    fn at_work(&self) -> Vec<ClientOrderId> {
        self.rig.engine.book().working().map(|order| order.request.client_order_id).collect()
    }
}

fn share_sale(units: i64) -> (String, Side, Quantity) {
    ("AAPL".to_owned(), Side::Sell, Quantity::from(units))
}

/// The process ends between the first order and its fill, which never reached the broker: the next one closes all of it, in the same order.
#[test]
fn j9_closing_out_goes_on_after_a_restart() {
    let (mut hosted, call) = covered();
    stop(&mut hosted);
    let lost = hosted.sent.last().unwrap().client_order_id;
    let mut hosted = hosted.again(&call);
    prices(&mut hosted, &call);
    assert_eq!((hosted.phase("s"), hosted.sent.len()), (StrategyPhase::Stopping, 0), "{lost} may be there");
    hosted.told_of(lost, OrderEvent::NeverReached);
    // No price of now: it waits for one, and does not give up.
    hosted.rig.later(60);
    hosted.quoted();
    assert_eq!((hosted.phase("s"), hosted.sent.len()), (StrategyPhase::Stopping, 0));
    let reason = hosted.view("s").reason.unwrap_or_default();
    assert!(reason.starts_with("closed once it can be: ") && reason.contains("STALE_QUOTE"), "{reason}");
    assert_eq!(hosted.rig.engine.book().ended().filter(|o| o.status == OrderStatus::Denied).count(), 1);
    for _ in 0..3 {
        prices(&mut hosted, &call);
    }
    let [bought] = &hosted.sent[..] else { panic!("{:?}", hosted.sent) };
    assert_eq!(
        (bought.subject.instrument(), bought.side, bought.reduce_only),
        (Some(&call), Side::Buy, true)
    );
    let bought = bought.client_order_id;
    // Killed once more, with the order at the broker, where it fills meanwhile.
    let mut hosted = hosted.again(&call);
    fill_option(&mut hosted, (bought, &call), Side::Buy);
    prices(&mut hosted, &call);
    assert_eq!(hosted.sent_since(0), [share_sale(100)]);
    let sold = hosted.sent[0].client_order_id;
    hosted.told_of(sold, fill(sold, "sold", Side::Sell, 100, "100"));
    assert_eq!((hosted.phase("s"), hosted.owns("s")), (StrategyPhase::Disabled, Quantity::ZERO));
    assert_eq!(hosted.rig.held(), Quantity::ZERO);
    // It has stopped: the next start has nothing to go on with.
    let hosted = hosted.again(&call);
    assert_eq!((hosted.phase("s"), hosted.rig.said("STRATEGY_STOPPING")), (StrategyPhase::Disabled, 0));
}

/// Asked for while the market has no price: it is no refusal, and closed once there is one.
#[test]
fn closing_out_waits_for_a_price() {
    let mut hosted = Hosted::running("s");
    hosted.its(Side::Buy, 10, 100);
    hosted.rig.later(60);
    let before = hosted.sent.len();
    let Outcome::Said(said) = stop(&mut hosted) else { panic!("{:?}", hosted.said) };
    assert!(said.contains("closed at the market once it can be: AAPL is not closed: STALE_QUOTE"), "{said}");
    assert_eq!((hosted.sent.len(), hosted.phase("s")), (before, StrategyPhase::Stopping));
    // Whoever thinks better of it stops it without.
    let mut other = hosted.restarted();
    other.rig.later(60);
    other.step(Input::RunStrategies);
    other.ask(StrategyChange::Stop { name: "s".into(), flatten: false });
    other.quoted();
    assert_eq!((other.sent.len(), other.phase("s")), (0, StrategyPhase::Disabled));
    hosted.quoted();
    hosted.quoted();
    assert_eq!(hosted.sent_since(before), [share_sale(10)]);
}

/// After a start nothing is sold by the books of before: what the broker shows comes first.
#[test]
fn r1_closing_out_waits_for_the_first_comparison() {
    let mut hosted = Hosted::running("s");
    hosted.its(Side::Buy, 10, 100);
    stop(&mut hosted);
    let lost = hosted.sent.last().unwrap().client_order_id;
    let mut hosted = hosted.restarted();
    hosted.step(Input::BrokerStatus { account: paper(), up: true, reconciled: false });
    hosted.step(Input::RunStrategies);
    hosted.told_of(lost, OrderEvent::NeverReached);
    for _ in 0..5 {
        hosted.quoted();
    }
    assert_eq!((hosted.sent.len(), hosted.phase("s")), (0, StrategyPhase::Stopping));
    assert_eq!(
        hosted.view("s").reason.as_deref(),
        Some("closed once it can be: what it owns is not compared with its broker yet")
    );
    hosted.step(Input::BrokerStatus { account: paper(), up: true, reconciled: true });
    hosted.quoted();
    assert_eq!(hosted.sent_since(0), [share_sale(10)]);
}

/// Its own sale at a price far away closes nothing now: it is canceled, and the shares go at the market once it is gone, not before.
#[test]
fn what_waits_for_a_price_of_its_own_makes_way() {
    let mut hosted = Hosted::running("s");
    hosted.its(Side::Buy, 10, 100);
    let rests = OrderRequest {
        pricing: Pricing::Limit { limit_price: Price::from(120) },
        reduce_only: true,
        origin: Origin { kind: OriginKind::Strategy, name: Some("s".into()) },
        ..hosted.rig.order(Side::Sell, 10)
    };
    let id = rests.client_order_id;
    hosted.step(Input::Place { request: RequestId(52), orders: vec![rests] });
    hosted.told_of(id, acknowledged());
    let before = hosted.sent.len();
    let Outcome::Said(said) = stop(&mut hosted) else { panic!("{:?}", hosted.said) };
    assert!(said.ends_with("1 order of its own is canceled first"), "{said}");
    assert_eq!((hosted.canceled.last(), hosted.sent.len()), (Some(&id), before));
    hosted.quoted();
    assert_eq!(hosted.sent.len(), before, "it may fill yet");
    hosted.told_of(id, OrderEvent::Canceled { reason: None });
    hosted.quoted();
    assert_eq!(hosted.sent_since(before), [share_sale(10)]);
    assert!(hosted.sent.last().unwrap().pricing.is_at_market());
    hosted.fills("100");
    assert_eq!((hosted.phase("s"), hosted.owns("s")), (StrategyPhase::Disabled, Quantity::ZERO));
}

/// The stop of its plan that rests at the broker closes nothing now either: it goes first, and the sale after it.
#[test]
fn the_resting_stop_of_its_plan_makes_way() {
    let plan = ExitPlan::from_line("stop=5%").unwrap();
    let mut hosted = Hosted::running_with(StrategySpec { exits: Some(plan), ..spec("s") });
    hosted.its(Side::Buy, 10, 100);
    hosted.quoted();
    let stop_order = hosted.sent.last().unwrap().clone();
    assert_eq!(stop_order.origin.kind, OriginKind::Exit, "{stop_order:?}");
    hosted.told_of(stop_order.client_order_id, acknowledged());
    // What looks like the stop of just now is a slip for three seconds.
    hosted.rig.later(4);
    hosted.quoted();
    let before = hosted.sent.len();
    let said = stop(&mut hosted);
    assert_eq!(said, Outcome::Said("s stops, and what it owns is closed at the market".to_owned()));
    assert_eq!(hosted.canceled.last(), Some(&stop_order.client_order_id));
    hosted.told_of(stop_order.client_order_id, OrderEvent::Canceled { reason: None });
    hosted.quoted();
    assert_eq!(hosted.sent_since(before), [share_sale(10)]);
    hosted.fills("100");
    assert_eq!((hosted.phase("s"), hosted.owns("s")), (StrategyPhase::Disabled, Quantity::ZERO));
    assert!(hosted.at_work().is_empty(), "{:?}", hosted.at_work());
}

/// Whoever let it trade real money may have it closed out, though plain commands mean paper there, and nothing else of it trades then.
#[test]
fn what_was_let_loose_on_real_money_is_closed_out() {
    let setup = Rig::new().engine.accounts[&paper()].setup.clone();
    let rig = Rig::of(AccountSetup { mode: AccountMode::Live, ..setup });
    let mut hosted = Hosted { rig, ..Hosted::silent() };
    hosted.rig.engine.config.default_account = AccountId::new("other");
    hosted.step(Input::RunStrategies);
    hosted.quoted();
    let OrderEvent::Filled(bought) = fill(ClientOrderId::from_u128(1), "b1", Side::Buy, 10, "100") else {
        unreachable!()
    };
    let bought = Execution { client_order_id: None, ..bought };
    hosted.step(Input::Broker(Box::new(AccountEvent::Execution(bought))));
    hosted.add(StrategySpec { adopt: vec![aapl()], ..spec("s") });
    let confirmation = Some(hosted.rig.engine.strategy_plan(&"s".into()).unwrap().confirmation);
    hosted.ask(StrategyChange::Start { name: "s".into(), confirmation });
    assert_eq!((hosted.view("s").enabled, hosted.owns("s")), (true, Quantity::from(10)));
    hosted.quoted();
    let said = stop(&mut hosted);
    assert_eq!(said, Outcome::Said("s stops, and what it owns is closed at the market".to_owned()));
    assert_eq!(hosted.sent_since(0), [share_sale(10)]);
    hosted.fills("100");
    assert_eq!((hosted.phase("s"), hosted.owns("s")), (StrategyPhase::Disabled, Quantity::ZERO));
    hosted.quoted();
    let stray = OrderRequest {
        origin: Origin { kind: OriginKind::Strategy, name: Some("s".into()) },
        ..hosted.rig.order(Side::Buy, 1)
    };
    let id = stray.client_order_id;
    hosted.step(Input::Place { request: RequestId(53), orders: vec![stray] });
    let denied = &hosted.rig.engine.order(id).unwrap().denials;
    assert!(denied.iter().any(|denial| denial.code == DenialCode::NotAuthorised), "{denied:?}");
}
