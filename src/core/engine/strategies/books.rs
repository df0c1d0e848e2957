//! What a strategy may look at: what is its own, what it asked for, and the market. Never what another one owns.

use rust_decimal::Decimal;
use smol_str::SmolStr;

use crate::core::engine::Engine;
use crate::core::host::{Known, Ledger};
use crate::core::portfolio::cash_securing_puts;
use crate::domain::account::AccountKind;
use crate::domain::calendar::Calendar;
use crate::domain::chain::Chain;
use crate::domain::events::UnderlyingEvents;
use crate::domain::fees::FeeTable;
use crate::domain::ids::AccountId;
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec, Symbol};
use crate::domain::limits::TradingState;
use crate::domain::money::Quantity;
use crate::domain::order::Order;
use crate::domain::quote::{Bar, Interval, Quote};
use crate::domain::strategy::{Claim, StrategySpec};
use crate::strategies::{Books, ClosedTrades, Held, Room, Standing, Working};

/// The yearly rate that option values are worked out with: a treasury bill's, as the specification of strategies has it.
const RISK_FREE: f64 = crate::quant::greeks::USUAL_RATE;
/// Replacements of one order that are followed back to the first.
const REPLACES_MAX: usize = 64;

/// The books as one strategy reads them.
pub(super) struct View<'a> {
    pub(super) engine: &'a Engine,
    pub(super) spec: &'a StrategySpec,
    pub(super) ledger: &'a Ledger,
    pub(super) known: &'a Known,
}

fn held(claim: Claim) -> Held {
    Held { instrument: claim.instrument, quantity: claim.quantity, average_price: claim.average_price }
}

impl View<'_> {
    fn name(&self) -> &SmolStr {
        &self.spec.name
    }

    fn working_where(&self, wanted: impl Fn(&Order) -> bool) -> Vec<Working> {
        let mut orders: Vec<&Order> =
            self.engine.working_of_strategy(self.name()).filter(|order| wanted(order)).collect();
        orders.sort_by_key(|order| order.number);
        orders.into_iter().map(|order| Working::of(order, self.first_of(order).created_at)).collect()
    }

    /// The first order of a line of replacements.
    fn first_of<'b>(&'b self, order: &'b Order) -> &'b Order {
        let mut first = order;
        for _ in 0..REPLACES_MAX {
            match first.replaces.and_then(|id| self.engine.book.get(id)) {
                Some(before) => first = before,
                None => break,
            }
        }
        first
    }
}

impl Engine {
    /// What an entry in an instrument may come to by an account's limits, with this equity.
    #[must_use]
    pub fn room_of(&self, account: &AccountId, instrument: &Instrument, equity: Decimal) -> Room {
        let limits = self.accounts.get(account).map(|books| &books.setup.limits);
        let part = limits.map_or(Decimal::ZERO, |limits| limits.position_percent_max);
        Room {
            capital: None,
            order_units: limits.map_or(Decimal::ZERO, |limits| match instrument.asset_class() {
                AssetClass::Option => limits.order_contracts_max,
                _ => limits.order_quantity_max,
            }),
            order_money: limits.map_or(Decimal::ZERO, |limits| limits.order_notional_max),
            position_money: equity.saturating_mul(part) / Decimal::ONE_HUNDRED,
            average_volume: self.market.average_volume(instrument),
            closed: ClosedTrades::default(),
        }
    }

    /// Options of an underlying that an account holds, signed, by contract.
    #[must_use]
    pub fn options_of(&self, account: &AccountId, underlying: &Symbol) -> Vec<(Instrument, Quantity)> {
        let of = |instrument: &Instrument| {
            instrument.as_option().is_some_and(|contract| contract.underlying == *underlying)
        };
        let held = self.positions(account).into_iter().filter(|position| of(&position.instrument));
        held.map(|position| (position.instrument, position.quantity)).collect()
    }
}

