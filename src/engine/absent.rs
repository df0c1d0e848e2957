//! What is said of an order or a position that is not there: with what there is instead.

use crate::client::SessionError;
use crate::core::engine::Engine;
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::text::named;

/// No order is called so.
pub(super) fn no_order(core: &Engine, shown: &str) -> SessionError {
    let working: Vec<String> = core.book().working().map(|order| order.number.to_string()).collect();
    let there = named("working are", &working).unwrap_or_else(|| "none works".to_owned());
    SessionError::Usage(format!("no order {shown}; {there}"))
}

/// The account holds none of it.
pub(super) fn no_position(core: &Engine, account: &AccountId, wanted: &Instrument) -> SessionError {
    let positions = core.positions(account);
    let held = positions.iter().filter(|position| !position.quantity.is_zero());
    let held: Vec<String> = held.map(|position| position.instrument.to_string()).collect();
    let there = named("held are", &held).unwrap_or_else(|| "nothing is held".to_owned());
    SessionError::Usage(format!("no position in {wanted}; {there} in {account}"))
}
