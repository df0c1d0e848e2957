//! Market data: the symbol universe, the simulated market, recorded bars and their replay, the conflating hub.

pub mod bar_builder;
pub mod bars_file;
pub mod books;
mod cells;
pub mod chain;
pub mod corporate;
pub mod hub;
pub mod model_chain;
pub mod replay;
pub mod simulated;
pub mod simulated_book;
pub mod symbols;
pub mod ticks_file;
pub mod timeline;
