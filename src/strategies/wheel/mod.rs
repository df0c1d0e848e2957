//! The wheel: cash-secured puts, shares when they are assigned, covered calls on those, cash when the shares are called away
//! (strategies §6).
//!
//! Positions are read at every evaluation and are never remembered. What is remembered is the campaign's ledger and a few dates.

mod calls;
mod campaign;
mod events;
mod heard;
mod params;
mod phase;
mod protect;
mod puts;
mod roll;
#[cfg(test)]
mod tests;
mod turn;

use jiff::Timestamp;
use rust_decimal::Decimal;
use smol_str::SmolStr;

use crate::domain::calendar::{exchange_date, plus_days};
use crate::domain::instrument::Instrument;
use crate::domain::quote::Interval;

use super::options::SHARES;
use super::options::positions::Positions;
use super::options::slots::{Evaluates, Moment, Slotted};
use super::params::{ParamError, Params};
use super::{Books, Need, Output, Strategy, StrategyInput};

use campaign::Memory;
use params::WheelParams;
use turn::Turn;

pub(super) use params::PARAMS;

/// What it does.
pub(super) const ABOUT: &str =
    "sells cash-secured puts, takes the shares when they are assigned, and sells covered calls on them";

/// Daily bars that the deviation of a day's move is worked out of, and one for the first change.
const BARS: usize = 31;
/// Days beyond `dte_max` that a roll may reach.
const ROLL_BEYOND: i32 = 30;

/// The strategy.
type Wheel = Slotted<WheelParams, Memory>;

/// Makes one.
pub(super) fn make(
    name: SmolStr,
    instruments: Vec<Instrument>,
    params: &Params,
) -> Result<Box<dyn Strategy>, ParamError> {
    Ok(Box::new(Wheel::new(name, instruments, params)?))
}

impl Evaluates for Wheel {
    const KIND: &'static str = "wheel";
    const VERSION: u32 = 1;

    fn most_capital(&self, equity: Decimal) -> Option<Decimal> {
        self.params.capital(equity)
    }

    fn needs(&self, at: usize, now: Timestamp, books: &dyn Books) -> Vec<Need> {
        let underlying = self.slots[at].symbol.clone();
        let today = exchange_date(now);
        let positions = Positions::of(books, &underlying);
        let mut needs = Vec::new();
        let sigma = ["write_put_when", "write_call_when"].map(|name| self.params.word(name));
        if sigma.contains(&"move_sigma") {
            let instrument = Instrument::Equity { symbol: underlying.clone() };
            needs.push(Need::Bars { instrument, interval: Interval::Day1, count: BARS });
        }
        needs.push(Need::Events { underlying: underlying.clone() });
        let first = plus_days(today, i64::from(self.params.days("dte_min")));
        let held = positions.short.iter().map(|held| held.contract.expiry).min();
        let from = held.map_or(first, |held| held.min(first)).max(today);
        let beyond = i64::from(self.params.days("dte_max") + ROLL_BEYOND);
        needs.push(Need::Chain { underlying, from, until: plus_days(today, beyond) });
        needs
    }

    fn cover(&mut self, at: usize, moment: Moment<'_>, out: &mut Vec<Output>) {
        Turn::new(self, at, moment, out).cover();
    }

    fn take_turn(&mut self, at: usize, moment: Moment<'_>, out: &mut Vec<Output>) {
        Turn::new(self, at, moment, out).run();
    }

    fn on_heard(
        &mut self,
        now: Timestamp,
        input: &StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        self.hear(now, input, books, out);
    }
}
