//! What an account's [`Capabilities`](arbion::domain::capabilities::Capabilities) say is what it does: what is claimed works, and what is not is
//! refused before anything is sent, with what is taken in its place.

use arbion::brokers::{BrokerError, SubmitOutcome};
use arbion::domain::execution::{Execution, Reject};
use arbion::domain::instrument::AssetClass;
use arbion::domain::money::{Price, Quantity};
use arbion::domain::order::{
    BracketExit, OrderHandle, OrderRequest, OrderStatus, Pricing, Side, TimeInForce,
};
use arbion::domain::statement::OrderReport;

use super::{Desk, Subject, an_hour_ago, fills_of, handle, price};
use crate::approved::approve;
use crate::emulators::faults::Fault;

const TIMES: [TimeInForce; 7] = [
    TimeInForce::Day,
    TimeInForce::Gtc,
    TimeInForce::Ioc,
    TimeInForce::Fok,
    TimeInForce::Opg,
    TimeInForce::Cls,
    TimeInForce::Gtd,
];

fn limit(text: &str) -> Pricing {
    Pricing::Limit { limit_price: price(text) }
}

fn lasting(desk: &Desk, time_in_force: TimeInForce, at: &str) -> OrderRequest {
    let today = arbion::brokers::clock::wall().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    let last = today.checked_add(jiff::Span::new().days(14)).unwrap();
    OrderRequest {
        time_in_force,
        expire_date: (time_in_force == TimeInForce::Gtd).then_some(last),
        ..desk.order(Side::Buy, limit(at))
    }
}

async fn listed(desk: &Desk, order: &OrderHandle) -> Option<OrderReport> {
    let reports = desk.broker.orders().await.unwrap();
    reports.into_iter().find(|report| Some(&report.broker_order_id) == order.broker_order_id.as_ref())
}

/// Refused here, before anything of it left.
async fn unsupported(desk: &Desk, order: &OrderRequest) -> Reject {
    let before = desk.books.entered().await;
    let outcome = desk.submit(order).await;
    let SubmitOutcome::Rejected(reject) = outcome else { panic!("{order:?}: {outcome:?}") };
    assert!(reject.code == "UNSUPPORTED" && reject.message.contains("takes"), "{reject:?}");
    assert_eq!(desk.books.entered().await, before, "{reject:?}");
    reject
}

/// Every time in force that is claimed is kept: what may wait waits and says how long, what may not fills at once or ends with nothing.
pub async fn every_time_in_force_that_is_claimed_works(desk: &Desk) {
    use TimeInForce::{Cls, Day, Fok, Gtd, Ioc, Opg};
    for time in desk.broker.capabilities().times_in_force.clone() {
        let order = lasting(desk, time, "90");
        let outcome = desk.submit(&order).await;
        if matches!(time, Ioc | Fok) {
            match outcome {
                // It met nothing: said at once by some, by the order's end at others.
                SubmitOutcome::Rejected(reject) => {
                    assert_ne!(reject.code, "UNSUPPORTED", "{time}: {reject:?}");
                }
                SubmitOutcome::Acknowledged(id) => {
                    let known = handle(&order, Some(id));
                    desk.until(&known, OrderStatus::Canceled).await;
                    let found = desk.broker.order(&known).await.unwrap().unwrap();
                    assert_eq!(found.filled_quantity, Quantity::ZERO, "{time}");
                }
                other => panic!("{time}: {other:?}"),
            }
            let known = desk.accepted(&lasting(desk, time, "101")).await;
            desk.until(&known, OrderStatus::Filled).await;
            continue;
        }
        let SubmitOutcome::Acknowledged(id) = outcome else { panic!("{time}: {outcome:?}") };
        let known = handle(&order, Some(id));
        let report = listed(desk, &known).await.unwrap_or_else(|| panic!("{time}: it is listed"));
        assert!(!report.status.is_terminal() && report.pricing == order.pricing, "{time}: {report:?}");
        let shown = report.time_in_force;
        // A day is an end like another where the market has none.
        assert!(shown == time || (time, shown) == (Day, Gtd), "{time} is shown as {shown}");
        assert!(!matches!(time, Opg | Cls) || report.filled_quantity.is_zero(), "{time}");
        desk.broker.cancel_all().await.unwrap();
        desk.until(&known, OrderStatus::Canceled).await;
    }
}

