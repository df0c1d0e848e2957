//! A bot that a run tells things and evaluates, one after the other: each is answered before the next one comes, so that two runs are the
//! same. What it asks for meanwhile is answered by whoever drives the run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use smol_str::SmolStr;

use crate::bots::approval::Scan;
use crate::bots::evaluate::wanted as wanted_of;
use crate::bots::manifest::{Manifest, PROTOCOL};
use crate::bots::protocol::{self, Asked, RpcError};
use crate::domain::bot::{BotTerms, OrderRight};
use crate::domain::instrument::Instrument;
use crate::domain::quote::Interval;
use crate::strategies::{BotNews, BotWant, Schedule};

use super::process::{Ends, Process};
use super::{Fate, ReplayError};

/// What a bot is started with in a run.
pub struct Start<'a> {
    /// This program, which cages it.
    pub runner: &'a Path,
    /// What was approved.
    pub scan: &'a Scan,
    /// What it trades.
    pub instruments: &'a [Instrument],
    /// Width of its bars.
    pub interval: Interval,
    /// Parameters as typed.
    pub params: &'a BTreeMap<String, String>,
    /// Does whoever watches want it to end.
    pub ends: Ends,
}

/// Answers what a bot asks for. What it says about its schedules is kept by the head itself.
pub type Answers<'a> = &'a mut dyn FnMut(Asked) -> Result<Value, RpcError>;

/// The process of a bot, and what it said of itself.
pub struct ReplayedHead {
    name: SmolStr,
    manifest: Manifest,
    process: Process,
    ends: Ends,
    /// When it wants to be evaluated.
    schedules: Vec<Schedule>,
    fate: Fate,
}

impl ReplayedHead {
    /// Starts a bot that was approved.
    ///
    /// # Errors
    /// When it cannot be started, or does not answer.
    pub fn start(start: &Start<'_>) -> Result<Self, ReplayError> {
        let bot = &start.scan.manifest.name;
        let failed = |reason: String| ReplayError::Start { bot: bot.clone(), reason };
        start.scan.manifest.fits(start.instruments, start.interval).map_err(&failed)?;
        let params = start.scan.params.read(start.params).map_err(|error| failed(error.to_string()))?;
        let process = Process::spawn(start.runner, start.scan, Arc::clone(&start.ends))
            .map_err(|error| failed(error.to_string()))?;
        let mut head = Self {
            name: bot.as_str().into(),
            manifest: start.scan.manifest.clone(),
            process,
            ends: Arc::clone(&start.ends),
            schedules: Vec::new(),
            fate: Fate::default(),
        };
        head.greet(start, params).map_err(failed)?;
        Ok(head)
    }

    fn greet(&mut self, start: &Start<'_>, params: Map<String, Value>) -> Result<(), String> {
        let instruments: Vec<String> = start.instruments.iter().map(Instrument::key).collect();
        let hello = json!({
            "protocol": PROTOCOL, "name": self.name, "bot": self.name, "params": params,
            "mode": "backtest", "clock": "replay", "now": Timestamp::UNIX_EPOCH.to_string(),
            "instruments": instruments, "interval": start.interval.as_str(), "restored_state": null,
        });
        let within = Duration::from_secs(u64::from(self.manifest.limits.start_s));
        let mut early = |_| Err(RpcError::new(-32_004, "the data has not begun"));
        let answer = self.ask("initialize", &hello, within, &mut early)?;
        self.schedules = protocol::schedules(&answer["schedule"]).map_err(|error| error.message)?;
        self.ask("start", &json!({}), within, &mut early).map(drop)
    }

    /// What it may do. Nothing is sent anywhere: what it would do shows before it may. What is measured is the bot, and not the day's loss at
    /// which somebody would have stopped it.
    #[must_use]
    pub fn terms(&self) -> BotTerms {
        let terms = self.manifest.terms(1);
        BotTerms { orders: terms.orders.max(OrderRight::Paper), max_daily_loss: None, ..terms }
    }

    /// When it wants to be evaluated.
    #[must_use]
    pub fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &SmolStr {
        &self.name
    }

    /// What has become of it, for whoever reads the result.
    #[must_use]
    pub fn fate(&self) -> Fate {
        self.fate.clone()
    }

    /// It failed, or was not waited for any longer: the run counts for nothing.
    pub fn fails(&self, at: Timestamp, reason: String) {
        if (self.ends)() {
            return self.fate.set(ReplayError::Ended);
        }
        self.fate.set(ReplayError::Failed { bot: self.name.to_string(), at, reason });
    }

    fn reply_within(&self) -> Duration {
        Duration::from_millis(u64::from(self.manifest.limits.reply_ms))
    }

    /// Tells it something that it may be told, and waits until it is done with it.
    ///
    /// # Errors
    /// When it does not read or answer, has ended, or says what is no message.
    pub fn tell(&mut self, now: Timestamp, news: &BotNews, answers: Answers<'_>) -> Result<(), String> {
        if !self.manifest.hears(news) {
            return Ok(());
        }
        let (method, params) = protocol::news(now, news);
        let within = self.reply_within();
        self.process.write(protocol::notice(method, &params), Instant::now() + within)?;
        // It has done with the news once it answers this. A ping would not do: that may be answered in between.
        self.ask("evaluate", &json!({"due": null, "now": now.to_string()}), within, answers).map(drop)
    }

    /// Evaluates it over a picture. What it then wants is asked for as if it had done so itself.
    ///
    /// # Errors
    /// As `tell`.
    pub fn evaluate(
        &mut self,
        now: Timestamp,
        (schedule, due_at): (&str, Timestamp),
        snapshot: &Value,
        answers: Answers<'_>,
    ) -> Result<(), String> {
        let asked = json!({"due": due_at.to_string(), "schedule": schedule, "snapshot": snapshot, "now": now.to_string()});
        let within = self.reply_within();
        let answer = self.ask("evaluate", &asked, within, answers)?;
        for wanted in wanted_of(&answer) {
            // What is refused is its own to look at, as where it trades.
            let _refused = wanted.and_then(|(method, params)| {
                answered(&self.manifest, &mut self.schedules, (method, params), answers)
            });
        }
        Ok(())
    }

    fn ask(
        &mut self,
        method: &str,
        params: &Value,
        within: Duration,
        answers: Answers<'_>,
    ) -> Result<Value, String> {
        let (manifest, schedules) = (&self.manifest, &mut self.schedules);
        let mut answering = |method: &str, params| answered(manifest, schedules, (method, params), answers);
        self.process.ask(method, params, within, &mut answering)
    }
}

/// Answers one request: what it may not look at is refused, what it remembers and says is taken, the rest is for whoever drives the run.
fn answered(
    manifest: &Manifest,
    schedules: &mut Vec<Schedule>,
    (method, params): (&str, Map<String, Value>),
    answers: Answers<'_>,
) -> Result<Value, RpcError> {
    let done = || Ok(json!({"status": "done"}));
    match protocol::asked(method, params)? {
        Asked::Want(BotWant::Remember(_) | BotWant::Alert(_)) => done(),
        Asked::Want(BotWant::Schedule(wanted)) => {
            *schedules = wanted;
            done()
        }
        Asked::Query(query) => {
            manifest.may_look(&query)?;
            answers(Asked::Query(query))
        }
        want => answers(want),
    }
}
