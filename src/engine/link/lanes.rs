//! Which command may go while others are still at the broker: cancels and questions wait for nothing but what is about their own order, so
//! that whatever hangs keeps neither the kill switch nor a comparison. Never: a call to a broker.

use std::collections::VecDeque;

use tokio::task::Id;
use tokio::time::{Duration, Instant};

use crate::domain::ids::{BrokerOrderId, ClientOrderId};
use crate::domain::order::OrderHandle;

use super::{LinkCommand, unsent, with_exits};

/// Commands a link holds, those at the broker among them. Cancels find room all the same, one for each order.
pub(super) const HELD_MAX: usize = 256;
/// Comparisons at a time: while one hangs, another may go.
const RECONCILES_MAX: usize = 2;
/// An order lets the cancels before it be answered for so long: what they free may be what it needs.
const CANCELS_FIRST: Duration = Duration::from_secs(2);
/// An order that could not go for so long does not go any more: a broker shows an order up to 20 s late, and one that is not shown 25 s after
/// it was let out counts as not there.
pub(super) const SENT_WITHIN: Duration = Duration::from_secs(5);
/// Names of orders that are kept: what is asked after an order was sent knows it by our id alone.
const NAMES_MAX: usize = 256;

/// What a command does, as far as others care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Submits and replaces.
    Order,
    Cancel,
    Ask,
    Reconcile,
}

/// A command that has not gone yet.
pub(super) struct Held {
    pub(super) command: LinkCommand,
    pub(super) about: About,
    since: Instant,
}

/// What a command is about.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) name: &'static str,
    pub(super) lane: Lane,
    orders: Vec<ClientOrderId>,
    /// Orders of which nobody knows what became of them when no answer comes.
    pub(super) unsure: Vec<ClientOrderId>,
}

impl About {
    fn new(command: &LinkCommand) -> Self {
        let (lane, orders) = match command {
            LinkCommand::Submit(order) => (Lane::Order, with_exits(order.get())),
            LinkCommand::Replace(old, new) => {
                (Lane::Order, vec![old.client_order_id, new.get().client_order_id])
            }
            LinkCommand::Cancel(order) => (Lane::Cancel, vec![order.client_order_id]),
            LinkCommand::Ask(order) => (Lane::Ask, vec![order.client_order_id]),
            LinkCommand::Reconcile(..) => (Lane::Reconcile, Vec::new()),
        };
        Self { name: command.name(), lane, orders, unsure: unsent(command) }
    }

    /// Does a command that came before it, or is at the broker, keep it waiting.
    fn waits_for(&self, before: &Self, patient: bool) -> bool {
        let same = self.orders.iter().any(|order| before.orders.contains(order));
        match (self.lane, before.lane) {
            (Lane::Order, Lane::Cancel) => same || patient,
            (Lane::Order | Lane::Cancel | Lane::Ask, Lane::Order) | (Lane::Cancel, Lane::Cancel) => same,
            _ => false,
        }
    }
}

/// What is to be done with a command.
pub(super) enum Next {
    /// It goes.
    Send(LinkCommand, About),
    /// It has waited too long, or there is no room: these orders never leave.
    Never(Vec<ClientOrderId>),
}

/// The commands of one link.
#[derive(Default)]
pub(super) struct Lanes {
    held: VecDeque<Held>,
    running: Vec<(Id, About)>,
    refused: VecDeque<Vec<ClientOrderId>>,
    names: VecDeque<(ClientOrderId, BrokerOrderId)>,
}

impl Lanes {
    /// Takes a command in.
    pub(super) fn take(&mut self, command: LinkCommand, now: Instant) {
        let about = About::new(&command);
        let is_full = self.len() >= HELD_MAX;
        let alike = |other: &About| other.lane == about.lane && other.orders == about.orders;
        let room = match about.lane {
            // One that waits says the same.
            Lane::Cancel => !self.held.iter().any(|held| alike(&held.about)),
            Lane::Ask => !is_full && !self.held.iter().any(|held| alike(&held.about)),
            Lane::Order => !is_full,
            Lane::Reconcile => {
                let all = self.held.iter().map(|held| &held.about);
                let all = all.chain(self.running.iter().map(|(_, about)| about));
                all.filter(|about| about.lane == Lane::Reconcile).count() < RECONCILES_MAX
            }
        };
        if room {
            self.held.push_back(Held { command, about, since: now });
        } else if about.lane == Lane::Order {
            self.refused.push_back(about.unsure);
        }
    }

    /// The next command that need not wait, oldest first.
    pub(super) fn next(&mut self, now: Instant) -> Option<Next> {
        if let Some(refused) = self.refused.pop_front() {
            return Some(Next::Never(refused));
        }
        let at = (0..self.held.len()).find(|at| self.is_free(*at, now) || self.is_late(*at, now))?;
        let free = self.is_free(at, now);
        let Held { mut command, about, .. } = self.held.remove(at)?;
        if !free {
            return Some(Next::Never(about.unsure));
        }
        if let LinkCommand::Cancel(order) | LinkCommand::Ask(order) | LinkCommand::Replace(order, _) =
            &mut command
        {
            self.fill_in(order);
        }
        Some(Next::Send(command, about))
    }

    fn is_free(&self, at: usize, now: Instant) -> bool {
        let Some(held) = self.held.get(at) else { return false };
        let patient = now < held.since + CANCELS_FIRST;
        let before = self.held.iter().take(at).map(|before| &before.about);
        let mut before = before.chain(self.running.iter().map(|(_, about)| about));
        !before.any(|before| held.about.waits_for(before, patient))
    }

    fn is_late(&self, at: usize, now: Instant) -> bool {
        let late = |held: &Held| held.about.lane == Lane::Order && now >= held.since + SENT_WITHIN;
        self.held.get(at).is_some_and(late)
    }

    /// When something changes by the passing of time alone.
    pub(super) fn wakes_at(&self, now: Instant) -> Option<Instant> {
        let orders = self.held.iter().filter(|held| held.about.lane == Lane::Order);
        let times = orders.flat_map(|held| [held.since + CANCELS_FIRST, held.since + SENT_WITHIN]);
        times.filter(|at| *at > now).min()
    }

    /// A command has gone.
    pub(super) fn went(&mut self, call: Id, about: About) {
        self.running.push((call, about));
    }

    /// Its call has ended.
    pub(super) fn ended(&mut self, call: Id) -> Option<About> {
        let at = self.running.iter().position(|(id, _)| *id == call)?;
        Some(self.running.swap_remove(at).1)
    }

    /// An order is known at the broker by this name.
    pub(super) fn learn(&mut self, order: ClientOrderId, name: BrokerOrderId) {
        if self.names.len() >= NAMES_MAX {
            self.names.pop_front();
        }
        self.names.push_back((order, name));
    }

    fn fill_in(&self, order: &mut OrderHandle) {
        if order.broker_order_id.is_none() {
            let named = self.names.iter().rev().find(|(id, _)| *id == order.client_order_id);
            order.broker_order_id = named.map(|(_, name)| name.clone());
        }
    }

    /// Commands that are held or at the broker.
    pub(super) fn len(&self) -> usize {
        self.held.len() + self.running.len()
    }
}
