//! Dividends and earnings between now and an expiry.

use jiff::civil::Date;

use crate::domain::calendar::Calendar;
use crate::domain::events::{Dividend, Earnings, EarningsTime, UnderlyingEvents};

/// What is known of a report until an expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::strategies) enum Report {
    /// None until then.
    None,
    /// On this day, `today` and the expiry included.
    On(Date),
    /// Nobody says when.
    Unknown,
}

/// Is there a report from today to an expiry.
pub(in crate::strategies) fn report_until(
    events: Option<&UnderlyingEvents>,
    today: Date,
    expiry: Date,
) -> Report {
    match events {
        Some(events) if events.is_fund => Report::None,
        Some(events) => match events.next_earnings(today) {
            Some(report) if report.date <= expiry => Report::On(report.date),
            Some(_) => Report::None,
            None => Report::Unknown,
        },
        None => Report::Unknown,
    }
}

/// The last session in which one can act before a report.
pub(in crate::strategies) fn last_session_before(report: Earnings, calendar: &Calendar) -> Date {
    match report.time {
        EarningsTime::AfterClose => calendar.session_on_or_before(report.date),
        EarningsTime::BeforeOpen => calendar.previous_session(report.date),
    }
}

/// Dividends that go off before the next session opens: today is the last day on which a share trades with them.
pub(in crate::strategies) fn ex_dividend_tomorrow(
    events: Option<&UnderlyingEvents>,
    calendar: &Calendar,
    today: Date,
) -> Option<Dividend> {
    events?.dividends_within(today, calendar.next_session(today)).next().copied()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::date;

    use super::*;
    use crate::domain::money::Price;

    #[test]
    fn reports_and_ex_dates_are_those_before_the_expiry_and_the_next_open() {
        let calendar = Calendar::nyse();
        let report = |date, time| Earnings { date, time };
        let events = UnderlyingEvents {
            // The Monday after Thanksgiving's Friday.
            dividends: vec![Dividend { ex_date: date(2026, 11, 30), amount: Price::from(1) }],
            earnings: vec![report(date(2026, 12, 10), EarningsTime::AfterClose)],
            is_fund: false,
            as_of: Timestamp::UNIX_EPOCH,
        };
        let until = |expiry| report_until(Some(&events), date(2026, 11, 12), expiry);
        assert_eq!(until(date(2026, 12, 10)), Report::On(date(2026, 12, 10)));
        assert_eq!(until(date(2026, 12, 9)), Report::None);
        assert_eq!(report_until(None, date(2026, 11, 12), date(2026, 12, 10)), Report::Unknown);
        let fund = UnderlyingEvents { is_fund: true, ..events.clone() };
        assert_eq!(report_until(Some(&fund), date(2026, 11, 12), date(2026, 12, 10)), Report::None);
        let ex = |today| ex_dividend_tomorrow(Some(&events), &calendar, today).map(|it| it.ex_date);
        assert_eq!((ex(date(2026, 11, 27)), ex(date(2026, 11, 25))), (Some(date(2026, 11, 30)), None));
        assert_eq!(ex(date(2026, 11, 30)), None);
        let last = |time| last_session_before(report(date(2026, 11, 30), time), &calendar);
        assert_eq!(
            (last(EarningsTime::AfterClose), last(EarningsTime::BeforeOpen)),
            (date(2026, 11, 30), date(2026, 11, 27))
        );
    }
}
