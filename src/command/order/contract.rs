//! What is traded: symbols, expiries, strikes, rights, names of packages.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::command::dates::{self, Said};
use crate::command::lex::{Kind, Token};
use crate::command::symbols::{self, Found};
use crate::command::types::Missing;
use crate::command::{spread, words};
use crate::domain::instrument::Instrument;
use crate::domain::option::Right;
use crate::domain::order::PriceEffect;

use super::amounts::right_word;
use super::{Parsed, Reader, Trouble, once, refuse};

/// Days of a month that no month has the number of, and months.
const DAYS_ALONE: std::ops::RangeInclusive<i64> = 13..=31;
const MONTHS: std::ops::RangeInclusive<i64> = 1..=12;

/// `15/1/27`, `15/01/2027`: no three strikes fall and rise so, and a day that comes first is not read as a month.
fn is_day_first(list: &[(Decimal, Option<Right>)]) -> bool {
    let whole = |at: usize| {
        list.get(at).and_then(|(part, _)| part.fract().is_zero().then(|| part.to_i64())).flatten()
    };
    let year = whole(2).is_some_and(|year| (20..100).contains(&year) || (2020..2100).contains(&year));
    list.len() == 3
        && list.iter().all(|(_, right)| right.is_none())
        && whole(0).is_some_and(|day| DAYS_ALONE.contains(&day))
        && whole(1).is_some_and(|month| MONTHS.contains(&month))
        && year
}

