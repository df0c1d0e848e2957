//! Matching against quotes (strategies §11.1, quote mode).

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{OrderStatus, OrderSubject, Pricing, TimeInForce, Trail};
use crate::domain::quote::Quote;

use super::fills::LegFill;
use super::{Displayed, Resting, Stage, Venue};

/// The two sides and the last trade at one event.
#[derive(Clone, Copy, Debug)]
struct Top {
    bid: Option<Price>,
    ask: Option<Price>,
    last: Option<Price>,
}

impl Venue {
    /// New prices. Orders that were in the market before them may fill.
    pub fn on_quote(&mut self, now: Timestamp, quote: &Quote) {
        self.now = self.now.max(now);
        if let Some(mark) = quote.mark() {
            self.books.mark(&quote.instrument, mark);
        }
        match self.quotes.get_mut(&quote.instrument) {
            Some(known) => known.clone_from(quote),
            None => {
                self.quotes.insert(quote.instrument.clone(), quote.clone());
            }
        }
        if self.due.is_some_and(|due| due <= self.now) {
            self.advance(now);
        }
        self.settle_late();
        let Some(seqs) = self.by_instrument.get(&quote.instrument) else { return };
        let seqs = seqs.clone();
        let part = self.config.participation;
        let shown = Displayed { bid: quote.bid_size.get() * part, ask: quote.ask_size.get() * part };
        self.displayed.insert(quote.instrument.clone(), shown);
        for seq in seqs {
            self.match_quote(seq, &quote.instrument);
        }
    }

