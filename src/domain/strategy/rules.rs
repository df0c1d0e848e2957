//! What one strategy may do at most, beside the limits of its account; and what makes it pause.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::money::{decimal_text_option, parse_decimal};

/// What becomes of a strategy's working orders when it fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFault {
    /// Those that open are canceled.
    #[default]
    Cancel,
    /// They stay.
    Keep,
}

/// What losing stop-outs are counted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopScope {
    /// All of them together, and everything is locked.
    #[default]
    All,
    /// Each instrument for itself, and it alone is locked.
    Instrument,
}

/// Whom a strategy asks before an order goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirm {
    /// Nobody.
    #[default]
    Never,
    /// A person, for each of its orders. Changes of one that was confirmed are not asked about again.
    Each,
}

/// How often a strategy is told of an instrument's prices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotesTold {
    /// Once a second at most.
    #[default]
    Second,
    /// Each time they change.
    All,
}

impl QuotesTold {
    /// The default is not written down: versions that know no other read it all the same.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_default(&self) -> bool {
        *self == Self::Second
    }
}

/// What one strategy may do at most, beside the account's own limits; and what makes it pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StrategyRules {
    /// Money it may have at work, in the account's currency; absent means whatever the account's limits let through.
    #[serde(with = "decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub capital: Option<Decimal>,
    /// Loss of one account day at which it pauses, positive; absent means none of its own.
    #[serde(with = "decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub daily_loss: Option<Decimal>,
    /// Orders of one minute; cancels are not counted.
    pub orders_per_minute: u32,
    /// Losing trades in a row after which nothing is opened for `pause_minutes`; 0 for never.
    pub loss_streak: u32,
    /// Losing stop-outs within 24 hours after which nothing is opened for `pause_minutes`; 0 for never.
    pub stop_outs: u32,
    /// What those are counted by.
    pub stop_scope: StopScope,
    /// Minutes after an exit in which the instrument is not opened again; 0 for none.
    pub cooldown_minutes: u32,
    /// Closed trades of one instrument whose sum below zero closes it for a day; 0 for never.
    pub low_profit_trades: u32,
    /// Minutes that a streak of losses pauses for.
    pub pause_minutes: u32,
    /// What becomes of its orders when it fails.
    pub on_fault: OnFault,
    /// Whom it asks before an order goes.
    pub confirm: Confirm,
    /// How often it is told of prices.
    #[serde(skip_serializing_if = "QuotesTold::is_default")]
    pub quotes: QuotesTold,
}

impl Default for StrategyRules {
    /// Reliability 4.4.
    fn default() -> Self {
        Self {
            capital: None,
            daily_loss: None,
            orders_per_minute: 10,
            loss_streak: 5,
            stop_outs: 4,
            stop_scope: StopScope::All,
            cooldown_minutes: 30,
            low_profit_trades: 10,
            pause_minutes: 240,
            on_fault: OnFault::Cancel,
            confirm: Confirm::Never,
            quotes: QuotesTold::Second,
        }
    }
}

impl StrategyRules {
    /// The usual ones without what pauses after losses: for what is measured, not guarded.
    #[must_use]
    pub fn without_pauses() -> Self {
        Self { loss_streak: 0, stop_outs: 0, cooldown_minutes: 0, low_profit_trades: 0, ..Self::default() }
    }
}

/// A limit of a strategy that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// No such limit.
    #[error("limit {name} is not known; there are {known}")]
    Unknown {
        /// As typed.
        name: String,
        /// Those there are.
        known: String,
    },
    /// Not allowed.
    #[error("limit {name}: found '{found}', allowed {allowed}")]
    Value {
        /// Which.
        name: &'static str,
        /// As typed.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
}

/// A limit: its name, what may stand there, what it does.
pub type RuleSpec = (&'static str, &'static str, &'static str);

/// The limits of a strategy.
pub const RULES: &[RuleSpec] = &[
    ("capital", "none, or money above 0", "money it may have at work, in the account's currency"),
    ("daily_loss", "none, or money above 0", "loss of one day at which it pauses"),
    ("orders_per_minute", "1 to 600", "orders of one minute; cancels are not counted"),
    (
        "loss_streak",
        "0 to 100",
        "losing trades in a row after which it opens nothing for a while; 0 for never",
    ),
    (
        "stop_outs",
        "0 to 100",
        "losing stop-outs in 24 hours after which it opens nothing for a while; 0 for never",
    ),
    ("stop_scope", "all or instrument", "what stop-outs are counted by, and what they lock"),
    ("cooldown_minutes", "0 to 10080", "minutes after an exit in which the instrument is not opened again"),
    (
        "low_profit_trades",
        "0 to 50",
        "closed trades whose sum below zero closes the instrument for a day; 0 for never",
    ),
    ("pause_minutes", "1 to 10080", "minutes that a streak of losses pauses for"),
    ("on_fault", "cancel or keep", "what becomes of its opening orders when it fails"),
    ("confirm", "never or each", "each order waits 60 seconds for a person, and is dropped unless confirmed"),
    ("quotes", "second or all", "it is told of an instrument's prices once a second at most, or each time"),
];

/// Somebody's text, short and without control characters.
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_default).collect()
}

