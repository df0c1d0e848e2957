//! Orders whose state is in doubt: the broker is asked until it is known, and nothing is ever sent again (reliability J5, E5).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::core::effect::Effect;
use crate::domain::execution::{OrderEvent, OrderUpdate};
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::order::{Order, OrderStatus};
use crate::domain::snapshot::Severity;
use crate::domain::statement::ReconcileReason;

use super::Engine;

/// When a question is asked, in milliseconds after the doubt began; after the last one, every `LATER`.
const ASKED_AFTER_MS: [i64; 7] = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];
const LATER: SignedDuration = SignedDuration::from_secs(60);
/// An order without any answer is in doubt from here: the time a broker link gives a request.
const NO_ANSWER: SignedDuration = SignedDuration::from_secs(10);
/// The same for a cancel or a replace.
const NO_CANCEL: SignedDuration = SignedDuration::from_secs(15);
/// A cancel that takes this long is worth an alert.
const CANCEL_STUCK: SignedDuration = SignedDuration::from_secs(60);
/// Two empty answers at least this far apart are needed.
const APART: SignedDuration = SignedDuration::from_secs(3);
/// An empty answer counts for nothing before this time after the send: brokers show an order up to 20 s late.
pub(super) const VISIBLE: SignedDuration = SignedDuration::from_secs(25);

/// Orders of an account asked about one by one at a time.
const ASKED_AT_ONCE_MAX: usize = 10;

/// What has been asked about one order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    since: Timestamp,
    asked: usize,
    last: Timestamp,
    first_empty: Option<Timestamp>,
    alerted: bool,
    /// It has been said that only a person can tell which order at the broker it is.
    ambiguous: bool,
}

impl Doubt {
    const fn new(now: Timestamp) -> Self {
        Self { since: now, asked: 0, last: now, first_empty: None, alerted: false, ambiguous: false }
    }

    fn due(&self) -> Timestamp {
        match ASKED_AFTER_MS.get(self.asked) {
            Some(ms) => self.since + SignedDuration::from_millis(*ms),
            None => self.last + LATER,
        }
    }

    /// Is a question due; what was missed meanwhile is not made up for.
    fn ask(&mut self, now: Timestamp) -> bool {
        if now < self.due() {
            return false;
        }
        self.last = now;
        while self.asked < ASKED_AFTER_MS.len() && self.due() <= now {
            self.asked += 1;
        }
        true
    }
}

/// From when an order is in doubt, if it can be.
pub(super) fn doubtful_from(order: &Order) -> Option<Timestamp> {
    match order.status {
        OrderStatus::Unknown => Some(order.updated_at),
        OrderStatus::PendingSubmit => Some(order.updated_at + NO_ANSWER),
        OrderStatus::PendingCancel | OrderStatus::PendingReplace => Some(order.updated_at + NO_CANCEL),
        _ => None,
    }
}

/// Has the broker said nothing that shows that it has the order.
pub(super) fn is_unproven(order: &Order) -> bool {
    matches!(order.status, OrderStatus::PendingSubmit | OrderStatus::Unknown | OrderStatus::PendingCancel)
        && order.broker_order_id.is_none()
        && !order.has_filled()
}

