//! What a broker is to the engine: `trait Broker`, its errors and outcomes, and one folder per broker.
//! The paper venue is one of them (`engine::paper`).

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::account::Account;
use crate::domain::capabilities::Capabilities;
use crate::domain::execution::{Execution, Reject};
use crate::domain::ids::{BrokerOrderId, ClientOrderId};
use crate::domain::money::Quantity;
use crate::domain::order::{Approved, OrderRequest, OrderStatus};
use crate::domain::position::Position;
use crate::domain::statement::OrderReport;

/// Did a failed call reach the broker's books or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// It did not.
    Definite,
    /// Nobody knows.
    Unknown,
}

/// Why a call failed without an answer from the broker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// The link is down or its queue is full; nothing was sent.
    #[error("{broker} cannot be reached: {reason}")]
    Unreachable {
        /// Which broker.
        broker: String,
        /// Why.
        reason: String,
    },
    /// Sent, and no readable answer came.
    #[error("{broker} gave no answer: {reason}")]
    NoAnswer {
        /// Which broker.
        broker: String,
        /// Why.
        reason: String,
    },
}

impl BrokerError {
    /// May a read be tried again.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        true
    }

    /// What is known of the command's fate.
    #[must_use]
    pub const fn outcome(&self) -> Certainty {
        match self {
            Self::Unreachable { .. } => Certainty::Definite,
            Self::NoAnswer { .. } => Certainty::Unknown,
        }
    }
}

/// What became of a submit, cancel or replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmitOutcome {
    /// The broker has it, under this id.
    Acknowledged(BrokerOrderId),
    /// The broker's own refusal of this command.
    Rejected(Reject),
    /// No word: not a rejection.
    Unknown(BrokerError),
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

/// A trader's account at a broker. No method has a default body: nothing may "succeed" unsent.
#[async_trait]
pub trait Broker: Send + Sync {
    /// What the account can do.
    fn capabilities(&self) -> &Capabilities;

    /// Its figures.
    async fn account(&self) -> Result<Account, BrokerError>;

    /// Its positions; empty is an answer, an error is not "flat".
    async fn positions(&self) -> Result<Vec<Position>, BrokerError>;

    /// Sends an order that risk has passed.
    async fn submit(&self, order: Approved<OrderRequest>) -> SubmitOutcome;

    /// Asks for a cancel. `Acknowledged` means the wish was heard, not that the order is gone.
    async fn cancel(&self, order: ClientOrderId) -> SubmitOutcome;

    /// Asks for a replace of `order` by an order that risk has passed.
    async fn replace(&self, order: ClientOrderId, new: Approved<OrderRequest>) -> SubmitOutcome;

    /// Working orders and those that changed lately.
    async fn orders(&self) -> Result<Vec<OrderReport>, BrokerError>;

    /// Is an order visible to `order` as soon as `submit` has returned, so that `None` is proof.
    fn shows_at_once(&self) -> bool;

    /// Looks one order up by our id; `None` is "no such order", as far as the broker sees now.
    async fn order(&self, order: ClientOrderId) -> Result<Option<OrderState>, BrokerError>;

    /// Executions since an instant, oldest first.
    async fn executions(&self, since: Timestamp) -> Result<Vec<Execution>, BrokerError>;
}
