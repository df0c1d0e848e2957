//! Strategies as everybody but the strategy itself sees them: what an instance is, where it is in its life, what it may do, and why it did
//! or did not do something.

mod rules;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::account::AccountMode;
use super::bot::BotState;
use super::exit::ExitPlan;
use super::ids::{AccountId, ClientOrderId};
use super::instrument::Instrument;
use super::money::{Price, Quantity, decimal_text};
use super::order::OrderRequest;
use super::quote::Interval;

pub use rules::{Confirm, OnFault, QuotesTold, RULES, RuleError, RuleSpec, StopScope, StrategyRules};

/// Characters of a strategy's name at most.
pub const NAME_MAX: usize = 32;
/// Strategies of one profile at most.
pub const STRATEGIES_MAX: usize = 64;
/// Instruments of one strategy at most.
pub const INSTRUMENTS_MAX: usize = 50;

/// What a strategy is: a name in the profile, a kind, and where and how it trades.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategySpec {
    /// Unique in the profile, 1 to 32 of a-z, 0-9, `-` and `_`; the tag of each of its orders.
    pub name: SmolStr,
    /// Which strategy it is, such as `sma_cross`.
    pub kind: SmolStr,
    /// The account it trades on.
    pub account: AccountId,
    /// What it trades; never empty, no duplicates.
    pub instruments: Vec<Instrument>,
    /// Width of the bars it is fed.
    pub interval: Interval,
    /// Parameters as typed; what is not here has its default.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// Instruments whose free units become its own when it starts for the first time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adopt: Vec<Instrument>,
    /// What it may do at most.
    #[serde(default)]
    pub rules: StrategyRules,
    /// What closes each of its positions by itself, beside what the strategy does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exits: Option<ExitPlan>,
}

/// Is a text a strategy's name.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

/// Where a strategy is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrategyPhase {
    /// It does nothing.
    #[default]
    Disabled,
    /// It waits for what it must know first.
    Starting,
    /// It trades.
    Running,
    /// It stands still; its orders work on.
    Paused,
    /// Its opening orders are being canceled.
    Stopping,
    /// It has failed, and waits for a person.
    Faulted,
}

impl StrategyPhase {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Faulted => "faulted",
        }
    }

    /// Does it need the engine to run.
    #[must_use]
    pub const fn is_at_work(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Stopping)
    }
}

impl fmt::Display for StrategyPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a strategy did, or did not do, something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub strategy: SmolStr,
    /// About what; absent for the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<Instrument>,
    /// Where it was in its life.
    pub phase: StrategyPhase,
    /// Stable code.
    pub code: SmolStr,
    /// The same in words, `key=value`; one line.
    pub text: String,
    /// The numbers compared, by name, as text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<SmolStr, String>,
    /// The order that came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<ClientOrderId>,
}

impl DecisionRecord {
    /// `sma-aapl SMA_CROSS_BUY AAPL fast=10.5 slow=10.2`.
    #[must_use]
    pub fn line(&self) -> String {
        let instrument = self.instrument.as_ref().map(|i| format!(" {i}")).unwrap_or_default();
        let space = if self.text.is_empty() { "" } else { " " };
        format!("{} {}{instrument}{space}{}", self.strategy, self.code, self.text)
    }
}

/// Units that are a strategy's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Of what.
    pub instrument: Instrument,
    /// How many, signed; never zero.
    pub quantity: Quantity,
    /// What a unit cost on average, before the multiplier.
    pub average_price: Price,
}

/// Something that keeps a strategy from opening.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Only in this; absent means everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<Instrument>,
    /// Until then.
    pub until: Timestamp,
    /// Which guard, and why.
    pub reason: String,
}

/// An order that a strategy proposes and a person must confirm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalView {
    /// Its number, for `confirm`.
    pub number: u32,
    /// The order, as it would go; its id is not its last.
    pub request: Box<OrderRequest>,
    /// Why, in the strategy's words.
    pub why: String,
    /// It is dropped then.
    pub until: Timestamp,
    /// What `confirm` must hand back: who confirms has seen this order and no other.
    pub hash: String,
}

/// A strategy as front ends see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyView {
    /// What it is.
    pub spec: StrategySpec,
    /// Paper or live.
    pub mode: AccountMode,
    /// Is it to run: also after a restart.
    pub enabled: bool,
    /// Where it is in its life.
    pub phase: StrategyPhase,
    /// Why it is not running, or what it waits for; one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is its own, by instrument.
    pub claims: Vec<Claim>,
    /// Its working orders.
    pub working_orders: u32,
    /// Closed gain (positive) or loss, fees taken off.
    #[serde(with = "decimal_text")]
    pub realized_pnl: Decimal,
    /// Gain of what it holds, at the marks.
    #[serde(with = "decimal_text")]
    pub unrealized_pnl: Decimal,
    /// Gain since the account day began.
    #[serde(with = "decimal_text")]
    pub day_pnl: Decimal,
    /// Fees, positive.
    #[serde(with = "decimal_text")]
    pub fees: Decimal,
    /// Trades that are closed.
    pub trades: u32,
    /// What keeps it from opening.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Lock>,
    /// Orders that wait for a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<ProposalView>,
    /// The newest decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_decision: Option<DecisionRecord>,
    /// When it is asked next, where that is by the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_due: Option<Timestamp>,
    /// The process behind it, where it is a bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<BotState>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When what it is changed last.
    pub changed_at: Timestamp,
}

