//! The paper venue: a pure matching engine with its own books. The whole broker's state is one value that can be stored and resumed.
//!
//! It is driven by quotes or by bars, acknowledges after a delay, fills from the next event on, and reports through [`Venue::drain`].

mod assignment;
mod auction;
mod bars;
mod carry;
mod config;
mod corporate;
mod faults;
mod fills;
mod intake;
mod liquidity;
mod matching;
mod options;
mod packages;
mod refusal;
mod rename;
mod slippage;
mod stats;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::core::portfolio::{AccountTerms, Portfolio};
use crate::core::risk::{self, MarketView};
use crate::core::sorted::SortedMap;
use crate::core::table::Table;
use crate::domain::account::{Account, AccountMode};
use crate::domain::calendar::{Calendar, MarketPhase};
use crate::domain::corporate::CorporateAction;
use crate::domain::execution::{AccountEvent, CashEntry, OrderEvent, OrderUpdate};
use crate::domain::ids::{BrokerOrderId, ClientOrderId};
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::{Money, Price, Quantity};
use crate::domain::option::OptionContract;
use crate::domain::order::{OrderRequest, OrderStatus};
use crate::domain::position::Position;
use crate::domain::quote::Quote;
use crate::domain::statement::OrderReport;

use liquidity::Shown;
use options::Pending;

pub use config::{Faults, Sessions, Slippage, Touch, VenueConfig};
pub use slippage::DailyStats;

/// Ended orders the venue can still be asked about.
const ENDED_MAX: usize = 500;

/// Where an order is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    /// Sent; acknowledged at this instant.
    InFlight(Timestamp),
    /// A child whose parent has not filled.
    Held,
    /// In the market.
    Working,
}

/// An order at the venue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Resting {
    request: OrderRequest,
    stage: Stage,
    filled: Quantity,
    /// A stop whose trigger has traded.
    triggered: bool,
    /// It has been in the market at an event without filling: its fills are at its limit.
    rested: bool,
    /// Units in front of a resting limit at its price, once known.
    #[serde(default)]
    ahead: Option<Quantity>,
    /// Where a trailing stop stands.
    trail_stop: Option<Price>,
    /// Where the report of it says that it stands, and since when.
    #[serde(default)]
    told_stop: Option<(Timestamp, Price)>,
    /// Since when it is in the market.
    since: Timestamp,
    /// A cancel takes effect at this instant.
    cancel_at: Option<Timestamp>,
    /// Its time in force ends at this instant.
    expires_at: Option<Timestamp>,
    /// Commission charged so far, and the value it was charged on: minima and maxima are an order's.
    #[serde(default)]
    charged: Charged,
}

/// What an order has been charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Charged {
    /// By the rates alone.
    by_rate: Decimal,
    /// Within the order's minimum and maximum.
    commission: Decimal,
    /// Value of the fills.
    value: Decimal,
}

impl Resting {
    /// When something happens to it by itself: its acknowledgement, its cancel, its end.
    fn due(&self) -> impl Iterator<Item = Timestamp> {
        let acknowledged = match self.stage {
            Stage::InFlight(at) => Some(at),
            Stage::Held | Stage::Working => None,
        };
        [acknowledged, self.cancel_at, self.expires_at].into_iter().flatten()
    }

    fn leaves(&self) -> Quantity {
        self.request.quantity - self.filled
    }
}

/// An order the venue has done with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// Where it ended.
    pub status: OrderStatus,
    /// What filled.
    pub filled: Quantity,
}

