//! Arguments of exit plans.

use clap::{Args, Subcommand, ValueEnum};

use crate::domain::exit::{ExitLevel, TakeStep};

/// `exits`.
#[derive(Debug, Subcommand)]
pub enum ExitsCommand {
    /// Show exit plans and where each stands
    List {
        /// Of this account only
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
    /// Give a position an exit plan, in the place of the one it had
    Set(Box<ExitArgs>),
    /// Take an exit plan off
    Clear {
        /// Ticker, pair, OCC symbol or name
        #[arg(value_name = "SYMBOL")]
        symbol: String,
        /// Of this account [default: the default account]
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
}

/// A plan. Levels are a price (180), per cent of the entry (5%), an amount (3.5off), a daily range (2atr) or the first risk (1.5r).
#[derive(Debug, Args)]
pub struct ExitArgs {
    /// Ticker, pair, OCC symbol or name
    #[arg(value_name = "SYMBOL")]
    pub symbol: String,
    /// Where the loss ends: 180, 5%, 3.5off or 2atr
    #[arg(long, value_name = "LEVEL")]
    pub stop: Option<ExitLevel>,
    /// Where profit is taken, nearest first, and which part there: 220, 10%, 2r, 1r:0.5
    #[arg(long, value_name = "LEVEL[:PART]")]
    pub take: Vec<TakeStep>,
    /// How far a stop follows behind the best price: 5%, 3.5off or 2atr
    #[arg(long, value_name = "LEVEL")]
    pub trail: Option<ExitLevel>,
    /// It follows from here on: a price, 5%, 3.5off or 1r
    #[arg(long, value_name = "LEVEL", requires = "trail")]
    pub trail_from: Option<ExitLevel>,
    /// From here on it follows more closely
    #[arg(long, value_name = "LEVEL", requires_all = ["trail", "then_trail"])]
    pub then_from: Option<ExitLevel>,
    /// How closely then
    #[arg(long, value_name = "LEVEL", requires = "then_from")]
    pub then_trail: Option<ExitLevel>,
    /// Once the profit is as large as the first risk, the stop stands at the entry with fees
    #[arg(long)]
    pub break_even: bool,
    /// Close after so many sessions, 1 to 250
    #[arg(long, value_name = "N")]
    pub sessions: Option<u32>,
    /// Close so many minutes before the end of the session, 1 to 390
    #[arg(long, value_name = "MINUTES")]
    pub before_close: Option<u32>,
    /// Which price counts
    #[arg(long, value_enum, default_value_t = TriggerArg::Mark)]
    pub by: TriggerArg,
    /// Where the stop waits
    #[arg(long, value_enum, default_value_t = PlacementArg::Auto)]
    pub placement: PlacementArg,
    /// What becomes of the plan when more is bought
    #[arg(long, value_enum, default_value_t = ScaleInArg::Extend)]
    pub scale_in: ScaleInArg,
    /// Of this account [default: the default account]
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// Where a stop waits.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PlacementArg {
    /// At the broker where it takes such an order, and so outlives this program; else in the engine
    Auto,
    /// In the engine
    Engine,
}

/// What becomes of a plan when more is bought.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ScaleInArg {
    /// It is for the larger position
    Extend,
    /// What is added gets a plan of its own
    Separate,
}

/// Which price sets an exit off.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum TriggerArg {
    /// The middle of a narrow spread, else the last trade
    Mark,
    /// The last trade
    Last,
    /// The side that the exit would trade on
    BidAsk,
}
