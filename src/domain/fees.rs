//! What fills cost. Percentages as 0.25 for 0.25 %. Start values: strategies §11.2; editable in the configuration and in `fees.toml`.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::calendar::has_begun;
use super::instrument::AssetClass;
use super::money::{Price, Quantity, decimal_text, round_to_cents, times};
use super::order::Side;

/// Commission per contract from a premium upward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionTier {
    /// Lowest price of a contract that it holds for.
    pub premium: Price,
    /// Commission per contract.
    #[serde(with = "decimal_text")]
    pub per_contract: Decimal,
}

/// SEC Section 31: what a sale of securities pays, from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecRate {
    /// First day.
    pub from: Date,
    /// Per million of value sold.
    #[serde(with = "decimal_text")]
    pub per_million: Decimal,
}

/// FINRA's trading activity fee on sales, from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TafRate {
    /// First day.
    pub from: Date,
    /// Per share sold.
    #[serde(with = "decimal_text")]
    pub per_share: Decimal,
    /// Most per sale of shares.
    #[serde(with = "decimal_text")]
    pub share_max: Decimal,
    /// Per option contract sold.
    #[serde(with = "decimal_text")]
    pub per_contract: Decimal,
}

/// What fills cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default = "FeeTable::free", deny_unknown_fields)]
pub struct FeeTable {
    /// Per share.
    #[serde(with = "decimal_text")]
    pub equity_per_share: Decimal,
    /// Least an order for shares costs.
    #[serde(with = "decimal_text")]
    pub equity_order_min: Decimal,
    /// Most an order for shares costs, in per cent of its value; zero is no limit.
    #[serde(with = "decimal_text")]
    pub equity_order_max_percent: Decimal,
    /// Commission per contract.
    #[serde(with = "decimal_text")]
    pub option_per_contract: Decimal,
    /// Commission per contract by premium, rising, in place of the one above; empty is none.
    pub option_tiers: Vec<OptionTier>,
    /// Contracts that close cost no commission.
    pub option_close_free: bool,
    /// Least an option order costs.
    #[serde(with = "decimal_text")]
    pub option_order_min: Decimal,
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
    /// What a purchase of coins costs is taken in coins: fewer arrive.
    pub crypto_fee_in_coin: bool,
    /// Per exercise or assignment, a contract.
    #[serde(with = "decimal_text")]
    pub exercise: Decimal,
    /// Interest on money that the account owes, in per cent a year of 360 days; zero is none.
    #[serde(with = "decimal_text")]
    pub margin_interest_percent: Decimal,
    /// What the loan of shares sold short costs, in per cent of their value a year of 360 days; zero is nothing.
    #[serde(with = "decimal_text")]
    pub short_borrow_percent: Decimal,
    /// Section 31 fees by rising day; nothing before the first.
    pub sec: Vec<SecRate>,
    /// Trading activity fees by rising day; nothing before the first.
    pub taf: Vec<TafRate>,
}

impl Default for FeeTable {
    fn default() -> Self {
        Self {
            option_per_contract: Decimal::new(65, 2),
            // OCC clearing 0.025 (2025-02-14) and ORF about 0.028 (2025-03).
            option_exchange_per_contract: Decimal::new(53, 3),
            crypto_maker_percent: Decimal::new(15, 2),
            crypto_taker_percent: Decimal::new(25, 2),
            perpetual_percent: Decimal::new(45, 3),
            ..Self::free()
        }
    }
}

/// A fill to be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Of what.
    pub class: AssetClass,
    /// Bought or sold.
    pub side: Side,
    /// It opens a position, or adds to one.
    pub opens: bool,
    /// Units, positive.
    pub quantity: Quantity,
    /// Price per unit, before the multiplier.
    pub price: Price,
    /// Units of the underlying per unit.
    pub multiplier: Decimal,
    /// It took liquidity.
    pub took: bool,
    /// When: rates change.
    pub at: Timestamp,
}

impl Fill {
    /// Value, positive.
    #[must_use]
    pub fn value(&self) -> Decimal {
        times(self.price.get().abs() * self.quantity.get(), self.multiplier)
    }
}

