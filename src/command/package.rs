//! A package written out leg by leg, as `explain` writes it:
//! `buy 1 package: +1 AAPL 2027-01-15 190C open, -1 AAPL 2027-01-15 200C open limit 2.35 debit day`.

use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::option::Leg;
use crate::domain::order::{PositionEffect, Side};

use super::ParseContext;
use super::cursor::{Cursor, one};
use super::lex::{Kind, Token};
use super::order::{self, Parsed, Reader, Trouble};
use super::types::{Amount, Command, Place, Subject};

/// Words before the legs at most.
const FRONT_MAX: usize = 6;
/// Legs of a package at least and at most.
const LEGS_MIN: usize = 2;
const LEGS_MAX: usize = 6;

/// The command, where the sentence has legs written out.
pub(super) fn read(tokens: &[Token], context: &ParseContext<'_>) -> Option<Parsed<Command>> {
    let at = tokens.iter().take(FRONT_MAX).position(|t| matches!(t.text.as_str(), "package" | "packages"))?;
    Some(command(tokens, at, context))
}

fn command(tokens: &[Token], at: usize, context: &ParseContext<'_>) -> Parsed<Command> {
    let mut cursor = Cursor::new(&tokens[at + 1..], context);
    while cursor.take_pause() {}
    let mut legs = vec![leg(&mut cursor)?];
    while matches!(cursor.kind(0), Some(Kind::Mark(','))) {
        cursor.skip(1);
        legs.push(leg(&mut cursor)?);
    }
    if !(LEGS_MIN..=LEGS_MAX).contains(&legs.len()) {
        return Err(Trouble::Refused(format!("A package has {LEGS_MIN} to {LEGS_MAX} legs.")));
    }
    // What stands around the legs is read like any order: verb and number before them, prices and durations behind.
    let around: Vec<Token> = tokens[..at].iter().chain(cursor.rest()).cloned().collect();
    let mut reader = Reader::new(&around, context, None);
    reader.read()?;
    let slots = reader.slots;
    if slots.instrument.is_some() || !slots.strikes.is_empty() || slots.spread.is_some() {
        return Err(Trouble::Refused("Say the legs, or the name of the package; not both.".to_owned()));
    }
    order::check_prices(&slots, true)?;
    order::only_a_package(&slots)?;
    let side = match slots.verb {
        Some(order::Verb::Buy) => Side::Buy,
        Some(order::Verb::Sell) => Side::Sell,
        _ => return Err(Trouble::Refused("A package is bought or sold.".to_owned())),
    };
    let quantity = order::whole_quantity(&slots)?;
    let terms = order::terms(&slots, AssetClass::Option, context)?;
    Ok(Command::Place(Place {
        side,
        position_effect: slots.effect,
        subject: Subject::Legs(legs),
        amount: Amount::Quantity(quantity),
        terms,
        exit_plan: None,
    }))
}

/// `+1 AAPL 2027-01-15 190C open`: sign and ratio, contract or symbol, what it does to the position.
fn leg(cursor: &mut Cursor<'_>) -> Parsed<Leg> {
    let (buy, ratio) = match (cursor.kind(0), cursor.token(0)) {
        (Some(Kind::Number(ratio)), Some(token)) if token.raw.starts_with(['+', '-']) && !ratio.is_zero() => {
            (ratio.is_sign_positive(), ratio.abs().normalize())
        }
        _ => {
            return Err(Trouble::Refused("A leg begins with its sign and ratio, as in +1 or -2.".to_owned()));
        }
    };
    cursor.skip(1);
    let found = cursor.instrument().ok_or_else(|| cursor.not_understood())?;
    let mut instrument = one(found)?;
    if let Instrument::Equity { symbol } = &instrument
        && let Some(contract) = cursor.contract(symbol)?
    {
        instrument = Instrument::Option(contract);
    }
    let position_effect = if cursor.take(&["close"]) { PositionEffect::Close } else { PositionEffect::Open };
    cursor.take(&["open"]);
    Ok(Leg { side: if buy { Side::Buy } else { Side::Sell }, position_effect, ratio, instrument })
}
