//! What is listed at Hyperliquid: asset ids, the names that requests and streams use, rules of prices and sizes. Ids differ between the
//! networks and grow with listings: they are loaded, refreshed, and never written down.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use smol_str::SmolStr;

use super::numbers::Rules;
use super::wire::{Meta, SpotMeta};
use crate::domain::instrument::{Instrument, InstrumentSpec, Listing, Symbol};
use crate::domain::money::Currency;

/// Ids of spot pairs begin here.
const SPOT_BASE: u32 = 10_000;
/// Ids of the first dex of others begin behind this; each has as many again.
const DEX_BASE: u32 = 100_000;
const DEX_STEP: u32 = 10_000;
/// Answers of a search.
const FOUND_MAX: usize = 20;

/// One thing that trades there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its id in orders.
    pub id: u32,
    /// Its name in requests and streams.
    pub coin: SmolStr,
    /// Which prices and sizes it takes.
    pub rules: Rules,
    /// A spot pair; else a perpetual.
    pub is_spot: bool,
    /// Listed, but traded no more.
    pub delisted: bool,
    /// Only with margin of its own.
    pub only_isolated: bool,
    /// Highest leverage; 0 for spot.
    pub leverage_max: u32,
    /// What it is priced in.
    pub currency: Currency,
}

/// Everything that is listed.
#[derive(Clone, Debug, Default)]
pub struct Universe {
    assets: BTreeMap<Instrument, Asset>,
    coins: BTreeMap<SmolStr, Instrument>,
    /// The pair that values a token, by the token's index: in USDC where there is one.
    tokens: BTreeMap<u32, Instrument>,
    /// Coins of one dex by index, for contexts that come without names.
    perpetuals: BTreeMap<SmolStr, Vec<SmolStr>>,
}

/// The venue's money.
#[must_use]
pub fn usdc() -> Currency {
    Currency::new("USDC").unwrap_or(Currency::USD)
}

/// The instrument that a perpetual's coin is: `BTC`, and `xyz:TSLA` of another dex as `XYZ.TSLA`.
fn perpetual(coin: &str) -> Option<Instrument> {
    let symbol = Symbol::new(&coin.replace(':', ".")).ok()?;
    Some(Instrument::Perpetual { symbol })
}

impl Universe {
    /// Adds the perpetuals of a dex: the main one is called `""` and has place 0.
    pub(super) fn add_perpetuals(&mut self, dex: &str, place: u32, meta: &Meta) {
        let base = if place == 0 { 0 } else { DEX_BASE + place * DEX_STEP };
        let mut coins = Vec::new();
        for (id, listed) in (base..).zip(&meta.universe) {
            let coin = SmolStr::new(&listed.name);
            coins.push(coin.clone());
            let Some(instrument) = perpetual(&listed.name) else { continue };
            let asset = Asset {
                id,
                coin: coin.clone(),
                rules: Rules::perpetual(listed.sz_decimals),
                is_spot: false,
                delisted: listed.is_delisted,
                only_isolated: listed.only_isolated,
                leverage_max: listed.max_leverage,
                currency: usdc(),
            };
            // Symbols are upper case here: of `kPEPE` and a later `KPEPE` the first is meant, unless it trades no more.
            if self.assets.get(&instrument).is_none_or(|known| known.delisted) {
                self.coins.insert(coin, instrument.clone());
                self.assets.insert(instrument, asset);
            }
        }
        self.perpetuals.insert(SmolStr::new(dex), coins);
    }

