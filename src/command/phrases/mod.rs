//! Phrases that are no order. Switches, watchlists and strategies are in `switches`, what shows the account in `show`, what shows the
//! market in `market`. Cancels and replaces are in `working`, alerts in `alerts`.

mod market;
mod show;
mod switches;

use super::ParseContext;
use super::lex::Token;
use super::order::Trouble;
use super::types::{Command, Missing};
use super::{alerts, working};

use market::{chain, chart, quote};
use show::show;
use switches::{flatten, strategy, switches, watch};

/// The command of a sentence, if it is one of these.
pub(super) fn read(tokens: &[Token], context: &ParseContext<'_>) -> Option<Command> {
    let tokens = polite(tokens);
    let text: Vec<&str> = tokens.iter().map(|t| t.text.as_str()).collect();
    switches(&text)
        .or_else(|| flatten(&text))
        .or_else(|| watch(tokens, &text, context))
        .or_else(|| working::cancel(tokens, context))
        .or_else(|| working::replace(tokens, context))
        .or_else(|| strategy(tokens, &text, context))
        .or_else(|| alerts::read(tokens, context))
        .or_else(|| chart(tokens, &text, context))
        .or_else(|| chain(tokens, &text, context))
        .or_else(|| show(tokens, &text, context))
        .or_else(|| quote(tokens, &text, context))
}

/// Drops what is said out of politeness, at both ends.
fn polite<'a>(mut tokens: &'a [Token<'a>]) -> &'a [Token<'a>] {
    while let [first, rest @ ..] = tokens
        && (matches!(
            first.text.as_str(),
            "please"
                | "pls"
                | "hey"
                | "ok"
                | "okay"
                | "now"
                | "can"
                | "could"
                | "you"
                | "i"
                | "want"
                | "to"
                | "just"
                | "kindly"
                | ","
                | "arbion"
                | "let's"
                | "lets"
                | "go"
                | "ahead"
                | "and"
                | "i'd"
                | "like"
                | "would"
                | "need"
                | "wanna"
        ) || first.text == "have" && rest.first().is_some_and(|next| next.text == "to"))
        && !rest.is_empty()
        && !(first.text == "go" && rest[0].text != "ahead" && rest[0].text != "to")
    {
        tokens = rest;
    }
    while let [front @ .., last] = tokens
        && matches!(last.text.as_str(), "please" | "pls" | "thanks" | "now" | "!" | "." | "," | "immediately")
        && !front.is_empty()
    {
        tokens = front;
    }
    tokens
}

fn ask(missing: Missing, message: &str) -> Trouble {
    Trouble::Missing(vec![missing], message.to_owned())
}
