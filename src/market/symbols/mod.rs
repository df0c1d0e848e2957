//! The symbol universe: listed companies, funds, coins and currency pairs, compiled in. Search is fuzzy, names resolve to symbols.
//! It reads no file at run time and knows no prices but the anchors of the simulation.

mod names;
mod nicknames;
mod search;
mod table;

use std::collections::HashMap;
use std::sync::OnceLock;

use jiff::civil::Date;
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use crate::domain::instrument::{Instrument, Listing, NameMatch, SymbolLookup};
use crate::domain::money::Currency;

use names::NameIndex;
use table::rows;

const COMPANIES: &str = include_str!("../../../assets/symbols/companies.csv");
const CORRECTIONS: &str = include_str!("../../../assets/symbols/corrections.csv");
const MORE: &str = include_str!("../../../assets/symbols/more.csv");
const ETFS: &str = include_str!("../../../assets/symbols/etfs.csv");
const CRYPTO: &str = include_str!("../../../assets/symbols/crypto.csv");
const FX: &str = include_str!("../../../assets/symbols/fx.csv");
const ANCHORS: &str = include_str!("../../../assets/symbols/anchors.csv");

/// Listings that an ambiguous name offers at most.
const FOUND_MAX: usize = 6;
/// Coins at the head of the list that everybody knows.
const WELL_KNOWN_COINS: usize = 10;
/// What etfs.csv calls the indices that only options are traded on.
const INDEX_CATEGORY: &str = "Index";
/// What it calls funds with leverage or against the market.
const GEARED_CATEGORY: &str = "Leveraged";

/// What search and names need of a listing beside what it shows.
#[derive(Debug)]
struct Entry {
    /// `AAPL`, `BTC-USD`, `EUR/USD`.
    key: SmolStr,
    /// The name shown, then others after semicolons.
    names: &'static str,
    /// Traded in the United States, or a coin or pair.
    home: bool,
    /// An exchange-traded fund.
    fund: bool,
    /// A fund that moves by a multiple of what it follows, or against it.
    geared: bool,
    /// How well people know it, 0 to 3.
    prominence: u8,
    /// The price level the simulation starts from.
    anchor: Option<f64>,
}

/// Everything tradable by symbol.
pub struct Universe {
    listings: Vec<Listing>,
    entries: Vec<Entry>,
    by_key: HashMap<SmolStr, usize>,
    names: OnceLock<NameIndex>,
}

/// One row of a table.
struct Row {
    names: &'static str,
    exchange: &'static str,
    currency: &'static str,
    sector: &'static str,
    indices: &'static str,
    fund: bool,
}

/// Where it is listed, as far as the tables tell: they name no exchange for American shares, and only of members of the NASDAQ 100, which
/// takes nothing else, is it known.
fn exchange(row: &Row) -> &'static str {
    match row.exchange {
        "" if row.indices.contains("NASDAQ 100") => "NASDAQ",
        named => named,
    }
}

impl Universe {
    /// Reads the compiled-in lists. Names are indexed when the first one is asked for.
    #[must_use]
    pub fn load() -> Self {
        let mut universe = Self {
            listings: Vec::with_capacity(2_100),
            entries: Vec::with_capacity(2_100),
            by_key: HashMap::with_capacity(2_100),
            names: OnceLock::new(),
        };
        universe.add_companies();
        for [symbol, names, sector, ..] in rows(MORE) {
            universe.add_share(
                symbol,
                Row { names, sector, exchange: "", currency: "USD", indices: "", fund: false },
            );
        }
        for [symbol, names, sector, ..] in rows(ETFS) {
            let fund = sector != INDEX_CATEGORY;
            universe
                .add_share(symbol, Row { names, sector, exchange: "", currency: "USD", indices: "", fund });
        }
        for (rank, [base, names, anchor, ..]) in rows(CRYPTO).enumerate() {
            let row = Row {
                names,
                exchange: "CRYPTO",
                currency: "USD",
                sector: "Crypto",
                indices: "",
                fund: false,
            };
            if let Ok(instrument) = Instrument::crypto(base, "USD") {
                let index = universe.add(instrument, &row);
                universe.entries[index].anchor = anchor.parse().ok();
                universe.entries[index].prominence = if rank < WELL_KNOWN_COINS { 3 } else { 1 };
            }
        }
        for [pair, names, anchor, ..] in rows(FX) {
            let currency = pair.get(4..).unwrap_or("USD");
            let row = Row { names, exchange: "FX", currency, sector: "FX", indices: "", fund: false };
            if let Ok(instrument) = Instrument::from_key(pair) {
                let index = universe.add(instrument, &row);
                universe.entries[index].anchor = anchor.parse().ok();
            }
        }
        for [key, anchor, ..] in rows(ANCHORS) {
            if let Some(index) = universe.by_key.get(key) {
                // A price people know by heart is one of a share people know.
                let entry = &mut universe.entries[*index];
                entry.anchor = anchor.parse().ok();
                entry.prominence = 3;
            }
        }
        universe
    }

