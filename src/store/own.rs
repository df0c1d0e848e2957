//! Files that must be ours alone (reliability V1): a database or a lock that others can change, or that is a link to elsewhere, is refused
//! with the command that mends it.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::StoreError;

/// Refuses a file that is there and not ours alone.
///
/// # Errors
/// What is wrong with it, and how it is mended.
pub(super) fn check(path: &Path) -> Result<(), StoreError> {
    let meta = match std::fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io(path, &error)),
    };
    let refuse =
        |found: String, mend: String| Err(StoreError::NotPrivate { path: path.to_owned(), found, mend });
    let shown = path.display();
    if meta.is_symlink() {
        return refuse(
            "is a link, which is not followed".to_owned(),
            format!("rm {shown}, then move the file there"),
        );
    }
    if !meta.is_file() {
        return refuse("is no plain file".to_owned(), format!("mv {shown} {shown}.old"));
    }
    let ours = rustix::process::getuid().as_raw();
    if meta.uid() != ours {
        return refuse(
            format!("belongs to user {}, not to this one ({ours})", meta.uid()),
            format!("chown {ours} {shown}"),
        );
    }
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return refuse(format!("has mode {mode:o}, so others can look in"), format!("chmod 600 {shown}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v1_what_others_can_change_is_refused_with_what_mends_it() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("arbion.db");
        let said = |path: &Path| check(path).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(said(&path), "", "what is not there yet is no trouble");
        std::fs::write(&path, "x").unwrap();
        for (mode, fine) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o666, false)] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let said = said(&path);
            assert_eq!(said.is_empty(), fine, "{mode:o}: {said}");
            assert!(fine || said.ends_with(&format!("; run: chmod 600 {}", path.display())), "{said}");
        }
        let link = temp.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(said(&link).contains("is a link, which is not followed; run: rm "));
        assert!(said(temp.path()).contains("is no plain file; run: mv "));
    }
}
