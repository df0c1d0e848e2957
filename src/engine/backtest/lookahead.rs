//! Does a strategy see the future: the data is cut off at several instants, and what was decided up to there must be the same.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::strategy::DecisionRecord;
use crate::market::bars_file::RecordedBars;
use crate::quant::random::mix;

use super::Backtest;

/// One cut, and the first thing that was otherwise without the data after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// No bar that ends after this was there.
    pub at: Timestamp,
    /// What differs; `None` where all is the same.
    pub difference: Option<String>,
}

/// Cuts the data at so many instants, chosen by the data alone, runs each part by `run`, and compares it with the whole.
///
/// # Errors
/// What `run` says.
pub fn check_lookahead<E>(
    bars: &RecordedBars,
    whole: &Backtest,
    cuts: usize,
    mut run: impl FnMut(&RecordedBars, Timestamp) -> Result<Backtest, E>,
) -> Result<Vec<Cut>, E> {
    let ends: BTreeSet<Timestamp> = bars.series.values().flatten().map(|row| row.end).collect();
    let ends: Vec<Timestamp> = ends.into_iter().collect();
    let mut found = Vec::new();
    let part = ends.len() / (cuts + 1);
    for n in 1..=cuts {
        // Anywhere in its part of the data, the same for the same file.
        let off = mix(n as u64 ^ mix(ends.len() as u64)) as usize % part.max(1);
        let Some(at) = ends.get(n * part + off).or(ends.last()).copied() else { break };
        let mut known = bars.clone();
        for series in known.series.values_mut() {
            series.retain(|row| row.end <= at);
        }
        known.series.retain(|_, series| !series.is_empty());
        let cut = run(&known, at)?;
        found.push(Cut { at, difference: difference(whole, &cut, at) });
    }
    Ok(found)
}

/// What was done and decided until an instant, in words.
fn deeds(run: &Backtest, until: Timestamp) -> impl Iterator<Item = String> {
    let fills =
        run.fills.iter().map(|fill| &fill.execution).filter(move |fill| fill.at <= until).map(|fill| {
            format!("{} {} {} {} at {}", fill.at, fill.side, fill.quantity, fill.instrument, fill.price)
        });
    let line = |decision: &DecisionRecord| format!("{} {}", decision.at, decision.line());
    let hosted = run.decisions.iter().filter(move |decision| decision.at < until).map(line);
    let told = run.told.records().filter(move |told| told.at < until);
    fills.chain(told.map(move |told| line(&told))).chain(hosted)
}

fn difference(whole: &Backtest, cut: &Backtest, at: Timestamp) -> Option<String> {
    let (mut all, mut some) = (deeds(whole, at), deeds(cut, at));
    loop {
        match (all.next(), some.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => {
                let said = |deed: Option<String>| deed.unwrap_or_else(|| "nothing".to_owned());
                return Some(format!("with all data: {}; without: {}", said(a), said(b)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use jiff::Timestamp;
    use rust_decimal::Decimal;

    use super::super::run;
    use super::*;
    use crate::core::paper::VenueConfig;
    use crate::domain::ids::AccountId;
    use crate::domain::instrument::Instrument;
    use crate::domain::money::{Price, Quantity};
    use crate::domain::order::{Pricing, Side};
    use crate::market::bars_file;
    use crate::strategies::{
        Books, Decision, Head, Output, Params, Proposal, Strategy, StrategyInput, build,
    };

    /// Somebody who has read the last line of the file: it buys on what comes, and that is what the check is for.
    struct Cheat {
        head: Head,
        last: Price,
    }

    impl Strategy for Cheat {
        fn head(&self) -> &Head {
            &self.head
        }
        fn on_input(
            &mut self,
            _: Timestamp,
            input: StrategyInput<'_>,
            books: &dyn Books,
            out: &mut Vec<Output>,
        ) {
            let StrategyInput::Bar { instrument, bar, .. } = input else { return };
            let (held, up) = (books.position(instrument), self.last > bar.close);
            if held.is_zero() == up {
                let side = if up { Side::Buy } else { Side::Sell };
                let order = Proposal::single(instrument.clone(), side, Quantity::from(1), Pricing::Market);
                out.push(Output::Propose(order, Decision::new("X", None, Vec::new())));
            }
        }
    }

    fn bars() -> RecordedBars {
        let mut bars = bars_file::shipped().unwrap();
        bars.series.retain(|instrument, _| instrument.to_string() == "IBM");
        bars
    }

    fn of(bars: &RecordedBars, make: impl Fn(&RecordedBars) -> Box<dyn Strategy>) -> Vec<Cut> {
        let run = |bars: &RecordedBars, _: Timestamp| -> Result<Backtest, Infallible> {
            let venue = VenueConfig::new(AccountId::new("backtest"), Decimal::from(100_000));
            Ok(run(bars, make(bars).as_mut(), venue))
        };
        let whole = run(bars, Timestamp::MAX).unwrap();
        check_lookahead(bars, &whole, 5, run).unwrap()
    }

    #[test]
    fn what_reads_the_end_of_the_file_is_found_out_and_what_does_not_is_not() {
        let bars = bars();
        let instrument = Instrument::equity("IBM").unwrap();
        let cheat = |bars: &RecordedBars| -> Box<dyn Strategy> {
            let last = bars.series[&instrument].last().unwrap().bar.close;
            let head = Head::new("cheat", "cheat".into(), vec![instrument.clone()]);
            Box::new(Cheat { head, last })
        };
        let cuts = of(&bars, cheat);
        assert_eq!(cuts.len(), 5);
        assert!(cuts.iter().any(|cut| cut.difference.is_some()), "{cuts:?}");
        let honest = |_: &RecordedBars| {
            let params = [("fast", "10"), ("slow", "30"), ("quantity", "100")];
            let params = Params::new(params.map(|(k, v)| (k.to_owned(), v.to_owned())));
            build("sma_cross", "test".into(), vec![instrument.clone()], &params).unwrap()
        };
        let cuts = of(&bars, honest);
        assert!(cuts.iter().all(|cut| cut.difference.is_none()), "{cuts:?}");
    }
}
