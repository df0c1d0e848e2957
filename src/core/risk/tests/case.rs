//! One order before one account, to be changed in one thing at a time.

pub(super) use std::collections::BTreeMap;

pub(super) use jiff::{SignedDuration, Timestamp};
pub(super) use rust_decimal::Decimal;

pub(super) use crate::core::book::OrderBook;
pub(super) use crate::core::portfolio::{AccountTerms, Portfolio};
pub(super) use crate::core::risk::*;
pub(super) use crate::domain::account::{Account, AccountKind, AccountMode};
pub(super) use crate::domain::calendar::MarketPhase;
pub(super) use crate::domain::capabilities::Capabilities;
pub(super) use crate::domain::denial::DenialCode as Code;
pub(super) use crate::domain::denial::Verdict::{Fail, Pass, Skip};
pub(super) use crate::domain::execution::{Execution, ExecutionKind};
pub(super) use crate::domain::fees::FeeTable;
pub(super) use crate::domain::ids::{ClientOrderId, ExecutionId, OrderNumber};
pub(super) use crate::domain::instrument::{Instrument, InstrumentSpec};
pub(super) use crate::domain::limits::{DayTradeRule, RiskLimits, TradingState};
pub(super) use crate::domain::money::{Currency, Money, Price, Quantity};
pub(super) use crate::domain::option::Leg;
pub(super) use crate::domain::order::{
    BracketExit, OrderStatus, OrderSubject, Origin, OriginKind, PositionEffect, Pricing, Side, Slices,
    TimeInForce, Trail,
};
pub(super) use crate::domain::quote::{Feed, Quote};
pub(super) use crate::domain::strategy::Lock;

pub(super) const CALL: &str = "AAPL  270115C00110000";
pub(super) const LATER_CALL: &str = "AAPL  270219C00120000";
pub(super) const EARLIER_CALL: &str = "AAPL  261218C00090000";
pub(super) const PUT: &str = "AAPL  270115P00090000";
pub(super) const LOWER_PUT: &str = "AAPL  270115P00080000";
pub(super) const ADJUSTED: &str = "AAPL1 270115C00110000";

pub(super) fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(super) fn p(text: &str) -> Price {
    text.parse().unwrap()
}

pub(super) fn q(text: &str) -> Quantity {
    text.parse().unwrap()
}

pub(super) fn instrument(key: &str) -> Instrument {
    Instrument::from_key(key).unwrap()
}

pub(super) fn subject(key: &str) -> OrderSubject {
    OrderSubject::Instrument(instrument(key))
}

pub(super) fn limit(price: &str) -> Pricing {
    Pricing::Limit { limit_price: p(price) }
}

pub(super) fn stop(price: &str) -> Pricing {
    Pricing::Stop { stop_price: p(price) }
}

pub(super) fn stop_limit(stop: &str, limit: &str) -> Pricing {
    Pricing::StopLimit { stop_price: p(stop), limit_price: p(limit) }
}

pub(super) fn leg(side: Side, key: &str, ratio: i64) -> Leg {
    Leg {
        side,
        position_effect: PositionEffect::Open,
        ratio: Decimal::from(ratio),
        instrument: instrument(key),
    }
}

pub(super) fn now() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

pub(super) struct Market {
    pub(super) quotes: BTreeMap<Instrument, Quote>,
    pub(super) specs: BTreeMap<Instrument, InstrumentSpec>,
    pub(super) volumes: BTreeMap<Instrument, Decimal>,
    pub(super) phase: MarketPhase,
    pub(super) restricted: bool,
}

impl MarketView for Market {
    fn quote(&self, instrument: &Instrument) -> Option<&Quote> {
        self.quotes.get(instrument)
    }
    fn spec(&self, instrument: &Instrument) -> Option<&InstrumentSpec> {
        self.specs.get(instrument)
    }
    fn phase(&self, _: &Instrument) -> MarketPhase {
        self.phase
    }
    fn average_volume(&self, instrument: &Instrument) -> Option<Decimal> {
        self.volumes.get(instrument).copied()
    }
    fn short_sale_restricted(&self, _: &Instrument) -> bool {
        self.restricted
    }
}

