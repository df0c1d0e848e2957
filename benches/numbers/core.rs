//! The core without disk: quotes stepped one by one, the risk check, an order's whole way.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arbion::core::effect::{Effect, RequestId};
use arbion::core::engine::{Engine, EngineConfig, Records};
use arbion::core::input::{AccountSetup, Input};
use arbion::core::paper::{Venue, VenueConfig};
use arbion::domain::account::{AccountKind, AccountMode};
use arbion::domain::calendar::Calendar;
use arbion::domain::capabilities::Capabilities;
use arbion::domain::ids::AccountId;
use arbion::domain::instrument::{Instrument, InstrumentSpec};
use arbion::domain::limits::RiskLimits;
use arbion::domain::money::{Currency, Money, Price, Quantity};
use arbion::domain::order::{
    OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind, Pricing, Side, TimeInForce,
};
use arbion::domain::quote::{Bar, Feed, Interval, Quote};
use arbion::domain::strategy::StrategyView;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::measure::{best, micros, per_second, percentile, row};

const SYMBOLS: usize = 500;
const POSITIONS: usize = 50;
const STOPS: usize = 100;
const QUOTES: u32 = 100_000;
const ORDERS: usize = 5_000;

pub fn run() {
    let mut rig = Rig::new();
    rig.fill_the_book();
    quotes(&mut rig);
    checks(&mut rig);
    orders(&mut rig, &format!("{POSITIONS} positions, {STOPS} stops"));
    orders(&mut Rig::new(), "an empty account");
}

/// An engine and its paper venue, with positions and working stops, and nobody else in between.
pub struct Rig {
    engine: Engine,
    venue: Venue,
    account: AccountId,
    instruments: Vec<Instrument>,
    now: Timestamp,
}

impl Rig {
    /// Instruments that it has prices of.
    pub const SYMBOLS: usize = SYMBOLS;

    /// One of them.
    pub fn instrument(&self, i: usize) -> &Instrument {
        &self.instruments[i]
    }

    /// Its strategies.
    pub fn strategies(&self) -> Vec<StrategyView> {
        self.engine.strategies()
    }

    /// Time passes.
    pub fn later(&mut self, by: SignedDuration) {
        self.now += by;
    }

    pub fn new() -> Self {
        let account = AccountId::new("paper");
        // A Tuesday at noon in New York.
        let now = Timestamp::from_second(1_795_539_600).unwrap();
        let cash = Decimal::from(10_000_000);
        let mut config = VenueConfig::new(account.clone(), cash);
        (config.ack_ms, config.cancel_ms) = (0, 0);
        let engine = EngineConfig {
            profile: "bench".into(),
            default_account: account.clone(),
            feed: Feed::Simulated,
            seed: 1,
            bar_mode: false,
            never_closed: true,
            fees: config.fees.clone(),
            records: Records::All,
        };
        let mut rig = Self {
            engine: Engine::new(engine, Arc::new(Calendar::nyse()), now),
            venue: Venue::new(config),
            account: account.clone(),
            instruments: (0..SYMBOLS).map(|i| Instrument::equity(&format!("S{i}")).unwrap()).collect(),
            now,
        };
        let setup = AccountSetup {
            account: account.clone(),
            kind: AccountKind::Margin,
            mode: AccountMode::Paper,
            currency: Currency::USD,
            opening_cash: vec![Money::new(cash, Currency::USD)],
            options_level: 3,
            capabilities: Capabilities::paper(),
            limits: RiskLimits { open_orders_max: 1_000, ..RiskLimits::bar_mode(cash) },
        };
        rig.step(Input::Account(Box::new(setup)));
        rig.step(Input::BrokerStatus { account, up: true, reconciled: true });
        for (i, instrument) in rig.instruments.clone().into_iter().enumerate() {
            let spec = InstrumentSpec::standard(instrument);
            rig.venue.set_spec(spec.clone());
            rig.step(Input::Instrument(Box::new(spec)));
            rig.quote(i, 0);
        }
        rig
    }

    /// Positions, and two stops under each.
    pub fn fill_the_book(&mut self) {
        for i in 0..POSITIONS {
            let order = self.order(i, Side::Buy, 100, Pricing::Market);
            assert_eq!(self.place(order), OrderStatus::Filled);
        }
        for i in 0..STOPS {
            // Exits have a rate limit of their own.
            self.now += SignedDuration::from_millis(200);
            self.quote(i % POSITIONS, 0);
            let stop_price = Price::from(80 - i64::try_from(i / POSITIONS).unwrap());
            let order = self.order(i % POSITIONS, Side::Sell, 50, Pricing::Stop { stop_price });
            assert_eq!(self.place(order), OrderStatus::Submitted);
        }
        assert_eq!(self.venue.open_orders().count(), STOPS);
    }

    fn order(&mut self, i: usize, side: Side, quantity: i64, pricing: Pricing) -> OrderRequest {
        OrderRequest {
            time_in_force: TimeInForce::Gtc,
            allow_duplicate: true,
            ..OrderRequest::plain(
                self.engine.mint(self.now),
                self.account.clone(),
                Origin::person(OriginKind::Cli),
                OrderSubject::Instrument(self.instruments[i].clone()),
                side,
                Quantity::from(quantity),
                pricing,
            )
        }
    }

    /// Around 100 at a spread of two cents.
    fn quote_of(&self, i: usize, turn: i64) -> Quote {
        let mut quote = Quote::empty(self.instruments[i].clone(), self.now, Feed::Simulated);
        let cents = 10_000 + (turn * 7 + i64::try_from(i).unwrap()) % 40;
        quote.bid = Some(Price::new(Decimal::new(cents, 2)));
        quote.ask = Some(Price::new(Decimal::new(cents + 2, 2)));
        quote.last = quote.bid;
        (quote.bid_size, quote.ask_size) = (Quantity::from(500), Quantity::from(500));
        quote
    }

