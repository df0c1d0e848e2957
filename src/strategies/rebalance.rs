//! Keeps a portfolio at its weights: at a step of the calendar, or when one drifts out of its band, it sells what is too much and then
//! buys what is too little.
//!
//! Sales come first, and purchases at the next bar when they have filled, so that a cash account can pay for them.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::domain::calendar::exchange_date;
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::Side;
use crate::quant::number::to_f64;

use super::params::{ParamError, ParamKind, ParamSpec, Params};
use super::sizing::{self, Sizer};
use super::{
    Books, Decision, Head, MemoryError, Output, Schedule, Strategy, StrategyInput, market, memory, steps,
    units_for,
};

/// What it does.
pub(super) const ABOUT: &str = "keeps several instruments at their parts of the equity";

/// Its parameters.
pub(super) const PARAMS: &[ParamSpec] = &[
    ParamSpec {
        name: "weights",
        kind: ParamKind::List { min: Decimal::ZERO, max: Decimal::ONE_HUNDRED },
        default: "",
        about: "per cent of the equity for each instrument, in the order of their symbols; empty shares it evenly",
    },
    ParamSpec {
        name: "cash",
        kind: ParamKind::Number { min: Decimal::ZERO, max: Decimal::from_parts(90, 0, 0, false, 0) },
        default: "2",
        about: "per cent of the equity that stays in cash where weights are shared evenly",
    },
    sizing::SIZE_OF_WEIGHTS,
    sizing::VOLATILITY,
    ParamSpec {
        name: "every",
        kind: ParamKind::Choice(&["day", "week", "month", "quarter", "year", "never"]),
        default: "month",
        about: "a step of the calendar: its first bar rebalances",
    },
    ParamSpec {
        name: "band",
        kind: ParamKind::Number { min: Decimal::ZERO, max: Decimal::ONE_HUNDRED },
        default: "0",
        about: "per cent of the equity that a weight may be off before it is corrected between steps; 0 waits for the step",
    },
    ParamSpec {
        name: "least",
        kind: ParamKind::Number { min: Decimal::ZERO, max: Decimal::TEN },
        default: "0.5",
        about: "per cent of the equity below which a correction is not worth an order",
    },
];

/// Version of what it remembers.
const VERSION: u32 = 1;

/// What it remembers.
#[derive(Serialize, Deserialize)]
struct Memory {
    last: Option<Date>,
    to_buy: bool,
}

/// The strategy.
#[derive(Clone, Debug)]
struct Rebalance {
    head: Head,
    weights: Vec<Decimal>,
    /// Make the part of its weight that each is kept at, where a model does.
    sizers: Vec<Sizer>,
    every: &'static str,
    band: Decimal,
    least: Decimal,
    /// Start and close of each instrument's newest bar.
    newest: Vec<Option<(Timestamp, Price)>>,
    /// Day of the last step.
    last: Option<Date>,
    /// A step has begun, and its purchases are to come.
    to_buy: bool,
}

/// Makes one.
pub(super) fn make(
    name: SmolStr,
    instruments: Vec<Instrument>,
    params: &Params,
) -> Result<Box<dyn Strategy>, ParamError> {
    let values = params.read("rebalance", PARAMS)?;
    let count = instruments.len();
    let said = values.list("weights");
    let text = || said.iter().map(Decimal::to_string).collect::<Vec<_>>().join(",");
    let weights = if said.is_empty() {
        let each = (Decimal::ONE_HUNDRED - values.number("cash")) / Decimal::from(count.max(1));
        vec![each; count]
    } else if said.len() != count {
        return Err(ParamError::value(
            "weights",
            &text(),
            format!("{count} numbers, one for each instrument"),
        ));
    } else if said.iter().sum::<Decimal>() > Decimal::ONE_HUNDRED {
        return Err(ParamError::value("weights", &text(), "numbers of 100 together at most"));
    } else {
        said.to_vec()
    };
    Ok(Box::new(Rebalance {
        head: Head::new("rebalance", name, instruments),
        newest: vec![None; count],
        weights,
        sizers: Sizer::read(&values, count).map(|sizer| vec![sizer; count]).unwrap_or_default(),
        every: values.word("every"),
        band: values.number("band"),
        least: values.number("least"),
        last: None,
        to_buy: false,
    }))
}

