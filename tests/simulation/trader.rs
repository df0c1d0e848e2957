//! What people, strategies and the world do at random.

use arbion::core::effect::RequestId;
use arbion::core::input::Input;
use arbion::domain::ids::{AccountId, ClientOrderId};
use arbion::domain::money::{Price, Quantity};
use arbion::domain::option::Leg;
use arbion::domain::order::{
    BracketExit, Order, OrderChange, OrderFate, OrderRequest, OrderStatus, OrderSubject, Origin, OriginKind,
    PositionEffect, Pricing, Side, TimeInForce,
};
use jiff::SignedDuration;
use rust_decimal::Decimal;

use crate::broker::Personality;
use crate::world::{World, instruments, option, put};

impl World {
    pub(crate) fn act(&mut self) {
        self.now += SignedDuration::from_millis(i64::try_from(self.random.below(1_500)).unwrap());
        match self.random.below(22) {
            0..=6 => self.place(),
            7..=9 => self.cancel(),
            10 => {
                let all = self.random.once_in(2);
                self.write(|| format!("halt, all={all}"));
                self.halting = Some(all);
                self.step(Input::Halt { request: RequestId(2), all, reason: "chance".to_owned() });
                self.halting = None;
            }
            11 | 12 => {
                self.must_halt = false;
                self.step(Input::Resume { request: RequestId(3) });
            }
            13 => {
                self.now -= SignedDuration::from_secs(if self.random.once_in(6) { 8 } else { 3 });
                self.count("clock jumped back");
            }
            14 if self.random.once_in(3) => self.lose_the_line(),
            15 if self.random.once_in(3) => self.now += SignedDuration::from_secs(40),
            16 | 17 => self.change(),
            18 if self.random.once_in(8) => {
                self.count("option expired");
                let n = self.pick(self.brokers.len());
                self.brokers[n].expire(&mut self.random, self.faults, self.now, &option());
            }
            19 if self.random.once_in(2) => {
                let n = self.pick(self.brokers.len());
                let share = &instruments()[self.pick(2)];
                self.brokers[n].pay_dividend(&mut self.random, self.faults, self.now, share);
            }
            20 if self.random.once_in(2) => self.place_outside(),
            21 if self.random.once_in(12) => self.now += SignedDuration::from_secs(90),
            _ => self.quote(),
        }
    }

    fn pick(&mut self, count: usize) -> usize {
        usize::try_from(self.random.below(count as u64)).unwrap()
    }

    fn account(&mut self) -> AccountId {
        let n = self.pick(self.brokers.len());
        self.brokers[n].account.clone()
    }

    /// One to three orders at once; now and then the very same one twice.
    fn place(&mut self) {
        self.quote();
        let count = 1 + self.random.below(3);
        let mut orders: Vec<_> = (0..count).map(|_| self.order()).collect();
        let twin = self.random.once_in(3);
        if let Some(first) = orders.first().filter(|first| twin && first.take_profit.is_none()) {
            let (mut first, id) = (first.clone(), self.engine.mint(self.now));
            first.client_order_id = id;
            orders.push(first);
        }
        if self.random.once_in(6) {
            // A front end that lost its line asks again: the same intent, not another one.
            self.count("intent delivered twice");
            orders.extend(orders.first().cloned());
        }
        let shown: Vec<String> = orders.iter().map(brief).collect();
        self.write(|| format!("place {}", shown.join("; ")));
        self.step(Input::Place { request: RequestId(4), orders });
    }

    fn cancel(&mut self) {
        let working: Vec<_> = self.engine.book().working().map(|o| o.request.client_order_id).collect();
        if !working.is_empty() {
            let order = working[self.pick(working.len())];
            self.write(|| format!("cancel {order}"));
            self.step(Input::Cancel { request: RequestId(1), orders: vec![order] });
        }
    }

    /// Another price or quantity for an order that works; another price for an exit.
    fn change(&mut self) {
        self.quote();
        let working = self.engine.book().working();
        let all: Vec<_> = working
            .map(|Order { request, .. }| {
                let external = request.origin.kind == OriginKind::External;
                (request.client_order_id, request.pricing, request.reduce_only, external)
            })
            .collect();
        if all.is_empty() {
            return;
        }
        let (order, pricing, exit, external) = all[self.pick(all.len())];
        let mut change = OrderChange::default();
        let cents = Decimal::new(i64::try_from(self.random.below(5)).unwrap() - 2, 2);
        let moved = |price: Price| Some(Price::new(price.get() + cents));
        // What was another program's has a size of ours once it is ours: it must not look like the next one of theirs.
        if !exit && (external || self.random.once_in(2)) {
            change.quantity = Some(Quantity::new(Decimal::from(1 + self.random.below(40))));
        } else {
            change.limit_price = pricing.limit_price().and_then(moved);
            change.stop_price = pricing.stop_price().and_then(moved);
        }
        self.write(|| format!("change {order}: {change:?}"));
        self.step(Input::Replace { request: RequestId(5), order, change });
    }

    /// The stream breaks off and begins again; what was on it is gone.
    fn lose_the_line(&mut self) {
        let n = self.pick(self.brokers.len());
        let account = self.brokers[n].account.clone();
        self.count("gap in the stream");
        self.write(|| format!("the line of {account} breaks"));
        self.step(Input::BrokerStatus { account: account.clone(), up: false, reconciled: false });
        self.brokers[n].cut();
        self.gaps.insert(account.clone(), self.engine.now());
        self.step(Input::BrokerStatus { account, up: true, reconciled: false });
    }

