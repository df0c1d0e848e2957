//! What holding costs: interest on money that is owed, and the loan of shares sold short (strategies §11.5). Both are nothing until the fee
//! table names a rate; then each day's end charges a day of 360.

use jiff::Timestamp;
use jiff::civil::time;
use rust_decimal::Decimal;

use crate::domain::calendar::{exchange_date, instant, plus_days};
use crate::domain::execution::{AccountEvent, CashEntry, CashKind};
use crate::domain::ids::ExecutionId;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::{Currency, round_to_cents};

use super::Venue;

/// Days of the year that rates are said for.
const YEAR_DAYS: i64 = 360;

/// The account day's next turn, 17:00 New York, later than `at`.
fn next_turn(at: Timestamp) -> Timestamp {
    let (day, turn) = (exchange_date(at), time(17, 0, 0, 0));
    let today = instant(day, turn);
    if today > at { today } else { instant(plus_days(day, 1), turn) }
}

/// A day of a rate in per cent a year.
fn day_of(value: Decimal, percent: Decimal) -> Decimal {
    round_to_cents(value * percent / Decimal::ONE_HUNDRED / Decimal::from(YEAR_DAYS))
}

impl Venue {
    /// When the next day is charged; `None` while nothing is owed or nothing costs.
    pub(super) fn next_of_carry(&mut self) -> Option<Timestamp> {
        let fees = &self.config.fees;
        if fees.margin_interest_percent.is_zero() && fees.short_borrow_percent.is_zero() {
            return None;
        }
        if self.debts().is_empty() && self.borrowed().next().is_none() {
            self.carry_at = None;
        } else if self.carry_at.is_none() {
            self.carry_at = Some(next_turn(self.now));
        }
        self.carry_at
    }

    /// Charges the day that has ended.
    pub(super) fn charge_carry(&mut self) {
        let Some(at) = self.carry_at.filter(|at| *at <= self.now) else { return };
        self.carry_at = Some(next_turn(at));
        let (interest, borrow) =
            (self.config.fees.margin_interest_percent, self.config.fees.short_borrow_percent);
        let debts = self.debts();
        let lent: Vec<(Instrument, Currency, Decimal)> = self
            .borrowed()
            .map(|(instrument, currency, value)| (instrument.clone(), currency, value))
            .collect();
        for (currency, owed) in debts {
            self.charge(CashKind::Interest, None, currency, day_of(owed, interest));
        }
        for (instrument, currency, value) in lent {
            self.charge(CashKind::Fee, Some(instrument), currency, day_of(value, borrow));
        }
    }

    /// What is owed by currency, positive.
    fn debts(&self) -> Vec<(Currency, Decimal)> {
        let balances = self.books.balances();
        balances
            .filter(|(_, cash)| cash.is_sign_negative())
            .map(|(currency, cash)| (currency, -cash))
            .collect()
    }

    /// Shares sold short: currency and value, positive.
    fn borrowed(&self) -> impl Iterator<Item = (&Instrument, Currency, Decimal)> {
        let short = self.books.holdings().filter(|(instrument, holding)| {
            instrument.asset_class() == AssetClass::Equity && holding.quantity.is_negative()
        });
        short.map(|(instrument, holding)| (instrument, holding.currency, holding.value().abs()))
    }

    fn charge(
        &mut self,
        kind: CashKind,
        instrument: Option<Instrument>,
        currency: Currency,
        amount: Decimal,
    ) {
        if amount <= Decimal::ZERO {
            return;
        }
        let id = ExecutionId::new(format!("i{}", self.next_execution));
        self.next_execution += 1;
        let account = self.config.account.clone();
        let entry = CashEntry { id, account, kind, amount: -amount, currency, instrument, at: self.now };
        self.books.apply_cash(&entry);
        self.events.push(AccountEvent::Cash(entry));
    }
}
