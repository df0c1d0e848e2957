//! Exit plans: what closes a position by itself, by price or by time, and where such a plan stands.

mod group;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ids::AccountId;
use super::instrument::Instrument;
use super::money::{Price, decimal_text};

pub use group::{ExitGroup, ExitReason, ExitState};
pub use words::PLAN_WORDS;

/// Steps of a take-profit ladder at most.
pub const TAKE_STEPS_MAX: usize = 10;
/// Plans of a profile at most.
pub const EXITS_MAX: usize = 500;
/// Sessions after which a position may be closed, at most.
pub const SESSIONS_MAX: u32 = 250;
/// Minutes before the end of the session at most.
pub const BEFORE_CLOSE_MAX: u32 = 390;

/// A price level: absolute, or so far from the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitLevel {
    /// This price.
    Price(Price),
    /// So many per cent of the entry price away, positive.
    Percent(#[serde(with = "decimal_text")] Decimal),
    /// So much per unit away, positive.
    Amount(Price),
    /// So many times the average true range of 14 days away: measured when the plan is set, and an amount from then on.
    Atr(#[serde(with = "decimal_text")] Decimal),
    /// So many times the distance between entry and first stop away.
    Risk(#[serde(with = "decimal_text")] Decimal),
}

/// A level that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExitError {
    /// No level.
    #[error(
        "level: found '{0}', allowed a price (180), per cent (5%), an amount (3.5off), a range (2atr) or a risk (2r)"
    )]
    Level(String),
    /// A take-profit step that is none.
    #[error("step: found '{0}', allowed a level, or a level and the part it closes (1r:0.5)")]
    Step(String),
    /// A plan that does nothing, or contradicts itself.
    #[error("{0}")]
    Plan(&'static str),
    /// A part of a plan that is none.
    #[error("{name}: found '{found}', allowed {allowed}")]
    Part {
        /// Which.
        name: &'static str,
        /// As typed.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// No such part.
    #[error("part {name} of a plan is not known; there are {known}")]
    Unknown {
        /// As typed.
        name: String,
        /// Those there are.
        known: String,
    },
}

fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_default).collect()
}

impl FromStr for ExitLevel {
    type Err = ExitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ExitError::Level(shown(text));
        let number = |digits: &str| -> Result<Decimal, ExitError> {
            let number: Decimal = digits.parse().map_err(|_| wrong())?;
            let fits =
                number > Decimal::ZERO && number <= Decimal::from(1_000_000_000) && number.scale() <= 8;
            fits.then_some(number).ok_or_else(wrong)
        };
        let lower = text.trim().to_ascii_lowercase();
        let with = |suffix: &str| lower.strip_suffix(suffix);
        if let Some(digits) = with("%") {
            let percent = number(digits)?;
            return if percent < Decimal::ONE_HUNDRED { Ok(Self::Percent(percent)) } else { Err(wrong()) };
        }
        if let Some(digits) = with("off") {
            return Ok(Self::Amount(Price::new(number(digits)?)));
        }
        if let Some(digits) = with("atr") {
            return Ok(Self::Atr(number(digits)?));
        }
        match with("r") {
            Some(digits) => Ok(Self::Risk(number(digits)?)),
            None => Ok(Self::Price(Price::new(number(&lower)?))),
        }
    }
}

impl fmt::Display for ExitLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Price(price) => write!(f, "{price}"),
            Self::Percent(percent) => write!(f, "{}%", percent.normalize()),
            Self::Amount(amount) => write!(f, "{amount}off"),
            Self::Atr(times) => write!(f, "{}atr", times.normalize()),
            Self::Risk(times) => write!(f, "{}r", times.normalize()),
        }
    }
}

/// A step of a take-profit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeStep {
    /// Where.
    pub level: ExitLevel,
    /// The part of the position as it was when the plan was set, above 0 and up to 1. The last step closes what is left.
    #[serde(with = "decimal_text")]
    pub part: Decimal,
}

impl FromStr for TakeStep {
    type Err = ExitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((level, part)) = text.split_once(':') else {
            return Ok(Self { level: text.parse()?, part: Decimal::ONE });
        };
        let wrong = || ExitError::Step(shown(text));
        let part: Decimal = part.parse().map_err(|_| wrong())?;
        let fits = part > Decimal::ZERO && part <= Decimal::ONE && part.scale() <= 4;
        if fits { Ok(Self { level: level.parse()?, part }) } else { Err(wrong()) }
    }
}

/// A stop that follows the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trailing {
    /// How far behind the best price: per cent of it, an amount or a range.
    pub distance: ExitLevel,
    /// From where on it follows; at once where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activate_at: Option<ExitLevel>,
    /// From where on it follows more closely, and how closely then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tighten: Option<(ExitLevel, ExitLevel)>,
}

/// Which price sets an exit off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerPrice {
    /// The middle of a narrow spread, else the last trade.
    #[default]
    Mark,
    /// The last trade.
    Last,
    /// The side that the exit would trade on.
    BidAsk,
}

/// Where the stop of a plan waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// At the broker where it takes such an order, and so outlives this program; else in the engine.
    #[default]
    Auto,
    /// In the engine.
    Engine,
}

/// What becomes of a plan when more is bought of a position that has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaleIn {
    /// It is for the larger position.
    #[default]
    Extend,
    /// What is added gets a plan of its own, measured by its own price.
    Separate,
}

