//! What a broker says of the exchange's days, before it is believed.

use jiff::civil::Weekday;

use crate::domain::calendar::SaidDay;

/// Weekdays in a row without a session that are still believed: after 11 September 2001 there were four.
const CLOSED_MAX: u32 = 5;

/// Would anybody trade by such days: they have a session, and no whole week is without one.
///
/// # Errors
/// Why not.
pub(super) fn is_believed(days: &[SaidDay]) -> Result<(), String> {
    let mut closed = 0;
    for day in days {
        if day.close.is_some() {
            closed = 0;
        } else if !matches!(day.date.weekday(), Weekday::Saturday | Weekday::Sunday) {
            closed += 1;
        }
        if closed > CLOSED_MAX {
            return Err(format!("a week before {} has no session", day.date));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;
    use crate::domain::calendar::plus_days;

    #[test]
    fn a_week_and_more_without_a_session_is_not_believed() {
        let days = |closed: std::ops::Range<i64>| {
            let of = |n: i64| {
                let date = plus_days(date(2026, 11, 2), n);
                let rests =
                    closed.contains(&n) || matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
                SaidDay { date, close: (!rests).then(|| time(16, 0, 0, 0)) }
            };
            (0..21).map(of).collect::<Vec<_>>()
        };
        // Five weekdays and the days of rest around them are; six are not.
        assert_eq!(is_believed(&days(0..5)), Ok(()));
        assert_eq!(is_believed(&days(2..9)), Ok(()));
        assert_eq!(is_believed(&days(2..10)), Err("a week before 2026-11-11 has no session".to_owned()));
        assert_eq!(is_believed(&[]), Ok(()));
    }
}
