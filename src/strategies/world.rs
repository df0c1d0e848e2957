//! A small scripted world for option strategies: one account, model chains, orders that fill as the script says, expiries and assignments
//! as in life, restarts at any point. Invariants are checked at every proposal: no uncovered call, no cash promised twice.

use std::collections::{BTreeMap, VecDeque};

use jiff::civil::{Date, time};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::domain::account::AccountKind;
use crate::domain::calendar::{Calendar, exchange_date, instant, plus_days};
use crate::domain::chain::{Chain, ChainRow};
use crate::domain::corporate::{CorporateAction, CorporateActionKind};
use crate::domain::events::UnderlyingEvents;
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::fees::FeeTable;
use crate::domain::ids::{AccountId, ClientOrderId, ExecutionId, OrderNumber};
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec, Symbol};
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::option::{OptionContract, Right};
use crate::domain::order::{
    Order, OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind, PositionEffect, Pricing, Side,
};
use crate::domain::quote::{Bar, Feed, Interval, Quote};
use crate::quant::greeks::{Terms, black_scholes, years};

use super::schedule::{Firing, Timetable};
use super::{Books, Held, Need, Output, Params, Proposal, Standing, Strategy, StrategyInput, Working, build};

const SHARES: Decimal = Decimal::ONE_HUNDRED;
const SYMBOL: &str = "AAPL";

/// How orders fill.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fills {
    /// At their limit, as soon as they work.
    AtOnce,
    /// At the natural price, once the limit has come there.
    Natural,
    /// Never.
    Never,
    /// One contract at the limit, and then nothing.
    OneContract,
}

/// What the market looks like.
#[derive(Clone, Debug)]
pub(super) struct MarketNow {
    pub(super) spot: f64,
    pub(super) previous_close: f64,
    pub(super) sigma: f64,
    /// Half of the spread in per cent of an option's price.
    pub(super) half_spread_percent: f64,
    pub(super) open_interest: u64,
    pub(super) halted: bool,
    pub(super) empty: bool,
    pub(super) crossed: bool,
    pub(super) age_s: i64,
    pub(super) closes: Vec<f64>,
    /// Options are worth so much more, or less where negative, than the model says.
    pub(super) off: f64,
    /// Only these expiries are listed, where any are said.
    pub(super) expiries: Vec<Date>,
}

pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) calendar: Calendar,
    pub(super) cash: Decimal,
    pub(super) claims: BTreeMap<Instrument, (Decimal, Price)>,
    pub(super) orders: Vec<(Order, Timestamp)>,
    pub(super) market: MarketNow,
    pub(super) standing: Standing,
    pub(super) events: Option<UnderlyingEvents>,
    pub(super) fills: Fills,
    pub(super) reserved_elsewhere: Decimal,
    pub(super) refuse_openings: bool,
    pub(super) refusal: &'static str,
    symbol: Symbol,
    quotes: BTreeMap<Instrument, Quote>,
    chain: Option<Chain>,
    bars: Vec<Bar>,
    fees: FeeTable,
    expired: Vec<(OptionContract, f64)>,
    numbers: u64,
}

enum Event {
    Execution(Execution),
    Assigned(Execution),
    Exercised(Execution),
    Expired(Execution),
    Position(Instrument, Decimal, Decimal),
    Corporate(CorporateAction),
    Order(Order),
    Chain,
    Bars,
    Events,
    Started,
}

/// A strategy in its world.
pub(super) struct Script {
    pub(super) world: World,
    pub(super) strategy: Box<dyn Strategy>,
    pub(super) log: Vec<String>,
    pub(super) alerts: Vec<String>,
    /// Everything proposed, with its instant: side, what, how many, limit.
    pub(super) proposed: Vec<String>,
    /// A restart before every input.
    pub(super) restless: bool,
    kind: &'static str,
    params: Params,
    timetable: Timetable,
    queue: VecDeque<Event>,
    memory: String,
}

fn price(value: f64) -> Price {
    format!("{value:.2}").parse().unwrap()
}

pub(super) fn share() -> Instrument {
    Instrument::equity(SYMBOL).unwrap()
}

