//! Tax lots of the United States, worked out from executions: what was bought when and for how much, what each sale closed, and which losses a
//! wash sale puts off. Information, no advice: a broker's own statement may differ, and counts.
//!
//! Lots and gains are a function of the executions and the choice of lots; nothing is kept. It never judges what is "substantially identical"
//! between issuers, nor accounts that are not in the profile; a short sale's loss is put off by another short sale of the share alone.

mod book;
mod order;
#[cfg(test)]
mod tests;
mod wash;

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::calendar::plus_days;
use super::execution::Execution;
use super::ids::{AccountId, ClientOrderId, ExecutionId};
use super::instrument::Instrument;
use super::money::{Currency, decimal_text};

/// Days before and after a loss within which the same thing bought again puts the loss off. The day itself and day 30 are inside.
pub const WASH_DAYS: i64 = 30;

/// Which lots a sale closes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LotMethod {
    /// The oldest.
    #[default]
    Fifo,
    /// The newest.
    Lifo,
    /// The dearest.
    Hifo,
    /// Those that were named for the sale, in that order; the oldest where none or too few were named.
    Specific,
}

impl LotMethod {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Fifo, Self::Lifo, Self::Hifo, Self::Specific];

    /// Its word, as in JSON and in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fifo => "fifo",
            Self::Lifo => "lifo",
            Self::Hifo => "hifo",
            Self::Specific => "specific",
        }
    }
}

impl fmt::Display for LotMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Among what wash sales are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WashScope {
    /// Nothing.
    None,
    /// Shares and options: the law speaks of stock and securities.
    #[default]
    Securities,
    /// Coins too.
    All,
}

/// How lots are worked out.
#[derive(Clone, Debug, Default)]
pub struct TaxRules {
    /// Of accounts that have no method of their own.
    pub method: LotMethod,
    /// By account.
    pub methods: BTreeMap<AccountId, LotMethod>,
    /// Among what wash sales are looked for.
    pub wash: WashScope,
    /// Which lots a selling order closes, under `Specific`: the orders that bought them, in this order.
    pub chosen: BTreeMap<ClientOrderId, Vec<ClientOrderId>>,
}

impl TaxRules {
    /// The method of an account.
    #[must_use]
    pub fn method_of(&self, account: &AccountId) -> LotMethod {
        self.methods.get(account).copied().unwrap_or(self.method)
    }
}

/// Where a lot comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LotSource {
    /// Bought, or sold short.
    Trade,
    /// An assigned option brought it.
    Assignment,
    /// An exercised option brought it.
    Exercise,
    /// The broker shows it and nothing says where it comes from: what it cost is not known, its value of that day stands in.
    Unexplained,
}

/// Units that were acquired together, or sold short together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaxLot {
    /// The execution that made it. A part that a wash sale set apart has the same.
    pub lot: ExecutionId,
    /// The order behind that, where one of ours is.
    #[serde(rename = "client_order_id", skip_serializing_if = "Option::is_none")]
    pub order: Option<ClientOrderId>,
    /// Where it is held.
    pub account: AccountId,
    /// What.
    pub instrument: Instrument,
    /// Units, signed: negative for what was sold short or written.
    pub quantity: Decimal,
    /// What all of it cost with fees, washed losses among it; of a short lot, what it brought.
    #[serde(with = "decimal_text")]
    pub basis: Decimal,
    /// Washed losses that the basis was raised by, of a short lot lowered by; positive.
    #[serde(with = "decimal_text")]
    pub washed: Decimal,
    /// Of these amounts.
    pub currency: Currency,
    /// The day it was acquired.
    pub acquired: Date,
    /// Since when it counts as held: earlier than `acquired` after a wash sale.
    pub held_since: Date,
    /// Where it comes from.
    pub source: LotSource,
    /// It has taken a washed loss on, and takes no other.
    #[serde(skip)]
    replaces: bool,
    /// Its place among all lots, oldest first.
    #[serde(skip)]
    number: usize,
}

impl TaxLot {
    /// What one unit cost, or brought; zero of an empty lot.
    #[must_use]
    pub fn basis_per_unit(&self) -> Decimal {
        self.basis.checked_div(self.quantity.abs()).unwrap_or_default()
    }
}

/// Long or short term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// Held for a year at most.
    Short,
    /// Sold after the first anniversary.
    Long,
}

impl Term {
    /// Its word, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Long => "long",
        }
    }
}

/// Part of a lot that a sale closed, or that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Realized {
    /// Where.
    pub account: AccountId,
    /// What.
    pub instrument: Instrument,
    /// The execution that closed it.
    pub sale: ExecutionId,
    /// The order behind that, where one of ours is.
    #[serde(rename = "client_order_id", skip_serializing_if = "Option::is_none")]
    pub order: Option<ClientOrderId>,
    /// The lot.
    pub lot: ExecutionId,
    /// Units, positive.
    #[serde(with = "decimal_text")]
    pub quantity: Decimal,
    /// The position was a short one.
    pub short: bool,
    /// What it brought, fees taken off.
    #[serde(with = "decimal_text")]
    pub proceeds: Decimal,
    /// What it cost, with fees and washed losses of before.
    #[serde(with = "decimal_text")]
    pub basis: Decimal,
    /// The part of a loss that is put off, positive.
    #[serde(with = "decimal_text")]
    pub disallowed: Decimal,
    /// Of these amounts.
    pub currency: Currency,
    /// The day the lot was acquired; of a short position, the day it was opened.
    pub acquired: Date,
    /// The day it was closed.
    pub sold: Date,
    /// By the day since which it counts as held.
    pub term: Term,
    /// What it cost is not known for certain: the broker showed it and nothing said where it came from.
    pub basis_unknown: bool,
}

