//! The collar: shares, a put below them, and a call above them that pays for it (strategies §7).
//!
//! Positions are read at every evaluation and are never remembered. What is remembered is the price at which a pair was opened, what is
//! being taken apart, and a few dates.

mod build;
mod heard;
mod open;
mod params;
mod phase;
mod protect;
mod roll;
#[cfg(test)]
mod tests;
mod turn;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::domain::calendar::{exchange_date, plus_days};
use crate::domain::instrument::Instrument;
use crate::domain::money::Price;

use super::options::positions::Positions;
use super::options::slots::{Evaluates, Kept, Moment, Slotted};
use super::params::{ParamError, Params};
use super::{Books, Need, Output, Strategy, StrategyInput};

use params::CollarParams;
use turn::Turn;

pub(super) use params::PARAMS;

/// Real money waits until its packages of four legs, and of shares with options, have been seen at a broker.
pub(super) const PAPER_ONLY: Option<&str> =
    Some("its orders of several legs have not been tried at a broker yet");

/// What it does.
pub(super) const ABOUT: &str =
    "hedges shares with a put below them, and sells a call above them that pays for it";

/// The strategy.
type Collar = Slotted<CollarParams, Memory>;

/// What a slot remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    #[serde(flatten)]
    kept: Kept,
    /// Price of the shares when the pair was proposed: what the bounds of its payoff start from.
    spot: Option<Price>,
    /// The expiry that is being taken apart leg by leg, so that another pair can take its place.
    unwinding: Option<Date>,
    /// What a put that was sold for a lower one brought per share, until that one is there.
    banked: Option<Price>,
    /// On which day it was said that nothing hedges the shares.
    none_said: Option<Date>,
    /// The broker takes no shares as a leg of a package.
    no_share_legs: bool,
}

impl AsRef<Kept> for Memory {
    fn as_ref(&self) -> &Kept {
        &self.kept
    }
}

impl AsMut<Kept> for Memory {
    fn as_mut(&mut self) -> &mut Kept {
        &mut self.kept
    }
}

/// Makes one.
pub(super) fn make(
    name: SmolStr,
    instruments: Vec<Instrument>,
    params: &Params,
) -> Result<Box<dyn Strategy>, ParamError> {
    Ok(Box::new(Collar::new(name, instruments, params)?))
}

impl Evaluates for Collar {
    const KIND: &'static str = "collar";
    const VERSION: u32 = 1;

    fn needs(&self, at: usize, now: Timestamp, books: &dyn Books) -> Vec<Need> {
        let underlying = self.slots[at].symbol.clone();
        let today = exchange_date(now);
        let positions = Positions::of(books, &underlying);
        let first = plus_days(today, i64::from(self.params.days("dte_min")));
        let options = positions.short.iter().chain(&positions.long);
        let held = options.map(|held| held.contract.expiry).min();
        let from = held.map_or(first, |held| held.min(first)).max(today);
        let until = plus_days(today, i64::from(self.params.days("dte_max")));
        vec![Need::Events { underlying: underlying.clone() }, Need::Chain { underlying, from, until }]
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
