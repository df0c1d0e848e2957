//! A trading day that never changes: one snapshot with positions, options, crypto and orders of every status, its bars.
//! Shared by the screen's tests and its benchmark; the file that includes it names the crate `arbion` beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::arbion::domain::account::{Account, AccountKind, AccountMode};
use super::arbion::domain::alert::{Alert, AlertId, AlertWhen};
use super::arbion::domain::calendar::Calendar;
use super::arbion::domain::capabilities::Capabilities;
use super::arbion::domain::denial::{DenialCode, RiskCheck, Verdict};
use super::arbion::domain::depth::{Aggressor, DepthLevel, MarketBook, Print};
use super::arbion::domain::ids::{AccountId, BrokerOrderId, ClientOrderId, OrderNumber};
use super::arbion::domain::instrument::{Instrument, InstrumentSpec};
use super::arbion::domain::limits::{RiskLimits, RiskUse, TradingState};
use super::arbion::domain::money::{Currency, Money, Price, Quantity};
use super::arbion::domain::option::Leg;
use super::arbion::domain::order::{
    BracketExit, Order, OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind, PositionEffect,
    PriceEffect, Pricing, Side, TimeInForce, Trail,
};
use super::arbion::domain::position::Position;
use super::arbion::domain::quote::{Bar, Feed, Interval, Quote};
use super::arbion::domain::snapshot::{
    AccountView, Connection, LogLine, MarketClock, Severity, Snapshot, Standing, Watchlist,
};
use super::arbion::domain::strategy::{
    Claim, DecisionRecord, Lock, StrategyPhase, StrategyRules, StrategySpec, StrategyView,
};

/// 13:45:10 in New York, a Tuesday.
pub const NOW: &str = "2026-11-24T18:45:10Z";

pub fn decimal(text: &str) -> Decimal {
    text.parse().expect("the fixture's decimals are written well")
}

pub fn price(text: &str) -> Price {
    text.parse().expect("the fixture's prices are written well")
}

pub fn quantity(text: &str) -> Quantity {
    text.parse().expect("the fixture's quantities are written well")
}

pub fn instrument(key: &str) -> Instrument {
    Instrument::from_key(key).expect("the fixture's instruments are written well")
}

pub fn now() -> Timestamp {
    NOW.parse().expect("the fixture's time is written well")
}

pub fn paper() -> AccountId {
    AccountId::new("paper")
}

/// Key, last, close before, bid, ask, volume.
const QUOTES: &[(&str, &str, &str, &str, &str, &str)] = &[
    ("AAPL", "231.80", "229.88", "231.79", "231.81", "38123456"),
    ("AAPL  270115P00190000", "2.10", "2.19", "2.08", "2.12", "1844"),
    ("AMD", "164.12", "166.80", "164.10", "164.13", "41220018"),
    ("AMZN", "228.43", "227.05", "228.41", "228.44", "29455120"),
    ("BRK.B", "498.11", "497.90", "498.02", "498.20", "3120455"),
    ("BTC-USD", "98410.50", "97224.30", "98410.00", "98411.00", "14210.5"),
    ("DOGE-USD", "0.4012", "0.3921", "0.4011", "0.4013", "88120456"),
    ("ETH-USD", "3115.20", "3129.30", "3115.10", "3115.40", "88031"),
    ("EUR/USD", "1.08412", "1.08230", "1.08410", "1.08414", "0"),
    ("F", "11.42", "11.40", "11.41", "11.42", "50233910"),
    ("GOOGL", "176.93", "176.93", "176.92", "176.94", "21093411"),
    ("KO", "63.20", "63.55", "63.19", "63.20", "11002344"),
    ("META", "561.09", "555.40", "561.01", "561.12", "9922034"),
    ("MSFT", "512.44", "514.03", "512.40", "512.47", "17900233"),
    ("NFLX", "871.32", "868.00", "871.20", "871.45", "2890344"),
    ("NVDA", "181.02", "177.30", "181.01", "181.03", "120401233"),
    ("QQQ", "505.79", "503.17", "505.78", "505.80", "30112394"),
    ("SPY", "601.11", "599.01", "601.10", "601.12", "44012233"),
    ("TSLA", "338.59", "352.56", "338.55", "338.60", "89233412"),
    ("XOM", "121.90", "121.20", "121.89", "121.91", "14022933"),
];

