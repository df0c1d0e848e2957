//! A list in columns: which row is selected, what is filtered, which columns are shown, and the order of its rows, by a key or by a click on
//! the head of a column. The rows stay elsewhere, in groups where they are gathered; this knows how many there are and which are heads.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use rust_decimal::Decimal;
use smol_str::SmolStr;

use super::choice::Choice;
use super::filter::ListFilter;
use super::list::ListState;
use super::table::{Column, Row, Table, fitting, title_at};
use crate::tui::action::Action;
use crate::tui::env::Look;

/// What a row has in the column that rows are sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// Words, A to Z; none come last, whichever way round.
    Text(String),
    /// A number, the largest first; none comes last, whichever way round.
    Number(Option<Decimal>),
}

impl SortKey {
    fn is_absent(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Number(number) => number.is_none(),
        }
    }

    /// The usual way round.
    fn against(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
            (Self::Number(a), Self::Number(b)) => b.cmp(a),
            (Self::Text(_), Self::Number(_)) => Ordering::Less,
            (Self::Number(_), Self::Text(_)) => Ordering::Greater,
        }
    }
}

/// The order of the rows: by a column, or the list's own; either way round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sorting {
    /// The title of the column; empty for the list's own order.
    by: SmolStr,
    reversed: bool,
}

impl Sorting {
    /// The title of the column; none for the list's own order.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        (!self.by.is_empty()).then_some(self.by.as_str())
    }

    /// The rows as the list has them, neither sorted nor turned round.
    #[must_use]
    pub fn is_own_order(&self) -> bool {
        self.by.is_empty() && !self.reversed
    }

    /// What the title says of it: words, parted by a blank; empty for the list's own order.
    #[must_use]
    pub fn label(&self) -> String {
        let by = self.column().map(|title| format!("by {}", word(title)));
        let reversed = self.reversed.then(|| "reversed".to_owned());
        by.into_iter().chain(reversed).collect::<Vec<_>>().join(" ")
    }

    /// The next of these columns, and after the last the list's own order, the usual way round.
    fn step(&mut self, titles: &[&str]) {
        let next = match self.column().map(|by| titles.iter().position(|title| *title == by)) {
            None => titles.first(),
            Some(at) => at.and_then(|at| titles.get(at + 1)),
        };
        *self = Self { by: next.map(|title| SmolStr::new(*title)).unwrap_or_default(), reversed: false };
    }

    /// By this column; by the same again, the other way round.
    fn choose(&mut self, title: &str) {
        self.reversed = self.by == title && !self.reversed;
        self.by = title.into();
    }

    /// Sorts rows that stand in the list's own order. `key` says what a row has in a column, by its title.
    #[must_use]
    pub fn sorted<T>(&self, mut rows: Vec<T>, key: impl Fn(&T, &str) -> SortKey) -> Vec<T> {
        let Some(by) = self.column() else {
            if self.reversed {
                rows.reverse();
            }
            return rows;
        };
        let mut keyed: Vec<(SortKey, T)> = rows.into_iter().map(|row| (key(&row, by), row)).collect();
        keyed.sort_by(|(a, _), (b, _)| {
            let there = a.is_absent().cmp(&b.is_absent());
            there.then_with(|| if self.reversed { b.against(a) } else { a.against(b) })
        });
        keyed.into_iter().map(|(_, row)| row).collect()
    }
}

/// A column's title as a word of a sentence.
fn word(title: &str) -> &str {
    match title {
        "sym" => "symbol",
        "chg%" => "change",
        "vol" => "volume",
        "qty" => "quantity",
        "avg" => "average",
        other => other,
    }
}

/// A line of a list that may be in groups.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<T, S> {
    /// The head of a group: its name, how many rows it has, and what they come to together.
    Head(String, usize, S),
    /// A row.
    Item(T),
}

impl<T, S> Entry<T, S> {
    /// The row of the line; none for a head.
    #[must_use]
    pub const fn item(&self) -> Option<&T> {
        match self {
            Self::Head(..) => None,
            Self::Item(item) => Some(item),
        }
    }
}

/// Gathers sorted rows: groups in the order of their first row, rows in theirs.
#[must_use]
pub fn gather<T, S>(
    rows: Vec<T>,
    group: impl Fn(&T) -> String,
    together: impl Fn(&[T]) -> S,
) -> Vec<Entry<T, S>> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut groups: Vec<(String, Vec<T>)> = Vec::new();
    for row in rows {
        let name = group(&row);
        let place = *places.entry(name.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, members)) => members.push(row),
            None => groups.push((name, vec![row])),
        }
    }
    let mut entries = Vec::new();
    for (name, members) in groups {
        entries.push(Entry::Head(name, members.len(), together(&members)));
        entries.extend(members.into_iter().map(Entry::Item));
    }
    entries
}

