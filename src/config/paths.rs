//! Where things lie: directories by the platform's custom, or all under `ARBION_HOME`; profile names.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use directories::ProjectDirs;

use super::env::Environment;
use super::files::{self, FileError};

/// Longest profile name.
const PROFILE_LENGTH_MAX: usize = 32;
/// The machine's own configuration, for every user.
const SYSTEM_CONFIG: &str = "/etc/arbion/config.toml";

/// A profile's name: 1 to 32 of `a` to `z`, `0` to `9`, `_` and `-`. Safe as a file name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileName(String);

impl ProfileName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ProfileName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for ProfileName {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Self, PathError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        if text.is_empty() || text.len() > PROFILE_LENGTH_MAX || !text.bytes().all(allowed) {
            let text = text.chars().take(PROFILE_LENGTH_MAX).flat_map(char::escape_default).collect();
            return Err(PathError::ProfileName { text });
        }
        Ok(Self(text.to_owned()))
    }
}

/// Why no directories can be had.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// `ARBION_HOME` does not start at the root.
    #[error("ARBION_HOME: found '{}', allowed an absolute path", .0.display())]
    HomeNotAbsolute(PathBuf),
    /// Neither `ARBION_HOME` nor a home directory.
    #[error("no home directory is known; set ARBION_HOME to an absolute path")]
    NoHome,
    /// Not a profile name.
    #[error("profile: found '{text}', allowed 1 to 32 of a-z, 0-9, '_' and '-'")]
    ProfileName {
        /// The text as given, escaped and shortened.
        text: String,
    },
    /// A directory is not as it must be.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Every directory and file name of an installation. All absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// `ARBION_HOME`, where it is set.
    pub root: Option<PathBuf>,
    /// Configuration files.
    pub config: PathBuf,
    /// Profiles with their databases.
    pub data: PathBuf,
    /// Logs.
    pub state: PathBuf,
    /// What can be fetched or made again.
    pub cache: PathBuf,
    /// Sockets; gone after a reboot where the platform does so.
    pub runtime: PathBuf,
}

/// The home directory of whoever runs this; none where the system knows none. What a shell writes as `~`.
#[must_use]
pub fn home_directory() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|base| base.home_dir().to_path_buf())
}

impl Paths {
    /// The directories of this environment. Nothing is created.
    ///
    /// # Errors
    /// When `ARBION_HOME` is not absolute, or there is no home at all.
    pub fn resolve(environment: &Environment) -> Result<Self, PathError> {
        if let Some(home) = &environment.arbion_home {
            let root = PathBuf::from(home);
            if !root.is_absolute() {
                return Err(PathError::HomeNotAbsolute(root));
            }
            return Ok(Self::under(&root));
        }
        let project = ProjectDirs::from("", "", "arbion").ok_or(PathError::NoHome)?;
        let data = project.data_local_dir().to_path_buf();
        Ok(Self {
            root: None,
            config: project.config_dir().to_path_buf(),
            state: project.state_dir().map_or_else(|| data.join("state"), Path::to_path_buf),
            cache: project.cache_dir().to_path_buf(),
            runtime: project.runtime_dir().map_or_else(|| data.join("run"), Path::to_path_buf),
            data,
        })
    }

    /// Everything under one root.
    #[must_use]
    pub fn under(root: &Path) -> Self {
        Self {
            root: Some(root.to_path_buf()),
            config: root.join("config"),
            data: root.join("data"),
            state: root.join("state"),
            cache: root.join("cache"),
            runtime: root.join("run"),
        }
    }

    /// The configuration for every user of the machine; none under `ARBION_HOME`, which stands alone.
    #[must_use]
    pub fn system_config(&self) -> Option<PathBuf> {
        self.root.is_none().then(|| PathBuf::from(SYSTEM_CONFIG))
    }

