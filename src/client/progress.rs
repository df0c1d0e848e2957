//! How far a long piece of work is, and whether somebody wants it to end. Shared by who does it and who waits; it does nothing itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[derive(Debug, Default)]
struct Shared {
    done: AtomicU64,
    total: AtomicU64,
    ends: AtomicBool,
}

/// A piece of work's progress. Clones are of the same piece.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Shared>);

impl Progress {
    /// So many pieces there are in all; 0 while nobody knows.
    pub fn set_total(&self, total: u64) {
        self.0.total.store(total, Ordering::Relaxed);
    }

    /// So many pieces more are done.
    pub fn add_done(&self, pieces: u64) {
        self.0.done.fetch_add(pieces, Ordering::Relaxed);
    }

    /// Pieces done.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.0.done.load(Ordering::Relaxed)
    }

    /// Pieces in all; 0 while nobody knows.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.total.load(Ordering::Relaxed)
    }

    /// No further piece is to be begun.
    pub fn end(&self) {
        self.0.ends.store(true, Ordering::Relaxed);
    }

    /// Is it to end.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.0.ends.load(Ordering::Relaxed)
    }
}
