//! Order classes, times in force, and what is read back.

use arbion::brokers::{AccountStream, BrokerError, SubmitOutcome};
use arbion::domain::account::{AccountKind, AccountMode};
use arbion::domain::execution::{AccountEvent, ExecutionKind, OrderEvent};
use arbion::domain::ids::{BrokerOrderId, ClientOrderId};
use arbion::domain::instrument::{AssetClass, Instrument};
use arbion::domain::money::Quantity;
use arbion::domain::option::{Leg, OptionContract};
use arbion::domain::order::{
    BracketExit, OrderHandle, OrderRequest, OrderStatus, OrderSubject, OrderType, PositionEffect, Pricing,
    Side, TimeInForce, TradingSession, Trail,
};
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::json;
use tokio::sync::mpsc;

use super::{of, subject};
use crate::approved::approve;
use crate::contract::{Subject, event_of, fills_of, handle, price};
use crate::emulators::alpaca::start;
use crate::emulators::exchange::Status;

fn limit(text: &str) -> Pricing {
    Pricing::Limit { limit_price: price(text) }
}

/// A bracket around an order at a limit, which waits or fills.
fn bracket(subject: &Subject, at: &str, profit: Option<&str>, loss: Option<&str>) -> OrderRequest {
    let exit =
        |text: &str| BracketExit { client_order_id: subject.resting().client_order_id, price: price(text) };
    OrderRequest {
        time_in_force: TimeInForce::Gtc,
        take_profit: profit.map(exit),
        stop_loss: loss.map(exit),
        ..subject.order(Side::Buy, limit(at))
    }
}

/// The broker's id of one of our orders, as the stream tells it.
async fn acknowledged(heard: &mut mpsc::Receiver<AccountStream>, id: ClientOrderId) -> BrokerOrderId {
    loop {
        let message = tokio::time::timeout(std::time::Duration::from_secs(20), heard.recv()).await;
        let AccountStream::Event(event) = message.expect("nothing comes").unwrap() else { continue };
        if let AccountEvent::Order(update) = *event
            && update.client_order_id == id
            && let OrderEvent::Acknowledged { broker_order_id } = update.event
        {
            return broker_order_id;
        }
    }
}

fn exit_handle(parent: &OrderRequest, exit: &BracketExit, id: Option<BrokerOrderId>) -> OrderHandle {
    OrderHandle {
        client_order_id: exit.client_order_id,
        broker_order_id: id,
        subject: parent.subject.clone(),
        order_type: OrderType::Limit,
        filled_quantity: Quantity::ZERO,
    }
}

#[tokio::test]
async fn a_bracket_s_exits_have_our_ids() {
    let subject = subject().await;
    let mut heard = subject.watch().await;
    let order = bracket(&subject, "101", Some("120"), Some("80"));
    let (profit, loss) = (order.take_profit.clone().unwrap(), order.stop_loss.clone().unwrap());
    let parent = subject.accepted(&order).await;
    let profit_id = acknowledged(&mut heard, profit.client_order_id).await;
    let loss_id = acknowledged(&mut heard, loss.client_order_id).await;
    assert_ne!(profit_id, loss_id);
    subject.until(&parent, OrderStatus::Filled).await;
    // What is listed says whose they are.
    let reports = subject.broker.orders().await.unwrap();
    let of = |id: ClientOrderId| reports.iter().find(|report| report.client_order_id == Some(id)).unwrap();
    assert_eq!(of(profit.client_order_id).pricing, limit("120"));
    assert_eq!(of(loss.client_order_id).pricing, Pricing::Stop { stop_price: price("80") });
    assert_eq!(of(order.client_order_id).status, OrderStatus::Filled);
    // The profit is taken: its fill is the exit's, and the other exit goes.
    let profit = exit_handle(&order, &profit, Some(profit_id));
    subject.exchange.quote("AAPL", Decimal::from(121), Decimal::from(122));
    let fills = fills_of(&mut heard, &profit, subject.quantity).await;
    assert_eq!((fills[0].side, fills[0].client_order_id), (Side::Sell, Some(profit.client_order_id)));
    let loss = exit_handle(&order, &loss, Some(loss_id));
    subject.until(&loss, OrderStatus::Canceled).await;
    assert!(subject.broker.positions().await.unwrap().is_empty());
    // The list tells the same fill of the same exit.
    let listed = subject.broker.executions(fills[0].at - SignedDuration::from_hours(1)).await.unwrap();
    assert_eq!(listed.last(), Some(&fills[0]));
}

