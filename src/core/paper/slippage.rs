//! How much worse than the market a fill is (strategies §11.1, slippage models).

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::quant::impact::square_root_impact;

use super::{Slippage, Venue};

/// Largest part of the volume that counts. Source: Lean's `VolumeShareSlippageModel`.
const SHARE_MAX: Decimal = Decimal::from_parts(25, 0, 0, false, 3);
/// Price impact of the share's square. Source: the same.
const SHARE_IMPACT: Decimal = Decimal::from_parts(1, 0, 0, false, 1);

/// What is usual of an instrument in a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DailyStats {
    /// Units traded, on average.
    pub volume: Decimal,
    /// Standard deviation of the day's return, 0.02 for 2 %.
    pub volatility: f64,
}

/// A fill whose price is to be made worse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taking {
    pub(super) buy: bool,
    pub(super) quantity: Quantity,
    /// Where the market stands.
    pub(super) price: Price,
    /// Units that could be had, this fill's included.
    pub(super) volume: Decimal,
    /// It is never worse than this.
    pub(super) limit: Option<Price>,
}

impl Venue {
    /// Takes in what is usual of an instrument; the square-root model needs it.
    pub fn set_daily_stats(&mut self, instrument: &Instrument, stats: DailyStats) {
        self.stats.insert(instrument.clone(), stats);
    }

    /// The price made worse by slippage, never past the limit, on the tick.
    pub(super) fn slipped(&mut self, instrument: &Instrument, taking: &Taking) -> Price {
        let Taking { buy, price, limit, .. } = *taking;
        let worse = self.worse_by(instrument, taking);
        if worse.is_zero() {
            return price;
        }
        let tick = self.spec_or_standard(instrument).tick_at(price);
        // Rounded to the nearest tick: a slippage of less than half a tick costs nothing.
        let slipped =
            Price::new(if buy { price.get() + worse } else { price.get() - worse }).round_to_tick(tick);
        let slipped = if slipped.is_positive() { slipped } else { price };
        match limit {
            Some(limit) if buy => slipped.min(limit),
            Some(limit) => slipped.max(limit),
            None => slipped,
        }
    }

    /// Counts what a fill that slipped cost.
    pub(super) fn count_slippage(&mut self, instrument: &Instrument, taking: &Taking, slipped: Price) {
        if slipped == taking.price {
            return;
        }
        let spec = self.spec_or_standard(instrument);
        let (multiplier, currency) = (spec.multiplier, spec.currency);
        let cost = (slipped - taking.price).get().abs() * taking.quantity.get() * multiplier;
        self.slippage_paid += cost * self.books.rate(currency).unwrap_or(Decimal::ONE);
    }

    /// What slippage made fills worse by since this venue was opened, positive, in the account's currency. It is in their prices.
    #[must_use]
    pub const fn slippage_paid(&self) -> Decimal {
        self.slippage_paid
    }

    /// Money per unit.
    fn worse_by(&mut self, instrument: &Instrument, taking: &Taking) -> Decimal {
        let price = taking.price.get().abs();
        match self.config.slippage_of(instrument.asset_class()) {
            Slippage::None => Decimal::ZERO,
            Slippage::Ticks(n) => self.spec_or_standard(instrument).tick_at(taking.price) * Decimal::from(n),
            Slippage::BasisPoints(bps) => price * bps / Decimal::from(10_000),
            Slippage::Spread(part) => {
                let spread = self.quotes.get(instrument).and_then(|quote| quote.spread()).unwrap_or_default();
                spread.get().max(Decimal::ZERO) * part
            }
            Slippage::VolumeShare => {
                let share = taking.quantity.get().checked_div(taking.volume).unwrap_or(SHARE_MAX);
                let share = share.min(SHARE_MAX);
                share * share * SHARE_IMPACT * price
            }
            Slippage::SquareRoot(k) => {
                let Some(stats) = self.stats.get(instrument) else { return Decimal::ZERO };
                // A model's figure, not money yet: the tick decides.
                let share = taking.quantity.get().checked_div(stats.volume).and_then(|share| share.to_f64());
                let part = square_root_impact(stats.volatility, share.unwrap_or_default());
                Decimal::from_f64(part).map_or(Decimal::ZERO, |part| k * part.round_dp(8) * price)
            }
        }
    }
}
