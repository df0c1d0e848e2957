//! Exit plans through the whole engine, with the paper venue behind it: what closes when, and never more than is held.

mod across;
mod arming;
mod by_hand;
mod late;
mod native;
mod random;
mod real;
mod trouble;
mod words;

use super::rig::*;
use crate::core::paper::{Slippage, Venue, VenueConfig};
use crate::domain::corporate::{CorporateAction, CorporateActionKind, CorporateReport};
use crate::domain::exit::{
    ExitChange, ExitGroup, ExitPlan, ExitReason, ExitState, Placement, TakeStep, Trailing,
};
use crate::domain::statement::Statement;

/// An engine, its disk and a venue that fills.
struct Desk {
    rig: Rig,
    venue: Venue,
    disk: Disk,
    said: Vec<Outcome>,
    rang: Vec<String>,
    /// The venue hears nothing for now.
    deaf: bool,
    /// Where prices come from.
    feed: Feed,
    /// The newest prices.
    last: Option<Quote>,
    /// Every order sent.
    sent: Vec<OrderRequest>,
    /// Cancels are lost.
    keeps: bool,
    /// Every cancel sent.
    canceled: Vec<ClientOrderId>,
}

#[derive(Default)]
struct Disk {
    orders: BTreeMap<ClientOrderId, Order>,
    executions: Vec<Execution>,
    exits: Vec<ExitGroup>,
}

fn venue() -> Venue {
    let config = VenueConfig::new(paper(), Decimal::from(CASH));
    let mut venue = Venue::new(VenueConfig { ack_ms: 0, cancel_ms: 0, slippage: Slippage::None, ..config });
    venue.set_spec(InstrumentSpec::standard(aapl()));
    venue
}

impl Desk {
    fn new() -> Self {
        let mut desk = Self::over(venue(), Disk::default(), start());
        desk.step(Input::RunStrategies);
        desk.quote("100");
        desk
    }

    fn over(venue: Venue, disk: Disk, now: Timestamp) -> Self {
        let mut rig = Rig::new();
        rig.now = now;
        let (said, rang, sent) = (Vec::new(), Vec::new(), Vec::new());
        let (feed, last) = (Feed::Simulated, None);
        Self {
            rig,
            venue,
            disk,
            said,
            rang,
            deaf: false,
            feed,
            last,
            sent,
            keeps: false,
            canceled: Vec::new(),
        }
    }

    fn step(&mut self, input: Input) {
        let effects = self.rig.step(input);
        self.perform(effects.into());
        self.listen();
    }

    /// What the venue reports goes to the engine, and so on until nobody says anything.
    fn listen(&mut self) {
        loop {
            let mut events = Vec::new();
            self.venue.drain(&mut events);
            if events.is_empty() {
                return;
            }
            for event in events {
                let effects = self.rig.step(Input::Broker(Box::new(event)));
                self.perform(effects.into());
            }
        }
    }

    fn perform(&mut self, mut queue: VecDeque<Effect>) {
        while let Some(effect) = queue.pop_front() {
            match effect {
                Effect::Journal { ticket, entry, .. } => {
                    self.disk.orders.extend(entry.orders.into_iter().map(|o| (o.request.client_order_id, o)));
                    self.disk.executions.extend(entry.executions.into_iter().map(|b| b.execution));
                    if let Some(exits) = entry.exits {
                        self.disk.exits = exits;
                    }
                    queue.extend(self.rig.step(Input::Journaled(ticket)));
                }
                Effect::Submit { order, .. } => {
                    let order = order.into_inner();
                    self.sent.push(order.clone());
                    if !self.deaf {
                        self.venue.submit(self.rig.now, &order);
                    }
                }
                Effect::Replace { order, new, filled, .. } => {
                    let new = new.into_inner();
                    self.sent.push(new.clone());
                    if !self.deaf {
                        self.venue.replace(self.rig.now, order, filled, &new);
                    }
                }
                Effect::Cancel { order, .. } => {
                    self.canceled.push(order);
                    if !self.deaf && !self.keeps {
                        self.venue.cancel(self.rig.now, order);
                    }
                }
                Effect::Answer { outcome, .. } => self.said.push(outcome),
                Effect::Ring { text } => self.rang.push(text),
                _ => {}
            }
        }
        self.venue.advance(self.rig.now);
    }

