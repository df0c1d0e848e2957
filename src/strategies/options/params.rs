//! Parameters that every option strategy has, in the same words.

use jiff::SignedDuration;
use rust_decimal::Decimal;

use crate::strategies::params::{ParamKind, ParamSpec, Values};

use super::ladder::Ladder;

/// What becomes of a call before a dividend.
pub(in crate::strategies) const EX_DIVIDEND: ParamSpec = ParamSpec {
    name: "ex_dividend",
    kind: ParamKind::Choice(&["roll", "close", "accept"]),
    default: "roll",
    about: "what becomes of a call whose holder would exercise it for a dividend",
};

/// How much of a contract others must hold.
pub(in crate::strategies) const OPEN_INTEREST: ParamSpec = ParamSpec {
    name: "min_open_interest",
    kind: ParamKind::Whole { min: 0, max: 1_000_000 },
    default: "100",
    about: "contracts outstanding at least",
};

/// How narrow a contract's market must be.
pub(in crate::strategies) const SPREAD: ParamSpec = ParamSpec {
    name: "max_spread_pct",
    kind: ParamKind::Number { min: Decimal::from_parts(10, 0, 0, false, 2), max: Decimal::ONE_HUNDRED },
    default: "10",
    about: "ask minus bid in per cent of their middle at most; 0.10 is always narrow enough",
};

/// How often an order walks.
pub(in crate::strategies) const LADDER_SECONDS: ParamSpec = ParamSpec {
    name: "ladder.step_s",
    kind: ParamKind::Whole { min: 30, max: 600 },
    default: "30",
    about: "seconds between two steps of an order's limit",
};

/// How far an order walks at a time.
pub(in crate::strategies) const LADDER_STEPS: ParamSpec = ParamSpec {
    name: "ladder.steps",
    kind: ParamKind::Whole { min: 1, max: 20 },
    default: "6",
    about: "steps from the middle of the market to the price that fills",
};

/// How orders walk, by those two.
pub(in crate::strategies) fn ladder(values: &Values) -> Ladder {
    Ladder {
        step: SignedDuration::from_secs(i64::try_from(values.whole(LADDER_SECONDS.name)).unwrap_or(30)),
        steps: u32::try_from(values.whole(LADDER_STEPS.name)).unwrap_or(6),
    }
}
