//! Tables as Parquet writers write them, and what is wrong with some.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::*;

/// A column of a table that is written for a test.
pub(in crate::market) enum Values {
    Doubles(Vec<f64>),
    Longs(Vec<i64>),
    Ints(Vec<i32>),
    Texts(Vec<&'static str>),
    /// Those that are absent are null.
    Nullable(Vec<Option<f64>>),
}

/// Writes a file of row groups, each with its columns.
pub(in crate::market) fn write(path: &Path, schema: &str, packed: Compression, groups: &[Vec<Values>]) {
    let schema = Arc::new(parse_message_type(&format!("message m {{ {schema} }}")).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(packed).build());
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
    for columns in groups {
        let mut group = writer.next_row_group().unwrap();
        for values in columns {
            let mut column = group.next_column().unwrap().unwrap();
            match (column.untyped(), values) {
                (ColumnWriter::DoubleColumnWriter(to), Values::Doubles(values)) => {
                    to.write_batch(values, None, None).unwrap();
                }
                (ColumnWriter::DoubleColumnWriter(to), Values::Nullable(values)) => {
                    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
                    let values: Vec<f64> = values.iter().flatten().copied().collect();
                    to.write_batch(&values, Some(&levels), None).unwrap();
                }
                (ColumnWriter::Int64ColumnWriter(to), Values::Longs(values)) => {
                    to.write_batch(values, None, None).unwrap();
                }
                (ColumnWriter::Int32ColumnWriter(to), Values::Ints(values)) => {
                    to.write_batch(values, None, None).unwrap();
                }
                (ColumnWriter::ByteArrayColumnWriter(to), Values::Texts(values)) => {
                    let values: Vec<ByteArray> = values.iter().map(|text| ByteArray::from(*text)).collect();
                    to.write_batch(&values, None, None).unwrap();
                }
                _ => panic!("a column of another type"),
            }
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
}

fn rows(cells: &mut Cells<'_>) -> Result<Vec<String>, BarsError> {
    let mut all = Vec::new();
    while let Some(row) = cells.read(|row| Ok(row.join(" ")))? {
        all.push(row);
    }
    Ok(all)
}

#[test]
fn every_type_becomes_the_text_that_a_person_would_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    let schema = "required binary s (UTF8); required double p; required int64 at (TIMESTAMP(NANOS,true));
        required int64 ms (TIMESTAMP(MILLIS,false)); required int32 day (DATE); required int64 d (DECIMAL(18,4));
        optional double maybe;";
    let group = |first: i64| {
        vec![
            Values::Texts(vec!["A", "B"]),
            Values::Doubles(vec![101.23, 0.1]),
            Values::Longs(vec![first * 1_000_000_000, first * 1_000_000_000 + 1]),
            Values::Longs(vec![86_400_000, 90_000_000]),
            Values::Ints(vec![19_723, -1]),
            Values::Longs(vec![1_234_500, -5]),
            Values::Nullable(vec![None, Some(2.5)]),
        ]
    };
    for packed in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(Default::default())] {
        write(&path, schema, packed, &[group(60), group(120)]);
        let mut cells = Cells::open(&path).unwrap();
        assert!(cells.is_table());
        assert_eq!(cells.header(), ["s", "p", "at", "ms", "day", "d", "maybe"]);
        let (mut marks, mut all) = (Vec::new(), Vec::new());
        loop {
            marks.push(cells.mark());
            let Some(row) = cells.read(|row| Ok(row.join(" "))).unwrap() else { break };
            all.push(row);
        }
        assert_eq!(all[0], "A 101.23 1970-01-01T00:01:00Z 1970-01-02 2024-01-01 123.4500 ");
        assert_eq!(
            all[3],
            "B 0.1 1970-01-01T00:02:00.000000001Z 1970-01-02T01:00:00 (a timestamp adjusted to UTC (this one has no zone)) 1969-12-31 -0.0005 2.5"
        );
        // From any row on, the rest is the same.
        for (at, mark) in marks.into_iter().enumerate() {
            let mut again = Cells::reopen(&path, mark).unwrap();
            assert_eq!(rows(&mut again).unwrap(), all[at.min(all.len())..], "{at}");
        }
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(rows(&mut Cells::bytes("x", &bytes).unwrap()).unwrap(), all);
    }
}

#[test]
fn what_is_no_table_says_so_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    let said = |path: &Path| Cells::open(path).err().unwrap().to_string();
    std::fs::write(&path, "PAR1 and nothing of the kind").unwrap();
    let text = said(&path);
    assert!(
        text.contains("x.parquet: file: found") && text.contains("a Parquet file, plain or packed"),
        "{text}"
    );
    write(&path, "required boolean b;", Compression::UNCOMPRESSED, &[]);
    assert!(said(&path).contains("header: found 'b', allowed: columns of text, numbers"));
    write(&path, "repeated double b;", Compression::UNCOMPRESSED, &[]);
    assert!(said(&path).contains("plain columns, no lists and no groups"));
    write(&path, "required double p;", Compression::SNAPPY, &[vec![Values::Doubles(vec![1.0; 5_000])]]);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 8;
    for byte in &mut bytes[middle..middle + 20] {
        *byte ^= 0xFF;
    }
    std::fs::write(&path, &bytes).unwrap();
    // Damaged in the middle: an error or other numbers, and never a panic.
    if let Ok(mut cells) = Cells::open(&path) {
        drop(rows(&mut cells));
    }
    let mut cells = Cells::text("x.csv", "a,b\n1,2\n\n3,4\n".as_bytes()).unwrap();
    assert_eq!(rows(&mut cells).unwrap(), ["1 2", "3 4"]);
    assert_eq!(cells.at(), 4);
    let mut long = Cells::text("x.csv", std::io::Cursor::new(format!("a\n{}\n", "1".repeat(5_000)))).unwrap();
    assert!(rows(&mut long).unwrap_err().to_string().starts_with("x.csv:2: row: found 'a line of more than"));
}
