//! Instruments that the engine knows: their terms, a first price, and prices from then on.

use jiff::SignedDuration;

use crate::core::input::Input;
use crate::domain::calendar::exchange_date;
use crate::domain::execution::AccountEvent;
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec};
use crate::domain::money::Currency;
use crate::domain::quote::{Bar, Interval};

use super::feed::Source;
use super::paper::VenueCommand;
use super::task::EngineTask;

/// Sessions that a day's usual volume is the average of.
const VOLUME_DAYS: usize = 20;

impl EngineTask {
    /// Makes known what the orders of a statement trade: some may be of others.
    pub(super) async fn make_known(&mut self, event: &AccountEvent) {
        let AccountEvent::Statement(statement) = event else { return };
        for report in statement.orders.iter().flatten() {
            for instrument in report.subject.instruments() {
                if !self.known.contains(instrument) {
                    Box::pin(self.ensure(instrument)).await;
                }
            }
        }
    }

    /// Keeps prices of what was ordered coming. A strategy finds its contract in a chain, which tells a price once; its limit walks by the
    /// prices that come after. Not where the order goes out: what that step has still to write comes first.
    pub(super) async fn follow_traded(&mut self) {
        for instrument in std::mem::take(&mut self.traded) {
            self.ensure(&instrument).await;
        }
    }

    /// Makes an instrument known to core and venue: terms, a fresh price, and prices from now on. False when nobody knows it.
    pub(super) async fn ensure(&mut self, instrument: &Instrument) -> bool {
        if !self.feed.knows(instrument) {
            return false;
        }
        if self.known.insert(instrument.clone()) {
            let spec = InstrumentSpec::standard(instrument.clone());
            let currency = spec.currency;
            self.paper.tell(VenueCommand::Spec(Box::new(spec.clone()))).await;
            self.step(Input::Instrument(Box::new(spec))).await;
            self.tell_daily_stats(instrument).await;
            self.ask_for_spec(instrument);
            // An option is judged by its underlying too.
            let driver = instrument.price_driver();
            if driver != *instrument {
                Box::pin(self.ensure(&driver)).await;
            }
            for pair in pairs_of(currency) {
                Box::pin(self.ensure(&pair)).await;
            }
        }
        self.feed.activate(instrument);
        self.live.prices.want(instrument);
        if let Some(quote) = self.feed.quote_now(instrument, self.clock.now())
            && matches!(self.feed.source, Source::Simulated(_))
        {
            self.step(Input::Quote(Box::new(quote.clone()))).await;
            self.paper.offer(vec![quote], &mut self.backlog);
        }
        true
    }

    /// Tells the core what an instrument trades in a day, by the complete daily bars of the last twenty sessions: when somebody wants to order
    /// it, once a day. Shares and coins alone: what a contract trades no daily bar says.
    pub(super) async fn tell_average_volume(&mut self, instrument: &Instrument) {
        let now = self.clock.now();
        let today = exchange_date(now);
        let measured = matches!(instrument.asset_class(), AssetClass::Equity | AssetClass::Crypto);
        if !measured || self.volumes_told.get(instrument) == Some(&today) {
            return;
        }
        let complete = |bar: &Bar| bar.start + SignedDuration::from_secs(Interval::Day1.seconds()) <= now;
        let bars: Vec<Bar> = self
            .feed
            .bars(instrument, Interval::Day1, now, VOLUME_DAYS + 1)
            .into_iter()
            .filter(complete)
            .collect();
        let bars = &bars[bars.len().saturating_sub(VOLUME_DAYS)..];
        let sum = bars.iter().map(|bar| bar.volume).sum::<rust_decimal::Decimal>();
        let Some(volume) = sum.checked_div(rust_decimal::Decimal::from(bars.len())) else { return };
        self.volumes_told.insert(instrument.clone(), today);
        self.step(Input::AverageVolume { instrument: instrument.clone(), volume }).await;
    }
}

/// The pairs by which risk and books turn a currency into dollars: one of them is quoted.
fn pairs_of(currency: Currency) -> Vec<Instrument> {
    if currency == Currency::USD {
        return Vec::new();
    }
    let pair = |base: Currency, counter: Currency| Instrument::fx(base.as_str(), counter.as_str()).ok();
    [pair(currency, Currency::USD), pair(Currency::USD, currency)].into_iter().flatten().collect()
}
