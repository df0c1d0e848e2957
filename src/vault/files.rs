//! The vault's files: opened without following links, refused where others can reach them, replaced whole or not at all, written by one
//! process at a time (reliability V1, V2, V3).

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::VaultError;

/// How long a writer waits for another one.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// How long a refresh of a sign-in waits for another process's: two tries of ten seconds, and a bit.
const TURN_WAIT: Duration = Duration::from_secs(25);
/// What a temporary file's name begins and ends with.
const TEMPORARY: (&str, &str) = (".vault-", ".tmp");
/// Bytes of the lock file that are read.
const HOLDER_BYTES_MAX: u64 = 32;

/// Reads a whole private file of at most `allowed` bytes.
///
/// # Errors
/// When it is a link, others can reach it, it is not ours or too large, or the system refuses; `None` where there is none.
pub(super) fn read(path: &Path, allowed: u64) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
    let file =
        match OpenOptions::new().read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(_) if is_link(path) => return Err(VaultError::NotPlain(path.to_owned())),
            Err(error) => return Err(VaultError::io(path, &error)),
        };
    let found = check(path, &file)?;
    if found > allowed {
        return Err(VaultError::TooLarge { path: path.to_owned(), found, allowed });
    }
    // With room for all of it, so that no copy is left behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(found).unwrap_or_default() + 1));
    file.take(allowed).read_to_end(&mut bytes).map_err(|error| VaultError::io(path, &error))?;
    Ok(Some(bytes))
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
}

/// Looks at what was opened, not at what the name means now. Returns its size.
fn check(path: &Path, file: &File) -> Result<u64, VaultError> {
    let meta = file.metadata().map_err(|error| VaultError::io(path, &error))?;
    if !meta.is_file() {
        return Err(VaultError::NotPlain(path.to_owned()));
    }
    owned_alone(path, &meta, 0o600)?;
    Ok(meta.len())
}

fn owned_alone(path: &Path, meta: &fs::Metadata, wanted: u32) -> Result<(), VaultError> {
    let ours = rustix::process::geteuid().as_raw();
    if meta.uid() != ours {
        return Err(VaultError::Foreign { path: path.to_owned(), owner: meta.uid(), ours });
    }
    let mode = meta.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(VaultError::Shared { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

/// Refuses a directory that is not ours alone.
///
/// # Errors
/// Names it and the command that mends it.
pub(super) fn check_directory(directory: &Path) -> Result<(), VaultError> {
    let meta = fs::symlink_metadata(directory).map_err(|error| VaultError::io(directory, &error))?;
    if !meta.is_dir() {
        return Err(VaultError::NotPlain(directory.to_owned()));
    }
    owned_alone(directory, &meta, 0o700)
}

/// The name of a file's copy.
pub(super) fn backup(path: &Path) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(".bak");
    PathBuf::from(name)
}

/// Replaces a file whole: a new one beside it, synced, renamed over it, and the directory synced. The old one stays as `.bak` where it is
/// kept. A crash at any point leaves the old content or the new.
///
/// # Errors
/// What the system says; the old file is then as it was.
pub(super) fn replace(path: &Path, bytes: &[u8], keep_old: bool) -> Result<(), VaultError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut noise = [0; 8];
    getrandom::fill(&mut noise)
        .map_err(|error| VaultError::io(path, &io::Error::other(error.to_string())))?;
    let name = format!("{}{:016x}{}", TEMPORARY.0, u64::from_le_bytes(noise), TEMPORARY.1);
    let temporary = directory.join(name);
    let written = write_new(&temporary, bytes).and_then(|()| {
        if keep_old {
            keep(path)?;
        }
        fs::rename(&temporary, path)?;
        File::open(directory)?.sync_all()
    });
    if written.is_err() {
        // What failed is reported; a leftover that cannot be removed is swept by the next writer.
        fs::remove_file(&temporary).unwrap_or_default();
    }
    written.map_err(|error| VaultError::io(path, &error))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A second name for what is about to be replaced. Losing it to a crash costs the copy alone.
fn keep(path: &Path) -> io::Result<()> {
    let copy = backup(path);
    forget(&copy)?;
    match fs::hard_link(path, &copy) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Removes a file that may be there.
pub(super) fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The right to write the vault, freed when dropped or when the process ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// The right to refresh the sign-ins of a profile, which one process has at a time; freed when dropped or when the process ends.
#[derive(Debug)]
pub struct SignInTurn {
    _file: File,
}

impl SignInTurn {
    /// Waits for it: a refresh takes a broker's patience at most.
    ///
    /// # Errors
    /// When another process has it for longer than that, or the file cannot be used.
    pub fn wait(directory: &Path) -> Result<Self, VaultError> {
        Self::wait_within(directory, TURN_WAIT)
    }

    /// The same with another patience.
    pub(super) fn wait_within(directory: &Path, patience: Duration) -> Result<Self, VaultError> {
        let locked = locked(directory, "sign-in.lock", patience);
        let _file = locked?.map_err(|holder| VaultError::Refreshing { holder })?;
        Ok(Self { _file })
    }
}

/// A file of this name, locked within the time, with our process id in it; who has it where it is not to be had.
fn locked(directory: &Path, name: &str, patience: Duration) -> Result<Result<File, String>, VaultError> {
    check_directory(directory)?;
    let path = directory.join(name);
    let open = || {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
    };
    let mut file = open().map_err(|error| VaultError::io(&path, &error))?;
    check(&path, &file)?;
    if file.try_lock().is_err() {
        match wait(file, patience) {
            Some(free) => file = free,
            None => return Ok(Err(holder(open))),
        }
    }
    let id = std::process::id().to_string();
    let written = file.set_len(0).and_then(|()| file.write_all(id.as_bytes()));
    written.map_err(|error| VaultError::io(&path, &error))?;
    Ok(Ok(file))
}

impl Lock {
    /// Waits at most five seconds for whoever else writes, then sweeps what crashed writers left.
    ///
    /// # Errors
    /// Names the process that holds it.
    pub(super) fn acquire(directory: &Path) -> Result<Self, VaultError> {
        Self::acquire_within(directory, LOCK_WAIT)
    }

    /// The same with another patience.
    pub(super) fn acquire_within(directory: &Path, patience: Duration) -> Result<Self, VaultError> {
        let _file =
            locked(directory, "vault.lock", patience)?.map_err(|holder| VaultError::Busy { holder })?;
        sweep(directory).map_err(|error| VaultError::io(directory, &error))?;
        Ok(Self { _file })
    }
}

/// The system tells when the lock is free, so a thread waits for its word; one that comes too late lets go at once.
fn wait(file: File, patience: Duration) -> Option<File> {
    let (give, take) = mpsc::channel();
    let waiting = std::thread::Builder::new().name("vault-lock".into()).spawn(move || {
        if file.lock().is_ok() {
            // Nobody waits any more: dropping the file frees the lock.
            give.send(file).unwrap_or_default();
        }
    });
    waiting.ok()?;
    take.recv_timeout(patience).ok()
}

fn holder(open: impl Fn() -> io::Result<File>) -> String {
    let mut text = String::new();
    let read = open().and_then(|file| file.take(HOLDER_BYTES_MAX).read_to_string(&mut text));
    match text.trim().parse::<u32>() {
        Ok(id) if read.is_ok() => format!("process {id}"),
        _ => "unknown".to_owned(),
    }
}

fn sweep(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1) {
            forget(&entry.path())?;
        }
    }
    Ok(())
}
