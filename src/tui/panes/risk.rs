//! Risk: each limit as a bar, how much of it is used and how much is allowed, and whether orders go out at all; beside it, or on its other
//! page, the desk: what the account is exposed to.

mod desk;

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::sheet::cell;
use super::{ListFilter, Memory, Pane, Sheet, draw_empty, titled};
use crate::client::{Reply, SessionError};
use crate::domain::account::AccountKind;
use crate::domain::limits::TradingState;
use crate::domain::snapshot::AccountView;
use crate::tui::action::Action;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::widgets::{bar, put, put_right};
use crate::tui::wish::Wish;

/// Limits from here on are none.
const NO_LIMIT: i64 = 1_000_000_000_000;
/// A bar from here on is marked.
const WARN_PERCENT: i64 = 80;
/// Columns of a name; a longer one, such as an option's, is cut.
const NAME_WIDTH_MAX: u16 = 36;
const NAME_WIDTH_MIN: u16 = 16;
/// Columns of a figure, at least, so that little moves as it grows.
const FIGURE_WIDTH: u16 = 6;
/// Columns of a share in per cent at the end of a line, with what parts it from the bar.
const SHARE_WIDTH: u16 = 8;

/// Columns of a bar, at least.
const BAR_WIDTH: u16 = 6;
/// The unit of what is money: none is written.
const MONEY: &str = " ";

/// With so many columns limits and desk stand side by side.
const BESIDE_WIDTH: u16 = 150;
/// Columns of the limits then.
const LIMITS_WIDTH: u16 = 72;

/// Which page has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Page {
    #[default]
    Limits,
    Desk,
}

/// The risk pane.
#[derive(Debug, Default)]
pub struct Risk {
    page: Page,
    desk: desk::Desk,
    /// The desk was in view when this was settled last.
    desk_in_view: bool,
    top: usize,
    lines: usize,
    filter: ListFilter,
}

/// Where the limits and where the desk is drawn.
fn places(page: Page, area: Rect) -> (Option<Rect>, Option<Rect>) {
    if area.width >= BESIDE_WIDTH {
        let limits = Rect { width: LIMITS_WIDTH, ..area };
        let desk = Rect { x: limits.right() + 1, width: area.width - LIMITS_WIDTH - 1, ..area };
        return (Some(limits), Some(desk));
    }
    match page {
        Page::Limits => (Some(area), None),
        Page::Desk => (None, Some(area)),
    }
}

/// A limit with what is used of it; a limit on single orders has no use.
struct Limit {
    name: String,
    used: Option<Decimal>,
    allowed: Decimal,
    unit: &'static str,
}

impl Limit {
    fn number(&self, value: Decimal) -> String {
        if value >= Decimal::from(NO_LIMIT) {
            return "none".to_owned();
        }
        let decimals = match self.unit {
            "" => 0,
            MONEY => {
                if value.fract().is_zero() {
                    0
                } else {
                    2
                }
            }
            _ => value.normalize().scale().min(2),
        };
        format!("{}{}", format::grouped(value, decimals), self.unit)
    }

    /// Used in per cent of what is allowed.
    fn percent(&self) -> Option<Decimal> {
        let used = self.used?;
        if self.allowed >= Decimal::from(NO_LIMIT) {
            return None;
        }
        (used * Decimal::ONE_HUNDRED).checked_div(self.allowed)
    }
}

