//! The streamer: one connection per login, which everybody who listens shares, for a second one would cut the first. It signs in, subscribes to
//! the accounts' activity and to the prices that are wanted, and passes on what comes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::NAME;
use super::messages::{Activity, Level, Message, Reply, ReplyContent, book_of};
use super::rest::{READS, Rest};
use super::wire::{StreamerInfo, UserPreference};
use crate::brokers::BrokerError;
use crate::brokers::endpoint::Endpoint;
use crate::brokers::http::Call;
use crate::brokers::json::read;
use crate::brokers::stream::{
    Frame, Handshake, Kept, Line, Overflow, Protocol, StreamError, Watch, keep_open,
};

/// Words that wait for one listener.
const WORDS_MAX: usize = 4_096;
/// Symbols of one connection, but for the one by which orders are followed.
pub const KEYS_MAX: usize = 499;
/// The services that quotes come by.
pub const LEVELS: [&str; 2] = ["LEVELONE_EQUITIES", "LEVELONE_OPTIONS"];
/// Numbers of words that are kept in mind.
const SEEN_MAX: usize = 4_096;
/// Half of the shortest and half of the longest pause between two connections: 2 s, doubled to 120.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Between two looks at whether anybody listens still.
const LOOK: Duration = Duration::from_secs(5);
const PREFERENCE: Call = Call::read("userPreference", READS);
/// Fields of the services, as subscribed.
const EQUITY_FIELDS: &str = "0,1,2,3,4,5,8,9,10,11,12,17,29,32,34,35";
const OPTION_FIELDS: &str = "0,2,3,4,5,6,7,8,15,16,17,18,33,38,39";
const BOOK_FIELDS: &str = "0,1,2,3";

/// What a listener hears.
#[derive(Clone, Debug)]
pub enum Heard {
    /// It is up, or up again.
    Up,
    /// It is down.
    Down {
        /// Why.
        reason: String,
        /// When it is tried again.
        retry_at: Timestamp,
    },
    /// An order's word.
    Activity(Arc<Activity>),
    /// Changed fields of a quote.
    Level(Arc<Level>),
    /// A book.
    Book(Arc<super::messages::Book>),
    /// This service does not send everything that was asked for.
    Unserved(&'static str),
    /// It is over.
    Ended(BrokerError),
}

/// Symbols by service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(pub BTreeMap<&'static str, BTreeSet<String>>);

#[derive(Default)]
struct Hub {
    listeners: Vec<mpsc::Sender<Heard>>,
    running: bool,
    up: bool,
}

/// The shared connection of a login.
pub struct Streamer {
    rest: Arc<Rest>,
    hub: Arc<Mutex<Hub>>,
    wanted: watch::Sender<Keys>,
}

impl Streamer {
    /// Not connected yet.
    #[must_use]
    pub fn new(rest: Arc<Rest>) -> Self {
        Self { rest, hub: Arc::default(), wanted: watch::channel(Keys::default()).0 }
    }

    /// Listens; the first listener opens it, and it is closed after the last.
    #[must_use]
    pub fn listen(&self) -> mpsc::Receiver<Heard> {
        let (words, heard) = mpsc::channel(WORDS_MAX);
        let mut hub = lock(&self.hub);
        if hub.up {
            // There is room: nothing was sent on it yet.
            words.try_send(Heard::Up).ok();
        }
        hub.listeners.push(words);
        if !std::mem::replace(&mut hub.running, true) {
            let protocol = Wire::new(Arc::clone(&self.rest), self.wanted.subscribe());
            tokio::spawn(run(Arc::clone(&self.hub), protocol));
        }
        heard
    }

    /// Which prices are wanted from now on.
    pub fn want(&self, keys: Keys) {
        self.wanted.send_if_modified(|before| {
            let changed = *before != keys;
            *before = keys;
            changed
        });
    }

