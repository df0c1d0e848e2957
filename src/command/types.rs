//! `Command`: what any text, ticket or model means. Its JSON form is the contract of `arbion parse`.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

pub use crate::domain::alert::AlertWhen;
use crate::domain::exit::ExitPlan;
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::{Price, Quantity, decimal_text, decimal_text_option};
use crate::domain::option::{Leg, Right};
use crate::domain::order::{
    OrderType, PositionEffect, PriceEffect, Side, Slices, TimeInForce, TradingSession,
};
use crate::domain::quote::Interval;

/// Price, type and duration of an order, as said. Shared by `place` and `close`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceTerms {
    /// The type; decided by which prices were said.
    pub order_type: OrderType,
    /// Limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<Price>,
    /// Trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<Price>,
    /// Trail per unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail_amount: Option<Price>,
    /// Trail in per cent.
    #[serde(default, with = "decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub trail_percent: Option<Decimal>,
    /// Over which time the order trades in slices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twap: Option<Slices>,
    /// A limit taken from the market when the order is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_peg: Option<LimitPeg>,
    /// Duration.
    pub time_in_force: TimeInForce,
    /// Last day of a gtd order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_date: Option<Date>,
    /// Extended hours; absent means regular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<TradingSession>,
    /// Debit or credit of a package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_effect: Option<PriceEffect>,
    /// Limit price of the bracket's profit exit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take_profit: Option<Price>,
    /// Trigger of the bracket's loss exit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_loss: Option<Price>,
    /// The broker named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<SmolStr>,
    /// Said: never take liquidity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_only: Option<bool>,
    /// Said: never open or flip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduce_only: Option<bool>,
}

impl PriceTerms {
    /// Those of a plain market order.
    #[must_use]
    pub const fn market(time_in_force: TimeInForce) -> Self {
        Self {
            order_type: OrderType::Market,
            limit_price: None,
            stop_price: None,
            trail_amount: None,
            trail_percent: None,
            twap: None,
            limit_peg: None,
            time_in_force,
            expire_date: None,
            session: None,
            price_effect: None,
            take_profit: None,
            stop_loss: None,
            broker: None,
            post_only: None,
            reduce_only: None,
        }
    }
}

/// Where a pegged limit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitPeg {
    /// Middle of bid and ask.
    Mid,
    /// The bid.
    Bid,
    /// The ask.
    Ask,
    /// The last trade.
    Last,
}

/// How much, in one of the ways a trader says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Amount {
    /// Units.
    #[serde(rename = "quantity")]
    Quantity(Quantity),
    /// Money to spend or raise, in the instrument's currency.
    #[serde(rename = "notional")]
    Notional(#[serde(with = "decimal_text")] Decimal),
    /// Per cent of the position.
    #[serde(rename = "percent_of_position")]
    PercentOfPosition(#[serde(with = "decimal_text")] Decimal),
    /// Per cent of buying power.
    #[serde(rename = "percent_of_buying_power")]
    PercentOfBuyingPower(#[serde(with = "decimal_text")] Decimal),
}

/// What is traded, as said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// One instrument.
    Instrument(Instrument),
    /// A package.
    Legs(Vec<Leg>),
}

/// A new order, as said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Buy or sell.
    pub side: Side,
    /// Open or close, where said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_effect: Option<PositionEffect>,
    /// What: key `instrument` or `legs`.
    #[serde(flatten)]
    pub subject: Subject,
    /// How much.
    #[serde(flatten)]
    pub amount: Amount,
    /// Prices and duration.
    #[serde(flatten)]
    pub terms: PriceTerms,
    /// What closes the position that it opens, where an option of the command line or a field of the ticket says so; no sentence does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_plan: Option<Box<ExitPlan>>,
}

/// Closing of a position, as said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// What.
    pub instrument: Instrument,
    /// Units; absent with `percent_of_position` absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// Per cent of the position.
    #[serde(default, with = "decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub percent_of_position: Option<Decimal>,
    /// Prices and duration.
    #[serde(flatten)]
    pub terms: PriceTerms,
}

