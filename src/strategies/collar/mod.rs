//! The collar: shares, a put below them, and a call above them that pays for it (strategies §7).
//!
//! Positions are read at every evaluation and are never remembered. What is remembered is the price at which a pair was opened, what is
//! being taken apart, and a few dates.

mod build;
mod heard;
mod open;
mod params;
mod phase;
mod protect;
mod roll;
#[cfg(test)]
mod tests;
mod turn;

use std::collections::BTreeMap;

use jiff::civil::{Date, time};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::domain::calendar::{exchange_date, plus_days};
use crate::domain::chain::Chain;
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::Price;

use super::options::hours::Hours;
use super::options::market::Limits;
use super::options::positions::{Positions, late_settlement};
use super::params::{ParamError, Params};
use super::schedule::{Edge, Schedule, ScheduleSpec, Within};
use super::{Books, Head, MemoryError, Need, Output, Strategy, StrategyInput, memory};

use params::CollarParams;
use turn::Turn;

pub(super) use params::PARAMS;

/// Real money waits until its packages of four legs, and of shares with options, have been seen at a broker.
pub(super) const PAPER_ONLY: Option<&str> =
    Some("its orders of several legs have not been tried at a broker yet");

/// What it does.
pub(super) const ABOUT: &str =
    "hedges shares with a put below them, and sells a call above them that pays for it";

/// Version of what it remembers.
const VERSION: u32 = 1;

/// The strategy.
#[derive(Clone, Debug)]
struct Collar {
    /// Its instruments are what its slots hedge now, in the order of the parameters.
    head: Head,
    params: CollarParams,
    slots: Vec<Slot>,
}

/// One underlying.
#[derive(Clone, Debug)]
struct Slot {
    /// As the parameters say it: what the memory is found by.
    key: String,
    symbol: Symbol,
    memory: Memory,
    /// On which day a late settlement was said.
    settle_said: Option<Date>,
}

/// What a slot remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    /// Prices of what is being traded.
    #[serde(flatten)]
    limits: Limits,
    /// An evaluation waits for a chain.
    waiting: bool,
    /// What the shares trade as since a symbol change.
    renamed_to: Option<Symbol>,
    /// A decision of the holder is wanted; nothing is opened until it was made.
    frozen: bool,
    /// Something happened to the shares that nobody explains; nothing is opened until a person lets it go on.
    unexplained: bool,
    /// Price of the shares when the pair was proposed: what the bounds of its payoff start from.
    spot: Option<Price>,
    /// The expiry that is being taken apart leg by leg, so that another pair can take its place.
    unwinding: Option<Date>,
    /// What a put that was sold for a lower one brought per share, until that one is there.
    banked: Option<Price>,
    /// On which day it was said that nothing hedges the shares.
    none_said: Option<Date>,
    /// The broker takes no shares as a leg of a package.
    no_share_legs: bool,
}

/// What is stored: the slots by the symbol that the parameters say.
#[derive(Serialize, Deserialize)]
struct Stored {
    slots: BTreeMap<String, Memory>,
}

/// Makes one.
pub(super) fn make(
    name: SmolStr,
    instruments: Vec<Instrument>,
    params: &Params,
) -> Result<Box<dyn Strategy>, ParamError> {
    let (params, instruments) = CollarParams::read(instruments, params)?;
    let slots = instruments.iter().map(|instrument| Slot {
        key: instrument.key(),
        symbol: instrument.root().clone(),
        memory: Memory::default(),
        settle_said: None,
    });
    Ok(Box::new(Collar { slots: slots.collect(), head: Head::new("collar", name, instruments), params }))
}

/// A chain without a contract, for what needs none.
fn no_chain(symbol: &Symbol) -> Chain {
    Chain { underlying: symbol.clone(), spot: None, expiries: Vec::new(), rows: Vec::new() }
}

impl Collar {
    /// Asks for what the next evaluation of a slot must know; the chain comes last, and with it the evaluation.
    fn ask(&mut self, at: usize, now: Timestamp, books: &dyn Books, out: &mut Vec<Output>) {
        let slot = &mut self.slots[at];
        let today = exchange_date(now);
        let positions = Positions::of(books, &slot.symbol);
        if !slot.memory.waiting {
            slot.memory.waiting = true;
            out.push(Output::Remember);
        }
        let underlying = slot.symbol.clone();
        out.push(Output::Need(Need::Events { underlying: underlying.clone() }));
        let first = plus_days(today, i64::from(self.params.days("dte_min")));
        let options = positions.short.iter().chain(&positions.long);
        let held = options.map(|held| held.contract.expiry).min();
        let from = held.map_or(first, |held| held.min(first)).max(today);
        let until = plus_days(today, i64::from(self.params.days("dte_max")));
        out.push(Output::Need(Need::Chain { underlying, from, until }));
    }

