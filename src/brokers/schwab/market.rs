//! Prices: quotes, bars, chains and search by asking, quotes and depth by the streamer; what moves, and when markets are open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::value::RawValue;
use smol_str::SmolStr;
use tokio::sync::{mpsc, watch};

use super::data_wire::{
    Chain, Contract, Expirations, Found, History, Hours, Instruments, Mover, Movers, QuoteEntry,
};
use super::rest::{READS, Rest, unreadable};
use super::streamer::{Heard, KEYS_MAX, Keys, LEVELS, Streamer};
use super::{NAME, symbols};
use crate::brokers::http::Call;
use crate::brokers::quotes::QuoteBoard;
use crate::brokers::{BrokerError, FeedEvent, Market, MarketFeed, Wanted, json, penny};
use crate::domain::chain::ChainRow;
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec, Listing, Symbol};
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::option::OptionContract;
use crate::domain::quote::{Bar, Feed, Interval, MoverOrder, Quote};

/// Symbols of one question.
const SYMBOLS_MAX: usize = 500;
/// All shares, as the list of movers names them, and a minimum of minutes for which something moves: none.
const ALL_SHARES: &str = "EQUITY_ALL";
const WHOLE_DAY: u32 = 0;
/// Listings that a search returns.
const FOUND_MAX: usize = 20;
/// How often prices are asked for that the stream does not bring, and how soon after it turned out.
const ASK_EVERY: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_secs(1);

const QUOTES: Call = Call::read("quotes", READS);
const BARS: Call = Call::history("pricehistory", READS);
const EXPIRIES: Call = Call::read("expirationchain", READS);
const CHAIN: Call = Call::history("chains", READS);
const SEARCH: Call = Call::read("instruments", READS);
const MOVERS: Call = Call::read("movers", READS);
const HOURS: Call = Call::read("markets", READS);

/// Prices of one login.
pub struct SchwabFeed {
    pub(super) rest: Arc<Rest>,
    pub(super) streamer: Arc<Streamer>,
}

/// Prices above zero; Schwab writes zero where there is none.
fn price(value: Option<Decimal>) -> Option<Price> {
    value.filter(|value| *value > Decimal::ZERO).map(Price::new)
}

fn quantity(value: Option<Decimal>) -> Quantity {
    Quantity::new(value.unwrap_or_default())
}

/// Quotes by symbol, those that it knows. One that cannot be read does not fail the others.
async fn entries(rest: &Rest, symbols: &[String]) -> Result<Vec<(String, QuoteEntry)>, BrokerError> {
    let mut found = Vec::new();
    for part in symbols.chunks(SYMBOLS_MAX) {
        let joined = symbols::escaped(&part.join(","));
        let query = format!("/quotes?symbols={joined}&fields=quote%2Cregular%2Creference&indicative=false");
        let answer = rest.prices(QUOTES, &query).await?;
        let all: BTreeMap<String, Box<RawValue>> = answer.json()?;
        for (symbol, raw) in all {
            // Beside the symbols there is `errors`, with those that it does not know.
            if symbol == "errors" {
                continue;
            }
            match json::read(raw.get().as_bytes()) {
                Ok(entry) => found.push((symbol, entry)),
                Err(error) => tracing::warn!(broker = NAME, %error, "a quote is passed over"),
            }
        }
    }
    Ok(found)
}

fn quote(instrument: Instrument, entry: &QuoteEntry) -> Quote {
    let feed = if entry.realtime == Some(false) { Feed::Delayed } else { Feed::RealTime };
    let Some(prices) = &entry.quote else { return Quote::empty(instrument, Timestamp::UNIX_EPOCH, feed) };
    let newest = [prices.quote_time, prices.trade_time].into_iter().flatten().max().unwrap_or_default();
    let as_of = Timestamp::from_millisecond(newest).unwrap_or(Timestamp::UNIX_EPOCH);
    let last = price(prices.last_price);
    let regular = entry.regular.as_ref().and_then(|regular| price(regular.regular_market_last_price));
    Quote {
        bid: price(prices.bid_price),
        bid_size: quantity(prices.bid_size),
        ask: price(prices.ask_price),
        ask_size: quantity(prices.ask_size),
        last,
        last_size: quantity(prices.last_size),
        previous_close: price(prices.close_price),
        open: price(prices.open_price),
        high: price(prices.high_price),
        low: price(prices.low_price),
        regular_close: regular.filter(|_| regular != last),
        volume: quantity(prices.total_volume),
        halted: prices.security_status.as_deref().is_some_and(|word| word.eq_ignore_ascii_case("halted")),
        ..Quote::empty(instrument, as_of, feed)
    }
}

