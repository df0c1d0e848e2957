//! Exit plans at work: set and taken off by people, followed price by price, set off, and carried out by orders through the one door. What is
//! stored is in the transaction of the order that it asks for, so that a restart goes on with what was set off and not filled.
//!
//! Plans rest here and not at the broker: while one watches, the engine does not leave by itself.

mod orders;
mod tend;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::core::effect::{Effect, Outcome, RequestId};
use crate::core::stops::{self, Trigger, Watch, trigger_price};
use crate::domain::account::AccountMode;
use crate::domain::calendar::{exchange_date, plus_days};
use crate::domain::corporate::{CorporateAction, CorporateActionKind, renamed};
use crate::domain::exit::{EXITS_MAX, ExitChange, ExitGroup, ExitPlan, ExitReason, ExitState};
use crate::domain::ids::AccountId;
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec};
use crate::domain::money::{Price, Quantity};
use crate::domain::quote::{Feed, Quote};
use crate::domain::snapshot::Severity;
use crate::domain::statement::ReconcileRun;

use super::Engine;

/// A price that is older sets nothing off, and no exit is sent on it.
const STALE: SignedDuration = SignedDuration::from_secs(5);
/// Without a time of its own, a plan of sessions closes so many minutes before the end of the last one.
const BEFORE_CLOSE: u32 = 10;
/// A price beyond a level by more per cent than this may be that of shares that were split.
const FAR_PERCENT: i64 = 15;
/// Days of a calendar that are looked at for a session.
const DAYS_AHEAD_MAX: i64 = 400;

/// Whose plan, and of what.
type Key = (AccountId, Instrument);

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
}

