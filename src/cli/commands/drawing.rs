//! Equity and drawdown of a backtest as a drawing: one SVG, one HTML page around it with figures and trades, and two lines of text. No script,
//! no network; everything that came from outside is escaped.

use std::fmt::Write as _;

use rust_decimal::prelude::ToPrimitive;

use super::backtest::metric_text;
use crate::cli::host::{BacktestReport, EquityPoint, MonthReturn};
use crate::cli::output::format;

/// Size of the drawing, and of its two fields.
const WIDTH: f64 = 960.0;
const EQUITY: (f64, f64) = (30.0, 300.0);
const DRAWDOWN: (f64, f64) = (350.0, 460.0);
const HEIGHT: f64 = 490.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 940.0;
/// Points of a line at most: more are not seen.
const POINTS_MAX: usize = 1_700;
/// Trades of a page at most; the CSV has all.
const TRADES_MAX: usize = 1_000;
/// Columns of a line of text.
const COLUMNS: usize = 60;
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Equity by day, and how far it is below its highest, as fractions of it: 0 or negative.
fn curves(points: &[EquityPoint]) -> (Vec<f64>, Vec<f64>) {
    let equity: Vec<f64> = points.iter().filter_map(|point| point.equity.to_f64()).collect();
    let mut high = f64::MIN;
    let drawdown = equity
        .iter()
        .map(|value| {
            high = high.max(*value);
            if high > 0.0 { value / high - 1.0 } else { 0.0 }
        })
        .collect();
    (equity, drawdown)
}

/// Takes so many values out of many, first and last among them, each the extreme of its part.
fn thinned(values: &[f64], most: usize, pick: fn(f64, f64) -> f64) -> Vec<f64> {
    if values.len() <= most {
        return values.to_vec();
    }
    (0..most)
        .filter_map(|n| {
            let part = &values[n * values.len() / most..(n + 1) * values.len() / most];
            part.iter().copied().reduce(pick)
        })
        .collect()
}

/// Equity and drawdown as lines of text; `None` with fewer than two days.
pub(super) fn lines(points: &[EquityPoint]) -> Option<(String, String)> {
    if points.len() < 2 {
        return None;
    }
    let (equity, drawdown) = curves(points);
    let line = |values: &[f64]| -> String {
        let (low, high) = range(values);
        let step = (high - low).max(f64::MIN_POSITIVE);
        let block = |value: &f64| BLOCKS[(((value - low) / step * 7.0).round() as usize).min(7)];
        values.iter().map(block).collect()
    };
    let (equity, drawdown) =
        (thinned(&equity, COLUMNS, |_, last| last), thinned(&drawdown, COLUMNS, f64::min));
    let worst = drawdown.iter().copied().fold(0.0, f64::min);
    let deep = format!("{} to {}%", line(&drawdown), format::figure(Some(worst * 100.0), 2));
    Some((line(&equity), deep))
}

fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)))
}

/// The drawing alone.
pub(super) fn svg(report: &BacktestReport) -> String {
    let mut text = String::new();
    let (equity, drawdown) = curves(&report.equity);
    let opened = write!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"12\"><title>{}</title>\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>",
        escaped(&title(report))
    );
    // Writing into a text never fails.
    debug_assert!(opened.is_ok());
    text += &field(&equity, EQUITY, "equity", "#1f5fa8", |value| format::figure(Some(value), 0));
    text += &field(&drawdown, DRAWDOWN, "drawdown", "#b03a2e", |value| {
        format::figure(Some(value * 100.0), 1) + "%"
    });
    if let (Some(first), Some(last)) = (report.equity.first(), report.equity.last()) {
        text += &label(LEFT, HEIGHT - 12.0, "start", &first.date.to_string());
        text += &label(RIGHT, HEIGHT - 12.0, "end", &last.date.to_string());
    }
    text + "</svg>\n"
}

/// One field: its frame, its highest and lowest value, its line.
fn field(
    values: &[f64],
    (top, bottom): (f64, f64),
    name: &str,
    colour: &str,
    shown: impl Fn(f64) -> String,
) -> String {
    let frame = format!(
        "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#cccccc\"/>",
        RIGHT - LEFT,
        bottom - top
    );
    let caption = label(LEFT, top - 8.0, "start", name);
    if values.is_empty() {
        return frame + &caption;
    }
    let (low, high) = range(values);
    let step = (high - low).max(f64::MIN_POSITIVE);
    let values = thinned(values, POINTS_MAX, |_, last| last);
    let across = (RIGHT - LEFT) / (values.len() - 1).max(1) as f64;
    let at = |(n, value): (usize, &f64)| {
        let y = bottom - (value - low) / step * (bottom - top);
        format!("{:.1},{y:.1}", LEFT + n as f64 * across)
    };
    let points: Vec<String> = values.iter().enumerate().map(at).collect();
    let line = format!(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.3\"/>",
        points.join(" ")
    );
    frame
        + &caption
        + &label(LEFT - 6.0, top + 10.0, "end", &shown(high))
        + &label(LEFT - 6.0, bottom, "end", &shown(low))
        + &line
}

fn label(x: f64, y: f64, anchor: &str, text: &str) -> String {
    format!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"#333333\">{}</text>", escaped(text))
}

fn title(report: &BacktestReport) -> String {
    let instruments: Vec<String> = report.instruments.iter().map(ToString::to_string).collect();
    let params: Vec<String> = report.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{} {} on {}", report.strategy, params.join(" "), instruments.join(" ")).replace("  ", " ")
}

