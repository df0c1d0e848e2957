//! Runs a script over a session, line by line, and stops at the first that fails.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::sync::watch;

use super::{Action, Expectation, Step};
use crate::cli::commands::{Door, carry_out};
use crate::cli::console::Console;
use crate::cli::error::{CliError, EXIT_INTERNAL};
use crate::cli::line::Line;
use crate::cli::output::Output;
use crate::client::message::ReplayControl;
use crate::client::{Request, SessionError};
use crate::command::types::Command;
use crate::domain::calendar::exchange_date;
use crate::domain::ids::OrderNumber;
use crate::domain::order::{Order, OrderType, OriginKind};
use crate::domain::snapshot::Snapshot;
use crate::domain::text::clean;

/// Longest wait for fills or for an order's end, in market time.
const FILLS_MAX: SignedDuration = SignedDuration::from_secs(60);
/// Steps of a replay's clock while fills are waited for, in seconds: an account day, as on daily bars nothing fills sooner.
const REPLAY_STEP: i64 = 86_400;
/// Longest wait for fills in a replay, in market time: over a long weekend and a day more.
const REPLAY_FILLS_MAX: SignedDuration = SignedDuration::from_secs(6 * 86_400);
/// A picture that stays the same for so long means that the market stands still.
const STILL_MAX: Duration = Duration::from_secs(15);

/// What became of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineReport {
    /// Its number, from 1.
    pub line: usize,
    /// As written.
    pub text: String,
    /// Did it go as it should.
    pub ok: bool,
    /// Market time afterwards.
    pub at: Timestamp,
    /// What it answered, as the command itself would have with `--json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<serde_json::Value>,
    /// Why it failed, expected or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<CliError>,
}

/// What became of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Did every line go as it should.
    pub ok: bool,
    /// The lines that ran, in order.
    pub lines: Vec<LineReport>,
}

impl Report {
    /// The failure of the whole, naming the line.
    #[must_use]
    pub fn failure(&self) -> Option<CliError> {
        let last = self.lines.last().filter(|_| !self.ok)?;
        let error = last.error.clone()?;
        Some(CliError {
            message: format!("script line {}: {}: {}", last.line, last.text, error.message),
            ..error
        })
    }
}

/// A script's line to an engine.
pub struct Runner<'a> {
    line: &'a Line<'a>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    progress: Option<&'a mut Console>,
    patience: Duration,
}

impl<'a> Runner<'a> {
    /// A runner. A replay's clock is stopped first, so that only the script moves it. An expectation may come true within `patience`,
    /// for an engine publishes its picture a little after it answers.
    ///
    /// # Errors
    /// When the engine has no account to show.
    pub async fn new(
        line: &'a Line<'a>,
        progress: Option<&'a mut Console>,
        patience: Duration,
    ) -> Result<Self, CliError> {
        if line.snapshot().await?.replay.is_some() {
            line.ask(Request::Replay(ReplayControl::Paused(true))).await?;
        }
        Ok(Self { line, snapshots: line.session.snapshots(), progress, patience })
    }

    /// Runs the steps up to the first that fails.
    ///
    /// # Errors
    /// When what happens cannot be told: the output is gone, or a result has no JSON form.
    pub async fn run(&mut self, steps: &[Step]) -> Result<Report, CliError> {
        let mut report = Report { ok: true, lines: Vec::with_capacity(steps.len()) };
        let mut pending: Option<CliError> = None;
        for (index, step) in steps.iter().enumerate() {
            let is_expected = matches!(
                steps.get(index + 1).map(|next| &next.action),
                Some(Action::Expect(Expectation::Error(_)))
            );
            self.tell(&format!("> {}", step.text))?;
            let outcome = match &step.action {
                Action::Expect(Expectation::Error(code)) => expect_error(code, pending.take()).map(|()| None),
                Action::Expect(expectation) => self.expect(expectation).await.map(|()| None),
                Action::Wait(seconds) => self.wait(*seconds).await.map(|()| None),
                Action::WaitFills => self.wait_for("market orders", is_market_order).await.map(|()| None),
                Action::WaitOrder(number) => self.wait_for_order(*number).await.map(|()| None),
                Action::Command => self.command(&step.text).await.map(Some),
            };
            let mut row = LineReport {
                line: step.line,
                text: step.text.clone(),
                ok: true,
                at: self.now(),
                result: None,
                error: None,
            };
            match outcome {
                Ok(output) => {
                    if let Some(output) = &output {
                        row.result = Some(serde_json::from_str(&output.json)?);
                        row.error.clone_from(&output.failure);
                        self.tell(output.text(None, false).trim_end())?;
                    }
                }
                Err(error) => {
                    self.tell(&format!("! {}", error.message))?;
                    row.error = Some(error);
                }
            }
            // A command may fail where the next line expects it to; nothing else may.
            row.ok = row.error.is_none() || (is_expected && step.action == Action::Command);
            if step.action == Action::Command {
                pending.clone_from(&row.error);
            }
            let failed = !row.ok;
            report.lines.push(row);
            if failed {
                report.ok = false;
                break;
            }
        }
        Ok(report)
    }

