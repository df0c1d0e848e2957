//! The command language: text to `Command` and back. Local, deterministic, no network, never an order out of doubt.
//!
//! Text is cut into tokens (`lex`), questions, negations, quotations and conditions are set aside (`guard`), phrases that are no
//! order are looked for (`phrases`), and what remains must fill an order's slots without a word left over (`order`, `spread`).

mod alerts;
mod cursor;
mod dates;
mod explain;
mod guard;
mod lex;
mod order;
mod package;
mod phrases;
mod slips;
mod spread;
mod statement;
mod symbols;
pub mod types;
mod words;
mod working;

use jiff::civil::Date;

use crate::domain::calendar::Calendar;
use crate::domain::instrument::SymbolLookup;

pub use explain::{explain, order_words};
use order::Trouble;
use types::{Command, Missing};

/// What a sentence is read against.
#[derive(Clone, Copy)]
pub struct ParseContext<'a> {
    /// Today at the exchange.
    pub today: Date,
    /// Symbols and names.
    pub lookup: &'a dyn SymbolLookup,
    /// Sessions and expiries.
    pub calendar: &'a Calendar,
}

fn clarify(missing: Vec<Missing>, message: impl Into<String>) -> Command {
    Command::Clarify { missing, message: message.into() }
}

/// What a text means. Never fails: what is not understood is a `clarify` that says what is missing.
#[must_use]
pub fn parse(text: &str, context: &ParseContext<'_>) -> Command {
    let tokens = match lex::tokens(text) {
        Ok(tokens) => tokens,
        Err(lex::Refused::Empty) => {
            return clarify(Vec::new(), "Say a command, such as: buy 10 aapl at 231.50");
        }
        Err(lex::Refused::TooLong) => {
            return clarify(
                Vec::new(),
                format!("That is too long; {} characters are allowed.", lex::TEXT_MAX),
            );
        }
        Err(lex::Refused::Unsafe) => {
            return clarify(
                Vec::new(),
                "There are invisible or look-alike characters in that; type it anew in plain letters.",
            );
        }
    };
    let acts = tokens.iter().any(|t| guard::is_verb(&t.text));
    match guard::speech(&tokens) {
        None => {}
        Some(guard::Speech::Question) => return question(text, &tokens, context),
        Some(speech @ (guard::Speech::Condition | guard::Speech::Report | guard::Speech::Recurring)) => {
            // "alert me when btc hits 100k", "show filled orders": those words belong to phrases that place nothing.
            return match phrases::read(&tokens, context) {
                Some(command) if !places_something(&command) => command,
                _ => clarify(Vec::new(), speech.message()),
            };
        }
        Some(speech) => return clarify(Vec::new(), speech.message()),
    }
    if let Some(command) = phrases::read(&tokens, context) {
        return command;
    }
    if let Some(command) = elsewhere(&tokens) {
        return command;
    }
    order(&tokens, context, acts)
}

/// Would the command send or change an order.
const fn places_something(command: &Command) -> bool {
    matches!(
        command,
        Command::Place(_)
            | Command::Close(_)
            | Command::Flatten { .. }
            | Command::Replace { .. }
            | Command::Cancel { .. }
            | Command::CancelAll
            | Command::Halt
            | Command::Resume
            | Command::Strategy { .. }
            | Command::Mode { .. }
    )
}

