//! One strategy of the profile: what it is, where it is in its life, what it remembers and owns.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::domain::account::AccountMode;
use crate::domain::bot::BotState;
use crate::domain::chain::Chain;
use crate::domain::corporate::{CorporateAction, renamed};
use crate::domain::denial::DenialCode;
use crate::domain::events::UnderlyingEvents;
use crate::domain::execution::Execution;
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::Quantity;
use crate::domain::order::OrderSubject;
use crate::domain::quote::{Bar, Interval, Quote};
use crate::domain::strategy::{DecisionRecord, StoredStrategy, StrategyPhase, StrategyRules, StrategySpec};
use crate::strategies::schedule::Timetable;
use crate::strategies::{Decision, Need, Proposal, Schedule, Strategy};

use super::{Guards, Ledger};

/// The version of what is stored of a strategy. A newer one is kept as it is, and not run.
const STATE_VERSION: u32 = 1;

/// Something a strategy is told.
#[derive(Clone, Debug)]
pub(in crate::core) enum Event {
    /// New prices.
    Quote(Box<Quote>),
    /// A complete bar.
    Bar { instrument: Instrument, interval: Interval, bar: Bar },
    /// One of its orders filled, or one of its options ended.
    Execution(Box<Execution>),
    /// One of its orders has another status.
    Order(ClientOrderId),
    /// It owns another number of units, and no execution of its own says why.
    Position { instrument: Instrument, before: Quantity, now: Quantity },
    /// A proposal was denied.
    Denied(DenialCode, Box<OrderSubject>),
    /// One of its schedules is due.
    Due { schedule: SmolStr, due_at: Timestamp },
    /// What it asked for has come; it is in its books.
    Chain(Symbol),
    /// Likewise.
    Bars(Instrument, Interval),
    /// Likewise, as far as anybody knows.
    Dates(Symbol),
    /// It stands still.
    Paused,
    /// It stood still, and goes on.
    Resumed,
    /// Cash, rights or restrictions of its account have changed.
    Account,
    /// A company did something to shares of its.
    Corporate(Box<CorporateAction>),
    /// It was made anew with other parameters.
    ParamsChanged,
}

impl Event {
    /// Does it say what became of something that it owns or has at work: told late rather than never.
    pub(in crate::core) const fn lasts(&self) -> bool {
        matches!(self, Self::Execution(_) | Self::Position { .. } | Self::Order(_) | Self::Corporate(_))
    }
}

/// What is stored of it beside its spec.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    phase: StrategyPhase,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory: Option<String>,
    #[serde(default)]
    ledger: Ledger,
    #[serde(default)]
    guards: Guards,
    #[serde(default)]
    last_bars: Vec<(Instrument, Timestamp)>,
    #[serde(default)]
    adopted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handled: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    tags: VecDeque<(String, ClientOrderId)>,
    /// What it owns is to be closed before it has stopped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    flattening: bool,
}

/// What a strategy asked for and has been told; the newest of each.
#[derive(Debug, Default)]
pub(in crate::core) struct Known {
    pub(in crate::core) chains: BTreeMap<Symbol, Chain>,
    pub(in crate::core) bars: BTreeMap<(Instrument, Interval), Vec<Bar>>,
    pub(in crate::core) dates: BTreeMap<Symbol, UnderlyingEvents>,
}

/// An order that waits for a person.
#[derive(Clone, Debug)]
pub(in crate::core) struct Unconfirmed {
    pub(in crate::core) number: u32,
    pub(in crate::core) at: Timestamp,
    /// A bot's own name of it.
    pub(in crate::core) tag: Option<String>,
    pub(in crate::core) proposal: Proposal,
    pub(in crate::core) decision: Decision,
}

/// Units by instrument, signed.
pub(in crate::core) type Owned = Vec<(Instrument, Quantity)>;

/// A strategy that is being closed out.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Flattening {
    /// What it owned when orders for it were made last; nothing where that is to be done anew.
    pub(in crate::core) tried: Owned,
    /// When it was last seen that nothing can be done yet, and what it owned then.
    pub(in crate::core) seen: Option<(Timestamp, Owned)>,
}

