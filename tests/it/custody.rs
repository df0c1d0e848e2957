//! The engine as its profile's guard: roles at the socket, the lock of a profile and of its screens, secrets by message, and the rows that
//! all of it leaves in the audit log.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use arbion::client::wire::PROTOCOL;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::detached::{Home, Raw};

const WORDS: &str = "correct horse battery staple";

impl Home {
    /// A private file of the home.
    pub(crate) fn private(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Rows of the log: action, actor, object, result.
    pub(crate) fn rows(&self) -> Vec<[String; 4]> {
        let log = self.json(&["audit", "list", "--limit", "0"]);
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        let rows = log["rows"].as_array().unwrap().iter();
        rows.map(|row| ["action", "actor", "object", "result"].map(|key| text(row, key))).collect()
    }

    pub(crate) fn count(&self, action: &str) -> usize {
        self.rows().iter().filter(|row| row[0] == action).count()
    }

    /// So many rows of an action come to be, and no more. What an engine does is written down beside it: an answer may be there first.
    #[track_caller]
    pub(crate) fn counts(&self, action: &str, wanted: usize) {
        self.until(&format!("{wanted} rows of {action}"), || self.count(action) >= wanted);
        assert_eq!(self.count(action), wanted, "rows of {action}");
    }

    /// Fails with this code and a single line that has these words in it.
    #[track_caller]
    pub(crate) fn fails(&self, args: &[&str], code: i32, words: &str) {
        let output = self.output(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words) && said.lines().count() == 1, "{args:?}: {said}");
    }
}

impl Raw {
    fn hello_as(&mut self, actor: &str) {
        self.send(
            &json!({ "message": "hello", "protocol": [PROTOCOL, PROTOCOL], "build": "test", "nonce": 5,
            "client": "screen", "pid": 4711, "actor": actor }),
        );
        assert_eq!(self.next().unwrap()["message"], "welcome");
    }

    /// Asks and waits for the answer.
    fn ask(&mut self, ask: Value) -> Value {
        self.send(&json!({ "message": "ask", "id": 7, "ask": ask }));
        loop {
            let message = self.next().unwrap();
            if message["message"] == "answer" {
                return message["answer"].clone();
            }
        }
    }
}

#[test]
fn p1_the_socket_holds_every_front_end_to_its_role() {
    let home = Home::new();
    home.json(&["positions"]);
    for (name, role) in [("ann", Some("admin")), ("bob", None)] {
        home.json(&["profile", "create", name]);
        if let Some(role) = role {
            home.json(&["profile", "role", name, role]);
        }
    }
    home.json(&["order", "place", "buy", "5", "MSFT", "--limit", "100"]);
    let status = json!({ "request": "engine_status" });
    let look = json!({ "request": "order_history", "limit": 0, "offset": 0 });
    let place = json!({ "request": "execute", "command": { "intent": "cancel_all" }, "origin": "cli", "account": null,
        "confirmation_hash": null, "allow_duplicate": false, "wait": false });
    for (actor, may_see) in [("ann", true), ("bob", false), ("mallory", false)] {
        let mut line = home.raw();
        line.hello_as(actor);
        let picture = line.next().unwrap();
        assert_eq!(picture["positions"], json!([]), "{picture}");
        assert!(picture["accounts"] == json!([]) && picture.get("orders").is_none(), "{picture}");
        // The log is looked through on another thread: roles count from then on.
        home.until("its role", || {
            let mut line = home.raw();
            line.hello_as(actor);
            line.ask(status.clone()).get("Ok").is_some() == may_see
        });
        for ask in [&look, &place, &json!({ "request": "halt", "all": true }), &json!({ "request": "lock" })]
        {
            let answer = line.ask(ask.clone());
            assert_eq!(answer["Err"]["error"], "not_allowed", "{actor} {ask}: {answer}");
        }
    }
    assert_eq!(home.json(&["order", "list"])["orders"][0]["status"], "submitted");
    let seen = home.json(&["--profile", "ann", "engine", "status", "--of", "default"]);
    assert_eq!((&seen["profile"], &seen["working_orders"]), (&json!("default"), &json!(1)), "{seen}");
    let args = ["--profile", "bob", "engine", "status", "--of", "default"];
    home.fails(&args, 5, "bob is standard and may not ask 'engine_status' of another profile's engine");
    for actor in ["ann", "bob", "mallory"] {
        let asked = "ask 'execute' of the engine of default";
        let is_it = |row: &[String; 4]| row[0] == "refused" && row[1] == actor && row[2] == asked;
        home.until(&format!("the row of {actor}"), || home.rows().iter().any(is_it));
    }
    let log = home.json(&["audit", "list", "--limit", "0"]);
    let row = log["rows"].as_array().unwrap().iter().find(|row| row["action"] == "refused").unwrap();
    assert!(row["origin"].as_str().unwrap().starts_with("screen 4711, "), "{row}");
}

