//! The in-process `Session`: requests to the engine task over a bounded channel, snapshots over a watch.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch};

use crate::client::{Reply, Request, Session, SessionError};
use crate::domain::snapshot::Snapshot;

/// Requests that may wait for the engine.
pub const REQUESTS_MAX: usize = 64;

/// A request with the way back.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub request: Request,
    /// Where the answer goes; a front end that has gone is no error.
    pub reply: oneshot::Sender<Result<Reply, SessionError>>,
    /// Through which door it came, such as `command 4711`, for the audit log.
    pub door: Arc<str>,
}

/// Answers somebody who may have gone meanwhile: that is no error.
pub(super) fn give<T>(to: oneshot::Sender<T>, value: T) {
    if to.send(value).is_err() {
        tracing::trace!("nobody waits for this answer any more");
    }
}

/// A front end's end of the line.
#[derive(Clone, Debug)]
pub struct LocalSession {
    requests: mpsc::Sender<Asked>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    door: Arc<str>,
}

impl LocalSession {
    /// Joins the two channels.
    #[must_use]
    pub fn new(requests: mpsc::Sender<Asked>, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        Self { requests, snapshots, door: "session".into() }
    }

    /// The same line for somebody who comes through another door.
    #[must_use]
    pub fn through(&self, door: &str) -> Self {
        Self { door: door.into(), ..self.clone() }
    }

    /// Requests that wait for the engine.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.requests.max_capacity() - self.requests.capacity()
    }
}

#[async_trait]
impl Session for LocalSession {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    async fn request(&self, request: Request) -> Result<Reply, SessionError> {
        let (reply, answer) = oneshot::channel();
        let door = Arc::clone(&self.door);
        self.requests.send(Asked { request, reply, door }).await.map_err(|_| SessionError::Gone)?;
        answer.await.map_err(|_| SessionError::Gone)?
    }
}
