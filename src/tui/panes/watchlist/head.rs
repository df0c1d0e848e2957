//! The head of a watchlist: its columns, as wide as the list needs.

use crate::domain::instrument::Instrument;
use crate::domain::snapshot::Snapshot;
use crate::tui::about::marked;
use crate::tui::format;
use crate::tui::widgets::table::Column;

const SYMBOL_WIDTH: std::ops::RangeInclusive<u16> = 8..=18;
/// Columns of `999,999.`; the fraction comes on top.
const WHOLE_WIDTH: u16 = 8;
/// A fraction longer than this gives up its alignment.
const FRACTION_MAX: u32 = 5;
const NAME_WIDTH: u16 = 24;
const NOTE_WIDTH: u16 = 24;
/// Columns of the line of the day.
pub const DAY_WIDTH: u16 = 10;
/// Which column is the line of the day.
pub const DAY_COLUMN: usize = 9;
/// How many columns there are.
pub const COLUMNS: usize = 12;
/// Which column is the name.
pub const NAME_COLUMN: usize = 10;

/// The columns, with room for the longest symbol of the list (options have long ones) and for prices of the most decimals, aligned on
/// the point.
const fn with_widths(symbol: u16, price: u16) -> [Column; COLUMNS] {
    [
        Column::text("sym", symbol, 0),
        Column::number("last", price, 0),
        Column::number("chg%", 7, 1),
        Column::number("bid", price, 2),
        Column::number("ask", price, 2),
        Column::number("low", price, 7),
        Column::number("high", price, 7),
        Column::number("vol", 6, 3),
        Column::number("ext%", 7, 5),
        Column::text("day", DAY_WIDTH, 4).unsorted(),
        Column::text("name", NAME_WIDTH, 6),
        Column::text("note", NOTE_WIDTH, 8),
    ]
}

/// The columns of a list whose prices have so many decimals at most.
#[must_use]
pub fn columns(instruments: &[Instrument], fraction: u32, snapshot: &Snapshot) -> [Column; COLUMNS] {
    let symbols = instruments.iter().map(|instrument| format::width(&marked(instrument, snapshot)));
    let symbol = symbols.max().unwrap_or(0).clamp(*SYMBOL_WIDTH.start(), *SYMBOL_WIDTH.end());
    with_widths(symbol, WHOLE_WIDTH + fraction as u16)
}

/// Decimals of the prices of a list at most, as far as they are aligned.
#[must_use]
pub fn fraction(instruments: &[Instrument], snapshot: &Snapshot) -> u32 {
    let decimals = instruments.iter().map(|instrument| format::decimals_of(snapshot, instrument));
    decimals.max().unwrap_or(2).min(FRACTION_MAX)
}
