//! What one unit of a currency is worth in an account's: from the books, else from quotes of currency pairs.

use rust_decimal::Decimal;

use crate::core::portfolio::Portfolio;
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::Currency;
use crate::domain::quote::Quote;

use super::view::MarketView;

/// Units of the account's currency that one unit of `currency` buys. `None` when neither the books nor a pair say so: then nothing in that
/// currency can be measured, and nothing in it is opened (reliability K6).
#[must_use]
pub fn rate(portfolio: &Portfolio, market: &dyn MarketView, currency: Currency) -> Option<Decimal> {
    let known = portfolio.rate(currency);
    known.or_else(|| from_pairs(&|pair| market.quote(pair), currency, portfolio.terms().currency))
}

/// The rate by quotes alone: of the pair, of the pair the other way round, or of both through the US dollar. Positive, within a million
/// either way (nothing trades beyond), unrounded.
#[must_use]
pub fn from_pairs<'a>(
    quotes: &dyn Fn(&Instrument) -> Option<&'a Quote>,
    from: Currency,
    to: Currency,
) -> Option<Decimal> {
    let direct = |from, to| direct(quotes, from, to);
    direct(from, to).or_else(|| {
        let through = direct(from, Currency::USD)?.checked_mul(direct(Currency::USD, to)?)?;
        is_sound(through).then_some(through)
    })
}

fn direct<'a>(
    quotes: &dyn Fn(&Instrument) -> Option<&'a Quote>,
    from: Currency,
    to: Currency,
) -> Option<Decimal> {
    if from == to {
        return Some(Decimal::ONE);
    }
    let mid = |base: Currency, counter: Currency| {
        let base = Symbol::new(base.as_str()).ok()?;
        let quote = quotes(&Instrument::Fx { base, quote: Symbol::new(counter.as_str()).ok()? })?;
        // A pair that only trades, such as one on bars, has its last price.
        quote.mid().or(quote.last).map(|price| price.get()).filter(|price| is_sound(*price))
    };
    mid(from, to).or_else(|| Decimal::ONE.checked_div(mid(to, from)?))
}

fn is_sound(rate: Decimal) -> bool {
    let most = Decimal::from(1_000_000);
    rate <= most && rate >= Decimal::new(1, 6)
}
