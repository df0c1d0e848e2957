//! What the connected accounts are worth together: rates of coins from CoinGecko, asked for while an account is kept in one, and from the
//! prices that are there anyway.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::brokers::coingecko::{self, CoinPrices};
use crate::brokers::http::Health;
use crate::brokers::{BrokerKind, BrokerSettings, Credentials, Environment};
use crate::config::files;
use crate::core::engine::Engine;
use crate::domain::account::Account;
use crate::domain::instrument::Instrument;
use crate::domain::money::Currency;
use crate::domain::total::{Rate, Total, totals};
use crate::keeping::Recorder;

use super::super::task::EngineTask;
use super::accounts::sealed;
use super::host::LiveEvent;
use super::login::LoginKey;

/// The currency of the total.
const TOTAL_IN: Currency = Currency::USD;
/// Whose key rates are asked for with, where one is kept.
pub(super) const RATES_KEY: LoginKey =
    LoginKey { broker: BrokerKind::Coingecko, environment: Environment::Live };
/// How often rates are asked for; CoinGecko's own change no sooner.
const RATES_EVERY: Duration = Duration::from_secs(60);
/// A rate that is older counts for nothing.
const RATE_AGE_MAX: SignedDuration = SignedDuration::from_mins(30);
/// What symbols of coins were found to mean, in a profile's directory, and the most that is read of it.
const COINS_FILE: &str = "coins.json";
const COINS_BYTES_MAX: usize = 4 << 20;
/// Money of countries: CoinGecko's word for such a code would be a coin's.
const OF_COUNTRIES: [&str; 16] = [
    "AUD", "BRL", "CAD", "CHF", "CNY", "DKK", "EUR", "GBP", "HKD", "JPY", "MXN", "NOK", "NZD", "SEK", "SGD",
    "USD",
];

/// What rates came to.
pub(in crate::engine) struct RatesWord {
    /// Units of the total's currency for one of each, and when they stood so.
    pub(super) found: Result<BTreeMap<Currency, (Decimal, Timestamp)>, String>,
    /// How calls go.
    pub(super) health: Box<Health>,
}

/// Rates, and who asks for them.
#[derive(Default)]
pub(super) struct Rates {
    known: BTreeMap<Currency, (Decimal, Timestamp)>,
    asking: Option<(watch::Sender<Vec<Currency>>, AbortHandle)>,
}

impl Drop for Rates {
    fn drop(&mut self) {
        if let Some((_, task)) = &self.asking {
            task.abort();
        }
    }
}

impl Rates {
    /// Which currencies matter from now on. Nothing is asked before the first one does.
    fn want(&mut self, wanted: Vec<Currency>, asker: impl FnOnce() -> Asker) {
        if let Some((asked, _)) = &self.asking {
            asked.send_if_modified(|before| {
                let new = *before != wanted;
                *before = wanted;
                new
            });
            return;
        }
        if wanted.is_empty() {
            return;
        }
        let (asked, wants) = watch::channel(wanted);
        let task = tokio::spawn(asker().run(wants));
        self.asking = Some((asked, task.abort_handle()));
    }

    fn learn(&mut self, found: BTreeMap<Currency, (Decimal, Timestamp)>) {
        self.known.extend(found);
    }

    fn of(&self, currency: Currency, now: Timestamp) -> Option<Rate> {
        let (units, at) = self.known.get(&currency)?;
        (now.duration_since(*at) <= RATE_AGE_MAX).then_some(Rate { units: *units, as_of: Some(*at) })
    }
}

/// What symbols of coins were found to mean, in the profile's directory: a file that may be thrown away.
struct CoinsFile(PathBuf);

impl coingecko::Shelf for CoinsFile {
    fn load(&self) -> Option<String> {
        let text = std::fs::read_to_string(&self.0);
        text.ok().filter(|text| text.len() <= COINS_BYTES_MAX)
    }

    fn save(&self, text: &str) {
        if let Err(error) = files::replace_private(&self.0, text.as_bytes()) {
            tracing::warn!(%error, "what symbols of coins mean is not kept");
        }
    }
}

/// Who asks for rates.
struct Asker {
    settings: BrokerSettings,
    /// Where what is found out is kept; absent for runs that nothing is kept of.
    kept_in: Option<PathBuf>,
    recorder: Option<Arc<Recorder>>,
    events: mpsc::Sender<LiveEvent>,
}

