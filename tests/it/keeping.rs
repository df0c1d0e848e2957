//! Safe keeping against the real things: the built program with the age command line, gnome-keyring-daemon on a session bus of its own,
//! SIGKILL at each system call of a write. Ignored in a plain `cargo test`, as they need the Debian packages age, dbus, gnome-keyring and
//! strace; `.ci/run` installs those and runs them.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const WORDS: &str = "correct horse battery staple";

struct Home {
    temp: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let home = Self { temp: tempfile::tempdir().unwrap() };
        home.private("words", format!("{WORDS}\n").as_bytes());
        home
    }

    fn private(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.temp.path().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn ssh_key(&self, which: &str) -> PathBuf {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ssh").join(which);
        self.private(which, &fs::read(from).unwrap())
    }

    fn root(&self) -> PathBuf {
        self.temp.path().join("home")
    }

    fn profile(&self) -> PathBuf {
        self.root().join("data/profiles/default")
    }

    /// Runs `program` with the environment of this home, and something on its input.
    fn run(&self, program: &str, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(program)
            .args(args)
            .env("ARBION_HOME", self.root())
            .env("ARBION_PASSPHRASE_FILE", self.temp.path().join("words"))
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that needs no input may be gone already.
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap_or_default();
        child.wait_with_output().unwrap()
    }

    fn arbion(&self, args: &[&str], input: &str) -> Output {
        self.run(env!("CARGO_BIN_EXE_arbion"), args, input)
    }

    #[track_caller]
    fn ok(&self, args: &[&str], input: &str) -> String {
        text(&self.arbion(args, input))
    }
}

/// What a program said; it must have ended well.
#[track_caller]
fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn age(args: &[&str]) -> Output {
    Command::new("age").args(args).stdin(Stdio::null()).output().unwrap()
}

#[test]
#[ignore = "needs the package age; run by .ci/run"]
fn real_v7_age_reads_what_we_write_and_we_read_what_age_writes() {
    for which in ["plain", "rsa"] {
        let home = Home::new();
        let new = home.private("new", format!("{WORDS}\n").as_bytes());
        home.ok(
            &["secret", "set", "a", "--stdin", "--new-passphrase-file", new.to_str().unwrap()],
            "value of a",
        );
        let key = home.ssh_key(which);
        home.ok(&["secret", "move", "ssh", "--key", key.to_str().unwrap()], "");
        // Ours, read by age: the SSH key opens the vault's key, and that the vault.
        let sealed = home.profile().join("identity-ssh.age");
        let identity = text(&age(&["-d", "-i", key.to_str().unwrap(), sealed.to_str().unwrap()]));
        let identity = home.private("identity", identity.as_bytes());
        let vault = home.profile().join("vault.age");
        let plain = text(&age(&["-d", "-i", identity.to_str().unwrap(), vault.to_str().unwrap()]));
        assert!(plain.contains("\"value\":\"value of a\""), "{plain}");
        // Age's, read by us: armored and not, sealed to the same keys.
        let plain = home.private("plain.json", plain.replace("value of a", "written by age").as_bytes());
        let identity_text = fs::read_to_string(&identity).unwrap();
        let recipient = age_recipient(&home, &identity_text);
        for armor in [&["-a"] as &[&str], &[]] {
            let out = home.temp.path().join("sealed");
            let args =
                [armor, &["-r", &recipient, "-o", out.to_str().unwrap(), plain.to_str().unwrap()]].concat();
            text(&age(&args));
            fs::write(&vault, fs::read(&out).unwrap()).unwrap();
            let said = home.ok(&["secret", "test", "a"], "");
            assert!(said.contains("a can be read, ending in age") || said.contains(" age"), "{said}");
            let public = format!("{}.pub", key.display());
            text(
                &Command::new("sh")
                    .arg("-c")
                    .arg(format!("ssh-keygen -y -f {} > {public}", key.display()))
                    .output()
                    .unwrap(),
            );
            let args =
                [armor, &["-R", &public, "-o", out.to_str().unwrap(), identity.to_str().unwrap()]].concat();
            text(&age(&args));
            fs::write(&sealed, fs::read(&out).unwrap()).unwrap();
            home.ok(&["secret", "test", "a"], "");
        }
    }
}

