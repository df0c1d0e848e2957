//! A broker's reasons to say no to an order (strategies §11.1).

use rust_decimal::Decimal;

use crate::core::risk;
use crate::domain::account::AccountKind;
use crate::domain::calendar::exchange_date;
use crate::domain::capabilities::Capabilities;
use crate::domain::execution::Reject;
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec};
use crate::domain::money::{Price, Quantity};
use crate::domain::option::Right;
use crate::domain::order::{
    OrderRequest, OrderSubject, OrderType, Pricing, Side, TimeInForce, TradingSession, Trail,
};

use super::Venue;

/// One instrument of an order.
struct Part<'a> {
    instrument: &'a Instrument,
    side: Side,
    /// Units beyond what it closes.
    opens: Quantity,
}

fn reject(code: &str, message: String) -> Option<Reject> {
    Some(Reject { code: code.into(), message })
}

/// A way to say an order that the venue does not have.
fn unknown_type(request: &OrderRequest) -> Option<Reject> {
    if request.cash_order_quantity.is_some() {
        let text = "paper does not take an amount of money; it takes a quantity in units";
        return reject("UNSUPPORTED", text.to_owned());
    }
    let order_type = request.pricing.order_type();
    let takes = Capabilities::PAPER_ORDER_TYPES;
    if takes.contains(&order_type) {
        return None;
    }
    let names: Vec<&str> = takes.iter().map(|takes| takes.as_str()).collect();
    reject("UNSUPPORTED", format!("paper does not take {order_type} orders; it takes {}", names.join(", ")))
}

impl Venue {
    /// Why the venue does not take the order; `None` when it does.
    pub(super) fn refusal(&self, request: &OrderRequest) -> Option<Reject> {
        let parts = self.parts(request);
        unknown_type(request)
            .or_else(|| self.bad_quantity(request))
            .or_else(|| self.bad_tick(request))
            .or_else(|| self.bad_time(request))
            .or_else(|| self.not_tradable(&parts))
            .or_else(|| {
                // An exit opens nothing, however much is left to close when it works.
                let exit = request.contingency.parent.is_some() || request.reduce_only;
                (!exit).then(|| self.may_not_open(&parts).or_else(|| self.too_dear(request))).flatten()
            })
    }

