//! Splits and cash dividends, read off a file's adjusted closes.
//!
//! A file that carries a close adjusted for what came later says what that was: on each ex-date the whole past is scaled by one factor.
//! There are two customs. Quandl's WIKI prices, which are shipped, scale by `close / (close + dividend)` with the close of the ex-date;
//! CRSP and Yahoo scale by `(close - dividend) / close` with the close before it. Under the right one the amounts come out as somebody
//! declared them, in whole ten-thousandths, so the file itself tells which it follows.

use rust_decimal::Decimal;

use crate::domain::calendar::exchange_date;
use crate::domain::corporate::{CorporateAction, CorporateActionKind};
use crate::domain::money::Price;

use super::bars_file::{RecordedBar, RecordedBars};

/// Dividends are declared in ten-thousandths of the currency at the finest.
const DIVIDEND_DECIMALS: u32 = 4;

/// How a file scales its past at a dividend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Custom {
    /// By `close / (close + dividend)` of the ex-date.
    ExDateClose,
    /// By `(close - dividend) / close` of the session before.
    PreviousClose,
}

/// One jump of the adjusted against the plain close.
struct Jump {
    ex_date: jiff::civil::Date,
    split: Option<(u32, u32)>,
    /// What is left of the factor once the split is taken out: slightly above 1 for a dividend.
    rest: Decimal,
    /// The close before, in units after the split.
    close_before: Decimal,
    close_after: Decimal,
    /// How far from 1 rounded prices alone may put the rest.
    noise: Decimal,
}

impl Jump {
    fn dividend(&self, custom: Custom) -> Decimal {
        match custom {
            Custom::ExDateClose => self.close_after * (self.rest - Decimal::ONE),
            Custom::PreviousClose => self.close_before * (Decimal::ONE - Decimal::ONE / self.rest),
        }
    }

    /// A dividend in it stands out of the rounding.
    fn pays(&self) -> bool {
        self.rest - Decimal::ONE > self.noise * Decimal::TWO
            && !self.dividend(Custom::ExDateClose).round_dp(DIVIDEND_DECIMALS).is_zero()
    }
}

/// Splits and cash dividends of all series: by rising ex-date, then by instrument, a split before a dividend. Amounts are per unit after
/// that day's split. Empty for files without adjusted closes.
#[must_use]
pub fn corporate_actions(bars: &RecordedBars) -> Vec<CorporateAction> {
    let mut actions = Vec::new();
    for (instrument, series) in &bars.series {
        // A whole number among prices with decimals is written short, not rounded: the finest price of the series counts.
        let decimals = series.iter().filter_map(|row| row.adjusted_close).map(|price| price.scale()).max();
        let Some(decimals) = decimals else { continue };
        let half_unit = Decimal::new(5, (decimals + 1).min(Decimal::MAX_SCALE));
        let jumps: Vec<Jump> =
            series.windows(2).filter_map(|pair| jump(&pair[0], &pair[1], half_unit)).collect();
        let custom = custom_of(&jumps);
        for jump in &jumps {
            let ex_date = jump.ex_date;
            let mut add = |kind| {
                let instrument = instrument.clone();
                actions.push(CorporateAction { instrument, ex_date, pay_date: None, kind });
            };
            if let Some((numerator, denominator)) = jump.split {
                add(CorporateActionKind::Split { numerator, denominator });
            }
            if jump.pays() {
                let amount = jump.dividend(custom).round_dp(DIVIDEND_DECIMALS).normalize();
                add(CorporateActionKind::Dividend { amount: Price::new(amount) });
            }
        }
    }
    actions.sort_by(|a, b| a.ex_date.cmp(&b.ex_date).then_with(|| a.instrument.cmp(&b.instrument)));
    actions
}

fn jump(before: &RecordedBar, after: &RecordedBar, half_unit: Decimal) -> Option<Jump> {
    let (adjusted_before, adjusted_after) = (before.adjusted_close?, after.adjusted_close?);
    let (close_before, close_after) = (before.bar.close.get(), after.bar.close.get());
    if [adjusted_before, adjusted_after, close_before, close_after].contains(&Decimal::ZERO) {
        return None;
    }
    // Equal quotients are by far the most, and need no division of their own to be told.
    if adjusted_before == close_before && adjusted_after == close_after {
        return None;
    }
    let factor = (adjusted_after / close_after) / (adjusted_before / close_before);
    let noise = half_unit / adjusted_before + half_unit / adjusted_after;
    let split = split_ratio(factor);
    let ratio = split.map_or(Decimal::ONE, |(a, b)| Decimal::from(a) / Decimal::from(b));
    let rest = factor / ratio;
    let jump = Jump {
        ex_date: exchange_date(after.bar.start),
        split,
        rest,
        close_before: close_before / ratio,
        close_after,
        noise,
    };
    (jump.split.is_some() || jump.pays()).then_some(jump)
}

