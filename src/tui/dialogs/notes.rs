//! The notes on an instrument: a line to write another one, below it those there are, the newest first.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{After, Modal};
use crate::client::Request;
use crate::domain::instrument::Instrument;
use crate::domain::note::{NoteChange, SymbolNote, note_text};
use crate::domain::text::clean;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::noting::Noting;
use crate::tui::widgets::put;
use crate::tui::widgets::text_input::TextInput;
use crate::tui::wish::{Purpose, Wish};

const WIDTH: u16 = 76;
/// Columns before a note's text: the marker and the day.
const MARGIN: u16 = 9;
/// Rows above the notes: the line that is typed, and one of air or of what is wrong with it.
const ABOVE: u16 = 2;

/// The notes on one instrument.
#[derive(Debug)]
pub struct Notes {
    instrument: Instrument,
    input: TextInput,
    /// The note that is chosen, by its place; none while a new one is written.
    chosen: Option<usize>,
    wrong: Option<String>,
}

impl Notes {
    /// Of this instrument.
    #[must_use]
    pub fn of(instrument: Instrument) -> Self {
        Self { instrument, input: TextInput::default(), chosen: None, wrong: None }
    }

    fn notes<'a>(&self, at: &At<'a>) -> &'a [SymbolNote] {
        at.snapshot.notes_on(&self.instrument)
    }

    /// The lines of the notes, each with the place of its note; the first of a note has its day.
    fn lines(&self, at: &At<'_>, width: u16) -> Vec<(usize, String, String)> {
        let mut lines = Vec::new();
        for (place, note) in self.notes(at).iter().enumerate() {
            let wrapped = format::wrap(&clean(&note.text), width.saturating_sub(MARGIN).max(1));
            for (i, line) in wrapped.into_iter().enumerate() {
                let day = if i == 0 { format::day(note.at, &at.env.zone) } else { String::new() };
                lines.push((place, day, line));
            }
        }
        lines
    }

    fn choose(&mut self, down: bool, at: &At<'_>) {
        let count = self.notes(at).len();
        self.chosen = match (self.chosen, down) {
            (None, true) => (count > 0).then_some(0),
            (None, false) => None,
            (Some(place), true) => Some((place + 1).min(count.saturating_sub(1))),
            (Some(place), false) => place.checked_sub(1),
        };
    }

    fn take_off(&mut self, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let Some(note) = self.chosen.and_then(|place| self.notes(at).get(place)) else { return };
        let words = format!("note on {}", self.instrument);
        let request = Request::NoteSymbol(NoteChange::Remove { id: note.id });
        wishes.push(Wish::Ask(request, Purpose::Sent(words)));
        self.chosen = None;
    }

    fn enter(&mut self, wishes: &mut Vec<Wish>) -> After {
        if self.input.text().trim().is_empty() {
            return After::Close;
        }
        match note_text(self.input.text()) {
            Ok(text) => {
                wishes.push(Noting { instrument: self.instrument.clone(), text }.wish());
                After::Close
            }
            Err(error) => {
                self.wrong = Some(error.to_string());
                After::Stay
            }
        }
    }
}

impl Modal for Notes {
    fn title(&self) -> String {
        format!("Notes on {}", self.instrument)
    }

    fn size(&self, look: &Look<'_>, room: Rect) -> (u16, u16) {
        let width = WIDTH.min(room.width);
        let rows = self.lines(&look.at(), width).len().max(1);
        (width, ABOVE.saturating_add(u16::try_from(rows).unwrap_or(u16::MAX)).min(room.height))
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = look.theme;
        let line = Rect { height: 1, ..area };
        let end = self.input.draw(line, theme.strong, self.chosen.is_none(), buf);
        if self.input.text().is_empty() {
            let room = area.right().saturating_sub(end + 1);
            put(buf, end + 1, area.y, "write, as earnings on Thursday", theme.dim, room);
        }
        if let Some(wrong) = &self.wrong {
            put(buf, area.x, area.y + 1, wrong, theme.warning, area.width);
        }
        let lines = self.lines(&look.at(), area.width);
        if lines.is_empty() {
            put(buf, area.x, area.y + ABOVE, "No notes yet.", theme.dim, area.width);
            return;
        }
        let room = usize::from(area.height.saturating_sub(ABOVE));
        // The chosen note's last line is in view.
        let last = self.chosen.and_then(|chosen| lines.iter().rposition(|(place, ..)| *place == chosen));
        let top = last.map_or(0, |last| (last + 1).saturating_sub(room));
        for (row, (place, day, text)) in lines.iter().skip(top).take(room).enumerate() {
            let y = area.y + ABOVE + row as u16;
            let chosen = self.chosen == Some(*place);
            if chosen && !day.is_empty() {
                put(buf, area.x, y, theme.glyphs.cursor, theme.accent, 1);
            }
            put(buf, area.x + 1, y, day, theme.dim, MARGIN - 2);
            let style = if chosen { theme.strong } else { theme.text };
            put(buf, area.x + MARGIN, y, text, style, area.width.saturating_sub(MARGIN));
        }
    }

    fn hint(&self, at: &At<'_>) -> String {
        match (self.chosen, self.notes(at)) {
            (Some(_), _) => "Del or Ctrl-X take it off   Enter back to the line   Esc leave".to_owned(),
            (None, []) => "Enter keep   Esc leave".to_owned(),
            (None, _) => "Enter keep   Down choose one   Esc leave".to_owned(),
        }
    }

    fn key(&mut self, event: KeyEvent, at: &At<'_>, wishes: &mut Vec<Wish>) -> After {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        match event.code {
            KeyCode::Esc => return After::Close,
            KeyCode::Down | KeyCode::Up => self.choose(event.code == KeyCode::Down, at),
            KeyCode::Delete if self.chosen.is_some() => self.take_off(at, wishes),
            KeyCode::Char('x') if control => self.take_off(at, wishes),
            KeyCode::Enter if self.chosen.is_some() => self.chosen = None,
            KeyCode::Enter => return self.enter(wishes),
            _ => {
                if self.input.key(event, |c| !c.is_control()) {
                    (self.chosen, self.wrong) = (None, None);
                }
            }
        }
        After::Stay
    }

    fn paste(&mut self, text: &str, _at: &At<'_>) -> bool {
        (self.chosen, self.wrong) = (None, None);
        self.input.insert(text);
        true
    }
}
