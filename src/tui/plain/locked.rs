//! The lock of plain lines: while it is on, nothing of the account is said, every line typed is a passphrase, and alerts ring by name.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{For, Plain, Step};
use crate::client::{Reply, SessionError};
use crate::domain::snapshot::Snapshot;
use crate::domain::text::clean;
use crate::tui::news::newly_rung;

impl Plain {
    /// Is it locked.
    #[must_use]
    pub const fn is_locked(&self) -> bool {
        self.app.lock.is_some()
    }

    /// When it locks by itself.
    #[must_use]
    pub fn locks_at(&self) -> Option<Duration> {
        self.app.locks_at()
    }

    /// Time has passed: what is to be said of it.
    pub fn tick(&mut self) -> Vec<String> {
        if self.locks_at().is_some_and(|at| at <= self.app.env.now) { self.lock() } else { Vec::new() }
    }

    /// Locks it. What was about to be confirmed is not.
    pub(super) fn lock(&mut self) -> Vec<String> {
        self.pending = None;
        self.app.lock_screen(false);
        vec![
            "Locked; the engine works on. What was said before still stands above: clear the terminal if others can see it.".to_owned(),
            self.question(),
        ]
    }

    pub(super) fn question(&self) -> String {
        format!("Type the passphrase of profile {}.", clean(&self.snapshot.profile))
    }

    /// A line that was typed while it is locked.
    pub(super) fn passphrase(&mut self, typed: Zeroizing<String>) -> Step {
        let request = self.app.lock.as_mut().and_then(|lock| lock.typed_whole(&typed));
        match request {
            Some(request) => Step::Ask(Box::new(request), For::Unlock),
            None => Step::Say(Vec::new()),
        }
    }

    /// What came of it.
    pub(super) fn unlocked(&mut self, reply: Result<Reply, SessionError>) -> Vec<String> {
        self.app.unlock_answered(reply);
        match &self.app.lock {
            Some(lock) => vec![lock.said().to_owned()],
            None => vec!["Unlocked.".to_owned()],
        }
    }

    /// A new picture, where the lock has a word in it: what may be said of it.
    pub(super) fn locked_snapshot(&mut self, new: &Arc<Snapshot>) -> Option<Vec<String>> {
        let was = self.is_locked();
        self.app.follow_lock(new);
        match (was, self.is_locked()) {
            (false, false) => None,
            (true, false) => Some(vec!["Unlocked with the profile.".to_owned()]),
            (false, true) => {
                self.pending = None;
                Some(vec!["Locked with the profile; the engine works on.".to_owned(), self.question()])
            }
            (true, true) => {
                let rung: Vec<String> =
                    newly_rung(&self.snapshot, new).map(|alert| alert.instrument.to_string()).collect();
                Some(rung.iter().filter_map(|of| self.app.ring_locked(of)).collect())
            }
        }
    }
}
