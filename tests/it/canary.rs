//! Secrets planted and looked for (reliability M4): in every byte of the socket, in the arguments and the environment of every process, in
//! every file and log, while a profile is locked, unlocked and traded. And no process writes its memory to a file.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arbion::client::wire::PROTOCOL;
use serde_json::json;

use super::detached::{Home, pause};

const PASSPHRASE: &str = "PASSCANARY battery staple";
const SECRET: &str = "KEYCANARYjW8kQz0pXv4Rt";

/// What a secret may look like somewhere: itself, in hex, in base64 at each of its three beginnings.
const NEEDLES: &[&str] = &["CANARY", "43414e415259", "43414E415259", "Q0FOQVJZ", "NBTkFSW", "DQU5BUl"];

fn found(bytes: &[u8]) -> Option<&'static str> {
    NEEDLES.iter().copied().find(|needle| bytes.windows(needle.len()).any(|part| part == needle.as_bytes()))
}

/// Stands between front ends and the engine, and keeps what goes to and fro.
#[derive(Clone, Default)]
struct Relay {
    to_engine: Arc<Mutex<Vec<u8>>>,
    from_engine: Arc<Mutex<Vec<u8>>>,
}

impl Relay {
    fn start(socket: &Path) -> Self {
        let behind = socket.with_extension("behind");
        std::fs::rename(socket, &behind).unwrap();
        let (relay, listener) = (Self::default(), UnixListener::bind(socket).unwrap());
        let kept = relay.clone();
        std::thread::spawn(move || {
            for front in listener.incoming().map_while(Result::ok) {
                let Ok(engine) = UnixStream::connect(&behind) else { return };
                copy(front.try_clone().unwrap(), engine.try_clone().unwrap(), Arc::clone(&kept.to_engine));
                copy(engine, front, Arc::clone(&kept.from_engine));
            }
        });
        relay
    }

    /// Messages of a direction, by their length and their text.
    fn messages(bytes: &[u8]) -> Vec<String> {
        // Lines of several front ends are mixed; each message is JSON, which begins and ends in the same piece.
        String::from_utf8_lossy(bytes).split("{\"message\":").skip(1).map(str::to_owned).collect()
    }
}

fn copy(mut from: UnixStream, mut to: UnixStream, kept: Arc<Mutex<Vec<u8>>>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            kept.lock().unwrap().extend_from_slice(&buffer[..count]);
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        to.shutdown(Shutdown::Write).unwrap_or_default();
    });
}

/// Processes with their arguments, their environment and their limits.
type Processes = BTreeMap<u32, (Vec<u8>, Vec<u8>, String)>;

/// Looks at every process of a home, again and again: arguments, environment, the limit of core files.
struct Watch {
    end: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Processes>,
}

impl Watch {
    fn start(home: &Path) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let (over, mark) = (Arc::clone(&end), format!("ARBION_HOME={}", home.display()));
        let thread = std::thread::spawn(move || {
            let mut seen = BTreeMap::new();
            while !over.load(Ordering::Relaxed) {
                for entry in std::fs::read_dir("/proc").unwrap().flatten() {
                    let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
                    let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
                    let environment = read("environ");
                    if environment.windows(mark.len()).any(|part| part == mark.as_bytes()) {
                        let limits = String::from_utf8_lossy(&read("limits")).into_owned();
                        seen.insert(pid, (read("cmdline"), environment, limits));
                    }
                }
                pause(Duration::from_millis(5));
            }
            seen
        });
        Self { end, thread }
    }
}

#[test]
fn m4_a_planted_secret_is_in_no_frame_argument_environment_file_or_log() {
    let home = Home::new();
    home.configure("[log]\nlevel = \"trace\"\n");
    let words = home.private("words", &format!("{PASSPHRASE}\n"));
    let words = words.to_str().unwrap();
    home.json(&["profile", "passwd", "--new-passphrase-file", words]);
    home.json(&["order", "place", "buy", "5", "MSFT", "--limit", "100"]);
    let watch = Watch::start(home.path());
    let relay = Relay::start(&home.socket());
    home.json(&["profile", "lock"]);
    home.json(&["profile", "unlock", "--passphrase-file", words]);
    home.json(&["positions"]);
    let mut line = home.raw();
    line.hello((PROTOCOL, PROTOCOL));
    let set = json!({ "request": "set_secret", "name": "broker", "value": SECRET });
    line.send(&json!({ "message": "ask", "id": 1, "ask": set }));
    while line.next().unwrap()["message"] != "answer" {}
    let mut set = home.command(&["secret", "set", "other", "--stdin", "--passphrase-file", words]);
    let mut set =
        set.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
    set.stdin.take().unwrap().write_all(SECRET.as_bytes()).unwrap();
    assert!(set.wait().unwrap().success());
    for args in [
        &["audit", "list"] as &[&str],
        &["engine", "status"],
        &["secret", "list", "--passphrase-file", words],
    ] {
        home.json(args);
    }
    watch.end.store(true, Ordering::Relaxed);
    let processes = watch.thread.join().unwrap();
    drop(line);
    // Frames: from the engine none has it; to the engine the two that are made for it.
    let from_engine = relay.from_engine.lock().unwrap().clone();
    assert!(from_engine.len() > 1_000 && found(&from_engine).is_none(), "{:?}", found(&from_engine));
    let asked = Relay::messages(&relay.to_engine.lock().unwrap());
    let with: Vec<&String> = asked.iter().filter(|message| found(message.as_bytes()).is_some()).collect();
    assert_eq!(with.len(), 2, "{with:?}");
    assert!(
        with.iter().all(|m| m.contains("\"request\":\"unlock\"") || m.contains("\"set_secret\"")),
        "{with:?}"
    );
    // Processes: commands, the engine, its parent.
    let engines =
        processes.values().filter(|(line, ..)| String::from_utf8_lossy(line).contains("engine")).count();
    assert!(processes.len() > 4 && engines >= 2, "{} processes, {engines} of the engine", processes.len());
    for (pid, (arguments, environment, limits)) in &processes {
        assert!(found(arguments).is_none() && found(environment).is_none(), "process {pid}");
        let off = |line: &str| {
            line.starts_with("Max core file size") && line.split_whitespace().nth(4) == Some("0")
        };
        let is_engine = String::from_utf8_lossy(arguments).contains("engine\0run");
        assert!(!is_engine || limits.lines().any(off), "process {pid} may write its memory: {limits}");
    }
    // Files, but for the one that was written to give the passphrase.
    let (mut open, mut files) = (vec![home.path().to_owned()], 0);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.is_file() && !path.ends_with("words") {
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            assert!(found(&bytes).is_none(), "{:?} in {}", found(&bytes), path.display());
        }
    }
    assert!(files > 8, "{files}");
}
