//! Events change the state: keys, pastes, clicks, replies, snapshots, time. What the world must do comes back as effects.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};

use super::action::Action;
use super::app::App;
use super::chores::Chore;
use super::dialogs::help::Help;
use super::dialogs::palette::Palette;
use super::dialogs::work::WorkList;
use super::dialogs::{After, Dialog};
use super::env::At;
use super::input::Input;
use super::panes::PaneKind;
use super::tour::{Took, Tour};
use super::widgets::borders::inside;
use super::wish::{Effect, WayOut, Wish};
use crate::client::{Reply, SessionError};
use crate::domain::order::{OriginKind, Side};
use crate::domain::snapshot::{Severity, Snapshot};
use crate::domain::text::clean;

/// So long after a key, what is to be kept is looked at: not at every key, and not only at the end, which may be a sudden one.
const KEEP_AFTER: Duration = Duration::from_secs(5);

impl App {
    /// Takes one input from the terminal.
    pub fn input(&mut self, input: Input, snapshot: &Snapshot) -> Vec<Effect> {
        let mut wishes = Vec::new();
        if self.lock.is_some() {
            let mut effects = Vec::new();
            self.locked_input(input, &mut wishes, &mut effects);
            effects.extend(self.finish(wishes, snapshot));
            return effects;
        }
        self.touched = self.env.now;
        if self.has_chores && self.kept.1.is_none() {
            self.kept.1 = Some(self.env.now + KEEP_AFTER);
        }
        match input {
            Input::Key(event) => self.key(event, snapshot, &mut wishes),
            Input::Mouse(event) => self.mouse_event(event, snapshot, &mut wishes),
            Input::Paste(text) => self.paste(&text, snapshot, &mut wishes),
            Input::PasteTooLong => {
                wishes.push(Wish::Say(Severity::Warning, "A paste of more than 4 KiB was refused.".into()))
            }
        }
        self.finish(wishes, snapshot)
    }

    /// Takes the engine's answer to a request.
    pub fn reply(
        &mut self,
        number: u64,
        reply: Result<Reply, SessionError>,
        snapshot: &Snapshot,
    ) -> Vec<Effect> {
        let Some(purpose) = self.asked.remove(&number) else { return Vec::new() };
        let mut wishes = Vec::new();
        self.answered((number, purpose), reply, snapshot, &mut wishes);
        self.finish(wishes, snapshot)
    }

    /// Time has passed.
    pub fn tick(&mut self, snapshot: &Snapshot) -> Vec<Effect> {
        self.forget_half_typed();
        if self.locks_at().is_some_and(|at| at <= self.env.now) {
            self.lock_screen(false);
        }
        let mut wishes = Vec::new();
        if let Some((text, why)) = self.unread.take() {
            wishes.extend(self.put_aside(text, &why, snapshot));
        }
        self.finish(wishes, snapshot)
    }

    /// What was kept of the last screen and does not read, in whole or in part, is written to a file of its own before the next one takes its
    /// place.
    fn put_aside(&mut self, text: String, why: &str, snapshot: &Snapshot) -> Vec<Wish> {
        let mut words = why.to_owned();
        let mut wishes = Vec::new();
        if self.has_chores {
            let clock = self.env.clock(snapshot).to_zoned_datetime(self.env.zone.clone());
            let name = format!("screen-{}.toml", clock.strftime("%Y%m%d-%H%M%S"));
            words.push_str(&format!("; the file as it was is put aside as {name}"));
            wishes.push(Wish::Quietly(Chore::Export { name, text }));
        }
        self.say(Severity::Warning, words, snapshot);
        wishes
    }

    /// The engine is gone.
    pub fn session_gone(&mut self, snapshot: &Snapshot) -> Vec<Effect> {
        self.env.session_gone = true;
        let text = "The engine has stopped. What is shown is old; nothing can be sent.".to_owned();
        self.finish(vec![Wish::Say(Severity::Error, text)], snapshot)
    }

