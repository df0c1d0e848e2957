//! A strategy's exit plan: for its own units alone; what it adds extends it or gets its own; one of the other direction is over.

use super::*;
use crate::domain::exit::ExitPlan;
use crate::domain::order::PositionEffect;

fn planned(plan: &str) -> Hosted {
    Hosted::running_with(StrategySpec { exits: Some(ExitPlan::from_line(plan).unwrap()), ..spec("s") })
}

impl Hosted {
    /// An order of the strategy's, filled whole at this price.
    pub(super) fn its(&mut self, side: Side, units: i64, price: i64) {
        self.rig.later(5);
        self.rig.quote(&price.to_string());
        let pricing = Pricing::Limit { limit_price: Price::from(price) };
        let origin = Origin { kind: OriginKind::Strategy, name: Some("s".into()) };
        let order = OrderRequest { origin, pricing, ..self.rig.order(side, units) };
        let before = self.sent.len();
        self.step(Input::Place { request: RequestId(50), orders: vec![order] });
        assert_eq!(self.sent.len(), before + 1, "{:?}", self.said);
        self.fills(&price.to_string());
    }

    /// A person sells at the broker itself.
    fn sold_elsewhere(&mut self, units: i64) {
        let id = ClientOrderId::from_u128(9);
        let name = format!("elsewhere{units}");
        let OrderEvent::Filled(fill) = fill(id, &name, Side::Sell, units, "100") else { unreachable!() };
        let fill = Execution { client_order_id: None, ..fill };
        self.step(Input::Broker(Box::new(AccountEvent::Execution(fill))));
    }

    /// Parts, where their stops stand, and units that they are for alone.
    fn plans(&self) -> Vec<(String, String, Option<Quantity>)> {
        let plans = self.rig.engine.exit_plans().into_iter();
        plans.map(|it| (it.part.to_string(), it.stop_price.unwrap().to_string(), it.units)).collect()
    }
}

fn of(part: &str, stop: &str, units: Option<i64>) -> (String, String, Option<Quantity>) {
    (part.to_owned(), stop.to_owned(), units.map(Quantity::from))
}

#[test]
fn what_a_strategy_adds_extends_its_plan_or_gets_its_own() {
    let mut hosted = planned("stop=5% placement=engine");
    hosted.its(Side::Buy, 10, 100);
    hosted.its(Side::Buy, 6, 120);
    assert_eq!(hosted.plans(), [of("@s", "95", None)]);

    let mut hosted = planned("stop=5% placement=engine scale_in=separate");
    hosted.its(Side::Buy, 10, 100);
    hosted.its(Side::Buy, 6, 120);
    hosted.its(Side::Buy, 4, 140);
    assert_eq!(
        hosted.plans(),
        [of("@s", "95", None), of("@s+2", "114", Some(6)), of("@s+3", "133", Some(4))]
    );
    // What it sells is what it added last.
    hosted.its(Side::Sell, 5, 140);
    assert_eq!(hosted.plans(), [of("@s", "95", None), of("@s+2", "114", Some(5))]);
    // What another hand takes is not covered any more.
    hosted.sold_elsewhere(12);
    assert_eq!((hosted.owns("s"), hosted.rig.held()), (Quantity::from(3), Quantity::from(3)));
    assert_eq!(hosted.plans(), [of("@s+2", "114", Some(3))]);
}

