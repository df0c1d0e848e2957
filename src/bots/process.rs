//! One bot and its process: started from what was approved, told what happens, watched, ended, and started again. It never waits for a bot
//! that does not read, and takes nothing on trust that one writes.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use futures_util::StreamExt;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};

use crate::domain::bot::{BotPhase, BotState};
use crate::domain::instrument::Instrument;
use crate::domain::text::clean;
use crate::strategies::{BotNews, BotWant};

use super::approval::{DATA, Scan, scan};
use super::cage::{Cage, unenforced};
use super::house::{FromBot, Said, Slow, Start, ToBot};
use super::lines::{Budget, LOG_CHARS_MAX};
use super::log::Log;
use super::manifest::{DataRight, Manifest, PROTOCOL, RestartPolicy};
use super::memory::Crashes;
use super::protocol::{self, Asked, BotQuery, Incoming, LINE_MAX, OUTSTANDING_MAX, RpcError};
use super::watch::{TASKS_MAX, Watchdog, members};

/// Words that may wait for a bot that does not read; prices are not counted, of those only the newest waits.
const QUEUE_MAX: usize = 1_024;
/// What is kept for a bot while it is down.
const KEPT_MAX: usize = 1_000;
/// How long a bot may take to end when it is asked to.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// How long after that it may take to end when it is told to.
const TERM_WITHIN: Duration = Duration::from_secs(2);
/// How often a bot is asked whether it lives.
const PING_EVERY: Duration = Duration::from_secs(10);
/// Pings in a row that it may leave unanswered.
const MISSES_MAX: u32 = 3;
/// How often its processes are looked at, and what is shown of it changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Bytes of a line of its log.
const LOG_LINE_MAX: usize = 16 * 1024;
/// The exit code by which a bot says that its configuration is wrong: it is not started again.
const EXIT_CONFIGURATION: i32 = 78;

/// How a life ended.
#[derive(Debug)]
enum End {
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
    start: Start,
    inbox: mpsc::Receiver<ToBot>,
    out: mpsc::Sender<FromBot>,
    stop: watch::Receiver<bool>,
    slow: Arc<Slow>,
    crashes: Crashes,
    state: BotState,
    log: Log,
    next_ask: u64,
    /// What waits until it can be told.
    kept: VecDeque<BotNews>,
    group: Option<u32>,
}

