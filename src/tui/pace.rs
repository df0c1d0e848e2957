//! How often data may be drawn: so many frames a second, and fewer when frames are large, so that a slow line is never flooded. Keys are
//! not paced.

use std::time::Duration;

/// The pace of data frames.
#[derive(Debug)]
pub struct Pace {
    gap: Duration,
    bytes_per_second: u32,
    next: Duration,
}

impl Pace {
    /// At most so many frames and about so many bytes a second; zero counts as one.
    #[must_use]
    pub fn new(frames_per_second: u32, bytes_per_second: u32) -> Self {
        Self {
            gap: Duration::from_secs(1) / frames_per_second.max(1),
            bytes_per_second: bytes_per_second.max(1),
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
        let cost = Duration::from_secs_f64(bytes as f64 / f64::from(self.bytes_per_second));
        self.next = now + self.gap.max(cost);
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
}
