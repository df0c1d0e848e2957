//! The form of a strategy: made of the schema that its parameters are checked by, so that it can ask for nothing that does not exist.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;

use crate::client::Request;
use crate::client::message::StrategyRequest;
use crate::domain::instrument::Instrument;
use crate::domain::quote::Interval;
use crate::domain::snapshot::Severity;
use crate::domain::strategy::{
    KindView, ParamView, RULES, StrategyChange, StrategyEdit, StrategyRules, StrategySpec, StrategyView,
};
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::panes::PaneKind;
use crate::tui::widgets::put;
use crate::tui::widgets::text_input::TextInput;
use crate::tui::wish::{Purpose, Wish};

use super::CHANGED;

/// Columns of the names.
const NAME_WIDTH: u16 = 22;
/// Columns of the values.
const VALUE_WIDTH: u16 = 22;

/// What a field is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Name,
    Symbols,
    Interval,
    Param,
    Rule,
}

/// A line of the form.
#[derive(Debug)]
struct Field {
    of: Of,
    name: String,
    input: TextInput,
    /// As it stood at first: what is as it was is not sent.
    was: String,
    help: String,
}

impl Field {
    fn new(of: Of, name: &str, value: &str, help: String) -> Self {
        Self { of, name: name.to_owned(), input: TextInput::new(value), was: value.to_owned(), help }
    }
}

/// What became of a key.
pub(super) enum Done {
    /// The form goes on.
    Open,
    /// It is closed.
    Closed,
}

/// The form.
#[derive(Debug)]
pub(super) struct Form {
    kind: String,
    /// The one that is changed; absent for a new one.
    name: Option<SmolStr>,
    fields: Vec<Field>,
    at: usize,
}

impl Form {
    /// For a new strategy of a kind, on the instrument in view.
    pub(super) fn add(kind: &KindView, at: &At<'_>) -> Self {
        let symbol = at.env.current.as_ref().map(ToString::to_string).unwrap_or_default();
        let name = format!("{}-{}", kind.name.replace('_', "-"), symbol.to_lowercase());
        let name: String =
            name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(32).collect();
        let mut fields = vec![Field::new(
            Of::Name,
            "name",
            name.trim_end_matches('-'),
            "1 to 32 of a-z, 0-9, '-' and '_'".to_owned(),
        )];
        fields.push(Field::new(
            Of::Symbols,
            "symbols",
            &symbol,
            "tickers with commas between them".to_owned(),
        ));
        fields.push(interval("1d"));
        fields.extend(params_of(kind).map(|param| {
            let help = format!("{}: {}", param.allowed, param.about);
            Field::new(Of::Param, &param.name, &param.default, help)
        }));
        fields.extend(rules(&StrategyRules::default()));
        Self { kind: kind.name.clone(), name: None, fields, at: 0 }
    }

    /// For changing one.
    pub(super) fn edit(kind: &KindView, view: &StrategyView) -> Self {
        let mut fields = vec![Field::new(
            Of::Symbols,
            "symbols",
            &view.spec.instruments.iter().map(Instrument::key).collect::<Vec<_>>().join(","),
            "tickers with commas between them".to_owned(),
        )];
        fields.push(interval(view.spec.interval.as_str()));
        fields.extend(params_of(kind).map(|param| {
            let value = view.spec.params.get(&param.name).unwrap_or(&param.default);
            Field::new(Of::Param, &param.name, value, format!("{}: {}", param.allowed, param.about))
        }));
        fields.extend(rules(&view.spec.rules));
        Self { kind: kind.name.clone(), name: Some(view.spec.name.clone()), fields, at: 0 }
    }

