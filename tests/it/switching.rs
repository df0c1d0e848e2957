//! From one profile's screen to another's (reliability P3): what stood on it, what was typed, what was in memory, its socket and its files stay
//! with the old one.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::detached::{Home, is_alive};
use super::terminal::Screen;

/// Planted in the first profile: the name of a watchlist, a note, what is typed.
const LIST: &str = "listcanary";
const NOTE: &str = "NOTECANARY of the first trader";
const TYPED: &str = "buy 3 CANARYKO at 1.5";

impl Home {
    /// Screens that are attached to a profile's engine.
    fn screens_of(&self, profile: &str) -> usize {
        let status = self.json(&["--profile", profile, "engine", "status"]);
        let clients = status["clients"].as_array().cloned().unwrap_or_default();
        clients.iter().filter(|client| client["client"] == "screen").count()
    }
}

/// How often a text stands in a process's writable memory; none where the system lets nobody look.
fn in_memory(pid: u32, needle: &[u8]) -> Option<usize> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut memory = std::fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    let mut count = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split(' ').next()?.split_once('-')?;
        let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        if memory.seek(SeekFrom::Start(start)).is_ok() && memory.read_exact(&mut bytes).is_ok() {
            count += bytes.windows(needle.len()).filter(|part| *part == needle).count();
        }
    }
    Some(count)
}

fn files_with(directory: &Path, needle: &str) -> Vec<String> {
    let (mut open, mut found) = (vec![directory.to_owned()], Vec::new());
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let holds = bytes.windows(needle.len()).any(|part| part.eq_ignore_ascii_case(needle.as_bytes()));
            found.extend(holds.then(|| path.display().to_string()));
        }
    }
    found
}

/// Esc, and time enough that the next key is not taken for the rest of a sequence.
fn put_away(screen: &mut Screen) {
    screen.keys("\x1b");
    screen.pause(300);
}

#[test]
fn p3_nothing_of_a_profile_stays_when_its_screen_becomes_anothers() {
    let home = Home::new();
    home.configure("[engine]\nkeep_running = true\n");
    home.json(&["watchlist", "set", LIST, "MSFT", "AAPL"]);
    home.json(&["order", "place", "buy", "5", "MSFT", "--limit", "100"]);
    home.json(&["note", "set", "1", NOTE]);
    home.json(&["profile", "create", "bob"]);
    let engine = home.engine().unwrap();
    let mut screen = Screen::open(home.path(), &[], (120, 40));
    let pid = screen.child.process_id().unwrap();
    screen.until("the first profile's screen", |text| text.contains("PAPER") && text.contains("working 1"));
    assert_eq!(home.screens_of("default"), 1);
    // What is typed and not understood stays in the bar; what is understood is remembered.
    screen.keys(&format!(":{TYPED}"));
    screen.sees(TYPED);
    put_away(&mut screen);
    screen.keys(":show orders\r");
    screen.pause(300);
    if let Some(count) = in_memory(pid, LIST.as_bytes()) {
        assert!(count > 0, "the search finds what is there");
    }
    // A profile that is not there keeps the screen where it is.
    screen.keys(":profile nobody\r");
    screen.sees("no profile is called");
    put_away(&mut screen);
    screen.keys(":profile bob\r");
    screen.until("the second profile's screen", |text| {
        text.contains("working 0") && !text.contains("working 1")
    });
    screen.until("its engine", |_| home.screens_of("bob") == 1);
    assert!(is_alive(pid), "it is the same window");
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(String::from_utf8_lossy(&line).contains("--profile\0bob"), "{line:?}");
    // Screen, history, socket.
    screen.until("nothing of the first one", |text| !text.to_lowercase().contains("canary"));
    screen.keys(":\x1b[A\x1b[A");
    screen.pause(300);
    screen.until("no command of the first one", |text| {
        !text.to_lowercase().contains("canary") && !text.contains("show orders")
    });
    put_away(&mut screen);
    home.until("the first engine without screens", || home.screens_of("default") == 0);
    // Memory and files.
    for needle in [LIST, NOTE, TYPED] {
        assert!(
            in_memory(pid, needle.as_bytes()).unwrap_or(0) == 0,
            "{needle} is in the memory of bob's screen"
        );
    }
    screen.leave();
    assert_eq!(files_with(&home.path().join("data/profiles/bob"), "canary"), [] as [String; 0]);
    assert_eq!(home.engine(), Some(engine), "the first one's engine works on");
    assert_eq!(home.json(&["order", "list"])["orders"][0]["status"], "submitted");
    home.output(&["--profile", "bob", "engine", "stop", "--force"]);
}
