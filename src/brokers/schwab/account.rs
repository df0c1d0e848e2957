//! One account: figures, positions, orders.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tokio::sync::mpsc;

use super::known::Known;
use super::rest::{ORDERS, READS, Rest, Send, unreadable};
use super::streamer::Streamer;
use super::wire::{AccountEntry, AccountNumber, Order, Preview};
use super::{NAME, errors, follow, market, report, symbols, terms};
use crate::brokers::http::Call;
use crate::brokers::{
    AccountStream, Broker, BrokerError, BrokerPreview, OrderState, SubmitOutcome, orders_alone, rest_of,
};
use crate::domain::account::{Account, AccountKind, AccountMode};
use crate::domain::capabilities::Capabilities;
use crate::domain::execution::{Execution, Reject};
use crate::domain::ids::{AccountId, BrokerOrderId};
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec};
use crate::domain::money::{Currency, Money, Price, Quantity};
use crate::domain::movement::Movement;
use crate::domain::order::{Approved, OrderHandle, OrderRequest, OrderSubject, PriceEffect, TimeInForce};
use crate::domain::position::Position;
use crate::domain::statement::OrderReport;
use crate::domain::venue::{VenueAction, VenueAnswer};

/// Orders that a list holds at most; more are asked for by moving its end.
const LIST_MAX: usize = 3_000;
/// Lists that one question may take.
const PAGES_MAX: usize = 10;
/// How long an order may work: what is older has ended.
const OLDEST: SignedDuration = SignedDuration::from_hours(181 * 24);
/// How far back orders are listed that may have ended.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Old orders that are asked for one by one.
const OLD_MAX: usize = 100;

const LIST: Call = Call::history("orders", READS);
const ORDER: Call = Call::read("order", READS);
const ACCOUNT: Call = Call::read("account", READS);
const PREVIEW: Call = Call::read("previewOrder", ORDERS);
const PLACE: Call = Call::order("place", ORDERS);
const REPLACE: Call = Call::order("replace", ORDERS);
const CANCEL: Call = Call::cancel("cancel", ORDERS);

/// An account of a login.
pub struct SchwabAccount {
    pub(super) rest: Arc<Rest>,
    pub(super) streamer: Arc<Streamer>,
    pub(super) number: AccountNumber,
    pub(super) id: AccountId,
    capabilities: Capabilities,
    options_level: u8,
    known: Mutex<Known>,
    /// One order at a time: two alike at once could not be told apart if an answer is lost.
    sending: tokio::sync::Mutex<()>,
}

