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

/// A decision, when it was made, and the order that came of it. A run makes thousands: each is as small as can be, as memory that nobody has
/// used yet is a good part of a short run's time.
#[derive(Clone, Debug)]
struct Told {
    at: Timestamp,
    /// Places among what the list has only once.
    word: u32,
    about: Option<u32>,
    quantity: Option<Quantity>,
    /// Where its values and counts end; they begin where those of the one before end.
    values_until: u32,
    rejected_until: u32,
    /// The order's id, wherever it lies.
    proposal: Option<[u8; 16]>,
}

/// What decisions have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    code: &'static str,
    phase: &'static str,
    skip: bool,
}

/// The decisions of a run, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct ToldList {
    told: Vec<Told>,
    words: Vec<Word>,
    instruments: Vec<Instrument>,
    values: Vec<(&'static str, f64)>,
    rejected: Vec<(&'static str, u32)>,
}

/// Where a thing stands in a list; a new one at its end.
fn place_of<T: PartialEq>(list: &mut Vec<T>, is_it: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> u32 {
    let place = list.iter().position(is_it).unwrap_or_else(|| {
        list.push(make());
        list.len() - 1
    });
    u32::try_from(place).unwrap_or(u32::MAX)
}

impl ToldList {
    /// Takes a decision in. A reason not to act is kept once, until there is another one.
    fn tell(&mut self, at: Timestamp, decision: Decision, proposal: Option<ClientOrderId>) {
        let about = decision.instrument.as_ref().map(|instrument| {
            place_of(&mut self.instruments, |known| known == instrument, || instrument.clone())
        });
        let code_of = |told: &Told| self.words[told.word as usize].code;
        let last = || self.told.iter().rev().take(LOOKED_BACK).find(|told| told.about == about);
        if decision.skip && last().is_some_and(|last| code_of(last) == decision.code) {
            return;
        }
        let word = Word { code: decision.code, phase: decision.phase, skip: decision.skip };
        let word = place_of(&mut self.words, |known| *known == word, || word);
        make_room(&mut self.told, 1);
        make_room(&mut self.values, decision.values.len());
        self.values.extend_from_slice(&decision.values);
        self.rejected.extend_from_slice(&decision.rejected);
        let until = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        self.told.push(Told {
            at,
            word,
            about,
            quantity: decision.quantity,
            values_until: until(self.values.len()),
            rejected_until: until(self.rejected.len()),
            proposal: proposal.map(|id| id.as_u128().to_ne_bytes()),
        });
    }

    /// In words.
    pub(super) fn records(&self) -> impl Iterator<Item = DecisionRecord> {
        let begun = std::iter::once((0, 0));
        let ends = self.told.iter().map(|told| (told.values_until as usize, told.rejected_until as usize));
        begun.chain(ends).zip(&self.told).map(|(from, told)| self.record(from, told))
    }

    /// `from` is where its values and counts begin.
    fn record(&self, (values, rejected): (usize, usize), told: &Told) -> DecisionRecord {
        let Word { code, phase, skip } = self.words[told.word as usize];
        let decision = Decision {
            code,
            phase,
            skip,
            instrument: told.about.and_then(|place| self.instruments.get(place as usize)).cloned(),
            quantity: told.quantity,
            values: self.values[values..told.values_until as usize].to_vec(),
            rejected: self.rejected[rejected..told.rejected_until as usize].to_vec(),
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
            proposal: told.proposal.map(|id| ClientOrderId::from_u128(u128::from_ne_bytes(id))),
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
