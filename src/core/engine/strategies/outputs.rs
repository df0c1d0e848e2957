//! What strategies want: orders through the one door, under their own limits first, cancels of their own, memory, decisions. What is denied
//! goes back to them.

use jiff::SignedDuration;
use rust_decimal::Decimal;
use smol_str::SmolStr;

use crate::core::effect::Effect;
use crate::core::engine::Engine;
use crate::core::engine::place::ReplaceError;
use crate::core::host::Event;
use crate::domain::denial::{Denial, DenialCode};
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::{Price, Quantity};
use crate::domain::option::Right;
use crate::domain::order::{
    Order, OrderChange, OrderRequest, OrderSubject, Origin, OriginKind, PositionEffect, Side,
};
use crate::domain::snapshot::Severity;
use crate::domain::strategy::{Confirm, DecisionRecord, OnFault, StrategyPhase};
use crate::strategies::{Decision, Output, Proposal};

use super::{PROPOSALS_PER_STEP_MAX, owner};

/// Bytes of a strategy's memory at most.
const MEMORY_BYTES_MAX: usize = 256 * 1024;
/// The same reason not to act is written down again after this.
const SAID_AGAIN: SignedDuration = SignedDuration::from_mins(15);
/// Characters of a strategy's line for the user.
const ALERT_CHARS_MAX: usize = 200;

impl Engine {
    pub(super) fn carry_out(&mut self, name: &SmolStr, wanted: Vec<Output>) {
        for output in wanted {
            let Some(instance) = self.host.instances.get_mut(name) else { return };
            if instance.strategy.is_none() {
                return;
            }
            let trades = instance.phase == StrategyPhase::Running;
            match output {
                Output::Propose(proposal, decision) if trades => {
                    drop(self.propose(name, proposal, &decision));
                }
                // Who stands still or ends opens nothing.
                Output::Propose(..) => {}
                Output::Cancel(order) => self.cancel_own(name, order),
                Output::Replace(order, change, decision) if trades => {
                    drop(self.replace_own(name, order, &change, &decision));
                }
                Output::Replace(..) => {}
                Output::Need(need) => self.need(name, need),
                // Taken when it was asked, so that it is on the disk with what it wants.
                Output::Remember => {}
                Output::Decision(decision) => self.record(name, &decision, None),
                Output::Alert(text) => self.alert_of(name, &text),
                Output::Tell(news) => self.tell_bot(name, news),
            }
        }
    }

    pub(super) fn remember(&mut self, name: &SmolStr, memory: String) {
        if memory.len() > MEMORY_BYTES_MAX {
            let text = format!("it wants to remember {} bytes, {MEMORY_BYTES_MAX} are allowed", memory.len());
            return self.fail(name, &text);
        }
        if let Some(instance) = self.host.instances.get_mut(name)
            && instance.memory.as_ref() != Some(&memory)
        {
            (instance.memory, instance.dirty) = (Some(memory), true);
        }
    }

    pub(super) fn alert_of(&mut self, name: &SmolStr, text: &str) {
        let text: String = text.chars().filter(|c| !c.is_control()).take(ALERT_CHARS_MAX).collect();
        self.note(Severity::Warning, "STRATEGY_ALERT", format!("{name}: {text}"));
        self.after_journal.push(Effect::Ring { text });
    }

    /// One order of a strategy: its own limits, then the door that every order goes through.
    pub(super) fn propose(
        &mut self,
        name: &SmolStr,
        proposal: Proposal,
        decision: &Decision,
    ) -> Result<ClientOrderId, Vec<Denial>> {
        let Some(instance) = self.host.instances.get_mut(name) else { return Err(Vec::new()) };
        instance.proposed += 1;
        if instance.proposed > PROPOSALS_PER_STEP_MAX {
            let text = format!(
                "it proposed more than {PROPOSALS_PER_STEP_MAX} orders in one step; those before stand"
            );
            self.fail(name, &text);
            return Err(Vec::new());
        }
        if instance.spec.rules.confirm == Confirm::Each {
            self.ask_a_person(name, None, proposal, decision.clone());
            return Err(Vec::new());
        }
        self.send_proposal(name, proposal, decision)
    }

