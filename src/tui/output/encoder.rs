//! Turns the difference between two buffers into the fewest bytes. Every byte the screen sends is made here, so that a cell can only
//! ever be text: whatever symbol it holds, no control character of it is passed on.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// Takes the screen: alternate buffer, no cursor, bracketed paste.
pub const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[0m\x1b[2J";
/// Gives it back, whatever state a frame was cut in.
pub const LEAVE: &str = "\x1b[?2026l\x1b[?1006l\x1b[?1002l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l";
/// Clicks, wheel, and motion while a button is down, in the form that has no column limit. No other motion: it would only be noise.
pub const MOUSE_ON: &str = "\x1b[?1002h\x1b[?1006h";
/// The mouse belongs to the terminal again, so that text can be selected.
pub const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1002l";
/// Start of a synchronized update. Sent blindly: who does not know it ignores it.
const SYNC_ON: &str = "\x1b[?2026h";
const SYNC_OFF: &str = "\x1b[?2026l";
/// Up to this many unchanged cells are written again rather than jumped over: a jump costs four bytes.
const BRIDGE_MAX: u16 = 4;

/// What the terminal draws with now.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const PLAIN: Pen = Pen { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

impl Pen {
    const fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }
}

/// The encoder with what it knows of the terminal: pen and cursor.
pub struct Encoder {
    out: Vec<u8>,
    pen: Pen,
    cursor: Option<(u16, u16)>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { out: Vec::with_capacity(16 * 1024), pen: PLAIN, cursor: None }
    }
}

impl Encoder {
    /// Bytes that turn `shown` into `wanted`; none when they are equal. With `whole` nothing is assumed of what is shown.
    pub fn frame(&mut self, shown: &Buffer, wanted: &Buffer, whole: bool) -> Vec<u8> {
        self.out.clear();
        self.cursor = None;
        if whole {
            self.out.extend_from_slice(SYNC_ON.as_bytes());
            self.out.extend_from_slice(b"\x1b[0m\x1b[2J");
            self.pen = PLAIN;
            let blank = Buffer::empty(wanted.area);
            self.cells(&blank, wanted);
        } else {
            self.cells(shown, wanted);
        }
        if self.out.is_empty() {
            return Vec::new();
        }
        self.out.extend_from_slice(SYNC_OFF.as_bytes());
        self.out.clone()
    }

    fn cells(&mut self, shown: &Buffer, wanted: &Buffer) {
        for (x, y, cell) in shown.diff_iter(wanted) {
            if self.out.is_empty() {
                self.out.extend_from_slice(SYNC_ON.as_bytes());
            }
            self.go_to(x, y, wanted);
            self.set_pen(Pen::of(cell));
            let columns = self.symbol(cell.symbol());
            // Terminals disagree on wide and joined characters, and the last column holds the cursor back: count on neither.
            let next = x + 1;
            self.cursor = (columns == Some(1) && next < wanted.area.width).then_some((next, y));
        }
    }

    fn go_to(&mut self, x: u16, y: u16, wanted: &Buffer) {
        match self.cursor {
            Some((cx, cy)) if (cx, cy) == (x, y) => return,
            Some((cx, cy)) if cy == y && cx < x => {
                let gap = x - cx;
                if gap <= BRIDGE_MAX && self.bridge(cx, x, y, wanted) {
                    return;
                }
                if gap == 1 {
                    self.out.extend_from_slice(b"\x1b[C");
                } else {
                    self.sequence(&[gap], b'C');
                }
            }
            _ if x == 0 => self.sequence(&[y + 1], b'H'),
            _ => self.sequence(&[y + 1, x + 1], b'H'),
        }
        self.cursor = Some((x, y));
    }

    /// Writes the cells between again when that costs no more than a jump: plain ASCII in the current pen.
    fn bridge(&mut self, from: u16, to: u16, y: u16, wanted: &Buffer) -> bool {
        let same = (from..to).all(|x| {
            let cell = &wanted[(x, y)];
            Pen::of(cell) == self.pen
                && cell.symbol().len() == 1
                && matches!(cell.symbol().as_bytes()[0], 0x20..=0x7e)
        });
        if same {
            for x in from..to {
                self.out.push(wanted[(x, y)].symbol().as_bytes()[0]);
            }
        }
        same
    }

    /// Writes a symbol and says how many columns it surely took.
    fn symbol(&mut self, symbol: &str) -> Option<u16> {
        if symbol.is_empty() || symbol.chars().any(char::is_control) {
            self.out.push(b' ');
            return Some(1);
        }
        self.out.extend_from_slice(symbol.as_bytes());
        let mut chars = symbol.chars();
        let first = chars.next();
        // Box drawing, blocks, braille and Latin are one column everywhere.
        let sure = |c: char| c < '\u{300}' || ('\u{2010}'..'\u{2900}').contains(&c);
        (chars.next().is_none() && first.is_some_and(sure)).then_some(1)
    }

