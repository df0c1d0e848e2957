//! What companies do to their shares, for strategies: they are told, what they own follows, and what stands in for it is theirs.

use jiff::Timestamp;

use crate::core::engine::Engine;
use crate::core::host::Event;
use crate::domain::account::AccountMode;
use crate::domain::calendar::exchange_date;
use crate::domain::corporate::{CorporateAction, CorporateActionKind, CorporateReport};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::money::Quantity;
use crate::domain::snapshot::Severity;

use super::claims::Part;

/// Units that a corporate action took out, and whose they were.
#[derive(Clone, Debug)]
pub(super) struct Exchanged {
    account: AccountId,
    at: Timestamp,
    parts: Vec<Part>,
    /// All of them, whoever's, positive.
    whole: Quantity,
    /// They were short.
    short: bool,
}

impl Engine {
    /// A broker reports that a corporate action has taken effect. Comes before what it moves.
    pub(in crate::core::engine) fn on_corporate(&mut self, report: &CorporateReport) {
        self.note(Severity::Info, "CORPORATE_ACTION", report.action.to_string());
        self.tell_corporate(&report.account, &report.action);
        if let CorporateActionKind::SymbolChange { to } = &report.action.kind {
            let (old, account) = (&report.action.instrument, &report.account);
            for (name, instance) in self.host.instances.iter_mut().filter(|(_, i)| i.spec.account == *account)
            {
                if instance.watches(old) {
                    self.host.renamed.insert(name.clone());
                }
                instance.rename(old, to);
            }
        }
    }

    /// On a real account the broker holds otherwise than the journal explains: it may be what a company did, which no broker tells here.
    /// Whoever owns something of it must not act as if nothing had happened.
    pub(in crate::core::engine) fn tell_unexplained(
        &mut self,
        account: &AccountId,
        instrument: &Instrument,
        reason: &str,
    ) {
        let mode = self.accounts.get(account).map(|books| books.setup.mode);
        if mode != Some(AccountMode::Live) {
            return;
        }
        let action = CorporateAction {
            instrument: instrument.price_driver(),
            ex_date: exchange_date(self.now),
            pay_date: None,
            kind: CorporateActionKind::Other { text: reason.to_owned() },
        };
        self.tell_corporate(account, &action);
    }

    /// Told to those on the account that watch the shares, or own some, or options on them.
    fn tell_corporate(&mut self, account: &AccountId, action: &CorporateAction) {
        let concerned: Vec<_> = self
            .host
            .instances
            .iter()
            .filter(|(_, instance)| instance.spec.account == *account && instance.strategy.is_some())
            .filter(|(_, instance)| {
                let owns =
                    || instance.ledger.instruments().iter().any(|it| it.price_driver() == action.instrument);
                instance.watches(&action.instrument) || owns()
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in concerned {
            self.host.tell(&name, Event::Corporate(Box::new(action.clone())));
        }
    }

    /// Whose units a corporate action takes or gives, where money or other contracts stand against them. What it takes is its owners'; what it
    /// gives at the same instant on the same side is theirs in the same parts.
    pub(super) fn exchanged_parts(&mut self, execution: &Execution, held: Quantity) -> Vec<Part> {
        let given = execution.signed_quantity();
        let takes = !held.is_zero() && held.is_negative() != given.is_negative();
        if takes {
            let (short, mut left, mut parts) = (held.is_negative(), execution.quantity, Vec::new());
            for (name, instance) in &self.host.instances {
                let own = instance.ledger.quantity(&execution.instrument);
                let theirs = instance.spec.account == execution.account && own.is_negative() == short;
                let part = own.abs().min(left);
                if theirs && part.is_positive() {
                    parts.push((name.clone(), part));
                    left -= part;
                }
            }
            let (account, at, whole) = (execution.account.clone(), execution.at, execution.quantity);
            self.host.exchanged = Some(Exchanged { account, at, parts: parts.clone(), whole, short });
            return parts;
        }
        let Some(before) = self.host.exchanged.take() else { return Vec::new() };
        let fits = before.account == execution.account
            && before.at == execution.at
            && before.short == given.is_negative();
        if !fits {
            return Vec::new();
        }
        let share = |(name, units): Part| {
            let part = (units.get() * execution.quantity.get()).checked_div(before.whole.get())?;
            Some((name, Quantity::new(part)))
        };
        before.parts.into_iter().filter_map(share).collect()
    }
}

/// Does it come of what a company did, for money or in exchange for something else.
pub(super) fn is_exchange(execution: &Execution) -> bool {
    execution.kind == ExecutionKind::CorporateAction
        && execution.client_order_id.is_none()
        && !execution.moves_units_alone()
}
