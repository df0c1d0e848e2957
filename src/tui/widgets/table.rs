//! Tables with fixed columns: what does not fit leaves as a whole column, by priority, and never as half a number.

use std::collections::BTreeSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget;

use super::choice::Choice;
use super::{put, put_right};
use crate::tui::format::width;
use crate::tui::theme::Theme;

/// A column. Widths are fixed, so that nothing jumps when a number grows.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its header.
    pub title: &'static str,
    /// Columns of text.
    pub width: u16,
    /// Numbers stand right.
    pub right: bool,
    /// 0 always stays; the highest leave first, and together.
    pub drop: u8,
    /// Rows can be sorted by it.
    pub sorts: bool,
}

impl Column {
    /// A text column.
    #[must_use]
    pub const fn text(title: &'static str, width: u16, drop: u8) -> Self {
        Self { title, width, right: false, drop, sorts: true }
    }

    /// A number column.
    #[must_use]
    pub const fn number(title: &'static str, width: u16, drop: u8) -> Self {
        Self { title, width, right: true, drop, sorts: true }
    }

    /// The same, with nothing in it that rows could be sorted by.
    #[must_use]
    pub const fn unsorted(self) -> Self {
        Self { sorts: false, ..self }
    }
}

/// One cell: text and style.
pub type Cell = (String, Style);

/// One row.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// As many as there are columns.
    pub cells: Vec<Cell>,
    /// The selected row.
    pub selected: bool,
}

/// A table, ready to draw: only the rows in view.
pub struct Table<'a> {
    /// Styles and glyphs.
    pub theme: &'a Theme,
    /// The columns.
    pub columns: &'a [Column],
    /// Which of them the user wants.
    pub choice: &'a Choice,
    /// The title of the column that the rows are sorted by; it stands out.
    pub sorted_by: Option<&'a str>,
    /// The rows in view.
    pub rows: &'a [Row],
    /// How many more there are below.
    pub more: usize,
    /// Has its pane the keys: the selection is then marked, else only its row is.
    pub focused: bool,
}

/// Which of the chosen columns fit, in the order chosen: rank by rank, and a lower rank takes the room that a higher one could not use. One
/// column goes to the row marker, one to each gap.
#[must_use]
pub fn fitting(columns: &[Column], choice: &Choice, width: u16) -> Vec<usize> {
    let chosen: Vec<usize> =
        choice.order(columns).into_iter().filter(|(_, shown)| *shown).map(|(at, _)| at).collect();
    let ranks: BTreeSet<u8> = chosen.iter().map(|at| columns[*at].drop).collect();
    let needed = |rank| {
        let of_rank = chosen.iter().map(|at| &columns[*at]).filter(|column| column.drop == rank);
        of_rank.map(|column| column.width + 1).sum::<u16>()
    };
    let mut room = width.saturating_sub(1);
    let mut kept = BTreeSet::new();
    for rank in ranks {
        if rank == 0 || needed(rank) <= room {
            room = room.saturating_sub(needed(rank));
            kept.insert(rank);
        }
    }
    chosen.into_iter().filter(|i| kept.contains(&columns[*i].drop)).collect()
}

/// Gives the column of a title what the ones that fit leave of so many columns, up to `most`.
pub fn stretch(columns: &mut [Column], choice: &Choice, width: u16, title: &str, most: u16) {
    let kept = fitting(columns, choice, width);
    let used = 1 + kept.iter().map(|i| columns[*i].width + 1).sum::<u16>();
    let wide = kept.into_iter().find(|i| columns[*i].title == title);
    if let Some(column) = wide.and_then(|i| columns.get_mut(i)) {
        column.width = (column.width + width.saturating_sub(used)).min(most.max(column.width));
    }
}

/// The title over a column of a table so wide.
#[must_use]
pub fn title_at(columns: &[Column], choice: &Choice, width: u16, column: u16) -> Option<&'static str> {
    let mut x = 1;
    fitting(columns, choice, width).into_iter().find_map(|i| {
        let start = x;
        x += columns[i].width + 1;
        (start..x).contains(&column).then_some(columns[i].title)
    })
}

