//! Wishes of panes, dialogs and keys are granted here: what concerns the screen is done, the rest goes out as effects.

use std::time::Duration;

use super::action::Action;
use super::app::App;
use super::chores::Chore;
use super::dialogs::Dialog;
use super::dialogs::confirm::Confirm;
use super::dialogs::review::Review;
use super::dialogs::settings::Settings;
use super::env::At;
use super::panes::PaneKind;
use super::wish::{Effect, Purpose, Wish};
use crate::client::{Request, SessionError};
use crate::command::types::Command;
use crate::domain::instrument::Instrument;
use crate::domain::order::OriginKind;
use crate::domain::snapshot::{LogLine, Severity, Snapshot};
use crate::domain::text::clean;

/// Two interrupts within this time leave.
const INTERRUPT_TWICE: Duration = Duration::from_secs(2);
/// Requests under way; more are refused, so that a dead engine cannot fill the memory.
const ASKED_MAX: usize = 64;

impl App {
    pub(super) fn grant(
        &mut self,
        wish: Wish,
        snapshot: &Snapshot,
        wishes: &mut Vec<Wish>,
        effects: &mut Vec<Effect>,
    ) {
        match wish {
            Wish::Ask(request, purpose) => self.ask(request, purpose, effects),
            Wish::Select(instrument) => self.select(instrument, snapshot, wishes),
            Wish::Focus(kind) => self.focus_on(kind),
            Wish::Ticket(side, instrument) => {
                self.panes.ticket.open(side, instrument);
                self.focus_on(PaneKind::Ticket);
            }
            Wish::TicketAt(side, instrument, price) => {
                wishes.push(Wish::Select(instrument.clone()));
                self.panes.ticket.open_at(side, instrument, price);
                self.focus_on(PaneKind::Ticket);
            }
            Wish::Review(command, origin) => {
                let review = Review::new(command, origin, self.number(), self.env.now);
                self.open_review(review, wishes);
            }
            Wish::ReviewAs { command, origin, account, lots } => {
                let review = Review::new(command, origin, self.number(), self.env.now);
                self.open_review(review.of(account).closing(lots), wishes);
            }
            Wish::Run(command, words) => self.run_command(command, &words, snapshot, wishes),
            Wish::Act(action) => self.screen_action(action, snapshot, wishes, effects),
            Wish::SetOption(path, value) => self.set_option(path, value, snapshot, effects),
            Wish::SetLimit { name, value, confirmation } => {
                self.set_limit(name, value, confirmation, effects);
            }
            Wish::Settings(filter) => {
                let settings = Settings::new(self.settings.clone(), &filter);
                self.dialogs.push(Dialog::Settings(settings));
            }
            Wish::Offer(severity, text, out) => {
                self.say(severity, text, snapshot);
                self.toasts.offer(out);
            }
            Wish::Mouse(on) => effects.push(Effect::Mouse(on)),
            Wish::Theme(name) => self.choose_theme(name, wishes),
            Wish::Line(line) => self.run_line(&line, snapshot, wishes),
            Wish::Layout(wish) => self.rearrange(wish),
            Wish::AlertAt(text) => self.alert_at(&text, snapshot, wishes),
            Wish::Columns(kind, choice) => self.panes.get_mut(kind).choose(choice),
            Wish::Order(id) => {
                self.panes.orders.show_order(id);
                self.focus_on(PaneKind::Orders);
            }
            Wish::Open(dialog) => self.dialogs.push(*dialog),
            Wish::Say(severity, text) => self.say(severity, text, snapshot),
            Wish::Type(text) => {
                let at = At { env: &self.env, snapshot };
                self.bar.open(&text, &at);
            }
            Wish::Notify(text) => effects.push(Effect::Notify(clean(&text).into_owned())),
            Wish::Export(chore) => self.chore(chore, Purpose::Export, effects),
            Wish::Quietly(chore) => self.chore(chore, Purpose::Quiet, effects),
            Wish::AskProgram(chore, purpose) if self.has_chores => self.chore(chore, purpose, effects),
            Wish::AskProgram(_, purpose) => {
                let nobody = SessionError::Usage("what runs here is kept in no profile".to_owned());
                self.answered((0, purpose), Err(nobody), snapshot, wishes);
            }
            Wish::Work(line, words) => self.work(line, words, effects),
            Wish::EndWork(number) => self.env.jobs.end(number),
            Wish::ShowWork(number) => self.show_work(number),
            Wish::Remember(text) => effects.push(Effect::Remember(text)),
            Wish::Copy(text) => {
                let lines: Vec<String> = text.lines().map(|line| clean(line).into_owned()).collect();
                let what = match lines.as_slice() {
                    [line] => line.clone(),
                    lines => format!("{} lines", lines.len()),
                };
                self.say(Severity::Info, format!("Copied: {what}"), snapshot);
                effects.push(Effect::Copy(lines.join("\n")));
            }
        }
    }

