//! Fees by asset class. Percentages as 0.25 for 0.25 %. Start values: strategies §11.2; editable in the configuration.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::instrument::AssetClass;
use crate::domain::money::{Price, Quantity, decimal_text, round_to_cents};

/// What fills cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FeeTable {
    /// Per share.
    #[serde(with = "decimal_text")]
    pub equity_per_share: Decimal,
    /// Commission per contract.
    #[serde(with = "decimal_text")]
    pub option_per_contract: Decimal,
    /// Clearing and regulatory fees per contract.
    #[serde(with = "decimal_text")]
    pub option_exchange_per_contract: Decimal,
    /// Per cent of the value of a fill that rested.
    #[serde(with = "decimal_text")]
    pub crypto_maker_percent: Decimal,
    /// Per cent of the value of a fill that took.
    #[serde(with = "decimal_text")]
    pub crypto_taker_percent: Decimal,
    /// Per cent of the value of a perpetual's fill.
    #[serde(with = "decimal_text")]
    pub perpetual_percent: Decimal,
    /// Per exercise or assignment, a contract.
    #[serde(with = "decimal_text")]
    pub exercise: Decimal,
}

impl Default for FeeTable {
    fn default() -> Self {
        Self {
            equity_per_share: Decimal::ZERO,
            option_per_contract: Decimal::new(65, 2),
            // OCC clearing 0.025 (2025-02-14) and ORF about 0.028 (2025-03).
            option_exchange_per_contract: Decimal::new(53, 3),
            crypto_maker_percent: Decimal::new(15, 2),
            crypto_taker_percent: Decimal::new(25, 2),
            perpetual_percent: Decimal::new(45, 3),
            exercise: Decimal::ZERO,
        }
    }
}

impl FeeTable {
    /// No fees at all.
    #[must_use]
    pub const fn free() -> Self {
        let zero = Decimal::ZERO;
        Self {
            equity_per_share: zero,
            option_per_contract: zero,
            option_exchange_per_contract: zero,
            crypto_maker_percent: zero,
            crypto_taker_percent: zero,
            perpetual_percent: zero,
            exercise: zero,
        }
    }

    /// The fee of a fill, rounded to cents, halves to even.
    #[must_use]
    pub fn fee(&self, class: AssetClass, quantity: Quantity, price: Price, took: bool) -> Decimal {
        let value = price.get().abs() * quantity.get();
        let fee = match class {
            AssetClass::Equity if self.equity_per_share.is_zero() => return Decimal::ZERO,
            AssetClass::Equity => self.equity_per_share * quantity.get(),
            AssetClass::Option => {
                (self.option_per_contract + self.option_exchange_per_contract) * quantity.get()
            }
            AssetClass::Crypto | AssetClass::Token => {
                value * if took { self.crypto_taker_percent } else { self.crypto_maker_percent }
                    / Decimal::ONE_HUNDRED
            }
            AssetClass::Perpetual => value * self.perpetual_percent / Decimal::ONE_HUNDRED,
            AssetClass::Fx => return Decimal::ZERO,
        };
        round_to_cents(fee)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_follow_the_table() {
        let table = FeeTable::default();
        let fee = |class, quantity: i64, price: i64, took| {
            table.fee(class, Quantity::from(quantity), Price::from(price), took)
        };
        assert_eq!(fee(AssetClass::Equity, 100, 50, true), Decimal::ZERO);
        assert_eq!(fee(AssetClass::Option, 10, 2, true), Decimal::new(703, 2));
        assert_eq!(fee(AssetClass::Crypto, 1, 100_000, true), Decimal::from(250));
        assert_eq!(fee(AssetClass::Crypto, 1, 100_000, false), Decimal::from(150));
    }
}
