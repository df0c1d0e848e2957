//! Orders: working, done, or all.

mod details;

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use rust_decimal::Decimal;

pub use self::details::details;
use super::sheet::cell;
use super::{Memory, Pane, Sheet, draw_empty, titled};
use crate::domain::ids::ClientOrderId;
use crate::domain::ids::OrderNumber;
use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::order::{Order, OrderStatus, OrderSubject, Pricing, Side, Trail};
use crate::domain::snapshot::Snapshot;
use crate::tui::action::Action;
use crate::tui::dialogs::Dialog;
use crate::tui::dialogs::confirm::Confirm;
use crate::tui::dialogs::replace::Replace;
use crate::tui::dialogs::report::Report;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::theme::Theme;
use crate::tui::widgets::choice::Choice;
use crate::tui::widgets::filter::ListFilter;
use crate::tui::widgets::sorted::{Did, Lines, SortKey, SortedList};
use crate::tui::widgets::table::{Column, Row, fitting};
use crate::tui::wish::Wish;

/// The columns, with room for long symbols only where the list has some.
const fn columns(symbol: u16, time: u16) -> [Column; 11] {
    [
        Column::number("id", 4, 0),
        Column::text("time", time, 5),
        Column::text("side", 5, 0),
        Column::text("sym", symbol, 0),
        Column::number("qty", 7, 0),
        Column::number("filled", 7, 3),
        Column::text("type", 7, 2),
        Column::number("price", PRICE_WIDTH, 1),
        Column::number("avg", 9, 6),
        Column::text("tif", 3, 4),
        Column::text("status", 12, 0),
    ]
}
const SYMBOL_WIDTH: u16 = 9;
const OPTION_WIDTH: u16 = 17;
const PRICE_WIDTH: u16 = 13;

