//! What an account at Hyperliquid shows when it is asked: orders, fills, states.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::json;

use super::account::{HyperliquidAccount, Known};
use super::figures::Held;
use super::mapping;
use super::venue::{self, LIST, STATE};
use super::wire::{Clearinghouse, Fill, Mids, OrderWithStatus, Portfolio, ShownOrder, SpotState};
use crate::brokers::BrokerError;

/// Orders that ended longer ago are not listed.
const LATELY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Fills of one answer, and answers that are asked for: the venue reaches no further back.
const PAGE: usize = 2_000;
const PAGES_MAX: usize = 5;
/// Rows of a long list that cost one more.
const ROWS_A_UNIT: usize = 20;
/// The lists, in `lengths`.
const ORDERS: usize = 0;
const FILLS: usize = 1;
/// The mode of an account is asked for again after this, its gain of the day after that.
const MODE_FRESH: Duration = Duration::from_secs(600);
const DAY_FRESH: Duration = Duration::from_secs(60);

/// What an order is told from others by: exits that wait have no id of the venue's.
fn key(order: &ShownOrder) -> (u64, Option<String>) {
    (order.oid, order.cloid.clone().filter(|_| order.oid == 0))
}

impl HyperliquidAccount {
    /// What a long list costs, by how long it was the last time.
    fn cost(&self, list: usize) -> u32 {
        let rows = self.lengths[list].load(Ordering::Relaxed);
        LIST + u32::try_from(rows / ROWS_A_UNIT).unwrap_or(LIST)
    }

    pub(super) async fn open_orders(&self) -> Result<Vec<ShownOrder>, BrokerError> {
        let mut all = Vec::new();
        for dex in &self.venue().settings.dexs {
            let body = json!({"type": "frontendOpenOrders", "user": self.user(), "dex": dex});
            let call = venue::history("frontendOpenOrders", LIST);
            for mut order in self.venue().info::<Vec<ShownOrder>>(call, &body).await? {
                let waiting = std::mem::take(&mut order.children);
                all.push(order);
                all.extend(waiting);
            }
        }
        Ok(all)
    }

    /// Working orders and those that ended lately, each once, as it stood last.
    pub(super) async fn shown_orders(&self) -> Result<Vec<OrderWithStatus>, BrokerError> {
        let mut rows: BTreeMap<(u64, Option<String>), OrderWithStatus> = BTreeMap::new();
        for order in self.open_orders().await? {
            let (unique, at) = (key(&order), order.timestamp);
            rows.insert(unique, OrderWithStatus { order, status: "open".to_owned(), status_timestamp: at });
        }
        // Asked for after the open ones, so that what ends in between is seen to have ended.
        let body = json!({"type": "historicalOrders", "user": self.user()});
        let call = venue::history("historicalOrders", self.cost(ORDERS));
        let ended: Vec<OrderWithStatus> = self.venue().info(call, &body).await?;
        self.lengths[ORDERS].store(ended.len(), Ordering::Relaxed);
        let since = self.venue().http.broker_now().checked_sub(LATELY).unwrap_or(Timestamp::MIN);
        for row in ended {
            let status = mapping::status(&row.status, row.order.orig_sz, row.order.sz);
            if !status.is_terminal() || row.status_timestamp < since.as_millisecond() {
                continue;
            }
            let older = rows
                .get(&key(&row.order))
                .is_some_and(|known| known.status != "open" && known.status_timestamp > row.status_timestamp);
            if !older {
                rows.insert(key(&row.order), row);
            }
        }
        Ok(rows.into_values().collect())
    }

    pub(super) async fn fills(&self, since: Timestamp) -> Result<Vec<Fill>, BrokerError> {
        let mut all: BTreeMap<(i64, u64, u64), Fill> = BTreeMap::new();
        let mut start = since.as_millisecond().max(0);
        for _ in 0..PAGES_MAX {
            let body = json!({"type": "userFillsByTime", "user": self.user(), "startTime": start, "aggregateByTime": false});
            let call = venue::history("userFillsByTime", self.cost(FILLS));
            let page: Vec<Fill> = self.venue().info(call, &body).await?;
            self.lengths[FILLS].store(page.len(), Ordering::Relaxed);
            let (count, last) = (page.len(), page.iter().map(|fill| fill.time).max());
            all.extend(page.into_iter().map(|fill| ((fill.time, fill.tid, fill.oid), fill)));
            match last {
                Some(last) if count >= PAGE && last > start => start = last,
                _ => break,
            }
        }
        Ok(all.into_values().collect())
    }

    /// The states of the account on each dex, and of its spot.
    pub(super) async fn held(&self) -> Result<Held, BrokerError> {
        let mut perpetuals: Vec<Clearinghouse> = Vec::new();
        for dex in &self.venue().settings.dexs {
            let body = json!({"type": "clearinghouseState", "user": self.user(), "dex": dex});
            perpetuals.push(self.venue().info(venue::read("clearinghouseState", STATE), &body).await?);
        }
        let body = json!({"type": "spotClearinghouseState", "user": self.user()});
        let spot: SpotState = self.venue().info(venue::read("spotClearinghouseState", STATE), &body).await?;
        let body = json!({"type": "allMids", "dex": ""});
        let mids: Mids = self.venue().info(venue::read("allMids", STATE), &body).await?;
        Ok(Held { perpetuals, spot, mids })
    }

    /// Is the collateral in the spot state.
    pub(super) async fn is_unified(&self) -> Result<bool, BrokerError> {
        if let Some(known) = fresh(&self.unified, MODE_FRESH) {
            return Ok(known);
        }
        let body = json!({"type": "userAbstraction", "user": self.user()});
        let word: String = self.venue().info(venue::read("userAbstraction", LIST), &body).await?;
        Ok(keep(&self.unified, matches!(word.as_str(), "unifiedAccount" | "portfolioMargin")))
    }

    /// Gain or loss of the last 24 hours, as the venue counts it.
    pub(super) async fn day_pnl(&self) -> Result<Decimal, BrokerError> {
        if let Some(known) = fresh(&self.day_pnl, DAY_FRESH) {
            return Ok(known);
        }
        let body = json!({"type": "portfolio", "user": self.user()});
        let parts: Portfolio = self.venue().info(venue::read("portfolio", LIST), &body).await?;
        let day = parts.iter().find(|(name, _)| name == "day").and_then(|(_, part)| part.pnl_history.last());
        Ok(keep(&self.day_pnl, day.map_or(Decimal::ZERO, |(_, pnl)| pnl.0)))
    }
}

fn fresh<T: Copy>(known: &Known<T>, age_max: Duration) -> Option<T> {
    let known = known.lock().unwrap_or_else(PoisonError::into_inner);
    known.filter(|(at, _)| at.elapsed() < age_max).map(|(_, value)| value)
}

fn keep<T: Copy>(known: &Known<T>, value: T) -> T {
    *known.lock().unwrap_or_else(PoisonError::into_inner) = Some((std::time::Instant::now(), value));
    value
}
