//! What every pane may read and none may write: time, zone, language, the instrument in view, what just changed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::style::Style;

use super::flash::{Field, Flashes};
use super::keymap::Keymap;
use super::options::Understand;
use super::theme::Theme;
use super::work::{Jobs, WorksRef};
use crate::client::remote::LINE;
use crate::domain::instrument::{Instrument, SymbolLookup};
use crate::domain::quote::Feed;
use crate::domain::snapshot::Snapshot;

/// The surroundings of every pane and dialog.
pub struct Env {
    /// Time since the screen started; rises only.
    pub now: Duration,
    /// When the newest snapshot came, on the same clock.
    pub snapshot_at: Duration,
    /// Times are shown in this zone.
    pub zone: TimeZone,
    /// The command language.
    pub understand: Understand,
    /// What the program does that takes long.
    pub works: Option<WorksRef>,
    /// What of that is under way, and what came of it lately.
    pub jobs: Jobs,
    /// The symbol universe.
    pub symbols: Option<Arc<dyn SymbolLookup>>,
    /// The keys.
    pub keymap: Keymap,
    /// The instrument that chart and ticket follow.
    pub current: Option<Instrument>,
    /// What tells of the market as a whole, in the top line.
    pub top_line: Vec<Instrument>,
    /// Numbers that just changed.
    pub flashes: Flashes,
    /// The engine no longer answers.
    pub session_gone: bool,
}

impl Env {
    /// The engine does not answer, or the line to it is down: what is shown stands still until it is attached again.
    #[must_use]
    pub fn has_no_engine(&self, snapshot: &Snapshot) -> bool {
        self.session_gone || snapshot.connections.iter().any(|line| line.name == LINE && !line.up)
    }

    /// The engine's clock now: its last word plus the time since, unless that clock is not the world's.
    #[must_use]
    pub fn clock(&self, snapshot: &Snapshot) -> Timestamp {
        if snapshot.feed == Feed::Replayed || snapshot.replay.is_some() || self.session_gone {
            return snapshot.now;
        }
        let since = self.now.saturating_sub(self.snapshot_at);
        snapshot.now.checked_add(since).unwrap_or(snapshot.now)
    }
}

/// Where an event meets a pane.
#[derive(Clone, Copy)]
pub struct At<'a> {
    /// The surroundings.
    pub env: &'a Env,
    /// The engine's newest picture.
    pub snapshot: &'a Snapshot,
}

/// What drawing may look at.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// The surroundings.
    pub env: &'a Env,
    /// The engine's newest picture.
    pub snapshot: &'a Snapshot,
    /// Styles and glyphs.
    pub theme: &'a Theme,
    /// Has this pane the keys.
    pub focused: bool,
}

impl<'a> Look<'a> {
    /// The same without the styles.
    #[must_use]
    pub const fn at(&self) -> At<'a> {
        At { env: self.env, snapshot: self.snapshot }
    }

    /// The style of a number of an instrument, with its flash when it just changed.
    #[must_use]
    pub fn flashed(&self, instrument: &Instrument, field: Field, style: Style) -> Style {
        match self.env.flashes.instrument(instrument, field, self.env.now) {
            Some(true) => style.patch(self.theme.flash_up),
            Some(false) => style.patch(self.theme.flash_down),
            None => style,
        }
    }
}