/// The columns for all orders, shown or not, so that they stand still.
fn head(snapshot: &Snapshot, zone: &TimeZone) -> [Column; 11] {
    // The text of a share is its ticker: it is not made for each of many thousand orders in each frame, nor is one after the widest.
    let width = |what: &OrderSubject| match what {
        OrderSubject::Instrument(Instrument::Equity { symbol }) => format::width(symbol.as_str()),
        other => format::width(&other.short()),
    };
    let mut symbol = SYMBOL_WIDTH;
    for order in snapshot.orders.iter() {
        symbol = symbol.max(width(&order.request.subject)).min(OPTION_WIDTH);
        if symbol == OPTION_WIDTH {
            break;
        }
    }
    columns(symbol, format::clock_zoned_width(snapshot.now, zone))
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Which {
    #[default]
    Working,
    Done,
    All,
}

impl Which {
    const ALL: [Self; 3] = [Self::Working, Self::Done, Self::All];

    const fn next(self) -> Self {
        match self {
            Self::Working => Self::Done,
            Self::Done => Self::All,
            Self::All => Self::Working,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Done => "done",
            Self::All => "all",
        }
    }

    const fn takes(self, order: &Order) -> bool {
        match self {
            Self::Working => order.is_working(),
            Self::Done => !order.is_working(),
            Self::All => true,
        }
    }
}

/// The order that took an order's place, and its place, and so on to the last; the order itself where none did.
fn newest_of(id: ClientOrderId, snapshot: &Snapshot) -> ClientOrderId {
    let mut newest = id;
    // Newest first: each step goes up the list, so that there are no more of them than orders.
    for order in snapshot.orders.iter().rev() {
        if order.replaces == Some(newest) {
            newest = order.request.client_order_id;
        }
    }
    newest
}

/// The orders pane.
#[derive(Debug, Default)]
pub struct Orders {
    list: SortedList,
    selected: Option<ClientOrderId>,
    /// It worked when it was last looked at.
    worked: bool,
    which: Which,
}

impl Orders {
    /// Shows every order, whatever its status.
    pub fn show_all(&mut self) {
        self.which = Which::All;
    }

    /// Selects one order, among all.
    pub fn show_order(&mut self, id: ClientOrderId) {
        self.which = Which::All;
        self.list.filter = ListFilter::default();
        self.selected = Some(id);
    }

    fn rows<'a>(&self, snapshot: &'a Snapshot) -> Vec<&'a Order> {
        let filter = &self.list.filter;
        let passes =
            |order: &&Order| self.which.takes(order) && (filter.is_empty() || filter.passes(&words(order)));
        self.list
            .sorting
            .sorted(snapshot.orders.iter().filter(passes).collect(), |order, title| sort_key(order, title))
    }

    fn current<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Order> {
        snapshot.orders.iter().find(|order| Some(order.request.client_order_id) == self.selected)
    }

    fn select(&mut self, index: usize, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let Some(order) = self.rows(at.snapshot).get(index).copied() else { return };
        if self.selected != Some(order.request.client_order_id) {
            self.selected = Some(order.request.client_order_id);
            wishes.extend(order.request.subject.instrument().cloned().map(Wish::Select));
        }
    }

    /// The cells of an order; where its type is not in view beside the price, the price of a stop says what it is.
    fn row(&self, order: &Order, typed: bool, look: &Look<'_>) -> Row {
        let theme = look.theme;
        let request = &order.request;
        let done = !order.is_working();
        let base = if done { theme.dim } else { theme.text };
        let decimals = request.subject.instrument().map_or(2, |i| price_decimals(i, order, look.snapshot));
        let average = average_text(order, look.snapshot).unwrap_or_default();
        let filled = order.filled_quantity.get();
        let (now, zone) = (look.snapshot.now, &look.env.zone);
        let time = format::time_in(order.created_at, now, zone, format::clock_zoned_width(now, zone));
        let cells = vec![
            (order.number.to_string(), base),
            (time, theme.dim),
            side_cell(request.side, theme, done),
            (request.subject.short(), if done { theme.text } else { theme.strong }),
            (format::quantity(request.quantity.get()), base),
            (format::quantity(filled), if filled.is_zero() { theme.dim } else { base }),
            (type_word(order), base),
            (if typed { stop_and_price(order, decimals) } else { told_price(order, decimals) }, base),
            (average, base),
            (request.time_in_force.as_str().to_uppercase(), theme.dim),
            match waits_for(order, look.snapshot) {
                Some(parent) => (format!("After #{parent}"), theme.dim),
                None => status_cell(order, theme),
            },
        ];
        Row { cells, selected: Some(request.client_order_id) == self.selected }
    }
}

/// Its type; with a star where the broker calls it something that ours does not say, which stands in the details.
pub fn type_word(order: &Order) -> String {
    let star = if order.native_type.is_some() { "*" } else { "" };
    format!("{}{star}", order.request.pricing.order_type().abbreviation())
}

/// What an order has in a column, by the column's title.
#[must_use]
pub fn sort_key(order: &Order, title: &str) -> SortKey {
    let request = &order.request;
    let number = |number: Option<Decimal>| SortKey::Number(number);
    match title {
        "id" => number(Some(order.number.0.into())),
        "time" => number(Some(order.created_at.as_millisecond().into())),
        "side" => SortKey::Text(request.side.as_str().to_owned()),
        "sym" => SortKey::Text(request.subject.short()),
        "qty" => number(Some(request.quantity.get())),
        "filled" => number(Some(order.filled_quantity.get())),
        "type" => SortKey::Text(type_word(order)),
        "price" => {
            let stop = order.trailing_stop.or(request.pricing.stop_price());
            number(stop.or(request.pricing.limit_price()).map(Price::get))
        }
        "avg" => number(order.average_price.map(Price::get)),
        "tif" => SortKey::Text(request.time_in_force.as_str().to_owned()),
        _ => SortKey::Text(status_word(order.status).to_owned()),
    }
}

/// The order that an exit waits for: while nothing of it has filled, the exit sells or buys nothing.
#[must_use]
pub fn waits_for(order: &Order, snapshot: &Snapshot) -> Option<OrderNumber> {
    let parent = order.request.contingency.parent?;
    let parent = snapshot.orders.iter().find(|other| other.request.client_order_id == parent)?;
    let waits = order.is_working() && parent.is_working() && parent.filled_quantity.is_zero();
    waits.then_some(parent.number)
}

