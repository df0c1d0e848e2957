//! Coinbase's own words, as they stand on the wire. Unknown fields and words are passed over; empty decimals are absent ones.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::brokers::json::{decimal, decimal_or_none};

/// An amount with its currency.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Amount {
    /// Absent where the text is empty.
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub value: Option<Decimal>,
}

impl Amount {
    /// Zero where there is none.
    pub fn get(&self) -> Decimal {
        self.value.unwrap_or_default()
    }
}

/// `GET /time`.
#[derive(Debug, Deserialize)]
pub struct Time {
    /// Milliseconds since the epoch.
    #[serde(rename = "epochMillis")]
    pub epoch_millis: String,
}

/// `GET /key_permissions`.
#[derive(Debug, Deserialize)]
pub struct Permissions {
    pub can_view: bool,
    pub can_trade: bool,
    #[serde(default)]
    pub can_transfer: bool,
    pub portfolio_uuid: String,
    #[serde(default)]
    pub portfolio_type: String,
}

/// `GET /portfolios`.
#[derive(Debug, Deserialize)]
pub struct Portfolios {
    pub portfolios: Vec<Portfolio>,
}

/// One of them.
#[derive(Debug, Deserialize)]
pub struct Portfolio {
    pub uuid: String,
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub deleted: bool,
}

/// A page of `GET /accounts`.
#[derive(Debug, Deserialize)]
pub struct Wallets {
    pub accounts: Vec<Wallet>,
    #[serde(default)]
    pub has_next: bool,
    #[serde(default)]
    pub cursor: Option<String>,
}

/// One currency's balance.
#[derive(Debug, Deserialize)]
pub struct Wallet {
    pub currency: String,
    pub available_balance: Amount,
    #[serde(default)]
    pub hold: Option<Amount>,
    /// `ACCOUNT_TYPE_CRYPTO`, `FIAT`, ....
    #[serde(default, rename = "type")]
    pub kind: String,
}

/// `GET /portfolios/{uuid}`.
#[derive(Debug, Deserialize)]
pub struct BreakdownAnswer {
    pub breakdown: Breakdown,
}

/// What a portfolio is worth.
#[derive(Debug, Deserialize)]
pub struct Breakdown {
    pub portfolio_balances: PortfolioBalances,
    #[serde(default)]
    pub spot_positions: Vec<SpotPosition>,
    /// There are some, or none: what they are is asked for by a call of their own.
    #[serde(default)]
    pub perp_positions: Vec<Value>,
}

/// Its sums.
#[derive(Debug, Deserialize)]
pub struct PortfolioBalances {
    pub total_balance: Amount,
    #[serde(default)]
    pub total_crypto_balance: Amount,
    #[serde(default)]
    pub futures_unrealized_pnl: Amount,
    #[serde(default)]
    pub perp_unrealized_pnl: Amount,
}

/// A holding with its worth. Figures are JSON numbers here.
#[derive(Debug, Deserialize)]
pub struct SpotPosition {
    pub asset: String,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub total_balance_fiat: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub total_balance_crypto: Option<Decimal>,
    #[serde(default)]
    pub cost_basis: Option<Amount>,
}

/// `GET /cfm/positions`.
#[derive(Debug, Deserialize)]
pub struct FuturesPositions {
    #[serde(default)]
    pub positions: Vec<FuturesPosition>,
}

/// A position in a US future. Amounts are plain or with a currency.
#[derive(Debug, Deserialize)]
pub struct FuturesPosition {
    pub product_id: String,
    pub side: String,
    #[serde(deserialize_with = "decimal")]
    pub number_of_contracts: Decimal,
    #[serde(default)]
    pub current_price: Value,
    #[serde(default)]
    pub avg_entry_price: Value,
    #[serde(default)]
    pub unrealized_pnl: Value,
}

/// `GET /intx/positions/{portfolio}`.
#[derive(Debug, Deserialize)]
pub struct PerpetualPositions {
    pub positions: Vec<PerpetualPosition>,
}

