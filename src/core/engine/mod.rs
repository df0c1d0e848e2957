//! `Engine::step`: everything that trades goes through it. One owner, no waiting, no outside.
//!
//! The order of a new order: `place` checks and reserves, the step leaves an `Effect::Journal`, and only the answer
//! `Input::Journaled` lets the `Effect::Submit` out.

mod alerts;
mod broker_events;
mod cancel;
mod doubt;
mod exits;
mod explained;
mod guarded;
mod inferred;
mod journal;
mod measured;
mod movements;
mod owners;
mod place;
mod positions;
mod prices;
mod publish;
mod reconcile;
mod restore;
mod settle;
mod strategies;
mod trips;
mod used;
mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use smol_str::SmolStr;

use crate::domain::account::{Account, AccountKind, AccountMode};
use crate::domain::calendar::{Calendar, account_day};
use crate::domain::capabilities::Capabilities;
use crate::domain::execution::Execution;
use crate::domain::ids::{AccountId, ClientOrderId, ExecutionId};
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::limits::{DayTradeRule, TradingState};
use crate::domain::money::{Price, Quantity};
use crate::domain::order::Order;
use crate::domain::position::Position;
use crate::domain::quote::{Feed, Quote};
use crate::domain::snapshot::{Connection, LogLine, MarketClock, ReplayState, Severity, Watchlist};
use crate::domain::statement::ReconcileReason;

use super::alerts::Alerts;
use super::book::OrderBook;
use super::effect::{Effect, Effects, EquityPoint, JournalEntry, Outcome, RequestId, Ticket};
use super::ids::IdGenerator;
use super::input::{AccountSetup, Input, forward};
use super::market::MarketState;
use super::portfolio::Portfolio;
use super::risk::{Activity, DayTrades, GoodFaith};
use crate::domain::fees::FeeTable;

pub use strategies::strategy_kinds;

/// Log lines kept in memory.
pub const LOG_LINES_MAX: usize = 500;

/// Ended orders kept where nobody reads them afterwards: whoever has just placed one may still look.
const ENDED_UNREAD: usize = 16;

/// How often the equity curve gets a point while something moves.
const EQUITY_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// Days whose highs the drawdown is measured from.
const HIGH_DAYS: usize = 20;

/// What a step writes down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Records {
    /// Everything: what is not in the journal has not happened.
    #[default]
    All,
    /// Executions, for a run whose outcome is all that is wanted of it: a backtest.
    Executions,
}

/// What an engine is for.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Profile name.
    pub profile: SmolStr,
    /// The account that plain commands mean.
    pub default_account: AccountId,
    /// Where its prices come from.
    pub feed: Feed,
    /// Seed of its ids.
    pub seed: u64,
    /// Runs on bars: an order proposed outside a session waits for the next open, and quote age counts in bars.
    pub bar_mode: bool,
    /// The exchange never closes (the simulated market).
    pub never_closed: bool,
    /// What fills cost, for estimates.
    pub fees: FeeTable,
    /// What a step writes down for the journal and the screen.
    pub records: Records,
}

/// One account's side of the engine.
#[derive(Clone, Debug)]
pub(super) struct Books {
    pub(super) setup: AccountSetup,
    pub(super) portfolio: Portfolio,
    pub(super) activity: Activity,
    pub(super) day_trades: DayTrades,
    pub(super) good_faith: GoodFaith,
    pub(super) guarded: guarded::Guarded,
    pub(super) trading_state: TradingState,
    pub(super) broker_up: bool,
    /// The broker leaves orders unanswered.
    pub(super) circuit_open: bool,
    pub(super) reconciled: bool,
    /// It is not, and a person has said that own orders go out all the same.
    pub(super) overridden: bool,
    pub(super) last_equity_at: Option<Timestamp>,
    /// What it held was valued by the record when this process began.
    pub(super) has_record: bool,
    /// When something last moved in an instrument; not kept where nobody compares.
    pub(super) moved_at: BTreeMap<Instrument, Timestamp>,
    /// When the broker was asked for everything.
    pub(super) pace: reconcile::Pace,
    pub(super) unexplained: explained::Unexplained,
    /// Highest net liquidation by account day, oldest first; the newest twenty days.
    pub(super) equity_highs: VecDeque<(Date, Decimal)>,
}

