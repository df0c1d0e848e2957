//! What the trader API answers. Unknown fields and words are passed over; a figure that is `false`, `"NaN"` or -999 is one that is not there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::brokers::json;

/// What stands for a figure that is not there.
const MISSING: Decimal = Decimal::from_parts(999, 0, 0, true, 0);

/// A figure that may be anything: a decimal, or nothing.
pub fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let raw = <Option<Box<RawValue>>>::deserialize(deserializer)?;
    let value = raw.and_then(|raw| json::decimal_of(raw.get()).ok());
    Ok(value.filter(|value| *value != MISSING))
}

/// A number or a text, as a text.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let raw = <Box<RawValue>>::deserialize(deserializer)?;
    let raw = raw.get();
    if raw.starts_with('"') {
        return serde_json::from_str(raw).map_err(serde::de::Error::custom);
    }
    let plain = !raw.is_empty() && raw.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if plain { Ok(raw.to_owned()) } else { Err(serde::de::Error::custom("neither a number nor a text")) }
}

/// A list that may be null.
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(<Option<Vec<T>>>::deserialize(deserializer)?.unwrap_or_default())
}

/// A time such as `2024-05-18T05:38:44+0000` or `...Z`.
#[must_use]
pub fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).ok())
}

/// Number and hash of an account.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountNumber {
    /// Its number.
    #[serde(deserialize_with = "text")]
    pub account_number: String,
    /// What stands for it in paths.
    pub hash_value: String,
}

/// The accounts, wrapped in an object as was seen once.
#[derive(Debug, Deserialize)]
pub struct WrappedNumbers {
    /// The list, under one of its three names.
    #[serde(alias = "accountNumbers", alias = "linkedAccounts")]
    pub accounts: Vec<AccountNumber>,
}

/// What an instrument is. Its object may hold a key twice, so that it is read as a map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instrument {
    /// `EQUITY`, `OPTION`, `COLLECTIVE_INVESTMENT`, ....
    pub asset_type: String,
    /// Its symbol.
    pub symbol: String,
}

impl<'de> Deserialize<'de> for Instrument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = <BTreeMap<String, Box<RawValue>>>::deserialize(deserializer)?;
        let text = |name: &str| {
            fields
                .get(name)
                .and_then(|raw| serde_json::from_str::<String>(raw.get()).ok())
                .unwrap_or_default()
        };
        Ok(Self { asset_type: text("assetType"), symbol: text("symbol") })
    }
}

/// An element of `/accounts`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountEntry {
    /// The account.
    pub securities_account: SecuritiesAccount,
    /// Figures over all of its parts.
    #[serde(default)]
    pub aggregated_balance: Option<AggregatedBalance>,
}

/// Figures over all parts of an account.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AggregatedBalance {
    /// Cash and positions.
    #[serde(deserialize_with = "lenient")]
    pub current_liquidation_value: Option<Decimal>,
}

/// An account.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecuritiesAccount {
    /// `MARGIN` or `CASH`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its number.
    #[serde(deserialize_with = "text")]
    pub account_number: String,
    /// May it only close.
    #[serde(default)]
    pub is_closing_only_restricted: bool,
    /// Its positions, where they were asked for.
    #[serde(default, deserialize_with = "list")]
    pub positions: Vec<Position>,
    /// At the start of the day.
    #[serde(default)]
    pub initial_balances: Balances,
    /// Now.
    #[serde(default)]
    pub current_balances: Balances,
}

/// Figures of an account; which are there depends on its kind.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the broker's; the sheet of figures is in account.rs")]
pub struct Balances {
    #[serde(deserialize_with = "lenient")]
    pub liquidation_value: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub account_value: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub cash_balance: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub total_cash: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub unsettled_cash: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub buying_power: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub cash_available_for_trading: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub available_funds: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub maintenance_requirement: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub long_market_value: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub short_market_value: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub long_option_market_value: Option<Decimal>,
    #[serde(deserialize_with = "lenient")]
    pub short_option_market_value: Option<Decimal>,
}

