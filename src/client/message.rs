//! Requests to an engine and its replies.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::bars::{ImportedSpan, Seam};
pub use super::bot::BotRequest;
pub use super::error::SessionError;
use super::secret::Secret;
pub use super::strategy::StrategyRequest;
use crate::command::types::{Command, FlattenScope};
use crate::domain::account::{Account, AccountMode};
use crate::domain::alert::AlertChange;
use crate::domain::bot::{BotPlan, BotVersion, BotView};
pub use crate::domain::chain::{Chain, ChainRow};
use crate::domain::depth::MarketBook;
use crate::domain::desk::RiskDesk;
use crate::domain::execution::Execution;
use crate::domain::exit::ExitChange;
use crate::domain::ids::{AccountId, ClientOrderId, OrderNumber};
use crate::domain::instrument::{Instrument, Listing, Symbol};
use crate::domain::login::Login;
use crate::domain::money::{Quantity, decimal_text};
use crate::domain::news::News;
use crate::domain::note::NoteChange;
use crate::domain::option::{OptionContract, Right};
use crate::domain::order::{Order, OrderChange, OrderFate, OrderPreview, OriginKind};
use crate::domain::position::Position;
use crate::domain::quote::{Bar, Interval, Quote};
use crate::domain::strategy::{DecisionRecord, KindView, StrategyPlan, StrategyView};
use crate::domain::venue::{DepositAddress, VenueAction, VenueSetting};

