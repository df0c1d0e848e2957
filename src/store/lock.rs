//! One engine per profile: a lock on `engine.lock`, held for the process's life. The file says who holds it.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{StoreError, create_private_directory};

/// Bytes of the lock file that are read.
const HOLDER_BYTES_MAX: u64 = 256;
/// Characters of a command that are shown.
const COMMAND_LENGTH_MAX: usize = 40;

/// Who holds a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process; absent while it is just starting.
    pub pid: Option<u32>,
    /// The command it runs, such as `arbion demo`. Printable ASCII; may be empty.
    pub command: String,
    /// It only reads, so that it will be gone in a moment.
    pub reads: bool,
}

impl Holder {
    /// This process, running `command`.
    #[must_use]
    pub fn this_process(command: &str, reads: bool) -> Self {
        Self { pid: Some(std::process::id()), command: printable(command), reads }
    }

    fn to_text(&self) -> String {
        let pid = self.pid.unwrap_or_default();
        format!("{pid}\n{}\n{}\n", if self.reads { "reads" } else { "trades" }, self.command)
    }

    /// Whatever the file holds: it is shown, never trusted.
    fn from_text(text: &str) -> Self {
        let mut lines = text.lines();
        let pid = lines.next().and_then(|line| line.trim().parse().ok());
        let reads = lines.next() == Some("reads");
        Self { pid, command: printable(lines.next().unwrap_or_default()), reads }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}")?,
            None => write!(f, "a process that is just starting")?,
        }
        if self.command.is_empty() { Ok(()) } else { write!(f, " ({})", self.command) }
    }
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(COMMAND_LENGTH_MAX).collect()
}

/// The lock of a profile directory. Freed when dropped or when the process ends, however it ends.
#[derive(Debug)]
pub struct ProfileLock {
    _file: File,
}

impl ProfileLock {
    /// Takes the lock of a profile directory for `holder`.
    ///
    /// # Errors
    /// Names the process that holds it.
    pub fn acquire(directory: &Path, holder: &Holder) -> Result<Self, StoreError> {
        create_private_directory(directory)?;
        let path = directory.join("engine.lock");
        super::own::check(&path)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| StoreError::io(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The holder writes who it is at once; an empty or unreadable file means that it is just starting.
                let read = (&file).take(HOLDER_BYTES_MAX).read_to_string(&mut text).is_ok();
                let holder = if read { Holder::from_text(&text) } else { Holder::default() };
                return Err(StoreError::Locked { path: directory.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io(&path, &error)),
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.write_all(holder.to_text().as_bytes())
        };
        write(&mut file).map_err(|error| StoreError::io(&path, &error))?;
        Ok(Self { _file: file })
    }
}
