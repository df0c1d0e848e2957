//! The engine's side of its logins: links and streams, balances, prices, and connecting, disconnecting, changing the account that plain
//! commands mean.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::brokers::clock::wall;
use crate::brokers::http::Health;
use crate::brokers::limiter::SharedLimits;
use crate::brokers::{
    AccountStream, Broker, BrokerKind, BrokerSettings, Environment, FeedEvent, Market, registry,
};
use crate::client::status::CallStatus;
use crate::config::BrokerSection;
use crate::core::input::Input;
use crate::domain::account::Account;
use crate::domain::audit::AuditAction;
use crate::domain::execution::{AccountEvent, CashEntry, CashKind};
use crate::domain::ids::{AccountId, ExecutionId};
use crate::domain::instrument::Instrument;
use crate::domain::limits::RiskLimits;
use crate::domain::login::Login;
use crate::domain::money::{Currency, Money};
use crate::domain::movement::BALANCE_ID;
use crate::domain::order::OrderStatus;
use crate::domain::snapshot::{Connection, Severity};

use super::super::clock::{since_boot, system_now};
use super::super::journal::Job;
use super::super::link::{self, LinkCommand, Reported};
use super::super::task::EngineTask;
use super::super::vitals::shown;
use super::host::{self, Hosted, LiveEvent};
use super::login::{DEFAULT, LOGINS, LoginKey, key_of};
use super::prices::{FeedKey, FeedWord, LivePrices};
use super::totals::Rates;

/// Events of logins that may wait for the engine.
const EVENTS_MAX: usize = 4_096;
/// Time after an account's last fill in which its cash is not compared: the broker may book it later than it tells it.
const SETTLES_IN: Duration = Duration::from_secs(30);

/// The logins as the engine holds them.
pub(in crate::engine) struct Live {
    pub(super) logins: Vec<Login>,
    /// Accounts that were disconnected since the start: their books stand in the core until it ends, and nobody is shown them.
    pub(in crate::engine) closed: BTreeSet<AccountId>,
    pub(super) hosts: BTreeMap<LoginKey, AbortHandle>,
    pub(super) states: BTreeMap<LoginKey, Connection>,
    sections: BTreeMap<String, BrokerSection>,
    pub(in crate::engine) limits: RiskLimits,
    events_in: mpsc::Sender<LiveEvent>,
    pub(in crate::engine) events: mpsc::Receiver<LiveEvent>,
    pub(in crate::engine) prices: LivePrices,
    /// Whose public stream is asked for prices of coins.
    pub(in crate::engine) public_crypto: Option<BrokerKind>,
    public_state: Option<Connection>,
    pub(super) brokers: BTreeMap<AccountId, Arc<dyn Broker>>,
    reports: mpsc::Sender<Reported>,
    /// Differences of cash that have been seen once.
    suspected: BTreeMap<(AccountId, Currency), Decimal>,
    last_fill: BTreeMap<AccountId, tokio::time::Instant>,
    /// What brokers limit by address is counted by all lines together.
    limits_shared: SharedLimits,
    /// How calls of each login go.
    pub(super) healths: BTreeMap<LoginKey, Health>,
    /// An account's figures as its broker said them last.
    pub(in crate::engine) figures: BTreeMap<AccountId, Account>,
    rates: Rates,
    rates_state: Option<Connection>,
    /// Days whose hours a broker has said otherwise: each is told once, and the first word holds.
    pub(super) days_said: BTreeSet<Date>,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.hosts.values().for_each(AbortHandle::abort);
    }
}

impl Live {
    pub(in crate::engine) fn new(
        logins: Vec<Login>,
        sections: BTreeMap<String, BrokerSection>,
        limits: RiskLimits,
        reports: mpsc::Sender<Reported>,
    ) -> Self {
        let (events_in, events) = mpsc::channel(EVENTS_MAX);
        Self {
            logins,
            closed: BTreeSet::new(),
            hosts: BTreeMap::new(),
            states: BTreeMap::new(),
            sections,
            limits,
            events_in,
            events,
            prices: LivePrices::default(),
            public_crypto: None,
            public_state: None,
            brokers: BTreeMap::new(),
            reports,
            suspected: BTreeMap::new(),
            last_fill: BTreeMap::new(),
            limits_shared: SharedLimits::default(),
            healths: BTreeMap::new(),
            figures: BTreeMap::new(),
            rates: Rates::default(),
            rates_state: None,
            days_said: BTreeSet::new(),
        }
    }