    /// What nobody has to confirm, or somebody has.
    pub(super) fn send_proposal(
        &mut self,
        name: &SmolStr,
        proposal: Proposal,
        decision: &Decision,
    ) -> Result<ClientOrderId, Vec<Denial>> {
        let Some(instance) = self.host.instances.get(name) else { return Err(Vec::new()) };
        let account = instance.spec.account.clone();
        let id = self.ids.next(self.now);
        let request = self.stated(request_of(id, account, name, proposal));
        self.know_from_chain(name, &request.subject);
        let denial = self.check_terms(name, &request).and_then(|()| self.check_own(name, &request)).err();
        if let Some(denial) = denial {
            self.denied(name, decision, &request.subject, std::slice::from_ref(&denial), None);
            return Err(vec![denial]);
        }
        let (id, subject) = (request.client_order_id, request.subject.clone());
        match self.place_one(request) {
            Ok(()) => {
                self.record(name, decision, Some(id));
                Ok(id)
            }
            Err(denials) => {
                self.denied(name, decision, &subject, &denials, Some(id));
                Err(denials)
            }
        }
    }

    /// A contract that nobody has looked at yet is known by the chain it was chosen from: its terms, and its prices where they are newer.
    fn know_from_chain(&mut self, name: &SmolStr, subject: &OrderSubject) {
        for instrument in subject.instruments() {
            let Some(contract) = instrument.as_option() else { continue };
            let row = self.host.instances.get(name).and_then(|instance| {
                let chain = instance.known.chains.get(&contract.underlying)?;
                chain.rows.iter().find(|row| row.contract == *contract)
            });
            let Some(quote) = row.map(|row| row.quote.clone()) else { continue };
            if self.market.spec(instrument).is_none() {
                self.market.put_spec(InstrumentSpec::standard(instrument.clone()));
            }
            if self.quote(instrument).is_none_or(|known| known.as_of < quote.as_of) {
                self.on_quote(quote);
            }
        }
    }

    /// Other terms for one of its working orders. A change is an order: its rate holds.
    pub(super) fn replace_own(
        &mut self,
        name: &SmolStr,
        id: ClientOrderId,
        change: &OrderChange,
        decision: &Decision,
    ) -> Result<ClientOrderId, ReplaceError> {
        let Some(order) = self.book.get(id).filter(|order| owner(order) == Some(name)).cloned() else {
            let text = format!("{name} wants to change {id}, which is none of its orders");
            self.note(Severity::Warning, "NOT_ITS_ORDER", text.clone());
            return Err(ReplaceError::Refused(text));
        };
        let now = self.now;
        let subject = order.request.subject.clone();
        let most = self.orders_per_minute(name);
        let Some(instance) = self.host.instances.get_mut(name) else {
            return Err(ReplaceError::Refused(String::new()));
        };
        if !self.config.bar_mode && !instance.guards.count(now, most) {
            let denial = too_many(name, most);
            self.denied(name, decision, &subject, std::slice::from_ref(&denial), None);
            return Err(ReplaceError::Denied(id, vec![denial]));
        }
        if let Err(denial) = self.check_change(name, &order, change) {
            self.denied(name, decision, &subject, std::slice::from_ref(&denial), None);
            return Err(ReplaceError::Denied(id, vec![denial]));
        }
        let replaced = self.replace(id, change);
        match &replaced {
            Ok(new) => self.record(name, decision, Some(*new)),
            Err(ReplaceError::Denied(new, denials)) => {
                self.denied(name, decision, &subject, denials, Some(*new));
            }
            Err(ReplaceError::Refused(reason)) => {
                self.note(Severity::Info, "REPLACE_REFUSED", format!("{name}: {reason}"));
            }
        }
        replaced
    }

