//! The log: a private file a day and profile, of a bounded size, without secrets. Screens and tables never see it. It is written on a
//! thread of its own, so that no disk holds up who logs.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tracing::Level;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::LevelFilter;

use super::host::{Host, Settings};
use crate::client::known::hide;
use crate::config::LogLevel;
use crate::config::files;
use crate::domain::redact::redact;
use crate::domain::text::clean;

/// A day's log takes no more than this.
const DAY_BYTES_MAX: u64 = 50 << 20;
/// Days that are kept.
const DAYS_MAX: usize = 14;
/// Lines that may wait for the disk; what finds no room is dropped and counted.
const LINES_MAX: usize = 8_192;
/// What a day's last line says.
const FULL: &str = "the log of this day is full; what follows is dropped\n";

/// Starts logging into the profile's files. Without a file there is no log: no command fails for that. What is returned has the last lines
/// written when it is dropped.
pub(super) fn start(settings: &Settings, host: &dyn Host) -> Option<WorkerGuard> {
    let daily = Daily::new(&settings.paths.log_file(&settings.profile), host.now());
    daily.open().ok()?;
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(LINES_MAX).thread_name("log").finish(daily);
    let subscriber = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(false)
        .with_max_level(level(settings.loaded.config.log.level))
        // A log that cannot be written would be complained about on the error stream, in the middle of the screen.
        .log_internal_errors(false)
        .finish();
    // A second start in one process keeps the first log.
    tracing::subscriber::set_global_default(subscriber).ok().map(|()| guard)
}

fn level(level: LogLevel) -> LevelFilter {
    LevelFilter::from_level(match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    })
}

/// The file of a day: `NAME.2026-11-26.log` beside `NAME.log`.
fn file_of(base: &Path, day: &str) -> PathBuf {
    base.with_extension(format!("{day}.log"))
}

