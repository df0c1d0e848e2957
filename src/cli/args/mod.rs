//! The command line's words: every command, its arguments and its help. What they do is in `commands`.

mod bot;
mod connect;
mod engine;
mod events;
mod examples;
mod exits;
mod journal;
mod keep;
mod order;
mod read;
mod release;
mod run;
mod strategy;
pub mod venue;
mod watch;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};
use jiff::civil::Date;

use crate::config::ProfileName;

pub use bot::BotCommand;
pub use connect::{ConnectArgs, ModeArg};
pub use engine::EngineCommand;
pub use events::{EventArgs, EventsCommand};
pub use exits::{ExitArgs, ExitsCommand, PlacementArg, ScaleInArg, TriggerArg};
pub use journal::{GroupingArg, JournalArgs, JournalCommand, TaxArgs, TaxCommand};
pub use keep::{
    AuditCommand, HolderArg, PassphraseArgs, ProfileCommand, SecretCommand, ValueArgs, VaultCommand,
};
pub use order::{
    CancelArgs, EffectArg, FateArg, OrderCommand, PegArg, ReplaceArgs, RightArg, SettleArgs, ShowArgs,
    SideArg, TicketArgs, TifArg,
};
pub use read::{
    BarsArgs, CalendarArgs, ChainArgs, HistoryArgs, NewsArgs, OrderListArgs, ParseArgs, PnlArgs, QuoteArgs,
    SearchArgs,
};
pub use release::{LicensesArgs, SelfCommand, VerifyArgs};
pub use run::{
    BacktestArgs, BackupArgs, CompletionsArgs, ConfigCommand, DemoArgs, ExportBarsArgs, ExportCommand,
    ExportTradesArgs, FlattenArgs, HaltArgs, ImportBarsArgs, ImportCommand, LogsArgs, ManArgs, PaperCommand,
    RestoreArgs, ScopeArg, ScreenSize,
};
pub use strategy::StrategyCommand;
pub use watch::{
    AlertCommand, AlertWhenArgs, DepthArgs, EquityArgs, GroupsArgs, LimitCommand, MoversArg, MoversArgs,
    NoteCommand, WatchlistCommand,
};

/// A day of an option.
fn day(text: &str) -> Result<Date, String> {
    const FORM: &str = "YYYY-MM-DD";
    text.parse::<Date>()
        .ok()
        .filter(|_| text.len() == FORM.len())
        .ok_or_else(|| "allowed a day of the calendar as 2026-11-24".to_owned())
}

/// Width that help is wrapped at, at most.
const HELP_WIDTH: usize = 100;

/// Trade from the terminal: quotes, charts, chains, orders and strategies over your own accounts.
///
/// Without a command the screen opens. It starts in paper mode with a simulated market; no account is needed.
#[derive(Debug, Parser)]
#[command(
    name = "arbion",
    version,
    max_term_width = HELP_WIDTH,
    after_help = "Exit codes: 0 done, 1 internal, 2 usage, 3 denied by risk, 4 rejected by the broker, 5 not authorised, 6 network, 7 locked, 8 outcome unknown.\nEnvironment: ARBION_HOME moves every directory under one root, ARBION_PROFILE names the profile, ARBION_PASSPHRASE_FILE a private file with the vault's passphrase, ARBION_VAULT (auto, keyring, passphrase) who holds the key of a new vault, NO_COLOR turns colour off."
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub globals: Globals,
    /// The command; none opens the screen.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The whole command line, with examples in each command's help. A number below zero is the value it is meant as, so that it is answered with what is allowed, not taken for an
/// option.
#[must_use]
pub fn command() -> clap::Command {
    examples::with_examples(with_negatives(Cli::command()))
}

/// One command's own arguments, as the whole command line would read them.
///
/// # Errors
/// What clap says.
pub fn read_one<A: Args>(verb: &'static str, words: &[String]) -> Result<A, clap::Error> {
    let found = with_negatives(A::augment_args(clap::Command::new(verb))).try_get_matches_from(words)?;
    A::from_arg_matches(&found)
}

