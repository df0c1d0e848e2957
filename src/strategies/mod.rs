//! Strategies: state in, proposals out. A strategy reads no clock, no file and no market of its own: same state and same inputs give
//! the same outputs. Positions are never its state; they are read from the account at every evaluation.

mod books;
mod bot;
mod collar;
mod dca;
mod grid;
mod head;
mod memory;
mod options;
mod output;
mod params;
mod rebalance;
mod registry;
pub mod schedule;
mod schema;
pub mod silence;
mod sizing;
pub mod sma_cross;
mod steps;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod unruly;
mod wheel;
#[cfg(test)]
mod world;

use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};
use smol_str::SmolStr;

use crate::domain::chain::Chain;
use crate::domain::corporate::CorporateAction;
use crate::domain::denial::DenialCode;
use crate::domain::execution::Execution;
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{Order, OrderSubject, Pricing, Side, TimeInForce};
use crate::domain::quote::{Bar, Interval, Quote};

pub use books::{Books, ClosedTrades, Held, Room, Standing, Working};
pub use bot::{BotNews, BotOrderName, BotPlaced, BotRefusal, BotWant, news_of};
pub use head::Head;
pub use memory::MemoryError;
pub use output::{Decision, Need, Output, Proposal};
pub use params::{ParamError, ParamKind, ParamSpec, Params};
pub use registry::{KINDS, StrategyKind, build, kind_of};
pub use schedule::Schedule;

/// Units of an order at most; risk has a limit of its own.
const UNITS_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// Money of one order at most.
const MONEY_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// Decimal places of a quantity where units are divided.
const FRACTION_PLACES: u32 = 6;

/// What happens to a strategy.
#[derive(Clone, Copy, Debug)]
pub enum StrategyInput<'a> {
    /// It starts: its memory is restored. What it needs of the past comes as `BarsReady`, or as bars from before now.
    Started,
    /// It will get nothing more. Its opening orders are canceled by the host, positions stay.
    Stopping,
    /// It gets prices and executions, and its proposals are dropped, until it is resumed.
    Paused,
    /// It may propose again.
    Resumed,
    /// One of its schedules is due.
    Due {
        /// The schedule's name, as `schedules` gives it.
        schedule: &'a str,
        /// When it was due; `now` may be later.
        due_at: Timestamp,
    },
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
    /// One of its orders filled, or shares came or went by an assignment or exercise of its options, or by a corporate action. The books
    /// have it already.
    Execution(&'a Execution),
    /// One of its orders has another status.
    OrderChanged(&'a Order),
    /// It claims another number of units than before, and no execution of its own says why: the user traded by hand, or adopted shares.
    PositionChanged {
        /// Of what.
        instrument: &'a Instrument,
        /// Units before, signed.
        before: Quantity,
        /// Units now, signed.
        now: Quantity,
    },
    /// Cash, rights or restrictions of the account changed.
    AccountChanged,
    /// Short options of its were assigned: the execution of the options, at price zero. The shares come as `Execution`.
    Assigned(&'a Execution),
    /// Long options of its were exercised: likewise.
    Exercised(&'a Execution),
    /// Options of its ended worthless: their execution, at price zero.
    Expired(&'a Execution),
    /// A company did something to shares it has, or has options of.
    CorporateAction(&'a CorporateAction),
    /// A chain it asked for is in the books.
    ChainReady(&'a Chain),
    /// Bars it asked for are in the books, oldest first.
    BarsReady {
        /// Of what.
        instrument: &'a Instrument,
        /// How wide.
        interval: Interval,
        /// The prices.
        bars: &'a [Bar],
    },
    /// Dates it asked for are in the books, as far as anybody knows them.
    EventsReady {
        /// The ticker.
        underlying: &'a Symbol,
    },
    /// One of its proposals was denied.
    Denied {
        /// The first reason.
        code: DenialCode,
        /// What it was for.
        subject: &'a OrderSubject,
    },
    /// It was made anew with other parameters, and has its memory and its past back: what works may no longer fit.
    ParamsChanged,
}

/// A strategy. Pure: all it knows comes through `on_input` and the books.
pub trait Strategy: Send {
    /// Its kind, its name, and what it trades.
    fn head(&self) -> &Head;

    /// Its kind, such as `sma_cross`.
    fn kind(&self) -> &'static str {
        self.head().kind
    }

    /// Its name in the profile, and in every order's tag.
    fn name(&self) -> &SmolStr {
        &self.head().name
    }

    /// The instruments it wants bars and quotes of; never empty.
    fn instruments(&self) -> &[Instrument] {
        &self.head().instruments
    }

    /// Complete bars it needs before its signals are settled; none where it does not say.
    fn warm_up_bars(&self) -> usize {
        0
    }

    /// The most money it may have at work, in the account's currency, where its own parameters bound it; `equity` is the account's net liquidation.
    fn capital_max(&self, _equity: Decimal) -> Option<Decimal> {
        None
    }

    /// When it wants `Due`; empty for one that acts on bars alone. Names are its own, each once.
    fn schedules(&self) -> Vec<Schedule> {
        Vec::new()
    }

    /// What it remembers beside positions and orders, as JSON with a `version`; empty for one that remembers nothing.
    fn memory(&self) -> String {
        String::new()
    }

    /// Takes its memory back, before `Started`; one that remembers nothing has nothing to take.
    ///
    /// # Errors
    /// When the text is of a newer version, or no memory of this kind; nothing is changed then.
    fn restore(&mut self, _memory: &str) -> Result<(), MemoryError> {
        Ok(())
    }

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
        time_in_force,
        reduce_only,
        ..Proposal::single(instrument.clone(), side, quantity, Pricing::Market)
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