#[test]
fn p1_a_profile_that_is_disabled_while_its_engine_runs_does_nothing_new() {
    let home = Home::new();
    home.json(&["positions"]);
    home.json(&["profile", "create", "bob"]);
    home.json(&["--profile", "bob", "order", "place", "buy", "5", "MSFT", "--limit", "100"]);
    let mut line = home.raw_of("bob");
    line.hello_as("bob");
    home.json(&["profile", "disable", "bob"]);
    home.until("the change", || line.ask(json!({ "request": "notes" }))["Err"]["error"] == "not_allowed");
    let canceled = line.ask(json!({ "request": "cancel", "order": { "number": 1 }, "wait": true }));
    assert_eq!(canceled["Ok"]["value"][0]["status"], "canceled", "{canceled}");
    line.ask(json!({ "request": "stop_engine", "force": true }));
}

#[test]
fn p5_l1_a_locked_profile_is_shown_to_nobody_and_its_engine_works_on() {
    let home = Home::new();
    let words = home.private("words", &format!("{WORDS}\n"));
    let wrong = home.private("wrong", "not the words at all\n");
    let (words, wrong) = (words.to_str().unwrap(), wrong.to_str().unwrap());
    home.json(&["profile", "passwd", "--new-passphrase-file", words]);
    home.json(&["order", "place", "buy", "5", "MSFT", "--limit", "100"]);
    let engine = home.engine().unwrap();
    let mut watching = home.raw();
    watching.hello((PROTOCOL, PROTOCOL));
    home.json(&["profile", "lock"]);
    // Who is attached sees it go; who comes sees nothing.
    let veiled = loop {
        let message = watching.next().expect("the line stays");
        if message["head"]["locked"] == true {
            break message;
        }
    };
    assert!(veiled["positions"] == json!([]) || veiled["accounts"] == json!([]), "{veiled}");
    home.fails(&["positions"], 7, "profile default is locked; run: arbion profile unlock");
    home.fails(&["order", "cancel", "1"], 7, "is locked");
    let mut line = home.raw();
    line.hello((PROTOCOL, PROTOCOL));
    line.next().unwrap();
    assert!(line.next().unwrap().get("orders").is_none());
    for ask in [json!({ "request": "notes" }), json!({ "request": "set_secret", "name": "a", "value": "b" })]
    {
        assert_eq!(line.ask(ask)["Err"]["error"], "locked");
    }
    assert_eq!(home.engine(), Some(engine), "its state is told all the same");
    // Wrong words are answered ever more slowly, whoever gives them.
    home.fails(&["profile", "unlock"], 7, "the passphrase of the profile's vault is needed");
    home.fails(&["profile", "unlock", "--passphrase-file", wrong], 7, "wait 1 s");
    home.fails(&["profile", "unlock", "--passphrase-file", words], 7, "try again in 1 s");
    home.until("the right words", || {
        home.output(&["profile", "unlock", "--passphrase-file", words]).status.success()
    });
    assert_eq!(home.json(&["order", "list"])["orders"][0]["status"], "submitted");
    assert_eq!(home.engine(), Some(engine));
    for action in ["locked", "unlock_failed", "unlocked"] {
        home.counts(action, 1);
    }
    home.json(&["audit", "verify"]);
}

#[test]
fn the_kill_switch_works_on_a_locked_profile() {
    let home = Home::new();
    home.json(&["order", "place", "buy", "5", "MSFT", "--limit", "100"]);
    home.json(&["profile", "lock"]);
    assert_eq!(home.json(&["halt"])["orders"].as_array().unwrap().len(), 1);
    home.json(&["profile", "unlock"]);
    assert_eq!(home.json(&["history"])["orders"][0]["status"], "canceled");
    home.fails(&["order", "place", "buy", "1", "KO"], 3, "HALTED");
}