fn quote(row: &(&str, &str, &str, &str, &str, &str)) -> Quote {
    let (key, last, close, bid, ask, volume) = row;
    let mut quote = Quote::empty(instrument(key), now(), Feed::Simulated);
    quote.last = Some(price(last));
    quote.previous_close = Some(price(close));
    quote.bid = Some(price(bid));
    quote.ask = Some(price(ask));
    quote.bid_size = quantity("300");
    quote.ask_size = quantity("200");
    quote.last_size = quantity("100");
    quote.volume = quantity(volume);
    quote.open = Some(price(close));
    quote.high = quote
        .last
        .max(quote.open)
        .map(|p| Price::new(p.get() * decimal("1.0026")).round_to_tick(decimal("0.0001")));
    quote.low = quote
        .last
        .min(quote.open)
        .map(|p| Price::new(p.get() * decimal("0.9966")).round_to_tick(decimal("0.0001")));
    quote
}

fn account() -> Account {
    let equity = decimal("101254.36");
    Account {
        account: paper(),
        kind: AccountKind::Margin,
        mode: AccountMode::Paper,
        currency: Currency::USD,
        cash: decimal("79051.02"),
        cash_by_currency: vec![Money::usd(decimal("79051.02"))],
        settled_cash: decimal("79051.02"),
        net_liquidation: equity,
        long_market_value: decimal("47782.62"),
        short_market_value: decimal("-26042.00"),
        buying_power: decimal("180311.02"),
        initial_margin: decimal("23310.00"),
        maintenance_margin: decimal("15544.50"),
        excess_liquidity: decimal("85709.86"),
        reserved: decimal("7117.40"),
        day_pnl: decimal("254.36"),
        day_start_equity: decimal("101000.00"),
        realized_pnl: decimal("81.20"),
        unrealized_pnl: decimal("1072.60"),
        fees: decimal("3.84"),
        options_level: 3,
    }
}

fn position(key: &str, units: &str, average: &str, mark: &str, multiplier: i64, day: &str) -> Position {
    let (units, average, mark) = (quantity(units), price(average), price(mark));
    let multiplier = Decimal::from(multiplier);
    Position {
        account: paper(),
        instrument: instrument(key),
        quantity: units,
        average_price: average,
        multiplier,
        currency: Currency::USD,
        mark: Some(mark),
        market_value: Some(units.get() * mark.get() * multiplier),
        unrealized_pnl: Some(units.get() * (mark.get() - average.get()) * multiplier),
        realized_pnl: Decimal::ZERO,
        day_pnl: Some(decimal(day)),
    }
}

/// An order request with the usual fields.
pub fn request(
    number: u64,
    side: Side,
    subject: OrderSubject,
    units: &str,
    pricing: Pricing,
) -> OrderRequest {
    OrderRequest::plain(
        ClientOrderId::from_parts(1_795_545_000_000 + number, u128::from(number)),
        paper(),
        Origin::person(OriginKind::Ticket),
        subject,
        side,
        quantity(units),
        pricing,
    )
}

fn one(key: &str) -> OrderSubject {
    OrderSubject::Instrument(instrument(key))
}

/// An order with a status and its fills.
pub fn order(
    number: u64,
    request: OrderRequest,
    status: OrderStatus,
    filled: &str,
    average: Option<&str>,
) -> Order {
    let created = now() - SignedDuration::from_secs(60 * (60 - i64::try_from(number.min(60)).unwrap_or(60)));
    Order {
        number: OrderNumber(number),
        request,
        broker_order_id: Some(BrokerOrderId::new(format!("b-{number}"))),
        status,
        filled_quantity: quantity(filled),
        filled_notional: average.map_or(Decimal::ZERO, |average| decimal(average) * decimal(filled)),
        average_price: average.map(price),
        overfill_quantity: Quantity::ZERO,
        legs_filled: Vec::new(),
        created_at: created,
        updated_at: created + SignedDuration::from_secs(2),
        reason: None,
        denials: Vec::new(),
        replaces: None,
        trailing_stop: None,
        native_type: None,
    }
}

fn limit(text: &str) -> Pricing {
    Pricing::Limit { limit_price: price(text) }
}

fn leg(side: Side, occ: &str) -> Leg {
    Leg { side, position_effect: PositionEffect::Open, ratio: Decimal::ONE, instrument: instrument(occ) }
}

