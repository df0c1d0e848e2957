//! Numbers in, numbers out: indicators, option maths, performance metrics, position sizing. `f64` lives here; none of it becomes an
//! order price without a named rounding.

pub mod contracts;
pub mod desk;
pub mod greeks;
pub mod impact;
pub mod indicators;
pub mod metrics;
pub mod number;
pub mod payoff;
pub mod random;
pub mod sizing;
