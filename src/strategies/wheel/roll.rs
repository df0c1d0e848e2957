//! Rolling: what is written is bought back and written again later, for a net credit, puts never up and calls never down (strategies §6.4).

use rust_decimal::Decimal;

use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{Leg, OptionContract, Right};
use crate::domain::order::{PositionEffect, Side};
use crate::quant::contracts::{Candidate, Screen, days_to_expiry, screen};
use crate::quant::number::to_f64;
use crate::strategies::options::ladder;
use crate::strategies::options::positions::Contracts;
use crate::strategies::{Decision, Proposal};

use super::SHARES;
use super::turn::Turn;

/// What is written instead, and what the exchange brings.
struct Roll {
    to: Candidate,
    /// Net credit per share at the middles, fees not taken off.
    credit: Price,
}

impl Turn<'_> {
    /// Proposes the best roll of a position, or says that there is none. `beyond` asks for more time value than a dividend.
    pub(super) fn roll(&mut self, held: &Contracts, beyond: Option<Price>, code: &'static str) -> bool {
        let contract = &held.contract;
        let instrument = Instrument::Option(contract.clone());
        let used = match contract.right {
            Right::Put => self.memory.campaign.put_rolls,
            Right::Call => self.memory.campaign.call_rolls,
        };
        let may = i64::from(used) < self.params.whole("max_rolls") && !self.books.standing().closing_only;
        let Some((bid, ask)) = self.market(contract) else {
            self.skip("NO_QUOTE", Some(instrument), Vec::new());
            return false;
        };
        let mid = Price::new((bid.get() + ask.get()) / Decimal::TWO);
        let least = self.params.number("roll_min_credit") + self.round_trip() / SHARES;
        let found = if may { self.best_roll(held, mid, least, beyond) } else { None };
        let Some(roll) = found else {
            // A dividend has another way out.
            if beyond.is_some() {
                return false;
            }
            let profit = held.price > mid;
            if self.params.flag("close_if_unable") && profit {
                let values = vec![("credit", to_f64(held.price.get())), ("mid", to_f64(mid.get()))];
                let decision = Decision::new("WHEEL_CLOSE", Some(instrument), values);
                let count = self.free(held);
                return self.close(contract, count, false, Some(held.price), decision);
            }
            let values = vec![("rolls", used.into()), ("min_credit", to_f64(least))];
            self.skip("ROLL_NONE", Some(instrument), values);
            return false;
        };
        let values = vec![
            ("credit", to_f64(roll.credit.get())),
            ("min_credit", to_f64(least)),
            ("from_dte", days_to_expiry(contract.expiry, self.hours.today).into()),
            ("to_dte", roll.to.dte.into()),
            ("to_strike", to_f64(roll.to.contract.strike.get())),
            ("delta", roll.to.delta),
        ];
        let decision = Decision::new(code, Some(instrument), values);
        self.memory.rolling = Some(contract.occ_symbol());
        let count = self.free(held);
        if self.books.standing().multi_leg {
            let package = package(contract, &roll.to.contract, count, roll.credit);
            return self.propose(package, Some(Price::new(-least)), decision);
        }
        // One after the other, the purchase first: the other way round would stand uncovered between the two.
        let most = Price::new((roll.to.mid().get() - least).max(mid.get()));
        self.close(contract, count, false, Some(most), decision)
    }

    fn best_roll(
        &mut self,
        held: &Contracts,
        mid: Price,
        least: Decimal,
        beyond: Option<Price>,
    ) -> Option<Roll> {
        let from = &held.contract;
        let today = self.hours.today;
        let dte = days_to_expiry(from.expiry, today);
        let floor = self.call_floor();
        let (strike_min, strike_max) = match from.right {
            Right::Put => (None, Some(from.strike)),
            Right::Call => {
                let current = self.params.flag("never_roll_call_down").then_some(from.strike);
                (floor.max(current), None)
            }
        };
        let wanted = Screen {
            dte_min: dte + 1,
            dte_max: days_to_expiry(self.furthest(), today),
            delta_min: 0.0,
            strike_min,
            strike_max,
            yield_min: 0.0,
            yield_max: f64::INFINITY,
            ..self.screen(from.right)
        };
        let mut screened = screen(self.chain, &wanted, today, self.now);
        self.drop_reports(&mut screened);
        let spot = self.chain.spot?;
        let rolls = screened.candidates.into_iter().filter_map(|to| {
            let credit = to.mid() - mid;
            let extrinsic = to.mid() - to.contract.intrinsic(spot);
            let enough = beyond.is_none_or(|dividend| extrinsic > dividend);
            (credit.get() >= least && enough && to.contract.expiry > from.expiry)
                .then_some(Roll { to, credit })
        });
        let per_day = |roll: &Roll| to_f64(roll.credit.get()) / f64::from((roll.to.dte - dte).max(1));
        // The first of equals is the better one by score.
        rolls.fold(None, |best: Option<Roll>, roll| match best {
            Some(best) if per_day(&best) >= per_day(&roll) => Some(best),
            _ => Some(roll),
        })
    }
}

/// Both legs as one order: bought as written, for a negative price where it brings money.
fn package(from: &OptionContract, to: &OptionContract, count: i64, credit: Price) -> Proposal {
    let leg = |contract: &OptionContract, side, position_effect| Leg {
        side,
        position_effect,
        ratio: Decimal::ONE,
        instrument: Instrument::Option(contract.clone()),
    };
    let legs = vec![leg(from, Side::Buy, PositionEffect::Close), leg(to, Side::Sell, PositionEffect::Open)];
    let net = ladder::first(true, -credit, Decimal::new(1, 2));
    Proposal::package(legs, Quantity::from(count), net)
}
