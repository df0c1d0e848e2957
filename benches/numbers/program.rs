//! The program as it is started: size, first paint, first price, memory, what it writes. In a pseudo-terminal of 140x40.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use arbion::domain::instrument::AssetClass;
use arbion::market::symbols::Universe;
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::measure::{millis, percentile, row};

const STARTS: usize = 20;
const ROWS: u16 = 40;
const COLUMNS: u16 = 140;

pub fn run() {
    let program = env!("CARGO_BIN_EXE_arbion");
    let bytes = std::fs::metadata(program).unwrap().len();
    row("program: size of the file", format!("{:.1} MB", bytes as f64 / 1e6), "19 MB");
    starts();
    for symbols in [20, 60] {
        memory(symbols);
    }
}

struct Demo {
    _home: tempfile::TempDir,
    _master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    started: Instant,
    parser: vt100::Parser,
}

impl Demo {
    fn start(config: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        write_config(home.path(), config);
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_arbion"));
        command.arg("demo");
        command.env("ARBION_HOME", home.path());
        command.env("TERM", "xterm-256color");
        let mut reader = pty.master.try_clone_reader().unwrap();
        let (send, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || send.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let keys = pty.master.take_writer().unwrap();
        let started = Instant::now();
        let child = pty.slave.spawn_command(command).unwrap();
        let cells = |count: u16| std::num::NonZeroU16::new(count).unwrap();
        let parser = vt100::Parser::new(cells(ROWS), cells(COLUMNS), 0);
        Self { _home: home, _master: pty.master, keys, bytes, child, started, parser }
    }

    /// Time from the start until the screen satisfies the test.
    fn until(&mut self, test: impl Fn(&str) -> bool) -> Duration {
        let end = Instant::now() + Duration::from_secs(20);
        while let Ok(bytes) = self.bytes.recv_timeout(end.saturating_duration_since(Instant::now())) {
            let at = self.started.elapsed();
            self.parser.process(&bytes);
            if test(&self.parser.screen().contents()) {
                return at;
            }
        }
        Duration::MAX
    }

    /// Bytes written during this time.
    fn watch(&mut self, time: Duration) -> usize {
        let end = Instant::now() + time;
        let mut count = 0;
        while let Ok(bytes) = self.bytes.recv_timeout(end.saturating_duration_since(Instant::now())) {
            count += bytes.len();
        }
        count
    }

    /// A line of the process's status, in kB.
    fn status(&self, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.process_id().unwrap());
        let text = std::fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim_start_matches(':').trim().trim_end_matches(" kB").trim().parse().unwrap()
    }

    /// Processor time so far.
    fn spent(&self) -> Duration {
        let path = format!("/proc/{}/stat", self.child.process_id().unwrap());
        let text = std::fs::read_to_string(path).unwrap();
        let (_, rest) = text.rsplit_once(") ").unwrap();
        // Fields 14 and 15 of the line, in hundredths of a second; `rest` begins with field 3.
        let ticks: u64 = rest.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    fn end(mut self) {
        drop(self.keys.write_all(b"q"));
        drop(self.keys.flush());
        self.watch(Duration::from_secs(1));
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn write_config(home: &Path, config: &str) {
    std::fs::create_dir(home.join("config")).unwrap();
    std::fs::set_permissions(home.join("config"), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(home.join("config/config.toml"), config).unwrap();
    std::fs::set_permissions(home.join("config/config.toml"), std::fs::Permissions::from_mode(0o600))
        .unwrap();
}

/// The watchlist's first row has a price: `AAPL 255.42`.
fn shows_a_price(screen: &str) -> bool {
    screen.lines().filter_map(|line| line.split_once('▸')).any(|(_, row)| {
        row.split_whitespace().nth(1).is_some_and(|price| price.replace(',', "").parse::<f64>().is_ok())
    })
}

fn starts() {
    let (mut paints, mut prices) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let mut demo = Demo::start("");
        paints.push(demo.until(|screen| screen.contains("PAPER")));
        prices.push(demo.until(shows_a_price));
        demo.end();
    }
    row("program: start to first paint, median", millis(percentile(&mut paints, 50)), "15 ms");
    row("program: start to first price, median", millis(percentile(&mut prices, 50)), "60 ms");
}

fn memory(symbols: usize) {
    let universe = Universe::load();
    let listed =
        universe.listings().iter().filter(|listing| listing.instrument.asset_class() == AssetClass::Equity);
    let list: Vec<String> =
        listed.take(symbols).map(|listing| format!("\"{}\"", listing.instrument)).collect();
    assert_eq!(list.len(), symbols);
    let mut demo = Demo::start(&format!("[watchlists]\nmain = [{}]\n", list.join(", ")));
    demo.until(shows_a_price);
    demo.watch(Duration::from_secs(5));
    let before = demo.spent();
    let bytes = demo.watch(Duration::from_secs(10));
    let spent = demo.spent().saturating_sub(before);
    let goal = if symbols == 20 { "20 MB" } else { "30 MB" };
    let resident = demo.status("VmRSS") as f64 / 1e3;
    row(&format!("program: resident after 15 s, {symbols} symbols"), format!("{resident:.1} MB"), goal);
    row("  written to the terminal", format!("{:.1} KiB/s", bytes as f64 / 10.0 / 1_024.0), "");
    row("  processor", format!("{:.1} % of a core", spent.as_secs_f64() * 10.0), "");
    demo.end();
}
