//! What must never become an order: questions, negations, quotations, conditions, reports, two commands in one line.

use super::lex::{Kind, Token};
use super::{statement, words};

/// What kind of sentence it is, where it is none to act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    Question,
    Negation,
    Quotation,
    Condition,
    Recurring,
    Report,
    Two,
    Instruction,
}

impl Speech {
    /// One line for the user.
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Question => "That is a question; nothing was done.",
            Self::Negation => "Nothing was done.",
            Self::Quotation => "That quotes somebody; say the order itself to place it.",
            Self::Condition => {
                "Conditional orders are not placed from the command bar; use a stop or limit price, or set an alert."
            }
            Self::Recurring => "Recurring orders are set up as a strategy, not from the command bar.",
            Self::Report => "That reads as a report of what happened; to trade, say buy or sell.",
            Self::Two => "One command at a time, please.",
            Self::Instruction => "That is no command.",
        }
    }
}

/// Verbs that act.
pub(super) fn is_verb(word: &str) -> bool {
    matches!(
        word,
        "buy"
            | "sell"
            | "short"
            | "cover"
            | "close"
            | "cancel"
            | "bto"
            | "sto"
            | "stc"
            | "dump"
            | "liquidate"
            | "flatten"
            | "exit"
            | "purchase"
            | "grab"
            | "trim"
            | "halt"
            | "replace"
            | "move"
            | "unload"
            | "kill"
    )
}

/// Words that take back what stands beside them.
const NEGATIONS: [&str; 18] = [
    "avoid",
    "can't",
    "cannot",
    "didn't",
    "doesn't",
    "don't",
    "dont",
    "except",
    "isn't",
    "never",
    "nevermind",
    "nope",
    "not",
    "shouldn't",
    "unless",
    "without",
    "won't",
    "wouldn't",
];

/// Words of what somebody else says.
const HEARSAY: [&str; 16] = [
    "analyst",
    "analysts",
    "article",
    "heard",
    "newsletter",
    "read",
    "recommended",
    "recommends",
    "said",
    "saying",
    "says",
    "suggests",
    "tells",
    "told",
    "tweet",
    "tweeted",
];

/// Words to a model, not to a broker.
const INSTRUCTIONS: [&str; 9] =
    ["assistant", "bypass", "ignore", "instructions", "jailbreak", "override", "pretend", "prompt", "system"];

/// Words that make an order wait for something.
const CONDITIONS: [&str; 7] = ["assuming", "contingent", "if", "once", "provided", "should", "whenever"];

/// Words of what has been, may be, or is only thought of.
const REPORTS: [&str; 40] = [
    "ago",
    "been",
    "bought",
    "closed",
    "considered",
    "considering",
    "covered",
    "did",
    "filled",
    "got",
    "had",
    "has",
    "hope",
    "hoping",
    "hypothetically",
    "imagine",
    "imagining",
    "later",
    "maybe",
    "might",
    "perhaps",
    "plan",
    "planning",
    "probably",
    "shorted",
    "sold",
    "somebody",
    "someday",
    "someone",
    "suppose",
    "supposing",
    "thinking",
    "tonight",
    "was",
    "were",
    "will",
    "wish",
    "wonder",
    "wondering",
    "yesterday",
];

/// Looks a sentence over. `None` where it may be acted on.
pub(super) fn speech(tokens: &[Token]) -> Option<Speech> {
    let text = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    let any = |list: &[&str]| tokens.iter().any(|t| list.contains(&t.text.as_str()));
    let quotes =
        |t: &Token| matches!(t.kind, Kind::Mark('"' | '“' | '”' | '„' | '«' | '»' | '\'' | '‘' | '’'));
    if tokens.iter().any(quotes) {
        return Some(Speech::Quotation);
    }
    if any(&NEGATIONS) && !is_price_bound(tokens)
        || text(0) == "no" && !matches!(text(1), "more" | "less" | "higher" | "lower")
        || text(0) == "stop" && matches!(text(1), "buying" | "selling")
    {
        return Some(Speech::Negation);
    }
    if is_question(tokens) || matches!(text(0), "explain" | "describe") {
        return Some(Speech::Question);
    }
    if any(&HEARSAY) {
        return Some(Speech::Quotation);
    }
    if any(&INSTRUCTIONS) {
        return Some(Speech::Instruction);
    }
    if any(&CONDITIONS) || any(&["when", "after", "before"]) && !is_hours(tokens) {
        return Some(Speech::Condition);
    }
    if is_recurring(tokens) {
        return Some(Speech::Recurring);
    }
    // "show filled orders", "nvda calls i had": those words describe what is shown.
    // "will you please sell 10 aapl" asks.
    let reports = tokens.iter().enumerate().any(|(at, t)| {
        REPORTS.contains(&t.text.as_str()) && !(at == 0 && t.text == "will" && text(1) == "you")
    });
    if reports && !any(&["call", "calls", "show", "history"])
        || matches!(text(0), "bought" | "sold")
        || is_thought(tokens)
    {
        return Some(Speech::Report);
    }
    if two_commands(tokens) {
        return Some(Speech::Two);
    }
    statement::tells(tokens).then_some(Speech::Report)
}

