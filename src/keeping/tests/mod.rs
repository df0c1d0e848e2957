//! Profiles, roles, secrets and the log over real files, as their traders would use them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::client::keeping::{KeyHolder, ProfileView};
use crate::client::secret::Secret;
use crate::domain::audit::{AuditReport, AuditRow};

mod profiles;
mod secrets;

/// Seconds that the tests' clock is ahead of its start.
static SECONDS: AtomicI64 = AtomicI64::new(0);

fn now() -> Timestamp {
    let start: Timestamp = "2026-11-26T10:00:00Z".parse().unwrap();
    start + jiff::SignedDuration::from_secs(SECONDS.fetch_add(1, Ordering::Relaxed))
}

pub(super) const WORDS: &str = "correct horse battery staple";

/// A person with a passphrase, or nobody.
pub(super) struct Person {
    passphrase: Option<&'static str>,
    pub(super) asked: Vec<Wanted>,
    /// It came with the command.
    pub(super) given: bool,
}

impl AskSecret for Person {
    fn ask(&mut self, wanted: Wanted) -> Result<Option<Secret>, String> {
        self.asked.push(wanted);
        Ok(self.passphrase.map(|words| Secret::new(words.to_owned())))
    }

    fn is_given(&self) -> bool {
        self.given
    }
}

pub(super) const fn nobody() -> Person {
    Person { passphrase: None, asked: Vec::new(), given: false }
}

pub(super) const fn person(passphrase: &'static str) -> Person {
    Person { passphrase: Some(passphrase), asked: Vec::new(), given: false }
}

/// An installation of its own.
pub(super) struct Home {
    _temp: tempfile::TempDir,
    pub(super) paths: Paths,
}

impl Home {
    pub(super) fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let paths = Paths::under(&temp.path().join("home"));
        Self { _temp: temp, paths }
    }

    pub(super) fn of(&self, profile: &str) -> Keeping {
        // Tests hold keys by passphrase and SSH key: no keyring of the machine is asked.
        let environment = Environment { vault: Some("passphrase".to_owned()), ..Environment::default() };
        Keeping::new(self.paths.clone(), profile.parse().unwrap(), environment, now)
    }

    /// Does something as a profile, with nobody to ask.
    #[track_caller]
    pub(super) fn done(&self, profile: &str, keep: Keep) -> String {
        match self.of(profile).carry_out(keep, &mut nobody()) {
            Ok(Kept::Done(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn refused(&self, profile: &str, keep: Keep) -> KeepError {
        self.of(profile).carry_out(keep, &mut nobody()).map(|kept| panic!("{kept:?}")).unwrap_err()
    }

    pub(super) fn log(&self) -> Vec<AuditRow> {
        let install = Install::open(&self.paths.data, now()).unwrap();
        install.audit_rows(&crate::store::audit::AuditFilter::default()).unwrap()
    }

    pub(super) fn report(&self) -> AuditReport {
        match self.of("default").carry_out(Keep::AuditVerify, &mut nobody()).unwrap() {
            Kept::Verified(report) => report,
            other => panic!("{other:?}"),
        }
    }

    /// A trader with a vault that an SSH key opens, which is quick.
    pub(super) fn with_vault(&self, profile: &str) {
        self.of(profile).admit(false).unwrap();
        let key = self.ssh_key();
        let directory = self.paths.profile_dir(&profile.parse().unwrap());
        crate::vault::Vault::create(&directory, crate::vault::Holder::Ssh(&key, None), Desktop::default())
            .unwrap();
    }

    pub(super) fn ssh_key(&self) -> PathBuf {
        let path = self.paths.data.join("ssh-key");
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ssh/plain");
        fs::write(&path, fs::read(from).unwrap()).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }
}

pub(super) fn create(name: &str) -> Keep {
    Keep::ProfileCreate { name: name.to_owned() }
}

pub(super) fn role(name: &str, role: Role) -> Keep {
    Keep::ProfileRole { name: name.to_owned(), role }
}

pub(super) fn delete(name: &str) -> Keep {
    Keep::ProfileDelete { name: name.to_owned(), purge: false }
}

pub(super) fn profiles(home: &Home, asker: &str) -> Vec<ProfileView> {
    match home.of(asker).carry_out(Keep::ProfileList, &mut nobody()).unwrap() {
        Kept::Profiles(views) => views,
        other => panic!("{other:?}"),
    }
}
