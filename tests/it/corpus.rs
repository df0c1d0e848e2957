//! The command language against its corpus: every line's meaning, and that no line acts once it is doubted.

use arbion::command::types::Command;
use arbion::command::{ParseContext, explain, parse};
use arbion::domain::calendar::Calendar;
use arbion::market::symbols::Universe;

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
    assert!(lines().count() >= 400);
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
    (0..=words.len()).map(|at| [&words[..at], &[word], &words[at..]].concat().join(" ")).collect()
}

/// Words that change what an order means, and what of them must be found again in it.
const STRAYS: [(&str, &str); 11] = [
    ("77.7", "77"),
    ("7777", "777"),
    ("$77", "77"),
    ("7.7%", "7.7"),
    ("KO", "KO"),
    ("blorp", "blorp"),
    ("x77", "77"),
    ("ioc", "ioc"),
    ("2029-12-21", "2029-12-21"),
    ("77p", "77"),
    ("77/78", "77"),
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
                    if trades(&command) && !json.contains(seen) {
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
                Command::Place(place)
                    if matches!(place.subject, arbion::command::types::Subject::Legs(_)) =>
                {
                    continue;
                }
                other => explain(other),
            };
            assert_eq!(parse(&said_again, context), command, "{text} → {said_again}");
        }
    });
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
