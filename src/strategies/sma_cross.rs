//! Moving-average crossover, long only: buys when the fast average rises through the slow one, closes when it falls through.
//!
//! The averages are those of [`crate::quant::indicators`]; the crossing rule is strategies §4's: `a[-2] <= b[-2] && a[-1] > b[-1]`.

use jiff::Timestamp;
use rust_decimal::Decimal;
use smol_str::SmolStr;

use crate::domain::calendar::Calendar;
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::Side;
use crate::domain::quote::{Bar, Interval};
use crate::quant::indicators::Sma;
use crate::quant::number::to_f64;

use super::params::{ParamError, ParamKind, ParamSpec, Params};
use super::silence::{self, FILL_FORWARD};
use super::sizing::{self, Entries, Sizer};
use super::{Books, Decision, Head, Output, Strategy, StrategyInput, UNITS_MAX, market};

/// What it does.
pub(super) const ABOUT: &str =
    "buys when the fast average rises through the slow one, closes when it falls through";

/// Its parameters.
pub(super) const PARAMS: &[ParamSpec] = &[
    ParamSpec {
        name: "fast",
        kind: ParamKind::Whole { min: 1, max: 10_000 },
        default: "10",
        about: "bars of the fast average, fewer than slow",
    },
    ParamSpec {
        name: "slow",
        kind: ParamKind::Whole { min: 2, max: 10_000 },
        default: "30",
        about: "bars of the slow average",
    },
    ParamSpec {
        name: "quantity",
        kind: ParamKind::Number { min: Decimal::ZERO, max: UNITS_MAX },
        default: "0",
        about: "units of an entry; 0 takes weight",
    },
    ParamSpec {
        name: "weight",
        kind: ParamKind::Number { min: Decimal::from_parts(1, 0, 0, false, 2), max: Decimal::ONE_HUNDRED },
        default: "95",
        about: "per cent of the equity, divided by the instruments, of an entry",
    },
    sizing::SIZE,
    sizing::NOTIONAL,
    sizing::RISK,
    sizing::STOP,
    sizing::RANGES,
    sizing::VOLATILITY,
    FILL_FORWARD,
];

/// How much one entry buys.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Size {
    /// So many units.
    Units(Quantity),
    /// This part of the equity, in per cent, in whole units.
    Weight(Decimal),
}

/// One instrument's averages.
#[derive(Clone, Debug)]
struct Slot {
    fast: Sma,
    slow: Sma,
    /// Fast minus slow at the bar before; the sign of a crossing. Silence between two bars crosses nothing by itself: what came of it is seen at
    /// the next one.
    before: Option<f64>,
    /// The bar before, where silences are filled.
    newest: Option<Bar>,
    /// Sizes its entries, where a model does.
    sizer: Option<Box<Sizer>>,
}

impl Slot {
    /// Takes the next bar: both averages, where both are there.
    fn see(
        &mut self,
        (instrument, interval): (&Instrument, Interval),
        bar: &Bar,
        silence: Option<&Calendar>,
    ) -> Option<(f64, f64)> {
        if let Some(calendar) = silence {
            let before = self.newest.replace(*bar);
            let steps = before.map(|before| silence::between(calendar, (instrument, interval), &before, bar));
            for step in steps.into_iter().flatten() {
                let close = to_f64(step.close.get());
                let _averages = (self.fast.update(close), self.slow.update(close));
            }
        }
        if let Some(sizer) = &mut self.sizer {
            sizer.see(instrument, interval, bar);
        }
        let close = to_f64(bar.close.get());
        self.fast.update(close).zip(self.slow.update(close))
    }
}

/// The crossover strategy.
#[derive(Clone, Debug)]
pub struct SmaCross {
    head: Head,
    slots: Vec<Slot>,
    /// Averages that have seen no bar.
    fresh: Slot,
    slow_period: usize,
    size: Size,
    fills_silence: bool,
}

impl SmaCross {
    /// Parameters: `fast` (10) and `slow` (30) in bars, `quantity` in units, or `weight` in per cent of equity (95).
    ///
    /// # Errors
    /// When one is out of its range, or `fast` is not below `slow`.
    pub fn new(name: SmolStr, instruments: Vec<Instrument>, params: &Params) -> Result<Self, ParamError> {
        let values = params.read("sma_cross", PARAMS)?;
        let (fast, slow) = (values.whole("fast"), values.whole("slow"));
        if fast >= slow {
            return Err(ParamError::value(
                "fast",
                &fast.to_string(),
                format!("a number below slow ({slow})"),
            ));
        }
        let (quantity, weight) = (values.number("quantity"), values.number("weight"));
        let size =
            if quantity.is_zero() { Size::Weight(weight) } else { Size::Units(Quantity::new(quantity)) };
        let sizer = Sizer::read(&values, instruments.len()).map(Box::new);
        let slot = Slot { fast: Sma::new(fast), slow: Sma::new(slow), before: None, newest: None, sizer };
        let slots = vec![slot.clone(); instruments.len()];
        let head = Head::new("sma_cross", name, instruments);
        let fills_silence = values.flag("fill_forward");
        Ok(Self { head, slots, fresh: slot, slow_period: slow, size, fills_silence })
    }

