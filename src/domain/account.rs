//! Accounts: cash, equity, margin and buying power. Names are IBKR's account tags.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ids::AccountId;
use super::money::{Currency, Money, decimal_text};

/// How an account may use its money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// Buys with settled cash; no short sales.
    Cash,
    /// Borrows against its positions under Regulation T.
    Margin,
}

/// Is real money behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountMode {
    /// The paper venue.
    Paper,
    /// A broker's live account.
    Live,
}

/// The state of an account. Amounts are in `currency`, but for `cash_by_currency`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Which account.
    pub account: AccountId,
    /// Cash or margin.
    pub kind: AccountKind,
    /// Paper or live.
    pub mode: AccountMode,
    /// The currency it is kept in.
    pub currency: Currency,
    /// Cash of the base currency; negative when borrowed.
    #[serde(with = "decimal_text")]
    pub cash: Decimal,
    /// Cash per currency, the base currency first; amounts in that currency.
    pub cash_by_currency: Vec<Money>,
    /// Cash from settled trades only.
    #[serde(with = "decimal_text")]
    pub settled_cash: Decimal,
    /// Cash and positions at their marks.
    #[serde(with = "decimal_text")]
    pub net_liquidation: Decimal,
    /// Market value of long positions, positive.
    #[serde(with = "decimal_text")]
    pub long_market_value: Decimal,
    /// Market value of short positions, negative.
    #[serde(with = "decimal_text")]
    pub short_market_value: Decimal,
    /// What new positions may cost, working orders taken off.
    #[serde(with = "decimal_text")]
    pub buying_power: Decimal,
    /// Margin the positions needed to open.
    #[serde(with = "decimal_text")]
    pub initial_margin: Decimal,
    /// Margin they need now.
    #[serde(with = "decimal_text")]
    pub maintenance_margin: Decimal,
    /// `net_liquidation - maintenance_margin`.
    #[serde(with = "decimal_text")]
    pub excess_liquidity: Decimal,
    /// Money held back for working orders.
    #[serde(with = "decimal_text")]
    pub reserved: Decimal,
    /// Gain or loss since the account day began.
    #[serde(with = "decimal_text")]
    pub day_pnl: Decimal,
    /// Net liquidation when the account day began, deposits since added.
    #[serde(with = "decimal_text")]
    pub day_start_equity: Decimal,
    /// Gain or loss of closed trades, fees taken off.
    #[serde(with = "decimal_text")]
    pub realized_pnl: Decimal,
    /// Gain or loss of open positions at their marks.
    #[serde(with = "decimal_text")]
    pub unrealized_pnl: Decimal,
    /// Fees paid, positive.
    #[serde(with = "decimal_text")]
    pub fees: Decimal,
    /// Options level 0 to 4 (reliability 4.1).
    pub options_level: u8,
}
