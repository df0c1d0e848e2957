//! The screen from outside: keys in, frames out, over a scripted engine.

mod harness;
mod screens;

use crate as arbion;

#[path = "../../../tests/support/trading_day.rs"]
mod trading_day;
