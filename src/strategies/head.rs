//! What every strategy has before anything else: its kind, its name, and what it trades.

use smol_str::SmolStr;

use crate::domain::instrument::Instrument;

/// The head of a strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its kind, such as `sma_cross`.
    pub kind: &'static str,
    /// Its name in the profile, and in every order's tag.
    pub name: SmolStr,
    /// What it wants bars and quotes of; never empty.
    pub instruments: Vec<Instrument>,
}

impl Head {
    /// One of these parts.
    #[must_use]
    pub const fn new(kind: &'static str, name: SmolStr, instruments: Vec<Instrument>) -> Self {
        Self { kind, name, instruments }
    }

    /// Which of the instruments this one is.
    #[must_use]
    pub fn index_of(&self, instrument: &Instrument) -> Option<usize> {
        self.instruments.iter().position(|own| own == instrument)
    }
}
