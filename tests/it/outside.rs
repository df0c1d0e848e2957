//! Faults from outside (reliability 18): the real program on a real disk while it is stopped, runs out of disk, memory or screen, while its
//! disk fails at one call after the other, while its clock is wrong. Kills are in `killed` and `under_load`, networks in `tests/brokers`,
//! terminals in `stream` and `ways_out`.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use super::detached::{Home, is_alive, pause, signal};
use super::terminal::Screen;

const REST: &[&str] = &["order", "place", "buy", "5", "MSFT", "--limit", "100"];

/// The program by way of another one, such as strace, with a word on how it ended.
fn through(home: &Path, tool: &[&str], args: &[&str]) -> Output {
    Command::new(tool[0])
        .args(&tool[1..])
        .arg(env!("CARGO_BIN_EXE_arbion"))
        .args(args)
        .env("ARBION_HOME", home)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", tool[0]))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

impl Home {
    /// Numbers of the orders there are, the lowest first; the books and the log of this home must be sound.
    #[track_caller]
    fn sound(&self, what: &str) -> Vec<u64> {
        let doctor = self.json(&["doctor"]);
        let bad = doctor["checks"].as_array().unwrap().iter().find(|check| check["health"] == "bad");
        assert!(bad.is_none(), "{what}: {bad:?}");
        let audit = self.output(&["audit", "verify"]);
        assert!(audit.status.success(), "{what}: {}", said(&audit));
        let orders = self.json(&["history", "--limit", "0"]);
        let mut numbers: Vec<u64> = orders["orders"]
            .as_array()
            .unwrap()
            .iter()
            .map(|order| order["number"].as_u64().unwrap())
            .collect();
        numbers.sort_unstable();
        numbers
    }
}

/// A command that ended well has an order to show; one that did not says why in a line, whatever there is.
#[track_caller]
fn told_the_truth(what: &str, output: &Output, before: &[u64], after: &[u64]) {
    assert!(after.starts_with(before), "{what}: {before:?} became {after:?}");
    assert!(after.len() <= before.len() + 1, "{what}: one order was asked for, {before:?} became {after:?}");
    if output.status.success() {
        assert_eq!(after.len(), before.len() + 1, "{what}: it says that it placed what is not there");
    }
}

/// 18.2: an engine that was stopped and goes on is the same engine, with the same order. It is not taken for one that hangs.
fn stopped_for(time: Duration) {
    let home = Home::new();
    home.json(REST);
    let engine = home.engine().unwrap();
    signal(engine, "STOP");
    pause(time);
    signal(engine, "CONT");
    assert_eq!(home.json(&["order", "list"])["orders"][0]["status"], "submitted");
    assert_eq!(home.engine(), Some(engine), "it is the same");
    assert_eq!(home.json(&["order", "cancel", "1"])["orders"][0]["status"], "canceled");
    assert_eq!(home.sound("stopped").len(), 1);
}

#[test]
fn outside_18_2_an_engine_that_was_stopped_goes_on() {
    stopped_for(Duration::from_secs(2));
}

#[test]
#[ignore = "takes half a minute; run by .ci/run"]
fn real_18_2_an_engine_that_was_stopped_for_half_a_minute_goes_on() {
    stopped_for(Duration::from_secs(31));
}

#[test]
fn outside_18_6_the_largest_and_the_smallest_screen_say_what_is_traded() {
    for size in [(300, 100), (20, 5)] {
        let home = Home::new();
        let mut screen = Screen::open(home.path(), &["demo"], size);
        screen.sees("PAPER");
        screen.leave();
    }
}

/// 18.7: a remote shell that is cut off, in the middle of a typed order and with one at work. The screen ends quietly, what was only typed is
/// nothing, the engine and its order stay, and the next screen shows them.
#[test]
fn outside_18_7_a_remote_shell_that_is_cut_off_takes_nothing_along() {
    for told in [false, true] {
        let home = Home::new();
        home.json(REST);
        let engine = home.engine().unwrap();
        let mut screen = Screen::open(home.path(), &[], (120, 40));
        screen.sees("working 1");
        screen.keys(":buy 7 ko at 1");
        screen.sees("buy 7 ko at 1");
        if told {
            // A shell that ends passes the word on before its terminal goes.
            signal(screen.child.process_id().unwrap(), "HUP");
        }
        let ended = screen.hang_up();
        assert!(ended.success(), "told: {told}: {ended:?}");
        assert_eq!(home.engine(), Some(engine), "told: {told}: it is the same");
        let orders = home.json(&["order", "list"]);
        assert_eq!(orders["orders"].as_array().unwrap().len(), 1, "told: {told}: {orders}");
        assert_eq!(orders["orders"][0]["status"], "submitted");
        let mut next = Screen::open(home.path(), &[], (120, 40));
        next.sees("working 1");
        next.keys(":cancel 1\r");
        next.until("no working order", |text| text.contains("working 0"));
        next.leave();
        assert_eq!(home.sound("cut off").len(), 1);
    }
}

/// It gets plain lines, which every terminal can show.
#[test]
fn outside_18_6_a_terminal_of_no_kind_shows_what_is_traded_too() {
    let home = Home::new();
    let mut screen = Screen::open_on(home.path(), &["demo"], (100, 30), None);
    screen.sees("PAPER: nothing here is real money");
    screen.keys("quote ibm\r");
    screen.sees("IBM last ");
    screen.keys("quit\r");
    screen.ends();
}

/// A file system of its own, gone with the test.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn new(at: &'a Path, size: &str) -> Self {
        let options = format!("size={size},mode=0700");
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).status().unwrap();
        assert!(done.success(), "a file system is mounted by root alone");
        Self(at)
    }

    fn again(&self, option: &str) {
        let done =
            Command::new("mount").args(["-o", &format!("remount,{option}")]).arg(self.0).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        // Lazily: an engine may be on its way out.
        Command::new("umount").arg("-l").arg(self.0).status().unwrap();
    }
}

