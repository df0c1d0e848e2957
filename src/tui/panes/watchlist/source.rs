//! Which instruments the watchlist shows: a list of the user's, what moved most today, a sector or an index. And the chooser of them, in
//! which lists are made, renamed, moved and removed.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;

use crate::client::Request;
use crate::client::message::{GroupKind, MarketGroup, MoversBy, WatchlistEdit};
use crate::domain::snapshot::{Severity, Snapshot};
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::keymap::Keymap;
use crate::tui::panes::{Hints, ListFilter, fixed};
use crate::tui::widgets::list::ListState;
use crate::tui::widgets::text_input::TextInput;
use crate::tui::widgets::{clear, put, put_right};
use crate::tui::wish::{Purpose, Wish};

/// A list goes when it is asked for twice within this time.
const REMOVE_TWICE: Duration = Duration::from_secs(3);

/// Where the rows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A list of the user's; absent means the first.
    Own(Option<SmolStr>),
    /// What moved most today.
    Movers(MoversBy),
    /// A sector or an index.
    Group(MarketGroup),
}

impl Default for Source {
    fn default() -> Self {
        Self::Own(None)
    }
}

impl Source {
    /// What the title says.
    #[must_use]
    pub fn label(&self, snapshot: &Snapshot) -> String {
        match self {
            Self::Own(_) => self.own(snapshot).map(|name| clean(name).into_owned()).unwrap_or_default(),
            Self::Movers(MoversBy::Gainers) => "gainers".to_owned(),
            Self::Movers(MoversBy::Losers) => "losers".to_owned(),
            Self::Movers(MoversBy::Active) => "most active".to_owned(),
            Self::Group(group) => clean(&group.name).into_owned(),
        }
    }

    /// The user's list that it is: the one chosen, else the first.
    #[must_use]
    pub fn own<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a str> {
        let Self::Own(chosen) = self else { return None };
        let lists = &snapshot.watchlists;
        let found = lists.iter().find(|list| Some(&list.name) == chosen.as_ref());
        found.or(lists.first()).map(|list| list.name.as_str())
    }

    /// One word that finds it again at the next start.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Own(name) => format!("list:{}", name.as_deref().unwrap_or_default()),
            Self::Movers(MoversBy::Gainers) => "movers:gainers".to_owned(),
            Self::Movers(MoversBy::Losers) => "movers:losers".to_owned(),
            Self::Movers(MoversBy::Active) => "movers:active".to_owned(),
            Self::Group(group) => match group.kind {
                GroupKind::Sector => format!("sector:{}", group.name),
                GroupKind::Index => format!("index:{}", group.name),
            },
        }
    }

    /// The source of such a word.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        let (kind, name) = key.split_once(':')?;
        let group = |kind| Self::Group(MarketGroup { kind, name: name.into() });
        Some(match (kind, name) {
            ("list", "") => Self::Own(None),
            ("list", name) => Self::Own(Some(name.into())),
            ("movers", "gainers") => Self::Movers(MoversBy::Gainers),
            ("movers", "losers") => Self::Movers(MoversBy::Losers),
            ("movers", "active") => Self::Movers(MoversBy::Active),
            ("sector", _) => group(GroupKind::Sector),
            ("index", _) => group(GroupKind::Index),
            _ => return None,
        })
    }
}

/// What is being typed.
#[derive(Clone, Debug)]
enum Typing {
    Create,
    Rename(SmolStr),
}

/// The list of lists.
#[derive(Debug, Default)]
pub struct Chooser {
    list: ListState,
    filter: ListFilter,
    typing: Option<(Typing, TextInput)>,
    removal: Option<(SmolStr, Duration)>,
}

/// What a key in the chooser came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Chosen {
    /// It stays open.
    Stay,
    /// It closes with nothing chosen.
    Leave,
    /// This one.
    Take(Source),
    /// The key is not for it.
    NotMine,
}

impl Chooser {
    /// Opens at a source.
    #[must_use]
    pub fn at(source: &Source, groups: &[(MarketGroup, u32)], snapshot: &Snapshot) -> Self {
        let mut chooser = Self::default();
        let all = chooser.rows(groups, snapshot);
        let same = |row: &Source| {
            row == source || (row.own(snapshot).is_some() && row.own(snapshot) == source.own(snapshot))
        };
        chooser.list.index = all.iter().position(|(row, _)| same(row)).unwrap_or(0);
        chooser
    }

