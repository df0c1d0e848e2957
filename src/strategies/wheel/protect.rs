//! The first step of an evaluation: calls that nothing covers any more, options that are long by accident, dividends, expiry day, reports.

use rust_decimal::Decimal;

use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{PositionEffect, Side};
use crate::quant::number::to_f64;
use crate::strategies::options::cover::cover;
use crate::strategies::{Decision, Output, Proposal};

use super::turn::Turn;

impl Turn<'_> {
    /// True when something was proposed.
    pub(super) fn protect(&mut self, spot: Price) -> bool {
        self.cover()
            || self.sell_accidents()
            || self.before_ex_dividend(spot)
            || self.on_expiry_day(spot)
            || self.before_report()
    }

    /// Buys back, at once, the calls that shares do not cover: the user sold them, or they were called away in part.
    pub(super) fn cover(&mut self) -> bool {
        if self.books.standing().halted {
            return false;
        }
        let cover = cover(self.books, &self.positions);
        self.out.extend(cover.cancel.iter().map(|order| Output::Cancel(*order)));
        let mut proposed = cover.is_working;
        for (held, count) in cover.buy {
            let values = vec![("shares", to_f64(self.positions.shares)), ("calls", held.count as f64)];
            let decision =
                Decision::new("WHEEL_UNCOVERED", Some(Instrument::Option(held.contract.clone())), values);
            let is_bought = self.close(&held.contract, count, true, None, decision);
            let done = if is_bought { "is bought back" } else { "nothing sells it just now" };
            let text = format!("{}: {} x{count} is uncovered and {done}", self.name, held.contract);
            proposed |= is_bought;
            self.out.push(Output::Alert(text));
        }
        proposed
    }

    /// A contract that was assigned while it was being bought back, and filled all the same, is long now: it is sold.
    fn sell_accidents(&mut self) -> bool {
        for held in self.positions.long.clone() {
            let instrument = Instrument::Option(held.contract.clone());
            let selling = self.positions.selling(&instrument);
            let count = Decimal::from(held.count) - selling;
            let Some((bid, _)) = self.market(&held.contract).filter(|(bid, _)| bid.is_positive()) else {
                continue;
            };
            if count <= Decimal::ZERO || self.is_worked(&held.contract) {
                continue;
            }
            let decision =
                Decision::new("WHEEL_CLOSE_LONG", Some(instrument.clone()), vec![("bid", to_f64(bid.get()))]);
            let order =
                Proposal::option(instrument, Side::Sell, PositionEffect::Close, Quantity::new(count), bid);
            return self.propose(order, None, decision);
        }
        false
    }
}
