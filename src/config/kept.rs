//! Files of a profile: the layouts and last state of its screen, what it writes out, the bars it read in. And the user's own themes.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::files::{
    FileError, check_private_file, check_unshared_writes, private_directory, replace_private, write_private,
};
use super::paths::Paths;

/// Most bytes of one of these files that are read.
const BYTES_MAX: u64 = 64 * 1_024;
/// Most themes of the user's own.
const THEMES_MAX: usize = 64;
/// Longest name of a file that is written out.
const NAME_MAX: usize = 100;
/// Names of bars that are listed.
const BARS_MAX: usize = 1_000;
/// Most files that were put aside for not being readable.
const ASIDE_MAX: usize = 100;
/// How files of bars end, by what they are.
const CSV_END: &str = ".csv";
const PARQUET_END: &str = ".parquet";
const BARS_ENDS: [&str; 2] = [CSV_END, PARQUET_END];
/// What a Parquet file begins with.
const PARQUET_MAGIC: &[u8] = b"PAR1";

/// The files of one profile.
#[derive(Clone, Debug)]
pub struct ProfileFiles {
    directory: PathBuf,
}

impl ProfileFiles {
    /// Those in a profile's directory.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        Self { directory: directory.to_path_buf() }
    }

    fn screen(&self) -> PathBuf {
        self.directory.join("screen.toml")
    }

    /// What was kept of the screen; none where there is no such file. One that is no text, or that others can reach, is put aside under another
    /// name before the next one is written over it, and a line says so.
    #[must_use]
    pub fn load_screen(&self) -> (Option<String>, Option<String>) {
        let path = self.screen();
        if !path.exists() {
            return (None, None);
        }
        let read = check_private_file(&path).map_err(|error| error.to_string()).and_then(|()| read(&path));
        match read {
            Ok(text) => (Some(text), None),
            Err(error) => {
                tracing::warn!(%error, "the last screen is not read");
                let put = match put_aside(&path) {
                    Ok(aside) => format!("it is kept as {}", aside.display()),
                    Err(error) => format!("it cannot be put aside ({error})"),
                };
                (None, Some(format!("{error}; {put}; the screen starts fresh")))
            }
        }
    }

    /// Keeps a text of the screen's.
    ///
    /// # Errors
    /// What the system says; the text before it is then untouched.
    pub fn save_screen(&self, text: &str) -> Result<(), FileError> {
        replace_private(&self.screen(), text.as_bytes())
    }

    /// Writes a file of its own into the profile's folder for such files, and says where it is. An older one of the name stays.
    ///
    /// # Errors
    /// A line about a name that is none, a file that is there, or what the system says.
    pub fn export(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        check_name(name)?;
        let directory = self.directory.join("exports");
        private_directory(&directory).map_err(|error| error.to_string())?;
        let path = directory.join(name);
        write_private(&path, text.as_bytes(), false).map_err(|error| error.to_string())?;
        Ok(path)
    }

    fn bars_directory(&self) -> PathBuf {
        self.directory.join("bars")
    }

    /// Keeps the bytes of a file of bars under a name, and says where it is.
    ///
    /// # Errors
    /// A line about a name that is none, bars of that name that are there and are not to be overwritten, or what the system says.
    pub fn keep_bars(&self, name: &str, bytes: impl AsRef<[u8]>, overwrite: bool) -> Result<PathBuf, String> {
        let bytes = bytes.as_ref();
        check_name(name)?;
        private_directory(&self.bars_directory()).map_err(|error| error.to_string())?;
        let own = if bytes.starts_with(PARQUET_MAGIC) { PARQUET_END } else { CSV_END };
        let of = |end: &str| self.bars_directory().join(format!("{name}{end}"));
        // A name is one file, whatever its format.
        let other = BARS_ENDS.into_iter().filter(|end| *end != own).map(of).find(|path| path.exists());
        if let Some(other) = other.as_ref().filter(|_| !overwrite) {
            return Err(FileError::Exists(other.clone()).to_string());
        }
        let path = of(own);
        write_private(&path, bytes, overwrite).map_err(|error| error.to_string())?;
        if let Some(other) = other {
            std::fs::remove_file(&other).map_err(|error| format!("{}: {error}", other.display()))?;
        }
        Ok(path)
    }

    /// The file of the bars that are kept under a name; none where there are none, or others could have written it.
    #[must_use]
    pub fn bars(&self, name: &str) -> Option<PathBuf> {
        check_name(name).ok()?;
        let paths = BARS_ENDS.into_iter().map(|end| self.bars_directory().join(format!("{name}{end}")));
        paths.into_iter().find(|path| check_private_file(path).is_ok())
    }

    /// The names of all that are kept, in order.
    #[must_use]
    pub fn bars_names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.bars_directory()) else { return Vec::new() };
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            let file = entry.ok()?.file_name();
            let file = file.to_str()?;
            BARS_ENDS.into_iter().find_map(|end| file.strip_suffix(end)).map(str::to_owned)
        };
        let mut names: Vec<String> = entries.filter_map(name).take(BARS_MAX).collect();
        names.sort();
        names
    }
}

