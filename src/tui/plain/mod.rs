//! The screen as plain lines, for screen readers and terminals that can do no more: a line in, lines out, nothing drawn, nothing moved.
//! The same language, the same review before every order, the same word to type before real money moves, the same lock.

mod locked;
mod noted;
mod said;
mod talk;
mod working;

use std::sync::Arc;
use std::time::Duration;

use ratatui::layout::Size;
use zeroize::Zeroizing;

use super::app::App;
use super::bar::is_order;
use super::dialogs::CONFIRM_AFTER;
use super::dialogs::report::Report;
use super::dialogs::review::{needs_word, word_of};
use super::env::At;
use super::format;
use super::narrowed::Narrowed;
use super::options::{Options, TuiError};
use super::preview::{check_lines, money_lines, words};
use super::sources;
use super::theme::{ColorDepth, Schemes, Theme};
use super::work::Doing;
use crate::client::{Reply, Request, SessionError};
use crate::command::types::{Command, ShowTopic};
use crate::domain::account::AccountMode;
use crate::domain::alert::AlertChange;
use crate::domain::order::{OrderPreview, OriginKind};
use crate::domain::snapshot::{LogLine, Snapshot};
use crate::domain::text::clean;

pub use talk::plain;

/// Columns that texts of several parts are broken at.
const COLUMNS: u16 = 72;
/// Rows of history asked for.
const HISTORY_ROWS: u32 = 20;
/// Headlines said at a time.
const NEWS_ROWS: u32 = 20;

/// What a line comes to.
#[derive(Debug)]
pub enum Step {
    /// Say these lines.
    Say(Vec<String>),
    /// Ask the engine, and hand its answer back with what it is for.
    Ask(Box<Request>, For),
    /// Have the program do what takes long, and hand back what came of it with this number.
    Work(u64, Doing),
    /// Leave.
    Quit,
}

/// What an answer is for.
#[derive(Clone, Debug)]
pub enum For {
    /// To show this order before it goes.
    Review(Command),
    /// To say how this ended.
    Sent(String),
    /// To show rows under this title.
    Table(&'static str),
    /// To open what is locked.
    Unlock,
}

/// What waits for a word.
#[derive(Debug)]
struct Pending {
    request: Request,
    words: String,
    /// The word that sends it.
    word: String,
    /// When it was asked about.
    asked: Duration,
}

/// The state of a conversation.
pub struct Plain {
    app: App,
    theme: Theme,
    snapshot: Arc<Snapshot>,
    pending: Option<Pending>,
    told: Option<LogLine>,
    /// What of a long answer was not said yet.
    rest: Vec<String>,
}

impl Plain {
    /// A conversation that has not begun.
    ///
    /// # Errors
    /// When a remapped key makes no sense.
    pub fn new(options: &Options, snapshot: Arc<Snapshot>) -> Result<Self, TuiError> {
        let scheme = Schemes::new(&[]).get("dark").map_err(TuiError::Theme)?;
        let app = App::new(options, &snapshot, Size::new(80, 24))?;
        let told = snapshot.log.last().cloned();
        let theme = Theme::new(ColorDepth::None, &scheme, true);
        Ok(Self { app, theme, snapshot, pending: None, told, rest: Vec::new() })
    }

    /// Time has passed since the start; it rises only.
    pub fn at(&mut self, now: Duration) {
        self.app.env.now = self.app.env.now.max(now);
        self.app.env.jobs.look(now);
    }

    /// The first words.
    #[must_use]
    pub fn greeting(&self) -> Vec<String> {
        if self.is_locked() {
            return vec!["Arbion in plain lines.".to_owned(), self.question()];
        }
        let mode = match self.snapshot.mode {
            AccountMode::Paper => "PAPER: nothing here is real money.",
            AccountMode::Live => "LIVE: orders are real.",
        };
        vec![
            format!("Arbion in plain lines. {mode} {}", self.prices()),
            "Type help for what can be typed, quit to leave.".to_owned(),
        ]
    }

    /// Where the prices come from, in a sentence.
    fn prices(&self) -> String {
        let sources = sources::sources(&At { env: &self.app.env, snapshot: &self.snapshot });
        let said = sources.iter().map(|source| {
            let word = format!("{}{}", sources::word(source.feed), source.flow.words());
            match source.kinds.as_slice() {
                [] => word,
                kinds => format!("{word} for {}", kinds.join(", ")),
            }
        });
        format!("Prices: {}.", said.collect::<Vec<_>>().join("; "))
    }

