//! What shows the market: quotes, charts, option chains.

use crate::command::ParseContext;
use crate::command::dates::{self, Said};
use crate::command::lex::{Kind, Token};
use crate::command::order::{self, Trouble};
use crate::command::symbols::{self, Found};
use crate::command::types::{Command, Missing};
use crate::command::{guard, words};
use crate::domain::instrument::Instrument;
use crate::domain::option::Right;
use crate::domain::quote::Interval;

use super::{clarify, instruments};

/// `aapl msft`, `quote nvda`, "what's tesla trading at?".
pub(super) fn quote(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> Option<Command> {
    let lead = matches!(*text.first()?, "quote" | "q" | "price" | "prices" | "quotes" | "px" | "last")
        || matches!(
            text,
            ["get" | "show", "me", "a", "quote", ..]
                | ["get" | "show", "quote" | "quotes" | "price", ..]
                | ["show", "me", "the", "price", ..]
        )
        || matches!(text, ["bid", "ask", ..] | ["bid", "and", "ask", ..] | ["bid/ask", ..])
        || matches!(text, ["get", "me", ..])
            && text.iter().any(|w| matches!(*w, "quote" | "price" | "quotes" | "prices"));
    if !lead && let Some(instruments) = only_symbols(tokens, context) {
        return Some(Command::Quote { instruments });
    }
    // Asked first: to read names is dear, and every order comes by here.
    let asks = lead || guard::is_question(tokens) && text.iter().any(|w| is_about_price(w));
    if !asks {
        return None;
    }
    let rest: Vec<Token> = tokens.iter().filter(|t| !is_around_price(&t.text)).cloned().collect();
    let found = instruments(&rest, context);
    if found.is_empty() {
        return lead.then(|| clarify(vec![Missing::Instrument], "A quote of which symbol?"));
    }
    // Every remaining word must be an instrument, or the sentence says more than "quote".
    let understood = rest.iter().all(|t| {
        matches!(t.kind, Kind::Mark(_) | Kind::Occ(_))
            || symbols::ticker(t.raw, context).is_some()
            || found.len() == 1 && !guard::is_verb(&t.text) && !matches!(t.kind, Kind::Number(_))
    });
    understood.then_some(Command::Quote { instruments: found })
}

/// The instruments of a sentence that names nothing else: each once, in order.
fn only_symbols(tokens: &[Token], context: &ParseContext<'_>) -> Option<Vec<Instrument>> {
    // Numbers and their like are none, and tell an order from a list of symbols before any name is read.
    if !tokens.iter().all(|t| matches!(t.kind, Kind::Word | Kind::Strike(..) | Kind::Occ(_) | Kind::Mark(_)))
    {
        return None;
    }
    let (mut list, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let token = &tokens[at];
        if matches!(token.kind, Kind::Mark(_)) || matches!(token.text.as_str(), "and" | "or") {
            at += 1;
            continue;
        }
        if words::is_keyword(&token.text) && !token.raw.starts_with('$') && !token.is_shouted() {
            return None;
        }
        let (Found::One(instrument), used) = symbols::read(&tokens[at..], context)? else { return None };
        if !list.contains(&instrument) {
            list.push(instrument);
        }
        at += used;
    }
    (!list.is_empty()).then_some(list)
}

/// Words that ask for a price.
fn is_about_price(word: &str) -> bool {
    matches!(
        word,
        "price"
            | "trading"
            | "quote"
            | "quotes"
            | "worth"
            | "cost"
            | "at"
            | "bid"
            | "ask"
            | "last"
            | "doing"
            | "now"
            | "much"
    )
}

/// Words around the symbols of a quote.
fn is_around_price(word: &str) -> bool {
    matches!(
        word,
        "quote"
            | "q"
            | "quotes"
            | "price"
            | "prices"
            | "px"
            | "of"
            | "for"
            | "what's"
            | "what"
            | "is"
            | "the"
            | "how"
            | "much"
            | "where"
            | "where's"
            | "at"
            | "trading"
            | "now"
            | "last"
            | "me"
            | "get"
            | "a"
            | "on"
            | "show"
            | "current"
            | "right"
            | "going"
            | "doing"
            | "today"
            | "bid"
            | "ask"
            | "and"
            | "are"
            | "how's"
            | "hows"
            | "wheres"
            | "whats"
            | "cost"
            | "does"
            | "worth"
    )
}

pub(super) fn chart(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> Option<Command> {
    let at = text.iter().position(|w| matches!(*w, "chart" | "charts" | "graph" | "candles" | "plot"))?;
    let found = interval(text);
    let rest: Vec<Token> = tokens
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != at && found.is_none_or(|(_, start, used)| *i < start || *i >= start + used))
        .map(|(_, t)| t.clone())
        .collect();
    let interval = found.map_or(Interval::Day1, |(interval, ..)| interval);
    match instruments(&rest, context).first() {
        Some(instrument) => Some(Command::Chart { instrument: instrument.clone(), interval }),
        None => Some(clarify(vec![Missing::Instrument], "A chart of which symbol?")),
    }
}

/// An interval at some words: `5m`, `5 minute`, `daily`.
fn interval(text: &[&str]) -> Option<(Interval, usize, usize)> {
    for (i, word) in text.iter().enumerate() {
        let one = match *word {
            "1m" | "1min" | "1-minute" | "1-min" | "minute" => Some(Interval::Minute1),
            "5m" | "5min" | "5-minute" | "5-min" => Some(Interval::Minute5),
            "15m" | "15min" | "15-minute" | "15-min" => Some(Interval::Minute15),
            "1h" | "60m" | "hourly" | "1hr" | "hour" | "1-hour" => Some(Interval::Hour1),
            "1d" | "daily" | "day" | "d" => Some(Interval::Day1),
            "1w" | "weekly" | "week" | "w" => Some(Interval::Week1),
            _ => None,
        };
        let two = match (*word, text.get(i + 1).copied().unwrap_or("")) {
            ("1" | "one", "minute" | "min" | "m") => Some(Interval::Minute1),
            ("5" | "five", "minute" | "min" | "minutes" | "mins" | "m") => Some(Interval::Minute5),
            ("15" | "fifteen", "minute" | "min" | "minutes" | "mins" | "m") => Some(Interval::Minute15),
            ("1" | "one", "hour" | "hr" | "h") | ("60", "minute" | "min") => Some(Interval::Hour1),
            ("1" | "one", "day") => Some(Interval::Day1),
            ("1" | "one", "week") => Some(Interval::Week1),
            _ => None,
        };
        if let Some(found) = two {
            return Some((found, i, 2));
        }
        if let Some(found) = one {
            return Some((found, i, 1));
        }
    }
    None
}

pub(super) fn chain(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> Option<Command> {
    let options_of = lists_contracts(tokens, text, context)
        || matches!(text, ["options" | "option", ..])
        || matches!(
            text,
            ["show" | "pull" | "open" | "get" | "list" | "display", .., "options" | "calls" | "puts"]
        )
        || matches!(text, ["show" | "list", "me", .., "options"]);
    let at = text.iter().position(|w| matches!(*w, "chain" | "chains"));
    if at.is_none()
        && !options_of
        && !(matches!(text, ["show" | "list", ..]) && text.iter().any(|w| matches!(*w, "calls" | "puts")))
    {
        return None;
    }
    if text.iter().any(|w| matches!(*w, "positions" | "position" | "my" | "orders")) {
        return None;
    }
    let right = text.iter().find_map(|w| match *w {
        "calls" | "call" => Some(Right::Call),
        "puts" | "put" => Some(Right::Put),
        _ => None,
    });
    let mut said: Option<(Said, usize, usize)> = None;
    for i in 0..tokens.len() {
        if let Some((day, used)) = dates::read(&tokens[i..], context.today) {
            said = Some((day, i, used));
            break;
        }
    }
    let rest: Vec<Token> = tokens
        .iter()
        .enumerate()
        .filter(|(i, t)| {
            said.is_none_or(|(_, start, used)| *i < start || *i >= start + used)
                && !matches!(
                    t.text.as_str(),
                    "chain" | "chains" | "options" | "option" | "show" | "calls" | "puts"
                )
        })
        .map(|(_, t)| t.clone())
        .collect();
    let underlying = instruments(&rest, context).into_iter().find_map(|i| match i {
        Instrument::Equity { symbol } => Some(symbol),
        _ => None,
    });
    let Some(underlying) = underlying else {
        return Some(clarify(vec![Missing::Instrument], "The chain of which symbol?"));
    };
    let expiry = match said {
        Some((said, ..)) => match order::expiry(said, context, Some(underlying.as_str())) {
            Ok(day) => Some(day),
            Err(Trouble::Missing(missing, text)) => return Some(clarify(missing, &text)),
            Err(_) => None,
        },
        None => None,
    };
    Some(Command::Chain { underlying, expiry, right })
}

/// `nvda calls dec 18 2026`: a symbol, a right or "options", perhaps an expiry, and nothing else.
fn lists_contracts(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> bool {
    // Asked first: to read a name is dear, and nearly every sentence comes by here.
    if !text.iter().any(|w| matches!(*w, "calls" | "puts" | "options")) {
        return false;
    }
    let Some((Found::One(Instrument::Equity { .. }), mut at)) = symbols::read(tokens, context) else {
        return false;
    };
    while at < tokens.len() {
        if let Some((_, used)) = dates::read(&tokens[at..], context.today) {
            at += used;
        } else if matches!(text[at], "calls" | "puts" | "options" | "for" | "the" | "expiring" | "exp" | "on")
        {
            at += 1;
        } else {
            return false;
        }
    }
    true
}