/// A strategy of the profile.
pub(in crate::core) struct Instance {
    pub(in crate::core) spec: StrategySpec,
    pub(in crate::core) mode: AccountMode,
    /// It is to run, also after a restart.
    pub(in crate::core) enabled: bool,
    pub(in crate::core) phase: StrategyPhase,
    pub(in crate::core) reason: Option<String>,
    /// Its own state, as it last wanted it kept.
    pub(in crate::core) memory: Option<String>,
    pub(in crate::core) ledger: Ledger,
    pub(in crate::core) guards: Guards,
    /// Start of the newest bar that it was told of, by instrument: none comes twice.
    pub(in crate::core) last_bars: BTreeMap<Instrument, Timestamp>,
    /// Due times up to here are done with.
    pub(in crate::core) handled: Option<Timestamp>,
    /// Its schedules, while it lives.
    pub(in crate::core) timetable: Option<Timetable>,
    /// What it asked for, and when.
    pub(in crate::core) needs: Vec<(Need, Timestamp)>,
    /// What it has been told.
    pub(in crate::core) known: Known,
    /// What it was to adopt it has.
    pub(in crate::core) adopted: bool,
    pub(in crate::core) created_at: Timestamp,
    pub(in crate::core) changed_at: Timestamp,
    /// Itself, while it lives.
    pub(in crate::core) strategy: Option<Box<dyn Strategy>>,
    /// Histories that it waits for.
    pub(in crate::core) awaits: BTreeSet<Instrument>,
    /// What has come of them: end, instrument, bar.
    pub(in crate::core) history: Vec<(Timestamp, Instrument, Bar)>,
    /// The newest reason not to do something, by instrument, and when it was written down.
    pub(in crate::core) said: BTreeMap<Option<Instrument>, (SmolStr, Timestamp)>,
    /// When it was last told of prices, and whether there are newer ones since.
    pub(in crate::core) quoted: BTreeMap<Instrument, (Timestamp, bool)>,
    pub(in crate::core) last_decision: Option<DecisionRecord>,
    /// Orders proposed in this step.
    pub(in crate::core) proposed: usize,
    /// It has other parameters since it was last told so.
    pub(in crate::core) changed: bool,
    /// It was paused before it began anew.
    pub(in crate::core) resumes: bool,
    /// It is being closed out.
    pub(in crate::core) flattening: Option<Flattening>,
    /// What happened to what it owns while it was told the past, oldest first.
    pub(in crate::core) late: Vec<Event>,
    /// Something of it is to be written.
    pub(in crate::core) dirty: bool,
    /// A bot's own names of its orders, oldest first.
    pub(in crate::core) tags: VecDeque<(String, ClientOrderId)>,
    /// What it proposed and a person has not confirmed, oldest first.
    pub(in crate::core) unconfirmed: VecDeque<Unconfirmed>,
    /// The number of its next proposal.
    pub(in crate::core) next_proposal: u32,
    /// The process behind it, where it is a bot.
    pub(in crate::core) bot: Option<BotState>,
    /// When a bot wants to be evaluated, as its process says.
    pub(in crate::core) bot_schedules: Vec<Schedule>,
    /// Whether the exchange was open when a bot was last told.
    pub(in crate::core) told_open: Option<bool>,
    /// It is of a newer program, or cannot be read: kept as it is.
    pub(in crate::core) frozen: bool,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("spec", &self.spec)
            .field("phase", &self.phase)
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}

impl Instance {
    /// A new one, at rest.
    pub(in crate::core) fn new(spec: StrategySpec, mode: AccountMode, now: Timestamp) -> Self {
        Self {
            spec,
            mode,
            enabled: false,
            phase: StrategyPhase::Disabled,
            reason: None,
            memory: None,
            ledger: Ledger::default(),
            guards: Guards::default(),
            last_bars: BTreeMap::new(),
            handled: None,
            timetable: None,
            needs: Vec::new(),
            known: Known::default(),
            adopted: false,
            created_at: now,
            changed_at: now,
            strategy: None,
            awaits: BTreeSet::new(),
            history: Vec::new(),
            said: BTreeMap::new(),
            quoted: BTreeMap::new(),
            last_decision: None,
            proposed: 0,
            changed: false,
            resumes: false,
            flattening: None,
            late: Vec::new(),
            dirty: true,
            tags: VecDeque::new(),
            unconfirmed: VecDeque::new(),
            next_proposal: 1,
            bot: None,
            bot_schedules: Vec::new(),
            told_open: None,
            frozen: false,
        }
    }