/// Orders of every status, newest first.
pub fn orders() -> Vec<Order> {
    use OrderStatus::{
        Canceled, Expired, Filled, PartiallyFilled, PendingCancel, PendingReplace, PendingSubmit, Replaced,
        Submitted, Unknown,
    };
    let mut bracket = request(42, Side::Buy, one("AAPL"), "10", limit("231.50"));
    let exit = |random, text| {
        Some(BracketExit { client_order_id: ClientOrderId::from_parts(1, random), price: price(text) })
    };
    bracket.take_profit = exit(1, "240.00");
    bracket.stop_loss = exit(2, "225.00");
    let mut gtc = request(41, Side::Sell, one("BTC-USD"), "0.05", limit("98900.00"));
    gtc.time_in_force = TimeInForce::Gtc;
    let trailing = Pricing::TrailingStop { trail: Trail::Percent(decimal("5")) };
    let stop_limit = Pricing::StopLimit { stop_price: price("505.00"), limit_price: price("504.00") };
    let stop = Pricing::Stop { stop_price: price("175.00") };
    let plain = |number, side, key, units, pricing, status, filled, average| {
        order(number, request(number, side, one(key), units, pricing), status, filled, average)
    };
    vec![
        plain(44, Side::Buy, "F", "100", limit("11.30"), PendingSubmit, "0", None),
        plain(43, Side::Sell, "NVDA", "20", stop, Unknown, "0", None),
        order(42, bracket, Submitted, "0", None),
        order(41, gtc, PartiallyFilled, "0.02", Some("98900.00")),
        order(40, spread(), Submitted, "0", None),
        plain(39, Side::Sell, "AAPL", "50", trailing, PendingReplace, "0", None),
        plain(38, Side::BuyToCover, "MSFT", "50", stop_limit, PendingCancel, "0", None),
        plain(37, Side::Buy, "AAPL", "100", Pricing::Market, Filled, "100", Some("228.10")),
        plain(36, Side::SellShort, "MSFT", "50", limit("521.00"), Filled, "50", Some("521.02")),
        plain(35, Side::Buy, "KO", "40", limit("60.00"), Canceled, "12", Some("60.00")),
        plain(34, Side::Sell, "AAPL", "50", limit("240.00"), Replaced, "0", None),
        rejected(),
        denied(),
        plain(31, Side::Buy, "XOM", "10", limit("110.00"), Expired, "0", None),
    ]
}

fn spread() -> OrderRequest {
    let legs = vec![leg(Side::Buy, "SPY   261218C00600000"), leg(Side::Sell, "SPY   261218C00610000")];
    let mut spread = request(40, Side::Buy, OrderSubject::Legs(legs), "1", limit("3.20"));
    spread.price_effect = Some(PriceEffect::Debit);
    spread
}

fn rejected() -> Order {
    let request = request(33, Side::Buy, one("GOOGL"), "5", limit("176.00"));
    let mut rejected = order(33, request, OrderStatus::Rejected, "0", None);
    rejected.reason = Some("account is restricted to closing orders".into());
    rejected
}

fn denied() -> Order {
    let request = request(32, Side::Buy, one("TSLA"), "900", Pricing::Market);
    let mut denied = order(32, request, OrderStatus::Denied, "0", None);
    let check = RiskCheck::new(DenialCode::MaxOrderNotional, Verdict::Fail)
        .with_numbers(decimal("304731"), decimal("25313.59"));
    denied.denials = check.denial().into_iter().collect();
    denied.broker_order_id = None;
    denied
}

fn log() -> Vec<LogLine> {
    let line = |minutes, severity, code: &str, text: &str| LogLine {
        at: now() - SignedDuration::from_mins(minutes),
        severity,
        code: code.into(),
        text: text.into(),
    };
    vec![
        line(255, Severity::Info, "ENGINE_STARTED", "paper venue ready, simulated market, seed 7"),
        line(23, Severity::Info, "ORDER_FILLED", "#37 bought 100 AAPL at 228.10, fee 0.00"),
        line(22, Severity::Info, "ORDER_FILLED", "#36 sold short 50 MSFT at 521.02, fee 0.07"),
        line(
            19,
            Severity::Error,
            "ORDER_REJECTED",
            "#33 buy 5 GOOGL: account is restricted to closing orders",
        ),
        line(18, Severity::Error, "MAX_ORDER_NOTIONAL", "#32 denied: measured=304731 limit=25313.59"),
        line(5, Severity::Info, "ORDER_PARTIAL", "#41 sold 0.02 of 0.05 BTC-USD at 98,900.00"),
        line(2, Severity::Warning, "ORDER_UNKNOWN", "#43 sell 20 NVDA: no answer from the broker, asking"),
    ]
}

