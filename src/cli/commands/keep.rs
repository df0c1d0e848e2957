//! Profiles, secrets, the vault, the audit log: each command is one request to the program, and its answer as a table.

use serde_json::json;

use super::Context;
use super::control::confirm;
use crate::cli::args::{
    AuditCommand, Command, HolderArg, PassphraseArgs, ProfileCommand, SecretCommand, VaultCommand,
};
use crate::cli::error::{CliError, EXIT_INTERNAL};
use crate::cli::host::{Host, Settings, TradesFormat};
use crate::cli::output::{Align, Cell, Named, Output, Table, Tone, format};
use crate::cli::secret::{Passphrases, value};
use crate::client::keeping::{Keep, Kept, KeyHolder, ProfileView, SecretView, VaultView};
use crate::client::secret::{AskSecret, Wanted};
use crate::client::{Reply, Request, SessionError};
use crate::config::{ProfileName, files};
use crate::domain::audit::{AuditReport, AuditRow};

impl Context<'_> {
    /// Answers one of the four command groups.
    pub(super) async fn keep(&mut self, command: &Command) -> Result<Output, CliError> {
        let (keep, passphrases) = self.request(command)?;
        let export = match command {
            Command::Audit(AuditCommand::Export { format, to, force, .. }) => Some((*format, to, *force)),
            _ => None,
        };
        if let Some((_, to, false)) = export
            && to.exists()
        {
            return Err(files::FileError::Exists(to.clone()).into());
        }
        let settings = self.settings(false)?;
        self.log = crate::cli::logging::start(&settings, self.host);
        let mut ask = Passphrases::new(self.console, passphrases.as_ref(), self.environment);
        let by_engine = match &keep {
            Keep::Lock | Keep::Unlock => by_engine(self.host, &settings, &keep, &mut ask).await?,
            _ => None,
        };
        let kept = match by_engine {
            Some(kept) => kept,
            None => self.host.keep(&settings, keep, &mut ask)?,
        };
        let zone = settings.loaded.config.screen.zone.time_zone();
        match (kept, export) {
            (Kept::Audit(rows), Some((format, to, force))) => {
                let text = match format {
                    TradesFormat::Json => serde_json::to_string_pretty(&rows)? + "\n",
                    TradesFormat::Csv => csv(&rows),
                };
                files::write_private(to, text.as_bytes(), force)?;
                let path = to.display().to_string();
                Ok(Output::new(&json!({ "file": path, "rows": rows.len() }))?
                    .line(format!("{} rows in {path}", rows.len())))
            }
            (Kept::Done(text), _) => Output::message(&text),
            (Kept::Profiles(profiles), _) => match command {
                Command::Profile(ProfileCommand::Show { .. }) => profile(&profiles, &zone),
                _ => profile_table(&profiles),
            },
            (Kept::Secrets(secrets), _) => secret_table(&secrets, &zone),
            (Kept::Vault(vault), _) => vault_lines(&vault, &zone),
            (Kept::Audit(rows), None) => audit_table(&rows, &zone),
            (Kept::Verified(report), _) => verified(&report),
            (Kept::Recovery(key), _) => {
                let key = key.reveal_once();
                Ok(Output::new(&json!({ "recovery_key": key }))?
                    .line(key)
                    .line("Write it down and keep it apart: it is shown once and kept nowhere.")
                    .line("With it in a file KEY, the vault opens without us: age -d -i KEY vault.age"))
            }
        }
    }

    fn request(&mut self, command: &Command) -> Result<(Keep, Option<PassphraseArgs>), CliError> {
        Ok(match command {
            Command::Profile(command) => self.profile_request(command)?,
            Command::Secret(command) => self.secret_request(command)?,
            Command::Vault(VaultCommand::Status) => (Keep::VaultStatus, None),
            Command::Vault(VaultCommand::Rekey { passphrases }) => {
                (Keep::VaultRekey, Some(passphrases.clone()))
            }
            Command::Vault(VaultCommand::Recovery { passphrases }) => {
                (Keep::VaultRecovery, Some(passphrases.clone()))
            }
            Command::Audit(AuditCommand::Verify) => (Keep::AuditVerify, None),
            Command::Audit(AuditCommand::List { actor, limit }) => {
                let actor = actor.as_ref().map(ProfileName::to_string);
                (Keep::AuditList { actor, limit: *limit, export: None }, None)
            }
            Command::Audit(AuditCommand::Export { to, actor, .. }) => {
                let export = Some(std::path::absolute(to)?.display().to_string());
                (
                    Keep::AuditList { actor: actor.as_ref().map(ProfileName::to_string), limit: 0, export },
                    None,
                )
            }
            _ => return Err(CliError::internal("this command keeps nothing")),
        })
    }

    fn profile_request(
        &mut self,
        command: &ProfileCommand,
    ) -> Result<(Keep, Option<PassphraseArgs>), CliError> {
        Ok(match command {
            ProfileCommand::Create { name, passphrases } => {
                (Keep::ProfileCreate { name: name.to_string() }, Some(passphrases.clone()))
            }
            ProfileCommand::List => (Keep::ProfileList, None),
            ProfileCommand::Show { name } => {
                (Keep::ProfileShow { name: name.as_ref().map(ProfileName::to_string) }, None)
            }
            ProfileCommand::Rename { old, new, passphrases } => (
                Keep::ProfileRename { from: old.to_string(), to: new.to_string() },
                Some(passphrases.clone()),
            ),
            ProfileCommand::Delete { name, purge, yes, passphrases } => {
                let what =
                    if *purge { "destroy the vault and every trade of" } else { "destroy the vault of" };
                confirm(Some(self.console), *yes, &format!("remove profile {name} and {what} it"))?;
                let keep = Keep::ProfileDelete { name: name.to_string(), purge: *purge };
                (keep, Some(passphrases.clone()))
            }
            ProfileCommand::Role { name, role, passphrases } => {
                (Keep::ProfileRole { name: name.to_string(), role: *role }, Some(passphrases.clone()))
            }
            ProfileCommand::Disable { name, passphrases } => {
                (Keep::ProfileDisable { name: name.to_string(), disabled: true }, Some(passphrases.clone()))
            }
            ProfileCommand::Enable { name, passphrases } => {
                (Keep::ProfileDisable { name: name.to_string(), disabled: false }, Some(passphrases.clone()))
            }
            ProfileCommand::Lock => (Keep::Lock, None),
            ProfileCommand::Unlock { passphrases } => (Keep::Unlock, Some(passphrases.clone())),
            ProfileCommand::Passwd { passphrases } => (Keep::Passwd, Some(passphrases.clone())),
        })
    }

    fn secret_request(
        &mut self,
        command: &SecretCommand,
    ) -> Result<(Keep, Option<PassphraseArgs>), CliError> {
        Ok(match command {
            SecretCommand::Set { name, value: from, passphrases } => {
                let value = value(from, name, self.console)?;
                (Keep::SecretSet { name: name.clone(), value }, Some(passphrases.clone()))
            }
            SecretCommand::Rotate { name, value: from, passphrases } => {
                let value = value(from, name, self.console)?;
                (Keep::SecretRotate { name: name.clone(), value }, Some(passphrases.clone()))
            }
            SecretCommand::List { passphrases } => (Keep::SecretList, Some(passphrases.clone())),
            SecretCommand::Delete { name, yes, passphrases } => {
                confirm(Some(self.console), *yes, &format!("delete the secret {name}"))?;
                (Keep::SecretDelete { name: name.clone() }, Some(passphrases.clone()))
            }
            SecretCommand::Test { name, passphrases } => {
                (Keep::SecretTest { name: name.clone() }, Some(passphrases.clone()))
            }
            SecretCommand::Move { to, key, passphrases } => {
                let to = match (to, key) {
                    (HolderArg::Keyring, None) => KeyHolder::Keyring,
                    (HolderArg::Passphrase, None) => KeyHolder::Passphrase,
                    (HolderArg::Ssh, Some(key)) => KeyHolder::Ssh(std::path::absolute(key)?),
                    _ => {
                        return Err(CliError::usage(
                            "--key names the SSH key of 'secret move ssh', and of nothing else",
                        ));
                    }
                };
                (Keep::SecretMove { to }, Some(passphrases.clone()))
            }
        })
    }
}

