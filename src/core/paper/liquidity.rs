//! How much can be had: sizes shown and not yet taken, and the trade that a newer quote tells of.

use rust_decimal::Decimal;

use crate::domain::money::{Price, Quantity};
use crate::domain::quote::Quote;

/// One side of a quote as it was shown.
type Side = (Option<Price>, Quantity);

/// What of an instrument can still be had, in units.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shown {
    bid: Decimal,
    ask: Decimal,
    /// Both sides draw on one amount: a part of a bar's volume.
    pooled: bool,
    /// What the sides were filled from; `None` before the first quote.
    from: Option<(Side, Side)>,
}

impl Shown {
    /// A side that shows something new can be had anew. What has been taken of one that stands as it stood is gone: a trade elsewhere
    /// does not bring it back.
    pub(super) fn refill(&mut self, quote: &Quote, participation: Decimal) {
        let (bid, ask) = ((quote.bid, quote.bid_size), (quote.ask, quote.ask_size));
        let before = self.from.replace((bid, ask)).filter(|_| !self.pooled);
        if before.is_none_or(|(known, _)| known != bid) {
            self.bid = quote.bid_size.get() * participation;
        }
        if before.is_none_or(|(_, known)| known != ask) {
            self.ask = quote.ask_size.get() * participation;
        }
        self.pooled = false;
    }

    /// A bar's volume, or what is to be had of it.
    pub(super) const fn of_bar(volume: Decimal) -> Self {
        Self { bid: volume, ask: volume, pooled: true, from: None }
    }

    /// What a buyer (or seller) can have.
    pub(super) const fn available(&self, buy: bool) -> Decimal {
        if buy { self.ask } else { self.bid }
    }

    /// Takes units off the side a buyer (or seller) takes from.
    pub(super) fn take(&mut self, buy: bool, quantity: Quantity) {
        let less = |side: &mut Decimal| *side = (*side - quantity.get()).max(Decimal::ZERO);
        if buy || self.pooled {
            less(&mut self.ask);
        }
        if !buy || self.pooled {
            less(&mut self.bid);
        }
    }
}

/// A trade that a newer quote tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Print {
    pub(super) price: Price,
    /// Zero where the feed does not say.
    pub(super) size: Quantity,
}

impl Print {
    /// `None` when nothing shows that there was a trade: a last price that merely still stands is no new one. The extremes of a session are
    /// no trades of now: a feed learns of them late and corrects them, and with them limits would fill, and stops go off, far from the market.
    pub(super) fn between(before: &Quote, after: &Quote) -> Option<Self> {
        let volume = after.volume - before.volume;
        let is_new = volume.is_positive() || (before.last, before.last_size) != (after.last, after.last_size);
        let price = after.last.filter(|_| is_new)?;
        let size = if volume.is_positive() { volume } else { after.last_size };
        Some(Self { price, size })
    }
}
