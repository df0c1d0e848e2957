//! Slots: what an option strategy keeps of each of its underlyings, how that is stored and found again, and the rhythm in which it evaluates.
//! What an evaluation decides is the strategy's own.

use std::collections::BTreeMap;

use jiff::civil::{Date, time};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::domain::calendar::exchange_date;
use crate::domain::chain::Chain;
use crate::domain::execution::ExecutionKind;
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::Quantity;
use crate::domain::option::Right;
use crate::strategies::params::{ParamError, Params};
use crate::strategies::schedule::{Edge, Schedule, ScheduleSpec, Within};
use crate::strategies::{Books, Head, MemoryError, Need, Output, Strategy, StrategyInput, memory};

use super::hours::Hours;
use super::ladder::{LOOK, Ladder};
use super::market::{Limits, delivers};
use super::positions::{Positions, SETTLE_LATE, late_settlement};

/// What every such strategy remembers of an underlying, beside what is its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::strategies) struct Kept {
    /// Prices of what is being traded.
    #[serde(flatten)]
    pub(in crate::strategies) limits: Limits,
    /// An evaluation waits for a chain.
    pub(in crate::strategies) waiting: bool,
    /// What the shares trade as since a symbol change.
    pub(in crate::strategies) renamed_to: Option<Symbol>,
    /// A decision of the holder is wanted; nothing is opened until it was made.
    pub(in crate::strategies) frozen: bool,
    /// Something happened to the shares that nobody explains; nothing is opened until a person lets it go on.
    pub(in crate::strategies) unexplained: bool,
    /// The day on which somebody last closed options of its by hand: nothing takes their place on that day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::strategies) by_hand: Option<Date>,
    /// Shares that options have brought (positive) or taken and that have not come or gone, and since which day: until then nobody knows what
    /// is held, and nothing is written on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    awaited: Option<(Decimal, Date)>,
}

impl Kept {
    /// Are shares of an assignment or exercise on their way.
    pub(in crate::strategies) fn awaits_shares(&self) -> bool {
        self.awaited.is_some()
    }

    /// Options have been assigned or exercised, or the shares of that have come or gone: the two are told one after the other, in either order.
    fn await_shares(&mut self, units: Decimal, today: Date) {
        let (before, since) = self.awaited.unwrap_or((Decimal::ZERO, today));
        let left = before + units;
        self.awaited = (!left.is_zero()).then_some((left, since));
    }

    /// Shares came or went and nobody says why: where that is what was waited for, it is over.
    fn find_shares(&mut self, units: Decimal) -> bool {
        let Some((left, since)) = self.awaited else { return false };
        if units.is_zero() || left.is_sign_positive() != units.is_sign_positive() {
            return false;
        }
        let rest = if units.abs() < left.abs() { left - units } else { Decimal::ZERO };
        self.awaited = (!rest.is_zero()).then_some((rest, since));
        true
    }

    /// Did somebody close options of its by hand today.
    pub(in crate::strategies) fn is_in_hand(&self, today: Date) -> bool {
        self.by_hand == Some(today)
    }
}

/// A memory of such a strategy: what all of them keep is in it.
pub(in crate::strategies) trait SlotMemory:
    Clone + Default + Send + Serialize + DeserializeOwned + AsRef<Kept> + AsMut<Kept>
{
}

impl<M: Clone + Default + Send + Serialize + DeserializeOwned + AsRef<Kept> + AsMut<Kept>> SlotMemory for M {}

/// One underlying.
#[derive(Clone, Debug)]
pub(in crate::strategies) struct Slot<M> {
    /// As the parameters say it: what the memory is found by.
    key: String,
    pub(in crate::strategies) symbol: Symbol,
    pub(in crate::strategies) memory: M,
    /// On which day a late settlement was said.
    settle_said: Option<Date>,
}

/// What is stored: the slots by the symbol that the parameters say.
#[derive(Serialize, Deserialize)]
struct Stored<M> {
    slots: BTreeMap<String, M>,
}

/// A slot for each underlying, in their order.
fn slots<M: SlotMemory>(underlyings: &[Instrument]) -> Vec<Slot<M>> {
    let slot = |instrument: &Instrument| Slot {
        key: instrument.key(),
        symbol: instrument.root().clone(),
        memory: M::default(),
        settle_said: None,
    };
    underlyings.iter().map(slot).collect()
}

