//! The exchange's days as the broker lists them: those with a session, by date; the days between are without one.

use jiff::civil::{Date, Time};

use super::NAME;
use super::wire::CalendarDay;
use crate::brokers::BrokerError;
use crate::brokers::days::is_believed;
use crate::domain::calendar::{SaidDay, plus_days};

/// Every day from `from` to the last one that is listed, at most to `until`.
///
/// # Errors
/// When nothing is listed, days do not rise or lie outside, an hour is none, or a whole week is missing: by such a list nobody would trade.
pub(super) fn said(rows: &[CalendarDay], from: Date, until: Date) -> Result<Vec<SaidDay>, BrokerError> {
    let wrong =
        |reason: String| BrokerError::Unreadable { broker: NAME.to_owned(), call: "calendar", reason };
    let mut days = Vec::new();
    let mut day = from;
    for row in rows {
        if row.date < day || row.date > until {
            return Err(wrong(format!("{} is out of order", row.date)));
        }
        let close = Time::strptime("%H:%M", &row.close)
            .map_err(|_| wrong(format!("{}: a close that is no time of a day", row.date)))?;
        while day < row.date {
            days.push(SaidDay { date: day, close: None });
            day = plus_days(day, 1);
        }
        days.push(SaidDay { date: row.date, close: Some(close) });
        day = plus_days(day, 1);
    }
    if days.is_empty() {
        return Err(wrong("no session is listed".to_owned()));
    }
    is_believed(&days).map_err(wrong)?;
    Ok(days)
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    fn rows(text: &str) -> Vec<CalendarDay> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn days_between_those_that_are_listed_have_no_session() {
        // As it answers, with fields that are of no use here.
        let text = r#"[{"date":"2026-11-25","open":"09:30","close":"16:00","session_open":"0400","session_close":"2000","settlement_date":"2026-11-27"},
            {"date":"2026-11-27","open":"09:30","close":"13:00"},{"date":"2026-11-30","open":"09:30","close":"16:00"}]"#;
        let said = said(&rows(text), date(2026, 11, 25), date(2026, 12, 31)).unwrap();
        let shown: Vec<(i8, Option<Time>)> = said.iter().map(|day| (day.date.day(), day.close)).collect();
        let (full, early) = (Some(time(16, 0, 0, 0)), Some(time(13, 0, 0, 0)));
        // Nothing is said of what comes after the last one: nobody has listed it yet.
        assert_eq!(shown, [(25, full), (26, None), (27, early), (28, None), (29, None), (30, full)]);
    }

    #[test]
    fn a_list_that_cannot_be_is_no_calendar() {
        let whole = |text: &str| {
            let error = said(&rows(text), date(2026, 11, 2), date(2026, 11, 30)).unwrap_err().to_string();
            assert!(error.contains("calendar"), "{error}");
            error
        };
        assert!(whole("[]").contains("no session is listed"));
        assert!(whole(r#"[{"date":"2026-11-10","close":"16:00"}]"#).contains("a week before 2026-11-09"));
        assert!(whole(r#"[{"date":"2026-11-02","close":"4 pm"}]"#).contains("2026-11-02: a close"));
        for day in ["2026-10-30", "2026-12-01"] {
            let text = format!(r#"[{{"date":"{day}","close":"16:00"}}]"#);
            assert!(whole(&text).contains("out of order"));
        }
        let twice = r#"[{"date":"2026-11-03","close":"16:00"},{"date":"2026-11-03","close":"16:00"}]"#;
        assert!(whole(twice).contains("2026-11-03 is out of order"));
    }
}