/// The terms of an instrument: whole units, steps of a cent, what its reference says of borrowing and of the penny program.
///
/// # Errors
/// `NotFound` when Schwab does not know it.
pub async fn spec(rest: &Rest, instrument: &Instrument) -> Result<InstrumentSpec, BrokerError> {
    let not_found = || BrokerError::NotFound { broker: NAME.to_owned(), what: instrument.to_string() };
    let symbol = symbols::written(instrument).ok_or_else(not_found)?;
    let found = entries(rest, std::slice::from_ref(&symbol)).await?;
    let (_, entry) = found.into_iter().find(|(name, _)| *name == symbol).ok_or_else(not_found)?;
    let reference = entry.reference.unwrap_or_default();
    let mut spec = InstrumentSpec::standard(instrument.clone());
    (spec.quantity_increment, spec.quantity_min) = (Decimal::ONE, Decimal::ONE);
    spec.tradable = entry.asset_main_type.as_deref() != Some("INDEX");
    spec.shortable = reference.is_shortable.unwrap_or(spec.shortable);
    spec.easy_to_borrow = !reference.is_hard_to_borrow.unwrap_or(false);
    if instrument.as_option().is_some() {
        // A wrong one is taken with a 201 and refused afterwards: a stop at one would protect nothing.
        spec.ticks = penny::ticks(instrument, reference.is_penny_pilot);
        if let Some(multiplier) = reference.multiplier.filter(|value| *value > Decimal::ZERO) {
            (spec.multiplier, spec.deliverable) = (multiplier, multiplier);
        }
    }
    Ok(spec)
}

/// Type, width and how far back a question goes, for an interval. Hours are made of halves.
fn history(interval: Interval) -> (&'static str, &'static str, u32) {
    match interval {
        Interval::Minute1 => ("day", "minute", 1),
        Interval::Minute5 => ("day", "minute", 5),
        Interval::Minute15 => ("day", "minute", 15),
        Interval::Hour1 => ("day", "minute", 30),
        Interval::Day1 => ("year", "daily", 1),
        Interval::Week1 => ("year", "weekly", 1),
    }
}

/// Halves of an hour as hours, each from its full hour on.
fn hours(halves: Vec<Bar>) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::with_capacity(halves.len() / 2 + 1);
    for half in halves {
        let hour = half.start.as_second().div_euclid(3_600) * 3_600;
        match bars.last_mut().filter(|bar| bar.start.as_second() == hour) {
            Some(bar) => {
                bar.high = bar.high.max(half.high);
                bar.low = bar.low.min(half.low);
                bar.close = half.close;
                bar.volume += half.volume;
            }
            None => bars.push(Bar { start: Timestamp::from_second(hour).unwrap_or(half.start), ..half }),
        }
    }
    bars
}

fn row(contract: OptionContract, theirs: &Contract, feed: Feed) -> ChainRow {
    let float = |value: Option<Decimal>| value.and_then(|value| value.to_f64());
    let at = Timestamp::from_millisecond(theirs.quote_time_in_long.unwrap_or_default());
    let quote = Quote {
        bid: price(theirs.bid),
        bid_size: quantity(theirs.bid_size),
        ask: price(theirs.ask),
        ask_size: quantity(theirs.ask_size),
        last: price(theirs.last),
        last_size: quantity(theirs.last_size),
        previous_close: price(theirs.close_price),
        open: price(theirs.open_price),
        high: price(theirs.high_price),
        low: price(theirs.low_price),
        volume: quantity(theirs.total_volume),
        ..Quote::empty(Instrument::Option(contract.clone()), at.unwrap_or(Timestamp::UNIX_EPOCH), feed)
    };
    let percent = theirs.volatility.filter(|value| *value > Decimal::ZERO);
    ChainRow {
        contract,
        quote,
        open_interest: theirs.open_interest.and_then(|value| value.to_u64()),
        iv: float(percent.map(|value| value / Decimal::ONE_HUNDRED)),
        delta: float(theirs.delta),
        gamma: float(theirs.gamma),
        theta: float(theirs.theta),
        vega: float(theirs.vega),
    }
}