impl Books {
    /// May its positions be valued by a quote: real money is worth nothing that was made up, as where no broker is asked.
    pub(super) fn is_valued_by(&self, quote: &Quote) -> bool {
        quote.feed != Feed::Simulated || self.setup.mode == AccountMode::Paper
    }

    /// Takes a day's equity into the highs. Deposits move them with the money, so that paying out is no drawdown.
    pub(super) fn see_equity(&mut self, day: Date, equity: Decimal) {
        match self.equity_highs.iter_mut().find(|(known, _)| *known == day) {
            Some((_, high)) => *high = equity.max(*high),
            None => self.equity_highs.push_back((day, equity)),
        }
        while self.equity_highs.len() > HIGH_DAYS {
            self.equity_highs.pop_front();
        }
    }

    /// When the money behind a purchase of a cash account settles, where it has not.
    pub(super) fn settles_behind(&self, execution: &Execution) -> Option<Date> {
        let cash = self.setup.kind == AccountKind::Cash && execution.side.is_buy();
        if cash { self.portfolio.settles_behind(execution) } else { None }
    }

    /// Counts an execution for the rules of the account's kind. True for a good-faith violation that was not counted yet.
    pub(super) fn record(&mut self, execution: &Execution, held: Quantity, settles: Option<Date>) -> bool {
        if self.counts_day_trades() {
            self.day_trades.record(execution, held);
        }
        self.setup.kind == AccountKind::Cash && self.good_faith.record(execution, held, settles)
    }

    /// Only the accounts that obey the rule are counted for: looking up an exchange's day for every fill is dear.
    pub(super) fn counts_day_trades(&self) -> bool {
        self.setup.limits.day_trade_rule == DayTradeRule::Pdt
    }

    /// The 20-day high, today's first equity among it.
    pub(super) fn equity_high(&self, day_start: Decimal) -> Decimal {
        self.equity_highs.iter().map(|(_, high)| *high).fold(day_start, Decimal::max)
    }
}

/// Which sections of the snapshot have changed since the last one.
#[derive(Clone, Copy, Debug, Default)]
struct Dirty {
    any: bool,
    orders: bool,
    books: bool,
    log: bool,
}

/// The pure engine of one profile.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    calendar: Arc<Calendar>,
    now: Timestamp,
    /// Prices grow old; those of bars do not.
    prices_age: bool,
    seq: u64,
    ids: IdGenerator,
    next_number: u64,
    next_ticket: u64,
    trading_state: TradingState,
    market: MarketState,
    accounts: BTreeMap<AccountId, Books>,
    book: OrderBook,
    /// What waits for which journal entry.
    waiting: BTreeMap<Ticket, Vec<Effect>>,
    /// Orders whose state the broker is asked for.
    doubts: BTreeMap<ClientOrderId, doubt::Doubt>,
    /// When orders went that had waited for the disk, while their broker has not shown them.
    went_late: BTreeMap<ClientOrderId, Timestamp>,
    /// When the journal was read: what it holds may have been sent at any moment before.
    restored_at: Timestamp,
    /// What has been inferred of orders' fills and not been explained by real ones yet, oldest first.
    inferred: BTreeMap<ClientOrderId, Vec<(Quantity, Price)>>,
    trips: trips::Trips,
    /// Entries of brokers that no book can hold.
    refused: BTreeSet<ExecutionId>,
    /// Deltas of options that are held, as of their newest quotes.
    deltas: BTreeMap<Instrument, Decimal>,
    /// Sessions in which shares fell by ten per cent: short sales of them are restricted then and in the next.
    fallen: BTreeMap<Instrument, Date>,
    /// Accounts on which automation waits for a person, and why.
    paused: BTreeMap<AccountId, String>,
    /// The last write failed.
    journal_down: bool,
    /// What this step wants written. Boxed, as it goes: it is large.
    entry: Box<JournalEntry>,
    effects: Effects,
    /// What this step sends once its entry is on disk.
    after_journal: Vec<Effect>,
    watchlists: Arc<Vec<Watchlist>>,
    alerts: Alerts,
    exits: exits::Exits,
    host: strategies::Host,
    connections: Arc<Vec<Connection>>,
    clock: MarketClock,
    replay: Option<ReplayState>,
    log: VecDeque<LogLine>,
    dirty: Dirty,
    published: publish::Published,
}