/// What a front end may ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// What an order command would do. Answer: `Preview`.
    Preview {
        /// `place` or `close`.
        command: Command,
        /// Through which door.
        origin: OriginKind,
        /// To this account; absent means the default one.
        account: Option<AccountId>,
        /// Ask the broker too what it would cost, where it says: not for each key, as such a call counts.
        #[serde(default)]
        ask_broker: bool,
    },
    /// Carry out a command. Orders answer `Orders`, everything else its own reply.
    Execute {
        /// The command.
        command: Command,
        /// Through which door.
        origin: OriginKind,
        /// To this account; absent means the default one.
        account: Option<AccountId>,
        /// What the user confirmed: the preview's hash. Absent where nothing was shown; a hash that no longer matches is refused.
        confirmation_hash: Option<String>,
        /// The same order twice is meant.
        allow_duplicate: bool,
        /// Wait for the broker's answer, a market order for its fill, at most 5 s.
        wait: bool,
    },
    /// Cancel one order. Answer: `Orders`.
    Cancel {
        /// Which.
        order: OrderRef,
        /// Wait for the broker's answer.
        wait: bool,
    },
    /// Replace one order. Answer: `Orders`, old and new.
    Replace {
        /// Which.
        order: OrderRef,
        /// How.
        change: OrderChange,
        /// Wait for the broker's answer.
        wait: bool,
    },
    /// Kill switch on. Answer: `Orders`, the ones canceled.
    Halt {
        /// Exits too.
        all: bool,
    },
    /// Kill switch off. Answer: `Done`.
    Resume,
    /// Close positions. Answer: `Orders`.
    Flatten {
        /// Which.
        scope: FlattenScope,
        /// Wait for the fills.
        wait: bool,
    },
    /// Keep these quotes in the snapshot beside the watched and held ones. Answer: `Quotes`.
    Subscribe {
        /// Of these.
        instruments: Vec<Instrument>,
    },
    /// Bars of one instrument, oldest first. Answer: `Bars`.
    Bars {
        /// Of this.
        instrument: Instrument,
        /// Bar width.
        interval: Interval,
        /// At most so many, the newest.
        limit: u32,
    },
    /// The same for a chart: some may come from a file that the user imported. Answer: `History`.
    History {
        /// Of this.
        instrument: Instrument,
        /// Bar width.
        interval: Interval,
        /// At most so many of the source, and so many imported ones; the newest of each.
        limit: u32,
    },
    /// An option chain. Answer: `Chain`.
    Chain {
        /// Of this ticker.
        underlying: Symbol,
        /// One expiry; absent means the nearest few.
        expiry: Option<Date>,
        /// One right only.
        right: Option<Right>,
    },
    /// News about any of these instruments, about whatever there is where none is named. Answer: `News`, newest first.
    News {
        /// About these.
        about: Vec<Instrument>,
        /// At most so many articles.
        limit: u32,
    },
    /// Search the universe. Answer: `Listings`, best first.
    Search {
        /// A few characters.
        query: String,
        /// At most so many.
        limit: u32,
    },
    /// Orders of the past, newest first. Answer: `Orders`.
    OrderHistory(HistoryQuery),
    /// Fills, newest first. Answer: `Executions`.
    Executions(HistoryQuery),
    /// Gains and losses by day and instrument. Answer: `Pnl`.
    Pnl(HistoryQuery),
    /// Set or remove a watchlist (an empty list of instruments removes it). Answer: `Done`.
    SetWatchlist {
        /// Its name.
        name: SmolStr,
        /// Its instruments.
        instruments: Vec<Instrument>,
    },
    /// Rename, move, make or remove a watchlist. Answer: `Done`.
    EditWatchlists(WatchlistEdit),
    /// Set, change or take off an alert. Answer: `Done`.
    Alert(AlertChange),
    /// What an account is exposed to, and what moves would do; absent: the default one. Answer: `RiskDesk`.
    RiskDesk {
        /// Which account.
        account: Option<AccountId>,
    },
    /// Give a position an exit plan, or take it off. The plans stand in the picture. Answer: `Done`.
    Exit(ExitChange),
    /// Lift what the guards of an account have locked; absent: the default one's. Answer: `Done`.
    LiftGuards {
        /// Which account.
        account: Option<AccountId>,
    },
    /// Strategies: what they are, what they did, what becomes of them.
    Strategy(StrategyRequest),
    /// Bots: what they are, what was approved of them.
    Bot(BotRequest),
    /// Depth and tape of one instrument, which stay in the snapshot from now on, until others were asked for. Answer: `Book`.
    Book {
        /// Of this.
        instrument: Instrument,
    },
    /// Sectors and indices of the universe. Answer: `Groups`.
    Groups,
    /// The listings of a sector or an index. Answer: `Listings`.
    Members {
        /// Which group.
        group: MarketGroup,
    },
    /// What moved most today. Answer: `Quotes`, in that order.
    Movers {
        /// By what.
        by: MoversBy,
        /// At most so many.
        limit: u32,
    },
    /// The equity curve of an account. Answer: `Equity`, oldest first.
    Equity {
        /// Which account; absent means the default one.
        account: Option<AccountId>,
        /// From this instant on; absent means all.
        since: Option<Timestamp>,
        /// At most so many points.
        points: u32,
    },
    /// Notes on orders. Answer: `Notes`.
    Notes,
    /// Write beside an order; an empty text takes the note off. Answer: `Done`.
    SetNote {
        /// Which order.
        order: ClientOrderId,
        /// The text, one line.
        text: String,
    },
    /// Write about an instrument, or take a note off. The notes stand in the picture. Answer: `Done`, once it is on the disk.
    NoteSymbol(NoteChange),
    /// Paper only: assign short contracts now. Answer: `Done`.
    PaperAssign {
        /// The contract.
        contract: OptionContract,
        /// How many; absent means all.
        contracts: Option<Quantity>,
    },
    /// Paper only: do not exercise long contracts at their expiry. Answer: `Done`.
    PaperDoNotExercise {
        /// The contract.
        contract: OptionContract,
    },
    /// Paper only: expire what expires on or before today. Answer: `Done`.
    PaperExpire,
    /// Replay only: move the clock. Answer: `Done`.
    Advance {
        /// Seconds.
        seconds: i64,
    },
    /// Replay only: pause, speed, seek. Answer: `Done`.
    Replay(ReplayControl),
    /// How an engine in a process of its own is doing. Answer: `Engine`.
    EngineStatus,
    /// End an engine that runs in a process of its own. Answer: `Done`, once it has begun to.
    StopEngine {
        /// Though working orders need it.
        force: bool,
    },
    /// Only what reduces goes out from now on, until `Resume`. Answer: `Done`.
    ReduceOnly {
        /// Why, one line.
        why: String,
    },
    /// A person says what became of an order in doubt, as the broker told it. Answer: `Orders`.
    Settle {
        /// Which order.
        order: OrderRef,
        /// What became of it.
        fate: OrderFate,
        /// How the person knows: one line, for the log.
        why: String,
    },
    /// Online backup of the database. Answer: `Done` with the file's path.
    Backup {
        /// Where to; absent means the profile's backup folder.
        to: Option<String>,
    },
    /// Lock the profile: nothing of it is shown or done until it is unlocked, but that it can be halted. The engine works on. Answer: `Done`.
    Lock,
    /// Unlock the profile, or prove for a locked screen that its trader is there. Answer: `Done`.
    Unlock {
        /// The passphrase of the vault; absent where somebody else holds its key, and to be told whether one is needed.
        passphrase: Option<Secret>,
    },
    /// Keep a secret in the profile's vault. Answer: `Done` with its last characters.
    SetSecret {
        /// Its name.
        name: String,
        /// Its value.
        value: Secret,
    },
    /// Keep and open accounts at a broker whose login is in the vault already, verified by who asks. Answer: `Done`.
    Connect {
        /// The accounts.
        logins: Vec<Login>,
    },
    /// Close accounts at a broker and wipe their secrets. Answer: `Done`.
    Disconnect {
        /// An account, or a broker for all of its accounts.
        name: String,
    },
    /// Have an account's venue do what is no single order. Answer: `Done`, or what was asked for.
    Venue {
        /// Which account.
        account: AccountId,
        /// What.
        action: VenueAction,
    },
    /// Which account plain commands mean from now on. Answer: `Done`.
    Mode {
        /// Real money or not.
        mode: AccountMode,
        /// The account; absent means the only one there is.
        account: Option<AccountId>,
        /// A person has typed that real money is meant.
        confirmed: bool,
    },
    /// The books are compared with what the broker shows, now. Answer: `Done`; what came of it stands in the snapshot.
    Reconcile {
        /// Whose; absent means every account's.
        account: Option<AccountId>,
    },
    /// A person's own orders go out though the account does not agree with its broker yet. Answer: `Done`; `Clarify` where it is not confirmed.
    Override {
        /// Which.
        account: AccountId,
        /// Its name again, as a person typed it.
        confirmation: Option<String>,
    },
    /// A limit of the profile's accounts is another one from now on, and in its configuration. Answer: `Done`; `Clarify` where it lets more
    /// through and is not confirmed.
    SetLimit {
        /// Which, such as `order_notional_max`.
        name: String,
        /// As a configuration says it; absent means that the default holds again.
        value: Option<String>,
        /// The name again, as a person typed it to confirm that more is let through.
        confirmation: Option<String>,
    },
}