    /// Where logins report to.
    pub(super) fn events_in(&self) -> mpsc::Sender<LiveEvent> {
        self.events_in.clone()
    }

    /// How each login is, for the connections.
    pub(in crate::engine) fn connections(&self) -> impl Iterator<Item = Connection> + '_ {
        let logins = self.states.iter().map(|(key, state)| self.prices.told(FeedKey::Login(*key), state));
        let public = self.public_state.iter().map(|state| match self.public_crypto {
            Some(broker) => self.prices.told(FeedKey::Public(broker), state),
            None => state.clone(),
        });
        logins.chain(public).chain(self.rates_state.iter().cloned())
    }

    /// Calls to brokers, by broker and name.
    pub(in crate::engine) fn calls(&self) -> Vec<CallStatus> {
        let of = |(key, health): (&LoginKey, &Health)| {
            shown(Some(&format!("{} {}", key.broker, key.environment.as_str())), &health.by_call)
        };
        self.healths.iter().flat_map(of).collect()
    }

    /// An account's line, and its figures as its broker said them last.
    pub(in crate::engine) fn at_broker(
        &self,
        account: &AccountId,
    ) -> (Option<Arc<dyn Broker>>, Option<&Account>) {
        (self.brokers.get(account).cloned(), self.figures.get(account))
    }

    pub(super) const fn rates(&self) -> &Rates {
        &self.rates
    }

    pub(super) const fn rates_and_sections(&mut self) -> (&mut Rates, &BTreeMap<String, BrokerSection>) {
        (&mut self.rates, &self.sections)
    }

    /// How rates are had, among the connections.
    pub(super) fn note_rates(&mut self, up: bool, text: &str, health: &Health) {
        self.rates_state = Some(connection("coingecko", up, text, health));
    }

    pub(super) fn settings(&self, key: LoginKey) -> BrokerSettings {
        BrokerSettings { limits: self.limits_shared.clone(), ..key.settings(&self.sections) }
    }

    /// Connected accounts, as commands may name them.
    pub(in crate::engine) fn logins(&self) -> &[Login] {
        &self.logins
    }

    /// The accounts there are, for an error.
    pub(in crate::engine) fn connected(&self, paper: &AccountId) -> String {
        let names =
            std::iter::once(paper.as_str()).chain(self.logins.iter().map(|login| login.account.as_str()));
        format!("connected: {}", names.collect::<Vec<_>>().join(", "))
    }

    pub(in crate::engine) fn keys(&self) -> Vec<LoginKey> {
        let mut keys: Vec<LoginKey> = self.logins.iter().filter_map(key_of).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    fn note(
        &mut self,
        key: LoginKey,
        (up, text): (bool, &str),
        health: &Health,
        retry_at: Option<Timestamp>,
    ) {
        let name = format!("{} {}", key.broker, key.environment.as_str());
        let accounts: Vec<String> = self
            .logins
            .iter()
            .filter(|login| key_of(login) == Some(key))
            .map(|login| format!("{} {} ...{}", login.account, login.kind_text, login.last_four))
            .collect();
        let mut words = vec![accounts.join(", ")];
        words.extend((!text.is_empty()).then(|| text.to_owned()));
        words.extend(
            self.prices
                .is_up(FeedKey::Login(key))
                .map(|up| if up { "streams prices" } else { "prices stand still" }.to_owned()),
        );
        if !health.held_for.is_zero() {
            words.push(format!("held back for {} s", health.held_for.as_secs() + 1));
        }
        words.extend(health.words.iter().cloned());
        let mut connection = connection(&name, up, &words.join("; "), health);
        connection.retry_at = retry_at.or(connection.retry_at);
        self.healths.insert(key, health.clone());
        self.states.insert(key, connection);
    }

    /// A login waits for its vault.
    fn shut(&mut self, key: LoginKey, retry_at: Option<Timestamp>) {
        let text = "its vault is locked; run: arbion profile unlock";
        self.note(key, (false, text), &Health::default(), retry_at);
        if let Some(connection) = self.states.get_mut(&key) {
            connection.vault_locked = true;
        }
    }
}

