//! The line to Hyperliquid: reads, signed actions, and what is listed, kept fresh.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::actions::Action;
use super::errors;
use super::signing::{Address, Network, Signature, Signer};
use super::universe::Universe;
use super::wire::{Dex, Done, DoneData, Exchanged, Meta, SpotMeta, Status};
use super::{NAME, Settings};
use crate::brokers::http::{Call, Http};
use crate::brokers::limiter::{Limit, Priority};
use crate::brokers::{BrokerError, json as reading};

/// The one limit of an address on the internet: weight a minute.
const WEIGHT: &str = "weight";
const WEIGHT_A_MINUTE: u32 = 1_200;
const MINUTE: Duration = Duration::from_secs(60);
/// An order that has not arrived by then is refused by the venue.
const EXPIRES: SignedDuration = SignedDuration::from_secs(15);
/// What is listed is asked for again after this long.
const FRESH: Duration = Duration::from_secs(3_600);

/// What listings cost.
pub(super) const LIST: u32 = 20;
/// What a state or a book costs.
pub(super) const STATE: u32 = 2;

/// A request to `/exchange`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    action: &'a Action,
    nonce: u64,
    signature: Signature,
    vault_address: Option<String>,
    expires_after: Option<u64>,
}

/// What is listed, and since when it is known.
#[derive(Default)]
struct Listed {
    universe: Arc<Universe>,
    loaded: Option<std::time::Instant>,
}

/// The line.
pub(super) struct Venue {
    pub(super) http: Http,
    pub(super) settings: Settings,
    listed: Mutex<Listed>,
    /// One loads, the others wait for it.
    loading: tokio::sync::Mutex<()>,
}

fn weight(units: u32) -> NonZeroU32 {
    NonZeroU32::new(units).unwrap_or(NonZeroU32::MIN)
}

/// A read of this weight.
pub(super) fn read(name: &'static str, units: u32) -> Call {
    Call::read(name, WEIGHT).weighing(weight(units))
}

/// A read that an order waits for: a flood of others does not hold it up.
pub(super) fn needed(name: &'static str, units: u32) -> Call {
    Call { priority: Priority::Order, ..read(name, units) }
}

/// A read of a long list.
pub(super) fn history(name: &'static str, units: u32) -> Call {
    Call::history(name, WEIGHT).weighing(weight(units))
}

/// What is signed and sent once.
pub(super) fn order(name: &'static str) -> Call {
    Call::order(name, WEIGHT)
}

/// What takes orders off.
pub(super) fn cancel(name: &'static str) -> Call {
    Call::cancel(name, WEIGHT)
}

/// An instant of a message.
///
/// # Errors
/// When it is none.
pub(super) fn instant(ms: i64) -> Result<Timestamp, BrokerError> {
    Timestamp::from_millisecond(ms).map_err(|_| BrokerError::Unreadable {
        broker: NAME.to_owned(),
        call: "time",
        reason: format!("{ms} is no time in milliseconds"),
    })
}

/// Milliseconds since 1970.
pub(super) fn ms(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or(0)
}

impl Venue {
    pub(super) fn new(settings: Settings) -> Result<Self, BrokerError> {
        let limit = Limit { calls: WEIGHT_A_MINUTE, per: MINUTE, ..Limit::USUAL };
        // The venue counts by address: a login and the public prices spend the same weight.
        let place = settings.base.authority();
        let http = Http::sharing(NAME, &[(WEIGHT, limit)], (&settings.limits, &place))?;
        Ok(Self { http, settings, listed: Mutex::default(), loading: tokio::sync::Mutex::default() })
    }

    pub(super) const fn network(&self) -> Network {
        self.settings.network
    }

    /// Asks `/info`.
    pub(super) async fn info<T: DeserializeOwned>(
        &self,
        call: Call,
        body: &serde_json::Value,
    ) -> Result<T, BrokerError> {
        let url = self.settings.base.at("/info");
        let answer = self.http.send(call, |client| Ok(client.post(&url).json(body))).await?;
        if answer.is_success() { answer.json() } else { Err(errors::of_status(&answer)) }
    }

