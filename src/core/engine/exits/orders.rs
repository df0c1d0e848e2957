//! Orders of exits: what goes when, at which price, and never for more than is held.

use jiff::SignedDuration;
use rust_decimal::Decimal;

use crate::core::engine::Engine;
use crate::core::engine::place::ReplaceError;
use crate::core::stops::tradable;
use crate::domain::calendar::MarketPhase;
use crate::domain::denial::DenialCode;
use crate::domain::exit::{ExitGroup, ExitState};
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec};
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{
    Order, OrderChange, OrderRequest, OrderStatus, OrderSubject, OrderType, Origin, OriginKind,
    PositionEffect, Pricing, Side, TimeInForce, TradingSession,
};
use crate::domain::quote::Quote;
use crate::domain::snapshot::Severity;

use super::Key;
use super::tend::{AGAIN_AFTER, REPRICED_AFTER, STUCK_AGAIN_AFTER};

/// Why an order was canceled that closed what an exit was to close.
pub(super) const MADE_ROOM: &str = "made room for an exit";
/// Exits that go in one second; what is more goes in the next. Below the rate at which the kill switch trips.
const PER_SECOND_MAX: usize = 8;

/// How an exit trades now.
struct Terms {
    pricing: Pricing,
    session: TradingSession,
}

impl Engine {
    /// Sends the order of an exit that was set off, where it can go now.
    pub(super) fn send_exit(&mut self, key: &Key, held: Quantity) {
        let instrument = &key.1;
        let Some(group) = self.exits.watches.get(key).map(|watch| watch.group.clone()) else { return };
        let wait = if group.state == ExitState::Stuck { STUCK_AGAIN_AFTER } else { AGAIN_AFTER };
        if group.tried_at.is_some_and(|at| self.now.duration_since(at) < wait) {
            return;
        }
        if self.waits_for_proof(key) {
            return;
        }
        // Nothing can be said of a market without a price: it goes with the next one.
        let Some(terms) = self.exit_terms(key, group.long) else { return };
        let increment = self.exit_increment(instrument, held);
        let wanted = group.to_close.map_or(held.abs(), |units| tradable(units, held, increment));
        if wanted > self.free_to_close(key, held) {
            return self.make_room(key, held.abs() - wanted);
        }
        if !self.has_turn() {
            return;
        }
        let mut request = self.exit_request(key, &group, wanted, terms.pricing, terms.session);
        let id = request.client_order_id;
        if let Some(limit_price) = self.limit_instead(key, &group, &request) {
            request.pricing = Pricing::Limit { limit_price };
        }
        // Where something else keeps it in, nothing is canceled for it.
        let denials = self.check(&request).result.err().unwrap_or_default();
        if denials.iter().all(|denial| denial.code == DenialCode::WashCross) {
            self.clear_across(&request);
        }
        match self.place_one(request) {
            Ok(()) => {
                if let Some(watch) = self.exits.watches.get_mut(key) {
                    watch.group.order = Some(id);
                    if watch.group.state != ExitState::Stuck {
                        watch.group.state = ExitState::Working;
                    }
                }
                self.tried(key, "its order does not fill");
            }
            Err(denials) => {
                let why = denials.first().map_or_else(String::new, |denial| denial.text.clone());
                self.tried(key, &why);
            }
        }
    }

    /// An order of a plan: it only reduces.
    pub(super) fn exit_request(
        &mut self,
        key: &Key,
        group: &ExitGroup,
        quantity: Quantity,
        pricing: Pricing,
        session: TradingSession,
    ) -> OrderRequest {
        let (account, instrument, _) = key;
        let option = instrument.as_option().is_some();
        let around = instrument.asset_class().trades_around_the_clock();
        let side = Side::closing(group.long, instrument.asset_class());
        OrderRequest {
            time_in_force: if around { TimeInForce::Gtc } else { TimeInForce::Day },
            session,
            position_effect: option.then_some(PositionEffect::Close),
            reduce_only: true,
            ..OrderRequest::plain(
                self.ids.next(self.now),
                account.clone(),
                Origin { kind: OriginKind::Exit, name: group.owner.clone() },
                OrderSubject::Instrument(instrument.clone()),
                side,
                quantity,
                pricing,
            )
        }
    }

