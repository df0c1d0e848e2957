//! The collar's parameters: their schema, and what they mean once they are read.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::option::Right;
use crate::quant::contracts::Screen;
use crate::quant::number::to_f64;
use crate::strategies::MONEY_MAX;
use crate::strategies::options::ladder::Ladder;
use crate::strategies::options::params as shared;
use crate::strategies::options::slots::SlotParams;
use crate::strategies::options::underlyings::{UNDERLYINGS_MAX, ordered, underlyings};
use crate::strategies::params::{ParamError, ParamKind, ParamSpec, Params, Values};

/// Lots of one underlying at most.
const LOTS_MAX: u32 = 1_000;
const DAYS: ParamKind = ParamKind::Whole { min: 0, max: 730 };
const PERCENT: ParamKind = ParamKind::Number { min: Decimal::ZERO, max: Decimal::ONE_HUNDRED };
const DELTA: ParamKind = ParamKind::Number { min: hundredths(1), max: Decimal::ONE };

const fn hundredths(count: u32) -> Decimal {
    Decimal::from_parts(count, 0, 0, false, 2)
}

/// What it may be told.
pub(in crate::strategies) const PARAMS: &[ParamSpec] = &[
    ParamSpec {
        name: "symbols",
        kind: ParamKind::Symbols { most: UNDERLYINGS_MAX },
        default: "",
        about: "shares to hedge, each by itself; empty takes the strategy's instruments",
    },
    ParamSpec {
        name: "lots",
        kind: ParamKind::OptionalWhole { min: 1, max: LOTS_MAX },
        default: "none",
        about: "lots of 100 shares to hedge of each; none hedges all that it claims",
    },
    ParamSpec {
        name: "buy_shares",
        kind: ParamKind::Flag,
        default: "false",
        about: "are the lots bought first where they are not held; asks for lots",
    },
    ParamSpec {
        name: "put.delta",
        kind: DELTA,
        default: "0.25",
        about: "absolute delta of the put that is bought",
    },
    ParamSpec {
        name: "put.floor_pct",
        kind: ParamKind::OptionalNumber { min: Decimal::ZERO, max: Decimal::ONE_HUNDRED },
        default: "none",
        about: "the put's strike is so many per cent below the price at most; instead of its delta",
    },
    ParamSpec {
        name: "put.floor",
        kind: ParamKind::OptionalNumber { min: hundredths(1), max: MONEY_MAX },
        default: "none",
        about: "the put's strike is this price at least; instead of its delta",
    },
    ParamSpec {
        name: "put.min_floor_pct",
        kind: PERCENT,
        default: "15",
        about: "so far below the price, in per cent, the put may be widened before it is given up",
    },
    ParamSpec {
        name: "call.min_upside_pct",
        kind: PERCENT,
        default: "4",
        about: "the call's strike is so many per cent above the price at least",
    },
    ParamSpec {
        name: "call_floor",
        kind: ParamKind::Choice(&["none", "average_cost"]),
        default: "none",
        about: "lowest strike of a call beside that: what the shares cost, or none",
    },
    ParamSpec {
        name: "max_net_debit",
        kind: ParamKind::Number { min: Decimal::ZERO, max: Decimal::ONE_HUNDRED },
        default: "0.05",
        about: "what put and call together may cost per share and still be at no cost",
    },
    ParamSpec {
        name: "max_debit_pct",
        kind: PERCENT,
        default: "0.5",
        about: "per cent of the shares' value that may be paid where no cost is impossible; 0 pays nothing",
    },
    ParamSpec { name: "dte_min", kind: DAYS, default: "45", about: "days to expiry at least" },
    ParamSpec { name: "dte_target", kind: DAYS, default: "90", about: "days to expiry that are best" },
    ParamSpec { name: "dte_max", kind: DAYS, default: "120", about: "days to expiry at most" },
    ParamSpec {
        name: "roll_dte",
        kind: DAYS,
        default: "21",
        about: "days to expiry at which both legs are rolled",
    },
    ParamSpec {
        name: "roll_up_at_pct",
        kind: ParamKind::Number { min: Decimal::TEN, max: Decimal::ONE_THOUSAND },
        default: "98",
        about: "the price in per cent of the call's strike at which call and put are rolled up",
    },
    ParamSpec {
        name: "roll_up_delta",
        kind: DELTA,
        default: "0.70",
        about: "delta of the call at which they are rolled up too",
    },
    ParamSpec {
        name: "down_action",
        kind: ParamKind::Choice(&["hold", "roll_down", "exercise"]),
        default: "hold",
        about: "when the shares have fallen: keep the put, sell it for a lower one, or let it be exercised",
    },
    ParamSpec {
        name: "roll_down_delta",
        kind: DELTA,
        default: "0.70",
        about: "absolute delta of the put at which it is rolled down",
    },
    ParamSpec {
        name: "protect_shares",
        kind: ParamKind::Flag,
        default: "true",
        about: "is a put in the money sold before it expires, so that the shares stay",
    },
    shared::EX_DIVIDEND,
    shared::OPEN_INTEREST,
    shared::SPREAD,
    shared::LADDER_SECONDS,
    shared::LADDER_STEPS,
];

