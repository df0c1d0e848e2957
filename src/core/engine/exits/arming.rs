//! Plans that begin with a fill: those that came with an order, those of a strategy, and those that every position opened by hand gets. Armed
//! at the first fill, at its price, in the transaction that books it.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use smol_str::{SmolStr, format_smolstr};

use crate::core::effect::Effect;
use crate::core::engine::Engine;
use crate::core::engine::inferred::is_undo;
use crate::core::stops::{self, Reached, Watch, trigger_price};
use crate::domain::calendar::{exchange_date, plus_days};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::exit::{EXITS_MAX, ExitGroup, ExitPlan, ScaleIn};
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec};
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{OrderRequest, OrderStatus, OriginKind};
use crate::domain::position::Position;
use crate::domain::snapshot::Severity;

use super::Key;

/// Without a time of its own, a plan of sessions closes so many minutes before the end of the last one.
const BEFORE_CLOSE: u32 = 10;
/// Days of a calendar that are looked at for a session.
const DAYS_AHEAD_MAX: i64 = 400;

/// Whose plan a fill begins.
enum Begins {
    /// A strategy's own.
    Strategy(SmolStr, Box<ExitPlan>),
    /// What the order came with.
    Order(Box<ExitPlan>),
    /// What every position of its class gets.
    Default(Box<ExitPlan>),
}

impl Engine {
    /// Plans that positions get which a person opens, by class of instrument. Those that are open already keep what they have.
    pub(in crate::core::engine) fn default_exits(
        &mut self,
        defaults: std::collections::BTreeMap<AssetClass, ExitPlan>,
    ) {
        self.exits.defaults = defaults;
    }

    /// A plan for units of a position at the price of now.
    pub(super) fn attach_plan(
        &self,
        plan: ExitPlan,
        position: &Position,
        price: Price,
        reached: Reached,
    ) -> Result<ExitGroup, String> {
        let instrument = &position.instrument;
        let spec = self.market.spec(instrument).cloned();
        let spec = spec.unwrap_or_else(|| InstrumentSpec::standard(instrument.clone()));
        let fees = self.fees_per_unit(instrument, position.quantity.abs(), position.average_price);
        let tick_at = |price: Price| spec.tick_at(price);
        let mut group = stops::attach(plan, position, price, fees, self.now, reached, &tick_at)?;
        group.until = self.ends_at(&group.plan, instrument)?;
        Ok(group)
    }

    /// It watches from here on.
    pub(super) fn put_plan(&mut self, key: Key, mut group: ExitGroup) -> Result<(), String> {
        if !self.exits.watches.contains_key(&key) && self.exits.watches.len() >= EXITS_MAX {
            return Err(format!("a profile has {EXITS_MAX} exit plans at most"));
        }
        group.part = key.2.clone();
        self.exits.stirred.insert(key.clone());
        self.exits.beyond.remove(&key);
        self.exits.doubts.remove(&key);
        self.take_over(&key, &mut group);
        if group.plan.has_range() {
            self.effects.push(Effect::Measure { instrument: key.1.clone() });
        }
        self.exits.watches.insert(key, Watch::new(group));
        self.exits.changed();
        Ok(())
    }

    /// A plan comes in the place of another one. What that has at the broker is the new one's to change or to take off, before another order is
    /// sent; what it had at work to close the position is canceled.
    fn take_over(&mut self, key: &Key, group: &mut ExitGroup) {
        let Some(old) = self.exits.watches.get(key).map(|watch| watch.group.clone()) else { return };
        let leaves = |id| self.standing(id).is_some_and(|it| it.status == OrderStatus::PendingCancel);
        (group.resting, group.rests) = (old.resting, old.rests);
        group.leaving = old.leaving || old.resting.is_some_and(leaves);
        if let Some(order) = old.order.and_then(|id| self.standing(id)) {
            self.pass_on_cancel(order.request.client_order_id);
        }
    }

    /// Ranges that plans wait for are asked for again: after a start, and while nobody had the bars.
    pub(super) fn ask_for_ranges(&mut self) {
        let waits = self.exits.watches.iter().filter(|(_, watch)| watch.group.plan.has_range());
        let instruments: std::collections::BTreeSet<Instrument> =
            waits.map(|(key, _)| key.1.clone()).collect();
        self.effects.extend(instruments.into_iter().map(|instrument| Effect::Measure { instrument }));
    }

