use super::*;

const HEADER: &str = "symbol,date,open,high,low,close,volume,adj_close\n";
const PLAIN: &str = "symbol,date,open,high,low,close,volume\n";

fn read(text: &str) -> Result<RecordedBars, BarsError> {
    parse("bars.csv", text, &Calendar::nyse())
}

#[test]
fn the_shipped_bars_are_sound() {
    let bars = shipped().unwrap();
    let count = |key: &str| bars.series[&Instrument::from_key(key).unwrap()].len();
    let total: usize = bars.series.values().map(Vec::len).sum();
    assert_eq!((total, bars.interval, bars.series.len()), (12_154, Some(Interval::Day1), 5));
    assert_eq!(count("AAPL"), count("IBM"));
    assert!(bars.series.values().flatten().all(|row| row.bar.is_sound() && row.end > row.bar.start));
}

#[test]
fn a_wrong_row_is_named_with_its_line_and_what_is_allowed() {
    let price = "a number above 0 and below 1000000000000";
    let time = "YYYY-MM-DD, or an RFC 3339 time with its zone";
    let order = "later than the row before of the same symbol";
    let cases: &[(&str, &str, &str)] = &[
        // Rows under the plain header, where and what was found, what is allowed.
        (
            "AAPL,2020-01-02,1,2,0.5,1.5,10\nAAPL,2020-01-02,1,2,0.5,1.5,10",
            "3: date: found '2020-01-02'",
            order,
        ),
        (
            "AAPL,2020-01-03,1,2,0.5,1.5,10\nAAPL,2020-01-02,1,2,0.5,1.5,10",
            "3: date: found '2020-01-02'",
            order,
        ),
        (
            "AAPL,2020-01-04,1,2,0.5,1.5,10",
            "2: date: found '2020-01-04'",
            "a session of the exchange (no weekend, no holiday)",
        ),
        ("AAPL,2020-02-30,1,2,0.5,1.5,10", "2: date: found '2020-02-30'", time),
        ("AAPL,02/01/2020,1,2,0.5,1.5,10", "2: date: found '02/01/2020'", time),
        ("AAPL,2020-01-02T15:00:00,1,2,0.5,1.5,10", "2: date: found '2020-01-02T15:00:00'", time),
        ("AAPL,,1,2,0.5,1.5,10", "2: date: found ''", time),
        ("AAPL,2020-01-02,-1,2,0.5,1.5,10", "2: open: found '-1'", price),
        ("AAPL,2020-01-02,0,2,0.5,1.5,10", "2: open: found '0'", price),
        ("AAPL,2020-01-02,,2,0.5,1.5,10", "2: open: found ''", price),
        ("AAPL,2020-01-02,1,NaN,0.5,1.5,10", "2: high: found 'NaN'", price),
        ("AAPL,2020-01-02,1,2,inf,1.5,10", "2: low: found 'inf'", price),
        ("AAPL,2020-01-02,1,2,0.5,1e3,10", "2: close: found '1e3'", price),
        (
            "AAPL,2020-01-02,1,9999999999999999999999999999,0.5,1.5,10",
            "2: high: found '9999999999999999999999999999'",
            price,
        ),
        ("AAPL,2020-01-02,1,1.2,0.5,1.5,10", "2: high: found '1.2'", "not below open, close and low"),
        ("AAPL,2020-01-02,1,2,3,1.5,10", "2: high: found '2'", "not below open, close and low"),
        ("AAPL,2020-01-02,1,2,1.2,1.5,10", "2: low: found '1.2'", "not above open and close"),
        ("AAPL,2020-01-02,1,2,0.5,1.5,-1", "2: volume: found '-1'", "a number from 0 to 1000000000000000000"),
        ("AAPL,2020-01-02,1,2,0.5,1.5,", "2: volume: found ''", "a number from 0 to 1000000000000000000"),
        (
            "AAPL,2020-01-02,1,2,0.5",
            "2: row: found 'AAPL,2020-01-02,1,2,0.5'",
            "7 columns, as the header has",
        ),
        (
            "AAPL,2020-01-02,1,2,0.5,1.5,10,1.5",
            "2: row: found 'AAPL,2020-01-02,1,2,0.5,1.5,10,1.5'",
            "7 columns, as the header has",
        ),
        (
            "A\u{1b}[31m,2020-01-02,1,2,0.5,1.5,10",
            "2: symbol: found 'A\\u{1b}[31m'",
            "a symbol such as AAPL or BTC-USD",
        ),
        ("AAPL,2020-01-02,1\r,2,0.5,1.5,10", "2: open: found '1\\r'", price),
        (
            "AAPL,2020-01-02,1,2,0.5,1.5,10\u{0}",
            "2: volume: found '10\\u{0}'",
            "a number from 0 to 1000000000000000000",
        ),
        (
            "AAPL,2020-01-02,1,2,0.5,1.5,10\n\nBTC-USD,2020-01-04T00:00:00Z,1,2,0.5,1.5,10",
            "4: date: found '2020-01-04T00:00:00Z'",
            "a date YYYY-MM-DD, as in the rows before",
        ),
        (
            "BTC-USD,2020-01-04T00:00:00Z,1,2,0.5,1.5,10\nAAPL,2020-01-02,1,2,0.5,1.5,10",
            "3: date: found '2020-01-02'",
            "an RFC 3339 time, as in the rows before",
        ),
        ("", "1: file: found 'no rows'", "at least one bar"),
    ];
    for (rows, found, allowed) in cases {
        let error = read(&format!("{PLAIN}{rows}")).unwrap_err().to_string();
        assert_eq!(error, format!("bars.csv:{found}, allowed: {allowed}"));
        assert!(!error.contains(char::is_control), "{error:?}");
    }
    let error = read(&format!("{HEADER}AAPL,2020-01-02,1,2,0.5,1.5,10,")).unwrap_err();
    assert_eq!(error.to_string(), format!("bars.csv:2: adj_close: found '', allowed: {price}"));
}

