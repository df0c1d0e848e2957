//! Locking, unlocking and keeping secrets on behalf of front ends. The work is done on threads of its own, as a passphrase takes a second;
//! wrong ones are answered ever more slowly.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, Instant};

use crate::brokers::oauth::Binding;
use crate::brokers::oauth::tokens::Tokens;
use crate::client::{Reply, Request, SessionError};
use crate::core::input::Input;
use crate::domain::snapshot::Severity;
use crate::keeping::{KeepError, Recorder, is_locked};

use super::live::LoginKey;
use super::session::give;
use super::task::EngineTask;

type Answer = oneshot::Sender<Result<Reply, SessionError>>;

/// Pieces of work that may be under way.
const WORK_MAX: usize = 4;
/// Longest wait after wrong passphrases (reliability V9).
const WAIT_MAX: Duration = Duration::from_secs(30);

/// What came of a piece of work.
pub(super) struct Finished {
    result: Result<String, KeepError>,
    reply: Answer,
}

/// The lock as the engine knows it.
pub(super) struct Custody {
    /// The profile is locked.
    pub(super) locked: bool,
    /// Wrong passphrases since the last right one.
    failed: u32,
    not_before: Option<Instant>,
    finished_in: mpsc::Sender<Finished>,
    pub(super) finished: mpsc::Receiver<Finished>,
}

impl Default for Custody {
    fn default() -> Self {
        let (finished_in, finished) = mpsc::channel(WORK_MAX);
        Self { locked: false, failed: 0, not_before: None, finished_in, finished }
    }
}