/// A contract as `P190 2026-12-18`.
pub(super) fn contract(text: &str) -> OptionContract {
    let (strike, expiry) = text.split_once(' ').unwrap();
    OptionContract {
        underlying: Symbol::new(SYMBOL).unwrap(),
        expiry: expiry.parse().unwrap(),
        strike: strike[1..].parse().unwrap(),
        right: if strike.starts_with('P') { Right::Put } else { Right::Call },
        root: None,
    }
}

impl World {
    fn new(start: Timestamp, cash: i64) -> Self {
        Self {
            now: start,
            calendar: Calendar::nyse(),
            cash: Decimal::from(cash),
            claims: BTreeMap::new(),
            orders: Vec::new(),
            market: MarketNow {
                spot: 200.0,
                previous_close: 201.0,
                sigma: 0.30,
                half_spread_percent: 1.0,
                open_interest: 500,
                halted: false,
                empty: false,
                crossed: false,
                age_s: 0,
                closes: Vec::new(),
                off: 0.0,
                expiries: Vec::new(),
            },
            standing: Standing {
                kind: AccountKind::Cash,
                options_level: 3,
                multi_leg: true,
                replace: true,
                closing_only: false,
                halted: false,
            },
            events: Some(UnderlyingEvents {
                dividends: Vec::new(),
                earnings: Vec::new(),
                is_fund: true,
                as_of: start,
            }),
            fills: Fills::AtOnce,
            reserved_elsewhere: Decimal::ZERO,
            refuse_openings: false,
            refusal: "BUYING_POWER",
            symbol: Symbol::new(SYMBOL).unwrap(),
            quotes: BTreeMap::new(),
            chain: None,
            bars: Vec::new(),
            fees: FeeTable::default(),
            expired: Vec::new(),
            numbers: 0,
        }
    }

    fn today(&self) -> Date {
        exchange_date(self.now)
    }

    pub(super) fn share(&self) -> Instrument {
        Instrument::Equity { symbol: self.symbol.clone() }
    }

    /// The model's value and delta of a contract.
    pub(super) fn value(&self, contract: &OptionContract) -> (f64, f64) {
        use rust_decimal::prelude::ToPrimitive;
        let days = crate::quant::contracts::days_to_expiry(contract.expiry, self.today());
        let terms = Terms {
            right: contract.right,
            spot: self.market.spot,
            strike: contract.strike.get().to_f64().unwrap(),
            years: years(days.max(0)),
            rate: 0.04,
            dividend_yield: 0.0,
        };
        let greeks = black_scholes(&terms, self.market.sigma);
        (greeks.price + self.market.off, greeks.delta)
    }

    fn option_quote(&self, contract: &OptionContract) -> Quote {
        let (value, _) = self.value(contract);
        let half = (value * self.market.half_spread_percent / 100.0).max(0.01);
        let as_of = self.now - SignedDuration::from_secs(self.market.age_s);
        let mut quote = Quote::empty(Instrument::Option(contract.clone()), as_of, Feed::Simulated);
        let (mut bid, mut ask) = (price(value - half), price(value + half));
        if ask <= bid {
            ask = bid + price(0.01);
        }
        if self.market.crossed {
            (bid, ask) = (ask, bid);
        }
        quote.bid = bid.is_positive().then_some(bid);
        quote.ask = Some(ask.max(price(0.01)));
        quote.halted = self.market.halted;
        quote
    }

    /// Prices of the share, of what is held and of what works.
    pub(super) fn refresh(&mut self) {
        let mut share = Quote::empty(self.share(), self.now, Feed::Simulated);
        share.as_of = self.now - SignedDuration::from_secs(self.market.age_s);
        share.bid = Some(price(self.market.spot - 0.01));
        share.ask = Some(price(self.market.spot + 0.01));
        share.last = Some(price(self.market.spot));
        share.previous_close = Some(price(self.market.previous_close));
        share.halted = self.market.halted;
        self.quotes.clear();
        self.quotes.insert(self.share(), share);
        let held = self.claims.keys().filter_map(|it| it.as_option().cloned());
        let working = self.orders.iter().flat_map(|(order, _)| order.request.subject.instruments());
        let contracts: Vec<OptionContract> =
            held.chain(working.filter_map(|it| it.as_option().cloned())).collect();
        for contract in contracts {
            let quote = self.option_quote(&contract);
            self.quotes.insert(Instrument::Option(contract), quote);
        }
    }