/// A change of the watchlists as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "snake_case")]
pub enum WatchlistEdit {
    /// An empty list at the end.
    Create {
        /// Its name.
        name: SmolStr,
    },
    /// Another name.
    Rename {
        /// The name now.
        from: SmolStr,
        /// The new one.
        to: SmolStr,
    },
    /// One place further forward or back.
    Move {
        /// Which list.
        name: SmolStr,
        /// Towards the first.
        forward: bool,
    },
    /// Away with it; the last one stays.
    Remove {
        /// Which list.
        name: SmolStr,
    },
}

/// What a group of listings is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    /// A sector of the economy, or a kind of fund or coin.
    Sector,
    /// An index.
    Index,
}

/// A group of listings of the universe.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MarketGroup {
    /// What it is.
    pub kind: GroupKind,
    /// Its name, as the universe writes it.
    pub name: SmolStr,
}

/// What movers are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoversBy {
    /// Largest rise of the day first.
    Gainers,
    /// Largest fall of the day first.
    Losers,
    /// Most money traded first.
    Active,
}

/// A point of an equity curve, in the account's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EquityPoint {
    /// When.
    pub at: Timestamp,
    /// Cash and positions at their marks.
    #[serde(with = "decimal_text")]
    pub net_liquidation: Decimal,
    /// Cash of the base currency.
    #[serde(with = "decimal_text")]
    pub cash: Decimal,
}

/// What a trader wrote beside an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderNote {
    /// Which order.
    #[serde(rename = "client_order_id")]
    pub order: ClientOrderId,
    /// The text, one line; never empty.
    pub text: String,
}

/// How a replay is steered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayControl {
    /// Stand still or go on.
    Paused(bool),
    /// Seconds of data per second of life.
    Speed(u32),
    /// Go to this instant. Going back starts the run anew.
    Seek(Timestamp),
}

/// One order, by what the user has of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderRef {
    /// Its short number.
    Number(OrderNumber),
    /// Our id.
    ClientOrderId(ClientOrderId),
}

