//! Events change the state: keys, pastes, clicks, replies, snapshots, time. What the world must do comes back as effects.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};

use super::action::Action;
use super::app::App;
use super::chores::Chore;
use super::dialogs::confirm::Confirm;
use super::dialogs::help::Help;
use super::dialogs::palette::Palette;
use super::dialogs::review::Review;
use super::dialogs::settings::Settings;
use super::dialogs::work::WorkList;
use super::dialogs::{After, Dialog};
use super::env::At;
use super::input::Input;
use super::panes::PaneKind;
use super::panes::notifications::by_id;
use super::tour::{Took, Tour};
use super::widgets::borders::inside;
use super::wish::{Effect, Purpose, WayOut, Wish};
use crate::client::{Reply, Request, SessionError};
use crate::command::types::Command;
use crate::domain::alert::Alert;
use crate::domain::instrument::Instrument;
use crate::domain::order::{Order, OrderStatus, OriginKind, Side};
use crate::domain::snapshot::{Connection, LogLine, Severity, Snapshot};
use crate::domain::text::clean;

/// Two interrupts within this time leave.
const INTERRUPT_TWICE: Duration = Duration::from_secs(2);
/// So long after a key, what is to be kept is looked at: not at every key, and not only at the end, which may be a sudden one.
const KEEP_AFTER: Duration = Duration::from_secs(5);
/// Orders that are told of at once when they end.
const ENDED_TOLD_MAX: usize = 3;
/// Requests under way; more are refused, so that a dead engine cannot fill the memory.
const ASKED_MAX: usize = 64;

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

    /// Takes a new picture of the engine.
    pub fn snapshot(&mut self, old: &Snapshot, new: &Snapshot) -> Vec<Effect> {
        self.env.flashes.compare(old, new, self.env.now);
        self.env.snapshot_at = self.env.now;
        self.panes.notifications.compare(old, new);
        let at = At { env: &self.env, snapshot: new };
        self.panes.chart.follow(&at);
        let quote = |snapshot: &Snapshot| {
            let instrument = self.env.current.as_ref()?;
            snapshot.quotes.get(instrument).map(|quote| quote.as_of)
        };
        if quote(old) != quote(new) {
            self.panes.ticket.market_moved(self.env.now);
        }
        self.follow_lock(new);
        let mut wishes = Vec::new();
        for alert in newly_rung(old, new) {
            if let Some(text) = self.ring_locked(&alert.instrument.to_string()) {
                wishes.push(Wish::Notify(text));
                continue;
            }
            let text = format!("Alert: {}", alert.words());
            let line = LogLine {
                at: alert.fired_at.unwrap_or(new.now),
                severity: Severity::Warning,
                code: "ALERT".into(),
                text: text.clone(),
            };
            self.panes.notifications.note(&line, Some(alert.instrument.clone()));
            let chart = WayOut::Chart(alert.instrument.clone());
            wishes.push(Wish::Offer(Severity::Warning, text.clone(), chart));
            wishes.push(Wish::Notify(text));
        }
        if old.seq > 0 && old.trading_state != new.trading_state {
            self.state_turned(new.trading_state, &mut wishes);
        }
        for order in newly_ended(old, new) {
            wishes.push(self.ended(order, new));
        }
        for connection in newly_down(old, new) {
            let text = format!("{}: {}", connection.name, connection.text);
            let out = WayOut::Line("show connections".to_owned());
            wishes.push(Wish::Offer(Severity::Warning, clean(&text).into_owned(), out));
        }
        if self.env.current.is_none() {
            // The first picture came before the engine had a watchlist.
            let first = new.watchlists.first().and_then(|list| list.instruments.first());
            wishes.extend(first.cloned().map(Wish::Select));
        }
        wishes.extend(self.ask_top_line(old, new));
        self.finish(wishes, new)
    }

    /// Asks once for the quotes of the top line that nobody else has asked for, and again of an engine that begins anew.
    fn ask_top_line(&mut self, old: &Snapshot, new: &Snapshot) -> Option<Wish> {
        self.top_line_asked &= new.seq >= old.seq;
        if new.seq == 0 || std::mem::replace(&mut self.top_line_asked, true) {
            return None;
        }
        let missing = self.env.top_line.iter().filter(|of| !new.quotes.contains_key(*of));
        let instruments: Vec<Instrument> = missing.cloned().collect();
        (!instruments.is_empty()).then(|| Wish::Ask(Request::Subscribe { instruments }, Purpose::Quiet))
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
    fn act(&mut self, action: Action, snapshot: &Snapshot, wishes: &mut Vec<Wish>) {
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
    fn finish(&mut self, mut wishes: Vec<Wish>, snapshot: &Snapshot) -> Vec<Effect> {
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

    fn grant(&mut self, wish: Wish, snapshot: &Snapshot, wishes: &mut Vec<Wish>, effects: &mut Vec<Effect>) {
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

/// Connections that answered, or were not there, and now do not answer.
fn newly_down<'a>(old: &Snapshot, new: &'a Snapshot) -> impl Iterator<Item = &'a Connection> {
    let was_down = |name: &str| old.connections.iter().any(|known| known.name == name && !known.up);
    let down: Vec<&Connection> =
        new.connections.iter().filter(|now| !now.up && !was_down(&now.name)).collect();
    down.into_iter()
}

/// Orders that filled or were rejected between two pictures, the newest few: what came while nobody looked is in the log.
fn newly_ended<'a>(old: &'a Snapshot, new: &'a Snapshot) -> impl Iterator<Item = &'a Order> {
    let known = !Arc::ptr_eq(&old.orders, &new.orders) && old.seq > 0;
    let ended = |order: &&Order| matches!(order.status, OrderStatus::Filled | OrderStatus::Rejected);
    let before = if known { by_id(old) } else { BTreeMap::new() };
    let was_working = move |order: &&Order| match before.get(&order.request.client_order_id) {
        Some(before) => before.is_working(),
        None => order.created_at > old.now,
    };
    new.orders.iter().filter(move |_| known).filter(ended).filter(was_working).take(ENDED_TOLD_MAX)
}

/// Alerts that rang between two pictures. What rang before the first picture is on the alerts pane, and no news.
pub(super) fn newly_rung<'a>(old: &'a Snapshot, new: &'a Snapshot) -> impl Iterator<Item = &'a Alert> {
    let known = !Arc::ptr_eq(&old.alerts, &new.alerts) && old.seq > 0;
    new.alerts.iter().filter(move |alert| {
        let before = || old.alerts.iter().find(|other| other.id == alert.id);
        known && alert.fired_at.is_some_and(|at| before().map_or(at > old.now, Alert::waits))
    })
}
