//! Every byte that the screen writes over a real pseudo-terminal, read by a parser of terminal sequences: text, and the few sequences on the
//! list below, whatever keys come, whatever the size becomes, whatever strangers put into a text (reliability T1, T4, T7).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use portable_pty::PtySize;
use vte::{Params, Parser, Perform};

use super::pseudo::{PATIENCE, Pty, uptime};

/// Modes that may be set and reset: alternate screen, cursor, bracketed paste, the mouse, synchronized updates.
const MODES: [u16; 6] = [1_049, 25, 2_004, 1_002, 1_006, 2_026];
/// Largest place a cursor is sent to.
const PLACE_MAX: u16 = 500;

/// What came that should not have, and what of the list was used.
#[derive(Default)]
struct Watch {
    inside: bool,
    drawing: bool,
    wrong: Vec<String>,
    used: BTreeSet<String>,
}

impl Watch {
    fn wrong(&mut self, what: String) {
        // The test runner of the child speaks before and after.
        if self.inside && self.wrong.len() < 20 {
            self.wrong.push(what);
        }
    }

    fn modes(&mut self, numbers: &[u16], action: char) {
        for mode in numbers {
            if !MODES.contains(mode) {
                self.wrong(format!("mode {mode}"));
            }
            self.used.insert(format!("?{mode}{action}"));
            match (mode, action) {
                (1_049, _) => self.inside = action == 'h',
                (2_026, _) => self.drawing = action == 'h',
                _ => {}
            }
        }
    }
}

/// Colours and weights as the encoder writes them.
fn is_pen(numbers: &[u16]) -> bool {
    let mut rest = numbers;
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (38 | 48, [2, r, g, b, after @ ..]) if [r, g, b].iter().all(|part| **part < 256) => after,
            (38 | 48, [5, index, after @ ..]) if *index < 256 => after,
            (0..=4 | 7 | 9 | 30..=37 | 39..=47 | 49 | 90..=97 | 100..=107, after) => after,
            _ => return false,
        };
    }
    !numbers.is_empty()
}

impl Perform for Watch {
    fn print(&mut self, c: char) {
        let invisible = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
            || ('\u{e0000}'..='\u{e0fff}').contains(&c);
        if invisible || c == char::REPLACEMENT_CHARACTER {
            self.wrong(format!("character {c:?}"));
        }
        if !self.drawing {
            self.wrong(format!("{c:?} outside of an update"));
        }
    }

    fn execute(&mut self, byte: u8) {
        if byte != 0x07 {
            self.wrong(format!("control {byte:#x}"));
        }
    }

    fn hook(&mut self, _: &Params, _: &[u8], _: bool, action: char) {
        self.wrong(format!("device string {action:?}"));
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], bell: bool) {
        let known = match params {
            [b"52", b"c", text] => text.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b)),
            [b"9", text] => !text.is_empty(),
            _ => false,
        };
        if !known || !bell {
            self.wrong(format!("operating system command {params:?}"));
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignored: bool, action: char) {
        let numbers: Vec<u16> = params.iter().flatten().copied().collect();
        let known = match (intermediates, action) {
            _ if ignored || params.iter().any(|part| part.len() != 1) => false,
            (b"?", 'h' | 'l') => {
                self.modes(&numbers, action);
                true
            }
            (b"", 'm') => is_pen(&numbers),
            (b"", 'H') => numbers.len() <= 2 && numbers.iter().all(|place| (1..=PLACE_MAX).contains(place)),
            (b"", 'C') => numbers.len() == 1 && numbers[0] <= PLACE_MAX,
            (b"", 'J') => numbers == [2],
            _ => false,
        };
        if !known {
            self.wrong(format!("sequence {intermediates:?} {numbers:?} {action:?}"));
        }
        self.used.insert(action.to_string());
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _: bool, byte: u8) {
        self.wrong(format!("escape {intermediates:?} {byte:#x}"));
    }
}

/// A child whose every byte is watched.
struct Watched {
    pty: Pty,
    parser: Parser,
    watch: Watch,
}

impl Watched {
    fn start(child: &str, rate: Option<u64>) -> Self {
        let mut watched =
            Self { pty: Pty::read_at(child, rate), parser: Parser::new(), watch: Watch::default() };
        watched.until("the first frame", |text| text.contains("AAPL"));
        watched
    }

    fn take(&mut self, bytes: &[u8]) {
        self.parser.advance(&mut self.watch, bytes);
        self.pty.screen.process(bytes);
    }

