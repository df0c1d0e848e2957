//! Dates of a company that strategies plan around: dividends and earnings. What has happened is a corporate action; this is what is announced.

mod book;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use book::{
    BookFull, DATES_MAX, EventBook, Planned, PlannedError, PlannedKind, UNDERLYINGS_MAX, UnderlyingDates,
};

use super::money::Price;

/// A cash dividend that is announced, or was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dividend {
    /// First day on which a share trades without it.
    pub ex_date: Date,
    /// Per share, positive, in the share's currency.
    pub amount: Price,
}

/// When on its day a company reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarningsTime {
    /// Before the opening bell: the session before is the last one without the news.
    BeforeOpen,
    /// After the closing bell, and where nobody says.
    #[default]
    AfterClose,
}

impl EarningsTime {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BeforeOpen => "before_open",
            Self::AfterClose => "after_close",
        }
    }

    /// The other way round.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::BeforeOpen, Self::AfterClose].into_iter().find(|time| time.as_str() == word)
    }
}

/// A day on which a company reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earnings {
    /// The exchange's date.
    pub date: Date,
    /// Before the open or after the close.
    #[serde(default)]
    pub time: EarningsTime,
}

/// What is known of an underlying's dates. Lists are sorted by date and may be empty; past dates may stand in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderlyingEvents {
    /// Dividends by ex-date.
    #[serde(default)]
    pub dividends: Vec<Dividend>,
    /// Reports; empty where none is known.
    #[serde(default)]
    pub earnings: Vec<Earnings>,
    /// A fund has no earnings of its own, so that none known means none.
    #[serde(default)]
    pub is_fund: bool,
    /// When these were read.
    pub as_of: Timestamp,
}

impl UnderlyingEvents {
    /// Dividends with an ex-date after `after` and no later than `until`.
    pub fn dividends_within(&self, after: Date, until: Date) -> impl Iterator<Item = &Dividend> {
        self.dividends.iter().filter(move |dividend| dividend.ex_date > after && dividend.ex_date <= until)
    }

    /// The first report on `from` or later.
    #[must_use]
    pub fn next_earnings(&self, from: Date) -> Option<Earnings> {
        self.earnings.iter().copied().filter(|report| report.date >= from).min_by_key(|report| report.date)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_next_ones_are_found() {
        let dividend =
            |ex_date, cents| Dividend { ex_date, amount: Price::new(rust_decimal::Decimal::new(cents, 2)) };
        let events = UnderlyingEvents {
            dividends: vec![dividend(date(2026, 8, 10), 26), dividend(date(2026, 11, 9), 27)],
            earnings: vec![Earnings { date: date(2026, 10, 29), time: EarningsTime::AfterClose }],
            is_fund: false,
            as_of: Timestamp::UNIX_EPOCH,
        };
        let within = |after, until| events.dividends_within(after, until).count();
        assert_eq!(
            (within(date(2026, 8, 10), date(2026, 11, 9)), within(date(2026, 11, 9), date(2027, 1, 1))),
            (1, 0)
        );
        assert_eq!(events.next_earnings(date(2026, 10, 29)).map(|e| e.date), Some(date(2026, 10, 29)));
        assert_eq!(events.next_earnings(date(2026, 10, 30)), None);
    }
}
