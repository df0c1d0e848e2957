//! What the broker holds against what the books hold: rows of rule R4.

use super::rig::*;

impl Rig {
    /// The broker shows so many shares and nothing else, and the same 5 s later.
    fn shown(&mut self, quantity: i64) -> Effects {
        let mut effects = self.statement(Vec::new(), Vec::new(), quantity);
        self.now += SignedDuration::from_secs(5);
        effects.extend(self.statement(Vec::new(), Vec::new(), quantity));
        self.now += SignedDuration::from_secs(1);
        effects
    }

    /// So many shares bought (or sold), a minute ago.
    fn holding(quantity: i64) -> Self {
        let mut rig = Self::new();
        if quantity != 0 {
            let side = if quantity > 0 { Side::Buy } else { Side::SellShort };
            let id = rig.sent(side, quantity.abs());
            rig.report(id, acknowledged());
            rig.report(id, fill(id, "held", side, quantity.abs(), "100"));
        }
        rig.now += SignedDuration::from_mins(1);
        rig.quote("100");
        rig
    }

    /// Is an order of this origin let out.
    fn lets_out(&mut self, kind: OriginKind, side: Side, quantity: i64) -> bool {
        self.now += SignedDuration::from_secs(5);
        let mut order = self.order(side, quantity);
        order.origin = Origin { kind, name: Some("x".into()) };
        let id = order.client_order_id;
        self.place(vec![order]);
        let denials = &self.engine.order(id).unwrap().denials;
        !denials.iter().any(|denial| denial.code == DenialCode::AccountUnreconciled)
    }
}

/// Where no broker is asked prices may be simulated: what is held for real money is worth what it last was.
#[test]
fn real_money_is_not_valued_by_simulated_prices() {
    let mut rig = Rig::holding(10);
    let worth = |rig: &Rig| rig.engine.positions(&paper())[0].market_value.unwrap().normalize();
    rig.quote("110");
    assert_eq!(worth(&rig), Decimal::from(1_100), "paper goes by the market there is");
    rig.engine.accounts.get_mut(&paper()).unwrap().setup.mode = AccountMode::Live;
    rig.quote("252");
    assert_eq!(worth(&rig), Decimal::from(1_100));
    rig.later(1);
    let mut quote = Quote::empty(aapl(), rig.now, Feed::RealTime);
    (quote.bid, quote.ask) = ("120".parse().ok(), "120".parse().ok());
    rig.step(Input::Quote(Box::new(quote)));
    assert_eq!(worth(&rig), Decimal::from(1_200));
}

/// Held here, shown there, is it said, and does automation stop: 100 shares at 100 are a tenth of the account.
#[test]
fn r4_a_position_that_no_execution_explains_is_adjusted_and_said() {
    for (held, shown, adjusted, pauses) in [
        (100, 100, false, false),
        (0, 0, false, false),
        (100, 110, true, false),
        (100, 90, true, false),
        (0, 100, true, false),
        (0, 101, true, true),
        (99, 0, true, false),
        // Its fee has taken the account below 100,000.
        (100, 0, true, true),
        (150, 0, true, true),
        (10, -1, true, true),
        (-10, 1, true, true),
        (-10, -30, true, false),
    ] {
        let what = format!("{held} held, {shown} shown");
        let mut rig = Rig::holding(held);
        let before = rig.engine.account(&paper()).unwrap();
        let effects = rig.shown(shown);
        assert_eq!(rig.engine.held(&paper(), &aapl()), Quantity::from(shown), "{what}");
        assert_eq!(rig.said("POSITION_ADJUSTED"), usize::from(adjusted), "{what}");
        assert_eq!(rig.said("AUTOMATION_PAUSED"), usize::from(pauses), "{what}");
        let state = if pauses { TradingState::Halted } else { TradingState::Active };
        assert_eq!(rig.engine.trading_state(), state, "{what}");
        let after = rig.engine.account(&paper()).unwrap();
        // No cash moves, and it is no gain or loss of the day.
        assert_eq!((after.cash, after.day_pnl), (before.cash, before.day_pnl), "{what}");
        let journalled = effects.iter().any(|effect| match effect {
            Effect::Journal { entry, .. } => {
                entry.executions.iter().any(|b| b.execution.kind == ExecutionKind::Adjustment)
                    && entry.paused.is_some() == pauses
            }
            _ => false,
        });
        assert_eq!(journalled, adjusted, "{what}");
        // The same report again changes nothing (R5).
        rig.shown(shown);
        assert_eq!(rig.said("POSITION_ADJUSTED"), usize::from(adjusted), "{what}");
    }
}

