//! Who asks for orders: people at their doors, strategies, bots, exits.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Who asked for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    /// The order ticket.
    Ticket,
    /// The command bar.
    Command,
    /// The command line.
    Cli,
    /// A strategy.
    Strategy,
    /// A custom bot.
    Bot,
    /// A model-driven agent.
    Agent,
    /// A tool client.
    Mcp,
    /// An automatic exit.
    Exit,
    /// Not ours: found at the broker.
    External,
}

impl OriginKind {
    /// True where a person asked, so that automation's extra limits do not hold.
    #[must_use]
    pub const fn is_human(self) -> bool {
        matches!(self, Self::Ticket | Self::Command | Self::Cli)
    }
}

/// Who asked for an order, by name where there are several.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The kind of asker.
    pub kind: OriginKind,
    /// The strategy, bot or agent; absent for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SmolStr>,
}

impl Origin {
    /// A person at this door.
    #[must_use]
    pub const fn person(kind: OriginKind) -> Self {
        Self { kind, name: None }
    }
}