    /// A quote through the venue and the engine, as the shell hands it to both.
    pub fn quote(&mut self, i: usize, turn: i64) {
        let quote = self.quote_of(i, turn);
        self.venue.on_quote(self.now, &quote);
        self.step(Input::Quote(Box::new(quote)));
        if self.venue.has_events() {
            self.collect();
        }
    }

    pub fn step(&mut self, input: Input) {
        let effects = self.engine.step(self.now, input);
        if !effects.is_empty() {
            self.perform(effects.into());
        }
    }

    fn place(&mut self, order: OrderRequest) -> OrderStatus {
        let id = order.client_order_id;
        self.step(Input::Place { request: RequestId(0), orders: vec![order] });
        let i = id;
        if self.engine.order(i).is_some_and(|order| order.status == OrderStatus::Submitted) {
            self.match_market(i);
        }
        self.engine.order(id).unwrap().status
    }

    /// A market order fills at the next quote after its acknowledgement.
    fn match_market(&mut self, id: arbion::domain::ids::ClientOrderId) {
        let request = &self.engine.order(id).unwrap().request;
        if request.pricing == Pricing::Market {
            let instrument = request.subject.instrument().unwrap().clone();
            let i = self.instruments.iter().position(|own| *own == instrument).unwrap();
            self.quote(i, 0);
        }
    }

    fn collect(&mut self) {
        let mut events = Vec::new();
        self.venue.drain(&mut events);
        for event in events {
            self.step(Input::Broker(Box::new(event)));
        }
    }

    fn perform(&mut self, mut queue: VecDeque<Effect>) {
        while let Some(effect) = queue.pop_front() {
            match effect {
                Effect::Journal { ticket, entry, .. } => {
                    black_box(entry);
                    queue.extend(self.engine.step(self.now, Input::Journaled(ticket)));
                }
                Effect::Submit { order, .. } => self.venue.submit(self.now, order.get()),
                Effect::Cancel { order, .. } => self.venue.cancel(self.now, order),
                Effect::Replace { order, new, filled, .. } => {
                    self.venue.replace(self.now, order, filled, new.get());
                }
                // A past of a price that stands, long enough for every average.
                Effect::History { strategy, instrument, interval, bars } => {
                    let bars = past(self.now, interval, bars);
                    let feed = Feed::Simulated;
                    let input = Input::History { strategy, instrument, interval, bars, feed };
                    queue.extend(self.engine.step(self.now, input));
                }
                Effect::Ask { .. }
                | Effect::Reconcile { .. }
                | Effect::Ring { .. }
                | Effect::Need { .. }
                | Effect::Measure { .. }
                | Effect::Bot { .. }
                | Effect::Answer { .. } => {}
            }
            let mut events = Vec::new();
            self.venue.drain(&mut events);
            for event in events {
                queue.extend(self.engine.step(self.now, Input::Broker(Box::new(event))));
            }
        }
    }
}

fn past(now: Timestamp, interval: Interval, count: usize) -> Vec<(Timestamp, Bar)> {
    let width = SignedDuration::from_secs(interval.seconds());
    let price = Price::from(100);
    (1..=i32::try_from(count).unwrap())
        .rev()
        .map(|back| {
            let start = now - width * (back + 1);
            let bar = Bar { start, open: price, high: price, low: price, close: price, volume: Decimal::ONE };
            (start + width, bar)
        })
        .collect()
}

fn quotes(rig: &mut Rig) {
    let feed: Vec<(usize, Quote)> = (0..QUOTES as usize)
        .map(|n| (n % SYMBOLS, rig.quote_of(n % SYMBOLS, i64::try_from(n / SYMBOLS).unwrap())))
        .collect();
    let time = best(|| {
        for (_, quote) in &feed {
            rig.now += SignedDuration::from_micros(2);
            rig.venue.on_quote(rig.now, quote);
            rig.step(Input::Quote(Box::new(quote.clone())));
        }
    });
    let name = format!("step: quotes, {SYMBOLS} symbols, {POSITIONS} positions, {STOPS} stops");
    row(&name, per_second(QUOTES, time), "500,000 /s");
}

fn checks(rig: &mut Rig) {
    rig.quote(7, 1);
    let order = rig.order(7, Side::Buy, 10, Pricing::Limit { limit_price: Price::from(100) });
    let outcome = rig.engine.check(&order);
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    let time = best(|| {
        for _ in 0..100 {
            black_box(rig.engine.check(&order));
        }
    });
    row("risk: all checks of one order", micros(time / 100), "20 us");
}

fn orders(rig: &mut Rig, name: &str) {
    let mut times: Vec<Duration> = (0..ORDERS)
        .map(|n| {
            let i = POSITIONS + n % POSITIONS;
            rig.now += SignedDuration::from_millis(100);
            rig.quote(i, 0);
            let side = if (n / POSITIONS).is_multiple_of(2) { Side::Buy } else { Side::Sell };
            let order = rig.order(i, side, 1, Pricing::Market);
            let start = Instant::now();
            assert_eq!(rig.place(order), OrderStatus::Filled);
            start.elapsed()
        })
        .collect();
    let median = percentile(&mut times, 50);
    row(&format!("order: to its fill in the books, {name}, median"), micros(median), "20 us");
    row("  the same, 99th of 100", micros(percentile(&mut times, 99)), "");
}