impl Engine {
    /// An engine without accounts, quotes or orders.
    #[must_use]
    pub fn new(config: EngineConfig, calendar: Arc<Calendar>, now: Timestamp) -> Self {
        Self {
            ids: IdGenerator::new(config.seed),
            book: match config.records {
                Records::All => OrderBook::default(),
                Records::Executions => OrderBook::remembering(ENDED_UNREAD),
            },
            prices_age: !config.bar_mode,
            config,
            now,
            seq: 0,
            next_number: 1,
            next_ticket: 1,
            trading_state: TradingState::Active,
            market: MarketState::default(),
            accounts: BTreeMap::new(),
            waiting: BTreeMap::new(),
            doubts: BTreeMap::new(),
            went_late: BTreeMap::new(),
            restored_at: Timestamp::MIN,
            inferred: BTreeMap::new(),
            trips: trips::Trips::default(),
            refused: BTreeSet::new(),
            deltas: BTreeMap::new(),
            fallen: BTreeMap::new(),
            paused: BTreeMap::new(),
            journal_down: false,
            entry: Box::default(),
            effects: Vec::new(),
            after_journal: Vec::new(),
            watchlists: Arc::default(),
            alerts: Alerts::default(),
            exits: exits::Exits::default(),
            host: strategies::Host::default(),
            connections: Arc::default(),
            clock: MarketClock::closed(Arc::clone(&calendar)),
            replay: None,
            log: VecDeque::new(),
            dirty: Dirty { any: true, orders: true, books: true, log: true },
            published: publish::Published::default(),
            calendar,
        }
    }

    /// One thing happens at `now`. Returns what must be done, in order.
    pub fn step(&mut self, now: Timestamp, input: Input) -> Effects {
        self.saw_clock(now);
        self.now = forward(self.now, now);
        match input {
            Input::Quote(quote) => self.on_quote(*quote),
            Input::Bar { instrument, interval, bar } => {
                self.on_bar(&instrument, interval, &bar);
                self.bar_strategies(&instrument, interval, &bar, Feed::Replayed);
            }
            Input::Broker(event) => self.on_broker_event(*event),
            Input::Journaled(ticket) => self.on_journaled(ticket),
            Input::JournalFailed { ticket, reason } => self.on_journal_failed(ticket, &reason),
            Input::Place { request, orders } => self.on_place(request, orders),
            Input::Cancel { request, orders } => self.on_cancel(request, &orders),
            Input::Replace { request, order, change } => self.on_replace(request, order, &change),
            Input::Halt { request, all, reason } => self.on_halt(request, all, &reason),
            Input::Resume { request } => self.on_resume(request),
            Input::Alert { request, change } => self.on_alert(request, change),
            Input::Exit { request, change } => self.on_exit(request, *change),
            Input::Range { instrument, range } => self.on_range(&instrument, range),
            Input::LiftGuards { request, account } => self.on_lift_guards(request, &account),
            Input::Settle { request, order, fate, why } => self.on_settle(request, order, &fate, &why),
            Input::Strategy { request, change } => self.on_strategy(request, change),
            Input::RunStrategies => {
                self.run_strategies();
                self.exits.run();
            }
            Input::History { strategy, instrument, interval, bars, feed } => {
                self.on_history(&strategy, &instrument, (interval, feed), bars);
            }
            Input::Needed { strategy, answer } => self.on_needed(&strategy, answer),
            Input::StrategyBar { instrument, interval, bar, feed } => {
                self.bar_strategies(&instrument, interval, &bar, feed);
            }
            Input::Bot { strategy, word } => self.on_bot(&strategy, word),
            Input::BotTerms(terms) => self.on_bot_terms(*terms),
            Input::BotGone(bot) => self.on_bot_gone(&bot),
            Input::BarsChanged(instrument) => self.begin_anew(&instrument),
            Input::Tick => self.on_tick(),
            other => self.on_setting(other),
        }
        self.serve_strategies();
        self.serve_exits();
        self.finish()
    }

