//! Random runs: an order leaves once and only from the disk, and money adds up.

use proptest::prelude::*;

use super::rig::*;

/// What a random run does; numbers choose among what there is.
#[derive(Clone, Debug)]
enum Act {
    Place(bool, i64),
    Cancel(usize),
    Replace(usize, i64),
    Halt(bool),
    Resume,
    Journaled(usize),
    Failed(usize),
    Acknowledge(usize),
    Fill(usize, i64),
    Price(i64),
    Tick,
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (any::<bool>(), 1..40_i64).prop_map(|(buy, quantity)| Act::Place(buy, quantity)),
        2 => any::<usize>().prop_map(Act::Cancel),
        2 => (any::<usize>(), 1..40_i64).prop_map(|(which, quantity)| Act::Replace(which, quantity)),
        1 => any::<bool>().prop_map(Act::Halt),
        1 => Just(Act::Resume),
        6 => any::<usize>().prop_map(Act::Journaled),
        1 => any::<usize>().prop_map(Act::Failed),
        2 => any::<usize>().prop_map(Act::Acknowledge),
        3 => (any::<usize>(), 1..60_i64).prop_map(|(which, quantity)| Act::Fill(which, quantity)),
        1 => (90..110_i64).prop_map(Act::Price),
        1 => Just(Act::Tick),
    ]
}

/// A run that remembers what was asked of the disk and what left.
struct Run {
    rig: Rig,
    /// Tickets without an answer, with the new orders in them.
    open: BTreeMap<Ticket, BTreeSet<ClientOrderId>>,
    durable: BTreeSet<ClientOrderId>,
    sent: Vec<ClientOrderId>,
    executions: Vec<Execution>,
}

impl Run {
    fn new() -> Self {
        let rig = Rig::new();
        Self {
            rig,
            open: BTreeMap::new(),
            durable: BTreeSet::new(),
            sent: Vec::new(),
            executions: Vec::new(),
        }
    }

    fn ticket(&self, which: usize) -> Option<Ticket> {
        self.open.keys().nth(which % self.open.len().max(1)).copied()
    }

    fn id(&self, which: usize) -> Option<ClientOrderId> {
        self.sent.get(which % self.sent.len().max(1)).copied()
    }

    fn act(&mut self, act: Act, n: usize) {
        self.rig.now += SignedDuration::from_millis(500);
        let request = RequestId(1_000);
        let effects = match act {
            Act::Place(buy, quantity) => {
                let order = self.rig.order(if buy { Side::Buy } else { Side::SellShort }, quantity);
                self.rig.place(vec![order])
            }
            Act::Cancel(which) => {
                let orders = self.id(which).into_iter().collect();
                self.rig.step(Input::Cancel { request, orders })
            }
            Act::Replace(which, quantity) => {
                let Some(order) = self.id(which) else { return };
                let change = OrderChange { quantity: Some(quantity.into()), ..OrderChange::default() };
                self.rig.step(Input::Replace { request, order, change })
            }
            Act::Halt(all) => self.rig.step(Input::Halt { request, all, reason: "test".to_owned() }),
            Act::Resume => self.rig.step(Input::Resume { request }),
            Act::Journaled(which) => {
                let Some(ticket) = self.ticket(which) else { return };
                self.durable.extend(self.open.remove(&ticket).unwrap_or_default());
                self.rig.step(Input::Journaled(ticket))
            }
            Act::Failed(which) => {
                let Some(ticket) = self.ticket(which) else { return };
                self.open.remove(&ticket);
                self.rig.step(Input::JournalFailed { ticket, reason: "full".to_owned() })
            }
            Act::Acknowledge(which) => {
                let Some(id) = self.id(which) else { return };
                self.rig.report(id, acknowledged())
            }
            Act::Fill(which, quantity) => {
                let Some(id) = self.id(which) else { return };
                let side = self.rig.engine.order(id).unwrap().request.side;
                let event = fill(id, &format!("x{n}"), side, quantity, "100.5");
                if let OrderEvent::Filled(execution) = &event {
                    self.executions.push(execution.clone());
                }
                self.rig.report(id, event)
            }
            Act::Price(price) => self.rig.quote(&price.to_string()),
            Act::Tick => self.rig.step(Input::Tick),
        };
        self.look(effects);
    }

    /// Nothing leaves that is not on the disk, and nothing leaves twice.
    fn look(&mut self, effects: Effects) {
        for effect in &effects {
            if let Effect::Journal { ticket, entry, .. } = effect {
                let new = entry.intents.iter().filter(|intent| intent.kind != IntentKind::Cancel);
                self.open.insert(*ticket, new.map(|intent| intent.id).collect());
            }
        }
        for id in orders_sent(&effects) {
            assert!(self.durable.contains(&id), "{id} left before the disk had it");
            assert!(!self.sent.contains(&id), "{id} left twice");
            self.sent.push(id);
        }
    }
}

proptest! {
    #[test]
    fn j1_an_order_leaves_once_and_only_after_the_disk_has_it(acts in prop::collection::vec(any_act(), 1..60)) {
        let mut run = Run::new();
        for (n, act) in acts.into_iter().enumerate() {
            run.act(act, n);
        }
    }

    /// Cash and positions are what was paid and received, fees taken off, and the same from the record alone.
    #[test]
    fn e6_j8_money_is_conserved_and_the_record_rebuilds_it(acts in prop::collection::vec(any_act(), 1..80)) {
        let mut run = Run::new();
        for (n, act) in acts.into_iter().enumerate() {
            run.act(act, n);
        }
        let flows: Decimal = run.executions.iter().map(Execution::cash_flow).sum();
        let units: Quantity = run.executions.iter().map(Execution::signed_quantity).sum();
        let fees: Decimal = run.executions.iter().map(|execution| execution.fee).sum();
        let account = run.rig.engine.account(&paper()).unwrap();
        prop_assert_eq!(account.cash, Decimal::from(CASH) + flows);
        prop_assert_eq!(run.rig.engine.held(&paper(), &aapl()), units);
        prop_assert_eq!(account.fees, fees);
        let mark = run.rig.engine.quote(&aapl()).unwrap().mark().unwrap();
        let value = mark.get() * units.get();
        prop_assert_eq!(account.net_liquidation, account.cash + value);

        let mut again = Rig::new();
        let restored = Restored {
            executions: run.executions.clone(),
            next_number: Some(OrderNumber(1)),
            ..Restored::default()
        };
        again.step(Input::Restored(Box::new(restored)));
        again.now = run.rig.now;
        again.quote(&mark.to_string());
        let rebuilt = again.engine.account(&paper()).unwrap();
        prop_assert_eq!(rebuilt.cash, account.cash);
        prop_assert_eq!(rebuilt.net_liquidation, account.net_liquidation);
        prop_assert_eq!(rebuilt.realized_pnl, account.realized_pnl);
        prop_assert_eq!(again.engine.position(&paper(), &aapl()).map(|p| p.average_price),
            run.rig.engine.position(&paper(), &aapl()).map(|p| p.average_price));
    }
}
