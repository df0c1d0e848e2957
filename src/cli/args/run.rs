//! Arguments of commands that act on the account, the program or its files.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::cli::host::{TradesFormat, Windows};
use crate::domain::money::{Quantity, parse_decimal};
use crate::domain::quote::Interval;

/// `halt`.
#[derive(Debug, Args)]
pub struct HaltArgs {
    /// Cancel protective exits too
    #[arg(long)]
    pub all: bool,
    /// Do not ask before canceling protective exits
    #[arg(long)]
    pub yes: bool,
}

/// What `flatten` closes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ScopeArg {
    /// Every position
    #[default]
    All,
    /// Shares and funds
    Equities,
    /// Options
    Options,
    /// Crypto, perpetuals and tokens
    Crypto,
}

/// `flatten`.
#[derive(Debug, Args)]
pub struct FlattenArgs {
    /// Which positions
    #[arg(long, value_enum, default_value_t)]
    pub scope: ScopeArg,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Return once the orders are on their way
    #[arg(long)]
    pub no_wait: bool,
}

/// `paper …`.
#[derive(Debug, Subcommand)]
pub enum PaperCommand {
    /// Have short option contracts assigned now
    Assign {
        /// The contract's OCC symbol
        #[arg(value_name = "CONTRACT")]
        contract: String,
        /// How many [default: all]
        #[arg(long, value_name = "N", value_parser = super::order::whole_contracts)]
        contracts: Option<Quantity>,
    },
    /// Let long option contracts expire without exercise, whatever they are worth; until 17:30 New York of their last day
    DoNotExercise {
        /// The contract's OCC symbol
        #[arg(value_name = "CONTRACT")]
        contract: String,
    },
    /// Expire the options that expire today or before
    Expire,
    /// Move the clock of a replay, or of a profile that has a clock of its own (paper.clock)
    Advance {
        /// How far: 90s, 30m, 4h, 1d or 2w
        #[arg(value_name = "TIME", value_parser = crate::cli::script::parse_duration)]
        time: i64,
    },
}

/// `export …`.
#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Write fills, oldest first
    Trades(ExportTradesArgs),
    /// Write the complete bars of an instrument, oldest first, as import bars and backtest --data read them
    Bars(ExportBarsArgs),
}

/// `export bars`.
#[derive(Debug, Args)]
pub struct ExportBarsArgs {
    /// Ticker, pair, OCC symbol or name
    #[arg(value_name = "SYMBOL")]
    pub symbol: String,
    /// Bar width: 1m, 5m, 15m, 1h, 1d or 1w
    #[arg(long, default_value = "1d", value_name = "WIDTH")]
    pub interval: Interval,
    /// At most so many, the newest
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// The file, made readable by you alone: Parquet where its name ends so, else CSV; "-" is the standard output
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Overwrite a file that is there
    #[arg(long)]
    pub force: bool,
}

/// `export trades`.
#[derive(Debug, Args)]
pub struct ExportTradesArgs {
    /// Format of the file
    #[arg(long, value_enum, default_value = "csv")]
    pub format: TradesFormat,
    /// The file, made readable by you alone; "-" is the standard output
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Overwrite a file that is there
    #[arg(long)]
    pub force: bool,
    /// Of this instrument only
    #[arg(long, value_name = "SYMBOL")]
    pub symbol: Option<String>,
    /// From this day on (New York)
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::day)]
    pub since: Option<Date>,
    /// Up to and with this day (New York)
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::day)]
    pub until: Option<Date>,
    /// Of this account only
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// `import …`.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Check a file of bars and keep it: backtest --data NAME and demo --replay NAME take it
    Bars(ImportBarsArgs),
}

/// `import bars`.
#[derive(Debug, Args)]
pub struct ImportBarsArgs {
    /// CSV or Parquet with symbol, date, open, high, low, close, volume and perhaps adj_close
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The name they are kept under [default: the file's]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Overwrite bars of that name
    #[arg(long)]
    pub force: bool,
}

/// `backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file to write [default: a new one in the profile's backups folder]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

/// `config …`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Name every mistake with its file and line
    Check,
    /// Name the files and directories
    Path,
    /// Print what is in force, and where it was set
    Show,
}