    fn match_quote(&mut self, seq: u64, instrument: &Instrument) {
        let Some(order) = self.orders.get(&seq) else { return };
        if order.stage != Stage::Working || order.since > self.now || !self.is_open(&order.request) {
            return;
        }
        if order.request.time_in_force == TimeInForce::Cls {
            return;
        }
        if order.request.time_in_force == TimeInForce::Opg && !self.opened_since(order.since) {
            return;
        }
        if matches!(order.request.subject, OrderSubject::Legs(_)) {
            self.match_package(seq);
            return;
        }
        let Some(quote) = self.quotes.get(instrument) else { return };
        let top = Top { bid: quote.bid, ask: quote.ask, last: quote.last };
        self.match_single(seq, instrument, top);
        let immediate =
            |order: &Resting| matches!(order.request.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        if self.orders.get(&seq).is_some_and(immediate) {
            self.end(seq, OrderStatus::Canceled, Some("not filled at once".to_owned()));
            self.schedule();
        }
    }

    /// Has a session opened between the order's arrival and now.
    fn opened_since(&self, since: Timestamp) -> bool {
        let day = crate::domain::calendar::exchange_date(self.now);
        self.calendar.session(day).is_some_and(|session| since < session.open && session.open <= self.now)
    }

    fn match_single(&mut self, seq: u64, instrument: &Instrument, top: Top) {
        let Some(order) = self.orders.get_mut(&seq) else { return };
        let buy = order.request.side.is_buy();
        let opposite = if buy { top.ask } else { top.bid };
        let was_triggered = order.triggered;
        match order.request.pricing {
            Pricing::Market => self.take(seq, instrument, opposite, None),
            Pricing::Limit { limit_price } => self.match_limit(seq, instrument, top, limit_price),
            Pricing::Stop { stop_price } => {
                if was_triggered || is_triggered(buy, top, stop_price) {
                    order.triggered = true;
                    self.take(seq, instrument, opposite, None);
                }
            }
            Pricing::StopLimit { stop_price, limit_price } => {
                if was_triggered {
                    self.match_limit(seq, instrument, top, limit_price);
                } else if is_triggered(buy, top, stop_price) {
                    // The limit counts from the next event on.
                    order.triggered = true;
                }
            }
            Pricing::TrailingStop { trail } => {
                if !was_triggered {
                    let reference = if buy { top.ask } else { top.bid };
                    let Some(stop) = self.follow(seq, instrument, trail, reference) else { return };
                    if !is_triggered(buy, Top { last: None, ..top }, stop) {
                        return;
                    }
                    if let Some(order) = self.orders.get_mut(&seq) {
                        order.triggered = true;
                    }
                }
                self.take(seq, instrument, opposite, None);
            }
        }
    }

    /// Moves a trailing stop with the market; it only ever comes closer. Rounded away from the market.
    pub(super) fn follow(
        &mut self,
        seq: u64,
        instrument: &Instrument,
        trail: Trail,
        reference: Option<Price>,
    ) -> Option<Price> {
        let reference = reference?;
        let tick = self.spec_or_standard(instrument).tick_at(reference);
        let order = self.orders.get_mut(&seq)?;
        let buy = order.request.side.is_buy();
        let distance = match trail {
            Trail::Amount(amount) => amount.get(),
            Trail::Percent(percent) => reference.get() * percent / Decimal::ONE_HUNDRED,
        };
        let fresh = if buy {
            Price::new(reference.get() + distance).ceil_to_tick(tick)
        } else {
            Price::new(reference.get() - distance).floor_to_tick(tick)
        };
        let stop = match order.trail_stop {
            Some(stop) if buy => stop.min(fresh),
            Some(stop) => stop.max(fresh),
            None => fresh,
        };
        order.trail_stop = Some(stop);
        Some(stop)
    }

    fn match_limit(&mut self, seq: u64, instrument: &Instrument, top: Top, limit: Price) {
        let Some(order) = self.orders.get_mut(&seq) else { return };
        let buy = order.request.side.is_buy();
        let rested = std::mem::replace(&mut order.rested, true);
        let opposite = if buy { top.ask } else { top.bid };
        let crosses = opposite.is_some_and(|price| if buy { price <= limit } else { price >= limit });
        if crosses && !rested && order.request.post_only {
            self.end(seq, OrderStatus::Canceled, Some("post only: it would have taken".to_owned()));
            self.schedule();
        } else if crosses && !rested {
            self.take(seq, instrument, opposite, Some(limit));
        } else if crosses {
            self.rest_fill(seq, instrument, limit);
        } else if rested && top.last.is_some_and(|last| if buy { last < limit } else { last > limit }) {
            // Somebody traded through the limit: whoever rested at it was filled first.
            self.rest_fill(seq, instrument, limit);
        }
    }

    /// What is open of an order, and of one that only reduces no more than there is to close: its position may have been closed elsewhere.
    pub(super) fn closable(&self, order: &Resting, instrument: &Instrument, buy: bool) -> Quantity {
        let leaves = order.leaves();
        if !order.request.reduce_only {
            return leaves;
        }
        let held = self.books.quantity(instrument);
        if held.is_zero() || held.is_positive() == buy { Quantity::ZERO } else { leaves.min(held.abs()) }
    }

    /// What can be had of the displayed size, at most what is open. Whole or nothing for fill-or-kill.
    fn available(&mut self, seq: u64, instrument: &Instrument, buy: bool) -> Quantity {
        let Some(order) = self.orders.get(&seq) else { return Quantity::ZERO };
        let wanted = self.closable(order, instrument, buy);
        if !self.config.partial_fills {
            return wanted;
        }
        let shown = self.displayed.get(instrument).copied().unwrap_or_default();
        let size = Quantity::new(if buy { shown.ask } else { shown.bid });
        let all_or_none = order.request.time_in_force == TimeInForce::Fok;
        if all_or_none && size < wanted { Quantity::ZERO } else { wanted.min(size) }
    }

    fn use_up(&mut self, instrument: &Instrument, buy: bool, quantity: Quantity) {
        if let Some(shown) = self.displayed.get_mut(instrument) {
            let side = if buy { &mut shown.ask } else { &mut shown.bid };
            *side = (*side - quantity.get()).max(Decimal::ZERO);
        }
    }

    /// Takes from the opposite side, with slippage.
    fn take(&mut self, seq: u64, instrument: &Instrument, opposite: Option<Price>, limit: Option<Price>) {
        let (Some(price), Some(order)) = (opposite, self.orders.get(&seq)) else { return };
        let buy = order.request.side.is_buy();
        let quantity = self.available(seq, instrument, buy);
        if quantity.is_positive() {
            let price = self.slipped(instrument, buy, price, limit);
            self.use_up(instrument, buy, quantity);
            self.fill(seq, quantity, price, true);
        } else if self
            .orders
            .get(&seq)
            .is_some_and(|o| o.request.reduce_only && o.request.contingency.oco_group.is_none())
            && self.books.quantity(instrument).is_zero()
        {
            self.end(seq, OrderStatus::Canceled, Some("nothing is left to reduce".to_owned()));
            self.schedule();
        }
    }

    /// Fills a resting limit at its own price.
    fn rest_fill(&mut self, seq: u64, instrument: &Instrument, limit: Price) {
        let Some(order) = self.orders.get(&seq) else { return };
        let buy = order.request.side.is_buy();
        let quantity = self.available(seq, instrument, buy);
        if quantity.is_positive() {
            self.use_up(instrument, buy, quantity);
            self.fill(seq, quantity, limit, false);
        }
    }

    /// A package fills whole, at the natural price of its legs, or not at all.
    pub(super) fn match_package(&mut self, seq: u64) {
        let Some(order) = self.orders.get(&seq) else { return };
        let OrderSubject::Legs(legs) = &order.request.subject else { return };
        let side = order.request.side;
        let quantity = order.leaves();
        let limit = order.request.pricing.limit_price();
        let multiplier = crate::core::lifecycle::package_multiplier(&order.request.subject);
        let mut net = Decimal::ZERO;
        let mut fills = Vec::with_capacity(legs.len());
        for leg in legs {
            let quote = self.quotes.get(&leg.instrument);
            let price = quote.and_then(|quote| if leg.side.is_buy() { quote.ask } else { quote.bid });
            let Some(price) = price else { return };
            let leg_multiplier = self.specs.get(&leg.instrument).map_or(Decimal::ONE, |spec| spec.multiplier);
            net += leg.side.sign() * price.get() * leg.ratio * leg_multiplier / multiplier;
            fills.push(LegFill {
                instrument: leg.instrument.clone(),
                side: leg.side,
                quantity: Quantity::new(leg.ratio * quantity.get()),
                price,
            });
        }
        // On the package's own side: what a buyer pays, what a seller receives.
        let natural = Price::new(net * side.sign());
        let fits = limit.is_none_or(|limit| if side.is_buy() { natural <= limit } else { natural >= limit });
        if fits {
            self.fill_legs(seq, quantity, fills, true);
        } else if matches!(order.request.time_in_force, TimeInForce::Ioc | TimeInForce::Fok) {
            self.end(seq, OrderStatus::Canceled, Some("not filled at once".to_owned()));
        }
    }

    /// The closing auction: an order for it fills at the last price when its session ends.
    pub(super) fn close_auction(&mut self, seq: u64) {
        let Some(order) = self.orders.get(&seq) else { return };
        if order.request.time_in_force != TimeInForce::Cls || order.stage != Stage::Working {
            return;
        }
        let OrderSubject::Instrument(instrument) = order.request.subject.clone() else { return };
        let Some(close) = self.quotes.get(&instrument).and_then(|quote| quote.last.or_else(|| quote.mid()))
        else {
            return;
        };
        let (buy, leaves) = (order.request.side.is_buy(), order.leaves());
        let fits = order
            .request
            .pricing
            .limit_price()
            .is_none_or(|limit| if buy { close <= limit } else { close >= limit });
        if fits {
            self.fill(seq, leaves, close, true);
        }
    }
}

/// A buy stop triggers when the market offers at it or above, or trades there; a sell stop mirrored.
fn is_triggered(buy: bool, top: Top, stop: Price) -> bool {
    if buy {
        top.ask.is_some_and(|ask| ask >= stop) || top.last.is_some_and(|last| last >= stop)
    } else {
        top.bid.is_some_and(|bid| bid <= stop) || top.last.is_some_and(|last| last <= stop)
    }
}
