//! A bot, as the host sees it: a strategy whose head is a process of its own. What it is told goes out as `Output::Tell`, what it wants comes
//! in through the host, under the same guards as every strategy's. The process itself is nothing of this folder's.

use jiff::Timestamp;
use smol_str::SmolStr;

use crate::domain::corporate::CorporateAction;
use crate::domain::denial::DenialCode;
use crate::domain::execution::Execution;
use crate::domain::ids::{ClientOrderId, OrderNumber};
use crate::domain::instrument::Instrument;
use crate::domain::money::Quantity;
use crate::domain::order::{Order, OrderChange, OrderSubject};
use crate::domain::quote::{Bar, Interval, Quote};

use super::params::ParamError;
use super::{Books, Head, MemoryError, Output, Params, Proposal, Schedule, Strategy, StrategyInput};

/// Something a bot is told.
#[derive(Clone, Debug, PartialEq)]
pub enum BotNews {
    /// A complete bar.
    Bar {
        /// Of what.
        instrument: Instrument,
        /// How wide.
        interval: Interval,
        /// The prices.
        bar: Bar,
    },
    /// New prices; the newest of an instrument counts.
    Quote(Box<Quote>),
    /// One of its orders filled, or shares came or went with its options.
    Execution(Box<Execution>),
    /// One of its short options was assigned.
    Assigned(Box<Execution>),
    /// One of its orders has another status.
    Order(Box<Order>),
    /// It owns another number of units, and no execution of its own says why.
    Position {
        /// Of what.
        instrument: Instrument,
        /// Units now, signed.
        now: Quantity,
    },
    /// Cash, rights or restrictions of the account changed.
    Account,
    /// A company did something to shares it has.
    Corporate(Box<CorporateAction>),
    /// Something it proposed was denied.
    Denied {
        /// The first reason.
        code: DenialCode,
        /// What it was for.
        subject: Box<OrderSubject>,
    },
    /// It stands still: what it proposes is refused.
    Halted,
    /// It may propose again.
    Resumed,
    /// It has other parameters.
    ParamsChanged,
    /// One of its schedules is due.
    Due {
        /// The schedule, as it was asked for.
        schedule: SmolStr,
        /// When it was due; it may be later by now.
        due_at: Timestamp,
    },
    /// The exchange opens or closes.
    Session {
        /// It is open now.
        open: bool,
        /// When that changes; absent where nobody knows.
        until: Option<Timestamp>,
    },
}

impl BotNews {
    /// Is only the newest of its instrument worth telling.
    #[must_use]
    pub const fn conflates(&self) -> Option<&Instrument> {
        match self {
            Self::Quote(quote) => Some(&quote.instrument),
            _ => None,
        }
    }

    /// Must it be told though the bot was down when it happened.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        matches!(
            self,
            Self::Execution(_)
                | Self::Assigned(_)
                | Self::Order(_)
                | Self::Position { .. }
                | Self::Due { .. }
        )
    }
}

/// An order of a bot, as it names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BotOrderName {
    /// By its own tag.
    Tag(String),
    /// By the id it was told.
    Id(ClientOrderId),
}

/// Something a bot wants.
#[derive(Clone, Debug, PartialEq)]
pub enum BotWant {
    /// An order. The same tag twice is the same order.
    Place {
        /// Its own name for it.
        tag: String,
        /// The order.
        proposal: Box<Proposal>,
    },
    /// A cancel of one of its own.
    Cancel(BotOrderName),
    /// Other terms for one of its own.
    Replace(BotOrderName, OrderChange),
    /// It wants to remember this JSON over restarts.
    Remember(String),
    /// A line for the user.
    Alert(String),
    /// It wants to be evaluated at these times, in the place of those it wanted before.
    Schedule(Vec<Schedule>),
}

/// What became of what a bot wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BotPlaced {
    /// The order, where there is one.
    pub order: Option<(ClientOrderId, OrderNumber)>,
    /// Its status, or `proposed` where a person must confirm it first, or `done`.
    pub status: String,
    /// What the person confirms it by.
    pub proposal: Option<u32>,
}