/// The paper venue of one account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Venue {
    config: VenueConfig,
    books: Portfolio,
    /// By arrival: time priority. Boxed, as they are large: a map makes room for eleven with its first.
    orders: SortedMap<u64, Box<Resting>>,
    ended: SortedMap<ClientOrderId, Ended>,
    next_seq: u64,
    next_execution: u64,
    /// Dividends on their way: pay instant, entry.
    payable: Vec<CashEntry>,
    /// What has been decided of options and not been done yet.
    #[serde(default)]
    pending: Vec<Pending>,
    /// Contracts that their holder does not want exercised.
    #[serde(default)]
    kept: Vec<OptionContract>,
    /// Up to when the life of options has been lived.
    #[serde(default = "epoch")]
    lived: Timestamp,
    /// Terms of contracts that a corporate action changed.
    #[serde(default)]
    adjusted: Vec<InstrumentSpec>,
    /// Shares of which a split left a fraction, to be paid at the next price.
    #[serde(default)]
    in_lieu: BTreeSet<Instrument>,
    /// When the day's interest is charged, while something is owed.
    #[serde(default)]
    carry_at: Option<Timestamp>,
    /// What nobody can trade until its holder has spoken to the broker.
    #[serde(default)]
    frozen: BTreeSet<Instrument>,
    /// Reports made so far, where faults are asked for.
    #[serde(default)]
    reports: u64,
    /// Reports held up by a fault.
    #[serde(default)]
    delayed: Vec<(Timestamp, AccountEvent)>,
    /// Corporate actions that have been announced.
    #[serde(skip)]
    announced: Vec<CorporateAction>,
    #[serde(skip)]
    stats: BTreeMap<Instrument, DailyStats>,
    #[serde(skip)]
    learning: BTreeMap<Instrument, stats::Learning>,
    /// Orders whose time has come, while they are gone through; kept for its room.
    #[serde(skip)]
    reached: Vec<u64>,
    /// Driven by bars, not by quotes.
    #[serde(skip)]
    on_bars: bool,
    #[serde(skip)]
    slippage_paid: Decimal,
    #[serde(skip)]
    ids: SortedMap<ClientOrderId, u64>,
    #[serde(skip)]
    by_instrument: BTreeMap<Instrument, Vec<u64>>,
    #[serde(skip)]
    quotes: Table<Quote>,
    #[serde(skip)]
    shown: BTreeMap<Instrument, Shown>,
    #[serde(skip)]
    specs: BTreeMap<Instrument, InstrumentSpec>,
    #[serde(skip, default = "config::rules")]
    calendar: Arc<Calendar>,
    #[serde(skip)]
    events: Vec<AccountEvent>,
    /// When something happens to an order by itself, and to which. Entries of orders that have ended are dropped when they come up.
    #[serde(skip)]
    timers: BTreeSet<(Timestamp, u64)>,
    /// An option has expired whose underlying has no price yet.
    #[serde(skip)]
    awaits_price: bool,
    /// When the day orders of now end, and since when that is known.
    #[serde(skip)]
    session_end: Option<(Timestamp, Timestamp)>,
    #[serde(skip)]
    due: Option<Timestamp>,
    #[serde(skip, default = "epoch")]
    now: Timestamp,
}

const fn epoch() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

