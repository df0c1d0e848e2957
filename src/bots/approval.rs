//! What of a bot a person has approved: its manifest and every file of its directory, to the byte. What is there now is compared with it
//! before each start of a process, and shown as a difference.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use similar::{ChangeTag, TextDiff};

use crate::domain::bot::is_bot_name;
use crate::domain::text::clean;

use super::manifest::{MANIFEST, Manifest, ManifestError};
use super::params::{ParamSchema, ParamsError};
use super::samples::{LIBRARY, LIBRARY_TEXT};

/// Where a bot may write without needing approval again.
pub const DATA: &str = "data";
/// Folders that are no part of what is approved.
const NOT_APPROVED: &[&str] = &[DATA, "__pycache__"];
/// Files of a bot at most.
pub const FILES_MAX: usize = 200;
/// Bytes of one.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Bytes of all.
pub const BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Folders within folders.
const DEPTH_MAX: usize = 8;
/// Lines of a difference that are shown.
const DIFF_LINES_MAX: usize = 2_000;
/// Characters of a line that is shown.
const LINE_CHARS_MAX: usize = 200;

/// A bot's directory that cannot be taken as it is.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The schema of its parameters.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// There is none.
    #[error("there is no bot {0} in this profile; make one with: arbion bot new {0}")]
    NoBot(String),
    /// Its name is not that of its directory.
    #[error("the manifest's name is {found}, its directory's is {directory}; they must be the same")]
    Name {
        /// The manifest's.
        found: String,
        /// The directory's.
        directory: String,
    },
    /// A file that is too much.
    #[error("{path}: {reason}")]
    File {
        /// Within the bot's directory.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A bot as it lies in its directory.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Where.
    pub directory: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// The same as it was written.
    pub text: String,
    /// Its parameters.
    pub params: ParamSchema,
    /// Every file but the manifest, by its path: SHA-256 in hex, and what is in it.
    pub files: BTreeMap<String, (String, Vec<u8>)>,
    /// SHA-256 over all of it, in hex.
    pub fingerprint: String,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where a profile's bots lie.
#[must_use]
pub fn bots_directory(profile: &Path) -> PathBuf {
    profile.join("bots")
}

/// The names of the bots of a profile, by name.
#[must_use]
pub fn names(profile: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(bots_directory(profile)) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_bot_name(name) && bots_directory(profile).join(name).join(MANIFEST).is_file())
        .take(crate::domain::bot::BOTS_MAX)
        .collect();
    names.sort();
    names
}

/// Reads a bot of a profile whole.
///
/// # Errors
/// When there is none, or something of it is not allowed.
pub fn scan(profile: &Path, name: &str) -> Result<Scan, ScanError> {
    let shown = || name.chars().take(40).flat_map(char::escape_default).collect::<String>();
    if !is_bot_name(name) {
        return Err(ScanError::NoBot(shown()));
    }
    let directory = bots_directory(profile).join(name);
    if !directory.join(MANIFEST).is_file() {
        return Err(ScanError::NoBot(shown()));
    }
    let mut files = BTreeMap::new();
    let mut left = BYTES_MAX;
    gather(&directory, "", 0, &mut files, &mut left)?;
    let unreadable = |reason: &str| ManifestError::Read(reason.to_owned());
    let (_, manifest) = files.remove(MANIFEST).ok_or_else(|| unreadable("it is gone"))?;
    let text = String::from_utf8(manifest).map_err(|_| unreadable("it is no UTF-8"))?;
    let manifest = Manifest::parse(&text)?;
    if manifest.name != name {
        return Err(ScanError::Name { found: manifest.name, directory: name.to_owned() });
    }
    let params = match &manifest.params_schema {
        None => ParamSchema::default(),
        Some(path) => {
            let found = files.get(path).and_then(|(_, bytes)| std::str::from_utf8(bytes).ok());
            let text = found.ok_or_else(|| ScanError::File {
                path: path.clone(),
                reason: "it is named as params_schema, and is not there or no text".to_owned(),
            })?;
            ParamSchema::parse(text)?
        }
    };
    let fingerprint =
        fingerprint(&text, files.iter().map(|(path, (hash, _))| (path.as_str(), hash.as_str())));
    Ok(Scan { directory, manifest, text, params, files, fingerprint })
}

