//! The engine in a process of its own (reliability 15): started by the first command that trades, outliving every terminal, gone when
//! nobody needs it.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use arbion::client::wire::PROTOCOL;
use serde_json::{Value, json};

/// How long anything may take to come true.
const PATIENCE: Duration = Duration::from_secs(60);

/// A home of its own whose engine does not outlive the test.
pub(crate) struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o700)).unwrap();
        Self { directory }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path().join("run/default.sock")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arbion"));
        command.args(args).env("ARBION_HOME", self.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let output = self.output(&args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn configure(&self, text: &str) {
        let directory = self.path().join("config");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o700)).unwrap();
        let file = directory.join("config.toml");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// The engine's process, where one runs.
    pub(crate) fn engine(&self) -> Option<u32> {
        let status = self.json(&["engine", "status"]);
        status["running"].as_bool().unwrap().then(|| status["pid"].as_u64().unwrap().try_into().unwrap())
    }

    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut test: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !test() {
            assert!(Instant::now() < end, "{what} never came");
            pause(Duration::from_millis(20));
        }
    }

    /// A raw line to the engine, for those who do not keep to the rules.
    pub(crate) fn raw(&self) -> Raw {
        self.raw_of("default")
    }

    /// The same to the engine of a profile.
    pub(crate) fn raw_of(&self, profile: &str) -> Raw {
        let stream = UnixStream::connect(self.path().join(format!("run/{profile}.sock"))).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Raw(stream)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.output(&["engine", "stop", "--force"]);
    }
}

pub(crate) struct Raw(UnixStream);

impl Raw {
    pub(crate) fn send(&mut self, message: &Value) {
        let bytes = serde_json::to_vec(message).unwrap();
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        self.0.write_all(&length).unwrap();
        self.0.write_all(&bytes).unwrap();
    }

    pub(crate) fn hello(&mut self, protocol: (u32, u32)) {
        self.send(&json!({ "message": "hello", "protocol": protocol, "build": "test", "nonce": 5,
            "client": "screen", "pid": std::process::id() }));
    }

    /// The next message; `None` when the engine has hung up.
    pub(crate) fn next(&mut self) -> Option<Value> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).ok()?;
        let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut bytes).ok()?;
        Some(serde_json::from_slice(&bytes).unwrap())
    }
}

/// Lets another process go on: there is nothing of it here to wait on.
#[allow(clippy::disallowed_methods, reason = "other processes send no event")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

pub(crate) fn signal(pid: u32, name: &str) {
    let pid = pid.to_string();
    assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
}

pub(crate) fn is_alive(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

#[test]
fn l1_the_first_order_starts_an_engine_that_stays_for_it() {
    let home = Home::new();
    assert_eq!(home.engine(), None, "a look starts nothing");
    home.json(&["order", "place", "buy", "5", "MSFT", "--limit", "100", "--no-wait"]);
    let engine = home.engine().expect("an order works, so its engine runs");
    home.until("the order at the venue", || {
        home.json(&["order", "list"])["orders"][0]["status"] == "submitted"
    });
    let status = home.json(&["engine", "status"]);
    assert_eq!(status["stays_for"], "1 working order");
    assert_eq!(status["clients"][0]["client"], "command");
    // Longer than one without anything to do would stay.
    pause(Duration::from_secs(3));
    assert_eq!(home.engine(), Some(engine));
    home.json(&["order", "cancel", "1"]);
    home.until("its end", || !is_alive(engine));
    assert!(!home.socket().exists(), "nothing is left of it");
    assert_eq!(home.json(&["history"])["orders"][0]["status"], "canceled");
}

#[test]
fn l1_l2_no_death_of_its_starter_takes_it_along() {
    let home = Home::new();
    // The starter leads a session with children; whoever ends it with a signal to all of it misses the engine.
    let mut starter = home.command(&["order", "place", "buy", "5", "MSFT", "--limit", "100"]);
    let mut starter = starter.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Killed before its order is in, it leaves an engine that nobody needs, which goes by itself.
    home.until("an engine with its order", || {
        home.json(&["order", "list"])["orders"][0]["status"] == "submitted"
    });
    starter.kill().unwrap();
    starter.wait().unwrap();
    let engine = home.engine().unwrap();
    signal(engine, "HUP");
    pause(Duration::from_millis(300));
    assert_eq!(home.engine(), Some(engine));
    // A session of its own, nothing of the terminal's, the root for a directory.
    let stat = std::fs::read_to_string(format!("/proc/{engine}/stat")).unwrap();
    let session: u32 = stat.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap().parse().unwrap();
    assert_eq!(session, engine);
    let link = |name: &str| std::fs::read_link(format!("/proc/{engine}/{name}")).unwrap();
    assert_eq!(link("fd/0"), Path::new("/dev/null"));
    assert_eq!(link("fd/1"), Path::new("/dev/null"));
    assert_eq!(link("fd/2"), home.path().join("state/default.log"));
    assert_eq!(link("cwd"), Path::new("/"));
    let open: Vec<_> = std::fs::read_dir(format!("/proc/{engine}/fd")).unwrap().flatten().collect();
    let of_a_terminal = |path: &Path| path.starts_with("/dev/pts") || path == Path::new("/dev/tty");
    let leads = open.iter().filter_map(|fd| std::fs::read_link(fd.path()).ok());
    assert_eq!(leads.filter(|path| of_a_terminal(path)).count(), 0);
    assert!(open.len() < 256, "{} descriptors (L8)", open.len());
}

#[test]
fn l4_l9_the_door_is_for_its_owner_and_for_those_who_keep_to_the_rules() {
    let home = Home::new();
    home.json(&["engine", "start"]);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.socket()), 0o600);
    assert_eq!(mode(home.socket().parent().unwrap()), 0o700);
    // No message at all, half of one, one that is too long, one that comes before hello: each is sent away, alone.
    let mut garbage = home.raw();
    garbage.0.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(garbage.next(), None);
    let mut half = home.raw();
    half.0.write_all(&[0, 0, 0, 9, b'{']).unwrap();
    half.0.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(half.next(), None);
    let mut early = home.raw();
    early.send(&json!({ "message": "ask", "id": 1, "ask": { "request": "resume" } }));
    assert_eq!(early.next().unwrap()["reason"], "hello comes first");
    let mut newer = home.raw();
    newer.hello((90, 99));
    let refused = newer.next().unwrap();
    assert_eq!(refused["message"], "refused");
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("speaks 90 to 99") && reason.contains("arbion engine restart"), "{reason}");
    let mut good = home.raw();
    good.hello((1, 4));
    let welcome = good.next().unwrap();
    assert_eq!(
        (&welcome["message"], &welcome["nonce"], &welcome["protocol"]),
        (&json!("welcome"), &json!(5), &json!(PROTOCOL))
    );
    assert_eq!(good.next().unwrap()["base"], Value::Null, "the whole picture comes first");
    good.send(
        &json!({ "message": "ask", "id": 9, "ask": { "request": "search", "query": "apple", "limit": 1 } }),
    );
    let answer = loop {
        let message = good.next().unwrap();
        if message["message"] == "answer" {
            break message;
        }
    };
    assert_eq!((&answer["id"], &answer["answer"]["Ok"]["reply"]), (&json!(9), &json!("listings")));
}

