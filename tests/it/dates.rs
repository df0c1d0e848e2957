//! Dates and tax lots from the command line: written down, read in, shown beside the calendar; lots named with the order that closes them.

use super::detached::Home;

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn shown(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn dates_are_written_down_read_in_and_stand_in_the_calendar() {
    let home = Home::new();
    let none = home.output(&["events", "list"]);
    assert!(shown(&none).contains("arbion events add AAPL"), "{}", shown(&none));
    home.json(&["events", "add", "aapl", "2027-01-28", "--before-open", "--announced", "2027-01-07"]);
    home.json(&["events", "add", "AAPL", "2027-02-08", "--dividend", "0.27"]);
    let again = home.output(&["events", "add", "AAPL", "2027-01-28"]);
    assert!(shown(&again).contains("in place of 2027-01-28 before_open"), "{}", shown(&again));
    let file = home.path().join("dates.csv");
    std::fs::write(&file, "symbol,date,kind,amount\nKO,2027-02-09,,\nKO,2027-03-12,dividend,0.51\n").unwrap();
    let read = home.json(&["events", "import", file.to_str().unwrap()]);
    assert_eq!((&read["added"], &read["replaced"]), (&2.into(), &0.into()), "{read}");
    let all = home.json(&["events", "list", "--all"]);
    let rows: Vec<String> = all["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {} {}", row["date"], row["symbol"], row["kind"]).replace('"', ""))
        .collect();
    assert_eq!(
        rows,
        [
            "2027-01-28 AAPL earnings",
            "2027-02-08 AAPL dividend",
            "2027-02-09 KO earnings",
            "2027-03-12 KO dividend"
        ]
    );
    let calendar = home.output(&["calendar", "--date", "2027-01-27"]);
    assert!(shown(&calendar).contains("AAPL earnings after close"), "{}", shown(&calendar));
    let year = home.json(&["calendar", "--year", "2027"]);
    assert_eq!(year["events"].as_array().unwrap().len(), 4);

    // What is wrong is named, and nothing is lost.
    std::fs::write(&file, "symbol,date\nPEP,2027-02-09\nPEP,soon\n").unwrap();
    for (args, words) in [
        (&["events", "import", file.to_str().unwrap()][..], "dates.csv:3: PEP: found 'soon"),
        (&["events", "remove", "KO", "2027-01-01"], "nothing of 2027-01-01 is written of KO"),
        (&["events", "add", "KO", "2027-02-09", "--announced", "2027-02-10"], "a day up to it"),
        (&["events", "add", "KO", "2027-02-09", "--dividend", "0"], "above zero"),
    ] {
        let output = home.output(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{args:?}: {}", said(&output));
    }
    assert_eq!(home.json(&["events", "list", "--all"]), all);
    home.json(&["events", "remove", "KO", "--all"]);
    assert_eq!(home.json(&["events", "list", "KO", "--all"])["events"].as_array().unwrap().len(), 0);
}

/// The profile's own word on the exchange's days: read by the calendar and by the engine, and a slip is one line with the file and its line.
#[test]
fn days_that_no_rule_knows_stand_in_the_profiles_calendar() {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let home = Home::new();
    let file = std::path::PathBuf::from(home.json(&["config", "path"])["profile"].as_str().unwrap());
    home.json(&["events", "add", "KO", "2027-02-09"]);
    let write = |text: &str| {
        let mut options = std::fs::OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        options.open(file.join("calendar.toml")).unwrap().write_all(text.as_bytes()).unwrap();
    };
    write("closed = [\"2027-03-15\"]\nearly = { \"2027-07-02\" = true, \"2026-12-24\" = false }\n");
    let day = |day: &str| home.json(&["calendar", "--date", day]);
    assert_eq!(day("2027-03-12")["next_session"], "2027-03-16");
    assert!(day("2027-03-15")["session"].is_null());
    assert_eq!(day("2027-07-02")["session"]["close"], "2027-07-02T17:00:00Z");
    assert_eq!(day("2026-12-24")["session"]["early"], false);
    // The language and backtests go by the same days: an expiry moves, and a day without a bar is none that is missing.
    let parsed = |home: &Home| {
        let words = ["parse", "--today", "2027-03-01", "buy 1 aapl mar 200 call at 5"];
        home.json(&words).to_string()
    };
    let bars = home.path().join("bars.csv");
    let rows = "symbol,date,open,high,low,close,volume\nA,2027-03-12,9,9,9,9,1\nA,2027-03-16,9,9,9,9,1\n";
    std::fs::write(&bars, rows).unwrap();
    let run =
        || home.json(&["backtest", "sma_cross", "--data", bars.to_str().unwrap(), "--set", "quantity=1"]);
    assert!(run()["warnings"].is_null(), "{}", run());
    let before = parsed(&home);
    write("closed = [\"2027-03-19\"]\n");
    let after = parsed(&home);
    assert!(before != after && after.contains("2027-03-18"), "{before} {after}");
    assert!(run()["warnings"].to_string().contains("1 session has no bar"), "{}", run());
    write("\nclosed = [\"2027-03-14\"]\n");
    let output = home.output(&["calendar", "--date", "2027-03-12"]);
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(2), true));
    let line = said(&output);
    assert!(line.contains("calendar.toml:2: closed: 2027-03-14 is no day of trading"), "{line}");
    // What trades goes on by the rules.
    home.json(&["order", "place", "buy", "1", "AAPL"]);
}

#[test]
fn lots_are_named_with_the_order_that_closes_them() {
    let home = Home::new();
    let number = |order: &serde_json::Value| order["orders"][0]["number"].as_u64().unwrap().to_string();
    let first = number(&home.json(&["order", "place", "buy", "10", "AAPL"]));
    let second = number(&home.json(&["order", "place", "buy", "10", "AAPL", "--allow-duplicate"]));
    for (args, words) in [
        (&["order", "place", "buy", "5", "AAPL", "--lots", &first][..], "closes no lots"),
        (
            &["order", "place", "sell", "5", "AAPL", "--lots", "999"],
            "lot 999: allowed numbers of orders that bought",
        ),
    ] {
        let output = home.output(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{args:?}: {}", said(&output));
    }
    assert_eq!(
        home.json(&["order", "list", "--all"])["orders"].as_array().unwrap().len(),
        2,
        "nothing went out"
    );
    let sale = home.output(&["order", "place", "sell", "10", "AAPL", "--lots", &second]);
    assert!(
        shown(&sale).contains(&format!("lots {second} are named; the method of paper is fifo")),
        "{}",
        shown(&sale)
    );
    let closed = |method: &str| {
        let gains = home.json(&["tax", "gains", "--method", method]);
        let of = gains["gains"][0]["lot"].as_str().unwrap().to_owned();
        let lots = home.json(&["tax", "lots", "--method", method]);
        assert_eq!(lots["lots"].as_array().unwrap().len(), 1);
        (of, lots["lots"][0]["lot"].as_str().unwrap().to_owned())
    };
    let (fifo, specific) = (closed("fifo"), closed("specific"));
    assert_eq!((fifo.0, fifo.1), (specific.1, specific.0), "the named one is closed, not the oldest");
    // A lot that is closed cannot be named any more, and the choice of today may still be taken back.
    let gone = home.output(&["order", "preview", "sell", "5", "AAPL", "--lots", &second]);
    assert!(gone.status.success() || said(&gone).contains("nothing of it is open"), "{}", said(&gone));
    let average = home.json(&["tax", "lots", "--average"]);
    assert_eq!(average["averages"][0]["quantity"], "10", "{average}");
    assert!(first != second);
}
