//! Numbers of a size that trades. What lies beyond is a mistake of whoever says it: sums and products of it would leave what a decimal can
//! hold, and no book may be kept of it. Plain questions; who asks them decides what becomes of the rest.

use rust_decimal::Decimal;

use super::execution::{CashEntry, Execution, OrderEvent};
use super::money::{Price, Quantity};
use super::order::{Pricing, Trail};
use super::position::Position;
use super::quote::Quote;
use super::statement::OrderReport;

/// Highest price per unit, either sign, in any currency.
const PRICE_MAX: i64 = 1_000_000_000;
/// Most units, and most of the underlying that they stand for: a thousand million million, for coins that cost next to nothing.
const UNITS_MAX: i64 = 1_000_000_000_000_000;
/// Most money in one entry, either sign, in any currency.
const MONEY_MAX: i64 = 1_000_000_000_000_000;

/// A number that is beyond what trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its {field} is {found}, beyond {allowed}")]
pub struct Beyond {
    field: &'static str,
    found: Decimal,
    allowed: &'static str,
}

const PRICES: &str = "any price (up to 1000000000)";
const UNITS: &str = "any number of units (0 to 10^15)";
const MONEY: &str = "any amount (up to 10^15)";

/// Is the absolute value at most `most`. A number of few digits is told without arithmetic: prices come by the hundred thousand.
fn within(value: Decimal, most: i64) -> bool {
    value.mantissa().unsigned_abs() <= u128::from(most.unsigned_abs()) || value.abs() <= Decimal::from(most)
}

fn price(field: &'static str, value: Price) -> Result<(), Beyond> {
    if within(value.get(), PRICE_MAX) {
        return Ok(());
    }
    Err(Beyond { field, found: value.get(), allowed: PRICES })
}

fn units(field: &'static str, value: Quantity) -> Result<(), Beyond> {
    if !value.is_negative() && within(value.get(), UNITS_MAX) {
        return Ok(());
    }
    Err(Beyond { field, found: value.get(), allowed: UNITS })
}

fn money(field: &'static str, value: Decimal) -> Result<(), Beyond> {
    if within(value, MONEY_MAX) {
        return Ok(());
    }
    Err(Beyond { field, found: value, allowed: MONEY })
}

/// Units with what each of them stands for.
fn multiplied(quantity: Quantity, multiplier: Decimal) -> Result<(), Beyond> {
    let all = quantity.get().checked_mul(multiplier);
    if multiplier >= Decimal::ZERO && all.is_some_and(|all| within(all, UNITS_MAX)) {
        return Ok(());
    }
    Err(Beyond { field: "multiplier", found: multiplier, allowed: "any multiplier of so many units" })
}

fn pricing(pricing: Pricing) -> Result<(), Beyond> {
    for value in [pricing.limit_price(), pricing.stop_price()].into_iter().flatten() {
        price("price", value)?;
    }
    match pricing {
        Pricing::TrailingStop { trail: Trail::Amount(amount) } => price("trail", amount),
        Pricing::TrailingStop { trail: Trail::Percent(percent) } => price("trail", Price::new(percent)),
        _ => Ok(()),
    }
}

/// Can books hold a fill, or whatever else moved units.
///
/// # Errors
/// Names the first number that is beyond them. Units are never negative: the side says which way they went.
pub fn execution(execution: &Execution) -> Result<(), Beyond> {
    price("price", execution.price)?;
    units("quantity", execution.quantity)?;
    multiplied(execution.quantity, execution.multiplier)?;
    money("fee", execution.fee)
}

/// Can an order hold what a broker says of it.
///
/// # Errors
/// Names the first number that is beyond it.
pub fn event(event: &OrderEvent) -> Result<(), Beyond> {
    match event {
        OrderEvent::Filled(fill) => execution(fill),
        OrderEvent::QuantityChanged { quantity } => units("quantity", *quantity),
        OrderEvent::StopMoved { stop_price } => price("stop", *stop_price),
        OrderEvent::Restated { quantity, pricing: prices } => {
            units("quantity", *quantity)?;
            pricing(*prices)
        }
        _ => Ok(()),
    }
}

/// The same of an order that a broker shows.
///
/// # Errors
/// Names the first number that is beyond it.
pub fn report(report: &OrderReport) -> Result<(), Beyond> {
    units("quantity", report.quantity)?;
    units("filled quantity", report.filled_quantity)?;
    report.average_price.map_or(Ok(()), |average| price("average price", average))?;
    pricing(report.pricing)
}

/// Can books hold a position, long or short.
///
/// # Errors
/// Names the first number that is beyond them.
pub fn position(position: &Position) -> Result<(), Beyond> {
    units("quantity", position.quantity.abs())?;
    multiplied(position.quantity.abs(), position.multiplier)?;
    price("average price", position.average_price)?;
    position.mark.map_or(Ok(()), |mark| price("mark", mark))
}

/// Can books hold cash that moved.
///
/// # Errors
/// Says how much it is.
pub fn cash(entry: &CashEntry) -> Result<(), Beyond> {
    money("amount", entry.amount)
}

/// Are a quote's prices and sizes of a size that trades.
#[must_use]
pub fn is_quote(quote: &Quote) -> bool {
    let prices = [
        quote.bid,
        quote.ask,
        quote.last,
        quote.previous_close,
        quote.open,
        quote.high,
        quote.low,
        quote.regular_close,
    ];
    let sizes = [quote.bid_size, quote.ask_size, quote.last_size, quote.volume];
    prices.into_iter().flatten().all(|price| within(price.get(), PRICE_MAX))
        && sizes.into_iter().all(|size| within(size.get(), UNITS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_is_inside_and_what_is_beyond_says_so() {
        let most = Price::from(PRICE_MAX);
        assert_eq!(price("price", most), Ok(()));
        assert_eq!(price("price", Price::new(-most.get())), Ok(()));
        let beyond: super::Beyond = price("price", most + "0.01".parse().unwrap()).unwrap_err();
        assert_eq!(beyond.to_string(), "its price is 1000000000.01, beyond any price (up to 1000000000)");
        assert_eq!(price("price", Price::new(Decimal::MIN)).unwrap_err().found, Decimal::MIN);
        // Many digits are not many units.
        assert_eq!(price("price", "0.0000000000000000000000000001".parse().unwrap()), Ok(()));
        assert_eq!(units("quantity", Quantity::from(UNITS_MAX)), Ok(()));
        assert!(units("quantity", Quantity::from(-1)).is_err());
        assert!(units("quantity", Quantity::new(Decimal::MAX)).is_err());
        assert!(money("fee", -Decimal::MAX).is_err());
        assert_eq!(multiplied(Quantity::from(10), Decimal::ONE_HUNDRED), Ok(()));
        assert!(multiplied(Quantity::from(10), Decimal::NEGATIVE_ONE).is_err());
        assert!(multiplied(Quantity::from(UNITS_MAX), Decimal::MAX).is_err());
    }
}
