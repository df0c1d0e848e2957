//! Tables: cleaned text, columns as wide as their content, numbers aligned to the right or on their point, never wider than the terminal.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::domain::text::clean;

/// Columns between columns.
const GAP: usize = 2;
/// A column is never cut below this.
const COLUMN_WIDTH_MIN: usize = 8;
/// Widest column where the width has no other limit.
const COLUMN_WIDTH_MAX: usize = 200;

/// How a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// To the left: words.
    Left,
    /// To the right: counts and the like.
    Right,
    /// With the decimal points under each other.
    Point,
}

/// What a cell means, where there is colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// Money came, a check passed.
    Good,
    /// Money went, a check failed.
    Bad,
    /// Can wait.
    Dim,
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell of some text, cleaned.
    #[must_use]
    pub fn new(text: impl AsRef<str>) -> Self {
        Self { text: clean(text.as_ref()).into_owned(), tone: Tone::Plain }
    }

    /// With a meaning.
    #[must_use]
    pub const fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text.into())
    }
}

/// A column's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its title; may be empty.
    pub title: Cow<'static, str>,
    /// How its cells stand.
    pub align: Align,
}

/// Rows under titled columns.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    empty: String,
    expendable: &'static [&'static str],
}

impl Table {
    /// A table with these columns; `empty` is the line that stands there without rows and says what to do.
    #[must_use]
    pub fn new(columns: &[(&'static str, Align)], empty: impl Into<String>) -> Self {
        Self::titled(columns.iter().map(|(title, align)| (Cow::Borrowed(*title), *align)), empty)
    }

    /// The same with titles that are made as they are needed.
    #[must_use]
    pub fn titled(
        columns: impl IntoIterator<Item = (Cow<'static, str>, Align)>,
        empty: impl Into<String>,
    ) -> Self {
        let columns = columns.into_iter().map(|(title, align)| Column { title, align }).collect();
        Self { columns, rows: Vec::new(), empty: empty.into(), expendable: &[] }
    }

    /// With titles of columns that a narrow terminal can do without, the first to go first. Nothing goes from a file or a pipe.
    #[must_use]
    pub const fn without_first(mut self, expendable: &'static [&'static str]) -> Self {
        self.expendable = expendable;
        self
    }

    /// Adds a row; missing cells are blank, those beyond the columns are dropped.
    pub fn push(&mut self, mut row: Vec<Cell>) {
        row.resize(self.columns.len(), Cell::default());
        self.rows.push(row);
    }

    /// The table as lines. Without a width nothing is cut.
    #[must_use]
    pub fn render(&self, width: Option<usize>, colour: bool) -> String {
        if self.rows.is_empty() {
            return format!("{}\n", clean(&self.empty));
        }
        let shapes: Vec<Shape> = (0..self.columns.len()).map(|index| self.shape(index)).collect();
        let mut widths: Vec<usize> = shapes.iter().map(Shape::width).collect();
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        if let Some(width) = width {
            for title in self.expendable {
                if total(&shown, &widths) > width {
                    shown.retain(|index| self.columns[*index].title != *title);
                }
            }
            self.shrink(&shown, &mut widths, width);
        }
        let mut text = String::new();
        if self.columns.iter().any(|column| !column.title.is_empty()) {
            let titles = shown.iter().map(|index| {
                let column = &self.columns[*index];
                paint(&fit(&column.title, widths[*index], column.align != Align::Left), Tone::Dim, colour)
            });
            push_line(&mut text, titles);
        }
        for row in &self.rows {
            let cells = shown.iter().map(|&index| {
                let (cell, align) = (&row[index], self.columns[index].align);
                let body =
                    if align == Align::Point { shapes[index].pad(&cell.text) } else { cell.text.clone() };
                paint(&fit(&body, widths[index], align != Align::Left), cell.tone, colour)
            });
            push_line(&mut text, cells);
        }
        text
    }

    fn shape(&self, index: usize) -> Shape {
        let mut shape = Shape { whole: self.columns[index].title.width(), before: 0, after: 0 };
        for cell in self.rows.iter().map(|row| &row[index]) {
            match (self.columns[index].align, point_of(&cell.text)) {
                (Align::Point, Some((before, after))) => {
                    shape.before = shape.before.max(before);
                    shape.after = shape.after.max(after);
                }
                _ => shape.whole = shape.whole.max(cell.text.width().min(COLUMN_WIDTH_MAX)),
            }
        }
        shape
    }

    /// Cuts the widest columns of words first, until the table fits or nothing can give.
    fn shrink(&self, shown: &[usize], widths: &mut [usize], width: usize) {
        while total(shown, widths) > width {
            let can_give = |index: &&usize| {
                self.columns[**index].align == Align::Left && widths[**index] > COLUMN_WIDTH_MIN
            };
            let Some(widest) = shown.iter().filter(can_give).max_by_key(|index| widths[**index]) else {
                return;
            };
            widths[*widest] -= 1;
        }
    }
}

/// Columns that the shown ones take, gaps included.
fn total(shown: &[usize], widths: &[usize]) -> usize {
    shown.iter().map(|index| widths[*index]).sum::<usize>() + GAP * shown.len().saturating_sub(1)
}

/// The room a column's cells need.
struct Shape {
    whole: usize,
    before: usize,
    after: usize,
}

impl Shape {
    fn width(&self) -> usize {
        self.whole.max(self.before + self.after)
    }

    /// A number with as many blanks behind it as its point needs.
    fn pad(&self, text: &str) -> String {
        match point_of(text) {
            Some((_, after)) => format!("{text}{}", " ".repeat(self.after - after)),
            None => text.to_owned(),
        }
    }
}

/// Columns before a number's point, and from the point on. `None` for what is no number.
fn point_of(text: &str) -> Option<(usize, usize)> {
    let number = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'-' | b'+' | b'%'));
    let digits = text.bytes().any(|b| b.is_ascii_digit());
    let at = text.find('.').unwrap_or(text.len());
    (number && digits).then_some((at, text.len() - at))
}

