//! Arguments of what is worked out from past trades: tax lots and the journal.

use clap::{Args, Subcommand, ValueEnum};

use crate::domain::tax::LotMethod;

/// `tax`.
#[derive(Debug, Subcommand)]
pub enum TaxCommand {
    /// Show open lots with what they cost
    Lots {
        /// Which lots
        #[command(flatten)]
        args: TaxArgs,
        /// What all lots of an instrument cost on average: to look at, no method of closing them
        #[arg(long)]
        average: bool,
    },
    /// Show what sales gained and lost, lot by lot, with wash sales
    Gains(TaxArgs),
    /// Show the sums of each year, long and short term apart
    Summary(TaxArgs),
    /// Say which lots a selling order closes, where the account's method is "specific"; without lots the choice is taken back
    Choose {
        /// The selling order's number or client id
        #[arg(value_name = "SALE")]
        sale: String,
        /// Numbers of the orders that bought the lots, in the order in which they are closed
        #[arg(value_name = "LOT")]
        lots: Vec<u64>,
    },
}

/// How lots are worked out and shown.
#[derive(Debug, Args)]
pub struct TaxArgs {
    /// What was sold in this year only
    #[arg(long, value_name = "YYYY", value_parser = clap::value_parser!(i16).range(1990..=2100))]
    pub year: Option<i16>,
    /// Close lots by this method [default: each account's, as its table tax says]
    #[arg(long, value_enum)]
    pub method: Option<LotMethod>,
    /// Of this account only; wash sales still look at all of them
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Comma-separated, with a header
    #[arg(long)]
    pub csv: bool,
}

impl ValueEnum for LotMethod {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.as_str()))
    }
}

/// `journal`.
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// Show trades from opening to closing, the newest first
    List(JournalArgs),
    /// Write beside a trade, by one of its orders; its tags stay, without a text the words are taken off
    Note {
        /// The order's number or client id
        #[arg(value_name = "ORDER")]
        order: String,
        /// One line
        #[arg(value_name = "TEXT")]
        text: Vec<String>,
    },
    /// Put tags on a trade, by one of its orders; with --off take them off
    Tag {
        /// The order's number or client id
        #[arg(value_name = "ORDER")]
        order: String,
        /// Words of letters, digits, '-', '_' and ':'
        #[arg(required = true, value_name = "TAG")]
        tags: Vec<String>,
        /// Take them off
        #[arg(long)]
        off: bool,
    },
    /// Show what trades come to, put together
    Stats {
        /// Put together by
        #[arg(long, value_enum, default_value_t = GroupingArg::Strategy)]
        by: GroupingArg,
        /// Which trades
        #[command(flatten)]
        trades: JournalArgs,
    },
}

/// What trades are put together by.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum GroupingArg {
    /// The strategy that opened them
    Strategy,
    /// The symbol; of an option its underlying
    Symbol,
    /// The weekday of the opening, in New York
    Weekday,
    /// How long they were held
    Holding,
    /// The tag; a trade of several counts for each
    Tag,
    /// The account
    Account,
}

/// Which trades, and how they are shown.
#[derive(Debug, Args)]
pub struct JournalArgs {
    /// In this instrument only
    #[arg(long, value_name = "SYMBOL")]
    pub symbol: Option<String>,
    /// Closed from this day on (New York)
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub since: Option<jiff::civil::Date>,
    /// Closed up to and with this day (New York)
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub until: Option<jiff::civil::Date>,
    /// With this tag only
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Of this account only
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Comma-separated, with a header
    #[arg(long)]
    pub csv: bool,
}
