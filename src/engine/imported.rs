//! Bars of files that the user imported, as part of a chart's past: read when a chart asks, on a thread of its own, and what was read is
//! kept until the file is another. Never written here, and never told to a strategy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use crate::client::bars::{BarOrigin, ImportedSpan, Seam};
use crate::client::{Reply, Request, SessionError};
use crate::config::ProfileFiles;
use crate::domain::calendar::Calendar;
use crate::domain::instrument::Instrument;
use crate::domain::quote::{Bar, Interval};
use crate::market::bars_file::{self, RecordedBar};

use super::feed::Source;
use super::session::give;
use super::task::EngineTask;

/// Bars kept of each series that was asked for: as many as a chart holds.
const BARS_MAX: usize = 1_000;
/// Series kept; the file is read anew for others.
const SERIES_MAX: usize = 64;

type Answer = oneshot::Sender<Result<Reply, SessionError>>;

/// What is known of the files, shared with the threads that read them.
#[derive(Clone, Debug)]
pub(super) struct Imported {
    known: Arc<Mutex<BTreeMap<PathBuf, File>>>,
    /// The exchange's days, which say when a day's bar ends.
    calendar: Arc<Calendar>,
}

/// A file as it was read last.
#[derive(Debug)]
struct File {
    /// When it was written, and its bytes: another pair is another file.
    stamp: (SystemTime, u64),
    interval: Option<Interval>,
    /// What it has bars of; absent where it was never asked for since.
    series: BTreeMap<Instrument, Option<Arc<[RecordedBar]>>>,
}

/// The bars of one instrument and width out of a file.
#[derive(Debug)]
pub(super) struct Found {
    /// The name it was imported under.
    pub(super) name: String,
    /// Oldest first, the newest that a chart holds.
    pub(super) bars: Arc<[RecordedBar]>,
}

impl Imported {
    pub(super) fn new(calendar: Arc<Calendar>) -> Self {
        Self { known: Arc::default(), calendar }
    }

    /// The bars of an instrument and width, of the file that reaches furthest; none where no file has them. Reads files.
    pub(super) fn find(
        &self,
        directory: &Path,
        instrument: &Instrument,
        interval: Interval,
    ) -> Option<Found> {
        let files = ProfileFiles::of(directory);
        let found = files.bars_names().into_iter().filter_map(|name| {
            let bars = self.of_file(&files.bars(&name)?, instrument, interval)?;
            Some(Found { name, bars })
        });
        found.max_by_key(|found| found.bars.last().map(|bar| bar.end))
    }

    fn of_file(
        &self,
        path: &Path,
        instrument: &Instrument,
        interval: Interval,
    ) -> Option<Arc<[RecordedBar]>> {
        let about = std::fs::metadata(path).ok()?;
        let stamp = (about.modified().ok()?, about.len());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = known.get(path).filter(|file| file.stamp == stamp) {
            match file.series.get(instrument).filter(|_| file.interval == Some(interval)) {
                None => return None,
                Some(Some(bars)) => return Some(Arc::clone(bars)),
                // It has them, and they were not asked for until now.
                Some(None) => {}
            }
        }
        let read = bars_file::load(path, &self.calendar);
        // What was imported was checked; a file that is wrong all the same was changed by hand since.
        let mut read = read.inspect_err(|error| tracing::warn!(%error, "imported bars do not read")).ok()?;
        let wanted = read.series.remove(instrument).map(|bars| newest(&bars));
        let mut series: BTreeMap<Instrument, Option<Arc<[RecordedBar]>>> =
            read.series.into_keys().map(|instrument| (instrument, None)).collect();
        if let Some(old) = known.get(path).filter(|file| file.stamp == stamp) {
            series.extend(
                old.series.iter().filter(|(_, bars)| bars.is_some()).map(|(i, b)| (i.clone(), b.clone())),
            );
        }
        if let Some(bars) = &wanted {
            series.insert(instrument.clone(), Some(Arc::clone(bars)));
        }
        let held: usize = known.values().map(|file| file.series.values().flatten().count()).sum();
        if held >= SERIES_MAX {
            known.clear();
        }
        known.insert(path.to_owned(), File { stamp, interval: read.interval, series });
        wanted.filter(|_| read.interval == Some(interval))
    }
}