/// Only what was added apart is closed at its own stop.
#[test]
fn a_part_of_a_strategys_units_is_closed_alone() {
    let mut hosted = planned("stop=5% placement=engine scale_in=separate");
    hosted.its(Side::Buy, 10, 100);
    hosted.its(Side::Buy, 6, 120);
    let before = hosted.sent.len();
    for _ in 0..3 {
        hosted.rig.now += SignedDuration::from_secs(1);
        let mut quote = Quote::empty(aapl(), hosted.rig.now, Feed::Simulated);
        (quote.bid, quote.ask) = (Some(Price::from(113)), Some(Price::from(113)));
        hosted.step(Input::Quote(Box::new(quote)));
    }
    let exits = &hosted.sent[before..];
    assert_eq!(exits.len(), 1);
    assert_eq!((exits[0].side, exits[0].quantity), (Side::Sell, Quantity::from(6)));
    assert_eq!(exits[0].origin, Origin { kind: OriginKind::Exit, name: Some("s".into()) });
    hosted.fills("113");
    assert_eq!((hosted.owns("s"), hosted.plans()), (Quantity::from(10), vec![of("@s", "95", None)]));
}

/// Turned around in one order: the short has a plan of its own, and the long one's is over.
#[test]
fn a_strategy_that_turns_around_is_protected_on_the_other_side() {
    for scale_in in ["extend", "separate"] {
        let mut hosted = planned(&format!("stop=5% placement=engine scale_in={scale_in}"));
        hosted.its(Side::Buy, 10, 100);
        hosted.its(Side::Buy, 10, 100);
        let OrderEvent::Filled(turn) = fill(ClientOrderId::from_u128(1), "t", Side::Sell, 30, "100") else {
            unreachable!()
        };
        // An order of the strategy's that sells more than it has: as brokers of perpetuals let it.
        let id = hosted.sent.last().unwrap().client_order_id;
        let turn = Execution { client_order_id: Some(id), ..turn };
        hosted.step(Input::Broker(Box::new(AccountEvent::Order(OrderUpdate {
            account: paper(),
            client_order_id: id,
            at: hosted.rig.now,
            event: OrderEvent::Filled(turn),
        }))));
        assert_eq!(hosted.owns("s"), Quantity::from(-10), "{scale_in}");
        assert_eq!(hosted.plans(), [of("@s", "105", None)], "{scale_in}");
        let plan = &hosted.rig.engine.exit_plans()[0];
        assert_eq!((plan.long, plan.entry_quantity), (false, Quantity::from(10)), "{scale_in}");
    }
}

/// Shares and a call written on them, both the strategy's, with prices of now.
pub(super) fn covered() -> (Hosted, Instrument) {
    let mut hosted = Hosted::running("s");
    hosted.its(Side::Buy, 100, 100);
    let call = Instrument::from_key("AAPL  261218C00110000").unwrap();
    hosted.step(Input::Instrument(Box::new(InstrumentSpec::standard(call.clone()))));
    prices(&mut hosted, &call);
    let order = OrderRequest {
        subject: OrderSubject::Instrument(call.clone()),
        pricing: Pricing::Limit { limit_price: Price::from(2) },
        position_effect: Some(PositionEffect::Open),
        origin: Origin { kind: OriginKind::Strategy, name: Some("s".into()) },
        ..hosted.rig.order(Side::Sell, 1)
    };
    let id = order.client_order_id;
    hosted.step(Input::Place { request: RequestId(51), orders: vec![order] });
    assert_eq!(hosted.sent.last().map(|order| order.client_order_id), Some(id), "{:?}", hosted.said);
    fill_option(&mut hosted, (id, &call), Side::Sell);
    prices(&mut hosted, &call);
    (hosted, call)
}

pub(super) fn prices(hosted: &mut Hosted, call: &Instrument) {
    hosted.rig.later(2);
    let mut share = Quote::empty(aapl(), hosted.rig.now, Feed::Simulated);
    (share.bid, share.ask) = (Some(Price::from(100)), Some(Price::from(100)));
    hosted.step(Input::Quote(Box::new(share)));
    let mut quote = Quote::empty(call.clone(), hosted.rig.now, Feed::Simulated);
    (quote.bid, quote.ask) = (Some(Price::from(2)), Some("2.05".parse().unwrap()));
    hosted.step(Input::Quote(Box::new(quote)));
}