    fn key(&mut self, event: KeyEvent, snapshot: &Snapshot, wishes: &mut Vec<Wish>) {
        if self.dialogs.is_empty()
            && let Some(tour) = self.tour.take()
        {
            self.tour_seen = true;
            match tour.key(event) {
                Took::Step(next) => return self.tour = Some(next),
                Took::End => return,
                Took::Aside => {}
            }
        }
        let global = self.env.keymap.action(&[super::keymap::Scope::Global], event);
        // The kill switch, leaving and redrawing work wherever the keys are.
        let hidden = self.layout().is_none();
        if let Some(
            action @ (Action::Halt
            | Action::Interrupt
            | Action::LockScreen
            | Action::Redraw
            | Action::Suspend),
        ) = global
            && super::keymap::is_no_text(event)
            && !(hidden && action == Action::Halt)
        {
            return wishes.push(Wish::Act(action));
        }
        if hidden {
            // Nothing may be confirmed, typed or moved that cannot be seen.
            return wishes.extend(global.filter(|action| *action == Action::Quit).map(Wish::Act));
        }
        let at = At { env: &self.env, snapshot };
        if let Some(mut dialog) = self.dialogs.pop() {
            let after = dialog.modal_mut().key(event, &at, wishes);
            match (after, &dialog) {
                (After::Stay, _) => self.dialogs.push(dialog),
                // From a review of typed text, Esc leads back to the text.
                (After::Close, Dialog::Review(review))
                    if event.code == KeyCode::Esc && review.origin() == OriginKind::Command =>
                {
                    wishes.extend(self.bar.last().map(|text| Wish::Type(text.to_owned())));
                }
                (After::Close, _) => {}
            }
            return;
        }
        if self.bar.is_active() {
            return self.bar.key(event, &at, wishes);
        }
        if self.arranging {
            let action = self.env.keymap.action(&[super::keymap::Scope::Layout], event);
            return wishes.extend(action.map(Wish::Act));
        }
        let (pane, env) = self.pane_mut(self.focus);
        if pane.key(event, &At { env, snapshot }, wishes) {
            return;
        }
        if let Some(line) = self.env.keymap.macro_of(self.focus.scopes(), event) {
            let line = line.to_owned();
            return self.run_line(&line, snapshot, wishes);
        }
        let Some(action) = self.env.keymap.action(self.focus.scopes(), event) else { return };
        wishes.push(Wish::Act(action));
    }

    /// What an action means: first to the pane with the keys, then to the screen.
    pub(super) fn act(&mut self, action: Action, snapshot: &Snapshot, wishes: &mut Vec<Wish>) {
        if self.arrange(action, snapshot, wishes) {
            return;
        }
        if self.arranging && action == Action::Back {
            self.arranging = false;
            return;
        }
        let (pane, env) = self.pane_mut(self.focus);
        if pane.act(action, &At { env, snapshot }, wishes) {
            return;
        }
        match action {
            Action::FocusNext | Action::FocusPrevious => {
                self.focus_on(self.next_pane(action == Action::FocusNext));
            }
            Action::Back if self.toasts.dismiss() => {}
            Action::Back if self.focus == PaneKind::Ticket => self.focus = self.before,
            Action::Buy => wishes.push(Wish::Ticket(Side::Buy, self.env.current.clone())),
            Action::Sell => wishes.push(Wish::Ticket(Side::Sell, self.env.current.clone())),
            Action::Size25 => self.close_part(25, wishes),
            Action::Size50 => self.close_part(50, wishes),
            Action::Size100 => self.close_part(100, wishes),
            Action::Export => self.export(snapshot, wishes),
            Action::SetAlert => self.ask_alert(snapshot, wishes),
            Action::About => self.show_about(snapshot, wishes),
            Action::SymbolNote => self.show_notes(wishes),
            Action::Columns => self.choose_columns(snapshot, wishes),
            Action::Settings => wishes.push(Wish::Settings(String::new())),
            Action::Tour => self.tour = Some(Tour::start()),
            Action::TakeNotice => wishes.extend(self.toasts.take().map(WayOut::wishes).unwrap_or_default()),
            Action::Theme => {
                let at = self.themes.iter().position(|name| *name == self.theme).map_or(0, |at| at + 1);
                let next = self.themes.get(at % self.themes.len().max(1)).cloned();
                wishes.extend(next.map(Wish::Theme));
            }
            Action::CommandBar => wishes.push(Wish::Type(String::new())),
            Action::Alerts => self.focus_on(PaneKind::Alerts),
            Action::Notices => self.focus_on(PaneKind::Notifications),
            Action::News => self.focus_on(PaneKind::News),
            Action::Strategies => self.focus_on(PaneKind::Strategies),
            Action::Work => self.dialogs.push(Dialog::Work(WorkList::default())),
            Action::ZoomPane => self.zoomed = !self.zoomed,
            Action::Help => {
                let help = Help::new(self.focus, self.arranging, &self.env.keymap);
                self.dialogs.push(Dialog::Help(help));
            }
            Action::Palette => {
                let palette = Palette::new(self, &At { env: &self.env, snapshot });
                self.dialogs.push(Dialog::Palette(palette));
            }
            action => {
                if let Some(kind) = action.pane_number().and_then(|n| PaneKind::ALL.get(n)) {
                    self.focus_on(*kind);
                }
            }
        }
    }

