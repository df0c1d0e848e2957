//! The engine step by step: nothing leaves before the disk has it, fills count once, the kill switch holds, money adds up.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::core::effect::IntentKind;
use crate::core::input::Restored;
use crate::domain::account::{AccountKind, AccountMode};
use crate::domain::capabilities::Capabilities;
use crate::domain::denial::DenialCode;
use crate::domain::execution::{AccountEvent, Execution, ExecutionKind, OrderEvent, OrderUpdate};
use crate::domain::ids::{BrokerOrderId, ExecutionId, OrderNumber};
use crate::domain::limits::RiskLimits;
use crate::domain::money::{Currency, Money, Price, Quantity};
use crate::domain::order::{
    BracketExit, Contingency, OrderChange, OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind,
    Pricing, Side, TimeInForce, TradingSession,
};

const CASH: i64 = 100_000;

fn paper() -> AccountId {
    AccountId::new("paper")
}

fn aapl() -> Instrument {
    Instrument::equity("AAPL").unwrap()
}

fn start() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

/// An engine, and what it wants done.
struct Rig {
    engine: Engine,
    now: Timestamp,
    requests: u64,
}

impl Rig {
    /// A margin account of 100,000 that may do anything but spend more than it has, and AAPL at 100.
    fn new() -> Self {
        let room = 1_000;
        let limits = RiskLimits::bar_mode(Decimal::from(CASH));
        Self::with(RiskLimits { open_orders_max: room, open_orders_per_instrument_max: room, ..limits })
    }

    fn with(limits: RiskLimits) -> Self {
        let config = EngineConfig {
            profile: "test".into(),
            default_account: paper(),
            feed: Feed::Simulated,
            seed: 7,
            bar_mode: false,
            never_closed: true,
            fees: FeeTable::default(),
        };
        let engine = Engine::new(config, Arc::new(Calendar::nyse()), start());
        let mut rig = Self { engine, now: start(), requests: 0 };
        rig.step(Input::Account(Box::new(AccountSetup {
            account: paper(),
            kind: AccountKind::Margin,
            mode: AccountMode::Paper,
            currency: Currency::USD,
            opening_cash: vec![Money::usd(Decimal::from(CASH))],
            options_level: 3,
            capabilities: Capabilities::paper(),
            limits,
        })));
        rig.step(Input::BrokerStatus { account: paper(), up: true, reconciled: true });
        rig.step(Input::Instrument(Box::new(InstrumentSpec::standard(aapl()))));
        rig.quote("100");
        rig
    }

    fn step(&mut self, input: Input) -> Effects {
        self.engine.step(self.now, input)
    }

    fn quote(&mut self, price: &str) -> Effects {
        self.now += SignedDuration::from_secs(1);
        let mut quote = Quote::empty(aapl(), self.now, Feed::Simulated);
        (quote.bid, quote.ask) = (price.parse().ok(), price.parse().ok());
        self.step(Input::Quote(Box::new(quote)))
    }

    fn order(&mut self, side: Side, quantity: i64) -> OrderRequest {
        OrderRequest {
            client_order_id: self.engine.mint(self.now),
            account: paper(),
            origin: Origin::person(OriginKind::Cli),
            subject: OrderSubject::Instrument(aapl()),
            side,
            position_effect: None,
            quantity: Quantity::from(quantity),
            pricing: Pricing::Limit { limit_price: Price::from(100) },
            time_in_force: TimeInForce::Gtc,
            expire_date: None,
            session: TradingSession::Regular,
            price_effect: None,
            take_profit: None,
            stop_loss: None,
            contingency: Contingency::default(),
            post_only: false,
            reduce_only: false,
            allow_duplicate: true,
        }
    }

    fn place(&mut self, orders: Vec<OrderRequest>) -> Effects {
        self.requests += 1;
        self.step(Input::Place { request: RequestId(self.requests), orders })
    }

    /// Answers every journal entry, and every one that follows; returns what was sent.
    fn journaled(&mut self, effects: Effects) -> Effects {
        let mut sent = Vec::new();
        let mut queue: VecDeque<Effect> = effects.into();
        while let Some(effect) = queue.pop_front() {
            match effect {
                Effect::Journal { ticket, .. } => queue.extend(self.step(Input::Journaled(ticket))),
                other => sent.push(other),
            }
        }
        sent
    }