    /// What cannot wait for a chain.
    fn protect_now(&mut self, at: usize, now: Timestamp, books: &dyn Books, out: &mut Vec<Output>) {
        let Some(hours) = Hours::at(books.calendar(), now) else { return };
        let empty = no_chain(&self.slots[at].symbol);
        Turn::new(self, at, now, hours, books, &empty, out).cover();
    }

    fn evaluate(&mut self, at: usize, now: Timestamp, books: &dyn Books, out: &mut Vec<Output>) {
        let slot = &mut self.slots[at];
        if !std::mem::take(&mut slot.memory.waiting) {
            return;
        }
        out.push(Output::Remember);
        let symbol = slot.symbol.clone();
        let Some(chain) = books.chain(&symbol) else { return };
        let Some(hours) = Hours::at(books.calendar(), now) else { return };
        if slot.settle_said != Some(hours.today)
            && let Some(contract) = late_settlement(&Positions::of(books, &symbol), hours, now)
        {
            slot.settle_said = Some(hours.today);
            let text = format!(
                "{}: SETTLE_LATE {contract} has expired and still stands in the account",
                self.head.name
            );
            out.push(Output::Alert(text));
        }
        Turn::new(self, at, now, hours, books, chain, out).run();
    }

    fn slot_of(&self, instrument: &Instrument) -> Option<usize> {
        self.slots.iter().position(|slot| slot.symbol == *instrument.root())
    }

    fn on_due(&mut self, schedule: &str, now: Timestamp, books: &dyn Books, out: &mut Vec<Output>) {
        for at in 0..self.slots.len() {
            if schedule == "ladder" {
                let slot = &self.slots[at];
                slot.memory.limits.step(self.params.ladder, books, &slot.symbol, now, out);
            } else {
                self.ask(at, now, books, out);
            }
        }
    }
}

impl Strategy for Collar {
    fn head(&self) -> &Head {
        &self.head
    }

    fn warm_up_bars(&self) -> usize {
        0
    }

    fn schedules(&self) -> Vec<Schedule> {
        let bell = |edge, minutes| ScheduleSpec::Bell { edge, offset: SignedDuration::from_mins(minutes) };
        let step = ScheduleSpec::Every { step: SignedDuration::from_secs(30), within: Within::Regular };
        vec![
            Schedule::managing("open", bell(Edge::Open, 1)),
            Schedule::managing("evaluate", ScheduleSpec::at(vec![time(9, 45, 0, 0), time(12, 30, 0, 0)])),
            Schedule::managing("late", bell(Edge::Close, -30)),
            Schedule::managing("ladder", step),
        ]
    }

    fn memory(&self) -> String {
        let slots = self.slots.iter().map(|slot| (slot.key.clone(), slot.memory.clone())).collect();
        memory::write(VERSION, &Stored { slots })
    }

    fn restore(&mut self, memory: &str) -> Result<(), MemoryError> {
        let Some(mut read) = memory::read::<Stored>(VERSION, memory)? else { return Ok(()) };
        for (slot, instrument) in self.slots.iter_mut().zip(&mut self.head.instruments) {
            // Its parameters name the shares by the symbol of now, its memory may have been written under the one before.
            let own = read.slots.remove(&slot.key).or_else(|| {
                let now = |memory: &Memory| memory.renamed_to.as_ref() == Some(&slot.symbol);
                let key = read.slots.iter().find(|(_, memory)| now(memory)).map(|(key, _)| key.clone())?;
                read.slots.remove(&key)
            });
            slot.memory = own.unwrap_or_default();
            if let Some(symbol) = &slot.memory.renamed_to {
                slot.symbol = symbol.clone();
                *instrument = Instrument::Equity { symbol: symbol.clone() };
            }
        }
        Ok(())
    }

    fn on_input(
        &mut self,
        now: Timestamp,
        input: StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        match input {
            StrategyInput::Due { schedule, .. } => self.on_due(schedule, now, books, out),
            StrategyInput::Started | StrategyInput::Resumed | StrategyInput::ParamsChanged => {
                let resumed = matches!(input, StrategyInput::Resumed);
                for at in 0..self.slots.len() {
                    // A person has looked at what nobody explained, and goes on.
                    if resumed && std::mem::take(&mut self.slots[at].memory.unexplained) {
                        out.push(Output::Remember);
                    }
                    self.protect_now(at, now, books, out);
                    if self.slots[at].memory.waiting {
                        self.ask(at, now, books, out);
                    }
                }
            }
            StrategyInput::ChainReady(chain) => {
                let found = self.slots.iter().position(|slot| slot.symbol == chain.underlying);
                if let Some(at) = found {
                    self.evaluate(at, now, books, out);
                }
            }
            other => self.on_heard(now, &other, books, out),
        }
    }
}
