//! Notifications: what the trader was told of and may have missed. Alerts that rang, orders that filled or were refused, errors; newest first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::activity::ZONED_WIDTH;
use super::orders::{average_text, status_word};
use super::sheet::cell;
use super::{ListFilter, Pane, PaneKind, Sheet, draw_empty, titled};
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::Instrument;
use crate::domain::order::{Order, OrderStatus};
use crate::domain::snapshot::{LogLine, Severity, Snapshot};
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::dialogs::Dialog;
use crate::tui::dialogs::report::Report;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::widgets::list::ListState;
use crate::tui::widgets::put;
use crate::tui::wish::Wish;

/// Notifications kept.
const KEPT_MAX: usize = 200;

/// One notification.
#[derive(Clone, Debug)]
struct Notice {
    at: Timestamp,
    severity: Severity,
    text: String,
    /// What it is about: Enter shows it.
    instrument: Option<Instrument>,
    read: bool,
    /// It was in view.
    seen: bool,
}

/// The notifications pane.
#[derive(Debug)]
pub struct Notifications {
    /// Newest first.
    notices: VecDeque<Notice>,
    list: ListState,
    filter: ListFilter,
}

impl Default for Notifications {
    fn default() -> Self {
        Self { notices: VecDeque::new(), list: ListState::full(), filter: ListFilter::default() }
    }
}

impl Notifications {
    /// Keeps what the screen said aloud, if it is worth a second look.
    pub fn note(&mut self, line: &LogLine, instrument: Option<Instrument>) {
        self.keep(line.at, line.severity, line.text.clone(), instrument);
    }

    /// What two pictures tell apart: orders that ended or filled further, alerts that rang.
    pub fn compare(&mut self, old: &Snapshot, new: &Snapshot) {
        if old.seq == 0 {
            return;
        }
        if !Arc::ptr_eq(&old.orders, &new.orders) {
            let known = by_id(old);
            for order in new.orders.iter().rev() {
                if let Some(before) = known.get(&order.request.client_order_id)
                    && let Some((severity, text)) = news(before, order, new)
                {
                    let instrument = order.request.subject.instruments().next().cloned();
                    self.keep(order.updated_at, severity, text, instrument);
                }
            }
        }
    }

    fn keep(&mut self, at: Timestamp, severity: Severity, text: String, instrument: Option<Instrument>) {
        self.notices.push_front(Notice { at, severity, text, instrument, read: false, seen: false });
        self.notices.truncate(KEPT_MAX);
    }

    /// Notifications that nobody has looked at.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.notices.iter().filter(|notice| !notice.read).count()
    }

    /// Warnings and errors among them that were never in view: what a notice said while nobody looked.
    #[must_use]
    pub fn unseen(&self) -> usize {
        let loud = |notice: &&Notice| notice.severity != Severity::Info && !notice.seen;
        self.notices.iter().filter(loud).count()
    }

    fn rows(&self) -> Vec<usize> {
        (0..self.notices.len()).filter(|i| self.filter.passes(&self.notices[*i].text)).collect()
    }
}

/// The orders of a picture by their ids: there may be many thousand, and each is looked for.
#[must_use]
pub fn by_id(picture: &Snapshot) -> BTreeMap<ClientOrderId, &Order> {
    picture.orders.iter().map(|order| (order.request.client_order_id, order)).collect()
}

/// What there is to tell of an order that changed.
fn news(before: &Order, after: &Order, snapshot: &Snapshot) -> Option<(Severity, String)> {
    let request = &after.request;
    let side = request.side.as_str().replace('_', " ");
    let order = format!("#{} {side} {} {}", after.number, request.quantity, request.subject.short());
    let average = average_text(after, snapshot).map_or_else(String::new, |price| format!(" at {price}"));
    if before.status != after.status {
        let severity = match after.status {
            OrderStatus::Filled | OrderStatus::Canceled | OrderStatus::Expired => Severity::Info,
            OrderStatus::Rejected | OrderStatus::Denied => Severity::Error,
            OrderStatus::Unknown => Severity::Warning,
            _ => return None,
        };
        let word = status_word(after.status).to_lowercase();
        let price = if after.status == OrderStatus::Filled { average } else { String::new() };
        return Some((severity, format!("{order}: {word}{price}")));
    }
    (after.filled_quantity > before.filled_quantity).then(|| {
        (
            Severity::Info,
            format!("{order}: {} of {} filled{average}", after.filled_quantity, request.quantity),
        )
    })
}