/// What one instrument lacks, in money and in units: negative is too much.
struct Gap<'a> {
    instrument: &'a Instrument,
    price: Price,
    money: Decimal,
    /// What it is to be worth.
    target: Decimal,
}

impl Rebalance {
    fn is_due(&self, day: Date) -> bool {
        match self.last {
            Some(last) => steps::begins(self.every, last, day),
            None => self.every != "never",
        }
    }

    /// Per cent of the equity that an instrument is kept at; `None` while its model does not know yet.
    fn weight(&self, index: usize, books: &dyn Books) -> Option<Decimal> {
        let weight = self.weights[index];
        let Some(sizer) = self.sizers.get(index) else { return Some(weight) };
        let part = sizer.weight(&self.head.instruments[index], books)?;
        Some(weight * Decimal::from_f64_retain(part)?.round_dp(6))
    }

    fn gaps(&self, books: &dyn Books) -> Option<(Decimal, Vec<Gap<'_>>)> {
        let equity = books.equity();
        if equity <= Decimal::ZERO {
            return None;
        }
        let start = self.newest.first()?.as_ref()?.0;
        let mut gaps = Vec::with_capacity(self.head.instruments.len());
        for (index, (instrument, newest)) in self.head.instruments.iter().zip(&self.newest).enumerate() {
            // Only when all of them have traded in this bar: an old price is no price.
            let (_, price) = newest.filter(|(of, _)| *of == start)?;
            let held = books.position(instrument).get() * price.get();
            let target = equity * self.weight(index, books)? / Decimal::ONE_HUNDRED;
            gaps.push(Gap { instrument, price, money: target - held, target });
        }
        Some((equity, gaps))
    }

    fn on_bar(&mut self, now: Timestamp, books: &dyn Books, out: &mut Vec<Output>) {
        let unknown = (0..self.sizers.len()).find(|index| self.weight(*index, books).is_none());
        if let Some(index) = unknown {
            let of = Some(self.head.instruments[index].clone());
            out.push(Output::Decision(Decision::skip("SIZE_UNKNOWN", of, Vec::new())));
            return;
        }
        let Some((equity, gaps)) = self.gaps(books) else { return };
        if self.head.instruments.iter().any(|instrument| books.is_working(instrument)) {
            return;
        }
        let day = exchange_date(now);
        let part = |money: Decimal| money.abs() / equity * Decimal::ONE_HUNDRED;
        let due = self.is_due(day);
        let drifted = !self.band.is_zero() && gaps.iter().any(|gap| part(gap.money) > self.band);
        if !(due || drifted || self.to_buy) {
            return;
        }
        let decide = |gap: &Gap<'_>, code| {
            let values = vec![
                ("gap", to_f64(gap.money)),
                ("equity", to_f64(equity)),
                ("close", to_f64(gap.price.get())),
            ];
            Decision::new(code, Some(gap.instrument.clone()), values)
        };
        let sized = !self.sizers.is_empty();
        let worth = |gap: &&Gap<'_>| {
            // A target that breathes with the market is not followed at each breath.
            let off = !sized || sizing::has_drifted(gap.target - gap.money, gap.target);
            off && part(gap.money) >= self.least
        };
        let sales_before = out.len();
        if !self.to_buy {
            for gap in gaps.iter().filter(|gap| gap.money.is_sign_negative()).filter(worth) {
                let held = books.position(gap.instrument).max(Quantity::ZERO);
                let units = units_for(-gap.money, gap.price, gap.instrument).min(held);
                if units.is_positive() {
                    let order = market(gap.instrument, Side::Sell, units, true);
                    out.push(Output::Propose(order, decide(gap, "REBALANCE_SELL")));
                }
            }
        }
        let to_buy = out.len() > sales_before;
        if !to_buy {
            for gap in gaps.iter().filter(|gap| gap.money.is_sign_positive()).filter(worth) {
                let mut units = units_for(gap.money, gap.price, gap.instrument);
                if sized {
                    units = sizing::within_caps(gap.instrument, units, gap.price, books);
                }
                let output = if units.is_positive() {
                    let order = market(gap.instrument, Side::Buy, units, false);
                    Output::Propose(order, decide(gap, "REBALANCE_BUY"))
                } else {
                    Output::Decision(Decision { skip: true, ..decide(gap, "SIZE_ZERO") })
                };
                out.push(output);
            }
        }
        if due {
            self.last = Some(day);
        }
        if due || to_buy != self.to_buy {
            out.push(Output::Remember);
        }
        self.to_buy = to_buy;
    }
}

