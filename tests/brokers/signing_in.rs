//! Signing in as a trader does: the program in a terminal, the address opened elsewhere, and where the browser ended pasted back.

use std::io::{Read as _, Write as _};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::connect::Home;
use crate::emulators::{coinbase, schwab};

/// How long anything may take to come true.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program in a terminal.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    heard: Receiver<Vec<u8>>,
    writer: Box<dyn std::io::Write + Send>,
    said: String,
    /// What has been looked at.
    seen: usize,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    fn run(home: &Home, args: &[&str]) -> Self {
        let size = PtySize { rows: 60, cols: 1_000, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_arbion"));
        command.args(args);
        command.env("ARBION_HOME", home.path());
        command.env("ARBION_VAULT", "passphrase");
        command.env("NO_COLOR", "1");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let (sender, heard) = channel();
        std::thread::spawn(move || {
            let mut room = [0; 4_096];
            while let Ok(count) = reader.read(&mut room) {
                if count == 0 || sender.send(room[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, heard, writer, said: String::new(), seen: 0, _master: pair.master }
    }

    /// What it says until these words, which are looked for after everything that was looked at before.
    #[track_caller]
    fn until(&mut self, words: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.said[self.seen..].find(words) {
                let part = self.said[self.seen..self.seen + at].to_owned();
                self.seen += at + words.len();
                return part;
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.heard.recv_timeout(left) {
                Ok(bytes) => self.said.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("{words:?} never came: {}", self.said),
            }
        }
    }

    fn answers(&mut self, line: &str) {
        self.writer.write_all(line.as_bytes()).unwrap();
        self.writer.write_all(b"\r").unwrap();
        self.writer.flush().unwrap();
    }

    /// The address that a person opens.
    fn address(&mut self) -> String {
        self.until("Open this address and sign in:");
        let address = self.until("state=");
        let state = self.until("\r\n");
        format!("{}state={state}", address.trim_start())
    }

    #[track_caller]
    fn ends_well(mut self) -> String {
        let status = self.child.wait().unwrap();
        while let Ok(bytes) = self.heard.recv_timeout(Duration::from_millis(500)) {
            self.said.push_str(&String::from_utf8_lossy(&bytes));
        }
        assert!(status.success(), "{}", self.said);
        self.said
    }
}

/// Opens an address and says where the browser is sent.
pub fn browse(address: &str) -> String {
    let rest = address.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut line = std::net::TcpStream::connect(host).unwrap();
    write!(line, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 302"), "{address}: {answer}");
    let place = answer.lines().find_map(|line| line.strip_prefix("location: "));
    place.unwrap().trim().to_owned()
}

fn is_up(found: &serde_json::Value, name: &str) -> bool {
    let all = found["connections"].as_array().unwrap();
    all.iter().any(|one| one["name"] == name && one["up"] == true)
}

/// Schwab from a terminal: the app's key and secret, the address, what the browser ended at; then the login lasts over an expired token and a
/// killed engine, and goes with its secrets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schwab_is_signed_in_to_from_a_terminal() {
    let emulator = schwab::start(0).await;
    emulator.exchange.quote("AAPL", rust_decimal::Decimal::new(999, 1), rust_decimal::Decimal::new(1001, 1));
    let config = format!("[brokers.schwab]\nbase_url = \"{}\"\n", emulator.server.url());
    let emulator = std::sync::Arc::new(emulator);
    let of_test = std::sync::Arc::clone(&emulator);
    tokio::task::spawn_blocking(move || {
        let home = Home::new(&config);
        let mut terminal = Terminal::run(&home, &["connect", "schwab", "--live", "--paste"]);
        terminal.until("App Key: ");
        terminal.answers(schwab::APP_KEY);
        terminal.until("Secret: ");
        terminal.answers(schwab::APP_SECRET);
        terminal.until("Callback URL (empty for none): ");
        terminal.answers("");
        let address = terminal.address();
        let place = browse(&address);
        assert!(place.starts_with("https://127.0.0.1:8182/?code=C0.abc%40&session="), "{place}");
        terminal.until("paste the address");
        terminal.answers(&place);
        let said = terminal.ends_well();
        assert!(said.contains("connected; orders go there with --account schwab"), "{said}");
        // Neither the secret nor the pasted code was shown.
        assert!(!said.contains(schwab::APP_SECRET) && !said.contains("C0.abc"), "{said}");

        home.until("the connection", &["connections"], |found| is_up(found, "schwab live"));
        let listed = home.ok(&["secret", "list"], "").to_string();
        assert!(listed.contains("broker.schwab.live.tokens"), "{listed}");
        // Every access token ends: the next call refreshes, and nobody signs in again.
        of_test.expire();
        home.ok(&["verify", "schwab", "--live"], "");
        let pid = home.ok(&["engine", "status"], "")["pid"].as_u64().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        home.start_engine();
        home.until("it to be back", &["connections"], |found| is_up(found, "schwab live"));
        // What it would cost says Schwab itself.
        let preview =
            ["order", "preview", "buy", "1", "AAPL", "--limit", "90", "--account", "schwab", "--json"];
        // Real money is not on, so that risk says no; what it would cost is said all the same.
        let shown = String::from_utf8(home.run(&preview, "").stdout).unwrap();
        assert!(shown.contains("\"broker\":{") && shown.contains("\"fee\""), "{shown}");
        assert!(shown.contains("NOT_AUTHORISED"), "{shown}");
        // How its calls go is said broker by broker.
        let status = home.until("its calls", &["engine", "status"], |found| {
            found["broker_calls"].to_string().contains("schwab live accounts")
        });
        let calls = status["broker_calls"].as_array().unwrap();
        let accounts = calls.iter().find(|call| call["name"] == "schwab live accounts").unwrap();
        assert!(accounts["count"].as_u64() > Some(0) && accounts["p99_us"].as_u64() > Some(0), "{accounts}");
        home.ok(&["disconnect", "schwab", "--yes"], "");
        let wiped = |found: &serde_json::Value| !found.to_string().contains("broker.schwab");
        home.until("the end of its secrets", &["secret", "list"], wiped);
    })
    .await
    .unwrap();
}

/// A state that is not ours is refused, and nothing is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_of_another_sign_in_is_refused() {
    let emulator = schwab::start(0).await;
    let config = format!("[brokers.schwab]\nbase_url = \"{}\"\n", emulator.server.url());
    tokio::task::spawn_blocking(move || {
        let home = Home::new(&config);
        let mut terminal = Terminal::run(&home, &["connect", "schwab", "--live", "--paste"]);
        terminal.until("App Key: ");
        terminal.answers(schwab::APP_KEY);
        terminal.until("Secret: ");
        terminal.answers(schwab::APP_SECRET);
        terminal.until("Callback URL (empty for none): ");
        terminal.answers("");
        terminal.address();
        terminal.until("paste the address");
        terminal.answers("https://127.0.0.1:8182/?code=C0.abc%40&session=1&state=somebody-elses-state");
        let status = terminal.child.wait().unwrap();
        assert_eq!(status.exit_code(), 5);
        assert!(!home.ok(&["secret", "list"], "").to_string().contains("broker.schwab"));
    })
    .await
    .unwrap();
    drop(emulator);
}

/// "Sign in with Coinbase", the same way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o8_coinbase_is_signed_in_to_from_a_terminal_and_taken_back_at_the_end() {
    let emulator = std::sync::Arc::new(coinbase::start(0).await);
    let theirs = std::sync::Arc::clone(&emulator);
    let config = format!(
        "[brokers.coinbase]\nbase_url = \"{http}\"\noauth_url = \"{http}\"\nstream_url = \"{stream}\"\nuser_stream_url = \"{stream}\"\n",
        http = emulator.server.url(),
        stream = emulator.server.stream_url("/"),
    );
    tokio::task::spawn_blocking(move || {
        let home = Home::new(&config);
        let mut terminal = Terminal::run(&home, &["connect", "coinbase", "--live", "--oauth", "--paste"]);
        terminal.until("Client id of the app: ");
        terminal.answers(coinbase::oauth::CLIENT_ID);
        terminal.until("Client secret (empty for none): ");
        terminal.answers(coinbase::oauth::CLIENT_SECRET);
        terminal.until("Redirect URI (empty for none): ");
        terminal.answers("");
        let address = terminal.address();
        assert!(address.contains("code_challenge_method=S256"), "{address}");
        let place = browse(&address);
        terminal.until("paste the address");
        terminal.answers(&place);
        let said = terminal.ends_well();
        assert!(said.contains("connected; orders go there with --account coinbase"), "{said}");
        assert!(!said.contains(coinbase::oauth::CLIENT_SECRET), "{said}");
        home.until("the connection", &["connections"], |found| is_up(found, "coinbase live"));
        // Without an engine a look at the login refreshes it, and what it got for the one refresh token that was good is the engine's next.
        home.ok(&["engine", "stop"], "");
        theirs.knobs().bearer = Some("another".to_owned());
        let given = theirs.knobs().given;
        home.ok(&["verify", "coinbase", "--live"], "");
        assert_eq!(theirs.knobs().given, given + 1);
        home.start_engine();
        home.until("it to be back", &["connections"], |found| is_up(found, "coinbase live"));
        assert_eq!(theirs.knobs().given, given + 1, "by what was kept");
        // Keys are the usual way, and who has none of either is told.
        home.fails(&["connect", "alpaca", "--oauth", "--stdin"], "{}", 2, "no sign-in in the browser");
        home.fails(&["connect", "coinbase", "--oauth", "--stdin"], "{}", 2, "client_id is missing");
        let found = home.ok(&["coinbase", "addresses", "xrp"], "");
        let row = &found["addresses"][0];
        assert_eq!(
            (&row["currency"], &row["destination_tag"]),
            (&"XRP".into(), &"1234567".into()),
            "{found}"
        );
        home.fails(&["coinbase", "addresses", "X R P"], "", 2, "letters and digits");
        home.fails(&["coinbase", "new-address", "BTC"], "", 2, "--yes");
        assert!(theirs.knobs().refresh.is_some());
        home.ok(&["disconnect", "coinbase", "--yes"], "");
        let wiped = |found: &serde_json::Value| !found.to_string().contains("broker.coinbase");
        home.until("the end of its secrets", &["secret", "list"], wiped);
        assert_eq!(theirs.knobs().refresh, None, "what is left there opens nothing");
    })
    .await
    .unwrap();
    drop(emulator);
}
