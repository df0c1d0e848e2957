//! One process of a bot while it runs: its pipes, what is to be written, what it owes and is owed, what it may ask.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use jiff::Timestamp;
use serde_json::Value;
use smol_str::SmolStr;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant};
use tokio_util::codec::{FramedRead, LinesCodec};

use crate::domain::instrument::Instrument;
use crate::domain::quote::Interval;
use crate::domain::text::clean;
use crate::strategies::{BotNews, BotWant};

use super::approval::{DATA, Scan};
use super::cage::Cage;
use super::lines::Budget;
use super::manifest::Manifest;
use super::params::ParamSchema;
use super::protocol::{self, Asked, LINE_MAX, RpcError};
use super::scope::Scope;
use super::watch::{TASKS_MAX, Watchdog};

/// Words that may wait for a bot that does not read; prices are not counted, of those only the newest waits.
pub(super) const QUEUE_MAX: usize = 1_024;
/// Bytes of a line of its log.
const LOG_LINE_MAX: usize = 16 * 1024;

/// A request of a bot's that the engine has.
pub(super) struct Asking {
    /// Its number; null where it asked by the answer to another question, and hears nothing of it.
    pub(super) id: Value,
    /// What it remembers once it is answered.
    pub(super) memory: Option<String>,
    /// It may change an order.
    pub(super) trades: bool,
    /// Until when it is answered; absent once it was told that nobody did.
    pub(super) until: Option<Instant>,
}

/// The engine is asked for what a bot is evaluated over.
pub(super) struct Looking {
    /// Our number.
    pub(super) ask: u64,
    /// What has come due, and when.
    pub(super) due: (SmolStr, Timestamp),
    /// Until when it is answered.
    pub(super) until: Instant,
}

/// A process that runs.
pub(super) struct Life {
    pub(super) manifest: Manifest,
    pub(super) child: Child,
    /// Its log has not come to its end.
    pub(super) log_is_open: bool,
    pub(super) lines: FramedRead<ChildStdout, LinesCodec>,
    pub(super) log_lines: FramedRead<ChildStderr, LinesCodec>,
    pub(super) writer: mpsc::Sender<String>,
    /// What is to be written, oldest first.
    pub(super) queue: VecDeque<String>,
    /// Prices that are to be written once nothing else is.
    pub(super) prices: BTreeMap<Instrument, BotNews>,
    /// Its requests that the engine has not answered, by our number.
    pub(super) asks: BTreeMap<u64, Asking>,
    /// Our requests that it has not answered: what they are, and until when it has time.
    pub(super) ours: BTreeMap<u64, (&'static str, Instant)>,
    pub(super) next_request: u64,
    pub(super) budget: Budget,
    pub(super) dog: Watchdog,
    pub(super) pinged: Instant,
    pub(super) misses: u32,
    /// What it is to be evaluated for: the newest due time of each schedule.
    pub(super) due: BTreeMap<SmolStr, Timestamp>,
    /// The question for what it is evaluated over, and the due time that it is for.
    pub(super) looking: Option<Looking>,
    /// What its parameters are read by.
    pub(super) schema: ParamSchema,
    /// It takes other parameters without beginning anew.
    pub(super) takes_params: bool,
}

impl Life {
    /// Starts a process of what was approved; `runner` cages it and becomes it, within a scope where there is one. Its process's id comes with
    /// it.
    pub(super) fn spawn(
        runner: &Path,
        bot: &str,
        scan: &Scan,
        scope: Option<&Scope>,
    ) -> std::io::Result<(Self, u32)> {
        std::fs::create_dir_all(scan.directory.join(DATA))?;
        let manifest = &scan.manifest;
        let cage = cage_of(scan)?;
        let mut command = match scope {
            None => Command::new(runner),
            Some(_) => {
                let (program, words) = Scope::command(&manifest.limits);
                let mut command = Command::new(program);
                command.args(words).arg(runner);
                command
            }
        };
        command.args(["bot-exec", bot, &serde_json::to_string(&cage)?]);
        command
            .env_clear()
            .envs(scope.into_iter().flat_map(Scope::environment))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.kill_on_drop(true);
        let mut child = command.spawn()?;
        let gone = || std::io::Error::other("it ended at once");
        let pid = child.id().ok_or_else(gone)?;
        let stdin = child.stdin.take().ok_or_else(gone)?;
        let stdout = child.stdout.take().ok_or_else(gone)?;
        let stderr = child.stderr.take().ok_or_else(gone)?;
        let (writer, lines_out) = mpsc::channel(8);
        tokio::spawn(write_lines(stdin, lines_out));
        let life = Self {
            budget: Budget::new(manifest.limits.log_lines_per_s, manifest.max_orders_per_minute),
            // Who is held to so much time uses all of it at times.
            dog: Watchdog::new(pid, cage.memory, scope.map_or(manifest.limits.cpu_pct, |_| u32::MAX)),
            manifest: manifest.clone(),
            child,
            log_is_open: true,
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
            due: BTreeMap::new(),
            looking: None,
            schema: scan.params.clone(),
            takes_params: false,
        };
        Ok((life, pid))
    }

