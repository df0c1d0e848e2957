//! How much an entry buys, where a strategy is told to size it (strategies §9): a model of `quant::sizing`, whole lots rounded down, and then
//! caps in order: the strategy's capital, free cash or buying power, the account's limits, and 1 % of the average volume. One place for all of
//! them: a crossing's entry, a grid's lot, the weights that a portfolio is kept at, what a plan of savings may spend.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::account::AccountKind;
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::quote::{Bar, Interval};
use crate::quant::indicators::{Atr, Candle, RealizedVolatility};
use crate::quant::number::to_f64;
use crate::quant::sizing;

use super::params::{ParamKind, ParamSpec, Values};
use super::{Books, Room};

/// Days of the range and of the volatility that sizes are measured by.
const RANGE_DAYS: usize = 14;
const VOLATILITY_DAYS: usize = 20;
/// Bars of the past that a size needs.
pub(super) const BARS: usize = VOLATILITY_DAYS + 1;
/// Part of the average volume that one entry may be.
const PARTICIPATION: f64 = 0.01;
/// Closed trades that Kelly's fraction needs, the part of it that is taken, and its cap.
const KELLY_TRADES: u32 = 30;
const KELLY_PART: f64 = 0.5;
const KELLY_CAP: f64 = 0.10;

const HUNDREDTH: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// Part of its target by which a holding or a lot may be off before it is sized anew.
const DRIFT: f64 = 0.2;

/// Which model.
pub(super) const SIZE: ParamSpec = ParamSpec {
    name: "size",
    kind: ParamKind::Choice(&["plain", "notional", "risk", "atr", "volatility", "kelly", "equal"]),
    default: "plain",
    about: "how an entry is sized: by quantity or weight as they stand, or by a model with caps",
};

/// Money of an entry.
pub(super) const NOTIONAL: ParamSpec = ParamSpec {
    name: "notional",
    kind: ParamKind::Number { min: HUNDREDTH, max: Decimal::from_parts(1_000_000_000, 0, 0, false, 0) },
    default: "1000",
    about: "money of an entry (size=notional)",
};

/// Part of the equity at risk.
pub(super) const RISK: ParamSpec = ParamSpec {
    name: "risk_percent",
    kind: ParamKind::Number { min: HUNDREDTH, max: Decimal::ONE_HUNDRED },
    default: "1",
    about: "per cent of the equity between entry and stop (size=risk, size=atr)",
};

/// Distance of the stop that risk is measured by.
pub(super) const STOP: ParamSpec = ParamSpec {
    name: "stop_percent",
    kind: ParamKind::Number { min: HUNDREDTH, max: Decimal::ONE_HUNDRED },
    default: "5",
    about: "per cent of the price between entry and stop (size=risk)",
};

/// The same in ranges.
pub(super) const RANGES: ParamSpec = ParamSpec {
    name: "stop_atr",
    kind: ParamKind::Number { min: HUNDREDTH, max: Decimal::ONE_HUNDRED },
    default: "2",
    about: "average true ranges of 14 bars between entry and stop (size=atr)",
};

/// Volatility that a holding is brought to.
pub(super) const VOLATILITY: ParamSpec = ParamSpec {
    name: "volatility_percent",
    kind: ParamKind::Number { min: HUNDREDTH, max: Decimal::from_parts(1_000, 0, 0, false, 0) },
    default: "15",
    about: "volatility a year that a holding is brought to, at most all of the equity (size=volatility)",
};

/// Which model, where what is sized is a weight that is kept.
pub(super) const SIZE_OF_WEIGHTS: ParamSpec = ParamSpec {
    name: "size",
    kind: ParamKind::Choice(&["plain", "volatility", "kelly"]),
    default: "plain",
    about: "how weights are made: as they stand, or by a model within them; corrected once one is off by a fifth of itself",
};

/// Entries that stand beside each other, and share what there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entries {
    /// How many, at least one.
    pub(super) count: usize,
    /// Money that orders of its own hold, whose place they take.
    pub(super) bound: Decimal,
}