/// The day's picture.
pub fn snapshot() -> Snapshot {
    let quotes: BTreeMap<Instrument, Quote> =
        QUOTES.iter().map(quote).map(|q| (q.instrument.clone(), q)).collect();
    let specs = quotes.keys().map(|i| (i.clone(), InstrumentSpec::standard(i.clone()))).collect();
    let list = |name: &str, keys: &[&str]| Watchlist {
        name: name.into(),
        instruments: keys.iter().map(|key| instrument(key)).collect(),
    };
    let tech = [
        "AAPL", "MSFT", "NVDA", "BTC-USD", "ETH-USD", "SPY", "QQQ", "TSLA", "AMD", "AMZN", "GOOGL", "META",
        "NFLX", "DOGE-USD", "F", "KO", "XOM", "BRK.B", "EUR/USD",
    ];
    Snapshot {
        totals: Arc::default(),
        seq: 1,
        now: now(),
        profile: "alice".into(),
        mode: AccountMode::Paper,
        trading_state: TradingState::Active,
        feed: Feed::Simulated,
        market: MarketClock {
            name: "NYSE".into(),
            open: true,
            changes_at: "2026-11-24T21:00:00Z".parse().ok(),
            calendar: Arc::new(Calendar::nyse()),
        },
        default_account: paper(),
        accounts: Arc::new(vec![AccountView {
            limits: RiskLimits::simulated(decimal("101254.36")),
            account: account(),
            capabilities: Capabilities::paper(),
            trading_state: TradingState::Active,
            used: used(),
            standing: Standing { up: true, reconciled: true, ..Standing::default() },
        }]),
        positions: Arc::new(vec![
            position("AAPL", "100", "228.10", "231.80", 1, "192.00"),
            position("MSFT", "-50", "521.02", "512.44", 1, "79.50"),
            position("AAPL  270115P00190000", "-2", "2.35", "2.10", 100, "18.00"),
            position("BTC-USD", "0.25", "96200.00", "98410.50", 1, "296.55"),
            position("TSLA", "12", "349.90", "338.59", 1, "-167.64"),
        ]),
        orders: Arc::new(orders()),
        quotes: Arc::new(quotes),
        specs: Arc::new(specs),
        watchlists: Arc::new(vec![list("tech", &tech), list("hedges", &["SPY", "AAPL  270115P00190000"])]),
        exits: Arc::default(),
        alerts: Arc::new(alerts()),
        strategies: Arc::new(strategies()),
        books: Arc::new(vec![book()]),
        notes: Arc::default(),
        log: Arc::new(log()),
        connections: Arc::new(connections()),
        replay: None,
        locked: false,
    }
}

/// One broker counts our calls, one does not answer.
fn connections() -> Vec<Connection> {
    let mut sim = Connection::new("sim", true, "12ms");
    (sim.latency_ms, sim.limit_left) = (Some(12), Some(187));
    let mut schwab = Connection::new("schwab", false, "6d 4h");
    schwab.limit_left = Some(4);
    schwab.retry_at = Some(now() + SignedDuration::from_secs(14));
    let error = "503 Service Unavailable: the server is being restarted".to_owned();
    schwab.last_error = Some((now() - SignedDuration::from_secs(31), error));
    vec![Connection::new("paper", true, "0ms"), sim, schwab]
}