impl SchwabAccount {
    /// An account, after a look at its kind.
    ///
    /// # Errors
    /// As the call.
    pub async fn open(
        rest: Arc<Rest>,
        streamer: Arc<Streamer>,
        number: AccountNumber,
        id: AccountId,
        options_level: Option<u8>,
    ) -> Result<Self, BrokerError> {
        let url = rest.trader.at(&format!("/accounts/{}", number.hash_value));
        let entry: AccountEntry = rest.get(ACCOUNT, &url).await?.json()?;
        let margin = entry.securities_account.kind == "MARGIN";
        Ok(Self {
            rest,
            streamer,
            number,
            id,
            capabilities: capabilities(margin),
            // The API does not say; Schwab itself refuses what the account may not.
            options_level: options_level.unwrap_or(if margin { 3 } else { 2 }),
            known: Mutex::default(),
            sending: tokio::sync::Mutex::default(),
        })
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Schwab's time: its orders are dated by it, and a clock of ours that is late would list none that just came.
    pub(super) fn now(&self) -> Timestamp {
        self.rest.http.broker_now()
    }

    fn at(&self, path: &str) -> String {
        self.rest.trader.at(&format!("/accounts/{}{path}", self.number.hash_value))
    }

    /// One order with what hangs on it.
    pub(super) async fn fetch(&self, id: &str) -> Result<Option<Order>, BrokerError> {
        let answer =
            self.rest.send(ORDER, &self.at(&format!("/orders/{}", symbols::escaped(id))), Send::Get).await?;
        if answer.is_success() {
            let order: Order = answer.json()?;
            self.look(std::slice::from_ref(&order));
            return Ok(Some(order));
        }
        match errors::of(&answer, "order") {
            BrokerError::NotFound { .. } => Ok(None),
            error => Err(error),
        }
    }

    /// Orders entered between two instants.
    async fn list(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Order>, BrokerError> {
        let (mut found, mut to) = (Vec::<Order>::new(), to);
        for _ in 0..PAGES_MAX {
            let query = format!(
                "/orders?fromEnteredTime={}&toEnteredTime={}&maxResults={LIST_MAX}",
                symbols::instant(from),
                symbols::instant(to)
            );
            let page: Vec<Order> = self.rest.get(LIST, &self.at(&query)).await?.json()?;
            let full = page.len() >= LIST_MAX;
            let oldest = page.iter().filter_map(report::entered_at).min();
            for order in page {
                if !found.iter().any(|have| have.order_id == order.order_id) {
                    found.push(order);
                }
            }
            match oldest.filter(|_| full) {
                Some(oldest) if oldest < to => to = oldest,
                _ => return Ok(found),
            }
        }
        Err(unreadable("orders", format!("there are more than {} orders", LIST_MAX * PAGES_MAX)))
    }

    /// Everything that was entered since an instant or a week ago, and every older order that works, or did when last seen.
    pub(super) async fn orders_since(&self, since: Timestamp) -> Result<Vec<Order>, BrokerError> {
        let now = self.now();
        let ago = |span: SignedDuration| now.checked_sub(span).unwrap_or(Timestamp::UNIX_EPOCH);
        let to = now.checked_add(SignedDuration::from_mins(1)).unwrap_or(now);
        let from = since.min(ago(RECENT)).max(ago(OLDEST));
        let mut orders = self.list(from, to).await?;
        if !self.known().scanned {
            let older = self.list(ago(OLDEST), from).await?;
            orders.extend(older.into_iter().filter(works));
            self.known().scanned = true;
        }
        let listed = |id: &String, orders: &[Order]| orders.iter().any(|order| order.order_id == *id);
        let missing: Vec<String> = {
            let known = self.known();
            known.open.keys().filter(|id| !listed(id, &orders)).take(OLD_MAX).cloned().collect()
        };
        for id in missing {
            if let Some(order) = self.fetch(&id).await? {
                orders.push(order);
            } else {
                self.known().open.remove(&id);
            }
        }
        self.look(&orders);
        Ok(orders)
    }

    /// Remembers what works, and whose orders these are.
    fn look(&self, orders: &[Order]) {
        let now = self.now();
        let mut known = self.known();
        known.look(orders);
        for order in orders {
            // A child that is asked for alone is part of what is known already.
            if works(order) {
                known.open.insert(order.order_id.clone(), report::entered_at(order).unwrap_or(now));
            } else {
                known.open.remove(&order.order_id);
            }
        }
    }

    /// Schwab's id of an order: the one that is known, or that of the one order with its terms where its answer was lost.
    async fn theirs(&self, order: &OrderHandle) -> Result<Option<String>, BrokerError> {
        if let Some(id) = &order.broker_order_id {
            return Ok(Some(id.as_str().to_owned()));
        }
        let id = order.client_order_id;
        let (known, doubt) = {
            let known = self.known();
            (known.id_of(id), known.is_in_doubt(id))
        };
        if known.is_some() || !doubt {
            return Ok(known);
        }
        self.orders_since(self.now()).await?;
        Ok(self.known().id_of(id))
    }

    /// Sends an order, or one in place of another, and remembers what came of it.
    async fn enter(&self, call: Call, url: &str, replaces: bool, order: &OrderRequest) -> SubmitOutcome {
        let body = match terms::body(order).and_then(|body| {
            serde_json::to_vec(&body).map_err(|error| unreadable("order", error.to_string()))
        }) {
            Ok(body) => body,
            Err(error) => return SubmitOutcome::from(error),
        };
        let _one = self.sending.lock().await;
        let sent_at = self.now();
        let what = if replaces { Send::Put(&body) } else { Send::Post(&body) };
        let answer = match self.rest.send(call, url, what).await {
            Ok(answer) if answer.is_success() => answer,
            Ok(answer) => return SubmitOutcome::from(errors::of_command(&answer, call.name)),
            Err(error) => {
                let outcome = SubmitOutcome::from(error);
                if matches!(outcome, SubmitOutcome::Unknown(_)) {
                    self.known().doubt(order.clone(), sent_at);
                }
                return outcome;
            }
        };
        let id = answer.header("location").and_then(|place| place.trim_end_matches('/').rsplit('/').next());
        let id = id.filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()));
        let Some(id) = id else {
            // It was taken, or something in between answered: the order is looked for by its terms.
            self.known().doubt(order.clone(), sent_at);
            let reason = format!("HTTP {} without the order's id", answer.status.as_u16());
            return SubmitOutcome::Unknown(unreadable(call.name, reason));
        };
        let mut known = self.known();
        known.learn(id, order);
        known.open.insert(id.to_owned(), sent_at);
        drop(known);
        self.streamer.hint(&self.number.account_number, id);
        SubmitOutcome::Acknowledged(BrokerOrderId::new(id))
    }