    /// The account's owner trades with another program too.
    fn place_outside(&mut self) {
        let n = self.pick(self.brokers.len());
        let (account, instrument) = (self.brokers[n].account.clone(), instruments()[self.pick(2)].clone());
        // Of a size that no order of ours has.
        let quantity = 41 + self.random.below(9);
        let request = OrderRequest {
            time_in_force: TimeInForce::Gtc,
            ..OrderRequest::plain(
                ClientOrderId::from_parts(1, u128::from(self.random.next())),
                account,
                Origin { kind: OriginKind::External, name: None },
                OrderSubject::Instrument(instrument),
                Side::Buy,
                Quantity::new(Decimal::from(quantity)),
                Pricing::Limit { limit_price: Price::from(if self.random.once_in(2) { 100 } else { 90 }) },
            )
        };
        self.write(|| format!("another program places {}", brief(&request)));
        self.brokers[n].place_outside(&mut self.random, self.faults, self.now, request);
    }

    /// Both options bought as one package.
    fn package(&mut self, account: AccountId) -> OrderRequest {
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
                account,
                Origin::person(OriginKind::Cli),
                OrderSubject::Legs(vec![leg(option()), leg(put())]),
                Side::Buy,
                Quantity::new(Decimal::from(1 + self.random.below(4))),
                Pricing::Limit { limit_price: Price::from(4) },
            )
        }
    }

    fn origin(&mut self) -> Origin {
        match self.random.below(5) {
            0 => Origin { kind: OriginKind::Strategy, name: Some("cross".into()) },
            1 => Origin { kind: OriginKind::Bot, name: Some("bot".into()) },
            _ => Origin::person(OriginKind::Cli),
        }
    }

    fn order(&mut self) -> OrderRequest {
        let account = self.account();
        if self.random.once_in(5) {
            return self.package(account);
        }
        let instrument = instruments()[self.pick(4)].clone();
        let is_option = instrument.as_option().is_some();
        let held = self.engine.held(&account, &instrument);
        let sells = held.is_positive() && self.random.once_in(3);
        let exit = |world: &mut Self, price: i64| {
            let client_order_id = world.engine.mint(world.now);
            Some(BracketExit { client_order_id, price: Price::from(price) })
        };
        let no_ids = self
            .brokers
            .iter()
            .any(|broker| broker.account == account && broker.personality == Personality::NoIds);
        let bracket = !sells && !is_option && !no_ids && self.random.once_in(3);
        // Some of what is asked for is never reached by any price.
        let (above, below) = if self.random.once_in(3) { (150, 50) } else { (110, 90) };
        let (take_profit, stop_loss) =
            if bracket { (exit(self, above), exit(self, below)) } else { (None, None) };
        let price = match (is_option, !sells && !bracket && self.random.once_in(4)) {
            (true, _) => 2,
            (false, true) => 40,
            (false, false) => 100,
        };
        let most = if is_option { 8 } else { 40 };
        OrderRequest {
            take_profit,
            stop_loss,
            time_in_force: TimeInForce::Gtc,
            allow_duplicate: true,
            ..OrderRequest::plain(
                self.engine.mint(self.now),
                account,
                self.origin(),
                OrderSubject::Instrument(instrument),
                if sells { Side::Sell } else { Side::Buy },
                Quantity::new(Decimal::from(1 + self.random.below(most))),
                Pricing::Limit { limit_price: Price::from(price) },
            )
        }
    }

    /// A person looks at what no rule could tell, compares with the broker's own page, and decides.
    pub(crate) fn decide(&mut self) {
        let doubtful = self.engine.book().working().filter(|order| {
            order.broker_order_id.is_none()
                && order.filled_quantity.is_zero()
                && matches!(
                    order.status,
                    OrderStatus::Unknown | OrderStatus::PendingSubmit | OrderStatus::PendingCancel
                )
        });
        let no_ids = |account: &AccountId| {
            let broker = self.brokers.iter().find(|broker| broker.account == *account);
            broker.is_some_and(|broker| broker.personality == Personality::NoIds)
        };
        let doubtful = doubtful.filter(|order| no_ids(&order.request.account));
        let doubtful: Vec<_> =
            doubtful.map(|o| (o.request.client_order_id, o.request.account.clone())).collect();
        for (order, account) in doubtful {
            let broker = self.brokers.iter().find(|broker| broker.account == account).unwrap();
            let broker_order_id = broker.orders.get(&order).map(|held| held.broker_id.clone());
            self.count("person decided");
            self.write(|| format!("a person decides: {order} is {broker_order_id:?}"));
            let fate = match broker_order_id {
                Some(broker_order_id) => OrderFate::At { broker_order_id },
                None => OrderFate::NeverReached,
            };
            let why = "the broker's desk says so".to_owned();
            self.step(Input::Settle { request: RequestId(6), order, fate, why });
        }
    }
}

/// An order in a few words.
fn brief(request: &OrderRequest) -> String {
    format!(
        "{} {} {} {} of {}",
        request.client_order_id, request.side, request.quantity, request.subject, request.account
    )
}