/// Over the manifest and the files' hashes, each with its length before it.
fn fingerprint<'a>(manifest: &str, files: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    add(b"arbion-bot-1");
    add(manifest.as_bytes());
    for (path, content) in files {
        add(path.as_bytes());
        add(content.as_bytes());
    }
    hex(&hash.finalize())
}

fn gather(
    directory: &Path,
    within: &str,
    depth: usize,
    files: &mut BTreeMap<String, (String, Vec<u8>)>,
    left: &mut u64,
) -> Result<(), ScanError> {
    let wrong = |path: &str, reason: &str| ScanError::File {
        path: if path.is_empty() { ".".to_owned() } else { path.escape_default().to_string() },
        reason: reason.to_owned(),
    };
    let failed = |path: &str, error: std::io::Error| wrong(path, &error.to_string());
    if depth > DEPTH_MAX {
        return Err(wrong(within, "too many folders within folders"));
    }
    for entry in fs::read_dir(directory).map_err(|error| failed(within, error))? {
        let entry = entry.map_err(|error| failed(within, error))?;
        let name = entry.file_name().into_string().map_err(|_| wrong(within, "a file's name is no UTF-8"))?;
        let path = if within.is_empty() { name.clone() } else { format!("{within}/{name}") };
        let kind = entry.file_type().map_err(|error| failed(&path, error))?;
        if kind.is_dir() {
            if !NOT_APPROVED.contains(&name.as_str()) {
                gather(&entry.path(), &path, depth + 1, files, left)?;
            }
            continue;
        }
        // A link could point anywhere, and somewhere else tomorrow.
        if !kind.is_file() {
            return Err(wrong(&path, "only plain files and folders are allowed"));
        }
        if files.len() > FILES_MAX {
            return Err(wrong(&path, "too many files; what a bot needs beside its own code lies elsewhere"));
        }
        let most = FILE_BYTES_MAX.min(*left);
        let mut bytes = Vec::new();
        let file = fs::File::open(entry.path()).map_err(|error| failed(&path, error))?;
        file.take(most + 1).read_to_end(&mut bytes).map_err(|error| failed(&path, error))?;
        let size = bytes.len() as u64;
        if size > most {
            return Err(wrong(
                &path,
                "too big: a file has 1 MiB at most, all together 8 MiB; data goes to data/",
            ));
        }
        *left -= size;
        files.insert(path, (hex(&Sha256::digest(&bytes)), bytes));
    }
    Ok(())
}

/// The difference between what was approved and what is there, a line each with `+`, `-` or a blank before it. Empty where there is none.
#[must_use]
pub fn difference(before: Option<(&str, &BTreeMap<String, Vec<u8>>)>, now: &Scan) -> Vec<String> {
    let nothing = BTreeMap::new();
    let (manifest, files) = before.unwrap_or(("", &nothing));
    let mut lines = Vec::new();
    compare(MANIFEST, Some(manifest.as_bytes()), Some(now.text.as_bytes()), &mut lines);
    let paths: std::collections::BTreeSet<&String> = files.keys().chain(now.files.keys()).collect();
    for path in paths {
        let after = now.files.get(path).map(|(_, bytes)| bytes.as_slice());
        compare(path, files.get(path).map(Vec::as_slice), after, &mut lines);
    }
    let more = lines.len().saturating_sub(DIFF_LINES_MAX);
    lines.truncate(DIFF_LINES_MAX);
    if more > 0 {
        lines.push(format!("  ({more} lines more)"));
    }
    lines
}

