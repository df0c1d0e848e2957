//! Exit plans at work: set and taken off by people, followed price by price, set off, and carried out by orders through the one door. What is
//! stored is in the transaction of the order that it asks for, so that a restart goes on with what was set off and not filled.
//!
//! The stop of a plan rests at the broker where it takes such an order (`resting`); everything else, and every stop elsewhere, watches here:
//! while one does, the engine does not leave by itself.

mod arming;
mod by_hand;
mod canceling;
mod orders;
mod parts;
mod races;
mod resting;
mod tend;
mod way;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use smol_str::SmolStr;

use crate::core::effect::{Effect, Outcome, RequestId};
use crate::core::stops::{self, Trigger, Watch, trigger_price};
use crate::domain::account::AccountMode;
use crate::domain::calendar::exchange_date;
use crate::domain::corporate::{CorporateAction, CorporateActionKind, renamed};
use crate::domain::exit::{ExitChange, ExitGroup, ExitPlan, ExitReason, ExitState};
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec};
use crate::domain::money::{Price, Quantity};
use crate::domain::position::Position;
use crate::domain::quote::{Feed, Quote};
use crate::domain::snapshot::Severity;
use crate::domain::statement::ReconcileRun;

use super::Engine;

/// A price that is older sets nothing off, and no exit is sent on it.
const STALE: SignedDuration = SignedDuration::from_secs(5);
/// A range that nobody had is asked for again after this.
const MEASURED_AGAIN: SignedDuration = SignedDuration::from_secs(60);
/// A price beyond a level by more per cent than this may be that of shares that were split.
const FAR_PERCENT: i64 = 15;

/// Whose plan, of what, and which of several (`ExitGroup::part`).
type Key = (AccountId, Instrument, SmolStr);

/// A price that real money does not act on yet.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    since: Timestamp,
    held: Quantity,
}

/// Every exit plan.
#[derive(Debug, Default)]
pub(super) struct Exits {
    watches: BTreeMap<Key, Watch>,
    doubts: BTreeMap<Key, Doubt>,
    /// Those of which a position, an order or the plan itself has changed in this step.
    stirred: BTreeSet<Key>,
    /// This engine stays, and alone trades for the profile: one that only reads closes nothing.
    runs: bool,
    /// Something is to be written with this step.
    urgent: bool,
    /// A stop has followed: written with the next tick.
    later: bool,
    /// Exits that went in the second of now.
    pace: (Option<Timestamp>, usize),
    shown: Option<Arc<Vec<ExitGroup>>>,
    /// Stops that work at brokers.
    resting: BTreeSet<ClientOrderId>,
    /// Orders that wait until such a stop is out of their way.
    held_back: Vec<way::HeldBack>,
    /// Plans that positions get which a person opens, by class.
    defaults: BTreeMap<AssetClass, ExitPlan>,
    /// Units for which the stop of a plan was last asked for at its broker.
    asked_for: BTreeMap<Key, Quantity>,
    /// Orders that plans want gone, and when that was last asked for.
    canceled: BTreeMap<ClientOrderId, canceling::Asked>,
    /// Since when a price is beyond a stop that works at its broker.
    beyond: BTreeMap<Key, Timestamp>,
    /// Plans of which it was said that their range cannot be measured.
    unmeasured: BTreeSet<Key>,
    /// When ranges were last asked for.
    asked_at: Option<Timestamp>,
    /// So many units of the fill that is being booked have been counted as inferred ones.
    pub(super) explained: Quantity,
}

