//! Arguments of what only one venue has.

use clap::{Args, Subcommand, ValueEnum};
use rust_decimal::Decimal;

use crate::domain::money::parse_decimal;
use crate::domain::order::Side;

/// Buy or sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SlicesSide {
    /// Buy
    Buy,
    /// Sell
    Sell,
}

impl From<SlicesSide> for Side {
    fn from(side: SlicesSide) -> Self {
        match side {
            SlicesSide::Buy => Self::Buy,
            SlicesSide::Sell => Self::Sell,
        }
    }
}

fn amount(text: &str) -> Result<Decimal, String> {
    parse_decimal(text).map_err(|error| error.to_string())
}

/// Which account, and whether to ask.
#[derive(Debug, Args)]
pub struct VenueAccount {
    /// The account, where there are several at this venue
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// What Hyperliquid does beside orders.
#[derive(Debug, Subcommand)]
pub enum HyperliquidCommand {
    /// Buy or sell in slices of half a minute over a time
    Twap {
        /// Buy or sell
        side: SlicesSide,
        /// Units in all
        #[arg(value_parser = amount)]
        quantity: Decimal,
        /// The instrument, such as ETH-PERP
        symbol: String,
        /// Over so many minutes, 5 to 1440
        #[arg(long, default_value_t = 30)]
        minutes: u32,
        /// At even times, in place of random ones
        #[arg(long)]
        even: bool,
        /// Never open or flip a position
        #[arg(long)]
        reduce_only: bool,
        /// Whose
        #[command(flatten)]
        of: VenueAccount,
    },
    /// End an order in slices
    TwapCancel {
        /// The instrument
        symbol: String,
        /// Its number, as it was said when it began
        id: u64,
        /// Whose
        #[command(flatten)]
        of: VenueAccount,
    },
    /// Have every order canceled at a time to come, orders of other programs too, unless it is said anew before
    ScheduleCancel {
        /// In so many seconds, at least 5
        #[arg(value_name = "SECONDS", required_unless_present = "off")]
        seconds: Option<u32>,
        /// Take it back
        #[arg(long, conflicts_with = "seconds")]
        off: bool,
        /// Whose
        #[command(flatten)]
        of: VenueAccount,
    },
    /// Buy requests beyond what the account's address may send, each for 0.0005 USDC
    ReserveRequests {
        /// How many, 1 to 100000
        #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
        requests: u32,
        /// Whose
        #[command(flatten)]
        of: VenueAccount,
    },
    /// Set the leverage of a perpetual
    Leverage {
        /// The instrument
        symbol: String,
        /// Times
        leverage: u32,
        /// With margin of its own, in place of shared margin
        #[arg(long)]
        isolated: bool,
        /// Whose
        #[command(flatten)]
        of: VenueAccount,
    },
    /// Add margin to a position that has its own, or take some out (negative)
    Margin {
        /// The instrument
        symbol: String,
        /// Dollars
        #[arg(allow_hyphen_values = true, value_parser = amount)]
        amount: Decimal,
        /// Whose
        #[command(flatten)]
        of: VenueAccount,
    },
}

/// What Coinbase does beside the orders that every broker takes.
#[derive(Debug, Subcommand)]
pub enum CoinbaseCommand {
    /// Buy or sell in equal slices over a time, none of them beyond a price
    Twap {
        /// Buy or sell
        side: SlicesSide,
        /// Units in all
        #[arg(value_parser = amount)]
        quantity: Decimal,
        /// The pair, such as BTC-USD
        symbol: String,
        /// The worst price of any slice
        #[arg(long, value_name = "PRICE", value_parser = amount)]
        limit: Decimal,
        /// Over so many minutes, 2 to 1440
        #[arg(long, default_value_t = 30)]
        minutes: u32,
        /// Whose
        #[command(flatten)]
        of: VenueAccount,
    },
    /// Sell coins at a limit or by a stop, whichever price comes first: one order, which works there without this program
    Oco {
        /// Units
        #[arg(value_parser = amount)]
        quantity: Decimal,
        /// The pair, such as BTC-USD
        symbol: String,
        /// The limit that takes the profit
        #[arg(long, value_name = "PRICE", value_parser = amount)]
        limit: Decimal,
        /// The price that stops the loss: from there on it sells down to 5% below
        #[arg(long, value_name = "PRICE", value_parser = amount)]
        stop: Decimal,
        /// Whose
        #[command(flatten)]
        of: VenueAccount,
    },
    /// Show where coins can be sent to: each currency's deposit addresses, with the network that they are of
    Addresses {
        /// Of this currency only, such as BTC
        currency: Option<String>,
        /// The account, where there are several at this venue
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
    /// Make one more deposit address of a currency; the key needs the permission to transfer
    NewAddress {
        /// The currency, such as BTC
        currency: String,
        /// Whose
        #[command(flatten)]
        of: VenueAccount,
    },
}

/// What Alpaca does beside orders.
#[derive(Debug, Subcommand)]
pub enum AlpacaCommand {
    /// Show the account's settings at Alpaca, with what each can be set to
    Settings {
        /// The account, where there are several at this venue
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
    /// Change one of them, such as no_shorting; what lets the account do more needs trading to be on
    Set {
        /// The setting, as `settings` shows it
        setting: String,
        /// What it is to be, such as true
        value: String,
        /// Whose
        #[command(flatten)]
        of: VenueAccount,
    },
    /// Exercise every contract of a held option that no working order holds back; not from the close until midnight in New York
    Exercise {
        /// The contract's OCC symbol
        #[arg(value_name = "CONTRACT")]
        contract: String,
        /// Whose
        #[command(flatten)]
        of: VenueAccount,
    },
    /// Let contracts of a held option end without exercise, whatever they are worth; on their last day
    DoNotExercise {
        /// The contract's OCC symbol
        #[arg(value_name = "CONTRACT")]
        contract: String,
        /// Whose
        #[command(flatten)]
        of: VenueAccount,
    },
}
