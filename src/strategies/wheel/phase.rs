//! Where a slot stands, derived from positions and orders alone, so that any crash goes on from the truth (strategies §6.2).

use jiff::civil::Date;

use crate::domain::option::Right;
use crate::strategies::options::positions::Positions;
use crate::strategies::options::turn::PhaseWord;

/// Where a slot stands. For records and panes: what is done follows from the quantities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A corporate action, a halt or a conflict of claims: what is open is managed, nothing is opened.
    Frozen,
    /// An expiry has passed and the broker has not shown what came of it, or shares of an assignment are on their way.
    Settling,
    /// An order works.
    Working,
    /// Calls are written.
    CallOpen,
    /// Shares without calls.
    NeedCall,
    /// Puts are written.
    PutOpen,
    /// Cash alone.
    NeedPut,
}

impl Phase {
    /// The first that fits.
    pub(super) fn of(positions: &Positions, frozen: bool, today: Date, awaits: bool) -> Self {
        let (calls, puts) = (positions.short_count(Right::Call), positions.short_count(Right::Put));
        if frozen {
            Self::Frozen
        } else if awaits || positions.short.iter().any(|held| held.contract.expiry < today) {
            Self::Settling
        } else if !positions.working.is_empty() {
            Self::Working
        } else if calls > 0 {
            Self::CallOpen
        } else if positions.lots() > calls {
            Self::NeedCall
        } else if puts > 0 {
            Self::PutOpen
        } else {
            Self::NeedPut
        }
    }
}

impl PhaseWord for Phase {
    fn word(self) -> &'static str {
        match self {
            Self::Frozen => "Frozen",
            Self::Settling => "Settling",
            Self::Working => "Working",
            Self::CallOpen => "CallOpen",
            Self::NeedCall => "NeedCall",
            Self::PutOpen => "PutOpen",
            Self::NeedPut => "NeedPut",
        }
    }
}
