//! A broker's books: what fills have moved, what is taken back and corrected, dividends, expirations.

use std::collections::BTreeSet;

use arbion::domain::execution::{AccountEvent, CashEntry, CashKind, Execution, ExecutionKind};
use arbion::domain::ids::{ClientOrderId, ExecutionId};
use arbion::domain::instrument::Instrument;
use arbion::domain::money::{Currency, Price, Quantity};
use arbion::domain::order::{OrderRequest, Side};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::broker::{Broker, Faults, Wish};
use crate::held::{End, Held};
use crate::random::Random;

impl Broker {
    /// A quarter a share for whoever holds it now.
    pub(crate) fn pay_dividend(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        share: &Instrument,
    ) {
        let amount = self.units(share).get() * Decimal::new(25, 2);
        if amount.is_zero() {
            return;
        }
        let entry = CashEntry {
            id: ExecutionId::new(format!("dividend-{}", self.dividends.len())),
            account: self.account.clone(),
            kind: CashKind::Dividend,
            amount,
            currency: Currency::USD,
            instrument: Some(share.clone()),
            at: now,
        };
        self.dividends.push(entry.clone());
        if !r.once_in(faults.lost) {
            self.send(r, faults, now, &AccountEvent::Cash(entry));
        }
    }

    /// What is left of `cash` if every order to buy that the broker has, or that is on its way there, fills whole.
    pub(crate) fn worst_cash(&self, cash: Decimal) -> Decimal {
        let works = |id: &ClientOrderId| self.orders.get(id).filter(|held| held.works());
        let left = |held: &Held| cost(&held.request, held.quantity - held.filled());
        let working: Decimal = self.orders.values().filter(|held| held.works()).map(left).sum();
        // One that is on the line twice is one order.
        let mut counted: BTreeSet<ClientOrderId> = self.orders.keys().copied().collect();
        let coming: Decimal = self
            .inbound
            .values()
            .map(|wish| match wish {
                Wish::Submit(request, _) if counted.insert(request.client_order_id) => {
                    cost(request, request.quantity)
                }
                Wish::Replace(old, _, new, _) => {
                    let gone = works(old).map(left).unwrap_or_default();
                    (cost(new, new.quantity) - gone).max(Decimal::ZERO)
                }
                _ => Decimal::ZERO,
            })
            .sum();
        cash + self.money() - working - coming
    }

    /// Money that all fills and dividends have moved.
    pub(crate) fn money(&self) -> Decimal {
        let fills = self.orders.values().flat_map(|held| &held.fills).chain(&self.others);
        let paid: Decimal = fills.map(Execution::cash_flow).sum();
        paid + self.dividends.iter().map(|entry| entry.amount).sum::<Decimal>()
    }

    /// Takes a fill back; half of the times another one, at another price, stands in its place.
    pub(crate) fn bust(&mut self, r: &mut Random, faults: Faults, now: Timestamp) {
        let fills = self.orders.values().flat_map(|held| &held.fills);
        // What has expired is settled: a trade of it is not taken back any more.
        let stands = |fill: &&Execution| {
            !self.busted.contains(&fill.execution_id) && self.expired.as_ref() != Some(&fill.instrument)
        };
        let open: Vec<Execution> = fills.filter(stands).cloned().collect();
        if open.is_empty() {
            return;
        }
        let fill = &open[usize::try_from(r.below(open.len() as u64)).unwrap()];
        self.busted.insert(fill.execution_id.clone());
        self.unforeseen += fill.cash_flow().abs();
        let bust = Execution {
            execution_id: ExecutionId::new(format!("bust-{}", fill.execution_id)),
            side: if fill.side.is_buy() { Side::Sell } else { Side::Buy },
            fee: -fill.fee,
            at: now,
            kind: ExecutionKind::Bust,
            ..fill.clone()
        };
        self.happened(r, faults, now, bust);
        if r.once_in(2) {
            let corrected = Execution {
                execution_id: ExecutionId::new(format!("correct-{}", fill.execution_id)),
                price: Price::new(fill.price.get() + Decimal::new(25, 2)),
                at: now,
                kind: ExecutionKind::Correction,
                ..fill.clone()
            };
            self.happened(r, faults, now, corrected);
        }
    }

