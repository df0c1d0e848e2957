//! An emulator of a broker, by hand: `cargo run --example emulator -- NAME --port N` prints where it is and which credentials it accepts, and
//! runs until it is interrupted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a tool for tests may fail loudly"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it tells a person where it is")]

#[path = "../tests/emulators/mod.rs"]
#[allow(dead_code, reason = "each emulator serves this, the oracle and the tests; none uses all of it")]
mod emulators;

const USAGE: &str = "usage: emulator coinbase|coingecko|coingecko-pro [--port N]";

fn arguments() -> Option<(String, u16)> {
    let mut words = std::env::args().skip(1);
    let name = words.next()?;
    let port = match (words.next().as_deref(), words.next()) {
        (None, None) => 0,
        (Some("--port"), Some(port)) => port.parse().ok()?,
        _ => return None,
    };
    Some((name, port))
}

/// Says it as lines of `name=value`; a line's end within a value is written `\n`.
fn say(values: &[(&str, String)]) {
    for (name, value) in values {
        println!("{name}={}", value.trim().replace('\n', "\\n"));
    }
    println!("ready");
}

#[tokio::main]
async fn main() {
    let Some((name, port)) = arguments() else {
        eprintln!("{USAGE}");
        std::process::exit(2);
    };
    // Each is kept until the end.
    let _emulator: Box<dyn std::any::Any> = match name.as_str() {
        "coinbase" => {
            let emulator = emulators::coinbase::start(port).await;
            say(&[
                ("base_url", emulator.server.url()),
                ("stream_url", emulator.server.stream_url("/")),
                ("user_stream_url", emulator.server.stream_url("/")),
                ("key_name", emulator.key_name.clone()),
                ("private_key", emulator.private_key.clone()),
                ("ed25519_key", emulator.ed25519_key.clone()),
            ]);
            Box::new(emulator)
        }
        "coingecko" | "coingecko-pro" => {
            let emulator = emulators::coingecko::start(port, name == "coingecko-pro").await;
            say(&[("base_url", emulator.base_url()), ("api_key", emulator.api_key.to_owned())]);
            Box::new(emulator)
        }
        _ => {
            eprintln!("{USAGE}");
            std::process::exit(2);
        }
    };
    tokio::signal::ctrl_c().await.unwrap();
}
