//! The symbol universe: listed companies, funds, coins and currency pairs, compiled in. Search is fuzzy, names resolve to symbols.

use std::collections::HashMap;
use std::sync::OnceLock;

use jiff::civil::Date;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use smol_str::SmolStr;

use crate::domain::instrument::{Instrument, Listing, NameMatch, SymbolLookup};
use crate::domain::money::Currency;

const COMPANIES: &str = include_str!("../../assets/symbols/companies.csv");
const ETFS: &str = include_str!("../../assets/symbols/etfs.csv");
const CRYPTO: &str = include_str!("../../assets/symbols/crypto.csv");
const FX: &str = include_str!("../../assets/symbols/fx.csv");

/// Names that people use and no list has.
const NICKNAMES: &[(&str, &str)] = &[
    ("google", "GOOGL"),
    ("facebook", "META"),
    ("jp morgan", "JPM"),
    ("jpmorgan", "JPM"),
    ("berkshire b", "BRK.B"),
    ("berkshire hathaway b", "BRK.B"),
    ("brown forman b", "BF.B"),
    ("coke", "KO"),
    ("exxon", "XOM"),
    ("amd", "AMD"),
    ("ibm", "IBM"),
    ("gamestop", "GME"),
    ("mcdonalds", "MCD"),
    ("disney", "DIS"),
    ("walmart", "WMT"),
    ("costco", "COST"),
    ("nvidia", "NVDA"),
    ("chevron", "CVX"),
    ("at and t", "T"),
    ("p and g", "PG"),
    ("j and j", "JNJ"),
    ("palantir", "PLTR"),
    ("coinbase", "COIN"),
    ("robinhood", "HOOD"),
    ("spiders", "SPY"),
    ("the qs", "QQQ"),
    ("uber", "UBER"),
    ("gold etf", "GLD"),
    ("rivian", "RIVN"),
    ("lucid", "LCID"),
    ("sofi", "SOFI"),
    ("snapchat", "SNAP"),
    ("snap", "SNAP"),
];

/// Listings that traders use and the company list lacks.
const MORE_EQUITIES: &[(&str, &str, &str)] = &[
    ("GME", "GameStop", "Consumer Discretionary"),
    ("AMC", "AMC Entertainment", "Communication Services"),
    ("RIVN", "Rivian Automotive", "Consumer Discretionary"),
    ("LCID", "Lucid Group", "Consumer Discretionary"),
    ("SOFI", "SoFi Technologies", "Financials"),
    ("SNAP", "Snap", "Communication Services"),
    ("HOOD", "Robinhood Markets", "Financials"),
    ("COIN", "Coinbase Global", "Financials"),
    ("PLTR", "Palantir Technologies", "Information Technology"),
    ("UBER", "Uber Technologies", "Industrials"),
    ("ARM", "Arm Holdings", "Information Technology"),
    ("BABA", "Alibaba Group", "Consumer Discretionary"),
    ("TSM", "Taiwan Semiconductor", "Information Technology"),
    ("SHOP", "Shopify", "Information Technology"),
    ("NIO", "NIO", "Consumer Discretionary"),
    ("PDD", "PDD Holdings", "Consumer Discretionary"),
    ("ROKU", "Roku", "Communication Services"),
    ("DKNG", "DraftKings", "Consumer Discretionary"),
    ("MSTR", "Strategy", "Information Technology"),
    ("MARA", "MARA Holdings", "Financials"),
    ("SNOW", "Snowflake", "Information Technology"),
    ("NET", "Cloudflare", "Information Technology"),
    ("PINS", "Pinterest", "Communication Services"),
    ("RBLX", "Roblox", "Communication Services"),
    ("AI", "C3.ai", "Information Technology"),
    ("CVNA", "Carvana", "Consumer Discretionary"),
];

/// Search hits looked at before ranking.
const SEARCH_TEXT_MAX: usize = 64;

/// Everything tradable by symbol.
pub struct Universe {
    listings: Vec<Listing>,
    by_symbol: HashMap<SmolStr, usize>,
    coins: HashMap<SmolStr, usize>,
    names: OnceLock<HashMap<String, Vec<usize>>>,
    anchors: HashMap<SmolStr, f64>,
}

impl Universe {
    /// Reads the compiled-in lists.
    #[must_use]
    pub fn load() -> Self {
        let mut universe = Self {
            listings: Vec::with_capacity(2_100),
            by_symbol: HashMap::with_capacity(2_200),
            coins: HashMap::new(),
            names: OnceLock::new(),
            anchors: HashMap::new(),
        };
        universe.add_companies();
        for (symbol, name, sector) in MORE_EQUITIES {
            if !universe.by_symbol.contains_key(*symbol) {
                universe.add_equity(symbol, name, "", "USD", sector, "");
            }
        }
        for row in rows(ETFS) {
            universe.add_equity(&row[0], &row[1], "", "USD", &row[2], "");
        }
        for row in rows(CRYPTO) {
            if let (Ok(instrument), Ok(price)) = (Instrument::crypto(&row[0], "USD"), row[2].parse()) {
                universe.anchors.insert(instrument.to_string().into(), price);
                universe.coins.insert(SmolStr::new(&row[0]), universe.listings.len());
                universe.add(instrument, &row[1], "CRYPTO", "USD", "Crypto", "");
            }
        }
        for row in rows(FX) {
            if let (Ok(instrument), Ok(price)) = (Instrument::from_key(&row[0]), row[2].parse()) {
                universe.anchors.insert(instrument.to_string().into(), price);
                let currency = row[0].get(4..).unwrap_or("USD");
                universe.add(instrument, &row[1], "FX", currency, "FX", "");
            }
        }
        for row in rows(include_str!("../../assets/symbols/anchors.csv")) {
            if let Ok(price) = row[1].parse() {
                universe.anchors.insert(SmolStr::new(&row[0]), price);
            }
        }
        universe
    }

