//! The engine and those who look after it: the parent that starts it again, the service manager that is told how it is, systemd that may end
//! it at logout, the watchdog, and whoever asks how it is doing.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::detached::{Home, is_alive, pause, signal};

fn parent(pid: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(')').next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The next engine after this one, and how long it took to answer.
fn successor(home: &Home, of: u32) -> (u32, Duration) {
    let began = Instant::now();
    let mut next = None;
    home.until("another engine", || {
        let status = home.output(&["engine", "status", "--json"]);
        let status: Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
        next = status["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != of);
        next.is_some()
    });
    (next.unwrap(), began.elapsed())
}

#[test]
fn l6_a_crashed_or_killed_engine_is_started_again_with_its_orders() {
    let home = Home::new();
    home.json(&["order", "place", "buy", "5", "MSFT", "--limit", "100"]);
    let mut engine = home.engine().unwrap();
    let supervisor = parent(engine);
    // What a venue in this process has acknowledged is on disk a tenth of a second later.
    pause(Duration::from_millis(500));
    for how in ["ABRT", "KILL"] {
        signal(engine, how);
        let (next, took) = successor(&home, engine);
        // A second on a machine that does nothing else.
        assert!(took < Duration::from_secs(60), "{how}: {took:?}");
        assert_eq!(parent(next), supervisor);
        assert_eq!(home.json(&["order", "list"])["orders"][0]["status"], "submitted");
        engine = next;
    }
    // Told to end, neither comes back, whichever of them was told.
    signal(supervisor, "TERM");
    home.until("their end", || !is_alive(supervisor) && !is_alive(engine));
    assert_eq!(home.engine(), None);
    home.json(&["engine", "start"]);
    let engine = home.engine().unwrap();
    let supervisor = parent(engine);
    home.json(&["engine", "stop"]);
    home.until("their end", || !is_alive(supervisor) && !is_alive(engine));
    home.counts("engine_stopped", 2);
    home.counts("engine_started", 4);
}

#[test]
fn l6_after_three_crashes_it_starts_halted_and_says_why() {
    let home = Home::new();
    home.json(&["order", "place", "buy", "5", "MSFT", "--limit", "100"]);
    let mut engine = home.engine().unwrap();
    for _ in 0..3 {
        signal(engine, "ABRT");
        engine = successor(&home, engine).0;
    }
    home.until("the halt", || home.json(&["engine", "status"])["trading_state"] == "halted");
    let reason = std::fs::read_to_string(home.path().join("data/profiles/default/HALT")).unwrap();
    assert!(reason.contains("the engine crashed 3 times within 5 minutes"), "{reason}");
    home.fails(&["order", "place", "buy", "1", "KO"], 3, "HALTED");
    home.json(&["resume"]);
    home.json(&["order", "place", "buy", "1", "KO"]);
}

#[test]
fn l6_an_engine_that_cannot_start_is_not_started_again() {
    let home = Home::new();
    home.json(&["positions"]);
    let database = home.path().join("data/profiles/default/arbion.db");
    std::fs::write(&database, b"no database at all, whatever it is called").unwrap();
    let output = home.output(&["engine", "start"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("arbion.db") && said.lines().count() == 1, "{said}");
    assert_eq!(home.engine(), None);
}

#[test]
fn l3_a_service_manager_hears_that_it_is_ready_lives_and_stops() {
    let home = Home::new();
    let path = home.path().join("notify");
    let heard = UnixDatagram::bind(&path).unwrap();
    heard.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let next = || {
        let mut bytes = [0; 256];
        let count = heard.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    };
    let mut engine = home
        .command(&["engine", "run"])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "1000000")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(next(), "READY=1");
    assert!(home.engine().is_some(), "ready means that it answers");
    let began = Instant::now();
    assert_eq!([next(), next(), next()], ["WATCHDOG=1"; 3]);
    assert!(began.elapsed() < Duration::from_secs(60));
    signal(engine.id(), "TERM");
    let end = std::iter::repeat_with(next).find(|state| state != "WATCHDOG=1");
    assert_eq!(end.as_deref(), Some("STOPPING=1"));
    assert!(engine.wait().unwrap().success());
}

#[test]
fn l3_the_unit_is_one() {
    let home = Home::new();
    let unit = String::from_utf8(home.output(&["engine", "unit"]).stdout).unwrap();
    for line in [
        "Type=notify",
        "NotifyAccess=all",
        "WatchdogSec=30",
        "Restart=on-failure",
        "RestartSec=100ms",
        "StartLimitIntervalSec=0",
        "KillMode=mixed",
        "LimitCORE=0",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "PrivateTmp=yes",
    ] {
        assert!(unit.lines().any(|found| found == line), "{line} in\n{unit}");
    }
    let never_again = unit.lines().find_map(|line| line.strip_prefix("RestartPreventExitStatus=")).unwrap();
    // Every code of ours but the one of a crash.
    assert_eq!(
        never_again.split(' ').map(|code| code.parse::<u8>().unwrap()).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7, 8]
    );
    let file = home.path().join("arbion-default.service");
    std::fs::write(&file, unit.replace("%h/.cargo/bin/arbion", env!("CARGO_BIN_EXE_arbion"))).unwrap();
    // Where systemd is there, it reads the unit too.
    if let Ok(verified) = Command::new("systemd-analyze").args(["verify", "--user"]).arg(&file).output() {
        let said = String::from_utf8_lossy(&verified.stderr).into_owned();
        assert!(!said.contains("arbion-default.service:"), "{said}");
    }
}

/// What the unit runs, as systemd would: it stays though nobody attaches, comes back ready after a crash in less than a second of its own,
/// starts halted after the third, and ends in order when its first process is told.
#[test]
fn l3_l6_what_the_unit_runs_comes_back_and_ends_in_order() {
    let home = Home::new();
    let unit = String::from_utf8(home.output(&["engine", "unit"]).stdout).unwrap();
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=%h/.cargo/bin/arbion ")).unwrap();
    let path = home.path().join("notify");
    let heard = UnixDatagram::bind(&path).unwrap();
    heard.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let until = |wanted: &str| loop {
        let mut bytes = [0; 256];
        let count = heard.recv(&mut bytes).unwrap();
        if &bytes[..count] == wanted.as_bytes() {
            return;
        }
    };
    let mut service = home
        .command(&start.split(' ').collect::<Vec<_>>())
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "30000000")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("READY=1");
    home.json(&["order", "place", "buy", "5", "MSFT", "--limit", "100"]);
    home.json(&["order", "cancel", "1"]);
    // Longer than an engine that nobody needs stays.
    pause(Duration::from_secs(4));
    let mut engine = home.engine().unwrap();
    assert_eq!(home.json(&["engine", "status"])["stays_for"], "it is to keep running");
    assert_eq!(parent(engine), service.id());
    for _ in 0..3 {
        signal(engine, "ABRT");
        until("READY=1");
        let next = successor(&home, engine).0;
        engine = next;
    }
    home.until("the halt", || home.json(&["engine", "status"])["trading_state"] == "halted");
    signal(service.id(), "TERM");
    until("STOPPING=1");
    assert!(service.wait().unwrap().success());
    home.until("its end", || !is_alive(engine));
}

