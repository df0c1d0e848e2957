//! The strategy host: instances and their life, from a person's words to the phase they are in. What they are told is in `feed`, what they
//! want in `outputs`, how they change it in `changes`, what is theirs in `claims`, how it is closed in `flatten`,
//! what companies do in `corporate`, what is shown in `shown`.

mod books;
mod bots;
mod changes;
mod claims;
mod confirm;
mod corporate;
mod feed;
mod flatten;
mod life;
mod needs;
mod outputs;
mod shown;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use smol_str::SmolStr;

use crate::core::host::{Event, Instance};
use crate::domain::bot::BotTerms;
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::order::{Order, OriginKind};
use crate::domain::quote::Interval;
use crate::domain::strategy::{StrategyPhase, StrategyView};

use super::Engine;

pub use shown::strategy_kinds;

/// Orders of one strategy in one step: more is a strategy gone wild, and fails it.
pub const PROPOSALS_PER_STEP_MAX: usize = 50;
/// Things told to strategies in one step; what is more waits for the next.
const EVENTS_PER_STEP_MAX: usize = 4_096;
/// Things that may wait; quotes beyond are not kept.
const EVENTS_MAX: usize = 16_384;

/// The strategies of the profile.
#[derive(Debug, Default)]
pub(super) struct Host {
    instances: BTreeMap<SmolStr, Instance>,
    /// What is to be told to whom, oldest first.
    events: VecDeque<(SmolStr, Event)>,
    /// Accounts of which something has changed in this step beside orders and positions.
    changed: BTreeSet<AccountId>,
    /// Contracts that a corporate action has just taken from their owners: what it gives for them is theirs.
    exchanged: Option<corporate::Exchanged>,
    /// Whose instruments have another symbol: they begin anew under it.
    renamed: BTreeSet<SmolStr>,
    /// This engine may run them.
    runs: bool,
    shown: Option<Arc<Vec<StrategyView>>>,
    /// What approved bots may do, by bot.
    terms: BTreeMap<SmolStr, BotTerms>,
}

impl Host {
    /// Units of an instrument that a strategy owns, signed.
    pub(super) fn owned(&self, name: &SmolStr, instrument: &Instrument) -> crate::domain::money::Quantity {
        self.instances.get(name).map(|instance| instance.ledger.quantity(instrument)).unwrap_or_default()
    }

    /// What each of its positions is closed by, where it has such a plan.
    pub(super) fn exits_of(&self, name: &SmolStr) -> Option<crate::domain::exit::ExitPlan> {
        self.instances.get(name)?.spec.exits.clone()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }

    /// Cash, rights or restrictions of an account have changed: whoever trades it is told, once in a step.
    pub(super) fn account_changed(&mut self, account: &AccountId) {
        if !self.instances.is_empty() {
            self.changed.insert(account.clone());
        }
    }

    /// Those of every account have.
    pub(super) fn accounts_changed(&mut self) {
        self.changed.extend(self.instances.values().map(|instance| instance.spec.account.clone()));
    }

    fn tell(&mut self, name: &SmolStr, event: Event) {
        let is_quote = matches!(event, Event::Quote(_));
        if !is_quote || self.events.len() < EVENTS_MAX {
            self.events.push_back((name.clone(), event));
        }
    }
}

/// Whose order it is, where a strategy asked for it, or for the order that it is an exit of.
pub(super) fn owner(order: &Order) -> Option<&SmolStr> {
    let origin = &order.request.origin;
    origin.name.as_ref().filter(|_| matches!(origin.kind, OriginKind::Strategy | OriginKind::Exit))
}

impl Engine {
    /// Working orders of a strategy, oldest first.
    fn working_of_strategy<'a>(&'a self, name: &'a SmolStr) -> impl Iterator<Item = &'a Order> {
        self.book.working().filter(move |order| owner(order) == Some(name))
    }

    /// Bars that strategies at work want.
    pub fn strategy_bars(&self) -> impl Iterator<Item = (&Instrument, Interval)> {
        let at_work =
            |instance: &&Instance| matches!(instance.phase, StrategyPhase::Running | StrategyPhase::Starting);
        self.host
            .instances
            .values()
            .filter(at_work)
            .flat_map(|i| i.spec.instruments.iter().map(|instrument| (instrument, i.spec.interval)))
    }

    /// Is an order that of a strategy which a person let loose on real money, or has closed out.
    pub(super) fn is_let_loose(&self, account: &AccountId, origin: &crate::domain::order::Origin) -> bool {
        let of =
            origin.name.as_ref().filter(|_| matches!(origin.kind, OriginKind::Strategy | OriginKind::Exit));
        of.and_then(|name| self.host.instances.get(name))
            .filter(|instance| instance.spec.account == *account)
            .is_some_and(|instance| instance.enabled || instance.flattening.is_some())
    }
}

#[cfg(test)]
impl Engine {
    /// An instance, for tests that put something into it.
    pub(in crate::core::engine) fn host_mut(&mut self, name: &str) -> &mut Instance {
        self.host.instances.get_mut(name).expect("there is such a strategy")
    }
}
