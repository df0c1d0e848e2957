//! A scripted engine over the trading day, and the real command language over the real symbols.

use std::sync::{Arc, OnceLock};

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::arbion::client::keeping::ProfileLine;
use super::arbion::client::message::{
    Chain, ChainRow, EquityPoint, GroupKind, MarketGroup, PnlReport, PnlRow,
};
use super::arbion::client::{Reply, Request, SessionError};
use super::arbion::command::types::{Amount, Command, Subject};
use super::arbion::command::{self, ParseContext};
use super::arbion::domain::calendar::Calendar;
use super::arbion::domain::denial::{DenialCode, RiskCheck, Verdict};
use super::arbion::domain::desk::{ExposureRow, HistoryRow, HistorySource, RiskDesk, WhatIf};
use super::arbion::domain::execution::{Execution, ExecutionKind};
use super::arbion::domain::ids::{AccountId, ExecutionId};
use super::arbion::domain::instrument::{Listing, Symbol};
use super::arbion::domain::money::{Currency, Price};
use super::arbion::domain::news::{Article, News, article_text, web_address};
use super::arbion::domain::option::{OptionContract, Right};
use super::arbion::domain::order::{
    OrderPreview, OrderStatus, OrderSubject, Origin, OriginKind, Pricing, Side,
};
use super::arbion::domain::quote::{Feed, Quote};
use super::arbion::domain::role::Role;
use super::arbion::domain::snapshot::Snapshot;
use super::arbion::market::symbols::Universe;
use super::arbion::tui::Understanding;
use super::trading_day::{self, bars, decimal, instrument, now, paper, price, quantity};

/// The symbol universe, read once.
pub fn universe() -> Arc<Universe> {
    static UNIVERSE: OnceLock<Arc<Universe>> = OnceLock::new();
    Arc::clone(UNIVERSE.get_or_init(|| Arc::new(Universe::load())))
}

/// What a text means on the day.
pub fn understand(text: &str) -> Understanding {
    static CALENDAR: OnceLock<Calendar> = OnceLock::new();
    let universe = universe();
    let calendar = CALENDAR.get_or_init(Calendar::nyse);
    let context = ParseContext { today: Date::constant(2026, 11, 24), lookup: universe.as_ref(), calendar };
    let command = command::parse(text, &context);
    let words = match &command {
        Command::Clarify { .. } => String::new(),
        other => command::explain(other),
    };
    Understanding { command, words }
}

fn preview(command: &Command, origin: OriginKind, snapshot: &Snapshot) -> Result<OrderPreview, SessionError> {
    let (side, subject, units, terms) = match command {
        Command::Place(place) => {
            let subject = match &place.subject {
                Subject::Instrument(instrument) => OrderSubject::Instrument(instrument.clone()),
                Subject::Legs(legs) => OrderSubject::Legs(legs.clone()),
            };
            let units = match place.amount {
                Amount::Quantity(units) => units,
                _ => quantity("1"),
            };
            (place.side, subject, units, &place.terms)
        }
        Command::Close(close) => {
            let position = snapshot.position(&snapshot.default_account, &close.instrument);
            let position = position
                .ok_or_else(|| SessionError::Usage(format!("no position in {}", close.instrument)))?;
            let side = if position.quantity.is_positive() { Side::Sell } else { Side::BuyToCover };
            (side, OrderSubject::Instrument(close.instrument.clone()), position.quantity.abs(), &close.terms)
        }
        _ => return Err(SessionError::Usage("not an order".into())),
    };
    let pricing = match (terms.limit_price, terms.stop_price) {
        (Some(limit_price), None) => Pricing::Limit { limit_price },
        (None, Some(stop_price)) => Pricing::Stop { stop_price },
        (Some(limit_price), Some(stop_price)) => Pricing::StopLimit { stop_price, limit_price },
        (None, None) => Pricing::Market,
    };
    let driver = subject.instruments().next().cloned().unwrap_or_else(|| instrument("AAPL"));
    let estimated_price = pricing.limit_price().or_else(|| snapshot.quotes.get(&driver).and_then(|q| q.last));
    let mut request = trading_day::request(90, side, subject, "1", pricing);
    request.quantity = units;
    request.origin = Origin::person(origin);
    request.time_in_force = terms.time_in_force;
    let cost = estimated_price.map(|p| p.notional(units) * side.sign());
    let checks = checks(cost.unwrap_or_default().abs());
    let side_word = side.as_str().replace('_', " ").to_uppercase();
    Ok(OrderPreview {
        broker: None,
        words: format!(
            "{side_word} {units} {} {}",
            request.subject,
            pricing.order_type().as_str().to_uppercase()
        ),
        estimated_price,
        estimated_cost: cost,
        estimated_fees: decimal("0.02"),
        buying_power_before: decimal("180311.02"),
        buying_power_after: decimal("180311.02") - cost.unwrap_or_default().max(Decimal::ZERO) * Decimal::TWO,
        denials: checks.iter().filter_map(RiskCheck::denial).collect(),
        checks,
        confirmation_hash: format!("hash-of-{side_word}-{units}-{driver}"),
        request,
    })
}