    fn add_companies(&mut self) {
        let corrections: Vec<_> = rows(CORRECTIONS).collect();
        for [symbol, name, _, exchange, currency, sector, _, indices] in rows(COMPANIES) {
            let corrected = corrections.iter().find(|row| row[0] == symbol);
            let names = corrected.map_or(name, |row| row[1]);
            self.add_share(symbol, Row { names, exchange, currency, sector, indices, fund: false });
        }
    }

    fn add_share(&mut self, symbol: &'static str, row: Row) {
        if let Ok(instrument) = Instrument::equity(symbol) {
            self.add(instrument, &row);
        }
    }

    /// Adds a listing, or finds it when another table has it already.
    fn add(&mut self, instrument: Instrument, row: &Row) -> usize {
        let key = instrument.to_smolstr();
        let index = *self.by_key.entry(key.clone()).or_insert(self.listings.len());
        if index < self.listings.len() {
            return index;
        }
        let prominence = match row.indices {
            list if list.contains("S&P 100") || list.contains("DOW JONES") => 3,
            list if list.contains("S&P 500") || list.contains("NASDAQ 100") => 2,
            "" if !row.fund => 0,
            _ => 1,
        };
        // Home listings are those without a foreign exchange's code.
        let home = matches!(row.exchange, "" | "CRYPTO" | "FX");
        let geared = row.sector == GEARED_CATEGORY;
        self.entries.push(Entry {
            key,
            names: row.names,
            home,
            fund: row.fund,
            geared,
            prominence,
            anchor: None,
        });
        self.listings.push(Listing {
            instrument,
            name: SmolStr::new_static(row.names.split(';').next().unwrap_or_default()),
            exchange: SmolStr::new_static(exchange(row)),
            currency: Currency::new(row.currency).unwrap_or(Currency::USD),
            sector: SmolStr::new_static(row.sector),
            indices: indices(row.indices),
        });
        index
    }

    /// Every listing, in list order: companies, funds, coins, pairs.
    #[must_use]
    pub fn listings(&self) -> &[Listing] {
        &self.listings
    }

    /// Is it a fund, or an index: what reports no earnings.
    #[must_use]
    pub fn is_fund(&self, instrument: &Instrument) -> bool {
        let place = self.position(instrument);
        place.is_some_and(|at| self.entries[at].fund || self.listings[at].sector == INDEX_CATEGORY)
    }

    /// The price level the simulation starts from, where one is set, in the listing's currency. By key (`AAPL`, `BTC-USD`).
    #[must_use]
    pub fn anchor(&self, key: &str) -> Option<f64> {
        self.entries[*self.by_key.get(key)?].anchor
    }

    /// Where an instrument stands in `listings`; `None` for options and for what is not listed. Does not allocate.
    #[must_use]
    pub fn position(&self, instrument: &Instrument) -> Option<usize> {
        match instrument {
            Instrument::Equity { symbol } => self.by_key.get(symbol.as_str()).copied(),
            Instrument::Crypto { base, quote } => {
                self.by_key.get(format_smolstr!("{base}-{quote}").as_str()).copied()
            }
            Instrument::Fx { base, quote } => {
                self.by_key.get(format_smolstr!("{base}/{quote}").as_str()).copied()
            }
            Instrument::Option(_) | Instrument::Perpetual { .. } | Instrument::Token { .. } => None,
        }
    }

    fn names(&self) -> &NameIndex {
        self.names.get_or_init(|| NameIndex::new(&self.entries))
    }

