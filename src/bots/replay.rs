//! A bot in a backtest: the same process, cage, terms and messages, driven one input after the other. Each bar is answered before the next
//! one comes, and the clock is that of the data, so that two runs are the same.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::domain::account::AccountMode;
use crate::domain::bot::{BotOrder, BotTerms, OrderRight};
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::quote::{Bar, Interval};
use crate::domain::text::clean;
use crate::strategies::schedule::{Firing, Timetable};
use crate::strategies::{
    Books, BotOrderName, BotWant, Decision, Head, Output, Proposal, Schedule, Strategy, StrategyInput,
    news_of,
};

use super::approval::{DATA, Scan};
use super::evaluate::wanted as wanted_of;
use super::manifest::Manifest;
use super::protocol::{self, Asked, BotQuery, Incoming, LINE_MAX, RpcError};

/// Bars of an instrument that are kept to be asked for.
const BARS_KEPT: usize = protocol::BARS_MAX;
/// Requests that a bot may make at one bar.
const REQUESTS_MAX: usize = 10_000;
/// Orders that it may make at one bar, as the host has it.
const ORDERS_MAX: usize = 50;

/// A backtest that ended because of its bot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// It could not be started.
    #[error("bot {bot} cannot be started: {reason}")]
    Start {
        /// Which.
        bot: String,
        /// Why.
        reason: String,
    },
    /// It ended, or did what no bot may.
    #[error("bot {bot} failed at {at}: {reason}")]
    Failed {
        /// Which.
        bot: String,
        /// The time by the data.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

/// What has become of a bot in a backtest, for whoever reads the result.
#[derive(Clone, Debug, Default)]
pub struct Fate(Arc<Mutex<Option<ReplayError>>>);

impl Fate {
    /// Why the run counts for nothing; `None` where it counts.
    #[must_use]
    pub fn failure(&self) -> Option<ReplayError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, error: ReplayError) {
        let mut fate = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fate.get_or_insert(error);
    }
}

/// A bot that answers one input after the other.
#[derive(Debug)]
pub struct Replayed {
    head: Head,
    manifest: Manifest,
    terms: BotTerms,
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<Result<String, String>>,
    next_request: u64,
    /// Bars that were told, the newest.
    bars: BTreeMap<Instrument, Vec<Bar>>,
    interval: Interval,
    /// When it wants to be evaluated, and its timetable since the data has begun.
    wanted: Vec<Schedule>,
    timetable: Option<Timetable>,
    /// Its tags, with what was proposed under each and the order that it became.
    tags: BTreeMap<String, (Proposal, Option<ClientOrderId>)>,
    held: BTreeMap<Instrument, Decimal>,
    fate: Fate,
}

