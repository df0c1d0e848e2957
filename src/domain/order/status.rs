//! Where an order stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where an order stands (FIX OrdStatus, tag 39, with our own for what is not known).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Journalled; the broker has not answered.
    PendingSubmit,
    /// The broker has it.
    Submitted,
    /// Some of it is filled and the rest works.
    PartiallyFilled,
    /// All of it is filled.
    Filled,
    /// A cancel is on its way.
    PendingCancel,
    /// Ended by a cancel; may have filled in part.
    Canceled,
    /// A replace is on its way.
    PendingReplace,
    /// Ended by a replace; the new order has a row of its own.
    Replaced,
    /// The broker said no.
    Rejected,
    /// Our risk said no; nothing was sent.
    Denied,
    /// Ended by its time in force; may have filled in part.
    Expired,
    /// Sent, and nobody knows what became of it.
    Unknown,
}

impl OrderStatus {
    /// Every status, in declaration order.
    pub const ALL: [Self; 12] = [
        Self::PendingSubmit,
        Self::Submitted,
        Self::PartiallyFilled,
        Self::Filled,
        Self::PendingCancel,
        Self::Canceled,
        Self::PendingReplace,
        Self::Replaced,
        Self::Rejected,
        Self::Denied,
        Self::Expired,
        Self::Unknown,
    ];

    /// Ended, but for a late fill.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Filled | Self::Canceled | Self::Replaced | Self::Rejected | Self::Denied | Self::Expired
        )
    }

    /// Snake-case word, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingSubmit => "pending_submit",
            Self::Submitted => "submitted",
            Self::PartiallyFilled => "partially_filled",
            Self::Filled => "filled",
            Self::PendingCancel => "pending_cancel",
            Self::Canceled => "canceled",
            Self::PendingReplace => "pending_replace",
            Self::Replaced => "replaced",
            Self::Rejected => "rejected",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the snake-case word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_words_round_trip() {
        for status in OrderStatus::ALL {
            assert_eq!(OrderStatus::from_word(status.as_str()), Some(status));
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
    }
}