    /// Another phase, and why.
    pub(in crate::core) fn enter(&mut self, phase: StrategyPhase, reason: Option<String>) {
        (self.phase, self.reason, self.dirty) = (phase, reason, true);
        if !matches!(phase, StrategyPhase::Starting) {
            self.awaits.clear();
            self.history.clear();
        }
        if !matches!(phase, StrategyPhase::Starting | StrategyPhase::Running) {
            self.late.clear();
        }
        if !matches!(phase, StrategyPhase::Starting | StrategyPhase::Running) {
            self.handled = self.timetable.take().map(|timetable| timetable.handled()).or(self.handled);
            self.needs.clear();
        }
    }

    /// Does it want bars and prices of this.
    pub(in crate::core) fn watches(&self, instrument: &Instrument) -> bool {
        self.spec.instruments.contains(instrument)
    }

    /// Shares trade under another symbol: what it trades and owns of them, and options on them, does too.
    pub(in crate::core) fn rename(&mut self, old: &Instrument, to: &Symbol) {
        let new = |instrument: &Instrument| renamed(instrument, old, to);
        for instrument in self.spec.instruments.iter_mut().chain(&mut self.spec.adopt) {
            if let Some(new) = new(instrument) {
                *instrument = new;
            }
        }
        let bars = std::mem::take(&mut self.last_bars);
        self.last_bars = bars.into_iter().map(|(it, at)| (new(&it).unwrap_or(it), at)).collect();
        self.ledger.rename(&new);
        self.guards.rename(&new);
        self.dirty = true;
    }

    /// As it is written down.
    pub(in crate::core) fn stored(&self) -> StoredStrategy {
        let state = State {
            phase: self.phase,
            reason: self.reason.clone(),
            memory: self.memory.clone(),
            ledger: self.ledger.clone(),
            guards: self.guards.clone(),
            last_bars: self.last_bars.iter().map(|(i, at)| (i.clone(), *at)).collect(),
            adopted: self.adopted,
            tags: self.tags.clone(),
            flattening: self.flattening.is_some(),
            handled: self.timetable.as_ref().map(Timetable::handled).or(self.handled),
        };
        StoredStrategy {
            name: self.spec.name.clone(),
            kind: self.spec.kind.clone(),
            account: self.spec.account.clone(),
            mode: self.mode,
            enabled: self.enabled,
            spec: serde_json::to_string(&self.spec).unwrap_or_default(),
            state: serde_json::to_string(&state).unwrap_or_default(),
            version: STATE_VERSION,
            created_at: self.created_at,
            changed_at: self.changed_at,
        }
    }
}

/// A strategy as the last engine left it. One of a newer program, or that cannot be read, is shown and left as it is.
pub(in crate::core) fn restore(stored: &StoredStrategy) -> Instance {
    if stored.version > STATE_VERSION {
        let reason = format!(
            "its state is of version {}, this program knows {STATE_VERSION}: use the newer arbion; nothing of it was changed",
            stored.version
        );
        return frozen(stored, reason);
    }
    let spec: Result<StrategySpec, _> = serde_json::from_str(&stored.spec);
    let state: Result<State, _> = serde_json::from_str(&stored.state);
    let (spec, state) = match (spec, state) {
        (Ok(spec), Ok(state)) => (spec, state),
        (Err(error), _) | (_, Err(error)) => {
            return frozen(stored, format!("its state cannot be read ({error}); nothing of it was changed"));
        }
    };
    Instance {
        enabled: stored.enabled,
        phase: state.phase,
        reason: state.reason,
        memory: state.memory,
        ledger: state.ledger,
        guards: state.guards,
        last_bars: state.last_bars.into_iter().collect(),
        adopted: state.adopted,
        handled: state.handled,
        tags: state.tags,
        flattening: state.flattening.then(Flattening::default),
        changed_at: stored.changed_at,
        dirty: false,
        ..Instance::new(spec, stored.mode, stored.created_at)
    }
}

fn frozen(stored: &StoredStrategy, reason: String) -> Instance {
    let bare = || StrategySpec {
        name: stored.name.clone(),
        kind: stored.kind.clone(),
        account: stored.account.clone(),
        instruments: Vec::new(),
        interval: Interval::Day1,
        params: BTreeMap::new(),
        adopt: Vec::new(),
        rules: StrategyRules::default(),
        exits: None,
    };
    let spec = serde_json::from_str(&stored.spec).unwrap_or_else(|_| bare());
    Instance {
        phase: StrategyPhase::Faulted,
        reason: Some(reason),
        enabled: stored.enabled,
        changed_at: stored.changed_at,
        dirty: false,
        frozen: true,
        ..Instance::new(spec, stored.mode, stored.created_at)
    }
}