/// `backtest`.
#[derive(Debug, Args)]
pub struct BacktestArgs {
    /// The strategy, such as sma_cross
    #[arg(value_name = "STRATEGY")]
    pub strategy: String,
    /// CSV or Parquet of bars with symbol, date, open, high, low, close, volume and perhaps adj_close, or of ticks with symbol, time and bid,
    /// ask, bid_size, ask_size or price, size; or the name of imported bars [default: the bars that come with the program]
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Trade only these symbols of the file
    #[arg(long = "symbol", value_name = "SYMBOL")]
    pub symbols: Vec<String>,
    /// Bars from this day on
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::day)]
    pub from: Option<Date>,
    /// Bars up to and with this day
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::day)]
    pub until: Option<Date>,
    /// A parameter of the strategy; FROM..TO:STEP as a value runs it once for each, and all combinations of several such
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    pub params: Vec<(String, String)>,
    /// Cash at the start [default: backtest.starting_cash]
    #[arg(long, value_name = "MONEY", value_parser = |text: &str| parse_decimal(text))]
    pub cash: Option<Decimal>,
    /// Write closed trades to this file, as CSV, or as JSON where its name ends so
    #[arg(long, value_name = "FILE")]
    pub trades: Option<PathBuf>,
    /// Write equity by day to this file, as CSV: where it ended, its lowest and its highest
    #[arg(long, value_name = "FILE")]
    pub equity: Option<PathBuf>,
    /// Write why it did or did not do something to this file, as CSV, or as JSON where its name ends so
    #[arg(long, value_name = "FILE")]
    pub decisions: Option<PathBuf>,
    /// Write equity, drawdown, figures and trades to this file, as one HTML page without scripts
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write equity and drawdown to this file, as a drawing in SVG
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Make bars so wide of ticks [default: 1m]
    #[arg(long, value_name = "INTERVAL")]
    pub interval: Option<Interval>,
    /// Run it on cut data too: what was decided before a cut must be the same
    #[arg(long)]
    pub check_lookahead: bool,
    /// Choose the best of many sets on a stretch of days, measure it on the days after, and go on from there, as in train=2y,test=6m
    #[arg(long, value_name = "WINDOWS", value_parser = windows)]
    pub walk_forward: Option<Windows>,
    /// Of many runs, sort by this metric, the best first
    #[arg(long, value_name = "METRIC", default_value = "sharpe")]
    pub rank: String,
    /// Of many runs, show so many
    #[arg(long, value_name = "ROWS", default_value_t = 20)]
    pub top: usize,
    /// Overwrite files that are there
    #[arg(long)]
    pub force: bool,
}

/// `train=2y,test=6m` in days, weeks, months and years, a month of 30 days and a year of 365.
fn windows(text: &str) -> Result<Windows, String> {
    let allowed = || "must be as in train=2y,test=6m, each 5 days to 50 years".to_owned();
    let of = |name: &str| -> Option<i64> {
        let word = text.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))?;
        let (number, unit) = word.split_at_checked(word.len().checked_sub(1)?)?;
        let days = match unit {
            "d" => 1,
            "w" => 7,
            "m" => 30,
            "y" => 365,
            _ => return None,
        };
        number.parse::<u16>().ok().map(|count| i64::from(count) * days).filter(|n| (5..=18_250).contains(n))
    };
    match (of("train"), of("test"), text.split(',').count()) {
        (Some(train), Some(test), 2) => Ok(Windows { train, test }),
        _ => Err(allowed()),
    }
}

pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("must be NAME=VALUE".to_owned()),
    }
}

/// Columns and rows of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScreenSize(pub u16, pub u16);

impl FromStr for ScreenSize {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (columns, rows) = text.split_once(['x', '×']).ok_or("must be COLUMNSxROWS, such as 120x40")?;
        let side = |text: &str, max: u16| text.parse().ok().filter(|n| (1..=max).contains(n));
        match (side(columns, 1_000), side(rows, 500)) {
            (Some(columns), Some(rows)) => Ok(Self(columns, rows)),
            _ => Err("must be 1x1 to 1000x500".to_owned()),
        }
    }
}

impl fmt::Display for ScreenSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.0, self.1)
    }
}

/// `demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
A script has one line of the command language a line, and:
  wait 5, wait 90s, wait 1d     let market time pass
  wait fills                    until no market order works
  wait order 3                  until order 3 has ended
  expect order 1 filled         its status
  expect status 2 canceled      the same
  expect position AAPL 10       units held; also <, <=, !=, >=, >
  expect orders working 1       how many orders have a status, or work
  expect cash < 100000          also equity, buying_power, settled_cash, reserved, day_pnl,
                                realized_pnl, unrealized_pnl and fees
  expect price AAPL > 0         the last price
  expect average 1 <= 185       average price of order 1
  expect state halted           active, reducing_only or halted
  expect error DUPLICATE        why the line above was refused
  # …                           a comment
It stops at the first line that fails.")]
pub struct DemoArgs {
    /// Run this script instead of opening the screen; "-" is the standard input
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Seed of the simulated market [default: paper.seed]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Seconds of data per second of life, in a replay
    #[arg(long, value_name = "N", requires = "replay", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub speed: Option<u32>,
    /// Replay this CSV or Parquet of bars or ticks, or imported bars by their name, instead of the simulated market; "shipped" is the one
    /// that comes with the program
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// Size of the screen or screenshot
    #[arg(long, value_name = "COLUMNSxROWS")]
    pub size: Option<ScreenSize>,
    /// Plain lines instead of the screen, for screen readers and terminals that can do no more
    #[arg(long, conflicts_with_all = ["script", "screenshot"])]
    pub plain: bool,
    /// One frame of the screen, after the script if there is one: into FILE (.svg in colour, else text), or printed
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub screenshot: Option<PathBuf>,
    /// Overwrite the screenshot's file
    #[arg(long, requires = "screenshot")]
    pub force: bool,
}

/// `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for every command into this directory
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
}

/// `restore`
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// A copy that `arbion backup` made, or the program itself before a migration
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Show so many of the last lines
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub lines: u32,
    /// Go on with what is added, until interrupted
    #[arg(long)]
    pub follow: bool,
}
