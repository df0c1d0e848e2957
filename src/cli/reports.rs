//! What a backtest is asked for, and what it answers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::domain::denial::DenialCode;
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity, decimal_text, decimal_text_option};
use crate::domain::quote::Interval;
use crate::domain::strategy::DecisionRecord;

/// What to test a strategy on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BacktestRequest {
    /// The strategy's kind, such as `sma_cross`.
    pub strategy: String,
    /// The file of bars; absent means those that come with the program.
    pub data: Option<PathBuf>,
    /// Only these instruments; empty means all of the file.
    pub instruments: Vec<Instrument>,
    /// Bars from this date on.
    pub from: Option<Date>,
    /// Bars up to and with this date.
    pub until: Option<Date>,
    /// The strategy's parameters, as typed.
    pub params: BTreeMap<String, String>,
    /// Cash at the start; absent means the configuration's.
    pub starting_cash: Option<Decimal>,
    /// Is it run on cut data too, and compared.
    pub check_lookahead: bool,
    /// Ticks are made into bars so wide; absent means a minute. Bars have their own width.
    pub interval: Option<Interval>,
}

/// The windows of a walk forward, in calendar days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Days on which the parameters are chosen.
    pub train: i64,
    /// Days after them on which the chosen ones are measured.
    pub test: i64,
}

/// One window of a walk forward.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WalkRow {
    /// First day of the training.
    pub train_from: Date,
    /// First day of the test; the training ends before it.
    pub test_from: Date,
    /// Last day of the test that has bars.
    pub test_until: Date,
    /// The set that was best in training.
    pub params: BTreeMap<String, String>,
    /// The metric it was chosen by, in training and in the test; absent where it is not defined.
    pub trained: Option<f64>,
    /// See `trained`.
    pub tested: Option<f64>,
    /// Gain of the test as a fraction.
    pub test_return: f64,
    /// Gain of buying at the first close of the test and holding, as a fraction; absent without prices.
    pub held_return: Option<f64>,
}

/// How a strategy did on days that its parameters were not chosen on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WalkReport {
    /// The strategy's kind.
    pub strategy: String,
    /// Where the bars came from, as named by the user.
    pub data: String,
    /// What was traded.
    pub instruments: Vec<Instrument>,
    /// The metric that sets were chosen by.
    pub rank: String,
    /// Sets tried in each window.
    pub sets: usize,
    /// Windows that the data has; fewer rows mean that it was ended early.
    pub asked: usize,
    /// The windows, oldest first.
    pub rows: Vec<WalkRow>,
    /// Equity over all tests, one after the other, from 1.
    pub curve: Vec<WalkPoint>,
    /// The figures of that curve.
    pub metrics: Vec<Metric>,
    /// How long all of it took, in seconds.
    pub elapsed_seconds: f64,
}

/// A point of the curve over all tests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WalkPoint {
    /// The day.
    pub date: Date,
    /// What 1 at the start has become.
    pub value: f64,
}

/// What a calendar month made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MonthReturn {
    /// The year.
    pub year: i16,
    /// The month, from 1.
    pub month: i8,
    /// Gain as a fraction.
    pub gain: f64,
}

/// What a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricUnit {
    /// A fraction shown in per cent: 0.25 is 25 %.
    Percent,
    /// A ratio.
    Ratio,
    /// A number of things.
    Count,
    /// Calendar days.
    Days,
    /// US dollars.
    Money,
}

/// One figure of a backtest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// Its name in snake case, such as `max_drawdown`.
    pub name: &'static str,
    /// Its value; absent where it is not defined.
    pub value: Option<f64>,
    /// What it counts.
    pub unit: MetricUnit,
    /// The convention it follows, such as `252 days, sample deviation`; may be empty.
    pub convention: &'static str,
}

/// A position from its opening to its closing, first in first out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoundTrip {
    /// What.
    pub instrument: Instrument,
    /// Units, signed: negative for a short trip.
    pub quantity: Quantity,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Price it was opened at, per unit.
    pub entry_price: Price,
    /// When it was closed.
    pub closed_at: Timestamp,
    /// Price it was closed at, per unit.
    pub exit_price: Price,
    /// Opening and closing fees, positive.
    #[serde(with = "decimal_text")]
    pub fees: Decimal,
    /// Gain (positive) or loss, fees taken off.
    #[serde(with = "decimal_text")]
    pub pnl: Decimal,
    /// The same in per cent of the money put in; absent where that was none.
    #[serde(with = "decimal_text_option")]
    pub pnl_percent: Option<Decimal>,
}

