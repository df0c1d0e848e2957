//! Colours and glyphs. Colour is always the second channel: signs, arrows and words carry the meaning alone (NO_COLOR works).

use ratatui::style::{Color, Modifier, Style};
use rust_decimal::Decimal;

/// How many colours the terminal is given. Decided by the caller from `COLORTERM`, `TERM` and `NO_COLOR`; never asked of the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorDepth {
    /// No colour at all, only bold, dim, underline and reverse.
    None,
    /// The terminal's own 16 colours.
    Ansi16,
    /// The 256-colour table.
    #[default]
    Indexed,
    /// 24-bit colour.
    True,
}

/// Which colours mean up and down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Palette {
    /// Green up, red down.
    #[default]
    GreenRed,
    /// Red up, green down, as in East Asia.
    RedGreen,
    /// Blue up, orange down, for colour-blind eyes.
    BlueOrange,
}

/// The characters that draw: lines, marks, candles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// Plain ASCII only.
    pub ascii: bool,
    /// Before the selected row.
    pub cursor: &'static str,
    /// Price rose.
    pub up: &'static str,
    /// Price fell.
    pub down: &'static str,
    /// A check passed.
    pub pass: &'static str,
    /// A check failed.
    pub fail: &'static str,
    /// A check did not apply.
    pub skip: &'static str,
    /// A connection answers.
    pub connected: &'static str,
    /// A connection does not.
    pub disconnected: &'static str,
    /// Text goes on.
    pub ellipsis: &'static str,
    /// Leads to.
    pub arrow: &'static str,
    /// Points at the last price.
    pub price_mark: &'static str,
    /// The place where typed text appears.
    pub caret: &'static str,
    /// Between the figures of one line.
    pub times: &'static str,
    /// Eight heights, lowest first.
    pub bars: [&'static str; 8],
}

const UNICODE: Glyphs = Glyphs {
    ascii: false,
    cursor: "▸",
    up: "▲",
    down: "▼",
    pass: "✓",
    fail: "✗",
    skip: "·",
    connected: "●",
    disconnected: "○",
    ellipsis: "…",
    arrow: "→",
    price_mark: "◂",
    caret: "▏",
    times: "×",
    bars: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
};

const ASCII: Glyphs = Glyphs {
    ascii: true,
    cursor: ">",
    up: "^",
    down: "v",
    pass: "+",
    fail: "x",
    skip: "-",
    connected: "*",
    disconnected: "o",
    ellipsis: "~",
    arrow: "->",
    price_mark: "<",
    caret: "_",
    times: "x",
    bars: ["_", ".", ":", "-", "=", "+", "*", "#"],
};

/// Every style the screen uses, by meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Ordinary text.
    pub text: Style,
    /// Secondary text.
    pub dim: Style,
    /// What matters: titles of the focused pane, symbols.
    pub strong: Style,
    /// The one accent: focus, caret, links.
    pub accent: Style,
    /// Borders at rest.
    pub border: Style,
    /// Border of the focused pane.
    pub border_focus: Style,
    /// Gains.
    pub up: Style,
    /// Losses.
    pub down: Style,
    /// The selected row, over the cell's own style.
    pub selected: Style,
    /// A number that just rose, over its own style.
    pub flash_up: Style,
    /// A number that just fell.
    pub flash_down: Style,
    /// Something to look at.
    pub warning: Style,
    /// Something failed.
    pub error: Style,
    /// Badge of paper trading.
    pub paper: Style,
    /// Badge of simulated or replayed prices.
    pub simulated: Style,
    /// The whole top line when live.
    pub live: Style,
    /// Badge of a halt.
    pub halted: Style,
    /// Lines over the chart, in order.
    pub overlays: [Style; 5],
    /// The characters.
    pub glyphs: Glyphs,
    /// False when only modifiers tell things apart.
    pub has_color: bool,
}

