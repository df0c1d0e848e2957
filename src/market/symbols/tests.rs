use std::collections::BTreeSet;

use super::*;

fn one_of(universe: &Universe, name: &str) -> String {
    match universe.by_name(name) {
        NameMatch::None => "none".to_owned(),
        NameMatch::One(instrument) => instrument.to_string(),
        NameMatch::Many(list) => list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }
}

#[test]
fn the_universe_is_whole() {
    let universe = Universe::load();
    let count = |keep: fn(&Listing) -> bool| universe.listings().iter().filter(|l| keep(l)).count();
    assert_eq!(rows(COMPANIES).count(), 1_749);
    assert!(rows(COMPANIES).all(|row| universe.is_equity(row[0])));
    assert!(universe.entries.iter().filter(|entry| entry.fund).count() >= 100);
    assert!(count(|l| matches!(l.instrument, Instrument::Crypto { .. })) >= 50);
    assert!(count(|l| matches!(l.instrument, Instrument::Fx { .. })) >= 12);
    assert!(count(|l| l.sector == "Information Technology") > 100);
    assert!(universe.is_equity("BRK.B") && universe.is_equity("SPY") && !universe.is_equity("BTC-USD"));
    assert!(universe.is_coin("BTC") && !universe.is_coin("AAPL") && !universe.is_coin("EUR"));
    assert_eq!(universe.listing("ETH-USD").unwrap().name, "Ethereum");
    assert_eq!(universe.anchor("AAPL"), Some(231.8));
}

#[test]
fn every_index_has_its_members() {
    let universe = Universe::load();
    let members =
        |index: &str| universe.listings().iter().filter(|l| l.indices.iter().any(|i| i == index)).count();
    for (index, expect) in [
        ("S&P 600", 603),
        ("S&P 500", 503),
        ("NIKKEI 225", 226),
        ("S&P 100", 101),
        ("NASDAQ 100", 101),
        ("FTSE 100", 100),
        ("MDAX", 50),
        ("EURO STOXX 50", 50),
        ("DAX", 40),
        ("CAC_40", 40),
        ("IBEX 35", 35),
        ("DOW JONES", 30),
        ("TecDAX", 30),
        ("OMX Stockholm 30", 30),
        ("OMX Helsinki 25", 25),
        ("AEX", 25),
        ("Switzerland 20", 20),
        ("BEL 20", 20),
        ("CAC Mid 60", 3),
        ("SDAX", 1),
    ] {
        assert_eq!(members(index), expect, "{index}");
    }
    let all: BTreeSet<_> = universe.listings().iter().flat_map(|l| l.indices.iter()).collect();
    assert_eq!(all.len(), 20, "{all:?}");
}

#[test]
fn tables_read_as_a_full_csv_reader_reads_them() {
    for table in [COMPANIES, CORRECTIONS, MORE, ETFS, CRYPTO, FX, ANCHORS] {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(table.as_bytes());
        let mut expect = reader.records().map(Result::unwrap);
        for row in rows(table) {
            let mut cells: Vec<String> = expect.next().unwrap().iter().map(|c| c.trim().to_owned()).collect();
            cells.resize(table::CELLS, String::new());
            assert_eq!(row.as_slice(), cells);
        }
        assert!(expect.next().is_none());
    }
}

#[test]
fn every_table_row_is_a_listing_and_every_anchor_belongs_to_one() {
    let universe = Universe::load();
    for row in rows(MORE).chain(rows(ETFS)) {
        assert!(universe.is_equity(row[0]), "{}", row[0]);
    }
    assert!(rows(CRYPTO).all(|row| universe.is_coin(row[0])));
    for row in rows(FX).chain(rows(ANCHORS)) {
        assert!(universe.anchor(row[0]).is_some_and(|anchor| anchor > 0.0), "{}", row[0]);
    }
    for (index, listing) in universe.listings().iter().enumerate() {
        assert_eq!(universe.position(&listing.instrument), Some(index));
        assert!(!listing.name.is_empty(), "{}", listing.instrument);
    }
}