/// The slots' memories as text.
fn write<M: SlotMemory>(version: u32, slots: &[Slot<M>]) -> String {
    let slots = slots.iter().map(|slot| (slot.key.clone(), slot.memory.clone())).collect();
    memory::write(version, &Stored::<M> { slots })
}

/// The other way round; `underlyings` become what the slots trade now.
fn restore<M: SlotMemory>(
    version: u32,
    text: &str,
    slots: &mut [Slot<M>],
    underlyings: &mut [Instrument],
) -> Result<(), MemoryError> {
    let Some(mut read) = memory::read::<Stored<M>>(version, text)? else { return Ok(()) };
    for (slot, instrument) in slots.iter_mut().zip(underlyings) {
        // Its parameters name the shares by the symbol of now, its memory may have been written under the one before.
        let own = read.slots.remove(&slot.key).or_else(|| {
            let now = |memory: &M| memory.as_ref().renamed_to.as_ref() == Some(&slot.symbol);
            let key = read.slots.iter().find(|(_, memory)| now(memory)).map(|(key, _)| key.clone())?;
            read.slots.remove(&key)
        });
        slot.memory = own.unwrap_or_default();
        if let Some(symbol) = &slot.memory.as_ref().renamed_to {
            slot.symbol = symbol.clone();
            *instrument = Instrument::Equity { symbol: symbol.clone() };
        }
    }
    Ok(())
}

/// When all of them evaluate: a minute after the open, at 09:45 and 12:30, half an hour and a quarter of one before the close; their orders
/// walk each half minute.
fn schedules() -> Vec<Schedule> {
    let step = ScheduleSpec::Every { step: LOOK, within: Within::Regular };
    vec![
        Schedule::managing("open", bell(Edge::Open, 1)),
        Schedule::managing("evaluate", ScheduleSpec::at(vec![time(9, 45, 0, 0), time(12, 30, 0, 0)])),
        Schedule::managing("late", bell(Edge::Close, -30)),
        Schedule::managing("last", bell(Edge::Close, -15)),
        // The evaluations come before the orders walk.
        Schedule::managing(LADDER, step),
    ]
}

/// So many minutes from a bell.
const fn bell(edge: Edge, minutes: i64) -> ScheduleSpec {
    ScheduleSpec::Bell { edge, offset: SignedDuration::from_mins(minutes) }
}

/// The schedule at which working orders walk.
const LADDER: &str = "ladder";

/// A chain without a contract, for what needs none.
fn no_chain(symbol: &Symbol) -> Chain {
    Chain { underlying: symbol.clone(), spot: None, expiries: Vec::new(), rows: Vec::new() }
}

/// An instant at which a slot is looked at, with what it may look at.
#[derive(Clone, Copy)]
pub(in crate::strategies) struct Moment<'a> {
    pub(in crate::strategies) now: Timestamp,
    pub(in crate::strategies) hours: Hours,
    pub(in crate::strategies) books: &'a dyn Books,
    pub(in crate::strategies) chain: &'a Chain,
}

/// Parameters of such a strategy.
pub(in crate::strategies) trait SlotParams: Send + Sized {
    /// Reads them. The underlyings are those of `symbols`, or `instruments` where none are said.
    fn read(instruments: Vec<Instrument>, params: &Params) -> Result<(Self, Vec<Instrument>), ParamError>;

    /// How orders walk.
    fn ladder(&self) -> Ladder;
}

/// A strategy that evaluates slot by slot, with its own parameters and memory.
#[derive(Clone, Debug)]
pub(in crate::strategies) struct Slotted<P, M> {
    /// Its instruments are what its slots trade now, in the order of the parameters.
    pub(in crate::strategies) head: Head,
    pub(in crate::strategies) params: P,
    pub(in crate::strategies) slots: Vec<Slot<M>>,
}

/// What is its own of such a strategy.
pub(in crate::strategies) trait Evaluates {
    /// Its kind, such as `wheel`.
    const KIND: &'static str;
    /// Version of what it remembers.
    const VERSION: u32;

    /// The most money it may have at work, where its parameters bound it.
    fn most_capital(&self, _equity: Decimal) -> Option<Decimal> {
        None
    }

