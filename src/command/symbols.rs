//! Words to instruments: tickers, pairs, coins, company names.

use smol_str::StrExt;

use crate::domain::instrument::{Instrument, NameMatch};

use super::ParseContext;
use super::lex::{Kind, Token};

/// Currencies of FX pairs.
const CURRENCIES: [&str; 11] = ["USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "NZD", "MXN", "SEK", "NOK"];
/// Letters of a ticker or a pair at most.
const TICKER_MAX: usize = 15;
/// Words in a company's name at most.
const NAME_WORDS_MAX: usize = 5;
/// Letters of a name of one word at least.
const SINGLE_NAME_MIN: usize = 3;

/// What stands at the front of some tokens.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    /// One instrument.
    One(Instrument),
    /// A name that several have.
    Many(Vec<Instrument>),
}

/// Words that are never names by themselves, though companies are called so.
fn is_common(word: &str) -> bool {
    super::words::is_keyword(word) || super::words::is_everyday(word) || word.len() < SINGLE_NAME_MIN
}

/// Reads an instrument at the front of the tokens, longest name first.
pub(super) fn read(tokens: &[Token], context: &ParseContext<'_>) -> Option<(Found, usize)> {
    let token = tokens.first()?;
    if let Kind::Occ(contract) = &token.kind {
        return Some((Found::One(Instrument::Option(contract.clone())), 1));
    }
    if !matches!(token.kind, Kind::Word | Kind::Strike(..)) {
        return None;
    }
    let next = tokens.get(1).map(|t| t.text.as_str());
    // `$` marks a symbol as capitals do; an everyday word in lower case is none.
    let everyday =
        super::words::is_everyday(&token.text) && !token.is_shouted() && !token.raw.starts_with('$');
    if !everyday && let Some(found) = ticker(token.raw, context) {
        if let Instrument::Crypto { base, .. } = &found
            && matches!(next, Some("perp" | "perps" | "perpetual" | "perpetuals"))
        {
            return Some((Found::One(Instrument::Perpetual { symbol: base.clone() }), 2));
        }
        // "btc usd", "eth usdt".
        if matches!(found, Instrument::Crypto { .. }) && matches!(next, Some("usd" | "dollar")) {
            return Some((Found::One(found), 2));
        }
        // A longer name that begins with a ticker's letters is the name: "ford motor", "t mobile".
        return Some(by_name(tokens, 2, context).unwrap_or((Found::One(found), 1)));
    }
    let (found, count) = by_name(tokens, 1, context)?;
    if let Found::One(Instrument::Crypto { base, .. }) = &found
        && tokens.get(count).is_some_and(|t| matches!(t.text.as_str(), "perp" | "perps" | "perpetual"))
    {
        return Some((Found::One(Instrument::Perpetual { symbol: base.clone() }), count + 1));
    }
    Some((found, count))
}

/// A ticker or pair in one piece.
pub(super) fn ticker(raw: &str, context: &ParseContext<'_>) -> Option<Instrument> {
    let plain = raw.strip_prefix(['$', '#']).unwrap_or(raw);
    // "tesla's" is Tesla's; "the q's" are no share of Q.
    let owner = plain.strip_suffix("'s").or(plain.strip_suffix("’s")).filter(|owner| owner.len() > 1);
    let plain = owner.unwrap_or(plain);
    if plain.len() > TICKER_MAX
        || !plain.is_ascii()
        || !plain.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        return None;
    }
    let upper = plain.to_ascii_uppercase_smolstr();
    let upper = upper.as_str();
    let coin = |symbol: &str| context.lookup.is_coin(symbol);
    if let Some((base, quote)) = upper.split_once(['/', '-']) {
        if matches!(quote, "PERP" | "PERPETUAL") && coin(base) {
            return Instrument::from_key(&format!("{base}-PERP")).ok();
        }
        if coin(base) && matches!(quote, "USD" | "USDC" | "USDT") {
            return Instrument::crypto(base, if quote == "USDT" { "USD" } else { quote }).ok();
        }
        if CURRENCIES.contains(&base) && CURRENCIES.contains(&quote) {
            return Instrument::fx(base, quote).ok();
        }
        // Class shares: BRK/B and BRK-B are BRK.B.
        let class = format!("{base}.{quote}");
        return context.lookup.is_equity(&class).then(|| Instrument::equity(&class).ok()).flatten();
    }
    if upper.len() == 6 && CURRENCIES.contains(&&upper[..3]) && CURRENCIES.contains(&&upper[3..]) {
        return Instrument::fx(&upper[..3], &upper[3..]).ok();
    }
    if let Some(base) = upper.strip_suffix("USD").filter(|base| coin(base)) {
        return Instrument::crypto(base, "USD").ok();
    }
    if let Some(base) = upper.strip_suffix("PERP").filter(|base| coin(base)) {
        return Instrument::from_key(&format!("{base}-PERP")).ok();
    }
    if coin(upper) && !context.lookup.is_equity(upper) {
        return Instrument::crypto(upper, "USD").ok();
    }
    context.lookup.is_equity(upper).then(|| Instrument::equity(upper).ok()).flatten()
}

/// A name of some words at the front, longest first, of at least so many words. To look a name up is dear: only what can be one is.
fn by_name(tokens: &[Token], least: usize, context: &ParseContext<'_>) -> Option<(Found, usize)> {
    let words = tokens
        .iter()
        .take(NAME_WORDS_MAX)
        .take_while(|t| {
            // Indices have numbers in their names: S&P 500, Russell 2000.
            matches!(t.kind, Kind::Word | Kind::Mark('&'))
                || matches!(t.kind, Kind::Number(_)) && matches!(t.raw, "100" | "500" | "2000")
        })
        .count();
    if words < least {
        return None;
    }
    let first = &tokens[0].text;
    let begins = !super::words::is_keyword(first);
    for count in (least.max(2)..=words).rev() {
        let last = &tokens[count - 1].text;
        // A name neither begins nor ends with a word of the language itself.
        let may_be = (begins && !super::words::is_keyword(last))
            || last.len() == 1
            || begins && matches!(last.as_str(), "etf" | "cash" | "price")
            || matches!(first.as_str(), "the" | "at" | "home" | "usd")
            || (first.as_str(), last.as_str()) == ("best", "buy");
        if may_be && let Some(found) = named(&tokens[..count], context) {
            return Some((found, count));
        }
    }
    let found = (least == 1 && !is_common(first)).then(|| named(&tokens[..1], context)).flatten()?;
    // "berkshire a": a class that is not listed here is not the one that is.
    let other_class = matches!(&found, Found::One(Instrument::Equity { symbol }) if symbol.as_str().contains('.'))
        && tokens.get(1).is_some_and(|next| next.text == "a");
    (!other_class).then_some((found, 1))
}

/// What these words name together.
fn named(tokens: &[Token], context: &ParseContext<'_>) -> Option<Found> {
    let mut name = String::with_capacity(32);
    for token in tokens {
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(&token.text);
    }
    // "mcdonald's" is its own name, "tesla's" is Tesla's.
    let owner = name.strip_suffix("'s").filter(|owner| owner.len() >= SINGLE_NAME_MIN || tokens.len() > 1);
    [Some(name.as_str()), owner].into_iter().flatten().find_map(|name| match context.lookup.by_name(name) {
        NameMatch::One(instrument) => Some(Found::One(instrument)),
        NameMatch::Many(list) => Some(Found::Many(list)),
        NameMatch::None => None,
    })
}