    fn on_setting(&mut self, input: Input) {
        self.dirty.any = true;
        match input {
            Input::Account(setup) => self.add_account(*setup),
            Input::Reconcile(account) => self.ask_for_statement(&account, ReconcileReason::Person),
            Input::Override(account) => self.on_override(&account),
            Input::Limits { account, limits } => {
                if let Some(books) = self.accounts.get_mut(&account) {
                    books.setup.limits = *limits;
                }
            }
            Input::DefaultAccount(account) if self.accounts.contains_key(&account) => {
                self.config.default_account = account;
            }
            Input::DefaultExits(plans) => self.default_exits(plans),
            Input::Restored(restored) => self.restore(*restored),
            Input::Instrument(spec) => self.market.put_spec(*spec),
            Input::Calendar(calendar) => self.take_calendar(calendar),
            Input::AverageVolume { instrument, volume } => self.market.put_average_volume(instrument, volume),
            Input::Rate { currency, rate } => {
                for books in self.accounts.values_mut() {
                    books.portfolio.set_rate(currency, rate);
                }
            }
            Input::BrokerStatus { account, up, reconciled } => {
                self.on_broker_status(&account, up, reconciled);
            }
            Input::ReduceOnly { reason } => self.on_reduce_only(&reason),
            Input::Circuit { account, pause } => self.on_circuit(&account, pause),
            Input::Distrust { account, reason } => self.on_distrust(&account, &reason),
            Input::Watchlists(watchlists) => {
                self.entry.watchlists = Some(watchlists.clone());
                self.watchlists = Arc::new(watchlists);
            }
            Input::Surroundings { connections, market, replay } => {
                self.connections = Arc::new(connections);
                self.clock = market;
                self.replay = replay;
            }
            Input::ClockStep { by } => self.saw_clock_step(by),
            Input::Note { severity, code, text } => self.note(severity, code, text),
            // The other inputs have a method of their own in `step`.
            _ => {}
        }
    }

