//! The command language against its corpus: every line's meaning, and that no line acts once it is doubted.

use arbion::command::types::Command;
use arbion::command::{ParseContext, explain, parse};
use arbion::domain::calendar::Calendar;
use arbion::market::symbols::Universe;
use proptest::prelude::*;

const CORPUS: &str = include_str!("../corpus/commands.tsv");

/// The day the corpus was written for: a Tuesday.
const TODAY: jiff::civil::Date = jiff::civil::Date::constant(2026, 11, 24);

fn with_context(test: impl Fn(&ParseContext<'_>)) {
    let (universe, calendar) = (Universe::load(), Calendar::nyse());
    test(&ParseContext { today: TODAY, lookup: &universe, calendar: &calendar });
}

fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    CORPUS.lines().filter(|line| !line.starts_with("# ")).map(|line| line.split_once('\t').unwrap())
}

/// Does a command do anything beyond showing.
fn acts(command: &Command) -> bool {
    !matches!(
        command,
        Command::Clarify { .. }
            | Command::Explain { .. }
            | Command::Show { .. }
            | Command::Quote { .. }
            | Command::Chart { .. }
            | Command::Chain { .. }
            | Command::Help { .. }
            | Command::Strategy { action: arbion::command::types::StrategyAction::Status, .. }
    )
}

