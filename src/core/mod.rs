//! The pure engine: order lifecycle, risk, portfolio, paper matching. It knows no clock, no socket, no file, no random source;
//! whatever moves arrives as an `Input` with the time it happened, whatever must be done leaves as an `Effect`.
#![deny(clippy::float_arithmetic)]

pub mod alerts;
pub mod book;
pub mod effect;
pub mod engine;
mod host;
pub mod ids;
pub mod input;
pub mod lifecycle;
pub mod market;
pub mod paper;
pub mod portfolio;
pub mod risk;
pub mod sorted;
pub mod stops;
pub mod table;
