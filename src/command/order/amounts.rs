//! How much: units, money, parts of a position or of the buying power.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::command::dates::{self, Said};
use crate::command::lex::{Kind, Token};
use crate::command::types::Missing;
use crate::command::words;
use crate::domain::option::Right;

use super::{Parsed, Reader, Trouble, Verb, once, refuse};

/// Parts of a position that a fraction names at most.
const PARTS_MAX: u8 = 10;

impl Reader<'_> {
    /// How much.
    pub(super) fn amounts(&mut self) -> Parsed<()> {
        if let Some((percent, used)) = self.percent_ahead() {
            if matches!(self.text(used), "trail" | "trailing") {
                self.trails_alone()?;
            }
            self.at += used;
            return self.percent(percent);
        }
        // FIX and most tickets call it so: "qty 10".
        if matches!(self.text(0), "qty" | "quantity" | "size") {
            let colon = usize::from(matches!(self.kind(1), Some(Kind::Mark(':'))) || self.text(1) == "=");
            if let Some(Kind::Number(value)) = self.kind(1 + colon) {
                let value = *value;
                self.at += 2 + colon;
                return once(&mut self.slots.quantity, value, "quantities");
            }
        }
        if let Some(used) = self.fraction() {
            return used;
        }
        if let Some(used) = self.vague_ahead() {
            self.at += used;
            self.slots.vague = true;
            return Ok(());
        }
        // "x 10", "USD 500 of aapl".
        if let ("x", Some(Kind::Number(value))) = (self.text(0), self.kind(1)) {
            let value = *value;
            self.at += 2;
            return once(&mut self.slots.quantity, value, "quantities");
        }
        if let ("usd", Some(Kind::Number(value)), "of" | "worth" | "in" | "into") =
            (self.text(0), self.kind(1), self.text(2))
        {
            let value = *value;
            self.at += 2;
            return self.money(value);
        }
        // "a share of aapl" is one; "some" and a bare "a" are no number.
        if matches!(self.text(0), "a" | "an") && matches!(self.text(1), "share" | "contract") {
            self.at += 2;
            return once(&mut self.slots.quantity, Decimal::ONE, "quantities");
        }
        match self.kind(0) {
            Some(Kind::Money(value)) => {
                let value = *value;
                self.money_token(value)
            }
            Some(Kind::Times(value)) => {
                let value = *value;
                self.at += 1;
                once(&mut self.slots.quantity, value, "quantities")
            }
            Some(Kind::Number(_) | Kind::Word) => self.number(),
            _ => Ok(()),
        }
    }

    /// "a few", "most of", "some": an amount that nobody can count, and how many words it takes.
    fn vague_ahead(&self) -> Option<usize> {
        let said = self.slots.quantity.is_some() || self.slots.notional.is_some();
        if said || self.slots.percent_of_position.is_some() || self.slots.percent_of_power.is_some() {
            return None;
        }
        let article = usize::from(self.text(0) == "a");
        let counted = matches!(self.kind(article + 1), Some(Kind::Number(_) | Kind::Money(_)));
        let counts = matches!(
            (article, self.text(article)),
            (
                _,
                "few" | "several" | "bunch" | "handful" | "bit" | "little" | "ton" | "tons" | "pile" | "part"
            ) | (0, "most" | "many" | "lots" | "some" | "more" | "extra" | "additional")
        ) || article == 1 && self.text(1) == "lot" && self.text(2) == "of";
        (counts && !counted).then_some(article + 1)
    }

    /// `$250`: an amount or a price, and a strike before a right: "$240 call".
    fn money_token(&mut self, value: Decimal) -> Parsed<()> {
        self.is_one_number(value)?;
        self.at += 1;
        let option = self.slots.option_said || !self.slots.said_expiry.is_empty();
        let right = right_word(self.text(0)).filter(|_| option || self.text(0).len() > 1);
        if right.is_some() && self.slots.quantity.is_some() {
            self.at += 1;
            self.slots.strikes.push((value, right));
            self.slots.option_said = true;
            return Ok(());
        }
        self.money(value)
    }

    /// Digits or a number in words at the front, with how many tokens, and whether it counts money by its word ("a grand").
    pub(super) fn number_ahead(&self) -> Option<(Decimal, usize, bool)> {
        if let Some(Kind::Number(value)) = self.kind(0) {
            // "10 thousand", "2 dozen": the word belongs to the digits before it. A grand is money.
            return Some(match words::factor(self.text(1)) {
                Some(factor) => (value.saturating_mul(factor), 2, words::is_grand(self.text(1))),
                None => (*value, 1, false),
            });
        }
        let (value, used) = self.number_words()?;
        Some((value, used, (0..used).any(|i| words::is_grand(self.text(i)))))
    }

    /// A number: units, money by the word behind it, or one that settles itself once all is read.
    fn number(&mut self) -> Parsed<()> {
        let Some((value, used, grand)) = self.number_ahead() else { return Ok(()) };
        if matches!(self.kind(0), Some(Kind::Number(_))) {
            self.is_one_number(value)?;
            self.is_no_money(used)?;
        }
        // "limit +5" says how far from a price that nobody named.
        if self.is_amount_said() && self.tokens[self.at].raw.starts_with('+') {
            let raw = self.tokens[self.at].raw;
            return refuse(format!("{raw} from where? Say the price itself, as in: buy 10 aapl at 185."));
        }
        // "reduce my aapl to 50" says what is left, "add 10 to" what is traded.
        let before = self.at.checked_sub(1).map_or("", |at| self.tokens[at].text.as_str());
        if before == "to" && self.slots.quantity.is_none() {
            return refuse(format!("By {value}, or to {value}? Say how many to trade."));
        }
        // "sell 10 aapl down to 5", "buy 10 aapl in 5": what such a number counts is not said.
        let waits = self.slots.stop_named || self.slots.trail_named;
        let leads = matches!(before, "to" | "by" | "in" | "from" | "than" | "per" | "account");
        if self.slots.quantity.is_some() && leads && !waits {
            return refuse(format!("What is {value}? A price stands behind at, as in: buy 10 aapl at 185."));
        }
        if grand {
            self.at += used;
            return self.money(value);
        }
        // A day of the month is no quantity; right behind the verb it is: "buy 2 dec 300c".
        let later = self.slots.quantity.is_some() || self.slots.instrument.is_some();
        let digits = matches!(self.kind(0), Some(Kind::Number(_)));
        // "aapl 5 dec 18 240c": where the month has a day of its own, the number before it is none.
        let own_day = self.slots.quantity.is_none()
            && self.tokens.get(self.at + 1..).is_some_and(|rest| {
                matches!(dates::read(rest, self.context.today), Some((Said::Day(_), used)) if used > 1)
            });
        if digits && later && self.is_day_at(0) && !own_day {
            return Ok(());
        }
        // "SPY 100 18 DEC 26": thinkorswim writes the multiplier before the day.
        if digits && value == Decimal::ONE_HUNDRED && later && self.is_day_at(1) {
            if self.slots.quantity.is_none() {
                return Err(Trouble::Missing(
                    vec![Missing::Quantity],
                    "How many? 100 before a day is a contract's multiplier.".to_owned(),
                ));
            }
            if self.is_signed_line() {
                self.at += used;
                return Ok(());
            }
        }
        if matches!(self.text(used), "dollars" | "dollar" | "bucks" | "usd" | "worth") {
            self.at += used + 1;
            return self.money(value);
        }
        if self.text(used) == "dte" {
            return Ok(());
        }
        self.at += used;
        // thinkorswim writes what is sold as a negative number: SELL -100 AAPL @240 LMT. Only of the quantity the sign is the verb's.
        let sells = matches!(self.slots.verb, Some(Verb::Sell | Verb::Short));
        let quantity = self.slots.quantity.is_none() && self.slots.numbers.is_empty();
        let value = if sells && quantity { value.abs() } else { value };
        self.units(value)
    }

    /// Half the world writes ten thousand as "10.000": such an amount is not guessed.
    fn is_one_number(&self, value: Decimal) -> Parsed<()> {
        let raw = self.tokens[self.at].raw;
        if self.is_amount_said() || !is_dotted_thousand(raw) {
            return Ok(());
        }
        let (one, other) = (value.normalize(), raw.trim_start_matches('$').replace('.', ","));
        Err(Trouble::Missing(
            vec![Missing::Quantity],
            format!("Does {raw} mean {one} or {other}? Write {one} or {other}."),
        ))
    }

    /// "10k of btc" is money as often as coins.
    fn is_no_money(&self, used: usize) -> Parsed<()> {
        let raw = self.tokens[self.at].raw;
        if self.is_amount_said() || !raw.ends_with(['k', 'K', 'm', 'M']) || self.text(used) != "of" {
            return Ok(());
        }
        Err(Trouble::Missing(
            vec![Missing::Quantity],
            format!("Is {raw} an amount of money, or a number of units? Say ${raw}, or {raw} units."),
        ))
    }

    const fn is_amount_said(&self) -> bool {
        self.slots.quantity.is_some()
            || self.slots.notional.is_some()
            || self.slots.percent_of_position.is_some()
            || self.slots.all
    }

    /// Does a day begin so many tokens ahead, with its number first: `18 dec 26`.
    fn is_day_at(&self, ahead: usize) -> bool {
        self.tokens.get(self.at + ahead..).is_some_and(|rest| {
            matches!(rest.first().map(|t| &t.kind), Some(Kind::Number(_)))
                && dates::read(rest, self.context.today).is_some_and(|(_, used)| used > 1)
        })
    }

    /// The number that a stop or a trail named before it has been waiting for; `None` when none has.
    fn named_before(&mut self, value: Decimal) -> Option<Parsed<()>> {
        if self.slots.stop_named && self.slots.stop.is_none() {
            self.slots.stop_named = false;
            return Some(once(&mut self.slots.stop, value, "stop prices"));
        }
        std::mem::take(&mut self.slots.trail_named)
            .then(|| once(&mut self.slots.trail_amount, value, "trails"))
    }

    /// A plain number where the words around it decide what it counts.
    fn units(&mut self, value: Decimal) -> Parsed<()> {
        if let Some(taken) = self.named_before(value) {
            return taken;
        }
        if self.spends_money() && self.slots.notional.is_none() && self.slots.quantity.is_none() {
            return self.money(value);
        }
        if self.text(0) == "into" || self.puts_something() && matches!(self.text(0), "in" | "on" | "to") {
            return Err(Trouble::Missing(
                vec![Missing::Quantity],
                format!(
                    "Is {value} an amount of money, or a number of units? Say ${value}, or {value} units."
                ),
            ));
        }
        // "sell all 10 aapl" says two amounts, which may differ.
        if self.slots.all && self.slots.instrument.is_none() {
            return refuse(format!("All of it, or {value}? Say one."));
        }
        let first = self.slots.quantity.is_none() && self.slots.numbers.is_empty() && !self.slots.all;
        let joined = matches!(self.text(0), "for" | "on");
        if first && joined && (self.slots.price_first || matches!(self.kind(1), Some(Kind::Number(_)))) {
            return self.price_before_quantity(value);
        }
        if !first {
            self.slots.numbers.push(value);
            self.slots.early_number |= self.slots.quantity.is_some() && self.slots.instrument.is_none();
            return Ok(());
        }
        // "aapl 190 put": a number before a right is its strike.
        let right = right_word(self.text(0));
        if (right.is_some() && (self.slots.instrument.is_some() || !value.fract().is_zero()))
            || self.text(0) == "strike"
        {
            self.at += 1;
            self.slots.strikes.push((value, right));
            self.slots.option_said = true;
            return Ok(());
        }
        // "sell 0.5 of my btc": half a coin, or half of them.
        if value < Decimal::ONE && self.text(0) == "of" && matches!(self.text(1), "my" | "the") {
            return Err(Trouble::Missing(
                vec![Missing::Quantity],
                format!(
                    "Is {value} a part of the position, or a number of units? Say {}%, or {value} units.",
                    (value * Decimal::ONE_HUNDRED).normalize()
                ),
            ));
        }
        self.slots.behind_contract = !self.slots.strikes.is_empty()
            && !self.slots.said_expiry.is_empty()
            && !matches!(self.text(0), "contract" | "contracts" | "lot" | "lots");
        self.slots.quantity = Some(value);
        // "100 qty aapl", "100 nos of aapl": Indian desks count so.
        if matches!(self.text(0), "qty" | "quantity" | "nos") {
            self.at += 1;
        }
        Ok(())
    }

    /// "bid 184 for 100 aapl": the first of two numbers joined so is the price, behind verbs that name one. Behind others it may be either.
    fn price_before_quantity(&mut self, value: Decimal) -> Parsed<()> {
        if !std::mem::take(&mut self.slots.price_first) || self.slots.limit.is_some() {
            return refuse("Which number is the price? Say it with at, as in: buy 10 aapl at 185.");
        }
        self.at += 1;
        self.limit_price(value)
    }

    /// Is this a line as thinkorswim writes and copies them: signed quantity, price behind an `@` or the order type in letters.
    pub(super) fn is_signed_line(&self) -> bool {
        let signed = |t: &Token| matches!(t.kind, Kind::Number(_)) && t.raw.starts_with(['+', '-']);
        self.tokens.iter().any(signed)
            && self.tokens.iter().any(|t| {
                matches!(t.kind, Kind::At) || matches!(t.text.as_str(), "lmt" | "mkt" | "stp" | "limit")
            })
    }

    fn spends_money(&self) -> bool {
        self.tokens.iter().take(3).any(|t| matches!(t.text.as_str(), "spend" | "invest"))
    }

    /// Verbs that money and units are both put to: "put 500 in nvda" may mean either.
    fn puts_something(&self) -> bool {
        self.tokens.iter().take(3).any(|t| matches!(t.text.as_str(), "put" | "use" | "ape" | "yolo"))
    }

    fn money(&mut self, value: Decimal) -> Parsed<()> {
        if let Some(taken) = self.named_before(value) {
            return taken;
        }
        if self.slots.quantity.is_some() || self.slots.verb == Some(Verb::Protect) {
            let opens = matches!(self.text(0), "trail" | "trailing");
            if opens {
                self.trails_alone()?;
            }
            if self.takes_trail_behind() {
                return once(&mut self.slots.trail_amount, value, "trails");
            }
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

    /// "5% trailing stop", "$2 trail": the distance stood before the word.
    fn takes_trail_behind(&mut self) -> bool {
        let trails = matches!(self.text(0), "trail" | "trailing")
            && !matches!(self.kind(1), Some(Kind::Number(_) | Kind::Money(_) | Kind::Percent(_)));
        if trails {
            self.at += 1;
            while matches!(self.text(0), "stop" | "stp" | "loss") {
                self.at += 1;
            }
        }
        trails
    }

    pub(super) fn percent(&mut self, percent: Decimal) -> Parsed<()> {
        if self.slots.trail_named {
            self.slots.trail_named = false;
            return once(&mut self.slots.trail_percent, percent, "trails");
        }
        if self.takes_trail_behind() {
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
                let opens = matches!(self.slots.verb, Some(Verb::Buy | Verb::Short));
                if opens && self.text(0) != "to" && !self.speaks_of_what_is_held() {
                    return Err(Trouble::Missing(
                        vec![Missing::Quantity],
                        format!(
                            "{percent}% of what? Say {percent}% of my position, or {percent}% of buying power."
                        ),
                    ));
                }
                once(&mut self.slots.percent_of_position, percent, "amounts")
            }
        }
    }

    /// "buy 10% more nvda", "add 10% to my nvda": of what is there already.
    fn speaks_of_what_is_held(&self) -> bool {
        let held = ["my", "position", "holding", "holdings", "more"];
        self.tokens.iter().any(|t| held.contains(&t.text.as_str()))
    }

    /// "of my buying power" at the front, and how many words it takes.
    fn buying_power_ahead(&self) -> Option<usize> {
        let lead = (0..).take_while(|i| matches!(self.text(*i), "of" | "my" | "the" | "available")).count();
        match (self.text(lead), self.text(lead + 1)) {
            ("buying", "power") => Some(lead + 2),
            ("bp", _) => Some(lead + 1),
            _ => None,
        }
    }

    /// `1/2`, `2/3`, `3/4` of what is held, in per cent. What opens counts no part, and `2/3 190c` is a day.
    fn written_fraction(&self) -> Option<Decimal> {
        if !matches!(self.kind(0), Some(Kind::Date | Kind::Strikes(_)))
            || self.slots.verb.is_none_or(|verb| verb == Verb::Buy)
        {
            return None;
        }
        let text = self.text(0);
        let of_held = matches!(self.text(1), "of" | "my" | "the");
        let (part, whole) = text.split_once('/')?;
        let (part, whole): (u8, u8) = (part.parse().ok()?, whole.parse().ok()?);
        if part == 0
            || part >= whole
            || whole > PARTS_MAX
            || !(of_held || matches!(text, "1/2" | "1/3" | "1/4"))
        {
            return None;
        }
        let percent = Decimal::ONE_HUNDRED * Decimal::from(part) / Decimal::from(whole);
        Some(percent.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
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
            _ => (self.written_fraction()?, 1),
        };
        // "a hundred" is no fraction and was tried first by the caller's words; "all" may be the ticker.
        self.at += used;
        // "half a share", "half a btc": a part of one unit, not of a position. "Half a dozen" are six, half a grand is money.
        let article = usize::from(matches!(self.text(0), "a" | "an"));
        let counts = article > 0 || words::factor(self.text(0)).is_some();
        if counts && percent != third && percent < Decimal::ONE_HUNDRED {
            self.at += article;
            let part = percent / Decimal::ONE_HUNDRED;
            let Some(factor) = words::factor(self.text(0)) else {
                return Some(once(&mut self.slots.quantity, part, "quantities"));
            };
            let money = words::is_grand(self.text(0));
            self.at += 1;
            return Some(match money {
                true => self.money(part * factor),
                false => once(&mut self.slots.quantity, part * factor, "quantities"),
            });
        }
        if let Some(used) = self.buying_power_ahead().filter(|_| matches!(self.slots.verb, Some(Verb::Buy))) {
            self.at += used;
            return Some(once(&mut self.slots.percent_of_power, percent, "amounts"));
        }
        // "half of half my aapl" is a quarter, which nobody counts for the user.
        if percent < Decimal::ONE_HUNDRED && self.slots.percent_of_position.is_some() {
            return Some(refuse("Two amounts were given; say one."));
        }
        if matches!(self.slots.verb, Some(Verb::Buy | Verb::Short)) && percent < Decimal::ONE_HUNDRED {
            return Some(Err(Trouble::Missing(
                vec![Missing::Quantity],
                "A part of what? Say how many, or how much money.".to_owned(),
            )));
        }
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
}

/// Three digits behind a point, the last of them zero, and a whole part as the first group of a larger number has it: "10.000", "2.500".
fn is_dotted_thousand(raw: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    raw.trim_start_matches(['+', '-', '$']).split_once('.').is_some_and(|(whole, part)| {
        (1..=3).contains(&whole.len())
            && !whole.starts_with('0')
            && part.len() == 3
            && part.ends_with('0')
            && digits(whole)
            && digits(part)
    })
}

/// The right a word names.
pub(super) fn right_word(word: &str) -> Option<Right> {
    match word {
        "call" | "calls" | "c" => Some(Right::Call),
        "put" | "puts" | "p" => Some(Right::Put),
        _ => None,
    }
}
