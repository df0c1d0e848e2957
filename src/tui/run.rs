//! The loop between terminal, engine and screen. It waits, takes everything that came, and draws once; it never draws on a fixed clock.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::watch;
use tokio::time::Instant;

use super::chores::{Chore, Chores};
use super::input::{Input, reader};
use super::options::{Notice, Options, Remember, TuiError, told_to_leave};
use super::output::Writer;
use super::output::encoder::{ENTER, LEAVE, MOUSE_OFF, MOUSE_ON};
use super::pace::Pace;
use super::screen::Screen;
use super::signals::{Signal, Signals};
use super::terminal::{Terminal, can_suspend, stop, suspend_job};
use super::wish::Effect;
use super::work::WorksRef;
use crate::client::{Reply, Session, SessionError};
use crate::domain::snapshot::Snapshot;

/// Answers waiting for the screen.
const REPLIES_MAX: usize = 128;
/// A terminal that does not read holds up leaving for no longer than this.
const FAREWELL: Duration = Duration::from_millis(250);

/// Runs the screen until the user leaves, the terminal goes away, or a signal ends it.
///
/// # Errors
/// When there is no terminal, when a remapped key makes no sense, or when a part of the program panicked meanwhile.
pub async fn run(session: Arc<dyn Session>, options: Options) -> Result<(), TuiError> {
    let terminal = Terminal::open().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => TuiError::NotATerminal,
        _ => TuiError::Terminal(error),
    })?;
    let snapshots = session.snapshots();
    let snapshot = Arc::clone(&snapshots.borrow());
    let screen = Screen::new(&options, snapshot, terminal.size())?;
    terminal.restore_on_panic();
    let _restore = RestoreOnDrop(Arc::clone(&terminal));
    terminal.raw()?;
    let inputs = reader::start(terminal.reader()?)?;
    let writer = Writer::start(terminal.writer()?, terminal.closed_flag())?;
    let signals = Signals::start(Arc::clone(&terminal))?;
    let (replies_in, replies) = channel(REPLIES_MAX);
    let mut runner = Runner {
        session,
        terminal,
        screen,
        writer,
        remember: options.remember.clone(),
        notice: options.notice,
        chores: options.chores.clone(),
        works: options.works.clone(),
        pace: Pace::new(options.frames_per_second, options.bytes_per_second),
        start: Instant::now(),
        snapshots,
        replies_in,
        prefix: ENTER.as_bytes().to_vec(),
        urgent: true,
        lazy: false,
        opened: false,
        fresh: false,
        leaving: false,
        stopped: false,
    };
    if runner.screen.has_mouse() {
        runner.prefix.extend_from_slice(MOUSE_ON.as_bytes());
    }
    let now = runner.now();
    let first = runner.screen.tick(now);
    runner.carry_out(first).await;
    let end = runner.turn(inputs, signals, replies, options.leave.as_deref()).await;
    // Nobody waits for it any more, and it must not hold up leaving.
    runner.screen.end_work();
    runner.keep().await;
    end
}

struct RestoreOnDrop(Arc<Terminal>);

impl Drop for RestoreOnDrop {
    fn drop(&mut self) {
        self.0.restore();
    }
}

struct Runner {
    session: Arc<dyn Session>,
    terminal: Arc<Terminal>,
    screen: Screen,
    writer: Writer,
    remember: Option<Remember>,
    /// How a user who looks elsewhere is reached.
    notice: Notice,
    chores: Option<Chores>,
    works: Option<WorksRef>,
    pace: Pace,
    start: Instant,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    replies_in: Sender<(u64, Result<Reply, SessionError>)>,
    /// Bytes that go before the next frame.
    prefix: Vec<u8>,
    /// Draw now: a key, an answer, another size.
    urgent: bool,
    /// Draw when the pace allows: data, marks that ended, the minute.
    lazy: bool,
    /// The engine has a newer picture than the screen.
    fresh: bool,
    /// A picture of the engine has been drawn. The first one is what everybody waits for, and is not paced.
    opened: bool,
    leaving: bool,
    /// The terminal is the shell's until we are continued.
    stopped: bool,
}

