//! The state of the screen: focus, panes, dialogs, half-typed text. Nothing of the engine's is kept here.

use std::collections::BTreeMap;
use std::time::Duration;

use ratatui::layout::Size;

use super::arrange::Drag;
use super::bar::CommandBar;
use super::dialogs::Dialog;
use super::env::{At, Env};
use super::flash::Flashes;
use super::kept::Kept;
use super::keymap::{Keymap, KeymapError};
use super::layout::{Desk, Layout};
use super::lock::Lock;
use super::options::Options;
use super::panes::{Pane, PaneKind, Panes};
use super::theme::Schemes;
use super::toasts::Toasts;
use super::tour::Tour;
use super::wish::Purpose;
use super::work::Jobs;
use crate::config::OptionView;
use crate::domain::snapshot::{Severity, Snapshot};
use crate::domain::text::clean;

/// Instruments of the top line.
pub const TOP_LINE_MAX: usize = 12;

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
    /// The theme, by name, and all there are.
    pub theme: String,
    /// See `theme`.
    pub themes: Vec<String>,
    /// The tour was seen or left.
    pub tour_seen: bool,
    /// The first steps, while they are shown.
    pub tour: Option<Tour>,
    /// Keys by action name, in place of the standard ones.
    pub overrides: BTreeMap<String, Vec<String>>,
    /// Every option.
    pub settings: Vec<OptionView>,
    /// The program keeps texts and writes files.
    pub has_chores: bool,
    /// What was kept of the last screen where not all of it reads, and why, until it is put aside.
    pub unread: Option<(String, String)>,
    /// What was kept last, and when it is looked at again.
    pub kept: (String, Option<Duration>),
    /// The quotes of the top line were asked for.
    pub top_line_asked: bool,
    /// A first interrupt was pressed then; a second one soon after leaves.
    pub interrupted: Option<Duration>,
    /// The lock in front of everything.
    pub lock: Option<Lock>,
    /// It locks so long after the last key; absent means never.
    pub lock_after: Option<Duration>,
    /// When the last key, click or paste came.
    pub touched: Duration,
}

impl App {
    /// A fresh screen.
    ///
    /// # Errors
    /// When a remapped key makes no sense.
    pub fn new(options: &Options, snapshot: &Snapshot, size: Size) -> Result<Self, KeymapError> {
        let kept = options.kept.as_deref().map(Kept::read);
        let (kept, why) = match kept {
            Some(Ok(kept)) => (Some(kept), None),
            Some(Err(why)) => (None, Some(why)),
            None => (None, None),
        };
        let (keymap, keys_wrong) = usable_keys(options)?;
        let first = snapshot.watchlists.first().and_then(|list| list.instruments.first()).cloned();
        let env = Env {
            now: Duration::ZERO,
            snapshot_at: Duration::ZERO,
            zone: options.time_zone.clone(),
            understand: options.understand.clone(),
            works: options.works.clone(),
            jobs: Jobs::default(),
            symbols: options.symbols.clone(),
            keymap,
            current: options
                .instrument
                .clone()
                .or_else(|| kept.as_ref().and_then(Kept::instrument))
                .or(first),
            top_line: options.top_line.iter().take(TOP_LINE_MAX).cloned().collect(),
            flashes: Flashes::default(),
            session_gone: false,
        };
        let mut panes = Panes::default();
        if let Some(current) = &env.current {
            panes.watchlist.select(current);
            panes.ticket.follow(current);
        }
        let mut app = Self {
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
            theme: options.theme.clone(),
            themes: Schemes::new(&options.themes).names(),
            tour_seen: false,
            tour: None,
            overrides: BTreeMap::new(),
            settings: options.settings.clone(),
            has_chores: options.chores.is_some(),
            unread: None,
            kept: (String::new(), None),
            top_line_asked: false,
            interrupted: None,
            lock: None,
            lock_after: options.lock_after,
            touched: Duration::ZERO,
        };
        app.follow_lock(snapshot);
        app.overrides.clone_from(&options.keys);
        app.list_keys();
        if let Some(text) = &options.kept {
            let why = why.or_else(|| app.restore(kept.as_ref()?, snapshot));
            app.unread = why.map(|why| (text.clone(), why));
            app.kept.0.clone_from(text);
        }
        if let Some(trouble) = &options.kept_trouble {
            app.say(Severity::Warning, clean(trouble).into_owned(), snapshot);
        }
        if let Some(error) = keys_wrong {
            let text = format!("{error}; until then the standard keys hold.");
            app.toasts.push(Severity::Warning, text, Duration::ZERO);
        }
        if options.tour && !app.tour_seen {
            app.tour = Some(Tour::start());
        }
        Ok(app)
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
            self.kept.1,
            self.locks_at(),
            self.forgets_at(),
            self.bar.due(),
            self.env.jobs.due(),
            // Of panes out of view some are due for ever: they must not hide the others.
            PaneKind::ALL
                .iter()
                .filter_map(|kind| self.pane(*kind).due(&at))
                .filter(|at| *at > self.env.now)
                .min(),
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

/// The keys as the user has them, else the standard ones with what is wrong: a slip in a file keeps nobody from his positions.
fn usable_keys(options: &Options) -> Result<(Keymap, Option<KeymapError>), KeymapError> {
    match Keymap::new(&options.keys) {
        Ok(keymap) => match keymap.with_macros(&options.macros) {
            Ok(keymap) => Ok((keymap, None)),
            Err(error) => Ok((Keymap::new(&options.keys)?, Some(error))),
        },
        Err(error) => Ok((Keymap::new(&BTreeMap::new())?, Some(error))),
    }
}