/// A question is answered by showing something, or handed on as one; it never does anything.
fn question(text: &str, tokens: &[lex::Token], context: &ParseContext<'_>) -> Command {
    if let Some(command) = market_hours(tokens) {
        return command;
    }
    let text_at = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    // "what is a stop limit order" asks for an explanation, "what is my buying power" for a figure.
    let definition = matches!(text_at(0), "what" | "what's" | "whats")
        && (matches!(text_at(1), "a" | "an") || text_at(1) == "is" && matches!(text_at(2), "a" | "an"));
    let how_to = tokens[0].text == "how"
        && matches!(tokens.get(1).map(|t| t.text.as_str()), Some("do" | "to" | "can" | "does" | "would"))
        && tokens.iter().any(|t| {
            matches!(
                t.text.as_str(),
                "place" | "set" | "make" | "use" | "buy" | "sell" | "change" | "work" | "works"
            )
        });
    let why = how_to
        || definition
        || matches!(
            tokens[0].text.as_str(),
            "why" | "should" | "would" | "will" | "is" | "are" | "did" | "does" | "could" | "can"
        );
    let acts = tokens.iter().any(|t| guard::is_verb(&t.text))
        && !tokens.iter().any(|t| matches!(t.text.as_str(), "orders" | "positions" | "price" | "power"));
    if !why && !acts {
        let plain: Vec<lex::Token> = tokens.iter().filter(|t| t.text != "?").cloned().collect();
        match phrases::read(&plain, context).or_else(|| phrases::read(tokens, context)) {
            Some(
                command @ (Command::Show { .. }
                | Command::Quote { .. }
                | Command::Chart { .. }
                | Command::Chain { .. }
                | Command::Help { .. }),
            ) => return command,
            Some(command @ Command::Strategy { action: types::StrategyAction::Status, .. }) => {
                return command;
            }
            _ => {}
        }
    }
    Command::Explain { topic: text.split_whitespace().collect::<Vec<_>>().join(" ") }
}

fn market_hours(tokens: &[lex::Token]) -> Option<Command> {
    let has = |words: &[&str]| tokens.iter().any(|t| words.contains(&t.text.as_str()));
    (has(&["when", "is", "what", "when's"])
        && has(&["market", "markets", "nyse"])
        && has(&["open", "opens", "close", "closes", "hours", "closed"]))
    .then(|| clarify(Vec::new(), "Market hours are in the status line and under: arbion calendar"))
}

/// What has no intent here says where it is done.
fn elsewhere(tokens: &[lex::Token]) -> Option<Command> {
    let has = |words: &[&str]| tokens.iter().any(|t| words.contains(&t.text.as_str()));
    let first = tokens[0].text.as_str();
    let message = if first == "roll" || has(&["roll"]) {
        "Rolling is done in the option chain: close one leg and open the other as a package."
    } else if first == "exercise" {
        "Exercise is asked for in the positions pane; in-the-money options are exercised at expiry by themselves."
    } else if matches!(first, "swap" | "bridge" | "convert" | "exchange") {
        "Token swaps are done in the wallets pane."
    } else if matches!(first, "stake" | "unstake") {
        "Staking is done in the wallets pane."
    } else if matches!(first, "withdraw" | "deposit")
        || matches!(first, "send" | "transfer" | "wire") && has(&["to", "from", "usdc", "usd", "cash", "0x"])
    {
        "Transfers are done in the wallets pane, with the address confirmed there."
    } else if matches!(first, "reverse" | "flip") {
        "A position is turned by two orders: close it, then open the other side."
    } else if has(&["twap", "vwap", "iceberg", "adaptive", "pov"])
        && tokens.iter().any(|t| guard::is_verb(&t.text))
    {
        "Orders worked by an algorithm are not offered; say market, limit, stop or trail."
    } else if matches!(first, "dca") {
        "Recurring orders are set up as a strategy, not from the command bar."
    } else if first == "pause" && has(&["trading", "everything", "all"]) && !has(&["strategies"]) {
        "Nothing is paused by that; halt cancels what works, stops strategies and refuses new orders until resume."
    } else if matches!(first, "strategy" | "start" | "pause") {
        "Of these kinds are strategies: wheel, collar, ai, sma_cross, rebalance, dca, grid; by name in their pane."
    } else if first == "backtest" {
        "Backtests run from the command line: arbion backtest STRATEGY --data FILE"
    } else if has(&["delta"]) && has(&["buy", "sell", "write", "sto", "bto", "call", "put", "calls", "puts"])
    {
        "Contracts are picked by delta in the option chain; here give strike and expiry."
    } else if has(&["leverage"])
        || tokens.iter().any(|t| {
            t.text.ends_with('x') && t.text.len() <= 4 && t.text.trim_end_matches('x').parse::<u32>().is_ok()
        }) && has(&["perp", "perps", "eth-perp", "btc-perp", "leverage"])
    {
        "Leverage is set for the account in the connections pane, not with an order."
    } else {
        return None;
    };
    Some(clarify(Vec::new(), message))
}

