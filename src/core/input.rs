//! What may happen to the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::domain::account::{AccountKind, AccountMode};
use crate::domain::alert::{Alert, AlertChange};
use crate::domain::bot::{BotState, BotTerms};
use crate::domain::calendar::Calendar;
use crate::domain::capabilities::Capabilities;
use crate::domain::chain::Chain;
use crate::domain::events::UnderlyingEvents;
use crate::domain::execution::{AccountEvent, CashEntry, Execution};
use crate::domain::exit::{ExitChange, ExitGroup, ExitPlan};
use crate::domain::ids::{AccountId, ClientOrderId, OrderNumber};
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec, Symbol};
use crate::domain::limits::{RiskLimits, TradingState};
use crate::domain::money::{Currency, Money, Price};
use crate::domain::order::{Order, OrderChange, OrderFate, OrderRequest};
use crate::domain::quote::{Bar, Feed, Interval, Quote};
use crate::domain::snapshot::{Connection, LogLine, MarketClock, ReplayState, Severity, Watchlist};
use crate::domain::strategy::{DecisionRecord, StoredStrategy, StrategyChange};
use crate::strategies::BotWant;

use super::effect::{RequestId, Ticket};

/// An account the engine keeps books for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountSetup {
    /// Its id.
    pub account: AccountId,
    /// Cash or margin.
    pub kind: AccountKind,
    /// Paper or live.
    pub mode: AccountMode,
    /// The currency it is kept in.
    pub currency: Currency,
    /// Cash before the first journalled execution, per currency.
    pub opening_cash: Vec<Money>,
    /// Options level 0 to 4.
    pub options_level: u8,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Its limits.
    pub limits: RiskLimits,
}

/// What a start finds in the journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Restored {
    /// Orders, oldest first; all working ones, and the recent others.
    pub orders: Vec<Order>,
    /// Executions, oldest first: all of them, so that the books are a function of the journal.
    pub executions: Vec<Execution>,
    /// Cash movements, oldest first: all of them.
    pub cash: Vec<CashEntry>,
    /// The number the next order gets.
    pub next_number: Option<OrderNumber>,
    /// The kill switch as it was left.
    pub trading_state: TradingState,
    /// Equity when the current account day began, if that is on record.
    pub day_start_equity: Vec<(AccountId, rust_decimal::Decimal)>,
    /// When that was recorded, which may be long before the day began or after: what was paid in since then is not in it.
    #[serde(default)]
    pub day_start_at: Vec<(AccountId, Timestamp)>,
    /// What each holding was last valued at, as it was last written.
    #[serde(default)]
    pub last_prices: Vec<(AccountId, Instrument, Price)>,
    /// High points of equity within the last 20 account days, oldest first.
    pub equity_highs: Vec<(AccountId, Timestamp, rust_decimal::Decimal)>,
    /// Shares that fell by ten per cent and the session of it.
    pub fallen: Vec<(Instrument, jiff::civil::Date)>,
    /// Accounts on which automation waits for a person, and why.
    pub paused: Vec<(AccountId, String)>,
    /// Alerts, those that rang among them.
    #[serde(default)]
    pub alerts: Vec<Alert>,
    /// Strategies as they were left.
    #[serde(default)]
    pub strategies: Vec<StoredStrategy>,
    /// The newest decision of each.
    #[serde(default)]
    pub decisions: Vec<DecisionRecord>,
    /// The newest log lines, oldest first.
    pub log: Vec<LogLine>,
    /// Exit plans, with where each stands.
    pub exits: Vec<ExitGroup>,
    /// What the guards of accounts have seen and hold, as it was written.
    #[serde(default)]
    pub guards: Option<String>,
}

/// What a strategy asked for, or that nobody has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Needed {
    /// A chain of the expiries that were asked for.
    Chain(Box<Chain>),
    /// Nobody has the chain.
    NoChain(Symbol),
    /// Complete bars, oldest first; may be empty.
    Bars {
        /// Of what.
        instrument: Instrument,
        /// How wide.
        interval: Interval,
        /// The prices.
        bars: Vec<Bar>,
    },
    /// Dates of a company; absent where nobody knows any.
    Events {
        /// The ticker.
        underlying: Symbol,
        /// What is known.
        events: Option<Box<UnderlyingEvents>>,
    },
}

