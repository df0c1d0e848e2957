//! The tables of bots and their versions, and what is approved of one.

use jiff::tz::TimeZone;

use super::format::time;
use super::table::{Align, Cell, Table, Tone};
use crate::domain::bot::{Approval, BotPhase, BotPlan, BotVersion, BotView};

/// Characters of a fingerprint that are shown.
const FINGERPRINT_SHOWN: usize = 16;

/// Bots, by name.
#[must_use]
pub fn bots(views: &[BotView]) -> Table {
    let columns = [
        ("bot", Align::Left),
        ("files", Align::Left),
        ("version", Align::Right),
        ("orders", Align::Left),
        ("strategies", Align::Left),
        ("process", Align::Left),
        ("crashes", Align::Right),
        ("last", Align::Left),
    ];
    let empty = "no bots; make one with: arbion bot new NAME";
    let mut table = Table::new(&columns, empty).without_first(&["crashes", "orders", "version"]);
    for view in views {
        let tone = match view.approval {
            Approval::Approved => Tone::Good,
            Approval::Never | Approval::Changed => Tone::Dim,
            Approval::Unreadable => Tone::Bad,
        };
        let phase = view.state.as_ref().map(|state| state.phase).unwrap_or_default();
        let process = match phase {
            BotPhase::Running => Tone::Good,
            BotPhase::Failed | BotPhase::Backoff => Tone::Bad,
            _ => Tone::Dim,
        };
        let strategies: Vec<&str> = view.strategies.iter().map(smol_str::SmolStr::as_str).collect();
        let state = view.state.as_ref();
        let last = view
            .problem
            .clone()
            .or_else(|| state.and_then(|state| state.reason.clone()))
            .or_else(|| state.and_then(|state| state.last_line.clone()));
        table.push(vec![
            Cell::new(&view.name),
            Cell::new(view.approval.as_str()).tone(tone),
            Cell::new(view.version.map(|version| version.to_string()).unwrap_or_default()),
            Cell::new(view.orders.map(|orders| orders.to_string()).unwrap_or_default()),
            Cell::new(strategies.join(", ")),
            Cell::new(phase.as_str()).tone(process),
            Cell::new(state.map(|state| state.crashes.to_string()).unwrap_or_default()),
            Cell::new(last.unwrap_or_default()),
        ]);
    }
    table
}

/// What a person approves, line by line.
#[must_use]
pub fn plan(plan: &BotPlan) -> Vec<String> {
    let mut lines = vec![match plan.diff.is_empty() {
        true => format!("bot {} is approved as it is, version {}", plan.name, plan.version),
        false => format!("bot {} would be version {}; what changes:", plan.name, plan.version),
    }];
    lines.extend(plan.diff.iter().cloned());
    lines.extend(plan.unenforced.iter().map(|line| format!("note: {line}")));
    lines.push(format!("fingerprint {}", shortened(&plan.fingerprint)));
    lines
}

fn shortened(fingerprint: &str) -> String {
    fingerprint.chars().take(FINGERPRINT_SHOWN).collect()
}

/// Approved versions, newest first.
#[must_use]
pub fn versions(versions: &[BotVersion], zone: &TimeZone) -> Table {
    let columns = [
        ("version", Align::Right),
        ("approved", Align::Left),
        ("fingerprint", Align::Left),
        ("files", Align::Left),
    ];
    let mut table = Table::new(&columns, "no version was ever approved");
    for version in versions {
        let files: Vec<&str> = version.files.keys().map(String::as_str).collect();
        table.push(vec![
            Cell::new(version.version.to_string()),
            Cell::new(time(version.approved_at, zone)),
            Cell::new(shortened(&version.fingerprint)),
            Cell::new(files.join(", ")),
        ]);
    }
    table
}
