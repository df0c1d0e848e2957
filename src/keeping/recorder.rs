//! What an engine writes into the audit log: on a thread of its own, so that no disk holds up an order or the kill switch. And what its front
//! ends may ask of safe keeping: lock, unlock, keep a secret.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use jiff::Timestamp;

use crate::client::keeping::{Keep, Kept};
use crate::client::secret::{AskSecret, Secret, Wanted};
use crate::domain::audit::{AuditAction, AuditEvent};
use crate::domain::role::Role;
use crate::store::Install;
use crate::vault::{SecretStore, SignInTurn, Signer, Unlock, Vault, VaultError};

use super::secrets::own_name;
use super::{KeepError, Keeping, Watched, log};

/// Events that may wait for the disk.
const EVENTS_MAX: usize = 1_024;
/// Events of one transaction.
const BATCH_MAX: usize = 100;

/// What goes to the thread.
enum Job {
    Event(AuditEvent),
    /// From now on this key signs, or none.
    Signer(Option<Box<Signer>>),
}

/// A line to the audit log.
pub struct Recorder {
    sender: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    actor: String,
    role: Role,
    origin: String,
    keeping: Keeping,
    /// The vault, from an unlock on until a lock: where no kernel keeps its key, the engine does, so that its logins go on.
    opened: Mutex<Option<Vault>>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("actor", &self.actor).finish_non_exhaustive()
    }
}

/// A passphrase that came with the question, or none.
struct Given(Option<Secret>);

impl AskSecret for Given {
    fn ask(&mut self, wanted: Wanted) -> Result<Option<Secret>, String> {
        Ok(if wanted == Wanted::Passphrase { self.0.take() } else { None })
    }
}

impl Recorder {
    /// Writes one event down, soon. `who` says through which door of the engine it came.
    pub fn record(&self, action: AuditAction, who: &str, object: &str, result: &str) {
        self.record_of((&self.actor, self.role), action, who, object, result);
    }

    /// The same of somebody else than the profile's own trader.
    pub fn record_of(
        &self,
        (actor, role): (&str, Role),
        action: AuditAction,
        who: &str,
        object: &str,
        result: &str,
    ) {
        let event = AuditEvent {
            at: (self.keeping.now)(),
            actor: actor.to_owned(),
            role,
            origin: if who.is_empty() { self.origin.clone() } else { format!("{who}, {}", self.origin) },
            action,
            object: object.to_owned(),
            result: result.to_owned(),
        };
        if let Some(Job::Event(event)) = self.send(Job::Event(event)) {
            tracing::error!(action = event.action.as_str(), object = event.object, "an audit event is lost");
        }
    }

    /// Hands a job over, or back when there is no room.
    fn send(&self, job: Job) -> Option<Job> {
        let Some(sender) = &self.sender else { return Some(job) };
        match sender.try_send(job) {
            Ok(()) => None,
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => Some(job),
        }
    }

    /// The profile that the engine is of.
    #[must_use]
    pub fn profile(&self) -> &str {
        &self.actor
    }

    /// Follows who is what in the installation.
    ///
    /// # Errors
    /// When the installation cannot be read.
    pub fn watch(&self) -> Result<Watched, KeepError> {
        self.keeping.watch()
    }

    /// Locks the profile. The key that signs is forgotten. May take its time, as all that follow: call it where that holds up nobody.
    ///
    /// # Errors
    /// Why not.
    pub fn lock(&self, door: &str) -> Result<String, KeepError> {
        let done = done(self.keeping.through(door).lock()?);
        self.forget();
        Ok(done)
    }

    /// Forgets the vault's key and the one that signs: the profile was locked, by whatever process.
    pub fn forget(&self) {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.sign_by(None);
    }

