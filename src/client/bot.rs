//! What is asked about bots.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::quote::Interval;

/// What is asked about bots. Their strategies are started and stopped as all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "bot", rename_all = "snake_case")]
pub enum BotRequest {
    /// All of the profile's directory. Answer: `Bots`.
    List,
    /// What has changed of one since it was approved. Answer: `BotPlan`.
    Plan {
        /// Which.
        name: SmolStr,
    },
    /// The newest lines of the log of a strategy's bot, oldest first. Answer: `Lines`.
    Log {
        /// The strategy.
        strategy: SmolStr,
        /// So many.
        lines: u32,
    },
    /// Every version that was approved, newest first. Answer: `BotVersions`.
    Versions {
        /// Which.
        name: SmolStr,
    },
    /// A new one, as a copy of an example. Answer: `Done`.
    New {
        /// Its name.
        name: SmolStr,
        /// The example; absent means the first.
        #[serde(default)]
        example: Option<String>,
    },
    /// Approves what lies in its directory. Answer: `Done`.
    Approve {
        /// Which.
        name: SmolStr,
        /// What the plan said, so that nothing is approved that was not seen.
        fingerprint: String,
    },
    /// Makes a strategy of an approved one, under its name. Answer: `Done`.
    Add {
        /// Which.
        name: SmolStr,
        /// Where it trades.
        account: AccountId,
        /// What it trades; empty means all that its manifest names.
        instruments: Vec<Instrument>,
        /// Its bars; absent means the first of its manifest.
        #[serde(default)]
        interval: Option<Interval>,
        /// Its parameters as typed.
        #[serde(default)]
        params: BTreeMap<String, String>,
        /// Limits of its strategy as typed.
        #[serde(default)]
        rules: BTreeMap<String, String>,
    },
    /// Takes its strategy and its approval away; its files stay. Answer: `Done`.
    Remove {
        /// Which.
        name: SmolStr,
    },
}

impl BotRequest {
    /// Does it only look.
    #[must_use]
    pub const fn only_looks(&self) -> bool {
        matches!(self, Self::List | Self::Plan { .. } | Self::Log { .. } | Self::Versions { .. })
    }

    /// What is done to whom, in words; absent for what only looks.
    #[must_use]
    pub fn deed(&self) -> Option<String> {
        match self {
            Self::New { name, .. } => Some(format!("make bot {name}")),
            Self::Approve { name, fingerprint } => Some(format!("approve bot {name} as {fingerprint}")),
            Self::Add { name, .. } => Some(format!("make a strategy of bot {name}")),
            Self::Remove { name } => Some(format!("remove bot {name}")),
            Self::List | Self::Plan { .. } | Self::Log { .. } | Self::Versions { .. } => None,
        }
    }
}
