//! What a bot's processes use of the machine, read from `/proc`: memory, processor time, how many they are. What uses more than it may is
//! killed by whoever asks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::time::Instant;

/// Processes and threads of one bot at most.
pub(super) const TASKS_MAX: u64 = 64;
/// Processor time is averaged over so long before anybody is killed for it.
const CPU_OVER: Duration = Duration::from_secs(30);

/// One process as `/proc/PID/stat` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: i32,
    group: i32,
    session: i32,
    /// Clock ticks in user and kernel mode.
    ticks: u64,
    threads: u64,
    /// Pages in memory.
    pages: u64,
}

/// The fields after the name, which may hold blanks and brackets itself.
fn parse(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|text| text.parse::<i64>().ok());
    let unsigned = |at: usize| number(at).and_then(|number| u64::try_from(number).ok());
    Some(Stat {
        parent: i32::try_from(number(1)?).ok()?,
        group: i32::try_from(number(2)?).ok()?,
        session: i32::try_from(number(3)?).ok()?,
        ticks: unsigned(11)? + unsigned(12)?,
        threads: unsigned(17)?,
        pages: unsigned(21).unwrap_or(0),
    })
}

fn all() -> BTreeMap<i32, Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeMap::new() };
    entries
        .filter_map(|entry| {
            let id: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            Some((id, parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)?))
        })
        .collect()
}

/// A process and whatever it has started: its children's children, and what is of its group.
fn family(all: &BTreeMap<i32, Stat>, root: i32) -> BTreeSet<i32> {
    let mut members: BTreeSet<i32> = BTreeSet::from([root]);
    loop {
        let more: Vec<i32> = all
            .iter()
            .filter(|(id, stat)| {
                !members.contains(id)
                    && (members.contains(&stat.parent) || stat.group == root || stat.session == root)
            })
            .map(|(id, _)| *id)
            .collect();
        if more.is_empty() {
            return members;
        }
        members.extend(more);
    }
}

/// The processes of a bot, its own first.
#[must_use]
pub(super) fn members(root: u32) -> Vec<i32> {
    i32::try_from(root).map(|root| family(&all(), root).into_iter().collect()).unwrap_or_default()
}

/// Sends a signal to a bot's process, to its group and to whatever it has started. Who is gone already needs none.
pub(super) fn signal_all(root: u32, signal: Signal) {
    let ids = members(root);
    let Ok(group) = i32::try_from(root) else { return };
    killpg(Pid::from_raw(group), signal).unwrap_or_default();
    for id in ids.into_iter().filter(|id| *id != group) {
        kill(Pid::from_raw(id), signal).unwrap_or_default();
    }
}

/// Watches one bot's processes.
#[derive(Debug)]
pub(super) struct Watchdog {
    root: i32,
    memory: u64,
    cpu_pct: u32,
    page: u64,
    ticks_per_second: u64,
    /// Processor time used, when it was looked at, oldest first.
    used: std::collections::VecDeque<(Instant, u64)>,
}

impl Watchdog {
    pub(super) fn new(root: u32, memory: u64, cpu_pct: u32) -> Self {
        Self {
            root: i32::try_from(root).unwrap_or_default(),
            memory,
            cpu_pct,
            page: u64::try_from(rustix::param::page_size()).unwrap_or(4_096),
            ticks_per_second: rustix::param::clock_ticks_per_second().max(1),
            used: std::collections::VecDeque::new(),
        }
    }

    /// What it uses too much of, in words.
    pub(super) fn look(&mut self) -> Option<String> {
        let all = all();
        let members = family(&all, self.root);
        let of: Vec<&Stat> = members.iter().filter_map(|id| all.get(id)).collect();
        let tasks: u64 = of.iter().map(|stat| stat.threads).sum();
        if tasks > TASKS_MAX {
            return Some(format!("it has {tasks} processes and threads, {TASKS_MAX} are allowed"));
        }
        let memory = of.iter().map(|stat| stat.pages).sum::<u64>() * self.page;
        if memory > self.memory {
            let mib = |bytes: u64| bytes / (1024 * 1024);
            return Some(format!("it uses {} MiB of memory, {} are allowed", mib(memory), mib(self.memory)));
        }
        let ticks: u64 = of.iter().map(|stat| stat.ticks).sum();
        self.cpu(Instant::now(), ticks)
    }

    fn cpu(&mut self, now: Instant, ticks: u64) -> Option<String> {
        self.used.push_back((now, ticks));
        let (since, before) = *self.used.front()?;
        let over = now.duration_since(since);
        if over < CPU_OVER {
            return None;
        }
        self.used.pop_front();
        let millis = u64::try_from(over.as_millis()).unwrap_or(u64::MAX).max(1);
        let used = ticks.saturating_sub(before) * 100_000 / self.ticks_per_second / millis;
        (used > u64::from(self.cpu_pct))
            .then(|| format!("it uses {used} % of a core, {} are allowed", self.cpu_pct))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_proc_is_read_whatever_the_name() {
        let line = "42 (a) b (c)) S 7 42 40 0 -1 4194304 1 2 3 4 500 25 0 0 20 0 3 0 100 1000000 256 18446744073709551615";
        let stat = parse(line).unwrap();
        assert_eq!(stat, Stat { parent: 7, group: 42, session: 40, ticks: 525, threads: 3, pages: 256 });
        assert_eq!(parse("42"), None);
    }

    #[test]
    fn children_of_children_are_family() {
        let stat = |parent, group| Stat { parent, group, session: 1, ticks: 0, threads: 1, pages: 1 };
        let all = BTreeMap::from([
            (10, stat(1, 10)),
            (11, stat(10, 11)),
            (12, stat(11, 12)),
            (13, stat(1, 10)),
            (14, stat(1, 14)),
        ]);
        assert_eq!(family(&all, 10), BTreeSet::from([10, 11, 12, 13]));
    }

    #[tokio::test(start_paused = true)]
    async fn processor_time_is_an_average() {
        let mut dog = Watchdog::new(std::process::id(), u64::MAX, 50);
        let (per_second, start) = (dog.ticks_per_second, Instant::now());
        let mut at =
            |seconds: u64, used: u64| dog.cpu(start + Duration::from_secs(seconds), used * per_second);
        assert_eq!(at(0, 0), None);
        assert_eq!(at(10, 10), None);
        assert_eq!(at(30, 15), None);
        assert_eq!(at(41, 41).unwrap(), "it uses 100 % of a core, 50 are allowed");
    }

    #[test]
    fn it_sees_itself() {
        assert!(members(std::process::id()).contains(&i32::try_from(std::process::id()).unwrap()));
        let mut dog = Watchdog::new(std::process::id(), 1, 50);
        assert!(dog.look().unwrap().contains("MiB of memory, 0 are allowed"));
    }
}
