//! Strategies by kind.

use smol_str::SmolStr;

use crate::domain::instrument::Instrument;

use super::Strategy;
use super::params::{ParamError, Params};
use super::sma_cross::SmaCross;

/// Every kind, by name.
pub const KINDS: &[&str] = &["sma_cross"];

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
    match kind {
        "sma_cross" => Ok(Box::new(SmaCross::new(name, instruments, params)?)),
        other => Err(ParamError::Kind {
            name: other.chars().take(40).flat_map(char::escape_default).collect(),
            known: KINDS.join(", "),
        }),
    }
}
