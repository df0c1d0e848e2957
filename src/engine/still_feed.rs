//! A feed for tests: its prices never move, and it has the bars it was given, or never answers for them.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::{mpsc, watch};

use crate::brokers::{BrokerError, FeedEvent, Market, MarketFeed, Wanted};
use crate::domain::chain::ChainRow;
use crate::domain::instrument::{AssetClass, Instrument, Listing, Symbol};
use crate::domain::quote::{Bar, Interval, Quote};

/// See the module.
pub(super) struct StillFeed {
    /// What it has prices of; absent for everything.
    markets: Option<Vec<Market>>,
    /// Absent where it never answers.
    bars: Option<Vec<Bar>>,
    /// How often it was asked for bars.
    pub(super) asked: AtomicUsize,
}

impl StillFeed {
    /// One that has prices of these, and no bars.
    pub(super) fn of(classes: &[AssetClass]) -> Self {
        Self::of_markets(classes.iter().copied().map(Market::Class).collect())
    }

    /// The same by markets.
    pub(super) const fn of_markets(markets: Vec<Market>) -> Self {
        Self { markets: Some(markets), bars: Some(Vec::new()), asked: AtomicUsize::new(0) }
    }

    /// One of everything with these bars, or one that never answers.
    pub(super) const fn with(bars: Option<Vec<Bar>>) -> Self {
        Self { markets: None, bars, asked: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl MarketFeed for StillFeed {
    fn covers(&self, market: Market) -> bool {
        self.markets.as_ref().is_none_or(|markets| markets.contains(&market))
    }

    async fn quotes(&self, _: &[Instrument]) -> Result<Vec<Quote>, BrokerError> {
        Ok(Vec::new())
    }

    async fn bars(
        &self,
        _: &Instrument,
        _: Interval,
        _: Timestamp,
        _: usize,
    ) -> Result<Vec<Bar>, BrokerError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match &self.bars {
            Some(bars) => Ok(bars.clone()),
            None => std::future::pending().await,
        }
    }

    async fn expiries(&self, _: &Symbol) -> Result<Vec<Date>, BrokerError> {
        Ok(Vec::new())
    }

    async fn chain(&self, _: &Symbol, _: Date) -> Result<Vec<ChainRow>, BrokerError> {
        Ok(Vec::new())
    }

    async fn lookup(&self, _: &str) -> Result<Vec<Listing>, BrokerError> {
        Ok(Vec::new())
    }

    async fn watch(&self, _: watch::Receiver<Wanted>, _: mpsc::Sender<FeedEvent>) -> BrokerError {
        std::future::pending().await
    }
}