/// All of a notification, to read: a row has room for its beginning.
fn whole(notice: &Notice, at: &At<'_>) -> Report {
    let mut pairs = vec![("time".to_owned(), format::near(notice.at, at.snapshot.now, &at.env.zone))];
    pairs.extend(notice.instrument.as_ref().map(|of| ("symbol".to_owned(), of.to_string())));
    pairs.push(("text".to_owned(), notice.text.clone()));
    Report::pairs("Notification", pairs)
}

impl Pane for Notifications {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let filter = self.filter.label(look.theme.glyphs.caret);
        let zone = format::zone_name(look.snapshot.now, &look.env.zone);
        let mut line = titled("Notifications", &format!("{zone}  "), look);
        let unread = self.unread();
        let style = if unread > 0 { look.theme.accent } else { look.theme.dim };
        line.push_span(Span::styled(format!("new {unread}  "), style));
        line.push_span(Span::styled(format!("{} ", filter.trim_start()), look.theme.dim));
        line
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let rows = self.rows();
        if rows.is_empty() {
            let lines = [
                "Nothing to tell.",
                "Alerts that ring, fills and refusals gather here; {alerts} shows the alerts",
            ];
            return draw_empty(&lines, look, area, buf);
        }
        let theme = look.theme;
        for (line, i) in self.list.visible(rows.len(), area.height).enumerate() {
            let (notice, y) = (&self.notices[rows[i]], area.y + line as u16);
            let style = match notice.severity {
                Severity::Info => theme.text,
                Severity::Warning => theme.warning,
                Severity::Error => theme.error,
            };
            let mark = if notice.read { " " } else { theme.glyphs.connected };
            put(buf, area.x, y, mark, theme.accent, 1);
            let (now, zone) = (look.snapshot.now, &look.env.zone);
            let columns = if area.width < ZONED_WIDTH { 8 } else { format::clock_zoned_width(now, zone) };
            let time = format::time_in(notice.at, now, zone, columns);
            let x = put(buf, area.x + 2, y, &time, theme.dim, area.width) + 1;
            let room = area.right().saturating_sub(x);
            put(buf, x, y, &format::fit(&clean(&notice.text), room, theme.glyphs.ellipsis), style, room);
            if look.focused && i == self.list.index {
                buf.set_style(Rect { y, height: 1, ..area }, theme.selected);
            }
        }
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let rows = self.rows();
        let current = rows.get(self.list.index).copied();
        if self.list.act(action, rows.len()) {
            if let Some(i) = current {
                self.notices[i].read = true;
            }
            return true;
        }
        match (action, current) {
            (Action::Filter, _) => self.filter.open(),
            (Action::Clear, _) => self.notices.clear(),
            (Action::Remove, Some(i)) => drop(self.notices.remove(i)),
            (Action::Copy, Some(i)) => wishes.push(Wish::Copy(clean(&self.notices[i].text).into_owned())),
            (Action::Open, Some(i)) => {
                self.notices[i].read = true;
                wishes.push(Wish::Open(Box::new(Dialog::Report(whole(&self.notices[i], at)))));
            }
            (Action::Chart, Some(i)) => match self.notices[i].instrument.clone() {
                Some(instrument) => {
                    self.notices[i].read = true;
                    wishes.extend([Wish::Select(instrument), Wish::Focus(PaneKind::Chart)]);
                }
                None => wishes.push(Wish::Say(Severity::Info, "It is about no instrument.".to_owned())),
            },
            _ => return false,
        }
        true
    }

    fn filter(&self) -> Option<&ListFilter> {
        Some(&self.filter)
    }

    fn filter_mut(&mut self) -> Option<&mut ListFilter> {
        Some(&mut self.filter)
    }

    fn click(&mut self, _column: u16, line: u16, area: Rect, _at: &At<'_>, _wishes: &mut Vec<Wish>) {
        let count = self.rows().len();
        self.list.click(line, 0, count, area.height);
    }

    fn sheet(&self, _at: &At<'_>) -> Option<Sheet> {
        let mut sheet = Sheet::new(&["at", "severity", "symbol", "text"]);
        for notice in self.rows().into_iter().filter_map(|i| self.notices.get(i)) {
            let severity = match notice.severity {
                Severity::Info => "info",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            sheet.push(vec![
                notice.at.to_string(),
                severity.to_owned(),
                cell(notice.instrument.as_ref().map(Instrument::key)),
                clean(&notice.text).into_owned(),
            ]);
        }
        Some(sheet)
    }

    fn settle(&mut self, area: Rect, _at: &At<'_>, _wishes: &mut Vec<Wish>) {
        self.list.settle(self.rows().len(), area.height);
        self.notices.iter_mut().for_each(|notice| notice.seen = true);
    }
}
