//! A person's own list of dates: reports and dividends by underlying, each with the day on which it was announced where that is known.
//! What a strategy may know of it on a day is worked out here, so that no past day learns what was said later.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Dividend, Earnings, EarningsTime, UnderlyingEvents};
use crate::domain::calendar::plus_days;
use crate::domain::instrument::Symbol;
use crate::domain::money::Price;

/// Dates of one underlying at most: a century of quarters with their dividends.
pub const DATES_MAX: usize = 800;
/// Underlyings at most.
pub const UNDERLYINGS_MAX: usize = 5_000;

/// What happens on a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PlannedKind {
    /// The company reports.
    Earnings {
        /// Before the open or after the close.
        time: EarningsTime,
    },
    /// The first day on which a share trades without a dividend.
    Dividend {
        /// Per share, positive, in the share's currency.
        amount: Price,
    },
}

/// A date somebody wrote down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The exchange's date.
    pub date: Date,
    /// What happens on it.
    #[serde(flatten)]
    pub kind: PlannedKind,
    /// When it was made known; absent where nobody wrote it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<Date>,
}

/// A date that does not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found '{found}', allowed {allowed}")]
pub struct PlannedError {
    /// What was there.
    pub found: String,
    /// What may be there.
    pub allowed: &'static str,
}

impl Planned {
    /// A report, of words such as `2026-10-29`, `2026-10-29 before_open` or `2026-10-29 after_close announced 2026-10-08`.
    ///
    /// # Errors
    /// When the words are others, or it was announced after its day.
    pub fn earnings(text: &str) -> Result<Self, PlannedError> {
        const ALLOWED: &str =
            "a day such as 2026-10-29, then before_open or after_close, then announced and a day up to it";
        let wrong = || PlannedError { found: text.to_owned(), allowed: ALLOWED };
        let mut words = text.split_whitespace().peekable();
        let date = words.next().and_then(day).ok_or_else(wrong)?;
        let time = words.peek().and_then(|word| EarningsTime::from_word(word));
        if time.is_some() {
            words.next();
        }
        let kind = PlannedKind::Earnings { time: time.unwrap_or_default() };
        let announced = announced(&mut words, date).ok_or_else(wrong)?;
        Ok(Self { date, kind, announced })
    }

    /// A dividend, of words such as `2026-11-09 0.26` or `2026-11-09 0.26 announced 2026-10-29`.
    ///
    /// # Errors
    /// When the words are others, the amount is not above zero, or it was announced after its day.
    pub fn dividend(text: &str) -> Result<Self, PlannedError> {
        const ALLOWED: &str = "an ex-date such as 2026-11-09, an amount above zero such as 0.26, then announced and a day up to it";
        let wrong = || PlannedError { found: text.to_owned(), allowed: ALLOWED };
        let mut words = text.split_whitespace().peekable();
        let date = words.next().and_then(day).ok_or_else(wrong)?;
        let amount = words.next().and_then(|word| Price::from_str(word).ok()).filter(|it| it.is_positive());
        let kind = PlannedKind::Dividend { amount: amount.ok_or_else(wrong)? };
        let announced = announced(&mut words, date).ok_or_else(wrong)?;
        Ok(Self { date, kind, announced })
    }

    /// `earnings` or `dividend`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self.kind {
            PlannedKind::Earnings { .. } => "earnings",
            PlannedKind::Dividend { .. } => "dividend",
        }
    }

    /// Was it known on a day. Where nobody wrote down when it was announced: so many days before; absent means ever since.
    #[must_use]
    pub fn is_known_on(&self, day: Date, unsaid_days: Option<i64>) -> bool {
        match (self.announced, unsaid_days) {
            (Some(announced), _) => announced <= day,
            (None, Some(days)) => plus_days(self.date, -days) <= day,
            (None, None) => true,
        }
    }

    fn same_as(&self, other: &Self) -> bool {
        self.date == other.date && self.word() == other.word()
    }
}

fn day(word: &str) -> Option<Date> {
    // Only `2026-10-29`: anything shorter or longer is a slip.
    (word.len() == 10).then(|| word.parse().ok()).flatten()
}

/// The rest of the words: nothing, or `announced DAY` with a day up to the event's. The outer `None` means other words.
#[allow(clippy::option_option)]
fn announced<'a>(words: &mut impl Iterator<Item = &'a str>, until: Date) -> Option<Option<Date>> {
    match (words.next(), words.next(), words.next()) {
        (None, ..) => Some(None),
        (Some("announced"), Some(word), None) => day(word).filter(|day| *day <= until).map(Some),
        _ => None,
    }
}

/// As it is read again.
impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date)?;
        match self.kind {
            // What is meant where nothing is said is not said.
            PlannedKind::Earnings { time: EarningsTime::AfterClose } => {}
            PlannedKind::Earnings { time } => write!(f, " {}", time.as_str())?,
            PlannedKind::Dividend { amount } => write!(f, " {amount}")?,
        }
        match self.announced {
            Some(day) => write!(f, " announced {day}"),
            None => Ok(()),
        }
    }
}