/// What a bot's process says, or what has become of it.
#[derive(Clone, Debug, PartialEq)]
pub enum BotWord {
    /// It wants something.
    Ask {
        /// The number that the answer goes by.
        ask: u64,
        /// What.
        want: BotWant,
    },
    /// Where it is in its life.
    State(BotState),
    /// It ended badly, and is started again: what it has opened and not filled is canceled.
    Down(String),
    /// It ended badly too often, or must not run: a person must look.
    Failed(String),
    /// It has ended by its own will.
    Finished,
}

/// One thing that happens to the engine. Times are the step's `now`.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// An account to keep books for. Before any order for it.
    Account(Box<AccountSetup>),
    /// A person has the books compared with the broker's.
    Reconcile(AccountId),
    /// A person's own orders go out though the books do not agree with the broker's yet, until they do or the line breaks (reliability R1).
    Override(AccountId),
    /// The limits of an account are these from now on.
    Limits {
        /// Whose.
        account: AccountId,
        /// All of them.
        limits: Box<RiskLimits>,
    },
    /// Which account plain commands mean from now on. It must exist.
    DefaultAccount(AccountId),
    /// The journal's content, once, at start.
    Restored(Box<Restored>),
    /// The terms of an instrument. Before any order in it.
    Instrument(Box<InstrumentSpec>),
    /// Units of the base currency that one unit of this currency buys.
    Rate {
        /// The currency.
        currency: Currency,
        /// The rate, positive.
        rate: rust_decimal::Decimal,
    },
    /// New prices.
    Quote(Box<Quote>),
    /// A complete bar, in bar mode.
    Bar {
        /// Of what.
        instrument: Instrument,
        /// How wide.
        interval: Interval,
        /// The prices.
        bar: Bar,
    },
    /// Average daily volume of the last 20 sessions, in units.
    AverageVolume {
        /// Of what.
        instrument: Instrument,
        /// The average.
        volume: rust_decimal::Decimal,
    },
    /// Somebody wants orders placed. All are checked; each goes or is denied by itself.
    Place {
        /// Who asks, for the answer.
        request: RequestId,
        /// The orders, with ids from `Engine::mint`.
        orders: Vec<OrderRequest>,
    },
    /// Somebody wants orders canceled.
    Cancel {
        /// Who asks, for the answer.
        request: RequestId,
        /// Which.
        orders: Vec<ClientOrderId>,
    },
    /// Somebody wants an order changed.
    Replace {
        /// Who asks, for the answer.
        request: RequestId,
        /// Which.
        order: ClientOrderId,
        /// How.
        change: OrderChange,
    },
    /// A person lifts what the guards of an account have locked.
    LiftGuards {
        /// Who asks, for the answer.
        request: RequestId,
        /// Whose.
        account: AccountId,
    },
    /// A person decides what became of an order that no rule could tell.
    Settle {
        /// Who asks, for the answer.
        request: RequestId,
        /// Which order of ours.
        order: ClientOrderId,
        /// What became of it.
        fate: OrderFate,
        /// How the person knows, one clean line.
        why: String,
    },
    /// Somebody sets, changes or takes off an alert.
    Alert {
        /// Who asks, for the answer.
        request: RequestId,
        /// What is to be done.
        change: AlertChange,
    },
    /// Somebody gives a position an exit plan, or takes it off.
    Exit {
        /// Who asks, for the answer.
        request: RequestId,
        /// What is to be done.
        change: Box<ExitChange>,
    },
    /// Plans that positions get which a person opens from now on, by class of instrument.
    DefaultExits(BTreeMap<AssetClass, ExitPlan>),
    /// The average true range of 14 days that exit plans wait for; absent where nobody has the bars.
    Range {
        /// Of what.
        instrument: Instrument,
        /// Positive.
        range: Option<rust_decimal::Decimal>,
    },
    /// A person does something with a strategy.
    Strategy {
        /// Who asks, for the answer.
        request: RequestId,
        /// What is to be done.
        change: StrategyChange,
    },
    /// Strategies that are to run may do so from here: this engine stays, and alone trades for the profile.
    RunStrategies,
    /// The complete bars that a strategy asked for, oldest first; empty where nobody has any.
    History {
        /// Who asked.
        strategy: SmolStr,
        /// Of what.
        instrument: Instrument,
        /// How wide.
        interval: Interval,
        /// Each with the instant at which it was complete.
        bars: Vec<(Timestamp, Bar)>,
        /// Where they come from.
        feed: Feed,
    },
    /// What a bot's process says.
    Bot {
        /// The strategy that it is the head of.
        strategy: SmolStr,
        /// What.
        word: BotWord,
    },
    /// What an approved bot may do; again where another version was approved.
    BotTerms(Box<BotTerms>),
    /// Nobody's word stands for a bot any more.
    BotGone(SmolStr),
    /// What a strategy asked for.
    Needed {
        /// Who asked.
        strategy: SmolStr,
        /// The answer.
        answer: Needed,
    },
    /// A complete bar, for strategies alone: prices come as quotes where this comes.
    StrategyBar {
        /// Of what.
        instrument: Instrument,
        /// How wide.
        interval: Interval,
        /// The prices.
        bar: Bar,
        /// Where they come from.
        feed: Feed,
    },
    /// An instrument's bars come from elsewhere from now on: what strategies made of the old ones counts no more.
    BarsChanged(Instrument),
    /// Kill switch on.
    Halt {
        /// Who asks, for the answer.
        request: RequestId,
        /// Exits are canceled too.
        all: bool,
        /// Why, for the log.
        reason: String,
    },
    /// Only what reduces goes out from now on, until a person lifts it; a halt stays one.
    ReduceOnly {
        /// Why, for the log.
        reason: String,
    },
    /// Kill switch off: a person's wish.
    Resume {
        /// Who asks, for the answer.
        request: RequestId,
    },
    /// The store has committed and synced a journal entry.
    Journaled(Ticket),
    /// It could not.
    JournalFailed {
        /// Which entry.
        ticket: Ticket,
        /// Why.
        reason: String,
    },
    /// A broker's word.
    Broker(Box<AccountEvent>),
    /// Is an account's broker reachable and reconciled. Reachable and not reconciled: it is asked for everything, and until that has been
    /// compared nothing opens there (reliability R1, R7).
    BrokerStatus {
        /// Which account.
        account: AccountId,
        /// Reachable.
        up: bool,
        /// Orders and positions agreed with the broker's.
        reconciled: bool,
    },
    /// Something that keeps an account's line failed on its own account: what the broker said meanwhile may be lost. Nothing opens there
    /// until everything has been compared anew (reliability L6).
    Distrust {
        /// Which account.
        account: AccountId,
        /// What failed, a few words.
        reason: String,
    },
    /// An account's broker leaves orders unanswered: nothing that opens goes there for so long, or, absent, it may be tried again
    /// (reliability H5).
    Circuit {
        /// Which account.
        account: AccountId,
        /// For how long.
        pause: Option<jiff::SignedDuration>,
    },
    /// The exchange's days, where they are others than the engine began with.
    Calendar(Arc<Calendar>),
    /// The user's lists.
    Watchlists(Vec<Watchlist>),
    /// What the status line shows of the outside.
    Surroundings {
        /// Connections.
        connections: Vec<Connection>,
        /// The market clock.
        market: MarketClock,
        /// The replay, in a replay run.
        replay: Option<ReplayState>,
    },
    /// A line for the log from the shell.
    Note {
        /// How loud.
        severity: Severity,
        /// Stable code.
        code: &'static str,
        /// One line.
        text: String,
    },
    /// The system's clock was set forward, beyond the time that has passed.
    ClockStep {
        /// By how much, positive.
        by: jiff::SignedDuration,
    },
    /// Time has passed.
    Tick,
}

/// The last instant the engine has seen never goes back: a clock that jumps is clamped.
#[must_use]
pub fn forward(last: Timestamp, now: Timestamp) -> Timestamp {
    last.max(now)
}
