//! A host and a session in memory: a small exchange that fills market orders at once and lets limits rest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tokio::sync::watch;

use super::samples::{
    backtest, bars, book, chain, equity, execution, fill, groups, key, news, now, order, pnl, preview,
    request, snapshot,
};
use crate::cli::error::CliError;
use crate::cli::host::{
    BacktestReport, BacktestRequest, CredentialAsk, DoctorCheck, Health, Host, LoginRequest, LoginSecrets,
    Mistake, Picture, RunAs, ScreenRequest, SessionKind, Settings, SigningIn, SweepReport, SweepRow,
    TradesFormat, Verified, VerifiedAccount, WalkPoint, WalkReport, WalkRow, Windows,
};
use crate::cli::imported::{BarsToWrite, ImportReport, ImportRequest};
use crate::client::keeping::{Keep, Kept};
use crate::client::message::{OrderNote, OrderRef};
use crate::client::progress::Progress;
use crate::client::secret::{AskSecret, Secret, Wanted};
use crate::client::{Reply, Request, Session, SessionError};
use crate::command::types::{Command, Place};
use crate::config::ProfileName;
use crate::domain::account::AccountKind;
use crate::domain::capabilities::Capabilities;
use crate::domain::denial::{Denial, DenialCode};
use crate::domain::execution::Execution;
use crate::domain::ids::AccountId;
use crate::domain::instrument::{Instrument, Listing, NameMatch, SymbolLookup};
use crate::domain::limits::TradingState;
use crate::domain::login::Login;
use crate::domain::money::Currency;
use crate::domain::order::{Order, OrderStatus, OriginKind, Pricing};
use crate::domain::quote::Interval;
use crate::domain::snapshot::Snapshot;

/// A universe of six.
pub(super) struct FakeLookup;

impl FakeLookup {
    fn all() -> Vec<Listing> {
        let row = |symbol: &str, name: &str, sector: &str| Listing {
            instrument: key(symbol),
            name: name.into(),
            exchange: if symbol.contains('-') { "".into() } else { "XNAS".into() },
            currency: Currency::USD,
            sector: sector.into(),
            indices: Vec::new(),
        };
        vec![
            row("AAPL", "Apple Inc.", "Information Technology"),
            row("MSFT", "Microsoft Corporation", "Information Technology"),
            row("TSLA", "Tesla, Inc.", "Consumer Discretionary"),
            row("SPY", "SPDR S&P 500 ETF Trust", "fund"),
            row("BTC-USD", "Bitcoin", "coin"),
            row("ETH-USD", "Ether", "coin"),
        ]
    }
}

impl SymbolLookup for FakeLookup {
    fn listing(&self, symbol: &str) -> Option<Listing> {
        Self::all().into_iter().find(|listing| listing.instrument.key() == symbol)
    }
    fn is_equity(&self, symbol: &str) -> bool {
        self.listing(symbol).is_some_and(|listing| matches!(listing.instrument, Instrument::Equity { .. }))
    }
    fn is_coin(&self, symbol: &str) -> bool {
        matches!(symbol, "BTC" | "ETH")
    }
    fn by_name(&self, name: &str) -> NameMatch {
        match name {
            "apple" => NameMatch::One(key("AAPL")),
            "tesla" => NameMatch::One(key("TSLA")),
            "bitcoin" => NameMatch::One(key("BTC-USD")),
            _ => NameMatch::None,
        }
    }
    fn expiries(&self, _: &str) -> Option<Vec<Date>> {
        None
    }
    fn search(&self, query: &str, limit: usize) -> Vec<Listing> {
        let query = query.to_lowercase();
        let is_like = |listing: &Listing| {
            listing.name.to_lowercase().contains(&query)
                || listing.instrument.key().to_lowercase().contains(&query)
        };
        Self::all().into_iter().filter(is_like).take(limit).collect()
    }
    fn nearest(&self, _: &str) -> Option<Instrument> {
        None
    }
}

