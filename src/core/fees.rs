//! What fills cost, for the core.

pub use crate::domain::fees::{FeeTable, Fill};
