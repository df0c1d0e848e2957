//! Performance metrics of an equity curve and of closed trades. Undefined values are `None`, shown as a dash.
//! Conventions: 252 periods a year (crypto 365), sample deviation, Sortino over all returns.

use jiff::civil::Date;
use serde::Serialize;

/// Metrics of daily equity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EquityMetrics {
    /// Last over first, minus one.
    pub total_return: f64,
    /// Compound annual growth by calendar days.
    pub cagr: Option<f64>,
    /// Deviation of returns, a year's worth.
    pub annual_volatility: Option<f64>,
    /// Sharpe ratio against the risk-free rate.
    pub sharpe: Option<f64>,
    /// Sortino ratio against the same rate.
    pub sortino: Option<f64>,
    /// Deepest fall from a high, negative or zero.
    pub max_drawdown: f64,
    /// Index of the high before the deepest fall.
    pub max_drawdown_peak: usize,
    /// Index of its bottom.
    pub max_drawdown_trough: usize,
    /// Index where the high was reached again.
    pub max_drawdown_recovery: Option<usize>,
    /// Longest time below a former high, in calendar days.
    pub longest_underwater_days: i64,
    /// CAGR over the deepest fall.
    pub calmar: Option<f64>,
    /// Best daily return.
    pub best_day: Option<f64>,
    /// Worst daily return.
    pub worst_day: Option<f64>,
    /// Days with a gain.
    pub positive_days: usize,
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn sample_deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values);
    let sum: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let deviation = (sum / (values.len() - 1) as f64).sqrt();
    (deviation > 0.0).then_some(deviation)
}

/// Metrics of equity per date, oldest first. `None` for an empty curve.
#[must_use]
pub fn equity_metrics(curve: &[(Date, f64)], risk_free: f64, periods_per_year: f64) -> Option<EquityMetrics> {
    let (first, last) = (curve.first()?, curve.last()?);
    let equity: Vec<f64> = curve.iter().map(|(_, value)| *value).collect();
    let returns: Vec<f64> =
        equity.windows(2).map(|pair| pair[1] / pair[0] - 1.0).filter(|r| r.is_finite()).collect();
    let days = days_between(first.0, last.0);
    let total_return = if first.1 > 0.0 { last.1 / first.1 - 1.0 } else { 0.0 };
    let cagr = if curve.len() < 2 || days <= 0 {
        None
    } else if last.1 <= 0.0 {
        Some(-1.0)
    } else {
        Some((last.1 / first.1).powf(365.0 / days as f64) - 1.0)
    };
    let excess: Vec<f64> = returns.iter().map(|r| r - risk_free / periods_per_year).collect();
    let year = periods_per_year.sqrt();
    let sharpe = sample_deviation(&excess).map(|deviation| mean(&excess) / deviation * year);
    let downside = excess.iter().map(|r| r.min(0.0) * r.min(0.0)).sum::<f64>() / excess.len().max(1) as f64;
    let sortino = (excess.len() >= 2 && downside > 0.0).then(|| mean(&excess) / downside.sqrt() * year);
    let fall = drawdown(curve);
    Some(EquityMetrics {
        total_return,
        cagr,
        annual_volatility: sample_deviation(&returns).map(|deviation| deviation * year),
        sharpe,
        sortino,
        max_drawdown: fall.depth,
        max_drawdown_peak: fall.peak,
        max_drawdown_trough: fall.trough,
        max_drawdown_recovery: fall.recovery,
        longest_underwater_days: fall.longest_underwater_days,
        calmar: cagr.filter(|_| fall.depth < 0.0).map(|cagr| cagr / fall.depth.abs()),
        best_day: returns.iter().copied().reduce(f64::max),
        worst_day: returns.iter().copied().reduce(f64::min),
        positive_days: returns.iter().filter(|r| **r > 0.0).count(),
    })
}

struct Drawdown {
    depth: f64,
    peak: usize,
    trough: usize,
    recovery: Option<usize>,
    longest_underwater_days: i64,
}

fn drawdown(curve: &[(Date, f64)]) -> Drawdown {
    let mut fall = Drawdown { depth: 0.0, peak: 0, trough: 0, recovery: None, longest_underwater_days: 0 };
    let mut high = 0;
    for (i, (date, value)) in curve.iter().enumerate() {
        if *value >= curve[high].1 {
            high = i;
        } else {
            fall.longest_underwater_days =
                fall.longest_underwater_days.max(days_between(curve[high].0, *date));
            let depth = value / curve[high].1 - 1.0;
            if depth < fall.depth {
                fall = Drawdown { depth, peak: high, trough: i, recovery: None, ..fall };
            }
        }
    }
    let level = curve.get(fall.peak).map_or(0.0, |(_, value)| *value);
    fall.recovery = (fall.trough..curve.len()).find(|i| fall.depth < 0.0 && curve[*i].1 >= level);
    fall
}

