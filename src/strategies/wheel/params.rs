//! The wheel's parameters: their schema, and what they mean once they are read.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::option::Right;
use crate::quant::contracts::Screen;
use crate::quant::number::to_f64;
use crate::strategies::options::ladder::Ladder;
use crate::strategies::options::params as shared;
use crate::strategies::options::slots::SlotParams;
use crate::strategies::options::underlyings::{UNDERLYINGS_MAX, ordered, underlyings};
use crate::strategies::params::{ParamError, ParamKind, ParamSpec, Params, Values};
use crate::strategies::{Books, MONEY_MAX};

/// Contracts of one slot at most.
const CONTRACTS_MAX: u32 = 1_000;
/// Days on which options are sold.
const WHEN: &[&str] = &["any", "red_day", "green_day", "move_sigma"];
const DAYS: ParamKind = ParamKind::Whole { min: 0, max: 730 };
const DELTA: ParamKind = ParamKind::Number { min: percent(1), max: Decimal::ONE };

const fn percent(hundredths: u32) -> Decimal {
    Decimal::from_parts(hundredths, 0, 0, false, 2)
}

/// What it may be told.
pub(in crate::strategies) const PARAMS: &[ParamSpec] = &[
    ParamSpec {
        name: "symbols",
        kind: ParamKind::Symbols { most: UNDERLYINGS_MAX },
        default: "",
        about: "underlyings, each a slot of its own; empty takes the strategy's instruments",
    },
    ParamSpec {
        name: "capital",
        kind: ParamKind::OptionalNumber { min: Decimal::ONE, max: MONEY_MAX },
        default: "none",
        about: "money the strategy may tie up; none takes half of the account's net liquidation",
    },
    ParamSpec {
        name: "allocation",
        kind: ParamKind::OptionalNumber { min: percent(1), max: Decimal::ONE },
        default: "none",
        about: "part of the capital for each slot; none shares it evenly",
    },
    ParamSpec {
        name: "contracts",
        kind: ParamKind::OptionalWhole { min: 1, max: CONTRACTS_MAX },
        default: "none",
        about: "contracts of each slot, instead of a part of the capital",
    },
    ParamSpec {
        name: "secured_by",
        kind: ParamKind::Choice(&["cash", "margin"]),
        default: "cash",
        about: "puts are secured by the whole strike in settled cash, or by the broker's margin",
    },
    ParamSpec {
        name: "put.delta",
        kind: DELTA,
        default: "0.30",
        about: "largest absolute delta of a put that is sold",
    },
    ParamSpec {
        name: "call.delta",
        kind: DELTA,
        default: "0.30",
        about: "largest absolute delta of a call that is sold",
    },
    ParamSpec {
        name: "delta_min",
        kind: DELTA,
        default: "0.10",
        about: "smallest absolute delta: less is not worth the fee",
    },
    ParamSpec {
        name: "select",
        kind: ParamKind::Choice(&["score", "delta"]),
        default: "score",
        about: "the best by yield and risk, or the largest delta of the expiry nearest to dte_target",
    },
    ParamSpec { name: "dte_min", kind: DAYS, default: "25", about: "days to expiry at least" },
    ParamSpec { name: "dte_target", kind: DAYS, default: "35", about: "days to expiry that are best" },
    ParamSpec { name: "dte_max", kind: DAYS, default: "50", about: "days to expiry at most" },
    shared::OPEN_INTEREST,
    shared::SPREAD,
    ParamSpec {
        name: "min_premium",
        kind: ParamKind::Number { min: percent(1), max: Decimal::ONE_HUNDRED },
        default: "0.15",
        about: "bid per share at least, and five times what a round trip costs",
    },
    ParamSpec {
        name: "min_yield",
        kind: ParamKind::Number { min: Decimal::ZERO, max: Decimal::TEN },
        default: "0.05",
        about: "yearly yield of the premium at least, 0.05 for 5 %",
    },
    ParamSpec {
        name: "max_yield",
        kind: ParamKind::Number { min: Decimal::ZERO, max: Decimal::TEN },
        default: "1.00",
        about: "yearly yield at most: more is a warning, not a prize",
    },
    ParamSpec {
        name: "write_put_when",
        kind: ParamKind::Choice(WHEN),
        default: "any",
        about: "days on which puts are sold: any, those that fell, those that rose, or those that moved by move_sigma",
    },
    ParamSpec {
        name: "write_call_when",
        kind: ParamKind::Choice(WHEN),
        default: "any",
        about: "days on which calls are sold",
    },
    ParamSpec {
        name: "move_sigma",
        kind: ParamKind::Number { min: percent(10), max: Decimal::TEN },
        default: "1.0",
        about: "how many daily deviations of 30 days a day must have moved",
    },
    ParamSpec {
        name: "call_floor",
        kind: ParamKind::Choice(&["net_basis", "assigned_strike", "average_cost", "none"]),
        default: "net_basis",
        about: "lowest strike of a call: the shares' cost after put premiums, the strike they were assigned at, their average cost",
    },
    ParamSpec {
        name: "call_coverage",
        kind: ParamKind::Number { min: Decimal::ZERO, max: Decimal::ONE },
        default: "1.0",
        about: "part of the lots that calls may cover",
    },
    ParamSpec {
        name: "allow_itm",
        kind: ParamKind::Flag,
        default: "false",
        about: "may a contract be sold in the money",
    },
    ParamSpec {
        name: "put.max_strike",
        kind: ParamKind::OptionalNumber { min: percent(1), max: MONEY_MAX },
        default: "none",
        about: "highest strike of a put",
    },
    ParamSpec {
        name: "take_profit",
        kind: ParamKind::Number { min: percent(5), max: Decimal::ONE },
        default: "0.50",
        about: "part of the credit at which an option is bought back",
    },
    ParamSpec {
        name: "roll_dte",
        kind: DAYS,
        default: "21",
        about: "days to expiry at which what is open is managed",
    },
    ParamSpec {
        name: "roll_put_itm",
        kind: ParamKind::Flag,
        default: "false",
        about: "is a put in the money rolled; false takes the shares, that is the wheel",
    },
    ParamSpec {
        name: "roll_call_itm",
        kind: ParamKind::Flag,
        default: "true",
        about: "is a call in the money rolled, for a net credit alone",
    },
    ParamSpec {
        name: "roll_min_credit",
        kind: ParamKind::Number { min: Decimal::ZERO, max: Decimal::ONE_HUNDRED },
        default: "0.05",
        about: "net credit of a roll per share at least, fees of both legs taken off",
    },
    ParamSpec {
        name: "max_rolls",
        kind: ParamKind::Whole { min: 0, max: 100 },
        default: "3",
        about: "rolls of each side in one campaign at most",
    },
    ParamSpec {
        name: "never_roll_call_down",
        kind: ParamKind::Flag,
        default: "true",
        about: "a call is rolled to the same strike or a higher one",
    },
    ParamSpec {
        name: "close_if_unable",
        kind: ParamKind::Flag,
        default: "false",
        about: "is what cannot be rolled bought back while that is a profit",
    },
    ParamSpec {
        name: "max_new_contracts",
        kind: ParamKind::Whole { min: 1, max: CONTRACTS_MAX },
        default: "5",
        about: "contracts opened in each slot on one day at most",
    },
    ParamSpec {
        name: "earnings",
        kind: ParamKind::Choice(&["avoid", "close_before", "ignore"]),
        default: "avoid",
        about: "what a report before the expiry does: nothing is opened, it is bought back before too, or nothing",
    },
    ParamSpec {
        name: "earnings_unknown",
        kind: ParamKind::Choice(&["allow", "block"]),
        default: "allow",
        about: "may something be opened while nobody knows the next report",
    },
    shared::EX_DIVIDEND,
    ParamSpec {
        name: "pin",
        kind: ParamKind::Choice(&["accept", "close"]),
        default: "accept",
        about: "a put at or in the money on its last afternoon: take the shares, or buy it back",
    },
    ParamSpec {
        name: "close_cheap",
        kind: ParamKind::Flag,
        default: "false",
        about: "is what costs 0.05 or less on its last afternoon bought back",
    },
    ParamSpec {
        name: "underwater_days",
        kind: ParamKind::Whole { min: 1, max: 1_000 },
        default: "30",
        about: "days without a call that pays at the floor before you are told",
    },
    ParamSpec {
        name: "cooldown_days",
        kind: ParamKind::Whole { min: 0, max: 365 },
        default: "1",
        about: "days without an opening after shares were called away or an option was bought back at a loss",
    },
    ParamSpec {
        name: "max_loss_pct",
        kind: ParamKind::OptionalNumber { min: percent(10), max: Decimal::ONE_HUNDRED },
        default: "none",
        about: "loss of a campaign in per cent of the slot's capital at which nothing more is opened",
    },
    shared::LADDER_SECONDS,
    shared::LADDER_STEPS,
];

