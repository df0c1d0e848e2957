//! What each command does. A command reads its arguments, asks the host or a session, and returns an `Output`; nothing here prints.

mod account;
mod backtest;
mod bot;
mod calendar;
mod config;
mod connect;
mod control;
mod demo;
mod doctor;
mod drawing;
mod engine;
mod events;
mod exits;
mod export;
mod generate;
mod import;
mod journal;
mod keep;
mod licenses;
mod limit;
mod logs;
mod market;
mod note;
mod orders;
mod past;
mod speak;
mod standing;
mod strategy;
mod sweep;
mod tax;
mod ticket;
mod venue;
mod verify;
mod walk;
mod watch;
pub(super) mod work;

use std::time::Duration;

use super::args::{
    AlertCommand, Cli, Command, ConfigCommand, ExitsCommand, ExportCommand, JournalCommand, LimitCommand,
    NoteCommand, OrderCommand, PaperCommand, SelfCommand, TaxCommand, WatchlistCommand,
};
use super::console::Console;
use super::error::{CliError, LOCKED};
use super::host::{Host, ScreenRequest, SessionKind, Settings};
use super::line::Line;
use super::output::Output;
use crate::client::Request;
use crate::client::progress::Progress;
use crate::config::{Environment, Loaded, Paths, ProfileName};
use crate::domain::order::OriginKind;

pub(super) use speak::{Door, carry_out};

/// Everything a command may use.
pub(super) struct Context<'a> {
    pub host: &'a dyn Host,
    pub environment: &'a Environment,
    pub cli: &'a Cli,
    pub console: &'a mut Console,
    /// How long a script's expectation may take to come true.
    pub patience: Duration,
    /// Has the last lines of the log written when the command is over.
    pub log: Option<tracing_appender::non_blocking::WorkerGuard>,
}

/// Does the command need neither engine nor files, so that it is answered without either.
pub(super) fn answer_at_once(
    cli: &Cli,
    host: &dyn Host,
    environment: &Environment,
) -> Option<Result<Output, CliError>> {
    Some(match cli.command.as_ref()? {
        Command::Parse(args) => speak::parse(args, host, &calendar::written(cli, environment)),
        Command::Search(args) => market::search(args, host),
        Command::Licenses(args) => licenses::run(args),
        Command::Itself(SelfCommand::Verify(args)) => verify::run(args),
        Command::Completions(args) => generate::completions(args),
        Command::Man(args) => generate::man(args),
        _ => return None,
    })
}

