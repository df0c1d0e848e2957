//! What Alpaca does with an account beside orders: exercise of held options, and the account's settings.

use std::collections::BTreeMap;

use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::account::AlpacaAccount;
use super::order::symbol;
use super::rest::TRADING;
use super::{NAME, errors, wire};
use crate::brokers::BrokerError;
use crate::brokers::http::Call;
use crate::brokers::json::shown;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::canonical;
use crate::domain::venue::{VenueAction, VenueAnswer, VenueSetting};

const POSITION: Call = Call::read("position", TRADING);
/// Never sent twice: of an exercise without an answer nobody knows whether it was heard.
const EXERCISE: Call = Call::order("exercise", TRADING);
const DO_NOT_EXERCISE: Call = Call::order("do_not_exercise", TRADING);
const SETTINGS: Call = Call::read("configurations", TRADING);
/// The same twice is the same.
const SET: Call = Call::read("configure", TRADING);
const SETTINGS_PATH: &str = "/v2/account/configurations";

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A truth value.
    Flag,
    /// A whole number, one of these.
    Level(&'static [&'static str]),
    /// One of these texts.
    Words(&'static [&'static str]),
}

/// The settings that can be changed, in the order in which they are shown. The last two are of accounts that have them still.
const KINDS: [(&str, Kind); 10] = [
    ("suspend_trade", Kind::Flag),
    ("no_shorting", Kind::Flag),
    ("max_margin_multiplier", Kind::Words(&["1", "2", "4"])),
    ("max_options_trading_level", Kind::Level(&["0", "1", "2", "3"])),
    ("fractional_trading", Kind::Flag),
    ("disable_overnight_trading", Kind::Flag),
    ("ptp_no_exception_entry", Kind::Flag),
    ("trade_confirm_email", Kind::Words(&["all", "none"])),
    ("pdt_check", Kind::Words(&["both", "entry", "exit"])),
    ("dtbp_check", Kind::Words(&["both", "entry", "exit"])),
];

impl Kind {
    const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Flag => &["true", "false"],
            Self::Level(words) | Self::Words(words) => words,
        }
    }

    /// The value as it is sent, where it is one.
    fn sent(self, value: &str) -> Option<Value> {
        let word = self.words().iter().find(|word| **word == value)?;
        Some(match self {
            Self::Flag => json!(*word == "true"),
            Self::Level(_) => json!(word.parse::<u8>().ok()?),
            Self::Words(_) => json!(word),
        })
    }
}

fn refuse(what: impl Into<String>, allowed: impl Into<String>) -> BrokerError {
    BrokerError::Unsupported { broker: NAME.to_owned(), what: what.into(), allowed: allowed.into() }
}

/// Settings by name, as they are written.
type Settings = BTreeMap<String, Box<RawValue>>;

/// A value as a person reads it: texts without their quotes, nothing for null.
fn plain(raw: &RawValue) -> Option<String> {
    match raw.get() {
        "null" => None,
        text if text.starts_with('"') => serde_json::from_str::<String>(text).ok().map(|text| shown(&text)),
        text => Some(shown(text)),
    }
}

fn value_of(settings: &Settings, name: &str) -> Option<String> {
    settings.get(name).and_then(|raw| plain(raw))
}

/// The settings of an account: those that can be changed first, then whatever else it says.
fn listed(settings: &Settings) -> Vec<VenueSetting> {
    let row = |name: &str, allowed: String| VenueSetting {
        setting: shown(name),
        value: value_of(settings, name),
        allowed,
    };
    let known = KINDS.iter().filter(|(name, _)| settings.contains_key(*name));
    let known = known.map(|(name, kind)| row(name, kind.words().join(", ")));
    let others = settings.keys().filter(|name| KINDS.iter().all(|(known, _)| known != name));
    known.chain(others.map(|name| row(name, String::new()))).collect()
}

impl AlpacaAccount {
    /// Carries out what is no order, and says what came of it.
    pub(super) async fn carry_out(&self, action: &VenueAction) -> Result<VenueAnswer, BrokerError> {
        match action {
            VenueAction::Exercise { instrument } => self.exercise(instrument).await.map(VenueAnswer::Done),
            VenueAction::DoNotExercise { instrument } => {
                self.do_not_exercise(instrument).await.map(VenueAnswer::Done)
            }
            VenueAction::Settings => {
                let settings: Settings = self.rest.get(SETTINGS, SETTINGS_PATH, &[]).await?;
                Ok(VenueAnswer::Settings(listed(&settings)))
            }
            VenueAction::Set { setting, value } => self.set(setting, value).await.map(VenueAnswer::Done),
            action => Err(refuse(
                format!("'{action}'"),
                "orders, exercise of held options, and the account's settings",
            )),
        }
    }

