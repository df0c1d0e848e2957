//! Price alerts, for as long as the screen is open. One that was reached says so once and is gone.

use rust_decimal::Decimal;

use super::format;
use crate::command::types::AlertWhen;
use crate::domain::instrument::Instrument;
use crate::domain::quote::Quote;
use crate::domain::snapshot::Snapshot;

/// Alerts at one time.
const ALERTS_MAX: usize = 50;

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Of this.
    pub instrument: Instrument,
    /// Which way.
    pub when: AlertWhen,
    /// A price, or per cent of the day.
    pub value: Decimal,
}

impl Alert {
    /// As its owner reads it: `AAPL above 260.00`.
    #[must_use]
    pub fn words(&self, snapshot: &Snapshot) -> String {
        let decimals = format::decimals_of(snapshot, &self.instrument);
        let price = || format::grouped(self.value, decimals.max(self.value.normalize().scale()).min(8));
        match self.when {
            AlertWhen::Above => format!("{} above {}", self.instrument, price()),
            AlertWhen::Below => format!("{} below {}", self.instrument, price()),
            AlertWhen::ChangePercent if self.value.is_sign_negative() => {
                format!("{} down {}% on the day", self.instrument, (-self.value).normalize())
            }
            AlertWhen::ChangePercent => {
                format!("{} moved {}% on the day", self.instrument, self.value.normalize())
            }
        }
    }

    fn is_reached(&self, quote: &Quote) -> bool {
        let price = quote.last.or_else(|| quote.mid()).map(|price| price.get());
        match self.when {
            AlertWhen::Above => price.is_some_and(|price| price >= self.value),
            AlertWhen::Below => price.is_some_and(|price| price <= self.value),
            AlertWhen::ChangePercent => quote.change_percent().is_some_and(|change| {
                if self.value.is_sign_negative() { change <= self.value } else { change.abs() >= self.value }
            }),
        }
    }
}

/// What came of setting one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// It waits.
    Waits,
    /// The same one was there, and is gone now.
    Removed,
    /// It is reached already, so it would say nothing new.
    Reached,
    /// There are too many.
    TooMany,
}

/// The alerts that wait.
#[derive(Clone, Debug, Default)]
pub struct Alerts {
    waiting: Vec<Alert>,
}

impl Alerts {
    /// Sets one; the same one again takes it off.
    pub fn set(&mut self, alert: Alert, snapshot: &Snapshot) -> Set {
        if let Some(at) = self.waiting.iter().position(|waiting| *waiting == alert) {
            self.waiting.remove(at);
            return Set::Removed;
        }
        if snapshot.quotes.get(&alert.instrument).is_some_and(|quote| alert.is_reached(quote)) {
            return Set::Reached;
        }
        if self.waiting.len() >= ALERTS_MAX {
            return Set::TooMany;
        }
        self.waiting.push(alert);
        Set::Waits
    }

    /// Takes off those that a picture has reached.
    pub fn reached(&mut self, snapshot: &Snapshot) -> Vec<Alert> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let reached = |alert: &Alert| {
            snapshot.quotes.get(&alert.instrument).is_some_and(|quote| alert.is_reached(quote))
        };
        let (fired, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(reached);
        self.waiting = waiting;
        fired
    }

    /// Those that wait, in the order of setting.
    #[must_use]
    pub fn waiting(&self) -> &[Alert] {
        &self.waiting
    }
}