/// Has the engine that runs lock or unlock its profile, so that it forgets the vault's key, or has it. `None` where none runs, or none
/// that can be talked to: it looks at the lock by itself.
async fn by_engine(
    host: &dyn Host,
    settings: &Settings,
    keep: &Keep,
    ask: &mut Passphrases<'_>,
) -> Result<Option<Kept>, CliError> {
    let Ok(Some(session)) = host.running_engine(settings).await else { return Ok(None) };
    let first = match keep {
        Keep::Lock => Request::Lock,
        _ => Request::Unlock { passphrase: None },
    };
    let mut answer = session.request(first).await;
    if answer == Err(SessionError::PassphraseNeeded) {
        let given = ask.ask(Wanted::Passphrase).map_err(CliError::usage)?;
        let Some(given) = given else { return Err(SessionError::PassphraseNeeded.into()) };
        answer = session.request(Request::Unlock { passphrase: Some(given) }).await;
    }
    match answer? {
        Reply::Done(text) => Ok(Some(Kept::Done(text))),
        _ => Err(CliError::unexpected("a word about the lock")),
    }
}

fn profile_table(profiles: &[ProfileView]) -> Result<Output, CliError> {
    let output = Output::new(&Named("profiles", profiles))?;
    if profiles.is_empty() {
        return Ok(output.line("no profile yet; the first command makes one"));
    }
    let mut table = Table::new(
        &[
            ("", Align::Left),
            ("profile", Align::Left),
            ("role", Align::Left),
            ("state", Align::Left),
            ("vault", Align::Left),
        ],
        "",
    );
    for profile in profiles {
        table.push(vec![
            if profile.own { "*" } else { "" }.into(),
            profile.name.as_str().into(),
            profile.role.as_str().into(),
            state(profile),
            profile.vault.as_deref().unwrap_or(format::NONE).into(),
        ]);
    }
    Ok(output.table(table))
}

