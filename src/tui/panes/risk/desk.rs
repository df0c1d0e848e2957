//! The risk desk's part of the pane: what an account is exposed to, what a bad day of the past would cost it now, what moves would do, and
//! what these figures leave out. The engine works it out; it is asked for every half minute, and after each fill, while it is in view.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::super::sheet::cell;
use super::super::{ListFilter, PaneKind, Sheet, draw_empty};
use crate::client::{Reply, Request, SessionError};
use crate::domain::desk::{ExposureRow, HistoryRow, RiskDesk};
use crate::domain::ids::AccountId;
use crate::domain::snapshot::Snapshot;
use crate::domain::text::{ascii_escaped, clean};
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::widgets::{bar, put, put_right};
use crate::tui::wish::{Purpose, Wish};

/// Prices move: it is asked for anew this often.
const REFRESH: Duration = Duration::from_secs(30);
/// After a fill it is asked for anew, but not more often than this.
const REFRESH_MIN: Duration = Duration::from_secs(2);
/// An answer that has not come by now is asked for again.
const PATIENCE: Duration = Duration::from_secs(20);
/// A report from here on is called old.
const OLD_SECONDS: i64 = 90;
/// With so many columns its two halves stand side by side.
const HALVES_WIDTH: u16 = 112;
const NAME_WIDTH: u16 = 28;
const NAME_WIDTH_MIN: u16 = 18;
/// Underlyings are named shorter than what moves.
const HISTORY_NAME_WIDTH: u16 = 12;
const MONEY_WIDTH: u16 = 13;
const PERCENT_WIDTH: u16 = 7;
/// Columns of a bar, at least.
const BAR_WIDTH: u16 = 6;

/// What was asked last.
#[derive(Debug)]
struct Asked {
    at: Duration,
    account: AccountId,
    /// What it held then.
    held: u64,
    tag: u64,
    answered: bool,
}

/// The report and where the eye is in it.
#[derive(Debug, Default)]
pub(super) struct Desk {
    report: Option<Box<RiskDesk>>,
    failed: Option<String>,
    asked: Option<Asked>,
    tags: u64,
    /// Another account than the one that plain commands mean.
    account: Option<AccountId>,
    pub(super) top: usize,
    lines: usize,
}

/// A line of it.
#[derive(Clone, Debug, PartialEq)]
enum Row {
    /// The name of a part, with what its columns are.
    Head(&'static str, &'static str),
    /// A figure in money with its part of equity; absent where it could not be worked out.
    Figure(String, Option<Decimal>),
    Exposure(ExposureRow),
    /// What a move would do.
    Gain(String, Decimal),
    History(HistoryRow),
    /// Words.
    Note(String),
    Gap,
}

fn held(snapshot: &Snapshot, account: &AccountId) -> u64 {
    let mut hasher = DefaultHasher::new();
    for position in snapshot.positions.iter().filter(|position| position.account == *account) {
        position.instrument.hash(&mut hasher);
        position.quantity.get().hash(&mut hasher);
    }
    hasher.finish()
}

fn figures(report: &RiskDesk) -> Vec<Row> {
    let days = report.days;
    let mut rows = vec![
        Row::Head("figures", "of equity"),
        Row::Figure("net liquidation".to_owned(), Some(report.net_liquidation)),
        Row::Figure(format!("moves as {}", report.benchmark), report.beta_weighted_delta),
        Row::Figure("value at risk 95%, a day".to_owned(), report.value_at_risk_95),
        Row::Figure("value at risk 99%, a day".to_owned(), report.value_at_risk_99),
        Row::Figure("mean of the worst 5%".to_owned(), report.shortfall_95),
    ];
    if days > 0 {
        rows.push(Row::Note(format!("of {days} days of the past")));
    }
    rows.extend([Row::Gap, Row::Head("what if", "of equity")]);
    rows.extend(report.what_if.iter().map(|row| Row::Gain(row.name.replace(" %", "%"), row.gain)));
    rows
}

fn exposure(report: &RiskDesk) -> Vec<Row> {
    let part = |name, rows: &[ExposureRow]| {
        let rows = rows.iter().cloned().map(Row::Exposure);
        std::iter::once(Row::Head(name, "delta")).chain(rows).collect::<Vec<_>>()
    };
    let mut rows = part("by class", &report.by_class);
    rows.push(Row::Gap);
    rows.extend(part("by sector", &report.by_sector));
    rows
}

