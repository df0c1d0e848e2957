//! Who is what in the installation, as an engine sees it while it runs: roles that are changed, profiles that are disabled. Looked at on a
//! thread of its own, as the log that proves the roles may be long.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::role::Role;
use crate::store::{Install, ProfileRow, StoreError};

use super::{KeepError, Keeping};

/// How often it is looked whether something has changed.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The profiles of an installation at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Roles are proved by the audit log. Until then, and where they are not, everybody is standard (reliability P2).
    pub trusted: bool,
    profiles: BTreeMap<String, (Role, bool)>,
}

impl Standing {
    /// Profiles with what the table says of each: role, and whether it is disabled.
    #[must_use]
    pub fn new(trusted: bool, profiles: impl IntoIterator<Item = (String, Role, bool)>) -> Self {
        let profiles = profiles.into_iter().map(|(name, role, disabled)| (name, (role, disabled))).collect();
        Self { trusted, profiles }
    }

    /// The role of a profile that may be used.
    ///
    /// # Errors
    /// In words, when it is disabled, or none of the installation's.
    pub fn role(&self, name: &str) -> Result<Role, String> {
        match self.profiles.get(name) {
            Some((_, true)) => Err(KeepError::Disabled(name.to_owned()).to_string()),
            Some((role, false)) => Ok(if self.trusted { *role } else { Role::Standard }),
            None => {
                let shown: String = name.chars().flat_map(char::escape_default).take(64).collect();
                Err(format!("no profile is called '{shown}'"))
            }
        }
    }
}

/// Follows an installation until it is dropped.
#[derive(Debug)]
pub struct Watched {
    standing: watch::Receiver<Arc<Standing>>,
    _end: SyncSender<()>,
}

impl Watched {
    /// The newest.
    #[must_use]
    pub fn standing(&self) -> watch::Receiver<Arc<Standing>> {
        self.standing.clone()
    }
}

impl Keeping {
    /// Follows roles and states. The first picture is there at once, with everybody standard until the log has been looked through.
    ///
    /// # Errors
    /// When the database cannot be read, or the system gives no thread.
    pub fn watch(&self) -> Result<Watched, KeepError> {
        let data = self.paths.data.clone();
        let rows = match Install::open_reader(&data)? {
            Some(install) => install.profiles()?,
            None => self.install()?.profiles()?,
        };
        let (sender, standing) = watch::channel(Arc::new(picture(false, &rows)));
        let (end, ended) = sync_channel::<()>(0);
        std::thread::Builder::new()
            .name("roles".to_owned())
            .spawn(move || {
                let mut seen = Seen { data, install: None, version: None, rows: Vec::new() };
                loop {
                    if let Some(new) = seen.look() {
                        sender.send_replace(Arc::new(new));
                    }
                    if !matches!(ended.recv_timeout(LOOK_EVERY), Err(RecvTimeoutError::Timeout)) {
                        return;
                    }
                }
            })
            .map_err(|error| KeepError::Io { path: PathBuf::from("thread"), error })?;
        Ok(Watched { standing, _end: end })
    }
}

fn picture(trusted: bool, rows: &[ProfileRow]) -> Standing {
    Standing::new(trusted, rows.iter().map(|row| (row.name.clone(), row.role, row.disabled)))
}

/// What was seen last.
struct Seen {
    data: PathBuf,
    install: Option<Install>,
    version: Option<i64>,
    rows: Vec<ProfileRow>,
}

impl Seen {
    /// The standing, if it is another one than before. Rows of the log come with every order; only a change of the profiles has it looked
    /// through again.
    fn look(&mut self) -> Option<Standing> {
        match self.changed() {
            Ok(new) => new,
            Err(error) => {
                // Opened anew next time. Who is not known to be more is standard.
                tracing::error!(%error, "roles cannot be read; everybody is standard");
                let new = self.install.take().map(|_| picture(false, &self.rows));
                (self.version, self.rows) = (None, Vec::new());
                new
            }
        }
    }

    fn changed(&mut self) -> Result<Option<Standing>, StoreError> {
        let install = match self.install.take() {
            Some(install) => install,
            None => match Install::open_reader(&self.data)? {
                Some(install) => install,
                None => return Ok(None),
            },
        };
        let version = install.data_version()?;
        let mut new = None;
        if self.version != Some(version) {
            let rows = install.profiles()?;
            if self.version.is_none() || rows != self.rows {
                let (report, _) = install.verify(&[])?;
                if let Some(fault) = &report.fault {
                    tracing::error!(
                        fault = fault.text,
                        "roles cannot be trusted, everybody is standard; see arbion audit verify"
                    );
                }
                new = Some(picture(report.fault.is_none(), &rows));
                self.rows = rows;
            }
            self.version = Some(version);
        }
        self.install = Some(install);
        Ok(new)
    }
}
