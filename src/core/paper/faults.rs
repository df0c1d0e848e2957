//! Faults on purpose: reports lost, doubled or late, by the account's seed.

use crate::domain::execution::{AccountEvent, OrderEvent};

use super::Venue;

/// SplitMix64's finaliser: every bit of the input decides every bit of the output.
const fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// A number that the account's seed decides, for a purpose and a count.
pub(super) fn draw(seed: u64, purpose: &str, count: u64) -> u64 {
    // FNV-1a of the purpose.
    let hash = purpose
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3));
    mix(seed ^ mix(hash) ^ mix(count))
}

impl Venue {
    /// Hands a report out: now, late, twice or never.
    pub(super) fn hand_out(&mut self, event: AccountEvent) {
        let faults = self.config.faults;
        if faults == super::Faults::default() {
            return self.events.push(event);
        }
        self.reports += 1;
        let chance = |purpose: &str, percent: u8| {
            draw(self.config.seed, purpose, self.reports) % 100 < u64::from(percent)
        };
        let acknowledges = matches!(
            &event,
            AccountEvent::Order(update) if matches!(update.event, OrderEvent::Acknowledged { .. })
        );
        if acknowledges && chance("drop", faults.drop_percent) {
            return;
        }
        let (twice, late) =
            (chance("duplicate", faults.duplicate_percent), chance("delay", faults.delay_percent));
        if late {
            let at = self.now + Self::millis(faults.delay_ms);
            self.delayed.push((at, event.clone()));
        } else {
            self.events.push(event.clone());
        }
        if twice {
            self.events.push(event);
        }
        self.schedule();
    }

    /// Hands out what was held up and is due.
    pub(super) fn release_delayed(&mut self) {
        let now = self.now;
        let due = self.delayed.extract_if(.., |(at, _)| *at <= now);
        self.events.extend(due.map(|(_, event)| event));
    }
}
