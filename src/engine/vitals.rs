//! How the engine is doing, in numbers: how long calls take, how many fail, what waits in which queue. Counted where it happens, read by
//! whoever asks.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::client::status::{CallStatus, QueueStatus};

/// Durations kept of each kind of call.
const TOOK_MAX: usize = 1_024;

/// How long the newest calls of one kind took.
#[derive(Debug, Default)]
struct Took {
    count: u64,
    errors: u64,
    newest: VecDeque<Duration>,
}

impl Took {
    fn add(&mut self, took: Duration, well: bool) {
        self.count += 1;
        self.errors += u64::from(!well);
        if self.newest.len() == TOOK_MAX {
            self.newest.pop_front();
        }
        self.newest.push_back(took);
    }

    /// The durations that half and ninety-nine of a hundred do not exceed, in microseconds; 0 while there is none.
    fn percentiles_us(&self) -> (u64, u64) {
        let mut sorted: Vec<Duration> = self.newest.iter().copied().collect();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(index).map_or(0, |took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
        };
        (at(50), at(99))
    }
}

/// Calls by name.
#[derive(Debug, Default)]
pub struct Tally(BTreeMap<&'static str, Took>);

impl Tally {
    /// Counts a call: how long it took, and whether it went well.
    pub fn add(&mut self, name: &'static str, took: Duration, well: bool) {
        self.0.entry(name).or_default().add(took, well);
    }

    /// What is shown of them, by name.
    #[must_use]
    pub fn status(&self) -> Vec<CallStatus> {
        let shown = self.0.iter().map(|(name, took)| {
            let (p50_us, p99_us) = took.percentiles_us();
            CallStatus { name: (*name).into(), count: took.count, errors: took.errors, p50_us, p99_us }
        });
        shown.collect()
    }
}

/// What the engine's own thread knows of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Calls to brokers, by name.
    pub broker_calls: Vec<CallStatus>,
    /// What waits, by queue.
    pub queues: Vec<QueueStatus>,
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
    fn percentiles_are_of_the_newest_and_errors_of_all() {
        let mut tally = Tally::default();
        for n in 0..2_000_u64 {
            tally.add("submit", Duration::from_micros(n), n % 10 != 0);
        }
        tally.add("ask", Duration::from_millis(3), true);
        let shown: Vec<(String, u64, u64, u64, u64)> = tally
            .status()
            .into_iter()
            .map(|call| (call.name.to_string(), call.count, call.errors, call.p50_us, call.p99_us))
            .collect();
        // The newest 1,024 are 976 to 1,999.
        assert_eq!(
            shown,
            [("ask".to_owned(), 1, 0, 3_000, 3_000), ("submit".to_owned(), 2_000, 200, 1_487, 1_989)]
        );
    }
}
