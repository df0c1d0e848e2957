//! The house's own rules: which folder imports which, who may approve an order, where the clock is read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The import table of ARCHITECTURE.md: folder, then the folders it may import.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("quant", &["domain"]),
    ("core", &["domain", "quant", "strategies"]),
    ("strategies", &["domain", "quant"]),
    ("command", &["domain"]),
    ("bots", &["domain", "quant", "strategies"]),
    ("brokers", &["domain"]),
    ("market", &["domain", "quant"]),
    ("store", &["domain"]),
    ("vault", &[]),
    ("keeping", &["domain", "config", "store", "vault", "client"]),
    ("config", &["domain"]),
    ("client", &["domain", "command"]),
    (
        "engine",
        &[
            "domain",
            "quant",
            "core",
            "strategies",
            "command",
            "bots",
            "brokers",
            "market",
            "store",
            "config",
            "client",
            "keeping",
        ],
    ),
    ("tui", &["domain", "quant", "command", "client", "config"]),
    ("cli", &["domain", "command", "client", "config"]),
];

/// What the pure folders must never name.
const PURE: &[&str] = &["domain", "quant", "core", "strategies", "command"];
const IMPURE_WORDS: &[&str] = &[
    "tokio::",
    "reqwest::",
    "rusqlite::",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "thread::sleep",
    "rand::",
    "RandomState",
];

/// Rust files of a folder with their text, tests cut off.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let mut open = vec![root];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            if !path.ends_with("tests.rs") && !path.iter().any(|part| part == "tests") {
                found.push((path, code));
            }
        }
    }
    assert!(!found.is_empty(), "src/{folder} has no Rust file");
    found
}

/// Lines of code, comments cut off.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line.split("//").next().unwrap_or_default()))
        .filter(|(_, line)| !line.trim().is_empty())
}

#[test]
fn folders_import_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    for (folder, allowed) in MAY_IMPORT {
        for (path, text) in sources(folder) {
            for (number, line) in code_lines(&text) {
                for (_, rest) in
                    line.match_indices("crate::").map(|(at, word)| (at, &line[at + word.len()..]))
                {
                    let target: String =
                        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                    let ours = MAY_IMPORT.iter().any(|(name, _)| *name == target);
                    if ours && target != *folder && !allowed.contains(&target.as_str()) {
                        wrong.push(format!("{}:{number}: {folder} may not import {target}", path.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_folder_is_in_the_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in std::fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(
                MAY_IMPORT.iter().any(|(folder, _)| *folder == name),
                "src/{name} is not in the import table"
            );
        }
    }
}

#[test]
fn pure_folders_name_nothing_of_the_outside() {
    let mut wrong = Vec::new();
    for folder in PURE {
        for (path, text) in sources(folder) {
            for (number, line) in code_lines(&text) {
                for word in IMPURE_WORDS.iter().filter(|word| line.contains(**word)) {
                    wrong.push(format!("{}:{number}: {word}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn k1_only_risk_approves_orders() {
    let mut callers: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for (folder, _) in MAY_IMPORT {
        for (path, text) in sources(folder) {
            let calls = code_lines(&text).filter(|(_, line)| line.contains("Approved::seal")).count();
            if calls > 0 {
                callers.insert(path, calls);
            }
        }
    }
    assert!(callers.keys().all(|path| path.to_string_lossy().contains("src/core/risk")), "{callers:?}");
    assert_eq!(callers.values().sum::<usize>(), 1, "one door: {callers:?}");
}

#[test]
fn the_screen_and_the_command_line_touch_no_file_system_of_the_engine() {
    for (path, text) in sources("tui") {
        for (number, line) in code_lines(&text) {
            assert!(!line.contains("std::fs"), "{}:{number}", path.display());
        }
    }
}

#[test]
fn main_is_short() {
    let main = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs")).unwrap();
    assert!(main.lines().count() < 60, "src/main.rs parses, installs hooks and runs; nothing else");
}

#[test]
fn m1_secrets_are_exposed_where_they_are_used_and_nowhere_else() {
    // The vault's own files; the door at which a person types one; the two messages that carry one.
    // And the connectors, which sign with them.
    let allowed = ["src/vault/", "src/keeping/", "src/brokers/", "src/cli/secret.rs", "src/client/secret.rs"];
    for (folder, _) in MAY_IMPORT {
        for (path, text) in sources(folder) {
            let shown = path.to_string_lossy().into_owned();
            if allowed.iter().any(|part| shown.contains(part)) {
                continue;
            }
            for (number, line) in code_lines(&text) {
                assert!(!line.contains("expose_secret"), "{shown}:{number} exposes a secret");
            }
        }
    }
    for (path, text) in sources("vault") {
        for item in
            ["pub struct Vault ", "pub struct MemoryStore", "struct Items ", "struct Item ", "struct Given"]
        {
            let Some(at) = text.find(item) else { continue };
            let derives = text[..at].rsplit("\n\n").next().unwrap_or_default();
            assert!(
                !derives.contains("Debug") && !derives.contains("Serialize"),
                "{}: {item}",
                path.display()
            );
        }
    }
}

/// What a connector reads of its section, by the calls that read it.
fn options_read(text: &str) -> impl Iterator<Item = &str> {
    ["option(\"", "url(\"", "endpoint(\"", "endpoint(settings, \"", "urls.get(\""]
        .into_iter()
        .flat_map(move |call| text.split(call).skip(1).filter_map(|rest| rest.split('"').next()))
}

#[test]
fn the_configuration_knows_every_option_that_a_connector_reads() {
    let table = include_str!("../../src/config/brokers.rs");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/brokers");
    for broker in ["alpaca", "coinbase", "coingecko", "hyperliquid", "schwab"] {
        let row = table.split(&format!("(\"{broker}\", &[")).nth(1).unwrap().split(']').next().unwrap();
        let sources: String =
            sources(&format!("brokers/{broker}")).into_iter().map(|(_, text)| text).collect();
        let known: BTreeSet<&str> = row.split(", ").map(|option| option.trim_matches('"')).collect();
        let unknown: Vec<&str> = options_read(&sources).filter(|option| !known.contains(option)).collect();
        assert!(unknown.is_empty(), "{broker}: src/config/brokers.rs does not know {unknown:?}");
        // The whole module, as its tests may stand before what reads the settings.
        let module = root.join(broker).join("mod.rs");
        let whole = sources + &std::fs::read_to_string(module).unwrap();
        for option in known {
            assert!(whole.contains(&format!("\"{option}\"")), "{broker} reads no {option}");
        }
    }
}

/// The sources move; a mutant whose text is not where it was breaks nothing and proves nothing.
#[test]
fn every_mutant_still_applies() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = std::fs::read_to_string(root.join("tests/mutants/list")).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for block in list.strip_prefix("## ").unwrap().split("\n## ") {
        let (head, body) = block.split_once("\n<<<\n").expect(block);
        let (name, file) = head.split_once(" | ").expect(head);
        let (old, new) = body.split_once("\n===\n").expect(name);
        let new = new.trim_end().strip_suffix(">>>").expect(name);
        assert_ne!(old.trim_end(), new.trim_end(), "mutant '{name}' changes nothing");
        assert!(names.insert(name), "two mutants are called '{name}'");
        let source = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        assert_eq!(source.matches(old).count(), 1, "mutant '{name}' does not apply to {file}");
    }
    assert!(names.len() >= 30, "reliability 17.6 asks for 30 mutants, there are {}", names.len());
}
