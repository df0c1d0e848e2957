//! A broker on this machine, to try the connectors against: `cargo run --example emulator -- NAME --port 9001`. It prints where it is and
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
const NAMES: &[&str] = &["hyperliquid", "schwab"];

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
        "hyperliquid" => hyperliquid(port).await,
        "schwab" => schwab(port).await,
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

async fn hyperliquid(port: u16) {
    let emulator = emulators::hyperliquid::start(port).await;
    println!("base_url = \"{}\"", emulator.server.url());
    println!("stream_url = \"{}\"", emulator.server.stream_url("/ws"));
    println!("network = \"testnet\"");
    println!("private_key = \"{}\"", emulators::hyperliquid::AGENT_KEY);
    interrupted().await;
}

async fn schwab(port: u16) {
    let emulator = emulators::schwab::start(port).await;
    for (symbol, bid, ask) in [("AAPL", 99.9, 100.1), ("MSFT", 399.5, 400.5), ("$SPX", 5_000.0, 5_000.5)] {
        let decimal = |value: f64| rust_decimal::Decimal::try_from(value).unwrap();
        emulator.exchange.quote(symbol, decimal(bid), decimal(ask));
    }
    println!("base_url = \"{}\"", emulator.server.url());
    println!("app_key = \"{}\"", emulators::schwab::APP_KEY);
    println!("app_secret = \"{}\"", emulators::schwab::APP_SECRET);
    println!("redirect_uri = \"{}\"", emulators::schwab::REDIRECT);
    println!("access_token = \"{}\"", emulator.access_token);
    println!("refresh_token = \"{}\"", emulator.refresh_token);
    interrupted().await;
}