    /// A range was measured: what waits for it is frozen at it. Until then a plan's other levels hold.
    pub(in crate::core::engine) fn on_range(&mut self, instrument: &Instrument, range: Option<Decimal>) {
        let waits = |watch: &Watch| watch.group.plan.has_range();
        let keys: Vec<Key> = self
            .exits
            .watches
            .iter()
            .filter(|(key, watch)| key.1 == *instrument && waits(watch))
            .map(|(key, _)| key.clone())
            .collect();
        let spec = self.market.spec(instrument).cloned();
        let spec = spec.unwrap_or_else(|| InstrumentSpec::standard(instrument.clone()));
        let tick_at = |price: Price| spec.tick_at(price);
        for key in keys {
            let Some(watch) = self.exits.watches.get_mut(&key) else { continue };
            let measured = range.map_or_else(
                || Err("nobody has the bars to measure its range by".to_owned()),
                |range| stops::measured(&mut watch.group, range, &tick_at),
            );
            let words = watch.group.plan.words();
            let text = match measured {
                Ok(()) => {
                    let stop = watch.group.stop_price.map(|stop| format!("; the stop stands at {stop}"));
                    self.exits.changed();
                    self.exits.stirred.insert(key.clone());
                    let text = format!("{} {}: {words}{}", key.0, key.1, stop.unwrap_or_default());
                    self.note(Severity::Info, "EXIT_MEASURED", text);
                    continue;
                }
                Err(why) => format!("{} {}: {words}: {why}; set another plan", key.0, key.1),
            };
            if self.exits.unmeasured.insert(key) {
                self.note(Severity::Error, "EXIT_NOT_MEASURED", text.clone());
                self.after_journal.push(Effect::Ring { text });
            }
        }
    }

    /// An execution has been booked; before it so many units were held.
    pub(in crate::core::engine) fn plans_of_fill(&mut self, execution: &Execution, held: Quantity) {
        // What is inferred of a fill counts as one; the real one then for what is more, and what takes the inferred one out for nothing.
        let fills = execution.kind == ExecutionKind::Trade
            || (execution.kind == ExecutionKind::Inferred && !is_undo(execution));
        let units = execution.quantity - self.exits.explained;
        if !self.exits.runs || !fills || !units.is_positive() {
            return;
        }
        let execution = &Execution { quantity: units, ..execution.clone() };
        let moved = execution.signed_quantity();
        let against = !held.is_zero() && held.is_negative() != moved.is_negative();
        let closed = if against { execution.quantity.min(held.abs()) } else { Quantity::ZERO };
        if closed.is_positive() && !self.exits.watches.is_empty() {
            self.shrink_parts(execution, closed);
        }
        let opened = execution.quantity - closed;
        if opened.is_positive() && !self.opened_by_exit(execution, opened) {
            self.plan_opened(execution, held, opened);
        }
    }

    fn plan_opened(&mut self, execution: &Execution, held: Quantity, opened: Quantity) {
        let order = execution.client_order_id.and_then(|id| self.book.get(id));
        let request = order.map(|order| order.request.clone());
        let by = request.as_ref().map(|request| request.client_order_id);
        let whole = (execution.account.clone(), execution.instrument.clone(), SmolStr::default());
        // A further fill of an order that has begun a plan.
        let begun = by.and_then(|id| {
            let mut parts = self.exits.parts(&execution.account, &execution.instrument);
            let long = execution.side.is_buy();
            let mine = |group: &ExitGroup| group.opened_by == Some(id) && group.long == long;
            parts.find(|(_, watch)| mine(&watch.group)).map(|(key, _)| key.clone())
        });
        if let Some(key) = begun {
            return self.extend_plan(&key, opened);
        }
        let begins = request.as_ref().and_then(|request| self.begins(request));
        let grows = !held.is_zero() && held.is_negative() == execution.signed_quantity().is_negative();
        let known = self.exits.watches.get(&whole).map(|watch| watch.group.plan.clone());
        match begins {
            Some(Begins::Strategy(name, plan)) => self.plan_of_strategy(name, *plan, execution, opened),
            Some(Begins::Order(plan)) if grows => self.begin_apart(*plan, execution, opened),
            Some(Begins::Order(plan)) => self.begin_plan(whole, *plan, execution, opened, |_| {}),
            Some(Begins::Default(plan)) if !grows => self.begin_plan(whole, *plan, execution, opened, |_| {}),
            _ => match known {
                Some(plan) if grows && plan.scale_in == ScaleIn::Separate => {
                    self.begin_apart(plan, execution, opened);
                }
                Some(_) if grows => self.extend_plan(&whole, opened),
                _ => {}
            },
        }
    }

