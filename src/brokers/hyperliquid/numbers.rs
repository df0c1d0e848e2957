//! Hyperliquid's numbers: how they are written, and which prices and sizes it takes.
//!
//! Source: Hyperliquid docs, API, tick and lot size.

use rust_decimal::Decimal;

use crate::domain::instrument::TickRow;
use crate::domain::money::{Price, Quantity, canonical};

/// Significant figures of a price that is no integer.
const FIGURES_MAX: u32 = 5;
/// Decimals of a price and of a size together, of a perpetual.
const PERPETUAL_DECIMALS: u32 = 6;
/// The same of a spot pair.
const SPOT_DECIMALS: u32 = 8;

/// Which prices and sizes an instrument takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Decimals of a size.
    pub size_decimals: u32,
    /// Decimals of a price.
    pub price_decimals: u32,
}

/// A number as it is sent: plain, without trailing zeros, `-0` as `0`.
#[must_use]
pub fn wire(value: Decimal) -> String {
    canonical(value)
}

/// Ten to this power.
fn power_of_ten(exponent: i64) -> Decimal {
    if exponent < 0 {
        return Decimal::new(1, u32::try_from(-exponent).unwrap_or(u32::MAX).min(Decimal::MAX_SCALE));
    }
    (0..exponent.min(28)).fold(Decimal::ONE, |value, _| value * Decimal::TEN)
}

/// Digits without leading and trailing zeros, and how many of them stand behind the point.
fn digits_and_scale(value: Decimal) -> (u32, u32) {
    let value = value.normalize();
    (value.mantissa().unsigned_abs().checked_ilog10().map_or(0, |log| log + 1), value.scale())
}

impl Rules {
    /// Of a perpetual with sizes of this many decimals.
    #[must_use]
    pub const fn perpetual(size_decimals: u32) -> Self {
        Self { size_decimals, price_decimals: PERPETUAL_DECIMALS.saturating_sub(size_decimals) }
    }

    /// Of a spot pair whose base has sizes of this many decimals.
    #[must_use]
    pub const fn spot(size_decimals: u32) -> Self {
        Self { size_decimals, price_decimals: SPOT_DECIMALS.saturating_sub(size_decimals) }
    }

    /// The increment of prices around this one.
    #[must_use]
    pub fn tick_at(&self, price: Price) -> Decimal {
        let (digits, scale) = digits_and_scale(price.get());
        let magnitude = i64::from(digits) - 1 - i64::from(scale);
        let by_figures = power_of_ten(magnitude - i64::from(FIGURES_MAX - 1));
        by_figures.max(power_of_ten(-i64::from(self.price_decimals))).min(Decimal::ONE)
    }

    /// Is the price taken as it is.
    #[must_use]
    pub fn takes_price(&self, price: Price) -> bool {
        let (digits, scale) = digits_and_scale(price.get());
        price.is_positive() && (scale == 0 || (digits <= FIGURES_MAX && scale <= self.price_decimals))
    }

    /// The nearest prices that are taken, below and above.
    #[must_use]
    pub fn around(&self, price: Price) -> (Price, Price) {
        let tick = self.tick_at(price);
        (price.floor_to_tick(tick), price.ceil_to_tick(tick))
    }

    /// The smallest size, and the increment of sizes.
    #[must_use]
    pub fn increment(&self) -> Decimal {
        power_of_ten(-i64::from(self.size_decimals))
    }

    /// Is the size taken as it is.
    #[must_use]
    pub fn takes_size(&self, size: Quantity) -> bool {
        size.is_positive() && size.floor_to_increment(self.increment()) == size
    }

