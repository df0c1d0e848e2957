//! The table of exit plans.

use jiff::tz::TimeZone;

use super::format::{NONE, price, price_or_none, quantity, time};
use super::table::{Align, Cell, Table, Tone};
use crate::domain::exit::{ExitGroup, ExitState};

/// Exit plans, by account and instrument: where each waits is said.
#[must_use]
pub fn exits(groups: &[&ExitGroup], zone: &TimeZone) -> Table {
    let columns = [
        ("account", Align::Left),
        ("instrument", Align::Left),
        ("side", Align::Left),
        ("entry", Align::Point),
        ("stop", Align::Point),
        ("best", Align::Point),
        ("until", Align::Left),
        ("state", Align::Left),
        ("where", Align::Left),
        ("plan", Align::Left),
    ];
    let empty = "no exit plans; arbion exits set AAPL --stop 5% --take 2r";
    let mut table = Table::new(&columns, empty).without_first(&["where", "best", "until", "account"]);
    for group in groups {
        let tone = match group.state {
            ExitState::Armed => Tone::Good,
            ExitState::Triggered | ExitState::Working => Tone::Plain,
            ExitState::Stuck => Tone::Bad,
        };
        let reason = group.reason.map(|reason| format!(" {}", reason.as_str())).unwrap_or_default();
        table.push(vec![
            group.account.as_str().into(),
            match (&group.owner, group.part.is_empty()) {
                (Some(owner), _) => format!("{} ({owner})", group.instrument),
                (None, false) => format!("{} {}", group.instrument, group.part),
                (None, true) => group.instrument.to_string(),
            }
            .into(),
            if group.long { "long" } else { "short" }.into(),
            format!("{} @ {}", quantity(group.entry_quantity), price(group.entry_price)).into(),
            price_or_none(group.stop_price).into(),
            price_or_none(group.best_price).into(),
            group.until.map_or_else(|| NONE.to_owned(), |until| time(until, zone)).into(),
            Cell::new(format!("{}{reason}", group.state.as_str())).tone(tone),
            group.place().into(),
            group.plan.words().into(),
        ]);
    }
    table
}
