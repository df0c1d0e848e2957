//! Guards of automation over a whole account (reliability 4.4): its trades that automation closed, what they lock, and who lifts it. What a
//! person orders, and what only reduces, is never held.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::core::effect::{Effect, Outcome, RequestId};
use crate::core::host::Guards;
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::exit::ExitReason;
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::limits::RiskLimits;
use crate::domain::money::Quantity;
use crate::domain::order::{Order, OriginKind, Pricing};
use crate::domain::snapshot::Severity;
use crate::domain::strategy::{Lock, StopScope, StrategyRules};

use super::Engine;

/// An account's guards, and what its open trades have made so far.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Guarded {
    pub(super) guards: Guards,
    open: BTreeMap<Instrument, Decimal>,
}

/// The same numbers as those of a strategy.
fn rules(limits: &RiskLimits) -> StrategyRules {
    StrategyRules {
        stop_outs: limits.guard_stop_outs,
        stop_scope: if limits.guard_by_instrument { StopScope::Instrument } else { StopScope::All },
        loss_streak: limits.guard_loss_streak,
        cooldown_minutes: limits.guard_cooldown_minutes,
        low_profit_trades: limits.guard_low_profit_trades,
        pause_minutes: limits.guard_pause_minutes,
        ..StrategyRules::default()
    }
}

impl Engine {
    /// Did a stop close it: an order that is one, or that of a plan whose stop was reached.
    pub(super) fn is_stop_out(&self, order: &Order) -> bool {
        let request = &order.request;
        let protects = request.origin.kind == OriginKind::Exit || request.reduce_only;
        let is_stop =
            request.pricing.stop_price().is_some() || matches!(request.pricing, Pricing::TrailingStop { .. });
        let by_plan = self.exits.reason_of(order.request.client_order_id).is_some_and(|reason| {
            matches!(reason, ExitReason::StopLoss | ExitReason::Trailing | ExitReason::BreakEven)
        });
        (protects && is_stop) || by_plan
    }

    /// An execution has been booked; before it so many units were held, and it realized this much.
    pub(super) fn guard_execution(&mut self, execution: &Execution, held: Quantity, realized: Decimal) {
        if execution.kind != ExecutionKind::Trade || held.is_zero() {
            return;
        }
        let order = execution.client_order_id.and_then(|id| self.book.get(id));
        let automatic = order.is_some_and(|order| {
            !order.request.origin.kind.is_human() && order.request.origin.kind != OriginKind::External
        });
        let stopped = order.is_some_and(|order| self.is_stop_out(order));
        let now = self.now;
        let left = self.held(&execution.account, &execution.instrument);
        let Some(books) = self.accounts.get_mut(&execution.account) else { return };
        let sum = books.guarded.open.entry(execution.instrument.clone()).or_default();
        *sum += realized;
        let closed = left.is_zero() || left.is_negative() != held.is_negative();
        if !closed {
            return;
        }
        let pnl = books.guarded.open.remove(&execution.instrument).unwrap_or_default();
        if !automatic {
            return;
        }
        let rules = rules(&books.setup.limits);
        let locks = books.guarded.guards.closed(&rules, now, &execution.instrument, pnl, stopped);
        self.keep_guards();
        for lock in locks.iter().filter(|lock| !lock.reason.starts_with("cooldown")) {
            let of = lock.instrument.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
            let text = format!(
                "{}{of}: automation opens nothing until {}: {}; lift it with: arbion limit unlock",
                execution.account, lock.until, lock.reason
            );
            self.note(Severity::Warning, "PROTECT", text.clone());
            self.after_journal.push(Effect::Ring { text });
        }
    }

    /// What guards have seen outlives the process.
    fn keep_guards(&mut self) {
        if !self.keeps_all() {
            return;
        }
        let all: BTreeMap<&AccountId, &Guards> =
            self.accounts.iter().map(|(id, books)| (id, &books.guarded.guards)).collect();
        self.entry.guards = serde_json::to_string(&all).ok();
    }

    /// As they were last written. What cannot be read is nothing: the next trade is written anew.
    pub(super) fn restore_guards(&mut self, text: Option<&str>) {
        let read = text.and_then(|text| serde_json::from_str::<BTreeMap<AccountId, Guards>>(text).ok());
        for (account, guards) in read.unwrap_or_default() {
            if let Some(books) = self.accounts.get_mut(&account) {
                books.guarded.guards = guards;
            }
        }
    }

    /// A person lifts what the guards of an account have locked.
    pub(super) fn on_lift_guards(&mut self, request: RequestId, account: &AccountId) {
        let Some(books) = self.accounts.get_mut(account) else {
            return self.answer(request, Outcome::Refused(format!("no account is called '{account}'")));
        };
        let now = self.now;
        let lifted = books.guarded.guards.locks(now).len();
        books.guarded.guards.lift();
        self.keep_guards();
        self.dirty.books = true;
        let text = format!("{account}: {lifted} locks lifted");
        self.note(Severity::Info, "GUARDS_LIFTED", text.clone());
        self.after_journal.push(Effect::Answer { request, outcome: Outcome::Said(text) });
    }

    /// Locks of an account's guards that are in force.
    #[must_use]
    pub fn guard_locks(&self, account: &AccountId) -> Vec<Lock> {
        self.accounts.get(account).map(|books| books.guarded.guards.locks(self.now)).unwrap_or_default()
    }
}
