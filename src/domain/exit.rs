//! Exit plans: what closes a position by itself, by price or by time, and where such a plan stands.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ids::{AccountId, ClientOrderId};
use super::instrument::Instrument;
use super::money::{Price, Quantity, decimal_text, decimal_text_option};

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
        words.join(", ")
    }
}

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
    /// The plan; ranges are amounts in it.
    pub plan: ExitPlan,
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
    /// Orders and prices tried for this.
    pub attempts: u32,
    /// When the last of them was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried_at: Option<Timestamp>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_as_they_are_written() {
        for text in ["180", "5%", "3.5off", "2atr", "1.5r"] {
            let level: ExitLevel = text.parse().unwrap();
            assert_eq!(level.to_string(), text);
        }
        for wrong in ["", "x", "-5", "0", "100%", "5 %r", "1e10", "99999999999", "1.123456789"] {
            let error = wrong.parse::<ExitLevel>().unwrap_err();
            assert!(matches!(error, ExitError::Level(_)), "{wrong}");
        }
        assert_eq!(
            "a\u{1b}b".parse::<ExitLevel>().unwrap_err().to_string(),
            "level: found 'a\\u{1b}b', allowed a price (180), per cent (5%), an amount (3.5off), a range (2atr) or a risk (2r)"
        );
        let step: TakeStep = "1r:0.5".parse().unwrap();
        assert_eq!((step.level, step.part), (ExitLevel::Risk(Decimal::ONE), Decimal::new(5, 1)));
        for wrong in ["1r:0", "1r:1.1", "1r:x"] {
            assert!(matches!(wrong.parse::<TakeStep>(), Err(ExitError::Step(_))), "{wrong}");
        }
    }

    #[test]
    fn a_plan_that_makes_no_sense_is_refused() {
        let level = |text: &str| Some(text.parse::<ExitLevel>().unwrap());
        let step = |text: &str| text.parse::<TakeStep>().unwrap();
        let trail = |distance: &str| {
            Some(Trailing { distance: distance.parse().unwrap(), activate_at: None, tighten: None })
        };
        let plan = ExitPlan::default;
        for (plan, why) in [
            (plan(), "the plan closes nothing"),
            (ExitPlan { stop_loss: level("1r"), ..plan() }, "a stop is what risk is measured by"),
            (ExitPlan { take_profit: vec![step("2r")], ..plan() }, "risk is measured by a stop"),
            (
                ExitPlan { break_even: true, take_profit: vec![step("5%")], ..plan() },
                "risk is measured by a stop",
            ),
            (
                ExitPlan { take_profit: vec![step("5%:0.6"), step("6%:0.6")], ..plan() },
                "the parts of the targets",
            ),
            (ExitPlan { take_profit: vec![step("5%:0.01"); 11], ..plan() }, "a target has 10 steps"),
            (ExitPlan { trailing: trail("180"), ..plan() }, "a trail is per cent"),
            (ExitPlan { sessions: Some(0), ..plan() }, "sessions: allowed"),
            (ExitPlan { before_close: Some(391), ..plan() }, "minutes before the close"),
        ] {
            let error = plan.check().unwrap_err();
            assert!(matches!(error, ExitError::Plan(_)));
            assert!(error.to_string().starts_with(why), "{error}");
        }
        let whole = ExitPlan {
            stop_loss: level("5%"),
            take_profit: vec![step("1r:0.5"), step("2r:0.5")],
            trailing: trail("2atr"),
            break_even: true,
            sessions: Some(3),
            before_close: Some(10),
            trigger: TriggerPrice::Last,
        };
        assert_eq!(whole.check(), Ok(()));
        assert_eq!(
            whole.words(),
            "stop 5%, take 1r:0.5, take 2r:0.5, trail 2atr, break even, after 3 sessions, 10 min before the close"
        );
        assert_eq!(whole.clone().levels_mut().count(), 4);
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<ExitPlan>(&text).unwrap(), whole);
    }
}