impl StrategyRules {
    /// Sets one limit from text.
    ///
    /// # Errors
    /// Names the limit and what may stand there.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), RuleError> {
        let Some((name, allowed, _)) = RULES.iter().find(|(known, ..)| *known == name).copied() else {
            let known: Vec<&str> = RULES.iter().map(|(name, ..)| *name).collect();
            return Err(RuleError::Unknown { name: shown(name), known: known.join(", ") });
        };
        let wrong = || RuleError::Value { name, found: shown(text), allowed };
        let money = || match text {
            "none" => Ok(None),
            text => {
                parse_decimal(text).ok().filter(|money| *money > Decimal::ZERO).map(Some).ok_or_else(wrong)
            }
        };
        let whole = |min: u32, max: u32| {
            text.parse::<u32>().ok().filter(|n| (min..=max).contains(n)).ok_or_else(wrong)
        };
        match name {
            "capital" => self.capital = money()?,
            "daily_loss" => self.daily_loss = money()?,
            "orders_per_minute" => self.orders_per_minute = whole(1, 600)?,
            "loss_streak" => self.loss_streak = whole(0, 100)?,
            "stop_outs" => self.stop_outs = whole(0, 100)?,
            "stop_scope" => {
                self.stop_scope = match text {
                    "all" => StopScope::All,
                    "instrument" => StopScope::Instrument,
                    _ => return Err(wrong()),
                }
            }
            "cooldown_minutes" => self.cooldown_minutes = whole(0, 10_080)?,
            "low_profit_trades" => self.low_profit_trades = whole(0, 50)?,
            "pause_minutes" => self.pause_minutes = whole(1, 10_080)?,
            "confirm" => {
                self.confirm = match text {
                    "never" => Confirm::Never,
                    "each" => Confirm::Each,
                    _ => return Err(wrong()),
                }
            }
            "quotes" => {
                self.quotes = match text {
                    "second" => QuotesTold::Second,
                    "all" => QuotesTold::All,
                    _ => return Err(wrong()),
                }
            }
            _ => {
                self.on_fault = match text {
                    "cancel" => OnFault::Cancel,
                    "keep" => OnFault::Keep,
                    _ => return Err(wrong()),
                }
            }
        }
        Ok(())
    }

    /// Every limit with its value, in the order of [`RULES`].
    #[must_use]
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let money = |money: Option<Decimal>| money.map_or("none".to_owned(), |m| m.normalize().to_string());
        let on_fault = if self.on_fault == OnFault::Cancel { "cancel" } else { "keep" };
        let values = [
            money(self.capital),
            money(self.daily_loss),
            self.orders_per_minute.to_string(),
            self.loss_streak.to_string(),
            self.stop_outs.to_string(),
            if self.stop_scope == StopScope::All { "all" } else { "instrument" }.to_owned(),
            self.cooldown_minutes.to_string(),
            self.low_profit_trades.to_string(),
            self.pause_minutes.to_string(),
            on_fault.to_owned(),
            if self.confirm == Confirm::Each { "each" } else { "never" }.to_owned(),
            if self.quotes == QuotesTold::All { "all" } else { "second" }.to_owned(),
        ];
        RULES.iter().map(|(name, ..)| *name).zip(values).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_from_text_and_written_back() {
        let mut rules = StrategyRules::default();
        for (name, value) in [
            ("capital", "5000"),
            ("daily_loss", "250.5"),
            ("orders_per_minute", "3"),
            ("loss_streak", "0"),
            ("stop_outs", "2"),
            ("stop_scope", "instrument"),
            ("cooldown_minutes", "0"),
            ("low_profit_trades", "7"),
            ("pause_minutes", "60"),
            ("on_fault", "keep"),
            ("confirm", "each"),
            ("quotes", "all"),
        ] {
            rules.set(name, value).unwrap();
            assert!(
                rules.words().contains(&(RULES.iter().find(|r| r.0 == name).unwrap().0, value.to_owned()))
            );
        }
        let text = serde_json::to_string(&rules).unwrap();
        assert_eq!(serde_json::from_str::<StrategyRules>(&text).unwrap(), rules);
        rules.set("capital", "none").unwrap();
        assert_eq!(rules.capital, None);
    }

    #[test]
    fn wrong_limits_are_named_with_what_is_allowed() {
        let mut rules = StrategyRules::default();
        for (name, value, said) in [
            ("orders_per_minute", "0", "limit orders_per_minute: found '0', allowed 1 to 600"),
            ("capital", "-5", "limit capital: found '-5', allowed none, or money above 0"),
            ("on_fault", "panic", "limit on_fault: found 'panic', allowed cancel or keep"),
        ] {
            assert_eq!(rules.set(name, value).unwrap_err().to_string(), said);
        }
        let unknown = rules.set("luck", "1").unwrap_err().to_string();
        assert!(unknown.starts_with("limit luck is not known; there are capital, daily_loss"), "{unknown}");
        assert_eq!(rules, StrategyRules::default());
    }
}