    /// Somebody here did something to an order: whoever follows the account asks for it.
    pub fn hint(&self, account: &str, order_id: &str) {
        let word = Activity { account: account.to_owned(), order_id: order_id.to_owned() };
        tell(&mut lock(&self.hub), &Heard::Activity(Arc::new(word)));
    }
}

fn lock(hub: &Mutex<Hub>) -> MutexGuard<'_, Hub> {
    hub.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells everybody. A listener without room misses prices; one that would miss an order's word is let go, and begins anew.
fn tell(hub: &mut Hub, word: &Heard) {
    hub.listeners.retain(|listener| match listener.try_send(word.clone()) {
        Ok(()) => true,
        Err(mpsc::error::TrySendError::Closed(_)) => false,
        Err(mpsc::error::TrySendError::Full(_)) => matches!(word, Heard::Level(_) | Heard::Book(_)),
    });
}

/// Keeps it open while anybody listens.
async fn run(hub: Arc<Mutex<Hub>>, mut protocol: Wire) {
    let (out, mut from) = mpsc::channel(WORDS_MAX);
    let kept = tokio::spawn(async move { keep_open(NAME, &mut protocol, &out, Overflow::Reopen).await });
    let mut look = tokio::time::interval(LOOK);
    loop {
        let word = tokio::select! {
            word = from.recv() => word,
            _ = look.tick() => {
                let mut hub = lock(&hub);
                hub.listeners.retain(|listener| !listener.is_closed());
                if hub.listeners.is_empty() {
                    (hub.running, hub.up) = (false, false);
                    kept.abort();
                    return;
                }
                continue;
            }
        };
        let Some(word) = word else { break };
        let mut hub = lock(&hub);
        let word = match word {
            Kept::Up => {
                hub.up = true;
                Heard::Up
            }
            Kept::Down { reason, retry_at } => {
                hub.up = false;
                Heard::Down { reason, retry_at }
            }
            Kept::Item(word) => word,
        };
        tell(&mut hub, &word);
    }
    let error = kept.await.unwrap_or_else(|error| BrokerError::Unreachable {
        broker: NAME.to_owned(),
        reason: error.to_string(),
    });
    let mut hub = lock(&hub);
    tell(&mut hub, &Heard::Ended(error));
    *hub = Hub::default();
}

/// The protocol of one connection after the other.
struct Wire {
    rest: Arc<Rest>,
    wanted: watch::Receiver<Keys>,
    subscribed: Keys,
    info: StreamerInfo,
    request: u64,
    /// Numbers of this connection's words, by key: what comes twice is dropped. A new connection may count anew, and a word of an order that
    /// is heard again only has it asked for again.
    seen: BTreeMap<String, BTreeSet<i64>>,
    /// Logins refused in a row.
    denied: u32,
}

impl Wire {
    fn new(rest: Arc<Rest>, wanted: watch::Receiver<Keys>) -> Self {
        let (subscribed, info) = (Keys::default(), StreamerInfo::default());
        Self { rest, wanted, subscribed, info, request: 0, seen: BTreeMap::new(), denied: 0 }
    }

    fn say(&mut self, service: &str, command: &str, parameters: serde_json::Value) -> Frame {
        let number = self.request;
        self.request += 1;
        let text = json!({"requests": [{
            "service": service,
            "requestid": number.to_string(),
            "command": command,
            "SchwabClientCustomerId": self.info.schwab_client_customer_id,
            "SchwabClientCorrelId": self.info.schwab_client_correl_id,
            "parameters": parameters,
        }]});
        Frame::text(text.to_string())
    }

    /// What is to be said so that the subscriptions are what is wanted.
    fn changes(&mut self) -> Vec<Frame> {
        let wanted = self.wanted.borrow_and_update().clone();
        let mut frames = Vec::new();
        let services: BTreeSet<&'static str> =
            wanted.0.keys().chain(self.subscribed.0.keys()).copied().collect();
        for service in services {
            let empty = BTreeSet::new();
            let (new, old) = (
                wanted.0.get(service).unwrap_or(&empty).clone(),
                self.subscribed.0.get(service).unwrap_or(&empty).clone(),
            );
            let joined =
                |keys: Vec<&String>| keys.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(",");
            let gone = joined(old.difference(&new).collect());
            let come = joined(new.difference(&old).collect());
            if !gone.is_empty() {
                frames.push(self.say(service, "UNSUBS", json!({"keys": gone})));
            }
            if !come.is_empty() {
                let fields = match service {
                    "LEVELONE_EQUITIES" => EQUITY_FIELDS,
                    "LEVELONE_OPTIONS" => OPTION_FIELDS,
                    _ => BOOK_FIELDS,
                };
                // The first subscription of a service is SUBS, which also clears what a connection before had.
                let command = if old.is_empty() { "SUBS" } else { "ADD" };
                frames.push(self.say(service, command, json!({"keys": come, "fields": fields})));
            }
        }
        self.subscribed = wanted;
        frames
    }
}

fn lost(error: &dyn std::fmt::Display) -> StreamError {
    StreamError::Lost(error.to_string())
}

#[async_trait]
impl Protocol for Wire {
    type Item = Heard;

    fn watch(&self) -> Watch {
        Watch::default()
    }

    fn pauses(&self) -> (Duration, Duration) {
        (PAUSE_MIN, PAUSE_MAX)
    }

    async fn handshake(&mut self) -> Result<Handshake, StreamError> {
        let url = self.rest.trader.at("/userPreference");
        let answer = self.rest.get(PREFERENCE, &url).await.map_err(|error| match error {
            BrokerError::Unauthorized { reason, .. } => StreamError::Refused(reason),
            error => lost(&error),
        })?;
        let many = answer.body.trim_ascii_start().starts_with(b"[");
        let preference = if many {
            answer.json::<Vec<UserPreference>>().map(|list| list.into_iter().next().unwrap_or_default())
        } else {
            answer.json::<UserPreference>()
        };
        let preference = preference.map_err(|error| lost(&error))?;
        let info = preference.streamer_info.into_iter().next();
        self.info =
            info.ok_or_else(|| StreamError::Lost("there is no streamer for this login".to_owned()))?;
        let endpoint = Endpoint::parse(&self.info.streamer_socket_url).map_err(|error| lost(&error))?;
        (self.subscribed, self.request) = (Keys::default(), 0);
        self.seen.clear();
        Ok(Handshake::to(&endpoint))
    }

