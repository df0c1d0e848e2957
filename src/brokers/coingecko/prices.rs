//! Prices of coins, many in one call and kept as long as they do not change there; amounts of one currency in another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::coins::{self, Candidate, Meaning};
use super::line::Line;
use super::names::{Names, Shelf};
use crate::brokers::BrokerError;
use crate::brokers::http::Health;
use crate::brokers::json::decimal_of;
use crate::domain::money::{Currency, Money};

/// Coins of one call: more do not fit into an address.
const COINS_MAX: usize = 200;
/// Prices that are kept.
const KEPT_MAX: usize = 5_000;

/// The price of a coin in some currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoinPrice {
    /// Units of the currency for one coin.
    pub price: Decimal,
    /// When it stood so, as the service says.
    pub as_of: Timestamp,
    /// Change over 24 hours, in per cent.
    pub change_percent: Option<Decimal>,
    /// Traded within 24 hours, in the currency.
    pub volume: Option<Decimal>,
}

/// Amounts in one currency, and those that could not be converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// The sum of what could be converted.
    pub total: Money,
    /// Each amount as it came, with its worth; in the order asked for.
    pub parts: Vec<(Money, Decimal)>,
    /// What has no price here, or a symbol of several coins.
    pub missing: Vec<Money>,
    /// The oldest price that is in it; absent when none is.
    pub as_of: Option<Timestamp>,
}

/// A coin's id and the currency, in small letters.
type Key = (String, String);

/// Prices of CoinGecko.
pub struct CoinPrices {
    line: Line,
    own: BTreeMap<String, String>,
    names: Mutex<Names>,
    shelf: Option<Arc<dyn Shelf>>,
    /// `None`: asked for, and it has none.
    kept: tokio::sync::Mutex<BTreeMap<Key, (Instant, Option<CoinPrice>)>>,
}

#[derive(Deserialize)]
struct Found {
    coins: Vec<FoundCoin>,
}

/// A coin as its contract finds it; of the rest nothing is needed.
#[derive(Deserialize)]
struct OfContract {
    id: String,
}

#[derive(Deserialize)]
pub(super) struct FoundCoin {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    pub(super) symbol: String,
    #[serde(default)]
    pub(super) market_cap_rank: Option<u32>,
}

impl CoinPrices {
    pub(super) fn new(line: Line, own: BTreeMap<String, String>, shelf: Option<Arc<dyn Shelf>>) -> Self {
        let names = shelf.as_ref().and_then(|shelf| shelf.load()).map(|text| Names::read(&text));
        let names = Mutex::new(names.unwrap_or_default());
        Self { line, own, names, shelf, kept: tokio::sync::Mutex::default() }
    }

    /// How its calls go.
    #[must_use]
    pub fn health(&self) -> Health {
        self.line.http.health()
    }

    pub(super) const fn line(&self) -> &Line {
        &self.line
    }

    pub(super) async fn search(&self, text: &str) -> Result<Vec<FoundCoin>, BrokerError> {
        let query = [("query", text.to_owned())];
        let found: Found = self.line.get(Line::read("search"), "/search", &query).await?;
        Ok(found.coins)
    }

    /// Which coin a symbol means: by the person's word, which may be its contract, by the table, by what was found before, by a search.
    pub(super) async fn meaning(&self, symbol: &str) -> Result<Meaning, BrokerError> {
        let symbol = symbol.to_ascii_uppercase();
        let word = coins::known(&symbol, &self.own);
        let of = word.as_deref().filter(|word| coins::contract(word).is_some());
        if let (Some(id), None) = (&word, of) {
            return Ok(Meaning::Coin(id.clone()));
        }
        let now = crate::brokers::clock::wall();
        let known = self.names.lock().unwrap_or_else(PoisonError::into_inner).get(&symbol, of, now);
        if let Some(meaning) = known {
            return Ok(meaning);
        }
        let meaning = match of.and_then(coins::contract) {
            Some((platform, address)) => self.of_contract(platform, &address).await?,
            None => self.searched(&symbol).await?,
        };
        if let Meaning::Doubtful(ids) = &meaning {
            tracing::warn!(
                broker = super::BROKER,
                symbol,
                ?ids,
                "several coins are called so; coins = \"SYMBOL=id\" in [brokers.coingecko] says which"
            );
        }
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.put(&symbol, of, meaning.clone(), now);
        if let Some(shelf) = &self.shelf {
            shelf.save(&names.text());
        }
        drop(names);
        Ok(meaning)
    }

    async fn searched(&self, symbol: &str) -> Result<Meaning, BrokerError> {
        let found = self.search(symbol).await?.into_iter().map(|coin| Candidate {
            id: coin.id,
            symbol: coin.symbol.to_ascii_uppercase(),
            rank: coin.market_cap_rank,
        });
        Ok(coins::meant(symbol, &found.collect::<Vec<_>>()))
    }

