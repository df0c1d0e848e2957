//! What is said of an order or a position that is not there: with what there is instead.

use crate::client::SessionError;
use crate::core::engine::Engine;
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;

/// Orders or positions named at most.
const NAMED_MAX: usize = 8;

/// No order is called so.
pub(super) fn no_order(core: &Engine, shown: &str) -> SessionError {
    let there =
        named(core.book().working().map(|order| order.number.to_string()), "working are", "none works");
    SessionError::Usage(format!("no order {shown}; {there}"))
}

/// The account holds none of it.
pub(super) fn no_position(core: &Engine, account: &AccountId, wanted: &Instrument) -> SessionError {
    let positions = core.positions(account);
    let held = positions.iter().filter(|position| !position.quantity.is_zero());
    let there = named(held.map(|position| position.instrument.to_string()), "held are", "nothing is held");
    SessionError::Usage(format!("no position in {wanted}; {there} in {account}"))
}

/// The first of some names, and that there are more; what to say where there are none.
fn named(names: impl Iterator<Item = String>, some: &str, none: &str) -> String {
    let mut names: Vec<String> = names.take(NAMED_MAX + 1).collect();
    if names.is_empty() {
        return none.to_owned();
    }
    let more = names.len() > NAMED_MAX;
    names.truncate(NAMED_MAX);
    format!("{some} {}{}", names.join(", "), if more { " and more" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn few_are_named_and_more_are_said_to_be_there() {
        let said =
            |count: u32| named((1..=count).map(|number| number.to_string()), "working are", "none works");
        assert_eq!((said(0).as_str(), said(2).as_str()), ("none works", "working are 1, 2"));
        assert_eq!(said(8), "working are 1, 2, 3, 4, 5, 6, 7, 8");
        assert_eq!(said(20), "working are 1, 2, 3, 4, 5, 6, 7, 8 and more");
    }
}
