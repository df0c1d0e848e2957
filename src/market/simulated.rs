//! The simulated market. A price is a pure function of seed, symbol and time, so that two processes see one market.
//!
//! Log prices are sums of noise at doubling time scales (value noise with cubic interpolation), which looks and measures like a
//! random walk and can be asked at any instant without a history. Three such walks make a symbol: the market's, its sector's, its own.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, ToSpan};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use crate::domain::calendar::{Calendar, MarketPhase};
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec, SymbolLookup};
use crate::domain::money::{Price, Quantity};
use crate::domain::quote::{Bar, Feed, Interval, Quote};
use crate::quant::random::{hash_text, mix};

use super::chain;
use super::symbols::Universe;

/// Finest scale of the noise, in milliseconds; it doubles up to about seven weeks, so that prices stay near their anchors.
const FINEST_MS: i64 = 250;
const SCALES: u32 = 25;
/// Milliseconds of a year.
const YEAR_MS: f64 = 365.25 * 86_400_000.0;
/// A price holds for this long at least: the grid of last prices.
pub(super) const GRID_MS: i64 = 250;
/// Points of a bar at which its price is looked at.
const BAR_POINTS: i64 = 24;
const HOUR_MS: i64 = 3_600_000;

/// Symbols that move from the start, the first watchlists.
pub const ACTIVE: &[(&str, &[&str])] = &[
    (
        "main",
        &[
            "AAPL", "MSFT", "NVDA", "AMZN", "GOOGL", "META", "TSLA", "AMD", "SPY", "QQQ", "BTC-USD",
            "ETH-USD", "SOL-USD", "EUR/USD", "USD/JPY",
        ],
    ),
    (
        "tech",
        &[
            "AAPL", "MSFT", "NVDA", "AVGO", "AMD", "INTC", "ORCL", "CRM", "ADBE", "QCOM", "TXN", "MU",
            "CSCO", "IBM", "PLTR",
        ],
    ),
    (
        "stocks",
        &[
            "JPM", "BAC", "GS", "WFC", "V", "MA", "XOM", "CVX", "JNJ", "PFE", "UNH", "MRK", "WMT", "COST",
            "HD", "KO", "PEP", "PG", "DIS", "NKE", "BA", "CAT", "F", "GM", "UBER", "NFLX",
        ],
    ),
    (
        "etfs",
        &[
            "SPY", "QQQ", "DIA", "IWM", "VOO", "XLK", "XLF", "XLE", "XLV", "GLD", "SLV", "TLT", "HYG", "EEM",
            "SMH",
        ],
    ),
    (
        "crypto",
        &[
            "BTC-USD", "ETH-USD", "SOL-USD", "XRP-USD", "DOGE-USD", "ADA-USD", "AVAX-USD", "LINK-USD",
            "LTC-USD",
        ],
    ),
    ("fx", &["EUR/USD", "GBP/USD", "USD/JPY", "USD/CHF", "USD/CAD", "AUD/USD"]),
];

/// What a symbol's price is made of.
#[derive(Clone, Copy, Debug)]
struct Recipe {
    anchor: f64,
    /// Volatility per year of each walk.
    market: f64,
    sector: f64,
    own: f64,
    sector_key: u64,
    own_key: u64,
    /// Half the spread, as a part of the price.
    half_spread: f64,
    /// Units typically shown.
    size: f64,
    /// Units traded in a day.
    day_volume: f64,
}

/// The best prices of an instant and its last trade.
#[derive(Clone, Copy, Debug)]
pub(super) struct Top {
    pub bid: Price,
    pub bid_size: Quantity,
    pub ask: Price,
    pub ask_size: Quantity,
    pub last: Price,
    pub last_size: Quantity,
}

/// The simulated market.
#[derive(Clone)]
pub struct SimulatedMarket {
    seed: u64,
    universe: Arc<Universe>,
    calendar: Arc<Calendar>,
    keeps_hours: bool,
}