/// The sentence as an order. Where a word of the language may be the symbol itself ("buy 3 c"), it is tried as one.
fn order(tokens: &[lex::Token], context: &ParseContext<'_>, acts: bool) -> Command {
    let first = package::read(tokens, context).unwrap_or_else(|| attempt(tokens, context, None));
    let lacks_symbol = match &first {
        Err(Trouble::Missing(missing, _)) => missing.contains(&Missing::Instrument),
        Err(Trouble::Unknown(_) | Trouble::Refused(_)) => true,
        Ok(_) => false,
    };
    if lacks_symbol && let Some(command) = word_as_symbol(tokens, context) {
        return command;
    }
    match first {
        Ok(command) => command,
        Err(Trouble::Missing(missing, message)) if !acts && missing == [Missing::Side] => {
            let missing = if is_order_like(tokens) { missing } else { Vec::new() };
            let nothing = || match missing.as_slice() {
                [] => "That is not understood; try: buy 10 aapl at 231.50, or help".to_owned(),
                _ => message,
            };
            let message = slips::question(tokens, context).unwrap_or_else(nothing);
            clarify(missing, message)
        }
        Err(Trouble::Missing(missing, message)) => clarify(missing, message),
        Err(Trouble::Unknown(word)) if is_mistyped_name(&word, tokens, context) => {
            let near = did_you_mean(&word, context);
            let near = near.map_or("; say its ticker, such as AAPL.".to_owned(), |near| format!(".{near}"));
            clarify(
                vec![Missing::Instrument],
                format!("'{word}' is no symbol or company that is listed here{near}"),
            )
        }
        Err(trouble) => question_back(trouble, context),
    }
}

/// " Did you mean MSFT (Microsoft)?", if anything listed is near.
fn did_you_mean(word: &str, context: &ParseContext<'_>) -> Option<String> {
    let near = context.lookup.nearest(word)?.to_string();
    let name = context.lookup.listing(&near).map(|listing| format!(" ({})", listing.name));
    Some(format!(" Did you mean {near}{}?", name.unwrap_or_default()))
}

/// Letters of a word that is longer than any ticker, and of a word that no company is called by.
const NAME_LETTERS: std::ops::RangeInclusive<usize> = 7..=20;

/// Is a word that nobody knows in the place of a name: long, of letters alone, and nothing else in the sentence is an instrument.
fn is_mistyped_name(word: &str, tokens: &[lex::Token], context: &ParseContext<'_>) -> bool {
    let name = NAME_LETTERS.contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphabetic());
    name && !tokens.iter().enumerate().any(|(at, token)| {
        !words::is_keyword(&token.text)
            && !words::is_everyday(&token.text)
            && symbols::read(&tokens[at..], context).is_some()
    })
}

/// The order in which one of the language's own words is the symbol. Everyday words are asked about, unless shouted or marked by a
/// dollar sign.
fn word_as_symbol(tokens: &[lex::Token], context: &ParseContext<'_>) -> Option<Command> {
    let mut question = None;
    for (at, token) in tokens.iter().enumerate().skip(1) {
        let word = token.kind == lex::Kind::Word || matches!(token.kind, lex::Kind::Strike(..));
        let everyday = words::is_everyday(&token.text) && !token.is_shouted();
        // "of it", "my own": what follows these words stands for something said before.
        let before = tokens[at - 1].text.as_str();
        let pronoun = matches!(token.text.as_str(), "it" | "that" | "this") && guard::is_verb(before);
        let refers = everyday && (pronoun || matches!(before, "of" | "my" | "the"));
        // A coin of dollars is USDC, not the share of who trades it.
        let stablecoin = token.text == "coin" && before == "usd";
        // "10 lmt 231.50" may lack its symbol, and "3.40 db" is a debit.
        let of_price = matches!(token.text.as_str(), "db" | "dr" | "cr" | "usd");
        if of_price && matches!(tokens[at - 1].kind, lex::Kind::Number(_) | lex::Kind::Money(_)) && at > 1 {
            continue;
        }
        if !word || refers || stablecoin || !(everyday || words::is_keyword(&token.text)) {
            continue;
        }
        let Some(instrument) = symbols::ticker(token.raw, context) else { continue };
        let Ok(command) = attempt(tokens, context, Some(at)) else { continue };
        if !everyday && (token.text != "lmt" || token.raw.starts_with('$')) {
            return Some(command);
        }
        if question.is_some() {
            continue;
        }
        let name =
            context.lookup.listing(&instrument.to_string()).map(|listing| format!(" ({})", listing.name));
        let name = name.unwrap_or_default();
        // One letter in capitals is as often the beginning of a sentence as a ticker.
        let capitals = if token.text.len() > 1 { format!("{instrument} or ") } else { String::new() };
        question = Some(clarify(
            vec![Missing::Instrument],
            format!("Did you mean {instrument}{name}? Then write {capitals}${instrument}."),
        ));
    }
    question
}