impl Custody {
    /// How long nobody may try yet.
    fn wait(&self, now: Instant) -> Option<Duration> {
        self.not_before.map(|at| at.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    fn note(&mut self, result: &Result<String, KeepError>, now: Instant) {
        match result {
            Err(error) if error.is_wrong_passphrase() => {
                // 1, 2, 4 … 30 seconds.
                let wait = Duration::from_secs(1 << self.failed.min(5)).min(WAIT_MAX);
                self.failed = self.failed.saturating_add(1);
                self.not_before = Some(now + wait);
            }
            Ok(_) => (self.failed, self.not_before) = (0, None),
            Err(_) => {}
        }
    }
}

/// What safe keeping says, as a session says it.
fn refusal(error: &KeepError) -> SessionError {
    let text = error.to_string();
    match error.code().1 {
        _ if error.needs_passphrase() => SessionError::PassphraseNeeded,
        2 => SessionError::Usage(text),
        5 => SessionError::NotAllowed(text),
        7 => SessionError::Locked(text),
        _ => SessionError::Storage(text),
    }
}

impl EngineTask {
    /// Locks, unlocks, keeps a secret: answered once it is done.
    pub(super) fn keep_safe(&mut self, request: Request, door: &Arc<str>, reply: Answer) {
        let Some(recorder) = self.audit.clone() else {
            // A throw-away run has nothing that a lock could keep anybody from.
            let answer = match request {
                Request::Unlock { .. } => Ok(Reply::Done("nothing is locked here".to_owned())),
                _ => Err(SessionError::Usage(
                    "nothing of this run is kept, so there is nothing to lock".to_owned(),
                )),
            };
            return give(reply, answer);
        };
        if let (Request::Unlock { passphrase: Some(_) }, Some(left)) =
            (&request, self.custody.wait(Instant::now()))
        {
            let text = format!("too many wrong passphrases; try again in {} s", left.as_secs() + 1);
            return give(reply, Err(SessionError::Locked(text)));
        }
        if self.custody.finished_in.capacity() == 0 {
            return give(reply, Err(SessionError::Locked("others are trying at this moment".to_owned())));
        }
        let (finished, door) = (self.custody.finished_in.clone(), Arc::clone(door));
        let keys = self.live.keys();
        tokio::spawn(async move {
            let work = tokio::task::spawn_blocking(move || work(&recorder, &door, request, &keys));
            let result = work.await.unwrap_or_else(|error| Err(KeepError::Asked(error.to_string())));
            if finished.send(Finished { result, reply }).await.is_err() {
                tracing::debug!("the engine has ended: nobody is left to tell");
            }
        });
    }

    /// A piece of work is done: the picture says so before the answer does.
    pub(super) async fn kept_safe(&mut self, finished: Finished) {
        let Finished { result, reply } = finished;
        self.custody.note(&result, Instant::now());
        self.look_for_lock().await;
        let answer = match result {
            Ok(text) => Ok(Reply::Done(text)),
            Err(error) => match (refusal(&error), self.custody.wait(Instant::now())) {
                (SessionError::Locked(text), Some(left)) => {
                    Err(SessionError::Locked(format!("{text}; wait {} s", left.as_secs() + 1)))
                }
                (refusal, _) => Err(refusal),
            },
        };
        give(reply, answer);
    }

    /// Is the profile locked, by whatever process.
    pub(super) async fn look_for_lock(&mut self) {
        let locked = self.audit.is_some() && is_locked(&self.directory);
        if locked == self.custody.locked {
            return;
        }
        self.custody.locked = locked;
        // Whoever locked it may be another process: the key is forgotten here too.
        if let Some(recorder) = self.audit.clone().filter(|_| locked) {
            recorder.forget();
        }
        let text = if locked { "the profile is locked" } else { "the profile is unlocked" };
        let code = if locked { "LOCKED" } else { "UNLOCKED" };
        self.step(Input::Note { severity: Severity::Info, code, text: text.to_owned() }).await;
        self.publish();
    }

    /// Refuses what a locked profile does not do.
    pub(super) fn refused_by_lock(&self, request: &Request) -> Option<SessionError> {
        let locked = self.audit.is_some() && is_locked(&self.directory);
        (locked && !super::rights::works_when_locked(request)).then(|| {
            let text = self.audit.as_ref().map(|recorder| KeepError::Locked(recorder.profile().to_owned()));
            SessionError::Locked(text.map_or_else(|| "locked".to_owned(), |error| error.to_string()))
        })
    }
}

fn work(recorder: &Recorder, door: &str, request: Request, keys: &[LoginKey]) -> Result<String, KeepError> {
    match request {
        Request::Lock => {
            // Read before the key is forgotten.
            let ends = logins_that_end(recorder, keys);
            recorder.lock(door).map(|text| ends.iter().fold(text, |text, end| format!("{text}; {end}")))
        }
        Request::Unlock { passphrase } => recorder.unlock(door, passphrase),
        Request::SetSecret { name, value } => recorder.set_secret(door, name, value),
        other => Err(KeepError::Asked(format!("'{}' keeps nothing", other.name()))),
    }
}

/// Which sign-ins end while nobody can renew them (reliability V10): a new token is used once the vault has it, and the vault is locked. Keys
/// that sign by themselves go on.
fn logins_that_end(recorder: &Recorder, keys: &[LoginKey]) -> Vec<String> {
    let of = |key: &LoginKey| {
        // One without tokens, or behind a vault that is shut already.
        let text = recorder.secret(&key.tokens_name()).ok()?;
        let binding = Binding {
            profile: recorder.profile().to_owned(),
            broker: key.broker.as_str(),
            environment: key.environment,
        };
        let tokens = Tokens::from_text(text.get(), &binding).ok()?;
        let until = tokens.login_until.map_or(tokens.access_until, |end| end.min(tokens.access_until));
        let (broker, until) = (key.broker, until.strftime("%Y-%m-%d %H:%M UTC"));
        Some(format!("the sign-in at {broker} ends at {until} unless it is unlocked before"))
    };
    keys.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::VaultError;

    #[test]
    fn v10_a_lock_says_which_sign_ins_end_while_nobody_can_renew_them() {
        use std::os::unix::fs::PermissionsExt;

        use crate::brokers::{BrokerKind, Environment as Side};
        use crate::config::{Environment, Paths};
        use crate::keeping::Keeping;
        use crate::vault::{Desktop, Holder, Vault};

        let temp = tempfile::tempdir().unwrap();
        let paths = Paths::under(&temp.path().join("home"));
        let now = || "2026-11-26T10:00:00Z".parse().unwrap();
        let keeping = Keeping::new(paths.clone(), "default".parse().unwrap(), Environment::default(), now);
        keeping.admit(false).unwrap();
        let key = temp.path().join("key");
        std::fs::write(&key, include_bytes!("../../tests/fixtures/ssh/plain")).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let directory = paths.profile_dir(&"default".parse().unwrap());
        Vault::create(&directory, Holder::Ssh(&key, None), Desktop::default()).unwrap();
        let recorder = keeping.recorder().unwrap();
        let keys = [BrokerKind::Alpaca, BrokerKind::Schwab, BrokerKind::Coinbase]
            .map(|broker| LoginKey { broker, environment: Side::Live });
        let tokens = |broker: &'static str, until: &str, login: Option<&str>| Tokens {
            binding: Binding { profile: "default".to_owned(), broker, environment: Side::Live },
            access: "access".into(),
            given_at: now(),
            access_until: until.parse().unwrap(),
            refresh: Some("refresh".into()),
            login_at: now(),
            login_until: login.map(|at| at.parse().unwrap()),
            scopes: None,
        };
        for (key, tokens) in [
            (keys[1], tokens("schwab", "2026-11-26T10:30:00Z", Some("2026-11-26T10:10:00Z"))),
            (keys[2], tokens("coinbase", "2026-11-26T11:00:00Z", None)),
        ] {
            recorder.set_secret("tests", key.tokens_name(), tokens.to_text().unwrap().into()).unwrap();
        }
        let said = work(&recorder, "tests", Request::Lock, &keys).unwrap();
        let ends = |broker: &str, at: &str| {
            format!("; the sign-in at {broker} ends at 2026-11-26 {at} UTC unless it is unlocked before")
        };
        assert!(said.contains("profile default is locked"), "{said}");
        assert!(
            said.contains(&ends("schwab", "10:10")) && said.contains(&ends("coinbase", "11:00")),
            "{said}"
        );
        assert!(!said.contains("alpaca"), "a key that signs by itself goes on: {said}");
        assert_eq!(work(&recorder, "tests", Request::Lock, &keys).unwrap().matches("sign-in").count(), 0);
    }

    #[tokio::test]
    async fn v9_wrong_passphrases_are_answered_ever_more_slowly() {
        let wrong = || Err(KeepError::Vault(VaultError::WrongPassphrase("f".into())));
        let (mut custody, now) = (Custody::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..7 {
            custody.note(&wrong(), now);
            waits.push(custody.wait(now).map_or(0, |wait| wait.as_secs()));
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        custody.note(&Err(KeepError::Taken(String::new())), now);
        assert!(custody.wait(now).is_some(), "another failure neither lengthens nor ends it");
        assert!(custody.wait(now + WAIT_MAX).is_none());
        custody.note(&Ok(String::new()), now);
        assert!(custody.wait(now).is_none());
    }
}