    /// What listings mean together: home ones alone where there are any, the best known where there are too many.
    fn choose(&self, mut found: Vec<usize>) -> NameMatch {
        if found.iter().any(|index| self.entries[*index].home) {
            found.retain(|index| self.entries[*index].home);
        }
        found.sort_unstable();
        found.dedup();
        found.sort_by_key(|index| std::cmp::Reverse(self.entries[*index].prominence));
        found.truncate(FOUND_MAX);
        let mut meant: Vec<Instrument> =
            found.iter().map(|index| self.listings[*index].instrument.clone()).collect();
        meant.sort();
        match meant.len() {
            0 => NameMatch::None,
            1 => meant.pop().map_or(NameMatch::None, NameMatch::One),
            _ => NameMatch::Many(meant),
        }
    }
}

/// Index names of a cell, each once: the source repeats one.
fn indices(cell: &'static str) -> Vec<SmolStr> {
    let mut list: Vec<SmolStr> =
        cell.split('|').filter(|index| !index.is_empty()).map(SmolStr::new_static).collect();
    list.dedup();
    list
}

impl SymbolLookup for Universe {
    fn listing(&self, symbol: &str) -> Option<Listing> {
        self.by_key.get(symbol).map(|index| self.listings[*index].clone())
    }

    fn is_equity(&self, symbol: &str) -> bool {
        self.by_key
            .get(symbol)
            .is_some_and(|index| matches!(self.listings[*index].instrument, Instrument::Equity { .. }))
    }

    fn is_coin(&self, symbol: &str) -> bool {
        self.by_key.contains_key(format_smolstr!("{symbol}-USD").as_str())
    }

    fn by_name(&self, name: &str) -> NameMatch {
        let words = names::words(name);
        if let Some(keys) = nicknames::nickname(&words.join(" ")) {
            let meant = keys.iter().filter_map(|key| self.by_key.get(*key));
            return self.choose(meant.copied().collect());
        }
        self.choose(self.names().find(words, &self.entries))
    }

    /// Always `None`: which expiries are listed depends on the day, and the universe has no clock. The simulated market knows.
    fn expiries(&self, _underlying: &str) -> Option<Vec<Date>> {
        None
    }

    fn search(&self, query: &str, limit: usize) -> Vec<Listing> {
        let mut found = search::search(&self.entries, self.names(), query, limit);
        if found.is_empty() && limit > 0 {
            found.extend(self.nearest(query.trim()).and_then(|meant| self.position(&meant)));
        }
        found.into_iter().map(|index| self.listings[index].clone()).collect()
    }

    fn nearest(&self, mistyped: &str) -> Option<Instrument> {
        self.nearest_ticker(mistyped).or_else(|| self.nearest_name(mistyped))
    }
}

impl Universe {
    fn nearest_ticker(&self, mistyped: &str) -> Option<Instrument> {
        let upper = mistyped.to_ascii_uppercase();
        let first = upper.as_bytes().first()?;
        let one_off = |entry: &Entry| {
            entry.key.as_bytes().first() == Some(first)
                && entry.key.len().abs_diff(upper.len()) <= 1
                && strsim::osa_distance(&entry.key, &upper) <= 1
        };
        let candidates = self.entries.iter().enumerate().filter(|(_, entry)| one_off(entry));
        candidates
            .max_by_key(|(_, entry)| (entry.home, entry.prominence, std::cmp::Reverse(entry.key.len())))
            .map(|(index, _)| self.listings[index].instrument.clone())
    }

    /// By the name that is nearest, of several the one that people know best.
    fn nearest_name(&self, mistyped: &str) -> Option<Instrument> {
        let said = names::words(mistyped).join(" ");
        let nicknames = nicknames::nearest(&said).into_iter().flat_map(|(edits, keys)| {
            keys.iter().filter_map(move |key| Some((edits, *self.by_key.get(*key)?)))
        });
        self.names()
            .nearest(&said)
            .into_iter()
            .chain(nicknames)
            .min_by_key(|(edits, index)| {
                let entry = &self.entries[*index];
                (*edits, std::cmp::Reverse((entry.home, entry.prominence)), *index)
            })
            .map(|(_, index)| self.listings[index].instrument.clone())
    }
}

#[cfg(test)]
mod tests;
