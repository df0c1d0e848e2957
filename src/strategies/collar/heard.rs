//! What a collar hears between its evaluations: fills, assignments, exercises, expiries, corporate actions, trades by hand.

use jiff::{SignedDuration, Timestamp};

use crate::domain::corporate::{CorporateAction, CorporateActionKind};
use crate::domain::execution::Execution;
use crate::domain::instrument::Instrument;
use crate::domain::option::Right;
use crate::domain::order::{Order, OrderStatus, OrderSubject, Side};
use crate::quant::number::to_f64;
use crate::strategies::options::SHARES;
use crate::strategies::options::dates::ex_dividend_tomorrow;
use crate::strategies::options::hours::Hours;
use crate::strategies::options::positions::Positions;
use crate::strategies::{Books, Decision, Output, StrategyInput};

use super::Collar;

/// An order that ends sooner was ended by somebody, and is not followed by another at once.
const TRIED_FOR: SignedDuration = SignedDuration::from_secs(20);

impl Collar {
    pub(super) fn hear(
        &mut self,
        now: Timestamp,
        input: &StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        match input {
            StrategyInput::Execution(execution) => {
                if let Some(at) = self.slot_of(&execution.instrument) {
                    self.ask(at, now, books, out);
                }
            }
            StrategyInput::Assigned(execution) => {
                self.on_ended("COLLAR_CALLED_AWAY", now, execution, books, out)
            }
            StrategyInput::Exercised(execution) => {
                self.on_ended("COLLAR_EXERCISED", now, execution, books, out)
            }
            StrategyInput::Expired(execution) => self.on_ended("COLLAR_EXPIRED", now, execution, books, out),
            StrategyInput::PositionChanged { instrument, before, now: units } => {
                if let Some(at) = self.slot_of(instrument) {
                    self.see_hand(at, now, (instrument, *before, *units), out);
                    self.protect_now(at, now, books, out);
                    self.ask(at, now, books, out);
                }
            }
            StrategyInput::CorporateAction(action) => self.on_corporate(action, out),
            StrategyInput::OrderChanged(order) => self.on_order(now, order, books, out),
            _ => {}
        }
    }

    /// Options are gone, with the shares they took or without.
    fn on_ended(
        &mut self,
        code: &'static str,
        now: Timestamp,
        execution: &Execution,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        let Some(contract) = execution.instrument.as_option() else { return };
        let Some(at) = self.slot_of(&execution.instrument) else { return };
        let mut values = Vec::new();
        if code != "COLLAR_EXPIRED" {
            values.push(("shares", -to_f64(execution.quantity.get() * SHARES)));
            values.push(("at", to_f64(contract.strike.get())));
        }
        let decision = Decision::new(code, Some(execution.instrument.clone()), values);
        out.push(Output::Decision(Decision { quantity: Some(execution.quantity), ..decision }));
        // An order on what is gone is not left to fill.
        let positions = Positions::of(books, &self.slots[at].symbol);
        let names = |subject: &OrderSubject| subject.instruments().any(|it| *it == execution.instrument);
        let orders = positions.working.iter().filter(|order| names(&order.subject));
        out.extend(orders.map(|order| Output::Cancel(order.id)));
        self.protect_now(at, now, books, out);
        self.ask(at, now, books, out);
    }

    fn on_corporate(&mut self, action: &CorporateAction, out: &mut Vec<Output>) {
        let Some(at) = self.slot_of(&action.instrument) else { return };
        let slot = &mut self.slots[at];
        match &action.kind {
            CorporateActionKind::SymbolChange { to } => {
                slot.symbol = to.clone();
                slot.memory.kept.renamed_to = Some(to.clone());
                self.head.instruments[at] = Instrument::Equity { symbol: to.clone() };
            }
            // Cash is the account's, and what contracts become of a split is read from it.
            CorporateActionKind::Dividend { .. }
            | CorporateActionKind::SpecialDividend { .. }
            | CorporateActionKind::Split { .. } => {}
            CorporateActionKind::Other { .. } => {
                slot.memory.kept.unexplained = true;
                let name = &self.head.name;
                let text = format!("{name}: {action}; nothing is opened until it is paused and started");
                out.push(Output::Alert(text));
            }
            CorporateActionKind::CashMerger { .. } => {
                slot.memory.kept.frozen = true;
                let name = &self.head.name;
                let text = format!("{name}: {} has a corporate action; nothing is opened", action.instrument);
                out.push(Output::Alert(text));
            }
        }
        out.push(Output::Remember);
    }

    fn on_order(&mut self, now: Timestamp, order: &Order, books: &dyn Books, out: &mut Vec<Output>) {
        let subject = &order.request.subject;
        let Some(at) = subject.instruments().next().and_then(|it| self.slot_of(it)) else { return };
        if !order.status.is_terminal() || order.status == OrderStatus::Replaced {
            return;
        }
        let memory = &mut self.slots[at].memory;
        memory.kept.limits.ended(order);
        let refused = matches!(order.status, OrderStatus::Rejected | OrderStatus::Denied);
        let has_shares = subject.instruments().any(|it| it.as_option().is_none());
        memory.no_share_legs |= refused && has_shares && matches!(subject, OrderSubject::Legs(_));
        out.push(Output::Remember);
        if order.status == OrderStatus::Filled {
            return;
        }
        self.say_put_only(at, order, books, out);
        // An order that was to cover and has ended is followed by another at once.
        if !refused {
            self.protect_now(at, now, books, out);
            self.try_again_late(at, (now, order), books, out);
        }
    }

    /// The last half hour of a pair, or before an ex-date, has few evaluations: what ended unfilled then, after it had its time, is looked at
    /// again, so that a put in the money is not exercised, and a call not for its dividend, because an order found nobody.
    fn try_again_late(
        &mut self,
        at: usize,
        (now, order): (Timestamp, &Order),
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        let Some(hours) = Hours::at(books.calendar(), now).filter(|hours| hours.late) else { return };
        let positions = Positions::of(books, &self.slots[at].symbol);
        let mut options = positions.long.iter().chain(&positions.short);
        let ends = options.any(|held| held.contract.expiry == hours.today);
        let events = books.events(&self.slots[at].symbol);
        let goes_ex = ex_dividend_tomorrow(events, books.calendar(), hours.today).is_some();
        if (ends || goes_ex) && now.duration_since(order.created_at) >= TRIED_FOR {
            self.ask(at, now, books, out);
        }
    }

    /// The call that was to pay for a put was not sold: the put is kept, and the next evaluation tries again.
    fn say_put_only(&self, at: usize, order: &Order, books: &dyn Books, out: &mut Vec<Output>) {
        let OrderSubject::Instrument(instrument) = &order.request.subject else { return };
        let is_call = instrument.as_option().is_some_and(|contract| contract.right == Right::Call);
        if !is_call || order.request.side != Side::Sell {
            return;
        }
        let positions = Positions::of(books, &self.slots[at].symbol);
        let puts: i64 = positions.long.iter().map(|held| held.count).sum();
        let calls = positions.short_count(Right::Call);
        if puts > calls {
            let values = vec![("puts", puts as f64), ("calls", calls as f64)];
            let decision = Decision::skip("COLLAR_PUT_ONLY", Some(instrument.clone()), values);
            out.push(Output::Decision(decision));
        }
    }
}
