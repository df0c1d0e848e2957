//! Accounts at brokers that a profile has connected. No secret, and no account number but its end.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::account::{AccountKind, AccountMode};
use super::capabilities::Capabilities;
use super::ids::AccountId;
use super::money::Currency;

/// One connected account, as the database holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Our name for the account, such as `alpaca` or `schwab-4821`.
    pub account: AccountId,
    /// The broker's word.
    pub broker: SmolStr,
    /// `paper` or `live`.
    pub environment: SmolStr,
    /// Last characters of the account's number.
    pub last_four: SmolStr,
    /// The broker's word for its type.
    pub kind_text: SmolStr,
    /// Cash or margin.
    pub kind: AccountKind,
    /// The currency it is kept in.
    pub currency: Currency,
    /// What it can do, as it was when it was connected.
    pub capabilities: Capabilities,
}

impl Login {
    /// Real money or not.
    #[must_use]
    pub fn mode(&self) -> AccountMode {
        if self.environment == "live" { AccountMode::Live } else { AccountMode::Paper }
    }
}
