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
use crate::store::Store;

use super::feed::MarketFeed;
use super::launch::{Access, EngineError, Settings};
use super::link::{self, LinkCommand};
use super::paper::VenueCommand;
use super::task::EngineTask;

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
        if self.access == Access::Read || !self.clock.is_system() {
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

pub(super) fn restore(
    core: &mut Engine,
    store: &Store,
    account: &AccountId,
    now: Timestamp,
) -> Result<(), EngineError> {
    let state = store.get_state("trading_state")?;
    let day_began = instant(plus_days(account_day(now), -1), jiff::civil::time(17, 0, 0, 0));
    let restored = Restored {
        orders: store.orders_for_start(RECENT_ORDERS)?,
        executions: store.all_executions()?,
        cash: store.all_cash()?,
        next_number: Some(OrderNumber(store.next_order_number()?)),
        trading_state: state.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
        day_start_equity: store
            .equity_at(account, day_began)?
            .map(|equity: Decimal| (account.clone(), equity))
            .into_iter()
            .collect(),
        equity_highs: store
            .equity_highs_since(account, now - SignedDuration::from_hours(28 * 24))?
            .into_iter()
            .map(|(at, equity)| (account.clone(), at, equity))
            .collect(),
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
