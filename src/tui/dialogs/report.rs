//! Rows to read: what a command answered.

use crossterm::event::{KeyCode, KeyEvent};
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{After, Modal};
use crate::client::Reply;
use crate::client::message::{ChainRow, PnlReport, PnlRow};
use crate::domain::execution::Execution;
use crate::domain::instrument::{Instrument, Listing};
use crate::domain::money::Price;
use crate::domain::news::Article;
use crate::domain::order::Order;
use crate::domain::position::Position;
use crate::domain::text::clean;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::panes::orders::{price_text, status_word};
use crate::tui::widgets::filter::ListFilter;
use crate::tui::widgets::{put, put_right};
use crate::tui::wish::Wish;

/// Widest column.
const COLUMN_MAX: u16 = 60;
/// Columns of the line that says the keys.
const KEYS_WIDTH: u16 = 46;

/// A table with a title, scrolled by keys.
#[derive(Debug)]
pub struct Report {
    title: String,
    head: Vec<&'static str>,
    /// Which columns are numbers.
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
    filter: ListFilter,
    top: usize,
    /// Widest column.
    widest: u16,
    /// What is copied of it, where that is not every row.
    copied: Option<String>,
}

impl Report {
    /// Name and value, a line each.
    #[must_use]
    pub fn pairs(title: &str, pairs: Vec<(String, String)>) -> Self {
        let mut rows = Vec::new();
        for (name, value) in pairs {
            let value = clean(&value);
            // A value that is only padded is a column of numbers; only long ones are broken.
            let lines = if format::width(&value) <= COLUMN_MAX {
                vec![value.into_owned()]
            } else {
                format::wrap(&value, COLUMN_MAX)
            };
            for (i, line) in lines.into_iter().enumerate() {
                rows.push(vec![if i == 0 { name.clone() } else { String::new() }, line]);
            }
        }
        Self {
            title: title.to_owned(),
            head: Vec::new(),
            right: vec![false, false],
            rows,
            filter: ListFilter::default(),
            top: 0,
            widest: COLUMN_MAX,
            copied: None,
        }
    }

    /// Lines that are laid out already.
    #[must_use]
    pub fn text(title: &str, text: &str) -> Self {
        let rows = text.lines().map(|line| vec![clean(line).into_owned()]).collect();
        let right = vec![false];
        Self {
            title: title.to_owned(),
            head: Vec::new(),
            right,
            rows,
            filter: ListFilter::default(),
            top: 0,
            widest: u16::MAX,
            copied: None,
        }
    }

    /// The same, of which this text alone is copied.
    #[must_use]
    pub fn copies(self, text: String) -> Self {
        Self { copied: Some(text), ..self }
    }

    /// The report as plain lines: what stands in a column says so.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let line = |row: &Vec<String>| {
            let cell = |(i, text): (usize, &String)| {
                let text = text.trim();
                match self.head.get(i) {
                    _ if text.is_empty() => None,
                    Some(name) => Some(format!("{name} {text}")),
                    None => Some(text.to_owned()),
                }
            };
            row.iter().enumerate().filter_map(cell).collect::<Vec<_>>().join(", ")
        };
        let rows: Vec<String> = self.rows.iter().map(line).filter(|line| !line.is_empty()).collect();
        if rows.is_empty() { vec!["Nothing to show.".to_owned()] } else { rows }
    }

    fn table(title: &str, head: &[(&'static str, bool)], rows: Vec<Vec<String>>) -> Self {
        Self {
            title: title.to_owned(),
            head: head.iter().map(|(name, _)| *name).collect(),
            right: head.iter().map(|(_, right)| *right).collect(),
            rows,
            filter: ListFilter::default(),
            top: 0,
            widest: COLUMN_MAX,
            copied: None,
        }
    }

    /// The report of a reply that has rows; none of one that has not.
    #[must_use]
    pub fn of(title: &str, reply: &Reply, at: &At<'_>) -> Option<Self> {
        let (head, rows) = match reply {
            Reply::Executions(executions) => {
                (EXECUTION_HEAD, executions.iter().map(|e| execution(e, at)).collect())
            }
            Reply::Orders(orders) => (ORDER_HEAD, orders.iter().map(|o| order(o, at)).collect()),
            Reply::Pnl(report) => (PNL_HEAD, gains(report)),
            Reply::Chain(chain) => (CHAIN_HEAD, chain.rows.iter().map(contract).collect()),
            Reply::Positions(positions) => {
                (POSITION_HEAD, positions.iter().map(|p| position(p, at)).collect())
            }
            Reply::Listings(listings) => (LISTING_HEAD, listings.iter().map(listing).collect()),
            Reply::News(news) if news.source.is_some() => {
                (NEWS_HEAD, news.articles.iter().map(|article| headline(article, at)).collect())
            }
            Reply::News(news) => {
                return news.why_none().map(|why| Self::text(title, &why));
            }
            _ => return None,
        };
        Some(Self::table(title, head, rows))
    }

    fn widths(&self) -> Vec<u16> {
        let mut widths: Vec<u16> = self.head.iter().map(|name| format::width(name)).collect();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(format::width(cell)).min(self.widest);
            }
        }
        widths
    }

    /// The rows that pass the filter.
    fn shown(&self) -> Vec<&Vec<String>> {
        let passes = |row: &&Vec<String>| self.filter.is_empty() || self.filter.passes(&row.join(" "));
        self.rows.iter().filter(passes).collect()
    }

    fn scroll(&mut self, lines: isize) {
        self.top = self.top.saturating_add_signed(lines).min(self.shown().len().saturating_sub(1));
    }
}

