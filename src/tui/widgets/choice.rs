//! Which columns of a table a user wants, and in which order.

use super::table::Column;

/// No table has more columns; what is kept of more is not read.
const COLUMNS_MAX: usize = 32;

/// Columns by their titles, in the user's order, with whether each is shown. Empty is the program's own order, all shown. Columns that are
/// not named come last and are shown; the first of the program's stays, for it says what a row is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    entries: Vec<(String, bool)>,
}

impl Choice {
    /// Reads what `text` wrote; names that no table has do no harm.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let entry = |word: &str| match word.strip_prefix('!') {
            Some(name) => (name.to_owned(), false),
            None => (word.to_owned(), true),
        };
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        Self { entries: words.take(COLUMNS_MAX).map(entry).collect() }
    }

    /// The choice as a short text: titles parted by commas, hidden ones with a mark.
    #[must_use]
    pub fn text(&self) -> String {
        let word = |(name, shown): &(String, bool)| format!("{}{name}", if *shown { "" } else { "!" });
        self.entries.iter().map(word).collect::<Vec<_>>().join(",")
    }

    /// Every column of a table once, by its index there, in the order wanted, and whether it is shown.
    #[must_use]
    pub fn order(&self, columns: &[Column]) -> Vec<(usize, bool)> {
        let mut order: Vec<(usize, bool)> = Vec::with_capacity(columns.len());
        for (name, shown) in &self.entries {
            if let Some(at) = columns.iter().position(|column| column.title == name)
                && order.iter().all(|(known, _)| *known != at)
            {
                order.push((at, *shown || at == 0));
            }
        }
        let rest: Vec<usize> =
            (0..columns.len()).filter(|at| order.iter().all(|(known, _)| known != at)).collect();
        order.extend(rest.into_iter().map(|at| (at, true)));
        order
    }

    fn set(&mut self, columns: &[Column], order: &[(usize, bool)]) {
        let entry = |(at, shown): &(usize, bool)| Some((columns.get(*at)?.title.to_owned(), *shown));
        self.entries = order.iter().filter_map(entry).collect();
    }

    /// Shows or hides the column at a place of the order.
    pub fn toggle(&mut self, columns: &[Column], place: usize) {
        let mut order = self.order(columns);
        if let Some((at, shown)) = order.get_mut(place) {
            *shown = !*shown || *at == 0;
        }
        self.set(columns, &order);
    }

    /// Moves the column at a place one place on or back; returns where it stands then.
    pub fn shift(&mut self, columns: &[Column], place: usize, forward: bool) -> usize {
        let mut order = self.order(columns);
        let to = if forward { place + 1 } else { place.saturating_sub(1) };
        if place >= order.len() || to >= order.len() {
            return place;
        }
        order.swap(place, to);
        self.set(columns, &order);
        to
    }

    /// As the program has it.
    pub fn reset(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::text("sym", 8, 0),
        Column::number("last", 10, 0),
        Column::number("P&L day", 10, 1),
        Column::number("bid", 10, 2),
    ];

    #[test]
    fn a_choice_is_kept_and_read_again() {
        let mut choice = Choice::default();
        assert_eq!(choice.order(&COLUMNS), [(0, true), (1, true), (2, true), (3, true)]);
        choice.toggle(&COLUMNS, 1);
        assert_eq!(choice.shift(&COLUMNS, 3, false), 2);
        assert_eq!(choice.text(), "sym,!last,bid,P&L day");
        assert_eq!(Choice::read(&choice.text()), choice);
        assert_eq!(choice.order(&COLUMNS), [(0, true), (1, false), (3, true), (2, true)]);
        choice.reset();
        assert_eq!(choice, Choice::default());
    }

    #[test]
    fn what_a_row_is_stays_and_strange_names_do_no_harm() {
        let mut choice = Choice::read("gone, bid ,!sym,bid,,");
        assert_eq!(choice.order(&COLUMNS), [(3, true), (0, true), (1, true), (2, true)]);
        choice.toggle(&COLUMNS, 1);
        assert_eq!(choice.order(&COLUMNS)[1], (0, true));
        assert_eq!(choice.shift(&COLUMNS, 3, true), 3, "the last stays the last");
        assert_eq!(choice.shift(&COLUMNS, 0, false), 0);
        assert_eq!(choice.shift(&COLUMNS, 99, true), 99);
    }
}
