//! Strategies: state in, proposals out. A strategy reads no clock, no file and no market of its own: same state and same inputs give
//! the same outputs. Positions are never its state; they are read from the account at every evaluation.

mod dca;
mod grid;
mod params;
mod rebalance;
mod registry;
pub mod sma_cross;
mod steps;
#[cfg(test)]
mod testing;

use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};
use smol_str::SmolStr;

use crate::domain::denial::DenialCode;
use crate::domain::execution::Execution;
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{Pricing, Side, TimeInForce};
use crate::domain::quote::{Bar, Interval, Quote};

pub use params::{ParamError, ParamKind, ParamSpec, Params};
pub use registry::{KINDS, StrategyKind, build};

/// Units of an order at most; risk has a limit of its own.
const UNITS_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// Money of one order at most.
const MONEY_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// Decimal places of a quantity where units are divided.
const FRACTION_PLACES: u32 = 6;

/// What a strategy may look at besides its input.
pub trait Books {
    /// Units held of an instrument, signed; zero when flat.
    fn position(&self, instrument: &Instrument) -> Quantity;

    /// Cash and positions at their marks, in the account's currency.
    fn equity(&self) -> Decimal;

    /// Is an order of this strategy working in the instrument.
    fn is_working(&self, instrument: &Instrument) -> bool;

    /// Its working orders in the instrument, oldest first.
    fn working(&self, instrument: &Instrument) -> Vec<Working>;
}

/// A working order of a strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Working {
    /// Which.
    pub id: ClientOrderId,
    /// Buy or sell.
    pub side: Side,
    /// Units not filled yet, positive.
    pub leaves: Quantity,
    /// Its limit, where it has one.
    pub limit_price: Option<Price>,
}

/// What happens to a strategy.
#[derive(Clone, Copy, Debug)]
pub enum StrategyInput<'a> {
    /// It starts; history follows as bars.
    Started,
    /// It will get nothing more.
    Stopping,
    /// A complete bar.
    Bar {
        /// Of what.
        instrument: &'a Instrument,
        /// How wide.
        interval: Interval,
        /// The prices.
        bar: &'a Bar,
    },
    /// New prices, at most one a second per instrument.
    Quote(&'a Quote),
    /// One of its orders filled.
    Execution(&'a Execution),
    /// One of its proposals was denied.
    Denied {
        /// The first reason.
        code: DenialCode,
    },
}

/// An order a strategy proposes. The host adds account, ids and the name of the asker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// What.
    pub instrument: Instrument,
    /// Buy or sell.
    pub side: Side,
    /// Units, positive.
    pub quantity: Quantity,
    /// Type and prices.
    pub pricing: Pricing,
    /// How long it works.
    pub time_in_force: TimeInForce,
    /// Never open or flip.
    pub reduce_only: bool,
}

/// Why a strategy did, or did not do, something. One record per decision that changes something.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Stable code.
    pub code: &'static str,
    /// About what.
    pub instrument: Option<Instrument>,
    /// The numbers compared, by name.
    pub values: Vec<(&'static str, f64)>,
}

impl Decision {
    /// The numbers as `key=value`, to four decimals. A backtest makes many decisions and reads none: they are written when asked for.
    #[must_use]
    pub fn text(&self) -> String {
        let words: Vec<String> =
            self.values.iter().map(|(name, value)| format!("{name}={value:.4}")).collect();
        words.join(" ")
    }
}

/// What a strategy wants. Nothing else leaves it.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// An order, and why.
    Propose(Proposal, Decision),
    /// A cancel of one of its own.
    Cancel(ClientOrderId),
    /// New memory, to be stored in the same transaction as the proposals.
    Remember(String),
    /// A record without an order.
    Decision(Decision),
    /// A line for the user.
    Alert(String),
}

/// A strategy. Pure: all it knows comes through `on_input`.
pub trait Strategy: Send {
    /// Its kind, such as `sma_cross`.
    fn kind(&self) -> &'static str;

    /// Its name in the profile, and in every order's tag.
    fn name(&self) -> &SmolStr;

    /// The instruments it wants bars and quotes of; never empty.
    fn instruments(&self) -> &[Instrument];

    /// Complete bars it needs before its signals are settled.
    fn warm_up_bars(&self) -> usize;

    /// One thing happens at `now`; what it wants is appended to `out`.
    fn on_input(
        &mut self,
        now: Timestamp,
        input: StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    );
}

/// A market order for the day, or until canceled where the market never closes.
fn market(instrument: &Instrument, side: Side, quantity: Quantity, reduce_only: bool) -> Proposal {
    let time_in_force =
        if instrument.asset_class().trades_around_the_clock() { TimeInForce::Gtc } else { TimeInForce::Day };
    Proposal {
        instrument: instrument.clone(),
        side,
        quantity,
        pricing: Pricing::Market,
        time_in_force,
        reduce_only,
    }
}

/// Units that so much money buys, down to what can be traded of the instrument; zero without a price.
fn units_for(money: Decimal, price: Price, instrument: &Instrument) -> Quantity {
    if !price.is_positive() || money <= Decimal::ZERO {
        return Quantity::ZERO;
    }
    let places = if instrument.asset_class().trades_around_the_clock() { FRACTION_PLACES } else { 0 };
    Quantity::new((money / price.get()).round_dp_with_strategy(places, RoundingStrategy::ToZero))
}