impl Exits {
    pub(super) fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// Plans for an instrument, of these accounts.
    fn of<'a>(&self, accounts: impl Iterator<Item = &'a AccountId>, instrument: &Instrument) -> Vec<Key> {
        accounts.flat_map(|account| self.parts(account, instrument).map(|(key, _)| key.clone())).collect()
    }

    /// The plans of one position, by part.
    fn parts<'a>(
        &'a self,
        account: &'a AccountId,
        instrument: &'a Instrument,
    ) -> impl Iterator<Item = (&'a Key, &'a Watch)> + 'a {
        let first = (account.clone(), instrument.clone(), SmolStr::default());
        self.watches.range(first..).take_while(move |(key, _)| key.0 == *account && key.1 == *instrument)
    }

    pub(super) const fn run(&mut self) {
        self.runs = true;
    }

    /// Stops of plans that work at their brokers: they claim no units of their own.
    pub(super) const fn resting_stops(&self) -> &BTreeSet<ClientOrderId> {
        &self.resting
    }

    /// The same of one order.
    pub(super) fn is_resting(&self, order: ClientOrderId) -> bool {
        self.resting.contains(&order)
    }

    /// What was to be written is not on the disk: it is written again.
    pub(super) const fn was_not_written(&mut self) {
        self.later = true;
    }

    /// Why a plan was set off, by the order that it asked for.
    pub(super) fn reason_of(&self, order: ClientOrderId) -> Option<ExitReason> {
        self.watches.values().find(|watch| watch.group.order == Some(order))?.group.reason
    }

    fn groups(&self) -> Vec<ExitGroup> {
        self.watches.values().map(|watch| watch.group.clone()).collect()
    }

    /// For the picture.
    pub(super) fn shown(&mut self) -> Arc<Vec<ExitGroup>> {
        if self.shown.is_none() {
            self.shown = Some(Arc::new(self.groups()));
        }
        self.shown.clone().unwrap_or_default()
    }

    /// A position or an order has moved: the plan for it is looked at before the step ends.
    pub(super) fn stir(&mut self, account: &AccountId, instrument: &Instrument) {
        if self.watches.is_empty() {
            return;
        }
        let keys: Vec<Key> = self.parts(account, instrument).map(|(key, _)| key.clone()).collect();
        self.stirred.extend(keys);
    }

    fn changed(&mut self) {
        (self.urgent, self.shown) = (true, None);
    }

    pub(super) fn restore(&mut self, groups: Vec<ExitGroup>) {
        for group in groups {
            let key = (group.account.clone(), group.instrument.clone(), group.part.clone());
            self.stirred.insert(key.clone());
            self.resting.extend(group.resting);
            self.watches.insert(key, Watch::new(group));
        }
        self.shown = None;
    }
}

/// Is a price further from a level than an ordinary day takes it.
fn is_far(price: Price, level: Price) -> bool {
    let away = (price.get() - level.get()).abs() * Decimal::ONE_HUNDRED;
    away > level.get().abs() * Decimal::from(FAR_PERCENT)
}

impl Engine {
    /// Every exit plan.
    #[must_use]
    pub fn exit_plans(&self) -> Vec<ExitGroup> {
        self.exits.groups()
    }

    /// Is an order the stop of an exit plan at its broker.
    #[must_use]
    pub fn is_plan_stop(&self, order: ClientOrderId) -> bool {
        self.exits.is_resting(order)
    }

    /// Instruments whose prices must keep coming because a plan watches them.
    pub fn exits_watched(&self) -> impl Iterator<Item = &Instrument> {
        self.exits.watches.keys().map(|(_, instrument, _)| instrument)
    }

    pub(super) fn on_exit(&mut self, request: RequestId, change: ExitChange) {
        let outcome = match change {
            ExitChange::Set { account, instrument, plan } => self.set_exit(&account, &instrument, *plan),
            ExitChange::Clear { account, instrument } => self.clear_exit(&account, &instrument),
        };
        match outcome {
            // On the disk before anybody relies on it.
            Ok(text) => self.after_journal.push(Effect::Answer { request, outcome: Outcome::Said(text) }),
            Err(reason) => self.answer(request, Outcome::Refused(reason)),
        }
    }

