//! Backtests as their users run them: reports, walks, sweeps that are interrupted, files of bars and of ticks.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::Value;

use super::detached::Home;

const SET: [&str; 6] = ["--set", "fast=5", "--set", "slow=20", "--set", "quantity=10"];

fn backtest<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ["backtest", "sma_cross"].into_iter().chain(SET).chain(more.iter().copied()).collect()
}

/// A profile, with files beside it.
struct Lab(Home);

impl Lab {
    fn new() -> Self {
        Self(Home::new())
    }

    /// Where a file of that name is, or will be.
    fn file(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// A file of that text.
    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.file(name), text).unwrap();
        self.file(name)
    }

    /// The usual crossing over something, with these options more.
    fn run(&self, more: &[&str]) -> Value {
        self.0.json(&backtest(more))
    }

    /// The same over a file.
    fn over(&self, file: &str) -> Value {
        self.run(&["--data", file])
    }

    /// What is said where it is refused.
    fn refused(&self, words: &[&str]) -> String {
        let output = self.0.output(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// The same of the usual crossing.
    fn run_refused(&self, more: &[&str]) -> String {
        self.refused(&backtest(more))
    }
}

#[test]
fn a_run_is_drawn_reported_and_found_honest() {
    let lab = Lab::new();
    let (page, drawing, trades) = (lab.file("run.html"), lab.file("run.svg"), lab.file("trades.csv"));
    let words = backtest(&[
        "--symbol",
        "IBM",
        "--report",
        &page,
        "--svg",
        &drawing,
        "--trades",
        &trades,
        "--check-lookahead",
    ]);
    let run = lab.0.json(&words);
    assert_eq!((run["lookahead_cuts"].as_u64(), run["bars"].as_u64()), (Some(5), Some(3_270)));
    let count = run["trades"].as_array().unwrap().len();
    assert!(count > 20, "{count}");
    let text = std::fs::read_to_string(&drawing).unwrap();
    assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"), "{}", &text[..60]);
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains("<svg") && text.contains("sharpe") && !text.contains("<script"));
    assert_eq!(std::fs::read_to_string(&trades).unwrap().lines().count(), count + 1);
    // What is there is not written over by itself.
    assert!(!lab.0.output(&words).status.success());
    let many = lab.run_refused(&["--symbol", "IBM", "--set", "fast=5..7", "--report", &page]);
    assert!(many.contains("--report"), "{many}");
}

/// Why it acted and how each day went are files of their own.
#[test]
fn what_a_run_decided_and_how_its_days_went_are_written() {
    let lab = Lab::new();
    let (days, why, json) = (lab.file("days.csv"), lab.file("why.csv"), lab.file("why.json"));
    let run = lab.run(&["--symbol", "IBM", "--equity", &days, "--decisions", &why]);
    let text = std::fs::read_to_string(&days).unwrap();
    let mut rows = text.lines();
    assert_eq!(rows.next(), Some("date,equity,low,high"));
    let (mut count, mut within) = (0, 0);
    for row in rows {
        let figures: Vec<f64> = row.split(',').skip(1).map(|cell| cell.parse().unwrap()).collect();
        assert!(figures[1] <= figures[0] && figures[0] <= figures[2], "{row}");
        count += 1;
        within += usize::from(figures[1] < figures[2]);
    }
    assert!(count == 3_270 && within > 1_000, "{count} days, {within} with a range");
    let metric = |name: &str| {
        let metrics = run["metrics"].as_array().unwrap();
        metrics.iter().find(|metric| metric["name"] == name).unwrap()["value"].as_f64().unwrap()
    };
    assert!(
        metric("max_drawdown_intraday") <= metric("max_drawdown"),
        "the lows are no higher than the closes"
    );
    assert!(metric("gross_exposure") > 0.0 && metric("slippage_cost") > 0.0);
    let slippage: f64 = run["slippage"].as_str().unwrap().parse().unwrap();
    assert!((metric("slippage_cost") - slippage).abs() < 1e-9);
    assert!(run["deepest_fall"]["peak"].as_str() < run["deepest_fall"]["trough"].as_str(), "{run}");
    let text = std::fs::read_to_string(&why).unwrap();
    assert!(
        text.starts_with("at,symbol,code,text\n") && text.contains(",IBM,SMA_CROSS_"),
        "{}",
        &text[..200]
    );
    assert!(text.lines().count() > run["orders"].as_u64().unwrap() as usize, "one for each order at least");
    let wheel = ["backtest", "wheel", "--symbol", "IBM", "--from", "2007-01-01", "--until", "2007-02-28"];
    lab.0.json(&[&wheel[..], &["--decisions", &json]].concat());
    let rows: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert!(rows.as_array().unwrap().iter().any(|row| row["code"] == "WHEEL_SELL_PUT"), "{rows}");
    let many = lab.run_refused(&["--symbol", "IBM", "--set", "fast=5..7", "--decisions", &why]);
    assert!(many.contains("are of one run"), "{many}");
}