fn checks(cost: Decimal) -> Vec<RiskCheck> {
    let limit = decimal("25313.59");
    let pass = |code| RiskCheck::new(code, Verdict::Pass);
    let notional = if cost > limit { Verdict::Fail } else { Verdict::Pass };
    vec![
        pass(DenialCode::Halted),
        pass(DenialCode::UnknownInstrument),
        RiskCheck::new(DenialCode::AdjustedOption, Verdict::Skip),
        pass(DenialCode::PriceCollar).with_numbers(decimal("0.13"), decimal("5")),
        RiskCheck::new(DenialCode::MaxOrderNotional, notional).with_numbers(cost, limit),
        pass(DenialCode::MaxPosition)
            .with_numbers(decimal("12.4"), decimal("25"))
            .with_note("per_cent_of_equity"),
        pass(DenialCode::BuyingPower).with_numbers(cost, decimal("180311.02")),
    ]
}

/// The traders of the machine.
pub fn profiles() -> Vec<ProfileLine> {
    let line = |name: &str, role, disabled, locked, running| ProfileLine {
        name: name.to_owned(),
        role,
        disabled,
        locked,
        running,
        own: name == "alice",
    };
    vec![
        line("alice", Role::Superadmin, false, false, true),
        line("bob", Role::Standard, false, true, true),
        line("carol", Role::Admin, false, false, false),
        line("dave", Role::Standard, true, false, false),
    ]
}

/// Headlines of the day, on these instruments or on everything.
pub fn news(about: &[super::arbion::domain::instrument::Instrument]) -> News {
    let rows = [
        (
            3,
            4,
            "Apple Opens a Second Chip Plant in Arizona, Hires 3,000",
            "The plant makes parts for the next phones. It opens in spring.",
            "AAPL",
        ),
        (2, 96, "Tesla Recalls 12,000 Cars Over a Camera That Freezes", "", "TSLA"),
        (
            1,
            1_500,
            "What Is Going on With Apple and Microsoft Shares Before the Holiday, and Why Volume Is So Thin This Week",
            "Both trade in a narrow range.",
            "AAPL MSFT",
        ),
    ];
    let wanted = |symbols: &str| {
        about.is_empty() || about.iter().any(|one| symbols.split(' ').any(|name| name == one.root().as_str()))
    };
    let article = |(id, minutes, headline, summary, symbols): (u64, i64, &str, &str, &str)| Article {
        id: id.to_string().into(),
        headline: article_text(headline),
        summary: article_text(summary),
        source: article_text("benzinga"),
        url: web_address(&format!("https://www.benzinga.com/news/26/11/{id}/a-story-about-shares")),
        symbols: symbols.split(' ').map(article_text).collect(),
        created_at: now() - jiff::SignedDuration::from_mins(minutes),
        updated_at: now() - jiff::SignedDuration::from_mins(minutes),
    };
    News {
        source: Some("alpaca".into()),
        unreached: None,
        offered_by: vec!["alpaca".into()],
        articles: rows.into_iter().filter(|row| wanted(row.4)).map(article).collect(),
    }
}

