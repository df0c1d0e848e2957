//! Profiles, secrets and the audit log, as `cli` asks for them.

use std::sync::Arc;

use arbion::cli::CliError;
use arbion::cli::host::Settings;
use arbion::client::keeping::{Keep, Kept};
use arbion::client::secret::{AskSecret, Secret};
use arbion::engine::clock;
use arbion::keeping::{KeepError, Keeping, Recorder};
use arbion::store::INSTALL_DATABASE;

fn keeping(settings: &Settings) -> Keeping {
    let (paths, profile) = (settings.paths.clone(), settings.profile.clone());
    Keeping::new(paths, profile, settings.environment.clone(), clock::system_now)
}

fn failed(error: &KeepError) -> CliError {
    let (code, exit) = error.code();
    CliError::new(code, exit, error.to_string())
}

/// Lets a command run on the profile.
pub fn admit(settings: &Settings, when_locked: bool) -> Result<(), CliError> {
    keeping(settings).admit(when_locked).map_err(|error| failed(&error))
}

/// Makes the installation of a first start, and admits to it. The disk is waited for elsewhere.
pub async fn admit_later(settings: &Settings) -> Result<(), CliError> {
    let settings = settings.clone();
    tokio::task::spawn_blocking(move || admit(&settings, false))
        .await
        .map_err(|error| CliError::internal(error.to_string()))?
}

/// Is there neither an installation nor this profile. Asked before the profile's directory is made.
pub fn is_first_start(settings: &Settings) -> bool {
    let paths = &settings.paths;
    !paths.data.join(INSTALL_DATABASE).exists() && !paths.profile_dir(&settings.profile).exists()
}

/// Does what is asked of profiles, secrets and the log.
pub fn carry_out(settings: &Settings, keep: Keep, ask: &mut dyn AskSecret) -> Result<Kept, CliError> {
    keeping(settings).carry_out(keep, ask).map_err(|error| failed(&error))
}

/// The login of a broker as the vault holds it, and the vault, which stays open for what belongs to it.
pub fn login(
    settings: &Settings,
    name: &str,
    ask: &mut dyn AskSecret,
) -> Result<(Arc<Recorder>, Secret), CliError> {
    let mut opened = || {
        let recorder = keeping(settings).recorder()?;
        recorder.open(ask)?;
        let sealed = recorder.secret(name)?;
        Ok((Arc::new(recorder), sealed))
    };
    opened().map_err(|error| failed(&error))
}

/// What writes an engine's events into the audit log. Without one the engine runs all the same: the kill switch and cancels must work
/// whatever has become of the log.
pub fn recorder(settings: &Settings) -> Option<Arc<Recorder>> {
    let recorder = keeping(settings).recorder();
    recorder
        .map(Arc::new)
        .inspect_err(|error| tracing::error!(%error, "nothing is written into the audit log"))
        .ok()
}
