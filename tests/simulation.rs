//! The simulation (reliability 17): the pure engine with a journal, a broker at the end of a bad line, and kills between any two effects.
//!
//! One seed decides everything. A failing seed is printed; put it into `REPLAY` to run it alone.
//! `cargo test --test simulation` runs a few hundred seeds, `cargo test --release --test simulation -- --ignored` many more.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs,
    reason = "a test may fail loudly, and names the seed that did"
)]

#[path = "simulation/broker.rs"]
mod broker;
#[path = "simulation/disk.rs"]
mod disk;
#[path = "simulation/random.rs"]
mod random;
#[path = "simulation/world.rs"]
mod world;

use world::{Coverage, World};

/// A seed to run alone.
const REPLAY: Option<u64> = None;
/// What must have happened in any few hundred seeds, or the simulation does not look where it should.
const RARE: [&str; 30] = [
    "acknowledged after restart",
    "asked",
    "cancel refused",
    "cancel sent again",
    "clock jumped back",
    "dividend paid",
    "execution busted",
    "exit filled",
    "exit never reached",
    "exit replaced",
    "exit shrunk",
    "exit shrunk to what had filled",
    "fill after being replaced",
    "fill after cancel",
    "fill before acknowledgement",
    "fill while being replaced",
    "fill while unknown",
    "journal failed",
    "killed before a replace",
    "killed before a send",
    "killed before the journal",
    "leg filled after cancel",
    "never reached",
    "option expired",
    "package filled",
    "replace refused",
    "replaced",
    "replacement never reached",
    "tripped",
    "unknown order found",
];

/// Says which seed it was, whatever goes wrong in it.
struct Naming(u64);

impl Drop for Naming {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {} failed", self.0);
        }
    }
}

fn run(seeds: std::ops::Range<u64>) -> Coverage {
    let mut coverage = Coverage::new();
    let seeds = REPLAY.map_or(seeds, |seed| seed..seed + 1);
    for seed in seeds {
        let naming = Naming(seed);
        let mut world = World::new(seed);
        world.run();
        for (what, times) in world.coverage {
            *coverage.entry(what).or_default() += times;
        }
        drop(naming);
    }
    coverage
}

fn covers(coverage: &Coverage) {
    for rare in RARE {
        assert!(coverage.contains_key(rare), "{rare} never happened: {coverage:?}");
    }
}

#[test]
fn j7_no_fault_makes_two_orders_or_loses_a_fill() {
    covers(&run(0..300));
}

#[test]
#[ignore = "long: cargo test --release --test simulation -- --ignored"]
fn j7_the_same_for_many_seeds() {
    covers(&run(300..100_000));
}
