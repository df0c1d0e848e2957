//! Bots: programs of the user's own that trade as strategies. What their manifests say, what of them was approved, how they are run, caged,
//! watched and talked to. What they may do with orders is the core's to decide; nothing here sends one.

pub mod approval;
pub mod cage;
mod evaluate;
mod hearing;
pub mod house;
mod life;
mod lines;
pub mod log;
pub mod manifest;
mod memory;
pub mod params;
mod process;
pub mod protocol;
pub mod replay;
mod rights;
pub mod samples;
mod scope;
mod watch;

pub use house::{BotLine, FromBot, House, Said, Start, Task, ToBot};
pub use process::{ANSWERS_WITHIN, PING_EVERY};
