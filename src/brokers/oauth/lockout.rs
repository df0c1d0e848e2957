//! Three failed sign-ins within five minutes lock that broker's for five (reliability O5). Plain data, so that it outlives a restart.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::OauthError;

/// Failures that lock.
const FAILURES_MAX: usize = 3;
/// Failures count this long.
const WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// How long the lock holds.
const LOCK: SignedDuration = SignedDuration::from_mins(5);

/// The failures of one broker and profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lockout {
    /// When it failed lately, oldest first; at most three.
    failures: Vec<Timestamp>,
    /// Until when nothing is tried.
    locked_until: Option<Timestamp>,
}

impl Lockout {
    /// How long it is locked still.
    #[must_use]
    pub fn wait(&self, now: Timestamp) -> Option<Duration> {
        let left = self.locked_until?.duration_since(now);
        // A clock that was set back does not lock for longer than the lock is long.
        (left > SignedDuration::ZERO && left <= LOCK).then(|| left.unsigned_abs())
    }

    /// May it be tried.
    ///
    /// # Errors
    /// `LockedOut` with the time left.
    pub fn check(&self, broker: &str, now: Timestamp) -> Result<(), OauthError> {
        match self.wait(now) {
            Some(wait) => Err(OauthError::LockedOut { broker: broker.to_owned(), wait }),
            None => Ok(()),
        }
    }

    /// It failed. `true` when that locked it: a thing for the audit log.
    pub fn failed(&mut self, now: Timestamp) -> bool {
        self.failures.retain(|at| {
            let age = now.duration_since(*at);
            age >= SignedDuration::ZERO && age < WINDOW
        });
        self.failures.push(now);
        if self.failures.len() < FAILURES_MAX {
            return false;
        }
        self.failures.clear();
        self.locked_until = now.checked_add(LOCK).ok();
        true
    }

    /// It worked: nothing counts any more.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }
}
