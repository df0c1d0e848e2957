//! Emulators of brokers: real HTTP and WebSockets on loopback, with the brokers' own checks of who asks, their words, their errors, and faults
//! on request. The tests of the connectors, the official clients (`tests/oracle`) and a person (`cargo run --example emulator -- NAME
//! --port N`) use the same ones.

pub mod alpaca;
pub mod coinbase;
pub mod coingecko;
pub mod exchange;
pub mod faults;
#[path = "../support/fuzz.rs"]
pub mod fuzz;
pub mod hyperliquid;
pub mod line;
pub mod schwab;
pub mod server;
