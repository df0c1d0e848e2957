//! The lots themselves: opened, closed by a method, split, exchanged, delivered by options.

use rust_decimal::Decimal;

use crate::domain::calendar::exchange_date;
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::Price;

use super::order::{ends_option, is_delivery};
use super::wash::Wash;
use super::{LotMethod, LotSource, Realized, TaxBooks, TaxLot, TaxRules, Term, WashScope, term};

/// Lines about what could not be told, at most.
const DOUBTS_MAX: usize = 100;

/// What options that turned into shares had brought or cost, until their shares come.
struct Premium {
    account: AccountId,
    share: Instrument,
    strike: Price,
    /// Shares that are still to come or go, positive.
    units: Decimal,
    /// Brought (positive) or cost, of those.
    amount: Decimal,
}

/// Lots that a corporate action has taken out and that come back under another instrument.
struct Moved {
    lots: Vec<TaxLot>,
    units: Decimal,
}

pub(super) struct Book<'a> {
    rules: &'a TaxRules,
    pub(super) lots: Vec<TaxLot>,
    pub(super) realized: Vec<Realized>,
    doubts: Vec<String>,
    premiums: Vec<Premium>,
    moved: Option<Moved>,
    wash: Wash,
    lots_made: usize,
}

/// Works prepared executions through.
pub(super) fn run(executions: Vec<Execution>, rules: &TaxRules) -> TaxBooks {
    let mut book = Book {
        rules,
        lots: Vec::new(),
        realized: Vec::new(),
        doubts: Vec::new(),
        premiums: Vec::new(),
        moved: None,
        wash: Wash::default(),
        lots_made: 0,
    };
    for (n, execution) in executions.iter().enumerate() {
        book.take_in(execution, executions.get(n + 1));
    }
    let mut lots = book.lots;
    lots.retain(|lot| !lot.quantity.is_zero());
    lots.sort_by(|a, b| (&a.account, &a.instrument, a.number).cmp(&(&b.account, &b.instrument, b.number)));
    TaxBooks { realized: book.realized, lots, doubts: book.doubts }
}

