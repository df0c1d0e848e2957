//! Arguments of `order`.

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::read::OrderListArgs;
use crate::domain::money::{Price, Quantity, parse_decimal};
use crate::domain::order::TimeInForce;

/// `order …`.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// Place an order and wait for the broker's answer
    Place(Box<TicketArgs>),
    /// Show what an order would do, check by check, without placing it
    Preview(Box<TicketArgs>),
    /// Show working orders
    List(OrderListArgs),
    /// Show one order and its fills
    Show(ShowArgs),
    /// Cancel orders
    Cancel(CancelArgs),
    /// Change a working order
    Replace(ReplaceArgs),
    /// Say what became of an order in doubt, as its broker shows it
    Settle(SettleArgs),
}

/// What is done, in a trader's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SideArg {
    /// Buy
    Buy,
    /// Sell what is held
    Sell,
    /// Sell short
    #[value(aliases = ["sell-short", "sell_short"])]
    Short,
    /// Buy back what was sold short
    #[value(aliases = ["buy-to-cover", "buy_to_cover"])]
    Cover,
    /// Options: buy to open
    Bto,
    /// Options: sell to open
    Sto,
    /// Options: buy to close
    Btc,
    /// Options: sell to close
    Stc,
}

/// Open or close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EffectArg {
    /// Start or add to a position
    Open,
    /// Reduce or end one
    Close,
}

/// Call or put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RightArg {
    /// The right to buy
    #[value(alias = "c")]
    Call,
    /// The right to sell
    #[value(alias = "p")]
    Put,
}

/// Where a pegged limit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PegArg {
    /// Middle of bid and ask
    Mid,
    /// The bid
    Bid,
    /// The ask
    Ask,
    /// The last trade
    Last,
}

/// How long an order works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TifArg {
    /// Until the session ends
    Day,
    /// Until canceled
    Gtc,
    /// Now, the rest is canceled
    Ioc,
    /// Now and whole, or not at all
    Fok,
    /// In the opening auction
    Opg,
    /// In the closing auction
    Cls,
    /// Until the end of --expire-date
    Gtd,
}

impl From<TifArg> for TimeInForce {
    fn from(tif: TifArg) -> Self {
        match tif {
            TifArg::Day => Self::Day,
            TifArg::Gtc => Self::Gtc,
            TifArg::Ioc => Self::Ioc,
            TifArg::Fok => Self::Fok,
            TifArg::Opg => Self::Opg,
            TifArg::Cls => Self::Cls,
            TifArg::Gtd => Self::Gtd,
        }
    }
}

pub(super) fn decimal(text: &str) -> Result<Decimal, String> {
    parse_decimal(text).map_err(|error| error.to_string())
}

pub(super) fn positive(text: &str) -> Result<Decimal, String> {
    match decimal(text)? {
        number if number > Decimal::ZERO => Ok(number),
        _ => Err("must be above 0".to_owned()),
    }
}

fn positive_price(text: &str) -> Result<Price, String> {
    positive(text).map(Price::new)
}

fn positive_quantity(text: &str) -> Result<Quantity, String> {
    positive(text).map(Quantity::new)
}

pub(super) fn whole_contracts(text: &str) -> Result<Quantity, String> {
    match positive(text)? {
        number if number.fract().is_zero() => Ok(Quantity::new(number)),
        _ => Err("must be a whole number, as contracts are".to_owned()),
    }
}

/// `order place` and `order preview`.
#[derive(Clone, Debug, Args)]
pub struct TicketArgs {
    /// What to do
    #[arg(value_enum, value_name = "SIDE")]
    pub side: SideArg,
    /// How many shares, contracts, coins or packages; left out where another option says how much
    #[arg(value_name = "QUANTITY")]
    pub first: Option<String>,
    /// Ticker, pair, OCC symbol or name; left out where --leg says what
    #[arg(value_name = "SYMBOL")]
    pub second: Option<String>,

