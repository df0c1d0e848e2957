//! What shows the market: quotes, charts, option chains. Every word must be understood, as in an order: what is shown is what was asked.

use jiff::civil::Date;

use crate::command::ParseContext;
use crate::command::cursor::{Cursor, one};
use crate::command::dates;
use crate::command::lex::{Kind, Token};
use crate::command::order::{self, Parsed, Trouble, once};
use crate::command::symbols::{self, Found};
use crate::command::types::{Command, Missing};
use crate::command::{did_you_mean, guard, question_back, words};
use crate::domain::instrument::Instrument;
use crate::domain::option::Right;
use crate::domain::quote::Interval;

use super::ask;

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
    let trails = matches!(text, [first, .., "price" | "px" | "quote"] if !guard::is_verb(first));
    let asks = lead || trails || guard::is_question(tokens) && text.iter().any(|w| is_about_price(w));
    if !asks {
        return None;
    }
    match quoted(&mut Cursor::new(tokens, context)) {
        Ok(instruments) => Some(Command::Quote { instruments }),
        Err(trouble) if lead => Some(question_back(trouble, context)),
        // A question that asks for more than a price is one for the model.
        Err(_) => None,
    }
}

/// Asks for what a word was perhaps meant to be that stands alone behind the one that asks, so that only an instrument can be meant.
fn near_alone(word: &str, words: usize, context: &ParseContext<'_>) -> String {
    (words == 2).then(|| did_you_mean(word, context)).flatten().unwrap_or_default()
}

/// The instruments whose prices are asked for: at least one, each once, in order.
fn quoted(cursor: &mut Cursor<'_>) -> Parsed<Vec<Instrument>> {
    let mut list = Vec::new();
    while !cursor.is_done() {
        // In capitals an everyday word is a ticker: "quote NOW".
        let loud = cursor.token(0).is_some_and(Token::is_shouted);
        let around = is_around_price(cursor.text(0));
        if around && !loud || cursor.is_pause() {
            cursor.skip(1);
        } else if let Some(found) = cursor.instrument() {
            let instrument = match one(found)? {
                // Its option, where an expiry and a strike stand behind it.
                Instrument::Equity { symbol } => match cursor.contract(&symbol)? {
                    Some(contract) => Instrument::Option(contract),
                    None => Instrument::Equity { symbol },
                },
                other => other,
            };
            if !list.contains(&instrument) {
                list.push(instrument);
            }
        } else if around {
            cursor.skip(1);
        } else {
            return Err(cursor.not_understood());
        }
    }
    if list.is_empty() {
        return Err(ask(Missing::Instrument, "A quote of which symbol?"));
    }
    Ok(list)
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
            | "bid/ask"
            | "last"
            | "doing"
            | "now"
            | "much"
    )
}

/// Words around the symbols of a quote.
const AROUND_PRICE: &[&str] = &[
    "a",
    "an",
    "and",
    "are",
    "ask",
    "at",
    "bid",
    "bid/ask",
    "can",
    "cost",
    "current",
    "currently",
    "do",
    "does",
    "doing",
    "for",
    "get",
    "go",
    "going",
    "how",
    "how's",
    "hows",
    "i",
    "is",
    "it",
    "latest",
    "last",
    "live",
    "me",
    "much",
    "now",
    "of",
    "on",
    "one",
    "or",
    "please",
    "price",
    "prices",
    "px",
    "q",
    "quote",
    "quotes",
    "right",
    "see",
    "share",
    "show",
    "stock",
    "the",
    "today",
    "trading",
    "vs",
    "what",
    "what's",
    "whats",
    "where",
    "where's",
    "wheres",
    "worth",
    "you",
];

fn is_around_price(word: &str) -> bool {
    AROUND_PRICE.contains(&word)
}

/// Words that ask for a chart, and words around its symbol and interval.
const CHARTS: &[&str] = &["chart", "charts", "graph", "candles", "candlestick", "candlesticks", "plot"];
const AROUND_A_CHART: &[&str] = &[
    "show", "me", "a", "an", "the", "of", "for", "on", "open", "pull", "up", "please", "price", "in", "at",
    "with", "see", "view", "give", "my", "display", "get", "bars", "stock",
];

