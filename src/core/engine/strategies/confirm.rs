//! Orders that wait for a person: what a strategy with `confirm = "each"`, or a bot that may only propose, wants. Whoever confirms hands back
//! the hash of what was shown. What nobody confirms in a minute is not sent, and that is on record.

use jiff::SignedDuration;
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use crate::core::effect::Effect;
use crate::core::engine::Engine;
use crate::core::host::{Event, Instance, Unconfirmed};
use crate::domain::denial::DenialCode;
use crate::domain::ids::ClientOrderId;
use crate::domain::order::OrderRequest;
use crate::domain::snapshot::Severity;
use crate::domain::strategy::ProposalView;
use crate::strategies::{Decision, Proposal};

use super::outputs::request_of;

/// Proposals of one strategy that may wait for a person.
pub(super) const UNCONFIRMED_MAX: usize = 32;
/// How long a proposal waits for a person.
const CONFIRMED_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// Everything that a person reads of an order, as a hash in hex.
fn hash_of(number: u32, request: &OrderRequest) -> String {
    let json = serde_json::to_vec(&(number, request)).unwrap_or_default();
    Sha256::digest(json).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl Engine {
    /// What of a strategy waits for a person.
    pub(super) fn proposals_of(&self, instance: &Instance) -> Vec<ProposalView> {
        instance.unconfirmed.iter().map(|waiting| self.proposal_shown(instance, waiting)).collect()
    }

    /// As front ends see it: the order as it would go now, with whether it opens or closes. Where what is held decides that and changes, it is
    /// another order, and what was shown before cannot be confirmed any more.
    fn proposal_shown(&self, instance: &Instance, waiting: &Unconfirmed) -> ProposalView {
        let spec = &instance.spec;
        // Only looked at: what goes gets an id of its own.
        let id = ClientOrderId::from_parts(0, 0);
        let request = self.stated(request_of(id, spec.account.clone(), &spec.name, waiting.proposal.clone()));
        ProposalView {
            number: waiting.number,
            hash: hash_of(waiting.number, &request),
            request: Box::new(request),
            why: format!("{} {}", waiting.decision.code, waiting.decision.text()).trim_end().to_owned(),
            until: waiting.at + CONFIRMED_WITHIN,
        }
    }

    /// An order waits for a person. One of the same side in the same instrument that waits already makes way: only the newest is meant.
    /// `None` where too many wait.
    pub(super) fn ask_a_person(
        &mut self,
        name: &SmolStr,
        tag: Option<String>,
        proposal: Proposal,
        decision: Decision,
    ) -> Option<u32> {
        let now = self.now;
        let instance = self.host.instances.get_mut(name)?;
        if tag.is_none() {
            let same = |it: &Unconfirmed| {
                it.tag.is_none()
                    && it.proposal.subject == proposal.subject
                    && it.proposal.side == proposal.side
            };
            instance.unconfirmed.retain(|waiting| !same(waiting));
        }
        if instance.unconfirmed.len() >= UNCONFIRMED_MAX {
            return None;
        }
        let number = instance.next_proposal;
        instance.next_proposal = number.wrapping_add(1);
        let verb = if tag.is_some() { "bot" } else { "strategy" };
        let text = format!(
            "{name} proposes {} {} {}; within 60 s: arbion {verb} confirm {name} {number}",
            proposal.side, proposal.quantity, proposal.subject
        );
        let code = if tag.is_some() { "BOT_PROPOSES" } else { "STRATEGY_PROPOSES" };
        instance.unconfirmed.push_back(Unconfirmed { number, at: now, tag, proposal, decision });
        self.dirty.any = true;
        self.note(Severity::Warning, code, text.clone());
        self.after_journal.push(Effect::Ring { text });
        Some(number)
    }

    /// A person confirms what was proposed: it goes through the door now.
    pub(super) fn confirm_proposal(
        &mut self,
        name: &SmolStr,
        number: u32,
        hash: &str,
    ) -> Result<String, String> {
        self.forget_proposals();
        let none = || format!("{name} has no proposal {number}; one waits for 60 seconds");
        let instance = self.host.instances.get(name).ok_or_else(none)?;
        let at = instance.unconfirmed.iter().position(|it| it.number == number).ok_or_else(none)?;
        let seen = instance.unconfirmed.get(at).map(|waiting| self.proposal_shown(instance, waiting).hash);
        if seen.as_deref() != Some(hash) {
            return Err(format!("proposal {number} of {name} is not the order that was shown; look again"));
        }
        let instance = self.host.instances.get_mut(name).ok_or_else(none)?;
        let phase = instance.phase;
        let waiting = instance.unconfirmed.remove(at).ok_or_else(none)?;
        self.dirty.any = true;
        self.may_send(phase).map_err(|refusal| refusal.to_string())?;
        let sent = match waiting.tag {
            Some(tag) => {
                let placed = self.send_for_bot(name, tag, waiting.proposal);
                placed.map(|placed| placed.order.map(|(id, _)| id)).map_err(|refusal| refusal.to_string())
            }
            None => {
                self.send_proposal(name, waiting.proposal, &waiting.decision).map(Some).map_err(|denials| {
                    denials.iter().map(|denial| denial.text.as_str()).collect::<Vec<_>>().join("; ")
                })
            }
        };
        let order = sent?.and_then(|id| self.book.get(id)).map_or("?".to_owned(), |it| it.number.to_string());
        Ok(format!("{name}: proposal {number} is order {order}"))
    }

    /// A person does not want it.
    pub(super) fn decline_proposal(&mut self, name: &SmolStr, number: u32) -> Result<String, String> {
        let none = || format!("{name} has no proposal {number}; one waits for 60 seconds");
        let instance = self.host.instances.get_mut(name).ok_or_else(none)?;
        let at = instance.unconfirmed.iter().position(|it| it.number == number).ok_or_else(none)?;
        let waiting = instance.unconfirmed.remove(at).ok_or_else(none)?;
        self.not_sent_for(name, &waiting, "DECLINED", "a person declined it");
        Ok(format!("{name}: proposal {number} is dropped"))
    }

    /// What no person confirmed in time is dropped.
    pub(super) fn forget_proposals(&mut self) {
        let now = self.now;
        let mut dropped = Vec::new();
        for (name, instance) in &mut self.host.instances {
            let over = |waiting: &Unconfirmed| now.duration_since(waiting.at) >= CONFIRMED_WITHIN;
            while let Some(at) = instance.unconfirmed.iter().position(over) {
                dropped.extend(instance.unconfirmed.remove(at).map(|waiting| (name.clone(), waiting)));
            }
        }
        for (name, waiting) in dropped {
            let bot = waiting.tag.is_some();
            let code = if bot { "BOT_PROPOSAL_DROPPED" } else { "PROPOSAL_DROPPED" };
            let number = waiting.number;
            let text = format!("{name}: proposal {number} was not confirmed in time and is dropped");
            self.note(Severity::Info, code, text);
            self.not_sent_for(&name, &waiting, "NOT_CONFIRMED", "not confirmed within 60 s");
        }
    }

    /// On record, and told to whoever proposed it.
    fn not_sent_for(&mut self, name: &SmolStr, waiting: &Unconfirmed, code: &str, why: &str) {
        self.dirty.any = true;
        let decision = &waiting.decision;
        let proposal = &waiting.proposal;
        let text = format!(
            "{} {} {} {}: {why} {}",
            decision.code,
            proposal.side,
            proposal.quantity,
            proposal.subject,
            decision.text()
        );
        self.write_decision(name, decision, code, text.trim_end(), None);
        let subject = Box::new(proposal.subject.clone());
        self.host.tell(name, Event::Denied(DenialCode::NotAuthorised, subject));
    }
}
