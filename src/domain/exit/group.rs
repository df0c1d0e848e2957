//! A plan at work: why it closes, where it stands, and what it has come to.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{ExitPlan, RestsAs};
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity, decimal_text_option};

/// Why a position is being closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitReason {
    /// The loss was as large as allowed.
    StopLoss,
    /// The price fell back behind the best one.
    Trailing,
    /// The profit was given back down to the entry.
    BreakEven,
    /// A target was reached.
    TakeProfit,
    /// The time was up.
    Time,
    /// More was closed than was held: what that opened is closed again.
    Race,
}

impl ExitReason {
    /// Its word, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StopLoss => "stop_loss",
            Self::Trailing => "trailing",
            Self::BreakEven => "break_even",
            Self::TakeProfit => "take_profit",
            Self::Time => "time",
            Self::Race => "race",
        }
    }
}

/// Where an exit plan stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitState {
    /// It watches.
    #[default]
    Armed,
    /// It was set off, and its order has not gone yet.
    Triggered,
    /// Its order works.
    Working,
    /// Its order does not fill, again and again; it keeps trying.
    Stuck,
}

impl ExitState {
    /// Its word, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Triggered => "triggered",
            Self::Working => "working",
            Self::Stuck => "stuck",
        }
    }
}

/// An exit plan of a position, and what it has come to: all of it is stored, so that a restart goes on where it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitGroup {
    /// Whose position.
    pub account: AccountId,
    /// In what.
    pub instrument: Instrument,
    /// Which of several plans of the position it is; empty for the one of all that no other covers.
    #[serde(default, skip_serializing_if = "SmolStr::is_empty")]
    pub part: SmolStr,
    /// The strategy whose units it covers, and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<SmolStr>,
    /// Units that it covers at most, positive; absent for all that no other covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<Quantity>,
    /// The order that opened what it covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_by: Option<ClientOrderId>,
    /// The plan; ranges are amounts in it.
    pub plan: ExitPlan,
    /// Its stop as an order at the broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resting: Option<ClientOrderId>,
    /// As what that order rests there, once the broker has said that it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rests: Option<RestsAs>,
    /// When that order was last sent or changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resting_at: Option<Timestamp>,
    /// That order was asked to go.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
    /// The broker would not have it, or a person took it off: the engine watches alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub engine_only: bool,
    /// What it is to close a late fill has opened, and the broker's positions have not shown it yet: nothing is sent before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
    /// Where it stands.
    pub state: ExitState,
    /// The position is a long one.
    pub long: bool,
    /// Its average price when the plan was set.
    pub entry_price: Price,
    /// Units when the plan was set, positive: what the parts of targets are of.
    pub entry_quantity: Quantity,
    /// When the plan was set.
    pub set_at: Timestamp,
    /// Fees of both ends per unit, as estimated; zero or more.
    pub fees_per_unit: Price,
    /// Where the stop stands, on the tick; absent where there is none yet. It only ever comes nearer to the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<Price>,
    /// Which part of the plan put the stop there.
    pub stop_by: ExitReason,
    /// Distance between entry and first stop, positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Price>,
    /// The best price since the plan was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_price: Option<Price>,
    /// The trail follows.
    pub trails: bool,
    /// Targets that were reached.
    pub steps_done: usize,
    /// When the time is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why it was set off, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ExitReason>,
    /// Units that are still to be closed for that, positive.
    #[serde(default, with = "decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub to_close: Option<Decimal>,
    /// Its order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<ClientOrderId>,
    /// A person has changed that order: its price is theirs to move.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
    /// Orders and prices tried for this.
    pub attempts: u32,
    /// When the last of them was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried_at: Option<Timestamp>,
}

impl ExitGroup {
    /// Does something of it come to nothing while no engine runs.
    #[must_use]
    pub fn needs_engine(&self) -> bool {
        let plan = &self.plan;
        let follows = plan.trailing.is_some() || plan.break_even;
        let is_left_alone = self.state == ExitState::Armed
            && plan.take_profit.is_empty()
            && self.until.is_none()
            && match self.rests {
                None => false,
                Some(RestsAs::Stop) => !follows,
                Some(RestsAs::Trail) => true,
            };
        !is_left_alone
    }

    /// Where it waits, in a word.
    #[must_use]
    pub fn place(&self) -> &'static str {
        match (self.rests, self.needs_engine()) {
            (None, _) => "ENGINE",
            (Some(_), true) => "BROKER+ENGINE",
            (Some(_), false) => "BROKER",
        }
    }
}
