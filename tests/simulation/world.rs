//! One run: it owns time, broker, line, disk and process, and looks at every invariant after every step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use arbion::core::effect::{Effect, RequestId};
use arbion::core::engine::{Engine, EngineConfig, Records};
use arbion::core::input::{AccountSetup, Input};
use arbion::domain::account::{AccountKind, AccountMode};
use arbion::domain::calendar::Calendar;
use arbion::domain::capabilities::Capabilities;
use arbion::domain::execution::{AccountEvent, ExecutionKind, OrderEvent, OrderUpdate};
use arbion::domain::fees::FeeTable;
use arbion::domain::ids::{AccountId, ClientOrderId};
use arbion::domain::instrument::{Instrument, InstrumentSpec};
use arbion::domain::limits::{RiskLimits, TradingState};
use arbion::domain::money::{Currency, Money, Price, Quantity};
use arbion::domain::option::Leg;
use arbion::domain::order::{
    BracketExit, Order, OrderChange, OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind,
    PositionEffect, Pricing, Side, TimeInForce,
};
use arbion::domain::quote::{Feed, Quote};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::broker::{Broker, Faults};
use crate::disk::Disk;
use crate::random::Random;

/// How often a rare thing happened.
pub(crate) type Coverage = BTreeMap<&'static str, u64>;

pub(crate) struct World {
    random: Random,
    faults: Faults,
    kills: u64,
    disk_fails: u64,
    now: Timestamp,
    calendar: Arc<Calendar>,
    engine: Engine,
    life: u64,
    disk: Disk,
    broker: Broker,
    sent: BTreeSet<ClientOrderId>,
    /// Orders as they last were, to see what moved.
    seen: BTreeMap<ClientOrderId, Order>,
    /// Orders in flight when a process was killed.
    carried: BTreeSet<ClientOrderId>,
    last_seq: u64,
    halted: bool,
    /// Somebody asks for the halt that is seen next.
    asked_to_halt: bool,
    pub(crate) coverage: Coverage,
}

fn account() -> AccountId {
    AccountId::new("sim")
}

fn instruments() -> [Instrument; 4] {
    [Instrument::equity("AAPL").unwrap(), Instrument::equity("MSFT").unwrap(), option(), put()]
}

/// The other half of a package.
fn put() -> Instrument {
    Instrument::from_key("MSFT  261218P00095000").unwrap()
}