    fn expiries(&self, from: Date, until: Date) -> Vec<Date> {
        if !self.market.expiries.is_empty() {
            return self.market.expiries.iter().copied().filter(|day| (from..=until).contains(day)).collect();
        }
        let mut found = Vec::new();
        let mut day = from;
        while day <= until {
            let friday = self.calendar.weekly_expiry(day);
            if (from..=until).contains(&friday) && !found.contains(&friday) {
                found.push(friday);
            }
            day = plus_days(day, 1);
        }
        found
    }

    fn make_chain(&mut self, from: Date, until: Date) {
        let expiries = self.expiries(from, until);
        let mut rows = Vec::new();
        for expiry in expiries.iter().filter(|_| !self.market.empty) {
            let (low, high) = ((self.market.spot * 0.7) as i64 / 5 * 5, (self.market.spot * 1.4) as i64);
            for strike in (low..=high).step_by(5) {
                for right in [Right::Call, Right::Put] {
                    let contract = OptionContract {
                        underlying: self.symbol.clone(),
                        expiry: *expiry,
                        strike: Price::from(strike),
                        right,
                        root: None,
                    };
                    let quote = self.option_quote(&contract);
                    let (_, delta) = self.value(&contract);
                    rows.push(ChainRow {
                        contract,
                        quote,
                        open_interest: Some(self.market.open_interest),
                        iv: Some(self.market.sigma),
                        delta: Some(delta),
                        gamma: None,
                        theta: None,
                        vega: None,
                    });
                }
            }
        }
        let spot = Some(price(self.market.spot));
        self.chain = Some(Chain { underlying: self.symbol.clone(), spot, expiries, rows });
    }

    fn claim(&self, instrument: &Instrument) -> Decimal {
        self.claims.get(instrument).map_or(Decimal::ZERO, |(units, _)| *units)
    }

    fn book(&mut self, execution: &Execution) {
        let units = execution.signed_quantity().get();
        let (held, average) = self.claims.get(&execution.instrument).copied().unwrap_or_default();
        let after = held + units;
        let grows = held.is_zero() || held.is_sign_positive() == units.is_sign_positive();
        let average = if grows && !after.is_zero() {
            Price::new((average.get() * held.abs() + execution.price.get() * units.abs()) / after.abs())
        } else {
            average
        };
        self.cash += execution.cash_flow();
        if after.is_zero() {
            self.claims.remove(&execution.instrument);
        } else {
            self.claims.insert(execution.instrument.clone(), (after, average));
        }
    }

    fn execution(
        &mut self,
        instrument: Instrument,
        side: Side,
        quantity: Decimal,
        price: Price,
        kind: ExecutionKind,
    ) -> Execution {
        self.numbers += 1;
        let option = instrument.as_option().is_some();
        let quantity = Quantity::new(quantity);
        let fee = match (option, kind) {
            (true, ExecutionKind::Trade) => self.fees.fee(AssetClass::Option, quantity, price, true),
            _ => Decimal::ZERO,
        };
        Execution {
            execution_id: ExecutionId::numbered('e', self.numbers),
            account: AccountId::new("paper"),
            client_order_id: None,
            broker_order_id: None,
            instrument,
            side,
            quantity,
            price,
            multiplier: if option { SHARES } else { Decimal::ONE },
            fee,
            currency: Currency::USD,
            at: self.now,
            kind,
        }
    }

    /// Short calls and those that orders write, beyond the shares.
    pub(super) fn uncovered(&self) -> Decimal {
        let calls = |instrument: &Instrument| instrument.as_option().is_some_and(|c| c.right == Right::Call);
        let held: Decimal = self
            .claims
            .iter()
            .filter(|(it, _)| calls(it))
            .map(|(_, (units, _))| -*units)
            .filter(|n| *n > Decimal::ZERO)
            .sum();
        let mut written = Decimal::ZERO;
        for (order, _) in &self.orders {
            let leaves = order.leaves_quantity().get();
            match &order.request.subject {
                OrderSubject::Instrument(it) if calls(it) && !order.request.side.is_buy() => {
                    written += leaves
                }
                OrderSubject::Instrument(_) => {}
                OrderSubject::Legs(legs) => {
                    for leg in legs.iter().filter(|leg| calls(&leg.instrument)) {
                        written -= leg.side.sign() * leg.ratio * leaves;
                    }
                }
            }
        }
        held + written.max(Decimal::ZERO) - (self.claim(&self.share()) / SHARES).floor()
    }