fn days_between(from: Date, until: Date) -> i64 {
    until.since(from).map_or(0, |span| i64::from(span.get_days()))
}

/// Metrics of closed trades. Money in the account's currency, fees taken off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TradeMetrics {
    /// Closed trades.
    pub trades: usize,
    /// With a gain.
    pub wins: usize,
    /// With a loss.
    pub losses: usize,
    /// With neither.
    pub flat: usize,
    /// Wins over all.
    pub win_rate: Option<f64>,
    /// Sum of gains.
    pub gross_profit: f64,
    /// Sum of losses, negative.
    pub gross_loss: f64,
    /// Both together.
    pub net: f64,
    /// Gains over losses.
    pub profit_factor: Option<f64>,
    /// Mean gain.
    pub average_win: Option<f64>,
    /// Mean loss, negative.
    pub average_loss: Option<f64>,
    /// Mean gain over mean loss.
    pub payoff_ratio: Option<f64>,
    /// Mean result.
    pub expectancy: Option<f64>,
    /// System quality number: root of the count, times mean over sample deviation.
    pub sqn: Option<f64>,
    /// Kelly fraction, uncapped.
    pub kelly: Option<f64>,
}

/// What each calendar month made of equity per date, oldest first, as a fraction of the end of the month before; the first month's is of the
/// first date's.
#[must_use]
pub fn months(curve: &[(Date, f64)]) -> Vec<(i16, i8, f64)> {
    let Some((_, first)) = curve.first() else { return Vec::new() };
    let mut ends: Vec<(i16, i8, f64)> = Vec::new();
    for (date, equity) in curve {
        match ends.last_mut().filter(|(year, month, _)| (*year, *month) == (date.year(), date.month())) {
            Some((.., end)) => *end = *equity,
            None => ends.push((date.year(), date.month(), *equity)),
        }
    }
    let mut before = *first;
    let gain = |(year, month, end)| {
        let begun = std::mem::replace(&mut before, end);
        (year, month, if begun > 0.0 { end / begun - 1.0 } else { 0.0 })
    };
    ends.into_iter().map(gain).collect()
}

/// Metrics of net results, one per closed trade.
#[must_use]
pub fn trade_metrics(results: &[f64]) -> TradeMetrics {
    let count = |keep: fn(&f64) -> bool| results.iter().filter(|r| keep(r)).count();
    let sum = |keep: fn(&f64) -> bool| results.iter().filter(|r| keep(r)).sum::<f64>();
    let (wins, losses) = (count(|r| *r > 0.0), count(|r| *r < 0.0));
    let (gross_profit, gross_loss) = (sum(|r| *r > 0.0), sum(|r| *r < 0.0));
    let over = |a: f64, b: usize| (b > 0).then(|| a / b as f64);
    let (average_win, average_loss) = (over(gross_profit, wins), over(gross_loss, losses));
    let win_rate = over(wins as f64, results.len());
    let payoff_ratio = average_win.zip(average_loss).map(|(win, loss)| win / loss.abs());
    let expectancy = over(results.iter().sum(), results.len());
    TradeMetrics {
        trades: results.len(),
        wins,
        losses,
        flat: results.len() - wins - losses,
        win_rate,
        gross_profit,
        gross_loss,
        net: gross_profit + gross_loss,
        profit_factor: (gross_loss < 0.0).then(|| gross_profit / gross_loss.abs()),
        average_win,
        average_loss,
        payoff_ratio,
        expectancy,
        sqn: expectancy
            .zip(sample_deviation(results))
            .map(|(mean, d)| (results.len() as f64).sqrt() * mean / d),
        kelly: win_rate.zip(payoff_ratio).map(|(p, b)| p - (1.0 - p) / b),
    }
}

