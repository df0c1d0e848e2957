//! What a bot says, line by line, and what it is told: nothing of it is taken on trust.

use serde_json::{Value, json};
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Duration, Instant};
use tokio_util::codec::LinesCodecError;

use crate::domain::bot::{BotPhase, METRICS_MAX};
use crate::domain::text::clean;
use crate::strategies::BotWant;

use super::house::{FromBot, Said, ToBot};
use super::life::{Asking, Life, QUEUE_MAX};
use super::process::{End, Supervisor, too_slow};
use super::protocol::{self, Asked, Incoming, LINE_MAX, OUTSTANDING_MAX, RpcError};

/// Characters of a metric's name or value, and of a progress.
const SHORT_MAX: usize = 40;

impl Supervisor {
    /// Something for it.
    pub(super) fn hear(&mut self, life: &mut Life, word: ToBot) -> Option<End> {
        match word {
            ToBot::Answer { ask, result } if life.looking.as_ref().is_some_and(|of| of.ask == ask) => {
                self.seen(life, result);
            }
            ToBot::Answer { ask, result } => {
                let Asking { id, memory, until, .. } = life.asks.remove(&ask)?;
                if result.is_ok() && memory.is_some() {
                    self.start.memory = memory;
                }
                // It was told already that nobody answered.
                until?;
                match result {
                    Err(error) if id.is_null() => {
                        let text = format!("of its evaluation: {} ({})", error.message, error.code);
                        self.write_log("arbion", &text);
                    }
                    _ if id.is_null() => {}
                    result => {
                        let mut line = protocol::answer(&id, result);
                        if line.len() >= LINE_MAX {
                            let text = format!("the answer has {} bytes; ask for less", line.len());
                            line = protocol::answer(&id, Err(RpcError::params(text)));
                        }
                        life.queue.push_back(line);
                    }
                }
            }
            ToBot::Params(params) => {
                self.start.params = params;
                if life.takes_params
                    && let Ok(params) = life.schema.read(&self.start.params)
                {
                    let within = Duration::from_millis(u64::from(life.manifest.limits.reply_ms));
                    life.ask("params_changed", &json!({"params": params}), within);
                    return None;
                }
                // It begins anew with them, which is a thing that every bot can do.
                return Some(End::Crashed("it has other parameters".to_owned()));
            }
            ToBot::News(news) if self.state.phase != BotPhase::Running => self.keep(*news),
            ToBot::News(news) => {
                life.tell(*news, (self.start.clock)());
                self.evaluate_next(life);
            }
        }
        (life.queue.len() > QUEUE_MAX).then(too_slow)
    }

    pub(super) async fn line(
        &mut self,
        life: &mut Life,
        line: Result<String, LinesCodecError>,
    ) -> Option<End> {
        let line = match line {
            Ok(line) => line,
            Err(LinesCodecError::MaxLineLengthExceeded) => {
                return Some(End::Crashed("it wrote a line of more than 1 MiB".to_owned()));
            }
            Err(error) => return Some(End::Crashed(format!("its output cannot be read: {error}"))),
        };
        if !life.budget.bytes.add(line.len() + 1) {
            return Some(End::Crashed("it wrote more than 16 MiB within a minute".to_owned()));
        }
        match protocol::read(&line) {
            Err(error) => {
                self.write_log("arbion", &format!("no message: {} ({line})", error.message));
                life.queue.push_back(protocol::answer(&Value::Null, Err(error)));
                let many = !life.budget.errors.add(1);
                many.then(|| {
                    End::Crashed("it wrote 10 lines within a minute that are no messages".to_owned())
                })
            }
            Ok(Incoming::Reply { id, result }) => self.reply(life, id, result).await,
            Ok(Incoming::Notice { method, params }) => {
                self.notice(life, &method, &params);
                None
            }
            Ok(Incoming::Request { id, method, params }) => {
                if let Err(error) = self.forward(life, id.clone(), &method, params) {
                    life.queue.push_back(protocol::answer(&id, Err(error)));
                }
                (life.queue.len() > QUEUE_MAX).then(too_slow)
            }
        }
    }

    pub(super) async fn reply(
        &mut self,
        life: &mut Life,
        id: u64,
        result: Result<Value, String>,
    ) -> Option<End> {
        let (what, _) = life.ours.remove(&id)?;
        match (what, result) {
            ("initialize", Ok(answer)) => {
                if let Err(reason) = life.check_subscriptions(&answer, self.start.interval) {
                    return Some(End::Failed(reason));
                }
                match protocol::schedules(&answer["schedule"]) {
                    Ok(schedules) => {
                        let asked = Asked::Want(BotWant::Schedule(schedules));
                        self.say(Said::Ask { ask: 0, asked }).await;
                    }
                    Err(error) => return Some(End::Failed(error.message)),
                }
                life.takes_params = answer["capabilities"]["params_changed"] == true;
                self.enter(BotPhase::Ready, None).await;
                let within = Duration::from_millis(u64::from(life.manifest.limits.reply_ms));
                life.ask("start", &json!({}), within);
                None
            }
            ("start", Ok(_)) => {
                self.enter(BotPhase::Running, None).await;
                for news in std::mem::take(&mut self.kept) {
                    life.tell(news, (self.start.clock)());
                }
                self.evaluate_next(life);
                None
            }
            ("evaluate", answer) => {
                self.evaluated(life, answer);
                self.evaluate_next(life);
                None
            }
            ("params_changed", Err(message)) => {
                let text = format!("it does not take its parameters: {}", clean(&message));
                Some(End::Crashed(text))
            }
            ("initialize" | "start", Err(message)) => {
                let message = clean(&message).into_owned();
                Some(End::Failed(format!("it refuses to start: {message}")))
            }
            ("ping", _) => {
                life.misses = 0;
                None
            }
            _ => None,
        }
    }

