//! The engine in a process of its own: finding it, starting it, being it.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arbion::cli::CliError;
use arbion::cli::host::Settings;
use arbion::client::Session;
use arbion::client::frames::FrameError;
use arbion::client::remote::{AttachError, RemoteSession, Terms, attach, attach_later};
use arbion::client::wire::ClientKind;
use arbion::config::OnExit;
use arbion::config::files;
use arbion::domain::snapshot::Snapshot;
use arbion::engine::serve::{Ended, Life, OnExit as Rule, serve};
use arbion::engine::socket::Door;
use arbion::engine::{Running, clock};
use tokio::sync::oneshot;

/// How long a new engine may take until it can be attached to (reliability L2).
const START_MAX: Duration = Duration::from_secs(3);
/// Lines of its log that are shown when it does not.
const TAIL_LINES: usize = 3;

/// How this process attaches.
pub fn terms(settings: &Settings, client: ClientKind, patience: Option<Duration>) -> Terms {
    Terms {
        path: settings.paths.socket(&settings.profile),
        client,
        build: env!("CARGO_PKG_VERSION").to_owned(),
        uid: rustix::process::getuid().as_raw(),
        patience,
    }
}

/// A line to the engine that runs; `None` where none does.
pub async fn find(settings: &Settings) -> Result<Option<RemoteSession>, CliError> {
    match attach(terms(settings, ClientKind::Command, None)).await {
        Ok(session) => Ok(Some(session)),
        // What cannot be a socket's path is no engine's, and must not keep anybody from reading.
        // One that closes the door in our face is ending.
        Err(
            AttachError::NoEngine | AttachError::PathTooLong { .. } | AttachError::Frame(FrameError::Closed),
        ) => Ok(None),
        Err(error) => Err(attach_error(&error)),
    }
}

/// Does somebody listen. Quick: a screen asks before it paints.
pub fn listens(settings: &Settings) -> bool {
    std::os::unix::net::UnixStream::connect(settings.paths.socket(&settings.profile)).is_ok()
}

/// An engine that is starting.
pub struct Starting(Child);

impl Starting {
    /// Starts one. It writes to the profile's log, and what it says before that too.
    pub fn new(settings: &Settings) -> Result<Self, CliError> {
        let told = |error: std::io::Error| CliError::internal(format!("no engine can be started: {error}"));
        arbion::client::remote::check_path(&settings.paths.socket(&settings.profile))
            .map_err(|error| attach_error(&error))?;
        let log = settings.paths.log_file(&settings.profile);
        let log = OpenOptions::new().append(true).create(true).mode(0o600).open(log).map_err(told)?;
        let mut command = Command::new(std::env::current_exe().map_err(told)?);
        command.args(["--profile", settings.profile.as_str()]);
        if let Some(file) = &settings.config_file {
            command.arg("--config").arg(file);
        }
        command.args(["engine", "run", "--detached"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).current_dir("/");
        Ok(Self(command.spawn().map_err(told)?))
    }

    /// Has it ended already; that is why it cannot be attached to.
    fn has_ended(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(_)))
    }

    /// Leaves it to itself. Whoever started it takes note of its end, as the system asks of a parent.
    pub fn leave(mut self) {
        let reap = move || match self.0.wait() {
            Ok(status) => tracing::debug!(%status, "the engine that was started here has ended"),
            Err(error) => tracing::debug!(%error, "the engine that was started here is not ours"),
        };
        if let Err(error) = std::thread::Builder::new().name("reaper".to_owned()).spawn(reap) {
            tracing::warn!(%error, "nobody takes note of the engine's end");
        }
    }
}

/// A line to the profile's engine, which is started where none runs. `None` when it could not start: whoever tries in this process is
/// told why.
pub async fn find_or_start(settings: &Settings) -> Result<Option<Arc<dyn Session>>, CliError> {
    if let Some(session) = find(settings).await? {
        return Ok(Some(Arc::new(session)));
    }
    let mut starting = Starting::new(settings)?;
    let deadline = clock::monotonic() + START_MAX;
    loop {
        match attach(terms(settings, ClientKind::Command, Some(Duration::from_millis(50)))).await {
            Ok(session) => {
                starting.leave();
                return Ok(Some(Arc::new(session)));
            }
            Err(AttachError::NoEngine) if starting.has_ended() => return Ok(None),
            Err(AttachError::NoEngine) if clock::monotonic() < deadline => {}
            Err(error) => {
                starting.leave();
                let log = settings.paths.log_file(&settings.profile);
                let tail = tail(&log);
                return Err(CliError::internal(format!(
                    "the engine did not start within {} s ({error}); its log {} ends: {tail}",
                    START_MAX.as_secs(),
                    log.display()
                )));
            }
        }
    }
}