    fn on_tick(&mut self) {
        let due: Vec<AccountId> = self
            .accounts
            .iter_mut()
            .filter(|(_, books)| {
                books.last_equity_at.is_none_or(|at| self.now.duration_since(at) >= EQUITY_EVERY)
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            self.record_equity(&id);
        }
        if !self.entry.equity.is_empty() && self.keeps_all() {
            self.record_last_prices();
        }
        for books in self.accounts.values_mut() {
            if books.portfolio.roll_day(self.now) {
                self.dirty.books = true;
                self.dirty.any = true;
            }
        }
        self.trip_on_daily_loss();
        self.tick_strategies();
        self.tick_exits();
        self.ask_after_doubtful();
        self.reconcile_when_due();
    }

    fn record_equity(&mut self, id: &AccountId) {
        if self.accounts.get(id).is_none_or(|books| self.is_valued_blindly(books)) {
            return;
        }
        let Some(books) = self.accounts.get_mut(id) else { return };
        books.last_equity_at = Some(self.now);
        let account = books.portfolio.account(self.now);
        books.see_equity(account_day(self.now), account.net_liquidation);
        self.entry.equity.push(EquityPoint {
            account: id.clone(),
            at: self.now,
            net_liquidation: account.net_liquidation,
            cash: account.cash,
        });
    }

    /// What everything held was last valued at: what the next process has until prices come.
    fn record_last_prices(&mut self) {
        let all = self.accounts.iter().flat_map(|(id, books)| {
            let priced =
                books.portfolio.holdings().filter_map(|(it, holding)| Some((it, holding.last_price()?)));
            priced.map(move |(instrument, price)| (id.clone(), instrument.clone(), price))
        });
        self.entry.last_prices = Some(all.collect());
    }

    /// A fresh order id.
    pub fn mint(&mut self, now: Timestamp) -> ClientOrderId {
        self.ids.next(forward(self.now, now))
    }

    /// Does anybody read more than executions.
    pub(super) const fn keeps_all(&self) -> bool {
        matches!(self.config.records, Records::All)
    }

    /// Writes a line to the log, in memory and on disk.
    pub(super) fn note(&mut self, severity: Severity, code: &str, text: String) {
        if !self.keeps_all() {
            return;
        }
        let line = LogLine { at: self.now, severity, code: code.into(), text };
        self.entry.log.push(line.clone());
        self.log.push_back(line);
        if self.log.len() > LOG_LINES_MAX {
            self.log.pop_front();
        }
        self.dirty.log = true;
        self.dirty.any = true;
    }

    pub(super) fn answer(&mut self, request: RequestId, outcome: Outcome) {
        self.effects.push(Effect::Answer { request, outcome });
    }

    /// Has anything changed since the last snapshot.
    #[must_use]
    pub const fn changed(&self) -> bool {
        self.dirty.any
    }

    /// The engine's clock: the newest instant it has seen.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Does it run on bars.
    #[must_use]
    pub const fn is_bar_mode(&self) -> bool {
        self.config.bar_mode
    }

    /// Its recording is one of quotes: from now on prices grow old as live ones do, though it runs on a clock of its own.
    pub const fn let_prices_age(&mut self) {
        self.prices_age = true;
    }

    /// The account that plain commands mean.
    #[must_use]
    pub const fn default_account(&self) -> &AccountId {
        &self.config.default_account
    }

    /// One order, working or recent.
    #[must_use]
    pub fn order(&self, id: ClientOrderId) -> Option<&Order> {
        self.book.get(id)
    }

    /// The orders.
    #[must_use]
    pub const fn book(&self) -> &OrderBook {
        &self.book
    }

    /// The newest quote of an instrument.
    #[must_use]
    pub fn quote(&self, instrument: &Instrument) -> Option<&Quote> {
        self.market.quote(instrument)
    }

    /// The terms of an instrument.
    #[must_use]
    pub fn spec(&self, instrument: &Instrument) -> Option<&InstrumentSpec> {
        self.market.spec(instrument)
    }

    /// An account's position in an instrument.
    #[must_use]
    pub fn position(&self, account: &AccountId, instrument: &Instrument) -> Option<Position> {
        self.accounts.get(account)?.portfolio.position(instrument)
    }

    /// Units an account holds of an instrument, signed; zero when flat.
    #[must_use]
    pub fn held(&self, account: &AccountId, instrument: &Instrument) -> crate::domain::money::Quantity {
        self.accounts.get(account).map(|books| books.portfolio.quantity(instrument)).unwrap_or_default()
    }

    /// An account's cash and positions at their marks.
    #[must_use]
    pub fn net_liquidation(&self, account: &AccountId) -> Decimal {
        self.accounts.get(account).map(|books| books.portfolio.net_liquidation()).unwrap_or_default()
    }

    /// All positions of an account.
    #[must_use]
    pub fn positions(&self, account: &AccountId) -> Vec<Position> {
        self.accounts.get(account).map(|books| books.portfolio.positions()).unwrap_or_default()
    }

    /// An account's figures.
    #[must_use]
    pub fn account(&self, account: &AccountId) -> Option<Account> {
        self.accounts.get(account).map(|books| self.account_figures(books))
    }

    /// Has a person said that real money is meant: plain commands mean a live account, which they do by the typed word alone.
    #[must_use]
    pub fn trades_live(&self) -> bool {
        let default = self.accounts.get(&self.config.default_account);
        default.is_some_and(|books| books.setup.mode == AccountMode::Live)
    }

    /// Every account there is.
    pub fn account_ids(&self) -> impl Iterator<Item = &AccountId> {
        self.accounts.keys()
    }

    /// What an account can do.
    #[must_use]
    pub fn capabilities(&self, account: &AccountId) -> Option<&Capabilities> {
        self.accounts.get(account).map(|books| &books.setup.capabilities)
    }

    /// May orders go out.
    #[must_use]
    pub const fn trading_state(&self) -> TradingState {
        self.trading_state
    }

    /// Instruments that alerts wait for: their prices must keep coming.
    pub fn alerted(&self) -> impl Iterator<Item = &Instrument> {
        self.alerts.instruments()
    }

    /// The user's lists.
    #[must_use]
    pub fn watchlists(&self) -> &[Watchlist] {
        &self.watchlists
    }
}

#[cfg(test)]
mod tests;
