//! Colours and glyphs. Colour is always the second channel: signs, arrows and words carry the meaning alone (NO_COLOR works).

mod glyphs;
mod scheme;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use rust_decimal::Decimal;

pub use glyphs::Glyphs;
use scheme::Ink;
pub use scheme::{Scheme, Schemes};

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
    /// What is as it should be, such as a connection that is up or a check that passed: no money, so it is never turned round with it.
    pub ok: Style,
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
    /// Text and background of what nothing else colours; none leaves the terminal's own.
    pub base: (Option<Color>, Option<Color>),
    /// The characters.
    pub glyphs: Glyphs,
    /// False when only modifiers tell things apart.
    pub has_color: bool,
}

impl Theme {
    /// A scheme at a depth.
    #[must_use]
    pub fn new(depth: ColorDepth, scheme: &Scheme, ascii: bool) -> Self {
        let glyphs = if ascii { glyphs::ASCII } else { glyphs::UNICODE };
        if depth == ColorDepth::None {
            return Self::without_color(glyphs);
        }
        let pick = |ink: Ink| ink.at(depth);
        let fg = |ink: Ink| Style::new().fg(pick(ink));
        // The 16 colours have no background that keeps text readable.
        let flash = |ink: Ink, back: Ink| match depth {
            ColorDepth::Ansi16 => fg(ink).add_modifier(Modifier::REVERSED),
            _ => fg(ink).bg(pick(back)),
        };
        let badge = |ink: Ink| fg(scheme.badge_text).bg(pick(ink)).add_modifier(Modifier::BOLD);
        let [first, second, third, fourth] = scheme.overlays;
        Self {
            text: Style::new(),
            dim: fg(scheme.dim),
            strong: Style::new().add_modifier(Modifier::BOLD),
            accent: fg(scheme.accent),
            border: fg(scheme.border),
            border_focus: fg(scheme.accent),
            up: fg(scheme.up),
            down: fg(scheme.down),
            ok: fg(scheme.ok.unwrap_or(scheme.paper)),
            selected: match depth {
                ColorDepth::Ansi16 => Style::new().add_modifier(Modifier::REVERSED),
                _ => Style::new().bg(pick(scheme.selected)),
            },
            flash_up: flash(scheme.up, scheme.up_back),
            flash_down: flash(scheme.down, scheme.down_back),
            warning: fg(scheme.warning),
            error: fg(scheme.error).add_modifier(Modifier::BOLD),
            paper: badge(scheme.paper),
            simulated: badge(scheme.simulated),
            live: fg(scheme.live_text).bg(pick(scheme.live)).add_modifier(Modifier::BOLD),
            halted: badge(scheme.error),
            overlays: [fg(first), fg(second), fg(third), fg(fourth), fg(scheme.dim)],
            base: (scheme.text.map(pick), scheme.background.map(pick)),
            glyphs,
            has_color: true,
        }
    }

    /// Gives cells that no style has touched the theme's own text and background, where it has some.
    pub fn ground(&self, buf: &mut Buffer) {
        let (text, background) = self.base;
        if text.is_none() && background.is_none() {
            return;
        }
        for cell in &mut buf.content {
            if let (Color::Reset, Some(text)) = (cell.fg, text) {
                cell.fg = text;
            }
            if let (Color::Reset, Some(background)) = (cell.bg, background) {
                cell.bg = background;
            }
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
            ok: plain,
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
            base: (None, None),
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
