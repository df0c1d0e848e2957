//! What is asked about strategies.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::domain::strategy::StrategyChange;

/// What is asked about strategies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "strategy", rename_all = "snake_case")]
pub enum StrategyRequest {
    /// All of them. Answer: `Strategies`.
    List,
    /// The kinds there are, with their parameters. Answer: `StrategyKinds`.
    Kinds,
    /// What one would do with whose money. Answer: `StrategyPlan`.
    Plan {
        /// Which.
        name: SmolStr,
    },
    /// Why one did or did not act, newest first. Answer: `Decisions`.
    Decisions {
        /// Which; absent means all.
        name: Option<SmolStr>,
        /// At most so many.
        limit: u32,
    },
    /// Something done with one. Answer: `Done`.
    Change(StrategyChange),
}
