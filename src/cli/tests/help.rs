//! Golden help: what every command says of itself.

use clap::CommandFactory;

use super::World;
use crate::cli::args::Cli;

/// Every command's path, the root first.
fn paths() -> Vec<Vec<String>> {
    fn walk(command: &clap::Command, path: &[String], all: &mut Vec<Vec<String>>) {
        all.push(path.to_vec());
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            let path = [path, &[inner.get_name().to_owned()]].concat();
            walk(inner, &path, all);
        }
    }
    let mut all = Vec::new();
    walk(&Cli::command(), &[], &mut all);
    all
}

#[test]
fn every_command_says_what_it_does() {
    let world = World::new();
    let mut seen = 0;
    for path in paths() {
        let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
        args.push("--help");
        let ran = world.run(&args);
        assert_eq!((ran.exit, ran.err.as_str()), (0, ""), "{path:?}");
        let name = if path.is_empty() { "arbion".to_owned() } else { format!("arbion-{}", path.join("-")) };
        insta::assert_snapshot!(format!("help-{name}"), ran.out);
        seen += 1;
    }
    assert!(seen >= 38, "{seen} commands");
    assert_eq!(*world.host.closed.lock().unwrap(), 0, "help asks for no engine");
}

#[test]
fn the_description_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn version_and_help_are_answers_not_errors() {
    let world = World::new();
    let version = world.run(&["--version"]);
    assert_eq!(
        (version.exit, version.out.as_str()),
        (0, concat!("arbion ", env!("CARGO_PKG_VERSION"), "\n"))
    );
    assert_eq!(world.run(&["help", "quote"]).out, world.run(&["quote", "--help"]).out);
    let json = world.run(&["--json", "--version"]).json();
    assert_eq!(json["message"], concat!("arbion ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_and_manual_pages_cover_every_command() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = world.run(&["completions", shell]);
        assert_eq!(ran.exit, 0);
        assert!(ran.out.contains("backtest") && ran.out.contains("take-profit"), "{shell}");
    }
    assert!(world.run(&["man"]).out.starts_with(".ie"));
    let directory = world.home.path().join("man");
    let ran = world.run(&["man", directory.to_str().unwrap(), "--json"]);
    let files = ran.json()["files"].as_array().unwrap().len();
    assert_eq!(files, paths().len());
    let page = std::fs::read_to_string(directory.join("arbion-order-place.1")).unwrap();
    assert!(page.contains("arbion\\-order\\-place") && page.contains("take\\-profit"), "{page}");
}