/// A session that answers from a script of its own and remembers what it was asked.
pub(super) struct FakeSession {
    picture: watch::Sender<Arc<Snapshot>>,
    pub asked: Mutex<Vec<Request>>,
    /// What the next order request is answered with instead.
    pub refusal: Mutex<Option<SessionError>>,
    /// What the next question to a venue is answered with instead.
    pub answer: Mutex<Option<Reply>>,
    /// How the next order ends instead.
    pub ending: Mutex<Option<OrderStatus>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeSession {
    fn new() -> Self {
        Self {
            picture: watch::Sender::new(Arc::new(snapshot())),
            asked: Mutex::default(),
            refusal: Mutex::default(),
            answer: Mutex::default(),
            ending: Mutex::default(),
        }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        self.picture.send_modify(|picture| {
            let mut next = Snapshot::clone(picture);
            next.seq += 1;
            change(&mut next);
            *picture = Arc::new(next);
        });
    }

    pub(super) fn orders_asked(&self) -> Vec<Request> {
        let is_order = |request: &&Request| !matches!(request, Request::Advance { .. } | Request::Replay(_));
        locked(&self.asked).iter().filter(is_order).cloned().collect()
    }

    fn place(&self, place: &Place, account: Option<AccountId>) -> Result<Reply, SessionError> {
        let picture = self.picture.borrow().clone();
        let number = picture.orders.iter().map(|order| order.number.0).max().unwrap_or_default() + 1;
        let request = request(number, place, account.unwrap_or_else(|| picture.default_account.clone()));
        let same = |order: &&Order| {
            order.request.subject == request.subject && order.request.quantity == request.quantity
        };
        if picture.orders.iter().any(|order| same(&order) && order.request.pricing == request.pricing) {
            let text = "DUPLICATE measured=0 limit=3".to_owned();
            return Err(SessionError::Denied(vec![Denial { code: DenialCode::Duplicate, text }]));
        }
        let ending = locked(&self.ending).take();
        let status = ending.unwrap_or(if request.pricing == Pricing::Market {
            OrderStatus::Filled
        } else {
            OrderStatus::Submitted
        });
        let order = order(number, request, status);
        let placed = order.clone();
        self.change(|picture| {
            if placed.status == OrderStatus::Filled {
                fill(picture, &placed);
            }
            let mut orders = picture.orders.to_vec();
            orders.insert(0, placed);
            picture.orders = Arc::new(orders);
        });
        Ok(Reply::Orders(vec![order]))
    }

    fn end_orders(
        &self,
        status: OrderStatus,
        wanted: impl Fn(&Order) -> bool,
    ) -> Result<Reply, SessionError> {
        let mut ended = Vec::new();
        self.change(|picture| {
            let mut orders = picture.orders.to_vec();
            for order in orders.iter_mut().filter(|order| order.is_working() && wanted(order)) {
                order.status = status;
                ended.push(order.clone());
            }
            picture.orders = Arc::new(orders);
        });
        if ended.is_empty() {
            Err(SessionError::Usage("no working order to cancel".to_owned()))
        } else {
            Ok(Reply::Orders(ended))
        }
    }

    fn execute(&self, command: &Command, account: Option<AccountId>) -> Result<Reply, SessionError> {
        match command {
            Command::Place(place) => self.place(place, account),
            Command::Cancel { order_id: Some(id), .. } => {
                self.end_orders(OrderStatus::Canceled, |order| order.number.to_string() == id.as_str())
            }
            Command::Cancel { instrument, .. } => self.end_orders(OrderStatus::Canceled, |order| {
                instrument.is_none() || order.request.subject.instrument() == instrument.as_ref()
            }),
            Command::CancelAll => self.end_orders(OrderStatus::Canceled, |_| true),
            Command::Halt => {
                self.change(|picture| picture.trading_state = TradingState::Halted);
                Ok(Reply::Orders(Vec::new()))
            }
            Command::Resume => {
                self.change(|picture| picture.trading_state = TradingState::Active);
                Ok(Reply::Done("done".to_owned()))
            }
            other => Ok(Reply::FrontEnd(other.clone())),
        }
    }
}

#[async_trait]
impl Session for FakeSession {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.picture.subscribe()
    }