#[test]
fn headers_are_checked_by_name_and_order() {
    let columns = "symbol,date,open,high,low,close,volume[,adj_close]";
    for (header, found) in [
        ("", ""),
        ("date,close", "date,close"),
        ("symbol,date,open,high,low,close,vwap", "vwap"),
        ("symbol,date,open,high,low,close,volume,adj_close,note", "note"),
        ("symbol,date,high,open,low,close,volume", "symbol,date,high,open,low,close,volume"),
        ("\u{1b}]0;x\u{7}", "\\u{1b}]0;x\\u{7}"),
    ] {
        let error = read(&format!("{header}\nAAPL,2020-01-02,1,2,0.5,1.5,10\n")).unwrap_err();
        assert_eq!(error.to_string(), format!("bars.csv:1: header: found '{found}', allowed: {columns}"));
    }
    let bars = read(&format!("\u{feff}{}AAPL, 2020-01-02 ,1,2,0.5,1.5,10\r\n", PLAIN.replace('\n', "\r\n")));
    assert_eq!(bars.unwrap().series.len(), 1, "a byte order mark, blanks and CRLF are no error");
    let quoted =
        format!("{}\"AAPL\",\"2020-01-02\", \"1\" ,2,0.5,1.5,10\n", PLAIN.replace("symbol", "\"symbol\""));
    assert_eq!(read(&quoted).unwrap().series.len(), 1, "spreadsheets put quotation marks around cells");
    let error = read(&format!("{PLAIN}AAPL,2020-01-02,\"1\\,000\",2,0.5,1.5,10\n")).unwrap_err();
    assert_eq!((error.field, error.line), ("row", 2));
}

#[test]
fn the_width_is_read_off_the_rows_or_said_and_never_guessed() {
    let rows = |stamps: &[&str]| {
        let line = |stamp: &&str| format!("BTC-USD,{stamp},1,2,0.5,1.5,10\n");
        format!("{PLAIN}{}", stamps.iter().map(line).collect::<String>())
    };
    let read = |stamps: &[&str], said: Option<Interval>| {
        parse_as("x", &rows(stamps), &Calendar::nyse(), said).map(|bars| {
            let row = bars.series.values().next().unwrap()[0];
            format!("{} {}", bars.interval.unwrap(), row.end.duration_since(row.bar.start).as_secs())
        })
    };
    let (five, two) = ("2026-11-24T15:05:00Z", "2026-11-24T15:02:00Z");
    let start = "2026-11-24T15:00:00Z";
    for (stamps, said, expect) in [
        (vec![start, five], None, "5m 300"),
        (vec!["2026-11-24T10:00:00-05:00", five], None, "5m 300"),
        (vec![start, five], Some(Interval::Minute1), "1m 60"),
        (vec![start, "2026-11-25T15:00:00Z"], None, "1d 86400"),
        (vec!["2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"], None, "1d 86400"),
        (vec![start], Some(Interval::Hour1), "1h 3600"),
        (vec!["2026-11-24", "2026-11-25"], None, "1d 86400"),
    ] {
        assert_eq!(read(&stamps, said).as_deref(), Ok(expect), "{stamps:?}");
    }
    for (stamps, said, expect) in [
        (
            vec![start, two],
            None,
            "rows 60, 300, 900, 3600, 86400 or 604800 s apart, or bars of a named width",
        ),
        (vec![start, two], Some(Interval::Minute5), "rows at least 300 s apart"),
        (vec![start], None, "two rows of a symbol, or bars of a named width"),
        (vec!["2026-11-24"], Some(Interval::Hour1), "RFC 3339 times for bars of this width"),
    ] {
        assert_eq!(read(&stamps, said).unwrap_err().allowed, expect, "{stamps:?}");
    }
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("\u{1b}]0;owned\u{7}no\nfile.csv");
    let error = load(&missing, &Calendar::nyse()).unwrap_err();
    assert_eq!((error.line, error.field), (0, "file"));
    assert!(!error.to_string().contains(char::is_control), "{error:?}");
    let broken = folder.path().join("bars.csv");
    std::fs::write(&broken, [PLAIN.as_bytes(), b"AAPL\xff"].concat()).unwrap();
    let error = load(&broken, &Calendar::nyse()).unwrap_err();
    assert_eq!((error.line, error.found.as_str()), (2, "byte 0xff"));
    let text = format!("{PLAIN}AAPL,2020-01-02,1,2,0.5,1.5,10");
    std::fs::write(&broken, &text).unwrap();
    assert!(load(&broken, &Calendar::nyse()).is_ok());
    // What a file is, not what a header should be.
    for (name, bytes, found, allowed) in [
        ("bars.parquet", text.as_bytes(), "no Parquet", "begins with PAR1; name a text .csv"),
        ("bars.PARQUET", &b""[..], "an empty file", "begins with PAR1"),
        ("bars.parquet", &b"PAR1"[..], "ends too soon", "Parquet"),
        ("bars.csv.gz", &b"\x1f\x8b\x08\x00"[..], "a gzip archive", "unpacked"),
        ("bars.csv", &b"PK\x03\x04\x14\x00"[..], "a zip archive or a spreadsheet", "unpacked"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let opened = load(&path, &Calendar::nyse()).unwrap_err();
        let kept = load_bytes(&path, bytes, &Calendar::nyse(), &mut |_| true).unwrap_err();
        for error in [opened, kept] {
            let said = error.to_string();
            assert!(
                said.contains(found) && said.contains(allowed) && !said.contains("symbol,date"),
                "{said}"
            );
        }
    }
}
