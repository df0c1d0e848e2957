//! A small scripted world for option strategies: one account, model chains, orders that fill as the script says, expiries and assignments
//! as in life, restarts at any point. Invariants are checked at every proposal: no uncovered call, no cash promised twice.

pub(super) mod days;
mod scenarios;
mod script;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::domain::account::AccountKind;
use crate::domain::calendar::{Calendar, exchange_date, plus_days};
use crate::domain::chain::{Chain, ChainRow};
use crate::domain::events::{Dividend, UnderlyingEvents};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::fees::FeeTable;
use crate::domain::ids::{AccountId, ExecutionId};
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec, Symbol};
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::option::{Leg, OptionContract, Right};
use crate::domain::order::{Order, OrderSubject, PositionEffect, Side};
use crate::domain::quote::{Bar, Feed, Interval, Quote};
use crate::quant::greeks::{Terms, black_scholes, years};

use super::{Books, Held, Room, Standing, Working};

pub(super) use script::Script;

const SHARES: Decimal = Decimal::ONE_HUNDRED;
const SYMBOL: &str = "AAPL";
/// Thursday, 12 November 2026, five minutes before the first evaluation.
pub(super) const START: &str = "2026-11-12T14:40:00Z";

/// A dividend of so many cents, of something that reports nothing.
pub(super) fn dividend(day: &str, cents: i64) -> UnderlyingEvents {
    UnderlyingEvents {
        dividends: vec![Dividend {
            ex_date: day.parse().unwrap(),
            amount: Price::new(Decimal::new(cents, 2)),
        }],
        earnings: Vec::new(),
        is_fund: true,
        as_of: Timestamp::UNIX_EPOCH,
    }
}

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
    /// Zero where nobody tells.
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
    pub(super) refuse_share_legs: bool,
    /// What the account holds beside the strategy.
    pub(super) others: Vec<(Instrument, Quantity)>,
    /// What its account's limits let one order be.
    pub(super) room: Room,
    symbol: Symbol,
    quotes: BTreeMap<Instrument, Quote>,
    chain: Option<Chain>,
    bars: Vec<Bar>,
    fees: FeeTable,
    expired: Vec<(OptionContract, f64)>,
    numbers: u64,
}

fn price(value: f64) -> Price {
    format!("{value:.2}").parse().unwrap()
}

pub(super) fn share() -> Instrument {
    Instrument::equity(SYMBOL).unwrap()
}

/// Units of a leg's price in one of its package.
pub(super) fn weight(leg: &Leg) -> Decimal {
    let unit = if leg.instrument.as_option().is_some() { Decimal::ONE } else { SHARES };
    leg.side.sign() * leg.ratio / unit
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
            refuse_share_legs: false,
            others: Vec::new(),
            room: Room::default(),
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
        share.previous_close = Some(price(self.market.previous_close)).filter(|close| close.is_positive());
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
                    // Shares of the same package cover its calls.
                    for leg in legs.iter().filter(|leg| leg.instrument.as_option().is_none()) {
                        written -= leg.side.sign() * leg.ratio / SHARES * leaves;
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

    fn account_options_of(&self, underlying: &Symbol) -> Vec<(Instrument, Quantity)> {
        let own = self.options_of(underlying).into_iter().map(|held| (held.instrument, held.quantity));
        own.chain(self.others.iter().cloned()).collect()
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

    fn room(&self, _instrument: &Instrument) -> Room {
        self.room
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
