//! Profiles: the traders of this machine that the one in view may see, with role, lock and engine; Enter goes on with the screen of another.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{ListFilter, Pane, PaneKind, Sheet, draw_empty, titled};
use crate::client::keeping::ProfileLine;
use crate::client::{Reply, SessionError};
use crate::domain::snapshot::Severity;
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::chores::Chore;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::widgets::list::ListState;
use crate::tui::widgets::put;
use crate::tui::wish::{Purpose, Wish};

/// While it is in view, the program is asked anew this often.
const ASK_EVERY: Duration = Duration::from_secs(15);
/// Columns of a name, at least and at most; of a role, a state and an engine.
const NAME_WIDTH: (u16, u16) = (10, 32);
const ROLE_WIDTH: u16 = 12;
const STATE_WIDTH: u16 = 10;
const ENGINE_WIDTH: u16 = 8;

/// The profiles pane.
#[derive(Debug)]
pub struct Profiles {
    /// When the program was asked last.
    asked: Option<Duration>,
    /// What it answered, or why it did not.
    answer: Option<Result<Vec<ProfileLine>, String>>,
    list: ListState,
    filter: ListFilter,
}

impl Default for Profiles {
    fn default() -> Self {
        Self { asked: None, answer: None, list: ListState::full(), filter: ListFilter::default() }
    }
}

/// Whether it may be used now.
const fn state(profile: &ProfileLine) -> &'static str {
    match (profile.disabled, profile.locked) {
        (true, _) => "disabled",
        (false, true) => "locked",
        (false, false) => "open",
    }
}

const fn engine(profile: &ProfileLine) -> &'static str {
    if profile.running { "runs" } else { "-" }
}

impl Profiles {
    fn rows(&self) -> Vec<&ProfileLine> {
        let all = match &self.answer {
            Some(Ok(profiles)) => profiles.as_slice(),
            _ => &[],
        };
        let words = |one: &ProfileLine| format!("{} {} {}", one.name, one.role.as_str(), state(one));
        all.iter().filter(|one| self.filter.is_empty() || self.filter.passes(&words(one))).collect()
    }
}

impl Pane for Profiles {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        let count = self.rows().len();
        titled("Profiles", &format!("{count}{} ", self.filter.label(look.theme.glyphs.caret)), look)
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let rows = self.rows();
        if rows.is_empty() {
            let why = match &self.answer {
                Some(Err(why)) => why.clone(),
                Some(Ok(profiles)) if !profiles.is_empty() => "No profile matches.".to_owned(),
                Some(Ok(_)) => "There is this profile alone.".to_owned(),
                None => "Asking for the profiles ...".to_owned(),
            };
            return draw_empty(&[&why, "Beside this screen: arbion profile create NAME"], look, area, buf);
        }
        let theme = look.theme;
        let longest = rows.iter().map(|one| format::width(&clean(&one.name))).max().unwrap_or(0);
        let name = longest.clamp(NAME_WIDTH.0, NAME_WIDTH.1) + 1;
        let cells = |y: u16, words: [(&str, ratatui::style::Style); 4], buf: &mut Buffer| {
            let mut x = area.x + 1;
            for ((word, style), width) in words.into_iter().zip([name, ROLE_WIDTH, STATE_WIDTH, ENGINE_WIDTH])
            {
                let room = width.min(area.right().saturating_sub(x)).saturating_sub(1);
                put(buf, x, y, &format::fit(word, room, theme.glyphs.ellipsis), style, room);
                x = x.saturating_add(width);
            }
        };
        let head = ["name", "role", "state", "engine"].map(|word| (word, theme.dim));
        cells(area.y, head, buf);
        for (line, i) in self.list.visible(rows.len(), area.height.saturating_sub(1)).enumerate() {
            let (one, y) = (rows[i], area.y + 1 + line as u16);
            let shown = clean(&one.name);
            let state_style = if state(one) == "open" { theme.text } else { theme.warning };
            let engine_style = if one.running { theme.ok } else { theme.dim };
            let words = [
                (shown.as_ref(), if one.own { theme.accent } else { theme.text }),
                (one.role.as_str(), theme.dim),
                (state(one), state_style),
                (engine(one), engine_style),
            ];
            cells(y, words, buf);
            if look.focused && i == self.list.index {
                put(buf, area.x, y, theme.glyphs.cursor, theme.accent, 1);
                buf.set_style(Rect { y, height: 1, ..area }, theme.selected);
            }
        }
    }

    fn act(&mut self, action: Action, _at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        if self.list.act(action, self.rows().len()) {
            return true;
        }
        let current = self.rows().get(self.list.index).copied().cloned();
        match (action, current) {
            (Action::Refresh, _) => self.asked = None,
            (Action::Filter, _) => self.filter.open(),
            (Action::Open, Some(one)) if one.own => {
                wishes.push(Wish::Say(Severity::Info, "This is its screen.".to_owned()));
            }
            (Action::Open, Some(one)) => wishes.push(Wish::Line(format!("profile {}", one.name))),
            (Action::Copy, Some(one)) => {
                let words = [one.name.as_str(), one.role.as_str(), state(&one), engine(&one)];
                wishes.push(Wish::Copy(clean(&words.join(" ")).into_owned()));
            }
            _ => return false,
        }
        true
    }

    fn filter(&self) -> Option<&ListFilter> {
        Some(&self.filter)
    }

    fn filter_mut(&mut self) -> Option<&mut ListFilter> {
        Some(&mut self.filter)
    }

    fn click(&mut self, _column: u16, line: u16, area: Rect, _at: &At<'_>, _wishes: &mut Vec<Wish>) {
        let count = self.rows().len();
        self.list.click(line, 1, count, area.height);
    }

    fn sheet(&self, _at: &At<'_>) -> Option<Sheet> {
        let mut sheet = Sheet::new(&["name", "role", "state", "engine"]);
        for one in self.rows() {
            let words = [one.name.as_str(), one.role.as_str(), state(one), engine(one)];
            sheet.push(words.map(|word| clean(word).into_owned()).to_vec());
        }
        Some(sheet)
    }

    fn due(&self, _at: &At<'_>) -> Option<Duration> {
        self.asked.map(|when| when + ASK_EVERY)
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, wishes: &mut Vec<Wish>) {
        if self.asked.is_none_or(|when| at.env.now >= when + ASK_EVERY) {
            self.asked = Some(at.env.now);
            wishes.push(Wish::AskProgram(Chore::Profiles, Purpose::Pane(PaneKind::Profiles, 0)));
        }
        let count = self.rows().len();
        self.list.settle(count, area.height.saturating_sub(1));
    }

    fn answer(&mut self, _: u64, reply: Result<Reply, SessionError>, _: &At<'_>, _: &mut Vec<Wish>) {
        let read = match reply {
            Ok(Reply::Done(text)) => ProfileLine::read(&text).ok_or("the profiles cannot be read".to_owned()),
            Ok(_) => return,
            Err(error) => Err(clean(&error.to_string()).into_owned()),
        };
        let first = self.answer.is_none();
        self.answer = Some(read);
        if first {
            self.list.index = self.rows().iter().position(|one| one.own).unwrap_or(0);
        }
    }
}
