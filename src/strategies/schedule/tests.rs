//! Every rule of strategies §2.4, and its properties at ten thousand instants.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::domain::calendar::Calendar;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn spec(text: &str) -> ScheduleSpec {
    text.parse().unwrap()
}

#[track_caller]
fn check(text: &str, after: &str, expect: &[&str]) {
    let calendar = Calendar::nyse();
    let mut now = at(after);
    let mut found = Vec::new();
    for _ in expect {
        now = next_due(&spec(text), &calendar, now).unwrap();
        found.push(now.to_string());
    }
    assert_eq!(found, expect, "{text} after {after}");
}

#[test]
fn steps_are_aligned_to_the_open_and_end_before_the_close() {
    check(
        "every 2h",
        "2026-11-24T14:29:59Z",
        &[
            "2026-11-24T14:30:00Z",
            "2026-11-24T16:30:00Z",
            "2026-11-24T18:30:00Z",
            "2026-11-24T20:30:00Z",
            "2026-11-25T14:30:00Z",
        ],
    );
    // Thanksgiving is closed, the day after closes at 13:00, and 12:30 is the last step before it.
    check(
        "every 3h",
        "2026-11-25T20:30:00Z",
        &["2026-11-27T14:30:00Z", "2026-11-27T17:30:00Z", "2026-11-30T14:30:00Z"],
    );
    check(
        "every 7h all",
        "2026-11-24T13:59:59Z",
        &["2026-11-24T14:00:00Z", "2026-11-24T21:00:00Z", "2026-11-25T00:00:00Z"],
    );
}

#[test]
fn bells_follow_early_closes() {
    check("close-15m", "2026-11-25T00:00:00Z", &["2026-11-25T20:45:00Z", "2026-11-27T17:45:00Z"]);
    check("open+30m", "2026-03-06T15:00:00Z", &["2026-03-09T14:00:00Z"]);
    check("open", "2026-03-06T14:30:00Z", &["2026-03-09T13:30:00Z"]);
}