    /// What stands over it.
    pub(super) fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("change {name} ({})  Enter saves  Esc leaves it", self.kind),
            None => format!("new {}  Enter makes it  Esc leaves it", self.kind),
        }
    }

    pub(super) fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let rows = usize::from(area.height.saturating_sub(1));
        let first = self.at.saturating_sub(rows.saturating_sub(1));
        for (line, (n, field)) in self.fields.iter().enumerate().skip(first).take(rows).enumerate() {
            let y = area.y + u16::try_from(line).unwrap_or(u16::MAX);
            let chosen = n == self.at;
            let style = if chosen { look.theme.accent } else { look.theme.dim };
            if chosen {
                put(buf, area.x, y, look.theme.glyphs.cursor, look.theme.accent, 1);
            }
            put(buf, area.x + 1, y, &field.name, style, NAME_WIDTH);
            let value = Rect {
                x: area.x + 1 + NAME_WIDTH.min(area.width),
                y,
                width: VALUE_WIDTH.min(area.width.saturating_sub(NAME_WIDTH + 1)),
                height: 1,
            };
            field.input.draw(value, look.theme.text, chosen && look.focused, buf);
        }
        if let Some(field) = self.fields.get(self.at) {
            let y = area.bottom().saturating_sub(1);
            let help = format::fit(&field.help, area.width.saturating_sub(1), look.theme.glyphs.ellipsis);
            put(buf, area.x + 1, y, &help, look.theme.dim, area.width.saturating_sub(1));
        }
    }

    /// A key in the form.
    pub(super) fn key(&mut self, event: KeyEvent, at: &At<'_>, wishes: &mut Vec<Wish>) -> Done {
        match event.code {
            KeyCode::Esc => return Done::Closed,
            KeyCode::Enter => match self.request(at) {
                Ok(change) => {
                    let request = Request::Strategy(StrategyRequest::Change(change));
                    wishes.push(Wish::Ask(request, Purpose::Pane(PaneKind::Strategies, CHANGED)));
                }
                Err(text) => wishes.push(Wish::Say(Severity::Warning, text)),
            },
            KeyCode::Down | KeyCode::Tab => self.at = (self.at + 1) % self.fields.len().max(1),
            KeyCode::Up | KeyCode::BackTab => {
                self.at = self.at.checked_sub(1).unwrap_or(self.fields.len().saturating_sub(1));
            }
            _ => {
                if let Some(field) = self.fields.get_mut(self.at) {
                    field.input.key(event, |c| !c.is_control());
                }
            }
        }
        Done::Open
    }

    pub(super) fn paste(&mut self, text: &str) {
        if let Some(field) = self.fields.get_mut(self.at) {
            field.input.insert(text);
        }
    }

    fn text_of(&self, of: Of) -> &str {
        self.fields.iter().find(|field| field.of == of).map_or("", |field| field.input.text().trim())
    }

    /// What it asks for; an error is one line.
    fn request(&self, at: &At<'_>) -> Result<StrategyChange, String> {
        let mut instruments = Vec::new();
        for symbol in self.text_of(Of::Symbols).split(',').map(str::trim).filter(|s| !s.is_empty()) {
            let read = Instrument::from_key(&symbol.to_uppercase()).map_err(|error| error.to_string())?;
            instruments.push(read);
        }
        let interval: Interval =
            self.text_of(Of::Interval).parse().map_err(|error| format!("interval: {error}"))?;
        let changed = |of| {
            let changed = self.fields.iter().filter(move |f| f.of == of && f.input.text().trim() != f.was);
            changed.map(|field| (field.name.clone(), field.input.text().trim().to_owned()))
        };
        if let Some(name) = &self.name {
            let edit = StrategyEdit {
                params: changed(Of::Param).collect(),
                rules: changed(Of::Rule).collect(),
                exits: std::collections::BTreeMap::new(),
                instruments: Some(instruments),
                interval: Some(interval),
                account: None,
            };
            return Ok(StrategyChange::Set { name: name.clone(), edit: Box::new(edit) });
        }
        let mut rules = StrategyRules::default();
        for (name, value) in changed(Of::Rule) {
            rules.set(&name, &value).map_err(|error| error.to_string())?;
        }
        let spec = StrategySpec {
            name: self.text_of(Of::Name).into(),
            kind: self.kind.as_str().into(),
            account: at.snapshot.default_account.clone(),
            instruments,
            interval,
            params: changed(Of::Param).collect(),
            adopt: Vec::new(),
            rules,
            exits: None,
        };
        Ok(StrategyChange::Add { spec: Box::new(spec) })
    }
}

/// The parameters that are fields: those of the symbols, which a form has a field of its own for, are not asked twice.
fn params_of(kind: &KindView) -> impl Iterator<Item = &ParamView> {
    kind.params.iter().filter(|param| param.name != "symbols")
}

fn interval(value: &str) -> Field {
    Field::new(Of::Interval, "interval", value, "width of its bars: 1m, 5m, 15m, 1h, 1d or 1w".to_owned())
}

fn rules(rules: &StrategyRules) -> impl Iterator<Item = Field> {
    rules.words().into_iter().zip(RULES).map(|((name, value), (_, allowed, about))| {
        Field::new(Of::Rule, name, &value, format!("{allowed}: {about}"))
    })
}
