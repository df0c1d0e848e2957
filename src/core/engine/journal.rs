//! Journal before wire: a step's writes leave as one entry, and what must wait for it waits.

use crate::core::lifecycle;
use crate::domain::denial::{Denial, DenialCode};
use crate::domain::execution::OrderEvent;
use crate::domain::ids::ClientOrderId;
use crate::domain::money::Quantity;
use crate::domain::order::{Order, OrderRequest, OrderStatus};
use crate::domain::snapshot::Severity;

use super::super::effect::{Effect, Effects, Ticket};
use super::Engine;

impl Engine {
    /// Closes a step: everything written in it is one entry, and what may only happen after is held back under its ticket.
    pub(super) fn finish(&mut self) -> Effects {
        let held = std::mem::take(&mut self.after_journal);
        if !self.entry.is_empty() || !held.is_empty() {
            let ticket = Ticket(self.next_ticket);
            self.next_ticket += 1;
            let entry = std::mem::take(&mut self.entry);
            let urgent = !held.is_empty();
            // The journal comes first, so that an answer given in the same step is never ahead of the disk.
            self.effects.insert(0, Effect::Journal { ticket, urgent, entry });
            if urgent {
                self.waiting.insert(ticket, held);
            }
        }
        std::mem::take(&mut self.effects)
    }

    /// The entry is on disk: what waited for it may go.
    pub(super) fn on_journaled(&mut self, ticket: Ticket) {
        if std::mem::take(&mut self.journal_down) {
            self.note(
                Severity::Info,
                "JOURNAL_BACK",
                "the journal can be written again; orders go out again".to_owned(),
            );
        }
        for effect in self.waiting.remove(&ticket).unwrap_or_default() {
            match &effect {
                Effect::Submit { order, .. } if self.was_withdrawn(order.get().client_order_id) => {
                    let exits = order.get().exit_orders();
                    let exits = exits.iter().map(|exit| exit.client_order_id);
                    let ids: Vec<_> = exits.chain([order.get().client_order_id]).collect();
                    self.never_send(&ids);
                }
                Effect::Replace { order, new, filled, .. } if self.is_void(*order, new.get(), *filled) => {
                    // Its exits are those of the order that works on.
                    let id = new.get().client_order_id;
                    let withdrawn = self.is_being_canceled(id);
                    self.never_send(&[id]);
                    self.undo_replace(*order, withdrawn);
                }
                _ if self.holds_back(&effect) => {}
                _ => {
                    self.goes_now(&effect);
                    self.effects.push(effect);
                }
            }
        }
    }

    /// What waited for the disk is on its way from now: how long a broker may take to show it counts from here, not from when it was made.
    pub(super) fn goes_now(&mut self, effect: &Effect) {
        let now = self.now;
        let Some(request) = (match effect {
            Effect::Submit { order, .. } => Some(order.get()),
            Effect::Replace { new, .. } => Some(new.get()),
            _ => None,
        }) else {
            return;
        };
        let waited = |order: &Order| order.updated_at < now;
        if !self.book.get(request.client_order_id).is_some_and(waited) {
            return;
        }
        let exits = request.exit_orders();
        let ids = exits.iter().map(|exit| exit.client_order_id).chain([request.client_order_id]);
        self.went_late.extend(ids.map(|id| (id, now)));
    }

    /// A replace that must not go any more: it was withdrawn, or what it replaces has moved on while it waited for the disk.
    fn is_void(&mut self, old: ClientOrderId, new: &OrderRequest, filled: Quantity) -> bool {
        if self.was_withdrawn(new.client_order_id) {
            return true;
        }
        if !self.is_overtaken(old, filled) {
            return false;
        }
        if let Some(order) = self.book.get(old) {
            let text = format!(
                "the change of order {} was not sent: it is {} with {} filled by now",
                order.number, order.status, order.filled_quantity
            );
            self.note(Severity::Warning, "REPLACE_NOT_SENT", text);
        }
        true
    }

    /// Somebody wants an order gone, and the broker has not said that it is.
    pub(super) fn is_being_canceled(&self, id: ClientOrderId) -> bool {
        self.book.get(id).is_some_and(|order| order.status == OrderStatus::PendingCancel)
    }

    /// A cancel or the kill switch came while the order waited for the disk.
    pub(super) fn was_withdrawn(&self, id: ClientOrderId) -> bool {
        self.book.get(id).is_none_or(|order| order.status != OrderStatus::PendingSubmit)
    }

    /// Ends what was withdrawn before it was sent.
    pub(super) fn never_send(&mut self, ids: &[ClientOrderId]) {
        for id in ids.iter().copied() {
            let Some(before) = self.book.get(id).cloned() else { continue };
            let mut order = before.clone();
            if lifecycle::apply(&mut order, &OrderEvent::NeverReached, self.now).is_ok() {
                self.change_status(before.status, &order, "withdrawn before it was sent");
                self.put_order(order);
            }
        }
    }

    /// The entry is not on disk: no order goes, cancels do (reliability J2).
    pub(super) fn on_journal_failed(&mut self, ticket: Ticket, reason: &str) {
        let held = self.waiting.remove(&ticket).unwrap_or_default();
        self.exits.was_not_written();
        // Said once: the line is an entry itself, and would fail and be said again for as long as the disk is full.
        if !std::mem::replace(&mut self.journal_down, true) {
            self.note(
                Severity::Error,
                DenialCode::JournalUnavailable.as_str(),
                format!("the journal could not be written: {reason}"),
            );
        }
        for effect in held {
            match effect {
                Effect::Submit { order, .. } => {
                    self.deny_unjournaled(order.get().client_order_id, reason);
                    for exit in order.get().exit_orders() {
                        self.deny_unjournaled(exit.client_order_id, reason);
                    }
                }
                Effect::Replace { order, new, .. } => {
                    // Its exits are those of the order that works on.
                    let withdrawn = self.is_being_canceled(new.get().client_order_id);
                    self.deny_unjournaled(new.get().client_order_id, reason);
                    self.undo_replace(order, withdrawn);
                }
                other => self.effects.push(other),
            }
        }
    }

    fn deny_unjournaled(&mut self, id: ClientOrderId, reason: &str) {
        let Some(mut order) = self.book.take(id) else { return };
        let text = format!("{} the order was not sent: {reason}", DenialCode::JournalUnavailable);
        order.status = OrderStatus::Denied;
        order.denials.push(Denial { code: DenialCode::JournalUnavailable, text });
        order.updated_at = self.now;
        self.put_order(order);
    }
}