impl Context<'_> {
    /// Profile, directories and configuration. With `prepare` the directories are created; without, nothing is.
    pub(super) fn settings(&self, prepare: bool) -> Result<Settings, CliError> {
        let globals = &self.cli.globals;
        let paths = Paths::resolve(self.environment)?;
        let profile = self.profile()?;
        let loaded = Loaded::read(&paths, &profile, globals.config.as_deref())?;
        let config_file = globals.config.as_ref().map(std::path::absolute).transpose()?;
        let settings =
            Settings { profile, paths, loaded, environment: self.environment.clone(), config_file };
        if prepare {
            // A profile that is locked can still be halted and looked after.
            let always =
                matches!(self.cli.command, Some(Command::Halt(_) | Command::Doctor | Command::Engine(_)));
            self.host.admit(&settings, always)?;
            settings.paths.prepare(&settings.profile)?;
        }
        Ok(settings)
    }

    /// The same for a screen, and whether it is the first one ever: then it paints before the installation is made, which takes a slow disk
    /// some tenths of a second.
    pub(super) fn screen_settings(&self) -> Result<(Settings, bool), CliError> {
        let settings = self.settings(false)?;
        if !self.host.is_first_start(&settings) {
            return Ok((self.settings(true)?, false));
        }
        settings.paths.prepare(&settings.profile)?;
        Ok((settings, true))
    }

    /// The profile named by option, environment, or neither.
    pub(super) fn profile(&self) -> Result<ProfileName, CliError> {
        profile_of(self.cli, self.environment)
    }

    /// Runs the command.
    pub(super) async fn run(&mut self) -> Result<Output, CliError> {
        let cli = self.cli;
        let result = match &cli.command {
            None => self.screen().await,
            Some(Command::Config(ConfigCommand::Check)) => config::check(self),
            Some(Command::Config(ConfigCommand::Path)) => config::path(self),
            Some(Command::Config(ConfigCommand::Show)) => config::show(self),
            Some(
                command @ (Command::Profile(_) | Command::Secret(_) | Command::Vault(_) | Command::Audit(_)),
            ) => self.keep(command).await,
            Some(
                command @ (Command::Connect(_)
                | Command::Rotate(_)
                | Command::Verify { .. }
                | Command::Disconnect { .. }
                | Command::Mode { .. }),
            ) => self.accounts(command).await,
            Some(Command::Logs(args)) => logs::run(self, args).await,
            Some(Command::Engine(args)) => engine::run(self, args).await,
            Some(Command::Restore(args)) => control::restore(self, args).await,
            Some(Command::Doctor) => doctor::run(self).await,
            Some(Command::Demo(args)) => demo::run(self, args).await,
            Some(Command::Backtest(args)) => backtest::run(self, args).await,
            Some(Command::Import(args)) => import::run(self, args).await,
            Some(Command::Calendar(args)) => calendar::run(self, args),
            Some(Command::Events(args)) => events::run(self, args),
            Some(command) => self.with_engine(command).await,
        };
        // Whatever came of it, what is journalled must reach the disk; a failure of that is the worse news only after a success.
        let closed = self.host.close().await;
        result.and_then(|output| closed.map(|()| output))
    }

    async fn with_engine(&mut self, command: &Command) -> Result<Output, CliError> {
        let settings = self.settings(true)?;
        self.log = super::logging::start(&settings, self.host);
        let (host, console) = (self.host, &mut *self.console);
        let line = match line(host, &settings, &kind(command, host)).await {
            Ok(line) => line,
            Err(error) if error.code == LOCKED => {
                return control::while_locked(host, &settings, command, console, error).await;
            }
            Err(error) => return Err(error),
        };
        match command {
            Command::Positions { account } => account::positions(&line, account.as_deref()).await,
            Command::Balances { account } => account::balances(&line, account.as_deref()).await,
            Command::Fills(args) => account::fills(&line, args).await,
            Command::History(args) => account::history(&line, args).await,
            Command::Pnl(args) => account::pnl(&line, args).await,
            Command::Export(ExportCommand::Trades(args)) => {
                account::export(&line, host, args, &Progress::default()).await
            }
            Command::Export(ExportCommand::Bars(args)) => export::bars(&line, host, args).await,
            Command::Quote(args) => market::quote(&line, args).await,
            Command::Bars(args) => market::bars(&line, args).await,
            Command::Chain(args) => market::chain(&line, args).await,
            Command::News(args) => market::news(&line, args).await,
            Command::Depth(args) => watch::depth(&line, args).await,
            Command::Movers(args) => watch::movers(&line, args).await,
            Command::Groups(args) => watch::groups(&line, args).await,
            Command::Watchlist(command) => watch::watchlist(&line, command).await,
            Command::Alert(command) => watch::alert(&line, command).await,
            Command::Note(command) => note::run(&line, command).await,
            Command::Exits(command) => exits::run(&line, command).await,
            Command::Tax(command) => tax::run(&line, command, &settings.loaded.config.tax).await,
            Command::Journal(command) => journal::run(&line, command).await,
            Command::Bot(command) => bot::run(&line, command, console).await,
            Command::Strategy(command) => strategy::run(&line, command, console).await,
            Command::Equity(args) => watch::equity(&line, args).await,
            Command::Risk { what, account } => watch::risk(&line, *what, account.as_deref()).await,
            Command::Reconcile { account } => standing::reconcile(&line, account.as_deref()).await,
            Command::Override { account, confirm } => {
                standing::override_it(&line, account, confirm.as_deref(), console).await
            }
            Command::Limit(command) => limit::run(&line, &settings, command, console).await,
            Command::Connections => watch::connections(&line).await,
            Command::Alpaca(command) => venue::alpaca(&line, command, console).await,
            Command::Coinbase(command) => venue::coinbase(&line, command, console).await,
            Command::Hyperliquid(command) => venue::hyperliquid(&line, command, console).await,
            Command::Order(OrderCommand::Place(args)) => {
                orders::place(&line, args, &settings.loaded.config.tax, console).await
            }
            Command::Order(OrderCommand::Preview(args)) => {
                orders::preview(&line, args, &settings.loaded.config.tax).await
            }
            Command::Order(OrderCommand::List(args)) => orders::list(&line, args).await,
            Command::Order(OrderCommand::Show(args)) => orders::show(&line, args).await,
            Command::Order(OrderCommand::Cancel(args)) => orders::cancel(&line, args).await,
            Command::Order(OrderCommand::Replace(args)) => orders::replace(&line, args).await,
            Command::Order(OrderCommand::Settle(args)) => orders::settle(&line, args).await,
            Command::Paper(PaperCommand::Assign { contract, contracts }) => {
                control::assign(&line, contract, *contracts).await
            }
            Command::Paper(PaperCommand::DoNotExercise { contract }) => {
                control::do_not_exercise(&line, contract).await
            }
            Command::Paper(PaperCommand::Expire) => line.answer(Request::PaperExpire).await,
            Command::Paper(PaperCommand::Advance { time }) => {
                line.answer(Request::Advance { seconds: *time }).await
            }
            Command::Backup(args) => control::backup(&line, args).await,
            Command::Halt(args) => control::halt(&line, args, console).await,
            Command::Resume => control::resume(&line).await,
            Command::Flatten(args) => control::flatten(&line, args, console).await,
            Command::Do { text, yes, allow_duplicate, no_wait, account } => {
                let account = line.named_account(account.as_deref()).await?;
                let (yes, allow_duplicate, wait) = (*yes, *allow_duplicate, !no_wait);
                let door = Door { account, yes, allow_duplicate, wait, origin: OriginKind::Cli };
                speak::say(&line, &text.join(" "), &door, Some(console)).await
            }
            // Answered by `answer_at_once` and by `run`, before an engine is asked for.
            _ => Err(CliError::internal("this command needs no engine")),
        }
    }

    async fn screen(&mut self) -> Result<Output, CliError> {
        self.need_screen()?;
        let (settings, first_start) = self.screen_settings()?;
        self.log = super::logging::start(&settings, self.host);
        let request = ScreenRequest { kind: SessionKind::Trade, size: None, plain: false, first_start };
        self.open(&settings, &request).await
    }

    /// The screen until it is left, and then that of another profile where the user goes on as one.
    pub(super) async fn open(
        &mut self,
        settings: &Settings,
        request: &ScreenRequest,
    ) -> Result<Output, CliError> {
        if let Some(profile) = self.host.screen(settings, request).await? {
            // Its last lines are written before this program is another one.
            drop(self.log.take());
            return Err(self.host.go_on_as(settings, request, &profile));
        }
        Output::new(&serde_json::Value::Null)
    }

    /// The screen needs a terminal, and has no JSON form.
    pub(super) fn need_screen(&self) -> Result<(), CliError> {
        if self.cli.globals.json {
            return Err(CliError::usage("the screen has no JSON form; give a command, see: arbion --help"));
        }
        if !(self.console.input_is_terminal && self.console.out_is_terminal) {
            return Err(CliError::usage("the screen needs a terminal; give a command, see: arbion --help"));
        }
        Ok(())
    }
}

