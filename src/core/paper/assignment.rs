//! Early assignment of American options: who holds what an account has written exercises when that pays (strategies §11.3).

use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::corporate::{CorporateAction, CorporateActionKind};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{OptionContract, Right};
use crate::quant::greeks::{
    Terms, american_price, implied_volatility, should_exercise_before_ex_dividend, years,
};

use super::Venue;
use super::faults::draw;
use super::options::Pending;

/// In the money by more than this part of the strike, and within so many days of the expiry, the holder may exercise what has no time
/// value. Source: Lean's `DefaultOptionAssignmentModel`.
const DEEP_PERCENT: i64 = 5;
const DAYS_MAX: i32 = 4;

impl Venue {
    /// Takes in what companies have announced: dividends make holders of calls exercise.
    pub fn announce(&mut self, actions: Vec<CorporateAction>) {
        self.announced = actions;
    }

    /// The evening of `day`: decides which written contracts are assigned. Their writer hears of it in the morning.
    pub(super) fn assign_early(&mut self, day: Date) {
        let written: Vec<(OptionContract, Quantity)> = self
            .options()
            .filter(|(contract, held)| {
                held.is_negative() && !contract.is_cash_settled_index() && contract.expiry > day
            })
            .map(|(contract, held)| (contract.clone(), held.abs()))
            .collect();
        for (contract, held) in written {
            let key = Instrument::Option(contract.clone()).key();
            let count =
                u64::from(day.year().unsigned_abs()) * 1_000 + u64::from(day.day_of_year().unsigned_abs());
            if self.pays_before_ex_date(&contract, day) {
                self.pending.push(Pending::early(contract, held, day));
            } else if self.has_no_time_value(&contract, day)
                && draw(self.config.seed, &key, count).is_multiple_of(2)
            {
                let most = held.get().to_u64().unwrap_or(1).max(1);
                let some = 1 + draw(self.config.seed ^ 1, &key, count) % most;
                self.pending.push(Pending::early(contract, Quantity::new(Decimal::from(some)), day));
            }
        }
    }

    /// The next session is an ex-date, and the dividend is worth more than the put given up and the interest on the strike.
    fn pays_before_ex_date(&self, contract: &OptionContract, day: Date) -> bool {
        if contract.right != Right::Call {
            return false;
        }
        let share = Instrument::Option(contract.clone()).price_driver();
        let ex_date = self.calendar.next_session(day);
        let dividend: Decimal = self
            .announced
            .iter()
            .filter(|action| action.instrument == share && action.ex_date == ex_date)
            .filter_map(|action| match action.kind {
                CorporateActionKind::Dividend { amount } => Some(amount.get()),
                _ => None,
            })
            .sum();
        let Some(spot) = self.spot(contract).filter(|_| dividend > Decimal::ZERO) else { return false };
        if spot <= contract.strike {
            return false;
        }
        let float = |value: Decimal| value.to_f64().unwrap_or_default();
        let (rate, years) = (float(self.config.risk_free), years((contract.expiry - day).get_days()));
        let put = self.put_value(contract, float(spot.get() - dividend), rate, years);
        should_exercise_before_ex_dividend(float(dividend), put, float(contract.strike.get()), rate, years)
    }

    /// The put of the same strike once the dividend is off: by the call's own volatility, else as it is quoted, else nothing.
    fn put_value(&self, contract: &OptionContract, spot_after: f64, rate: f64, years: f64) -> f64 {
        let strike = contract.strike.get().to_f64().unwrap_or_default();
        let terms = |right, spot| Terms { right, spot, strike, years, rate, dividend_yield: 0.0 };
        let call = self.mark_of(&Instrument::Option(contract.clone()));
        let spot = self.spot(contract).and_then(|spot| spot.get().to_f64());
        let volatility = call.zip(spot).and_then(|(price, spot)| {
            implied_volatility(&terms(Right::Call, spot), price.get().to_f64()?).ok()
        });
        if let Some(sigma) = volatility {
            return american_price(&terms(Right::Put, spot_after), sigma);
        }
        let put = OptionContract { right: Right::Put, ..contract.clone() };
        self.mark_of(&Instrument::Option(put)).and_then(|price| price.get().to_f64()).unwrap_or_default()
    }

    /// Deep in the money, days from the end, and the market pays nothing for waiting.
    fn has_no_time_value(&self, contract: &OptionContract, day: Date) -> bool {
        let near = (contract.expiry - day).get_days() <= DAYS_MAX;
        let Some((spot, quote)) =
            self.spot(contract).zip(self.quotes.get(&Instrument::Option(contract.clone())))
        else {
            return false;
        };
        let intrinsic = self.intrinsic(contract, spot).get();
        let deep = intrinsic * Decimal::ONE_HUNDRED > contract.strike.get() * Decimal::from(DEEP_PERCENT);
        let Some(mark) = quote.mark().filter(|_| near && deep) else { return false };
        let half = quote.spread().unwrap_or_default().get() / Decimal::TWO;
        mark.get() - intrinsic <= half.max(Decimal::new(1, 2))
    }

    fn spot(&self, contract: &OptionContract) -> Option<Price> {
        let share = Instrument::Option(contract.clone()).price_driver();
        self.quotes.get(&share).and_then(|quote| quote.last.or_else(|| quote.mark()))
    }

    fn mark_of(&self, instrument: &Instrument) -> Option<Price> {
        self.quotes.get(instrument).and_then(crate::domain::quote::Quote::mark)
    }
}