/// What the figures rest on, and what they leave out: whole, in as many lines of so many columns as it takes.
fn ground(report: &RiskDesk, columns: u16) -> Vec<Row> {
    let mut rows = Vec::new();
    if !report.unmeasured.is_empty() {
        rows.extend([Row::Gap, Row::Head("left out", "")]);
        let lines = report.unmeasured.iter().flat_map(|line| format::wrap(&clean(line), columns));
        rows.extend(lines.map(Row::Note));
    }
    if !report.history.is_empty() {
        rows.extend([Row::Gap, Row::Head("history", "beta")]);
        rows.extend(report.history.iter().cloned().map(Row::History));
    }
    rows
}

/// Columns of the right half of so many.
const fn right_width(width: u16) -> u16 {
    width - width / 2 - 1
}

fn name_of(row: &ExposureRow) -> &str {
    if row.name.is_empty() { "other" } else { &row.name }
}

fn history_words(row: &HistoryRow) -> String {
    let source = match &row.file {
        Some(file) => format!("{} '{}'", row.source.as_str(), ascii_escaped(file)),
        None => row.source.as_str().to_owned(),
    };
    let until = row.until.map(|day| format!(" to {day}")).unwrap_or_default();
    format!("{} days{until}, {source}", row.days)
}

impl Row {
    /// What the filter looks at; parts and gaps have nothing of their own.
    fn name(&self) -> Option<&str> {
        match self {
            Self::Head(..) | Self::Gap => None,
            Self::Figure(name, _) | Self::Gain(name, _) | Self::Note(name) => Some(name),
            Self::Exposure(row) => Some(name_of(row)),
            Self::History(row) => Some(&row.name),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Head(name, _) => (*name).to_owned(),
            Self::Gap => String::new(),
            Self::Figure(name, value) => format!("{name}\t{}", cell(*value)),
            Self::Gain(name, value) => format!("{name}\t{value}"),
            Self::Exposure(row) => {
                format!("{}\t{}\t{}\t{}", name_of(row), row.long, row.short, row.delta)
            }
            Self::History(row) => format!("{}\t{}\t{}", row.name, history_words(row), cell(row.beta)),
            Self::Note(text) => text.clone(),
        }
    }
}

/// Rows whose names pass, with the heads of the parts that have any left.
fn filtered(rows: Vec<Row>, filter: &ListFilter) -> Vec<Row> {
    if filter.is_empty() {
        return rows;
    }
    let mut kept: Vec<Row> = Vec::new();
    for row in rows {
        let keep = row.name().is_none_or(|name| filter.passes(name));
        if matches!(row, Row::Head(..)) && matches!(kept.last(), Some(Row::Head(..))) {
            kept.pop();
        }
        if keep && row != Row::Gap {
            kept.push(row);
        }
    }
    if matches!(kept.last(), Some(Row::Head(..))) {
        kept.pop();
    }
    kept
}

/// What rows share: the widths, the account's worth, the largest exposure and the largest move.
struct Ruler {
    name: u16,
    equity: Decimal,
    most_exposed: Decimal,
    most_moved: Decimal,
}

impl Ruler {
    fn percent(&self, value: Decimal) -> Option<Decimal> {
        (value * Decimal::ONE_HUNDRED).checked_div(self.equity)
    }

    /// A bar from `x` to the per cent at the right, which is written too.
    fn share(
        &self,
        (value, most): (Decimal, Decimal),
        x: u16,
        look: &Look<'_>,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let theme = look.theme;
        let style = if value.is_sign_negative() { theme.down } else { theme.accent };
        let end = area.right().saturating_sub(1);
        if let Some(percent) = self.percent(value) {
            let text = format!("{}%", format::grouped(percent, 1));
            put_right(buf, end, area.y, &text, theme.dim, PERCENT_WIDTH);
        }
        let width = end.saturating_sub(PERCENT_WIDTH + 1 + x);
        let share = value.abs().checked_div(most).and_then(|share| share.to_f64()).unwrap_or_default();
        if width >= BAR_WIDTH {
            bar(buf, Rect { x, y: area.y, width, height: 1 }, share, style, theme);
        }
    }