impl Asker {
    /// Asks until nobody wants any, with the key that the vault has, or without one.
    async fn run(self, wants: watch::Receiver<Vec<Currency>>) {
        let credentials = match &self.recorder {
            Some(recorder) => match sealed(recorder, RATES_KEY.secret_name()).await {
                Ok(sealed) => sealed.credentials,
                Err(reason) => {
                    tracing::debug!(reason, "rates of coins are asked for without a key");
                    Credentials::new()
                }
            },
            None => Credentials::new(),
        };
        let shelf = self
            .kept_in
            .map(|directory| Arc::new(CoinsFile(directory.join(COINS_FILE))) as Arc<dyn coingecko::Shelf>);
        match coingecko::prices_kept(&self.settings, &credentials, shelf) {
            Ok(prices) => ask(prices, wants, self.events).await,
            Err(error) => tracing::warn!(%error, "rates of coins cannot be had"),
        }
    }
}

async fn ask(
    prices: Arc<CoinPrices>,
    mut wants: watch::Receiver<Vec<Currency>>,
    events: mpsc::Sender<LiveEvent>,
) {
    loop {
        let wanted: Vec<Currency> = wants.borrow_and_update().clone();
        if !wanted.is_empty() {
            let symbols: Vec<&str> = wanted.iter().map(Currency::as_str).collect();
            let found = prices.rates(&symbols, TOTAL_IN).await;
            let found = found.map_err(|error| error.to_string()).map(|found| {
                let rate = |currency: &Currency| {
                    let price = found.get(currency.as_str())?;
                    Some((*currency, (price.price, price.as_of)))
                };
                wanted.iter().filter_map(rate).collect()
            });
            let word = RatesWord { found, health: Box::new(prices.health()) };
            if events.send(LiveEvent::Rates(word)).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(RATES_EVERY) => {}
            changed = wants.changed() => if changed.is_err() { return },
        }
    }
}

/// What the prices that are there say of a currency.
fn by_quotes(core: &Engine, currency: Currency) -> Option<Rate> {
    let (code, into) = (currency.as_str(), TOTAL_IN.as_str());
    let pairs = [Instrument::fx(code, into), Instrument::crypto(code, into)];
    pairs.into_iter().filter_map(Result::ok).find_map(|pair| {
        let quote = core.quote(&pair)?;
        let mark = quote.mark().filter(|mark| mark.is_positive())?;
        Some(Rate { units: mark.get(), as_of: Some(quote.as_of) })
    })
}

impl EngineTask {
    /// Which rates matter: those of the currencies that connected accounts are kept in, or have something in that their figures leave out.
    pub(super) fn follow_rates(&mut self) {
        let mut wanted: Vec<Currency> = Vec::new();
        for login in self.live.logins() {
            let own = self.core.account(&login.account).map(|account| account.currency);
            wanted.extend(own);
            wanted.extend(self.core.unrated(&login.account).into_iter().map(|money| money.currency));
        }
        wanted.retain(|currency| !OF_COUNTRIES.contains(&currency.as_str()));
        wanted.sort_unstable();
        wanted.dedup();
        let (events, recorder) = (self.live.events_in(), self.audit.clone());
        let kept_in = recorder.is_some().then(|| self.directory.clone());
        let (rates, sections) = self.live.rates_and_sections();
        rates.want(wanted, || Asker { settings: RATES_KEY.settings(sections), kept_in, recorder, events });
    }

    /// Whoever asks for rates has the wrong key from now on.
    pub(super) fn forget_rates(&mut self) {
        let rates = self.live.rates_and_sections().0;
        if let Some((_, task)) = rates.asking.take() {
            task.abort();
        }
    }

    /// Takes rates in, and how they were had.
    pub(super) fn on_rates(&mut self, word: RatesWord) {
        let (up, text) = match word.found {
            Ok(found) => {
                let text = format!("rates of {} coins; {}", found.len(), coingecko::ATTRIBUTION);
                self.live.rates_and_sections().0.learn(found);
                (true, text)
            }
            Err(error) => (false, format!("rates: {error}")),
        };
        self.live.note_rates(up, &text, &word.health);
        self.core.touch();
    }

    /// The accounts of each mode together.
    pub(in crate::engine) fn totals(&self, accounts: &[Account]) -> Vec<Total> {
        let now = self.clock.now();
        let rate = |currency: Currency| {
            let dollar_coin = matches!(currency.as_str(), "USDC" | "USDT");
            self.live
                .rate(currency, now)
                .or_else(|| by_quotes(&self.core, currency))
                // As in the books of each account: dollar coins count as dollars where nothing else is said.
                .or_else(|| dollar_coin.then_some(Rate { units: Decimal::ONE, as_of: None }))
        };
        let all = accounts.iter().map(|account| (account, self.core.unrated(&account.account)));
        totals(all, TOTAL_IN, &rate)
    }
}

impl super::wiring::Live {
    /// A rate that CoinGecko said.
    fn rate(&self, currency: Currency, now: Timestamp) -> Option<Rate> {
        self.rates().of(currency, now)
    }
}