/// One order before one account: a margin account of 100,000 with the default limits, everything quoted at 100, and an order to buy 10
/// AAPL at 100 that passes. Each row of the table changes one thing.
pub(super) struct Case {
    pub(super) market: Market,
    pub(super) books: Portfolio,
    pub(super) limits: RiskLimits,
    pub(super) capabilities: Capabilities,
    pub(super) activity: Activity,
    pub(super) working: Vec<Order>,
    pub(super) request: OrderRequest,
    pub(super) state: TradingState,
    pub(super) reconciled: bool,
    pub(super) overridden: bool,
    pub(super) automation_paused: bool,
    pub(super) locks: Vec<Lock>,
    pub(super) broker_up: bool,
    pub(super) live_armed: bool,
    pub(super) bar_mode: bool,
    pub(super) high: Option<Decimal>,
    pub(super) blind: bool,
    pub(super) day_trades: usize,
    pub(super) clock_back_at: Option<Timestamp>,
    pub(super) good_faith: Option<GoodFaith>,
    pub(super) replaces: Option<Order>,
    pub(super) figures: Box<dyn Fn(&mut Account)>,
    pub(super) fills: u32,
}

impl Case {
    pub(super) fn new() -> Self {
        let mut case = Self {
            market: Market {
                quotes: BTreeMap::new(),
                specs: BTreeMap::new(),
                volumes: BTreeMap::new(),
                phase: MarketPhase::Regular,
                restricted: false,
            },
            books: Self::books(AccountKind::Margin, 3),
            limits: RiskLimits::default(),
            capabilities: Capabilities::paper(),
            activity: Activity::default(),
            working: Vec::new(),
            request: request(1, Side::Buy, "AAPL", "10", limit("100")),
            state: TradingState::Active,
            reconciled: true,
            overridden: false,
            automation_paused: false,
            locks: Vec::new(),
            broker_up: true,
            live_armed: false,
            bar_mode: false,
            high: Some(Decimal::from(100_000)),
            blind: false,
            day_trades: 0,
            clock_back_at: None,
            good_faith: None,
            replaces: None,
            figures: Box::new(|_| ()),
            fills: 0,
        };
        for key in [
            "AAPL",
            "MSFT",
            "BTC-USD",
            "EUR/USD",
            "USD/JPY",
            CALL,
            LATER_CALL,
            EARLIER_CALL,
            PUT,
            LOWER_PUT,
            ADJUSTED,
        ] {
            case.market.specs.insert(instrument(key), InstrumentSpec::standard(instrument(key)));
            case.quote(key, "100", "100");
        }
        case
    }

    pub(super) fn books(kind: AccountKind, options_level: u8) -> Portfolio {
        Self::books_in(kind, options_level, Currency::USD)
    }

    pub(super) fn books_in(kind: AccountKind, options_level: u8, currency: Currency) -> Portfolio {
        Portfolio::new(AccountTerms {
            account: AccountId::new("paper"),
            kind,
            mode: AccountMode::Paper,
            currency,
            options_level,
            opening_cash: vec![Money::new(Decimal::from(100_000), currency)],
        })
    }

    pub(super) fn quote(&mut self, key: &str, bid: &str, ask: &str) -> &mut Quote {
        let mut quote = Quote::empty(instrument(key), now(), Feed::Simulated);
        (quote.bid, quote.ask) = (bid.parse().ok(), ask.parse().ok());
        self.market.quotes.insert(instrument(key), quote);
        self.market.quotes.get_mut(&instrument(key)).unwrap()
    }

    pub(super) fn spec(&mut self, key: &str) -> &mut InstrumentSpec {
        self.market.specs.get_mut(&instrument(key)).unwrap()
    }