/// What the scripted engine answers. Anything confirmed with a hash it gave becomes order 90.
pub fn answer(request: &Request, snapshot: &Snapshot) -> Result<Reply, SessionError> {
    Ok(match request {
        Request::Preview { command, origin, .. } => {
            Reply::Preview(Box::new(preview(command, *origin, snapshot)?))
        }
        Request::Execute { command, origin, confirmation_hash, .. } => match command {
            Command::Place(_) | Command::Close(_) => {
                let preview = preview(command, *origin, snapshot)?;
                if confirmation_hash.as_ref() != Some(&preview.confirmation_hash) {
                    return Err(SessionError::ConfirmationChanged);
                }
                if !preview.denials.is_empty() {
                    return Err(SessionError::Denied(preview.denials));
                }
                Reply::Orders(vec![trading_day::order(
                    90,
                    preview.request,
                    OrderStatus::Submitted,
                    "0",
                    None,
                )])
            }
            _ => Reply::Done("done".into()),
        },
        Request::Bars { instrument, interval, limit } => Reply::Bars(bars(instrument, *interval, *limit)),
        Request::History { instrument, interval, limit } => {
            Reply::History { bars: bars(instrument, *interval, *limit), imported: None, seams: Vec::new() }
        }
        Request::Cancel { .. } | Request::Replace { .. } | Request::Halt { .. } | Request::Flatten { .. } => {
            Reply::Orders(Vec::new())
        }
        Request::Subscribe { .. } => Reply::Quotes(Vec::new()),
        Request::Executions(_) => Reply::Executions(vec![execution()]),
        Request::OrderHistory(_) => Reply::Orders(trading_day::orders()),
        Request::Pnl(_) => Reply::Pnl(Box::new(pnl())),
        Request::Equity { .. } => Reply::Equity(equity()),
        Request::Notes => Reply::Notes(Vec::new()),
        Request::RiskDesk { account } => Reply::RiskDesk(Box::new(desk(account.as_ref(), snapshot))),
        Request::Book { instrument } => match snapshot.book(instrument) {
            Some(book) => Reply::Book(Box::new(book.clone())),
            None => return Err(SessionError::Usage(format!("{instrument} has no quote now"))),
        },
        Request::News { about, .. } => Reply::News(Box::new(news(about))),
        Request::Groups => Reply::Groups(groups()),
        Request::Members { group } => Reply::Listings(members(group)),
        Request::Movers { .. } => Reply::Quotes(movers(snapshot)),
        Request::Chain { underlying, expiry, .. } => Reply::Chain(Box::new(chain(underlying, *expiry))),
        _ => Reply::Done("done".into()),
    })
}

/// Strikes of 200 to 260 around a price of 231.80, worth their intrinsic value and 1.50 more at the money, less with every strike away.
fn chain(underlying: &Symbol, expiry: Option<Date>) -> Chain {
    let expiries =
        vec![Date::constant(2026, 11, 27), Date::constant(2026, 12, 18), Date::constant(2027, 1, 15)];
    let shown = expiry.unwrap_or(expiries[0]);
    let spot = decimal("231.80");
    let mut rows = Vec::new();
    for strike in (200..=260).step_by(5).map(Decimal::from) {
        for (right, inside) in [(Right::Call, spot - strike), (Right::Put, strike - spot)] {
            let contract = OptionContract {
                underlying: underlying.clone(),
                expiry: shown,
                strike: Price::new(strike),
                right,
                root: None,
            };
            let time = (decimal("1.50") - inside.abs() / Decimal::from(25)).max(decimal("0.05"));
            let bid = (inside.max(Decimal::ZERO) + time).round_dp(2);
            let mut quote = Quote::empty(contract.clone().into_instrument(), now(), Feed::Simulated);
            (quote.bid, quote.ask) = (Some(Price::new(bid)), Some(Price::new(bid + decimal("0.10"))));
            rows.push(ChainRow {
                contract,
                quote,
                open_interest: Some(1_204),
                iv: Some(0.271),
                delta: Some(if right == Right::Call { 0.52 } else { -0.48 }),
                gamma: Some(0.0123),
                theta: Some(-0.104),
                vega: Some(0.221),
            });
        }
    }
    Chain { underlying: underlying.clone(), spot: Some(Price::new(spot)), expiries, rows }
}

