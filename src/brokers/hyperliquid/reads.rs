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
use super::universe::Universe;
use super::venue::{self, LIST, STATE};
use super::wire::{Clearinghouse, Fill, Mids, OrderWithStatus, Portfolio, ShownOrder, SpotState};
use super::{NAME, mapping};
use crate::brokers::BrokerError;
use crate::brokers::http::Call;

/// Orders that ended longer ago are not listed.
const LATELY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Fills of one answer, and how many the venue reaches back in all.
const PAGE: usize = 2_000;
const REACH: usize = 10_000;
/// Answers that are asked for: they overlap, so that it takes more than go into what can be reached.
const PAGES_MAX: usize = 8;
/// Rows of a long list that cost one more.
const ROWS_A_UNIT: usize = 20;
/// A long list weighs much of what may be read in a minute: its turn is waited for.
const LIST_MAX: Duration = Duration::from_secs(60);
/// The lists, in `lengths`.
const ORDERS: usize = 0;
const FILLS: usize = 1;
pub(super) const TWAPS: usize = 2;
pub(super) const SLICES: usize = 3;
/// The mode of an account is asked for again after this, its gain of the day after that.
const MODE_FRESH: Duration = Duration::from_secs(600);
const DAY_FRESH: Duration = Duration::from_secs(60);
/// What counts as today there.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What an order is told from others by: exits that wait have no id of the venue's.
fn key(order: &ShownOrder) -> (u64, Option<String>) {
    (order.oid, order.cloid.clone().filter(|_| order.oid == 0))
}

/// Does it trade whatever is held when its trigger is reached.
const fn is_of_position(order: &ShownOrder) -> bool {
    order.is_position_tpsl && order.orig_sz.is_zero()
}

/// Makes such an order as large as the position that it closes; `false` where there is none, so that it is an order for nothing.
fn fit(order: &mut ShownOrder, held: &Held) -> bool {
    let closes = |szi: Decimal| szi.is_sign_positive() == (order.side == "A");
    let position = held.positions().find(|position| position.coin == order.coin && closes(position.szi));
    let Some(position) = position else { return false };
    (order.sz, order.orig_sz) = (position.szi.abs(), position.szi.abs());
    true
}

/// From when the next page of fills is asked for, oldest first; `None` after the last one. Fills of one instant may stand on both.
fn next_page(start: i64, page: &[Fill]) -> Option<i64> {
    let last = page.iter().map(|fill| fill.time).max()?;
    (page.len() >= PAGE).then(|| last.max(start.saturating_add(1)))
}

impl HyperliquidAccount {
    /// What a long list costs, by how long it was the last time.
    fn cost(&self, list: usize) -> u32 {
        let rows = self.lengths[list].load(Ordering::Relaxed);
        LIST + u32::try_from(rows / ROWS_A_UNIT).unwrap_or(LIST)
    }

