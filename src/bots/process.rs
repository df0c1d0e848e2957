//! One bot and its process: started from what was approved, told what happens, watched, ended, and started again. It never waits for a bot
//! that does not read, and takes nothing on trust that one writes.

use std::collections::VecDeque;
use std::process::ExitStatus;
use std::sync::Arc;

use futures_util::StreamExt;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::domain::account::AccountMode;
use crate::domain::bot::{BotPhase, BotState};
use crate::domain::instrument::Instrument;
use crate::domain::text::clean;
use crate::strategies::BotNews;

use super::approval::{ScanError, scan};
use super::cage::unenforced;
use super::house::{FromBot, Said, Slow, Start, ToBot};
use super::life::Life;
use super::lines::LOG_CHARS_MAX;
use super::log::Log;
use super::manifest::{Manifest, PROTOCOL, RestartPolicy};
use super::memory::Crashes;
use super::protocol::{self, Incoming};
use super::scope::Scope;
use super::watch::signal_all;

/// What is kept for a bot while it is down.
const KEPT_MAX: usize = 1_000;
/// How long a bot may take to end when it is asked to.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// How long after that it may take to end when it is told to.
const TERM_WITHIN: Duration = Duration::from_secs(2);
/// How often a bot is asked whether it lives.
pub const PING_EVERY: Duration = Duration::from_secs(10);
/// How long the engine may take to answer a bot: a broker's history takes its time.
pub const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
/// Pings in a row that it may leave unanswered.
const MISSES_MAX: u32 = 3;
/// How often its processes are looked at, and what is shown of it changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Lines that are kept of what it says while it ends.
const LAST_WORDS_MAX: usize = 100;
/// The exit code by which a bot says that its configuration is wrong: it is not started again.
const EXIT_CONFIGURATION: i32 = 78;

/// How a life ended.
#[derive(Debug)]
pub(super) enum End {
    /// It was asked to.
    Stopped,
    /// By itself, well.
    Finished,
    /// Badly; it may be started again.
    Crashed(String),
    /// It must not be started again.
    Failed(String),
}

/// Keeps one bot running.
pub(super) struct Supervisor {
    pub(super) start: Start,
    inbox: mpsc::Receiver<ToBot>,
    pub(super) out: mpsc::Sender<FromBot>,
    stop: watch::Receiver<bool>,
    slow: Arc<Slow>,
    crashes: Crashes,
    pub(super) state: BotState,
    log: Log,
    pub(super) next_ask: u64,
    /// What waits until it can be told.
    pub(super) kept: VecDeque<BotNews>,
    group: Option<u32>,
}

impl Supervisor {
    pub(super) fn new(
        start: Start,
        inbox: mpsc::Receiver<ToBot>,
        out: mpsc::Sender<FromBot>,
        stop: watch::Receiver<bool>,
        slow: Arc<Slow>,
    ) -> Self {
        let log = Log::of(&start.profile, &start.strategy);
        Self {
            start,
            inbox,
            out,
            stop,
            slow,
            crashes: Crashes::default(),
            state: BotState::default(),
            log,
            next_ask: 1,
            kept: VecDeque::new(),
            group: None,
        }
    }

    pub(super) async fn say(&self, said: Said) {
        // Without an engine nobody needs to know.
        drop(self.out.send(FromBot { strategy: self.start.strategy.clone(), said }).await);
    }

    pub(super) async fn enter(&mut self, phase: BotPhase, reason: Option<String>) {
        (self.state.phase, self.state.reason) = (phase, reason.clone());
        self.state.pid =
            self.group.filter(|_| !matches!(phase, BotPhase::Stopped | BotPhase::Backoff | BotPhase::Failed));
        let text = reason.map_or_else(|| phase.to_string(), |reason| format!("{phase}: {reason}"));
        self.write_log("arbion", &text);
        self.say(Said::State(self.state.clone())).await;
    }

    pub(super) fn write_log(&mut self, level: &str, text: &str) {
        let line: String = clean(text).chars().take(LOG_CHARS_MAX).collect();
        self.log.write((self.start.clock)(), level, &line);
        if level != "arbion" {
            self.state.last_line = Some(line);
        }
    }

