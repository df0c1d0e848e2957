//! What the small exchange of the tests is made of: one account, a few instruments, one of everything that can be shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::cli::host::{BacktestReport, BacktestRequest, EquityPoint, Fall, Metric, MetricUnit, RoundTrip};
use crate::client::keeping::{Keep, Kept, ProfileView, SecretView, VaultView};
use crate::client::message::{
    Chain, ChainRow, EquityPoint as CurvePoint, GroupKind, MarketGroup, PnlReport, PnlRow,
};
use crate::client::secret::Secret;
use crate::command::types::{Amount, Place, Subject};
use crate::domain::account::{Account, AccountKind, AccountMode};
use crate::domain::alert::{Alert, AlertId, AlertWhen};
use crate::domain::audit::{AuditReport, AuditRow};
use crate::domain::calendar::Calendar;
use crate::domain::capabilities::Capabilities;
use crate::domain::denial::{Denial, DenialCode, RiskCheck, Verdict};
use crate::domain::depth::{Aggressor, DepthLevel, MarketBook, Print};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::{AccountId, ClientOrderId, ExecutionId, OrderNumber};
use crate::domain::instrument::Instrument;
use crate::domain::limits::{RiskLimits, RiskUse, TradingState};
use crate::domain::money::{Currency, Price, Quantity};
use crate::domain::news::{Article, News, article_text, web_address};
use crate::domain::note::{NoteId, SymbolNote};
use crate::domain::option::OptionContract;
use crate::domain::order::{
    Contingency, Order, OrderPreview, OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind, Pricing,
    Side, TradingSession, Trail,
};
use crate::domain::position::Position;
use crate::domain::quote::{Bar, Feed, Quote};
use crate::domain::role::Role;
use crate::domain::snapshot::{
    AccountView, Connection, LogLine, MarketClock, ReplayState, Severity, Snapshot, Standing, Watchlist,
};

/// The moment at which every test happens: a Tuesday in the New York afternoon.
pub(super) fn now() -> Timestamp {
    "2026-11-24T18:45:00Z".parse().unwrap()
}

pub(super) fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(super) fn p(text: &str) -> Price {
    text.parse().unwrap()
}

pub(super) fn q(text: &str) -> Quantity {
    text.parse().unwrap()
}

pub(super) fn key(text: &str) -> Instrument {
    Instrument::from_key(text).unwrap()
}

pub(super) fn request(number: u64, place: &Place, account: AccountId) -> OrderRequest {
    let terms = &place.terms;
    let pricing = match (terms.limit_price, terms.stop_price, terms.trail_percent) {
        (_, _, Some(percent)) => Pricing::TrailingStop { trail: Trail::Percent(percent) },
        (Some(limit_price), Some(stop_price), _) => Pricing::StopLimit { stop_price, limit_price },
        (Some(limit_price), None, _) => Pricing::Limit { limit_price },
        (None, Some(stop_price), _) => Pricing::Stop { stop_price },
        _ => Pricing::Market,
    };
    OrderRequest {
        client_order_id: ClientOrderId::from_parts(1_795_545_900_000, u128::from(number)),
        account,
        origin: Origin::person(OriginKind::Cli),
        subject: match &place.subject {
            Subject::Instrument(instrument) => OrderSubject::Instrument(instrument.clone()),
            Subject::Legs(legs) => OrderSubject::Legs(legs.clone()),
        },
        side: place.side,
        position_effect: place.position_effect,
        quantity: match place.amount {
            Amount::Quantity(quantity) => quantity,
            _ => q("1"),
        },
        cash_order_quantity: None,
        pricing,
        time_in_force: terms.time_in_force,
        expire_date: terms.expire_date,
        session: TradingSession::Regular,
        price_effect: terms.price_effect,
        take_profit: None,
        stop_loss: None,
        exit_plan: None,
        contingency: Contingency::default(),
        post_only: false,
        reduce_only: false,
        allow_duplicate: false,
    }
}

