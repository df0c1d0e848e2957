//! Why a call to a broker failed, and what that says of its fate.

use std::time::Duration;

use crate::domain::execution::Reject;

/// Did a failed call reach the broker's books or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// It did not.
    Definite,
    /// Nobody knows.
    Unknown,
}

/// Why a call failed.
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
    /// The broker answered and said no.
    #[error("{broker} refuses ({}): {}", reject.code, reject.message)]
    Refused {
        /// Which broker.
        broker: String,
        /// HTTP status, or 200 where the refusal came inside an answer.
        status: u16,
        /// Its words.
        reject: Reject,
    },
    /// The credentials are wrong, revoked, expired, or of another environment.
    #[error("{broker} does not accept the login: {reason}")]
    Unauthorized {
        /// Which broker.
        broker: String,
        /// Its words, or ours.
        reason: String,
    },
    /// Too many calls: held back by us before sending, as the caller had no time to wait.
    #[error("{broker} has no room for this call for another {} s", wait.as_secs_f32().ceil())]
    Busy {
        /// Which broker.
        broker: String,
        /// Until there is.
        wait: Duration,
    },
    /// The broker said that there were too many calls.
    #[error("{broker} says that there are too many calls; asked again in {} s", retry_after.as_secs_f32().ceil())]
    RateLimited {
        /// Which broker.
        broker: String,
        /// How long it wants peace.
        retry_after: Duration,
    },
    /// An answer came, and it is not what its specification says.
    #[error("{broker} answers {call} with what cannot be read: {reason}")]
    Unreadable {
        /// Which broker.
        broker: String,
        /// Which call.
        call: &'static str,
        /// What is wrong with it, and where in it.
        reason: String,
    },
    /// This broker cannot do it. Nothing was sent.
    #[error("{broker} does not take {what}; it takes {allowed}")]
    Unsupported {
        /// Which broker.
        broker: String,
        /// What was asked for.
        what: String,
        /// What can be asked for.
        allowed: String,
    },
    /// The broker has no such thing.
    #[error("{broker} has no {what}")]
    NotFound {
        /// Which broker.
        broker: String,
        /// What was asked for.
        what: String,
    },
}

impl BrokerError {
    /// May a read be tried again by itself.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::NoAnswer { .. } | Self::Busy { .. } | Self::RateLimited { .. }
        )
    }

    /// What is known of the fate of a command that ended so.
    #[must_use]
    pub const fn outcome(&self) -> Certainty {
        match self {
            Self::NoAnswer { .. } | Self::Unreadable { .. } | Self::RateLimited { .. } => Certainty::Unknown,
            Self::Unreachable { .. }
            | Self::Refused { .. }
            | Self::Unauthorized { .. }
            | Self::Busy { .. }
            | Self::Unsupported { .. }
            | Self::NotFound { .. } => Certainty::Definite,
        }
    }
}