/// A process that knows nothing of the bracket finds it, and its exits, by the ids alone.
#[tokio::test]
async fn j5_a_bracket_is_found_by_a_process_that_did_not_send_it() {
    let emulator = start(0).await;
    let first =
        super::line(&emulator).await.account("PA3TEST00001", crate::approved::account()).await.unwrap();
    let subject = of(emulator).await;
    let order = bracket(&subject, "90", Some("120"), Some("80"));
    let outcome = first.submit(approve(order.clone())).await;
    assert!(matches!(outcome, SubmitOutcome::Acknowledged(_)), "{outcome:?}");
    let found = subject.broker.order(&handle(&order, None)).await.unwrap().unwrap();
    assert_eq!(found.status, OrderStatus::Submitted);
    for exit in [order.take_profit.as_ref().unwrap(), order.stop_loss.as_ref().unwrap()] {
        let held = subject.broker.order(&exit_handle(&order, exit, None)).await.unwrap().unwrap();
        assert_eq!(held.status, OrderStatus::Submitted);
        assert_ne!(held.broker_order_id, found.broker_order_id);
    }
}

#[tokio::test]
async fn one_exit_alone_is_an_oto() {
    let subject = subject().await;
    let order = bracket(&subject, "101", None, Some("80"));
    subject.accepted(&order).await;
    let loss = exit_handle(&order, order.stop_loss.as_ref().unwrap(), None);
    subject.until(&loss, OrderStatus::Submitted).await;
    subject.exchange.quote("AAPL", Decimal::from(79), Decimal::from(80));
    subject.until(&loss, OrderStatus::Filled).await;
}

#[tokio::test]
async fn canceling_a_bracket_takes_its_exits_off() {
    let subject = subject().await;
    let order = bracket(&subject, "90", Some("120"), Some("80"));
    let parent = subject.accepted(&order).await;
    assert!(matches!(subject.broker.cancel(&parent).await, SubmitOutcome::Acknowledged(_)));
    subject.until(&parent, OrderStatus::Canceled).await;
    for exit in [order.take_profit.as_ref().unwrap(), order.stop_loss.as_ref().unwrap()] {
        subject.until(&exit_handle(&order, exit, None), OrderStatus::Canceled).await;
    }
}

#[tokio::test]
async fn an_exit_is_replaced_under_a_new_id_of_ours() {
    let subject = subject().await;
    let order = bracket(&subject, "101", Some("120"), Some("80"));
    let parent = subject.accepted(&order).await;
    subject.until(&parent, OrderStatus::Filled).await;
    let loss = exit_handle(&order, order.stop_loss.as_ref().unwrap(), None);
    subject.until(&loss, OrderStatus::Submitted).await;
    let exits = order.exit_orders();
    let old = exits.iter().find(|exit| exit.client_order_id == loss.client_order_id).unwrap();
    // Risk knows nothing of the shares that the bracket holds: as a buy it lets the change out, of which only price and id are sent.
    let new = OrderRequest {
        client_order_id: subject.resting().client_order_id,
        pricing: Pricing::Stop { stop_price: price("85") },
        side: Side::Buy,
        reduce_only: false,
        contingency: Default::default(),
        ..old.clone()
    };
    let outcome = subject.broker.replace(&loss, approve(new.clone())).await;
    assert!(matches!(outcome, SubmitOutcome::Acknowledged(_)), "{outcome:?}");
    subject.until(&handle(&new, None), OrderStatus::Submitted).await;
    let report = subject.broker.orders().await.unwrap();
    let report = report.iter().find(|report| report.client_order_id == Some(new.client_order_id)).unwrap();
    assert_eq!(report.pricing, new.pricing);
}

/// Two contracts of the emulator's list, the lower strike first.
fn contracts() -> (OptionContract, OptionContract) {
    let listed = crate::emulators::alpaca::shows::listed("AAPL");
    let of = |strike: &str| {
        let symbol = listed.iter().find(|symbol| symbol.ends_with(strike)).unwrap();
        OptionContract::from_occ(symbol).unwrap()
    };
    (of("C00100000"), of("C00105000"))
}

