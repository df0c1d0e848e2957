//! What a broker is to the engine: `trait Broker` for an account's orders, `trait MarketFeed` for prices, `trait Connection` for one login,
//! their errors and outcomes, the layers that all of them share, and one folder per broker. The paper venue is one of them
//! (`engine::paper`). Never: risk, the journal, the screen, where secrets are kept.

pub mod alpaca;
pub mod clock;
pub mod coinbase;
pub mod coingecko;
mod days;
pub mod endpoint;
mod error;
pub mod http;
pub mod hyperliquid;
pub mod json;
pub mod limiter;
mod market;
pub mod oauth;
pub mod pauses;
pub mod penny;
pub mod quotes;
pub mod registry;
pub mod schwab;
pub mod settings;
pub mod stream;
pub mod tally;
pub mod tls;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::{mpsc, watch};

pub use crate::domain::order::BrokerPreview;
pub use error::{BrokerError, Certainty};
pub use market::Market;
pub use settings::{BrokerKind, BrokerSettings, Credentials, Environment};

use crate::domain::account::Account;
use crate::domain::calendar::SaidDay;
use crate::domain::capabilities::Capabilities;
use crate::domain::chain::ChainRow;
use crate::domain::depth::{DepthLevel, Print};
use crate::domain::execution::{AccountEvent, Execution, Reject};
use crate::domain::ids::{AccountId, BrokerOrderId};
use crate::domain::instrument::{Instrument, InstrumentSpec, Listing, Symbol};
use crate::domain::money::Quantity;
use crate::domain::movement::Movement;
use crate::domain::news::Article;
use crate::domain::order::{Approved, OrderHandle, OrderRequest, OrderStatus};
use crate::domain::position::Position;
use crate::domain::quote::{Bar, Interval, MoverOrder, Quote};
use crate::domain::statement::OrderReport;
use crate::domain::venue::{VenueAction, VenueAnswer};

/// What became of a submit, cancel or replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmitOutcome {
    /// The broker has it, under this id.
    Acknowledged(BrokerOrderId),
    /// The broker's own refusal of this command, or ours of what it cannot do.
    Rejected(Reject),
    /// It never left: nothing was sent.
    NotSent(BrokerError),
    /// No word: not a rejection.
    Unknown(BrokerError),
}

impl From<BrokerError> for SubmitOutcome {
    /// What an error means for the command that ended in it (reliability J3): only the broker's own word is a rejection.
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::Refused { reject, .. } => Self::Rejected(reject),
            BrokerError::Unsupported { .. } => {
                Self::Rejected(Reject { code: "UNSUPPORTED".into(), message: error.to_string() })
            }
            // An answer, and it says that nothing was done.
            BrokerError::Unauthorized { .. } => {
                Self::Rejected(Reject { code: "UNAUTHORIZED".into(), message: error.to_string() })
            }
            error => match error.outcome() {
                Certainty::Definite => Self::NotSent(error),
                Certainty::Unknown => Self::Unknown(error),
            },
        }
    }
}

/// Where one order stands, as the broker says when it is asked about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderState {
    /// The broker's id of it.
    pub broker_order_id: BrokerOrderId,
    /// Where it stands there.
    pub status: OrderStatus,
    /// What it says was filled.
    pub filled_quantity: Quantity,
}

/// What an account's stream says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountStream {
    /// It is up, or up again: whatever happened before may have been missed, so that everything is asked for (reliability R7).
    Up,
    /// Something happened.
    Event(Box<AccountEvent>),
    /// It is down; it comes back by itself.
    Down {
        /// Why.
        reason: String,
        /// When it is tried again.
        retry_at: Timestamp,
    },
}

/// A trader's account at a broker. No method has a default body: nothing may "succeed" unsent.
#[async_trait]
pub trait Broker: Send + Sync {
    /// What the account can do.
    fn capabilities(&self) -> &Capabilities;

    /// Its figures, cash per currency among them.
    async fn account(&self) -> Result<Account, BrokerError>;

    /// Its positions; empty is an answer, an error is not "flat".
    async fn positions(&self) -> Result<Vec<Position>, BrokerError>;

