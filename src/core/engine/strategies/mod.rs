//! The strategy host: instances and their life, from a person's words to the phase they are in. What they are told is in `feed`, what they
//! want in `outputs`, what is theirs in `claims`, what is shown in `shown`.

mod books;
mod bots;
mod claims;
mod feed;
mod life;
mod needs;
mod outputs;
mod shown;

use std::collections::{BTreeMap, VecDeque};
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
    /// This engine may run them.
    runs: bool,
    shown: Option<Arc<Vec<StrategyView>>>,
    /// What approved bots may do, by bot.
    terms: BTreeMap<SmolStr, BotTerms>,
}

impl Host {
    pub(super) fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }

    fn tell(&mut self, name: &SmolStr, event: Event) {
        let is_quote = matches!(event, Event::Quote(_));
        if !is_quote || self.events.len() < EVENTS_MAX {
            self.events.push_back((name.clone(), event));
        }
    }
}

/// Whose order it is, where a strategy asked for it, or for the order that it is an exit of.
fn owner(order: &Order) -> Option<&SmolStr> {
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

    /// Is an order that of a strategy which a person let loose on real money.
    pub(super) fn is_let_loose(&self, account: &AccountId, origin: &crate::domain::order::Origin) -> bool {
        let of =
            origin.name.as_ref().filter(|_| matches!(origin.kind, OriginKind::Strategy | OriginKind::Exit));
        of.and_then(|name| self.host.instances.get(name))
            .is_some_and(|instance| instance.enabled && instance.spec.account == *account)
    }
}
