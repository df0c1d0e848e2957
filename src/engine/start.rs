//! What a start takes up: the journal as the last engine left it, orders that were on their way, and the first comparison with the broker.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::core::effect::Effect;
use crate::core::engine::Engine;
use crate::core::input::{Input, Restored};
use crate::domain::calendar::{account_day, instant, plus_days};
use crate::domain::execution::AccountEvent;
use crate::domain::ids::{AccountId, OrderNumber};
use crate::domain::instrument::Instrument;
use crate::domain::order::OrderStatus;
use crate::domain::snapshot::Watchlist;
use crate::domain::strategy::DecisionRecord;
use crate::market::simulated::ACTIVE;
use crate::store::{Store, StoreError};

use super::feed::MarketFeed;
use super::launch::{Access, EngineError, Settings};
use super::link::{self, LinkCommand};
use super::paper::VenueCommand;
use super::task::EngineTask;

/// What days of accounts began with, and their highs with a time of each.
type Equities = (Vec<(AccountId, Timestamp, Decimal)>, Vec<(AccountId, Timestamp, Decimal)>);

/// Hours of equity that are looked through for highs: twenty days of trading.
const HIGHS_HOURS: i64 = 28 * 24;
/// Ended orders brought back at a start.
const RECENT_ORDERS: u32 = 500;

impl EngineTask {
    /// First inputs: lists, instruments that are watched, held or ordered, and that the venue's books agree.
    pub(super) async fn open(&mut self, lists: Vec<Watchlist>, account: AccountId) {
        if let super::feed::Source::Replay(replay) = &self.feed.source {
            let actions = replay.announced();
            self.paper.tell(VenueCommand::Announce(actions)).await;
        }
        let mut wanted: Vec<Instrument> =
            lists.iter().take(1).flat_map(|list| list.instruments.clone()).collect();
        wanted.extend(self.core.positions(&account).into_iter().map(|position| position.instrument));
        wanted.extend(
            self.core
                .book()
                .working()
                .flat_map(|order| order.request.subject.instruments().cloned().collect::<Vec<_>>()),
        );
        wanted.extend(self.core.alerted().cloned());
        wanted.extend(self.core.exits_watched().cloned());
        if *self.core.watchlists() != *lists {
            self.step(Input::Watchlists(lists)).await;
        }
        for instrument in &wanted {
            self.ensure(instrument).await;
        }
        if self.access == Access::Read || !self.clock.goes_on() {
            self.step(Input::BrokerStatus { account, up: true, reconciled: true }).await;
        } else {
            self.reconcile_first(account).await;
        }
        if self.access == Access::Read {
            return;
        }
        self.take_up().await;
        if self.access == Access::Trade && self.clock.is_system() {
            self.open_logins();
        }
        self.look_for_halt().await;
        let now = self.clock.now();
        self.paper.tell(VenueCommand::Advance(now)).await;
        self.step(Input::Tick).await;
        if self.access == Access::Trade {
            self.tell_terms().await;
            self.step(Input::RunStrategies).await;
            self.keep_bots();
        }
    }
}

impl EngineTask {
    /// The first comparison, before anybody's first order (reliability R1). The paper venue answers at once, so that it is waited for.
    async fn reconcile_first(&mut self, account: AccountId) {
        let now = self.clock.now();
        let status = Input::BrokerStatus { account: account.clone(), up: true, reconciled: false };
        for effect in self.core.step(now, status) {
            let Effect::Reconcile { reason, since, .. } = effect else {
                self.dispatch(effect).await;
                continue;
            };
            let statement = link::gather(&self.paper, &account, reason, now, since).await;
            self.step(Input::Broker(Box::new(AccountEvent::Statement(Box::new(statement))))).await;
        }
    }

    /// What was in flight when the last engine ended (reliability J7): an order whose sending is unproven is asked about, never sent again; a
    /// cancel is sent again, as that is safe.
    async fn take_up(&mut self) {
        let in_flight: Vec<_> = self
            .core
            .book()
            .working()
            .filter_map(|order| {
                let command = match order.status {
                    OrderStatus::PendingSubmit | OrderStatus::Unknown => {
                        Some(LinkCommand::Ask(order.handle()))
                    }
                    OrderStatus::PendingCancel => Some(LinkCommand::Cancel(order.handle())),
                    _ => None,
                };
                command.map(|command| (order.request.account.clone(), command))
            })
            .collect();
        for (account, command) in in_flight {
            self.send(&account, command).await;
        }
    }
}