    /// Its order works: never for more than is held, and nearer to the market where it does not fill.
    pub(super) fn push_exit(&mut self, key: &Key, order: &Order, held: Quantity) {
        let id = order.request.client_order_id;
        if let Some(watch) = self.exits.watches.get_mut(key)
            && watch.group.order != Some(id)
        {
            // A person's change may be what has come to nothing.
            (watch.group.order, watch.group.by_hand) = (Some(id), false);
            self.exits.changed();
        }
        // What is on its way is answered first.
        if !matches!(order.status, OrderStatus::Submitted | OrderStatus::PartiallyFilled) {
            return;
        }
        let Some(group) = self.exits.watches.get(key).map(|watch| watch.group.clone()) else { return };
        let too_many = order.leaves_quantity() > held.abs();
        let wait = if group.state == ExitState::Stuck { STUCK_AGAIN_AFTER } else { REPRICED_AFTER };
        let due = group.tried_at.is_none_or(|at| self.now.duration_since(at) >= wait);
        let limit = order.request.pricing.limit_price();
        let left_alone = group.by_hand || (limit.is_none() && group.state == ExitState::Stuck);
        if !too_many && (!due || left_alone) {
            return;
        }
        let refused = |what: &str| order.reason.as_deref().is_some_and(|reason| reason.starts_with(what));
        // It is asked for again, and not at once: that would never end.
        if !due && refused("cancel refused") {
            return;
        }
        let quantity = too_many.then(|| order.filled_quantity + held.abs());
        let moved = limit.filter(|_| !group.by_hand);
        let limit_price = moved.and_then(|_| match self.exit_terms(key, group.long)?.pricing {
            Pricing::Limit { limit_price } => Some(limit_price),
            // It may trade at the market by now: nearer than any limit.
            _ => self.collar(key, group.long),
        });
        let same = limit_price == limit && quantity.is_none();
        let can = self.accounts.get(&key.0).is_some_and(|books| books.setup.capabilities.replace)
            && !(too_many && refused("replace refused"));
        if same || (quantity.is_none() && limit_price.is_none()) {
            return self.tried(key, "its order does not fill");
        }
        if !can {
            // Another one follows once this has ended.
            if let Ok(cancel) = self.request_cancel(id) {
                self.after_journal.push(cancel);
            }
            return self.tried(key, "its order does not fill");
        }
        if let Some(limit_price) = limit_price {
            let pricing = Pricing::Limit { limit_price };
            self.clear_across(&OrderRequest { pricing, ..order.request.clone() });
        }
        let change = OrderChange { limit_price, quantity, ..OrderChange::default() };
        match self.replace(id, &change) {
            Ok(new) => {
                if let Some(watch) = self.exits.watches.get_mut(key) {
                    watch.group.order = Some(new);
                }
                self.tried(key, "its order does not fill");
            }
            Err(ReplaceError::Denied(_, denials)) => {
                let why = denials.first().map_or_else(String::new, |denial| denial.text.clone());
                self.tried(key, &why);
            }
            Err(ReplaceError::Refused(reason)) => self.tried(key, &reason),
        }
    }

    /// The smallest part of a position that an exit closes: whole shares of whole shares, as not every broker takes parts of one.
    pub(super) fn exit_increment(&self, instrument: &Instrument, held: Quantity) -> Decimal {
        let spec = self.market.spec(instrument).cloned();
        let spec = spec.unwrap_or_else(|| InstrumentSpec::standard(instrument.clone()));
        let whole = !instrument.asset_class().trades_around_the_clock() && held.get().fract().is_zero();
        if whole { spec.quantity_increment.max(Decimal::ONE) } else { spec.quantity_increment }
    }

    /// Units of those that it covers that no other working order closes.
    pub(super) fn free_to_close(&self, key: &Key, covered: Quantity) -> Quantity {
        self.free_of(key, covered, self.closing(key))
    }

    /// The same beside a stop of the plan that works at the broker: what that may close at most.
    pub(super) fn free_beside(&self, key: &Key, covered: Quantity, stop: &Order) -> Quantity {
        self.free_of(key, covered, self.closing(key) - stop.leaves_quantity())
    }

    fn free_of(&self, key: &Key, covered: Quantity, closing: Quantity) -> Quantity {
        let free = (self.held(&key.0, &key.1).abs() - closing).min(covered.abs());
        if free.is_negative() { Quantity::ZERO } else { free }
    }

    fn closing(&self, key: &Key) -> Quantity {
        let orders = self.others_closing(key, false).filter_map(|id| self.book.get(id));
        orders.fold(Quantity::ZERO, |sum, order| sum + order.leaves_quantity())
    }

    /// Other working orders that close the position, a bracket's exits among them; `alien` without those of other plans.
    fn others_closing<'a>(&'a self, key: &'a Key, alien: bool) -> impl Iterator<Item = ClientOrderId> + 'a {
        let watch = self.exits.watches.get(key);
        let (own, long) = watch.map_or((None, true), |watch| (watch.group.order, watch.group.long));
        // What waits for an order that has not filled closes nothing of what is held.
        let waits = |order: &Order| {
            let parent = order.request.contingency.parent.and_then(|parent| self.book.get(parent));
            parent.is_some_and(|parent| !parent.has_filled())
        };
        let of_others: Vec<ClientOrderId> = if alien {
            let others = self.exits.parts(&key.0, &key.1).filter(|(other, _)| *other != key);
            others.flat_map(|(_, watch)| [watch.group.order, watch.group.resting]).flatten().collect()
        } else {
            Vec::new()
        };
        let closes = move |order: &&Order| {
            order.is_working()
                && !waits(order)
                && order.request.subject.instrument() == Some(&key.1)
                && order.request.side.is_buy() != long
                && Some(order.request.client_order_id) != own
                && !of_others.contains(&order.request.client_order_id)
        };
        self.book.working_of(&key.0).filter(closes).map(|order| order.request.client_order_id)
    }

