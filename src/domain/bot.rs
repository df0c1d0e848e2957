//! Bots: programs of the user's own that trade as strategies. What one may do, where its process is in its life, and what was approved of
//! it. How it is run and talked to is not here.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::account::AccountMode;
use super::instrument::Instrument;
use super::money::decimal_text_option;

/// What stands before a bot's name where it is a kind of strategy: `bot:mean-revert`.
pub const KIND_PREFIX: &str = "bot:";
/// Characters of a bot's name at most.
pub const BOT_NAME_MAX: usize = 32;
/// Numbers of one bot that are shown at most.
pub const METRICS_MAX: usize = 16;
/// Bots of one profile at most.
pub const BOTS_MAX: usize = 64;

/// The bot that a kind of strategy is; `None` for the kinds of the program.
#[must_use]
pub fn bot_of(kind: &str) -> Option<&str> {
    kind.strip_prefix(KIND_PREFIX)
}

/// Is a text a bot's name: 1 to 32 of a-z, 0-9 and `-`.
#[must_use]
pub fn is_bot_name(text: &str) -> bool {
    (1..=BOT_NAME_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// What becomes of a bot's orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderRight {
    /// It sends none.
    #[default]
    None,
    /// They go to paper accounts alone.
    Paper,
    /// Each waits for a person's word, on any account.
    Propose,
    /// They go to real accounts too.
    Live,
}

impl OrderRight {
    /// Every right, rising.
    pub const ALL: [Self; 4] = [Self::None, Self::Paper, Self::Propose, Self::Live];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Paper => "paper",
            Self::Propose => "propose",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for OrderRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What an approved bot may do with orders, beside the limits of its strategy and of the account: the least of the three holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotTerms {
    /// Whose.
    pub bot: SmolStr,
    /// The approved version, from 1.
    pub version: u32,
    /// What it may trade; absent means everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruments: Option<Vec<Instrument>>,
    /// What becomes of its orders.
    pub orders: OrderRight,
    /// Money of one opening order at most, in the account's currency.
    #[serde(default, with = "decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub max_order_notional: Option<Decimal>,
    /// Money of one position at most, working orders counted.
    #[serde(default, with = "decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub max_position_notional: Option<Decimal>,
    /// Orders of one minute.
    pub max_orders_per_minute: u32,
    /// Loss of one day at which it pauses, positive.
    #[serde(default, with = "decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub max_daily_loss: Option<Decimal>,
}

/// An order of a bot, as far as its terms look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotOrder<'a> {
    /// Where it would go.
    pub mode: AccountMode,
    /// What it trades.
    pub instruments: Vec<&'a Instrument>,
    /// It adds to a position.
    pub opens: bool,
    /// Money it binds; absent where nothing prices it.
    pub notional: Option<Decimal>,
    /// Money of the position once it and what works has filled; likewise.
    pub position_notional: Option<Decimal>,
}

impl BotTerms {
    /// What forbids an order: the term's name with its numbers. `None` where nothing does.
    #[must_use]
    pub fn forbids(&self, order: &BotOrder<'_>) -> Option<String> {
        match (self.orders, order.mode) {
            (OrderRight::None, _) => return Some("orders=none".to_owned()),
            (OrderRight::Paper, AccountMode::Live) => {
                return Some("orders=paper, and its account is a real one".to_owned());
            }
            _ => {}
        }
        if let Some(allowed) = &self.instruments
            && let Some(stray) = order.instruments.iter().find(|of| !allowed.contains(of))
        {
            return Some(format!("{stray} is none of its instruments"));
        }
        // What closes is never kept from closing.
        if !order.opens {
            return None;
        }
        let caps = [
            ("max_order_notional", self.max_order_notional, order.notional),
            ("max_position_notional", self.max_position_notional, order.position_notional),
        ];
        for (name, most, wanted) in caps {
            let Some(most) = most else { continue };
            let Some(wanted) = wanted else { return Some(format!("{name}: nothing prices it")) };
            if wanted > most {
                return Some(format!(
                    "{name}={} wanted={}",
                    most.normalize(),
                    wanted.round_dp(2).normalize()
                ));
            }
        }
        None
    }

    /// Names and values, for whoever reads what it may do.
    #[must_use]
    pub fn words(&self) -> Vec<(String, String)> {
        let money = |money: Option<Decimal>| money.map_or("none".to_owned(), |m| m.normalize().to_string());
        let instruments = match &self.instruments {
            None => "*".to_owned(),
            Some(list) => list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        vec![
            ("bot: version".to_owned(), self.version.to_string()),
            ("bot: instruments".to_owned(), instruments),
            ("bot: orders".to_owned(), self.orders.to_string()),
            ("bot: one order at most".to_owned(), money(self.max_order_notional)),
            ("bot: one position at most".to_owned(), money(self.max_position_notional)),
            ("bot: orders a minute".to_owned(), self.max_orders_per_minute.to_string()),
            ("bot: loss of one day".to_owned(), money(self.max_daily_loss)),
        ]
    }
}

/// Where a bot's process is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BotPhase {
    /// It is not to run.
    #[default]
    Disabled,
    /// Its process is starting, and has not answered yet.
    Starting,
    /// It has answered.
    Ready,
    /// It is told what happens.
    Running,
    /// It was asked to end.
    Stopping,
    /// It has ended.
    Stopped,
    /// It ended badly, and is started again in a while.
    Backoff,
    /// It ended badly too often, and waits for a person.
    Failed,
}

impl BotPhase {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Backoff => "backoff",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for BotPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A bot's process as front ends see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotState {
    /// Where it is in its life.
    pub phase: BotPhase,
    /// The process, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How often it ended badly since it was started by a person.
    pub crashes: u32,
    /// Why it is where it is; one clean line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The newest line of its log, cleaned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_line: Option<String>,
    /// What of its containment this machine does not give.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unenforced: Vec<String>,
    /// How far it is with what it does, in its own words, cleaned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// Numbers that it wants watched, by name, as it says them, cleaned.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, String>,
}

impl BotState {
    /// Where it is, and why, or what it measures and does, or what it said last: one line.
    #[must_use]
    pub fn line(&self) -> String {
        let measured = self.metrics.iter().map(|(name, value)| format!("{name}={value}"));
        let shown: Vec<String> = self.progress.iter().cloned().chain(measured).collect();
        let shown = (!shown.is_empty()).then(|| shown.join(" "));
        let words = self.reason.clone().or(shown).or_else(|| self.last_line.clone());
        words.map_or_else(|| format!("bot {}", self.phase), |words| format!("bot {}: {words}", self.phase))
    }

    /// Keeps a number that it wants watched. Of too many names the newest is not kept, and the answer is false.
    pub fn measure(&mut self, name: String, value: String) -> bool {
        let known = self.metrics.contains_key(&name) || self.metrics.len() < METRICS_MAX;
        if known {
            self.metrics.insert(name, value);
        }
        known
    }
}

/// A version of a bot that a person approved: what it was, to the byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotVersion {
    /// Which bot.
    pub bot: SmolStr,
    /// From 1.
    pub version: u32,
    /// When it was approved.
    pub approved_at: Timestamp,
    /// SHA-256 over the manifest and every file, in hex.
    pub fingerprint: String,
    /// The manifest as it was written.
    pub manifest: String,
    /// Every file but the manifest, by its path within the bot's directory, with its SHA-256.
    pub files: BTreeMap<String, String>,
}