/// The parameters as read.
#[derive(Clone, Debug)]
pub(super) struct CollarParams {
    values: Values,
    ladder: Ladder,
}

impl SlotParams for CollarParams {
    fn read(instruments: Vec<Instrument>, params: &Params) -> Result<(Self, Vec<Instrument>), ParamError> {
        let values = params.read("collar", PARAMS)?;
        let instruments = underlyings(instruments, &values)?;
        for (low, high) in [("dte_min", "dte_target"), ("dte_target", "dte_max"), ("roll_dte", "dte_min")] {
            ordered(&values, low, high)?;
        }
        if let Some(floor) = values.optional("put.floor_pct")
            && floor > values.number("put.min_floor_pct")
        {
            let most = values.number("put.min_floor_pct");
            let allowed = format!("at most put.min_floor_pct ({most})");
            return Err(ParamError::value("put.floor_pct", &floor.to_string(), allowed));
        }
        if values.flag("buy_shares") && values.optional("lots").is_none() {
            return Err(ParamError::value("buy_shares", "true", "true where lots says how many"));
        }
        if values.word("down_action") == "exercise" && values.flag("protect_shares") {
            let allowed = "exercise where protect_shares is false";
            return Err(ParamError::value("down_action", "exercise", allowed));
        }
        let ladder = shared::ladder(&values);
        Ok((Self { values, ladder }, instruments))
    }

    fn ladder(&self) -> Ladder {
        self.ladder
    }
}

impl CollarParams {
    pub(super) fn number(&self, name: &str) -> Decimal {
        self.values.number(name)
    }

    pub(super) fn optional(&self, name: &str) -> Option<Decimal> {
        self.values.optional(name)
    }

    pub(super) fn days(&self, name: &str) -> i32 {
        self.values.number(name).to_i32().unwrap_or_default()
    }

    pub(super) fn word(&self, name: &str) -> &'static str {
        self.values.word(name)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.values.flag(name)
    }

    /// Lots that are to be hedged of so many.
    pub(super) fn lots_of(&self, held: i64) -> i64 {
        self.optional("lots").and_then(|lots| lots.to_i64()).map_or(held, |lots| lots.min(held))
    }

    /// What a contract must be to be traded at all; strikes and deltas are chosen among those.
    pub(super) fn screen(&self, right: Right, rate: f64) -> Screen {
        Screen {
            right,
            dte_min: self.days("dte_min"),
            dte_target: self.days("dte_target"),
            dte_max: self.days("dte_max"),
            spread_percent_max: self.number("max_spread_pct"),
            open_interest_min: self.number("min_open_interest").to_u64().unwrap_or_default(),
            delta_min: 0.0,
            delta_max: 1.0,
            strike_min: None,
            strike_max: None,
            premium_min: Price::ZERO,
            yield_min: 0.0,
            yield_max: f64::INFINITY,
            rate,
        }
    }

    /// The lowest strike of a put by the floor in per cent.
    pub(super) fn widest_floor(&self, spot: Price) -> Price {
        below(spot, self.number("put.min_floor_pct"))
    }

    /// The strike below which the put may not begin, where a floor is said instead of a delta.
    pub(super) fn floor(&self, spot: Price) -> Option<Price> {
        let part = self.optional("put.floor_pct").map(|percent| below(spot, percent));
        let fixed = self.optional("put.floor").map(Price::new);
        part.max(fixed)
    }

    /// The lowest strike of a call by the upside it leaves.
    pub(super) fn least_call(&self, spot: Price) -> Price {
        spot * (Decimal::ONE + self.number("call.min_upside_pct") / Decimal::ONE_HUNDRED)
    }

    /// What may be paid per share where no cost is impossible.
    pub(super) fn fallback_debit(&self, spot: Price) -> Decimal {
        spot.get() * self.number("max_debit_pct") / Decimal::ONE_HUNDRED
    }

    pub(super) fn put_delta(&self) -> f64 {
        to_f64(self.number("put.delta"))
    }
}

fn below(spot: Price, percent: Decimal) -> Price {
    spot * (Decimal::ONE - percent / Decimal::ONE_HUNDRED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(pairs: &[(&str, &str)]) -> String {
        let params = Params::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        CollarParams::read(vec![Instrument::equity("AAPL").unwrap()], &params).err().unwrap().to_string()
    }

    #[test]
    fn what_does_not_go_together_is_named() {
        for (pairs, text) in [
            (&[("dte_min", "100")][..], "parameter dte_min: found '100', allowed at most dte_target (90)"),
            (&[("roll_dte", "46")], "parameter roll_dte: found '46', allowed at most dte_min (45)"),
            (
                &[("put.floor_pct", "20")],
                "parameter put.floor_pct: found '20', allowed at most put.min_floor_pct (15)",
            ),
            (
                &[("buy_shares", "true")],
                "parameter buy_shares: found 'true', allowed true where lots says how many",
            ),
            (
                &[("down_action", "exercise")],
                "parameter down_action: found 'exercise', allowed exercise where protect_shares is false",
            ),
            (&[("symbols", "AAPL,AAPL")], "parameter symbols: found"),
        ] {
            assert!(error(pairs).starts_with(text), "{}", error(pairs));
        }
    }
}
