//! What shows the account: positions, orders, balances, profit and loss. Every word must be understood, so that what is shown is what was
//! asked for and not a part of it.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use crate::command::ParseContext;
use crate::command::cursor::{Cursor, one};
use crate::command::dates::{self, Said};
use crate::command::lex::Token;
use crate::command::order::{Parsed, Trouble, once};
use crate::command::symbols::Found;
use crate::command::types::{Command, ShowTopic};
use crate::command::{guard, question_back, words};
use crate::domain::calendar::plus_days;

/// Words of a wish to see something that does not begin like one.
const SHORT_WORDS_MAX: usize = 8;

pub(super) fn show(tokens: &[Token], text: &[&str], context: &ParseContext<'_>) -> Option<Command> {
    let first = *text.first()?;
    let what = topic(text)?;
    let commands = guard::is_verb(first)
        || matches!(first, "stop" | "start" | "pause" | "run" | "set" | "backtest" | "delete" | "take")
        || matches!(text, ["cash", "out", ..])
        || matches!(text, ["do", verb, ..] if guard::is_verb(verb))
        || first == "get"
            && !matches!(text.get(1), Some(&"my" | &"the" | &"me" | &"positions" | &"orders" | &"balances"));
    let asks = asks_to_see(first);
    if commands || !asks && text.len() > SHORT_WORDS_MAX {
        return None;
    }
    match shown(what, &mut Cursor::new(tokens, context)) {
        Ok(command) => Some(command),
        // What does not begin like a wish to see something may be anything else.
        Err(trouble) => shows(first).then(|| question_back(trouble, context)),
    }
}

/// Words that begin nothing but a wish to see something.
fn shows(word: &str) -> bool {
    matches!(word, "show" | "list" | "display" | "view" | "print" | "goto")
}

/// The topic with its symbol, its first day and its broker, and nothing left over.
fn shown(what: ShowTopic, cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let (mut instrument, mut since, mut broker) = (None, None, None);
    let mut topics = Topics::default();
    while !cursor.is_done() {
        if let Some(name) = said_broker(cursor) {
            once(&mut broker, name, "brokers")?;
        } else if let Some(day) = period(cursor) {
            once(&mut since, day, "days")?;
        } else if what == ShowTopic::Watchlist && is_watchlist(cursor.text(1)) && !is_around(cursor.text(0)) {
            // "show tech watchlist": lists stand side by side, the name only says where to look.
            cursor.skip(1);
        } else if let Some(topic) = topic(&[cursor.text(0)]) {
            topics.add(topic, cursor)?;
            cursor.skip(1);
        } else if cursor.is_pause() {
            topics.pause();
            cursor.skip(1);
        } else if let Some(found) = named(cursor) {
            let found = one(found)?;
            if instrument.as_ref().is_some_and(|known| *known != found) {
                return Err(Trouble::Refused("One symbol at a time; without one, all are shown.".to_owned()));
            }
            instrument = Some(found);
        } else if is_around(cursor.text(0)) || says_more(what, cursor.text(0)) {
            cursor.skip(1);
        } else {
            return Err(cursor.not_understood());
        }
    }
    let of_all = matches!(
        what,
        ShowTopic::Watchlist | ShowTopic::Balances | ShowTopic::BuyingPower | ShowTopic::Connections
    );
    if of_all && let Some(instrument) = instrument {
        return Err(Trouble::Refused(format!("That is shown as a whole, not of {instrument}.")));
    }
    if what == ShowTopic::News && (since.is_some() || broker.is_some()) {
        let text = "News are shown as they come, the newest first: name a symbol, or nothing.";
        return Err(Trouble::Refused(text.to_owned()));
    }
    // "brokers on schwab" would be the broker of a broker.
    let broker: Option<&str> = broker.filter(|_| what != ShowTopic::Connections);
    Ok(Command::Show { what, instrument, since, broker: broker.map(Into::into) })
}

