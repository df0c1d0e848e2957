//! Calls counted where they are made: how many, how many failed, how long the newest took.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Durations kept of each kind of call.
const TOOK_MAX: usize = 1_024;

/// How calls of one kind have gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFigures {
    /// The call, such as `submit`.
    pub name: &'static str,
    /// Answered or given up.
    pub count: u64,
    /// Of these, failed.
    pub errors: u64,
    /// Half of the newest took no longer, in microseconds; 0 while there is none.
    pub p50_us: u64,
    /// Of a hundred of the newest, one took longer, in microseconds.
    pub p99_us: u64,
}

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

    /// What is known of them, by name.
    #[must_use]
    pub fn figures(&self) -> Vec<CallFigures> {
        let shown = self.0.iter().map(|(name, took)| {
            let (p50_us, p99_us) = took.percentiles_us();
            CallFigures { name, count: took.count, errors: took.errors, p50_us, p99_us }
        });
        shown.collect()
    }
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
        let shown: Vec<(&str, u64, u64, u64, u64)> = tally
            .figures()
            .into_iter()
            .map(|call| (call.name, call.count, call.errors, call.p50_us, call.p99_us))
            .collect();
        // The newest 1,024 are 976 to 1,999.
        assert_eq!(shown, [("ask", 1, 0, 3_000, 3_000), ("submit", 2_000, 200, 1_487, 1_989)]);
    }
}