impl Replayed {
    /// Starts a bot that was approved, for these instruments, with parameters as typed. `runner` is this program.
    ///
    /// # Errors
    /// When it cannot be started, or does not answer.
    pub fn start(
        runner: &Path,
        scan: &Scan,
        instruments: Vec<Instrument>,
        interval: Interval,
        params: &BTreeMap<String, String>,
    ) -> Result<(Self, Fate), ReplayError> {
        let bot = scan.manifest.name.clone();
        let failed = |reason: String| ReplayError::Start { bot: bot.clone(), reason };
        let params = scan.params.read(params).map_err(|error| failed(error.to_string()))?;
        let io = |error: std::io::Error| failed(error.to_string());
        std::fs::create_dir_all(scan.directory.join(DATA)).map_err(io)?;
        let cage = super::life::cage_of(scan).map_err(io)?;
        let cage = serde_json::to_string(&cage).map_err(|error| failed(error.to_string()))?;
        let mut child = Command::new(runner)
            .args(["bot-exec", &bot, &cage])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(io)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("it has no pipes".to_owned()));
        };
        let (lines_in, lines) = sync_channel(256);
        std::thread::Builder::new()
            .name("bot-reader".to_owned())
            .spawn(move || read_lines(BufReader::new(stdout), &lines_in))
            .map_err(io)?;
        let fate = Fate::default();
        let mut terms = scan.manifest.terms(1);
        // Nothing is sent anywhere: what it would do shows before it may.
        terms.orders = terms.orders.max(OrderRight::Paper);
        let mut replayed = Self {
            head: Head::new("bot", bot.as_str().into(), instruments),
            manifest: scan.manifest.clone(),
            terms,
            child,
            stdin,
            lines,
            next_request: 1,
            bars: BTreeMap::new(),
            interval,
            wanted: Vec::new(),
            timetable: None,
            tags: BTreeMap::new(),
            held: BTreeMap::new(),
            fate: fate.clone(),
        };
        replayed.greet(params, interval).map_err(failed)?;
        Ok((replayed, fate))
    }

    fn greet(&mut self, params: serde_json::Map<String, Value>, interval: Interval) -> Result<(), String> {
        let instruments: Vec<String> = self.head.instruments.iter().map(Instrument::key).collect();
        let hello = json!({
            "protocol": super::manifest::PROTOCOL, "name": self.head.name, "bot": self.head.name, "params": params,
            "mode": "backtest", "clock": "replay", "now": Timestamp::UNIX_EPOCH.to_string(),
            "instruments": instruments, "interval": interval.as_str(), "restored_state": null,
        });
        let within = Duration::from_secs(u64::from(self.manifest.limits.start_s));
        let (books, mut out) = (None, Vec::new());
        let answer = self.ask("initialize", &hello, within, books, &mut out)?;
        self.wanted = protocol::schedules(&answer["schedule"]).map_err(|error| error.message)?;
        self.ask("start", &json!({}), within, books, &mut out).map(drop)
    }

    fn write(&mut self, mut line: String) -> Result<(), String> {
        line.push('\n');
        self.stdin.write_all(line.as_bytes()).map_err(|error| format!("it does not listen: {error}"))
    }

    /// Asks it something, and answers what it asks until it has answered.
    fn ask(
        &mut self,
        method: &str,
        params: &Value,
        within: Duration,
        books: Option<&dyn Books>,
        out: &mut Vec<Output>,
    ) -> Result<Value, String> {
        let id = self.next_request;
        self.next_request += 1;
        self.write(protocol::request(id, method, params))?;
        let deadline = Instant::now() + within;
        for _ in 0..REQUESTS_MAX {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = match self.lines.recv_timeout(left) {
                Ok(line) => line?,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("it did not answer {method} within {} ms", within.as_millis()));
                }
                Err(RecvTimeoutError::Disconnected) => return Err("it has ended".to_owned()),
            };
            match protocol::read(&line).map_err(|error| error.message)? {
                Incoming::Reply { id: answered, result } if answered == id => {
                    return result.map_err(|error| clean(&error).into_owned());
                }
                Incoming::Reply { .. } | Incoming::Notice { .. } => {}
                Incoming::Request { id, method, params } => {
                    let result = self.answer(&method, params, books, out);
                    self.write(protocol::answer(&id, result))?;
                }
            }
        }
        Err(format!("it asked {REQUESTS_MAX} times without answering {method}"))
    }

    fn answer(
        &mut self,
        method: &str,
        params: serde_json::Map<String, Value>,
        books: Option<&dyn Books>,
        out: &mut Vec<Output>,
    ) -> Result<Value, RpcError> {
        match (protocol::asked(method, params)?, books) {
            (Asked::Want(BotWant::Remember(_) | BotWant::Alert(_)), _) => Ok(json!({"status": "done"})),
            (Asked::Want(BotWant::Schedule(schedules)), _) => {
                (self.wanted, self.timetable) = (schedules, None);
                Ok(json!({"status": "done"}))
            }
            (Asked::Query(BotQuery::Bars { instrument, interval, limit }), _) => {
                let bars = self.told(&instrument, interval, limit)?;
                Ok(json!({"bars": bars.iter().map(protocol::bar).collect::<Vec<_>>()}))
            }
            (Asked::Query(BotQuery::Indicator { instrument, interval, indicator }), _) => {
                let bars = self.told(&instrument, interval, indicator.bars())?;
                Ok(protocol::indicator(&indicator, bars))
            }
            (Asked::Query(BotQuery::Chain { underlying, .. }), _) => {
                Err(RpcError::new(-32_004, format!("the data has no chain of {underlying}")))
            }
            (_, None) => Err(RpcError::new(-32_004, "the data has not begun")),
            (Asked::Query(query), Some(books)) => Ok(self.look_up(&query, books)),
            (Asked::Want(BotWant::Place { tag, proposal }), Some(books)) => {
                self.place(tag, *proposal, books, out)
            }
            (Asked::Want(BotWant::Cancel(name)), Some(books)) => {
                out.push(Output::Cancel(self.own(&name, books)?));
                Ok(json!({"status": "pending_cancel"}))
            }
            (Asked::Want(BotWant::Replace(name, change)), Some(books)) => {
                let decision = Decision::new("BOT_REPLACE", None, Vec::new());
                out.push(Output::Replace(self.own(&name, books)?, change, decision));
                Ok(json!({"status": "pending_replace"}))
            }
        }
    }

    fn look_up(&self, query: &BotQuery, books: &dyn Books) -> Value {
        match query {
            BotQuery::Positions => {
                let held = self.head.instruments.iter().map(|of| (of, books.position(of)));
                let rows: Vec<Value> = held
                    .filter(|(_, units)| !units.is_zero())
                    .map(|(of, units)| json!({"instrument": of.key(), "quantity": units.to_string()}))
                    .collect();
                json!({"positions": rows})
            }
            BotQuery::Orders => {
                let working = self
                    .head
                    .instruments
                    .iter()
                    .flat_map(|of| books.working(of).into_iter().map(move |w| (of, w)));
                let rows: Vec<Value> = working
                    .map(|(of, order)| {
                        json!({"order_id": order.id.to_string(), "instrument": of.key(), "side": order.side.as_str(),
                            "quantity": order.quantity.to_string(), "status": order.status.as_str()})
                    })
                    .collect();
                json!({"orders": rows})
            }
            BotQuery::Account => protocol::account(books.equity(), books.free_cash(), books.buying_power()),
            BotQuery::Snapshot => {
                let of = |query| self.look_up(&query, books);
                let quotes: Vec<Value> =
                    self.head.instruments.iter().map(|it| of(BotQuery::Quote(it.clone()))).collect();
                json!({
                    "account": of(BotQuery::Account), "positions": of(BotQuery::Positions)["positions"],
                    "orders": of(BotQuery::Orders)["orders"], "quotes": quotes,
                })
            }
            BotQuery::Quote(instrument) => {
                let close =
                    self.bars.get(instrument).and_then(|bars| bars.last()).map(|bar| bar.close.to_string());
                json!({"instrument": instrument.key(), "bid": null, "ask": null, "last": close})
            }
            // Answered before the data has begun too.
            BotQuery::Bars { .. } | BotQuery::Indicator { .. } | BotQuery::Chain { .. } => Value::Null,
        }
    }

    /// Bars that it was told, the newest.
    fn told(&self, instrument: &Instrument, interval: Interval, limit: usize) -> Result<&[Bar], RpcError> {
        if interval != self.interval {
            let text = format!("the data has bars:{} alone", self.interval);
            return Err(RpcError::new(-32_004, text));
        }
        let bars = self.bars.get(instrument).map_or(&[][..], Vec::as_slice);
        Ok(&bars[bars.len().saturating_sub(limit)..])
    }

    /// Evaluates it for what has come due by the clock of the data, each time over what it then has.
    fn evaluate(&mut self, now: Timestamp, books: &dyn Books, out: &mut Vec<Output>) -> Result<(), String> {
        if self.wanted.is_empty() {
            return Ok(());
        }
        let wanted = &self.wanted;
        let start = || Timetable::new(wanted.clone(), books.calendar(), now);
        let firings = self.timetable.get_or_insert_with(start).poll(now, books.calendar(), false);
        let within = Duration::from_millis(u64::from(self.manifest.limits.reply_ms));
        for firing in firings {
            let Firing::Due { name, due_at } = firing else { continue };
            let snapshot = self.look_up(&BotQuery::Snapshot, books);
            let asked = json!({
                "due": due_at.to_string(), "schedule": name.as_str(), "snapshot": snapshot, "now": now.to_string(),
            });
            let answer = self.ask("evaluate", &asked, within, Some(books), out)?;
            for wanted in wanted_of(&answer) {
                // What is refused is its own to look at, as where it trades.
                let _refused =
                    wanted.and_then(|(method, params)| self.answer(method, params, Some(books), out));
            }
        }
        Ok(())
    }

    fn place(
        &mut self,
        tag: String,
        proposal: Proposal,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) -> Result<Value, RpcError> {
        if self.tags.contains_key(&tag) {
            return Ok(json!({"status": "accepted"}));
        }
        let proposed = out.iter().filter(|output| matches!(output, Output::Propose(..))).count();
        if proposed >= ORDERS_MAX {
            return Err(RpcError::rate(format!("{ORDERS_MAX} orders in one step are allowed"), 0));
        }
        let Some(instrument) = proposal.subject.instrument().cloned() else {
            return Err(RpcError::params("a bot trades one instrument at a time"));
        };
        let own = books.position(&instrument);
        let closes = proposal.reduce_only
            || (!own.is_zero()
                && own.is_negative() == proposal.side.is_buy()
                && proposal.quantity <= own.abs());
        let close = self.bars.get(&instrument).and_then(|bars| bars.last()).map(|bar| bar.close);
        let price = proposal.pricing.limit_price().or(close);
        let multiplier = InstrumentSpec::standard(instrument.clone()).multiplier;
        let notional = price.map(|price| (price.notional(proposal.quantity) * multiplier).abs());
        let held = close.map(|close| (close.notional(own) * multiplier).abs());
        let forbidden = self.terms.forbids(&BotOrder {
            mode: AccountMode::Paper,
            instruments: vec![&instrument.price_driver()],
            opens: !closes,
            notional,
            position_notional: notional.zip(held).map(|(wanted, held)| wanted + held),
        });
        if let Some(text) = forbidden {
            return Err(RpcError::new(-32_001, format!("its permissions forbid it: {text}")));
        }
        self.tags.insert(tag, (proposal.clone(), None));
        out.push(Output::Propose(proposal, Decision::new("BOT_ORDER", Some(instrument), Vec::new())));
        Ok(json!({"status": "accepted"}))
    }

    /// The order that a name means: a tag's is the working one with its terms that no other tag has.
    fn own(&mut self, name: &BotOrderName, books: &dyn Books) -> Result<ClientOrderId, RpcError> {
        let none = || RpcError::params("it has no such working order");
        let tag = match name {
            BotOrderName::Id(id) => return Ok(*id),
            BotOrderName::Tag(tag) => tag,
        };
        let (proposal, known) = self.tags.get(tag).cloned().ok_or_else(none)?;
        let instrument = proposal.subject.instrument().ok_or_else(none)?;
        let working = books.working(instrument);
        let taken: Vec<ClientOrderId> = self.tags.values().filter_map(|(_, id)| *id).collect();
        let id = known.filter(|id| working.iter().any(|order| order.id == *id)).or_else(|| {
            let same = |order: &&crate::strategies::Working| {
                !taken.contains(&order.id)
                    && order.side == proposal.side
                    && order.quantity == proposal.quantity
                    && order.limit_price == proposal.pricing.limit_price()
            };
            working.iter().find(same).map(|order| order.id)
        });
        let id = id.ok_or_else(none)?;
        self.tags.insert(tag.clone(), (proposal, Some(id)));
        Ok(id)
    }

    fn hear(
        &mut self,
        now: Timestamp,
        input: StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) -> Result<(), String> {
        if let StrategyInput::Bar { instrument, bar, .. } = input {
            let kept = self.bars.entry(instrument.clone()).or_default();
            kept.push(*bar);
            if kept.len() > BARS_KEPT * 2 {
                kept.drain(..BARS_KEPT);
            }
            let units = books.position(instrument).get();
            if self.held.insert(instrument.clone(), units).unwrap_or_default() != units {
                let params = json!({"instrument": instrument.key(), "quantity": units.normalize().to_string(), "now": now.to_string()});
                self.write(protocol::notice("position", &params))?;
            }
        }
        let Some(news) = news_of(input) else { return Ok(()) };
        let (method, params) = protocol::news(now, &news);
        self.write(protocol::notice(method, &params))?;
        // It has done with the news once it answers this. A ping would not do: that may be answered in between.
        let within = Duration::from_millis(u64::from(self.manifest.limits.reply_ms));
        let done = json!({"due": null, "now": now.to_string()});
        self.ask("evaluate", &done, within, Some(books), out)?;
        self.evaluate(now, books, out)
    }
}

