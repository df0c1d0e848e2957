//! What a script may expect of the newest picture.

use std::fmt;

use rust_decimal::Decimal;

use crate::cli::error::CliError;
use crate::cli::language;
use crate::domain::denial::DenialCode;
use crate::domain::ids::OrderNumber;
use crate::domain::instrument::SymbolLookup;
use crate::domain::limits::TradingState;
use crate::domain::money::{Quantity, canonical, parse_decimal};
use crate::domain::order::{Order, OrderStatus};
use crate::domain::snapshot::Snapshot;

/// Failures that are not denials.
const ERROR_CODES: [&str; 9] = [
    "DENIED",
    "REJECTED",
    "USAGE",
    "CLARIFY",
    "OUTCOME_UNKNOWN",
    "CONFIRMATION_CHANGED",
    "STORAGE",
    "ENGINE_GONE",
    "INTERNAL",
];

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `!=`
    Different,
    /// `>=`
    AtLeast,
    /// `>`
    Greater,
}

impl Compare {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "<" => Self::Less,
            "<=" => Self::AtMost,
            "=" | "==" => Self::Equal,
            "!=" => Self::Different,
            ">=" => Self::AtLeast,
            ">" => Self::Greater,
            _ => return None,
        })
    }

    pub(super) fn holds(self, found: Decimal, value: Decimal) -> bool {
        match self {
            Self::Less => found < value,
            Self::AtMost => found <= value,
            Self::Equal => found == value,
            Self::Different => found != value,
            Self::AtLeast => found >= value,
            Self::Greater => found > value,
        }
    }
}

impl fmt::Display for Compare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::Different => "!=",
            Self::AtLeast => ">=",
            Self::Greater => ">",
        })
    }
}

/// A figure of the default account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words are those of the account")]
pub enum Figure {
    Cash,
    SettledCash,
    Equity,
    BuyingPower,
    Reserved,
    DayPnl,
    RealizedPnl,
    UnrealizedPnl,
    Fees,
}

impl Figure {
    const ALL: [(&'static str, Self); 9] = [
        ("cash", Self::Cash),
        ("settled_cash", Self::SettledCash),
        ("equity", Self::Equity),
        ("buying_power", Self::BuyingPower),
        ("reserved", Self::Reserved),
        ("day_pnl", Self::DayPnl),
        ("realized_pnl", Self::RealizedPnl),
        ("unrealized_pnl", Self::UnrealizedPnl),
        ("fees", Self::Fees),
    ];

    fn of(self, snapshot: &Snapshot) -> Option<Decimal> {
        let account = &snapshot.default_account()?.account;
        Some(match self {
            Self::Cash => account.cash,
            Self::SettledCash => account.settled_cash,
            Self::Equity => account.net_liquidation,
            Self::BuyingPower => account.buying_power,
            Self::Reserved => account.reserved,
            Self::DayPnl => account.day_pnl,
            Self::RealizedPnl => account.realized_pnl,
            Self::UnrealizedPnl => account.unrealized_pnl,
            Self::Fees => account.fees,
        })
    }
}

/// Something that must be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// An order has this status.
    Status(u64, OrderStatus),
    /// So many orders have this status; without one, so many work.
    Orders(Option<OrderStatus>, Compare, Decimal),
    /// So many units are held.
    Position(String, Compare, Decimal),
    /// The last price of an instrument.
    Price(String, Compare, Decimal),
    /// The average price of an order's fills.
    Average(u64, Compare, Decimal),
    /// A figure of the account.
    Figure(Figure, Compare, Decimal),
    /// May orders go out.
    State(TradingState),
    /// The line before failed with this code.
    Error(String),
}

