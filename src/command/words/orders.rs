//! Verbs of orders that are there already: what cancels one, and what changes one.

/// Verbs that cancel, whatever stands behind them.
const CANCELS: [&str; 8] = ["cancel", "cancell", "cxl", "kill", "nix", "pull", "scratch", "yank"];

/// Verbs that cancel where an order is named; what else is removed is no order.
const REMOVES: [&str; 6] = ["abort", "delete", "remove", "scrap", "void", "withdraw"];

/// Does a verb cancel orders.
pub(in crate::command) fn cancels_orders(word: &str) -> bool {
    CANCELS.contains(&word)
}

/// Does a verb cancel what is said to be an order.
pub(in crate::command) fn removes_orders(word: &str) -> bool {
    REMOVES.contains(&word)
}

/// What a verb says of the order that it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::command) struct Change {
    word: &'static str,
    /// Nothing but an order or its price is done so to: "modify 42". Other verbs trade as well: "trim 10 nvda".
    pub(in crate::command) of_orders: bool,
    /// To more or to less: the number behind it may be the difference.
    pub(in crate::command) compares: bool,
    /// Said of how many: the number behind it may be the new quantity.
    pub(in crate::command) sizes: bool,
}

const fn of_orders(word: &'static str) -> Change {
    Change { word, of_orders: true, compares: false, sizes: false }
}

const fn of_prices(word: &'static str) -> Change {
    Change { word, of_orders: true, compares: true, sizes: false }
}

const fn of_sizes(word: &'static str) -> Change {
    Change { word, of_orders: false, compares: true, sizes: true }
}

const CHANGES: [Change; 19] = [
    of_orders("adjust"),
    of_orders("amend"),
    of_orders("change"),
    of_orders("edit"),
    of_orders("modify"),
    of_orders("move"),
    of_orders("replace"),
    of_orders("reprice"),
    of_orders("update"),
    of_prices("bump"),
    of_prices("lower"),
    of_prices("raise"),
    of_sizes("cut"),
    of_sizes("decrease"),
    of_sizes("increase"),
    of_sizes("reduce"),
    of_sizes("trim"),
    Change { word: "drop", of_orders: false, compares: true, sizes: false },
    Change { word: "make", of_orders: false, compares: false, sizes: false },
];

/// The verb of a change, if the word is one.
pub(in crate::command) fn change(word: &str) -> Option<Change> {
    CHANGES.into_iter().find(|change| change.word == word)
}
