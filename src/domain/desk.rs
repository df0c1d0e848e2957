//! The risk desk's report of an account: what it is exposed to, what a bad day of the past would cost it now, and what moves would do.

use jiff::Timestamp;
use jiff::civil::Date;
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

/// Who tells the closes of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistorySource {
    /// The simulated market, before its year the recorded bars that come with the program.
    Simulated,
    /// The recorded day that is replayed.
    Replayed,
    /// A broker's daily bars.
    Broker,
    /// Daily bars that the user imported.
    Imported,
}

impl HistorySource {
    /// A word for a table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Simulated => "simulated",
            Self::Replayed => "replayed",
            Self::Broker => "broker",
            Self::Imported => "imported",
        }
    }
}

/// The daily closes behind the beta and the value at risk of what one underlying moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// The underlying.
    pub name: SmolStr,
    /// Who told them.
    pub source: HistorySource,
    /// The name of the file, where they were imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Closes, each of another day.
    pub days: u32,
    /// The day of the newest.
    pub until: Option<Date>,
    /// How much of the benchmark's moves it makes; absent with too few days in common.
    #[serde(with = "decimal_text_option")]
    pub beta: Option<Decimal>,
}

/// One account as a risk desk sees it. Amounts are in its currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskDesk {
    /// Which.
    pub account: AccountId,
    /// When it was worked out.
    pub as_of: Timestamp,
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
    /// The closes behind it, an underlying each, by name.
    pub history: Vec<HistoryRow>,
    /// What could not be measured, and why, a line each: the figures leave it out.
    pub unmeasured: Vec<String>,
}
