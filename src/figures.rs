//! The figures of a backtest: of its equity, of its trades, and beside whoever bought and held the same.

use arbion::cli::host::{Fall, Metric, MetricUnit, Settings};
use arbion::domain::calendar::{exchange_date, plus_days};
use arbion::domain::execution::ExecutionKind;
use arbion::domain::instrument::Instrument;
use arbion::engine::backtest::Backtest;
use arbion::market::bars_file::{RecordedBar, RecordedBars};
use arbion::quant::desk;
use arbion::quant::metrics::{equity_metrics, exposure, trade_metrics};
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

const SECONDS_A_DAY: f64 = 86_400.0;
const DAYS_A_YEAR: f64 = 365.0;

/// Equity at the end of each day, oldest first; what it began with before that, where the first day won or lost something.
pub fn curve(run: &Backtest) -> Vec<(Date, f64)> {
    let days = run.equity.iter().filter_map(|day| Some((day.date, day.close.to_f64()?))).collect();
    with_opening(run.opening_cash.to_f64().unwrap_or_default(), days)
}

/// A curve that begins the evening before its first day, where that day won or lost something: it is a day like the others then. Bars of whole
/// days fill nothing on the first.
pub fn with_opening(opening: f64, mut days: Vec<(Date, f64)>) -> Vec<(Date, f64)> {
    if let Some((first, value)) = days.first().copied()
        && value != opening
    {
        days.insert(0, (plus_days(first, -1), opening));
    }
    days
}

/// A close as whoever held from the beginning has it: dividends and splits counted where the data has adjusted closes.
fn close(row: &RecordedBar) -> Option<f64> {
    row.adjusted_close.unwrap_or(row.bar.close.get()).to_f64()
}

/// Gain of whoever put the same money into each instrument at its first close and held it.
pub fn buy_and_hold(bars: &RecordedBars) -> Option<f64> {
    let gains: Vec<f64> = bars
        .series
        .values()
        .filter_map(|series| {
            let (first, last) = (close(series.first()?)?, close(series.last()?)?);
            (first > 0.0).then_some(last / first - 1.0)
        })
        .collect();
    (!gains.is_empty()).then(|| gains.iter().sum::<f64>() / gains.len() as f64)
}

/// What that money is worth at the end of each day on which anything traded, from one for each instrument.
fn held(bars: &RecordedBars) -> Vec<(Date, f64)> {
    let mut closes: Vec<(Date, usize, f64)> = Vec::new();
    for (index, series) in bars.series.values().enumerate() {
        let first = series.first().and_then(close).filter(|first| *first > 0.0);
        let Some(first) = first else { continue };
        closes.extend(
            series.iter().filter_map(|row| Some((exchange_date(row.bar.start), index, close(row)? / first))),
        );
    }
    // Of one day the newest close of each counts: within a series rows rise.
    closes.sort_by_key(|(day, ..)| *day);
    let mut worth = vec![1.0; bars.series.len()];
    let mut days: Vec<(Date, f64)> = Vec::new();
    for (day, index, value) in closes {
        worth[index] = value;
        let sum = worth.iter().sum();
        match days.last_mut().filter(|(last, _)| *last == day) {
            Some((_, of)) => *of = sum,
            None => days.push((day, sum)),
        }
    }
    days
}

/// How a run stood to whoever held the same: only of a single run, as a sweep has no use for it.
pub fn compared(bars: &RecordedBars, run: &Backtest) -> Vec<Metric> {
    let (own, held) = (curve(run), held(bars));
    let returns = desk::aligned(&[&own, &held]);
    let both = returns.first().zip(returns.get(1));
    let metric = |name, value, convention| Metric { name, value, unit: MetricUnit::Ratio, convention };
    vec![
        metric(
            "beta",
            both.and_then(|(a, b)| desk::beta(a, b)),
            "daily returns, to buying and holding the same",
        ),
        metric("correlation", both.and_then(|(a, b)| desk::correlation(a, b)), "the same"),
    ]
}

