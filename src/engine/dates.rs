//! Dates that strategies plan around: what the profile's file has, and which underlyings are funds. The file is looked at with each
//! question, and read anew when it is another.

use std::time::SystemTime;

use crate::config::EventsFile;
use crate::core::input::Input;
use crate::domain::calendar::exchange_date;
use crate::domain::events::{EventBook, UnderlyingEvents};
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::snapshot::Severity;

use super::backtest::REPORT_SAID_DAYS;
use super::task::EngineTask;

/// The file as it was read last.
#[derive(Debug, Default)]
pub(super) struct Dates {
    stamp: Option<(SystemTime, u64)>,
    /// The last one that read: a slip of a hand takes no report away.
    book: EventBook,
}

impl EngineTask {
    /// What is known of an underlying now. On a recorded day: what was known then.
    pub(super) async fn dates_of(&mut self, underlying: &Symbol) -> UnderlyingEvents {
        let file = EventsFile::of(&self.directory);
        let stamp = file.stamp();
        if stamp != self.dates.stamp {
            self.dates.stamp = stamp;
            match file.load() {
                Ok(book) => self.dates.book = book,
                Err(error) => {
                    let text = format!("{error}; what was read of it before holds on");
                    self.step(Input::Note { severity: Severity::Error, code: "EVENTS_FILE", text }).await;
                }
            }
        }
        let now = self.clock.now();
        let unsaid = (!self.clock.goes_on()).then_some(REPORT_SAID_DAYS);
        let mut events = self.dates.book.known(underlying, exchange_date(now), unsaid, now);
        events.is_fund |= self.universe.is_fund(&Instrument::Equity { symbol: underlying.clone() });
        events
    }
}
