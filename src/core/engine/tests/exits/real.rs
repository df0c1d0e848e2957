//! Exit plans over real money: carried out whatever plain commands mean, and not at the price of a split.

use super::*;

/// Ten shares of real money.
fn real() -> Desk {
    let mut desk = Desk::new();
    desk.feed = Feed::RealTime;
    let live = AccountSetup { mode: AccountMode::Live, ..desk.rig.engine.accounts[&paper()].setup.clone() };
    let volume = Decimal::from(1_000_000);
    desk.step(Input::AverageVolume { instrument: aapl(), volume });
    desk.step(Input::Account(Box::new(live)));
    desk.step(Input::BrokerStatus { account: paper(), up: true, reconciled: true });
    desk.quote("100");
    desk.trade(Side::Buy, 10);
    let why: Vec<_> = desk.disk.orders.values().flat_map(|order| order.denials.clone()).collect();
    assert_eq!((desk.held(), why), (10, Vec::new()));
    desk
}

/// The broker shows so many shares, asked now.
fn shows(desk: &mut Desk, units: i64) {
    desk.rig.now += SignedDuration::from_secs(6);
    let mut positions = desk.venue.positions();
    positions.iter_mut().for_each(|position| position.quantity = units.into());
    let statement = Statement {
        orders: Some(Vec::new()),
        executions: Some(Vec::new()),
        movements: Some(Vec::new()),
        positions: Some(positions),
        ..Statement::asked(paper(), ReconcileReason::Doubt, desk.rig.now)
    };
    desk.step(Input::Broker(Box::new(AccountEvent::Statement(Box::new(statement)))));
}

/// A price that a split would explain: real money asks its broker before it sells at half, and gives the plan up where the position is another.
#[test]
fn real_money_does_not_sell_at_the_price_of_a_split() {
    let doubted = |plan: ExitPlan, price: &str| {
        let mut desk = real();
        desk.set(plan);
        for _ in 0..6 {
            desk.quote(price);
        }
        assert_eq!((desk.held(), desk.rig.said("EXIT_DOUBTED")), (10, 1), "{price}");
        assert_eq!(desk.state(), Some(ExitState::Armed));
        desk
    };
    // It was no split.
    let mut desk = doubted(stop("5%"), "50");
    shows(&mut desk, 10);
    desk.quote("50");
    desk.quote("50");
    assert_eq!((desk.held(), desk.group()), (0, None));
    // It was one: twice as many at half the price, or a tenth of them at ten times.
    for (plan, price, units) in [(stop("5%"), "50", 20), (take(&["10%"]), "1000", 1)] {
        let mut desk = doubted(plan, price);
        for _ in 0..3 {
            shows(&mut desk, units);
            desk.quote(price);
            desk.quote(price);
        }
        assert_eq!((desk.held(), desk.group()), (units, None), "{price}");
        assert!(desk.rang.iter().any(|line| line.contains("its exit plan is taken off")), "{:?}", desk.rang);
    }
    // It came back before anybody answered.
    let mut desk = doubted(stop("5%"), "50");
    desk.quote("99");
    for _ in 0..2 {
        desk.quote("94");
    }
    assert_eq!((desk.held(), desk.group()), (0, None), "94 is an ordinary price");
}

#[test]
fn a_plan_for_real_money_is_carried_out_though_plain_commands_mean_paper() {
    let mut desk = real();
    desk.set(stop("5%"));
    let request = OrderRequest {
        reduce_only: true,
        origin: Origin { kind: OriginKind::Exit, name: None },
        pricing: Pricing::Market,
        ..desk.rig.order(Side::Sell, 10)
    };
    desk.rig.engine.config.default_account = AccountId::new("other");
    let denied = |desk: &Desk, request: &OrderRequest| {
        let result = desk.rig.engine.check(request).result;
        result.err().unwrap_or_default().iter().any(|denial| denial.code == DenialCode::NotAuthorised)
    };
    assert!(!denied(&desk, &request));
    assert!(denied(&desk, &OrderRequest { reduce_only: false, ..request.clone() }));
    let by_strategy = Origin { kind: OriginKind::Exit, name: Some("x".into()) };
    assert!(denied(&desk, &OrderRequest { origin: by_strategy, ..request }));
    for _ in 0..2 {
        desk.quote("94");
    }
    assert_eq!((desk.held(), desk.group()), (0, None));
}