/// A `loginctl` that answers so, in front of the system's.
fn logind(home: &Home, kills: &str, lingers: &str) -> String {
    let bin = home.path().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *KillUserProcesses*) echo KillUserProcesses={kills};; *) echo Linger={lingers};; esac\n"
    );
    std::fs::write(bin.join("loginctl"), script).unwrap();
    std::fs::set_permissions(bin.join("loginctl"), PermissionsExt::from_mode(0o700)).unwrap();
    format!("{}:{}", bin.display(), std::env::var_os("PATH").unwrap().to_string_lossy())
}

#[test]
fn l3_an_engine_that_would_end_at_logout_says_so() {
    let home = Home::new();
    let run = |args: &[&str], path: &str| {
        let mut command = home.command(args);
        let output = command.env("PATH", path).env("SSH_CONNECTION", "192.0.2.7 1 192.0.2.8 22").output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let ends = logind(&home, "yes", "no");
    assert!(run(&["engine", "start"], &ends).contains("loginctl enable-linger"));
    assert!(run(&["engine", "start", "--json"], &ends).contains("\"warning\""));
    assert!(run(&["doctor"], &ends).contains("KillUserProcesses=yes, Linger=no"));
    let stays = logind(&home, "yes", "yes");
    assert!(!run(&["engine", "start"], &stays).contains("linger"));
    assert!(run(&["doctor"], &stays).contains("the engine outlives it"));
}

#[test]
fn the_engine_tells_how_long_calls_take_what_fails_and_what_waits() {
    let home = Home::new();
    home.json(&["order", "place", "buy", "5", "MSFT", "--limit", "100"]);
    home.json(&["order", "cancel", "1"]);
    home.fails(&["order", "cancel", "77"], 2, "77");
    home.json(&["order", "place", "buy", "5", "MSFT", "--limit", "99"]);
    let of = |list: &Value, name: &str| {
        let row = list.as_array().unwrap().iter().find(|row| row["name"] == name).cloned();
        row.unwrap_or_else(|| panic!("no {name} in {list}"))
    };
    // The engine's own numbers are a second old at most.
    home.until("a call to the broker", || {
        home.json(&["engine", "status"])["broker_calls"].to_string().contains("cancel")
    });
    let status = home.json(&["engine", "status"]);
    let (submit, cancel) = (of(&status["broker_calls"], "submit"), of(&status["broker_calls"], "cancel"));
    assert_eq!((&submit["count"], &submit["errors"]), (&json!(2), &json!(0)), "{status}");
    assert!(submit["p99_us"].as_u64() >= submit["p50_us"].as_u64() && cancel["count"] == 1, "{status}");
    assert_eq!(of(&status["calls"], "cancel")["errors"], 1, "{status}");
    for name in ["requests", "answers", "journal", "broker link", "broker reports"] {
        let queue = of(&status["queues"], name);
        assert!(queue["waiting"].as_u64() < queue["limit"].as_u64(), "{queue}");
    }
    assert!(status["memory_bytes"].as_u64().unwrap() > 1 << 20);
    let shown = String::from_utf8(home.output(&["engine", "status"]).stdout).unwrap();
    for words in ["broker call", "submit", "p99 ms", "queue", "journal", "memory", "MiB"] {
        assert!(shown.contains(words), "{words} in\n{shown}");
    }
    home.until("a line in the log", || {
        let log = String::from_utf8(home.output(&["engine", "logs", "--lines", "200"]).stdout).unwrap();
        log.contains("the engine is ready")
    });
}

#[test]
#[ignore = "needs root and the program setpriv; run by .ci/run where there is both"]
fn real_l4_another_user_is_refused_before_a_byte_is_read() {
    if !rustix::process::geteuid().is_root() {
        // Only root can be somebody else.
        return;
    }
    let home = Home::new();
    let nobody = |args: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).args(args);
        command.env("ARBION_HOME", home.path()).stdin(Stdio::null());
        command
    };
    assert!(Command::new("chown").args(["-R", "65534:65534"]).arg(home.path()).status().unwrap().success());
    let binary = home.path().join("arbion");
    std::fs::copy(env!("CARGO_BIN_EXE_arbion"), &binary).unwrap();
    std::fs::set_permissions(&binary, PermissionsExt::from_mode(0o755)).unwrap();
    let binary = binary.to_str().unwrap();
    assert!(
        nobody(&[binary, "order", "place", "buy", "5", "MSFT", "--limit", "100"]).status().unwrap().success()
    );
    // Root may open any file. The engine looks at who it is, and hangs up, whether anything is said to it or not.
    assert_eq!(home.raw().next(), None);
    // The log is written beside it.
    home.until("a line in the log", || {
        let log = nobody(&[binary, "logs", "--lines", "500"]).output().unwrap();
        String::from_utf8_lossy(&log.stdout).contains("another user knocked")
    });
    // And our own program does not talk to an engine of somebody else.
    let refused = home.output(&["positions"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("belongs to user 65534"), "{said}");
    assert!(nobody(&[binary, "engine", "stop", "--force"]).status().unwrap().success());
}