impl Exits {
    pub(super) fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// Plans for an instrument, of these accounts.
    fn of<'a>(&self, accounts: impl Iterator<Item = &'a AccountId>, instrument: &Instrument) -> Vec<Key> {
        let key = |account: &AccountId| (account.clone(), instrument.clone());
        accounts.map(key).filter(|key| self.watches.contains_key(key)).collect()
    }

    pub(super) const fn run(&mut self) {
        self.runs = true;
    }

    /// What was to be written is not on the disk: it is written again.
    pub(super) const fn was_not_written(&mut self) {
        self.later = true;
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
        let key = (account.clone(), instrument.clone());
        if self.watches.contains_key(&key) {
            self.stirred.insert(key);
        }
    }

    fn changed(&mut self) {
        (self.urgent, self.shown) = (true, None);
    }

    pub(super) fn restore(&mut self, groups: Vec<ExitGroup>) {
        for group in groups {
            let key = (group.account.clone(), group.instrument.clone());
            self.stirred.insert(key.clone());
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
    /// Instruments whose prices must keep coming because a plan watches them.
    pub fn exits_watched(&self) -> impl Iterator<Item = &Instrument> {
        self.exits.watches.keys().map(|(_, instrument)| instrument)
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
        let key = (account.clone(), instrument.clone());
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
        if known.is_none() && self.exits.watches.len() >= EXITS_MAX {
            return Err(format!("a profile has {EXITS_MAX} exit plans at most"));
        }
        let position = self.position(account, instrument).filter(|position| !position.quantity.is_zero());
        let position = position.ok_or_else(|| format!("{account} holds no {instrument}"))?;
        let quote = self.market.quote(instrument).filter(|quote| self.may_set_off(account, quote));
        let price =
            quote.and_then(|quote| trigger_price(quote, plan.trigger, !position.quantity.is_negative()));
        let price =
            price.ok_or_else(|| format!("{instrument} has no price now that a plan could be measured by"))?;
        let spec = self.market.spec(instrument).cloned();
        let spec = spec.unwrap_or_else(|| InstrumentSpec::standard(instrument.clone()));
        let fees = self.fees_per_unit(instrument, position.quantity.abs(), position.average_price);
        let tick_at = |price: Price| spec.tick_at(price);
        let mut group = stops::attach(plan, &position, price, fees, self.now, &tick_at)?;
        group.until = self.ends_at(&group.plan, instrument)?;
        let words = |stop| self.market.price_words(instrument, stop);
        let stop = group.stop_price.map(|stop| format!("; the stop stands at {}", words(stop)));
        let stop = stop.unwrap_or_default();
        let text = format!("{} {instrument}: {}{stop}", position.quantity, group.plan.words());
        self.exits.watches.insert(key, Watch::new(group));
        self.exits.changed();
        self.note(Severity::Info, "EXIT_SET", text.clone());
        Ok(text)
    }

    fn clear_exit(&mut self, account: &AccountId, instrument: &Instrument) -> Result<String, String> {
        let key = (account.clone(), instrument.clone());
        let Some(watch) = self.exits.watches.remove(&key) else {
            return Err(format!("{account} has no exit plan for {instrument}"));
        };
        self.exits.changed();
        if let Some(order) = watch.group.order
            && let Ok(cancel) = self.request_cancel(order)
        {
            self.after_journal.push(cancel);
        }
        let text = format!("{instrument} has no exit plan any more; nothing closes it by itself");
        self.note(Severity::Info, "EXIT_CLEARED", text.clone());
        Ok(text)
    }

    /// Is an order one that a plan for its position asked for: it only reduces.
    pub(super) fn is_exit_of_plan(&self, request: &crate::domain::order::OrderRequest) -> bool {
        let Some(instrument) = request.subject.instrument() else { return false };
        let key = (request.account.clone(), instrument.clone());
        request.reduce_only
            && request.origin.kind == crate::domain::order::OriginKind::Exit
            && request.origin.name.is_none()
            && self.exits.watches.contains_key(&key)
    }

    /// Fees of both ends, per unit before the multiplier.
    fn fees_per_unit(&self, instrument: &Instrument, units: Quantity, price: Price) -> Price {
        let multiplier = self.market.spec(instrument).map_or(Decimal::ONE, |spec| spec.multiplier);
        let fee = self.config.fees.fee(instrument.asset_class(), units, price, true);
        let each = (fee * Decimal::TWO).checked_div(units.get() * multiplier);
        Price::new(each.unwrap_or_default().max(Decimal::ZERO).round_dp(8))
    }

    /// When the time of a plan is up.
    fn ends_at(&self, plan: &ExitPlan, instrument: &Instrument) -> Result<Option<Timestamp>, String> {
        if plan.sessions.is_none() && plan.before_close.is_none() {
            return Ok(None);
        }
        if instrument.asset_class().trades_around_the_clock() {
            return Err(format!("{instrument} trades around the clock and has no sessions to count"));
        }
        let before = SignedDuration::from_mins(i64::from(plan.before_close.unwrap_or(BEFORE_CLOSE)));
        let today = exchange_date(self.now);
        let mut left = plan.sessions.unwrap_or(1);
        for ahead in 0..DAYS_AHEAD_MAX {
            let Some(session) = self.calendar.session(plus_days(today, ahead)) else { continue };
            let end = session.close - before;
            if end <= self.now {
                continue;
            }
            left = left.saturating_sub(1);
            if left == 0 {
                return Ok(Some(end));
            }
        }
        Err("the calendar does not reach that far".to_owned())
    }

    /// Is a price one that may set an exit off: fresh, not halted, and real where the money is.
    fn may_set_off(&self, account: &AccountId, quote: &Quote) -> bool {
        let live = self.accounts.get(account).is_some_and(|books| books.setup.mode == AccountMode::Live);
        let real = matches!(quote.feed, Feed::RealTime | Feed::Replayed);
        let fits = if live { real } else { quote.feed != Feed::Frozen };
        let fresh = self.config.bar_mode || self.now.duration_since(quote.as_of) <= STALE;
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
                continue;
            };
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
        let (account, instrument) = key;
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
            self.exits.watches.remove(key);
            self.exits.doubts.remove(key);
            self.exits.changed();
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
        let at_work = |watch: &Watch| watch.group.state != ExitState::Armed;
        let busy: Vec<Key> =
            self.exits.watches.iter().filter(|(_, w)| at_work(w)).map(|(key, _)| key.clone()).collect();
        self.exits.stirred.extend(busy);
        if std::mem::take(&mut self.exits.later) {
            self.exits.urgent = true;
        }
    }

    fn set_off(&mut self, key: &Key, trigger: Trigger, price: Option<Price>) {
        let (account, instrument) = key;
        let held = self.held(account, instrument);
        let increment = self.exit_increment(instrument, held);
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
                }
                CorporateActionKind::SymbolChange { to } => {
                    let Some(new) = renamed(&key.1, &action.instrument, to) else { continue };
                    if let Some(mut watch) = self.exits.watches.remove(&key) {
                        watch.group.instrument = new.clone();
                        self.exits.watches.insert((key.0.clone(), new), watch);
                    }
                }
                CorporateActionKind::Dividend { .. } => continue,
                // Its price is another thing's from now on, or will be.
                _ => {
                    self.exits.watches.remove(&key);
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
