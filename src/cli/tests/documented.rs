//! The page of answers in JSON, held against the answers.

use serde_json::Value;

use super::World;
use super::commands::READS;

const PAGE: &str = include_str!("../../../docs/json.md");

/// Objects whose keys are explained elsewhere: the configuration's, a strategy's.
const EXPLAINED_ELSEWHERE: [&str; 4] = ["params", "limits", "used", "config"];
/// Keys of instants, those that end with `_at` apart.
const INSTANTS: [&str; 3] = ["at", "as_of", "start"];
/// Keys of money, prices, quantities and percentages.
const DECIMALS: [&str; 24] = [
    "quantity",
    "price",
    "fee",
    "fees",
    "limit_price",
    "stop_price",
    "average_price",
    "filled_quantity",
    "filled_notional",
    "market_value",
    "mark",
    "bid",
    "ask",
    "last",
    "volume",
    "strike",
    "cash",
    "buying_power",
    "net_liquidation",
    "day_pnl",
    "realized_pnl",
    "unrealized_pnl",
    "pnl",
    "multiplier",
];

/// Every key with its value, nested ones too.
fn keys<'a>(value: &'a Value, found: &mut Vec<(&'a str, &'a Value)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                found.push((key, value));
                if !EXPLAINED_ELSEWHERE.contains(&key.as_str()) {
                    keys(value, found);
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn every_key_of_an_answer_is_on_the_page_and_has_its_form() {
    let mut wrong = Vec::new();
    for args in READS {
        let world = World::new();
        let ran = world.run(&[args, &["--json"][..]].concat());
        assert_eq!(ran.out.trim_end().lines().count(), 1, "{args:?} is one document on one line");
        let document = ran.json();
        let mut found = Vec::new();
        keys(&document, &mut found);
        for (key, value) in found {
            if ![format!("`{key}`"), format!("\"{key}\"")].iter().any(|form| PAGE.contains(form)) {
                wrong.push(format!("{args:?}: {key} is not on docs/json.md"));
            }
            if !key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
                wrong.push(format!("{args:?}: {key} is no snake_case"));
            }
            let instant = INSTANTS.contains(&key) || key.ends_with("_at");
            if instant && value.as_str().is_none_or(|text| text.parse::<jiff::Timestamp>().is_err()) {
                wrong.push(format!("{args:?}: {key} is no instant: {value}"));
            }
            let decimal = DECIMALS.contains(&key) && !value.is_null();
            let canonical = |text: &str| {
                crate::domain::money::parse_decimal(text).is_ok_and(|it| it.normalize().to_string() == text)
            };
            if decimal && !value.as_str().is_some_and(canonical) {
                wrong.push(format!("{args:?}: {key} is no decimal in a string: {value}"));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_of_the_page_is_one() {
    let root = crate::cli::args::command();
    for row in PAGE.lines().filter(|line| line.starts_with("| `")) {
        let cell = row.split('|').nth(1).unwrap_or_default();
        let mut group = None;
        for call in cell.split('`').skip(1).step_by(2) {
            let mut words = call.split(' ');
            let first = words.next().unwrap_or_default();
            // `order place`, `cancel`: what follows without its group is of the one before.
            let command = root
                .find_subcommand(first)
                .or_else(|| group.and_then(|group: &clap::Command| group.find_subcommand(first)));
            let command = command.unwrap_or_else(|| panic!("{call:?} is no command"));
            if command.has_subcommands() && root.find_subcommand(first).is_some() {
                group = Some(command);
                if let Some(word) = words.next().filter(|word| word.bytes().all(|b| b.is_ascii_lowercase())) {
                    assert!(command.find_subcommand(word).is_some(), "{call:?} is no command");
                }
            }
        }
    }
}
