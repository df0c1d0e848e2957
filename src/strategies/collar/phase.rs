//! Where a collar stands, derived from positions and orders alone, so that any crash goes on from the truth.

use jiff::civil::Date;

use crate::strategies::options::turn::PhaseWord;

/// Where a slot stands. For records and panes: what is done follows from the quantities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A corporate action, a halt or a conflict of claims: what is open is managed, nothing is opened.
    Frozen,
    /// An expiry has passed and the broker has not shown what came of it, or shares of an assignment are on their way.
    Settling,
    /// An order rolls a pair, or a pair is being taken apart.
    Rolling,
    /// An order works.
    Working,
    /// More calls than puts: treated as risk.
    CallOnly,
    /// More puts than calls.
    PutOnly,
    /// Lots without options.
    Unhedged,
    /// Every lot has its put and its call.
    Hedged,
}

/// What a phase follows from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    /// Lots that are to be hedged.
    pub(super) lots: i64,
    /// Long puts and short calls that have not expired.
    pub(super) puts: i64,
    pub(super) calls: i64,
    /// The first expiry of what is held.
    pub(super) first_expiry: Option<Date>,
    pub(super) is_working: bool,
    pub(super) is_rolling: bool,
    pub(super) is_frozen: bool,
    /// Shares of an assignment or exercise have not come or gone.
    pub(super) awaits: bool,
}

impl Phase {
    /// The first that fits.
    pub(super) fn of(counts: Counts, today: Date) -> Self {
        if counts.is_frozen {
            Self::Frozen
        } else if counts.awaits || counts.first_expiry.is_some_and(|expiry| expiry < today) {
            Self::Settling
        } else if counts.is_rolling {
            Self::Rolling
        } else if counts.is_working {
            Self::Working
        } else if counts.calls > counts.puts {
            Self::CallOnly
        } else if counts.puts > counts.calls {
            Self::PutOnly
        } else if counts.lots > counts.puts || counts.puts == 0 {
            Self::Unhedged
        } else {
            Self::Hedged
        }
    }
}

impl PhaseWord for Phase {
    fn word(self) -> &'static str {
        match self {
            Self::Frozen => "Frozen",
            Self::Settling => "Settling",
            Self::Rolling => "Rolling",
            Self::Working => "Working",
            Self::CallOnly => "CallOnly",
            Self::PutOnly => "PutOnly",
            Self::Unhedged => "Unhedged",
            Self::Hedged => "Hedged",
        }
    }
}