impl Entries {
    /// One by itself.
    pub(super) const ONE: Self = Self { count: 1, bound: Decimal::ZERO };
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Model {
    Notional(f64),
    Risk { fraction: f64, stop: f64 },
    Atr { fraction: f64, times: f64 },
    Volatility(f64),
    Kelly,
    Equal,
}

/// Sizes entries of one instrument.
#[derive(Clone, Debug)]
pub(super) struct Sizer {
    model: Model,
    /// Instruments among which equity is divided.
    slots: f64,
    atr: Atr,
    range: Option<f64>,
    volatility: Option<RealizedVolatility>,
    realized: Option<f64>,
}

impl Sizer {
    /// As the parameters say; `None` where quantity or weight are meant as they stand.
    pub(super) fn read(values: &Values, instruments: usize) -> Option<Self> {
        let number = |name: &str| to_f64(values.number(name));
        let part = |name: &str| number(name) / 100.0;
        let model = match values.word("size") {
            "notional" => Model::Notional(number("notional")),
            "risk" => Model::Risk { fraction: part("risk_percent"), stop: part("stop_percent") },
            "atr" => Model::Atr { fraction: part("risk_percent"), times: number("stop_atr") },
            "volatility" => Model::Volatility(part("volatility_percent")),
            "kelly" => Model::Kelly,
            "equal" => Model::Equal,
            _ => return None,
        };
        Some(Self {
            model,
            slots: instruments.max(1) as f64,
            atr: Atr::new(RANGE_DAYS),
            range: None,
            volatility: None,
            realized: None,
        })
    }

    /// Begins anew with bars of the past, oldest first.
    pub(super) fn begin_with(&mut self, instrument: &Instrument, interval: Interval, bars: &[Bar]) {
        (self.atr, self.range, self.volatility, self.realized) = (Atr::new(RANGE_DAYS), None, None, None);
        for bar in bars {
            self.see(instrument, interval, bar);
        }
    }

    /// Takes the next complete bar.
    pub(super) fn see(&mut self, instrument: &Instrument, interval: Interval, bar: &Bar) {
        let [high, low, close] = [bar.high, bar.low, bar.close].map(|price| to_f64(price.get()));
        let candle = Candle { high, low, close, volume: to_f64(bar.volume) };
        self.range = self.atr.update(&candle).or(self.range);
        let fresh = || RealizedVolatility::new(VOLATILITY_DAYS, bars_a_year(instrument, interval));
        self.realized = self.volatility.get_or_insert_with(fresh).update(close).or(self.realized);
    }

    /// Part of the equity that a holding of the instrument is kept at, of all that its slot may have; `None` while what it needs is not known,
    /// or where the model is none of weights.
    pub(super) fn weight(&self, instrument: &Instrument, books: &dyn Books) -> Option<f64> {
        match self.model {
            Model::Volatility(target) => Some(sizing::volatility_weight(target, self.realized?, 1.0)),
            Model::Kelly => Some(kelly_weight(instrument, books)),
            Model::Equal => Some(1.0),
            Model::Notional(_) | Model::Risk { .. } | Model::Atr { .. } => None,
        }
    }