/// The custom under which the amounts come closest to what anybody declares.
fn custom_of(jumps: &[Jump]) -> Custom {
    let off = |custom: Custom| -> Decimal {
        let miss = |jump: &Jump| {
            let amount = jump.dividend(custom);
            (amount - amount.round_dp(DIVIDEND_DECIMALS)).abs()
        };
        jumps.iter().filter(|jump| jump.pays()).map(miss).sum()
    };
    if off(Custom::PreviousClose) < off(Custom::ExDateClose) {
        Custom::PreviousClose
    } else {
        Custom::ExDateClose
    }
}

/// The split a factor means: within half a per cent of a small ratio.
fn split_ratio(factor: Decimal) -> Option<(u32, u32)> {
    const RATIOS: [(u32, u32); 12] =
        [(2, 1), (3, 1), (4, 1), (5, 1), (7, 1), (10, 1), (20, 1), (3, 2), (4, 3), (5, 4), (1, 2), (1, 10)];
    RATIOS.into_iter().find(|(a, b)| {
        let ratio = Decimal::from(*a) / Decimal::from(*b);
        (factor / ratio - Decimal::ONE).abs() < Decimal::new(5, 3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::Calendar;
    use crate::market::bars_file::{parse, shipped};

    fn said(bars: &RecordedBars, symbol: &str) -> Vec<String> {
        corporate_actions(bars)
            .into_iter()
            .filter(|action| action.instrument.to_string() == symbol)
            .map(|action| match action.kind {
                CorporateActionKind::Split { numerator, denominator } => {
                    format!("{} {numerator}:{denominator}", action.ex_date)
                }
                CorporateActionKind::Dividend { amount } => format!("{} {amount}", action.ex_date),
                other => panic!("no file says {other:?}"),
            })
            .collect()
    }

    #[test]
    fn the_shipped_bars_tell_what_the_companies_did() {
        let bars = shipped().unwrap();
        let apple =
            ["2000-06-21 2:1", "2005-02-28 2:1", "2012-08-09 2.65", "2012-11-07 2.65", "2013-02-07 2.65"];
        assert_eq!(said(&bars, "AAPL"), apple);
        let microsoft = said(&bars, "MSFT");
        // The split, one yearly dividend before and after it, and the 3.08 of 2004: 3.00 of them special.
        let first =
            ["2003-02-18 2:1", "2003-02-19 0.08", "2003-10-15 0.16", "2004-08-23 0.08", "2004-11-15 3.08"];
        assert_eq!(microsoft[..5], first);
        assert_eq!((microsoft.len(), microsoft.last().unwrap().as_str()), (38, "2013-02-19 0.23"));
        // IBM paid each quarter: 52 times, a whole number of cents each time.
        let ibm = said(&bars, "IBM");
        assert_eq!(
            (ibm.len(), ibm[0].as_str(), ibm[51].as_str()),
            (52, "2000-05-08 0.13", "2013-02-06 0.85")
        );
        assert!(ibm.iter().all(|line| line.split_once(" 0.").is_some_and(|(_, cents)| cents.len() <= 2)));
        assert_eq!(said(&bars, "GOOG"), Vec::<String>::new());
        assert_eq!(said(&bars, "FB"), Vec::<String>::new());
    }

    /// One dividend of `amount` at a close of 50 after a close of 40, adjusted by the custom's own rule.
    fn file(custom: Custom, amount: Decimal, decimals: u32) -> RecordedBars {
        let scale = match custom {
            Custom::ExDateClose => Decimal::from(50) / (Decimal::from(50) + amount),
            Custom::PreviousClose => (Decimal::from(40) - amount) / Decimal::from(40),
        };
        let row = |date: &str, close: u32, adjusted: Decimal| {
            format!("T,{date},{close},{close},{close},{close},1,{}\n", adjusted.round_dp(decimals))
        };
        let text = [
            "symbol,date,open,high,low,close,volume,adj_close\n".to_owned(),
            row("2020-01-02", 40, Decimal::from(40) * scale),
            row("2020-01-03", 50, Decimal::from(50)),
        ];
        parse("t.csv", &text.concat(), &Calendar::nyse()).unwrap()
    }

    #[test]
    fn both_customs_are_told_apart() {
        for custom in [Custom::ExDateClose, Custom::PreviousClose] {
            let amount = Decimal::new(37, 2);
            assert_eq!(said(&file(custom, amount, 10), "T"), ["2020-01-03 0.37"], "{custom:?}");
        }
    }

    #[test]
    fn rounded_prices_alone_pay_nothing() {
        // Half a cent of an adjusted close of 40 is no dividend; forty cents stand out of it.
        let custom = Custom::ExDateClose;
        assert_eq!(said(&file(custom, Decimal::new(1, 2), 2), "T"), Vec::<String>::new());
        assert_eq!(said(&file(custom, Decimal::new(40, 2), 2), "T").len(), 1);
    }
}
