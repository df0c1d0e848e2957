//! The form of a strategy: made of the schema that its parameters are checked by, and of the words that exit plans and limits are written
//! in, so that it can ask for nothing that does not exist.

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;

use crate::client::Request;
use crate::client::message::StrategyRequest;
use crate::domain::exit::{ExitPlan, PLAN_WORDS};
use crate::domain::ids::AccountId;
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
const NAME_WIDTH: u16 = 26;
/// Columns of the values.
const VALUE_WIDTH: u16 = 22;
/// Accounts that an error names.
const ACCOUNTS_NAMED: usize = 8;
/// Fields that a page is.
const PAGE: usize = 10;

/// What a field is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Name,
    Account,
    Symbols,
    Adopt,
    Interval,
    Param,
    Exit,
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

    /// What stands in it, without blanks around it.
    fn text(&self) -> &str {
        self.input.text().trim()
    }

    fn is_changed(&self) -> bool {
        self.text() != self.was
    }

    /// Its name among all the others: a part of the exit plan says so, and a limit.
    fn label(&self) -> String {
        match self.of {
            Of::Exit => format!("exit {}", self.name),
            // A kind may have a parameter of the same name.
            Of::Rule => format!("limit {}", self.name),
            _ => self.name.clone(),
        }
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
        let account = at.snapshot.default_account.to_string();
        let mut fields = vec![
            Field::new(
                Of::Name,
                "name",
                name.trim_end_matches('-'),
                "1 to 32 of a-z, 0-9, '-' and '_'".to_owned(),
            ),
            account_field(&account),
            symbols_field(&symbol),
            Field::new(
                Of::Adopt,
                "adopt",
                "",
                "some of its symbols: what the account has of them, and nobody claims, is its own once it starts"
                    .to_owned(),
            ),
            interval("1d"),
        ];
        fields.extend(params_of(kind).map(|param| {
            let help = format!("{}: {}", param.allowed, param.about);
            Field::new(Of::Param, &param.name, &param.default, help)
        }));
        fields.extend(exits(None));
        fields.extend(rules(&StrategyRules::default()));
        Self { kind: kind.name.clone(), name: None, fields, at: 0 }
    }

    /// For changing one.
    pub(super) fn edit(kind: &KindView, view: &StrategyView) -> Self {
        let symbols = view.spec.instruments.iter().map(Instrument::key).collect::<Vec<_>>().join(",");
        let mut fields = vec![
            account_field(view.spec.account.as_str()),
            symbols_field(&symbols),
            interval(view.spec.interval.as_str()),
        ];
        fields.extend(params_of(kind).map(|param| {
            let value = view.spec.params.get(&param.name).unwrap_or(&param.default);
            Field::new(Of::Param, &param.name, value, format!("{}: {}", param.allowed, param.about))
        }));
        fields.extend(exits(view.spec.exits.as_ref()));
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
            put(buf, area.x + 1, y, &field.label(), style, NAME_WIDTH);
            let value = Rect {
                x: area.x + 1 + NAME_WIDTH.min(area.width),
                y,
                width: VALUE_WIDTH.min(area.width.saturating_sub(NAME_WIDTH + 1)),
                height: 1,
            };
            // What will be sent stands out of what is as it was.
            let style = if field.is_changed() { look.theme.strong } else { look.theme.text };
            field.input.draw(value, style, chosen && look.focused, buf);
        }
        if let Some(field) = self.fields.get(self.at) {
            let y = area.bottom().saturating_sub(1);
            let help = format!("{}/{}  {}", self.at + 1, self.fields.len(), field.help);
            let help = format::fit(&help, area.width.saturating_sub(1), look.theme.glyphs.ellipsis);
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
            KeyCode::PageDown => self.at = (self.at + PAGE).min(self.fields.len().saturating_sub(1)),
            KeyCode::PageUp => self.at = self.at.saturating_sub(PAGE),
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
        self.fields.iter().find(|field| field.of == of).map_or("", Field::text)
    }

    /// Names and texts of what is no longer as it was.
    fn changed(&self, of: Of) -> impl Iterator<Item = (String, String)> {
        let changed = self.fields.iter().filter(move |field| field.of == of && field.is_changed());
        changed.map(|field| (field.name.clone(), field.text().to_owned()))
    }

    fn instruments(&self, of: Of) -> Result<Vec<Instrument>, String> {
        let symbols = self.text_of(of).split(',').map(str::trim).filter(|symbol| !symbol.is_empty());
        symbols
            .map(|symbol| Instrument::from_key(&symbol.to_uppercase()).map_err(|error| error.to_string()))
            .collect()
    }

    /// What it asks for; an error is one line.
    fn request(&self, at: &At<'_>) -> Result<StrategyChange, String> {
        let instruments = self.instruments(Of::Symbols)?;
        let interval: Interval =
            self.text_of(Of::Interval).parse().map_err(|error| format!("interval: {error}"))?;
        // One whose broker is away just now is left as it is.
        let unchanged = self.fields.iter().any(|field| field.of == Of::Account && !field.is_changed());
        let account = if self.name.is_some() && unchanged { None } else { Some(self.account(at)?) };
        let said = |of| {
            let fields = self.fields.iter().filter(move |field| field.of == of && !field.text().is_empty());
            fields.map(|field| (field.name.as_str(), field.text()))
        };
        // Of a new plan and of a changed one the whole is looked at here, before anything is sent.
        let plan = match said(Of::Exit).next() {
            Some(_) => Some(ExitPlan::from_pairs(said(Of::Exit)).map_err(|error| format!("exit {error}"))?),
            None => None,
        };
        if let Some(name) = &self.name {
            let edit = StrategyEdit {
                params: self.changed(Of::Param).collect(),
                rules: self.changed(Of::Rule).collect(),
                exits: self.changed(Of::Exit).collect(),
                instruments: Some(instruments),
                interval: Some(interval),
                account,
            };
            return Ok(StrategyChange::Set { name: name.clone(), edit: Box::new(edit) });
        }
        let mut rules = StrategyRules::default();
        for (name, value) in self.changed(Of::Rule) {
            rules.set(&name, &value).map_err(|error| error.to_string())?;
        }
        // An emptied field is as if nothing had been said.
        let params: BTreeMap<String, String> =
            self.changed(Of::Param).filter(|(_, value)| !value.is_empty()).collect();
        let spec = StrategySpec {
            name: self.text_of(Of::Name).into(),
            kind: self.kind.as_str().into(),
            account: account.unwrap_or_else(|| at.snapshot.default_account.clone()),
            instruments,
            interval,
            params,
            adopt: self.instruments(Of::Adopt)?,
            rules,
            exits: plan,
        };
        Ok(StrategyChange::Add { spec: Box::new(spec) })
    }

    /// The account that is named, which must be one of those there are.
    fn account(&self, at: &At<'_>) -> Result<AccountId, String> {
        let wanted = self.text_of(Of::Account);
        let ids = || at.snapshot.accounts.iter().map(|view| &view.account.account);
        ids().find(|id| id.as_str() == wanted).cloned().ok_or_else(|| {
            let allowed: Vec<&str> = ids().take(ACCOUNTS_NAMED).map(AccountId::as_str).collect();
            format!("account: found '{wanted}', allowed {}", allowed.join(", "))
        })
    }
}

