//! What all of Coinbase's channels share: the envelope, the count of messages over a connection, subscriptions, heartbeats, errors.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::errors;
use crate::brokers::json;
use crate::brokers::stream::{Frame, StreamError, Watch};

/// Heartbeats come each second: without one for this long, they are asked for again.
const SILENT: Duration = Duration::from_secs(10);
/// Without one for this long the line is dead, whatever else it says.
const DEAD: Duration = Duration::from_secs(20);

#[derive(Serialize)]
struct Subscription<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    product_ids: &'a [String],
    channel: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt: Option<&'a str>,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    channel: String,
    #[serde(default)]
    timestamp: Option<Timestamp>,
    #[serde(default)]
    sequence_num: Option<u64>,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Acknowledged {
    #[serde(default)]
    events: Vec<AcknowledgedEvent>,
}

#[derive(Deserialize)]
struct AcknowledgedEvent {
    #[serde(default)]
    subscriptions: std::collections::BTreeMap<String, Vec<String>>,
}

/// What a message was.
pub enum Heard {
    /// Nothing that matters: a heartbeat, the list of subscriptions, one that came twice.
    Nothing,
    /// Data of a channel.
    Data {
        /// Which.
        channel: String,
        /// When the server sent it.
        at: Timestamp,
    },
    /// The server's complaint about a subscription.
    Complaint(String),
}

/// Messages without a token that the venue hears within a second from one address; more end the connection.
const SAID_MAX: usize = 8;
/// Its second, and what its clock may lie beside ours.
const SAID_WITHIN: Duration = Duration::from_millis(1_100);

/// How much of that has been used.
#[derive(Debug, Default)]
pub struct Pace(VecDeque<Instant>);

impl Pace {
    /// When so many messages more may be said.
    pub fn ready_at(&self, more: usize) -> Instant {
        let room = SAID_MAX.saturating_sub(more);
        match self.0.len().checked_sub(room + 1).and_then(|at| self.0.get(at)) {
            Some(said) => *said + SAID_WITHIN,
            None => Instant::now(),
        }
    }

    /// So many were said now.
    pub fn said(&mut self, messages: usize) {
        let now = Instant::now();
        self.0.extend(std::iter::repeat_n(now, messages));
        let spare = self.0.len().saturating_sub(SAID_MAX);
        self.0.drain(..spare);
    }
}

/// A connection's state.
#[derive(Debug, Default)]
pub struct Channel {
    next: Option<u64>,
    subscribed: BTreeSet<String>,
    beat: Option<Instant>,
    /// Refusals of the login in a row.
    refused: u8,
}

impl Channel {
    /// A line without a word for longer than its heartbeats allow is dead.
    pub const WATCH: Watch =
        Watch { ping_after: Duration::from_secs(5), dead_after: Duration::from_secs(10) };

    /// A new connection: counts begin anew.
    pub fn reopen(&mut self) {
        self.next = None;
        self.subscribed.clear();
        self.beat = Some(Instant::now());
    }

    /// Was the login refused the last time.
    pub const fn was_refused(&self) -> bool {
        self.refused > 0
    }

    /// It was accepted.
    pub const fn accepted(&mut self) {
        self.refused = 0;
    }

    /// Are we subscribed to a channel, as the server says.
    pub fn has(&self, channel: &str) -> bool {
        self.subscribed.contains(channel)
    }