#[test]
fn l4_sixteen_front_ends_and_no_more() {
    let home = Home::new();
    home.json(&["engine", "start"]);
    let mut front_ends: Vec<Raw> = Vec::new();
    for _ in 0..16 {
        let mut front_end = home.raw();
        front_end.hello((PROTOCOL, PROTOCOL));
        assert_eq!(front_end.next().unwrap()["message"], "welcome");
        front_ends.push(front_end);
    }
    let mut one_too_many = home.raw();
    let refused = one_too_many.next().unwrap();
    assert!(
        refused["reason"].as_str().unwrap().starts_with("16 front ends are attached already"),
        "{refused}"
    );
    let output = home.output(&["positions"]);
    assert_eq!(output.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&output.stderr).contains("16 front ends are attached already"));
    front_ends.pop();
    home.until("room for one more", || home.output(&["positions"]).status.success());
}

#[test]
fn l4_l8_a_front_end_that_stops_reading_slows_nobody() {
    let home = Home::new();
    home.json(&["engine", "start"]);
    let mut asleep = home.raw();
    asleep.hello((PROTOCOL, PROTOCOL));
    assert_eq!(asleep.next().unwrap()["message"], "welcome");
    // It never reads again, while pictures come thirty times a second for longer than any buffer holds.
    let end = Instant::now() + Duration::from_secs(4);
    let mut orders = 0;
    while Instant::now() < end {
        let placed = home.json(&["order", "place", "buy", "1", "AAPL", "--allow-duplicate"]);
        assert_eq!(placed["orders"][0]["status"], "filled");
        orders += 1;
    }
    assert!(orders >= 4, "{orders} orders in four seconds");
    let status = home.json(&["engine", "status"]);
    assert!(status["clients"].as_array().unwrap().iter().any(|client| client["client"] == "screen"));
    assert!(status["memory_bytes"].as_u64().unwrap() < 150 << 20);
}

