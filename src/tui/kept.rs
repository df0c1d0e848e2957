//! What is kept of a screen from one start to the next: the layouts, the pane with the keys, the symbol, what each pane keeps of itself.
//! Losing it costs nothing but convenience: what does not read is left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::app::App;
use super::env::At;
use super::layout::Desk;
use super::panes::{Memory, PaneKind};
use crate::domain::instrument::Instrument;
use crate::domain::snapshot::Snapshot;
use crate::domain::text::clean;

/// Longest text that is read.
pub const BYTES_MAX: usize = 64 * 1_024;

/// The kept words, as TOML has them.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// The pane with the keys.
    focus: String,
    /// It had the whole screen.
    zoomed: bool,
    /// The instrument that chart and ticket follow, by its key.
    instrument: Option<String>,
    /// The tour was seen or left.
    tour_seen: bool,
    /// The layout shown.
    layout: String,
    /// The user's own layouts.
    layouts: BTreeMap<String, String>,
    /// Layouts changed and not saved under a name.
    changed: BTreeMap<String, String>,
    /// What each pane keeps.
    panes: BTreeMap<String, Memory>,
}

impl Kept {
    /// Reads a kept text.
    ///
    /// # Errors
    /// What does not read, with the line in which it stands.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.len() > BYTES_MAX {
            let most = BYTES_MAX / 1_024;
            return Err(format!(
                "what was kept of the last screen does not read: it has more than {most} KiB"
            ));
        }
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let line =
                error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
            let what = clean(error.message().lines().next().unwrap_or_default()).into_owned();
            format!("line {line} of what was kept of the last screen does not read ({what})")
        })
    }

    /// The instrument shown last.
    #[must_use]
    pub fn instrument(&self) -> Option<Instrument> {
        self.instrument.as_deref().and_then(|key| Instrument::from_key(key).ok())
    }
}

impl App {
    /// Takes up what was kept. Says which layouts do not read; those are left out.
    pub fn restore(&mut self, kept: &Kept, snapshot: &Snapshot) -> Option<String> {
        let (desk, wrong) = Desk::restored(&kept.layout, &kept.layouts, &kept.changed);
        self.desk = desk;
        self.tour_seen = kept.tour_seen;
        self.zoomed = kept.zoomed;
        for (name, memory) in &kept.panes {
            if let Some(kind) = PaneKind::of_name(name) {
                let (pane, env) = self.pane_mut(kind);
                pane.recall(memory, &At { env, snapshot });
            }
        }
        // Never into the ticket: the first keys of a day are not meant for an order.
        if let Some(kind) = PaneKind::of_name(&kept.focus).filter(|kind| *kind != PaneKind::Ticket) {
            self.focus_on(kind);
        }
        self.settle_focus();
        let more =
            if wrong.len() > 1 { format!(", nor do {} others", wrong.len() - 1) } else { String::new() };
        wrong.first().map(|first| format!("layout {first}{more}"))
    }

    /// What is to be kept, as text.
    #[must_use]
    pub fn keep(&self, snapshot: &Snapshot) -> String {
        let at = At { env: &self.env, snapshot };
        let memories =
            PaneKind::ALL.iter().map(|kind| (kind.name().to_owned(), self.pane(*kind).memory(&at)));
        let kept = Kept {
            focus: self.focus.name().to_owned(),
            zoomed: self.zoomed,
            instrument: self.env.current.as_ref().map(Instrument::key),
            tour_seen: self.tour_seen,
            layout: self.desk.name().to_owned(),
            layouts: self.desk.own(),
            changed: self.desk.changed(),
            panes: memories.filter(|(_, memory)| !memory.is_empty()).collect(),
        };
        toml::to_string(&kept).unwrap_or_default()
    }
}