    /// Reads for a time.
    fn read(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(bytes) =
            self.pty.bytes.as_ref().unwrap().recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            self.take(&bytes);
        }
    }

    fn text(&self) -> String {
        self.pty.screen.screen().contents()
    }

    #[track_caller]
    fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> Duration {
        let start = Instant::now();
        while !wanted(&self.text()) {
            match self.pty.bytes.as_ref().unwrap().recv_timeout(PATIENCE) {
                Ok(bytes) => self.take(&bytes),
                Err(_) => panic!("{what} never came:\n{}", self.text()),
            }
        }
        start.elapsed()
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.pty.master.as_ref().unwrap().resize(size).unwrap();
        let cells = |count: u16| std::num::NonZeroU16::new(count).unwrap();
        self.pty.screen.screen_mut().set_size(cells(rows), cells(columns));
    }

    /// Everything that is open is closed, and the program left.
    #[track_caller]
    fn leave(mut self) {
        let end = Instant::now() + PATIENCE;
        while self.watch.inside {
            assert!(Instant::now() < end, "it does not leave:\n{}", self.text());
            self.pty.type_in("\x03");
            self.read(Duration::from_millis(40));
        }
        assert_eq!(self.watch.wrong, Vec::<String>::new());
        assert!(!self.watch.drawing, "the last update is closed");
    }
}

/// A small generator, so that a failure comes again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// A key, a click, or what a terminal says unasked. Never the keys that leave.
fn random_keys(random: &mut Random) -> String {
    const NAMED: [&str; 16] = [
        "\r", "\r", "\t", "\x1b[Z", "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x7f", "\x1b[6~", "\x1b[H",
        "\x1b[3~", "\x10", "\x14", "\x0b", "\x1bOP",
    ];
    const SAID: [&str; 7] = [
        "\x1b[?62;c",
        "\x1b[12;40R",
        "\x1b]11;rgb:0000/0000/0000\x1b\\",
        "\x1bP>|xterm\x1b\\",
        "\x1b[?1u",
        "\x1b[200~buy 10 aapl\x1b[31m\x1b[201~",
        "\x1b[I",
    ];
    match random.below(20) {
        0..10 => char::from(b' ' + random.below(95) as u8).to_string().replace('q', "y"),
        10 => SAID[random.below(7) as usize].to_owned(),
        11 => format!("\x1b[<0;{};{}M", 1 + random.below(120), 1 + random.below(40)),
        12 => format!("\x1b[<64;{};{}M", 1 + random.below(120), 1 + random.below(40)),
        13 => "\x1b".to_owned(),
        _ => NAMED[random.below(16) as usize].to_owned(),
    }
}

/// Keys, and sizes from a stamp to a wall, over a world that moves and attacks.
#[test]
fn t1_no_byte_leaves_that_is_not_on_the_list() {
    let mut watched = Watched::start("child_hostile", None);
    let mut random = Random(0x5eed);
    for round in 0..1_500 {
        if !watched.watch.inside {
            // The palette can leave too.
            assert_eq!(watched.watch.wrong, Vec::<String>::new());
            watched = Watched::start("child_hostile", None);
        }
        watched.pty.type_in(&random_keys(&mut random));
        if round % 25 == 0 {
            watched.resize(1 + random.below(300) as u16, 1 + random.below(100) as u16);
        }
        watched.read(Duration::from_millis(2));
    }
    for sequence in ["?1049h", "?2004h", "?2026h", "?2026l", "H", "m", "J", "C"] {
        assert!(watched.watch.used.contains(sequence), "{sequence} was used: {:?}", watched.watch.used);
    }
    watched.leave();
}

/// A storm of sizes ends in a screen without a trace of it.
#[test]
fn t6_a_storm_of_sizes_leaves_no_trace() {
    let mut watched = Watched::start("child_calm", None);
    let mut random = Random(0xfeed);
    for _ in 0..200 {
        watched.resize(1 + random.below(300) as u16, 1 + random.below(100) as u16);
        watched.read(Duration::from_millis(random.below(4)));
    }
    watched.resize(120, 40);
    watched.until("the desk", |text| text.contains("Order ticket"));
    watched.read(Duration::from_millis(300));
    let after = watched.text();
    watched.resize(121, 40);
    watched.read(Duration::from_millis(300));
    watched.resize(120, 40);
    watched.read(Duration::from_millis(300));
    assert_eq!(after, watched.text());
    watched.leave();
}

/// A line of 8 KB/s and a market that would send hundreds: keys are answered and what shows is new.
#[test]
fn t7_a_slow_terminal_shows_the_newest_and_takes_keys() {
    let mut watched = Watched::start("child_dated", Some(8_000));
    watched.read(Duration::from_secs(8));
    // Behind a full line every answer is late; beside a machine that does other things too, some are.
    let mut newest = f64::INFINITY;
    let mut quickest = Duration::MAX;
    for _ in 0..4 {
        watched.pty.type_in("?");
        quickest = quickest.min(watched.until("the help", |text| text.contains("Keys:")));
        watched.pty.type_in("\x1b");
        watched.until("its end", |text| !text.contains("Keys:"));
        watched.read(Duration::from_millis(500));
        let text = watched.text();
        let shown = text.split("at ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        newest = newest.min(uptime() - shown.parse::<f64>().unwrap_or_else(|_| panic!("no time in\n{text}")));
    }
    // Twelve kilobytes stand in a full line, a second and a half of them; the help itself is half a second.
    assert!(quickest < Duration::from_millis(1_500), "a key is answered after {quickest:?}");
    assert!(newest < 2.5, "what shows is {newest:.2} s old");
    watched.pty.type_in("\x03\x03");
}
