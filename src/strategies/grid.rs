//! A grid between two prices: a lot is bought at each line below the market and sold one line above the one it was bought at.
//!
//! Which lots are held follows from the position, never from memory: a falling price fills the buys from the top line down, so so many lots
//! are those of so many lines below the anchor, the highest line that stood below the market when nothing was held.

use jiff::Timestamp;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{Pricing, Side, TimeInForce};
use crate::quant::number::to_f64;

use super::params::{ParamError, ParamKind, ParamSpec, Params};
use super::sizing::{self, Entries, Sizer};
use super::{
    Books, Decision, Head, MONEY_MAX, MemoryError, Output, Proposal, Strategy, StrategyInput, UNITS_MAX,
    Working, market, memory,
};

/// What it does.
pub(super) const ABOUT: &str = "buys at each line of a price grid and sells one line above";

/// Its parameters.
pub(super) const PARAMS: &[ParamSpec] = &[
    ParamSpec {
        name: "lower",
        kind: ParamKind::Number { min: Decimal::ZERO, max: MONEY_MAX },
        default: "0",
        about: "price of the lowest line; must be said",
    },
    ParamSpec {
        name: "upper",
        kind: ParamKind::Number { min: Decimal::ZERO, max: MONEY_MAX },
        default: "0",
        about: "price of the highest line, where the last lot is sold; must be said",
    },
    ParamSpec {
        name: "lines",
        kind: ParamKind::Whole { min: 2, max: 100 },
        default: "10",
        about: "lines, both ends among them; one lot fewer can be held",
    },
    ParamSpec {
        name: "quantity",
        kind: ParamKind::Number { min: Decimal::from_parts(1, 0, 0, false, 6), max: UNITS_MAX },
        default: "10",
        about: "units of a lot (size=plain)",
    },
    sizing::SIZE,
    sizing::NOTIONAL,
    sizing::RISK,
    sizing::STOP,
    sizing::RANGES,
    sizing::VOLATILITY,
    ParamSpec {
        name: "stop",
        kind: ParamKind::Number { min: Decimal::ZERO, max: Decimal::from_parts(99, 0, 0, false, 0) },
        default: "0",
        about: "per cent below the lowest line at which all is sold and the grid ends; 0 has no stop",
    },
];

/// Version of what it remembers.
const VERSION: u32 = 1;

/// What it remembers.
#[derive(Serialize, Deserialize)]
struct Memory {
    anchor: usize,
    ended: bool,
    /// Units of a lot, where a model makes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lot: Option<Quantity>,
}

/// The strategy.
#[derive(Clone, Debug)]
struct Grid {
    head: Head,
    /// Prices of the lines, rising.
    lines: Vec<Price>,
    lot: Quantity,
    /// Makes the lot while nothing is held, where a model does.
    sizer: Option<Box<Sizer>>,
    /// Below it all is sold.
    stop: Option<Price>,
    /// The highest line whose lot may be bought; one beyond the lines below the market when nothing was held.
    anchor: usize,
    ended: bool,
}

/// Makes one.
pub(super) fn make(
    name: SmolStr,
    instruments: Vec<Instrument>,
    params: &Params,
) -> Result<Box<dyn Strategy>, ParamError> {
    let values = params.read("grid", PARAMS)?;
    let (lower, upper) = (values.number("lower"), values.number("upper"));
    let Some(instrument) = instruments.first().filter(|_| instruments.len() == 1) else {
        return Err(ParamError::value(
            "instruments",
            &instruments.len().to_string(),
            "one instrument; say --symbol",
        ));
    };
    if lower.is_zero() {
        return Err(ParamError::value("lower", "0", "a price above 0"));
    }
    if upper <= lower {
        return Err(ParamError::value("upper", &upper.to_string(), format!("a price above lower ({lower})")));
    }
    let count = values.whole("lines");
    let spec = InstrumentSpec::standard(instrument.clone());
    let step = (upper - lower) / Decimal::from(count - 1);
    let lines: Vec<Price> = (0..count)
        .map(|i| {
            let price = Price::new(lower + step * Decimal::from(i));
            let tick = spec.tick_at(price);
            Price::new(
                (price.get() / tick).round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero) * tick,
            )
        })
        .collect();
    if lines.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(ParamError::value(
            "lines",
            &count.to_string(),
            "so few that each is a tick above the one below",
        ));
    }
    let stop = values.number("stop");
    let sizer = Sizer::read(&values, count - 1).map(Box::new);
    Ok(Box::new(Grid {
        head: Head::new("grid", name, instruments),
        stop: (!stop.is_zero())
            .then(|| Price::new(lower * (Decimal::ONE_HUNDRED - stop) / Decimal::ONE_HUNDRED)),
        lines,
        lot: if sizer.is_some() { Quantity::ZERO } else { Quantity::new(values.number("quantity")) },
        sizer,
        anchor: 0,
        ended: false,
    }))
}

