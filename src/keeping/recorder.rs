//! What an engine writes into the audit log: on a thread of its own, so that no disk holds up an order or the kill switch.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use jiff::Timestamp;

use crate::domain::audit::{AuditAction, AuditEvent};
use crate::domain::role::Role;
use crate::store::Install;
use crate::vault::{Signer, Unlock, Vault};

use super::{KeepError, Keeping, log, origin};

/// Events that may wait for the disk.
const EVENTS_MAX: usize = 1_024;
/// Events of one transaction.
const BATCH_MAX: usize = 100;

/// A line to the audit log.
pub struct Recorder {
    sender: Option<SyncSender<AuditEvent>>,
    thread: Option<JoinHandle<()>>,
    actor: String,
    role: Role,
    origin: String,
    now: fn() -> Timestamp,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("actor", &self.actor).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Writes one event down, soon. `who` says through which door of the engine it came.
    pub fn record(&self, action: AuditAction, who: &str, object: &str, result: &str) {
        let event = AuditEvent {
            at: (self.now)(),
            actor: self.actor.clone(),
            role: self.role,
            origin: if who.is_empty() { self.origin.clone() } else { format!("{who}, {}", self.origin) },
            action,
            object: object.to_owned(),
            result: result.to_owned(),
        };
        if let Some(sender) = &self.sender
            && let Err(TrySendError::Full(event) | TrySendError::Disconnected(event)) = sender.try_send(event)
        {
            tracing::error!(action = event.action.as_str(), object = event.object, "an audit event is lost");
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        drop(self.sender.take());
        // What was said is on the disk before the engine is gone.
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the audit thread has panicked");
        }
    }
}

impl Keeping {
    /// A recorder for an engine of the profile. Where the vault opens without a question, its key signs the log meanwhile.
    ///
    /// # Errors
    /// When the profile is none of the installation's, or its database cannot be opened.
    pub fn recorder(&self) -> Result<Recorder, KeepError> {
        let (actor, _) = match Install::open_reader(&self.paths.data)? {
            Some(install) => self.actor(&install)?,
            None => self.actor(&self.install()?)?,
        };
        let (data, directory, anchors) =
            (self.paths.data.clone(), self.directory(), self.paths.data.join("audit-anchors"));
        let (sender, events) = sync_channel(EVENTS_MAX);
        let (origin, now) = (origin(&self.environment), self.now);
        let introduce = {
            let (actor, origin) = (actor.clone(), origin.clone());
            move |key: &str| AuditEvent {
                at: now(),
                actor: actor.name,
                role: actor.role,
                origin,
                action: AuditAction::AnchorKey,
                object: key.to_owned(),
                result: "ok".to_owned(),
            }
        };
        let locked = self.is_locked();
        let thread = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || {
                // Most engines of the command line only look: nothing is opened before there is something to say.
                let Ok(first) = events.recv() else { return };
                let mut install = match Install::open(&data, now()) {
                    Ok(install) => install,
                    Err(error) => return tracing::error!(%error, "audit events are not written"),
                };
                let signer = if locked { None } else { signer(&directory, now()) };
                let anchor = |install: &mut Install| {
                    if let Some(signer) = &signer
                        && let Err(error) = log::anchor(install, signer, &anchors, now(), introduce.clone())
                    {
                        tracing::warn!(%error, "the audit log is not anchored");
                    }
                };
                write(&mut install, first, &events, anchor);
            })
            .map_err(|error| KeepError::Io { path: PathBuf::from("thread"), error })?;
        Ok(Recorder {
            sender: Some(sender),
            thread: Some(thread),
            actor: actor.name,
            role: actor.role,
            origin,
            now,
        })
    }
}

fn signer(directory: &std::path::Path, now: Timestamp) -> Option<Signer> {
    Vault::held_by(directory).ok()??;
    let unlock = Unlock { cached: true, ..Unlock::default() };
    let mut vault = Vault::open(directory, &unlock).ok()?;
    Signer::of(&mut vault, now).ok()
}

fn write(
    install: &mut Install,
    first: AuditEvent,
    events: &Receiver<AuditEvent>,
    anchor: impl Fn(&mut Install),
) {
    let mut next = Some(first);
    while let Some(first) = next.take().or_else(|| events.recv().ok()) {
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX
            && let Ok(next) = events.try_recv()
        {
            batch.push(next);
        }
        if let Err(error) = install.record(&batch) {
            tracing::error!(%error, events = batch.len(), "audit events are not written");
        }
        anchor(install);
    }
}
