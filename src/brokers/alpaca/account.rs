//! One account: `impl Broker` over the trading calls.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use rust_decimal::Decimal;
use tokio::sync::mpsc;

use super::known::Known;
use super::order::{Before, Change, NewOrder};
use super::rest::{Rest, TRADING, escaped};
use super::{NAME, errors, ids, movements, report, takes, terms, trades, wire};
use crate::brokers::clock::wall;
use crate::brokers::http::Call;
use crate::brokers::json::shown;
use crate::brokers::{
    AccountStream, Broker, BrokerError, BrokerPreview, Certainty, OrderState, SubmitOutcome,
};
use crate::domain::account::{Account, AccountKind, AccountMode};
use crate::domain::capabilities::Capabilities;
use crate::domain::execution::Execution;
use crate::domain::ids::{AccountId, BrokerOrderId, ClientOrderId};
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::{Currency, Money, Price, Quantity};
use crate::domain::movement::Movement;
use crate::domain::order::{Approved, OrderHandle, OrderRequest, OrderSubject};
use crate::domain::position::Position;
use crate::domain::statement::OrderReport;
use crate::domain::venue::{VenueAction, VenueAnswer};

const ORDER: Call = Call::order("submit", TRADING);
const REPLACE: Call = Call::order("replace", TRADING);
const CANCEL: Call = Call::cancel("cancel", TRADING);
const CANCEL_ALL: Call = Call::cancel("cancel_all", TRADING);
const ACCOUNT: Call = Call::read("account", TRADING);
const POSITIONS: Call = Call::read("positions", TRADING);
const ONE_ORDER: Call = Call::read("order", TRADING);
const ORDERS: Call = Call::history("orders", TRADING);
const ACTIVITIES: Call = Call::history("activities", TRADING);

/// Orders of a page, at most.
const ORDERS_PAGE: usize = 500;
/// Activities of a page, at most.
const ACTIVITIES_PAGE: usize = 100;
/// Pages of one list. More is an error: a list that is cut off must not pass for a whole one.
const PAGES_MAX: usize = 100;
/// How far back ended orders are listed.
const ENDED_SINCE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// An order is looked for from this long before its id was made: our clock may have been wrong.
const LOOKED_FROM: SignedDuration = SignedDuration::from_hours(24);
/// Fills, fees in coins, and what becomes of options.
const EXECUTIONS: &str = "FILL,CFEE,OPASN,OPEXC,OPEXP,OPTRD";

/// An account at Alpaca.
pub(super) struct AlpacaAccount {
    pub(super) rest: Rest,
    pub(super) id: AccountId,
    pub(super) mode: AccountMode,
    pub(super) capabilities: Capabilities,
    pub(super) known: Known,
    pub(super) specs: Mutex<BTreeMap<Instrument, InstrumentSpec>>,
}

fn unreadable(call: &'static str, reason: String) -> BrokerError {
    BrokerError::Unreadable { broker: NAME.to_owned(), call, reason }
}

fn path_of(id: &str) -> String {
    format!("/v2/orders/{id}")
}

impl AlpacaAccount {
    /// The terms of an instrument, from memory or asked for.
    async fn terms(&self, instrument: &Instrument) -> Result<InstrumentSpec, BrokerError> {
        if let Some(spec) = self.remembered(instrument) {
            return Ok(spec);
        }
        let spec = terms::ask(&self.rest, instrument).await?;
        let mut specs = self.specs.lock().unwrap_or_else(PoisonError::into_inner);
        if specs.len() >= terms::KEPT_MAX {
            specs.clear();
        }
        specs.insert(instrument.clone(), spec.clone());
        Ok(spec)
    }

    fn remembered(&self, instrument: &Instrument) -> Option<InstrumentSpec> {
        self.specs.lock().unwrap_or_else(PoisonError::into_inner).get(instrument).cloned()
    }

