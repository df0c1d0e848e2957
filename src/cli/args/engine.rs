//! Arguments of `engine …`.

use clap::Subcommand;

use super::run::LogsArgs;
use crate::config::ProfileName;

/// `engine …`.
#[derive(Debug, Subcommand)]
pub enum EngineCommand {
    /// Be the profile's engine in this process, until it is told to end
    Run {
        /// Let go of the terminal: a session of its own, no input, no output
        #[arg(long)]
        detached: bool,
        /// Start it again when it crashes
        #[arg(long, conflicts_with = "detached")]
        watched: bool,
        /// Be the child of a process that starts it again when it crashes
        #[arg(long, hide = true, conflicts_with_all = ["detached", "watched"])]
        supervised: bool,
    },
    /// Start the profile's engine in a process of its own, unless it runs
    Start,
    /// Stop the engine and start it with this program and this configuration
    Restart {
        /// Though protective orders work in it, or the disk has not taken what happened lately
        #[arg(long)]
        force: bool,
    },
    /// Show how the engine is doing
    Status {
        /// That of another profile; from admin on
        #[arg(long, value_name = "NAME")]
        of: Option<ProfileName>,
    },
    /// Stop the engine; what becomes of working orders is engine.on_exit
    Stop {
        /// Though protective orders work in it, or the disk has not taken what happened lately
        #[arg(long)]
        force: bool,
    },
    /// Show the engine's log, or follow it
    Logs(LogsArgs),
    /// Print a systemd unit that keeps the engine running
    Unit,
}
