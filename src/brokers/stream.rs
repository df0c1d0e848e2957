//! Streams: a WebSocket that is kept open. It connects, greets, reads, watches for silence, and begins again after a pause when it breaks;
//! what the messages mean is the broker's [`Protocol`].

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::clock::wall;
use super::endpoint::Endpoint;
use super::pauses::pauses;
use super::{BrokerError, tls};

/// To connect, TLS and the upgrade included.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// To greet: sign in and subscribe.
const GREETING_MAX: Duration = Duration::from_secs(15);
/// To send a message: a peer that takes nothing any more is gone, however well the line looks.
const SEND_MAX: Duration = Duration::from_secs(10);
/// Largest message that is read.
pub const MESSAGE_MAX: usize = 1 << 20;
/// The usual pauses between tries, as [`Protocol::pauses`] says them.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// A line that held this long begins again with the shortest pause.
const HEALTHY: Duration = Duration::from_secs(60);
/// Silence after which we ping, where the protocol says nothing else.
pub const PING_AFTER: Duration = Duration::from_secs(15);
/// Silence after which the line is dead.
pub const DEAD_AFTER: Duration = Duration::from_secs(30);

/// Why a line ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// It broke, was closed, or was silent for too long: it is opened again.
    #[error("{0}")]
    Lost(String),
    /// Messages are missing: it is opened again, and everything is asked for.
    #[error("messages are missing: {0}")]
    Gap(String),
    /// The broker will not have us, and will not the next time either: a person has to do something.
    #[error("{0}")]
    Refused(String),
    /// Nobody listens any more.
    #[error("nobody listens")]
    Unheard,
}

/// A message, either way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Text, as a rule JSON.
    Text(Utf8Bytes),
    /// Bytes, such as `MessagePack`.
    Binary(Bytes),
}

impl Frame {
    /// Its bytes, text or not.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// A text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into().into())
    }
}

/// How silence is dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// We ping after this much silence.
    pub ping_after: Duration,
    /// The line is dead after this much.
    pub dead_after: Duration,
}

impl Default for Watch {
    fn default() -> Self {
        Self { ping_after: PING_AFTER, dead_after: DEAD_AFTER }
    }
}

/// Where to connect: an address, and headers with what may be secret.
pub struct Handshake {
    /// The address, path and query included.
    pub url: String,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

impl Handshake {
    /// To an endpoint, without headers.
    #[must_use]
    pub fn to(endpoint: &Endpoint) -> Self {
        Self { url: endpoint.as_url().to_string(), headers: Vec::new() }
    }
}

/// An open line.
pub struct Line {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    watch: Watch,
    heard: Instant,
    pinged: bool,
}

impl Line {
    /// Opens one.
    ///
    /// # Errors
    /// `Refused` when the server answers 401 or 403, else `Lost`.
    pub async fn open(handshake: Handshake, watch: Watch) -> Result<Self, StreamError> {
        Self::open_for(handshake, watch, MESSAGE_MAX).await
    }

