//! The containment of a bot's process: what `arbion bot-exec` does to itself before it becomes the bot. Limits, no new rights, death with its
//! parent, a view of the file system that ends at its own folder, an environment without a secret in it.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr,
};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Pid, getgid, getppid, getuid, setpgid};
use serde::{Deserialize, Serialize};

/// Folders that an interpreter and its libraries may lie in: read and run, never written.
const SYSTEM: &[&str] = &[
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/sbin",
    "/opt",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/ssl",
    "/etc/python3",
    "/etc/alternatives",
    "/proc/self",
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/sys/devices/system/cpu",
];
/// What every program reads from and writes to.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"];
/// Where programs are looked for.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Address space beside the memory it may use: code and stacks are mapped and not used.
const ADDRESS_SPACE_FACTOR: u64 = 4;

/// What a bot's process is held to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cage {
    /// Its own folder.
    pub directory: PathBuf,
    /// The command, without a shell.
    pub command: Vec<String>,
    /// Its own variables.
    pub variables: BTreeMap<String, String>,
    /// The zone that its local time is of.
    pub zone: String,
    /// The process that it dies with.
    pub parent: i32,
    /// Bytes of memory; what watches the process holds it to that, the system to a multiple of it.
    pub memory: u64,
    /// Open files.
    pub open_files: u64,
    /// Bytes of a file it writes.
    pub file: u64,
    /// Processes and threads of its user.
    pub processes: u64,
    /// It may use the network.
    pub network: bool,
}

/// A cage that could not be closed.
#[derive(Debug, thiserror::Error)]
pub enum CageError {
    /// One of its bars.
    #[error("the bot is not started: {what} failed: {reason}")]
    Bar {
        /// Which.
        what: &'static str,
        /// The system's words.
        reason: String,
    },
    /// Whoever started it is gone.
    #[error("the bot is not started: the engine has ended")]
    Orphan,
    /// The command cannot be run.
    #[error("{command} cannot be run: {reason}")]
    Command {
        /// As in the manifest.
        command: String,
        /// The system's words.
        reason: String,
    },
}

fn bar<T, E: std::fmt::Display>(what: &'static str, result: Result<T, E>) -> Result<T, CageError> {
    result.map_err(|error| CageError::Bar { what, reason: error.to_string() })
}

/// Closes the cage around this process and becomes the bot. Returns only when that failed.
///
/// # Errors
/// Which bar could not be set, or that the command cannot be run.
pub fn enter(cage: &Cage) -> Result<std::convert::Infallible, CageError> {
    bar("the parent-death signal", prctl::set_pdeathsig(Signal::SIGKILL))?;
    // Between fork and that call the parent may have ended: then nobody would ever tell.
    if getppid() != Pid::from_raw(cage.parent) {
        return Err(CageError::Orphan);
    }
    bar("a process group of its own", setpgid(Pid::from_raw(0), Pid::from_raw(0)))?;
    umask(Mode::from_bits_truncate(0o077));
    bar("its folder", std::env::set_current_dir(&cage.directory))?;
    let limits = [
        ("no core file", Resource::RLIMIT_CORE, 0),
        ("the limit of open files", Resource::RLIMIT_NOFILE, cage.open_files),
        ("the limit of files it writes", Resource::RLIMIT_FSIZE, cage.file),
        ("the limit of processes", Resource::RLIMIT_NPROC, cage.processes),
        ("the limit of memory", Resource::RLIMIT_AS, cage.memory.saturating_mul(ADDRESS_SPACE_FACTOR)),
    ];
    for (what, resource, limit) in limits {
        bar(what, setrlimit(resource, limit, limit))?;
    }
    if !cage.network
        && let Err(error) = leave_network()
    {
        // Said to the user when he approved it; the bot's log has it too.
        let line = format!("network = false is not enforced: {error}\n");
        bar("its log", io::Write::write_all(&mut io::stderr(), line.as_bytes()))?;
    }
    bar("no new rights", prctl::set_no_new_privs())?;
    fence(cage)?;
    let Some((program, words)) = cage.command.split_first() else {
        return Err(CageError::Command { command: String::new(), reason: "it is empty".to_owned() });
    };
    let mut command = Command::new(program);
    command.args(words).env_clear().envs(environment(cage));
    let error: io::Error = command.exec();
    Err(CageError::Command { command: program.clone(), reason: error.to_string() })
}

/// Its whole environment: nothing of the engine's, so that no secret can be in it.
#[must_use]
pub fn environment(cage: &Cage) -> BTreeMap<String, String> {
    let data = cage.directory.join("data");
    let mut variables = cage.variables.clone();
    for (name, value) in [
        ("PATH", PATH.to_owned()),
        ("HOME", cage.directory.display().to_string()),
        ("LANG", "C.UTF-8".to_owned()),
        ("TZ", cage.zone.clone()),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        // What lies about as compiled code beside the sources is nobody's to run: only sources were approved.
        ("PYTHONPYCACHEPREFIX", data.join("pycache").display().to_string()),
        ("PYTHONUNBUFFERED", "1".to_owned()),
        ("TMPDIR", data.display().to_string()),
    ] {
        variables.insert(name.to_owned(), value);
    }
    variables
}

