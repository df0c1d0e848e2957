//! Wheel and collar through the whole engine: they evaluate when their schedule says so, open their first position by the one door, say why
//! under their codes, and go on with all of it in the next process.

use super::*;
use crate::core::input::Needed;
use crate::domain::chain::{Chain, ChainRow};
use crate::strategies::Need;

/// A contract on AAPL at 100: what is bid, what is asked, its delta.
type Row = (&'static str, &'static str, &'static str, f64);

/// Five weeks and three months away.
const CHAIN: [Row; 3] = [
    ("AAPL  261231P00095000", "2.00", "2.02", -0.28),
    ("AAPL  270219P00090000", "1.98", "2.00", -0.25),
    ("AAPL  270219C00110000", "2.10", "2.12", 0.30),
];

impl Hosted {
    /// So many seconds later: shares at 100, contracts as the chain has them, and the chain for whoever asks.
    fn market(&mut self, seconds: i64, chain: &[Row]) {
        self.rig.later(seconds + 1);
        let share = self.price(aapl(), "100", "100");
        self.step(Input::Quote(Box::new(share)));
        for (key, bid, ask, _) in chain {
            let instrument = Instrument::from_key(key).unwrap();
            self.step(Input::Instrument(Box::new(InstrumentSpec::standard(instrument.clone()))));
            let quote = self.price(instrument, bid, ask);
            self.step(Input::Quote(Box::new(quote)));
        }
        self.tick(chain);
    }

    fn price(&self, instrument: Instrument, bid: &str, ask: &str) -> Quote {
        let mut quote = Quote::empty(instrument, self.rig.now, Feed::Simulated);
        (quote.bid, quote.ask) = (bid.parse().ok(), ask.parse().ok());
        quote
    }

    /// What is due is done, and what it needs is answered.
    fn tick(&mut self, chain: &[Row]) {
        self.step(Input::Tick);
        while let Some((strategy, need)) = self.needs.pop() {
            let answer = match need {
                Need::Chain { underlying, from, until } => {
                    Needed::Chain(Box::new(self.chain(underlying, chain, from..=until)))
                }
                Need::Bars { instrument, interval, .. } => {
                    Needed::Bars { instrument, interval, bars: Vec::new() }
                }
                Need::Events { underlying } => Needed::Events { underlying, events: None },
            };
            self.step(Input::Needed { strategy, answer });
        }
    }

    fn chain(
        &self,
        underlying: Symbol,
        rows: &[Row],
        days: std::ops::RangeInclusive<jiff::civil::Date>,
    ) -> Chain {
        let row = |(key, bid, ask, delta): &Row| {
            let instrument = Instrument::from_key(key).unwrap();
            let contract = instrument.as_option().unwrap().clone();
            let quote = self.price(instrument, bid, ask);
            let (open_interest, iv, delta) = (Some(1_000), Some(0.3), Some(*delta));
            ChainRow { contract, quote, open_interest, iv, delta, gamma: None, theta: None, vega: None }
        };
        let rows: Vec<ChainRow> =
            rows.iter().map(row).filter(|row| days.contains(&row.contract.expiry)).collect();
        let expiries = rows.iter().map(|row| row.contract.expiry).collect();
        Chain { underlying, spot: Some(Price::from(100)), expiries, rows }
    }

    /// Until so many hours and minutes of this day in New York, half a minute at a time.
    fn until(&mut self, hour: i8, minute: i8, chain: &[Row]) {
        let zoned = self.rig.now.in_tz("America/New_York").unwrap();
        let at = zoned.date().at(hour, minute, 30, 0).in_tz("America/New_York").unwrap().timestamp();
        while self.rig.now < at {
            self.market(29, chain);
        }
    }

    fn option_fills(&mut self, order: &OrderRequest, key: &str, side: Side, price: &str) {
        let units = i64::try_from(order.quantity.get()).unwrap();
        let name = format!("o{key}{}", self.sent.len());
        let OrderEvent::Filled(filled) = fill(order.client_order_id, &name, side, units, price) else {
            unreachable!()
        };
        let instrument = Instrument::from_key(key).unwrap();
        let multiplier = Decimal::ONE_HUNDRED;
        let filled = OrderEvent::Filled(Execution { instrument, multiplier, ..filled });
        for event in [acknowledged(), filled] {
            let (account, client_order_id, at) = (paper(), order.client_order_id, self.rig.now);
            let update = OrderUpdate { account, client_order_id, at, event };
            self.step(Input::Broker(Box::new(AccountEvent::Order(update))));
        }
    }

    fn claims(&self, name: &str) -> Vec<(String, Quantity)> {
        let claims = self.view(name).claims.into_iter().filter(|claim| !claim.quantity.is_zero());
        claims.map(|claim| (claim.instrument.key(), claim.quantity)).collect()
    }
}

fn of(kind: &str, params: &[(&str, &str)], adopt: &[Instrument]) -> StrategySpec {
    StrategySpec {
        kind: kind.into(),
        interval: Interval::Day1,
        params: params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        adopt: adopt.to_vec(),
        ..spec(kind)
    }
}

#[test]
fn a_wheel_sells_its_first_put_when_it_is_due_and_goes_on_after_a_kill() {
    let put = CHAIN[0].0;
    // It is ten in New York: the next look is at half past twelve.
    let mut hosted = Hosted::running_with(of("wheel", &[("contracts", "2")], &[]));
    hosted.until(12, 28, &CHAIN);
    assert_eq!((hosted.sent.len(), hosted.disk.decisions.len()), (0, 0), "{:?}", hosted.disk.decisions);
    hosted.until(12, 30, &CHAIN);
    let [sold] = &hosted.sent[..] else { panic!("{:?} {:?}", hosted.sent, hosted.disk.decisions) };
    let sold = sold.clone();
    assert_eq!(sold.subject.instrument().map(Instrument::key).as_deref(), Some(put));
    assert_eq!((sold.side, sold.quantity), (Side::Sell, Quantity::from(2)));
    assert_eq!(sold.pricing.limit_price(), "2.01".parse().ok(), "the middle of its market");
    let said = hosted.view("wheel").last_decision.unwrap();
    assert!(said.code == "WHEEL_SELL_PUT" && said.text.contains("x2"), "{said:?}");
    assert!(said.proposal.is_some(), "{said:?}");
    // Killed with its order at work: it is its own in the next process, and no second one follows.
    let mut hosted = hosted.restarted();
    hosted.step(Input::RunStrategies);
    hosted.market(1, &CHAIN);
    assert_eq!((hosted.phase("wheel"), hosted.view("wheel").working_orders), (StrategyPhase::Running, 1));
    assert_eq!(hosted.sent.len(), 0);
    hosted.option_fills(&sold, put, Side::Sell, "2.01");
    assert_eq!(hosted.claims("wheel"), [(put.to_owned(), Quantity::from(-2))]);
    // Killed again, holding: half of the credit is earned by the next look, and it is bought back.
    let mut hosted = hosted.restarted();
    hosted.step(Input::RunStrategies);
    let cheap = [(put, "0.80", "0.82", -0.10)];
    hosted.until(15, 30, &cheap);
    let bought = hosted.sent.first().unwrap_or_else(|| panic!("{:?}", hosted.disk.decisions)).clone();
    assert_eq!(bought.subject.instrument().map(Instrument::key).as_deref(), Some(put));
    assert_eq!((bought.side, bought.quantity, bought.reduce_only), (Side::Buy, Quantity::from(2), true));
    assert!(
        hosted.disk.decisions.iter().any(|code| code == "WHEEL_TAKE_PROFIT"),
        "{:?}",
        hosted.disk.decisions
    );
}

#[test]
fn a_collar_hedges_its_shares_when_it_is_due_and_goes_on_after_a_kill() {
    let (put, call) = (CHAIN[1].0, CHAIN[2].0);
    let mut hosted = Hosted::new();
    hosted.its(Side::Buy, 100, 100);
    hosted.add(of("collar", &[("lots", "1")], &[aapl()]));
    hosted.start("collar");
    assert_eq!(hosted.claims("collar"), [("AAPL".to_owned(), Quantity::from(100))]);
    let before = hosted.sent.len();
    hosted.until(12, 28, &CHAIN);
    assert_eq!(hosted.sent.len(), before, "{:?}", hosted.disk.decisions);
    hosted.until(12, 30, &CHAIN);
    let [pair] = &hosted.sent[before..] else {
        panic!("{:?} {:?}", &hosted.sent[before..], hosted.disk.decisions)
    };
    let pair = pair.clone();
    let OrderSubject::Legs(legs) = &pair.subject else { panic!("{pair:?}") };
    let legs: Vec<(String, Side)> = legs.iter().map(|leg| (leg.instrument.key(), leg.side)).collect();
    assert_eq!(legs, [(put.to_owned(), Side::Buy), (call.to_owned(), Side::Sell)]);
    assert!(hosted.disk.decisions.iter().any(|code| code == "COLLAR_OPEN"), "{:?}", hosted.disk.decisions);
    let mut hosted = hosted.restarted();
    hosted.step(Input::RunStrategies);
    hosted.market(1, &CHAIN);
    assert_eq!((hosted.view("collar").working_orders, hosted.sent.len()), (1, 0));
    hosted.option_fills(&pair, put, Side::Buy, "1.99");
    hosted.option_fills(&pair, call, Side::Sell, "2.11");
    // Killed again, hedged: nothing more is wanted at the next look.
    let mut hosted = hosted.restarted();
    hosted.step(Input::RunStrategies);
    hosted.until(15, 30, &CHAIN);
    assert_eq!((hosted.phase("collar"), hosted.sent.len()), (StrategyPhase::Running, 0));
    let claims = hosted.claims("collar");
    let of = |key: &str| claims.iter().find(|(it, _)| it == key).map(|(_, units)| *units);
    assert_eq!((of("AAPL"), of(put), of(call)), (Some(100.into()), Some(1.into()), Some((-1).into())));
    assert!(!hosted.disk.decisions.iter().any(|code| code == "COLLAR_OPEN"), "{:?}", hosted.disk.decisions);
}