impl Drop for Replayed {
    fn drop(&mut self) {
        // It may be gone.
        self.child.kill().unwrap_or_default();
        drop(self.child.wait());
    }
}

impl Strategy for Replayed {
    fn head(&self) -> &Head {
        &self.head
    }

    fn on_input(
        &mut self,
        now: Timestamp,
        input: StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        if self.fate.failure().is_some() {
            return;
        }
        let interval = self.interval;
        if matches!(input, StrategyInput::Bar { interval: wide, .. } if wide != interval) {
            return;
        }
        if let Err(reason) = self.hear(now, input, books, out) {
            out.clear();
            self.fate.set(ReplayError::Failed { bot: self.head.name.to_string(), at: now, reason });
        }
    }
}

/// Lines of a bot, each of a length. What is too long ends them.
fn read_lines(mut source: impl BufRead, lines: &SyncSender<Result<String, String>>) {
    loop {
        let mut bytes = Vec::new();
        let read = source.by_ref().take(LINE_MAX as u64 + 1).read_until(b'\n', &mut bytes);
        let line = match read {
            Ok(0) => return,
            Ok(_) if bytes.len() > LINE_MAX => Err("it wrote a line of more than 1 MiB".to_owned()),
            Ok(_) => String::from_utf8(bytes).map_err(|_| "it wrote what is no UTF-8".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let ends = line.is_err();
        if lines.send(line).is_err() || ends {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_of_a_run_is_what_is_said() {
        let fate = Fate::default();
        let start = ReplayError::Start { bot: "tiny".to_owned(), reason: "no".to_owned() };
        assert_eq!(start.to_string(), "bot tiny cannot be started: no");
        let failed = ReplayError::Failed {
            bot: "tiny".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            reason: "no".to_owned(),
        };
        assert_eq!(failed.to_string(), "bot tiny failed at 1970-01-01T00:00:00Z: no");
        fate.set(failed.clone());
        fate.set(start);
        assert_eq!(fate.failure(), Some(failed));
    }

    #[test]
    fn lines_have_a_length() {
        let (lines_in, lines) = sync_channel(4);
        let text = format!("one\n{}", "x".repeat(LINE_MAX + 1));
        read_lines(text.as_bytes(), &lines_in);
        drop(lines_in);
        let read: Vec<_> = lines.iter().collect();
        assert_eq!(read[0].as_deref(), Ok("one\n"));
        assert!(read[1].is_err() && read.len() == 2);
    }
}
