//! The state of the screen: focus, panes, dialogs, half-typed text. Nothing of the engine's is kept here.

use std::collections::BTreeMap;
use std::time::Duration;

use ratatui::layout::Size;

use super::arrange::Drag;
use super::bar::CommandBar;
use super::dialogs::Dialog;
use super::env::{At, Env};
use super::flash::Flashes;
use super::keymap::{Keymap, KeymapError};
use super::layout::{Desk, Layout};
use super::options::Options;
use super::panes::{Pane, PaneKind, Panes};
use super::toasts::Toasts;
use super::wish::Purpose;
use crate::domain::snapshot::Snapshot;

/// The screen's own state.
pub struct App {
    /// What every pane may read.
    pub env: Env,
    /// Columns and rows.
    pub size: Size,
    /// The pane with the keys.
    pub focus: PaneKind,
    /// The layouts.
    pub desk: Desk,
    /// The keys change the layout.
    pub arranging: bool,
    /// A line between panes is under the mouse.
    pub dragging: Option<Drag>,
    /// It has the whole screen.
    pub zoomed: bool,
    /// The pane to go back to from the ticket.
    pub before: PaneKind,
    /// Every pane.
    pub panes: Panes,
    /// The command bar.
    pub bar: CommandBar,
    /// What is open over the panes, the topmost last.
    pub dialogs: Vec<Dialog>,
    /// Short notices.
    pub toasts: Toasts,
    /// Does the mouse belong to the screen.
    pub mouse: bool,
    /// Requests under way, by number.
    pub asked: BTreeMap<u64, Purpose>,
    /// The number of the last request or review.
    pub last_number: u64,
    /// A first interrupt was pressed then; a second one soon after leaves.
    pub interrupted: Option<Duration>,
}

impl App {
    /// A fresh screen.
    ///
    /// # Errors
    /// When a remapped key makes no sense.
    pub fn new(options: &Options, snapshot: &Snapshot, size: Size) -> Result<Self, KeymapError> {
        let first = snapshot.watchlists.first().and_then(|list| list.instruments.first()).cloned();
        let env = Env {
            now: Duration::ZERO,
            snapshot_at: Duration::ZERO,
            zone: options.time_zone.clone(),
            understand: options.understand.clone(),
            symbols: options.symbols.clone(),
            keymap: Keymap::new(&options.keys)?,
            current: options.instrument.clone().or(first),
            flashes: Flashes::default(),
            session_gone: false,
        };
        let mut panes = Panes::default();
        if let Some(current) = &env.current {
            panes.watchlist.select(current);
            panes.ticket.follow(current);
        }
        Ok(Self {
            env,
            size,
            focus: PaneKind::Watchlist,
            desk: Desk::default(),
            arranging: false,
            dragging: None,
            zoomed: false,
            before: PaneKind::Watchlist,
            panes,
            bar: CommandBar::new(options.history.clone()),
            dialogs: Vec::new(),
            toasts: Toasts::default(),
            mouse: options.mouse,
            asked: BTreeMap::new(),
            last_number: 0,
            interrupted: None,
        })
    }

    /// A pane, to draw.
    #[must_use]
    pub fn pane(&self, kind: PaneKind) -> &dyn Pane {
        self.panes.get(kind)
    }

    /// A pane, to change, with what it may read meanwhile.
    pub fn pane_mut(&mut self, kind: PaneKind) -> (&mut dyn Pane, &Env) {
        (self.panes.get_mut(kind), &self.env)
    }

    /// Where everything stands; none when the screen is too small.
    #[must_use]
    pub fn layout(&self) -> Option<Layout> {
        Layout::new(self.size, self.focus, self.desk.tree(), self.zoomed)
    }

    /// The next number for a request or a review.
    pub fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// When something happens by itself next: a mark ends, a notice leaves, an estimate is due, the minute turns.
    #[must_use]
    pub fn next_wake(&self, snapshot: &Snapshot) -> Option<Duration> {
        let at = At { env: &self.env, snapshot };
        let to_minute = {
            let clock = self.env.clock(snapshot);
            let into = Duration::from_millis(clock.as_millisecond().rem_euclid(60_000).unsigned_abs());
            Duration::from_secs(60) - into
        };
        let runs = snapshot.replay.is_none() && !self.env.session_gone;
        [
            self.env.flashes.end(self.env.now),
            self.toasts.next_end(),
            self.bar.due(),
            PaneKind::ALL.iter().filter_map(|kind| self.pane(*kind).due(&at)).min(),
            self.dialogs.iter().filter_map(Dialog::due).min(),
            runs.then(|| self.env.now + to_minute),
        ]
        .into_iter()
        .flatten()
        // What is due and did not happen waits for something else: a pane to come into view, an answer.
        .filter(|at| *at > self.env.now)
        .min()
    }
}
