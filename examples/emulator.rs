//! A broker on this machine, to try the connectors against: `cargo run --example emulator -- alpaca --port 9001`. It prints where it is and
//! which credentials it takes, and runs until it is interrupted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a tool for tests, which may fail loudly"
)]

#[path = "../tests/emulators/mod.rs"]
#[allow(dead_code, reason = "what tests use besides")]
mod emulators;

use std::process::ExitCode;

/// The emulators by name.
const NAMES: &[&str] = &["alpaca", "hyperliquid"];

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let port = arguments.iter().position(|word| word == "--port").and_then(|at| arguments.get(at + 1));
    let port = port.map_or(Some(0), |text| text.parse::<u16>().ok());
    let (Some(name), Some(port)) = (arguments.first(), port) else {
        eprintln!("emulator NAME [--port N], where NAME is one of {}", NAMES.join(", "));
        return ExitCode::from(2);
    };
    match name.as_str() {
        "alpaca" => alpaca(port).await,
        "hyperliquid" => hyperliquid(port).await,
        other => {
            eprintln!("there is no emulator of '{other}', only of {}", NAMES.join(", "));
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

async fn interrupted() {
    tokio::signal::ctrl_c().await.unwrap();
}

async fn alpaca(port: u16) {
    let emulator = emulators::alpaca::start(port).await;
    println!("base_url = \"{}\"", emulator.server.url());
    println!("stream_url = \"{}\"", emulator.server.stream_url("/stream"));
    println!("data_url = \"{}\"", emulator.server.url());
    println!("data_stream_url = \"{}\"", emulator.server.stream_url(""));
    println!("key_id = \"{}\"", emulator.key_id);
    println!("secret_key = \"{}\"", emulator.secret_key);
    interrupted().await;
}

async fn hyperliquid(port: u16) {
    let emulator = emulators::hyperliquid::start(port).await;
    println!("base_url = \"{}\"", emulator.server.url());
    println!("stream_url = \"{}\"", emulator.server.stream_url("/ws"));
    println!("network = \"testnet\"");
    println!("private_key = \"{}\"", emulators::hyperliquid::AGENT_KEY);
    interrupted().await;
}
