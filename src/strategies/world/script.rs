//! A strategy driven through the world: due times, fills, expiries and what the user does, and what came of it.

use std::collections::VecDeque;

use jiff::Timestamp;
use jiff::civil::{Date, time};
use rust_decimal::Decimal;

use super::{Fills, SHARES, World, price, share, weight};
use crate::domain::calendar::{instant, plus_days};
use crate::domain::corporate::{CorporateAction, CorporateActionKind};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::{AccountId, ClientOrderId, OrderNumber};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{OptionContract, Right};
use crate::domain::order::{
    Order, OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind, PositionEffect, Pricing, Side,
};
use crate::domain::quote::{Bar, Interval, Quote};
use crate::strategies::schedule::{Firing, Timetable, next_due};
use crate::strategies::{Books, Need, Output, Params, Proposal, Strategy, StrategyInput, build};

enum Event {
    Execution(Execution),
    Assigned(Execution),
    Exercised(Execution),
    Expired(Execution),
    Position(Instrument, Decimal, Decimal),
    Corporate(CorporateAction),
    Order(Order),
    Chain,
    Bars,
    Events,
    Started,
    Resumed,
}

/// A strategy in its world.
pub(in crate::strategies) struct Script {
    pub(in crate::strategies) world: World,
    pub(in crate::strategies) strategy: Box<dyn Strategy>,
    pub(in crate::strategies) log: Vec<String>,
    pub(in crate::strategies) alerts: Vec<String>,
    /// Everything proposed, with its instant: side, what, how many, limit.
    pub(in crate::strategies) proposed: Vec<String>,
    /// A restart before every input.
    pub(in crate::strategies) restless: bool,
    kind: &'static str,
    params: Params,
    timetable: Timetable,
    queue: VecDeque<Event>,
    memory: String,
}

impl Script {
    /// A strategy of a kind in a world that begins at an instant.
    pub(in crate::strategies) fn new(
        kind: &'static str,
        start: &str,
        cash: i64,
        pairs: &[(&str, &str)],
    ) -> Self {
        let params = Params::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let strategy = build(kind, "test".into(), vec![share()], &params).unwrap();
        let mut world = World::new(start.parse().unwrap(), cash);
        world.refresh();
        let timetable = Timetable::new(strategy.schedules(), &world.calendar, world.now);
        Self {
            world,
            strategy,
            log: Vec::new(),
            alerts: Vec::new(),
            proposed: Vec::new(),
            restless: false,
            kind,
            params,
            timetable,
            queue: VecDeque::new(),
            memory: String::new(),
        }
    }

