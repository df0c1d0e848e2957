//! A broker's word on the exchange's days: where it differs from what is known here it holds, everywhere at once, and is said once per day.

use std::sync::Arc;

use crate::core::input::Input;
use crate::domain::calendar::{Calendar, SaidDay, hours};
use crate::domain::snapshot::Severity;
use crate::engine::paper::VenueCommand;
use crate::engine::task::EngineTask;

use super::login::LoginKey;

impl EngineTask {
    pub(super) async fn on_calendar(&mut self, key: LoginKey, days: &[SaidDay]) {
        let mut calendar = Calendar::clone(&self.calendar);
        let broker = key.broker.as_str();
        let mut lines = Vec::new();
        for said in days {
            // Of two brokers that differ the first is believed: hours must not go to and fro.
            if self.live.days_said.contains(&said.date) {
                continue;
            }
            if let Some(here) = calendar.take(*said) {
                self.live.days_said.insert(said.date);
                let there = hours(said.close);
                let holds = calendar.hours(said.date);
                let known = if holds == there { "which holds".to_owned() } else { format!("{holds} holds") };
                lines.push(format!(
                    "{}: {here} by the calendar here, {there} by {broker}, {known}",
                    said.date
                ));
            }
        }
        if lines.is_empty() {
            return;
        }
        self.set_calendar(Arc::new(calendar)).await;
        for text in lines {
            self.step(Input::Note { severity: Severity::Warning, code: "CALENDAR_DIFFERS", text }).await;
        }
    }

    /// The exchange's days from now on, for everything that asks for them.
    async fn set_calendar(&mut self, calendar: Arc<Calendar>) {
        self.calendar = Arc::clone(&calendar);
        self.feed.set_calendar(&calendar);
        self.paper.tell(VenueCommand::Calendar(Arc::clone(&calendar))).await;
        self.step(Input::Calendar(calendar)).await;
        self.surroundings();
    }
}