/// What is written of a market reads back as the data of a backtest, as text and as a table.
#[test]
fn bars_that_are_exported_can_be_run_over() {
    let lab = Lab::new();
    for (symbol, interval, name) in
        [("KO", "1d", "ko.csv"), ("KO", "5m", "ko.parquet"), ("BTC-USD", "1d", "coins.parquet")]
    {
        let path = lab.file(name);
        let words = ["export", "bars", symbol, "--interval", interval, "--limit", "300", "--to", &path];
        let written = lab.0.json(&words);
        let count = written["bars"].as_u64().unwrap();
        assert!((290..=300).contains(&count), "{written}");
        let run = lab.over(&path);
        assert_eq!(
            (run["bars"].as_u64(), run["instruments"].as_array().unwrap().len()),
            (Some(count), 1),
            "{name}"
        );
        assert!(lab.refused(&words).contains("--force") || !lab.0.output(&words).status.success(), "{name}");
    }
}

#[test]
fn a_walk_measures_each_choice_on_days_it_was_not_made_on() {
    let lab = Lab::new();
    let words = [
        "backtest",
        "sma_cross",
        "--symbol",
        "IBM",
        "--set",
        "fast=5..15:5",
        "--set",
        "slow=30..50:10",
        "--set",
        "quantity=10",
        "--walk-forward",
        "train=2y,test=1y",
        "--rank",
        "sharpe",
    ];
    let walk = lab.0.json(&words);
    let rows = walk["rows"].as_array().unwrap();
    assert!(rows.len() >= 8 && walk["sets"] == 9, "{} rows", rows.len());
    for pair in rows.windows(2) {
        let day = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        assert!(day(&pair[0], "train_from") < day(&pair[0], "test_from"), "{pair:?}");
        assert!(day(&pair[0], "test_until") < day(&pair[1], "test_from"), "{pair:?}");
    }
    let late = lab.run_refused(&["--from", "2012-01-03", "--walk-forward", "train=2y,test=1y"]);
    assert!(late.contains("less than a training of 730 days"), "{late}");
    let words = ["--symbol", "IBM", "--walk-forward", "train=2y,test=1y", "--rank", "luck"];
    let unknown = lab.run_refused(&words);
    assert!(unknown.contains("--rank: found 'luck', allowed total_return"), "{unknown}");
}

/// Ctrl-C ends a sweep, and what is done by then is its result.
#[test]
fn an_interrupted_sweep_keeps_what_is_done() {
    let home = Home::new();
    let words = [
        "backtest",
        "sma_cross",
        "--symbol",
        "IBM",
        "--set",
        "fast=2..101",
        "--set",
        "slow=102..301",
        "--set",
        "quantity=10",
        "--json",
    ];
    // On a machine that does other things too, the first run is done later.
    let interrupted = [3, 12, 48].map(Duration::from_secs).into_iter().find_map(|wait| {
        let mut command = home.command(&words);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        std::thread::park_timeout(wait);
        kill(pid, Signal::SIGINT).unwrap();
        let output = child.wait_with_output().unwrap();
        let too_early = String::from_utf8_lossy(&output.stderr).contains("before the first run was done");
        (!too_early).then_some(output)
    });
    let output = interrupted.expect("no run was done within 48 s");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (asked, done) = (report["asked"].as_u64().unwrap(), report["rows"].as_array().unwrap().len() as u64);
    assert!(asked == 20_000 && (1..asked).contains(&done), "{done} of {asked}");
}

/// Rows of minutes: a walk of quarters of a dollar.
fn minutes(count: i64) -> Vec<(String, [f64; 5])> {
    let (mut state, mut price) = (7_u64, 400_i64);
    (0..count)
        .map(|n| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let open = price;
            price = (price + i64::try_from((state >> 33) % 9).unwrap() - 4).max(40);
            let at = jiff::Timestamp::from_second(1_704_067_200 + n * 60).unwrap();
            let [open, close] = [open, price].map(|quarters| quarters as f64 / 4.0);
            (at.to_string(), [open, open.max(close) + 0.25, open.min(close) - 0.25, close, 1_000.0])
        })
        .collect()
}

fn write_csv(path: &Path, rows: &[(String, [f64; 5])]) {
    let mut text = "symbol,date,open,high,low,close,volume\n".to_owned();
    for (at, [open, high, low, close, volume]) in rows {
        text.push_str(&format!("TEST,{at},{open},{high},{low},{close},{volume}\n"));
    }
    std::fs::write(path, text).unwrap();
}

