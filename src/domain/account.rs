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

impl Account {
    /// An account at a broker of which no more is known than its cash and what it is worth: nothing held, nothing gained today, no margin.
    /// What else the broker says is put in place of that.
    #[must_use]
    pub fn at_broker(
        account: AccountId,
        (kind, mode): (AccountKind, AccountMode),
        cash: Money,
        net_liquidation: Decimal,
    ) -> Self {
        let zero = Decimal::ZERO;
        Self {
            account,
            kind,
            mode,
            currency: cash.currency,
            cash: cash.amount,
            cash_by_currency: vec![cash],
            settled_cash: cash.amount,
            net_liquidation,
            long_market_value: zero,
            short_market_value: zero,
            buying_power: zero,
            initial_margin: zero,
            maintenance_margin: zero,
            excess_liquidity: net_liquidation,
            reserved: zero,
            day_pnl: zero,
            day_start_equity: net_liquidation,
            realized_pnl: zero,
            unrealized_pnl: zero,
            fees: zero,
            options_level: 0,
        }
    }
}

/// What a broker itself says of an account, beside what our books make of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerFigures {
    /// Whose.
    pub account: AccountId,
    /// In this currency.
    pub currency: Currency,
    /// Cash and positions as it values them.
    #[serde(with = "decimal_text")]
    pub net_liquidation: Decimal,
    /// What it lets new positions cost.
    #[serde(with = "decimal_text")]
    pub buying_power: Decimal,
    /// Gain or loss of what was closed within the last 24 hours, fees taken off; absent where it does not say.
    #[serde(default, with = "super::money::decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub realized_pnl_24h: Option<Decimal>,
}

impl BrokerFigures {
    /// As its answer has them: a gain of exactly nothing is what those say that say none.
    #[must_use]
    pub fn of(told: &Account) -> Self {
        Self {
            account: told.account.clone(),
            currency: told.currency,
            net_liquidation: told.net_liquidation,
            buying_power: told.buying_power,
            realized_pnl_24h: Some(told.realized_pnl).filter(|gain| !gain.is_zero()),
        }
    }

    /// What a trader should know where it differs from our own figures, a line each, with why they may differ.
    #[must_use]
    pub fn differences(&self, ours: &Account) -> Vec<String> {
        let (account, currency) = (&self.account, self.currency);
        let shown = |value: Decimal| value.round_dp(2).normalize();
        let mut lines = Vec::new();
        if shown(self.net_liquidation) != shown(ours.net_liquidation) {
            lines.push(format!(
                "{account}: the broker values it at {} {currency}, our marks at {}",
                shown(self.net_liquidation),
                shown(ours.net_liquidation)
            ));
        }
        if let Some(theirs) = self.realized_pnl_24h.filter(|gain| shown(*gain) != shown(ours.realized_pnl)) {
            lines.push(format!(
                "{account}: realized by the broker's count of the last 24 hours {} {currency}; ours, {}, is of every trade in this journal",
                shown(theirs),
                shown(ours.realized_pnl)
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_broker_counts_otherwise_is_said_with_why() {
        let told: Account = serde_json::from_value(serde_json::json!({
            "account": "h", "kind": "margin", "mode": "paper", "currency": "USD", "cash": "0", "cash_by_currency": [],
            "settled_cash": "0", "net_liquidation": "1000.004", "long_market_value": "0", "short_market_value": "0",
            "buying_power": "10", "initial_margin": "0", "maintenance_margin": "0", "excess_liquidity": "0", "reserved": "0",
            "day_pnl": "0", "day_start_equity": "0", "realized_pnl": "9.8", "unrealized_pnl": "0", "fees": "0", "options_level": 0,
        }))
        .unwrap();
        let figures = BrokerFigures::of(&told);
        assert!(figures.differences(&told).is_empty());
        let ours = Account {
            net_liquidation: Decimal::from(1_000),
            realized_pnl: Decimal::from(12),
            ..told.clone()
        };
        let lines = figures.differences(&ours);
        assert_eq!(
            lines,
            [
                "h: realized by the broker's count of the last 24 hours 9.8 USD; ours, 12, is of every trade in this journal"
            ]
        );
        let silent = BrokerFigures::of(&Account { realized_pnl: Decimal::ZERO, ..told });
        assert!(silent.realized_pnl_24h.is_none() && silent.differences(&ours).is_empty());
        let lines = silent.differences(&Account { net_liquidation: Decimal::from(900), ..ours });
        assert_eq!(lines, ["h: the broker values it at 1000 USD, our marks at 900"]);
    }
}