fn limits(view: &AccountView) -> Vec<Limit> {
    let (limits, used) = (&view.limits, &view.used);
    let of = |name: &str, used: Option<Decimal>, allowed: Decimal, unit| Limit {
        name: name.to_owned(),
        used,
        allowed,
        unit,
    };
    let exposure = match view.account.kind {
        AccountKind::Cash => limits.exposure_percent_max_cash,
        AccountKind::Margin => limits.exposure_percent_max_margin,
    };
    let largest = match &used.largest_position {
        Some((instrument, _)) => format!("largest: {instrument}"),
        None => "largest position".to_owned(),
    };
    let count = |n: u32| Some(Decimal::from(n));
    let never = |n: u32| if n == 0 { Decimal::from(NO_LIMIT) } else { Decimal::from(n) };
    vec![
        of("positions and orders", Some(used.exposure_percent), exposure, "%"),
        of(
            &largest,
            Some(used.largest_position.as_ref().map_or(Decimal::ZERO, |(_, part)| *part)),
            limits.position_percent_max,
            "%",
        ),
        of("loss today", Some(used.daily_loss_percent), limits.daily_loss_percent, "%"),
        of("loss that halts", Some(used.daily_loss_percent), limits.daily_loss_halt_percent, "%"),
        of("fall from the high", Some(used.drawdown_percent), limits.drawdown_percent, "%"),
        of("working orders", count(used.open_orders), limits.open_orders_max.into(), ""),
        of(
            "of one instrument",
            count(used.open_orders_of_one),
            limits.open_orders_per_instrument_max.into(),
            "",
        ),
        of("orders this second", count(used.orders_last_second), limits.orders_per_second_max.into(), ""),
        of("orders this minute", count(used.orders_last_minute), limits.orders_per_minute_max.into(), ""),
        of("losses in a row, automation", count(used.loss_streak), never(limits.guard_loss_streak), ""),
        of("stop-outs in 24 h", count(used.stop_outs), never(limits.guard_stop_outs), ""),
        of("buying power", None, view.account.buying_power, MONEY),
        of("one order, units", None, limits.order_quantity_max, ""),
        of("one order, contracts", None, limits.order_contracts_max, ""),
        of("one order, money", None, limits.order_notional_max, MONEY),
        of("spread for market orders", None, limits.spread_percent_max, "%"),
        of("the same, options", None, limits.spread_percent_max_option, "%"),
        of("quote age, market orders", None, limits.quote_age_market_seconds.into(), " s"),
        of("quote age, limit orders", None, limits.quote_age_limit_seconds.into(), " s"),
    ]
}

/// Columns of the parts of a line that has a use.
#[derive(Clone, Copy)]
struct Widths {
    name: u16,
    used: u16,
    allowed: u16,
}

impl Widths {
    /// What these limits need in so many columns: where it is narrow, names give way before the bars do.
    fn new<'a>(limits: impl Iterator<Item = &'a Limit>, columns: u16) -> Self {
        let mut widths = Self { name: NAME_WIDTH_MIN, used: FIGURE_WIDTH, allowed: FIGURE_WIDTH };
        for limit in limits {
            let Some(used) = limit.used else { continue };
            widths.name = widths.name.max(format::width(&limit.name)).min(NAME_WIDTH_MAX);
            widths.used = widths.used.max(format::width(&limit.number(used)));
            widths.allowed = widths.allowed.max(format::width(&limit.number(limit.allowed)));
        }
        let whole = 1 + widths.name + widths.figures() + BAR_WIDTH + SHARE_WIDTH;
        widths.name = widths.name.saturating_sub(whole.saturating_sub(columns)).max(NAME_WIDTH_MIN);
        widths
    }

    /// From the end of the name to the bar.
    const fn figures(self) -> u16 {
        1 + self.used + 4 + self.allowed + 2
    }
}

