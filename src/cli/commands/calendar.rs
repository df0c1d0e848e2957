//! Sessions, holidays and early closes of the exchange.

use jiff::civil::{Date, Weekday, date};
use serde_json::json;

use crate::cli::args::CalendarArgs;
use crate::cli::error::CliError;
use crate::cli::host::Host;
use crate::cli::output::{Align, Output, Table, format};
use crate::domain::calendar::{Calendar, exchange_date, new_york};

pub(super) fn run(args: &CalendarArgs, host: &dyn Host) -> Result<Output, CliError> {
    let calendar = Calendar::nyse();
    match args.year {
        Some(year) => year_of(&calendar, year),
        None => day_of(&calendar, args.date.unwrap_or_else(|| exchange_date(host.now()))),
    }
}

fn day_of(calendar: &Calendar, day: Date) -> Result<Output, CliError> {
    let session = calendar.session(day);
    let (previous, next) = (calendar.previous_session(day), calendar.next_session(day));
    let document = json!({
        "exchange": "NYSE",
        "date": day,
        "session": session,
        "previous_session": previous,
        "next_session": next,
        "settlement_date": session.map(|session| calendar.settlement_date(session.date)),
        "monthly_expiry": calendar.monthly_expiry(day.year(), day.month()),
    });
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left)], "");
    let mut row = |name: &str, text: String| table.push(vec![name.into(), text.into()]);
    row("date", format!("{day} {}", day.strftime("%A")));
    match session {
        Some(session) => {
            row("open", format::time(session.open, &new_york()));
            row(
                "close",
                format::time(session.close, &new_york()) + if session.early { " (early)" } else { "" },
            );
        }
        None => row("session", "none, the exchange is closed".to_owned()),
    }
    row("previous session", previous.to_string());
    row("next session", next.to_string());
    row("monthly expiry", calendar.monthly_expiry(day.year(), day.month()).to_string());
    Ok(Output::new(&document)?.table(table))
}

fn year_of(calendar: &Calendar, year: i16) -> Result<Output, CliError> {
    let days: Vec<Date> =
        date(year, 1, 1).series(jiff::ToSpan::day(1)).take_while(|day| day.year() == year).collect();
    let weekend = |day: &&Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let closed: Vec<Date> =
        days.iter().filter(|day| !weekend(day) && !calendar.is_session(**day)).copied().collect();
    let early: Vec<Date> = days.iter().filter(|day| calendar.is_early_close(**day)).copied().collect();
    let sessions = days.iter().filter(|day| calendar.is_session(**day)).count();
    let document = json!({
        "exchange": "NYSE", "year": year, "sessions": sessions, "closed": closed, "early_closes": early,
    });
    let mut rows: Vec<(Date, &str)> = closed.iter().map(|day| (*day, "closed")).collect();
    rows.extend(early.iter().map(|day| (*day, "closes at 13:00")));
    rows.sort_unstable();
    let mut table = Table::new(&[("date", Align::Left), ("", Align::Left), ("NYSE", Align::Left)], "");
    for (day, what) in rows {
        table.push(vec![day.to_string().into(), day.strftime("%A").to_string().into(), what.into()]);
    }
    Ok(Output::new(&document)?.table(table).line(format!("{sessions} sessions in {year}")))
}