    fn on_bar(
        &mut self,
        (instrument, interval): (&Instrument, Interval),
        bar: &Bar,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        let Some(index) = self.head.index_of(instrument) else { return };
        let slot = &mut self.slots[index];
        let silence = self.fills_silence.then(|| books.calendar());
        let Some((fast, slow)) = slot.see((instrument, interval), bar, silence) else { return };
        let now = fast - slow;
        let before = slot.before.replace(now);
        let Some(before) = before else { return };
        let up = before <= 0.0 && now > 0.0;
        let down = before >= 0.0 && now < 0.0;
        if !(up || down) || books.is_working(instrument) {
            return;
        }
        let held = books.position(instrument);
        let decision = |code| {
            let values = vec![("fast", fast), ("slow", slow), ("close", to_f64(bar.close.get()))];
            Decision::new(code, Some(instrument.clone()), values)
        };
        if up && held.is_zero() {
            let quantity = match &self.slots[index].sizer {
                Some(sizer) => sizer.quantity(instrument, bar.close, books, Entries::ONE),
                None => self.entry_quantity(bar.close, books),
            };
            if quantity.is_positive() {
                out.push(Output::Propose(
                    market(instrument, Side::Buy, quantity, false),
                    decision("SMA_CROSS_BUY"),
                ));
            } else {
                out.push(Output::Decision(Decision { skip: true, ..decision("SIZE_ZERO") }));
            }
        } else if down && held.is_positive() {
            out.push(Output::Propose(
                market(instrument, Side::Sell, held, true),
                decision("SMA_CROSS_CLOSE"),
            ));
        }
    }

    /// Averages of what was, without acting on it.
    fn warm_up(&mut self, (instrument, interval): (&Instrument, Interval), bars: &[Bar], books: &dyn Books) {
        let Some(index) = self.head.index_of(instrument) else { return };
        let slot = &mut self.slots[index];
        *slot = self.fresh.clone();
        let silence = self.fills_silence.then(|| books.calendar());
        for bar in bars {
            if let Some((fast, slow)) = slot.see((instrument, interval), bar, silence) {
                slot.before = Some(fast - slow);
            }
        }
    }

    fn entry_quantity(&self, price: Price, books: &dyn Books) -> Quantity {
        match self.size {
            Size::Units(units) => units,
            Size::Weight(percent) => {
                let money = books.equity() * percent
                    / Decimal::ONE_HUNDRED
                    / Decimal::from(self.head.instruments.len());
                if price.is_positive() {
                    Quantity::new((money / price.get()).floor())
                } else {
                    Quantity::ZERO
                }
            }
        }
    }
}

/// Makes one.
pub(super) fn make(
    name: SmolStr,
    instruments: Vec<Instrument>,
    params: &Params,
) -> Result<Box<dyn Strategy>, ParamError> {
    Ok(Box::new(SmaCross::new(name, instruments, params)?))
}

impl Strategy for SmaCross {
    fn head(&self) -> &Head {
        &self.head
    }

    fn warm_up_bars(&self) -> usize {
        let sized = if self.fresh.sizer.is_some() { sizing::BARS } else { 0 };
        self.slow_period.max(sized)
    }

