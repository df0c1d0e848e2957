//! The stop of a plan as an order that rests at the broker, where it survives this program: sent once, changed as the position and the level
//! move, withdrawn when the position is closed, and watched over. While nobody knows what became of it, it counts as there: no other order
//! of the plan goes, and none is sent in its place.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::core::engine::Engine;
use crate::core::engine::place::ReplaceError;
use crate::domain::calendar::MarketPhase;
use crate::domain::exit::{ExitGroup, ExitLevel, ExitReason, ExitState, Placement, RestsAs, TriggerPrice};
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{
    Order, OrderChange, OrderStatus, OrderType, Pricing, TimeInForce, TradingSession, Trail,
};
use crate::domain::snapshot::Severity;

use super::Key;

/// A stop is moved at the broker no more often than this, and one that was not taken is tried again after it.
const MOVED_AFTER: SignedDuration = SignedDuration::from_secs(10);
/// And only by so much of it, in thousandths.
const MOVED_BY: i64 = 1;
/// A broker has so long to act on its stop before the engine does.
const BROKER_ACTS_WITHIN: SignedDuration = SignedDuration::from_secs(5);

/// Is something to be done for a plan that watches, if only because time has passed.
pub(super) fn is_due(group: &ExitGroup, now: Timestamp) -> bool {
    let may_rest = group.plan.placement == Placement::Auto && !group.engine_only;
    let waited = group.resting_at.is_none_or(|at| now.duration_since(at) >= MOVED_AFTER);
    may_rest && waited
}

/// Is a level far enough from where the broker has it.
fn is_worth_moving(stands: Price, level: Price) -> bool {
    let away = (level.get() - stands.get()).abs();
    away * Decimal::ONE_THOUSAND >= stands.get().abs() * Decimal::from(MOVED_BY)
}

impl Engine {
    /// A plan that watches: its stop is where it should be, for what it covers.
    pub(super) fn tend_resting(&mut self, key: &Key, held: Quantity) {
        let Some(group) = self.exits.watches.get(key).map(|watch| watch.group.clone()) else { return };
        let gone = held.is_zero() || held.is_negative() == group.long;
        match group.resting.and_then(|id| self.standing(id)) {
            Some(order) if order.is_working() => {
                self.note_resting(key, &order);
                let works = matches!(order.status, OrderStatus::Submitted | OrderStatus::PartiallyFilled);
                // A cancel that was refused: it stays, and is what it was.
                let group = ExitGroup { leaving: group.leaving && !works, ..group };
                if let Some(watch) = self.exits.watches.get_mut(key) {
                    watch.group.leaving = group.leaving;
                }
                // One of a position that has turned since would enlarge this one.
                if order.request.side.is_buy() == group.long {
                    self.send_away(key, order.request.client_order_id);
                } else if gone {
                    self.withdraw(key, &order);
                } else {
                    self.keep_resting(key, &group, &order, held);
                }
            }
            Some(order) => self.resting_ended(key, &order, held),
            None if gone => self.end_exit(key, "the position is closed"),
            None => self.lay(key, &group, held),
        }
    }

    /// The order that stands for the plan now, and whether the broker has said that it has it.
    fn note_resting(&mut self, key: &Key, order: &Order) {
        let id = order.request.client_order_id;
        let known = matches!(
            order.status,
            OrderStatus::Submitted | OrderStatus::PartiallyFilled | OrderStatus::PendingReplace
        );
        let as_what = match order.request.pricing {
            Pricing::TrailingStop { .. } => RestsAs::Trail,
            _ => RestsAs::Stop,
        };
        let rests = known.then_some(as_what);
        let Some(watch) = self.exits.watches.get_mut(key) else { return };
        if watch.group.resting == Some(id) && watch.group.rests == rests {
            return;
        }
        // The moment between a change and its confirmation is not worth a word.
        if watch.group.resting == Some(id)
            && order.status == OrderStatus::PendingSubmit
            && order.replaces.is_some()
        {
            return;
        }
        watch.group.rests = rests;
        self.set_resting(key, Some(id));
    }

