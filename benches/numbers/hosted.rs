//! The core with strategies at work, and beside bots that misbehave.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arbion::bots::approval::scan;
use arbion::bots::{ANSWERS_WITHIN, House, PING_EVERY, Start};
use arbion::core::effect::RequestId;
use arbion::core::input::Input;
use arbion::domain::account::AccountMode;
use arbion::domain::ids::AccountId;
use arbion::domain::instrument::Instrument;
use arbion::domain::quote::Interval;
use arbion::domain::strategy::{StrategyChange, StrategyPhase, StrategyRules, StrategySpec};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::core::Rig;
use super::measure::{micros, per_second, percentile, row};

const STRATEGIES: usize = 10;
const QUOTES: usize = 200_000;
/// How long the core is measured, idle and beside bots.
const MEASURED: Duration = Duration::from_secs(5);

pub fn run() {
    strategies();
    beside_bots();
}

fn hosting() -> Rig {
    let mut rig = Rig::new();
    rig.fill_the_book();
    rig.step(Input::RunStrategies);
    for n in 0..STRATEGIES {
        let params = [("fast", "5"), ("slow", "20"), ("quantity", "1")];
        let spec = StrategySpec {
            name: format!("cross-{n}").into(),
            kind: "sma_cross".into(),
            account: AccountId::new("paper"),
            instruments: (0..5).map(|i| rig.instrument(100 + n * 5 + i).clone()).collect(),
            interval: Interval::Minute1,
            params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            adopt: Vec::new(),
            rules: StrategyRules::default(),
            exits: None,
        };
        let name = spec.name.clone();
        let ask = |change| Input::Strategy { request: RequestId(0), change };
        rig.step(ask(StrategyChange::Add { spec: Box::new(spec) }));
        rig.step(ask(StrategyChange::Start { name, confirmation: None }));
    }
    let views = rig.strategies();
    assert!(views.iter().all(|view| view.phase == StrategyPhase::Running), "{:?}", views[0].reason);
    rig
}

/// Each quote through venue and engine, timed; so many, or for so long.
fn feed(rig: &mut Rig, until: impl Fn(usize) -> bool) -> Vec<Duration> {
    let mut times = Vec::with_capacity(QUOTES);
    while until(times.len()) {
        let n = times.len();
        rig.later(SignedDuration::from_micros(20));
        let start = Instant::now();
        rig.quote(n % Rig::SYMBOLS, i64::try_from(n / Rig::SYMBOLS).unwrap());
        times.push(start.elapsed());
    }
    times
}

fn strategies() {
    let mut rig = hosting();
    let start = Instant::now();
    let mut times = feed(&mut rig, |done| done < QUOTES);
    let whole = start.elapsed();
    let name = format!("step: quotes with {STRATEGIES} strategies on 50 symbols");
    row(&name, per_second(u32::try_from(QUOTES).unwrap(), whole), "500,000 /s");
    row("  one of them, 99th of 100", micros(percentile(&mut times, 99)), "50 us");
}

const HOSTILE: [(&str, &str); 4] = [
    ("spins", "greet()\nwhile True:\n    pass\n"),
    (
        "floods",
        "greet()\nwhile True:\n    say({'jsonrpc': '2.0', 'method': 'log', 'params': {'level': 'info', 'text': 'x' * 10000}})\n",
    ),
    ("prints", "greet()\nwhile True:\n    sys.stderr.write('x' * 10000 + '\\n')\n"),
    ("crashes", "raise SystemError('a bug')\n"),
];
const GREETS: &str = "import json, os, sys, time\n\
    def read():\n    return json.loads(sys.stdin.readline())\n\
    def say(it):\n    sys.stdout.write(json.dumps(it) + '\\n'); sys.stdout.flush()\n\
    def greet():\n    for _ in range(2):\n        say({'jsonrpc': '2.0', 'id': read()['id'], 'result': {}})\n";

fn write_bot(profile: &Path, name: &str, body: &str) {
    let directory = profile.join("bots").join(name);
    std::fs::create_dir_all(&directory).unwrap();
    let manifest = format!(
        "name = \"{name}\"\ncommand = [\"python3\", \"-u\", \"main.py\"]\nprotocol = 1\n[permissions]\ninstruments = [\"AAPL\"]\n"
    );
    std::fs::write(directory.join("bot.toml"), manifest).unwrap();
    std::fs::write(directory.join("main.py"), format!("{GREETS}{body}")).unwrap();
}

/// The same steps alone, and while bots of the worst kinds run: those that spin, flood, print and crash.
fn beside_bots() {
    let mut rig = hosting();
    let for_a_while = |rig: &mut Rig| {
        let end = Instant::now() + MEASURED;
        feed(rig, |done| !done.is_multiple_of(64) || Instant::now() < end)
    };
    drop(for_a_while(&mut rig));
    let mut idle = for_a_while(&mut rig);
    let profile = tempfile::tempdir().unwrap();
    std::fs::set_permissions(profile.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let (said_in, mut said) = mpsc::channel(4_096);
    let house = House::open(said_in).unwrap();
    let mut tasks = Vec::new();
    for (name, body) in HOSTILE {
        write_bot(profile.path(), name, body);
        tasks.push(house.start(Start {
            strategy: name.into(),
            bot: name.into(),
            profile: profile.path().to_owned(),
            fingerprint: scan(profile.path(), name).unwrap().fingerprint,
            params: Default::default(),
            mode: AccountMode::Paper,
            instruments: vec![Instrument::equity("AAPL").unwrap()],
            interval: Interval::Minute1,
            memory: None,
            runner: env!("CARGO_BIN_EXE_arbion").into(),
            clock: Arc::new(|| Timestamp::UNIX_EPOCH),
            seed: 1,
            ping_every: PING_EVERY,
            answers_within: ANSWERS_WITHIN,
        }));
    }
    std::thread::park_timeout(Duration::from_secs(1));
    let mut beside = for_a_while(&mut rig);
    let mut heard = 0;
    while said.try_recv().is_ok() {
        heard += 1;
    }
    assert!(heard > 0, "no bot has run");
    let share = |beside: Duration, idle: Duration| beside.as_secs_f64() / idle.as_secs_f64() * 100.0 - 100.0;
    for (name, part) in [("median", 50), ("99th of 100", 99)] {
        let (alone, with) = (percentile(&mut idle, part), percentile(&mut beside, part));
        row(&format!("step of a quote, {name}, alone"), micros(alone), "");
        row(
            "  beside four bots that spin, flood, print and crash",
            format!("{} ({:+.1} %)", micros(with), share(with, alone)),
            "within 10 %",
        );
    }
    drop(tasks);
}
