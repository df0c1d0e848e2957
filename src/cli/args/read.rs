//! Arguments of commands that only read.

use clap::{Args, ValueEnum};
use jiff::civil::Date;

use super::order::RightArg;
use crate::domain::quote::Interval;

/// `parse`.
#[derive(Debug, Args)]
pub struct ParseArgs {
    /// The line, such as "buy 10 aapl at 185 gtc"
    #[arg(required = true, value_name = "TEXT")]
    pub text: Vec<String>,
    /// Read dates such as "next friday" as on this day [default: today in New York]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::day)]
    pub today: Option<Date>,
    /// Say it in words instead; the words parse to the same command
    #[arg(long)]
    pub explain: bool,
}

/// `quote`.
#[derive(Debug, Args)]
pub struct QuoteArgs {
    /// Tickers, pairs, OCC symbols or names
    #[arg(required = true, num_args = 1..=100, value_name = "SYMBOL")]
    pub symbols: Vec<String>,
}

/// `bars`.
#[derive(Debug, Args)]
pub struct BarsArgs {
    /// Ticker, pair, OCC symbol or name
    #[arg(value_name = "SYMBOL")]
    pub symbol: String,
    /// Bar width: 1m, 5m, 15m, 1h, 1d or 1w
    #[arg(long, default_value = "1d", value_name = "WIDTH")]
    pub interval: Interval,
    /// At most so many, the newest
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
}

/// `chain`.
#[derive(Debug, Args)]
pub struct ChainArgs {
    /// The underlying
    #[arg(value_name = "SYMBOL")]
    pub symbol: String,
    /// One expiry only [default: the nearest few]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::day)]
    pub expiry: Option<Date>,
    /// One right only
    #[arg(long, value_enum)]
    pub right: Option<RightArg>,
}

/// `news`.
#[derive(Debug, Args)]
pub struct NewsArgs {
    /// About these tickers, pairs, OCC symbols or names [default: everything]
    #[arg(num_args = 0..=50, value_name = "SYMBOL")]
    pub symbols: Vec<String>,
    /// At most so many
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50))]
    pub limit: u32,
}

/// `search`.
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// A few letters of a ticker or name
    #[arg(required = true, value_name = "QUERY")]
    pub query: Vec<String>,
    /// At most so many
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
}

/// `calendar`.
#[derive(Debug, Args)]
pub struct CalendarArgs {
    /// Every holiday and early close of a year
    #[arg(long, value_name = "YYYY", conflicts_with = "date", value_parser = clap::value_parser!(i16).range(1990..=2100))]
    pub year: Option<i16>,
    /// The session of a day [default: today in New York]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::day)]
    pub date: Option<Date>,
}

/// `fills` and `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Of this instrument only
    #[arg(long, value_name = "SYMBOL")]
    pub symbol: Option<String>,
    /// From this day on (New York)
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::day)]
    pub since: Option<Date>,
    /// Up to and with this day (New York)
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::day)]
    pub until: Option<Date>,
    /// At most so many, 0 for all
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub limit: u32,
    /// Skip so many
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub offset: u32,
    /// Of this account only
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// `pnl`.
#[derive(Debug, Args)]
pub struct PnlArgs {
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

/// `order list`.
#[derive(Debug, Args)]
pub struct OrderListArgs {
    /// Orders that have ended too
    #[arg(long)]
    pub all: bool,
    /// In this instrument only
    #[arg(long, value_name = "SYMBOL")]
    pub symbol: Option<String>,
    /// Of this account only
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

impl ValueEnum for Interval {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.as_str()))
    }
}