/// Nothing is concluded of what may still be explained by a fill of just now, nor of what was shown once.
#[test]
fn r3_a_young_difference_is_left_alone() {
    for (seconds, adjusted) in [(4, 0), (5, 1)] {
        let mut rig = Rig::holding(100);
        let id = rig.sent(Side::Buy, 10);
        rig.report(id, acknowledged());
        rig.report(id, fill(id, "late", Side::Buy, 10, "100"));
        rig.now += SignedDuration::from_secs(seconds);
        rig.shown(100);
        assert_eq!(rig.said("POSITION_ADJUSTED"), adjusted, "{seconds} s");
    }
}

/// Until a person accepts it automation opens nothing, in this process or the next; closing and people are not held up by it.
#[test]
fn r4_automation_waits_until_a_person_accepts() {
    let mut rig = Rig::holding(100);
    let effects = rig.shown(-10);
    let paused = effects.into_iter().find_map(|effect| match effect {
        Effect::Journal { entry, .. } => entry.paused,
        _ => None,
    });
    let paused = paused.unwrap();
    for again in [false, true] {
        if again {
            rig = Rig::new();
            rig.step(Input::Restored(Box::new(Restored { paused: paused.clone(), ..Restored::default() })));
        } else {
            // The switch that it tripped is a matter of its own here.
            rig.engine.trading_state = TradingState::Active;
        }
        assert!(!rig.lets_out(OriginKind::Strategy, Side::SellShort, 1), "again: {again}");
        assert!(!rig.lets_out(OriginKind::Agent, Side::SellShort, 2), "again: {again}");
        assert!(rig.lets_out(OriginKind::Cli, Side::SellShort, 3), "again: {again}");
        if !again {
            assert!(rig.lets_out(OriginKind::Strategy, Side::BuyToCover, 4), "it only closes");
        }
        let effects = rig.step(Input::Resume { request: RequestId(99) });
        let accepted = effects.iter().any(|effect| match effect {
            Effect::Journal { entry, .. } => entry.paused == Some(Vec::new()),
            _ => false,
        });
        assert!(accepted, "again: {again}");
        assert_eq!(rig.said("POSITIONS_ACCEPTED"), 1);
        rig.quote("100");
        assert!(rig.lets_out(OriginKind::Strategy, Side::SellShort, 5), "again: {again}");
    }
}

/// One instrument in two rows, by lot or by kind of account, is one position.
#[test]
fn r4_rows_of_one_instrument_add_up() {
    for (held, adjusted) in [(10, 0), (0, 1)] {
        let mut rig = Rig::holding(held);
        for _ in 0..2 {
            rig.later(5);
            let positions = [6, 4].iter().flat_map(|units| rig.position(*units)).collect();
            let statement = Statement {
                orders: Some(Vec::new()),
                executions: Some(Vec::new()),
                movements: Some(Vec::new()),
                positions: Some(positions),
                ..Statement::asked(paper(), ReconcileReason::Timer, rig.now)
            };
            rig.step(Input::Broker(Box::new(AccountEvent::Statement(Box::new(statement)))));
        }
        assert_eq!((rig.held(), rig.said("POSITION_ADJUSTED")), (Quantity::from(10), adjusted), "{held}");
    }
}

/// Little is left of what the account may send for ever: people and what closes go on, strategies wait for a person.
#[test]
fn an_account_with_few_requests_left_keeps_them_for_a_person() {
    let mut rig = Rig::holding(100);
    let notice = crate::domain::execution::Notice {
        account: paper(),
        code: crate::domain::execution::ADDRESS_LIMIT.into(),
        text: "9500 of the 10000 requests are used".to_owned(),
        at: rig.now,
    };
    let effects = rig.step(Input::Broker(Box::new(AccountEvent::Notice(notice))));
    let written = effects.iter().any(|effect| match effect {
        Effect::Journal { entry, .. } => entry.paused.as_ref().is_some_and(|paused| paused.len() == 1),
        _ => false,
    });
    assert!(written, "the next process knows it");
    assert_eq!((rig.said("ADDRESS_LIMIT"), rig.said("AUTOMATION_PAUSED")), (1, 1));
    assert_eq!(rig.engine.trading_state(), TradingState::Active, "nothing is canceled");
    assert!(!rig.lets_out(OriginKind::Strategy, Side::Buy, 1));
    assert!(rig.lets_out(OriginKind::Cli, Side::Buy, 2));
    assert!(rig.lets_out(OriginKind::Strategy, Side::Sell, 3), "it only closes");
    rig.step(Input::Resume { request: RequestId(99) });
    assert!(rig.lets_out(OriginKind::Strategy, Side::Buy, 4));
}
