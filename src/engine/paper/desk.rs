//! The paper venue without an engine around it: whoever opens it says the prices, and hears what would otherwise go into the journal. What all
//! brokers have to keep is asked of it in this form too.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

use crate::brokers::Broker;
use crate::core::paper::Venue;
use crate::domain::execution::AccountEvent;
use crate::domain::quote::Quote;

use super::super::clock::Clock;
use super::super::link::Reported;
use super::{PaperBroker, VenueCommand};

/// Reports that may wait to be heard; the venue waits then.
const REPORTS_MAX: usize = 256;

/// A venue by itself.
pub struct PaperDesk {
    broker: PaperBroker,
    reports: Mutex<mpsc::Receiver<Reported>>,
}

impl std::fmt::Debug for PaperDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PaperDesk").finish_non_exhaustive()
    }
}

impl PaperDesk {
    /// Opens a venue on the current runtime, by the system's clock.
    #[must_use]
    pub fn open(venue: Venue) -> Self {
        let (reports_in, reports) = mpsc::channel(REPORTS_MAX);
        let broker = PaperBroker::start(venue, reports_in, Clock::System);
        Self { broker, reports: Mutex::new(reports) }
    }

    /// Its account.
    #[must_use]
    pub fn broker(&self) -> Arc<dyn Broker> {
        Arc::new(self.broker.clone())
    }

    /// Tells it prices, and waits until all that comes of them is done.
    pub async fn quote(&self, quotes: Vec<Quote>) {
        self.broker.tell(VenueCommand::Quotes(quotes)).await;
        let (reply, done) = tokio::sync::oneshot::channel();
        self.broker.tell(VenueCommand::Sync(reply)).await;
        if done.await.is_err() {
            tracing::error!("the paper venue has stopped");
        }
    }

    /// What it reports next, in order; `None` once it has ended.
    pub async fn reported(&self) -> Option<Vec<AccountEvent>> {
        self.reports.lock().await.recv().await.map(|reported| reported.events)
    }
}
