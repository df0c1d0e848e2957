//! Limit prices, prices taken from the quote, the word market, and numbers nobody named.

use rust_decimal::Decimal;

use crate::command::lex::{Kind, Token};
use crate::command::types::{LimitPeg, Missing};
use crate::command::{spread, symbols, words};

use super::amounts::right_word;
use super::{Parsed, Reader, Slots, Trouble, Verb, once, refuse};

impl Reader<'_> {
    /// Limits, pegs and the word market. Takes nothing where there is none of them.
    pub(super) fn limits(&mut self) -> Parsed<()> {
        let start = self.at;
        let readers: [fn(&mut Self) -> Parsed<()>; 4] =
            [Self::quoted_price, Self::named_limit, Self::marked_price, Self::price_before_its_word];
        for reader in readers {
            reader(self)?;
            if self.at != start {
                return Ok(());
            }
        }
        if self.is(&["or", "better"]) {
            self.at += 2;
        }
        Ok(())
    }

    /// Does a price marker stand here: `@`, "at", "for".
    fn is_marked(&self) -> bool {
        matches!(self.kind(0), Some(Kind::At)) || matches!(self.text(0), "at" | "for" | "@")
    }

    /// "limit at mid", "at the bid", "at market".
    fn quoted_price(&mut self) -> Parsed<()> {
        let marked = self.is_marked();
        let after = usize::from(marked);
        let mut ahead = after;
        while (matches!(self.text(ahead), "the" | "a" | "current" | "of" | "price")
            // "limit at the bid" is a limit; "limit market" is two different orders.
            || matches!(self.text(ahead), "limit" | "lmt") && !matches!(self.text(ahead + 1), "market" | "mkt"))
            && is_quote_word(self.text(ahead + 1))
        {
            ahead += 1;
        }
        let limit = (after..ahead).any(|i| matches!(self.text(i), "limit" | "lmt"));
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
        // "at cmp", the current market price, is how Indian desks say it.
        if matches!(self.text(ahead), "market" | "mkt") || marked && self.text(ahead) == "cmp" {
            self.at += ahead + 1;
            while matches!(self.text(0), "price" | "order" | "prices") {
                self.at += 1;
            }
            self.slots.market = true;
            self.slots.limit_named |= limit;
        }
        Ok(())
    }

    /// "limit 185", "no more than 185", "up to 185".
    fn named_limit(&mut self) -> Parsed<()> {
        let lead = match (self.text(0), self.text(1), self.text(2)) {
            ("no" | "not", "more", "than")
            | ("no", "higher" | "lower" | "less" | "worse", "than")
            | ("at", "or", "below" | "under" | "above" | "over") => 3,
            ("not", "above" | "over" | "below" | "under", _)
            | ("at", "most" | "least" | "worst", _)
            | ("or", "less" | "more", _)
            | ("up", "to", _)
            | ("for", "at", _) => 2,
            (
                "limit" | "lmt" | "limited" | "max" | "maximum" | "min" | "minimum" | "under" | "below"
                | "above" | "over",
                ..,
            ) => 1,
            _ => return Ok(()),
        };
        let start = self.at;
        let bound = if self.text(1) == "or" { self.text(2) } else { self.text(0) };
        let beyond = match self.slots.verb {
            Some(Verb::Buy | Verb::Cover) => matches!(bound, "above" | "over"),
            Some(Verb::Sell | Verb::Short | Verb::Close) => matches!(bound, "under" | "below"),
            _ => false,
        };
        self.at += lead;
        self.skip(&["at", "of", "price", "order", "is", "to", "=", "than", "a", "for", "most", "least"]);
        // "b 10 aapl limit buy 230" says its side twice; another side is another order.
        let same_side = match self.slots.verb {
            Some(Verb::Buy) => self.text(0) == "buy",
            Some(Verb::Sell) => self.text(0) == "sell",
            _ => false,
        };
        self.at += usize::from(same_side);
        let limit = matches!(self.tokens[start].text.as_str(), "limit" | "lmt");
        self.slots.limit_named |= limit;
        // "limit 10 aapl 230", "up to 10 aapl 230": which of the two is the price.
        if self.is_quantity_at(0) {
            return match limit {
                true if self.has_marked_price_ahead() => Ok(()),
                true => which_price(),
                false => Err(Trouble::Missing(
                    vec![Missing::Quantity],
                    "How many, and at which price? As in: buy 10 aapl limit 230.".to_owned(),
                )),
            };
        }
        match self.value() {
            // A buy above the market, or a sale below it, waits for a trigger; as a limit it would trade at once.
            Some(price) if beyond => {
                refuse(format!("Is {price} a stop or a limit? Say stop {price} or limit {price}."))
            }
            Some(price) => self.limit_price(price),
            // "a limit order at 185", "limit order": the price comes with "at".
            None if limit => {
                self.slots.missing_price = self.slots.limit.is_none();
                Ok(())
            }
            None => {
                self.at = start;
                Ok(())
            }
        }
    }

    /// Does the quantity stand so many tokens ahead: the first number, and a name behind it.
    pub(super) fn is_quantity_at(&self, ahead: usize) -> bool {
        let unsaid = self.slots.quantity.is_none() && self.slots.notional.is_none() && !self.slots.all;
        unsaid
            && matches!(self.kind(ahead), Some(Kind::Number(_)))
            && self.tokens.get(self.at + ahead + 1).is_some_and(|next| self.is_name(next))
    }

    /// May a token be the name of what is traded: no word of the language, or one that is a ticker too.
    fn is_name(&self, token: &Token) -> bool {
        token.kind == Kind::Word
            && (!words::is_keyword(&token.text)
                || !words::is_everyday(&token.text)
                    && !is_said_of_a_price(&token.text)
                    && symbols::ticker(token.raw, self.context).is_some())
    }

    fn has_marked_price_ahead(&self) -> bool {
        self.tokens[self.at..].windows(2).any(|w| {
            (matches!(w[0].kind, Kind::At) || w[0].text == "at")
                && matches!(w[1].kind, Kind::Number(_) | Kind::Money(_))
        })
    }

    /// "at 185", "@ 185", "for 3.20".
    fn marked_price(&mut self) -> Parsed<()> {
        if !self.is_marked() {
            return Ok(());
        }
        let start = self.at;
        self.at += 1;
        // "a limit buy for 10 aapl at 220": the number before a name is no price where another one is.
        if self.tokens[start].text == "for" && self.is_quantity_at(0) {
            // "a market buy for 10 aapl" has no price to be taken for.
            let market = self.tokens.iter().any(|t| matches!(t.text.as_str(), "market" | "mkt"));
            return if market || self.has_marked_price_ahead() { Ok(()) } else { which_price() };
        }
        let names_limit = self.text(0) == "limit" || self.text(0) == "a" && self.text(1) == "limit";
        while matches!(self.text(0), "a" | "the" | "net" | "price" | "limit" | "lmt" | "of")
            && !(self.text(0) == "a" && matches!(self.text(1), "dollar" | "buck" | "cent"))
        {
            self.at += 1;
        }
        if let Some(Kind::Percent(_)) = self.kind(0) {
            self.at = start;
            return Ok(());
        }
        let Some(value) = self.value() else {
            if self.number_words().is_some() {
                return refuse("Give the price in digits.");
            }
            self.at = start;
            return Ok(());
        };
        // "at 500 put": behind such a number a right says that it is the strike.
        let right = right_word(self.text(0)).filter(|_| self.text(0).len() > 1);
        if self.slots.strikes.is_empty() && (right.is_some() || self.text(0) == "strike") {
            if !self.slots.numbers.is_empty() {
                return which_price();
            }
            self.at += 1;
            self.slots.option_said = true;
            self.slots.strikes.push((value, right));
            return Ok(());
        }
        let part = if self.text(1) == "a" { self.text(2) } else { self.text(1) };
        if self.text(0) == "and" && matches!(part, "half" | "quarter" | "change" | "third" | "bit") {
            return refuse("Give the price in digits.");
        }
        self.slots.limit_named |= names_limit;
        // "stop loss on nvda at 165".
        if self.slots.stop_named && self.slots.stop.is_none() && !names_limit {
            self.slots.stop_named = false;
            return once(&mut self.slots.stop, value, "stop prices");
        }
        // "sell 20 amd stop ... at 150" was read ahead.
        if self.slots.missing_price && self.slots.stop == Some(value) && self.slots.limit.is_none() {
            self.slots.missing_price = false;
            return Ok(());
        }
        self.limit_price(value)
    }

    /// "450 lmt", "2.35 or better", "3.20 debit", "1.10 cr".
    fn price_before_its_word(&mut self) -> Parsed<()> {
        let Some(Kind::Number(value) | Kind::Money(value)) = self.kind(0) else { return Ok(()) };
        let value = *value;
        let limit = matches!(self.text(1), "lmt" | "limit");
        let tail = match (self.text(1), self.text(2)) {
            ("or", "better" | "less" | "lower" | "higher" | "more") => 3,
            // "aapl 10 limit 240": the number after the word is the limit, the one before is not.
            ("lmt" | "limit", _)
                if self.slots.quantity.is_some()
                    && !matches!(self.kind(2), Some(Kind::Number(_) | Kind::Money(_))) =>
            {
                2
            }
            ("debit" | "db" | "dr" | "credit" | "cr", _) => 1,
            _ => return Ok(()),
        };
        // "10 or more aapl" bounds how many.
        let name_behind = self.tokens.get(self.at + tail).is_some_and(|next| self.is_name(next));
        if tail == 3 && name_behind && self.slots.quantity.is_none() {
            return which_price();
        }
        // What bounds a price is read behind it.
        self.at += if tail == 3 { 1 } else { tail };
        self.slots.limit_named |= limit;
        self.limit_price(value)
    }

    pub(super) fn limit_price(&mut self, value: Decimal) -> Parsed<()> {
        self.slots.missing_price = false;
        self.slots.stop_first |= self.slots.stop.is_some();
        once(&mut self.slots.limit, value, "limit prices")?;
        if self.takes_bound(value)? {
        } else if matches!(self.text(0), "each" | "apiece")
            || (matches!(self.text(0), "lmt" | "limit")
                && !matches!(self.kind(1), Some(Kind::Number(_) | Kind::Money(_))))
        {
            self.slots.limit_named |= matches!(self.text(0), "lmt" | "limit");
            self.at += 1;
        } else if matches!(self.text(0), "a" | "per") && matches!(self.text(1), "share" | "contract" | "unit")
        {
            self.at += 2;
        }
        Ok(())
    }

    /// "or better", "or less" behind a price: what a limit means anyway. The worse side of it is what a stop is for.
    fn takes_bound(&mut self, price: Decimal) -> Parsed<bool> {
        if self.text(0) != "or" {
            return Ok(false);
        }
        let worse = match self.text(1) {
            "better" => false,
            "less" | "lower" | "below" | "under" | "cheaper" => {
                matches!(self.slots.verb, Some(Verb::Sell | Verb::Short))
            }
            "more" | "higher" | "above" | "over" => {
                matches!(self.slots.verb, Some(Verb::Buy | Verb::Cover))
            }
            _ => return Ok(false),
        };
        if worse {
            return refuse(format!("Is {price} a stop or a limit? Say stop {price} or limit {price}."));
        }
        self.at += 2;
        Ok(true)
    }

    /// Numbers without a word beside them: the second one after a quantity is the limit.
    pub(super) fn settle_numbers(&mut self) -> Parsed<()> {
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
        strikes_of_a_package(slots, &mut numbers, signed_line);
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
                if slots.doubtful_year {
                    return Err(Trouble::Missing(
                        vec![Missing::Strike],
                        "Which is the year and which the strike? Write the year in full: dec 18 2026 30 call."
                            .to_owned(),
                    ));
                }
                slots.strikes.push((value, None));
                continue;
            }
            if slots.spread.is_some() && slots.strikes.is_empty() {
                slots.strikes.push((value, None));
                continue;
            }
            if slots.stop_last && slots.stop.is_none() && !slots.early_number {
                slots.stop = Some(value);
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
            slots.missing_price = false;
        }
        if slots.stop_last && slots.stop.is_none() {
            // "stop sell 10 aapl at 180": the one price there is.
            slots.stop = slots.limit.take_if(|_| !slots.limit_named);
            if slots.stop.is_none() {
                return refuse("At which price does the stop trigger?");
            }
        }
        if slots.stop_last {
            return check_pair(slots);
        }
        Ok(())
    }
}

