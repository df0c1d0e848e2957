//! What a wheel hears between its evaluations: fills, assignments, expiries, corporate actions, trades by hand.

use jiff::Timestamp;

use crate::domain::calendar::exchange_date;
use crate::domain::corporate::{CorporateAction, CorporateActionKind};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::instrument::Instrument;
use crate::domain::money::Quantity;
use crate::domain::order::{Order, OrderStatus, OrderSubject};
use crate::quant::number::to_f64;
use crate::strategies::options::positions::Positions;
use crate::strategies::{Books, Decision, Output, StrategyInput};

use super::Wheel;
use super::campaign::Booked;

impl Wheel {
    pub(super) fn hear(
        &mut self,
        now: Timestamp,
        input: &StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        match input {
            StrategyInput::Execution(execution) => self.on_execution(now, execution, books, out),
            StrategyInput::Assigned(execution) => self.on_assigned(now, execution, books, out),
            StrategyInput::Expired(execution) => self.on_expired(now, execution, books, out),
            StrategyInput::PositionChanged { instrument, before, now: units } => {
                self.on_position(now, instrument, (*before, *units), books, out);
            }
            StrategyInput::CorporateAction(action) => self.on_corporate(action, out),
            StrategyInput::OrderChanged(order) => self.on_order(now, order, books, out),
            _ => {}
        }
    }

    fn on_execution(
        &mut self,
        now: Timestamp,
        execution: &Execution,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        let Some(at) = self.slot_of(&execution.instrument) else { return };
        let today = exchange_date(now);
        let cooldown = i64::from(self.params.days("cooldown_days"));
        let memory = &mut self.slots[at].memory;
        match execution.kind {
            ExecutionKind::Assignment | ExecutionKind::Exercise => memory.deliver(execution, today),
            ExecutionKind::CorporateAction => memory.campaign.moved(execution),
            ExecutionKind::Adjustment | ExecutionKind::Transfer | ExecutionKind::Fee => {}
            _ => {
                if let Booked::BoughtBack(Some(gain)) = memory.trade(execution, today)
                    && gain < rust_decimal::Decimal::ZERO
                    && !memory.half_rolled
                {
                    memory.cooldown_until = Some(crate::domain::calendar::plus_days(today, cooldown));
                }
            }
        }
        out.push(Output::Remember);
        self.ask(at, now, books, out);
    }

    fn on_assigned(
        &mut self,
        now: Timestamp,
        execution: &Execution,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        let Some(contract) = execution.instrument.as_option() else { return };
        let Some(at) = self.slot_of(&execution.instrument) else { return };
        let today = exchange_date(now);
        let cooldown = i64::from(self.params.days("cooldown_days"));
        let memory = &mut self.slots[at].memory;
        let basis = memory.campaign.assign(contract, execution);
        let shares = to_f64(execution.quantity.get() * super::SHARES);
        let strike = to_f64(contract.strike.get());
        let (code, values) = match basis {
            Some(basis) => ("WHEEL_ASSIGNED", vec![("shares", shares), ("basis", to_f64(basis.get()))]),
            None => {
                memory.cooldown_until = Some(crate::domain::calendar::plus_days(today, cooldown));
                let awaited = memory.campaign.awaited;
                // The shares may not have gone yet: what they bring is known all the same.
                let coming = to_f64((-awaited).max(rust_decimal::Decimal::ZERO)) * strike;
                let (pnl, days, _) = memory.campaign.result(today);
                let pnl = to_f64(pnl) + coming;
                let tied_up = to_f64(memory.campaign.tied_up).max(1.0);
                let yearly = if days > 0 { pnl / tied_up * 365.0 / f64::from(days) * 100.0 } else { 0.0 };
                let values = vec![
                    ("shares", -shares),
                    ("at", strike),
                    ("campaign_pnl", pnl),
                    ("days", f64::from(days)),
                    ("annualised_pct", yearly),
                ];
                ("WHEEL_CALLED_AWAY", values)
            }
        };
        self.say(code, execution, values, out);
        self.cancel_closing(at, execution, books, out);
        self.ask(at, now, books, out);
    }

    /// An assigned contract is not bought back: the order is canceled, and what fills of it all the same is sold at the next evaluation.
    fn cancel_closing(&self, at: usize, execution: &Execution, books: &dyn Books, out: &mut Vec<Output>) {
        let Some(contract) = execution.instrument.as_option() else { return };
        let positions = Positions::of(books, &self.slots[at].symbol);
        let open: i64 =
            positions.short.iter().filter(|held| held.contract == *contract).map(|held| held.count).sum();
        if positions.closing(contract) > open {
            let names = |subject: &OrderSubject| subject.instruments().any(|it| *it == execution.instrument);
            let orders = positions.working.iter().filter(|order| names(&order.subject));
            out.extend(orders.map(|order| Output::Cancel(order.id)));
        }
    }

