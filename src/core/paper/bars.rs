//! Matching against bars (strategies §11.1, bar mode): an order is decided by the next bar after it, and never knows better.

use jiff::Timestamp;

use crate::domain::calendar::exchange_date;
use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::order::{OrderStatus, OrderSubject, OrderType, Pricing, TimeInForce};
use crate::domain::quote::{Bar, Feed, Quote};

use super::liquidity::Shown;
use super::slippage::Taking;
use super::{Resting, Stage, Venue};

/// A price that a bar gives an order.
#[derive(Clone, Copy)]
struct Given {
    price: Price,
    /// It took liquidity, and slips.
    took: bool,
    slips: bool,
}

impl Given {
    /// What somebody who has to trade gets.
    const fn market(price: Price) -> Self {
        Self { price, took: true, slips: true }
    }

    /// At a price that is not made worse.
    const fn exactly(price: Price, took: bool) -> Self {
        Self { price, took, slips: false }
    }
}

impl Venue {
    /// A complete bar, at its end. Orders that were in the market at its start may fill in it.
    pub fn on_bar(&mut self, now: Timestamp, instrument: &Instrument, bar: &Bar) {
        // Fills carry the time of the bar's end: that is when anybody can know of them.
        if self.due.is_some_and(|due| due <= bar.start) {
            self.advance(bar.start);
        }
        self.now = self.now.max(now);
        self.on_bars = true;
        if !self.in_lieu.is_empty() {
            self.pay_in_lieu(instrument, bar.open);
        }
        if !self.orders.is_empty()
            && let Some(seqs) = self.by_instrument.get(instrument).filter(|seqs| !seqs.is_empty())
        {
            let mut seqs = seqs.clone();
            // If one bar could fill both the stop and the target, the stop fills: the worst case.
            let is_limit = |venue: &Self, seq: &u64| {
                venue
                    .orders
                    .get(seq)
                    .is_none_or(|order| order.request.pricing.order_type() == OrderType::Limit)
            };
            seqs.sort_by_key(|seq| is_limit(self, seq));
            let pool = Shown::of_bar(bar.volume * self.config.bar_participation);
            match self.shown.get_mut(instrument) {
                Some(shown) => *shown = pool,
                None => drop(self.shown.insert(instrument.clone(), pool)),
            }
            for seq in seqs {
                self.match_bar(seq, instrument, bar);
            }
        }
        self.books.mark(instrument, bar.close);
        self.keep_close(instrument, bar);
        if self.config.needs_daily_stats() {
            self.learn(instrument, bar);
        }
        // What ends at this very instant ends with the next bar's start, or when time is said to have come: other instruments' bars of
        // the same instant are still to be matched.
        if self.due.is_some_and(|due| due < self.now) {
            self.advance_before(now);
        }
    }

    /// The data has ended: nothing that is still open will ever be decided.
    pub fn end_of_data(&mut self, now: Timestamp) {
        self.advance(now);
        let open: Vec<u64> = self.orders.keys().copied().collect();
        for seq in open {
            self.end(seq, OrderStatus::Canceled, Some("the data ended".to_owned()));
        }
        self.schedule();
    }

    /// The close is the quote until the next bar.
    fn keep_close(&mut self, instrument: &Instrument, bar: &Bar) {
        let now = self.now;
        match self.quotes.get_mut(instrument) {
            Some(quote) => quote.close_at(bar.close, now),
            None => {
                let mut quote = Quote::empty(instrument.clone(), now, Feed::Replayed);
                quote.close_at(bar.close, now);
                self.quotes.insert(instrument.clone(), quote);
            }
        }
    }

    fn match_bar(&mut self, seq: u64, instrument: &Instrument, bar: &Bar) {
        let Some(order) = self.orders.get(&seq) else { return };
        if order.stage != Stage::Working || order.since > bar.start || !self.is_bar_for(order, bar) {
            return;
        }
        if matches!(order.request.subject, OrderSubject::Legs(_)) {
            return self.match_package_in_bar(seq, instrument, bar);
        }
        if let Some(given) = self.bar_price(seq, instrument, bar) {
            let buy = order_is_buy(self, seq);
            let volume = self.available(instrument, buy);
            let quantity = self.of_size(seq, instrument, volume);
            if quantity.is_positive() {
                let taking = Taking { buy, quantity, price: given.price, volume, limit: None };
                let price = if given.slips { self.slipped(instrument, &taking) } else { given.price };
                self.count_slippage(instrument, &taking, price);
                self.use_up(instrument, buy, quantity);
                self.fill(seq, quantity, price, given.took);
            }
        }
        let Some(order) = self.orders.get_mut(&seq) else { return };
        order.rested = true;
        if matches!(order.request.time_in_force, TimeInForce::Ioc | TimeInForce::Fok | TimeInForce::Opg) {
            self.end(seq, OrderStatus::Canceled, Some("not filled in its bar".to_owned()));
            self.schedule();
        }
    }

