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
}

impl LocalSession {
    /// Joins the two channels.
    #[must_use]
    pub const fn new(requests: mpsc::Sender<Asked>, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        Self { requests, snapshots }
    }
}

#[async_trait]
impl Session for LocalSession {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    async fn request(&self, request: Request) -> Result<Reply, SessionError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Asked { request, reply }).await.map_err(|_| SessionError::Gone)?;
        answer.await.map_err(|_| SessionError::Gone)?
    }
}