    /// A proposal went nowhere: written down with what was decided, and told to whoever proposed it.
    fn denied(
        &mut self,
        name: &SmolStr,
        decision: &Decision,
        subject: &OrderSubject,
        denials: &[Denial],
        id: Option<ClientOrderId>,
    ) {
        let Some(first) = denials.first() else { return };
        let texts: Vec<&str> = denials.iter().map(|denial| denial.text.as_str()).collect();
        let text = format!("{}: {} {}", decision.code, texts.join("; "), decision.text());
        self.write_decision(name, decision, first.code.as_str(), text.trim_end(), id);
        self.host.tell(name, Event::Denied(first.code, Box::new(subject.clone())));
    }

    /// What a strategy may do of its own: sell what is its own, open what its guards and its capital let it, so many orders a minute.
    fn check_own(&mut self, name: &SmolStr, request: &OrderRequest) -> Result<(), Denial> {
        let now = self.now;
        let Some(instance) = self.host.instances.get(name) else { return Ok(()) };
        let mut opens = false;
        for part in parts(request) {
            let driver = part.instrument.price_driver();
            let own = instance.ledger.quantity(part.instrument);
            if !instance.watches(&driver) && !instance.watches(part.instrument) && own.is_zero() {
                let text = format!("{} is none of the instruments of {name}", part.instrument);
                return Err(denial(DenialCode::NotAuthorised, &text));
            }
            let closable = self.closable(name, part.instrument, part.side, None);
            if part.closes && part.quantity > closable {
                let text = format!("strategy={name} wants={} its_own_and_free={closable}", part.quantity);
                return Err(denial(DenialCode::SellExceedsPosition, &text));
            }
            if part.closes || part.quantity <= closable {
                continue;
            }
            opens = true;
            let lock = [part.instrument, &driver].into_iter().find_map(|of| instance.guards.held_by(now, of));
            if let Some(lock) = lock {
                return Err(denial(DenialCode::Protect, &format!("until={} {}", lock.until, lock.reason)));
            }
        }
        if !opens {
            return Ok(());
        }
        self.check_capital(name, request, None)?;
        let most = self.orders_per_minute(name);
        let Some(instance) = self.host.instances.get_mut(name) else { return Ok(()) };
        // Time is not the world's in a run on bars.
        if !self.config.bar_mode && !instance.guards.count(now, most) {
            return Err(too_many(name, most));
        }
        Ok(())
    }

    /// Units of its own on the other side of an order, less what its working orders close already. Positive.
    /// `instead_of` is the working order whose place is taken.
    pub(super) fn closable(
        &self,
        name: &SmolStr,
        instrument: &Instrument,
        side: Side,
        instead_of: Option<ClientOrderId>,
    ) -> Quantity {
        let Some(instance) = self.host.instances.get(name) else { return Quantity::ZERO };
        let own = instance.ledger.quantity(instrument);
        if own.is_zero() || own.is_negative() != side.is_buy() {
            return Quantity::ZERO;
        }
        let same = |order: &&Order| {
            order.request.subject.instrument() == Some(instrument)
                && order.request.side.is_buy() == side.is_buy()
                // The stop of its plan makes way.
                && !self.exits.is_resting(order.request.client_order_id)
                // Of a group only one fills.
                && order.request.contingency.parent.is_none()
        };
        let closing: Quantity = self
            .working_of_strategy(name)
            .filter(|order| Some(order.request.client_order_id) != instead_of)
            .filter(same)
            .fold(Quantity::ZERO, |sum, order| sum + order.leaves_quantity());
        let free = own.abs() - closing;
        if free.is_negative() { Quantity::ZERO } else { free }
    }

