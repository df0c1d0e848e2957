//! Orders by slots: tokens are read in any sensible order after the verb, each into its slot. What fits no slot and is not on the
//! closed list of fillers stops the sentence: an order is never made of half a sentence.

use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{OptionContract, Right};
use crate::domain::order::{OrderType, PositionEffect, PriceEffect, Side, TimeInForce, TradingSession};

use super::ParseContext;
use super::dates::{self, DayError, Said};
use super::lex::{Kind, Token};
use super::spread::{self, SpreadKind};
use super::symbols::{self, Found};
use super::types::{Amount, Close, Command, LimitPeg, Missing, Place, PriceTerms, Subject};
use super::words;

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
    /// "contracts" were said: of a share there are none, so an option is meant.
    contracts_said: bool,
    /// Strikes were said as a pair, `190/200`, which makes a vertical without saying so.
    strikes_paired: bool,
    /// A second number stood before the symbol.
    early_number: bool,
    /// "stop loss" or "trail" was said of a position, and its price or distance comes later.
    stop_named: bool,
    trail_named: bool,
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
    tokens: &'a [Token],
    at: usize,
    pub(super) slots: Slots,
    context: &'a ParseContext<'a>,
    /// This token is a symbol, whatever else its word means.
    forced: Option<usize>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tokens: &'a [Token], context: &'a ParseContext<'a>, forced: Option<usize>) -> Self {
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

    /// A price at the front: a number, money, or nothing.
    fn value(&mut self) -> Option<Decimal> {
        let value = match self.kind(0)? {
            Kind::Number(value) | Kind::Money(value) => *value,
            _ => return None,
        };
        self.at += 1;
        if matches!(self.text(0), "dollars" | "dollar" | "bucks" | "usd") {
            self.at += 1;
        } else if matches!(self.text(0), "cents" | "cent") {
            self.at += 1;
            return Some(value / Decimal::ONE_HUNDRED);
        }
        Some(value)
    }

    /// Reads the whole sentence after its verb.
    pub(super) fn read(&mut self) -> Parsed<()> {
        self.leading_pleasantries();
        self.verb()?;
        while self.at < self.tokens.len() {
            let before = self.at;
            self.slot()?;
            if self.at == before {
                return Err(Trouble::Unknown(self.tokens[self.at].raw.clone()));
            }
        }
        self.settle_numbers()
    }

    fn leading_pleasantries(&mut self) {
        while self.forced != Some(self.at)
            && !(matches!(self.text(0), "on" | "in" | "at" | "with" | "from")
                && words::broker(self.text(1)).is_some())
            && (matches!(self.kind(0), Some(Kind::Mark(',' | ':')))
                || (words::is_filler(self.text(0)) && !matches!(self.text(0), "put" | "have")))
        {
            self.at += 1;
        }
    }

    fn verb(&mut self) -> Parsed<()> {
        let (verb, effect, used) = match (self.text(0), self.text(1), self.text(2)) {
            ("buy", "to", "open") | ("buying", "to", "open") => (Verb::Buy, Some(PositionEffect::Open), 3),
            ("buy", "to", "close") => (Verb::Buy, Some(PositionEffect::Close), 3),
            ("buy", "to", "cover") => (Verb::Cover, None, 3),
            ("sell", "to", "open") => (Verb::Sell, Some(PositionEffect::Open), 3),
            ("sell", "to", "close") => (Verb::Sell, Some(PositionEffect::Close), 3),
            ("sell", "short", _) | ("short", "sell", _) => (Verb::Short, None, 2),
            ("bto", ..) => (Verb::Buy, Some(PositionEffect::Open), 1),
            ("btc", ..) if self.at + 1 < self.tokens.len() => (Verb::Buy, Some(PositionEffect::Close), 1),
            ("btcover" | "bcover", ..) => (Verb::Cover, None, 1),
            ("sto" | "write" | "writing", ..) => (Verb::Sell, Some(PositionEffect::Open), 1),
            ("stc", ..) => (Verb::Sell, Some(PositionEffect::Close), 1),
            ("pick" | "load" | "scoop" | "snap" | "stock", "up", _)
            | ("go", "long", _)
            | ("get", "long", _) => (Verb::Buy, None, 2),
            ("load", "me", _) => (Verb::Buy, None, 2),
            ("go", "short", _) | ("get", "short", _) => (Verb::Short, None, 2),
            ("get", "out", "of") | ("get", "rid", "of") => (Verb::Close, None, 3),
            ("close" | "square" | "cash", "out", "of") => (Verb::Close, None, 3),
            ("close" | "square" | "cash", "out" | "off" | "up", _) => (Verb::Close, None, 2),
            (
                "buy" | "b" | "bot" | "purchase" | "get" | "grab" | "accumulate" | "add" | "long" | "acquire"
                | "bid" | "take" | "spend" | "invest" | "use" | "buying",
                ..,
            ) => (Verb::Buy, None, 1),
            ("put", ..)
                if matches!(self.kind(1), Some(Kind::Money(_) | Kind::Percent(_) | Kind::Number(_))) =>
            {
                (Verb::Buy, None, 1)
            }
            (
                "sell" | "s" | "sld" | "dump" | "unload" | "offload" | "trim" | "ditch" | "offer" | "selling"
                | "reduce",
                ..,
            ) => (Verb::Sell, None, 1),
            ("short" | "ss" | "shorting", ..) => (Verb::Short, None, 1),
            ("cover", ..) => (Verb::Cover, None, 1),
            ("close" | "exit" | "liquidate" | "flatten" | "square", ..) => (Verb::Close, None, 1),
            ("trail", ..) | ("tsl", ..) | ("trailing", ..) => (Verb::Protect, None, 0),
            ("put" | "set" | "place" | "have", ..) => return self.protect_or_clarify(),
            _ => return self.verbless(),
        };
        self.slots.verb = Some(verb);
        self.slots.effect = effect;
        self.at += used;
        Ok(())
    }

    /// `put a trailing stop of $2 on my spy`.
    fn protect_or_clarify(&mut self) -> Parsed<()> {
        self.at += 1;
        while words::is_filler(self.text(0)) && self.at < self.tokens.len() {
            self.at += 1;
        }
        if matches!(self.text(0), "trail" | "trailing" | "tsl") {
            self.slots.verb = Some(Verb::Protect);
            return Ok(());
        }
        if matches!(self.text(0), "limit" | "market" | "stop") {
            // "place a limit order to buy 100 ...": the verb comes later.
            return self.verbless();
        }
        self.verb_after_filler()
    }

    fn verb_after_filler(&mut self) -> Parsed<()> {
        if matches!(self.text(0), "put" | "set" | "place" | "have" | "") {
            self.verbless()
        } else {
            self.verb()
        }
    }

    /// The verb stands later: `+10 nvda`, `aapl 190c bto`, `limit buy 100 msft`, `100 f moc sell`.
    fn verbless(&mut self) -> Parsed<()> {
        if let Some(&Kind::Number(value)) = self.kind(0) {
            let raw = &self.tokens[self.at].raw;
            let verb = if raw.starts_with('+') {
                Some(Verb::Buy)
            } else if raw.starts_with('-') {
                Some(Verb::Sell)
            } else {
                None
            };
            if verb.is_some() {
                self.slots.verb = verb;
                self.slots.quantity = Some(value.abs());
                self.at += 1;
                return Ok(());
            }
        }
        let names = ["buy", "bto", "sell", "sto", "stc", "short", "cover", "bot", "sld", "purchase"];
        let later = (self.at..self.tokens.len())
            .find(|i| self.forced != Some(*i) && names.contains(&self.tokens[*i].text.as_str()));
        let Some(later) = later else {
            // "iron condor spy ... 0.85 cr": a package's price says its side.
            let named = (self.at..self.tokens.len()).any(|i| {
                let texts: Vec<&str> = self.tokens[i..].iter().take(4).map(|t| t.text.as_str()).collect();
                spread::name(&texts).is_some()
            });
            return if named {
                Ok(())
            } else if matches!(self.text(0), "stop" | "stp" | "sl" | "stop-loss" | "stoploss")
                && self.tokens[self.at..]
                    .iter()
                    .any(|t| t.text == "loss" || matches!(t.kind, Kind::Number(_) | Kind::Money(_)))
            {
                // A stop that neither buys nor sells is put under what is held.
                self.slots.verb = Some(Verb::Protect);
                Ok(())
            } else {
                Err(Trouble::Missing(vec![Missing::Side], "Buy or sell?".to_owned()))
            };
        };
        let start = self.at;
        self.at = later;
        self.verb()?;
        let used = self.at - later;
        // What stands before the verb is read as if it stood after it; a stop's own words come before its price.
        let mut front: Vec<Token> = self.tokens[start..later].to_vec();
        let mut rest: Vec<Token> = self.tokens[later + used..].to_vec();
        if front.iter().any(|t| matches!(t.text.as_str(), "stop" | "stp" | "trail" | "trailing" | "bracket"))
        {
            front.append(&mut rest);
        } else {
            rest.append(&mut front);
            front = rest;
        }
        let mut rest = Reader {
            tokens: &front,
            at: 0,
            slots: std::mem::take(&mut self.slots),
            context: self.context,
            forced: None,
        };
        while rest.at < rest.tokens.len() {
            let before = rest.at;
            rest.slot()?;
            if rest.at == before {
                return Err(Trouble::Unknown(rest.tokens[rest.at].raw.clone()));
            }
        }
        self.slots = rest.slots;
        self.at = self.tokens.len();
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

    /// Take-profit and stop-loss prices of a bracket.
    fn exits(&mut self) -> Parsed<()> {
        let start = self.at;
        if self.is(&["bracket"]) {
            self.at += 1;
            return Ok(());
        }
        let profit = match (self.text(0), self.text(1)) {
            ("take", "profit" | "profits") | ("profit", "target") | ("price", "target") => 2,
            ("tp" | "target" | "pt" | "takeprofit" | "take-profit" | "tgt", _) => 1,
            _ => 0,
        };
        if profit > 0 {
            self.at += profit;
            self.skip(&["at", "of", "to", "is", "=", ":"]);
            if let Some(Kind::Percent(_)) = self.kind(0) {
                return refuse(
                    "Give the bracket's exits as prices; percentages are set in the order ticket.",
                );
            }
            return match self.value() {
                Some(price) => once(&mut self.slots.take_profit, price, "profit targets"),
                None => refuse("At which price is the profit taken?"),
            };
        }
        let loss = match (self.text(0), self.text(1)) {
            ("stop", "loss") => 2,
            ("sl" | "stoploss" | "stop-loss", _) => 1,
            // "with a stop at 400 and target 430": a stop beside a target is the bracket's.
            ("stop", _)
                if (self.slots.take_profit.is_some() || self.has_target_ahead())
                    && !self.has_loss_ahead() =>
            {
                1
            }
            _ => 0,
        };
        if loss > 0 {
            self.at += loss;
            self.skip(&["at", "of", "to", "is", "=", ":"]);
            if let Some(Kind::Percent(_)) = self.kind(0) {
                return refuse(
                    "Give the bracket's exits as prices; percentages are set in the order ticket.",
                );
            }
            return match self.value() {
                // What closes has nothing to protect: its "stop loss" is the stop order itself.
                Some(price)
                    if matches!(
                        self.slots.verb,
                        Some(Verb::Sell | Verb::Close | Verb::Cover | Verb::Protect)
                    ) && self.slots.effect != Some(PositionEffect::Open) =>
                {
                    once(&mut self.slots.stop, price, "stop prices")
                }
                Some(price) => once(&mut self.slots.stop_loss, price, "stop losses"),
                // "stop loss aapl 220": the symbol comes first.
                None if self.slots.verb == Some(Verb::Protect) && self.at < self.tokens.len() => {
                    self.slots.stop_named = true;
                    Ok(())
                }
                None => Err(Trouble::Missing(
                    vec![Missing::Price],
                    "At which price is the loss stopped?".to_owned(),
                )),
            };
        }
        self.at = start;
        Ok(())
    }

    fn has_target_ahead(&self) -> bool {
        self.tokens[self.at..]
            .iter()
            .any(|t| matches!(t.text.as_str(), "tp" | "target" | "pt" | "profit" | "tgt"))
    }

    /// Is the bracket's loss named by its own word, so that "stop" is the entry's trigger.
    fn has_loss_ahead(&self) -> bool {
        self.tokens[self.at + 1..].iter().enumerate().any(|(i, t)| {
            matches!(t.text.as_str(), "sl" | "stoploss" | "stop-loss")
                || t.text == "loss" && i > 0 && self.tokens[self.at + i].text == "stop"
        })
    }

    /// Stop and trail prices.
    fn stops(&mut self) -> Parsed<()> {
        match (self.text(0), self.text(1)) {
            ("trail" | "trailing" | "tsl", _) => {
                self.at += 1;
                while matches!(
                    self.text(0),
                    "stop" | "stp" | "by" | "of" | "loss" | "at" | "order" | "a" | "with"
                ) {
                    self.at += 1;
                }
                match self.kind(0) {
                    Some(Kind::Percent(percent)) => {
                        let percent = *percent;
                        self.at += 1;
                        once(&mut self.slots.trail_percent, percent, "trails")
                    }
                    Some(Kind::Number(value)) if matches!(self.text(1), "percent" | "pct") => {
                        let percent = *value;
                        self.at += 2;
                        once(&mut self.slots.trail_percent, percent, "trails")
                    }
                    _ => match self.value() {
                        Some(amount) => once(&mut self.slots.trail_amount, amount, "trails"),
                        // "5% trailing": the number stood before.
                        None if self.slots.trail_percent.is_some() || self.slots.trail_amount.is_some() => {
                            Ok(())
                        }
                        // "trail my nvda by 4%": the symbol comes first.
                        None if self.slots.verb == Some(Verb::Protect) && self.at < self.tokens.len() => {
                            self.slots.trail_named = true;
                            Ok(())
                        }
                        None => refuse("How far does the stop trail? Give per cent or an amount."),
                    },
                }
            }
            ("stop" | "stp" | "stops" | "stplmt" | "stoplimit" | "stop-limit", _) => {
                self.at += 1;
                if matches!(self.text(0), "limit" | "lmt") && matches!(self.text(1), "order" | "at") {
                    self.at += 1;
                }
                self.skip(&["at", "of", "price", "order", "is", "market", "=", "on", "a"]);
                // "buy stop 10 aapl @ 240": a number before a name is the quantity.
                let quantity_first = self.slots.quantity.is_none()
                    && matches!(self.kind(0), Some(Kind::Number(_)))
                    && matches!(self.kind(1), Some(Kind::Word))
                    && !words::is_keyword(self.text(1));
                match if quantity_first { None } else { self.value() } {
                    Some(price) => {
                        once(&mut self.slots.stop, price, "stop prices")?;
                        if matches!(self.kind(0), Some(Kind::Mark('/'))) {
                            self.at += 1;
                        }
                        Ok(())
                    }
                    None if self.tokens[self.at..]
                        .iter()
                        .any(|t| matches!(t.kind, Kind::At | Kind::Number(_) | Kind::Money(_))) =>
                    {
                        self.stop_price_later()
                    }
                    None => Err(Trouble::Missing(
                        vec![Missing::Price],
                        "At which price does the stop trigger?".to_owned(),
                    )),
                }
            }
            _ => Ok(()),
        }
    }

    /// `stop sell 10 aapl at 180`, `buy stop 10 aapl @ 240`: the price marked by "at" later is the trigger.
    fn stop_price_later(&mut self) -> Parsed<()> {
        let marker = (self.at..self.tokens.len()).rev().find(|i| {
            let marked = matches!(self.tokens[*i].kind, Kind::At) || self.tokens[*i].text == "at";
            marked
                && matches!(self.tokens.get(*i + 1).map(|t| &t.kind), Some(Kind::Number(_) | Kind::Money(_)))
        });
        let Some(marker) = marker else { return refuse("At which price does the stop trigger?") };
        if let Kind::Number(price) | Kind::Money(price) = self.tokens[marker + 1].kind {
            once(&mut self.slots.stop, price, "stop prices")?;
            self.slots.missing_price = true;
        }
        Ok(())
    }

    /// Times in force and sessions.
    fn durations(&mut self) -> Parsed<()> {
        let (tif, used) = match (self.text(0), self.text(1), self.text(2), self.text(3)) {
            (
                "good",
                "till" | "til" | "until" | "'til",
                "canceled" | "cancelled" | "cancel" | "cancellation",
                _,
            ) => (TimeInForce::Gtc, 3),
            ("good" | "valid", "for", "the", "day") => (TimeInForce::Day, 4),
            ("good" | "valid", "for", "today" | "day", _) => (TimeInForce::Day, 3),
            ("good", "today" | "day", ..) => (TimeInForce::Day, 2),
            ("for", "the", "day", _) => (TimeInForce::Day, 3),
            ("for", "today", ..) => (TimeInForce::Day, 2),
            ("day", "order" | "only", ..) => (TimeInForce::Day, 2),
            ("today", "only", ..) => (TimeInForce::Day, 2),
            ("day", ..) => (TimeInForce::Day, 1),
            ("gtc", ..) => (TimeInForce::Gtc, 1),
            ("immediate", "or", "cancel", _) => (TimeInForce::Ioc, 3),
            ("immediate-or-cancel" | "ioc", ..) => (TimeInForce::Ioc, 1),
            ("fill", "or", "kill", _) => (TimeInForce::Fok, 3),
            ("fok" | "fill-or-kill", ..) => (TimeInForce::Fok, 1),
            ("all", "or", "nothing" | "none", _) => {
                return refuse("All-or-none is not offered; fill-or-kill (fok) is.");
            }
            ("at" | "on", "the", "open" | "opening" | "opg", _) => (TimeInForce::Opg, 3),
            ("at" | "on", "open" | "opening", ..) | ("opening", "auction", ..) => (TimeInForce::Opg, 2),
            ("market" | "limit", "on" | "at", "open", _) => (TimeInForce::Opg, 3),
            ("opg" | "moo" | "loo", ..) => (TimeInForce::Opg, 1),
            ("at" | "on", "the", "close" | "closing" | "bell", _) => (TimeInForce::Cls, 3),
            ("at" | "on", "close" | "closing", ..) | ("closing", "auction", ..) => (TimeInForce::Cls, 2),
            ("market" | "limit", "on" | "at", "close", _) => (TimeInForce::Cls, 3),
            ("cls" | "moc" | "loc", ..) => (TimeInForce::Cls, 1),
            ("gtd", ..) => (TimeInForce::Gtd, 1),
            ("good", "till" | "til" | "until" | "through" | "thru", ..) => (TimeInForce::Gtd, 2),
            ("until" | "till" | "til", "canceled" | "cancelled" | "cancel", ..) => (TimeInForce::Gtc, 2),
            ("until" | "till" | "til" | "through" | "thru", ..)
                if dates::read(&self.tokens[self.at + 1..], self.context.today).is_some() =>
            {
                (TimeInForce::Gtd, 1)
            }
            _ => return self.sessions(),
        };
        self.at += used;
        once(&mut self.slots.tif, tif, "times in force")?;
        if matches!(self.text(0), "auction" | "order" | "bell") && tif != TimeInForce::Gtd {
            self.at += 1;
        }
        if tif == TimeInForce::Gtd {
            match dates::read(&self.tokens[self.at..], self.context.today) {
                Some((said, used)) => {
                    self.slots.expire = Some(said);
                    self.at += used;
                }
                None => return Err(Trouble::Missing(vec![Missing::Date], "Until which day?".to_owned())),
            }
        }
        Ok(())
    }

    fn sessions(&mut self) -> Parsed<()> {
        let used = match (self.text(0), self.text(1), self.text(2)) {
            ("outside" | "in", "regular", "hours") | ("in" | "during", "extended", "hours") => 3,
            ("outside", "rth", _)
            | ("extended", "hours" | "session", _)
            | ("after", "hours", _)
            | ("pre" | "post", "market", _) => 2,
            (
                "ext" | "extended" | "premarket" | "pre-market" | "postmarket" | "post-market" | "afterhours"
                | "after-hours" | "extended-hours" | "ah" | "overnight",
                ..,
            ) => 1,
            _ => 0,
        };
        if used > 0 {
            self.at += used;
            self.slots.extended = true;
            if self.text(0) == "session" {
                self.at += 1;
            }
        }
        Ok(())
    }

    /// Limits, pegs and the word market.
    fn limits(&mut self) -> Parsed<()> {
        let marked = matches!(self.kind(0), Some(Kind::At)) || matches!(self.text(0), "at" | "for" | "@");
        let after = usize::from(marked);
        // "limit at mid", "at the bid", "at market".
        let mut ahead = after;
        while (matches!(self.text(ahead), "the" | "a" | "current" | "of" | "price")
            // "limit at the bid" is a limit; "limit market" is two different orders.
            || matches!(self.text(ahead), "limit" | "lmt") && !matches!(self.text(ahead + 1), "market" | "mkt"))
            && matches!(
                self.text(ahead + 1),
                "mid"
                    | "midpoint"
                    | "mid-price"
                    | "midprice"
                    | "bid"
                    | "ask"
                    | "offer"
                    | "last"
                    | "market"
                    | "mkt"
                    | "natural"
                    | "nat"
                    | "best"
                    | "current"
                    | "the"
            )
        {
            ahead += 1;
        }
        let peg = match self.text(ahead) {
            "mid" | "midpoint" | "mid-price" | "midprice" => Some(LimitPeg::Mid),
            "bid" if marked || ahead > after || self.at > 0 => Some(LimitPeg::Bid),
            "ask" | "offer" if marked || ahead > after => Some(LimitPeg::Ask),
            "ask" => Some(LimitPeg::Ask),
            "last" if marked || ahead > after => Some(LimitPeg::Last),
            _ => None,
        };
        if let Some(peg) = peg {
            self.at += ahead + 1;
            while matches!(self.text(0), "price" | "point" | "limit") {
                self.at += 1;
            }
            return once(&mut self.slots.peg, peg, "prices");
        }
        if matches!(self.text(ahead), "market" | "mkt") {
            self.at += ahead + 1;
            while matches!(self.text(0), "price" | "order" | "prices") {
                self.at += 1;
            }
            self.slots.market = true;
            return Ok(());
        }
        let lead = match (self.text(0), self.text(1), self.text(2)) {
            ("no" | "not", "more", "than") | ("no", "higher" | "lower" | "less" | "worse", "than") => 3,
            ("at", "most" | "least" | "worst", _)
            | ("or", "less" | "more", _)
            | ("up", "to", _)
            | ("for", "at", _) => 2,
            (
                "limit" | "lmt" | "limited" | "max" | "maximum" | "min" | "minimum" | "under" | "below"
                | "above" | "over",
                ..,
            ) => 1,
            _ => 0,
        };
        let start = self.at;
        if lead > 0 {
            self.at += lead;
            self.skip(&["at", "of", "price", "order", "is", "to", "=", "than", "a", "for", "most", "least"]);
            if matches!(self.text(0), "buy" | "sell") {
                self.at += 1;
            }
            return match self.value() {
                Some(price) => self.limit_price(price),
                // "a limit order at 185", "limit order": the price comes with "at".
                None if matches!(self.tokens[start].text.as_str(), "limit" | "lmt") => {
                    self.slots.missing_price = self.slots.limit.is_none();
                    Ok(())
                }
                None => {
                    self.at = start;
                    Ok(())
                }
            };
        }
        if marked {
            self.at += 1;
            while matches!(self.text(0), "a" | "the" | "net" | "price" | "limit" | "lmt" | "of" | "about")
                && self.at < self.tokens.len()
            {
                self.at += 1;
            }
            if let Some(Kind::Percent(_)) = self.kind(0) {
                self.at = start;
                return Ok(());
            }
            if let Some(value) = self.value() {
                if matches!(self.text(0), "and") && matches!(self.text(1), "a" | "half" | "change") {
                    return refuse("Give the price in digits.");
                }
                // "sell 20 amd stop ... at 150" was read ahead.
                if self.slots.missing_price && self.slots.stop == Some(value) && self.slots.limit.is_none() {
                    self.slots.missing_price = false;
                    return Ok(());
                }
                return self.limit_price(value);
            }
            self.at = start;
        }
        // "450 lmt", "2.35 or better", "3.20 debit", "1.10 cr".
        if let Some(Kind::Number(value) | Kind::Money(value)) = self.kind(0) {
            let value = *value;
            let tail = match (self.text(1), self.text(2)) {
                ("or", "better" | "less" | "lower" | "higher" | "more") => 3,
                // "aapl 10 limit 240": the number after the word is the limit, the one before is not.
                ("lmt" | "limit", _)
                    if self.slots.quantity.is_some()
                        && !matches!(self.kind(2), Some(Kind::Number(_) | Kind::Money(_))) =>
                {
                    2
                }
                _ => 0,
            };
            if tail > 0 {
                self.at += tail;
                return self.limit_price(value);
            }
            if matches!(self.text(1), "debit" | "db" | "dr" | "credit" | "cr") {
                self.at += 1;
                return self.limit_price(value);
            }
        }
        if self.is(&["or", "better"]) {
            self.at += 2;
        }
        Ok(())
    }

    fn limit_price(&mut self, value: Decimal) -> Parsed<()> {
        self.slots.missing_price = false;
        once(&mut self.slots.limit, value, "limit prices")?;
        if self.is(&["or", "better"]) || self.is(&["or", "less"]) || self.is(&["or", "more"]) {
            self.at += 2;
        } else if matches!(self.text(0), "each" | "apiece")
            || (matches!(self.text(0), "lmt" | "limit")
                && !matches!(self.kind(1), Some(Kind::Number(_) | Kind::Money(_))))
        {
            self.at += 1;
        }
        Ok(())
    }

    /// How much.
    fn amounts(&mut self) -> Parsed<()> {
        if let Some(Kind::Percent(percent)) = self.kind(0) {
            let percent = *percent;
            self.at += 1;
            return self.percent(percent);
        }
        if let (Some(Kind::Number(value)), "percent" | "pct") = (self.kind(0), self.text(1)) {
            let percent = *value;
            self.at += 2;
            return self.percent(percent);
        }
        if let Some(used) = self.fraction() {
            return used;
        }
        if let Some(Kind::Money(value)) = self.kind(0) {
            let value = *value;
            self.at += 1;
            // "$240 call" is a strike.
            let right = match self.text(0) {
                "call" | "calls" => Some(Right::Call),
                "put" | "puts" => Some(Right::Put),
                _ => None,
            };
            if right.is_some() && self.slots.quantity.is_some() {
                self.at += 1;
                self.slots.strikes.push((value, right));
                self.slots.option_said = true;
                return Ok(());
            }
            return self.money(value);
        }
        let words: Vec<&str> = self.tokens[self.at..].iter().take(8).map(|t| t.text.as_str()).collect();
        let (value, used) = match self.kind(0) {
            Some(Kind::Number(value)) => (*value, 1),
            Some(Kind::Word) => match words::number_words(&words) {
                Some((value, used)) => (Decimal::from(value), used),
                None => return Ok(()),
            },
            Some(Kind::Times(value)) => {
                let value = *value;
                self.at += 1;
                return once(&mut self.slots.quantity, value, "quantities");
            }
            _ => return Ok(()),
        };
        // "10 thousand", "2 dozen": the word belongs to the digits before it. A grand is money.
        let factor =
            matches!(self.kind(0), Some(Kind::Number(_))).then(|| words::factor(self.text(1))).flatten();
        let (value, used) = match factor {
            Some(factor) => (value.saturating_mul(factor), 2),
            None => (value, used),
        };
        if words[..used.min(words.len())].contains(&"grand") {
            self.at += used;
            return self.money(value);
        }
        // A day of the month is no quantity.
        if matches!(self.kind(0), Some(Kind::Number(_)))
            && self.slots.quantity.is_some()
            && dates::read(&self.tokens[self.at..], self.context.today).is_some_and(|(_, n)| n > 1)
        {
            return Ok(());
        }
        if matches!(self.text(used), "dollars" | "dollar" | "bucks" | "usd" | "worth") {
            self.at += used + 1;
            return self.money(value);
        }
        if self.text(used) == "dte" {
            return Ok(());
        }
        self.at += used;
        // thinkorswim writes what is sold as a negative number: SELL -100 AAPL @240 LMT.
        let sells = matches!(self.slots.verb, Some(Verb::Sell | Verb::Short));
        let value = if sells && self.is_signed_line() { value.abs() } else { value };
        if self.slots.stop_named && self.slots.stop.is_none() {
            self.slots.stop_named = false;
            return once(&mut self.slots.stop, value, "stop prices");
        }
        if self.slots.trail_named {
            self.slots.trail_named = false;
            return once(&mut self.slots.trail_amount, value, "trails");
        }
        if self.spends_money() && self.slots.notional.is_none() && self.slots.quantity.is_none() {
            return self.money(value);
        }
        self.slots.numbers.push(value);
        self.slots.early_number |= self.slots.quantity.is_some() && self.slots.instrument.is_none();
        if self.slots.quantity.is_none() && self.slots.numbers.len() == 1 && !self.slots.all {
            self.slots.numbers.pop();
            // "aapl 190 put": a number before a right is its strike.
            if matches!(self.text(0), "call" | "calls" | "put" | "puts" | "strike" | "c" | "p") {
                let right = match self.text(0) {
                    "call" | "calls" | "c" => Some(Right::Call),
                    "put" | "puts" | "p" => Some(Right::Put),
                    _ => None,
                };
                if self.slots.instrument.is_some() || value.fract() != Decimal::ZERO || right.is_none() {
                    self.at += 1;
                    self.slots.strikes.push((value, right));
                    self.slots.option_said = true;
                    return Ok(());
                }
            }
            self.slots.quantity = Some(value);
        }
        Ok(())
    }

    /// Is this a line as thinkorswim writes and copies them: signed quantity, price behind an `@` or the order type in letters.
    fn is_signed_line(&self) -> bool {
        let signed = |t: &Token| matches!(t.kind, Kind::Number(_)) && t.raw.starts_with(['+', '-']);
        self.tokens.iter().any(signed)
            && self.tokens.iter().any(|t| {
                matches!(t.kind, Kind::At) || matches!(t.text.as_str(), "lmt" | "mkt" | "stp" | "limit")
            })
    }

    fn spends_money(&self) -> bool {
        self.tokens.iter().take(3).any(|t| matches!(t.text.as_str(), "spend" | "invest"))
    }

    fn money(&mut self, value: Decimal) -> Parsed<()> {
        if self.slots.stop_named && self.slots.stop.is_none() {
            self.slots.stop_named = false;
            return once(&mut self.slots.stop, value, "stop prices");
        }
        if self.slots.trail_named {
            self.slots.trail_named = false;
            return once(&mut self.slots.trail_amount, value, "trails");
        }
        if matches!(self.text(0), "worth") {
            self.at += 1;
        }
        // Money after a price marker was a price; money on its own is an amount, unless there is an amount already.
        if self.slots.quantity.is_some()
            || self.slots.notional.is_some()
            || self.slots.all
            || self.slots.percent_of_position.is_some()
        {
            if self.slots.limit.is_none() && self.text(0) != "of" {
                return self.limit_price(value);
            }
            return refuse("Two amounts were given; say one.");
        }
        self.slots.notional = Some(value);
        Ok(())
    }

    fn percent(&mut self, percent: Decimal) -> Parsed<()> {
        if self.slots.trail_named {
            self.slots.trail_named = false;
            return once(&mut self.slots.trail_percent, percent, "trails");
        }
        if matches!(self.text(0), "trail" | "trailing") {
            self.at += 1;
            while matches!(self.text(0), "stop" | "stp" | "loss") {
                self.at += 1;
            }
            return once(&mut self.slots.trail_percent, percent, "trails");
        }
        if percent <= Decimal::ZERO || percent > Decimal::ONE_HUNDRED {
            return refuse(format!("{percent} % cannot be; allowed is above 0 to 100."));
        }
        let start = self.at;
        while matches!(self.text(0), "of" | "my" | "the" | "available" | "all") {
            self.at += 1;
        }
        match (self.text(0), self.text(1)) {
            ("buying", "power") => {
                self.at += 2;
                once(&mut self.slots.percent_of_power, percent, "amounts")
            }
            ("bp", _) => {
                self.at += 1;
                once(&mut self.slots.percent_of_power, percent, "amounts")
            }
            ("account" | "equity" | "portfolio" | "cash" | "capital" | "net", _) => refuse(
                "A percentage of the account is set in the order ticket; here say a number, money, or a percentage of buying power.",
            ),
            _ => {
                self.at = start;
                once(&mut self.slots.percent_of_position, percent, "amounts")
            }
        }
    }

    /// Half, a third, all, everything. `None` when there is none.
    fn fraction(&mut self) -> Option<Parsed<()>> {
        let third = Decimal::new(3_333, 2);
        let (percent, used) = match (self.text(0), self.text(1), self.text(2)) {
            ("one" | "a", "half", _) | ("half", "of" | "my" | "the", _) => {
                (Decimal::from(50), if self.text(0) == "half" { 1 } else { 2 })
            }
            ("half", ..) => (Decimal::from(50), 1),
            ("one" | "a", "third", _) => (third, 2),
            ("third", ..) => (third, 1),
            ("two", "thirds", _) | ("2", "thirds", _) => (Decimal::new(6_667, 2), 2),
            ("two-thirds", ..) => (Decimal::new(6_667, 2), 1),
            ("one" | "a", "quarter", _) => (Decimal::from(25), 2),
            ("quarter", ..) => (Decimal::from(25), 1),
            ("three", "quarters", _) | ("3", "quarters", _) => (Decimal::from(75), 2),
            ("all" | "everything" | "entire" | "whole" | "every", ..) => (Decimal::ONE_HUNDRED, 1),
            ("rest" | "remaining" | "remainder", ..) => (Decimal::ONE_HUNDRED, 1),
            _ => match (self.kind(0), self.tokens.get(self.at).map(|t| t.text.as_str())) {
                (Some(Kind::Date | Kind::Strikes(_)), Some("1/2"))
                    if self.slots.verb.is_some_and(|v| v != Verb::Buy) =>
                {
                    (Decimal::from(50), 1)
                }
                (Some(Kind::Date | Kind::Strikes(_)), Some("1/3"))
                    if self.slots.verb.is_some_and(|v| v != Verb::Buy) =>
                {
                    (third, 1)
                }
                (Some(Kind::Date | Kind::Strikes(_)), Some("1/4"))
                    if self.slots.verb.is_some_and(|v| v != Verb::Buy) =>
                {
                    (Decimal::from(25), 1)
                }
                _ => return None,
            },
        };
        // "a hundred" is no fraction and was tried first by the caller's words; "all" may be the ticker.
        self.at += used;
        while matches!(self.text(0), "of" | "my" | "the") {
            self.at += 1;
        }
        if percent == Decimal::ONE_HUNDRED {
            // "all 100 of my aapl" says a number too.
            self.slots.all = true;
            return Some(Ok(()));
        }
        Some(once(&mut self.slots.percent_of_position, percent, "amounts"))
    }

    fn spreads(&mut self) -> Parsed<()> {
        let texts: Vec<&str> = self.tokens[self.at..].iter().take(4).map(|t| t.text.as_str()).collect();
        if let Some((kind, right, used)) = spread::name(&texts) {
            self.at += used;
            if let Some(right) = right {
                self.slots.right = Some(right);
            }
            self.slots.option_said = true;
            return once(&mut self.slots.spread, kind, "spreads");
        }
        let effect = match self.text(0) {
            "debit" | "db" | "dr" => PriceEffect::Debit,
            "credit" | "cr" => PriceEffect::Credit,
            "even" => PriceEffect::Even,
            _ => return Ok(()),
        };
        self.at += 1;
        once(&mut self.slots.price_effect, effect, "price effects")
    }

    /// Expiry, strike, right.
    fn contract(&mut self) -> Parsed<()> {
        match self.kind(0) {
            Some(Kind::Strike(strike, right)) => {
                let (strike, right) = (*strike, *right);
                // "10c" beside no option could be anything else, but nothing else is written so.
                self.at += 1;
                self.slots.strikes.push((strike, Some(right)));
                self.slots.option_said = true;
                return Ok(());
            }
            Some(Kind::Strikes(list)) => {
                let list = list.clone();
                self.at += 1;
                self.slots.strikes.extend(list);
                self.slots.strikes_paired = true;
                self.slots.option_said = true;
                return Ok(());
            }
            _ => {}
        }
        let right = match self.text(0) {
            "call" | "calls" | "c" => Some(Right::Call),
            "put" | "puts" | "p" => Some(Right::Put),
            "call/put" | "put/call" => {
                self.at += 1;
                self.slots.both_rights = true;
                return Ok(());
            }
            _ => None,
        };
        if let Some(right) = right {
            self.at += 1;
            self.slots.option_said = true;
            return once(&mut self.slots.right, right, "rights");
        }
        if matches!(self.text(0), "option" | "options") {
            self.at += 1;
            self.slots.option_said = true;
            return Ok(());
        }
        if matches!(self.text(0), "contract" | "contracts") {
            self.at += 1;
            self.slots.contracts_said = true;
            return Ok(());
        }
        if self.text(0) == "strike" || self.text(0) == "strikes" {
            self.at += 1;
            if let Some(value) = self.value() {
                self.slots.strikes.push((value, None));
            }
            self.slots.option_said = true;
            return Ok(());
        }
        if let Some((said, used)) = dates::read(&self.tokens[self.at..], self.context.today) {
            // "today" and a weekday are filler or a date only where an option is meant.
            let weak = matches!(self.text(0), "today" | "tomorrow" | "may" | "mar" | "sep" | "this" | "next")
                && !self.option_ahead();
            if !weak {
                self.at += used;
                self.slots.said_expiry.push(said);
                if matches!(self.text(0), "out") {
                    self.at += 1;
                }
                return Ok(());
            }
        }
        if matches!(self.text(0), "monthly" | "monthlies") {
            self.at += 1;
            self.slots.said_expiry.push(Said::Month(self.context.today.year(), self.context.today.month()));
        } else if matches!(self.text(0), "weekly" | "weeklys" | "weeklies") {
            self.at += 1;
            let friday = self.context.calendar.weekly_expiry(self.context.today);
            self.slots.said_expiry.push(Said::Day(friday));
        }
        Ok(())
    }

    fn option_ahead(&self) -> bool {
        self.slots.option_said
            || self.tokens.iter().any(|t| {
                matches!(t.kind, Kind::Strike(..) | Kind::Strikes(_))
                    || matches!(
                        t.text.as_str(),
                        "call"
                            | "calls"
                            | "put"
                            | "puts"
                            | "expiry"
                            | "exp"
                            | "expiring"
                            | "straddle"
                            | "strangle"
                            | "condor"
                            | "spread"
                    )
            })
    }

    /// Broker, post only, reduce only, perpetual.
    fn flags(&mut self) -> Parsed<()> {
        match (self.text(0), self.text(1)) {
            ("post", "only") | ("maker", "only") => {
                self.at += 2;
                self.slots.post_only = true;
            }
            ("post-only" | "postonly", _) => {
                self.at += 1;
                self.slots.post_only = true;
            }
            ("reduce", "only") => {
                self.at += 2;
                self.slots.reduce_only = true;
            }
            ("reduce-only" | "reduceonly", _) => {
                self.at += 1;
                self.slots.reduce_only = true;
            }
            // "use 25% of buying power to buy qqq" names the verb again; "close my short tsla" the side that is held.
            ("to", "buy" | "purchase") if self.slots.verb == Some(Verb::Buy) => self.at += 2,
            ("short" | "long", _) if matches!(self.slots.verb, Some(Verb::Close | Verb::Cover)) => {
                self.at += 1
            }
            ("perp" | "perps" | "perpetual", _) => {
                self.at += 1;
                self.slots.perpetual = true;
            }
            ("via" | "through" | "using" | "on" | "with" | "at" | "in" | "from" | "over", _) => {
                let skip = 1 + usize::from(matches!(self.text(1), "my" | "the"));
                if let Some(broker) = words::broker(self.text(skip)) {
                    self.at += skip + 1;
                    while matches!(self.text(0), "account" | "brokers" | "broker" | "brokerage") {
                        self.at += 1;
                    }
                    return once(&mut self.slots.broker, broker, "brokers");
                }
            }
            (word, _) => {
                if let Some(broker) = words::broker(word)
                    && (matches!(self.text(1), "account" | "brokers" | "broker")
                        || self.at + 1 == self.tokens.len())
                    && !matches!(word, "coinbase" | "schwab")
                {
                    self.at += 1;
                    while matches!(self.text(0), "account" | "brokers" | "broker") {
                        self.at += 1;
                    }
                    return once(&mut self.slots.broker, broker, "brokers");
                }
            }
        }
        Ok(())
    }

    fn symbol(&mut self) -> Parsed<()> {
        let forced = self.forced == Some(self.at);
        if forced {
            let instrument = symbols::ticker(&self.tokens[self.at].raw, self.context);
            self.at += 1;
            return match instrument {
                Some(instrument) => once(&mut self.slots.instrument, instrument, "instruments"),
                None => Ok(()),
            };
        }
        let upper_case = |t: &Token| t.raw.len() > 1 && t.raw.chars().all(|c| c.is_ascii_uppercase());
        let shouted = upper_case(&self.tokens[self.at])
            && !self.tokens.iter().filter(|t| t.kind == Kind::Word).all(upper_case);
        let dollar = self.tokens[self.at].raw.starts_with('$');
        if words::is_keyword(self.text(0))
            && !dollar
            && !(shouted
                && self.slots.instrument.is_none()
                && symbols::ticker(&self.tokens[self.at].raw, self.context).is_some())
        {
            // "the coca cola company": an article does not hide a name.
            return Ok(());
        }
        match symbols::read(&self.tokens[self.at..], self.context) {
            Some((Found::One(instrument), used)) => {
                self.at += used;
                self.read_option_instrument(&instrument);
                // "my aapl 190 puts on aapl" says it twice; another instrument is another order.
                match &self.slots.instrument {
                    Some(known) if *known != instrument => {
                        refuse("Two instruments were named; one order at a time.")
                    }
                    _ => {
                        self.slots.instrument = Some(instrument);
                        Ok(())
                    }
                }
            }
            Some((Found::Many(list), used)) => {
                self.at += used;
                self.slots.ambiguous = list;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn read_option_instrument(&mut self, instrument: &Instrument) {
        if instrument.as_option().is_some() {
            self.slots.option_said = true;
        }
        self.slots.wanted_units = Some(instrument.asset_class());
    }

    fn leftovers(&mut self) -> Parsed<()> {
        match self.kind(0) {
            Some(Kind::Mark(',' | ':' | '!' | '(' | ')' | '.' | '…')) => self.at += 1,
            // "could you buy 10 aapl?" was caught before; a lone mark elsewhere is noise.
            Some(Kind::Word) if words::is_filler(self.text(0)) => self.at += 1,
            _ => {}
        }
        Ok(())
    }

    /// Numbers without a word beside them: the second one after a quantity is the limit.
    fn settle_numbers(&mut self) -> Parsed<()> {
        let signed_line = self.is_signed_line();
        let slots = &mut self.slots;
        if slots.stop_named || slots.trail_named {
            return Err(Trouble::Missing(
                vec![Missing::Price],
                "At which price, or how far from the market?".to_owned(),
            ));
        }
        let mut numbers = std::mem::take(&mut slots.numbers);
        // "BUY +1 AAPL 100 15 JAN 27 190 PUT @2.35 LMT": the multiplier again.
        if signed_line && slots.right.is_some() && numbers.len() == 2 && numbers[0] == Decimal::ONE_HUNDRED {
            numbers.remove(0);
        }
        let mut numbers = numbers.into_iter();
        for value in numbers.by_ref() {
            // "BUY +1 VERTICAL SPY 100 15 JAN 27 ...": thinkorswim writes the multiplier.
            if slots.spread.is_some() && value == Decimal::ONE_HUNDRED && slots.strikes.len() >= 2 {
                continue;
            }
            if signed_line
                && value == Decimal::ONE_HUNDRED
                && slots.strikes.len() == 1
                && slots.limit.is_some()
            {
                continue;
            }
            if (slots.option_said && slots.right.is_some() || !slots.said_expiry.is_empty())
                && slots.strikes.is_empty()
                && slots.spread.is_none()
            {
                slots.strikes.push((value, None));
                continue;
            }
            if slots.spread.is_some() && slots.strikes.is_empty() {
                slots.strikes.push((value, None));
                continue;
            }
            if slots.limit.is_some() {
                return refuse("There is a number too many; say which one is the price.");
            }
            if slots.early_number {
                return refuse(
                    "Two numbers stand before the symbol; say which is the price, as in: buy 10 aapl at 20.",
                );
            }
            slots.limit = Some(value);
        }
        Ok(())
    }
}

/// The command of filled slots.
pub(super) fn command(mut slots: Slots, context: &ParseContext<'_>) -> Parsed<Command> {
    if !slots.ambiguous.is_empty() && slots.instrument.is_none() {
        let names: Vec<String> = slots.ambiguous.iter().map(ToString::to_string).collect();
        return Err(Trouble::Missing(vec![Missing::Instrument], format!("Which one: {}?", names.join(", "))));
    }
    check_prices(&slots)?;
    if slots.perpetual
        && let Some(Instrument::Crypto { base, .. }) = &slots.instrument
    {
        slots.instrument = Some(Instrument::Perpetual { symbol: base.clone() });
    }
    let shares = matches!(slots.instrument, Some(Instrument::Equity { .. }));
    let option = slots.option_said
        || slots.contracts_said && shares
        || slots.right.is_some()
        || !slots.strikes.is_empty()
        || !slots.said_expiry.is_empty();
    if slots.spread != Some(spread::SpreadKind::Calendar)
        && slots.said_expiry.windows(2).any(|w| w[0] != w[1])
    {
        return refuse("Two expiries were given; say one.");
    }
    if let Some(Instrument::Option(contract)) = &slots.instrument {
        said_of_contract(&slots, contract, context)?;
        return finish(slots, context);
    }
    if slots.spread.is_none() && slots.strikes.len() >= 2 && !slots.strikes_paired {
        return refuse("Two strikes were given; say one, or name the spread.");
    }
    if slots.spread.is_some() || (slots.strikes.len() >= 2) {
        return spread::command(&mut slots, context);
    }
    if option {
        slots.instrument = Some(single_option(&slots, context)?);
    }
    finish(slots, context)
}

/// What is said beside a contract's own symbol must be the contract's.
fn said_of_contract(slots: &Slots, contract: &OptionContract, context: &ParseContext<'_>) -> Parsed<()> {
    let strike = |(strike, right): &(Decimal, Option<Right>)| {
        *strike == contract.strike.get() && right.is_none_or(|right| right == contract.right)
    };
    let day = |said: &Said| {
        expiry(*said, context, Some(contract.underlying.as_str())).is_ok_and(|day| day == contract.expiry)
    };
    let same = slots.spread.is_none()
        && slots.strikes.iter().all(strike)
        && slots.said_expiry.iter().all(day)
        && slots.right.is_none_or(|right| right == contract.right);
    if same {
        Ok(())
    } else {
        refuse(format!("The symbol is of {contract}, and something else is said beside it."))
    }
}

pub(super) fn check_prices(slots: &Slots) -> Parsed<()> {
    if slots.missing_price {
        return Err(Trouble::Missing(vec![Missing::Price], "At which limit price?".to_owned()));
    }
    if slots.market && (slots.limit.is_some() || slots.peg.is_some()) {
        return refuse("A market order has no limit price; say one or the other.");
    }
    if slots.trail_percent.is_some_and(|percent| percent <= Decimal::ZERO || percent >= Decimal::ONE_HUNDRED)
    {
        return refuse("A trail in per cent is above 0 and below 100.");
    }
    if slots.limit.is_some() && slots.peg.is_some() {
        return refuse("Two prices were given; say one.");
    }
    if slots.trail_amount.is_some() && slots.trail_percent.is_some() {
        return refuse("Two trails were given; say one.");
    }
    let trails = slots.trail_amount.is_some() || slots.trail_percent.is_some();
    if trails && (slots.limit.is_some() || slots.stop.is_some()) {
        return refuse("A trailing stop has no other price.");
    }
    let prices = [slots.limit, slots.stop, slots.trail_amount, slots.take_profit, slots.stop_loss];
    if prices.into_iter().flatten().any(|price| price <= Decimal::ZERO && slots.spread.is_none()) {
        return refuse("A price must be above 0.");
    }
    Ok(())
}

/// Joins words by commas and an "and".
fn list_of(items: &[&str]) -> String {
    match items {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
    }
}

fn single_option(slots: &Slots, context: &ParseContext<'_>) -> Parsed<Instrument> {
    let mut missing = Vec::new();
    let mut words = Vec::new();
    let mut lacks = |what: Missing, word: &'static str| {
        missing.push(what);
        words.push(word);
    };
    let underlying = match &slots.instrument {
        Some(Instrument::Equity { symbol }) => Some(symbol.clone()),
        Some(other) => return refuse(format!("{other} has no listed options here.")),
        None => {
            lacks(Missing::Instrument, "underlying");
            None
        }
    };
    if slots.quantity.is_none()
        && slots.percent_of_position.is_none()
        && !slots.all
        && !closes(slots)
        && slots.notional.is_none()
    {
        lacks(Missing::Quantity, "quantity");
    }
    if slots.said_expiry.is_empty() {
        lacks(Missing::Expiry, "expiry");
    }
    let strike = slots.strikes.first();
    if strike.is_none() {
        lacks(Missing::Strike, "strike");
    }
    let right = strike.and_then(|(_, right)| *right).or(slots.right);
    if right.is_none() {
        lacks(Missing::Right, "right (call or put)");
    }
    if !missing.is_empty() {
        return Err(Trouble::Missing(missing, format!("What {} do you mean?", list_of(&words))));
    }
    let expiry = expiry(slots.said_expiry[0], context, underlying.as_ref().map(|u| u.as_str()))?;
    match (underlying, strike, right) {
        (Some(underlying), Some((strike, _)), Some(right)) => Ok(Instrument::Option(OptionContract {
            underlying,
            expiry,
            strike: Price::new(*strike),
            right,
            root: None,
        })),
        _ => refuse("The option is not complete."),
    }
}

/// The expiry day, or what to say about it.
pub(super) fn expiry(said: Said, context: &ParseContext<'_>, underlying: Option<&str>) -> Parsed<Date> {
    let listed = underlying.and_then(|symbol| context.lookup.expiries(symbol));
    dates::expiry(said, context.today, context.calendar, listed.as_deref()).map_err(|error| {
        let text = match error {
            DayError::Past(day) => format!("{day} is past; which expiry do you mean?"),
            DayError::NotASession(day, near) => format!("{day} is no trading day; did you mean {near}?"),
        };
        Trouble::Missing(vec![Missing::Expiry], text)
    })
}

/// Does the verb close a position when no number is said.
fn closes(slots: &Slots) -> bool {
    matches!(slots.verb, Some(Verb::Close | Verb::Cover | Verb::Protect))
        || slots.effect == Some(PositionEffect::Close)
}

/// Prices and duration of the slots.
pub(super) fn terms(slots: &Slots, class: AssetClass, context: &ParseContext<'_>) -> Parsed<PriceTerms> {
    let order_type = match (
        slots.trail_amount.is_some() || slots.trail_percent.is_some(),
        slots.limit.is_some() || slots.peg.is_some(),
        slots.stop.is_some(),
    ) {
        (true, ..) => OrderType::TrailingStop,
        (_, true, true) => OrderType::StopLimit,
        (_, true, false) => OrderType::Limit,
        (_, false, true) => OrderType::Stop,
        _ => OrderType::Market,
    };
    if slots.extended && order_type != OrderType::Limit {
        return Err(Trouble::Missing(
            vec![Missing::Price],
            "Outside regular hours an order needs a limit price; which one?".to_owned(),
        ));
    }
    let expire_date = match slots.expire {
        Some(said) => match dates::expiry(said, context.today, context.calendar, None) {
            Ok(day) | Err(DayError::NotASession(day, _)) => Some(day),
            Err(DayError::Past(day)) => {
                return Err(Trouble::Missing(
                    vec![Missing::Date],
                    format!("{day} is past; until which day?"),
                ));
            }
        },
        None => None,
    };
    let default_tif = if class.trades_around_the_clock() { TimeInForce::Gtc } else { TimeInForce::Day };
    let price = |value: Option<Decimal>| value.map(|v| Price::new(v.normalize()));
    Ok(PriceTerms {
        order_type,
        limit_price: price(slots.limit),
        stop_price: price(slots.stop),
        trail_amount: price(slots.trail_amount),
        trail_percent: slots.trail_percent.map(|p| p.normalize()),
        limit_peg: slots.peg,
        time_in_force: slots.tif.unwrap_or(default_tif),
        expire_date,
        session: slots.extended.then_some(TradingSession::Extended),
        price_effect: slots.price_effect,
        take_profit: price(slots.take_profit),
        stop_loss: price(slots.stop_loss),
        broker: slots.broker.map(Into::into),
        post_only: slots.post_only.then_some(true),
        reduce_only: slots.reduce_only.then_some(true),
    })
}

/// Most units one order may name, and most digits.
fn check_quantity(quantity: Decimal) -> Parsed<Quantity> {
    if quantity <= Decimal::ZERO {
        return Err(Trouble::Missing(vec![Missing::Quantity], "The quantity must be above 0.".to_owned()));
    }
    if quantity > Decimal::from(1_000_000_000_000_i64) || quantity.normalize().scale() > 12 {
        return Err(Trouble::Missing(
            vec![Missing::Quantity],
            format!("{quantity} is no quantity an order can have."),
        ));
    }
    Ok(Quantity::new(quantity.normalize()))
}

fn finish(slots: Slots, context: &ParseContext<'_>) -> Parsed<Command> {
    let verb = slots.verb.ok_or_else(|| Trouble::Missing(vec![Missing::Side], "Buy or sell?".to_owned()))?;
    if slots.price_effect.is_some() && !matches!(slots.instrument, Some(Instrument::Option(_))) {
        return refuse("Debit and credit are said of option spreads.");
    }
    let amount_said =
        slots.quantity.is_some() || slots.notional.is_some() || slots.percent_of_power.is_some();
    let part = slots.percent_of_position.is_some() || slots.all;
    if amount_said && slots.percent_of_position.is_some() {
        return refuse("Two amounts were given; say one.");
    }
    let Some(instrument) = slots.instrument.clone() else {
        let mut missing = vec![Missing::Instrument];
        if !amount_said && !part && !closes(&slots) {
            missing.push(Missing::Quantity);
        }
        let text = if missing.len() == 2 { "What, and how much?" } else { "Which symbol?" };
        return Err(Trouble::Missing(missing, text.to_owned()));
    };
    let terms = terms(&slots, instrument.asset_class(), context)?;
    let closing_verb = matches!(verb, Verb::Close | Verb::Protect)
        || (slots.effect == Some(PositionEffect::Close) && !amount_said);
    let part_of_held = part && !matches!(verb, Verb::Buy | Verb::Short);
    if closing_verb || (part_of_held && !amount_said) || (matches!(verb, Verb::Cover) && !amount_said) {
        if slots.notional.is_some() || slots.percent_of_power.is_some() {
            return refuse("Close by units or by a percentage of the position.");
        }
        let quantity = slots.quantity.map(check_quantity).transpose()?;
        return Ok(Command::Close(Close {
            instrument,
            quantity,
            percent_of_position: slots.percent_of_position.map(|p| p.normalize()),
            terms,
        }));
    }
    let side = match verb {
        Verb::Buy | Verb::Close | Verb::Protect => Side::Buy,
        Verb::Sell => Side::Sell,
        // Of options a side is only buy or sell; whether it opens or closes is the position effect.
        Verb::Short if instrument.as_option().is_none() => Side::SellShort,
        Verb::Short => Side::Sell,
        Verb::Cover if instrument.as_option().is_none() => Side::BuyToCover,
        Verb::Cover => Side::Buy,
    };
    let amount = match (slots.quantity, slots.notional, slots.percent_of_power, slots.percent_of_position) {
        (Some(_), Some(_), ..) | (Some(_), _, Some(_), _) | (_, Some(_), Some(_), _) => {
            return refuse("Two amounts were given; say one.");
        }
        (Some(quantity), ..) => Amount::Quantity(check_quantity(quantity)?),
        (_, Some(money), ..) => {
            if money <= Decimal::ZERO || money > Decimal::from(1_000_000_000_000_i64) {
                return Err(Trouble::Missing(
                    vec![Missing::Quantity],
                    "The amount must be above 0.".to_owned(),
                ));
            }
            Amount::Notional(money.normalize())
        }
        (_, _, Some(percent), _) => Amount::PercentOfBuyingPower(percent.normalize()),
        (_, _, _, Some(percent)) => Amount::PercentOfPosition(percent.normalize()),
        _ => {
            let unit = match instrument.asset_class() {
                AssetClass::Equity => "shares of ",
                AssetClass::Option => "contracts of ",
                _ => "",
            };
            return Err(Trouble::Missing(vec![Missing::Quantity], format!("How many {unit}{instrument}?")));
        }
    };
    Ok(Command::Place(Place {
        side,
        position_effect: slots.effect,
        subject: Subject::Instrument(instrument),
        amount,
        terms,
    }))
}

/// Whole number of a quantity, for packages.
pub(super) fn whole_quantity(slots: &Slots) -> Parsed<Quantity> {
    match slots.quantity {
        Some(quantity) if quantity.fract().is_zero() && quantity.to_i64().is_some_and(|q| q > 0) => {
            check_quantity(quantity)
        }
        Some(quantity) => refuse(format!("{quantity} is no number of spreads.")),
        None => Err(Trouble::Missing(vec![Missing::Quantity], "How many?".to_owned())),
    }
}

/// A package is bought or sold by number at a net price: what else was said cannot be kept, and must not be dropped.
pub(super) fn only_a_package(slots: &Slots) -> Parsed<()> {
    if slots.notional.is_some() || slots.percent_of_power.is_some() || slots.percent_of_position.is_some() {
        return refuse("Say how many spreads; they are not traded by money or per cent here.");
    }
    if slots.stop.is_some() || slots.trail_amount.is_some() || slots.trail_percent.is_some() {
        return refuse("A spread goes as a limit order at its net price, not as a stop.");
    }
    if slots.take_profit.is_some() || slots.stop_loss.is_some() {
        return refuse("A spread has no bracket here; set its exits once it is filled.");
    }
    Ok(())
}

/// Does the order have a price of any kind.
pub(super) const fn has_price(slots: &Slots) -> bool {
    slots.limit.is_some() || slots.peg.is_some()
}

/// A lone fractional number of a package was its price.
pub(super) const fn quantity_is_price(slots: &mut Slots) {
    slots.limit = slots.quantity.take();
}