/// A position in a perpetual. Amounts are plain or with a currency.
#[derive(Debug, Deserialize)]
pub struct PerpetualPosition {
    pub product_id: String,
    /// `POSITION_SIDE_LONG`, `POSITION_SIDE_SHORT`.
    #[serde(default)]
    pub position_side: String,
    #[serde(deserialize_with = "decimal")]
    pub net_size: Decimal,
    #[serde(default)]
    pub entry_vwap: Value,
    #[serde(default)]
    pub vwap: Value,
    #[serde(default)]
    pub mark_price: Value,
    #[serde(default)]
    pub unrealized_pnl: Value,
}

/// `GET /products`.
#[derive(Debug, Deserialize)]
pub struct ProductList {
    pub products: Vec<Product>,
}

/// What can be traded, and how.
#[derive(Clone, Debug, Deserialize)]
pub struct Product {
    pub product_id: String,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub price: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub price_percentage_change_24h: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub volume_24h: Option<Decimal>,
    #[serde(deserialize_with = "decimal")]
    pub base_increment: Decimal,
    #[serde(deserialize_with = "decimal")]
    pub quote_increment: Decimal,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub price_increment: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub quote_min_size: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub base_min_size: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub base_max_size: Option<Decimal>,
    #[serde(default)]
    pub base_currency_id: String,
    #[serde(default)]
    pub quote_currency_id: String,
    #[serde(default)]
    pub base_name: String,
    #[serde(default)]
    pub product_type: String,
    #[serde(default)]
    pub is_disabled: bool,
    #[serde(default)]
    pub trading_disabled: bool,
    #[serde(default)]
    pub cancel_only: bool,
    #[serde(default)]
    pub limit_only: bool,
    #[serde(default)]
    pub post_only: bool,
    #[serde(default)]
    pub view_only: bool,
    #[serde(default)]
    pub alias: String,
    #[serde(default)]
    pub future_product_details: Option<FutureDetails>,
}

/// Terms of a future.
#[derive(Clone, Debug, Deserialize)]
pub struct FutureDetails {
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub contract_size: Option<Decimal>,
}

/// The figures of one way to trade; which of them are there depends on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    #[serde(default, deserialize_with = "decimal_or_none", skip_serializing_if = "Option::is_none")]
    pub quote_size: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none", skip_serializing_if = "Option::is_none")]
    pub base_size: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none", skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none", skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none", skip_serializing_if = "Option::is_none")]
    pub stop_trigger_price: Option<Decimal>,
    /// Of a scaled order.
    #[serde(default, deserialize_with = "decimal_or_none", skip_serializing_if = "Option::is_none")]
    pub min_price: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none", skip_serializing_if = "Option::is_none")]
    pub max_price: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none", skip_serializing_if = "Option::is_none")]
    pub num_orders: Option<Decimal>,
    /// Of an order in slices: how many, of how many units each, and how long each lasts, such as `300s`.
    #[serde(default, deserialize_with = "decimal_or_none", skip_serializing_if = "Option::is_none")]
    pub number_buckets: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none", skip_serializing_if = "Option::is_none")]
    pub bucket_size: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_duration: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_direction: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_only: Option<bool>,
}

/// How an order trades: exactly one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_market_ioc: Option<Terms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_market_fok: Option<Terms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sor_limit_ioc: Option<Terms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_limit_gtc: Option<Terms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_limit_gtd: Option<Terms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_limit_fok: Option<Terms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_limit_stop_limit_gtc: Option<Terms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_limit_stop_limit_gtd: Option<Terms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_bracket_gtc: Option<Terms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_bracket_gtd: Option<Terms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twap_limit_gtd: Option<Terms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaled_limit_gtc: Option<Terms>,
}

/// `POST /orders`, and without the id `POST /orders/preview`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewOrder {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    pub product_id: String,
    pub side: &'static str,
    pub order_configuration: Configuration,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retail_portfolio_id: Option<String>,
}

/// `POST /orders/close_position`, which closes contracts and never opens any. Answered as an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClosePosition {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    pub product_id: String,
    /// Contracts.
    pub size: Decimal,
}

/// Its answer: `success` alone decides.
#[derive(Debug, Deserialize)]
pub struct PlaceAnswer {
    pub success: bool,
    #[serde(default)]
    pub success_response: Option<Placed>,
    #[serde(default)]
    pub error_response: Option<PlaceError>,
    /// Of older answers.
    #[serde(default)]
    pub order_id: Option<String>,
    #[serde(default)]
    pub failure_reason: Option<String>,
}