fn tail(log: &std::path::Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    arbion::domain::text::clean(&last.join(" | ")).into_owned()
}

/// Lets go of the terminal this process was started from: it can neither signal this process nor be read or written by it.
pub fn let_go() {
    // A process that leads a group already has no session to leave; it was started by something that saw to that.
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "no session of its own");
    }
}

/// Is the engine until it is told to end, or nobody needs it. The engine has started and holds the profile's lock.
pub async fn be(settings: &Settings, running: Running) -> Result<(), CliError> {
    let path = settings.paths.socket(&settings.profile);
    if let Some(directory) = path.parent() {
        files::private_directory(directory).map_err(|error| CliError::usage(error.to_string()))?;
    }
    let door = Door::open(&path).map_err(|error| CliError::internal(error.to_string()))?;
    let config = &settings.loaded.config.engine;
    let life = Life {
        keep_running: config.keep_running,
        on_exit: match config.on_exit {
            OnExit::Keep => Rule::Keep,
            OnExit::CancelDay => Rule::CancelDay,
            OnExit::CancelAll => Rule::CancelAll,
        },
    };
    tracing::info!(pid = std::process::id(), socket = %path.display(), "the engine is ready");
    let (ended, door) = serve(door, running.session(), life).await?;
    let stopped = tokio::task::spawn_blocking(move || drop(running)).await;
    // Last: whoever finds no engine may start one, and finds the lock free.
    drop(door);
    stopped.map_err(|error| CliError::internal(error.to_string()))?;
    match ended {
        Ended::Told | Ended::AtOnce | Ended::Idle => Ok(()),
        Ended::Broken => Err(CliError::internal("the engine has stopped; the log says why")),
    }
}

/// What attaching says, as the command line says it.
pub fn attach_error(error: &AttachError) -> CliError {
    match error {
        AttachError::PathTooLong { .. } => CliError::usage(error.to_string()),
        AttachError::Foreign { .. } => CliError::new("NOT_AUTHORISED", 5, error.to_string()),
        _ => CliError::new("ENGINE", 6, error.to_string()),
    }
}

/// What a screen is attached to.
pub enum Behind {
    /// An engine in this process, perhaps on a throw-away directory.
    Here(Box<Running>, Option<PathBuf>),
    /// The profile's engine in a process of its own.
    Elsewhere {
        /// The line to it.
        session: RemoteSession,
        /// Tells how attaching went.
        attached: Option<oneshot::Receiver<Result<(), AttachError>>>,
        /// It, where this process started it.
        starting: Option<Starting>,
    },
}

impl Behind {
    /// An engine in this process.
    pub fn here(running: Running, temporary: Option<PathBuf>) -> Self {
        Self::Here(Box::new(running), temporary)
    }

    /// The profile's engine, which is started where none listens. The session shows `first` until it is attached to.
    pub fn elsewhere(settings: &Settings, first: Snapshot) -> Result<Self, CliError> {
        let starting = if listens(settings) { None } else { Some(Starting::new(settings)?) };
        let patience = starting.as_ref().map(|_| START_MAX);
        let (session, attached) = attach_later(terms(settings, ClientKind::Screen, patience), first);
        Ok(Self::Elsewhere { session, attached: Some(attached), starting })
    }

    /// The line to it.
    pub fn session(&self) -> Arc<dyn Session> {
        match self {
            Self::Here(running, _) => Arc::new(running.session()),
            Self::Elsewhere { session, .. } => Arc::new(session.clone()),
        }
    }

    /// Waits until it is up. `Err(None)` when it did not start and one in this process would say why.
    pub async fn started(&mut self) -> Result<(), Option<CliError>> {
        match self {
            Self::Here(running, _) => {
                running.started().await.map_err(|error| Some(crate::program::engine_error(&error)))
            }
            Self::Elsewhere { attached, starting, .. } => {
                let outcome = match attached.take() {
                    Some(attached) => attached.await.unwrap_or(Err(AttachError::NoEngine)),
                    None => Ok(()),
                };
                if let Some(starting) = starting.take() {
                    starting.leave();
                }
                outcome.map_err(|error| match error {
                    AttachError::NoEngine => None,
                    error => Some(attach_error(&error)),
                })
            }
        }
    }

    /// The screen is closed. An engine of its own is left to itself.
    pub async fn end(self) -> Result<(), CliError> {
        let Self::Here(running, temporary) = self else { return Ok(()) };
        let ended = tokio::task::spawn_blocking(move || {
            drop(running);
            crate::program::clear(temporary);
        });
        ended.await.map_err(|error| CliError::internal(error.to_string()))
    }
}