fn state(profile: &ProfileView) -> Cell {
    match (profile.disabled, profile.locked) {
        (true, _) => Cell::new("disabled").tone(Tone::Bad),
        (_, true) => "locked".into(),
        _ => "open".into(),
    }
}

fn profile(profiles: &[ProfileView], zone: &jiff::tz::TimeZone) -> Result<Output, CliError> {
    let Some(profile) = profiles.first() else { return Err(CliError::unexpected("a profile")) };
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left)], "");
    let vault = profile
        .vault
        .as_ref()
        .map_or("none yet".to_owned(), |held_by| format!("its key is held by {held_by}"));
    for (name, cell) in [
        ("profile", Cell::new(profile.name.as_str())),
        ("id", profile.id.as_str().into()),
        ("role", profile.role.as_str().into()),
        ("state", state(profile)),
        ("vault", vault.into()),
        ("made", format::time(profile.created_at, zone).into()),
        ("directory", profile.directory.display().to_string().into()),
    ] {
        table.push(vec![name.into(), cell]);
    }
    Ok(Output::new(profile)?.table(table))
}

fn secret_table(secrets: &[SecretView], zone: &jiff::tz::TimeZone) -> Result<Output, CliError> {
    let output = Output::new(&Named("secrets", secrets))?;
    if secrets.is_empty() {
        return Ok(output.line("no secret is kept; arbion secret set NAME keeps one"));
    }
    let mut table =
        Table::new(&[("secret", Align::Left), ("ends in", Align::Left), ("set", Align::Left)], "");
    for secret in secrets {
        let ending = if secret.last_four.is_empty() { format::NONE } else { &secret.last_four };
        table.push(vec![
            secret.name.as_str().into(),
            ending.into(),
            format::time(secret.changed_at, zone).into(),
        ]);
    }
    Ok(output.table(table))
}

