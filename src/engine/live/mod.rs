//! Accounts at brokers: the logins a profile has, one task per login that opens it, verifies it again and again and reports how it goes, a link
//! and a stream per account, and prices from the brokers' feeds in place of simulated ones. Never: what an order may do (`core`), the wire
//! (`brokers`), where secrets lie (`keeping`).

mod accounts;
mod actions;
mod calendar;
mod host;
mod login;
mod prices;
mod reads;
mod tokens;
mod totals;
mod wiring;

pub use login::{Found, LoginKey, SealedLogin, verify};
pub use tokens::{TriedTokens, VaultTokens};

pub(super) use login::{read_default, read_logins, setup_of};
pub(super) use wiring::Live;