    pub(super) fn notice(&mut self, life: &mut Life, method: &str, params: &serde_json::Map<String, Value>) {
        let text = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        if !life.budget.log.add(1) {
            life.budget.dropped += 1;
            return;
        }
        self.tell_dropped(life);
        match method {
            "log" => {
                let level = match params.get("level").and_then(Value::as_str) {
                    Some("debug") => "debug",
                    Some("warning" | "warn") => "warning",
                    Some("error") => "error",
                    _ => "info",
                };
                self.write_log(level, &text("text"));
            }
            "alert" => {
                self.write_log("alert", &text("text"));
                let asked = Asked::Want(BotWant::Alert(text("text")));
                // Nobody waits for its answer.
                let said = Said::Ask { ask: 0, asked };
                drop(self.out.try_send(FromBot { strategy: self.start.strategy.clone(), said }));
            }
            "metric" => {
                let (name, value) = (short(params.get("name")), short(params.get("value")));
                self.write_log("metric", &format!("{name}={value}"));
                if name.is_empty() || !self.state.measure(name, value) {
                    self.write_log(
                        "arbion",
                        &format!("a metric has a name, and a bot {METRICS_MAX} at most"),
                    );
                }
            }
            "progress" => {
                let percent = params.get("percent").and_then(Value::as_f64);
                let percent = percent.map(|percent| format!("{:.0} %", percent.clamp(0.0, 100.0)));
                let words = Some(short(params.get("text"))).filter(|words| !words.is_empty());
                let said: Vec<String> = percent.into_iter().chain(words).collect();
                self.write_log("progress", &said.join(" "));
                self.state.progress = (!said.is_empty()).then(|| said.join(" "));
            }
            other => self.write_log("arbion", &format!("it says '{other}', which means nothing here")),
        }
    }

    pub(super) fn tell_dropped(&mut self, life: &mut Life) {
        let dropped = std::mem::take(&mut life.budget.dropped);
        if dropped > 0 {
            self.write_log("arbion", &format!("{dropped} lines were dropped: it logs too much"));
        }
    }

    pub(super) fn log_line(
        &mut self,
        life: &mut Life,
        line: Option<Result<String, LinesCodecError>>,
    ) -> Option<End> {
        let text = match line {
            None => {
                life.log_is_open = false;
                return None;
            }
            Some(Ok(text)) => text,
            Some(Err(LinesCodecError::MaxLineLengthExceeded)) => "(a line that is too long)".to_owned(),
            Some(Err(LinesCodecError::Io(error))) => format!("(its log cannot be read: {error})"),
        };
        if !life.budget.bytes.add(text.len() + 1) {
            return Some(End::Crashed("it wrote more than 16 MiB within a minute".to_owned()));
        }
        if life.budget.log.add(1) {
            self.tell_dropped(life);
            self.write_log("stderr", &text);
        } else {
            life.budget.dropped += 1;
        }
        None
    }

    /// Hands a request to the engine, where the bot may ask for such a thing.
    pub(super) fn forward(
        &mut self,
        life: &mut Life,
        id: Value,
        method: &str,
        params: serde_json::Map<String, Value>,
    ) -> Result<(), RpcError> {
        if life.asks.len() >= OUTSTANDING_MAX {
            return Err(RpcError::rate(
                format!("{OUTSTANDING_MAX} requests wait for an answer already"),
                100,
            ));
        }
        let asked = protocol::asked(method, params)?;
        life.may_ask(&asked)?;
        if self.state.phase != BotPhase::Running && matches!(asked, Asked::Want(BotWant::Place { .. })) {
            return Err(RpcError::new(-32_004, "it has not started yet"));
        }
        let ask = self.next_ask;
        let memory = match &asked {
            Asked::Want(BotWant::Remember(json)) => Some(json.clone()),
            _ => None,
        };
        let trades =
            matches!(asked, Asked::Want(BotWant::Place { .. } | BotWant::Replace(..) | BotWant::Cancel(_)));
        let until = Some(Instant::now() + self.start.answers_within);
        let said = Said::Ask { ask, asked };
        self.out.try_send(FromBot { strategy: self.start.strategy.clone(), said }).map_err(|error| {
            match error {
                TrySendError::Full(_) => RpcError::rate("the engine is busy", 1_000),
                TrySendError::Closed(_) => RpcError::new(-32_603, "the engine is gone"),
            }
        })?;
        self.next_ask += 1;
        life.asks.insert(ask, Asking { id, memory, trades, until });
        Ok(())
    }
}

/// A text or a number of a bot's, short and clean.
fn short(value: Option<&Value>) -> String {
    let text = match value {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => String::new(),
    };
    clean(&text).chars().take(SHORT_MAX).collect()
}
