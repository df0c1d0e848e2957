//! The words of trading. Plain data with its own rules; nothing here reads a clock, a file or a socket.
#![deny(clippy::float_arithmetic)]

pub mod calendar;