    fn on_expired(
        &mut self,
        now: Timestamp,
        execution: &Execution,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        let Some(contract) = execution.instrument.as_option() else { return };
        let Some(at) = self.slot_of(&execution.instrument) else { return };
        let campaign = &mut self.slots[at].memory.campaign;
        campaign.expire(contract, execution);
        let pnl = to_f64(campaign.cash_result());
        self.say("WHEEL_EXPIRED", execution, vec![("campaign_pnl", pnl)], out);
        self.ask(at, now, books, out);
    }

    fn say(
        &self,
        code: &'static str,
        execution: &Execution,
        values: Vec<(&'static str, f64)>,
        out: &mut Vec<Output>,
    ) {
        let quantity = Some(execution.quantity);
        let decision = Decision::new(code, Some(execution.instrument.clone()), values);
        out.push(Output::Decision(Decision { quantity, ..decision }));
        out.push(Output::Remember);
    }

    /// The user traded by hand, or shares were adopted: what stands uncovered now cannot wait.
    fn on_position(
        &mut self,
        now: Timestamp,
        instrument: &Instrument,
        (before, after): (Quantity, Quantity),
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        let Some(at) = self.slot_of(instrument) else { return };
        if matches!(instrument, Instrument::Equity { .. }) {
            let cost = books.held(instrument).map(|held| held.average_price).filter(|_| before.is_zero());
            let price = cost.or_else(|| books.quote(instrument).and_then(crate::domain::quote::Quote::mark));
            if let Some(price) = price {
                self.slots[at].memory.adopt((after - before).get(), price, exchange_date(now));
                out.push(Output::Remember);
            }
        } else if let Some(contract) = instrument.as_option()
            && before.is_negative()
            && after > before
        {
            let price = books.quote(instrument).and_then(crate::domain::quote::Quote::mark);
            let bought = (after - before).get();
            self.slots[at].memory.campaign.release(contract, bought, price);
        }
        self.see_hand(at, now, (instrument, before, after), out);
        self.protect_now(at, now, books, out);
        self.ask(at, now, books, out);
    }

    fn on_corporate(&mut self, action: &CorporateAction, out: &mut Vec<Output>) {
        let Some(at) = self.slot_of(&action.instrument) else { return };
        let slot = &mut self.slots[at];
        match &action.kind {
            CorporateActionKind::Dividend { amount } | CorporateActionKind::SpecialDividend { amount } => {
                slot.memory.campaign.pay(*amount);
            }
            CorporateActionKind::SymbolChange { to } => {
                slot.symbol = to.clone();
                slot.memory.kept.renamed_to = Some(to.clone());
                slot.memory.campaign.rename(to);
                self.head.instruments[at] = Instrument::Equity { symbol: to.clone() };
            }
            // What contracts become of a split is read from the account.
            CorporateActionKind::Split { .. } => {}
            CorporateActionKind::CashMerger { .. } => {
                slot.memory.kept.frozen = true;
                let text = format!(
                    "{}: {} has a corporate action; nothing is opened",
                    self.head.name, action.instrument
                );
                out.push(Output::Alert(text));
            }
            CorporateActionKind::Other { .. } => {
                slot.memory.kept.unexplained = true;
                let text =
                    format!("{}: {action}; nothing is opened until it is paused and started", self.head.name);
                out.push(Output::Alert(text));
            }
        }
        out.push(Output::Remember);
    }

    fn on_order(&mut self, now: Timestamp, order: &Order, books: &dyn Books, out: &mut Vec<Output>) {
        let Some(at) = order.request.subject.instruments().next().and_then(|it| self.slot_of(it)) else {
            return;
        };
        if !order.status.is_terminal() {
            return;
        }
        let memory = &mut self.slots[at].memory;
        memory.kept.limits.ended(order);
        // A replaced order goes on as another.
        if order.status == OrderStatus::Replaced {
            return;
        }
        if order.status != OrderStatus::Filled {
            memory.rolling = None;
        }
        let refused = order.status == OrderStatus::Rejected;
        out.push(Output::Remember);
        // An order that was to cover and has ended is followed by another at once.
        if order.status != OrderStatus::Filled && !refused {
            self.protect_now(at, now, books, out);
        }
    }
}
