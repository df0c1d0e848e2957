//! The wheel: cash-secured puts, shares when they are assigned, covered calls on those, cash when the shares are called away
//! (strategies §6).
//!
//! Positions are read at every evaluation and are never remembered. What is remembered is the campaign's ledger and a few dates.

mod calls;
mod campaign;
mod events;
mod heard;
mod params;
mod phase;
mod protect;
mod puts;
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
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::quote::Interval;

use super::options::SHARES;
use super::options::hours::Hours;
use super::options::positions::{Positions, late_settlement};
use super::params::{ParamError, Params};
use super::schedule::{Edge, Schedule, ScheduleSpec, Within};
use super::{Books, Head, MemoryError, Need, Output, Strategy, StrategyInput, memory};

use campaign::Memory;
use params::WheelParams;
use turn::Turn;

pub(super) use params::PARAMS;

/// What it does.
pub(super) const ABOUT: &str =
    "sells cash-secured puts, takes the shares when they are assigned, and sells covered calls on them";

/// Version of what it remembers.
const VERSION: u32 = 1;
/// Daily bars that the deviation of a day's move is worked out of, and one for the first change.
const BARS: usize = 31;
/// Days beyond `dte_max` that a roll may reach.
const ROLL_BEYOND: i32 = 30;

/// The strategy.
#[derive(Clone, Debug)]
struct Wheel {
    /// Its instruments are what its slots trade now, in the order of the parameters.
    head: Head,
    params: WheelParams,
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
    let (params, instruments) = WheelParams::read(instruments, params)?;
    let slots = instruments.iter().map(|instrument| Slot {
        key: instrument.key(),
        symbol: instrument.root().clone(),
        memory: Memory::default(),
        settle_said: None,
    });
    Ok(Box::new(Wheel { slots: slots.collect(), head: Head::new("wheel", name, instruments), params }))
}

impl Wheel {
    /// Asks for what the next evaluation of a slot must know; the chain comes last, and with it the evaluation.
    fn ask(&mut self, at: usize, now: Timestamp, books: &dyn Books, out: &mut Vec<Output>) {
        let slot = &mut self.slots[at];
        let today = exchange_date(now);
        let positions = Positions::of(books, &slot.symbol);
        let first = plus_days(today, i64::from(self.params.days("dte_min")));
        let held = positions.short.iter().map(|held| held.contract.expiry).min();
        let beyond = i64::from(self.params.days("dte_max") + ROLL_BEYOND);
        if !slot.memory.waiting {
            slot.memory.waiting = true;
            out.push(Output::Remember);
        }
        let underlying = slot.symbol.clone();
        let sigma = ["write_put_when", "write_call_when"].map(|name| self.params.word(name));
        if sigma.contains(&"move_sigma") {
            let instrument = Instrument::Equity { symbol: underlying.clone() };
            out.push(Output::Need(Need::Bars { instrument, interval: Interval::Day1, count: BARS }));
        }
        out.push(Output::Need(Need::Events { underlying: underlying.clone() }));
        let from = held.map_or(first, |held| held.min(first)).max(today);
        out.push(Output::Need(Need::Chain { underlying, from, until: plus_days(today, beyond) }));
    }

    /// What cannot wait for a chain.
    fn protect_now(&mut self, at: usize, now: Timestamp, books: &dyn Books, out: &mut Vec<Output>) {
        let Some(hours) = Hours::at(books.calendar(), now) else { return };
        let empty = protect::no_chain(&self.slots[at].symbol);
        let mut turn = Turn::new(self, at, now, hours, books, &empty, out);
        turn.cover();
    }

    fn evaluate(&mut self, at: usize, now: Timestamp, books: &dyn Books, out: &mut Vec<Output>) {
        if !std::mem::take(&mut self.slots[at].memory.waiting) {
            return;
        }
        out.push(Output::Remember);
        let symbol = self.slots[at].symbol.clone();
        let Some(chain) = books.chain(&symbol) else { return };
        let Some(hours) = Hours::at(books.calendar(), now) else { return };
        self.say_late_settlement(at, now, hours, books, out);
        Turn::new(self, at, now, hours, books, chain, out).run();
    }

    fn say_late_settlement(
        &mut self,
        at: usize,
        now: Timestamp,
        hours: Hours,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        let slot = &mut self.slots[at];
        if slot.settle_said == Some(hours.today) {
            return;
        }
        if let Some(contract) = late_settlement(&Positions::of(books, &slot.symbol), hours, now) {
            slot.settle_said = Some(hours.today);
            let text = format!(
                "{}: SETTLE_LATE {contract} has expired and still stands in the account",
                self.head.name
            );
            out.push(Output::Alert(text));
        }
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

impl Strategy for Wheel {
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
            Schedule::managing("last", bell(Edge::Close, -15)),
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
                let slots = 0..self.slots.len();
                if let Some(at) = slots.into_iter().find(|at| self.slots[*at].symbol == chain.underlying) {
                    self.evaluate(at, now, books, out);
                }
            }
            other => self.on_heard(now, &other, books, out),
        }
    }
}