    /// Cash, shares and options at their models.
    pub(super) fn equity_now(&self) -> Decimal {
        let value = |instrument: &Instrument| match instrument.as_option() {
            Some(contract) => price(self.value(contract).0).get() * SHARES,
            None => price(self.market.spot).get(),
        };
        self.cash + self.claims.iter().map(|(it, (units, _))| value(it) * *units).sum::<Decimal>()
    }

    fn reserved(&self) -> Decimal {
        let strike = |instrument: &Instrument| {
            instrument.as_option().filter(|c| c.right == Right::Put).map(|c| c.strike.get() * SHARES)
        };
        let held: Decimal = self
            .claims
            .iter()
            .filter_map(|(it, (units, _))| Some(strike(it)? * (-*units).max(Decimal::ZERO)))
            .sum();
        let opens = |order: &Order| order.request.position_effect == Some(PositionEffect::Open);
        let written: Decimal = self
            .orders
            .iter()
            .filter(|(order, _)| opens(order) && !order.request.side.is_buy())
            .filter_map(|(order, _)| {
                Some(strike(order.request.subject.instrument()?)? * order.leaves_quantity().get())
            })
            .sum();
        held + written + self.reserved_elsewhere
    }
}

impl Books for World {
    fn position(&self, instrument: &Instrument) -> Quantity {
        Quantity::new(self.claim(instrument))
    }

    fn held(&self, instrument: &Instrument) -> Option<Held> {
        let (units, average_price) = self.claims.get(instrument).copied()?;
        Some(Held { instrument: instrument.clone(), quantity: Quantity::new(units), average_price })
    }

    fn options_of(&self, underlying: &Symbol) -> Vec<Held> {
        let of = |it: &&Instrument| it.as_option().is_some_and(|c| c.underlying == *underlying);
        self.claims.keys().filter(of).filter_map(|it| self.held(it)).collect()
    }

    fn account_position(&self, instrument: &Instrument) -> Quantity {
        self.position(instrument)
    }

    fn equity(&self) -> Decimal {
        self.equity_now()
    }

    fn free_cash(&self) -> Decimal {
        self.cash - self.reserved()
    }

    fn buying_power(&self) -> Decimal {
        self.free_cash()
    }

    fn is_working(&self, instrument: &Instrument) -> bool {
        !self.working(instrument).is_empty()
    }

    fn working(&self, instrument: &Instrument) -> Vec<Working> {
        let of = |order: &Order| order.request.subject.instrument() == Some(instrument);
        self.orders.iter().filter(|(order, _)| of(order)).map(|(o, since)| Working::of(o, *since)).collect()
    }

    fn working_on(&self, underlying: &Symbol) -> Vec<Working> {
        let of = |order: &Order| order.request.subject.instruments().any(|it| it.root() == underlying);
        self.orders.iter().filter(|(order, _)| of(order)).map(|(o, since)| Working::of(o, *since)).collect()
    }

    fn standing(&self) -> Standing {
        self.standing
    }

    fn quote(&self, instrument: &Instrument) -> Option<&Quote> {
        self.quotes.get(instrument)
    }

    fn spec(&self, _instrument: &Instrument) -> Option<&InstrumentSpec> {
        None
    }

    fn chain(&self, underlying: &Symbol) -> Option<&Chain> {
        self.chain.as_ref().filter(|chain| chain.underlying == *underlying)
    }

    fn bars(&self, _instrument: &Instrument, _interval: Interval) -> &[Bar] {
        &self.bars
    }

    fn events(&self, _underlying: &Symbol) -> Option<&UnderlyingEvents> {
        self.events.as_ref()
    }

    fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    fn fees(&self) -> &FeeTable {
        &self.fees
    }

    fn risk_free(&self) -> f64 {
        0.04
    }
}

impl Script {
    /// A strategy of a kind in a world that begins at an instant.
    pub(super) fn new(kind: &'static str, start: &str, cash: i64, pairs: &[(&str, &str)]) -> Self {
        let params = Params::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let strategy = build(kind, "test".into(), vec![share()], &params).unwrap();
        let mut world = World::new(start.parse().unwrap(), cash);
        world.refresh();
        let timetable = Timetable::new(strategy.schedules(), &world.calendar, world.now);
        Self {
            world,
            strategy,
            log: Vec::new(),
            alerts: Vec::new(),
            proposed: Vec::new(),
            restless: false,
            kind,
            params,
            timetable,
            queue: VecDeque::new(),
            memory: String::new(),
        }
    }