/// Share of the time that a position was held, 0 to 1: periods with one over all periods (bars, or sessions), whichever of the two both
/// count. `None` when there was no period at all.
#[must_use]
pub fn exposure(periods_held: u64, periods: u64) -> Option<f64> {
    (periods > 0).then(|| periods_held as f64 / periods as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../tests/fixtures/vectors/metrics-vectors.json")).unwrap()
    }

    #[test]
    fn months_follow_one_another() {
        let day = |text: &str, equity: f64| (text.parse::<Date>().unwrap(), equity);
        let curve = [
            day("2024-01-30", 100.0),
            day("2024-01-31", 110.0),
            day("2024-02-15", 50.0),
            day("2024-02-29", 121.0),
            day("2025-02-03", 60.5),
        ];
        let made: Vec<(i16, i8, i64)> =
            months(&curve).into_iter().map(|(y, m, gain)| (y, m, (gain * 1e6).round() as i64)).collect();
        assert_eq!(made, [(2024, 1, 100_000), (2024, 2, 100_000), (2025, 2, -500_000)]);
        assert!(months(&[]).is_empty());
        let product: f64 = months(&curve).iter().map(|(.., gain)| 1.0 + gain).product();
        assert!((product - 0.605).abs() < 1e-12);
    }

    fn curve(vectors: &Value) -> Vec<(Date, f64)> {
        let rows = &vectors["daily_equity"];
        let dates = rows["dates"].as_array().unwrap().iter().map(|d| d.as_str().unwrap().parse().unwrap());
        dates.zip(rows["equity"].as_array().unwrap().iter().map(|e| e.as_f64().unwrap())).collect()
    }

    #[track_caller]
    fn close(got: Option<f64>, want: &Value) {
        match (got, want.as_f64()) {
            (Some(got), Some(want)) => {
                assert!((got - want).abs() <= 1e-9 * want.abs().max(1e-9), "{got} is not {want}")
            }
            (None, None) => {}
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn equity_metrics_equal_the_vectors() {
        let vectors = vectors();
        let expect = &vectors["daily_equity"]["expect"];
        let m = equity_metrics(&curve(&vectors), 0.04, 252.0).unwrap();
        let free = equity_metrics(&curve(&vectors), 0.0, 252.0).unwrap();
        close(Some(m.total_return), &expect["total_return"]);
        close(m.cagr, &expect["cagr"]);
        close(m.annual_volatility, &expect["ann_vol"]);
        close(m.sharpe, &expect["sharpe_rf4"]);
        close(free.sharpe, &expect["sharpe_rf0"]);
        close(free.sortino, &expect["sortino_rf0"]);
        close(Some(m.max_drawdown), &expect["max_drawdown"]);
        close(Some(m.max_drawdown_peak as f64), &expect["max_drawdown_peak_index"]);
        close(Some(m.max_drawdown_trough as f64), &expect["max_drawdown_trough_index"]);
        close(m.max_drawdown_recovery.map(|i| i as f64), &expect["max_drawdown_recovery_index"]);
        close(Some(m.longest_underwater_days as f64), &expect["longest_underwater_calendar_days"]);
        close(m.calmar, &expect["calmar"]);
        close(m.best_day, &expect["best_day"]);
        close(m.worst_day, &expect["worst_day"]);
        close(Some(m.positive_days as f64), &expect["positive_days"]);
    }

    #[test]
    fn trade_metrics_equal_the_vectors() {
        let vectors = vectors();
        let rows = &vectors["closed_trades"];
        let results: Vec<f64> =
            rows["net_pnl"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let (m, expect) = (trade_metrics(&results), &rows["expect"]);
        close(Some(m.trades as f64), &expect["trades"]);
        close(Some(m.wins as f64), &expect["wins"]);
        close(Some(m.losses as f64), &expect["losses"]);
        close(Some(m.flat as f64), &expect["flat"]);
        close(m.win_rate, &expect["win_rate"]);
        close(Some(m.gross_profit), &expect["gross_profit"]);
        close(Some(m.gross_loss), &expect["gross_loss"]);
        close(Some(m.net), &expect["net"]);
        close(m.profit_factor, &expect["profit_factor"]);
        close(m.average_win, &expect["avg_win"]);
        close(m.average_loss, &expect["avg_loss"]);
        close(m.payoff_ratio, &expect["payoff_ratio"]);
        close(m.expectancy, &expect["expectancy"]);
        close(m.sqn, &expect["sqn"]);
        close(m.kelly, &expect["kelly_full"]);
        let held = rows["sessions_held"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).sum();
        close(exposure(held, rows["sessions_total"].as_u64().unwrap()), &expect["exposure"]);
    }

    #[test]
    fn undefined_metrics_are_absent_never_nan() {
        let day = |d: i8| jiff::civil::date(2025, 1, d);
        let one = equity_metrics(&[(day(2), 100.0)], 0.0, 252.0).unwrap();
        assert_eq!((one.total_return, one.cagr, one.sharpe, one.best_day), (0.0, None, None, None));
        let flat = equity_metrics(&[(day(2), 100.0), (day(3), 100.0), (day(6), 100.0)], 0.0, 252.0).unwrap();
        assert_eq!((flat.sharpe, flat.sortino, flat.calmar, flat.max_drawdown), (None, None, None, 0.0));
        let ruin = equity_metrics(&[(day(2), 100.0), (day(3), -5.0)], 0.0, 252.0).unwrap();
        assert!(ruin.cagr == Some(-1.0) && ruin.max_drawdown <= -1.0);
        let no_loss = trade_metrics(&[5.0, 3.0]);
        assert_eq!((no_loss.profit_factor, no_loss.payoff_ratio), (None, None));
        assert_eq!(equity_metrics(&[], 0.0, 252.0), None);
        assert_eq!((exposure(0, 0), exposure(0, 5)), (None, Some(0.0)));
    }
}