    /// The same for messages of up to this many bytes.
    ///
    /// # Errors
    /// As above.
    pub async fn open_for(
        handshake: Handshake,
        watch: Watch,
        message_max: usize,
    ) -> Result<Self, StreamError> {
        let lost = |error: &dyn std::fmt::Display| StreamError::Lost(error.to_string());
        let mut request = handshake.url.as_str().into_client_request().map_err(|error| lost(&error))?;
        for (name, value) in &handshake.headers {
            let value =
                value.parse().map_err(|_| StreamError::Lost(format!("header {name} cannot be sent")))?;
            request.headers_mut().insert(*name, value);
        }
        let config =
            WebSocketConfig::default().max_message_size(Some(message_max)).max_frame_size(Some(message_max));
        let connector = tls::client().map(Connector::Rustls);
        let opening = connect_async_tls_with_config(request, Some(config), true, connector);
        match tokio::time::timeout(CONNECT_MAX, opening).await {
            Ok(Ok((socket, _))) => Ok(Self { socket, watch, heard: Instant::now(), pinged: false }),
            Ok(Err(tungstenite::Error::Http(answer))) if matches!(answer.status().as_u16(), 401 | 403) => {
                Err(StreamError::Refused(format!("HTTP {}", answer.status().as_u16())))
            }
            Ok(Err(tungstenite::Error::Http(answer))) => {
                Err(StreamError::Lost(format!("HTTP {}", answer.status().as_u16())))
            }
            Ok(Err(error)) => Err(lost(&error)),
            Err(_) => Err(StreamError::Lost(format!("no connection within {} s", CONNECT_MAX.as_secs()))),
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// `Lost`.
    pub async fn send(&mut self, frame: Frame) -> Result<(), StreamError> {
        let message = match frame {
            Frame::Text(text) => Message::Text(text),
            Frame::Binary(bytes) => Message::Binary(bytes),
        };
        self.put(message).await
    }

    async fn put(&mut self, message: Message) -> Result<(), StreamError> {
        match tokio::time::timeout(SEND_MAX, self.socket.send(message)).await {
            Ok(sent) => sent.map_err(|error| StreamError::Lost(error.to_string())),
            Err(_) => Err(StreamError::Lost(format!("it takes nothing for {} s", SEND_MAX.as_secs()))),
        }
    }

    /// The next message. Pings are answered and sent on the way. It may be dropped between two calls without losing one.
    ///
    /// # Errors
    /// `Lost` when the line is closed, broken or dead.
    pub async fn next(&mut self) -> Result<Frame, StreamError> {
        loop {
            let silence = if self.pinged { self.watch.dead_after } else { self.watch.ping_after };
            let left = (self.heard + silence).saturating_duration_since(Instant::now());
            let Ok(message) = tokio::time::timeout(left, self.socket.next()).await else {
                if self.pinged {
                    let text = format!("silent for {} s", self.watch.dead_after.as_secs());
                    return Err(StreamError::Lost(text));
                }
                self.pinged = true;
                self.put(Message::Ping(Bytes::new())).await?;
                continue;
            };
            (self.heard, self.pinged) = (Instant::now(), false);
            match message {
                Some(Ok(Message::Text(text))) => return Ok(Frame::Text(text)),
                Some(Ok(Message::Binary(bytes))) => return Ok(Frame::Binary(bytes)),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    let why = frame.map_or_else(String::new, |frame| {
                        format!(" ({} {})", u16::from(frame.code), frame.reason)
                    });
                    return Err(StreamError::Lost(
                        crate::domain::text::clean(&format!("closed{why}")).into_owned(),
                    ));
                }
                Some(Err(error)) => return Err(StreamError::Lost(error.to_string())),
                None => return Err(StreamError::Lost("closed".to_owned())),
            }
        }
    }
}

/// What a broker's stream says and wants to hear.
#[async_trait]
pub trait Protocol: Send {
    /// What its messages become.
    type Item: Send;

    /// How silence is dealt with.
    fn watch(&self) -> Watch;

    /// Half of the shortest and half of the longest pause before the next try; jitter adds as much again (reliability N3).
    fn pauses(&self) -> (Duration, Duration) {
        (PAUSE_MIN, PAUSE_MAX)
    }

    /// Largest message that it sends: more than usual only where a broker's documentation says so.
    fn message_max(&self) -> usize {
        MESSAGE_MAX
    }

    /// Where to connect this time: an address or a token may be new.
    async fn handshake(&mut self) -> Result<Handshake, StreamError>;

    /// Signs in and subscribes to everything that is wanted.
    async fn greet(&mut self, line: &mut Line) -> Result<(), StreamError>;

    /// Reads a message: what it means goes behind `items`. Returns what is to be said to it.
    fn read(&mut self, frame: &Frame, items: &mut Vec<Self::Item>) -> Result<Vec<Frame>, StreamError>;