pub(super) fn order(number: u64, request: OrderRequest, status: OrderStatus) -> Order {
    let filled = status == OrderStatus::Filled;
    let price = p("231.81");
    Order {
        number: OrderNumber(number),
        broker_order_id: None,
        status,
        filled_quantity: if filled { request.quantity } else { Quantity::ZERO },
        average_price: filled.then_some(price),
        filled_notional: if filled { price.get() * request.quantity.get() } else { Decimal::ZERO },
        overfill_quantity: Quantity::ZERO,
        legs_filled: Vec::new(),
        created_at: now(),
        updated_at: now(),
        reason: matches!(status, OrderStatus::Rejected | OrderStatus::Unknown)
            .then(|| "the broker said: no".to_owned()),
        denials: if status == OrderStatus::Denied {
            vec![Denial {
                code: DenialCode::BuyingPower,
                text: "BUYING_POWER measured=500000 limit=100000".to_owned(),
            }]
        } else {
            Vec::new()
        },
        replaces: None,
        trailing_stop: None,
        native_type: None,
        request,
    }
}

pub(super) fn fill(picture: &mut Snapshot, order: &Order) {
    let Some(instrument) = order.request.subject.instrument() else { return };
    let signed = order.request.quantity.get() * order.request.side.sign();
    let mut positions = picture.positions.to_vec();
    match positions.iter_mut().find(|position| position.instrument == *instrument) {
        Some(position) => position.quantity += Quantity::new(signed),
        None => positions.push(position(instrument.clone(), Quantity::new(signed), p("231.81"))),
    }
    positions.retain(|position| !position.quantity.is_zero());
    picture.positions = Arc::new(positions);
    let mut accounts = picture.accounts.to_vec();
    accounts[0].account.cash -= signed * d("231.81");
    picture.accounts = Arc::new(accounts);
}

pub(super) fn position(instrument: Instrument, quantity: Quantity, average: Price) -> Position {
    Position {
        account: AccountId::new("paper"),
        instrument,
        quantity,
        average_price: average,
        multiplier: Decimal::ONE,
        currency: Currency::USD,
        mark: Some(p("231.8")),
        market_value: Some(quantity.get() * d("231.8")),
        unrealized_pnl: Some(quantity.get() * (d("231.8") - average.get())),
        realized_pnl: d("-12.5"),
        day_pnl: Some(d("19.2")),
    }
}

pub(super) fn account() -> Account {
    Account {
        account: AccountId::new("paper"),
        kind: AccountKind::Margin,
        mode: AccountMode::Paper,
        currency: Currency::USD,
        cash: d("97719.0"),
        cash_by_currency: Vec::new(),
        settled_cash: d("97719.0"),
        net_liquidation: d("100037"),
        long_market_value: d("2318"),
        short_market_value: Decimal::ZERO,
        buying_power: d("195438"),
        initial_margin: d("1159"),
        maintenance_margin: d("579.5"),
        excess_liquidity: d("99457.5"),
        reserved: Decimal::ZERO,
        day_pnl: d("37"),
        day_start_equity: d("100000"),
        realized_pnl: d("-12.5"),
        unrealized_pnl: d("37"),
        fees: d("0.65"),
        options_level: 3,
    }
}

pub(super) fn quote(symbol: &str, bid: &str, ask: &str, last: &str, close: &str) -> Quote {
    Quote {
        bid: Some(p(bid)),
        bid_size: q("300"),
        ask: Some(p(ask)),
        ask_size: q("200"),
        last: Some(p(last)),
        previous_close: Some(p(close)),
        volume: q("38100000"),
        ..Quote::empty(key(symbol), now(), Feed::Simulated)
    }
}