impl Runner {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Keeps what is to be kept, but does not wait long for a disk that hangs.
    async fn keep(&mut self) {
        let Some(chores) = self.chores.clone() else { return };
        let text = self.screen.keep();
        let work = tokio::task::spawn_blocking(move || chores(Chore::Keep(text)));
        match tokio::time::timeout(FAREWELL, work).await {
            Ok(Ok(Ok(_))) => {}
            end => tracing::warn!(?end, "the screen is not kept"),
        }
    }

    async fn turn(
        &mut self,
        mut inputs: Receiver<Input>,
        mut signals: Signals,
        mut replies: Receiver<(u64, Result<Reply, SessionError>)>,
        leave: Option<&Notify>,
    ) -> Result<(), TuiError> {
        let mut engine_up = true;
        while !self.leaving {
            if self.terminal.is_closed() {
                return Err(TuiError::Panicked);
            }
            if self.draw().await.is_err() {
                // Nobody is left to draw for.
                return Ok(());
            }
            let wake = self.wake();
            let closed = self.terminal.when_closed();
            tokio::select! {
                biased; // signals, keys, the terminal, answers, data, time
                () = closed => return Err(TuiError::Panicked),
                () = told_to_leave(leave) => self.leaving = true,
                signal = signals.next() => if self.signal(signal).await.is_err() {
                    // A hangup continues a stopped process too: nobody is left to draw for.
                    return Ok(());
                },
                input = inputs.recv() => match input {
                    Some(input) => self.inputs(input, &mut inputs).await,
                    None => return Ok(()),
                },
                written = self.writer.written() => match written {
                    Ok(Some(rate)) => self.pace.is_full(rate, self.start.elapsed()),
                    Ok(None) => {}
                    Err(_) => return Ok(()),
                },
                Some(reply) = replies.recv() => self.replies(reply, &mut replies).await,
                changed = self.snapshots.changed(), if engine_up && !self.fresh => match changed {
                    Ok(()) => {
                        self.fresh = true;
                        self.lazy = true;
                    }
                    Err(_) => {
                        engine_up = false;
                        let effects = self.screen.session_gone(self.start.elapsed());
                        self.carry_out(effects).await;
                        self.urgent = true;
                    }
                },
                () = tokio::time::sleep_until(self.start + wake) => self.tick().await,
            }
        }
        if self.writer.finish(LEAVE.as_bytes(), FAREWELL).await
            && let Err(error) = self.terminal.cooked()
        {
            tracing::debug!(%error, "the terminal went away while it was given back");
        }
        Ok(())
    }

    /// When to wake without an event.
    fn wake(&self) -> Duration {
        /// Longest sleep; the minute turns before.
        const IDLE_MAX: Duration = Duration::from_secs(3_600);
        let data = (self.lazy && !self.stopped && !self.writer.is_busy()).then(|| self.pace.next());
        let own = self.screen.next_wake();
        data.into_iter().chain(own).min().unwrap_or_else(|| self.now() + IDLE_MAX)
    }

    async fn tick(&mut self) {
        let now = self.now();
        let effects = self.screen.tick(now);
        self.carry_out(effects).await;
        self.lazy = true;
    }

    /// Draws, if something is to be drawn and the frame before has left.
    async fn draw(&mut self) -> io::Result<()> {
        let now = self.now();
        let first = self.fresh && !self.opened;
        let data_due = self.lazy && (now >= self.pace.next() || first);
        if self.stopped || self.writer.is_busy() || !(self.urgent || data_due) {
            return Ok(());
        }
        if data_due && std::mem::take(&mut self.fresh) {
            self.opened = true;
            let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
            let effects = self.screen.snapshot(snapshot, now);
            self.carry_out(effects).await;
        }
        let mut bytes = std::mem::take(&mut self.prefix);
        bytes.extend(self.screen.frame());
        if data_due {
            self.pace.data_sent(bytes.len(), now);
            self.lazy = false;
        } else {
            self.pace.key_sent(now);
        }
        self.urgent = false;
        self.writer.send(bytes)
    }

    /// Takes this input and those already behind it, up to a bound, so that a held key draws once.
    async fn inputs(&mut self, first: Input, more: &mut Receiver<Input>) {
        const AT_ONCE: usize = 64;
        let mut waiting = VecDeque::from([first]);
        while waiting.len() < AT_ONCE
            && let Ok(input) = more.try_recv()
        {
            waiting.push_back(input);
        }
        for input in waiting {
            let now = self.now();
            let effects = self.screen.input(input, now);
            self.carry_out(effects).await;
            if self.leaving {
                return;
            }
        }
        self.urgent = true;
    }

