//! Work that takes long and goes on beside the screen, such as a backtest: how far it is, how fast it goes, how it is ended, what came of it.
//! The program does it; the screen only looks at its progress.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::app::App;
use super::dialogs::Dialog;
use super::dialogs::report::Report;
use super::wish::{Effect, Purpose, WayOut, Wish};
use crate::client::progress::Progress;
use crate::client::{Reply, SessionError};
use crate::domain::snapshot::Severity;
use crate::domain::text::clean;

/// Pieces of work at one time.
const RUNNING_MAX: usize = 4;
/// Pieces of work that are kept, those under way among them.
const KEPT_MAX: usize = 12;
/// How often the progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Columns that a result may take on the narrowest screen.
const COLUMNS_MIN: u16 = 30;

/// One piece of work for the program.
#[derive(Clone, Debug)]
pub struct Doing {
    /// The line that was typed.
    pub line: String,
    /// Columns for what comes of it.
    pub columns: u16,
    /// Where it says how far it is, and is told to end.
    pub progress: Progress,
}

/// What the program can do that takes long.
#[async_trait]
pub trait Works: Send + Sync {
    /// What a typed line asks for, in words, or what is wrong with it; none where it is no such line. Must return at once.
    fn understand(&self, line: &str) -> Option<Result<String, String>>;

    /// Does it, and says what came of it in lines.
    ///
    /// # Errors
    /// A line that says why not.
    async fn carry_out(&self, doing: &Doing) -> Result<String, String>;
}

/// The program's.
pub type WorksRef = Arc<dyn Works>;

/// One piece of work as the screen sees it.
#[derive(Debug)]
pub struct Job {
    /// Its number.
    pub number: u64,
    /// What it does.
    pub words: String,
    progress: Progress,
    started: Duration,
    /// Pieces done and pieces in all, when last looked at.
    seen: (u64, u64),
    looked: Duration,
    /// When it ended, and with what.
    ended: Option<(Duration, Result<String, String>)>,
}

impl Job {
    /// Is it still under way.
    #[must_use]
    pub const fn runs(&self) -> bool {
        self.ended.is_none()
    }

    /// What came of it; none while it is under way.
    #[must_use]
    pub fn result(&self) -> Option<Result<&str, &str>> {
        let (_, result) = self.ended.as_ref()?;
        Some(result.as_deref().map_err(String::as_str))
    }

    /// The part that is done, between 0 and 1; none while nobody knows.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let (done, total) = self.seen;
        (total > 0).then(|| (done as f64 / total as f64).clamp(0.0, 1.0))
    }

    /// How far it is, how fast it goes and how long it still takes: `120 of 276, 25/s, 6 s left`.
    #[must_use]
    pub fn state(&self, now: Duration) -> String {
        let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        match &self.ended {
            Some((at, Ok(_))) => return format!("done in {}", seconds(at.saturating_sub(self.started))),
            Some((_, Err(text))) => return clean(text).into_owned(),
            None if self.progress.ends() => return "is ending".to_owned(),
            None => {}
        }
        let (done, total) = self.seen;
        let took = self.looked.saturating_sub(self.started);
        if done == 0 || took.is_zero() {
            return format!("for {}", seconds(now.saturating_sub(self.started)));
        }
        let rate = done as f64 / took.as_secs_f64();
        let count = |number: u64| super::format::grouped(number.into(), 0);
        let speed = if rate >= 10.0 { count(rate as u64) } else { format!("{rate:.1}") };
        if total == 0 {
            return format!("{}, {speed}/s", count(done));
        }
        let left = total.saturating_sub(done) as f64 / rate;
        let left = match left {
            left if left < 60.0 => format!("{left:.0} s"),
            left if left < 3_600.0 => format!("{:.0} min", left / 60.0),
            left => format!("{:.1} h", left / 3_600.0),
        };
        format!("{} of {}, {speed}/s, {left} left", count(done), count(total))
    }
}

/// What is under way, and what was, oldest first.
#[derive(Debug, Default)]
pub struct Jobs(VecDeque<Job>);

impl Jobs {
    /// Every one, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Job> + ExactSizeIterator {
        self.0.iter()
    }

    /// Looks how far they are.
    pub fn look(&mut self, now: Duration) {
        for job in self.0.iter_mut().filter(|job| job.runs() && now >= job.looked + LOOK_EVERY) {
            job.seen = (job.progress.done(), job.progress.total());
            job.looked = now;
        }
    }

    /// When they are to be looked at again; never while none is under way.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.0.iter().filter(|job| job.runs()).map(|job| job.looked + LOOK_EVERY).min()
    }

    /// Ends one.
    pub fn end(&self, number: u64) {
        for job in self.0.iter().filter(|job| job.number == number) {
            job.progress.end();
        }
    }

    /// Ends all.
    pub fn end_all(&self) {
        self.0.iter().for_each(|job| job.progress.end());
    }

    /// The newest under way in a line, with the key that shows more.
    #[must_use]
    pub fn line(&self, now: Duration, key: &str) -> Option<String> {
        let mut running = self.0.iter().rev().filter(|job| job.runs());
        let job = running.next()?;
        let percent = job.share().map(|share| format!("{:.0}%  ", share * 100.0)).unwrap_or_default();
        let more = match running.count() {
            0 => String::new(),
            more => format!("  and {more} more"),
        };
        Some(format!("{percent}{}{more}  {key} shows it", job.state(now)))
    }
}

