//! The async shell around the core: one thread with one task loop that owns the core, a journal thread, a broker link per account.
//! The only caller of `core::engine::Engine::step`.

mod absent;
mod answers;
mod audited;
pub mod backtest;
mod bot_files;
mod bot_queries;
mod bots;
mod checked_bars;
pub mod clock;
mod custody;
mod daily_closes;
mod dates;
mod desktop;
mod exiting;
mod feed;
mod halt;
pub mod heart;
mod hosting;
mod imported;
mod journal;
mod known;
mod launch;
mod limits;
mod link;
mod lists;
pub mod live;
pub mod manager;
mod noted;
mod notes;
mod opening;
mod own_clock;
mod paper;
mod picture;
mod previews;
mod reads;
mod resolve;
pub mod rights;
mod risk_desk;
pub mod serve;
mod session;
pub mod socket;
mod standing;
mod start;
#[cfg(test)]
mod still_feed;
mod task;
mod usual;
pub mod vitals;
mod waiters;

pub use desktop::desktop_can_be_told;
pub use halt::{HALT_FILE, request_halt, request_halt_because};
pub use launch::{Access, EngineError, FeedChoice, Running, Settings, first_picture, launch};
pub use paper::PaperDesk;
pub use session::LocalSession;

#[cfg(test)]
mod tests;