    fn parts<'a>(&self, request: &'a OrderRequest) -> Vec<Part<'a>> {
        let part = |instrument: &'a Instrument, side: Side, quantity: Quantity| {
            let held = self.books.quantity(instrument);
            let closes = if held.is_zero() || held.is_positive() == side.is_buy() {
                Quantity::ZERO
            } else {
                held.abs()
            };
            let opens = if quantity > closes { quantity - closes } else { Quantity::ZERO };
            Part { instrument, side, opens }
        };
        match &request.subject {
            OrderSubject::Instrument(instrument) => vec![part(instrument, request.side, request.quantity)],
            OrderSubject::Legs(legs) => legs
                .iter()
                .map(|leg| {
                    let units = Quantity::new(leg.ratio.saturating_mul(request.quantity.get()));
                    part(&leg.instrument, leg.side, units)
                })
                .collect(),
        }
    }

    fn bad_quantity(&self, request: &OrderRequest) -> Option<Reject> {
        let quantity = request.quantity;
        if !quantity.is_positive() {
            return reject("BAD_QUANTITY", format!("quantity {quantity} is not positive"));
        }
        let increment = match &request.subject {
            OrderSubject::Instrument(instrument) => self.specs.get(instrument)?.quantity_increment,
            OrderSubject::Legs(_) => Decimal::ONE,
        };
        if !increment.is_zero() && !(quantity.get() % increment).is_zero() {
            return reject("BAD_QUANTITY", format!("quantity {quantity} is no multiple of {increment}"));
        }
        None
    }

    fn bad_tick(&self, request: &OrderRequest) -> Option<Reject> {
        let exits = [&request.take_profit, &request.stop_loss].into_iter().flatten().map(|exit| exit.price);
        let own = match request.pricing {
            Pricing::Market | Pricing::Twap(_) => [None, None],
            Pricing::Limit { limit_price } => [Some(limit_price), None],
            Pricing::Stop { stop_price } => [Some(stop_price), None],
            Pricing::StopLimit { stop_price, limit_price } | Pricing::Oco { stop_price, limit_price } => {
                [Some(stop_price), Some(limit_price)]
            }
            Pricing::TrailingStop { trail: Trail::Amount(amount) } => [Some(amount), None],
            Pricing::TrailingStop { trail: Trail::Percent(_) } => [None, None],
        };
        let tick_at = |price: Price| match &request.subject {
            OrderSubject::Instrument(instrument) => {
                self.specs.get(instrument).map_or(Decimal::ZERO, |spec| spec.tick_at(price))
            }
            OrderSubject::Legs(_) => Decimal::new(1, 2),
        };
        let off = own.into_iter().flatten().chain(exits).find_map(|price| {
            let tick = tick_at(price);
            (!tick.is_zero() && !(price.get() % tick).is_zero()).then_some((price, tick))
        });
        off.and_then(|(price, tick)| reject("BAD_TICK", format!("price {price} is no multiple of {tick}")))
    }

    /// Times in force and sessions that go together with nothing.
    fn bad_time(&self, request: &OrderRequest) -> Option<Reject> {
        let time_in_force = request.time_in_force;
        if time_in_force == TimeInForce::Gtd
            && request.expire_date.is_none_or(|day| day < exchange_date(self.now))
        {
            return reject("BAD_EXPIRE_DATE", "the expire date is missing or past".to_owned());
        }
        let order_type = request.pricing.order_type();
        if request.session == TradingSession::Extended && order_type != OrderType::Limit {
            return reject("MARKET_CLOSED", format!("extended hours take limit orders, not {order_type}"));
        }
        if matches!(time_in_force, TimeInForce::Ioc | TimeInForce::Fok)
            && !self.on_bars
            && !self.is_open(request)
        {
            return reject("MARKET_CLOSED", format!("the market is closed to a {time_in_force} order"));
        }
        let over = |instrument: &&Instrument| {
            instrument.as_option().is_some_and(|c| self.calendar.expiry_instant(c.expiry) <= self.now)
        };
        let over = request.subject.instruments().find(over);
        over.and_then(|contract| reject("MARKET_CLOSED", format!("{contract} has expired")))
    }

    fn not_tradable(&self, parts: &[Part<'_>]) -> Option<Reject> {
        for part in parts {
            let instrument = part.instrument;
            if self.frozen.contains(&instrument.price_driver()) {
                return reject("FROZEN", format!("{instrument} is frozen by a corporate action"));
            }
            let spec = self.specs.get(instrument);
            if spec.is_some_and(|spec| !spec.tradable) {
                return reject("NOT_TRADABLE", format!("{instrument} is not traded here"));
            }
            if part.opens.is_positive() && spec.is_some_and(|spec| spec.adjusted) {
                return reject("ADJUSTED_OPTION", format!("{instrument} is adjusted: closing trades only"));
            }
        }
        None
    }

    /// What the account's kind and options level do not allow.
    fn may_not_open(&self, parts: &[Part<'_>]) -> Option<Reject> {
        let cash = self.config.kind == AccountKind::Cash;
        for part in parts.iter().filter(|part| !part.side.is_buy() && part.opens.is_positive()) {
            let shortable = |spec: &InstrumentSpec| spec.shortable;
            let short = part.instrument.as_option().is_none();
            // A share of a package covers the call that is sold with it, and the other way round.
            let alone = parts.len() == 1;
            let class = part.instrument.asset_class();
            let lends = !cash || matches!(class, AssetClass::Perpetual);
            if short && (!self.specs.get(part.instrument).is_none_or(shortable) || (alone && !lends)) {
                return reject("NOT_SHORTABLE", format!("{} cannot be sold short here", part.instrument));
            }
        }
        let needs = self.options_level_of(parts);
        if needs > self.config.options_level {
            let has = self.config.options_level;
            return reject("OPTIONS_LEVEL", format!("needs options level {needs}, the account has {has}"));
        }
        None
    }

    /// 1 covered calls and secured puts, 2 long options, 3 spreads, 4 uncovered (reliability §4.1).
    fn options_level_of(&self, parts: &[Part<'_>]) -> u8 {
        let opens = |part: &&Part<'_>| part.opens.is_positive() && part.instrument.as_option().is_some();
        let buys = parts.iter().filter(opens).any(|part| part.side.is_buy());
        let written: Vec<&Part<'_>> = parts.iter().filter(opens).filter(|part| !part.side.is_buy()).collect();
        if written.is_empty() {
            return if buys { 2 } else { 0 };
        }
        let shares_of = |part: &Part<'_>| self.books.quantity(&part.instrument.price_driver()).get();
        let secured = |part: &&Part<'_>| {
            let Some(contract) = part.instrument.as_option() else { return true };
            match contract.right {
                Right::Call => {
                    let bought: Decimal = parts
                        .iter()
                        .filter(|other| *other.instrument == part.instrument.price_driver())
                        .map(|other| other.opens.get() * other.side.sign())
                        .sum();
                    shares_of(part) + bought >= part.opens.get() * Decimal::ONE_HUNDRED
                }
                Right::Put => {
                    let need = contract.strike.get() * part.opens.get() * Decimal::ONE_HUNDRED;
                    self.books.cash() >= need
                }
            }
        };
        let held_against = |part: &&Part<'_>| {
            // Something long of the same right and underlying, in the order or the account, makes it a spread.
            let contract = part.instrument.as_option();
            let same = |other: &Instrument| {
                other.as_option().zip(contract).is_some_and(|(a, b)| {
                    a.underlying == b.underlying && a.right == b.right && a.expiry >= b.expiry
                })
            };
            parts.iter().any(|other| other.side.is_buy() && same(other.instrument))
                || self.books.holdings().any(|(i, holding)| holding.quantity.is_positive() && same(i))
        };
        if written.iter().all(secured) {
            if buys { 3 } else { 1 }
        } else if written.iter().all(|part| secured(part) || held_against(part)) {
            3
        } else {
            4
        }
    }

    fn too_dear(&self, request: &OrderRequest) -> Option<Reject> {
        let need =
            risk::estimate(&self.books, self, &self.config.fees, request, request.quantity).buying_power;
        if need.is_zero() {
            return None;
        }
        let has = self.books.buying_power(self.reserved());
        if need <= has {
            return None;
        }
        let money = |amount: Decimal| amount.round_dp(2).normalize();
        reject("BUYING_POWER", format!("needs {} and has {}", money(need), money(has)))
    }
}