    /// Adds the spot pairs.
    pub(super) fn add_spot(&mut self, meta: &SpotMeta) {
        let tokens: BTreeMap<u32, _> = meta.tokens.iter().map(|token| (token.index, token)).collect();
        for pair in &meta.universe {
            let (Some(base), Some(quote)) = (tokens.get(&pair.tokens.0), tokens.get(&pair.tokens.1)) else {
                continue;
            };
            let Ok(instrument) = Instrument::crypto(&base.name, &quote.name) else { continue };
            let coin = SmolStr::new(&pair.name);
            let asset = Asset {
                id: SPOT_BASE + pair.index,
                coin: coin.clone(),
                rules: Rules::spot(base.sz_decimals),
                is_spot: true,
                delisted: false,
                only_isolated: false,
                leverage_max: 0,
                currency: Currency::new(&quote.name).unwrap_or_else(|_| usdc()),
            };
            if self.assets.contains_key(&instrument) {
                continue;
            }
            let in_usdc = asset.currency == usdc();
            if in_usdc || !self.tokens.contains_key(&base.index) {
                self.tokens.insert(base.index, instrument.clone());
            }
            self.coins.insert(coin, instrument.clone());
            self.assets.insert(instrument, asset);
        }
    }

    /// One of them.
    #[must_use]
    pub fn asset(&self, instrument: &Instrument) -> Option<&Asset> {
        self.assets.get(instrument)
    }

    /// What a coin of a message is. A perpetual is known by its name alone, so that a fill of a new listing is never lost.
    #[must_use]
    pub fn instrument(&self, coin: &str) -> Option<Instrument> {
        let by_rule = || if coin.contains(['@', '/', '#', '+']) { None } else { perpetual(coin) };
        self.coins.get(coin).cloned().or_else(by_rule)
    }

    /// The pair by which a token is valued.
    #[must_use]
    pub fn token(&self, index: u32) -> Option<&Instrument> {
        self.tokens.get(&index)
    }

    /// The same by the token's name.
    #[must_use]
    pub fn token_named(&self, name: &str) -> Option<&Instrument> {
        self.tokens.values().find(
            |pair| matches!(pair, Instrument::Crypto { base, .. } if base.as_str().eq_ignore_ascii_case(name)),
        )
    }

    /// Coins of a dex, in the order of its contexts.
    #[must_use]
    pub fn perpetuals(&self, dex: &str) -> &[SmolStr] {
        self.perpetuals.get(dex).map_or(&[], Vec::as_slice)
    }

    /// Its terms, as the engine knows terms.
    #[must_use]
    pub fn spec(&self, instrument: &Instrument) -> Option<InstrumentSpec> {
        let asset = self.assets.get(instrument)?;
        Some(InstrumentSpec {
            instrument: instrument.clone(),
            currency: asset.currency,
            multiplier: Decimal::ONE,
            ticks: asset.rules.ticks(),
            quantity_increment: asset.rules.increment(),
            quantity_min: asset.rules.increment(),
            tradable: !asset.delisted,
            shortable: !asset.is_spot,
            easy_to_borrow: !asset.is_spot,
            adjusted: false,
            deliverable: Decimal::ONE,
            cash_settled: !asset.is_spot,
        })
    }

