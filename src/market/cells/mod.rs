//! Tables of recorded data, row by row: CSV and Parquet alike are rows of texts under named columns. A row is read when it is asked for, so
//! that what is held does not grow with the file. Every error names file, row and column, what was found and what is allowed.

mod table;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::domain::text::clean;

use table::ParquetRows;

/// Bytes of a line at most: no row of numbers is longer.
const LINE_MAX: u64 = 4_096;
/// Columns of a table at most.
const COLUMNS_MAX: usize = 16;
/// Characters of what was found that an error shows.
const FOUND_LENGTH_MAX: usize = 40;
/// What a Parquet file begins with.
const PARQUET_MAGIC: &[u8] = b"PAR1";

/// Bytes at the beginning that say what a file is.
const MAGIC_MAX: u64 = 8;
/// What other files begin with, and what they are.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"ARROW1", "an Arrow or Feather file"),
    (b"SQLite ", "an SQLite database"),
];

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {field}: found '{found}', allowed: {allowed}", place(file, *line, *is_table))]
pub struct BarsError {
    /// The file, as named by the user, without control characters.
    pub file: String,
    /// 1-based; of a text the header is line 1, of a table the first row is row 1. Zero when the file could not be read at all.
    pub line: u64,
    /// The column, or `file`, `header` or `row`.
    pub field: &'static str,
    /// What stands there, escaped and shortened.
    pub found: String,
    /// What may stand there.
    pub allowed: String,
    /// It is a table, whose rows are counted, and no text.
    pub is_table: bool,
}

fn place(file: &str, line: u64, is_table: bool) -> String {
    match (line, is_table) {
        (0, _) => file.to_owned(),
        (line, false) => format!("{file}:{line}"),
        (row, true) => format!("{file}: row {row}"),
    }
}

/// A column that is wrong, and what may stand there.
pub(super) type Wrong = (&'static str, &'static str);

/// Where a row begins, to read on from there later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Byte and line of a text.
    Line { offset: u64, line: u64 },
    /// Row group, and the row's number in the file, from 0.
    Row { group: usize, row: u64 },
}

enum Source<'a> {
    Text { lines: Box<dyn BufRead + Send + 'a>, line: Vec<u8>, offset: u64 },
    Table(ParquetRows),
}

/// A table that is read row by row.
pub(super) struct Cells<'a> {
    file: String,
    source: Source<'a>,
    header: Vec<String>,
    line: u64,
}

