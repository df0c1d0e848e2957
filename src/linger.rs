//! Does the engine outlive the logout: systemd ends a user's processes where it is told to and the user does not linger (reliability L3).

use std::process::{Command, Stdio};
use std::time::Duration;

/// How long logind may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// What logind says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Logind {
    /// `KillUserProcesses`: processes of a user end at logout.
    kills: bool,
    /// `Linger`: the user's do not.
    lingers: bool,
}

impl Logind {
    /// Reads the lines `Name=value` that it prints.
    fn parse(text: &str) -> Self {
        let yes = |name: &str| {
            text.lines()
                .any(|line| line.split_once('=').is_some_and(|(key, value)| key == name && value == "yes"))
        };
        Self { kills: yes("KillUserProcesses"), lingers: yes("Linger") }
    }

    /// What to tell the user; `None` where the engine outlives the logout.
    pub fn warning(self) -> Option<String> {
        (self.kills && !self.lingers).then(|| {
            "systemd ends your processes at logout, the engine too (KillUserProcesses=yes, Linger=no); \
             keep it with: loginctl enable-linger, then arbion engine unit"
                .to_owned()
        })
    }
}

/// Asks logind; `None` where there is none, or it does not answer soon.
pub async fn ask() -> Option<Logind> {
    let uid = rustix::process::getuid().as_raw().to_string();
    let work = tokio::task::spawn_blocking(move || {
        let shown = |args: &[&str]| {
            let output = Command::new("loginctl").args(args).stdin(Stdio::null()).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let manager = shown(&["show-user", "--property=KillUserProcesses"])?;
        // Nobody is logged in by its lights: whoever it does not know, it does not end.
        let user = shown(&["show-user", &uid, "--property=Linger"])?;
        Some(Logind::parse(&format!("{manager}\n{user}")))
    });
    tokio::time::timeout(ANSWER_MAX, work).await.ok()?.ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l3_only_where_processes_end_and_nobody_lingers_is_it_said() {
        for (text, warned) in [
            ("KillUserProcesses=yes\n\nLinger=no\n", true),
            ("KillUserProcesses=yes\n\nLinger=yes\n", false),
            ("KillUserProcesses=no\n\nLinger=no\n", false),
            ("KillUserProcesses=yes\n", true),
            ("", false),
            ("nonsense", false),
        ] {
            assert_eq!(Logind::parse(text).warning().is_some(), warned, "{text:?}");
        }
    }
}