    /// The coin of a contract: of all ways to say which coin is meant the one that cannot be mistaken.
    async fn of_contract(&self, platform: &str, address: &str) -> Result<Meaning, BrokerError> {
        let path = format!("/coins/{platform}/contract/{address}");
        match self.line.get::<OfContract>(Line::read("contract"), &path, &[]).await {
            Ok(coin) => Ok(Meaning::Coin(coin.id)),
            Err(BrokerError::Refused { status: 404, .. }) => {
                tracing::warn!(
                    broker = super::BROKER,
                    platform,
                    address,
                    "no coin is known of this contract"
                );
                Ok(Meaning::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    /// Prices of coins by their symbols in one currency. What is unknown, doubtful or has no price is absent.
    ///
    /// # Errors
    /// As any call. Prices that were had before stay kept.
    pub async fn rates(
        &self,
        symbols: &[&str],
        into: Currency,
    ) -> Result<BTreeMap<String, CoinPrice>, BrokerError> {
        let mut ids: BTreeMap<String, String> = BTreeMap::new();
        for symbol in symbols {
            if let Meaning::Coin(id) = self.meaning(symbol).await? {
                ids.insert(symbol.to_ascii_uppercase(), id);
            }
        }
        let wanted: BTreeSet<String> = ids.values().cloned().collect();
        let prices = self.prices(&wanted, into).await?;
        Ok(ids.into_iter().filter_map(|(symbol, id)| Some((symbol, prices.get(&id)?.clone()))).collect())
    }

    /// Prices of coins by their ids. One call for all that are not fresh; who asks meanwhile waits for it.
    pub(super) async fn prices(
        &self,
        ids: &BTreeSet<String>,
        into: Currency,
    ) -> Result<BTreeMap<String, CoinPrice>, BrokerError> {
        let into = into.as_str().to_ascii_lowercase();
        let mut kept = self.kept.lock().await;
        let fresh = self.line.plan.fresh();
        let stale: Vec<&String> = ids
            .iter()
            .filter(|id| {
                let known = kept.get(&((*id).clone(), into.clone()));
                known.is_none_or(|(at, _)| at.elapsed() >= fresh)
            })
            .collect();
        for some in stale.chunks(COINS_MAX) {
            let found = self.ask(some, &into).await?;
            if kept.len() + some.len() > KEPT_MAX {
                kept.clear();
            }
            for id in some {
                kept.insert(((*id).clone(), into.clone()), (Instant::now(), found.get(*id).cloned()));
            }
        }
        let known = |id: &String| Some((id.clone(), kept.get(&(id.clone(), into.clone()))?.1.clone()?));
        Ok(ids.iter().filter_map(known).collect())
    }

    async fn ask(&self, ids: &[&String], into: &str) -> Result<BTreeMap<String, CoinPrice>, BrokerError> {
        let listed = ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(",");
        let yes = || "true".to_owned();
        let query = [
            ("vs_currencies", into.to_owned()),
            ("ids", listed),
            ("include_24hr_vol", yes()),
            ("include_24hr_change", yes()),
            ("include_last_updated_at", yes()),
            ("precision", "full".to_owned()),
        ];
        let answer: BTreeMap<String, BTreeMap<String, Box<RawValue>>> =
            self.line.get(Line::read("prices"), "/simple/price", &query).await?;
        let mut prices = BTreeMap::new();
        for (id, fields) in answer {
            let number = |name: &str| -> Result<Option<Decimal>, BrokerError> {
                let Some(raw) = fields.get(name).map(|raw| raw.get()).filter(|raw| *raw != "null") else {
                    return Ok(None);
                };
                decimal_of(raw).map(Some).map_err(|reason| BrokerError::Unreadable {
                    broker: super::BROKER.to_owned(),
                    call: "prices",
                    reason: format!("{id}.{name}: {reason}"),
                })
            };
            let (price, at) = (number(into)?, number("last_updated_at")?);
            // A coin that is listed and not priced has no price; one without a time is as old as it may be.
            let (Some(price), Some(at)) = (price, at) else { continue };
            let at = i64::try_from(at.trunc()).ok().and_then(|at| Timestamp::from_second(at).ok());
            let Some(as_of) = at else { continue };
            let change_percent = number(&format!("{into}_24h_change"))?;
            let volume = number(&format!("{into}_24h_vol"))?;
            prices.insert(id, CoinPrice { price, as_of, change_percent, volume });
        }
        Ok(prices)
    }

    /// What amounts are worth in one currency, together and each by itself.
    ///
    /// # Errors
    /// As any call.
    pub async fn convert(&self, amounts: &[Money], into: Currency) -> Result<Conversion, BrokerError> {
        let symbols: Vec<String> = amounts
            .iter()
            .filter(|money| money.currency != into && !money.amount.is_zero())
            .map(|money| money.currency.to_string())
            .collect();
        let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
        let rates = self.rates(&symbols, into).await?;
        let mut done = Conversion {
            total: Money::new(Decimal::ZERO, into),
            parts: Vec::new(),
            missing: Vec::new(),
            as_of: None,
        };
        for money in amounts {
            let rate = rates.get(money.currency.as_str());
            let worth = if money.currency == into || money.amount.is_zero() {
                Some(money.amount)
            } else {
                rate.and_then(|rate| money.amount.checked_mul(rate.price))
            };
            let Some(worth) = worth else {
                done.missing.push(*money);
                continue;
            };
            if let Some(rate) = rate.filter(|_| money.currency != into) {
                done.as_of = Some(done.as_of.map_or(rate.as_of, |oldest| oldest.min(rate.as_of)));
            }
            done.total.amount += worth;
            done.parts.push((*money, worth));
        }
        Ok(done)
    }
}