/// A connection with how its calls go.
fn connection(name: &str, up: bool, text: &str, health: &Health) -> Connection {
    let mut connection = Connection::new(name, up, text);
    connection.latency_ms =
        health.latency.map(|latency| u32::try_from(latency.as_millis()).unwrap_or(u32::MAX));
    connection.last_error.clone_from(&health.last_error);
    connection.limit_left = health.limit_left;
    if !health.held_for.is_zero() {
        let held = SignedDuration::try_from(health.held_for).unwrap_or_default();
        connection.retry_at = wall().checked_add(held).ok();
    }
    connection
}

impl EngineTask {
    /// Opens every login of the profile.
    pub(in crate::engine) fn open_logins(&mut self) {
        for key in self.live.keys() {
            self.host(key);
        }
        self.open_public();
    }

    /// A clock that is set forward is told from time that passed, and from a machine that slept. A replay's clock jumps by itself.
    pub(in crate::engine) async fn watch_clock(&mut self) {
        if !self.clock.goes_on() {
            return;
        }
        // A clock of its own is moved by people; the one beneath it is what may step.
        let seen = self.clock_watch.look(system_now(), since_boot());
        if let Some(by) = seen.set_forward {
            self.step(Input::ClockStep { by }).await;
        }
        if let Some(away) = seen.away {
            self.wake(away).await;
        }
    }

    /// Nothing ran for a while: whatever was connected is given up and opened anew, and nothing opens before it agrees (reliability N11).
    pub(in crate::engine) async fn wake(&mut self, away: Duration) {
        let text = format!("nothing ran here for {} s; every connection is opened anew", away.as_secs());
        tracing::warn!(seconds = away.as_secs(), "WOKE: nothing ran here, every connection is opened anew");
        self.step(Input::Note { severity: Severity::Warning, code: "WOKE", text }).await;
        let accounts: Vec<AccountId> = self.live.logins.iter().map(|login| login.account.clone()).collect();
        for account in accounts {
            self.step(Input::BrokerStatus { account, up: false, reconciled: false }).await;
        }
        self.open_logins();
        self.follow_live_classes();
        self.settle();
    }

    /// Prices of coins that need no key.
    fn open_public(&mut self) {
        let Some(broker) = self.live.public_crypto else { return };
        let key = LoginKey { broker, environment: Environment::Live };
        match registry::public_feed(broker, &self.live.settings(key)) {
            Ok(Some(feed)) => {
                let events = self.live.events_in.clone();
                self.live.prices.open(FeedKey::Public(broker), feed, events);
                for instrument in self.feed.active() {
                    self.live.prices.want(instrument);
                }
            }
            Ok(None) => tracing::warn!(%broker, "it has no public prices"),
            Err(error) => tracing::warn!(%error, "public prices cannot be had"),
        }
    }

    pub(super) fn host(&mut self, key: LoginKey) {
        let Some(recorder) = self.audit.clone() else { return };
        if let Some(before) = self.live.hosts.remove(&key) {
            before.abort();
        }
        let accounts = self
            .live
            .logins
            .iter()
            .filter(|login| key_of(login) == Some(key))
            .map(|login| login.account.clone())
            .collect();
        let hosted = Hosted { key, settings: self.live.settings(key), accounts, recorder };
        self.live.note(key, (false, "connecting"), &Health::default(), None);
        let task = tokio::spawn(host::run(hosted, self.live.events_in.clone()));
        self.live.hosts.insert(key, task.abort_handle());
    }

    /// Takes in what a login reports.
    pub(in crate::engine) async fn on_live(&mut self, event: LiveEvent) {
        match event {
            LiveEvent::Open { key, brokers, feed } => {
                for (account, broker) in brokers {
                    self.link(&account, broker).await;
                }
                if let Some(feed) = feed {
                    self.live.prices.open(FeedKey::Login(key), feed, self.live.events_in.clone());
                    self.follow_live_classes();
                }
            }
            LiveEvent::Stream(account, word) => self.on_stream(account, word).await,
            LiveEvent::Figures(account, figures) => {
                self.compare_cash(&account, &figures).await;
                self.live.figures.insert(account, *figures);
                self.follow_rates();
            }
            LiveEvent::Rates(word) => self.on_rates(word),
            LiveEvent::State { key, up, text, health, retry_at } => {
                self.live.note(key, (up, &text), &health, retry_at);
            }
            LiveEvent::Shut { key, retry_at } => self.live.shut(key, retry_at),
            LiveEvent::Dead { key, reason } => self.dead(key, &reason).await,
            LiveEvent::Price(key, word) => self.on_price(key, word).await,
            LiveEvent::Spec(spec) => self.step(Input::Instrument(spec)).await,
            LiveEvent::Calendar(key, days) => self.on_calendar(key, &days).await,
        }
    }