pub(super) fn chart(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> Option<Command> {
    if guard::is_verb(text.first()?) || !text.iter().any(|w| CHARTS.contains(w)) {
        return None;
    }
    Some(
        charted(&mut Cursor::new(tokens, context), tokens.len(), context)
            .unwrap_or_else(|trouble| question_back(trouble, context)),
    )
}

fn charted(cursor: &mut Cursor<'_>, words: usize, context: &ParseContext<'_>) -> Parsed<Command> {
    let (mut instrument, mut wanted) = (None, None);
    while !cursor.is_done() {
        if let Some((interval, used)) = interval(cursor.text(0), cursor.text(1)) {
            cursor.skip(used);
            once(&mut wanted, interval, "intervals")?;
        } else if cursor.take(CHARTS) {
        } else if let Some(found) = cursor.instrument() {
            let found = one(found)?;
            if instrument.as_ref().is_some_and(|known| *known != found) {
                return Err(Trouble::Refused("One chart at a time.".to_owned()));
            }
            instrument = Some(found);
        } else if !(cursor.take(AROUND_A_CHART) || cursor.take_pause()) {
            return Err(Trouble::Refused(format!(
                "'{}' is neither symbol nor interval; a chart takes both: 1m, 5m, 15m, 1h, 1d or 1w.{}",
                cursor.text(0),
                near_alone(cursor.text(0), words, context)
            )));
        }
    }
    let instrument = instrument.ok_or_else(|| ask(Missing::Instrument, "A chart of which symbol?"))?;
    Ok(Command::Chart { instrument, interval: wanted.unwrap_or(Interval::Day1) })
}

/// An interval at the front, `5m`, `5 minute`, `daily`, and how many words it takes.
fn interval(first: &str, second: &str) -> Option<(Interval, usize)> {
    let two = match (first, second) {
        ("1" | "one", "minute" | "min" | "m") => Some(Interval::Minute1),
        ("5" | "five", "minute" | "min" | "minutes" | "mins" | "m") => Some(Interval::Minute5),
        ("15" | "fifteen", "minute" | "min" | "minutes" | "mins" | "m") => Some(Interval::Minute15),
        ("1" | "one", "hour" | "hr" | "h") | ("60", "minute" | "min" | "minutes" | "mins") => {
            Some(Interval::Hour1)
        }
        ("1" | "one", "day") => Some(Interval::Day1),
        ("1" | "one", "week") => Some(Interval::Week1),
        _ => None,
    };
    if let Some(interval) = two {
        return Some((interval, 2));
    }
    let one = match first {
        "1m" | "1min" | "1-minute" | "1-min" | "minute" => Interval::Minute1,
        "5m" | "5min" | "5-minute" | "5-min" => Interval::Minute5,
        "15m" | "15min" | "15-minute" | "15-min" => Interval::Minute15,
        "1h" | "60m" | "60min" | "hourly" | "1hr" | "hour" | "1-hour" => Interval::Hour1,
        "1d" | "daily" | "day" | "d" => Interval::Day1,
        "1w" | "weekly" | "week" | "w" => Interval::Week1,
        _ => return None,
    };
    Some((one, 1))
}

/// Words around the underlying of a chain.
const AROUND_A_CHAIN: &[&str] = &[
    "chain",
    "chains",
    "option",
    "options",
    "show",
    "me",
    "the",
    "a",
    "an",
    "of",
    "for",
    "on",
    "pull",
    "up",
    "open",
    "get",
    "list",
    "display",
    "please",
    "expiring",
    "expiry",
    "exp",
    "expiration",
    "see",
    "view",
    "and",
    "with",
    "at",
    "in",
    "only",
];

pub(super) fn chain(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> Option<Command> {
    let options_of = lists_contracts(tokens, text, context)
        || matches!(text, ["options" | "option", ..])
        || matches!(
            text,
            ["show" | "pull" | "open" | "get" | "list" | "display", .., "options" | "calls" | "puts"]
        )
        || matches!(text, ["show" | "list", "me", .., "options"]);
    let named = text.iter().any(|w| matches!(*w, "chain" | "chains"));
    let lists_a_side =
        matches!(text, ["show" | "list", ..]) && text.iter().any(|w| matches!(*w, "calls" | "puts"));
    if !(named || options_of || lists_a_side) {
        return None;
    }
    if guard::is_verb(text[0])
        || text.iter().any(|w| matches!(*w, "positions" | "position" | "my" | "orders"))
    {
        return None;
    }
    let read = chained(&mut Cursor::new(tokens, context), context);
    Some(read.unwrap_or_else(|trouble| question_back(trouble, context)))
}

fn chained(cursor: &mut Cursor<'_>, context: &ParseContext<'_>) -> Parsed<Command> {
    let (mut underlying, mut said, mut right, mut weekly) = (None, None, None, None::<Date>);
    let (mut calls, mut puts) = (false, false);
    while !cursor.is_done() {
        if let Some((day, used)) = dates::read(cursor.rest(), context.today) {
            cursor.skip(used);
            once(&mut said, day, "expiries")?;
        } else if cursor.take(&["calls", "call"]) {
            calls = true;
            right = Some(Right::Call);
        } else if cursor.take(&["puts", "put"]) {
            puts = true;
            right = Some(Right::Put);
        } else if cursor.take(&["weekly", "weeklys", "weeklies"]) {
            weekly = Some(context.calendar.weekly_expiry(context.today));
        } else if let Some(found) = cursor.instrument() {
            let Instrument::Equity { symbol } = one(found)? else {
                return Err(ask(
                    Missing::Instrument,
                    "Only shares, funds and indices have option chains here.",
                ));
            };
            once(&mut underlying, symbol, "symbols")?;
        } else if !(cursor.take(AROUND_A_CHAIN) || cursor.take_pause()) {
            return Err(cursor.not_understood());
        }
    }
    let underlying = underlying.ok_or_else(|| ask(Missing::Instrument, "The chain of which symbol?"))?;
    let said = said.map(|said| order::expiry(said, context, Some(underlying.as_str()))).transpose()?;
    if said.is_some() && weekly.is_some_and(|friday| Some(friday) != said) {
        return Err(Trouble::Refused("Two expiries were given; say one.".to_owned()));
    }
    // Both sides are the whole chain.
    let right = right.filter(|_| !(calls && puts));
    Ok(Command::Chain { underlying, expiry: said.or(weekly), right })
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