fn vault_lines(vault: &VaultView, zone: &jiff::tz::TimeZone) -> Result<Output, CliError> {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left)], "");
    let mut row = |name: &str, text: String| table.push(vec![name.into(), text.into()]);
    match &vault.held_by {
        None => {
            row("vault", "none yet; arbion secret set NAME makes one".to_owned());
            row("its key would be held by", vault.would_hold.clone());
        }
        Some(held_by) => {
            row("vault", vault.file.display().to_string());
            row("key held by", held_by.clone());
            let open = if vault.unlocked { "opens without a question" } else { "locked" };
            row("state", open.to_owned());
            if let Some(count) = vault.secrets {
                row("secrets", count.to_string());
            }
            if let Some(count) = vault.recovery_keys {
                row("recovery keys", count.to_string());
            }
            if let Some(at) = vault.written_at {
                row("last write", format::time(at, zone));
            }
        }
    }
    Ok(Output::new(vault)?.table(table))
}

fn audit_table(rows: &[AuditRow], zone: &jiff::tz::TimeZone) -> Result<Output, CliError> {
    let mut table = Table::new(
        &[
            ("row", Align::Right),
            ("time", Align::Left),
            ("who", Align::Left),
            ("role", Align::Left),
            ("from", Align::Left),
            ("what", Align::Left),
            ("to", Align::Left),
            ("result", Align::Left),
        ],
        "no row of the log is yours to see",
    );
    for row in rows {
        table.push(vec![
            row.seq.to_string().into(),
            format::time(row.at, zone).into(),
            row.actor.as_str().into(),
            row.role.as_str().into(),
            row.origin.as_str().into(),
            row.action.as_str().into(),
            row.object.as_str().into(),
            row.result.as_str().into(),
        ]);
    }
    Ok(Output::new(&Named("rows", rows))?.table(table))
}

fn verified(report: &AuditReport) -> Result<Output, CliError> {
    let mut output = Output::new(report)?;
    if let Some(fault) = &report.fault {
        let text = format!("the audit log was changed: {}", fault.text);
        return Ok(output.failing(Some(CliError::new("TAMPERED", EXIT_INTERNAL, text))));
    }
    output = output.line(format!("{} rows are as they were written; head {}", report.rows, report.head));
    let anchors = if report.anchors == 1 { "anchor is" } else { "anchors are" };
    output = output.line(format!(
        "{} {anchors} signed and fit{}",
        report.anchors,
        // How many rows could have been cut off behind the last one is nothing that anybody can find.
        match report.unanchored {
            0 => "; every row is anchored".to_owned(),
            1 => "; unanchored 1: were this row cut off, nobody could tell".to_owned(),
            rows => format!("; unanchored {rows}: were these rows cut off, nobody could tell"),
        }
    ));
    if report.clock_went_back > 0 {
        let times = if report.clock_went_back == 1 { "time" } else { "times" };
        output =
            output.line(format!("the clock was set back {} {times} between rows", report.clock_went_back));
    }
    Ok(output)
}

/// The rows as a file for spreadsheets, in which no cell is a formula.
fn csv(rows: &[AuditRow]) -> String {
    let safe = |text: &str| {
        let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let text = if formula { format!("'{text}") } else { text.to_owned() };
        if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    let mut text = String::from("row,time,actor,role,origin,action,object,result,hash\n");
    for row in rows {
        let cells = [&row.actor, &row.role, &row.origin, &row.action, &row.object, &row.result, &row.hash];
        let cells: Vec<String> = cells.into_iter().map(|cell| safe(cell)).collect();
        text.push_str(&format!("{},{},{}\n", row.seq, row.at, cells.join(",")));
    }
    text
}
