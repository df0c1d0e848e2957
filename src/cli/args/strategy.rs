//! Arguments of `strategy`.

use clap::Subcommand;

use crate::domain::quote::Interval;

use super::run::pair;

/// `strategy`.
#[derive(Debug, Subcommand)]
pub enum StrategyCommand {
    /// Show every strategy: state, gains, what it owns, why it last did or did not act
    List,
    /// Show the kinds of strategies, or one with its parameters, their ranges and the limits of every strategy
    Kinds {
        /// The kind, such as sma_cross
        #[arg(value_name = "KIND")]
        kind: Option<String>,
    },
    /// Make a strategy; it trades once it is started
    #[command(after_help = "The parameters of a kind and their ranges: arbion strategy kinds KIND")]
    Add {
        /// Its name, 1 to 32 of a-z, 0-9, '-' and '_'
        #[arg(value_name = "NAME")]
        name: String,
        /// The kind, such as sma_cross
        #[arg(value_name = "KIND")]
        kind: String,
        /// What it trades: tickers, pairs or names
        #[arg(required = true, num_args = 1..=50, value_name = "SYMBOL")]
        symbols: Vec<String>,
        /// Account it trades on [default: the one that plain commands mean]
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// Width of its bars: 1m, 5m, 15m, 1h, 1d or 1w
        #[arg(long, value_name = "INTERVAL", default_value = "1d")]
        interval: Interval,
        /// A parameter
        #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
        params: Vec<(String, String)>,
        /// A limit of its own, such as capital=5000
        #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = pair)]
        limits: Vec<(String, String)>,
        /// One of its symbols whose free units become its own when it starts
        #[arg(long, value_name = "SYMBOL")]
        adopt: Vec<String>,
        /// A part of the plan that closes each of its positions, such as stop=5% or take=2r; all parts: arbion strategy kinds KIND
        #[arg(long = "exit", value_name = "PART=VALUE", value_parser = pair)]
        exits: Vec<(String, String)>,
    },
    /// Change parameters, limits, symbols, bars or account of a strategy; one that runs begins anew with them
    Set {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// A parameter; nothing behind '=' takes it back to its default
        #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
        params: Vec<(String, String)>,
        /// A limit of its own, such as capital=5000 or capital=none
        #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = pair)]
        limits: Vec<(String, String)>,
        /// Trade these instead
        #[arg(long = "symbol", value_name = "SYMBOL")]
        symbols: Vec<String>,
        /// Other bars: 1m, 5m, 15m, 1h, 1d or 1w
        #[arg(long, value_name = "INTERVAL")]
        interval: Option<Interval>,
        /// Another account
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// A part of the plan that closes each of its positions; nothing behind '=' takes it out
        #[arg(long = "exit", value_name = "PART=VALUE", value_parser = pair)]
        exits: Vec<(String, String)>,
    },
    /// Show what a strategy would do with whose money: parameters, most capital at work, limits
    Plan {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Let a strategy trade, from rest, a pause or a fault; also after a restart of the engine
    #[command(alias = "resume")]
    Start {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// For real money: its name once more, in place of typing it when its plan is shown
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
    },
    /// Let a strategy stand still; its orders work on
    Pause {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// End a strategy: its opening orders are canceled, what it owns stays
    Stop {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// Close what it owns, at the market
        #[arg(long)]
        flatten: bool,
    },
    /// Show why a strategy did or did not act, newest first
    Explain {
        /// Its name [default: all]
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// Show so many
        #[arg(long, value_name = "ROWS", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=5_000))]
        limit: u32,
    },
    /// Send an order that a strategy with the limit confirm=each proposed, within 60 seconds
    Confirm {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// The proposal's number [default: the only one that waits]
        #[arg(value_name = "NUMBER")]
        proposal: Option<u32>,
        /// The hash of the order as it was shown, where nobody can be asked
        #[arg(long, value_name = "HASH")]
        hash: Option<String>,
        /// Drop it instead
        #[arg(long, conflicts_with = "hash")]
        decline: bool,
    },
    /// Lift what a strategy's guards have locked after losses
    Unlock {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Remove a strategy that does not run; its decisions and trades are kept
    Remove {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}
