//! The risk desk's report of an account: what it is exposed to, what a bad day of the past would cost it now, and what moves would do.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::ids::AccountId;
use super::money::{Currency, decimal_text, decimal_text_option};

/// What is held of a class or a sector, in the account's currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposureRow {
    /// The class or sector; an empty word for what has none.
    pub name: SmolStr,
    /// Market value of what is long, positive.
    #[serde(with = "decimal_text")]
    pub long: Decimal,
    /// Market value of what is short, positive.
    #[serde(with = "decimal_text")]
    pub short: Decimal,
    /// Money that moves as the underlyings do, signed: options by their delta.
    #[serde(with = "decimal_text")]
    pub delta: Decimal,
}

/// What a move would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatIf {
    /// The move in words, such as `spot -10 %`.
    pub name: SmolStr,
    /// Gain or loss.
    #[serde(with = "decimal_text")]
    pub gain: Decimal,
}

/// One account as a risk desk sees it. Amounts are in its currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskDesk {
    /// Which.
    pub account: AccountId,
    /// Of all amounts.
    pub currency: Currency,
    /// Cash and positions at their marks.
    #[serde(with = "decimal_text")]
    pub net_liquidation: Decimal,
    /// By asset class.
    pub by_class: Vec<ExposureRow>,
    /// By sector of the underlying.
    pub by_sector: Vec<ExposureRow>,
    /// What betas are measured against.
    pub benchmark: SmolStr,
    /// Money that moves as the benchmark does, signed; absent where no position has a beta.
    #[serde(with = "decimal_text_option")]
    pub beta_weighted_delta: Option<Decimal>,
    /// Days of history behind the value at risk.
    pub days: u32,
    /// Loss of a day that 95 of 100 days did not exceed, positive; absent with too little history.
    #[serde(with = "decimal_text_option")]
    pub value_at_risk_95: Option<Decimal>,
    /// The same of 99 days.
    #[serde(with = "decimal_text_option")]
    pub value_at_risk_99: Option<Decimal>,
    /// Mean loss of the five worst of 100 days.
    #[serde(with = "decimal_text_option")]
    pub shortfall_95: Option<Decimal>,
    /// What moves would do.
    pub what_if: Vec<WhatIf>,
    /// What could not be measured, and why, a line each: the figures leave it out.
    pub unmeasured: Vec<String>,
}