impl StrategyView {
    /// Its instruments with commas between them.
    #[must_use]
    pub fn symbols(&self) -> String {
        let symbols: Vec<String> = self.spec.instruments.iter().map(ToString::to_string).collect();
        symbols.join(", ")
    }
}

/// A change of an instance. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StrategyEdit {
    /// Parameters as typed; an empty value takes one back to its default.
    pub params: BTreeMap<String, String>,
    /// Limits as typed.
    pub rules: BTreeMap<String, String>,
    /// Parts of the plan that closes each of its positions, as typed; an empty value takes one out.
    pub exits: BTreeMap<String, String>,
    /// Other instruments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruments: Option<Vec<Instrument>>,
    /// Other bars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Another account; only while it owns nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
}

/// What a person does with a strategy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum StrategyChange {
    /// A new one; it does not run yet.
    Add {
        /// What it is.
        spec: Box<StrategySpec>,
    },
    /// Other parameters.
    Set {
        /// Which.
        name: SmolStr,
        /// What changes.
        edit: Box<StrategyEdit>,
    },
    /// Let it run, from rest, a pause or a fault.
    Start {
        /// Which.
        name: SmolStr,
        /// The hash of the plan that was confirmed: needed where real money is meant.
        #[serde(default)]
        confirmation: Option<String>,
    },
    /// Let it stand still; its orders work on.
    Pause {
        /// Which.
        name: SmolStr,
    },
    /// End it.
    Stop {
        /// Which.
        name: SmolStr,
        /// What it owns is closed at the market.
        #[serde(default)]
        flatten: bool,
    },
    /// Send what a strategy or a bot proposed.
    Confirm {
        /// Whose.
        name: SmolStr,
        /// The proposal's number.
        proposal: u32,
        /// The hash of the order that was shown.
        hash: String,
    },
    /// Drop what a strategy or a bot proposed.
    Decline {
        /// Whose.
        name: SmolStr,
        /// The proposal's number.
        proposal: u32,
    },
    /// Lift what its guards have locked.
    Unlock {
        /// Which.
        name: SmolStr,
    },
    /// Away with it; what it owns is nobody's in particular then.
    Remove {
        /// Which.
        name: SmolStr,
    },
}

impl StrategyChange {
    /// Whom it is about.
    #[must_use]
    pub fn name(&self) -> &SmolStr {
        match self {
            Self::Add { spec } => &spec.name,
            Self::Set { name, .. }
            | Self::Start { name, .. }
            | Self::Pause { name }
            | Self::Stop { name, .. }
            | Self::Confirm { name, .. }
            | Self::Decline { name, .. }
            | Self::Unlock { name }
            | Self::Remove { name } => name,
        }
    }

    /// What is done, in a word.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Add { .. } => "add",
            Self::Set { .. } => "set",
            Self::Start { .. } => "start",
            Self::Pause { .. } => "pause",
            Self::Stop { .. } => "stop",
            Self::Confirm { .. } => "confirm",
            Self::Decline { .. } => "decline",
            Self::Unlock { .. } => "unlock",
            Self::Remove { .. } => "remove",
        }
    }
}

/// What a person must have read before a strategy trades: what it would do with whose money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyPlan {
    /// What it is.
    pub spec: StrategySpec,
    /// Paper or live.
    pub mode: AccountMode,
    /// Every parameter, defaults too.
    pub params: BTreeMap<String, String>,
    /// The most of the account's money that it may have at work.
    #[serde(with = "decimal_text")]
    pub worst_case_capital: Decimal,
    /// Its limits and those of its account, by name.
    pub limits: Vec<(String, String)>,
    /// What `start` must hand back where real money is meant.
    pub confirmation: String,
}

/// One parameter of a kind, for help and forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamView {
    /// Its name.
    pub name: String,
    /// What it is when nobody says.
    pub default: String,
    /// What may stand there, in words.
    pub allowed: String,
    /// The words it may be, where it is one of several; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// What it does, with its unit.
    pub about: String,
}

/// A kind of strategy, for help and forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindView {
    /// Its name.
    pub name: String,
    /// One line about it.
    pub about: String,
    /// Its parameters.
    pub params: Vec<ParamView>,
}

/// A strategy as the database keeps it. Both texts are JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredStrategy {
    /// Its name.
    pub name: SmolStr,
    /// Its kind.
    pub kind: SmolStr,
    /// Its account.
    pub account: AccountId,
    /// Paper or live.
    pub mode: AccountMode,
    /// Is it to run.
    pub enabled: bool,
    /// What it is.
    pub spec: String,
    /// Where it stands: phase, memory, what it owns.
    pub state: String,
    /// The version of both texts.
    pub version: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When what it is changed last.
    pub changed_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for (name, good) in [("sma-aapl", true), ("a", true), ("", false), ("Sma", false), ("a b", false)] {
            assert_eq!(is_name(name), good, "{name}");
        }
        assert!(!is_name(&"x".repeat(NAME_MAX + 1)));
    }
}
