//! Arbion, a terminal trading client: a pure core inside an async shell. `ARCHITECTURE.md` has the map.

pub mod bots;
pub mod brokers;
pub mod cli;
pub mod client;
pub mod command;
pub mod config;
pub mod core;
pub mod domain;
pub mod engine;
pub mod keeping;
pub mod market;
pub mod quant;
pub mod store;
pub mod strategies;
pub mod tui;
pub mod vault;

#[cfg(test)]
#[path = "../tests/support/fuzz.rs"]
#[allow(dead_code, missing_docs, reason = "shared with other tests, which use all of it")]
mod fuzz;
