//! Every option of the configuration: what holds, what may stand there, where it was set. A change goes into the user's own file.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{After, Modal};
use crate::config::OptionView;
use crate::domain::snapshot::Severity;
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::setting::{adds, entry_of, is_named, text_of, typed_value};
use crate::tui::widgets::list::ListState;
use crate::tui::widgets::put;
use crate::tui::widgets::text_input::TextInput;
use crate::tui::wish::Wish;

const WIDTH: u16 = 76;
const ROWS: u16 = 20;
/// Rows below the list that tell of the selected option: what it is about, what may stand there, and where it was set.
const DETAIL: u16 = 5;
/// Rows of the list that a screen of 80x24 has room for.
const PAGE: u16 = 15;
/// Where nothing fits what was typed.
const NONE_FOUND: &str = "No option is called so. Ctrl-U clears what was typed.";
/// Columns of the paths.
const PATH_WIDTH: u16 = 44;

/// The settings.
#[derive(Debug)]
pub struct Settings {
    all: Vec<OptionView>,
    filter: TextInput,
    found: Vec<usize>,
    list: ListState,
    /// A value is being typed.
    editing: Option<TextInput>,
}

impl Settings {
    /// Every option, or those whose path has this text in it.
    #[must_use]
    pub fn new(all: Vec<OptionView>, filter: &str) -> Self {
        let filter = TextInput::new(filter);
        let mut settings = Self { all, filter, found: Vec::new(), list: ListState::default(), editing: None };
        settings.search();
        settings
    }

    /// An option was set, put back to its default, added or taken out. The selection stays where it is, and goes to one that was added.
    pub fn changed(&mut self, all: &[OptionView]) {
        let old = std::mem::replace(&mut self.all, all.to_vec());
        let selected = self.found.get(self.list.index).and_then(|at| old.get(*at)).map(|view| &view.path);
        let added = self.all.iter().find(|view| !old.iter().any(|known| known.path == view.path));
        let path = added.map(|view| &view.path).or(selected).cloned();
        self.refilter();
        let at = self.found.iter().position(|at| Some(&self.all[*at].path) == path.as_ref());
        self.list.index = at.unwrap_or_else(|| self.list.index.min(self.found.len().saturating_sub(1)));
    }

    fn search(&mut self) {
        self.refilter();
        self.list = ListState::default();
    }

    fn refilter(&mut self) {
        let words: Vec<String> =
            self.filter.text().to_lowercase().split_whitespace().map(str::to_owned).collect();
        let fits = |view: &OptionView| words.iter().all(|word| view.path.contains(word.as_str()));
        self.found = (0..self.all.len()).filter(|at| fits(&self.all[*at])).collect();
    }

    fn current(&self) -> Option<&OptionView> {
        self.all.get(*self.found.get(self.list.index)?)
    }

    fn go(&mut self, action: Action) {
        self.list.act_within(action, self.found.len(), PAGE);
    }

    fn set(&self, value: Option<String>) -> Option<Wish> {
        self.current().map(|view| Wish::SetOption(view.path.clone(), value))
    }

    /// The choice after or before the one that holds.
    fn choice(&self, forward: bool) -> Option<String> {
        let view = self.current()?;
        let count = view.choices.len();
        let at = view.choices.iter().position(|choice| *choice == view.value).unwrap_or(0);
        view.choices.get((at + if forward { 1 } else { count.max(1) - 1 }) % count.max(1)).cloned()
    }

    fn edit_key(&mut self, event: KeyEvent, wishes: &mut Vec<Wish>) {
        let Some(input) = &mut self.editing else { return };
        match event.code {
            KeyCode::Esc => self.editing = None,
            KeyCode::Enter => {
                let text = input.text().trim().to_owned();
                let Some(view) = self.current() else { return };
                if adds(view) {
                    match entry_of(view, &text) {
                        Ok((path, value)) => wishes.push(Wish::SetOption(path, Some(value))),
                        // What was typed stays, to be mended.
                        Err(said) => return wishes.push(Wish::Say(Severity::Warning, said)),
                    }
                } else {
                    let value = typed_value(view, &text);
                    // An empty text is what stands where nothing is set, and a line that is emptied is taken out.
                    let unset = value == "\"\"" && (view.default == value || is_named(&view.path));
                    wishes.extend(self.set((!unset).then_some(value)));
                }
                self.editing = None;
            }
            _ => {
                input.key(event, |c| !c.is_control());
            }
        }
    }

    fn draw_detail(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let Some(view) = self.current() else {
            put(buf, area.x + 2, area.y, "no option is called so", look.theme.dim, area.width);
            return;
        };
        let place = match &view.origin {
            _ if adds(view) => "Enter adds one, Delete on one takes it out".to_owned(),
            Some(origin) if is_named(&view.path) => format!("set in {origin}"),
            None if is_named(&view.path) => "set in your own file".to_owned(),
            Some(origin) => format!("set in {origin}; default {}", view.default),
            None if view.value != view.default => format!("set in your own file; default {}", view.default),
            None => "this is the default".to_owned(),
        };
        let (glyphs, room) = (&look.theme.glyphs, usize::from(area.height.saturating_sub(2)));
        let mut about = format::wrap(&clean(&view.about), area.width);
        if about.len() > room {
            about.truncate(room);
            // The rest stands in the example file.
            if let Some(last) = about.last_mut() {
                let cut = format::fit(last, area.width.saturating_sub(2), "");
                *last = format!("{} {}", cut.trim_end(), glyphs.ellipsis);
            }
        }
        for (line, y) in about.iter().zip(area.y..) {
            put(buf, area.x, y, line, look.theme.text, area.width);
        }
        let lines = [format!("allowed: {}", view.allowed), place];
        for (line, y) in lines.iter().zip(area.bottom().saturating_sub(2).max(area.y)..area.bottom()) {
            let line = format::fit(line, area.width, glyphs.ellipsis);
            put(buf, area.x, y, &line, look.theme.dim, area.width);
        }
    }
}

