//! Recorded quotes and trades of a file, CSV or Parquet, by rising time over all symbols: `symbol,time,bid,ask,bid_size,ask_size`, or
//! `symbol,time,price,size`, or all of them, where what a row does not tell is empty. Of trades alone the market stands a price step on either
//! side of the last one, so that what takes from it pays for that, and what waits is passed before it fills. Nothing is held: the file is read
//! as it is run.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::domain::calendar::exchange_date;
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::{Price, Quantity, parse_decimal};
use crate::domain::quote::{Feed, Quote};

use super::cells::{BarsError, Cells, Wrong};

/// Columns that tell of a quote.
const QUOTE: [&str; 4] = ["bid", "ask", "bid_size", "ask_size"];
/// Columns that tell of a trade.
const TRADE: [&str; 2] = ["price", "size"];
/// What the header must be.
const HEADER: &str = "symbol,time and bid,ask,bid_size,ask_size or price,size or all of them";
/// Prices are below this, sizes at most that: a product of two still fits a decimal.
const PRICE_LIMIT: Decimal = Decimal::from_parts(3_567_587_328, 232, 0, false, 0);
const SIZE_MAX: Decimal = Decimal::from_parts(2_808_348_672, 232_830_643, 0, false, 0);
const PRICE: &str = "a number above 0 and below 1000000000000, or nothing";
const SIZE: &str = "a number from 0 to 1000000000000000000, or nothing";
/// Instruments of one file at most: the newest prices of each are held.
const INSTRUMENTS_MAX: usize = 10_000;

/// Does a file hold ticks, by its header: bars have dates, ticks have times.
///
/// # Errors
/// When it cannot be read, or is no table.
pub fn is_ticks(path: &Path) -> Result<bool, BarsError> {
    Ok(has_times(&Cells::open(path)?))
}

fn has_times(cells: &Cells<'_>) -> bool {
    cells.header().iter().any(|name| name == "time")
}

/// Ticks as they are read: each is the newest prices of its instrument, what earlier rows told of it included. Volume counts from the
/// beginning of the exchange's day.
pub struct Ticks<'a> {
    cells: Cells<'a>,
    columns: Columns,
    last: Option<Timestamp>,
    newest: BTreeMap<Instrument, (Date, Quote)>,
    /// The row before, as it was written.
    before: String,
    same: u64,
}

/// Where the columns are among the file's.
struct Columns {
    symbol: usize,
    time: usize,
    quote: Option<[usize; 4]>,
    trade: Option<[usize; 2]>,
}

/// What a row tells.
#[derive(Default)]
struct Row {
    bid: Option<Price>,
    ask: Option<Price>,
    sizes: [Quantity; 2],
    trade: Option<(Price, Quantity)>,
}

impl Ticks<'static> {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read, or its header is not one of ticks.
    pub fn open(path: &Path) -> Result<Self, BarsError> {
        Self::new(Cells::open(path)?)
    }
}

impl<'a> Ticks<'a> {
    /// Reads what is a text already.
    ///
    /// # Errors
    /// When its header is not one of ticks.
    pub fn text(file: &str, lines: impl BufRead + Send + 'a) -> Result<Self, BarsError> {
        Self::new(Cells::text(file, lines)?)
    }

    fn new(cells: Cells<'a>) -> Result<Self, BarsError> {
        let names = cells.header();
        let at = |name: &str| names.iter().position(|known| known == name);
        let all = |wanted: &[&str]| wanted.iter().map(|name| at(name)).collect::<Option<Vec<usize>>>();
        let quote = all(&QUOTE).and_then(|places| places.try_into().ok());
        let trade = all(&TRADE).and_then(|places| places.try_into().ok());
        let known =
            2 + if quote.is_some() { QUOTE.len() } else { 0 } + if trade.is_some() { TRADE.len() } else { 0 };
        let (Some(symbol), Some(time)) = (at("symbol"), at("time")) else {
            return Err(cells.error("header", &names.join(","), HEADER));
        };
        if known != names.len() || known == 2 {
            return Err(cells.error("header", &names.join(","), HEADER));
        }
        let columns = Columns { symbol, time, quote, trade };
        Ok(Self { cells, columns, last: None, newest: BTreeMap::new(), before: String::new(), same: 0 })
    }

    /// Rows that were the very same as the one before them: two trades may be, a file that was put together twice is.
    #[must_use]
    pub const fn same(&self) -> u64 {
        self.same
    }