    /// What it says an order would cost; `None` where it has no such call.
    async fn preview(&self, order: &OrderRequest) -> Result<Option<BrokerPreview>, BrokerError>;

    /// Sends an order that risk has passed.
    async fn submit(&self, order: Approved<OrderRequest>) -> SubmitOutcome;

    /// Asks for a cancel. `Acknowledged` means the wish was heard, not that the order is gone.
    async fn cancel(&self, order: &OrderHandle) -> SubmitOutcome;

    /// Asks for the cancel of every working order of the account, ours or not. `Ok` means that the wish was heard.
    async fn cancel_all(&self) -> Result<(), BrokerError>;

    /// Asks for a replace of `order` by an order that risk has passed.
    async fn replace(&self, order: &OrderHandle, new: Approved<OrderRequest>) -> SubmitOutcome;

    /// Working orders and those that changed lately.
    async fn orders(&self) -> Result<Vec<OrderReport>, BrokerError>;

    /// Is an order visible to `order` as soon as `submit` has returned, so that `None` is proof.
    fn shows_at_once(&self) -> bool;

    /// Looks one order up; `None` is "no such order", as far as the broker sees now.
    async fn order(&self, order: &OrderHandle) -> Result<Option<OrderState>, BrokerError>;

    /// Executions since an instant, oldest first.
    async fn executions(&self, since: Timestamp) -> Result<Vec<Execution>, BrokerError>;

    /// What moved without an order since an instant, oldest first: dividends, splits, fees, transfers. Empty at brokers that say it by their
    /// stream or not at all.
    async fn movements(&self, since: Timestamp) -> Result<Vec<Movement>, BrokerError>;

    /// The terms of an instrument here: ticks, increments, whether it trades.
    async fn spec(&self, instrument: &Instrument) -> Result<InstrumentSpec, BrokerError>;

    /// Has the venue do what is no single order, and says what came of it.
    async fn act(&self, action: &VenueAction) -> Result<VenueAnswer, BrokerError>;

    /// Reports what happens in the account until nobody listens or it makes no sense to go on, and says why. It connects again by itself
    /// after a fault. A broker without a stream polls.
    async fn watch(&self, events: mpsc::Sender<AccountStream>) -> BrokerError;
}

/// The order that takes another's place when the broker has filled more of the old one than was counted when it was decided on: in all, not one
/// unit more is bought than was wanted.
///
/// # Errors
/// When nothing is left of it.
pub(crate) fn rest_of(
    broker: &str,
    new: &OrderRequest,
    counted: Quantity,
    filled: Quantity,
) -> Result<OrderRequest, BrokerError> {
    let quantity = new.quantity - (filled - counted).max(Quantity::ZERO);
    if quantity.is_positive() {
        return Ok(OrderRequest { quantity, ..new.clone() });
    }
    let message = "it had filled as far as was wanted before it could be replaced".to_owned();
    let reject = Reject { code: "ALREADY_FILLED".into(), message };
    Err(BrokerError::Refused { broker: broker.to_owned(), status: 200, reject })
}

/// The refusal of a broker that has orders alone.
#[must_use]
pub fn orders_alone(broker: &str, action: &VenueAction) -> BrokerError {
    let allowed = "orders alone".to_owned();
    BrokerError::Unsupported { broker: broker.to_owned(), what: format!("'{action}'"), allowed }
}

/// What a stream of prices says.
#[derive(Clone, Debug, PartialEq)]
pub enum FeedEvent {
    /// It is up, or up again.
    Up,
    /// The newest quote, whole.
    Quote(Box<Quote>),
    /// The whole book of an instrument, best first.
    Depth {
        /// Of what.
        instrument: Instrument,
        /// When it stood so.
        as_of: Timestamp,
        /// Who buys.
        bids: Vec<DepthLevel>,
        /// Who sells.
        asks: Vec<DepthLevel>,
    },
    /// Trades, oldest first.
    Prints {
        /// Of what.
        instrument: Instrument,
        /// The trades.
        prints: Vec<Print>,
    },
    /// It is down; it comes back by itself.
    Down {
        /// Why.
        reason: String,
        /// When it is tried again.
        retry_at: Timestamp,
    },
}