    /// A replace is a new order of its own size: what Schwab has filled of the old one unheard is taken off it.
    async fn what_is_left(
        &self,
        id: &str,
        old: &OrderHandle,
        new: &OrderRequest,
    ) -> Result<OrderRequest, BrokerError> {
        // What cannot be sent in any case is refused with its own words.
        terms::body(new)?;
        let Some(shown) = self.fetch(id).await? else { return Ok(new.clone()) };
        rest_of(NAME, new, old.filled_quantity, report::state(&shown).filled_quantity)
    }

    async fn cancel_one(&self, id: &str) -> Result<(), BrokerError> {
        let url = self.at(&format!("/orders/{}", symbols::escaped(id)));
        let answer = self.rest.send(CANCEL, &url, Send::Delete).await?;
        if answer.is_success() { Ok(()) } else { Err(errors::of_command(&answer, "order")) }
    }
}

/// May an order, or one that hangs on it, still fill.
fn works(order: &Order) -> bool {
    let mut all = Vec::new();
    report::flat(order, &mut all);
    all.into_iter().any(|order| !report::state(order).status.is_terminal())
}

fn capabilities(margin: bool) -> Capabilities {
    let common = Capabilities::us_broker(vec![AssetClass::Equity, AssetClass::Option]);
    let mut times_in_force = common.times_in_force.clone();
    times_in_force.push(TimeInForce::Gtd);
    Capabilities { times_in_force, short_sales: margin, searchable_client_id: false, preview: true, ..common }
}

/// The account's figures (§5.2 of the sheet).
fn figures(entry: &AccountEntry, id: &AccountId, options_level: u8) -> Result<Account, BrokerError> {
    let account = &entry.securities_account;
    let (now, before) = (&account.current_balances, &account.initial_balances);
    let margin = account.kind == "MARGIN";
    let missing = |field: &str| {
        unreadable("account", format!("securitiesAccount.currentBalances: missing field `{field}`"))
    };
    let all = entry.aggregated_balance.as_ref().and_then(|all| all.current_liquidation_value);
    let equity = now.liquidation_value.or(all).ok_or_else(|| missing("liquidationValue"))?;
    let cash = now.cash_balance.or(now.total_cash).ok_or_else(|| missing("cashBalance"))?;
    let (power, name) = if margin {
        (now.buying_power.or(now.available_funds), "buyingPower")
    } else {
        (now.cash_available_for_trading, "cashAvailableForTrading")
    };
    let sum = |parts: [Option<Decimal>; 2]| parts.into_iter().flatten().sum::<Decimal>();
    let short = sum([now.short_market_value, now.short_option_market_value]);
    let maintenance = now.maintenance_requirement.unwrap_or_default();
    let began = before.liquidation_value.or(before.account_value).unwrap_or(equity);
    let open = |position: &super::wire::Position| {
        sum([position.long_open_profit_loss, position.short_open_profit_loss])
    };
    let kind = if margin { AccountKind::Margin } else { AccountKind::Cash };
    Ok(Account {
        settled_cash: cash - now.unsettled_cash.unwrap_or_default(),
        long_market_value: sum([now.long_market_value, now.long_option_market_value]),
        short_market_value: -short.abs(),
        buying_power: power.ok_or_else(|| missing(name))?,
        initial_margin: maintenance,
        maintenance_margin: maintenance,
        excess_liquidity: equity - maintenance,
        day_pnl: equity - began,
        day_start_equity: began,
        unrealized_pnl: account.positions.iter().map(open).sum(),
        options_level,
        ..Account::at_broker(id.clone(), (kind, AccountMode::Live), Money::usd(cash), equity)
    })
}