    fn now(&self) -> Timestamp {
        self.snapshots.borrow().now
    }

    fn tell(&mut self, text: &str) -> Result<(), CliError> {
        if let Some(console) = &mut self.progress {
            for line in text.lines() {
                writeln!(console.out, "{}", clean(line))?;
            }
            console.out.flush()?;
        }
        Ok(())
    }

    /// Carries out a line of the command language. Orders go without asking, for the account is a throw-away one.
    async fn command(&self, text: &str) -> Result<Output, CliError> {
        let calendar = Arc::clone(&self.snapshots.borrow().market.calendar);
        let day = (exchange_date(self.now()), calendar.as_ref());
        let command = crate::cli::language::parse(text, day, self.line.lookup);
        if let Command::Clarify { message, .. } = command {
            return Err(CliError::clarify(message));
        }
        let door = Door {
            account: None,
            yes: true,
            allow_duplicate: false,
            wait: true,
            origin: OriginKind::Command,
        };
        carry_out(self.line, command, &door, None).await
    }

    async fn expect(&mut self, expectation: &Expectation) -> Result<(), CliError> {
        let deadline = tokio::time::Instant::now() + self.patience;
        loop {
            let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
            let Err(found) = expectation.check(&snapshot, self.line.lookup)? else { return Ok(()) };
            let changed = tokio::time::timeout_at(deadline, self.snapshots.changed()).await;
            if !matches!(changed, Ok(Ok(()))) {
                return Err(expectation_failed(format!("found {found}")));
            }
        }
    }

    /// Lets market time pass: a replay is moved, the simulated market is waited for.
    async fn wait(&mut self, seconds: i64) -> Result<(), CliError> {
        match self.line.session.request(Request::Advance { seconds }).await {
            Ok(_) => Ok(()),
            Err(SessionError::Usage(_)) => {
                let target =
                    self.now().saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
                self.until(|snapshot| snapshot.now >= target).await
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn wait_for_order(&mut self, number: u64) -> Result<(), CliError> {
        let is_it = |order: &Order| order.number == OrderNumber(number);
        if !self.line.snapshot().await?.orders.iter().any(is_it) {
            return Err(CliError::usage(format!("no order {number}")));
        }
        self.wait_for("order", is_it).await
    }

    /// Waits until no such order works, in market time.
    async fn wait_for(&mut self, what: &str, is_meant: impl Fn(&Order) -> bool) -> Result<(), CliError> {
        let works = |snapshot: &Snapshot| -> Vec<String> {
            let working = snapshot.orders.iter().filter(|order| order.is_working() && is_meant(order));
            working.map(|order| order.number.to_string()).collect()
        };
        let start = self.now();
        let replay = self.snapshots.borrow().replay.is_some();
        let longest = if replay { REPLAY_FILLS_MAX } else { FILLS_MAX };
        let target = start.saturating_add(longest).unwrap_or(Timestamp::MAX);
        if replay {
            while !works(&self.snapshots.borrow()).is_empty() && self.now() < target {
                self.line.ask(Request::Advance { seconds: REPLAY_STEP }).await?;
                // The engine publishes a moment after it answers.
                drop(tokio::time::timeout(self.patience, self.snapshots.changed()).await);
            }
        } else {
            self.until(|snapshot| works(snapshot).is_empty() || snapshot.now >= target).await?;
        }
        match works(&self.snapshots.borrow()).as_slice() {
            [] => Ok(()),
            working => Err(expectation_failed(format!("{what} {} still work", working.join(", ")))),
        }
    }

    /// Waits for a picture of which something holds.
    async fn until(&mut self, holds: impl Fn(&Snapshot) -> bool) -> Result<(), CliError> {
        loop {
            if holds(&self.snapshots.borrow_and_update()) {
                return Ok(());
            }
            match tokio::time::timeout(STILL_MAX, self.snapshots.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(SessionError::Gone.into()),
                Err(_) => return Err(expectation_failed("the market stands still".to_owned())),
            }
        }
    }
}

fn is_market_order(order: &Order) -> bool {
    order.request.pricing.order_type() == OrderType::Market
}

fn expectation_failed(message: String) -> CliError {
    CliError::new("EXPECTATION", EXIT_INTERNAL, message)
}

fn expect_error(code: &str, error: Option<CliError>) -> Result<(), CliError> {
    match error {
        Some(error) if error.has_code(code) => Ok(()),
        Some(error) => {
            let denials =
                error.denials.iter().map(|denial| denial.code.as_str()).collect::<Vec<_>>().join(", ");
            let found = if denials.is_empty() { error.code.to_owned() } else { denials };
            Err(expectation_failed(format!("found {found}")))
        }
        None => Err(expectation_failed("the line before did not fail".to_owned())),
    }
}
