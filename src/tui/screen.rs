//! The screen without a terminal: inputs, replies, snapshots and time go in, effects and frames come out. The run loop, the tests and the
//! benchmark drive the same one.

use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

use super::app::App;
use super::input::Input;
use super::options::{Options, TuiError};
use super::output::Encoder;
use super::theme::{ColorDepth, Schemes, Theme};
use super::view::view;
use super::widgets::UNICODE_ELLIPSIS;
use super::wish::Effect;
use crate::client::{Reply, SessionError};
use crate::domain::snapshot::{Severity, Snapshot};

/// Largest screen drawn; a terminal that claims more is drawn in its upper left part.
const WIDTH_MAX: u16 = 1_000;
/// See `WIDTH_MAX`.
const HEIGHT_MAX: u16 = 500;

/// A screen.
pub struct Screen {
    app: App,
    snapshot: Arc<Snapshot>,
    theme: Theme,
    /// The name of the theme in force.
    themed: String,
    schemes: Schemes,
    /// Colours and, if true, ASCII alone.
    looks: (ColorDepth, bool),
    encoder: Encoder,
    /// What the terminal shows.
    shown: Buffer,
    wanted: Buffer,
    /// Nothing may be assumed of what the terminal shows.
    whole: bool,
}

impl Screen {
    /// A screen of a size. What it wants of the world first comes from the first [`Screen::tick`].
    ///
    /// # Errors
    /// When a remapped key makes no sense.
    pub fn new(options: &Options, snapshot: Arc<Snapshot>, size: Size) -> Result<Self, TuiError> {
        let size = bounded(size);
        let area = Rect::new(0, 0, size.width, size.height);
        let schemes = Schemes::new(&options.themes);
        Ok(Self {
            app: App::new(options, &snapshot, size)?,
            snapshot,
            theme: Theme::new(options.colors, &schemes.get("dark").map_err(TuiError::Theme)?, options.ascii),
            themed: String::new(),
            schemes,
            looks: (options.colors, options.ascii),
            encoder: Encoder::default(),
            shown: Buffer::empty(area),
            wanted: Buffer::empty(area),
            whole: true,
        })
    }

    fn at(&mut self, now: Duration) {
        self.app.env.now = self.app.env.now.max(now);
    }

    /// A key, click or paste, at a time since the start.
    pub fn input(&mut self, input: Input, now: Duration) -> Vec<Effect> {
        self.at(now);
        self.app.input(input, &self.snapshot)
    }

    /// The engine's answer to the request of this number.
    pub fn reply(&mut self, number: u64, reply: Result<Reply, SessionError>, now: Duration) -> Vec<Effect> {
        self.at(now);
        self.app.reply(number, reply, &self.snapshot)
    }

    /// A new picture of the engine. An older one than is shown is ignored.
    pub fn snapshot(&mut self, snapshot: Arc<Snapshot>, now: Duration) -> Vec<Effect> {
        self.at(now);
        if snapshot.seq < self.snapshot.seq {
            return Vec::new();
        }
        let old = std::mem::replace(&mut self.snapshot, snapshot);
        self.app.snapshot(&old, &self.snapshot)
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Duration) -> Vec<Effect> {
        self.at(now);
        self.app.tick(&self.snapshot)
    }

    /// A word of the run loop to the user.
    pub fn notice(&mut self, text: &str, now: Duration) {
        self.at(now);
        self.app.say(Severity::Info, text.to_owned(), &self.snapshot);
    }

    /// The engine is gone.
    pub fn session_gone(&mut self, now: Duration) -> Vec<Effect> {
        self.at(now);
        self.app.session_gone(&self.snapshot)
    }

    /// The terminal has another size.
    pub fn resize(&mut self, size: Size, now: Duration) -> Vec<Effect> {
        self.at(now);
        let size = bounded(size);
        if size != self.app.size {
            self.app.size = size;
            let area = Rect::new(0, 0, size.width, size.height);
            self.shown = Buffer::empty(area);
            self.wanted = Buffer::empty(area);
        }
        self.whole = true;
        self.app.tick(&self.snapshot)
    }

    /// The next frame draws everything: nothing is known of what the terminal shows.
    pub const fn forget(&mut self) {
        self.whole = true;
    }

    /// Whatever work is under way ends.
    pub fn end_work(&self) {
        self.app.env.jobs.end_all();
    }

    /// When something happens by itself next, on the clock of `now`.
    #[must_use]
    pub fn next_wake(&self) -> Option<Duration> {
        self.app.next_wake(&self.snapshot)
    }

    /// The bytes that bring the terminal up to date, in one piece; empty when it is.
    pub fn frame(&mut self) -> Vec<u8> {
        self.draw();
        let bytes = self.encoder.frame(&self.shown, &self.wanted, self.whole);
        std::mem::swap(&mut self.shown, &mut self.wanted);
        self.whole = false;
        bytes
    }

    fn draw(&mut self) {
        self.follow_theme();
        self.wanted.reset();
        view(&self.app, &self.snapshot, &self.theme, &mut self.wanted);
        if self.theme.glyphs.ascii {
            // The mark of a number that was cut is the same for all widgets; here it is one that this terminal has.
            for cell in self.wanted.content.iter_mut().filter(|cell| cell.symbol() == UNICODE_ELLIPSIS) {
                cell.set_symbol(self.theme.glyphs.ellipsis);
            }
        }
        self.theme.ground(&mut self.wanted);
    }

    /// The theme that was chosen; one that does not read is said and left.
    fn follow_theme(&mut self) {
        if self.app.theme == self.themed {
            return;
        }
        match self.schemes.get(&self.app.theme) {
            Ok(scheme) => self.theme = Theme::new(self.looks.0, &scheme, self.looks.1),
            Err(text) => self.app.say(Severity::Warning, text, &self.snapshot),
        }
        self.themed.clone_from(&self.app.theme);
    }

    /// What is to be kept until the next start.
    #[must_use]
    pub fn keep(&self) -> String {
        self.app.keep(&self.snapshot)
    }

    /// What the last frame showed.
    #[must_use]
    pub const fn shown(&self) -> &Buffer {
        &self.shown
    }

    /// Does the mouse belong to the screen.
    #[must_use]
    pub const fn has_mouse(&self) -> bool {
        self.app.mouse
    }
}

fn bounded(size: Size) -> Size {
    Size::new(size.width.clamp(1, WIDTH_MAX), size.height.clamp(1, HEIGHT_MAX))
}