fn profile_of(cli: &Cli, environment: &Environment) -> Result<ProfileName, CliError> {
    match (&cli.globals.profile, &environment.arbion_profile) {
        (Some(profile), _) => Ok(profile.clone()),
        (None, Some(name)) => Ok(name.to_string_lossy().parse()?),
        (None, None) => Ok(ProfileName::default()),
    }
}

/// A line to an engine of this kind.
pub(super) async fn line<'a>(
    host: &'a dyn Host,
    settings: &Settings,
    kind: &SessionKind,
) -> Result<Line<'a>, CliError> {
    Ok(Line {
        session: host.session(settings, kind).await?,
        lookup: host.lookup(),
        zone: settings.loaded.config.screen.zone.time_zone(),
    })
}

/// Which engine a command wants.
fn kind(command: &Command, host: &dyn Host) -> SessionKind {
    match command {
        Command::Bot(command) if bot::only_shows(command) => SessionKind::Read,
        Command::Strategy(command) if strategy::only_shows(command) => SessionKind::Read,
        Command::Limit(LimitCommand::List) => SessionKind::Read,
        Command::Do { text, .. } if speak::only_shows(&text.join(" "), host) => SessionKind::Read,
        Command::Positions { .. }
        | Command::Balances { .. }
        | Command::Fills(_)
        | Command::History(_)
        | Command::Pnl(_)
        | Command::Export(_)
        | Command::Quote(_)
        | Command::Bars(_)
        | Command::Chain(_)
        | Command::Depth(_)
        | Command::Movers(_)
        | Command::Groups(_)
        | Command::Watchlist(WatchlistCommand::List | WatchlistCommand::Show { .. })
        | Command::Alert(AlertCommand::List)
        | Command::Note(NoteCommand::List { .. })
        | Command::Exits(ExitsCommand::List { .. })
        | Command::Tax(TaxCommand::Lots { .. } | TaxCommand::Gains(_) | TaxCommand::Summary(_))
        | Command::Journal(JournalCommand::List(_) | JournalCommand::Stats { .. })
        | Command::Equity(_)
        | Command::Risk { .. }
        | Command::Connections
        | Command::Backup(_)
        | Command::Order(OrderCommand::Preview(_) | OrderCommand::List(_) | OrderCommand::Show(_)) => {
            SessionKind::Read
        }
        _ => SessionKind::Trade,
    }
}