    /// A link to an account that is open now, or open again.
    async fn link(&mut self, account: &AccountId, broker: Arc<dyn Broker>) {
        let (clock, halted) = (self.clock.clone(), Arc::clone(&self.halted));
        let reports = self.live.reports.clone();
        let link = link::start(account.clone(), Arc::clone(&broker), reports, clock, halted);
        self.links.insert(account.clone(), link);
        self.live.brokers.insert(account.clone(), broker);
        let unproven: Vec<LinkCommand> = self
            .core
            .book()
            .working_of(account)
            .filter_map(|order| match order.status {
                OrderStatus::PendingSubmit | OrderStatus::Unknown => Some(LinkCommand::Ask(order.handle())),
                OrderStatus::PendingCancel => Some(LinkCommand::Cancel(order.handle())),
                _ => None,
            })
            .collect();
        for command in unproven {
            self.send(account, command).await;
        }
    }

    async fn on_stream(&mut self, account: AccountId, word: AccountStream) {
        match word {
            AccountStream::Up => {
                self.step(Input::BrokerStatus { account, up: true, reconciled: false }).await;
            }
            AccountStream::Down { reason, .. } => {
                tracing::info!(%account, reason, "the account's stream is down");
                self.step(Input::BrokerStatus { account, up: false, reconciled: false }).await;
            }
            AccountStream::Event(event) => {
                self.live.last_fill.insert(account, tokio::time::Instant::now());
                self.reported(Reported::events(vec![*event])).await;
            }
        }
        self.settle();
    }

    /// Cash that the broker shows and our books do not is an entry of the journal, once it has been seen twice and no fill is on its way.
    async fn compare_cash(&mut self, account: &AccountId, figures: &Account) {
        let Some(ours) = self.core.account(account) else { return };
        let recent = self.live.last_fill.get(account).is_some_and(|at| at.elapsed() < SETTLES_IN);
        let fresh = ours.cash_by_currency.iter().all(|money| money.amount.is_zero())
            && self.core.positions(account).is_empty();
        let of = |all: &[Money], currency: &Currency| {
            all.iter().filter(|money| money.currency == *currency).map(|money| money.amount).sum::<Decimal>()
        };
        for money in &figures.cash_by_currency {
            let difference = money.amount - of(&ours.cash_by_currency, &money.currency);
            let key = (account.clone(), money.currency);
            if difference.is_zero() {
                self.live.suspected.remove(&key);
                continue;
            }
            let before = self.live.suspected.insert(key.clone(), difference);
            if !fresh && (recent || before != Some(difference)) {
                continue;
            }
            self.live.suspected.remove(&key);
            let at = self.clock.now();
            let entry = CashEntry {
                id: ExecutionId::new(format!("{BALANCE_ID}{}-{}", money.currency, at.as_millisecond())),
                account: account.clone(),
                kind: CashKind::Deposit,
                amount: difference,
                currency: money.currency,
                instrument: None,
                at,
            };
            self.step(Input::Broker(Box::new(AccountEvent::Cash(entry)))).await;
        }
    }

    /// The broker does not accept the login any more: nothing is sent there, and plain commands mean paper again.
    async fn dead(&mut self, key: LoginKey, reason: &str) {
        self.live.hosts.remove(&key);
        self.live.prices.end(FeedKey::Login(key), self.clock.now());
        self.follow_live_classes();
        self.live.note(key, (false, &format!("{reason}; connect it again")), &Health::default(), None);
        if let Some(connection) = self.live.states.get_mut(&key) {
            connection.signed_out = true;
        }
        let text = format!("{} {} does not accept the login: {reason}", key.broker, key.environment.as_str());
        self.step(Input::Note { severity: Severity::Error, code: "LOGIN_NEEDED", text }).await;
        for account in self.accounts_of(key) {
            self.links.remove(&account);
            self.live.brokers.remove(&account);
            self.step(Input::BrokerStatus { account: account.clone(), up: false, reconciled: false }).await;
            self.leave(&account).await;
        }
    }