/// Every other one is refused.
pub async fn every_time_in_force_that_it_lacks_is_refused(desk: &Desk) {
    let takes = desk.broker.capabilities().times_in_force.clone();
    for time in TIMES.into_iter().filter(|time| !takes.contains(time)) {
        unsupported(desk, &lasting(desk, time, "90")).await;
    }
}

fn bracketed(desk: &Desk, side: Side, at: &str, exits: [&str; 2]) -> OrderRequest {
    let exit = |at: &str| {
        let client_order_id = desk.resting().client_order_id;
        Some(BracketExit { client_order_id, price: price(at) })
    };
    OrderRequest { take_profit: exit(exits[0]), stop_loss: exit(exits[1]), ..desk.order(side, limit(at)) }
}

/// A bracket is one order with two exits that wait for it: once it has filled they work, each by our own id of it, and go together.
pub async fn a_bracket_is_held_there_or_refused(desk: &Desk) {
    let order = bracketed(desk, Side::Buy, "101", ["120", "80"]);
    if !desk.broker.capabilities().bracket {
        unsupported(desk, &order).await;
        return;
    }
    let entry = desk.accepted(&order).await;
    desk.until(&entry, OrderStatus::Filled).await;
    let exits = order.exit_orders();
    let deadline = tokio::time::Instant::now() + super::desk::PATIENCE;
    let working = loop {
        let reports = desk.broker.orders().await.unwrap();
        let of = |exit: &OrderRequest| {
            let ours = |report: &&OrderReport| report.client_order_id == Some(exit.client_order_id);
            reports.iter().find(ours).filter(|report| !report.status.is_terminal()).cloned()
        };
        if let [Some(profit), Some(loss)] = [of(&exits[0]), of(&exits[1])] {
            break [profit, loss];
        }
        assert!(tokio::time::Instant::now() < deadline, "its exits do not work: {reports:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    for (exit, report) in exits.iter().zip(&working) {
        assert_eq!((report.side, report.quantity), (exit.side, desk.quantity), "{report:?}");
        assert_eq!(report.pricing, exit.pricing);
    }
    desk.broker.cancel_all().await.unwrap();
    for (exit, report) in exits.iter().zip(&working) {
        desk.until(&handle(exit, Some(report.broker_order_id.clone())), OrderStatus::Canceled).await;
    }
}

/// What is sold short is said to be, where it can be.
pub async fn a_short_sale_is_one_or_refused(desk: &Desk) {
    let claimed = desk.broker.capabilities().short_sales;
    if desk.instrument.asset_class() == AssetClass::Crypto {
        // Risk lets nobody sell coins short, so that none of it comes here.
        assert!(!claimed);
        return;
    }
    let order = desk.order(Side::SellShort, limit("110"));
    if !claimed {
        unsupported(desk, &order).await;
        return;
    }
    let known = desk.accepted(&order).await;
    let report = listed(desk, &known).await.expect("it is listed");
    assert!(!report.side.is_buy() && !report.status.is_terminal(), "{report:?}");
    if desk.instrument.asset_class() == AssetClass::Equity && desk.broker.capabilities().one_effect {
        assert_eq!(report.side, Side::SellShort);
    }
}

/// A preview says what an order would cost where that is claimed, and nowhere makes one.
pub async fn a_preview_is_no_order(desk: &Desk) {
    let claimed = desk.broker.capabilities().preview;
    let shown = desk.broker.preview(&desk.resting()).await.unwrap();
    assert_eq!(shown.is_some(), claimed, "{shown:?}");
    if let Some(shown) = shown {
        let costs = desk.quantity.get() * price("90").get();
        match shown.cash {
            Some(cash) => assert!(cash.amount == -costs, "{cash:?} in place of -{costs}"),
            // Of those margin is held, and no cash taken.
            None => assert_eq!(desk.instrument.asset_class(), AssetClass::Perpetual),
        }
        if let Some(fee) = shown.fee {
            assert!(fee.amount.abs() < costs / rust_decimal::Decimal::TEN, "{fee:?} of {costs}");
        }
    }
    assert_eq!(desk.books.entered().await, 0);
}

/// What an instrument's terms allow is taken.
pub async fn the_terms_of_an_instrument_are_true(desk: &Desk) {
    let spec = desk.broker.spec(&desk.instrument).await.unwrap();
    assert_eq!(spec.instrument, desk.instrument);
    assert!(spec.tradable && spec.quantity_increment.is_sign_positive(), "{spec:?}");
    let fits = |size: Quantity, step: rust_decimal::Decimal| (size.get() % step).is_zero();
    assert!(fits(desk.quantity, spec.quantity_increment), "{spec:?}");
    let least = Quantity::new(spec.quantity_increment);
    // The smallest step of price and size beside an order that is taken.
    let tick = spec.tick_at(price("90"));
    let order = OrderRequest {
        quantity: desk.quantity + least,
        pricing: Pricing::Limit { limit_price: price("90") + Price::new(tick) },
        ..desk.resting()
    };
    let known = desk.accepted(&order).await;
    let report = listed(desk, &known).await.expect("it is listed");
    assert_eq!((report.quantity, report.pricing), (order.quantity, order.pricing));
}

/// R7: what fills while nobody listens is found by asking once somebody does again, and what was told before is not another fill.
pub async fn r7_a_fill_that_nobody_heard_is_found(desk: &Desk) {
    desk.books.freeze().await;
    let part = (desk.quantity.get() / rust_decimal::Decimal::from(4)).normalize();
    let known = {
        let mut heard = desk.watch().await;
        let known = desk.accepted(&desk.order(Side::Buy, limit("101"))).await;
        desk.books.fill(part, rust_decimal::Decimal::ONE_HUNDRED).await;
        let told = fills_of(&mut heard, &known, Quantity::new(part)).await;
        assert_eq!(told.len(), 1);
        known
    };
    desk.books.fill(part, rust_decimal::Decimal::ONE_HUNDRED).await;
    let mut heard = desk.watch().await;
    let both = Quantity::new(part + part);
    let deadline = tokio::time::Instant::now() + super::desk::PATIENCE;
    let found: Vec<Execution> = loop {
        let all = desk.broker.executions(an_hour_ago()).await.unwrap();
        let units: rust_decimal::Decimal = all.iter().map(|fill| fill.quantity.get()).sum();
        if units >= both.get() {
            break all;
        }
        assert!(tokio::time::Instant::now() < deadline, "{all:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let mut ids: Vec<_> = found.iter().map(|fill| fill.execution_id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), found.len()), (2, 2), "{found:?}");
    // Whoever listens again hears what comes, under an id that none before had.
    desk.books.fill(part, rust_decimal::Decimal::ONE_HUNDRED).await;
    loop {
        let told = fills_of(&mut heard, &known, Quantity::new(part)).await;
        // Some tell what they cannot know to have been heard, by the ids that it had.
        if told.iter().any(|fill| !ids.contains(&fill.execution_id)) {
            break;
        }
    }
}

/// O: a login that is not taken any more is told as one: the order was not carried out, a read is no empty list, and both go well again after.
pub async fn a_login_that_is_refused_is_no_unknown(subject: &Subject) {
    let (method, path) = subject.submit;
    subject.faults.times(4, method, path, Fault::answer(401, "{}"));
    let outcome = subject.desk.submit(&subject.resting()).await;
    subject.faults.clear();
    let SubmitOutcome::Rejected(reject) = outcome else { panic!("{outcome:?}") };
    assert!(reject.message.contains("login"), "{reject:?}");
    assert!(subject.exchange.orders().is_empty());
    let (method, path) = subject.read;
    subject.faults.times(4, method, path, Fault::answer(401, "{}"));
    let error = subject.broker.orders().await.expect_err("no list");
    assert!(matches!(error, BrokerError::Unauthorized { .. }), "{error}");
    subject.faults.clear();
    // The same line goes on once the login is taken again.
    let known = subject.accepted(&subject.resting()).await;
    assert!(listed(subject, &known).await.is_some());
}

/// What ended is not ended again: its cancel is refused, and a replace of it makes nothing.
pub async fn what_has_been_canceled_stays_so(desk: &Desk) {
    let order = desk.resting();
    let known = desk.accepted(&order).await;
    assert!(matches!(desk.broker.cancel(&known).await, SubmitOutcome::Acknowledged(_)));
    desk.until(&known, OrderStatus::Canceled).await;
    // Some take a second cancel as done, none as something else.
    let again = desk.broker.cancel(&known).await;
    assert!(matches!(again, SubmitOutcome::Rejected(_) | SubmitOutcome::Acknowledged(_)), "{again:?}");
    if desk.broker.capabilities().replace {
        let new = OrderRequest { client_order_id: desk.resting().client_order_id, ..order };
        let outcome = desk.broker.replace(&known, approve(new)).await;
        assert!(matches!(outcome, SubmitOutcome::Rejected(_)), "{outcome:?}");
    }
    desk.until(&known, OrderStatus::Canceled).await;
    assert_eq!(desk.books.working().await, 0);
}
