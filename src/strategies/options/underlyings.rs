//! The underlyings of an option strategy, and parameters that must be in order.

use crate::domain::instrument::Instrument;
use crate::strategies::params::{ParamError, Values};

/// Underlyings of one strategy at most.
pub(in crate::strategies) const UNDERLYINGS_MAX: usize = 20;

/// Those of `symbols`, or the strategy's instruments where none are said. Shares alone have listed options, and two slots on one symbol would
/// each take the other's positions for their own.
pub(in crate::strategies) fn underlyings(
    instruments: Vec<Instrument>,
    values: &Values,
) -> Result<Vec<Instrument>, ParamError> {
    let said = values.symbols("symbols");
    let instruments: Vec<Instrument> = if said.is_empty() {
        instruments
    } else {
        said.iter().map(|symbol| Instrument::Equity { symbol: symbol.clone() }).collect()
    };
    let text = || instruments.iter().map(Instrument::to_string).collect::<Vec<_>>().join(",");
    let each_once =
        instruments.iter().enumerate().all(|(at, instrument)| !instruments[..at].contains(instrument));
    let shares = instruments.iter().all(|instrument| matches!(instrument, Instrument::Equity { .. }));
    if instruments.is_empty() || instruments.len() > UNDERLYINGS_MAX || !each_once || !shares {
        let allowed = format!("1 to {UNDERLYINGS_MAX} tickers, each once");
        return Err(ParamError::value("symbols", &text(), allowed));
    }
    Ok(instruments)
}

/// One parameter is at most another.
pub(in crate::strategies) fn ordered(values: &Values, low: &str, high: &str) -> Result<(), ParamError> {
    let (least, most) = (values.number(low), values.number(high));
    if least <= most {
        return Ok(());
    }
    Err(ParamError::value(low, &least.to_string(), format!("at most {high} ({most})")))
}
