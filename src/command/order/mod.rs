//! Orders by slots: tokens are read in any sensible order after the verb, each into its slot. What fits no slot and is not on the
//! closed list of fillers stops the sentence: an order is never made of half a sentence.

mod amounts;
mod contract;
mod durations;
mod exits;
mod finish;
mod flags;
mod prices;
mod verbs;

use rust_decimal::Decimal;

use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::option::Right;
use crate::domain::order::{PositionEffect, PriceEffect, TimeInForce};

use super::ParseContext;
use super::dates::Said;
use super::lex::{Kind, Token};
use super::spread::SpreadKind;
use super::types::{LimitPeg, Missing};
use super::words;

pub(super) use finish::{
    check_prices, command, expiry, has_price, only_a_package, quantity_is_price, terms, whole_quantity,
};

/// Words of a number at most.
const NUMBER_WORDS_MAX: usize = 8;

/// What the verb asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Buy,
    Sell,
    Short,
    Cover,
    /// Close a position, whichever side it is on.
    Close,
    /// A trail or stop put on a position that is there.
    Protect,
}

/// Everything an order can say.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    pub(super) verb: Option<Verb>,
    pub(super) effect: Option<PositionEffect>,
    pub(super) quantity: Option<Decimal>,
    notional: Option<Decimal>,
    percent_of_position: Option<Decimal>,
    percent_of_power: Option<Decimal>,
    all: bool,
    pub(super) instrument: Option<Instrument>,
    ambiguous: Vec<Instrument>,
    pub(super) said_expiry: Vec<Said>,
    pub(super) strikes: Vec<(Decimal, Option<Right>)>,
    pub(super) right: Option<Right>,
    both_rights: bool,
    pub(super) spread: Option<SpreadKind>,
    limit: Option<Decimal>,
    stop: Option<Decimal>,
    trail_amount: Option<Decimal>,
    trail_percent: Option<Decimal>,
    peg: Option<LimitPeg>,
    market: bool,
    tif: Option<TimeInForce>,
    expire: Option<Said>,
    extended: bool,
    /// "regular hours" were said, which is what absence means; beside "extended" it is a contradiction.
    regular: bool,
    take_profit: Option<Decimal>,
    stop_loss: Option<Decimal>,
    broker: Option<&'static str>,
    post_only: bool,
    reduce_only: bool,
    pub(super) price_effect: Option<PriceEffect>,
    option_said: bool,
    perpetual: bool,
    numbers: Vec<Decimal>,
    wanted_units: Option<AssetClass>,
    missing_price: bool,
    /// "stop buy 50 msft 480": the number behind the quantity is the trigger, and the one behind that the limit.
    stop_last: bool,
    /// "limit" was said: there must be one in the end, beside a stop too.
    limit_named: bool,
    /// "contracts" were said: of a share there are none, so an option is meant.
    contracts_said: bool,
    /// A number of lots was said, which is a number of units only for options.
    lots_said: bool,
    /// "stop 180" was read as a bracket's loss, and nothing beside it says so but the target.
    bare_loss: bool,
    /// Strikes were said as a pair, `190/200`, which makes a vertical without saying so.
    strikes_paired: bool,
    /// A second number stood before the symbol.
    early_number: bool,
    /// "stop loss" or "trail" was said of a position, and its price or distance comes later.
    stop_named: bool,
    trail_named: bool,
    /// A two-digit year stands before a right, and no strike before it: "dec 18 30 call" may mean the strike 30.
    doubtful_year: bool,
    /// The stop was said before the limit: "stop 220 limit 219".
    stop_first: bool,
    /// A bracket was said: its exits must be too.
    bracket_said: bool,
    /// "some", "a few", "most": how many is not said.
    vague: bool,
    /// The quantity is a bare number behind a whole contract: "spy dec 18 610c 5". It may as well be the price.
    behind_contract: bool,
    /// The verb was "bid" or "offer", behind which a price may come first: "bid 184 for 100 aapl".
    price_first: bool,
}

/// Why a sentence is no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A word nobody knows.
    Unknown(String),
    /// Something was said twice, or cannot be.
    Refused(String),
    /// Something must be said.
    Missing(Vec<Missing>, String),
}

pub(super) type Parsed<T> = Result<T, Trouble>;

fn refuse<T>(text: impl Into<String>) -> Parsed<T> {
    Err(Trouble::Refused(text.into()))
}

