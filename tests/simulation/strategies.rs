//! Strategies among what happens at random: hosted by the engine, fed bars, started, paused and stopped by people, killed with it. Their chance
//! is a generator of their own, so that the seeds without them are what they were.

use std::collections::{BTreeMap, BTreeSet};

use arbion::core::effect::{Effect, IntentKind, JournalEntry, RequestId};
use arbion::core::input::Input;
use arbion::domain::ids::ClientOrderId;
use arbion::domain::instrument::Instrument;
use arbion::domain::money::{Price, Quantity};
use arbion::domain::order::{Order, OrderRequest, OrderStatus, OriginKind, Side};
use arbion::domain::quote::{Bar, Feed, Interval};
use arbion::domain::strategy::{StrategyChange, StrategyRules, StrategySpec};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::random::Random;
use crate::world::{World, instruments};

/// Name, kind, place of the instrument, parameters.
type Kind = (&'static str, &'static str, usize, &'static [(&'static str, &'static str)]);

const KINDS: [Kind; 4] = [
    ("cross-a", "sma_cross", 0, &[("fast", "2"), ("slow", "4"), ("quantity", "7")]),
    ("dca-a", "dca", 0, &[("amount", "300"), ("every", "day")]),
    ("grid-m", "grid", 1, &[("lower", "90"), ("upper", "110"), ("lines", "6"), ("quantity", "3")]),
    ("cross-m", "sma_cross", 1, &[("fast", "2"), ("slow", "3"), ("quantity", "5")]),
];
/// Bars of the past when the world begins.
const PAST: i64 = 8;

/// What a strategy asked for: of whom, which side, at which price, after how many bars.
type Asked = (String, Side, Option<Price>, usize);

/// A strategy's name, whether it is to run, and what it owns.
pub(crate) type Owned = (String, bool, Vec<(Instrument, Quantity)>);

/// The strategies of a seed; none in most.
pub(crate) struct Strategies {
    random: Random,
    /// Those there are.
    kinds: Vec<Kind>,
    /// Complete bars, each with its end; a day each, all of them long past.
    bars: BTreeMap<Instrument, Vec<(Timestamp, Bar)>>,
    /// Which strategy asked for an order, and after how many bars.
    owners: BTreeMap<ClientOrderId, (String, usize)>,
    /// What reached the disk.
    written: BTreeSet<Asked>,
    /// Some of what one owned was taken from it, as the account had less.
    reduced: BTreeSet<String>,
}

impl Strategies {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x7374_7261_7465_6779);
        let mut kinds = Vec::new();
        if random.once_in(4) {
            kinds = KINDS.to_vec();
            kinds.retain(|_| !random.once_in(3));
        }
        Self {
            random,
            kinds,
            bars: BTreeMap::new(),
            owners: BTreeMap::new(),
            written: BTreeSet::new(),
            reduced: BTreeSet::new(),
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        !self.kinds.is_empty()
    }

    fn told(&self, instrument: &Instrument) -> usize {
        self.bars.get(instrument).map_or(0, Vec::len)
    }

    /// One more day.
    fn next_bar(&mut self, instrument: &Instrument, now: Timestamp) -> Bar {
        let bars = self.bars.entry(instrument.clone()).or_default();
        let days = i64::try_from(bars.len()).unwrap() - 150;
        let start = now + SignedDuration::from_hours(24 * days);
        let close = Price::from(92 + i64::try_from(self.random.below(17)).unwrap());
        let bar = Bar { start, open: close, high: close, low: close, close, volume: Decimal::ONE_THOUSAND };
        bars.push((start + SignedDuration::from_hours(6), bar));
        bar
    }
}

impl World {
    /// The first start: the strategies are made, and run.
    pub(crate) fn make_strategies(&mut self) {
        let kinds = self.strategies.kinds.clone();
        if kinds.is_empty() {
            return self.run_strategies();
        }
        self.count("strategies");
        let began = self.began;
        for instrument in &instruments()[..2] {
            for _ in 0..PAST {
                self.strategies.next_bar(instrument, began);
            }
        }
        self.step(Input::RunStrategies);
        let account = self.brokers[0].account.clone();
        for (name, kind, place, params) in kinds {
            let spec = StrategySpec {
                name: name.into(),
                kind: kind.into(),
                account: account.clone(),
                instruments: vec![instruments()[place].clone()],
                interval: Interval::Day1,
                params: params.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
                adopt: Vec::new(),
                rules: StrategyRules::default(),
                exits: None,
            };
            self.change_strategy(StrategyChange::Add { spec: Box::new(spec) });
            self.change_strategy(StrategyChange::Start { name: name.into(), confirmation: None });
        }
    }