    /// The increments as a table by rising price.
    #[must_use]
    pub fn ticks(&self) -> Vec<TickRow> {
        let decimals = i64::from(self.price_decimals);
        let mut rows = vec![TickRow { from: Price::ZERO, tick: power_of_ten(-decimals).min(Decimal::ONE) }];
        // From 10^k on there are five figures, of which the last stands for 10^(k-4).
        for magnitude in (FIGURES_MAX as i64 - decimals)..i64::from(FIGURES_MAX) {
            let tick = power_of_ten(magnitude - i64::from(FIGURES_MAX - 1));
            if rows.last().is_some_and(|row| row.tick < tick) {
                rows.push(TickRow { from: Price::new(power_of_ten(magnitude)), tick });
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_are_written_as_the_official_client_writes_them() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!(
            "../../../tests/fixtures/brokers/hyperliquid/signing-vectors.json"
        ))
        .unwrap();
        let rows = vectors["float_to_wire"].as_array().unwrap();
        for row in rows {
            let given = row["in"].as_str().unwrap();
            let value =
                Decimal::from_scientific(given).or_else(|_| given.parse()).expect("the vectors are numbers");
            match row["out"].as_str() {
                // The client's minus zero is a quirk that must not be sent.
                Some("-0") => assert_eq!(wire(value), "0"),
                Some(out) => assert_eq!(wire(value), out),
                // What it would have to round has more decimals than any instrument takes.
                None => {
                    assert!(!Rules::spot(8).takes_size(Quantity::new(value)), "{given}");
                    assert!(!Rules::spot(0).takes_price(Price::new(value)), "{given}");
                }
            }
        }
        assert_eq!(rows.len(), 16);
    }

    #[test]
    fn prices_have_five_figures_or_no_decimals() {
        let (btc, eth, kpepe, spot) =
            (Rules::perpetual(5), Rules::perpetual(4), Rules::perpetual(0), Rules::spot(0));
        for (rules, good) in [
            (btc, "60123"),
            (btc, "123456"),
            (btc, "9999.9"),
            (eth, "1670.1"),
            (eth, "0.01"),
            (kpepe, "0.012345"),
            (kpepe, "12345678"),
            (spot, "0.00012345"),
        ] {
            assert!(rules.takes_price(price(good)), "{good}");
            assert_eq!(rules.around(price(good)), (price(good), price(good)), "{good}");
        }
        for (rules, bad, below, above) in [
            (btc, "60123.5", "60123", "60124"),
            (btc, "0.05", "0", "0.1"),
            (eth, "1670.12", "1670.1", "1670.2"),
            (eth, "0.001", "0", "0.01"),
            (kpepe, "0.0123456", "0.012345", "0.012346"),
            (kpepe, "99999.5", "99999", "100000"),
            (spot, "123456.7", "123456", "123457"),
        ] {
            assert!(!rules.takes_price(price(bad)), "{bad}");
            assert_eq!(rules.around(price(bad)), (price(below), price(above)), "{bad}");
            assert!(below == "0" || rules.takes_price(price(below)), "{below}");
            assert!(rules.takes_price(price(above)), "{above}");
        }
        assert!(!btc.takes_price(Price::ZERO) && !btc.takes_price(price("-1")));
    }

    #[test]
    fn the_table_of_ticks_says_the_same_as_the_rule() {
        for rules in (0..=6).map(Rules::perpetual).chain((0..=8).map(Rules::spot)) {
            let rows = rules.ticks();
            for text in [
                "0.00001", "0.00012", "0.0099", "0.01", "0.5", "1", "9.9", "10", "123", "999.9", "1000",
                "9999", "10000", "99999", "100000", "5000000",
            ] {
                let at = price(text);
                let row = rows.iter().rev().find(|row| row.from <= at).unwrap();
                let tick = rules.tick_at(at);
                // Below the first figure that counts the table's tick is coarser than the price itself, and both say the decimals.
                assert_eq!(row.tick, tick, "{rules:?} at {text}: {rows:?}");
            }
        }
    }

    #[test]
    fn sizes_are_multiples_of_the_increment() {
        let rules = Rules::perpetual(4);
        let size = |text: &str| text.parse::<Quantity>().unwrap();
        assert!(rules.takes_size(size("0.0147")) && rules.takes_size(size("3")));
        for bad in ["0", "-1", "0.00001", "1.00005"] {
            assert!(!rules.takes_size(size(bad)), "{bad}");
        }
        assert_eq!(Rules::perpetual(0).increment(), Decimal::ONE);
    }
}