/// What `flatten` closes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlattenScope {
    /// Every position.
    #[default]
    All,
    /// Shares and funds.
    Equities,
    /// Options.
    Options,
    /// Crypto, perpetuals and tokens.
    Crypto,
}

/// What `show` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum ShowTopic {
    Positions,
    Balances,
    Orders,
    Fills,
    History,
    Pnl,
    BuyingPower,
    Watchlist,
    Strategies,
    Agents,
    Bots,
    Wallets,
    Connections,
    Audit,
    Risk,
    Log,
    News,
}

/// What is done with a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum StrategyAction {
    Start,
    Stop,
    Pause,
    Status,
}

/// Paper or live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum TradingMode {
    Paper,
    Live,
}

/// What a `clarify` lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum Missing {
    Side,
    Instrument,
    Quantity,
    Price,
    Expiry,
    Strike,
    Right,
    Broker,
    OrderId,
    Date,
}

/// A command. One JSON object with `intent` and the intent's fields; absent fields are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "intent", rename_all = "snake_case")]
pub enum Command {
    /// A new order.
    Place(Place),
    /// Close a position, in whole or part.
    Close(Close),
    /// Close every position of a scope.
    Flatten {
        /// Which positions.
        scope: FlattenScope,
    },
    /// Cancel one order, or all that match.
    Cancel {
        /// The order's number or client id, as typed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_id: Option<SmolStr>,
        /// Orders in this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instrument: Option<Instrument>,
        /// Orders of this side.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        side: Option<Side>,
    },
    /// Cancel every working order.
    CancelAll,
    /// Change a working order.
    Replace {
        /// The order's number or client id, as typed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_id: Option<SmolStr>,
        /// The working order in this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instrument: Option<Instrument>,
        /// New limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_price: Option<Price>,
        /// New trigger.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stop_price: Option<Price>,
        /// New quantity.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quantity: Option<Quantity>,
        /// New duration.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time_in_force: Option<TimeInForce>,
    },
    /// Show something.
    Show {
        /// What.
        what: ShowTopic,
        /// Of this instrument only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instrument: Option<Instrument>,
        /// From this day on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Date>,
        /// Of this broker only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        broker: Option<SmolStr>,
    },
    /// Current prices.
    Quote {
        /// Of these; never empty.
        instruments: Vec<Instrument>,
    },
    /// A chart.
    Chart {
        /// Of this.
        instrument: Instrument,
        /// Bar width.
        interval: Interval,
    },
    /// An option chain.
    Chain {
        /// Of this ticker.
        underlying: Symbol,
        /// One expiry only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expiry: Option<Date>,
        /// One right only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        right: Option<Right>,
    },
    /// Add to a watchlist.
    Watch {
        /// These; never empty.
        instruments: Vec<Instrument>,
        /// The list; absent means the current one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        list: Option<SmolStr>,
    },
    /// Take off a watchlist.
    Unwatch {
        /// These; never empty.
        instruments: Vec<Instrument>,
        /// The list; absent means the current one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        list: Option<SmolStr>,
    },
    /// Ring when a price gets there.
    Alert {
        /// Of this.
        instrument: Instrument,
        /// Which way.
        when: AlertWhen,
        /// Price or per cent.
        #[serde(with = "decimal_text")]
        value: Decimal,
    },
    /// Do something with a strategy.
    Strategy {
        /// What to do.
        action: StrategyAction,
        /// Which strategy.
        name: SmolStr,
        /// On this ticker.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        underlying: Option<Symbol>,
    },
    /// Switch between paper and live.
    Mode {
        /// To which.
        mode: TradingMode,
    },
    /// Kill switch on.
    Halt,
    /// Kill switch off.
    Resume,
    /// A question for the model.
    Explain {
        /// The question, cleaned.
        topic: String,
    },
    /// Help.
    Help {
        /// On this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<String>,
    },
    /// Not understood well enough to act.
    Clarify {
        /// What is missing; empty when the sentence as a whole is refused.
        missing: Vec<Missing>,
        /// One line for the user.
        message: String,
    },
}
