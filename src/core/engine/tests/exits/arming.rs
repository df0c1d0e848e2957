//! Plans that begin with a fill: of an order, by default, and of what was added apart.

use super::*;
use crate::domain::instrument::AssetClass;

impl Desk {
    fn buy_with(&mut self, units: i64, plan: &str) -> ClientOrderId {
        let plan = ExitPlan::from_line(plan).unwrap();
        let order = OrderRequest { exit_plan: Some(Box::new(plan)), ..self.rig.order(Side::Buy, units) };
        let order = OrderRequest { pricing: Pricing::Market, ..order };
        let id = order.client_order_id;
        self.rig.requests += 1;
        self.step(Input::Place { request: RequestId(self.rig.requests), orders: vec![order] });
        self.settle();
        id
    }

    fn parts(&self) -> Vec<(String, Option<String>)> {
        let stop = |group: &ExitGroup| group.stop_price.map(|price| price.to_string());
        self.disk.exits.iter().map(|group| (group.part.to_string(), stop(group))).collect()
    }
}

fn part(name: &str, stop: &str) -> (String, Option<String>) {
    (name.to_owned(), Some(stop.to_owned()))
}

#[test]
fn an_order_brings_its_plan_and_the_fill_arms_it() {
    let mut desk = Desk::new();
    desk.buy_with(10, "stop=5% placement=engine");
    assert_eq!((desk.held(), desk.rig.said("EXIT_ARMED")), (10, 1));
    let group = desk.group().unwrap();
    // It bought at 100.01.
    assert_eq!((group.entry_price.to_string().as_str(), group.stop_price), ("100.01", Some(Price::from(95))));
    for _ in 0..2 {
        desk.quote("94");
    }
    assert_eq!((desk.held(), desk.group()), (0, None));
}

/// Filled in three parts: one plan, for all of them.
#[test]
fn the_first_fill_arms_it_and_the_others_extend_it() {
    let mut desk = Desk::new();
    desk.deaf = true;
    let id = desk.buy_with(10, "stop=5% take=4%:0.5 placement=engine");
    for (n, (units, price)) in [(3, "100"), (3, "100.5"), (4, "101")].into_iter().enumerate() {
        let event = fill(id, &format!("p{n}"), Side::Buy, units, price);
        desk.told(id, event);
    }
    let group = desk.group().unwrap();
    assert_eq!((group.entry_price, group.entry_quantity), (Price::from(100), Quantity::from(10)));
    assert_eq!((desk.disk.exits.len(), desk.rig.said("EXIT_ARMED")), (1, 1));
}

#[test]
fn what_opens_a_position_by_hand_gets_the_plan_of_its_class() {
    let mut desk = Desk::new();
    let plan = ExitPlan::from_line("stop=8% placement=engine").unwrap();
    desk.step(Input::DefaultExits([(AssetClass::Equity, plan)].into()));
    desk.trade(Side::Buy, 10);
    assert_eq!(desk.parts(), [part("", "92")]);
    // A bracket has its exits.
    let mut desk = Desk::new();
    let plan = ExitPlan::from_line("stop=8%").unwrap();
    desk.step(Input::DefaultExits([(AssetClass::Equity, plan)].into()));
    let stop_loss =
        Some(BracketExit { client_order_id: desk.rig.engine.mint(desk.rig.now), price: Price::from(90) });
    let order = OrderRequest { stop_loss, pricing: Pricing::Market, ..desk.rig.order(Side::Buy, 10) };
    desk.step(Input::Place { request: RequestId(77), orders: vec![order] });
    desk.settle();
    assert_eq!((desk.held(), desk.parts()), (10, Vec::new()));
}

#[test]
fn what_is_added_belongs_to_the_plan_or_gets_its_own() {
    let mut desk = Desk::new();
    desk.buy_with(10, "stop=5% placement=engine");
    desk.quote("110");
    desk.trade(Side::Buy, 10);
    assert_eq!(desk.parts(), [part("", "95")]);
    assert_eq!(desk.group().unwrap().entry_quantity, Quantity::from(20));

    let mut desk = Desk::new();
    desk.buy_with(10, "stop=5% placement=engine scale_in=separate");
    desk.quote("110");
    desk.trade(Side::Buy, 6);
    // Bought at 110.01.
    assert_eq!(desk.parts(), [part("", "95"), part("+2", "104.5")]);
    for _ in 0..2 {
        desk.quote("104");
    }
    assert_eq!((desk.held(), desk.parts()), (10, vec![part("", "95")]), "only what was added is closed");
    for _ in 0..2 {
        desk.quote("94");
    }
    assert_eq!((desk.held(), desk.group()), (0, None));
}

/// A sale by hand takes what was added last first; together the plans never cover more than is held.
#[test]
fn plans_of_one_position_never_cover_more_than_is_held() {
    for placement in ["engine", "auto"] {
        let mut desk = Desk::new();
        desk.buy_with(10, &format!("stop=5% placement={placement} scale_in=separate"));
        desk.quote("101");
        desk.trade(Side::Buy, 6);
        desk.quote("101");
        desk.trade(Side::Sell, 4);
        for _ in 0..3 {
            desk.quote("101");
        }
        assert_eq!(desk.held(), 12, "{placement}");
        let added = desk.disk.exits.iter().find(|group| group.part == "+2").unwrap();
        assert_eq!(added.units, Some(Quantity::from(2)), "{placement}");
        if placement == "auto" {
            assert_eq!(desk.offered(), Quantity::from(12));
        }
        for _ in 0..14 {
            desk.quote("90");
        }
        assert_eq!((desk.held(), desk.parts()), (0, Vec::new()), "{placement}");
    }
}

/// A range is measured once it holds something, and frozen then.
#[test]
fn a_range_is_frozen_at_the_first_fill() {
    let mut desk = Desk::new();
    desk.buy_with(10, "stop=2atr take=1r placement=engine");
    assert_eq!(desk.parts(), [(String::new(), None)]);
    desk.step(Input::Range { instrument: aapl(), range: None });
    assert_eq!(desk.rig.said("EXIT_NOT_MEASURED"), 1);
    desk.step(Input::Range { instrument: aapl(), range: Some(Decimal::TWO) });
    let group = desk.group().unwrap();
    assert_eq!(
        (group.stop_price, group.plan.words().as_str()),
        ("96.01".parse().ok(), "stop 4off, take 1r, in the engine")
    );
    desk.step(Input::Range { instrument: aapl(), range: Some(Decimal::TEN) });
    assert_eq!(desk.group().unwrap().stop_price, "96.01".parse().ok());
}
