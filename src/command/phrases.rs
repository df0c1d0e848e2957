//! Phrases that are no order: switches, shows, quotes, charts, chains, watchlists, strategies. Cancels and replaces are in `working`,
//! alerts in `alerts`.

use jiff::ToSpan;
use jiff::civil::Date;

use crate::domain::instrument::Instrument;
use crate::domain::option::Right;
use crate::domain::quote::Interval;

use super::ParseContext;
use super::dates::{self, Said};
use super::guard;
use super::lex::{Kind, Token};
use super::symbols::{self, Found};
use super::types::{Command, FlattenScope, Missing, ShowTopic, StrategyAction, TradingMode};
use super::{alerts, words, working};

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
fn polite(mut tokens: &[Token]) -> &[Token] {
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
        let loud = tokens[at].raw.len() > 1 && tokens[at].raw.chars().all(|c| c.is_ascii_uppercase());
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

/// Words of the longest switch.
const SWITCH_WORDS_MAX: usize = 5;

fn switches(text: &[&str]) -> Option<Command> {
    if text.len() > SWITCH_WORDS_MAX && text[0] != "help" {
        return None;
    }
    let joined = text.join(" ");
    Some(match joined.as_str() {
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
        | "kill"
        | "engage kill switch"
        | "engage the kill switch" => Command::Halt,
        "resume"
        | "resume trading"
        | "kill switch off"
        | "unhalt"
        | "lift the kill switch"
        | "lift the halt"
        | "start trading again"
        | "unfreeze"
        | "lift halt"
        | "turn off the kill switch" => Command::Resume,
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
        | "nix all orders" => Command::CancelAll,
        "help" | "?" | "help me" | "commands" | "what can i say" => Command::Help { topic: None },
        "paper"
        | "paper mode"
        | "mode paper"
        | "go paper"
        | "switch to paper"
        | "switch to paper mode"
        | "switch to paper trading"
        | "paper trading"
        | "use paper"
        | "back to paper"
        | "go to paper" => Command::Mode { mode: TradingMode::Paper },
        "live"
        | "live mode"
        | "mode live"
        | "go live"
        | "switch to live"
        | "switch to live mode"
        | "switch to live trading"
        | "live trading"
        | "trade live" => Command::Mode { mode: TradingMode::Live },
        _ => {
            let topic = joined
                .strip_prefix("help ")
                .map(|rest| rest.trim_start_matches("with ").trim_start_matches("on ").to_owned());
            return topic.map(|topic| Command::Help { topic: Some(topic) });
        }
    })
}

fn flatten(text: &[&str]) -> Option<Command> {
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
    );
    if !verb {
        return None;
    }
    let rest: Vec<&str> = text[1..]
        .iter()
        .copied()
        .filter(|w| {
            !matches!(*w, "my" | "of" | "the" | "out" | "off" | "open" | "up" | "now" | "me" | "down")
        })
        .collect();
    let all = |words: &[&str]| words.iter().any(|w| matches!(*w, "all" | "everything" | "every"));
    let scope = |word: &str| match word {
        "positions" | "position" | "everything" | "book" | "portfolio" => Some(FlattenScope::All),
        "stocks" | "equities" | "shares" | "stock" => Some(FlattenScope::Equities),
        "options" => Some(FlattenScope::Options),
        "crypto" | "coins" | "cryptos" => Some(FlattenScope::Crypto),
        _ => None,
    };
    let scope = match rest.as_slice() {
        [] if matches!(text[0], "flatten" | "flat") => FlattenScope::All,
        ["all" | "everything"] => FlattenScope::All,
        [word] if matches!(text[0], "flatten" | "liquidate") || *word == "positions" => scope(word)?,
        ["all" | "every", word] => scope(word)?,
        ["all", word, "positions"] => scope(word).or(match *word {
            "stock" | "equity" => Some(FlattenScope::Equities),
            "option" => Some(FlattenScope::Options),
            _ => None,
        })?,
        [word, "positions"] if !all(&rest) => scope(word).or(match *word {
            "stock" | "equity" => Some(FlattenScope::Equities),
            "option" => Some(FlattenScope::Options),
            _ => None,
        })?,
        _ => return None,
    };
    Some(Command::Flatten { scope })
}