    /// A start after a kill: those that were to run run on.
    pub(crate) fn run_strategies(&mut self) {
        if self.strategies.is_on() || self.exits.is_on() || self.wheel.is_on() {
            self.step(Input::RunStrategies);
        }
    }

    pub(crate) fn change_strategy(&mut self, change: StrategyChange) {
        self.write(|| format!("strategy {} {}", change.verb(), change.name()));
        self.step(Input::Strategy { request: RequestId(7), change });
    }

    /// A bar comes, or a person does something with one of them.
    pub(crate) fn strategies_act(&mut self) {
        if !self.strategies.is_on() {
            return;
        }
        let began = self.began;
        if self.strategies.random.once_in(2) {
            let instrument = instruments()[usize::try_from(self.strategies.random.below(2)).unwrap()].clone();
            self.quote();
            let bar = self.strategies.next_bar(&instrument, began);
            self.write(|| format!("bar of {instrument} at {}", bar.close));
            self.step(Input::StrategyBar {
                instrument,
                interval: Interval::Day1,
                bar,
                feed: Feed::Simulated,
            });
        }
        if self.strategies.random.once_in(6) {
            let kinds = &self.strategies.kinds;
            let name =
                kinds[usize::try_from(self.strategies.random.next() % kinds.len() as u64).unwrap()].0.into();
            let change = match self.strategies.random.below(8) {
                0 => StrategyChange::Stop { name, flatten: self.strategies.random.once_in(2) },
                1 => StrategyChange::Pause { name },
                // Halts, pauses and guards end them: people start them again.
                2 => StrategyChange::Unlock { name },
                _ => StrategyChange::Start { name, confirmation: None },
            };
            self.change_strategy(change);
        }
    }

    /// The bars that a strategy asked for: all that have come.
    pub(crate) fn history(&mut self, effect: Effect) -> Vec<Effect> {
        let Effect::History { strategy, instrument, interval, .. } = effect else { return Vec::new() };
        let bars = self.strategies.bars.get(&instrument).cloned().unwrap_or_default();
        let feed = Feed::Simulated;
        self.engine.step(self.now, Input::History { strategy, instrument, interval, bars, feed })
    }

    fn of_ours(&self, order: &OrderRequest) -> Option<String> {
        let name = order.origin.name.as_ref().filter(|_| order.origin.kind == OriginKind::Strategy)?;
        let ours = self.strategies.kinds.iter().any(|(ours, ..)| ours == name);
        ours.then(|| name.to_string())
    }

    /// J9: whatever a strategy asks for is in one transaction with where it stands after that.
    pub(crate) fn read_strategies(&mut self, entry: &JournalEntry) {
        if !self.strategies.is_on() {
            return;
        }
        for intent in &entry.intents {
            let order = &intent.order;
            let Some(name) = self.of_ours(&order.request) else { continue };
            let told = order.request.subject.instrument().map_or(0, |it| self.strategies.told(it));
            self.strategies.owners.insert(order.request.client_order_id, (name.clone(), told));
            if intent.kind == IntentKind::New && order.status == OrderStatus::PendingSubmit {
                self.count("strategy proposed");
                let with = entry.strategies.iter().any(|stored| stored.name == name.as_str());
                assert!(with, "{name} asked for {} and what it remembers is not beside it", intent.id);
            }
        }
        for line in entry.log.iter().filter(|line| line.code == "CLAIM_REDUCED") {
            self.count("claim reduced");
            for (name, ..) in &self.strategies.kinds {
                if line.text.contains(name) {
                    self.strategies.reduced.insert((*name).to_owned());
                }
            }
        }
    }