    pub(super) fn set_resting(&mut self, key: &Key, id: Option<ClientOrderId>) {
        let Some(watch) = self.exits.watches.get_mut(key) else { return };
        let before = std::mem::replace(&mut watch.group.resting, id);
        if id.is_none() {
            (watch.group.rests, watch.group.leaving) = (None, false);
            self.exits.asked_for.remove(key);
        }
        if let Some(before) = before.filter(|before| Some(*before) != id) {
            self.exits.resting.remove(&before);
        }
        self.exits.resting.extend(id);
        self.exits.changed();
    }

    /// How the stop of a plan can rest at its broker now; `None` where it cannot, and the engine watches.
    fn native(&self, key: &Key, group: &ExitGroup) -> Option<(Pricing, TimeInForce)> {
        let plan = &group.plan;
        if plan.placement != Placement::Auto
            || plan.trigger != TriggerPrice::Mark
            || group.engine_only
            || self.config.bar_mode
        {
            return None;
        }
        let can = &self.accounts.get(&key.0)?.setup.capabilities;
        let class = key.1.asset_class();
        let trail = plan
            .trailing
            .filter(|trail| trail.activate_at.is_none() && trail.tighten.is_none() && !plan.break_even);
        // Where its own best price is the best of now: else it would stand looser than ours.
        let at_best = || {
            let price = self.market.quote(&key.1).and_then(|quote| quote.mark());
            price
                .zip(group.best_price)
                .is_some_and(|(price, best)| if group.long { price >= best } else { price <= best })
        };
        let native_trail = can.native_stop(class, OrderType::TrailingStop);
        if let (Some(trail), Some(native)) = (trail, native_trail)
            && group.stop_by == ExitReason::Trailing
            && at_best()
        {
            let trail = match trail.distance {
                ExitLevel::Percent(percent) => Some(Trail::Percent(percent)),
                ExitLevel::Amount(amount) => Some(Trail::Amount(amount)),
                _ => None,
            };
            if let Some(trail) = trail {
                return Some((Pricing::TrailingStop { trail }, native.time_in_force));
            }
        }
        let native = can.native_stop(class, OrderType::Stop)?;
        Some((Pricing::Stop { stop_price: group.stop_price? }, native.time_in_force))
    }

    /// Sends the stop to the broker, where it can rest there.
    fn lay(&mut self, key: &Key, group: &ExitGroup, held: Quantity) {
        if group.resting_at.is_some_and(|at| self.now.duration_since(at) < MOVED_AFTER) {
            return;
        }
        let Some((pricing, time_in_force)) = self.native(key, group) else { return };
        let is_ready = self
            .accounts
            .get(&key.0)
            .is_some_and(|books| books.reconciled && books.broker_up && !books.circuit_open);
        let quoted = self.market.quote(&key.1).is_some_and(|quote| self.may_set_off(&key.0, quote));
        // Brokers keep stops of whole shares; and units that another order is to close can be in one order only.
        let whole = key.1.asset_class() != AssetClass::Equity || held.get().fract().is_zero();
        if !is_ready || !quoted || !whole || self.free_to_close(key, held) < held.abs() {
            return;
        }
        let session = TradingSession::Regular;
        let mut request = self.exit_request(key, group, held.abs(), pricing, session);
        request.time_in_force = time_in_force;
        // Asked first: what would be denied is not on record again and again.
        if self.check(&request).result.is_err() || !self.has_turn() {
            if let Some(watch) = self.exits.watches.get_mut(key) {
                watch.group.resting_at = Some(self.now);
            }
            return;
        }
        let id = request.client_order_id;
        if self.place_one(request).is_ok() {
            if let Some(watch) = self.exits.watches.get_mut(key) {
                (watch.group.resting_at, watch.group.leaving) = (Some(self.now), false);
            }
            self.exits.asked_for.insert(key.clone(), held.abs());
            self.set_resting(key, Some(id));
        }
    }

