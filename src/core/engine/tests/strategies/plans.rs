//! A strategy's exit plan: for its own units alone; what it adds extends it or gets its own; one of the other direction is over.

use super::*;
use crate::domain::exit::ExitPlan;

fn planned(plan: &str) -> Hosted {
    Hosted::running_with(StrategySpec { exits: Some(ExitPlan::from_line(plan).unwrap()), ..spec("s") })
}

impl Hosted {
    /// An order of the strategy's, filled whole at this price.
    fn its(&mut self, side: Side, units: i64, price: i64) {
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

/// Stopped and sold out: an option is bought back as one that closes, and what cannot be closed keeps nothing else.
#[test]
fn flattening_closes_each_on_its_own_side() {
    let mut hosted = Hosted::running("s");
    hosted.its(Side::Buy, 100, 100);
    let call = Instrument::from_key("AAPL  261218C00110000").unwrap();
    hosted.step(Input::Instrument(Box::new(InstrumentSpec::standard(call.clone()))));
    let quote = |hosted: &mut Hosted| {
        hosted.rig.later(1);
        hosted.rig.quote("100");
        let mut quote = Quote::empty(call.clone(), hosted.rig.now, Feed::Simulated);
        (quote.bid, quote.ask) = (Some(Price::from(2)), Some("2.05".parse().unwrap()));
        hosted.step(Input::Quote(Box::new(quote)));
    };
    quote(&mut hosted);
    let order = OrderRequest {
        subject: OrderSubject::Instrument(call.clone()),
        pricing: Pricing::Limit { limit_price: Price::from(2) },
        position_effect: Some(crate::domain::order::PositionEffect::Open),
        origin: Origin { kind: OriginKind::Strategy, name: Some("s".into()) },
        ..hosted.rig.order(Side::Sell, 1)
    };
    let id = order.client_order_id;
    hosted.step(Input::Place { request: RequestId(51), orders: vec![order] });
    assert_eq!(hosted.sent.last().map(|order| order.client_order_id), Some(id), "{:?}", hosted.said);
    let OrderEvent::Filled(written) = fill(id, "w1", Side::Sell, 1, "2") else { unreachable!() };
    let written = Execution { instrument: call.clone(), multiplier: Decimal::ONE_HUNDRED, ..written };
    let event = OrderEvent::Filled(written);
    let update = OrderUpdate { account: paper(), client_order_id: id, at: hosted.rig.now, event };
    hosted.step(Input::Broker(Box::new(AccountEvent::Order(update))));
    quote(&mut hosted);
    let before = hosted.sent.len();
    hosted.ask(StrategyChange::Stop { name: "s".into(), flatten: true });
    let bought = hosted.sent[before..].iter().find(|order| order.subject.instrument() == Some(&call));
    let bought = bought.expect("the call is bought back, whatever becomes of the shares");
    assert_eq!((bought.side, bought.quantity, bought.reduce_only), (Side::Buy, Quantity::from(1), true));
    assert_eq!(bought.position_effect, Some(crate::domain::order::PositionEffect::Close));
}
