//! Strategies by kind.

use smol_str::SmolStr;

use crate::domain::bot::bot_of;
use crate::domain::instrument::Instrument;

use super::params::{ParamError, ParamSpec, Params};
use super::{Strategy, bot, collar, dca, grid, rebalance, sma_cross, wheel};

/// Makes a strategy of a name, for instruments, by parameters.
type Make = fn(SmolStr, Vec<Instrument>, &Params) -> Result<Box<dyn Strategy>, ParamError>;

/// A kind of strategy.
#[derive(Debug)]
pub struct StrategyKind {
    /// Its name, such as `sma_cross`.
    pub name: &'static str,
    /// One line about what it does.
    pub about: &'static str,
    /// Its parameters.
    pub params: &'static [ParamSpec],
    /// Why it does not trade real money yet; `None` where it does.
    pub paper_only: Option<&'static str>,
    /// Real money it trades only where the broker says what companies did to their shares: dividends, splits, symbol changes.
    pub needs_corporate_actions: bool,
    pub(super) make: Make,
}

/// Every kind, by name.
pub const KINDS: &[StrategyKind] = &[
    StrategyKind {
        name: "collar",
        about: collar::ABOUT,
        params: collar::PARAMS,
        paper_only: collar::PAPER_ONLY,
        needs_corporate_actions: false,
        make: collar::make,
    },
    StrategyKind {
        name: "dca",
        about: dca::ABOUT,
        params: dca::PARAMS,
        paper_only: None,
        needs_corporate_actions: false,
        make: dca::make,
    },
    StrategyKind {
        name: "grid",
        about: grid::ABOUT,
        params: grid::PARAMS,
        paper_only: None,
        needs_corporate_actions: false,
        make: grid::make,
    },
    StrategyKind {
        name: "rebalance",
        about: rebalance::ABOUT,
        params: rebalance::PARAMS,
        paper_only: None,
        needs_corporate_actions: false,
        make: rebalance::make,
    },
    StrategyKind {
        name: "sma_cross",
        about: sma_cross::ABOUT,
        params: sma_cross::PARAMS,
        paper_only: None,
        needs_corporate_actions: false,
        make: sma_cross::make,
    },
    StrategyKind {
        name: "wheel",
        about: wheel::ABOUT,
        params: wheel::PARAMS,
        paper_only: None,
        // What it counts as paid, and what its contracts are on, is what companies made of them.
        needs_corporate_actions: true,
        make: wheel::make,
    },
];

/// The kind of a name. Tests have kinds of their own beside those of the program: what misbehaves, and what is not ready.
#[must_use]
pub fn kind_of(name: &str) -> Option<&'static StrategyKind> {
    let known = KINDS.iter().find(|kind| kind.name == name);
    #[cfg(test)]
    let known = known.or_else(|| super::unruly::KINDS.iter().find(|kind| kind.name == name));
    known
}

/// Makes a strategy.
///
/// # Errors
/// When there is no such kind, or a parameter is wrong.
pub fn build(
    kind: &str,
    name: SmolStr,
    instruments: Vec<Instrument>,
    params: &Params,
) -> Result<Box<dyn Strategy>, ParamError> {
    if bot_of(kind).is_some() {
        return bot::make(name, instruments, params);
    }
    match kind_of(kind) {
        Some(known) => (known.make)(name, instruments, params),
        None => {
            let names: Vec<&str> = KINDS.iter().map(|known| known.name).collect();
            Err(ParamError::kind(kind, names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_starts_with_its_defaults_and_says_what_its_parameters_do() {
        for kind in KINDS {
            let instruments = vec![Instrument::equity("AAPL").unwrap()];
            // A grid has no prices that would suit every instrument.
            let params = match kind.name {
                "grid" => Params::new(
                    [("lower", "90"), ("upper", "110")].map(|(k, v)| (k.to_owned(), v.to_owned())),
                ),
                _ => Params::default(),
            };
            let strategy = build(kind.name, "test".into(), instruments.clone(), &params).unwrap();
            assert_eq!((strategy.kind(), strategy.instruments()), (kind.name, instruments.as_slice()));
            assert!(kind.params.iter().all(|spec| spec.about.len() > 10), "{}", kind.name);
        }
        assert!(KINDS.is_sorted_by_key(|kind| kind.name));
    }
}
