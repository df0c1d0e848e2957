//! The command language: text to `Command` and back. Local, deterministic, no network, never an order out of doubt.

pub mod types;

/// The order in one sentence.
#[must_use]
pub fn order_words(request: &crate::domain::order::OrderRequest) -> String {
    format!("{} {} {}", request.side, request.quantity, request.subject)
}