    fn set_pen(&mut self, pen: Pen) {
        if pen == self.pen {
            return;
        }
        let lost = self.pen.modifier.difference(pen.modifier);
        let mut codes = Codes { out: &mut self.out, first: true };
        let mut from = self.pen;
        codes.out.extend_from_slice(b"\x1b[");
        if !lost.is_empty() || pen == PLAIN {
            codes.push(&[0]);
            from = PLAIN;
        }
        for (modifier, code) in MODIFIERS {
            if pen.modifier.difference(from.modifier).contains(modifier) {
                codes.push(&[code]);
            }
        }
        if pen.fg != from.fg {
            codes.color(pen.fg, 30);
        }
        if pen.bg != from.bg {
            codes.color(pen.bg, 40);
        }
        self.out.push(b'm');
        self.pen = pen;
    }

    fn sequence(&mut self, numbers: &[u16], end: u8) {
        self.out.extend_from_slice(b"\x1b[");
        Codes { out: &mut self.out, first: true }.push(numbers);
        self.out.push(end);
    }
}

const MODIFIERS: [(Modifier, u16); 6] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::REVERSED, 7),
    (Modifier::CROSSED_OUT, 9),
];

struct Codes<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl Codes<'_> {
    fn push(&mut self, numbers: &[u16]) {
        for number in numbers {
            if !std::mem::take(&mut self.first) {
                self.out.push(b';');
            }
            let mut digits = [0_u8; 5];
            let mut rest = *number;
            let mut at = digits.len();
            loop {
                at -= 1;
                digits[at] = b'0' + (rest % 10) as u8;
                rest /= 10;
                if rest == 0 {
                    break;
                }
            }
            self.out.extend_from_slice(&digits[at..]);
        }
    }

    /// `base` is 30 for the text, 40 for the background.
    fn color(&mut self, color: Color, base: u16) {
        let named = |index: u16| if index < 8 { base + index } else { base + 60 + index - 8 };
        match color {
            Color::Reset => self.push(&[base + 9]),
            Color::Rgb(r, g, b) => self.push(&[base + 8, 2, u16::from(r), u16::from(g), u16::from(b)]),
            Color::Indexed(index) => self.push(&[base + 8, 5, u16::from(index)]),
            other => self.push(&[named(ansi_index(other))]),
        }
    }
}

const fn ansi_index(color: Color) -> u16 {
    match color {
        Color::Black | Color::Reset | Color::Rgb(..) | Color::Indexed(_) => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap().replace('\x1b', "^")
    }

    #[test]
    fn equal_buffers_write_nothing() {
        let buffer = Buffer::with_lines(["AAPL 231.80"]);
        assert!(Encoder::default().frame(&buffer, &buffer, false).is_empty());
    }

    #[test]
    fn changes_cost_few_bytes() {
        let shown = Buffer::with_lines(["AAPL 231.80  b 231.79", "MSFT 512.44"]);
        let mut wanted = Buffer::with_lines(["AAPL 231.95  b 231.94", "MSFT 512.44"]);
        let bytes = Encoder::default().frame(&shown, &wanted, false);
        assert_eq!(text(&bytes), "^[?2026h^[1;10H95^[8C94^[?2026l");
        wanted.set_style(Rect::new(0, 1, 4, 1), Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
        let bytes = Encoder::default().frame(&shown, &wanted, false);
        assert_eq!(text(&bytes), "^[?2026h^[1;10H95^[8C94^[2H^[1;31mMSFT^[?2026l");
    }

    #[test]
    fn short_gaps_are_written_again() {
        let shown = Buffer::with_lines(["1.23 4"]);
        let wanted = Buffer::with_lines(["2.24 5"]);
        assert_eq!(text(&Encoder::default().frame(&shown, &wanted, false)), "^[?2026h^[1H2.24 5^[?2026l");
    }

    #[test]
    fn control_characters_in_cells_never_leave() {
        for (symbol, expected) in
            [("\x1b[2J", " "), ("\u{9b}31m", " "), ("a\u{7}", " "), ("\u{85}", " "), ("é", "é")]
        {
            let mut encoder = Encoder::default();
            encoder.symbol(symbol);
            assert_eq!(text(&encoder.out), expected, "{symbol:?}");
        }
    }

    #[test]
    fn wide_characters_are_followed_by_an_absolute_move() {
        let shown = Buffer::empty(Rect::new(0, 0, 6, 1));
        let wanted = Buffer::with_lines(["東京ab"]);
        assert_eq!(
            text(&Encoder::default().frame(&shown, &wanted, false)),
            "^[?2026h^[1H東^[1;3H京^[1;5Hab^[?2026l"
        );
    }
}
