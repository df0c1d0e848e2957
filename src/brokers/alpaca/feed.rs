//! Prices: `impl MarketFeed` over the market data calls and streams.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, watch};

use super::order::symbol;
use super::prices::{self, Bars, Snapshot, Snapshots};
use super::rest::{DATA, Rest, TRADING, escaped};
use super::stream;
use super::wire::{Asset, Contracts};
use super::{NAME, errors, report};
use crate::brokers::clock::wall;
use crate::brokers::http::Call;
use crate::brokers::{BrokerError, FeedEvent, Market, MarketFeed, NewsSource, Wanted};
use crate::domain::calendar::{Calendar, exchange_date, plus_days};
use crate::domain::chain::ChainRow;
use crate::domain::instrument::{AssetClass, Instrument, Listing, Symbol};
use crate::domain::money::Currency;
use crate::domain::quote::{Bar, Feed, Interval, MoverOrder, Quote};
use crate::domain::text::clean;

const QUOTES: Call = Call::read("quotes", DATA);
const BARS: Call = Call::history("bars", DATA);
const CHAIN: Call = Call::history("chain", DATA);
const CONTRACTS: Call = Call::history("contracts", TRADING);
const ASSETS: Call = Call::history("assets", TRADING);

/// Symbols of one call.
const SYMBOLS_MAX: usize = 100;
/// Rows of a page of bars, and of a page of a chain.
const BARS_PAGE: usize = 10_000;
const CHAIN_PAGE: usize = 1_000;
/// Rows of a page of contracts: several thousand of them are megabytes.
const CONTRACTS_PAGE: usize = 2_000;
/// Pages of one list.
const PAGES_MAX: usize = 40;
/// How far ahead expiries are listed.
const EXPIRY_DAYS: i64 = 3 * 366;
/// What a search finds at most.
const FOUND_MAX: usize = 20;
/// The list of assets is asked for again after this.
const ASSETS_LIFE: Duration = Duration::from_secs(24 * 3_600);
/// Where shares are listed. All of them at once would be more than a body may be.
const EXCHANGES: [&str; 5] = ["NASDAQ", "NYSE", "ARCA", "AMEX", "BATS"];
/// Instruments that no stream has room for are asked about this often.
pub(super) const POLL_EVERY: Duration = Duration::from_secs(15);
/// Prices of all exchanges, and of one: what a plan that lacks the former has.
const SIP: &str = "sip";
const IEX: &str = "iex";

/// Which of its sources the plan has. A source that turns out not to be in the plan is given up for the one that is.
#[derive(Debug)]
pub(super) struct Sources {
    stocks: Mutex<String>,
    options: Mutex<String>,
}

impl Sources {
    /// As the settings say: `feed` for shares (`iex` unless said), `options_feed` (`indicative` unless said).
    pub(super) fn new(stocks: Option<&str>, options: Option<&str>) -> Self {
        let own = |given: Option<&str>, usual: &str| {
            let word = given.map(str::trim).filter(|word| !word.is_empty()).unwrap_or(usual);
            Mutex::new(word.to_ascii_lowercase())
        };
        Self { stocks: own(stocks, IEX), options: own(options, "indicative") }
    }

    fn of(&self, class: AssetClass) -> &Mutex<String> {
        if class == AssetClass::Option { &self.options } else { &self.stocks }
    }

    /// The source of a class.
    pub(super) fn get(&self, class: AssetClass) -> String {
        self.of(class).lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The plan lacks it: the other one is used from now on. False where there is none.
    pub(super) fn give_up(&self, class: AssetClass) -> bool {
        let mut word = self.of(class).lock().unwrap_or_else(PoisonError::into_inner);
        let other = match (class, word.as_str()) {
            (AssetClass::Option, "opra") => "indicative",
            (AssetClass::Equity, SIP | "delayed_sip") => IEX,
            _ => return false,
        };
        tracing::warn!(
            broker = NAME,
            from = word.as_str(),
            to = other,
            "the plan lacks this source of prices"
        );
        *word = other.to_owned();
        true
    }

    /// How fresh prices of a class are.
    pub(super) fn feed(&self, class: AssetClass) -> Feed {
        match (class, self.get(class).as_str()) {
            (AssetClass::Crypto, _) => Feed::RealTime,
            (_, "delayed_sip" | "indicative") => Feed::Delayed,
            _ => Feed::RealTime,
        }
    }
}

/// Alpaca's prices.
pub(super) struct AlpacaFeed {
    pub(super) rest: Rest,
    pub(super) sources: Arc<Sources>,
    calendar: Calendar,
    assets: tokio::sync::Mutex<Option<(Instant, Arc<Vec<Asset>>)>>,
}

fn wrong(call: &'static str, reason: &str) -> BrokerError {
    BrokerError::Unreadable { broker: NAME.to_owned(), call, reason: reason.to_owned() }
}

fn classes() -> [AssetClass; 3] {
    [AssetClass::Equity, AssetClass::Option, AssetClass::Crypto]
}

impl AlpacaFeed {
    pub(super) fn new(rest: Rest, sources: Arc<Sources>) -> Self {
        Self { rest, sources, calendar: Calendar::nyse(), assets: tokio::sync::Mutex::new(None) }
    }

