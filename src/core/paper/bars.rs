//! Matching against bars (strategies §11.1, bar mode): an order is decided by the next bar after it, and never knows better.

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{OrderStatus, OrderSubject, OrderType, Pricing, TimeInForce};
use crate::domain::quote::{Bar, Feed, Quote};

use super::{Stage, Venue};

impl Venue {
    /// A complete bar, at its end. Orders that were in the market at its start may fill in it.
    pub fn on_bar(&mut self, now: Timestamp, instrument: &Instrument, bar: &Bar) {
        // Fills carry the time of the bar's end: that is when anybody can know of them.
        self.now = self.now.max(bar.start);
        if self.due.is_some_and(|due| due <= bar.start) {
            self.advance(bar.start);
        }
        self.now = self.now.max(now);
        if let Some(seqs) = self.by_instrument.get(instrument) {
            let mut seqs = seqs.clone();
            // If one bar could fill both the stop and the target, the stop fills: the worst case.
            let is_limit = |venue: &Self, seq: &u64| {
                venue
                    .orders
                    .get(seq)
                    .is_none_or(|order| order.request.pricing.order_type() == OrderType::Limit)
            };
            seqs.sort_by_key(|seq| is_limit(self, seq));
            let mut volume = bar.volume * self.config.bar_participation;
            for seq in seqs {
                self.match_bar(seq, instrument, bar, &mut volume);
            }
        }
        self.books.mark(instrument, bar.close);
        self.keep_close(instrument, bar);
        // What ends at this very instant ends with the next bar's start, or when time is said to have come: other instruments' bars of
        // the same instant are still to be matched.
        if self.due.is_some_and(|due| due < self.now) {
            self.advance(now);
        }
    }

    /// The close is the quote until the next bar.
    fn keep_close(&mut self, instrument: &Instrument, bar: &Bar) {
        if !self.quotes.contains_key(instrument) {
            self.quotes
                .insert(instrument.clone(), Quote::empty(instrument.clone(), self.now, Feed::Replayed));
        }
        if let Some(quote) = self.quotes.get_mut(instrument) {
            quote.bid = Some(bar.close);
            quote.ask = Some(bar.close);
            quote.last = Some(bar.close);
            quote.as_of = self.now;
        }
    }

    fn match_bar(&mut self, seq: u64, instrument: &Instrument, bar: &Bar, volume: &mut Decimal) {
        let Some(order) = self.orders.get(&seq) else { return };
        if order.stage != Stage::Working || order.since > bar.start {
            return;
        }
        if matches!(order.request.subject, OrderSubject::Legs(_)) {
            self.keep_close(instrument, bar);
            self.match_package(seq);
            return;
        }
        if let Some((price, took)) = self.bar_price(seq, instrument, bar) {
            let quantity = self.bar_quantity(seq, instrument, *volume);
            if quantity.is_positive() {
                *volume -= quantity.get();
                self.fill(seq, quantity, price, took);
            }
        }
        let Some(order) = self.orders.get_mut(&seq) else { return };
        order.rested = true;
        if matches!(order.request.time_in_force, TimeInForce::Ioc | TimeInForce::Fok | TimeInForce::Opg) {
            self.end(seq, OrderStatus::Canceled, Some("not filled in its bar".to_owned()));
            self.schedule();
        }
    }

    fn bar_quantity(&self, seq: u64, instrument: &Instrument, volume: Decimal) -> Quantity {
        let Some(order) = self.orders.get(&seq) else { return Quantity::ZERO };
        let wanted = self.closable(order, instrument, order.request.side.is_buy());
        if !self.config.partial_fills {
            return wanted;
        }
        let whole = instrument.asset_class() == AssetClass::Equity && wanted.get().fract().is_zero();
        let room = Quantity::new(if whole { volume.floor() } else { volume });
        if order.request.time_in_force == TimeInForce::Fok && room < wanted {
            Quantity::ZERO
        } else {
            wanted.min(room)
        }
    }

    /// The price the bar gives the order, and whether it took liquidity; `None` when it does not reach it.
    fn bar_price(&mut self, seq: u64, instrument: &Instrument, bar: &Bar) -> Option<(Price, bool)> {
        let order = self.orders.get(&seq)?;
        let buy = order.request.side.is_buy();
        let triggered = order.triggered;
        let at_close = order.request.time_in_force == TimeInForce::Cls;
        let reached = |price: Price| if buy { bar.high >= price } else { bar.low <= price };
        let gapped = |price: Price| if buy { bar.open >= price } else { bar.open <= price };
        match order.request.pricing {
            Pricing::Market if at_close => Some((self.slipped(instrument, buy, bar.close, None), true)),
            Pricing::Market => Some((self.slipped(instrument, buy, bar.open, None), true)),
            Pricing::Limit { limit_price } if at_close => {
                let fits = if buy { bar.close <= limit_price } else { bar.close >= limit_price };
                fits.then_some((bar.close, true))
            }
            Pricing::Limit { limit_price } => limit_in_bar(buy, limit_price, bar),
            Pricing::Stop { stop_price } => {
                if triggered || gapped(stop_price) {
                    Some((self.slipped(instrument, buy, bar.open, None), true))
                } else if reached(stop_price) {
                    Some((self.slipped(instrument, buy, stop_price, None), true))
                } else {
                    None
                }
            }
            Pricing::StopLimit { stop_price, limit_price } => {
                if triggered {
                    return limit_in_bar(buy, limit_price, bar);
                }
                if !reached(stop_price) {
                    return None;
                }
                self.orders.get_mut(&seq)?.triggered = true;
                // In the bar of its trigger the limit is judged by the close alone: the path inside is not known.
                let fits = if buy { bar.close <= limit_price } else { bar.close >= limit_price };
                fits.then_some((bar.close, true))
            }
            Pricing::TrailingStop { trail } => {
                let before = order.trail_stop;
                if let Some(stop) = before.filter(|stop| gapped(*stop)) {
                    return Some((
                        self.slipped(instrument, buy, bar.open.min(stop).max(bar.open), None),
                        true,
                    ));
                }
                let extreme = if buy { bar.low } else { bar.high };
                let stop = self.follow(seq, instrument, trail, Some(extreme))?;
                reached(stop).then(|| (self.slipped(instrument, buy, stop, None), true))
            }
        }
    }
}

/// Open when it is better than the limit, else the limit when the bar trades strictly through it.
fn limit_in_bar(buy: bool, limit: Price, bar: &Bar) -> Option<(Price, bool)> {
    if buy {
        if bar.open <= limit { Some((bar.open, true)) } else { (bar.low < limit).then_some((limit, false)) }
    } else if bar.open >= limit {
        Some((bar.open, true))
    } else {
        (bar.high > limit).then_some((limit, false))
    }
}