fn listing(found: Found) -> Option<Listing> {
    let instrument = symbols::read(&found.asset_type, &found.symbol)?;
    let clean = |text: &str| SmolStr::new(crate::domain::text::clean(text));
    Some(Listing {
        instrument,
        name: clean(&found.description),
        exchange: clean(&found.exchange),
        currency: Currency::USD,
        sector: SmolStr::default(),
        indices: Vec::new(),
    })
}

/// The service that an instrument's quotes come by.
const fn service_of(instrument: &Instrument) -> &'static str {
    let [equities, options] = LEVELS;
    if matches!(instrument, Instrument::Option(_)) { options } else { equities }
}

/// Which keys of the streamer are wanted, no more than it has room for, quotes before books; and of which quotes there is no room.
fn keys(wanted: &Wanted) -> (Keys, Vec<Instrument>) {
    let mut keys: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    let mut left = KEYS_MAX;
    let mut add = |service: &'static str, symbol: String| {
        if left == 0 {
            return false;
        }
        left -= usize::from(keys.entry(service).or_default().insert(symbol));
        true
    };
    let mut without_room = Vec::new();
    for instrument in &wanted.quotes {
        if let Some(symbol) = symbols::written(instrument)
            && !add(service_of(instrument), symbol)
        {
            without_room.push(instrument.clone());
        }
    }
    for instrument in &wanted.books {
        let Some(symbol) = symbols::written(instrument) else { continue };
        if instrument.as_option().is_some() {
            add("OPTIONS_BOOK", symbol);
        } else {
            // Where a share is listed is not known here: the other service has nothing of it.
            add("NASDAQ_BOOK", symbol.clone());
            add("NYSE_BOOK", symbol);
        }
    }
    (Keys(keys), without_room)
}

/// What the stream does not bring.
#[derive(Default)]
struct Unstreamed {
    /// There is no room for these.
    without_room: Vec<Instrument>,
    /// These services do not send everything.
    services: BTreeSet<&'static str>,
}

impl Unstreamed {
    /// What is to be asked for.
    fn asked(&self, wanted: &Wanted) -> Vec<Instrument> {
        let unserved = |instrument: &&Instrument| self.services.contains(service_of(instrument));
        let mut asked: Vec<Instrument> = wanted.quotes.iter().filter(unserved).cloned().collect();
        asked.extend(self.without_room.iter().cloned());
        asked.sort_unstable();
        asked.dedup();
        asked
    }
}

impl SchwabFeed {
    /// What is wanted from now on.
    fn want(&self, wanted: &Wanted, unstreamed: &Mutex<Unstreamed>) {
        let (keys, without_room) = keys(wanted);
        unstreamed.lock().unwrap_or_else(PoisonError::into_inner).without_room = without_room;
        self.streamer.want(keys);
    }