/// Days of a year on which there is a return.
fn days_of(bars: &RecordedBars) -> (f64, [&'static str; 3]) {
    let always = |instrument: &Instrument| instrument.asset_class().trades_around_the_clock();
    if !bars.series.is_empty() && bars.series.keys().all(always) {
        return (
            365.0,
            ["365 days, sample deviation", "365 days, over the risk-free rate", "365 days, all returns"],
        );
    }
    (252.0, ["252 days, sample deviation", "252 days, over the risk-free rate", "252 days, all returns"])
}

/// Value of everything that was traded over the mean equity, a year: two is all of it bought and sold once.
fn turnover(run: &Backtest, curve: &[(Date, f64)]) -> Option<f64> {
    let traded: Decimal = run
        .fills
        .iter()
        .map(|booked| &booked.execution)
        .filter(|execution| execution.kind == ExecutionKind::Trade)
        .map(|execution| (execution.price.notional(execution.quantity) * execution.multiplier).abs())
        .sum();
    let ((first, _), (last, _)) = (curve.first()?, curve.last()?);
    let years = f64::from(last.since(*first).ok()?.get_days()) / DAYS_A_YEAR;
    let mean = curve.iter().map(|(_, equity)| equity).sum::<f64>() / curve.len() as f64;
    (years > 0.0 && mean > 0.0).then_some(traded.to_f64()? / mean / years)
}

/// Days between opening and closing, on average over all closed trades.
fn holding_days(run: &Backtest) -> Option<f64> {
    let seconds: f64 =
        run.trips.iter().map(|trip| trip.closed_at.duration_since(trip.opened_at).as_secs_f64()).sum();
    (!run.trips.is_empty()).then(|| seconds / SECONDS_A_DAY / run.trips.len() as f64)
}

/// Deepest fall from the highest of the days before to a day's lowest, zero or negative: within a day nobody knows which came first.
fn intraday_drawdown(run: &Backtest) -> Option<f64> {
    run.equity.first()?;
    let mut high = run.opening_cash;
    let mut worst = Decimal::ZERO;
    for day in &run.equity {
        if high > Decimal::ZERO {
            worst = worst.min(day.low / high - Decimal::ONE);
        }
        high = high.max(day.high);
    }
    worst.to_f64()
}

/// Value of all positions over equity at the end of each day, on average.
fn gross_exposure(run: &Backtest) -> Option<f64> {
    let parts: Vec<f64> = run
        .equity
        .iter()
        .filter(|day| day.close > Decimal::ZERO)
        .filter_map(|day| day.gross.checked_div(day.close)?.to_f64())
        .collect();
    (!parts.is_empty()).then(|| parts.iter().sum::<f64>() / parts.len() as f64)
}

/// The days of the deepest fall of daily closes; absent where nothing fell.
pub fn deepest_fall(run: &Backtest) -> Option<Fall> {
    let curve = curve(run);
    let m = equity_metrics(&curve, 0.0, 252.0).filter(|m| m.max_drawdown < 0.0)?;
    let day = |at: usize| curve.get(at).map(|(date, _)| *date);
    Some(Fall {
        peak: day(m.max_drawdown_peak)?,
        trough: day(m.max_drawdown_trough)?,
        recovery: m.max_drawdown_recovery.and_then(day),
    })
}

/// The figures of a run, in the order they are shown.
pub fn metrics(settings: &Settings, bars: &RecordedBars, run: &Backtest) -> Vec<Metric> {
    let curve = curve(run);
    let results: Vec<f64> = run.trips.iter().filter_map(|trip| trip.pnl.to_f64()).collect();
    let risk_free = settings.loaded.config.rates.risk_free.to_f64().unwrap_or(0.04);
    let mut list = Vec::new();
    let mut add = |name, value, unit, convention| list.push(Metric { name, value, unit, convention });
    let (days, [deviation, over_rate, all]) = days_of(bars);
    if let Some(m) = equity_metrics(&curve, risk_free, days) {
        // One day says nothing of a year (strategies §12: fewer than two returns).
        let yearly = |value: Option<f64>| value.filter(|_| curve.len() > 2);
        add("total_return", Some(m.total_return), MetricUnit::Percent, "");
        add(
            "buy_and_hold",
            buy_and_hold(bars),
            MetricUnit::Percent,
            "the same money in each, from first to last close",
        );
        add("cagr", yearly(m.cagr), MetricUnit::Percent, "365 calendar days");
        add("annual_volatility", m.annual_volatility, MetricUnit::Percent, deviation);
        add("sharpe", m.sharpe, MetricUnit::Ratio, over_rate);
        add("sortino", m.sortino, MetricUnit::Ratio, all);
        add("max_drawdown", Some(m.max_drawdown), MetricUnit::Percent, "daily closes");
        add(
            "max_drawdown_intraday",
            intraday_drawdown(run),
            MetricUnit::Percent,
            "lows of days to highs of days before",
        );
        add("longest_underwater", Some(m.longest_underwater_days as f64), MetricUnit::Days, "");
        add("calmar", yearly(m.calmar), MetricUnit::Ratio, "");
        add("best_day", m.best_day, MetricUnit::Percent, "");
        add("worst_day", m.worst_day, MetricUnit::Percent, "");
    }
    let t = trade_metrics(&results);
    add("trades", Some(t.trades as f64), MetricUnit::Count, "round trips, first in first out");
    add("win_rate", t.win_rate, MetricUnit::Percent, "a flat trade is no win");
    add("profit_factor", t.profit_factor, MetricUnit::Ratio, "");
    add("expectancy", t.expectancy, MetricUnit::Money, "");
    add("payoff_ratio", t.payoff_ratio, MetricUnit::Ratio, "");
    add("sqn", t.sqn, MetricUnit::Ratio, "");
    add("exposure", exposure(run.bars_held, run.bars), MetricUnit::Percent, "bars with a position");
    add(
        "gross_exposure",
        gross_exposure(run),
        MetricUnit::Percent,
        "value of positions over equity, mean of days",
    );
    add("slippage_cost", run.slippage.to_f64(), MetricUnit::Money, "in the prices of the fills already");
    add("average_holding", holding_days(run), MetricUnit::Days, "from opening to closing");
    add("turnover", turnover(run, &curve), MetricUnit::Ratio, "value traded over mean equity, a year");
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use arbion::domain::calendar::Calendar;
    use arbion::market::bars_file::parse;

    fn bars(rows: &str) -> RecordedBars {
        let text = format!("symbol,date,open,high,low,close,volume\n{rows}");
        parse("x.csv", &text, &Calendar::nyse()).unwrap()
    }

    #[test]
    fn who_holds_has_the_same_money_in_each_from_its_first_close() {
        let two = bars(
            "A,2024-03-04,10,10,10,10,1\nA,2024-03-05,12,12,12,12,1\nB,2024-03-05,50,50,50,50,1\nB,2024-03-06,40,40,40,40,1\n",
        );
        let worth: Vec<f64> = held(&two).iter().map(|(_, worth)| *worth).collect();
        assert_eq!((worth.len(), worth[0]), (3, 2.0));
        assert!((worth[1] - 2.2).abs() < 1e-12 && (worth[2] - 2.0).abs() < 1e-12, "{worth:?}");
        assert!(buy_and_hold(&two).unwrap().abs() < 1e-12);
        assert_eq!(buy_and_hold(&bars("A,2024-03-04,10,10,10,10,1\n")), Some(0.0));
    }

    /// What is won on the first day is won, whatever it is divided into.
    #[test]
    fn the_first_day_counts_where_something_happened_on_it() {
        let day = |day: i8| jiff::civil::date(2024, 3, day);
        let won = with_opening(100.0, vec![(day(4), 102.0), (day(5), 103.0)]);
        assert_eq!(won, [(day(3), 100.0), (day(4), 102.0), (day(5), 103.0)]);
        let m = equity_metrics(&won, 0.0, 252.0).unwrap();
        assert!((m.total_return - 0.03).abs() < 1e-12 && (m.best_day.unwrap() - 0.02).abs() < 1e-12);
        let lost = equity_metrics(&with_opening(100.0, vec![(day(4), 97.0)]), 0.0, 252.0).unwrap();
        assert!((lost.max_drawdown + 0.03).abs() < 1e-12, "{}", lost.max_drawdown);
        let still = vec![(day(4), 100.0), (day(5), 103.0)];
        assert_eq!(with_opening(100.0, still.clone()), still);
        assert_eq!(with_opening(100.0, Vec::new()), []);
    }

    /// A year of coins has all its days, one of shares its sessions; what is both has those of the shares.
    #[test]
    fn a_year_has_the_days_on_which_it_trades() {
        let coin = "BTC-USD,2024-03-05,10,10,10,10,1\n";
        let share = "A,2024-03-05,10,10,10,10,1\n";
        assert_eq!(days_of(&bars(coin)).0, 365.0);
        assert_eq!(days_of(&bars(share)).0, 252.0);
        assert_eq!(days_of(&bars(&format!("{share}{coin}"))).0, 252.0);
    }
}
