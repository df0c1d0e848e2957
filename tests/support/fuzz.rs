//! Inputs made of known ones by seeded changes (reliability C6). A test gives a target its corpus and what must hold of any input; a case is
//! its number alone, so that a failure is had again by it.
//!
//! `cargo test c6_` tries each target for a moment. `FUZZ_SECONDS=3600 cargo test --release c6_` goes on, from a beginning of its own each
//! time; `FUZZ_CASE=123 cargo test c6_NAME` is one case again.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// Changes of one input at most.
const CHANGES_MAX: u64 = 5;
/// Longest input.
const BYTES_MAX: usize = 64 * 1024;

/// Numbers at the edges of what anything can hold.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-1",
    "1e400",
    "1e-400",
    "1E+28",
    "1e28",
    "-1e28",
    "0.0000000000000000000000000001",
    "1e-28",
    "NaN",
    "Infinity",
    "79228162514264337593543950335",
    "-79228162514264337593543950335",
    "79228162514264337593543950336",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "4294967296",
    "2147483648",
    "1.7976931348623157e308",
    "00",
    "0x10",
    "1_000",
    "1,000",
    "+5",
    ".5",
    "5.",
    "253402300799",
    "253402300800000",
    "-62135596801",
    "0.1234567890123456789012345678901234567890",
];

/// Texts that are no harmless ones: what a terminal would obey, what looks like something else, what is nothing, what is a date that is not.
const TEXTS: &[&str] = &[
    "",
    " ",
    "null",
    "NaN",
    "-",
    "\\u001b]52;c;QUJD\\u0007",
    "\\u001b[2J\\u001b[31m",
    "\\u009b2J",
    "\\u202eLPAA\\u202c",
    "\\u200b\\ufeff",
    "\u{1b}[2J",
    "\u{9b}31m",
    "\u{202e}",
    "\u{e0041}",
    "\u{391}APL",
    "A\u{301}\u{301}\u{301}\u{301}\u{301}",
    "\\ud800",
    "\\u0000",
    "2026-02-30",
    "9999-12-31T23:59:59.999999999Z",
    "-9999-01-01T00:00:00Z",
    "2026-11-24T25:61:61Z",
    "1e400",
    "79228162514264337593543950335",
    "AAPL  270115P00190000",
    "AAPL  270230P99999999",
    "BRK/B",
    "A B",
    "../../etc/passwd",
    "%s%n",
    "'; DROP TABLE orders; --",
    "-----BEGIN PRIVATE KEY-----",
    "true",
    "buy",
    "sell",
    "filled",
    "canceled",
];

/// What stands in a value's place.
const VALUES: &[&str] = &["null", "true", "false", "[]", "{}", "\"\"", "0", "[[]]", "{\"a\":1}"];

/// A generator whose whole future is its seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below a bound, which is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    /// A piece of something of this length; may be empty.
    fn piece(&mut self, length: usize) -> Range<usize> {
        let from = self.below(length + 1);
        let most = (length - from).min(if self.below(4) == 0 { length } else { 16 });
        from..from + self.below(most + 1)
    }
}