    /// Asks for what the stream does not bring.
    async fn ask(
        &self,
        wanted: watch::Receiver<Wanted>,
        events: &mpsc::Sender<FeedEvent>,
        unstreamed: &Mutex<Unstreamed>,
    ) {
        loop {
            let asked = unstreamed.lock().unwrap_or_else(PoisonError::into_inner).asked(&wanted.borrow());
            if asked.is_empty() {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            match self.quotes(&asked).await {
                Ok(quotes) => {
                    for quote in quotes {
                        // Without room it is left out: a newer one comes.
                        events.try_send(FeedEvent::Quote(Box::new(quote))).ok();
                    }
                }
                Err(error) => tracing::warn!(broker = NAME, %error, "prices were asked for in vain"),
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Streams what is wanted.
    async fn stream(
        &self,
        mut wanted: watch::Receiver<Wanted>,
        events: &mpsc::Sender<FeedEvent>,
        unstreamed: &Mutex<Unstreamed>,
    ) -> BrokerError {
        let unheard =
            || BrokerError::Unreachable { broker: NAME.to_owned(), reason: "nobody listens".to_owned() };
        let services = |change: &dyn Fn(&mut BTreeSet<&'static str>)| {
            change(&mut unstreamed.lock().unwrap_or_else(PoisonError::into_inner).services);
        };
        let mut heard = self.streamer.listen();
        self.want(&wanted.borrow_and_update(), unstreamed);
        let mut board = QuoteBoard::new(Feed::RealTime);
        loop {
            let event = tokio::select! {
                biased;
                () = events.closed() => return unheard(),
                changed = wanted.changed() => {
                    if changed.is_err() {
                        return unheard();
                    }
                    self.want(&wanted.borrow_and_update(), unstreamed);
                    continue;
                }
                word = heard.recv() => match word {
                    Some(Heard::Up) => {
                        // A new connection, asked anew for everything.
                        services(&|services| services.clear());
                        FeedEvent::Up
                    }
                    Some(Heard::Down { reason, retry_at }) => FeedEvent::Down { reason, retry_at },
                    Some(Heard::Level(level)) => {
                        let quote = board.update(&level.instrument, level.at, |quote| {
                            level.apply(quote);
                            if let Some(delayed) = level.delayed {
                                quote.feed = if delayed { Feed::Delayed } else { Feed::RealTime };
                            }
                        });
                        FeedEvent::Quote(Box::new(quote.clone()))
                    }
                    Some(Heard::Book(book)) => FeedEvent::Depth {
                        instrument: book.instrument.clone(),
                        as_of: book.at,
                        bids: book.bids.clone(),
                        asks: book.asks.clone(),
                    },
                    Some(Heard::Unserved(service)) => {
                        services(&|services| {
                            services.insert(service);
                        });
                        continue;
                    }
                    Some(Heard::Activity(_)) => continue,
                    Some(Heard::Ended(error)) => return error,
                    None => return unheard(),
                },
            };
            // Prices may be left out: a newer one comes. That the line went up or down may not.
            match event {
                event @ (FeedEvent::Up | FeedEvent::Down { .. }) => {
                    if events.send(event).await.is_err() {
                        return unheard();
                    }
                }
                event => {
                    if let Err(mpsc::error::TrySendError::Closed(_)) = events.try_send(event) {
                        return unheard();
                    }
                }
            }
        }
    }

    /// What moves in an index or on an exchange, such as `$SPX`, by `sort`, such as `PERCENT_CHANGE_UP`, over `minutes`; best first.
    /// Outside of hours there is nothing to say, and the list is empty.
    ///
    /// # Errors
    /// As a read.
    pub async fn moving(&self, of: &str, sort: &str, minutes: u32) -> Result<Vec<Mover>, BrokerError> {
        let path =
            format!("/movers/{}?sort={}&frequency={minutes}", symbols::escaped(of), symbols::escaped(sort));
        let movers: Movers = self.rest.prices(MOVERS, &path).await?.json()?;
        Ok(movers.screeners.into_iter().filter(Mover::says_something).collect())
    }

    /// When shares and options trade on a day of the next year, by market and product.
    ///
    /// # Errors
    /// As a read.
    pub async fn market_hours(&self, date: Date) -> Result<Hours, BrokerError> {
        let path = format!("/markets?markets=equity%2Coption&date={date}");
        self.rest.prices(HOURS, &path).await?.json()
    }
}

#[async_trait]
impl MarketFeed for SchwabFeed {
    fn covers(&self, market: Market) -> bool {
        market.is_of(&[AssetClass::Equity, AssetClass::Option])
    }

    async fn quotes(&self, instruments: &[Instrument]) -> Result<Vec<Quote>, BrokerError> {
        let by_symbol: BTreeMap<String, &Instrument> =
            instruments.iter().filter_map(|one| Some((symbols::written(one)?, one))).collect();
        let symbols: Vec<String> = by_symbol.keys().cloned().collect();
        let found = entries(&self.rest, &symbols).await?;
        let known = found.iter().filter(|(_, entry)| entry.quote.is_some());
        Ok(known
            .filter_map(|(symbol, entry)| Some(quote((*by_symbol.get(symbol)?).clone(), entry)))
            .collect())
    }

    async fn bars(
        &self,
        instrument: &Instrument,
        interval: Interval,
        end: Timestamp,
        limit: usize,
    ) -> Result<Vec<Bar>, BrokerError> {
        let Some(symbol) = symbols::written(instrument) else { return Ok(Vec::new()) };
        let (period, frequency_type, frequency) = history(interval);
        // Of a day, 6.5 hours trade, and five days of seven: six times the bars' own time holds them, and holidays.
        let days = if interval.seconds() < 86_400 { 6 } else { 2 };
        let span =
            interval.seconds().saturating_mul(i64::try_from(limit).unwrap_or(i64::MAX)).saturating_mul(days);
        let span = SignedDuration::from_secs(span.clamp(4 * 86_400, 40 * 365 * 86_400));
        let start = end.checked_sub(span).unwrap_or(Timestamp::UNIX_EPOCH).max(Timestamp::UNIX_EPOCH);
        let query = format!(
            "/pricehistory?symbol={}&periodType={period}&frequencyType={frequency_type}&frequency={frequency}&startDate={}&endDate={}\
             &needExtendedHoursData=false&needPreviousClose=false",
            symbols::escaped(&symbol),
            start.as_millisecond(),
            end.as_millisecond()
        );
        let history: History = self.rest.prices(BARS, &query).await?.json()?;
        let mut bars = Vec::with_capacity(history.candles.len());
        for candle in history.candles {
            let start = Timestamp::from_millisecond(candle.datetime)
                .map_err(|error| unreadable("pricehistory", error.to_string()))?;
            let bar = Bar {
                start,
                open: Price::new(candle.open),
                high: Price::new(candle.high),
                low: Price::new(candle.low),
                close: Price::new(candle.close),
                volume: candle.volume.round_dp_with_strategy(0, RoundingStrategy::ToZero),
            };
            if bar.is_sound() && start < end {
                bars.push(bar);
            }
        }
        bars.sort_by_key(|bar| bar.start);
        bars.dedup_by_key(|bar| bar.start);
        if interval == Interval::Hour1 {
            bars = hours(bars);
        }
        let skip = bars.len().saturating_sub(limit);
        Ok(bars.split_off(skip))
    }

    async fn expiries(&self, underlying: &Symbol) -> Result<Vec<Date>, BrokerError> {
        let path = format!("/expirationchain?symbol={}", symbols::escaped(&symbols::ticker(underlying)));
        let found: Expirations = self.rest.prices(EXPIRIES, &path).await?.json()?;
        let date = |text: &str| text.get(..10)?.parse::<Date>().ok();
        let mut dates: Vec<Date> =
            found.expiration_list.iter().filter_map(|row| date(&row.expiration_date)).collect();
        dates.sort_unstable();
        dates.dedup();
        Ok(dates)
    }

    async fn chain(&self, underlying: &Symbol, expiry: Date) -> Result<Vec<ChainRow>, BrokerError> {
        // One day at a time: the whole chain of an index is more than the gateway carries.
        let path = format!(
            "/chains?symbol={}&contractType=ALL&includeUnderlyingQuote=false&strategy=SINGLE&fromDate={expiry}&toDate={expiry}",
            symbols::escaped(&symbols::ticker(underlying))
        );
        let chain: Chain = self.rest.prices(CHAIN, &path).await?.json()?;
        if chain.status.as_deref().is_some_and(|status| status != "SUCCESS") {
            return Ok(Vec::new());
        }
        let feed = if chain.is_delayed { Feed::Delayed } else { Feed::RealTime };
        let maps = [&chain.call_exp_date_map, &chain.put_exp_date_map];
        let contracts = maps.into_iter().flat_map(BTreeMap::values).flat_map(BTreeMap::values).flatten();
        let mut rows: Vec<ChainRow> = contracts
            .filter_map(|theirs| Some(row(OptionContract::from_occ(&theirs.symbol).ok()?, theirs, feed)))
            .filter(|row| row.contract.expiry == expiry)
            .collect();
        rows.sort_by(|a, b| {
            (a.contract.strike, a.contract.right).cmp(&(b.contract.strike, b.contract.right))
        });
        Ok(rows)
    }

    async fn lookup(&self, text: &str) -> Result<Vec<Listing>, BrokerError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let mut found: Vec<Listing> = Vec::new();
        // By symbol first, which is what a person types as a rule; then by name.
        let symbol = format!("{}.*", text.to_ascii_uppercase());
        let by_symbol = Symbol::new(text).is_ok().then_some(("symbol-regex", symbol));
        for (projection, pattern) in by_symbol.into_iter().chain([("desc-search", text.to_owned())]) {
            let path = format!("/instruments?symbol={}&projection={projection}", symbols::escaped(&pattern));
            let answer: Instruments = self.rest.prices(SEARCH, &path).await?.json()?;
            for listing in answer.instruments.into_iter().filter_map(listing) {
                if !found.iter().any(|have| have.instrument == listing.instrument) {
                    found.push(listing);
                }
            }
        }
        let exact = |listing: &Listing| listing.instrument.key().eq_ignore_ascii_case(text);
        found.sort_by_key(|listing| (!exact(listing), listing.instrument.key().len()));
        found.truncate(FOUND_MAX);
        Ok(found)
    }

    async fn movers(&self, order: MoverOrder, limit: usize) -> Result<Option<Vec<Instrument>>, BrokerError> {
        let sort = match order {
            MoverOrder::Gainers => "PERCENT_CHANGE_UP",
            MoverOrder::Losers => "PERCENT_CHANGE_DOWN",
            MoverOrder::Active => "VOLUME",
        };
        let rows = self.moving(ALL_SHARES, sort, WHOLE_DAY).await?;
        let shares = rows.iter().filter_map(|row| symbols::read("EQUITY", &row.symbol));
        Ok(Some(shares.take(limit).collect()))
    }

    async fn watch(&self, wanted: watch::Receiver<Wanted>, events: mpsc::Sender<FeedEvent>) -> BrokerError {
        let unstreamed = Mutex::default();
        let asking = self.ask(wanted.clone(), &events, &unstreamed);
        let ended = tokio::select! {
            error = self.stream(wanted, &events, &unstreamed) => error,
            () = asking => BrokerError::Unreachable { broker: NAME.to_owned(), reason: "nobody listens".to_owned() },
        };
        self.streamer.want(Keys::default());
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_asked_for() {
        let shares = (0..KEYS_MAX + 2).map(|n| Instrument::equity(&format!("A{n}")).unwrap());
        let mut quotes: Vec<Instrument> = shares.collect();
        quotes.push(Instrument::from_key("AAPL  270115C00190000").unwrap());
        let wanted = Wanted { books: vec![quotes[0].clone()], quotes };
        let (keys, without_room) = keys(&wanted);
        let count: usize = keys.0.values().map(BTreeSet::len).sum();
        assert_eq!((count, keys.0.len(), without_room.len()), (KEYS_MAX, 1, 3), "books come last");
        let mut unstreamed = Unstreamed { without_room, ..Unstreamed::default() };
        assert_eq!(unstreamed.asked(&wanted).len(), 3);
        unstreamed.services.insert("LEVELONE_OPTIONS");
        assert_eq!(unstreamed.asked(&wanted).len(), 3, "each once");
        unstreamed.services.insert("LEVELONE_EQUITIES");
        assert_eq!(unstreamed.asked(&wanted).len(), KEYS_MAX + 3);
    }
}