    fn set_exit(
        &mut self,
        account: &AccountId,
        instrument: &Instrument,
        plan: ExitPlan,
    ) -> Result<String, String> {
        let key = (account.clone(), instrument.clone(), SmolStr::default());
        if !self.exits.runs {
            return Err("exit plans watch in the profile's own engine; this one only reads".to_owned());
        }
        let known = self.exits.watches.get(&key);
        if let Some(watch) = known.filter(|watch| watch.group.state != ExitState::Armed) {
            return Err(format!(
                "the exit of {instrument} is {}; clear it first",
                watch.group.state.as_str()
            ));
        }
        let position = self.position(account, instrument).filter(|position| !position.quantity.is_zero());
        let position = position.ok_or_else(|| format!("{account} holds no {instrument}"))?;
        let free = self.uncovered(&key);
        if free.is_zero() {
            return Err(format!(
                "all {instrument} on {account} have plans of their own; see: arbion exits list"
            ));
        }
        let position = Position { quantity: free, ..position };
        let quote = self.market.quote(instrument).filter(|quote| self.may_set_off(account, quote));
        let price =
            quote.and_then(|quote| trigger_price(quote, plan.trigger, !position.quantity.is_negative()));
        let price =
            price.ok_or_else(|| format!("{instrument} has no price now that a plan could be measured by"))?;
        let group = self.attach_plan(plan, &position, price, stops::Reached::Refused)?;
        let words = |stop| self.market.price_words(instrument, stop);
        let stop = group.stop_price.map(|stop| format!("; the stop stands at {}", words(stop)));
        let stop = stop.unwrap_or_default();
        let text = format!("{} {instrument}: {}{stop}", position.quantity, group.plan.words());
        self.put_plan(key, group)?;
        self.note(Severity::Info, "EXIT_SET", text.clone());
        Ok(text)
    }

    fn clear_exit(&mut self, account: &AccountId, instrument: &Instrument) -> Result<String, String> {
        let keys = self.exits.of(std::iter::once(account), instrument);
        if keys.is_empty() {
            return Err(format!("{account} has no exit plan for {instrument}"));
        }
        for key in &keys {
            self.take_off(key);
        }
        let text = format!("{instrument} has no exit plan any more; nothing closes it by itself");
        self.note(Severity::Info, "EXIT_CLEARED", text.clone());
        Ok(text)
    }

    /// Away with a plan; orders that it has at work are canceled.
    fn take_off(&mut self, key: &Key) {
        let Some(watch) = self.exits.watches.remove(key) else { return };
        self.exits.beyond.remove(key);
        self.exits.doubts.remove(key);
        self.exits.changed();
        for id in watch.group.order.into_iter().chain(watch.group.resting) {
            self.exits.resting.remove(&id);
            // The one that works: a change of it may have come to nothing.
            let Some(order) = self.standing(id) else { continue };
            if let Ok(cancel) = self.request_cancel(order.request.client_order_id) {
                self.after_journal.push(cancel);
            }
        }
    }

    /// Is an order one that a plan for its position asked for: it only reduces.
    pub(super) fn is_exit_of_plan(&self, request: &crate::domain::order::OrderRequest) -> bool {
        let Some(instrument) = request.subject.instrument() else { return false };
        request.reduce_only
            && request.origin.kind == crate::domain::order::OriginKind::Exit
            && self
                .exits
                .parts(&request.account, instrument)
                .any(|(_, watch)| watch.group.owner == request.origin.name)
    }

    /// Is a price one that may set an exit off: fresh, not halted, and real where the money is.
    fn may_set_off(&self, account: &AccountId, quote: &Quote) -> bool {
        let live = self.accounts.get(account).is_some_and(|books| books.setup.mode == AccountMode::Live);
        let real = matches!(quote.feed, Feed::RealTime | Feed::Replayed);
        let fits = if live { real } else { quote.feed != Feed::Frozen };
        let fresh = !self.prices_age || self.now.duration_since(quote.as_of) <= STALE;
        fits && fresh && !quote.halted
    }