    /// The quantity follows the position at once, the price no more often than brokers like.
    fn keep_resting(&mut self, key: &Key, group: &ExitGroup, order: &Order, held: Quantity) {
        if !matches!(order.status, OrderStatus::Submitted | OrderStatus::PartiallyFilled) || group.leaving {
            return;
        }
        let wanted = self.native(key, group);
        let id = order.request.client_order_id;
        let trails = matches!(order.request.pricing, Pricing::TrailingStop { .. });
        // A plan that is another one now has another kind of order, or none.
        let Some((pricing, _)) = wanted else { return self.send_away(key, id) };
        let was_trail = trails && group.plan.trailing.is_some();
        if trails && !was_trail {
            return self.send_away(key, id);
        }
        let due = group.resting_at.is_none_or(|at| self.now.duration_since(at) >= MOVED_AFTER);
        let too_many = order.leaves_quantity() > held.abs();
        // Where units have gone, what else closes the position may be for all that is left of it.
        let size = if too_many { self.free_beside(key, held, order) } else { held.abs() };
        // It was asked for this size just now, and its broker has made it another: to ask again at once would never end.
        let in_vain = !due && self.exits.asked_for.get(key) == Some(&size);
        if too_many && (in_vain || size.is_zero()) {
            return self.send_away(key, id);
        }
        let more = size - order.leaves_quantity();
        // Units that another order is to close can be in one order only: a bracket's exits close what it bought.
        let taken = more.is_positive() && more > self.free_to_close(key, held);
        let differs = !more.is_zero() && !in_vain && !taken;
        let quantity = differs.then(|| order.filled_quantity + size);
        let level = match (order.request.pricing, pricing) {
            (Pricing::Stop { stop_price }, Pricing::Stop { stop_price: level }) => {
                Some(level).filter(|level| due && is_worth_moving(stop_price, *level))
            }
            (Pricing::Stop { stop_price }, Pricing::TrailingStop { .. }) => {
                group.stop_price.filter(|level| due && is_worth_moving(stop_price, *level))
            }
            _ => None,
        };
        if quantity.is_none() && level.is_none() {
            return;
        }
        let can = self.accounts.get(&key.0).is_some_and(|books| books.setup.capabilities.replace);
        if !can {
            // Another one follows once this has gone; the engine watches meanwhile.
            return self.send_away(key, id);
        }
        if quantity.is_some() {
            self.exits.asked_for.insert(key.clone(), size);
        }
        let change = OrderChange { stop_price: level, quantity, ..OrderChange::default() };
        self.move_resting(key, id, &change, too_many);
    }

    /// Changes the order at the broker; `needed` where it must not stay as it is.
    fn move_resting(&mut self, key: &Key, id: ClientOrderId, change: &OrderChange, needed: bool) {
        let changed = self.replace(id, change);
        if let Some(watch) = self.exits.watches.get_mut(key) {
            watch.group.resting_at = Some(self.now);
        }
        match changed {
            Ok(new) => self.set_resting(key, Some(new)),
            Err(ReplaceError::Denied(..) | ReplaceError::Refused(_)) if needed => self.send_away(key, id),
            Err(_) => {}
        }
    }

    /// Asks the broker to let go of the order.
    pub(super) fn send_away(&mut self, key: &Key, id: ClientOrderId) {
        let Some(order) = self.book.get(id) else { return };
        if order.status == OrderStatus::PendingCancel || !order.is_working() {
            return;
        }
        if self.cancel_for_exit(id) {
            if let Some(watch) = self.exits.watches.get_mut(key) {
                (watch.group.leaving, watch.group.resting_at) = (true, None);
            }
            self.exits.changed();
        }
    }