/// The parameters as read.
#[derive(Clone, Debug)]
pub(super) struct WheelParams {
    values: Values,
    slots: usize,
    ladder: Ladder,
}

impl SlotParams for WheelParams {
    fn read(instruments: Vec<Instrument>, params: &Params) -> Result<(Self, Vec<Instrument>), ParamError> {
        let values = params.read("wheel", PARAMS)?;
        let instruments = underlyings(instruments, &values)?;
        for (low, high) in [("dte_min", "dte_target"), ("dte_target", "dte_max"), ("min_yield", "max_yield")]
        {
            ordered(&values, low, high)?;
        }
        for high in ["put.delta", "call.delta"] {
            ordered(&values, "delta_min", high)?;
        }
        // Together the slots may have no more than the capital.
        let part = values
            .optional("allocation")
            .filter(|part| part * Decimal::from(instruments.len()) > Decimal::ONE);
        if let Some(part) = part {
            let allowed = format!("at most 1 / {} for each of so many symbols", instruments.len());
            return Err(ParamError::value("allocation", &part.to_string(), allowed));
        }
        let ladder = shared::ladder(&values);
        Ok((Self { slots: instruments.len(), values, ladder }, instruments))
    }

    fn ladder(&self) -> Ladder {
        self.ladder
    }
}