#[test]
fn l5_l9_told_to_end_it_ends_in_order_and_not_while_it_protects() {
    let home = Home::new();
    home.json(&["order", "place", "buy", "10", "AAPL"]);
    home.json(&["order", "place", "sell", "10", "AAPL", "--stop", "150"]);
    let engine = home.engine().unwrap();
    let refused = home.output(&["engine", "stop"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("1 protective order works"), "{refused:?}");
    assert_eq!(home.engine(), Some(engine));
    // Another program in its place takes the order up again.
    let restarted = home.json(&["engine", "restart", "--force"]);
    let second = u32::try_from(restarted["pid"].as_u64().unwrap()).unwrap();
    assert!(second != engine && !is_alive(engine));
    assert_eq!(home.json(&["order", "list"])["orders"][0]["status"], "submitted");
    signal(second, "TERM");
    home.until("its end", || !is_alive(second));
    assert_eq!(home.engine(), None);
    // A sale like any other does not keep it: what becomes of orders is the user's choice.
    home.configure("[engine]\non_exit = \"cancel_all\"\n");
    home.json(&["engine", "start"]);
    home.json(&["engine", "stop"]);
    assert_eq!(home.json(&["history"])["orders"][0]["status"], "canceled");
}

#[test]
fn p4_of_many_that_start_one_wins_and_all_attach() {
    let home = Home::new();
    let starters: Vec<_> = (0..8)
        .map(|_| home.command(&["engine", "start", "--json"]).stdout(Stdio::piped()).spawn().unwrap())
        .collect();
    let pids: Vec<u64> = starters
        .into_iter()
        .map(|starter| {
            let output = starter.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            serde_json::from_slice::<Value>(&output.stdout).unwrap()["pid"].as_u64().unwrap()
        })
        .collect();
    assert!(pids.windows(2).all(|pair| pair[0] == pair[1]), "{pids:?}");
}

#[test]
fn p4_what_an_engine_left_behind_is_no_engine() {
    let home = Home::new();
    home.configure("[engine]\nrestart = false\n");
    home.json(&["engine", "start"]);
    let first = home.engine().unwrap();
    signal(first, "KILL");
    home.until("its end", || !is_alive(first));
    assert!(home.socket().exists(), "killed, it could not clean up");
    assert_eq!(home.engine(), None);
    home.json(&["order", "place", "buy", "1", "KO"]);
    assert_ne!(home.engine(), Some(first));
}

#[test]
fn j7_an_engine_killed_with_orders_in_it_is_taken_up_by_the_next() {
    let home = Home::new();
    home.configure("[engine]\nrestart = false\n");
    for n in 0..12_u64 {
        home.command(&["order", "place", "buy", "1", "MSFT", "--allow-duplicate", "--no-wait"])
            .output()
            .unwrap();
        let Some(engine) = home.engine() else { continue };
        // From before the venue has it to after it has filled, spread evenly without a pattern.
        pause(Duration::from_millis(n * 7_919 % 700));
        signal(engine, "KILL");
        home.until("its end", || !is_alive(engine));
    }
    home.json(&["engine", "start"]);
    home.until("every order decided", || {
        home.json(&["order", "list"])["orders"].as_array().unwrap().is_empty()
    });
    let orders = home.json(&["history", "--limit", "0"]);
    let filled =
        orders["orders"].as_array().unwrap().iter().filter(|order| order["status"] == "filled").count();
    let fills = home.json(&["fills", "--limit", "0"]);
    assert_eq!(fills["executions"].as_array().unwrap().len(), filled, "every fill once");
    let held = home.json(&["positions"])["positions"][0]["quantity"].as_str().map(str::to_owned);
    assert_eq!(held.unwrap_or_else(|| "0".to_owned()), filled.to_string());
}

/// What was shown to work works after a kill a moment later.
#[test]
fn j7_an_order_that_was_shown_to_work_outlives_a_kill() {
    let home = Home::new();
    home.configure("[engine]\nrestart = false\n");
    let place = ["order", "place", "buy", "1", "MSFT", "--limit", "100", "--allow-duplicate", "--no-wait"];
    for n in 1..=6_usize {
        let placed = home.json(&place);
        let number = placed["orders"][0]["number"].clone();
        let status = || {
            let listed = home.json(&["order", "list"]);
            let order =
                listed["orders"].as_array().unwrap().iter().find(|order| order["number"] == number).cloned();
            order.map(|order| order["status"].as_str().unwrap().to_owned()).unwrap_or_default()
        };
        home.until("it works", || status() == "submitted");
        let engine = home.engine().unwrap();
        signal(engine, "KILL");
        home.until("its end", || !is_alive(engine));
        home.json(&["engine", "start"]);
        assert_eq!(status(), "submitted", "order {n}");
        assert_eq!(home.json(&["order", "list"])["orders"].as_array().unwrap().len(), n);
    }
}

#[test]
fn a_path_that_no_socket_can_have_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let long = directory.path().join("a".repeat(100));
    std::fs::create_dir(&long).unwrap();
    std::fs::set_permissions(&long, PermissionsExt::from_mode(0o700)).unwrap();
    let run = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_arbion")).args(args).env("ARBION_HOME", &long).output().unwrap()
    };
    let started = run(&["engine", "start"]);
    assert_eq!(started.status.code(), Some(2));
    let said = String::from_utf8_lossy(&started.stderr).into_owned();
    assert!(said.contains("bytes, allowed are 107; set ARBION_HOME to a shorter directory"), "{said}");
    assert!(run(&["positions"]).status.success(), "looking needs no socket");
}

#[test]
fn without_a_process_of_its_own_every_command_is_its_own_engine() {
    let home = Home::new();
    home.configure("[engine]\ndetach = false\n");
    home.json(&["order", "place", "buy", "5", "MSFT", "--limit", "100"]);
    assert_eq!(home.engine(), None);
    assert_eq!(home.json(&["order", "list"])["orders"][0]["status"], "submitted");
}