    /// The option expires worthless: orders in it end, what is held of it goes.
    pub(crate) fn expire(&mut self, r: &mut Random, faults: Faults, now: Timestamp, option: &Instrument) {
        self.arrive(r, faults, now);
        if self.expired.replace(option.clone()).is_some() {
            return;
        }
        let working = self.orders.iter().filter(|(_, held)| {
            held.end.is_none() && held.works() && held.request.subject.instruments().any(|it| it == option)
        });
        for id in working.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.end(r, faults, now, id, End::Expired);
        }
        let held = self.units(option);
        if held.is_zero() {
            return;
        }
        let expiration = Execution {
            execution_id: ExecutionId::new("expiration"),
            account: self.account.clone(),
            client_order_id: None,
            broker_order_id: None,
            instrument: option.clone(),
            side: if held.is_positive() { Side::Sell } else { Side::Buy },
            quantity: held.abs(),
            price: Price::ZERO,
            multiplier: Decimal::ONE_HUNDRED,
            fee: Decimal::ZERO,
            currency: Currency::USD,
            at: now,
            kind: ExecutionKind::Expiration,
        };
        self.happened(r, faults, now, expiration);
    }

    /// Whoever bought an option that was written here exercises some of it: it goes, and shares come or go at its strike.
    pub(crate) fn assign(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        written: &Instrument,
        side: Side,
    ) -> bool {
        let held = self.units(written);
        let Some(contract) = written.as_option().filter(|_| held.is_negative()) else { return false };
        let units = Quantity::from(1);
        let number = self.others.len();
        let one = |name: &str, instrument: &Instrument, side, quantity, price, multiplier| Execution {
            execution_id: ExecutionId::new(format!("assigned-{name}-{number}")),
            account: self.account.clone(),
            client_order_id: None,
            broker_order_id: None,
            instrument: instrument.clone(),
            side,
            quantity,
            price,
            multiplier,
            fee: Decimal::ZERO,
            currency: Currency::USD,
            at: now,
            kind: ExecutionKind::Assignment,
        };
        let gone = one("option", written, Side::Buy, units, Price::ZERO, Decimal::ONE_HUNDRED);
        let hundred = Quantity::new(Decimal::ONE_HUNDRED);
        let share = written.price_driver();
        let shares = one("shares", &share, side, hundred, contract.strike, Decimal::ONE);
        self.unforeseen += shares.cash_flow().abs();
        self.happened(r, faults, now, gone);
        self.happened(r, faults, now, shares);
        true
    }

    /// All shares of one kind go without an order: a call that somebody else wrote in this account is exercised. What works at the broker to
    /// close them stays there. False where there are none.
    pub(crate) fn deliver(
        &mut self,
        r: &mut Random,
        faults: Faults,
        now: Timestamp,
        share: &Instrument,
    ) -> bool {
        let held = self.units(share);
        if !held.is_positive() {
            return false;
        }
        let delivered = Execution {
            execution_id: ExecutionId::new(format!("delivered-{}", self.others.len())),
            account: self.account.clone(),
            client_order_id: None,
            broker_order_id: None,
            instrument: share.clone(),
            side: Side::Sell,
            quantity: held,
            price: Price::from(100),
            multiplier: Decimal::ONE,
            fee: Decimal::ZERO,
            currency: Currency::USD,
            at: now,
            kind: ExecutionKind::Assignment,
        };
        self.happened(r, faults, now, delivered);
        true
    }

    fn happened(&mut self, r: &mut Random, faults: Faults, now: Timestamp, execution: Execution) {
        self.others.push(execution.clone());
        if !r.once_in(faults.lost) {
            self.send(r, faults, now, &AccountEvent::Execution(execution));
        }
    }

    /// Units of an instrument that the account holds here, signed.
    pub(crate) fn units(&self, instrument: &Instrument) -> Quantity {
        let fills = self.orders.values().flat_map(|held| &held.fills).chain(&self.others);
        let own = fills.filter(|fill| fill.instrument == *instrument);
        own.map(Execution::signed_quantity).fold(Quantity::ZERO, |a, b| a + b)
    }
}

/// What so many units of an order to buy may cost; nothing for one to sell.
pub(crate) fn cost(request: &OrderRequest, units: Quantity) -> Decimal {
    if !request.side.is_buy() {
        return Decimal::ZERO;
    }
    let option = request.subject.instruments().any(|instrument| instrument.as_option().is_some());
    let multiplier = if option { Decimal::ONE_HUNDRED } else { Decimal::ONE };
    let price = match (request.pricing.limit_price(), request.pricing.stop_price()) {
        (Some(limit), _) => limit.get(),
        // At the market, which asks for no more.
        (None, None) => Decimal::from(101),
        (None, Some(_)) => Decimal::ZERO,
    };
    price * units.get() * multiplier
}