/// Which rows of history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryQuery {
    /// Of this account only.
    pub account: Option<AccountId>,
    /// Of this instrument only.
    pub instrument: Option<Instrument>,
    /// This order, or its fills, only.
    #[serde(default)]
    pub order: Option<OrderRef>,
    /// From this instant on.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// At most so many, 0 for all.
    pub limit: u32,
    /// Rows to skip, for paging.
    pub offset: u32,
}

/// Gain and loss of one account day or one instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PnlRow {
    /// The account day, for rows by day.
    #[serde(rename = "date", skip_serializing_if = "Option::is_none")]
    pub day: Option<Date>,
    /// The instrument, for rows by instrument.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instrument: Option<Instrument>,
    /// Closed gain (positive) or loss, fees taken off.
    #[serde(with = "decimal_text")]
    pub realized_pnl: Decimal,
    /// Fees, positive.
    #[serde(with = "decimal_text")]
    pub fees: Decimal,
    /// Fills counted.
    pub executions: u64,
}

/// Gains and losses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PnlReport {
    /// Net liquidation now minus at the start of the account day.
    #[serde(with = "decimal_text")]
    pub day_pnl: Decimal,
    /// Gain of open positions.
    #[serde(with = "decimal_text")]
    pub unrealized_pnl: Decimal,
    /// Gain of closed trades in the range.
    #[serde(with = "decimal_text")]
    pub realized_pnl: Decimal,
    /// Fees in the range, positive.
    #[serde(with = "decimal_text")]
    pub fees: Decimal,
    /// By account day, newest first.
    pub by_day: Vec<PnlRow>,
    /// By instrument, in its order.
    pub by_instrument: Vec<PnlRow>,
}

/// What an engine answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", content = "value", rename_all = "snake_case")]
pub enum Reply {
    /// It is done; a line about it.
    Done(String),
    /// What an order would do.
    Preview(Box<OrderPreview>),
    /// Orders.
    Orders(Vec<Order>),
    /// Fills.
    Executions(Vec<Execution>),
    /// Positions.
    Positions(Vec<Position>),
    /// Accounts.
    Accounts(Vec<Account>),
    /// Quotes.
    Quotes(Vec<Quote>),
    /// Bars.
    Bars(Vec<Bar>),
    /// Bars of a chart, oldest first.
    History {
        /// The bars: imported ones for the time that they cover, those of the source before and after it.
        bars: Vec<Bar>,
        /// Which of them are imported; absent where none is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        imported: Option<ImportedSpan>,
        /// Where bars of another origin begin, rising; the first is that of the oldest bar. Empty where one has them all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        seams: Vec<Seam>,
    },
    /// A chain.
    Chain(Box<Chain>),
    /// Listings.
    Listings(Vec<Listing>),
    /// Gains and losses.
    Pnl(Box<PnlReport>),
    /// An account as a risk desk sees it.
    RiskDesk(Box<RiskDesk>),
    /// How the engine is doing.
    Engine(Box<super::status::EngineStatus>),
    /// Depth and tape.
    Book(Box<MarketBook>),
    /// News, or why there are none.
    News(Box<News>),
    /// Groups with how many listings each has: sectors, then indices, by name.
    Groups(Vec<(MarketGroup, u32)>),
    /// An equity curve.
    Equity(Vec<EquityPoint>),
    /// Notes, the newest first.
    Notes(Vec<OrderNote>),
    /// Strategies, by name.
    Strategies(Vec<StrategyView>),
    /// The kinds of strategies, by name.
    StrategyKinds(Vec<KindView>),
    /// What a strategy would do with whose money.
    StrategyPlan(Box<StrategyPlan>),
    /// The bots of a profile, by name.
    Bots(Vec<BotView>),
    /// What would be approved of a bot.
    BotPlan(Box<BotPlan>),
    /// Approved versions of a bot, newest first.
    BotVersions(Vec<BotVersion>),
    /// Lines of a log, oldest first, clean.
    Lines(Vec<String>),
    /// Why strategies did or did not act, newest first.
    Decisions(Vec<DecisionRecord>),
    /// Where coins can be sent to, by currency.
    DepositAddresses(Vec<DepositAddress>),
    /// An account's settings at its venue.
    VenueSettings(Vec<VenueSetting>),
    /// The engine cannot act on the command alone: the front end shows a pane, help or a question.
    FrontEnd(Command),
}
