//! Orders that risk has passed: the only ones that a broker takes. They come from the core itself, under limits that allow everything.

use std::sync::Arc;

use arbion::core::effect::{Effect, RequestId};
use arbion::core::engine::{Engine, EngineConfig, Records};
use arbion::core::input::{AccountSetup, Input};
use arbion::domain::account::{AccountKind, AccountMode};
use arbion::domain::calendar::Calendar;
use arbion::domain::capabilities::Capabilities;
use arbion::domain::execution::{AccountEvent, Execution, ExecutionKind};
use arbion::domain::fees::FeeTable;
use arbion::domain::ids::{AccountId, ExecutionId};
use arbion::domain::instrument::{Instrument, InstrumentSpec, TickRow};
use arbion::domain::limits::RiskLimits;
use arbion::domain::money::{Currency, Money, Price, Quantity};
use arbion::domain::order::{Approved, OrderRequest, OrderSubject, OrderType, Side};
use arbion::domain::quote::{Feed, Quote};
use rust_decimal::Decimal;

/// The account of the contract.
pub fn account() -> AccountId {
    AccountId::new("contract")
}

/// Passes an order through the core's risk.
pub fn approve(order: OrderRequest) -> Approved<OrderRequest> {
    let now = arbion::brokers::clock::wall();
    let money = Decimal::from(100_000_000);
    let config = EngineConfig {
        profile: "contract".into(),
        default_account: account(),
        feed: Feed::Simulated,
        seed: 1,
        bar_mode: false,
        never_closed: true,
        fees: FeeTable::default(),
        records: Records::All,
    };
    let mut core = Engine::new(config, Arc::new(Calendar::nyse()), now);
    let limits = RiskLimits { fat_finger_multiple: Decimal::MAX, ..RiskLimits::bar_mode(money) };
    let setup = AccountSetup {
        account: account(),
        kind: AccountKind::Margin,
        mode: AccountMode::Paper,
        currency: Currency::USD,
        opening_cash: vec![Money::new(money, Currency::USD)],
        options_level: 4,
        capabilities: Capabilities {
            notional: true,
            order_types: OrderType::ALL.to_vec(),
            ..Capabilities::paper()
        },
        limits,
    };
    assert!(core.step(now, Input::Account(Box::new(setup))).is_empty());
    for instrument in order.subject.instruments() {
        core.step(now, Input::Instrument(Box::new(loose(instrument))));
        let price = price_of(&order, instrument);
        let mut quote = Quote::empty(instrument.clone(), now, Feed::Simulated);
        (quote.bid, quote.ask, quote.last) = (Some(price), Some(price), Some(price));
        (quote.bid_size, quote.ask_size) = (Quantity::from(100_000), Quantity::from(100_000));
        core.step(now, Input::Quote(Box::new(quote)));
    }
    core.step(now, Input::BrokerStatus { account: account(), up: true, reconciled: true });
    // What is sold is held, and what is bought back is owed.
    if order.side == Side::Sell || order.reduce_only {
        for instrument in order.subject.instruments() {
            core.step(now, Input::Broker(Box::new(AccountEvent::Execution(held(&order, instrument, now)))));
        }
    }
    let mut inputs = vec![Input::Place { request: RequestId(1), orders: vec![order.clone()] }];
    while let Some(input) = inputs.pop() {
        for effect in core.step(now, input) {
            match effect {
                Effect::Journal { ticket, .. } => inputs.push(Input::Journaled(ticket)),
                Effect::Submit { order, .. } => return *order,
                _ => {}
            }
        }
    }
    let denials = core.order(order.client_order_id).map(|order| order.denials.clone());
    panic!("risk let it not pass: {denials:?}")
}

/// A holding of what an order sells, or a debt of what it buys back.
fn held(order: &OrderRequest, instrument: &Instrument, now: jiff::Timestamp) -> Execution {
    Execution {
        execution_id: ExecutionId::new(format!("held-{instrument}")),
        account: account(),
        client_order_id: None,
        broker_order_id: None,
        instrument: instrument.clone(),
        side: if order.side.is_buy() { Side::Sell } else { Side::Buy },
        quantity: order.quantity,
        price: price_of(order, instrument),
        multiplier: InstrumentSpec::standard(instrument.clone()).multiplier,
        fee: Decimal::ZERO,
        currency: Currency::USD,
        at: now,
        kind: ExecutionKind::Trade,
    }
}

/// Terms that take every size: what is off the broker's own is for the broker's connector to refuse.
fn loose(instrument: &Instrument) -> InstrumentSpec {
    let smallest = Decimal::new(1, 12);
    let ticks = vec![TickRow { from: Price::ZERO, tick: Decimal::ZERO }];
    InstrumentSpec {
        ticks,
        quantity_increment: smallest,
        quantity_min: smallest,
        ..InstrumentSpec::standard(instrument.clone())
    }
}

/// The market that the order would be let out into: at its limit, and short of its stop. The first leg of a package is as dear as its net.
fn price_of(order: &OrderRequest, instrument: &Instrument) -> Price {
    let before_stop = |stop: Price| {
        let part = if order.side.is_buy() { Decimal::new(95, 2) } else { Decimal::new(105, 2) };
        Price::new(stop.get() * part)
    };
    let said = order.pricing.stop_price().map(before_stop).or_else(|| order.pricing.limit_price());
    if let OrderSubject::Legs(legs) = &order.subject {
        let first = legs.first().is_some_and(|leg| leg.instrument == *instrument);
        let net = said.filter(|_| first).unwrap_or_default();
        return Price::from(2) + net.abs();
    }
    match instrument {
        Instrument::Option(_) => said.unwrap_or_else(|| Price::from(2)),
        _ => said.unwrap_or_else(|| Price::from(100)),
    }
}