    async fn request(&self, request: Request) -> Result<Reply, SessionError> {
        locked(&self.asked).push(request.clone());
        if let Some(refusal) = locked(&self.refusal).take() {
            return Err(refusal);
        }
        let picture = self.picture.borrow().clone();
        match request {
            Request::Execute { command, account, .. } => self.execute(&command, account),
            Request::Preview { command: Command::Place(place), .. } => {
                Ok(Reply::Preview(Box::new(preview(&place))))
            }
            Request::Cancel { order: OrderRef::Number(number), .. } => {
                self.end_orders(OrderStatus::Canceled, |order| order.number == number)
            }
            Request::Halt { all } => {
                self.change(|picture| picture.trading_state = TradingState::Halted);
                let is_meant = |order: &Order| all || order.request.origin.kind != OriginKind::Exit;
                self.end_orders(OrderStatus::Canceled, is_meant).or_else(|_| Ok(Reply::Orders(Vec::new())))
            }
            Request::Venue { .. } => {
                Ok(locked(&self.answer).take().unwrap_or_else(|| Reply::Done("done".to_owned())))
            }
            Request::Flatten { .. } => Ok(Reply::Orders(vec![picture.orders[0].clone()])),
            Request::Subscribe { instruments } => {
                Ok(Reply::Quotes(instruments.iter().filter_map(|i| picture.quotes.get(i).cloned()).collect()))
            }
            Request::Bars { .. } => Ok(Reply::Bars(bars())),
            Request::Chain { underlying, .. } => Ok(Reply::Chain(Box::new(chain(underlying.as_str())))),
            Request::OrderHistory(_) => Ok(Reply::Orders(picture.orders.to_vec())),
            Request::Executions(_) => Ok(Reply::Executions(vec![execution(2), execution(1)])),
            Request::Pnl(_) => Ok(Reply::Pnl(Box::new(pnl()))),
            Request::Advance { seconds } => {
                self.change(|picture| picture.now += SignedDuration::from_secs(seconds));
                Ok(Reply::Done("moved".to_owned()))
            }
            Request::Backup { to } => Ok(Reply::Done(to.unwrap_or_else(|| "/backups/arbion.db".to_owned()))),
            Request::Replace { .. } => Ok(Reply::Orders(vec![picture.orders[0].clone()])),
            Request::Book { instrument } => Ok(Reply::Book(Box::new(book(instrument)))),
            Request::News { .. } => Ok(Reply::News(Box::new(news()))),
            Request::Groups => Ok(Reply::Groups(groups())),
            Request::Members { .. } => Ok(Reply::Listings(FakeLookup.search("apple", 2))),
            Request::Movers { .. } => Ok(Reply::Quotes(picture.quotes.values().cloned().collect())),
            Request::Equity { .. } => Ok(Reply::Equity(equity())),
            Request::Notes => Ok(Reply::Notes(vec![OrderNote {
                order: picture.orders[0].request.client_order_id,
                text: "too early".to_owned(),
            }])),
            _ => Ok(Reply::Done("done".to_owned())),
        }
    }
}

/// A host around one session.
pub(super) struct FakeHost {
    pub session: Arc<FakeSession>,
    pub kinds: Mutex<Vec<SessionKind>>,
    pub closed: Mutex<u32>,
    /// What the engine of another process was told: exits too, or not.
    pub halts: Mutex<Vec<bool>>,
    /// Does an engine run in a process of its own: every change, the newest last.
    pub engines: Mutex<Vec<bool>>,
    pub failure: Mutex<Option<CliError>>,
    /// Why the profile may not be used.
    pub admission: Mutex<Option<CliError>>,
    /// What was asked about profiles, secrets and the log, each with the passphrase that was given.
    pub kept: Mutex<Vec<(Keep, Option<Secret>)>>,
}

impl FakeHost {
    pub(super) fn new() -> Self {
        Self {
            session: Arc::new(FakeSession::new()),
            kinds: Mutex::default(),
            closed: Mutex::default(),
            halts: Mutex::default(),
            engines: Mutex::default(),
            failure: Mutex::default(),
            admission: Mutex::default(),
            kept: Mutex::default(),
        }
    }
}

