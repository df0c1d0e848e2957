//! What can go wrong with a vault, and what to do about it. No message holds a secret.

use std::path::{Path, PathBuf};

/// A failure of the vault. The old vault or the new one is whole.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Nothing has been kept here yet.
    #[error("no vault is at {}; arbion secret set NAME makes one", .0.display())]
    Missing(PathBuf),
    /// One is there already.
    #[error("a vault is at {} already", .0.display())]
    Exists(PathBuf),
    /// Its passphrase is wanted and nobody gave it.
    #[error(
        "the vault is locked: give its passphrase at the prompt, by --passphrase-file, ARBION_PASSPHRASE_FILE or a systemd credential"
    )]
    PassphraseNeeded,
    /// The passphrase does not open it.
    #[error("the vault stays locked: wrong passphrase for {}", .0.display())]
    WrongPassphrase(PathBuf),
    /// A passphrase that is too easily guessed.
    #[error(
        "the passphrase has {found} characters, allowed {allowed} and more; a sentence of four words is good"
    )]
    WeakPassphrase {
        /// Characters it has.
        found: usize,
        /// Characters it must have.
        allowed: usize,
    },
    /// A file is not what was written.
    #[error("{} is damaged or cut short ({detail}); nothing was changed; {}", path.display(), remedy(path))]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What does not fit.
        detail: String,
    },
    /// It would take too long and too much memory to open.
    #[error("{} asks for 2^{found} rounds of scrypt, allowed at most 2^{allowed}", path.display())]
    TooSlow {
        /// Which file.
        path: PathBuf,
        /// Logarithm of the work factor.
        found: u8,
        /// The largest that is taken.
        allowed: u8,
    },
    /// The key that is held is another vault's.
    #[error("the key held by {holder} does not open {}; restore the key or the vault that belong together", path.display())]
    OtherKey {
        /// Where the key came from.
        holder: String,
        /// The vault.
        path: PathBuf,
    },
    /// The keyring that holds the key does not answer.
    #[error(
        "the vault is locked: the {store} that holds its key is not there ({reason}); start it, or log in to the desktop"
    )]
    NoKeyring {
        /// Which keyring.
        store: &'static str,
        /// Its words.
        reason: String,
    },
    /// The keyring that holds the key is locked.
    #[error(
        "the vault is locked: the {store} that holds its key is locked; unlock it on the desktop and try again"
    )]
    KeyringLocked {
        /// Which keyring.
        store: &'static str,
    },
    /// The keyring answers, and has no such key, or more than one.
    #[error(
        "the {store} has {found} for this vault; restore it, or a backup of the vault with its passphrase"
    )]
    KeyringEntry {
        /// Which keyring.
        store: &'static str,
        /// `no key` or `several keys`.
        found: &'static str,
    },
    /// The keyring refuses for another reason.
    #[error("the {store} refuses: {reason}")]
    Keyring {
        /// Which keyring.
        store: &'static str,
        /// Its words.
        reason: String,
    },
    /// An SSH key cannot open or hold the vault's key.
    #[error("{}: {reason}", path.display())]
    SshKey {
        /// The file of the private key.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Others can reach a file.
    #[error("{} can be reached by others (mode {mode:04o}); run: chmod {wanted:o} {}", path.display(), path.display())]
    Shared {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// What it should be.
        wanted: u32,
    },
    /// Another user owns a file.
    #[error("{} belongs to user {owner}, not to this one ({ours}); run: chown {ours} {}", path.display(), path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        ours: u32,
    },
    /// A link, or no plain file.
    #[error("{} is not a plain file; a vault follows no links", .0.display())]
    NotPlain(PathBuf),
    /// Too large to be ours.
    #[error("{} has {found} bytes, allowed at most {allowed}", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Its size.
        found: u64,
        /// The most there may be.
        allowed: u64,
    },
    /// Another process writes and does not end.
    #[error("another process ({holder}) is writing the vault; try again once it has ended")]
    Busy {
        /// Its process id, or `unknown`.
        holder: String,
    },
    /// Another process refreshes a sign-in and does not end.
    #[error("another process ({holder}) is refreshing a sign-in; it is tried again")]
    Refreshing {
        /// Its process id, or `unknown`.
        holder: String,
    },
    /// No secret of that name.
    #[error("no secret is called '{0}'; arbion secret list names them")]
    NoSecret(String),
    /// Not a name.
    #[error(
        "secret: found '{found}', allowed 1 to {allowed} of a-z, 0-9, '.', '_' and '-', beginning with a letter"
    )]
    BadName {
        /// As given, escaped and shortened.
        found: String,
        /// Longest name.
        allowed: usize,
    },
    /// Nothing to keep, or too much.
    #[error("the secret has {found} bytes, allowed 1 to {allowed}")]
    BadLength {
        /// Bytes it has.
        found: usize,
        /// The most there may be.
        allowed: usize,
    },
    /// Bytes that no login takes.
    #[error(
        "the secret holds a control character; allowed are printable characters, and line ends inside a key in PEM form"
    )]
    BadValue,
    /// The vault is full.
    #[error("the vault holds {0} secrets and takes no more; delete what is not needed")]
    Full(usize),
    /// The new value is the old one.
    #[error("'{0}' has that value already; nothing was rotated")]
    SameValue(String),
    /// The system says no.
    #[error("{}: {reason}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
}

impl VaultError {
    pub(super) fn io(path: &Path, error: &std::io::Error) -> Self {
        let text = error.to_string();
        let reason = text.split(" (os error").next().unwrap_or_default().to_lowercase();
        Self::Io { path: path.to_owned(), reason }
    }

    pub(super) fn damaged(path: &Path, detail: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), detail: detail.into() }
    }

    /// Is the vault whole and merely closed: to whom holds the key, it opens.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(
            self,
            Self::PassphraseNeeded
                | Self::WrongPassphrase(_)
                | Self::NoKeyring { .. }
                | Self::KeyringLocked { .. }
                | Self::Busy { .. }
                | Self::Refreshing { .. }
        )
    }

    /// Is it a mistake of the one who asked, not a failure.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Missing(_)
                | Self::Exists(_)
                | Self::WeakPassphrase { .. }
                | Self::NoSecret(_)
                | Self::BadName { .. }
                | Self::BadLength { .. }
                | Self::BadValue
                | Self::Full(_)
                | Self::SameValue(_)
        )
    }
}

fn remedy(path: &Path) -> String {
    let mut copy = path.as_os_str().to_owned();
    copy.push(".bak");
    let copy = Path::new(&copy);
    if copy.exists() {
        format!("{} is the copy of before the last change", copy.display())
    } else {
        "restore it from a backup".to_owned()
    }
}