    /// An entry is on the disk: no strategy has asked for the same after the same bars before.
    pub(crate) fn strategies_written(&mut self, entry: &JournalEntry) {
        if !self.strategies.is_on() {
            return;
        }
        for intent in entry.intents.iter().filter(|intent| intent.kind == IntentKind::New) {
            let request = &intent.order.request;
            let Some((name, told)) = self.strategies.owners.get(&request.client_order_id).cloned() else {
                continue;
            };
            let closed_out = entry
                .strategies
                .iter()
                .any(|stored| stored.name == name.as_str() && stored.state.contains("\"flattening\":true"));
            if intent.order.status != OrderStatus::PendingSubmit {
                continue;
            }
            // What is closed out is asked for again where the order never arrived.
            if closed_out {
                self.count("strategy closed out");
                continue;
            }
            let asked = (name, request.side, request.pricing.limit_price(), told);
            assert!(!self.strategies.written.contains(&asked), "{asked:?} was asked for twice");
            self.strategies.written.insert(asked);
        }
    }

    /// Ledgers: what strategies own is what their own orders brought, and never more than the account has; a grid buys once at a line.
    pub(crate) fn strategies_add_up(&mut self) {
        if !self.strategies.is_on() {
            return;
        }
        let snapshot = self.engine.snapshot();
        for broker in &self.brokers {
            for instrument in &instruments()[..2] {
                let claims = snapshot.strategies.iter().filter(|view| view.spec.account == broker.account);
                let claims =
                    claims.flat_map(|view| &view.claims).filter(|claim| claim.instrument == *instrument);
                let owned: Decimal = claims.map(|claim| claim.quantity.get()).sum();
                let held = self.engine.held(&broker.account, instrument).get();
                // A sale that stands after its purchase was taken back leaves a claim below zero.
                let fits = owned.is_zero()
                    || (owned.is_sign_negative() == held.is_sign_negative() && owned.abs() <= held.abs());
                assert!(fits, "strategies own {owned} {instrument} of {held}");
            }
        }
        // What the wheel is assigned is none of its orders'.
        for view in snapshot.strategies.iter().filter(|view| view.spec.kind != "wheel") {
            let name = view.spec.name.as_str();
            let own = |id: Option<ClientOrderId>| {
                id.and_then(|id| self.strategies.owners.get(&id)).is_some_and(|(of, _)| of == name)
            };
            for instrument in &view.spec.instruments {
                let claim = view.claims.iter().find(|claim| claim.instrument == *instrument);
                let claim = claim.map_or(Quantity::ZERO, |claim| claim.quantity);
                let brought = self.brought(instrument, &own);
                let fits = self.strategies.reduced.contains(name) || claim == brought;
                assert!(fits, "{name} owns {claim} {instrument}, its orders brought {brought}");
            }
        }
        // What it sells follows what it holds; what is being canceled, or changed by a person, may stand at that line too.
        let works = |order: &&Order| {
            let leaves = matches!(order.status, OrderStatus::PendingCancel | OrderStatus::PendingReplace);
            order.request.side.is_buy() && order.replaces.is_none() && !leaves
        };
        let ours = |order: &&Order| {
            let of = self.strategies.owners.get(&order.request.client_order_id);
            of.is_some_and(|(name, _)| name == "grid-m")
        };
        let grid = self.engine.book().working().filter(works).filter(ours);
        let mut lines = BTreeSet::new();
        for order in grid {
            let line = (order.request.side, order.request.pricing.limit_price());
            assert!(lines.insert(line), "the grid buys twice at {line:?}");
        }
    }

    /// Units that a strategy's orders have brought, by what is written or on its way to the disk.
    fn brought(&self, instrument: &Instrument, own: &impl Fn(Option<ClientOrderId>) -> bool) -> Quantity {
        let booked = self.booked().filter(|execution| execution.instrument == *instrument);
        let units = booked.filter(|execution| own(execution.client_order_id)).map(|it| it.signed_quantity());
        units.fold(Quantity::ZERO, |a, b| a + b)
    }

    /// What strategies own, for a comparison of two lives.
    pub(crate) fn owned(&mut self) -> Vec<Owned> {
        let snapshot = self.engine.snapshot();
        let of = |view: &arbion::domain::strategy::StrategyView| {
            let claims = view.claims.iter().map(|claim| (claim.instrument.clone(), claim.quantity));
            (view.spec.name.to_string(), view.enabled, claims.collect())
        };
        snapshot.strategies.iter().map(of).collect()
    }
}