/// Why nothing became of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BotRefusal {
    /// Its terms forbid it.
    #[error("its permissions forbid it: {0}")]
    Permission(String),
    /// Risk, or a limit of its strategy, denied it.
    #[error("{text}")]
    Denied {
        /// The first reason.
        code: DenialCode,
        /// All of them.
        text: String,
    },
    /// It does not run.
    #[error("its strategy is {0}; nothing is sent")]
    NotReady(String),
    /// The kill switch is on.
    #[error("the kill switch is on")]
    Halted,
    /// It has no such order.
    #[error("it has no working order {0}")]
    NoOrder(String),
    /// Its order was sent, and nobody knows yet what became of it.
    #[error("what became of order {0} is not known yet; that is told as news of the order")]
    OutcomeUnknown(ClientOrderId),
    /// Its order cannot be changed just now: the broker has not answered the last thing that was asked of it.
    #[error("order {order} is {status}; it can be changed once the broker has answered")]
    Underway {
        /// Which.
        order: ClientOrderId,
        /// Where it stands.
        status: &'static str,
    },
    /// There are too many of them.
    #[error("{0}")]
    TooMany(String),
    /// What it says cannot be done.
    #[error("{0}")]
    Bad(String),
}

/// The head is elsewhere; this tells it what happens.
#[derive(Debug)]
struct Mirror {
    head: Head,
    memory: String,
}

/// Makes the host's side of a bot. Its parameters are checked by its own schema, where the process is started.
pub(super) fn make(
    name: SmolStr,
    instruments: Vec<Instrument>,
    _params: &Params,
) -> Result<Box<dyn Strategy>, ParamError> {
    Ok(Box::new(Mirror { head: Head::new("bot", name, instruments), memory: String::new() }))
}

impl Strategy for Mirror {
    fn head(&self) -> &Head {
        &self.head
    }

    /// It asks for the past itself.
    fn warm_up_bars(&self) -> usize {
        1
    }

    fn memory(&self) -> String {
        self.memory.clone()
    }

    fn restore(&mut self, memory: &str) -> Result<(), MemoryError> {
        memory.clone_into(&mut self.memory);
        Ok(())
    }

    fn on_input(
        &mut self,
        _now: Timestamp,
        input: StrategyInput<'_>,
        _books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        out.extend(news_of(input).map(Output::Tell));
    }
}

/// What a bot is told of an input.
#[must_use]
pub fn news_of(input: StrategyInput<'_>) -> Option<BotNews> {
    Some(match input {
        StrategyInput::Bar { instrument, interval, bar } => {
            BotNews::Bar { instrument: instrument.clone(), interval, bar: *bar }
        }
        StrategyInput::Quote(quote) => BotNews::Quote(Box::new(quote.clone())),
        StrategyInput::Execution(execution)
        | StrategyInput::Exercised(execution)
        | StrategyInput::Expired(execution) => BotNews::Execution(Box::new(execution.clone())),
        StrategyInput::Assigned(execution) => BotNews::Assigned(Box::new(execution.clone())),
        StrategyInput::OrderChanged(order) => BotNews::Order(Box::new(order.clone())),
        StrategyInput::PositionChanged { instrument, now, .. } => {
            BotNews::Position { instrument: instrument.clone(), now }
        }
        StrategyInput::AccountChanged => BotNews::Account,
        StrategyInput::CorporateAction(action) => BotNews::Corporate(Box::new(action.clone())),
        StrategyInput::Denied { code, subject } => {
            BotNews::Denied { code, subject: Box::new(subject.clone()) }
        }
        StrategyInput::Paused => BotNews::Halted,
        StrategyInput::Started | StrategyInput::Resumed => BotNews::Resumed,
        StrategyInput::ParamsChanged => BotNews::ParamsChanged,
        StrategyInput::Due { schedule, due_at } => BotNews::Due { schedule: schedule.into(), due_at },
        // It asks for chains and bars itself, and is told when they come; its end its process is told by whoever runs it.
        StrategyInput::Stopping
        | StrategyInput::ChainReady(_)
        | StrategyInput::BarsReady { .. }
        | StrategyInput::EventsReady { .. } => return None,
    })
}