fn newest(bars: &[RecordedBar]) -> Arc<[RecordedBar]> {
    bars[bars.len().saturating_sub(BARS_MAX)..].into()
}

/// Bars of the source, and how they came to be: how many of them, from the oldest on, are recorded, and where the others come from.
struct Own {
    bars: Vec<Bar>,
    recorded: usize,
    origin: BarOrigin,
}

impl Own {
    /// Each bar with its origin.
    fn told(self) -> impl Iterator<Item = (Bar, BarOrigin)> {
        let (recorded, origin) = (self.recorded, self.origin);
        let origin = move |i| if i < recorded { BarOrigin::Recorded } else { origin.clone() };
        self.bars.into_iter().enumerate().map(move |(i, bar)| (bar, origin(i)))
    }
}

/// The bars of the source, and in their place, for the time that they cover, the imported ones that were complete by `now`, at most `limit`.
fn joined(own: Own, found: Option<Found>, interval: Interval, now: Timestamp, limit: usize) -> Reply {
    let complete = found.as_ref().map_or(&[][..], |found| {
        let complete = &found.bars[..found.bars.partition_point(|bar| bar.end <= now)];
        &complete[complete.len().saturating_sub(limit)..]
    });
    let (Some(found), [first, ..], [.., last]) = (&found, complete, complete) else {
        return told(own.told().collect(), None);
    };
    let (from, until) = (first.bar.start, last.end);
    let width = SignedDuration::from_secs(interval.seconds());
    let (mut bars, after): (Vec<_>, Vec<_>) = own.told().partition(|(bar, _)| bar.start < from);
    bars.retain(|(bar, _)| bar.start + width <= from);
    bars.extend(complete.iter().map(|row| (row.bar, BarOrigin::Imported(found.name.clone()))));
    bars.extend(after.into_iter().filter(|(bar, _)| bar.start >= until));
    told(bars, Some(ImportedSpan { name: found.name.clone(), from, until }))
}

/// Bars with a seam wherever the next one comes from somewhere else; no seam where all come from one place.
fn told(bars: Vec<(Bar, BarOrigin)>, imported: Option<ImportedSpan>) -> Reply {
    let mut seams: Vec<Seam> = Vec::new();
    for (bar, origin) in &bars {
        if seams.last().is_none_or(|seam| seam.origin != *origin) {
            seams.push(Seam { from: bar.start, origin: origin.clone() });
        }
    }
    if seams.len() < 2 {
        seams.clear();
    }
    Reply::History { bars: bars.into_iter().map(|(bar, _)| bar).collect(), imported, seams }
}

