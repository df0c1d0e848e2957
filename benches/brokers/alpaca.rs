//! Market data of Alpaca's streams: read, found by symbol, put into the newest quote, and that copied for whoever listens.

use std::collections::BTreeMap;

use arbion::brokers::alpaca::ticks::{Tick, read_json, read_packed};
use arbion::brokers::quotes::QuoteBoard;
use arbion::domain::instrument::Instrument;
use arbion::domain::option::OptionContract;
use arbion::domain::quote::{Feed, Quote};
use serde_json::{Value, json};

use crate::measure::{best, per_second, row};

#[path = "../../tests/emulators/alpaca/pack.rs"]
#[allow(dead_code, reason = "the emulator reads with it too")]
mod pack;

/// Frames of a run, and messages of a frame: of five, four are quotes and one is a trade.
const FRAMES: usize = 500;
const MESSAGES: usize = 20;
/// Symbols that are watched.
const SYMBOLS: usize = 100;

fn message(symbol: &str, number: usize) -> Value {
    let cents = 10_000 + number % 977;
    let (bid, ask) = (cents as f64 / 100.0, (cents + 1) as f64 / 100.0);
    let time = format!(
        "2026-07-01T14:{:02}:{:02}.{:09}Z",
        number / 60 % 60,
        number % 60,
        number * 7_919 % 1_000_000_000
    );
    if number.is_multiple_of(5) {
        json!({ "T": "t", "S": symbol, "i": number, "x": "V", "p": ask, "s": 100, "c": ["@"], "z": "C", "t": time })
    } else {
        json!({
            "T": "q", "S": symbol, "bx": "V", "bp": bid, "bs": 200, "ax": "V", "ap": ask, "as": 100, "c": ["R"], "z": "C", "t": time,
        })
    }
}

fn frames(symbols: &[String]) -> Vec<Value> {
    let of = |frame: usize| {
        let number = |at: usize| frame * MESSAGES + at;
        Value::Array(
            (0..MESSAGES).map(|at| message(&symbols[number(at) % symbols.len()], number(at))).collect(),
        )
    };
    (0..FRAMES).map(of).collect()
}

/// What a listener gets for a message.
fn mapped(
    tick: Tick<'_>,
    names: &BTreeMap<String, Instrument>,
    board: &mut QuoteBoard,
) -> Option<Box<Quote>> {
    let quote = match tick {
        Tick::Top { symbol, at, bid, ask } => board.top(names.get(symbol.as_ref())?, at, bid, ask),
        Tick::Trade { symbol, at, price, size, .. } => {
            board.trade(names.get(symbol.as_ref())?, at, price, size)
        }
        _ => return None,
    };
    Some(Box::new(quote.clone()))
}

fn measure(
    what: &str,
    symbols: &[Instrument],
    names: &[String],
    frames: &[Vec<u8>],
    read: impl for<'a> Fn(&'a [u8], &mut Vec<Tick<'a>>) -> Result<(), String>,
) {
    let names: BTreeMap<String, Instrument> = names.iter().cloned().zip(symbols.iter().cloned()).collect();
    let mut board = QuoteBoard::new(Feed::RealTime);
    let mut count = 0;
    let time = best(|| {
        count = 0;
        for frame in frames {
            let mut ticks = Vec::with_capacity(MESSAGES);
            read(frame, &mut ticks).unwrap();
            count += ticks.into_iter().filter_map(|tick| mapped(tick, &names, &mut board)).count();
        }
    });
    assert_eq!(count, FRAMES * MESSAGES, "every message became a quote");
    row(what, per_second(u32::try_from(count).unwrap(), time), "200000 /s");
}

pub fn run() {
    let shares: Vec<String> =
        (0..SYMBOLS).map(|n| format!("S{}", (b'A' + (n % 26) as u8) as char).repeat(1 + n / 26)).collect();
    let instruments: Vec<Instrument> =
        shares.iter().map(|symbol| Instrument::equity(symbol).unwrap()).collect();
    let text: Vec<Vec<u8>> = frames(&shares).iter().map(|frame| frame.to_string().into_bytes()).collect();
    measure("alpaca: JSON messages parsed and mapped", &instruments, &shares, &text, read_json);
    let contracts: Vec<String> = (0..SYMBOLS).map(|n| format!("AAPL270115C{:08}", (n + 1) * 1_000)).collect();
    let of = |symbol: &String| OptionContract::from_occ(symbol).unwrap().into_instrument();
    let options: Vec<Instrument> = contracts.iter().map(of).collect();
    let packed: Vec<Vec<u8>> = frames(&contracts).iter().map(pack::write).collect();
    measure("alpaca: MessagePack messages parsed and mapped", &options, &contracts, &packed, read_packed);
}
