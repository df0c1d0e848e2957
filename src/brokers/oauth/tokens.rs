//! Tokens of a login, with what they are bound to and how long they live. They are written down for the vault alone.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Binding, OauthError};

/// Life of an access token whose answer says none, or none that can be.
pub const LIFE_UNSAID: SignedDuration = SignedDuration::from_mins(30);
/// Longest life that is believed.
const LIFE_MAX: u64 = 366 * 86_400;
/// A token that lives at least this long is refreshed five minutes before its end; a shorter one at three quarters of its life.
const LONG_LIFE: SignedDuration = SignedDuration::from_mins(20);
/// How long before its end.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// Warnings before a login ends.
const WARN_FIRST: SignedDuration = SignedDuration::from_hours(24);
const WARN_LAST: SignedDuration = SignedDuration::from_hours(2);

/// A login's tokens.
#[derive(Clone)]
pub struct Tokens {
    /// Whose they are.
    pub binding: Binding,
    /// The access token.
    pub access: SecretString,
    /// When it was given.
    pub given_at: Timestamp,
    /// When it ends.
    pub access_until: Timestamp,
    /// The refresh token, where there is one.
    pub refresh: Option<SecretString>,
    /// When a person signed in.
    pub login_at: Timestamp,
    /// When a person has to sign in again, whatever is refreshed; absent where nothing says so.
    pub login_until: Option<Timestamp>,
    /// What was granted; absent where the broker does not say.
    pub scopes: Option<Vec<String>>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("binding", &self.binding)
            .field("access_until", &self.access_until)
            .field("login_until", &self.login_until)
            .finish_non_exhaustive()
    }
}

/// Granted against asked for (reliability O7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Granted {
    /// What was asked for, or nobody says.
    AsAsked,
    /// Less: these are missing.
    Less(Vec<String>),
    /// More: these were not asked for, so that it is not used for orders.
    More(Vec<String>),
}

/// How near the end of a login is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// More than a day is left.
    Fine,
    /// Less than a day.
    Day,
    /// Less than two hours.
    Hours,
    /// It is over.
    Over,
}

/// What is left of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Countdown {
    /// How long; zero when it is over.
    pub left: SignedDuration,
    /// How near.
    pub stage: Stage,
}

/// As they lie in the vault.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    version: u32,
    profile: &'a str,
    broker: &'a str,
    environment: &'a str,
    #[serde(borrow)]
    access_token: std::borrow::Cow<'a, str>,
    given_at: Timestamp,
    access_until: Timestamp,
    #[serde(borrow, default)]
    refresh_token: Option<std::borrow::Cow<'a, str>>,
    login_at: Timestamp,
    #[serde(default)]
    login_until: Option<Timestamp>,
    #[serde(default)]
    scopes: Option<Vec<String>>,
}

/// The form of `Kept`.
const VERSION: u32 = 1;

/// How long an access token lives, from what its answer says in seconds.
#[must_use]
pub fn life_of(expires_in: Option<u64>) -> SignedDuration {
    match expires_in {
        Some(seconds @ 1..=LIFE_MAX) => SignedDuration::from_secs(seconds.cast_signed()),
        _ => LIFE_UNSAID,
    }
}

