//! Arguments of `events`: dates that strategies plan around.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::civil::Date;

use crate::domain::money::Price;

/// `events`.
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Show reports and dividends to come, by date
    List {
        /// Of these underlyings only
        #[arg(value_name = "SYMBOL")]
        symbols: Vec<String>,
        /// Past ones too
        #[arg(long)]
        all: bool,
    },
    /// Write down on which day a company reports, or a share goes ex-dividend
    Add(EventArgs),
    /// Say that something is a fund, which reports nothing
    Fund {
        /// The underlying
        #[arg(value_name = "SYMBOL")]
        symbol: String,
        /// It is none
        #[arg(long)]
        off: bool,
    },
    /// Strike out what is written of a day
    Remove {
        /// The underlying
        #[arg(value_name = "SYMBOL")]
        symbol: String,
        /// The day
        #[arg(value_name = "YYYY-MM-DD", required_unless_present = "all", value_parser = super::day)]
        date: Option<Date>,
        /// Every day of it
        #[arg(long, conflicts_with = "date")]
        all: bool,
    },
    /// Read in a file of comma-separated values: symbol, date, and where they are there kind, time, amount, announced
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// `events add`.
#[derive(Debug, Args)]
pub struct EventArgs {
    /// The underlying
    #[arg(value_name = "SYMBOL")]
    pub symbol: String,
    /// The exchange's day of the report, or the ex-date
    #[arg(value_name = "YYYY-MM-DD", value_parser = super::day)]
    pub date: Date,
    /// It reports before the opening bell [default: after the close]
    #[arg(long, conflicts_with = "dividend")]
    pub before_open: bool,
    /// It is the ex-date of a dividend of so much a share
    #[arg(long, value_name = "AMOUNT")]
    pub dividend: Option<Price>,
    /// On which day it was announced: a backtest knows it from then on [default: 21 days before]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::day)]
    pub announced: Option<Date>,
}