/// A position.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// Units held.
    #[serde(deserialize_with = "json::decimal")]
    pub long_quantity: Decimal,
    /// Units owed.
    #[serde(deserialize_with = "json::decimal")]
    pub short_quantity: Decimal,
    /// Per unit.
    #[serde(default, deserialize_with = "lenient")]
    pub average_price: Option<Decimal>,
    /// Signed.
    #[serde(default, deserialize_with = "lenient")]
    pub market_value: Option<Decimal>,
    /// Since the day began.
    #[serde(default, deserialize_with = "lenient")]
    pub current_day_profit_loss: Option<Decimal>,
    /// If the long part were closed now.
    #[serde(default, deserialize_with = "lenient")]
    pub long_open_profit_loss: Option<Decimal>,
    /// If the short part were.
    #[serde(default, deserialize_with = "lenient")]
    pub short_open_profit_loss: Option<Decimal>,
    /// Of what.
    pub instrument: Instrument,
}

/// An order.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Thirteen digits.
    #[serde(deserialize_with = "text")]
    pub order_id: String,
    /// One of the sheet's words, or a new one.
    #[serde(default)]
    pub status: String,
    /// Why it is rejected.
    #[serde(default)]
    pub status_description: Option<String>,
    /// When it came.
    #[serde(default)]
    pub entered_time: Option<String>,
    /// When it ended.
    #[serde(default)]
    pub close_time: Option<String>,
    /// `LIMIT`, ...; absent on the outside of a group.
    #[serde(default)]
    pub order_type: Option<String>,
    /// `NORMAL`, `SEAMLESS`, ....
    #[serde(default)]
    pub session: Option<String>,
    /// `DAY`, ....
    #[serde(default)]
    pub duration: Option<String>,
    /// Until when, of an order good till a date.
    #[serde(default)]
    pub cancel_time: Option<String>,
    /// Units or packages.
    #[serde(default, deserialize_with = "lenient")]
    pub quantity: Option<Decimal>,
    /// Of them, filled.
    #[serde(default, deserialize_with = "lenient")]
    pub filled_quantity: Option<Decimal>,
    /// The limit.
    #[serde(default, deserialize_with = "lenient")]
    pub price: Option<Decimal>,
    /// The trigger.
    #[serde(default, deserialize_with = "lenient")]
    pub stop_price: Option<Decimal>,
    /// Distance of a trailing stop.
    #[serde(default, deserialize_with = "lenient")]
    pub stop_price_offset: Option<Decimal>,
    /// `VALUE` or `PERCENT`.
    #[serde(default)]
    pub stop_price_link_type: Option<String>,
    /// What it trades.
    #[serde(default, deserialize_with = "list")]
    pub order_leg_collection: Vec<OrderLeg>,
    /// What happened to it.
    #[serde(default, deserialize_with = "list")]
    pub order_activity_collection: Vec<Activity>,
    /// `SINGLE`, `OCO`, `TRIGGER`.
    #[serde(default)]
    pub order_strategy_type: Option<String>,
    /// Orders that hang on it.
    #[serde(default, deserialize_with = "list")]
    pub child_order_strategies: Vec<Self>,
}

/// A leg of an order.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderLeg {
    /// `BUY`, `SELL_TO_OPEN`, ....
    #[serde(default)]
    pub instruction: String,
    /// Units.
    #[serde(default, deserialize_with = "lenient")]
    pub quantity: Option<Decimal>,
    /// Counts from 1.
    #[serde(default)]
    pub leg_id: Option<u64>,
    /// Of what.
    pub instrument: Instrument,
}

/// Something that happened to an order.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// `EXECUTION`, ....
    #[serde(default)]
    pub activity_type: String,
    /// `FILL`, or `CANCELED` for what was not filled.
    #[serde(default)]
    pub execution_type: String,
    /// Its number.
    #[serde(default, deserialize_with = "text")]
    pub activity_id: String,
    /// What was filled, by leg.
    #[serde(default, deserialize_with = "list")]
    pub execution_legs: Vec<ExecutionLeg>,
}

/// A fill of a leg.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionLeg {
    /// Which leg.
    #[serde(default)]
    pub leg_id: u64,
    /// Units.
    #[serde(deserialize_with = "json::decimal")]
    pub quantity: Decimal,
    /// Per unit.
    #[serde(deserialize_with = "json::decimal")]
    pub price: Decimal,
    /// When.
    pub time: String,
}

/// What an order would cost.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Preview {
    /// The order as it would stand.
    pub order_strategy: PreviewStrategy,
    /// What is wrong with it.
    pub order_validation_result: Validation,
    /// What it costs.
    pub commission_and_fee: Costs,
}