    /// Newest quotes of instruments of one class, by what they are called.
    async fn of_class(
        &self,
        class: AssetClass,
        names: &BTreeMap<String, Instrument>,
    ) -> Result<Vec<Quote>, BrokerError> {
        let feed = self.sources.feed(class);
        let mut found = Vec::new();
        let all: Vec<&String> = names.keys().collect();
        for chunk in all.chunks(SYMBOLS_MAX) {
            let list: Vec<&str> = chunk.iter().map(|name| name.as_str()).collect();
            for (name, snapshot) in self.snapshots(class, &list.join(",")).await? {
                let Some(instrument) = names.get(&name) else { continue };
                found.extend(prices::quote(instrument.clone(), &snapshot, feed));
            }
        }
        Ok(found)
    }

    /// Snapshots by symbol; once more from the other source where the plan lacks the first.
    async fn snapshots(
        &self,
        class: AssetClass,
        symbols: &str,
    ) -> Result<BTreeMap<String, Snapshot>, BrokerError> {
        loop {
            let mut query = vec![("symbols", symbols.to_owned())];
            let (path, feed) = match class {
                AssetClass::Crypto => ("/v1beta3/crypto/us/snapshots", false),
                AssetClass::Option => ("/v1beta1/options/snapshots", true),
                _ => ("/v2/stocks/snapshots", true),
            };
            if feed {
                query.push(("feed", self.sources.get(class)));
            }
            let found = if class == AssetClass::Equity {
                let rows = self.rest.data::<BTreeMap<String, Option<Snapshot>>>(QUOTES, path, &query).await;
                rows.map(|rows| rows.into_iter().filter_map(|(name, row)| Some((name, row?))).collect())
            } else {
                self.rest.data::<Snapshots>(QUOTES, path, &query).await.map(|page| page.snapshots)
            };
            match found {
                Err(error) if errors::code(&error) == Some("PERMISSION") && self.sources.give_up(class) => {}
                found => return found,
            }
        }
    }