pub(super) fn restore(core: &mut Engine, store: &Store, now: Timestamp) -> Result<(), EngineError> {
    let state = store.get_state("trading_state")?;
    let accounts: Vec<AccountId> = core.account_ids().cloned().collect();
    let (starts, equity_highs) = equities(store, &accounts, now)?;
    let restored = Restored {
        orders: store.orders_for_start(RECENT_ORDERS)?,
        executions: store.all_executions()?,
        cash: store.all_cash()?,
        next_number: Some(OrderNumber(store.next_order_number()?)),
        trading_state: state.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
        day_start_equity: starts.iter().map(|(account, _, equity)| (account.clone(), *equity)).collect(),
        day_start_at: starts.into_iter().map(|(account, at, _)| (account, at)).collect(),
        last_prices: super::journal::read_last_prices(store)?,
        equity_highs,
        fallen: super::journal::read_fallen(store)?,
        paused: super::journal::read_paused(store)?,
        alerts: store.alerts()?,
        exits: store.exits()?,
        guards: super::journal::read_guards(store)?,
        strategies: store.strategies()?,
        decisions: newest_decisions(store)?,
        log: store.log(200)?,
    };
    drop(core.step(now, Input::Restored(Box::new(restored))));
    Ok(())
}

/// What the account day of each account began with, and the highs of the days before. A day begins with what the one before it ended with, so
/// that what happened to prices meanwhile is of this day; where nothing was recorded before, with what it has first.
fn equities(store: &Store, accounts: &[AccountId], now: Timestamp) -> Result<Equities, StoreError> {
    let began = instant(plus_days(account_day(now), -1), jiff::civil::time(17, 0, 0, 0));
    let since = now - SignedDuration::from_hours(HIGHS_HOURS);
    let (mut starts, mut highs) = (Vec::new(), Vec::new());
    for account in accounts {
        let equity = match store.equity_before(account, began)? {
            Some(before) => Some(before),
            None => store.equity_at(account, began)?,
        };
        starts.extend(equity.map(|(at, equity)| (account.clone(), at, equity)));
        let of_days = store.equity_highs_since(account, since)?;
        highs.extend(of_days.into_iter().map(|(at, equity)| (account.clone(), at, equity)));
    }
    Ok((starts, highs))
}

/// The newest decision of each strategy.
fn newest_decisions(store: &Store) -> Result<Vec<DecisionRecord>, EngineError> {
    let mut newest = Vec::new();
    for strategy in store.strategies()? {
        newest.extend(store.decisions(Some(&strategy.name), 1)?);
    }
    Ok(newest)
}

pub(super) fn default_watchlists(settings: &Settings, feed: &MarketFeed) -> Vec<Watchlist> {
    if let super::feed::Source::Replay(replay) = &feed.source {
        return vec![Watchlist { name: "replay".into(), instruments: replay.instruments() }];
    }
    if !settings.watchlists.is_empty() {
        return settings.watchlists.clone();
    }
    ACTIVE
        .iter()
        .map(|(name, symbols)| Watchlist {
            name: (*name).into(),
            instruments: symbols.iter().filter_map(|symbol| Instrument::from_key(symbol).ok()).collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::JournalBatch;

    /// Every account has its own; a day begins with what the one before it ended with.
    #[test]
    fn each_account_goes_on_with_its_own_day() {
        let home = tempfile::tempdir().unwrap();
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let mut store = Store::open(&home.path().join("profile"), at("2026-11-24T10:00:00Z")).unwrap();
        let [paper, live, new] = ["paper", "alpaca-1234", "new"].map(AccountId::new);
        let row = |account: &AccountId, time: &str, equity: i64| {
            (account.clone(), at(time), Decimal::from(equity), Decimal::ZERO)
        };
        // 17:00 in New York is 22:00 UTC.
        let equity = vec![
            row(&paper, "2026-11-23T21:59:00Z", 100),
            row(&paper, "2026-11-24T14:00:00Z", 90),
            row(&live, "2026-11-20T20:00:00Z", 5_000),
            row(&live, "2026-11-20T21:00:00Z", 4_700),
            row(&live, "2026-11-24T14:00:00Z", 4_600),
            row(&new, "2026-11-24T14:30:00Z", 70),
            row(&new, "2026-11-24T14:31:00Z", 71),
        ];
        store.journal(&[JournalBatch { equity, ..JournalBatch::default() }]).unwrap();
        let accounts = [paper.clone(), live.clone(), new.clone()];
        let (starts, highs) = equities(&store, &accounts, at("2026-11-24T15:00:00Z")).unwrap();
        let started = [
            (paper, at("2026-11-23T21:59:00Z"), 100.into()),
            (live.clone(), at("2026-11-20T21:00:00Z"), 4_700.into()),
            (new, at("2026-11-24T14:30:00Z"), 70.into()),
        ];
        assert_eq!(starts, started);
        let of_live: Vec<i64> = highs
            .iter()
            .filter(|(of, ..)| *of == live)
            .map(|(.., high)| i64::try_from(*high).unwrap())
            .collect();
        assert_eq!(of_live, [5_000, 4_600]);
    }
}