    /// Asks it something, which it has so long to answer.
    pub(super) fn ask(&mut self, method: &'static str, params: &Value, within: Duration) {
        let id = self.next_request;
        self.next_request += 1;
        self.ours.insert(id, (method, Instant::now() + within));
        self.queue.push_back(protocol::request(id, method, params));
    }

    pub(super) fn has_words(&self) -> bool {
        !self.queue.is_empty() || !self.prices.is_empty()
    }

    /// Is it asked something of this kind, and has not answered.
    pub(super) fn owes(&self, method: &str) -> bool {
        self.ours.values().any(|(asked, _)| *asked == method)
    }

    /// The next line for it: what was said in order, then prices.
    pub(super) fn next_line(&mut self, now: Timestamp) -> Option<String> {
        self.queue.pop_front().or_else(|| {
            let (_, news) = self.prices.pop_first()?;
            let (method, value) = protocol::news(now, &news);
            Some(protocol::notice(method, &value))
        })
    }

    pub(super) fn tell(&mut self, news: BotNews, now: Timestamp) {
        if let BotNews::Due { schedule, due_at } = news {
            self.due.insert(schedule, due_at);
            return;
        }
        if !self.manifest.hears(&news) {
            return;
        }
        if let Some(instrument) = news.conflates() {
            self.prices.insert(instrument.clone(), news);
            return;
        }
        let (method, value) = protocol::news(now, &news);
        self.queue.push_back(protocol::notice(method, &value));
    }

    /// Requests of its that the engine has not answered in time: what is asked for a look is told that it is late, what may have become an
    /// order that nobody knows. A line of its log for each that hears nothing of it.
    pub(super) fn give_up(&mut self, now: Instant) -> Vec<String> {
        let late: Vec<u64> = self
            .asks
            .iter()
            .filter(|(_, asking)| asking.until.is_some_and(|until| until <= now))
            .map(|(number, _)| *number)
            .collect();
        let mut said = Vec::new();
        for number in late {
            let Some(mut asking) = self.asks.remove(&number) else { continue };
            let error = overdue(asking.trades);
            if asking.id.is_null() {
                said.push(format!("of its evaluation: {} ({})", error.message, error.code));
            } else {
                self.queue.push_back(protocol::answer(&asking.id, Err(error)));
            }
            // What it remembers may have been written all the same: a late answer says so.
            if asking.memory.is_some() {
                asking.until = None;
                self.asks.insert(number, asking);
            }
        }
        if let Some(looking) = self.looking.take_if(|looking| looking.until <= now) {
            said.push(format!("it was not evaluated for {}: the engine did not answer", looking.due.0));
        }
        said
    }

    /// May it ask for such a thing, and so often.
    pub(super) fn may_ask(&mut self, asked: &Asked) -> Result<(), RpcError> {
        match asked {
            Asked::Query(query) => self.manifest.may_look(query),
            // An exit is never too many: what keeps it from being one is the core.
            Asked::Want(BotWant::Place { proposal, .. })
                if !proposal.reduce_only && !self.budget.orders.add(1) =>
            {
                let left = u64::try_from(self.budget.orders.left().as_millis()).unwrap_or(60_000);
                let most = self.manifest.max_orders_per_minute;
                Err(RpcError::rate(format!("{most} orders a minute are allowed"), left))
            }
            Asked::Want(_) => Ok(()),
        }
    }

    /// What it says that it wants to be told must be what it is told.
    pub(super) fn check_subscriptions(&self, answer: &Value, interval: Interval) -> Result<(), String> {
        for wanted in answer["subscriptions"].as_array().into_iter().flatten().take(QUEUE_MAX) {
            let wide = wanted["interval"].as_str().unwrap_or(interval.as_str());
            if wanted["kind"] == "bars" && wide != interval.as_str() {
                let wide: String = clean(wide).chars().take(8).collect();
                return Err(format!("it wants bars:{wide}, and its strategy is fed bars:{interval}"));
            }
        }
        Ok(())
    }
}

/// What a bot is told of a request that the engine has not answered.
fn overdue(trades: bool) -> RpcError {
    if trades {
        let text = "the engine has not answered; what became of it is told as news of the order";
        return RpcError::unknown(text, None);
    }
    RpcError::new(-32_006, "the engine has not answered in time")
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
