//! The tables of depth, tape, groups, equity curves and notes.

use jiff::tz::TimeZone;

use super::format::{money, price, quantity, time};
use super::table::{Align, Cell, Table};
use crate::client::message::{EquityPoint, GroupKind, MarketGroup, OrderNote};
use crate::domain::depth::{Aggressor, MarketBook, Print};

/// Both sides of a book, a line each level.
#[must_use]
pub fn depth(book: &MarketBook) -> Table {
    let columns = [
        ("bid size", Align::Right),
        ("bid", Align::Point),
        ("ask", Align::Point),
        ("ask size", Align::Right),
    ];
    let mut table = Table::new(&columns, "no depth");
    for n in 0..book.bids.len().max(book.asks.len()) {
        let (bid, ask) = (book.bids.get(n), book.asks.get(n));
        table.push(vec![
            Cell::new(bid.map(|level| quantity(level.size)).unwrap_or_default()),
            Cell::new(bid.map(|level| price(level.price)).unwrap_or_default()),
            Cell::new(ask.map(|level| price(level.price)).unwrap_or_default()),
            Cell::new(ask.map(|level| quantity(level.size)).unwrap_or_default()),
        ]);
    }
    table
}

/// Trades, newest first.
#[must_use]
pub fn tape(prints: &[Print], zone: &TimeZone) -> Table {
    let columns =
        [("time", Align::Left), ("price", Align::Point), ("size", Align::Right), ("taken by", Align::Left)];
    let mut table = Table::new(&columns, "no trades");
    for print in prints {
        let word = match print.aggressor {
            Aggressor::Buyer => "buyer",
            Aggressor::Seller => "seller",
            Aggressor::Unknown => "-",
        };
        table.push(vec![
            Cell::new(time(print.at, zone)),
            Cell::new(price(print.price)),
            Cell::new(quantity(print.size)),
            Cell::new(word),
        ]);
    }
    table
}

/// Sectors and indices.
#[must_use]
pub fn groups(groups: &[(MarketGroup, u32)]) -> Table {
    let columns = [("kind", Align::Left), ("name", Align::Left), ("listings", Align::Right)];
    let mut table = Table::new(&columns, "no groups");
    for (group, count) in groups {
        let kind = match group.kind {
            GroupKind::Sector => "sector",
            GroupKind::Index => "index",
        };
        table.push(vec![Cell::new(kind), Cell::new(&group.name), Cell::new(count.to_string())]);
    }
    table
}

/// An equity curve.
#[must_use]
pub fn equity(points: &[EquityPoint], zone: &TimeZone) -> Table {
    let columns = [("time", Align::Left), ("net liquidation", Align::Point), ("cash", Align::Point)];
    let mut table = Table::new(&columns, "no equity is on record yet");
    for point in points {
        table.push(vec![
            Cell::new(time(point.at, zone)),
            Cell::new(money(point.net_liquidation)),
            Cell::new(money(point.cash)),
        ]);
    }
    table
}

/// Notes on orders.
#[must_use]
pub fn notes(notes: &[OrderNote]) -> Table {
    let mut table = Table::new(&[("order", Align::Left), ("note", Align::Left)], "no notes");
    for note in notes {
        table.push(vec![Cell::new(note.order.to_string()), Cell::new(note.text.clone())]);
    }
    table
}