#[test]
fn every_line_means_what_the_corpus_says() {
    assert!(lines().count() >= 5500);
    with_context(|context| {
        let wrong: Vec<String> = lines()
            .filter_map(|(text, want)| {
                let got = serde_json::to_string(&parse(text, context)).unwrap();
                (got != want).then(|| format!("{text}\n   is {got}\n  not {want}"))
            })
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn a_doubted_line_never_acts() {
    with_context(|context| {
        for (text, _) in lines() {
            let doubted = [
                format!("don't {text}"),
                format!("do not {text}"),
                format!("should i {text}"),
                format!("{text}?"),
                format!("'{text}'"),
                format!("he said {text}"),
                format!("what if i {text}"),
                format!("{text} if it drops 2%"),
                format!("{text}; buy 1 msft"),
                format!("{text} and sell 3 msft"),
                // What tells of an order gives none.
                format!("i have an order to {text}"),
                format!("there is an order to {text}"),
                format!("the order is {text}"),
                format!("you need to {text}"),
                format!("you want to {text}"),
                format!("as in {text}"),
                format!("like {text}"),
            ];
            for doubt in doubted {
                let command = parse(&doubt, context);
                let harmless = matches!(
                    command,
                    Command::Alert { .. } | Command::Watch { .. } | Command::Unwatch { .. }
                );
                assert!(!acts(&command) || harmless, "{doubt}: {command:?}");
            }
        }
    });
}

/// Everything but what only shows or goes nowhere near money.
fn trades(command: &Command) -> bool {
    acts(command)
        && !matches!(
            command,
            Command::Watch { .. } | Command::Unwatch { .. } | Command::Mode { .. } | Command::Strategy { .. }
        )
}

/// The line with a word more, at each place between its words.
fn with_word(text: &str, word: &str) -> Vec<String> {
    let words: Vec<&str> = text.split(' ').collect();
    // A number before these is multiplied by them: it is kept, in another form.
    let multiplies =
        |at: usize| matches!(words.get(at), Some(&("dozen" | "hundred" | "thousand" | "grand" | "million")));
    (0..=words.len())
        .filter(|at| !multiplies(*at) && !is_verb_put(word, words.get(*at)))
        .map(|at| [&words[..at], &[word], &words[at..]].concat().join(" "))
        .collect()
}

/// "put a stop", "put trail 5%": before these the word is the verb of the order, and no right.
fn is_verb_put(word: &str, next: Option<&&str>) -> bool {
    word == "put" && matches!(next, Some(&("a" | "an" | "my" | "stop" | "trail" | "trailing")))
}

/// Is a stray word found again in the command. A stop is a market order once it triggers, and who closes may say that he sells.
fn keeps(json: &str, seen: &str) -> bool {
    json.contains(seen)
        || seen == "market" && json.contains("stop\",")
        || seen == "sell" && json.contains(r#""intent":"close""#)
}

/// Words that change what an order means, and what of them must be found again in it.
const STRAYS: [(&str, &str); 18] = [
    ("77.7", "77"),
    ("7777", "777"),
    ("$77", "77"),
    ("7.7%", "7.7"),
    ("KO", "KO"),
    ("blorp", "blorp"),
    ("national", "national"),
    ("x77", "77"),
    ("ioc", "ioc"),
    ("2029-12-21", "2029-12-21"),
    ("77p", "77"),
    ("77/78", "77"),
    ("sell", "sell"),
    ("put", "put"),
    ("limit", "limit"),
    ("stop", "stop"),
    ("trail", "trail"),
    ("market", "market"),
];

#[test]
fn nothing_that_was_said_is_dropped() {
    with_context(|context| {
        let mut dropped = Vec::new();
        for (text, _) in lines().filter(|(text, _)| trades(&parse(text, context))) {
            for (word, seen) in STRAYS {
                for longer in with_word(text, word) {
                    let command = parse(&longer, context);
                    let json = serde_json::to_string(&command).unwrap();
                    if trades(&command) && !keeps(&json, seen) {
                        dropped.push(format!("{longer}\n   is {json}"));
                    }
                }
            }
        }
        assert!(dropped.is_empty(), "{} lines lost a word:\n{}", dropped.len(), dropped.join("\n"));
    });
}

/// Words that change what a wish to see something means, and what of them must be found again in it.
const STRAYS_OF_A_LOOK: [(&str, &str); 8] = [
    ("77.7", "77.7"),
    ("$77", "77"),
    ("7.7%", "7.7"),
    ("KO", "KO"),
    ("blorp", "blorp"),
    ("2029-12-21", "2029-12-21"),
    (", sell", "sell"),
    (", blorp", "blorp"),
];

#[test]
fn nothing_that_was_asked_for_is_dropped() {
    let looks = |command: &Command| {
        matches!(
            command,
            Command::Show { .. }
                | Command::Quote { .. }
                | Command::Chart { .. }
                | Command::Chain { .. }
                | Command::Watch { .. }
                | Command::Unwatch { .. }
                | Command::Strategy { .. }
        )
    };
    // The watchlists are shown together, whichever is named.
    let all_lists = |json: &str| json.contains(r#""what":"watchlist""#);
    with_context(|context| {
        let mut dropped = Vec::new();
        for (text, _) in lines().filter(|(text, _)| looks(&parse(text, context))) {
            for (word, seen) in STRAYS_OF_A_LOOK {
                for longer in with_word(text, word) {
                    let command = parse(&longer, context);
                    let json = serde_json::to_string(&command).unwrap();
                    if looks(&command)
                        && !json.to_lowercase().contains(&seen.to_lowercase())
                        && !all_lists(&json)
                    {
                        dropped.push(format!("{longer}\n   is {json}"));
                    }
                }
            }
        }
        assert!(dropped.is_empty(), "{} lines lost a word:\n{}", dropped.len(), dropped.join("\n"));
    });
}

#[test]
fn the_words_of_a_command_parse_to_it() {
    with_context(|context| {
        for (text, _) in lines() {
            let command = parse(text, context);
            let said_again = match &command {
                Command::Clarify { .. } | Command::Explain { .. } => continue,
                other => explain(other),
            };
            assert_eq!(parse(&said_again, context), command, "{text} → {said_again}");
        }
    });
}

/// A command of JSON, as any front end may send it.
fn command(json: &str) -> Command {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn instrument_json() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["AAPL", "MSFT", "BRK.B", "F", "ALL", "ON", "NOW", "IT", "KEY"])
            .prop_map(|s| format!(r#"{{"kind":"equity","symbol":"{s}"}}"#)),
        prop::sample::select(vec!["BTC", "ETH", "DOGE"])
            .prop_map(|s| format!(r#"{{"kind":"crypto","base":"{s}","quote":"USD"}}"#)),
        prop::sample::select(vec!["BTC", "SOL"])
            .prop_map(|s| format!(r#"{{"kind":"perpetual","symbol":"{s}"}}"#)),
        Just(r#"{"kind":"fx","base":"EUR","quote":"USD"}"#.to_owned()),
        option_json(),
    ]
}

fn option_json() -> impl Strategy<Value = String> {
    (
        prop::sample::select(vec!["AAPL", "SPY", "BRK.B"]),
        prop::sample::select(vec!["2026-12-18", "2027-01-15", "2028-01-21"]),
        prop::sample::select(vec!["190", "7.5", "1200"]),
        prop::sample::select(vec!["call", "put"]),
    )
        .prop_map(|(underlying, expiry, strike, right)| {
            format!(
                r#"{{"kind":"option","underlying":"{underlying}","expiry":"{expiry}","strike":"{strike}","right":"{right}"}}"#
            )
        })
}

fn number() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["1", "10", "0.25", "231.5", "1500", "99999", "0.0001"])
        .prop_map(ToOwned::to_owned)
}

const BRACKET: &str = r#","take_profit":"300","stop_loss":"100""#;
const SHORT_BRACKET: &str = r#","take_profit":"100","stop_loss":"300""#;

/// Order type with its prices, duration and flags.
fn terms_json() -> impl Strategy<Value = String> {
    let pricing = prop_oneof![
        Just(r#""order_type":"market""#.to_owned()),
        number().prop_map(|p| format!(r#""order_type":"limit","limit_price":"{p}""#)),
        number().prop_map(|p| format!(r#""order_type":"stop","stop_price":"{p}""#)),
        (number(), number()).prop_map(|(a, b)| format!(
            r#""order_type":"stop_limit","limit_price":"{a}","stop_price":"{b}""#
        )),
        number().prop_map(|p| format!(r#""order_type":"trailing_stop","trail_amount":"{p}""#)),
        Just(r#""order_type":"trailing_stop","trail_percent":"2.5""#.to_owned()),
        prop::sample::select(vec!["mid", "bid", "ask", "last"])
            .prop_map(|p| format!(r#""order_type":"limit","limit_peg":"{p}""#)),
    ];
    let duration = prop_oneof![
        prop::sample::select(vec!["day", "gtc", "ioc", "fok", "opg", "cls"])
            .prop_map(|t| format!(r#","time_in_force":"{t}""#)),
        Just(r#","time_in_force":"gtd","expire_date":"2026-12-18""#.to_owned()),
    ];
    let flags = prop::sample::select(vec![
        "",
        r#","post_only":true"#,
        r#","reduce_only":true"#,
        r#","broker":"alpaca""#,
        BRACKET,
    ]);
    (pricing, duration, flags).prop_map(|(pricing, duration, flags)| {
        // A bracket's entry lies between its exits.
        let apart = flags == BRACKET && pricing.contains("_price");
        let pricing =
            if apart { r#""order_type":"limit","limit_price":"231.5""#.to_owned() } else { pricing };
        // What is post only rests at a limit.
        if flags.contains("post_only") {
            return format!(r#""order_type":"limit","limit_price":"231.5","time_in_force":"gtc"{flags}"#);
        }
        format!("{pricing}{duration}{flags}")
    })
}

fn command_json() -> impl Strategy<Value = String> {
    let place = (
        prop::sample::select(vec!["buy", "sell"]),
        prop::sample::select(vec!["", r#""position_effect":"open","#, r#""position_effect":"close","#]),
        instrument_json(),
        number(),
        terms_json(),
    )
        .prop_map(|(side, effect, instrument, quantity, terms)| {
            let effect = if instrument.contains("option") { effect } else { "" };
            // Contracts are whole: a part of one is asked about.
            let quantity = if instrument.contains("option") { "3".to_owned() } else { quantity };
            // What closes has no bracket: its stop loss is the stop order itself.
            let opens = side == "buy" && !effect.contains("close");
            let terms = if opens { terms } else { terms.replace(BRACKET, "") };
            format!(
                r#"{{"intent":"place","side":"{side}",{effect}"instrument":{instrument},"quantity":"{quantity}",{terms}}}"#
            )
        });
    let short = (prop::sample::select(vec!["sell_short", "buy_to_cover"]), number(), terms_json()).prop_map(
        |(side, quantity, terms)| {
            let bracket = if side == "sell_short" { SHORT_BRACKET } else { "" };
            let terms = terms.replace(BRACKET, bracket);
            format!(
                r#"{{"intent":"place","side":"{side}","instrument":{{"kind":"equity","symbol":"GME"}},"quantity":"{quantity}",{terms}}}"#
            )
        },
    );
    let money = (
        prop::sample::select(vec!["notional", "percent_of_buying_power"]),
        prop::sample::select(vec!["25", "50", "12.5"]),
    )
        .prop_map(|(what, amount)| {
            format!(
                r#"{{"intent":"place","side":"buy","instrument":{{"kind":"equity","symbol":"SPY"}},"{what}":"{amount}","order_type":"market","time_in_force":"day"}}"#
            )
        });
    let legs = (
        prop::collection::vec((option_json(), any::<bool>(), 1..4_u8, any::<bool>()), 2..5),
        prop::sample::select(vec!["buy", "sell"]),
        prop::sample::select(vec!["debit", "credit"]),
    )
        .prop_map(|(legs, side, effect)| {
            let legs: Vec<String> = legs
                .into_iter()
                .map(|(instrument, buy, ratio, opens)| {
                    format!(
                        r#"{{"side":"{}","position_effect":"{}","ratio":"{ratio}","instrument":{instrument}}}"#,
                        if buy { "buy" } else { "sell" },
                        if opens { "open" } else { "close" }
                    )
                })
                .collect();
            format!(
                r#"{{"intent":"place","side":"{side}","legs":[{}],"quantity":"3","order_type":"limit","limit_price":"2.35","time_in_force":"gtc","price_effect":"{effect}"}}"#,
                legs.join(",")
            )
        });
    let close = (
        instrument_json(),
        prop::sample::select(vec!["", r#""quantity":"5","#, r#""percent_of_position":"33.33","#]),
        terms_json(),
    )
        .prop_map(|(instrument, amount, terms)| {
            let terms = terms.replace(BRACKET, "");
            format!(r#"{{"intent":"close","instrument":{instrument},{amount}{terms}}}"#)
        });
    let replace = prop::sample::select(vec![
        r#"{"intent":"replace","order_id":"42","limit_price":"184","quantity":"50"}"#,
        r#"{"intent":"replace","order_id":"42","limit_price":"184","stop_price":"185"}"#,
        r#"{"intent":"replace","instrument":{"kind":"equity","symbol":"ON"},"stop_price":"185","time_in_force":"gtc"}"#,
        r#"{"intent":"replace","order_id":"7","time_in_force":"day"}"#,
    ])
    .prop_map(ToOwned::to_owned);
    prop_oneof![4 => place, 1 => short, 1 => money, 2 => legs, 2 => close, 1 => replace]
}

proptest::proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn any_command_is_parsed_from_its_own_words(json in command_json()) {
        let context = ParseContext { today: TODAY, lookup: universe(), calendar: &Calendar::nyse() };
        let want = command(&json);
        let words = explain(&want);
        prop_assert_eq!(parse(&words, &context), want, "{}", words);
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,80}", words in proptest::collection::vec("(buy|sell|10|aapl|@|at|stop|limit|185|5%|190p|jan|15|2027|\\$|and|trail|to|open|half|of|my|gtc|spread|500/510|call|x2|,|\\?|')", 0..14)) {
        let (universe, calendar) = (universe(), Calendar::nyse());
        let context = ParseContext { today: TODAY, lookup: universe, calendar: &calendar };
        let _any = parse(&text, &context);
        let _any = parse(&words.join(" "), &context);
    }
}

fn universe() -> &'static Universe {
    static UNIVERSE: std::sync::OnceLock<Universe> = std::sync::OnceLock::new();
    UNIVERSE.get_or_init(Universe::load)
}