fn vertical(subject: &Subject, side: Side, net: &str) -> OrderRequest {
    let (low, high) = contracts();
    let (first, second) = if side.is_buy() { (Side::Buy, Side::Sell) } else { (Side::Sell, Side::Buy) };
    let leg = |side, contract: &OptionContract| Leg {
        side,
        position_effect: PositionEffect::Open,
        ratio: Decimal::ONE,
        instrument: Instrument::Option(contract.clone()),
    };
    OrderRequest {
        subject: OrderSubject::Legs(vec![leg(first, &low), leg(second, &high)]),
        quantity: Quantity::from(3),
        ..subject.order(side, limit(net))
    }
}

#[tokio::test]
async fn a_package_fills_leg_by_leg() {
    let emulator = start(0).await;
    let (low, high) = contracts();
    let symbol = |contract: &OptionContract| contract.occ_symbol().replace(' ', "");
    emulator.exchange.quote(&symbol(&low), "4.9".parse().unwrap(), "5.1".parse().unwrap());
    let subject = of(emulator).await;
    let mut heard = subject.watch().await;
    let order = vertical(&subject, Side::Buy, "3.5");
    let package = subject.accepted(&order).await;
    let mut fills = Vec::new();
    while fills.len() < 2 {
        match event_of(&mut heard, &package).await {
            OrderEvent::Filled(fill) => fills.push(fill),
            OrderEvent::Acknowledged { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    let shown: Vec<_> = fills
        .iter()
        .map(|fill| (fill.instrument.clone(), fill.side, fill.quantity, fill.price, fill.multiplier))
        .collect();
    let hundred = Decimal::ONE_HUNDRED;
    assert_eq!(
        shown,
        [
            (Instrument::Option(low), Side::Buy, Quantity::from(3), price("5.1"), hundred),
            (Instrument::Option(high), Side::Sell, Quantity::from(3), price("1.9"), hundred),
        ]
    );
    assert!(fills.iter().all(|fill| fill.client_order_id == Some(order.client_order_id)));
    assert!(fills.iter().all(|fill| fill.broker_order_id == package.broker_order_id));
    let reports = subject.broker.orders().await.unwrap();
    assert_eq!(reports.len(), 1, "legs are no orders of their own: {reports:?}");
    assert_eq!((&reports[0].subject, reports[0].side), (&order.subject, Side::Buy));
    assert_eq!(reports[0].pricing, order.pricing);
    let mut held = subject.broker.positions().await.unwrap();
    held.sort_by(|a, b| a.instrument.cmp(&b.instrument));
    assert_eq!(held.iter().map(|p| p.quantity).collect::<Vec<_>>(), [Quantity::from(3), Quantity::from(-3)]);
}

/// A credit is a negative price there and a positive one here, by whichever way it is read.
#[tokio::test]
async fn a_sold_package_comes_back_as_it_was() {
    let subject = subject().await;
    let order = vertical(&subject, Side::Sell, "9");
    let package = subject.accepted(&order).await;
    let reports = subject.broker.orders().await.unwrap();
    assert_eq!((reports[0].side, reports[0].pricing), (Side::Sell, limit("9")));
    assert_eq!(reports[0].client_order_id, Some(order.client_order_id));
    // By our id alone, of which the text on the wire says more.
    let found = subject.broker.order(&handle(&order, None)).await.unwrap().unwrap();
    assert_eq!(Some(found.broker_order_id), package.broker_order_id);
    let sent = subject.exchange.orders()[0].new.terms;
    assert_eq!(sent, crate::emulators::exchange::Terms::Limit(Decimal::from(-9)));
}

#[tokio::test]
async fn crypto_is_bought_sold_and_its_fee_taken_in_coins() {
    let emulator = start(0).await;
    let fee = json!({
        "activity_type": "CFEE", "id": "20260101000000000::fee", "date": "2026-01-01", "net_amount": "0", "symbol": "BTC/USD",
        "qty": "-0.00025", "price": "60000", "status": "executed", "created_at": "2026-11-26T00:00:00Z",
    });
    emulator.desk.state().movements.push(fee);
    let subject = of(emulator).await;
    let coin = Instrument::crypto("BTC", "USD").unwrap();
    let buy = |pricing, time_in_force, quantity: &str| OrderRequest {
        subject: OrderSubject::Instrument(coin.clone()),
        quantity: quantity.parse().unwrap(),
        time_in_force,
        ..subject.order(Side::Buy, pricing)
    };
    // A day is as long as anything for what ends at once.
    let order = buy(Pricing::Market, TimeInForce::Day, "0.1");
    let at_once = subject.accepted(&order).await;
    subject.until(&at_once, OrderStatus::Filled).await;
    let positions = subject.broker.positions().await.unwrap();
    assert_eq!((&positions[0].instrument, positions[0].quantity), (&coin, order.quantity));
    let listed = subject.broker.executions(jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(listed[0].instrument, coin);
    let fee = listed.iter().find(|row| row.kind == ExecutionKind::Fee).unwrap();
    assert_eq!((fee.side, fee.quantity, fee.price), (Side::Sell, "0.00025".parse().unwrap(), price("0")));
    for (order, said) in [
        (buy(limit("50000"), TimeInForce::Day, "0.1"), "gtc and ioc"),
        (buy(limit("50000"), TimeInForce::Gtc, "0.10005"), "multiples of 0.0001, such as 0.1"),
        (buy(limit("50000.001"), TimeInForce::Gtc, "0.1"), "multiples of 0.01, such as 50000"),
        (buy(limit("50000"), TimeInForce::Gtc, "0.0001"), "0.0002 and more at 50000"),
        (buy(Pricing::Stop { stop_price: price("70000") }, TimeInForce::Gtc, "0.1"), "stop limit"),
    ] {
        refused(&subject, &order, said).await;
    }
}

/// Refused here, with what would be taken, and nothing sent.
async fn refused(subject: &Subject, order: &OrderRequest, said: &str) {
    let before = subject.exchange.orders().len();
    let outcome = subject.submit(order).await;
    let SubmitOutcome::Rejected(reject) = outcome else { panic!("{order:?}: {outcome:?}") };
    assert_eq!(reject.code, "UNSUPPORTED");
    assert!(reject.message.contains(said), "{}", reject.message);
    assert_eq!(subject.exchange.orders().len(), before);
}

#[tokio::test]
async fn what_it_does_not_take_is_refused_with_what_it_takes() {
    let subject = subject().await;
    let order = |side, pricing| subject.order(side, pricing);
    let part = |order: OrderRequest| OrderRequest { quantity: "1.5".parse().unwrap(), ..order };
    let time = |order: OrderRequest, time_in_force| OrderRequest { time_in_force, ..order };
    let extended = |order: OrderRequest| OrderRequest { session: TradingSession::Extended, ..order };
    let stop = || Pricing::Stop { stop_price: price("110") };
    let (contract, other) = contracts();
    let option = |order: OrderRequest| OrderRequest {
        subject: OrderSubject::Instrument(Instrument::Option(contract.clone())),
        ..order
    };
    let trailing = Pricing::TrailingStop { trail: Trail::Percent(Decimal::from(2)) };
    let gtd = OrderRequest {
        expire_date: Some(jiff::civil::date(2027, 1, 15)),
        ..time(order(Side::Buy, limit("90")), TimeInForce::Gtd)
    };
    let post_only = OrderRequest { post_only: true, ..order(Side::Buy, limit("90")) };
    for (order, said) in [
        (gtd, "day, gtc, ioc, fok, opg and cls"),
        (post_only, "may take liquidity"),
        (time(order(Side::Buy, stop()), TimeInForce::Ioc), "day and gtc"),
        (time(part(order(Side::Buy, limit("90"))), TimeInForce::Gtc), "it takes day"),
        (part(order(Side::Buy, trailing)), "whole shares"),
        (
            OrderRequest { quantity: "0.1234567891".parse().unwrap(), ..order(Side::Buy, limit("90")) },
            "0.123456789",
        ),
        (extended(time(order(Side::Buy, limit("90")), TimeInForce::Ioc)), "for the day or gtc"),
        (time(option(order(Side::Buy, limit("1.5"))), TimeInForce::Gtc), "it takes day"),
        (time(bracket(&subject, "90", Some("120"), None), TimeInForce::Ioc), "day or gtc"),
        (part(time(bracket(&subject, "90", Some("120"), None), TimeInForce::Day)), "whole shares"),
    ] {
        refused(&subject, &order, said).await;
    }
    let mut uneven = vertical(&subject, Side::Buy, "3.5");
    let OrderSubject::Legs(legs) = &mut uneven.subject else { panic!("legs") };
    legs.iter_mut().for_each(|leg| leg.ratio = Decimal::TWO);
    refused(&subject, &uneven, "1:1 with 2 times the quantity").await;
    assert_ne!(contract, other);
}

#[tokio::test]
async fn every_time_in_force_that_is_claimed_works() {
    let subject = subject().await;
    for time_in_force in subject.broker.capabilities().times_in_force.clone() {
        let order = OrderRequest { time_in_force, ..subject.resting() };
        subject.accepted(&order).await;
        let reports = subject.broker.orders().await.unwrap();
        let report = reports.iter().find(|report| report.client_order_id == Some(order.client_order_id));
        assert_eq!(report.unwrap().time_in_force, time_in_force);
    }
}

#[tokio::test]
async fn parts_of_shares_extended_hours_and_short_sales() {
    let subject = subject().await;
    let part =
        OrderRequest { quantity: "0.123456789".parse().unwrap(), ..subject.order(Side::Buy, limit("101")) };
    let part = subject.accepted(&part).await;
    subject.until(&part, OrderStatus::Filled).await;
    let extended = OrderRequest { session: TradingSession::Extended, ..subject.resting() };
    subject.accepted(&extended).await;
    assert_eq!(subject.exchange.orders()[1].new.wire["extended"], true);
    let share = Instrument::equity("F").unwrap();
    let short = OrderRequest {
        subject: OrderSubject::Instrument(share.clone()),
        ..subject.order(Side::SellShort, limit("99"))
    };
    let short = subject.accepted(&short).await;
    subject.until(&short, OrderStatus::Filled).await;
    let held = subject.broker.positions().await.unwrap();
    let held = held.iter().find(|position| position.instrument == share).unwrap();
    assert_eq!(held.quantity, Quantity::from(-12));
    assert_eq!(subject.exchange.orders()[2].new.wire["intent"], "sell_to_open");
}

/// Another type is another order.
#[tokio::test]
async fn a_replace_does_not_change_the_type() {
    let subject = subject().await;
    let other = OrderRequest { pricing: Pricing::Market, ..subject.resting() };
    let fresh = subject.accepted(&subject.resting()).await;
    let outcome = subject.broker.replace(&fresh, approve(other)).await;
    assert!(
        matches!(&outcome, SubmitOutcome::Rejected(r) if r.message.contains("order type")),
        "{outcome:?}"
    );
}

/// It filled in part while the replace was on its way: the broker's count goes on, ours begins anew.
#[tokio::test]
async fn a_replacement_does_not_count_what_the_old_order_filled() {
    let subject = subject().await;
    let old = subject.resting();
    let old_handle = subject.accepted(&old).await;
    let new =
        OrderRequest { client_order_id: subject.resting().client_order_id, pricing: limit("91"), ..old };
    subject.broker.replace(&old_handle, approve(new.clone())).await;
    // As if the fill had come before the replace took hold.
    subject.exchange.fill(2, Decimal::from(5), Decimal::from(91)).unwrap();
    let found = subject.broker.order(&handle(&new, None)).await.unwrap().unwrap();
    assert_eq!(found.filled_quantity, Quantity::from(5));
}

#[tokio::test]
async fn the_account_is_as_it_says() {
    let emulator = start(0).await;
    let line = super::line(&emulator).await;
    let summaries = line.accounts().await.unwrap();
    assert_eq!((summaries[0].last_four.as_str(), summaries[0].kind.as_str()), ("0001", "margin"));
    assert_eq!(summaries[0].trading, Ok(()));
    emulator.exchange.hold("AAPL", Decimal::TEN, Decimal::from(90));
    let subject = of(emulator).await;
    let account = subject.broker.account().await.unwrap();
    assert_eq!((account.kind, account.mode), (AccountKind::Margin, AccountMode::Paper));
    assert_eq!((account.cash, account.net_liquidation), (Decimal::from(100_000), Decimal::from(101_000)));
    assert_eq!((account.day_pnl, account.unrealized_pnl), (Decimal::from(1_000), Decimal::from(100)));
    assert_eq!((account.buying_power, account.options_level), (Decimal::from(200_000), 3));
    let can = subject.broker.capabilities();
    assert_eq!(can.asset_classes, [AssetClass::Equity, AssetClass::Option, AssetClass::Crypto]);
    assert!(can.multi_leg && can.short_sales && can.streaming && !can.preview);
}

/// A later account says less: fields that were taken away, and what is in the way of trading.
#[tokio::test]
async fn an_account_that_may_not_trade_says_why() {
    for (field, value, said) in [
        ("trading_blocked", json!(true), "trading is blocked"),
        ("account_blocked", json!(true), "the account is blocked"),
        ("trade_suspended_by_user", json!(true), "suspended"),
        ("status", json!("ONBOARDING"), "ONBOARDING"),
    ] {
        let emulator = start(0).await;
        emulator.desk.state().account.insert(field.to_owned(), value);
        let summary = super::line(&emulator).await.accounts().await.unwrap().remove(0);
        assert!(summary.trading.unwrap_err().contains(said));
    }
    let emulator = start(0).await;
    for gone in ["options_trading_level", "crypto_status", "multiplier", "last_equity", "accrued_fees"] {
        emulator.desk.state().account.insert(gone.to_owned(), json!(null));
    }
    let subject = of(emulator).await;
    let account = subject.broker.account().await.unwrap();
    assert_eq!((account.options_level, account.day_pnl), (0, Decimal::ZERO));
    assert_eq!(subject.broker.capabilities().asset_classes, [AssetClass::Equity]);
}

#[tokio::test]
async fn terms_come_from_the_broker() {
    let subject = subject().await;
    let spec = |instrument: Instrument| {
        let broker = std::sync::Arc::clone(&subject.broker);
        async move { broker.spec(&instrument).await }
    };
    let whole = spec(Instrument::equity("WHOLE").unwrap()).await.unwrap();
    assert_eq!(whole.quantity_increment, Decimal::ONE);
    let hard = spec(Instrument::equity("HTB").unwrap()).await.unwrap();
    assert!(hard.shortable && !hard.easy_to_borrow);
    let option = spec(Instrument::Option(contracts().0)).await.unwrap();
    assert_eq!(
        (option.tick_at(price("2")), option.tick_at(price("4"))),
        (Decimal::new(1, 2), Decimal::new(5, 2))
    );
    let error = spec(Instrument::equity("NOPE").unwrap()).await.unwrap_err();
    assert!(matches!(error, BrokerError::NotFound { .. }), "{error}");
    // The terms are known now, and a size off the increment goes nowhere.
    let part = OrderRequest {
        subject: OrderSubject::Instrument(Instrument::equity("WHOLE").unwrap()),
        quantity: "1.5".parse().unwrap(),
        ..subject.resting()
    };
    refused(&subject, &part, "multiples of 1, such as 1").await;
}

#[tokio::test]
async fn an_oco_of_another_program_is_shown_whole() {
    let emulator = start(0).await;
    emulator.exchange.hold("AAPL", Decimal::TEN, Decimal::from(90));
    let body = json!({
        "symbol": "AAPL", "qty": 10, "side": "sell", "type": "limit", "time_in_force": "gtc", "order_class": "oco",
        "take_profit": { "limit_price": "120" }, "stop_loss": { "stop_price": "80" },
    });
    assert!(emulator.desk.enter(&body).is_ok());
    let subject = of(emulator).await;
    let reports = subject.broker.orders().await.unwrap();
    let shown: Vec<_> =
        reports.iter().map(|report| (report.side, report.pricing, report.client_order_id)).collect();
    assert!(shown.contains(&(Side::Sell, limit("120"), None)), "{shown:?}");
    assert!(shown.contains(&(Side::Sell, Pricing::Stop { stop_price: price("80") }, None)), "{shown:?}");
    subject.exchange.quote("AAPL", Decimal::from(121), Decimal::from(122));
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(subject.exchange.orders().iter().all(|order| order.status != Status::Working));
}