/// A column's name, and does it hold numbers.
type Head = &'static [(&'static str, bool)];

const EXECUTION_HEAD: Head =
    &[("time", false), ("side", false), ("symbol", false), ("qty", true), ("price", true), ("fee", true)];
const ORDER_HEAD: Head = &[
    ("id", true),
    ("time", false),
    ("side", false),
    ("symbol", false),
    ("qty", true),
    ("price", true),
    ("status", false),
];
const PNL_HEAD: Head = &[("", false), ("realized", true), ("fees", true), ("fills", true)];
const CHAIN_HEAD: Head =
    &[("contract", false), ("bid", true), ("ask", true), ("iv %", true), ("delta", true), ("open", true)];
const POSITION_HEAD: Head = &[("symbol", false), ("qty", true), ("avg", true), ("P&L", true)];
const NEWS_HEAD: Head = &[("time", false), ("headline", false), ("source", false)];
const LISTING_HEAD: Head = &[("symbol", false), ("name", false), ("exchange", false), ("sector", false)];

fn time(t: Timestamp, at: &At<'_>) -> String {
    format!("{} {}", format::day(t, &at.env.zone), format::clock_zoned(t, &at.env.zone))
}

fn or_dash<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), text)
}

/// A price with the decimals of its instrument, and all that it has beyond: as on the order's own row.
fn price(instrument: &Instrument, price: Price, at: &At<'_>) -> String {
    format::grouped_whole(price.get(), format::decimals_of(at.snapshot, instrument))
}

fn execution(e: &Execution, at: &At<'_>) -> Vec<String> {
    vec![
        time(e.at, at),
        e.side.to_string(),
        e.instrument.to_string(),
        format::quantity(e.quantity.get()),
        price(&e.instrument, e.price, at),
        format::grouped(e.fee, 2),
    ]
}

fn order(o: &Order, at: &At<'_>) -> Vec<String> {
    vec![
        o.number.to_string(),
        time(o.created_at, at),
        o.request.side.to_string(),
        o.request.subject.short(),
        format::quantity(o.request.quantity.get()),
        price_text(
            o.request.pricing,
            o.request.subject.instrument().map_or(2, |i| format::decimals_of(at.snapshot, i)),
        ),
        status_word(o.status).to_owned(),
    ]
}

fn gains(report: &PnlReport) -> Vec<Vec<String>> {
    let total =
        |name: &str, value| vec![name.to_owned(), format::signed(value, 2), String::new(), String::new()];
    let row = |r: &PnlRow| {
        let name = match (&r.day, &r.instrument) {
            (Some(day), _) => day.to_string(),
            (None, Some(instrument)) => instrument.to_string(),
            (None, None) => String::new(),
        };
        vec![name, format::signed(r.realized_pnl, 2), format::grouped(r.fees, 2), r.executions.to_string()]
    };
    let mut rows = vec![
        total("day", report.day_pnl),
        total("open", report.unrealized_pnl),
        total("realized", report.realized_pnl),
    ];
    rows.extend(report.by_day.iter().map(row));
    rows.extend(report.by_instrument.iter().map(row));
    rows
}

/// With its sign, and none of a zero: `-0.00` is nothing.
#[must_use]
pub fn two_decimals(value: f64) -> String {
    if value.abs() < 0.005 { "0.00".to_owned() } else { format!("{value:+.2}") }
}

fn contract(row: &ChainRow) -> Vec<String> {
    let price = |p| or_dash(p, |p| format::price(p, 2));
    vec![
        row.contract.to_string(),
        price(row.quote.bid),
        price(row.quote.ask),
        or_dash(row.iv, |iv| format!("{:.1}", iv * 100.0)),
        or_dash(row.delta, two_decimals),
        or_dash(row.open_interest, |n| n.to_string()),
    ]
}

