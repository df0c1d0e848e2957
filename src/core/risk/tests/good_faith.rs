//! Good-faith violations of cash accounts, as the ticket says them.

use super::case::*;
use super::table::Table;

/// Selling what unsettled money bought is let through and said: the third within a year restricts the account.
pub(super) fn violations(t: &mut Table) {
    let bought = |c: &mut Case, v: &str| {
        c.books = Case::books(AccountKind::Cash, 2);
        c.hold("AAPL", "10");
        let mut rule = GoodFaith::default();
        let mut fill = |day: &str, side: Side, held: i64, settles: Option<&str>| {
            let execution =
                Execution { side, at: format!("{day}T15:00:00Z").parse().unwrap(), ..fill_of("AAPL") };
            rule.record(&execution, Quantity::from(held), settles.map(|day| day.parse().unwrap()));
        };
        // Two violations, of which the earlier one is older than a year.
        fill("2025-11-20", Side::Buy, 0, Some("2025-11-21"));
        fill("2025-11-20", Side::Sell, 10, None);
        fill("2026-11-19", Side::Buy, 0, Some("2026-11-20"));
        fill("2026-11-19", Side::Sell, 10, None);
        fill(
            "2026-11-24",
            Side::Buy,
            0,
            (v != "settled").then_some(if v == "due" { "2026-11-24" } else { "2026-11-25" }),
        );
        c.good_faith = Some(rule);
        let side = if v == "buying" { Side::Buy } else { Side::Sell };
        c.ask(side, "AAPL", "10", limit("100"));
    };
    t.check(
        Code::DayTrade,
        "selling what was bought today with money that is",
        bought,
        &[
            ("unsettled", Pass, "good_faith_violation=2 within 12 months: its money settles on 2026-11-25"),
            ("due", Skip, ""),
            ("settled", Skip, ""),
            ("buying", Skip, ""),
        ],
    );
}

fn fill_of(key: &str) -> Execution {
    Execution {
        execution_id: ExecutionId::new("x"),
        account: crate::domain::ids::AccountId::new("paper"),
        client_order_id: None,
        broker_order_id: None,
        instrument: instrument(key),
        side: Side::Buy,
        quantity: Quantity::from(10),
        price: p("100"),
        multiplier: Decimal::ONE,
        fee: Decimal::ZERO,
        currency: Currency::USD,
        at: now(),
        kind: ExecutionKind::Trade,
    }
}
