//! Accounts at brokers: connected, verified, given new keys, disconnected; and which one plain commands mean.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::json;

use super::Context;
use super::control::confirm;
use crate::cli::args::{Command, ConnectArgs, ModeArg};
use crate::cli::error::CliError;
use crate::cli::host::{CredentialAsk, LoginRequest, LoginSecrets, Settings, SigningIn, Verified};
use crate::cli::output::{Align, Cell, Output, Table, format};
use crate::cli::secret::{Passphrases, pairs};
use crate::client::keeping::Keep;
use crate::client::secret::{AskSecret, Secret, Wanted};
use crate::client::{Reply, Request, Session};
use crate::config::PaperClock;
use crate::domain::account::AccountMode;
use crate::domain::ids::AccountId;
use crate::domain::login::Login;
use crate::domain::text::ascii_escaped;

/// The word that stands between a person and real money.
const LIVE_WORD: &str = "LIVE";

impl Context<'_> {
    /// Answers one of the commands about accounts at brokers.
    pub(super) async fn accounts(&mut self, command: &Command) -> Result<Output, CliError> {
        let settings = self.settings(true)?;
        self.log = crate::cli::logging::start(&settings, self.host);
        match command {
            Command::Connect(args) => self.connect(&settings, args).await,
            Command::Rotate(args) => self.connect(&settings, args).await,
            Command::Verify { broker, live, passphrases } => {
                let mut ask = Passphrases::new(self.console, Some(passphrases), self.environment);
                let request = self.host.sealed_login(&settings, broker, *live, &mut ask)?;
                shown(&self.host.verify_login(&settings, request).await?, "verified")
            }
            Command::Disconnect { name, yes } => {
                let what = format!("disconnect {name} and wipe its secrets");
                confirm(Some(self.console), *yes, &what)?;
                self.tell(&settings, Request::Disconnect { name: name.clone() }).await
            }
            Command::Mode { mode, account, confirm } => {
                let account = account.as_deref().map(AccountId::new);
                let (mode, confirmed) = match mode {
                    ModeArg::Paper => (AccountMode::Paper, false),
                    ModeArg::Live => (AccountMode::Live, self.real_money(confirm.as_deref())?),
                };
                self.tell(&settings, Request::Mode { mode, account, confirmed }).await
            }
            _ => Err(CliError::internal("this command is about no account")),
        }
    }

    /// Tests a login, keeps it, opens it.
    async fn connect(&mut self, settings: &Settings, args: &ConnectArgs) -> Result<Output, CliError> {
        if settings.loaded.config.paper.clock != PaperClock::System {
            return Err(CliError::usage(
                "paper.clock: found a clock of its own; allowed \"system\" in a profile with an account at a broker",
            ));
        }
        let fields = self.host.credential_fields(&args.broker, args.oauth)?;
        let given = self.given(args, &fields)?;
        let mut request = LoginRequest {
            broker: args.broker.clone(),
            live: args.live,
            name: args.name.clone(),
            secrets: LoginSecrets::Given(given),
            tokens: None,
        };
        if let Some(mut signing_in) = self.host.begin_sign_in(settings, &request).await? {
            request.tokens = Some(self.sign_in(signing_in.as_mut(), args.paste).await?);
        }
        let verified = self.host.verify_login(settings, request).await?;
        if verified.accounts.is_empty() && !verified.prices_alone {
            return Err(CliError::usage(format!("{} shows no account behind this login", args.broker)));
        }
        let mut ask = Once {
            passphrases: Passphrases::new(self.console, Some(&args.passphrases), self.environment),
            given: None,
        };
        for (name, value) in &verified.entries {
            let keep = Keep::SecretSet { name: name.clone(), value: value.clone() };
            self.host.keep(settings, keep, &mut ask)?;
        }
        let given = ask.given;
        let logins: Vec<Login> = verified.accounts.iter().map(|account| account.login.clone()).collect();
        let session = self.host.start_engine(settings).await?;
        self.open_vault(session.as_ref(), given).await?;
        match session.request(Request::Connect { logins }).await? {
            Reply::Done(_) if args.wait => self.wait(shown(&verified, "connected")?),
            Reply::Done(_) => shown(&verified, "connected"),
            _ => Err(CliError::unexpected("a word about the connection")),
        }
    }

    /// Shows what came of it and stays for a key, and with it the engine that has the vault's key: nothing else may give that to the next one.
    fn wait(&mut self, output: Output) -> Result<Output, CliError> {
        let text = output.text(self.console.width, self.console.colour);
        self.console.out.write_all(text.as_bytes())?;
        self.console.out.flush()?;
        self.console.ask_line("Enter brings the screen back. ")?;
        Ok(Output { blocks: Vec::new(), ..output })
    }

    /// Opens the vault to the engine by the passphrase that was given here a moment ago: where the kernel keeps no keys, nothing else would
    /// tell it. What was kept is kept: without the vault the engine says what it waits for.
    async fn open_vault(&mut self, session: &dyn Session, given: Option<Secret>) -> Result<(), CliError> {
        let Some(passphrase) = given else { return Ok(()) };
        if let Err(error) = session.request(Request::Unlock { passphrase: Some(passphrase) }).await {
            writeln!(self.console.err, "the engine could not open the vault: {error}")?;
        }
        Ok(())
    }

    /// Has a person sign in by the browser: on this machine, or elsewhere with the address pasted back.
    async fn sign_in(&mut self, signing_in: &mut dyn SigningIn, paste: bool) -> Result<Secret, CliError> {
        let mut lines = vec!["Open this address and sign in:".to_owned(), signing_in.url().to_owned()];
        if self.console.can_ask {
            lines.extend(signing_in.qr());
        }
        for line in &lines {
            writeln!(self.console.err, "{line}")?;
        }
        if paste {
            let prompt =
                "Then paste the address that the browser ends at, though it may show an error there: ";
            let text = Secret::new(self.console.ask_hidden(prompt)?);
            return signing_in.by_paste(&text).await;
        }
        writeln!(
            self.console.err,
            "Waiting for the browser, up to five minutes; elsewhere than here: --paste"
        )?;
        signing_in.by_browser().await
    }

    async fn tell(&self, settings: &Settings, request: Request) -> Result<Output, CliError> {
        let session = self.host.start_engine(settings).await?;
        match session.request(request).await? {
            Reply::Done(text) => Output::message(&text),
            _ => Err(CliError::unexpected("a word about the account")),
        }
    }

    /// What signs, from where the arguments say.
    fn given(
        &mut self,
        args: &ConnectArgs,
        fields: &[CredentialAsk],
    ) -> Result<Vec<(String, Secret)>, CliError> {
        if args.stdin || args.fd.is_some() {
            let given: BTreeMap<String, Secret> = pairs(args.fd, self.console)?;
            let unknown = given.keys().find(|name| fields.iter().all(|field| field.name != name.as_str()));
            let missing = fields.iter().find(|field| !field.optional && !given.contains_key(field.name));
            let names = || fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
            return match (unknown, missing) {
                (Some(name), _) => {
                    Err(CliError::usage(format!("found {}, allowed {}", name.escape_default(), names())))
                }
                (None, Some(field)) => {
                    Err(CliError::usage(format!("{} is missing; wanted are {}", field.name, names())))
                }
                (None, None) => Ok(given.into_iter().collect()),
            };
        }
        if !self.console.can_ask {
            return Err(CliError::usage(
                "the keys are asked for at a terminal; elsewhere give them by --stdin or --fd",
            ));
        }
        let side = if args.live { "the real account" } else { "the paper or test account" };
        let about = format!("Keys of {}, {side}. They are tried there before anything is kept.", args.broker);
        writeln!(self.console.err, "{}", ascii_escaped(&about))?;
        let mut given = Vec::new();
        for field in fields {
            let optional = if field.optional { " (empty for none)" } else { "" };
            let prompt = format!("{}{optional}: ", field.label);
            let text = Secret::new(self.console.ask_hidden(&prompt)?.trim().to_owned());
            if text.is_empty() && field.optional {
                continue;
            }
            if text.is_empty() {
                return Err(CliError::usage(format!("{} is missing", field.name)));
            }
            given.push((field.name.to_owned(), text));
        }
        Ok(given)
    }

    /// Has a person typed that real money is meant.
    fn real_money(&mut self, given: Option<&str>) -> Result<bool, CliError> {
        let typed = match given {
            Some(word) => word.to_owned(),
            None if self.console.can_ask => {
                let question = "Orders will go out with real money. Type LIVE to go on: ";
                self.console.ask_line(question)?
            }
            None => return Err(CliError::usage("real money needs --confirm LIVE where nobody can be asked")),
        };
        if typed.trim() == LIVE_WORD {
            return Ok(true);
        }
        Err(CliError::usage(format!(
            "found '{}', allowed {LIVE_WORD}; nothing has changed",
            typed.trim().escape_default()
        )))
    }
}

