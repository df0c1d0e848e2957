//! What is read from outside, with inputs that nobody would write (reliability C6): the command language, option symbols, foreign text, messages
//! of the socket, configuration files. Brokers' answers are in `tests/brokers`, the vault in its own folder.

use std::path::PathBuf;

use arbion::client::frames::Reader;
use arbion::client::wire::{FRAME_BYTES_MAX, PROTOCOL, ToClient, ToEngine, Update};
use arbion::command::types::Command;
use arbion::command::{ParseContext, explain, parse};
use arbion::config::{ConfigError, Loaded};
use arbion::domain::calendar::Calendar;
use arbion::domain::option::OptionContract;
use arbion::domain::text::{CLEAN_LENGTH_MAX, ascii_escaped, clean};
use arbion::market::symbols::Universe;
use serde_json::{Value, json};

use super::pseudo::trading_day;

#[path = "../support/fuzz.rs"]
mod fuzz;

const COMMANDS: &str = include_str!("../corpus/commands.tsv");
const EXAMPLE: &str = include_str!("../../config.example.toml");

fn texts<'a>(all: impl IntoIterator<Item = &'a str>) -> Vec<Vec<u8>> {
    all.into_iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn sentences() -> impl Iterator<Item = (&'static str, &'static str)> {
    COMMANDS.lines().filter(|line| !line.starts_with("# ")).map(|line| line.split_once('\t').unwrap())
}

#[test]
fn c6_the_command_language() {
    let (universe, calendar) = (Universe::load(), Calendar::nyse());
    let today = jiff::civil::date(2026, 11, 24);
    let context = ParseContext { today, lookup: &universe, calendar: &calendar };
    let corpus = texts(sentences().map(|(text, _)| text).step_by(7));
    fuzz::run("c6_the_command_language", &corpus, 4_000, |input| {
        let text = String::from_utf8_lossy(input);
        let command = parse(&text, &context);
        if let Command::Clarify { message, .. } = &command {
            assert!(!message.is_empty(), "{text:?} is answered by nothing");
            return fuzz::assert_shows_safely(message);
        }
        // What it says again in words means the same, and shows what stands in it.
        let words = explain(&command);
        fuzz::assert_shows_safely(&words);
        assert_eq!(parse(&words, &context), command, "{text:?} is said as {words:?}");
        let json = serde_json::to_string(&command).unwrap();
        assert_eq!(serde_json::from_str::<Command>(&json).unwrap(), command, "{json}");
    });
}

#[test]
fn c6_what_was_found_in_the_command_language_stays_mended() {
    let (universe, calendar) = (Universe::load(), Calendar::nyse());
    let today = jiff::civil::date(2026, 11, 24);
    let context = ParseContext { today, lookup: &universe, calendar: &calendar };
    let strike = parse("buy 1 aapl jan -190 2027 call", &context);
    assert!(
        matches!(&strike, Command::Clarify { message, .. } if message == "A strike is above zero."),
        "{strike:?}"
    );
    let nothing = parse("sell 2 tsla 12/18 300/290 put cr spread 0", &context);
    assert!(matches!(nothing, Command::Place(_)), "{nothing:?}");
    assert_eq!(parse(&explain(&nothing), &context), nothing);
}

#[test]
fn c6_option_symbols() {
    let corpus = texts([
        "AAPL  270115P00190000",
        "SPXW  261218C06000500",
        "BRKB  270115C00450000",
        "T270115P00019500",
        "F     280121C00010000",
        "NDXP  261127P20000000",
    ]);
    fuzz::run("c6_option_symbols", &corpus, 30_000, |input| {
        let text = String::from_utf8_lossy(input);
        match OptionContract::from_occ(&text) {
            Ok(contract) => {
                assert!(contract.strike.is_positive(), "{text:?}");
                let written = contract.occ_symbol();
                assert_eq!(written.len(), 21, "{text:?} is written {written:?}");
                assert_eq!(
                    OptionContract::from_occ(&written).as_ref(),
                    Ok(&contract),
                    "{text:?} by {written:?}"
                );
                fuzz::assert_shows_safely(&contract.into_instrument().to_string());
            }
            Err(error) => fuzz::assert_shows_safely(&error.to_string()),
        }
    });
}

#[test]
fn c6_foreign_text() {
    let corpus = texts([
        "plain AAPL 231.50",
        "Zürich – 東京 ✓ 👩\u{200d}🚀",
        "red \u{1b}[31;1malert\u{1b}[0m and \u{1b}]0;title\u{7} and \u{1b}]52;c;cm0gLXJm\u{1b}\\ and \u{1b}P1$r0m\u{1b}\\.",
        "c1 \u{9b}2Jend \u{9d}0;x\u{9c}. \u{90}q\u{9c}",
        "\u{202e}LPAA\u{202c}\u{2066}x\u{2069} e\u{301}\u{301}\u{301}\u{301} \u{1f1e9}\u{1f1ea} A\u{fe0f}",
        "unterminated \u{1b}]0;the rest",
    ]);
    fuzz::run("c6_foreign_text", &corpus, 30_000, |input| {
        let text = String::from_utf8_lossy(input);
        let cleaned = clean(&text).into_owned();
        fuzz::assert_shows_safely(&cleaned);
        assert!(cleaned.chars().count() <= CLEAN_LENGTH_MAX + 1);
        assert_eq!(clean(&cleaned), cleaned, "what is clean stays as it is");
        assert!(ascii_escaped(&text).bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{text:?}");
        // A terminal that reads it as bytes finds nothing to obey either.
        struct Obeys;
        impl vte::Perform for Obeys {
            fn execute(&mut self, byte: u8) {
                panic!("control {byte:#x}");
            }
            fn esc_dispatch(&mut self, _: &[u8], _: bool, byte: u8) {
                panic!("escape {byte:#x}");
            }
            fn csi_dispatch(&mut self, _: &vte::Params, _: &[u8], _: bool, action: char) {
                panic!("csi {action}");
            }
            fn osc_dispatch(&mut self, _: &[&[u8]], _: bool) {
                panic!("osc");
            }
            fn hook(&mut self, _: &vte::Params, _: &[u8], _: bool, action: char) {
                panic!("dcs {action}");
            }
        }
        vte::Parser::new().advance(&mut Obeys, cleaned.as_bytes());
    });
}

/// A message with the length before it, as it travels.
fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    frame.extend_from_slice(message);
    frame
}

fn questions() -> Vec<Vec<u8>> {
    let hello = json!({ "message": "hello", "protocol": [PROTOCOL, PROTOCOL], "build": "0.1.0", "nonce": 5, "client": "screen", "pid": 7 });
    let mut all = vec![hello.to_string().into_bytes()];
    let orders = sentences().step_by(97).map(|(_, command)| {
        let command: Value = serde_json::from_str(command).unwrap();
        json!({ "request": "execute", "command": command, "origin": "command", "account": null,
            "confirmation_hash": null, "allow_duplicate": false, "wait": true })
    });
    let others = [
        json!({ "request": "engine_status" }),
        json!({ "request": "halt", "all": true }),
        json!({ "request": "unlock", "passphrase": "words of nobody" }),
        json!({ "request": "set_secret", "name": "a", "value": "b" }),
        json!({ "request": "order_history", "limit": 5, "offset": 0 }),
    ];
    for (id, ask) in orders.chain(others).enumerate() {
        all.push(json!({ "message": "ask", "id": id, "ask": ask }).to_string().into_bytes());
    }
    all
}

#[test]
fn c6_messages_to_the_engine() {
    let corpus = questions();
    let known = corpus.iter().filter(|message| serde_json::from_slice::<ToEngine>(message).is_ok()).count();
    assert!(known > 20, "{known} of {} are messages", corpus.len());
    fuzz::run("c6_messages_to_the_engine", &corpus, 8_000, |input| {
        match serde_json::from_slice::<ToEngine>(input) {
            Ok(message) => {
                let again = serde_json::to_vec(&message).unwrap();
                assert_eq!(serde_json::from_slice::<ToEngine>(&again).unwrap(), message);
            }
            // The engine tells it to whoever sent it, cleaned.
            Err(error) => fuzz::assert_shows_safely(&clean(&error.to_string())),
        }
    });
}

#[test]
fn c6_messages_to_front_ends() {
    let first = trading_day::snapshot();
    let second = trading_day::moved(&first, 3, 20);
    let mut third = second.clone();
    third.seq += 1;
    let updates = [Update::whole(&first), Update::between(&first, &second), Update::between(&second, &third)];
    let mut corpus: Vec<Vec<u8>> = updates
        .into_iter()
        .map(|update| serde_json::to_vec(&ToClient::Update(Box::new(update))).unwrap())
        .collect();
    corpus.push(br#"{"message":"refused","reason":"another user"}"#.to_vec());
    corpus.push(br#"{"message":"answer","id":7,"answer":{"Err":{"error":"usage","text":"no"}}}"#.to_vec());
    fuzz::run("c6_messages_to_front_ends", &corpus, 600, |input| {
        let Ok(message) = ToClient::read(input) else { return };
        let again = serde_json::to_vec(&message).unwrap();
        assert_eq!(ToClient::read(&again).unwrap(), message);
        if let ToClient::Update(update) = message {
            for before in [None, Some(&first), Some(&second)] {
                if let Some(picture) = update.clone().applied_to(before) {
                    // It can be told again to the next front end.
                    assert!(Update::whole(&picture).applied_to(None).is_some());
                }
            }
        }
    });
}

#[test]
fn c6_frames_of_the_socket() {
    let mut corpus: Vec<Vec<u8>> = questions().iter().map(|message| frame(message)).collect();
    corpus.push(corpus[..6].concat());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    fuzz::run("c6_frames_of_the_socket", &corpus, 4_000, |input| {
        runtime.block_on(async {
            let mut reader = Reader::new(input, FRAME_BYTES_MAX);
            let mut read = 0;
            while let Ok(bytes) = reader.next_bytes().await {
                read += 4 + bytes.len();
                assert!(read <= input.len(), "more comes out than went in");
            }
        });
    });
}

#[test]
fn c6_configuration_files() {
    // The example with every option set, and in pieces of a table each.
    let set: String = EXAMPLE
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|line| line.contains(" = ")).unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n");
    let mut corpus = texts([
        EXAMPLE,
        set.as_str(),
        "[keys]\nquit = [\"q\", \"ctrl-x\"]\n[macros]\n\"f5\" = \"buy 1 {symbol}\"\n",
    ]);
    corpus.extend(set.split("\n[").skip(1).map(|part| format!("[{part}").into_bytes()));
    fuzz::run("c6_configuration_files", &corpus, 1_500, |input| {
        let text = String::from_utf8_lossy(input).into_owned();
        match Loaded::from_layers(&[(PathBuf::from("/f.toml"), text)]) {
            Ok(loaded) => {
                let written = loaded.config.to_toml();
                let again = Loaded::from_layers(&[(PathBuf::from("/f.toml"), written.clone())]);
                let again = again.unwrap_or_else(|error| panic!("{error}: {written}"));
                assert_eq!(again.config, loaded.config, "{written}");
            }
            Err(ConfigError::Problems(problems)) => {
                for problem in problems {
                    assert!(problem.line > 0, "{problem}");
                    fuzz::assert_shows_safely(&problem.to_string());
                }
            }
            Err(error) => fuzz::assert_shows_safely(&error.to_string()),
        }
    });
}
