//! Which put and which call: the put by its delta or floor, the highest call that pays for it, and what is given up when none does
//! (strategies §7, "Build").

use std::cmp::Reverse;

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::domain::money::Price;
use crate::domain::option::Right;
use crate::quant::contracts::{Candidate, Screen, Screened, screen};

use super::turn::Turn;

/// What a new pair must be.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Wants {
    /// It expires after this day.
    pub(super) after: Option<Date>,
    /// Its call's strike is above this.
    pub(super) call_above: Option<Price>,
    /// Its put's strike is not below this.
    pub(super) put_from: Option<Price>,
    /// What must be paid per share beside it: what closing the old pair costs.
    pub(super) beside: Decimal,
    /// May it cost `max_debit_pct` where no cost is impossible.
    pub(super) fallback: bool,
}

/// A put and a call of one expiry.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) put: Candidate,
    pub(super) call: Candidate,
    /// What both together may cost per share; negative must be brought.
    pub(super) most: Price,
}

impl Pair {
    /// Cost per share at the middles, negative where it brings money.
    pub(super) fn net(&self) -> Price {
        self.put.mid() - self.call.mid()
    }
}

/// The first put, in their order, for which a call pays; of its calls the highest. Puts come dearest first, calls highest first.
pub(super) fn choose(puts: &[Candidate], calls: &[Candidate], most: Decimal) -> Option<Pair> {
    puts.iter().find_map(|put| {
        let call = calls.iter().find(|call| (put.ask - call.bid).get() <= most)?;
        Some(Pair { put: put.clone(), call: call.clone(), most: Price::new(most) })
    })
}

/// Puts from the wanted one down to the widest: highest strike first. The wanted one is the first strike at or above a floor, else the
/// one nearest to a delta.
pub(super) fn puts_down(
    mut puts: Vec<Candidate>,
    floor: Option<Price>,
    delta: f64,
    widest: Price,
) -> Vec<Candidate> {
    puts.retain(|put| put.contract.strike >= widest);
    puts.sort_by_key(|it| Reverse(it.contract.strike));
    let wanted = match floor {
        Some(floor) => puts.iter().rposition(|put| put.contract.strike >= floor),
        None => {
            let off = |put: &Candidate| (put.delta.abs() - delta).abs();
            let nearest = puts.iter().enumerate().min_by(|(_, a), (_, b)| off(a).total_cmp(&off(b)));
            nearest.map(|(at, _)| at)
        }
    };
    let Some(wanted) = wanted else { return Vec::new() };
    puts.split_off(wanted)
}

impl Turn<'_> {
    /// The best pair, or what the chain was lacking.
    pub(super) fn build(&self, spot: Price, wants: &Wants) -> Result<Pair, Box<Screened>> {
        let (puts, calls) = (self.usable(Right::Put, spot, wants), self.usable(Right::Call, spot, wants));
        if puts.candidates.is_empty() {
            return Err(Box::new(puts));
        }
        if calls.candidates.is_empty() {
            return Err(Box::new(calls));
        }
        let Some(expiry) = self.nearest_expiry(&puts.candidates, &calls.candidates) else {
            return Err(Box::new(calls));
        };
        let of_expiry = |found: &Screened| -> Vec<Candidate> {
            found.candidates.iter().filter(|it| it.contract.expiry == expiry).cloned().collect()
        };
        let widest = self.params.widest_floor(spot).max(wants.put_from.unwrap_or_default());
        let screened = puts;
        let puts = puts_down(of_expiry(&screened), self.params.floor(spot), self.params.put_delta(), widest);
        if puts.is_empty() {
            return Err(Box::new(screened));
        }
        let mut of_calls = of_expiry(&calls);
        of_calls.sort_by_key(|it| Reverse(it.contract.strike));
        let free = self.params.number("max_net_debit") - wants.beside;
        let paid = wants.fallback.then(|| self.params.fallback_debit(spot) - wants.beside);
        let pair = choose(&puts, &of_calls, free)
            .or_else(|| choose(&puts, &of_calls, paid.filter(|paid| *paid > free)?));
        pair.ok_or_else(|| Box::new(Screened { candidates: Vec::new(), near_miss: None, ..calls }))
    }

    /// Contracts of a side that may be traded, out of the money.
    fn usable(&self, right: Right, spot: Price, wants: &Wants) -> Screened {
        let wanted = self.params.screen(right, self.books.risk_free());
        let wanted = match right {
            Right::Put => Screen { strike_min: wants.put_from, strike_max: Some(spot), ..wanted },
            Right::Call => Screen { strike_min: Some(self.least_call(spot)), ..wanted },
        };
        let mut found = screen(self.chain, &wanted, self.hours.today, self.now);
        found.candidates.retain(|it| {
            let above = wants.call_above.filter(|_| right == Right::Call);
            wants.after.is_none_or(|after| it.contract.expiry > after)
                && above.is_none_or(|above| it.contract.strike > above)
        });
        found
    }

    /// Contracts of one expiry that may be traded, out of the money: highest strike first.
    pub(super) fn of_expiry(&self, right: Right, expiry: Date, spot: Price) -> Vec<Candidate> {
        let dte = self.dte(expiry);
        let wanted = self.params.screen(right, self.books.risk_free());
        let (strike_min, strike_max) = match right {
            Right::Put => (None, Some(spot)),
            Right::Call => (Some(self.least_call(spot)), None),
        };
        let wanted = Screen { dte_min: dte, dte_max: dte, strike_min, strike_max, ..wanted };
        let mut found = screen(self.chain, &wanted, self.hours.today, self.now).candidates;
        found.sort_by_key(|it| Reverse(it.contract.strike));
        found
    }

    /// The put of an expiry that is wanted now.
    pub(super) fn wanted_put(&self, expiry: Date, spot: Price) -> Option<Candidate> {
        let puts = self.of_expiry(Right::Put, expiry, spot);
        let widest = self.params.widest_floor(spot);
        puts_down(puts, self.params.floor(spot), self.params.put_delta(), widest).into_iter().next()
    }

    /// The lowest strike of a call.
    pub(super) fn least_call(&self, spot: Price) -> Price {
        let least = self.params.least_call(spot);
        let cost = self.books.held(&self.positions.share).map(|held| held.average_price);
        match cost.filter(|_| self.params.word("call_floor") == "average_cost") {
            Some(cost) => least.max(cost),
            None => least,
        }
    }

    /// Of the expiries that have both sides, the one nearest to the target; of two as near the earlier one.
    fn nearest_expiry(&self, puts: &[Candidate], calls: &[Candidate]) -> Option<Date> {
        let target = self.params.days("dte_target");
        let both =
            puts.iter().filter(|put| calls.iter().any(|call| call.contract.expiry == put.contract.expiry));
        both.min_by_key(|put| ((put.dte - target).abs(), put.contract.expiry)).map(|put| put.contract.expiry)
    }
}