/// Takes what is left of a disk.
fn fill(file: &Path) {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
    for size in [1 << 20, 4_096, 64, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

#[test]
#[ignore = "mounts a file system, which takes root; run by .ci/run"]
fn real_18_4_j2_a_full_disk_denies_orders_lets_cancels_out_and_is_forgotten_with_room() {
    let home = Home::new();
    let disk = Mounted::new(home.path(), "24m");
    home.configure("[engine]\nkeep_running = true\n");
    home.json(REST);
    home.json(REST_TWO);
    let engine = home.engine().unwrap();
    let filler = home.path().join("filler");
    fill(&filler);
    let placed = home.output(&["order", "place", "buy", "7", "KO", "--limit", "10", "--json"]);
    let told = format!("{}{}", said(&placed), String::from_utf8_lossy(&placed.stdout));
    assert!(!placed.status.success() && told.contains("JOURNAL_UNAVAILABLE"), "{told}");
    assert!(told.contains("the disk is full"), "it says why: {told}");
    let canceled = home.output(&["order", "cancel", "1", "--json"]);
    let told = format!("{}{}", said(&canceled), String::from_utf8_lossy(&canceled.stdout));
    assert!(canceled.status.success() && told.contains("canceled"), "{told}");
    // The cancel is in the engine alone: it does not end without a word.
    let stopped = home.output(&["engine", "stop"]);
    assert!(
        !stopped.status.success() && said(&stopped).contains("in this engine alone"),
        "{}",
        said(&stopped)
    );
    std::fs::remove_file(&filler).unwrap();
    home.json(&["order", "place", "buy", "7", "PEP", "--limit", "10"]);
    assert_eq!(home.engine(), Some(engine), "without a restart");
    home.until("everything on the disk", || {
        let all = home.json(&["order", "list", "--all"]);
        let status = |symbol: &str| {
            let of = |order: &&Value| order["request"]["subject"]["instrument"]["symbol"] == symbol;
            all["orders"].as_array().unwrap().iter().find(of).map(|order| order["status"].clone())
        };
        status("MSFT") == Some("canceled".into()) && status("PEP") == Some("submitted".into())
    });
    home.output(&["engine", "stop", "--force"]);
    assert!(home.sound("the disk was full").len() >= 3);
    drop(disk);
}

const REST_TWO: &[&str] = &["order", "place", "buy", "6", "AAPL", "--limit", "50"];

#[test]
#[ignore = "mounts a file system, which takes root; run by .ci/run"]
fn real_18_4_a_disk_that_became_read_only_sends_nothing_and_loses_nothing() {
    let home = Home::new();
    let disk = Mounted::new(home.path(), "24m");
    home.configure("[engine]\ndetach = false\n");
    home.json(REST);
    let before = home.sound("as it was");
    disk.again("ro");
    let placed = home.output(REST_TWO);
    assert!(!placed.status.success() && said(&placed).lines().count() == 1, "{}", said(&placed));
    disk.again("rw");
    assert_eq!(home.sound("it was read-only"), before);
    home.json(REST_TWO);
}

/// Calls that a disk can fail at: everything that the database writes and syncs by.
const CALLS: &[(&str, &str)] =
    &[("pwrite64", "EIO"), ("pwrite64", "ENOSPC"), ("fsync", "EIO"), ("ftruncate", "EIO")];

/// 18.4: an order is placed while the n-th call of a kind fails, for n = 1, 2, 3, … until none is left to fail. Whatever the command says,
/// the books are as they were or have the order, and they are sound.
#[test]
#[ignore = "needs the package strace, and minutes; run by .ci/run"]
fn real_18_4_each_write_and_each_sync_may_fail() {
    const MOST: u32 = 400;
    for (call, error) in CALLS {
        let home = Home::new();
        home.configure("[engine]\ndetach = false\n");
        home.json(REST);
        let mut before = home.sound("as it was");
        let (mut failed, mut n) = (0, 0);
        loop {
            n += 1;
            assert!(n < MOST, "{call} never ends failing");
            let log = home.path().join("strace");
            let inject = format!("inject={call}:error={error}:when={n}");
            let trace = format!("trace={call}");
            let tool = ["strace", "-f", "-qq", "-o", log.to_str().unwrap(), "-e", &trace, "-e", &inject];
            let args =
                ["order", "place", "buy", "1", "KO", "--limit", "10", "--no-wait", "--allow-duplicate"];
            let output = through(home.path(), &tool, &args);
            let what = format!("{call} {n} fails with {error}");
            let hit = std::fs::read_to_string(&log).unwrap_or_default().contains("(INJECTED)");
            assert!(said(&output).lines().count() <= 2, "{what}: {}", said(&output));
            let after = home.sound(&what);
            told_the_truth(&what, &output, &before, &after);
            before = after;
            // One instrument has room for twenty working orders.
            if let Some(number) = before.last().filter(|_| output.status.success()) {
                home.output(&["order", "cancel", &number.to_string()]);
            }
            if !hit {
                assert!(output.status.success(), "{what}, which nobody met: {}", said(&output));
                break;
            }
            failed += u32::from(!output.status.success());
        }
        assert!(n > 1, "{call} is never called");
        eprint_counts(call, error, n, failed);
    }
}

#[allow(clippy::print_stderr, reason = "a count for whoever runs it by hand")]
fn eprint_counts(call: &str, error: &str, calls: u32, failed: u32) {
    eprintln!("{call} {error}: {} calls failed, {failed} commands said so", calls - 1);
}

#[test]
#[ignore = "needs the package faketime; run by .ci/run"]
fn real_18_5_a_clock_that_is_an_hour_off_loses_nothing_and_is_said() {
    let home = Home::new();
    home.configure("[engine]\ndetach = false\n");
    let mut numbers = home.sound("as it was");
    for (n, offset) in ["+1h", "-1h", "+0", "-1h", "+1h"].into_iter().enumerate() {
        let quantity = (n + 1).to_string();
        let args = ["order", "place", "buy", &quantity, "KO", "--limit", "10", "--json"];
        let output = through(home.path(), &["faketime", "-f", offset], &args);
        assert!(output.status.success(), "{offset}: {}", said(&output));
        let after = home.sound(offset);
        told_the_truth(offset, &output, &numbers, &after);
        numbers = after;
    }
    assert_eq!(numbers.len(), 5);
    let report = home.json(&["audit", "verify"]);
    assert!(report["clock_went_back"].as_u64().unwrap() >= 2, "{report}");
}

/// 18.8: with less and less memory the program works, or says that it cannot, or is ended; what is on the disk stays whole.
#[test]
#[ignore = "needs prlimit of util-linux, and some seconds; run by .ci/run"]
fn real_18_8_too_little_memory_ends_a_command_and_nothing_else() {
    let home = Home::new();
    home.configure("[engine]\ndetach = false\n");
    home.json(REST);
    let mut before = home.sound("as it was");
    let (mut worked, mut ended) = (0, 0);
    for (n, megabytes) in (16..=512).step_by(16).enumerate() {
        let limit = format!("--as={}", megabytes << 20);
        let quantity = (n + 1).to_string();
        let args = ["order", "place", "buy", &quantity, "KO", "--limit", "10", "--no-wait"];
        let output = through(home.path(), &["prlimit", &limit], &args);
        let what = format!("{megabytes} MiB");
        let after = home.sound(&what);
        told_the_truth(&what, &output, &before, &after);
        before = after;
        if output.status.success() { worked += 1 } else { ended += 1 }
    }
    assert!(worked > 0 && ended > 0, "{worked} worked, {ended} did not");
}

/// 18.9, L8: days of data in a minute. Memory that is held at the end is what was held after the beginning.
#[test]
#[ignore = "takes a minute and a half; by hand: cargo test --release --test it -- --ignored soak"]
fn soak_18_9_l8_memory_stays_where_it_is() {
    let home = Home::new();
    let mut screen =
        Screen::open(home.path(), &["demo", "--replay", "shipped", "--speed", "100000"], (160, 50));
    screen.sees("PAPER");
    let pid = screen.child.process_id().unwrap();
    let kilobytes = || -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    screen.pause(30_000);
    let early = kilobytes();
    screen.pause(60_000);
    let late = kilobytes();
    assert!(is_alive(pid));
    assert!(late < early + 8 * 1024, "from {early} to {late} KiB");
    assert!(late < 150 * 1024, "{late} KiB");
    screen.leave();
}
