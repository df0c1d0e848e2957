//! The tables of tax lots, gains and years, and of the journal.

use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::format::{NONE, gain, gain_or_none, money, price, quantity, time};
use super::table::{Align, Table};
use crate::domain::journal::{JournalEntry, TradeStats};
use crate::domain::money::{Quantity, canonical};
use crate::domain::tax::{AverageCost, LotSource, Realized, TaxLot, YearRow};

/// Where a lot comes from, in a word.
#[must_use]
pub const fn source(source: LotSource) -> &'static str {
    match source {
        LotSource::Trade => "trade",
        LotSource::Assignment => "assignment",
        LotSource::Exercise => "exercise",
        LotSource::Unexplained => "unexplained",
    }
}

/// The code of an adjustment: `W` for a wash sale.
#[must_use]
pub fn code(row: &Realized) -> &'static str {
    if row.disallowed > Decimal::ZERO { "W" } else { "" }
}

/// What instruments cost on average.
#[must_use]
pub fn averages(rows: &[AverageCost]) -> Table {
    let columns = [
        ("account", Align::Left),
        ("instrument", Align::Left),
        ("quantity", Align::Point),
        ("average", Align::Point),
        ("basis", Align::Point),
    ];
    let mut table = Table::new(&columns, "no open lots").without_first(&["account"]);
    for row in rows {
        table.push(vec![
            row.account.as_str().into(),
            row.instrument.to_string().into(),
            quantity(Quantity::new(row.quantity)).into(),
            canonical(row.average().round_dp(4)).into(),
            money(row.basis).into(),
        ]);
    }
    table
}

/// Open lots.
#[must_use]
pub fn lots(lots: &[&TaxLot], name: &dyn Fn(&TaxLot) -> String) -> Table {
    let columns = [
        ("account", Align::Left),
        ("instrument", Align::Left),
        ("lot", Align::Right),
        ("quantity", Align::Point),
        ("acquired", Align::Left),
        ("held since", Align::Left),
        ("a unit", Align::Point),
        ("basis", Align::Point),
        ("washed", Align::Point),
        ("from", Align::Left),
    ];
    let mut table =
        Table::new(&columns, "no open lots").without_first(&["from", "held since", "washed", "account"]);
    for lot in lots {
        table.push(vec![
            lot.account.as_str().into(),
            lot.instrument.to_string().into(),
            name(lot).into(),
            quantity(Quantity::new(lot.quantity)).into(),
            lot.acquired.to_string().into(),
            lot.held_since.to_string().into(),
            canonical(lot.basis_per_unit().round_dp(4)).into(),
            money(lot.basis).into(),
            money(lot.washed).into(),
            source(lot.source).into(),
        ]);
    }
    table
}

/// What sales gained and lost, oldest first.
#[must_use]
pub fn gains(rows: &[&Realized], name: &dyn Fn(&Realized) -> String) -> Table {
    let columns = [
        ("sold", Align::Left),
        ("quantity", Align::Point),
        ("instrument", Align::Left),
        ("lot", Align::Right),
        ("acquired", Align::Left),
        ("proceeds", Align::Point),
        ("basis", Align::Point),
        ("put off", Align::Point),
        ("", Align::Left),
        ("gain", Align::Point),
        ("term", Align::Left),
    ];
    let mut table = Table::new(&columns, "nothing was sold").without_first(&["lot", "acquired", "put off"]);
    for row in rows {
        table.push(vec![
            row.sold.to_string().into(),
            canonical(row.quantity).into(),
            row.instrument.to_string().into(),
            name(row).into(),
            row.acquired.to_string().into(),
            money(row.proceeds).into(),
            money(row.basis).into(),
            money(row.disallowed).into(),
            code(row).into(),
            gain(row.allowed()),
            row.term.as_str().into(),
        ]);
    }
    table
}