impl Grid {
    /// The limit orders that should work, by side and price.
    fn wanted(&self, held: Quantity) -> Vec<(Side, Price, Quantity)> {
        if !self.lot.is_positive() {
            return Vec::new();
        }
        let lots = (held.get() / self.lot.get()).ceil().to_usize().unwrap_or(0).min(self.anchor);
        let lowest_held = self.anchor - lots;
        let buys = self.lines[..lowest_held].iter().map(|line| (Side::Buy, *line, self.lot));
        // A lot that was filled in part is sold in what there is of it.
        let mut left = held;
        let sells = (lowest_held..self.anchor).rev().filter_map(|lot| {
            let units = self.lot.min(left);
            left -= units;
            units.is_positive().then(|| (Side::Sell, self.lines[lot + 1], units))
        });
        buys.chain(sells.collect::<Vec<_>>()).collect()
    }

    /// Makes the lot anew where a model does and it would be another by a fifth. Only while nothing is held: what is held are lots of one size.
    fn size(&mut self, close: Price, working: &[Working], books: &dyn Books, out: &mut Vec<Output>) {
        let Some(sizer) = &self.sizer else { return };
        let instrument = &self.head.instruments[0];
        let bound = working
            .iter()
            .filter(|order| order.side == Side::Buy)
            .filter_map(|order| order.limit_price.map(|limit| limit.notional(order.leaves)));
        let entries = Entries { count: self.anchor.max(1), bound: bound.sum() };
        let lot = sizer.quantity(instrument, close, books, entries);
        if self.lot.is_zero() || sizing::has_drifted(lot.get(), self.lot.get()) {
            if lot != self.lot {
                out.push(Output::Remember);
            }
            self.lot = lot;
        }
        if self.lot.is_zero() {
            let values = vec![("close", to_f64(close.get()))];
            let decision = Decision::skip("SIZE_ZERO", Some(instrument.clone()), values);
            out.push(Output::Decision(decision));
        }
    }

    fn on_close(&mut self, close: Price, books: &dyn Books, out: &mut Vec<Output>) {
        let instrument = &self.head.instruments[0].clone();
        let held = books.position(instrument);
        let working = books.working(instrument);
        let decision = |code, price: Price| {
            let values = vec![
                ("close", to_f64(close.get())),
                ("line", to_f64(price.get())),
                ("held", to_f64(held.get())),
            ];
            Decision::new(code, Some(instrument.clone()), values)
        };
        if self.ended {
            return;
        }
        if let Some(stop) = self.stop.filter(|stop| close <= *stop) {
            self.ended = true;
            out.push(Output::Remember);
            out.extend(working.iter().map(|order| Output::Cancel(order.id)));
            if held.is_positive() {
                let order = market(instrument, Side::Sell, held, true);
                out.push(Output::Propose(order, decision("GRID_STOP", stop)));
            }
            out.push(Output::Alert(format!("{}: stopped at {close}, the grid has ended", self.head.name)));
            return;
        }
        if !held.is_positive() {
            // The highest line is sold at, never bought at.
            let below = self.lines.iter().take(self.lines.len() - 1).filter(|line| **line < close).count();
            if below != self.anchor {
                self.anchor = below;
                out.push(Output::Remember);
            }
            self.size(close, &working, books, out);
        }
        let mut wanted = self.wanted(held);
        for order in working {
            // A buy that was made for a lot of another size makes way.
            let fits = |units: Quantity| match order.side {
                Side::Buy => order.quantity == units && units >= order.leaves,
                _ => units >= order.leaves,
            };
            let same = |(side, price, units): &(Side, Price, Quantity)| {
                *side == order.side && Some(*price) == order.limit_price && fits(*units)
            };
            match wanted.iter().position(same) {
                Some(at) => drop(wanted.swap_remove(at)),
                None => out.push(Output::Cancel(order.id)),
            }
        }
        wanted.sort_by_key(|(_, price, _)| *price);
        for (side, limit_price, quantity) in wanted {
            let code = if side == Side::Buy { "GRID_BUY" } else { "GRID_SELL" };
            let order = Proposal {
                time_in_force: TimeInForce::Gtc,
                reduce_only: side == Side::Sell,
                ..Proposal::single(instrument.clone(), side, quantity, Pricing::Limit { limit_price })
            };
            out.push(Output::Propose(order, decision(code, limit_price)));
        }
    }
}

impl Strategy for Grid {
    fn head(&self) -> &Head {
        &self.head
    }

    fn warm_up_bars(&self) -> usize {
        if self.sizer.is_some() { sizing::BARS } else { 1 }
    }

