//! Which coin a symbol means. Symbols are not unique: what counts at CoinGecko is the coin's id. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Coins that our brokers trade, by symbol.
const KNOWN: [(&str, &str); 39] = [
    ("AAVE", "aave"),
    ("ADA", "cardano"),
    ("ALGO", "algorand"),
    ("APT", "aptos"),
    ("ARB", "arbitrum"),
    ("ATOM", "cosmos"),
    ("AVAX", "avalanche-2"),
    ("BCH", "bitcoin-cash"),
    ("BNB", "binancecoin"),
    ("BTC", "bitcoin"),
    ("CBBTC", "coinbase-wrapped-btc"),
    ("CBETH", "coinbase-wrapped-staked-eth"),
    ("DAI", "dai"),
    ("DOGE", "dogecoin"),
    ("DOT", "polkadot"),
    ("ETC", "ethereum-classic"),
    ("ETH", "ethereum"),
    ("EURC", "euro-coin"),
    ("FIL", "filecoin"),
    ("HYPE", "hyperliquid"),
    ("LINK", "chainlink"),
    ("LTC", "litecoin"),
    ("MATIC", "matic-network"),
    ("MKR", "maker"),
    ("NEAR", "near"),
    ("OP", "optimism"),
    ("PEPE", "pepe"),
    ("POL", "polygon-ecosystem-token"),
    ("SHIB", "shiba-inu"),
    ("SOL", "solana"),
    ("SUI", "sui"),
    ("TON", "the-open-network"),
    ("TRX", "tron"),
    ("UNI", "uniswap"),
    ("USDC", "usd-coin"),
    ("USDT", "tether"),
    ("WETH", "weth"),
    ("XLM", "stellar"),
    ("XRP", "ripple"),
];

/// A second coin of the same symbol within this rank makes it doubtful which one is meant.
const DOUBT_RANK: u32 = 500;

/// A coin that a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub id: String,
    /// Its symbol, raised.
    pub symbol: String,
    /// Its place by market value; absent for the small ones.
    pub rank: Option<u32>,
}

/// What a symbol means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// This coin.
    Coin(String),
    /// Several well-known coins are called so: a person has to say which.
    Doubtful(Vec<String>),
    /// No coin.
    Nothing,
}

/// The coin of a symbol that is known without asking: by the person's own word, else by the table.
#[must_use]
pub fn known(symbol: &str, own: &BTreeMap<String, String>) -> Option<String> {
    if let Some(id) = own.get(symbol) {
        return Some(id.clone());
    }
    let at = KNOWN.binary_search_by(|(known, _)| (*known).cmp(symbol)).ok()?;
    KNOWN.get(at).map(|(_, id)| (*id).to_owned())
}

/// The coin of a symbol among those that a search found.
#[must_use]
pub fn meant(symbol: &str, found: &[Candidate]) -> Meaning {
    let mut named: Vec<&Candidate> = found.iter().filter(|coin| coin.symbol == symbol).collect();
    named.sort_by_key(|coin| coin.rank.unwrap_or(u32::MAX));
    match named.as_slice() {
        [] => Meaning::Nothing,
        [first, second, ..] if second.rank.is_some_and(|rank| rank <= DOUBT_RANK) => {
            Meaning::Doubtful(vec![first.id.clone(), second.id.clone()])
        }
        [first, ..] => Meaning::Coin(first.id.clone()),
    }
}

/// A contract in a person's word, `base:0x4200…`: the platform as CoinGecko calls it, and the address. `None` where the word is a coin's id.
#[must_use]
pub fn contract(word: &str) -> Option<(&str, String)> {
    let (platform, address) = word.split_once(':')?;
    // Elsewhere than on chains of this kind capital letters matter.
    let address = if address.starts_with("0x") { address.to_ascii_lowercase() } else { address.to_owned() };
    Some((platform, address))
}

/// The person's own words: `FOO=foo-coin, BAR=base:0x4200000000000000000000000000000000000006`.
///
/// # Errors
/// The part that is none.
pub fn own_words(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut words = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (symbol, id) = part.split_once('=').ok_or_else(|| part.to_owned())?;
        let (symbol, id) = (symbol.trim().to_ascii_uppercase(), id.trim());
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        let (named, address) = id.split_once(':').map_or((id, None), |(platform, at)| (platform, Some(at)));
        let is_address =
            |at: &str| (20..=90).contains(&at.len()) && at.chars().all(|c| c.is_ascii_alphanumeric());
        if symbol.is_empty()
            || named.is_empty()
            || !named.chars().all(plain)
            || address.is_some_and(|at| !is_address(at))
        {
            return Err(part.to_owned());
        }
        words.insert(symbol, id.to_owned());
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coin(id: &str, rank: Option<u32>) -> Candidate {
        Candidate { id: id.into(), symbol: "FOO".into(), rank }
    }

    #[test]
    fn the_table_is_in_order_and_gives_way_to_the_persons_word() {
        assert!(KNOWN.windows(2).all(|two| two[0].0 < two[1].0));
        let own = own_words("eth = other-ether, FOO=foo-coin,").unwrap();
        assert_eq!(known("BTC", &own).as_deref(), Some("bitcoin"));
        assert_eq!(known("ETH", &own).as_deref(), Some("other-ether"));
        assert_eq!(known("FOO", &own).as_deref(), Some("foo-coin"));
        assert_eq!(known("BAR", &own), None);
        let token = own_words("TOK=base:0xAB00000000000000000000000000000000000006").unwrap();
        let word = known("TOK", &token).unwrap();
        assert_eq!(contract(&word), Some(("base", "0xab00000000000000000000000000000000000006".to_owned())));
        assert_eq!(contract("foo-coin"), None);
        let solana = "solana:EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v";
        assert_eq!(contract(solana).unwrap().1, solana["solana:".len()..]);
        for bad in [
            "FOO",
            "=x",
            "FOO=",
            "FOO=a b",
            "FOO=../x",
            "FOO=base:",
            "FOO=base:0x/../1234567890123456",
            "FOO=:0x",
        ] {
            assert_eq!(own_words(bad), Err(bad.to_owned()));
        }
    }

    #[test]
    fn a_symbol_of_two_known_coins_is_doubtful() {
        assert_eq!(meant("FOO", &[]), Meaning::Nothing);
        assert_eq!(meant("FOO", &[coin("b", None), coin("a", Some(9))]), Meaning::Coin("a".into()));
        assert_eq!(meant("FOO", &[coin("a", Some(9)), coin("b", Some(501))]), Meaning::Coin("a".into()));
        assert_eq!(
            meant("FOO", &[coin("b", Some(500)), coin("a", Some(9))]),
            Meaning::Doubtful(vec!["a".into(), "b".into()])
        );
        assert_eq!(meant("BAR", &[coin("a", Some(9))]), Meaning::Nothing);
    }
}
