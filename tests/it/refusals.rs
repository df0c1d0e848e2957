//! Bad input at the edge of the program, by hand and by chance: each is refused with one line that says what, where, and what mends it, and
//! nothing is changed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::detached::Home;

fn run(home: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arbion"));
    command.args(args).env("ARBION_HOME", home).stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn refused(output: &Output, code: i32, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(words), "{words} in {said}");
    assert!(said.lines().count() == 1 && said.len() < 600, "{said}");
    assert!(said.trim_end().chars().all(|c| c.is_ascii() && !c.is_ascii_control()), "{said:?}");
}

#[test]
fn names_of_profiles_are_plain_or_refused() {
    let home = Home::new();
    let long = "a".repeat(300);
    let longest = "a".repeat(100_000);
    // Slashes, dots, look-alike letters (Greek and Cyrillic A, a full-width a, a dotless i), spaces, line ends, escapes.
    for name in [
        "a/b",
        "../x",
        "/etc",
        ".",
        "..",
        ".hidden",
        "a.b",
        "\u{391}lice",
        "\u{410}lice",
        "\u{ff41}lice",
        "al\u{131}ce",
        "ALICE",
        "",
        " ",
        "a b",
        "a\nb",
        "\u{1b}[2Jx",
        "a\u{202e}b",
        &long,
        &longest,
    ] {
        let args = [&format!("--profile={name}"), "positions"].map(|text: &str| text.to_owned());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        refused(&home.output(&args), 2, "allowed 1 to 32 of a-z, 0-9, '_' and '-'");
        refused(&home.output(&["profile", "create", "--", name]), 2, "allowed 1 to 32 of a-z");
        let by_environment = home
            .command(&["positions"])
            .env("ARBION_PROFILE", if name.is_empty() { " " } else { name })
            .output();
        refused(&by_environment.unwrap(), 2, "allowed 1 to 32 of a-z");
    }
    assert!(fs::read_dir(home.path()).unwrap().next().is_none(), "nothing was made");
}

#[test]
fn v1_directories_that_are_not_ours_alone_are_refused_with_what_mends_them() {
    let home = Home::new();
    home.json(&["positions"]);
    let profile = home.path().join("data/profiles/default");
    for directory in
        [home.path().to_owned(), home.path().join("data"), profile.clone(), home.path().join("config")]
    {
        for mode in [0o755, 0o710, 0o777] {
            fs::set_permissions(&directory, PermissionsExt::from_mode(mode)).unwrap();
            let output = home.output(&["positions"]);
            fs::set_permissions(&directory, PermissionsExt::from_mode(0o700)).unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success(), "{directory:?} {mode:o}");
            assert!(said.contains(&format!("run: chmod 700 {}", directory.display())), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
    fs::set_permissions(home.path().join("run"), PermissionsExt::from_mode(0o755)).unwrap();
    refused(&home.output(&["engine", "start"]), 2, "run: chmod 700");
    fs::set_permissions(home.path().join("run"), PermissionsExt::from_mode(0o700)).unwrap();
    for file in [profile.join("arbion.db"), home.path().join("data/install.db"), profile.join("engine.lock")]
    {
        fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        refused(
            &home.output(&["order", "place", "buy", "1", "KO"]),
            1,
            &format!("run: chmod 600 {}", file.display()),
        );
        fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        // A link to where it lies is refused too: whoever can write beside it could point it elsewhere.
        let elsewhere = home.path().join("elsewhere");
        fs::rename(&file, &elsewhere).unwrap();
        symlink(&elsewhere, &file).unwrap();
        refused(&home.output(&["order", "place", "buy", "1", "KO"]), 1, "is a link, which is not followed");
        fs::remove_file(&file).unwrap();
        fs::rename(&elsewhere, &file).unwrap();
    }
    home.json(&["order", "place", "buy", "1", "KO"]);
}

#[test]
#[ignore = "needs root, who alone can give files away; run by .ci/run where it is"]
fn real_v1_what_belongs_to_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        // Only root can be somebody else.
        return;
    }
    let home = Home::new();
    home.json(&["positions"]);
    let profile = home.path().join("data/profiles/default");
    for path in [profile.clone(), profile.join("arbion.db"), home.path().join("data/install.db")] {
        let chown =
            |uid: &str| assert!(Command::new("chown").arg(uid).arg(&path).status().unwrap().success());
        chown("1234");
        let output = home.output(&["positions"]);
        chown("0");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = format!("belongs to user 1234, not to this one (0); run: chown 0 {}", path.display());
        assert!(!output.status.success() && said.contains(&line) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_home_that_is_none_is_refused_and_one_that_is_missing_is_made() {
    let temp = tempfile::tempdir().unwrap();
    for relative in ["relative", "./here", "~/arbion"] {
        refused(&run(Path::new(relative), &["positions"]), 2, "allowed an absolute path");
    }
    let missing = temp.path().join("not/yet/there");
    assert!(run(&missing, &["positions"]).status.success());
    assert_eq!(fs::metadata(&missing).unwrap().permissions().mode() & 0o777, 0o700);
    fs::write(temp.path().join("file"), "").unwrap();
    refused(&run(&temp.path().join("file"), &["positions"]), 1, "not a directory");
    refused(&run(Path::new("/proc/nowhere"), &["positions"]), 1, "/proc/nowhere");
}

#[test]
fn locks_and_sockets_that_fail_say_what_is_in_the_way() {
    let home = Home::new();
    home.json(&["positions"]);
    let lock = home.path().join("data/profiles/default/engine.lock");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    refused(&home.output(&["engine", "start"]), 1, "engine.lock is no plain file; run: mv ");
    fs::remove_dir(&lock).unwrap();
    fs::create_dir(home.socket()).unwrap();
    refused(&home.output(&["engine", "start"]), 1, "default.sock cannot be opened");
    fs::remove_dir(home.socket()).unwrap();
    // A second engine is told who the first one is.
    home.json(&["engine", "start"]);
    let first = home.engine().unwrap();
    refused(&home.output(&["engine", "run"]), 7, &format!("is in use by process {first} (arbion engine)"));
    assert_eq!(home.engine(), Some(first));
}