fn age_recipient(home: &Home, identity: &str) -> String {
    let path = home.private("for-keygen", identity.as_bytes());
    text(&Command::new("age-keygen").arg("-y").arg(path).output().unwrap()).trim().to_owned()
}

#[test]
#[ignore = "needs the package age; run by .ci/run"]
fn real_v7_a_recovery_key_opens_the_vault_without_us() {
    let home = Home::new();
    let new = home.private("new", format!("{WORDS}\n").as_bytes());
    home.ok(&["secret", "set", "a", "--stdin", "--new-passphrase-file", new.to_str().unwrap()], "value of a");
    let said = home.ok(&["vault", "recovery"], "");
    let key = home.private("recovery", said.lines().next().unwrap().as_bytes());
    let vault = home.profile().join("vault.age");
    let plain = text(&age(&["-d", "-i", key.to_str().unwrap(), vault.to_str().unwrap()]));
    assert!(plain.contains("value of a"));
}

/// A script under a session bus of its own, with the keyring in the state that the script makes.
fn on_a_bus(home: &Home, script: &str) -> String {
    let data = home.temp.path().join("share");
    fs::create_dir_all(&data).unwrap();
    let script = format!(
        "set -u\nexport XDG_DATA_HOME={} XDG_RUNTIME_DIR={}\narbion={}\n\
         unlock() {{ printf secret | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; }}\n\
         again() {{ printf secret | gnome-keyring-daemon --replace --unlock --components=secrets >/dev/null 2>&1; }}\n\
         {script}",
        data.display(),
        home.temp.path().display(),
        env!("CARGO_BIN_EXE_arbion")
    );
    let output = home.run("dbus-run-session", &["--", "bash", "-c", &script], "");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
#[ignore = "needs the packages dbus and gnome-keyring; run by .ci/run"]
fn real_y1_y2_the_secret_service_holds_the_key() {
    let home = Home::new();
    let said = on_a_bus(
        &home,
        "unlock\n\
         printf 'PKTEST0123456789' | $arbion secret set a --stdin; echo exit $?\n\
         $arbion vault status; $arbion secret list; echo exit $?\n\
         again; $arbion secret test a; echo exit $?\n\
         $arbion vault rekey; $arbion secret test a; echo exit $?",
    );
    assert!(said.contains("a is set, ending in 6789") && said.contains("the OS keyring"), "{said}");
    assert!(said.contains("the vault opens by the OS keyring; a can be read"), "{said}");
    assert_eq!(said.matches("exit 0").count(), 4, "{said}");
    assert!(!home.profile().join("identity.age").exists(), "the keyring alone has the key");
    // Without a bus the vault is locked, and nothing weaker takes over.
    let gone = home.arbion(&["secret", "list"], "");
    let error = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert_eq!(gone.status.code(), Some(7), "{error}");
    assert!(
        error.contains("the Secret Service that holds its key is not there") && error.lines().count() == 1,
        "{error}"
    );
}

#[test]
#[ignore = "needs the packages dbus and gnome-keyring; run by .ci/run"]
fn real_y1_a_locked_collection_is_said_and_never_prompts() {
    let home = Home::new();
    let lock = "dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
                org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >/dev/null";
    let said = on_a_bus(
        &home,
        &format!(
            "unlock\nprintf 'PKTEST0123456789' | $arbion secret set a --stdin\n{lock}\n\
             SECONDS=0; $arbion secret list; echo exit $? after $SECONDS"
        ),
    );
    assert!(said.contains("the Secret Service that holds its key is locked"), "{said}");
    assert!(
        said.contains("exit 7 after 0") || said.contains("exit 7 after 1") || said.contains("exit 7 after 2"),
        "{said}"
    );
}

#[test]
#[ignore = "needs the packages dbus and gnome-keyring; run by .ci/run"]
fn real_y1_a_daemon_that_hangs_is_given_up_and_nothing_weaker_takes_over() {
    let home = Home::new();
    let new = home.private("new", format!("{WORDS}\n").as_bytes());
    let said = on_a_bus(
        &home,
        &format!(
            "unlock\nprintf 'PKTEST0123456789' | $arbion secret set a --stdin\n\
             pid=$(pidof gnome-keyring-daemon | tr ' ' '\\n' | while read p; do grep -qz \"XDG_DATA_HOME=$XDG_DATA_HOME\" /proc/$p/environ && echo $p; done)\n\
             kill -STOP $pid; SECONDS=0; $arbion secret list; echo list $? after $SECONDS\n\
             SECONDS=0; $arbion vault status; echo status $? after $SECONDS\n\
             printf 'PKTEST0123456789' | ARBION_HOME=$ARBION_HOME-2 $arbion secret set a --stdin --new-passphrase-file {}; echo new $?\n\
             kill -CONT $pid; $arbion secret test a",
            new.display()
        ),
    );
    assert!(said.contains("it has not answered for 2 s"), "{said}");
    for (what, code) in [("list", 7), ("status", 0)] {
        let in_time = (0..=6).any(|seconds| said.contains(&format!("{what} {code} after {seconds}\n")));
        assert!(in_time, "{what}: {said}");
    }
    // A new vault has no holder yet: there the passphrase is the next in order.
    assert!(said.contains("new 0"), "{said}");
    assert!(said.contains("a can be read, ending in 6789"), "it goes on as before: {said}");
}

#[test]
#[ignore = "needs the packages dbus and gnome-keyring; run by .ci/run"]
fn real_y3_many_writers_lose_no_secret_of_a_vault_in_the_keyring() {
    let home = Home::new();
    let said = on_a_bus(
        &home,
        "unlock\nprintf first000 | $arbion secret set first --stdin\n\
         for n in 1 2 3 4 5 6 7 8; do printf value-$n-0123 | $arbion secret set s$n --stdin >/dev/null & done; wait\n\
         $arbion secret list --json; $arbion secret test",
    );
    assert!(said.contains("all 9 secrets can be read"), "{said}");
}

#[test]
fn y1_without_a_keyring_a_new_vault_asks_for_a_passphrase_and_says_why() {
    let silent = tempfile::tempdir().unwrap();
    let path = silent.path().join("bus");
    // A bus that takes connections and never says a word.
    let _bus = std::os::unix::net::UnixListener::bind(&path).unwrap();
    for address in ["unix:path=/no/such/bus", "nonsense", &format!("unix:path={}", path.display())] {
        let home = Home::new();
        let new = home.private("new", format!("{WORDS}\n").as_bytes());
        let run = |args: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_arbion"));
            command.args(args).env("ARBION_HOME", home.root()).env("DBUS_SESSION_BUS_ADDRESS", address);
            command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("ARBION_PASSPHRASE_FILE");
            let started = std::time::Instant::now();
            let mut child =
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(b"PKTEST0123456789").unwrap_or_default();
            let output = child.wait_with_output().unwrap();
            // The keyring has two seconds; the rest is for a machine that does other things too.
            assert!(started.elapsed().as_secs() < 90, "{address} {args:?}");
            output
        };
        let refused = run(&["secret", "set", "a", "--stdin"]);
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(7), "{address}: {error}");
        assert!(
            error.contains("a new vault needs somebody to hold its key") && error.lines().count() == 1,
            "{error}"
        );
        let status = text(&run(&["vault", "status"]));
        assert!(status.contains("a passphrase: "), "{address}: {status}");
        text(&run(&["secret", "set", "a", "--stdin", "--new-passphrase-file", new.to_str().unwrap()]));
        assert!(home.profile().join("identity.age").exists());
        // Asked for by name, it is not replaced by anything.
        let mut command = Command::new(env!("CARGO_BIN_EXE_arbion"));
        let wished = command
            .args([
                "--profile",
                "default",
                "secret",
                "move",
                "keyring",
                "--passphrase-file",
                new.to_str().unwrap(),
            ])
            .env("ARBION_HOME", home.root())
            .env("DBUS_SESSION_BUS_ADDRESS", address)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(wished.status.code(), Some(7), "{}", String::from_utf8_lossy(&wished.stderr));
        assert!(home.profile().join("identity.age").exists(), "the old holder is in force");
    }
}

