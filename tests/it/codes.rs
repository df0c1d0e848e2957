//! Codes of records and of the log: what the specification names is said by the program, and a test waits for each. What strategies say beside
//! those has a test too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Strategies §1 to §14, without those of the AI-driven strategy.
const NAMED: &[&str] = &[
    "CLAIM_REDUCED",
    "SKIP",
    "CALENDAR_DIFFERS",
    "MISSED",
    "CLOCK_BACK",
    "BAR_CORRECTED",
    "BAD_BAR",
    "LATE_TRADES",
    "NO_DELTA",
    "LADDER_END",
    "WHEEL_SELL_PUT",
    "WHEEL_SELL_CALL",
    "WHEEL_TAKE_PROFIT",
    "WHEEL_ROLL",
    "WHEEL_ASSIGNED",
    "WHEEL_CALLED_AWAY",
    "WHEEL_EXPIRED",
    "WHEEL_EXDIV",
    "WHEEL_UNCOVERED",
    "NO_CONTRACT",
    "SPREAD",
    "LOW_OI",
    "LOW_PREMIUM",
    "EARNINGS",
    "EARNINGS_UNKNOWN",
    "NO_CASH",
    "NOT_RED_DAY",
    "COOLDOWN",
    "STRIKE_LIMIT",
    "ROLL_NONE",
    "HALTED",
    "ADJUSTED_CONTRACT",
    "OPTIONS_LEVEL",
    "SETTLE_LATE",
    "COLLAR_OPEN",
    "COLLAR_ROLL_TIME",
    "COLLAR_ROLL_UP",
    "COLLAR_ROLL_DOWN",
    "COLLAR_PUT_ONLY",
    "COLLAR_CALLED_AWAY",
    "COLLAR_EXERCISED",
    "COLLAR_NONE",
    "SIZE_ZERO",
    "EXIT_STUCK",
    "OCO_RACE",
    "BROKER_LIQUIDATED",
    "BOT_SLOW",
];

/// Files of tests alone, beside those in folders of tests.
const OF_TESTS: [&str; 4] = ["tests.rs", "testing.rs", "unruly.rs", "fuzzed.rs"];

fn files(root: &Path) -> Vec<PathBuf> {
    let (mut open, mut found) = (vec![root.to_owned()], Vec::new());
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

/// What the program is made of below a folder of `src`, and what its tests are.
fn parts(folder: &str) -> (String, String) {
    let (mut program, mut tests) = (String::new(), String::new());
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder)) {
        let text = std::fs::read_to_string(&path).unwrap();
        let is_test = path.iter().any(|part| part == "tests" || part == "world")
            || OF_TESTS.iter().any(|name| path.ends_with(name));
        let at = if is_test { Some(0) } else { text.find("#[cfg(test)]") };
        let (before, after) = text.split_at(at.unwrap_or(text.len()));
        program.push_str(before);
        tests.push_str(after);
    }
    (program, tests)
}

/// Everything that looks like a code: capitals, digits and underscores, four and more.
fn codes(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    text.split(|c: char| !is_part(c))
        .filter(|word| word.len() > 3 && word.starts_with(|c: char| c.is_ascii_uppercase()))
        .collect()
}

/// Those that stand alone between quotes.
fn quoted(text: &str) -> BTreeSet<&str> {
    let inner = text.split('"').skip(1).step_by(2);
    inner.filter(|word| codes(word).contains(word)).collect()
}

fn tests_outside() -> String {
    let name = Path::new(file!()).file_name().unwrap();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"))
        .iter()
        .filter(|path| path.file_name() != Some(name))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn every_code_of_the_specification_is_said_and_a_test_waits_for_it() {
    let (program, tests) = parts("");
    let outside = tests_outside();
    let (said, waited) = (codes(&program), &codes(&tests) | &codes(&outside));
    let silent: Vec<&&str> = NAMED.iter().filter(|code| !said.contains(**code)).collect();
    assert!(silent.is_empty(), "nothing says {silent:?}");
    let untested: Vec<&&str> = NAMED.iter().filter(|code| !waited.contains(**code)).collect();
    assert!(untested.is_empty(), "no test waits for {untested:?}");
}

#[test]
fn every_reason_that_an_option_strategy_gives_has_a_test() {
    let program: String = ["wheel", "collar", "options"]
        .into_iter()
        .map(|folder| parts(&format!("strategies/{folder}")).0)
        .collect();
    let said: BTreeSet<&str> =
        program.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(quoted).collect();
    assert!(said.len() > 40, "{said:?}");
    let tests = parts("strategies").1;
    let waited = codes(&tests);
    let untested: Vec<&&str> = said.iter().filter(|code| !waited.contains(**code)).collect();
    assert!(untested.is_empty(), "no test waits for {untested:?}");
}
