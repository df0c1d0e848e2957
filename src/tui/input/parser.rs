//! Terminal bytes to keys, pastes and clicks. Written by hand because what is not a key must vanish here: replies to questions that
//! somebody else asked (device attributes, colours, kitty flags) never reach a field, however their bytes are split.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

/// Longest paste taken; a longer one is refused as a whole.
pub const PASTE_BYTES_MAX: usize = 4_096;
/// Longest escape sequence understood, in bytes.
const SEQUENCE_BYTES_MAX: usize = 64;
/// Longest reply swallowed, in bytes.
const REPLY_BYTES_MAX: usize = 65_536;
/// More keys than this at once are no typing.
const TYPED_AT_ONCE_MAX: usize = 20;
/// After this long, an escape byte was the Esc key. Long enough for a sequence that a slow line has torn apart.
const ESCAPE_WAIT: Duration = Duration::from_millis(30);
/// After this long, the end of a paste or a reply is lost.
const LOST_END_WAIT: Duration = Duration::from_secs(1);
const PASTE_END: &[u8] = b"\x1b[201~";

/// One thing that came from the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key.
    Key(KeyEvent),
    /// A click or the wheel.
    Mouse(MouseEvent),
    /// A paste: one line, cleaned of control characters by whoever takes it.
    Paste(String),
    /// A paste longer than `PASTE_BYTES_MAX`.
    PasteTooLong,
}

/// The parser: bytes in, inputs out.
#[derive(Debug, Default)]
pub struct Parser {
    buffer: Vec<u8>,
    mode: Mode,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Keys,
    /// Inside a bracketed paste; true once it is too long.
    Paste(bool),
    /// Inside a reply that ends with BEL or ST; so many bytes were swallowed.
    Reply(usize),
}

enum Step {
    /// So many bytes were this input, or none worth telling.
    Took(usize, Option<Input>),
    More,
}

impl Parser {
    /// Takes bytes as they came.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Input>) {
        let first = out.len();
        self.buffer.extend_from_slice(bytes);
        self.drain(out);
        join_unbracketed_paste(out, first);
    }

    /// How long to wait for the rest of what is held back; none when nothing is.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        match self.mode {
            Mode::Keys => (!self.buffer.is_empty()).then_some(ESCAPE_WAIT),
            Mode::Paste(_) | Mode::Reply(_) => Some(LOST_END_WAIT),
        }
    }

    /// Nothing more came for so long: an escape byte alone is the Esc key, a paste without its end is a paste, anything else is rubbish.
    pub fn timeout(&mut self, out: &mut Vec<Input>) {
        match self.mode {
            Mode::Keys if self.buffer == b"\x1b" => out.push(key(KeyCode::Esc, KeyModifiers::NONE)),
            Mode::Paste(too_long) => {
                let fits = !too_long && self.buffer.len() <= PASTE_BYTES_MAX;
                let text = || Input::Paste(one_line(&String::from_utf8_lossy(&self.buffer)));
                out.push(if fits { text() } else { Input::PasteTooLong });
            }
            _ => {}
        }
        self.mode = Mode::Keys;
        self.buffer.clear();
    }

    fn drain(&mut self, out: &mut Vec<Input>) {
        loop {
            let step = match &mut self.mode {
                Mode::Paste(too_long) => step_paste(&mut self.buffer, too_long),
                Mode::Reply(swallowed) => step_reply(&self.buffer, swallowed),
                Mode::Keys => match self.buffer.as_slice() {
                    [] => return,
                    [0x1b, b'[', b'2', b'0', b'0', b'~', ..] => {
                        self.mode = Mode::Paste(false);
                        Step::Took(6, None)
                    }
                    [0x1b, b']' | b'P' | b'_' | b'^' | b'X', _, ..] => {
                        self.mode = Mode::Reply(0);
                        Step::Took(2, None)
                    }
                    bytes => step_key(bytes),
                },
            };
            match step {
                Step::More => return,
                Step::Took(count, input) => {
                    let ended = self.mode != Mode::Keys
                        && (input.is_some() || matches!(self.mode, Mode::Reply(usize::MAX)));
                    if ended {
                        self.mode = Mode::Keys;
                    }
                    self.buffer.drain(..count);
                    out.extend(input);
                }
            }
        }
    }
}

fn step_paste(buffer: &mut Vec<u8>, too_long: &mut bool) -> Step {
    let end = buffer.windows(PASTE_END.len()).position(|window| window == PASTE_END);
    if let Some(end) = end {
        let input = if *too_long || end > PASTE_BYTES_MAX {
            Input::PasteTooLong
        } else {
            Input::Paste(one_line(&String::from_utf8_lossy(&buffer[..end])))
        };
        return Step::Took(end + PASTE_END.len(), Some(input));
    }
    if buffer.len() > PASTE_BYTES_MAX + PASTE_END.len() {
        *too_long = true;
        // The end mark may have begun.
        buffer.drain(..buffer.len() - PASTE_END.len());
    }
    Step::More
}