    /// What the next evaluation of a slot must know; the chain comes last, and with it the evaluation.
    fn needs(&self, at: usize, now: Timestamp, books: &dyn Books) -> Vec<Need>;

    /// What cannot wait for a chain.
    fn cover(&mut self, at: usize, moment: Moment<'_>, out: &mut Vec<Output>);

    /// All steps of an evaluation.
    fn take_turn(&mut self, at: usize, moment: Moment<'_>, out: &mut Vec<Output>);

    /// What is heard between evaluations.
    fn on_heard(
        &mut self,
        now: Timestamp,
        input: &StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    );
}

impl<P: SlotParams, M: SlotMemory> Slotted<P, M>
where
    Self: Evaluates,
{
    /// Makes one.
    pub(in crate::strategies) fn new(
        name: SmolStr,
        instruments: Vec<Instrument>,
        params: &Params,
    ) -> Result<Self, ParamError> {
        let (params, instruments) = P::read(instruments, params)?;
        let slots = slots(&instruments);
        Ok(Self { slots, head: Head::new(Self::KIND, name, instruments), params })
    }

    /// What all of them keep of a slot.
    fn kept(&mut self, at: usize) -> &mut Kept {
        self.slots[at].memory.as_mut()
    }

    /// The slot of an instrument, or of an option on it.
    pub(in crate::strategies) fn slot_of(&self, instrument: &Instrument) -> Option<usize> {
        self.slots.iter().position(|slot| slot.symbol == *instrument.root())
    }

    /// Asks for what the next evaluation of a slot must know.
    pub(in crate::strategies) fn ask(
        &mut self,
        at: usize,
        now: Timestamp,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        if !std::mem::replace(&mut self.kept(at).waiting, true) {
            out.push(Output::Remember);
        }
        out.extend(self.needs(at, now, books).into_iter().map(Output::Need));
    }

    /// Covers what nothing covers, where the market is open.
    pub(in crate::strategies) fn protect_now(
        &mut self,
        at: usize,
        now: Timestamp,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        let Some(hours) = Hours::at(books.calendar(), now) else { return };
        let empty = no_chain(&self.slots[at].symbol);
        self.cover(at, Moment { now, hours, books, chain: &empty }, out);
    }

    /// It owns another number of options, and no order of its own is why: where they are fewer, a person has taken them.
    pub(in crate::strategies) fn see_hand(
        &mut self,
        at: usize,
        now: Timestamp,
        (instrument, before, units): (&Instrument, Quantity, Quantity),
        out: &mut Vec<Output>,
    ) {
        if instrument.as_option().is_some() && units.abs() < before.abs() {
            self.kept(at).by_hand = Some(exchange_date(now));
            out.push(Output::Remember);
        }
    }

    /// Keeps count of shares that options bring and take: at most brokers, and at the paper venue, they move a moment after the options. True
    /// where the count has changed.
    fn note_shares(&mut self, now: Timestamp, input: &StrategyInput<'_>, books: &dyn Books) -> bool {
        let today = exchange_date(now);
        let slot = |instrument: &Instrument| self.slot_of(instrument);
        match input {
            StrategyInput::Assigned(execution) | StrategyInput::Exercised(execution) => {
                let Some(contract) = execution.instrument.as_option() else { return false };
                let Some(at) = slot(&execution.instrument) else { return false };
                // A short put that is closed brings shares, a short call takes them; long ones the other way round.
                let brings = (contract.right == Right::Put) == execution.side.is_buy();
                let units = execution.quantity.get() * delivers(books, contract);
                self.kept(at).await_shares(if brings { units } else { -units }, today);
                true
            }
            StrategyInput::Execution(execution)
                if matches!(execution.kind, ExecutionKind::Assignment | ExecutionKind::Exercise)
                    && execution.instrument.as_option().is_none() =>
            {
                let Some(at) = slot(&execution.instrument) else { return false };
                self.kept(at).await_shares(-execution.signed_quantity().get(), today);
                true
            }
            StrategyInput::PositionChanged { instrument, before, now: after }
                if instrument.as_option().is_none() =>
            {
                let Some(at) = slot(instrument) else { return false };
                self.kept(at).find_shares((*after - *before).get())
            }
            _ => false,
        }
    }

    /// A start, a return from a pause, or other parameters.
    fn begin(&mut self, resumed: bool, now: Timestamp, books: &dyn Books, out: &mut Vec<Output>) {
        for at in 0..self.slots.len() {
            // A person has looked at what nobody explained, and goes on.
            if resumed && std::mem::take(&mut self.kept(at).unexplained) {
                out.push(Output::Remember);
            }
            self.protect_now(at, now, books, out);
            if self.kept(at).waiting {
                self.ask(at, now, books, out);
            }
        }
    }

    /// A due time: orders walk, or every slot is looked at.
    fn due(&mut self, schedule: &str, now: Timestamp, books: &dyn Books, out: &mut Vec<Output>) {
        for at in 0..self.slots.len() {
            if schedule == LADDER {
                let slot = &self.slots[at];
                slot.memory.as_ref().limits.step(self.params.ladder(), books, &slot.symbol, now, out);
            } else {
                self.ask(at, now, books, out);
            }
        }
    }

    /// The chain that an evaluation waited for has come.
    fn evaluate(&mut self, underlying: &Symbol, now: Timestamp, books: &dyn Books, out: &mut Vec<Output>) {
        let Some(at) = self.slots.iter().position(|slot| slot.symbol == *underlying) else { return };
        if !std::mem::take(&mut self.kept(at).waiting) {
            return;
        }
        out.push(Output::Remember);
        let Some(chain) = books.chain(underlying) else { return };
        let Some(hours) = Hours::at(books.calendar(), now) else { return };
        self.say_late_settlement(at, (now, hours), books, out);
        self.take_turn(at, Moment { now, hours, books, chain }, out);
    }

    /// Says once a day that something has expired and still stands in the account.
    fn say_late_settlement(
        &mut self,
        at: usize,
        (now, hours): (Timestamp, Hours),
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        let slot = &mut self.slots[at];
        let kept = slot.memory.as_mut();
        if let Some((units, since)) = kept.awaited
            && since < hours.today
            && hours.since_open(now) >= SETTLE_LATE
        {
            // What is held by now is what is held: it goes on by that.
            kept.awaited = None;
            let (name, symbol) = (&self.head.name, &slot.symbol);
            let text = format!(
                "{name}: SETTLE_LATE {units} {symbol} of an assignment of {since} were not seen to move"
            );
            out.push(Output::Alert(text));
        }
        if slot.settle_said == Some(hours.today) {
            return;
        }
        if let Some(contract) = late_settlement(&Positions::of(books, &slot.symbol), hours, now) {
            slot.settle_said = Some(hours.today);
            let name = &self.head.name;
            let text = format!("{name}: SETTLE_LATE {contract} has expired and still stands in the account");
            out.push(Output::Alert(text));
        }
    }

    /// Takes what is the same for all of them; false where it is something that the strategy hears itself.
    fn takes(
        &mut self,
        now: Timestamp,
        input: &StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) -> bool {
        match input {
            StrategyInput::Due { schedule, .. } => self.due(schedule, now, books, out),
            StrategyInput::Started | StrategyInput::ParamsChanged => self.begin(false, now, books, out),
            StrategyInput::Resumed => self.begin(true, now, books, out),
            StrategyInput::ChainReady(chain) => self.evaluate(&chain.underlying, now, books, out),
            _ => return false,
        }
        true
    }
}

impl<P: SlotParams, M: SlotMemory> Strategy for Slotted<P, M>
where
    Self: Evaluates,
{
    fn head(&self) -> &Head {
        &self.head
    }

    fn capital_max(&self, equity: Decimal) -> Option<Decimal> {
        self.most_capital(equity)
    }

    fn schedules(&self) -> Vec<Schedule> {
        schedules()
    }

    fn memory(&self) -> String {
        write(Self::VERSION, &self.slots)
    }

    fn restore(&mut self, memory: &str) -> Result<(), MemoryError> {
        restore(Self::VERSION, memory, &mut self.slots, &mut self.head.instruments)
    }

    fn on_input(
        &mut self,
        now: Timestamp,
        input: StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        if self.note_shares(now, &input, books) {
            out.push(Output::Remember);
        }
        if !self.takes(now, &input, books, out) {
            self.on_heard(now, &input, books, out);
        }
    }
}