    /// The user's lists, movers, sectors, indices, each with how many instruments it has.
    fn rows(&self, groups: &[(MarketGroup, u32)], snapshot: &Snapshot) -> Vec<(Source, Option<u32>)> {
        let own = snapshot.watchlists.iter().map(|list| {
            (
                Source::Own(Some(list.name.clone())),
                Some(u32::try_from(list.instruments.len()).unwrap_or(u32::MAX)),
            )
        });
        let movers =
            [MoversBy::Gainers, MoversBy::Losers, MoversBy::Active].map(|by| (Source::Movers(by), None));
        let groups = groups.iter().map(|(group, count)| (Source::Group(group.clone()), Some(*count)));
        own.chain(movers)
            .chain(groups)
            .filter(|(source, _)| self.filter.passes(&source.label(snapshot)))
            .collect()
    }

    /// Takes an action.
    pub fn act(
        &mut self,
        action: Action,
        groups: &[(MarketGroup, u32)],
        at: &At<'_>,
        wishes: &mut Vec<Wish>,
    ) -> Chosen {
        let rows = self.rows(groups, at.snapshot);
        if self.list.act(action, rows.len()) {
            return Chosen::Stay;
        }
        let source = rows.get(self.list.index).map(|(source, _)| source.clone());
        let own = match &source {
            Some(Source::Own(Some(name))) => Some(name.clone()),
            _ => None,
        };
        match (action, own) {
            (Action::Back | Action::Lists, _) => return Chosen::Leave,
            (Action::Open, _) => return source.map_or(Chosen::Stay, Chosen::Take),
            (Action::Filter, _) => self.filter.open(),
            (Action::Add, _) => self.typing = Some((Typing::Create, TextInput::default())),
            (Action::Rename, Some(name)) => {
                self.typing = Some((Typing::Rename(name.clone()), TextInput::new(name.as_str())));
            }
            (Action::Remove, Some(name)) => self.remove(name, at, wishes),
            (Action::MoveDown | Action::MoveUp, Some(name)) => {
                let forward = action == Action::MoveUp;
                edit(WatchlistEdit::Move { name, forward }, wishes);
                let index = self.list.index;
                let last = at.snapshot.watchlists.len().saturating_sub(1);
                self.list.index = if forward { index.saturating_sub(1) } else { (index + 1).min(last) };
            }
            (Action::Rename | Action::Remove | Action::MoveDown | Action::MoveUp, None) => {
                let text = "Only lists of your own can be changed.".to_owned();
                wishes.push(Wish::Say(Severity::Info, text));
            }
            _ => return Chosen::NotMine,
        }
        Chosen::Stay
    }

    fn remove(&mut self, name: SmolStr, at: &At<'_>, wishes: &mut Vec<Wish>) {
        let again = self
            .removal
            .take()
            .is_some_and(|(asked, when)| asked == name && at.env.now <= when + REMOVE_TWICE);
        if again {
            return edit(WatchlistEdit::Remove { name }, wishes);
        }
        let text = format!("Press the key again to remove the list {}.", clean(&name));
        wishes.push(Wish::Say(Severity::Warning, text));
        self.removal = Some((name, at.env.now));
    }

    /// Takes a key of typing; false when nothing is typed.
    pub fn key(&mut self, event: KeyEvent, wishes: &mut Vec<Wish>) -> bool {
        let Some((_, input)) = &mut self.typing else { return self.filter.key(event) };
        match event.code {
            KeyCode::Esc => self.typing = None,
            KeyCode::Enter => {
                if let Some((typing, input)) = self.typing.take() {
                    let name: SmolStr = input.text().trim().into();
                    edit(
                        match typing {
                            Typing::Create => WatchlistEdit::Create { name },
                            Typing::Rename(from) => WatchlistEdit::Rename { from, to: name },
                        },
                        wishes,
                    );
                }
            }
            _ if event.modifiers.contains(KeyModifiers::ALT) => return false,
            _ => {
                input.key(event, |c| !c.is_control());
            }
        }
        true
    }

