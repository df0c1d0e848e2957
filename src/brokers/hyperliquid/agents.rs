//! A new agent, approved by the account's own key, which is used once and kept nowhere.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use zeroize::{Zeroize, Zeroizing};

use super::signing::{Field, Signer, hex};
use super::venue::{self, Venue, ms};
use super::{NAME, Settings, wrong};
use crate::brokers::{BrokerError, BrokerSettings};

/// The chain that the signature names; any is fine for the venue, this is the official client's.
const CHAIN: u64 = 421_614;
const CHAIN_HEX: &str = "0x66eee";
/// Longest name of an agent.
const NAME_MAX: usize = 16;

/// Makes a key for an agent and lets the account's own key approve it. A name that is in use replaces that agent. Returns the agent's key.
///
/// # Errors
/// `Unsupported` for a name that is too long, `Unauthorized` for a key that is none; what the venue says.
pub async fn approve_agent(
    settings: &BrokerSettings,
    master: &SecretString,
    name: &str,
) -> Result<SecretString, BrokerError> {
    if name.len() > NAME_MAX || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(wrong("this name of an agent".to_owned(), "at most 16 letters, digits and dashes"));
    }
    let unauthorized = |reason: String| BrokerError::Unauthorized { broker: NAME.to_owned(), reason };
    let master = Signer::new(master).map_err(|error| unauthorized(error.to_string()))?;
    let key = new_key()?;
    let agent = Signer::new(&key).map_err(|error| unauthorized(error.to_string()))?;
    let venue = Venue::new(Settings::read(settings)?)?;
    // Asked for first, so that the venue's clock is known.
    venue.universe().await?;
    let nonce = master.nonce(ms(venue.http.broker_now()));
    let fields = [
        ("agentAddress", Field::Account(agent.address())),
        ("agentName", Field::Text(name)),
        ("nonce", Field::Number(nonce)),
    ];
    let network = venue.network();
    let signature = master.sign_fields(network, CHAIN, "HyperliquidTransaction:ApproveAgent", &fields);
    let mut action = json!({
        "type": "approveAgent", "signatureChainId": CHAIN_HEX, "hyperliquidChain": network.chain(),
        "agentAddress": agent.address().to_string(), "agentName": name, "nonce": nonce,
    });
    if let (true, Some(fields)) = (name.is_empty(), action.as_object_mut()) {
        // An agent without a name is signed with an empty one, and sent without.
        fields.remove("agentName");
    }
    let body = json!({
        "action": action, "nonce": nonce, "signature": signature, "vaultAddress": null, "expiresAfter": null,
    });
    venue.exchange_signed(venue::order("approveAgent"), &body).await?;
    Ok(key)
}

/// A key that is one: random bytes are none once in 2^128.
fn new_key() -> Result<SecretString, BrokerError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| venue::unreachable(&error))?;
    let mut text = hex(bytes.as_slice());
    let key = SecretString::from(text.as_str());
    text.zeroize();
    debug_assert_eq!(key.expose_secret().len(), 66);
    Ok(key)
}
