//! A screen with a scripted engine and a clock that the test moves.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Size;

use super::{scripted, trading_day};
use crate::client::keeping::ProfileLine;
use crate::client::{Reply, Request, SessionError};
use crate::domain::snapshot::Snapshot;
use crate::tui::keymap::Chord;
use crate::tui::{Chore, ColorDepth, Doing, Effect, Input, Options, Screen};

/// The usual options of a test: a fixed zone, the fixture's language.
pub fn options() -> Options {
    let mut options = Options::new(Arc::new(|text: &str, _: &_| scripted::understand(text)));
    options.time_zone = jiff::tz::get!("America/New_York");
    options.colors = ColorDepth::True;
    options
}

/// How the scripted engine answers a request.
pub type Answer = Box<dyn Fn(&Request, &Snapshot) -> Result<Reply, SessionError>>;

pub struct Runner {
    pub screen: Screen,
    pub snapshot: Arc<Snapshot>,
    pub now: Duration,
    /// Everything that was asked, in order.
    pub asked: Vec<Request>,
    /// What the program was asked to do with files.
    pub chores: Vec<Chore>,
    /// Work that is under way, by its number.
    pub works: Vec<(u64, Doing)>,
    /// Effects other than questions.
    pub effects: Vec<Effect>,
    /// Everything that was written to the terminal.
    pub written: Vec<u8>,
    pub answer: Answer,
    /// The engine takes questions and never answers.
    pub deaf: bool,
}

impl Runner {
    pub fn new(size: (u16, u16)) -> Self {
        Self::with(options(), trading_day::snapshot(), size)
    }

    pub fn with(options: Options, snapshot: Snapshot, size: (u16, u16)) -> Self {
        let snapshot = Arc::new(snapshot);
        let screen = Screen::new(&options, Arc::clone(&snapshot), Size::new(size.0, size.1)).unwrap();
        let mut runner = Self {
            screen,
            snapshot,
            now: Duration::ZERO,
            asked: Vec::new(),
            chores: Vec::new(),
            works: Vec::new(),
            effects: Vec::new(),
            written: Vec::new(),
            answer: Box::new(scripted::answer),
            deaf: false,
        };
        let first = runner.screen.tick(runner.now);
        runner.settle(first);
        runner
    }

    /// Carries out effects, answers questions, and what these bring, then draws.
    fn settle(&mut self, effects: Vec<Effect>) {
        let mut waiting = VecDeque::from(effects);
        while let Some(effect) = waiting.pop_front() {
            match effect {
                Effect::Ask(number, request) => {
                    let reply = (self.answer)(&request, &self.snapshot);
                    self.asked.push(request);
                    if !self.deaf {
                        waiting.extend(self.screen.reply(number, reply, self.now));
                    }
                }
                Effect::Chore(number, chore) => {
                    let reply = match &chore {
                        Chore::Profiles => Ok(Reply::Done(ProfileLine::write(&scripted::profiles()))),
                        Chore::Keep(_) => Ok(Reply::Done(String::new())),
                        Chore::Export { name, .. } => Ok(Reply::Done(format!("Written: /exports/{name}"))),
                        Chore::SetOption { path, .. } => Ok(Reply::Done(format!("{path} is set."))),
                    };
                    // A list changes nothing.
                    if chore != Chore::Profiles {
                        self.chores.push(chore);
                    }
                    waiting.extend(self.screen.reply(number, reply, self.now));
                }
                Effect::Work(number, doing) => self.works.push((number, doing)),
                other => self.effects.push(other),
            }
        }
        self.written.extend(self.screen.frame());
    }

    pub fn input(&mut self, input: Input) -> &mut Self {
        let effects = self.screen.input(input, self.now);
        self.settle(effects);
        self
    }

    /// Keys by name, separated by spaces, 100 ms apart: `b 1 0 tab enter`.
    pub fn keys(&mut self, names: &str) -> &mut Self {
        for name in names.split(' ') {
            self.key(name);
            self.wait(100);
        }
        self
    }

