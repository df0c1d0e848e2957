//! The instrument that a typed symbol names.

use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::option::{OptionContract, Right};
use crate::tui::env::At;

/// The instrument that a typed text names exactly: one on the screen, an option, a known ticker or coin.
#[must_use]
pub fn resolve(text: &str, at: &At<'_>) -> Option<Instrument> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let upper = text.to_ascii_uppercase();
    if let Some(known) = at.snapshot.quotes.keys().find(|i| i.to_string().eq_ignore_ascii_case(text)) {
        return Some(known.clone());
    }
    if let Ok(contract) = OptionContract::from_occ(&upper) {
        return Some(contract.into_instrument());
    }
    if let Some(contract) = option_in_words(&upper) {
        return Some(contract.into_instrument());
    }
    match &at.env.symbols {
        Some(symbols) if symbols.is_equity(&upper) => Instrument::equity(&upper).ok(),
        Some(symbols) if symbols.is_coin(&upper) => Instrument::crypto(&upper, "USD").ok(),
        Some(symbols) => symbols.listing(&upper).map(|listing| listing.instrument),
        None => Instrument::from_key(&upper).ok(),
    }
}

/// `AAPL 15JAN27 190P`, as the screen writes options.
pub(super) fn option_in_words(text: &str) -> Option<OptionContract> {
    let mut words = text.split_ascii_whitespace();
    let (root, day, strike) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !text.is_ascii() {
        return None;
    }
    let expiry = jiff::civil::Date::strptime("%d%b%y", day).ok()?;
    let (digits, letter) = strike.split_at_checked(strike.len().checked_sub(1)?)?;
    let right = match letter {
        "C" => Right::Call,
        "P" => Right::Put,
        _ => return None,
    };
    let underlying = Symbol::new(root).ok()?;
    Some(OptionContract { underlying, expiry, strike: digits.parse().ok()?, right, root: None })
}
