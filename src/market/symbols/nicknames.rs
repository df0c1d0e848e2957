//! Names that people use and no list has. What several things are called has them all, so that it is asked about and never guessed.
//! Nicknames that are everyday words or words of the command language ("chase", "target", "square") are left out.

use super::names;

/// Sorted by name; each name as `names::words` writes it, joined by blanks. Keys are those of the universe, sorted.
const NICKNAMES: [(&str, &[&str]); 98] = [
    ("alphabet", &["GOOG", "GOOGL"]),
    ("amex", &["AXP"]),
    ("ark", &["ARKG", "ARKK"]),
    ("ark innovation", &["ARKK"]),
    ("att", &["T"]),
    ("biotech", &["IBB", "XBI"]),
    ("bitcoin etf", &["FBTC", "GBTC", "IBIT"]),
    ("boa", &["BAC"]),
    ("bofa", &["BAC"]),
    ("bonds", &["AGG", "BND", "TLT"]),
    ("bristol myers", &["BMY"]),
    ("brkb", &["BRK.B"]),
    ("btc cash", &["BCH-USD"]),
    ("c3 ai", &["AI"]),
    ("cathie wood", &["ARKK"]),
    ("chevron", &["CVX"]),
    ("citi", &["C"]),
    ("citibank", &["C"]),
    ("coca cola", &["KO"]),
    ("coke", &["KO"]),
    ("conoco", &["COP"]),
    ("costco", &["COST"]),
    ("deere", &["DE"]),
    ("disney", &["DIS"]),
    ("doge coin", &["DOGE-USD"]),
    ("dominos", &["DPZ"]),
    ("dow jones", &["DIA"]),
    ("emerging markets", &["EEM", "IEMG", "VWO"]),
    ("ether classic", &["ETC-USD"]),
    ("exxon", &["XOM"]),
    ("facebook", &["META"]),
    ("fb", &["META"]),
    ("game stop", &["GME"]),
    ("general electric", &["GE"]),
    ("gold", &["GLD", "IAU"]),
    ("gold etf", &["GLD"]),
    ("gold miners", &["GDX", "GDXJ"]),
    ("google", &["GOOGL"]),
    ("hewlett packard", &["HPE", "HPQ"]),
    ("homebuilders", &["ITB", "XHB"]),
    ("j and j", &["JNJ"]),
    ("johnson and johnson", &["JNJ"]),
    ("jp morgan", &["JPM"]),
    ("jpmorgan", &["JPM"]),
    ("jpmorgan chase", &["JPM"]),
    ("junk bonds", &["HYG", "JNK"]),
    ("lilly", &["LLY"]),
    ("lowes", &["LOW"]),
    ("mcdonalds", &["MCD"]),
    ("mcds", &["MCD"]),
    ("merck", &["MRK"]),
    ("mickey ds", &["MCD"]),
    ("micro strategy", &["MSTR"]),
    ("microstrategy", &["MSTR"]),
    ("mister softee", &["MSFT"]),
    ("nasdaq", &["NDAQ", "QQQ"]),
    ("nasdaq 100", &["NDX", "QQQ"]),
    ("nvidea", &["NVDA"]),
    ("nvidia", &["NVDA"]),
    ("oil", &["USO", "XLE"]),
    ("p and g", &["PG"]),
    ("pepsi", &["PEP"]),
    ("philip morris", &["PM"]),
    ("procter and gamble", &["PG"]),
    ("proctor and gamble", &["PG"]),
    ("raytheon", &["RTX"]),
    ("russell", &["IWM", "RUT"]),
    ("russell 2000", &["IWM", "RUT"]),
    ("s and p", &["SPX", "SPY", "VOO"]),
    ("s and p 500", &["SPX", "SPY", "VOO"]),
    ("sales force", &["CRM"]),
    ("semiconductors", &["SMH", "SOXX"]),
    ("semis", &["SMH", "SOXX"]),
    ("shiba", &["SHIB-USD"]),
    ("small caps", &["IJR", "IWM"]),
    ("snap chat", &["SNAP"]),
    ("snapchat", &["SNAP"]),
    ("snp", &["SPX", "SPY", "VOO"]),
    ("snp 500", &["SPX", "SPY", "VOO"]),
    ("snp500", &["SPX", "SPY", "VOO"]),
    ("sp 500", &["SPX", "SPY", "VOO"]),
    ("sp500", &["SPX", "SPY", "VOO"]),
    ("spiders", &["SPY"]),
    ("spyder", &["SPY"]),
    ("spyders", &["SPY"]),
    ("super micro", &["SMCI"]),
    ("t mobile", &["TMUS"]),
    ("tbills", &["BIL", "SGOV"]),
    ("the qs", &["QQQ"]),
    ("tmobile", &["TMUS"]),
    ("total market", &["VTI"]),
    ("treasuries", &["IEF", "SHY", "TLT"]),
    ("tsmc", &["TSM"]),
    ("united airlines", &["UAL"]),
    ("united health", &["UNH"]),
    ("united healthcare", &["UNH"]),
    ("usd coin", &["USDC-USD"]),
    ("walmart", &["WMT"]),
];

/// What a name of this table stands for: keys of the universe, at least one. `None` for any other name.
pub(super) fn nickname(name: &str) -> Option<&'static [&'static str]> {
    NICKNAMES.binary_search_by_key(&name, |(nickname, _)| nickname).ok().map(|at| NICKNAMES[at].1)
}

/// The nickname that is a letter or two off, with how many, and what it stands for.
pub(super) fn nearest(said: &str) -> Option<(usize, &'static [&'static str])> {
    NICKNAMES
        .iter()
        .filter(|(name, _)| name.chars().next() == said.chars().next())
        .filter_map(|(name, keys)| Some((names::edits(name, said)?, *keys)))
        .min_by_key(|(edits, _)| *edits)
}

#[cfg(test)]
mod tests {
    use crate::market::symbols::Universe;

    use super::*;

    #[test]
    fn nicknames_are_sorted_folded_and_stand_for_something() {
        let universe = Universe::load();
        assert!(NICKNAMES.is_sorted_by(|a, b| a.0 < b.0));
        for (name, keys) in NICKNAMES {
            assert_eq!(names::words(name).join(" "), name, "is not folded");
            assert!(!keys.is_empty() && keys.is_sorted(), "{name}");
            for key in keys {
                assert!(universe.by_key.contains_key(*key), "{name}: {key} is not listed");
            }
        }
    }
}
