//! Texts of the engine as a trader reads them: a refusal's keys and values become its name and its numbers in their units. What the engine
//! wrote stays in the log, in files and on the command line, where codes are looked for.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::preview::reading;
use crate::domain::denial::DenialCode;

/// A text with each `CODE measured=1 limit=2` in it as words: `order value 304,731.00 of 25,313.59`.
#[must_use]
pub fn readable(text: &str) -> Cow<'_, str> {
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
            said.push_str(&format!(" of {}", unit.number(limit)));
            end = rest;
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
            ("measured=3 limit=2", "measured=3 limit=2"),
            ("MAX_ORDER_NOTIONAL measured=x", "MAX_ORDER_NOTIONAL measured=x"),
            ("order 7 is filled", "order 7 is filled"),
        ] {
            assert_eq!(readable(text), expected);
        }
    }
}