    fn read(&mut self) -> Result<Option<Quote>, BarsError> {
        let Self { cells, columns, last, newest, before, same } = self;
        let read = cells.read(|cells| {
            let instrument = Instrument::from_key(cells[columns.symbol])
                .map_err(|_| ("symbol", "a symbol such as AAPL or BTC-USD"))?;
            let at: Timestamp =
                cells[columns.time].parse().map_err(|_| ("time", "an RFC 3339 time with its zone"))?;
            if last.is_some_and(|last| at < last) {
                return Err(("time", "not before the row before"));
            }
            *last = Some(at);
            *same += u64::from(same_as(before, cells));
            if !newest.contains_key(&instrument) && newest.len() == INSTRUMENTS_MAX {
                return Err(("symbol", "10000 symbols of one file at most"));
            }
            let row = columns.row(cells)?;
            let day = exchange_date(at);
            let fresh = || (day, Quote::empty(instrument.clone(), at, Feed::Replayed));
            let (of, quote) = newest.entry(instrument.clone()).or_insert_with(fresh);
            if *of != day {
                let close = quote.last;
                (*of, quote.volume) = (day, Quantity::ZERO);
                (quote.open, quote.high, quote.low, quote.previous_close) = (None, None, None, close);
            }
            row.tell(at, quote);
            if columns.quote.is_none() {
                stand_around(quote);
            }
            Ok(quote.clone())
        })?;
        Ok(read)
    }
}

/// Is a row the one before it; it is the one before from now on.
fn same_as(before: &mut String, cells: &[&str]) -> bool {
    let mut rest = before.as_str();
    let same =
        cells.iter().all(|cell| match rest.strip_prefix(cell).and_then(|rest| rest.strip_prefix(',')) {
            Some(left) => {
                rest = left;
                true
            }
            None => false,
        });
    let same = same && rest.is_empty() && !before.is_empty();
    if !same {
        before.clear();
        for cell in cells {
            before.push_str(cell);
            before.push(',');
        }
    }
    same
}

impl Columns {
    fn row(&self, cells: &[&str]) -> Result<Row, Wrong> {
        let mut row = Row::default();
        if let Some([bid, ask, bid_size, ask_size]) = self.quote {
            (row.bid, row.ask) = (price("bid", cells[bid])?, price("ask", cells[ask])?);
            row.sizes = [size("bid_size", cells[bid_size])?, size("ask_size", cells[ask_size])?];
            if row.bid.zip(row.ask).is_some_and(|(bid, ask)| ask < bid) {
                return Err(("ask", "not below the bid"));
            }
        }
        if let Some([at, of]) = self.trade {
            let (paid, units) = (price("price", cells[at])?, size("size", cells[of])?);
            row.trade = paid.map(|paid| (paid, units));
        }
        if row.bid.is_none() && row.ask.is_none() && row.trade.is_none() {
            return Err((
                if self.quote.is_some() { "bid" } else { "price" },
                "a price in one of the columns",
            ));
        }
        Ok(row)
    }
}

impl Row {
    /// A row of a trade alone says nothing of the quote, which stands.
    fn tell(self, at: Timestamp, quote: &mut Quote) {
        quote.as_of = at;
        if self.bid.is_some() || self.ask.is_some() {
            (quote.bid, quote.ask) = (self.bid, self.ask);
            [quote.bid_size, quote.ask_size] = self.sizes;
        }
        let Some((price, units)) = self.trade else { return };
        (quote.last, quote.last_size) = (Some(price), units);
        quote.volume += units;
        quote.open.get_or_insert(price);
        quote.high = Some(quote.high.map_or(price, |high| high.max(price)));
        quote.low = Some(quote.low.map_or(price, |low| low.min(price)));
    }
}

/// The market around a trade, a price step away from it, with as much as was traded.
fn stand_around(quote: &mut Quote) {
    let Some(last) = quote.last else { return };
    let step = InstrumentSpec::standard(quote.instrument.clone()).tick_at(last);
    let bid = last.get() - step;
    (quote.bid, quote.bid_size) = ((bid > Decimal::ZERO).then(|| Price::new(bid)), quote.last_size);
    (quote.ask, quote.ask_size) = (Some(Price::new(last.get() + step)), quote.last_size);
}

fn price(field: &'static str, cell: &str) -> Result<Option<Price>, Wrong> {
    if cell.is_empty() {
        return Ok(None);
    }
    let read = parse_decimal(cell).ok().filter(|price| *price > Decimal::ZERO && *price < PRICE_LIMIT);
    read.map(|price| Some(Price::new(price))).ok_or((field, PRICE))
}

fn size(field: &'static str, cell: &str) -> Result<Quantity, Wrong> {
    if cell.is_empty() {
        return Ok(Quantity::ZERO);
    }
    let read = parse_decimal(cell).ok().filter(|size| (Decimal::ZERO..=SIZE_MAX).contains(size));
    read.map(Quantity::new).ok_or((field, SIZE))
}

