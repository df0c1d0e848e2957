//! Writing cash-secured puts with the money that is left of the slot and of the account.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::option::Right;
use crate::quant::contracts::{Candidate, Rejection, Screen, screen};
use crate::quant::number::to_f64;
use crate::quant::sizing::short_put_margin;
use crate::strategies::options::fee;
use crate::strategies::{Decision, sizing};

use super::SHARES;
use super::turn::Turn;

impl Turn<'_> {
    /// Sells a put, where the day, the money and the chain allow it.
    pub(super) fn write_puts(&mut self, spot: Price) -> bool {
        if self.left_today() <= 0 || self.contracts_left().is_some_and(|left| left <= 0) {
            return false;
        }
        if !self.is_day_for("write_put_when", spot) {
            return false;
        }
        let ceiling = self.params.optional("put.max_strike").map(Price::new);
        let outside = (!self.params.flag("allow_itm")).then_some(spot);
        let strike_max = match (ceiling, outside) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let wanted = Screen { strike_max, ..self.screen(Right::Put) };
        let mut screened = screen(self.chain, &wanted, self.hours.today, self.now);
        self.drop_reports(&mut screened);
        screened.retain(Rejection::Cash, |candidate| self.puts_of(candidate, spot) > 0);
        let miss = screened.near_miss.as_mut().filter(|miss| miss.rejection == Rejection::Cash);
        if let Some(miss) = miss {
            miss.values = vec![
                ("needs", to_f64(miss.contract.strike.get() * SHARES)),
                ("slot_capital", to_f64(self.params.slot_capital(self.books))),
                ("free_cash", to_f64(self.books.free_cash())),
            ];
        }
        screened.retain(Rejection::Limit, |candidate| self.allowed(candidate) > 0);
        let miss = screened.near_miss.as_mut().filter(|miss| miss.rejection == Rejection::Limit);
        if let Some(miss) = miss {
            let room = self.books.room(&Instrument::Option(miss.contract.clone()));
            miss.values = vec![
                ("needs", to_f64(miss.contract.strike.get() * SHARES)),
                ("order_notional_max", to_f64(room.order_money)),
                ("order_contracts_max", to_f64(room.order_units)),
            ];
        }
        let Some(best) = self.best(&screened.candidates) else {
            self.skip_screened(&screened);
            return false;
        };
        let count = self.puts_of(&best, spot).min(self.allowed(&best));
        let reserve = best.contract.strike.get() * SHARES * Decimal::from(count)
            + fee(self.books, best.bid) * Decimal::from(count);
        let mut values = Self::numbers(&best);
        values.push(("reserve", to_f64(reserve)));
        let instrument = Instrument::Option(best.contract.clone());
        let decision = Decision::new("WHEEL_SELL_PUT", Some(instrument), values);
        self.sell_to_open(&best.contract, count, best.mid(), wanted.premium_min, decision)
    }

    /// How many of a put one order may be, by the account's limits: its strikes are what it is measured at.
    fn allowed(&self, candidate: &Candidate) -> i64 {
        let room = self.books.room(&Instrument::Option(candidate.contract.clone()));
        sizing::allowed(&room, candidate.contract.strike.get() * SHARES, Decimal::ONE)
    }

    /// Contracts that a fixed number leaves: lots of shares and puts count alike.
    fn contracts_left(&self) -> Option<i64> {
        let wanted = self.params.optional("contracts")?.to_i64()?;
        let puts = self.positions.short_count(Right::Put) + self.positions.opening(Right::Put);
        Some(wanted - puts - self.positions.lots())
    }

    /// How many of a put the slot, the account and the day allow.
    fn puts_of(&self, candidate: &Candidate, spot: Price) -> i64 {
        let fees = fee(self.books, candidate.bid);
        let strikes = candidate.contract.strike.get() * SHARES + fees;
        let whole = |money: Decimal, each: Decimal| {
            money
                .max(Decimal::ZERO)
                .checked_div(each)
                .unwrap_or_default()
                .floor()
                .to_i64()
                .unwrap_or_default()
        };
        let slot = match self.contracts_left() {
            Some(left) => left,
            None => {
                let shares = self.positions.shares * spot.get();
                let used = shares + self.positions.reserved_by_puts();
                whole(self.params.slot_capital(self.books) - used, strikes)
            }
        };
        let account = if self.params.word("secured_by") == "margin" {
            let margin = short_put_margin(
                to_f64(spot.get()),
                to_f64(candidate.contract.strike.get()),
                to_f64(candidate.bid.get()),
                to_f64(SHARES),
            );
            let each = Decimal::try_from(margin).unwrap_or(strikes) + fees;
            whole(self.books.buying_power(), each)
        } else {
            whole(self.books.free_cash(), strikes)
        };
        slot.min(account).min(self.left_today())
    }
}
