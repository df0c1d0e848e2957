//! Options of what is shown and told: the screen, its colours and times, how alerts are rung.

use serde::Serialize;

use super::env::Environment;
use crate::domain::instrument::Instrument;

/// The screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Screen {
    /// Most frames a second for market data; a key is always answered at once.
    pub fps: u32,
    /// Most bytes a second for market data, for slow lines; frames become rarer instead.
    pub bytes_per_second: u32,
    /// How many colours.
    pub colour: Colour,
    /// The theme, by name.
    pub theme: String,
    /// Draw with ASCII characters only.
    pub ascii: bool,
    /// No screen but plain lines, for screen readers and slow terminals.
    pub plain: bool,
    /// Take the mouse.
    pub mouse: bool,
    /// Minutes without a key after which the screen locks; 0 is never.
    pub lock_minutes: u32,
    /// The zone of the times shown, here and in tables of the command line.
    pub zone: Zone,
    /// Instruments whose last price and change of the day stand in the top line, as far as there is room.
    pub top_line: Vec<Instrument>,
}

/// What tells of the market as a whole, unless the user says otherwise.
const TOP_LINE: [&str; 3] = ["SPY", "QQQ", "BTC-USD"];

impl Default for Screen {
    fn default() -> Self {
        Self {
            fps: 30,
            bytes_per_second: 12_288,
            colour: Colour::Auto,
            theme: "dark".to_owned(),
            ascii: false,
            plain: false,
            mouse: true,
            lock_minutes: 0,
            zone: Zone::Local,
            top_line: TOP_LINE.iter().filter_map(|key| Instrument::from_key(key).ok()).collect(),
        }
    }
}

/// How one is told of an alert that rings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertSettings {
    /// What the terminal of an open screen is sent.
    pub terminal: TerminalNotice,
    /// The engine tells the desktop, with a screen or without: `notify-send` on Linux, `osascript` on macOS.
    pub desktop: bool,
    /// A program that the engine runs, with the alert's words as its one argument; empty for none.
    pub command: String,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self { terminal: TerminalNotice::Osc9, desktop: false, command: String::new() }
    }
}

/// What a terminal is sent to reach a user who looks elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminalNotice {
    /// Nothing.
    Off,
    /// The bell.
    Bell,
    /// The bell and a message by OSC 9.
    Osc9,
    /// The bell and a message by OSC 777.
    Osc777,
}

/// How many colours, as wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Colour {
    /// As the environment says: `NO_COLOR`, `COLORTERM`, `TERM`.
    #[serde(rename = "auto")]
    Auto,
    /// None.
    #[serde(rename = "never")]
    Never,
    /// The terminal's own 16.
    #[serde(rename = "16")]
    Ansi16,
    /// The 256-colour table.
    #[serde(rename = "256")]
    Indexed,
    /// 24-bit colour.
    #[serde(rename = "true")]
    True,
}

/// How many colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourDepth {
    /// None.
    None,
    /// The terminal's own 16.
    Ansi16,
    /// The 256-colour table.
    Indexed,
    /// 24-bit colour.
    True,
}

impl Colour {
    /// What a terminal in this environment is given. A wish for some depth beats `NO_COLOR`; the terminal is asked nothing.
    #[must_use]
    pub fn depth(self, environment: &Environment) -> ColourDepth {
        let direct =
            |text: &str| text.contains("truecolor") || text.contains("24bit") || text.contains("direct");
        match self {
            Self::Never => ColourDepth::None,
            Self::Ansi16 => ColourDepth::Ansi16,
            Self::Indexed => ColourDepth::Indexed,
            Self::True => ColourDepth::True,
            Self::Auto if environment.no_color || matches!(environment.term.as_str(), "" | "dumb") => {
                ColourDepth::None
            }
            Self::Auto if direct(&environment.colorterm) || direct(&environment.term) => ColourDepth::True,
            Self::Auto if environment.term.contains("256color") => ColourDepth::Indexed,
            Self::Auto => ColourDepth::Ansi16,
        }
    }
}

/// In which zone times are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Zone {
    /// New York's.
    #[serde(rename = "exchange")]
    Exchange,
    /// This machine's.
    #[serde(rename = "local")]
    Local,
    /// UTC.
    #[serde(rename = "UTC")]
    Utc,
}

impl Zone {
    /// The zone itself.
    #[must_use]
    pub fn time_zone(self) -> jiff::tz::TimeZone {
        match self {
            Self::Exchange => crate::domain::calendar::new_york(),
            Self::Local => jiff::tz::TimeZone::system(),
            Self::Utc => jiff::tz::TimeZone::UTC,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_follows_wish_then_environment() {
        let environment = |term: &str, colorterm: &str, no_color| Environment {
            term: term.to_owned(),
            colorterm: colorterm.to_owned(),
            no_color,
            ..Environment::default()
        };
        let cases = [
            (Colour::Auto, environment("xterm-256color", "", false), ColourDepth::Indexed),
            (Colour::Auto, environment("xterm-256color", "truecolor", false), ColourDepth::True),
            (Colour::Auto, environment("xterm-direct", "", false), ColourDepth::True),
            (Colour::Auto, environment("xterm", "", false), ColourDepth::Ansi16),
            (Colour::Auto, environment("linux", "", false), ColourDepth::Ansi16),
            (Colour::Auto, environment("dumb", "truecolor", false), ColourDepth::None),
            (Colour::Auto, environment("", "", false), ColourDepth::None),
            (Colour::Auto, environment("xterm-256color", "truecolor", true), ColourDepth::None),
            (Colour::Never, environment("xterm-256color", "truecolor", false), ColourDepth::None),
            (Colour::Indexed, environment("xterm", "", true), ColourDepth::Indexed),
            (Colour::Ansi16, environment("dumb", "", false), ColourDepth::Ansi16),
            (Colour::True, environment("", "", true), ColourDepth::True),
        ];
        for (wish, environment, expected) in cases {
            assert_eq!(wish.depth(&environment), expected, "{wish:?} {environment:?}");
        }
    }
}
