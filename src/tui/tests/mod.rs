//! The screen from outside: keys in, frames out, over a scripted engine.

mod alerts;
mod chain;
mod chart;
mod comfort;
mod command_bar;
mod harness;
mod layout;
mod lock;
mod narrow;
mod news;
mod notes;
mod paint;
mod panes;
mod plain;
mod positions;
mod safety;
mod screens;
mod search;
mod settings;
mod stale;
mod strategies;
mod tasks;
mod ticket;
mod watchlist;
mod work;

pub use harness::options;

use crate as arbion;

#[path = "../../../tests/support/scripted.rs"]
mod scripted;
#[path = "../../../tests/support/trading_day.rs"]
pub mod trading_day;