    /// A strategy has opened units: the first begin its plan for the instrument, what it adds belongs to that one or gets its own. A plan of the
    /// other direction is over.
    fn plan_of_strategy(&mut self, name: SmolStr, plan: ExitPlan, execution: &Execution, opened: Quantity) {
        let base = format_smolstr!("@{name}");
        let key = (execution.account.clone(), execution.instrument.clone(), base.clone());
        let known = self.exits.watches.get(&key).map(|watch| watch.group.long);
        if known != Some(execution.side.is_buy()) {
            return self.begin_plan(key, plan, execution, opened, |group| group.owner = Some(name));
        }
        if plan.scale_in == ScaleIn::Extend {
            return self.extend_plan(&key, opened);
        }
        let key = (key.0, key.1, self.next_part(execution, &base));
        self.begin_plan(key, plan, execution, opened, |group| {
            (group.owner, group.units) = (Some(name), Some(opened));
        });
    }

    fn begins(&self, request: &OrderRequest) -> Option<Begins> {
        if let Some(plan) = &request.exit_plan {
            return Some(Begins::Order(plan.clone()));
        }
        if request.origin.kind == OriginKind::Strategy {
            let name = request.origin.name.as_ref()?;
            let plan = self.host.exits_of(name)?;
            return Some(Begins::Strategy(name.clone(), Box::new(plan)));
        }
        // A bracket has its exits.
        let plain = request.take_profit.is_none() && request.stop_loss.is_none();
        let plan = self.exits.defaults.get(&request.subject.asset_class())?;
        (request.origin.kind.is_human() && plain && request.subject.instrument().is_some())
            .then(|| Begins::Default(Box::new(plan.clone())))
    }

    /// What was added gets a plan of its own.
    fn begin_apart(&mut self, plan: ExitPlan, execution: &Execution, opened: Quantity) {
        let part = self.next_part(execution, "");
        let key = (execution.account.clone(), execution.instrument.clone(), part);
        self.begin_plan(key, plan, execution, opened, |group| group.units = Some(opened));
    }

    /// A plan for what a fill has opened. Where it cannot be, that is said at once: nothing protects these units.
    fn begin_plan(
        &mut self,
        key: Key,
        plan: ExitPlan,
        execution: &Execution,
        opened: Quantity,
        mark: impl FnOnce(&mut ExitGroup),
    ) {
        let words = plan.words();
        let Some(position) = self.position(&key.0, &key.1) else { return };
        let sign = execution.side.sign();
        let position = Position {
            quantity: Quantity::new(opened.get() * sign),
            average_price: execution.price,
            ..position
        };
        let long = !position.quantity.is_negative();
        let quote = self.market.quote(&key.1).and_then(|quote| trigger_price(quote, plan.trigger, long));
        let price = quote.unwrap_or(execution.price);
        let begun = self.attach_plan(plan, &position, price, Reached::SetsOff).and_then(|mut group| {
            mark(&mut group);
            group.opened_by = execution.client_order_id;
            let stop =
                group.stop_price.map(|stop| format!("; the stop stands at {stop}")).unwrap_or_default();
            self.put_plan(key.clone(), group).map(|()| stop)
        });
        match begun {
            Ok(stop) => {
                let text = format!("{} {} at {}: {words}{stop}", position.quantity, key.1, execution.price);
                self.note(Severity::Info, "EXIT_ARMED", text);
            }
            Err(why) => {
                let text =
                    format!("{} {} {} has no exit plan ({words}): {why}", key.0, position.quantity, key.1);
                self.note(Severity::Error, "EXIT_NOT_ARMED", text.clone());
                self.after_journal.push(Effect::Ring { text });
            }
        }
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
}
