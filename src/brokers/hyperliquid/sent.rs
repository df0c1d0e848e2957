//! Orders that this process has sent, by our ids: none goes twice, and one whose answer was lost is kept from arriving late.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::account::HyperliquidAccount;
use super::actions::Action;
use super::{errors, venue};
use crate::brokers::clock::wall;
use crate::brokers::http::{Call, Repeat};
use crate::domain::ids::ClientOrderId;

/// Ids of ours that are remembered as sent.
const SENT_MAX: usize = 10_000;
/// An order arrives within this time or never: the venue refuses it later, and clocks are good to some seconds.
const ARRIVES: Duration = Duration::from_secs(20);

/// What is known of the nonce that an order was signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nonce {
    /// The venue has answered, or may yet.
    Answered,
    /// No answer came: the order may be on its way.
    InDoubt(u64),
    /// It was used up by nothing: the order never comes.
    UsedUp,
}

#[derive(Debug)]
struct Row {
    id: ClientOrderId,
    at: Instant,
    nonce: Nonce,
}

/// The orders.
#[derive(Debug)]
pub(super) struct Sent {
    rows: Mutex<VecDeque<Row>>,
    /// Since when, by both clocks.
    opened: (Instant, Timestamp),
}

impl Sent {
    pub(super) fn new() -> Self {
        Self { rows: Mutex::default(), opened: (Instant::now(), wall()) }
    }

    fn rows(&self) -> MutexGuard<'_, VecDeque<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, id: ClientOrderId, nonce: Nonce) {
        if let Some(row) = self.rows().iter_mut().rev().find(|row| row.id == id) {
            row.nonce = nonce;
        }
    }

    /// Marks an id as sent. False when it has been.
    pub(super) fn first_time(&self, id: ClientOrderId) -> bool {
        let mut rows = self.rows();
        if rows.iter().any(|row| row.id == id) {
            return false;
        }
        if rows.len() == SENT_MAX {
            rows.pop_front();
        }
        rows.push_back(Row { id, at: Instant::now(), nonce: Nonce::Answered });
        true
    }

    /// It was not sent after all.
    pub(super) fn forget(&self, id: ClientOrderId) {
        self.rows().retain(|row| row.id != id);
    }

    /// It was signed with this nonce, and nobody knows whether it has arrived.
    pub(super) fn doubt(&self, id: ClientOrderId, nonce: u64) {
        self.note(id, Nonce::InDoubt(nonce));
    }

    fn in_doubt(&self, id: ClientOrderId) -> Option<u64> {
        match self.rows().iter().rev().find(|row| row.id == id)?.nonce {
            Nonce::InDoubt(nonce) => Some(nonce),
            Nonce::Answered | Nonce::UsedUp => None,
        }
    }

    /// Could an order that is not there arrive yet: sent just now, or by a process before this one.
    pub(super) fn may_arrive(&self, id: ClientOrderId) -> bool {
        match self.rows().iter().rev().find(|row| row.id == id) {
            Some(row) => row.nonce != Nonce::UsedUp && row.at.elapsed() < ARRIVES,
            None => {
                let made = i64::try_from(id.as_u128() >> 80).unwrap_or(i64::MAX);
                made < self.opened.1.as_millisecond() && self.opened.0.elapsed() < ARRIVES
            }
        }
    }

    /// How long ago the account was opened.
    pub(super) fn open_for(&self) -> Duration {
        self.opened.0.elapsed()
    }
}

impl HyperliquidAccount {
    /// An order whose answer was lost must not arrive any more: an action that does nothing uses up its nonce. Where it has arrived before, the
    /// venue says that the nonce was used, and the order is found by asking.
    pub(super) async fn keep_from_arriving(&self, id: ClientOrderId) {
        let Some(nonce) = self.sent.in_doubt(id) else { return };
        // Once: a second one would be told that the nonce was used, by the first.
        let call = Call { repeat: Repeat::Never, ..venue::cancel("noop") };
        match self.shared.act_as(call, &Action::Noop, false, Some(nonce)).await {
            Ok(_) => {
                tracing::info!(order = %id, "its nonce is used up: the order never arrives");
                self.sent.note(id, Nonce::UsedUp);
            }
            Err(error) if errors::is_used_nonce(&error) => self.sent.note(id, Nonce::Answered),
            Err(error) => tracing::info!(order = %id, %error, "whether its nonce is used up is not known"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_in_doubt_may_arrive_until_its_nonce_is_used_up() {
        let (sent, id) = (Sent::new(), ClientOrderId::from_u128(u128::MAX));
        assert!(!sent.may_arrive(id), "never sent, and made by nobody before");
        assert!(sent.first_time(id) && !sent.first_time(id));
        assert!(sent.may_arrive(id) && sent.in_doubt(id).is_none());
        sent.doubt(id, 7);
        assert_eq!(sent.in_doubt(id), Some(7));
        sent.note(id, Nonce::UsedUp);
        assert!(!sent.may_arrive(id) && sent.in_doubt(id).is_none());
        sent.forget(id);
        assert!(sent.first_time(id));
    }
}
