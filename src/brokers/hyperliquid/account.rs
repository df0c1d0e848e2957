//! An account at Hyperliquid: orders in, out and asked about. What it shows of money is in `figures`, its stream in `user_stream`.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use std::time::Instant;

use async_trait::async_trait;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::json;
use tokio::sync::{broadcast, mpsc};

use super::actions::{Action, ModifyWire, OidOrCloid, OrderWire, Tif, TypeWire};
use super::budget::Budget;
use super::connection::AgentEnd;
use super::figures;
use super::replaces::Replaces;
use super::sent::Sent;
use super::signing::{Address, Signer};
use super::universe::{Asset, Universe};
use super::venue::{self, STATE, Venue};
use super::wire::{Book, DoneData, OrderAnswer, OrderWithStatus, Status, StatusBody};
use super::{NAME, errors, mapping, twaps, user_stream};
use crate::brokers::clock::wall;
use crate::brokers::http::Call;
use crate::brokers::{
    AccountStream, Broker, BrokerError, BrokerPreview, Certainty, OrderState, SubmitOutcome, rest_of,
};
use crate::domain::account::Account;
use crate::domain::capabilities::Capabilities;
use crate::domain::execution::{AccountEvent, Execution, OrderEvent, OrderUpdate};
use crate::domain::ids::{AccountId, BrokerOrderId, ClientOrderId};
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec};
use crate::domain::money::Price;
use crate::domain::movement::Movement;
use crate::domain::order::{
    Approved, OrderHandle, OrderRequest, OrderStatus, OrderType, Pricing, TimeInForce,
};
use crate::domain::position::Position;
use crate::domain::statement::OrderReport;
use crate::domain::venue::{VenueAction, VenueAnswer};

/// Words that the stream may be behind.
const WORDS_MAX: usize = 256;
/// What the account and its stream share.
pub(super) struct Shared {
    pub(super) venue: Arc<Venue>,
    pub(super) signer: Arc<Signer>,
    /// Whose state is read: never the agent's.
    pub(super) user: Address,
    /// Signed for when it is not the agent's own master: a sub-account or a vault.
    pub(super) vault: Option<Address>,
    pub(super) id: AccountId,
    replaces: Mutex<Replaces>,
    /// Orders that this process has sent and that have not ended.
    working: Mutex<BTreeSet<ClientOrderId>>,
    /// The first of them has come, or the last one gone.
    pub(super) switch: tokio::sync::Notify,
    /// When the agent's approval ends, as the login has it.
    pub(super) agent: Arc<AgentEnd>,
    /// Requests of the address.
    pub(super) budget: Arc<Budget>,
}

impl Shared {
    pub(super) fn replaces(&self) -> MutexGuard<'_, Replaces> {
        self.replaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An order of this process works now, or has ended.
    pub(super) fn works(&self, id: ClientOrderId, works: bool) {
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let did = !working.is_empty();
        if works {
            working.insert(id);
        } else {
            working.remove(&id);
        }
        if did == working.is_empty() {
            self.switch.notify_one();
        }
    }

    /// Does any order of this process work.
    pub(super) fn any_works(&self) -> bool {
        !self.working.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Signs and sends.
    pub(super) async fn act(
        &self,
        call: Call,
        action: &Action,
        expires: bool,
    ) -> Result<super::wire::DoneData, BrokerError> {
        self.act_as(call, action, expires, None).await
    }

    /// The same with a nonce that was taken before, for what is sent once.
    pub(super) async fn act_as(
        &self,
        call: Call,
        action: &Action,
        expires: bool,
        nonce: Option<u64>,
    ) -> Result<super::wire::DoneData, BrokerError> {
        self.budget.went(action.requests());
        self.venue.exchange(call, (&self.signer, self.vault.as_ref()), action, (expires, nonce)).await
    }

    /// A nonce for what is sent once.
    pub(super) fn nonce(&self) -> u64 {
        self.signer.nonce(self.venue.now_ms())
    }
}

/// Something that was true at an instant.
pub(super) type Known<T> = Mutex<Option<(Instant, T)>>;

/// An account at Hyperliquid.
pub struct HyperliquidAccount {
    pub(super) shared: Arc<Shared>,
    capabilities: Capabilities,
    pub(super) sent: Sent,
    /// What answers say that the stream does not.
    pub(super) words: broadcast::Sender<AccountEvent>,
    pub(super) unified: Known<bool>,
    pub(super) day_pnl: Known<Decimal>,
    pub(super) rates: Known<super::fees::Rates>,
    pub(super) traded: Known<super::reads::Traded>,
    /// Fills as they were last listed: when, and since when.
    pub(super) listed_fills: Mutex<Option<super::reads::ListedFills>>,
    /// Movements of cash as they were last listed.
    pub(super) moved: Mutex<Option<super::movements::Moved>>,
    /// How long the lists of orders and of fills were last: what they will cost.
    pub(super) lengths: [AtomicUsize; 4],
}

impl std::fmt::Debug for HyperliquidAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HyperliquidAccount").field("id", &self.shared.id).finish_non_exhaustive()
    }
}

