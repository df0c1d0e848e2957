//! Sessions, holidays and early closes of the exchange.

use jiff::civil::{Date, Weekday, date};
use serde_json::json;

use super::Context;
use super::events::{self, Row};
use crate::cli::args::{CalendarArgs, Cli};
use crate::cli::error::CliError;
use crate::cli::output::{Align, Output, Table, format};
use crate::config::{CalendarFile, Environment, Paths};
use crate::domain::calendar::{Calendar, exchange_date, new_york, plus_days};
use crate::domain::events::EventBook;

/// Years whose sessions are known.
const YEARS: std::ops::RangeInclusive<i16> = 1990..=2100;

/// Dates of companies that are shown beside a day: its own and those of the days after.
const DAYS_AHEAD: i64 = 14;

pub(super) fn run(context: &Context<'_>, args: &CalendarArgs) -> Result<Output, CliError> {
    if let Some(day) = args.date.filter(|day| !YEARS.contains(&day.year())) {
        let (first, last) = (YEARS.start(), YEARS.end());
        return Err(CliError::usage(format!("--date: found {day}, allowed are the years {first} to {last}")));
    }
    let calendar = calendar(context)?;
    let (dates, doubt) = match dates(context) {
        Ok(dates) => (dates, None),
        Err(error) => (EventBook::default(), Some(error)),
    };
    let output = match args.year {
        Some(year) => year_of(&calendar, &dates, year),
        None => day_of(&calendar, &dates, args.date.unwrap_or_else(|| exchange_date(context.host.now()))),
    }?;
    Ok(doubt.into_iter().fold(output, |output, error| output.line(format!("? {}", error.message))))
}

/// The exchange's calendar as the profile has it; the exchange's own where the configuration is wrong, which is said beside it.
fn calendar(context: &Context<'_>) -> Result<Calendar, CliError> {
    let Ok(settings) = context.settings(false) else { return Ok(Calendar::nyse()) };
    let file = CalendarFile::of(&settings.paths.profile_dir(&settings.profile));
    if file.path().exists() {
        context.host.admit(&settings, false)?;
    }
    Ok(file.load()?)
}

/// The exchange's days as an engine of the profile begins with them: by the rules alone where the user's file does not read, as the engine has
/// it then, and where there is no profile.
pub(super) fn written(cli: &Cli, environment: &Environment) -> Calendar {
    let file = Paths::resolve(environment)
        .ok()
        .zip(super::profile_of(cli, environment).ok())
        .map(|(paths, profile)| CalendarFile::of(&paths.profile_dir(&profile)));
    file.and_then(|file| file.load().ok()).unwrap_or_else(Calendar::nyse)
}

/// What the profile has written down; nothing where there is none yet. Makes no profile, and opens none that is locked.
fn dates(context: &Context<'_>) -> Result<EventBook, CliError> {
    let settings = context.settings(false)?;
    let file = events::file_of(&settings);
    if file.stamp().is_none() {
        return Ok(EventBook::default());
    }
    context.host.admit(&settings, false)?;
    Ok(file.load()?)
}

fn day_of(calendar: &Calendar, dates: &EventBook, day: Date) -> Result<Output, CliError> {
    let ahead = events::between(dates, Some(day), Some(plus_days(day, DAYS_AHEAD)));
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
        "events": documents(&ahead),
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
    for (symbol, planned) in &ahead {
        row(&planned.date.to_string(), format!("{symbol} {}", events::words(planned)));
    }
    Ok(Output::new(&document)?.table(table))
}

fn documents(rows: &[Row]) -> Vec<serde_json::Value> {
    rows.iter().map(|(symbol, planned)| events::row(symbol, planned)).collect()
}

fn year_of(calendar: &Calendar, dates: &EventBook, year: i16) -> Result<Output, CliError> {
    let planned = events::between(dates, days_of(year).next(), days_of(year).last());
    let days: Vec<Date> = days_of(year).collect();
    let weekend = |day: &&Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let closed: Vec<Date> =
        days.iter().filter(|day| !weekend(day) && !calendar.is_session(**day)).copied().collect();
    let early: Vec<Date> = days.iter().filter(|day| calendar.is_early_close(**day)).copied().collect();
    let sessions = days.iter().filter(|day| calendar.is_session(**day)).count();
    let document = json!({
        "exchange": "NYSE", "year": year, "sessions": sessions, "closed": closed, "early_closes": early,
        "events": documents(&planned),
    });
    let mut rows: Vec<(Date, String)> = closed.iter().map(|day| (*day, "closed".to_owned())).collect();
    rows.extend(early.iter().map(|day| (*day, "closes at 13:00".to_owned())));
    rows.extend(planned.iter().map(|(symbol, it)| (it.date, format!("{symbol} {}", events::words(it)))));
    // What the exchange does stands before what companies do on its day.
    rows.sort_by_key(|(day, _)| *day);
    let mut table = Table::new(&[("date", Align::Left), ("", Align::Left), ("NYSE", Align::Left)], "");
    for (day, what) in rows {
        table.push(vec![day.to_string().into(), day.strftime("%A").to_string().into(), what.into()]);
    }
    Ok(Output::new(&document)?.table(table).line(format!("{sessions} sessions in {year}")))
}

fn days_of(year: i16) -> impl Iterator<Item = Date> {
    date(year, 1, 1).series(jiff::ToSpan::day(1)).take_while(move |day| day.year() == year)
}
