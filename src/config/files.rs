//! Private files and directories: created 0600 and 0700 whatever the umask says, refused when others can reach them, replaced whole or not
//! at all (reliability V1, V2, V5).

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Mode of directories.
const DIRECTORY_MODE: u32 = 0o700;
/// Mode of files.
const FILE_MODE: u32 = 0o600;

/// What is wrong with a file or directory.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Others can read or write it.
    #[error("{} can be reached by others (mode {mode:04o}); run: chmod {wanted:o} {}", path.display(), path.display())]
    Shared {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// What they should be.
        wanted: u32,
    },
    /// Another user owns it.
    #[error("{} belongs to user {owner}, not to this one ({ours}); run: chown {ours} {}", path.display(), path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        ours: u32,
    },
    /// A link, a directory where a file should be, or the other way round.
    #[error("{} is not a {wanted}", path.display())]
    Kind {
        /// Which.
        path: PathBuf,
        /// What it should be.
        wanted: &'static str,
    },
    /// It is there already.
    #[error("{} exists; --force overwrites it", .0.display())]
    Exists(PathBuf),
    /// The system says no.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> FileError + '_ {
    |error| FileError::Io { path: path.to_path_buf(), error }
}

/// Creates a directory with its missing parents, mode 0700. One that is there already must be ours alone.
///
/// # Errors
/// When others can reach it, it is no directory, or the system refuses.
pub fn private_directory(path: &Path) -> Result<(), FileError> {
    match DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(FileError::Kind { path: path.to_path_buf(), wanted: "directory" });
        }
        made => made.map_err(io_error(path))?,
    }
    check_private(path, "directory", DIRECTORY_MODE)
}

/// Refuses a file that is a link, not ours, or that others can read or write.
///
/// # Errors
/// Names the file and the command that mends it.
pub fn check_private_file(path: &Path) -> Result<(), FileError> {
    let meta = fs::symlink_metadata(path).map_err(io_error(path))?;
    if !meta.is_file() {
        return Err(FileError::Kind { path: path.to_path_buf(), wanted: "regular file" });
    }
    check_private(path, "regular file", FILE_MODE)
}

/// Refuses a file that others than its owner can change. Reading is open: it holds no secrets.
///
/// # Errors
/// Names the file and the command that mends it.
pub fn check_unshared_writes(path: &Path) -> Result<(), FileError> {
    let meta = fs::metadata(path).map_err(io_error(path))?;
    if !meta.is_file() {
        return Err(FileError::Kind { path: path.to_path_buf(), wanted: "regular file" });
    }
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o022 != 0 {
        return Err(FileError::Shared { path: path.to_path_buf(), mode, wanted: mode & !0o022 });
    }
    Ok(())
}

fn check_private(path: &Path, kind: &'static str, wanted: u32) -> Result<(), FileError> {
    let meta = fs::metadata(path).map_err(io_error(path))?;
    if (kind == "directory") != meta.is_dir() {
        return Err(FileError::Kind { path: path.to_path_buf(), wanted: kind });
    }
    if let Some(ours) = our_user().filter(|ours| *ours != meta.uid()) {
        return Err(FileError::Foreign { path: path.to_path_buf(), owner: meta.uid(), ours });
    }
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(FileError::Shared { path: path.to_path_buf(), mode, wanted });
    }
    Ok(())
}

/// The user this process runs as. The standard library does not tell; `/proc` does, and where there is none the mode alone is checked.
fn our_user() -> Option<u32> {
    fs::metadata("/proc/self").ok().map(|meta| meta.uid())
}

/// Writes a new private file. With `overwrite`, one that is there is replaced whole; a link in its place is replaced, not followed. What is
/// there and is neither, such as a device, is left alone: to replace /dev/null would break more than this program.
///
/// # Errors
/// `Exists` without `overwrite`, `Kind` where something else than a file is there; otherwise what the system says.
pub fn write_private(path: &Path, bytes: &[u8], overwrite: bool) -> Result<(), FileError> {
    if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file() && !there.is_symlink()) {
        return Err(FileError::Kind { path: path.to_path_buf(), wanted: "regular file" });
    }
    if overwrite {
        return replace_private(path, bytes);
    }
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(FileError::Exists(path.to_path_buf()));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(no_directory(path, error)),
        Err(error) => return Err(io_error(path)(error)),
    };
    finish(&mut file, bytes).map_err(io_error(path))
}

/// What keeps a file from being made that the system does not find: the directory that it would be in.
fn no_directory(path: &Path, error: io::Error) -> FileError {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
            FileError::Kind { path: parent.to_path_buf(), wanted: "directory that is there" }
        }
        _ => io_error(path)(error),
    }
}