    /// Does it hold the vault's key.
    #[must_use]
    pub fn holds_key(&self) -> bool {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Unlocks the profile, or proves that its trader is there. From then on the vault's key signs.
    ///
    /// # Errors
    /// Why not: a passphrase that is needed, or wrong.
    pub fn unlock(&self, door: &str, passphrase: Option<Secret>) -> Result<String, KeepError> {
        let (text, mut vault) = self.keeping.through(door).unlock_vault(&mut Given(passphrase))?;
        let now = (self.keeping.now)();
        self.sign_by(vault.as_mut().and_then(|vault| Signer::of(vault, now).ok()));
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = vault;
        Ok(text)
    }

    /// Opens the vault for this process alone, by what opens it without a question or by whoever is asked: what is read and kept from then on
    /// needs no further question.
    ///
    /// # Errors
    /// Why not: the profile is locked, the passphrase is needed or wrong.
    pub fn open(&self, ask: &mut dyn AskSecret) -> Result<(), KeepError> {
        self.keeping.admit(false)?;
        let vault = self.keeping.open_vault(ask)?;
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(vault);
        Ok(())
    }

    /// The right to refresh the profile's sign-ins, waited for: one process at a time has it.
    ///
    /// # Errors
    /// When another process does not give it back, or the system refuses.
    pub fn sign_in_turn(&self) -> Result<SignInTurn, KeepError> {
        Ok(SignInTurn::wait(&self.keeping.directory())?)
    }

    /// Keeps a secret in the profile's vault.
    ///
    /// # Errors
    /// Why not.
    pub fn set_secret(&self, door: &str, name: String, value: Secret) -> Result<String, KeepError> {
        let own = own_name(&name)?;
        let kept = self.in_open(|vault, now| {
            vault.set(&own, value.get(), now)?;
            let listed = vault.list()?.into_iter().find(|row| row.name == own);
            Ok(listed.map(|row| row.last_four).unwrap_or_default())
        })?;
        if let Some(end) = kept {
            let ending = if end.is_empty() { String::new() } else { format!(", ending in {end}") };
            let text = format!("{name} is set{ending}");
            self.record(AuditAction::SecretSet, door, &name, "ok");
            return Ok(text);
        }
        let keep = Keep::SecretSet { name, value };
        self.keeping.through(door).carry_out(keep, &mut Given(None)).map(done)
    }

    /// A secret of the profile's vault, where it opens without a question. May take its time, as those above.
    ///
    /// # Errors
    /// Why not: the profile or its vault is locked, or there is no such secret.
    pub fn secret(&self, name: &str) -> Result<Secret, KeepError> {
        match self.in_open(|vault, _| vault.get(&name.parse()?))? {
            Some(secret) => Ok(Secret::from(secret)),
            None => self.keeping.secret(name, &mut Given(None)),
        }
    }

    /// Does something with the vault that an unlock opened; `None` where none did, or where it has another key by now.
    fn in_open<T>(
        &self,
        what: impl FnOnce(&mut Vault, Timestamp) -> Result<T, VaultError>,
    ) -> Result<Option<T>, KeepError> {
        self.keeping.admit(false)?;
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(vault) = opened.as_mut() else { return Ok(None) };
        match what(vault, (self.keeping.now)()) {
            Ok(done) => Ok(Some(done)),
            Err(error @ (VaultError::NoSecret(_) | VaultError::BadName { .. } | VaultError::BadValue)) => {
                Err(error.into())
            }
            Err(error) => {
                tracing::warn!(%error, "the vault that was opened does not open any more");
                *opened = None;
                Ok(None)
            }
        }
    }

    /// Removes a secret for good.
    ///
    /// # Errors
    /// Why not.
    pub fn delete_secret(&self, door: &str, name: String) -> Result<String, KeepError> {
        if self.in_open(|vault, _| vault.delete(&name.parse()?))?.is_some() {
            self.record(AuditAction::SecretDeleted, door, &name, "ok");
            return Ok(format!("{name} is deleted"));
        }
        self.keeping.through(door).carry_out(Keep::SecretDelete { name }, &mut Given(None)).map(done)
    }

    fn sign_by(&self, signer: Option<Signer>) {
        if self.send(Job::Signer(signer.map(Box::new))).is_some() {
            tracing::error!("the audit log has no room to hear who signs it");
        }
    }
}

fn done(kept: Kept) -> String {
    match kept {
        Kept::Done(text) => text,
        _ => "done".to_owned(),
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
        let (sender, jobs) = sync_channel(EVENTS_MAX);
        let (origin, now) = (self.origin(), self.now);
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
        let writer = Writer {
            data: self.paths.data.clone(),
            directory: self.directory(),
            anchors: self.paths.data.join("audit-anchors"),
            locked: self.is_locked(),
            now,
        };
        let thread = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || writer.run(&jobs, introduce))
            .map_err(|error| KeepError::Io { path: PathBuf::from("thread"), error })?;
        Ok(Recorder {
            sender: Some(sender),
            thread: Some(thread),
            actor: actor.name,
            role: actor.role,
            origin,
            keeping: self.clone(),
            opened: Mutex::new(None),
        })
    }
}

fn signer(directory: &Path, now: Timestamp) -> Option<Signer> {
    Vault::held_by(directory).ok()??;
    let unlock = Unlock { cached: true, ..Unlock::default() };
    let mut vault = Vault::open(directory, &unlock).ok()?;
    Signer::of(&mut vault, now).ok()
}

/// What the thread needs.
struct Writer {
    data: PathBuf,
    directory: PathBuf,
    anchors: PathBuf,
    locked: bool,
    now: fn() -> Timestamp,
}

impl Writer {
    fn run(self, jobs: &Receiver<Job>, introduce: impl FnOnce(&str) -> AuditEvent + Clone) {
        // Most engines of the command line only look: nothing is opened before there is something to say.
        let mut next = jobs.recv().ok();
        if next.is_none() {
            return;
        }
        let mut install = match Install::open(&self.data, (self.now)()) {
            Ok(install) => install,
            Err(error) => return tracing::error!(%error, "audit events are not written"),
        };
        let mut signer = if self.locked { None } else { signer(&self.directory, (self.now)()).map(Box::new) };
        while let Some(first) = next.take().or_else(|| jobs.recv().ok()) {
            let mut batch = Vec::new();
            match first {
                Job::Event(event) => batch.push(event),
                Job::Signer(new) => {
                    signer = new;
                    continue;
                }
            }
            while batch.len() < BATCH_MAX
                && let Ok(job) = jobs.try_recv()
            {
                match job {
                    Job::Event(event) => batch.push(event),
                    job @ Job::Signer(_) => {
                        next = Some(job);
                        break;
                    }
                }
            }
            if let Err(error) = install.record(&batch) {
                tracing::error!(%error, events = batch.len(), "audit events are not written");
            }
            if let Some(signer) = &signer
                && let Err(error) =
                    log::anchor(&mut install, signer, &self.anchors, (self.now)(), introduce.clone())
            {
                tracing::warn!(%error, "the audit log is not anchored");
            }
        }
    }
}
