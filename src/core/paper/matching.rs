//! Matching against quotes (strategies §11.1, quote mode).

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::core::risk::from_pairs;
use crate::domain::execution::OrderEvent;
use crate::domain::instrument::Instrument;
use crate::domain::measure;
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::order::{OrderStatus, OrderSubject, Pricing, TimeInForce, Trail};
use crate::domain::quote::{Feed, Quote};

use super::liquidity::Print;
use super::slippage::Taking;
use super::{Resting, Stage, Touch, Venue};

/// How far behind a delayed feed is, at most.
const FEED_DELAY: SignedDuration = SignedDuration::from_mins(20);

/// How often a stop that follows the market is told of, and by how many times its thousandth it must have moved (strategies §10).
const STOP_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// Is it time to tell of a stop again, and has it moved by a thousandth.
fn is_news(now: Timestamp, at: Timestamp, told: Price, stop: Price) -> bool {
    now.duration_since(at) >= STOP_EVERY && (stop - told).abs().get() * Decimal::ONE_THOUSAND >= told.get()
}

/// The two sides, and what traded since the event before.
#[derive(Clone, Copy, Debug)]
struct Top {
    bid: Option<Price>,
    bid_size: Quantity,
    ask: Option<Price>,
    ask_size: Quantity,
    print: Option<Print>,
}

impl Top {
    /// What an order takes from.
    const fn opposite(&self, buy: bool) -> Option<Price> {
        if buy { self.ask } else { self.bid }
    }

    /// Where an order rests.
    const fn own(&self, buy: bool) -> (Option<Price>, Quantity) {
        if buy { (self.bid, self.bid_size) } else { (self.ask, self.ask_size) }
    }

    /// A buy stop triggers when the market offers at it or above, or trades there; a sell stop mirrored.
    fn triggers(&self, buy: bool, stop: Price) -> bool {
        if buy {
            self.ask.is_some_and(|ask| ask >= stop) || self.print.is_some_and(|print| print.price >= stop)
        } else {
            self.bid.is_some_and(|bid| bid <= stop) || self.print.is_some_and(|print| print.price <= stop)
        }
    }
}

impl Venue {
    /// New prices. Orders that were in the market before them may fill.
    pub fn on_quote(&mut self, now: Timestamp, quote: &Quote) {
        self.advance(now);
        if !measure::is_quote(quote) {
            return;
        }
        if let Some(mark) = quote.mark() {
            self.books.mark(&quote.instrument, mark);
        }
        let print = match self.quotes.get_mut(&quote.instrument) {
            Some(known) => {
                let print = Print::between(known, quote);
                known.clone_from(quote);
                print
            }
            None => {
                self.quotes.insert(quote.instrument.clone(), quote.clone());
                None
            }
        };
        // What is shown anew can be had anew, whether or not an order looks at it now.
        if !self.on_bars
            && let Some(shown) = self.shown.get_mut(&quote.instrument)
        {
            shown.refill(quote, self.config.participation);
        }
        if let Instrument::Fx { .. } = quote.instrument {
            self.set_rates(&quote.instrument);
        }
        self.settle_late();
        if !self.in_lieu.is_empty()
            && let Some(price) = quote.mark()
        {
            self.pay_in_lieu(&quote.instrument, price);
        }
        let Some(seqs) = self.by_instrument.get(&quote.instrument) else { return };
        let seqs = seqs.clone();
        for seq in seqs {
            self.match_quote(seq, &quote.instrument, print);
        }
    }

    /// A pair has moved: what its currencies are worth in the account's.
    fn set_rates(&mut self, pair: &Instrument) {
        let Instrument::Fx { base, quote } = pair else { return };
        let own = self.config.currency;
        for currency in [base, quote].into_iter().filter_map(|symbol| Currency::new(symbol.as_str()).ok()) {
            let rate = from_pairs(&|pair| self.quotes.get(pair), currency, own);
            if let Some(rate) = rate.filter(|_| currency != own) {
                self.books.set_rate(currency, rate);
            }
        }
    }

    /// Can anybody trade on these prices: trading is not halted, and they are of now.
    pub(super) fn is_usable(&self, quote: &Quote) -> bool {
        let behind = if quote.feed == Feed::Delayed { FEED_DELAY } else { SignedDuration::ZERO };
        let allowed = Self::millis(self.config.stale_ms) + behind;
        !quote.halted && quote.feed != Feed::Frozen && self.now.duration_since(quote.as_of) <= allowed
    }

