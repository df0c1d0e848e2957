//! What was shown is what is sent: previewed orders by the hash of their canonical form (reliability K7).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::command::types::Command;
use crate::domain::ids::ClientOrderId;
use crate::domain::order::OrderRequest;

/// Previews kept at a time.
const PREVIEWS_MAX: usize = 64;

/// How long a preview can be confirmed.
const VALID_FOR: SignedDuration = SignedDuration::from_secs(120);

/// Previewed orders that may still be confirmed.
#[derive(Debug, Default)]
pub struct Previews {
    shown: BTreeMap<String, Shown>,
}

#[derive(Debug)]
struct Shown {
    command: Command,
    request: OrderRequest,
    at: Timestamp,
}

/// SHA-256 of the order without its ids, in hex: everything a user reads on the review dialog is in it.
#[must_use]
pub fn confirmation_hash(request: &OrderRequest) -> String {
    let mut canonical = request.clone();
    let blank = ClientOrderId::from_u128(0);
    canonical.client_order_id = blank;
    for exit in [&mut canonical.take_profit, &mut canonical.stop_loss].into_iter().flatten() {
        exit.client_order_id = blank;
    }
    let json = serde_json::to_vec(&canonical).unwrap_or_default();
    Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Previews {
    /// Remembers what is shown now and returns its hash.
    pub fn remember(&mut self, now: Timestamp, command: Command, request: OrderRequest) -> String {
        self.shown.retain(|_, shown| now.duration_since(shown.at) < VALID_FOR);
        while self.shown.len() >= PREVIEWS_MAX {
            let oldest = self.shown.iter().min_by_key(|(_, shown)| shown.at).map(|(hash, _)| hash.clone());
            if let Some(oldest) = oldest {
                self.shown.remove(&oldest);
            }
        }
        let hash = confirmation_hash(&request);
        self.shown.insert(hash.clone(), Shown { command, request, at: now });
        hash
    }

    /// The order that was shown under this hash for this command. `None` when it is too old, or was another.
    pub fn confirm(&mut self, now: Timestamp, command: &Command, hash: &str) -> Option<OrderRequest> {
        let shown = self.shown.remove(hash)?;
        (shown.command == *command && now.duration_since(shown.at) < VALID_FOR).then_some(shown.request)
    }
}