impl Widget for &Table<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        if area.height == 0 || area.width < 4 {
            return;
        }
        let kept = fitting(self.columns, self.choice, area.width);
        let mut x = area.x + 1;
        for i in &kept {
            let column = &self.columns[*i];
            let room = column.width.min(area.right().saturating_sub(x));
            let style = if self.sorted_by == Some(column.title) { self.theme.accent } else { self.theme.dim };
            if column.right {
                put_right(buf, x + room, area.y, column.title, style, room);
            } else {
                put(buf, x, area.y, column.title, style, room);
            }
            x += column.width + 1;
        }
        for (line, row) in self.rows.iter().enumerate() {
            let y = area.y + 1 + line as u16;
            if y >= area.bottom() {
                return;
            }
            self.row(row, &kept, Rect { y, height: 1, ..area }, buf);
        }
        let y = area.y + 1 + self.rows.len() as u16;
        if self.more > 0 && y < area.bottom() {
            let text = format!("{} {} more", self.theme.glyphs.ellipsis, self.more);
            put(buf, area.x + 1, y, &text, self.theme.dim, area.width - 1);
        }
    }
}

impl Table<'_> {
    fn row(&self, row: &Row, kept: &[usize], area: Rect, buf: &mut Buffer) {
        if row.selected {
            // Under the cells, so that a number that just changed still shows it.
            if self.focused {
                buf.set_style(area, self.theme.selected);
            }
            put(buf, area.x, area.y, self.theme.glyphs.cursor, self.theme.accent, 1);
        }
        let mut x = area.x + 1;
        for i in kept {
            let column = &self.columns[*i];
            let room = column.width.min(area.right().saturating_sub(x));
            if let Some((text, style)) = row.cells.get(*i) {
                if column.right {
                    let text = whole_number(text, room);
                    // The spaces that align a number take no part in its style.
                    let number = text.trim_end();
                    let pad = width(text) - width(number);
                    put_right(buf, (x + room).saturating_sub(pad), area.y, number, *style, room);
                } else {
                    let text = crate::tui::format::fit(text, room, self.theme.glyphs.ellipsis);
                    put(buf, x, area.y, &text, *style, room);
                }
            }
            x += column.width + 1;
        }
    }
}

/// A number that does not fit gives up its alignment first; then a mark stands for it, for half a number would be a wrong one.
fn whole_number(text: &str, room: u16) -> &str {
    let trimmed = text.trim_end();
    match room {
        room if width(text) <= room => text,
        room if width(trimmed) <= room => trimmed,
        _ => "#",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_never_cut() {
        assert_eq!(whole_number("98,410.50", 9), "98,410.50");
        assert_eq!(whole_number("98,410.50  ", 9), "98,410.50");
        assert_eq!(whole_number("198,410.50", 9), "#");
    }

    #[test]
    fn columns_leave_by_priority() {
        let columns = [
            Column::text("sym", 8, 0),
            Column::number("last", 10, 0),
            Column::number("chg%", 7, 1),
            Column::number("bid", 10, 2),
            Column::number("ask", 10, 2),
            Column::text("day", 10, 3),
        ];
        let cases = [
            (62, vec![0, 1, 2, 3, 4, 5]),
            (61, vec![0, 1, 2, 3, 4]),
            // Bid and ask stay together; the line of the day takes the room that is too small for both.
            (50, vec![0, 1, 2, 5]),
            (38, vec![0, 1, 2]),
            (28, vec![0, 1]),
            (5, vec![0, 1]),
        ];
        for (width, expected) in cases {
            assert_eq!(fitting(&columns, &Choice::default(), width), expected, "{width}");
        }
        let mut wide = columns;
        stretch(&mut wide, &Choice::default(), 45, "chg%", 12);
        assert_eq!(
            wide.map(|column| column.width),
            [8, 10, 12, 10, 10, 10],
            "five columns were left beside the line of the day"
        );
        let mut wide = columns;
        stretch(&mut wide, &Choice::default(), 35, "chg%", 12);
        assert_eq!(wide[2].width, 12);
        let choice = Choice::read("sym,day,!chg%,ask,bid");
        assert_eq!(fitting(&columns, &choice, 62), [0, 5, 4, 3, 1], "the user's order");
        assert_eq!(fitting(&columns, &choice, 43), [0, 4, 3, 1], "and the program's ranks");
    }
}