impl WheelParams {
    /// Money of one slot.
    pub(super) fn slot_capital(&self, books: &dyn Books) -> Decimal {
        self.slot_capital_of(|| books.equity())
    }

    fn slot_capital_of(&self, equity: impl FnOnce() -> Decimal) -> Decimal {
        let capital = self.number_or("capital", || equity() / Decimal::TWO);
        let part = self.number_or("allocation", || Decimal::ONE / Decimal::from(self.slots.max(1)));
        (capital * part).max(Decimal::ZERO)
    }

    /// Money of all slots; `None` where a number of contracts is meant instead.
    pub(super) fn capital(&self, equity: Decimal) -> Option<Decimal> {
        let bounded = self.values.optional("contracts").is_none();
        bounded.then(|| (self.slot_capital_of(|| equity) * Decimal::from(self.slots)).round_dp(2))
    }

    fn number_or(&self, name: &str, other: impl FnOnce() -> Decimal) -> Decimal {
        self.values.optional(name).unwrap_or_else(other)
    }

    pub(super) fn number(&self, name: &str) -> Decimal {
        self.values.number(name)
    }

    pub(super) fn optional(&self, name: &str) -> Option<Decimal> {
        self.values.optional(name)
    }

    pub(super) fn whole(&self, name: &str) -> i64 {
        self.values.number(name).to_i64().unwrap_or_default()
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

    /// The largest absolute delta of a side.
    pub(super) fn delta(&self, right: Right) -> f64 {
        to_f64(self.values.number(if right == Right::Put { "put.delta" } else { "call.delta" }))
    }

    /// What a contract must be to be sold, strikes aside. `round_trip` is what buying and selling one contract costs.
    pub(super) fn screen(&self, right: Right, round_trip: Decimal, rate: f64) -> Screen {
        let fees = round_trip * Decimal::from(5) / super::SHARES;
        Screen {
            right,
            dte_min: self.days("dte_min"),
            dte_target: self.days("dte_target"),
            dte_max: self.days("dte_max"),
            spread_percent_max: self.number("max_spread_pct"),
            open_interest_min: self.number("min_open_interest").to_u64().unwrap_or_default(),
            delta_min: to_f64(self.number("delta_min")),
            delta_max: self.delta(right),
            strike_min: None,
            strike_max: None,
            premium_min: Price::new(self.number("min_premium").max(fees)),
            yield_min: to_f64(self.number("min_yield")),
            yield_max: to_f64(self.number("max_yield")),
            rate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<(WheelParams, Vec<Instrument>), ParamError> {
        let params = Params::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        WheelParams::read(vec![Instrument::equity("AAPL").unwrap()], &params)
    }

    #[test]
    fn symbols_come_before_instruments_and_two_slots_on_one_are_refused() {
        let (params, instruments) = read(&[("symbols", "MSFT,SPY")]).unwrap();
        assert_eq!((instruments.len(), instruments[0].to_string()), (2, "MSFT".to_owned()));
        assert_eq!(params.screen(Right::Put, Decimal::new(13, 1), 0.04).delta_max, 0.30);
        assert_eq!(read(&[]).unwrap().1[0].to_string(), "AAPL");
        let said = |pairs: &[(&str, &str)]| read(pairs).err().unwrap().to_string();
        assert!(said(&[("symbols", "AAPL,AAPL")]).contains("each once"));
        let twice = vec![Instrument::equity("AAPL").unwrap(); 2];
        let error = WheelParams::read(twice, &Params::default()).err().unwrap().to_string();
        assert_eq!(error, "parameter symbols: found 'AAPL,AAPL', allowed 1 to 20 tickers, each once");
        let coin = vec![Instrument::crypto("BTC", "USD").unwrap()];
        assert!(WheelParams::read(coin, &Params::default()).is_err());
    }

    /// The capital is the cap of the strategy: what its slots may have together is no more, and is what its plan says.
    #[test]
    fn slots_share_the_capital_and_have_no_more_of_it() {
        let three = [("symbols", "AAPL,MSFT,SPY"), ("capital", "30000")];
        let capital = |more: &[(&str, &str)]| read(&[&three[..], more].concat()).map(|(read, _)| read);
        let of = |more: &[(&str, &str)]| capital(more).unwrap().capital(Decimal::ONE_HUNDRED);
        assert_eq!(of(&[]), Some(Decimal::from(30_000)));
        assert_eq!(of(&[("allocation", "0.2")]), Some(Decimal::from(18_000)));
        assert_eq!(of(&[("contracts", "1")]), None);
        let half = read(&[]).unwrap().0.capital(Decimal::from(100_000));
        assert_eq!(half, Some(Decimal::from(50_000)));
        assert_eq!(
            capital(&[("allocation", "0.34")]).err().unwrap().to_string(),
            "parameter allocation: found '0.34', allowed at most 1 / 3 for each of so many symbols"
        );
    }

    #[test]
    fn ranges_that_cross_are_named_and_fees_raise_the_least_premium() {
        let said = |pairs: &[(&str, &str)]| read(pairs).err().unwrap().to_string();
        assert_eq!(
            said(&[("dte_min", "40")]),
            "parameter dte_min: found '40', allowed at most dte_target (35)"
        );
        assert_eq!(
            said(&[("delta_min", "0.4")]),
            "parameter delta_min: found '0.4', allowed at most put.delta (0.30)"
        );
        let premium = |fees| read(&[]).unwrap().0.screen(Right::Put, fees, 0.04).premium_min.to_string();
        assert_eq!(
            (premium(Decimal::ONE), premium(Decimal::from(5))),
            ("0.15".to_owned(), "0.25".to_owned())
        );
    }
}