fn capabilities() -> Capabilities {
    Capabilities {
        asset_classes: vec![AssetClass::Perpetual, AssetClass::Crypto],
        order_types: vec![
            OrderType::Market,
            OrderType::Limit,
            OrderType::Stop,
            OrderType::StopLimit,
            OrderType::Twap,
        ],
        times_in_force: vec![TimeInForce::Gtc, TimeInForce::Ioc],
        extended_hours: false,
        fractional: true,
        multi_leg: false,
        bracket: true,
        replace: true,
        short_sales: true,
        searchable_client_id: true,
        notional: false,
        preview: true,
        streaming: true,
        corporate_actions: false,
        one_effect: false,
        limited_slices: false,
        native_stops: Capabilities::stops_of(&[AssetClass::Perpetual], false),
    }
}

/// A read before an order has failed: of the order nothing has been sent.
pub(super) fn not_sent(error: BrokerError) -> BrokerError {
    match error.outcome() {
        Certainty::Unknown => venue::unreachable(&error),
        Certainty::Definite => error,
    }
}

pub(super) fn error_of(status: &Status) -> Option<BrokerError> {
    match status {
        Status::Body(StatusBody { error: Some(text), .. }) => Some(errors::refused(text)),
        _ => None,
    }
}

impl HyperliquidAccount {
    pub(super) fn new(
        venue: Arc<Venue>,
        signer: Arc<Signer>,
        user: Address,
        vault: Option<Address>,
        (id, agent): (AccountId, Arc<AgentEnd>),
    ) -> Self {
        let (replaces, working, switch, budget) = Default::default();
        Self {
            shared: Arc::new(Shared {
                venue,
                signer,
                user,
                vault,
                id,
                replaces,
                working,
                switch,
                agent,
                budget,
            }),
            capabilities: capabilities(),
            sent: Sent::new(),
            words: broadcast::channel(WORDS_MAX).0,
            unified: Mutex::default(),
            day_pnl: Mutex::default(),
            rates: Mutex::default(),
            traded: Mutex::default(),
            listed_fills: Mutex::default(),
            moved: Mutex::default(),
            lengths: Default::default(),
        }
    }

    pub(super) fn venue(&self) -> &Venue {
        &self.shared.venue
    }

    pub(super) fn user(&self) -> String {
        self.shared.user.to_string()
    }

    /// Tells what the stream does not; nobody has to listen.
    pub(super) fn tell(&self, client_order_id: ClientOrderId, event: OrderEvent) {
        let update = OrderUpdate { account: self.shared.id.clone(), client_order_id, at: wall(), event };
        if self.words.send(AccountEvent::Order(update)).is_err() {
            tracing::debug!("nobody watches the account");
        }
    }

    /// An order that the venue does not find by its id: an exit that waits for its entry, or none.
    async fn waiting(&self, id: ClientOrderId) -> Result<Option<OrderState>, BrokerError> {
        let cloid = mapping::cloid(id);
        let open = self.open_orders().await?;
        let found = open.iter().find(|order| order.cloid.as_deref() == Some(cloid.as_str()));
        match found {
            Some(order) => Ok(Some(OrderState {
                broker_order_id: mapping::id_of(order),
                status: mapping::status("open", order.orig_sz, order.sz),
                filled_quantity: mapping::filled(OrderStatus::Submitted, order),
            })),
            None => {
                self.keep_from_arriving(id).await;
                // Until the venue refuses it for being late, nobody can say that it never came.
                if !self.sent.may_arrive(id) {
                    return Ok(None);
                }
                let reason = "the order is not there, and may still arrive".to_owned();
                Err(BrokerError::NoAnswer { broker: NAME.to_owned(), reason })
            }
        }
    }