/// "i could buy 10 aapl", "i'd sell tsla at 400": what could or would be done is only thought of. "i would like to" asks.
fn is_thought(tokens: &[Token]) -> bool {
    let wishes = |at: usize| {
        let word = tokens.get(at).map_or("", |t| t.text.as_str());
        matches!(word, "like" | "love" | "want" | "kindly" | "please")
    };
    tokens.windows(2).enumerate().any(|(at, w)| match (w[0].text.as_str(), w[1].text.as_str()) {
        (
            "i" | "we" | "you" | "it" | "that" | "this" | "one" | "they" | "he" | "she",
            "can" | "could" | "would",
        ) => !wishes(at + 2),
        ("i'd" | "we'd" | "you'd", _) => !wishes(at + 1),
        _ => false,
    })
}

/// "every monday", "each month", "daily". Of an option "weekly" and "monthly" are its expiry.
fn is_recurring(tokens: &[Token]) -> bool {
    let any = |list: &[&str]| tokens.iter().any(|t| list.contains(&t.text.as_str()));
    let every = tokens.windows(2).any(|w| {
        matches!(w[0].text.as_str(), "every" | "each" | "per")
            && (super::dates::weekday(&w[1].text).is_some()
                || matches!(w[1].kind, Kind::Number(_))
                || matches!(
                    w[1].text.as_str(),
                    "day"
                        | "weekday"
                        | "week"
                        | "month"
                        | "quarter"
                        | "year"
                        | "hour"
                        | "minute"
                        | "morning"
                        | "evening"
                        | "night"
                        | "payday"
                        | "other"
                        | "time"
                        | "single"
                        | "two"
                        | "saturday"
                        | "sunday"
                ))
    });
    let option = tokens.iter().any(|t| matches!(t.kind, Kind::Strike(..) | Kind::Strikes(_)))
        || any(&[
            "call", "calls", "put", "puts", "straddle", "strangle", "condor", "spread", "chain", "options",
        ]);
    let chart = any(&["chart", "charts", "graph", "candles", "plot"]);
    every
        || any(&[
            "dca",
            "biweekly",
            "fortnightly",
            "mondays",
            "tuesdays",
            "wednesdays",
            "thursdays",
            "fridays",
        ])
        || any(&["daily", "weekly", "monthly", "hourly"])
            && !option
            && !chart
            && any(&["buy", "sell", "invest", "put"])
}

/// "not more than 185", "not above 185": a bound of a price, not a refusal.
fn is_price_bound(tokens: &[Token]) -> bool {
    let value = |t: &Token| matches!(t.kind, Kind::Number(_) | Kind::Money(_));
    tokens.windows(3).any(|w| {
        w[0].text == "not"
            && (matches!(w[1].text.as_str(), "more" | "less") && w[2].text == "than"
                || matches!(w[1].text.as_str(), "above" | "over" | "below" | "under") && value(&w[2]))
    }) && tokens.iter().filter(|t| matches!(t.text.as_str(), "don't" | "dont" | "not" | "never")).count() == 1
}

/// "after hours", "when the market closes" is a condition, "after the close" too.
fn is_hours(tokens: &[Token]) -> bool {
    tokens.windows(2).all(|w| {
        !matches!(w[0].text.as_str(), "when" | "before") && (w[0].text != "after" || w[1].text == "hours")
    }) && tokens.last().is_none_or(|t| !matches!(t.text.as_str(), "when" | "before" | "after"))
}

