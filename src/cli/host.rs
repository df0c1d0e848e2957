//! What the command line needs of the program around it. `main` implements it over the engine; tests over memory. So `cli` itself knows
//! no engine, no store and no screen.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;

use super::error::CliError;
use super::imported::{BarsToWrite, ImportReport, ImportRequest};
pub use super::reports::{
    BacktestReport, BacktestRequest, EquityPoint, Fall, Metric, MetricUnit, MonthReturn, RoundTrip,
    SweepReport, SweepRow, WalkPoint, WalkReport, WalkRow, Windows,
};
use crate::client::Session;
use crate::client::keeping::{Keep, Kept};
use crate::client::progress::Progress;
use crate::client::secret::{AskSecret, Secret};
use crate::config::{CalendarFile, Environment, Loaded, Paths, ProfileName};
use crate::domain::calendar::Calendar;
use crate::domain::execution::Execution;
use crate::domain::instrument::SymbolLookup;
use crate::domain::login::Login;

/// Everything that was settled before a command runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The profile.
    pub profile: ProfileName,
    /// Where things lie. They exist and are private, but for what needs none: scripts, screenshots, backtests.
    pub paths: Paths,
    /// The configuration with where each option came from.
    pub loaded: Loaded,
    /// The environment.
    pub environment: Environment,
    /// The one file that the configuration was read from, where the user named one.
    pub config_file: Option<PathBuf>,
}

impl Settings {
    /// The exchange's days as the profile has them: its rules, and what the user wrote down beside them.
    ///
    /// # Errors
    /// When the user's file does not read; it is named with its line.
    pub fn calendar(&self) -> Result<Arc<Calendar>, CliError> {
        Ok(Arc::new(CalendarFile::of(&self.paths.profile_dir(&self.profile)).load()?))
    }
}

/// How a process is an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunAs {
    /// In front of whoever started it: a terminal, or a service manager.
    Foreground,
    /// The same, or rather a parent that starts it again when it crashes: what a service manager runs.
    Watched,
    /// Without the terminal it was started from.
    Detached,
    /// The same, as the child of a process that starts it again when it crashes.
    Supervised,
}

/// One thing that connecting a broker asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialAsk {
    /// Its name, such as `secret_key`.
    pub name: &'static str,
    /// What the person is asked for.
    pub label: &'static str,
    /// It is not shown while it is typed.
    pub secret: bool,
    /// It may be left out.
    pub optional: bool,
}

/// What signs.
#[derive(Debug)]
pub enum LoginSecrets {
    /// As a person gave it, by name.
    Given(Vec<(String, Secret)>),
    /// As the vault holds it.
    Sealed(Secret),
}

/// A login to be tried.
#[derive(Debug)]
pub struct LoginRequest {
    /// The broker's word.
    pub broker: String,
    /// Its real accounts, not its paper or test ones.
    pub live: bool,
    /// What the account is called; absent means by its broker.
    pub name: Option<String>,
    /// What signs.
    pub secrets: LoginSecrets,
    /// What a sign-in in the browser gave.
    pub tokens: Option<Secret>,
}

/// A sign-in in the browser that is under way.
#[async_trait]
pub trait SigningIn: Send {
    /// The address that a person opens.
    fn url(&self) -> &str;

    /// The same as a QR code, in lines.
    fn qr(&self) -> Vec<String>;

    /// Waits for the browser to come back to this machine.
    ///
    /// # Errors
    /// That it did not within five minutes, or with something that is no answer to this sign-in.
    async fn by_browser(&mut self) -> Result<Secret, CliError>;

    /// Takes the address that the browser ended at, or the code in it.
    ///
    /// # Errors
    /// When it is no answer to this sign-in.
    async fn by_paste(&mut self, text: &Secret) -> Result<Secret, CliError>;
}

/// An account that a broker shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedAccount {
    /// As it would be kept.
    pub login: Login,
    /// What new positions may cost, in the account's currency.
    pub buying_power: Decimal,
    /// Cash and positions, in the account's currency.
    pub net_liquidation: Decimal,
    /// Why it may not trade, if so.
    pub blocked: Option<String>,
}

/// A login that a broker accepts.
#[derive(Debug)]
pub struct Verified {
    /// Its accounts.
    pub accounts: Vec<VerifiedAccount>,
    /// What the vault is to keep, by name.
    pub entries: Vec<(String, Secret)>,
    /// There are prices behind it, and no account.
    pub prices_alone: bool,
    /// Milliseconds of the last call.
    pub latency_ms: Option<u32>,
}

/// Which engine a command wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// Only reads: an engine in this process will do, and nothing is armed by it.
    Read,
    /// Places, cancels or halts.
    Trade,
    /// Paper on the simulated market: for the screen the profile's own account, for a session (a script, a screenshot) a throw-away one.
    Demo(DemoRun),
    /// A throw-away paper account on recorded bars and their clock.
    Replay(ReplayRun),
}