    /// The best price on the other side.
    pub(super) async fn touch(&self, asset: &Asset, buy: bool) -> Result<Option<Price>, BrokerError> {
        let body = json!({"type": "l2Book", "coin": asset.coin});
        let book: Option<Book> = self.venue().info(venue::needed("l2Book", STATE), &body).await?;
        let Some(book) = book else { return Ok(None) };
        let side = if buy { book.levels.1 } else { book.levels.0 };
        Ok(side.first().map(|level| Price::new(level.px)))
    }

    async fn enter(&self, order: &OrderRequest) -> Result<BrokerOrderId, BrokerError> {
        if let Pricing::Twap(slices) = order.pricing {
            return self.slice(order, slices).await;
        }
        let universe = self.venue().universe().await.map_err(not_sent)?;
        let (asset, instrument) = mapping::asset_of(&universe, &order.subject)?;
        let touch = match order.pricing {
            Pricing::Market => self.touch(asset, order.side.is_buy()).await.map_err(not_sent)?,
            _ => None,
        };
        let slippage = self.venue().settings.slippage;
        let (orders, grouping) = mapping::orders(asset, &instrument, order, touch, slippage)?;
        let id = order.client_order_id;
        if !self.sent.first_time(id) {
            // What the venue does with an id that it has is nowhere written.
            return self.find_sent(id).await;
        }
        let action = Action::Order { orders: orders.clone(), grouping };
        self.shared.works(id, true);
        let result = match self.send_once(venue::order("order"), &action, id).await {
            Ok(done) => venue::each("order", done.statuses, orders.len()),
            Err(error) => Err(error),
        };
        let entered = match result {
            Ok(statuses) => self.entered(order, &orders, &statuses).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &entered
            && error.outcome() == Certainty::Definite
        {
            self.shared.works(id, false);
            if matches!(error, BrokerError::Unreachable { .. } | BrokerError::Busy { .. }) {
                self.sent.forget(id);
            }
        }
        entered
    }

    /// Sends an order, once; where no answer comes, its nonce is remembered.
    async fn send_once(
        &self,
        call: Call,
        action: &Action,
        id: ClientOrderId,
    ) -> Result<DoneData, BrokerError> {
        let nonce = self.shared.nonce();
        let done = self.shared.act_as(call, action, true, Some(nonce)).await;
        if done.as_ref().is_err_and(|error| error.outcome() == Certainty::Unknown) {
            self.sent.doubt(id, nonce);
        }
        done
    }

    /// Reads what became of an order and its exits.
    async fn entered(
        &self,
        order: &OrderRequest,
        orders: &[OrderWire],
        statuses: &[Status],
    ) -> Result<BrokerOrderId, BrokerError> {
        let id = order.client_order_id;
        let Some(first) = statuses.first() else { return self.find_sent(id).await };
        if let Some(error) = error_of(first) {
            return Err(error);
        }
        for (exit, status) in order.exit_orders().iter().zip(&statuses[1..]) {
            if let Some(BrokerError::Refused { reject, .. }) = error_of(status) {
                self.tell(exit.client_order_id, OrderEvent::Rejected(reject));
            }
        }
        match first {
            Status::Body(StatusBody { resting: Some(resting), .. }) => {
                Ok(mapping::broker_order_id(resting.oid))
            }
            Status::Body(StatusBody { filled: Some(filled), .. }) => {
                let immediate =
                    orders.first().is_some_and(|wire| wire.t == TypeWire::Limit { tif: Tif::Ioc });
                let total =
                    crate::brokers::json::decimal_of(&filled.total_sz).unwrap_or(order.quantity.get());
                if immediate && total < order.quantity.get() {
                    let reason = Some("the rest of an immediate order".to_owned());
                    self.tell(id, OrderEvent::Canceled { reason });
                }
                Ok(mapping::broker_order_id(filled.oid))
            }
            // It waits, and its id is not said.
            Status::Word(_) | Status::Body(_) => self.find_sent(id).await,
        }
    }

    /// An order that has been sent, by our id.
    async fn find_sent(&self, id: ClientOrderId) -> Result<BrokerOrderId, BrokerError> {
        let found = self.ask(json!(mapping::cloid(id))).await;
        match found {
            Ok(Some(row)) => Ok(mapping::broker_order_id(row.order.oid)),
            Ok(None) => {
                let reason = "sent, and not to be found yet".to_owned();
                Err(BrokerError::NoAnswer { broker: NAME.to_owned(), reason })
            }
            Err(error) => Err(BrokerError::NoAnswer { broker: NAME.to_owned(), reason: error.to_string() }),
        }
    }

    async fn ask(&self, oid: serde_json::Value) -> Result<Option<OrderWithStatus>, BrokerError> {
        let body = json!({"type": "orderStatus", "user": self.user(), "oid": oid});
        let answer: OrderAnswer = self.venue().info(venue::needed("orderStatus", STATE), &body).await?;
        match (answer.status.as_str(), answer.order) {
            ("order", Some(row)) => Ok(Some(row)),
            ("unknownOid", _) => Ok(None),
            (other, _) => Err(BrokerError::Unreadable {
                broker: NAME.to_owned(),
                call: "orderStatus",
                reason: format!("status: '{}' without an order", errors::shown(other)),
            }),
        }
    }

    async fn modify(&self, order: &OrderHandle, new: &OrderRequest) -> Result<BrokerOrderId, BrokerError> {
        let universe = self.venue().universe().await.map_err(not_sent)?;
        let (asset, instrument) = mapping::asset_of(&universe, &new.subject)?;
        mapping::replacement(asset, &instrument, new)?;
        let new = &self.what_is_left(order, new).await?;
        let wire = mapping::replacement(asset, &instrument, new)?;
        let (old, id) = (order.client_order_id, new.client_order_id);
        if !self.sent.first_time(id) {
            return self.find_sent(id).await;
        }
        let oid = match oid_of(order) {
            Some(oid) => OidOrCloid::Oid(oid),
            None => OidOrCloid::Cloid(mapping::cloid(old)),
        };
        self.shared.replaces().sent(old, oid_of(order), id);
        self.shared.works(id, true);
        let action = Action::BatchModify { modifies: vec![ModifyWire { oid, order: wire.clone() }] };
        let result = match self.send_once(venue::order("batchModify"), &action, id).await {
            Ok(done) => match venue::each("batchModify", done.statuses, 1) {
                Ok(statuses) => self.entered(new, &[wire], &statuses).await,
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        self.replaced(order, id, &result);
        result
    }

    /// A replace names the size of the new order alone: what the venue has filled of the old one unheard is taken off it.
    async fn what_is_left(&self, old: &OrderHandle, new: &OrderRequest) -> Result<OrderRequest, BrokerError> {
        let oid = oid_of(old).map_or_else(|| json!(mapping::cloid(old.client_order_id)), |oid| json!(oid));
        let Some(row) = self.ask(oid).await.map_err(not_sent)? else { return Ok(new.clone()) };
        let status = mapping::status(&row.status, row.order.orig_sz, row.order.sz);
        rest_of(NAME, new, old.filled_quantity, mapping::filled(status, &row.order))
    }

    /// Says on what the answer to a replace means for both orders.
    fn replaced(&self, old: &OrderHandle, new: ClientOrderId, result: &Result<BrokerOrderId, BrokerError>) {
        let done = match result {
            Ok(_) => Some(true),
            Err(error) if error.outcome() == Certainty::Definite => Some(false),
            Err(_) => None,
        };
        let had_ended = self.shared.replaces().answered(new, done);
        match result {
            Ok(broker_order_id) => {
                self.tell(old.client_order_id, OrderEvent::Replaced { by: new });
                let broker_order_id = broker_order_id.clone();
                self.tell(new, OrderEvent::Acknowledged { broker_order_id });
                self.shared.works(old.client_order_id, false);
            }
            Err(_) => {
                if had_ended {
                    self.tell(old.client_order_id, OrderEvent::Canceled { reason: None });
                }
                if done == Some(false) {
                    self.shared.works(new, false);
                    self.sent.forget(new);
                }
            }
        }
    }
}

pub(super) fn oid_of(order: &OrderHandle) -> Option<u64> {
    order.broker_order_id.as_ref().and_then(|id| id.as_str().parse().ok())
}

#[async_trait]
impl Broker for HyperliquidAccount {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn account(&self) -> Result<Account, BrokerError> {
        let universe = self.venue().universe().await?;
        let (held, unified, day_pnl) = (self.held().await?, self.is_unified().await?, self.day_pnl().await?);
        let environment = self.venue().settings.environment;
        let traded = self.traded(&universe, &held).await?;
        self.watch_budget().await;
        let figures = figures::account(&universe, &self.shared.id, environment, &held, unified, day_pnl);
        Ok(Account { realized_pnl: traded.realized_pnl, fees: traded.fees, ..figures })
    }

    async fn positions(&self) -> Result<Vec<Position>, BrokerError> {
        let universe = self.venue().universe().await?;
        figures::positions(&universe, &self.shared.id, &self.held().await?)
    }

    async fn preview(&self, order: &OrderRequest) -> Result<Option<BrokerPreview>, BrokerError> {
        self.priced(order).await.map(Some)
    }

    async fn submit(&self, order: Approved<OrderRequest>) -> SubmitOutcome {
        self.enter(order.get()).await.map_or_else(SubmitOutcome::from, SubmitOutcome::Acknowledged)
    }

    async fn cancel(&self, order: &OrderHandle) -> SubmitOutcome {
        self.take_off(order).await.map_or_else(SubmitOutcome::from, SubmitOutcome::Acknowledged)
    }

    async fn cancel_all(&self) -> Result<(), BrokerError> {
        self.cancel_everything().await
    }

    async fn replace(&self, order: &OrderHandle, new: Approved<OrderRequest>) -> SubmitOutcome {
        self.modify(order, new.get()).await.map_or_else(SubmitOutcome::from, SubmitOutcome::Acknowledged)
    }

    async fn orders(&self) -> Result<Vec<OrderReport>, BrokerError> {
        let universe = self.venue().universe().await?;
        let rows = self.shown_orders().await?;
        let mut reports = Vec::new();
        for row in &rows {
            reports.extend(mapping::report(&universe, row)?);
        }
        let ids: BTreeSet<ClientOrderId> =
            reports.iter().filter_map(|report| report.client_order_id).collect();
        for report in reports.iter_mut().filter(|report| report.status == OrderStatus::Canceled) {
            let oid = report.broker_order_id.as_str().parse().unwrap_or_default();
            match self.shared.replaces().successor(oid, report.client_order_id) {
                Some((new, sure)) if sure || ids.contains(&new) => report.status = OrderStatus::Replaced,
                _ => {}
            }
        }
        reports.extend(self.twap_reports(&universe, self.lately()).await?);
        Ok(reports)
    }

    fn shows_at_once(&self) -> bool {
        // Reads are answered by nodes that may be behind the ones that take orders.
        false
    }

    async fn order(&self, order: &OrderHandle) -> Result<Option<OrderState>, BrokerError> {
        if twaps::is_meant(order) {
            return self.twap_state(order).await;
        }
        let oid =
            oid_of(order).map_or_else(|| json!(mapping::cloid(order.client_order_id)), |oid| json!(oid));
        let Some(row) = self.ask(oid).await? else { return self.waiting(order.client_order_id).await };
        let mut status = mapping::status(&row.status, row.order.orig_sz, row.order.sz);
        let filled_quantity = mapping::filled(status, &row.order);
        let successor = self.shared.replaces().successor(row.order.oid, Some(order.client_order_id));
        if status == OrderStatus::Canceled && matches!(successor, Some((_, true))) {
            status = OrderStatus::Replaced;
        }
        Ok(Some(OrderState {
            broker_order_id: mapping::broker_order_id(row.order.oid),
            status,
            filled_quantity,
        }))
    }

    async fn executions(&self, since: Timestamp) -> Result<Vec<Execution>, BrokerError> {
        let mut universe: Arc<Universe> = self.venue().universe().await?;
        let fills = self.fills(since).await?;
        if fills.iter().any(|fill| universe.instrument(&fill.coin).is_none()) {
            // A pair that was listed within the hour.
            universe = self.venue().universe_within(user_stream::LISTED_AGAIN).await?;
        }
        let mut all = Vec::new();
        for fill in &fills {
            all.extend(mapping::executions(&universe, &self.shared.id, fill)?);
        }
        Ok(all)
    }

    async fn movements(&self, since: Timestamp) -> Result<Vec<Movement>, BrokerError> {
        self.moved(since).await
    }

    async fn spec(&self, instrument: &Instrument) -> Result<InstrumentSpec, BrokerError> {
        let universe = self.venue().universe().await?;
        let missing =
            || BrokerError::NotFound { broker: NAME.to_owned(), what: format!("instrument {instrument}") };
        universe.spec(instrument).ok_or_else(missing)
    }

    async fn act(&self, action: &VenueAction) -> Result<VenueAnswer, BrokerError> {
        self.carry_out(action).await
    }

    async fn watch(&self, events: mpsc::Sender<AccountStream>) -> BrokerError {
        user_stream::watch(&self.shared, self.words.subscribe(), &events).await
    }
}
