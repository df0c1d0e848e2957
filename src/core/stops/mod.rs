//! Exit plans as arithmetic: where a stop stands, how it follows the price, and when a price sets it off. Pure; the engine acts on it.
//!
//! A stop only ever comes nearer. One bad print neither moves it nor sets it off: a level must be reached by two updates a quarter of a second
//! apart, or by a trade; only a gap at the open needs no second word.

mod levels;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::domain::exit::{ExitGroup, ExitLevel, ExitReason, ExitState, TriggerPrice};
use crate::domain::money::{Price, Quantity};
use crate::domain::quote::Quote;

pub(in crate::core) use levels::tradable;
pub use levels::{Reached, attach, freeze, measured, race};

/// Two updates that reach a level are at least so far apart.
pub const CONFIRMED_AFTER: SignedDuration = SignedDuration::from_millis(250);

/// The price steps of an instrument at a price.
pub type TickAt<'a> = &'a dyn Fn(Price) -> Decimal;

/// What a plan sees of the market at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The price that counts.
    pub price: Price,
    /// The price of a trade that this update tells of.
    pub traded: Option<Price>,
    /// When it held.
    pub at: Timestamp,
    /// It is the first price of a session.
    pub opens: bool,
}

/// What must be closed, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Why.
    pub reason: ExitReason,
    /// Units, positive; absent for all of it.
    pub units: Option<Decimal>,
}

/// A plan at work, with what it keeps in mind between two prices. A restart begins that anew.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The plan and where it stands.
    pub group: ExitGroup,
    /// A level that one update has reached, and when.
    reached: Option<(ExitReason, Timestamp)>,
    /// The price before.
    before: Option<Price>,
    /// What had been traded by the update before.
    volume: Option<Quantity>,
    /// When the update before held.
    seen_at: Option<Timestamp>,
}

impl Watch {
    /// A plan that has seen nothing yet.
    #[must_use]
    pub const fn new(group: ExitGroup) -> Self {
        Self { group, reached: None, before: None, volume: None, seen_at: None }
    }

    /// What a quote is to this plan; `None` where it has no price that counts. `opened_at` is when the session of now began.
    pub fn read(&mut self, quote: &Quote, opened_at: Option<Timestamp>) -> Option<Seen> {
        let price = trigger_price(quote, self.group.plan.trigger, self.group.long)?;
        let known = self.volume.replace(quote.volume);
        let traded = quote.last.filter(|_| known.is_some_and(|known| quote.volume > known));
        let before = self.seen_at.replace(quote.as_of);
        let opens = opened_at.zip(before).is_some_and(|(open, before)| before < open && quote.as_of >= open);
        price.is_positive().then_some(Seen { price, traded, at: quote.as_of, opens })
    }

    /// Lets the stop follow a price; true where it has moved. A price must have held for two updates, or have been traded.
    pub fn follow(&mut self, seen: Seen, tick_at: TickAt<'_>) -> bool {
        let long = self.group.long;
        let worse = |a: Price, b: Price| if long { a.min(b) } else { a.max(b) };
        let held = match (seen.traded, self.before.replace(seen.price)) {
            (Some(traded), Some(before)) if traded == before => traded,
            (_, Some(before)) => worse(before, seen.price),
            (_, None) => return false,
        };
        levels::follow(&mut self.group, held, tick_at)
    }

    /// Does a price set it off.
    pub fn judge(&mut self, seen: Seen, tick_at: TickAt<'_>) -> Option<Trigger> {
        if self.group.state != ExitState::Armed {
            return None;
        }
        let Some(trigger) = levels::reached(&self.group, seen.price, tick_at) else {
            self.reached = None;
            return None;
        };
        let traded = seen.traded.and_then(|price| levels::reached(&self.group, price, tick_at));
        let by_trade = traded.is_some_and(|it| it.reason == trigger.reason);
        let twice = match self.reached {
            Some((reason, since)) if reason == trigger.reason => {
                seen.at.duration_since(since) >= CONFIRMED_AFTER
            }
            _ => {
                self.reached = Some((trigger.reason, seen.at));
                false
            }
        };
        (by_trade || twice || seen.opens).then_some(trigger)
    }

    /// Is its time up.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.group.state == ExitState::Armed && self.group.until.is_some_and(|until| until <= now)
    }

    /// The shares were split, so many new ones for an old one: prices and units of before are those of after.
    pub fn split(&mut self, ratio: Decimal, tick_at: TickAt<'_>) {
        let group = &mut self.group;
        let Some(inverse) = Decimal::ONE.checked_div(ratio).filter(|_| ratio > Decimal::ZERO) else { return };
        let scaled = |price: Price| Price::new(price.get() * inverse);
        group.entry_price = scaled(group.entry_price);
        group.entry_quantity = Quantity::new(group.entry_quantity.get() * ratio);
        group.units = group.units.map(|units| Quantity::new(units.get() * ratio));
        group.fees_per_unit = scaled(group.fees_per_unit);
        let stop = group.stop_price.map(scaled);
        group.stop_price = stop.map(|stop| levels::rounded(stop, group.long, tick_at));
        group.risk = group.risk.map(scaled);
        group.best_price = group.best_price.map(scaled);
        group.to_close = group.to_close.map(|units| units * ratio);
        for level in group.plan.levels_mut() {
            if let ExitLevel::Price(price) | ExitLevel::Amount(price) = level {
                *price = scaled(*price);
            }
        }
        (self.before, self.reached, self.volume) = (None, None, None);
    }
}

/// The price that counts: the middle of a narrow spread, else the last trade; the last trade; or the side that the exit would trade on.
#[must_use]
pub fn trigger_price(quote: &Quote, by: TriggerPrice, long: bool) -> Option<Price> {
    match by {
        // Without a trade a wide spread has no price that counts.
        TriggerPrice::Mark => quote.mark().filter(|mark| quote.mid() != Some(*mark) || is_narrow(quote)),
        TriggerPrice::Last => quote.last,
        TriggerPrice::BidAsk if long => quote.bid,
        TriggerPrice::BidAsk => quote.ask,
    }
}

fn is_narrow(quote: &Quote) -> bool {
    let most = Decimal::from(if quote.instrument.as_option().is_some() { 15 } else { 1 });
    quote.mid().zip(quote.spread()).is_some_and(|(mid, spread)| {
        !spread.is_negative() && spread.get() * Decimal::ONE_HUNDRED <= mid.get().abs() * most
    })
}