/// How many lines a list has, and which of them are heads of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    count: usize,
    /// Empty where there are no groups.
    heads: Vec<bool>,
}

impl Lines {
    /// Those of a list without groups.
    #[must_use]
    pub const fn plain(count: usize) -> Self {
        Self { count, heads: Vec::new() }
    }

    /// Those of a list that may be in groups.
    #[must_use]
    pub fn of<T, S>(entries: &[Entry<T, S>]) -> Self {
        Self {
            count: entries.len(),
            heads: entries.iter().map(|entry| matches!(entry, Entry::Head(..))).collect(),
        }
    }

    fn is_head(&self, line: usize) -> bool {
        self.heads.get(line).copied().unwrap_or(false)
    }
}

/// A list in columns.
#[derive(Debug, Default)]
pub struct SortedList {
    /// Selection and scroll.
    pub state: ListState,
    /// What is searched for.
    pub filter: ListFilter,
    /// Which columns are shown.
    pub choice: Choice,
    /// The order of the rows.
    pub sorting: Sorting,
    /// Columns of text when last settled.
    width: u16,
}

impl SortedList {
    /// Takes an action that every list has: a movement, which passes over heads, the filter, the order. What it did; none when it means
    /// nothing to a list.
    pub fn act(&mut self, action: Action, columns: &[Column], lines: &Lines) -> Option<Did> {
        if self.state.act(action, lines.count) {
            self.pass_heads(matches!(action, Action::Up | Action::PageUp | Action::Last), lines);
            return Some(Did::Moved);
        }
        match action {
            Action::Filter => self.filter.open(),
            Action::Sort => {
                let shown = fitting(columns, &self.choice, self.width).into_iter();
                let titles: Vec<&str> =
                    shown.map(|at| &columns[at]).filter(|c| c.sorts).map(|c| c.title).collect();
                self.sorting.step(&titles);
            }
            Action::SortBack => self.sorting.reversed = !self.sorting.reversed,
            _ => return None,
        }
        Some(Did::Changed)
    }

    /// A click: on the head of a column it sorts by it, and again turns it round; on a line, the line clicked, which may be a head.
    pub fn click(
        &mut self,
        (column, line): (u16, u16),
        area: Rect,
        columns: &[Column],
        lines: &Lines,
    ) -> Option<usize> {
        let Some(line) = line.checked_sub(1) else {
            let clicked = title_at(columns, &self.choice, area.width, column);
            if let Some(column) = columns.iter().find(|c| Some(c.title) == clicked && c.sorts) {
                self.sorting.choose(column.title);
            }
            return None;
        };
        let row = self.state.at_line(line, lines.count, area.height.saturating_sub(1))?;
        self.state.index = row;
        Some(row)
    }

    /// After rows, order or size changed: `selected` is where the selected row is now; some row is selected and in view, with the head above
    /// it where there is room.
    pub fn settle(&mut self, area: Rect, selected: Option<usize>, lines: &Lines) {
        let height = area.height.saturating_sub(1);
        self.width = area.width;
        self.state.index = selected.unwrap_or(self.state.index);
        self.state.settle(lines.count, height);
        self.pass_heads(false, lines);
        if self.state.offset > 0 && lines.is_head(self.state.offset - 1) {
            self.state.show_above(height);
        }
    }

    /// The selection goes on from a head to the next row, forward or back.
    fn pass_heads(&mut self, back: bool, lines: &Lines) {
        let index = self.state.index;
        if !lines.is_head(index) {
            return;
        }
        let is_row = |at: &usize| !lines.is_head(*at);
        let after = (index..lines.count).find(is_row);
        let before = (0..=index).rev().find(is_row);
        self.state.index = if back { before.or(after) } else { after.or(before) }.unwrap_or(index);
    }

    /// Draws the rows in view, and how many more there are; `row` makes the one of a place.
    pub fn draw(
        &self,
        columns: &[Column],
        rows: usize,
        row: impl FnMut(usize) -> Row,
        look: &Look<'_>,
        (area, buf): (Rect, &mut Buffer),
    ) {
        let visible = self.state.visible(rows, area.height.saturating_sub(1));
        let drawn: Vec<Row> = visible.clone().map(row).collect();
        Table {
            theme: look.theme,
            columns,
            choice: &self.choice,
            sorted_by: self.sorting.column(),
            rows: &drawn,
            more: rows - visible.end,
            focused: look.focused,
        }
        .render(area, buf);
    }

