//! The option life cycle: expiry, exercise by exception, assignment.

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::domain::calendar::exchange_date;
use crate::domain::execution::{AccountEvent, ExecutionKind};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{OptionContract, Right};
use crate::domain::order::Side;
use crate::domain::quote::Quote;

use super::Venue;
use super::fills::LegFill;

impl Venue {
    /// Ends what has expired: in the money by a cent is exercised or assigned (OCC exercise by exception), the rest is worthless.
    pub(super) fn expire_options(&mut self) {
        let expired: Vec<(OptionContract, Quantity)> = self
            .books
            .holdings()
            .filter_map(|(instrument, holding)| Some((instrument.as_option()?.clone(), holding.quantity)))
            .filter(|(contract, _)| self.calendar.expiry_instant(contract.expiry) <= self.now)
            .collect();
        for (contract, quantity) in expired {
            self.settle(&contract, quantity);
        }
    }

    /// A price has come: what expired without one is settled now.
    pub(super) fn settle_late(&mut self) {
        if std::mem::take(&mut self.awaits_price) {
            self.expire_options();
            self.schedule();
        }
    }

    /// Ends every option that expires today or has expired, whatever the time of day.
    pub fn expire(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        let today = exchange_date(self.now);
        let due: Vec<(OptionContract, Quantity)> = self
            .books
            .holdings()
            .filter_map(|(instrument, holding)| Some((instrument.as_option()?.clone(), holding.quantity)))
            .filter(|(contract, _)| contract.expiry <= today)
            .collect();
        for (contract, quantity) in due {
            self.settle(&contract, quantity);
        }
        self.schedule();
    }

    /// Assigns short contracts now. Returns how many were.
    pub fn assign(
        &mut self,
        now: Timestamp,
        contract: &OptionContract,
        contracts: Option<Quantity>,
    ) -> Quantity {
        self.now = self.now.max(now);
        let held = self.books.quantity(&Instrument::Option(contract.clone()));
        if !held.is_negative() {
            return Quantity::ZERO;
        }
        let assigned = contracts.unwrap_or(held.abs()).min(held.abs());
        self.deliver(contract, -assigned, ExecutionKind::Assignment);
        self.schedule();
        assigned
    }

    fn settle(&mut self, contract: &OptionContract, quantity: Quantity) {
        let share = Instrument::Equity { symbol: contract.underlying.clone() };
        let spot = self.quotes.get(&share).and_then(|quote: &Quote| quote.last.or_else(|| quote.mark()));
        // Without a price nobody knows what it is worth; after a start the first quotes are on their way.
        let Some(spot) = spot else {
            self.awaits_price = true;
            return;
        };
        let intrinsic = contract.intrinsic(spot);
        if intrinsic.get() < Decimal::new(1, 2) {
            self.close_option(contract, quantity, Price::ZERO, ExecutionKind::Expiration);
            return;
        }
        let kind = if quantity.is_positive() { ExecutionKind::Exercise } else { ExecutionKind::Assignment };
        if contract.is_cash_settled_index() {
            self.close_option(contract, quantity, intrinsic, kind);
        } else {
            self.deliver(contract, quantity, kind);
        }
    }

    /// Contracts (signed) end and shares change hands at the strike.
    fn deliver(&mut self, contract: &OptionContract, quantity: Quantity, kind: ExecutionKind) {
        self.close_option(contract, quantity, Price::ZERO, kind);
        let spec = self.spec_or_standard(&Instrument::Option(contract.clone()));
        let shares = Quantity::new(quantity.abs().get() * spec.deliverable);
        let buys = (contract.right == Right::Call) == quantity.is_positive();
        let share = Instrument::Equity { symbol: contract.underlying.clone() };
        let side = if buys { Side::Buy } else { Side::Sell };
        let leg = LegFill { instrument: share, side, quantity: shares, price: contract.strike };
        self.outside_order(leg, kind);
    }

    fn close_option(
        &mut self,
        contract: &OptionContract,
        quantity: Quantity,
        price: Price,
        kind: ExecutionKind,
    ) {
        let side = if quantity.is_positive() { Side::Sell } else { Side::Buy };
        let instrument = Instrument::Option(contract.clone());
        self.outside_order(LegFill { instrument, side, quantity: quantity.abs(), price }, kind);
    }

    /// An execution that no order made.
    pub(super) fn outside_order(&mut self, leg: LegFill, kind: ExecutionKind) {
        let mut execution = self.execution(None, leg, kind, true);
        if matches!(kind, ExecutionKind::Exercise | ExecutionKind::Assignment)
            && execution.instrument.as_option().is_some()
        {
            execution.fee = self.config.fees.exercise * execution.quantity.get();
        }
        self.books.apply_unchecked(&execution);
        self.events.push(AccountEvent::Execution(execution));
    }
}
