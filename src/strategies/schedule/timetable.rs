//! One strategy's schedules against the clock: what is due, what was missed, and never two runs at once.

use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use crate::domain::calendar::Calendar;

use super::spec::{ScheduleSpec, next_due};
use super::{Misfire, Schedule};

/// How far back missed due times are looked for: every schedule of an open exchange is due within it.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(8 * 24);

/// What became of a due time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Firing {
    /// The strategy gets `Due`.
    Due {
        /// The schedule.
        name: SmolStr,
        /// When it was due.
        due_at: Timestamp,
    },
    /// `MISSED` is logged, and nothing runs.
    Missed {
        /// The schedule.
        name: SmolStr,
        /// When it was due.
        due_at: Timestamp,
    },
    /// The clock ran backwards: `CLOCK_BACK` is logged, and the later instant counts.
    ClockBack {
        /// Until when time had come before.
        last: Timestamp,
    },
}

/// Schedules closer than this are those of working orders.
pub const OFTEN: SignedDuration = SignedDuration::from_mins(5);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    schedule: Schedule,
    next: Option<Timestamp>,
}

/// The schedules of one strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timetable {
    rows: Vec<Row>,
    last: Timestamp,
}

impl Timetable {
    /// Due times up to `handled` are done with. A host that was away keeps that instant, and what came since is missed, not lost.
    #[must_use]
    pub fn new(schedules: Vec<Schedule>, calendar: &Calendar, handled: Timestamp) -> Self {
        let row = |schedule: Schedule| {
            let next = next_due(&schedule.spec, calendar, handled);
            Row { schedule, next }
        };
        Self { rows: schedules.into_iter().map(row).collect(), last: handled }
    }

    /// Due times up to here are done with.
    #[must_use]
    pub const fn handled(&self) -> Timestamp {
        self.last
    }

    /// When the host should look again; `None` where nothing is due any more.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.rows.iter().filter_map(|row| row.next).min()
    }

    /// When it looks at everything again: what only walks the orders that work comes more often than every five minutes, and counts where
    /// there is nothing else.
    #[must_use]
    pub fn next_look(&self) -> Option<Timestamp> {
        let looks =
            |row: &&Row| !matches!(row.schedule.spec, ScheduleSpec::Every { step, .. } if step < OFTEN);
        self.rows.iter().filter(looks).filter_map(|row| row.next).min().or_else(|| self.next())
    }

    /// What has come due, by the instant and then in the order of the schedules. While the strategy is `waiting` for a chain or a model
    /// nothing is given out: all that comes due meanwhile is one run afterwards.
    pub fn poll(&mut self, now: Timestamp, calendar: &Calendar, waiting: bool) -> Vec<Firing> {
        let mut firings = Vec::new();
        if now < self.last {
            firings.push(Firing::ClockBack { last: self.last });
        }
        let now = now.max(self.last);
        if waiting {
            return firings;
        }
        self.last = now;
        let mut due: Vec<(Timestamp, usize)> = Vec::new();
        for (index, row) in self.rows.iter_mut().enumerate() {
            let Some(first) = row.next.filter(|next| *next <= now) else { continue };
            let newest = newest_due(&row.schedule, calendar, first, now);
            row.next = next_due(&row.schedule.spec, calendar, now);
            due.push((newest, index));
        }
        due.sort();
        firings.extend(due.into_iter().map(|(due_at, index)| {
            let schedule = &self.rows[index].schedule;
            let name = schedule.name.clone();
            if schedule.is_missed(due_at, now) && schedule.misfire == Misfire::Skip {
                Firing::Missed { name, due_at }
            } else {
                Firing::Due { name, due_at }
            }
        }));
        firings
    }
}

/// The last due time up to `now`, of which `first` is one.
fn newest_due(schedule: &Schedule, calendar: &Calendar, first: Timestamp, now: Timestamp) -> Timestamp {
    let mut newest = first.max(now.checked_sub(LOOK_BACK).unwrap_or(first));
    while let Some(next) = next_due(&schedule.spec, calendar, newest).filter(|next| *next <= now) {
        newest = next;
    }
    // A jump ahead is no due time by itself.
    if newest > first
        && next_due(&schedule.spec, calendar, newest - SignedDuration::from_nanos(1)) != Some(newest)
    {
        return first;
    }
    newest
}