    /// Codes of what was decided, ladder steps left out.
    pub(in crate::strategies) fn codes(&self) -> Vec<&str> {
        self.log
            .iter()
            .map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                if words[0] == "SKIP" { words[1] } else { words[0] }
            })
            .filter(|code| *code != "LADDER_STEP")
            .collect()
    }

    /// Forgets what was logged so far.
    pub(in crate::strategies) fn clear(&mut self) {
        self.log.clear();
        self.alerts.clear();
        self.proposed.clear();
    }

    /// A crash and a new start: only the memory that was stored survives.
    pub(in crate::strategies) fn restart(&mut self) {
        self.reborn();
        self.queue.push_back(Event::Started);
        self.drain();
    }

    /// It was paused, and a person starts it again.
    pub(in crate::strategies) fn resume(&mut self) {
        self.restart();
        self.queue.push_back(Event::Resumed);
        self.drain();
    }

    fn reborn(&mut self) {
        let mut other = build(self.kind, "test".into(), vec![share()], &self.params).unwrap();
        other.restore(&self.memory).unwrap();
        self.strategy = other;
    }

    /// Claims without trading: shares adopted or a position from before.
    pub(in crate::strategies) fn give(&mut self, instrument: Instrument, units: i64, price: &str) {
        self.world.claims.insert(instrument, (Decimal::from(units), price.parse().unwrap()));
        self.world.refresh();
    }

    /// The user trades shares by hand.
    pub(in crate::strategies) fn by_hand(&mut self, units: i64) {
        self.by_hand_of(self.world.share(), units, price(self.world.market.spot));
    }

    /// The user trades something by hand.
    pub(in crate::strategies) fn by_hand_of(&mut self, instrument: Instrument, units: i64, at: Price) {
        let before = self.world.claim(&instrument);
        let side = if units > 0 { Side::Buy } else { Side::Sell };
        let count = Decimal::from(units.abs());
        let trade = self.world.execution(instrument.clone(), side, count, at, ExecutionKind::Trade);
        self.world.book(&trade);
        self.queue.push_back(Event::Position(instrument, before, before + Decimal::from(units)));
        self.drain();
    }

    pub(in crate::strategies) fn corporate(&mut self, kind: CorporateActionKind) {
        let action = CorporateAction {
            instrument: self.world.share(),
            ex_date: self.world.today(),
            pay_date: None,
            kind,
        };
        if let CorporateActionKind::SymbolChange { to } = &action.kind {
            self.world.symbol = to.clone();
        }
        self.queue.push_back(Event::Corporate(action));
        self.drain();
    }

    /// Short contracts are assigned now, so many of them, or what is left. The strategy hears of the options, and may evaluate, before the
    /// shares have moved.
    pub(in crate::strategies) fn assign(&mut self, contract: &OptionContract, contracts: i64) {
        let count = self.assign_without_shares(contract, contracts);
        if count <= Decimal::ZERO {
            return;
        }
        let side = if contract.right == Right::Put { Side::Buy } else { Side::Sell };
        let share = self.world.share();
        let kind = ExecutionKind::Assignment;
        let shares = self.world.execution(share, side, count * SHARES, contract.strike, kind);
        self.world.book(&shares);
        self.queue.push_back(Event::Execution(shares));
        self.drain();
    }

    /// The same, and nobody has seen the shares yet. Says how many contracts were assigned.
    pub(in crate::strategies) fn assign_without_shares(
        &mut self,
        contract: &OptionContract,
        contracts: i64,
    ) -> Decimal {
        let option = Instrument::Option(contract.clone());
        let count = Decimal::from(contracts).min(-self.world.claim(&option));
        if count > Decimal::ZERO {
            let kind = ExecutionKind::Assignment;
            let gone = self.world.execution(option, Side::Buy, count, Price::ZERO, kind);
            self.world.book(&gone);
            self.queue.push_back(Event::Assigned(gone));
            self.drain();
        }
        count
    }

    /// Runs until an instant of the exchange's wall time, `MM-DD HH:MM` of 2026 or 2027.
    pub(in crate::strategies) fn until(&mut self, text: &str) {
        let (day, at) = text.split_once(' ').unwrap();
        let day: Date = day.parse().unwrap();
        let (hour, minute) = at.split_once(':').unwrap();
        let end = instant(day, time(hour.parse().unwrap(), minute.parse().unwrap(), 0, 0));
        while self.world.now < end {
            let evening = self.next_of_life();
            let next =
                if self.world.orders.is_empty() { self.next_but_ladder() } else { self.timetable.next() };
            let next = next.unwrap_or(end).min(evening).min(end);
            self.world.now = next.max(self.world.now);
            self.live();
            self.world.refresh();
            self.match_orders();
            let firings = self.timetable.poll(self.world.now, &self.world.calendar, false);
            for firing in firings {
                let Firing::Due { name, due_at } = firing else { continue };
                self.feed_due(&name, due_at);
                self.drain();
                self.match_orders();
            }
        }
    }

    /// Without working orders the ladder has nothing to do: those times are jumped over.
    fn next_but_ladder(&self) -> Option<Timestamp> {
        let times = self.strategy.schedules().into_iter().filter(|schedule| schedule.name != "ladder");
        times.filter_map(|it| next_due(&it.spec, &self.world.calendar, self.world.now)).min()
    }

    fn next_of_life(&self) -> Timestamp {
        let today = self.world.today();
        let at = [time(7, 0, 0, 0), time(16, 0, 0, 0), time(17, 30, 0, 0)];
        let mut all = at.iter().map(|at| instant(today, *at)).chain([instant(plus_days(today, 1), at[0])]);
        all.find(|it| *it > self.world.now).unwrap()
    }

    /// Closes decide expiries, evenings end worthless options, mornings bring assignments.
    fn live(&mut self) {
        let (now, today) = (self.world.now, self.world.today());
        let close = self.world.calendar.expiry_instant(today);
        if self.world.calendar.is_session(today) && now >= close {
            let due: Vec<OptionContract> = self
                .world
                .claims
                .keys()
                .filter_map(|it| it.as_option().cloned())
                .filter(|contract| contract.expiry == today)
                .collect();
            for contract in due {
                if !self.world.expired.iter().any(|(known, _)| *known == contract) {
                    self.world.expired.push((contract, self.world.market.spot));
                }
            }
            let ended: Vec<Order> = self.world.orders.drain(..).map(|(order, _)| order).collect();
            for order in ended {
                self.queue.push_back(Event::Order(Order { status: OrderStatus::Expired, ..order }));
            }
        }
        let evening = now >= instant(today, time(17, 30, 0, 0));
        let morning = now >= instant(today, time(7, 0, 0, 0));
        let settled: Vec<(OptionContract, f64)> = self
            .world
            .expired
            .extract_if(.., |(contract, _)| contract.expiry < today && morning || evening)
            .collect();
        for (contract, spot) in settled {
            let held = self.world.claim(&Instrument::Option(contract.clone()));
            let inside = contract.intrinsic(price(spot)).is_positive();
            if inside && held < Decimal::ZERO && contract.expiry == today {
                self.world.expired.push((contract, spot));
            } else if inside && held < Decimal::ZERO {
                self.assign(&contract, i64::MAX);
            } else if inside {
                self.exercise(&contract, held);
            } else {
                self.expire(&contract, held);
            }
        }
        self.drain();
    }

    fn expire(&mut self, contract: &OptionContract, held: Decimal) {
        let side = if held < Decimal::ZERO { Side::Buy } else { Side::Sell };
        let option = Instrument::Option(contract.clone());
        let gone = self.world.execution(option, side, held.abs(), Price::ZERO, ExecutionKind::Expiration);
        self.world.book(&gone);
        self.queue.push_back(Event::Expired(gone));
    }

    fn exercise(&mut self, contract: &OptionContract, held: Decimal) {
        let option = Instrument::Option(contract.clone());
        let gone = self.world.execution(option, Side::Sell, held, Price::ZERO, ExecutionKind::Exercise);
        let side = if contract.right == Right::Put { Side::Sell } else { Side::Buy };
        let share = self.world.share();
        let shares =
            self.world.execution(share, side, held * SHARES, contract.strike, ExecutionKind::Exercise);
        self.world.book(&gone);
        self.world.book(&shares);
        self.queue.push_back(Event::Exercised(gone));
        self.queue.push_back(Event::Execution(shares));
    }

    fn feed_due(&mut self, name: &str, due_at: Timestamp) {
        self.feed(StrategyInput::Due { schedule: name, due_at });
    }

    /// Hands over what has happened until nothing is left.
    pub(in crate::strategies) fn drain(&mut self) {
        self.world.refresh();
        while let Some(event) = self.queue.pop_front() {
            self.hand_over(event);
        }
    }

    fn hand_over(&mut self, event: Event) {
        match event {
            Event::Started => self.feed(StrategyInput::Started),
            Event::Resumed => self.feed(StrategyInput::Resumed),
            Event::Execution(it) => self.feed(StrategyInput::Execution(&it)),
            Event::Assigned(it) => self.feed(StrategyInput::Assigned(&it)),
            Event::Exercised(it) => self.feed(StrategyInput::Exercised(&it)),
            Event::Expired(it) => self.feed(StrategyInput::Expired(&it)),
            Event::Order(it) => self.feed(StrategyInput::OrderChanged(&it)),
            Event::Corporate(it) => self.feed(StrategyInput::CorporateAction(&it)),
            Event::Position(instrument, before, now) => self.feed(StrategyInput::PositionChanged {
                instrument: &instrument,
                before: Quantity::new(before),
                now: Quantity::new(now),
            }),
            Event::Events => {
                let underlying = self.world.symbol.clone();
                self.feed(StrategyInput::EventsReady { underlying: &underlying });
            }
            Event::Bars => {
                let (instrument, bars) = (self.world.share(), self.world.bars.clone());
                self.feed(StrategyInput::BarsReady {
                    instrument: &instrument,
                    interval: Interval::Day1,
                    bars: &bars,
                });
            }
            Event::Chain => {
                if let Some(chain) = self.world.chain.clone() {
                    self.feed(StrategyInput::ChainReady(&chain));
                }
            }
        }
    }

    fn feed(&mut self, input: StrategyInput<'_>) {
        let mut out = Vec::new();
        if self.restless && !matches!(input, StrategyInput::Started) {
            self.reborn();
            self.strategy.on_input(self.world.now, StrategyInput::Started, &self.world, &mut out);
            for output in std::mem::take(&mut out) {
                self.carry_out(output);
            }
        }
        self.strategy.on_input(self.world.now, input, &self.world, &mut out);
        for output in out {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Propose(proposal, decision) => {
                self.log.push(decision.line());
                self.place(proposal);
            }
            Output::Replace(id, change, decision) => {
                self.log.push(decision.line());
                let now = self.world.now;
                if let Some((order, _)) =
                    self.world.orders.iter_mut().find(|(o, _)| o.request.client_order_id == id)
                {
                    order.request.pricing = Pricing::Limit { limit_price: change.limit_price.unwrap() };
                    order.created_at = now;
                }
            }
            Output::Cancel(id) => {
                if let Some(at) = self.world.orders.iter().position(|(o, _)| o.request.client_order_id == id)
                {
                    let (order, _) = self.world.orders.remove(at);
                    self.queue.push_back(Event::Order(Order { status: OrderStatus::Canceled, ..order }));
                }
            }
            Output::Need(Need::Chain { from, until, .. }) => {
                self.world.make_chain(from, until);
                self.queue.push_back(Event::Chain);
            }
            Output::Need(Need::Bars { .. }) => {
                let bar = |close: &f64| {
                    let close = price(*close);
                    Bar {
                        start: Timestamp::UNIX_EPOCH,
                        open: close,
                        high: close,
                        low: close,
                        close,
                        volume: Decimal::ONE,
                    }
                };
                self.world.bars = self.world.market.closes.iter().map(bar).collect();
                self.queue.push_back(Event::Bars);
            }
            // A bot's process is nothing of this script's.
            Output::Tell(_) => {}
            Output::Need(Need::Events { .. }) => self.queue.push_back(Event::Events),
            Output::Remember => self.memory = self.strategy.memory(),
            Output::Decision(decision) => self.log.push(decision.line()),
            Output::Alert(text) => self.alerts.push(text),
        }
    }

    fn place(&mut self, proposal: Proposal) {
        self.world.numbers += 1;
        let id = ClientOrderId::from_parts(self.world.numbers, 1);
        let origin = Origin { kind: OriginKind::Strategy, name: Some("test".into()) };
        let limit =
            proposal.pricing.limit_price().map_or_else(|| "market".to_owned(), |limit| limit.to_string());
        let effect = proposal.position_effect.map_or(String::new(), |effect| format!(" {effect:?}"));
        self.proposed
            .push(format!("{}{effect} {} {} at {limit}", proposal.side, proposal.quantity, proposal.subject));
        let request = OrderRequest {
            position_effect: proposal.position_effect,
            price_effect: proposal.price_effect,
            reduce_only: proposal.reduce_only,
            time_in_force: proposal.time_in_force,
            ..OrderRequest::plain(
                id,
                AccountId::new("paper"),
                origin,
                proposal.subject,
                proposal.side,
                proposal.quantity,
                proposal.pricing,
            )
        };
        let opens = request.position_effect == Some(PositionEffect::Open);
        let order =
            Order::new(OrderNumber(self.world.numbers), request, OrderStatus::Submitted, self.world.now);
        let has_shares = order.request.subject.instruments().any(|it| it.as_option().is_none());
        let share_leg = has_shares && matches!(order.request.subject, OrderSubject::Legs(_));
        if opens && self.world.refuse_openings || share_leg && self.world.refuse_share_legs {
            let reason = Some(self.world.refusal.to_owned());
            self.queue.push_back(Event::Order(Order { status: OrderStatus::Rejected, reason, ..order }));
            return;
        }
        let uncovered_before = self.world.uncovered();
        self.world.orders.push((order, self.world.now));
        self.world.refresh();
        let uncovered = self.world.uncovered();
        assert!(
            uncovered <= Decimal::ZERO.max(uncovered_before),
            "{uncovered} uncovered by {:?}",
            self.proposed.last()
        );
        let puts = self.world.orders.last().is_some_and(|(order, _)| {
            let contract = order.request.subject.instrument().and_then(Instrument::as_option);
            contract.is_some_and(|contract| contract.right == Right::Put)
        });
        assert!(
            !(opens && puts) || self.world.free_cash() >= Decimal::ZERO,
            "cash promised twice by {:?}",
            self.proposed.last()
        );
    }

    /// Fills what the script lets fill.
    pub(in crate::strategies) fn match_orders(&mut self) {
        self.world.refresh();
        let mut at = 0;
        while at < self.world.orders.len() {
            let order = self.world.orders[at].0.clone();
            let fills = match self.world.fills {
                Fills::Never => None,
                Fills::OneContract if order.filled_quantity.is_positive() => None,
                Fills::OneContract => Some(Decimal::ONE),
                Fills::AtOnce => Some(order.leaves_quantity().get()),
                Fills::Natural => self.is_natural(&order).then(|| order.leaves_quantity().get()),
            };
            let Some(count) = fills.filter(|_| self.session_is_open()) else {
                at += 1;
                continue;
            };
            self.fill(at, count);
            self.drain();
        }
    }

    fn session_is_open(&self) -> bool {
        let session = self.world.calendar.session(self.world.today());
        session.is_some_and(|it| it.open <= self.world.now && self.world.now < it.close)
    }

    fn is_natural(&self, order: &Order) -> bool {
        let Some(limit) = order.request.pricing.limit_price() else { return true };
        let side = |it: &Instrument, buys: bool| {
            let quote = &self.world.quotes[it];
            if buys { quote.ask } else { quote.bid }.unwrap_or_default()
        };
        match &order.request.subject {
            OrderSubject::Instrument(it) if order.request.side.is_buy() => limit >= side(it, true),
            OrderSubject::Instrument(it) => limit <= side(it, false),
            OrderSubject::Legs(legs) => {
                let net: Price =
                    legs.iter().map(|leg| side(&leg.instrument, leg.side.is_buy()) * weight(leg)).sum();
                limit >= net
            }
        }
    }

    fn fill(&mut self, at: usize, count: Decimal) {
        let (order, _) = &mut self.world.orders[at];
        order.filled_quantity += Quantity::new(count);
        let done = order.leaves_quantity().is_zero();
        order.status = if done { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
        let order = order.clone();
        if done {
            self.world.orders.remove(at);
        }
        let limit = order.request.pricing.limit_price();
        let mut executions = Vec::new();
        match &order.request.subject {
            OrderSubject::Instrument(it) => {
                let spot = price(self.world.market.spot);
                executions.push((it.clone(), order.request.side, count, limit.unwrap_or(spot)));
            }
            OrderSubject::Legs(legs) => {
                // Legs at their middles, the first one so that the net is the limit.
                let mid = |it: &Instrument| {
                    self.world.quotes.get(it).and_then(Quote::mid).unwrap_or(price(self.world.market.spot))
                };
                let rest: Decimal =
                    legs[1..].iter().map(|leg| weight(leg) * mid(&leg.instrument).get()).sum();
                for (i, leg) in legs.iter().enumerate() {
                    let at = if i == 0 {
                        Price::new((limit.unwrap_or_default().get() - rest) / weight(leg))
                    } else {
                        mid(&leg.instrument)
                    };
                    executions.push((leg.instrument.clone(), leg.side, leg.ratio * count, at));
                }
            }
        }
        for (instrument, side, units, at) in executions {
            let execution = self.world.execution(instrument, side, units, at, ExecutionKind::Trade);
            self.world.book(&execution);
            self.queue.push_back(Event::Execution(execution));
        }
        self.queue.push_back(Event::Order(order));
    }
}
