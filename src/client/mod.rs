//! `Session`: how any front end talks to an engine, and the messages it sends: in process, or over a Unix socket to another.

pub mod bars;
pub mod bot;
mod error;
pub mod frames;
pub mod keeping;
pub mod known;
pub mod message;
pub mod progress;
pub mod remote;
mod request_name;
pub mod secret;
pub mod status;
pub mod strategy;
pub mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::domain::snapshot::Snapshot;

pub use error::SessionError;
pub use message::{Reply, Request};

/// A front end's line to an engine.
#[async_trait]
pub trait Session: Send + Sync {
    /// The newest picture, and a mark when it changes. Readers may skip; they never queue.
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>>;

    /// Asks the engine for something and waits for its answer.
    ///
    /// # Errors
    /// What the engine refuses, and that it is gone.
    async fn request(&self, request: Request) -> Result<Reply, SessionError>;
}