#[test]
#[ignore = "needs the packages dbus and gnome-keyring; run by .ci/run"]
fn real_y2_the_key_moves_to_and_fro() {
    let home = Home::new();
    let new = home.private("new", format!("{WORDS}\n").as_bytes());
    let key = home.ssh_key("plain");
    let (new, key) = (new.display(), key.display());
    let said = on_a_bus(
        &home,
        &format!(
            "unlock\nprintf 'PKTEST0123456789' | $arbion secret set a --stdin\n\
             $arbion secret move passphrase --new-passphrase-file {new} && $arbion secret test a\n\
             $arbion secret move keyring && $arbion secret test a\n\
             $arbion secret move ssh --key {key} && $arbion secret test a\n\
             $arbion secret move keyring && $arbion secret test a\necho exit $?"
        ),
    );
    assert_eq!(said.matches("a can be read, ending in 6789").count(), 4, "{said}");
    assert!(said.contains("exit 0"), "{said}");
    for file in ["identity.age", "identity-ssh.age"] {
        assert!(!home.profile().join(file).exists(), "{file} is left behind");
    }
}

/// Kills the program at the n-th system call that changes or names files, for every n, and looks at what is left each time.
fn killed_at_each_call(home: &Home, args: &[&str], input: &str, mut sound: impl FnMut(u32)) -> u32 {
    let calls =
        "openat,write,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,ftruncate,flock";
    for n in 1.. {
        let inject = format!("inject={calls}:signal=KILL:when={n}");
        let trace = format!("trace={calls}");
        let mut all = vec!["-o", "/dev/null", "-e", &trace, "-e", &inject, env!("CARGO_BIN_EXE_arbion")];
        all.extend(args);
        // Without -f: the calls of the thread that writes are counted, and no others.
        let ran = home.run("strace", &all, input);
        sound(n);
        if ran.status.signal() != Some(9) && ran.status.code() != Some(137) {
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
            return n;
        }
    }
    0
}

