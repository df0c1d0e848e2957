//! Open positions, in groups with their sums where wanted.

mod group;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use rust_decimal::Decimal;

use self::group::{Entry, Grouping, Openers, Sums, gather};
use super::sheet::cell;
use super::{ListFilter, Memory, Pane, PaneKind, Sheet, draw_empty, titled};
use crate::client::{Reply, SessionError};
use crate::command::types::{Close, Command, PriceTerms};
use crate::domain::exit::{ExitGroup, ExitState};
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::order::{OriginKind, TimeInForce};
use crate::domain::position::Position;
use crate::domain::snapshot::Snapshot;
use crate::domain::text::{ascii_escaped, clean};
use crate::tui::action::Action;
use crate::tui::env::{At, Look};
use crate::tui::flash::Field;
use crate::tui::format;
use crate::tui::sources;
use crate::tui::widgets::choice::Choice;
use crate::tui::widgets::sorted::{Did, Lines, SortKey, SortedList};
use crate::tui::widgets::table::{Column, Row};
use crate::tui::wish::{Purpose, Wish};

/// Widths and fractions of what is held now: the columns stand still until something else is held.
struct Shape {
    symbol: u16,
    /// Decimals of quantities and of prices.
    quantity: u32,
    price: u32,
    /// Digits of quantities before the point, with their sign and commas.
    units: u16,
    /// Digits of prices before the point, with it and their commas.
    whole: u16,
    /// Columns of values, and of gains.
    value: u16,
    gain: u16,
    /// Columns of the account's name; none where there is one account.
    account: Option<u16>,
    /// Columns of where the position's exits wait; none where nothing has any.
    exit: Option<u16>,
}

impl Shape {
    /// A fraction longer than this gives up its alignment.
    const FRACTION_MAX: u32 = 5;