/// The days of a fall and its recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Fall {
    /// The day of the high before it.
    pub peak: Date,
    /// The day it was deepest.
    pub trough: Date,
    /// The first day after that on which the high was reached again; absent while it was not.
    pub recovery: Option<Date>,
}

/// Equity of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EquityPoint {
    /// The exchange's date.
    pub date: Date,
    /// Cash and positions at their marks, at its end.
    #[serde(with = "decimal_text")]
    pub equity: Decimal,
    /// The lowest within it.
    #[serde(with = "decimal_text")]
    pub low: Decimal,
    /// The highest within it.
    #[serde(with = "decimal_text")]
    pub high: Decimal,
}

/// How a strategy did with one set of parameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepRow {
    /// The set, as typed.
    pub params: BTreeMap<String, String>,
    /// Cash and positions at the end.
    #[serde(with = "decimal_text")]
    pub final_equity: Decimal,
    /// Fees, positive.
    #[serde(with = "decimal_text")]
    pub fees: Decimal,
    /// Orders placed.
    pub orders: u64,
    /// The same figures as of a single backtest.
    pub metrics: Vec<Metric>,
}

/// How a strategy did with many sets of parameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepReport {
    /// The strategy's kind.
    pub strategy: String,
    /// Where the bars came from, as named by the user.
    pub data: String,
    /// What was traded.
    pub instruments: Vec<Instrument>,
    /// Bars of each run.
    pub bars: u64,
    /// Cash at the start of each run.
    #[serde(with = "decimal_text")]
    pub starting_cash: Decimal,
    /// Sets that were asked for; fewer rows mean that it was ended early.
    pub asked: usize,
    /// The runs, in the order in which they were asked for.
    pub rows: Vec<SweepRow>,
    /// How long all of it took, in seconds.
    pub elapsed_seconds: f64,
}

/// How a strategy did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BacktestReport {
    /// The strategy's kind.
    pub strategy: String,
    /// Its parameters, as typed.
    pub params: BTreeMap<String, String>,
    /// Where the bars came from, as named by the user.
    pub data: String,
    /// What was traded.
    pub instruments: Vec<Instrument>,
    /// Start of the first bar; absent without bars.
    pub from: Option<Timestamp>,
    /// Start of the last bar; absent without bars.
    pub until: Option<Timestamp>,
    /// Bars fed.
    pub bars: u64,
    /// Quotes and trades that the bars were made of; absent where the data has bars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticks: Option<u64>,
    /// Cash at the start.
    #[serde(with = "decimal_text")]
    pub starting_cash: Decimal,
    /// Cash and positions at the end.
    #[serde(with = "decimal_text")]
    pub final_equity: Decimal,
    /// Fees paid, positive.
    #[serde(with = "decimal_text")]
    pub fees: Decimal,
    /// What slippage made fills worse by, positive; it is in their prices.
    #[serde(with = "decimal_text")]
    pub slippage: Decimal,
    /// Orders placed.
    pub orders: u64,
    /// Orders that risk denied.
    pub denied: u64,
    /// Why, by how many; an order may be denied for several reasons.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub denials: BTreeMap<DenialCode, u64>,
    /// The deepest fall of daily closes; absent where nothing fell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deepest_fall: Option<Fall>,
    /// Why a strategy of the host did or did not do something, oldest first. They go to a file of their own.
    #[serde(skip)]
    pub decisions: Vec<DecisionRecord>,
    /// The figures, in the order they are shown.
    pub metrics: Vec<Metric>,
    /// Closed trades by their closing time.
    pub trades: Vec<RoundTrip>,
    /// Equity by day, oldest first.
    pub equity: Vec<EquityPoint>,
    /// Gain of each calendar month, oldest first; the first and the last may be parts of one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub months: Vec<MonthReturn>,
    /// SHA-256 over the fills (price, quantity, fee, time) in hex: equal for equal runs.
    pub fingerprint: String,
    /// Where prices of options came from, where any were needed: recorded bars have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option_prices: Option<&'static str>,
    /// What looks wrong in the data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Cuts of the data after which nothing before was otherwise; absent where it was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lookahead_cuts: Option<usize>,
    /// Wall time of the run itself in seconds, without reading the file.
    pub elapsed_seconds: f64,
}