    fn draw(&self, row: &Row, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = look.theme;
        let x = area.x + 1;
        let money = x + self.name + MONEY_WIDTH;
        let named = |buf: &mut Buffer, name: &str| {
            let name = clean(name);
            put(buf, x, area.y, &format::fit(&name, self.name, theme.glyphs.ellipsis), theme.text, self.name);
        };
        match row {
            Row::Gap => {}
            Row::Head(name, columns) => {
                put(buf, x, area.y, name, theme.strong, area.width.saturating_sub(1));
                match *columns {
                    "delta" => {
                        put_right(buf, money, area.y, "delta", theme.dim, MONEY_WIDTH);
                        if self.sides(area) {
                            put_right(buf, money + MONEY_WIDTH, area.y, "long", theme.dim, MONEY_WIDTH);
                            put_right(buf, money + 2 * MONEY_WIDTH, area.y, "short", theme.dim, MONEY_WIDTH);
                        }
                        put_right(buf, area.right().saturating_sub(1), area.y, "of equity", theme.dim, 9);
                    }
                    word => {
                        put_right(buf, area.right().saturating_sub(1), area.y, word, theme.dim, 9);
                    }
                }
            }
            Row::Figure(name, value) => {
                named(buf, name);
                match value {
                    None => put_right(buf, money, area.y, "-", theme.dim, MONEY_WIDTH),
                    Some(value) => {
                        put_right(buf, money, area.y, &format::grouped(*value, 2), theme.text, MONEY_WIDTH);
                        if let Some(percent) = self.percent(*value).filter(|_| *value != self.equity) {
                            let text = format!("{}%", format::grouped(percent, 1));
                            let right = area.right().saturating_sub(1);
                            put_right(buf, right, area.y, &text, theme.dim, PERCENT_WIDTH);
                        }
                    }
                }
            }
            Row::Gain(name, value) => {
                named(buf, name);
                let style = theme.money(value.round_dp(2));
                put_right(buf, money, area.y, &format::signed(*value, 2), style, MONEY_WIDTH);
                self.share((*value, self.most_moved), money + 1, look, area, buf);
            }
            Row::Exposure(row) => {
                named(buf, name_of(row));
                put_right(buf, money, area.y, &format::grouped(row.delta, 2), theme.text, MONEY_WIDTH);
                let mut x = money + 1;
                if self.sides(area) {
                    for side in [row.long, row.short] {
                        let text = format::grouped(side, 2);
                        put_right(buf, x - 1 + MONEY_WIDTH, area.y, &text, theme.dim, MONEY_WIDTH);
                        x += MONEY_WIDTH;
                    }
                }
                self.share((row.delta, self.most_exposed), x, look, area, buf);
            }
            Row::History(row) => {
                let name = self.name.min(HISTORY_NAME_WIDTH);
                let shown = format::fit(&clean(&row.name), name, theme.glyphs.ellipsis);
                put(buf, x, area.y, &shown, theme.text, name);
                let right = area.right().saturating_sub(1);
                let beta = row.beta.map_or_else(|| "-".to_owned(), |beta| format::grouped(beta, 2));
                put_right(buf, right, area.y, &beta, theme.text, PERCENT_WIDTH);
                let room = right.saturating_sub(x + name + 1 + PERCENT_WIDTH);
                let words = format::fit(&history_words(row), room, theme.glyphs.ellipsis);
                put(buf, x + name + 1, area.y, &words, theme.dim, room);
            }
            Row::Note(text) => {
                let room = area.width.saturating_sub(2);
                put(buf, x, area.y, &format::fit(text, room, theme.glyphs.ellipsis), theme.dim, room);
            }
        }
    }

    /// Is there room for long and short beside the delta.
    const fn sides(&self, area: Rect) -> bool {
        area.width >= 1 + self.name + 3 * MONEY_WIDTH + BAR_WIDTH + PERCENT_WIDTH + 4
    }
}

impl Desk {
    /// Whose desk is shown.
    fn shown(&self, snapshot: &Snapshot) -> AccountId {
        let exists = |id: &&AccountId| snapshot.accounts.iter().any(|view| view.account.account == **id);
        self.account.as_ref().filter(exists).unwrap_or(&snapshot.default_account).clone()
    }

    /// Another account's.
    pub(super) fn turn(&mut self, forward: bool, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let accounts: Vec<&AccountId> =
            at.snapshot.accounts.iter().map(|view| &view.account.account).collect();
        let now = self.shown(at.snapshot);
        let Some(place) = accounts.iter().position(|account| **account == now) else { return };
        let step = if forward { 1 } else { accounts.len() - 1 };
        self.account = Some(accounts[(place + step) % accounts.len()].clone());
        self.top = 0;
        self.keep_fresh(at, wishes);
    }