    /// A message that subscribes, with a token of its own where a login is given.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn subscribe(
        &self,
        token: Option<&SecretString>,
        channel: &'static str,
        products: &[String],
    ) -> Result<Frame, StreamError> {
        words("subscribe", token, channel, products)
    }

    /// One that ends a subscription.
    ///
    /// # Errors
    /// As above.
    pub fn unsubscribe(
        &self,
        token: Option<&SecretString>,
        channel: &'static str,
        products: &[String],
    ) -> Result<Frame, StreamError> {
        words("unsubscribe", token, channel, products)
    }

    /// Reads the envelope of a message.
    ///
    /// # Errors
    /// `Gap` when messages before it are missing, `Refused` and `Lost` when the server does not accept the login, `Lost` without heartbeats.
    pub fn hear(&mut self, frame: &Frame) -> Result<Heard, StreamError> {
        let envelope: Envelope = json::read(frame.bytes())
            .map_err(|reason| StreamError::Gap(format!("a message cannot be read: {reason}")))?;
        if envelope.kind == "error" && envelope.channel.is_empty() {
            return self.complaint(&envelope.message);
        }
        if let Some(number) = envelope.sequence_num {
            let next = self.next.unwrap_or(number);
            if number > next {
                return Err(StreamError::Gap(format!("{next} to {} of the connection", number - 1)));
            }
            if number < next {
                return Ok(Heard::Nothing);
            }
            self.next = Some(number.wrapping_add(1));
        }
        match envelope.channel.as_str() {
            "heartbeats" => self.beat = Some(Instant::now()),
            "subscriptions" => {
                let told: Acknowledged = json::read(frame.bytes())
                    .map_err(|reason| StreamError::Lost(format!("a message cannot be read: {reason}")))?;
                self.subscribed =
                    told.events.into_iter().flat_map(|event| event.subscriptions.into_keys()).collect();
            }
            _ => {
                if self.beat.is_some_and(|beat| beat.elapsed() > DEAD) {
                    return Err(StreamError::Lost(format!("no heartbeat for {} s", DEAD.as_secs())));
                }
                let at = envelope.timestamp.unwrap_or_else(crate::brokers::clock::wall);
                return Ok(Heard::Data { channel: envelope.channel, at });
            }
        }
        Ok(Heard::Nothing)
    }

    fn complaint(&mut self, message: &str) -> Result<Heard, StreamError> {
        let said = errors::words(message);
        let lower = said.to_ascii_lowercase();
        if lower.contains("authentication") || lower.contains("unauthorized") {
            self.refused = self.refused.saturating_add(1);
            // Once it may have been our clock, which is set by the server's before the next try.
            return Err(if self.refused > 1 { StreamError::Refused(said) } else { StreamError::Lost(said) });
        }
        if lower.contains("rate limit") {
            return Err(StreamError::Lost(said));
        }
        Ok(Heard::Complaint(said))
    }

    /// Waits until heartbeats are missing. It may be dropped and called again.
    pub async fn until_silent(&mut self) {
        let since = self.beat.unwrap_or_else(Instant::now);
        tokio::time::sleep_until((since + SILENT).into()).await;
        self.beat = Some(Instant::now());
    }
}

fn words(
    kind: &'static str,
    token: Option<&SecretString>,
    channel: &'static str,
    products: &[String],
) -> Result<Frame, StreamError> {
    let jwt = token.map(|token| token.expose_secret());
    let said = Subscription { kind, product_ids: products, channel, jwt };
    serde_json::to_string(&said).map(Frame::text).map_err(|error| StreamError::Lost(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(channel: &mut Channel, text: &str) -> Result<Heard, StreamError> {
        channel.hear(&Frame::text(text))
    }

    fn data(number: u64) -> String {
        format!(
            r#"{{"channel":"user","timestamp":"2026-01-02T03:04:05Z","sequence_num":{number},"events":[]}}"#
        )
    }

    #[test]
    fn r7_a_jump_in_the_count_is_a_gap_and_a_repeat_is_nothing() {
        let mut channel = Channel::default();
        channel.reopen();
        for number in [0, 1, 2] {
            assert!(matches!(hear(&mut channel, &data(number)), Ok(Heard::Data { .. })), "{number}");
        }
        assert!(matches!(hear(&mut channel, &data(1)), Ok(Heard::Nothing)));
        let Err(error) = hear(&mut channel, &data(5)) else { panic!("no gap") };
        assert_eq!(error.to_string(), "messages are missing: 3 to 4 of the connection");
        channel.reopen();
        assert!(
            matches!(hear(&mut channel, &data(7)), Ok(Heard::Data { .. })),
            "counts begin with a connection"
        );
    }

    #[test]
    fn a_refused_login_is_tried_once_more_and_then_final() {
        let mut channel = Channel::default();
        let refused = r#"{"type":"error","message":"authentication failure"}"#;
        assert!(matches!(hear(&mut channel, refused), Err(StreamError::Lost(_))));
        assert!(channel.was_refused());
        assert!(matches!(hear(&mut channel, refused), Err(StreamError::Refused(_))));
        let other = r#"{"type":"error","message":"unknown product\u001b[31m"}"#;
        assert!(matches!(hear(&mut channel, other), Ok(Heard::Complaint(text)) if text == "unknown product"));
    }

    #[test]
    fn no_more_is_said_within_a_second_than_is_heard() {
        let mut pace = Pace::default();
        let waits = |pace: &Pace, more| pace.ready_at(more) > Instant::now() + SAID_WITHIN / 2;
        assert!(!waits(&pace, 8));
        pace.said(4);
        assert!(!waits(&pace, 4) && waits(&pace, 5));
        pace.said(4);
        assert!(waits(&pace, 1));
        pace.said(1);
        assert!(waits(&pace, 6), "the newest eight are remembered");
        assert_eq!(pace.0.len(), 8);
    }

    #[test]
    fn subscriptions_are_as_the_server_lists_them() {
        let mut channel = Channel::default();
        let listed = r#"{"channel":"subscriptions","sequence_num":0,"events":[{"subscriptions":{"user":["u-1"],"heartbeats":["heartbeats"]}}]}"#;
        assert!(matches!(hear(&mut channel, listed), Ok(Heard::Nothing)));
        assert!(channel.has("user") && !channel.has("ticker"));
    }
}