    /// Runs it, over as many lives as it takes, until it is stopped, has finished, or needs a person.
    pub(super) async fn run(&mut self) {
        loop {
            let began = Instant::now();
            let end = self.one_life().await;
            self.sweep(Signal::SIGKILL);
            let policy = self.policy();
            let reason = match end {
                End::Stopped => return self.enter(BotPhase::Stopped, None).await,
                End::Finished if policy != RestartPolicy::Always => {
                    self.enter(BotPhase::Stopped, Some("it has finished".to_owned())).await;
                    return self.say(Said::Finished).await;
                }
                End::Finished => "it has finished".to_owned(),
                End::Crashed(reason) if policy != RestartPolicy::Never => reason,
                End::Crashed(reason) | End::Failed(reason) => return self.fail(reason).await,
            };
            let chance =
                self.start.seed.wrapping_mul(6_364_136_223_846_793_005).rotate_left(self.crashes.all % 64);
            let Some(delay) = self.crashes.add(began.elapsed(), chance) else {
                return self.fail(format!("it ended badly 5 times within 10 minutes; last: {reason}")).await;
            };
            self.state.crashes = self.crashes.all;
            let cancels = self.manifest().is_none_or(|manifest| manifest.cancels_on_stop);
            self.say(Said::Down { reason: reason.clone(), cancels }).await;
            let seconds = delay.as_millis() / 1_000;
            self.enter(BotPhase::Backoff, Some(format!("{reason}; it starts again in {seconds} s"))).await;
            if !self.wait(delay).await {
                return self.enter(BotPhase::Stopped, None).await;
            }
        }
    }

    fn manifest(&self) -> Option<Manifest> {
        scan(&self.start.profile, &self.start.bot).ok().map(|scan| scan.manifest)
    }

    fn policy(&self) -> RestartPolicy {
        self.manifest().map(|manifest| manifest.restart).unwrap_or_default()
    }

    async fn fail(&mut self, reason: String) {
        self.enter(BotPhase::Failed, Some(reason.clone())).await;
        self.say(Said::Failed(reason)).await;
    }

