//! Arbion, a terminal trading client: a pure core inside an async shell. `ARCHITECTURE.md` has the map.

pub mod domain;
pub mod quant;
pub mod strategies;
pub mod core;
pub mod command;
pub mod brokers;
pub mod market;
pub mod store;
pub mod config;
pub mod client;
pub mod engine;
pub mod tui;
pub mod cli;