    /// Money of its own that an opening order needs beside what is at work.
    pub(super) fn check_capital(
        &self,
        name: &SmolStr,
        request: &OrderRequest,
        instead_of: Option<ClientOrderId>,
    ) -> Result<(), Denial> {
        let Some(instance) = self.host.instances.get(name) else { return Ok(()) };
        let Some(capital) = instance.spec.rules.capital else { return Ok(()) };
        let working: Option<Decimal> = self
            .working_of_strategy(name)
            .filter(|order| Some(order.request.client_order_id) != instead_of)
            .map(|order| self.money_for(&order.request, order.leaves_quantity()))
            .sum();
        let wanted = self.money_for(request, request.quantity);
        let Some((working, wanted)) = working.zip(wanted) else {
            let text = format!("{} has no price to measure it by", request.subject);
            return Err(denial(DenialCode::MaxExposure, &text));
        };
        let at_work = instance.ledger.cost() + working;
        if at_work + wanted > capital {
            let (capital, at_work, wanted) =
                (capital.normalize(), at_work.round_dp(2).normalize(), wanted.round_dp(2).normalize());
            let text = format!("strategy={name} capital={capital} at_work={at_work} wanted={wanted}");
            return Err(denial(DenialCode::MaxExposure, &text));
        }
        Ok(())
    }

    /// Money that an order binds: a short put its strike, a package its net price, everything else its price; what closes none.
    pub(super) fn money_for(&self, request: &OrderRequest, quantity: Quantity) -> Option<Decimal> {
        let mut money = Decimal::ZERO;
        let package = request.subject.instrument().is_none();
        for part in parts(request).filter(|part| !part.closes) {
            let multiplier = self.spec(part.instrument).map_or(Decimal::ONE, |spec| spec.multiplier);
            let option = part.instrument.as_option();
            let short_put = option.filter(|put| put.right == Right::Put && !part.side.is_buy());
            let price = match (short_put, request.pricing.limit_price()) {
                (Some(put), _) => put.strike,
                // Sold against shares it has.
                (None, _) if option.is_some() && !part.side.is_buy() => Price::ZERO,
                (None, Some(limit)) if !package => limit,
                _ => self.mark_of(part.instrument)?,
            };
            let units = if package { Quantity::new(part.ratio * quantity.get()) } else { quantity };
            money += (price.notional(units) * multiplier).abs();
        }
        Some(money)
    }

    /// A cancel of one of its own.
    pub(super) fn cancel_own(&mut self, name: &SmolStr, order: ClientOrderId) {
        if self.book.get(order).and_then(owner) != Some(name) {
            let text = format!("{name} wants to cancel {order}, which is none of its orders");
            return self.note(Severity::Warning, "NOT_ITS_ORDER", text);
        }
        // One that has just ended needs no cancel.
        if let Ok(cancel) = self.request_cancel(order) {
            self.after_journal.push(cancel);
        }
    }

    /// Cancels its working orders that open something; with `all` those that protect too.
    pub(super) fn cancel_opening(&mut self, name: &SmolStr) {
        let opening: Vec<ClientOrderId> = self
            .working_of_strategy(name)
            .filter(|order| !order.request.reduce_only)
            .map(|order| order.request.client_order_id)
            .collect();
        for id in opening {
            if let Ok(cancel) = self.request_cancel(id) {
                self.after_journal.push(cancel);
            }
        }
    }

    /// A strategy has failed: it does nothing more until a person starts it again. What it owns stays.
    pub(super) fn fail(&mut self, name: &SmolStr, reason: &str) {
        let Some(instance) = self.host.instances.get_mut(name) else { return };
        instance.enter(StrategyPhase::Faulted, Some(reason.to_owned()));
        (instance.enabled, instance.strategy) = (false, None);
        let cancels = instance.spec.rules.on_fault == OnFault::Cancel;
        self.note(Severity::Error, "STRATEGY_FAULTED", format!("{name}: {reason}"));
        self.after_journal.push(Effect::Ring { text: format!("strategy {name} has failed: {reason}") });
        if cancels {
            self.cancel_opening(name);
        }
    }

