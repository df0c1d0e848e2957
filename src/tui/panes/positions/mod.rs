//! Open positions, in groups with their sums where wanted.

mod group;

use std::cmp::Reverse;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use rust_decimal::Decimal;

use self::group::{Entry, Grouping, Openers, Sums, gather};
use super::sheet::cell;
use super::{ListFilter, Memory, Pane, PaneKind, Sheet, draw_empty, titled};
use crate::client::{Reply, SessionError};
use crate::command::types::{Close, Command, PriceTerms};
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::order::{OrderType, OriginKind, TimeInForce};
use crate::domain::position::Position;
use crate::domain::snapshot::Snapshot;
use crate::domain::text::{ascii_escaped, clean};
use crate::tui::action::Action;
use crate::tui::env::{At, Look};
use crate::tui::flash::Field;
use crate::tui::format;
use crate::tui::widgets::choice::Choice;
use crate::tui::widgets::list::ListState;
use crate::tui::widgets::table::{Column, Row, Table, title_at};
use crate::tui::wish::{Purpose, Wish};

/// Widths and fractions of what is held now: the columns stand still until something else is held.
struct Shape {
    symbol: u16,
    /// Decimals of quantities and of prices.
    quantity: u32,
    price: u32,
    /// Columns of the account's name; none where there is one account.
    account: Option<u16>,
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
        let symbols = held().map(|p| format::width(&p.instrument.to_string()));
        let symbol = symbols.chain(heads).max().unwrap_or(0);
        Self {
            symbol: symbol.clamp(8, 17),
            quantity: most(&mut held().map(|p| p.quantity.get().normalize().scale())),
            price: most(&mut held().map(|p| price_decimals(p, snapshot))).max(2),
            account: held().any(|p| Some(&p.account) != held().next().map(|first| &first.account)).then(
                || {
                    let names = held().map(|p| format::width(&account_text(p)));
                    names.max().unwrap_or(0).clamp(7, 16)
                },
            ),
        }
    }

    fn columns(&self) -> Vec<Column> {
        let quantity = if self.quantity == 0 { 7 } else { 7 + 1 + self.quantity as u16 };
        // `999,999.` and the fraction.
        let price = 8 + self.price as u16;
        let mut columns = vec![
            Column::text("sym", self.symbol, 0),
            Column::number("qty", quantity, 0),
            Column::number("avg", price, 4),
            Column::number("last", price, 2),
            Column::number("value", 12, 5),
            Column::number("P&L day", 10, 1),
            Column::number("P&L", 10, 0),
        ];
        columns.extend(self.account.map(|width| Column::text("account", width, 3)));
        columns
    }
}

fn account_text(position: &Position) -> String {
    ascii_escaped(position.account.as_str()).into_owned()
}

/// What the head of a group says before its sums.
fn head_text(name: &str, count: usize) -> String {
    format!("{} {count}", clean(name))
}

fn price_decimals(position: &Position, snapshot: &Snapshot) -> u32 {
    format::decimals(snapshot.specs.get(&position.instrument), position.average_price)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SortBy {
    #[default]
    Symbol,
    OpenPnl,
    DayPnl,
    Value,
}

impl SortBy {
    const fn next(self) -> Self {
        match self {
            Self::Symbol => Self::OpenPnl,
            Self::OpenPnl => Self::DayPnl,
            Self::DayPnl => Self::Value,
            Self::Value => Self::Symbol,
        }
    }

    /// The order that a column stands for.
    fn of_column(title: &str) -> Option<Self> {
        Some(match title {
            "sym" => Self::Symbol,
            "P&L" => Self::OpenPnl,
            "P&L day" => Self::DayPnl,
            "value" => Self::Value,
            _ => return None,
        })
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Symbol => "",
            Self::OpenPnl => " by P&L",
            Self::DayPnl => " by P&L day",
            Self::Value => " by value",
        }
    }
}

/// What the title says of the order: beside a group it needs a word of its own.
fn sort_label(sort: SortBy, grouping: Grouping) -> String {
    match grouping {
        Grouping::None => sort.label().to_owned(),
        _ => sort.label().replace(" by ", ", "),
    }
}

/// The positions pane.
#[derive(Debug, Default)]
pub struct Positions {
    list: ListState,
    selected: Option<(AccountId, Instrument)>,
    sort: SortBy,
    /// The other way round.
    reversed: bool,
    filter: ListFilter,
    choice: Choice,
    grouping: Grouping,
    openers: Openers,
}