    /// Asks the engine, whatever there is.
    pub(super) fn ask(&mut self, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let account = self.shown(at.snapshot);
        self.tags += 1;
        let held = held(at.snapshot, &account);
        let request = Request::RiskDesk { account: Some(account.clone()) };
        wishes.push(Wish::Ask(request, Purpose::Pane(PaneKind::Risk, self.tags)));
        self.asked = Some(Asked { at: at.env.now, account, held, tag: self.tags, answered: false });
    }

    /// Asks where what is there is another account's, another time's, or of other positions.
    pub(super) fn keep_fresh(&mut self, at: &At<'_>, wishes: &mut Vec<Wish>) {
        if at.snapshot.accounts.is_empty() {
            return;
        }
        let account = self.shown(at.snapshot);
        let wanted = match &self.asked {
            None => true,
            Some(asked) if asked.account != account => true,
            Some(asked) if !asked.answered => at.env.now >= asked.at + PATIENCE,
            Some(asked) => {
                at.env.now >= asked.at + REFRESH
                    || (at.env.now >= asked.at + REFRESH_MIN && held(at.snapshot, &account) != asked.held)
            }
        };
        if wanted {
            self.ask(at, wishes);
        }
    }

    /// When it is to be asked for next.
    pub(super) fn due(&self, at: &At<'_>) -> Option<Duration> {
        let asked = self.asked.as_ref()?;
        if !asked.answered {
            return Some(asked.at + PATIENCE);
        }
        let moved = held(at.snapshot, &asked.account) != asked.held;
        Some(asked.at + if moved { REFRESH_MIN } else { REFRESH })
    }

    /// The engine's answer; one to an older question counts no more.
    pub(super) fn answer(&mut self, tag: u64, reply: Result<Reply, SessionError>) {
        let Some(asked) = self.asked.as_mut().filter(|asked| asked.tag == tag) else { return };
        asked.answered = true;
        match reply {
            Ok(Reply::RiskDesk(report)) => {
                self.report = Some(report);
                self.failed = None;
            }
            Ok(_) => self.failed = Some("no risk desk came back".to_owned()),
            Err(error) => self.failed = Some(clean(&error.to_string()).into_owned()),
        }
    }

    fn current(&self, snapshot: &Snapshot) -> Option<&RiskDesk> {
        let account = self.shown(snapshot);
        self.report.as_deref().filter(|report| report.account == account)
    }

    /// The two halves; the second is empty where all is one column.
    fn halves(report: &RiskDesk, filter: &ListFilter, width: u16) -> [Vec<Row>; 2] {
        let (mut left, mut right) = (figures(report), exposure(report));
        if width >= HALVES_WIDTH {
            right.extend(ground(report, right_width(width).saturating_sub(2)));
            return [filtered(left, filter), filtered(right, filter)];
        }
        left.push(Row::Gap);
        left.append(&mut right);
        // Without a width it is for a file.
        left.extend(ground(report, if width == 0 { u16::MAX } else { width.saturating_sub(2) }));
        [filtered(left, filter), Vec::new()]
    }

    /// The line over it: whose, and of when.
    fn draw_line(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = look.theme;
        let account = self.shown(look.snapshot);
        let name = ascii_escaped(account.as_str()).into_owned();
        let x = put(buf, area.x + 1, area.y, &name, theme.strong, area.width.saturating_sub(1));
        let room = |x: u16| area.right().saturating_sub(x + 1);
        let x = match self.current(look.snapshot) {
            None => x,
            Some(report) => {
                let age = look.env.clock(look.snapshot).duration_since(report.as_of).as_secs();
                let at = format::near(report.as_of, look.snapshot.now, &look.env.zone);
                let x = put(buf, x + 1, area.y, &format!("{} of {at}", report.currency), theme.dim, room(x));
                if age >= OLD_SECONDS {
                    let old = format!("{} old", format::age(age));
                    put(buf, x + 1, area.y, &old, theme.warning, room(x))
                } else {
                    x
                }
            }
        };
        if let Some(why) = &self.failed {
            let why = format::fit(why, room(x + 1), theme.glyphs.ellipsis);
            put(buf, x + 2, area.y, &why, theme.warning, room(x + 1));
        } else if self.asked.as_ref().is_some_and(|asked| !asked.answered)
            && self.current(look.snapshot).is_none()
        {
            put(buf, x + 2, area.y, "is worked out", theme.dim, room(x + 1));
        }
    }

