//! An account at Coinbase: one portfolio of a key.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::{Decimal, RoundingStrategy};
use tokio::sync::mpsc;

use super::changes::Changes;
use super::convert::{self, instrument_in};
use super::line::{Line, Query, V3};
use super::products::{Products, instrument_of, product_id};
use super::trade::{outcome, refused};
use super::wire::{
    Breakdown, BreakdownAnswer, Fill, FillPage, NewOrder, Order, OrderAnswer, OrderPage, PreviewAnswer,
    Wallet, Wallets,
};
use super::{BROKER, PRIVATE, errors, user_stream, wallets, ways};
use crate::brokers::endpoint::Endpoint;
use crate::brokers::http::Call;
use crate::brokers::{AccountStream, Broker, BrokerError, BrokerPreview, OrderState, SubmitOutcome};
use crate::domain::account::{Account, AccountKind, AccountMode};
use crate::domain::capabilities::Capabilities;
use crate::domain::execution::Execution;
use crate::domain::ids::{AccountId, BrokerOrderId, ClientOrderId};
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec};
use crate::domain::money::{Currency, Money, Price, Quantity};
use crate::domain::movement::Movement;
use crate::domain::order::{Approved, OrderHandle, OrderRequest, OrderType, TimeInForce};
use crate::domain::position::Position;
use crate::domain::statement::OrderReport;
use crate::domain::venue::{VenueAction, VenueAnswer};

/// Rows of a page.
const PAGE: &str = "250";
/// Pages of one list.
const PAGES_MAX: usize = 40;
/// How far back orders that have ended are listed.
const LATELY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Orders of one cancel request.
const CANCELS_MAX: usize = 100;

/// An account.
#[derive(Debug)]
pub struct CoinbaseAccount {
    pub(super) id: AccountId,
    pub(super) line: Arc<Line>,
    pub(super) products: Arc<Products>,
    pub(super) portfolio: String,
    pub(super) currency: Currency,
    pub(super) mode: AccountMode,
    pub(super) stream: Endpoint,
    pub(super) changes: Changes,
    pub(super) capabilities: Capabilities,
}

/// What an account there can do.
pub(super) fn capabilities() -> Capabilities {
    Capabilities {
        asset_classes: vec![AssetClass::Crypto, AssetClass::Perpetual],
        order_types: vec![
            OrderType::Market,
            OrderType::Limit,
            OrderType::StopLimit,
            OrderType::Twap,
            OrderType::Oco,
        ],
        times_in_force: vec![
            TimeInForce::Day,
            TimeInForce::Gtc,
            TimeInForce::Ioc,
            TimeInForce::Fok,
            TimeInForce::Gtd,
        ],
        extended_hours: false,
        fractional: true,
        multi_leg: false,
        bracket: false,
        replace: true,
        short_sales: false,
        searchable_client_id: true,
        notional: true,
        preview: true,
        streaming: true,
        corporate_actions: false,
        one_effect: false,
        limited_slices: true,
        native_stops: Vec::new(),
    }
}

/// Balances of one currency, all its wallets together.
#[derive(Clone, Copy, Debug, Default)]
struct Balance {
    available: Decimal,
    hold: Decimal,
    is_fiat: bool,
}

impl Balance {
    fn total(self) -> Decimal {
        self.available + self.hold
    }
}

impl CoinbaseAccount {
    /// A portfolio of its own is named in calls only where the login is not bound to one.
    pub(super) fn scope(&self) -> Query {
        if self.line.login().is_of_person() {
            vec![("retail_portfolio_id", self.portfolio.clone())]
        } else {
            Vec::new()
        }
    }

    async fn balances(&self) -> Result<Vec<(Currency, Balance)>, BrokerError> {
        let mut found: Vec<(Currency, Balance)> = Vec::new();
        let mut cursor = String::new();
        for _ in 0..PAGES_MAX {
            let mut query = self.scope();
            query.push(("limit", PAGE.to_owned()));
            if !cursor.is_empty() {
                query.push(("cursor", cursor));
            }
            let page: Wallets =
                self.line.get(Call::read("accounts", PRIVATE), &format!("{V3}/accounts"), &query).await?;
            for wallet in &page.accounts {
                add_wallet(&mut found, wallet);
            }
            cursor = page.cursor.unwrap_or_default();
            if !page.has_next || cursor.is_empty() {
                return Ok(found);
            }
        }
        Err(too_long("accounts"))
    }