    fn match_quote(&mut self, seq: u64, instrument: &Instrument, print: Option<Print>) {
        let Some(order) = self.orders.get(&seq) else { return };
        if order.stage != Stage::Working || order.since > self.now || !self.is_open(&order.request) {
            return;
        }
        let Some(quote) = self.quotes.get(instrument).filter(|quote| self.is_usable(quote)) else { return };
        match order.request.time_in_force {
            TimeInForce::Cls => return,
            TimeInForce::Opg => return self.open_auction(seq, instrument),
            _ => {}
        }
        if matches!(order.request.subject, OrderSubject::Legs(_)) {
            self.match_package(seq);
        } else {
            let top = Top {
                bid: quote.bid,
                bid_size: quote.bid_size,
                ask: quote.ask,
                ask_size: quote.ask_size,
                print,
            };
            self.match_single(seq, instrument, &top);
        }
        let immediate =
            |order: &Resting| matches!(order.request.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        if self.orders.get(&seq).map(Box::as_ref).is_some_and(immediate) {
            self.end(seq, OrderStatus::Canceled, Some("not filled at once".to_owned()));
            self.schedule();
        }
    }

    fn match_single(&mut self, seq: u64, instrument: &Instrument, top: &Top) {
        let Some(order) = self.orders.get_mut(&seq) else { return };
        let buy = order.request.side.is_buy();
        let opposite = top.opposite(buy);
        let was_triggered = order.triggered;
        match order.request.pricing {
            // Refused when it came.
            Pricing::Twap(_) | Pricing::Oco { .. } => {}
            Pricing::Market => self.take(seq, instrument, opposite, None),
            Pricing::Limit { limit_price } => self.match_limit(seq, instrument, top, limit_price),
            Pricing::Stop { stop_price } => {
                if was_triggered || top.triggers(buy, stop_price) {
                    order.triggered = true;
                    self.take(seq, instrument, opposite, None);
                }
            }
            Pricing::StopLimit { stop_price, limit_price } => {
                if was_triggered {
                    self.match_limit(seq, instrument, top, limit_price);
                } else if top.triggers(buy, stop_price) {
                    // The limit counts from the next event on.
                    order.triggered = true;
                }
            }
            Pricing::TrailingStop { trail } => {
                if !was_triggered {
                    let Some(stop) = self.follow(seq, instrument, trail, opposite) else { return };
                    // It follows the quote, and only the quote triggers it.
                    if !(Top { print: None, ..*top }).triggers(buy, stop) {
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
        if order.told_stop.is_none_or(|(at, told)| told != stop && is_news(self.now, at, told, stop)) {
            order.told_stop = Some((self.now, stop));
            let id = order.request.client_order_id;
            self.report(id, self.now, OrderEvent::StopMoved { stop_price: stop });
        }
        Some(stop)
    }

    fn match_limit(&mut self, seq: u64, instrument: &Instrument, top: &Top, limit: Price) {
        let Some(order) = self.orders.get_mut(&seq) else { return };
        let buy = order.request.side.is_buy();
        let rested = std::mem::replace(&mut order.rested, true);
        let opposite = top.opposite(buy);
        let crosses = opposite.is_some_and(|price| if buy { price <= limit } else { price >= limit });
        if crosses && !rested && order.request.post_only {
            self.end(seq, OrderStatus::Canceled, Some("post only: it would have taken".to_owned()));
            self.schedule();
        } else if crosses && !rested {
            self.take(seq, instrument, opposite, Some(limit));
        } else if crosses {
            self.rest_fill(seq, instrument, limit, None);
        } else if let Some(print) = top.print.filter(|_| rested) {
            if if buy { print.price < limit } else { print.price > limit } {
                // Somebody traded through the limit: whoever rested at it was filled first.
                self.rest_fill(seq, instrument, limit, None);
            } else if self.config.touch == Touch::Queue && print.price == limit {
                self.touched(seq, instrument, limit, print);
            }
        }
        self.line_up(seq, top, limit);
    }

    /// Notes who stands in front, once the order's price is the best of its side or better.
    fn line_up(&mut self, seq: u64, top: &Top, limit: Price) {
        if self.config.touch == Touch::Never {
            return;
        }
        let Some(order) = self.orders.get_mut(&seq) else { return };
        let buy = order.request.side.is_buy();
        if order.ahead.is_none() {
            order.ahead = match top.own(buy) {
                (Some(best), size) if best == limit => Some(size),
                (Some(best), _) if (best > limit) == buy => None,
                _ => Some(Quantity::ZERO),
            };
        }
    }

    /// Somebody traded at the limit itself: what stood in front goes first, the rest is the order's.
    fn touched(&mut self, seq: u64, instrument: &Instrument, limit: Price, print: Print) {
        let Some(order) = self.orders.get_mut(&seq) else { return };
        let Some(ahead) = order.ahead else { return };
        let rest = print.size - ahead;
        order.ahead = Some(if rest.is_negative() { ahead - print.size } else { Quantity::ZERO });
        if rest.is_positive() {
            self.rest_fill(seq, instrument, limit, Some(rest));
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

    /// What can be had of `size`, at most what is open. Whole or nothing for fill-or-kill.
    pub(super) fn of_size(&self, seq: u64, instrument: &Instrument, size: Decimal) -> Quantity {
        let Some(order) = self.orders.get(&seq) else { return Quantity::ZERO };
        let wanted = self.closable(order, instrument, order.request.side.is_buy());
        if !self.config.partial_fills {
            return wanted;
        }
        let size = self.in_lots(instrument, wanted, size);
        if order.request.time_in_force == TimeInForce::Fok && size < wanted {
            Quantity::ZERO
        } else {
            wanted.min(size)
        }
    }

    /// A part of the displayed size need not be whole: no order for whole shares fills a part of one.
    pub(super) fn in_lots(&self, instrument: &Instrument, wanted: Quantity, size: Decimal) -> Quantity {
        let lot = if instrument.as_option().is_some() || wanted.get().fract().is_zero() {
            match instrument {
                Instrument::Equity { .. } | Instrument::Option(_) => Decimal::ONE,
                _ => self.increment(instrument),
            }
        } else {
            self.increment(instrument)
        };
        if lot.is_zero() { Quantity::new(size) } else { Quantity::new(size - size % lot) }
    }

    fn increment(&self, instrument: &Instrument) -> Decimal {
        self.specs.get(instrument).map_or(Decimal::ZERO, |spec| spec.quantity_increment)
    }

    /// What a buyer (or seller) can have of an instrument now.
    pub(super) fn available(&mut self, instrument: &Instrument, buy: bool) -> Decimal {
        // A leg whose quote came before the order has not been looked at yet.
        if !self.on_bars
            && let Some(quote) = self.quotes.get(instrument)
        {
            self.shown.entry(instrument.clone()).or_default().refill(quote, self.config.participation);
        }
        self.shown.get(instrument).map_or(Decimal::ZERO, |shown| shown.available(buy))
    }

    pub(super) fn use_up(&mut self, instrument: &Instrument, buy: bool, quantity: Quantity) {
        if let Some(shown) = self.shown.get_mut(instrument) {
            shown.take(buy, quantity);
        }
    }

    /// Takes from the opposite side, with slippage.
    fn take(&mut self, seq: u64, instrument: &Instrument, opposite: Option<Price>, limit: Option<Price>) {
        let (Some(price), Some(order)) = (opposite, self.orders.get(&seq)) else { return };
        let buy = order.request.side.is_buy();
        let volume = self.available(instrument, buy);
        let quantity = self.of_size(seq, instrument, volume);
        if quantity.is_positive() {
            let taking = Taking { buy, quantity, price, volume, limit };
            let price = self.slipped(instrument, &taking);
            self.count_slippage(instrument, &taking, price);
            self.use_up(instrument, buy, quantity);
            self.fill(seq, quantity, price, true);
        } else {
            self.end_idle_exit(seq, instrument);
        }
    }

    /// An exit whose position is gone has nothing to wait for, unless its pair brings it back.
    fn end_idle_exit(&mut self, seq: u64, instrument: &Instrument) {
        let idle = |o: &Resting| o.request.reduce_only && o.request.contingency.oco_group.is_none();
        if self.orders.get(&seq).map(Box::as_ref).is_some_and(idle)
            && self.books.quantity(instrument).is_zero()
        {
            self.end(seq, OrderStatus::Canceled, Some("nothing is left to reduce".to_owned()));
            self.schedule();
        }
    }

    /// Fills a resting limit at its own price: of what is shown, or of `size`.
    fn rest_fill(&mut self, seq: u64, instrument: &Instrument, limit: Price, size: Option<Quantity>) {
        let Some(order) = self.orders.get(&seq) else { return };
        let buy = order.request.side.is_buy();
        let can = size.map_or_else(|| self.available(instrument, buy), Quantity::get);
        let quantity = self.of_size(seq, instrument, can);
        if quantity.is_positive() {
            if size.is_none() {
                self.use_up(instrument, buy, quantity);
            }
            self.fill(seq, quantity, limit, false);
        }
    }
}