/// The same rows as pandas would write them: times in microseconds of UTC, prices as doubles, packed.
fn write_parquet(path: &Path, rows: &[(String, [f64; 5])], packed: Compression) {
    let schema = "message bars { required binary symbol (UTF8); required int64 date (TIMESTAMP(MICROS,true));
        required double open; required double high; required double low; required double close;
        required double volume; }";
    let properties = WriterProperties::builder().set_compression(packed).build();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer =
        SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::new(properties)).unwrap();
    for rows in rows.chunks(700) {
        let mut group = writer.next_row_group().unwrap();
        for at in 0..7 {
            let mut column = group.next_column().unwrap().unwrap();
            match column.untyped() {
                ColumnWriter::ByteArrayColumnWriter(to) => {
                    to.write_batch(&vec![ByteArray::from("TEST"); rows.len()], None, None).unwrap();
                }
                ColumnWriter::Int64ColumnWriter(to) => {
                    let micros = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
                    let values: Vec<i64> = rows.iter().map(|(at, _)| micros(at)).collect();
                    to.write_batch(&values, None, None).unwrap();
                }
                ColumnWriter::DoubleColumnWriter(to) => {
                    let values: Vec<f64> = rows.iter().map(|(_, values)| values[at - 2]).collect();
                    to.write_batch(&values, None, None).unwrap();
                }
                _ => panic!("another type"),
            }
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
}

#[test]
fn parquet_and_csv_of_the_same_bars_are_the_same_run() {
    let lab = Lab::new();
    let [csv_path, path, bad] = ["bars.csv", "bars.parquet", "bad.parquet"].map(|name| lab.file(name));
    let mut rows = minutes(3_000);
    write_csv(Path::new(&csv_path), &rows);
    let csv = lab.over(&csv_path);
    assert!(csv["orders"].as_u64().unwrap() > 100 && csv["bars"] == 3_000, "{csv}");
    for packed in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(Default::default())] {
        write_parquet(Path::new(&path), &rows, packed);
        assert_eq!(lab.over(&path)["fingerprint"], csv["fingerprint"]);
    }
    // Kept as it is, and found by its name.
    let kept = lab.0.json(&["import", "bars", &path, "--name", "mine"]);
    assert_eq!((kept["bars"].as_u64(), kept["interval"].as_str()), (Some(3_000), Some("1m")));
    assert!(kept["file"].as_str().unwrap().ends_with("mine.parquet"), "{kept}");
    assert_eq!(lab.over("mine")["fingerprint"], csv["fingerprint"]);
    assert!(!lab.0.output(&["import", "bars", &csv_path, "--name", "mine"]).status.success());
    lab.0.json(&["import", "bars", &csv_path, "--name", "mine", "--force"]);
    assert_eq!(lab.over("mine")["fingerprint"], csv["fingerprint"]);
    // The same checks, with row and column.
    rows[1_999].1[1] = 0.5;
    write_parquet(Path::new(&bad), &rows, Compression::SNAPPY);
    let said = lab.run_refused(&["--data", &bad]);
    assert!(said.contains("bad.parquet: row 2000: high: found '0.5', allowed: not below open"), "{said}");
    rows.swap(1_000, 1_001);
    write_parquet(Path::new(&bad), &rows, Compression::SNAPPY);
    let said = lab.run_refused(&["--data", &bad]);
    assert!(said.contains("row 1002: date: found '") && said.contains("later than the row before"), "{said}");
}

#[test]
fn ticks_are_run_one_by_one_and_make_the_bars() {
    let lab = Lab::new();
    let mut text = "symbol,time,bid,ask,bid_size,ask_size,price,size\n".to_owned();
    for (n, (_, [_, _, _, price, _])) in minutes(3_000).into_iter().enumerate() {
        let at = jiff::Timestamp::from_second(1_704_067_200 + 20 * i64::try_from(n).unwrap()).unwrap();
        text.push_str(&format!("BTC-USD,{at},{},{},1000,1000,{price},5\n", price - 0.25, price + 0.25));
    }
    let data = lab.write("ticks.csv", &text);
    let wide = lab.run(&["--data", &data, "--interval", "5m"]);
    let (first, again) = (lab.over(&data), lab.over(&data));
    assert_eq!(first["fingerprint"], again["fingerprint"]);
    assert_eq!((first["ticks"].as_u64(), wide["ticks"].as_u64()), (Some(3_000), Some(3_000)));
    let bars = |run: &Value| run["bars"].as_u64().unwrap();
    assert!((990..=1_000).contains(&bars(&first)) && (190..=200).contains(&bars(&wide)), "{first}");
    assert!(first["orders"].as_u64().unwrap() > 20 && first["denied"] == 0, "{first}");
    // Bought at the ask of its very tick, sold at the bid of another: the spread is paid, and a cent of slippage.
    let trade = &first["trades"][0];
    let quote = |at: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("BTC-USD,{at},"))).unwrap();
        let cells: Vec<f64> = line.split(',').skip(2).take(2).map(|cell| cell.parse().unwrap()).collect();
        (cells[0], cells[1])
    };
    let of = |name: &str| trade[name].as_str().unwrap();
    let price = |name: &str| of(name).parse::<f64>().unwrap();
    let (paid, got) = (price("entry_price"), price("exit_price"));
    assert!((0.0..=0.011).contains(&(paid - quote(of("opened_at")).1)), "{trade}");
    assert!((0.0..=0.011).contains(&(quote(of("closed_at")).0 - got)), "{trade}");
    let data = lab.write("ticks.csv", &format!("{text}BTC-USD,2020-01-01T00:00:00Z,1,2,3,4,,\n"));
    let said = lab.run_refused(&["--data", &data]);
    assert!(said.contains("ticks.csv:3002: time: found '2020-01-01T00:00:00Z'"), "{said}");
    let many = lab.run_refused(&["--data", &data, "--set", "fast=5..7"]);
    assert!(many.contains("a run over ticks is one by itself"), "{many}");
}

