//! Alerts: set, changed and taken off, and rung by the quotes that reach them. Each is written down before anybody is told.

use crate::core::effect::{Effect, Outcome, RequestId};
use crate::domain::alert::AlertChange;
use crate::domain::quote::Quote;
use crate::domain::snapshot::Severity;

use super::Engine;

/// The code of the log line of an alert that rang.
pub const ALERT_CODE: &str = "ALERT";

impl Engine {
    pub(super) fn on_alert(&mut self, request: RequestId, change: AlertChange) {
        let market = &self.market;
        let outcome = self.alerts.apply(change, |instrument| market.quote(instrument).cloned(), self.now);
        match outcome {
            Ok(text) => {
                self.entry.alerts = Some(self.alerts.list());
                self.dirty.any = true;
                self.answer(request, Outcome::Said(text));
            }
            Err(reason) => self.answer(request, Outcome::Refused(reason)),
        }
    }

    /// Rings what a new quote sets off.
    pub(super) fn ring(&mut self, quote: &Quote) {
        let rung = self.alerts.see(quote, self.now);
        if rung.is_empty() {
            return;
        }
        for alert in rung {
            let words = |price| self.market.price_words(&alert.instrument, price);
            let price = alert.fired_price.map_or_else(String::new, |price| format!(", at {}", words(price)));
            let text = format!("{}{price}", alert.words());
            self.note(Severity::Warning, ALERT_CODE, text.clone());
            self.after_journal.push(Effect::Ring { text });
        }
        self.entry.alerts = Some(self.alerts.list());
        self.dirty.any = true;
    }
}
