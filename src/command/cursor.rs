//! A sentence read from its front. Readers take what they know; a word that nobody takes stops the sentence, so that nothing said is
//! ever dropped.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::Price;
use crate::domain::option::OptionContract;

use super::ParseContext;
use super::dates;
use super::lex::{Kind, Token};
use super::order::{self, Parsed, Trouble};
use super::symbols::{self, Found};
use super::types::Missing;
use super::words;

/// Tokens and a place in them.
pub(super) struct Cursor<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    context: &'a ParseContext<'a>,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(tokens: &'a [Token<'a>], context: &'a ParseContext<'a>) -> Self {
        Self { tokens, at: 0, context }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// The text so many tokens ahead; empty behind the end.
    pub(super) fn text(&self, ahead: usize) -> &'a str {
        self.tokens.get(self.at + ahead).map_or("", |token| token.text.as_str())
    }

    pub(super) fn token(&self, ahead: usize) -> Option<&'a Token<'a>> {
        self.tokens.get(self.at + ahead)
    }

    /// The token so many before the front.
    pub(super) fn before(&self, back: usize) -> Option<&'a Token<'a>> {
        self.at.checked_sub(back).and_then(|at| self.tokens.get(at))
    }

    /// The token that stands first of all.
    pub(super) fn first(&self) -> Option<&'a Token<'a>> {
        self.tokens.first()
    }

    pub(super) fn kind(&self, ahead: usize) -> Option<&'a Kind> {
        self.token(ahead).map(|token| &token.kind)
    }

    pub(super) const fn skip(&mut self, count: usize) {
        self.at += count;
    }

    /// Takes the front word if it is one of these.
    pub(super) fn take(&mut self, words: &[&str]) -> bool {
        let takes = !self.is_done() && words.contains(&self.text(0));
        self.at += usize::from(takes);
        takes
    }

    /// Takes these words if they stand at the front, in this order.
    pub(super) fn take_all(&mut self, words: &[&str]) -> bool {
        let takes = words.iter().enumerate().all(|(i, word)| self.text(i) == *word);
        self.at += if takes { words.len() } else { 0 };
        takes
    }

    /// Does a mark that only pauses stand at the front.
    pub(super) fn is_pause(&self) -> bool {
        matches!(self.kind(0), Some(Kind::Mark(',' | ':' | '!' | '.' | '…')))
    }

    /// Takes marks that only pause.
    pub(super) fn take_pause(&mut self) -> bool {
        let takes = self.is_pause();
        self.at += usize::from(takes);
        takes
    }

    /// A number or an amount of money, with its unit.
    pub(super) fn value(&mut self) -> Option<Decimal> {
        let (Kind::Number(value) | Kind::Money(value)) = self.kind(0)? else { return None };
        self.at += 1;
        if self.take(&["dollars", "dollar", "bucks", "usd"]) {
            return Some(*value);
        }
        Some(if self.take(&["cents", "cent"]) { *value / Decimal::ONE_HUNDRED } else { *value })
    }

    /// `5%`, `5 percent`, `5 pct`.
    pub(super) fn percent(&mut self) -> Option<Decimal> {
        match self.kind(0)? {
            Kind::Percent(value) => {
                self.at += 1;
                Some(*value)
            }
            Kind::Number(value) if matches!(self.text(1), "percent" | "pct") => {
                self.at += 2;
                Some(*value)
            }
            _ => None,
        }
    }

    /// An instrument. Words of the language are none, unless they are shouted or marked by a dollar sign.
    pub(super) fn instrument(&mut self) -> Option<Found> {
        let token = self.token(0)?;
        let plain = words::is_keyword(&token.text) && !token.raw.starts_with('$');
        let loud = token.is_shouted();
        if plain && !loud {
            return None;
        }
        let (found, used) = symbols::read(&self.tokens[self.at..], self.context)?;
        self.at += used;
        Some(found)
    }

    /// Is the front word in capitals where the sentence as a whole is not.
    pub(super) fn is_loud(&self) -> bool {
        self.token(0).is_some_and(Token::is_shouted)
            && self.tokens.iter().any(|t| t.kind == Kind::Word && !t.is_shouted())
    }

    /// Expiry and strike behind an underlying, if they stand there.
    pub(super) fn contract(&mut self, underlying: &Symbol) -> Parsed<Option<OptionContract>> {
        let Some((said, used)) = dates::read(&self.tokens[self.at..], self.context.today) else {
            return Ok(None);
        };
        let Some(Kind::Strike(strike, right)) = self.kind(used) else { return Ok(None) };
        let expiry = order::expiry(said, self.context, Some(underlying.as_str()))?;
        self.at += used + 1;
        Ok(Some(OptionContract {
            underlying: underlying.clone(),
            expiry,
            strike: Price::new(strike.normalize()),
            right: *right,
            root: None,
        }))
    }

    /// The day the sentence is read on.
    pub(super) const fn today(&self) -> Date {
        self.context.today
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [Token<'a>] {
        &self.tokens[self.at.min(self.tokens.len())..]
    }

    /// What is wrong with a word that nobody took.
    pub(super) fn not_understood(&self) -> Trouble {
        match self.token(0) {
            Some(Token { kind: Kind::Word, raw, .. }) => Trouble::Unknown((*raw).to_owned()),
            Some(token) => Trouble::Refused(format!("'{}' is one thing too many there.", token.raw)),
            None => Trouble::Refused("Something is missing at the end.".to_owned()),
        }
    }
}

/// The one instrument that was found, or the question which of several.
pub(super) fn one(found: Found) -> Parsed<Instrument> {
    match found {
        Found::One(instrument) => Ok(instrument),
        Found::Many(list) => {
            let names: Vec<String> = list.iter().map(ToString::to_string).collect();
            Err(Trouble::Missing(vec![Missing::Instrument], format!("Which one: {}?", names.join(", "))))
        }
    }
}
