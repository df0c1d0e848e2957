//! The command language: text to `Command` and back. Local, deterministic, no network, never an order out of doubt.

pub mod types;
