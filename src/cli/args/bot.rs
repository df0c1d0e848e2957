//! Arguments of `bot`.

use clap::Subcommand;

use crate::domain::quote::Interval;

use super::run::pair;

/// `bot`.
#[derive(Debug, Subcommand)]
pub enum BotCommand {
    /// Make a bot of a worked example, in the profile's folder bots/NAME; it runs once it is approved, added and started
    New {
        /// Its name, 1 to 32 of a-z, 0-9 and '-'
        #[arg(value_name = "NAME")]
        name: String,
        /// The example: sma-cross, mean-revert, ladder or rsi-close
        #[arg(long, value_name = "NAME", default_value = "sma-cross")]
        example: String,
    },
    /// Show every bot: is it approved, what it may do, where its process is, its last line
    List,
    /// Show what has changed of a bot since it was approved, and approve it
    Approve {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Make a strategy of an approved bot, under its name; it trades once it is started
    Add {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// What it trades [default: what its manifest names]
        #[arg(long = "symbol", value_name = "SYMBOL")]
        symbols: Vec<String>,
        /// Account it trades on [default: the one that plain commands mean]
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// Width of its bars [default: the first of its manifest]
        #[arg(long, value_name = "INTERVAL")]
        interval: Option<Interval>,
        /// A parameter of its schema
        #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
        params: Vec<(String, String)>,
        /// A limit of its strategy, such as capital=5000
        #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = pair)]
        limits: Vec<(String, String)>,
    },
    /// Let a bot trade; also after a restart of the engine
    Start {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// Real money: its name once more, where nobody can be asked
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
    },
    /// End a bot; its opening orders are canceled, what it owns stays
    Stop {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// What it owns is closed at the market
        #[arg(long)]
        flatten: bool,
    },
    /// Send what a bot with orders = "propose" proposed, within 60 seconds
    Confirm {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// The proposal's number
        #[arg(value_name = "NUMBER")]
        proposal: u32,
        /// The hash of the order as it was shown, where nobody can be asked
        #[arg(long, value_name = "HASH")]
        hash: Option<String>,
    },
    /// Show the newest lines of a bot's log
    Logs {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// So many
        #[arg(short = 'n', long = "lines", value_name = "COUNT", default_value_t = 50)]
        lines: u32,
    },
    /// Show every version of a bot that was approved
    Versions {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Take a bot's strategy and its approval away; its files stay
    Remove {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}