fn draw_limit(limit: &Limit, widths: Widths, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let theme = look.theme;
    let name = |room: u16, buf: &mut Buffer| {
        put(
            buf,
            area.x + 1,
            area.y,
            &format::fit(&limit.name, room, theme.glyphs.ellipsis),
            theme.text,
            room,
        );
    };
    let x = area.x + 1 + widths.name + 1;
    let allowed = limit.number(limit.allowed);
    let right = (x + widths.used + 4 + widths.allowed).min(area.right());
    let Some(used) = limit.used else {
        // Without a use the name has the room of the figure that is not there.
        let start = right.saturating_sub(format::width(&allowed)).max(area.x);
        name(start.saturating_sub(area.x + 2), buf);
        put(buf, start, area.y, &allowed, theme.dim, area.right() - start);
        return;
    };
    name(widths.name, buf);
    let percent = limit.percent();
    let style = match percent {
        Some(percent) if percent >= Decimal::ONE_HUNDRED => theme.error,
        Some(percent) if percent >= Decimal::from(WARN_PERCENT) => theme.warning,
        _ => theme.text,
    };
    put_right(buf, x + widths.used, area.y, &limit.number(used), style, widths.used);
    put(buf, x + widths.used + 1, area.y, "of", theme.dim, 2);
    put_right(buf, right, area.y, &allowed, theme.dim, widths.allowed);
    let start = area.x + 1 + widths.name + widths.figures();
    let room = area.right().saturating_sub(start + SHARE_WIDTH);
    if let Some(percent) = percent {
        let share = (percent / Decimal::ONE_HUNDRED).to_f64().unwrap_or_default();
        if room >= BAR_WIDTH {
            bar(buf, Rect { x: start, y: area.y, width: room, height: 1 }, share, style, theme);
        }
        // A word beside the colour, for eyes and screens without it.
        let mark = if percent >= Decimal::ONE_HUNDRED { "!" } else { "" };
        let text = format!("{}%{mark}", format::grouped(percent, 0));
        put_right(buf, area.right().saturating_sub(1), area.y, &text, style, 7);
    }
}

impl Risk {
    fn rows(&self, view: &AccountView) -> impl Iterator<Item = Limit> {
        limits(view).into_iter().filter(|limit| self.filter.passes(&limit.name))
    }

    fn draw_limits(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let mut lines: Vec<Option<Limit>> = Vec::new();
        for view in look.snapshot.accounts.iter() {
            lines.push(None);
            lines.extend(self.rows(view).map(Some));
        }
        let widths = Widths::new(lines.iter().flatten(), area.width);
        let mut accounts = look.snapshot.accounts.iter();
        for (i, limit) in lines.iter().enumerate() {
            let header = if limit.is_none() { accounts.next() } else { None };
            let Some(line) = i.checked_sub(self.top).filter(|line| *line < usize::from(area.height)) else {
                continue;
            };
            let place = Rect { y: area.y + line as u16, height: 1, ..area };
            match (limit, header) {
                (Some(limit), _) => draw_limit(limit, widths, look, place, buf),
                (None, Some(view)) => {
                    let name = crate::domain::text::ascii_escaped(view.account.account.as_str()).into_owned();
                    put(buf, place.x + 1, place.y, &name, look.theme.strong, area.width);
                }
                (None, None) => {}
            }
        }
    }

    /// What is shown, a line each.
    fn text(&self, at: &At<'_>) -> String {
        if self.page == Page::Desk {
            return self.desk.text(&self.filter, at);
        }
        let mut lines = Vec::new();
        for view in at.snapshot.accounts.iter() {
            lines.push(view.account.account.to_string());
            lines.extend(self.rows(view).map(|limit| {
                let used = limit.used.map(|used| limit.number(used)).unwrap_or_default();
                format!("{}\t{used}\t{}", limit.name, limit.number(limit.allowed))
            }));
        }
        lines.join("\n")
    }
}