/// What was made.
#[derive(Debug, Deserialize)]
pub struct Placed {
    pub order_id: String,
}

/// Why nothing was made.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PlaceError {
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub error_details: Option<String>,
    #[serde(default)]
    pub preview_failure_reason: Option<String>,
    #[serde(default)]
    pub new_order_failure_reason: Option<String>,
}

/// The answer of `POST /orders/preview`.
#[derive(Debug, Deserialize)]
pub struct PreviewAnswer {
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub order_total: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub commission_total: Option<Decimal>,
    #[serde(default)]
    pub errs: Vec<String>,
    #[serde(default)]
    pub warning: Vec<String>,
}

/// `POST /orders/batch_cancel`.
#[derive(Debug, Serialize)]
pub struct CancelRequest<'a> {
    pub order_ids: &'a [String],
}

/// Its answer.
#[derive(Debug, Deserialize)]
pub struct CancelAnswer {
    pub results: Vec<CancelResult>,
}

/// What became of one.
#[derive(Debug, Deserialize)]
pub struct CancelResult {
    pub success: bool,
    #[serde(default)]
    pub failure_reason: Option<String>,
    #[serde(default)]
    pub order_id: String,
}

/// `POST /orders/edit`. Price and size always both: a missing size is read as zero.
#[derive(Debug, Serialize)]
pub struct EditRequest {
    pub order_id: String,
    pub size: Decimal,
    pub price: Decimal,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<Decimal>,
}

/// Its answer.
#[derive(Debug, Deserialize)]
pub struct EditAnswer {
    pub success: bool,
    #[serde(default)]
    pub errors: Value,
    #[serde(default)]
    pub error_response: Option<EditError>,
}

/// Another shape of its refusal.
#[derive(Debug, Deserialize)]
pub struct EditError {
    #[serde(default)]
    pub error_details: Option<String>,
    #[serde(default)]
    pub edit_order_failure_reason: Option<String>,
}

/// `GET /orders/historical/{id}`.
#[derive(Debug, Deserialize)]
pub struct OrderAnswer {
    pub order: Order,
}

/// A page of `GET /orders/historical/batch`.
#[derive(Debug, Deserialize)]
pub struct OrderPage {
    pub orders: Vec<Order>,
    #[serde(default)]
    pub has_next: bool,
    #[serde(default)]
    pub cursor: Option<String>,
}

/// An order as it is shown when asked for.
#[derive(Clone, Debug, Deserialize)]
pub struct Order {
    pub order_id: String,
    #[serde(default)]
    pub client_order_id: String,
    pub product_id: String,
    pub side: String,
    pub status: String,
    pub created_time: Timestamp,
    #[serde(default)]
    pub order_configuration: Configuration,
    /// `LIMIT`, `BRACKET`, ....
    #[serde(default)]
    pub order_type: Option<String>,
    /// Exits that are entered once it has filled.
    #[serde(default)]
    pub attached_order_configuration: Option<Configuration>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub filled_size: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub average_filled_price: Option<Decimal>,
    #[serde(default)]
    pub pending_cancel: bool,
    #[serde(default)]
    pub edit_history: Option<Vec<Edit>>,
    #[serde(default)]
    pub current_pending_replace: Option<Value>,
}

/// A change that was made.
#[derive(Clone, Debug, Deserialize)]
pub struct Edit {
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub price: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub size: Option<Decimal>,
}

/// A page of `GET /orders/historical/fills`.
#[derive(Debug, Deserialize)]
pub struct FillPage {
    pub fills: Vec<Fill>,
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A fill.
#[derive(Clone, Debug, Deserialize)]
pub struct Fill {
    pub entry_id: String,
    pub order_id: String,
    pub trade_time: Timestamp,
    #[serde(default)]
    pub trade_type: String,
    #[serde(deserialize_with = "decimal")]
    pub price: Decimal,
    #[serde(deserialize_with = "decimal")]
    pub size: Decimal,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub commission: Option<Decimal>,
    pub product_id: String,
    #[serde(default)]
    pub size_in_quote: bool,
    pub side: String,
}
