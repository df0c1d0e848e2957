//! A running estimate of an order that is still being written: asked a moment after the last change, answered by the engine, and thrown
//! away when the order has changed since.

use std::time::Duration;

use crate::client::{Reply, Request, SessionError};
use crate::command::types::Command;
use crate::domain::order::{OrderPreview, OriginKind};
use crate::domain::text::clean;

/// Quiet time after the last change before the engine is asked.
const DEBOUNCE: Duration = Duration::from_millis(150);
/// An estimate follows the market, but asks no more often than this.
const REFRESH: Duration = Duration::from_secs(1);

/// The estimate of one order.
#[derive(Debug, Default)]
pub struct Estimate {
    wanted: Option<Command>,
    due: Option<Duration>,
    asked_at: Option<Duration>,
    generation: u64,
    in_flight: bool,
    /// The newest answer to what is wanted; absent while there is none.
    result: Option<Result<Box<OrderPreview>, String>>,
}

impl Estimate {
    /// What is written now; absent when it is no order yet.
    pub fn want(&mut self, command: Option<Command>, now: Duration) {
        if command == self.wanted {
            return;
        }
        self.generation += 1;
        self.in_flight = false;
        self.result = None;
        self.due = command.is_some().then_some(now + DEBOUNCE);
        self.wanted = command;
    }

    /// The market moved.
    pub fn market_moved(&mut self, now: Duration) {
        if self.wanted.is_some() && !self.in_flight && self.due.is_none() {
            self.due = Some(self.asked_at.map_or(now, |asked| asked + REFRESH).max(now));
        }
    }

    /// The request that is due now, with its number.
    pub fn poll(&mut self, origin: OriginKind, now: Duration) -> Option<(Request, u64)> {
        if self.due.is_none_or(|due| due > now) || self.in_flight {
            return None;
        }
        let command = self.wanted.clone()?;
        self.due = None;
        self.asked_at = Some(now);
        self.in_flight = true;
        Some((Request::Preview { command, origin, account: None, ask_broker: false }, self.generation))
    }

    /// When `poll` has something next.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        if self.in_flight { None } else { self.due }
    }

    /// An answer; ignored when the order has changed since.
    pub fn answer(&mut self, generation: u64, reply: Result<Reply, SessionError>) {
        if generation != self.generation {
            return;
        }
        self.in_flight = false;
        self.result = match reply {
            Ok(Reply::Preview(preview)) => Some(Ok(preview)),
            Ok(_) => Some(Err("the engine gave no estimate".into())),
            Err(error) => Some(Err(clean(&error.to_string()).into_owned())),
        };
    }

    /// The newest estimate of what is written now.
    #[must_use]
    pub fn preview(&self) -> Option<&OrderPreview> {
        self.result.as_ref()?.as_ref().ok().map(|preview| &**preview)
    }

    /// Why there is none.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.result.as_ref()?.as_ref().err().map(String::as_str)
    }

    /// The engine is being asked, or will be.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.result.is_none() && (self.in_flight || self.due.is_some())
    }
}
