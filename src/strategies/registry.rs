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

    /// The tables of strategies §6.1 and §7: what is said there is what holds where nobody says anything.
    #[test]
    fn defaults_are_those_of_the_specification() {
        let wheel: &[(&str, &str)] = &[
            ("symbols", ""),
            ("allocation", "none"),
            ("contracts", "none"),
            ("capital", "none"),
            ("secured_by", "cash"),
            ("put.delta", "0.30"),
            ("call.delta", "0.30"),
            ("delta_min", "0.10"),
            ("select", "score"),
            ("dte_min", "25"),
            ("dte_target", "35"),
            ("dte_max", "50"),
            ("min_open_interest", "100"),
            ("max_spread_pct", "10"),
            ("min_premium", "0.15"),
            ("min_yield", "0.05"),
            ("max_yield", "1.00"),
            ("write_put_when", "any"),
            ("write_call_when", "any"),
            ("move_sigma", "1.0"),
            ("call_floor", "net_basis"),
            ("call_coverage", "1.0"),
            ("allow_itm", "false"),
            ("put.max_strike", "none"),
            ("take_profit", "0.50"),
            ("roll_dte", "21"),
            ("roll_put_itm", "false"),
            ("roll_call_itm", "true"),
            ("roll_min_credit", "0.05"),
            ("max_rolls", "3"),
            ("never_roll_call_down", "true"),
            ("close_if_unable", "false"),
            ("max_new_contracts", "5"),
            ("earnings", "avoid"),
            ("earnings_unknown", "allow"),
            ("ex_dividend", "roll"),
            ("pin", "accept"),
            ("close_cheap", "false"),
            ("underwater_days", "30"),
            ("cooldown_days", "1"),
            ("max_loss_pct", "none"),
            ("ladder.step_s", "30"),
            ("ladder.steps", "6"),
        ];
        let collar: &[(&str, &str)] = &[
            ("symbols", ""),
            ("lots", "none"),
            ("buy_shares", "false"),
            // As an absolute number, as of the other strategy.
            ("put.delta", "0.25"),
            ("put.floor_pct", "none"),
            ("put.floor", "none"),
            ("put.min_floor_pct", "15"),
            ("call.min_upside_pct", "4"),
            ("call_floor", "none"),
            ("max_net_debit", "0.05"),
            ("max_debit_pct", "0.5"),
            ("dte_min", "45"),
            ("dte_target", "90"),
            ("dte_max", "120"),
            ("roll_dte", "21"),
            ("roll_up_at_pct", "98"),
            ("roll_up_delta", "0.70"),
            ("down_action", "hold"),
            ("roll_down_delta", "0.70"),
            ("protect_shares", "true"),
            ("ex_dividend", "roll"),
            ("min_open_interest", "100"),
            ("max_spread_pct", "10"),
            ("ladder.step_s", "30"),
            ("ladder.steps", "6"),
        ];
        for (name, table) in [("wheel", wheel), ("collar", collar)] {
            let params = kind_of(name).unwrap().params;
            let mut known: Vec<(&str, &str)> = params.iter().map(|spec| (spec.name, spec.default)).collect();
            let mut table = table.to_vec();
            known.sort_unstable();
            table.sort_unstable();
            assert_eq!(known, table, "{name}");
        }
    }

    /// A default is one of its own values, and what is beyond them is refused by name.
    #[test]
    fn every_default_is_allowed_and_what_is_not_is_named_with_its_range() {
        for kind in KINDS {
            for spec in kind.params {
                let read = |value: &str| {
                    let pairs = [(spec.name.to_owned(), value.to_owned())];
                    Params::new(pairs).read(kind.name, kind.params).map(|_| ())
                };
                assert_eq!(read(spec.default), Ok(()), "{} {}", kind.name, spec.name);
                let error = read("-1e9").unwrap_err().to_string();
                assert!(
                    error.starts_with(&format!("parameter {}: found '-1e9', allowed ", spec.name)),
                    "{error}"
                );
            }
        }
    }

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
