//! Connectors against emulators over real sockets on loopback: one contract for all of them, and each broker's own wire.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test may fail loudly"
)]

#[path = "../emulators/mod.rs"]
#[allow(
    dead_code,
    reason = "each emulator serves the example, the oracle and these tests; none uses all of it"
)]
mod emulators;

#[allow(dead_code, reason = "what the contract has at hand, for brokers that need it")]
mod approved;
#[allow(dead_code, reason = "what the contract has at hand, for brokers that need it")]
mod contract;

mod alpaca;
#[path = "coinbase/mod.rs"]
mod coinbase;
mod coingecko;
mod connect;
mod hyperliquid;
mod paper;
#[path = "schwab/mod.rs"]
mod schwab;
mod signing_in;