fn with_negatives(command: clap::Command) -> clap::Command {
    let command = command
        .mut_args(|arg| if arg.get_action().takes_values() { arg.allow_negative_numbers(true) } else { arg });
    command.mut_subcommands(with_negatives)
}

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Globals {
    /// Profile to work in, 1 to 32 of a-z, 0-9, '_' and '-' [default: ARBION_PROFILE, else "default"]
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<ProfileName>,
    /// Answer with one JSON document
    #[arg(long, global = true)]
    pub json: bool,
    /// Read this configuration file and no other
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What of risk is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RiskArg {
    /// Limits and how much of each is used
    Limits,
    /// Exposure, beta-weighted delta, value at risk, what-if
    Desk,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show how a line of the command language is understood
    Parse(ParseArgs),
    /// Carry out a line of the command language
    Do {
        /// The line, such as "sell half my tesla, trail 5%"
        #[arg(required = true, value_name = "TEXT")]
        text: Vec<String>,
        /// Confirm a live order beforehand
        #[arg(long)]
        yes: bool,
        /// The same order twice is meant
        #[arg(long)]
        allow_duplicate: bool,
        /// Return once the order is on its way
        #[arg(long)]
        no_wait: bool,
        /// Account to use
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
    /// Place, preview, list, show, cancel and replace orders
    #[command(subcommand)]
    Order(OrderCommand),
    /// Show open positions
    Positions {
        /// Of this account only
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
    /// Show cash, equity, margin and buying power
    Balances {
        /// Of this account only
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
    /// Show fills, newest first
    Fills(HistoryArgs),
    /// Show past orders, newest first
    History(HistoryArgs),
    /// Show gains and losses by day and instrument
    Pnl(PnlArgs),
    /// Show current prices
    Quote(QuoteArgs),
    /// Show bars, oldest first
    Bars(BarsArgs),
    /// Show an option chain with greeks
    Chain(ChainArgs),
    /// Show depth and time-and-sales
    Depth(DepthArgs),
    /// Show what moved most today
    Movers(MoversArgs),
    /// Show sectors and indices, and what belongs to one
    Groups(GroupsArgs),
    /// Show headlines of the broker that has news, newest first
    News(NewsArgs),
    /// Search symbols by ticker or name
    Search(SearchArgs),
    /// Show, make, fill and order watchlists
    #[command(subcommand)]
    Watchlist(WatchlistCommand),
    /// Show, set, change and take off price alerts
    #[command(subcommand)]
    Alert(AlertCommand),
    /// Show and write notes on orders and on symbols
    #[command(subcommand)]
    Note(NoteCommand),
    /// Close positions by themselves: stops, targets, trails, times; list, set and clear such plans
    #[command(subcommand)]
    Exits(ExitsCommand),
    /// Show trades from opening to closing, with notes, tags and statistics
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Show tax lots, gains with wash sales, and sums of years (United States)
    #[command(subcommand)]
    Tax(TaxCommand),
    /// Show the equity curve of an account
    Equity(EquityArgs),
    /// Show risk limits and how much of each is used; "desk": exposure, beta, value at risk, what-if
    Risk {
        /// What: the limits, or the desk's figures of one account
        #[arg(value_enum, default_value_t = RiskArg::Limits, value_name = "WHAT")]
        what: RiskArg,
        /// Of this account only
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
    /// Compare an account's orders, fills and positions with what its broker shows, now
    Reconcile {
        /// This account only
        #[arg(value_name = "ACCOUNT")]
        account: Option<String>,
    },
    /// Let your own orders of an account out before it agrees with its broker; strategies, bots and agents still wait
    Override {
        /// The account
        #[arg(value_name = "ACCOUNT")]
        account: String,
        /// Its name again
        #[arg(long, value_name = "ACCOUNT")]
        confirm: Option<String>,
    },
    /// Set limits of this profile's orders; what lets more through needs the limit's name typed
    #[command(subcommand)]
    Limit(LimitCommand),
    /// Show brokers and feeds, whether they answer and how fast
    Connections,
    /// What Alpaca does beside orders: the account's settings there, exercise of held options
    #[command(subcommand)]
    Alpaca(venue::AlpacaCommand),
    /// What Hyperliquid does beside orders: slices over a time, a cancel of everything to come, leverage, margin
    #[command(subcommand)]
    Hyperliquid(venue::HyperliquidCommand),
    /// What only Coinbase does: equal slices, a profit and a stop in one order, and where coins can be sent to
    #[command(subcommand)]
    Coinbase(venue::CoinbaseCommand),
    /// Connect accounts at a broker: tested first, then kept in the vault and opened
    Connect(ConnectArgs),
    /// Ask a broker whether it still accepts the login, and show its accounts
    Verify {
        /// The broker
        #[arg(value_name = "BROKER")]
        broker: String,
        /// The real account, not the broker's paper or test one
        #[arg(long)]
        live: bool,
        /// Passphrases
        #[command(flatten)]
        passphrases: PassphraseArgs,
    },
    /// Give a broker's login new keys: tested first, then kept in place of the old ones
    Rotate(ConnectArgs),
    /// Close an account, or all of a broker's: its secrets are wiped, plain commands mean paper
    Disconnect {
        /// The account, or the broker
        #[arg(value_name = "NAME")]
        name: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Say which account plain commands mean: paper, or real money
    Mode {
        /// paper or live
        #[arg(value_enum)]
        mode: ModeArg,
        /// The account [default: the only one there is]
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// The word LIVE, in place of typing it when asked
        #[arg(long, value_name = "WORD")]
        confirm: Option<String>,
    },
    /// Show sessions, holidays and early closes of the exchange, and what you wrote down of companies
    Calendar(CalendarArgs),
    /// Show, write down and read in dates that strategies plan around: reports and dividends
    #[command(subcommand)]
    Events(EventsCommand),
    /// Kill switch on: cancel working orders, stop automation, refuse opening orders
    Halt(HaltArgs),
    /// Kill switch off
    Resume,
    /// Close every position of a scope at the market
    Flatten(FlattenArgs),
    /// Act on the paper account: assignment, expiry, clock
    #[command(subcommand)]
    Paper(PaperCommand),
    /// Write trades or bars to a file
    #[command(subcommand)]
    Export(ExportCommand),
    /// Read in a file of bars
    #[command(subcommand)]
    Import(ImportCommand),
    /// Copy the profile's database while it is in use
    Backup(BackupArgs),
    /// Put a backup in the place of the profile's database, which is kept
    Restore(RestoreArgs),
    /// Make, start, stop and look at strategies that trade by themselves
    #[command(subcommand)]
    Strategy(StrategyCommand),
    /// Bots: programs of your own that trade as strategies, in Python or any language
    #[command(subcommand)]
    Bot(BotCommand),
    /// Run a strategy over recorded bars
    Backtest(BacktestArgs),
    /// Trade paper on the simulated market or a replay; scripts and screenshots start from nothing
    Demo(DemoArgs),
    /// Make, list, rename, remove, lock profiles and give them roles
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Keep, rotate and forget the secrets of the profile
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Look at the vault that keeps them
    #[command(subcommand)]
    Vault(VaultCommand),
    /// Read and check the audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The engine's own process: run, start, stop, look after it
    #[command(subcommand)]
    Engine(EngineCommand),
    /// Check and show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show the profile's log, or follow it
    Logs(LogsArgs),
    /// Look after files, database, configuration and terminal
    Doctor,
    /// Show the packages of others that the program is made of, and their licences
    Licenses(LicensesArgs),
    /// Check the program itself
    #[command(subcommand, name = "self")]
    Itself(SelfCommand),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for every command
    Man(ManArgs),
}
