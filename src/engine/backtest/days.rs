//! Equity by day of a backtest: where a day ended, and how low and how high it came within it.
//!
//! Of bars nobody knows when within them they were lowest. All of one time are taken to be at their worst together, and at their best.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::quote::Bar;

use super::Driver;

/// Equity of one day, in the account's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayEquity {
    /// The exchange's date.
    pub date: Date,
    /// Cash and positions at its end.
    pub close: Decimal,
    /// The lowest within it: with long positions at the lows of their bars and short ones at the highs.
    pub low: Decimal,
    /// The highest, the other way round.
    pub high: Decimal,
    /// Value of all positions at its end, long and short ones alike positive.
    pub gross: Decimal,
}

/// What is known of a day that is not over.
#[derive(Debug, Default)]
pub(super) struct Extremes {
    /// End of the newest bars: those of one time are one look.
    at: Timestamp,
    /// What positions would be worth less and more at the extremes of those bars than at their closes; absent where nothing was held.
    swing: Option<(Decimal, Decimal)>,
    /// The bars since something last changed, where one thing alone is held.
    stretch: Option<Stretch>,
    /// Lowest and highest so far; absent before the first look.
    range: Option<(Decimal, Decimal)>,
}

/// Bars over which one thing is held and nothing else changes: what it is all worth moves with its price, and is worked out once for all of
/// them.
#[derive(Debug)]
struct Stretch {
    instrument: Instrument,
    /// Lowest and highest of the bars before the newest.
    low: Price,
    high: Price,
    /// End of the newest bar.
    at: Timestamp,
    newest: Bar,
}

impl Driver {
    /// A bar is about to come: where it ends later than those before it, they are done with. Where it begins another day, that day's end is.
    pub(super) fn later_bar(&mut self, end: Timestamp, start: Timestamp) {
        if end == self.extremes.at {
            return;
        }
        self.extremes.at = end;
        if self.extremes.swing.is_some() && start < self.next_day {
            let equity = self.core.net_liquidation(&self.account);
            self.take_in(equity);
        }
    }

    /// A bar over which something of it is held.
    pub(super) fn held_over(&mut self, instrument: &Instrument, bar: &Bar) {
        let at = self.extremes.at;
        if let Some(stretch) = &mut self.extremes.stretch {
            stretch.low = stretch.low.min(stretch.newest.low);
            stretch.high = stretch.high.max(stretch.newest.high);
            (stretch.at, stretch.newest) = (at, *bar);
            return;
        }
        if self.extremes.swing.is_none() && self.venue.books().holdings().nth(1).is_none() {
            let instrument = instrument.clone();
            self.extremes.stretch =
                Some(Stretch { instrument, low: bar.close, high: bar.close, at, newest: *bar });
            return;
        }
        let held = self.venue.books().quantity(instrument).get();
        self.swings(instrument, held, bar);
    }

    /// What so many units are worth less and more at a bar's extremes than at its close: together with the other bars of its time.
    fn swings(&mut self, instrument: &Instrument, held: Decimal, bar: &Bar) {
        let Some(spec) = self.core.spec(instrument) else { return };
        // What is kept in another currency is looked at by its marks alone.
        if spec.currency != self.venue.books().terms().currency {
            return;
        }
        let units = held * spec.multiplier;
        let (a, b) = ((bar.low - bar.close).get() * units, (bar.high - bar.close).get() * units);
        let (low, high) = self.extremes.swing.get_or_insert_default();
        *low += a.min(b);
        *high += a.max(b);
    }

    /// Something is about to change: what was so far is taken in. Beside the newest bar others of its time may still come.
    pub(super) fn end_stretch(&mut self) {
        let Some(mut stretch) = self.extremes.stretch.take() else { return };
        let held = self.core.held(&self.account, &stretch.instrument).get();
        if stretch.at == self.extremes.at {
            self.swings(&stretch.instrument, held, &stretch.newest);
        } else {
            stretch.low = stretch.low.min(stretch.newest.low);
            stretch.high = stretch.high.max(stretch.newest.high);
        }
        let Some(spec) = self.core.spec(&stretch.instrument) else { return };
        if spec.currency != self.venue.books().terms().currency {
            return;
        }
        let units = held * spec.multiplier;
        let of = |price: Price| (price - stretch.newest.close).get() * units;
        let (a, b) = (of(stretch.low), of(stretch.high));
        let equity = self.core.net_liquidation(&self.account);
        self.widen(equity + a.min(b), equity + a.max(b));
    }

    /// Takes the newest bars in, whose closes are the marks of now.
    fn take_in(&mut self, equity: Decimal) {
        if let Some((low, high)) = self.extremes.swing.take() {
            self.widen(equity + low, equity + high);
        }
    }

    /// What it is all worth at this moment is a part of the day.
    pub(super) fn look_at_equity(&mut self) {
        self.end_stretch();
        let equity = self.core.net_liquidation(&self.account);
        self.widen(equity, equity);
    }