/// Rules of the file system: its own folder is its to write, the system's are there to read, the rest does not exist for it.
fn fence(cage: &Cage) -> Result<(), CageError> {
    const WHAT: &str = "the fence around its folder";
    let abi = ABI::V5;
    let read = AccessFs::from_read(abi);
    let own = AccessFs::from_all(abi);
    let devices = AccessFs::from_file(abi) & (AccessFs::ReadFile | AccessFs::WriteFile);
    let ruleset =
        bar(WHAT, Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(own))?;
    let mut created = bar(WHAT, ruleset.create())?;
    let mut system: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
    // An interpreter's settings have its version in their name.
    let etc = std::fs::read_dir("/etc").into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    system.extend(etc.filter(|path| path.to_string_lossy().starts_with("/etc/python3")));
    let devices_of = DEVICES.iter().map(PathBuf::from).collect();
    for (paths, access) in [(system, read), (devices_of, devices)] {
        for path in &paths {
            // What this machine has not needs no rule.
            let Ok(fd) = PathFd::new(path) else { continue };
            let access = if path.is_dir() { access } else { access & AccessFs::from_file(abi) };
            created = bar(WHAT, created.add_rule(PathBeneath::new(fd, access)))?;
        }
    }
    let fd = bar(WHAT, PathFd::new(&cage.directory))?;
    created = bar(WHAT, created.add_rule(PathBeneath::new(fd, own)))?;
    if let Some(home) = interpreter_home(cage) {
        let fd = bar(WHAT, PathFd::new(home))?;
        created = bar(WHAT, created.add_rule(PathBeneath::new(fd, read)))?;
    }
    // A kernel without it was said to the user when he approved the bot; a kernel that has it and refuses is an error.
    bar(WHAT, created.restrict_self()).map(|_| ())
}

/// A program named by its whole path may lie elsewhere: the folder above its own, as environments of interpreters have it.
fn interpreter_home(cage: &Cage) -> Option<PathBuf> {
    let program = Path::new(cage.command.first()?);
    if !program.is_absolute() {
        return None;
    }
    let real = std::fs::canonicalize(program).ok()?;
    let home = real.parent()?.parent()?.to_path_buf();
    // Never the whole file system, nor a user's home.
    (home.components().count() > 2).then_some(home)
}

/// A namespace of its own without a network, in which it is who it was.
fn leave_network() -> io::Result<()> {
    let (user, group) = (getuid(), getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Can this machine take the network from a process.
#[must_use]
pub fn can_isolate() -> bool {
    let mut command = Command::new("/usr/bin/unshare");
    command.args(["--user", "--map-current-user", "--net", "--", "/bin/true"]).env_clear();
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Can this machine fence a process in.
#[must_use]
pub fn can_fence() -> bool {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .and_then(Ruleset::create)
        .is_ok()
}

/// What of the containment this machine does not give a bot: one line each, empty where all of it holds.
#[must_use]
pub fn unenforced(network: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if !can_fence() {
        lines.push("files = \"own\" is not enforced: this kernel has no Landlock".to_owned());
    }
    if !network && !can_isolate() {
        lines.push(
            "network = false is not enforced: this machine lets no user make a network namespace".to_owned(),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_environment_is_what_is_said_and_no_more() {
        let cage = Cage {
            directory: "/profile/bots/tiny".into(),
            command: vec!["python3".to_owned()],
            variables: [("WINDOW".to_owned(), "20".to_owned())].into(),
            zone: "UTC".to_owned(),
            parent: 1,
            memory: 1,
            open_files: 16,
            file: 1,
            processes: 1,
            network: false,
        };
        let names: Vec<String> = environment(&cage).into_keys().collect();
        assert_eq!(
            names,
            [
                "HOME",
                "LANG",
                "PATH",
                "PYTHONDONTWRITEBYTECODE",
                "PYTHONPYCACHEPREFIX",
                "PYTHONUNBUFFERED",
                "TMPDIR",
                "TZ",
                "WINDOW"
            ]
        );
        assert_eq!(environment(&cage)["HOME"], "/profile/bots/tiny");
        let text = serde_json::to_string(&cage).unwrap();
        assert_eq!(serde_json::from_str::<Cage>(&text).unwrap(), cage);
    }

    #[test]
    fn what_fails_is_named() {
        let failed: Result<(), CageError> = bar("the limit of memory", Err(io::Error::other("no")));
        assert_eq!(failed.unwrap_err().to_string(), "the bot is not started: the limit of memory failed: no");
        assert!(CageError::Orphan.to_string().contains("engine has ended"));
        let command = CageError::Command { command: "x".to_owned(), reason: "gone".to_owned() };
        assert_eq!(command.to_string(), "x cannot be run: gone");
    }
}
