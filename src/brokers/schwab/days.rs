//! The exchange's days as the broker says them: one question each, so that only the next two weeks are asked for.

use jiff::civil::{Date, DateTime, Weekday};

use super::data_wire::{Hours, Product};
use super::market::SchwabFeed;
use super::rest::unreadable;
use crate::brokers::BrokerError;
use crate::brokers::days::is_believed;
use crate::domain::calendar::{SaidDay, new_york, plus_days};

/// Days that are asked for at a time.
const DAYS: i64 = 14;
/// What the answer calls shares, where they trade and where they do not.
const SHARES: [&str; 2] = ["EQ", "equity"];

impl SchwabFeed {
    /// The exchange's days from `from` on, at most to `until`: two weeks of them.
    ///
    /// # Errors
    /// As a read; and when an answer is of another day, or leaves open whether shares trade.
    pub(super) async fn days(&self, from: Date, until: Date) -> Result<Vec<SaidDay>, BrokerError> {
        let mut days = Vec::new();
        let mut day = from;
        while day <= until && day < plus_days(from, DAYS) {
            days.push(match day.weekday() {
                Weekday::Saturday | Weekday::Sunday => SaidDay { date: day, close: None },
                _ => said(&self.market_hours(day).await?, day)?,
            });
            day = plus_days(day, 1);
        }
        is_believed(&days).map_err(|reason| unreadable("markets", reason))?;
        Ok(days)
    }
}

/// What an answer says of a day: when the regular session of shares closes there, if there is one.
fn said(hours: &Hours, date: Date) -> Result<SaidDay, BrokerError> {
    let wrong = |reason: &str| unreadable("markets", format!("{date}: {reason}"));
    let products = hours.get("equity").ok_or_else(|| wrong("nothing is said of shares"))?;
    let shares = SHARES.into_iter().find_map(|name| products.get(name));
    let shares = shares.ok_or_else(|| wrong("nothing is said of shares"))?;
    if shares.date.is_some_and(|other| other != date) {
        return Err(wrong("the answer is of another day"));
    }
    let close = match (regular_close(shares), shares.is_open) {
        (Some(close), true) => Some(close),
        (None, false) => None,
        (Some(_), false) => return Err(wrong("closed, and with hours")),
        (None, true) => return Err(wrong("open, and without hours")),
    };
    if close.as_ref().is_some_and(|close| close.date() != date) {
        return Err(wrong("its hours are of another day"));
    }
    Ok(SaidDay { date, close: close.map(|close| close.time()) })
}

/// When the last of its regular hours ends, in New York.
fn regular_close(shares: &Product) -> Option<DateTime> {
    let end = shares.session_hours.get("regularMarket")?.iter().map(|span| span.end).max()?;
    Some(end.to_zoned_datetime(new_york()).datetime())
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    fn of(text: &str) -> Result<SaidDay, String> {
        let hours: Hours = serde_json::from_str(text).unwrap();
        said(&hours, date(2026, 11, 27)).map_err(|error| error.to_string())
    }

    fn open(day: &str, is_open: bool, close: &str) -> String {
        format!(
            r#"{{"equity":{{"EQ":{{"date":"{day}","marketType":"EQUITY","isOpen":{is_open},"sessionHours":{{
                "preMarket":[{{"start":"{day}T07:00:00-05:00","end":"{day}T09:30:00-05:00"}}],
                "regularMarket":[{{"start":"{day}T09:30:00-05:00","end":"{close}"}}],
                "postMarket":[{{"start":"{day}T16:00:00-05:00","end":"{day}T20:00:00-05:00"}}]}}}}}}}}"#
        )
    }

    #[test]
    fn a_day_closes_with_its_regular_hours_or_has_none() {
        for (text, close) in [
            (open("2026-11-27", true, "2026-11-27T13:00:00-05:00"), Some(time(13, 0, 0, 0))),
            // The same instant, written elsewhere.
            (open("2026-11-27", true, "2026-11-27T21:00:00Z"), Some(time(16, 0, 0, 0))),
            (
                r#"{"equity":{"equity":{"date":"2026-11-27","marketType":"EQUITY","isOpen":false}}}"#
                    .to_owned(),
                None,
            ),
        ] {
            assert_eq!(of(&text), Ok(SaidDay { date: date(2026, 11, 27), close }), "{text}");
        }
    }

    #[test]
    fn what_says_two_things_at_once_is_not_believed() {
        for (text, why) in [
            ("{}".to_owned(), "nothing is said of shares"),
            (r#"{"equity":{"BON":{"isOpen":true}}}"#.to_owned(), "nothing is said of shares"),
            (open("2026-11-27", false, "2026-11-27T16:00:00-05:00"), "closed, and with hours"),
            (r#"{"equity":{"EQ":{"isOpen":true}}}"#.to_owned(), "open, and without hours"),
            (open("2026-11-30", true, "2026-11-30T16:00:00-05:00"), "the answer is of another day"),
            (open("2026-11-27", true, "2026-11-28T16:00:00-05:00"), "its hours are of another day"),
        ] {
            let error = of(&text).unwrap_err();
            assert!(error.contains("2026-11-27: ") && error.contains(why), "{error}");
        }
    }
}