#[test]
#[ignore = "needs the package strace, and a minute; run by .ci/run"]
fn real_v2_killed_at_each_call_the_old_vault_or_the_new_is_whole() {
    let home = Home::new();
    let new = home.private("new", format!("{WORDS}\n").as_bytes());
    home.ok(
        &["secret", "set", "a", "--stdin", "--new-passphrase-file", new.to_str().unwrap()],
        "old value 1111",
    );
    let key = home.ssh_key("plain");
    home.ok(&["secret", "move", "ssh", "--key", key.to_str().unwrap()], "");
    let (mut old, mut fresh) = (0, 0);
    let calls = killed_at_each_call(&home, &["secret", "set", "a", "--stdin"], "new value 2222", |n| {
        let said = home.ok(&["secret", "test", "a"], "");
        if said.contains("ending in 1111") {
            old += 1;
        } else {
            assert!(said.contains("ending in 2222"), "killed at {n}: {said}");
            fresh += 1;
            home.ok(&["secret", "set", "a", "--stdin"], "old value 1111");
        }
    });
    assert!(old > 20 && fresh > 1, "{calls} calls: {old} old, {fresh} new");
    let verified = home.ok(&["audit", "verify"], "");
    assert!(verified.contains("rows are as they were written"), "{verified}");
}

#[test]
#[ignore = "needs the package strace, and a minute; run by .ci/run"]
fn real_v11_killed_at_each_call_of_a_rekey_one_pair_fits() {
    let home = Home::new();
    let new = home.private("new", format!("{WORDS}\n").as_bytes());
    home.ok(&["secret", "set", "a", "--stdin", "--new-passphrase-file", new.to_str().unwrap()], "value 1111");
    let key = home.ssh_key("plain");
    home.ok(&["secret", "move", "ssh", "--key", key.to_str().unwrap()], "");
    let calls = killed_at_each_call(&home, &["vault", "rekey"], "", |n| {
        let said = home.ok(&["secret", "test", "a"], "");
        assert!(said.contains("a can be read"), "killed at {n}: {said}");
    });
    assert!(calls > 30, "{calls}");
}

