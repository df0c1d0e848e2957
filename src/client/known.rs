//! Secrets that this process has had in its hands, so that no line of a log can carry one, in whatever form. What is kept is no secret but
//! its length and a keyed fingerprint, of itself and of its usual encodings: it is found where it stands and can be read out of nothing.
//!
//! The one state of the process that is not owned by somebody: a line may be logged anywhere, and the log is one for the process too.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{OnceLock, RwLock};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::domain::redact::HIDDEN;

/// Shortest text that is taken for a secret: what is shorter is a word like any other.
const BYTES_MIN: usize = 8;
/// Longest part of a secret that is looked for.
const BYTES_MAX: usize = 4_096;
/// Fingerprints kept: of secrets that stay, and of tokens, of which there is a new one every few minutes. Of those the newest stay.
const MARKS_MAX: usize = 8_192;
const PASSING_MAX: usize = 2_048;
/// A prime of 61 bits: what fingerprints are counted by.
const PRIME: u64 = (1 << 61) - 1;

/// Fingerprints by length.
type Marks = BTreeMap<usize, BTreeSet<u64>>;

/// Fingerprints of what is good for a while.
struct Passing {
    marks: Marks,
    /// In the order they came.
    order: VecDeque<(usize, u64)>,
}

static MARKS: RwLock<Marks> = RwLock::new(BTreeMap::new());
static PASSING: RwLock<Passing> = RwLock::new(Passing { marks: BTreeMap::new(), order: VecDeque::new() });
static BASE: OnceLock<u64> = OnceLock::new();

/// The key of the fingerprints: another one in each process.
fn base() -> u64 {
    *BASE.get_or_init(|| RandomState::new().hash_one("known secrets") % (PRIME - 512) + 256)
}

fn times(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let sum = (product & u128::from(PRIME)) + (product >> 61);
    let sum = if sum >= u128::from(PRIME) { sum - u128::from(PRIME) } else { sum };
    u64::try_from(sum).unwrap_or(0)
}

fn plus(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum >= PRIME { sum - PRIME } else { sum }
}

fn print_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |print, byte| plus(times(print, base()), u64::from(*byte) + 1))
}

/// The tokens of a sign-in, as they lie in the vault beside what is no secret.
#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
}

/// From now on this text stands in no log; of the tokens of a sign-in, each of them. Too short ones are left as they are.
pub fn remember(secret: &str) {
    match serde_json::from_str::<Tokens>(secret) {
        Ok(tokens) => {
            for token in [Some(tokens.access_token), tokens.refresh_token].into_iter().flatten() {
                remember_for_now(&Zeroizing::new(token));
            }
        }
        Err(_) => remember_for_good(secret),
    }
}

fn remember_for_good(secret: &str) {
    let Ok(mut marks) = MARKS.write() else { return };
    for (length, print) in prints(secret) {
        let count: usize = marks.values().map(BTreeSet::len).sum();
        if count < MARKS_MAX {
            marks.entry(length).or_default().insert(print);
        }
    }
}

fn remember_for_now(token: &str) {
    let Ok(mut passing) = PASSING.write() else { return };
    for (length, print) in prints(token) {
        if passing.marks.entry(length).or_default().insert(print) {
            passing.order.push_back((length, print));
        }
        if passing.order.len() > PASSING_MAX
            && let Some((length, oldest)) = passing.order.pop_front()
            && let Some(prints) = passing.marks.get_mut(&length)
        {
            prints.remove(&oldest);
            if prints.is_empty() {
                passing.marks.remove(&length);
            }
        }
    }
}

/// Length and fingerprint of each form.
fn prints(secret: &str) -> Vec<(usize, u64)> {
    let forms = forms(secret.as_bytes()).into_iter().map(Zeroizing::new);
    forms
        .filter(|form| (BYTES_MIN..=BYTES_MAX).contains(&form.len()))
        .map(|form| (form.len(), print_of(&form)))
        .collect()
}

/// The text without any secret that is known.
#[must_use]
pub fn hide(text: &str) -> Cow<'_, str> {
    let (Ok(marks), Ok(passing)) = (MARKS.read(), PASSING.read()) else { return Cow::Borrowed(HIDDEN) };
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (length, prints) in marks.iter().chain(&passing.marks) {
        places(text.as_bytes(), *length, prints, &mut found);
    }
    drop((marks, passing));
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_unstable();
    let (mut out, mut shown) = (String::with_capacity(text.len()), 0);
    for (from, to) in found {
        if from >= shown {
            // A secret begins and ends between characters; what only looks like one may not.
            out.push_str(text.get(shown..from).unwrap_or_default());
            out.push_str(HIDDEN);
        }
        shown = shown.max(to);
    }
    out.push_str(text.get(shown..).unwrap_or_default());
    Cow::Owned(out)
}

/// Where parts of this length have one of these fingerprints.
fn places(text: &[u8], length: usize, prints: &BTreeSet<u64>, found: &mut Vec<(usize, usize)>) {
    if text.len() < length {
        return;
    }
    let base = base();
    // What the byte that leaves counted.
    let lead = (1..length).fold(1, |lead, _| times(lead, base));
    let mut print = print_of(&text[..length]);
    for from in 0.. {
        if prints.contains(&print) {
            found.push((from, from + length));
        }
        let (Some(leaves), Some(comes)) = (text.get(from), text.get(from + length)) else { return };
        let without = plus(print, PRIME - times(lead, u64::from(*leaves) + 1));
        print = plus(times(without, base), u64::from(*comes) + 1);
    }
}

