//! How an engine in a process of its own says that it is doing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::wire::ClientKind;
use crate::domain::limits::TradingState;

/// A front end that is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientStatus {
    /// What it is.
    pub client: ClientKind,
    /// Its process, as it says.
    pub pid: u32,
    /// Since when.
    pub since: Timestamp,
}

/// How long one kind of call has taken lately: a request from the socket to the answer, waiting for the broker included; or a call to a broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallStatus {
    /// The call, such as `execute`.
    pub name: SmolStr,
    /// Answered since the start.
    pub count: u64,
    /// Of these, refused or failed.
    pub errors: u64,
    /// Half of the newest took no longer, in microseconds.
    pub p50_us: u64,
    /// Of a hundred of the newest, one took longer, in microseconds.
    pub p99_us: u64,
}

/// A queue of the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStatus {
    /// What waits there, such as `journal`.
    pub name: SmolStr,
    /// How much waits.
    pub waiting: u32,
    /// How much it holds at most.
    pub limit: u32,
}

/// How an engine in a process of its own is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineStatus {
    /// Its process.
    pub pid: u32,
    /// Its build, such as `0.1.0`.
    pub build: SmolStr,
    /// The newest protocol it speaks.
    pub protocol: u32,
    /// The profile.
    pub profile: SmolStr,
    /// Its socket.
    pub socket: String,
    /// When it started.
    pub started_at: Timestamp,
    /// Seconds since.
    pub uptime_seconds: i64,
    /// Resident memory in bytes; absent where the system does not say.
    pub memory_bytes: Option<u64>,
    /// May orders go out.
    pub trading_state: TradingState,
    /// Orders that work.
    pub working_orders: u32,
    /// Open positions.
    pub positions: u32,
    /// Front ends, by arrival.
    pub clients: Vec<ClientStatus>,
    /// Why it stays once the last of them has left; absent when it then leaves.
    pub stays_for: Option<String>,
    /// Requests that have been answered, by name.
    pub calls: Vec<CallStatus>,
    /// Requests that wait for an answer.
    pub calls_open: u32,
    /// Calls to brokers that have been answered, or given up, by name.
    #[serde(default)]
    pub broker_calls: Vec<CallStatus>,
    /// What waits, by queue.
    #[serde(default)]
    pub queues: Vec<QueueStatus>,
}
