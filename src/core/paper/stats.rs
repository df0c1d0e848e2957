//! What is usual of an instrument, learnt from the bars that have passed.

use std::collections::VecDeque;

use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::calendar::exchange_date;
use crate::domain::instrument::Instrument;
use crate::domain::quote::Bar;
use crate::quant::impact::volatility_of;

use super::{DailyStats, Venue};

/// Days looked back on.
const DAYS: usize = 20;

/// The days seen so far, the last one still going on.
#[derive(Clone, Debug, Default)]
pub(super) struct Learning {
    days: VecDeque<(Date, Decimal, f64)>,
}

impl Learning {
    fn add(&mut self, bar: &Bar) {
        let day = exchange_date(bar.start);
        let close = bar.close.get().to_f64().unwrap_or_default();
        match self.days.back_mut().filter(|(last, _, _)| *last == day) {
            Some((_, volume, last_close)) => {
                *volume += bar.volume;
                *last_close = close;
            }
            None => self.days.push_back((day, bar.volume, close)),
        }
        // One day more than returns, and the one going on.
        while self.days.len() > DAYS + 2 {
            self.days.pop_front();
        }
    }

    /// Of the complete days; `None` before there are three.
    fn stats(&self) -> Option<DailyStats> {
        let complete = self.days.len().checked_sub(1).filter(|days| *days >= 3)?;
        let days: Vec<_> = self.days.iter().take(complete).collect();
        let volume = days.iter().map(|(_, volume, _)| *volume).sum::<Decimal>() / Decimal::from(complete);
        let closes: Vec<f64> = days.iter().map(|(_, _, close)| *close).collect();
        Some(DailyStats { volume, volatility: volatility_of(&closes)? })
    }
}

impl Venue {
    /// Takes a bar into what is known of its instrument.
    pub(super) fn learn(&mut self, instrument: &Instrument, bar: &Bar) {
        let learning = self.learning.entry(instrument.clone()).or_default();
        learning.add(bar);
        if let Some(stats) = learning.stats() {
            self.set_daily_stats(instrument, stats);
        }
    }
}
