//! Alerts of the profile: which wait for which instrument, and what a quote sets off. Nothing here tells anybody; the engine does.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::domain::alert::{ALERTS_MAX, Alert, AlertChange, AlertId, AlertWhen, is_reached, words};
use crate::domain::instrument::Instrument;
use crate::domain::quote::Quote;
use crate::domain::text::named;

/// The alerts, by number.
#[derive(Clone, Debug, Default)]
pub struct Alerts {
    all: BTreeMap<AlertId, Alert>,
    /// Those that wait, by what they wait for: most quotes concern none.
    waiting: BTreeMap<Instrument, Vec<AlertId>>,
    next: u64,
    /// What the last snapshot shows; absent once something has changed.
    shown: Option<Arc<Vec<Alert>>>,
}

impl Alerts {
    /// Takes up what an earlier run kept.
    pub fn restore(&mut self, alerts: Vec<Alert>) {
        self.next = alerts.iter().map(|alert| alert.id.0).max().unwrap_or(0);
        self.all = alerts.into_iter().map(|alert| (alert.id, alert)).collect();
        self.changed();
    }

    /// All of them, for the disk.
    #[must_use]
    pub fn list(&self) -> Vec<Alert> {
        self.all.values().cloned().collect()
    }

    /// All of them, shared with the snapshot before where nothing changed.
    pub fn shown(&mut self) -> Arc<Vec<Alert>> {
        let all = &self.all;
        Arc::clone(self.shown.get_or_insert_with(|| Arc::new(all.values().cloned().collect())))
    }

    /// Instruments that alerts wait for.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.waiting.keys()
    }

    /// Does an alert wait for this instrument.
    #[must_use]
    pub fn waits_for(&self, instrument: &Instrument) -> bool {
        self.waiting.contains_key(instrument)
    }

    /// Carries a change out. Returns what was done, in words.
    ///
    /// # Errors
    /// Why nothing was done, in one line.
    pub fn apply(
        &mut self,
        change: AlertChange,
        quote: impl Fn(&Instrument) -> Option<Quote>,
        now: Timestamp,
    ) -> Result<String, String> {
        match change {
            AlertChange::Set { instrument, when, value } => {
                check(&instrument, when, value, quote(&instrument).as_ref())?;
                self.set(instrument, when, value, now)
            }
            AlertChange::Edit { id, when, value } => {
                let none = self.no_alert(id);
                let alert = self.all.get_mut(&id).ok_or(none)?;
                check(&alert.instrument, when, value, quote(&alert.instrument).as_ref())?;
                (alert.when, alert.value, alert.created_at) = (when, value.normalize(), now);
                (alert.fired_at, alert.fired_price) = (None, None);
                let text = format!("alert set: {}", alert.words());
                self.changed();
                Ok(text)
            }
            AlertChange::Remove { id } => {
                let none = self.no_alert(id);
                let alert = self.all.remove(&id).ok_or(none)?;
                self.changed();
                Ok(format!("alert taken off: {}", alert.words()))
            }
            AlertChange::Clear => {
                let before = self.all.len();
                self.all.retain(|_, alert| alert.waits());
                self.changed();
                Ok(format!("{} alerts taken off", before - self.all.len()))
            }
        }
    }

    fn set(
        &mut self,
        instrument: Instrument,
        when: AlertWhen,
        value: Decimal,
        now: Timestamp,
    ) -> Result<String, String> {
        let text = words(&instrument, when, value);
        let same = |a: &&Alert| a.waits() && a.instrument == instrument && a.when == when && a.value == value;
        if let Some(same) = self.all.values().find(same) {
            return Err(format!("alert {} waits for that already: {text}", same.id));
        }
        if self.all.len() >= ALERTS_MAX {
            // What has rung makes room, the oldest first.
            let rung = self.all.values().filter(|alert| !alert.waits());
            let oldest = rung.min_by_key(|alert| alert.fired_at).map(|alert| alert.id);
            let oldest = oldest.ok_or_else(|| format!("{ALERTS_MAX} alerts wait; take one off first"))?;
            self.all.remove(&oldest);
        }
        self.next += 1;
        let id = AlertId(self.next);
        let value = value.normalize();
        let alert = Alert { id, instrument, when, value, created_at: now, fired_at: None, fired_price: None };
        self.all.insert(id, alert);
        self.changed();
        Ok(format!("alert set: {text}"))
    }

    /// Marks what a quote sets off, and returns it.
    pub fn see(&mut self, quote: &Quote, now: Timestamp) -> Vec<Alert> {
        let Some(waiting) = self.waiting.get(&quote.instrument) else { return Vec::new() };
        let mut rung = Vec::new();
        for id in waiting {
            if let Some(alert) = self.all.get_mut(id).filter(|alert| alert.is_reached(quote)) {
                alert.fired_at = Some(now);
                alert.fired_price = quote.last.or_else(|| quote.mid());
                rung.push(alert.clone());
            }
        }
        if !rung.is_empty() {
            self.changed();
        }
        rung
    }

    /// No alert has this number.
    fn no_alert(&self, id: AlertId) -> String {
        let ids: Vec<String> = self.all.keys().map(ToString::to_string).collect();
        let there = named("there are", &ids).unwrap_or_else(|| "no alert is set".to_owned());
        format!("there is no alert {id}; {there}")
    }

    fn changed(&mut self) {
        self.shown = None;
        self.waiting.clear();
        for alert in self.all.values().filter(|alert| alert.waits()) {
            self.waiting.entry(alert.instrument.clone()).or_default().push(alert.id);
        }
    }
}