/// An input, changed a few times. `others` are what pieces are taken from.
pub fn mangle(random: &mut Random, input: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.next() % CHANGES_MAX {
        change(random, &mut bytes, others);
        bytes.truncate(BYTES_MAX);
    }
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    // Most changes leave the form as it is and go for what stands in it: that is what gets past the first check.
    match random.below(20) {
        0 if !bytes.is_empty() => {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        1 => {
            let at = random.below(bytes.len() + 1);
            bytes.insert(at, u8::try_from(random.below(256)).unwrap());
        }
        2 => drop(bytes.drain(random.piece(bytes.len()))),
        3 => {
            let piece = bytes[random.piece(bytes.len())].to_vec();
            let at = random.below(bytes.len() + 1);
            bytes.splice(at..at, piece);
        }
        4 => bytes.truncate(random.below(bytes.len() + 1)),
        5 if !others.is_empty() => {
            let other = &others[random.below(others.len())];
            let piece = other[random.piece(other.len())].to_vec();
            let place = random.piece(bytes.len());
            bytes.splice(place, piece);
        }
        6 => {
            let deep = 1 + random.below(100);
            let at = random.below(bytes.len() + 1);
            bytes.splice(at..at, std::iter::repeat_n(*random.of(&[&b'[', &b'{', &b'(']), deep));
        }
        7 => {
            let at = random.below(bytes.len() + 1);
            bytes.splice(at..at, random.of(TEXTS).bytes());
        }
        8 => {
            let long = 1 << random.below(14);
            let at = random.below(bytes.len() + 1);
            bytes.splice(at..at, std::iter::repeat_n(*random.of(&[&b'A', &b'9', &b' ', &b'"']), long));
        }
        _ => scalar(random, bytes),
    }
}

/// Puts something else in the place of a number, a text or a word.
fn scalar(random: &mut Random, bytes: &mut Vec<u8>) {
    let places = scalars(bytes);
    if places.is_empty() {
        return;
    }
    let place = places[random.below(places.len())].clone();
    let quoted = bytes[place.start] == b'"';
    let with = match random.below(8) {
        0 => random.of(VALUES).to_owned(),
        1..=4 if !quoted => random.of(NUMBERS).to_owned(),
        1..=3 => format!("\"{}\"", random.of(NUMBERS)),
        7 => {
            let other = places[random.below(places.len())].clone();
            String::from_utf8_lossy(&bytes[other]).into_owned()
        }
        _ => format!("\"{}\"", random.of(TEXTS)),
    };
    bytes.splice(place, with.bytes());
}

/// Where numbers, quoted texts and bare words stand.
fn scalars(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'"' => {
                let mut end = at + 1;
                while end < bytes.len() && bytes[end] != b'"' {
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                (end + 1).min(bytes.len())
            }
            byte if is_word(byte) => at + bytes[at..].iter().take_while(|byte| is_word(**byte)).count(),
            _ => {
                at += 1;
                continue;
            }
        };
        found.push(at..end);
        at = end;
    }
    found
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b'_')
}

/// How long a target is tried, and from which case on.
#[derive(Clone, Copy, Debug)]
pub enum Plan {
    /// So many cases, the same each time.
    Short(u64),
    /// From a case of its own, for so long.
    Long(u64, Duration),
    /// One case again.
    Again(u64),
}

/// What the environment asks for, or so many cases.
pub fn plan(cases: u64) -> Plan {
    let read = |name: &str| -> Option<u64> { std::env::var_os(name)?.to_str()?.parse().ok() };
    if let Some(case) = read("FUZZ_CASE") {
        return Plan::Again(case);
    }
    match read("FUZZ_SECONDS") {
        Some(seconds) => {
            use std::hash::{BuildHasher, RandomState};
            Plan::Long(RandomState::new().hash_one(cases) >> 16, Duration::from_secs(seconds))
        }
        None => Plan::Short(cases),
    }
}

/// Cases of a plan, each by its number.
pub fn cases(plan: Plan) -> Box<dyn Iterator<Item = u64>> {
    match plan {
        Plan::Short(cases) => Box::new(0..cases),
        Plan::Long(first, duration) => {
            let end = Instant::now() + duration;
            Box::new((first..).take_while(move |_| Instant::now() < end))
        }
        Plan::Again(case) => Box::new(std::iter::once(case)),
    }
}

/// The input of a case.
pub fn input(case: u64, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut random = Random::new(case);
    let from = &corpus[random.below(corpus.len())];
    mangle(&mut random, from, corpus)
}

/// Tries a target with inputs made of its corpus: first with the corpus itself. `check` panics where something does not hold.
#[track_caller]
#[allow(clippy::print_stdout, reason = "whoever looks for the failure needs its input")]
pub fn run(target: &str, corpus: &[Vec<u8>], short: u64, check: impl Fn(&[u8])) {
    assert!(!corpus.is_empty(), "{target} has no corpus");
    corpus.iter().for_each(|input| check(input));
    for case in cases(plan(short)) {
        let input = input(case, corpus);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(&input))) {
            let shown: String =
                String::from_utf8_lossy(&input).chars().take(2_000).flat_map(char::escape_default).collect();
            println!(
                "{target}: case {case} fails; again: FUZZ_CASE={case} cargo test {target}\nits input: {shown}"
            );
            resume_unwind(panic);
        }
    }
}

/// Nothing that a terminal would obey, and no end of a line.
#[track_caller]
pub fn assert_shows_safely(text: &str) {
    let odd = text.chars().find(|c| {
        c.is_control()
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{200b}')
    });
    assert_eq!(odd, None, "in {:?}", text.chars().take(300).collect::<String>());
}