/// Asks for the one passphrase of the vault once, however many secrets are kept.
struct Once<'a> {
    passphrases: Passphrases<'a>,
    given: Option<Secret>,
}

impl AskSecret for Once<'_> {
    fn ask(&mut self, wanted: Wanted) -> Result<Option<Secret>, String> {
        if let (Wanted::Passphrase, Some(given)) = (wanted, &self.given) {
            return Ok(Some(given.clone()));
        }
        let given = self.passphrases.ask(wanted)?;
        self.given.clone_from(&given);
        Ok(given)
    }

    fn is_given(&self) -> bool {
        // Once is enough: it was right.
        self.given.is_none() && self.passphrases.is_given()
    }
}

fn shown(verified: &Verified, word: &str) -> Result<Output, CliError> {
    let rows: Vec<_> = verified
        .accounts
        .iter()
        .map(|account| {
            json!({
                "account": account.login.account,
                "broker": account.login.broker,
                "environment": account.login.environment,
                "kind": account.login.kind_text,
                "last_four": account.login.last_four,
                "currency": account.login.currency,
                "buying_power": account.buying_power.normalize().to_string(),
                "net_liquidation": account.net_liquidation.normalize().to_string(),
                "blocked": account.blocked,
            })
        })
        .collect();
    if verified.prices_alone {
        let text = "it has prices and no account: rates of coins are asked for with its key";
        return Output::new(&json!({ "accounts": [], "message": text, "latency_ms": verified.latency_ms }))
            .map(|output| output.line(text));
    }
    let columns = [
        ("ACCOUNT", Align::Left),
        ("TYPE", Align::Left),
        ("ENDS IN", Align::Left),
        ("NET LIQUIDATION", Align::Right),
        ("BUYING POWER", Align::Right),
        ("MAY TRADE", Align::Left),
    ];
    let mut table = Table::new(&columns, "The broker shows no account behind this login.");
    for account in &verified.accounts {
        let money = |amount| format!("{} {}", format::money(amount), account.login.currency);
        table.push(vec![
            Cell::new(account.login.account.as_str()),
            Cell::new(format!("{} {}", account.login.environment, account.login.kind_text)),
            Cell::new(account.login.last_four.as_str()),
            Cell::new(money(account.net_liquidation)),
            Cell::new(money(account.buying_power)),
            Cell::new(account.blocked.as_ref().map_or_else(|| "yes".to_owned(), |why| format!("no: {why}"))),
        ]);
    }
    let output = Output::new(&json!({ "state": word, "latency_ms": verified.latency_ms, "accounts": rows }))?;
    let Some(first) = verified.accounts.first().map(|account| &account.login) else {
        return Ok(output.table(table).line(word));
    };
    let (name, broker) = (&first.account, &first.broker);
    let mode = if first.environment == "live" { "live" } else { "paper" };
    Ok(output.table(table).line(format!(
        "{word}; orders go there with --account {name} (in words: at {broker}), or without after: arbion mode {mode} --account {name}"
    )))
}
