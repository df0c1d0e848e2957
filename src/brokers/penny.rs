//! Steps of option prices at the US exchanges, which know two programs: in pennies, and in nickels.

use rust_decimal::Decimal;

use crate::domain::instrument::{Instrument, TickRow};
use crate::domain::money::Price;

/// Funds whose options trade in cents at every price. Source: the penny program of the options exchanges.
const CENTS_THROUGHOUT: [&str; 3] = ["SPY", "QQQ", "IWM"];

/// Steps below three dollars and from there, by what the broker says of the program that an option is in. Where nobody says, the finer step
/// is left to the broker to judge.
#[must_use]
pub fn ticks(option: &Instrument, in_penny_program: Option<bool>) -> Vec<TickRow> {
    let cents_throughout = CENTS_THROUGHOUT.contains(&option.root().as_str());
    let (below, above) = match in_penny_program {
        _ if cents_throughout => (1, 1),
        Some(true) => (1, 5),
        Some(false) => (5, 10),
        None => (1, 1),
    };
    let row = |from: i64, cents| TickRow { from: Price::from(from), tick: Decimal::new(cents, 2) };
    vec![row(0, below), row(3, above)]
}