impl Reader<'_> {
    pub(super) fn spreads(&mut self) -> Parsed<()> {
        let texts: Vec<&str> = self.tokens[self.at..].iter().take(4).map(|t| t.text.as_str()).collect();
        if let Some((kind, right, used)) = spread::name(&texts) {
            self.at += used;
            if let Some(right) = right {
                once(&mut self.slots.right, right, "rights")?;
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
    pub(super) fn contract(&mut self) -> Parsed<()> {
        match self.kind(0) {
            Some(Kind::Strike(strike, right)) => {
                // "10c" beside no option could be anything else, but nothing else is written so.
                let strike = (*strike, Some(*right));
                self.at += 1;
                self.slots.strikes.push(strike);
                self.slots.option_said = true;
                return Ok(());
            }
            Some(Kind::Strikes(list)) if is_day_first(list) => {
                let text =
                    format!("Is {0} a day? The month comes first here, or write 2027-01-15.", self.text(0));
                return Err(Trouble::Missing(vec![Missing::Expiry], text));
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
            "call" | "calls" | "c" => Right::Call,
            "put" | "puts" | "p" => Right::Put,
            "call/put" | "put/call" => {
                self.at += 1;
                self.slots.both_rights = true;
                return Ok(());
            }
            "option" | "options" => {
                self.at += 1;
                self.slots.option_said = true;
                return Ok(());
            }
            "contract" | "contracts" => {
                self.at += 1;
                self.slots.contracts_said = true;
                return Ok(());
            }
            "strike" | "strikes" => {
                self.at += 1;
                if let Some(value) = self.value() {
                    self.slots.strikes.push((value, None));
                }
                self.slots.option_said = true;
                return Ok(());
            }
            _ => {
                self.expiry();
                return Ok(());
            }
        };
        self.at += 1;
        self.slots.option_said = true;
        once(&mut self.slots.right, right, "rights")
    }

    /// The standard expiry that comes next: this month's, or the next month's once that is past.
    fn next_monthly(&self) -> Said {
        let today = self.context.today;
        let (year, month) = (today.year(), today.month());
        if self.context.calendar.monthly_expiry(year, month) >= today {
            return Said::Month(year, month);
        }
        if month == 12 { Said::Month(year + 1, 1) } else { Said::Month(year, month + 1) }
    }

    /// The day an option expires.
    fn expiry(&mut self) {
        if let Some((said, used)) = dates::read(&self.tokens[self.at..], self.context.today) {
            // "today" and a weekday are filler or a date only where an option is meant.
            let weak =
                (matches!(self.text(0), "today" | "tomorrow" | "may" | "mar" | "sep" | "this" | "next")
                    || dates::weekday(self.text(0)).is_some())
                    && !self.option_ahead();
            if !weak {
                self.at += used;
                self.slots.doubtful_year |= used > 1
                    && dates::is_short_year(&self.tokens[self.at - 1])
                    && right_word(self.text(0)).is_some()
                    && self.slots.strikes.is_empty()
                    && self.slots.numbers.is_empty();
                self.slots.said_expiry.push(said);
                if matches!(self.text(0), "out") {
                    self.at += 1;
                }
                return;
            }
        }
        if matches!(self.text(0), "monthly" | "monthlies") {
            self.at += 1;
            self.slots.said_expiry.push(self.next_monthly());
        } else if self.text(0) == "weeklys" && self.is_series_label() {
            self.at += 1;
        } else if matches!(self.text(0), "weekly" | "weeklys" | "weeklies") {
            self.at += 1;
            let friday = self.context.calendar.weekly_expiry(self.context.today);
            self.slots.said_expiry.push(Said::Day(friday));
        }
    }

    /// thinkorswim writes the kind of a series in brackets before its day: `SPY 100 (Weeklys) 4 DEC 26 600 CALL`.
    fn is_series_label(&self) -> bool {
        self.at > 0
            && matches!(self.tokens[self.at - 1].kind, Kind::Mark('('))
            && matches!(self.kind(1), Some(Kind::Mark(')')))
            && self
                .tokens
                .get(self.at + 2..)
                .is_some_and(|rest| matches!(dates::read(rest, self.context.today), Some((Said::Day(_), _))))
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

    pub(super) fn symbol(&mut self) -> Parsed<()> {
        let forced = self.forced == Some(self.at);
        if forced {
            let instrument = symbols::ticker(self.tokens[self.at].raw, self.context);
            self.at += 1;
            return match instrument {
                Some(instrument) => once(&mut self.slots.instrument, instrument, "instruments"),
                None => Ok(()),
            };
        }
        let shouted = self.tokens[self.at].is_shouted()
            && !self.tokens.iter().filter(|t| t.kind == Kind::Word).all(Token::is_shouted);
        let dollar = self.tokens[self.at].raw.starts_with('$');
        if words::is_keyword(self.text(0))
            && !dollar
            && !(shouted
                && self.slots.instrument.is_none()
                && symbols::ticker(self.tokens[self.at].raw, self.context).is_some())
        {
            // "the coca cola company": an article does not hide a name.
            return Ok(());
        }
        match symbols::read(&self.tokens[self.at..], self.context) {
            Some((Found::One(instrument), used)) => {
                let counted = matches!(self.tokens[..self.at].last().map(|t| &t.kind), Some(Kind::Number(_)));
                let place = self.stands_for_a_place();
                let priced = counted && !self.slots.numbers.is_empty();
                self.at += used;
                self.read_option_instrument(&instrument);
                self.corporate_ending();
                // "my aapl 190 puts on aapl" says it twice; another instrument is another order.
                match &self.slots.instrument {
                    // "buy 10 aapl 10 aapl": the second number counts as the first does.
                    Some(known) if priced && *known == instrument => {
                        refuse(format!("{instrument} is counted twice; one order at a time."))
                    }
                    Some(known) if *known != instrument && place.is_some() => {
                        refuse(place.unwrap_or_default())
                    }
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
                if self.slots.instrument.as_ref().is_some_and(|known| !list.contains(known)) {
                    return refuse("Two instruments were named; one order at a time.");
                }
                self.at += used;
                self.slots.ambiguous = list;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// "buy 10 aapl on robinhood": what to say of a name in the place of a broker's; none where it stands elsewhere.
    fn stands_for_a_place(&self) -> Option<String> {
        let before = self.tokens[..self.at].last()?;
        let here = matches!(before.text.as_str(), "on" | "at" | "via" | "with" | "through" | "using");
        let word = &self.tokens[self.at];
        (here && self.slots.instrument.is_some() && word.kind == Kind::Word).then(|| {
            let brokers = words::BROKERS.join(", ");
            format!("'{}' is no broker here ({brokers}); and one order has one instrument.", word.text)
        })
    }

    /// "tesla, inc.": how a company's name ends where it is copied from a list.
    fn corporate_ending(&mut self) {
        let comma = usize::from(matches!(self.kind(0), Some(Kind::Mark(','))));
        if matches!(self.text(comma), "inc" | "corp" | "corporation" | "ltd" | "plc" | "llc") {
            self.at += comma + 1;
        }
    }

    fn read_option_instrument(&mut self, instrument: &Instrument) {
        if instrument.as_option().is_some() {
            self.slots.option_said = true;
        }
        self.slots.wanted_units = Some(instrument.asset_class());
    }
}