/// The files of every day, oldest first.
pub(super) fn days(base: &Path) -> Vec<PathBuf> {
    let Some((directory, stem)) = base.parent().zip(base.file_stem()) else { return Vec::new() };
    let stem = format!("{}.", stem.to_string_lossy());
    let is_day = |name: &str| {
        let day = name.strip_prefix(&stem).and_then(|rest| rest.strip_suffix(".log"));
        day.is_some_and(|day| day.parse::<jiff::civil::Date>().is_ok())
    };
    let mut found: Vec<PathBuf> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| is_day(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    found.sort_unstable();
    found
}

/// Writes into the file of the day on which a line was logged, which the line says itself.
struct Daily {
    base: PathBuf,
    day: String,
    file: Option<File>,
    bytes: u64,
}

impl Daily {
    fn new(base: &Path, now: Timestamp) -> Self {
        let day = now.strftime("%Y-%m-%d").to_string();
        Self { base: base.to_owned(), day, file: None, bytes: 0 }
    }

    fn open(&self) -> io::Result<File> {
        files::append_private(&file_of(&self.base, &self.day)).map_err(io::Error::other)
    }

    /// Opens the file of the day at hand and removes those that are too old.
    fn turn(&mut self) -> io::Result<()> {
        let file = self.open()?;
        self.bytes = file.metadata()?.len();
        self.file = Some(file);
        let all = days(&self.base);
        for old in &all[..all.len().saturating_sub(DAYS_MAX)] {
            fs::remove_file(old)?;
        }
        Ok(())
    }

    fn write_line(&mut self, line: &str) -> io::Result<()> {
        // A line begins with its time, by the same clock as everything else in it.
        if let Some(day) = line.get(..10).filter(|day| day.parse::<jiff::civil::Date>().is_ok())
            && day != self.day
        {
            day.clone_into(&mut self.day);
            self.file = None;
        }
        if self.file.is_none() {
            self.turn()?;
        }
        let full = self.bytes >= DAY_BYTES_MAX;
        let over = self.bytes + line.len() as u64 >= DAY_BYTES_MAX;
        let line = if over { FULL } else { line };
        if let (Some(file), false) = (&mut self.file, full) {
            file.write_all(line.as_bytes())?;
            self.bytes = if over { DAY_BYTES_MAX } else { self.bytes + line.len() as u64 };
        }
        Ok(())
    }
}

impl Write for Daily {
    /// One event, without secrets and on one line: nobody forges an event by a line end in a message.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let event = text.trim_end_matches('\n').replace('\n', "\\n");
        let line = format!("{}\n", clean(&redact(&hide(&event))));
        self.write_line(&line)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

/// Lines of the log as they come: the last ones, and what is added.
pub(super) struct Tail {
    base: PathBuf,
    path: Option<PathBuf>,
    position: u64,
}

impl Tail {
    /// The log of `base`, and its last `lines`.
    pub(super) fn new(base: &Path, lines: usize) -> io::Result<(Self, Vec<String>)> {
        let mut tail = Self { base: base.to_owned(), path: days(base).pop(), position: 0 };
        let mut all: Vec<String> = tail.more()?;
        Ok((tail, all.split_off(all.len().saturating_sub(lines))))
    }

    /// What was added since; the next day's file follows the last one's.
    pub(super) fn more(&mut self) -> io::Result<Vec<String>> {
        let mut text = String::new();
        let newest = days(&self.base).pop();
        for path in [self.path.clone(), newest.clone()].into_iter().flatten() {
            if self.path.as_ref() != Some(&path) {
                (self.path, self.position) = (Some(path.clone()), 0);
            }
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(self.position))?;
            let mut bytes = Vec::new();
            file.take(DAY_BYTES_MAX + 4_096).read_to_end(&mut bytes)?;
            // Half a line is read once its end is there.
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            self.position += whole as u64;
            text.push_str(&String::from_utf8_lossy(&bytes[..whole]));
        }
        Ok(text.lines().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn daily(temp: &Path) -> Daily {
        Daily::new(&temp.join("default.log"), "2026-11-26T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn m6_a_file_a_day_fourteen_kept_private() {
        let temp = tempfile::tempdir().unwrap();
        let mut log = daily(temp.path());
        for day in 1..=20 {
            log.write_all(format!("2026-11-{day:02}T10:00:00Z INFO arbion: day {day}\n").as_bytes()).unwrap();
        }
        let files = days(&temp.path().join("default.log"));
        assert_eq!(files.len(), 14);
        assert!(
            files[0].ends_with("default.2026-11-07.log") && files[13].ends_with("default.2026-11-20.log")
        );
        for file in &files {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn m6_a_day_has_an_end_and_says_so_once() {
        let temp = tempfile::tempdir().unwrap();
        let mut log = daily(temp.path());
        let file = temp.path().join("default.2026-11-26.log");
        File::create(&file).unwrap().set_len(DAY_BYTES_MAX - 100).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        for n in 0..5 {
            log.write_all(format!("2026-11-26T10:00:00Z INFO arbion: {n} {}\n", "x".repeat(60)).as_bytes())
                .unwrap();
        }
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        assert_eq!(text.matches(FULL).count(), 1);
        assert!(text.len() as u64 <= DAY_BYTES_MAX + FULL.len() as u64);
        log.write_all(b"2026-11-27T00:00:01Z INFO arbion: a new day\n").unwrap();
        assert!(temp.path().join("default.2026-11-27.log").exists());
    }

    #[test]
    fn m5_m6_no_secret_and_no_forged_line() {
        let temp = tempfile::tempdir().unwrap();
        let mut log = daily(temp.path());
        log.write_all(
            b"2026-11-26T10:00:00Z INFO arbion: x token=CANARY\n2026-11-26T10:00:00Z ERROR forged \x1b[2J\n",
        )
        .unwrap();
        let text = fs::read_to_string(temp.path().join("default.2026-11-26.log")).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains("CANARY") && !text.contains('\x1b'), "{text}");
    }

    #[test]
    fn the_tail_follows_into_the_next_day() {
        let temp = tempfile::tempdir().unwrap();
        let mut log = daily(temp.path());
        let base = temp.path().join("default.log");
        assert!(Tail::new(&base, 5).unwrap().1.is_empty(), "no log yet");
        for n in 0..9 {
            log.write_all(format!("2026-11-26T10:00:00Z INFO arbion: {n}\n").as_bytes()).unwrap();
        }
        let (mut tail, last) = Tail::new(&base, 2).unwrap();
        assert!(last.len() == 2 && last[1].ends_with(": 8"), "{last:?}");
        assert!(tail.more().unwrap().is_empty());
        log.write_all(b"2026-11-26T23:59:59Z INFO arbion: late\n").unwrap();
        log.write_all(b"2026-11-27T00:00:01Z INFO arbion: early\n").unwrap();
        let more = tail.more().unwrap();
        assert!(more.len() == 2 && more[0].ends_with("late") && more[1].ends_with("early"), "{more:?}");
    }
}
