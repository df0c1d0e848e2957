//! What a newer picture of the engine brings: alerts that rang, orders that ended, connections that broke.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::app::App;
use super::env::At;
use super::panes::notifications::by_id;
use super::wish::{Effect, Purpose, WayOut, Wish};
use crate::client::Request;
use crate::domain::alert::Alert;
use crate::domain::instrument::Instrument;
use crate::domain::order::{Order, OrderStatus};
use crate::domain::snapshot::{Connection, LogLine, Severity, Snapshot};
use crate::domain::text::clean;

/// Orders that are told of at once when they end.
const ENDED_TOLD_MAX: usize = 3;

impl App {
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
            let name = clean(&connection.name).into_owned();
            let what = match connection.vault_locked {
                true => "its vault is shut",
                false => connection.text.as_str(),
            };
            let text = clean(&format!("{name}: {what}")).into_owned();
            // What was said of it before is not how it is now.
            self.toasts.take_back(|told| told.strip_prefix(&name).is_some_and(|rest| rest.starts_with(": ")));
            let out = match sign_in_line(connection).filter(|_| self.env.works.is_some()) {
                Some(line) => WayOut::SignIn(line),
                None if connection.vault_locked => WayOut::Unlock(name),
                None => WayOut::Line("show connections".to_owned()),
            };
            wishes.push(Wish::Offer(Severity::Warning, text, out));
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
}

/// Connections that answered, or were not there, and now do not answer; and those that were down already and now want a person: to sign in, or
/// to open the vault.
fn newly_down<'a>(old: &Snapshot, new: &'a Snapshot) -> impl Iterator<Item = &'a Connection> {
    let known = |now: &Connection| {
        let before = old.connections.iter().find(|known| known.name == now.name);
        let waits = |one: &Connection| (one.signed_out, one.vault_locked);
        before.is_some_and(|before| {
            let (was, is) = (waits(before), waits(now));
            !before.up && was.0 >= is.0 && was.1 >= is.1
        })
    };
    let down: Vec<&Connection> = new.connections.iter().filter(|now| !now.up && !known(now)).collect();
    down.into_iter()
}

/// The line that signs in again at the broker of a connection whose login has ended, such as `connect schwab live`.
#[must_use]
pub fn sign_in_line(connection: &Connection) -> Option<String> {
    let (broker, environment) = connection.name.split_once(' ').filter(|_| connection.signed_out)?;
    let live = if environment == "live" { " live" } else { "" };
    Some(format!("connect {broker}{live}"))
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
