//! Accounts and the journal's content: the books are a function of what was journalled.

use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::core::effect::JournalEntry;
use crate::core::input::{AccountSetup, Restored};
use crate::core::portfolio::{AccountTerms, Applied, Portfolio};
use crate::core::risk::{Activity, DayTrades, GoodFaith};
use crate::domain::calendar::{Calendar, account_day};
use crate::domain::execution::{CashEntry, Execution};
use crate::domain::ids::AccountId;
use crate::domain::limits::TradingState;
use crate::domain::order::{Order, OrderStatus, OriginKind};

use super::{Books, Engine};

/// What was paid in and out since an instant, cash and units, in the account's currency.
fn paid_in_since(
    books: &Portfolio,
    account: &AccountId,
    at: Timestamp,
    (cash, executions): (&[CashEntry], &[Execution]),
) -> Decimal {
    let cash = cash.iter().filter(|entry| entry.account == *account && entry.at > at);
    let cash: Decimal = cash.filter_map(|entry| books.paid_in(entry)).sum();
    let units = executions.iter().filter(|it| it.account == *account && it.at > at);
    let units: Decimal = units.filter_map(|execution| books.brought_in(execution)).sum();
    cash + units
}

/// What most runs of a backtest come to: its books know each, and to grow is to move them all.
const EXECUTIONS_OF_A_RUN: usize = 4_096;

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
        if !self.keeps_all() {
            portfolio.expect_executions(EXECUTIONS_OF_A_RUN);
        }
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
            has_record: false,
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
            self.restore_activity(&order);
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
        for (account, instrument, price) in &restored.last_prices {
            if let Some(books) = self.accounts.get_mut(account) {
                books.portfolio.recall(instrument, *price);
                books.has_record = true;
            }
        }
        for (account, equity) in &restored.day_start_equity {
            if let Some(books) = self.accounts.get_mut(account) {
                books.portfolio.set_day_start_equity(self.now, *equity);
            }
        }
        for (account, at) in &restored.day_start_at {
            if let Some(books) = self.accounts.get_mut(account) {
                let moved = (restored.cash.as_slice(), restored.executions.as_slice());
                let paid_in = paid_in_since(&books.portfolio, account, *at, moved);
                books.portfolio.set_deposits_today(paid_in);
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
        *self.entry = JournalEntry::default();
        self.dirty.orders = true;
        self.dirty.books = true;
    }

    /// What went out before counts after a start too, for rates, repetition and what is usual. Exits of a bracket went with their order.
    fn restore_activity(&mut self, order: &Order) {
        let request = &order.request;
        let asked = order.status != OrderStatus::Denied && request.origin.kind != OriginKind::External;
        if !asked || request.contingency.parent.is_some() {
            return;
        }
        if let Some(books) = self.accounts.get_mut(&request.account) {
            books.activity.record(order.created_at, request, request.reduce_only);
        }
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
