//! How often data may be drawn: so many frames a second, and fewer when frames are large or the terminal reads slowly, so that a slow line
//! is never flooded. Keys are not paced.

use std::time::Duration;

/// Of what a slow terminal reads, the part that data may take: the rest is for keys, and lets what has piled up run off.
const SHARE: f64 = 0.7;
/// A terminal that is full gets no data for so long: what has piled up stands between a key and its answer.
const REST: Duration = Duration::from_millis(750);
/// A line that was slow may have become better: after so long without trouble a little more is tried.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much more.
const MORE: f64 = 1.25;
/// Slower than this no line is believed to be, in bytes a second: a frame of one number then takes a fifth of a second.
const BYTES_MIN: f64 = 512.0;

/// The pace of data frames.
#[derive(Debug)]
pub struct Pace {
    gap: Duration,
    /// What the user allows.
    bytes_per_second: f64,
    /// What the terminal was found to bear, and since when that holds.
    bears: Option<(f64, Duration)>,
    next: Duration,
}

impl Pace {
    /// At most so many frames and about so many bytes a second; zero counts as one.
    #[must_use]
    pub fn new(frames_per_second: u32, bytes_per_second: u32) -> Self {
        Self {
            gap: Duration::from_secs(1) / frames_per_second.max(1),
            bytes_per_second: f64::from(bytes_per_second.max(1)),
            bears: None,
            next: Duration::ZERO,
        }
    }

    /// When data may be drawn next.
    #[must_use]
    pub const fn next(&self) -> Duration {
        self.next
    }

    /// A frame of data left.
    pub fn data_sent(&mut self, bytes: usize, now: Duration) {
        let rate = match &mut self.bears {
            Some((rate, since)) => {
                if now.saturating_sub(*since) >= PATIENCE {
                    (*rate, *since) = (*rate * MORE, now);
                }
                rate.min(self.bytes_per_second)
            }
            None => self.bytes_per_second,
        };
        let cost = Duration::from_secs_f64(bytes as f64 / rate);
        self.next = now + self.gap.max(cost);
    }

    /// The terminal is full, and reads so many bytes a second: data rests a moment and is less from here on. One that reads more than data
    /// is ever sent was full of a whole screen, and no reason to wait.
    pub fn is_full(&mut self, bytes_per_second: f64, now: Duration) {
        let bears = (bytes_per_second * SHARE).max(BYTES_MIN);
        if bears >= self.bytes_per_second {
            return;
        }
        self.bears = Some((bears, now));
        self.next = self.next.max(now + REST);
    }

    /// A frame for a key left: data waits for the next frame, but not for its bytes.
    pub fn key_sent(&mut self, now: Duration) {
        self.next = self.next.max(now + self.gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_frames_become_rare() {
        let mut pace = Pace::new(30, 12_288);
        let mut now = Duration::ZERO;
        let mut bytes = 0;
        while now < Duration::from_secs(10) {
            pace.data_sent(2_000, now);
            bytes += 2_000;
            now = pace.next();
        }
        assert!((120_000..126_000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn small_frames_keep_the_frame_rate() {
        let mut pace = Pace::new(30, 12_288);
        pace.data_sent(40, Duration::from_secs(1));
        assert_eq!(pace.next(), Duration::from_secs(1) + Duration::from_secs(1) / 30);
        pace.data_sent(12_288, Duration::from_secs(2));
        pace.key_sent(Duration::from_secs(2));
        assert_eq!(pace.next(), Duration::from_secs(3));
    }
    #[test]
    fn a_slow_terminal_is_sent_less_and_tried_again_later() {
        let sent = |pace: &mut Pace, from: u64, seconds: u64| {
            let (mut now, mut bytes) = (Duration::from_secs(from).max(pace.next()), 0);
            while now < Duration::from_secs(from + seconds) {
                pace.data_sent(400, now);
                bytes += 400;
                now = pace.next();
            }
            bytes as u64 / seconds
        };
        let mut pace = Pace::new(30, 12_288);
        pace.is_full(8_000.0, Duration::from_secs(1));
        assert_eq!(pace.next(), Duration::from_millis(1_750), "it rests first");
        assert!((5_000..5_800).contains(&sent(&mut pace, 2, 20)), "less than the terminal reads");
        assert!((6_500..8_000).contains(&sent(&mut pace, 40, 20)), "a little more is tried");
        sent(&mut pace, 70, 100);
        assert!((12_000..12_500).contains(&sent(&mut pace, 200, 10)), "never more than the user allows");
        pace.is_full(400_000.0, Duration::from_secs(211));
        assert!(pace.next() < Duration::from_millis(211_100), "fast enough is no trouble");
        pace.is_full(1.0, Duration::from_secs(300));
        assert!((400..600).contains(&sent(&mut pace, 301, 20)));
    }
}