    /// Money to spend or raise instead of a quantity
    #[arg(long, value_name = "MONEY", value_parser = positive, help_heading = "How much", group = "amount")]
    pub notional: Option<Decimal>,
    /// Per cent of the position instead of a quantity
    #[arg(long, value_name = "PERCENT", value_parser = positive, help_heading = "How much", group = "amount")]
    pub percent_of_position: Option<Decimal>,
    /// Per cent of the buying power instead of a quantity
    #[arg(long, value_name = "PERCENT", value_parser = positive, help_heading = "How much", group = "amount")]
    pub percent_of_buying_power: Option<Decimal>,

    /// Expiry of the option
    #[arg(long, value_name = "YYYY-MM-DD", help_heading = "Contracts and packages", requires_all = ["strike", "right"], value_parser = super::day)]
    pub expiry: Option<Date>,
    /// Strike of the option
    #[arg(long, value_name = "PRICE", value_parser = positive_price, help_heading = "Contracts and packages", requires_all = ["expiry", "right"])]
    pub strike: Option<Price>,
    /// Call or put
    #[arg(long, value_enum, help_heading = "Contracts and packages", requires_all = ["expiry", "strike"])]
    pub right: Option<RightArg>,
    /// Open or close the position
    #[arg(long, value_enum, help_heading = "Contracts and packages")]
    pub effect: Option<EffectArg>,
    /// A leg of a package, "SIDE RATIO SYMBOL [open|close]"; two to four of them
    #[arg(long = "leg", value_name = "LEG", help_heading = "Contracts and packages", conflicts_with_all = ["expiry", "effect"])]
    pub legs: Vec<String>,
    /// Most that the package may cost, per unit
    #[arg(long, value_name = "PRICE", value_parser = positive_price, help_heading = "Contracts and packages", requires = "legs", group = "net")]
    pub debit: Option<Price>,
    /// Least that the package must bring, per unit
    #[arg(long, value_name = "PRICE", value_parser = positive_price, help_heading = "Contracts and packages", requires = "legs", group = "net")]
    pub credit: Option<Price>,
    /// The package may neither cost nor need bring anything
    #[arg(long, help_heading = "Contracts and packages", requires = "legs", group = "net")]
    pub even: bool,

    /// Limit price
    #[arg(long, value_name = "PRICE", value_parser = positive_price, help_heading = "Price", conflicts_with_all = ["net", "trail"])]
    pub limit: Option<Price>,
    /// Limit at the market's middle, bid, ask or last price
    #[arg(long, value_enum, help_heading = "Price", conflicts_with_all = ["limit", "stop", "trail", "net"])]
    pub peg: Option<PegArg>,
    /// Stop price; with --limit a stop-limit order
    #[arg(long, value_name = "PRICE", value_parser = positive_price, help_heading = "Price", conflicts_with_all = ["trail", "net"])]
    pub stop: Option<Price>,
    /// Trailing stop, so much behind the market
    #[arg(long = "trail", value_name = "MONEY", value_parser = positive_price, help_heading = "Price", group = "trail", conflicts_with = "net")]
    pub trail_amount: Option<Price>,
    /// Trailing stop, so many per cent behind the market
    #[arg(long, value_name = "PERCENT", value_parser = positive, help_heading = "Price", group = "trail", conflicts_with = "net")]
    pub trail_percent: Option<Decimal>,
    /// Bracket: take the profit at this price once filled
    #[arg(long, value_name = "PRICE", value_parser = positive_price, help_heading = "Price")]
    pub take_profit: Option<Price>,
    /// Bracket: stop the loss at this price once filled
    #[arg(long, value_name = "PRICE", value_parser = positive_price, help_heading = "Price")]
    pub stop_loss: Option<Price>,

    /// A part of a plan that closes the position once it is open: stop=5%, take=2r, trail=3%, before_close=10, ... (see: exits set)
    #[arg(long = "exit", value_name = "PART=VALUE", value_parser = super::run::pair, help_heading = "Price", conflicts_with_all = ["take_profit", "stop_loss", "legs"])]
    pub exits: Vec<(String, String)>,

