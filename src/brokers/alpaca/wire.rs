//! Alpaca's words: what its trading calls and its order stream answer. Fields that it may leave out are optional, what it adds is passed over,
//! and words of enumerations stay text until they are mapped.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::brokers::json::{decimal, decimal_or_none};

/// A time, or nothing, null or an empty text.
pub(super) fn time_or_none<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text = <Option<std::borrow::Cow<'de, str>>>::deserialize(deserializer)?;
    match text.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

/// `GET /v2/account`.
#[derive(Debug, Deserialize)]
pub(super) struct Account {
    #[serde(default)]
    pub(super) account_number: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) crypto_status: Option<String>,
    #[serde(default)]
    pub(super) currency: Option<String>,
    #[serde(deserialize_with = "decimal")]
    pub(super) cash: Decimal,
    #[serde(deserialize_with = "decimal")]
    pub(super) equity: Decimal,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) last_equity: Option<Decimal>,
    #[serde(deserialize_with = "decimal")]
    pub(super) buying_power: Decimal,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) long_market_value: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) short_market_value: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) initial_margin: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) maintenance_margin: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) accrued_fees: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) multiplier: Option<Decimal>,
    #[serde(default)]
    pub(super) options_trading_level: Option<u8>,
    #[serde(default)]
    pub(super) trading_blocked: bool,
    #[serde(default)]
    pub(super) account_blocked: bool,
    #[serde(default)]
    pub(super) trade_suspended_by_user: bool,
    #[serde(default)]
    pub(super) shorting_enabled: bool,
}

/// A row of `GET /v2/positions`.
#[derive(Debug, Deserialize)]
pub(super) struct Position {
    pub(super) symbol: String,
    #[serde(default)]
    pub(super) asset_class: String,
    #[serde(deserialize_with = "decimal")]
    pub(super) qty: Decimal,
    /// What of it no working order holds back.
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) qty_available: Option<Decimal>,
    #[serde(deserialize_with = "decimal")]
    pub(super) avg_entry_price: Decimal,
    #[serde(default)]
    pub(super) side: String,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) market_value: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) current_price: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) unrealized_pl: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) unrealized_intraday_pl: Option<Decimal>,
}

/// An order, and a leg of one.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Order {
    pub(super) id: String,
    #[serde(default)]
    pub(super) client_order_id: String,
    #[serde(default)]
    pub(super) symbol: Option<String>,
    #[serde(default)]
    pub(super) asset_class: Option<String>,
    #[serde(default)]
    pub(super) order_class: Option<String>,
    #[serde(default, rename = "type")]
    pub(super) order_type: Option<String>,
    #[serde(default)]
    pub(super) side: Option<String>,
    #[serde(default)]
    pub(super) position_intent: Option<String>,
    #[serde(default)]
    pub(super) time_in_force: String,
    pub(super) status: String,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) qty: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) filled_qty: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) filled_avg_price: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) limit_price: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) stop_price: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) trail_price: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) trail_percent: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) ratio_qty: Option<Decimal>,
    #[serde(default)]
    pub(super) replaces: Option<String>,
    #[serde(default)]
    pub(super) replaced_by: Option<String>,
    #[serde(default, deserialize_with = "time_or_none")]
    pub(super) created_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "time_or_none")]
    pub(super) submitted_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) legs: Option<Vec<Order>>,
}

impl Order {
    /// Its class: `bracket`, `oco`, `oto`, `mleg`, or nothing much.
    pub(super) fn class(&self) -> &str {
        self.order_class.as_deref().unwrap_or_default()
    }

    /// Its legs or children, if they are shown.
    pub(super) fn legs(&self) -> &[Self] {
        self.legs.as_deref().unwrap_or_default()
    }
}

/// A row of `GET /v2/account/activities`: a fill, or something else that moved units.
#[derive(Debug, Deserialize)]
pub(super) struct Activity {
    pub(super) id: String,
    pub(super) activity_type: String,
    #[serde(default)]
    pub(super) order_id: Option<String>,
    #[serde(default)]
    pub(super) symbol: Option<String>,
    #[serde(default)]
    pub(super) side: Option<String>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) qty: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) price: Option<Decimal>,
    #[serde(default, deserialize_with = "time_or_none")]
    pub(super) transaction_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "time_or_none")]
    pub(super) created_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) date: Option<Date>,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) activity_sub_type: Option<String>,
    /// What rows that belong together have in common.
    #[serde(default)]
    pub(super) group_id: Option<String>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) net_amount: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) per_share_amount: Option<Decimal>,
    #[serde(default)]
    pub(super) currency: Option<String>,
}

/// `GET /v2/assets/{symbol}`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Asset {
    pub(super) symbol: String,
    #[serde(default, rename = "class")]
    pub(super) class: String,
    #[serde(default)]
    pub(super) exchange: String,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) tradable: bool,
    #[serde(default)]
    pub(super) shortable: bool,
    #[serde(default)]
    pub(super) easy_to_borrow: Option<bool>,
    #[serde(default)]
    pub(super) borrow_status: Option<String>,
    #[serde(default)]
    pub(super) fractionable: bool,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) min_order_size: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) min_trade_increment: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) price_increment: Option<Decimal>,
}

/// A listed option, as the reference data has it.
#[derive(Debug, Deserialize)]
pub(super) struct Contract {
    pub(super) symbol: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) tradable: bool,
    #[serde(default)]
    pub(super) expiration_date: Option<Date>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) multiplier: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) size: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) open_interest: Option<Decimal>,
    #[serde(default)]
    pub(super) ppind: Option<bool>,
}

/// `GET /v2/options/contracts`.
#[derive(Debug, Deserialize)]
pub(super) struct Contracts {
    #[serde(default)]
    pub(super) option_contracts: Vec<Contract>,
    #[serde(default)]
    pub(super) next_page_token: Option<String>,
}

/// What became of one order of a cancel of all.
#[derive(Debug, Deserialize)]
pub(super) struct Canceled {
    pub(super) id: String,
    pub(super) status: u16,
}

/// A message of the order stream.
#[derive(Debug, Deserialize)]
pub(super) struct TradeUpdate {
    pub(super) event: String,
    #[serde(default)]
    pub(super) execution_id: Option<String>,
    pub(super) order: Order,
    #[serde(default, deserialize_with = "time_or_none")]
    pub(super) timestamp: Option<Timestamp>,
    #[serde(default, deserialize_with = "time_or_none")]
    pub(super) at: Option<Timestamp>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) price: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal_or_none")]
    pub(super) qty: Option<Decimal>,
}

/// A day on which the exchange opens.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CalendarDay {
    pub(super) date: Date,
    /// When the regular session closes in New York, `16:00`.
    pub(super) close: String,
}
