//! What stands before a profile can be opened: its lock, a database that somebody else is still making, the leavings of a run before.

use std::path::Path;
use std::time::Duration;

use crate::store::lock::{Holder, ProfileLock};
use crate::store::{Store, StoreError};

use super::launch::{Access, EngineError, Settings};

/// Longest wait for an engine that only glances.
const GLANCE_MAX: Duration = Duration::from_secs(3);
/// Longest wait for the mark of a database that is being made.
const MARKED_MAX: Duration = Duration::from_secs(1);
/// How often it is looked at.
const GLANCE_EVERY: Duration = Duration::from_millis(20);

/// A database to read. One that another process is still making is waited for a moment.
pub(super) async fn open_reader(directory: &Path) -> Result<Store, StoreError> {
    let began = tokio::time::Instant::now();
    loop {
        let waits = began.elapsed() < GLANCE_MAX;
        match Store::open_reader(directory) {
            Ok(store) if waits && !store.is_current()? => {}
            // The mark is the first thing that is made of it.
            Err(StoreError::NotOurs { .. }) if began.elapsed() < MARKED_MAX => {}
            opened => return opened,
        }
        tokio::time::sleep(GLANCE_EVERY).await;
    }
}

/// The profile's lock. One that only glances is waited for; an engine that only reads needs none.
pub(super) async fn take_lock(settings: &Settings) -> Result<Option<ProfileLock>, StoreError> {
    let holder = Holder::this_process(&settings.command, settings.access == Access::Glance);
    if settings.access == Access::Read {
        return Ok(None);
    }
    let patience = tokio::time::Instant::now() + GLANCE_MAX;
    loop {
        match ProfileLock::acquire(&settings.directory, &holder) {
            Ok(lock) => return Ok(Some(lock)),
            Err(StoreError::Locked { holder, .. })
                if holder.reads && tokio::time::Instant::now() < patience =>
            {
                tokio::time::sleep(GLANCE_EVERY).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Takes away the database of a run before: a run of its own starts from nothing.
pub(super) fn remove_run(directory: &Path) -> Result<(), EngineError> {
    for name in ["arbion.db", "arbion.db-wal", "arbion.db-shm"] {
        let path = directory.join(name);
        if path.exists() {
            std::fs::remove_file(&path)
                .map_err(|error| EngineError::Leftover { path, reason: error.to_string() })?;
        }
    }
    Ok(())
}