fn option() -> Instrument {
    Instrument::from_key("MSFT  261127C00105000").unwrap()
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let now = Timestamp::from_second(1_795_539_600).unwrap();
        // Each seed has some of the faults.
        let mut some = |value: u64| if random.once_in(3) { 0 } else { value };
        let faults = Faults {
            lost: some(6),
            repeated: some(4),
            latency_ms: 1 + some(4_000),
            hidden_ms: 1 + some(19_000),
            busts: some(30),
        };
        let (kills, disk_fails) = (some(60), some(25));
        let calendar = Arc::new(Calendar::nyse());
        let mut world = Self {
            random,
            faults,
            kills,
            disk_fails,
            now,
            engine: engine(&calendar, seed, now),
            calendar,
            life: seed,
            disk: Disk::new(seed.is_multiple_of(100), now),
            broker: Broker::default(),
            sent: BTreeSet::new(),
            seen: BTreeMap::new(),
            carried: BTreeSet::new(),
            last_seq: 0,
            halted: false,
            asked_to_halt: false,
            coverage: Coverage::new(),
        };
        world.set_up();
        world
    }

    fn count(&mut self, what: &'static str) {
        *self.coverage.entry(what).or_default() += 1;
    }

    /// What every start tells the engine.
    fn set_up(&mut self) {
        let capital = Decimal::from(100_000);
        let setup = AccountSetup {
            account: account(),
            kind: AccountKind::Cash,
            mode: AccountMode::Paper,
            currency: Currency::USD,
            opening_cash: vec![Money::new(capital, Currency::USD)],
            options_level: 2,
            capabilities: Capabilities::paper(),
            limits: RiskLimits::bar_mode(capital),
        };
        self.step(Input::Account(Box::new(setup)));
        self.step(Input::Restored(Box::new(self.disk.read())));
        self.step(Input::BrokerStatus { account: account(), up: true, reconciled: true });
        for instrument in instruments() {
            self.step(Input::Instrument(Box::new(InstrumentSpec::standard(instrument))));
        }
        self.quote();
    }

    fn quote(&mut self) {
        for instrument in instruments() {
            let middle = if instrument.as_option().is_some() { 2 } else { 100 };
            let mut quote = Quote::empty(instrument, self.now, Feed::Simulated);
            quote.bid = Some(Price::from(middle));
            quote.ask = Some(Price::new(Decimal::from(middle) * Decimal::new(101, 2)));
            self.step(Input::Quote(Box::new(quote)));
        }
    }

    /// Work with faults, then quiet, then everything must be settled.
    pub(crate) fn run(&mut self) {
        for _ in 0..120 {
            self.act();
            self.turn();
        }
        (self.faults, self.kills, self.disk_fails) = (Faults::NONE, 0, 0);
        self.reconcile();
        for _ in 0..400 {
            self.now += SignedDuration::from_millis(500);
            self.turn();
        }
        self.reconcile();
        for _ in 0..4 {
            self.now += SignedDuration::from_millis(500);
            self.turn();
        }
        self.settled();
        self.rebuilt();
    }

    fn act(&mut self) {
        self.now += SignedDuration::from_millis(i64::try_from(self.random.below(1_500)).unwrap());
        match self.random.below(20) {
            0..=6 => self.place(),
            7..=9 => {
                let working: Vec<_> =
                    self.engine.book().working().map(|o| o.request.client_order_id).collect();
                if !working.is_empty() {
                    let at = usize::try_from(self.random.below(working.len() as u64)).unwrap();
                    self.step(Input::Cancel { request: RequestId(1), orders: vec![working[at]] });
                }
            }
            10 => {
                let all = self.random.once_in(2);
                self.asked_to_halt = true;
                self.step(Input::Halt { request: RequestId(2), all, reason: "chance".to_owned() });
                self.asked_to_halt = false;
            }
            11 | 12 => self.step(Input::Resume { request: RequestId(3) }),
            13 => {
                self.now -= SignedDuration::from_secs(if self.random.once_in(6) { 8 } else { 3 });
                self.count("clock jumped back");
            }
            16 | 17 => self.change(),
            18 if self.random.once_in(8) => {
                self.count("option expired");
                self.broker.expire(&mut self.random, self.faults, self.now, &option());
            }
            19 if self.random.once_in(2) => {
                let share = &instruments()[usize::try_from(self.random.below(2)).unwrap()];
                self.broker.pay_dividend(&mut self.random, self.faults, self.now, share);
            }
            14 => self.reconcile(),
            15 if self.random.once_in(3) => self.now += SignedDuration::from_secs(40),
            _ => self.quote(),
        }
    }

    /// One to three orders at once.
    fn place(&mut self) {
        self.quote();
        let count = 1 + self.random.below(3);
        let orders: Vec<_> = (0..count).map(|_| self.order()).collect();
        self.step(Input::Place { request: RequestId(4), orders });
    }

    /// Another price or quantity for an order that works; another price for an exit.
    fn change(&mut self) {
        self.quote();
        let working = self.engine.book().working();
        let all: Vec<_> = working
            .map(|order| (order.request.client_order_id, order.request.pricing, order.request.reduce_only))
            .collect();
        if all.is_empty() {
            return;
        }
        let (order, pricing, exit) = all[usize::try_from(self.random.below(all.len() as u64)).unwrap()];
        let mut change = OrderChange::default();
        let cents = Decimal::new(i64::try_from(self.random.below(5)).unwrap() - 2, 2);
        let moved = |price: Price| Some(Price::new(price.get() + cents));
        if !exit && self.random.once_in(2) {
            change.quantity = Some(Quantity::new(Decimal::from(1 + self.random.below(40))));
        } else {
            change.limit_price = pricing.limit_price().and_then(moved);
            change.stop_price = pricing.stop_price().and_then(moved);
        }
        self.step(Input::Replace { request: RequestId(5), order, change });
    }

    /// Both options bought as one package.
    fn package(&mut self) -> OrderRequest {
        let leg = |instrument| Leg {
            side: Side::Buy,
            position_effect: PositionEffect::Open,
            ratio: Decimal::ONE,
            instrument,
        };
        OrderRequest {
            time_in_force: TimeInForce::Gtc,
            allow_duplicate: true,
            ..OrderRequest::plain(
                self.engine.mint(self.now),
                account(),
                Origin::person(OriginKind::Cli),
                OrderSubject::Legs(vec![leg(option()), leg(put())]),
                Side::Buy,
                Quantity::new(Decimal::from(1 + self.random.below(4))),
                Pricing::Limit { limit_price: Price::from(4) },
            )
        }
    }

    fn order(&mut self) -> OrderRequest {
        if self.random.once_in(5) {
            return self.package();
        }
        let instrument = instruments()[usize::try_from(self.random.below(4)).unwrap()].clone();
        let is_option = instrument.as_option().is_some();
        let held = self.engine.held(&account(), &instrument);
        let sells = held.is_positive() && self.random.once_in(3);
        let exit = |world: &mut Self, price: i64| {
            let client_order_id = world.engine.mint(world.now);
            Some(BracketExit { client_order_id, price: Price::from(price) })
        };
        let bracket = !sells && !is_option && self.random.once_in(3);
        let (take_profit, stop_loss) = if bracket { (exit(self, 110), exit(self, 90)) } else { (None, None) };
        let most = if is_option { 8 } else { 40 };
        OrderRequest {
            take_profit,
            stop_loss,
            time_in_force: TimeInForce::Gtc,
            allow_duplicate: true,
            ..OrderRequest::plain(
                self.engine.mint(self.now),
                account(),
                Origin::person(OriginKind::Cli),
                OrderSubject::Instrument(instrument),
                if sells { Side::Sell } else { Side::Buy },
                Quantity::new(Decimal::from(1 + self.random.below(most))),
                Pricing::Limit { limit_price: Price::from(if is_option { 2 } else { 100 }) },
            )
        }
    }

    /// The executions list and the open orders of the broker, as after a reconnect.
    fn reconcile(&mut self) {
        let ids: Vec<_> = self.broker.orders.keys().copied().collect();
        for id in ids {
            self.broker.ask(&mut self.random, self.faults, self.now, id);
        }
        self.broker.recount(&mut self.random, self.faults, self.now);
    }

    fn turn(&mut self) {
        self.step(Input::Tick);
        self.broker.work(&mut self.random, self.faults, self.now);
        while let Some(event) = self.broker.receive(self.now) {
            match &event {
                AccountEvent::Order(update) => self.note_update(update),
                AccountEvent::Execution(execution) if execution.kind == ExecutionKind::Bust => {
                    self.count("execution busted");
                }
                AccountEvent::Cash(_) => self.count("dividend paid"),
                _ => {}
            }
            self.step(Input::Broker(Box::new(event)));
        }
        let seq = self.engine.snapshot().seq;
        assert!(seq >= self.last_seq, "the snapshot's number fell from {} to {seq}", self.last_seq);
        self.last_seq = seq;
    }

    fn note_update(&mut self, update: &OrderUpdate) {
        let Some(order) = self.engine.order(update.client_order_id) else { return };
        let fills = matches!(update.event, OrderEvent::Filled(_));
        let package = fills && order.request.subject.instrument().is_none();
        let also = if package && order.status == OrderStatus::Canceled {
            Some("leg filled after cancel")
        } else if package {
            Some("package filled")
        } else if matches!(update.event, OrderEvent::Replaced { .. }) && order.request.reduce_only {
            Some("exit replaced")
        } else {
            None
        };
        let what = match (&update.event, order.status) {
            (OrderEvent::Filled(_), OrderStatus::PendingSubmit) => "fill before acknowledgement",
            (OrderEvent::Filled(_), OrderStatus::Canceled) => "fill after cancel",
            (OrderEvent::Filled(_), OrderStatus::Unknown) => "fill while unknown",
            (OrderEvent::Acknowledged { .. }, OrderStatus::Unknown) => "unknown order found",
            (OrderEvent::Acknowledged { .. }, _) if self.carried.contains(&update.client_order_id) => {
                "acknowledged after restart"
            }
            (OrderEvent::CancelRejected(_), OrderStatus::PendingCancel) => "cancel refused",
            (OrderEvent::Filled(_), OrderStatus::PendingReplace) => "fill while being replaced",
            (OrderEvent::Filled(_), OrderStatus::Replaced) => "fill after being replaced",
            (OrderEvent::Filled(_), _) if order.request.contingency.parent.is_some() => "exit filled",
            (OrderEvent::QuantityChanged { quantity }, _)
                if *quantity <= order.filled_quantity && !order.status.is_terminal() =>
            {
                "exit shrunk to what had filled"
            }
            (OrderEvent::QuantityChanged { .. }, _) => "exit shrunk",
            (OrderEvent::Replaced { .. }, OrderStatus::PendingReplace) => "replaced",
            (OrderEvent::Replaced { .. }, OrderStatus::PendingCancel) => "replaced while being canceled",
            (OrderEvent::ReplaceRejected(_), OrderStatus::PendingReplace) => "replace refused",
            _ => "",
        };
        for what in also.into_iter().chain([what]).filter(|what| !what.is_empty()) {
            self.count(what);
        }
    }

    /// Steps the engine and does what it wants, with a kill between any two things.
    fn step(&mut self, input: Input) {
        let mut queue: VecDeque<Effect> = self.engine.step(self.now, input).into();
        while let Some(effect) = queue.pop_front() {
            if self.random.once_in(self.kills) {
                return self.kill(&effect);
            }
            self.watch();
            queue.extend(self.perform(effect));
        }
        self.watch();
    }

    fn perform(&mut self, effect: Effect) -> Vec<Effect> {
        match effect {
            Effect::Journal { ticket, entry, .. } => {
                if self.random.once_in(self.disk_fails) {
                    self.count("journal failed");
                    let reason = "disk full".to_owned();
                    // Facts are kept and written with what comes next; what was to be sent is not sent.
                    self.disk.keep(*entry);
                    return self.engine.step(self.now, Input::JournalFailed { ticket, reason });
                }
                self.disk.write(*entry);
                return self.engine.step(self.now, Input::Journaled(ticket));
            }
            Effect::Submit { order, .. } => {
                let request = order.get();
                let id = request.client_order_id;
                assert!(self.disk.has_intent(id), "order {id} was sent before it was on disk");
                assert!(self.sent.insert(id), "order {id} was sent twice");
                assert!(!self.opens_halted(request), "order {id} opens and was sent after a halt");
                self.broker.submit(&mut self.random, self.faults, self.now, request);
            }
            Effect::Cancel { order, .. } => {
                self.broker.cancel(&mut self.random, self.faults, self.now, order);
            }
            Effect::Ask { order, .. } => {
                self.count("asked");
                self.broker.ask(&mut self.random, self.faults, self.now, order);
            }
            Effect::Replace { order, new, .. } => {
                let request = new.get();
                let id = request.client_order_id;
                assert!(self.disk.has_intent(id), "replacement {id} was sent before it was on disk");
                assert!(self.sent.insert(id), "replacement {id} was sent twice");
                assert!(!self.opens_halted(request), "replacement {id} was sent after a halt");
                self.broker.replace(&mut self.random, self.faults, self.now, order, request);
            }
            Effect::Ring { .. } | Effect::Answer { .. } => {}
        }
        Vec::new()
    }

    /// A fill that is taken back can leave a short position, which may be bought back.
    fn opens_halted(&self, request: &OrderRequest) -> bool {
        let held = request.subject.instrument().map(|it| self.engine.held(&account(), it));
        let closes = held.is_some_and(|units| units.is_negative());
        self.engine.trading_state() == TradingState::Halted && request.side.is_buy() && !closes
    }

    /// The process dies before it does `next`; another begins with what is on disk.
    fn kill(&mut self, next: &Effect) {
        self.count(match next {
            Effect::Journal { .. } => "killed before the journal",
            Effect::Submit { .. } => "killed before a send",
            Effect::Replace { .. } => "killed before a replace",
            _ => "killed elsewhere",
        });
        let kills = std::mem::take(&mut self.kills);
        self.broker.cut();
        self.disk.forget();
        self.life = self.life.wrapping_add(1_000_003);
        self.engine = engine(&self.calendar, self.life, self.now);
        self.seen.clear();
        self.last_seq = 0;
        self.set_up();
        let in_flight: Vec<Order> = self.engine.book().working().cloned().collect();
        for order in in_flight {
            let id = order.request.client_order_id;
            self.carried.insert(id);
            match order.status {
                OrderStatus::PendingSubmit | OrderStatus::Unknown => {
                    self.broker.ask(&mut self.random, self.faults, self.now, id);
                }
                OrderStatus::PendingCancel => {
                    self.count("cancel sent again");
                    self.broker.cancel(&mut self.random, self.faults, self.now, id);
                }
                _ => {}
            }
        }
        self.reconcile();
        self.kills = kills;
    }

    /// What must hold at any moment.
    fn watch(&mut self) {
        let mut rare = Vec::new();
        for order in self.engine.book().working().chain(self.engine.book().ended()) {
            let id = order.request.client_order_id;
            if let Some(before) = self.seen.get(&id) {
                if before == order {
                    continue;
                }
                assert!(
                    order.filled_quantity >= before.filled_quantity,
                    "order {id}: the filled part shrank"
                );
                let stays = !before.status.is_terminal() || order.status == before.status;
                assert!(
                    stays || order.status == OrderStatus::Filled,
                    "order {id} was {} and is {}",
                    before.status,
                    order.status
                );
                if order.reason.as_deref() == Some("never_reached") && before.reason != order.reason {
                    rare.push(match (order.replaces, order.request.contingency.parent) {
                        (Some(_), _) => "replacement never reached",
                        (_, Some(_)) => "exit never reached",
                        _ => "never reached",
                    });
                    let inbound = self.broker.orders.contains_key(&id);
                    assert!(!inbound, "order {id} is said never to have reached the broker, which has it");
                }
            }
            assert!(order.overfill_quantity.is_zero(), "order {id} was overfilled");
            self.seen.insert(id, order.clone());
        }
        for what in rare {
            self.count(what);
        }
        let tripped = self.engine.trading_state() == TradingState::Halted && !self.halted;
        self.halted = self.engine.trading_state() == TradingState::Halted;
        if tripped && !self.asked_to_halt {
            self.count("tripped");
        }
        if let Some(account) = self.engine.account(&account()) {
            assert!(account.reserved >= Decimal::ZERO, "{} is held back", account.reserved);
        }
    }

    /// Once all is quiet: the engine and the broker agree on everything.
    fn settled(&self) {
        let books = self.engine.book();
        for order in books.working().chain(books.ended()) {
            let id = order.request.client_order_id;
            let there = self.broker.orders.get(&id);
            let works = there.is_some_and(|held| held.works());
            let agrees = match order.status {
                OrderStatus::Submitted | OrderStatus::PartiallyFilled => works,
                status => status.is_terminal() && !works,
            };
            assert!(agrees, "order {id} is {} here and works there: {works}", order.status);
            let filled = there.map(|held| held.filled()).unwrap_or_default();
            assert_eq!(order.filled_quantity, filled, "order {id}");
        }
        for id in self.broker.orders.keys() {
            assert!(books.get(*id).is_some(), "the broker has order {id}, which is not known here");
        }
        let cash = self.engine.account(&account()).map(|account| account.cash);
        assert_eq!(cash, Some(Decimal::from(100_000) + self.broker.money()), "cash");
        for instrument in instruments() {
            let there = self.broker.units(&instrument);
            assert_eq!(self.engine.held(&account(), &instrument), there, "position in {instrument}");
        }
    }

    /// What the disk gives is what the memory has (J8), and giving it twice changes nothing.
    fn rebuilt(&mut self) {
        let (live, orders, money) = (self.positions(), self.orders(), self.money());
        self.disk.flush();
        for _ in 0..2 {
            self.life = self.life.wrapping_add(7);
            self.engine = engine(&self.calendar, self.life, self.now);
            self.set_up();
            assert_eq!(self.orders(), orders, "orders rebuilt from the journal");
            assert_eq!(self.money(), money, "cash, gains and fees rebuilt from the journal");
            assert_eq!(self.positions(), live, "positions rebuilt from the journal");
        }
    }

    /// Units, average price and gain of every position.
    fn positions(&self) -> Vec<(Instrument, Quantity, Price, Decimal)> {
        let positions = self.engine.positions(&account()).into_iter();
        positions.map(|p| (p.instrument, p.quantity, p.average_price, p.realized_pnl)).collect()
    }

    /// Cash, gains and fees.
    fn money(&self) -> [Decimal; 3] {
        let account = self.engine.account(&account()).unwrap();
        [account.cash, account.realized_pnl, account.fees]
    }

    fn orders(&self) -> Vec<Order> {
        self.engine.book().working().chain(self.engine.book().ended()).cloned().collect()
    }
}

fn engine(calendar: &Arc<Calendar>, seed: u64, now: Timestamp) -> Engine {
    let config = EngineConfig {
        profile: "sim".into(),
        default_account: account(),
        feed: Feed::Simulated,
        seed,
        bar_mode: false,
        never_closed: true,
        fees: FeeTable::free(),
        records: Records::All,
    };
    Engine::new(config, Arc::clone(calendar), now)
}
