//! Where closes come from, and what is said where none do.

use jiff::civil::date;

use super::*;
use crate::config::ProfileFiles;
use crate::domain::money::Price;
use crate::engine::still_feed::StillFeed;

fn now() -> Timestamp {
    // Tuesday, in the session.
    "2026-11-24T18:45:10Z".parse().unwrap()
}

/// Bars of weekdays that begin at an hour of UTC, up to today's.
fn bars(days: usize, hour: &str) -> Vec<Bar> {
    let first = crate::domain::calendar::plus_days(date(2026, 11, 25), -(days as i64));
    let price = |n: usize| Price::from(100 + (n as i64 % 7));
    (0..days)
        .map(|n| {
            let day = crate::domain::calendar::plus_days(first, n as i64);
            let close = price(n);
            Bar {
                start: format!("{day}T{hour}:00Z").parse().unwrap(),
                open: close,
                high: close,
                low: close,
                close,
                volume: rust_decimal::Decimal::ONE,
            }
        })
        .collect()
}

fn fake(bars: Option<Vec<Bar>>) -> Arc<StillFeed> {
    Arc::new(StillFeed::with(bars))
}

fn gathering(home: Option<&std::path::Path>, wanted: &[(&str, Option<&Arc<StillFeed>>)]) -> Gathering {
    let elsewhere = wanted.iter().map(|(key, feed)| Elsewhere {
        instrument: Instrument::from_key(key).unwrap(),
        live: feed.is_some(),
        feed: feed.map(|feed| Arc::clone(feed) as Arc<dyn MarketFeed>),
        own: Vec::new(),
        own_source: HistorySource::Simulated,
    });
    Gathering {
        found: BTreeMap::new(),
        elsewhere: elsewhere.collect(),
        reading: Reading {
            calendar: Arc::new(Calendar::nyse()),
            now: now(),
            imported: home.map(|home| (Imported::new(Arc::new(Calendar::nyse())), home.to_path_buf())),
            histories: Histories::default(),
        },
    }
}

fn of<'a>(found: &'a BTreeMap<Instrument, Known>, key: &str) -> &'a Known {
    &found[&Instrument::from_key(key).unwrap()]
}

#[tokio::test(start_paused = true)]
async fn a_brokers_bars_are_asked_for_once_and_the_day_that_runs_is_no_close() {
    let feed = fake(Some(bars(40, "05:00")));
    let gathering = gathering(None, &[("AAPL", Some(&feed))]);
    let kept = gathering.reading.histories.clone();
    let found = gathering.finish().await;
    let closes = of(&found, "AAPL").as_ref().unwrap();
    assert_eq!((closes.source, closes.days.len()), (HistorySource::Broker, 39));
    assert_eq!(closes.days.last().unwrap().0, date(2026, 11, 23));
    let key = (Instrument::from_key("AAPL").unwrap(), true);
    assert!(kept.fresh(&key, now() + SignedDuration::from_mins(59)).is_some());
    assert!(kept.fresh(&key, now() + SignedDuration::from_mins(60)).is_none());
    assert!(kept.fresh(&(key.0, false), now()).is_none(), "another source's are others");
}

#[test]
fn a_day_is_the_one_on_which_its_bar_ends() {
    let calendar = Calendar::nyse();
    let last = |key: &str, hour: &str, now: &str| {
        let days =
            closes_of(&bars(3, hour), &Instrument::from_key(key).unwrap(), &calendar, now.parse().unwrap());
        days.last().map(|(day, _)| day.to_string())
    };
    // A coin's day begins at midnight of UTC, on the evening before in New York.
    assert_eq!(last("BTC-USD", "00:00", "2026-11-24T18:45:10Z").as_deref(), Some("2026-11-23"));
    assert_eq!(last("BTC-USD", "00:00", "2026-11-25T00:00:00Z").as_deref(), Some("2026-11-24"));
    // A session's bar ends with the session.
    assert_eq!(last("AAPL", "14:30", "2026-11-24T20:59:59Z").as_deref(), Some("2026-11-23"));
    assert_eq!(last("AAPL", "14:30", "2026-11-24T21:00:00Z").as_deref(), Some("2026-11-24"));
    assert_eq!(last("AAPL", "05:00", "2026-11-25T05:00:00Z").as_deref(), Some("2026-11-24"));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_is_named_and_holds_nobody_up() {
    let (deaf, good) = (fake(None), fake(Some(bars(40, "05:00"))));
    let mut wanted: Vec<(&str, Option<&Arc<StillFeed>>)> =
        ["A", "B", "C", "D", "E", "F", "G", "H", "I"].into_iter().map(|key| (key, Some(&deaf))).collect();
    wanted.insert(0, ("AAPL", Some(&good)));
    let started = Instant::now();
    let found = gathering(None, &wanted).finish().await;
    let waited = Instant::now() - started;
    assert!(waited >= WAIT && waited < WAIT + Duration::from_millis(50), "{waited:?}");
    assert!(of(&found, "AAPL").is_ok());
    assert_eq!(of(&found, "A"), &Err("its broker did not answer".to_owned()));
    assert_eq!(of(&found, "I"), &Err("its broker has not answered yet".to_owned()));
    assert_eq!(found.len(), 10, "everything that was asked for is in the answer");
}

#[tokio::test]
async fn imported_bars_stand_in_where_nobody_else_has_enough() {
    let home = tempfile::tempdir().unwrap();
    let head = "symbol,date,open,high,low,close,volume\n";
    let calendar = Calendar::nyse();
    let (mut day, mut rows) = (date(2026, 9, 1), String::new());
    while day <= date(2026, 11, 24) {
        for symbol in ["KO", "PEP"] {
            rows.push_str(&format!("{symbol},{day},50,51,49,50,100\n"));
        }
        day = calendar.next_session(day);
    }
    ProfileFiles::of(home.path()).keep_bars("mine", format!("{head}{rows}"), false).unwrap();
    let (few, none) = (fake(Some(bars(5, "05:00"))), fake(Some(Vec::new())));
    let wanted =
        [("KO", Some(&few)), ("PEP", None), ("MSFT", Some(&few)), ("TSLA", Some(&none)), ("IBM", None)];
    let found = gathering(Some(home.path()), &wanted).finish().await;
    for key in ["KO", "PEP"] {
        let closes = of(&found, key).as_ref().unwrap();
        assert_eq!((closes.source, closes.file.as_deref()), (HistorySource::Imported, Some("mine")), "{key}");
        assert_eq!(closes.days.last().unwrap().0, date(2026, 11, 23), "today's is not over");
    }
    let msft = of(&found, "MSFT").as_ref().unwrap();
    assert_eq!((msft.source, msft.days.len()), (HistorySource::Broker, 4));
    assert_eq!(of(&found, "TSLA"), &Err("its broker has no daily bars of it".to_owned()));
    assert_eq!(of(&found, "IBM"), &Err("no bars of it are known here".to_owned()));
}