    async fn breakdown(&self) -> Result<Breakdown, BrokerError> {
        let portfolio: String = url::form_urlencoded::byte_serialize(self.portfolio.as_bytes()).collect();
        let query = [("currency", self.currency.to_string())];
        let answer: BreakdownAnswer = self
            .line
            .get(Call::read("portfolio", PRIVATE), &format!("{V3}/portfolios/{portfolio}"), &query)
            .await?;
        Ok(answer.breakdown)
    }

    /// One order by the broker's id.
    pub(super) async fn order_by_id(&self, id: &str) -> Result<Option<Order>, BrokerError> {
        let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let path = format!("{V3}/orders/historical/{encoded}");
        match self.line.get::<OrderAnswer>(Call::read("order", PRIVATE), &path, &[]).await {
            Ok(answer) => Ok(Some(answer.order)),
            Err(BrokerError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn list(&self, filter: Query) -> Result<Vec<Order>, BrokerError> {
        let mut orders = Vec::new();
        let mut cursor = String::new();
        for _ in 0..PAGES_MAX {
            let mut query = filter.clone();
            query.extend(self.scope());
            query.push(("limit", PAGE.to_owned()));
            if !cursor.is_empty() {
                query.push(("cursor", cursor));
            }
            let path = format!("{V3}/orders/historical/batch");
            let page: OrderPage = self.line.get(Call::history("orders", PRIVATE), &path, &query).await?;
            orders.extend(page.orders);
            cursor = page.cursor.unwrap_or_default();
            if !page.has_next || cursor.is_empty() {
                return Ok(orders);
            }
        }
        Err(too_long("orders"))
    }

    /// Orders of the last days, and older ones that work.
    async fn all_orders(&self) -> Result<Vec<Order>, BrokerError> {
        let since = self.line.now().checked_sub(LATELY).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut orders = self.list(vec![("start_date", since.to_string())]).await?;
        // Without the filter, as one of OPEN leaves out what is queued; with it for the old ones, of which none is new enough to be queued.
        for order in self.list(vec![("order_status", "OPEN".to_owned())]).await? {
            if orders.iter().all(|known| known.order_id != order.order_id) {
                orders.push(order);
            }
        }
        Ok(orders)
    }

    /// Fills of orders, or since an instant, oldest first.
    pub(super) async fn fills(&self, filter: Query) -> Result<Vec<Fill>, BrokerError> {
        let mut fills: Vec<Fill> = Vec::new();
        let mut cursor = String::new();
        for _ in 0..PAGES_MAX {
            let mut query = filter.clone();
            query.extend(self.scope());
            query.push(("limit", PAGE.to_owned()));
            if !cursor.is_empty() {
                query.push(("cursor", cursor.clone()));
            }
            let path = format!("{V3}/orders/historical/fills");
            let page: FillPage = self.line.get(Call::history("fills", PRIVATE), &path, &query).await?;
            let next = page.cursor.unwrap_or_default();
            let ended = page.fills.is_empty() || next.is_empty() || next == cursor;
            fills.extend(page.fills);
            if ended {
                fills.sort_by(|a, b| (a.trade_time, &a.entry_id).cmp(&(b.trade_time, &b.entry_id)));
                fills.dedup_by(|a, b| a.entry_id == b.entry_id);
                return Ok(fills);
            }
            cursor = next;
        }
        Err(too_long("fills"))
    }

    /// A fill in our words.
    pub(super) async fn execution_of(
        &self,
        fill: &Fill,
        client: Option<ClientOrderId>,
    ) -> Result<Option<Execution>, BrokerError> {
        let multiplier = match instrument_of(&fill.product_id) {
            Some(Instrument::Perpetual { .. }) => self.products.get(&fill.product_id).await?.multiplier(),
            _ => Decimal::ONE,
        };
        Ok(convert::execution(fill, &self.id, client, multiplier))
    }

    /// Our id of an order as it is shown: of an edited one whose edit we do not remember, none is sure.
    pub(super) fn client_of(&self, order: &Order) -> Option<ClientOrderId> {
        if let Some(id) = self.changes.now_of(&order.order_id) {
            return Some(id);
        }
        if order.was_edited() {
            return None;
        }
        convert::client_id_of(&order.client_order_id, self.line.now())
    }
}

fn add_wallet(found: &mut Vec<(Currency, Balance)>, wallet: &Wallet) {
    let kind = wallet.kind.trim_start_matches("ACCOUNT_TYPE_");
    // What lies in a vault cannot be traded before it is withdrawn from there; margin wallets of perpetuals are no coins.
    let Ok(currency) = Currency::new(&wallet.currency) else { return };
    if matches!(kind, "VAULT" | "PERP_FUTURES") {
        return;
    }
    let at = found.iter().position(|(known, _)| *known == currency).unwrap_or_else(|| {
        found.push((currency, Balance::default()));
        found.len() - 1
    });
    let Some((_, balance)) = found.get_mut(at) else { return };
    balance.available += wallet.available_balance.get();
    balance.hold += wallet.hold.as_ref().map(super::wire::Amount::get).unwrap_or_default();
    balance.is_fiat |= kind == "FIAT";
}

fn too_long(call: &'static str) -> BrokerError {
    let reason = format!("it does not end within {PAGES_MAX} pages");
    BrokerError::Unreadable { broker: BROKER.to_owned(), call, reason }
}

#[async_trait]
impl Broker for CoinbaseAccount {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn account(&self) -> Result<Account, BrokerError> {
        let balances = self.balances().await?;
        let breakdown = self.breakdown().await?;
        let own = balances.iter().find(|(currency, _)| *currency == self.currency);
        let own = own.map(|(_, balance)| *balance).unwrap_or_default();
        let mut cash_by_currency = vec![Money::new(own.total(), self.currency)];
        for (currency, balance) in &balances {
            if self.is_cash(*currency, *balance) && *currency != self.currency && !balance.total().is_zero() {
                cash_by_currency.push(Money::new(balance.total(), *currency));
            }
        }
        let total = breakdown.portfolio_balances.total_balance.get();
        let cost = |row: &super::wire::SpotPosition| row.cost_basis.as_ref().and_then(|cost| cost.value);
        let held = breakdown.spot_positions.iter().filter(|row| row.asset != self.currency.as_str());
        let sums = &breakdown.portfolio_balances;
        let contracts = sums.futures_unrealized_pnl.get() + sums.perp_unrealized_pnl.get();
        let coins: Decimal = held.filter_map(|row| Some(row.total_balance_fiat? - cost(row)?)).sum();
        let unrealized = coins + contracts;
        let (kind, cash) = (AccountKind::Cash, Money::new(own.total(), self.currency));
        Ok(Account {
            cash_by_currency,
            long_market_value: breakdown.portfolio_balances.total_crypto_balance.get(),
            buying_power: own.available,
            reserved: own.hold,
            unrealized_pnl: unrealized,
            ..Account::at_broker(self.id.clone(), (kind, self.mode), cash, total)
        })
    }

    async fn positions(&self) -> Result<Vec<Position>, BrokerError> {
        let balances = self.balances().await?;
        let breakdown = self.breakdown().await?;
        let mut positions = Vec::new();
        for (currency, balance) in balances {
            if balance.total().is_zero() || self.is_cash(currency, balance) {
                continue;
            }
            let Ok(instrument) = Instrument::crypto(currency.as_str(), self.currency.as_str()) else {
                continue;
            };
            let row = breakdown.spot_positions.iter().find(|row| row.asset == currency.as_str());
            let units = row.and_then(|row| row.total_balance_crypto).filter(|units| !units.is_zero());
            let each = |money: Option<Decimal>| {
                let price = money?.checked_div(units?)?;
                Some(Price::new(price.round_dp_with_strategy(10, RoundingStrategy::MidpointNearestEven)))
            };
            let mark = each(row.and_then(|row| row.total_balance_fiat));
            let cost = each(row.and_then(|row| row.cost_basis.as_ref()).and_then(|cost| cost.value));
            let average = cost.or(mark).unwrap_or(Price::ZERO);
            let value = mark.and_then(|mark| mark.get().checked_mul(balance.total()));
            positions.push(Position {
                account: self.id.clone(),
                instrument,
                quantity: Quantity::new(balance.total()),
                average_price: average,
                multiplier: Decimal::ONE,
                currency: self.currency,
                mark,
                market_value: value,
                unrealized_pnl: cost
                    .and(value)
                    .and_then(|value| value.checked_sub(average.get().checked_mul(balance.total())?)),
                realized_pnl: Decimal::ZERO,
                day_pnl: None,
            });
        }
        positions.extend(self.futures().await?);
        // Of a portfolio of coins they cannot be asked for.
        if !breakdown.perp_positions.is_empty() {
            positions.extend(self.perpetuals().await?);
        }
        Ok(positions)
    }

    async fn preview(&self, order: &OrderRequest) -> Result<Option<BrokerPreview>, BrokerError> {
        let product = self.products.get(&product_id(instrument_in(&order.subject)?)?).await?;
        let body = NewOrder { client_order_id: None, ..self.body(order, &product)? };
        // It changes nothing: safe to ask again.
        let call = Call::read("preview", PRIVATE);
        let answer: PreviewAnswer = self.line.post(call, &format!("{V3}/orders/preview"), &body).await?;
        let fee = answer.commission_total;
        let cash = answer.order_total.map(|total| {
            let without =
                total - if order.side.is_buy() { fee.unwrap_or_default() } else { -fee.unwrap_or_default() };
            Money::new(if order.side.is_buy() { -without } else { without }, self.currency)
        });
        let would = answer.errs.iter().map(|text| format!("would be refused: {}", errors::words(text)));
        let warnings = would.chain(answer.warning.iter().map(|text| errors::words(text))).collect();
        let fee = fee.map(|fee| Money::new(fee, self.currency));
        Ok(Some(BrokerPreview { cash, fee, buying_power_after: None, warnings }))
    }

    async fn submit(&self, order: Approved<OrderRequest>) -> SubmitOutcome {
        outcome(self.place(order.get()).await)
    }

    async fn cancel(&self, order: &OrderHandle) -> SubmitOutcome {
        let result = async {
            let id = self.broker_id(order).await?;
            self.cancel_one(&id).await?;
            Ok(BrokerOrderId::new(id))
        };
        outcome(result.await)
    }

    async fn cancel_all(&self) -> Result<(), BrokerError> {
        let working: Vec<String> = self
            .all_orders()
            .await?
            .into_iter()
            .filter(|order| !order.standing().is_terminal())
            .map(|order| order.order_id)
            .collect();
        for ids in working.chunks(CANCELS_MAX) {
            let answer = self.cancel_ids(ids).await?;
            // One that has ended meanwhile, or whose cancel is on its way, is none to complain about.
            let harmless = ["ORDER_IS_FULLY_FILLED", "UNKNOWN_CANCEL_ORDER", "DUPLICATE_CANCEL_REQUEST"];
            let bad = answer.results.iter().find(|result| {
                !result.success && !harmless.contains(&result.failure_reason.as_deref().unwrap_or_default())
            });
            if let Some(result) = bad {
                return Err(refused(errors::canceling(result)));
            }
        }
        Ok(())
    }

    async fn replace(&self, order: &OrderHandle, new: Approved<OrderRequest>) -> SubmitOutcome {
        outcome(self.change(order, new.get()).await)
    }

    async fn orders(&self) -> Result<Vec<OrderReport>, BrokerError> {
        let orders = self.all_orders().await?;
        Ok(orders.iter().filter_map(|order| ways::report(order, self.client_of(order))).collect())
    }

    fn shows_at_once(&self) -> bool {
        false
    }

    async fn order(&self, order: &OrderHandle) -> Result<Option<OrderState>, BrokerError> {
        let found = self.find(order).await?;
        Ok(found.map(|found| OrderState {
            broker_order_id: BrokerOrderId::new(&found.order_id),
            status: found.standing(),
            filled_quantity: Quantity::new(found.filled()),
        }))
    }

    async fn executions(&self, since: Timestamp) -> Result<Vec<Execution>, BrokerError> {
        let fills = self.fills(vec![("start_sequence_timestamp", since.to_string())]).await?;
        let mut executions = Vec::with_capacity(fills.len());
        for fill in &fills {
            let client = self.changes.now_of(&fill.order_id);
            executions.extend(self.execution_of(fill, client).await?);
        }
        Ok(executions)
    }

    async fn movements(&self, _since: Timestamp) -> Result<Vec<Movement>, BrokerError> {
        // It lists none: cash that differs is followed.
        Ok(Vec::new())
    }

    async fn spec(&self, instrument: &Instrument) -> Result<InstrumentSpec, BrokerError> {
        Ok(self.products.get(&product_id(instrument)?).await?.spec(instrument.clone()))
    }

    async fn act(&self, action: &VenueAction) -> Result<VenueAnswer, BrokerError> {
        match action {
            VenueAction::DepositAddresses { currency } => {
                let addresses = wallets::deposit_addresses(&self.line, currency.as_deref()).await?;
                Ok(VenueAnswer::Addresses(addresses))
            }
            VenueAction::NewDepositAddress { currency } => {
                let made = wallets::new_deposit_address(&self.line, currency).await?;
                Ok(VenueAnswer::Addresses(vec![made]))
            }
            action => Err(BrokerError::Unsupported {
                broker: BROKER.to_owned(),
                what: format!("'{action}'"),
                allowed: "orders and deposit addresses".to_owned(),
            }),
        }
    }

    async fn watch(&self, events: mpsc::Sender<AccountStream>) -> BrokerError {
        user_stream::watch(self, events).await
    }
}

impl CoinbaseAccount {
    /// Is it money here and no holding: official currencies, and the account's own.
    fn is_cash(&self, currency: Currency, balance: Balance) -> bool {
        balance.is_fiat || currency == self.currency || currency.as_str() == "USDC"
    }
}