    /// New prices, for the plans that watch the instrument.
    pub(super) fn see_exits(&mut self, instrument: &Instrument) {
        if !self.exits.runs {
            return;
        }
        for key in self.exits.of(self.accounts.keys(), instrument) {
            let Some(quote) = self.market.quote(instrument).filter(|quote| self.may_set_off(&key.0, quote))
            else {
                continue;
            };
            let opened = self.calendar.session(exchange_date(self.now)).map(|session| session.open);
            let spec = self.market.spec(instrument).cloned();
            let spec = spec.unwrap_or_else(|| InstrumentSpec::standard(instrument.clone()));
            let tick_at = |price: Price| spec.tick_at(price);
            let Some(watch) = self.exits.watches.get_mut(&key) else { continue };
            let Some(seen) = watch.read(quote, opened) else { continue };
            let best = watch.group.best_price.unwrap_or(watch.group.entry_price);
            if watch.follow(seen, &tick_at) {
                (self.exits.later, self.exits.shown) = (true, None);
                self.dirty.any = true;
            }
            let Some(trigger) = watch.judge(seen, &tick_at) else {
                self.exits.doubts.remove(&key);
                self.exits.beyond.remove(&key);
                continue;
            };
            if trigger.reason != ExitReason::TakeProfit && self.broker_may_act(&key) {
                continue;
            }
            let Some(watch) = self.exits.watches.get(&key) else { continue };
            let level = match trigger.reason {
                ExitReason::TakeProfit => best,
                _ => watch.group.stop_price.unwrap_or(best),
            };
            if self.stands(&key, level, seen.price) {
                self.set_off(&key, trigger, Some(seen.price));
            }
        }
    }

    /// May real money act on a price this far from the level that it reaches. A split would explain it, and no broker says what a company did;
    /// but after one its position is another. So that is asked for first, which takes some seconds.
    fn stands(&mut self, key: &Key, level: Price, price: Price) -> bool {
        let (account, instrument, _) = key;
        let held = self.held(account, instrument);
        let Some(doubt) = self.exits.doubts.get(key).copied() else {
            let real = self.accounts.get(account).is_some_and(|books| books.setup.mode == AccountMode::Live);
            let shares = matches!(instrument.asset_class(), AssetClass::Equity | AssetClass::Option);
            if !real || !shares || !is_far(price, level) {
                return true;
            }
            self.exits.doubts.insert(key.clone(), Doubt { since: self.now, held });
            self.want_statement(account);
            let words = |price| self.market.price_words(instrument, price);
            let (price, level) = (words(price), words(level));
            let text = format!(
                "{account} {instrument} at {price}, far beyond {level}: the broker's position is asked for before its exit goes"
            );
            self.note(Severity::Warning, "EXIT_DOUBTED", text.clone());
            self.after_journal.push(Effect::Ring { text });
            return false;
        };
        if held != doubt.held {
            self.take_off(key);
            let price = self.market.price_words(instrument, price);
            let text = format!(
                "{account} {instrument}: {held} are held where {} were, at {price}; its exit plan is taken off, set another",
                doubt.held
            );
            self.note(Severity::Error, "EXIT_CLEARED", text.clone());
            self.after_journal.push(Effect::Ring { text });
            return false;
        }
        let agrees = self.accounts.get(account).is_some_and(|books| {
            let compared = |run: &ReconcileRun| run.started >= doubt.since && run.positions.is_some();
            books.reconciled
                && !books.pace.differs.contains_key(instrument)
                && books.pace.last.as_deref().is_some_and(compared)
        });
        if agrees {
            self.exits.doubts.remove(key);
        }
        agrees
    }

    /// Time has passed: what is over is closed, what was tried is tried again, and where stops have followed to is written.
    pub(super) fn tick_exits(&mut self) {
        if self.exits.is_empty() || !self.exits.runs {
            return;
        }
        let now = self.now;
        let over: Vec<Key> =
            self.exits.watches.iter().filter(|(_, w)| w.is_over(now)).map(|(key, _)| key.clone()).collect();
        for key in over {
            self.set_off(&key, Trigger { reason: ExitReason::Time, units: None }, None);
        }
        let at_work = |watch: &Watch| {
            watch.group.state != ExitState::Armed
                || resting::is_due(&watch.group, now)
                || self.is_to_go(watch)
        };
        let busy: Vec<Key> =
            self.exits.watches.iter().filter(|(_, w)| at_work(w)).map(|(key, _)| key.clone()).collect();
        self.exits.stirred.extend(busy);
        if std::mem::take(&mut self.exits.later) {
            self.exits.urgent = true;
        }
        if self.exits.asked_at.is_none_or(|at| now.duration_since(at) >= MEASURED_AGAIN) {
            self.exits.asked_at = Some(now);
            self.ask_for_ranges();
        }
    }