    /// A new picture of the engine: what was logged since the last one; of a locked one, that alerts rang.
    pub fn snapshot(&mut self, snapshot: Arc<Snapshot>) -> Vec<String> {
        if let Some(lines) = self.locked_snapshot(&snapshot) {
            self.take(snapshot);
            return lines;
        }
        let first = self.snapshot.seq == 0;
        let log = &snapshot.log;
        let from = match &self.told {
            Some(told) => log.iter().rposition(|line| line == told).map_or(0, |at| at + 1),
            None => 0,
        };
        let lines: Vec<String> = log[from..]
            .iter()
            .map(|line| format!("{} {}", format::clock_zoned(line.at, &self.app.env.zone), clean(&line.text)))
            .collect();
        self.told = log.last().cloned().or(self.told.take());
        self.take(snapshot);
        // What happened before the start is no news.
        if first { Vec::new() } else { lines }
    }

    fn take(&mut self, snapshot: Arc<Snapshot>) {
        self.app.env.snapshot_at = self.app.env.now;
        self.snapshot = snapshot;
    }

    /// A line that was typed.
    pub fn line(&mut self, typed: Zeroizing<String>) -> Step {
        if self.is_locked() {
            return self.passphrase(typed);
        }
        self.app.touched = self.app.env.now;
        let text = clean(&typed).trim().to_owned();
        // The key that locks a screen, with Enter behind it; or the word, unless it is what an order waits for.
        let waits = self.pending.as_ref().is_some_and(|pending| pending.word.eq_ignore_ascii_case("lock"));
        if typed.contains('\u{c}') || (text.eq_ignore_ascii_case("lock") && !waits) {
            return Step::Say(self.lock());
        }
        if let Some(pending) = self.pending.take() {
            return self.confirmed(pending, &text);
        }
        match text.to_lowercase().as_str() {
            "" => Step::Say(Vec::new()),
            "quit" | "q" | "exit" => Step::Quit,
            "help" | "?" => Step::Say(HELP.iter().map(|line| (*line).to_owned()).collect()),
            "quotes" => Step::Say(self.quotes()),
            "alerts" => Step::Say(self.alerts()),
            "more" => Step::Say(self.more()),
            "work" => Step::Say(self.work_lines()),
            "end work" => Step::Say(self.end_work()),
            _ => match self.noted(&text).or_else(|| self.worked(&text)) {
                Some(step) => step,
                None => self.understood(&text),
            },
        }
    }

    /// The word for what waits for it. A line that came with the question was pasted with it, or typed before it could be read.
    fn confirmed(&mut self, pending: Pending, text: &str) -> Step {
        if !text.eq_ignore_ascii_case(&pending.word) {
            return Step::Say(vec!["Not sent.".to_owned()]);
        }
        let now = self.app.env.now;
        if now < pending.asked + CONFIRM_AFTER {
            let again = format!("Nobody reads so fast: nothing was sent. Type {} to do it.", pending.word);
            self.pending = Some(Pending { asked: now, ..pending });
            return Step::Say(vec![again]);
        }
        Step::Ask(Box::new(pending.request), For::Sent(pending.words))
    }

    fn understood(&mut self, text: &str) -> Step {
        let understood = (self.app.env.understand)(text, &self.snapshot.market.calendar);
        match understood.command {
            Command::Clarify { message, .. } => Step::Say(vec![clean(&message).into_owned()]),
            command if is_order(&command) => {
                let origin = OriginKind::Command;
                let request =
                    Request::Preview { command: command.clone(), origin, account: None, ask_broker: true };
                Step::Ask(Box::new(request), For::Review(command))
            }
            Command::Show { what, instrument, since, broker } => {
                let about = instrument.iter().cloned().collect();
                let narrowed = match Narrowed::read(broker.as_deref(), instrument, since, &self.snapshot) {
                    Ok(narrowed) => narrowed,
                    Err(text) => return Step::Say(vec![text]),
                };
                let query = narrowed.query(HISTORY_ROWS);
                match what {
                    ShowTopic::Fills => Step::Ask(Box::new(Request::Executions(query)), For::Table("Fills")),
                    ShowTopic::History => {
                        Step::Ask(Box::new(Request::OrderHistory(query)), For::Table("Orders"))
                    }
                    ShowTopic::Pnl => {
                        Step::Ask(Box::new(Request::Pnl(query)), For::Table("Gains and losses"))
                    }
                    ShowTopic::News => {
                        let request = Request::News { about, limit: NEWS_ROWS };
                        Step::Ask(Box::new(request), For::Table("News"))
                    }
                    what => Step::Say(self.shown(what, &narrowed)),
                }
            }
            command => self.other(command, understood.words),
        }
    }

