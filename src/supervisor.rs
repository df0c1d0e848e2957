//! The parent of a detached engine: it starts it, starts it again when it crashes, and hands signals on. It opens nothing of the profile
//! itself. An engine that crashes three times within five minutes starts halted (reliability L6).

use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use arbion::cli::CliError;
use arbion::cli::host::Settings;
use arbion::engine::{clock, request_halt_because};
use tokio::signal::unix::{SignalKind, signal};

/// The exit code of an engine that broke.
pub const CRASHED: u8 = 70;
/// Crashes within [`CRASHES_WITHIN`] after which it starts halted.
const CRASHES_MAX: usize = 3;
/// See `CRASHES_MAX`.
const CRASHES_WITHIN: Duration = Duration::from_secs(300);
/// Pause before it is started again.
const PAUSE: Duration = Duration::from_millis(100);

/// How a run of the engine ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    /// As it should, or it could not start: it has said why.
    Over(u8),
    /// It broke: by itself, or by a signal that only a bug sends.
    Crashed,
    /// Somebody killed it, or the system did.
    Killed,
}

fn judge(status: ExitStatus) -> Run {
    match (status.code(), status.signal()) {
        (Some(code), _) if code == i32::from(CRASHED) => Run::Crashed,
        (Some(code), _) => Run::Over(u8::try_from(code).unwrap_or(1)),
        // Killed: out of memory, or a person who knows. What is in flight is taken up by the next start (J7).
        (None, Some(9)) => Run::Killed,
        (None, Some(1 | 2 | 15)) => Run::Over(0),
        (None, _) => Run::Crashed,
    }
}

/// Crashes of late.
#[derive(Debug, Default)]
struct Crashes(VecDeque<Duration>);

impl Crashes {
    /// Counts one at a time since boot. True when there are too many.
    fn add(&mut self, now: Duration) -> bool {
        self.0.push_back(now);
        self.0.retain(|at| now.saturating_sub(*at) <= CRASHES_WITHIN);
        self.0.len() >= CRASHES_MAX
    }
}

/// Is the supervisor until the engine has ended for good.
pub async fn supervise(settings: &Settings) -> Result<(), CliError> {
    let began = clock::monotonic();
    let mut crashes = Crashes::default();
    loop {
        let status = run_once(settings).await?;
        match judge(status) {
            Run::Over(0) => return Ok(()),
            // It has said why in the log; whoever started it asks itself.
            Run::Over(code) => {
                return Err(CliError::new("ENGINE", code, format!("the engine ended: {status}")));
            }
            Run::Killed => tracing::error!(%status, "the engine was killed; it is started again"),
            Run::Crashed => {
                tracing::error!(%status, "the engine crashed; it is started again");
                if crashes.add(began.elapsed()) {
                    halt(&settings.paths.profile_dir(&settings.profile), status);
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn halt(directory: &Path, status: ExitStatus) {
    let reason = format!(
        "the engine crashed {CRASHES_MAX} times within {} minutes, the last time by {status}; see: arbion logs",
        CRASHES_WITHIN.as_secs() / 60
    );
    match request_halt_because(directory, &reason) {
        Ok(()) => tracing::error!(reason, "it starts halted"),
        Err(error) => tracing::error!(%error, "it cannot be halted"),
    }
}

/// One run of the engine, with signals handed on.
async fn run_once(settings: &Settings) -> Result<ExitStatus, CliError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut halt = signal(SignalKind::user_defined1())?;
    let mut child = start(settings)?;
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let hand_on = |signal: rustix::process::Signal| {
        if let Some(pid) = pid
            && let Err(error) = rustix::process::kill_process(pid, signal)
        {
            tracing::debug!(%error, "the engine has gone already");
        }
    };
    let ended = tokio::task::spawn_blocking(move || child.wait());
    tokio::pin!(ended);
    loop {
        tokio::select! {
            biased;
            status = &mut ended => {
                return Ok(status.map_err(|error| CliError::internal(error.to_string()))??);
            }
            _ = terminate.recv() => hand_on(rustix::process::Signal::TERM),
            _ = interrupt.recv() => hand_on(rustix::process::Signal::INT),
            _ = halt.recv() => hand_on(rustix::process::Signal::USR1),
            // A terminal that goes away takes nothing with it.
            _ = hang_up.recv() => {}
        }
    }
}

fn start(settings: &Settings) -> Result<Child, CliError> {
    let told = |error: std::io::Error| CliError::internal(format!("no engine can be started: {error}"));
    let mut command = Command::new(std::env::current_exe().map_err(told)?);
    command.args(["engine", "run", "--supervised", "--profile", settings.profile.as_str()]);
    if let Some(file) = &settings.config_file {
        command.arg("--config").arg(file);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l6_what_is_a_crash_and_what_is_an_end() {
        let by_code = |code: i32| judge(ExitStatus::from_raw(code << 8));
        let by_signal = |signal: i32| judge(ExitStatus::from_raw(signal));
        assert_eq!([0, 1, 7].map(by_code), [Run::Over(0), Run::Over(1), Run::Over(7)]);
        assert_eq!(by_code(70), Run::Crashed);
        assert_eq!([6, 11, 7].map(by_signal), [Run::Crashed; 3]);
        assert_eq!([9, 15, 2].map(by_signal), [Run::Killed, Run::Over(0), Run::Over(0)]);
    }

    #[test]
    fn l6_three_crashes_within_five_minutes_are_too_many() {
        let mut crashes = Crashes::default();
        let late: Vec<bool> =
            [0, 10, 299, 400, 620, 640].map(|at| crashes.add(Duration::from_secs(at))).to_vec();
        assert_eq!(late, [false, false, true, false, false, true]);
    }
}