    /// Holds so many units, bought or sold at 100.
    pub(super) fn hold(&mut self, key: &str, units: &str) {
        self.fills += 1;
        let units = d(units);
        self.books.apply(&Execution {
            execution_id: ExecutionId::new(format!("x{}", self.fills)),
            account: AccountId::new("paper"),
            client_order_id: None,
            broker_order_id: None,
            instrument: instrument(key),
            side: if units.is_sign_negative() { Side::Sell } else { Side::Buy },
            quantity: Quantity::new(units.abs()),
            price: p("100"),
            multiplier: self.market.specs[&instrument(key)].multiplier,
            fee: Decimal::ZERO,
            currency: self.market.specs[&instrument(key)].currency,
            at: now(),
            kind: ExecutionKind::Trade,
        });
        self.books.mark(&instrument(key), p("100"));
    }

    /// Another order of ours that works.
    pub(super) fn work(&mut self, side: Side, key: &str, quantity: &str, pricing: Pricing) -> &mut Order {
        let id = u64::try_from(self.working.len()).unwrap() + 100;
        self.working.push(working(id, request(id, side, key, quantity, pricing)));
        self.working.last_mut().unwrap()
    }

    pub(super) fn ask(&mut self, side: Side, key: &str, quantity: &str, pricing: Pricing) {
        self.request = request(1, side, key, quantity, pricing);
    }

    pub(super) fn legs(&mut self, side: Side, quantity: &str, price: &str, legs: Vec<Leg>) {
        self.request = request(1, side, "AAPL", quantity, limit(price));
        self.request.subject = OrderSubject::Legs(legs);
    }

    /// So many requests, each this long ago.
    pub(super) fn asked(&mut self, times: usize, ago_ms: i64, reduces: bool) {
        let at = now() - SignedDuration::from_millis(ago_ms);
        for _ in 0..times {
            self.activity.record(at, &request(9, Side::Buy, "MSFT", "7", limit("90")), reduces);
        }
    }

    pub(super) fn run(&self) -> RiskOutcome {
        self.seen(|view| match &self.replaces {
            Some(old) => check_replace(view, old, &self.request),
            None => check(view, &self.request),
        })
    }

    /// What of a view of all this.
    pub(super) fn seen<T>(&self, look: impl FnOnce(&RiskView<'_>) -> T) -> T {
        let fees = FeeTable::default();
        let book: OrderBook = self.working.iter().cloned().collect();
        let working = book.lookup(&self.request.account);
        let held_back = reserved_by(&self.books, &self.market, &fees, working);
        let mut account = self.books.account_with(now(), held_back);
        (self.figures)(&mut account);
        let view = RiskView {
            now: now(),
            trading_state: self.state,
            account: &account,
            blind: self.blind,
            equity_high: self.high,
            capabilities: &self.capabilities,
            limits: &self.limits,
            portfolio: &self.books,
            working: book.lookup(&self.request.account),
            market: &self.market,
            activity: &self.activity,
            day_trades: self.day_trades,
            locks: &self.locks,
            clock_back_at: self.clock_back_at,
            good_faith: self.good_faith.as_ref(),
            fees: &fees,
            reconciled: self.reconciled,
            overridden: self.overridden,
            automation_paused: self.automation_paused,
            broker_up: self.broker_up,
            circuit_open: false,
            live_armed: self.live_armed,
            bar_mode: self.bar_mode,
            prices_age: !self.bar_mode,
            never_closed: false,
            replaces: None,
        };
        look(&view)
    }
}

pub(super) fn request(id: u64, side: Side, key: &str, quantity: &str, pricing: Pricing) -> OrderRequest {
    OrderRequest::plain(
        ClientOrderId::from_parts(id, 0),
        AccountId::new("paper"),
        Origin::person(OriginKind::Cli),
        subject(key),
        side,
        q(quantity),
        pricing,
    )
}

pub(super) fn working(number: u64, request: OrderRequest) -> Order {
    Order::new(OrderNumber(number), request, OrderStatus::Submitted, now())
}