impl FeeTable {
    /// No fees at all.
    #[must_use]
    pub const fn free() -> Self {
        let zero = Decimal::ZERO;
        Self {
            equity_per_share: zero,
            equity_order_min: zero,
            equity_order_max_percent: zero,
            option_per_contract: zero,
            option_tiers: Vec::new(),
            option_close_free: false,
            option_order_min: zero,
            option_exchange_per_contract: zero,
            crypto_maker_percent: zero,
            crypto_taker_percent: zero,
            perpetual_percent: zero,
            crypto_fee_in_coin: false,
            exercise: zero,
            margin_interest_percent: zero,
            short_borrow_percent: zero,
            sec: Vec::new(),
            taf: Vec::new(),
        }
    }

    /// The fee of an order filled at once, rounded to cents, halves to even.
    #[must_use]
    pub fn charge(&self, fill: &Fill) -> Decimal {
        let commission = self.within_bounds(fill.class, self.rate(fill), fill.value());
        round_to_cents(commission + self.regulatory(fill))
    }

    /// The fee of a fill that opens, for an estimate: what sales pay to regulators is left out.
    #[must_use]
    pub fn fee(&self, class: AssetClass, quantity: Quantity, price: Price, took: bool) -> Decimal {
        let multiplier = Decimal::ONE;
        let at = Timestamp::UNIX_EPOCH;
        self.charge(&Fill { class, side: Side::Buy, opens: true, quantity, price, multiplier, took, at })
    }

    /// Commission by the rates alone, unrounded.
    #[must_use]
    pub fn rate(&self, fill: &Fill) -> Decimal {
        let percent = |percent: Decimal| fill.value() * percent / Decimal::ONE_HUNDRED;
        match fill.class {
            AssetClass::Equity => self.equity_per_share * fill.quantity.get(),
            AssetClass::Option if self.option_close_free && !fill.opens => Decimal::ZERO,
            AssetClass::Option => {
                let tier = self.option_tiers.iter().rev().find(|tier| tier.premium <= fill.price);
                let tier = tier.or(self.option_tiers.first());
                tier.map_or(self.option_per_contract, |tier| tier.per_contract) * fill.quantity.get()
            }
            AssetClass::Crypto | AssetClass::Token if fill.took => percent(self.crypto_taker_percent),
            AssetClass::Crypto | AssetClass::Token => percent(self.crypto_maker_percent),
            AssetClass::Perpetual => percent(self.perpetual_percent),
            AssetClass::Fx => Decimal::ZERO,
        }
    }

    /// Coins that a purchase of coins pays in, positive, to eight decimals; `None` where fees are paid in money.
    #[must_use]
    pub fn in_coins(&self, fill: &Fill) -> Option<Quantity> {
        let price = fill.price.get() * fill.multiplier;
        let applies = self.crypto_fee_in_coin
            && fill.class == AssetClass::Crypto
            && fill.side.is_buy()
            && price > Decimal::ZERO;
        let coins = applies.then(|| (self.rate(fill) / price).round_dp(8))?;
        (coins > Decimal::ZERO).then(|| Quantity::new(coins))
    }

    /// An order's commission between its least and its most, by the value of its fills so far.
    #[must_use]
    pub fn within_bounds(&self, class: AssetClass, commission: Decimal, value: Decimal) -> Decimal {
        match class {
            _ if commission <= Decimal::ZERO => commission,
            AssetClass::Equity => {
                let least = commission.max(self.equity_order_min);
                if self.equity_order_max_percent.is_zero() {
                    return least;
                }
                least.min(value * self.equity_order_max_percent / Decimal::ONE_HUNDRED)
            }
            AssetClass::Option => commission.max(self.option_order_min),
            _ => commission,
        }
    }

