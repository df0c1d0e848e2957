//! The books as a strategy of a backtest reads them: it has the account to itself, so that what the account holds is what it claims.

use rust_decimal::Decimal;

use crate::core::engine::Engine;
use crate::core::portfolio::cash_securing_puts;
use crate::domain::account::AccountKind;
use crate::domain::calendar::Calendar;
use crate::domain::fees::FeeTable;
use crate::domain::ids::AccountId;
use crate::domain::instrument::{Instrument, InstrumentSpec, Symbol};
use crate::domain::money::Quantity;
use crate::domain::order::Order;
use crate::domain::quote::Quote;
use crate::strategies::{Books, Held, Room, Standing, Working};

/// One account of the core.
pub(super) struct View<'a> {
    pub(super) core: &'a Engine,
    pub(super) account: &'a AccountId,
    pub(super) calendar: &'a Calendar,
    pub(super) risk_free: f64,
}

impl View<'_> {
    fn working_where(&self, wanted: impl Fn(&Order) -> bool) -> Vec<Working> {
        let orders = self.core.book().working_of(self.account);
        let mut orders: Vec<&Order> = orders.filter(|order| wanted(order)).collect();
        orders.sort_by_key(|order| order.number);
        orders.into_iter().map(|order| Working::of(order, self.first_of(order).created_at)).collect()
    }

    /// The first order of a line of replacements.
    fn first_of<'b>(&'b self, order: &'b Order) -> &'b Order {
        let mut first = order;
        while let Some(before) = first.replaces.and_then(|id| self.core.order(id)) {
            first = before;
        }
        first
    }
}

impl Books for View<'_> {
    fn position(&self, instrument: &Instrument) -> Quantity {
        self.core.held(self.account, instrument)
    }

    fn held(&self, instrument: &Instrument) -> Option<Held> {
        let position = self.core.position(self.account, instrument)?;
        Some(Held {
            instrument: position.instrument,
            quantity: position.quantity,
            average_price: position.average_price,
        })
    }

    fn options_of(&self, underlying: &Symbol) -> Vec<Held> {
        let positions = self.core.positions(self.account).into_iter();
        positions
            .filter(|position| {
                position.instrument.as_option().is_some_and(|contract| contract.underlying == *underlying)
            })
            .map(|position| Held {
                instrument: position.instrument,
                quantity: position.quantity,
                average_price: position.average_price,
            })
            .collect()
    }

    fn equity(&self) -> Decimal {
        self.core.net_liquidation(self.account)
    }

    fn free_cash(&self) -> Decimal {
        let Some(account) = self.core.account(self.account) else { return Decimal::ZERO };
        let positions = self.core.positions(self.account);
        let puts = positions.iter().filter_map(|held| Some((held.instrument.as_option()?, held.quantity)));
        account.settled_cash - account.reserved - cash_securing_puts(puts)
    }

    fn buying_power(&self) -> Decimal {
        self.core.account(self.account).map(|account| account.buying_power).unwrap_or_default()
    }

    fn room(&self, instrument: &Instrument) -> Room {
        self.core.room_of(self.account, instrument, self.equity())
    }

    fn is_working(&self, instrument: &Instrument) -> bool {
        self.core
            .book()
            .working_of(self.account)
            .any(|order| order.request.subject.instrument() == Some(instrument))
    }

    fn working(&self, instrument: &Instrument) -> Vec<Working> {
        self.working_where(|order| order.request.subject.instrument() == Some(instrument))
    }

    fn working_on(&self, underlying: &Symbol) -> Vec<Working> {
        self.working_where(|order| order.request.subject.instruments().any(|part| part.root() == underlying))
    }

    fn standing(&self) -> Standing {
        let can = self.core.capabilities(self.account);
        let account = self.core.account(self.account);
        Standing {
            kind: account.as_ref().map_or(AccountKind::Cash, |account| account.kind),
            options_level: account.map_or(0, |account| account.options_level),
            multi_leg: can.is_some_and(|can| can.multi_leg),
            replace: can.is_some_and(|can| can.replace),
            closing_only: false,
            halted: false,
        }
    }

    fn quote(&self, instrument: &Instrument) -> Option<&Quote> {
        self.core.quote(instrument)
    }

    fn spec(&self, instrument: &Instrument) -> Option<&InstrumentSpec> {
        self.core.spec(instrument)
    }

    fn calendar(&self) -> &Calendar {
        self.calendar
    }

    fn fees(&self) -> &FeeTable {
        self.core.fees()
    }

    fn risk_free(&self) -> f64 {
        self.risk_free
    }
}
