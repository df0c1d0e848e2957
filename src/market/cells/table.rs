//! Rows of a Parquet file as texts, a few thousand at a time of one row group after the other.

use std::collections::VecDeque;
use std::fs::File;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use parquet::basic::{LogicalType, TimeUnit};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{ByteArray, Int96};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use rust_decimal::Decimal;

use super::{BarsError, COLUMNS_MAX, error};

/// Rows of a column that are held as texts.
const BATCH: usize = 4_096;
/// The column in which pandas keeps what is no column.
const INDEX: &str = "__index_level_0__";
/// What a timestamp without a zone is, unless it is a day.
const NO_ZONE: &str = "a timestamp adjusted to UTC (this one has no zone)";

/// How the values of a column become texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    Date,
    /// So many of them are a second; whether they are UTC's.
    Time(i128, bool),
    /// Digits behind the point.
    Decimal(u32),
    Text,
}

struct Column {
    /// Its place in the file.
    at: usize,
    name: String,
    form: Form,
    /// Some of its cells may be empty.
    has_nulls: bool,
    reader: Option<ColumnReader>,
    /// Cells that were read and not handed out, oldest first.
    cells: VecDeque<String>,
}

/// A Parquet file, read from row to row.
pub(super) struct ParquetRows {
    file: String,
    reader: Box<dyn FileReader>,
    columns: Vec<Column>,
    /// The row group that is read next.
    next_group: usize,
    /// Rows that are left of the one that is read now.
    left: u64,
    current: Vec<String>,
}

impl ParquetRows {
    pub(super) fn open(name: &str, file: File) -> Result<Self, BarsError> {
        let reader = SerializedFileReader::new(file).map_err(|problem| damaged(name, 0, &problem))?;
        Self::new(name, Box::new(reader))
    }

    pub(super) fn of_bytes(name: &str, bytes: &[u8]) -> Result<Self, BarsError> {
        let reader = SerializedFileReader::new(Bytes::copy_from_slice(bytes));
        Self::new(name, Box::new(reader.map_err(|problem| damaged(name, 0, &problem))?))
    }

    fn new(name: &str, reader: Box<dyn FileReader>) -> Result<Self, BarsError> {
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let mut columns = Vec::new();
        for (at, column) in schema.columns().iter().enumerate() {
            let wrong = |allowed: &str| error(name, (0, true), "header", column.name(), allowed);
            if column.name() == INDEX {
                continue;
            }
            if column.max_rep_level() > 0 || column.path().parts().len() != 1 {
                return Err(wrong("plain columns, no lists and no groups"));
            }
            let form = form_of(column)
                .ok_or_else(|| wrong("columns of text, numbers, decimals, dates and timestamps"))?;
            columns.push(Column {
                at,
                name: column.name().to_owned(),
                form,
                has_nulls: column.max_def_level() > 0,
                reader: None,
                cells: VecDeque::new(),
            });
        }
        if columns.len() > COLUMNS_MAX {
            let found = format!("{} columns", columns.len());
            return Err(error(name, (0, true), "header", &found, "16 columns at most"));
        }
        Ok(Self { file: name.to_owned(), reader, columns, next_group: 0, left: 0, current: Vec::new() })
    }

    pub(super) fn header(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// The row group that the next row is in.
    pub(super) fn group(&self) -> usize {
        if self.left > 0 { self.next_group.saturating_sub(1) } else { self.next_group }
    }

    /// Goes to the beginning of a row group, and says how many rows of the file are before it. No row before `row` needs to be read twice.
    pub(super) fn go_to(&mut self, group: usize, row: u64) -> Result<u64, BarsError> {
        let groups = self.reader.metadata().row_groups();
        let before =
            groups.iter().take(group).map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).sum();
        (self.next_group, self.left) = (group, 0);
        self.columns.iter_mut().for_each(|column| column.cells.clear());
        if before > row {
            return Err(error(&self.file, (0, true), "file", "another file", "the file as it was"));
        }
        Ok(before)
    }

    /// The cells of the row that was read last, in the order of the columns.
    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        self.current.iter().map(String::as_str)
    }

    /// Reads one more row, after so many. False at the end.
    pub(super) fn next(&mut self, after: u64) -> Result<bool, BarsError> {
        while self.left == 0 {
            let count =
                self.reader.metadata().row_groups().get(self.next_group).map(|group| group.num_rows());
            let Some(count) = count else { return Ok(false) };
            let group = self.reader.get_row_group(self.next_group);
            let group = group.map_err(|problem| damaged(&self.file, after, &problem))?;
            for column in &mut self.columns {
                let reader = group.get_column_reader(column.at);
                column.reader = Some(reader.map_err(|problem| damaged(&self.file, after, &problem))?);
                column.cells.clear();
            }
            drop(group);
            (self.left, self.next_group) = (u64::try_from(count).unwrap_or(0), self.next_group + 1);
        }
        self.left -= 1;
        self.current.clear();
        for column in &mut self.columns {
            if column.cells.is_empty() {
                column.fill().map_err(|problem| damaged(&self.file, after, &problem))?;
            }
            let cell = column.cells.pop_front();
            let none = || damaged(&self.file, after, &ParquetError::General("a row ends early".to_owned()));
            self.current.push(cell.ok_or_else(none)?);
        }
        Ok(true)
    }
}

fn damaged(file: &str, after: u64, problem: &ParquetError) -> BarsError {
    let text = match problem {
        ParquetError::EOF(_) => "a Parquet file that ends too soon".to_owned(),
        other => other.to_string(),
    };
    error(file, (after, true), "file", &text, "a Parquet file, plain or packed with snappy or zstd")
}

