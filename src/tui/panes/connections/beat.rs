//! The engine's own heartbeat: asked for while the connections are in view, shown as one of them. An engine in this process has none.

use std::time::Duration;

use crate::client::status::{CallStatus, EngineStatus};
use crate::client::{Reply, SessionError};
use crate::domain::snapshot::Connection;
use crate::tui::format;

/// How often it is asked for.
const EVERY: Duration = Duration::from_secs(5);
/// An answer that takes longer than this is none.
const SILENT: Duration = Duration::from_secs(2);

/// What is known of it.
#[derive(Debug, Default)]
pub struct Beat {
    /// When it was asked for and has not answered since.
    asked: Option<Duration>,
    /// The newest answer: when it came, how long it took, what it said.
    answered: Option<(Duration, Duration, Box<EngineStatus>)>,
    /// There is no process of its own to ask.
    absent: bool,
}

impl Beat {
    /// Is it to be asked for now.
    pub fn ask(&mut self, now: Duration) -> bool {
        let due = self.answered.as_ref().is_none_or(|(when, ..)| now >= *when + EVERY);
        let ask = !self.absent && self.asked.is_none() && due;
        if ask {
            self.asked = Some(now);
        }
        ask
    }

    /// The answer.
    pub fn take(&mut self, reply: Result<Reply, SessionError>, now: Duration) {
        let took = now.saturating_sub(self.asked.take().unwrap_or(now));
        match reply {
            Ok(Reply::Engine(status)) => self.answered = Some((now, took, status)),
            // The line broke, which the screen says by itself; it is asked again a little later.
            Err(SessionError::Gone) => {
                if let Some((when, ..)) = &mut self.answered {
                    *when = now;
                }
            }
            _ => self.absent = true,
        }
    }

    /// When there is something to do or to say.
    pub fn due(&self) -> Option<Duration> {
        match (self.asked, &self.answered) {
            _ if self.absent => None,
            (Some(asked), _) => Some(asked + SILENT),
            (None, Some((when, ..))) => Some(*when + EVERY),
            (None, None) => None,
        }
    }

    /// As one of the connections; none where there is nothing to say.
    pub fn connection(&self, now: Duration) -> Option<Connection> {
        let (_, took, status) = self.answered.as_ref()?;
        let silent = self.asked.map(|asked| now.saturating_sub(asked)).filter(|silent| *silent >= SILENT);
        let text = match silent {
            Some(silent) => format!("no answer for {} s", silent.as_secs()),
            None => words(status),
        };
        let mut connection = Connection::new(super::ENGINE, silent.is_none(), &text);
        connection.latency_ms = u32::try_from(took.as_millis()).ok();
        Some(connection)
    }

    /// Everything that is known of it.
    pub fn details(&self) -> Vec<(String, String)> {
        let Some((_, _, status)) = &self.answered else { return Vec::new() };
        let mut pairs = vec![
            ("process".to_owned(), format!("{}, build {}", status.pid, status.build)),
            ("since".to_owned(), format::age(status.uptime_seconds)),
            ("attached".to_owned(), status.clients.len().to_string()),
            ("requests open".to_owned(), status.calls_open.to_string()),
        ];
        pairs.extend(status.stays_for.iter().map(|why| ("stays for".to_owned(), why.clone())));
        let queue = |queue: &crate::client::status::QueueStatus| {
            (format!("queue {}", queue.name), format!("{} of {} wait", queue.waiting, queue.limit))
        };
        pairs.extend(status.queues.iter().map(queue));
        pairs.extend(
            status.broker_calls.iter().map(|call| (format!("broker {}", call.name), call_text(call))),
        );
        pairs.extend(status.calls.iter().map(|call| (format!("request {}", call.name), call_text(call))));
        pairs
    }
}

fn words(status: &EngineStatus) -> String {
    let memory = status.memory_bytes.map(|bytes| format!("{} MB", bytes / 1_000_000)).unwrap_or_default();
    let waiting: u32 = status.queues.iter().map(|queue| queue.waiting).sum();
    let parts = [format!("up {}", format::age(status.uptime_seconds)), memory, format!("{waiting} waiting")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn call_text(call: &CallStatus) -> String {
    let milliseconds = |us: u64| format!("{:.1}", us as f64 / 1_000.0);
    let errors = if call.errors == 0 { String::new() } else { format!(", {} failed", call.errors) };
    format!(
        "{}{errors}, half in {} ms, 99 of 100 in {} ms",
        call.count,
        milliseconds(call.p50_us),
        milliseconds(call.p99_us)
    )
}
