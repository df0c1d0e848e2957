//! What is usual of an instrument in a day, for the paper venue's slippage.

use rust_decimal::prelude::ToPrimitive;

use crate::core::paper::DailyStats;
use crate::domain::instrument::Instrument;
use crate::domain::quote::Interval;
use crate::quant::impact::volatility_of;

use super::paper::VenueCommand;
use super::task::EngineTask;

impl EngineTask {
    /// The venue's slippage model may ask what is usual of an instrument: by the last twenty days, where there are three at least.
    pub(super) async fn tell_daily_stats(&mut self, instrument: &Instrument) {
        if !self.needs_daily_stats {
            return;
        }
        let now = self.clock.now();
        let bars = self.feed.bars(instrument, Interval::Day1, now, 21);
        let closes: Vec<f64> = bars.iter().filter_map(|bar| bar.close.get().to_f64()).collect();
        let days = rust_decimal::Decimal::from(bars.len());
        let volume = bars.iter().map(|bar| bar.volume).sum::<rust_decimal::Decimal>().checked_div(days);
        if let Some((volume, volatility)) = volume.zip(volatility_of(&closes)) {
            let stats = DailyStats { volume, volatility };
            self.paper.tell(VenueCommand::DailyStats(instrument.clone(), stats)).await;
        }
    }
}
