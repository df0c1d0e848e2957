//! Text from outside: news, model output, broker messages, names. It is shown only through `clean`, so that nobody else's escape
//! sequence, bidirectional control or invisible character ever reaches a terminal, a log or a prompt.

use std::borrow::Cow;
use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

use serde::{Deserialize, Serialize};
use unicode_width::UnicodeWidthChar;

/// Longest cleaned text in characters; what is longer ends in an ellipsis.
pub const CLEAN_LENGTH_MAX: usize = 4_096;
/// Most combining marks on one character.
pub const COMBINING_MARKS_MAX: usize = 3;

/// Text that came from outside. It can be kept and compared, but displays only cleaned.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// Wraps text as it came.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What may be shown.
    #[must_use]
    pub fn clean(&self) -> Cow<'_, str> {
        clean(&self.0)
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.clean())
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Untrusted({:?})", self.clean())
    }
}

/// Of the words that there are, those that one with a slip of the finger in it was perhaps meant to be, the nearest first: letters left out,
/// doubled, taken for others or turned round, one in a word of up to seven and one more for every four more. Empty where none is near.
#[must_use]
pub fn nearest_words<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let slips = match typed.chars().count() {
        0..3 => return Vec::new(),
        length => (length / 4).max(1),
    };
    let far = |known: &str| strsim::osa_distance(known, typed);
    let mut near: Vec<&str> = known.into_iter().filter(|known| far(known) <= slips).collect();
    near.sort_by_key(|known| (far(known), !known.starts_with(|c| typed.starts_with(c))));
    let least = near.first().map(|known| far(known));
    near.retain(|known| Some(far(known)) == least);
    near
}

/// Names listed at most where another one was meant.
const NAMES_MAX: usize = 10;
/// Characters of a name that is none, as it is repeated.
const TYPED_MAX: usize = 40;

/// What is said of a name that is none: which is meant, where one is near, else which there are. `what` is the thing in one word: `strategy`.
#[must_use]
pub fn no_such<'a>(what: &str, typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let typed: String = typed.chars().take(TYPED_MAX).flat_map(char::escape_default).collect();
    let there = match nearest_words(&typed, known.iter().copied()).as_slice() {
        [only] => format!("nearest is {only}"),
        _ => named("there are", &known).unwrap_or_else(|| "there are none".to_owned()),
    };
    format!("no {what} is called '{typed}'; {there}")
}

/// The first of some names after a word or two, and that there are more; none where there are none.
#[must_use]
pub fn named<T: AsRef<str>>(words: &str, names: &[T]) -> Option<String> {
    let first: Vec<&str> = names.iter().take(NAMES_MAX).map(AsRef::as_ref).collect();
    let more = if names.len() > NAMES_MAX { " and more" } else { "" };
    (!first.is_empty()).then(|| format!("{words} {}{more}", first.join(", ")))
}

/// One line of text without anything a terminal would act on: no control characters, no escape sequences or their payload (also 8-bit and
/// unterminated), no bidirectional, zero-width, tag or private-use characters. Line breaks and tabs become spaces. Borrows when there is
/// nothing to remove. Source: reliability T1; ECMA-48 for the sequences.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.len() <= CLEAN_LENGTH_MAX && text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(CLEAN_LENGTH_MAX));
    let mut length = 0;
    let mut marks = 0;
    let mut previous = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let kept = match classify(c) {
            Class::Escape => {
                skip_escape(&mut chars);
                continue;
            }
            Class::Csi => {
                skip_csi(&mut chars);
                continue;
            }
            Class::StringStart => {
                skip_string(&mut chars);
                continue;
            }
            Class::Drop => continue,
            Class::Space => ' ',
            Class::Joiner => {
                let next = chars.peek().copied();
                if !(previous.is_some_and(is_pictograph) && next.is_some_and(is_pictograph)) {
                    continue;
                }
                c
            }
            Class::EmojiSelector if !previous.is_some_and(is_pictograph) => continue,
            Class::EmojiSelector | Class::Text => c,
        };
        let is_mark = kept.width() == Some(0) && !matches!(classify(c), Class::Joiner | Class::EmojiSelector);
        marks = if is_mark { marks + 1 } else { 0 };
        if marks > COMBINING_MARKS_MAX || (is_mark && previous.is_none()) {
            continue;
        }
        if length == CLEAN_LENGTH_MAX {
            out.push('…');
            break;
        }
        out.push(kept);
        length += 1;
        if !is_mark && !matches!(classify(c), Class::EmojiSelector) {
            previous = Some(kept);
        }
    }
    Cow::Owned(out)
}

/// ASCII as it is, every other character as `\u{..}`: for symbols, order texts and amounts on confirmations, where a look-alike letter
/// must be seen (reliability T2).
#[must_use]
pub fn ascii_escaped(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Cow::Borrowed(text);
    }
    let cleaned = clean(text);
    let mut out = String::with_capacity(cleaned.len());
    for c in cleaned.chars() {
        if c.is_ascii() { out.push(c) } else { out.extend(c.escape_unicode()) }
    }
    Cow::Owned(out)
}

enum Class {
    Text,
    Space,
    Drop,
    Escape,
    Csi,
    StringStart,
    Joiner,
    EmojiSelector,
}

fn classify(c: char) -> Class {
    match c {
        '\u{20}'..='\u{7e}' => Class::Text,
        '\u{1b}' => Class::Escape,
        '\u{9b}' => Class::Csi,
        '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => Class::StringStart,
        '\n' | '\r' | '\t' | '\u{85}' | '\u{2028}' | '\u{2029}' => Class::Space,
        '\u{200d}' => Class::Joiner,
        '\u{fe0f}' => Class::EmojiSelector,
        _ if c.is_control() || is_invisible(c) => Class::Drop,
        _ => Class::Text,
    }
}

