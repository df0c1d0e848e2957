//! The engine's own process: run, start, restart, status, stop, unit.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::Context;
use crate::cli::args::EngineCommand;
use crate::cli::error::CliError;
use crate::cli::host::{Host, RunAs, Settings};
use crate::cli::output::engine::engine as tables;
use crate::cli::output::{Named, Output};
use crate::client::status::EngineStatus;
use crate::client::{Reply, Request, Session, SessionError};

/// How long an engine may take to end: answers that are on their way take up to five seconds.
const END_MAX: Duration = Duration::from_secs(10);
/// How often it is looked for meanwhile.
const END_EVERY: Duration = Duration::from_millis(20);

/// An engine that runs, or does not.
#[derive(Serialize)]
struct State {
    running: bool,
    #[serde(flatten)]
    status: Option<EngineStatus>,
}

/// One that was started.
#[derive(Serialize)]
struct Started<'a> {
    running: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'a str>,
    #[serde(flatten)]
    status: &'a EngineStatus,
}

/// Carries the command out.
pub(super) async fn run(context: &mut Context<'_>, command: &EngineCommand) -> Result<Output, CliError> {
    if let EngineCommand::Logs(args) = command {
        return super::logs::run(context, args).await;
    }
    if let EngineCommand::Unit = command {
        let unit = unit(&context.profile()?);
        return Ok(Output::new(&Named("unit", &unit))?.lines(unit.trim_end()));
    }
    let settings = context.settings(true)?;
    context.log = crate::cli::logging::start(&settings, context.host);
    let host = context.host;
    match command {
        EngineCommand::Run { detached, watched, supervised } => {
            let run_as = match (detached, watched, supervised) {
                (_, _, true) => RunAs::Supervised,
                (true, ..) => RunAs::Detached,
                (_, true, _) => RunAs::Watched,
                _ => RunAs::Foreground,
            };
            host.run_engine(&settings, run_as).await?;
            Output::message("the engine has ended")
        }
        EngineCommand::Start => started(host, &settings).await,
        EngineCommand::Restart { force } => {
            stop(host, &settings, *force).await?;
            started(host, &settings).await
        }
        EngineCommand::Status { of } => match host.engine_of(&settings, of.as_ref()).await? {
            Some(session) => match session.request(Request::EngineStatus).await {
                Ok(reply) => {
                    let status = status_of(reply)?;
                    let blocks = tables(&status, &settings.loaded.config.screen.zone.time_zone());
                    let output = Output::new(&State { running: true, status: Some(status) })?;
                    Ok(blocks.into_iter().fold(output, Output::table))
                }
                // It ended between our coming and its answer.
                Err(SessionError::Gone) => none_runs(),
                Err(error) => Err(error.into()),
            },
            None => none_runs(),
        },
        EngineCommand::Stop { force } => match stop(host, &settings, *force).await? {
            true => Output::message("the engine has ended"),
            false => Output::message("no engine runs"),
        },
        EngineCommand::Unit | EngineCommand::Logs(_) => {
            Err(CliError::internal("this is answered without an engine"))
        }
    }
}

async fn started(host: &dyn Host, settings: &Settings) -> Result<Output, CliError> {
    let session = host.start_engine(settings).await?;
    let status = status(&session).await?;
    let text = format!("the engine runs as process {}; build {}", status.pid, status.build);
    let warning = host.logout_warning(settings).await;
    let output =
        Output::new(&Started { running: true, warning: warning.as_deref(), status: &status })?.line(text);
    Ok(warning.iter().fold(output, |output, warning| output.line(warning)))
}

async fn status(session: &Arc<dyn Session>) -> Result<EngineStatus, CliError> {
    status_of(session.request(Request::EngineStatus).await?)
}

fn status_of(reply: Reply) -> Result<EngineStatus, CliError> {
    match reply {
        Reply::Engine(status) => Ok(*status),
        _ => Err(CliError::unexpected("the engine's status")),
    }
}

fn none_runs() -> Result<Output, CliError> {
    Ok(Output::new(&State { running: false, status: None })?
        .line("no engine runs; the first command that trades starts one, or: arbion engine start"))
}

/// Returns once the engine is gone; false when none ran.
async fn stop(host: &dyn Host, settings: &Settings, force: bool) -> Result<bool, CliError> {
    let Some(session) = host.running_engine(settings).await? else { return Ok(false) };
    match session.request(Request::StopEngine { force }).await {
        // It has gone by itself in the meantime.
        Ok(_) | Err(SessionError::Gone) => {}
        Err(error) => return Err(error.into()),
    }
    drop(session);
    let gone = async {
        // One that ends refuses whoever comes, which is no trouble here.
        while !matches!(host.running_engine(settings).await, Ok(None)) {
            tokio::time::sleep(END_EVERY).await;
        }
    };
    match tokio::time::timeout(END_MAX, gone).await {
        Ok(()) => Ok(true),
        Err(_) => Err(CliError::internal("the engine has not ended yet; arbion engine status")),
    }
}

/// A user unit of systemd (reliability L3): `systemctl --user enable --now arbion-NAME`.
fn unit(profile: &crate::config::ProfileName) -> String {
    format!(
        "# Save as ~/.config/systemd/user/arbion-{profile}.service, then: systemctl --user enable --now arbion-{profile}\n\
         # It runs on after logout with: loginctl enable-linger\n\
         [Unit]\n\
         Description=Arbion trading engine, profile {profile}\n\
         After=network-online.target\n\
         # Crashes are counted by the engine's parent: after three within five minutes it starts halted. It is never given up.\n\
         StartLimitIntervalSec=0\n\
         \n\
         [Service]\n\
         Type=notify\n\
         NotifyAccess=all\n\
         WatchdogSec=30\n\
         ExecStart=%h/.cargo/bin/arbion --profile {profile} engine run --watched\n\
         Restart=on-failure\n\
         RestartSec=100ms\n\
         # Whoever cannot start says why in arbion logs, and is not tried again.\n\
         RestartPreventExitStatus=1 2 3 4 5 6 7 8\n\
         # The parent alone is told to end, and tells the engine: told twice it would not end in order.\n\
         KillMode=mixed\n\
         KillSignal=SIGTERM\n\
         TimeoutStopSec=15\n\
         NoNewPrivileges=yes\n\
         ProtectSystem=strict\n\
         ReadWritePaths=%h/.config/arbion %h/.local/share/arbion %h/.local/state/arbion %h/.cache/arbion %t\n\
         PrivateTmp=yes\n\
         MemoryMax=512M\n\
         LimitCORE=0\n\
         UMask=0077\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n"
    )
}