impl Positions {
    fn rows<'a>(&self, snapshot: &'a Snapshot) -> Vec<Entry<'a>> {
        gather(self.sorted(snapshot), self.grouping, &self.openers)
    }

    fn sorted<'a>(&self, snapshot: &'a Snapshot) -> Vec<&'a Position> {
        let mut rows: Vec<&Position> =
            snapshot.positions.iter().filter(|p| self.filter.passes(&p.instrument.to_string())).collect();
        let figure = |value: Option<Decimal>| Reverse(value.unwrap_or_default());
        match self.sort {
            SortBy::Symbol => {}
            SortBy::OpenPnl => rows.sort_by_key(|p| figure(p.unrealized_pnl)),
            SortBy::DayPnl => rows.sort_by_key(|p| figure(p.day_pnl)),
            SortBy::Value => rows.sort_by_key(|p| figure(p.market_value.map(|v| v.abs()))),
        }
        if self.reversed {
            rows.reverse();
        }
        rows
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
    fn choose(&mut self, index: usize, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let rows = self.rows(at.snapshot);
        let position = rows.get(index).and_then(Entry::item);
        if let Some(position) = position.filter(|p| !self.is_selected(p)) {
            wishes.push(Wish::Select(position.instrument.clone()));
            self.selected = Some((position.account.clone(), position.instrument.clone()));
        }
    }

    /// A movement that ends on a group's head goes one line further.
    fn pass_heads(&mut self, action: Action, snapshot: &Snapshot) {
        let back = matches!(action, Action::Up | Action::PageUp | Action::Last);
        let rows = self.rows(snapshot);
        let is_item = |i: &usize| rows.get(*i).is_some_and(|row| row.item().is_some());
        let index = self.list.index;
        let after = (index..rows.len()).find(is_item);
        let before = (0..=index).rev().find(is_item);
        self.list.index = if back { before.or(after) } else { after.or(before) }.unwrap_or(index);
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
        let money = |value: Option<Decimal>, field| match value {
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
        let last = look.snapshot.quotes.get(&position.instrument).and_then(|q| q.last).or(position.mark);
        let value = position.market_value.map_or_else(|| "-".to_owned(), |value| format::grouped(value, 2));
        let cells = vec![
            (position.instrument.to_string(), theme.strong),
            (format::point_aligned(format::quantity(position.quantity.get()), shape.quantity), theme.text),
            price(Some(position.average_price), theme.dim),
            price(last, look.flashed(&position.instrument, Field::Last, theme.text)),
            (value, theme.dim),
            money(position.day_pnl, Field::DayPnl),
            money(position.unrealized_pnl, Field::OpenPnl),
            (account_text(position), theme.dim),
        ];
        Row { cells, selected: self.is_selected(position) }
    }
}

/// The command that closes all of an instrument at the market.
#[must_use]
pub fn close_all(instrument: Instrument) -> Command {
    close_part(instrument, None)
}

/// The command that closes so many per cent of a position at the market; all of it without a number.
#[must_use]
pub fn close_part(instrument: Instrument, percent_of_position: Option<Decimal>) -> Command {
    let around_the_clock = instrument.asset_class().trades_around_the_clock();
    Command::Close(Close {
        instrument,
        quantity: None,
        percent_of_position,
        terms: PriceTerms {
            order_type: OrderType::Market,
            limit_price: None,
            stop_price: None,
            trail_amount: None,
            trail_percent: None,
            limit_peg: None,
            time_in_force: if around_the_clock { TimeInForce::Gtc } else { TimeInForce::Day },
            expire_date: None,
            session: None,
            price_effect: None,
            take_profit: None,
            stop_loss: None,
            broker: None,
            post_only: None,
            reduce_only: None,
        },
    })
}

