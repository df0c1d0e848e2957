//! Memory and processor time of a bot held by the system: a scope of the user's own service manager, which is a control group (cgroup v2)
//! around the bot and whatever it starts. Where there is no such manager, `watch` is what holds it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::unistd::getuid;

use super::manifest::BotLimits;
use super::watch::TASKS_MAX;

/// The program that makes scopes. It becomes what it is to run, so that the process stays the one that was started.
const SYSTEMD_RUN: &str = "/usr/bin/systemd-run";

/// A service manager that makes scopes for this user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// Where the manager is spoken to: `XDG_RUNTIME_DIR`.
    runtime: PathBuf,
}

impl Scope {
    /// Looks for one, and tries it: it may be there and not be allowed to hold memory. Takes as long as a small process does.
    pub(super) fn find(limits: &BotLimits) -> Option<Self> {
        let runtime = PathBuf::from(format!("/run/user/{}", getuid()));
        let answers = ["systemd/private", "bus"].iter().any(|socket| runtime.join(socket).exists());
        if !answers || !Path::new(SYSTEMD_RUN).is_file() {
            return None;
        }
        let scope = Self { runtime };
        let mut tried = std::process::Command::new(SYSTEMD_RUN);
        tried.args(Self::words(limits)).arg("/bin/true");
        tried.env_clear().envs(scope.environment());
        tried.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        tried.status().is_ok_and(|status| status.success()).then_some(scope)
    }

    /// The program to start in the place of another one, and the words before that one's.
    pub(super) fn command(limits: &BotLimits) -> (&'static str, Vec<String>) {
        (SYSTEMD_RUN, Self::words(limits))
    }

    /// What the manager is found by; nothing of it reaches the bot.
    pub(super) fn environment(&self) -> [(&'static str, PathBuf); 1] {
        [("XDG_RUNTIME_DIR", self.runtime.clone())]
    }

    fn words(limits: &BotLimits) -> Vec<String> {
        let mut words: Vec<String> =
            ["--user", "--scope", "--quiet", "--collect"].map(str::to_owned).to_vec();
        for property in [
            format!("MemoryMax={}M", limits.memory_mb),
            "MemorySwapMax=0".to_owned(),
            format!("CPUQuota={}%", limits.cpu_pct),
            format!("TasksMax={TASKS_MAX}"),
        ] {
            words.extend(["-p".to_owned(), property]);
        }
        words.push("--".to_owned());
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_asked_for_with_the_limits_of_the_manifest() {
        let limits = BotLimits {
            memory_mb: 512,
            cpu_pct: 50,
            open_files: 64,
            file_mb: 64,
            start_s: 20,
            reply_ms: 2_000,
            log_lines_per_s: 50,
        };
        let (program, words) = Scope::command(&limits);
        assert_eq!(program, "/usr/bin/systemd-run");
        assert_eq!(
            words.join(" "),
            "--user --scope --quiet --collect -p MemoryMax=512M -p MemorySwapMax=0 -p CPUQuota=50% -p TasksMax=64 --"
        );
        let scope = Scope { runtime: "/run/user/1000".into() };
        assert_eq!(scope.environment(), [("XDG_RUNTIME_DIR", PathBuf::from("/run/user/1000"))]);
    }
}
