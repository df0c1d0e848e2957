//! The numbers of the connectors: `cargo bench --bench brokers`, or with names of parts behind `--`. One table; figures of one run on one
//! machine, one core.
#![allow(
    clippy::print_stdout,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark prints its table and may fail loudly"
)]

mod alpaca;
#[allow(dead_code, reason = "shared with the tests of the brokers")]
#[path = "../../tests/brokers/approved.rs"]
mod approved;
mod hyperliquid;
#[allow(dead_code, reason = "shared with the other tables, which use all of it")]
#[path = "../numbers/measure.rs"]
mod measure;
mod orders;

fn main() {
    let parts: [(&str, fn()); 3] =
        [("alpaca", alpaca::run), ("hyperliquid", hyperliquid::run), ("orders", orders::run)];
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    println!("{:<58} {:>18}   goal", "what", "measured");
    for (name, run) in parts {
        if wanted.is_empty() || wanted.iter().any(|part| part == name) {
            run();
        }
    }
}