impl EngineTask {
    /// Answers with the source's bars, and those that the user imported in their place. A replay has its own past.
    pub(super) fn history(&mut self, instrument: Instrument, interval: Interval, limit: u32, reply: Answer) {
        let (give_own, own) = oneshot::channel();
        let request = Request::Bars { instrument: instrument.clone(), interval, limit };
        let (mut recorded, mut origin) = (0, BarOrigin::Broker);
        if let Some(give_own) = self.live_read(&request, give_own) {
            let bars = self.bars(&instrument, interval, limit);
            if let Ok(Reply::Bars(bars)) = &bars {
                (recorded, origin) = (self.feed.recorded_among(&instrument, bars), BarOrigin::Simulated);
            }
            give(give_own, bars);
        }
        let imported = matches!(self.feed.source, Source::Simulated(_)).then(|| self.imported.clone());
        let (directory, now) = (self.directory.clone(), self.clock.now());
        tokio::spawn(async move {
            let own = match own.await {
                Ok(Ok(Reply::Bars(bars))) => Own { bars, recorded, origin },
                Ok(Ok(_)) => {
                    return give(reply, Err(SessionError::Internal("bars were asked for".to_owned())));
                }
                Ok(Err(error)) => return give(reply, Err(error)),
                Err(_) => return give(reply, Err(SessionError::Gone)),
            };
            let find = move || imported.and_then(|imported| imported.find(&directory, &instrument, interval));
            let found = tokio::task::spawn_blocking(find).await.unwrap_or(None);
            give(reply, Ok(joined(own, found, interval, now, limit as usize)));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instrument(key: &str) -> Instrument {
        Instrument::from_key(key).unwrap()
    }

    fn closes(reply: &Reply) -> Vec<String> {
        let Reply::History { bars, .. } = reply else { panic!("{reply:?}") };
        bars.iter().map(|bar| bar.close.to_string()).collect()
    }

    #[test]
    fn a_file_is_the_past_of_what_it_has_bars_of() {
        let home = tempfile::tempdir().unwrap();
        let files = ProfileFiles::of(home.path());
        let row = |day: &str, close: &str| format!("AAPL,2026-11-{day},10,99,9,{close},100\n");
        let head = "symbol,date,open,high,low,close,volume\n";
        let old = format!("{head}{}{}MSFT,2026-11-02,10,12,9,11,5\n", row("02", "11"), row("03", "12"));
        files.keep_bars("old", &old, false).unwrap();
        let imported = Imported::new(Arc::new(Calendar::nyse()));
        let find = |key: &str, interval| imported.find(home.path(), &instrument(key), interval);
        let found = find("AAPL", Interval::Day1).unwrap();
        assert_eq!((found.name.as_str(), found.bars.len()), ("old", 2));
        assert!(find("AAPL", Interval::Minute5).is_none(), "bars of another width are none");
        assert_eq!(find("MSFT", Interval::Day1).unwrap().bars.len(), 1, "read anew for another");
        assert!(find("KO", Interval::Day1).is_none());

        // The source goes on where the file ends; what is not complete yet is not shown.
        let own = |day: &str, close: i64| {
            let start: Timestamp = format!("2026-11-{day}T14:30:00Z").parse().unwrap();
            Bar { start, close: close.into(), ..found.bars[0].bar }
        };
        let friday = Bar { start: "2026-10-30T04:00:00Z".parse().unwrap(), ..own("02", 49) };
        let own = vec![friday, own("02", 50), own("03", 51), own("04", 52), own("05", 53)];
        let reply = |now: &str, limit| {
            let found = find("AAPL", Interval::Day1);
            let own = Own { bars: own.clone(), recorded: 1, origin: BarOrigin::Simulated };
            joined(own, found, Interval::Day1, now.parse().unwrap(), limit)
        };
        let seams = |reply: &Reply| -> Vec<String> {
            let Reply::History { seams, .. } = reply else { panic!("{reply:?}") };
            let word = |origin: &BarOrigin| match origin {
                BarOrigin::Imported(name) => name.clone(),
                origin => format!("{origin:?}"),
            };
            seams
                .iter()
                .map(|seam| format!("{} {}", &seam.from.to_string()[8..10], word(&seam.origin)))
                .collect()
        };
        let whole = reply("2026-11-05T22:00:00Z", 500);
        assert_eq!(closes(&whole), ["49", "11", "12", "52", "53"]);
        assert_eq!(seams(&whole), ["30 Recorded", "02 old", "04 Simulated"]);
        assert_eq!(seams(&reply("2026-11-01T22:00:00Z", 500)), ["30 Recorded", "02 Simulated"]);
        let Reply::History { imported: Some(span), .. } = &whole else { panic!("{whole:?}") };
        assert_eq!(span.name, "old");
        assert_eq!(
            [span.from, span.until].map(|at| at.to_string()),
            ["2026-11-02T14:30:00Z", "2026-11-03T21:00:00Z"]
        );
        assert_eq!(closes(&reply("2026-11-05T22:00:00Z", 1)), ["49", "50", "12", "52", "53"]);
        assert_eq!(closes(&reply("2026-11-02T22:00:00Z", 500)), ["49", "11", "51", "52", "53"]);
        assert_eq!(closes(&reply("2026-11-01T22:00:00Z", 500)), ["49", "50", "51", "52", "53"]);

        // The one that reaches furthest counts, and a file that was imported anew.
        files.keep_bars("new", format!("{head}{}{}", row("03", "30"), row("04", "31")), false).unwrap();
        assert_eq!(closes(&reply("2026-11-05T22:00:00Z", 500)), ["49", "50", "30", "31", "53"]);
        files
            .keep_bars(
                "new",
                format!("{head}{}{}{}", row("03", "33"), row("04", "41"), row("05", "42")),
                true,
            )
            .unwrap();
        assert_eq!(closes(&reply("2026-11-05T22:00:00Z", 500)), ["49", "50", "33", "41", "42"]);
        files.keep_bars("new", "no bars\n", true).unwrap();
        assert_eq!(closes(&reply("2026-11-05T22:00:00Z", 500)), ["49", "11", "12", "52", "53"]);
    }
}