/// The parameters that are fields: those of the symbols, which a form has a field of its own for, are not asked twice.
fn params_of(kind: &KindView) -> impl Iterator<Item = &ParamView> {
    kind.params.iter().filter(|param| param.name != "symbols")
}

fn account_field(value: &str) -> Field {
    Field::new(Of::Account, "account", value, "the account it trades on".to_owned())
}

fn symbols_field(value: &str) -> Field {
    Field::new(Of::Symbols, "symbols", value, "tickers with commas between them".to_owned())
}

/// The parts of the plan that closes each of its positions; an empty one is none.
fn exits(plan: Option<&ExitPlan>) -> impl Iterator<Item = Field> {
    let pairs = plan.map(ExitPlan::pairs).unwrap_or_default();
    PLAN_WORDS.iter().map(move |(name, allowed, about)| {
        let value = pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
        Field::new(Of::Exit, name, value, format!("{allowed}, or nothing: {about}"))
    })
}

fn interval(value: &str) -> Field {
    Field::new(Of::Interval, "interval", value, "width of its bars: 1m, 5m, 15m, 1h, 1d or 1w".to_owned())
}

fn rules(rules: &StrategyRules) -> impl Iterator<Item = Field> {
    rules.words().into_iter().zip(RULES).map(|((name, value), (_, allowed, about))| {
        Field::new(Of::Rule, name, &value, format!("{allowed}: {about}"))
    })
}