    /// The user's configuration, for all profiles.
    #[must_use]
    pub fn user_config(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The user's fee schedules, for all profiles.
    #[must_use]
    pub fn user_fees(&self) -> PathBuf {
        self.config.join("fees.toml")
    }

    /// The folder of the user's own themes.
    #[must_use]
    pub fn themes(&self) -> PathBuf {
        self.config.join("themes")
    }

    /// What one profile has of its own; laid over the user's.
    #[must_use]
    pub fn profile_config(&self, profile: &ProfileName) -> PathBuf {
        self.config.join("profiles").join(format!("{profile}.toml"))
    }

    /// The profile's directory: database, lock, backups.
    #[must_use]
    pub fn profile_dir(&self, profile: &ProfileName) -> PathBuf {
        self.data.join("profiles").join(profile.as_str())
    }

    /// The profile's database.
    #[must_use]
    pub fn database(&self, profile: &ProfileName) -> PathBuf {
        self.profile_dir(profile).join("arbion.db")
    }

    /// The profile's bars, which can be fetched again.
    #[must_use]
    pub fn history_database(&self, profile: &ProfileName) -> PathBuf {
        self.profile_dir(profile).join("history.db")
    }

    /// The profile's backups.
    #[must_use]
    pub fn backups(&self, profile: &ProfileName) -> PathBuf {
        self.profile_dir(profile).join("backups")
    }

    /// Held by the profile's one engine for as long as it lives.
    #[must_use]
    pub fn engine_lock(&self, profile: &ProfileName) -> PathBuf {
        self.profile_dir(profile).join("engine.lock")
    }

    /// Where the profile's engine listens, while it runs in a process of its own.
    #[must_use]
    pub fn socket(&self, profile: &ProfileName) -> PathBuf {
        self.runtime.join(format!("{profile}.sock"))
    }

    /// A file of this name halts the profile's engine.
    #[must_use]
    pub fn halt_file(&self, profile: &ProfileName) -> PathBuf {
        self.profile_dir(profile).join("HALT")
    }

    /// The profile's log.
    #[must_use]
    pub fn log_file(&self, profile: &ProfileName) -> PathBuf {
        self.state.join(format!("{profile}.log"))
    }

    /// The directories that all profiles share, root first.
    #[must_use]
    pub fn directories_of_all(&self) -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> = self.root.iter().cloned().collect();
        all.extend([self.config.clone(), self.data.clone(), self.state.clone(), self.runtime.clone()]);
        all.push(self.data.join("profiles"));
        all
    }

    /// The directories a profile needs, root first.
    #[must_use]
    pub fn directories(&self, profile: &ProfileName) -> Vec<PathBuf> {
        let mut all = self.directories_of_all();
        all.push(self.profile_dir(profile));
        all
    }

    /// Creates the directories a profile needs, mode 0700, and refuses those that others can read.
    ///
    /// # Errors
    /// Names the directory, what is wrong with it, and the command that mends it.
    pub fn prepare(&self, profile: &ProfileName) -> Result<(), PathError> {
        for directory in self.directories(profile) {
            files::private_directory(&directory)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_home(home: &str) -> Environment {
        Environment { arbion_home: Some(home.into()), ..Environment::default() }
    }

    #[test]
    fn home_moves_everything_under_one_root() {
        let paths = Paths::resolve(&with_home("/srv/arbion")).unwrap();
        let profile: ProfileName = "alice".parse().unwrap();
        let all = [
            paths.config.clone(),
            paths.data.clone(),
            paths.state.clone(),
            paths.cache.clone(),
            paths.runtime.clone(),
            paths.user_config(),
            paths.profile_config(&profile),
            paths.database(&profile),
            paths.history_database(&profile),
            paths.backups(&profile),
            paths.engine_lock(&profile),
            paths.halt_file(&profile),
            paths.log_file(&profile),
        ];
        assert!(all.iter().all(|path| path.starts_with("/srv/arbion")), "{all:?}");
        assert_eq!(paths.system_config(), None);
    }

    #[test]
    fn a_relative_home_is_refused() {
        let error = Paths::resolve(&with_home("here/arbion")).unwrap_err();
        assert_eq!(error.to_string(), "ARBION_HOME: found 'here/arbion', allowed an absolute path");
    }

    #[test]
    fn without_home_the_platform_decides() {
        let paths = Paths::resolve(&Environment::default()).unwrap();
        assert!(paths.config.is_absolute() && paths.data.is_absolute() && paths.state.is_absolute());
        assert_eq!(paths.system_config(), Some(PathBuf::from("/etc/arbion/config.toml")));
    }

    #[test]
    fn profile_names_are_file_names() {
        for good in ["a", "default", "alice_2", "x-y", &"z".repeat(32)] {
            assert_eq!(good.parse::<ProfileName>().unwrap().as_str(), good);
        }
        for bad in ["", "Alice", "a b", "../x", "a/b", ".", "é", &"z".repeat(33), "a\u{1b}"] {
            let error = bad.parse::<ProfileName>().unwrap_err().to_string();
            assert!(error.starts_with("profile: found '") && error.is_ascii(), "{error}");
            assert!(error.ends_with("', allowed 1 to 32 of a-z, 0-9, '_' and '-'"), "{error}");
        }
    }

    #[test]
    fn preparing_creates_private_directories() {
        use std::os::unix::fs::PermissionsExt;
        let temp = tempfile::tempdir().unwrap();
        let paths = Paths::under(&temp.path().join("home"));
        let profile = ProfileName::default();
        paths.prepare(&profile).unwrap();
        paths.prepare(&profile).unwrap();
        for directory in paths.directories(&profile) {
            assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{directory:?}");
        }
    }
}