/// Instruments that somebody looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Whose quotes are wanted, sorted, each once.
    pub quotes: Vec<Instrument>,
    /// Whose depth and trades are wanted besides.
    pub books: Vec<Instrument>,
}

/// News as a broker or a data service gives them. Reads only.
#[async_trait]
pub trait NewsSource: Send + Sync {
    /// Articles about any of these instruments, about whatever there is where none is named; newest first, at most `limit`. Empty where the source
    /// has none of such instruments.
    async fn articles(&self, about: &[Instrument], limit: usize) -> Result<Vec<Article>, BrokerError>;
}

/// Prices as a broker or a data service gives them. Reads only.
#[async_trait]
pub trait MarketFeed: Send + Sync {
    /// Does it have prices of such instruments at all.
    fn covers(&self, market: Market) -> bool;

    /// Newest quotes. Instruments that it does not know are absent from the answer.
    async fn quotes(&self, instruments: &[Instrument]) -> Result<Vec<Quote>, BrokerError>;

    /// At most `limit` bars that began before `end`, oldest first.
    async fn bars(
        &self,
        instrument: &Instrument,
        interval: Interval,
        end: Timestamp,
        limit: usize,
    ) -> Result<Vec<Bar>, BrokerError>;

    /// Days on which options of the underlying expire, rising; empty where it has none.
    async fn expiries(&self, underlying: &Symbol) -> Result<Vec<Date>, BrokerError>;

    /// The options of one underlying and day, by strike and right.
    async fn chain(&self, underlying: &Symbol, expiry: Date) -> Result<Vec<ChainRow>, BrokerError>;

    /// Instruments whose symbol or name has this text, best first, at most 20.
    async fn lookup(&self, text: &str) -> Result<Vec<Listing>, BrokerError>;

    /// The shares that move most on their exchanges, best first, at most `limit`; `None` where it has no such list. Empty where nothing is said
    /// just now.
    async fn movers(&self, order: MoverOrder, limit: usize) -> Result<Option<Vec<Instrument>>, BrokerError> {
        let _ = (order, limit);
        Ok(None)
    }

    /// Its news, where it has any.
    fn news(&self) -> Option<&dyn NewsSource> {
        None
    }

    /// Streams what is wanted until nobody listens or it makes no sense to go on, and says why. A source without a stream polls.
    async fn watch(&self, wanted: watch::Receiver<Wanted>, events: mpsc::Sender<FeedEvent>) -> BrokerError;
}

/// An account behind a login, as a list of them shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSummary {
    /// What the broker calls it in its calls. Never shown whole.
    pub key: String,
    /// The last four characters of its number.
    pub last_four: String,
    /// Type as the broker says it, such as `margin`.
    pub kind: String,
    /// The broker's word on whether it may trade, with the reason where not.
    pub trading: Result<(), String>,
}

/// The end of an account's number, which is all that is shown of it.
#[must_use]
pub(crate) fn last_four(number: &str) -> String {
    let skip = number.chars().count().saturating_sub(4);
    let end: String = number.chars().skip(skip).collect();
    crate::domain::text::clean(&end).into_owned()
}

/// One login at a broker, verified.
#[async_trait]
pub trait Connection: Send + Sync {
    /// Which broker.
    fn broker(&self) -> BrokerKind;

    /// Which of its environments.
    fn environment(&self) -> Environment;

    /// The accounts behind it, asked anew: what `arbion verify` runs. An error of kind `Unauthorized` means that the credentials are dead.
    async fn accounts(&self) -> Result<Vec<AccountSummary>, BrokerError>;

    /// One of them, under our id for it.
    async fn account(&self, key: &str, id: AccountId) -> Result<std::sync::Arc<dyn Broker>, BrokerError>;

    /// The exchange's days from `from` to `until`, both with them, rising and without gaps, as the broker has them; `None` where it keeps none
    /// that can be asked for.
    async fn calendar(&self, from: Date, until: Date) -> Result<Option<Vec<SaidDay>>, BrokerError> {
        let _ = (from, until);
        Ok(None)
    }

    /// Its prices, where it has any.
    fn feed(&self) -> Option<std::sync::Arc<dyn MarketFeed>>;

    /// How its calls go.
    fn health(&self) -> http::Health;
}
