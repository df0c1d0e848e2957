//! What front ends read: an immutable picture of the engine, in sections that are shared, not copied.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::account::{Account, AccountMode, BrokerFigures};
use super::alert::Alert;
use super::calendar::Calendar;
use super::capabilities::Capabilities;
use super::depth::MarketBook;
use super::exit::ExitGroup;
use super::ids::AccountId;
use super::instrument::{AssetClass, Instrument, InstrumentSpec};
use super::limits::{RiskLimits, RiskUse, TradingState};
use super::note::{SymbolNote, notes_on};
use super::order::Order;
use super::position::Position;
use super::quote::{Feed, Quote};
use super::statement::ReconcileRun;
use super::strategy::StrategyView;
use super::total::Total;

/// How loud a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something happened as it should.
    Info,
    /// Worth a look.
    Warning,
    /// Something failed.
    Error,
}

/// One line of the activity log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// How loud.
    pub severity: Severity,
    /// Stable code, such as `ORDER_FILLED` or a denial code.
    pub code: SmolStr,
    /// One line of text.
    pub text: String,
}

/// A named list of instruments, in the user's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watchlist {
    /// Its name, unique in the profile.
    pub name: SmolStr,
    /// Its instruments; no duplicates.
    pub instruments: Vec<Instrument>,
}

/// The state of one connection to the outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Broker or feed, such as `paper` or `sim`.
    pub name: SmolStr,
    /// Does it answer.
    pub up: bool,
    /// A few words: latency, login age, what is wrong.
    pub text: String,
    /// Milliseconds of the last round trip, or between the last two messages of a stream; absent while nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u32>,
    /// What went wrong last, and when; absent while nothing has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<(Timestamp, String)>,
    /// When it is tried again; absent while it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// Calls that the other side says are left for now; absent where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_left: Option<u32>,
    /// Kinds of instruments whose prices come from here; empty where none do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<AssetClass>,
    /// Since when none of these have come, though they should; absent while they come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices_stopped_at: Option<Timestamp>,
    /// Its login is not accepted any more: it comes back once a person has signed in again, not by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signed_out: bool,
    /// Its keys lie in a vault that is shut: it opens by itself once somebody has given the passphrase.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vault_locked: bool,
}

impl Connection {
    /// A connection that answers, or does not, with a few words about it.
    #[must_use]
    pub fn new(name: &str, up: bool, text: &str) -> Self {
        Self {
            name: name.into(),
            up,
            text: text.to_owned(),
            latency_ms: None,
            last_error: None,
            retry_at: None,
            limit_left: None,
            prices: Vec::new(),
            prices_stopped_at: None,
            signed_out: false,
            vault_locked: false,
        }
    }
}

/// The market whose hours the screen shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketClock {
    /// Short name, such as `NYSE`.
    pub name: SmolStr,
    /// In its regular session now.
    pub open: bool,
    /// When that changes.
    pub changes_at: Option<Timestamp>,
    /// Its days, as the engine has them: rules, the user's file, and what a broker said.
    #[serde(default = "rules")]
    pub calendar: Arc<Calendar>,
}

impl MarketClock {
    /// NYSE, taken as closed, with such a calendar.
    #[must_use]
    pub fn closed(calendar: Arc<Calendar>) -> Self {
        Self { name: "NYSE".into(), open: false, changes_at: None, calendar }
    }
}

fn rules() -> Arc<Calendar> {
    Arc::new(Calendar::nyse())
}

/// Where a replay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayState {
    /// Its clock.
    pub at: Timestamp,
    /// First and last instant of its data.
    pub from: Timestamp,
    /// Last instant of its data.
    pub until: Timestamp,
    /// Seconds of data per second of life.
    pub speed: u32,
    /// Standing still.
    pub paused: bool,
}

/// An account with what its pane shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// The figures.
    pub account: Account,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Its limits.
    pub limits: RiskLimits,
    /// May orders go out.
    pub trading_state: TradingState,
    /// How much of its limits is used.
    #[serde(default)]
    pub used: RiskUse,
    /// How it stands with its broker.
    #[serde(default)]
    pub standing: Standing,
}

/// How an account stands with its broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The broker answers.
    pub up: bool,
    /// Orders, executions and positions agree with the broker's; nothing opens before.
    pub reconciled: bool,
    /// They do not, and a person has said that own orders go out all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overridden: bool,
    /// The newest comparison of this process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Arc<ReconcileRun>>,
    /// What the broker itself says of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<BrokerFigures>,
    /// The broker's word; absent for the paper venue of this program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<SmolStr>,
}