/// A demo's choices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DemoRun {
    /// Seed of the market and of the venue; absent means the configuration's.
    pub seed: Option<u64>,
}

/// A replay's choices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayRun {
    /// The file of bars; absent means those that come with the program.
    pub file: Option<PathBuf>,
    /// Seed of the venue's choices; absent means the configuration's.
    pub seed: Option<u64>,
    /// Seconds of data per second of life; absent means the program's choice.
    pub speed: Option<u32>,
}

/// How the screen is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenRequest {
    /// On which engine.
    pub kind: SessionKind,
    /// Columns and rows; absent means the terminal's own.
    pub size: Option<(u16, u16)>,
    /// Plain lines, whatever the configuration says.
    pub plain: bool,
    /// There is no installation yet: it is made once the screen shows, and until then nobody was admitted.
    pub first_start: bool,
}

/// The format of a file of fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TradesFormat {
    /// Comma-separated values with a header line, safe to open in a spreadsheet.
    Csv,
    /// One JSON array.
    Json,
}

/// How one of the doctor's checks ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should be.
    Good,
    /// It works, and could be better.
    Warning,
    /// Something must be done.
    Bad,
}

/// One of the doctor's checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoctorCheck {
    /// What was looked at, such as `database`.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// One line: what was found and, if need be, what to do.
    pub text: String,
}

/// How a screenshot is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// A line of text per row, without colours.
    Text,
    /// An SVG document, with colours.
    Svg,
}

/// What is wrong with an option of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The option's path, such as `screen.theme`.
    pub option: String,
    /// What was found and what is allowed.
    pub text: String,
}

/// The program around the command line.
#[async_trait]
pub trait Host: Send + Sync {
    /// The symbol universe. Built at the first call; must need no file and no engine.
    fn lookup(&self) -> &dyn SymbolLookup;

    /// The system's clock.
    fn now(&self) -> Timestamp;

    /// Lets a command run on the profile, which a new installation makes without a question: it is one of the installation's, neither
    /// disabled nor locked. `when_locked` lets through what must work on a locked one too.
    ///
    /// # Errors
    /// Why it must not (exit codes 2, 5, 7).
    fn admit(&self, settings: &Settings, when_locked: bool) -> Result<(), CliError>;

    /// Is there neither an installation nor this profile: then nothing can be refused, and nothing that anybody kept can be seen.
    fn is_first_start(&self, settings: &Settings) -> bool;

    /// Does what is asked about profiles, secrets and the audit log; `ask` is how a person is asked for a passphrase, where one is needed.
    ///
    /// # Errors
    /// Why it is not done.
    fn keep(&self, settings: &Settings, keep: Keep, ask: &mut dyn AskSecret) -> Result<Kept, CliError>;

    /// What a person gives to connect a broker.
    ///
    /// # Errors
    /// When there is no such broker.
    fn credential_fields(&self, broker: &str, oauth: bool) -> Result<Vec<CredentialAsk>, CliError>;

    /// The login of a broker as the vault holds it, ready to be tried again.
    ///
    /// # Errors
    /// When there is none, or the vault does not open.
    fn sealed_login(
        &self,
        settings: &Settings,
        broker: &str,
        live: bool,
        ask: &mut dyn AskSecret,
    ) -> Result<LoginRequest, CliError>;

    /// Begins the sign-in that a login needs; `None` where its keys sign by themselves.
    ///
    /// # Errors
    /// When the login is none, or sign-ins there are locked after failures.
    async fn begin_sign_in(
        &self,
        settings: &Settings,
        request: &LoginRequest,
    ) -> Result<Option<Box<dyn SigningIn>>, CliError>;

    /// Asks a broker whether it accepts a login, and for its accounts. Nothing is stored.
    ///
    /// # Errors
    /// Why it does not (exit codes 2, 4, 5, 6).
    async fn verify_login(&self, settings: &Settings, request: LoginRequest) -> Result<Verified, CliError>;

    /// A line to an engine that is ready: its accounts, positions, orders and watchlists are in the first snapshot, and watched and held
    /// instruments have quotes.
    ///
    /// # Errors
    /// When no engine can be had: another process holds the profile (code `LOCKED`, the process named in the message) and more is wanted than
    /// to read, the database fails, the file of a replay is wrong.
    async fn session(&self, settings: &Settings, kind: &SessionKind) -> Result<Arc<dyn Session>, CliError>;

    /// A line to the engine that runs on the profile in a process of its own; `None` where none does.
    ///
    /// # Errors
    /// When one runs and cannot be talked to.
    async fn running_engine(&self, settings: &Settings) -> Result<Option<Arc<dyn Session>>, CliError>;

    /// A line to the engine of another profile, on behalf of this one; `None` where none runs. Without a name, as `running_engine`.
    ///
    /// # Errors
    /// As there.
    async fn engine_of(
        &self,
        settings: &Settings,
        profile: Option<&ProfileName>,
    ) -> Result<Option<Arc<dyn Session>>, CliError>;

