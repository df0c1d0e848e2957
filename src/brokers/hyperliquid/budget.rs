//! Requests of an account's address: the venue allows ten thousand, and one more for each USDC traded. Strategies stop before the last of them
//! are gone, which a person may need.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;

use super::account::HyperliquidAccount;
use super::venue::{self, LIST};
use crate::brokers::BrokerError;
use crate::domain::execution::{ADDRESS_LIMIT, AccountEvent, Notice};

/// Strategies stop at this part of what is allowed, in per cent.
const STOP_PER_CENT: u64 = 95;
/// From this part on it is asked for oftener.
const NEAR_PER_CENT: u64 = 80;
/// It is asked for again after this long, and after that where it is near its end.
const FRESH: Duration = Duration::from_secs(600);
const FRESH_NEAR: Duration = Duration::from_secs(60);

/// What the venue says.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    #[serde(rename = "nRequestsUsed")]
    pub(super) used: u64,
    #[serde(rename = "nRequestsCap")]
    pub(super) cap: u64,
}

/// What is known of one address.
#[derive(Debug, Default)]
pub(super) struct Budget {
    told: Mutex<Option<(Instant, Told)>>,
    /// Requests of ours since then.
    since: AtomicU64,
    /// It was said that strategies stop.
    said: std::sync::atomic::AtomicBool,
}

impl Budget {
    /// So many requests went.
    pub(super) fn went(&self, requests: u64) {
        self.since.fetch_add(requests, Ordering::Relaxed);
    }

    /// What it is by now, as far as we know; absent before the first answer.
    pub(super) fn now(&self) -> Option<Told> {
        let told = *self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.map(|(_, told)| Told { used: told.used + self.since.load(Ordering::Relaxed), ..told })
    }

    fn keep(&self, told: Told) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), told));
        self.since.store(0, Ordering::Relaxed);
    }

    fn is_due(&self) -> bool {
        let told = *self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((at, _)) = told else { return true };
        let near = self.now().is_some_and(|now| now.is_beyond(NEAR_PER_CENT));
        at.elapsed() >= if near { FRESH_NEAR } else { FRESH }
    }

    /// Words for the connection's status; absent before the first answer.
    pub(super) fn words(&self) -> Option<String> {
        let Told { used, cap } = self.now()?;
        Some(format!("{used} of {cap} requests used"))
    }
}

impl Told {
    fn is_beyond(self, per_cent: u64) -> bool {
        self.used.saturating_mul(100) >= self.cap.saturating_mul(per_cent)
    }
}

impl HyperliquidAccount {
    /// Asks where that is due, and says once that strategies stop. What cannot be asked for holds nothing up.
    pub(super) async fn watch_budget(&self) {
        // Nothing is asked beside what a start needs.
        if self.sent.open_for() < super::STARTING || !self.shared.budget.is_due() {
            return;
        }
        match self.ask_budget().await {
            Ok(told) => self.judge(told),
            Err(error) => tracing::debug!(%error, "the address's requests could not be asked for"),
        }
    }

    async fn ask_budget(&self) -> Result<Told, BrokerError> {
        let body = json!({"type": "userRateLimit", "user": self.user()});
        let told: Told = self.venue().info(venue::read("userRateLimit", LIST), &body).await?;
        self.shared.budget.keep(told);
        Ok(told)
    }

    fn judge(&self, told: Told) {
        let budget = &self.shared.budget;
        if !told.is_beyond(STOP_PER_CENT) {
            budget.said.store(false, Ordering::Relaxed);
            return;
        }
        if budget.said.load(Ordering::Relaxed) {
            return;
        }
        let Told { used, cap } = told;
        let text = format!(
            "{}: {used} of the {cap} requests that its address may send are used; each USDC traded adds one",
            self.shared.id
        );
        let at = crate::brokers::clock::wall();
        let notice = Notice { account: self.shared.id.clone(), code: ADDRESS_LIMIT.into(), text, at };
        let heard = self.words.send(AccountEvent::Notice(notice)).is_ok();
        budget.said.store(heard, Ordering::Relaxed);
    }

    /// Requests that the account's address has used, and may use in all.
    ///
    /// # Errors
    /// Whatever the read comes to.
    pub async fn request_budget(&self) -> Result<(u64, u64), BrokerError> {
        let told = self.ask_budget().await?;
        self.judge(told);
        Ok((told.used, told.cap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_send_counts_until_the_venue_is_asked_again() {
        let budget = Budget::default();
        budget.went(3);
        assert!(budget.is_due() && budget.now().is_none() && budget.words().is_none());
        budget.keep(Told { used: 940, cap: 1_000 });
        assert!(!budget.is_due());
        budget.went(10);
        assert_eq!(budget.words().as_deref(), Some("950 of 1000 requests used"));
        assert!(budget.now().unwrap().is_beyond(STOP_PER_CENT));
        assert!(!Told { used: 949, cap: 1_000 }.is_beyond(STOP_PER_CENT));
    }
}
