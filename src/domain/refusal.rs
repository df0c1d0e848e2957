//! Refusals as a trader reads them: a code's keys and values become its name and its numbers in their units.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::denial::{DenialCode, rounded};
use super::money::grouped;

/// What a check's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Units, orders.
    Count,
    /// A price.
    Price,
    /// Money of the account's currency.
    Money,
    /// Per cent.
    Percent,
    /// Seconds.
    Seconds,
}

impl Unit {
    /// A number in this unit.
    #[must_use]
    pub fn number(self, value: Decimal) -> String {
        let text = |rounded: Decimal| grouped(rounded, rounded.normalize().scale());
        let short = |most: u32| text(value.round_dp(most));
        match self {
            Self::Count => text(rounded(value, 8)),
            // A bound between two ticks reads as a price all the same; a tiny one keeps its digits.
            Self::Price if value.abs() >= Decimal::ONE => grouped(value, 2),
            Self::Price => text(rounded(value, 6)),
            Self::Money => grouped(value, 2),
            Self::Percent => format!("{}%", short(2)),
            Self::Seconds => format!("{} s", short(1)),
        }
    }
}

/// What a check looks at, so that it reads well whether it passed or failed, and in which unit.
#[must_use]
pub fn reading(code: DenialCode) -> (Cow<'static, str>, Unit) {
    let (name, unit) = match code {
        DenialCode::SpreadTooWide => ("spread", Unit::Percent),
        DenialCode::StaleQuote => ("age of the quote", Unit::Seconds),
        DenialCode::PriceCollar => ("price collar", Unit::Price),
        DenialCode::MaxOrderQuantity => ("order size", Unit::Count),
        DenialCode::MaxOrderNotional => ("order value", Unit::Money),
        DenialCode::MaxPosition => ("position, part of equity", Unit::Percent),
        DenialCode::MaxExposure => ("all positions, part of equity", Unit::Percent),
        DenialCode::MaxOpenOrders => ("working orders", Unit::Count),
        DenialCode::DailyLoss => ("loss today", Unit::Percent),
        DenialCode::Drawdown => ("fall from the high", Unit::Percent),
        DenialCode::OrderRate => ("order rate", Unit::Count),
        DenialCode::BuyingPower => ("buying power", Unit::Money),
        DenialCode::CashSettled => ("settled cash", Unit::Money),
        DenialCode::UnsecuredPut => ("cash behind the put", Unit::Money),
        DenialCode::DayTrade => ("need of day trades", Unit::Money),
        DenialCode::SellExceedsPosition => ("sale, of the units held", Unit::Count),
        DenialCode::Duplicate => ("seconds since the same order", Unit::Count),
        other => return (other.as_str().to_lowercase().replace('_', " ").into(), Unit::Count),
    };
    (name.into(), unit)
}

/// What to do about a refusal, where that is no question of the market or the account.
#[must_use]
pub const fn way_out(code: DenialCode) -> Option<&'static str> {
    Some(match code {
        DenialCode::SellExceedsPosition => "to sell short, say short",
        DenialCode::MaxOrderQuantity
        | DenialCode::MaxOrderNotional
        | DenialCode::MaxPosition
        | DenialCode::MaxExposure
        | DenialCode::MaxOpenOrders
        | DenialCode::DailyLoss
        | DenialCode::Drawdown => "the limits: arbion risk",
        DenialCode::Halted => "arbion resume",
        DenialCode::StaleQuote => "arbion connections",
        _ => return None,
    })
}

/// A text with each `CODE measured=1 limit=2` in it as words: `order value 304,731.00 of 25,313.59`.
#[must_use]
pub fn readable(text: &str) -> Cow<'_, str> {
    written(text, false)
}

/// The same with each code after its words, where codes are looked for: `order value 304,731.00 of 25,313.59 (MAX_ORDER_NOTIONAL)`.
#[must_use]
pub fn readable_with_codes(text: &str) -> Cow<'_, str> {
    written(text, true)
}

fn written(text: &str, codes: bool) -> Cow<'_, str> {
    if !text.contains("measured=") {
        return Cow::Borrowed(text);
    }
    let mut words = text.split(' ').peekable();
    let mut out: Vec<String> = Vec::new();
    while let Some(word) = words.next() {
        let code = DenialCode::ALL.iter().copied().find(|code| code.as_str() == word);
        let measured = words.peek().copied().and_then(|next| number(next, "measured="));
        let (Some(code), Some((measured, mut end))) = (code, measured) else {
            out.push(word.to_owned());
            continue;
        };
        words.next();
        let (name, unit) = reading(code);
        let limit = words.peek().copied().filter(|_| end.is_empty()).and_then(|next| number(next, "limit="));
        let mut said = format!("{name} {}", unit.number(measured));
        if let Some((limit, rest)) = limit {
            words.next();
            // What is refused for its price lies beyond it, on whichever side.
            let to = if code == DenialCode::PriceCollar { ", allowed to" } else { " of" };
            said.push_str(&format!("{to} {}", unit.number(limit)));
            end = rest;
        }
        if codes {
            said.push_str(&format!(" ({code})"));
        }
        out.push(said + end);
    }
    Cow::Owned(out.join(" "))
}

/// The number of a `key=value`, and what follows it, such as a semicolon.
fn number<'a>(word: &'a str, key: &str) -> Option<(Decimal, &'a str)> {
    let value = word.strip_prefix(key)?;
    let digits = value.trim_end_matches([';', ',', '.', ')']);
    Some((digits.parse().ok()?, &value[digits.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_read_as_words() {
        for (text, expected) in [
            (
                "order 32 TSLA denied: MAX_ORDER_NOTIONAL measured=304731 limit=25313.59; STALE_QUOTE measured=61.27 limit=30",
                "order 32 TSLA denied: order value 304,731.00 of 25,313.59; age of the quote 61.3 s of 30 s",
            ),
            (
                "denied: MAX_EXPOSURE measured=120.456 legs=2",
                "denied: all positions, part of equity 120.46% legs=2",
            ),
            ("PRICE_COLLAR measured=9999 limit=269.283", "price collar 9,999.00, allowed to 269.28"),
            ("SELL_EXCEEDS_POSITION measured=10 limit=0", "sale, of the units held 10 of 0"),
            ("measured=3 limit=2", "measured=3 limit=2"),
            ("MAX_ORDER_NOTIONAL measured=x", "MAX_ORDER_NOTIONAL measured=x"),
            ("order 7 is filled", "order 7 is filled"),
        ] {
            assert_eq!(readable(text), expected);
        }
        assert_eq!(
            readable_with_codes("denied: SPREAD_TOO_WIDE measured=3 limit=2; NOT_SHORTABLE"),
            "denied: spread 3% of 2% (SPREAD_TOO_WIDE); NOT_SHORTABLE"
        );
    }
}
