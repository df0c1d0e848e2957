//! The numbers of the program: `cargo bench --bench numbers`, or with names of parts behind `--`. One table; figures of one run on one
//! machine. The machine is noisy: compare within a run.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark prints its table and may fail loudly"
)]

use ::arbion;

mod attach;
mod backtest;
mod core;
mod hosted;
mod language;
mod market;
mod measure;
mod program;
mod recover;
mod safe;
mod store;

#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/scripted.rs"]
mod scripted;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/trading_day.rs"]
mod trading_day;

fn main() {
    let parts: [(&str, fn()); 10] = [
        ("core", core::run),
        ("hosted", hosted::run),
        ("backtest", backtest::run),
        ("market", market::run),
        ("language", language::run),
        ("store", store::run),
        ("safe", safe::run),
        ("attach", attach::run),
        ("recover", recover::run),
        ("program", program::run),
    ];
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    println!("{:<58} {:>18}   goal", "what", "measured");
    for (name, run) in parts {
        if wanted.is_empty() || wanted.iter().any(|part| part == name) {
            run();
        }
    }
}