/// Gives a file another name, one that no file has yet, and says which.
fn put_aside(path: &Path) -> Result<PathBuf, String> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let aside = (1..=ASIDE_MAX).map(|n| path.with_file_name(format!("{name}.broken-{n}")));
    let free = aside.into_iter().find(|aside| !aside.exists());
    let free = free.ok_or_else(|| format!("there are {ASIDE_MAX} such files already"))?;
    std::fs::rename(path, &free).map_err(|error| error.to_string())?;
    Ok(free)
}

fn check_name(name: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if (1..=NAME_MAX).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain) {
        return Ok(());
    }
    Err("a file cannot be called so (letters, digits, '.', '-' and '_')".to_owned())
}

/// The themes in the folder `themes` beside the configuration: name and text, by name. One that cannot be read is left out.
#[must_use]
pub fn themes(paths: &Paths) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(paths.themes()) else { return Vec::new() };
    let mut themes: Vec<(String, String)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?.strip_suffix(".toml")?.to_owned();
            let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            let safe = check_unshared_writes(&path).map_err(|error| error.to_string());
            let text = safe
                .and_then(|()| read(&path))
                .inspect_err(|error| tracing::warn!(%error, "a theme is not read"));
            (plain && !name.is_empty()).then_some((name, text.ok()?))
        })
        .take(THEMES_MAX)
        .collect();
    themes.sort();
    themes
}

fn read(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(BYTES_MAX).read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn home() -> (tempfile::TempDir, ProfileFiles) {
        let home = tempfile::tempdir().unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let files = ProfileFiles::of(home.path());
        (home, files)
    }

    #[test]
    fn the_screen_is_kept_privately() {
        let (home, files) = home();
        assert_eq!(files.load_screen(), (None, None));
        files.save_screen("focus = \"chart\"\n").unwrap();
        assert_eq!(files.load_screen(), (Some("focus = \"chart\"\n".to_owned()), None));
        let path = home.path().join("screen.toml");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(files.load_screen().0, None, "others could have written it");
    }

    #[test]
    fn a_screen_that_does_not_read_is_put_aside_and_said() {
        let (home, files) = home();
        for n in 1..=2 {
            let broken = b"layout = \xff\n";
            write_private(&home.path().join("screen.toml"), broken, false).unwrap();
            let (text, trouble) = files.load_screen();
            let aside = home.path().join(format!("screen.toml.broken-{n}"));
            assert_eq!(text, None);
            let trouble = trouble.unwrap();
            assert!(trouble.contains(&format!("kept as {}", aside.display())), "{trouble}");
            assert_eq!(std::fs::read(&aside).unwrap(), broken);
            assert_eq!(files.load_screen(), (None, None), "said once");
        }
    }

    #[test]
    fn files_are_written_out_once_and_only_here() {
        let (home, files) = home();
        let path = files.export("orders-1.csv", "a,b\n").unwrap();
        assert_eq!(path, home.path().join("exports/orders-1.csv"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a,b\n");
        assert!(files.export("orders-1.csv", "c\n").unwrap_err().contains("exists"));
        for bad in ["", "../x", "a/b", ".hidden", "a b", "é", &"x".repeat(101)] {
            assert!(files.export(bad, "").is_err(), "{bad}");
        }
    }

    #[test]
    fn bars_are_kept_by_name() {
        let (home, files) = home();
        assert_eq!((files.bars("nq"), files.bars_names()), (None, vec![]));
        let path = files.keep_bars("nq", "symbol\n", false).unwrap();
        assert_eq!((files.bars("nq"), &path), (Some(path.clone()), &home.path().join("bars/nq.csv")));
        assert!(files.keep_bars("nq", "other\n", false).unwrap_err().contains("exists"));
        files.keep_bars("nq", "other\n", true).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "other\n");
        files.keep_bars("es.1m", "", false).unwrap();
        assert_eq!(files.bars_names(), ["es.1m", "nq"]);
        for bad in ["", "../nq", "a/b", ".hidden"] {
            assert!(files.keep_bars(bad, "", true).is_err() && files.bars(bad).is_none(), "{bad}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(files.bars("nq"), None, "others could have written it");
    }

    #[test]
    fn themes_are_read_by_name() {
        let (home, _) = home();
        let paths = Paths::under(home.path());
        assert!(themes(&paths).is_empty());
        std::fs::create_dir_all(paths.themes()).unwrap();
        for (name, text) in [("zebra.toml", "z"), ("mine.toml", "m"), ("No.toml", ""), ("notes.txt", "")] {
            write_private(&paths.themes().join(name), text.as_bytes(), false).unwrap();
        }
        let expected = [("mine", "m"), ("zebra", "z")].map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(themes(&paths), expected);
    }
}