impl Theme {
    /// The dark theme at a depth.
    #[must_use]
    pub fn new(depth: ColorDepth, palette: Palette, ascii: bool) -> Self {
        let glyphs = if ascii { ASCII } else { UNICODE };
        if depth == ColorDepth::None {
            return Self::without_color(glyphs);
        }
        let pick = Pick(depth);
        let green = pick.of((78, 186, 111), 71, Color::Green);
        let red = pick.of((232, 88, 80), 167, Color::Red);
        let (up, down, up_back, down_back) = match palette {
            Palette::GreenRed => (green, red, pick.back(GREEN_BACK), pick.back(RED_BACK)),
            Palette::RedGreen => (red, green, pick.back(RED_BACK), pick.back(GREEN_BACK)),
            Palette::BlueOrange => (
                pick.of((86, 160, 235), 75, Color::LightBlue),
                pick.of((230, 145, 56), 172, Color::Yellow),
                pick.back(BLUE_BACK),
                pick.back(ORANGE_BACK),
            ),
        };
        let accent = pick.of((97, 175, 239), 75, Color::Cyan);
        let dim = pick.of((132, 139, 152), 245, Color::DarkGray);
        let amber = pick.of((229, 181, 66), 179, Color::Yellow);
        let line = pick.of((66, 72, 86), 239, Color::DarkGray);
        let flash = |color: Color, back: Option<Color>| match back {
            Some(back) => Style::new().fg(color).bg(back),
            None => Style::new().fg(color).add_modifier(Modifier::REVERSED),
        };
        let badge = |color: Color| Style::new().fg(Color::Black).bg(color).add_modifier(Modifier::BOLD);
        Self {
            text: Style::new(),
            dim: Style::new().fg(dim),
            strong: Style::new().add_modifier(Modifier::BOLD),
            accent: Style::new().fg(accent),
            border: Style::new().fg(line),
            border_focus: Style::new().fg(accent),
            up: Style::new().fg(up),
            down: Style::new().fg(down),
            selected: match depth {
                ColorDepth::Ansi16 => Style::new().add_modifier(Modifier::REVERSED),
                _ => Style::new().bg(pick.of((44, 52, 68), 237, Color::DarkGray)),
            },
            flash_up: flash(up, up_back),
            flash_down: flash(down, down_back),
            warning: Style::new().fg(amber),
            error: Style::new().fg(red).add_modifier(Modifier::BOLD),
            paper: badge(green),
            simulated: badge(amber),
            live: Style::new()
                .fg(Color::White)
                .bg(pick.of((176, 32, 32), 124, Color::Red))
                .add_modifier(Modifier::BOLD),
            halted: badge(red),
            overlays: [
                Style::new().fg(amber),
                Style::new().fg(pick.of((198, 120, 221), 176, Color::Magenta)),
                Style::new().fg(pick.of((86, 182, 194), 73, Color::Cyan)),
                Style::new().fg(pick.of((86, 182, 194), 73, Color::Cyan)),
                Style::new().fg(dim),
            ],
            glyphs,
            has_color: true,
        }
    }

    fn without_color(glyphs: Glyphs) -> Self {
        let plain = Style::new();
        let with = |modifier| plain.add_modifier(modifier);
        Self {
            text: plain,
            dim: with(Modifier::DIM),
            strong: with(Modifier::BOLD),
            accent: with(Modifier::BOLD),
            border: with(Modifier::DIM),
            border_focus: with(Modifier::BOLD),
            up: plain,
            down: plain,
            selected: with(Modifier::REVERSED),
            flash_up: with(Modifier::BOLD),
            flash_down: with(Modifier::BOLD),
            warning: with(Modifier::BOLD),
            error: with(Modifier::BOLD),
            paper: with(Modifier::BOLD),
            simulated: with(Modifier::BOLD),
            live: with(Modifier::REVERSED.union(Modifier::BOLD)),
            halted: with(Modifier::REVERSED.union(Modifier::BOLD)),
            overlays: [plain; 5],
            glyphs,
            has_color: false,
        }
    }

    /// Style of money that moved: up, down, or plain for zero.
    #[must_use]
    pub fn money(&self, value: Decimal) -> Style {
        if value.is_zero() {
            self.text
        } else if value.is_sign_negative() {
            self.down
        } else {
            self.up
        }
    }

    /// The arrow of a change; empty for none.
    #[must_use]
    pub fn arrow_of(&self, value: Decimal) -> &'static str {
        if value.is_zero() {
            " "
        } else if value.is_sign_negative() {
            self.glyphs.down
        } else {
            self.glyphs.up
        }
    }
}

const GREEN_BACK: ((u8, u8, u8), u8) = ((18, 54, 34), 22);
const RED_BACK: ((u8, u8, u8), u8) = ((66, 26, 28), 52);
const BLUE_BACK: ((u8, u8, u8), u8) = ((20, 42, 74), 17);
const ORANGE_BACK: ((u8, u8, u8), u8) = ((70, 44, 16), 94);

struct Pick(ColorDepth);

impl Pick {
    const fn of(&self, (r, g, b): (u8, u8, u8), index: u8, named: Color) -> Color {
        match self.0 {
            ColorDepth::True => Color::Rgb(r, g, b),
            ColorDepth::Indexed => Color::Indexed(index),
            ColorDepth::Ansi16 | ColorDepth::None => named,
        }
    }

    /// A dark background; the 16 colours have none that keeps text readable.
    const fn back(&self, ((r, g, b), index): ((u8, u8, u8), u8)) -> Option<Color> {
        match self.0 {
            ColorDepth::True => Some(Color::Rgb(r, g, b)),
            ColorDepth::Indexed => Some(Color::Indexed(index)),
            ColorDepth::Ansi16 | ColorDepth::None => None,
        }
    }
}
