//! The words of trading. Plain data with its own rules; nothing here reads a clock, a file or a socket.
#![deny(clippy::float_arithmetic)]

pub mod account;
pub mod alert;
pub mod audit;
pub mod bot;
pub mod calendar;
pub mod capabilities;
pub mod chain;
pub mod corporate;
pub mod denial;
pub mod depth;
pub mod desk;
pub mod events;
pub mod execution;
pub mod exit;
pub mod fees;
pub mod ids;
pub mod instrument;
pub mod journal;
pub mod limits;
pub mod login;
pub mod money;
pub mod movement;
pub mod option;
pub mod order;
pub mod position;
pub mod quote;
pub mod redact;
pub mod role;
pub mod snapshot;
pub mod statement;
pub mod strategy;
pub mod tax;
pub mod text;
pub mod total;
pub mod venue;
