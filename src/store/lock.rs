//! One engine per profile: a lock on `engine.lock`, held for the process's life.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{StoreError, create_private_directory};

/// The lock of a profile directory. Freed when dropped or when the process ends, however it ends.
#[derive(Debug)]
pub struct ProfileLock {
    _file: File,
}

impl ProfileLock {
    /// Takes the lock of a profile directory.
    ///
    /// # Errors
    /// Names the process that holds it.
    pub fn acquire(directory: &Path) -> Result<Self, StoreError> {
        create_private_directory(directory)?;
        let path = directory.join("engine.lock");
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
                let mut pid = String::new();
                // The holder writes its number at once; an empty file means it is just starting.
                let known = file.read_to_string(&mut pid).is_ok() && !pid.trim().is_empty();
                let pid = if known {
                    pid.trim().chars().filter(char::is_ascii_digit).collect()
                } else {
                    "unknown".to_owned()
                };
                return Err(StoreError::Locked { path: directory.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io(&path, &error)),
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(|error| StoreError::io(&path, &error))?;
        Ok(Self { _file: file })
    }
}