    /// An order on its way to the broker.
    fn sent(&mut self, side: Side, quantity: i64) -> ClientOrderId {
        let order = self.order(side, quantity);
        let id = order.client_order_id;
        let effects = self.place(vec![order]);
        let sent = self.journaled(effects);
        assert!(sent.iter().any(|e| matches!(e, Effect::Submit { .. })), "{sent:?}");
        id
    }

    fn report(&mut self, id: ClientOrderId, event: OrderEvent) -> Effects {
        let update = OrderUpdate { account: paper(), client_order_id: id, at: self.now, event };
        self.step(Input::Broker(Box::new(AccountEvent::Order(update))))
    }

    fn status(&self, id: ClientOrderId) -> OrderStatus {
        self.engine.order(id).unwrap().status
    }

    fn said(&self, code: &str) -> usize {
        self.engine.log.iter().filter(|line| line.code == code).count()
    }
}

fn fill(id: ClientOrderId, execution: &str, side: Side, quantity: i64, price: &str) -> OrderEvent {
    OrderEvent::Filled(Execution {
        execution_id: ExecutionId::new(execution),
        account: paper(),
        client_order_id: Some(id),
        broker_order_id: None,
        instrument: aapl(),
        side,
        quantity: Quantity::from(quantity),
        price: price.parse().unwrap(),
        multiplier: Decimal::ONE,
        fee: Decimal::new(quantity, 2),
        currency: Currency::USD,
        at: start(),
        kind: ExecutionKind::Trade,
    })
}

fn acknowledged() -> OrderEvent {
    OrderEvent::Acknowledged { broker_order_id: BrokerOrderId::new("b1") }
}

fn tickets(effects: &Effects) -> Vec<Ticket> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Journal { ticket, .. } => Some(*ticket),
            _ => None,
        })
        .collect()
}

/// Ids that effects send to the broker as orders.
fn orders_sent(effects: &Effects) -> Vec<ClientOrderId> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Submit { order, .. } | Effect::Replace { new: order, .. } => {
                Some(order.get().client_order_id)
            }
            _ => None,
        })
        .collect()
}

#[test]
fn j2_what_could_not_be_journalled_is_denied_and_cancels_go_out() {
    let mut rig = Rig::new();
    let working = rig.sent(Side::Buy, 10);
    rig.report(working, acknowledged());
    let mut order = rig.order(Side::Buy, 20);
    let exit = |rig: &mut Rig, price: i64| {
        Some(BracketExit { client_order_id: rig.engine.mint(rig.now), price: Price::from(price) })
    };
    (order.take_profit, order.stop_loss) = (exit(&mut rig, 110), exit(&mut rig, 90));
    let ids = [Some(order.client_order_id), order.take_profit.as_ref().map(|e| e.client_order_id)];
    let effects = rig.place(vec![order]);
    assert!(orders_sent(&effects).is_empty());
    let cancel = rig.step(Input::Cancel { request: RequestId(90), orders: vec![working] });
    assert!(!cancel.iter().any(|e| matches!(e, Effect::Cancel { .. })), "{cancel:?}");
    let mut out = Vec::new();
    for ticket in tickets(&effects).into_iter().chain(tickets(&cancel)) {
        out.extend(rig.step(Input::JournalFailed { ticket, reason: "disk full".to_owned() }));
    }
    assert!(orders_sent(&out).is_empty());
    assert!(out.iter().any(|e| matches!(e, Effect::Cancel { order, .. } if *order == working)), "{out:?}");
    for id in ids.into_iter().flatten() {
        assert_eq!(rig.status(id), OrderStatus::Denied);
    }
    let denied = rig.engine.order(ids[0].unwrap()).unwrap();
    assert_eq!(denied.denials[0].code, DenialCode::JournalUnavailable);
    assert!(denied.denials[0].text.contains("disk full"), "{:?}", denied.denials);
    // The disk is back: the next order goes without a restart.
    rig.now += SignedDuration::from_secs(10);
    rig.quote("100");
    rig.sent(Side::Buy, 30);
}

#[test]
fn e1_an_execution_counts_once_and_a_contradiction_not_at_all() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 10);
    for _ in 0..3 {
        rig.report(id, fill(id, "x1", Side::Buy, 4, "100"));
    }
    rig.report(id, fill(id, "x1", Side::Buy, 5, "100"));
    rig.report(id, fill(id, "x1", Side::Buy, 4, "100.01"));
    let order = rig.engine.order(id).unwrap();
    assert_eq!((order.status, order.filled_quantity), (OrderStatus::PartiallyFilled, Quantity::from(4)));
    assert_eq!(rig.engine.held(&paper(), &aapl()), Quantity::from(4));
    assert_eq!(rig.said("EXECUTION_CONFLICT"), 2);
}