    /// Writes down what is kept of it until the next start.
    pub fn remember(&self, memory: &mut BTreeMap<String, String>) {
        memory.extend([
            ("sort".to_owned(), self.sorting.by.to_string()),
            ("reversed".to_owned(), self.sorting.reversed.to_string()),
            ("columns".to_owned(), self.choice.text()),
        ]);
    }

    /// Takes up what was kept; a column that the list no longer has is its own order.
    pub fn recall(&mut self, memory: &BTreeMap<String, String>, columns: &[Column]) {
        let word = |name: &str| memory.get(name).map_or("", String::as_str);
        let by = columns.iter().find(|column| column.sorts && column.title == word("sort"));
        self.choice = Choice::read(word("columns"));
        self.sorting = Sorting {
            by: by.map(|column| column.title.into()).unwrap_or_default(),
            reversed: word("reversed") == "true",
        };
    }
}

/// What an action did to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    /// Another row is selected, perhaps.
    Moved,
    /// The rows, or their order, are others; the selected one stays selected.
    Changed,
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::text("sym", 8, 0),
        Column::number("last", 8, 0),
        Column::text("day", 8, 1).unsorted(),
        Column::text("name", 8, 2),
    ];

    fn key(row: &(&str, Option<i64>), title: &str) -> SortKey {
        match title {
            "last" => SortKey::Number(row.1.map(Decimal::from)),
            _ => SortKey::Text(row.0.to_owned()),
        }
    }

    fn order(list: &SortedList) -> Vec<&'static str> {
        let rows = vec![("b", Some(1)), ("", Some(3)), ("A", None), ("c", Some(2))];
        list.sorting.sorted(rows, key).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn the_key_goes_through_the_columns_that_are_shown_and_back() {
        let mut list = SortedList::default();
        let rows = Lines::plain(0);
        list.settle(Rect::new(0, 0, 28, 5), None, &rows);
        for (label, expected) in [
            ("by symbol", ["A", "b", "c", ""]),
            ("by last", ["", "c", "b", "A"]),
            // No room for the names; the lines of the day have no order.
            ("", ["b", "", "A", "c"]),
        ] {
            assert_eq!(list.act(Action::Sort, &COLUMNS, &rows), Some(Did::Changed));
            assert_eq!((list.sorting.label().as_str(), order(&list)), (label, expected.to_vec()));
        }
        list.act(Action::SortBack, &COLUMNS, &rows);
        assert_eq!((list.sorting.label().as_str(), order(&list)), ("reversed", vec!["c", "A", "", "b"]));
        assert!(!list.sorting.is_own_order());
    }

    #[test]
    fn a_click_on_a_head_sorts_and_again_turns_round() {
        let mut list = SortedList::default();
        let area = Rect::new(0, 0, 40, 5);
        for (column, label, expected) in [
            (10, "by last", ["", "c", "b", "A"]),
            (10, "by last reversed", ["b", "c", "", "A"]),
            (20, "by last reversed", ["b", "c", "", "A"]),
            (2, "by symbol", ["A", "b", "c", ""]),
            (2, "by symbol reversed", ["c", "b", "A", ""]),
        ] {
            assert_eq!(list.click((column, 0), area, &COLUMNS, &Lines::plain(4)), None);
            assert_eq!((list.sorting.label().as_str(), order(&list)), (label, expected.to_vec()), "{column}");
        }
        assert_eq!(list.click((10, 2), area, &COLUMNS, &Lines::plain(4)), Some(1), "a row is no head");
        let mut memory = BTreeMap::new();
        list.remember(&mut memory);
        let mut again = SortedList::default();
        again.recall(&memory, &COLUMNS);
        assert_eq!(again.sorting, list.sorting);
        again.recall(&memory, &COLUMNS[1..]);
        assert_eq!(again.sorting.column(), None, "a list without that column");
    }

    #[test]
    fn the_selection_passes_over_heads() {
        let rows = gather(vec!["x1", "y1", "x2"], |row| row[..1].to_owned(), <[&str]>::len);
        let names: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
        assert_eq!(names[..3], [r#"Head("x", 2, 2)"#, r#"Item("x1")"#, r#"Item("x2")"#]);
        let rows = Lines::of(&rows);
        let mut list = SortedList::default();
        let area = Rect::new(0, 0, 40, 10);
        list.settle(area, None, &rows);
        assert_eq!(list.state.index, 1, "a head is never selected");
        for (action, index) in
            [(Action::Down, 2), (Action::Down, 4), (Action::Up, 2), (Action::First, 1), (Action::Last, 4)]
        {
            assert_eq!(list.act(action, &COLUMNS, &rows), Some(Did::Moved));
            assert_eq!(list.state.index, index, "{action:?}");
        }
        assert_eq!(list.act(Action::Quit, &COLUMNS, &rows), None);
    }
}