pub(super) fn is_question(tokens: &[Token]) -> bool {
    if tokens.iter().any(|t| t.kind == Kind::Mark('?') || t.text == "?") {
        return true;
    }
    // "buy 10 aapl, right" asks to be confirmed.
    if let [_, .., before, last] = tokens
        && last.text == "right"
        && before.text != "all"
    {
        return true;
    }
    let text = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    match text(0) {
        "tell" => text(1) == "me" && matches!(text(2), "why" | "how" | "what" | "which" | "about"),
        "should" | "what" | "what's" | "whats" | "why" | "how" | "how's" | "hows" | "when" | "when's"
        | "where" | "where's" | "wheres" | "who" | "which" | "is" | "are" | "am" | "was" | "does" | "did"
        | "would" | "will" | "do" | "has" | "have" | "shall" | "may" => {
            !(text(0) == "do" && is_verb(text(1))
                || matches!(text(0), "would" | "will")
                    && text(1) == "you"
                    && matches!(text(2), "please" | "kindly" | "pls")
                || text(0) == "have" && !matches!(text(1), "i" | "you" | "we"))
        }
        // "can you buy 10 aapl" asks politely, "can you explain why" asks.
        "can" | "could" => {
            matches!(text(1), "i" | "we" | "someone")
                || text(1) == "you" && matches!(text(2), "explain" | "tell" | "describe" | "say")
        }
        _ => false,
    }
}

/// Two commands joined by "and", "then", a semicolon, or a comma before a verb.
fn two_commands(tokens: &[Token]) -> bool {
    let joined = tokens.iter().enumerate().any(|(i, token)| {
        let next = tokens.get(i + 1).map_or("", |t| t.text.as_str());
        let after = tokens.get(i + 2).map_or("", |t| t.text.as_str());
        match (&token.kind, token.text.as_str()) {
            (Kind::Mark(';' | '|'), _) => i + 1 < tokens.len(),
            (Kind::Mark('&'), _) | (_, "and" | "then" | "plus" | "also" | "&&") => {
                let polite = [
                    "go", "ahead", "please", "just", "hey", "ok", "okay", "now", "i", "want", "to", "can",
                    "you", "could", "would", "like", "try", "come", "on",
                ];
                let front = tokens[..i].iter().any(|t| !polite.contains(&t.text.as_str()));
                let verb = is_verb(next)
                    || is_verb(after) && matches!(next, "then" | "also" | "please")
                    || matches!(next, "show" | "chart" | "quote" | "watch" | "alert" | "set")
                    || token.text == "then" && matches!(next, "trail" | "put" | "stop" | "protect");
                // "buy 10 meta and 5 amzn": a number and a name after the joint.
                let number =
                    matches!(tokens.get(i + 1).map(|t| &t.kind), Some(Kind::Number(_) | Kind::Money(_)))
                        && matches!(tokens.get(i + 2).map(|t| &t.kind), Some(Kind::Word))
                        && !matches!(
                            after,
                            "limit"
                                | "lmt"
                                | "gtc"
                                | "day"
                                | "stop"
                                | "percent"
                                | "cents"
                                | "or"
                                | "debit"
                                | "credit"
                                | "shares"
                                | "dollars"
                                | "sl"
                                | "tp"
                        );
                front && (verb || number)
            }
            (Kind::Mark(','), _) => i > 0 && is_verb(next) && tokens[..i].iter().any(|t| is_verb(&t.text)),
            _ => false,
        }
    });
    if joined {
        return true;
    }
    // Two acting verbs beside each other's objects: "buy 10 aapl sell 5 msft".
    let acts: Vec<usize> = tokens
        .iter()
        .enumerate()
        .filter(|(i, t)| {
            // Best Buy is a company.
            let name = t.text == "buy" && *i > 0 && tokens[*i - 1].text == "best";
            !name
                && matches!(
                    t.text.as_str(),
                    "buy"
                        | "sell"
                        | "cancel"
                        | "bto"
                        | "sto"
                        | "stc"
                        | "sld"
                        | "dump"
                        | "liquidate"
                        | "flatten"
                )
        })
        .map(|(i, _)| i)
        .collect();
    // "sell to open", "limit order to buy" have one act; "collar ... buy 180p sell 210c" lists legs.
    // "cancel my aapl buy orders" names a side, it does not buy.
    let or_cancel = tokens.windows(2).any(|w| w[0].text == "or" && w[1].text == "cancel");
    let cancels = or_cancel || tokens.iter().take(3).any(|t| words::cancels_orders(&t.text));
    acts.windows(2).any(|w| w[1] > w[0] + 1) && !cancels
}
