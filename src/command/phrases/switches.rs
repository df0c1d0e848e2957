//! Switches, strategies, watchlists, and what closes everything.

use smol_str::SmolStr;

use crate::command::ParseContext;
use crate::command::cursor::{Cursor, one};
use crate::command::lex::Token;
use crate::command::order::{Parsed, Trouble, once};
use crate::command::types::{Command, FlattenScope, Missing, StrategyAction, TradingMode};
use crate::command::{guard, question_back};
use crate::domain::instrument::Instrument;

use super::ask;

/// The strategies there are, as people write them.
const STRATEGIES: [&str; 9] =
    ["wheel", "collar", "ai", "sma_cross", "sma-cross", "rebalance", "dca", "grid", "smacross"];
/// Words around a strategy's name that say nothing of how it trades.
const AROUND_A_STRATEGY: [&str; 16] = [
    "the", "my", "a", "an", "on", "for", "of", "with", "please", "strategy", "bot", "agent", "down", "off",
    "up", "trading",
];

/// Words around what is put on a watchlist or taken off it.
const AROUND_A_LIST: &[&str] =
    &["and", "me", "for", "please", "also", "too", "the", "a", "stock", "shares", "now", "on", "to"];

/// Words around a strategy whose status is asked for.
const AROUND_A_STATUS: &[&str] = &[
    "is", "are", "doing", "going", "how", "how's", "what", "what's", "whats", "status", "show", "me", "now",
    "right", "today", "so", "far", "it", "?",
];

/// Words of the longest switch.
const SWITCH_WORDS_MAX: usize = 5;

/// What is said as a whole and has nothing to fill in.
pub(super) fn switches(text: &[&str]) -> Option<Command> {
    let first = *text.first()?;
    if !begins_a_switch(first) || text.len() > SWITCH_WORDS_MAX && first != "help" {
        return None;
    }
    let said = text.join(" ");
    Some(match said.as_str() {
        said if halts(said) => Command::Halt,
        said if resumes(said) => Command::Resume,
        said if cancels_all(said) => Command::CancelAll,
        said if is_paper(said) => Command::Mode { mode: TradingMode::Paper },
        said if is_live(said) => Command::Mode { mode: TradingMode::Live },
        "help" | "?" | "help me" | "commands" | "what can i say" => Command::Help { topic: None },
        said => {
            let topic = said.strip_prefix("help ")?;
            Command::Help {
                topic: Some(
                    topic
                        .trim_start_matches([',', ':', ' '])
                        .trim_start_matches("with ")
                        .trim_start_matches("on ")
                        .to_owned(),
                ),
            }
        }
    })
}

/// First words of all switches: asked before the words are joined, as nearly every sentence comes by here.
fn begins_a_switch(word: &str) -> bool {
    matches!(
        word,
        "halt"
            | "kill"
            | "killswitch"
            | "hit"
            | "stop"
            | "emergency"
            | "panic"
            | "freeze"
            | "suspend"
            | "engage"
            | "resume"
            | "unhalt"
            | "lift"
            | "start"
            | "unfreeze"
            | "turn"
            | "cancel"
            | "cxl"
            | "pull"
            | "scratch"
            | "nix"
            | "help"
            | "?"
            | "commands"
            | "what"
            | "paper"
            | "mode"
            | "go"
            | "switch"
            | "use"
            | "back"
            | "live"
            | "trade"
    )
}

/// Stops all trading.
fn halts(said: &str) -> bool {
    matches!(
        said,
        "halt"
            | "halt trading"
            | "halt all"
            | "halt all trading"
            | "halt everything"
            | "kill switch"
            | "kill switch on"
            | "killswitch"
            | "hit the kill switch"
            | "stop everything"
            | "stop trading"
            | "stop all trading"
            | "emergency stop"
            | "panic"
            | "freeze"
            | "freeze trading"
            | "freeze all trading"
            | "freeze everything"
            | "kill"
            | "kill trading"
            | "kill all trading"
            | "suspend trading"
            | "suspend all trading"
            | "engage kill switch"
            | "engage the kill switch"
            | "turn on the kill switch"
            | "turn the kill switch on"
    )
}