    fn set_off(&mut self, key: &Key, trigger: Trigger, price: Option<Price>) {
        let (account, instrument, _) = key;
        let held = self.covered(key);
        let increment = self.exit_increment(instrument, held);
        self.exits.beyond.remove(key);
        let Some(watch) = self.exits.watches.get_mut(key) else { return };
        let group = &mut watch.group;
        group.state = ExitState::Triggered;
        (group.reason, group.attempts, group.tried_at) = (Some(trigger.reason), 0, None);
        // Rounded here and not for each order: what is left of a fraction is not closed later.
        group.to_close = trigger.units.map(|units| stops::tradable(units, held, increment).get());
        let words = |price| self.market.price_words(instrument, price);
        let at = price.map(|price| format!(" at {}", words(price))).unwrap_or_default();
        let text = format!("{account} {held} {instrument}: {}{at}", trigger.reason.as_str());
        self.exits.changed();
        self.exits.stirred.insert(key.clone());
        self.note(Severity::Warning, "EXIT_TRIGGERED", text.clone());
        self.after_journal.push(Effect::Ring { text: format!("exit {text}") });
    }

    /// What a company did to shares that a plan watches.
    pub(super) fn corporate_exits(&mut self, account: &AccountId, action: &CorporateAction) {
        let about = |key: &&Key| key.0 == *account && key.1.price_driver() == action.instrument;
        let keys: Vec<Key> = self.exits.watches.keys().filter(about).cloned().collect();
        for key in keys {
            let share = key.1 == action.instrument;
            let spec = self.market.spec(&key.1).cloned();
            let spec = spec.unwrap_or_else(|| InstrumentSpec::standard(key.1.clone()));
            let tick_at = |price: Price| spec.tick_at(price);
            match &action.kind {
                CorporateActionKind::Split { numerator, denominator } if share => {
                    let ratio = Decimal::from(*numerator).checked_div(Decimal::from(*denominator));
                    if let (Some(watch), Some(ratio)) = (self.exits.watches.get_mut(&key), ratio) {
                        watch.split(ratio, &tick_at);
                    }
                    // What rests there is of before; another one follows at the prices of after.
                    self.withdraw_resting(&key);
                }
                CorporateActionKind::SymbolChange { to } => {
                    let Some(new) = renamed(&key.1, &action.instrument, to) else { continue };
                    if let Some(mut watch) = self.exits.watches.remove(&key) {
                        watch.group.instrument = new.clone();
                        self.exits.watches.insert((key.0.clone(), new, key.2.clone()), watch);
                    }
                }
                CorporateActionKind::Dividend { .. } => continue,
                // Its price is another thing's from now on, or will be.
                _ => {
                    self.take_off(&key);
                    let text = format!("{}: {action}; its exit plan is taken off, set another", key.1);
                    self.note(Severity::Error, "EXIT_CLEARED", text.clone());
                    self.after_journal.push(Effect::Ring { text });
                }
            }
            self.exits.changed();
        }
    }

    /// Before a step ends: plans whose position or order moved are looked at, and what changed is written with the step.
    pub(super) fn serve_exits(&mut self) {
        if !self.exits.held_back.is_empty() {
            self.let_go();
        }
        if !self.exits.runs || (self.exits.stirred.is_empty() && !self.exits.urgent) {
            return;
        }
        for key in std::mem::take(&mut self.exits.stirred) {
            self.tend_exit(&key);
        }
        if std::mem::take(&mut self.exits.urgent) && self.keeps_all() {
            self.entry.exits = Some(self.exits.groups());
            self.dirty.any = true;
        }
    }
}