/// Does what lies in a bot's directory have a person's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// Nobody has approved any of it.
    Never,
    /// It is as it was approved.
    Approved,
    /// It has changed since.
    Changed,
    /// Its manifest cannot be read.
    Unreadable,
}

impl Approval {
    /// Its words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "new",
            Self::Approved => "approved",
            Self::Changed => "changed",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A bot of the profile's directory, as front ends see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotView {
    /// Its name, that of its directory.
    pub name: SmolStr,
    /// Does it have a person's word.
    pub approval: Approval,
    /// The newest approved version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// What becomes of its orders, as its manifest says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<OrderRight>,
    /// Its strategies, by name.
    pub strategies: Vec<SmolStr>,
    /// The process of the first of them that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<BotState>,
    /// What is wrong with it; one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What a person approves: what has changed since the last time, and what must be handed back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotPlan {
    /// Which bot.
    pub name: SmolStr,
    /// The version it would be.
    pub version: u32,
    /// Lines with `+`, `-` or a blank before them; empty where nothing has changed.
    pub diff: Vec<String>,
    /// What `approve` must hand back.
    pub fingerprint: String,
    /// What of its containment this machine does not give.
    pub unenforced: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> BotTerms {
        BotTerms {
            bot: "mean-revert".into(),
            version: 1,
            instruments: Some(vec![Instrument::equity("AAPL").unwrap()]),
            orders: OrderRight::Paper,
            max_order_notional: Some(Decimal::from(2000)),
            max_position_notional: Some(Decimal::from(5000)),
            max_orders_per_minute: 10,
            max_daily_loss: None,
        }
    }

    #[test]
    fn terms_forbid_what_they_do_not_name() {
        let (aapl, msft) = (Instrument::equity("AAPL").unwrap(), Instrument::equity("MSFT").unwrap());
        let order = |of, notional: i64, position: i64| BotOrder {
            mode: AccountMode::Paper,
            instruments: vec![of],
            opens: true,
            notional: Some(Decimal::from(notional)),
            position_notional: Some(Decimal::from(position)),
        };
        let said = |order: &BotOrder<'_>| terms().forbids(order);
        assert_eq!(said(&order(&aapl, 2000, 5000)), None);
        assert_eq!(said(&order(&msft, 1, 1)).unwrap(), "MSFT is none of its instruments");
        assert_eq!(said(&order(&aapl, 2001, 5000)).unwrap(), "max_order_notional=2000 wanted=2001");
        assert_eq!(said(&order(&aapl, 2000, 5001)).unwrap(), "max_position_notional=5000 wanted=5001");
        let unpriced = BotOrder { notional: None, ..order(&aapl, 1, 1) };
        assert_eq!(said(&unpriced).unwrap(), "max_order_notional: nothing prices it");
        let closes = BotOrder { opens: false, ..order(&aapl, 9_999, 9_999) };
        assert_eq!(said(&closes), None);
        let live = BotOrder { mode: AccountMode::Live, ..order(&aapl, 1, 1) };
        assert_eq!(said(&live).unwrap(), "orders=paper, and its account is a real one");
        let none = BotTerms { orders: OrderRight::None, ..terms() };
        assert_eq!(none.forbids(&closes).unwrap(), "orders=none");
        let all = BotTerms { instruments: None, orders: OrderRight::Live, ..terms() };
        assert_eq!(all.forbids(&BotOrder { mode: AccountMode::Live, ..order(&msft, 1, 1) }), None);
    }

    #[test]
    fn names_are_short_and_plain() {
        for (name, good) in [("mean-revert", true), ("a", true), ("", false), ("a_b", false), ("A", false)] {
            assert_eq!(is_bot_name(name), good, "{name}");
        }
        assert!(!is_bot_name(&"x".repeat(BOT_NAME_MAX + 1)));
        assert_eq!(bot_of("bot:mean-revert"), Some("mean-revert"));
        assert_eq!(bot_of("dca"), None);
    }
}