impl Engine {
    /// Asks about every order in doubt whose question is due.
    pub(super) fn ask_after_doubtful(&mut self) {
        let now = self.now;
        let mut doubts = std::mem::take(&mut self.doubts);
        self.went_late.retain(|id, _| self.book.get(*id).is_some_and(is_unproven));
        doubts.retain(|id, _| self.book.get(*id).is_some_and(|order| doubtful_from(order).is_some()));
        let mut stuck = Vec::new();
        let mut asked: BTreeMap<AccountId, usize> = BTreeMap::new();
        let mut unnamed: BTreeSet<AccountId> = BTreeSet::new();
        for order in self.book.working() {
            let id = order.request.client_order_id;
            if doubtful_from(order).is_none_or(|from| from > now) {
                continue;
            }
            // What still waits for the disk has not been sent: there is nothing to ask about.
            if self.waits_for_disk(id) {
                continue;
            }
            let account = &order.request.account;
            let count = asked.entry(account.clone()).or_default();
            let doubt = doubts.entry(id).or_insert_with(|| Doubt::new(now));
            if *count >= ASKED_AT_ONCE_MAX {
                continue;
            }
            if doubt.ask(now) {
                // A broker that keeps no ids of ours can only be asked for everything until its own id is known.
                if order.broker_order_id.is_none() && !self.keeps_our_id(order) {
                    unnamed.insert(account.clone());
                    continue;
                }
                *count += 1;
                // A cancel may be repeated, and must be: the first one may have come before the order.
                if order.status == OrderStatus::PendingCancel {
                    self.effects.push(Effect::Cancel { account: order.request.account.clone(), order: id });
                }
                self.effects.push(Effect::Ask { account: order.request.account.clone(), order: id });
            }
            let waited = now.duration_since(order.updated_at);
            if order.status == OrderStatus::PendingCancel && waited > CANCEL_STUCK && !doubt.alerted {
                doubt.alerted = true;
                stuck.push((order.number, waited.as_secs()));
            }
        }
        self.doubts = doubts;
        for account in unnamed {
            self.ask_for_statement(&account, ReconcileReason::Doubt);
        }
        for (number, seconds) in stuck {
            let text = format!("order {number}: no answer to its cancel for {seconds} s; it may still fill");
            self.note(Severity::Error, "CANCEL_STUCK", text);
        }
    }

    /// Notes that it has been said that nobody can tell which one at the broker an order is. False when it was said before.
    pub(super) fn mark_ambiguous(&mut self, id: ClientOrderId) -> bool {
        let now = self.now;
        let doubt = self.doubts.entry(id).or_insert_with(|| Doubt::new(now));
        !std::mem::replace(&mut doubt.ambiguous, true)
    }

    /// Has it been said that only a person can tell what became of an order.
    pub(super) fn is_ambiguous(&self, id: ClientOrderId) -> bool {
        self.doubts.get(&id).is_some_and(|doubt| doubt.ambiguous)
    }

    pub(super) fn waits_for_disk(&self, id: ClientOrderId) -> bool {
        self.waiting.values().flatten().any(|effect| match effect {
            Effect::Submit { order, .. } => {
                let request = order.get();
                request.client_order_id == id || request.exit_orders().iter().any(|e| e.client_order_id == id)
            }
            Effect::Replace { new, .. } => new.get().client_order_id == id,
            _ => false,
        })
    }

    /// The latest moment at which an order may have been sent: when it last moved towards the broker or went from the disk, or, by the process
    /// before this one, when this one read the journal. How long it had waited for the disk nobody wrote down.
    pub(super) fn sent_by(&self, order: &Order) -> Timestamp {
        let went = self.went_late.get(&order.request.client_order_id).copied();
        order.updated_at.max(order.created_at).max(self.restored_at).max(went.unwrap_or(Timestamp::MIN))
    }

    /// The broker shows no such order. Believed only when it was said twice, apart, and long enough after the send; never of an order
    /// that the broker has acknowledged.
    pub(super) fn on_not_found(&mut self, update: &OrderUpdate) {
        let id = update.client_order_id;
        // An answer shows what there was when it was asked for, however late it comes.
        let said = update.at.min(self.now);
        let Some(order) = self.book.get(id) else { return };
        if !is_unproven(order) || self.waits_for_disk(id) {
            return;
        }
        let up = self.accounts.get(&order.request.account).is_some_and(|books| books.broker_up);
        let sent = self.sent_by(order);
        // What is not shown so soon may only not be shown yet: such an answer is not half of a proof.
        if said.duration_since(sent) < VISIBLE {
            return;
        }
        let doubt = self.doubts.entry(id).or_insert_with(|| Doubt::new(said));
        let first = *doubt.first_empty.get_or_insert(said);
        let believed = up && said.duration_since(first) >= APART;
        if believed {
            self.doubts.remove(&id);
            self.on_order_update(&OrderUpdate { event: OrderEvent::NeverReached, ..update.clone() });
        }
    }
}
