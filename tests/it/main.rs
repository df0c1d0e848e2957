//! The integration tests, as one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test may fail loudly"
)]

mod agreement;
mod corpus;
mod detached;
mod engine;
mod errors;
mod house;
mod keeping;
mod killed;
mod pseudo;
mod replay;
mod stream;
mod terminal;
mod ways_out;