    /// Codes of what was decided, ladder steps left out.
    pub(super) fn codes(&self) -> Vec<&str> {
        self.log
            .iter()
            .map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                if words[0] == "SKIP" { words[1] } else { words[0] }
            })
            .filter(|code| *code != "LADDER_STEP")
            .collect()
    }

    /// Forgets what was logged so far.
    pub(super) fn clear(&mut self) {
        self.log.clear();
        self.alerts.clear();
        self.proposed.clear();
    }

    /// A crash and a new start: only the memory that was stored survives.
    pub(super) fn restart(&mut self) {
        self.reborn();
        self.queue.push_back(Event::Started);
        self.drain();
    }

    fn reborn(&mut self) {
        let mut other = build(self.kind, "test".into(), vec![share()], &self.params).unwrap();
        other.restore(&self.memory).unwrap();
        self.strategy = other;
    }

    /// Claims without trading: shares adopted or a position from before.
    pub(super) fn give(&mut self, instrument: Instrument, units: i64, price: &str) {
        self.world.claims.insert(instrument, (Decimal::from(units), price.parse().unwrap()));
        self.world.refresh();
    }

    /// The user trades shares by hand.
    pub(super) fn by_hand(&mut self, units: i64) {
        let share = self.world.share();
        let before = self.world.claim(&share);
        let side = if units > 0 { Side::Buy } else { Side::Sell };
        let spot = price(self.world.market.spot);
        let trade =
            self.world.execution(share.clone(), side, Decimal::from(units.abs()), spot, ExecutionKind::Trade);
        self.world.book(&trade);
        self.queue.push_back(Event::Position(share, before, before + Decimal::from(units)));
        self.drain();
    }

    pub(super) fn corporate(&mut self, kind: CorporateActionKind) {
        let action = CorporateAction {
            instrument: self.world.share(),
            ex_date: self.world.today(),
            pay_date: None,
            kind,
        };
        if let CorporateActionKind::SymbolChange { to } = &action.kind {
            self.world.symbol = to.clone();
        }
        self.queue.push_back(Event::Corporate(action));
        self.drain();
    }

    /// Short contracts are assigned now, so many of them, or what is left.
    pub(super) fn assign(&mut self, contract: &OptionContract, contracts: i64) {
        let option = Instrument::Option(contract.clone());
        let count = Decimal::from(contracts).min(-self.world.claim(&option));
        if count <= Decimal::ZERO {
            return;
        }
        let of_option =
            self.world.execution(option, Side::Buy, count, Price::ZERO, ExecutionKind::Assignment);
        let side = if contract.right == Right::Put { Side::Buy } else { Side::Sell };
        let share = self.world.share();
        let of_shares =
            self.world.execution(share, side, count * SHARES, contract.strike, ExecutionKind::Assignment);
        self.world.book(&of_option);
        self.world.book(&of_shares);
        self.queue.push_back(Event::Assigned(of_option));
        self.queue.push_back(Event::Execution(of_shares));
        self.drain();
    }

    /// Runs until an instant of the exchange's wall time, `MM-DD HH:MM` of 2026 or 2027.
    pub(super) fn until(&mut self, text: &str) {
        let (day, at) = text.split_once(' ').unwrap();
        let day: Date = day.parse().unwrap();
        let (hour, minute) = at.split_once(':').unwrap();
        let end = instant(day, time(hour.parse().unwrap(), minute.parse().unwrap(), 0, 0));
        while self.world.now < end {
            let evening = self.next_of_life();
            let next =
                if self.world.orders.is_empty() { self.next_but_ladder() } else { self.timetable.next() };
            let next = next.unwrap_or(end).min(evening).min(end);
            self.world.now = next.max(self.world.now);
            self.live();
            self.world.refresh();
            self.match_orders();
            let firings = self.timetable.poll(self.world.now, &self.world.calendar, false);
            for firing in firings {
                let Firing::Due { name, due_at } = firing else { continue };
                self.feed_due(&name, due_at);
                self.drain();
                self.match_orders();
            }
        }
    }

    /// Without working orders the ladder has nothing to do: those times are jumped over.
    fn next_but_ladder(&self) -> Option<Timestamp> {
        let times = self.strategy.schedules().into_iter().filter(|schedule| schedule.name != "ladder");
        times
            .filter_map(|it| {
                crate::strategies::schedule::next_due(&it.spec, &self.world.calendar, self.world.now)
            })
            .min()
    }

    fn next_of_life(&self) -> Timestamp {
        let today = self.world.today();
        let at = [time(7, 0, 0, 0), time(16, 0, 0, 0), time(17, 30, 0, 0)];
        let mut all = at.iter().map(|at| instant(today, *at)).chain([instant(plus_days(today, 1), at[0])]);
        all.find(|it| *it > self.world.now).unwrap()
    }

    /// Closes decide expiries, evenings end worthless options, mornings bring assignments.
    fn live(&mut self) {
        let (now, today) = (self.world.now, self.world.today());
        let close = self.world.calendar.expiry_instant(today);
        if self.world.calendar.is_session(today) && now >= close {
            let due: Vec<OptionContract> = self
                .world
                .claims
                .keys()
                .filter_map(|it| it.as_option().cloned())
                .filter(|contract| contract.expiry == today)
                .collect();
            for contract in due {
                if !self.world.expired.iter().any(|(known, _)| *known == contract) {
                    self.world.expired.push((contract, self.world.market.spot));
                }
            }
            let ended: Vec<Order> = self.world.orders.drain(..).map(|(order, _)| order).collect();
            for order in ended {
                self.queue.push_back(Event::Order(Order { status: OrderStatus::Expired, ..order }));
            }
        }
        let evening = now >= instant(today, time(17, 30, 0, 0));
        let morning = now >= instant(today, time(7, 0, 0, 0));
        let settled: Vec<(OptionContract, f64)> = self
            .world
            .expired
            .extract_if(.., |(contract, _)| contract.expiry < today && morning || evening)
            .collect();
        for (contract, spot) in settled {
            let held = self.world.claim(&Instrument::Option(contract.clone()));
            let inside = contract.intrinsic(price(spot)).is_positive();
            if inside && held < Decimal::ZERO && contract.expiry == today {
                self.world.expired.push((contract, spot));
            } else if inside && held < Decimal::ZERO {
                self.assign(&contract, i64::MAX);
            } else if inside {
                self.exercise(&contract, held);
            } else {
                self.expire(&contract, held);
            }
        }
        self.drain();
    }

    fn expire(&mut self, contract: &OptionContract, held: Decimal) {
        let side = if held < Decimal::ZERO { Side::Buy } else { Side::Sell };
        let option = Instrument::Option(contract.clone());
        let gone = self.world.execution(option, side, held.abs(), Price::ZERO, ExecutionKind::Expiration);
        self.world.book(&gone);
        self.queue.push_back(Event::Expired(gone));
    }

    fn exercise(&mut self, contract: &OptionContract, held: Decimal) {
        let option = Instrument::Option(contract.clone());
        let gone = self.world.execution(option, Side::Sell, held, Price::ZERO, ExecutionKind::Exercise);
        let side = if contract.right == Right::Put { Side::Sell } else { Side::Buy };
        let share = self.world.share();
        let shares =
            self.world.execution(share, side, held * SHARES, contract.strike, ExecutionKind::Exercise);
        self.world.book(&gone);
        self.world.book(&shares);
        self.queue.push_back(Event::Exercised(gone));
        self.queue.push_back(Event::Execution(shares));
    }

    fn feed_due(&mut self, name: &str, due_at: Timestamp) {
        self.feed(StrategyInput::Due { schedule: name, due_at });
    }

    /// Hands over what has happened until nothing is left.
    pub(super) fn drain(&mut self) {
        self.world.refresh();
        while let Some(event) = self.queue.pop_front() {
            self.hand_over(event);
        }
    }

    fn hand_over(&mut self, event: Event) {
        match event {
            Event::Started => self.feed(StrategyInput::Started),
            Event::Execution(it) => self.feed(StrategyInput::Execution(&it)),
            Event::Assigned(it) => self.feed(StrategyInput::Assigned(&it)),
            Event::Exercised(it) => self.feed(StrategyInput::Exercised(&it)),
            Event::Expired(it) => self.feed(StrategyInput::Expired(&it)),
            Event::Order(it) => self.feed(StrategyInput::OrderChanged(&it)),
            Event::Corporate(it) => self.feed(StrategyInput::CorporateAction(&it)),
            Event::Position(instrument, before, now) => self.feed(StrategyInput::PositionChanged {
                instrument: &instrument,
                before: Quantity::new(before),
                now: Quantity::new(now),
            }),
            Event::Events => {
                let underlying = self.world.symbol.clone();
                self.feed(StrategyInput::EventsReady { underlying: &underlying });
            }
            Event::Bars => {
                let (instrument, bars) = (self.world.share(), self.world.bars.clone());
                self.feed(StrategyInput::BarsReady {
                    instrument: &instrument,
                    interval: Interval::Day1,
                    bars: &bars,
                });
            }
            Event::Chain => {
                if let Some(chain) = self.world.chain.clone() {
                    self.feed(StrategyInput::ChainReady(&chain));
                }
            }
        }
    }

    fn feed(&mut self, input: StrategyInput<'_>) {
        let mut out = Vec::new();
        if self.restless && !matches!(input, StrategyInput::Started) {
            self.reborn();
            self.strategy.on_input(self.world.now, StrategyInput::Started, &self.world, &mut out);
            for output in std::mem::take(&mut out) {
                self.carry_out(output);
            }
        }
        self.strategy.on_input(self.world.now, input, &self.world, &mut out);
        for output in out {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Propose(proposal, decision) => {
                self.log.push(decision.line());
                self.place(proposal);
            }
            Output::Replace(id, change, decision) => {
                self.log.push(decision.line());
                let now = self.world.now;
                if let Some((order, _)) =
                    self.world.orders.iter_mut().find(|(o, _)| o.request.client_order_id == id)
                {
                    order.request.pricing = Pricing::Limit { limit_price: change.limit_price.unwrap() };
                    order.created_at = now;
                }
            }
            Output::Cancel(id) => {
                if let Some(at) = self.world.orders.iter().position(|(o, _)| o.request.client_order_id == id)
                {
                    let (order, _) = self.world.orders.remove(at);
                    self.queue.push_back(Event::Order(Order { status: OrderStatus::Canceled, ..order }));
                }
            }
            Output::Need(Need::Chain { from, until, .. }) => {
                self.world.make_chain(from, until);
                self.queue.push_back(Event::Chain);
            }
            Output::Need(Need::Bars { .. }) => {
                let bar = |close: &f64| {
                    let close = price(*close);
                    Bar {
                        start: Timestamp::UNIX_EPOCH,
                        open: close,
                        high: close,
                        low: close,
                        close,
                        volume: Decimal::ONE,
                    }
                };
                self.world.bars = self.world.market.closes.iter().map(bar).collect();
                self.queue.push_back(Event::Bars);
            }
            Output::Need(Need::Events { .. }) => self.queue.push_back(Event::Events),
            Output::Remember => self.memory = self.strategy.memory(),
            Output::Decision(decision) => self.log.push(decision.line()),
            Output::Alert(text) => self.alerts.push(text),
        }
    }

    fn place(&mut self, proposal: Proposal) {
        self.world.numbers += 1;
        let id = ClientOrderId::from_parts(self.world.numbers, 1);
        let origin = Origin { kind: OriginKind::Strategy, name: Some("test".into()) };
        let limit =
            proposal.pricing.limit_price().map_or_else(|| "market".to_owned(), |limit| limit.to_string());
        let effect = proposal.position_effect.map_or(String::new(), |effect| format!(" {effect:?}"));
        self.proposed
            .push(format!("{}{effect} {} {} at {limit}", proposal.side, proposal.quantity, proposal.subject));
        let request = OrderRequest {
            position_effect: proposal.position_effect,
            price_effect: proposal.price_effect,
            reduce_only: proposal.reduce_only,
            time_in_force: proposal.time_in_force,
            ..OrderRequest::plain(
                id,
                AccountId::new("paper"),
                origin,
                proposal.subject,
                proposal.side,
                proposal.quantity,
                proposal.pricing,
            )
        };
        let opens = request.position_effect == Some(PositionEffect::Open);
        let order =
            Order::new(OrderNumber(self.world.numbers), request, OrderStatus::Submitted, self.world.now);
        if opens && self.world.refuse_openings {
            let reason = Some(self.world.refusal.to_owned());
            self.queue.push_back(Event::Order(Order { status: OrderStatus::Rejected, reason, ..order }));
            return;
        }
        let uncovered_before = self.world.uncovered();
        self.world.orders.push((order, self.world.now));
        self.world.refresh();
        let uncovered = self.world.uncovered();
        assert!(
            uncovered <= Decimal::ZERO.max(uncovered_before),
            "{uncovered} uncovered by {:?}",
            self.proposed.last()
        );
        let puts = self.world.orders.last().is_some_and(|(order, _)| {
            let contract = order.request.subject.instrument().and_then(Instrument::as_option);
            contract.is_some_and(|contract| contract.right == Right::Put)
        });
        assert!(
            !(opens && puts) || self.world.free_cash() >= Decimal::ZERO,
            "cash promised twice by {:?}",
            self.proposed.last()
        );
    }

    /// Fills what the script lets fill.
    pub(super) fn match_orders(&mut self) {
        self.world.refresh();
        let mut at = 0;
        while at < self.world.orders.len() {
            let order = self.world.orders[at].0.clone();
            let fills = match self.world.fills {
                Fills::Never => None,
                Fills::OneContract if order.filled_quantity.is_positive() => None,
                Fills::OneContract => Some(Decimal::ONE),
                Fills::AtOnce => Some(order.leaves_quantity().get()),
                Fills::Natural => self.is_natural(&order).then(|| order.leaves_quantity().get()),
            };
            let Some(count) = fills.filter(|_| self.session_is_open()) else {
                at += 1;
                continue;
            };
            self.fill(at, count);
            self.drain();
        }
    }

    fn session_is_open(&self) -> bool {
        let session = self.world.calendar.session(self.world.today());
        session.is_some_and(|it| it.open <= self.world.now && self.world.now < it.close)
    }

    fn is_natural(&self, order: &Order) -> bool {
        let Some(limit) = order.request.pricing.limit_price() else { return true };
        let side = |it: &Instrument, buys: bool| {
            let quote = &self.world.quotes[it];
            if buys { quote.ask } else { quote.bid }.unwrap_or_default()
        };
        match &order.request.subject {
            OrderSubject::Instrument(it) if order.request.side.is_buy() => limit >= side(it, true),
            OrderSubject::Instrument(it) => limit <= side(it, false),
            OrderSubject::Legs(legs) => {
                let net: Price = legs
                    .iter()
                    .map(|leg| side(&leg.instrument, leg.side.is_buy()) * (leg.side.sign() * leg.ratio))
                    .sum();
                limit >= net
            }
        }
    }

    fn fill(&mut self, at: usize, count: Decimal) {
        let (order, _) = &mut self.world.orders[at];
        order.filled_quantity += Quantity::new(count);
        let done = order.leaves_quantity().is_zero();
        order.status = if done { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
        let order = order.clone();
        if done {
            self.world.orders.remove(at);
        }
        let limit = order.request.pricing.limit_price();
        let mut executions = Vec::new();
        match &order.request.subject {
            OrderSubject::Instrument(it) => {
                let spot = price(self.world.market.spot);
                executions.push((it.clone(), order.request.side, count, limit.unwrap_or(spot)));
            }
            OrderSubject::Legs(legs) => {
                // Legs at their middles, the first one so that the net is the limit.
                let mid = |it: &Instrument| {
                    self.world.quotes.get(it).and_then(Quote::mid).unwrap_or(price(self.world.market.spot))
                };
                let rest: Decimal = legs[1..]
                    .iter()
                    .map(|leg| leg.side.sign() * leg.ratio * mid(&leg.instrument).get())
                    .sum();
                for (i, leg) in legs.iter().enumerate() {
                    let at = if i == 0 {
                        Price::new((limit.unwrap_or_default().get() - rest) / (leg.ratio * leg.side.sign()))
                    } else {
                        mid(&leg.instrument)
                    };
                    executions.push((leg.instrument.clone(), leg.side, leg.ratio * count, at));
                }
            }
        }
        for (instrument, side, units, at) in executions {
            let execution = self.world.execution(instrument, side, units, at, ExecutionKind::Trade);
            self.world.book(&execution);
            self.queue.push_back(Event::Execution(execution));
        }
        self.queue.push_back(Event::Order(order));
    }
}