impl Book<'_> {
    fn take_in(&mut self, execution: &Execution, next: Option<&Execution>) {
        if execution.moves_units_alone() {
            return self.spread(execution);
        }
        if execution.kind.is_without_cash() && self.is_held(execution) {
            return self.give_up(execution);
        }
        if let Some(moved) = self.moved.take() {
            return self.put_back(moved, execution);
        }
        if next.is_some_and(|next| is_exchange(execution, next)) && self.is_held(execution) {
            let units = execution.quantity.get();
            let lots = self.take_out(execution, units).into_iter().map(|(lot, _)| lot).collect();
            self.moved = Some(Moved { lots, units });
            return;
        }
        if ends_option(execution) {
            return self.end_option(execution);
        }
        self.trade(execution);
    }

    /// Does the account hold something that this takes from.
    fn is_held(&self, execution: &Execution) -> bool {
        self.lots.iter().any(|lot| closes(execution, lot))
    }

    fn trade(&mut self, execution: &Execution) {
        let units = execution.quantity.get();
        let value = execution.price.get() * units * execution.multiplier;
        let premium = self.premium_of(execution);
        // What a purchase costs and a sale brings, fees and premiums counted.
        let amount = if execution.side.is_buy() {
            value + execution.fee - premium
        } else {
            value - execution.fee + premium
        };
        let closed = self.close(execution, units, amount);
        let left = units - closed;
        if left > Decimal::ZERO {
            self.open(execution, left, part(amount, left, units));
        }
    }

    /// Closes lots; returns how many units of them.
    fn close(&mut self, execution: &Execution, units: Decimal, amount: Decimal) -> Decimal {
        let sold = exchange_date(execution.at);
        let first = self.realized.len();
        let mut closed = Decimal::ZERO;
        for (lot, _) in self.take_out(execution, units) {
            let taken = lot.quantity.abs();
            let part = part(amount, taken, units);
            let short = lot.quantity.is_sign_negative();
            let (proceeds, basis) = if short { (lot.basis, part) } else { (part, lot.basis) };
            closed += taken;
            self.realized.push(Realized {
                account: execution.account.clone(),
                instrument: execution.instrument.clone(),
                sale: execution.execution_id.clone(),
                order: execution.client_order_id,
                lot: lot.lot.clone(),
                quantity: taken,
                short,
                proceeds,
                basis,
                disallowed: Decimal::ZERO,
                currency: execution.currency,
                acquired: lot.acquired,
                sold,
                // What was sold short was never held.
                term: if short { Term::Short } else { term(lot.held_since, sold) },
                basis_unknown: lot.source == LotSource::Unexplained,
            });
            if self.may_wash(&execution.instrument) {
                self.wash.lost(&self.realized, self.realized.len() - 1, lot.held_since);
            }
        }
        for n in first..self.realized.len() {
            self.wash.look_back(&mut self.realized, &mut self.lots, n);
        }
        closed
    }

    fn may_wash(&self, instrument: &Instrument) -> bool {
        match instrument.asset_class() {
            AssetClass::Equity | AssetClass::Option => self.rules.wash != WashScope::None,
            AssetClass::Crypto => self.rules.wash == WashScope::All,
            _ => false,
        }
    }

    /// Takes units out of the lots that this closes, by the account's method. Each comes with the number of the lot it was taken from.
    fn take_out(&mut self, execution: &Execution, units: Decimal) -> Vec<(TaxLot, usize)> {
        let mut left = units;
        let mut taken = Vec::new();
        for n in self.chosen(execution) {
            let Some(lot) = self.lots.get_mut(n).filter(|_| left > Decimal::ZERO) else { break };
            let held = lot.quantity.abs();
            let out = held.min(left);
            left -= out;
            let (basis, washed) = (part(lot.basis, out, held), part(lot.washed, out, held));
            let signed = if lot.quantity.is_sign_negative() { -out } else { out };
            taken.push((TaxLot { quantity: signed, basis, washed, ..lot.clone() }, lot.number));
            lot.quantity -= signed;
            lot.basis -= basis;
            lot.washed -= washed;
        }
        self.lots.retain(|lot| !lot.quantity.is_zero());
        taken
    }

    /// The places of the lots that an execution closes, in the order of the account's method.
    fn chosen(&self, execution: &Execution) -> Vec<usize> {
        let mut places: Vec<usize> =
            (0..self.lots.len()).filter(|n| closes(execution, &self.lots[*n])).collect();
        let number = |n: &usize| self.lots[*n].number;
        places.sort_by_key(number);
        match self.rules.method_of(&execution.account) {
            LotMethod::Fifo => {}
            LotMethod::Lifo => places.reverse(),
            // The oldest of several that cost the same.
            LotMethod::Hifo => places.sort_by_key(|n| std::cmp::Reverse(self.lots[*n].basis_per_unit())),
            LotMethod::Specific => {
                let named: &[ClientOrderId] = execution
                    .client_order_id
                    .and_then(|order| self.rules.chosen.get(&order))
                    .map_or(&[], Vec::as_slice);
                let rank = |n: &usize| {
                    let order = self.lots[*n].order;
                    named.iter().position(|wanted| Some(*wanted) == order).unwrap_or(usize::MAX)
                };
                places.sort_by_key(rank);
            }
        }
        places
    }

    fn open(&mut self, execution: &Execution, units: Decimal, amount: Decimal) {
        let acquired = exchange_date(execution.at);
        let source = match execution.kind {
            ExecutionKind::Assignment => LotSource::Assignment,
            ExecutionKind::Exercise => LotSource::Exercise,
            ExecutionKind::Adjustment | ExecutionKind::Transfer => LotSource::Unexplained,
            _ => LotSource::Trade,
        };
        if source == LotSource::Unexplained {
            let text = format!(
                "{acquired} {} {}: nothing says where it comes from and what it cost; its value of that day stands in",
                units.normalize(),
                execution.instrument
            );
            self.doubt(text);
        }
        self.lots_made += 1;
        let lot = TaxLot {
            lot: execution.execution_id.clone(),
            order: execution.client_order_id,
            account: execution.account.clone(),
            instrument: execution.instrument.clone(),
            quantity: units * execution.side.sign(),
            basis: amount,
            washed: Decimal::ZERO,
            currency: execution.currency,
            acquired,
            held_since: acquired,
            source,
            replaces: false,
            number: self.lots_made,
        };
        let parts = match source != LotSource::Unexplained && self.may_wash(&execution.instrument) {
            true => self.wash.opened(&mut self.realized, lot),
            false => vec![lot],
        };
        self.lots.extend(parts);
    }

    /// Units alone change: a split, or a fee in units. What all of it cost stays.
    fn spread(&mut self, execution: &Execution) {
        let own =
            |lot: &&mut TaxLot| lot.account == execution.account && lot.instrument == execution.instrument;
        let held: Decimal = self.lots.iter_mut().filter(own).map(|lot| lot.quantity).sum();
        let after = held + execution.signed_quantity().get();
        let Some(ratio) = after.checked_div(held).filter(|ratio| ratio.is_sign_positive()) else {
            let text = format!("{}: units came or went of what was not held", execution.instrument);
            return self.doubt(text);
        };
        for lot in self.lots.iter_mut().filter(own) {
            lot.quantity *= ratio;
        }
        self.lots.retain(|lot| !lot.quantity.is_zero());
    }

    /// The broker holds less than the executions say: what is gone is gone without a gain.
    fn give_up(&mut self, execution: &Execution) {
        let units = execution.quantity.get();
        let gone: Decimal = self.take_out(execution, units).iter().map(|(lot, _)| lot.quantity.abs()).sum();
        let text = format!(
            "{} {} {} went and nothing says how: no gain is counted for it",
            exchange_date(execution.at),
            gone.normalize(),
            execution.instrument
        );
        self.doubt(text);
        if gone < units {
            self.open(execution, units - gone, part(value(execution), units - gone, units));
        }
    }

    /// Lots come back under another instrument, with their dates and what they cost.
    fn put_back(&mut self, moved: Moved, execution: &Execution) {
        let ratio = execution.quantity.get().checked_div(moved.units).unwrap_or(Decimal::ONE);
        for lot in moved.lots {
            let instrument = execution.instrument.clone();
            self.lots.push(TaxLot { quantity: lot.quantity * ratio, instrument, ..lot });
        }
    }

    /// An option became shares: it has no gain of its own, what it brought or cost goes with the shares.
    fn end_option(&mut self, execution: &Execution) {
        let Some(contract) = execution.instrument.as_option() else { return };
        let units = execution.quantity.get();
        let out = self.take_out(execution, units);
        let brought = |lot: &TaxLot| if lot.quantity.is_sign_negative() { lot.basis } else { -lot.basis };
        let amount: Decimal = out.iter().map(|(lot, _)| brought(lot)).sum::<Decimal>() - execution.fee;
        let known: Decimal = out.iter().map(|(lot, _)| lot.quantity.abs()).sum();
        if known < units {
            let text = format!("{}: what {} of it brought is not known", execution.instrument, units - known);
            self.doubt(text);
        }
        self.premiums.push(Premium {
            account: execution.account.clone(),
            share: execution.instrument.price_driver(),
            strike: contract.strike,
            units: units * execution.multiplier,
            amount,
        });
    }

    /// What the options behind these shares had brought, negative where they cost; zero for all others.
    fn premium_of(&mut self, execution: &Execution) -> Decimal {
        if !is_delivery(execution) {
            return Decimal::ZERO;
        }
        let mut left = execution.quantity.get();
        let mut sum = Decimal::ZERO;
        for premium in &mut self.premiums {
            let fits = premium.account == execution.account
                && premium.share == execution.instrument
                && premium.strike == execution.price;
            if !fits || left <= Decimal::ZERO {
                continue;
            }
            let units = premium.units.min(left);
            let amount = part(premium.amount, units, premium.units);
            (premium.units, premium.amount) = (premium.units - units, premium.amount - amount);
            left -= units;
            sum += amount;
        }
        self.premiums.retain(|premium| premium.units > Decimal::ZERO);
        sum
    }

    fn doubt(&mut self, text: String) {
        if self.doubts.len() < DOUBTS_MAX {
            self.doubts.push(text);
        }
    }
}

/// Would an execution close something of a lot.
fn closes(execution: &Execution, lot: &TaxLot) -> bool {
    lot.account == execution.account
        && lot.instrument == execution.instrument
        && lot.quantity.is_sign_negative() == execution.side.is_buy()
        && !lot.quantity.is_zero()
}

/// One contract for another, or one symbol for another: out at what it cost, and in again at the same instant.
fn is_exchange(out: &Execution, back: &Execution) -> bool {
    out.kind == ExecutionKind::CorporateAction
        && back.kind == ExecutionKind::CorporateAction
        && !back.moves_units_alone()
        && (&out.account, out.at) == (&back.account, back.at)
        && out.instrument != back.instrument
        && out.instrument.asset_class() == back.instrument.asset_class()
        && out.side.is_buy() != back.side.is_buy()
}

fn value(execution: &Execution) -> Decimal {
    execution.price.get() * execution.quantity.get() * execution.multiplier
}

/// The part of a sum that belongs to so many units of all; all of it for all of them, so that nothing is lost in rounding.
pub(super) fn part(sum: Decimal, units: Decimal, all: Decimal) -> Decimal {
    if units == all { sum } else { (sum * units).checked_div(all).unwrap_or_default() }
}