/// Sums of years.
#[must_use]
pub fn years(rows: &[YearRow]) -> Table {
    let columns = [
        ("year", Align::Left),
        ("term", Align::Left),
        ("sales", Align::Right),
        ("proceeds", Align::Point),
        ("basis", Align::Point),
        ("put off", Align::Point),
        ("gain", Align::Point),
        ("", Align::Left),
    ];
    let mut table = Table::new(&columns, "nothing was sold");
    for row in rows {
        table.push(vec![
            row.year.to_string().into(),
            row.term.as_str().into(),
            row.totals.sales.to_string().into(),
            money(row.totals.proceeds).into(),
            money(row.totals.basis).into(),
            money(row.totals.disallowed).into(),
            gain(row.totals.gain),
            row.currency.to_string().into(),
        ]);
    }
    table
}

/// How long a trade was held, in its two largest units.
#[must_use]
pub fn held(of: jiff::SignedDuration) -> String {
    let minutes = of.as_mins();
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, 0) => format!("{}s", of.as_secs()),
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

/// Trades, the newest first.
#[must_use]
pub fn trades(entries: &[JournalEntry], zone: &TimeZone) -> Table {
    let columns = [
        ("closed", Align::Left),
        ("orders", Align::Left),
        ("quantity", Align::Point),
        ("instrument", Align::Left),
        ("in", Align::Point),
        ("out", Align::Point),
        ("held", Align::Right),
        ("gain", Align::Point),
        ("strategy", Align::Left),
        ("tags", Align::Left),
        ("note", Align::Left),
    ];
    let mut table =
        Table::new(&columns, "no trades have been closed").without_first(&["held", "strategy", "in", "out"]);
    for entry in entries {
        let number = |number: Option<crate::domain::ids::OrderNumber>| {
            number.map_or_else(|| NONE.to_owned(), |number| number.0.to_string())
        };
        let tags: Vec<&str> = entry.tags.iter().map(|tag| tag.as_str()).collect();
        table.push(vec![
            time(entry.trip.closed_at, zone).into(),
            format!("{}-{}", number(entry.entry_number), number(entry.exit_number)).into(),
            quantity(entry.trip.quantity).into(),
            entry.trip.instrument.to_string().into(),
            price(entry.trip.entry_price).into(),
            price(entry.trip.exit_price).into(),
            held(entry.trip.held()).into(),
            gain(entry.trip.pnl),
            entry.strategy.as_str().into(),
            tags.join(" ").into(),
            entry.note.clone().into(),
        ]);
    }
    table
}

/// What trades come to, group by group, and all of them in the last line.
#[must_use]
pub fn statistics(title: &'static str, rows: &[(String, TradeStats)], all: &TradeStats) -> Table {
    let columns = [
        (title, Align::Left),
        ("trades", Align::Right),
        ("won %", Align::Point),
        ("gain", Align::Point),
        ("a trade", Align::Point),
        ("factor", Align::Point),
        ("best", Align::Point),
        ("worst", Align::Point),
        ("fees", Align::Point),
        ("held", Align::Right),
    ];
    let mut table =
        Table::new(&columns, "no trades have been closed").without_first(&["fees", "held", "best", "worst"]);
    let figure = |value: Option<Decimal>, places| {
        value.map_or_else(|| NONE.to_owned(), |value| canonical(value.round_dp(places)))
    };
    let mut push = |name: &str, stats: &TradeStats| {
        table.push(vec![
            name.into(),
            stats.trades.to_string().into(),
            figure(stats.win_percent(), 1).into(),
            gain(stats.pnl),
            gain_or_none(stats.expectancy()),
            figure(stats.profit_factor(), 2).into(),
            gain_or_none(stats.best),
            gain_or_none(stats.worst),
            money(stats.fees).into(),
            stats.average_held().map_or_else(|| NONE.to_owned(), held).into(),
        ]);
    };
    for (name, stats) in rows {
        push(if name.is_empty() { "none" } else { name }, stats);
    }
    if rows.len() > 1 {
        push("all", all);
    }
    table
}
