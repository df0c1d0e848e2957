//! How the engine is doing, in numbers: how long calls take, how many fail, what waits in which queue. Counted where it happens, read by
//! whoever asks.

use std::sync::Arc;

use crate::brokers::tally::CallFigures;
use crate::client::status::{CallStatus, QueueStatus};

use super::journal::JOBS_MAX;
use super::link::{self, LinkQueue};
use super::session::REQUESTS_MAX;
use super::task::EngineTask;

/// What the engine's own thread knows of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Calls to brokers, by name.
    pub broker_calls: Vec<CallStatus>,
    /// What waits, by queue.
    pub queues: Vec<QueueStatus>,
    /// Why what happened lately is not on the disk; absent where it is.
    pub unwritten: Option<String>,
}

impl EngineTask {
    /// How this thread is doing, for whoever asks the process.
    pub(super) fn tell_vitals(&self) {
        let queues = vec![
            queue("answers", self.pending.len() + self.waiters.len(), REQUESTS_MAX * 2),
            queue("journal", self.unanswered, JOBS_MAX),
            queue("broker link", self.links.values().map(LinkQueue::waiting).sum(), link::ROOM),
            queue("broker reports", self.reports.len(), self.reports.max_capacity()),
        ];
        let mut broker_calls = shown(None, &self.broker_calls.figures());
        broker_calls.extend(self.live.calls());
        let unwritten = self.unwritten.clone();
        self.vitals.send_replace(Arc::new(Vitals { broker_calls, queues, unwritten }));
    }
}

/// Calls as they are shown; those of a broker begin with its name.
#[must_use]
pub fn shown(of: Option<&str>, calls: &[CallFigures]) -> Vec<CallStatus> {
    let name = |call: &CallFigures| match of {
        Some(broker) => format!("{broker} {}", call.name).into(),
        None => call.name.into(),
    };
    let shown = calls.iter().map(|call| CallStatus {
        name: name(call),
        count: call.count,
        errors: call.errors,
        p50_us: call.p50_us,
        p99_us: call.p99_us,
    });
    shown.collect()
}

/// A queue with what waits in it and how much it holds at most.
#[must_use]
pub fn queue(name: &str, waiting: usize, limit: usize) -> QueueStatus {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    QueueStatus { name: name.into(), waiting: count(waiting), limit: count(limit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_s_calls_begin_with_its_name() {
        let call = CallFigures { name: "submit", count: 3, errors: 1, p50_us: 20, p99_us: 90 };
        let names = |of| shown(of, std::slice::from_ref(&call)).pop().map(|call| call.name.to_string());
        assert_eq!(names(None).as_deref(), Some("submit"));
        assert_eq!(names(Some("alpaca paper")).as_deref(), Some("alpaca paper submit"));
    }
}
