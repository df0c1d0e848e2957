//! Exit plans as people set them: a range in one is measured by the bars of now, and is an amount from then on.

use rust_decimal::Decimal;
use tokio::sync::oneshot;

use crate::client::{Reply, SessionError};
use crate::core::input::Input;
use crate::core::stops::freeze;
use crate::domain::exit::{ExitChange, ExitLevel, ExitPlan};
use crate::domain::instrument::Instrument;
use crate::domain::quote::{Bar, Interval};
use crate::quant::indicators::{Atr, Candle};
use crate::quant::number::to_f64;

use super::hosting::Answered;
use super::session::give;
use super::task::EngineTask;

type Answer = oneshot::Sender<Result<Reply, SessionError>>;

/// Days that an average true range looks back on.
const DAYS: usize = 14;
/// Bars that are asked for: the average forgets its first ranges slowly.
const BARS: usize = 120;

impl EngineTask {
    /// Sets or clears an exit plan. A range in it is measured first; a broker's bars are waited for elsewhere.
    pub(super) async fn exit_plan(&mut self, mut change: ExitChange, reply: Answer) {
        if let ExitChange::Set { instrument, plan, .. } = &mut change {
            if let Err(error) = self.know(std::slice::from_ref(instrument)).await {
                return give(reply, Err(error));
            }
            if asks_for_range(plan) && self.feed.is_live(instrument) {
                let Some(feed) = self.live.prices.feed_for(instrument) else {
                    let text = format!("{instrument} has no bars to measure its range by");
                    return give(reply, Err(SessionError::Usage(text)));
                };
                let (answers, instrument, end) =
                    (self.hosting.answers_in.clone(), instrument.clone(), self.clock.now());
                tokio::spawn(async move {
                    let bars =
                        feed.bars(&instrument, Interval::Day1, end, BARS).await.unwrap_or_else(|error| {
                            tracing::warn!(%instrument, %error, "the bars of an exit plan were not read");
                            Vec::new()
                        });
                    if let ExitChange::Set { plan, .. } = &mut change {
                        measure(plan, &bars);
                    }
                    // The engine may have gone.
                    drop(answers.send(Answered::Exit(Box::new(change), reply)).await);
                });
                return;
            }
            if asks_for_range(plan) {
                let bars = self.feed.bars(instrument, Interval::Day1, self.clock.now(), BARS);
                measure(plan, &bars);
            }
        }
        self.change_exit(change, reply).await;
    }

    /// A plan that has begun waits for a range.
    pub(super) async fn measure_range(&mut self, instrument: Instrument) {
        if self.feed.is_live(&instrument) {
            let Some(feed) = self.live.prices.feed_for(&instrument) else {
                return self.step(Input::Range { instrument, range: None }).await;
            };
            let (answers, end) = (self.hosting.answers_in.clone(), self.clock.now());
            tokio::spawn(async move {
                let bars = feed.bars(&instrument, Interval::Day1, end, BARS).await.unwrap_or_else(|error| {
                    tracing::warn!(%instrument, %error, "the bars of an exit plan were not read");
                    Vec::new()
                });
                // The engine may have gone.
                drop(answers.send(Answered::Range(instrument, range_of(&bars))).await);
            });
            return;
        }
        let bars = self.feed.bars(&instrument, Interval::Day1, self.clock.now(), BARS);
        let range = range_of(&bars);
        self.step(Input::Range { instrument, range }).await;
    }

    /// The core decides.
    pub(super) async fn change_exit(&mut self, change: ExitChange, reply: Answer) {
        let request = self.expect(reply, None);
        self.step(Input::Exit { request, change: Box::new(change) }).await;
    }
}

fn asks_for_range(plan: &mut ExitPlan) -> bool {
    plan.levels_mut().any(|level| matches!(level, ExitLevel::Atr(_)))
}

/// Ranges become amounts; where the bars do not suffice they stay, and the core refuses the plan.
fn measure(plan: &mut ExitPlan, bars: &[Bar]) {
    if let Some(range) = range_of(bars) {
        freeze(plan, range);
    }
}

/// The average true range of the newest days, positive.
fn range_of(bars: &[Bar]) -> Option<Decimal> {
    let mut atr = Atr::new(DAYS);
    let candle = |bar: &Bar| {
        let [high, low, close] = [bar.high, bar.low, bar.close].map(|price| to_f64(price.get()));
        Candle { high, low, close, volume: to_f64(bar.volume) }
    };
    let range = bars.iter().filter(|bar| bar.is_sound()).filter_map(|bar| atr.update(&candle(bar))).last();
    range.and_then(Decimal::from_f64_retain).filter(|range| *range > Decimal::ZERO)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::exit::TakeStep;
    use crate::domain::money::Price;

    #[test]
    fn a_range_becomes_an_amount_and_stays_one_without_bars() {
        let price = |text: &str| text.parse::<Price>().unwrap();
        let bar = Bar {
            start: Timestamp::UNIX_EPOCH,
            open: price("100"),
            high: price("102"),
            low: price("99"),
            close: price("100"),
            volume: Decimal::ONE,
        };
        let plan = || ExitPlan {
            stop_loss: "2atr".parse().ok(),
            take_profit: vec!["1.5atr".parse::<TakeStep>().unwrap()],
            ..ExitPlan::default()
        };
        let mut measured = plan();
        assert!(asks_for_range(&mut measured));
        measure(&mut measured, &[bar; 15]);
        assert_eq!(measured.words(), "stop 6off, take 4.5off");
        assert!(!asks_for_range(&mut measured));
        let mut unmeasured = plan();
        measure(&mut unmeasured, &[bar; 10]);
        assert_eq!(unmeasured, plan());
    }
}