#[test]
fn wall_times_keep_through_clock_changes() {
    check("at 09:45,15:30", "2026-03-06T14:45:00Z", &["2026-03-06T20:30:00Z", "2026-03-09T13:45:00Z"]);
    // 02:30 does not exist on 8 March: the first instant after the gap. 01:30 comes twice on 1 November: the first.
    check("at 02:30 all", "2026-03-07T12:00:00Z", &["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]);
    check("at 01:30 all", "2026-10-31T12:00:00Z", &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]);
    check("at 12:00 Europe/Berlin all", "2026-07-01T12:00:00Z", &["2026-07-02T10:00:00Z"]);
}

#[test]
fn bars_complete_two_seconds_after_their_end() {
    check("bar 1d", "2026-11-25T00:00:00Z", &["2026-11-25T21:00:02Z", "2026-11-27T18:00:02Z"]);
    check("bar 1w", "2026-11-23T12:00:00Z", &["2026-11-27T18:00:02Z", "2026-12-04T21:00:02Z"]);
    // The last hour of a session is half an hour.
    check(
        "bar 1h",
        "2026-11-27T14:30:00Z",
        &[
            "2026-11-27T15:30:02Z",
            "2026-11-27T16:30:02Z",
            "2026-11-27T17:30:02Z",
            "2026-11-27T18:00:02Z",
            "2026-11-30T15:30:02Z",
        ],
    );
    check("bar 1h all", "2026-11-27T14:00:02Z", &["2026-11-27T15:00:02Z"]);
    check("bar 1d all", "2026-11-27T14:00:02Z", &["2026-11-28T00:00:02Z"]);
    check("bar 1w all", "2026-11-27T14:00:02Z", &["2026-11-30T00:00:02Z", "2026-12-07T00:00:02Z"]);
}

#[test]
fn texts_are_read_back_and_nonsense_is_refused() {
    for text in [
        "every 5m",
        "every 30s all",
        "at 09:45,12:30,15:30",
        "at 08:00 Europe/Berlin all",
        "open+30m",
        "close-15m",
        "open",
        "bar 1d",
    ] {
        assert_eq!(spec(text).to_string(), text);
    }
    assert_eq!(spec("at 15:30,09:45,09:45").to_string(), "at 09:45,15:30");
    for text in [
        "",
        "every",
        "every 0m",
        "every 25h",
        "every 5",
        "at 9:45",
        "at 25:00",
        "at 09:45 Mars/Sea",
        "open+13h",
        "noon",
        "bar 7m",
        "open+5m all",
        "every -5m",
    ] {
        let error = text.parse::<ScheduleSpec>().unwrap_err();
        assert!(error.to_string().starts_with(&format!("'{text}' is not a schedule")), "{error}");
    }
}

fn fired(firings: &[Firing]) -> Vec<String> {
    firings
        .iter()
        .map(|firing| match firing {
            Firing::Due { name, due_at } => format!("{name} {due_at}"),
            Firing::Missed { name, due_at } => format!("MISSED {name} {due_at}"),
            Firing::ClockBack { last } => format!("CLOCK_BACK {last}"),
        })
        .collect()
}

fn table(handled: &str) -> (Timetable, Calendar) {
    let calendar = Calendar::nyse();
    let schedules = vec![
        Schedule::opening("open", spec("at 09:45,12:30")),
        Schedule::managing("manage", spec("every 5m")),
    ];
    (Timetable::new(schedules, &calendar, at(handled)), calendar)
}

#[test]
fn what_is_in_time_runs_and_what_is_missed_runs_once_or_not_at_all() {
    let (mut table, calendar) = table("2026-11-24T14:41:00Z");
    assert_eq!(table.next(), Some(at("2026-11-24T14:45:00Z")));
    assert!(table.poll(at("2026-11-24T14:44:59Z"), &calendar, false).is_empty());
    let both = ["open 2026-11-24T14:45:00Z", "manage 2026-11-24T14:45:00Z"];
    assert_eq!(fired(&table.poll(at("2026-11-24T14:45:01Z"), &calendar, false)), both);
    assert!(table.poll(at("2026-11-24T14:45:01Z"), &calendar, false).is_empty());
    // Asleep from 09:46 to 13:02:30 of the exchange: one run of what manages, with the newest due time; what opens is let go.
    let slept = ["MISSED open 2026-11-24T17:30:00Z", "manage 2026-11-24T18:00:00Z"];
    assert_eq!(fired(&table.poll(at("2026-11-24T18:02:30Z"), &calendar, false)), slept);
    assert_eq!(table.next(), Some(at("2026-11-24T18:05:00Z")));
}

#[test]
fn a_restart_after_months_makes_up_for_one_run() {
    let (mut table, calendar) = table("2026-03-02T14:41:00Z");
    // Sunday: Friday's times are the newest, and both are late.
    let late = ["MISSED open 2026-11-20T17:30:00Z", "manage 2026-11-20T20:55:00Z"];
    assert_eq!(fired(&table.poll(at("2026-11-22T12:00:00Z"), &calendar, false)), late);
    assert!(table.poll(at("2026-11-22T13:00:00Z"), &calendar, false).is_empty());
}

#[test]
fn while_it_waits_due_times_become_one() {
    let (mut table, calendar) = table("2026-11-24T15:01:00Z");
    for minute in [5, 10, 15] {
        let now = at(&format!("2026-11-24T15:{minute:02}:01Z"));
        assert!(table.poll(now, &calendar, true).is_empty());
    }
    let one = ["manage 2026-11-24T15:15:00Z"];
    assert_eq!(fired(&table.poll(at("2026-11-24T15:16:00Z"), &calendar, false)), one);
}

#[test]
fn a_clock_that_runs_back_fires_nothing_twice() {
    let (mut table, calendar) = table("2026-11-24T15:01:00Z");
    assert_eq!(table.poll(at("2026-11-24T15:05:00Z"), &calendar, false).len(), 1);
    let back = ["CLOCK_BACK 2026-11-24T15:05:00Z"];
    assert_eq!(fired(&table.poll(at("2026-11-24T15:04:00Z"), &calendar, false)), back);
    assert!(table.poll(at("2026-11-24T15:05:00Z"), &calendar, false).is_empty());
}

fn any_spec() -> impl Strategy<Value = ScheduleSpec> {
    let words = prop::sample::select(vec![
        "every 5m",
        "every 7m",
        "every 1s",
        "every 24h",
        "every 30s all",
        "every 7h all",
        "at 09:45,12:30,15:30",
        "at 02:30 all",
        "at 01:30,02:00 Europe/Berlin all",
        "at 00:00 Asia/Tokyo",
        "open",
        "open+15m",
        "close-30m",
        "close+11h",
        "open-10h",
        "bar 1m",
        "bar 15m",
        "bar 1h",
        "bar 1d",
        "bar 1w",
        "bar 1h all",
        "bar 1d all",
        "bar 1w all",
    ]);
    words.prop_map(spec)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Later than asked for, the same each time, the same from anywhere before it, and never before that of an earlier instant.
    #[test]
    fn next_due_is_after_idempotent_and_monotone(spec in any_spec(), second in 883_612_800_i64..2_082_758_400, ahead in 0_i64..500_000) {
        let calendar = Calendar::nyse();
        let after = Timestamp::from_second(second).unwrap();
        let due = next_due(&spec, &calendar, after).unwrap();
        prop_assert!(due > after);
        prop_assert_eq!(next_due(&spec, &calendar, after), Some(due));
        prop_assert_eq!(next_due(&spec, &calendar, due - SignedDuration::from_nanos(1)), Some(due));
        let later = after + SignedDuration::from_secs(ahead);
        let next = next_due(&spec, &calendar, later).unwrap();
        prop_assert!(next >= due);
        if later < due {
            prop_assert_eq!(next, due);
        }
    }
}

/// What only walks working orders is no look: a strategy says when it decides again.
#[test]
fn the_next_look_passes_over_the_steps_of_orders() {
    let calendar = Calendar::nyse();
    let table = |texts: &[&str]| {
        let schedules = texts.iter().map(|text| Schedule::managing(text, spec(text))).collect();
        Timetable::new(schedules, &calendar, at("2026-11-24T15:00:00Z"))
    };
    let both = table(&["every 30s", "at 12:30"]);
    assert_eq!(both.next(), Some(at("2026-11-24T15:00:30Z")));
    assert_eq!(both.next_look(), Some(at("2026-11-24T17:30:00Z")));
    assert_eq!(table(&["every 30s"]).next_look(), Some(at("2026-11-24T15:00:30Z")));
    assert_eq!(table(&["every 5m"]).next_look(), Some(at("2026-11-24T15:05:00Z")));
}