/// A strategy that runs, one that is paused behind a lock, one that failed.
fn strategies() -> Vec<StrategyView> {
    let view = |name: &str, kind: &str, symbols: &[&str], phase| StrategyView {
        spec: StrategySpec {
            name: name.into(),
            kind: kind.into(),
            account: paper(),
            instruments: symbols.iter().map(|key| instrument(key)).collect(),
            interval: Interval::Minute15,
            params: BTreeMap::new(),
            adopt: Vec::new(),
            rules: StrategyRules::default(),
            exits: None,
        },
        mode: AccountMode::Paper,
        enabled: phase == StrategyPhase::Running,
        phase,
        reason: None,
        claims: Vec::new(),
        working_orders: 0,
        bot: None,
        realized_pnl: Decimal::ZERO,
        unrealized_pnl: Decimal::ZERO,
        day_pnl: Decimal::ZERO,
        fees: Decimal::ZERO,
        trades: 0,
        locks: Vec::new(),
        proposals: Vec::new(),
        last_decision: None,
        next_due: None,
        created_at: now() - SignedDuration::from_hours(70),
        changed_at: now() - SignedDuration::from_hours(3),
    };
    let mut trend = view("trend", "sma_cross", &["AAPL"], StrategyPhase::Running);
    (trend.day_pnl, trend.realized_pnl, trend.unrealized_pnl) =
        (decimal("192.00"), decimal("1204.50"), decimal("370.00"));
    trend.claims = vec![Claim {
        instrument: instrument("AAPL"),
        quantity: quantity("100"),
        average_price: price("228.10"),
    }];
    trend.last_decision = Some(DecisionRecord {
        at: now() - SignedDuration::from_mins(10),
        strategy: "trend".into(),
        instrument: Some(instrument("AAPL")),
        phase: StrategyPhase::Running,
        code: "SMA_CROSS_HOLD".into(),
        text: "fast=231.12 slow=230.48 the fast average is above the slow one".into(),
        inputs: BTreeMap::new(),
        proposal: None,
    });
    let mut grid = view("grid-btc", "grid", &["BTC-USD"], StrategyPhase::Paused);
    (grid.day_pnl, grid.realized_pnl) = (decimal("-41.20"), decimal("-310.75"));
    grid.locks = vec![Lock {
        instrument: None,
        until: now() + SignedDuration::from_hours(2),
        reason: "three losses in a row".into(),
    }];
    let mut weights = view("weights", "rebalance", &["SPY", "QQQ", "KO"], StrategyPhase::Faulted);
    weights.reason = Some("no price for KO in five minutes".into());
    vec![trend, grid, weights]
}

/// What of the account's limits is used.
fn used() -> RiskUse {
    RiskUse {
        largest_position: Some((instrument("MSFT"), decimal("25.30"))),
        exposure_percent: decimal("101.2"),
        open_orders: 3,
        open_orders_of_one: 2,
        daily_loss_percent: Decimal::ZERO,
        drawdown_percent: decimal("1.4"),
        orders_last_second: 0,
        orders_last_minute: 2,
        loss_streak: 1,
        stop_outs: 0,
        locks: Vec::new(),
    }
}

/// One alert waits, one rang in the morning.
fn alerts() -> Vec<Alert> {
    let alert = |id, symbol, when, value| Alert {
        id: AlertId(id),
        instrument: instrument(symbol),
        when,
        value: decimal(value),
        created_at: now() - SignedDuration::from_hours(3),
        fired_at: None,
        fired_price: None,
    };
    let rang = Alert {
        fired_at: Some(now() - SignedDuration::from_mins(95)),
        fired_price: Some(price("97000.5")),
        ..alert(2, "BTC-USD", AlertWhen::Above, "97000")
    };
    vec![alert(1, "TSLA", AlertWhen::Below, "330"), rang]
}

/// Depth and tape of AAPL: ten levels a cent apart, a trade every second.
fn book() -> MarketBook {
    let level = |from: &str, away: i64, n: i64| DepthLevel {
        price: Price::new(decimal(from) + Decimal::new(away * n, 2)),
        size: quantity(&(300 + 170 * n % 900).to_string()),
    };
    let print = |n: i64| {
        let (price_text, aggressor) = match n % 3 {
            0 => ("231.80", Aggressor::Unknown),
            1 => ("231.81", Aggressor::Buyer),
            _ => ("231.79", Aggressor::Seller),
        };
        let at = now() - SignedDuration::from_secs(n);
        Print { at, price: price(price_text), size: quantity(&(20 + 35 * (n % 7)).to_string()), aggressor }
    };
    MarketBook {
        instrument: instrument("AAPL"),
        as_of: now(),
        bids: (0..10).map(|n| level("231.79", -1, n)).collect(),
        asks: (0..10).map(|n| level("231.81", 1, n)).collect(),
        prints: (0..60).map(print).collect(),
    }
}

/// The same account with real money behind it.
pub fn live() -> Snapshot {
    let mut snapshot = snapshot();
    snapshot.mode = AccountMode::Live;
    snapshot.feed = Feed::RealTime;
    let mut quotes = snapshot.quotes.as_ref().clone();
    quotes.values_mut().for_each(|quote| quote.feed = Feed::RealTime);
    snapshot.quotes = Arc::new(quotes);
    let mut accounts = snapshot.accounts.to_vec();
    accounts[0].account.mode = AccountMode::Live;
    snapshot.accounts = Arc::new(accounts);
    snapshot
}