impl Expectation {
    /// Reads the words after `expect`.
    ///
    /// # Errors
    /// Says what was found and what is allowed.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        match words {
            ["order" | "status", number, status] => {
                Ok(Self::Status(order_number(number)?, order_status(status)?))
            }
            ["orders", what, rest @ ..] => {
                let status = if *what == "working" { None } else { Some(order_status(what)?) };
                let (compare, count) = compared(rest)?;
                Ok(Self::Orders(status, compare, count))
            }
            ["position", symbol @ .., value] if !symbol.is_empty() => {
                let (symbol, compare) = split_compare(symbol);
                Ok(Self::Position(symbol, compare, number(value)?))
            }
            ["price", symbol @ .., value] if !symbol.is_empty() => {
                let (symbol, compare) = split_compare(symbol);
                Ok(Self::Price(symbol, compare, number(value)?))
            }
            ["average", order, rest @ ..] => {
                let (compare, value) = compared(rest)?;
                Ok(Self::Average(order_number(order)?, compare, value))
            }
            ["state", "active"] => Ok(Self::State(TradingState::Active)),
            ["state", "reducing_only"] => Ok(Self::State(TradingState::ReducingOnly)),
            ["state", "halted"] => Ok(Self::State(TradingState::Halted)),
            ["state", ..] => Err("state: allowed active, reducing_only or halted".to_owned()),
            ["error", code] => error_code(code).map(Self::Error),
            [name, rest @ ..] if figure(name).is_some() => {
                let (compare, value) = compared(rest)?;
                Ok(Self::Figure(figure(name).unwrap_or(Figure::Cash), compare, value))
            }
            _ => Err(format!(
                "found '{}', allowed order, orders, position, price, average, state, error or a figure ({})",
                words.join(" "),
                Figure::ALL.map(|(name, _)| name).join(", ")
            )),
        }
    }

    /// Does it hold of this picture. What was found instead, if not.
    ///
    /// # Errors
    /// When an instrument it names does not exist.
    pub(super) fn check(
        &self,
        snapshot: &Snapshot,
        lookup: &dyn SymbolLookup,
    ) -> Result<Result<(), String>, CliError> {
        let order = |number: &u64| snapshot.orders.iter().find(|order| order.number == OrderNumber(*number));
        let compared = |found: Option<Decimal>, compare: &Compare, value: &Decimal| match found {
            Some(found) if compare.holds(found, *value) => Ok(()),
            Some(found) => Err(canonical(found)),
            None => Err("none".to_owned()),
        };
        Ok(match self {
            Self::Status(number, status) => match order(number) {
                Some(order) if order.status == *status => Ok(()),
                Some(order) => Err(order.status.as_str().to_owned()),
                None => Err(format!("no order {number}")),
            },
            Self::Orders(status, compare, count) => {
                let is_meant = |order: &&Order| match status {
                    Some(status) => order.status == *status,
                    None => order.is_working(),
                };
                compared(Some(Decimal::from(snapshot.orders.iter().filter(is_meant).count())), compare, count)
            }
            Self::Position(symbol, compare, value) => {
                let instrument = language::instrument(symbol, lookup)?;
                let held = snapshot
                    .position(&snapshot.default_account, &instrument)
                    .map_or(Quantity::ZERO, |p| p.quantity);
                compared(Some(held.get()), compare, value)
            }
            Self::Price(symbol, compare, value) => {
                let instrument = language::instrument(symbol, lookup)?;
                let last = snapshot.quotes.get(&instrument).and_then(|quote| quote.last);
                compared(last.map(|price| price.get()), compare, value)
            }
            Self::Average(number, compare, value) => compared(
                order(number).and_then(|order| order.average_price).map(|price| price.get()),
                compare,
                value,
            ),
            Self::Figure(figure, compare, value) => compared(figure.of(snapshot), compare, value),
            Self::State(state) if snapshot.trading_state == *state => Ok(()),
            Self::State(_) => Err(match snapshot.trading_state {
                TradingState::Active => "active".to_owned(),
                TradingState::ReducingOnly => "reducing_only".to_owned(),
                TradingState::Halted => "halted".to_owned(),
            }),
            Self::Error(_) => Err("no error".to_owned()),
        })
    }
}

fn figure(name: &str) -> Option<Figure> {
    Figure::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, figure)| figure)
}

fn order_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("found '{text}', allowed an order's number"))
}

fn order_status(word: &str) -> Result<OrderStatus, String> {
    let known = || OrderStatus::ALL.map(OrderStatus::as_str).join(", ");
    OrderStatus::from_word(word).ok_or_else(|| format!("found status '{word}', allowed {}", known()))
}

fn number(text: &str) -> Result<Decimal, String> {
    parse_decimal(text).map_err(|error| error.to_string())
}

/// `[COMPARE] NUMBER`.
fn compared(words: &[&str]) -> Result<(Compare, Decimal), String> {
    match words {
        [value] => Ok((Compare::Equal, number(value)?)),
        [compare, value] => match Compare::parse(compare) {
            Some(compare) => Ok((compare, number(value)?)),
            None => Err(format!("found '{compare}', allowed <, <=, =, !=, >= or >")),
        },
        _ => Err("allowed is a number, with <, <=, =, !=, >= or > before it".to_owned()),
    }
}

/// A symbol of one or more words, and the comparison behind it.
fn split_compare(words: &[&str]) -> (String, Compare) {
    match words {
        [symbol @ .., compare] if !symbol.is_empty() && Compare::parse(compare).is_some() => {
            (symbol.join(" "), Compare::parse(compare).unwrap_or(Compare::Equal))
        }
        _ => (words.join(" "), Compare::Equal),
    }
}

fn error_code(code: &str) -> Result<String, String> {
    let denials = || DenialCode::ALL.iter().map(|code| code.as_str());
    if ERROR_CODES.contains(&code) || denials().any(|known| known == code) {
        return Ok(code.to_owned());
    }
    let nearest = ERROR_CODES
        .into_iter()
        .chain(denials())
        .max_by(|a, b| strsim::jaro_winkler(a, code).total_cmp(&strsim::jaro_winkler(b, code)));
    Err(format!("found code '{code}', nearest is {}", nearest.unwrap_or_default()))
}