    fn add_companies(&mut self) {
        for row in rows(COMPANIES) {
            // Symbols of other countries' exchanges carry a suffix (.DE, .L); the letter classes of US shares are no suffix.
            self.add_equity(&row[0], &row[1], &row[3], &row[4], &row[5], &row[7]);
        }
    }

    fn add_equity(
        &mut self,
        symbol: &str,
        name: &str,
        exchange: &str,
        currency: &str,
        sector: &str,
        indices: &str,
    ) {
        if let Ok(instrument) = Instrument::equity(symbol) {
            self.add(instrument, name, exchange, currency, sector, indices);
        }
    }

    fn add(
        &mut self,
        instrument: Instrument,
        name: &str,
        exchange: &str,
        currency: &str,
        sector: &str,
        indices: &str,
    ) {
        let key = SmolStr::new(instrument.to_string());
        if self.by_symbol.contains_key(&key) {
            return;
        }
        self.by_symbol.insert(key, self.listings.len());
        self.listings.push(Listing {
            instrument,
            name: name.into(),
            exchange: exchange.into(),
            currency: Currency::new(currency).unwrap_or(Currency::USD),
            sector: sector.into(),
            indices: indices.split('|').filter(|index| !index.is_empty()).map(SmolStr::new).collect(),
        });
    }

    /// Every listing, in list order.
    #[must_use]
    pub fn listings(&self) -> &[Listing] {
        &self.listings
    }

    /// The price level the simulation starts from, where one is set.
    #[must_use]
    pub fn anchor(&self, symbol: &str) -> Option<f64> {
        self.anchors.get(symbol).copied()
    }

    fn names(&self) -> &HashMap<String, Vec<usize>> {
        self.names.get_or_init(|| {
            let mut names: HashMap<String, Vec<usize>> = HashMap::with_capacity(self.listings.len());
            for (index, listing) in self.listings.iter().enumerate() {
                for name in listing.name.split(';') {
                    names.entry(plain_name(name)).or_default().push(index);
                }
            }
            names
        })
    }

    /// What listings mean together: US ones first, and one alone where there is only one.
    fn choose(&self, indexes: &[usize]) -> NameMatch {
        let us = |index: &&usize| {
            self.listings[**index].exchange.is_empty() || self.listings[**index].exchange == "CRYPTO"
        };
        let mut chosen: Vec<usize> = indexes.iter().filter(us).copied().collect();
        if chosen.is_empty() {
            chosen = indexes.to_vec();
        }
        chosen.sort_unstable();
        chosen.dedup();
        match chosen.as_slice() {
            [] => NameMatch::None,
            [one] => NameMatch::One(self.listings[*one].instrument.clone()),
            many => {
                NameMatch::Many(many.iter().take(6).map(|i| self.listings[*i].instrument.clone()).collect())
            }
        }
    }
}

/// Rows of a compiled-in table, without its header. Eight cells at least, missing ones empty.
fn rows(text: &'static str) -> impl Iterator<Item = Vec<String>> {
    csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes())
        .into_records()
        .filter_map(Result::ok)
        .map(|record| {
            let mut cells: Vec<String> = record.iter().map(|cell| cell.trim().to_owned()).collect();
            cells.resize(cells.len().max(8), String::new());
            cells
        })
}

/// Words of company names that nobody says.
const SILENT: &[&str] = &[
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "co",
    "company",
    "companies",
    "plc",
    "ltd",
    "limited",
    "group",
    "holdings",
    "holding",
    "the",
    "sa",
    "ag",
    "nv",
    "se",
    "class",
    "a",
    "com",
    "lp",
    "llc",
    "spa",
    "oyj",
    "ab",
    "kk",
    "etf",
    "fund",
    "trust",
];

/// A name in lower case without punctuation and silent words.
fn plain_name(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for word in
        name.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '&').filter(|word| !word.is_empty())
    {
        let word: String = word.chars().filter(|c| *c != '\'').flat_map(char::to_lowercase).collect();
        let word = if word == "&" { "and".to_owned() } else { word };
        if SILENT.contains(&word.as_str()) || word.is_empty() {
            continue;
        }
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.push_str(&word);
    }
    plain
}

impl SymbolLookup for Universe {
    fn listing(&self, symbol: &str) -> Option<Listing> {
        self.by_symbol.get(symbol).map(|index| self.listings[*index].clone())
    }