fn push_line(text: &mut String, cells: impl Iterator<Item = String>) {
    let line = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
    text.push_str(line.trim_end());
    text.push('\n');
}

/// Pads or cuts to a width; what is cut ends in an ellipsis.
fn fit(text: &str, width: usize, right: bool) -> String {
    let own = text.width();
    if own <= width {
        let blanks = " ".repeat(width - own);
        return if right { blanks + text } else { format!("{text}{blanks}") };
    }
    let (mut cut, mut used) = (String::new(), 0);
    for c in text.chars() {
        let next = c.width().unwrap_or(0);
        if used + next + 1 > width {
            break;
        }
        used += next;
        cut.push(c);
    }
    format!("{cut}…{}", " ".repeat(width.saturating_sub(used + 1)))
}

fn paint(text: &str, tone: Tone, colour: bool) -> String {
    let code = match tone {
        _ if !colour || text.trim().is_empty() => return text.to_owned(),
        Tone::Plain => return text.to_owned(),
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Dim => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(
            &[("symbol", Align::Left), ("name", Align::Left), ("price", Align::Point), ("n", Align::Right)],
            "none",
        );
        table.push(vec![
            "AAPL".into(),
            "Apple Inc., a maker of telephones".into(),
            "231.50".into(),
            "7".into(),
        ]);
        table.push(vec!["BTC-USD".into(), "Bitcoin".into(), "98,410.5".into(), "12".into()]);
        table.push(vec!["東京".into(), "Tokyo\u{1b}]0;x\u{7} Denki".into(), "–".into()]);
        table
    }

    #[test]
    fn points_and_widths_align() {
        let expected = "\
symbol   name                                   price   n
AAPL     Apple Inc., a maker of telephones     231.50   7
BTC-USD  Bitcoin                            98,410.5   12
東京     Tokyo Denki                                –
";
        assert_eq!(sample().render(None, false), expected);
    }

    #[test]
    fn a_narrow_terminal_cuts_words_and_never_numbers() {
        for width in [30, 40, 44, 50, 57] {
            let text = sample().render(Some(width), false);
            assert!(text.contains("231.50") && text.contains("98,410.5"), "{text}");
            if width >= 40 {
                assert!(text.lines().all(|line| line.width() <= width), "{width}\n{text}");
            }
        }
        assert!(sample().render(Some(44), false).contains("Apple Inc., a maker…"));
    }

    #[test]
    fn a_narrow_terminal_does_without_what_it_can() {
        let table = sample().without_first(&["n", "name"]);
        let titles = |width| table.render(width, false).lines().next().map(str::to_owned).unwrap();
        let words = |width| titles(width).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(None), ["symbol", "name", "price", "n"]);
        assert_eq!(words(Some(57)), ["symbol", "name", "price", "n"]);
        assert_eq!(words(Some(54)), ["symbol", "name", "price"]);
        assert_eq!(words(Some(40)), ["symbol", "price"]);
    }

    #[test]
    fn colour_only_where_it_is_wished_for() {
        let mut table = Table::new(&[("pnl", Align::Right)], "");
        table.push(vec![Cell::new("+5").tone(Tone::Good)]);
        assert_eq!(table.render(None, false), "pnl\n +5\n");
        assert_eq!(table.render(None, true), "\u{1b}[2mpnl\u{1b}[0m\n\u{1b}[32m +5\u{1b}[0m\n");
    }

    #[test]
    fn an_empty_table_teaches() {
        let table = Table::new(&[("a", Align::Left)], "no orders; arbion order place buy 10 AAPL");
        assert_eq!(table.render(None, false), "no orders; arbion order place buy 10 AAPL\n");
    }
}