/// An instrument at the front. In lower case a word of this language is none.
fn named(cursor: &mut Cursor<'_>) -> Option<Found> {
    let loud = cursor.token(0).is_some_and(|t| t.is_shouted() || t.raw.starts_with('$'));
    // "portfolio delta" asks for a greek, not for Delta Air Lines.
    let greek = matches!(cursor.text(0), "delta" | "gamma" | "theta" | "vega" | "rho" | "beta");
    if !loud && (greek || is_around(cursor.text(0))) {
        return None;
    }
    cursor.instrument()
}

/// The topics named so far: two side by side may make one ("order history"), joined by a comma or an "and" they are two wishes.
#[derive(Default)]
struct Topics {
    last: Option<ShowTopic>,
    paused: bool,
}

impl Topics {
    const fn pause(&mut self) {
        self.paused = true;
    }

    fn add(&mut self, topic: ShowTopic, cursor: &Cursor<'_>) -> Parsed<()> {
        let joined = self.paused || cursor.before(1).is_some_and(|t| matches!(t.text.as_str(), "and" | "&"));
        let one = self.last.is_none_or(|last| last == topic || !joined && are_one(last, topic));
        (self.last, self.paused) = (Some(topic), false);
        if one { Ok(()) } else { Err(Trouble::Refused("One thing at a time, please.".to_owned())) }
    }
}

/// Do two topics side by side name one thing: "order history", "audit log", "schwab account positions", "trade log".
fn are_one(first: ShowTopic, second: ShowTopic) -> bool {
    use ShowTopic as T;
    let pair = [first, second];
    let of = |a: ShowTopic, b: ShowTopic| pair == [a, b] || pair == [b, a];
    first == T::Balances
        || second == T::Balances
        || of(T::Orders, T::History)
        || of(T::Fills, T::History)
        || of(T::Orders, T::Fills)
        || of(T::Positions, T::History)
        || of(T::Audit, T::Log)
        || of(T::Positions, T::Risk)
        || of(T::Positions, T::Pnl)
        || of(T::Strategies, T::Bots)
        || of(T::Agents, T::Bots)
}

fn is_watchlist(word: &str) -> bool {
    matches!(word, "watchlist" | "watch-list")
}

/// Words that begin a wish to see something.
fn asks_to_see(word: &str) -> bool {
    shows(word)
        || matches!(
            word,
            "what"
                | "what's"
                | "whats"
                | "how"
                | "see"
                | "get"
                | "open"
                | "my"
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
                | "did"
                | "how's"
        )
}

/// A broker at the front, named behind a joint or before a topic, "on schwab", "ibkr positions", with the words that lead to it.
fn said_broker(cursor: &mut Cursor<'_>) -> Option<&'static str> {
    let name = words::broker(cursor.text(0))?;
    let joined = cursor.before(1).is_none_or(|before| {
        matches!(before.text.as_str(), "on" | "at" | "via" | "in" | "my" | "from" | "show" | ",")
    });
    let before_topic = topic(&[cursor.text(1)]).is_some();
    if !joined && !before_topic {
        return None;
    }
    cursor.skip(1);
    Some(name)
}

/// Words around a topic that change nothing of it.
const AROUND: &[&str] = &[
    "a",
    "all",
    "am",
    "an",
    "and",
    "any",
    "are",
    "at",
    "can",
    "check",
    "currently",
    "current",
    "did",
    "display",
    "do",
    "does",
    "doing",
    "earned",
    "far",
    "for",
    "from",
    "full",
    "gain",
    "get",
    "give",
    "go",
    "going",
    "got",
    "goto",
    "had",
    "has",
    "have",
    "holding",
    "how",
    "how's",
    "i",
    "in",
    "is",
    "it",
    "left",
    "list",
    "live",
    "lose",
    "lost",
    "made",
    "make",
    "me",
    "much",
    "my",
    "now",
    "of",
    "on",
    "open",
    "or",
    "our",
    "own",
    "owning",
    "please",
    "pls",
    "print",
    "pull",
    "right",
    "see",
    "show",
    "so",
    "status",
    "that",
    "the",
    "there",
    "to",
    "total",
    "up",
    "down",
    "us",
    "view",
    "was",
    "we",
    "were",
    "what",
    "what's",
    "whats",
    "where",
    "where's",
    "which",
    "with",
    "you",
    "your",
    "&",
    "net",
    "max",
    "power",
    "buying",
    "loss",
    "liq",
    "liquidation",
    "worth",
    "p",
    "l",
    "at",
    "watch",
    "'",
];

fn is_around(word: &str) -> bool {
    AROUND.contains(&word)
}

/// Words that a topic has beside its name.
fn says_more(what: ShowTopic, word: &str) -> bool {
    match what {
        ShowTopic::History => {
            matches!(word, "filled" | "past" | "old" | "previous" | "closed" | "been" | "orders" | "order")
        }
        ShowTopic::Orders => matches!(word, "working" | "pending" | "still"),
        // Of one strategy by its name it is another command.
        ShowTopic::Strategies | ShowTopic::Bots | ShowTopic::Agents => {
            matches!(word, "running" | "active" | "status")
        }
        ShowTopic::Connections => word == "status",
        ShowTopic::Pnl => matches!(
            word,
            "profit" | "profits" | "day" | "day's" | "realized" | "realised" | "unrealized" | "unrealised"
        ),
        _ => false,
    }
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
        || (has(&["filled", "past", "old", "previous", "closed"])
            && has(&["orders", "order", "trades", "positions", "position"]))
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
    } else if has(&["news", "headlines"]) {
        T::News
    } else if has(&["positions", "position", "holdings", "portfolio", "holding", "own", "pos"]) {
        T::Positions
    } else {
        return None;
    })
}