/// What stops a sentence, as a question back.
fn question_back(trouble: Trouble, context: &ParseContext<'_>) -> Command {
    match trouble {
        Trouble::Missing(missing, message) => clarify(missing, message),
        Trouble::Refused(message) => clarify(Vec::new(), message),
        Trouble::Unknown(word) => unknown(&word, context),
    }
}

/// Has it anything of an order: a price, an amount, an instrument.
fn is_order_like(tokens: &[lex::Token]) -> bool {
    tokens.iter().any(|t| {
        matches!(
            t.kind,
            lex::Kind::Number(_)
                | lex::Kind::Money(_)
                | lex::Kind::Strike(..)
                | lex::Kind::Occ(_)
                | lex::Kind::At
        )
    })
}

/// Characters of a word that a message shows at most.
const WORD_SHOWN_MAX: usize = 40;

/// A word nobody knows: perhaps a symbol that is not listed.
fn unknown(word: &str, context: &ParseContext<'_>) -> Command {
    // What was pasted may be of any length.
    if word.chars().count() > WORD_SHOWN_MAX {
        let front: String = word.chars().take(WORD_SHOWN_MAX).collect();
        return clarify(Vec::new(), format!("'{front}...' is not understood here."));
    }
    let plain = word.trim_start_matches('$');
    let like_symbol = plain.len() <= 6
        && plain.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
        && plain.starts_with(|c: char| c.is_ascii_alphabetic());
    if like_symbol {
        // A word of the language is none that was mistyped.
        let lower = plain.to_ascii_lowercase();
        if words::is_keyword(&lower) {
            return clarify(Vec::new(), format!("'{word}' does not fit there."));
        }
        let listed = || context.lookup.nearest(plain).map(|instrument| instrument.to_string());
        // A word of the language is mistyped as often as a symbol.
        let near = [slips::near(&lower).map(str::to_owned), listed()];
        let near: Vec<String> = near.into_iter().flatten().filter(|_| !words::is_everyday(&lower)).collect();
        let near = match near.is_empty() {
            true => String::new(),
            false => format!(" Did you mean {}?", near.join(" or ")),
        };
        return clarify(
            vec![Missing::Instrument],
            format!("'{word}' is neither a known symbol nor a known word.{near}"),
        );
    }
    if word.starts_with(['£', '€']) || word.ends_with(['£', '€']) {
        return clarify(Vec::new(), format!("Amounts and prices are in dollars here; '{word}' is not."));
    }
    if let Some(form) = slips::form(word) {
        return clarify(Vec::new(), form);
    }
    if let Some(near) = slips::near(&word.to_ascii_lowercase()) {
        return clarify(Vec::new(), format!("'{word}' is not understood here. Did you mean {near}?"));
    }
    let name = NAME_LETTERS.contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphabetic());
    let near = name.then(|| did_you_mean(word, context)).flatten().unwrap_or_default();
    clarify(Vec::new(), format!("'{word}' is not understood here.{near}"))
}

fn attempt(
    tokens: &[lex::Token],
    context: &ParseContext<'_>,
    forced: Option<usize>,
) -> Result<Command, Trouble> {
    let mut reader = order::Reader::new(tokens, context, forced);
    reader.read()?;
    order::command(reader.slots, context)
}