/// An order for one contract fills at two dollars.
pub(super) fn fill_option(hosted: &mut Hosted, (id, call): (ClientOrderId, &Instrument), side: Side) {
    let OrderEvent::Filled(filled) = fill(id, &format!("w{side}"), side, 1, "2") else { unreachable!() };
    let filled = Execution { instrument: call.clone(), multiplier: Decimal::ONE_HUNDRED, ..filled };
    for event in [acknowledged(), OrderEvent::Filled(filled)] {
        let update = OrderUpdate { account: paper(), client_order_id: id, at: hosted.rig.now, event };
        hosted.step(Input::Broker(Box::new(AccountEvent::Order(update))));
    }
}

pub(super) fn stop(hosted: &mut Hosted) -> Outcome {
    hosted.ask(StrategyChange::Stop { name: "s".into(), flatten: true })
}

/// Stopped and sold out: a call is bought back before the shares that cover it are sold, and those follow by themselves.
#[test]
fn flattening_buys_the_calls_back_first_and_the_shares_follow() {
    let (mut hosted, call) = covered();
    let before = hosted.sent.len();
    let Outcome::Said(said) = stop(&mut hosted) else { panic!("{:?}", hosted.said) };
    assert!(said.contains("tried again once more of it is: AAPL is not closed: "), "{said}");
    assert!(said.contains("UNCOVERED_CALL"), "{said}");
    let [bought] = &hosted.sent[before..] else { panic!("{:?}", &hosted.sent[before..]) };
    assert_eq!(bought.subject.instrument(), Some(&call));
    assert_eq!((bought.side, bought.quantity, bought.reduce_only), (Side::Buy, Quantity::from(1), true));
    assert_eq!(bought.position_effect, Some(PositionEffect::Close));
    let bought = bought.client_order_id;
    // Prices come and go: nothing is asked for twice, and it has not stopped yet.
    prices(&mut hosted, &call);
    assert_eq!((hosted.sent.len(), hosted.phase("s")), (before + 1, StrategyPhase::Stopping));
    fill_option(&mut hosted, (bought, &call), Side::Buy);
    let [_, sold] = &hosted.sent[before..] else { panic!("{:?}", &hosted.sent[before..]) };
    assert_eq!(
        (sold.side, sold.quantity, sold.subject.instrument()),
        (Side::Sell, 100.into(), Some(&aapl()))
    );
    assert_eq!(hosted.phase("s"), StrategyPhase::Stopping);
    hosted.fills("100");
    assert_eq!((hosted.phase("s"), hosted.owns("s")), (StrategyPhase::Disabled, Quantity::ZERO));
    assert_eq!(hosted.sent.len(), before + 2);
}

/// What the broker refuses is not asked for again without end: it is said, and a person's then.
#[test]
fn what_cannot_be_closed_is_left_and_said() {
    let (mut hosted, call) = covered();
    stop(&mut hosted);
    let id = hosted.sent.last().unwrap().client_order_id;
    let event = OrderEvent::Rejected(crate::domain::execution::Reject {
        code: "NO".into(),
        message: "not today".to_owned(),
    });
    let update = OrderUpdate { account: paper(), client_order_id: id, at: hosted.rig.now, event };
    let before = hosted.sent.len();
    hosted.step(Input::Broker(Box::new(AccountEvent::Order(update))));
    assert_eq!((hosted.phase("s"), hosted.sent.len()), (StrategyPhase::Disabled, before));
    assert_eq!(hosted.owns("s"), Quantity::from(100));
    let log: Vec<String> = hosted.rig.engine.snapshot().log.iter().map(|line| line.text.clone()).collect();
    assert!(
        log.iter().any(|text| text == "s could not close -1 AAPL 18Dec26 110C, 100 AAPL; it is yours now"),
        "{log:?}"
    );
    // Asked again, it tries again.
    hosted.rig.later(60);
    prices(&mut hosted, &call);
    stop(&mut hosted);
    assert_eq!(hosted.sent.len(), before + 1);
}