    fn on_input(
        &mut self,
        _now: Timestamp,
        input: StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        match input {
            StrategyInput::Bar { instrument, interval, bar } => {
                self.on_bar((instrument, interval), bar, books, out);
            }
            StrategyInput::BarsReady { instrument, interval, bars } => {
                self.warm_up((instrument, interval), bars, books);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::Paper;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn buys_once_when_the_fast_average_crosses_up() {
        let aapl = Instrument::equity("AAPL").unwrap();
        let mut strategy = SmaCross::new(
            "test".into(),
            vec![aapl.clone()],
            &params(&[("fast", "2"), ("slow", "3"), ("weight", "50")]),
        )
        .unwrap();
        let mut out = Vec::new();
        for (day, close) in [10, 9, 8, 7, 9, 12, 13].into_iter().enumerate() {
            let price = Price::from(close);
            let start = Timestamp::from_second(86_400 * i64::try_from(day).unwrap()).unwrap();
            let bar = Bar { start, open: price, high: price, low: price, close: price, volume: Decimal::ONE };
            let input = StrategyInput::Bar { instrument: &aapl, interval: Interval::Day1, bar: &bar };
            strategy.on_input(start, input, &Paper::with(10_000), &mut out);
        }
        let [Output::Propose(proposal, decision)] = out.as_slice() else { panic!("{out:?}") };
        // Crossing at close 12: averages of (9, 12) and (7, 9, 12); half of 10,000 buys 416 at 12.
        assert_eq!(
            (proposal.side, proposal.quantity, decision.code),
            (Side::Buy, Quantity::from(416), "SMA_CROSS_BUY")
        );
    }

    /// Money for less than one unit buys none, and it says why.
    #[test]
    fn an_entry_of_nothing_is_a_reason() {
        let aapl = Instrument::equity("AAPL").unwrap();
        let pairs = params(&[("fast", "1"), ("slow", "2")]);
        let mut strategy = SmaCross::new("t".into(), vec![aapl.clone()], &pairs).unwrap();
        let mut paper = Paper::with(10);
        let mut told: Vec<Output> = Vec::new();
        for (day, close) in [20, 19, 21].into_iter().enumerate() {
            told.extend(paper.day(&mut strategy, &aapl, day as i64, &close.to_string()));
        }
        let [Output::Decision(decision)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((decision.code, decision.skip), ("SIZE_ZERO", true));
    }

    /// Minutes of a coin with a silence in them: filled, the averages have come together by its end, and warmed up they stand as fed.
    #[test]
    fn silence_is_counted_where_it_is_told_to_and_nothing_is_decided_in_it() {
        let coin = Instrument::crypto("BTC", "USD").unwrap();
        let minute = |n: i64, close: i64| {
            let price = Price::from(close);
            let start = Timestamp::from_second(60 * n).unwrap();
            Bar { start, open: price, high: price, low: price, close: price, volume: Decimal::ONE }
        };
        // It fell, was silent for seven minutes, and rose a little.
        let bars: Vec<Bar> = [(0, 40), (1, 30), (2, 20), (3, 10), (11, 11), (12, 11)]
            .map(|(n, close)| minute(n, close))
            .to_vec();
        let told = |fill: &str, warm: usize| {
            let params = params(&[("fast", "2"), ("slow", "4"), ("quantity", "1"), ("fill_forward", fill)]);
            let mut strategy = SmaCross::new("t".into(), vec![coin.clone()], &params).unwrap();
            let (books, mut out, mut said) = (Paper::with(1_000), Vec::new(), Vec::new());
            let interval = Interval::Minute1;
            let ready = StrategyInput::BarsReady { instrument: &coin, interval, bars: &bars[..warm] };
            strategy.on_input(Timestamp::UNIX_EPOCH, ready, &books, &mut out);
            assert!(out.is_empty());
            for bar in &bars[warm..] {
                let input = StrategyInput::Bar { instrument: &coin, interval, bar };
                strategy.on_input(bar.start, input, &books, &mut out);
                for output in out.drain(..) {
                    let Output::Propose(_, decision) = output else { panic!("{output:?}") };
                    said.push(format!("{} {}", bar.start.as_second() / 60, decision.words().1));
                }
            }
            said
        };
        for warm in 0..=4 {
            // 10, 10, 10, 11: the slow one stands at 10.25, the fast one at 10.5.
            assert_eq!(told("true", warm).len(), 1, "{:?}", told("true", warm));
            assert!(told("true", warm)[0].starts_with("11 ") && told("true", warm)[0].contains("slow=10.25"));
            // 30, 20, 10, 11: far below.
            assert!(told("false", warm).is_empty(), "{:?}", told("false", warm));
        }
    }

    #[test]
    fn wrong_parameters_are_named_with_their_range() {
        let aapl = || vec![Instrument::equity("AAPL").unwrap()];
        let error = |pairs: &[(&str, &str)]| {
            SmaCross::new("t".into(), aapl(), &params(pairs)).unwrap_err().to_string()
        };
        assert_eq!(error(&[("fast", "30")]), "parameter fast: found '30', allowed a number below slow (30)");
        assert_eq!(error(&[("slow", "x")]), "parameter slow: found 'x', allowed 2 to 10000");
        assert_eq!(
            error(&[("speed", "1")]),
            "parameter speed is not known to sma_cross; it has fast, slow, quantity, weight, size, notional, risk_percent, stop_percent, stop_atr, volatility_percent, fill_forward"
        );
    }
}
