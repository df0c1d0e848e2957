//! Why a strategy that bars alone drive did or did not do something: kept as it was said, and put into words only where somebody reads it.

use jiff::Timestamp;

use crate::domain::ids::ClientOrderId;
use crate::domain::strategy::{DecisionRecord, StrategyPhase};
use crate::strategies::Decision;

use super::Backtest;
use super::hosted::NAME;

/// Decisions that are looked back over for the last one about an instrument.
const LOOKED_BACK: usize = 64;

/// A decision, when it was made, and the order that came of it.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) at: Timestamp,
    decision: Decision,
    proposal: Option<ClientOrderId>,
}

impl Told {
    pub(super) fn record(&self) -> DecisionRecord {
        let (code, text) = self.decision.words();
        DecisionRecord {
            at: self.at,
            strategy: NAME,
            instrument: self.decision.instrument.clone(),
            phase: StrategyPhase::Running,
            code: code.into(),
            text,
            inputs: self.decision.inputs(),
            proposal: self.proposal,
        }
    }
}

/// Fewest entries that room is made for.
const ROOM: usize = 64;

/// Makes room in a list that grows with the run. What it holds is large, and to move it is a part of a short run's time: it moves less often
/// than it would by itself. Room that nothing is put into is no memory.
pub(super) fn make_room<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve(more.max(ROOM).max(list.len() * 3));
    }
}

impl Backtest {
    /// Takes a decision in. A reason not to act is kept once, until there is another one.
    pub(super) fn tell(&mut self, at: Timestamp, decision: Decision, proposal: Option<ClientOrderId>) {
        let about = |told: &&Told| told.decision.instrument == decision.instrument;
        let last = || self.told.iter().rev().take(LOOKED_BACK).find(about);
        if decision.skip && last().is_some_and(|last| last.decision.code == decision.code) {
            return;
        }
        make_room(&mut self.told, 1);
        self.told.push(Told { at, decision, proposal });
    }

    /// Why it did or did not do something, oldest first.
    #[must_use]
    pub fn records(&self) -> Vec<DecisionRecord> {
        self.told.iter().map(Told::record).chain(self.decisions.iter().cloned()).collect()
    }
}