    /// Orders that hold the position's units are canceled: what protects it goes before what was to close it one day. Its own stop at the
    /// broker is made smaller, to what is left.
    fn make_room(&mut self, key: &Key, left: Quantity) {
        self.shrink_resting(key, left);
        let others: Vec<ClientOrderId> = self
            .others_closing(key, true)
            .filter(|id| !self.exits.is_resting(*id))
            .filter(|id| {
                // Of a change that is on its way the old order is the one that ends.
                self.book.get(*id).is_some_and(|order| {
                    !matches!(order.status, OrderStatus::PendingCancel | OrderStatus::PendingReplace)
                })
            })
            .collect();
        let mut canceled = 0_usize;
        for id in others {
            self.book.change(id, |order| order.reason = Some(MADE_ROOM.to_owned()));
            canceled += usize::from(self.cancel_for_exit(id));
        }
        if canceled > 0 {
            let text =
                format!("{} {}: {canceled} orders that would close it make room for its exit", key.0, key.1);
            self.note(Severity::Warning, "EXIT_MAKES_ROOM", text);
        }
    }

    /// Own orders on the other side that an exit would trade with go before it: what opens more of a position does not keep it from being
    /// closed. Their cancels are sent first; whether they come in time, the exit does not wait for.
    fn clear_across(&mut self, exit: &OrderRequest) {
        let mut canceled = 0_usize;
        for id in self.crossing(exit) {
            canceled += usize::from(self.cancel_for_exit(id));
        }
        if canceled > 0 {
            let (account, subject) = (&exit.account, &exit.subject);
            let text =
                format!("{account} {subject}: {canceled} orders that its exit would trade with are canceled");
            self.note(Severity::Warning, "EXIT_MAKES_ROOM", text);
        }
    }

    /// The limit of an exit that would not be let out at the market, as its two sides are too far apart now.
    fn limit_instead(&self, key: &Key, group: &ExitGroup, request: &OrderRequest) -> Option<Price> {
        let denials = self.check(request).result.err().filter(|_| request.pricing == Pricing::Market)?;
        denials.iter().any(|denial| denial.code == DenialCode::SpreadTooWide).then_some(())?;
        self.collar(key, group.long)
    }

    /// May one more go in this second.
    pub(super) fn has_turn(&mut self) -> bool {
        let (since, count) = &mut self.exits.pace;
        if since.is_none_or(|since| self.now.duration_since(since) >= SignedDuration::from_secs(1)) {
            (*since, *count) = (Some(self.now), 0);
        }
        *count += 1;
        *count <= PER_SECOND_MAX
    }

    /// At the market in regular hours, else by a limit that is marketable; `None` while nothing trades, or no price says how.
    fn exit_terms(&self, key: &Key, long: bool) -> Option<Terms> {
        let (account, instrument, _) = key;
        let setup = &self.accounts.get(account)?.setup;
        let class = instrument.asset_class();
        self.market.quote(instrument).filter(|quote| self.may_set_off(account, quote))?;
        let phase = match self.config.never_closed {
            true => MarketPhase::Regular,
            false => self.calendar.phase(class, self.now),
        };
        let session = match phase {
            MarketPhase::Closed => return None,
            MarketPhase::Regular => TradingSession::Regular,
            MarketPhase::PreMarket | MarketPhase::PostMarket if setup.capabilities.extended_hours => {
                TradingSession::Extended
            }
            MarketPhase::PreMarket | MarketPhase::PostMarket => return None,
        };
        let market = setup.capabilities.order_types.contains(&OrderType::Market)
            && session == TradingSession::Regular
            && class != AssetClass::Option;
        let pricing =
            if market { Pricing::Market } else { Pricing::Limit { limit_price: self.collar(key, long)? } };
        Some(Terms { pricing, session })
    }

    /// A limit beyond the other side of the market: 1 %, of an option 10 % or 0.05.
    fn collar(&self, key: &Key, long: bool) -> Option<Price> {
        let (account, instrument, _) = key;
        let quote = self.market.quote(instrument).filter(|quote| self.may_set_off(account, quote))?;
        let spec = self.market.spec(instrument).cloned();
        let spec = spec.unwrap_or_else(|| InstrumentSpec::standard(instrument.clone()));
        collar_price(quote, instrument, long, &|price| spec.tick_at(price))
    }
}

fn collar_price(
    quote: &Quote,
    instrument: &Instrument,
    long: bool,
    tick_at: &dyn Fn(Price) -> Decimal,
) -> Option<Price> {
    let side = if long { quote.bid } else { quote.ask }.filter(|price| price.is_positive())?;
    let away = match instrument.as_option() {
        Some(_) => (side.get() / Decimal::TEN).max(Decimal::new(5, 2)),
        None => side.get() / Decimal::ONE_HUNDRED,
    };
    let price = Price::new(if long { side.get() - away } else { side.get() + away });
    let tick = tick_at(side);
    let price = if long { price.floor_to_tick(tick) } else { price.ceil_to_tick(tick) };
    // Something is asked for even of what is worth next to nothing.
    Some(if price.is_positive() { price } else { Price::new(tick.max(Decimal::new(1, 8))) })
}