    /// The order of a plan at its broker has to go, if there is one.
    pub(super) fn withdraw_resting(&mut self, key: &Key) {
        let resting = self.exits.watches.get(key).and_then(|watch| watch.group.resting);
        if let Some(order) = resting.and_then(|id| self.standing(id)) {
            self.send_away(key, order.request.client_order_id);
        }
    }

    /// Room for units that a target closes: the stop is for the rest of them first. Where it cannot be made smaller, it goes.
    pub(super) fn shrink_resting(&mut self, key: &Key, rest: Quantity) {
        let resting = self.exits.watches.get(key).and_then(|watch| watch.group.resting);
        let Some(order) = resting.and_then(|id| self.standing(id)).filter(Order::is_working) else { return };
        if !matches!(order.status, OrderStatus::Submitted | OrderStatus::PartiallyFilled)
            || order.leaves_quantity() <= rest
        {
            return;
        }
        let id = order.request.client_order_id;
        let can = self.accounts.get(&key.0).is_some_and(|books| books.setup.capabilities.replace);
        let group = self.exits.watches.get(key).map(|watch| &watch.group);
        let asked_at = group.and_then(|group| group.resting_at);
        let just_asked = asked_at.is_some_and(|at| self.now.duration_since(at) < MOVED_AFTER);
        // What its broker would not make smaller goes whole.
        let in_vain = just_asked && self.exits.asked_for.get(key) == Some(&rest);
        if !can || !rest.is_positive() || in_vain {
            return self.send_away(key, id);
        }
        self.exits.asked_for.insert(key.clone(), rest);
        let quantity = Some(order.filled_quantity + rest);
        self.move_resting(key, id, &OrderChange { quantity, ..OrderChange::default() }, true);
    }

    /// The order at the broker has ended: filled, or by something else.
    pub(super) fn resting_ended(&mut self, key: &Key, order: &Order, held: Quantity) {
        let filled = self.filled_in_all(order);
        let total = self.held(&key.0, &key.1);
        let Some(watch) = self.exits.watches.get(key) else { return };
        let (long, asked) = (watch.group.long, watch.group.leaving);
        self.set_resting(key, None);
        let turned = !total.is_zero() && total.is_negative() == long;
        if turned && filled.is_positive() && total.abs() <= filled {
            return self.turn_exit(key, total);
        }
        if held.is_zero() || turned {
            let why = if filled.is_positive() {
                "its stop at the broker has closed it"
            } else {
                "the position is closed"
            };
            return self.end_exit(key, why);
        }
        let never_reached = order.reason.as_deref() == Some("never_reached");
        let refused = matches!(order.status, OrderStatus::Rejected | OrderStatus::Denied);
        let taken_off = order.status == OrderStatus::Canceled && !asked && !never_reached;
        if refused || taken_off {
            if let Some(watch) = self.exits.watches.get_mut(key) {
                watch.group.engine_only = true;
            }
            let why = order.reason.as_deref().unwrap_or("it was canceled");
            let text = format!(
                "{} {}: the engine watches its stop, which does not rest at the broker: {why}",
                key.0, key.1
            );
            self.note(Severity::Warning, "EXIT_IN_ENGINE", text);
        }
        // Tried again with the next tick at the earliest.
    }

    /// A price is beyond a stop that works at the broker: in the hours in which it works there, the broker acts first.
    pub(super) fn broker_may_act(&mut self, key: &Key) -> bool {
        let Some(watch) = self.exits.watches.get(key) else { return false };
        if watch.group.state != ExitState::Armed
            || watch.group.rests.is_none()
            || !self.trades_regularly(&key.1)
        {
            return false;
        }
        let since = *self.exits.beyond.entry(key.clone()).or_insert(self.now);
        self.now.duration_since(since) < BROKER_ACTS_WITHIN
    }

    fn trades_regularly(&self, instrument: &Instrument) -> bool {
        self.config.never_closed
            || self.calendar.phase(instrument.asset_class(), self.now) == MarketPhase::Regular
    }
}