impl Pane for Risk {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let mut line = titled("Risk", "", look);
        let (word, style) = match look.snapshot.trading_state {
            TradingState::Active => ("orders go out", look.theme.ok),
            TradingState::ReducingOnly => ("only what reduces goes out", look.theme.warning),
            TradingState::Halted => ("halted", look.theme.error),
        };
        line.push_span(Span::styled(format!("{word} "), style));
        for (page, word) in [(Page::Limits, "limits"), (Page::Desk, "desk")] {
            let style = if page == self.page { look.theme.strong } else { look.theme.dim };
            line.push_span(Span::styled(format!(" {word}"), style));
        }
        line.push_span(Span::raw(" "));
        let filter = self.filter.label(look.theme.glyphs.caret);
        if !filter.is_empty() {
            line.push_span(Span::styled(format!("{} ", filter.trim_start()), look.theme.dim));
        }
        line
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        if look.snapshot.accounts.is_empty() {
            return draw_empty(
                &["No account yet.", "Its limits show here once the engine is up"],
                look,
                area,
                buf,
            );
        }
        let (limits, desk) = places(self.page, area);
        if let Some(place) = limits {
            self.draw_limits(look, place, buf);
        }
        if let Some(place) = desk {
            self.desk.draw(&self.filter, look, place, buf);
        }
    }

    fn filter(&self) -> Option<&ListFilter> {
        Some(&self.filter)
    }

    fn filter_mut(&mut self) -> Option<&mut ListFilter> {
        Some(&mut self.filter)
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let (top, last) = match self.page {
            Page::Limits => (self.top, self.lines),
            Page::Desk => (self.desk.top, self.desk.last()),
        };
        let top = match action {
            Action::Filter => {
                self.filter.open();
                return true;
            }
            Action::Copy => {
                wishes.push(Wish::Copy(self.text(at)));
                return true;
            }
            Action::NextChoice | Action::PreviousChoice => {
                self.page = if self.page == Page::Limits { Page::Desk } else { Page::Limits };
                return true;
            }
            Action::NextList | Action::PreviousList => {
                self.page = Page::Desk;
                self.desk.turn(action == Action::NextList, at, wishes);
                return true;
            }
            Action::Refresh => {
                self.page = Page::Desk;
                self.desk.ask(at, wishes);
                return true;
            }
            Action::Down => top + 1,
            Action::Up => top.saturating_sub(1),
            Action::PageDown => top + 10,
            Action::PageUp => top.saturating_sub(10),
            Action::First => 0,
            Action::Last => last,
            _ => return false,
        };
        match self.page {
            Page::Limits => self.top = top,
            Page::Desk => self.desk.top = top,
        }
        true
    }

    fn sheet(&self, at: &At<'_>) -> Option<Sheet> {
        if self.page == Page::Desk {
            return self.desk.sheet(at);
        }
        let mut sheet = Sheet::new(&["account", "limit", "unit", "used", "allowed"]);
        for view in at.snapshot.accounts.iter() {
            for limit in limits(view) {
                sheet.push(vec![
                    view.account.account.to_string(),
                    limit.name.clone(),
                    limit.unit.trim().to_owned(),
                    cell(limit.used.map(|used| used.normalize())),
                    limit.allowed.normalize().to_string(),
                ]);
            }
        }
        Some(sheet)
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        self.lines = at.snapshot.accounts.iter().map(|view| self.rows(view).count() + 1).sum();
        self.top = self.top.min(self.lines.saturating_sub(usize::from(area.height)));
        let (_, desk) = places(self.page, area);
        self.desk_in_view = desk.is_some();
        if let Some(place) = desk {
            self.desk.keep_fresh(at, wishes);
            self.desk.settle(&self.filter, place, at);
        }
    }

    fn answer(&mut self, tag: u64, reply: Result<Reply, SessionError>, _: &At<'_>, _: &mut Vec<Wish>) {
        self.desk.answer(tag, reply);
    }

    fn due(&self, at: &At<'_>) -> Option<Duration> {
        self.desk.due(at).filter(|_| self.desk_in_view)
    }

    fn memory(&self, _at: &At<'_>) -> Memory {
        let page = (self.page == Page::Desk).then(|| ("page".to_owned(), "desk".to_owned()));
        page.into_iter().collect()
    }

    fn recall(&mut self, memory: &Memory, _at: &At<'_>) {
        if memory.get("page").is_some_and(|page| page == "desk") {
            self.page = Page::Desk;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_none_has_no_share() {
        let limit = |used: Option<i64>, allowed: Decimal| Limit {
            name: String::new(),
            used: used.map(Decimal::from),
            allowed,
            unit: "%",
        };
        assert_eq!(limit(Some(5), 20.into()).percent(), Some(25.into()));
        assert_eq!(limit(Some(5), Decimal::MAX).percent(), None);
        assert_eq!(limit(Some(5), Decimal::ZERO).percent(), None);
        assert_eq!(limit(None, 20.into()).percent(), None);
        assert_eq!(limit(Some(1), Decimal::MAX).number(Decimal::MAX), "none");
    }
}