impl Cells<'_> {
    /// Opens a file; its first bytes say what it is. Its header is read.
    ///
    /// # Errors
    /// When it cannot be read, or is no table.
    pub(super) fn open(path: &Path) -> Result<Cells<'static>, BarsError> {
        let name = path.display().to_string();
        let unreadable = |problem: std::io::Error| {
            error(&name, (0, false), "file", &problem.to_string(), "a readable file of CSV or Parquet")
        };
        let mut file = File::open(path).map_err(unreadable)?;
        let mut magic = Vec::new();
        // A pipe gives its first bytes once; files are what is read here.
        let seeks = file.metadata().is_ok_and(|about| about.is_file());
        if seeks {
            file.by_ref().take(MAGIC_MAX).read_to_end(&mut magic).map_err(unreadable)?;
            file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
            check_magic(&name, &magic)?;
        }
        if magic.starts_with(PARQUET_MAGIC) {
            return Ok(Cells::table(&name, ParquetRows::open(&name, file)?));
        }
        Cells::text(&name, BufReader::with_capacity(1 << 16, file))
    }

    /// Opens what was read whole.
    ///
    /// # Errors
    /// As `open`.
    pub(super) fn bytes<'a>(name: &str, bytes: &'a [u8]) -> Result<Cells<'a>, BarsError> {
        check_magic(name, bytes)?;
        if bytes.starts_with(PARQUET_MAGIC) {
            return Ok(Cells::table(name, ParquetRows::of_bytes(name, bytes)?));
        }
        Cells::text(name, bytes)
    }

    fn table(name: &str, rows: ParquetRows) -> Cells<'static> {
        let header = rows.header();
        Cells { file: name.to_owned(), source: Source::Table(rows), header, line: 0 }
    }

    /// Opens what is a text already.
    ///
    /// # Errors
    /// When its header is no text.
    pub(super) fn text<'a>(file: &str, lines: impl BufRead + Send + 'a) -> Result<Cells<'a>, BarsError> {
        let source = Source::Text { lines: Box::new(lines), line: Vec::new(), offset: 0 };
        let mut cells = Cells { file: file.to_owned(), source, header: Vec::new(), line: 0 };
        cells.header = match cells.line()? {
            Some(line) => {
                line.trim_start_matches('\u{feff}').split(',').map(|cell| trim(cell).to_owned()).collect()
            }
            None => vec![String::new()],
        };
        Ok(cells)
    }

    /// Names of the columns, in order.
    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// Is it a table with types, and no text.
    pub(super) const fn is_table(&self) -> bool {
        matches!(self.source, Source::Table(_))
    }

    /// The line or row that was read last.
    pub(super) const fn at(&self) -> u64 {
        self.line
    }

    /// Where the next row begins.
    pub(super) fn mark(&self) -> Mark {
        match &self.source {
            Source::Text { offset, .. } => Mark::Line { offset: *offset, line: self.line },
            Source::Table(rows) => Mark::Row { group: rows.group(), row: self.line },
        }
    }

    /// The same file once more, from a row on.
    ///
    /// # Errors
    /// When it cannot be read any more.
    pub(super) fn reopen(path: &Path, mark: Mark) -> Result<Cells<'static>, BarsError> {
        let mut cells = Cells::open(path)?;
        match (mark, &mut cells.source) {
            (Mark::Line { offset, line }, Source::Text { lines, offset: at, .. }) => {
                let gone = |problem: std::io::Error| {
                    error(&cells.file, (0, false), "file", &problem.to_string(), "a readable file")
                };
                let mut file = File::open(path).map_err(gone)?;
                file.seek(SeekFrom::Start(offset)).map_err(gone)?;
                *lines = Box::new(BufReader::with_capacity(1 << 16, file));
                (*at, cells.line) = (offset, line);
            }
            (Mark::Row { group, row }, Source::Table(rows)) => {
                cells.line = rows.go_to(group, row)?;
                while cells.line < row && cells.read(|_| Ok(()))?.is_some() {}
            }
            _ => return Err(error(&cells.file, (0, false), "file", "another file", "the file as it was")),
        }
        Ok(cells)
    }

    /// Reads the next row: its cells in the header's order, empty where there is none. `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read on, a row has another number of cells, or `read` says so.
    pub(super) fn read<T>(
        &mut self,
        read: impl FnOnce(&[&str]) -> Result<T, Wrong>,
    ) -> Result<Option<T>, BarsError> {
        let count = self.header.len();
        let mut cells = [""; COLUMNS_MAX];
        let is_table = self.is_table();
        // Empty lines are none.
        while let Source::Text { .. } = self.source {
            match self.line()? {
                None => return Ok(None),
                Some("") => {}
                Some(_) => break,
            }
        }
        let found = match &mut self.source {
            Source::Text { line, .. } => {
                // It was looked at as it was read.
                let line = std::str::from_utf8(line).unwrap_or_default();
                let mut found = 0;
                for cell in line.split(',') {
                    if let Some(slot) = cells.get_mut(found) {
                        *slot = trim(cell);
                    }
                    found += 1;
                }
                if found != count || count > COLUMNS_MAX {
                    let allowed = format!("{count} columns, as the header has");
                    return Err(error(&self.file, (self.line, false), "row", line, &allowed));
                }
                found
            }
            Source::Table(rows) => {
                if !rows.next(self.line)? {
                    return Ok(None);
                }
                self.line += 1;
                for (slot, cell) in cells.iter_mut().zip(rows.cells()) {
                    *slot = cell;
                }
                count
            }
        };
        read(&cells[..found]).map(Some).map_err(|(field, allowed)| {
            let at = self.header.iter().position(|name| name == field);
            let found = at.and_then(|at| cells.get(at)).copied().unwrap_or_default();
            error(&self.file, (self.line, is_table), field, found, allowed)
        })
    }

    /// An error of the row that was read last.
    pub(super) fn error(&self, field: &'static str, found: &str, allowed: &str) -> BarsError {
        error(&self.file, (self.line, self.is_table()), field, found, allowed)
    }

    /// An error of another row.
    pub(super) fn error_at(&self, line: u64, field: &'static str, found: &str, allowed: &str) -> BarsError {
        error(&self.file, (line, self.is_table()), field, found, allowed)
    }

    /// The next line of a text, without its end; `None` at the end of the file.
    fn line(&mut self) -> Result<Option<&str>, BarsError> {
        let Source::Text { lines, line, offset } = &mut self.source else { return Ok(None) };
        line.clear();
        let read = lines.by_ref().take(LINE_MAX + 1).read_until(b'\n', line);
        let read = read.map_err(|problem| {
            error(&self.file, (0, false), "file", &problem.to_string(), "a readable file of CSV or Parquet")
        })?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        *offset += read as u64;
        if read as u64 > LINE_MAX {
            return Err(error(
                &self.file,
                (self.line, false),
                "row",
                "a line of more than 4096 bytes",
                "a row of a table",
            ));
        }
        while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            line.pop();
        }
        match std::str::from_utf8(line) {
            Ok(line) => Ok(Some(line)),
            Err(problem) => {
                let byte = line.get(problem.valid_up_to()).copied().unwrap_or_default();
                Err(error(
                    &self.file,
                    (self.line, false),
                    "row",
                    &format!("byte {byte:#04x}"),
                    "text in UTF-8",
                ))
            }
        }
    }
}

/// Says of a file what it is where it is no table, and of one that is named as Parquet that it is none: the header of a text would be no help.
fn check_magic(name: &str, begin: &[u8]) -> Result<(), BarsError> {
    let wrong = |found: &str, allowed: &str| Err(error(name, (0, false), "file", found, allowed));
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| begin.starts_with(magic)) {
        return wrong(what, "CSV or Parquet as it is, unpacked");
    }
    let named = Path::new(name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
    if named && !begin.starts_with(PARQUET_MAGIC) {
        let found = if begin.is_empty() { "an empty file" } else { "no Parquet" };
        return wrong(found, "Parquet, which begins with PAR1; name a text .csv");
    }
    Ok(())
}

/// A cell without the blanks around it and without the quotation marks that spreadsheets write; other white space is none of a number or
/// symbol. A cell with a comma or a mark in it is none either.
fn trim(cell: &str) -> &str {
    let cell = cell.trim_matches([' ', '\t']);
    cell.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|inner| !inner.contains('"'))
        .map_or(cell, |inner| inner.trim_matches([' ', '\t']))
}

pub(super) fn error(
    file: &str,
    (line, is_table): (u64, bool),
    field: &'static str,
    found: &str,
    allowed: &str,
) -> BarsError {
    let shown = |c: char| match c {
        ' '..='~' if c != '\\' => vec![c],
        other => other.escape_default().collect(),
    };
    let found = found.chars().take(FOUND_LENGTH_MAX).flat_map(shown).collect();
    BarsError { file: clean(file).into_owned(), line, field, found, allowed: allowed.to_owned(), is_table }
}

#[cfg(test)]
pub(super) mod tests;
