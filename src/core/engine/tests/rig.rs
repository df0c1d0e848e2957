//! An engine with one account, and what it wants done.

pub(super) use crate::core::effect::IntentKind;
pub(super) use crate::core::input::Restored;
pub(super) use crate::domain::account::{AccountKind, AccountMode};
pub(super) use crate::domain::capabilities::Capabilities;
pub(super) use crate::domain::denial::DenialCode;
pub(super) use crate::domain::execution::{AccountEvent, Execution, ExecutionKind, OrderEvent, OrderUpdate};
pub(super) use crate::domain::ids::{BrokerOrderId, ExecutionId, OrderNumber};
pub(super) use crate::domain::limits::RiskLimits;
pub(super) use crate::domain::money::{Currency, Money, Price, Quantity};
pub(super) use crate::domain::order::{
    BracketExit, OrderChange, OrderFate, OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind,
    Pricing, Side, TimeInForce,
};

pub(super) use crate::domain::statement::{OrderReport, ReconcileReason, Statement};
pub(super) use std::collections::{BTreeMap, BTreeSet};

pub(super) use super::super::*;

pub(super) const CASH: i64 = 100_000;

pub(super) fn paper() -> AccountId {
    AccountId::new("paper")
}

pub(super) fn aapl() -> Instrument {
    Instrument::equity("AAPL").unwrap()
}

pub(super) fn start() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

/// An engine, and what it wants done.
pub(super) struct Rig {
    pub(super) engine: Engine,
    pub(super) now: Timestamp,
    pub(super) requests: u64,
}

impl Rig {
    /// A margin account of 100,000 that may do anything but spend more than it has, and AAPL at 100.
    pub(super) fn new() -> Self {
        let room = 1_000;
        let limits = RiskLimits::bar_mode(Decimal::from(CASH));
        Self::with(RiskLimits { open_orders_max: room, open_orders_per_instrument_max: room, ..limits })
    }

    pub(super) fn with(limits: RiskLimits) -> Self {
        Self::of(AccountSetup {
            account: paper(),
            kind: AccountKind::Margin,
            mode: AccountMode::Paper,
            currency: Currency::USD,
            opening_cash: vec![Money::usd(Decimal::from(CASH))],
            options_level: 3,
            capabilities: Capabilities::paper(),
            limits,
        })
    }

    /// A cash account with this much money.
    pub(super) fn cash_account(cash: i64) -> Self {
        let setup = Self::new().engine.accounts[&paper()].setup.clone();
        Self::of(AccountSetup {
            kind: AccountKind::Cash,
            opening_cash: vec![Money::usd(Decimal::from(cash))],
            ..setup
        })
    }

    pub(super) fn of(setup: AccountSetup) -> Self {
        let config = EngineConfig {
            profile: "test".into(),
            default_account: paper(),
            feed: Feed::Simulated,
            seed: 7,
            bar_mode: false,
            never_closed: true,
            fees: FeeTable::default(),
            records: Records::All,
        };
        let engine = Engine::new(config, Arc::new(Calendar::nyse()), start());
        let mut rig = Self { engine, now: start(), requests: 0 };
        rig.step(Input::Account(Box::new(setup)));
        rig.step(Input::BrokerStatus { account: paper(), up: true, reconciled: true });
        rig.step(Input::Instrument(Box::new(InstrumentSpec::standard(aapl()))));
        rig.quote("100");
        rig
    }

    /// Seconds pass.
    pub(super) fn later(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// Shares held.
    pub(super) fn held(&self) -> Quantity {
        self.engine.held(&paper(), &aapl())
    }

    pub(super) fn step(&mut self, input: Input) -> Effects {
        self.engine.step(self.now, input)
    }

    pub(super) fn quote(&mut self, price: &str) -> Effects {
        self.now += SignedDuration::from_secs(1);
        let mut quote = Quote::empty(aapl(), self.now, Feed::Simulated);
        (quote.bid, quote.ask) = (price.parse().ok(), price.parse().ok());
        self.step(Input::Quote(Box::new(quote)))
    }

    pub(super) fn order(&mut self, side: Side, quantity: i64) -> OrderRequest {
        OrderRequest {
            time_in_force: TimeInForce::Gtc,
            allow_duplicate: true,
            ..OrderRequest::plain(
                self.engine.mint(self.now),
                paper(),
                Origin::person(OriginKind::Cli),
                OrderSubject::Instrument(aapl()),
                side,
                Quantity::from(quantity),
                Pricing::Limit { limit_price: Price::from(100) },
            )
        }
    }

    pub(super) fn place(&mut self, orders: Vec<OrderRequest>) -> Effects {
        self.requests += 1;
        self.step(Input::Place { request: RequestId(self.requests), orders })
    }

    /// Answers every journal entry, and every one that follows; returns what was sent.
    pub(super) fn journaled(&mut self, effects: Effects) -> Effects {
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
    pub(super) fn sent(&mut self, side: Side, quantity: i64) -> ClientOrderId {
        let order = self.order(side, quantity);
        let id = order.client_order_id;
        let effects = self.place(vec![order]);
        let sent = self.journaled(effects);
        assert!(sent.iter().any(|e| matches!(e, Effect::Submit { .. })), "{sent:?}");
        id
    }

    pub(super) fn report(&mut self, id: ClientOrderId, event: OrderEvent) -> Effects {
        let update = OrderUpdate { account: paper(), client_order_id: id, at: self.now, event };
        self.step(Input::Broker(Box::new(AccountEvent::Order(update))))
    }

    /// The broker shows so many shares.
    pub(super) fn position(&self, quantity: i64) -> Vec<Position> {
        let position = Position {
            account: paper(),
            instrument: aapl(),
            quantity: Quantity::from(quantity),
            average_price: Price::from(100),
            multiplier: Decimal::ONE,
            currency: Currency::USD,
            mark: Some(Price::from(100)),
            market_value: None,
            unrealized_pnl: None,
            realized_pnl: Decimal::ZERO,
            day_pnl: None,
        };
        if quantity == 0 { Vec::new() } else { vec![position] }
    }

    /// The broker shows these orders and fills, and so many shares.
    pub(super) fn statement(
        &mut self,
        orders: Vec<OrderReport>,
        executions: Vec<Execution>,
        quantity: i64,
    ) -> Effects {
        let statement = Statement {
            orders: Some(orders),
            executions: Some(executions),
            movements: Some(Vec::new()),
            positions: Some(self.position(quantity)),
            ..Statement::asked(paper(), ReconcileReason::Timer, self.now)
        };
        self.step(Input::Broker(Box::new(AccountEvent::Statement(Box::new(statement)))))
    }

    pub(super) fn status(&self, id: ClientOrderId) -> OrderStatus {
        self.engine.order(id).unwrap().status
    }

    pub(super) fn said(&self, code: &str) -> usize {
        self.engine.log.iter().filter(|line| line.code == code).count()
    }
}

pub(super) fn fill(id: ClientOrderId, execution: &str, side: Side, quantity: i64, price: &str) -> OrderEvent {
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

pub(super) fn acknowledged() -> OrderEvent {
    OrderEvent::Acknowledged { broker_order_id: BrokerOrderId::new("b1") }
}

pub(super) fn tickets(effects: &Effects) -> Vec<Ticket> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Journal { ticket, .. } => Some(*ticket),
            _ => None,
        })
        .collect()
}

/// Ids that effects send to the broker as orders.
pub(super) fn orders_sent(effects: &Effects) -> Vec<ClientOrderId> {
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