impl Modal for Settings {
    fn title(&self) -> String {
        "Settings".to_owned()
    }

    fn size(&self, _look: &Look<'_>, room: Rect) -> (u16, u16) {
        (WIDTH.min(room.width), (ROWS + DETAIL + 2).min(room.height))
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = look.theme;
        let top = Rect { height: 1, x: area.x + 2, width: area.width.saturating_sub(2), ..area };
        put(buf, area.x, area.y, "/", theme.dim, 1);
        self.filter.draw(top, theme.strong, self.editing.is_none(), buf);
        let detail = DETAIL.min(area.height.saturating_sub(4)).max(2);
        let rows = area.height.saturating_sub(detail + 1);
        let mut list = self.list;
        list.settle(self.found.len(), rows);
        list.draw_rest(self.found.len(), Rect { y: area.y + 1, height: rows, ..area }, theme, buf);
        if self.found.is_empty() && area.height > 1 {
            put(buf, area.x + 2, area.y + 1, NONE_FOUND, theme.dim, area.width.saturating_sub(2));
        }
        let path_width = PATH_WIDTH.min(area.width * 3 / 5);
        for (line, i) in list.visible(self.found.len(), rows).enumerate() {
            let view = &self.all[self.found[i]];
            let y = area.y + 1 + line as u16;
            let path = format::fit(&view.path, path_width - 1, theme.glyphs.ellipsis);
            put(buf, area.x + 2, y, &path, theme.text, path_width);
            let x = area.x + 2 + path_width;
            let room = area.right().saturating_sub(x);
            let own = view.origin.is_some() || view.value != view.default;
            let own = if own { theme.strong } else { theme.dim };
            let selected = i == list.index;
            if selected {
                put(buf, area.x, y, theme.glyphs.cursor, theme.accent, 1);
                buf.set_style(Rect { y, height: 1, ..area }, theme.selected);
            }
            match (&self.editing, selected) {
                (Some(input), true) => {
                    input.draw(Rect { x, y, width: room, height: 1 }, theme.strong, true, buf);
                }
                _ if adds(view) => {
                    put(buf, x, y, "add one", theme.dim, room);
                }
                _ => {
                    put(buf, x, y, &format::fit(&clean(&view.value), room, theme.glyphs.ellipsis), own, room);
                }
            }
        }
        let y = area.bottom().saturating_sub(detail).max(area.y + 1);
        self.draw_detail(look, Rect { y, height: area.bottom().saturating_sub(y), ..area }, buf);
    }

    fn hint(&self, _at: &At<'_>) -> String {
        match (&self.editing, self.current().is_some_and(|view| !view.choices.is_empty())) {
            (Some(_), _) => "Enter set it   Esc leave it".to_owned(),
            _ if self.current().is_some_and(adds) => "Enter add one   Esc close   type to find".to_owned(),
            _ if self.current().is_some_and(|view| is_named(&view.path)) => {
                "Enter change   Delete take out   Esc close   type to find".to_owned()
            }
            (None, true) => "Enter Right next   Left before   Delete default   Esc close".to_owned(),
            (None, false) => "Enter change   Delete default   Esc close   type to find".to_owned(),
        }
    }

    fn key(&mut self, event: KeyEvent, _at: &At<'_>, wishes: &mut Vec<Wish>) -> After {
        if self.editing.is_some() {
            self.edit_key(event, wishes);
            return After::Stay;
        }
        match event.code {
            KeyCode::Esc => return After::Close,
            KeyCode::Down | KeyCode::Tab => self.go(Action::Down),
            KeyCode::Up | KeyCode::BackTab => self.go(Action::Up),
            KeyCode::PageDown => self.go(Action::PageDown),
            KeyCode::PageUp => self.go(Action::PageUp),
            KeyCode::Delete if self.current().is_some_and(adds) => {}
            KeyCode::Delete => wishes.extend(self.set(None)),
            KeyCode::Enter | KeyCode::Right | KeyCode::Left => {
                match self.choice(event.code != KeyCode::Left) {
                    Some(choice) => wishes.extend(self.set(Some(choice))),
                    None if event.code == KeyCode::Enter => {
                        self.editing = self.current().map(|view| TextInput::new(text_of(&view.value)));
                    }
                    None => {}
                }
            }
            // What begins a search elsewhere has begun it here already.
            KeyCode::Char('/') if self.filter.text().is_empty() => {}
            _ => {
                let before = self.filter.text().to_owned();
                self.filter.key(event, |c| !c.is_control());
                if self.filter.text() != before {
                    self.search();
                }
            }
        }
        After::Stay
    }

    fn paste(&mut self, text: &str, _at: &At<'_>) -> bool {
        match &mut self.editing {
            Some(input) => input.insert(text),
            None => {
                self.filter.insert(text);
                self.search();
            }
        }
        true
    }
}