    fn memory(&self) -> String {
        let lot = self.sizer.is_some().then_some(self.lot);
        memory::write(VERSION, &Memory { anchor: self.anchor, ended: self.ended, lot })
    }

    fn restore(&mut self, memory: &str) -> Result<(), MemoryError> {
        if let Some(read) = memory::read::<Memory>(VERSION, memory)? {
            // The lines may be fewer than they were.
            (self.anchor, self.ended) = (read.anchor.min(self.lines.len() - 1), read.ended);
            if let (Some(lot), true) = (read.lot, self.sizer.is_some()) {
                self.lot = lot;
            }
        }
        Ok(())
    }

    fn on_input(
        &mut self,
        _now: Timestamp,
        input: StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        let of = &self.head.instruments[0];
        match input {
            StrategyInput::Bar { instrument, interval, bar } if instrument == of => {
                if let Some(sizer) = &mut self.sizer {
                    sizer.see(instrument, interval, bar);
                }
                self.on_close(bar.close, books, out);
            }
            StrategyInput::BarsReady { instrument, interval, bars } if instrument == of => {
                if let Some(sizer) = &mut self.sizer {
                    sizer.begin_with(instrument, interval, bars);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Paper, codes, proposed, working};
    use super::*;
    use crate::domain::ids::ClientOrderId;

    fn aapl() -> Instrument {
        Instrument::equity("AAPL").unwrap()
    }

    fn strategy(pairs: &[(&str, &str)]) -> Result<Box<dyn Strategy>, ParamError> {
        let params = Params::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        make("test".into(), vec![aapl()], &params)
    }

    /// What works after a bar, as side, units and price: cancels and proposals are carried out, nothing fills.
    fn works(strategy: &mut dyn Strategy, books: &mut Paper, day: i64, close: &str) -> Vec<String> {
        for output in books.day(strategy, &aapl(), day, close) {
            match output {
                Output::Cancel(id) => books.working.retain(|(_, order)| order.id != id),
                Output::Propose(p, _) => {
                    let Pricing::Limit { limit_price } = p.pricing else { continue };
                    let n = books.working.len() as u64 + 100 * day.unsigned_abs();
                    let order = Working {
                        id: ClientOrderId::from_parts(n, 1),
                        quantity: p.quantity,
                        leaves: p.quantity,
                        ..working(&aapl(), p.side, 1, Some(limit_price))
                    };
                    books.working.push((aapl(), order));
                }
                _ => {}
            }
        }
        let mut list: Vec<_> = books.working.iter().map(|(_, order)| order.clone()).collect();
        list.sort_by_key(|order| order.limit_price);
        let side = |order: &Working| if order.side == Side::Buy { "buy" } else { "sell" };
        list.iter()
            .map(|order| format!("{} {} {}", side(order), order.leaves, order.limit_price.unwrap()))
            .collect()
    }

    /// An order fills: it works no longer, and the books have its units.
    fn fills(books: &mut Paper, side: Side, price: &str) {
        let price: Price = price.parse().unwrap();
        let at = books
            .working
            .iter()
            .position(|(_, order)| order.side == side && order.limit_price == Some(price))
            .unwrap();
        let (_, order) = books.working.remove(at);
        let held = books.held.entry(aapl()).or_default();
        if side == Side::Buy { *held += order.leaves } else { *held -= order.leaves }
    }

    const FIVE: &[(&str, &str)] = &[("lower", "90"), ("upper", "110"), ("lines", "5")];

    #[test]
    fn lots_are_bought_below_and_sold_a_line_above() {
        let (mut strategy, mut books) = (strategy(FIVE).unwrap(), Paper::with(100_000));
        assert_eq!(works(strategy.as_mut(), &mut books, 0, "101"), ["buy 10 90", "buy 10 95", "buy 10 100"]);
        assert!(books.day(strategy.as_mut(), &aapl(), 1, "101").is_empty(), "all of it works already");
        fills(&mut books, Side::Buy, "100");
        assert_eq!(works(strategy.as_mut(), &mut books, 2, "99"), ["buy 10 90", "buy 10 95", "sell 10 105"]);
        fills(&mut books, Side::Buy, "95");
        assert_eq!(
            works(strategy.as_mut(), &mut books, 3, "94"),
            ["buy 10 90", "sell 10 100", "sell 10 105"]
        );
        fills(&mut books, Side::Sell, "100");
        assert_eq!(works(strategy.as_mut(), &mut books, 4, "101"), ["buy 10 90", "buy 10 95", "sell 10 105"]);
        fills(&mut books, Side::Sell, "105");
        // Flat: the grid is anchored where the market is now.
        assert_eq!(
            works(strategy.as_mut(), &mut books, 5, "107"),
            ["buy 10 90", "buy 10 95", "buy 10 100", "buy 10 105"]
        );
    }

    /// A model makes the lot while nothing is held, out of what there is for all lots together; what is held keeps its size, and so does a restart.
    #[test]
    fn a_model_makes_the_lot_while_nothing_is_held() {
        let sized = [FIVE, &[("size", "equal")]].concat();
        let (mut strategy, mut books) = (self::strategy(&sized).unwrap(), Paper::with(20_200));
        // A quarter of the equity each, at the close.
        assert_eq!(works(strategy.as_mut(), &mut books, 0, "101"), ["buy 50 90", "buy 50 95", "buy 50 100"]);
        fills(&mut books, Side::Buy, "100");
        books.cash -= Decimal::from(5_000);
        assert_eq!(works(strategy.as_mut(), &mut books, 1, "99"), ["buy 50 90", "buy 50 95", "sell 50 105"]);
        let mut again = self::strategy(&sized).unwrap();
        again.restore(&strategy.memory()).unwrap();
        assert_eq!(works(again.as_mut(), &mut books, 2, "99"), ["buy 50 90", "buy 50 95", "sell 50 105"]);
        fills(&mut books, Side::Sell, "105");
        books.cash = Decimal::from(40_400);
        assert_eq!(
            works(again.as_mut(), &mut books, 3, "101"),
            ["buy 100 90", "buy 100 95", "buy 100 100"],
            "sized anew"
        );
        // Nothing for it: nothing works, and it says why.
        let mut poor = Paper::with(10);
        let mut fresh = self::strategy(&sized).unwrap();
        assert_eq!(codes(&poor.day(fresh.as_mut(), &aapl(), 0, "101")), ["SIZE_ZERO"]);
    }

    #[test]
    fn a_lot_filled_in_part_is_sold_in_what_there_is() {
        let (mut strategy, mut books) = (strategy(FIVE).unwrap(), Paper::with(100_000));
        works(strategy.as_mut(), &mut books, 0, "101");
        books.held.insert(aapl(), Quantity::from(4));
        let (_, order) =
            books.working.iter_mut().find(|(_, o)| o.limit_price == Some("100".parse().unwrap())).unwrap();
        order.leaves = Quantity::from(6);
        assert_eq!(works(strategy.as_mut(), &mut books, 1, "100"), ["buy 10 90", "buy 10 95", "sell 4 105"]);
    }

    #[test]
    fn a_restart_keeps_the_anchor_and_the_end() {
        let stopped = [FIVE, &[("stop", "10")]].concat();
        let (mut first, mut books) = (strategy(&stopped).unwrap(), Paper::with(100_000));
        works(first.as_mut(), &mut books, 0, "101");
        fills(&mut books, Side::Buy, "100");
        let mut second = strategy(&stopped).unwrap();
        second.restore(&first.memory()).unwrap();
        let mut other = Paper { working: books.working.clone(), held: books.held.clone(), ..Paper::with(0) };
        assert_eq!(works(second.as_mut(), &mut other, 1, "99"), works(first.as_mut(), &mut books, 1, "99"));
        books.day(first.as_mut(), &aapl(), 2, "80");
        second.restore(&first.memory()).unwrap();
        assert!(other.day(second.as_mut(), &aapl(), 3, "101").is_empty());
    }

    #[test]
    fn the_stop_sells_all_and_ends_it() {
        let (mut strategy, mut books) =
            (strategy(&[FIVE, &[("stop", "10")]].concat()).unwrap(), Paper::with(100_000));
        works(strategy.as_mut(), &mut books, 0, "101");
        books.held.insert(aapl(), Quantity::from(30));
        let out = books.day(strategy.as_mut(), &aapl(), 1, "80.99");
        assert_eq!((proposed(&out)[0].1.as_str(), codes(&out)), ("sell 30", vec!["GRID_STOP"]));
        assert_eq!(out.iter().filter(|output| matches!(output, Output::Cancel(_))).count(), 3);
        assert!(books.day(strategy.as_mut(), &aapl(), 2, "101").is_empty());
    }

    #[test]
    fn prices_that_make_no_grid_are_named() {
        let error = |pairs: &[(&str, &str)]| strategy(pairs).err().unwrap().to_string();
        assert_eq!(error(&[]), "parameter lower: found '0', allowed a price above 0");
        assert_eq!(
            error(&[("lower", "90"), ("upper", "80")]),
            "parameter upper: found '80', allowed a price above lower (90)"
        );
        assert_eq!(
            error(&[("lower", "1"), ("upper", "1.05"), ("lines", "10")]),
            "parameter lines: found '10', allowed so few that each is a tick above the one below"
        );
    }
}