/// The order of a preview.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PreviewStrategy {
    /// The account after it.
    pub order_balance: PreviewBalance,
}

/// The account of a preview.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PreviewBalance {
    /// What the order is worth.
    #[serde(deserialize_with = "lenient")]
    pub order_value: Option<Decimal>,
    /// Buying power once it works.
    #[serde(deserialize_with = "lenient")]
    pub projected_buying_power: Option<Decimal>,
    /// Commission.
    #[serde(deserialize_with = "lenient")]
    pub projected_commission: Option<Decimal>,
}

/// What is said about an order, by how bad it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the broker's")]
pub struct Validation {
    #[serde(deserialize_with = "list")]
    pub rejects: Vec<Remark>,
    #[serde(deserialize_with = "list")]
    pub warns: Vec<Remark>,
    #[serde(deserialize_with = "list")]
    pub alerts: Vec<Remark>,
    #[serde(deserialize_with = "list")]
    pub reviews: Vec<Remark>,
}

/// A line about an order.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Remark {
    /// The line.
    pub activity_message: Option<String>,
}

/// Commission and fees.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Costs {
    /// Commission.
    pub commission: Commission,
    /// Fees.
    pub fee: Fees,
}

/// Commission by leg.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Commission {
    /// The legs.
    #[serde(deserialize_with = "list")]
    pub commission_legs: Vec<CommissionLeg>,
}

/// Commission of a leg.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CommissionLeg {
    /// Its parts.
    #[serde(deserialize_with = "list")]
    pub commission_values: Vec<Cost>,
}

/// Fees by leg.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fees {
    /// The legs.
    #[serde(deserialize_with = "list")]
    pub fee_legs: Vec<FeeLeg>,
}

/// Fees of a leg.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FeeLeg {
    /// Its parts.
    #[serde(deserialize_with = "list")]
    pub fee_values: Vec<Cost>,
}

/// A part of the cost.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cost {
    /// Positive.
    #[serde(deserialize_with = "lenient")]
    pub value: Option<Decimal>,
}

/// A movement of an account.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// Its number.
    #[serde(deserialize_with = "text")]
    pub activity_id: String,
    /// When, as [`time`] reads it.
    pub time: String,
    /// `TRADE`, `DIVIDEND_OR_INTEREST`, ....
    #[serde(rename = "type", default)]
    pub kind: String,
    /// `EXECUTION`, `TRANSFER`, `ACTIVITY_CORRECTION`, ....
    #[serde(default)]
    pub activity_type: Option<String>,
    /// In words.
    #[serde(default)]
    pub description: Option<String>,
    /// The order that it comes of.
    #[serde(default)]
    pub order_id: Option<serde_json::Number>,
    /// `VALID`, `INVALID`, `PENDING`.
    #[serde(default)]
    pub status: Option<String>,
    /// Positive is money to the account.
    #[serde(default, deserialize_with = "lenient")]
    pub net_amount: Option<Decimal>,
    /// What moved, and each fee.
    #[serde(default, deserialize_with = "list")]
    pub transfer_items: Vec<TransferItem>,
}

/// A part of a movement.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferItem {
    /// Of what.
    pub instrument: Instrument,
    /// Units, signed.
    #[serde(default, deserialize_with = "lenient")]
    pub amount: Option<Decimal>,
    /// Cash, signed.
    #[serde(default, deserialize_with = "lenient")]
    pub cost: Option<Decimal>,
    /// What a unit was worth.
    #[serde(default, deserialize_with = "lenient")]
    pub price: Option<Decimal>,
    /// Set on fees: `COMMISSION`, `SEC_FEE`, ....
    #[serde(default)]
    pub fee_type: Option<String>,
}

/// What a login may do, and where its stream is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserPreference {
    /// The stream.
    #[serde(deserialize_with = "list")]
    pub streamer_info: Vec<StreamerInfo>,
    /// What was subscribed to.
    #[serde(deserialize_with = "list")]
    pub offers: Vec<Offer>,
}

/// Where the stream is and how one signs in there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the broker's")]
pub struct StreamerInfo {
    pub streamer_socket_url: String,
    pub schwab_client_customer_id: String,
    pub schwab_client_correl_id: String,
    pub schwab_client_channel: String,
    pub schwab_client_function_id: String,
}

/// What was subscribed to.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Offer {
    /// Depth.
    pub level2_permissions: bool,
}