impl Venue {
    /// A venue with an opening balance and no orders.
    #[must_use]
    pub fn new(config: VenueConfig) -> Self {
        let calendar = Arc::clone(&config.calendar);
        let mut books = Portfolio::new(AccountTerms {
            account: config.account.clone(),
            kind: config.kind,
            mode: AccountMode::Paper,
            currency: config.currency,
            options_level: config.options_level,
            opening_cash: vec![Money::new(config.opening_cash, config.currency)],
        });
        books.set_calendar(Arc::clone(&calendar));
        Self {
            config,
            books,
            orders: SortedMap::new(),
            ended: SortedMap::new(),
            next_seq: 1,
            next_execution: 1,
            payable: Vec::new(),
            pending: Vec::new(),
            kept: Vec::new(),
            lived: epoch(),
            adjusted: Vec::new(),
            in_lieu: BTreeSet::new(),
            carry_at: None,
            frozen: BTreeSet::new(),
            reports: 0,
            delayed: Vec::new(),
            announced: Vec::new(),
            stats: BTreeMap::new(),
            learning: BTreeMap::new(),
            reached: Vec::new(),
            on_bars: false,
            slippage_paid: Decimal::ZERO,
            ids: SortedMap::new(),
            by_instrument: BTreeMap::new(),
            quotes: Table::default(),
            shown: BTreeMap::new(),
            specs: BTreeMap::new(),
            calendar,
            events: Vec::new(),
            timers: BTreeSet::new(),
            awaits_price: false,
            session_end: None,
            due: None,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    /// Reopens a stored venue with the settings of today. Account, currency and opening balance stay as they were.
    pub fn configure(&mut self, config: VenueConfig) {
        self.books.set_rights(config.kind, config.options_level);
        self.set_calendar(Arc::clone(&config.calendar));
        self.config = VenueConfig {
            account: self.config.account.clone(),
            currency: self.config.currency,
            opening_cash: self.config.opening_cash,
            ..config
        };
        self.reopen();
    }

    /// Rebuilds what is not stored. Call it once after reading a stored venue back.
    pub fn reopen(&mut self) {
        self.ids = self.orders.iter().map(|(seq, order)| (order.request.client_order_id, *seq)).collect();
        self.by_instrument.clear();
        let listed: Vec<(u64, OrderRequest)> =
            self.orders.iter().map(|(seq, o)| (*seq, o.request.clone())).collect();
        self.timers.clear();
        for spec in self.adjusted.clone() {
            self.set_spec(spec);
        }
        for (seq, request) in listed {
            self.index(seq, &request);
            self.arm(seq);
        }
        self.schedule();
    }

    fn index(&mut self, seq: u64, request: &OrderRequest) {
        for instrument in request.subject.instruments() {
            self.by_instrument.entry(instrument.clone()).or_default().push(seq);
        }
    }

    /// Sets the exchange's calendar, where another one holds from now on. What works keeps the end that it was given.
    pub fn set_calendar(&mut self, calendar: Arc<Calendar>) {
        self.books.set_calendar(Arc::clone(&calendar));
        self.calendar = calendar;
        self.session_end = None;
        self.schedule();
    }

    /// Takes an instrument's terms in. Without them the standard ones hold.
    pub fn set_spec(&mut self, spec: InstrumentSpec) {
        self.specs.insert(spec.instrument.clone(), spec);
    }

    fn spec_or_standard(&mut self, instrument: &Instrument) -> &InstrumentSpec {
        self.specs.entry(instrument.clone()).or_insert_with(|| InstrumentSpec::standard(instrument.clone()))
    }

    /// When something happens by itself next: an acknowledgement, a cancel, an expiry.
    #[must_use]
    pub const fn next_due(&self) -> Option<Timestamp> {
        self.due
    }

    /// Moves reported events into `into`, in order.
    pub fn drain(&mut self, into: &mut Vec<AccountEvent>) {
        into.append(&mut self.events);
    }

    /// True when `drain` has something.
    #[must_use]
    pub const fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Lets time pass: acknowledgements, cancels, expiries, the life of options, dividends, each at its own instant.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some(due) = self.due.filter(|due| *due <= now) {
            self.reach(due);
        }
        self.now = self.now.max(now);
    }

    /// The same up to an instant that has not quite come: what is due at it waits.
    fn advance_before(&mut self, now: Timestamp) {
        while let Some(due) = self.due.filter(|due| *due < now) {
            self.reach(due);
        }
    }

    fn reach(&mut self, due: Timestamp) {
        self.now = self.now.max(due);
        // Only what is due then: on bars the clock stands at the bar's end already, whose own ends have to wait.
        let mut seqs = std::mem::take(&mut self.reached);
        while let Some((_, seq)) = self.timers.first().filter(|(at, _)| *at <= due) {
            seqs.push(*seq);
            self.timers.pop_first();
        }
        // By arrival, as everything here.
        seqs.sort_unstable();
        seqs.dedup();
        for seq in seqs.drain(..) {
            self.advance_order(seq, due);
        }
        self.reached = seqs;
        self.live_options(due);
        self.pay_dividends();
        self.charge_carry();
        self.release_delayed();
        self.schedule();
    }

    fn advance_order(&mut self, seq: u64, until: Timestamp) {
        let Some(order) = self.orders.get_mut(&seq) else { return };
        if let Stage::InFlight(at) = order.stage
            && at <= until
        {
            order.stage = Stage::Working;
            order.since = at;
            let id = order.request.client_order_id;
            self.acknowledge(id, seq, at);
        }
        let Some(order) = self.orders.get(&seq) else { return };
        if order.cancel_at.is_some_and(|at| at <= until) {
            self.end(seq, OrderStatus::Canceled, None);
        } else if order.expires_at.is_some_and(|at| at <= until) {
            self.close_auction(seq);
            if self.orders.contains_key(&seq) {
                self.end(seq, OrderStatus::Expired, None);
            }
        }
    }

    fn acknowledge(&mut self, id: ClientOrderId, seq: u64, at: Timestamp) {
        let broker_order_id = BrokerOrderId::numbered('p', seq);
        self.report(id, at, OrderEvent::Acknowledged { broker_order_id });
    }

    fn report(&mut self, client_order_id: ClientOrderId, at: Timestamp, event: OrderEvent) {
        let account = self.config.account.clone();
        self.hand_out(AccountEvent::Order(OrderUpdate { account, client_order_id, at, event }));
    }

    /// Keeps in mind when something is due for an order.
    fn arm(&mut self, seq: u64) {
        let Some(order) = self.orders.get(&seq) else { return };
        self.timers.extend(order.due().map(|at| (at, seq)));
    }

    /// Works out when something is due next.
    fn schedule(&mut self) {
        while let Some((at, seq)) = self.timers.first()
            && !self.orders.get(seq).is_some_and(|order| order.due().any(|due| due == *at))
        {
            self.timers.pop_first();
        }
        let carry = self.next_of_carry();
        let orders = self.timers.first().map(|(at, _)| *at);
        let payable = self.payable.iter().map(|entry| entry.at);
        let pending = self.pending.iter().map(|pending| pending.at);
        let delayed = self.delayed.iter().map(|(at, _)| *at);
        self.due = orders
            .into_iter()
            .chain(payable)
            .chain(pending)
            .chain(delayed)
            .chain(self.next_of_options())
            .chain(carry)
            .min();
    }

    /// The account's figures, working orders' money held back.
    #[must_use]
    pub fn account(&self, now: Timestamp) -> Account {
        self.books.account_with(now, self.reserved())
    }

    fn reserved(&self) -> Decimal {
        let orders = self.orders.values().map(|order| (&order.request, order.leaves()));
        risk::reserved(&self.books, self, &self.config.fees, orders)
    }

    /// Open positions in instrument order.
    #[must_use]
    pub fn positions(&self) -> Vec<Position> {
        self.books.positions()
    }

    /// Where an order stands: status, filled quantity. `None` for one the venue never saw or has forgotten.
    #[must_use]
    pub fn order(&self, id: ClientOrderId) -> Option<(OrderStatus, Quantity)> {
        if let Some(order) = self.ids.get(&id).and_then(|seq| self.orders.get(seq)) {
            let status = if order.filled.is_positive() {
                OrderStatus::PartiallyFilled
            } else {
                OrderStatus::Submitted
            };
            return Some((status, order.filled));
        }
        self.ended.get(&id).map(|ended| (ended.status, ended.filled))
    }

    /// An order in the market as a broker shows it. `None` for one that is not.
    #[must_use]
    pub fn describe(&self, id: ClientOrderId) -> Option<OrderReport> {
        let seq = self.ids.get(&id)?;
        let order = self.orders.get(seq)?;
        let (status, filled_quantity) = self.order(id)?;
        let request = &order.request;
        Some(OrderReport {
            client_order_id: Some(id),
            broker_order_id: BrokerOrderId::numbered('p', *seq),
            status,
            subject: request.subject.clone(),
            side: request.side,
            quantity: request.quantity,
            pricing: request.pricing,
            time_in_force: request.time_in_force,
            filled_quantity,
            average_price: None,
            entered_at: order.since,
            native_type: None,
            oco_group: None,
        })
    }

    /// The venue's own id of an order in the market.
    #[must_use]
    pub fn broker_order_id(&self, id: ClientOrderId) -> Option<BrokerOrderId> {
        self.ids.get(&id).map(|seq| BrokerOrderId::numbered('p', *seq))
    }

    /// Ids of the orders in the market, by arrival.
    pub fn open_orders(&self) -> impl Iterator<Item = ClientOrderId> {
        self.orders.values().map(|order| order.request.client_order_id)
    }

    /// The books.
    #[must_use]
    pub const fn books(&self) -> &Portfolio {
        &self.books
    }

    /// Is the market of an order open to it now.
    fn is_open(&self, request: &OrderRequest) -> bool {
        if self.config.sessions == Sessions::Always {
            return true;
        }
        let extended = request.session == crate::domain::order::TradingSession::Extended;
        request.subject.instruments().all(|instrument| match self.phase(instrument) {
            MarketPhase::Regular => true,
            MarketPhase::PreMarket | MarketPhase::PostMarket => extended,
            MarketPhase::Closed => false,
        })
    }

    fn millis(ms: u32) -> SignedDuration {
        SignedDuration::from_millis(i64::from(ms))
    }
}

impl MarketView for Venue {
    fn quote(&self, instrument: &Instrument) -> Option<&Quote> {
        self.quotes.get(instrument)
    }

    fn spec(&self, instrument: &Instrument) -> Option<&InstrumentSpec> {
        self.specs.get(instrument)
    }

    fn phase(&self, instrument: &Instrument) -> MarketPhase {
        self.calendar.phase(instrument.asset_class(), self.now)
    }

    fn average_volume(&self, _: &Instrument) -> Option<Decimal> {
        None
    }
}

#[cfg(test)]
mod tests;