/// Decimals of an order's prices.
#[must_use]
pub fn price_decimals(instrument: &Instrument, order: &Order, snapshot: &Snapshot) -> u32 {
    let price =
        order.request.pricing.limit_price().or(order.request.pricing.stop_price()).or(order.average_price);
    price.map_or(2, |price| format::decimals(snapshot.specs.get(instrument), price))
}

/// The average price of what has filled, with the decimals of its instrument; none while nothing has.
#[must_use]
pub fn average_text(order: &Order, snapshot: &Snapshot) -> Option<String> {
    let decimals = order.request.subject.instrument().map_or(2, |i| price_decimals(i, order, snapshot));
    order.average_price.map(|price| format::price(price, decimals))
}

/// A side as columns of orders have it.
#[must_use]
pub const fn side_word(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
        Side::SellShort => "SHORT",
        Side::BuyToCover => "COVER",
    }
}

fn side_cell(side: Side, theme: &Theme, done: bool) -> (String, Style) {
    let word = side_word(side);
    let style = match (done, side.is_buy()) {
        (true, _) => theme.dim,
        (false, true) => theme.up,
        (false, false) => theme.down,
    };
    (word.to_owned(), style)
}

/// The prices of an order in one cell.
#[must_use]
pub fn price_text(pricing: Pricing, decimals: u32) -> String {
    let text = |p| format::price(p, decimals);
    match pricing {
        Pricing::Market => "market".to_owned(),
        Pricing::Limit { limit_price } => text(limit_price),
        Pricing::Stop { stop_price } => text(stop_price),
        Pricing::StopLimit { stop_price, limit_price } | Pricing::Oco { stop_price, limit_price } => {
            format!("{}/{}", text(stop_price), text(limit_price))
        }
        Pricing::TrailingStop { trail: Trail::Amount(amount) } => text(amount),
        Pricing::TrailingStop { trail: Trail::Percent(percent) } => format!("{}%", percent.normalize()),
        Pricing::Twap(slices) => format!("{} min", slices.minutes),
    }
}

/// The same in a list: a trailing order says where its stop stands now, and how it follows where that fits beside it.
fn stop_and_price(order: &Order, decimals: u32) -> String {
    let text = price_text(order.request.pricing, decimals);
    let Some(stop) = order.trailing_stop.filter(|_| order.is_working()) else { return text };
    let stop = format::price(stop, decimals);
    let both = format!("{stop}/{text}");
    if format::width(&both) <= PRICE_WIDTH { both } else { stop }
}

/// The same where no type stands beside it: the price of a stop is told from a limit.
fn told_price(order: &Order, decimals: u32) -> String {
    let text = stop_and_price(order, decimals);
    if !matches!(order.request.pricing, Pricing::Stop { .. }) {
        return text;
    }
    let told = format!("stp {text}");
    if format::width(&told) <= PRICE_WIDTH { told } else { format!("s{text}") }
}

/// The status in a trader's words.
#[must_use]
pub const fn status_word(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::PendingSubmit => "Sending",
        OrderStatus::Submitted => "Submitted",
        OrderStatus::PartiallyFilled => "Partial",
        OrderStatus::Filled => "Filled",
        OrderStatus::PendingCancel => "Canceling",
        OrderStatus::Canceled => "Canceled",
        OrderStatus::PendingReplace => "Replacing",
        OrderStatus::Replaced => "Replaced",
        OrderStatus::Rejected => "Rejected",
        OrderStatus::Denied => "Denied",
        OrderStatus::Expired => "Expired",
        OrderStatus::Unknown => "Unknown",
    }
}

/// What an order is found by: number, side, symbol, type, status, account.
fn words(order: &Order) -> String {
    let request = &order.request;
    format!(
        "#{} {} {} {} {} {} {}",
        order.number,
        side_word(request.side),
        request.subject,
        request.subject.short(),
        request.pricing.order_type().abbreviation(),
        status_word(order.status),
        request.account
    )
}

