//! What was ordered lately: rates, repetitions, usual sizes. Bounded.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{OrderRequest, OrderSize, OrderSubject, OriginKind, Side};

/// Requests remembered that no rate counts any more.
const RECENT_MAX: usize = 512;
/// Requests remembered in all: more in a minute than any limit lets out, three times over.
const REQUESTS_MAX: usize = 16_384;
/// What rates count, and longest.
const COUNTED: SignedDuration = SignedDuration::from_secs(60);
/// Sizes remembered per instrument.
const SIZES_MAX: usize = 20;
/// Instruments whose sizes are remembered.
const INSTRUMENTS_MAX: usize = 1_024;

/// One remembered request.
#[derive(Clone, Debug)]
struct Recent {
    at: Timestamp,
    subject: OrderSubject,
    side: Side,
    size: OrderSize,
    limit: Option<Price>,
    origin: OriginKind,
    name: Option<smol_str::SmolStr>,
    reduces: bool,
}

/// The recent requests of one account.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    recent: VecDeque<Recent>,
    sizes: BTreeMap<Instrument, VecDeque<Quantity>>,
}

impl Activity {
    /// Remembers a request that was approved, and whether it only reduces: such orders have a rate of their own.
    pub fn record(&mut self, now: Timestamp, request: &OrderRequest, reduces: bool) {
        let counts = |at: Timestamp| now.duration_since(at) < COUNTED;
        while self.recent.front().is_some_and(|oldest| {
            self.recent.len() >= REQUESTS_MAX || (self.recent.len() >= RECENT_MAX && !counts(oldest.at))
        }) {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent {
            at: now,
            subject: request.subject.clone(),
            side: request.side,
            size: request.size(),
            limit: request.pricing.limit_price(),
            origin: request.origin.kind,
            name: request.origin.name.clone(),
            reduces,
        });
        if let Some(instrument) = request.subject.instrument() {
            if !self.sizes.contains_key(instrument) && self.sizes.len() >= INSTRUMENTS_MAX {
                self.sizes.pop_first();
            }
            let sizes = self.sizes.entry(instrument.clone()).or_default();
            if sizes.len() == SIZES_MAX {
                sizes.pop_front();
            }
            sizes.push_back(request.quantity);
        }
    }

    /// Orders within the last `seconds` that only reduce, or that do more.
    #[must_use]
    pub fn orders_within(&self, now: Timestamp, seconds: i64, reduces: bool) -> usize {
        self.within(now, seconds).filter(|r| r.reduces == reduces).count()
    }

    /// Orders of the same bot or agent within the last `seconds`.
    #[must_use]
    pub fn orders_of_origin_within(&self, now: Timestamp, seconds: i64, request: &OrderRequest) -> usize {
        self.within(now, seconds)
            .filter(|r| !r.reduces && r.origin == request.origin.kind && r.name == request.origin.name)
            .count()
    }

    /// Was the same order asked for within the last `seconds`.
    #[must_use]
    pub fn is_repeated_within(&self, now: Timestamp, seconds: i64, request: &OrderRequest) -> bool {
        self.within(now, seconds).any(|r| {
            r.side == request.side
                && r.size == request.size()
                && r.limit == request.pricing.limit_price()
                && r.subject == request.subject
        })
    }

    /// Median of the last orders in an instrument; absent with fewer than five.
    #[must_use]
    pub fn usual_quantity(&self, instrument: &Instrument) -> Option<Quantity> {
        let sizes = self.sizes.get(instrument)?;
        if sizes.len() < 5 {
            return None;
        }
        // In place: every order that opens asks.
        let mut room = [Quantity::ZERO; SIZES_MAX];
        let sorted = &mut room[..sizes.len().min(SIZES_MAX)];
        for (to, from) in sorted.iter_mut().zip(sizes) {
            *to = *from;
        }
        sorted.sort_unstable();
        let middle = sorted.len() / 2;
        if sorted.len().is_multiple_of(2) {
            let pair = sorted[middle - 1] + sorted[middle];
            return Some(Quantity::new(pair.get() / Decimal::TWO));
        }
        Some(sorted[middle])
    }

    fn within(&self, now: Timestamp, seconds: i64) -> impl Iterator<Item = &Recent> {
        // One subtraction, not one for each: comparing instants is cheap.
        let since = now.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MIN);
        self.recent.iter().rev().take_while(move |r| r.at > since)
    }
}
