//! Alerts: a symbol, a direction, a price or a change in per cent.

use rust_decimal::Decimal;

use super::ParseContext;
use super::cursor::{Cursor, one};
use super::lex::{Kind, Token};
use super::order::{Parsed, Trouble, once};
use super::types::{AlertWhen, Command, Missing};

/// How a sentence about an alert begins, longest first.
const OPENINGS: [&[&str]; 29] = [
    &["set", "an", "alert"],
    &["set", "a", "price", "alert"],
    &["set", "an", "alarm"],
    &["set", "up", "an", "alert"],
    &["create", "an", "alert"],
    &["create", "a", "price", "alert"],
    &["add", "an", "alert"],
    &["make", "an", "alert"],
    &["new", "alert"],
    &["set", "alert"],
    &["create", "alert"],
    &["add", "alert"],
    &["price", "alert"],
    &["let", "me", "know"],
    &["give", "me", "a", "shout"],
    &["send", "me", "an", "alert"],
    &["tell", "me"],
    &["text", "me"],
    &["remind", "me", "if"],
    &["remind", "me", "when"],
    &["wake", "me", "if"],
    &["wake", "me", "when"],
    &["alert"],
    &["notify"],
    &["ping"],
    &["warn"],
    &["buzz"],
    &["alarm"],
    &["beep"],
];

/// Words that say nothing about when.
const AROUND: [&str; 32] = [
    "me", "if", "when", "once", "whenever", "as", "soon", "on", "for", "at", "is", "it", "it's", "the", "a",
    "of", "that", "price", "goes", "go", "gets", "get", "hits", "hit", "reaches", "trades", "touches",
    "moves", "changes", "move", "by", "to",
];

const UP: [&str; 16] = [
    "above", "over", "up", "rises", "rise", "exceeds", "tops", "gains", "climbs", "jumps", ">", ">=",
    "higher", "past", "rallies", "more",
];

const DOWN: [&str; 19] = [
    "below", "under", "drops", "drop", "falls", "fall", "dips", "dip", "down", "loses", "less", "<", "<=",
    "sinks", "crashes", "tanks", "lower", "slips", "breaks",
];

/// `alert me if nvda falls below 180`, `ping me when tsla moves 5%`.
pub(super) fn read(tokens: &[Token], context: &ParseContext<'_>) -> Option<Command> {
    let mut cursor = Cursor::new(tokens, context);
    if !OPENINGS.iter().any(|opening| cursor.take_all(opening)) {
        return None;
    }
    Some(rest(&mut cursor).unwrap_or_else(|trouble| super::question_back(trouble, context)))
}

fn ask(missing: Missing, message: &str) -> Trouble {
    Trouble::Missing(vec![missing], message.to_owned())
}

/// "drops 5": a number behind a word of change that says neither by how much nor to where.
fn is_change(cursor: &Cursor<'_>) -> bool {
    matches!(cursor.kind(0), Some(Kind::Number(_) | Kind::Money(_)))
        && cursor.before(1).is_some_and(|t| {
            matches!(
                t.text.as_str(),
                "rises"
                    | "rise"
                    | "gains"
                    | "climbs"
                    | "jumps"
                    | "rallies"
                    | "drops"
                    | "drop"
                    | "falls"
                    | "fall"
                    | "dips"
                    | "dip"
                    | "loses"
                    | "sinks"
                    | "crashes"
                    | "tanks"
                    | "slips"
                    | "moves"
                    | "move"
                    | "changes"
                    | "by"
            )
        })
}

fn rest(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let (mut instrument, mut price, mut percent) = (None, None, None);
    let (mut up, mut down) = (false, false);
    if cursor.take(&["remove", "delete", "cancel", "clear"]) {
        let told = "Alerts are taken off in their list, or with: arbion alert remove NUMBER.";
        return Err(Trouble::Refused(told.to_owned()));
    }
    while !cursor.is_done() {
        if let Some(value) = cursor.percent() {
            once(&mut percent, value, "changes")?;
        } else if is_change(cursor) {
            return Err(ask(Missing::Price, "By so much, or to it? Say to 220, below 220, or a per cent."));
        } else if let Some(value) = cursor.value() {
            once(&mut price, value, "prices")?;
        } else if cursor.take(&UP) {
            up = true;
        } else if cursor.take(&DOWN) {
            down = true;
        } else if cursor.take(&["crosses", "cross", "crossing", "than", "or"])
            || cursor.take(&AROUND)
            || matches!(cursor.kind(0), Some(Kind::At)) && cursor.take(&["@"])
            || cursor.take_pause()
        {
        } else if let Some(found) = cursor.instrument() {
            once(&mut instrument, one(found)?, "symbols")?;
        } else {
            return Err(cursor.not_understood());
        }
    }
    let Some(instrument) = instrument else {
        return Err(ask(Missing::Instrument, "An alert on which symbol?"));
    };
    // "breaks above 500", "drops over 5%": the plain word for a direction beats the colourful one where both are said.
    let falls = down && !(up && percent.is_none());
    match (price, percent) {
        (Some(_), Some(_)) => Err(Trouble::Refused("A price or a change in per cent; say one.".to_owned())),
        (None, Some(value)) if !value.is_zero() => {
            let value = if falls { -value.abs() } else { value };
            Ok(Command::Alert { instrument, when: AlertWhen::ChangePercent, value: value.normalize() })
        }
        (Some(value), None) if value > Decimal::ZERO => {
            let when = if falls { AlertWhen::Below } else { AlertWhen::Above };
            Ok(Command::Alert { instrument, when, value: value.normalize() })
        }
        _ => Err(ask(Missing::Price, "At which price, or which change in per cent?")),
    }
}
