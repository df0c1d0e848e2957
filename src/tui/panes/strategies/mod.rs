//! Strategies: where each is in its life, what it made and owns, and why it last did or did not act. Made, changed, started, paused and
//! stopped here; real money needs the name typed, with the plan before one's eyes.

mod faces;
mod form;
mod proposal;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use smol_str::SmolStr;

use super::sheet::cell;
use super::{Hints, Memory, Pane, PaneKind, Sheet, draw_empty, fixed, titled};
use crate::client::message::StrategyRequest;
use crate::client::{Reply, Request, SessionError};
use crate::domain::account::AccountMode;
use crate::domain::snapshot::{Severity, Snapshot};
use crate::domain::strategy::{
    DecisionRecord, KindView, Lock, ProposalView, StrategyChange, StrategyPhase, StrategyPlan, StrategyView,
};
use crate::domain::text::clean;
use crate::tui::action::Action;
use crate::tui::env::{At, Look};
use crate::tui::format;
use crate::tui::keymap::Keymap;
use crate::tui::widgets::choice::Choice;
use crate::tui::widgets::list::ListState;
use crate::tui::widgets::sorted::{Did, Lines, SortKey, SortedList};
use crate::tui::widgets::table::{Column, Row, stretch};
use crate::tui::widgets::text_input::TextInput;
use crate::tui::wish::{Purpose, Wish};

use faces::{decisions_areas, draw_decisions, draw_detail, draw_kinds, draw_plan, list_areas};
use form::{Done, Form};

/// What was asked, by the tag of its answer.
const KINDS: u64 = 1;
const DECISIONS: u64 = 2;
const PLAN: u64 = 3;
const CHANGED: u64 = 4;

/// Decisions of one strategy that are asked for.
const DECISIONS_SHOWN: u32 = 200;

const HEAD: [Column; 8] = [
    Column::text("strategy", NAME_WIDTH.1, 0),
    Column::text("state", 9, 0),
    Column::number("today", 11, 1),
    Column::number("realized", 11, 3),
    Column::number("open", 11, 2),
    Column::text("owns", 18, 4),
    Column::text("symbols", SYMBOLS_WIDTH.1, 5),
    Column::text("why", WHY_WIDTH, 0),
];
/// Columns of the names, at least and at most.
const NAME_WIDTH: (u16, u16) = (10, 18);
/// See `NAME_WIDTH`.
const SYMBOLS_WIDTH: (u16, u16) = (7, 14);
const WHY_WIDTH: u16 = 18;
const WHY_WIDTH_MAX: u16 = 100;

/// The columns of a pane so wide: names and symbols as wide as the longest of all strategies, filtered or not, so that they stand still; why
/// it did or did not act takes what the others leave.
fn head(width: u16, choice: &Choice, snapshot: &Snapshot) -> Vec<Column> {
    let longest = |text: fn(&StrategyView) -> String, (least, most): (u16, u16)| {
        let widths = snapshot.strategies.iter().map(|view| format::width(&text(view)));
        widths.max().unwrap_or(0).clamp(least, most)
    };
    let mut head = HEAD.to_vec();
    for column in &mut head {
        column.width = match column.title {
            "strategy" => longest(|view| view.spec.name.to_string(), NAME_WIDTH),
            "symbols" => longest(StrategyView::symbols, SYMBOLS_WIDTH),
            _ => column.width,
        };
    }
    stretch(&mut head, choice, width, "why", WHY_WIDTH_MAX);
    head
}

/// What a strategy has in a column.
fn sort_key(view: &StrategyView, title: &str, at: &At<'_>) -> SortKey {
    match title {
        "strategy" => SortKey::Text(view.spec.name.to_string()),
        "state" => SortKey::Text(view.phase.as_str().to_owned()),
        "today" => SortKey::Number(Some(view.day_pnl)),
        "realized" => SortKey::Number(Some(view.realized_pnl)),
        "open" => SortKey::Number(Some(view.unrealized_pnl)),
        "owns" => SortKey::Text(owned(view)),
        "symbols" => SortKey::Text(view.symbols()),
        _ => SortKey::Text(why(view, at)),
    }
}

/// What it owns, in words; empty for nothing.
fn owned(view: &StrategyView) -> String {
    let claim = |claim: &crate::domain::strategy::Claim| {
        format!("{} {}", format::quantity(claim.quantity.get()), claim.instrument)
    };
    view.claims.iter().map(claim).collect::<Vec<_>>().join(", ")
}

