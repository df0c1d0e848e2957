//! The integration tests, as one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test may fail loudly"
)]

mod agreement;
mod backtests;
mod bot_backtests;
mod bot_floods;
mod bots;
mod canary;
mod codes;
mod corpus;
mod custody;
mod dates;
mod detached;
mod engine;
mod errors;
mod exits;
mod fuzzed;
mod halts;
mod house;
mod keeping;
mod killed;
mod limits;
mod notes;
mod outside;
mod own_time;
mod packages;
mod plain_lines;
mod pseudo;
mod refusals;
mod replay;
mod shown;
mod strategies;
mod stream;
mod supervised;
mod supply;
mod switching;
mod terminal;
mod told;
mod under_load;
mod ways_out;