    /// The keys that hold in it.
    #[must_use]
    pub fn hints(&self, keymap: &Keymap) -> Hints {
        if self.typing.is_some() {
            return fixed(&[("Enter", "take the name"), ("Esc", "leave it")]);
        }
        if let Some(hints) = self.filter.hints() {
            return fixed(hints);
        }
        let keys = [
            (Action::Open, "show"),
            (Action::Add, "new list"),
            (Action::Rename, "rename"),
            (Action::MoveDown, "down"),
            (Action::MoveUp, "up"),
            (Action::Remove, "delete"),
            (Action::Filter, "search"),
            (Action::Back, "leave"),
        ];
        keys.into_iter().map(|(action, word)| (keymap.label(action), word)).collect()
    }

    /// Takes pasted text while something is typed.
    pub fn paste(&mut self, text: &str) -> bool {
        match &mut self.typing {
            Some((_, input)) => {
                input.insert(text);
                true
            }
            None => self.filter.paste(text),
        }
    }

    /// A click on a line: the list there.
    pub fn click(
        &mut self,
        line: u16,
        height: u16,
        groups: &[(MarketGroup, u32)],
        snapshot: &Snapshot,
    ) -> Option<Source> {
        let rows = self.rows(groups, snapshot);
        let row = self.list.at_line(line, rows.len(), height)?;
        rows.get(row).map(|(source, _)| source.clone())
    }

    /// Keeps the selection in view.
    pub fn settle(&mut self, height: u16, groups: &[(MarketGroup, u32)], snapshot: &Snapshot) {
        let count = self.rows(groups, snapshot).len();
        self.list.settle(count, height.saturating_sub(u16::from(self.typing.is_some())));
    }

    /// What the title says of a filter.
    #[must_use]
    pub fn label(&self, caret: &str) -> String {
        self.filter.label(caret)
    }

    /// Draws the lists, each with its kind and size.
    pub fn draw(&self, groups: &[(MarketGroup, u32)], look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = look.theme;
        let rows = self.rows(groups, look.snapshot);
        self.list.draw_rest(rows.len(), area, theme, buf);
        for (line, i) in self.list.visible(rows.len(), area.height).enumerate() {
            let y = area.y + line as u16;
            let (source, count) = &rows[i];
            let word = match source {
                Source::Own(_) => "list",
                Source::Movers(_) => "today",
                Source::Group(group) if group.kind == GroupKind::Sector => "sector",
                Source::Group(_) => "index",
            };
            put(buf, area.x + 1, y, word, theme.dim, 7);
            let own = matches!(source, Source::Own(_));
            let style = if own { theme.strong } else { theme.text };
            let room = area.width.saturating_sub(16);
            let name = source.label(look.snapshot);
            put(buf, area.x + 9, y, &format::fit(&name, room, theme.glyphs.ellipsis), style, room);
            if let Some(count) = count {
                put_right(buf, area.right().saturating_sub(1), y, &count.to_string(), theme.dim, 5);
            }
            if i == self.list.index {
                put(buf, area.x, y, theme.glyphs.cursor, theme.accent, 1);
                if look.focused {
                    buf.set_style(Rect { y, height: 1, ..area }, theme.selected);
                }
            }
        }
        if let Some((typing, input)) = &self.typing {
            let line = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
            clear(buf, line);
            let word = match typing {
                Typing::Create => "name of the new list: ",
                Typing::Rename(_) => "new name: ",
            };
            let x = put(buf, line.x + 1, line.y, word, theme.accent, line.width);
            let place = Rect { x, width: line.right().saturating_sub(x + 1), ..line };
            input.draw(place, theme.text, true, buf);
        }
    }
}

fn edit(edit: WatchlistEdit, wishes: &mut Vec<Wish>) {
    wishes.push(Wish::Ask(Request::EditWatchlists(edit), Purpose::Sent("watchlist".to_owned())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_found_again_by_its_key() {
        let group = |kind, name: &str| Source::Group(MarketGroup { kind, name: name.into() });
        for source in [
            Source::Own(None),
            Source::Own(Some("a:b".into())),
            Source::Movers(MoversBy::Gainers),
            Source::Movers(MoversBy::Losers),
            Source::Movers(MoversBy::Active),
            group(GroupKind::Sector, "Energy"),
            group(GroupKind::Index, "S&P 500"),
        ] {
            assert_eq!(Source::of_key(&source.key()), Some(source));
        }
        assert_eq!(Source::of_key("nothing"), None);
    }
}
