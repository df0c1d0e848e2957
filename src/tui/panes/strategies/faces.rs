//! What the pane shows in the place of its list: kinds to choose from, decisions of one strategy, the plan before real money.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::strategy::{DecisionRecord, KindView, StrategyPlan, StrategyView};
use crate::domain::text::clean;
use crate::tui::env::Look;
use crate::tui::format;
use crate::tui::panes::draw_empty;
use crate::tui::widgets::list::ListState;
use crate::tui::widgets::put;
use crate::tui::widgets::text_input::TextInput;

pub(super) fn draw_kinds(
    kinds: &[KindView],
    list: &ListState,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    for (line, (n, kind)) in kinds.iter().enumerate().take(usize::from(area.height)).enumerate() {
        let y = area.y + u16::try_from(line).unwrap_or(u16::MAX);
        let style = if n == list.index { look.theme.selected } else { look.theme.text };
        let text = format!(" {:<12} {}", kind.name, kind.about);
        put(buf, area.x, y, &format::fit(&text, area.width, look.theme.glyphs.ellipsis), style, area.width);
        if n == list.index {
            put(buf, area.x, y, look.theme.glyphs.cursor, look.theme.accent, 1);
        }
    }
    // What the one under the cursor does, in full.
    let Some(kind) = kinds.get(list.index) else { return };
    let lines = format::wrap(&kind.about, area.width.saturating_sub(2));
    let top = area.bottom().saturating_sub(lines.len() as u16).max(area.y + kinds.len() as u16 + 1);
    for (line, y) in lines.iter().zip(top..area.bottom()) {
        put(buf, area.x + 1, y, line, look.theme.dim, area.width.saturating_sub(1));
    }
}

/// Lines below the list of strategies in which the chosen one is told: what it is, and why it stands where it stands.
const ABOUT_ROWS: u16 = 4;
/// A pane of fewer lines is all list.
const ABOUT_MIN: u16 = 12;

/// Where the list stands, and below it the chosen strategy.
pub(super) fn list_areas(area: Rect) -> (Rect, Rect) {
    parted(area, ABOUT_MIN, ABOUT_ROWS)
}

fn parted(area: Rect, least: u16, below: u16) -> (Rect, Rect) {
    let below = if area.height < least { 0 } else { below };
    let list = Rect { height: area.height - below, ..area };
    (list, Rect { y: list.bottom(), height: below, ..area })
}

/// What a strategy is, what it owns, and why it last did or did not act, to its end: a column may cut that.
pub(super) fn draw_detail(
    view: &StrategyView,
    (owns, why): (&str, &str),
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let owns = if owns.is_empty() { "nothing" } else { owns };
    let exits = view.spec.exits.as_ref().map(|plan| format!("; exits {}", plan.words())).unwrap_or_default();
    let (kind, account, symbols) = (&view.spec.kind, &view.spec.account, view.symbols());
    let what =
        format!("{kind} on {account}: {symbols}; owns {owns}; {} orders work{exits}", view.working_orders);
    let what = format::fit(&clean(&what), area.width, look.theme.glyphs.ellipsis);
    let lines = std::iter::once((what.to_string(), look.theme.text))
        .chain(format::wrap(&clean(why), area.width).into_iter().map(|line| (line, look.theme.dim)));
    for ((text, style), y) in lines.zip(area.y..area.bottom()) {
        put(buf, area.x, y, &text, style, area.width);
    }
}

/// Lines below the list of decisions that the selected one has in full.
const DETAIL_ROWS: u16 = 3;
/// A pane of fewer lines is all list.
const DETAIL_MIN: u16 = 8;

/// Where the list of decisions stands, and below it the selected one in full.
pub(super) fn decisions_areas(area: Rect) -> (Rect, Rect) {
    parted(area, DETAIL_MIN, DETAIL_ROWS)
}

pub(super) fn draw_decisions(
    records: &[DecisionRecord],
    list: &ListState,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    if records.is_empty() {
        return draw_empty(&["No decisions yet.", "{back} goes back"], look, area, buf);
    }
    let (area, detail) = decisions_areas(area);
    let visible = list.visible(records.len(), area.height);
    for (line, n) in visible.enumerate() {
        let Some(record) = records.get(n) else { return };
        let y = area.y + u16::try_from(line).unwrap_or(u16::MAX);
        let at = format!(
            "{} {}",
            format::day(record.at, &look.env.zone),
            format::clock_zoned(record.at, &look.env.zone)
        );
        let text = format!("{at}  {}", decision_text(record));
        let style = match (n == list.index, record.proposal.is_some()) {
            (true, _) => look.theme.selected,
            (false, true) => look.theme.text,
            (false, false) => look.theme.dim,
        };
        put(buf, area.x, y, &format::fit(&text, area.width, look.theme.glyphs.ellipsis), style, area.width);
    }
    let Some(record) = records.get(list.index) else { return };
    let lines = format::wrap(&decision_text(record), detail.width);
    for (text, y) in lines.iter().zip(detail.y..detail.bottom()) {
        put(buf, detail.x, y, text, look.theme.text, detail.width);
    }
}

fn decision_text(record: &DecisionRecord) -> String {
    let about = record.instrument.as_ref().map(|i| format!(" {i}")).unwrap_or_default();
    clean(&format!("{}{about} {}", record.code, record.text)).into_owned()
}

pub(super) fn draw_plan(
    plan: &StrategyPlan,
    input: &TextInput,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let mut lines = vec![
        format!("{} trades REAL MONEY on {}, without asking again.", plan.spec.name, plan.spec.account),
        format!("At most {} is at work.", format::grouped(plan.worst_case_capital, 2)),
    ];
    let words = |pairs: &mut dyn Iterator<Item = (String, String)>| {
        pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("  ")
    };
    lines.push(words(&mut plan.params.clone().into_iter()));
    lines.push(words(&mut plan.limits.clone().into_iter()));
    let wrapped: Vec<String> = lines.iter().flat_map(|line| format::wrap(line, area.width)).collect();
    let rows = usize::from(area.height.saturating_sub(1));
    for (line, text) in wrapped.iter().take(rows).enumerate() {
        let y = area.y + u16::try_from(line).unwrap_or(u16::MAX);
        let style = if line == 0 { look.theme.live } else { look.theme.text };
        put(buf, area.x, y, text, style, area.width);
    }
    let question = format!("Type {} to start it: ", plan.spec.name);
    let y = area.bottom().saturating_sub(1);
    let x = put(buf, area.x, y, &question, look.theme.warning, area.width);
    let rest = Rect { x, y, width: area.right().saturating_sub(x), height: 1 };
    input.draw(rest, look.theme.strong, look.focused, buf);
}