impl Books for View<'_> {
    fn position(&self, instrument: &Instrument) -> Quantity {
        self.ledger.quantity(instrument)
    }

    fn held(&self, instrument: &Instrument) -> Option<Held> {
        self.ledger.claim(instrument).map(held)
    }

    fn options_of(&self, underlying: &Symbol) -> Vec<Held> {
        let of = |claim: &Claim| {
            claim.instrument.as_option().is_some_and(|contract| contract.underlying == *underlying)
        };
        self.ledger.claims().into_iter().filter(of).map(held).collect()
    }

    fn account_position(&self, instrument: &Instrument) -> Quantity {
        self.engine.held(&self.spec.account, instrument)
    }

    fn account_options_of(&self, underlying: &Symbol) -> Vec<(Instrument, Quantity)> {
        self.engine.options_of(&self.spec.account, underlying)
    }

    /// What it works with: its capital and what it has made of it, where it has one of its own; else the account's.
    fn equity(&self) -> Decimal {
        let account = self.engine.net_liquidation(&self.spec.account);
        match self.spec.rules.capital {
            Some(capital) => account.min(capital + self.engine.strategy_gain(self.ledger)),
            None => account,
        }
    }

    fn free_cash(&self) -> Decimal {
        let Some(account) = self.engine.account(&self.spec.account) else { return Decimal::ZERO };
        let positions = self.engine.positions(&self.spec.account);
        let puts = positions.iter().filter_map(|held| Some((held.instrument.as_option()?, held.quantity)));
        account.settled_cash - account.reserved - cash_securing_puts(puts)
    }

    fn buying_power(&self) -> Decimal {
        self.engine.account(&self.spec.account).map(|account| account.buying_power).unwrap_or_default()
    }

    fn room(&self, instrument: &Instrument) -> Room {
        let capital = self.spec.rules.capital.map(|capital| capital - self.ledger.cost());
        let room = self.engine.room_of(&self.spec.account, instrument, self.equity());
        Room { capital, closed: self.ledger.closed(), ..room }
    }

    fn is_working(&self, instrument: &Instrument) -> bool {
        let mut own = self.engine.working_of_strategy(self.name());
        own.any(|order| order.request.subject.instruments().any(|of| of == instrument))
    }

    fn working(&self, instrument: &Instrument) -> Vec<Working> {
        self.working_where(|order| order.request.subject.instrument() == Some(instrument))
    }

    fn working_on(&self, underlying: &Symbol) -> Vec<Working> {
        self.working_where(|order| order.request.subject.instruments().any(|part| part.root() == underlying))
    }

    fn standing(&self) -> Standing {
        let can = self.engine.capabilities(&self.spec.account);
        let account = self.engine.account(&self.spec.account);
        Standing {
            kind: account.as_ref().map_or(AccountKind::Cash, |account| account.kind),
            options_level: account.map_or(0, |account| account.options_level),
            multi_leg: can.is_some_and(|can| can.multi_leg),
            replace: can.is_some_and(|can| can.replace),
            // No broker of this program sends restrictions.
            closing_only: self.engine.trading_state == TradingState::ReducingOnly,
            halted: self.engine.trading_state == TradingState::Halted,
        }
    }

    fn quote(&self, instrument: &Instrument) -> Option<&Quote> {
        self.engine.quote(instrument)
    }

    fn spec(&self, instrument: &Instrument) -> Option<&InstrumentSpec> {
        self.engine.spec(instrument)
    }

    fn chain(&self, underlying: &Symbol) -> Option<&Chain> {
        self.known.chains.get(underlying)
    }

    fn bars(&self, instrument: &Instrument, interval: Interval) -> &[Bar] {
        self.known.bars.get(&(instrument.clone(), interval)).map_or(&[], Vec::as_slice)
    }

    fn events(&self, underlying: &Symbol) -> Option<&UnderlyingEvents> {
        self.known.dates.get(underlying)
    }

    fn calendar(&self) -> &Calendar {
        &self.engine.calendar
    }

    fn fees(&self) -> &FeeTable {
        self.engine.fees()
    }

    fn risk_free(&self) -> f64 {
        RISK_FREE
    }
}