/// Format, filler, selector, tag, private-use and non-characters: they draw nothing of their own or reorder what does.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0e}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}' | '\u{fffe}'..='\u{ffff}' | '\u{fdd0}'..='\u{fdef}'
        | '\u{e000}'..='\u{f8ff}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
        || (u32::from(c) & 0xfffe) == 0xfffe
}

/// May it stand beside a joiner: symbols and pictographs, skin tones and regional letters among them.
fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

fn skip_escape(chars: &mut Peekable<Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_csi(chars);
        }
        Some(']' | 'P' | '_' | '^' | 'X') => {
            chars.next();
            skip_string(chars);
        }
        _ => {
            while chars.next_if(|c| ('\u{20}'..='\u{2f}').contains(c)).is_some() {}
            chars.next_if(|c| ('\u{30}'..='\u{7e}').contains(c));
        }
    }
}

fn skip_csi(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
    chars.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
}

/// Through the terminator (BEL or ST); without one, the rest of the text is payload.
fn skip_string(chars: &mut Peekable<Chars<'_>>) {
    while let Some(c) = chars.next() {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' if chars.peek() == Some(&'\\') => {
                chars.next();
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_none_names_what_there_is() {
        for (typed, known, said) in [
            ("trnd", &["trend", "wheel F"][..], "no strategy is called 'trnd'; nearest is trend"),
            ("nosuch", &["trend", "dca"], "no strategy is called 'nosuch'; there are trend, dca"),
            ("nosuch", &[], "no strategy is called 'nosuch'; there are none"),
            ("a\u{1b}[2J", &["b"], "no strategy is called 'a\\u{1b}[2J'; there are b"),
        ] {
            assert_eq!(no_such("strategy", typed, known.iter().copied()), said);
        }
        let many: Vec<String> = (1..=20).map(|n| n.to_string()).collect();
        assert_eq!(named("there are", &many).unwrap(), "there are 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and more");
    }

    #[test]
    fn hostile_text_is_stripped() {
        let cases = [
            ("plain AAPL 231.50", "plain AAPL 231.50"),
            ("Zürich – 東京 ✓", "Zürich – 東京 ✓"),
            ("red \u{1b}[31;1malert\u{1b}[0m", "red alert"),
            ("title \u{1b}]0;owned\u{7}end", "title end"),
            ("clip \u{1b}]52;c;cm0gLXJm\u{1b}\\end", "clip end"),
            ("dcs \u{1b}P1$r0m\u{1b}\\end", "dcs end"),
            ("apc \u{1b}_Ga=T\u{9c}end", "apc end"),
            ("pm \u{1b}^x\u{7}sos \u{1b}Xx\u{7}end", "pm sos end"),
            ("c1 \u{9b}2Jend \u{9d}0;x\u{7}.", "c1 end ."),
            ("unterminated \u{1b}]0;the rest is payload", "unterminated "),
            ("cut \u{1b}[", "cut "),
            ("cut \u{1b}", "cut "),
            ("charset \u{1b}(0lqqk", "charset lqqk"),
            ("a\nb\r\tc\u{2028}d", "a b  c d"),
            ("bell\u{7}\u{8}\u{7f}\u{0}", "bell"),
            ("\u{202e}LPAA\u{202c}\u{2066}x\u{2069}\u{200f}\u{61c}", "LPAAx"),
            ("z\u{200b}e\u{feff}r\u{2060}o", "zero"),
            ("tag\u{e0041}\u{e007f} pua\u{e000}\u{f0000}", "tag pua"),
            ("a\u{200d}b", "ab"),
            ("👩\u{200d}🚀 ok", "👩\u{200d}🚀 ok"),
            ("A\u{fe0f}", "A"),
            ("e\u{301}\u{301}\u{301}\u{301}\u{301}!", "e\u{301}\u{301}\u{301}!"),
            ("\u{301}lead", "lead"),
        ];
        for (input, expected) in cases {
            assert_eq!(clean(input), expected, "{input:?}");
            assert_eq!(Untrusted::new(input).to_string(), expected, "{input:?}");
        }
    }

    #[test]
    fn length_is_capped() {
        let text = clean(&"é".repeat(CLEAN_LENGTH_MAX * 2)).into_owned();
        assert_eq!(text.chars().count(), CLEAN_LENGTH_MAX + 1);
        assert!(text.ends_with('…'));
        assert!(clean(&"x".repeat(CLEAN_LENGTH_MAX * 2)).chars().count() <= CLEAN_LENGTH_MAX + 1);
    }

    #[test]
    fn look_alikes_are_seen_on_confirmations() {
        assert_eq!(ascii_escaped("\u{391}APL"), "\\u{391}APL");
        assert_eq!(ascii_escaped("buy 10 AAPL"), "buy 10 AAPL");
    }

    proptest::proptest! {
        #[test]
        fn nothing_active_survives(text in "(\\PC|\u{1b}|[\u{0}-\u{9f}]|[\u{2000}-\u{2070}]|[\\[\\]P_^X0-9;\\\\]){0,60}") {
            let cleaned = clean(&text).into_owned();
            let active = cleaned.chars().any(|c| c.is_control() || is_invisible(c) && !matches!(classify(c), Class::Joiner));
            proptest::prop_assert!(!active, "{:?}", cleaned);
            proptest::prop_assert_eq!(clean(&cleaned).into_owned(), cleaned.clone());
        }
    }
}