/// A profile with a position, a working order and a few quotes.
pub(super) fn snapshot() -> Snapshot {
    let place = |symbol: &str| Place {
        side: Side::Sell,
        position_effect: None,
        subject: Subject::Instrument(key(symbol)),
        amount: Amount::Quantity(q("10")),
        terms: serde_json::from_str(r#"{"order_type":"limit","limit_price":"250","time_in_force":"gtc"}"#)
            .unwrap(),
        exit_plan: None,
    };
    let working = order(1, request(1, &place("AAPL"), AccountId::new("paper")), OrderStatus::Submitted);
    let quotes = [
        quote("AAPL", "231.79", "231.81", "231.8", "229.88"),
        quote("BTC-USD", "98410", "98411", "98410.5", "97224"),
        quote("TSLA", "400.1", "400.3", "400.2", "402"),
    ];
    Snapshot {
        totals: Arc::default(),
        seq: 1,
        now: now(),
        profile: "default".into(),
        mode: AccountMode::Paper,
        trading_state: TradingState::Active,
        feed: Feed::Simulated,
        market: MarketClock { open: true, ..MarketClock::closed(Arc::new(Calendar::nyse())) },
        default_account: AccountId::new("paper"),
        accounts: Arc::new(vec![AccountView {
            account: account(),
            capabilities: Capabilities::paper(),
            limits: RiskLimits::default(),
            trading_state: TradingState::Active,
            used: RiskUse::default(),
            standing: Standing { up: true, reconciled: true, ..Standing::default() },
        }]),
        positions: Arc::new(vec![position(key("AAPL"), q("10"), p("228.1"))]),
        orders: Arc::new(vec![working]),
        quotes: Arc::new(quotes.into_iter().map(|quote| (quote.instrument.clone(), quote)).collect()),
        specs: Arc::default(),
        watchlists: Arc::new(vec![Watchlist {
            name: "main".into(),
            instruments: vec![key("AAPL"), key("BTC-USD")],
        }]),
        strategies: Arc::default(),
        exits: Arc::default(),
        alerts: Arc::new(vec![
            alert(1, AlertWhen::Above, "260", false),
            alert(2, AlertWhen::ChangePercent, "-3", true),
        ]),
        books: Arc::default(),
        notes: Arc::new(vec![note(3, "=gap at 231"), note(2, "earnings on Thursday")]),
        log: Arc::new(vec![LogLine {
            at: now(),
            severity: Severity::Info,
            code: "STARTED".into(),
            text: "the engine is up".into(),
        }]),
        connections: Arc::new(vec![Connection::new("sim", true, "simulated")]),
        replay: None,
        locked: false,
    }
}

fn note(id: u64, text: &str) -> SymbolNote {
    SymbolNote { id: NoteId(id), instrument: key("AAPL"), at: now(), text: text.to_owned() }
}

fn alert(id: u64, when: AlertWhen, value: &str, rang: bool) -> Alert {
    Alert {
        id: AlertId(id),
        instrument: key("AAPL"),
        when,
        value: d(value),
        created_at: now() - SignedDuration::from_hours(3),
        fired_at: rang.then(now),
        fired_price: rang.then(|| p("222.90")),
    }
}

pub(super) fn book(instrument: Instrument) -> MarketBook {
    let level = |price: &str, size: &str| DepthLevel { price: p(price), size: q(size) };
    let print = |price: &str, aggressor| Print { at: now(), price: p(price), size: q("100"), aggressor };
    MarketBook {
        bids: vec![level("231.79", "300"), level("231.78", "1200")],
        asks: vec![level("231.81", "200")],
        prints: vec![print("231.81", Aggressor::Buyer), print("231.79", Aggressor::Seller)],
        ..MarketBook::empty(instrument, now())
    }
}

pub(super) fn groups() -> Vec<(MarketGroup, u32)> {
    let group = |kind, name: &str| MarketGroup { kind, name: name.into() };
    vec![(group(GroupKind::Sector, "Information Technology"), 2), (group(GroupKind::Index, "S&P 500"), 3)]
}

pub(super) fn news() -> News {
    let article = |id: u8, hours: i64, headline: &str, url: &str| Article {
        id: id.to_string().into(),
        headline: article_text(headline),
        summary: article_text("A few words."),
        source: article_text("benzinga"),
        url: web_address(url),
        symbols: ["AAPL", "MSFT", "TSLA", "SPY", "QQQ"]
            .into_iter()
            .take(id.into())
            .map(article_text)
            .collect(),
        created_at: now() - SignedDuration::from_hours(hours),
        updated_at: now() - SignedDuration::from_hours(hours),
    };
    News {
        source: Some("alpaca".into()),
        unreached: None,
        offered_by: vec!["alpaca".into()],
        articles: vec![
            article(5, 1, "Five at Once &amp; \u{1b}[31mred", "javascript:alert(1)"),
            article(1, 2, "Apple&#39;s Plant", "https://example.com/1"),
        ],
    }
}

pub(super) fn equity() -> Vec<CurvePoint> {
    let point = |hours: i64, worth: &str| CurvePoint {
        at: now() - SignedDuration::from_hours(hours),
        net_liquidation: d(worth),
        cash: d("90000"),
    };
    vec![point(2, "100000"), point(1, "100250.5"), point(0, "101254.36")]
}

/// The same as a replay.
pub(super) fn replaying(picture: &mut Snapshot) {
    picture.feed = Feed::Replayed;
    picture.replay = Some(ReplayState {
        at: now(),
        from: now(),
        until: now() + SignedDuration::from_hours(2_400),
        speed: 60,
        paused: false,
    });
}

pub(super) fn preview(place: &Place) -> OrderPreview {
    let check = |code, verdict, measured: &str, limit: &str| {
        RiskCheck::new(code, verdict).with_numbers(d(measured), d(limit))
    };
    let large = matches!(place.amount, Amount::Quantity(quantity) if quantity > q("1000"));
    let size = if large { Verdict::Fail } else { Verdict::Pass };
    let checks = vec![
        check(DenialCode::MaxOrderQuantity, size, if large { "5000" } else { "10" }, "1000"),
        check(DenialCode::BuyingPower, Verdict::Pass, "2318.1", "195438").with_note("fees=0"),
        RiskCheck::new(DenialCode::OptionsLevel, Verdict::Skip),
    ];
    OrderPreview {
        request: request(9, place, AccountId::new("paper")),
        words: "buy 10 AAPL at the market, day".to_owned(),
        estimated_price: Some(p("231.81")),
        estimated_cost: Some(d("2318.1")),
        estimated_fees: Decimal::ZERO,
        buying_power_before: d("195438"),
        buying_power_after: d("193119.9"),
        broker: None,
        denials: checks.iter().filter_map(RiskCheck::denial).collect(),
        checks,
        confirmation_hash: "c0ffee".to_owned(),
    }
}

pub(super) fn bars() -> Vec<Bar> {
    let bar = |day: &str, close: &str, volume: &str| Bar {
        start: format!("{day}T14:30:00Z").parse().unwrap(),
        open: p("229.1"),
        high: p("232.4"),
        low: p("228.75"),
        close: p(close),
        volume: d(volume),
    };
    vec![bar("2026-11-20", "229.88", "40100200"), bar("2026-11-23", "231.8", "38100000")]
}

pub(super) fn chain(underlying: &str) -> Chain {
    let contract = |occ: &str| OptionContract::from_occ(&format!("{underlying:<6}{occ}")).unwrap();
    let row = |occ: &str, bid: &str, ask: &str, delta: Option<f64>| ChainRow {
        quote: Quote {
            bid: Some(p(bid)),
            ask: Some(p(ask)),
            ..Quote::empty(Instrument::Option(contract(occ)), now(), Feed::Simulated)
        },
        contract: contract(occ),
        open_interest: delta.map(|_| 12_345),
        iv: delta.map(|_| 0.2471),
        delta,
        gamma: delta.map(|_| 0.0123),
        theta: delta.map(|_| -0.051),
        vega: delta.map(|_| 0.312),
    };
    Chain {
        underlying: crate::domain::instrument::Symbol::new(underlying).unwrap(),
        spot: Some(p("231.8")),
        expiries: vec![date(2026, 12, 18), date(2027, 1, 15)],
        rows: vec![
            row("270115C00230000", "12.4", "12.55", Some(0.561)),
            row("270115P00190000", "1.02", "1.08", None),
        ],
    }
}

pub(super) fn execution(n: u32) -> Execution {
    Execution {
        execution_id: ExecutionId::new(format!("x{n}")),
        account: AccountId::new("paper"),
        client_order_id: (n == 1).then(|| ClientOrderId::from_parts(1_795_545_900_000, 1)),
        broker_order_id: None,
        instrument: key("AAPL"),
        side: if n == 1 { Side::Buy } else { Side::Sell },
        quantity: q("10"),
        price: p("228.1"),
        multiplier: Decimal::ONE,
        fee: d("0.65"),
        currency: Currency::USD,
        at: now() + SignedDuration::from_secs(i64::from(n)),
        kind: ExecutionKind::Trade,
    }
}

pub(super) fn pnl() -> PnlReport {
    let row = |day, instrument| PnlRow {
        day,
        instrument,
        realized_pnl: d("-12.5"),
        fees: d("0.65"),
        executions: 2,
    };
    PnlReport {
        day_pnl: d("37"),
        unrealized_pnl: d("37"),
        realized_pnl: d("-12.5"),
        fees: d("0.65"),
        by_day: vec![row(Some(date(2026, 11, 24)), None)],
        by_instrument: vec![row(None, Some(key("AAPL")))],
    }
}

pub(super) fn backtest(request: &BacktestRequest) -> BacktestReport {
    let metric = |name, value, unit, convention| Metric { name, value, unit, convention };
    BacktestReport {
        strategy: request.strategy.clone(),
        params: request.params.clone(),
        data: request.data.as_ref().map_or_else(|| "shipped".to_owned(), |path| path.display().to_string()),
        instruments: vec![key("AAPL")],
        from: Some(now()),
        until: Some(now() + SignedDuration::from_hours(48)),
        bars: 3_270,
        ticks: None,
        starting_cash: request.starting_cash.unwrap_or_else(|| d("100000")),
        final_equity: d("131234.5"),
        fees: Decimal::ZERO,
        slippage: d("12.5"),
        orders: 2,
        denied: 0,
        denials: BTreeMap::new(),
        deepest_fall: Some(Fall {
            peak: date(2020, 2, 19),
            trough: date(2020, 3, 23),
            recovery: Some(date(2020, 8, 10)),
        }),
        decisions: Vec::new(),
        metrics: vec![
            metric("total_return", Some(0.312_345), MetricUnit::Percent, ""),
            metric("sharpe", Some(1.234), MetricUnit::Ratio, "252 days, sample deviation"),
            metric("profit_factor", None, MetricUnit::Ratio, "no losses: not defined"),
            metric("longest_underwater", Some(12.0), MetricUnit::Days, ""),
        ],
        trades: vec![RoundTrip {
            instrument: key("AAPL"),
            quantity: q("10"),
            opened_at: now(),
            entry_price: p("100"),
            closed_at: now() + SignedDuration::from_hours(24),
            exit_price: p("110.5"),
            fees: Decimal::ZERO,
            pnl: d("105"),
            pnl_percent: Some(d("10.5")),
        }],
        equity: vec![EquityPoint {
            date: date(2026, 11, 24),
            equity: d("100000"),
            low: d("100000"),
            high: d("100000"),
        }],
        months: Vec::new(),
        fingerprint: "f1".repeat(32),
        option_prices: None,
        warnings: Vec::new(),
        lookahead_cuts: None,
        elapsed_seconds: 0.002,
    }
}

/// What a host that keeps things answers.
pub(super) fn kept(keep: &Keep) -> Kept {
    let profile = |name: &str, role, own: bool| ProfileView {
        name: name.to_owned(),
        id: "00c0ffee00c0ffee".to_owned(),
        role,
        disabled: false,
        locked: name == "bob",
        vault: own.then(|| "a passphrase".to_owned()),
        created_at: now(),
        directory: format!("/data/profiles/{name}").into(),
        own,
    };
    let row = |seq, action: &str, result: &str| AuditRow {
        seq,
        at: now(),
        actor: "default".to_owned(),
        role: "superadmin".to_owned(),
        origin: "tty /dev/pts/3".to_owned(),
        action: action.to_owned(),
        object: "=00c0ffee00c0ffee default".to_owned(),
        result: result.to_owned(),
        hash: "ab".repeat(32),
    };
    match keep {
        Keep::ProfileList => Kept::Profiles(vec![
            profile("default", Role::Superadmin, true),
            profile("bob", Role::Standard, false),
        ]),
        Keep::ProfileShow { .. } => Kept::Profiles(vec![profile("default", Role::Superadmin, true)]),
        Keep::SecretList => Kept::Secrets(vec![SecretView {
            name: "brokers.alpaca.secret".to_owned(),
            last_four: "6789".to_owned(),
            changed_at: now(),
        }]),
        Keep::VaultStatus => Kept::Vault(Box::new(VaultView {
            file: "/data/profiles/default/vault.age".into(),
            held_by: Some("a passphrase".to_owned()),
            would_hold: "a passphrase: no keyring".to_owned(),
            unlocked: true,
            secrets: Some(2),
            recovery_keys: Some(0),
            written_at: Some(now()),
        })),
        Keep::VaultRecovery => Kept::Recovery(Secret::new("AGE-SECRET-KEY-1SAMPLE".to_owned())),
        Keep::AuditList { .. } => {
            Kept::Audit(vec![row(1, "profile_created", "superadmin"), row(2, "halted", "ok")])
        }
        Keep::AuditVerify => Kept::Verified(AuditReport {
            rows: 2,
            head: "ab".repeat(32),
            anchors: 1,
            unanchored: 1,
            clock_went_back: 0,
            fault: None,
        }),
        other => {
            Kept::Done(format!("done: {}", format!("{other:?}").split([' ', '{']).next().unwrap_or_default()))
        }
    }
}