/// Lifts the halt.
fn resumes(said: &str) -> bool {
    matches!(
        said,
        "resume"
            | "resume trading"
            | "resume all trading"
            | "kill switch off"
            | "unhalt"
            | "lift the kill switch"
            | "lift the halt"
            | "start trading again"
            | "unfreeze"
            | "lift halt"
            | "turn off the kill switch"
            | "turn the kill switch off"
            | "unfreeze trading"
    )
}

/// Cancels every working order.
fn cancels_all(said: &str) -> bool {
    matches!(
        said,
        "cancel all"
            | "cancel everything"
            | "cancel all orders"
            | "cancel all open orders"
            | "cancel all my orders"
            | "cancel all my open orders"
            | "cancel all working orders"
            | "kill all orders"
            | "kill all my orders"
            | "kill all open orders"
            | "cxl all"
            | "cxl all orders"
            | "pull all orders"
            | "pull all my orders"
            | "pull everything"
            | "scratch all orders"
            | "cancel every order"
            | "cancel my orders"
            | "cancel open orders"
            | "cancel orders"
            | "cancel all of my orders"
            | "cancel the lot"
            | "nix all orders"
    )
}

/// Asks for simulated money.
fn is_paper(said: &str) -> bool {
    matches!(
        said,
        "paper"
            | "paper mode"
            | "mode paper"
            | "go paper"
            | "switch to paper"
            | "switch to paper mode"
            | "switch to paper trading"
            | "switch to the paper account"
            | "paper trading"
            | "use paper"
            | "back to paper"
            | "go to paper"
    )
}

/// Asks for real money.
fn is_live(said: &str) -> bool {
    matches!(
        said,
        "live"
            | "live mode"
            | "mode live"
            | "go live"
            | "switch to live"
            | "switch to live mode"
            | "switch to live trading"
            | "live trading"
            | "trade live"
    )
}

pub(super) fn flatten(text: &[&str]) -> Option<Command> {
    let verb = matches!(
        text.first()?,
        &"flatten"
            | &"close"
            | &"liquidate"
            | &"exit"
            | &"sell"
            | &"dump"
            | &"unwind"
            | &"flat"
            | &"square"
            | &"get"
            | &"go"
    );
    // "get" and "go" close nothing by themselves.
    let only_moves =
        matches!(text[0], "get" | "go") && !text.iter().any(|w| matches!(*w, "out" | "rid" | "flat"));
    // "sell all my" is the front half of something else.
    let stops_short = matches!(text, [.., "my" | "of" | "the" | "open"] | [.., "my", "all"]);
    if !verb || only_moves || stops_short {
        return None;
    }
    let rest: Vec<&str> = text[1..]
        .iter()
        .copied()
        .filter(|w| {
            !matches!(*w, "my" | "of" | "the" | "out" | "off" | "open" | "up" | "now" | "me" | "down")
        })
        .collect();
    // "everything i own", "all i hold".
    let rest = match rest.as_slice() {
        [front @ .., "i", "own" | "have" | "hold" | "got"] if !front.is_empty() => front,
        rest => rest,
    };
    let all = |words: &[&str]| words.iter().any(|w| matches!(*w, "all" | "everything" | "every"));
    let scope = |word: &str| match word {
        "positions" | "position" | "everything" | "book" | "portfolio" | "holdings" => {
            Some(FlattenScope::All)
        }
        "stocks" | "equities" | "shares" | "stock" => Some(FlattenScope::Equities),
        "options" => Some(FlattenScope::Options),
        "crypto" | "coins" | "cryptos" => Some(FlattenScope::Crypto),
        _ => None,
    };
    let scope = match rest {
        [] if matches!(text[0], "flatten" | "flat") => FlattenScope::All,
        ["flat"] if matches!(text[0], "get" | "go") => FlattenScope::All,
        ["all" | "everything"] => FlattenScope::All,
        // An account is closed at the broker, what is in it is liquidated here.
        ["account"] | ["entire" | "whole", "account"] if matches!(text[0], "flatten" | "liquidate") => {
            FlattenScope::All
        }
        ["entire" | "whole", word] => scope(word)?,
        [word] if matches!(text[0], "flatten" | "liquidate") || *word == "positions" => scope(word)?,
        ["all" | "every", word] => scope(word)?,
        ["all", word, "positions"] => scope(word).or(match *word {
            "stock" | "equity" => Some(FlattenScope::Equities),
            "option" => Some(FlattenScope::Options),
            _ => None,
        })?,
        [word, "positions"] if !all(rest) => scope(word).or(match *word {
            "stock" | "equity" => Some(FlattenScope::Equities),
            "option" => Some(FlattenScope::Options),
            _ => None,
        })?,
        _ => return None,
    };
    Some(Command::Flatten { scope })
}

