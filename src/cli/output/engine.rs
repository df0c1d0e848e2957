//! How an engine is doing, as tables.

use jiff::tz::TimeZone;

use super::format::time;
use super::table::{Align, Table};
use crate::client::status::{CallStatus, EngineStatus};
use crate::client::wire::ClientKind;
use crate::domain::limits::TradingState;

/// The engine, who is attached, and how long requests took.
#[must_use]
pub fn engine(status: &EngineStatus, zone: &TimeZone) -> Vec<Table> {
    let mut facts = Table::new(&[("engine", Align::Left), ("", Align::Left)], "");
    let mut fact = |name: &str, value: String| facts.push(vec![name.to_owned().into(), value.into()]);
    fact("profile", status.profile.to_string());
    fact("process", format!("{}, build {}, protocol {}", status.pid, status.build, status.protocol));
    fact("up", format!("{}, since {}", duration(status.uptime_seconds), time(status.started_at, zone)));
    if let Some(bytes) = status.memory_bytes {
        fact("memory", format!("{}.{} MiB", bytes >> 20, ((bytes & 0xF_FFFF) * 10) >> 20));
    }
    let trading = match status.trading_state {
        TradingState::Active => "",
        TradingState::ReducingOnly => ", only closing trades go out",
        TradingState::Halted => ", halted",
    };
    fact("orders", format!("{} working{trading}", status.working_orders));
    fact("positions", status.positions.to_string());
    let stays = status.stays_for.as_deref();
    fact("stays", stays.map_or_else(|| "while somebody is attached".to_owned(), |why| format!("for {why}")));
    fact("socket", status.socket.clone());
    let mut clients =
        Table::new(&[("attached", Align::Left), ("process", Align::Right), ("since", Align::Left)], "");
    for client in &status.clients {
        let kind = match client.client {
            ClientKind::Screen => "screen",
            ClientKind::Command => "command",
        };
        clients.push(vec![kind.into(), client.pid.to_string().into(), time(client.since, zone).into()]);
    }
    let mut queues =
        Table::new(&[("queue", Align::Left), ("waiting", Align::Right), ("room for", Align::Right)], "");
    for queue in &status.queues {
        queues.push(vec![
            queue.name.to_string().into(),
            queue.waiting.to_string().into(),
            queue.limit.to_string().into(),
        ]);
    }
    vec![
        facts,
        clients,
        calls("request", &status.calls, "no request has been answered yet"),
        calls("broker call", &status.broker_calls, "no broker has been called yet"),
        queues,
    ]
}

/// Calls of one kind, with how long they took.
fn calls(kind: &'static str, calls: &[CallStatus], none: &'static str) -> Table {
    let mut table = Table::new(
        &[
            (kind, Align::Left),
            ("count", Align::Right),
            ("errors", Align::Right),
            ("p50 ms", Align::Point),
            ("p99 ms", Align::Point),
        ],
        none,
    );
    let milliseconds = |us: u64| format!("{}.{:03}", us / 1_000, us % 1_000);
    for call in calls {
        table.push(vec![
            call.name.to_string().into(),
            call.count.to_string().into(),
            call.errors.to_string().into(),
            milliseconds(call.p50_us).into(),
            milliseconds(call.p99_us).into(),
        ]);
    }
    table
}

/// A length of time in its two largest units.
fn duration(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_two_units() {
        let shown: Vec<String> = [5, 65, 3_700, 90_000].into_iter().map(duration).collect();
        assert_eq!(shown, ["5 s", "1 min 5 s", "1 h 1 min", "1 d 1 h"]);
    }
}
