//! The compiled-in tables, read without copying: every cell is a slice of the text in the program.

/// Cells of a row: as many as the widest table has.
pub(super) const CELLS: usize = 8;

/// Rows of a table, without its header. Missing cells are empty. A quoted cell may hold commas; a quote inside a cell, or a line
/// break, is in none of our tables (a test compares with a full CSV reader).
pub(super) fn rows(text: &'static str) -> impl Iterator<Item = [&'static str; CELLS]> {
    text.lines().skip(1).filter(|line| !line.is_empty()).map(cells)
}

fn cells(line: &'static str) -> [&'static str; CELLS] {
    let mut cells = [""; CELLS];
    let mut rest = line;
    for cell in &mut cells {
        let (value, tail) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, tail) = quoted.split_once('"').unwrap_or((quoted, ""));
                (value, tail.strip_prefix(',').unwrap_or(tail))
            }
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        *cell = value.trim();
        rest = tail;
    }
    cells
}