pub(super) fn strategy(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> Option<Command> {
    let action = match *text.first()? {
        "start" | "run" | "launch" | "activate" | "enable" | "begin" => StrategyAction::Start,
        "stop" | "end" | "disable" | "deactivate" | "shut" => StrategyAction::Stop,
        "turn" if text.get(1) == Some(&"on") => StrategyAction::Start,
        "turn" if text.get(1) == Some(&"off") => StrategyAction::Stop,
        "pause" | "suspend" => StrategyAction::Pause,
        "status" => StrategyAction::Status,
        "how" | "how's" if text.contains(&"doing") || text.contains(&"going") => StrategyAction::Status,
        _ if text.contains(&"status") || (text.first() == Some(&"how's") && text.len() > 1) => {
            StrategyAction::Status
        }
        _ => return None,
    };
    let at = text.iter().position(|w| STRATEGIES.contains(w))?;
    let name = match text[at] {
        "sma-cross" | "smacross" => "sma_cross",
        other => other,
    };
    // "blorp wheel status" begins with neither what is done nor a question: its first word is read like the others.
    let begins = action != StrategyAction::Status || matches!(text[0], "status" | "how" | "how's");
    let rest: Vec<Token> = tokens
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != at && !(begins && *i == 0))
        .map(|(_, t)| t.clone())
        .collect();
    let found = match strategy_symbol(&rest, action, context) {
        Ok(found) => found,
        Err(_) if action == StrategyAction::Status && guard::is_question(tokens) => return None,
        Err(trouble) => return Some(question_back(trouble, context)),
    };
    let underlying = match found {
        None => None,
        Some(Instrument::Equity { symbol }) => Some(symbol),
        Some(Instrument::Crypto { base, .. }) => Some(base),
        Some(other) => {
            let message = format!("A strategy runs on a share, a fund or a coin; {other} is none.");
            return Some(Command::Clarify { missing: vec![Missing::Instrument], message });
        }
    };
    Some(Command::Strategy { action, name: name.into(), underlying })
}

/// The symbol beside a strategy's name, at most one. A number beside it is refused: how much a strategy trades is in its own settings,
/// and a sentence that names another number must not start it with those.
fn strategy_symbol(
    tokens: &[Token],
    action: StrategyAction,
    context: &ParseContext<'_>,
) -> Parsed<Option<Instrument>> {
    let mut cursor = Cursor::new(tokens, context);
    let mut symbol = None;
    while !cursor.is_done() {
        let asks = action == StrategyAction::Status && cursor.take(AROUND_A_STATUS);
        if asks || cursor.take(&AROUND_A_STRATEGY) || cursor.take_pause() {
        } else if let Some(found) = cursor.instrument() {
            once(&mut symbol, one(found)?, "symbols")?;
        } else if cursor.value().is_some() && cursor.take(&["contract", "contracts", "shares", "lots"]) {
            return Err(ask(
                Missing::Quantity,
                "How much a strategy trades is set in its own settings; start it without a number.",
            ));
        } else {
            return Err(Trouble::Refused(
                "Here a strategy is named with its symbol; how it trades is set in its own settings."
                    .to_owned(),
            ));
        }
    }
    Ok(symbol)
}