#[test]
fn a_secret_by_message_is_kept_and_shown_no_more() {
    let home = Home::new();
    let words = home.private("words", &format!("{WORDS}\n"));
    home.json(&["profile", "passwd", "--new-passphrase-file", words.to_str().unwrap()]);
    home.json(&["engine", "start"]);
    let mut line = home.raw();
    line.hello((PROTOCOL, PROTOCOL));
    line.ask(json!({ "request": "unlock", "passphrase": WORDS }));
    let answer = line.ask(json!({ "request": "set_secret", "name": "alpaca", "value": "PKTEST0123456789" }));
    // Where the kernel keeps no key, the passphrase is wanted with each change.
    if answer.get("Ok").is_some() {
        assert_eq!(answer["Ok"]["value"], "alpaca is set, ending in 6789");
        home.counts("secret_set", 1);
    } else {
        assert_eq!(answer["Err"]["error"], "passphrase_needed", "{answer}");
    }
    let refused = line.ask(json!({ "request": "set_secret", "name": "arbion.audit_key", "value": "x" }));
    assert_eq!(refused["Err"]["error"], "usage", "{refused}");
}

#[test]
fn p5_what_an_engine_does_with_its_files_and_limits_is_a_row() {
    let home = Home::new();
    home.json(&["order", "place", "buy", "1", "MSFT"]);
    let backup = home.json(&["backup"])["file"].as_str().unwrap().to_owned();
    home.json(&["order", "place", "buy", "1", "KO"]);
    home.until("its end", || home.engine().is_none());
    home.counts("engine_started", 1);
    home.counts("engine_stopped", 1);
    home.configure("[risk]\norder_quantity_max = 500\nallow_short = false\n");
    home.json(&["order", "place", "buy", "1", "PEP"]);
    home.counts("limits_changed", 1);
    let changed = home.rows().into_iter().find(|row| row[0] == "limits_changed").unwrap();
    for words in ["order_quantity_max", "to 500", "allow_short true to false"] {
        assert!(changed[3].contains(words), "{changed:?}");
    }
    home.fails(&["restore", &backup, "--yes"], 7, "the profile's engine runs; end it first");
    home.json(&["engine", "stop"]);
    home.fails(&["restore", &backup], 2, "needs --yes where nobody can be asked");
    home.fails(&["restore", "/no/such.db", "--yes"], 1, "/no/such.db: no such file");
    let wrong = home.private("wrong.db", "no database at all, but a text of some length");
    home.fails(&["restore", wrong.to_str().unwrap(), "--yes"], 1, "is not a database of Arbion");
    let restored = home.json(&["restore", &backup, "--yes"]);
    assert!(restored["before"].as_str().unwrap().contains("backups/before-restore-"), "{restored}");
    let held: Vec<String> = home.json(&["positions"])["positions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["instrument"]["symbol"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(held, ["MSFT"], "as the backup has it");
    // What was there can be had back, its write-ahead log with it.
    home.json(&["restore", restored["before"].as_str().unwrap(), "--yes"]);
    assert_eq!(home.json(&["positions"])["positions"].as_array().unwrap().len(), 3);
    let results: Vec<String> =
        home.rows().into_iter().filter(|row| row[0] == "restored").map(|row| row[3].clone()).collect();
    assert_eq!(results.len(), 4, "{results:?}");
    assert!(results[0].contains("no such file") && results[2] == "ok" && results[3] == "ok", "{results:?}");
    home.json(&["audit", "verify"]);
}

/// An engine that finds a database of an older version says so in the audit log, once, and leaves what was there beside it.
#[test]
fn p5_s3_a_migrated_database_is_a_row() {
    let home = Home::new();
    home.json(&["order", "place", "buy", "1", "MSFT"]);
    home.json(&["engine", "stop"]);
    assert_eq!(home.count("migrated"), 0, "a new one is none");
    let database = database_under(home.path()).unwrap();
    // The same file as an older program would have made it.
    let made = rusqlite::Connection::open(&database).unwrap();
    let mark: i64 = made.pragma_query_value(None, "application_id", |row| row.get(0)).unwrap();
    let newest: i64 = made.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    drop(made);
    for ending in ["", "-wal", "-shm"] {
        let file = PathBuf::from(format!("{}{ending}", database.display()));
        if file.exists() {
            fs::remove_file(file).unwrap();
        }
    }
    let mut files: Vec<PathBuf> = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "sql"));
    files.sort();
    assert_eq!(i64::try_from(files.len()).unwrap(), newest);
    let old = rusqlite::Connection::open(&database).unwrap();
    old.pragma_update(None, "application_id", mark).unwrap();
    for (file, version) in files[..files.len() - 1].iter().zip(1_i64..) {
        let sql = fs::read_to_string(file).unwrap();
        old.execute_batch(&sql).unwrap();
        let checksum: String =
            Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        old.execute(
            "INSERT INTO migration (version, checksum, applied_at) VALUES (?1, ?2, 0)",
            (version, checksum),
        )
        .unwrap();
        old.pragma_update(None, "user_version", version).unwrap();
    }
    drop(old);
    fs::set_permissions(&database, fs::Permissions::from_mode(0o600)).unwrap();
    for _ in 0..2 {
        // The same over a restart is the same again, and meant.
        home.json(&["order", "place", "buy", "1", "KO", "--allow-duplicate"]);
        home.json(&["engine", "stop"]);
        home.counts("migrated", 1);
        let rows: Vec<_> = home.rows().into_iter().filter(|row| row[0] == "migrated").collect();
        assert!(rows[0][2].ends_with("arbion.db"), "{rows:?}");
        assert_eq!(rows[0][3], format!("version {} to {newest}", newest - 1));
    }
    let backups = fs::read_dir(database.parent().unwrap().join("backups")).unwrap();
    let before = format!("before-version-{newest}-");
    assert_eq!(
        backups.filter(|b| b.as_ref().unwrap().file_name().to_string_lossy().starts_with(&before)).count(),
        1
    );
    home.json(&["audit", "verify"]);
}