    /// Checks an order against what is taken. Only coins are asked about before an order: what they lack in increments would be cut off
    /// silently.
    async fn check(&self, order: &OrderRequest) -> Result<(), BrokerError> {
        let spec = match &order.subject {
            OrderSubject::Legs(_) => None,
            OrderSubject::Instrument(instrument @ Instrument::Crypto { .. }) => {
                takes::check(order, None)?;
                Some(self.terms(instrument).await?)
            }
            OrderSubject::Instrument(instrument) => {
                Some(self.remembered(instrument).unwrap_or_else(|| terms::standard(instrument.clone())))
            }
        };
        takes::check(order, spec.as_ref())
    }

    async fn by_id(&self, id: &str) -> Result<Option<wire::Order>, BrokerError> {
        let query = [("nested", "true".to_owned())];
        self.seen(self.rest.get(ONE_ORDER, &path_of(&escaped(id)), &query).await)
    }

    async fn by_text(&self, text: String) -> Result<Option<wire::Order>, BrokerError> {
        let query = [("client_order_id", text), ("nested", "true".to_owned())];
        self.seen(self.rest.get(ONE_ORDER, "/v2/orders:by_client_order_id", &query).await)
    }

    fn seen(&self, found: Result<wire::Order, BrokerError>) -> Result<Option<wire::Order>, BrokerError> {
        match found {
            Ok(order) => {
                self.known.learn(&order);
                Ok(Some(order))
            }
            Err(error) if errors::is_not_found(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// An order of ours, or an exit of one, by our id alone: by its text, else among everything since it was made, for the text of a bracket
    /// or of a sold package says more than the id.
    async fn by_client_id(&self, id: ClientOrderId) -> Result<Option<wire::Order>, BrokerError> {
        if let Some(order) = self.by_text(ids::plain(id)).await? {
            return Ok(Some(order));
        }
        let made = u64::try_from(id.as_u128() >> 80).ok().and_then(|ms| i64::try_from(ms).ok());
        let made = made.and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or_else(wall);
        let since = made.min(wall()).checked_sub(LOOKED_FROM).unwrap_or(Timestamp::UNIX_EPOCH);
        for order in self.list("all", Some(since)).await? {
            let Some(ours) = ids::read(&order.client_order_id).filter(|ours| ours.names(id)) else {
                continue;
            };
            if ours.order == id {
                return Ok(Some(order));
            }
            let is_it =
                |leg: &wire::Order| self.known.owner(&leg.id).is_some_and(|owner| owner.client == Some(id));
            if let Some(leg) = order.legs().iter().find(|leg| is_it(leg)) {
                return Ok(Some(leg.clone()));
            }
        }
        Ok(None)
    }

    async fn find(&self, order: &OrderHandle) -> Result<Option<wire::Order>, BrokerError> {
        match &order.broker_order_id {
            Some(id) => self.by_id(id.as_str()).await,
            None => self.by_client_id(order.client_order_id).await,
        }
    }

    /// Orders of a status, children below their parents, oldest first.
    async fn list(&self, status: &str, since: Option<Timestamp>) -> Result<Vec<wire::Order>, BrokerError> {
        let mut found: Vec<wire::Order> = Vec::new();
        let mut after = since;
        for _ in 0..PAGES_MAX {
            let mut query = vec![
                ("status", status.to_owned()),
                ("limit", ORDERS_PAGE.to_string()),
                ("direction", "asc".to_owned()),
                ("nested", "true".to_owned()),
            ];
            query.extend(after.map(|after| ("after", after.to_string())));
            let page: Vec<wire::Order> = self.rest.get(ORDERS, "/v2/orders", &query).await?;
            page.iter().for_each(|order| self.known.learn(order));
            let (full, newest) =
                (page.len() >= ORDERS_PAGE, page.iter().filter_map(|o| o.submitted_at).max());
            found.extend(page);
            if !full {
                return Ok(found);
            }
            // The bound is exclusive: of two of one instant the second would be lost, so that it is asked for a moment earlier and double rows
            // fall away where they are used.
            let next = newest.and_then(|at| at.checked_sub(SignedDuration::from_nanos(1)).ok());
            if next.is_none() || next <= after {
                break;
            }
            after = next;
        }
        Err(unreadable(ORDERS.name, format!("there are more than {} orders", PAGES_MAX * ORDERS_PAGE)))
    }

    /// What the order that this one replaced had filled: the new one's count goes on from there.
    async fn carried(&self, order: &wire::Order) -> Result<Decimal, BrokerError> {
        match &order.replaces {
            Some(old) if order.filled_qty.is_some_and(|filled| !filled.is_zero()) => {
                let old = self.by_id(old).await?;
                Ok(old.and_then(|old| old.filled_qty).unwrap_or_default())
            }
            _ => Ok(Decimal::ZERO),
        }
    }

    async fn state(&self, order: &wire::Order) -> Result<OrderState, BrokerError> {
        let carried = self.carried(order).await?;
        let filled = order.filled_qty.unwrap_or_default();
        Ok(OrderState {
            broker_order_id: BrokerOrderId::new(order.id.as_str()),
            status: report::status(order),
            filled_quantity: Quantity::new(if carried <= filled { filled - carried } else { filled }),
        })
    }

    async fn send(&self, order: &OrderRequest) -> Result<BrokerOrderId, BrokerError> {
        let sent = self.rest.tell(ORDER, Method::POST, "/v2/orders", &NewOrder::of(order)).await;
        let answer = match sent {
            Ok(answer) => answer,
            // The id was made once for this order: whoever has it is this order, from an attempt whose answer was lost.
            Err(error) if errors::code(&error) == Some("DUPLICATE") => {
                return self.adopt(order, &error).await;
            }
            Err(error) => return Err(error),
        };
        let taken: wire::Order = answer.json()?;
        self.known.learn(&taken);
        Ok(BrokerOrderId::new(taken.id))
    }

    async fn adopt(&self, order: &OrderRequest, error: &BrokerError) -> Result<BrokerOrderId, BrokerError> {
        let found = self.by_text(ids::write(order)).await;
        match found {
            Ok(Some(found)) => Ok(BrokerOrderId::new(found.id)),
            _ => Err(BrokerError::NoAnswer { broker: NAME.to_owned(), reason: error.to_string() }),
        }
    }

    /// Asks for a replace: what the old order is, then the change. Their quantity is that of the whole chain, what has filled of it included;
    /// ours is the rest. What fills in between is taken off theirs by itself, and is told of the old order.
    async fn change(&self, order: &OrderHandle, new: &OrderRequest) -> Result<BrokerOrderId, SubmitOutcome> {
        let unsent = SubmitOutcome::NotSent;
        let old = self.find(order).await.map_err(unsent)?;
        let Some(old) = old else {
            let what = format!("order {}", order.client_order_id);
            return Err(unsent(BrokerError::NotFound { broker: NAME.to_owned(), what }));
        };
        let Some(quantity) = old.qty else {
            // Of an order for an amount of money Alpaca changes nothing.
            let error = BrokerError::Unsupported {
                broker: NAME.to_owned(),
                what: "a replace of an order for an amount of money".to_owned(),
                allowed: "a cancel and a new order".to_owned(),
            };
            return Err(error.into());
        };
        let before_it = self.carried(&old).await.map_err(unsent)?;
        let done = before_it + order.filled_quantity.get();
        let before = Before {
            order_type: old.order_type.as_deref().unwrap_or_default(),
            quantity,
            time_in_force: &old.time_in_force,
        };
        let whole = OrderRequest { quantity: Quantity::new(new.quantity.get() + done), ..new.clone() };
        let change = Change::of(&before, &whole).map_err(SubmitOutcome::from)?;
        self.known.replaces(&old.id, new.client_order_id);
        let answer = match self.rest.tell(REPLACE, Method::PATCH, &path_of(&old.id), &change).await {
            Ok(answer) => answer,
            Err(error) => {
                // Whoever replaces it later is not this order, which never came to be.
                if error.outcome() == Certainty::Definite {
                    self.known.replaces_not(&old.id, new.client_order_id);
                }
                return Err(error.into());
            }
        };
        let taken: wire::Order = answer.json()?;
        self.known.learn(&taken);
        Ok(BrokerOrderId::new(taken.id))
    }

    async fn take_off(&self, order: &OrderHandle) -> Result<BrokerOrderId, SubmitOutcome> {
        let id = match &order.broker_order_id {
            Some(id) => id.clone(),
            None => match self.find(order).await.map_err(SubmitOutcome::NotSent)? {
                Some(found) => BrokerOrderId::new(found.id),
                None => {
                    let what = format!("order {}", order.client_order_id);
                    let error = BrokerError::NotFound { broker: NAME.to_owned(), what };
                    return Err(SubmitOutcome::NotSent(error));
                }
            },
        };
        match self.rest.delete(CANCEL, &path_of(id.as_str())).await {
            Ok(_) => Ok(id),
            // It is what was wanted, or on its way there.
            Err(BrokerError::Refused { reject, .. })
                if reject.message.contains("\"canceled\"")
                    || reject.message.contains("\"pending_cancel\"") =>
            {
                Ok(id)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Executions since an instant, oldest first.
    pub(super) async fn fills(&self, since: Timestamp) -> Result<Vec<Execution>, BrokerError> {
        let rows = self.activities(("activity_types", EXECUTIONS), since).await?;
        let of = |row: &wire::Activity| report::activity(row, &self.id, &self.known).transpose();
        let all: Result<Vec<Execution>, String> = rows.iter().filter_map(of).collect();
        all.map_err(|reason| unreadable(ACTIVITIES.name, reason))
    }

    /// Rows of the activities since an instant, oldest first.
    async fn activities(
        &self,
        which: (&'static str, &str),
        since: Timestamp,
    ) -> Result<Vec<wire::Activity>, BrokerError> {
        let mut found: Vec<wire::Activity> = Vec::new();
        for _ in 0..PAGES_MAX {
            let mut query = vec![
                (which.0, which.1.to_owned()),
                ("after", since.to_string()),
                ("direction", "asc".to_owned()),
                ("page_size", ACTIVITIES_PAGE.to_string()),
            ];
            query.extend(found.last().map(|last| ("page_token", last.id.clone())));
            let page: Vec<wire::Activity> =
                self.rest.get(ACTIVITIES, "/v2/account/activities", &query).await?;
            let full = page.len() >= ACTIVITIES_PAGE;
            found.extend(page);
            if !full {
                return Ok(found);
            }
        }
        let most = PAGES_MAX * ACTIVITIES_PAGE;
        Err(unreadable(ACTIVITIES.name, format!("there are more than {most} of them")))
    }

    fn position(&self, row: &wire::Position) -> Result<Position, String> {
        let instrument = report::instrument(&row.symbol, &row.asset_class)?;
        let spec = self.remembered(&instrument).unwrap_or_else(|| terms::standard(instrument.clone()));
        // Negative when short, whatever the sign of the number is.
        let quantity = if row.side == "short" { -row.qty.abs() } else { row.qty };
        Ok(Position {
            account: self.id.clone(),
            instrument,
            quantity: Quantity::new(quantity),
            average_price: Price::new(row.avg_entry_price),
            multiplier: spec.multiplier,
            currency: spec.currency,
            mark: row.current_price.map(Price::new),
            market_value: row.market_value,
            unrealized_pnl: row.unrealized_pl,
            realized_pnl: Decimal::ZERO,
            day_pnl: row.unrealized_intraday_pl,
        })
    }
}

/// An account's figures as ours. What working orders hold back is taken off the buying power there already, and what closed trades came to it
/// does not say: both are zero here.
fn figures(of: &AlpacaAccount, account: &wire::Account, positions: &[wire::Position]) -> Account {
    let currency = account.currency.as_deref().and_then(|code| Currency::new(code).ok());
    let currency = currency.unwrap_or(Currency::USD);
    let maintenance_margin = account.maintenance_margin.unwrap_or_default();
    let day_start_equity = account.last_equity.unwrap_or(account.equity);
    let cash_only = account.multiplier.is_some_and(|multiplier| multiplier <= Decimal::ONE);
    let kind = if cash_only { AccountKind::Cash } else { AccountKind::Margin };
    let cash = Money::new(account.cash, currency);
    Account {
        long_market_value: account.long_market_value.unwrap_or_default(),
        short_market_value: account.short_market_value.unwrap_or_default(),
        buying_power: account.buying_power,
        initial_margin: account.initial_margin.unwrap_or_default(),
        maintenance_margin,
        excess_liquidity: account.equity - maintenance_margin,
        day_pnl: account.equity - day_start_equity,
        day_start_equity,
        unrealized_pnl: positions.iter().filter_map(|row| row.unrealized_pl).sum(),
        fees: account.accrued_fees.unwrap_or_default(),
        options_level: account.options_trading_level.unwrap_or_default(),
        ..Account::at_broker(of.id.clone(), (kind, of.mode), cash, account.equity)
    }
}

#[async_trait]
impl Broker for AlpacaAccount {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn account(&self) -> Result<Account, BrokerError> {
        let (account, positions) = tokio::join!(
            self.rest.get::<wire::Account>(ACCOUNT, "/v2/account", &[]),
            self.rest.get::<Vec<wire::Position>>(POSITIONS, "/v2/positions", &[])
        );
        Ok(figures(self, &account?, &positions?))
    }

    async fn positions(&self) -> Result<Vec<Position>, BrokerError> {
        let rows: Vec<wire::Position> = self.rest.get(POSITIONS, "/v2/positions", &[]).await?;
        let held = rows.iter().filter(|row| !row.qty.is_zero());
        held.map(|row| self.position(row).map_err(|reason| unreadable(POSITIONS.name, reason))).collect()
    }

    async fn preview(&self, _order: &OrderRequest) -> Result<Option<BrokerPreview>, BrokerError> {
        // It has no such call.
        Ok(None)
    }

    async fn submit(&self, order: Approved<OrderRequest>) -> SubmitOutcome {
        let order = order.get();
        match self.check(order).await {
            Ok(()) => {}
            Err(error @ BrokerError::Unsupported { .. }) => return error.into(),
            // The terms could not be had: the order has not been sent.
            Err(error) => return SubmitOutcome::NotSent(error),
        }
        match self.send(order).await {
            Ok(id) => SubmitOutcome::Acknowledged(id),
            Err(error) => error.into(),
        }
    }

    async fn cancel(&self, order: &OrderHandle) -> SubmitOutcome {
        self.take_off(order).await.map_or_else(|outcome| outcome, SubmitOutcome::Acknowledged)
    }

    async fn cancel_all(&self) -> Result<(), BrokerError> {
        let answer = self.rest.delete(CANCEL_ALL, "/v2/orders").await?;
        if answer.body.is_empty() {
            return Ok(());
        }
        let rows: Vec<wire::Canceled> = answer.json()?;
        // Those that have ended in the meantime are answered with 422.
        match rows.iter().find(|row| row.status >= 400 && row.status != 422) {
            None => Ok(()),
            Some(row) => Err(BrokerError::NoAnswer {
                broker: NAME.to_owned(),
                reason: format!("order {} could not be canceled: status {}", shown(&row.id), row.status),
            }),
        }
    }

    async fn replace(&self, order: &OrderHandle, new: Approved<OrderRequest>) -> SubmitOutcome {
        let new = new.get();
        match self.check(new).await {
            Ok(()) => {}
            Err(error @ BrokerError::Unsupported { .. }) => return error.into(),
            Err(error) => return SubmitOutcome::NotSent(error),
        }
        self.change(order, new).await.map_or_else(|outcome| outcome, SubmitOutcome::Acknowledged)
    }

    async fn orders(&self) -> Result<Vec<OrderReport>, BrokerError> {
        let since = wall().checked_sub(ENDED_SINCE).unwrap_or(Timestamp::UNIX_EPOCH);
        let open = self.list("open", None).await?;
        let ended = self.list("closed", Some(since)).await?;
        // What ended between the two questions is in both: the later word counts.
        let mut rows: BTreeMap<String, wire::Order> = BTreeMap::new();
        for order in open.into_iter().chain(ended) {
            if matches!(order.class(), "bracket" | "oco" | "oto") {
                rows.extend(order.legs().iter().map(|leg| (leg.id.clone(), leg.clone())));
            }
            rows.insert(order.id.clone(), order);
        }
        let filled: BTreeMap<String, Decimal> =
            rows.values().filter_map(|row| Some((row.id.clone(), row.filled_qty?))).collect();
        let groups: BTreeMap<String, BrokerOrderId> = rows.values().flat_map(alternatives).collect();
        let mut reports = Vec::with_capacity(rows.len());
        for row in rows.values() {
            let carried = match row.replaces.as_ref().and_then(|old| filled.get(old)) {
                Some(carried) => *carried,
                // What it replaced has ended longer ago than is listed.
                None => self.carried(row).await?,
            };
            let report =
                report::order(row, &self.known, carried).map_err(|reason| unreadable(ORDERS.name, reason))?;
            reports.push(OrderReport { oco_group: groups.get(&row.id).cloned(), ..report });
        }
        reports.sort_by_key(|report| report.entered_at);
        Ok(reports)
    }

    fn shows_at_once(&self) -> bool {
        // Reads may lag behind by some seconds.
        false
    }

    async fn order(&self, order: &OrderHandle) -> Result<Option<OrderState>, BrokerError> {
        match self.find(order).await? {
            Some(found) => self.state(&found).await.map(Some),
            None => Ok(None),
        }
    }

    async fn executions(&self, since: Timestamp) -> Result<Vec<Execution>, BrokerError> {
        self.fills(since).await
    }

    async fn movements(&self, since: Timestamp) -> Result<Vec<Movement>, BrokerError> {
        let rows = self.activities(("category", "non_trade_activity"), since).await?;
        movements::of(&rows, &self.id, self.rest.http.broker_now())
            .map_err(|reason| unreadable(ACTIVITIES.name, reason))
    }

    async fn spec(&self, instrument: &Instrument) -> Result<InstrumentSpec, BrokerError> {
        self.specs.lock().unwrap_or_else(PoisonError::into_inner).remove(instrument);
        self.terms(instrument).await
    }

    async fn act(&self, action: &VenueAction) -> Result<VenueAnswer, BrokerError> {
        self.carry_out(action).await
    }

    async fn watch(&self, events: mpsc::Sender<AccountStream>) -> BrokerError {
        trades::watch(self, events).await
    }
}

impl AlpacaAccount {
    /// An order by the broker's id, as far as it can be had now.
    pub(super) async fn seen_by_id(&self, id: &str) -> Option<wire::Order> {
        self.by_id(id).await.ok().flatten()
    }
}

/// Orders of which one cancels the others, with the id of the order that they hang on: both of a pair, the exits of a bracket.
fn alternatives(order: &wire::Order) -> Vec<(String, BrokerOrderId)> {
    let above = (order.class() == "oco").then_some(order);
    let below = if matches!(order.class(), "oco" | "bracket") { order.legs() } else { &[] };
    let group = BrokerOrderId::new(order.id.as_str());
    above.into_iter().chain(below).map(|one| (one.id.clone(), group.clone())).collect()
}
