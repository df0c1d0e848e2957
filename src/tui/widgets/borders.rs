//! Thin borders that neighbours share. All lines are drawn first and all titles after, so that no line crosses a title.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::border;
use ratatui::symbols::merge::MergeStrategy;
use ratatui::text::Line;
use ratatui::widgets::{Block, Widget};

use crate::tui::theme::Theme;

const ASCII: border::Set<'_> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// Draws the lines around an area, joined with lines that are there already.
pub fn outline(area: Rect, style: Style, theme: &Theme, buf: &mut Buffer) {
    let set = if theme.glyphs.ascii { ASCII } else { border::PLAIN };
    let strategy = if theme.glyphs.ascii { MergeStrategy::Replace } else { MergeStrategy::Exact };
    Block::bordered().border_set(set).merge_borders(strategy).border_style(style).render(area, buf);
}

/// Writes a title into the upper line.
pub fn title(area: Rect, title: &Line<'_>, buf: &mut Buffer) {
    if area.width > 4 {
        let width = (title.width() as u16).min(area.width - 4);
        // Without the line's colour under it.
        buf.set_style(Rect { x: area.x + 2, width, height: 1, ..area }, Style::reset());
        buf.set_line(area.x + 2, area.y, title, area.width - 4);
    }
}

/// What lies inside the lines.
#[must_use]
pub fn inside(area: Rect) -> Rect {
    Rect::new(
        area.x.saturating_add(1),
        area.y.saturating_add(1),
        area.width.saturating_sub(2),
        area.height.saturating_sub(2),
    )
}