/// Replaces a private file so that a reader, or a crash, sees the old content or the new, never a mixture: a new file beside it, synced,
/// renamed over it, and the directory synced.
///
/// # Errors
/// What the system says; the old file is then untouched.
pub fn replace_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // The name must not be guessable, for the directory may be a shared one; the standard library's hasher is seeded by the system.
    let name = format!(".arbion-{:016x}.tmp", RandomState::new().hash_one(path));
    let temporary = directory.join(name);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(&temporary)
        .and_then(|mut file| finish(&mut file, bytes))
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| File::open(directory)?.sync_all());
    if written.is_err() {
        // What failed is reported below; a leftover that cannot be removed either changes nothing about it.
        fs::remove_file(&temporary).unwrap_or_default();
    }
    written.map_err(io_error(path))
}

fn finish(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    // The mode given at creation is cut by the umask; this one is not.
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Opens a private file for appending, creating it 0600.
///
/// # Errors
/// When it is a link, others can reach it, or the system refuses.
pub fn append_private(path: &Path) -> Result<File, FileError> {
    if fs::symlink_metadata(path).is_ok() {
        check_private_file(path)?;
    }
    OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(path).map_err(io_error(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn v1_modes_of_directories() {
        let temp = tempfile::tempdir().unwrap();
        for (bits, fine) in
            [(0o700, true), (0o750, false), (0o705, false), (0o710, false), (0o777, false), (0o500, true)]
        {
            let path = temp.path().join(format!("{bits:o}"));
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(bits)).unwrap();
            let result = private_directory(&path);
            assert_eq!(result.is_ok(), fine, "{bits:o}");
            if let Err(error) = result {
                let text = error.to_string();
                let end = format!("(mode {bits:04o}); run: chmod 700 {}", path.display());
                assert!(text.ends_with(&end), "{text}");
            }
        }
    }

    #[test]
    fn v1_modes_of_files() {
        let temp = tempfile::tempdir().unwrap();
        let nowhere = temp.path().join("none/file");
        let said = write_private(&nowhere, b"x", false).unwrap_err().to_string();
        assert_eq!(said, format!("{} is not a directory that is there", temp.path().join("none").display()));
        let path = temp.path().join("file");
        write_private(&path, b"x", false).unwrap();
        for (bits, private, unshared) in [
            (0o600, true, true),
            (0o400, true, true),
            (0o644, false, true),
            (0o620, false, false),
            (0o666, false, false),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(bits)).unwrap();
            assert_eq!(check_private_file(&path).is_ok(), private, "{bits:o}");
            assert_eq!(check_unshared_writes(&path).is_ok(), unshared, "{bits:o}");
        }
    }

    #[test]
    fn v1_links_are_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let (target, link) = (temp.path().join("target"), temp.path().join("link"));
        write_private(&target, b"precious", false).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(matches!(check_private_file(&link), Err(FileError::Kind { .. })));
        assert!(matches!(append_private(&link), Err(FileError::Kind { .. })));
        assert!(matches!(write_private(&link, b"new", false), Err(FileError::Exists(_))));
        write_private(&link, b"new", true).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"precious");
        assert_eq!(fs::read(&link).unwrap(), b"new");
    }

    #[test]
    fn v2_replacing_leaves_no_temporary_and_keeps_the_old_on_failure() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("file");
        write_private(&path, b"one", false).unwrap();
        replace_private(&path, b"two").unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (&b"two"[..], 0o600));
        let directory = temp.path().join("directory");
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("inside"), "x").unwrap();
        assert!(replace_private(&directory, b"three").is_err());
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2);
    }

    #[test]
    fn v5_no_overwrite_unless_forced() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("trades.csv");
        write_private(&path, b"one", false).unwrap();
        let error = write_private(&path, b"two", false).unwrap_err();
        assert_eq!(error.to_string(), format!("{} exists; --force overwrites it", path.display()));
        assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (&b"one"[..], 0o600));
        let socket = temp.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for there in [temp.path(), &socket] {
            for overwrite in [false, true] {
                let error = write_private(there, b"two", overwrite).unwrap_err();
                assert_eq!(error.to_string(), format!("{} is not a regular file", there.display()));
            }
        }
        assert!(!fs::symlink_metadata(&socket).unwrap().is_file(), "what is no file stays what it is");
    }

    #[test]
    fn appended_files_are_private() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("log");
        append_private(&path).unwrap().write_all(b"a").unwrap();
        append_private(&path).unwrap().write_all(b"b").unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (&b"ab"[..], 0o600));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(append_private(&path), Err(FileError::Shared { .. })));
    }
}