    fn is_equity(&self, symbol: &str) -> bool {
        self.by_symbol
            .get(symbol)
            .is_some_and(|i| matches!(self.listings[*i].instrument, Instrument::Equity { .. }))
    }

    fn is_coin(&self, symbol: &str) -> bool {
        self.coins.contains_key(symbol)
    }

    fn by_name(&self, name: &str) -> NameMatch {
        let plain = plain_name(name);
        if plain.is_empty() {
            return NameMatch::None;
        }
        if let Some((_, symbol)) = NICKNAMES.iter().find(|(nickname, _)| *nickname == plain) {
            return Instrument::equity(symbol).map_or(NameMatch::None, NameMatch::One);
        }
        if let Some(exact) = self.names().get(&plain) {
            return self.choose(exact);
        }
        if plain.len() < 4 {
            return NameMatch::None;
        }
        // "berkshire" for "berkshire hathaway": whole words from the front.
        let starts: Vec<usize> = self
            .names()
            .iter()
            .filter(|(full, _)| full.strip_prefix(plain.as_str()).is_some_and(|rest| rest.starts_with(' ')))
            .flat_map(|(_, indexes)| indexes.iter().copied())
            .collect();
        self.choose(&starts)
    }

    fn expiries(&self, _underlying: &str) -> Option<Vec<Date>> {
        None
    }

    fn search(&self, query: &str, limit: usize) -> Vec<Listing> {
        let query: String = query.chars().filter(|c| !c.is_control()).take(SEARCH_TEXT_MAX).collect();
        let pattern = Pattern::parse(query.trim(), CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let upper = query.trim().to_ascii_uppercase();
        let mut buffer = Vec::new();
        let mut hits: Vec<(u32, usize)> = Vec::new();
        for (index, listing) in self.listings.iter().enumerate() {
            let symbol = listing.instrument.to_string();
            let text = format!("{symbol} {}", listing.name);
            let Some(score) = pattern.score(Utf32Str::new(&text, &mut buffer), &mut matcher) else {
                continue;
            };
            // An exact ticker is what is meant; then its beginning; home listings before foreign ones.
            let bonus = if symbol == upper {
                10_000
            } else if symbol.starts_with(&upper) {
                200
            } else {
                0
            };
            let home = if listing.exchange.is_empty() || listing.exchange == "CRYPTO" { 50 } else { 0 };
            hits.push((score + bonus + home, index));
        }
        hits.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        hits.into_iter().take(limit).map(|(_, index)| self.listings[index].clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(universe: &Universe, keep: fn(&Listing) -> bool) -> usize {
        universe.listings().iter().filter(|l| keep(l)).count()
    }

    #[test]
    fn the_universe_is_whole() {
        let universe = Universe::load();
        assert!(count(&universe, |l| matches!(l.instrument, Instrument::Equity { .. })) >= 1_749 + 100);
        assert!(count(&universe, |l| matches!(l.instrument, Instrument::Crypto { .. })) >= 50);
        assert!(count(&universe, |l| l.indices.iter().any(|i| i == "S&P 500")) > 400);
        assert!(count(&universe, |l| l.sector == "Information Technology") > 100);
        assert!(universe.is_equity("BRK.B") && universe.is_equity("SPY") && universe.is_coin("BTC"));
    }

    #[test]
    fn names_resolve_and_ambiguous_ones_say_so() {
        let universe = Universe::load();
        let one = |name: &str| match universe.by_name(name) {
            NameMatch::One(instrument) => instrument.to_string(),
            other => format!("{other:?}"),
        };
        for (name, symbol) in [
            ("apple", "AAPL"),
            ("microsoft", "MSFT"),
            ("tesla", "TSLA"),
            ("berkshire b", "BRK.B"),
            ("coca-cola", "KO"),
            ("bitcoin", "BTC-USD"),
            ("ether", "ETH-USD"),
            ("nvidia", "NVDA"),
            ("amazon", "AMZN"),
            ("johnson & johnson", "JNJ"),
            ("bank of america", "BAC"),
            ("mcdonald's", "MCD"),
            ("google", "GOOGL"),
            ("dogecoin", "DOGE-USD"),
            ("netflix", "NFLX"),
        ] {
            assert_eq!(one(name), symbol, "{name}");
        }
        assert!(matches!(universe.by_name("alphabet"), NameMatch::Many(_)));
        assert_eq!(universe.by_name("no such company"), NameMatch::None);
    }

    #[test]
    fn search_puts_the_exact_ticker_first() {
        let universe = Universe::load();
        let first = |query: &str| universe.search(query, 5).first().map(|l| l.instrument.to_string());
        for (query, symbol) in [
            ("aapl", "AAPL"),
            ("apple inc", "AAPL"),
            ("f", "F"),
            ("btc", "BTC-USD"),
            ("nvd", "NVDA"),
            ("berksh", "BRK.B"),
        ] {
            assert_eq!(first(query).as_deref(), Some(symbol), "{query}");
        }
        assert!(universe.search("zzzzqqqq", 5).is_empty());
    }
}