impl Iterator for Ticks<'_> {
    type Item = Result<Quote, BarsError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Vec<Quote>, u64), BarsError> {
        let mut ticks = Ticks::text("t.csv", text.as_bytes())?;
        let all: Vec<Quote> = ticks.by_ref().collect::<Result<_, _>>()?;
        Ok((all, ticks.same()))
    }

    #[test]
    fn quotes_and_trades_make_one_picture_of_an_instrument() {
        let (all, same) = read(
            "symbol,time,bid,ask,bid_size,ask_size,price,size\n\
             AAPL,2026-11-24T14:30:00Z,100,100.02,5,6,,\n\
             AAPL,2026-11-24T14:30:00.5Z,,,,,100.01,10\n\
             AAPL,2026-11-24T14:30:00.5Z,,,,,100.01,10\n\
             AAPL,2026-11-25T14:30:01Z,,101,,3,101,1\n",
        )
        .unwrap();
        assert_eq!((all.len(), same), (4, 1));
        let quote = &all[2];
        assert_eq!((quote.bid.unwrap().to_string(), quote.ask_size), ("100".to_owned(), Quantity::from(6)));
        assert_eq!(
            (quote.last.unwrap().to_string(), quote.volume),
            ("100.01".to_owned(), Quantity::from(20))
        );
        let next = &all[3];
        assert_eq!((next.bid, next.ask.unwrap().to_string()), (None, "101".to_owned()));
        assert_eq!(
            (next.volume, next.previous_close.unwrap().to_string()),
            (Quantity::from(1), "100.01".to_owned())
        );
        assert!(
            read("symbol,time,bid,ask,bid_size,ask_size\nBTC-USD,2026-11-24T14:30:00Z,1,2,3,4\n").is_ok()
        );
        assert!(read("time,size,price,symbol\n2026-11-24T14:30:00Z,1,2,AAPL\n").is_ok());
    }

    /// Where nobody recorded quotes, orders still meet a market: never a better one than the trades were.
    #[test]
    fn trades_alone_have_a_market_a_step_around_them() {
        let (all, _) = read(
            "symbol,time,price,size\nAAPL,2026-11-24T14:30:00Z,100,5\nAAPL,2026-11-24T14:30:01Z,0.0001,7\n",
        )
        .unwrap();
        let shown = |quote: &Quote| {
            let price = |price: Option<Price>| price.map_or("-".to_owned(), |price| price.to_string());
            format!("{} x{} {} x{}", price(quote.bid), quote.bid_size, price(quote.ask), quote.ask_size)
        };
        assert_eq!([shown(&all[0]), shown(&all[1])], ["99.99 x5 100.01 x5", "- x7 0.0002 x7"]);
    }

    #[test]
    fn a_wrong_tick_is_named_with_its_row_and_column() {
        const QUOTES: &str = "symbol,time,bid,ask,bid_size,ask_size\n";
        for (rows, said) in [
            ("AAPL,2026-11-24,1,2,3,4\n", "t.csv:2: time: found '2026-11-24', allowed: an RFC 3339 time"),
            ("AAPL,2026-11-24T14:30:00Z,2,1,3,4\n", "t.csv:2: ask: found '1', allowed: not below the bid"),
            ("AAPL,2026-11-24T14:30:00Z,-1,1,3,4\n", "t.csv:2: bid: found '-1', allowed: a number above 0"),
            (
                "AAPL,2026-11-24T14:30:00Z,1,1,-3,4\n",
                "t.csv:2: bid_size: found '-3', allowed: a number from 0",
            ),
            ("AAPL,2026-11-24T14:30:00Z,,,3,4\n", "t.csv:2: bid: found '', allowed: a price in one"),
            ("A A,2026-11-24T14:30:00Z,1,1,3,4\n", "t.csv:2: symbol: found 'A A'"),
            ("AAPL,2026-11-24T14:30:00Z,1,1,3\n", "t.csv:2: row: found"),
            (
                "AAPL,2026-11-24T14:30:01Z,1,1,3,4\nMSFT,2026-11-24T14:30:00Z,1,1,3,4\n",
                "t.csv:3: time: found '2026-11-24T14:30:00Z', allowed: not before the row before",
            ),
        ] {
            let error = read(&format!("{QUOTES}{rows}")).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
        for header in
            ["symbol,time", "symbol,time,bid,ask", "symbol,time,price,size,venue", "time,price,size"]
        {
            let error = read(&format!("{header}\n")).unwrap_err();
            assert_eq!((error.field, error.line), ("header", 1), "{header}");
        }
    }
}