/// Sets a slot that may be said once.
pub(super) fn once<T: PartialEq>(slot: &mut Option<T>, value: T, what: &str) -> Parsed<()> {
    match slot {
        Some(known) if *known != value => refuse(format!("Two different {what} were given; say one.")),
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
}

/// The reader: tokens, a place, and the slots.
pub(super) struct Reader<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    pub(super) slots: Slots,
    context: &'a ParseContext<'a>,
    /// This token is a symbol, whatever else its word means.
    forced: Option<usize>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tokens: &'a [Token<'a>], context: &'a ParseContext<'a>, forced: Option<usize>) -> Self {
        Self { tokens, at: 0, slots: Slots::default(), context, forced }
    }

    fn text(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", |token| token.text.as_str())
    }

    fn kind(&self, ahead: usize) -> Option<&Kind> {
        self.tokens.get(self.at + ahead).map(|token| &token.kind)
    }

    fn is(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(i, word)| self.text(i) == *word)
    }

    /// Skips marks and joining words before a value.
    fn skip(&mut self, joins: &[&str]) {
        while joins.contains(&self.text(0)) || matches!(self.kind(0), Some(Kind::At)) {
            self.at += 1;
        }
    }

    /// A price at the front, in digits or words: a number, money, or nothing.
    fn value(&mut self) -> Option<Decimal> {
        let (value, used) = match (self.kind(0)?, self.text(0), self.text(1)) {
            // "tp +20" says a distance, not a price.
            (Kind::Number(_), text, _) if text.starts_with('+') => return None,
            // "4 hundred" is one price.
            (Kind::Number(value), _, "hundred" | "thousand" | "grand" | "million") => {
                (words::factor(self.text(1)).map_or(*value, |factor| value.saturating_mul(factor)), 2)
            }
            (Kind::Number(value) | Kind::Money(value), ..) => (*value, 1),
            (_, "a" | "one", "dollar" | "buck" | "cent") => (Decimal::ONE, 1),
            // "twelve" and "fifty" side by side are 12.50 or 1250: neither is taken for the price.
            _ => self.number_words().filter(|(_, used)| self.number_words_at(*used).is_none())?,
        };
        self.at += used;
        if matches!(self.text(0), "dollars" | "dollar" | "bucks" | "buck" | "usd") {
            self.at += 1;
            let cents = if value.fract().is_zero() { self.cents_behind_dollars() } else { Decimal::ZERO };
            return Some(value + cents);
        }
        if matches!(self.text(0), "cents" | "cent") {
            self.at += 1;
            return Some(value / Decimal::ONE_HUNDRED);
        }
        Some(value)
    }

    /// "fifty" of "a dollar fifty", "and 5 cents" behind dollars; nothing where a number there may be something else.
    fn cents_behind_dollars(&mut self) -> Decimal {
        let and = usize::from(self.text(0) == "and");
        let found = match self.kind(and) {
            Some(Kind::Number(value)) => Some((*value, 1)),
            _ => self.number_words_at(and),
        };
        let Some((cents, used)) =
            found.filter(|(cents, _)| *cents > Decimal::ZERO && *cents < Decimal::ONE_HUNDRED)
        else {
            return Decimal::ZERO;
        };
        let named = matches!(self.text(and + used), "cents" | "cent");
        // Without the word it is cents only in words, and only once the amount is known.
        let amount_known = self.slots.quantity.is_some() || self.slots.notional.is_some() || self.slots.all;
        if !named && (!amount_known || matches!(self.kind(and), Some(Kind::Number(_)))) {
            return Decimal::ZERO;
        }
        self.at += and + used + usize::from(named);
        cents / Decimal::ONE_HUNDRED
    }

    /// A number in words at the front, and how many tokens it takes.
    fn number_words(&self) -> Option<(Decimal, usize)> {
        self.number_words_at(0)
    }

    fn number_words_at(&self, ahead: usize) -> Option<(Decimal, usize)> {
        if !matches!(self.kind(ahead)?, Kind::Word) {
            return None;
        }
        let rest = self.tokens.get(self.at + ahead..)?;
        let words: Vec<&str> = rest.iter().take(NUMBER_WORDS_MAX).map(|t| t.text.as_str()).collect();
        words::number_words(&words).map(|(value, used)| (Decimal::from(value), used))
    }

    /// A percentage at the front, and how many tokens it takes: `5%`, `5 percent`.
    fn percent_ahead(&self) -> Option<(Decimal, usize)> {
        match (self.kind(0)?, self.text(1)) {
            (Kind::Percent(percent), _) => Some((*percent, 1)),
            (Kind::Number(percent), "percent" | "pct") => Some((*percent, 2)),
            _ => {
                let (percent, used) = self.number_words()?;
                matches!(self.text(used), "percent" | "pct").then_some((percent, used + 1))
            }
        }
    }

    /// Reads the whole sentence after its verb.
    pub(super) fn read(&mut self) -> Parsed<()> {
        self.leading_pleasantries();
        self.verb()?;
        self.slots_to_end()?;
        self.settle_numbers()
    }

    /// Reads slots until nothing is left.
    fn slots_to_end(&mut self) -> Parsed<()> {
        while self.at < self.tokens.len() {
            let before = self.at;
            self.slot()?;
            if self.at == before {
                return Err(Trouble::Unknown(self.tokens[self.at].raw.to_owned()));
            }
        }
        Ok(())
    }

    /// Reads one slot at the front, or a filler.
    fn slot(&mut self) -> Parsed<()> {
        if self.forced == Some(self.at) {
            return self.symbol();
        }
        let start = self.at;
        let readers: [fn(&mut Self) -> Parsed<()>; 10] = [
            Self::exits,
            Self::stops,
            Self::durations,
            Self::limits,
            Self::amounts,
            Self::spreads,
            Self::contract,
            Self::flags,
            Self::symbol,
            Self::leftovers,
        ];
        for reader in readers {
            reader(self)?;
            if self.at != start {
                return Ok(());
            }
        }
        Ok(())
    }
}
