//! A broker on this machine, to try the connectors against: `cargo run --example emulator -- NAME --port 9001`. It prints where it is and
//! which credentials it takes, as lines of `name = "value"`, and runs until it is interrupted.
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

use std::any::Any;
use std::process::ExitCode;

use rust_decimal::Decimal;

/// The emulators by name.
const NAMES: &[&str] = &["alpaca", "coinbase", "coingecko", "coingecko-pro", "hyperliquid", "schwab"];

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let port = arguments.iter().position(|word| word == "--port").and_then(|at| arguments.get(at + 1));
    let port = port.map_or(Some(0), |text| text.parse::<u16>().ok());
    let (Some(name), Some(port)) = (arguments.first(), port) else {
        eprintln!("emulator NAME [--port N], where NAME is one of {}", NAMES.join(", "));
        return ExitCode::from(2);
    };
    // Each is kept until the end.
    let _kept: Box<dyn Any> = match name.as_str() {
        "alpaca" => alpaca(port).await,
        "coinbase" => coinbase(port).await,
        "coingecko" | "coingecko-pro" => coingecko(port, name == "coingecko-pro").await,
        "hyperliquid" => hyperliquid(port).await,
        "schwab" => schwab(port).await,
        other => {
            eprintln!("there is no emulator of '{other}', only of {}", NAMES.join(", "));
            return ExitCode::from(2);
        }
    };
    println!("ready");
    tokio::signal::ctrl_c().await.unwrap();
    ExitCode::SUCCESS
}

/// Says it as TOML; the end of a line within a value is written `\n`.
fn say(values: &[(&str, &str)]) {
    for (name, value) in values {
        println!("{name} = \"{}\"", value.trim().replace('\n', "\\n"));
    }
}

async fn alpaca(port: u16) -> Box<dyn Any> {
    let emulator = emulators::alpaca::start(port).await;
    say(&[
        ("base_url", &emulator.server.url()),
        ("stream_url", &emulator.server.stream_url("/stream")),
        ("data_url", &emulator.server.url()),
        ("data_stream_url", &emulator.server.stream_url("")),
        ("key_id", &emulator.key_id),
        ("secret_key", &emulator.secret_key),
    ]);
    Box::new(emulator)
}

async fn coinbase(port: u16) -> Box<dyn Any> {
    let emulator = emulators::coinbase::start(port).await;
    say(&[
        ("base_url", &emulator.server.url()),
        ("stream_url", &emulator.server.stream_url("/")),
        ("user_stream_url", &emulator.server.stream_url("/")),
        ("key_name", &emulator.key_name),
        ("private_key", &emulator.private_key),
        ("ed25519_key", &emulator.ed25519_key),
    ]);
    Box::new(emulator)
}

async fn coingecko(port: u16, pro: bool) -> Box<dyn Any> {
    let emulator = emulators::coingecko::start(port, pro).await;
    say(&[("base_url", &emulator.base_url()), ("api_key", emulator.api_key)]);
    Box::new(emulator)
}

async fn hyperliquid(port: u16) -> Box<dyn Any> {
    let emulator = emulators::hyperliquid::start(port).await;
    say(&[
        ("base_url", &emulator.server.url()),
        ("stream_url", &emulator.server.stream_url("/ws")),
        ("network", "testnet"),
        ("private_key", emulators::hyperliquid::AGENT_KEY),
    ]);
    Box::new(emulator)
}

async fn schwab(port: u16) -> Box<dyn Any> {
    let emulator = emulators::schwab::start(port).await;
    for (symbol, bid, ask) in [("AAPL", 999, 1_001), ("MSFT", 3_995, 4_005), ("$SPX", 50_000, 50_005)] {
        emulator.exchange.quote(symbol, Decimal::new(bid, 1), Decimal::new(ask, 1));
    }
    say(&[
        ("base_url", &emulator.server.url()),
        ("app_key", emulators::schwab::APP_KEY),
        ("app_secret", emulators::schwab::APP_SECRET),
        ("redirect_uri", emulators::schwab::REDIRECT),
        ("access_token", &emulator.access_token),
        ("refresh_token", &emulator.refresh_token),
    ]);
    Box::new(emulator)
}