fn compare(path: &str, before: Option<&[u8]>, after: Option<&[u8]>, lines: &mut Vec<String>) {
    if before == after {
        return;
    }
    let path = clean(path).into_owned();
    if path == LIBRARY && after == Some(LIBRARY_TEXT.as_bytes()) {
        lines.push(format!("  {path} is the library of this program, as it is"));
        return;
    }
    match (before, after) {
        (_, None) => lines.push(format!("- {path} is gone")),
        (None, Some(_)) => lines.push(format!("+ {path} is new")),
        (Some(_), Some(_)) => lines.push(format!("  {path}")),
    }
    let text = |bytes: Option<&[u8]>| std::str::from_utf8(bytes.unwrap_or_default()).ok().map(str::to_owned);
    let (Some(old), Some(new)) = (text(before), text(after)) else {
        let bytes = after.map_or(0, <[u8]>::len);
        lines.push(format!("  (no text, {bytes} bytes)"));
        return;
    };
    let diff = TextDiff::from_lines(&old, &new);
    for group in diff.grouped_ops(2) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let line: String = clean(change.value().trim_end()).chars().take(LINE_CHARS_MAX).collect();
            lines.push(format!("{sign}   {line}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bot(files: &[(&str, &str)]) -> tempfile::TempDir {
        let profile = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = profile.path().join("bots/tiny").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        profile
    }

    const TINY: &str = "name = \"tiny\"\ncommand = [\"python3\", \"main.py\"]\nprotocol = 1\n[permissions]\ninstruments = [\"AAPL\"]\n";

    #[test]
    fn every_byte_but_the_data_is_approved() {
        let profile = bot(&[("bot.toml", TINY), ("main.py", "print(1)\n"), ("data/state", "1")]);
        let first = scan(profile.path(), "tiny").unwrap();
        assert_eq!(first.files.keys().collect::<Vec<_>>(), ["main.py"]);
        fs::write(profile.path().join("bots/tiny/data/state"), "2").unwrap();
        assert_eq!(scan(profile.path(), "tiny").unwrap().fingerprint, first.fingerprint);
        fs::write(profile.path().join("bots/tiny/main.py"), "print(2)\n").unwrap();
        let second = scan(profile.path(), "tiny").unwrap();
        assert_ne!(second.fingerprint, first.fingerprint);
        let before: BTreeMap<String, Vec<u8>> =
            first.files.iter().map(|(path, (_, bytes))| (path.clone(), bytes.clone())).collect();
        let lines = difference(Some((&first.text, &before)), &second);
        assert_eq!(lines, ["  main.py", "-   print(1)", "+   print(2)"]);
        assert!(difference(Some((&second.text, &before)), &first).is_empty());
        let all = difference(None, &first);
        assert!(
            all.contains(&"+   name = \"tiny\"".to_owned()) && all.contains(&"+ main.py is new".to_owned())
        );
        assert_eq!(names(profile.path()), ["tiny"]);
    }

    #[test]
    fn what_cannot_be_taken_as_it_is_is_said() {
        let said = |profile: &tempfile::TempDir| scan(profile.path(), "tiny").unwrap_err().to_string();
        assert!(said(&bot(&[])).contains("arbion bot new tiny"));
        assert!(matches!(scan(bot(&[]).path(), "../x"), Err(ScanError::NoBot(_))));
        let other = bot(&[("bot.toml", &TINY.replace("\"tiny\"", "\"other\""))]);
        assert!(said(&other).contains("they must be the same"));
        assert!(matches!(scan(other.path(), "tiny"), Err(ScanError::Name { .. })));
        let link = bot(&[("bot.toml", TINY)]);
        std::os::unix::fs::symlink("/etc/passwd", link.path().join("bots/tiny/x")).unwrap();
        assert_eq!(said(&link), "x: only plain files and folders are allowed");
        let big = bot(&[("bot.toml", TINY), ("main.py", &"x".repeat(2 * 1024 * 1024))]);
        assert!(said(&big).starts_with("main.py: too big"));
        let schema = bot(&[("bot.toml", &format!("params_schema = \"p.json\"\n{TINY}"))]);
        assert!(said(&schema).starts_with("p.json: it is named as params_schema"));
        assert!(matches!(scan(schema.path(), "tiny"), Err(ScanError::File { .. })));
        let bad = bot(&[("bot.toml", &format!("params_schema = \"p.json\"\n{TINY}")), ("p.json", "[]")]);
        assert!(matches!(scan(bad.path(), "tiny"), Err(ScanError::Params(_))));
        let unknown = bot(&[("bot.toml", &format!("nmae = 1\n{TINY}"))]);
        assert!(matches!(scan(unknown.path(), "tiny"), Err(ScanError::Manifest(_))));
    }
}