    /// The same, with an engine started where none runs. It is ready when this returns.
    ///
    /// # Errors
    /// When it does not start, with what it says about that.
    async fn start_engine(&self, settings: &Settings) -> Result<Arc<dyn Session>, CliError>;

    /// Is the profile's engine in this process until it is told to end, or nobody needs it.
    ///
    /// # Errors
    /// When the engine cannot start, and that it broke.
    async fn run_engine(&self, settings: &Settings, run_as: RunAs) -> Result<(), CliError>;

    /// Whether an engine started now would outlive the logout: what to tell the user where it would not.
    async fn logout_warning(&self, settings: &Settings) -> Option<String>;

    /// Kill switch on in the engine that another process runs on the profile; `all` cancels protective exits too. Returns once it is.
    ///
    /// # Errors
    /// When that engine cannot be told, or does not answer in time.
    async fn halt_elsewhere(&self, settings: &Settings, all: bool) -> Result<(), CliError>;

    /// Puts a backup in the place of the profile's database, and says where what was there is kept, if something was. No engine may run.
    ///
    /// # Errors
    /// When one runs, and when the backup is none of ours or damaged.
    async fn restore(&self, settings: &Settings, from: &Path) -> Result<Option<PathBuf>, CliError>;

    /// Ends every engine that `session` started in this process: what is journalled is on disk, the profile's lock is free.
    ///
    /// # Errors
    /// When the last writes failed.
    async fn close(&self) -> Result<(), CliError>;

    /// Opens the screen and returns when the user leaves it: with the profile that the user goes on as, if so. Opens, and ends, its engine
    /// itself, so that the first frame need not wait.
    ///
    /// # Errors
    /// As `session`, and when the terminal fails.
    async fn screen(
        &self,
        settings: &Settings,
        request: &ScreenRequest,
    ) -> Result<Option<ProfileName>, CliError>;

    /// Becomes a new program with the same screen for another profile: memory, files and sockets of this one are gone (reliability P3).
    /// Returns only with why that could not be.
    fn go_on_as(&self, settings: &Settings, request: &ScreenRequest, profile: &ProfileName) -> CliError;

    /// One frame of the screen over a session: plain text of exactly that many lines, or an SVG document.
    ///
    /// # Errors
    /// When the size is too small to draw.
    async fn screenshot(
        &self,
        settings: &Settings,
        session: Arc<dyn Session>,
        size: (u16, u16),
        picture: Picture,
    ) -> Result<String, CliError>;

    /// Runs a strategy over recorded bars, with the costs of `[backtest]`. The progress counts bars.
    ///
    /// # Errors
    /// When the strategy, a parameter or the file is wrong, and that it was ended before it was done.
    async fn backtest(
        &self,
        settings: &Settings,
        request: &BacktestRequest,
        progress: &Progress,
    ) -> Result<BacktestReport, CliError>;

    /// The same for many sets of parameters, over all cores. The progress counts sets; what is done when it is ended is kept.
    ///
    /// # Errors
    /// When the strategy, a parameter of any set or the file is wrong: before the first run.
    async fn sweep(
        &self,
        settings: &Settings,
        request: &BacktestRequest,
        sets: Vec<BTreeMap<String, String>>,
        progress: &Progress,
    ) -> Result<SweepReport, CliError>;

    /// Chooses the best set on each training window and measures it on the days after. The progress counts windows; what is done when it is
    /// ended is kept.
    ///
    /// # Errors
    /// As `sweep`, and when the data has no whole window or there is no such metric.
    async fn walk_forward(
        &self,
        settings: &Settings,
        request: &BacktestRequest,
        sets: Vec<BTreeMap<String, String>>,
        windows: (Windows, String),
        progress: &Progress,
    ) -> Result<WalkReport, CliError>;

    /// Reads in a file of bars: checks every row and keeps it in the profile. The progress counts rows.
    ///
    /// # Errors
    /// Which row is wrong and why, that bars of the name are there, and that it was ended before it was done: nothing is kept then.
    async fn import_bars(
        &self,
        settings: &Settings,
        request: &ImportRequest,
        progress: &Progress,
    ) -> Result<ImportReport, CliError>;

    /// Looks after database, lock, clock and what else only the program can see. The command line has looked at the configuration and the
    /// directories itself.
    async fn doctor(&self, settings: &Settings) -> Vec<DoctorCheck>;

    /// What is wrong with options that the configuration takes as they are, as only the screen knows which there are.
    fn mistakes(&self, loaded: &Loaded, paths: &Paths) -> Vec<Mistake>;

    /// Fills as the text of a file.
    fn trades_file(&self, format: TradesFormat, fills: &[Execution]) -> String;

    /// A file of bars that reads back as the same bars, and how many are in it.
    ///
    /// # Errors
    /// Never in practice.
    fn bars_file(&self, bars: &BarsToWrite<'_>) -> Result<(Vec<u8>, usize), CliError>;
}
