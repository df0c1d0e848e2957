//! Doors of the kill switch beside the session (reliability H1): a file in the profile's directory, which `arbion halt` writes where
//! another process holds the engine, and which anybody can make by hand; and the signal SIGUSR1.

use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::client::SessionError;
use crate::core::effect::RequestId;
use crate::core::input::Input;
use crate::domain::limits::TradingState;
use crate::domain::text::clean;

use super::launch::Access;
use super::task::EngineTask;

/// Its name. While it is there, nothing that opens goes out.
pub const HALT_FILE: &str = "HALT";
/// What the file says when protective exits are to be canceled too.
const ALL: &str = "all";
/// What comes before a reason in it.
const BECAUSE: &str = "because ";
/// Bytes of it that are read.
const BYTES_MAX: u64 = 512;
/// The request that nobody made.
const NOBODY: RequestId = RequestId(0);

/// Asks the engine that runs on a profile's directory, in whatever process, to halt; `all` cancels protective exits too.
///
/// # Errors
/// When the file cannot be written.
pub fn request_halt(directory: &Path, all: bool) -> std::io::Result<()> {
    let path = directory.join(HALT_FILE);
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(if all { ALL } else { "" }.as_bytes())
}

/// Has the next engine of a directory start halted, and say why. Where the switch is on already it stays as it is.
///
/// # Errors
/// When the file cannot be written.
pub fn request_halt_because(directory: &Path, reason: &str) -> std::io::Result<()> {
    let path = directory.join(HALT_FILE);
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            file.write_all(format!("{BECAUSE}{reason}").as_bytes()).and_then(|()| file.sync_all())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// SIGUSR1, where the system gives it. From then on it no longer ends the process.
pub(super) struct HaltSignal(Option<Signal>);

impl HaltSignal {
    /// Listens, unless this engine only reads.
    pub(super) fn listen(access: Access) -> Self {
        if access == Access::Read {
            return Self(None);
        }
        let signal = signal(SignalKind::user_defined1());
        Self(signal.inspect_err(|error| tracing::warn!(%error, "SIGUSR1 will not halt")).ok())
    }

    /// Waits for the next one.
    pub(super) async fn recv(&mut self) {
        if let Some(signal) = &mut self.0
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

/// What the file says. One that cannot be read halts as an empty one does; what is no plain file, such as a pipe that nobody writes to, is
/// not waited for.
fn read(path: &Path) -> String {
    let mut text = String::new();
    if std::fs::metadata(path).is_ok_and(|meta| meta.is_file())
        && let Ok(file) = std::fs::File::open(path)
        && let Err(error) = file.take(BYTES_MAX).read_to_string(&mut text)
    {
        tracing::warn!(%error, "the file HALT cannot be read");
    }
    text
}

impl EngineTask {
    /// Halts because somebody sent the signal.
    pub(super) async fn halt_by_signal(&mut self) {
        if self.core.trading_state() != TradingState::Halted {
            self.step(Input::Halt { request: NOBODY, all: false, reason: "SIGUSR1".to_owned() }).await;
            self.settle();
            self.note_halt("SIGUSR1");
        }
    }

    /// Halts when the file is there.
    pub(super) async fn look_for_halt(&mut self) {
        if self.access == Access::Read || self.core.trading_state() == TradingState::Halted {
            return;
        }
        let path = self.directory.join(HALT_FILE);
        if !path.exists() {
            return;
        }
        let text = read(&path);
        let all = text.trim() == ALL;
        let reason = match text.lines().next().and_then(|line| line.strip_prefix(BECAUSE)) {
            Some(reason) => clean(reason).into_owned(),
            None => format!("the file {HALT_FILE} is in the profile's directory"),
        };
        self.step(Input::Halt { request: NOBODY, all, reason }).await;
        self.settle();
        self.note_halt("file HALT");
    }

    fn note_halt(&self, door: &str) {
        if let Some(audit) = &self.audit {
            audit.record(crate::domain::audit::AuditAction::Halted, door, "the kill switch", "ok");
        }
    }

    /// Removes the file, so that the engine does not halt again at once.
    pub(super) fn clear_halt(&self) -> Result<(), SessionError> {
        let path = self.directory.join(HALT_FILE);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(SessionError::Storage(
                format!("{} cannot be removed ({error}), so the kill switch stays on", path.display()),
            )),
            _ => Ok(()),
        }
    }
}
