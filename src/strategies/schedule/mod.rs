//! When strategies are due: schedules, the next instant of each, and the rules for what came too late. No clock is read here: `now` and the
//! calendar come in, instants go out.

mod spec;
mod timetable;

use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

pub use spec::{Days, Edge, ScheduleError, ScheduleSpec, Within, next_due};
pub use timetable::{Firing, OFTEN, Timetable};

/// How late something may be and still count as in time, where nothing else is said.
pub const GRACE: SignedDuration = SignedDuration::from_mins(5);

/// What becomes of a due time that nobody was there for: sleep, restart, halt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfire {
    /// It is made up for, once, however many were missed.
    RunOnce,
    /// It is logged as missed.
    Skip,
}

/// One of a strategy's schedules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its name within the strategy, as it comes back in `Due`.
    pub name: SmolStr,
    /// When.
    pub spec: ScheduleSpec,
    /// What becomes of a due time that was missed.
    pub misfire: Misfire,
    /// How late is missed.
    pub grace: SignedDuration,
}

impl Schedule {
    /// One that is made up for when it was missed: for managing what is open.
    #[must_use]
    pub fn managing(name: &str, spec: ScheduleSpec) -> Self {
        Self { name: name.into(), spec, misfire: Misfire::RunOnce, grace: GRACE }
    }

    /// One that is let go when it was missed: for opening something new.
    #[must_use]
    pub fn opening(name: &str, spec: ScheduleSpec) -> Self {
        Self { misfire: Misfire::Skip, ..Self::managing(name, spec) }
    }

    /// Is something due at `due` too late at `now`.
    #[must_use]
    pub fn is_missed(&self, due: Timestamp, now: Timestamp) -> bool {
        now.duration_since(due) > self.grace
    }
}

#[cfg(test)]
mod tests;