    /// Has the program do something.
    pub fn chore(&mut self, chore: Chore, purpose: Purpose, effects: &mut Vec<Effect>) {
        let number = self.number();
        self.asked.insert(number, purpose);
        effects.push(Effect::Chore(number, chore));
    }

    pub(super) fn ask(&mut self, request: Request, purpose: Purpose, effects: &mut Vec<Effect>) {
        // What stops or cancels goes out even when nothing else is answered.
        let urgent =
            matches!(request, Request::Halt { .. } | Request::Cancel { .. } | Request::Flatten { .. });
        if self.asked.len() >= ASKED_MAX && !urgent {
            self.toasts.push(Severity::Error, "The engine does not answer.".into(), self.env.now);
            return;
        }
        // What was sent from the ticket must not stand there to be sent again.
        if let Request::Execute { origin: OriginKind::Ticket, command: Command::Place(_), .. } = &request {
            match self.focus {
                PaneKind::Chain => self.panes.chain.sent(),
                _ => self.panes.ticket.sent(),
            }
            if self.focus == PaneKind::Ticket {
                self.focus = self.before;
            }
        }
        let number = self.number();
        self.asked.insert(number, purpose);
        effects.push(Effect::Ask(number, request));
    }

    fn open_review(&mut self, review: Review, wishes: &mut Vec<Wish>) {
        wishes.push(review.request());
        self.dialogs.push(Dialog::Review(review));
    }

    fn select(&mut self, instrument: Instrument, snapshot: &Snapshot, wishes: &mut Vec<Wish>) {
        self.panes.watchlist.select(&instrument);
        if self.focus != PaneKind::Ticket {
            self.panes.ticket.follow(&instrument);
        }
        if !snapshot.quotes.contains_key(&instrument) && self.env.current.as_ref() != Some(&instrument) {
            wishes.push(Wish::Ask(
                Request::Subscribe { instruments: vec![instrument.clone()] },
                Purpose::Quiet,
            ));
        }
        self.env.current = Some(instrument);
    }

    /// Shows a notice, and keeps in the log what went wrong. What went well the engine has logged itself.
    pub fn say(&mut self, severity: Severity, text: String, snapshot: &Snapshot) {
        if severity != Severity::Info {
            let at = self.env.clock(snapshot);
            let line = LogLine { at, severity, code: "SCREEN".into(), text: text.clone() };
            if severity == Severity::Error {
                self.panes.notifications.note(&line, None);
            }
            self.panes.activity.note(line);
        }
        self.toasts.push(severity, text, self.env.now);
    }

    /// Actions of the screen as a whole, from a key or the palette.
    fn screen_action(
        &mut self,
        action: Action,
        snapshot: &Snapshot,
        wishes: &mut Vec<Wish>,
        effects: &mut Vec<Effect>,
    ) {
        match action {
            Action::Quit => effects.push(Effect::Quit),
            Action::Suspend => effects.push(Effect::Suspend),
            Action::Redraw => effects.push(Effect::Redraw),
            Action::LockScreen => self.lock_screen(false),
            Action::Mouse => {
                self.mouse = !self.mouse;
                let text = if self.mouse { "Mouse on" } else { "Mouse off: the terminal selects text" };
                self.toasts.push(Severity::Info, text.into(), self.env.now);
                effects.push(Effect::Mouse(self.mouse));
            }
            Action::Halt => {
                if !self
                    .dialogs
                    .iter()
                    .any(|dialog| matches!(dialog, Dialog::Confirm(confirm) if confirm.is_halt()))
                {
                    let confirm = Confirm::halt(&At { env: &self.env, snapshot });
                    self.dialogs.push(Dialog::Confirm(confirm));
                }
            }
            Action::Interrupt => self.interrupt(effects),
            action => self.act(action, snapshot, wishes),
        }
    }

    fn interrupt(&mut self, effects: &mut Vec<Effect>) {
        let now = self.env.now;
        if self.interrupted.is_some_and(|at| now <= at + INTERRUPT_TWICE) {
            return effects.push(Effect::Quit);
        }
        self.interrupted = Some(now);
        if self.dialogs.pop().is_none() {
            self.bar.close(now);
        }
        self.toasts.push(Severity::Info, "Press Ctrl-C again to leave.".into(), now);
    }
}