/// The thread of a process that has this name.
fn thread_of(pid: u32, name: &str) -> String {
    let all = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let named =
        |path: &Path| std::fs::read_to_string(path.join("comm")).is_ok_and(|found| found.trim() == name);
    let found = all.map(|entry| entry.unwrap().path()).find(|path| named(path)).unwrap();
    found.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs the package strace, and forty seconds; run by .ci/run"]
fn real_l7_an_engine_that_stands_still_is_ended_and_started_again() {
    let home = Home::new();
    home.json(&["order", "place", "buy", "5", "MSFT", "--limit", "100"]);
    let engine = home.engine().unwrap();
    let thread = thread_of(engine, "engine");
    let stall = "inject=epoll_wait,epoll_pwait:delay_enter=60000000:when=1";
    let trace = "trace=epoll_wait,epoll_pwait";
    let mut strace = Command::new("strace")
        .args(["-o", "/dev/null", "-e", trace, "-e", stall, "-p", &thread])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while is_alive(engine) {
        assert!(began.elapsed() < Duration::from_secs(50), "it stands still for ever");
        pause(Duration::from_millis(200));
    }
    assert!(began.elapsed() > Duration::from_secs(25), "{:?}", began.elapsed());
    strace.kill().unwrap_or_default();
    strace.wait().unwrap();
    let (next, _) = successor(&home, engine);
    assert_ne!(next, engine);
    assert_eq!(home.json(&["order", "list"])["orders"][0]["status"], "submitted");
    let log = String::from_utf8(home.output(&["logs", "--lines", "500"]).stdout).unwrap();
    assert!(log.contains("the engine has stood still for two seconds"), "{log}");
}
