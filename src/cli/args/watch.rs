//! Arguments of what a trader keeps an eye on: alerts, lists, depth, movers, the equity curve, notes, limits.

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::order::{decimal, positive};

/// `alert`.
#[derive(Debug, Subcommand)]
pub enum AlertCommand {
    /// Show alerts, those that have rung among them
    List,
    /// Be told when a price or the day's change is reached
    #[command(alias = "add")]
    Set {
        /// Ticker, pair, OCC symbol or name
        #[arg(value_name = "SYMBOL")]
        symbol: String,
        /// When
        #[command(flatten)]
        when: AlertWhenArgs,
    },
    /// Give an alert another condition; one that has rung waits again
    Change {
        /// Its number, see: arbion alert list
        #[arg(value_name = "ID")]
        id: u64,
        /// When
        #[command(flatten)]
        when: AlertWhenArgs,
    },
    /// Take alerts off
    Remove {
        /// Their numbers
        #[arg(num_args = 0..=200, value_name = "ID", required_unless_present = "rung", conflicts_with = "rung")]
        ids: Vec<u64>,
        /// All that have rung
        #[arg(long)]
        rung: bool,
    },
}

/// A condition: exactly one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct AlertWhenArgs {
    /// The price rises to this
    #[arg(long, value_name = "PRICE", value_parser = positive)]
    pub above: Option<Decimal>,
    /// The price falls to this
    #[arg(long, value_name = "PRICE", value_parser = positive)]
    pub below: Option<Decimal>,
    /// The day's change reaches so many per cent: either way, or down where it is negative
    #[arg(long, value_name = "PERCENT", value_parser = decimal)]
    pub moved: Option<Decimal>,
}

/// `watchlist`.
#[derive(Debug, Subcommand)]
pub enum WatchlistCommand {
    /// Show every list and what is on it
    List,
    /// Show the current prices of a list
    Show {
        /// Its name [default: the first list]
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// Make a list of these, or make one anew, in this order
    Set {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// Tickers, pairs, OCC symbols or names
        #[arg(required = true, num_args = 1..=500, value_name = "SYMBOL")]
        symbols: Vec<String>,
    },
    /// Put symbols at the end of a list
    Add {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// Tickers, pairs, OCC symbols or names
        #[arg(required = true, num_args = 1..=500, value_name = "SYMBOL")]
        symbols: Vec<String>,
    },
    /// Take symbols off a list
    Drop {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// Tickers, pairs, OCC symbols or names
        #[arg(required = true, num_args = 1..=500, value_name = "SYMBOL")]
        symbols: Vec<String>,
    },
    /// Give a list another name
    Rename {
        /// The name now
        #[arg(value_name = "FROM")]
        from: String,
        /// The new one
        #[arg(value_name = "TO")]
        to: String,
    },
    /// Move a list one place towards the first, or back
    Move {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// Towards the last
        #[arg(long)]
        back: bool,
    },
    /// Remove a list; the last one stays
    Remove {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// `note`.
#[derive(Debug, Subcommand)]
pub enum NoteCommand {
    /// Show notes on orders and on symbols, the newest first
    List {
        /// On this symbol only
        #[arg(value_name = "SYMBOL")]
        symbol: Option<String>,
        /// Comma-separated, with a header
        #[arg(long)]
        csv: bool,
    },
    /// Write beside an order; without a text the note is taken off
    Set {
        /// The order's number or client id
        #[arg(value_name = "ORDER")]
        order: String,
        /// One line
        #[arg(value_name = "TEXT")]
        text: Vec<String>,
    },
    /// Write about a symbol; it may have several notes
    Add {
        /// Ticker, pair, OCC symbol or name
        #[arg(value_name = "SYMBOL")]
        symbol: String,
        /// One line, 1 to 500 characters
        #[arg(required = true, value_name = "TEXT")]
        text: Vec<String>,
    },
    /// Take a note off a symbol; without a number the only one
    Remove {
        /// Ticker, pair, OCC symbol or name
        #[arg(value_name = "SYMBOL")]
        symbol: String,
        /// The note's number, see: arbion note list SYMBOL
        #[arg(value_name = "ID")]
        id: Option<u64>,
    },
}

/// `depth`.
#[derive(Debug, Args)]
pub struct DepthArgs {
    /// Ticker, pair, OCC symbol or name
    #[arg(value_name = "SYMBOL")]
    pub symbol: String,
}

/// `groups`.
#[derive(Debug, Args)]
pub struct GroupsArgs {
    /// The listings of this sector or index [default: every sector and index there is]
    #[arg(value_name = "NAME")]
    pub name: Vec<String>,
}

/// What movers are sorted by.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum MoversArg {
    /// Largest rise of the day first
    Gainers,
    /// Largest fall of the day first
    Losers,
    /// Most money traded first
    Active,
}

/// `movers`.
#[derive(Debug, Args)]
pub struct MoversArgs {
    /// Sorted by
    #[arg(long, value_enum, default_value_t = MoversArg::Gainers)]
    pub by: MoversArg,
    /// At most so many
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub limit: u32,
}

/// `equity`.
#[derive(Debug, Args)]
pub struct EquityArgs {
    /// From this day on (New York) [default: all there is]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::day)]
    pub since: Option<Date>,
    /// At most so many points, evenly spread
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=2_000))]
    pub points: u32,
    /// Of this account [default: the default account]
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// `limit`.
#[derive(Debug, Subcommand)]
pub enum LimitCommand {
    /// Show every limit, what may stand there, and where it was set; how much of each is used: arbion risk
    List,
    /// Set a limit; it holds at once and is kept in the configuration
    Set {
        /// Which, such as order_notional_max
        #[arg(value_name = "LIMIT")]
        name: String,
        /// As the configuration says it; symbols of a list with commas between
        #[arg(value_name = "VALUE", allow_hyphen_values = true)]
        value: String,
        /// The limit's name again: more is to be let through than now
        #[arg(long, value_name = "LIMIT")]
        confirm: Option<String>,
    },
    /// Lift what the guards of automation have locked; what they hold: arbion risk
    Unlock {
        /// Of this account [default: the default account]
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
    /// Take a limit out of the configuration; its default holds again
    Unset {
        /// Which
        #[arg(value_name = "LIMIT")]
        name: String,
        /// The limit's name again: more is to be let through than now
        #[arg(long, value_name = "LIMIT")]
        confirm: Option<String>,
    },
}