#[test]
fn names_resolve_and_ambiguous_ones_say_so() {
    let universe = Universe::load();
    for (name, expect) in [
        ("apple", "AAPL"),
        ("Apple Inc.", "AAPL"),
        ("microsoft", "MSFT"),
        ("tesla", "TSLA"),
        ("berkshire b", "BRK.B"),
        ("berkshire hathaway class b", "BRK.B"),
        ("brown forman b", "BF.B"),
        ("coca-cola", "KO"),
        ("coca cola company", "KO"),
        ("bitcoin", "BTC-USD"),
        ("ether", "ETH-USD"),
        ("ethereum", "ETH-USD"),
        ("nvidia", "NVDA"),
        ("amazon", "AMZN"),
        ("johnson & johnson", "JNJ"),
        ("j&j", "JNJ"),
        ("at&t", "T"),
        ("at and t", "T"),
        ("bank of america", "BAC"),
        ("mcdonald's", "MCD"),
        ("google", "GOOGL"),
        ("facebook", "META"),
        ("alphabet class c", "GOOG"),
        ("the qs", "QQQ"),
        ("lilly", "LLY"),
        ("bofa", "BAC"),
        ("mickey d's", "MCD"),
        ("merck", "MRK"),
        ("bitcoin cash", "BCH-USD"),
        ("usd coin", "USDC-USD"),
        ("s&p 500", "SPX SPY VOO"),
        ("nasdaq", "NDAQ QQQ"),
        ("gold", "GLD IAU"),
        ("dogecoin", "DOGE-USD"),
        ("netflix", "NFLX"),
        ("a. o. smith", "AOS"),
        ("l'oreal", "OR.PA"),
        ("toyota", "TM"),
        ("shell", "SHEL"),
        ("siemens", "SIE.DE"),
        ("asml", "ASML"),
        ("pound", "GBP/USD"),
        ("mohawk industries", "MHK"),
        ("globe life", "GL"),
        // Several share classes or funds: the user has to say which.
        ("alphabet", "GOOG GOOGL"),
        ("fox", "FOX FOXA"),
        ("s&p 500 etf", "IVV SPY VOO"),
        ("volkswagen", "VOW.DE VOW3.DE"),
        // Nothing here is called so; a near miss must not stand in for it.
        ("berkshire a", "none"),
        ("apple a", "none"),
        ("yen", "none"),
        ("gap", "GAP"),
        ("sears", "none"),
        ("no such company", "none"),
        ("", "none"),
        ("the", "none"),
    ] {
        assert_eq!(one_of(&universe, name), expect, "{name}");
    }
}

#[test]
fn a_mistyped_name_is_near_the_one_that_was_meant() {
    let universe = Universe::load();
    for (typed, meant) in [
        ("appl", "AAPL"),
        ("microsft", "MSFT"),
        ("micorsoft", "MSFT"),
        ("Amazn", "AMZN"),
        ("berkshre", "BRK.B"),
        ("etherum", "ETH-USD"),
        ("zzzzqqqq", "none"),
        ("", "none"),
    ] {
        let found = universe.nearest(typed);
        assert_eq!(found.map_or_else(|| "none".to_owned(), |it| it.to_string()), meant, "{typed}");
    }
    // A search that finds nothing finds that.
    let first = universe.search("micorsoft", 5).first().map(|listing| listing.instrument.to_string());
    assert_eq!(first.as_deref(), Some("MSFT"));
}

#[test]
fn search_puts_what_is_meant_first() {
    let universe = Universe::load();
    let first = |query: &str| universe.search(query, 5).first().map(|l| l.instrument.to_string());
    for (query, symbol) in [
        ("aapl", "AAPL"),
        ("apple inc", "AAPL"),
        ("f", "F"),
        ("btc", "BTC-USD"),
        ("ether", "ETH-USD"),
        ("nvd", "NVDA"),
        ("ama", "AMZN"),
        ("berksh", "BRK.B"),
        ("coca cola", "KO"),
        ("s&p 500", "SPY"),
        ("s&p 500 etf", "SPY"),
        ("eur/usd", "EUR/USD"),
        ("microsft", "MSFT"),
        ("siemens", "SIE.DE"),
    ] {
        assert_eq!(first(query).as_deref(), Some(symbol), "{query}");
    }
    assert!(universe.search("zzzzqqqq", 5).is_empty());
    assert!(universe.search("!a\u{1b}[31m", 5).is_empty(), "operators and control characters mean nothing");
    assert_eq!(universe.search("a", 7).len(), 7);
    let sap = universe.search("sap", 50);
    let foreign = sap.iter().position(|l| l.instrument.to_string() == "SAP.DE").unwrap();
    assert_eq!(foreign, 1, "{:?}", sap.iter().map(|l| l.instrument.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_mistyped_name_finds_the_one_that_was_meant() {
    let universe = Universe::load();
    for (said, key) in [
        ("microsft", "MSFT"),
        ("mircosoft", "MSFT"),
        ("goggle", "GOOGL"),
        ("berkshre", "BRK.B"),
        ("nvdia", "NVDA"),
        ("amzon", "AMZN"),
        ("tessla", "TSLA"),
        ("bitcon", "BTC-USD"),
        ("facebok", "META"),
        ("appl", "AAPL"),
    ] {
        assert_eq!(universe.nearest(said).map(|found| found.to_string()).as_deref(), Some(key), "{said}");
    }
    for said in ["", "zzzzzzz", "kidding", "eventually", "\u{1b}[31m", "x"] {
        assert_eq!(universe.nearest(said), None, "{said:?}");
    }
}