    /// One key, without any time passing.
    pub fn key(&mut self, name: &str) -> &mut Self {
        let event = event(name);
        self.input(Input::Key(event))
    }

    /// A text, letter by letter.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.input(Input::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        }
        self
    }

    /// A click of the left button, pressed and let go.
    pub fn click(&mut self, column: u16, row: u16) -> &mut Self {
        for kind in [MouseEventKind::Down(MouseButton::Left), MouseEventKind::Up(MouseButton::Left)] {
            self.input(Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
        }
        self
    }

    pub fn paste(&mut self, text: &str) -> &mut Self {
        self.input(Input::Paste(text.to_owned()))
    }

    /// The oldest work under way ends.
    pub fn work_ends(&mut self, result: Result<&str, &str>) -> &mut Self {
        let (number, _) = self.works.remove(0);
        let reply = match result {
            Ok(text) => Ok(Reply::Done(text.to_owned())),
            Err(text) => Err(SessionError::Usage(text.to_owned())),
        };
        let effects = self.screen.reply(number, reply, self.now);
        self.settle(effects);
        self
    }

    /// Time passes.
    pub fn wait(&mut self, milliseconds: u64) -> &mut Self {
        self.now += Duration::from_millis(milliseconds);
        let effects = self.screen.tick(self.now);
        self.settle(effects);
        self
    }

    pub fn show(&mut self, snapshot: Snapshot) -> &mut Self {
        self.snapshot = Arc::new(snapshot);
        let effects = self.screen.snapshot(Arc::clone(&self.snapshot), self.now);
        self.settle(effects);
        self
    }

    pub fn resize(&mut self, width: u16, height: u16) -> &mut Self {
        let effects = self.screen.resize(Size::new(width, height), self.now);
        self.settle(effects);
        self
    }

    /// The frame as text, one line per row.
    pub fn frame(&self) -> String {
        text_of(self.screen.shown())
    }

    #[track_caller]
    pub fn sees(&mut self, text: &str) -> &mut Self {
        assert!(self.frame().contains(text), "no {text:?} in\n{}", self.frame());
        self
    }

    #[track_caller]
    pub fn misses(&mut self, text: &str) -> &mut Self {
        assert!(!self.frame().contains(text), "{text:?} in\n{}", self.frame());
        self
    }

    /// Orders and other changes that were sent.
    pub fn executed(&self) -> Vec<&Request> {
        self.asked.iter().filter(|request| matches!(request, Request::Execute { .. })).collect()
    }
}

fn event(name: &str) -> KeyEvent {
    // `Chord` reads the names; its event is found by trying what it can be.
    let candidates = [KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::SHIFT, KeyModifiers::ALT];
    let codes = || {
        let named = [
            KeyCode::Enter,
            KeyCode::Esc,
            KeyCode::BackTab,
            KeyCode::Tab,
            KeyCode::Backspace,
            KeyCode::Delete,
            KeyCode::Home,
            KeyCode::End,
            KeyCode::PageUp,
            KeyCode::PageDown,
            KeyCode::Up,
            KeyCode::Down,
            KeyCode::Left,
            KeyCode::Right,
        ];
        // Small letters first: a control key is sent as one.
        let named = named.into_iter().chain((1..=12).map(KeyCode::F));
        named.chain((' '..='~').rev().map(KeyCode::Char))
    };
    let wanted = Chord::parse(name).unwrap_or_else(|| panic!("{name} is no key"));
    codes()
        .flat_map(|code| candidates.map(|modifiers| KeyEvent::new(code, modifiers)))
        .find(|event| Chord::of(*event) == wanted)
        .unwrap_or_else(|| panic!("{name} is no key"))
}

pub fn text_of(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        let mut skip = 0;
        for x in 0..buffer.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buffer[(x, y)].symbol();
            skip = crate::tui::format::width(symbol).saturating_sub(1);
            row.push_str(symbol);
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}