/// The dates of one underlying.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnderlyingDates {
    /// By date, earnings before a dividend of the same day; each kind once a day.
    planned: Vec<Planned>,
    /// A fund has no earnings of its own.
    pub is_fund: bool,
}

impl UnderlyingDates {
    /// By date.
    #[must_use]
    pub fn planned(&self) -> &[Planned] {
        &self.planned
    }
}

/// Why a list of dates takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookFull {
    /// Of one underlying.
    #[error("{DATES_MAX} dates of one underlying are kept at most")]
    Dates,
    /// Of all.
    #[error("dates of {UNDERLYINGS_MAX} underlyings are kept at most")]
    Underlyings,
}

/// All dates that a person wrote down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventBook {
    of: BTreeMap<Symbol, UnderlyingDates>,
}

impl EventBook {
    /// The underlyings with their dates, by symbol.
    pub fn iter(&self) -> impl Iterator<Item = (&Symbol, &UnderlyingDates)> {
        self.of.iter()
    }

    /// The dates of one.
    #[must_use]
    pub fn of(&self, symbol: &Symbol) -> Option<&UnderlyingDates> {
        self.of.get(symbol)
    }

    /// Are there none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    fn entry(&mut self, symbol: &Symbol) -> Result<&mut UnderlyingDates, BookFull> {
        if self.of.len() >= UNDERLYINGS_MAX && !self.of.contains_key(symbol) {
            return Err(BookFull::Underlyings);
        }
        Ok(self.of.entry(symbol.clone()).or_default())
    }

    /// Writes a date down. One of the same kind and day is replaced, and handed back.
    ///
    /// # Errors
    /// When there is no room.
    pub fn add(&mut self, symbol: &Symbol, planned: Planned) -> Result<Option<Planned>, BookFull> {
        let dates = self.entry(symbol)?;
        if let Some(known) = dates.planned.iter_mut().find(|known| known.same_as(&planned)) {
            return Ok(Some(std::mem::replace(known, planned)));
        }
        if dates.planned.len() >= DATES_MAX {
            return Err(BookFull::Dates);
        }
        dates.planned.push(planned);
        dates.planned.sort_by_key(|it| (it.date, it.word() != "earnings"));
        Ok(None)
    }

    /// Says whether something is a fund, which has no earnings.
    ///
    /// # Errors
    /// When there is no room.
    pub fn set_fund(&mut self, symbol: &Symbol, is_fund: bool) -> Result<(), BookFull> {
        self.entry(symbol)?.is_fund = is_fund;
        self.drop_empty(symbol);
        Ok(())
    }

    /// Strikes out dates of an underlying: of one day, or all. Hands back what was there, by date.
    pub fn remove(&mut self, symbol: &Symbol, date: Option<Date>) -> Vec<Planned> {
        let Some(dates) = self.of.get_mut(symbol) else { return Vec::new() };
        let goes = |planned: &Planned| date.is_none_or(|date| planned.date == date);
        let gone = dates.planned.iter().copied().filter(goes).collect();
        dates.planned.retain(|planned| !goes(planned));
        self.drop_empty(symbol);
        gone
    }

    fn drop_empty(&mut self, symbol: &Symbol) {
        if self.of.get(symbol).is_some_and(|dates| dates.planned.is_empty() && !dates.is_fund) {
            self.of.remove(symbol);
        }
    }

    /// What was known of an underlying on a day. `unsaid_days`: how long before its day something was known of which nobody wrote down when
    /// it was announced; absent means ever since. Never absent: of what stands nowhere nothing is known.
    #[must_use]
    pub fn known(
        &self,
        symbol: &Symbol,
        day: Date,
        unsaid_days: Option<i64>,
        as_of: Timestamp,
    ) -> UnderlyingEvents {
        let mut events =
            UnderlyingEvents { dividends: Vec::new(), earnings: Vec::new(), is_fund: false, as_of };
        let Some(dates) = self.of.get(symbol) else { return events };
        events.is_fund = dates.is_fund;
        for planned in dates.planned.iter().filter(|planned| planned.is_known_on(day, unsaid_days)) {
            let date = planned.date;
            match planned.kind {
                PlannedKind::Earnings { time } => events.earnings.push(Earnings { date, time }),
                PlannedKind::Dividend { amount } => events.dividends.push(Dividend { ex_date: date, amount }),
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn symbol(text: &str) -> Symbol {
        Symbol::new(text).unwrap()
    }

    #[test]
    fn words_read_and_are_written_as_they_are_read() {
        for text in [
            "2026-10-29",
            "2026-10-29 before_open",
            "2026-10-29 announced 2026-10-08",
            "2026-10-29 before_open announced 2026-10-29",
        ] {
            assert_eq!(Planned::earnings(text).unwrap().to_string(), text);
        }
        assert_eq!(Planned::earnings(" 2026-10-29  after_close ").unwrap().to_string(), "2026-10-29");
        for text in ["2026-11-09 0.26", "2026-11-09 0.26 announced 2026-10-29"] {
            assert_eq!(Planned::dividend(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_words_are_refused_with_what_is_allowed() {
        for text in [
            "",
            "tomorrow",
            "2026-13-01",
            "2026-10-9",
            "2026-10-29T00:00",
            "2026-10-29 noon",
            "2026-10-29 announced",
            "2026-10-29 announced 2026-10-30",
            "2026-10-29 announced 2026-10-08 x",
            "2026-10-29 announced 2026-10-08 before_open",
            "2026-10-29 0.26",
        ] {
            let error = Planned::earnings(text).unwrap_err();
            assert!(error.found == text && error.to_string().contains("before_open"), "{text}: {error}");
        }
        for text in
            ["2026-11-09", "2026-11-09 0", "2026-11-09 -1", "2026-11-09 x", "2026-11-09 0.26 before_open"]
        {
            assert!(Planned::dividend(text).unwrap_err().to_string().contains("above zero"), "{text}");
        }
    }

    #[test]
    fn a_day_knows_what_was_announced_by_then() {
        let mut book = EventBook::default();
        let ko = symbol("KO");
        for text in ["2026-10-29 announced 2026-10-08", "2027-01-28"] {
            book.add(&ko, Planned::earnings(text).unwrap()).unwrap();
        }
        book.add(&ko, Planned::dividend("2026-11-27 0.51 announced 2026-10-15").unwrap()).unwrap();
        let known = |day, unsaid| {
            let events = book.known(&ko, day, unsaid, Timestamp::UNIX_EPOCH);
            (events.earnings.len(), events.dividends.len())
        };
        assert_eq!(known(date(2026, 10, 7), Some(21)), (0, 0));
        assert_eq!(known(date(2026, 10, 8), Some(21)), (1, 0));
        assert_eq!(known(date(2026, 10, 15), Some(21)), (1, 1));
        assert_eq!(known(date(2027, 1, 6), Some(21)), (1, 1));
        assert_eq!(known(date(2027, 1, 7), Some(21)), (2, 1));
        assert_eq!(known(date(2026, 10, 7), None), (1, 0), "what is written down is known now");
        let other = book.known(&symbol("PEP"), date(2026, 1, 1), None, Timestamp::UNIX_EPOCH);
        assert!(other.earnings.is_empty() && other.dividends.is_empty() && !other.is_fund);
    }

    #[test]
    fn dates_stand_once_in_order_and_go_again() {
        let mut book = EventBook::default();
        let ko = symbol("KO");
        let earnings = |text| Planned::earnings(text).unwrap();
        assert_eq!(book.add(&ko, earnings("2027-01-28")), Ok(None));
        assert_eq!(book.add(&ko, Planned::dividend("2026-10-29 1").unwrap()), Ok(None));
        assert_eq!(book.add(&ko, earnings("2026-10-29")), Ok(None));
        assert_eq!(book.add(&ko, earnings("2026-10-29 before_open")), Ok(Some(earnings("2026-10-29"))));
        let texts = |book: &EventBook| -> Vec<String> {
            book.of(&ko).map_or(&[][..], UnderlyingDates::planned).iter().map(ToString::to_string).collect()
        };
        assert_eq!(texts(&book), ["2026-10-29 before_open", "2026-10-29 1", "2027-01-28"]);
        assert_eq!(book.remove(&ko, Some(date(2026, 10, 29))).len(), 2);
        assert_eq!(book.remove(&ko, Some(date(2026, 10, 29))), []);
        assert_eq!((book.remove(&ko, None).len(), book.is_empty()), (1, true));
        book.set_fund(&ko, true).unwrap();
        assert!(book.known(&ko, date(2026, 1, 1), None, Timestamp::UNIX_EPOCH).is_fund);
        book.set_fund(&ko, false).unwrap();
        assert!(book.is_empty());
        let mut full = EventBook::default();
        for day in 0..DATES_MAX {
            full.add(
                &ko,
                Planned { date: plus_days(date(2000, 1, 1), day as i64), ..earnings("2000-01-01") },
            )
            .unwrap();
        }
        assert_eq!(full.add(&ko, earnings("1999-01-01")), Err(BookFull::Dates));
        let mut wide = EventBook::default();
        for n in 0..UNDERLYINGS_MAX {
            wide.add(&symbol(&format!("S{n}")), earnings("2026-10-29")).unwrap();
        }
        assert_eq!(wide.set_fund(&ko, true), Err(BookFull::Underlyings));
        assert_eq!(wide.add(&symbol("S1"), earnings("2026-10-30")), Ok(None), "of one that is there");
    }
}