    async fn replies(
        &mut self,
        first: (u64, Result<Reply, SessionError>),
        more: &mut Receiver<(u64, Result<Reply, SessionError>)>,
    ) {
        let mut next = Some(first);
        while let Some((number, reply)) = next {
            let now = self.now();
            let effects = self.screen.reply(number, reply, now);
            self.carry_out(effects).await;
            next = more.try_recv().ok();
        }
        self.urgent = true;
    }

    async fn signal(&mut self, signal: Signal) -> io::Result<()> {
        match signal {
            Signal::Leave => self.leaving = true,
            Signal::Interrupt => {
                let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
                let now = self.now();
                let effects = self.screen.input(Input::Key(key), now);
                self.carry_out(effects).await;
            }
            Signal::Resize => {
                let now = self.now();
                let effects = self.screen.resize(self.terminal.size(), now);
                self.carry_out(effects).await;
            }
            Signal::Suspend => {
                if self.writer.finish(LEAVE.as_bytes(), FAREWELL).await {
                    self.terminal.cooked()?;
                    // This thread may run on for a moment after the stop: nothing may be drawn until we are continued.
                    self.stopped = true;
                    stop()?;
                }
            }
            // After a stop that we were not asked for too: the shell has used the terminal meanwhile.
            Signal::Continue => self.resume()?,
        }
        self.urgent = true;
        Ok(())
    }

    /// Takes the terminal again: whatever ran meanwhile, everything is drawn anew.
    fn resume(&mut self) -> io::Result<()> {
        self.stopped = false;
        self.terminal.raw()?;
        self.prefix = ENTER.as_bytes().to_vec();
        if self.screen.has_mouse() {
            self.prefix.extend_from_slice(MOUSE_ON.as_bytes());
        }
        let now = self.now();
        drop(self.screen.resize(self.terminal.size(), now));
        self.urgent = true;
        Ok(())
    }

    async fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask(number, request) => {
                    let session = Arc::clone(&self.session);
                    let replies = self.replies_in.clone();
                    // Detached: an order on its way is not called back by leaving.
                    tokio::spawn(async move {
                        let reply = session.request(request).await;
                        drop(replies.send((number, reply)).await);
                    });
                }
                Effect::Copy(text) => {
                    self.prefix.extend_from_slice(b"\x1b]52;c;");
                    self.prefix.extend_from_slice(super::format::base64(text.as_bytes()).as_bytes());
                    self.prefix.push(0x07);
                }
                Effect::Chore(number, chore) => {
                    let Some(chores) = self.chores.clone() else { continue };
                    let replies = self.replies_in.clone();
                    tokio::spawn(async move {
                        let done = tokio::task::spawn_blocking(move || chores(chore)).await;
                        let reply = match done {
                            Ok(Ok(line)) => Ok(Reply::Done(line)),
                            Ok(Err(line)) => Err(SessionError::Usage(line)),
                            Err(error) => Err(SessionError::Internal(error.to_string())),
                        };
                        drop(replies.send((number, reply)).await);
                    });
                }
                Effect::Work(number, doing) => {
                    let Some(works) = self.works.clone() else { continue };
                    let replies = self.replies_in.clone();
                    tokio::spawn(async move {
                        let reply = works.carry_out(&doing).await;
                        let reply = reply.map(Reply::Done).map_err(SessionError::Usage);
                        drop(replies.send((number, reply)).await);
                    });
                }
                Effect::Remember(line) => {
                    if let Some(remember) = &self.remember {
                        remember(line);
                    }
                }
                Effect::Notify(text) => {
                    self.prefix.extend_from_slice(&self.notice.bytes(&text));
                }
                Effect::Mouse(on) => {
                    self.prefix.extend_from_slice(if on { MOUSE_ON } else { MOUSE_OFF }.as_bytes())
                }
                Effect::Redraw => self.screen.forget(),
                Effect::Suspend if can_suspend() => {
                    if let Err(error) = suspend_job() {
                        tracing::warn!(%error, "cannot suspend");
                    }
                }
                Effect::Suspend => {
                    let now = self.now();
                    self.screen.notice("There is no shell to come back from.", now);
                }
                Effect::Quit => self.leaving = true,
            }
        }
    }
}