    /// The pane of the layout before or after the focused one, around the end.
    #[must_use]
    pub fn next_pane(&self, forward: bool) -> PaneKind {
        let all = self.desk.panes(self.focus);
        let at = all.iter().position(|kind| *kind == self.focus).unwrap_or(0);
        all.get((at + if forward { 1 } else { all.len() - 1 }) % all.len().max(1))
            .copied()
            .unwrap_or(self.focus)
    }

    /// Gives the keys to a pane.
    pub fn focus_on(&mut self, kind: PaneKind) {
        if kind == PaneKind::Ticket && self.focus != PaneKind::Ticket {
            self.before = self.focus;
            self.panes.ticket.enter();
        }
        self.focus = kind;
    }

    fn paste(&mut self, text: &str, snapshot: &Snapshot, wishes: &mut Vec<Wish>) {
        if self.layout().is_none() {
            return;
        }
        let text = clean(text).into_owned();
        let at = At { env: &self.env, snapshot };
        if let Some(dialog) = self.dialogs.last_mut() {
            if !dialog.modal_mut().paste(&text, &at) {
                wishes.push(Wish::Say(Severity::Warning, "A paste cannot confirm. Type it.".into()));
            }
            return;
        }
        if self.bar.is_active() {
            return self.bar.paste(&text, &at);
        }
        let (pane, env) = self.pane_mut(self.focus);
        if !pane.paste(&text, &At { env, snapshot }, wishes) {
            wishes.push(Wish::Type(text));
        }
    }

    /// Carries out wishes, lets every pane settle, and carries out what that brought.
    pub(super) fn finish(&mut self, mut wishes: Vec<Wish>, snapshot: &Snapshot) -> Vec<Effect> {
        let mut effects = Vec::new();
        let now = self.env.now;
        self.toasts.expire(now);
        self.env.flashes.expire(now);
        self.env.jobs.look(now);
        if self.kept.1.is_some_and(|due| due <= now) {
            self.kept.1 = None;
            let text = self.keep(snapshot);
            if text != self.kept.0 {
                self.kept.0.clone_from(&text);
                wishes.push(Wish::Quietly(Chore::Keep(text)));
            }
        }
        // A wish may bring another; a circle of them ends here.
        for _ in 0..8 {
            for wish in std::mem::take(&mut wishes) {
                self.grant(wish, snapshot, &mut wishes, &mut effects);
            }
            let layout = self.layout();
            for kind in PaneKind::ALL {
                let area =
                    layout.as_ref().and_then(|layout| layout.pane(*kind)).map(inside).unwrap_or_default();
                let (pane, env) = self.pane_mut(*kind);
                // A pane out of view has nothing to ask; only the ticket's estimate may still be due.
                if !area.is_empty() {
                    pane.settle(area, &At { env, snapshot }, &mut wishes);
                }
            }
            self.bar.poll(&At { env: &self.env, snapshot }, &mut wishes);
            for dialog in &mut self.dialogs {
                if let Dialog::Review(review) = dialog {
                    wishes.extend(review.poll(now));
                }
            }
            if wishes.is_empty() {
                break;
            }
        }
        effects
    }
}