    fn widen(&mut self, low: Decimal, high: Decimal) {
        let range = &mut self.extremes.range;
        *range = Some(range.map_or((low, high), |(lowest, highest)| (lowest.min(low), highest.max(high))));
    }

    /// The day is over.
    pub(super) fn end_day(&mut self, date: Date) {
        self.end_stretch();
        let close = self.core.net_liquidation(&self.account);
        self.take_in(close);
        let (low, high) = self.extremes.range.take().unwrap_or((close, close));
        let gross = self.venue.books().gross_value();
        self.result.equity.push(DayEquity { date, close, low: low.min(close), high: high.max(close), gross });
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Backtest, run};
    use super::*;
    use crate::core::paper::{Slippage, VenueConfig};
    use crate::domain::calendar::Calendar;
    use crate::domain::ids::AccountId;
    use crate::domain::money::Quantity;
    use crate::domain::order::{Pricing, Side};
    use crate::market::bars_file::parse;
    use crate::strategies::{Books, Decision, Head, Output, Proposal, Strategy, StrategyInput};

    /// Trades a hundred of each at its first bar, and holds.
    struct Holder(Head, Side);

    impl Strategy for Holder {
        fn head(&self) -> &Head {
            &self.0
        }
        fn on_input(
            &mut self,
            _: Timestamp,
            input: StrategyInput<'_>,
            books: &dyn Books,
            out: &mut Vec<Output>,
        ) {
            let StrategyInput::Bar { instrument, .. } = input else { return };
            if books.position(instrument).is_zero() && !books.is_working(instrument) {
                let order =
                    Proposal::single(instrument.clone(), self.1, Quantity::from(100), Pricing::Market);
                out.push(Output::Propose(order, Decision::new("HOLD", Some(instrument.clone()), Vec::new())));
            }
        }
    }

    fn of(side: Side, rows: &str) -> Backtest {
        let text = format!("symbol,date,open,high,low,close,volume\n{rows}");
        let bars = parse("x.csv", &text, &Calendar::nyse()).unwrap();
        let instruments: Vec<Instrument> = bars.series.keys().cloned().collect();
        let mut holder = Holder(Head::new("holder", "holder".into(), instruments), side);
        let venue = VenueConfig::new(AccountId::new("backtest"), Decimal::from(10_000));
        run(&bars, &mut holder, VenueConfig { slippage: Slippage::Ticks(2), ..venue })
    }

    fn shown(run: &Backtest) -> Vec<String> {
        run.equity.iter().map(|day| format!("{} {} {} {}", day.low, day.high, day.close, day.gross)).collect()
    }

    /// Of one time all are at their worst together; a short position is at its worst at the high.
    #[test]
    fn a_day_is_as_low_as_its_bars_were() {
        let a = "A,2024-03-04,10,10,10,10,100000\nA,2024-03-05,10,13,8,12,100000\nA,2024-03-06,12,12,11,11.5,100000\n";
        let b = "B,2024-03-04,20,20,20,20,100000\nB,2024-03-05,20,21,19,20,100000\nB,2024-03-06,20,26,20,25,100000\n";
        // Two ticks of slippage: bought at 10.02.
        let one = of(Side::Buy, a);
        assert_eq!(
            shown(&one),
            ["10000 10000 10000 0", "9798.00 10298.00 10198.00 1200", "10098.00 10198.00 10148.00 1150.0"]
        );
        assert_eq!(one.slippage, Decimal::from(2));
        let two = of(Side::Buy, &format!("{a}{b}"));
        assert_eq!(shown(&two)[1], "9696.00 10396.00 10196.00 3200");
        assert_eq!(two.slippage, Decimal::from(4));
        let short = of(Side::SellShort, a);
        assert_eq!(shown(&short)[1], "9698.00 10198.00 9798.00 1200");
        let codes: Vec<String> = two.records().iter().map(|it| format!("{} {}", it.at, it.line())).collect();
        assert_eq!(codes, ["2024-03-04T21:00:00Z backtest HOLD A", "2024-03-04T21:00:00Z backtest HOLD B"]);
    }

    /// Within a day of minutes the lowest of all of them counts, and the next day begins anew.
    #[test]
    fn a_day_of_minutes_has_the_lowest_of_them() {
        let minute =
            |at: &str, low: &str, close: &str| format!("A,2024-03-{at}:00Z,10,10,{low},{close},100000\n");
        let rows = [
            minute("05T15:00", "10", "10"),
            minute("05T15:01", "9", "10"),
            minute("05T15:02", "7", "9"),
            minute("05T15:03", "9", "9.5"),
            minute("06T15:00", "9", "10"),
        ]
        .concat();
        let run = of(Side::Buy, &rows);
        assert_eq!(shown(&run), ["9698.00 9998.00 9948.00 950.0", "9898.00 9998.00 9998.00 1000"]);
    }
}
