//! Every connector by its broker: what a login needs, and how one is opened.

use std::sync::Arc;

use super::settings::CredentialField;
use super::{BrokerError, BrokerKind, BrokerSettings, Connection, Credentials};

/// What a person gives to connect.
#[must_use]
pub const fn fields(kind: BrokerKind) -> &'static [CredentialField] {
    match kind {
        BrokerKind::Alpaca | BrokerKind::Schwab | BrokerKind::Hyperliquid => &[],
        BrokerKind::Coinbase => super::coinbase::fields(),
        BrokerKind::Coingecko => super::coingecko::fields(),
    }
}

/// Opens a login. Nothing is verified yet: [`Connection::accounts`] does.
///
/// # Errors
/// When an address or a credential is none, before anything is sent.
pub async fn connect(
    kind: BrokerKind,
    settings: &BrokerSettings,
    credentials: &Credentials,
) -> Result<Arc<dyn Connection>, BrokerError> {
    match kind {
        BrokerKind::Coinbase => super::coinbase::connect(settings, credentials).await,
        BrokerKind::Coingecko => super::coingecko::connect(settings, credentials).await,
        BrokerKind::Alpaca | BrokerKind::Schwab | BrokerKind::Hyperliquid => Err(BrokerError::Unsupported {
            broker: kind.to_string(),
            what: "a login yet".to_owned(),
            allowed: "nothing".to_owned(),
        }),
    }
}
