//! Words to instruments: tickers, pairs, coins, company names.

use crate::domain::instrument::{Instrument, NameMatch};

use super::ParseContext;
use super::lex::{Kind, Token};

/// Currencies of FX pairs.
const CURRENCIES: [&str; 11] = ["USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "NZD", "MXN", "SEK", "NOK"];
/// Words in a company's name at most.
const NAME_WORDS_MAX: usize = 5;

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
    super::words::is_keyword(word) || word.len() < 3
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
    if let Some(found) = ticker(&token.raw, context) {
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
        if let Some((name, count)) = by_name(tokens, context).filter(|(_, count)| *count > 1) {
            return Some((name, count));
        }
        return Some((Found::One(found), 1));
    }
    let (found, count) = by_name(tokens, context)?;
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
    let plain = plain.strip_suffix("'s").or(plain.strip_suffix("’s")).unwrap_or(plain);
    let upper = plain.to_ascii_uppercase();
    if upper.is_empty()
        || upper.len() > 15
        || !upper.is_ascii()
        || !upper.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        return None;
    }
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
    if coin(&upper) && !context.lookup.is_equity(&upper) {
        return Instrument::crypto(&upper, "USD").ok();
    }
    context.lookup.is_equity(&upper).then(|| Instrument::equity(&upper).ok()).flatten()
}

fn by_name(tokens: &[Token], context: &ParseContext<'_>) -> Option<(Found, usize)> {
    let words = tokens
        .iter()
        .take(NAME_WORDS_MAX)
        .take_while(|t| t.kind == Kind::Word || t.kind == Kind::Mark('&'))
        .count();
    for count in (1..=words).rev() {
        let single = count == 1;
        if single && is_common(&tokens[0].text) {
            return None;
        }
        // A name neither begins nor ends with a word of the language itself.
        if !single
            && (super::words::is_keyword(&tokens[0].text)
                || super::words::is_keyword(&tokens[count - 1].text))
        {
            let allowed =
                tokens[count - 1].text.len() == 1 || matches!(tokens[0].text.as_str(), "the" | "at" | "home");
            if !allowed {
                continue;
            }
        }
        let mut name = String::new();
        for token in &tokens[..count] {
            if !name.is_empty() {
                name.push(' ');
            }
            name.push_str(&token.text);
        }
        // "mcdonald's" is its own name, "tesla's" is Tesla's.
        if let (NameMatch::None, Some(owner)) = (context.lookup.by_name(&name), name.strip_suffix("'s")) {
            name = owner.to_owned();
        }
        if single && name.len() < 3 {
            return None;
        }
        match context.lookup.by_name(&name) {
            NameMatch::One(instrument) => return Some((Found::One(instrument), count)),
            NameMatch::Many(list) => return Some((Found::Many(list), count)),
            NameMatch::None => {}
        }
    }
    None
}
