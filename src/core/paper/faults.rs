//! Faults on purpose: reports lost, doubled or late, by the account's seed.

use crate::domain::execution::{AccountEvent, OrderEvent};
use crate::quant::random::{hash_text, mix};

use super::Venue;

/// A number that the account's seed decides, for a purpose and a count.
pub(super) fn draw(seed: u64, purpose: &str, count: u64) -> u64 {
    mix(seed ^ mix(hash_text(purpose)) ^ mix(count))
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