/// Swallows until BEL or ST; `usize::MAX` marks the end.
fn step_reply(buffer: &[u8], swallowed: &mut usize) -> Step {
    for (i, byte) in buffer.iter().enumerate() {
        let end = match byte {
            0x07 => Some(i + 1),
            0x1b => match buffer.get(i + 1) {
                Some(b'\\') => Some(i + 2),
                Some(_) => Some(i),
                None => {
                    *swallowed += i;
                    return if i == 0 { Step::More } else { Step::Took(i, None) };
                }
            },
            _ => (*swallowed + i > REPLY_BYTES_MAX).then_some(i),
        };
        if let Some(end) = end {
            *swallowed = usize::MAX;
            return Step::Took(end, None);
        }
    }
    if buffer.is_empty() {
        return Step::More;
    }
    *swallowed += buffer.len();
    Step::Took(buffer.len(), None)
}

fn step_key(bytes: &[u8]) -> Step {
    match *bytes {
        [0x1b] => Step::More,
        [0x1b, b']' | b'P' | b'_' | b'^' | b'X'] => Step::More,
        [0x1b, b'[', ..] => step_csi(bytes),
        [0x1b, b'O'] => Step::More,
        [0x1b, b'O', last, ..] => Step::Took(3, named_key(last, KeyModifiers::NONE)),
        [0x1b, 0x1b, ..] => Step::Took(1, Some(key(KeyCode::Esc, KeyModifiers::NONE))),
        [0x1b, ..] => match step_char(&bytes[1..]) {
            Step::Took(count, Some(Input::Key(mut event))) => {
                event.modifiers |= KeyModifiers::ALT;
                Step::Took(count + 1, Some(Input::Key(event)))
            }
            Step::Took(count, other) => Step::Took(count + 1, other),
            Step::More => Step::More,
        },
        _ => step_char(bytes),
    }
}

fn step_csi(bytes: &[u8]) -> Step {
    let body = &bytes[2..];
    if body.first() == Some(&b'M') {
        // The old mouse form: three more bytes, which must not be read as keys.
        return if body.len() >= 4 { Step::Took(6, None) } else { Step::More };
    }
    let Some(end) = body.iter().position(|b| !(0x20..=0x3f).contains(b)) else {
        return if body.len() > SEQUENCE_BYTES_MAX { Step::Took(bytes.len(), None) } else { Step::More };
    };
    let last = body[end];
    if !(0x40..=0x7e).contains(&last) {
        return Step::Took(2 + end, None);
    }
    let params = &body[..end];
    let input = match params.first() {
        Some(b'<') => mouse(&params[1..], last),
        // Replies carry a private mark: `?` device attributes and kitty flags, `>` secondary attributes.
        Some(b'?' | b'>' | b'=') => None,
        _ => csi_key(params, last),
    };
    Step::Took(3 + end, input)
}

fn csi_key(params: &[u8], last: u8) -> Option<Input> {
    let numbers = numbers(params);
    let modifiers = modifiers(numbers.get(1).copied().unwrap_or(1));
    match last {
        b'~' => {
            let code = match numbers.first()? {
                1 | 7 => KeyCode::Home,
                2 => KeyCode::Insert,
                3 => KeyCode::Delete,
                4 | 8 => KeyCode::End,
                5 => KeyCode::PageUp,
                6 => KeyCode::PageDown,
                n @ 11..=15 => KeyCode::F(*n as u8 - 10),
                n @ 17..=21 => KeyCode::F(*n as u8 - 11),
                n @ 23..=24 => KeyCode::F(*n as u8 - 12),
                _ => return None,
            };
            Some(key(code, modifiers))
        }
        b'u' => match numbers.first()? {
            13 => Some(key(KeyCode::Enter, modifiers)),
            27 => Some(key(KeyCode::Esc, modifiers)),
            9 => Some(key(KeyCode::Tab, modifiers)),
            127 => Some(key(KeyCode::Backspace, modifiers)),
            code => {
                char::from_u32(*code).filter(|c| !c.is_control()).map(|c| key(KeyCode::Char(c), modifiers))
            }
        },
        b'Z' => Some(key(KeyCode::BackTab, KeyModifiers::SHIFT)),
        // A cursor position report looks like F3 with modifiers; F3 is not worth the doubt.
        b'R' => None,
        _ if numbers.len() <= 2 => named_key(last, modifiers),
        _ => None,
    }
}

fn named_key(last: u8, modifiers: KeyModifiers) -> Option<Input> {
    let code = match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'M' => KeyCode::Enter,
        b'P' => KeyCode::F(1),
        b'Q' => KeyCode::F(2),
        b'R' => KeyCode::F(3),
        b'S' => KeyCode::F(4),
        _ => return None,
    };
    Some(key(code, modifiers))
}