impl Tokens {
    /// When the access token is to be refreshed.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        let life = self.access_until.duration_since(self.given_at);
        let ahead = if life >= LONG_LIFE { AHEAD } else { life / 4 };
        self.access_until.checked_sub(ahead).unwrap_or(self.given_at)
    }

    /// Does the access token live by this clock. One that was given in the future is of a clock that was wrong, and does not.
    #[must_use]
    pub fn lives(&self, now: Timestamp) -> bool {
        now < self.access_until && self.given_at.duration_since(now) <= AHEAD
    }

    /// What is left of the login (reliability O10); absent where it has no end.
    #[must_use]
    pub fn countdown(&self, now: Timestamp) -> Option<Countdown> {
        let left = self.login_until?.duration_since(now).max(SignedDuration::ZERO);
        let stage = match left {
            left if left <= SignedDuration::ZERO => Stage::Over,
            left if left <= WARN_LAST => Stage::Hours,
            left if left <= WARN_FIRST => Stage::Day,
            _ => Stage::Fine,
        };
        Some(Countdown { left, stage })
    }

    /// What was granted, against what was asked for.
    #[must_use]
    pub fn granted(&self, asked: &[&str]) -> Granted {
        let Some(scopes) = self.scopes.as_ref().filter(|_| !asked.is_empty()) else {
            return Granted::AsAsked;
        };
        let (given, wanted): (BTreeSet<&str>, BTreeSet<&str>) =
            (scopes.iter().map(String::as_str).collect(), asked.iter().copied().collect());
        let words = |set: BTreeSet<&str>| set.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let more: BTreeSet<&str> = given.difference(&wanted).copied().collect();
        if !more.is_empty() {
            return Granted::More(words(more));
        }
        let less: BTreeSet<&str> = wanted.difference(&given).copied().collect();
        if less.is_empty() { Granted::AsAsked } else { Granted::Less(words(less)) }
    }

    /// The text for the vault.
    ///
    /// # Errors
    /// `NotKept`, which the types rule out.
    pub fn to_text(&self) -> Result<SecretString, OauthError> {
        let kept = Kept {
            version: VERSION,
            profile: &self.binding.profile,
            broker: self.binding.broker,
            environment: self.binding.environment.as_str(),
            access_token: self.access.expose_secret().into(),
            given_at: self.given_at,
            access_until: self.access_until,
            refresh_token: self.refresh.as_ref().map(|token| token.expose_secret().into()),
            login_at: self.login_at,
            login_until: self.login_until,
            scopes: self.scopes.clone(),
        };
        let text = serde_json::to_string(&kept).map(Zeroizing::new).map_err(|error| OauthError::NotKept {
            broker: self.binding.broker.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(text.as_str().into())
    }

    /// Reads that text back, for this binding and no other.
    ///
    /// # Errors
    /// `Foreign` when it is of another one, `Unusable` when it cannot be read.
    pub fn from_text(text: &SecretString, binding: &Binding) -> Result<Self, OauthError> {
        // The error would quote the text.
        let kept: Kept<'_> = serde_json::from_str(text.expose_secret()).map_err(|_| unreadable(binding))?;
        if kept.version != VERSION {
            return Err(unreadable(binding));
        }
        let theirs = [kept.profile, kept.broker, kept.environment];
        let ours = [binding.profile.as_str(), binding.broker, binding.environment.as_str()];
        if theirs != ours {
            let shown = |parts: [&str; 3]| format!("{} {} of profile {}", parts[1], parts[2], parts[0]);
            return Err(OauthError::Foreign { found: shown(theirs), expected: shown(ours) });
        }
        Ok(Self {
            binding: binding.clone(),
            access: kept.access_token.as_ref().into(),
            given_at: kept.given_at,
            access_until: kept.access_until,
            refresh: kept.refresh_token.as_deref().map(Into::into),
            login_at: kept.login_at,
            login_until: kept.login_until,
            scopes: kept.scopes,
        })
    }

    /// Are these the same refresh tokens.
    #[must_use]
    pub fn same_refresh(&self, other: &Self) -> bool {
        let text = |tokens: &Self| tokens.refresh.as_ref().map(|token| token.expose_secret().to_owned());
        Zeroizing::new(text(self).unwrap_or_default()) == Zeroizing::new(text(other).unwrap_or_default())
    }
}

fn unreadable(binding: &Binding) -> OauthError {
    OauthError::Unusable {
        broker: binding.broker.to_owned(),
        reason: "what the vault holds of this login cannot be read; sign in again".to_owned(),
    }
}
