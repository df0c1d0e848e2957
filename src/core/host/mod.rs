//! The strategy host's own parts: what an instance is and remembers, what it owns, what keeps it from opening. How they are driven is the
//! engine's (`engine::strategies`); nothing here places an order.

mod guards;
mod instance;
mod ledger;
#[cfg(test)]
mod tests;

pub(super) use guards::Guards;
pub(super) use instance::{Event, Flattening, Instance, Known, Owned, Unconfirmed, restore};
pub(super) use ledger::{Closed, Ledger};