fn position(p: &Position, at: &At<'_>) -> Vec<String> {
    vec![
        p.instrument.to_string(),
        format::quantity(p.quantity.get()),
        price(&p.instrument, p.average_price, at),
        or_dash(p.unrealized_pnl, |pnl| format::signed(pnl, 2)),
    ]
}

fn headline(article: &Article, at: &At<'_>) -> Vec<String> {
    vec![time(article.created_at, at), article.headline.to_string(), article.source.to_string()]
}

fn listing(l: &Listing) -> Vec<String> {
    let text = |text: &str| clean(text).into_owned();
    vec![l.instrument.to_string(), text(&l.name), text(&l.exchange), text(&l.sector)]
}

impl Modal for Report {
    fn title(&self) -> String {
        // A caret of ASCII stands in every terminal.
        format!("{}{}", self.title, self.filter.label("_"))
    }

    fn size(&self, _look: &Look<'_>, room: Rect) -> (u16, u16) {
        let width: u16 = self.widths().iter().map(|w| w + 2).sum();
        let rows = self.rows.len().max(1) as u16 + u16::from(!self.head.is_empty());
        // As wide as its keys, where there is room.
        let least = KEYS_WIDTH.min(room.width);
        (width.clamp(least, room.width.max(least)), rows.min(room.height))
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let widths = self.widths();
        let theme = look.theme;
        let mut draw = |cells: &mut dyn Iterator<Item = &str>, y: u16, style| {
            let mut x = area.x;
            for (i, cell) in cells.enumerate() {
                let width = widths.get(i).copied().unwrap_or(0).min(area.right().saturating_sub(x));
                if self.right.get(i) == Some(&true) {
                    put_right(buf, x + width, y, cell, style, width);
                } else {
                    let name = self.head.is_empty() && i == 0 && widths.len() > 1;
                    let style = if name { theme.dim } else { style };
                    put(buf, x, y, &format::fit(cell, width, theme.glyphs.ellipsis), style, width);
                }
                x += width + 2;
            }
        };
        let mut y = area.y;
        if !self.head.is_empty() {
            draw(&mut self.head.iter().copied(), y, theme.dim);
            y += 1;
        }
        let rows = self.shown();
        if rows.is_empty() {
            let text = if self.rows.is_empty() { "nothing to show" } else { "no row has that" };
            put(buf, area.x, y, text, theme.dim, area.width);
            return;
        }
        // The last page is a full one, and what does not fit is said in the last line.
        let room = usize::from(area.bottom().saturating_sub(y));
        let top = self.top.min(rows.len().saturating_sub(room));
        let below = rows.len().saturating_sub(top + room);
        let fit = if below > 0 { room.saturating_sub(1) } else { room };
        for row in rows.iter().skip(top).take(fit) {
            draw(&mut row.iter().map(String::as_str), y, theme.text);
            y += 1;
        }
        if below > 0 && y < area.bottom() {
            let text = format!("{} {} more", theme.glyphs.ellipsis, below + 1);
            put(buf, area.x, y, &text, theme.dim, area.width);
        }
    }

    fn hint(&self, _at: &At<'_>) -> String {
        match self.filter.is_typing() {
            true => "Enter keep   Esc all rows".to_owned(),
            false if self.copied.is_some() => {
                "Esc close   j k scroll   / search   y copy the address".to_owned()
            }
            false => "Esc close   j k scroll   / search   y copy".to_owned(),
        }
    }

    fn key(&mut self, event: KeyEvent, _at: &At<'_>, wishes: &mut Vec<Wish>) -> After {
        if self.filter.key(event) {
            self.top = 0;
            return After::Stay;
        }
        match event.code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q') => return After::Close,
            KeyCode::Char('/') => self.filter.open(),
            KeyCode::Char('y') if self.copied.is_some() => wishes.extend(self.copied.clone().map(Wish::Copy)),
            KeyCode::Char('y') => {
                let row =
                    |row: &Vec<String>| row.iter().map(|cell| cell.trim_end()).collect::<Vec<_>>().join("  ");
                let rows: Vec<String> = self.shown().into_iter().map(row).collect();
                wishes.push(Wish::Copy(rows.join("\n")));
            }
            KeyCode::Char('j') | KeyCode::Down => self.scroll(1),
            KeyCode::Char('k') | KeyCode::Up => self.scroll(-1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll(10),
            KeyCode::PageUp => self.scroll(-10),
            KeyCode::Char('g') | KeyCode::Home => self.top = 0,
            KeyCode::Char('G') | KeyCode::End => self.top = self.shown().len().saturating_sub(1),
            _ => {}
        }
        After::Stay
    }

    fn paste(&mut self, text: &str, _at: &At<'_>) -> bool {
        self.filter.paste(text);
        true
    }
}