    /// Units of an entry at a price, whole lots; zero where the model or a cap lets none be bought, or what it needs is not known.
    pub(super) fn quantity(
        &self,
        instrument: &Instrument,
        price: Price,
        books: &dyn Books,
        entries: Entries,
    ) -> Quantity {
        let Lot { unit, multiplier, increment } = lot_of(instrument, price, books);
        let (lot, at) = (to_f64(increment), to_f64(price.get()));
        if at <= 0.0 {
            return Quantity::ZERO;
        }
        let equity = to_f64(books.equity());
        let units = match self.model {
            Model::Notional(money) => sizing::fixed_notional(money, unit, lot),
            Model::Risk { fraction, stop } => {
                sizing::fixed_fractional(equity, fraction, at, at - at * stop, multiplier, lot)
            }
            Model::Atr { fraction, times } => self.range.map_or(0.0, |range| {
                sizing::fixed_fractional(equity, fraction, times * range, 0.0, multiplier, lot)
            }),
            Model::Volatility(target) => self.realized.map_or(0.0, |realized| {
                let weight = sizing::volatility_weight(target, realized, 1.0) / self.slots;
                sizing::weighted(equity, weight, unit, lot)
            }),
            Model::Kelly => sizing::weighted(equity, kelly_weight(instrument, books), unit, lot),
            Model::Equal => sizing::weighted(equity, 1.0 / self.slots, unit, lot),
        };
        whole(sizing::capped(units, &caps(instrument, unit, books, entries), lot), increment)
    }
}

/// Units that were meant, cut down to what the caps allow.
pub(super) fn within_caps(
    instrument: &Instrument,
    units: Quantity,
    price: Price,
    books: &dyn Books,
) -> Quantity {
    if !price.is_positive() {
        return Quantity::ZERO;
    }
    let Lot { unit, increment, .. } = lot_of(instrument, price, books);
    let caps = caps(instrument, unit, books, Entries::ONE);
    let least = caps.into_iter().fold(f64::INFINITY, f64::min);
    if to_f64(units.get()) <= least { units } else { whole(least, increment).min(units) }
}

/// Contracts, lots or packages of one order that the account's limits let through, each measured at so much money and made of so many units.
pub(super) fn allowed(room: &Room, each: Decimal, units: Decimal) -> i64 {
    let whole = |most: Decimal, each: Decimal| {
        let count = most.max(Decimal::ZERO).checked_div(each.abs()).map(|count| count.floor().to_i64());
        // What costs nothing is not held back by money.
        count.map_or(i64::MAX, |count| count.unwrap_or(i64::MAX))
    };
    whole(room.order_money, each).min(whole(room.order_units, units))
}

/// Is something so far from what it is to be that it is corrected.
pub(super) fn has_drifted(is: Decimal, target: Decimal) -> bool {
    sizing::has_drifted(to_f64(is), to_f64(target), DRIFT)
}

/// What one unit costs, and in what steps they come.
struct Lot {
    unit: f64,
    multiplier: f64,
    increment: Decimal,
}

fn lot_of(instrument: &Instrument, price: Price, books: &dyn Books) -> Lot {
    let spec = books.spec(instrument);
    let multiplier = spec.map_or(1.0, |spec| to_f64(spec.multiplier));
    let increment = spec.map_or(Decimal::ONE, |spec| spec.quantity_increment);
    let whole = !instrument.asset_class().trades_around_the_clock();
    let increment = if whole || increment.is_zero() { Decimal::ONE.max(increment) } else { increment };
    Lot { unit: to_f64(price.get()) * multiplier, multiplier, increment }
}

fn whole(units: f64, increment: Decimal) -> Quantity {
    Quantity::new(Decimal::from_f64_retain(units).unwrap_or_default().max(Decimal::ZERO).round_dp(8))
        .floor_to_increment(increment)
}

/// Bars of a year, by which a volatility of bars becomes one of a year.
fn bars_a_year(instrument: &Instrument, interval: Interval) -> f64 {
    let (days, minutes) =
        if instrument.asset_class().trades_around_the_clock() { (365.0, 1_440.0) } else { (252.0, 390.0) };
    match interval {
        Interval::Week1 => 52.0,
        Interval::Day1 => days,
        _ => days * (minutes * 60.0 / interval.seconds() as f64).ceil(),
    }
}

/// Half of Kelly's fraction of the strategy's own closed trades, at most a tenth; nothing before there are enough of them.
fn kelly_weight(instrument: &Instrument, books: &dyn Books) -> f64 {
    let closed = books.room(instrument).closed;
    let (wins, losses) = (f64::from(closed.wins), f64::from(closed.losses));
    if closed.wins.saturating_add(closed.losses) < KELLY_TRADES || losses == 0.0 || wins == 0.0 {
        return 0.0;
    }
    let payoff = (to_f64(closed.won) / wins) / (to_f64(closed.lost) / losses);
    sizing::kelly_capped(wins / (wins + losses), payoff, KELLY_PART, KELLY_CAP)
}

/// Units that each cap allows, in order: capital, cash or buying power, one order and one position by the limits, the volume. What is not
/// known caps nothing but the volume of a share, which is then nobody's to judge: risk denies what is too much of it.
fn caps(instrument: &Instrument, unit: f64, books: &dyn Books, entries: Entries) -> Vec<f64> {
    let room = books.room(instrument);
    let money = match books.standing().kind {
        AccountKind::Cash => books.free_cash(),
        AccountKind::Margin => books.buying_power(),
    };
    let units = |money: Decimal| to_f64(money.max(Decimal::ZERO)) / unit;
    // What stands beside each other shares all but the limit of one order.
    let each = |money: Decimal| units(money) / entries.count.max(1) as f64;
    let mut caps = Vec::with_capacity(5);
    // What works takes nothing of the capital yet, and holds cash.
    caps.extend(room.capital.map(each));
    caps.push(each(money + entries.bound));
    caps.push(units(room.order_money));
    caps.push(to_f64(room.order_units));
    caps.push(each(room.position_money));
    caps.extend(room.average_volume.map(|volume| sizing::participation(to_f64(volume), PARTICIPATION, 1.0)));
    caps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::ClosedTrades;
    use crate::strategies::params::Params;
    use crate::strategies::testing::Paper;
    use jiff::Timestamp;

    const ALL: &[ParamSpec] = &[SIZE, NOTIONAL, RISK, STOP, RANGES, VOLATILITY];

    fn sizer(pairs: &[(&str, &str)], slots: usize) -> Option<Sizer> {
        let params = Params::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        Sizer::read(&params.read("test", ALL).unwrap(), slots)
    }

    fn aapl() -> Instrument {
        Instrument::equity("AAPL").unwrap()
    }

    fn bar(day: i64, close: i64, range: i64) -> Bar {
        let price = Price::from(close);
        let half = Price::new(Decimal::new(range * 5, 1));
        let start = Timestamp::from_second(86_400 * day).unwrap();
        Bar { start, open: price, high: price + half, low: price - half, close: price, volume: Decimal::ONE }
    }

    fn units(pairs: &[(&str, &str)], books: &Paper) -> i64 {
        let mut sizer = sizer(pairs, 2).unwrap();
        for day in 0..30 {
            // A range of two around a price that stands still.
            sizer.see(&aapl(), Interval::Day1, &bar(day, 100, 2));
        }
        let quantity = sizer.quantity(&aapl(), Price::from(100), books, Entries::ONE);
        i64::try_from(quantity.get()).unwrap()
    }

    #[test]
    fn each_model_sizes_in_whole_lots() {
        let books = Paper::with(50_000);
        assert!(sizer(&[], 1).is_none());
        for (pairs, expect) in [
            (&[("size", "notional"), ("notional", "1550")][..], 15),
            // 1 % of 50,000 is 500; 5 % of 100 between entry and stop.
            (&[("size", "risk")], 100),
            // Two ranges of two.
            (&[("size", "atr")], 125),
            // Volatility below 5 % counts as 5 %: three times the target, at most all of it, for each of two.
            (&[("size", "volatility")], 250),
            (&[("size", "equal")], 250),
            // No trade is closed yet.
            (&[("size", "kelly")], 0),
        ] {
            assert_eq!(units(pairs, &books), expect, "{pairs:?}");
        }
    }

    #[test]
    fn caps_hold_in_order_and_kelly_needs_thirty_trades() {
        let equal = [("size", "equal")];
        let capped = |change: &dyn Fn(&mut Room)| {
            let mut books = Paper::with(50_000);
            change(&mut books.room);
            units(&equal, &books)
        };
        assert_eq!(capped(&|_| ()), 250);
        assert_eq!(capped(&|room| room.capital = Some(Decimal::from(12_050))), 120);
        assert_eq!(capped(&|room| room.order_money = Decimal::from(9_050)), 90);
        assert_eq!(capped(&|room| room.position_money = Decimal::from(10_000)), 100);
        assert_eq!(capped(&|room| room.average_volume = Some(Decimal::from(8_000))), 80);
        assert_eq!(capped(&|room| room.capital = Some(Decimal::NEGATIVE_ONE)), 0);
        assert_eq!(capped(&|room| room.order_units = Decimal::from(70)), 70);
        let room = Room { order_units: Decimal::TEN, order_money: Decimal::from(25_000), ..Room::default() };
        let of = |each: i64| allowed(&room, Decimal::from(each), Decimal::ONE);
        assert_eq!([of(6_750), of(25_000), of(25_001), of(10), of(0)], [3, 1, 0, 10, 10]);
        let kelly = |wins, losses| {
            let mut books = Paper::with(50_000);
            let (won, lost) = (Decimal::from(wins * 14), Decimal::from(losses * 10));
            books.room.closed = ClosedTrades { wins, losses, won, lost };
            units(&[("size", "kelly")], &books)
        };
        // Half of 0.55 - 0.45 / 1.4 is above a tenth.
        assert_eq!((kelly(11, 9), kelly(22, 18)), (0, 50));
        assert_eq!(kelly(10, 30), 0, "where the odds are against it, nothing");
    }

    #[test]
    fn entries_beside_each_other_share_what_there_is() {
        let books = Paper::with(50_000);
        let mut sizer = sizer(&[("size", "notional"), ("notional", "40000")], 1).unwrap();
        sizer.see(&aapl(), Interval::Day1, &bar(0, 100, 2));
        let units = |count, bound| {
            let entries = Entries { count, bound: Decimal::from(bound) };
            sizer.quantity(&aapl(), Price::from(100), &books, entries)
        };
        assert_eq!([units(1, 0), units(5, 0), units(5, 10_000)], [400, 100, 120].map(Quantity::from));
        let meant = |units| within_caps(&aapl(), Quantity::from(units), Price::from(100), &books);
        assert_eq!([meant(499), meant(501)], [499, 500].map(Quantity::from));
    }

    /// The same path of prices is as many times wilder a year as its bars are shorter: a fifth of a per cent a minute is no calm share.
    #[test]
    fn a_volatility_is_of_a_year_whatever_the_bars() {
        let coin = Instrument::crypto("BTC", "USD").unwrap();
        let realized = |instrument: &Instrument, interval| {
            let mut sizer = sizer(&[("size", "volatility")], 1).unwrap();
            for day in 0..40 {
                sizer.see(instrument, interval, &bar(day, 1_000 + 2 * (day % 2), 1));
            }
            sizer.realized.unwrap()
        };
        let daily = realized(&aapl(), Interval::Day1);
        for (instrument, interval, bars) in [
            (aapl(), Interval::Week1, 52.0),
            (aapl(), Interval::Hour1, 252.0 * 7.0),
            (aapl(), Interval::Minute1, 252.0 * 390.0),
            (coin.clone(), Interval::Day1, 365.0),
            (coin, Interval::Hour1, 365.0 * 24.0),
        ] {
            let times = realized(&instrument, interval) / daily;
            assert!((times - f64::sqrt(bars / 252.0)).abs() < 1e-9, "{instrument} {interval} {times}");
        }
    }

    #[test]
    fn coins_are_sized_to_their_increment() {
        let mut books = Paper::with(1_000);
        let coin = Instrument::crypto("BTC", "USD").unwrap();
        books.specs.insert(coin.clone(), crate::domain::instrument::InstrumentSpec::standard(coin.clone()));
        let increment = books.specs[&coin].quantity_increment;
        let sizer = sizer(&[("size", "notional"), ("notional", "500")], 1).unwrap();
        let quantity = sizer.quantity(&coin, Price::from(30_000), &books, Entries::ONE);
        assert!(quantity.is_positive() && quantity.get() * Decimal::from(30_000) <= Decimal::from(500));
        assert!((quantity.get() % increment).is_zero(), "{quantity} by {increment}");
    }
}