/// A secret as it may be written: as it is and line by line, escaped, in hex, in base64 wherever it begins in it, percent-encoded.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.to_vec()];
    forms.extend(secret.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
    forms.push(secret.escape_ascii().collect());
    if let Ok(text) = std::str::from_utf8(secret)
        && let Ok(json) = serde_json::to_vec(text)
    {
        forms.push(json[1..json.len() - 1].to_vec());
    }
    let hex = |upper: bool| -> Vec<u8> {
        secret
            .iter()
            .flat_map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }.into_bytes())
            .collect()
    };
    forms.extend([hex(false), hex(true)]);
    for upper in [false, true] {
        let percent = secret.iter().flat_map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => vec![*byte],
            byte if upper => format!("%{byte:02X}").into_bytes(),
            byte => format!("%{byte:02x}").into_bytes(),
        });
        forms.push(percent.collect());
    }
    for before in 0..3 {
        forms.push(base64_inside(secret, before, b"+/"));
        forms.push(base64_inside(secret, before, b"-_"));
    }
    forms
}

/// The digits of base64 that this secret alone decides, when so many bytes (modulo three) stand before it.
fn base64_inside(secret: &[u8], before: usize, last_two: &[u8; 2]) -> Vec<u8> {
    let bits = secret.len() * 8;
    // Whole digits, from the first that begins within it.
    let first = (before * 8).div_ceil(6) * 6 - before * 8;
    let digit = |at: usize| -> u8 {
        let value = (at..at + 6).fold(0_u8, |value, bit| value << 1 | (secret[bit / 8] >> (7 - bit % 8) & 1));
        match value {
            0..=25 => b'A' + value,
            26..=51 => b'a' + value - 26,
            52..=61 => b'0' + value - 52,
            value => last_two[usize::from(value - 62)],
        }
    };
    (first..).step_by(6).take_while(|at| at + 6 <= bits).map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "tOp+s3cret/V4lue?";

    /// As others write it: RFC 4648.
    fn base64(bytes: &[u8]) -> String {
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            for n in 0..4 {
                let digit = digits[(word >> (18 - 6 * n) & 63) as usize];
                text.push(if n <= chunk.len() { char::from(digit) } else { '=' });
            }
        }
        text
    }

    #[test]
    fn m5_a_known_secret_stands_in_no_line_in_no_form() {
        remember(SECRET);
        let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
        let percent = "tOp%2Bs3cret%2FV4lue%3F";
        for (text, inside) in [
            (format!("the key is {SECRET}, she said"), SECRET.to_owned()),
            (format!("{SECRET}{SECRET}"), SECRET.to_owned()),
            (format!("{{\"deep\":{{\"a\":[\"{SECRET}\"]}}}}"), SECRET.to_owned()),
            (format!("hex {hex}."), hex.clone()),
            (format!("HEX {}", hex.to_uppercase()), hex.to_uppercase()),
            (format!("GET /x?k={percent}&y=1"), percent.to_owned()),
            (
                format!("GET /x?k={}", percent.to_lowercase().replace("top", "tOp").replace("v4", "V4")),
                "s3cret".to_owned(),
            ),
        ] {
            let shown = hide(&text);
            assert!(!shown.contains(&inside) && shown.contains(HIDDEN), "{text}: {shown}");
        }
        for before in ["", "a", "ab", "user:", "user12:"] {
            for after in ["", ":x", "yz"] {
                let text = format!("Basic {}", base64(format!("{before}{SECRET}{after}").as_bytes()));
                let shown = hide(&text);
                assert!(shown.contains(HIDDEN), "{text}: {shown}");
                assert!(
                    !shown.contains("zM2NyZXQ") && !shown.contains("zNjcmV0") && !shown.contains("c3Y3JldC"),
                    "{shown}"
                );
            }
        }
    }

    #[test]
    fn m5_what_is_no_secret_stays_and_short_words_are_none() {
        remember("short");
        remember("Zürich-東京-geheim");
        for text in ["", "short", "order 3 filled at 231.50", "tOp+s3cret/V4lu", "Zürich 東京"] {
            assert!(matches!(hide(text), Cow::Borrowed(_)), "{text}");
        }
        assert_eq!(hide("so Zürich-東京-geheim ist"), "so [hidden] ist");
        remember("-----BEGIN KEY-----\nfirst line of it\nsecond line of it\n");
        assert_eq!(hide("cut: second line of it"), "cut: [hidden]");
    }

    /// As the vault has them: an engine that runs for weeks has thousands, and the newest are the ones that are good.
    #[test]
    fn m5_tokens_of_a_sign_in_are_known_one_by_one_and_the_newest_always() {
        let (access, refresh) =
            (|n: u32| format!("0.b2F1dGg{n:08}.access"), |n: u32| format!("{n:08}-refresh+kept"));
        for n in 0..1_000 {
            let kept = serde_json::json!({
                "version": 1, "profile": "a profile of ours", "access_token": access(n), "refresh_token": refresh(n),
            });
            remember(&kept.to_string());
            for token in [access(n), refresh(n)] {
                assert_eq!(hide(&format!("POST failed, {token} it says")), "POST failed, [hidden] it says");
            }
        }
        for harmless in ["a profile of ours", &access(3)] {
            assert_eq!(hide(harmless), harmless);
        }
        assert!(PASSING.read().unwrap().order.len() <= PASSING_MAX);
        remember(r#"{"access_token":"without-another"}"#);
        assert_eq!(hide("so without-another is"), "so [hidden] is");
    }
}
