//! A line to an engine that is not there yet: a first picture now, requests kept until it is.

use std::sync::Arc;

use arbion::client::{Reply, Request, Session, SessionError};
use arbion::domain::snapshot::Snapshot;
use async_trait::async_trait;
use tokio::sync::watch;

/// The engine's end of the line.
pub struct Late {
    snapshots: watch::Sender<Arc<Snapshot>>,
    engine: watch::Sender<Option<Arc<dyn Session>>>,
}

/// The front end's.
struct LateSession {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    engine: watch::Receiver<Option<Arc<dyn Session>>>,
}

impl Late {
    /// A line that shows this picture meanwhile.
    pub fn new(first: Snapshot) -> Self {
        Self { snapshots: watch::Sender::new(Arc::new(first)), engine: watch::Sender::new(None) }
    }

    /// For a front end.
    pub fn session(&self) -> Arc<dyn Session> {
        Arc::new(LateSession { snapshots: self.snapshots.subscribe(), engine: self.engine.subscribe() })
    }

    /// The engine is there: its pictures are passed on until it is gone, and then the line is too.
    pub fn attach(self, engine: Arc<dyn Session>) {
        let (mut theirs, ours) = (engine.snapshots(), self.snapshots);
        tokio::spawn(async move {
            loop {
                let newest = Arc::clone(&theirs.borrow_and_update());
                ours.send_replace(newest);
                if ours.is_closed() || theirs.changed().await.is_err() {
                    return;
                }
            }
        });
        self.engine.send_replace(Some(engine));
    }
}

#[async_trait]
impl Session for LateSession {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    async fn request(&self, request: Request) -> Result<Reply, SessionError> {
        let mut engine = self.engine.clone();
        let engine = match engine.wait_for(Option::is_some).await {
            Ok(engine) => engine.clone(),
            Err(_) => None,
        };
        match engine {
            Some(engine) => engine.request(request).await,
            None => Err(SessionError::Gone),
        }
    }
}
