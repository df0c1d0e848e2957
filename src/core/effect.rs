//! What the engine wants done.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use smol_str::SmolStr;

use crate::domain::alert::Alert;
use crate::domain::denial::{Denial, RiskCheck};
use crate::domain::execution::{CashEntry, Execution};
use crate::domain::exit::ExitGroup;
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::instrument::Instrument;
use crate::domain::limits::TradingState;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{Approved, Order, OrderRequest, OrderStatus};
use crate::domain::quote::Interval;
use crate::domain::snapshot::{LogLine, Watchlist};
use crate::domain::statement::{ReconcileReason, ReconcileRun};
use crate::domain::strategy::{DecisionRecord, StoredStrategy};
use crate::strategies::{BotNews, BotPlaced, BotRefusal, Need};

/// A question from a front end, by the number the shell gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// A journal entry that something waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What kind of intent a journal row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntentKind {
    /// A new order.
    New,
    /// A cancel.
    Cancel,
    /// A replace.
    Replace,
}

/// An intent as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Its own id: that of the new order, or one minted for a cancel.
    pub id: ClientOrderId,
    /// What it is.
    pub kind: IntentKind,
    /// The order it is about, with request, number and status.
    pub order: Order,
    /// Every risk check with its result; empty for cancels.
    pub checks: Vec<RiskCheck>,
}

/// A change of an order as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// Which order.
    pub order: ClientOrderId,
    /// When.
    pub at: Timestamp,
    /// Status before.
    pub from: OrderStatus,
    /// Status after.
    pub to: OrderStatus,
    /// The event in words.
    pub detail: String,
}

/// An execution with what it closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedExecution {
    /// The fill.
    pub execution: Execution,
    /// Gain or loss it realised, fees taken off.
    pub realized_pnl: Decimal,
}

/// One point of an account's equity curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EquityPoint {
    /// Which account.
    pub account: AccountId,
    /// When.
    pub at: Timestamp,
    /// Cash and positions at their marks.
    pub net_liquidation: Decimal,
    /// Cash of the base currency.
    pub cash: Decimal,
}

/// Everything one step wants on disk, in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalEntry {
    /// New intents.
    pub intents: Vec<Intent>,
    /// Status changes, in order.
    pub changes: Vec<StatusChange>,
    /// Latest state of the orders that changed.
    pub orders: Vec<Order>,
    /// Fills.
    pub executions: Vec<BookedExecution>,
    /// Cash movements.
    pub cash: Vec<CashEntry>,
    /// Equity points.
    pub equity: Vec<EquityPoint>,
    /// What each holding of each account was last valued at, beside equity points: all of them.
    pub last_prices: Option<Vec<(AccountId, Instrument, Price)>>,
    /// The kill switch, where it moved.
    pub trading_state: Option<TradingState>,
    /// Shares that fell by ten per cent and the session of it: all that still count, where one was added.
    pub fallen: Option<Vec<(Instrument, Date)>>,
    /// Accounts on which automation waits for a person, and why: all of them, where that changed.
    pub paused: Option<Vec<(AccountId, String)>>,
    /// The user's lists, where they changed.
    pub watchlists: Option<Vec<Watchlist>>,
    /// All alerts, where they changed.
    pub alerts: Option<Vec<Alert>>,
    /// All exit plans, where one changed: on the disk with the orders that they ask for.
    pub exits: Option<Vec<ExitGroup>>,
    /// What the guards of accounts have seen and hold, where that changed: a JSON document of one version of the program.
    pub guards: Option<String>,
    /// What comparisons with brokers came to.
    pub reconciles: Vec<ReconcileRun>,
    /// Newest state of the strategies that changed: what they remember is on the disk with what they proposed.
    pub strategies: Vec<StoredStrategy>,
    /// Strategies that are no more.
    pub strategies_gone: Vec<SmolStr>,
    /// Why strategies did or did not do something, oldest first.
    pub decisions: Vec<DecisionRecord>,
    /// Log lines.
    pub log: Vec<LogLine>,
}

