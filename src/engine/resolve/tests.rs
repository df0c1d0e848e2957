//! What a command comes to as an order.

use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::core::engine::{EngineConfig, Records};
use crate::core::input::{AccountSetup, Input};
use crate::domain::account::{AccountKind, AccountMode};
use crate::domain::calendar::Calendar;
use crate::domain::capabilities::Capabilities;
use crate::domain::execution::{AccountEvent, Execution, ExecutionKind};
use crate::domain::fees::FeeTable;
use crate::domain::ids::ExecutionId;
use crate::domain::limits::RiskLimits;
use crate::domain::money::{Currency, Money};
use crate::domain::quote::Feed;

/// An account that holds so many units of one instrument.
fn holding(instrument: &Instrument, units: i64) -> Engine {
    let now: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
    let account = AccountId::new("paper");
    let config = EngineConfig {
        profile: "test".into(),
        default_account: account.clone(),
        feed: Feed::Simulated,
        seed: 1,
        bar_mode: false,
        never_closed: true,
        fees: FeeTable::default(),
        records: Records::All,
    };
    let mut core = Engine::new(config, Arc::new(Calendar::nyse()), now);
    let cash = Decimal::from(100_000);
    let setup = AccountSetup {
        account: account.clone(),
        kind: AccountKind::Margin,
        mode: AccountMode::Paper,
        currency: Currency::USD,
        opening_cash: vec![Money::usd(cash)],
        options_level: 3,
        capabilities: Capabilities::paper(),
        limits: RiskLimits::bar_mode(cash),
    };
    drop(core.step(now, Input::Account(Box::new(setup))));
    let execution = Execution {
        execution_id: ExecutionId::new("x1"),
        account,
        client_order_id: None,
        broker_order_id: None,
        instrument: instrument.clone(),
        side: if units > 0 { Side::Buy } else { Side::SellShort },
        quantity: Quantity::from(units).abs(),
        price: Price::from(2),
        multiplier: Decimal::ONE,
        fee: Decimal::ZERO,
        currency: Currency::USD,
        at: now,
        kind: ExecutionKind::Trade,
    };
    drop(core.step(now, Input::Broker(Box::new(AccountEvent::Execution(execution)))));
    core
}

/// A broker that is told to buy an option opens a position unless it hears that this one closes.
#[test]
fn what_closes_says_so_on_its_own_side() {
    let call = "AAPL  261218C00110000";
    for (key, units, side, effect) in [
        ("AAPL", 10, Side::Sell, None),
        ("AAPL", -10, Side::BuyToCover, None),
        (call, 2, Side::Sell, Some(PositionEffect::Close)),
        (call, -2, Side::Buy, Some(PositionEffect::Close)),
        ("BTC-USD", 3, Side::Sell, None),
    ] {
        let instrument = Instrument::from_key(key).unwrap();
        let mut core = holding(&instrument, units);
        let asker =
            Asker { origin: OriginKind::Cli, account: AccountId::new("paper"), allow_duplicate: false };
        let command = Close {
            instrument,
            quantity: None,
            percent_of_position: None,
            terms: PriceTerms::market(TimeInForce::Day),
        };
        let order = super::close(&mut core, &command, &asker).unwrap();
        assert_eq!((order.side, order.position_effect), (side, effect), "{units} {key}");
        assert_eq!((order.quantity, order.reduce_only), (Quantity::from(units).abs(), true), "{units} {key}");
    }
}