    /// Writes down what was decided. A reason not to act is written once, and again when it is another one or a quarter of an hour has passed.
    pub(super) fn record(&mut self, name: &SmolStr, decision: &Decision, proposal: Option<ClientOrderId>) {
        let now = self.now;
        let Some(instance) = self.host.instances.get_mut(name) else { return };
        if proposal.is_some() {
            instance.said.remove(&decision.instrument);
        } else {
            let said = instance.said.get(&decision.instrument);
            if said.is_some_and(|(code, at)| code == decision.code && now.duration_since(*at) < SAID_AGAIN) {
                return;
            }
            instance.said.insert(decision.instrument.clone(), (decision.code.into(), now));
        }
        let words = decision.words();
        self.write_record(name, decision, words, proposal);
    }

    pub(super) fn write_decision(
        &mut self,
        name: &SmolStr,
        decision: &Decision,
        code: &str,
        text: &str,
        proposal: Option<ClientOrderId>,
    ) {
        self.write_record(name, decision, decision.under(code, text), proposal);
    }

    fn write_record(
        &mut self,
        name: &SmolStr,
        decision: &Decision,
        (code, text): (&str, String),
        proposal: Option<ClientOrderId>,
    ) {
        let now = self.now;
        let Some(instance) = self.host.instances.get_mut(name) else { return };
        let inputs = decision.inputs();
        let record = DecisionRecord {
            at: now,
            strategy: name.clone(),
            instrument: decision.instrument.clone(),
            phase: instance.phase,
            code: code.into(),
            text,
            inputs,
            proposal,
        };
        instance.last_decision = Some(record.clone());
        let line = record.line();
        self.entry.decisions.push(record);
        self.note(Severity::Info, "DECISION", line);
    }
}

/// A proposal as an order of the strategy's account.
pub(super) fn request_of(
    id: ClientOrderId,
    account: AccountId,
    name: &SmolStr,
    proposal: Proposal,
) -> OrderRequest {
    OrderRequest {
        time_in_force: proposal.time_in_force,
        reduce_only: proposal.reduce_only,
        position_effect: proposal.position_effect,
        price_effect: proposal.price_effect,
        ..OrderRequest::plain(
            id,
            account,
            Origin { kind: OriginKind::Strategy, name: Some(name.clone()) },
            proposal.subject,
            proposal.side,
            proposal.quantity,
            proposal.pricing,
        )
    }
}

/// One instrument of an order.
pub(super) struct Part<'a> {
    pub(super) instrument: &'a Instrument,
    pub(super) side: Side,
    pub(super) quantity: Quantity,
    /// Units of it in one package; one for an order of its own.
    ratio: Decimal,
    /// It is meant to close.
    pub(super) closes: bool,
}

/// The instruments of an order with what is done with each.
pub(super) fn parts(request: &OrderRequest) -> impl Iterator<Item = Part<'_>> {
    let single = request.subject.instrument().map(|instrument| {
        let sells_shares = request.side == Side::Sell && instrument.as_option().is_none();
        Part {
            instrument,
            side: request.side,
            quantity: request.quantity,
            ratio: Decimal::ONE,
            closes: request.reduce_only
                || request.position_effect == Some(PositionEffect::Close)
                || sells_shares
                || request.side == Side::BuyToCover,
        }
    });
    let legs = match &request.subject {
        OrderSubject::Legs(legs) => legs.as_slice(),
        OrderSubject::Instrument(_) => &[],
    };
    single.into_iter().chain(legs.iter().map(move |leg| Part {
        instrument: &leg.instrument,
        side: leg.side,
        quantity: Quantity::new(leg.ratio * request.quantity.get()),
        ratio: leg.ratio,
        closes: leg.position_effect == PositionEffect::Close,
    }))
}

pub(super) fn denial(code: DenialCode, text: &str) -> Denial {
    Denial { code, text: format!("{code} {text}") }
}

fn too_many(name: &SmolStr, most: u32) -> Denial {
    denial(DenialCode::OrderRate, &format!("strategy={name} limit={most} orders a minute"))
}