    /// Contracts of an option that are held, and those of them that no working order holds back.
    async fn held(&self, instrument: &Instrument) -> Result<(Decimal, Decimal), BrokerError> {
        if instrument.asset_class() != AssetClass::Option {
            return Err(refuse(format!("the exercise of {instrument}"), "options that are held"));
        }
        let path = format!("/v2/positions/{}", symbol(instrument));
        let row: wire::Position = match self.rest.get(POSITION, &path, &[]).await {
            Err(error) if errors::is_not_found(&error) => {
                let what = format!("position in {instrument}");
                return Err(BrokerError::NotFound { broker: NAME.to_owned(), what });
            }
            row => row?,
        };
        if row.side == "short" || row.qty <= Decimal::ZERO {
            return Err(refuse(
                format!("the exercise of {instrument}, which is written"),
                "options that are held; their holders exercise those that are written",
            ));
        }
        Ok((row.qty, row.qty_available.unwrap_or(row.qty)))
    }

    async fn instruct(&self, call: Call, instrument: &Instrument, what: &str) -> Result<(), BrokerError> {
        let path = format!("/v2/positions/{}/{what}", symbol(instrument));
        self.rest.post(call, &path).await.map(|_| ())
    }

    async fn exercise(&self, instrument: &Instrument) -> Result<String, BrokerError> {
        let (held, free) = self.held(instrument).await?;
        if free <= Decimal::ZERO {
            return Err(refuse(
                format!(
                    "the exercise of {instrument}: working orders hold back all of its {}",
                    canonical(held)
                ),
                "contracts that no working order holds; cancel it first",
            ));
        }
        self.instruct(EXERCISE, instrument, "exercise").await?;
        Ok(format!(
            "{} of {} contracts of {instrument} are exercised; what they deliver is booked when Alpaca lists it",
            canonical(free),
            canonical(held)
        ))
    }

    async fn do_not_exercise(&self, instrument: &Instrument) -> Result<String, BrokerError> {
        let (held, _) = self.held(instrument).await?;
        self.instruct(DO_NOT_EXERCISE, instrument, "do-not-exercise").await?;
        Ok(format!("{} contracts of {instrument} will end without exercise", canonical(held)))
    }

    /// Changes one setting, once it is known that the account has it, and looks at what the answer says of it.
    async fn set(&self, name: &str, value: &str) -> Result<String, BrokerError> {
        let found = KINDS.iter().find(|(known, _)| *known == name);
        let Some((name, kind)) = found else {
            let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
            return Err(refuse(format!("the setting '{}'", shown(name)), names.join(", ")));
        };
        let Some(sent) = kind.sent(value) else {
            return Err(refuse(format!("{name} = '{}'", shown(value)), kind.words().join(", ")));
        };
        let before: Settings = self.rest.get(SETTINGS, SETTINGS_PATH, &[]).await?;
        if !before.contains_key(*name) {
            let names: Vec<String> = listed(&before).into_iter().map(|row| row.setting).collect();
            return Err(refuse(format!("the setting '{name}' of this account"), names.join(", ")));
        }
        let was = value_of(&before, name);
        if was.as_deref() == Some(value) {
            return Ok(format!("{name} is {value} already"));
        }
        let body = BTreeMap::from([(*name, sent)]);
        let after: Settings = self.rest.tell(SET, Method::PATCH, SETTINGS_PATH, &body).await?.json()?;
        let is = value_of(&after, name);
        if is.as_deref() != Some(value) {
            let nothing = || "nothing".to_owned();
            let reason = format!("{name} is {} after it was set to {value}", is.unwrap_or_else(nothing));
            return Err(BrokerError::Unreadable { broker: NAME.to_owned(), call: SET.name, reason });
        }
        let was = was.unwrap_or_else(|| "nothing".to_owned());
        Ok(format!("{name} is {value}; it was {was}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        crate::brokers::json::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn settings_are_shown_in_our_order_and_new_ones_after_them() {
        // As of the recorded traffic, and one that nobody knows yet.
        let all = settings(
            r#"{"dtbp_check":"both","a_new_one":{"x":1},"max_margin_multiplier":"2","max_options_trading_level":null,"suspend_trade":false}"#,
        );
        let rows: Vec<(String, Option<String>, bool)> =
            listed(&all).into_iter().map(|row| (row.setting, row.value, !row.allowed.is_empty())).collect();
        let row = |name: &str, value: Option<&str>, can| (name.to_owned(), value.map(str::to_owned), can);
        assert_eq!(
            rows,
            [
                row("suspend_trade", Some("false"), true),
                row("max_margin_multiplier", Some("2"), true),
                row("max_options_trading_level", None, true),
                row("dtbp_check", Some("both"), true),
                row("a_new_one", Some(r#"{"x":1}"#), false),
            ]
        );
    }

    #[test]
    fn values_are_sent_as_the_broker_writes_them() {
        let sent = |name: &str, value: &str| {
            let (_, kind) = KINDS.iter().find(|(known, _)| *known == name).unwrap();
            kind.sent(value).map(|value| value.to_string())
        };
        for (name, value, wire) in [
            ("no_shorting", "true", Some("true")),
            ("no_shorting", "yes", None),
            ("max_margin_multiplier", "4", Some("\"4\"")),
            ("max_margin_multiplier", "3", None),
            ("max_options_trading_level", "2", Some("2")),
            ("max_options_trading_level", "4", None),
            ("trade_confirm_email", "none", Some("\"none\"")),
            ("pdt_check", "entry", Some("\"entry\"")),
        ] {
            assert_eq!(sent(name, value).as_deref(), wire, "{name} {value}");
        }
    }
}