    fn accounts_of(&self, key: LoginKey) -> Vec<AccountId> {
        let of = self.live.logins.iter().filter(|login| key_of(login) == Some(key));
        of.map(|login| login.account.clone()).collect()
    }

    /// Plain commands mean the paper account, where they meant this one.
    pub(super) async fn leave(&mut self, account: &AccountId) {
        if self.core.default_account() == account {
            let paper = self.paper_account.clone();
            self.use_account(&paper).await;
        }
    }

    pub(super) async fn use_account(&mut self, account: &AccountId) {
        self.step(Input::DefaultAccount(account.clone())).await;
        self.write_state(DEFAULT, account.to_string()).await;
        self.publish();
    }

    pub(super) fn record(&self, action: AuditAction, object: &str, result: &str) {
        if let Some(recorder) = &self.audit {
            recorder.record(action, "", object, result);
        }
    }

    pub(super) async fn write_logins(&mut self) {
        match serde_json::to_string(&self.live.logins) {
            Ok(text) => self.write_state(LOGINS, text).await,
            Err(error) => tracing::error!(%error, "the logins cannot be written down"),
        }
    }

    async fn write_state(&mut self, key: &'static str, value: String) {
        self.write(Job::State(key, value)).await;
    }

    async fn on_price(&mut self, key: FeedKey, word: FeedWord) {
        let now = self.clock.now();
        match word {
            FeedWord::Event(FeedEvent::Quote(quote)) => self.feed.publish_live(*quote),
            FeedWord::Event(FeedEvent::Depth { instrument, as_of, bids, asks }) => {
                self.feed.books.publish_depth(&instrument, as_of, bids, asks);
            }
            FeedWord::Event(FeedEvent::Prints { instrument, prints }) => {
                self.feed.books.publish_prints(&instrument, prints);
            }
            FeedWord::Event(FeedEvent::Up) => {
                self.live.prices.set_up(key, true, now);
                self.follow_live_classes();
                self.note_public(key, true, "streams prices");
            }
            FeedWord::Event(FeedEvent::Down { reason, .. }) => {
                tracing::info!(feed = %key, reason, "the stream of prices is down");
                self.live.prices.set_up(key, false, now);
                self.note_public(key, false, &reason);
            }
            FeedWord::Ended(error) => {
                self.live.prices.set_up(key, false, now);
                let text = format!("prices of {key} have ended: {error}");
                self.step(Input::Note { severity: Severity::Warning, code: "PRICES_ENDED", text }).await;
            }
        }
    }

    /// How a public feed is, among the connections: it has no login whose state would say so. One that was never reached is not shown: its
    /// prices are simulated then, and nothing is amiss.
    fn note_public(&mut self, key: FeedKey, up: bool, text: &str) {
        if let FeedKey::Public(broker) = key
            && (up || self.live.public_state.is_some())
        {
            self.live.public_state =
                Some(Connection::new(broker.as_str(), up, &format!("public prices; {text}")));
        }
    }

    /// What has its prices from a broker is not simulated. What was wanted before is wanted of it now.
    pub(super) fn follow_live_classes(&mut self) {
        let markets = self.live.prices.markets();
        let now = self.clock.now();
        let active: Vec<Instrument> = self.feed.active().cloned().collect();
        for instrument in active {
            if markets.contains(&Market::of(&instrument)) && !self.feed.is_live(&instrument) {
                self.feed.leave_to_broker(&instrument, now);
            }
            self.live.prices.want(&instrument);
        }
        self.feed.set_live(markets);
    }

    /// Asks the brokers of connected accounts for an instrument's terms, one after another.
    pub(in crate::engine) fn ask_for_spec(&self, instrument: &Instrument) {
        let class = instrument.asset_class();
        let trades = self.live.logins.iter().filter(|it| it.capabilities.asset_classes.contains(&class));
        let brokers: Vec<_> = trades.filter_map(|it| self.live.brokers.get(&it.account)).cloned().collect();
        let (instrument, events) = (instrument.clone(), self.live.events_in.clone());
        tokio::spawn(async move {
            // Not everything of a class is listed everywhere: whoever knows it says its terms.
            for broker in brokers {
                match broker.spec(&instrument).await {
                    Ok(spec) => return drop(events.send(LiveEvent::Spec(Box::new(spec))).await),
                    Err(error) => tracing::info!(%error, %instrument, "its terms are not known"),
                }
            }
        });
    }
}