/// What stands in the pane.
#[derive(Debug, Default)]
enum Face {
    /// The list.
    #[default]
    List,
    /// The kinds, to choose one for a new strategy.
    Kinds(Vec<KindView>, ListState),
    /// A new one, or one that is changed.
    Form(Form),
    /// Why one did or did not act.
    Decisions(SmolStr, Vec<DecisionRecord>, ListState),
    /// A plan to be confirmed by typing the name.
    Plan(Box<StrategyPlan>, TextInput),
    /// An order that one proposes, to be sent or dropped.
    Proposal(SmolStr, Box<ProposalView>),
}

/// The strategies pane.
#[derive(Debug, Default)]
pub struct Strategies {
    list: SortedList,
    selected: Option<SmolStr>,
    face: Face,
    /// The kinds are wanted for changing this one; absent for a new one.
    changing: Option<SmolStr>,
}

fn ask(request: StrategyRequest, tag: u64, wishes: &mut Vec<Wish>) {
    wishes.push(Wish::Ask(Request::Strategy(request), Purpose::Pane(PaneKind::Strategies, tag)));
}

fn change(change: StrategyChange, wishes: &mut Vec<Wish>) {
    ask(StrategyRequest::Change(change), CHANGED, wishes);
}

impl Strategies {
    fn rows<'a>(&self, at: &At<'a>) -> Vec<&'a StrategyView> {
        let passes = |view: &&StrategyView| {
            self.list.filter.passes(&format!("{} {} {}", view.spec.name, view.spec.kind, view.symbols()))
        };
        let rows = at.snapshot.strategies.iter().filter(passes).collect();
        self.list.sorting.sorted(rows, |view, title| sort_key(view, title, at))
    }

    fn current<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a StrategyView> {
        snapshot.strategies.iter().find(|view| Some(&view.spec.name) == self.selected.as_ref())
    }

    fn row(&self, view: &StrategyView, look: &Look<'_>) -> Row {
        let theme = look.theme;
        let state = match view.phase {
            StrategyPhase::Running => theme.ok,
            StrategyPhase::Faulted => theme.error,
            StrategyPhase::Paused | StrategyPhase::Stopping | StrategyPhase::Starting => theme.warning,
            StrategyPhase::Disabled => theme.dim,
        };
        let gain = |value: rust_decimal::Decimal| {
            let style: Style = match value {
                value if value.is_zero() => theme.dim,
                value if value.is_sign_negative() => theme.down,
                _ => theme.up,
            };
            (format::signed(value, 2), style)
        };
        let name_style = if view.mode == AccountMode::Live { theme.live } else { theme.strong };
        let cells = vec![
            (view.spec.name.to_string(), name_style),
            (view.phase.as_str().to_owned(), state),
            gain(view.day_pnl),
            gain(view.realized_pnl),
            gain(view.unrealized_pnl),
            (owned(view), theme.text),
            (view.symbols(), theme.dim),
            (clean(&why(view, &look.at())).into_owned(), theme.dim),
        ];
        Row { cells, selected: Some(&view.spec.name) == self.selected.as_ref() }
    }

    fn start(&mut self, view: &StrategyView, wishes: &mut Vec<Wish>) {
        let name = view.spec.name.clone();
        match view.mode {
            AccountMode::Paper => change(StrategyChange::Start { name, confirmation: None }, wishes),
            AccountMode::Live => ask(StrategyRequest::Plan { name }, PLAN, wishes),
        }
    }

    fn draw_list(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let rows = self.rows(&look.at());
        if rows.is_empty() {
            let lines =
                ["No strategies.", "Press {add} to make one, or type {command} start sma_cross on aapl"];
            return draw_empty(&lines, look, area, buf);
        }
        let columns = head(area.width, &self.list.choice, look.snapshot);
        let (list, detail) = list_areas(area);
        self.list.draw(&columns, rows.len(), |i| self.row(rows[i], look), look, (list, buf));
        if let Some(view) = self.current(look.snapshot) {
            draw_detail(view, (&owned(view), &why(view, &look.at())), look, detail, buf);
        }
    }

    fn key_in_plan(&mut self, event: KeyEvent, wishes: &mut Vec<Wish>) {
        let Face::Plan(plan, input) = &mut self.face else { return };
        match event.code {
            KeyCode::Esc => self.face = Face::List,
            KeyCode::Enter if input.text().trim() == plan.spec.name.as_str() => {
                let (name, confirmation) = (plan.spec.name.clone(), Some(plan.confirmation.clone()));
                change(StrategyChange::Start { name, confirmation }, wishes);
                self.face = Face::List;
            }
            KeyCode::Enter => {
                let text =
                    format!("Type {} to start it with real money, or leave it with Esc.", plan.spec.name);
                wishes.push(Wish::Say(Severity::Warning, text));
            }
            _ => {
                input.key(event, |c| !c.is_control());
            }
        }
    }

    fn key_in_kinds(&mut self, event: KeyEvent, at: &At<'_>) {
        let Face::Kinds(kinds, list) = &mut self.face else { return };
        let action = match event.code {
            KeyCode::Esc => {
                self.face = Face::List;
                return;
            }
            KeyCode::Enter => {
                if let Some(kind) = kinds.get(list.index) {
                    self.face = Face::Form(Form::add(kind, at));
                }
                return;
            }
            KeyCode::Down | KeyCode::Char('j') => Action::Down,
            KeyCode::Up | KeyCode::Char('k') => Action::Up,
            _ => return,
        };
        list.act(action, kinds.len());
    }

    fn key_in_decisions(&mut self, event: KeyEvent) -> bool {
        let Face::Decisions(_, records, list) = &mut self.face else { return false };
        let action = match event.code {
            KeyCode::Esc | KeyCode::Enter => {
                self.face = Face::List;
                return true;
            }
            KeyCode::Down | KeyCode::Char('j') => Action::Down,
            KeyCode::Up | KeyCode::Char('k') => Action::Up,
            KeyCode::PageDown => Action::PageDown,
            KeyCode::PageUp => Action::PageUp,
            _ => return false,
        };
        list.act(action, records.len());
        true
    }
}

