//! Every public error: its one line, and that no variant is without a test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use arbion::brokers::endpoint::Endpoint;
use arbion::brokers::stream::StreamError;
use arbion::brokers::{BrokerError, BrokerKind};
use arbion::client::frames::FrameError;
use arbion::client::remote::AttachError;
use arbion::config::files::FileError;
use arbion::config::{ConfigError, PathError};
use arbion::core::lifecycle::{IllegalTransition, Transition};
use arbion::domain::denial::{Denial, DenialCode};
use arbion::domain::execution::Reject;
use arbion::domain::ids::{AccountId, ClientOrderId};
use arbion::domain::instrument::Symbol;
use arbion::domain::money::{Currency, parse_decimal};
use arbion::domain::option::OptionContract;
use arbion::domain::order::OrderStatus;
use arbion::domain::quote::Interval;
use arbion::domain::strategy::RuleError;
use arbion::engine::EngineError;
use arbion::engine::socket::SocketError;
use arbion::keeping::KeepError;
use arbion::market::bars_file;
use arbion::quant::greeks::IvError;
use arbion::store::StoreError;
use arbion::strategies::schedule::ScheduleSpec;
use arbion::strategies::{MemoryError, ParamError};
use arbion::tui::{KeymapError, TuiError};
use arbion::vault::VaultError;

