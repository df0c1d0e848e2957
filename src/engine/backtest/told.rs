//! Why a strategy that bars alone drive did or did not do something: kept as it was said, and put into words only where somebody reads it.

use jiff::Timestamp;

use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::Instrument;
use crate::domain::money::Quantity;
use crate::domain::strategy::{DecisionRecord, StrategyPhase};
use crate::strategies::Decision;

use super::Backtest;
use super::hosted::NAME;

/// Decisions that are looked back over for the last one about an instrument.
const LOOKED_BACK: usize = 64;

/// A decision, when it was made, and the order that came of it. A run makes thousands: each is as small as can be.
#[derive(Clone, Debug)]
struct Told {
    at: Timestamp,
    code: &'static str,
    phase: &'static str,
    skip: bool,
    /// Place among the instruments of the list.
    about: Option<u32>,
    quantity: Option<Quantity>,
    values: Box<[(&'static str, f64)]>,
    rejected: Box<[(&'static str, u32)]>,
    proposal: Option<ClientOrderId>,
}

/// The decisions of a run, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct ToldList {
    told: Vec<Told>,
    instruments: Vec<Instrument>,
}

impl ToldList {
    /// Takes a decision in. A reason not to act is kept once, until there is another one.
    fn tell(&mut self, at: Timestamp, decision: Decision, proposal: Option<ClientOrderId>) {
        let about = decision.instrument.as_ref().map(|instrument| self.place(instrument));
        let last = || self.told.iter().rev().take(LOOKED_BACK).find(|told| told.about == about);
        if decision.skip && last().is_some_and(|last| last.code == decision.code) {
            return;
        }
        make_room(&mut self.told, 1);
        self.told.push(Told {
            at,
            code: decision.code,
            phase: decision.phase,
            skip: decision.skip,
            about,
            quantity: decision.quantity,
            values: decision.values.into(),
            rejected: decision.rejected.into(),
            proposal,
        });
    }

    /// Where an instrument stands in the list; a new one at its end.
    fn place(&mut self, instrument: &Instrument) -> u32 {
        let known = self.instruments.iter().position(|known| known == instrument);
        let place = known.unwrap_or_else(|| {
            self.instruments.push(instrument.clone());
            self.instruments.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    /// In words.
    pub(super) fn records(&self) -> impl Iterator<Item = DecisionRecord> {
        self.told.iter().map(|told| self.record(told))
    }

    fn record(&self, told: &Told) -> DecisionRecord {
        let decision = Decision {
            code: told.code,
            phase: told.phase,
            skip: told.skip,
            instrument: told.about.and_then(|place| self.instruments.get(place as usize)).cloned(),
            quantity: told.quantity,
            values: told.values.to_vec(),
            rejected: told.rejected.to_vec(),
        };
        let (code, text) = decision.words();
        let (code, inputs) = (code.into(), decision.inputs());
        DecisionRecord {
            at: told.at,
            strategy: NAME,
            instrument: decision.instrument,
            phase: StrategyPhase::Running,
            code,
            text,
            inputs,
            proposal: told.proposal,
        }
    }
}

/// Fewest entries that room is made for: what most runs need, so that nothing is moved.
const ROOM: usize = 4_096;

/// Makes room in a list that grows with the run. What it holds is large, and to move it to memory that nobody has used yet, page after page,
/// is a part of a short run's time. Room that nothing is put into is no memory.
pub(super) fn make_room<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve(more.max(ROOM).max(list.len() * 3));
    }
}

impl Backtest {
    pub(super) fn tell(&mut self, at: Timestamp, decision: Decision, proposal: Option<ClientOrderId>) {
        self.told.tell(at, decision, proposal);
    }

    /// Why it did or did not do something, oldest first.
    #[must_use]
    pub fn records(&self) -> Vec<DecisionRecord> {
        self.told.records().chain(self.decisions.iter().cloned()).collect()
    }
}