    /// The oldest instant from which so many bars may be had: sessions are a part of the week, and holidays come.
    fn since(interval: Interval, class: AssetClass, end: Timestamp, limit: usize) -> Timestamp {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let always = class == AssetClass::Crypto;
        let days = matches!(interval, Interval::Day1 | Interval::Week1);
        // A trading day has 6.5 of 24 hours, a week five of seven days.
        let stretch = match (always, days) {
            (true, _) => 1,
            (false, true) => 2,
            (false, false) => 6,
        };
        let spare = if always { 1 } else { 7 * 86_400 };
        let seconds = interval.seconds().saturating_mul(stretch).saturating_mul(limit).saturating_add(spare);
        end.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    async fn bars_page(
        &self,
        class: AssetClass,
        query: &mut Vec<(&'static str, String)>,
    ) -> Result<Bars, BrokerError> {
        let path = match class {
            AssetClass::Crypto => "/v1beta3/crypto/us/bars",
            AssetClass::Option => "/v1beta1/options/bars",
            _ => "/v2/stocks/bars",
        };
        loop {
            let found = self.rest.data(BARS, path, query).await;
            match found {
                Err(error) if errors::code(&error) == Some("PERMISSION") && self.sources.give_up(class) => {
                    query.retain(|(name, _)| *name != "feed");
                    query.push(("feed", self.sources.get(class)));
                }
                found => return found,
            }
        }
    }

    /// Listed contracts of an underlying, within days.
    async fn contracts(
        &self,
        underlying: &Symbol,
        days: (Date, Date),
    ) -> Result<Vec<super::wire::Contract>, BrokerError> {
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut query = vec![
                ("underlying_symbols", underlying.to_string()),
                ("status", "active".to_owned()),
                ("expiration_date_gte", days.0.to_string()),
                ("expiration_date_lte", days.1.to_string()),
                ("limit", CONTRACTS_PAGE.to_string()),
            ];
            query.extend(token.take().map(|token| ("page_token", token)));
            let page: Contracts = self.rest.get(CONTRACTS, "/v2/options/contracts", &query).await?;
            found.extend(page.option_contracts);
            token = page.next_page_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
        Err(wrong(CONTRACTS.name, "the list does not end"))
    }

    /// Everything that is listed, from memory for a day.
    async fn listed(&self) -> Result<Arc<Vec<Asset>>, BrokerError> {
        let mut kept = self.assets.lock().await;
        if let Some((at, assets)) = kept.as_ref()
            && at.elapsed() < ASSETS_LIFE
        {
            return Ok(Arc::clone(assets));
        }
        let mut all: Vec<Asset> = Vec::new();
        for exchange in EXCHANGES {
            let query = [
                ("status", "active".to_owned()),
                ("asset_class", "us_equity".to_owned()),
                ("exchange", exchange.to_owned()),
            ];
            all.extend(self.rest.get::<Vec<Asset>>(ASSETS, "/v2/assets", &query).await?);
        }
        let query = [("status", "active".to_owned()), ("asset_class", "crypto".to_owned())];
        all.extend(self.rest.get::<Vec<Asset>>(ASSETS, "/v2/assets", &query).await?);
        let all = Arc::new(all);
        *kept = Some((Instant::now(), Arc::clone(&all)));
        Ok(all)
    }
}

/// How well an asset fits a text in upper case: the less the better; `None` where it does not.
fn fit(asset: &Asset, wanted: &str) -> Option<u8> {
    let name = asset.name.as_deref().unwrap_or_default().to_ascii_uppercase();
    let base = asset.symbol.split('/').next().unwrap_or_default();
    match () {
        () if asset.symbol == wanted => Some(0),
        () if base == wanted => Some(1),
        () if asset.symbol.starts_with(wanted) => Some(2),
        () if name.starts_with(wanted) => Some(3),
        () if name.contains(wanted) => Some(4),
        () if asset.symbol.contains(wanted) => Some(5),
        () => None,
    }
}

fn listing(asset: &Asset) -> Option<Listing> {
    let instrument = report::instrument(&asset.symbol, &asset.class).ok()?;
    let quote = match &instrument {
        Instrument::Crypto { quote, .. } => Currency::new(quote.as_str()).unwrap_or(Currency::USD),
        _ => Currency::USD,
    };
    Some(Listing {
        instrument,
        name: clean(asset.name.as_deref().unwrap_or_default()).into(),
        exchange: clean(&asset.exchange).into(),
        currency: quote,
        sector: "".into(),
        indices: Vec::new(),
    })
}

#[async_trait]
impl MarketFeed for AlpacaFeed {
    fn covers(&self, market: Market) -> bool {
        market.is_of(&classes())
    }

    async fn quotes(&self, instruments: &[Instrument]) -> Result<Vec<Quote>, BrokerError> {
        let mut found = Vec::new();
        for class in classes() {
            let names: BTreeMap<String, Instrument> = instruments
                .iter()
                .filter(|instrument| instrument.asset_class() == class)
                .map(|instrument| (symbol(instrument), instrument.clone()))
                .collect();
            if !names.is_empty() {
                found.extend(self.of_class(class, &names).await?);
            }
        }
        Ok(found)
    }

    async fn bars(
        &self,
        instrument: &Instrument,
        interval: Interval,
        end: Timestamp,
        limit: usize,
    ) -> Result<Vec<Bar>, BrokerError> {
        let class = instrument.asset_class();
        let name = symbol(instrument);
        // Their bound is inclusive, ours is not.
        let last = end.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(end);
        let mut query = vec![
            ("symbols", name.clone()),
            ("timeframe", prices::timeframe(interval).to_owned()),
            ("start", Self::since(interval, class, end, limit).to_string()),
            ("end", last.to_string()),
            ("limit", limit.clamp(1, BARS_PAGE).to_string()),
            ("sort", "desc".to_owned()),
        ];
        if class == AssetClass::Equity {
            query.push(("adjustment", "split".to_owned()));
            query.push(("feed", self.sources.get(class)));
        }
        let mut found: Vec<Bar> = Vec::new();
        for _ in 0..PAGES_MAX {
            let page = self.bars_page(class, &mut query).await?;
            let rows = page.bars.unwrap_or_default().remove(&name).unwrap_or_default();
            found.extend(rows.iter().map(|row| prices::bar(row, interval, class, &self.calendar)));
            let next = page.next_page_token.filter(|token| !token.is_empty() && found.len() < limit);
            query.retain(|(name, _)| *name != "page_token");
            match next {
                Some(token) => query.push(("page_token", token)),
                None => break,
            }
        }
        found.retain(|bar| bar.start < end && bar.is_sound());
        found.sort_by_key(|bar| bar.start);
        found.dedup_by_key(|bar| bar.start);
        Ok(found.split_off(found.len().saturating_sub(limit)))
    }

    async fn expiries(&self, underlying: &Symbol) -> Result<Vec<Date>, BrokerError> {
        let today = exchange_date(wall());
        let found = self.contracts(underlying, (today, plus_days(today, EXPIRY_DAYS))).await?;
        let days: BTreeSet<Date> = found.iter().filter_map(|contract| contract.expiration_date).collect();
        Ok(days.into_iter().collect())
    }

    async fn chain(&self, underlying: &Symbol, expiry: Date) -> Result<Vec<ChainRow>, BrokerError> {
        let contracts = self.contracts(underlying, (expiry, expiry)).await?;
        let interest: BTreeMap<&str, u64> = contracts
            .iter()
            .filter_map(|contract| {
                let open = contract.open_interest?;
                Some((contract.symbol.as_str(), rust_decimal::prelude::ToPrimitive::to_u64(&open)?))
            })
            .collect();
        let path = format!("/v1beta1/options/snapshots/{}", escaped(underlying.as_str()));
        let mut rows: Vec<ChainRow> = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut query = vec![
                ("feed", self.sources.get(AssetClass::Option)),
                ("expiration_date", expiry.to_string()),
                ("limit", CHAIN_PAGE.to_string()),
            ];
            query.extend(token.clone().map(|token| ("page_token", token)));
            let page = self.rest.data::<Snapshots>(CHAIN, &path, &query).await;
            let page = match page {
                Err(error)
                    if errors::code(&error) == Some("PERMISSION")
                        && self.sources.give_up(AssetClass::Option) =>
                {
                    continue;
                }
                page => page?,
            };
            let feed = self.sources.feed(AssetClass::Option);
            rows.extend(page.snapshots.iter().filter_map(|(name, snapshot)| {
                prices::chain_row(name, snapshot, feed, interest.get(name.as_str()).copied())
            }));
            token = page.next_page_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        rows.sort_by(|a, b| a.contract.cmp(&b.contract));
        Ok(rows)
    }

    async fn lookup(&self, text: &str) -> Result<Vec<Listing>, BrokerError> {
        let wanted = text.trim().to_ascii_uppercase();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let assets = self.listed().await?;
        let mut found: Vec<(u8, &Asset)> = assets
            .iter()
            .filter(|asset| asset.tradable)
            .filter_map(|asset| Some((fit(asset, &wanted)?, asset)))
            .collect();
        found.sort_by(|(a, left), (b, right)| a.cmp(b).then_with(|| left.symbol.cmp(&right.symbol)));
        Ok(found.into_iter().filter_map(|(_, asset)| listing(asset)).take(FOUND_MAX).collect())
    }

    async fn movers(&self, order: MoverOrder, limit: usize) -> Result<Option<Vec<Instrument>>, BrokerError> {
        self.moving(order, limit).await.map(Some)
    }

    fn news(&self) -> Option<&dyn NewsSource> {
        Some(self)
    }

    async fn watch(&self, wanted: watch::Receiver<Wanted>, events: mpsc::Sender<FeedEvent>) -> BrokerError {
        stream::watch(self, wanted, events).await
    }
}
