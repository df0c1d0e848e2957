//! How the paper venue behaves.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::core::fees::FeeTable;
use crate::domain::account::AccountKind;
use crate::domain::ids::AccountId;
use crate::domain::instrument::AssetClass;
use crate::domain::money::{Currency, decimal_text};

/// When the venue trades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sessions {
    /// Always: the simulated market has no bell.
    #[default]
    Always,
    /// In New York's hours.
    Nyse,
}

/// How far a fill is worse than the price that triggered it. Never past an order's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slippage {
    /// Not at all.
    None,
    /// So many ticks.
    Ticks(u32),
    /// So many hundredths of a per cent.
    BasisPoints(#[serde(with = "decimal_text")] Decimal),
    /// This part of the spread.
    Spread(#[serde(with = "decimal_text")] Decimal),
}

/// The venue's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueConfig {
    /// The account it keeps.
    pub account: AccountId,
    /// Cash or margin.
    pub kind: AccountKind,
    /// Cash at the start.
    #[serde(with = "decimal_text")]
    pub opening_cash: Decimal,
    /// Its currency.
    pub currency: Currency,
    /// Options level 0 to 4.
    pub options_level: u8,
    /// Seed of every random choice.
    pub seed: u64,
    /// What fills cost.
    pub fees: FeeTable,
    /// Slippage of shares and FX.
    pub slippage: Slippage,
    /// Slippage of crypto.
    pub slippage_crypto: Slippage,
    /// Slippage of options.
    pub slippage_option: Slippage,
    /// Part of the displayed size that can be had; 1 is all of it.
    #[serde(with = "decimal_text")]
    pub participation: Decimal,
    /// Part of a bar's volume that can be had.
    #[serde(with = "decimal_text")]
    pub bar_participation: Decimal,
    /// Fill only what is displayed; else every fill is whole.
    pub partial_fills: bool,
    /// Milliseconds until an order is acknowledged.
    pub ack_ms: u32,
    /// Milliseconds until a cancel takes effect.
    pub cancel_ms: u32,
    /// When it trades.
    pub sessions: Sessions,
}

impl VenueConfig {
    /// A margin account with this much money and the usual settings.
    #[must_use]
    pub fn new(account: AccountId, opening_cash: Decimal) -> Self {
        Self {
            account,
            kind: AccountKind::Margin,
            opening_cash,
            currency: Currency::USD,
            options_level: 3,
            seed: 0,
            fees: FeeTable::default(),
            slippage: Slippage::BasisPoints(Decimal::ONE),
            slippage_crypto: Slippage::BasisPoints(Decimal::from(5)),
            slippage_option: Slippage::Spread(Decimal::new(25, 2)),
            participation: Decimal::ONE,
            bar_participation: Decimal::new(10, 2),
            partial_fills: true,
            ack_ms: 50,
            cancel_ms: 50,
            sessions: Sessions::Always,
        }
    }

    /// The slippage of an asset class.
    #[must_use]
    pub const fn slippage_of(&self, class: AssetClass) -> Slippage {
        match class {
            AssetClass::Equity | AssetClass::Fx => self.slippage,
            AssetClass::Option => self.slippage_option,
            AssetClass::Crypto | AssetClass::Perpetual | AssetClass::Token => self.slippage_crypto,
        }
    }
}