/// The whole page: drawing, figures, trades.
pub(super) fn page(report: &BacktestReport) -> String {
    let title = escaped(&title(report));
    let mut facts = vec![
        ("data", report.data.clone()),
        (
            "equity",
            format!("{} to {}", format::money(report.starting_cash), format::money(report.final_equity)),
        ),
        ("fees", format::money(report.fees)),
        ("orders", super::backtest::orders(report)),
        ("fingerprint", report.fingerprint.clone()),
    ];
    facts.extend(report.option_prices.map(|model| ("options", model.to_owned())));
    facts.extend(report.warnings.iter().map(|warning| ("warning", warning.clone())));
    let facts = facts.iter().map(|(name, text)| row(&[(*name).to_owned(), text.clone()]));
    let figures = report.metrics.iter().map(|metric| {
        let name = metric.name.replace('_', " ");
        row(&[name, metric_text(metric.unit, metric.value), metric.convention.to_owned()])
    });
    let trades = report.trades.iter().take(TRADES_MAX).map(|trade| {
        row(&[
            trade.instrument.to_string(),
            trade.quantity.to_string(),
            trade.opened_at.to_string(),
            trade.entry_price.to_string(),
            trade.closed_at.to_string(),
            trade.exit_price.to_string(),
            format::money(trade.pnl),
        ])
    });
    let more = report.trades.len().saturating_sub(TRADES_MAX);
    let more = if more > 0 { format!("<p>and {more} more; --trades has all</p>") } else { String::new() };
    let heads = ["symbol", "quantity", "opened", "entry", "closed", "exit", "gain"];
    let heads: String = heads.map(|head| format!("<th>{head}</th>")).concat();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <style>body{{font:14px sans-serif;max-width:1000px;margin:2em auto;color:#222}}\
         table{{border-collapse:collapse;margin:1em 0}}td,th{{padding:2px 12px 2px 0;text-align:left}}\
         svg{{width:100%;height:auto}}</style></head><body><h1>{title}</h1>\n{}\
         <table>{}</table>\n<table>{}</table>\n{}<table><tr>{heads}</tr>{}</table>{more}</body></html>\n",
        svg(report),
        facts.collect::<String>(),
        figures.collect::<String>(),
        months(&report.months),
        trades.collect::<String>(),
    )
}

/// A row for each year with its months in per cent, and what they made together.
fn months(months: &[MonthReturn]) -> String {
    let Some((first, last)) = months.first().zip(months.last()) else { return String::new() };
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "year"];
    let heads: String = names.map(|name| format!("<th>{name}</th>")).concat();
    let percent = |gain: f64| format!("{:.1}", gain * 100.0);
    let rows = (first.year..=last.year).map(|year| {
        let of = |month: i8| months.iter().find(|it| (it.year, it.month) == (year, month));
        let cells = (1..=12).map(|month| of(month).map_or_else(String::new, |it| percent(it.gain)));
        let whole: f64 = months.iter().filter(|it| it.year == year).map(|it| 1.0 + it.gain).product();
        let cells = std::iter::once(year.to_string()).chain(cells).chain([percent(whole - 1.0)]);
        row(&cells.collect::<Vec<_>>())
    });
    format!("<table><tr><th>%</th>{heads}</tr>{}</table>\n", rows.collect::<String>())
}

fn row(cells: &[String]) -> String {
    let cells: String = cells.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect();
    format!("<tr>{cells}</tr>\n")
}

/// Text in a page: what means something to a browser does not.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_control()) {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn points(values: &[i64]) -> Vec<EquityPoint> {
        let day = |n: usize| date(2026, 1, 1).checked_add(jiff::Span::new().days(n as i64)).unwrap();
        values
            .iter()
            .enumerate()
            .map(|(n, value)| {
                let equity = (*value).into();
                EquityPoint { date: day(n), equity, low: equity, high: equity }
            })
            .collect()
    }

    #[test]
    fn a_drawdown_is_measured_from_the_highest_before() {
        let (_, drawdown) = curves(&points(&[100, 120, 90, 120, 130, 65]));
        assert_eq!(drawdown, [0.0, 0.0, -0.25, 0.0, 0.0, -0.5]);
        let (equity, deep) = lines(&points(&[100, 120, 90, 120, 130, 65])).unwrap();
        assert_eq!((equity.as_str(), deep.as_str()), ("▅▇▄▇█▁", "██▅██▁ to -50.00%"));
        assert!(lines(&points(&[100])).is_none());
    }

    #[test]
    fn long_lines_are_thinned_and_keep_their_worst() {
        let mut values: Vec<f64> = vec![0.0; 5_000];
        values[1_234] = -0.9;
        let thin = thinned(&values, 60, f64::min);
        assert_eq!((thin.len(), range(&thin).0), (60, -0.9));
    }

    #[test]
    fn a_year_of_months_is_a_row_with_what_they_made_together() {
        let of = |year, month, gain| MonthReturn { year, month, gain };
        let table = months(&[of(2024, 12, 0.1), of(2025, 1, -0.5), of(2025, 3, 0.2)]);
        let rows: Vec<&str> = table.lines().filter(|line| line.contains("<td>20")).collect();
        assert_eq!(rows.len(), 2, "{table}");
        assert!(
            rows[0].contains("<td>2024</td>") && rows[0].ends_with("<td>10.0</td><td>10.0</td></tr>"),
            "{table}"
        );
        assert!(
            rows[1].starts_with("<tr><td>2025</td><td>-50.0</td><td></td><td>20.0</td>")
                && rows[1].ends_with("<td>-40.0</td></tr>"),
            "{table}"
        );
        assert_eq!(months(&[]), "");
    }

    #[test]
    fn what_comes_from_outside_is_text_in_the_page() {
        assert_eq!(escaped("<b a='1'>&\"\u{7}"), "&lt;b a=&#39;1&#39;&gt;&amp;&quot;");
    }
}