impl Strategy for Rebalance {
    fn head(&self) -> &Head {
        &self.head
    }

    fn warm_up_bars(&self) -> usize {
        if self.sizers.is_empty() { 1 } else { sizing::BARS }
    }

    fn schedules(&self) -> Vec<Schedule> {
        Vec::new()
    }

    fn memory(&self) -> String {
        memory::write(VERSION, &Memory { last: self.last, to_buy: self.to_buy })
    }

    fn restore(&mut self, memory: &str) -> Result<(), MemoryError> {
        if let Some(read) = memory::read::<Memory>(VERSION, memory)? {
            (self.last, self.to_buy) = (read.last, read.to_buy);
        }
        Ok(())
    }

    fn on_input(
        &mut self,
        now: Timestamp,
        input: StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        match input {
            StrategyInput::Bar { instrument, interval, bar } => {
                let Some(index) = self.head.index_of(instrument) else { return };
                self.newest[index] = Some((bar.start, bar.close));
                if let Some(sizer) = self.sizers.get_mut(index) {
                    sizer.see(instrument, interval, bar);
                }
                self.on_bar(now, books, out);
            }
            StrategyInput::BarsReady { instrument, interval, bars } => {
                let index = self.head.index_of(instrument);
                if let Some(sizer) = index.and_then(|index| self.sizers.get_mut(index)) {
                    sizer.begin_with(instrument, interval, bars);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Paper, proposed};
    use super::*;

    fn two() -> [Instrument; 2] {
        ["AAPL", "MSFT"].map(|symbol| Instrument::equity(symbol).unwrap())
    }

    fn strategy(pairs: &[(&str, &str)]) -> Result<Box<dyn Strategy>, ParamError> {
        let params = Params::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        make("test".into(), two().to_vec(), &params)
    }

    /// Feeds a day's closes of both, fills what is proposed at them, and says what it was.
    fn day(strategy: &mut dyn Strategy, books: &mut Paper, day: i64, closes: [&str; 2]) -> Vec<String> {
        let mut said = Vec::new();
        for (instrument, close) in two().iter().zip(closes) {
            let out = books.day(strategy, instrument, day, close);
            for output in &out {
                let Output::Propose(p, _) = output else { continue };
                let of = p.subject.instrument().unwrap();
                let sign = if p.side == Side::Buy { Decimal::ONE } else { -Decimal::ONE };
                books.cash -= sign * p.quantity.get() * books.marks[of].get();
                *books.held.entry(of.clone()).or_default() += Quantity::new(sign * p.quantity.get());
            }
            said.extend(proposed(&out).into_iter().map(|(of, text)| format!("{text} {of}")));
        }
        said
    }

    #[test]
    fn it_buys_its_weights_and_corrects_them_at_the_step() {
        let mut strategy = strategy(&[("weights", "60,40")]).unwrap();
        let mut books = Paper::with(10_000);
        let mut on = |n, closes| day(strategy.as_mut(), &mut books, n, closes);
        assert_eq!(on(0, ["100", "50"]), ["buy 60 AAPL", "buy 80 MSFT"]);
        assert!(on(1, ["150", "50"]).is_empty(), "no step of the calendar");
        // 13,000: 7,800 and 5,200 are wanted of 9,000 and 4,000. Sales first, purchases at the next bar.
        assert_eq!(on(31, ["150", "50"]), ["sell 8 AAPL"]);
        let memory = strategy.memory();
        let mut strategy = self::strategy(&[("weights", "60,40")]).unwrap();
        strategy.restore(&memory).unwrap();
        let mut on = |n, closes| day(strategy.as_mut(), &mut books, n, closes);
        assert_eq!(on(32, ["150", "50"]), ["buy 24 MSFT"]);
        assert!(on(33, ["150", "50"]).is_empty());
    }

    #[test]
    fn a_band_corrects_between_the_steps() {
        let mut strategy = strategy(&[("weights", "60,40"), ("band", "5"), ("every", "year")]).unwrap();
        let mut books = Paper::with(10_000);
        let mut on = |n, closes| day(strategy.as_mut(), &mut books, n, closes);
        assert_eq!(on(0, ["100", "50"]).len(), 2);
        assert!(on(1, ["105", "50"]).is_empty(), "61.2 % of 60");
        assert_eq!(on(2, ["140", "50"]), ["sell 6 AAPL"], "67.7 % of 60");
    }

    #[test]
    fn an_old_price_is_no_price() {
        let mut strategy = strategy(&[]).unwrap();
        let mut books = Paper::with(10_000);
        let [aapl, msft] = two();
        assert!(books.day(strategy.as_mut(), &aapl, 0, "100").is_empty());
        assert!(books.day(strategy.as_mut(), &msft, 1, "50").is_empty(), "AAPL has not traded today");
        assert_eq!(proposed(&books.day(strategy.as_mut(), &aapl, 1, "100")).len(), 2);
    }

    /// A model makes a part of each weight: nothing until it knows, half where the share is twice as wild as is wanted, and no following of
    /// what is off by less than a fifth.
    #[test]
    fn a_model_makes_the_weights_and_small_drifts_stay() {
        let sized =
            [("weights", "50,50"), ("size", "volatility"), ("volatility_percent", "10"), ("every", "day")];
        let mut strategy = strategy(&sized).unwrap();
        let mut books = Paper::with(100_000);
        let mut said = Vec::new();
        // A per cent up and down each day is 16 a year; half a per cent is 8.
        for n in 0..25 {
            let closes = if n % 2 == 0 { ["100", "100"] } else { ["101", "100.5"] };
            said.push(day(strategy.as_mut(), &mut books, n, closes));
        }
        assert!(said[..20].iter().all(Vec::is_empty), "{said:?}");
        let bought: Vec<&str> = said[20].iter().map(String::as_str).collect();
        assert_eq!((bought.len(), bought[1]), (2, "buy 500 MSFT"), "a calm one has all of its weight");
        let units: i64 = bought[0].split(' ').nth(1).unwrap().parse().unwrap();
        assert!((300..320).contains(&units), "{bought:?}");
        assert!(said[21..].iter().all(Vec::is_empty), "{said:?}");
    }

    #[test]
    fn weights_that_cannot_be_are_named() {
        let error = |pairs: &[(&str, &str)]| strategy(pairs).err().unwrap().to_string();
        assert_eq!(
            error(&[("weights", "60")]),
            "parameter weights: found '60', allowed 2 numbers, one for each instrument"
        );
        assert_eq!(
            error(&[("weights", "60,50")]),
            "parameter weights: found '60,50', allowed numbers of 100 together at most"
        );
    }
}