/// The engine at one moment. `seq` never goes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Rises with every change.
    pub seq: u64,
    /// The engine's clock.
    pub now: Timestamp,
    /// Profile name.
    pub profile: SmolStr,
    /// Paper or live.
    pub mode: AccountMode,
    /// May orders go out, over all accounts.
    pub trading_state: TradingState,
    /// Where prices come from.
    pub feed: Feed,
    /// The market clock.
    pub market: MarketClock,
    /// The account that plain commands mean.
    pub default_account: AccountId,
    /// Accounts, by id.
    pub accounts: Arc<Vec<AccountView>>,
    /// All accounts of a mode together, where an account at a broker is connected; real money first.
    #[serde(default)]
    pub totals: Arc<Vec<Total>>,
    /// Open positions, by account and instrument.
    pub positions: Arc<Vec<Position>>,
    /// Working orders and the recent others, newest first.
    pub orders: Arc<Vec<Order>>,
    /// Quotes of everything watched, held or asked for.
    pub quotes: Arc<BTreeMap<Instrument, Quote>>,
    /// Terms of the instruments in `quotes`.
    pub specs: Arc<BTreeMap<Instrument, InstrumentSpec>>,
    /// Watchlists, in the user's order; at least one.
    pub watchlists: Arc<Vec<Watchlist>>,
    /// Alerts, by number: those that wait, and those that rang and were not taken off.
    #[serde(default)]
    pub alerts: Arc<Vec<Alert>>,
    /// Exit plans, by account and instrument.
    pub exits: Arc<Vec<ExitGroup>>,
    /// Strategies, by name.
    #[serde(default)]
    pub strategies: Arc<Vec<StrategyView>>,
    /// Depth and tape of the instruments that somebody looks at; a few at most.
    #[serde(default)]
    pub books: Arc<Vec<MarketBook>>,
    /// Notes on instruments: by instrument, the newest of each first.
    #[serde(default)]
    pub notes: Arc<Vec<SymbolNote>>,
    /// The newest log lines, oldest first.
    pub log: Arc<Vec<LogLine>>,
    /// Connections.
    pub connections: Arc<Vec<Connection>>,
    /// The replay, in a replay run.
    pub replay: Option<ReplayState>,
    /// The profile is locked: nobody is shown what follows from here, and little is done.
    #[serde(default)]
    pub locked: bool,
}

impl Snapshot {
    /// A picture of an engine that has nothing yet: no accounts, no prices, trading allowed, the market taken as closed.
    #[must_use]
    pub fn blank(now: Timestamp, profile: &str, default_account: AccountId, feed: Feed) -> Self {
        Self {
            seq: 0,
            now,
            profile: profile.into(),
            mode: AccountMode::Paper,
            trading_state: TradingState::Active,
            feed,
            market: MarketClock::closed(rules()),
            default_account,
            accounts: Arc::default(),
            totals: Arc::default(),
            positions: Arc::default(),
            orders: Arc::default(),
            quotes: Arc::default(),
            specs: Arc::default(),
            watchlists: Arc::default(),
            alerts: Arc::default(),
            exits: Arc::default(),
            strategies: Arc::default(),
            books: Arc::default(),
            notes: Arc::default(),
            log: Arc::default(),
            connections: Arc::default(),
            replay: None,
            locked: false,
        }
    }

    /// What somebody may be shown who may not see the account: that the engine lives, its clock, its kill switch, which alerts have rung (of
    /// what and when, no prices), and nothing else.
    #[must_use]
    pub fn veiled(&self) -> Self {
        let mut veiled = Self::blank(self.now, &self.profile, AccountId::new("-"), self.feed);
        (veiled.seq, veiled.mode, veiled.trading_state) = (self.seq, self.mode, self.trading_state);
        (veiled.market, veiled.locked) = (self.market.clone(), self.locked);
        let rung = self.alerts.iter().filter(|alert| !alert.waits()).map(Alert::veiled);
        veiled.alerts = Arc::new(rung.collect());
        veiled
    }

    /// The view of an account.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&AccountView> {
        self.accounts.iter().find(|view| view.account.account == *id)
    }

    /// The view of the default account.
    #[must_use]
    pub fn default_account(&self) -> Option<&AccountView> {
        self.account(&self.default_account)
    }

    /// Depth and tape of an instrument, where somebody has asked for them.
    #[must_use]
    pub fn book(&self, instrument: &Instrument) -> Option<&MarketBook> {
        self.books.iter().find(|book| book.instrument == *instrument)
    }

    /// The notes on an instrument, the newest first.
    #[must_use]
    pub fn notes_on(&self, instrument: &Instrument) -> &[SymbolNote] {
        notes_on(&self.notes, instrument)
    }

    /// Since when no prices of a kind of instrument have come from where they should; none while they come.
    #[must_use]
    pub fn prices_stopped_at(&self, class: AssetClass) -> Option<Timestamp> {
        let of = self.connections.iter().find(|connection| connection.prices.contains(&class))?;
        of.prices_stopped_at
    }

    /// The position in an instrument, of an account.
    #[must_use]
    pub fn position(&self, account: &AccountId, instrument: &Instrument) -> Option<&Position> {
        self.positions.iter().find(|p| p.account == *account && p.instrument == *instrument)
    }
}