    /// Commands that are no orders: what changes something is asked about first.
    fn other(&mut self, command: Command, words: String) -> Step {
        let harmless = matches!(
            command,
            Command::Alert { .. }
                | Command::Quote { .. }
                | Command::Chain { .. }
                | Command::Watch { .. }
                | Command::Unwatch { .. }
                | Command::Help { .. }
        );
        let request = match command {
            Command::Halt => Request::Halt { all: false },
            Command::Resume => Request::Resume,
            Command::Alert { instrument, when, value } => {
                Request::Alert(AlertChange::Set { instrument, when, value })
            }
            Command::Flatten { scope } => Request::Flatten { scope, wait: true },
            command => Request::Execute {
                command,
                origin: OriginKind::Command,
                account: None,
                confirmation_hash: None,
                allow_duplicate: false,
                wait: true,
            },
        };
        if harmless {
            return Step::Ask(Box::new(request), For::Sent(words));
        }
        let question = format!("{words}? Type yes to do it, anything else to leave it.");
        self.pending = Some(Pending { request, words, word: "yes".to_owned(), asked: self.app.env.now });
        Step::Say(vec![question])
    }

    /// The engine's answer.
    pub fn reply(&mut self, what: For, reply: Result<Reply, SessionError>) -> Vec<String> {
        if matches!(what, For::Unlock) {
            return self.unlocked(reply);
        }
        // It was locked while the answer was on its way.
        if self.is_locked() {
            return Vec::new();
        }
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => return vec![format!("Failed: {}", clean(&error.to_string()))],
        };
        match (what, reply) {
            (For::Review(command), Reply::Preview(preview)) => self.review(command, &preview),
            (_, Reply::Orders(orders)) if !orders.is_empty() => {
                let lines = orders.iter().map(|order| self.order_line(order)).collect();
                self.page(lines)
            }
            (_, Reply::Quotes(quotes)) if !quotes.is_empty() => {
                let lines =
                    quotes.iter().map(|quote| self.quote_line(&quote.instrument, Some(quote))).collect();
                self.page(lines)
            }
            (_, Reply::Chain(chain)) => {
                let lines = self.chain(&chain);
                self.page(lines)
            }
            (_, Reply::Done(text)) => vec![clean(&text).into_owned()],
            (For::Table(title), reply) => self.table(title, &reply),
            (For::Sent(words), reply) => self.table(&words, &reply),
            (For::Review(_) | For::Unlock, _) => vec!["The engine gave no preview.".to_owned()],
        }
    }

    fn table(&mut self, title: &str, reply: &Reply) -> Vec<String> {
        let at = At { env: &self.app.env, snapshot: &self.snapshot };
        let report = Report::of(title, reply, &at);
        let lines = report.map_or_else(|| vec![format!("{title}: done")], |report| report.lines());
        self.page(lines)
    }

    /// The order with everything that the review shows, and the word that sends it.
    fn review(&mut self, command: Command, preview: &OrderPreview) -> Vec<String> {
        let mut lines = vec![words(preview)];
        let parts = money_lines(preview, &self.theme, COLUMNS).into_iter().chain(check_lines(
            preview,
            &self.theme,
            COLUMNS,
        ));
        lines.extend(parts.map(|line| line.to_string().trim().to_owned()));
        if !preview.denials.is_empty() {
            lines.push("Risk says no; nothing can be sent.".to_owned());
            return lines;
        }
        let word = if needs_word(preview, &self.snapshot) { word_of(preview) } else { "yes".to_owned() };
        lines.push(format!("Type {word} to send it, anything else to leave it."));
        let request = Request::Execute {
            command,
            origin: OriginKind::Command,
            account: Some(preview.request.account.clone()),
            confirmation_hash: Some(preview.confirmation_hash.clone()),
            allow_duplicate: false,
            wait: true,
        };
        self.pending = Some(Pending { request, words: words(preview), word, asked: self.app.env.now });
        lines
    }
}

const HELP: &[&str] = &[
    "quotes, positions, orders, balances, show fills, show pnl, show log: what there is.",
    "buy 10 aapl at 231.50, sell half my tesla trail 5%, close msft: orders, shown before they go.",
    "cancel 42, cancel all, flatten, halt, resume: after a yes.",
    "watch ibm, quote btc, alert aapl above 260: as on the screen; alerts: those that wait.",
    "note aapl earnings on thursday: written about it; notes aapl: what was.",
    "chain aapl: the next expiry around the price; chain aapl 15 jan 27: another one. more: the rest of a long answer.",
    "backtest sma_cross fast=5..50:5, export trades, import bars my.csv: go on beside it; work says how far, end work ends them.",
    "lock, or Ctrl-L and Enter: nothing is shown until the passphrase of the profile is typed.",
    "quit: leave. Working orders stay.",
];
