//! What an order would do, before it is sent: our word on it, and the broker's.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::denial::{Denial, RiskCheck};
use crate::domain::money::{Money, Price, decimal_text};

use super::OrderRequest;

/// What a broker says an order would cost, before it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerPreview {
    /// Cash that the order takes (negative) or brings, without fees; absent where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cash: Option<Money>,
    /// Commission and fees, positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Money>,
    /// Buying power once it works.
    #[serde(
        default,
        with = "crate::domain::money::decimal_text_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub buying_power_after: Option<Decimal>,
    /// Its warnings, or why it would refuse the order, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What an order would do, shown before it is confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPreview {
    /// The order.
    pub request: OrderRequest,
    /// The order in one sentence.
    pub words: String,
    /// Price the estimate uses, per unit; absent without a quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_price: Option<Price>,
    /// Cash that leaves (positive) or comes (negative), without fees; absent without a quote.
    #[serde(
        default,
        with = "crate::domain::money::decimal_text_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub estimated_cost: Option<Decimal>,
    /// Fees, positive.
    #[serde(with = "decimal_text")]
    pub estimated_fees: Decimal,
    /// Buying power now.
    #[serde(with = "decimal_text")]
    pub buying_power_before: Decimal,
    /// Buying power once the order works.
    #[serde(with = "decimal_text")]
    pub buying_power_after: Decimal,
    /// The broker's own word on it, where it has one and was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<BrokerPreview>,
    /// Every risk check with its result, in the order they run.
    pub checks: Vec<RiskCheck>,
    /// The failed ones; empty when the order may go.
    pub denials: Vec<Denial>,
    /// SHA-256 of the canonical order in hex: a confirmation carries it, and a changed order no longer matches.
    pub confirmation_hash: String,
}