fn mouse(params: &[u8], last: u8) -> Option<Input> {
    let numbers = numbers(params);
    let [button, column, row] = numbers.as_slice() else { return None };
    let moved = button & 0b10_0000 != 0;
    let kind = match (button & 0b1100_0011, last) {
        (64, b'M') if !moved => MouseEventKind::ScrollUp,
        (65, b'M') if !moved => MouseEventKind::ScrollDown,
        // Motion is heard while the left button is down, to drag with; other motion was not asked for.
        (0, b'M') if moved => MouseEventKind::Drag(MouseButton::Left),
        _ if moved => return None,
        (0, b'm') => MouseEventKind::Up(MouseButton::Left),
        (0, b'M') => MouseEventKind::Down(MouseButton::Left),
        (1, b'M') => MouseEventKind::Down(MouseButton::Middle),
        (2, b'M') => MouseEventKind::Down(MouseButton::Right),
        _ => return None,
    };
    let place = |n: u32| u16::try_from(n).ok()?.checked_sub(1);
    Some(Input::Mouse(MouseEvent {
        kind,
        column: place(*column)?,
        row: place(*row)?,
        modifiers: KeyModifiers::NONE,
    }))
}

fn step_char(bytes: &[u8]) -> Step {
    let one = |code, modifiers| Step::Took(1, Some(key(code, modifiers)));
    match bytes[0] {
        b'\r' | b'\n' => one(KeyCode::Enter, KeyModifiers::NONE),
        b'\t' => one(KeyCode::Tab, KeyModifiers::NONE),
        0x7f | 0x08 => one(KeyCode::Backspace, KeyModifiers::NONE),
        0 => one(KeyCode::Char(' '), KeyModifiers::CONTROL),
        c @ 0x01..=0x1a => one(KeyCode::Char(char::from(c - 1 + b'a')), KeyModifiers::CONTROL),
        0x1b => Step::Took(1, None),
        c @ 0x1c..=0x1f => one(KeyCode::Char(char::from(c - 0x1c + b'4')), KeyModifiers::CONTROL),
        c @ 0x20..=0x7e => one(KeyCode::Char(char::from(c)), KeyModifiers::NONE),
        lead => {
            let length = match lead {
                0xc2..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf4 => 4,
                _ => return Step::Took(1, None),
            };
            let have = &bytes[..bytes.len().min(length)];
            match std::str::from_utf8(have).ok().and_then(|s| s.chars().next()) {
                Some(c) if !c.is_control() => {
                    Step::Took(length, Some(key(KeyCode::Char(c), KeyModifiers::NONE)))
                }
                Some(_) => Step::Took(length, None),
                None if have.len() < length && have[1..].iter().all(|b| b & 0xc0 == 0x80) => Step::More,
                None => Step::Took(1, None),
            }
        }
    }
}

const fn key(code: KeyCode, modifiers: KeyModifiers) -> Input {
    Input::Key(KeyEvent::new(code, modifiers))
}

/// Decimal parameters between semicolons; sub-parameters after a colon are left out.
fn numbers(params: &[u8]) -> Vec<u32> {
    params
        .split(|b| *b == b';')
        .map(|part| {
            part.iter()
                .take_while(|b| b.is_ascii_digit())
                .fold(0_u32, |n, b| n.saturating_mul(10).saturating_add(u32::from(b - b'0')))
        })
        .collect()
}

fn modifiers(code: u32) -> KeyModifiers {
    let bits = code.saturating_sub(1);
    [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)]
        .into_iter()
        .filter(|(bit, _)| bits & bit != 0)
        .fold(KeyModifiers::NONE, |all, (_, one)| all | one)
}

fn one_line(text: &str) -> String {
    text.replace("\r\n", " ").replace(['\r', '\n', '\t'], " ")
}

/// Without bracketed paste a paste looks like typing, only faster than anyone types: then it must not execute either.
fn join_unbracketed_paste(out: &mut Vec<Input>, first: usize) {
    let text_of = |input: &Input| match input {
        Input::Key(KeyEvent { code: KeyCode::Char(c), modifiers: KeyModifiers::NONE, .. }) => Some(*c),
        Input::Key(KeyEvent {
            code: KeyCode::Enter | KeyCode::Tab, modifiers: KeyModifiers::NONE, ..
        }) => Some(' '),
        _ => None,
    };
    let typed = out[first..].iter().filter(|input| text_of(input).is_some()).count();
    if typed <= TYPED_AT_ONCE_MAX {
        return;
    }
    let text: String = out[first..].iter().filter_map(text_of).collect();
    out.truncate(first);
    out.push(if text.len() > PASTE_BYTES_MAX { Input::PasteTooLong } else { Input::Paste(text) });
}

#[cfg(test)]
#[path = "parser_tests.rs"]
mod tests;
