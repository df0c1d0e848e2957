//! The engine in a process of its own: finding it, starting it, being it.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arbion::cli::host::Settings;
use arbion::cli::{CliError, EXIT_LOCKED};
use arbion::client::Session;
use arbion::client::frames::FrameError;
use arbion::client::remote::{AttachError, RemoteSession, Terms, attach, attach_later};
use arbion::client::wire::ClientKind;
use arbion::config::files;
use arbion::config::{OnExit, ProfileName};
use arbion::domain::audit::AuditAction;
use arbion::domain::snapshot::Snapshot;
use arbion::engine::heart::Watchdog;
use arbion::engine::manager::Manager;
use arbion::engine::rights::Gate;
use arbion::engine::serve::{Around, Ended, Life, OnExit as Rule, serve};
use arbion::engine::socket::Door;
use arbion::engine::{Running, clock};
use arbion::keeping::Recorder;
use tokio::sync::oneshot;

use crate::supervisor::CRASHED;

/// How long a new engine may take until it can be attached to (reliability L2).
/// The specification (L2) says 3 s, which an engine on a busy machine may need for itself: one that has ended is told of at once all the same.
const START_MAX: Duration = Duration::from_secs(15);
/// How long one that has read its books may take to show them.
const READ_MAX: Duration = Duration::from_secs(10);
/// Lines of its log that are shown when it does not.
const TAIL_LINES: usize = 3;

/// How this process attaches.
pub fn terms(settings: &Settings, client: ClientKind, patience: Option<Duration>) -> Terms {
    Terms {
        path: settings.paths.socket(&settings.profile),
        client,
        build: env!("CARGO_PKG_VERSION").to_owned(),
        uid: rustix::process::getuid().as_raw(),
        actor: None,
        patience,
    }
}

/// A line to the engine that runs; `None` where none does.
pub async fn find(settings: &Settings) -> Result<Option<RemoteSession>, CliError> {
    find_by(terms(settings, ClientKind::Command, None)).await
}

/// The same to the engine of another profile, on behalf of this one.
pub async fn find_of(settings: &Settings, of: &ProfileName) -> Result<Option<RemoteSession>, CliError> {
    find_by(Terms {
        path: settings.paths.socket(of),
        actor: Some(settings.profile.to_string()),
        ..terms(settings, ClientKind::Command, None)
    })
    .await
}

async fn find_by(terms: Terms) -> Result<Option<RemoteSession>, CliError> {
    match attach(terms).await {
        Ok(session) => Ok(Some(session)),
        // What cannot be a socket's path is no engine's, and must not keep anybody from reading.
        Err(AttachError::NoEngine | AttachError::PathTooLong { .. }) => Ok(None),
        Err(error) if is_ending(&error) => Ok(None),
        Err(error) => Err(attach_error(&error)),
    }
}

/// One that closes the door in our face is ending, or was killed a moment ago.
fn is_ending(error: &AttachError) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
    match error {
        AttachError::Ending(_) | AttachError::Frame(FrameError::Closed) => true,
        AttachError::Frame(FrameError::Io(error)) => matches!(error.kind(), BrokenPipe | ConnectionReset),
        _ => false,
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
        command.args(["engine", "run", "--detached", "--profile", settings.profile.as_str()]);
        if let Some(file) = &settings.config_file {
            command.arg("--config").arg(file);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).current_dir("/");
        Ok(Self(command.spawn().map_err(told)?))
    }

    /// Has it failed; that is why it cannot be attached to. One that found the profile in use has not: another was faster, and is there in a
    /// moment.
    fn has_failed(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(status)) if status.code() != Some(i32::from(EXIT_LOCKED)))
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
            Err(AttachError::NoEngine) if starting.has_failed() => return Ok(None),
            Err(AttachError::NoEngine) if clock::monotonic() < deadline => {}
            Err(error) if is_ending(&error) && clock::monotonic() < deadline => {}
            // Whoever holds the profile all the time is named by the one who tries here.
            Err(AttachError::NoEngine) if matches!(starting.0.try_wait(), Ok(Some(_))) => return Ok(None),
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

pub fn tail(log: &std::path::Path) -> String {
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
pub async fn be(settings: &Settings, running: Running, audit: Option<Arc<Recorder>>) -> Result<(), CliError> {
    // Whoever attaches is shown the account, not what stood there before it was read.
    let mut pictures = running.session().snapshots();
    let read = pictures.wait_for(|picture| picture.seq > 0);
    if !matches!(tokio::time::timeout(READ_MAX, read).await, Ok(Ok(_))) {
        return Err(CliError::new("CRASHED", CRASHED, "the engine has read its books and does nothing"));
    }
    let path = settings.paths.socket(&settings.profile);
    if let Some(directory) = path.parent() {
        files::private_directory(directory).map_err(|error| CliError::usage(error.to_string()))?;
    }
    let door = Door::open(&path).map_err(|error| CliError::internal(error.to_string()))?;
    let config = &settings.loaded.config.engine;
    let environment = &settings.environment;
    let life = Life {
        // A service manager starts it to have it run.
        keep_running: config.keep_running || environment.notify_socket.is_some(),
        alone_max: (config.alone_minutes > 0)
            .then(|| Duration::from_secs(u64::from(config.alone_minutes) * 60)),
        on_exit: match config.on_exit {
            OnExit::Keep => Rule::Keep,
            OnExit::CancelDay => Rule::CancelDay,
            OnExit::CancelAll => Rule::CancelAll,
        },
    };
    tracing::info!(pid = std::process::id(), socket = %path.display(), "the engine is ready");
    let watched = audit.as_ref().and_then(|recorder| {
        let watched = recorder.watch();
        watched.inspect_err(|error| tracing::error!(%error, "roles cannot be read")).ok()
    });
    // A thread that stands still for good is ended with the process, which is then started again.
    let _watchdog = Watchdog::start(running.heart(), || std::process::abort())?;
    let manager = Manager::new(
        environment.notify_socket.as_deref(),
        environment.watchdog_us.map(Duration::from_micros),
    );
    let gate = Gate::new(settings.profile.as_str(), watched.as_ref(), audit.clone());
    let around = Around { gate, life, vitals: running.vitals(), heart: running.heart(), manager };
    note(audit.as_deref(), AuditAction::EngineStarted, &format!("build {}", env!("CARGO_PKG_VERSION")));
    let (ended, door) = serve(door, running.session(), around).await?;
    note(audit.as_deref(), AuditAction::EngineStopped, &format!("{ended:?}").to_lowercase());
    // The last rows are on disk once the last who writes them has gone.
    let stopped = tokio::task::spawn_blocking(move || drop((running, audit))).await;
    // Last: whoever finds no engine may start one, and finds the lock free.
    drop(door);
    stopped.map_err(|error| CliError::internal(error.to_string()))?;
    match ended {
        Ended::Told | Ended::AtOnce | Ended::Idle => Ok(()),
        Ended::Broken => Err(CliError::new("CRASHED", CRASHED, "the engine has stopped; the log says why")),
    }
}

fn note(audit: Option<&Recorder>, action: AuditAction, result: &str) {
    if let Some(audit) = audit {
        audit.record(action, "", "engine", result);
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
            crate::runs::clear(temporary);
        });
        ended.await.map_err(|error| CliError::internal(error.to_string()))
    }
}