/// Sequences that would draw, rename, ring, turn or query a terminal, whole and cut off.
pub const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31mred\u{1b}P+q\u{1b}\\ \u{202e}evil\u{202c}\u{200b}\n\r\u{7}\u{e0041}\u{85}end";

/// The day's picture with a text in every place that a stranger fills.
pub fn hostile(text: &str) -> Snapshot {
    let mut snapshot = snapshot();
    snapshot.profile = text.into();
    snapshot.market.name = text.into();
    let mut log = snapshot.log.to_vec();
    log.push(LogLine { at: snapshot.now, severity: Severity::Error, code: text.into(), text: text.into() });
    snapshot.log = Arc::new(log);
    let mut orders = snapshot.orders.to_vec();
    orders[0].reason = Some(text.into());
    snapshot.orders = Arc::new(orders);
    let mut connections = snapshot.connections.to_vec();
    connections[0].name = text.into();
    connections[0].text = text.into();
    snapshot.connections = Arc::new(connections);
    let mut lists = snapshot.watchlists.to_vec();
    lists.insert(0, Watchlist { name: text.into(), instruments: lists[0].instruments.clone() });
    snapshot.watchlists = Arc::new(lists);
    snapshot
}

/// A picture `step` moves later: the quotes of the first `count` instruments of the list have moved by a few ticks.
pub fn moved(before: &Snapshot, step: u64, count: usize) -> Snapshot {
    let mut next = before.clone();
    next.seq += 1;
    next.now += SignedDuration::from_millis(33);
    let mut quotes = (*before.quotes).clone();
    for (i, instrument) in before.watchlists[0].instruments.iter().take(count).enumerate() {
        let (Some(quote), Some(spec)) = (quotes.get_mut(instrument), before.specs.get(instrument)) else {
            continue;
        };
        let Some(last) = quote.last else { continue };
        // A small generator with state in its arguments: the same steps give the same prices.
        let noise = (step
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add((i as u64).wrapping_mul(1_442_695_040_888_963_407)))
            >> 33;
        let ticks = Decimal::from(i64::try_from(noise % 7).unwrap_or(0) - 3);
        let tick = spec.tick_at(last);
        let moved = Price::new(last.get() + ticks * tick);
        quote.last = Some(moved);
        quote.bid = Some(Price::new(moved.get() - tick));
        quote.ask = Some(Price::new(moved.get() + tick));
        quote.volume += quantity("100");
        quote.as_of = next.now;
    }
    next.quotes = Arc::new(quotes);
    next
}

/// Bars that walk up and down and end at the quote's last price.
pub fn bars(instrument: &Instrument, interval: Interval, limit: u32) -> Vec<Bar> {
    let last = QUOTES
        .iter()
        .find(|row| self::instrument(row.0) == *instrument)
        .map_or_else(|| decimal("100"), |row| decimal(row.1));
    let unit = last / decimal("2000");
    let width = interval.seconds();
    let end = now().as_second().div_euclid(width) * width;
    // Every symbol walks its own way.
    let phase: i64 = instrument.to_string().bytes().map(i64::from).sum();
    let level = |n: i64| {
        let n = n + phase;
        let slow = [0, 2, 5, 9, 12, 14, 15, 14, 11, 8, 4, 1, -3, -6, -8, -9, -8, -5, -3, -1]
            [n.rem_euclid(20) as usize];
        let fast = [0, 1, -1, 2, 0, -2, 1][n.rem_euclid(7) as usize];
        last + unit * Decimal::from(slow + fast - 3 * ((n - phase) / 40))
    };
    (0..i64::from(limit))
        .rev()
        .map(|back| {
            let (open, close) = (level(back + 1), if back == 0 { last } else { level(back) });
            let reach = unit * Decimal::from(1 + back % 3);
            Bar {
                start: Timestamp::from_second(end - back * width).unwrap_or(Timestamp::UNIX_EPOCH),
                open: Price::new(open),
                high: Price::new(open.max(close) + reach),
                low: Price::new(open.min(close) - reach),
                close: Price::new(close),
                volume: Decimal::from(1_000 + 700 * (back % 5) + 90 * (back % 11)),
            }
        })
        .collect()
}
