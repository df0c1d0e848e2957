//! A bot is evaluated when one of its schedules is due: over its orders, positions, money and prices as they are then. Its answer is what it
//! wants done, and passes what every request of its passes. One evaluation at a time: what comes due meanwhile is one run afterwards.

use serde_json::{Map, Value, json};
use tokio::time::{Duration, Instant};

use crate::domain::bot::BotPhase;
use crate::domain::text::clean;

use super::house::{FromBot, Said};
use super::life::{Life, Looking};
use super::process::Supervisor;
use super::protocol::{Asked, BotQuery, OUTSTANDING_MAX, RpcError};

/// A method with its parameters, or what is wrong with it.
pub(super) type Wanted = Result<(&'static str, Map<String, Value>), RpcError>;

/// Characters of a note that are kept.
const NOTE_MAX: usize = 200;

impl Supervisor {
    /// Asks for what it is to be evaluated over, where something is due and nothing of the kind is under way.
    pub(super) fn evaluate_next(&mut self, life: &mut Life) {
        let busy = life.looking.is_some() || life.owes("evaluate");
        if busy || self.state.phase != BotPhase::Running {
            return;
        }
        let Some((schedule, due_at)) = life.due.pop_first() else { return };
        let ask = self.next_ask;
        let said = Said::Ask { ask, asked: Asked::Query(BotQuery::Snapshot) };
        match self.out.try_send(FromBot { strategy: self.start.strategy.clone(), said }) {
            Ok(()) => {
                self.next_ask += 1;
                let until = Instant::now() + self.start.answers_within;
                life.looking = Some(Looking { ask, due: (schedule, due_at), until });
            }
            // The engine is busy: the next look tries again.
            Err(_) => drop(life.due.insert(schedule, due_at)),
        }
    }

    /// What it is to be evaluated over has come.
    pub(super) fn seen(&mut self, life: &mut Life, snapshot: Result<Value, RpcError>) {
        let Some(Looking { due: (schedule, due_at), .. }) = life.looking.take() else { return };
        match snapshot {
            Ok(snapshot) => {
                let asked = json!({
                    "due": due_at.to_string(), "schedule": schedule.as_str(), "snapshot": snapshot,
                    "now": (self.start.clock)().to_string(),
                });
                let within = Duration::from_millis(u64::from(life.manifest.limits.reply_ms));
                life.ask("evaluate", &asked, within);
            }
            Err(error) => self.write_log("arbion", &format!("it was not evaluated: {}", error.message)),
        }
    }

    /// Its answer: orders and cancels, each as if it had asked for it by itself, and a note for its log.
    pub(super) fn evaluated(&mut self, life: &mut Life, answer: Result<Value, String>) {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let text = format!("its evaluation failed: {}", clean(&error));
                return self.write_log("arbion", &text);
            }
        };
        if let Some(note) = answer["note"].as_str().filter(|note| !note.is_empty()) {
            let note: String = note.chars().take(NOTE_MAX).collect();
            self.write_log("note", &note);
        }
        let wanted: Vec<Wanted> = wanted(&answer).collect();
        let more = wanted.len().saturating_sub(OUTSTANDING_MAX);
        for one in wanted.into_iter().take(OUTSTANDING_MAX) {
            let done = one.and_then(|(method, params)| self.forward(life, Value::Null, method, params));
            if let Err(error) = done {
                self.write_log("arbion", &format!("of its evaluation: {} ({})", error.message, error.code));
            }
        }
        if more > 0 {
            let text = format!("{more} orders of its evaluation were dropped, {OUTSTANDING_MAX} are allowed");
            self.write_log("arbion", &text);
        }
    }
}

/// Cancels first, so that what they free may be used.
pub(super) fn wanted(answer: &Value) -> impl Iterator<Item = Wanted> {
    let of = |name: &str, method: &'static str| {
        let list = answer[name].as_array().cloned().unwrap_or_default();
        list.into_iter().map(move |item| match item {
            Value::Object(params) => Ok((method, params)),
            Value::String(tag) if method == "order.cancel" => {
                Ok((method, Map::from_iter([("client_tag".to_owned(), Value::String(tag))])))
            }
            _ => Err(RpcError::params(format!("{method}: an order is one object"))),
        })
    };
    of("cancels", "order.cancel").chain(of("orders", "order.place"))
}