impl Realized {
    /// Gain or loss before wash sales.
    #[must_use]
    pub fn gain(&self) -> Decimal {
        self.proceeds - self.basis
    }

    /// Gain or loss that counts this year.
    #[must_use]
    pub fn allowed(&self) -> Decimal {
        self.gain() + self.disallowed
    }
}

/// What the executions come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaxBooks {
    /// Closed parts of lots, by the time of closing.
    pub realized: Vec<Realized>,
    /// Open lots by account, instrument and age.
    pub lots: Vec<TaxLot>,
    /// What could not be told for certain, a line each.
    pub doubts: Vec<String>,
}

/// The executions that count, oldest first: what was taken back is gone with what took it back, and shares that an option brought follow it.
#[must_use]
pub fn counted(executions: &[Execution]) -> Vec<Execution> {
    order::prepare(executions)
}

/// Works lots and gains out. The executions may be of several accounts and stand in any order; each stands there once.
#[must_use]
pub fn work_out(executions: &[Execution], rules: &TaxRules) -> TaxBooks {
    book::run(order::prepare(executions), rules)
}

/// What all lots of an instrument cost on average. To look at alone: no lots are closed by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AverageCost {
    /// Where.
    pub account: AccountId,
    /// What.
    pub instrument: Instrument,
    /// Units, signed.
    #[serde(with = "decimal_text")]
    pub quantity: Decimal,
    /// What all of it cost; of what was sold short, what it brought.
    #[serde(with = "decimal_text")]
    pub basis: Decimal,
    /// Of these amounts.
    pub currency: Currency,
}

impl AverageCost {
    /// Per unit, not rounded; zero of nothing.
    #[must_use]
    pub fn average(&self) -> Decimal {
        self.basis.checked_div(self.quantity.abs()).unwrap_or_default()
    }
}

/// Open lots put together by account and instrument, in their order.
#[must_use]
pub fn averages(lots: &[&TaxLot]) -> Vec<AverageCost> {
    let mut rows: Vec<AverageCost> = Vec::new();
    for lot in lots {
        match rows.iter_mut().find(|row| row.account == lot.account && row.instrument == lot.instrument) {
            Some(row) => {
                row.quantity += lot.quantity;
                row.basis += lot.basis;
            }
            None => rows.push(AverageCost {
                account: lot.account.clone(),
                instrument: lot.instrument.clone(),
                quantity: lot.quantity,
                basis: lot.basis,
                currency: lot.currency,
            }),
        }
    }
    rows
}

/// Sums of a year in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TermTotals {
    /// Closed parts of lots.
    pub sales: u64,
    /// What they brought.
    #[serde(with = "decimal_text")]
    pub proceeds: Decimal,
    /// What they cost.
    #[serde(with = "decimal_text")]
    pub basis: Decimal,
    /// Losses put off, positive.
    #[serde(with = "decimal_text")]
    pub disallowed: Decimal,
    /// Gain or loss that counts.
    #[serde(with = "decimal_text")]
    pub gain: Decimal,
}

/// A year of an account, or of all of them, in one currency and of one term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct YearRow {
    /// The year of the closing.
    pub year: i16,
    /// Of all amounts.
    pub currency: Currency,
    /// Long or short.
    pub term: Term,
    /// The sums.
    #[serde(flatten)]
    pub totals: TermTotals,
}

/// Sums by year (newest first), currency and term.
#[must_use]
pub fn years(realized: &[Realized]) -> Vec<YearRow> {
    let mut sums: BTreeMap<(i16, Currency, Term), TermTotals> = BTreeMap::new();
    for row in realized {
        let sum = sums.entry((row.sold.year(), row.currency, row.term)).or_default();
        sum.sales += 1;
        sum.proceeds += row.proceeds;
        sum.basis += row.basis;
        sum.disallowed += row.disallowed;
        sum.gain += row.allowed();
    }
    let row = |((year, currency, term), totals)| YearRow { year, currency, term, totals };
    let mut rows: Vec<YearRow> = sums.into_iter().map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.year));
    rows
}

/// What an instrument is called in a report; the description of a form's row.
#[must_use]
pub fn description(quantity: Decimal, instrument: &Instrument) -> SmolStr {
    SmolStr::new(format!("{} {instrument}", quantity.normalize()))
}

/// Long after the first anniversary of the day since which it counts as held.
fn term(held_since: Date, sold: Date) -> Term {
    let anniversary = held_since.checked_add(jiff::Span::new().years(1));
    if anniversary.is_ok_and(|day| sold > day) { Term::Long } else { Term::Short }
}

/// Days of a holding that another one takes over.
fn tacked(acquired: Date, held_since: Date, sold: Date) -> Date {
    let held = held_since.until(sold).map_or(0, |span| i64::from(span.get_days()));
    plus_days(acquired, -held)
}
