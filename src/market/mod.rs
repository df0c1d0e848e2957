//! Market data: the symbol universe, the simulated market, recorded bars and their replay, the conflating hub.

pub mod bars_csv;
pub mod chain;
pub mod corporate;
pub mod hub;
pub mod replay;
pub mod simulated;
pub mod symbols;
pub mod timeline;