/// Every order of the numbers below `n`.
fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(n - 1);
    let insert = |p: &Vec<usize>, at: usize| {
        let mut longer = p.clone();
        longer.insert(at, n - 1);
        longer
    };
    shorter.iter().flat_map(|p| (0..n).map(move |at| insert(p, at))).collect()
}

#[test]
fn e2_any_order_of_acknowledgement_fills_and_cancel_ends_the_same() {
    for (second, status) in [(6, OrderStatus::Filled), (3, OrderStatus::Canceled)] {
        for asked in [false, true] {
            let mut ends = BTreeSet::new();
            for order in permutations(4) {
                let mut rig = Rig::new();
                let id = rig.sent(Side::Buy, 10);
                if asked {
                    rig.step(Input::Cancel { request: RequestId(90), orders: vec![id] });
                }
                let events = [
                    acknowledged(),
                    fill(id, "a", Side::Buy, 4, "100"),
                    fill(id, "b", Side::Buy, second, "101"),
                    OrderEvent::Canceled { reason: None },
                ];
                let mut filled = Quantity::ZERO;
                // Each as it comes, then all of them again backwards.
                for n in order.iter().chain(order.iter().rev()) {
                    rig.report(id, events[*n].clone());
                    let now = rig.engine.order(id).unwrap().filled_quantity;
                    assert!(now >= filled, "{order:?}");
                    filled = now;
                }
                let end = rig.engine.order(id).unwrap();
                assert_eq!(end.status, status, "{order:?}");
                let account = rig.engine.account(&paper()).unwrap();
                ends.insert((
                    end.filled_quantity,
                    end.average_price,
                    end.broker_order_id.clone(),
                    rig.engine.held(&paper(), &aapl()),
                    account.cash,
                ));
            }
            assert_eq!(ends.len(), 1, "{ends:?}");
        }
    }
}

#[test]
fn e3_more_than_was_asked_for_is_held_and_said() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 100);
    rig.report(id, fill(id, "a", Side::Buy, 60, "100"));
    rig.report(id, fill(id, "b", Side::Buy, 50, "100"));
    let order = rig.engine.order(id).unwrap();
    assert_eq!((order.status, order.overfill_quantity), (OrderStatus::Filled, Quantity::from(10)));
    assert_eq!(rig.engine.held(&paper(), &aapl()), Quantity::from(110));
    assert_eq!(rig.said("OVERFILL"), 1);
}

/// A bracket whose parent has filled, and an order that works beside it: (parent's exits, the other).
fn bracket_and_order(rig: &mut Rig) -> (Vec<ClientOrderId>, ClientOrderId) {
    let mut parent = rig.order(Side::Buy, 10);
    let mut exit =
        |price: i64| BracketExit { client_order_id: rig.engine.mint(rig.now), price: price.into() };
    let (profit, loss) = (exit(110), exit(90));
    let exits = vec![profit.client_order_id, loss.client_order_id];
    (parent.take_profit, parent.stop_loss) = (Some(profit), Some(loss));
    let id = parent.client_order_id;
    let effects = rig.place(vec![parent]);
    rig.journaled(effects);
    for id in exits.iter().chain([&id]) {
        rig.report(*id, acknowledged());
    }
    rig.report(id, fill(id, "p", Side::Buy, 10, "100"));
    (exits, rig.sent(Side::Buy, 5))
}

#[test]
fn h1_the_kill_switch_cancels_what_works_and_keeps_exits() {
    for all in [false, true] {
        let mut rig = Rig::new();
        let (exits, other) = bracket_and_order(&mut rig);
        let effects = rig.step(Input::Halt { request: RequestId(90), all, reason: "test".to_owned() });
        let Some(Effect::Journal { entry, .. }) = effects.first() else { panic!("{effects:?}") };
        assert_eq!(entry.trading_state, Some(TradingState::Halted));
        let canceled: BTreeSet<ClientOrderId> = rig
            .journaled(effects)
            .iter()
            .filter_map(|e| if let Effect::Cancel { order, .. } = e { Some(*order) } else { None })
            .collect();
        let mut expect = BTreeSet::from([other]);
        expect.extend(exits.iter().filter(|_| all));
        assert_eq!(canceled, expect, "all: {all}");
    }
}

