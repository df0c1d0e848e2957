//! Small things that draw: tables, text fields, candles, borders. They know no snapshot and no key but those of a text field.

pub mod borders;
pub mod candles;
pub mod choice;
pub mod filter;
pub mod hidden;
pub mod list;
pub mod sorted;
pub mod table;
pub mod text_input;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::format::{fit, is_plain, width};

/// Writes a text at a place, cut to `columns` and to the buffer, and returns the column after it.
pub fn put(buf: &mut Buffer, x: u16, y: u16, text: &str, style: Style, columns: u16) -> u16 {
    let area = buf.area;
    if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() {
        return x;
    }
    let room = usize::from(columns.min(area.right() - x));
    if !is_plain(text) {
        return buf.set_stringn(x, y, text, room, style).0;
    }
    // Nearly all text is this: a letter is a cell, and nothing has to be looked up for it.
    let shown = text.get(..room).unwrap_or(text);
    let start = buf.index_of(x, y);
    for (cell, letter) in buf.content[start..].iter_mut().zip(shown.chars()) {
        cell.set_char(letter).set_style(style);
    }
    x + shown.len() as u16
}

/// The mark of a number that was cut.
pub const UNICODE_ELLIPSIS: &str = "…";

/// Writes a text that ends before the column `right`; cut from its end, never from its start.
pub fn put_right(buf: &mut Buffer, right: u16, y: u16, text: &str, style: Style, columns: u16) {
    let text = fit(text, columns, UNICODE_ELLIPSIS);
    put(buf, right.saturating_sub(width(&text)), y, &text, style, columns);
}

/// Empties an area, so that what lies under a dialog does not shine through.
pub fn clear(buf: &mut Buffer, area: Rect) {
    let area = area.intersection(buf.area);
    for position in area.positions() {
        buf[position].reset();
    }
}

/// The middle of an area, at most so large.
#[must_use]
pub fn centered(area: Rect, width: u16, height: u16) -> Rect {
    let width = width.min(area.width);
    let height = height.min(area.height);
    Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height)
}

/// Draws a bar of a share between 0 and 1 in eighths of a column, over a dim rest. More than 1 fills it.
pub fn bar(buf: &mut Buffer, area: Rect, share: f64, style: Style, theme: &super::theme::Theme) {
    if !share.is_finite() || area.width == 0 {
        return;
    }
    let (full, empty) = if theme.glyphs.ascii { ("#", ".") } else { ("█", "░") };
    let columns = (share.clamp(0.0, 1.0) * f64::from(area.width)).round() as u16;
    // What is used at all is seen.
    let columns = if share > 0.0 { columns.max(1) } else { columns };
    let x = put(buf, area.x, area.y, &full.repeat(usize::from(columns)), style, area.width);
    let rest = area.width - columns;
    put(buf, x, area.y, &empty.repeat(usize::from(rest)), theme.border, rest);
}