    /// Sends an action, signed anew for each try, or with the nonce that is given. `expires` lets the venue refuse it when it comes late.
    pub(super) async fn exchange(
        &self,
        call: Call,
        (signer, vault): (&Signer, Option<&Address>),
        action: &Action,
        (expires, nonce): (bool, Option<u64>),
    ) -> Result<DoneData, BrokerError> {
        let url = self.settings.base.at("/exchange");
        let build = |client: &reqwest::Client| {
            let now = self.http.broker_now();
            let nonce = nonce.unwrap_or_else(|| signer.nonce(ms(now)));
            let expires_after = expires.then(|| ms(now + EXPIRES));
            let signature = signer
                .sign_action(self.network(), action, nonce, vault, expires_after)
                .map_err(|error| unreachable(&error))?;
            let vault_address = vault.map(Address::to_string);
            Ok(client.post(&url).json(&Envelope { action, nonce, signature, vault_address, expires_after }))
        };
        let answer = self.http.send(call, build).await?;
        if !answer.is_success() {
            return Err(errors::of_status(&answer));
        }
        done(call.name, &answer.body)
    }

    /// Sends what the account's own key has signed.
    pub(super) async fn exchange_signed(
        &self,
        call: Call,
        body: &serde_json::Value,
    ) -> Result<(), BrokerError> {
        let url = self.settings.base.at("/exchange");
        let answer = self.http.send(call, |client| Ok(client.post(&url).json(body))).await?;
        if !answer.is_success() {
            return Err(errors::of_status(&answer));
        }
        done(call.name, &answer.body).map(|_| ())
    }

    /// What is listed, as it was last known.
    pub(super) fn known(&self) -> Arc<Universe> {
        Arc::clone(&self.listed.lock().unwrap_or_else(PoisonError::into_inner).universe)
    }

    fn age(&self) -> Option<Duration> {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        listed.loaded.map(|at| at.elapsed())
    }

    /// What is listed, not older than an hour. What is older stays good when it cannot be asked for.
    pub(super) async fn universe(&self) -> Result<Arc<Universe>, BrokerError> {
        self.universe_within(FRESH).await
    }

    /// The same, not older than this.
    pub(super) async fn universe_within(&self, age_max: Duration) -> Result<Arc<Universe>, BrokerError> {
        let fresh = |age: Option<Duration>| age.is_some_and(|age| age < age_max);
        if fresh(self.age()) {
            return Ok(self.known());
        }
        let _turn = self.loading.lock().await;
        if fresh(self.age()) {
            return Ok(self.known());
        }
        match self.load().await {
            Ok(universe) => {
                let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
                listed.universe = Arc::new(universe);
                listed.loaded = Some(std::time::Instant::now());
                Ok(Arc::clone(&listed.universe))
            }
            Err(error) if self.age().is_some() => {
                tracing::warn!(%error, "what is listed could not be asked for again");
                Ok(self.known())
            }
            Err(error) => Err(error),
        }
    }

    async fn load(&self) -> Result<Universe, BrokerError> {
        let mut universe = Universe::default();
        let meta: Meta = self.info(read("meta", LIST), &json!({"type": "meta", "dex": ""})).await?;
        universe.add_perpetuals("", 0, &meta);
        if self.settings.dexs.iter().any(|dex| !dex.is_empty()) {
            let dexs: Vec<Option<Dex>> =
                self.info(read("perpDexs", LIST), &json!({"type": "perpDexs"})).await?;
            for dex in self.settings.dexs.iter().filter(|dex| !dex.is_empty()) {
                let named = |other: &Option<Dex>| other.as_ref().is_some_and(|other| other.name == *dex);
                let place = dexs.iter().position(named).and_then(|place| u32::try_from(place).ok());
                let what = || format!("dex '{dex}' (setting dexs)");
                let place =
                    place.ok_or_else(|| BrokerError::NotFound { broker: NAME.to_owned(), what: what() })?;
                let meta: Meta = self.info(read("meta", LIST), &json!({"type": "meta", "dex": dex})).await?;
                universe.add_perpetuals(dex, place, &meta);
            }
        }
        let spot: SpotMeta = self.info(read("spotMeta", LIST), &json!({"type": "spotMeta"})).await?;
        universe.add_spot(&spot);
        Ok(universe)
    }