    /// Listings whose symbol has this text: those that begin with it first, perpetuals before pairs.
    #[must_use]
    pub fn search(&self, text: &str) -> Vec<Listing> {
        let wanted = text.trim().to_ascii_uppercase();
        let mut found: Vec<(bool, bool, &Instrument, &Asset)> = self
            .assets
            .iter()
            .filter(|(_, asset)| !asset.delisted)
            .filter(|(instrument, _)| !wanted.is_empty() && instrument.key().contains(&wanted))
            .map(|(instrument, asset)| {
                (!instrument.key().starts_with(&wanted), asset.is_spot, instrument, asset)
            })
            .collect();
        found.sort_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)));
        let listing = |(_, _, instrument, asset): (bool, bool, &Instrument, &Asset)| Listing {
            instrument: instrument.clone(),
            name: asset.coin.clone(),
            exchange: SmolStr::new_static("HYPERLIQUID"),
            currency: asset.currency,
            sector: SmolStr::default(),
            indices: Vec::new(),
        };
        found.into_iter().take(FOUND_MAX).map(listing).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn universe() -> Universe {
        let mut universe = Universe::default();
        let main = r#"{"universe":[{"name":"BTC","szDecimals":5,"maxLeverage":40},{"name":"kPEPE","szDecimals":0,"maxLeverage":10},
            {"name":"OLD","szDecimals":1,"maxLeverage":3,"isDelisted":true,"onlyIsolated":true}],"marginTables":[]}"#;
        universe.add_perpetuals("", 0, &serde_json::from_str(main).unwrap());
        let other =
            r#"{"universe":[{"name":"xyz:XYZ100","szDecimals":4},{"name":"xyz:TSLA","szDecimals":3}]}"#;
        universe.add_perpetuals("xyz", 1, &serde_json::from_str(other).unwrap());
        let spot = r#"{"tokens":[{"name":"USDC","szDecimals":8,"index":0},{"name":"PURR","szDecimals":0,"index":1},
            {"name":"HYPE","szDecimals":2,"index":150},{"name":"USDT0","szDecimals":2,"index":268}],
            "universe":[{"name":"PURR/USDC","tokens":[1,0],"index":0},{"name":"@200","tokens":[150,268],"index":200},
            {"name":"@107","tokens":[150,0],"index":107}]}"#;
        universe.add_spot(&serde_json::from_str(spot).unwrap());
        universe
    }

    #[test]
    fn ids_and_names_follow_the_venues_rules() {
        let universe = universe();
        for (key, id, coin) in [
            ("BTC-PERP", 0, "BTC"),
            ("KPEPE-PERP", 1, "kPEPE"),
            ("OLD-PERP", 2, "OLD"),
            ("XYZ.TSLA-PERP", 110_001, "xyz:TSLA"),
            ("PURR-USDC", 10_000, "PURR/USDC"),
            ("HYPE-USDC", 10_107, "@107"),
            ("HYPE-USDT0", 10_200, "@200"),
        ] {
            let instrument = Instrument::from_key(key).unwrap();
            let asset = universe.asset(&instrument).unwrap_or_else(|| panic!("{key}"));
            assert_eq!((asset.id, asset.coin.as_str()), (id, coin), "{key}");
            assert_eq!(universe.instrument(coin), Some(instrument), "{coin}");
        }
        // A token is valued in USDC although another pair was listed first.
        assert_eq!(universe.token(150).unwrap().key(), "HYPE-USDC");
        assert_eq!(universe.perpetuals("xyz"), ["xyz:XYZ100", "xyz:TSLA"]);
    }

    #[test]
    fn a_perpetual_that_is_new_is_known_by_its_name_and_a_new_pair_is_not() {
        let universe = universe();
        assert_eq!(universe.instrument("NEW").unwrap().key(), "NEW-PERP");
        assert_eq!(universe.instrument("flx:GOLD").unwrap().key(), "FLX.GOLD-PERP");
        for unknown in ["@999", "#120", "A/B", "+77", ""] {
            assert_eq!(universe.instrument(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn terms_and_searches() {
        let universe = universe();
        let spec = universe.spec(&Instrument::from_key("HYPE-USDT0").unwrap()).unwrap();
        assert_eq!((spec.currency.as_str(), spec.shortable, spec.tradable), ("USDT0", false, true));
        assert_eq!(spec.quantity_increment, Decimal::new(1, 2));
        assert!(!universe.spec(&Instrument::from_key("OLD-PERP").unwrap()).unwrap().tradable);
        let keys =
            |text: &str| universe.search(text).iter().map(|row| row.instrument.key()).collect::<Vec<_>>();
        assert_eq!(keys("hype"), ["HYPE-USDC", "HYPE-USDT0"]);
        assert_eq!(keys("xyz"), ["XYZ.TSLA-PERP", "XYZ.XYZ100-PERP"]);
        // "PERP" has it too; what only ends so stands behind what begins so, perpetuals before pairs.
        assert_eq!(keys("kp"), ["KPEPE-PERP"]);
        assert_eq!(keys("usd")[0], "HYPE-USDC");
        assert!(keys("old").is_empty() && keys(" ").is_empty());
    }
}