/// A position; `None` for the sweep fund, which is cash, and for what has no place here.
fn position(theirs: &super::wire::Position, id: &AccountId) -> Option<Position> {
    let quantity = theirs.long_quantity - theirs.short_quantity;
    let kind = theirs.instrument.asset_type.as_str();
    if quantity.is_zero() || matches!(kind, "CASH_EQUIVALENT" | "CURRENCY") {
        return None;
    }
    let Some(instrument) = symbols::read(kind, &theirs.instrument.symbol) else {
        tracing::info!(kind, "a position that is no share and no option is left to schwab.com");
        return None;
    };
    let multiplier = if instrument.as_option().is_some() { Decimal::ONE_HUNDRED } else { Decimal::ONE };
    let each = |value: Decimal| value.checked_div(quantity)?.checked_div(multiplier);
    let mark = theirs.market_value.and_then(each).map(|mark| Price::new(mark.normalize()));
    let gains = [theirs.long_open_profit_loss, theirs.short_open_profit_loss];
    let unrealized = gains.iter().any(Option::is_some).then(|| gains.into_iter().flatten().sum());
    Some(Position {
        account: id.clone(),
        instrument,
        quantity: Quantity::new(quantity),
        average_price: Price::new(theirs.average_price.unwrap_or_default()),
        multiplier,
        currency: Currency::USD,
        mark,
        market_value: theirs.market_value,
        unrealized_pnl: unrealized,
        realized_pnl: Decimal::ZERO,
        day_pnl: theirs.current_day_profit_loss,
    })
}

#[async_trait]
impl Broker for SchwabAccount {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn account(&self) -> Result<Account, BrokerError> {
        let entry: AccountEntry = self.rest.get(ACCOUNT, &self.at("?fields=positions")).await?.json()?;
        figures(&entry, &self.id, self.options_level)
    }

    async fn positions(&self) -> Result<Vec<Position>, BrokerError> {
        let entry: AccountEntry = self.rest.get(ACCOUNT, &self.at("?fields=positions")).await?.json()?;
        Ok(entry.securities_account.positions.iter().filter_map(|held| position(held, &self.id)).collect())
    }

    async fn preview(&self, order: &OrderRequest) -> Result<Option<BrokerPreview>, BrokerError> {
        let mut body = terms::body(order)?;
        if !body.child_order_strategies.is_empty() {
            // Previews of brackets are unreliable: the entry is previewed, as an order of its own.
            (body.order_strategy_type, body.child_order_strategies) = ("SINGLE", Vec::new());
        }
        let body =
            serde_json::to_vec(&body).map_err(|error| unreadable("previewOrder", error.to_string()))?;
        let answer = self.rest.send(PREVIEW, &self.at("/previewOrder"), Send::Post(&body)).await?;
        if !answer.is_success() {
            return Err(errors::of_command(&answer, "previewOrder"));
        }
        previewed(answer.json()?, order).map(Some)
    }

    async fn submit(&self, order: Approved<OrderRequest>) -> SubmitOutcome {
        self.enter(PLACE, &self.at("/orders"), false, order.get()).await
    }

    async fn cancel(&self, order: &OrderHandle) -> SubmitOutcome {
        let id = match self.theirs(order).await {
            Ok(Some(id)) => id,
            Ok(None) => {
                let what = "order that is known by its id".to_owned();
                return SubmitOutcome::NotSent(BrokerError::NotFound { broker: NAME.to_owned(), what });
            }
            Err(error) => return SubmitOutcome::NotSent(error),
        };
        let outcome = self.cancel_one(&id).await;
        self.streamer.hint(&self.number.account_number, &id);
        match outcome {
            Ok(()) => SubmitOutcome::Acknowledged(BrokerOrderId::new(id)),
            Err(error) => SubmitOutcome::from(error),
        }
    }

    async fn cancel_all(&self) -> Result<(), BrokerError> {
        let mut ids = Vec::new();
        for order in self.orders_since(self.now()).await? {
            working(&order, &mut ids);
        }
        let mut failed = None;
        for id in ids {
            match self.cancel_one(&id).await {
                // Ended meanwhile: that is what was wanted. Another refusal leaves it working.
                Ok(()) | Err(BrokerError::Refused { status: 400 | 404, .. }) => {}
                Err(error) => failed = Some(error),
            }
            self.streamer.hint(&self.number.account_number, &id);
        }
        failed.map_or(Ok(()), Err)
    }

    async fn replace(&self, order: &OrderHandle, new: Approved<OrderRequest>) -> SubmitOutcome {
        match self.theirs(order).await {
            Ok(Some(id)) => {
                let new = match self.what_is_left(&id, order, new.get()).await {
                    Ok(new) => new,
                    Err(error @ (BrokerError::Refused { .. } | BrokerError::Unsupported { .. })) => {
                        return SubmitOutcome::from(error);
                    }
                    Err(error) => return SubmitOutcome::NotSent(error),
                };
                let url = self.at(&format!("/orders/{}", symbols::escaped(&id)));
                let outcome = self.enter(REPLACE, &url, true, &new).await;
                self.streamer.hint(&self.number.account_number, &id);
                outcome
            }
            Ok(None) => {
                let what = "order that is known by its id".to_owned();
                SubmitOutcome::NotSent(BrokerError::NotFound { broker: NAME.to_owned(), what })
            }
            Err(error) => SubmitOutcome::NotSent(error),
        }
    }