    fn of(snapshot: &Snapshot, rows: &[Entry<'_>]) -> Self {
        let most =
            |numbers: &mut dyn Iterator<Item = u32>| numbers.max().unwrap_or(0).min(Self::FRACTION_MAX);
        let held = || snapshot.positions.iter();
        let heads = rows.iter().filter_map(|row| match row {
            Entry::Head(name, count, _) => Some(format::width(&head_text(name, *count))),
            Entry::Item(_) => None,
        });
        let sums = || {
            rows.iter().filter_map(|row| match row {
                Entry::Head(_, _, sums) => Some(sums),
                Entry::Item(_) => None,
            })
        };
        let symbols = held().map(|p| format::width(&p.instrument.to_string()));
        let symbol = symbols.chain(heads).max().unwrap_or(0);
        Self {
            symbol: symbol.clamp(8, 17),
            quantity: most(&mut held().map(|p| p.quantity.get().normalize().scale())),
            units: held()
                .map(|p| format::width(&format::grouped(p.quantity.get().trunc(), 0)) + 1)
                .max()
                .unwrap_or(0)
                .clamp(5, 12),
            price: most(&mut held().map(|p| price_decimals(p, snapshot))).max(2),
            whole: held()
                .flat_map(|p| [Some(p.average_price), last(p, snapshot)])
                .flatten()
                .map(|price| format::width(&format::grouped(price.get().trunc(), 0)) + 1)
                .max()
                .unwrap_or(0)
                .clamp(7, 12),
            value: wide(10, &mut held().filter_map(|p| p.market_value).chain(sums().filter_map(|s| s.value))),
            gain: wide(
                10,
                &mut held()
                    .flat_map(|p| [p.day_pnl, p.unrealized_pnl])
                    .chain(sums().flat_map(|s| [s.day, s.open]))
                    .flatten(),
            ),
            account: held().any(|p| Some(&p.account) != held().next().map(|first| &first.account)).then(
                || {
                    let names = held().map(|p| format::width(&account_text(p)));
                    names.max().unwrap_or(0).clamp(7, 16)
                },
            ),
            exit: held()
                .filter_map(|position| exit_text(position, snapshot))
                .map(|text| format::width(&text))
                .max()
                .map(|width| width.clamp(6, 28)),
        }
    }

    fn columns(&self) -> Vec<Column> {
        let quantity = self.units + if self.quantity == 0 { 0 } else { 1 + self.quantity as u16 };
        let price = self.whole + self.price as u16;
        let mut columns = vec![
            Column::text("sym", self.symbol, 0),
            Column::number("qty", quantity, 0),
            Column::number("avg", price, 4),
            Column::number("last", price, 2),
            Column::number("value", self.value, 5),
            Column::number("P&L day", self.gain, 1),
            Column::number("P&L", self.gain, 0),
        ];
        columns.extend(self.account.map(|width| Column::text("account", width, 3)));
        columns.extend(self.exit.map(|width| Column::text("exit", width, 6)));
        columns
    }
}

/// Columns for the widest of these amounts of money, two at a time so that the columns seldom move: an amount is never cut.
fn wide(least: u16, amounts: &mut dyn Iterator<Item = Decimal>) -> u16 {
    let most = amounts.map(|amount| format::width(&format::signed(amount, 2))).max().unwrap_or(0);
    most.next_multiple_of(2).clamp(least, 24)
}

fn account_text(position: &Position) -> String {
    ascii_escaped(position.account.as_str()).into_owned()
}

/// Where the stop of a position stands and waits, and what its exits are doing; absent where it has none.
fn exit_text(position: &Position, snapshot: &Snapshot) -> Option<String> {
    let own =
        |group: &&ExitGroup| group.account == position.account && group.instrument == position.instrument;
    let mut groups = snapshot.exits.iter().filter(own);
    let first = groups.next()?;
    let stop = first.stop_price.map(|stop| format!("{stop} ")).unwrap_or_default();
    let state = match first.state {
        ExitState::Armed => first.place(),
        other => other.as_str(),
    };
    let more = match groups.count() {
        0 => String::new(),
        more => format!(" +{more}"),
    };
    Some(format!("{stop}{state}{more}"))
}

/// What the head of a group says before its sums.
fn head_text(name: &str, count: usize) -> String {
    format!("{} {count}", clean(name))
}

fn price_decimals(position: &Position, snapshot: &Snapshot) -> u32 {
    format::decimals(snapshot.specs.get(&position.instrument), position.average_price)
}

/// What a position has in a column.
fn sort_key(position: &Position, title: &str, snapshot: &Snapshot) -> SortKey {
    match title {
        "sym" => SortKey::Text(position.instrument.to_string()),
        "account" => SortKey::Text(account_text(position)),
        "exit" => SortKey::Text(exit_text(position, snapshot).unwrap_or_default()),
        "qty" => SortKey::Number(Some(position.quantity.get())),
        "avg" => SortKey::Number(Some(position.average_price.get())),
        "last" => SortKey::Number(last(position, snapshot).map(Price::get)),
        // The largest, long or short.
        "value" => SortKey::Number(position.market_value.map(|value| value.abs())),
        "P&L day" => SortKey::Number(position.day_pnl),
        _ => SortKey::Number(position.unrealized_pnl),
    }
}

fn last(position: &Position, snapshot: &Snapshot) -> Option<Price> {
    snapshot.quotes.get(&position.instrument).and_then(|quote| quote.last).or(position.mark)
}

/// The age in seconds of its price, when that is an old one.
fn stale(position: &Position, at: &At<'_>) -> Option<i64> {
    sources::stale_of(&position.instrument, at)
}

/// The positions pane.
#[derive(Debug, Default)]
pub struct Positions {
    list: SortedList,
    selected: Option<(AccountId, Instrument)>,
    grouping: Grouping,
    openers: Openers,
}

impl Positions {
    fn rows<'a>(&self, snapshot: &'a Snapshot) -> Vec<Entry<'a>> {
        gather(self.sorted(snapshot), self.grouping, &self.openers)
    }

    fn sorted<'a>(&self, snapshot: &'a Snapshot) -> Vec<&'a Position> {
        let filter = &self.list.filter;
        let passes = |position: &&Position| {
            filter.is_empty() || filter.passes(&format!("{} {}", position.instrument, account_text(position)))
        };
        let rows: Vec<&Position> = snapshot.positions.iter().filter(passes).collect();
        self.list.sorting.sorted(rows, |position, title| sort_key(position, title, snapshot))
    }

    fn head(&self, snapshot: &Snapshot) -> Vec<Column> {
        Shape::of(snapshot, &self.rows(snapshot)).columns()
    }

    fn is_selected(&self, position: &Position) -> bool {
        self.selected
            .as_ref()
            .is_some_and(|(account, i)| *account == position.account && *i == position.instrument)
    }

    fn current<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Position> {
        self.sorted(snapshot).into_iter().find(|p| self.is_selected(p))
    }

    /// Selects the position of a line; of a group's head, nothing.
    fn select(&mut self, index: usize, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let rows = self.rows(at.snapshot);
        let position = rows.get(index).and_then(Entry::item).copied();
        if let Some(position) = position.filter(|p| !self.is_selected(p)) {
            wishes.push(Wish::Select(position.instrument.clone()));
            self.selected = Some((position.account.clone(), position.instrument.clone()));
        }
    }

    fn head_row(name: &str, count: usize, sums: &Sums, look: &Look<'_>) -> Row {
        let theme = look.theme;
        let none = || (String::new(), theme.dim);
        let money = |value: Option<Decimal>| match value {
            Some(value) => (format::signed(value, 2), theme.money(value.round_dp(2)).patch(theme.strong)),
            None => ("-".to_owned(), theme.dim),
        };
        let value = sums.value.map_or_else(|| "-".to_owned(), |value| format::grouped(value, 2));
        let name = (head_text(name, count), theme.accent);
        let cells =
            vec![name, none(), none(), none(), (value, theme.strong), money(sums.day), money(sums.open)];
        Row { cells, selected: false }
    }

    fn row(&self, position: &Position, shape: &Shape, look: &Look<'_>) -> Row {
        let theme = look.theme;
        let own = price_decimals(position, look.snapshot);
        let old = stale(position, &look.at()).is_some();
        let money = |value: Option<Decimal>, field| match value {
            Some(value) if old => (format::signed(value, 2), theme.dim),
            Some(value) => {
                let style = theme.money(value.round_dp(2));
                (format::signed(value, 2), look.flashed(&position.instrument, field, style))
            }
            None => ("-".to_owned(), theme.dim),
        };
        let price = |price: Option<crate::domain::money::Price>, style: Style| match price {
            Some(price) => (format::point_aligned(format::price(price, own), shape.price), style),
            None => ("-".to_owned(), theme.dim),
        };
        let last = last(position, look.snapshot);
        let value = position.market_value.map_or_else(|| "-".to_owned(), |value| format::grouped(value, 2));
        let mut cells = vec![
            (position.instrument.to_string(), theme.strong),
            (format::point_aligned(format::quantity(position.quantity.get()), shape.quantity), theme.text),
            price(Some(position.average_price), theme.dim),
            price(
                last,
                if old { theme.dim } else { look.flashed(&position.instrument, Field::Last, theme.text) },
            ),
            (value, theme.dim),
            money(position.day_pnl, Field::DayPnl),
            money(position.unrealized_pnl, Field::OpenPnl),
        ];
        cells.extend(shape.account.map(|_| (account_text(position), theme.dim)));
        cells.extend(shape.exit.map(|_| (exit_text(position, look.snapshot).unwrap_or_default(), theme.dim)));
        Row { cells, selected: self.is_selected(position) }
    }
}

