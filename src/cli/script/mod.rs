//! Scripts of the demo: lines of the command language, waits in market time, and expectations. Read whole before the first line runs.

mod expect;
mod runner;

use super::error::CliError;

pub use expect::{Compare, Expectation, Figure};
pub use runner::{LineReport, Report, Runner};

/// Most lines of a script.
const LINES_MAX: usize = 10_000;
/// Longest line in characters.
const LINE_LENGTH_MAX: usize = 1_000;
/// Longest wait: ten years of a replay.
const SECONDS_MAX: i64 = 10 * 366 * 86_400;

/// One line of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its number, from 1.
    pub line: usize,
    /// As written, without the blanks around it.
    pub text: String,
    /// What it means.
    pub action: Action,
}

/// What a line does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A line of the command language.
    Command,
    /// Market time passes, in seconds.
    Wait(i64),
    /// Until no market order works.
    WaitFills,
    /// Until this order has ended.
    WaitOrder(u64),
    /// Something must be so.
    Expect(Expectation),
}

/// Reads a script.
///
/// # Errors
/// `Usage`, naming the first line that is wrong, what was found and what is allowed.
pub fn parse(text: &str) -> Result<Vec<Step>, CliError> {
    let mut steps = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let line = index + 1;
        let wrong = |what: String| CliError::usage(format!("script line {line}: {what}"));
        if line > LINES_MAX {
            return Err(wrong(format!("found more than {LINES_MAX} lines, allowed at most so many")));
        }
        if raw.chars().count() > LINE_LENGTH_MAX {
            return Err(wrong(format!(
                "found a line of over {LINE_LENGTH_MAX} characters, allowed at most so many"
            )));
        }
        let text = raw.split_once(" #").map_or(raw, |(code, _)| code).trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let action = action(text).map_err(wrong)?;
        steps.push(Step { line, text: text.to_owned(), action });
    }
    Ok(steps)
}

fn action(text: &str) -> Result<Action, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["wait", "fills"] => Ok(Action::WaitFills),
        ["wait", "order", number] => {
            let wrong = || format!("wait order: found '{number}', allowed an order's number");
            number.parse().map(Action::WaitOrder).map_err(|_| wrong())
        }
        ["wait", time] => parse_duration(time).map(Action::Wait).map_err(|error| format!("wait: {error}")),
        ["wait", ..] => {
            Err("wait: allowed are a time such as 5, 90s or 1d, 'fills', and 'order N'".to_owned())
        }
        ["expect", rest @ ..] => {
            Expectation::parse(rest).map(Action::Expect).map_err(|error| format!("expect: {error}"))
        }
        _ => Ok(Action::Command),
    }
}

/// Reads a time such as `90s`, `30m`, `4h`, `1d` or `2w`, in seconds; a bare number is seconds.
///
/// # Errors
/// Says what was found and what is allowed.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit = match unit {
        "" | "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3_600),
        "d" => Some(86_400),
        "w" => Some(604_800),
        _ => None,
    };
    let seconds = number.parse::<i64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
    seconds.filter(|seconds| (1..=SECONDS_MAX).contains(seconds)).ok_or_else(|| {
        let found: String = text.chars().take(40).flat_map(char::escape_default).collect();
        format!("found '{found}', allowed a time such as 5, 90s, 30m, 4h, 1d or 2w")
    })
}

#[cfg(test)]
mod tests;