#[test]
fn h1_an_order_that_waits_for_the_disk_when_the_switch_goes_on_is_never_sent() {
    let mut rig = Rig::new();
    let order = rig.order(Side::Buy, 10);
    let id = order.client_order_id;
    let mut effects = rig.place(vec![order]);
    effects.extend(rig.step(Input::Halt { request: RequestId(90), all: false, reason: "test".to_owned() }));
    let sent = rig.journaled(effects);
    assert!(orders_sent(&sent).is_empty(), "{sent:?}");
    assert_eq!(rig.status(id), OrderStatus::Canceled);
}

#[test]
fn h3_a_halt_outlives_the_process_and_a_person_lifts_it() {
    let mut rig = Rig::new();
    let restored = Restored { trading_state: TradingState::Halted, ..Restored::default() };
    rig.step(Input::Restored(Box::new(restored)));
    let order = rig.order(Side::Buy, 10);
    let id = order.client_order_id;
    let effects = rig.place(vec![order]);
    assert!(orders_sent(&rig.journaled(effects)).is_empty());
    assert_eq!(rig.engine.order(id).unwrap().denials[0].code, DenialCode::Halted);
    rig.step(Input::Resume { request: RequestId(91) });
    rig.sent(Side::Buy, 10);
}

#[test]
fn h6_the_daily_loss_trips_the_switch_at_five_per_cent() {
    for (price, state) in [("90.02", TradingState::Active), ("90", TradingState::Halted)] {
        let limits =
            RiskLimits { daily_loss_halt_percent: Decimal::from(5), ..RiskLimits::bar_mode(CASH.into()) };
        let mut rig = Rig::with(limits);
        rig.step(Input::Tick);
        let id = rig.sent(Side::Buy, 500);
        rig.report(id, acknowledged());
        // Fees of five are part of the loss.
        rig.report(id, fill(id, "x", Side::Buy, 500, "99.99"));
        rig.quote(price);
        rig.step(Input::Tick);
        assert_eq!(rig.engine.trading_state(), state, "at {price}");
    }
}

#[test]
fn k4_a_hundred_proposals_in_one_step_share_one_buying_power() {
    for quantity in [7, 30, 50, 399] {
        let mut rig = Rig::new();
        let orders: Vec<OrderRequest> = (0..100).map(|_| rig.order(Side::Buy, quantity)).collect();
        let power = rig.engine.account(&paper()).unwrap().buying_power;
        let effects = rig.place(orders);
        let sent = orders_sent(&rig.journaled(effects));
        let one = Decimal::from(quantity * 100);
        let most = (power / one).floor().min(Decimal::ONE_HUNDRED);
        // The exposure of an account in bar mode ends at its equity, half of its buying power.
        let most = most.min((Decimal::from(CASH) / one).floor());
        assert_eq!(Decimal::from(sent.len()), most, "of {quantity} each");
        let after = rig.engine.account(&paper()).unwrap();
        assert_eq!(after.reserved, most * one);
        assert!(after.buying_power >= Decimal::ZERO);
    }
}

/// Sales of what is held share it: together they never make a short position by chance, and what is short is paid for.
#[test]
fn k4_two_sales_of_everything_are_a_close_and_a_short_sale() {
    let mut rig = Rig::new();
    let id = rig.sent(Side::Buy, 100);
    rig.report(id, fill(id, "x", Side::Buy, 100, "100"));
    let before = rig.engine.account(&paper()).unwrap();
    let sales = vec![rig.order(Side::SellShort, 100), rig.order(Side::SellShort, 100)];
    let effects = rig.place(sales);
    assert_eq!(orders_sent(&rig.journaled(effects)).len(), 2);
    let after = rig.engine.account(&paper()).unwrap();
    assert_eq!(after.reserved - before.reserved, Decimal::from(10_000));
}

#[test]
fn a_quote_beyond_measure_is_not_taken_in() {
    let mut rig = Rig::new();
    let mut quote = Quote::empty(aapl(), rig.now, Feed::Simulated);
    (quote.bid, quote.ask) = (Some(Price::new(Decimal::MAX)), Some(Price::new(Decimal::MAX)));
    rig.step(Input::Quote(Box::new(quote)));
    assert_eq!(rig.engine.quote(&aapl()).unwrap().ask, Some(Price::from(100)));
}

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
    fn e6_money_is_conserved_and_the_record_rebuilds_it(acts in prop::collection::vec(any_act(), 1..80)) {
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