impl App {
    /// Has the program do a line of work.
    pub fn work(&mut self, line: String, words: String, effects: &mut Vec<Effect>) {
        let now = self.env.now;
        if self.env.jobs.all().filter(|job| job.runs()).count() >= RUNNING_MAX {
            let text = format!("{RUNNING_MAX} are under way already; end one, or wait.");
            return self.toasts.push(Severity::Warning, text, now);
        }
        let number = self.number();
        let progress = Progress::default();
        let columns = self.size.width.saturating_sub(8).max(COLUMNS_MIN);
        let jobs = &mut self.env.jobs.0;
        while jobs.len() >= KEPT_MAX
            && let Some(oldest) = jobs.iter().position(|job| !job.runs())
        {
            jobs.remove(oldest);
        }
        jobs.push_back(Job {
            number,
            words,
            progress: progress.clone(),
            started: now,
            seen: (0, 0),
            looked: now,
            ended: None,
        });
        self.asked.insert(number, Purpose::Work);
        effects.push(Effect::Work(number, Doing { line, columns, progress }));
    }

    /// It has ended: shown at once where nothing was pressed meanwhile, else offered.
    pub fn work_ended(&mut self, number: u64, reply: Result<Reply, SessionError>, wishes: &mut Vec<Wish>) {
        let now = self.env.now;
        let Some(job) = self.env.jobs.0.iter_mut().find(|job| job.number == number) else { return };
        let result = match reply {
            Ok(Reply::Done(text)) => Ok(text),
            Ok(_) => Ok(String::new()),
            Err(error) => Err(error.to_string()),
        };
        let waited_for = self.dialogs.is_empty() && self.lock.is_none() && self.touched <= job.started;
        wishes.push(match &result {
            Ok(_) if waited_for => Wish::ShowWork(number),
            Ok(_) => {
                let text = format!("Done: {}", clean(&job.words));
                Wish::Offer(Severity::Info, text, WayOut::Work(number))
            }
            Err(text) => Wish::Say(Severity::Warning, format!("{}: {}", clean(&job.words), clean(text))),
        });
        // Bars that were imported are the past of charts.
        self.panes.chart.ask_anew(now);
        job.ended = Some((now, result));
    }

    /// Opens what came of it.
    pub fn show_work(&mut self, number: u64) {
        let Some(job) = self.env.jobs.all().find(|job| job.number == number) else { return };
        if let Some((_, Ok(text))) = &job.ended {
            let report = Report::text(&job.words, text);
            self.dialogs.push(Dialog::Report(report));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_says_how_far_how_fast_and_how_long() {
        let progress = Progress::default();
        let mut jobs = Jobs::default();
        jobs.0.push_back(Job {
            number: 1,
            words: "run sma_cross".into(),
            progress: progress.clone(),
            started: Duration::from_secs(10),
            seen: (0, 0),
            looked: Duration::from_secs(10),
            ended: None,
        });
        let said = |jobs: &mut Jobs, seconds: u64| {
            jobs.look(Duration::from_secs(seconds));
            jobs.line(Duration::from_secs(seconds), "B").unwrap()
        };
        assert_eq!(said(&mut jobs, 11), "for 1.0 s  B shows it");
        progress.add_done(3_000);
        assert_eq!(said(&mut jobs, 12), "3,000, 1,500/s  B shows it");
        progress.set_total(9_000);
        assert_eq!(said(&mut jobs, 13), "33%  3,000 of 9,000, 1,000/s, 6 s left  B shows it");
        for (done, at, left) in
            [(0, 1_210, "40 min left"), (0, 12_010, "6.7 h left"), (6_000, 12_020, "0 s left")]
        {
            progress.add_done(done);
            let line = said(&mut jobs, at);
            assert!(line.contains(left), "{line}");
        }
        assert_eq!(jobs.due(), Some(Duration::from_millis(12_020_500)));
        jobs.end(1);
        assert!(progress.ends());
        assert!(said(&mut jobs, 12_021).contains("is ending"));
        jobs.0[0].ended = Some((Duration::from_secs(12_022), Ok(String::new())));
        assert_eq!(jobs.line(Duration::from_secs(12_022), "B"), None);
        assert_eq!(jobs.due(), None, "an idle screen wakes for nothing");
    }
}