    /// A price, half a second later; a spread of two cents.
    fn quote(&mut self, price: &str) {
        self.rig.now += SignedDuration::from_millis(500);
        let price: Price = price.parse().unwrap();
        let cent = Price::new(Decimal::new(1, 2));
        let mut quote = Quote::empty(aapl(), self.rig.now, self.feed);
        (quote.bid, quote.ask) = (Some(price - cent), Some(price + cent));
        (quote.bid_size, quote.ask_size) = (Quantity::from(1_000), Quantity::from(1_000));
        self.see(quote);
    }

    fn see(&mut self, quote: Quote) {
        self.venue.on_quote(self.rig.now, &quote);
        self.listen();
        self.step(Input::Quote(Box::new(quote.clone())));
        self.step(Input::Tick);
        self.last = Some(quote);
        self.settle();
    }

    /// The venue fills an order at the event after it.
    fn settle(&mut self) {
        for _ in 0..3 {
            let Some(mut quote) = self.last.clone() else { return };
            self.rig.now += SignedDuration::from_millis(1);
            quote.as_of = self.rig.now;
            self.venue.on_quote(self.rig.now, &quote);
            self.listen();
        }
    }

    fn place(&mut self, side: Side, units: i64, pricing: Pricing) -> ClientOrderId {
        let order = OrderRequest { pricing, ..self.rig.order(side, units) };
        let id = order.client_order_id;
        self.rig.requests += 1;
        let request = RequestId(self.rig.requests);
        self.step(Input::Place { request, orders: vec![order] });
        id
    }

    fn trade(&mut self, side: Side, units: i64) {
        self.place(side, units, Pricing::Market);
        self.settle();
    }

    fn set(&mut self, plan: ExitPlan) -> Outcome {
        self.said.clear();
        let change = ExitChange::Set { account: paper(), instrument: aapl(), plan: Box::new(plan) };
        self.step(Input::Exit { request: RequestId(1), change: Box::new(change) });
        self.said.pop().expect("every change is answered")
    }

    fn group(&self) -> Option<ExitGroup> {
        self.disk.exits.first().cloned()
    }

    fn state(&self) -> Option<ExitState> {
        self.group().map(|group| group.state)
    }

    /// What the broker says of an order.
    fn told(&mut self, id: ClientOrderId, event: OrderEvent) {
        let update = OrderUpdate { account: paper(), client_order_id: id, at: self.rig.now, event };
        self.step(Input::Broker(Box::new(AccountEvent::Order(update))));
    }

    /// The broker shows so many shares.
    fn shows(&mut self, units: i64) {
        let statement = Statement {
            positions: Some(self.rig.position(units)),
            ..Statement::asked(paper(), ReconcileReason::Doubt, self.rig.now)
        };
        self.step(Input::Broker(Box::new(AccountEvent::Statement(Box::new(statement)))));
    }

    /// Units that orders at the venue would sell.
    fn offered(&self) -> Quantity {
        let reports = self.venue.open_orders().filter_map(|id| self.venue.describe(id));
        reports
            .filter(|it| !it.side.is_buy())
            .fold(Quantity::ZERO, |sum, it| sum + (it.quantity - it.filled_quantity))
    }

    fn held(&self) -> i64 {
        i64::try_from(self.rig.held().get()).unwrap()
    }

    /// Another engine over the same disk; the venue lives on.
    fn restarted(self) -> Self {
        let Self { rig, mut venue, disk, deaf, feed, last, sent, .. } = self;
        venue.reopen();
        let mut next = Self::over(venue, disk, rig.now);
        (next.deaf, next.feed, next.last, next.sent) = (deaf, feed, last, sent);
        let restored = Restored {
            orders: next.disk.orders.values().cloned().collect(),
            executions: next.disk.executions.clone(),
            exits: next.disk.exits.clone(),
            ..Restored::default()
        };
        next.step(Input::Restored(Box::new(restored)));
        next.step(Input::RunStrategies);
        next
    }

    /// What a comparison with the venue shows.
    fn reconcile(&mut self) {
        let ids: Vec<ClientOrderId> = self.venue.open_orders().collect();
        let orders = ids.into_iter().filter_map(|id| self.venue.describe(id)).collect();
        let statement = Statement {
            orders: Some(orders),
            executions: Some(Vec::new()),
            movements: Some(Vec::new()),
            positions: Some(self.venue.positions()),
            ..Statement::asked(paper(), ReconcileReason::Start, self.rig.now)
        };
        self.step(Input::Broker(Box::new(AccountEvent::Statement(Box::new(statement)))));
    }
}

/// A stop that waits in the engine.
fn stop(level: &str) -> ExitPlan {
    ExitPlan { placement: Placement::Engine, ..resting(level) }
}