fn status_cell(order: &Order, theme: &Theme) -> (String, Style) {
    let status = order.status;
    let style = match status {
        OrderStatus::Rejected | OrderStatus::Denied => theme.error,
        OrderStatus::Unknown => theme.warning,
        OrderStatus::PendingSubmit | OrderStatus::PendingCancel | OrderStatus::PendingReplace => theme.accent,
        OrderStatus::Submitted | OrderStatus::PartiallyFilled => theme.text,
        _ => theme.dim,
    };
    let word = status_word(status);
    // What needs a look carries a mark too, for screens without colour.
    match status {
        OrderStatus::Unknown => (format!("{word} ?"), style),
        OrderStatus::Rejected | OrderStatus::Denied => (format!("{word} !"), style),
        OrderStatus::PartiallyFilled if !order.request.quantity.is_zero() => {
            let share = order.filled_quantity.get() / order.request.quantity.get() * Decimal::ONE_HUNDRED;
            (format!("{word} {}%", share.trunc()), style)
        }
        _ => (word.to_owned(), style),
    }
}

impl Pane for Orders {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let mut line = titled("Orders", "", look);
        for which in Which::ALL {
            let count = look.snapshot.orders.iter().filter(|order| which.takes(order)).count();
            let style = if which == self.which { look.theme.accent } else { look.theme.dim };
            line.push_span(Span::styled(format!("{} {count}  ", which.word()), style));
        }
        // Times of other days have no room for their zone; the oldest order is the last.
        let (now, zone) = (look.snapshot.now, &look.env.zone);
        if look.snapshot.orders.last().is_some_and(|order| !format::same_day(order.created_at, now, zone)) {
            line.push_span(Span::styled(format!("{}  ", format::zone_name(now, zone)), look.theme.dim));
        }
        let order = self.list.sorting.label();
        if !order.is_empty() {
            line.push_span(Span::styled(format!("{order}  "), look.theme.dim));
        }
        let filter = self.list.filter.label(look.theme.glyphs.caret);
        if !filter.is_empty() {
            line.push_span(Span::styled(format!("{} ", filter.trim_start()), look.theme.dim));
        }
        line
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let rows = self.rows(look.snapshot);
        if rows.is_empty() {
            let first = match self.which {
                Which::Working => "No working orders.",
                Which::Done => "No orders have ended today.",
                Which::All => "No orders yet.",
            };
            return draw_empty(
                &[first, "Press {buy} to buy, or type {command} buy 10 aapl at 231.50"],
                look,
                area,
                buf,
            );
        }
        let columns = head(look.snapshot, &look.env.zone);
        let typed =
            fitting(&columns, &self.list.choice, area.width).iter().any(|i| columns[*i].title == "type");
        self.list.draw(&columns, rows.len(), |i| self.row(rows[i], typed, look), look, (area, buf));
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let lines = Lines::plain(self.rows(at.snapshot).len());
        match self.list.act(action, &head(at.snapshot, &at.env.zone), &lines) {
            None => {}
            Some(Did::Changed) => return true,
            Some(Did::Moved) => {
                self.select(self.list.state.index, at, wishes);
                return true;
            }
        }
        let current = self.current(at.snapshot);
        match (action, current) {
            (Action::OrderFilter, _) => self.which = self.which.next(),
            (Action::CancelAll, _) => {
                wishes.push(Wish::Open(Box::new(Dialog::Confirm(Confirm::cancel_all(at)))));
            }
            (Action::Cancel, Some(order)) if order.is_working() => {
                wishes.push(Wish::Open(Box::new(Dialog::Confirm(Confirm::cancel(order, at)))));
            }
            (Action::Replace, Some(order)) if order.is_working() => {
                wishes.push(Wish::Open(Box::new(Dialog::Replace(Replace::new(order, at)))));
            }
            (Action::Cancel | Action::Replace, Some(order)) => {
                let text = format!("#{} has ended: {}", order.number, status_word(order.status));
                wishes.push(Wish::Say(crate::domain::snapshot::Severity::Info, text));
            }
            (Action::Open, Some(order)) => {
                let report = Report::pairs(&format!("Order #{}", order.number), details(order, at));
                wishes.push(Wish::Open(Box::new(Dialog::Report(report))));
            }
            (Action::Copy, Some(order)) => {
                let words = [order.request.side.as_str(), &order.request.subject.to_string()].join(" ");
                wishes.push(Wish::Copy(format!("#{}\t{words}\t{}", order.number, status_word(order.status))));
            }
            (Action::Cancel | Action::Replace | Action::Open | Action::Copy, None) => {}
            _ => return false,
        }
        true
    }

    fn sheet(&self, at: &At<'_>) -> Option<Sheet> {
        let mut sheet = Sheet::new(&[
            "number",
            "created_at",
            "account",
            "side",
            "symbol",
            "quantity",
            "filled_quantity",
            "order_type",
            "limit_price",
            "stop_price",
            "average_price",
            "time_in_force",
            "status",
        ]);
        for order in self.rows(at.snapshot) {
            let request = &order.request;
            let symbols: Vec<String> = request.subject.instruments().map(Instrument::key).collect();
            sheet.push(vec![
                order.number.to_string(),
                order.created_at.to_string(),
                request.account.to_string(),
                request.side.as_str().to_owned(),
                symbols.join(" "),
                request.quantity.to_string(),
                order.filled_quantity.to_string(),
                request.pricing.order_type().abbreviation().to_owned(),
                cell(request.pricing.limit_price()),
                cell(request.pricing.stop_price().or(order.trailing_stop)),
                cell(order.average_price),
                request.time_in_force.as_str().to_owned(),
                status_word(order.status).to_lowercase(),
            ]);
        }
        Some(sheet)
    }

    fn columns(&self, at: &At<'_>) -> Option<(Vec<Column>, &Choice)> {
        Some((head(at.snapshot, &at.env.zone).to_vec(), &self.list.choice))
    }

    fn choose(&mut self, choice: Choice) {
        self.list.choice = choice;
    }

    fn memory(&self, _at: &At<'_>) -> Memory {
        let mut memory = Memory::from([("which".to_owned(), self.which.word().to_owned())]);
        self.list.remember(&mut memory);
        memory
    }

    fn recall(&mut self, memory: &Memory, at: &At<'_>) {
        let word = memory.get("which").map_or("", String::as_str);
        self.which = Which::ALL.into_iter().find(|which| which.word() == word).unwrap_or_default();
        self.list.recall(memory, &head(at.snapshot, &at.env.zone));
    }

    fn filter(&self) -> Option<&ListFilter> {
        Some(&self.list.filter)
    }

    fn filter_mut(&mut self) -> Option<&mut ListFilter> {
        Some(&mut self.list.filter)
    }

    fn click(&mut self, column: u16, line: u16, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let lines = Lines::plain(self.rows(at.snapshot).len());
        let columns = head(at.snapshot, &at.env.zone);
        if let Some(row) = self.list.click((column, line), area, &columns, &lines) {
            self.select(row, at, wishes);
        }
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, _wishes: &mut Vec<Wish>) {
        let rows = self.rows(at.snapshot);
        let place = |id: Option<ClientOrderId>| {
            rows.iter().position(|order| Some(order.request.client_order_id) == id)
        };
        // A replaced order is gone on to another number: the next key is meant for that, not for whatever stands in its row now.
        let newest = self.selected.map(|id| newest_of(id, at.snapshot));
        let selected = match self.worked {
            true => place(newest).or_else(|| place(self.selected)),
            false => place(self.selected).or_else(|| place(newest)),
        };
        self.list.settle(area, selected, &Lines::plain(rows.len()));
        let chosen = rows.get(self.list.state.index);
        self.selected = chosen.map(|order| order.request.client_order_id);
        self.worked = chosen.is_some_and(|order| order.is_working());
    }
}