/// Refuses what could never ring, and what would ring at once and say nothing new.
fn check(
    instrument: &Instrument,
    when: AlertWhen,
    value: Decimal,
    quote: Option<&Quote>,
) -> Result<(), String> {
    let possible = match when {
        AlertWhen::Above | AlertWhen::Below => value > Decimal::ZERO,
        AlertWhen::ChangePercent => !value.is_zero(),
    };
    if !possible {
        return Err(format!(
            "{value} is no value an alert can wait for; allowed are prices above 0, and changes that are not 0"
        ));
    }
    if quote.is_some_and(|quote| is_reached(when, value, quote)) {
        return Err(format!("no alert set, it is so now: {}", words(instrument, when, value)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::quote::Feed;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn quote(symbol: &str, last: i64) -> Quote {
        let mut quote = Quote::empty(Instrument::equity(symbol).unwrap(), at(0), Feed::Simulated);
        quote.last = Some(last.into());
        quote
    }

    fn above(symbol: &str, value: i64) -> AlertChange {
        let instrument = Instrument::equity(symbol).unwrap();
        AlertChange::Set { instrument, when: AlertWhen::Above, value: value.into() }
    }

    #[test]
    fn an_alert_rings_once_and_waits_again_when_changed() {
        let mut alerts = Alerts::default();
        let no_quote = |_: &Instrument| None;
        assert_eq!(alerts.apply(above("AAPL", 100), no_quote, at(1)), Ok("alert set: AAPL above 100".into()));
        let again = alerts.apply(above("AAPL", 100), no_quote, at(1)).unwrap_err();
        assert_eq!(again, "alert 1 waits for that already: AAPL above 100");
        assert!(alerts.see(&quote("AAPL", 99), at(2)).is_empty());
        assert!(alerts.see(&quote("MSFT", 500), at(2)).is_empty());
        let rung = alerts.see(&quote("AAPL", 101), at(3));
        assert_eq!((rung.len(), rung[0].fired_at, rung[0].fired_price), (1, Some(at(3)), Some(101.into())));
        assert!(alerts.see(&quote("AAPL", 102), at(4)).is_empty(), "once");
        assert_eq!(alerts.instruments().count(), 0);
        let edit = AlertChange::Edit {
            id: AlertId(1),
            when: AlertWhen::Below,
            value: rust_decimal::Decimal::from(90),
        };
        alerts.apply(edit, no_quote, at(5)).unwrap();
        assert_eq!(alerts.see(&quote("AAPL", 90), at(6)).len(), 1);
        assert_eq!(alerts.apply(AlertChange::Clear, no_quote, at(7)), Ok("1 alerts taken off".into()));
        assert!(alerts.list().is_empty());
    }

    #[test]
    fn what_is_so_already_or_never_is_refused() {
        let mut alerts = Alerts::default();
        let now = |_: &Instrument| Some(quote("AAPL", 150));
        let error = alerts.apply(above("AAPL", 100), now, at(1)).unwrap_err();
        assert_eq!(error, "no alert set, it is so now: AAPL above 100");
        assert_eq!(
            alerts.apply(above("AAPL", 0), now, at(1)).unwrap_err(),
            "0 is no value an alert can wait for; allowed are prices above 0, and changes that are not 0"
        );
        let missing = alerts.apply(AlertChange::Remove { id: AlertId(9) }, now, at(1)).unwrap_err();
        assert_eq!(missing, "there is no alert 9; no alert is set");
        alerts.apply(above("AAPL", 200), now, at(1)).unwrap();
        let missing = alerts.apply(AlertChange::Remove { id: AlertId(9) }, now, at(1)).unwrap_err();
        assert_eq!(missing, "there is no alert 9; there are 1");
    }

    #[test]
    fn alerts_are_bounded_and_those_that_rang_make_room() {
        let mut alerts = Alerts::default();
        let no_quote = |_: &Instrument| None;
        for value in 1..=ALERTS_MAX as i64 {
            alerts.apply(above("AAPL", 1_000 + value), no_quote, at(value)).unwrap();
        }
        let full = alerts.apply(above("AAPL", 5_000), no_quote, at(1)).unwrap_err();
        assert_eq!(full, "200 alerts wait; take one off first");
        assert_eq!(alerts.see(&quote("AAPL", 1_001), at(500)).len(), 1);
        alerts.apply(above("AAPL", 5_000), no_quote, at(501)).unwrap();
        assert_eq!(alerts.list().len(), ALERTS_MAX);
        assert!(alerts.list().iter().all(Alert::waits));
        // Numbers are never used twice, over a start either.
        let mut later = Alerts::default();
        later.restore(alerts.list());
        later.apply(AlertChange::Remove { id: AlertId(7) }, no_quote, at(502)).unwrap();
        later.apply(above("AAPL", 6_000), no_quote, at(502)).unwrap();
        assert_eq!(later.list().last().unwrap().id, AlertId(202));
        let shown = later.shown();
        assert!(Arc::ptr_eq(&shown, &later.shown()), "shared while nothing changes");
    }
}
