//! The portfolio: what the money is in, how the equity went, gains and losses by day, by symbol and by asset class; with accounts at
//! brokers, what each of them is worth.

mod curve;
mod tables;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{ListFilter, Pane, PaneKind, Sheet, draw_empty, titled};
use crate::client::message::{EquityPoint, HistoryQuery, PnlReport};
use crate::client::{Reply, Request, SessionError};
use crate::domain::snapshot::{Severity, Snapshot};
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::widgets::list::draw_rest;
use crate::tui::widgets::put;
use crate::tui::wish::{Purpose, Wish};

/// Points of the curve that are asked for: enough for the widest screen.
const POINTS: u32 = 600;
/// Curve and sums in view are asked for anew this often.
const REFRESH: Duration = Duration::from_secs(60);
/// From here on all parts stand side by side.
const GRID_WIDTH: u16 = 96;
const GRID_HEIGHT: u16 = 20;
/// Columns of a part in the lower row, where there are more than three.
const COLUMN_WIDTH: u16 = 34;
const EQUITY_TAG: u64 = 0;
const PNL_TAG: u64 = 1;

/// One part of the pane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Allocation,
    Equity,
    Day,
    Symbol,
    Class,
    Account,
}

impl Part {
    const ALL: [Self; 6] =
        [Self::Allocation, Self::Equity, Self::Day, Self::Symbol, Self::Class, Self::Account];

    /// The parts there are: one account alone is no sum.
    fn all(snapshot: &Snapshot) -> &'static [Self] {
        if snapshot.totals.is_empty() { &Self::ALL[..Self::ALL.len() - 1] } else { &Self::ALL }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Allocation => "allocation",
            Self::Equity => "equity",
            Self::Day => "P&L by day",
            Self::Symbol => "P&L by symbol",
            Self::Class => "P&L by class",
            Self::Account => "by account",
        }
    }

    /// Which gains it counts: a day is what was closed on it, a symbol what it came to.
    const fn counts(self) -> &'static str {
        match self {
            Self::Allocation | Self::Equity => "",
            Self::Account => "worth, part of its mode",
            Self::Day => "closed",
            Self::Symbol | Self::Class => "closed and open",
        }
    }

    fn step(self, forward: bool, snapshot: &Snapshot) -> Self {
        let all = Self::all(snapshot);
        let at = all.iter().position(|part| *part == self).unwrap_or(0);
        all[(at + if forward { 1 } else { all.len() - 1 }) % all.len()]
    }
}

/// How far back the curve goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reach {
    Day,
    Week,
    #[default]
    Month,
    Year,
    All,
}

impl Reach {
    const fn next(self) -> Self {
        match self {
            Self::Day => Self::Week,
            Self::Week => Self::Month,
            Self::Month => Self::Year,
            Self::Year => Self::All,
            Self::All => Self::Day,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Day => "1 day",
            Self::Week => "1 week",
            Self::Month => "1 month",
            Self::Year => "1 year",
            Self::All => "all",
        }
    }

    fn since(self, now: Timestamp) -> Option<Timestamp> {
        let hours = match self {
            Self::Day => 24,
            Self::Week => 24 * 7,
            Self::Month => 24 * 31,
            Self::Year => 24 * 366,
            Self::All => return None,
        };
        now.checked_sub(SignedDuration::from_hours(hours)).ok()
    }
}

/// The portfolio pane.
#[derive(Debug, Default)]
pub struct Portfolio {
    part: Part,
    span: Reach,
    /// Rows scrolled down in the part chosen.
    top: usize,
    equity: Vec<EquityPoint>,
    pnl: Option<Box<PnlReport>>,
    asked_at: Option<Duration>,
    failed: bool,
    filter: ListFilter,
}

impl Portfolio {
    fn ask(&mut self, at: &At<'_>, wishes: &mut Vec<Wish>) {
        self.asked_at = Some(at.env.now);
        let since = self.span.since(at.snapshot.now);
        let purpose = |tag| Purpose::Pane(PaneKind::Portfolio, tag);
        let equity = Request::Equity { account: None, since, points: POINTS };
        wishes.push(Wish::Ask(equity, purpose(EQUITY_TAG)));
        wishes.push(Wish::Ask(Request::Pnl(HistoryQuery::default()), purpose(PNL_TAG)));
    }

    fn rows(&self, part: Part, look: &Look<'_>) -> Vec<tables::Bar> {
        let mut rows = match part {
            Part::Allocation => tables::allocation(look.snapshot),
            Part::Day => tables::by_day(self.pnl.as_deref(), look.snapshot),
            Part::Symbol => tables::by_symbol(self.pnl.as_deref(), look.snapshot),
            Part::Class => tables::by_class(self.pnl.as_deref(), look.snapshot),
            Part::Account => tables::by_account(look.snapshot),
            Part::Equity => Vec::new(),
        };
        rows.retain(|row| self.filter.passes(&row.name));
        rows
    }

    fn draw_part(&self, part: Part, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        if area.height < 2 {
            return;
        }
        let theme = look.theme;
        let chosen = part == self.part;
        let style = if chosen && look.focused { theme.accent.patch(theme.strong) } else { theme.strong };
        let x = put(buf, area.x + 1, area.y, part.word(), style, area.width);
        let more = if part == Part::Equity { self.span.word() } else { part.counts() };
        put(buf, x + 2, area.y, more, theme.dim, area.right().saturating_sub(x + 2));
        let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
        if part == Part::Equity {
            let now = look.snapshot.default_account().map(|view| view.account.net_liquidation);
            return curve::draw(&self.equity, now, look, below, buf);
        }
        let rows = self.rows(part, look);
        if rows.is_empty() {
            let text = match part {
                _ if !self.filter.is_empty() => "No row matches; Esc takes the filter off",
                Part::Allocation => "All of it is cash.",
                Part::Account => "No account is worth anything yet.",
                _ => "Nothing was closed yet; what you trade is added up here",
            };
            put(buf, below.x + 1, below.y, text, theme.dim, below.width);
            return;
        }
        // What does not fit is said in the last line.
        let lines = usize::from(below.height);
        let shown = if rows.len() > lines { lines - 1 } else { lines };
        let top = if chosen { self.top.min(rows.len().saturating_sub(shown)) } else { 0 };
        tables::draw(&rows, top, look, Rect { height: shown as u16, ..below }, buf);
        draw_rest(&(top..(top + shown).min(rows.len())), rows.len(), below, theme, buf);
    }
}

