//! Accounts and the journal's content: the books are a function of what was journalled.

use std::sync::Arc;

use crate::core::effect::JournalEntry;
use crate::core::input::{AccountSetup, Restored};
use crate::core::portfolio::{AccountTerms, Applied, Portfolio};
use crate::core::risk::{Activity, DayTrades, GoodFaith};
use crate::domain::calendar::{Calendar, account_day};
use crate::domain::execution::{CashEntry, Execution};
use crate::domain::limits::TradingState;

use super::{Books, Engine};

impl Engine {
    pub(super) fn add_account(&mut self, setup: AccountSetup) {
        let mut portfolio = Portfolio::new(AccountTerms {
            account: setup.account.clone(),
            kind: setup.kind,
            mode: setup.mode,
            currency: setup.currency,
            options_level: setup.options_level,
            opening_cash: setup.opening_cash.clone(),
        });
        portfolio.set_calendar(Arc::clone(&self.calendar));
        let books = Books {
            portfolio,
            activity: Activity::default(),
            day_trades: DayTrades::default(),
            good_faith: GoodFaith::default(),
            guarded: super::guarded::Guarded::default(),
            trading_state: TradingState::Active,
            broker_up: true,
            circuit_open: false,
            reconciled: false,
            overridden: false,
            last_equity_at: None,
            moved_at: std::collections::BTreeMap::new(),
            pace: super::reconcile::Pace::default(),
            unexplained: super::explained::Unexplained::default(),
            equity_highs: std::collections::VecDeque::new(),
            setup,
        };
        self.accounts.insert(books.setup.account.clone(), books);
        self.dirty.books = true;
    }

    /// The exchange has other days than were known: sessions, due times and settlements from now on go by them.
    pub(super) fn take_calendar(&mut self, calendar: Arc<Calendar>) {
        for books in self.accounts.values_mut() {
            books.portfolio.set_calendar(Arc::clone(&calendar));
        }
        self.clock.calendar = Arc::clone(&calendar);
        self.calendar = calendar;
    }

    /// Rebuilds orders and books. Nothing of it is written again.
    pub(super) fn restore(&mut self, restored: Restored) {
        self.trading_state = restored.trading_state;
        self.restored_at = self.now;
        if let Some(number) = restored.next_number {
            self.next_number = self.next_number.max(number.0);
        }
        // Before their executions: whose those are is asked as they come.
        for order in restored.orders {
            self.next_number = self.next_number.max(order.number.0 + 1);
            self.book.insert(order);
        }
        let mut cash = restored.cash.iter().peekable();
        for execution in &restored.executions {
            // As it happened: what was paid in before a purchase had paid for it.
            while let Some(entry) = cash.next_if(|entry| entry.at <= execution.at) {
                self.restore_cash(entry);
            }
            self.restore_execution(execution);
        }
        cash.for_each(|entry| self.restore_cash(entry));
        self.fallen.extend(restored.fallen.iter().cloned());
        self.paused.extend(restored.paused.iter().cloned());
        for (account, equity) in &restored.day_start_equity {
            if let Some(books) = self.accounts.get_mut(account) {
                books.portfolio.set_day_start_equity(self.now, *equity);
            }
        }
        for (account, at, equity) in &restored.equity_highs {
            if let Some(books) = self.accounts.get_mut(account) {
                books.see_equity(account_day(*at), *equity);
            }
        }
        self.alerts.restore(restored.alerts);
        self.exits.restore(restored.exits);
        self.restore_guards(restored.guards.as_deref());
        self.restore_strategies(&restored.strategies, restored.decisions);
        self.log.extend(restored.log);
        self.dirty.log = true;
        self.forget_claimed();
        self.entry = JournalEntry::default();
        self.dirty.orders = true;
        self.dirty.books = true;
    }

    fn restore_execution(&mut self, execution: &Execution) {
        let Some(books) = self.accounts.get_mut(&execution.account) else { return };
        let held = books.portfolio.quantity(&execution.instrument);
        let settles = books.settles_behind(execution);
        if matches!(books.portfolio.apply(execution), Applied::New { .. }) {
            books.record(execution, held, settles);
            books.pace.saw_execution(execution.at);
            self.saw_inferred(execution);
            self.saw_unexplained(execution);
        }
    }

    fn restore_cash(&mut self, entry: &CashEntry) {
        if let Some(books) = self.accounts.get_mut(&entry.account) {
            books.portfolio.apply_cash(entry);
        }
        self.saw_cash(entry);
    }
}
