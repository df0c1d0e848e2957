//! The configuration: checked, located, shown.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::Context;
use crate::cli::error::{CliError, EXIT_USAGE};
use crate::cli::host::Mistake;
use crate::cli::output::{Align, Output, Table};
use crate::config::{ConfigError, Loaded, Paths, Problem, ProfileName};

fn place(context: &Context<'_>) -> Result<(Paths, ProfileName), CliError> {
    Ok((Paths::resolve(context.environment)?, context.profile()?))
}

/// Every mistake, a line each.
pub(super) fn check(context: &Context<'_>) -> Result<Output, CliError> {
    let (paths, profile) = place(context)?;
    match Loaded::read(&paths, &profile, context.cli.globals.config.as_deref()) {
        Ok(loaded) => {
            let wrong = located(&loaded, context.host.mistakes(&loaded, &paths));
            if !wrong.is_empty() {
                return problems(&wrong);
            }
            let files: Vec<String> = loaded.files.iter().map(|file| file.display().to_string()).collect();
            let document = json!({ "ok": true, "files": files, "problems": [] });
            let read = if files.is_empty() {
                "no configuration file; defaults hold".to_owned()
            } else {
                files.join(", ")
            };
            Ok(Output::new(&document)?.line(format!("ok: {read}")))
        }
        Err(ConfigError::Problems(wrong)) => problems(&wrong),
        Err(other) => Err(other.into()),
    }
}

/// Mistakes with the file and line that their options were set in.
fn located(loaded: &Loaded, mistakes: Vec<Mistake>) -> Vec<Problem> {
    let problem = |mistake: Mistake| {
        let origin = loaded.origins.get(&mistake.option);
        let file = origin.map(|origin| &origin.file).or(loaded.files.last());
        Problem {
            file: file.cloned().unwrap_or_default(),
            line: origin.map_or(1, |origin| origin.line),
            text: format!("{}: {}", mistake.option, mistake.text),
        }
    };
    mistakes.into_iter().map(problem).collect()
}

fn problems(problems: &[Problem]) -> Result<Output, CliError> {
    let row =
        |problem: &Problem| json!({ "file": problem.file, "line": problem.line, "message": problem.text });
    let files: BTreeSet<&Path> = problems.iter().map(|problem| problem.file.as_path()).collect();
    let document =
        json!({ "ok": false, "files": files, "problems": problems.iter().map(row).collect::<Vec<_>>() });
    let output = problems.iter().fold(Output::new(&document)?, |out, problem| out.line(problem.to_string()));
    let count = match problems.len() {
        1 => "1 mistake".to_owned(),
        count => format!("{count} mistakes"),
    };
    let failure = CliError::new("CONFIG", EXIT_USAGE, format!("{count} in the configuration"));
    Ok(output.failing(Some(failure)))
}

/// Every file and directory.
pub(super) fn path(context: &Context<'_>) -> Result<Output, CliError> {
    let (paths, profile) = place(context)?;
    let rows: Vec<(&str, String)> = [
        ("system_config", paths.system_config()),
        ("user_config", Some(paths.user_config())),
        ("profile_config", Some(paths.profile_config(&profile))),
        ("profile", Some(paths.profile_dir(&profile))),
        ("database", Some(paths.database(&profile))),
        ("backups", Some(paths.backups(&profile))),
        (
            "log",
            crate::cli::logging::days(&paths.log_file(&profile)).pop().or(Some(paths.log_file(&profile))),
        ),
        ("cache", Some(paths.cache.clone())),
        ("runtime", Some(paths.runtime.clone())),
    ]
    .into_iter()
    .filter_map(|(name, path)| Some((name, path?.display().to_string())))
    .collect();
    let document: Map<String, Value> =
        rows.iter().map(|(name, path)| ((*name).to_owned(), json!(path))).collect();
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left), ("", Align::Left)], "");
    for (name, path) in rows {
        let there = if Path::new(&path).exists() { "" } else { "(not there)" };
        table.push(vec![name.into(), path.into(), there.into()]);
    }
    Ok(Output::new(&document)?.table(table))
}

/// What is in force, as TOML that says where each option was set.
pub(super) fn show(context: &Context<'_>) -> Result<Output, CliError> {
    let settings = context.settings(false)?;
    let loaded = &settings.loaded;
    let origins: Map<String, Value> = loaded
        .origins
        .iter()
        .map(|(path, origin)| (path.clone(), json!({ "file": origin.file, "line": origin.line })))
        .collect();
    let document =
        json!({ "profile": settings.profile.as_str(), "config": loaded.config, "origins": origins });
    let mut text = format!("# profile {}\n", settings.profile);
    let mut table = String::new();
    for line in loaded.config.to_toml().lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            table = name.to_owned();
        }
        let key = line.split(" = ").next().unwrap_or_default().trim_matches('"');
        text.push_str(line);
        if let Some(origin) = loaded.origins.get(&format!("{table}.{key}")) {
            text.push_str(&format!("  # {origin}"));
        }
        text.push('\n');
    }
    Ok(Output::new(&document)?.verbatim(text))
}
