//! What is traded: symbols, expiries, strikes, rights, names of packages.

use crate::command::dates::{self, Said};
use crate::command::lex::{Kind, Token};
use crate::command::symbols::{self, Found};
use crate::command::{spread, words};
use crate::domain::instrument::Instrument;
use crate::domain::option::Right;
use crate::domain::order::PriceEffect;

use super::amounts::right_word;
use super::{Parsed, Reader, once, refuse};

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

    fn read_option_instrument(&mut self, instrument: &Instrument) {
        if instrument.as_option().is_some() {
            self.slots.option_said = true;
        }
        self.slots.wanted_units = Some(instrument.asset_class());
    }
}