#[test]
fn m4_a_planted_secret_is_in_no_file_log_argument_or_environment() {
    let home = Home::new();
    let canary = "CANARYjW8kQz0pXv4Rt";
    let passphrase = "PASSCANARY battery staple";
    let new = home.private("new", format!("{passphrase}\n").as_bytes());
    home.private("words", format!("{passphrase}\n").as_bytes());
    fs::create_dir(home.root()).unwrap();
    fs::set_permissions(home.root(), Permissions::from_mode(0o700)).unwrap();
    fs::create_dir(home.root().join("config")).unwrap();
    fs::set_permissions(home.root().join("config"), Permissions::from_mode(0o700)).unwrap();
    let config = home.root().join("config/config.toml");
    fs::write(&config, "[log]\nlevel = \"trace\"\n").unwrap();
    fs::set_permissions(&config, Permissions::from_mode(0o600)).unwrap();
    let mut said = String::new();
    let key = home.ssh_key("plain");
    let commands: &[(&[&str], &str)] = &[
        (&["secret", "set", "a", "--stdin", "--new-passphrase-file", new.to_str().unwrap()], canary),
        (&["secret", "list"], ""),
        (&["secret", "test", "--json"], ""),
        (&["secret", "rotate", "a", "--stdin"], &canary.replace("CANARY", "CANARY2")),
        (&["secret", "move", "ssh", "--key", key.to_str().unwrap()], ""),
        (&["order", "place", "buy", "1", "MSFT"], ""),
        (&["vault", "rekey"], ""),
        (&["vault", "status"], ""),
        (&["audit", "list", "--limit", "0"], ""),
        (&["audit", "verify"], ""),
        (&["secret", "set", "b", "--stdin"], "\u{1b}[31mCANARY"),
        (&["secret", "delete", "a", "--yes"], ""),
    ];
    for (args, input) in commands {
        let ran = home.arbion(args, input);
        said.push_str(&String::from_utf8_lossy(&ran.stdout));
        said.push_str(&String::from_utf8_lossy(&ran.stderr));
    }
    assert!(said.contains("a is rotated"), "{said}");
    assert!(!said.contains("CANARY"), "{said}");
    let mut open = vec![home.root()];
    let mut files = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        // The engine's socket holds nothing.
        if !path.is_file() {
            continue;
        }
        files += 1;
        let bytes = fs::read(&path).unwrap();
        for needle in ["CANARY", "43414e415259", "43414E415259", "Q0FOQVJZ", "AGE-SECRET-KEY-1"] {
            let found = bytes.windows(needle.len()).any(|part| part == needle.as_bytes());
            assert!(!found, "{needle} in {}", path.display());
        }
    }
    assert!(files > 8, "{files}");
}

#[test]
fn m2_no_core_is_written() {
    let home = Home::new();
    home.ok(&["positions"], "");
    let mut child = Command::new(env!("CARGO_BIN_EXE_arbion"))
        .args(["logs", "--follow"])
        .env("ARBION_HOME", home.root())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let limits = format!("/proc/{}/limits", child.id());
    let off = |text: String| {
        text.lines()
            .any(|line| line.starts_with("Max core file size") && line.split_whitespace().nth(4) == Some("0"))
    };
    let started = std::time::Instant::now();
    let mut found = false;
    while !found && started.elapsed().as_secs() < 10 {
        found = fs::read_to_string(&limits).is_ok_and(off);
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(found, "core files are not switched off");
}

#[test]
fn p5_what_a_person_does_through_an_engine_is_a_row() {
    let home = Home::new();
    home.ok(&["order", "place", "buy", "1", "MSFT"], "");
    home.ok(&["order", "place", "buy", "1", "MSFT", "--allow-duplicate"], "");
    home.ok(&["halt"], "");
    home.ok(&["do", "resume"], "");
    let settle =
        home.arbion(&["order", "settle", "1", "--as", "canceled", "--reason", "on their website"], "");
    assert_eq!(settle.status.code(), Some(2), "it is not in doubt");
    home.ok(&["backup"], "");
    home.ok(&["positions"], "");
    // The engine writes them on a thread of its own, right after its answer.
    let mut said = String::new();
    for _ in 0..100 {
        said = home.ok(&["audit", "list", "--json"], "");
        if said.contains("backed_up") {
            break;
        }
    }
    let rows: serde_json::Value = serde_json::from_str(&said).unwrap();
    let actions: Vec<&str> =
        rows["rows"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "profile_created",
            "engine_started",
            "order_confirmed",
            "order_overridden",
            "halted",
            "resumed",
            "order_settled",
            "backed_up"
        ]
    );
    let row = |n: usize, field: &str| rows["rows"][n][field].as_str().unwrap().to_owned();
    assert_eq!(row(6, "object"), "order 1 as canceled: on their website");
    assert!(row(6, "result").contains("not in doubt"), "{}", row(6, "result"));
    assert!(rows["rows"][2]["result"].as_str().unwrap().contains("order 1 filled"));
}