/// The command that closes so many per cent of a position at the market; all of it without a number.
#[must_use]
pub fn close_part(instrument: Instrument, percent_of_position: Option<Decimal>) -> Command {
    let around_the_clock = instrument.asset_class().trades_around_the_clock();
    Command::Close(Close {
        instrument,
        quantity: None,
        percent_of_position,
        terms: PriceTerms::market(if around_the_clock { TimeInForce::Gtc } else { TimeInForce::Day }),
    })
}

/// Shows what closes this position, or so many per cent of it, in its own account: another one may hold the same instrument.
fn close_of(position: &Position, percent: Option<Decimal>) -> Wish {
    Wish::ReviewAs {
        command: close_part(position.instrument.clone(), percent),
        origin: OriginKind::Ticket,
        account: Some(position.account.clone()),
        lots: Vec::new(),
    }
}

impl Pane for Positions {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let sum = |pick: fn(&Position) -> Option<Decimal>| {
            look.snapshot.positions.iter().filter_map(pick).sum::<Decimal>()
        };
        let order = self.list.sorting.label();
        // Beside a group the order needs a word of its own.
        let order = match (self.grouping, order.as_str()) {
            (_, "") => String::new(),
            (Grouping::None, order) => format!(" {order}"),
            (_, order) => format!(", {}", order.trim_start_matches("by ")),
        };
        let rest = format!(
            "{}{}{order}{} ",
            look.snapshot.positions.len(),
            self.grouping.label(),
            self.list.filter.label(look.theme.glyphs.caret)
        );
        let mut line = titled("Positions", &rest, look);
        if !look.snapshot.positions.is_empty() {
            let open = sum(|p| p.unrealized_pnl);
            line.push_span(Span::styled(format!(" {} ", format::signed(open, 2)), look.theme.money(open)));
        }
        let oldest = look.snapshot.positions.iter().filter_map(|p| stale(p, &look.at())).max();
        if let Some(seconds) = oldest {
            let text = format!(" prices {} ", sources::stale_words(seconds));
            line.push_span(Span::styled(text, look.theme.warning));
        }
        line
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let rows = self.rows(look.snapshot);
        if rows.is_empty() {
            return draw_empty(
                &["No open positions.", "Press {buy} to buy, or type {command} buy 10 aapl"],
                look,
                area,
                buf,
            );
        }
        let shape = Shape::of(look.snapshot, &rows);
        let columns = shape.columns();
        let row = |i: usize| match &rows[i] {
            Entry::Item(position) => self.row(position, &shape, look),
            Entry::Head(name, count, sums) => Self::head_row(name, *count, sums, look),
        };
        self.list.draw(&columns, rows.len(), row, look, (area, buf));
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let lines = Lines::of(&self.rows(at.snapshot));
        match self.list.act(action, &self.head(at.snapshot), &lines) {
            None => {}
            Some(Did::Changed) => return true,
            Some(Did::Moved) => {
                self.select(self.list.state.index, at, wishes);
                return true;
            }
        }
        let current = self.current(at.snapshot);
        match (action, current) {
            (Action::Group, _) => self.grouping = self.grouping.next(),
            (Action::Open, Some(position)) => {
                wishes.push(Wish::Select(position.instrument.clone()));
                wishes.push(Wish::Focus(PaneKind::Chart));
            }
            (Action::Close, Some(position)) => {
                wishes.push(close_of(position, None));
            }
            (Action::Add, Some(position)) => {
                wishes.push(Wish::Type(format!("alert {} below ", position.instrument)));
            }
            (Action::Copy, Some(position)) => {
                let pnl =
                    position.unrealized_pnl.map_or_else(|| "-".to_owned(), |p| p.normalize().to_string());
                wishes.push(Wish::Copy(format!(
                    "{}\t{}\t{}\t{pnl}",
                    position.instrument, position.quantity, position.average_price
                )));
            }
            (Action::Size25, Some(position)) => wishes.push(close_of(position, Some(Decimal::from(25)))),
            (Action::Size50, Some(position)) => wishes.push(close_of(position, Some(Decimal::from(50)))),
            (Action::Size100, Some(position)) => wishes.push(close_of(position, None)),
            (Action::Open | Action::Close | Action::Add | Action::Copy, None) => {}
            _ => return false,
        }
        true
    }

    fn sheet(&self, at: &At<'_>) -> Option<Sheet> {
        let mut sheet = Sheet::new(&[
            "group",
            "account",
            "symbol",
            "quantity",
            "average_price",
            "last",
            "market_value",
            "day_pnl",
            "unrealized_pnl",
        ]);
        for position in self.rows(at.snapshot).iter().filter_map(Entry::item) {
            let last = last(position, at.snapshot);
            sheet.push(vec![
                self.grouping.of(position, &self.openers),
                position.account.to_string(),
                position.instrument.key(),
                position.quantity.to_string(),
                position.average_price.to_string(),
                cell(last),
                cell(position.market_value),
                cell(position.day_pnl),
                cell(position.unrealized_pnl),
            ]);
        }
        Some(sheet)
    }

    fn columns(&self, at: &At<'_>) -> Option<(Vec<Column>, &Choice)> {
        Some((self.head(at.snapshot), &self.list.choice))
    }

    fn choose(&mut self, choice: Choice) {
        self.list.choice = choice;
    }

    fn memory(&self, _at: &At<'_>) -> Memory {
        let mut memory = Memory::from([("groups".to_owned(), self.grouping.label().trim().to_owned())]);
        self.list.remember(&mut memory);
        memory
    }

    fn recall(&mut self, memory: &Memory, at: &At<'_>) {
        self.list.recall(memory, &self.head(at.snapshot));
        let word = memory.get("groups").map_or("", String::as_str);
        let grouping = Grouping::ALL.into_iter().find(|grouping| grouping.label().trim() == word);
        self.grouping = grouping.unwrap_or_default();
    }

    fn filter(&self) -> Option<&ListFilter> {
        Some(&self.list.filter)
    }

    fn filter_mut(&mut self) -> Option<&mut ListFilter> {
        Some(&mut self.list.filter)
    }

    fn click(&mut self, column: u16, line: u16, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let lines = Lines::of(&self.rows(at.snapshot));
        if let Some(row) = self.list.click((column, line), area, &self.head(at.snapshot), &lines) {
            self.select(row, at, wishes);
        }
    }

    fn answer(&mut self, _: u64, reply: Result<Reply, SessionError>, at: &At<'_>, _: &mut Vec<Wish>) {
        // Without an answer a group says that it is not known; the history says why when it is asked.
        if let Ok(reply) = reply {
            self.openers.take(&reply, at.snapshot);
        }
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        if self.grouping == Grouping::Strategy {
            let request = self.openers.ask(at.snapshot);
            wishes.extend(request.map(|request| Wish::Ask(request, Purpose::Pane(PaneKind::Positions, 0))));
        }
        let rows = self.rows(at.snapshot);
        let is_selected = |entry: &Entry<'_>| entry.item().is_some_and(|p| self.is_selected(p));
        self.list.settle(area, rows.iter().position(is_selected), &Lines::of(&rows));
        let position = rows.get(self.list.state.index).and_then(Entry::item);
        self.selected = position.map(|p| (p.account.clone(), p.instrument.clone()));
    }
}