    /// An order for an auction has the bar that the auction opens or closes; others any.
    fn is_bar_for(&self, order: &Resting, bar: &Bar) -> bool {
        match order.request.time_in_force {
            TimeInForce::Cls => order.expires_at.is_none_or(|close| self.now >= close),
            TimeInForce::Opg => self
                .calendar
                .session(exchange_date(bar.start))
                .is_none_or(|session| self.now > session.open && order.since < session.open),
            _ => true,
        }
    }

    /// A package is decided by bars of one time: when the last of its legs' bars has come.
    fn match_package_in_bar(&mut self, seq: u64, instrument: &Instrument, bar: &Bar) {
        self.keep_close(instrument, bar);
        let of_now = |leg: &Instrument| self.quotes.get(leg).is_some_and(|quote| quote.as_of == self.now);
        let complete =
            self.orders.get(&seq).is_some_and(|order| order.request.subject.instruments().all(of_now));
        if complete {
            self.match_package(seq);
            self.end_immediate_package(seq);
        }
    }

    /// The price the bar gives the order; `None` when it does not reach it.
    fn bar_price(&mut self, seq: u64, instrument: &Instrument, bar: &Bar) -> Option<Given> {
        let order = self.orders.get_mut(&seq)?;
        let buy = order.request.side.is_buy();
        let triggered = order.triggered;
        let at_close = order.request.time_in_force == TimeInForce::Cls;
        let reached = |price: Price| if buy { bar.high >= price } else { bar.low <= price };
        let gapped = |price: Price| if buy { bar.open >= price } else { bar.open <= price };
        let closes_within = |limit: Price| if buy { bar.close <= limit } else { bar.close >= limit };
        match order.request.pricing {
            // Refused when it came.
            Pricing::Twap(_) | Pricing::Oco { .. } => None,
            Pricing::Market if at_close => Some(Given::market(bar.close)),
            Pricing::Market => Some(Given::market(bar.open)),
            Pricing::Limit { limit_price } if at_close => {
                closes_within(limit_price).then_some(Given::exactly(bar.close, true))
            }
            Pricing::Limit { limit_price } => limit_in_bar(buy, limit_price, bar),
            // What has triggered is a market order from then on.
            Pricing::Stop { .. } | Pricing::TrailingStop { .. } if triggered => Some(Given::market(bar.open)),
            Pricing::Stop { stop_price } => {
                let price = if gapped(stop_price) { bar.open } else { stop_price };
                order.triggered = reached(stop_price);
                order.triggered.then_some(Given::market(price))
            }
            Pricing::StopLimit { limit_price, .. } if triggered => limit_in_bar(buy, limit_price, bar),
            Pricing::StopLimit { stop_price, limit_price } => {
                order.triggered = reached(stop_price);
                // In the bar of its trigger the limit is judged by the close alone: the path inside is not known.
                (order.triggered && closes_within(limit_price)).then_some(Given::exactly(bar.close, true))
            }
            Pricing::TrailingStop { trail } => {
                if order.trail_stop.is_some_and(gapped) {
                    order.triggered = true;
                    return Some(Given::market(bar.open));
                }
                let extreme = if buy { bar.low } else { bar.high };
                let stop = self.follow(seq, instrument, trail, Some(extreme))?;
                let order = self.orders.get_mut(&seq)?;
                order.triggered = reached(stop);
                order.triggered.then_some(Given::market(stop))
            }
        }
    }
}

fn order_is_buy(venue: &Venue, seq: u64) -> bool {
    venue.orders.get(&seq).is_some_and(|order| order.request.side.is_buy())
}

/// Open when it is better than the limit, else the limit when the bar trades strictly through it.
fn limit_in_bar(buy: bool, limit: Price, bar: &Bar) -> Option<Given> {
    let better = if buy { bar.open <= limit } else { bar.open >= limit };
    let through = if buy { bar.low < limit } else { bar.high > limit };
    if better {
        Some(Given::exactly(bar.open, true))
    } else {
        through.then_some(Given::exactly(limit, false))
    }
}
