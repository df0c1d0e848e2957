//! Snapshots: sections are shared with the last one where nothing changed.

use std::sync::Arc;

use crate::domain::account::AccountMode;
use crate::domain::order::Order;
use crate::domain::position::Position;
use crate::domain::snapshot::{AccountView, LogLine, Snapshot, Standing};

use super::{Dirty, Engine};

/// Orders shown: all working ones, and the newest others up to this many in all.
pub const ORDERS_SHOWN_MAX: usize = 200;

/// Sections of the last snapshot.
#[derive(Clone, Debug, Default)]
pub(super) struct Published {
    orders: Arc<Vec<Order>>,
    log: Arc<Vec<LogLine>>,
}

impl Engine {
    /// The picture front ends read. Call it when `changed()`; `seq` rises each time.
    pub fn snapshot(&mut self) -> Snapshot {
        let dirty = std::mem::take(&mut self.dirty);
        if dirty.any {
            self.seq += 1;
        }
        if dirty.orders {
            self.published.orders = Arc::new(self.orders_shown());
        }
        if dirty.log {
            self.published.log = Arc::new(self.log.iter().cloned().collect());
        }
        self.dirty = Dirty::default();
        let accounts: Vec<AccountView> = self
            .accounts
            .values()
            .map(|books| {
                let account = self.account_figures(books);
                AccountView {
                    used: self.used(books, &account),
                    account,
                    capabilities: books.setup.capabilities.clone(),
                    limits: books.setup.limits.clone(),
                    trading_state: books.trading_state,
                    standing: Standing {
                        up: books.broker_up,
                        reconciled: books.reconciled,
                        overridden: books.overridden,
                        last: books.pace.last.clone(),
                        // Told by the shell, which asks brokers.
                        figures: None,
                        broker: None,
                    },
                }
            })
            .collect();
        let positions: Vec<Position> =
            self.accounts.values().flat_map(|books| books.portfolio.positions()).collect();
        let mode = self
            .accounts
            .get(&self.config.default_account)
            .map_or(AccountMode::Paper, |books| books.setup.mode);
        Snapshot {
            seq: self.seq,
            now: self.now,
            profile: self.config.profile.clone(),
            mode,
            trading_state: self.trading_state,
            feed: self.config.feed,
            market: self.clock.clone(),
            default_account: self.config.default_account.clone(),
            accounts: Arc::new(accounts),
            totals: Arc::default(),
            positions: Arc::new(positions),
            orders: Arc::clone(&self.published.orders),
            quotes: self.market.quotes(),
            specs: self.market.specs(),
            watchlists: Arc::clone(&self.watchlists),
            alerts: self.alerts.shown(),
            exits: self.exits.shown(),
            strategies: self.strategies_shown(),
            books: Arc::default(),
            notes: Arc::default(),
            log: Arc::clone(&self.published.log),
            connections: Arc::clone(&self.connections),
            replay: self.replay,
            locked: false,
        }
    }

    fn orders_shown(&self) -> Vec<Order> {
        let mut shown: Vec<Order> = self.book.working().rev().cloned().collect();
        let room = ORDERS_SHOWN_MAX.saturating_sub(shown.len());
        shown.extend(self.book.ended().rev().take(room).cloned());
        shown.sort_by_key(|order| std::cmp::Reverse(order.number));
        shown
    }
}
