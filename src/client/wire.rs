//! The messages between an engine in a process of its own and its front ends: length-delimited JSON over a Unix socket.
//!
//! Pictures travel as updates: the sections that changed since the last one, quotes and orders by key. Nothing here opens a socket.

mod update;

use serde::{Deserialize, Serialize};

use super::message::{Reply, Request, SessionError};

pub use update::Update;

/// The version of these messages that this program speaks. It rises with every change that an older program would misread.
pub const PROTOCOL: u32 = 3;
/// The oldest version it still speaks. An engine of 2 hangs up at a question that it does not know, so that it is asked none of those that came
/// after ([`Request::since`]); from 3 on it says that it does not know it.
pub const PROTOCOL_MIN: u32 = 2;
/// What a front end is told of a question that an engine of an older program has never heard of.
pub const UNKNOWN_QUESTION: &str =
    "this engine is of an older program and does not know that; restart it: arbion engine restart";
/// Bytes of one message at most.
pub const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of the first message at most: nothing is known of who sends it.
pub const HELLO_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a path that a Unix socket can have.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

/// What a front end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// A screen, which stays.
    Screen,
    /// A command, which is gone in a moment.
    Command,
}

/// The first message of a front end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Oldest and newest protocol it speaks.
    pub protocol: (u32, u32),
    /// Its build, such as `0.1.0`.
    pub build: String,
    /// Said back by the engine.
    pub nonce: u64,
    /// What it is.
    pub client: ClientKind,
    /// Its process.
    pub pid: u32,
    /// The profile on whose behalf it asks; absent means the engine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// The engine's answer to a hello that it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol of all that follows.
    pub protocol: u32,
    /// The engine's build.
    pub build: String,
    /// The front end's own.
    pub nonce: u64,
    /// The engine's process.
    pub pid: u32,
}

/// The newest protocol that both speak; `None` when there is none.
#[must_use]
pub fn common_protocol(theirs: (u32, u32)) -> Option<u32> {
    let newest = PROTOCOL.min(theirs.1);
    (newest >= PROTOCOL_MIN.max(theirs.0)).then_some(newest)
}

/// From a front end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum ToEngine {
    /// Comes first.
    Hello(Hello),
    /// A question; the answer carries the same number.
    Ask {
        /// The front end's own number.
        id: u64,
        /// What is asked.
        ask: Request,
    },
}

/// From the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum ToClient {
    /// Comes first.
    Welcome(Welcome),
    /// Comes first and last: the engine does not take this front end.
    Refused {
        /// Why, in a line.
        reason: String,
    },
    /// A newer picture.
    Update(Box<Update>),
    /// An answer.
    Answer {
        /// The number of the question.
        id: u64,
        /// The answer.
        answer: Box<Result<Reply, SessionError>>,
    },
    /// Comes last: the engine ends, or has done with this front end.
    Bye {
        /// Why, in a line.
        reason: String,
    },
}

/// How an update begins.
const UPDATE: &[u8] = br#"{"message":"update","#;

impl ToClient {
    /// Reads a message. An update is told by its first bytes: looked for among all fields, the tag would make a tree of the whole picture
    /// first, ten thousand orders of it, which takes as long as reading them.
    ///
    /// # Errors
    /// When it is no message of ours.
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        if bytes.starts_with(UPDATE) {
            return Ok(Self::Update(Box::new(serde_json::from_slice(bytes)?)));
        }
        serde_json::from_slice(bytes)
    }
}

#[cfg(test)]
mod tests;