/// What the first day won is part of the return, a silence in a session is said, and so is why orders were denied.
#[test]
fn the_first_day_counts_and_silences_and_denials_are_said() {
    let lab = Lab::new();
    let mut rows = minutes(1_000);
    rows.drain(300..400);
    write_csv(Path::new(&lab.file("shares.csv")), &rows);
    let coins = std::fs::read_to_string(lab.file("shares.csv")).unwrap().replace("TEST,", "BTC-USD,");
    let run = lab.over(&lab.write("coins.csv", &coins));
    let number = |name: &str| run[name].as_str().unwrap().parse::<f64>().unwrap();
    let metric = |name: &str| {
        let metrics = run["metrics"].as_array().unwrap();
        metrics.iter().find(|metric| metric["name"] == name).unwrap()["value"].as_f64().unwrap()
    };
    let won = number("final_equity") / number("starting_cash") - 1.0;
    assert!(won != 0.0 && (metric("total_return") - won).abs() < 1e-9, "{won} {run}");
    let warnings = run["warnings"].as_array().unwrap();
    let silence = "BTC-USD: once no bar for more than an hour of a session, the longest from 2024-01-01T04:59:00Z to \
                   2024-01-01T06:40:00Z";
    assert_eq!(warnings, &[Value::from(silence)]);
    // A single day says nothing of a year.
    let day: String = coins.lines().take(200).map(|line| format!("{line}\n")).collect();
    let run = lab.over(&lab.write("day.csv", &day));
    let value = |name: &str| {
        let metrics = run["metrics"].as_array().unwrap();
        metrics.iter().find(|metric| metric["name"] == name).unwrap()["value"].clone()
    };
    assert!(value("total_return").is_f64() && value("cagr").is_null() && value("calmar").is_null(), "{run}");
    // Trades alone are a market too; a silence is too old a price for an order at the market.
    let mut text = "symbol,time,price,size\n".to_owned();
    for (n, (_, [_, _, _, price, _])) in minutes(2_000).into_iter().enumerate() {
        let at = jiff::Timestamp::from_second(1_704_067_200 + 25 * i64::try_from(n).unwrap()).unwrap();
        text.push_str(&format!("BTC-USD,{at},{price},500\n"));
    }
    let run = lab.over(&lab.write("trades.csv", &text));
    let (orders, denied) = (run["orders"].as_u64().unwrap(), run["denied"].as_u64().unwrap());
    assert!(denied > 0 && denied < orders, "{denied} of {orders}");
    let stale = run["denials"]["STALE_QUOTE"].as_u64().unwrap();
    assert!(0 < stale && stale <= denied, "{}", run["denials"]);
    let said = lab.0.output(&backtest(&["--data", &lab.file("trades.csv")]));
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        said.contains(&format!("{orders} ({denied} denied: ")) && said.contains("STALE_QUOTE "),
        "{said}"
    );
}

/// What two programs, or two machines, prove to each other: it is written down here. It changes with the rules of the venue alone, and then the
/// trades are looked at.
#[test]
fn the_fingerprint_of_a_run_is_the_same_on_every_machine() {
    let home = Home::new();
    let set = ["--set", "fast=10", "--set", "slow=30", "--json"];
    let run = |symbol: &str| -> Value {
        let output = home.output(&[&["backtest", "sma_cross", "--symbol", symbol][..], &set].concat());
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let of = |run: &Value| {
        (run["fingerprint"].as_str().unwrap().to_owned(), run["final_equity"].as_str().unwrap().to_owned())
    };
    assert_eq!(
        of(&run("MSFT")),
        (
            "fd55980aeee7ce20c50615a774057def76e6ec2e16d61c765c4b7b7bacadba0c".to_owned(),
            "157822.28".to_owned()
        )
    );
}