    /// Waits, and keeps what must be told later. False when it is to stop.
    async fn wait(&mut self, delay: Duration) -> bool {
        let over = sleep(delay);
        let mut stop = self.stop.clone();
        tokio::pin!(over);
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => return false,
                () = &mut over => return true,
                word = self.inbox.recv() => match word {
                    None => return false,
                    Some(ToBot::News(news)) => self.keep(*news),
                    Some(ToBot::Params(params)) => self.start.params = params,
                    // Whoever asked is gone.
                    Some(ToBot::Answer { .. }) => {}
                },
            }
        }
    }

    /// Keeps what it must be told once it can be, the newest of it.
    pub(super) fn keep(&mut self, news: BotNews) {
        if !news.is_kept() {
            return;
        }
        // However often it came due meanwhile, it is one run.
        if let BotNews::Due { schedule, .. } = &news {
            let same = |kept: &BotNews| matches!(kept, BotNews::Due { schedule: of, .. } if of == schedule);
            self.kept.retain(|kept| !same(kept));
        }
        if self.kept.len() >= KEPT_MAX {
            self.kept.pop_front();
            self.write_log("arbion", "too much happened while it was down; the oldest is not told");
        }
        self.kept.push_back(news);
    }

    /// The engine ends.
    pub(super) async fn end_now(&mut self) {
        if self.group.is_none() {
            return;
        }
        self.sweep(Signal::SIGTERM);
        sleep(Duration::from_millis(300)).await;
        self.sweep(Signal::SIGKILL);
    }

    /// Sends a signal to its process, to its group and to whatever it has started.
    fn sweep(&mut self, signal: Signal) {
        let Some(root) = self.group else { return };
        signal_all(root, signal);
        if signal == Signal::SIGKILL {
            self.group = None;
        }
    }

    async fn one_life(&mut self) -> End {
        self.enter(BotPhase::Starting, None).await;
        let (profile, bot) = (self.start.profile.clone(), self.start.bot.clone());
        let looked = move || {
            let scan = scan(&profile, &bot)?;
            let scope = Scope::find(&scan.manifest.limits);
            Ok::<_, ScanError>((scan, scope))
        };
        let (scan, scope) = match tokio::task::spawn_blocking(looked).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return End::Failed(error.to_string()),
            Err(error) => return End::Crashed(error.to_string()),
        };
        if scan.fingerprint != self.start.fingerprint {
            let bot = &self.start.bot;
            return End::Failed(format!(
                "bot {bot} is not what was approved; see what changed: arbion bot approve {bot}"
            ));
        }
        (self.state.progress, self.state.metrics) = (None, std::collections::BTreeMap::new());
        self.state.unenforced = unenforced(scan.manifest.network);
        let (mut life, pid) = match Life::spawn(&self.start.runner, &self.start.bot, &scan, scope.as_ref()) {
            Ok(spawned) => spawned,
            Err(error) => return End::Crashed(format!("no process: {error}")),
        };
        self.group = Some(pid);
        let held = if scope.is_some() { "held by a scope of systemd" } else { "watched" };
        self.write_log("arbion", &format!("its memory and processor time are {held}"));
        let params = match scan.params.read(&self.start.params) {
            Ok(params) => params,
            Err(error) => return End::Failed(error.to_string()),
        };
        self.greet(&mut life, params);
        self.enter(BotPhase::Starting, None).await;
        let end = self.live(&mut life).await;
        match end {
            End::Stopped => self.put_to_rest(&mut life).await,
            end => end,
        }
    }

    fn greet(&self, life: &mut Life, params: serde_json::Map<String, Value>) {
        let restored: Option<Value> =
            self.start.memory.as_deref().and_then(|memory| serde_json::from_str(memory).ok());
        let instruments: Vec<String> = self.start.instruments.iter().map(Instrument::key).collect();
        let hello = json!({
            "protocol": PROTOCOL, "name": self.start.strategy, "bot": self.start.bot, "params": params,
            "mode": match self.start.mode {
                AccountMode::Paper => "paper",
                AccountMode::Live => "live",
            },
            "clock": "system", "now": (self.start.clock)().to_string(), "instruments": instruments,
            "interval": self.start.interval.as_str(), "restored_state": restored,
        });
        let within = Duration::from_secs(u64::from(life.manifest.limits.start_s));
        life.ask("initialize", &hello, within);
    }

    /// Until it ends, or must be ended.
    async fn live(&mut self, life: &mut Life) -> End {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (slow, mut stop) = (Arc::clone(&self.slow), self.stop.clone());
        loop {
            let full = life.writer.clone();
            let end = tokio::select! {
                biased;
                () = stopped(&mut stop) => Some(End::Stopped),
                () = slow.said() => slow.take().then(too_slow),
                status = life.child.wait() => Some(self.ended(life, status).await),
                _ = looks.tick() => self.look(life).await,
                permit = full.reserve(), if life.has_words() => match permit {
                    Ok(permit) => {
                        if let Some(line) = life.next_line((self.start.clock)()) {
                            permit.send(line);
                        }
                        None
                    }
                    // It has closed its ears; its end is seen in a moment, or it hangs.
                    Err(_) => {
                        life.queue.clear();
                        life.prices.clear();
                        None
                    }
                },
                word = self.inbox.recv() => match word {
                    None => Some(End::Stopped),
                    Some(word) => self.hear(life, word),
                },
                line = life.lines.next() => match line {
                    Some(line) => self.line(life, line).await,
                    // It has closed its mouth.
                    None => {
                        let ended = timeout(TERM_WITHIN, life.child.wait()).await;
                        Some(match ended {
                            Ok(status) => self.ended(life, status).await,
                            Err(_) => End::Crashed("it has closed its output and lives on".to_owned()),
                        })
                    }
                },
                line = life.log_lines.next(), if life.log_is_open => self.log_line(life, line),
            };
            if let Some(end) = end {
                return end;
            }
        }
    }

    /// Its process has ended by itself. What it still had to say is in its log.
    async fn ended(&mut self, life: &mut Life, status: std::io::Result<ExitStatus>) -> End {
        let rest = async {
            while let Some(line) = life.log_lines.next().await {
                if life.budget.log.add(1)
                    && let Ok(line) = line
                {
                    self.write_log("stderr", &line);
                }
            }
        };
        drop(timeout(Duration::from_millis(300), rest).await);
        let last = self.state.last_line.clone().map(|line| format!(" ({line})")).unwrap_or_default();
        match status {
            Ok(status) if status.success() => End::Finished,
            Ok(status) if status.code() == Some(EXIT_CONFIGURATION) => {
                End::Failed(format!("it says that its configuration is wrong{last}"))
            }
            Ok(status) => End::Crashed(format!("{status}{last}")),
            Err(error) => End::Crashed(error.to_string()),
        }
    }

    /// Each second: what it uses, what it owes, what is shown of it.
    async fn look(&mut self, life: &mut Life) -> Option<End> {
        if self.slow.take() {
            return Some(too_slow());
        }
        if let Some(too_much) = life.dog.look() {
            return Some(End::Crashed(too_much));
        }
        let now = Instant::now();
        let late: Vec<u64> =
            life.ours.iter().filter(|(_, (_, until))| *until <= now).map(|(id, _)| *id).collect();
        for id in late {
            match life.ours.remove(&id) {
                Some(("initialize", _)) => {
                    let seconds = life.manifest.limits.start_s;
                    return Some(End::Crashed(format!("it did not answer initialize within {seconds} s")));
                }
                Some(("start", _)) => {
                    return Some(End::Crashed("it did not answer start in time".to_owned()));
                }
                Some(("ping", _)) => life.misses += 1,
                Some(("evaluate", _)) => {
                    let millis = life.manifest.limits.reply_ms;
                    let text =
                        format!("it did not answer evaluate within {millis} ms; what it wanted is dropped");
                    self.write_log("arbion", &text);
                }
                _ => {}
            }
        }
        for text in life.give_up(now) {
            self.write_log("arbion", &text);
        }
        if life.misses >= MISSES_MAX {
            return Some(End::Crashed(format!("it hangs: {MISSES_MAX} pings were not answered")));
        }
        if now.duration_since(life.pinged) >= self.start.ping_every && self.state.phase == BotPhase::Running {
            life.pinged = now;
            let nonce = json!({"nonce": life.next_request});
            life.ask("ping", &nonce, self.start.ping_every);
        }
        self.evaluate_next(life);
        let state = Said::State(self.state.clone());
        // A picture that finds no room is followed by another.
        drop(self.out.try_send(FromBot { strategy: self.start.strategy.clone(), said: state }));
        None
    }

    /// Asks it to end, then tells it to, then ends it.
    async fn put_to_rest(&mut self, life: &mut Life) -> End {
        self.enter(BotPhase::Stopping, None).await;
        let millis = STOP_WITHIN.as_millis();
        let stop = json!({"reason": "stopped", "deadline_ms": u64::try_from(millis).unwrap_or_default()});
        life.ask("stop", &stop, STOP_WITHIN);
        let mut last_words = Vec::new();
        let clock = Arc::clone(&self.start.clock);
        let polite = async {
            loop {
                let writer = life.writer.clone();
                tokio::select! {
                    biased;
                    permit = writer.reserve(), if life.has_words() => match permit {
                        Ok(permit) => if let Some(line) = life.next_line(clock()) { permit.send(line) },
                        Err(_) => life.queue.clear(),
                    },
                    // What it says to the end is taken from it, so that it can end.
                    line = life.lines.next() => match line {
                        Some(Ok(line)) if last_words.len() < LAST_WORDS_MAX => last_words.push(line),
                        Some(_) => {}
                        None => return drop(life.child.wait().await),
                    },
                    line = life.log_lines.next(), if life.log_is_open => life.log_is_open = line.is_some(),
                }
            }
        };
        let ended = timeout(STOP_WITHIN, polite).await.is_ok();
        for line in last_words {
            if let Ok(Incoming::Notice { method, params }) = protocol::read(&line) {
                self.notice(life, &method, &params);
            }
        }
        if !ended {
            self.write_log("arbion", "it did not end when asked to");
            self.sweep(Signal::SIGTERM);
            if timeout(TERM_WITHIN, life.child.wait()).await.is_err() {
                self.write_log("arbion", "it did not end when told to, and is killed");
            }
        }
        End::Stopped
    }
}

/// Until it is to stop; whoever could say so may be gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

pub(super) fn too_slow() -> End {
    End::Crashed("BOT_SLOW: it does not read what it is told".to_owned())
}