impl Pane for Portfolio {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let mut line = titled("Portfolio", "", look);
        if let Some(view) = look.snapshot.default_account() {
            let account = &view.account;
            let theme = look.theme;
            let equity = format!("{} {} ", format::grouped(account.net_liquidation, 2), account.currency);
            line.push_span(Span::styled(equity, theme.text));
            let day = format!("day {} ", format::signed(account.day_pnl, 2));
            line.push_span(Span::styled(day, theme.money(account.day_pnl)));
            let open = format!("open {} ", format::signed(account.unrealized_pnl, 2));
            line.push_span(Span::styled(open, theme.money(account.unrealized_pnl)));
        }
        let filter = self.filter.label(look.theme.glyphs.caret);
        if !filter.is_empty() {
            line.push_span(Span::styled(format!("{} ", filter.trim_start()), look.theme.accent));
        }
        line
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        if look.snapshot.default_account().is_none() {
            let lines = ["No account yet.", "Its equity and what it is in show here"];
            return draw_empty(&lines, look, area, buf);
        }
        if area.width < GRID_WIDTH || area.height < GRID_HEIGHT {
            return self.draw_part(self.part, look, area, buf);
        }
        let left = Rect { width: area.width / 2 - 1, height: area.height / 2, ..area };
        let right = Rect { x: area.x + area.width / 2 + 1, width: area.width - area.width / 2 - 1, ..left };
        let down = |place: Rect| Rect {
            y: area.y + area.height / 2 + 1,
            height: area.height - area.height / 2 - 1,
            ..place
        };
        self.draw_part(Part::Allocation, look, left, buf);
        self.draw_part(Part::Equity, look, right, buf);
        let all = Part::all(look.snapshot);
        // Where four have no room, the last gives way to the one that was chosen.
        let mut below: Vec<Part> = all[2..].to_vec();
        let fit = usize::from((area.width / COLUMN_WIDTH).max(3));
        while below.len() > fit {
            let spare = below.iter().rposition(|part| *part != self.part).unwrap_or(0);
            below.remove(spare);
        }
        let each = area.width / below.len() as u16;
        for (i, part) in below.into_iter().enumerate() {
            let place = Rect { x: area.x + i as u16 * each, width: each - 1, ..down(area) };
            self.draw_part(part, look, place, buf);
        }
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        match action {
            Action::NextChoice | Action::PreviousChoice => {
                self.part = self.part.step(action == Action::NextChoice, at.snapshot);
                self.top = 0;
            }
            Action::Interval => {
                self.span = self.span.next();
                self.ask(at, wishes);
            }
            Action::Refresh => self.ask(at, wishes),
            Action::Filter => self.filter.open(),
            Action::Down => self.top += 1,
            Action::Up => self.top = self.top.saturating_sub(1),
            Action::PageDown => self.top += 10,
            Action::PageUp => self.top = self.top.saturating_sub(10),
            Action::First => self.top = 0,
            _ => return false,
        }
        // Beyond the last row there is nothing to scroll to.
        self.top = self.top.min(
            at.snapshot.positions.len()
                + self.pnl.as_ref().map_or(0, |pnl| pnl.by_day.len().max(pnl.by_instrument.len())),
        );
        true
    }

    fn filter(&self) -> Option<&ListFilter> {
        Some(&self.filter)
    }

    fn filter_mut(&mut self) -> Option<&mut ListFilter> {
        Some(&mut self.filter)
    }

    fn settle(&mut self, _area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let old = self.asked_at.is_none_or(|asked| at.env.now >= asked + REFRESH);
        if old {
            self.ask(at, wishes);
        }
    }

    fn due(&self, _at: &At<'_>) -> Option<Duration> {
        self.asked_at.map(|asked| asked + REFRESH)
    }

    fn answer(&mut self, tag: u64, reply: Result<Reply, SessionError>, _: &At<'_>, wishes: &mut Vec<Wish>) {
        match (tag, reply) {
            (EQUITY_TAG, Ok(Reply::Equity(points))) => self.equity = points,
            (PNL_TAG, Ok(Reply::Pnl(report))) => self.pnl = Some(report),
            (_, Err(error)) if !self.failed => {
                // Once: it is asked for again every minute.
                self.failed = true;
                let text = clean(&error.to_string()).into_owned();
                wishes.push(Wish::Say(Severity::Warning, format!("portfolio: {text}")));
                return;
            }
            _ => return,
        }
        self.failed = false;
    }

    fn sheet(&self, at: &At<'_>) -> Option<Sheet> {
        let mut sheet = Sheet::new(&["symbol", "market_value", "percent_of_equity"]);
        let rows = tables::allocation(at.snapshot);
        sheet.rows.extend(rows.into_iter().map(|row| {
            let percent = row.percent.map(|percent| percent.round_dp(4).normalize().to_string());
            vec![row.name, row.value.to_string(), percent.unwrap_or_default()]
        }));
        Some(sheet)
    }
}