/// How the stop of a plan rests at the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestsAs {
    /// As a stop order; where the stop follows, the engine moves it.
    Stop,
    /// As a trailing stop that the broker moves.
    Trail,
}

/// What closes a position. At least one of its parts is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExitPlan {
    /// Where the loss ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_loss: Option<ExitLevel>,
    /// Where profit is taken, nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub take_profit: Vec<TakeStep>,
    /// A stop that follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trailing: Option<Trailing>,
    /// Once the profit is as large as the first risk, the stop stands at the entry with fees.
    pub break_even: bool,
    /// Closed after so many sessions, at the end of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions: Option<u32>,
    /// Closed so many minutes before the end of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_close: Option<u32>,
    /// Which price counts.
    pub trigger: TriggerPrice,
    /// Where its stop waits.
    pub placement: Placement,
    /// What becomes of it when more is bought.
    pub scale_in: ScaleIn,
}

impl ExitPlan {
    /// Is it a plan.
    ///
    /// # Errors
    /// When it does nothing, or one part of it makes no sense without another.
    pub fn check(&self) -> Result<(), ExitError> {
        let fail = |why| Err(ExitError::Plan(why));
        let by_price = self.stop_loss.is_some() || self.trailing.is_some() || !self.take_profit.is_empty();
        if !by_price && self.sessions.is_none() && self.before_close.is_none() {
            return fail("the plan closes nothing: give a stop, a target, a trail or a time");
        }
        if matches!(self.stop_loss, Some(ExitLevel::Risk(_))) {
            return fail(
                "a stop is what risk is measured by: give it as a price, per cent, an amount or a range",
            );
        }
        if self.take_profit.len() > TAKE_STEPS_MAX {
            return fail("a target has 10 steps at most");
        }
        if self.take_profit.iter().map(|step| step.part).sum::<Decimal>() > Decimal::ONE
            && self.take_profit.len() > 1
        {
            return fail("the parts of the targets come to more than 1");
        }
        if let Some(trail) = &self.trailing {
            let far = |level: &ExitLevel| {
                matches!(level, ExitLevel::Percent(_) | ExitLevel::Amount(_) | ExitLevel::Atr(_))
            };
            if !far(&trail.distance) || trail.tighten.is_some_and(|(_, distance)| !far(&distance)) {
                return fail("a trail is per cent, an amount or a range behind the price");
            }
        }
        let levels = self.take_profit.iter().map(|step| step.level);
        let more = self
            .trailing
            .iter()
            .flat_map(|trail| trail.activate_at.into_iter().chain(trail.tighten.map(|(from, _)| from)));
        let by_risk = levels.chain(more).any(|level| matches!(level, ExitLevel::Risk(_)));
        if (by_risk || self.break_even) && self.stop_loss.is_none() {
            return fail("risk is measured by a stop: give one");
        }
        if self.sessions.is_some_and(|sessions| !(1..=SESSIONS_MAX).contains(&sessions)) {
            return fail("sessions: allowed 1 to 250");
        }
        if self.before_close.is_some_and(|minutes| !(1..=BEFORE_CLOSE_MAX).contains(&minutes)) {
            return fail("minutes before the close: allowed 1 to 390");
        }
        Ok(())
    }

    /// Every level of it, to be measured.
    pub fn levels_mut(&mut self) -> impl Iterator<Item = &mut ExitLevel> {
        let trail = self.trailing.iter_mut().flat_map(|trail| {
            let tighten = trail.tighten.iter_mut().flat_map(|(from, distance)| [from, distance]);
            std::iter::once(&mut trail.distance).chain(trail.activate_at.iter_mut()).chain(tighten)
        });
        let steps = self.take_profit.iter_mut().map(|step| &mut step.level);
        self.stop_loss.iter_mut().chain(steps).chain(trail)
    }

    /// Is a range in it that was not measured yet.
    #[must_use]
    pub fn has_range(&self) -> bool {
        self.clone().levels_mut().any(|level| matches!(level, ExitLevel::Atr(_)))
    }

    /// The same in words, as it is typed.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.stop_loss.map(|level| format!("stop {level}")));
        words.extend(self.take_profit.iter().map(|step| {
            let part =
                if step.part == Decimal::ONE { String::new() } else { format!(":{}", step.part.normalize()) };
            format!("take {}{part}", step.level)
        }));
        if let Some(trail) = &self.trailing {
            words.push(format!("trail {}", trail.distance));
            words.extend(trail.activate_at.map(|level| format!("from {level}")));
            words.extend(trail.tighten.map(|(from, distance)| format!("then {distance} from {from}")));
        }
        words.extend(self.break_even.then(|| "break even".to_owned()));
        words.extend(self.sessions.map(|n| format!("after {n} sessions")));
        words.extend(self.before_close.map(|n| format!("{n} min before the close")));
        words.extend((self.placement == Placement::Engine).then(|| "in the engine".to_owned()));
        words.extend((self.scale_in == ScaleIn::Separate).then(|| "what is added apart".to_owned()));
        words.join(", ")
    }
}

/// A change of exit plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum ExitChange {
    /// A plan for a position, in the place of the one it had.
    Set {
        /// Whose position.
        account: AccountId,
        /// In what.
        instrument: Instrument,
        /// The plan.
        plan: Box<ExitPlan>,
    },
    /// No plan any more; an order that it has at work is canceled.
    Clear {
        /// Whose position.
        account: AccountId,
        /// In what.
        instrument: Instrument,
    },
}
