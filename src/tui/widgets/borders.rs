//! Thin borders that neighbours share. All lines are drawn first and all titles after, so that no line crosses a title.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::border;
use ratatui::symbols::merge::MergeStrategy;
use ratatui::text::Line;

use super::put;
use crate::tui::format;
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
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let (right, bottom) = (area.right() - 1, area.bottom() - 1);
    let mut put = |x: u16, y: u16, symbol: &str| join(&mut buf[(x, y)], symbol, style, theme.glyphs.ascii);
    for x in area.left() + 1..right {
        put(x, area.y, set.horizontal_top);
        put(x, bottom, set.horizontal_bottom);
    }
    for y in area.top() + 1..bottom {
        put(area.x, y, set.vertical_left);
        put(right, y, set.vertical_right);
    }
    for (x, y, symbol) in [
        (area.x, area.y, set.top_left),
        (right, area.y, set.top_right),
        (area.x, bottom, set.bottom_left),
        (right, bottom, set.bottom_right),
    ] {
        put(x, y, symbol);
    }
}

/// Puts a piece of a line into a cell. Most cells are empty or hold that very piece already; only where two lines meet must be looked up
/// how they join.
fn join(cell: &mut Cell, symbol: &str, style: Style, ascii: bool) {
    match cell.symbol() {
        " " => {
            cell.set_symbol(symbol);
        }
        same if same == symbol => {}
        "+" | "-" | "|" if ascii => {
            cell.set_symbol("+");
        }
        _ if ascii => {
            cell.set_symbol(symbol);
        }
        _ => {
            cell.merge_symbol(symbol, MergeStrategy::Exact);
        }
    }
    cell.set_style(style);
}

/// Writes a title into the upper line; one that is too long ends in an ellipsis.
pub fn title(area: Rect, title: &Line<'_>, theme: &Theme, buf: &mut Buffer) {
    if area.width > 4 {
        let (room, wanted) = (area.width - 4, title.width() as u16);
        let width = wanted.min(room);
        // Without the line's colour under it.
        buf.set_style(Rect { x: area.x + 2, width, height: 1, ..area }, Style::reset());
        if wanted <= room {
            buf.set_line(area.x + 2, area.y, title, room);
            return;
        }
        let mark = theme.glyphs.ellipsis;
        let (end, _) = buf.set_line(area.x + 2, area.y, title, room.saturating_sub(format::width(mark)));
        put(buf, end, area.y, mark, theme.dim, format::width(mark));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::{ColorDepth, Schemes};

    #[test]
    fn a_title_that_is_too_long_says_so() {
        for (ascii, columns, expected) in
            [(false, 12, " Chart …"), (true, 12, " Chart ~"), (false, 16, " Chart macd")]
        {
            let theme = Theme::new(ColorDepth::None, &Schemes::new(&[]).get("dark").unwrap(), ascii);
            let mut buf = Buffer::empty(Rect::new(0, 0, columns, 1));
            title(buf.area, &Line::raw(" Chart macd"), &theme, &mut buf);
            let row = (0..columns).map(|x| buf[(x, 0)].symbol()).collect::<String>();
            assert_eq!(row.trim_end(), format!("  {expected}"), "{columns}");
        }
    }

    #[test]
    fn neighbours_join_in_either_order() {
        let areas = [Rect::new(0, 0, 5, 3), Rect::new(0, 2, 9, 3), Rect::new(4, 0, 5, 3)];
        for (ascii, expected) in [(false, ["┌───┬───┐", "├───┴───┤"]), (true, ["+---+---+", "+---+---+"])]
        {
            let theme = Theme::new(ColorDepth::None, &Schemes::new(&[]).get("dark").unwrap(), ascii);
            for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
                let mut buf = Buffer::empty(Rect::new(0, 0, 9, 5));
                for i in order {
                    outline(areas[i], theme.border, &theme, &mut buf);
                }
                let row = |y| (0..9).map(|x| buf[(x, y)].symbol()).collect::<String>();
                assert_eq!([row(0), row(2)], expected, "{order:?}");
            }
        }
    }
}