/// A day at the front from which on something is shown: today, this week, ytd, since monday, since nov 1, yesterday.
fn period(cursor: &mut Cursor<'_>) -> Option<Date> {
    let (day, used) = period_at(cursor, 0)?;
    cursor.skip(used);
    Some(day)
}

/// The period so many tokens ahead, and how many words it takes.
fn period_at(cursor: &Cursor<'_>, ahead: usize) -> Option<(Date, usize)> {
    let today = cursor.today();
    let month = Date::new(today.year(), today.month(), 1).ok()?;
    let monday = plus_days(today, -i64::from(Weekday::Monday.until(today.weekday())));
    let (day, used) = match (cursor.text(ahead), cursor.text(ahead + 1), cursor.text(ahead + 2)) {
        ("year", "to", "date") => (Date::new(today.year(), 1, 1).ok()?, 3),
        ("this", "year", _) => (Date::new(today.year(), 1, 1).ok()?, 2),
        ("ytd" | "year", ..) => (Date::new(today.year(), 1, 1).ok()?, 1),
        ("this", "month", _) => (month, 2),
        ("mtd" | "month", ..) => (month, 1),
        ("last", "month", _) => (month.checked_sub(1.month()).ok()?, 2),
        ("this", "week", _) => (monday, 2),
        ("wtd" | "week", ..) => (monday, 1),
        ("last", "week", _) => (plus_days(monday, -7), 2),
        ("yesterday" | "yesterday's", ..) => (plus_days(today, -1), 1),
        ("today" | "today's", ..) => (today, 1),
        // "since monday", "from this week".
        ("since" | "from", ..) => match period_at(cursor, ahead + 1) {
            Some((day, used)) => (day, used + 1),
            None => since(cursor).filter(|_| ahead == 0).map(|(day, used)| (day, used + 1))?,
        },
        _ => return None,
    };
    Some((day, used))
}

/// The day behind "since", and how many words it takes.
fn since(cursor: &Cursor<'_>) -> Option<(Date, usize)> {
    let today = cursor.today();
    let (said, used) = dates::read(cursor.rest().get(1..)?, today)?;
    let day = match said {
        // A weekday, or a day without a year, was the last one that has been.
        Said::Day(day) if day > today && dates::weekday(cursor.text(1)).is_some() => plus_days(day, -7),
        Said::Day(day) if day > today => day.checked_sub(1.year()).ok()?,
        Said::Day(day) => day,
        Said::Month(year, month) => {
            let first = Date::new(year, month, 1).ok()?;
            if first > today { first.checked_sub(1.year()).ok()? } else { first }
        }
        Said::Dte(_) => return None,
    };
    Some((day, used))
}
