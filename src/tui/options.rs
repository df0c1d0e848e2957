//! What the screen is started with. Everything it must know of the outside world comes in here: colours, zone, symbols, the language.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::Notify;

use super::chores::Chores;
use super::keymap::KeymapError;
use super::theme::ColorDepth;
use super::work::WorksRef;
use crate::command::types::Command;
use crate::config::OptionView;
use crate::domain::calendar::Calendar;
use crate::domain::instrument::{Instrument, SymbolLookup};

/// What a text means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Understanding {
    /// The command; `Clarify` when more must be said.
    pub command: Command,
    /// The command in words; empty for `Clarify`.
    pub words: String,
}

/// The command language, as the screen needs it: a text and the exchange's days in, its meaning out, in well under a millisecond.
pub type Understand = Arc<dyn Fn(&str, &Calendar) -> Understanding + Send + Sync>;

/// Keeps a command that was entered. Must return at once.
pub type Remember = Arc<dyn Fn(String) + Send + Sync>;

/// How the screen looks and listens.
#[derive(Clone)]
pub struct Options {
    /// The command language.
    pub understand: Understand,
    /// The symbol universe; absent means that only symbols of the snapshot are offered.
    pub symbols: Option<Arc<dyn SymbolLookup>>,
    /// Colours, from `NO_COLOR`, `COLORTERM` and `TERM`.
    pub colors: ColorDepth,
    /// The colour scheme, by name.
    pub theme: String,
    /// The user's own schemes: name and TOML text.
    pub themes: Vec<(String, String)>,
    /// ASCII instead of lines, arrows and blocks.
    pub ascii: bool,
    /// Take clicks and the wheel.
    pub mouse: bool,
    /// Times are shown in this zone.
    pub time_zone: TimeZone,
    /// Most frames a second for data. Keys are answered at once.
    pub frames_per_second: u32,
    /// Most bytes a second for data, so that a slow line is not flooded; frames become rarer instead.
    pub bytes_per_second: u32,
    /// Keys by action name, in place of the standard ones.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Commands of earlier runs, oldest first.
    pub history: Vec<String>,
    /// Takes each command entered, to be `history` of the next run.
    pub remember: Option<Remember>,
    /// Keys that run a line of the command language: key to line. `{symbol}` in it is the symbol in view.
    pub macros: BTreeMap<String, String>,
    /// What was kept of the last screen.
    pub kept: Option<String>,
    /// Why there is nothing of it, where there should be: a line for the user.
    pub kept_trouble: Option<String>,
    /// Every option of the configuration, for the settings.
    pub settings: Vec<OptionView>,
    /// Show the first steps, unless what was kept says that they were seen.
    pub tour: bool,
    /// Does what takes a file; absent means that nothing is kept and nothing written.
    pub chores: Option<Chores>,
    /// Does work that takes long; absent means that there is none.
    pub works: Option<WorksRef>,
    /// The instrument shown first; absent means the first of the watchlist.
    pub instrument: Option<Instrument>,
    /// Instruments whose last price and change stand in the top line, as far as there is room.
    pub top_line: Vec<Instrument>,
    /// What the terminal is sent when an alert rings.
    pub notice: Notice,
    /// The screen locks so long after the last key; absent means never.
    pub lock_after: Option<Duration>,
    /// The program's way to have the screen left, as by a key; absent means that it never wants to.
    pub leave: Option<Arc<Notify>>,
}

/// What a terminal is sent to reach a user who looks elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notice {
    /// Nothing.
    Off,
    /// The bell.
    Bell,
    /// The bell and a message by OSC 9.
    #[default]
    Osc9,
    /// The bell and a message by OSC 777.
    Osc777,
}

impl Notice {
    /// The same without a message.
    #[must_use]
    pub const fn without_message(self) -> Self {
        match self {
            Self::Off => Self::Off,
            _ => Self::Bell,
        }
    }

    /// The bytes for a text that is clean already.
    #[must_use]
    pub fn bytes(self, text: &str) -> Vec<u8> {
        match self {
            Self::Off => Vec::new(),
            Self::Bell => b"\x07".to_vec(),
            Self::Osc9 => format!("\x07\x1b]9;{text}\x07").into_bytes(),
            // Semicolons part the fields of this one.
            Self::Osc777 => format!("\x07\x1b]777;notify;Arbion;{}\x07", text.replace(';', ",")).into_bytes(),
        }
    }
}

/// Most frames a second for data.
pub const FRAMES_PER_SECOND: u32 = 30;
/// Most bytes a second for data: under 13 KiB, synchronization marks included.
pub const BYTES_PER_SECOND: u32 = 12 * 1_024;

impl Options {
    /// The usual screen with a command language.
    #[must_use]
    pub fn new(understand: Understand) -> Self {
        Self {
            understand,
            symbols: None,
            colors: ColorDepth::default(),
            theme: "dark".to_owned(),
            themes: Vec::new(),
            ascii: false,
            mouse: true,
            time_zone: TimeZone::UTC,
            frames_per_second: FRAMES_PER_SECOND,
            bytes_per_second: BYTES_PER_SECOND,
            keys: BTreeMap::new(),
            history: Vec::new(),
            remember: None,
            macros: BTreeMap::new(),
            kept: None,
            kept_trouble: None,
            settings: Vec::new(),
            tour: false,
            chores: None,
            works: None,
            top_line: Vec::new(),
            instrument: None,
            notice: Notice::default(),
            lock_after: None,
            leave: None,
        }
    }
}

/// Comes true once the program wants the screen to be left.
pub(super) async fn told_to_leave(leave: Option<&Notify>) {
    match leave {
        Some(leave) => leave.notified().await,
        None => std::future::pending().await,
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("colors", &self.colors)
            .field("theme", &self.theme)
            .field("ascii", &self.ascii)
            .field("mouse", &self.mouse)
            .finish_non_exhaustive()
    }
}

/// Why the screen could not run, or ended in trouble. A terminal that goes away is no error.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// Standard output is no terminal.
    #[error(
        "the screen needs a terminal on standard output; the same is available as `arbion` subcommands with --json"
    )]
    NotATerminal,
    /// A remapped key makes no sense.
    #[error("keys: {0}")]
    Keys(#[from] KeymapError),
    /// A theme that comes with the program does not read.
    #[error("{0}")]
    Theme(String),
    /// The terminal failed.
    #[error("terminal: {0}")]
    Terminal(#[from] std::io::Error),
    /// A part of the program panicked; its report was printed.
    #[error("the program failed; its report is above and in the log")]
    Panicked,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_sent_what_it_was_set_to() {
        let sent = |notice: Notice| String::from_utf8(notice.bytes("AAPL above 260; at 260.1")).unwrap();
        assert_eq!(sent(Notice::Off), "");
        assert_eq!(sent(Notice::Bell), "\x07");
        assert_eq!(sent(Notice::Osc9), "\x07\x1b]9;AAPL above 260; at 260.1\x07");
        assert_eq!(sent(Notice::Osc777), "\x07\x1b]777;notify;Arbion;AAPL above 260, at 260.1\x07");
        assert_eq!([Notice::Off, Notice::Osc9].map(Notice::without_message), [Notice::Off, Notice::Bell]);
    }
}
