//! Guards of automation over an account (reliability 4.4): what each locks, whom, until when, and who lifts it.

use super::*;

fn guarded(limits: RiskLimits) -> Rig {
    let room = RiskLimits::bar_mode(Decimal::from(CASH));
    Rig::with(RiskLimits {
        open_orders_max: 1_000,
        open_orders_per_instrument_max: 1_000,
        guard_stop_outs: limits.guard_stop_outs,
        guard_by_instrument: limits.guard_by_instrument,
        guard_loss_streak: limits.guard_loss_streak,
        guard_cooldown_minutes: limits.guard_cooldown_minutes,
        guard_low_profit_trades: limits.guard_low_profit_trades,
        guard_pause_minutes: limits.guard_pause_minutes,
        ..room
    })
}

fn none() -> RiskLimits {
    RiskLimits {
        guard_stop_outs: 0,
        guard_loss_streak: 0,
        guard_cooldown_minutes: 0,
        guard_low_profit_trades: 0,
        ..RiskLimits::default()
    }
}

impl Rig {
    /// One trade of automation, bought at 100 and sold at this price, by a stop or not.
    fn round_trip(&mut self, out: &str, stopped: bool) {
        for (side, price) in [(Side::Buy, "100"), (Side::Sell, out)] {
            // The same order within three seconds would be a repetition.
            self.later(4);
            self.quote("100");
            let mut order = self.order(side, 10);
            order.origin = Origin { kind: OriginKind::Strategy, name: Some("s".into()) };
            if side == Side::Sell && stopped {
                order.reduce_only = true;
                order.pricing = Pricing::Stop { stop_price: Price::from(50) };
            }
            let id = order.client_order_id;
            let effects = self.place(vec![order]);
            for ticket in tickets(&effects) {
                self.step(Input::Journaled(ticket));
            }
            self.report(id, acknowledged());
            let name = format!("{id}");
            self.report(id, fill(id, &name, side, 10, price));
        }
    }

    /// Is an order of this kind let through now.
    fn opens(&mut self, kind: OriginKind) -> bool {
        self.quote("100");
        let order = self.order(Side::Buy, 10);
        let order = OrderRequest { origin: Origin { kind, name: Some("s".into()) }, ..order };
        let denied = self.engine.check(&order).result.err().unwrap_or_default();
        assert!(denied.iter().all(|denial| denial.code == DenialCode::Protect), "{denied:?}");
        denied.is_empty()
    }
}

#[test]
fn k_each_guard_locks_automation_alone_and_ends() {
    let hours = |n: i64| n * 3_600;
    type Trades = &'static [(&'static str, bool)];
    let cases: [(&str, RiskLimits, Trades, i64); 4] = [
        (
            "stop_guard: 2 losing stop-outs in 24 h",
            RiskLimits { guard_stop_outs: 2, ..none() },
            &[("99", true), ("101", false), ("99", true)],
            hours(4),
        ),
        (
            "loss_streak: 3 losing trades in a row",
            RiskLimits { guard_loss_streak: 3, guard_pause_minutes: 60, ..none() },
            &[("99", false), ("99", false), ("99", false)],
            hours(1),
        ),
        (
            "cooldown: an exit 30 min ago at most",
            RiskLimits { guard_cooldown_minutes: 30, ..none() },
            &[("101", false)],
            1_800,
        ),
        (
            "low_profit: 2 trades made -10.4",
            RiskLimits { guard_low_profit_trades: 2, ..none() },
            &[("101", false), ("98", false)],
            hours(24),
        ),
    ];
    for (reason, limits, trades, seconds) in cases {
        let mut rig = guarded(limits);
        for (n, (price, stopped)) in trades.iter().enumerate() {
            assert!(rig.opens(OriginKind::Strategy), "{reason} after {n}");
            rig.round_trip(price, *stopped);
        }
        let locks = rig.engine.guard_locks(&paper());
        assert_eq!((locks.len(), locks[0].reason.as_str()), (1, reason));
        assert!(!rig.opens(OriginKind::Strategy) && !rig.opens(OriginKind::Bot), "{reason}");
        assert!(rig.opens(OriginKind::Cli), "a person is told, not held: {reason}");
        rig.later(seconds - 60);
        assert!(!rig.opens(OriginKind::Agent), "{reason}");
        rig.later(120);
        assert!(rig.opens(OriginKind::Strategy), "{reason}");
    }
}

#[test]
fn stop_outs_may_count_by_instrument_and_a_person_lifts_what_they_lock() {
    let limits = RiskLimits { guard_stop_outs: 1, guard_by_instrument: true, ..none() };
    let mut rig = guarded(limits.clone());
    rig.round_trip("99", true);
    let locks = rig.engine.guard_locks(&paper());
    assert_eq!(locks[0].instrument, Some(aapl()));
    assert!(!rig.opens(OriginKind::Strategy));
    // It outlives the process.
    let effects = rig.step(Input::Tick);
    drop(effects);
    let kept =
        serde_json::to_string(&BTreeMap::from([(paper(), &rig.engine.accounts[&paper()].guarded.guards)]));
    let mut next = guarded(limits);
    let restored = Restored { guards: kept.ok(), ..Restored::default() };
    next.step(Input::Restored(Box::new(restored)));
    next.now = rig.now;
    assert!(!next.opens(OriginKind::Strategy));
    next.step(Input::LiftGuards { request: RequestId(3), account: paper() });
    assert!(next.opens(OriginKind::Strategy));
    assert_eq!(next.said("GUARDS_LIFTED"), 1);
    // What it did before counts no more.
    assert!(next.engine.guard_locks(&paper()).is_empty());
}

#[test]
fn what_a_person_closes_is_no_trade_of_automation() {
    let mut rig = guarded(RiskLimits { guard_loss_streak: 1, ..none() });
    for (side, price) in [(Side::Buy, "100"), (Side::Sell, "90")] {
        let order = rig.order(side, 10);
        let id = order.client_order_id;
        let effects = rig.place(vec![order]);
        for ticket in tickets(&effects) {
            rig.step(Input::Journaled(ticket));
        }
        rig.report(id, fill(id, &format!("{id}"), side, 10, price));
    }
    assert!(rig.engine.guard_locks(&paper()).is_empty());
}
