//! Steps of the calendar at which strategies act: the first bar of a day, week, month, quarter or year.

use jiff::civil::Date;

/// The words for them, from the shortest.
pub(super) const STEPS: &[&str] = &["day", "week", "month", "quarter", "year"];

/// Does a new step begin between two days, the later of which is `day`. A word that names none has no steps.
pub(super) fn begins(step: &str, last: Date, day: Date) -> bool {
    let week = |date: Date| {
        let date = date.iso_week_date();
        (date.year(), date.week())
    };
    let quarter = |date: Date| (date.year(), (date.month() - 1) / 3);
    match step {
        "day" => day > last,
        "week" => week(day) != week(last),
        "month" => (day.year(), day.month()) != (last.year(), last.month()),
        "quarter" => quarter(day) != quarter(last),
        "year" => day.year() != last.year(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn weeks_go_over_the_years_end_and_quarters_do_not() {
        let (last, day) = (date(2024, 12, 30), date(2025, 1, 2));
        let begun: Vec<&str> = STEPS.iter().copied().filter(|step| begins(step, last, day)).collect();
        assert_eq!(begun, ["day", "month", "quarter", "year"]);
        assert!(begins("week", date(2025, 1, 5), date(2025, 1, 6)));
        assert!(!begins("quarter", date(2025, 4, 1), date(2025, 6, 30)));
        assert!(!begins("never", last, day));
    }
}