/// "vertical call 240 250 for 3.20": as many plain numbers as the package has strikes are its strikes, and one more is its price.
fn strikes_of_a_package(slots: &mut Slots, numbers: &mut Vec<Decimal>, signed_line: bool) {
    let Some(wanted) = slots.spread.map(spread::strike_count) else { return };
    if !slots.strikes.is_empty() {
        return;
    }
    let priced = slots.limit.is_some() || slots.peg.is_some();
    // thinkorswim writes the multiplier first.
    let multiplier = signed_line && numbers.first() == Some(&Decimal::ONE_HUNDRED);
    let skip = usize::from(multiplier && numbers.len() > wanted);
    if numbers.len() - skip == wanted + usize::from(!priced) {
        numbers.drain(..skip);
        slots.strikes.extend(numbers.drain(..wanted).map(|strike| (strike, None)));
    }
}

/// Behind its trigger a buy pays more and a sale takes less; the other way round one of the two is a slip.
pub(super) fn check_pair(slots: &Slots) -> Parsed<()> {
    let slips = match (slots.stop, slots.limit, slots.verb) {
        (Some(stop), Some(limit), Some(Verb::Buy | Verb::Cover)) => limit < stop,
        (Some(stop), Some(limit), Some(Verb::Sell | Verb::Short)) => limit > stop,
        _ => false,
    };
    if slips {
        return refuse("Which is the stop and which the limit? Say them apart: stop 220 limit 219.50.");
    }
    Ok(())
}

/// Tickers that behind a number say something of it: "240 c", "for 1.05 cr", "230 usd".
fn is_said_of_a_price(word: &str) -> bool {
    matches!(
        word,
        "c" | "p" | "cr" | "db" | "dr" | "usd" | "open" | "ext" | "even" | "mid" | "ask" | "bid" | "day"
    )
}

fn which_price() -> Parsed<()> {
    refuse("Which number is the price? Say it behind the word, as in: buy 10 aapl limit 230.")
}

/// Words that take a price from the quote, and what may stand before them.
fn is_quote_word(word: &str) -> bool {
    matches!(
        word,
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
}