    /// How long it works [default: day, gtc for crypto]
    #[arg(long, value_enum, help_heading = "Duration")]
    pub tif: Option<TifArg>,
    /// Last day of a gtd order
    #[arg(long, value_name = "YYYY-MM-DD", help_heading = "Duration", value_parser = super::day)]
    pub expire_date: Option<Date>,
    /// Pre-market and post-market hours too; needs a limit
    #[arg(long, help_heading = "Duration")]
    pub extended: bool,
    /// Never take liquidity
    #[arg(long)]
    pub post_only: bool,
    /// Never open or flip a position
    #[arg(long)]
    pub reduce_only: bool,

    /// Tax lots that a sale closes, by the numbers of the orders that bought them, where the account's method is specific
    #[arg(long, value_name = "ORDER", value_delimiter = ',', conflicts_with = "legs")]
    pub lots: Vec<u64>,

    /// Account to use [default: the profile's]
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Confirm a live order beforehand
    #[arg(long)]
    pub yes: bool,
    /// The same order twice is meant
    #[arg(long)]
    pub allow_duplicate: bool,
    /// Return once the order is on its way
    #[arg(long)]
    pub no_wait: bool,
}

/// `order show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Number or client id of the order
    #[arg(value_name = "ORDER")]
    pub order: String,
}

/// `order cancel`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// Numbers or client ids of orders
    #[arg(value_name = "ORDER", conflicts_with_all = ["all", "symbol", "side"])]
    pub orders: Vec<String>,
    /// Every working order
    #[arg(long, conflicts_with_all = ["symbol", "side"])]
    pub all: bool,
    /// Every working order in this instrument
    #[arg(long, value_name = "SYMBOL")]
    pub symbol: Option<String>,
    /// Every working order of this side
    #[arg(long, value_enum)]
    pub side: Option<SideArg>,
    /// Return once the cancel is on its way
    #[arg(long)]
    pub no_wait: bool,
}

/// `order replace`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
pub struct ReplaceArgs {
    /// Number or client id of the order
    #[arg(value_name = "ORDER")]
    pub order: String,
    /// New limit price
    #[arg(long, value_name = "PRICE", value_parser = positive_price, group = "change")]
    pub limit: Option<Price>,
    /// New stop price
    #[arg(long, value_name = "PRICE", value_parser = positive_price, group = "change")]
    pub stop: Option<Price>,
    /// New trail, so much behind the market
    #[arg(long = "trail", value_name = "MONEY", value_parser = positive_price, group = "change")]
    pub trail_amount: Option<Price>,
    /// New trail, so many per cent behind the market
    #[arg(long, value_name = "PERCENT", value_parser = positive, group = "change", conflicts_with = "trail_amount")]
    pub trail_percent: Option<Decimal>,
    /// New total quantity, what has filled included
    #[arg(long, value_name = "QUANTITY", value_parser = positive_quantity, group = "change")]
    pub quantity: Option<Quantity>,
    /// New duration
    #[arg(long, value_enum, group = "change")]
    pub tif: Option<TifArg>,
    /// Return once the change is on its way
    #[arg(long)]
    pub no_wait: bool,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FateArg {
    /// What was open of it has filled; needs --price
    Filled,
    /// It was canceled there
    Canceled,
    /// The broker refused it
    Rejected,
    /// It never came there
    NeverReached,
}

/// `order settle`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("word").required(true))]
pub struct SettleArgs {
    /// Number or client id of the order
    #[arg(value_name = "ORDER")]
    pub order: String,
    /// What became of it
    #[arg(long = "as", value_enum, group = "word")]
    pub fate: Option<FateArg>,
    /// Which order at the broker it is
    #[arg(long = "is", value_name = "BROKER_ORDER_ID", group = "word")]
    pub broker_order_id: Option<String>,
    /// What it filled at, per unit
    #[arg(long, value_name = "PRICE", value_parser = positive_price, conflicts_with = "broker_order_id")]
    pub price: Option<Price>,
    /// How you know: kept in the audit log
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}
