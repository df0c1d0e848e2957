//! What option strategies share: their positions on one underlying, the price ladder, trading hours, dividends and earnings. Pure; which
//! contract is the best is worked out in [`crate::quant::contracts`].

pub(super) mod cover;
pub(super) mod dates;
pub(super) mod exercise;
pub(super) mod hours;
pub(super) mod ladder;
pub(super) mod market;
pub(super) mod params;
pub(super) mod positions;
pub(super) mod slots;
pub(super) mod turn;
pub(super) mod underlyings;

use rust_decimal::Decimal;

use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec};
use crate::domain::money::{Price, Quantity};

use super::Books;

/// Shares of a standard contract.
pub(super) const SHARES: Decimal = Decimal::ONE_HUNDRED;
/// Beyond the natural price by this part, a marketable limit fills through a market that moves.
const COLLAR_PERCENT: Decimal = Decimal::from_parts(105, 0, 0, false, 2);

/// What trading one contract costs, once.
pub(super) fn fee(books: &dyn Books, price: Price) -> Decimal {
    books.fees().fee(AssetClass::Option, Quantity::new(Decimal::ONE), price, true)
}

/// The price step of an instrument.
pub(super) fn tick(books: &dyn Books, instrument: &Instrument, price: Price) -> Decimal {
    match books.spec(instrument) {
        Some(spec) => spec.tick_at(price),
        None => InstrumentSpec::standard(instrument.clone()).tick_at(price),
    }
}

/// A limit that buys at once, also from a market that moves away by a twentieth.
pub(super) fn marketable(books: &dyn Books, instrument: &Instrument, ask: Price) -> Price {
    let limit = ask * COLLAR_PERCENT;
    limit.ceil_to_tick(tick(books, instrument, limit))
}