    /// Draws it.
    pub(super) fn draw(&self, filter: &ListFilter, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        if area.height < 2 {
            return;
        }
        self.draw_line(look, area, buf);
        let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let Some(report) = self.current(look.snapshot) else { return };
        if report.by_class.is_empty() && report.unmeasured.is_empty() {
            let lines = [
                "Nothing is held: there is no exposure.",
                "What you hold shows here by class and sector, with what a bad day would cost and what moves would do",
            ];
            return draw_empty(&lines, look, below, buf);
        }
        let halves = Self::halves(report, filter, area.width);
        if halves.iter().all(Vec::is_empty) {
            put(
                buf,
                below.x + 1,
                below.y,
                "No row matches; Esc takes the filter off",
                look.theme.dim,
                below.width,
            );
            return;
        }
        let places = if area.width >= HALVES_WIDTH {
            let right = right_width(area.width);
            let left = Rect { width: area.width - right - 1, ..below };
            [left, Rect { x: left.right() + 1, width: right, ..below }]
        } else {
            [below, Rect { width: 0, ..below }]
        };
        for (rows, place) in halves.iter().zip(places) {
            let gains = rows.iter().filter_map(|row| match row {
                Row::Gain(_, value) => Some(value.abs()),
                _ => None,
            });
            let exposed = rows.iter().filter_map(|row| match row {
                Row::Exposure(row) => Some(row.delta.abs()),
                _ => None,
            });
            let whole = 1 + NAME_WIDTH + MONEY_WIDTH + 1 + BAR_WIDTH + PERCENT_WIDTH + 2;
            let ruler = Ruler {
                // Where it is narrow, names give way before the bars do.
                name: NAME_WIDTH - whole.saturating_sub(place.width).min(NAME_WIDTH - NAME_WIDTH_MIN),
                equity: report.net_liquidation,
                most_exposed: exposed.max().unwrap_or_default(),
                most_moved: gains.max().unwrap_or_default(),
            };
            let top = self.top.min(rows.len().saturating_sub(usize::from(place.height)));
            for (line, row) in rows.iter().skip(top).take(usize::from(place.height)).enumerate() {
                ruler.draw(row, look, Rect { y: place.y + line as u16, height: 1, ..place }, buf);
            }
        }
    }

    /// Brings the scroll in line with what there is.
    pub(super) fn settle(&mut self, filter: &ListFilter, area: Rect, at: &At<'_>) {
        let rows = self.current(at.snapshot).map(|report| Self::halves(report, filter, area.width));
        self.lines = rows.map_or(0, |halves| halves.iter().map(Vec::len).max().unwrap_or(0));
        self.top = self.top.min(self.lines.saturating_sub(usize::from(area.height.saturating_sub(1))));
    }

    /// The last line of it.
    pub(super) const fn last(&self) -> usize {
        self.lines
    }

    /// What is shown, a line each.
    pub(super) fn text(&self, filter: &ListFilter, at: &At<'_>) -> String {
        let Some(report) = self.current(at.snapshot) else { return String::new() };
        let [rows, _] = Self::halves(report, filter, 0);
        rows.iter().map(Row::text).collect::<Vec<_>>().join("\n")
    }

    /// The same as a table.
    pub(super) fn sheet(&self, at: &At<'_>) -> Option<Sheet> {
        let report = self.current(at.snapshot)?;
        let mut sheet = Sheet::new(&["account", "part", "name", "value", "long", "short"]);
        let mut part = "";
        let [rows, _] = Self::halves(report, &ListFilter::default(), 0);
        for row in rows {
            let (name, value, sides) = match row {
                Row::Head(name, _) => {
                    part = name;
                    continue;
                }
                Row::Gap => continue,
                Row::Figure(name, value) => (name, cell(value), None),
                Row::Gain(name, value) => (name, value.to_string(), None),
                Row::Exposure(row) => {
                    (name_of(&row).to_owned(), row.delta.to_string(), Some((row.long, row.short)))
                }
                Row::History(row) => (row.name.to_string(), cell(row.beta), None),
                Row::Note(text) => (text, String::new(), None),
            };
            let (long, short) = sides.unzip();
            sheet.push(vec![
                report.account.to_string(),
                part.to_owned(),
                name,
                value,
                cell(long),
                cell(short),
            ]);
        }
        Some(sheet)
    }
}