    async fn greet(&mut self, line: &mut Line) -> Result<(), StreamError> {
        let access = self.rest.keeper.access().await.map_err(|error| match error.needs_a_person() {
            true => StreamError::Refused(error.to_string()),
            false => lost(&error),
        })?;
        let parameters = json!({
            "Authorization": access.token.expose_secret(),
            "SchwabClientChannel": self.info.schwab_client_channel,
            "SchwabClientFunctionId": self.info.schwab_client_function_id,
        });
        let login = self.say("ADMIN", "LOGIN", parameters);
        line.send(login).await?;
        loop {
            let frame = line.next().await?;
            let message: Message<'_> = read(frame.bytes()).map_err(StreamError::Lost)?;
            let reply = message.response.into_iter().find(|reply| reply.command == "LOGIN");
            let Some(reply) = reply else { continue };
            if reply.content.code == 0 {
                break;
            }
            self.denied += 1;
            let words = reply.words();
            if reply.content.code == 3 {
                // The token is refreshed, and the next login brings a new one. Refused again, a person has to look.
                if self.denied > 2 {
                    return Err(StreamError::Refused(words));
                }
                self.rest.keeper.refused(&access).await.map_err(|error| lost(&error))?;
            }
            return Err(StreamError::Lost(words));
        }
        self.denied = 0;
        let correl = self.info.schwab_client_correl_id.clone();
        let activity = self.say("ACCT_ACTIVITY", "SUBS", json!({"keys": correl, "fields": "0,1,2,3"}));
        line.send(activity).await?;
        for frame in self.changes() {
            line.send(frame).await?;
        }
        Ok(())
    }

    fn read(&mut self, frame: &Frame, items: &mut Vec<Heard>) -> Result<Vec<Frame>, StreamError> {
        let message: Message<'_> = read(frame.bytes()).map_err(StreamError::Lost)?;
        for reply in &message.response {
            judge(&reply.content)?;
            items.extend(unserved(reply).map(Heard::Unserved));
        }
        for notice in message.notify.iter().filter_map(|notice| notice.content.as_ref()) {
            judge(notice)?;
        }
        for data in message.data {
            for content in &data.content {
                match data.service.as_ref() {
                    "LEVELONE_EQUITIES" | "LEVELONE_OPTIONS" => {
                        let option = data.service == "LEVELONE_OPTIONS";
                        items.extend(
                            Level::of(content, option, data.timestamp)
                                .map(|level| Heard::Level(Arc::new(level))),
                        );
                    }
                    "NYSE_BOOK" | "NASDAQ_BOOK" | "OPTIONS_BOOK" => {
                        items.extend(book_of(content).map(|book| Heard::Book(Arc::new(book))));
                    }
                    "ACCT_ACTIVITY" => {
                        if let (Some(number), Some(key)) = (content.integer("seq"), content.text("key")) {
                            let seen = self.seen.entry(key).or_default();
                            if seen.len() >= SEEN_MAX {
                                seen.pop_first();
                            }
                            // Late is not twice: only what was heard already is passed over.
                            if !seen.insert(number) {
                                continue;
                            }
                        }
                        items.extend(Activity::of(content).map(|word| Heard::Activity(Arc::new(word))));
                    }
                    _ => {}
                }
            }
        }
        Ok(Vec::new())
    }

    async fn speak(&mut self) -> Vec<Frame> {
        if self.wanted.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.changes()
    }
}

/// What a reply means for the connection (§8.1 of the sheet).
fn judge(said: &ReplyContent<'_>) -> Result<(), StreamError> {
    match said.code {
        // Cut: login denied, too many connections, nothing subscribed; and a connection that it does not know.
        3 | 12 | 20 | 30 => Err(StreamError::Lost(said.words())),
        _ => Ok(()),
    }
}

/// The service of which not everything that was asked for comes: no room, no such service, no such subscription. Orders' words are never missed
/// by it, as what works is asked for besides.
fn unserved(reply: &Reply<'_>) -> Option<&'static str> {
    if matches!(reply.content.code, 0 | 26..=29) {
        return None;
    }
    tracing::warn!(broker = NAME, service = %reply.service, command = %reply.command, words = reply.words(), "the streamer refuses");
    if !matches!(reply.command.as_ref(), "SUBS" | "ADD") {
        return None;
    }
    LEVELS.into_iter().find(|service| *service == reply.service)
}

#[cfg(test)]
mod tests {
    #[test]
    fn fields_begin_with_the_symbol() {
        for fields in [super::EQUITY_FIELDS, super::OPTION_FIELDS, super::BOOK_FIELDS] {
            assert!(fields.starts_with("0,"), "without field 0 the service does not say whose they are");
        }
    }
}