fn strategy(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> Option<Command> {
    let action = match *text.first()? {
        "start" | "run" | "launch" | "activate" | "enable" | "begin" => StrategyAction::Start,
        "stop" | "end" | "disable" | "deactivate" | "shut" => StrategyAction::Stop,
        "pause" | "suspend" => StrategyAction::Pause,
        "status" => StrategyAction::Status,
        "how" | "how's" if text.contains(&"doing") || text.contains(&"going") => StrategyAction::Status,
        _ if text.contains(&"status") || (text.first() == Some(&"how's") && text.len() > 1) => {
            StrategyAction::Status
        }
        _ => return None,
    };
    let names = ["wheel", "collar", "ai", "sma_cross", "sma-cross", "rebalance", "dca", "grid", "smacross"];
    let at = text.iter().position(|w| names.contains(w))?;
    let name = match text[at] {
        "sma-cross" | "smacross" => "sma_cross",
        other => other,
    };
    let rest: Vec<Token> =
        tokens.iter().enumerate().filter(|(i, _)| *i != at && *i != 0).map(|(_, t)| t.clone()).collect();
    let underlying = instruments(&rest, context).into_iter().find_map(|i| match i {
        Instrument::Equity { symbol } => Some(symbol),
        Instrument::Crypto { base, .. } => Some(base),
        _ => None,
    });
    Some(Command::Strategy { action, name: name.into(), underlying })
}

fn watch(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> Option<Command> {
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
    // "on my tech watchlist", "to the tech list": the word before "watchlist" is its name.
    let at =
        text.iter().position(|w| matches!(*w, "watchlist" | "watch-list" | "list")).filter(|at| *at > skip);
    let mut end = tokens.len();
    let mut list = None;
    if let Some(at) = at {
        let joint =
            text[..at].iter().rposition(|w| matches!(*w, "to" | "on" | "from" | "in" | "onto" | "off"));
        if let Some(joint) = joint {
            let name: Vec<&str> = text[joint + 1..at]
                .iter()
                .copied()
                .filter(|w| !matches!(*w, "my" | "the" | "watch" | "a" | "our"))
                .collect();
            if let [name] = name.as_slice() {
                list = Some((*name).into());
            }
            end = joint;
        }
    }
    let found = instruments(&tokens[skip..end.max(skip)], context);
    if found.is_empty() {
        return if watchlist && text.first() == Some(&"watch") {
            None
        } else {
            Some(clarify(vec![Missing::Instrument], "Which symbols?"))
        };
    }
    Some(if add {
        Command::Watch { instruments: found, list }
    } else {
        Command::Unwatch { instruments: found, list }
    })
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

fn chart(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> Option<Command> {
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

fn chain(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> Option<Command> {
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
        Some((said, ..)) => match super::order::expiry(said, context, Some(underlying.as_str())) {
            Ok(day) => Some(day),
            Err(super::order::Trouble::Missing(missing, text)) => return Some(clarify(missing, &text)),
            Err(_) => None,
        },
        None => None,
    };
    Some(Command::Chain { underlying, expiry, right })
}

/// Since when: today, this week, ytd, since monday, since nov 1, yesterday.
fn since(tokens: &[Token], text: &[&str], today: Date) -> Option<Date> {
    let has = |word: &str| text.contains(&word);
    let two = |a: &str, b: &str| text.windows(2).any(|w| w == [a, b]);
    let back = |days: i64| crate::domain::calendar::plus_days(today, -days);
    if has("ytd") || two("this", "year") || two("year", "to") {
        return Date::new(today.year(), 1, 1).ok();
    }
    if two("this", "month") || has("mtd") {
        return Date::new(today.year(), today.month(), 1).ok();
    }
    if two("last", "month") {
        return Date::new(today.year(), today.month(), 1).ok()?.checked_sub(1.month()).ok();
    }
    if two("this", "week") || has("wtd") {
        return Some(back(i64::from(jiff::civil::Weekday::Monday.until(today.weekday()))));
    }
    if two("last", "week") {
        return Some(back(i64::from(jiff::civil::Weekday::Monday.until(today.weekday())) + 7));
    }
    if has("yesterday") || has("yesterday's") {
        return Some(back(1));
    }
    if let Some(at) = text.iter().position(|w| matches!(*w, "since" | "from"))
        && let Some((said, _)) = dates::read(&tokens[at + 1..], today)
    {
        return match said {
            // A weekday, or a day without a year, was the last one that has been.
            Said::Day(day)
                if day > today && dates::weekday(text.get(at + 1).copied().unwrap_or("")).is_some() =>
            {
                Some(crate::domain::calendar::plus_days(day, -7))
            }
            Said::Day(day) if day > today => day.checked_sub(1.year()).ok(),
            Said::Day(day) => Some(day),
            Said::Month(year, month) => {
                let first = Date::new(year, month, 1).ok()?;
                if first > today { first.checked_sub(1.year()).ok() } else { Some(first) }
            }
            Said::Dte(_) => None,
        };
    }
    (has("today") || has("today's")).then_some(today)
}

fn topic(text: &[&str]) -> Option<ShowTopic> {
    use ShowTopic as T;
    let has = |list: &[&str]| text.iter().any(|w| list.contains(w));
    let two = |a: &str, b: &str| text.windows(2).any(|w| w == [a, b]);
    Some(if two("buying", "power") || has(&["bp"]) {
        T::BuyingPower
    } else if has(&["pnl", "p&l", "pl", "p/l", "profit", "profits", "gains", "losses", "performance"])
        || two("profit", "and")
        || two("p", "&")
        || (has(&["make", "made", "lose", "lost", "earned", "gain"]) && has(&["how", "did", "much", "what"]))
        || (has(&["up", "down", "doing"]) && has(&["am", "i", "we"]) && has(&["how", "am", "are"]))
    {
        T::Pnl
    } else if has(&["history"])
        || (has(&["filled", "past", "old", "previous", "closed"]) && has(&["orders", "order", "trades"]))
    {
        T::History
    } else if has(&["orders", "order", "working"]) {
        T::Orders
    } else if has(&["fills", "executions", "trades", "fill", "trade"]) {
        T::Fills
    } else if has(&["watchlist", "watchlists", "watch-list"]) || two("watch", "list") {
        T::Watchlist
    } else if has(&["balances", "balance", "cash", "equity", "money", "account", "funds", "nav", "margin"])
        || two("net", "liq")
        || two("net", "liquidation")
        || two("net", "worth")
    {
        T::Balances
    } else if has(&["strategies", "strategy"]) {
        T::Strategies
    } else if has(&["agents", "agent"]) {
        T::Agents
    } else if has(&["bots", "bot"]) {
        T::Bots
    } else if has(&["wallets", "wallet"]) {
        T::Wallets
    } else if has(&["connections", "connection", "brokers"]) {
        T::Connections
    } else if has(&["audit"]) {
        T::Audit
    } else if has(&["risk", "exposure", "limits"]) || two("max", "loss") {
        T::Risk
    } else if has(&["log", "logs", "activity"]) {
        T::Log
    } else if has(&["positions", "position", "holdings", "portfolio", "holding", "own", "pos"]) {
        T::Positions
    } else {
        return None;
    })
}

fn show(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> Option<Command> {
    let asks = matches!(
        *text.first()?,
        "show"
            | "list"
            | "display"
            | "what"
            | "what's"
            | "whats"
            | "how"
            | "view"
            | "see"
            | "get"
            | "open"
            | "my"
            | "print"
            | "give"
            | "which"
            | "do"
            | "where"
            | "where's"
            | "any"
            | "am"
            | "go"
            | "check"
            | "pull"
            | "goto"
            | "did"
            | "how's"
    );
    let what = topic(text)?;
    // "history since nov 1": the day is read, and counts as no word.
    let since_at = text.iter().position(|w| matches!(*w, "since" | "from"));
    let dated = since_at.filter(|at| dates::read(&tokens[at + 1..], context.today).is_some());
    let text_said = &text[..dated.unwrap_or(text.len())];
    let short = text_said.len() <= 4
        && !guard::is_verb(text[0])
        && (text_said.iter().all(|w| {
            words::is_keyword(w)
                || topic(&[w]).is_some()
                || matches!(
                    *w,
                    "ytd"
                        | "today"
                        | "week"
                        | "month"
                        | "working"
                        | "filled"
                        | "this"
                        | "last"
                        | "history"
                        | "since"
                        | "yesterday"
                        | "today's"
                        | "all"
                )
                || symbols::ticker(w, context).is_some()
        }));
    let commands = matches!(
        text[0],
        "stop" | "start" | "pause" | "run" | "kill" | "set" | "backtest" | "cancel" | "delete"
    );
    if (!asks && !short) || commands {
        return None;
    }
    if matches!(text, ["do", verb, ..] if guard::is_verb(verb))
        || (text[0] == "get"
            && !matches!(text.get(1), Some(&"my" | &"the" | &"me" | &"positions" | &"orders" | &"balances")))
    {
        return None;
    }
    let rest: Vec<Token> = tokens
        .iter()
        .filter(|t| {
            topic(&[t.text.as_str()]).is_none()
                && !matches!(
                    t.text.as_str(),
                    "show"
                        | "list"
                        | "what"
                        | "do"
                        | "have"
                        | "how"
                        | "much"
                        | "did"
                        | "make"
                        | "today"
                        | "week"
                        | "month"
                        | "ytd"
                        | "year"
                        | "since"
                        | "go"
                        | "up"
                        | "down"
                        | "am"
                        | "made"
                        | "all"
                        | "open"
                        | "any"
                        | "so"
                        | "far"
                        | "lose"
                        | "nov"
                        | "dec"
                        | "is"
                        | "are"
                        | "left"
                        | "doing"
                        | "see"
                        | "now"
                )
        })
        .cloned()
        .collect();
    let of_what = !matches!(what, ShowTopic::Watchlist | ShowTopic::Balances | ShowTopic::BuyingPower);
    let instrument = instruments(&rest, context).into_iter().next().filter(|_| of_what);
    let broker = text
        .windows(2)
        .find_map(
            |w| if matches!(w[0], "on" | "at" | "via" | "in" | "my") { words::broker(w[1]) } else { None },
        )
        .filter(|_| what != ShowTopic::Connections);
    Some(Command::Show {
        what,
        instrument,
        since: since(tokens, text, context.today),
        broker: broker.map(Into::into),
    })
}

fn quote(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> Option<Command> {
    let question = guard::is_question(tokens);
    let lead = matches!(*text.first()?, "quote" | "q" | "price" | "prices" | "quotes" | "px" | "last")
        || matches!(
            text,
            ["get" | "show", "me", "a", "quote", ..]
                | ["get" | "show", "quote" | "quotes" | "price", ..]
                | ["get", "me", ..]
                | ["show", "me", "the", "price", ..]
        );
    let about_price = text.iter().any(|w| {
        matches!(
            *w,
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
    });
    let bare = tokens
        .iter()
        .filter(|t| !matches!(t.kind, Kind::Mark(_)) && !matches!(t.text.as_str(), "and" | "or"))
        .count();
    let rest: Vec<Token> = tokens
        .iter()
        .filter(|t| {
            !matches!(
                t.text.as_str(),
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
        })
        .cloned()
        .collect();
    let found = instruments(&rest, context);
    if found.is_empty() {
        return lead.then(|| clarify(vec![Missing::Instrument], "A quote of which symbol?"));
    }
    // Every remaining word must be an instrument, or the sentence says more than "quote".
    let understood = rest.iter().all(|t| {
        matches!(t.kind, Kind::Mark(_) | Kind::Occ(_))
            || symbols::ticker(&t.raw, context).is_some()
            || found.len() == 1 && !guard::is_verb(&t.text) && !matches!(t.kind, Kind::Number(_))
    });
    let only_symbols = bare == found.len() && rest.len() >= tokens.len() - 1;
    ((lead || (question && about_price) || only_symbols) && understood)
        .then_some(Command::Quote { instruments: found })
}