/// A stop that waits at the broker, where it can.
fn resting(level: &str) -> ExitPlan {
    ExitPlan { stop_loss: Some(level.parse().unwrap()), ..ExitPlan::default() }
}

fn take(steps: &[&str]) -> ExitPlan {
    let steps = steps.iter().map(|step| step.parse::<TakeStep>().unwrap()).collect();
    ExitPlan { take_profit: steps, ..stop("5%") }
}

fn long() -> Desk {
    let mut desk = Desk::new();
    desk.trade(Side::Buy, 10);
    assert_eq!(desk.held(), 10);
    desk
}

fn refused(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refused(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stop_closes_the_whole_position_and_is_gone() {
    let mut desk = long();
    let said = desk.set(stop("5%"));
    // Bought at 100.01.
    assert_eq!(said, Outcome::Said("10 AAPL: stop 5%, in the engine; the stop stands at 95.00".to_owned()));
    desk.quote("95.5");
    desk.quote("94.9");
    assert_eq!((desk.held(), desk.state()), (10, Some(ExitState::Armed)), "one update sets nothing off");
    desk.quote("94.9");
    assert_eq!((desk.held(), desk.group()), (0, None));
    assert_eq!(desk.rig.said("EXIT_TRIGGERED"), 1);
    let exit = desk.sent.last().unwrap();
    assert_eq!((exit.origin.kind, exit.reduce_only, exit.side), (OriginKind::Exit, true, Side::Sell));
    assert_eq!(exit.pricing, Pricing::Market);
    assert!(desk.rang[0].contains("stop_loss at 94.9"), "{:?}", desk.rang);
}

#[test]
fn a_short_position_is_bought_back() {
    let mut desk = Desk::new();
    desk.trade(Side::SellShort, 10);
    desk.set(stop("5%"));
    for _ in 0..2 {
        desk.quote("106");
    }
    assert_eq!((desk.held(), desk.group()), (0, None));
    assert_eq!(desk.sent.last().unwrap().side, Side::BuyToCover);
}

#[test]
fn targets_take_their_parts_and_the_stop_closes_what_is_left() {
    let mut desk = long();
    desk.set(take(&["4%:0.5", "8%:0.5"]));
    for _ in 0..2 {
        desk.quote("104.5");
    }
    let group = desk.group().unwrap();
    assert_eq!((desk.held(), group.state, group.steps_done), (5, ExitState::Armed, 1));
    for _ in 0..2 {
        desk.quote("94");
    }
    assert_eq!((desk.held(), desk.group()), (0, None));
    let mut desk = long();
    desk.set(take(&["4%:0.5", "8%:0.5"]));
    for price in ["104.5", "104.5", "108.5", "108.5"] {
        desk.quote(price);
    }
    assert_eq!((desk.held(), desk.group()), (0, None));
}

/// A part of three shares that is no whole share is rounded down once: what is left of it is not sold later.
#[test]
fn a_part_is_closed_once() {
    let mut desk = Desk::new();
    desk.trade(Side::Buy, 3);
    desk.set(take(&["3%:0.4"]));
    for _ in 0..20 {
        desk.quote("103.1");
    }
    let group = desk.group().unwrap();
    assert_eq!((desk.held(), group.state, group.steps_done), (2, ExitState::Armed, 1));
}

#[test]
fn the_plan_follows_the_position() {
    let mut desk = long();
    desk.set(stop("5%"));
    desk.trade(Side::Buy, 5);
    desk.trade(Side::Sell, 12);
    assert_eq!((desk.held(), desk.state()), (3, Some(ExitState::Armed)));
    for _ in 0..2 {
        desk.quote("94");
    }
    assert_eq!((desk.held(), desk.sent.last().unwrap().quantity), (0, Quantity::from(3)));
    // Closed by hand: nothing watches any more, and nothing is sold short.
    let mut desk = long();
    desk.set(stop("5%"));
    desk.trade(Side::Sell, 10);
    assert_eq!(desk.group(), None);
    for _ in 0..3 {
        desk.quote("90");
    }
    assert_eq!(desk.held(), 0);
}

#[test]
fn orders_that_hold_the_units_make_room() {
    let mut desk = long();
    let rests = desk.place(Side::Sell, 10, Pricing::Limit { limit_price: Price::from(120) });
    desk.set(stop("5%"));
    for _ in 0..3 {
        desk.quote("94");
    }
    assert_eq!((desk.held(), desk.rig.status(rests)), (0, OrderStatus::Canceled));
    assert_eq!(desk.rig.said("EXIT_MAKES_ROOM"), 1);
}

#[test]
fn what_is_stale_halted_or_made_up_for_real_money_sets_nothing_off() {
    let fall = |desk: &mut Desk, age: i64, halted: bool, feed: Feed| {
        for _ in 0..3 {
            desk.rig.now += SignedDuration::from_millis(500);
            let as_of = desk.rig.now - SignedDuration::from_secs(age);
            let mut quote = Quote::empty(aapl(), as_of, feed);
            (quote.bid, quote.ask) = ("90".parse().ok(), "90.02".parse().ok());
            quote.halted = halted;
            desk.step(Input::Quote(Box::new(quote)));
        }
    };
    for (age, halted, feed, mode, sets_off) in [
        (0, false, Feed::Simulated, AccountMode::Paper, true),
        (0, false, Feed::RealTime, AccountMode::Live, true),
        (6, false, Feed::Simulated, AccountMode::Paper, false),
        (0, true, Feed::Simulated, AccountMode::Paper, false),
        (0, false, Feed::Frozen, AccountMode::Paper, false),
        (0, false, Feed::Simulated, AccountMode::Live, false),
        (0, false, Feed::Delayed, AccountMode::Live, false),
    ] {
        let mut desk = long();
        desk.set(stop("5%"));
        desk.rig.later(10);
        desk.rig.engine.accounts.get_mut(&paper()).unwrap().setup.mode = mode;
        fall(&mut desk, age, halted, feed);
        let case = format!("{age} {halted} {feed:?} {mode:?}");
        assert_eq!(desk.rig.said("EXIT_TRIGGERED") == 1, sets_off, "{case}");
    }
}

#[test]
fn plans_that_cannot_be_are_refused_with_the_reason() {
    let mut desk = Desk::new();
    assert_eq!(refused(desk.set(stop("5%"))), "paper holds no AAPL");
    desk.trade(Side::Buy, 10);
    assert_eq!(refused(desk.set(stop("101"))), "stop loss is reached already at 100");
    let nothing = refused(desk.set(ExitPlan::default()));
    assert!(nothing.starts_with("the plan closes nothing"), "{nothing}");
    desk.rig.later(60);
    assert_eq!(refused(desk.set(stop("5%"))), "AAPL has no price now that a plan could be measured by");
    let clear = ExitChange::Clear { account: paper(), instrument: aapl() };
    desk.step(Input::Exit { request: RequestId(2), change: Box::new(clear.clone()) });
    assert_eq!(refused(desk.said.pop().unwrap()), "paper has no exit plan for AAPL");
    desk.quote("100");
    desk.set(stop("5%"));
    desk.step(Input::Exit { request: RequestId(3), change: Box::new(clear) });
    assert_eq!(desk.group(), None);
    for _ in 0..3 {
        desk.quote("90");
    }
    assert_eq!(desk.held(), 10);
    // An engine that only reads closes nothing and promises nothing.
    let mut reader = Desk::over(venue(), Disk::default(), start());
    assert_eq!(
        refused(reader.set(stop("5%"))),
        "exit plans watch in the profile's own engine; this one only reads"
    );
}

#[test]
fn the_kill_switch_leaves_exits_at_work() {
    let mut desk = long();
    desk.set(stop("5%"));
    desk.step(Input::Halt { request: RequestId(5), all: false, reason: "asked for".to_owned() });
    for _ in 0..2 {
        desk.quote("94");
    }
    assert_eq!((desk.held(), desk.group()), (0, None));
}

#[test]
fn time_is_up_before_the_close_and_splits_move_the_levels() {
    let mut desk = long();
    // It is 10:00 in New York.
    desk.set(ExitPlan { before_close: Some(30), ..stop("5%") });
    let until = desk.group().unwrap().until.unwrap();
    assert_eq!(until.to_string(), "2026-11-24T20:30:00Z");
    let kind = CorporateActionKind::Split { numerator: 2, denominator: 1 };
    let action = CorporateAction {
        instrument: aapl(),
        ex_date: jiff::civil::date(2026, 11, 24),
        pay_date: None,
        kind,
    };
    let report = CorporateReport { account: paper(), at: desk.rig.now, action };
    desk.step(Input::Broker(Box::new(AccountEvent::Corporate(Box::new(report)))));
    assert_eq!(desk.group().unwrap().stop_price, Some("47.5".parse().unwrap()));
    desk.rig.now = until - SignedDuration::from_secs(5);
    desk.quote("100");
    assert_eq!(desk.held(), 10);
    desk.rig.later(5);
    desk.quote("100");
    assert_eq!((desk.held(), desk.group()), (0, None));
}