    /// What clearing houses and regulators take of a fill, unrounded.
    #[must_use]
    pub fn regulatory(&self, fill: &Fill) -> Decimal {
        let security = matches!(fill.class, AssetClass::Equity | AssetClass::Option);
        let contracts = if fill.class == AssetClass::Option {
            self.option_exchange_per_contract * fill.quantity.get()
        } else {
            Decimal::ZERO
        };
        if !security || fill.side.is_buy() || (self.sec.is_empty() && self.taf.is_empty()) {
            return contracts;
        }
        let sec = self
            .sec
            .iter()
            .rev()
            .find(|rate| has_begun(rate.from, fill.at))
            .map_or(Decimal::ZERO, |rate| fill.value() * rate.per_million / Decimal::from(1_000_000));
        let taf =
            self.taf.iter().rev().find(|rate| has_begun(rate.from, fill.at)).map_or(Decimal::ZERO, |rate| {
                if fill.class == AssetClass::Option {
                    rate.per_contract * fill.quantity.get()
                } else {
                    (rate.per_share * fill.quantity.get()).min(rate.share_max)
                }
            });
        contracts + sec + taf
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    /// Charges a fill written as `SIDE QUANTITY CLASS PRICE open|close maker|taker DAY`.
    fn charge(table: &FeeTable, text: &str) -> Decimal {
        let words: Vec<&str> = text.split_whitespace().collect();
        let class = match words[2] {
            "equity" => AssetClass::Equity,
            "option" => AssetClass::Option,
            "crypto" => AssetClass::Crypto,
            "perp" => AssetClass::Perpetual,
            other => panic!("{other}"),
        };
        let multiplier = if class == AssetClass::Option { Decimal::ONE_HUNDRED } else { Decimal::ONE };
        table.charge(&Fill {
            class,
            side: if words[0] == "buy" { Side::Buy } else { Side::Sell },
            opens: words[4] == "open",
            quantity: words[1].parse().unwrap(),
            price: words[3].parse().unwrap(),
            multiplier,
            took: words[5] == "taker",
            at: format!("{}T15:00:00Z", words[6]).parse().unwrap(),
        })
    }

    #[test]
    fn fees_follow_the_table() {
        let retail = FeeTable {
            sec: vec![
                SecRate { from: "2024-05-22".parse().unwrap(), per_million: number("27.80") },
                SecRate { from: "2025-05-14".parse().unwrap(), per_million: Decimal::ZERO },
            ],
            taf: vec![TafRate {
                from: "2024-01-01".parse().unwrap(),
                per_share: number("0.000166"),
                share_max: number("8.30"),
                per_contract: number("0.00279"),
            }],
            ..FeeTable::default()
        };
        let ibkr = FeeTable {
            equity_per_share: number("0.005"),
            equity_order_min: Decimal::ONE,
            equity_order_max_percent: number("0.5"),
            option_tiers: [("0", "0.25"), ("0.05", "0.50"), ("0.10", "0.65")]
                .map(|(premium, fee)| OptionTier {
                    premium: premium.parse().unwrap(),
                    per_contract: number(fee),
                })
                .into(),
            option_order_min: Decimal::ONE,
            ..FeeTable::free()
        };
        let tasty =
            FeeTable { option_per_contract: Decimal::ONE, option_close_free: true, ..FeeTable::free() };
        let rows: &[(&FeeTable, &str, &str)] = &[
            (&retail, "buy 100 equity 50 open taker 2024-06-03", "0"),
            // 27.80 a million of 100,000 is 2.78; 2,000 shares at 0.000166 are 0.332.
            (&retail, "sell 2000 equity 50 close taker 2024-06-03", "3.11"),
            (&retail, "sell 2000 equity 50 close taker 2025-05-14", "0.33"),
            (&retail, "sell 2000 equity 50 close taker 2005-05-14", "0"),
            // The activity fee has a most.
            (&retail, "sell 100000 equity 50 close taker 2025-06-02", "8.30"),
            (&retail, "buy 10 option 2 open taker 2025-06-02", "7.03"),
            (&retail, "sell 10 option 2 close taker 2025-06-02", "7.06"),
            (&retail, "buy 1 crypto 100000 open taker 2025-06-02", "250"),
            (&retail, "buy 1 crypto 100000 open maker 2025-06-02", "150"),
            (&retail, "buy 1 perp 100000 open maker 2025-06-02", "45"),
            // 10 shares would be five cents: one dollar at least, but no more than half a per cent.
            (&ibkr, "buy 10 equity 50 open taker 2025-06-02", "1"),
            (&ibkr, "buy 10 equity 1 open taker 2025-06-02", "0.05"),
            (&ibkr, "buy 1000 equity 50 open taker 2025-06-02", "5"),
            (&ibkr, "buy 10 option 0.04 open taker 2025-06-02", "2.50"),
            (&ibkr, "buy 10 option 0.05 open taker 2025-06-02", "5"),
            (&ibkr, "buy 10 option 0.10 open taker 2025-06-02", "6.50"),
            (&ibkr, "buy 1 option 0.10 open taker 2025-06-02", "1"),
            (&tasty, "sell 3 option 2 open taker 2025-06-02", "3"),
            (&tasty, "buy 3 option 2 close taker 2025-06-02", "0"),
        ];
        for (table, text, fee) in rows {
            assert_eq!(charge(table, text), number(fee), "{text}");
        }
    }
}
