//! Pauses before what failed is tried again: each twice as long as the one before, up to a longest, with as much again by chance, so that not
//! everybody comes back at once (reliability N3).

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

/// Pauses without end. `half_min` is half of the shortest, `half_max` half of the longest: jitter adds up to as much again.
pub fn pauses(half_min: Duration, half_max: Duration) -> impl Iterator<Item = Duration> + Send {
    growing(half_min, half_max).without_max_times().build()
}

/// The same, so many of them.
pub fn some_pauses(
    half_min: Duration,
    half_max: Duration,
    count: usize,
) -> impl Iterator<Item = Duration> + Send {
    growing(half_min, half_max).with_max_times(count).build()
}

fn growing(half_min: Duration, half_max: Duration) -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(half_min)
        .with_max_delay(half_max)
        .with_factor(2.0)
        .with_jitter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n3_pauses_grow_to_the_longest_with_jitter() {
        let (min, max) = (Duration::from_millis(250), Duration::from_secs(2));
        let all: Vec<Duration> = pauses(min, max).take(20).collect();
        assert_eq!(all.len(), 20);
        assert!(all[0] >= min && all[0] <= min * 2, "{all:?}");
        assert!(all[10..].iter().all(|pause| *pause >= max && *pause <= max * 2), "{all:?}");
        assert_eq!(some_pauses(min, max, 3).count(), 3);
    }
}