    /// A long list, whose cost is what it was the last time.
    pub(super) async fn listed<T: serde::de::DeserializeOwned>(
        &self,
        list: usize,
        name: &'static str,
        body: &serde_json::Value,
    ) -> Result<Vec<T>, BrokerError> {
        let call = Call { deadline: LIST_MAX, ..venue::history(name, self.cost(list)) };
        let rows: Vec<T> = self.venue().info(call, body).await?;
        self.lengths[list].store(rows.len(), Ordering::Relaxed);
        Ok(rows)
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

    /// Orders that work, each of so many units as it would trade now.
    async fn sized_orders(&self) -> Result<Vec<ShownOrder>, BrokerError> {
        let mut open = self.open_orders().await?;
        if open.iter().any(is_of_position) {
            let held = self.held().await?;
            open.retain_mut(|order| !is_of_position(order) || fit(order, &held));
        }
        Ok(open)
    }

    /// Working orders and those that ended lately, each once, as it stood last.
    pub(super) async fn shown_orders(&self) -> Result<Vec<OrderWithStatus>, BrokerError> {
        let mut rows: BTreeMap<(u64, Option<String>), OrderWithStatus> = BTreeMap::new();
        for order in self.sized_orders().await? {
            let (unique, at) = (key(&order), order.timestamp);
            rows.insert(unique, OrderWithStatus { order, status: "open".to_owned(), status_timestamp: at });
        }
        // Asked for after the open ones, so that what ends in between is seen to have ended.
        let body = json!({"type": "historicalOrders", "user": self.user()});
        let ended: Vec<OrderWithStatus> = self.listed(ORDERS, "historicalOrders", &body).await?;
        let since = self.lately();
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

    /// Fills since an instant, oldest first. They are remembered for the figures.
    pub(super) async fn fills(&self, since: Timestamp) -> Result<Vec<Fill>, BrokerError> {
        let asked = std::time::Instant::now();
        let fills = self.ask_fills(since).await?;
        let listed = ListedFills { asked, since, fills: fills.clone() };
        *self.listed_fills.lock().unwrap_or_else(PoisonError::into_inner) = Some(listed);
        Ok(fills)
    }

    async fn ask_fills(&self, since: Timestamp) -> Result<Vec<Fill>, BrokerError> {
        let mut all: BTreeMap<(i64, u64, u64), Fill> = BTreeMap::new();
        let mut from = Some(since.as_millisecond().max(0));
        for _ in 0..PAGES_MAX {
            let Some(start) = from else { break };
            let body = json!({"type": "userFillsByTime", "user": self.user(), "startTime": start, "aggregateByTime": false});
            let page: Vec<Fill> = self.listed(FILLS, "userFillsByTime", &body).await?;
            from = next_page(start, &page);
            all.extend(page.into_iter().map(|fill| ((fill.time, fill.tid, fill.oid), fill)));
        }
        if from.is_some() {
            return Err(mapping::unreadable("userFillsByTime", "the list does not end".to_owned()));
        }
        if all.len() >= REACH {
            tracing::warn!(
                broker = NAME,
                fills = all.len(),
                "the venue lists no older fills: positions tell what they did"
            );
        }
        // Fills of slices are in no list but their own.
        all.extend(
            self.slice_fills(since).await?.into_iter().map(|fill| ((fill.time, fill.tid, fill.oid), fill)),
        );
        Ok(all.into_values().collect())
    }

    /// What ended before this is not listed.
    pub(super) fn lately(&self) -> Timestamp {
        self.venue().http.broker_now().checked_sub(LATELY).unwrap_or(Timestamp::MIN)
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

/// What fills came to, in USDC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traded {
    /// Gain or loss of what was closed, fees taken off.
    pub(super) realized_pnl: Decimal,
    /// Fees, positive.
    pub(super) fees: Decimal,
}

impl HyperliquidAccount {
    /// Gain and fees of the fills of the last 24 hours, as the venue counts them.
    pub(super) async fn traded(&self, universe: &Universe, held: &Held) -> Result<Traded, BrokerError> {
        if let Some(known) = fresh(&self.traded, DAY_FRESH) {
            return Ok(known);
        }
        let since = self.venue().http.broker_now().checked_sub(DAY).unwrap_or(Timestamp::MIN);
        let fills = match self.fills_of_late(since) {
            Some(fills) => fills,
            // A comparison lists them in a moment; until then nothing is said of them.
            None if self.sent.open_for() < super::STARTING => return Ok(Traded::default()),
            None => self.fills(since).await?,
        };
        Ok(keep(&self.traded, traded(universe, held, &fills)))
    }
}

/// Fills as they were listed.
#[derive(Debug)]
pub(super) struct ListedFills {
    asked: std::time::Instant,
    since: Timestamp,
    fills: Vec<Fill>,
}

impl HyperliquidAccount {
    /// Those since an instant, where they were listed within the last minute.
    fn fills_of_late(&self, since: Timestamp) -> Option<Vec<Fill>> {
        let listed = self.listed_fills.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = listed.as_ref().filter(|listed| listed.since <= since)?;
        let wanted = |fill: &&Fill| fill.time >= since.as_millisecond();
        (listed.asked.elapsed() < DAY_FRESH).then(|| listed.fills.iter().filter(wanted).cloned().collect())
    }
}

/// Sums fills. A fee in a coin counts at the price of its own fill, else at the coin's price now.
pub(super) fn traded(universe: &Universe, held: &Held, fills: &[Fill]) -> Traded {
    let mut sum = Traded::default();
    for fill in fills {
        let instrument = universe.instrument(&fill.coin);
        let coin = instrument.as_ref().and_then(|instrument| mapping::fee_in(universe, fill, instrument));
        let price = match &coin {
            None => Some(Decimal::ONE),
            Some(coin) if instrument.as_ref() == Some(coin) => Some(fill.px),
            Some(coin) => {
                universe.asset(coin).and_then(|asset| held.mids.get(asset.coin.as_str())).map(|mid| mid.0)
            }
        };
        match price {
            Some(price) => {
                sum.fees = sum.fees.saturating_add(fill.fee.saturating_mul(price));
            }
            None => tracing::warn!(tid = fill.tid, "a fee in a coin without a price is in no sum"),
        }
        sum.realized_pnl += fill.closed_pnl.unwrap_or_default();
    }
    sum.realized_pnl = sum.realized_pnl.saturating_sub(sum.fees);
    sum
}

pub(super) fn fresh<T: Copy>(known: &Known<T>, age_max: Duration) -> Option<T> {
    let known = known.lock().unwrap_or_else(PoisonError::into_inner);
    known.filter(|(at, _)| at.elapsed() < age_max).map(|(_, value)| value)
}

pub(super) fn keep<T: Copy>(known: &Known<T>, value: T) -> T {
    *known.lock().unwrap_or_else(PoisonError::into_inner) = Some((std::time::Instant::now(), value));
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_sum_up_with_their_fees_in_whatever_coin() {
        let mut universe = Universe::default();
        let spot = r#"{"tokens":[{"name":"USDC","szDecimals":8,"index":0},{"name":"PURR","szDecimals":0,"index":1},{"name":"HYPE","szDecimals":2,"index":2}],
            "universe":[{"name":"PURR/USDC","tokens":[1,0],"index":0},{"name":"@107","tokens":[2,0],"index":107}]}"#;
        universe.add_spot(&serde_json::from_str(spot).unwrap());
        let held = Held {
            perpetuals: Vec::new(),
            spot: serde_json::from_str(r#"{"balances":[]}"#).unwrap(),
            mids: serde_json::from_str(r#"{"@107":"40"}"#).unwrap(),
        };
        let fill = |coin: &str, closed: &str, fee: &str, token: &str| -> Fill {
            let text = format!(
                r#"{{"coin":"{coin}","px":"0.5","sz":"10","side":"A","time":1700000000000,"dir":"Close Long","closedPnl":"{closed}",
                "oid":1,"tid":2,"fee":"{fee}","feeToken":"{token}"}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let of = |fills: &[Fill]| {
            let sum = traded(&universe, &held, fills);
            (sum.realized_pnl.normalize().to_string(), sum.fees.normalize().to_string())
        };
        let is = |gain: &str, fees: &str| (gain.to_owned(), fees.to_owned());
        assert_eq!(
            of(&[fill("BTC", "12.5", "0.25", "USDC"), fill("BTC", "-2.5", "-0.05", "USDC")]),
            is("9.8", "0.2")
        );
        assert_eq!(of(&[fill("PURR/USDC", "1", "0.4", "PURR")]), is("0.8", "0.2"));
        assert_eq!(of(&[fill("BTC", "10", "0.01", "HYPE")]), is("9.6", "0.4"));
        assert_eq!(of(&[]), is("0", "0"));
        // In the books a fee in a third coin is that coin's units.
        let account = crate::domain::ids::AccountId::new("a");
        let booked = mapping::executions(&universe, &account, &fill("BTC", "10", "0.01", "HYPE")).unwrap();
        assert_eq!((booked[0].fee, booked[1].instrument.to_string().as_str()), (Decimal::ZERO, "HYPE-USDC"));
        assert_eq!((booked[1].quantity.get(), booked[1].side.is_buy()), (Decimal::new(1, 2), false));
        let unlisted = mapping::executions(&universe, &account, &fill("BTC", "10", "3", "NEWCOIN")).unwrap();
        assert_eq!(unlisted[1].instrument.to_string(), "NEWCOIN-USDC");
    }
}