impl JournalEntry {
    /// True when there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.intents.is_empty()
            && self.changes.is_empty()
            && self.orders.is_empty()
            && self.executions.is_empty()
            && self.cash.is_empty()
            && self.equity.is_empty()
            && self.last_prices.is_none()
            && self.trading_state.is_none()
            && self.fallen.is_none()
            && self.paused.is_none()
            && self.watchlists.is_none()
            && self.alerts.is_none()
            && self.exits.is_none()
            && self.guards.is_none()
            && self.reconciles.is_empty()
            && self.strategies.is_empty()
            && self.strategies_gone.is_empty()
            && self.decisions.is_empty()
            && self.log.is_empty()
    }
}

/// What a request came to, as far as the core can say at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// These orders are on their way, or changed.
    Orders(Vec<ClientOrderId>),
    /// All of them were denied; their rows say why.
    Denied {
        /// The rows.
        orders: Vec<ClientOrderId>,
        /// All reasons.
        denials: Vec<Denial>,
    },
    /// The request makes no sense as it stands.
    Refused(String),
    /// Done.
    Done,
    /// Done, and what was done in one line.
    Said(String),
}

/// One thing to do. The order of effects is the order to do them in.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Write this; answer `Journaled` or `JournalFailed` with the ticket.
    Journal {
        /// The number to answer with.
        ticket: Ticket,
        /// Does an order wait for it: then it must be synced before anything else is sent.
        urgent: bool,
        /// What to write.
        entry: Box<JournalEntry>,
    },
    /// Send an order.
    Submit {
        /// To this account.
        account: AccountId,
        /// The order.
        order: Box<Approved<OrderRequest>>,
    },
    /// Send a cancel.
    Cancel {
        /// To this account.
        account: AccountId,
        /// Of this order.
        order: ClientOrderId,
    },
    /// Send a replace.
    Replace {
        /// To this account.
        account: AccountId,
        /// Of this order.
        order: ClientOrderId,
        /// By this one.
        new: Box<Approved<OrderRequest>>,
        /// What had filled of the old one when the new one was made for the rest.
        filled: Quantity,
    },
    /// Ask the broker what became of an order.
    Ask {
        /// This account's broker.
        account: AccountId,
        /// About this order.
        order: ClientOrderId,
    },
    /// Ask the broker for everything it shows of an account; the answer is a statement.
    Reconcile {
        /// Which account.
        account: AccountId,
        /// Why.
        reason: ReconcileReason,
        /// Executions from here on.
        since: Timestamp,
    },
    /// Tell a strategy the complete bars of the past; the answer is `Input::History`.
    History {
        /// Whom.
        strategy: SmolStr,
        /// Of what.
        instrument: Instrument,
        /// How wide.
        interval: Interval,
        /// So many, the newest.
        bars: usize,
    },
    /// A strategy must know something before it can decide; the answer is `Input::Needed`.
    Need {
        /// Whom.
        strategy: SmolStr,
        /// What.
        need: Need,
    },
    /// Measure the average true range of 14 days for an exit plan; the answer is `Input::Range`.
    Measure {
        /// Of what.
        instrument: Instrument,
    },
    /// Something for the process of a bot.
    Bot {
        /// The strategy that it is the head of.
        strategy: SmolStr,
        /// What.
        told: BotTold,
    },
    /// An alert rang and is written down: tell whoever is not looking.
    Ring {
        /// What is so now, in one line.
        text: String,
    },
    /// Answer a front end.
    Answer {
        /// Which question.
        request: RequestId,
        /// The answer.
        outcome: Outcome,
    },
}

/// What a bot's process is told.
#[derive(Clone, Debug, PartialEq)]
pub enum BotTold {
    /// Something has happened.
    News(Box<BotNews>),
    /// What became of what it wanted.
    Answer {
        /// The number it asked by.
        ask: u64,
        /// The answer.
        answer: Result<BotPlaced, BotRefusal>,
    },
}

/// What a step wants done, in order.
pub type Effects = Vec<Effect>;