#[async_trait]
impl Host for FakeHost {
    fn lookup(&self) -> &dyn SymbolLookup {
        &FakeLookup
    }
    fn now(&self) -> Timestamp {
        now()
    }
    async fn session(&self, _: &Settings, kind: &SessionKind) -> Result<Arc<dyn Session>, CliError> {
        locked(&self.kinds).push(kind.clone());
        if let Some(failure) = locked(&self.failure).take() {
            return Err(failure);
        }
        Ok(Arc::clone(&self.session) as Arc<dyn Session>)
    }
    fn credential_fields(&self, broker: &str, _oauth: bool) -> Result<Vec<CredentialAsk>, CliError> {
        let field = |name, label, secret| CredentialAsk { name, label, secret, optional: false };
        match broker {
            "alpaca" => Ok(vec![field("key_id", "key id", false), field("secret_key", "secret key", true)]),
            other => Err(CliError::usage(format!("'{other}' is no broker (alpaca)"))),
        }
    }
    fn sealed_login(
        &self,
        _: &Settings,
        broker: &str,
        live: bool,
        _: &mut dyn AskSecret,
    ) -> Result<LoginRequest, CliError> {
        let secrets = LoginSecrets::Sealed(Secret::new("{}".to_owned()));
        Ok(LoginRequest { broker: broker.to_owned(), live, name: None, secrets, tokens: None })
    }
    async fn begin_sign_in(
        &self,
        _: &Settings,
        _: &LoginRequest,
    ) -> Result<Option<Box<dyn SigningIn>>, CliError> {
        Ok(None)
    }
    async fn verify_login(&self, _: &Settings, request: LoginRequest) -> Result<Verified, CliError> {
        if let LoginSecrets::Given(given) = &request.secrets
            && given.iter().any(|(_, value)| value.clone().reveal_once() == "wrong")
        {
            let text = format!("{} does not accept the login: unauthorized.", request.broker);
            return Err(CliError::new("UNAUTHORIZED", 5, text));
        }
        let login = Login {
            account: AccountId::new(request.name.unwrap_or_else(|| "alpaca-paper".to_owned())),
            broker: request.broker.into(),
            environment: if request.live { "live" } else { "paper" }.into(),
            last_four: "LA12".into(),
            kind_text: "margin".into(),
            kind: AccountKind::Margin,
            currency: Currency::USD,
            capabilities: Capabilities::paper(),
        };
        let hundred = Decimal::ONE_HUNDRED;
        let account =
            VerifiedAccount { login, buying_power: hundred, net_liquidation: hundred, blocked: None };
        Ok(Verified {
            accounts: vec![account],
            entries: vec![("broker.alpaca.paper".to_owned(), Secret::new("{}".to_owned()))],
            prices_alone: false,
            latency_ms: Some(7),
        })
    }
    async fn running_engine(&self, _: &Settings) -> Result<Option<Arc<dyn Session>>, CliError> {
        let runs = locked(&self.engines).last().copied().unwrap_or(false);
        Ok(runs.then(|| Arc::clone(&self.session) as Arc<dyn Session>))
    }
    async fn engine_of(
        &self,
        settings: &Settings,
        _: Option<&ProfileName>,
    ) -> Result<Option<Arc<dyn Session>>, CliError> {
        self.running_engine(settings).await
    }

    async fn start_engine(&self, _: &Settings) -> Result<Arc<dyn Session>, CliError> {
        locked(&self.engines).push(true);
        Ok(Arc::clone(&self.session) as Arc<dyn Session>)
    }
    async fn restore(&self, _: &Settings, _: &Path) -> Result<Option<PathBuf>, CliError> {
        Ok(None)
    }

    async fn logout_warning(&self, _: &Settings) -> Option<String> {
        None
    }

    async fn run_engine(&self, _: &Settings, _: RunAs) -> Result<(), CliError> {
        Ok(())
    }
    async fn halt_elsewhere(&self, _: &Settings, all: bool) -> Result<(), CliError> {
        locked(&self.halts).push(all);
        Ok(())
    }
    fn admit(&self, _: &Settings, when_locked: bool) -> Result<(), CliError> {
        locked(&self.admission).as_ref().filter(|_| !when_locked).map_or(Ok(()), |error| Err(error.clone()))
    }
    fn is_first_start(&self, _: &Settings) -> bool {
        false
    }
    fn keep(&self, _: &Settings, keep: Keep, ask: &mut dyn AskSecret) -> Result<Kept, CliError> {
        let answer = match &keep {
            Keep::SecretSet { .. } => ask.ask(Wanted::NewPassphrase),
            Keep::Unlock => ask.ask(Wanted::Passphrase),
            _ => Ok(None),
        };
        let given = answer.map_err(CliError::usage)?;
        locked(&self.kept).push((keep.clone(), given));
        Ok(super::samples::kept(&keep))
    }
    async fn close(&self) -> Result<(), CliError> {
        *locked(&self.closed) += 1;
        Ok(())
    }
    async fn screen(&self, _: &Settings, request: &ScreenRequest) -> Result<Option<ProfileName>, CliError> {
        locked(&self.kinds).push(request.kind.clone());
        Ok(None)
    }
    fn go_on_as(&self, _: &Settings, _: &ScreenRequest, profile: &ProfileName) -> CliError {
        CliError::internal(format!("nobody left to be {profile}"))
    }
    async fn screenshot(
        &self,
        _: &Settings,
        session: Arc<dyn Session>,
        size: (u16, u16),
        picture: Picture,
    ) -> Result<String, CliError> {
        let profile = session.snapshots().borrow().profile.clone();
        Ok(match picture {
            Picture::Text => format!("PAPER {profile} {}x{}\n", size.0, size.1),
            Picture::Svg => "<svg/>\n".to_owned(),
        })
    }
    async fn backtest(
        &self,
        _: &Settings,
        request: &BacktestRequest,
        _: &Progress,
    ) -> Result<BacktestReport, CliError> {
        if request.strategy != "sma_cross" {
            return Err(CliError::usage(format!(
                "no strategy is called '{}'; there are sma_cross",
                request.strategy
            )));
        }
        Ok(backtest(request))
    }
    async fn sweep(
        &self,
        _: &Settings,
        request: &BacktestRequest,
        sets: Vec<BTreeMap<String, String>>,
        progress: &Progress,
    ) -> Result<SweepReport, CliError> {
        let rows = sets.iter().map(|set| {
            progress.add_done(1);
            let params = request.params.clone().into_iter().chain(set.clone()).collect();
            let report = backtest(&BacktestRequest { params, ..request.clone() });
            SweepRow {
                params: report.params,
                final_equity: report.final_equity,
                fees: report.fees,
                orders: report.orders,
                metrics: report.metrics,
            }
        });
        Ok(SweepReport {
            strategy: request.strategy.clone(),
            data: "shipped daily bars".to_owned(),
            instruments: request.instruments.clone(),
            bars: 3_270,
            starting_cash: Decimal::from(100_000),
            asked: sets.len(),
            rows: rows.collect(),
            elapsed_seconds: 0.0,
        })
    }

