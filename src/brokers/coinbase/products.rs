//! What can be traded at Coinbase and how: kept for a while, and asked for again. USD and USDC pairs share a book: their aliases are here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rust_decimal::Decimal;

use super::line::{Line, V3};
use super::wire::{Product, ProductList};
use super::{BROKER, PRIVATE, PUBLIC, refused_locally};
use crate::brokers::BrokerError;
use crate::brokers::http::Call;
use crate::domain::instrument::{Instrument, InstrumentSpec, TickRow};
use crate::domain::money::{Currency, Price};

/// How long a product's terms are believed.
const FRESH: Duration = Duration::from_secs(600);
/// How long the list of all of them is.
const LIST_FRESH: Duration = Duration::from_secs(3_600);
/// Products that are kept by themselves.
const KEPT_MAX: usize = 1_000;

/// Products as they were last seen.
#[derive(Debug)]
pub struct Products {
    line: Arc<Line>,
    known: Mutex<BTreeMap<String, (Instant, Arc<Product>)>>,
    coins: Listed,
    futures: Listed,
}

/// All products of a type, and when they were listed.
type Listed = tokio::sync::Mutex<Option<(Instant, Arc<Vec<Product>>)>>;

/// What Coinbase calls an instrument.
///
/// # Errors
/// `Unsupported` for shares, options, currencies and tokens.
pub fn product_id(instrument: &Instrument) -> Result<String, BrokerError> {
    match instrument {
        Instrument::Crypto { base, quote } => Ok(format!("{base}-{quote}")),
        // A future is known by the whole of its product id, such as BIP-20DEC30-CDE.
        Instrument::Perpetual { symbol } => Ok(symbol.as_str().to_owned()),
        other => {
            Err(refused_locally(format!("{} {other}", other.asset_class()), "crypto pairs and its futures"))
        }
    }
}

/// The instrument behind a product id; `None` where it has a form that we do not know.
pub fn instrument_of(product_id: &str) -> Option<Instrument> {
    match product_id.split('-').collect::<Vec<_>>().as_slice() {
        [base, quote] => Instrument::crypto(base, quote).ok(),
        [_, _, _] => Some(Instrument::Perpetual { symbol: product_id.parse().ok()? }),
        _ => None,
    }
}

impl Product {
    /// Step of its prices.
    pub fn tick(&self) -> Decimal {
        self.price_increment
            .filter(|tick| tick.is_sign_positive() && !tick.is_zero())
            .unwrap_or(self.quote_increment)
    }

    /// Units of the underlying in one unit of it.
    pub fn multiplier(&self) -> Decimal {
        let details = self.future_product_details.as_ref();
        details
            .and_then(|details| details.contract_size)
            .filter(|size| !size.is_zero())
            .unwrap_or(Decimal::ONE)
    }

    /// Does it trade at all now.
    pub const fn trades(&self) -> bool {
        !(self.is_disabled || self.trading_disabled || self.cancel_only || self.view_only)
    }

    /// The same book under its first name.
    pub fn canonical(&self) -> &str {
        if self.alias.is_empty() { &self.product_id } else { &self.alias }
    }

    /// Its terms as everybody here reads them.
    pub fn spec(&self, instrument: Instrument) -> InstrumentSpec {
        let mut spec = InstrumentSpec::standard(instrument);
        spec.ticks = vec![TickRow { from: Price::ZERO, tick: self.tick() }];
        spec.quantity_increment = self.base_increment;
        spec.quantity_min = self.base_min_size.unwrap_or(self.base_increment).max(self.base_increment);
        spec.multiplier = self.multiplier();
        spec.tradable = self.trades();
        spec.shortable = self.product_type == "FUTURE";
        if let Ok(currency) = Currency::new(&self.quote_currency_id) {
            spec.currency = currency;
        }
        spec
    }
}

impl Products {
    /// None known yet.
    #[must_use]
    pub fn new(line: Arc<Line>) -> Self {
        Self { line, known: Mutex::default(), coins: Listed::default(), futures: Listed::default() }
    }

    /// The terms of one product, as fresh as they need be.
    ///
    /// # Errors
    /// `NotFound` when there is none of that name.
    pub async fn get(&self, id: &str) -> Result<Arc<Product>, BrokerError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some((at, product)) = known
            && at.elapsed() < FRESH
        {
            return Ok(product);
        }
        let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let asked = if self.line.login().is_public() {
            self.line
                .open(Call::read("product", PUBLIC), &format!("{V3}/market/products/{encoded}"), &[])
                .await
        } else {
            self.line.get(Call::read("product", PRIVATE), &format!("{V3}/products/{encoded}"), &[]).await
        };
        let product: Product = match asked {
            Err(BrokerError::Refused { status: 404, .. }) => {
                return Err(BrokerError::NotFound {
                    broker: BROKER.to_owned(),
                    what: format!("product {id}"),
                });
            }
            other => other?,
        };
        let product = Arc::new(product);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT_MAX {
            known.clear();
        }
        known.insert(id.to_owned(), (Instant::now(), Arc::clone(&product)));
        Ok(product)
    }

    /// Every spot product: public, and one call for all who ask at once.
    ///
    /// # Errors
    /// Whatever the call says.
    pub async fn all(&self) -> Result<Arc<Vec<Product>>, BrokerError> {
        self.listed(&self.coins, "SPOT").await
    }

    /// Every future and perpetual, in the same way.
    ///
    /// # Errors
    /// Whatever the call says.
    pub async fn futures(&self) -> Result<Arc<Vec<Product>>, BrokerError> {
        self.listed(&self.futures, "FUTURE").await
    }

    async fn listed(&self, list: &Listed, kind: &str) -> Result<Arc<Vec<Product>>, BrokerError> {
        let mut list = list.lock().await;
        if let Some((at, products)) = list.as_ref()
            && at.elapsed() < LIST_FRESH
        {
            return Ok(Arc::clone(products));
        }
        let query = [("product_type", kind.to_owned())];
        let path = format!("{V3}/market/products");
        let answer: ProductList = self.line.open(Call::history("products", PUBLIC), &path, &query).await?;
        let products = Arc::new(answer.products);
        *list = Some((Instant::now(), Arc::clone(&products)));
        Ok(products)
    }
}
