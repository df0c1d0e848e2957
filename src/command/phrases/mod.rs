//! Phrases that are no order. Switches, watchlists and strategies are in `switches`, what shows the account in `show`, what shows the
//! market in `market`. Cancels and replaces are in `working`, alerts in `alerts`.

mod market;
mod show;
mod switches;

use crate::domain::instrument::Instrument;

use super::ParseContext;
use super::lex::Token;
use super::symbols::{self, Found};
use super::types::{Command, Missing};
use super::{alerts, words, working};

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
        && matches!(
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
        )
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

fn clarify(missing: Vec<Missing>, message: &str) -> Command {
    Command::Clarify { missing, message: message.to_owned() }
}

/// Instruments named in some tokens, in order; words of the language and fillers are passed over.
fn instruments(tokens: &[Token], context: &ParseContext<'_>) -> Vec<Instrument> {
    let mut list = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let plain = words::is_keyword(&tokens[at].text) && !tokens[at].raw.starts_with('$');
        let loud = tokens[at].is_shouted();
        match (!plain || loud).then(|| symbols::read(&tokens[at..], context)).flatten() {
            Some((Found::One(instrument), used)) => {
                if !list.contains(&instrument) {
                    list.push(instrument);
                }
                at += used;
            }
            _ => at += 1,
        }
    }
    list
}
