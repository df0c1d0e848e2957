//! Cancels, the kill switch and its lifting. A cancel goes out even when the journal does not answer.

use crate::core::effect::{Effect, IntentKind, Outcome, RequestId, StatusChange};
use crate::core::lifecycle::{self, Transition};
use crate::domain::ids::ClientOrderId;
use crate::domain::limits::TradingState;
use crate::domain::order::{Order, OrderStatus};
use crate::domain::snapshot::Severity;

use super::Engine;

/// Replaces of one order that are followed to the order that stands now.
const REPLACES_FOLLOWED_MAX: usize = 64;

impl Engine {
    pub(super) fn on_cancel(&mut self, request: RequestId, orders: &[ClientOrderId]) {
        let mut canceled = Vec::new();
        let mut refused = None;
        for id in orders {
            match self.cancel_one(*id) {
                Ok(()) => canceled.push(*id),
                Err(reason) => refused = Some(reason),
            }
        }
        let outcome = match refused {
            Some(reason) if canceled.is_empty() => Outcome::Refused(reason),
            _ => Outcome::Orders(canceled),
        };
        self.answer(request, outcome);
    }

    fn cancel_one(&mut self, id: ClientOrderId) -> Result<(), String> {
        let cancel = self.request_cancel(id)?;
        self.after_journal.push(cancel);
        Ok(())
    }

    /// Marks an order as being canceled. What is to be sent is returned.
    pub(super) fn request_cancel(&mut self, id: ClientOrderId) -> Result<Effect, String> {
        let before = self.book.get(id).cloned().ok_or_else(|| format!("no order {id}"))?;
        let mut order = before.clone();
        lifecycle::transition(&mut order, Transition::CancelRequested, self.now)
            .map_err(|_| self.ended_already(&before))?;
        self.change_status(before.status, &order, "cancel requested");
        self.journal_intent(IntentKind::Cancel, &order, Vec::new());
        let account = order.request.account.clone();
        self.put_order(order);
        Ok(Effect::Cancel { account, order: id })
    }

    /// Why nothing more can be done to an order; where another one stands in its place, which.
    pub(super) fn ended_already(&self, order: &Order) -> String {
        let text = format!("order {} is {} already", order.number, order.status);
        let mut last = order;
        // A chain of replaces ends at the order that was not replaced.
        for _ in 0..REPLACES_FOLLOWED_MAX {
            let next = self.replacement_of(last.request.client_order_id).and_then(|id| self.book.get(id));
            match next.filter(|_| last.status == OrderStatus::Replaced) {
                Some(next) => last = next,
                None => break,
            }
        }
        if last.number == order.number {
            return text;
        }
        format!("{text}; order {} stands in its place", last.number)
    }

    /// Records a status change for the journal, if there was one.
    pub(super) fn change_status(&mut self, before: OrderStatus, after: &Order, detail: &str) {
        if before != after.status && self.keeps_all() {
            self.entry.changes.push(StatusChange {
                order: after.request.client_order_id,
                at: self.now,
                from: before,
                to: after.status,
                detail: detail.to_owned(),
            });
        }
    }

    pub(super) fn on_halt(&mut self, request: RequestId, all: bool, reason: &str) {
        let canceled = self.halt(all, reason);
        // Whoever asked is told once it is on disk, so that it is written at once.
        self.after_journal.push(Effect::Answer { request, outcome: Outcome::Orders(canceled) });
    }

    /// Kill switch on (reliability H1): a cancel of every working order; exits stay unless `all`. Alone among all that is sent these cancels
    /// do not wait for the disk, which may be what hangs (H2): a cancel that no row tells of is found when the broker is asked.
    pub(super) fn halt(&mut self, all: bool, reason: &str) -> Vec<ClientOrderId> {
        self.trading_state = TradingState::Halted;
        self.host.accounts_changed();
        self.entry.trading_state = Some(TradingState::Halted);
        let targets: Vec<ClientOrderId> = self
            .book
            .working()
            .filter(|order| all || !order.is_protective())
            .map(|order| order.request.client_order_id)
            .collect();
        let mut canceled = Vec::new();
        for id in targets {
            // What may itself still wait for the disk goes first; its cancel follows it.
            let follows = self.book.get(id).is_some_and(|order| {
                matches!(order.status, OrderStatus::PendingSubmit | OrderStatus::PendingReplace)
            });
            if let Ok(cancel) = self.request_cancel(id) {
                if follows { &mut self.after_journal } else { &mut self.effects }.push(cancel);
                canceled.push(id);
            }
        }
        self.note(
            Severity::Warning,
            "HALTED",
            match canceled.len() {
                1 => format!("kill switch on: {reason}; 1 order being canceled"),
                count => format!("kill switch on: {reason}; {count} orders being canceled"),
            },
        );
        self.halt_strategies();
        canceled
    }

    /// Nothing is canceled: what works goes on, and only what reduces may come (reliability H7).
    pub(super) fn on_reduce_only(&mut self, reason: &str) {
        if self.trading_state != TradingState::Active {
            return;
        }
        self.trading_state = TradingState::ReducingOnly;
        self.host.accounts_changed();
        self.entry.trading_state = Some(TradingState::ReducingOnly);
        let text = format!("only what reduces goes out: {reason}; lift it with: arbion resume");
        self.note(Severity::Warning, "REDUCING_ONLY", text);
    }

    /// Why nothing that is no order and may put more at stake is done now: `None` where it may be.
    #[must_use]
    pub const fn keeps_from_risk(&self) -> Option<&'static str> {
        match self.trading_state {
            TradingState::Active => None,
            TradingState::ReducingOnly => Some("only what reduces is done now; lift it with: arbion resume"),
            TradingState::Halted => Some("the kill switch is on; see: arbion resume"),
        }
    }

    pub(super) fn on_resume(&mut self, request: RequestId) {
        let accepted = self.accept_positions();
        self.host.accounts_changed();
        if self.trading_state == TradingState::Active {
            if accepted {
                return self.answer(request, Outcome::Done);
            }
            self.answer(request, Outcome::Refused("the kill switch is not on".to_owned()));
            return;
        }
        self.trading_state = TradingState::Active;
        self.entry.trading_state = Some(TradingState::Active);
        self.note(Severity::Info, "RESUMED", "kill switch off: orders may go out again".to_owned());
        self.answer(request, Outcome::Done);
    }
}