/// Uniform in -1 to 1.
fn uniform(key: u64, index: i64) -> f64 {
    let bits = mix(key ^ mix(index as u64));
    (bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// A walk's value at a time: variance grows in proportion to elapsed time, one year's deviation is about 1.
fn walk(key: u64, ms: i64) -> f64 {
    let mut sum = 0.0;
    let mut step = FINEST_MS;
    for scale in 0..SCALES {
        let key = key ^ (u64::from(scale) << 56);
        let cell = ms.div_euclid(step);
        let t = ms.rem_euclid(step) as f64 / step as f64;
        let (a, b) = (uniform(key, cell), uniform(key, cell + 1));
        let smooth = t * t * (3.0 - 2.0 * t);
        // Uniform noise has variance 1/3; a scale's share grows with the root of its length.
        sum += (a + (b - a) * smooth) * (step as f64 / YEAR_MS).sqrt();
        step *= 2;
    }
    sum
}

impl SimulatedMarket {
    /// A market from a seed. With `keeps_hours`, prices outside New York's hours stand still.
    #[must_use]
    pub const fn new(seed: u64, universe: Arc<Universe>, calendar: Arc<Calendar>, keeps_hours: bool) -> Self {
        Self { seed, universe, calendar, keeps_hours }
    }

    /// Sets the exchange's days from now on.
    pub fn set_calendar(&mut self, calendar: Arc<Calendar>) {
        self.calendar = calendar;
    }

    fn recipe(&self, instrument: &Instrument) -> Option<Recipe> {
        let symbol = instrument.to_string();
        let listing = self.universe.listing(&symbol)?;
        let own_key = mix(self.seed ^ hash_text(&symbol));
        let spread_noise = 0.75 + 0.5 * (uniform(own_key, 1) + 1.0) / 2.0;
        let anchor = self.universe.anchor(&symbol).unwrap_or_else(|| {
            // Log-uniform between 15 and 400.
            15.0 * (26.7_f64).powf((uniform(own_key, 0) + 1.0) / 2.0)
        });
        let (market, sector, own, half_spread, money, day_money) = match instrument.asset_class() {
            AssetClass::Crypto if is_stable(&symbol) => (0.0, 0.0, 0.002, 0.000_05, 50_000.0, 5e8),
            AssetClass::Crypto => (0.15, 0.45, 0.30, 0.000_15, 20_000.0, 8e8),
            AssetClass::Fx => (0.01, 0.03, 0.06, 0.000_03, 1_000_000.0, 5e9),
            _ if listing.sector == "Bond" => (0.02, 0.05, 0.03, 0.000_08, 60_000.0, 4e8),
            _ if listing.indices.is_empty() && !listing.sector.contains(' ') => {
                (0.14, 0.06, 0.08, 0.000_03, 150_000.0, 5e9)
            }
            _ => (0.15, 0.12, 0.22, 0.000_07, 40_000.0, 2e9),
        };
        let sector_key = mix(self.seed ^ hash_text(&listing.sector) ^ 0x5EC7);
        Some(Recipe {
            anchor,
            market,
            sector,
            own: own * (0.7 + 0.3 * (uniform(own_key, 2) + 1.0)),
            sector_key,
            own_key,
            half_spread: half_spread * spread_noise,
            size: money / anchor,
            day_volume: day_money / anchor,
        })
    }

    /// The middle price, unrounded. `None` for what is not in the universe.
    #[must_use]
    pub fn level(&self, instrument: &Instrument, at: Timestamp) -> Option<f64> {
        let recipe = self.recipe(instrument)?;
        Some(self.level_of(&recipe, self.trading_ms(instrument, at)))
    }

    fn level_of(&self, recipe: &Recipe, ms: i64) -> f64 {
        let log = recipe.market * walk(mix(self.seed ^ 0x3A8), ms)
            + recipe.sector * walk(recipe.sector_key, ms)
            + recipe.own * walk(recipe.own_key, ms);
        recipe.anchor * log.exp()
    }

    /// The instant whose price shows at `at`: the grid's last point, and the last bell where hours are kept.
    fn trading_ms(&self, instrument: &Instrument, at: Timestamp) -> i64 {
        let mut at = at;
        if self.keeps_hours && self.calendar.phase(instrument.asset_class(), at) == MarketPhase::Closed {
            let day = crate::domain::calendar::exchange_date(at);
            let last =
                |day| self.calendar.session(day).map(|session| session.close).filter(|close| *close <= at);
            at = last(day).or_else(|| last(self.calendar.previous_session(day))).unwrap_or(at);
        }
        at.as_millisecond().div_euclid(GRID_MS) * GRID_MS
    }

    /// First instant of the trading day: 00:00 UTC, for a market that never closes has no bell.
    fn day_start(at: Timestamp) -> i64 {
        at.as_millisecond().div_euclid(86_400_000) * 86_400_000
    }

    /// The quote of a share, fund, coin, pair or option at an instant.
    #[must_use]
    pub fn quote(&self, instrument: &Instrument, at: Timestamp) -> Option<Quote> {
        if let Instrument::Option(contract) = instrument {
            return chain::option_quote(self, contract, at);
        }
        let recipe = self.recipe(instrument)?;
        let ms = self.trading_ms(instrument, at);
        let (top, tick) = self.top_of(&recipe, instrument, ms);
        let mut quote = Quote::empty(instrument.clone(), at, Feed::Simulated);
        (quote.bid, quote.bid_size) = (Some(top.bid), top.bid_size);
        (quote.ask, quote.ask_size) = (Some(top.ask), top.ask_size);
        (quote.last, quote.last_size) = (Some(top.last), top.last_size);
        self.add_day(&mut quote, &recipe, at, ms, tick);
        Some(quote)
    }

    /// The best prices and the last trade of an instant. `None` for what has no quote then.
    pub(super) fn top(&self, instrument: &Instrument, at: Timestamp) -> Option<Top> {
        if instrument.as_option().is_some() {
            let quote = self.quote(instrument, at)?;
            let (bid, ask, last) = (quote.bid?, quote.ask?, quote.last?);
            let (bid_size, ask_size) = (quote.bid_size, quote.ask_size);
            let last_size = if quote.last_size.is_positive() { quote.last_size } else { Quantity::from(1) };
            return Some(Top { bid, bid_size, ask, ask_size, last: last.clamp(bid, ask), last_size });
        }
        let recipe = self.recipe(instrument)?;
        Some(self.top_of(&recipe, instrument, self.trading_ms(instrument, at)).0)
    }

    /// The same, and the tick there.
    fn top_of(&self, recipe: &Recipe, instrument: &Instrument, ms: i64) -> (Top, Decimal) {
        let level = self.level_of(recipe, ms);
        let spec = InstrumentSpec::standard(instrument.clone());
        let tick = spec.tick_at(decimal(level));
        let half = (level * recipe.half_spread).max(0.0);
        let bid = decimal(level - half).floor_to_tick(tick);
        let ask = decimal(level + half).ceil_to_tick(tick).max(Price::new(bid.get() + tick));
        // Sizes and trades change with the grid, each symbol in its own rhythm.
        let beat = ms / GRID_MS;
        let size = |salt: i64| {
            let noise = (uniform(recipe.own_key ^ 0x517E, beat * 4 + salt) + 1.05) * recipe.size;
            round_size(instrument.asset_class(), noise)
        };
        let last_size =
            round_size(instrument.asset_class(), recipe.size * 0.2 * (uniform(recipe.own_key, beat) + 1.1));
        let last = decimal(level).round_to_tick(tick);
        (Top { bid, bid_size: size(0), ask, ask_size: size(1), last, last_size }, tick)
    }

    /// The last price of an instant. `None` for what is not in the universe.
    #[must_use]
    pub fn last_price(&self, instrument: &Instrument, at: Timestamp) -> Option<Price> {
        self.top(instrument, at).map(|top| top.last)
    }

    /// Change since the day began, as a part of its first price. `None` for what is not in the universe.
    pub(super) fn day_change(&self, instrument: &Instrument, at: Timestamp) -> Option<f64> {
        let recipe = self.recipe(instrument)?;
        let level = self.level_of(&recipe, self.trading_ms(instrument, at));
        Some(level / self.level_of(&recipe, Self::day_start(at) - GRID_MS) - 1.0)
    }

    /// Money that goes over in a day, about.
    pub(super) fn day_money(&self, instrument: &Instrument, at: Timestamp) -> Option<f64> {
        let recipe = self.recipe(instrument)?;
        let wobble = 1.0 + 0.3 * uniform(recipe.own_key ^ 0xDA1, Self::day_start(at));
        Some(recipe.day_volume * wobble * self.level_of(&recipe, self.trading_ms(instrument, at)))
    }

    /// A size as the venue of an instrument shows it.
    pub(super) fn shown_size(&self, instrument: &Instrument, units: f64) -> Quantity {
        round_size(instrument.asset_class(), units)
    }

    /// Everything tradable.
    pub(super) fn universe(&self) -> &Universe {
        &self.universe
    }

    fn add_day(&self, quote: &mut Quote, recipe: &Recipe, at: Timestamp, ms: i64, tick: Decimal) {
        let start = Self::day_start(at);
        let price_at = |ms: i64| decimal(self.level_of(recipe, ms)).round_to_tick(tick);
        let (mut high, mut low) = (price_at(ms), price_at(ms));
        // Instants that stand still: were they others with each quote, an extreme would be found hours late, and whoever fills resting orders
        // would take it for a trade of now.
        let hour = start + (ms - start).max(0) / HOUR_MS * HOUR_MS;
        let hours = (0..BAR_POINTS).map(|i| start + i * HOUR_MS).take_while(|at| *at <= hour);
        let within = (1..BAR_POINTS).map(|i| hour + i * HOUR_MS / BAR_POINTS);
        for at in hours.chain(within).take_while(|at| *at < ms) {
            let price = price_at(at);
            (high, low) = (high.max(price), low.min(price));
        }
        quote.open = Some(price_at(start));
        quote.previous_close = Some(price_at(start - GRID_MS));
        quote.high = Some(high);
        quote.low = Some(low);
        let part = (ms - start) as f64 / 86_400_000.0;
        let wobble = 1.0 + 0.3 * uniform(recipe.own_key ^ 0xDA1, start);
        quote.volume = round_size(quote.instrument.asset_class(), recipe.day_volume * wobble * part.max(0.0));
    }

    /// Which symbols have a new price between two instants: each in its own rhythm, about `per_second` times a second.
    #[must_use]
    pub fn ticks_between(
        &self,
        instrument: &Instrument,
        from: Timestamp,
        until: Timestamp,
        per_second: f64,
    ) -> bool {
        let period = (1_000.0 / per_second.max(0.01)) as i64;
        let phase = (hash_text(instrument.root().as_str()) % period.max(1).unsigned_abs()) as i64;
        let beat = |at: Timestamp| (at.as_millisecond() - phase).div_euclid(period.max(1));
        beat(until) > beat(from)
    }

    /// Bars up to an instant, oldest first; the last may be unfinished. Empty for what is not in the universe.
    #[must_use]
    pub fn bars(
        &self,
        instrument: &Instrument,
        interval: Interval,
        until: Timestamp,
        limit: usize,
    ) -> Vec<Bar> {
        let Some(recipe) = self.recipe(instrument) else { return Vec::new() };
        let length = interval.seconds() * 1_000;
        let now = self.trading_ms(instrument, until);
        // Weeks start on Monday; 1970-01-01 was a Thursday.
        let offset = if interval == Interval::Week1 { 4 * 86_400_000 } else { 0 };
        let newest = (now - offset).div_euclid(length) * length + offset;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX).min(5_000);
        (0..limit)
            .rev()
            .filter_map(|back| self.bar(&recipe, instrument, newest - back * length, length, now))
            .collect()
    }

    fn bar(
        &self,
        recipe: &Recipe,
        instrument: &Instrument,
        start: i64,
        length: i64,
        now: i64,
    ) -> Option<Bar> {
        let end = (start + length - GRID_MS).min(now);
        let tick = InstrumentSpec::standard(instrument.clone()).tick_at(decimal(recipe.anchor));
        let price =
            |ms: i64| decimal(self.level_of(recipe, ms.div_euclid(GRID_MS) * GRID_MS)).round_to_tick(tick);
        let (open, close) = (price(start), price(end));
        let (mut high, mut low) = (open.max(close), open.min(close));
        // Those of an unfinished bar too: what it has reached it keeps.
        let whole = length - GRID_MS;
        for at in (1..BAR_POINTS).map(|i| start + whole * i / BAR_POINTS).take_while(|at| *at < end) {
            let at = price(at);
            (high, low) = (high.max(at), low.min(at));
        }
        let share = (end - start + GRID_MS) as f64 / 86_400_000.0;
        let wobble = 1.0 + 0.6 * uniform(recipe.own_key ^ 0xBA2, start);
        let volume = round_size(instrument.asset_class(), recipe.day_volume * share * wobble).get();
        let start = Timestamp::from_millisecond(start).ok()?;
        Some(Bar { start, open, high, low, close, volume })
    }

    /// The calendar.
    #[must_use]
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// A number that belongs to a text under this seed, uniform in 0 to 1.
    #[must_use]
    pub fn noise(&self, text: &str, index: i64) -> f64 {
        f64::midpoint(uniform(mix(self.seed ^ hash_text(text)), index), 1.0)
    }

    /// Where a day's quote history begins, for charts that ask for one.
    #[must_use]
    pub fn earliest(&self, now: Timestamp) -> Timestamp {
        now.checked_sub(SignedDuration::from_hours(24 * 365)).unwrap_or_else(|_| now - 1.hour())
    }
}

fn is_stable(symbol: &str) -> bool {
    matches!(symbol, "USDC-USD" | "USDT-USD" | "DAI-USD")
}

/// A price from a simulated level: nine digits are more than any tick.
pub(super) fn decimal(level: f64) -> Price {
    Price::new(Decimal::from_f64(level).unwrap_or_default().round_dp(10))
}

/// A size a venue would show: whole shares in lots of ten, coins to four digits.
fn round_size(class: AssetClass, units: f64) -> Quantity {
    let decimals = if class == AssetClass::Crypto && units < 1_000.0 { 4 } else { 0 };
    let value = Decimal::from_f64(units.max(1e-4)).unwrap_or(Decimal::ONE).round_dp(decimals);
    Quantity::new(if value.is_zero() { Decimal::ONE } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn market(seed: u64) -> SimulatedMarket {
        SimulatedMarket::new(seed, Arc::new(Universe::load()), Arc::new(Calendar::nyse()), false)
    }

    fn now() -> Timestamp {
        "2026-11-24T15:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_new_extreme_of_the_day_is_a_price_of_now() {
        let market = market(42);
        let aapl = Instrument::from_key("AAPL").unwrap();
        let mut extremes = 0;
        for start in ["2026-11-24T00:00:05Z", "2026-11-24T13:59:00Z", "2026-11-24T21:20:00Z"] {
            let at: Timestamp = start.parse().unwrap();
            let quotes: Vec<Quote> = (0..1_200)
                .map(|n| market.quote(&aapl, at + jiff::SignedDuration::from_millis(n * 500)).unwrap())
                .collect();
            for pair in quotes.windows(2) {
                let (before, after) = (&pair[0], &pair[1]);
                let (last, now) = (before.last.unwrap().get(), after.last.unwrap().get());
                // Between them the price may have gone a little beyond both.
                let slack = Decimal::new(5, 2);
                if after.low < before.low {
                    extremes += 1;
                    assert!(after.low.unwrap().get() >= last.min(now) - slack, "{before:?}\n{after:?}");
                }
                if after.high > before.high {
                    extremes += 1;
                    assert!(after.high.unwrap().get() <= last.max(now) + slack, "{before:?}\n{after:?}");
                }
            }
        }
        assert!(extremes > 10, "the day has extremes: {extremes}");
    }

    #[test]
    fn every_active_symbol_has_a_plausible_quote() {
        let market = market(7);
        let mut symbols: Vec<&str> = ACTIVE.iter().flat_map(|(_, list)| list.iter().copied()).collect();
        symbols.sort_unstable();
        symbols.dedup();
        assert!(symbols.len() >= 60, "{}", symbols.len());
        for symbol in symbols {
            let instrument = Instrument::from_key(symbol).unwrap();
            let quote = market.quote(&instrument, now()).unwrap_or_else(|| panic!("{symbol}"));
            let (bid, ask, last) = (quote.bid.unwrap(), quote.ask.unwrap(), quote.last.unwrap());
            assert!(bid.is_positive() && bid < ask && quote.bid_size.is_positive(), "{symbol} {quote:?}");
            assert!(quote.high.unwrap() >= last && quote.low.unwrap() <= last, "{symbol}");
            let spread = quote.spread().unwrap().get() / ask.get();
            assert!(spread < Decimal::new(1, 2), "{symbol} {spread}");
            let change = quote.change_percent().unwrap().abs();
            assert!(change < Decimal::from(20), "{symbol} moved {change} %");
        }
    }

    #[test]
    fn two_processes_see_one_market_and_another_seed_another() {
        let aapl = Instrument::equity("AAPL").unwrap();
        assert_eq!(market(7).quote(&aapl, now()), market(7).quote(&aapl, now()));
        assert_ne!(market(7).quote(&aapl, now()).unwrap().last, market(8).quote(&aapl, now()).unwrap().last);
    }

    #[test]
    fn shares_move_together_and_like_shares() {
        let market = market(3);
        let returns = |symbol: &str| -> Vec<f64> {
            let instrument = Instrument::from_key(symbol).unwrap();
            let level =
                |hour: i64| market.level(&instrument, now() - SignedDuration::from_hours(hour)).unwrap();
            (0..2_000).map(|i| (level(i * 6) / level(i * 6 + 6)).ln()).collect()
        };
        let (a, b, c) = (returns("MSFT"), returns("ORCL"), returns("EUR/USD"));
        let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(p, q)| p * q).sum::<f64>();
        let correlation = |x: &[f64], y: &[f64]| dot(x, y) / (dot(x, x) * dot(y, y)).sqrt();
        let yearly = (dot(&a, &a) / a.len() as f64 * 4.0 * 365.25).sqrt();
        assert!((0.1..0.7).contains(&yearly), "volatility {yearly}");
        assert!(correlation(&a, &b) > 0.2, "{}", correlation(&a, &b));
        assert!(correlation(&a, &c).abs() < 0.3, "{}", correlation(&a, &c));
    }

    #[test]
    fn bars_agree_with_quotes() {
        let market = market(7);
        let aapl = Instrument::equity("AAPL").unwrap();
        for interval in Interval::ALL {
            let bars = market.bars(&aapl, interval, now(), 50);
            assert_eq!(bars.len(), 50);
            assert!(bars.iter().all(Bar::is_sound) && bars.is_sorted_by_key(|bar| bar.start));
            assert_eq!(bars.last().unwrap().close, market.quote(&aapl, now()).unwrap().last.unwrap());
        }
    }

    #[test]
    fn with_hours_kept_prices_stand_still_at_night() {
        let market = SimulatedMarket::new(7, Arc::new(Universe::load()), Arc::new(Calendar::nyse()), true);
        let aapl = Instrument::equity("AAPL").unwrap();
        let at = |text: &str| market.level(&aapl, text.parse().unwrap()).unwrap();
        assert_eq!(at("2026-11-28T12:00:00Z"), at("2026-11-29T12:00:00Z"));
        assert_ne!(at("2026-11-24T15:00:00Z"), at("2026-11-24T15:01:00Z"));
    }
}