/// A process that runs.
struct Life {
    manifest: Manifest,
    child: Child,
    pid: u32,
    lines: FramedRead<ChildStdout, LinesCodec>,
    log_lines: FramedRead<ChildStderr, LinesCodec>,
    writer: mpsc::Sender<String>,
    /// What is to be written, oldest first.
    queue: VecDeque<String>,
    /// Prices that are to be written once nothing else is.
    prices: BTreeMap<Instrument, BotNews>,
    /// Its requests that the engine has not answered: our number, its number, what it then remembers.
    asks: BTreeMap<u64, (Value, Option<String>)>,
    /// Our requests that it has not answered: what they are, and until when it has time.
    ours: BTreeMap<u64, (&'static str, Instant)>,
    next_request: u64,
    budget: Budget,
    dog: Watchdog,
    pinged: Instant,
    misses: u32,
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

    async fn say(&self, said: Said) {
        // Without an engine nobody needs to know.
        drop(self.out.send(FromBot { strategy: self.start.strategy.clone(), said }).await);
    }

    async fn enter(&mut self, phase: BotPhase, reason: Option<String>) {
        (self.state.phase, self.state.reason) = (phase, reason.clone());
        self.state.pid =
            self.group.filter(|_| !matches!(phase, BotPhase::Stopped | BotPhase::Backoff | BotPhase::Failed));
        let text = reason.map_or_else(|| phase.to_string(), |reason| format!("{phase}: {reason}"));
        self.write_log("arbion", &text);
        self.say(Said::State(self.state.clone())).await;
    }

    fn write_log(&mut self, level: &str, text: &str) {
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
    fn keep(&mut self, news: BotNews) {
        if !news.is_kept() {
            return;
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
        let ids = members(root);
        let Ok(group) = i32::try_from(root) else { return };
        // Who is gone already needs no signal.
        killpg(Pid::from_raw(group), signal).unwrap_or_default();
        for id in ids.into_iter().filter(|id| *id != group) {
            kill(Pid::from_raw(id), signal).unwrap_or_default();
        }
        if signal == Signal::SIGKILL {
            self.group = None;
        }
    }

    async fn one_life(&mut self) -> End {
        self.enter(BotPhase::Starting, None).await;
        let (profile, bot) = (self.start.profile.clone(), self.start.bot.clone());
        let scanned = tokio::task::spawn_blocking(move || scan(&profile, &bot)).await;
        let scan = match scanned {
            Ok(Ok(scan)) => scan,
            Ok(Err(error)) => return End::Failed(error.to_string()),
            Err(error) => return End::Crashed(error.to_string()),
        };
        if scan.fingerprint != self.start.fingerprint {
            let bot = &self.start.bot;
            return End::Failed(format!(
                "bot {bot} is not what was approved; see what changed: arbion bot approve {bot}"
            ));
        }
        self.state.unenforced = unenforced(scan.manifest.network);
        let mut life = match self.spawn(&scan) {
            Ok(life) => life,
            Err(error) => return End::Crashed(format!("no process: {error}")),
        };
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

    fn spawn(&mut self, scan: &Scan) -> std::io::Result<Life> {
        std::fs::create_dir_all(scan.directory.join(DATA))?;
        let manifest = &scan.manifest;
        let cage = cage_of(scan)?;
        let mut command = Command::new(&self.start.runner);
        command.args(["bot-exec", self.start.bot.as_str(), &serde_json::to_string(&cage)?]);
        command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        let mut child = command.spawn()?;
        let gone = || std::io::Error::other("it ended at once");
        let pid = child.id().ok_or_else(gone)?;
        self.group = Some(pid);
        let stdin = child.stdin.take().ok_or_else(gone)?;
        let stdout = child.stdout.take().ok_or_else(gone)?;
        let stderr = child.stderr.take().ok_or_else(gone)?;
        let (writer, lines_out) = mpsc::channel(8);
        tokio::spawn(write_lines(stdin, lines_out));
        Ok(Life {
            budget: Budget::new(manifest.limits.log_lines_per_s, manifest.max_orders_per_minute),
            dog: Watchdog::new(pid, cage.memory, manifest.limits.cpu_pct),
            manifest: manifest.clone(),
            child,
            pid,
            lines: FramedRead::new(stdout, LinesCodec::new_with_max_length(LINE_MAX)),
            log_lines: FramedRead::new(stderr, LinesCodec::new_with_max_length(LOG_LINE_MAX)),
            writer,
            queue: VecDeque::new(),
            prices: BTreeMap::new(),
            asks: BTreeMap::new(),
            ours: BTreeMap::new(),
            next_request: 1,
            pinged: Instant::now(),
            misses: 0,
        })
    }

    fn greet(&self, life: &mut Life, params: serde_json::Map<String, Value>) {
        let restored: Option<Value> =
            self.start.memory.as_deref().and_then(|memory| serde_json::from_str(memory).ok());
        let instruments: Vec<String> = self.start.instruments.iter().map(Instrument::key).collect();
        let hello = json!({
            "protocol": PROTOCOL, "name": self.start.strategy, "bot": self.start.bot, "params": params,
            "mode": match self.start.mode {
                crate::domain::account::AccountMode::Paper => "paper",
                crate::domain::account::AccountMode::Live => "live",
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
                line = life.log_lines.next(), if !life.budget_is_spent() => self.log_line(life, line),
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
                _ => {}
            }
        }
        if life.misses >= MISSES_MAX {
            return Some(End::Crashed(format!("it hangs: {MISSES_MAX} pings were not answered")));
        }
        if now.duration_since(life.pinged) >= PING_EVERY && self.state.phase == BotPhase::Running {
            life.pinged = now;
            let nonce = json!({"nonce": life.next_request});
            life.ask("ping", &nonce, PING_EVERY);
        }
        let state = Said::State(self.state.clone());
        // A picture that finds no room is followed by another.
        drop(self.out.try_send(FromBot { strategy: self.start.strategy.clone(), said: state }));
        None
    }

    /// Something for it.
    fn hear(&mut self, life: &mut Life, word: ToBot) -> Option<End> {
        match word {
            ToBot::Answer { ask, result } => {
                let (id, memory) = life.asks.remove(&ask)?;
                if result.is_ok() && memory.is_some() {
                    self.start.memory = memory;
                }
                life.queue.push_back(protocol::answer(&id, result));
            }
            ToBot::Params(params) => {
                self.start.params = params;
                // It begins anew with them, which is a thing that every bot can do.
                return Some(End::Crashed("it has other parameters".to_owned()));
            }
            ToBot::News(news) if self.state.phase != BotPhase::Running => self.keep(*news),
            ToBot::News(news) => life.tell(*news, (self.start.clock)()),
        }
        (life.queue.len() > QUEUE_MAX).then(too_slow)
    }

    async fn line(&mut self, life: &mut Life, line: Result<String, LinesCodecError>) -> Option<End> {
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

    async fn reply(&mut self, life: &mut Life, id: u64, result: Result<Value, String>) -> Option<End> {
        let (what, _) = life.ours.remove(&id)?;
        match (what, result) {
            ("initialize", Ok(answer)) => {
                if let Err(reason) = life.check_subscriptions(&answer, self.start.interval) {
                    return Some(End::Failed(reason));
                }
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
                None
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

    fn notice(&mut self, life: &mut Life, method: &str, params: &serde_json::Map<String, Value>) {
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
            "metric" | "progress" => {
                let value = Value::Object(params.clone()).to_string();
                self.write_log(if method == "metric" { "metric" } else { "progress" }, &value);
            }
            other => self.write_log("arbion", &format!("it says '{other}', which means nothing here")),
        }
    }

    fn tell_dropped(&mut self, life: &mut Life) {
        let dropped = std::mem::take(&mut life.budget.dropped);
        if dropped > 0 {
            self.write_log("arbion", &format!("{dropped} lines were dropped: it logs too much"));
        }
    }

    fn log_line(&mut self, life: &mut Life, line: Option<Result<String, LinesCodecError>>) -> Option<End> {
        let text = match line {
            None => {
                life.budget.dropped = 0;
                life.log_closed();
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
    fn forward(
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
        let said = Said::Ask { ask, asked };
        self.out
            .try_send(FromBot { strategy: self.start.strategy.clone(), said })
            .map_err(|_| RpcError::rate("the engine is busy", 1_000))?;
        self.next_ask += 1;
        life.asks.insert(ask, (id, memory));
        Ok(())
    }

    /// Asks it to end, then tells it to, then ends it.
    async fn put_to_rest(&mut self, life: &mut Life) -> End {
        self.enter(BotPhase::Stopping, None).await;
        let millis = STOP_WITHIN.as_millis();
        let stop = json!({"reason": "stopped", "deadline_ms": u64::try_from(millis).unwrap_or_default()});
        life.ask("stop", &stop, STOP_WITHIN);
        let polite = async {
            loop {
                let writer = life.writer.clone();
                tokio::select! {
                    biased;
                    status = life.child.wait() => return drop(status),
                    permit = writer.reserve(), if life.has_words() => match permit {
                        Ok(permit) => if let Some(line) = life.next_line((self.start.clock)()) { permit.send(line) },
                        Err(_) => life.queue.clear(),
                    },
                    // What it says to the end is taken from it, so that it can end.
                    line = life.lines.next() => if line.is_none() { return drop(life.child.wait().await) },
                    line = life.log_lines.next() => if line.is_none() { return drop(life.child.wait().await) },
                }
            }
        };
        if timeout(STOP_WITHIN, polite).await.is_err() {
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

fn too_slow() -> End {
    End::Crashed("BOT_SLOW: it does not read what it is told".to_owned())
}

impl Life {
    /// Asks it something, which it has so long to answer.
    fn ask(&mut self, method: &'static str, params: &Value, within: Duration) {
        let id = self.next_request;
        self.next_request += 1;
        self.ours.insert(id, (method, Instant::now() + within));
        self.queue.push_back(protocol::request(id, method, params));
    }

    fn has_words(&self) -> bool {
        !self.queue.is_empty() || !self.prices.is_empty()
    }

    /// The next line for it: what was said in order, then prices.
    fn next_line(&mut self, now: jiff::Timestamp) -> Option<String> {
        self.queue.pop_front().or_else(|| {
            let (_, news) = self.prices.pop_first()?;
            let (method, value) = protocol::news(now, &news);
            Some(protocol::notice(method, &value))
        })
    }

    fn tell(&mut self, news: BotNews, now: jiff::Timestamp) {
        if !self.is_wanted(&news) {
            return;
        }
        if let Some(instrument) = news.conflates() {
            self.prices.insert(instrument.clone(), news);
            return;
        }
        let (method, value) = protocol::news(now, &news);
        self.queue.push_back(protocol::notice(method, &value));
    }

    /// May it be told.
    fn is_wanted(&self, news: &BotNews) -> bool {
        match news {
            BotNews::Bar { instrument, interval, .. } => {
                self.manifest.data.contains(&DataRight::Bars(*interval)) && self.manifest.knows(instrument)
            }
            BotNews::Quote(quote) => {
                self.manifest.data.contains(&DataRight::Quotes) && self.manifest.knows(&quote.instrument)
            }
            _ => true,
        }
    }

    /// May it ask for such a thing, and so often.
    fn may_ask(&mut self, asked: &Asked) -> Result<(), RpcError> {
        let forbidden =
            |what: String| Err(RpcError::new(-32_001, format!("its permissions forbid it: {what}")));
        match asked {
            Asked::Query(BotQuery::Bars { instrument, interval, .. }) => {
                if !self.manifest.data.contains(&DataRight::Bars(*interval)) {
                    return forbidden(format!("data has no bars:{interval}"));
                }
                if !self.manifest.knows(instrument) {
                    return forbidden(format!("{instrument} is none of its instruments"));
                }
            }
            Asked::Query(BotQuery::Quote(instrument)) => {
                if !self.manifest.data.contains(&DataRight::Quotes) {
                    return forbidden("data has no quotes".to_owned());
                }
                if !self.manifest.knows(instrument) {
                    return forbidden(format!("{instrument} is none of its instruments"));
                }
            }
            // An exit is never too many: what keeps it from being one is the core.
            Asked::Want(BotWant::Place { proposal, .. }) if !proposal.reduce_only => {
                if !self.budget.orders.add(1) {
                    let left = u64::try_from(self.budget.orders.left().as_millis()).unwrap_or(60_000);
                    let most = self.manifest.max_orders_per_minute;
                    return Err(RpcError::rate(format!("{most} orders a minute are allowed"), left));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What it says that it wants to be told must be what it is told.
    fn check_subscriptions(
        &self,
        answer: &Value,
        interval: crate::domain::quote::Interval,
    ) -> Result<(), String> {
        if answer["schedule"].as_array().is_some_and(|schedule| !schedule.is_empty()) {
            return Err("it wants a schedule, which bots do not have; it can act on bars".to_owned());
        }
        for wanted in answer["subscriptions"].as_array().into_iter().flatten().take(QUEUE_MAX) {
            let wide = wanted["interval"].as_str().unwrap_or(interval.as_str());
            if wanted["kind"] == "bars" && wide != interval.as_str() {
                let wide: String = clean(wide).chars().take(8).collect();
                return Err(format!("it wants bars:{wide}, and its strategy is fed bars:{interval}"));
            }
        }
        Ok(())
    }

    /// Is there no more to be read of it in this minute.
    fn budget_is_spent(&self) -> bool {
        self.pid == 0
    }

    /// Its log has come to its end: nothing more is asked of it.
    fn log_closed(&mut self) {
        self.pid = 0;
    }
}

/// The cage of a bot, for a process of this one's.
pub(super) fn cage_of(scan: &Scan) -> std::io::Result<Cage> {
    let manifest = &scan.manifest;
    let mib = |count: u32| u64::from(count) * 1024 * 1024;
    Ok(Cage {
        directory: std::fs::canonicalize(&scan.directory)?,
        command: manifest.command.clone(),
        variables: manifest.variables.clone(),
        zone: "UTC".to_owned(),
        parent: i32::try_from(std::process::id()).unwrap_or_default(),
        memory: mib(manifest.limits.memory_mb),
        open_files: u64::from(manifest.limits.open_files),
        file: mib(manifest.limits.file_mb),
        processes: TASKS_MAX + user_tasks(),
        network: manifest.network,
    })
}

/// Tasks that the user of this process has now: the limit of a bot counts all of them.
fn user_tasks() -> u64 {
    let Ok(entries) = std::fs::read_dir("/proc") else { return 0 };
    let threads = |entry: std::io::Result<std::fs::DirEntry>| -> Option<u64> {
        let path: PathBuf = entry.ok()?.path();
        path.file_name()?.to_str()?.parse::<u32>().ok()?;
        let status = std::fs::read_to_string(path.join("status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("Threads:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    entries.filter_map(threads).sum()
}

async fn write_lines(mut stdin: ChildStdin, mut lines: mpsc::Receiver<String>) {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        // Its end is seen elsewhere.
        if stdin.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}