/// An error and the line it earns.
type Case = (Box<dyn std::error::Error>, &'static str);

fn case(error: impl std::error::Error + 'static, line: &'static str) -> Case {
    (Box::new(error), line)
}

fn words() -> String {
    "words".to_owned()
}

fn path() -> PathBuf {
    PathBuf::from("/p/f")
}

#[test]
fn values_say_what_was_found_and_what_is_allowed() {
    check([
        case(
            "x".parse::<ClientOrderId>().unwrap_err(),
            "'x' is not a client order id (26 characters of Crockford's base 32)",
        ),
        case(
            Symbol::new("A B").unwrap_err(),
            "'A B' is not a symbol (1 to 24 ASCII letters, digits, '.', '-' or '/')",
        ),
        case(
            parse_decimal("1e5").unwrap_err(),
            "'1e5' is not a decimal number (digits with at most one point, up to 28 digits)",
        ),
        case(
            Currency::new("$").unwrap_err(),
            "'$' is not a currency code (1 to 8 letters or digits, such as USD)",
        ),
        case(
            OptionContract::from_occ("AAPL").unwrap_err(),
            "'AAPL' is not an OCC option symbol (root, yymmdd, C or P, strike x 1000 in 8 digits)",
        ),
        case("7x".parse::<Interval>().unwrap_err(), "'7x' is not an interval (1m, 5m, 15m, 1h, 1d or 1w)"),
        case(Denial { code: DenialCode::Halted, text: "HALTED".to_owned() }, "HALTED"),
        case(
            IllegalTransition { status: OrderStatus::Denied, event: Transition::Acknowledged },
            "order event Acknowledged cannot happen to an order that is denied",
        ),
        case(
            IvError::BelowIntrinsic { lower_bound: 2.5 },
            "price is below the discounted intrinsic value 2.5",
        ),
        case(IvError::AboveMaximum { upper_bound: 9.0 }, "price is above the highest possible value 9"),
        case(IvError::Expired, "the option has expired"),
    ]);
}

#[test]
fn strategies_say_what_may_stand_there() {
    check([
        case(
            ParamError::Value { name: "fast".into(), found: "0".into(), allowed: "1 to 5".into() },
            "parameter fast: found '0', allowed 1 to 5",
        ),
        case(
            ParamError::Unknown { name: "x".into(), kind: "sma_cross".into(), known: "fast".into() },
            "parameter x is not known to sma_cross; it has fast",
        ),
        case(
            ParamError::Kind { name: "x".into(), known: "sma_cross".into() },
            "no strategy is called 'x'; there are sma_cross",
        ),
        case(
            ParamError::Form { name: "put".into() },
            "parameter put: allowed are numbers, words, true, false, null and lists of them",
        ),
        case(
            MemoryError::Newer { found: 3, known: 1 },
            "its memory is of version 3, and this program knows versions up to 1; use a newer one",
        ),
        case(MemoryError::Unreadable { reason: words() }, "its memory cannot be read: words"),
        case(
            RuleError::Value { name: "capital", found: "x".into(), allowed: "none" },
            "limit capital: found 'x', allowed none",
        ),
        case(
            RuleError::Unknown { name: "luck".into(), known: "capital".into() },
            "limit luck is not known; there are capital",
        ),
        case(
            "noon".parse::<ScheduleSpec>().unwrap_err(),
            "'noon' is not a schedule; write 'every 5m', 'at 09:45,15:30', 'open+30m', 'close-15m' or 'bar 1d', \
             with 'all' for every day",
        ),
    ]);
}

#[test]
fn the_world_is_said_with_its_file_or_its_name() {
    check([
        case(
            BrokerError::Unreachable { broker: "paper".into(), reason: words() },
            "paper cannot be reached: words",
        ),
        case(
            BrokerError::NoAnswer { broker: "paper".into(), reason: words() },
            "paper gave no answer: words",
        ),
        case(
            BrokerError::Refused {
                broker: "alpaca".into(),
                status: 403,
                reject: Reject { code: "40310000".into(), message: words() },
            },
            "alpaca refuses (40310000): words",
        ),
        case(
            BrokerError::Unauthorized { broker: "alpaca".into(), reason: words() },
            "alpaca does not accept the login: words",
        ),
        case(
            BrokerError::Busy { broker: "alpaca".into(), wait: Duration::from_millis(1_200) },
            "alpaca has no room for this call for another 2 s",
        ),
        case(
            BrokerError::RateLimited { broker: "alpaca".into(), retry_after: Duration::from_secs(7) },
            "alpaca says that there are too many calls; asked again in 7 s",
        ),
        case(
            BrokerError::Unreadable { broker: "alpaca".into(), call: "orders", reason: words() },
            "alpaca answers orders with what cannot be read: words",
        ),
        case(
            BrokerError::Unsupported {
                broker: "alpaca".into(),
                what: "fok orders of options".into(),
                allowed: "day".into(),
            },
            "alpaca does not take fok orders of options; it takes day",
        ),
        case(
            BrokerError::NotFound { broker: "alpaca".into(), what: "order 7".into() },
            "alpaca has no order 7",
        ),
        case(
            Endpoint::parse("ftp://x").unwrap_err(),
            "'ftp://x' is no address of a broker (https:// or wss://; http:// and ws:// to 127.0.0.1, [::1] or localhost only)",
        ),
        case(
            "x".parse::<BrokerKind>().unwrap_err(),
            "'x' is no broker (alpaca, coinbase, coingecko, hyperliquid, schwab)",
        ),
        case(StreamError::Lost(words()), "words"),
        case(StreamError::Gap(words()), "messages are missing: words"),
        case(StreamError::Refused(words()), "words"),
        case(StreamError::Unheard, "nobody listens"),
        case(
            bars_file::load(Path::new("/no/such.csv"), &arbion::domain::calendar::Calendar::nyse())
                .unwrap_err(),
            "/no/such.csv: file: found 'No such file or directory (os error 2)', allowed: a readable file of CSV or Parquet",
        ),
        case(
            EngineError::Store(StoreError::Full { path: path() }),
            "/p/f: the disk is full; free some room, nothing is lost",
        ),
        case(
            StoreError::NotPrivate { path: path(), found: words(), mend: "chmod 600 /p/f".to_owned() },
            "/p/f words; run: chmod 600 /p/f",
        ),
        case(
            EngineError::Venue { account: AccountId::new("paper"), reason: words() },
            "the stored paper venue of paper cannot be read (words); restore a backup of the profile",
        ),
        case(EngineError::Thread(std::io::Error::other("words")), "no thread can be started: words"),
        case(
            EngineError::Leftover { path: path(), reason: words() },
            "/p/f cannot be removed (words); remove it by hand",
        ),
        case(EngineError::Ended, "the engine ended while it was starting"),
        case(
            ConfigError::TooLarge { path: path(), bytes: 9, allowed: 5 },
            "/p/f: found 9 bytes, allowed at most 5",
        ),
        case(
            PathError::HomeNotAbsolute("here".into()),
            "ARBION_HOME: found 'here', allowed an absolute path",
        ),
        case(PathError::NoHome, "no home directory is known; set ARBION_HOME to an absolute path"),
        case(
            FileError::Foreign { path: path(), owner: 7, ours: 5 },
            "/p/f belongs to user 7, not to this one (5); run: chown 5 /p/f",
        ),
        case(FileError::Exists(path()), "/p/f exists; --force overwrites it"),
        case(
            TuiError::NotATerminal,
            "the screen needs a terminal on standard output; the same is available as `arbion` subcommands with --json",
        ),
        case(
            TuiError::Keys(KeymapError::UnknownKey("q".into())),
            "keys: 'q' is no key (such as x, ctrl-k, shift-tab, pagedown, f1)",
        ),
        case(TuiError::Terminal(std::io::Error::other("words")), "terminal: words"),
        case(TuiError::Theme(words()), "words"),
        case(TuiError::Panicked, "the program failed; its report is above and in the log"),
    ]);
}

#[test]
fn safe_keeping_says_who_may_and_what_mends_it() {
    let role = arbion::domain::role::Role::Standard;
    check([
        case(
            KeepError::NotAllowed { actor: "bob".to_owned(), role, what: "make profile eve".to_owned() },
            "bob is standard and may not make profile eve",
        ),
        case(
            KeepError::Untrusted(words()),
            "roles cannot be trusted, so everybody is standard: words; restore install.db from a copy; see: arbion audit verify",
        ),
        case(
            KeepError::Unknown { name: "eve".to_owned(), known: "bob".to_owned() },
            "no profile is called 'eve'; there are bob; name one by --profile or ARBION_PROFILE; a superadmin makes one: arbion profile create eve",
        ),
        case(KeepError::Taken("bob".to_owned()), "a profile is called 'bob' already"),
        case(
            KeepError::Copied { path: path(), other: "bob".to_owned() },
            "/p/f holds the id of profile bob: a copy of its directory is not a profile; remove it, or its file id",
        ),
        case(
            KeepError::LastSuperadmin("bob".to_owned()),
            "bob is the last superadmin; make another one first: arbion profile role NAME superadmin",
        ),
        case(
            KeepError::Disabled("bob".to_owned()),
            "profile bob is disabled; a superadmin allows it: arbion profile enable bob",
        ),
        case(KeepError::Locked("bob".to_owned()), "profile bob is locked; run: arbion profile unlock"),
        case(KeepError::Asked(words()), "words"),
        case(
            KeepError::NoHolder(words()),
            "a new vault needs somebody to hold its key: words; give a passphrase: arbion profile passwd",
        ),
        case(
            KeepError::Backend("usb".to_owned()),
            "ARBION_VAULT: found 'usb', allowed auto, keyring, passphrase",
        ),
        case(KeepError::Io { path: path(), error: std::io::Error::other("words") }, "/p/f: words"),
    ]);
}

#[test]
fn a_front_end_that_cannot_attach_says_why() {
    check([
        case(AttachError::NoEngine, "no engine runs for this profile"),
        case(
            AttachError::PathTooLong { path: path(), length: 121 },
            "the socket's path /p/f has 121 bytes, allowed are 107; set ARBION_HOME to a shorter directory",
        ),
        case(
            AttachError::Foreign { path: path(), uid: 7 },
            "/p/f belongs to user 7, not to us; remove it if no engine runs",
        ),
        case(AttachError::Refused(words()), "the engine refuses this program: words"),
        case(AttachError::Ending(words()), "the engine is ending: words"),
        case(
            AttachError::Silent,
            "the engine does not answer within 3 s; arbion engine status, or arbion engine restart",
        ),
        case(AttachError::Frame(FrameError::Closed), "the connection was closed"),
        case(FrameError::Io(std::io::Error::other("words")), "the connection broke: words"),
        case(
            FrameError::Unreadable(serde_json::from_str::<u32>("x").unwrap_err()),
            "a message cannot be read: expected value at line 1 column 1",
        ),
        case(SocketError::Io { path: path(), reason: words() }, "the socket /p/f cannot be opened: words"),
        case(SocketError::Path(AttachError::NoEngine), "no engine runs for this profile"),
    ]);
}

#[test]
fn a_vault_that_does_not_open_says_what_to_do() {
    let store = "Secret Service";
    check([
        case(VaultError::Missing(path()), "no vault is at /p/f; arbion secret set NAME makes one"),
        case(
            VaultError::NoKeyring { store, reason: words() },
            "the vault is locked: the Secret Service that holds its key is not there (words); start it, or log in to the desktop",
        ),
        case(
            VaultError::KeyringLocked { store },
            "the vault is locked: the Secret Service that holds its key is locked; unlock it on the desktop and try again",
        ),
        case(
            VaultError::KeyringEntry { store, found: "no key" },
            "the Secret Service has no key for this vault; restore it, or a backup of the vault with its passphrase",
        ),
        case(VaultError::Keyring { store, reason: words() }, "the Secret Service refuses: words"),
        case(
            VaultError::Damaged { path: path(), detail: words() },
            "/p/f is damaged or cut short (words); nothing was changed; restore it from a backup",
        ),
        case(VaultError::NotPlain(path()), "/p/f is not a plain file; a vault follows no links"),
        case(
            VaultError::Busy { holder: "process 7".to_owned() },
            "another process (process 7) is writing the vault; try again once it has ended",
        ),
        case(
            VaultError::Refreshing { holder: "process 7".to_owned() },
            "another process (process 7) is refreshing a sign-in; it is tried again",
        ),
    ]);
}

fn check<const N: usize>(cases: [Case; N]) {
    for (error, line) in cases {
        assert_eq!(error.to_string(), line);
    }
}

/// Source files with their text.
fn files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// The name on the first line after `lines` that begins a type or a variant.
fn name<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let line = lines.find(|line| {
        let line = line.trim_start();
        line.starts_with("pub struct") || line.starts_with("pub enum") || line.starts_with(char::is_uppercase)
    })?;
    let word = |c: char| !(c.is_alphanumeric() || c == '_');
    line.split(word).find(|word| word.starts_with(char::is_uppercase))
}

#[test]
fn every_public_error_is_named_in_a_test() {
    let is_test = |path: &Path| {
        path.iter().any(|part| part == "tests") || path.file_name().is_some_and(|name| name == "tests.rs")
    };
    let mut tested = String::new();
    for (_, text) in files("tests") {
        tested.push_str(&text);
    }
    for (path, text) in files("src") {
        let from = if is_test(&path) { 0 } else { text.find("#[cfg(test)]").unwrap_or(text.len()) };
        tested.push_str(&text[from..]);
    }
    let mut seen = 0;
    let mut missing = Vec::new();
    for (path, text) in files("src") {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (at, _) in code.match_indices("#[error(") {
            // A struct's message stands before its name, a variant's in its enum.
            let Some(name) = name(code[at..].lines().skip(1)) else { continue };
            seen += 1;
            // A type's own error is met by the function that returns it.
            let shown = |before: &str, after: &str| tested.contains(&[before, name, after].concat());
            let found = shown("::", "") || shown("", " {") || name.ends_with("Error");
            if !found && !is_test(&path) {
                missing.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(seen > 40, "{seen}");
    assert!(missing.is_empty(), "errors that no test shows:\n{}", missing.join("\n"));
}