impl Pane for Positions {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let sum = |pick: fn(&Position) -> Option<Decimal>| {
            look.snapshot.positions.iter().filter_map(pick).sum::<Decimal>()
        };
        let rest = format!(
            "{}{}{}{}{} ",
            look.snapshot.positions.len(),
            self.grouping.label(),
            sort_label(self.sort, self.grouping),
            if self.reversed { " reversed" } else { "" },
            self.filter.label(look.theme.glyphs.caret)
        );
        let mut line = titled("Positions", &rest, look);
        if !look.snapshot.positions.is_empty() {
            let open = sum(|p| p.unrealized_pnl);
            line.push_span(Span::styled(format!(" {} ", format::signed(open, 2)), look.theme.money(open)));
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
        let visible = self.list.visible(rows.len(), area.height.saturating_sub(1));
        let drawn: Vec<Row> = rows[visible.clone()]
            .iter()
            .map(|entry| match entry {
                Entry::Item(position) => self.row(position, &shape, look),
                Entry::Head(name, count, sums) => Self::head_row(name, *count, sums, look),
            })
            .collect();
        let more = rows.len() - visible.end;
        let (columns, choice) = (shape.columns(), &self.choice);
        Table { theme: look.theme, columns: &columns, choice, rows: &drawn, more, focused: look.focused }
            .render(area, buf);
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let count = self.rows(at.snapshot).len();
        if self.list.act(action, count) {
            self.pass_heads(action, at.snapshot);
            self.choose(self.list.index, at, wishes);
            return true;
        }
        let current = self.current(at.snapshot);
        match (action, current) {
            (Action::Sort, _) => self.sort = self.sort.next(),
            (Action::SortBack, _) => self.reversed = !self.reversed,
            (Action::Group, _) => self.grouping = self.grouping.next(),
            (Action::Filter, _) => self.filter.open(),
            (Action::Open, Some(position)) => {
                wishes.push(Wish::Select(position.instrument.clone()));
                wishes.push(Wish::Focus(PaneKind::Chart));
            }
            (Action::Close, Some(position)) => {
                wishes.push(Wish::Review(close_all(position.instrument.clone()), OriginKind::Ticket));
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
            let last = at.snapshot.quotes.get(&position.instrument).and_then(|q| q.last).or(position.mark);
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
        Some((Shape::of(at.snapshot, &self.rows(at.snapshot)).columns(), &self.choice))
    }

    fn choose(&mut self, choice: Choice) {
        self.choice = choice;
    }

    fn memory(&self, _at: &At<'_>) -> Memory {
        Memory::from([
            ("sort".to_owned(), self.sort.label().trim().to_owned()),
            ("reversed".to_owned(), self.reversed.to_string()),
            ("groups".to_owned(), self.grouping.label().trim().to_owned()),
            ("columns".to_owned(), self.choice.text()),
        ])
    }

    fn recall(&mut self, memory: &Memory, _at: &At<'_>) {
        self.choice = Choice::read(memory.get("columns").map_or("", String::as_str));
        let word = memory.get("sort").map_or("", String::as_str);
        let all = [SortBy::Symbol, SortBy::OpenPnl, SortBy::DayPnl, SortBy::Value];
        self.sort = all.into_iter().find(|sort| sort.label().trim() == word).unwrap_or_default();
        self.reversed = memory.get("reversed").is_some_and(|word| word == "true");
        let word = memory.get("groups").map_or("", String::as_str);
        let grouping = Grouping::ALL.into_iter().find(|grouping| grouping.label().trim() == word);
        self.grouping = grouping.unwrap_or_default();
    }

    fn key(&mut self, event: KeyEvent, _at: &At<'_>, _wishes: &mut Vec<Wish>) -> bool {
        self.filter.key(event)
    }

    fn paste(&mut self, text: &str, _at: &At<'_>, _wishes: &mut Vec<Wish>) -> bool {
        self.filter.paste(text)
    }

    fn click(&mut self, column: u16, line: u16, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        if line == 0 {
            // The head of a column sorts by it, and again turns it round.
            let columns = Shape::of(at.snapshot, &self.rows(at.snapshot)).columns();
            let title = title_at(&columns, &self.choice, area.width, column);
            if let Some(sort) = title.and_then(SortBy::of_column) {
                self.reversed = self.sort == sort && !self.reversed;
                self.sort = sort;
            }
            return;
        }
        let count = self.rows(at.snapshot).len();
        if let Some(row) =
            line.checked_sub(1).and_then(|l| self.list.at_line(l, count, area.height.saturating_sub(1)))
        {
            self.list.index = row;
            self.choose(row, at, wishes);
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
        let (found, count) = {
            let rows = self.rows(at.snapshot);
            let is_selected = |entry: &Entry<'_>| entry.item().is_some_and(|p| self.is_selected(p));
            (rows.iter().position(is_selected), rows.len())
        };
        self.list.index = found.unwrap_or(self.list.index);
        self.list.settle(count, area.height.saturating_sub(1));
        self.pass_heads(Action::Down, at.snapshot);
        let rows = self.rows(at.snapshot);
        if self.list.offset > 0 && rows.get(self.list.offset - 1).is_some_and(|row| row.item().is_none()) {
            self.list.show_above(area.height.saturating_sub(1));
        }
        let position = rows.get(self.list.index).and_then(Entry::item);
        self.selected = position.map(|p| (p.account.clone(), p.instrument.clone()));
    }
}