    /// The venue's time, in milliseconds.
    pub(super) fn now_ms(&self) -> u64 {
        ms(self.http.broker_now())
    }
}

/// An action that could not be made: nothing was sent.
pub(super) fn unreachable(error: &dyn std::fmt::Display) -> BrokerError {
    BrokerError::Unreachable { broker: NAME.to_owned(), reason: error.to_string() }
}

/// Reads what `/exchange` answered.
fn done(call: &'static str, body: &[u8]) -> Result<DoneData, BrokerError> {
    let exchanged: Exchanged<'_> = reading::read(body).map_err(|reason| BrokerError::Unreadable {
        broker: NAME.to_owned(),
        call,
        reason,
    })?;
    let response = exchanged.response.get().as_bytes();
    match exchanged.status.as_str() {
        "ok" => {
            let done: Done = reading::decode(NAME, call, response)?;
            Ok(done.data.unwrap_or(DoneData { statuses: Vec::new(), status: None }))
        }
        "err" => Err(errors::refused(&reading::decode::<String>(NAME, call, response)?)),
        other => Err(BrokerError::Unreadable {
            broker: NAME.to_owned(),
            call,
            reason: format!("its status is '{}'", errors::shown(other)),
        }),
    }
}

/// One status for each of `wanted` commands. What is checked before a batch is answered once for all of it.
pub(super) fn each(
    call: &'static str,
    mut statuses: Vec<Status>,
    wanted: usize,
) -> Result<Vec<Status>, BrokerError> {
    if let (Some(Status::Body(body)), true) = (statuses.first(), statuses.len() < wanted)
        && body.error.is_some()
    {
        let first = statuses[0].clone();
        statuses.resize(wanted, first);
    }
    if statuses.len() == wanted {
        return Ok(statuses);
    }
    let reason = format!("statuses: {} for {wanted}", statuses.len());
    Err(BrokerError::Unreadable { broker: NAME.to_owned(), call, reason })
}

#[cfg(test)]
mod tests {
    use super::super::wire::StatusBody;
    use super::*;

    fn outcome(body: &str) -> Result<DoneData, BrokerError> {
        done("order", body.as_bytes())
    }

    #[test]
    fn answers_are_read_as_the_venue_writes_them() {
        let data = outcome(
            r#"{"status":"ok","response":{"type":"order","data":{"statuses":[{"resting":{"oid":77738308,"cloid":"0x1"}},
            {"filled":{"totalSz":"0.02","avgPx":"1891.4","oid":77747314}},"waitingForFill",{"error":"no"}]}}}"#,
        )
        .unwrap();
        assert_eq!(data.statuses.len(), 4);
        assert_eq!(data.statuses[2], Status::Word("waitingForFill".to_owned()));
        assert!(outcome(r#"{"status":"ok","response":{"type":"default"}}"#).unwrap().statuses.is_empty());
        let twap = outcome(
            r#"{"status":"ok","response":{"type":"twapOrder","data":{"status":{"running":{"twapId":5}}}}}"#,
        );
        let Some(Status::Body(body)) = twap.unwrap().status else { panic!("no status") };
        assert_eq!(body.running.unwrap().twap_id, 5);
        assert!(matches!(
            outcome(r#"{"status":"err","response":"Vault not registered: 0x1"}"#),
            Err(BrokerError::Refused { .. })
        ));
        for odd in
            ["null", "7", "{}", r#"{"status":"maybe","response":{}}"#, r#"{"status":"err","response":{}}"#]
        {
            assert!(matches!(outcome(odd), Err(BrokerError::Unreadable { .. })), "{odd}");
        }
    }

    #[test]
    fn one_error_for_a_batch_is_everybodys() {
        let error = failed("no");
        assert_eq!(each("order", vec![error.clone()], 3).unwrap(), vec![error; 3]);
        assert!(each("order", vec![Status::Word("success".to_owned())], 2).is_err());
        assert!(each("order", Vec::new(), 1).is_err());
    }

    fn failed(text: &str) -> Status {
        Status::Body(StatusBody { error: Some(text.to_owned()), ..StatusBody::default() })
    }
}