/// The profile's database, wherever it is.
fn database_under(directory: &Path) -> Option<PathBuf> {
    let mut open = vec![directory.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).ok()?.filter_map(Result::ok) {
            let path = entry.path();
            if path.file_name().is_some_and(|name| name == "arbion.db") {
                return Some(path);
            }
            if path.is_dir() && path.file_name().is_some_and(|name| name != "backups") {
                open.push(path);
            }
        }
    }
    None
}

#[test]
fn a_locked_screen_shows_nothing_and_opens_by_the_passphrase() {
    let home = Home::new();
    let words = home.private("words", &format!("{WORDS}\n"));
    home.json(&["profile", "passwd", "--new-passphrase-file", words.to_str().unwrap()]);
    home.json(&["order", "place", "buy", "5", "MSFT", "--limit", "100"]);
    let engine = home.engine().unwrap();
    let mut screen = super::terminal::Screen::open(home.path(), &[], (120, 40));
    screen.sees("working 1");
    screen.keys("\x0c");
    screen.sees("Locked: profile default");
    screen.until("an empty screen", |text| {
        ["AAPL", "MSFT", "working", "Quotes", "100"].iter().all(|word| !text.contains(word))
    });
    // Neither the keys of the screen nor those of the terminal do anything.
    screen.keys("q\x03\x03\x1a\x0b");
    screen.pause(200);
    assert!(screen.child.try_wait().unwrap().is_none());
    screen.sees("Locked");
    screen.keys("\x15not the words\r");
    screen.sees("That does not open it; wait 1 s");
    screen.pause(1_500);
    screen.keys(WORDS);
    screen.keys("\r");
    screen.sees("working 1");
    assert_eq!(home.engine(), Some(engine));
    home.counts("unlock_failed", 1);
    home.counts("unlocked", 1);
    // The profile's own lock takes the screen along, and brings it back.
    home.json(&["profile", "lock"]);
    screen.sees("Locked: profile default");
    home.json(&["profile", "unlock", "--passphrase-file", words.to_str().unwrap()]);
    screen.sees("working 1");
    screen.leave();
}

/// Pictures are published now and then; what somebody was told is in the next one that anybody gets.
#[test]
fn whoever_attaches_after_an_answer_sees_what_was_answered() {
    let home = Home::new();
    for number in 0..8 {
        home.json(&["order", "place", "buy", "5", "MSFT", "--limit", &format!("{}", 100 + number)]);
        let mut line = home.raw();
        line.hello((PROTOCOL, PROTOCOL));
        assert_eq!(line.next().unwrap()["message"], "welcome");
        let picture = line.next().unwrap();
        let orders = picture["orders"].as_array().unwrap();
        assert_eq!(orders.len(), number + 1, "{picture}");
        assert!(orders.iter().all(|order| order["status"] == "submitted"), "{orders:?}");
    }
}

#[test]
fn p7_verifying_the_log_ends_with_0_or_1_and_names_the_row() {
    let home = Home::new();
    home.json(&["positions"]);
    home.json(&["profile", "create", "bob"]);
    assert!(home.json(&["audit", "verify"])["rows"].as_u64().unwrap() >= 2);
    let log = rusqlite::Connection::open(home.path().join("data/install.db")).unwrap();
    let change = "UPDATE audit SET result = 'denied' WHERE seq = 2";
    assert!(log.execute(change, []).is_err(), "a trigger keeps rows as they are");
    log.execute_batch(&format!("DROP TRIGGER audit_is_not_updated; {change}")).unwrap();
    drop(log);
    home.fails(&["audit", "verify"], 1, "the audit log was changed: row 2 is not what was written");
}
