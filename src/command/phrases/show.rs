//! What shows the account: positions, orders, balances, profit and loss.

use jiff::ToSpan;
use jiff::civil::Date;

use crate::command::ParseContext;
use crate::command::dates::{self, Said};
use crate::command::lex::Token;
use crate::command::types::{Command, ShowTopic};
use crate::command::{guard, symbols, words};

use super::instruments;

/// Words of a wish to see something that does not begin like one.
const SHORT_WORDS_MAX: usize = 6;

pub(super) fn show(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> Option<Command> {
    let asks = asks_to_see(text.first()?);
    let what = topic(text)?;
    // "history since nov 1": the day is read, and counts as no word.
    let since_at = text.iter().position(|w| matches!(*w, "since" | "from"));
    let dated = since_at.filter(|at| dates::read(&tokens[at + 1..], context.today).is_some());
    let text_said = &text[..dated.unwrap_or(text.len())];
    let short = text_said.len() <= SHORT_WORDS_MAX
        && !guard::is_verb(text[0])
        && (text_said.iter().all(|w| {
            words::is_keyword(w)
                || topic(&[w]).is_some()
                || is_period(w)
                || words::broker(w).is_some()
                || symbols::ticker(w, context).is_some()
        }));
    let commands = matches!(
        text[0],
        "stop" | "start" | "pause" | "run" | "kill" | "set" | "backtest" | "cancel" | "delete" | "take"
    ) || matches!(text, ["cash", "out", ..]);
    if (!asks && !short) || commands {
        return None;
    }
    if matches!(text, ["do", verb, ..] if guard::is_verb(verb))
        || (text[0] == "get"
            && !matches!(text.get(1), Some(&"my" | &"the" | &"me" | &"positions" | &"orders" | &"balances")))
    {
        return None;
    }
    let broker = said_broker(text);
    let rest: Vec<Token> = tokens
        .iter()
        .enumerate()
        .filter(|(i, t)| {
            topic(&[t.text.as_str()]).is_none()
                && !is_asking_word(&t.text)
                && broker.is_none_or(|(at, _)| at != *i)
        })
        .map(|(_, t)| t.clone())
        .collect();
    let of_what = !matches!(what, ShowTopic::Watchlist | ShowTopic::Balances | ShowTopic::BuyingPower);
    let instrument = instruments(&rest, context).into_iter().next().filter(|_| of_what);
    let broker = broker.map(|(_, name)| name).filter(|_| what != ShowTopic::Connections);
    Some(Command::Show {
        what,
        instrument,
        since: since(tokens, text, context.today),
        broker: broker.map(Into::into),
    })
}

/// Words that begin a wish to see something.
fn asks_to_see(word: &str) -> bool {
    matches!(
        word,
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
    )
}

/// A broker named behind a joint or in front of all, "on schwab", "ibkr positions", and where.
fn said_broker(text: &[&str]) -> Option<(usize, &'static str)> {
    (0..text.len()).find_map(|at| {
        let joined = at == 0
            || matches!(text[at - 1], "on" | "at" | "via" | "in" | "my" | "from")
            || text.get(at + 1).is_some_and(|next| topic(&[next]).is_some());
        words::broker(text[at]).filter(|_| joined).map(|name| (at, name))
    })
}

/// Words of a short wish to see something, "ytd pnl".
fn is_period(word: &str) -> bool {
    matches!(
        word,
        "ytd"
            | "mtd"
            | "wtd"
            | "loss"
            | "year"
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
}

/// Words around a topic that are no symbol.
fn is_asking_word(word: &str) -> bool {
    matches!(
        word,
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
            | "mtd"
            | "wtd"
            | "loss"
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