/// Why a strategy stands where it stands, in a line.
fn why(view: &StrategyView, at: &At<'_>) -> String {
    let until = |lock: &Lock| format::near(lock.until, at.snapshot.now, &at.env.zone);
    let lock = view.locks.first().map(|lock| format!("locked until {}: {}", until(lock), lock.reason));
    let decision = view.last_decision.as_ref().map(|decision| {
        let about = decision.instrument.as_ref().map(|i| format!(" {i}")).unwrap_or_default();
        format!("{}{about} {}", decision.code, decision.text)
    });
    let bot = view.bot.as_ref().map(crate::domain::bot::BotState::line);
    let waits = view.proposals.last().map(proposal::line);
    waits.or_else(|| view.reason.clone()).or(lock).or(bot).or(decision).unwrap_or_else(|| {
        match view.next_due.filter(|_| view.phase == StrategyPhase::Running) {
            Some(next) => {
                let next = format::near(next, at.snapshot.now, &at.env.zone);
                format!("no decision yet; it looks at {next}")
            }
            None => "no decision yet".to_owned(),
        }
    })
}

impl Pane for Strategies {
    fn title(&self, look: &Look<'_>) -> Line<'static> {
        match &self.face {
            Face::List => {}
            Face::Kinds(..) => {
                return titled("Strategies", "a new one of which kind?  Enter takes it ", look);
            }
            Face::Form(form) => return titled("Strategies", &format!("{} ", form.title()), look),
            Face::Decisions(name, ..) => {
                return titled("Strategies", &format!("why {name} did or did not act  Esc goes back "), look);
            }
            Face::Plan(plan, _) => return titled("Strategies", &format!("start {}? ", plan.spec.name), look),
            Face::Proposal(name, _) => {
                let text = format!("{name} proposes an order  y sends it  n drops it  Esc goes back ");
                return titled("Strategies", &text, look);
            }
        }
        let count = |phase| look.snapshot.strategies.iter().filter(|view| view.phase == phase).count();
        let mut line = titled("Strategies", &format!("running {}  ", count(StrategyPhase::Running)), look);
        let failed = count(StrategyPhase::Faulted);
        if failed > 0 {
            line.push_span(Span::styled(format!("failed {failed}  "), look.theme.error));
        }
        let filter =
            format!("{}{}", self.list.sorting.label(), self.list.filter.label(look.theme.glyphs.caret));
        line.push_span(Span::styled(format!("{} ", filter.trim_start()), look.theme.dim));
        line
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        match &self.face {
            Face::List => self.draw_list(look, area, buf),
            Face::Kinds(kinds, list) => draw_kinds(kinds, list, look, area, buf),
            Face::Form(form) => form.draw(look, area, buf),
            Face::Decisions(_, records, list) => draw_decisions(records, list, look, area, buf),
            Face::Plan(plan, input) => draw_plan(plan, input, look, area, buf),
            Face::Proposal(_, proposal) => proposal::draw(proposal, look, area, buf),
        }
    }

    fn act(&mut self, action: Action, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        let rows = self.rows(at);
        let columns = head(0, &self.list.choice, at.snapshot);
        match self.list.act(action, &columns, &Lines::plain(rows.len())) {
            None => {}
            Some(Did::Changed) => return true,
            Some(Did::Moved) => {
                self.selected = rows.get(self.list.state.index).map(|view| view.spec.name.clone());
                return true;
            }
        }
        let current = self.current(at.snapshot);
        let name = current.map(|view| view.spec.name.clone());
        match (action, current, name) {
            (Action::Add, ..) => {
                self.changing = None;
                ask(StrategyRequest::Kinds, KINDS, wishes);
            }
            (Action::Edit, Some(_), name) => {
                self.changing = name;
                ask(StrategyRequest::Kinds, KINDS, wishes);
            }
            (Action::Open, Some(_), name) => {
                ask(StrategyRequest::Decisions { name, limit: DECISIONS_SHOWN }, DECISIONS, wishes);
            }
            (Action::StrategyConfirm, Some(view), Some(name)) => match view.proposals.last() {
                Some(waiting) => self.face = Face::Proposal(name, Box::new(waiting.clone())),
                None => {
                    let text = format!("{name} proposes nothing that waits.");
                    wishes.push(Wish::Say(Severity::Info, text));
                }
            },
            (Action::StrategyStart, Some(view), _) => self.start(&view.clone(), wishes),
            (Action::StrategyPause, Some(_), Some(name)) => change(StrategyChange::Pause { name }, wishes),
            (Action::StrategyStop, Some(_), Some(name)) => {
                change(StrategyChange::Stop { name, flatten: false }, wishes);
            }
            (Action::Clear, Some(_), Some(name)) => change(StrategyChange::Unlock { name }, wishes),
            (Action::Remove, Some(_), Some(name)) => change(StrategyChange::Remove { name }, wishes),
            (Action::Chart, Some(view), _) => {
                if let Some(instrument) = view.spec.instruments.first() {
                    wishes.push(Wish::Select(instrument.clone()));
                    wishes.push(Wish::Focus(PaneKind::Chart));
                }
            }
            (Action::Copy, Some(view), _) => wishes.push(Wish::Copy(clean(&why(view, at)).into_owned())),
            (
                Action::Edit
                | Action::Open
                | Action::StrategyStart
                | Action::StrategyConfirm
                | Action::StrategyPause
                | Action::StrategyStop
                | Action::Clear
                | Action::Remove
                | Action::Chart
                | Action::Copy,
                ..,
            ) => {}
            _ => return false,
        }
        true
    }

    fn key(&mut self, event: KeyEvent, at: &At<'_>, wishes: &mut Vec<Wish>) -> bool {
        match &mut self.face {
            Face::List => return self.list.filter.key(event),
            Face::Kinds(..) => self.key_in_kinds(event, at),
            Face::Form(form) => {
                if matches!(form.key(event, at, wishes), Done::Closed) {
                    self.face = Face::List;
                }
            }
            Face::Decisions(..) => return self.key_in_decisions(event),
            Face::Plan(..) => self.key_in_plan(event, wishes),
            Face::Proposal(name, waiting) => {
                if let Some(wanted) = proposal::key(event, name, waiting) {
                    if let Some(wanted) = wanted {
                        change(wanted, wishes);
                    }
                    self.face = Face::List;
                }
            }
        }
        true
    }

    fn hints(&self, _: &Keymap) -> Option<Hints> {
        match &self.face {
            Face::List => self.list.filter.hints().map(fixed),
            Face::Kinds(..) => Some(fixed(&[("Enter", "take it"), ("j k", "move"), ("Esc", "leave")])),
            Face::Form(_) => Some(fixed(&[("Enter", "make it so"), ("Up Down", "field"), ("Esc", "leave")])),
            Face::Decisions(..) => Some(fixed(&[("j k", "scroll"), ("Esc", "back")])),
            Face::Plan(..) => Some(fixed(&[("Enter", "start, once the name is typed"), ("Esc", "leave it")])),
            Face::Proposal(..) => {
                Some(fixed(&[("y", "send it"), ("n", "drop it"), ("Esc", "leave it waiting")]))
            }
        }
    }

    fn paste(&mut self, text: &str, _at: &At<'_>, _wishes: &mut Vec<Wish>) -> bool {
        match &mut self.face {
            Face::Form(form) => form.paste(text),
            Face::Plan(_, input) => input.insert(text),
            Face::List => return self.list.filter.paste(text),
            Face::Kinds(..) | Face::Decisions(..) | Face::Proposal(..) => return false,
        }
        true
    }

    fn click(&mut self, column: u16, line: u16, area: Rect, at: &At<'_>, _wishes: &mut Vec<Wish>) {
        if !matches!(self.face, Face::List) {
            return;
        }
        let rows = self.rows(at);
        let columns = head(area.width, &self.list.choice, at.snapshot);
        let area = list_areas(area).0;
        if let Some(row) = self.list.click((column, line), area, &columns, &Lines::plain(rows.len())) {
            self.selected = rows.get(row).map(|view| view.spec.name.clone());
        }
    }

    fn columns(&self, _at: &At<'_>) -> Option<(Vec<Column>, &Choice)> {
        matches!(self.face, Face::List).then(|| (HEAD.to_vec(), &self.list.choice))
    }

    fn choose(&mut self, choice: Choice) {
        self.list.choice = choice;
    }

    fn memory(&self, _at: &At<'_>) -> Memory {
        let mut memory = Memory::new();
        self.list.remember(&mut memory);
        memory
    }

    fn recall(&mut self, memory: &Memory, _at: &At<'_>) {
        self.list.recall(memory, &HEAD);
    }

    fn answer(&mut self, tag: u64, reply: Result<Reply, SessionError>, at: &At<'_>, wishes: &mut Vec<Wish>) {
        match (tag, reply) {
            (KINDS, Ok(Reply::StrategyKinds(kinds))) => match self.changing.take() {
                None => self.face = Face::Kinds(kinds, ListState::default()),
                Some(name) => {
                    let view = at.snapshot.strategies.iter().find(|view| view.spec.name == name);
                    let kind =
                        view.and_then(|view| kinds.iter().find(|kind| kind.name == view.spec.kind.as_str()));
                    if let Some((view, kind)) = view.zip(kind) {
                        self.face = Face::Form(Form::edit(kind, view));
                    }
                }
            },
            (DECISIONS, Ok(Reply::Decisions(records))) => {
                let name = self.selected.clone().unwrap_or_default();
                self.face = Face::Decisions(name, records, ListState::full());
            }
            (PLAN, Ok(Reply::StrategyPlan(plan))) => self.face = Face::Plan(plan, TextInput::default()),
            (CHANGED, Ok(Reply::Done(text))) => {
                if matches!(self.face, Face::Form(_)) {
                    self.face = Face::List;
                }
                wishes.push(Wish::Say(Severity::Info, clean(&text).into_owned()));
            }
            (_, Err(error)) => {
                wishes.push(Wish::Say(Severity::Error, clean(&error.to_string()).into_owned()))
            }
            _ => {}
        }
    }

    fn sheet(&self, at: &At<'_>) -> Option<Sheet> {
        let mut sheet = Sheet::new(&[
            "strategy",
            "kind",
            "state",
            "account",
            "symbols",
            "day_pnl",
            "realized_pnl",
            "unrealized_pnl",
            "fees",
            "trades",
            "why",
        ]);
        for view in self.rows(at) {
            sheet.push(vec![
                view.spec.name.to_string(),
                view.spec.kind.to_string(),
                view.phase.to_string(),
                view.spec.account.to_string(),
                view.symbols(),
                view.day_pnl.normalize().to_string(),
                view.realized_pnl.normalize().to_string(),
                view.unrealized_pnl.normalize().to_string(),
                view.fees.normalize().to_string(),
                cell(Some(view.trades)),
                why(view, at),
            ]);
        }
        Some(sheet)
    }

    fn settle(&mut self, area: Rect, at: &At<'_>, _wishes: &mut Vec<Wish>) {
        if let Face::Decisions(_, records, list) = &mut self.face {
            list.settle(records.len(), decisions_areas(area).0.height);
        }
        let rows = self.rows(at);
        let found = rows.iter().position(|view| Some(&view.spec.name) == self.selected.as_ref());
        self.list.settle(list_areas(area).0, found, &Lines::plain(rows.len()));
        self.selected = rows.get(self.list.state.index).map(|view| view.spec.name.clone());
    }
}
