//! What risk sees of the engine.

use rust_decimal::Decimal;

use crate::core::risk::{self, MarketView, RiskView};
use crate::domain::account::{Account, AccountKind};
use crate::domain::calendar::{MarketPhase, exchange_date};
use crate::domain::fees::FeeTable;
use crate::domain::ids::AccountId;
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::Money;
use crate::domain::order::{Order, OrderRequest};
use crate::domain::quote::Quote;

use super::{Books, Engine};

impl MarketView for Engine {
    fn quote(&self, instrument: &Instrument) -> Option<&Quote> {
        self.market.quote(instrument)
    }

    fn spec(&self, instrument: &Instrument) -> Option<&InstrumentSpec> {
        self.market.spec(instrument)
    }

    fn phase(&self, instrument: &Instrument) -> MarketPhase {
        self.calendar.phase(instrument.asset_class(), self.now)
    }

    fn average_volume(&self, instrument: &Instrument) -> Option<Decimal> {
        self.market.average_volume(instrument)
    }

    fn known_delta(&self, instrument: &Instrument) -> Option<Decimal> {
        self.deltas.get(instrument).copied()
    }

    fn short_sale_restricted(&self, instrument: &Instrument) -> bool {
        // A bar is the whole of its session: what it says was not known when the order came.
        let fell = self.fallen.get(instrument).filter(|_| self.prices_age);
        fell.is_some_and(|fell| exchange_date(self.now) <= self.calendar.next_session(*fell))
    }
}

impl Engine {
    /// An account's figures with working orders' money held back.
    pub(super) fn account_figures(&self, books: &Books) -> Account {
        self.account_figures_without(books, None)
    }

    /// The same as if one order were gone: what a replace is measured by.
    pub(super) fn account_figures_without(&self, books: &Books, gone: Option<&Order>) -> Account {
        let orders = self.book.lookup(&books.setup.account);
        let orders = gone.map_or(orders, |gone| orders.without(gone));
        let reserved = risk::reserved_by(&books.portfolio, self, &self.config.fees, orders);
        books.portfolio.account_with(self.now, reserved)
    }

    pub(super) fn risk_view<'a>(&'a self, books: &'a Books, account: &'a Account) -> RiskView<'a> {
        RiskView {
            now: self.now,
            trading_state: self.trading_state.max(books.trading_state),
            account,
            blind: self.is_valued_blindly(books),
            equity_high: Some(books.equity_high(account.day_start_equity)),
            capabilities: &books.setup.capabilities,
            limits: &books.setup.limits,
            portfolio: &books.portfolio,
            working: self.book.lookup(&books.setup.account),
            market: self,
            activity: &books.activity,
            day_trades: if books.counts_day_trades() {
                books.day_trades.count(&self.calendar, exchange_date(self.now))
            } else {
                0
            },
            good_faith: (books.setup.kind == AccountKind::Cash).then_some(&books.good_faith),
            locks: books.guarded.guards.held(),
            clock_back_at: self.trips.clock_back_at,
            fees: &self.config.fees,
            reconciled: books.reconciled,
            overridden: books.overridden,
            automation_paused: self.paused.contains_key(&books.setup.account),
            broker_up: books.broker_up,
            circuit_open: books.circuit_open,
            live_armed: self.trades_live(),
            bar_mode: self.config.bar_mode,
            prices_age: self.prices_age,
            never_closed: self.config.never_closed,
            replaces: None,
        }
    }

    /// What an order would cost, for previews.
    #[must_use]
    pub fn estimate(&self, request: &OrderRequest) -> Option<risk::CostEstimate> {
        let books = self.accounts.get(&request.account)?;
        Some(risk::estimate(&books.portfolio, self, self.fees(), request, request.quantity))
    }

    /// Units of an account's currency that one unit of an instrument's currency buys; `None` while nothing says so.
    #[must_use]
    pub fn rate(&self, account: &AccountId, instrument: &Instrument) -> Option<Decimal> {
        let currency = self.market.spec(instrument)?.currency;
        risk::rate(&self.accounts.get(account)?.portfolio, self, currency)
    }

    /// What an account's figures leave out, as no rate turns it into its currency.
    #[must_use]
    pub fn unrated(&self, account: &AccountId) -> Vec<Money> {
        self.accounts.get(account).map(|books| books.portfolio.unrated()).unwrap_or_default()
    }

    /// Something that is shown beside the books has changed.
    pub const fn touch(&mut self) {
        self.dirty.any = true;
    }

    /// The fee table.
    #[must_use]
    pub const fn fees(&self) -> &FeeTable {
        &self.config.fees
    }
}