/// What an account of the day is exposed to: long shares, written puts, a coin that nobody has a history of.
fn desk(account: Option<&AccountId>, snapshot: &Snapshot) -> RiskDesk {
    let account = account.unwrap_or(&snapshot.default_account);
    let view = snapshot.account(account).or(snapshot.default_account());
    let net_liquidation = view.map_or(Decimal::ZERO, |view| view.account.net_liquidation);
    let holds = snapshot.positions.iter().any(|position| position.account == *account);
    let row = |name: &str, long: &str, short: &str, delta: &str| ExposureRow {
        name: name.into(),
        long: decimal(long),
        short: decimal(short),
        delta: decimal(delta),
    };
    let some = |text: &str| holds.then(|| decimal(text));
    let history = |name: &str, source, file: Option<&str>, beta: Option<&str>| HistoryRow {
        name: name.into(),
        source,
        file: file.map(str::to_owned),
        days: 260,
        until: Some(Date::constant(2026, 11, 23)),
        beta: beta.map(decimal),
    };
    let what_if = [
        ("spot -10 %", "-7310.22"),
        ("spot -5 %", "-3590.1"),
        ("spot +10 %", "7020.55"),
        ("volatility +20 %", "-41.8"),
        ("spot -10 %, volatility +20 %", "-7402.91"),
        ("one day", "12.35"),
    ];
    let empty = |rows: Vec<ExposureRow>| if holds { rows } else { Vec::new() };
    RiskDesk {
        account: account.clone(),
        as_of: snapshot.now,
        currency: Currency::USD,
        net_liquidation,
        by_class: empty(vec![
            row("equity", "48741.2", "0", "48741.2"),
            row("crypto", "24602.5", "0", "24602.5"),
            row("option", "0", "420", "-6118.4"),
        ]),
        by_sector: empty(vec![
            row("Information Technology", "48741.2", "420", "42622.8"),
            row("Crypto", "24602.5", "0", "24602.5"),
        ]),
        benchmark: "SPY".into(),
        beta_weighted_delta: some("53120.4"),
        days: if holds { 259 } else { 0 },
        value_at_risk_95: some("1922.07"),
        value_at_risk_99: some("3304.6"),
        shortfall_95: some("2560.33"),
        what_if: what_if
            .map(|(name, gain)| WhatIf { name: name.into(), gain: decimal(if holds { gain } else { "0" }) })
            .into(),
        history: if holds {
            vec![
                history("AAPL", HistorySource::Broker, None, Some("1.2114")),
                history("MSFT", HistorySource::Imported, Some("nq"), Some("0.98")),
            ]
        } else {
            Vec::new()
        },
        unmeasured: if holds {
            vec![
                "BTC-USD: no daily closes (its broker did not answer); betas and value at risk leave it out"
                    .to_owned(),
            ]
        } else {
            Vec::new()
        },
    }
}

/// A month of equity, a point every eight hours.
fn equity() -> Vec<EquityPoint> {
    let point = |n: i64| {
        let wave = [0, 40, 110, 160, 130, 60, -30, -80, -60, 10][n.rem_euclid(10) as usize];
        let net_liquidation = decimal("98400") + Decimal::from(n * 31 + wave * 4);
        let at = now() - jiff::SignedDuration::from_hours(8 * (92 - n));
        EquityPoint { at, net_liquidation, cash: decimal("52310.11") }
    };
    (0..92).map(point).collect()
}

fn groups() -> Vec<(MarketGroup, u32)> {
    let group = |kind, name: &str| MarketGroup { kind, name: name.into() };
    vec![
        (group(GroupKind::Sector, "Energy"), 23),
        (group(GroupKind::Sector, "Information Technology"), 71),
        (group(GroupKind::Index, "DOW JONES"), 30),
    ]
}

fn members(group: &MarketGroup) -> Vec<Listing> {
    let listings = universe();
    let is_member = |listing: &&Listing| match group.kind {
        GroupKind::Sector => listing.sector == group.name,
        GroupKind::Index => listing.indices.contains(&group.name),
    };
    listings.listings().iter().filter(is_member).take(12).cloned().collect()
}

/// The quotes of the day by their change.
fn movers(snapshot: &Snapshot) -> Vec<Quote> {
    let mut quotes: Vec<Quote> = snapshot.quotes.values().cloned().collect();
    quotes.sort_by_key(|quote| std::cmp::Reverse(quote.change_percent()));
    quotes.truncate(6);
    quotes
}

fn execution() -> Execution {
    Execution {
        execution_id: ExecutionId::new("x-1"),
        account: paper(),
        client_order_id: None,
        broker_order_id: None,
        instrument: instrument("AAPL"),
        side: Side::Buy,
        quantity: quantity("100"),
        price: price("228.10"),
        multiplier: Decimal::ONE,
        fee: Decimal::ZERO,
        currency: Currency::USD,
        at: now(),
        kind: ExecutionKind::Trade,
    }
}

fn pnl() -> PnlReport {
    let row = PnlRow {
        day: Some(Date::constant(2026, 11, 24)),
        instrument: None,
        realized_pnl: decimal("81.20"),
        fees: decimal("3.84"),
        executions: 4,
    };
    PnlReport {
        day_pnl: decimal("254.36"),
        unrealized_pnl: decimal("1072.60"),
        realized_pnl: decimal("81.20"),
        fees: decimal("3.84"),
        by_day: vec![row],
        by_instrument: Vec::new(),
    }
}