pub(super) fn watch(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> Option<Command> {
    let watchlist = text.iter().any(|w| matches!(*w, "watchlist" | "watch-list" | "list"))
        || text.windows(2).any(|w| w == ["watch", "list"]);
    let (add, skip) = match text {
        ["watch" | "follow" | "track" | "monitor", ..] => (true, 1),
        ["unwatch" | "unfollow" | "untrack", ..] => (false, 1),
        ["stop", "watching" | "following" | "tracking", ..] => (false, 2),
        ["add", ..] if watchlist => (true, 1),
        ["remove" | "drop" | "delete" | "take", ..] if watchlist => (false, 1),
        ["put", ..] if watchlist => (true, 1),
        _ => return None,
    };
    // What only mentions a list, and adds or removes nothing, is no watch.
    if text.first() == Some(&"watch") && matches!(text.get(1), Some(&"list" | &"lists")) {
        return None;
    }
    let read = watched(&mut Cursor::new(&tokens[skip..], context)).map(|(instruments, list)| {
        if add { Command::Watch { instruments, list } } else { Command::Unwatch { instruments, list } }
    });
    Some(read.unwrap_or_else(|trouble| question_back(trouble, context)))
}

/// The instruments of a watchlist's change, at least one, and the list's name where one is said: "on my tech watchlist".
fn watched(cursor: &mut Cursor<'_>) -> Parsed<(Vec<Instrument>, Option<SmolStr>)> {
    let (mut found, mut list) = (Vec::new(), None);
    while !cursor.is_done() {
        if let Some((name, used)) = list_name(cursor)? {
            cursor.skip(used);
            if let Some(name) = name {
                once(&mut list, SmolStr::new(name), "lists")?;
            }
        } else if cursor.take(AROUND_A_LIST) || cursor.take_pause() {
        } else if let Some(instrument) = cursor.instrument() {
            let instrument = one(instrument)?;
            if !found.contains(&instrument) {
                found.push(instrument);
            }
        } else {
            return Err(cursor.not_understood());
        }
    }
    if found.is_empty() {
        return Err(ask(Missing::Instrument, "Which symbols?"));
    }
    Ok((found, list))
}

/// A list at the front, "to my tech watchlist", with its name if it has one, and how many words that takes.
fn list_name<'a>(cursor: &Cursor<'a>) -> Parsed<Option<(Option<&'a str>, usize)>> {
    let mut ahead = 0;
    if matches!(cursor.text(ahead), "to" | "on" | "from" | "in" | "onto" | "off") {
        ahead += 1;
    }
    while matches!(cursor.text(ahead), "my" | "the" | "our" | "a") {
        ahead += 1;
    }
    let is_list = |ahead: usize| match (cursor.text(ahead), cursor.text(ahead + 1)) {
        ("watch", "list") => Some(2),
        ("watchlist" | "watch-list" | "list", _) => Some(1),
        _ => None,
    };
    if let Some(used) = is_list(ahead) {
        return Ok(Some((None, ahead + used)));
    }
    if let Some(used) = is_list(ahead + 1)
        && ahead > 0
    {
        return Ok(Some((Some(cursor.text(ahead)), ahead + 1 + used)));
    }
    if ahead > 0 && is_list(ahead + 2).is_some() {
        return Err(Trouble::Refused("The name of a watchlist is one word.".to_owned()));
    }
    Ok(None)
}