    async fn orders(&self) -> Result<Vec<OrderReport>, BrokerError> {
        let orders = self.orders_since(self.now()).await?;
        let known = self.known();
        let (mut flat, mut groups) = (Vec::new(), BTreeMap::new());
        for order in &orders {
            report::flat(order, &mut flat);
            report::alternatives(order, &mut groups);
        }
        let reports = flat.into_iter().map(|order| {
            let report = report::report(order, known.of(&order.order_id))?;
            let oco_group = groups.get(&order.order_id).cloned();
            Ok(report.map(|report| OrderReport { oco_group, ..report }))
        });
        reports.filter_map(Result::transpose).collect()
    }

    fn shows_at_once(&self) -> bool {
        false
    }

    async fn order(&self, order: &OrderHandle) -> Result<Option<OrderState>, BrokerError> {
        let Some(id) = self.theirs(order).await? else { return Ok(None) };
        Ok(self.fetch(&id).await?.map(|order| report::state(&order)))
    }

    async fn executions(&self, since: Timestamp) -> Result<Vec<Execution>, BrokerError> {
        let orders = self.orders_since(since).await?;
        let known = self.known();
        let mut flat = Vec::new();
        orders.iter().for_each(|order| report::flat(order, &mut flat));
        let mut found = Vec::new();
        for order in flat {
            found.extend(report::executions(order, &self.id, known.of(&order.order_id))?);
        }
        found.retain(|execution| execution.at >= since);
        found.sort_by_key(|execution| execution.at);
        Ok(found)
    }

    async fn movements(&self, since: Timestamp) -> Result<Vec<Movement>, BrokerError> {
        self.moved(since).await
    }

    async fn spec(&self, instrument: &Instrument) -> Result<InstrumentSpec, BrokerError> {
        market::spec(&self.rest, instrument).await
    }

    async fn act(&self, action: &VenueAction) -> Result<VenueAnswer, BrokerError> {
        Err(orders_alone(NAME, action))
    }

    async fn watch(&self, events: mpsc::Sender<AccountStream>) -> BrokerError {
        follow::watch(self, events).await
    }
}

/// Ids of what is to be canceled: an order that works takes its children with it.
fn working(order: &Order, ids: &mut Vec<String>) {
    if !order.order_leg_collection.is_empty() && !report::state(order).status.is_terminal() {
        ids.push(order.order_id.clone());
        return;
    }
    for child in &order.child_order_strategies {
        working(child, ids);
    }
}

/// What a preview says; what Schwab would refuse is a refusal.
fn previewed(preview: Preview, order: &OrderRequest) -> Result<BrokerPreview, BrokerError> {
    let said = |remarks: Vec<super::wire::Remark>| {
        let texts = remarks.into_iter().filter_map(|remark| remark.activity_message);
        texts.map(|text| crate::domain::text::clean(&text).into_owned()).collect::<Vec<_>>()
    };
    let checks = preview.order_validation_result;
    let rejects = said(checks.rejects);
    if !rejects.is_empty() {
        let reject = Reject { code: "PREVIEW".into(), message: rejects.join("; ") };
        return Err(BrokerError::Refused { broker: NAME.to_owned(), status: 200, reject });
    }
    let costs = preview.commission_and_fee;
    let commissions = costs.commission.commission_legs.into_iter().flat_map(|leg| leg.commission_values);
    let fees = costs.fee.fee_legs.into_iter().flat_map(|leg| leg.fee_values);
    let values: Vec<Decimal> = commissions.chain(fees).filter_map(|cost| cost.value).collect();
    let balance = preview.order_strategy.order_balance;
    let fee = if values.is_empty() { balance.projected_commission } else { Some(values.iter().sum()) };
    let pays = match (&order.subject, order.pricing.limit_price()) {
        (OrderSubject::Legs(_), Some(net)) => PriceEffect::of(order.side, net) == PriceEffect::Debit,
        _ => order.side.is_buy(),
    };
    let sign = if pays { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
    Ok(BrokerPreview {
        cash: balance.order_value.map(|value| Money::usd(value.abs() * sign)),
        fee: fee.map(Money::usd),
        buying_power_after: balance.projected_buying_power,
        warnings: [checks.warns, checks.alerts, checks.reviews].into_iter().flat_map(said).collect(),
    })
}