fn form_of(column: &ColumnDescriptor) -> Option<Form> {
    use parquet::basic::{ConvertedType, Type};
    let places = |scale: i32| u32::try_from(scale).ok().filter(|scale| *scale <= 28).map(Form::Decimal);
    let numbers = matches!(column.physical_type(), Type::INT32 | Type::INT64);
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::String | LogicalType::Enum), _) => Some(Form::Text),
        (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => Some(Form::Date),
        (Some(LogicalType::Decimal(of)), _) => places(of.scale),
        (None, ConvertedType::DECIMAL) => places(column.type_scale()),
        (Some(LogicalType::Timestamp(of)), _) => {
            let second = match of.unit {
                TimeUnit::MILLIS => 1_000,
                TimeUnit::MICROS => 1_000_000,
                TimeUnit::NANOS => 1_000_000_000,
            };
            Some(Form::Time(second, of.is_adjusted_to_u_t_c))
        }
        (None, ConvertedType::TIMESTAMP_MILLIS) => Some(Form::Time(1_000, true)),
        (None, ConvertedType::TIMESTAMP_MICROS) => Some(Form::Time(1_000_000, true)),
        (None, ConvertedType::UTF8 | ConvertedType::ENUM) => Some(Form::Text),
        (Some(LogicalType::Integer(of)), _) if of.is_signed => Some(Form::Plain),
        (None, ConvertedType::NONE) => match column.physical_type() {
            // Nanoseconds as Spark and Impala wrote them: UTC's by custom.
            Type::INT96 => Some(Form::Time(1_000_000_000, true)),
            Type::BYTE_ARRAY => Some(Form::Text),
            Type::BOOLEAN | Type::FIXED_LEN_BYTE_ARRAY => None,
            _ => Some(Form::Plain),
        },
        (None, of) if numbers && matches!(of, ConvertedType::INT_32 | ConvertedType::INT_64) => {
            Some(Form::Plain)
        }
        _ => None,
    }
}

impl Column {
    /// Reads some thousand cells more.
    fn fill(&mut self) -> Result<(), ParquetError> {
        let (form, nulls) = (self.form, self.has_nulls);
        let Some(reader) = &mut self.reader else { return Ok(()) };
        macro_rules! cells {
            ($reader:expr, $text:expr) => {{
                let (mut levels, mut values) = (Vec::new(), Vec::new());
                let asked = nulls.then_some(&mut levels);
                let (count, ..) = $reader.read_records(BATCH, asked, None, &mut values)?;
                let mut values = values.iter();
                for at in 0..count {
                    let here = !nulls || levels.get(at).is_some_and(|level| *level > 0);
                    let value = if here { values.next() } else { None };
                    self.cells.push_back(value.map($text).unwrap_or_default());
                }
            }};
        }
        match reader {
            ColumnReader::Int32ColumnReader(reader) => {
                cells!(reader, |value| whole(i128::from(*value), form))
            }
            ColumnReader::Int64ColumnReader(reader) => {
                cells!(reader, |value| whole(i128::from(*value), form))
            }
            ColumnReader::Int96ColumnReader(reader) => {
                cells!(reader, |value: &Int96| whole(i128::from(value.to_nanos()), form));
            }
            // The shortest text that reads as the same number: what was a price with two places is one again.
            ColumnReader::FloatColumnReader(reader) => cells!(reader, |value| value.to_string()),
            ColumnReader::DoubleColumnReader(reader) => cells!(reader, |value| value.to_string()),
            ColumnReader::ByteArrayColumnReader(reader) => {
                cells!(reader, |value: &ByteArray| bytes(value.data(), form));
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                cells!(reader, |value| bytes(value.data(), form));
            }
            ColumnReader::BoolColumnReader(_) => {}
        }
        Ok(())
    }
}

fn whole(value: i128, form: Form) -> String {
    let out_of_range = || format!("{value} (out of range)");
    match form {
        Form::Date => {
            let days = i32::try_from(value).ok();
            let day = days.and_then(|days| {
                Date::constant(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
            });
            day.map_or_else(out_of_range, |day| day.to_string())
        }
        Form::Time(second, is_utc) => {
            let nanos = value.checked_mul(1_000_000_000 / second);
            let at = nanos.and_then(|nanos| Timestamp::from_nanosecond(nanos).ok());
            let Some(at) = at else { return out_of_range() };
            let midnight = at.as_second().rem_euclid(86_400) == 0 && at.subsec_nanosecond() == 0;
            match (is_utc, midnight) {
                (true, _) => at.to_string(),
                // A day, as libraries without a type for days write it.
                (false, true) => at.to_zoned_datetime(jiff::tz::TimeZone::UTC).date().to_string(),
                (false, false) => {
                    format!("{} ({NO_ZONE})", at.to_zoned_datetime(jiff::tz::TimeZone::UTC).datetime())
                }
            }
        }
        Form::Decimal(scale) => Decimal::try_from_i128_with_scale(value, scale)
            .map_or_else(|_| out_of_range(), |it| it.to_string()),
        Form::Plain | Form::Text => value.to_string(),
    }
}

fn bytes(data: &[u8], form: Form) -> String {
    let Form::Decimal(scale) = form else { return String::from_utf8_lossy(data).into_owned() };
    // Big-endian two's complement.
    if data.is_empty() || data.len() > 16 {
        return "a decimal of more than 38 digits".to_owned();
    }
    let first = if data[0] >= 0x80 { -1_i128 } else { 0 };
    let value = data.iter().fold(first, |value, byte| (value << 8) | i128::from(*byte));
    whole(value, Form::Decimal(scale))
}