    async fn walk_forward(
        &self,
        _: &Settings,
        request: &BacktestRequest,
        sets: Vec<BTreeMap<String, String>>,
        (windows, rank): (Windows, String),
        progress: &Progress,
    ) -> Result<WalkReport, CliError> {
        progress.add_done(1);
        let report = backtest(request);
        let day = jiff::civil::date(2026, 1, 1);
        let test_from = day.checked_add(jiff::Span::new().days(windows.train)).expect("a day");
        Ok(WalkReport {
            strategy: request.strategy.clone(),
            data: "shipped daily bars".to_owned(),
            instruments: request.instruments.clone(),
            rank,
            sets: sets.len(),
            asked: 1,
            rows: vec![WalkRow {
                train_from: day,
                test_from,
                test_until: test_from.checked_add(jiff::Span::new().days(windows.test)).expect("a day"),
                params: sets.first().cloned().unwrap_or_default(),
                trained: Some(1.2),
                tested: Some(0.4),
                test_return: 0.05,
                held_return: Some(0.03),
            }],
            curve: vec![WalkPoint { date: test_from, value: 1.05 }],
            metrics: report.metrics,
            elapsed_seconds: 0.0,
        })
    }
    async fn import_bars(
        &self,
        _: &Settings,
        request: &ImportRequest,
        progress: &Progress,
    ) -> Result<ImportReport, CliError> {
        progress.add_done(2);
        let at = |text: &str| text.parse().ok();
        Ok(ImportReport {
            name: request.name.clone(),
            file: format!("/p/bars/{}.csv", request.name),
            instruments: vec![
                Instrument::from_key("AAPL").map_err(|error| CliError::usage(error.to_string()))?,
            ],
            interval: Some(Interval::Day1),
            from: at("2020-01-02T14:30:00Z"),
            until: at("2020-01-03T14:30:00Z"),
            bars: 2,
            warnings: Vec::new(),
        })
    }
    fn mistakes(&self, loaded: &crate::config::Loaded, _: &crate::config::Paths) -> Vec<Mistake> {
        let text = format!("no theme is called {}", loaded.config.screen.theme);
        let wrong = loaded.config.screen.theme == "drak";
        wrong.then(|| Mistake { option: "screen.theme".to_owned(), text }).into_iter().collect()
    }
    async fn doctor(&self, _: &Settings) -> Vec<DoctorCheck> {
        let row = |name: &str, health, text: &str| DoctorCheck {
            name: name.to_owned(),
            health,
            text: text.to_owned(),
        };
        vec![
            row("database", Health::Good, "integrity ok, 1.2 MiB"),
            row("clock", Health::Bad, "42 s behind; run: timedatectl set-ntp true"),
        ]
    }
    fn trades_file(&self, format: TradesFormat, fills: &[Execution]) -> String {
        let rows: Vec<String> = fills.iter().map(|fill| format!("{},{}", fill.at, fill.instrument)).collect();
        format!("{format:?}\n{}\n", rows.join("\n"))
    }

    fn bars_file(&self, bars: &BarsToWrite<'_>) -> Result<(Vec<u8>, usize), CliError> {
        let text = format!("{} {} {} {}\n", bars.instrument, bars.interval, bars.bars.len(), bars.table);
        Ok((text.into_bytes(), bars.bars.len()))
    }
}