    /// Waits until there is something to say unasked (a subscription, a heartbeat), and returns it. It may be dropped and called again.
    async fn speak(&mut self) -> Vec<Frame>;
}

/// What comes out of a stream that is kept open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept<T> {
    /// It is open and has greeted.
    Up,
    /// A message's meaning.
    Item(T),
    /// It broke, and is tried again then.
    Down {
        /// Why.
        reason: String,
        /// When.
        retry_at: Timestamp,
    },
}

/// What is done when nobody takes what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// It is left out: a newer one comes (prices).
    Drop,
    /// The line is closed and opened again, and everything is asked for: nothing may be missing (orders; reliability N10).
    Reopen,
}

/// Keeps a stream open until it is refused or nobody listens, and says why it ended.
pub async fn keep_open<P: Protocol>(
    broker: &str,
    protocol: &mut P,
    out: &mpsc::Sender<Kept<P::Item>>,
    overflow: Overflow,
) -> BrokerError {
    let (shortest, longest) = protocol.pauses();
    let mut waits = pauses(shortest, longest);
    loop {
        let mut up_since = None;
        let error = match hold(protocol, out, overflow, &mut up_since).await {
            Ok(never) => match never {},
            Err(error) => error,
        };
        match &error {
            StreamError::Refused(reason) => {
                return BrokerError::Unauthorized { broker: broker.to_owned(), reason: reason.clone() };
            }
            StreamError::Unheard => {
                return BrokerError::Unreachable { broker: broker.to_owned(), reason: error.to_string() };
            }
            StreamError::Lost(_) | StreamError::Gap(_) => {}
        }
        if up_since.is_some_and(|since: Instant| since.elapsed() >= HEALTHY) {
            waits = pauses(shortest, longest);
        }
        // The first is short, after a gap too; one that comes again and again must not ask for everything each time at once.
        let wait = waits.next().unwrap_or(longest);
        tracing::info!(broker, %error, ?wait, "the stream is opened again");
        let retry_at = wall() + SignedDuration::try_from(wait).unwrap_or_default();
        if out.send(Kept::Down { reason: error.to_string(), retry_at }).await.is_err() {
            let reason = StreamError::Unheard.to_string();
            return BrokerError::Unreachable { broker: broker.to_owned(), reason };
        }
        tokio::time::sleep(wait).await;
    }
}

/// Nothing.
enum Never {}

/// One connection, from its opening to its end.
async fn hold<P: Protocol>(
    protocol: &mut P,
    out: &mpsc::Sender<Kept<P::Item>>,
    overflow: Overflow,
    up_since: &mut Option<Instant>,
) -> Result<Never, StreamError> {
    let handshake = protocol.handshake().await?;
    let mut line = Line::open_for(handshake, protocol.watch(), protocol.message_max()).await?;
    match tokio::time::timeout(GREETING_MAX, protocol.greet(&mut line)).await {
        Ok(greeted) => greeted?,
        Err(_) => return Err(StreamError::Lost("it does not answer the greeting".to_owned())),
    }
    *up_since = Some(Instant::now());
    out.send(Kept::Up).await.map_err(|_| StreamError::Unheard)?;
    let mut items = Vec::new();
    loop {
        let answers = tokio::select! {
            () = out.closed() => return Err(StreamError::Unheard),
            frame = line.next() => protocol.read(&frame?, &mut items)?,
            words = protocol.speak() => words,
        };
        for item in items.drain(..) {
            match out.try_send(Kept::Item(item)) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Closed(_)) => return Err(StreamError::Unheard),
                Err(mpsc::error::TrySendError::Full(_)) if overflow == Overflow::Drop => {}
                Err(mpsc::error::TrySendError::Full(_)) => {
                    return Err(StreamError::Gap("the engine is too slow for them".to_owned()));
                }
            }
        }
        for answer in answers {
            line.send(answer).await?;
        }
    }
}

#[cfg(test)]
mod tests;
