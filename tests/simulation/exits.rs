//! Exit plans among what happens at random: set and taken off by people, resting at brokers and watching here, set off by prices, killed with the
//! engine. Their chance is a generator of their own, so that the seeds without them are what they were.

use std::collections::{BTreeMap, BTreeSet};

use arbion::core::effect::{IntentKind, JournalEntry, RequestId};
use arbion::core::input::Input;
use arbion::domain::exit::{ExitChange, ExitGroup, ExitPlan, ExitState};
use arbion::domain::ids::{AccountId, ClientOrderId};
use arbion::domain::instrument::Instrument;
use arbion::domain::money::{Price, Quantity};
use arbion::domain::order::{Order, OrderRequest, OrderStatus, OriginKind};
use arbion::domain::quote::{Feed, Quote};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::random::Random;
use crate::world::{World, instruments};

const PLANS: [&str; 5] = [
    "stop=4%",
    "stop=4% placement=engine",
    "stop=4% take=4%:0.5",
    "trail=3%",
    "stop=4% take=4%:0.3 scale_in=separate",
];

/// The exit plans of a seed; none in most.
pub(crate) struct Exits {
    random: Random,
    on: bool,
    /// Stops that work at a broker without a position, and since when.
    idle: BTreeMap<ClientOrderId, Timestamp>,
}

/// A stop whose position has gone is asked to leave within this.
const LEAVES_WITHIN: SignedDuration = SignedDuration::from_secs(5);

impl Exits {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x6578_6974_7065_7278);
        let on = random.once_in(4);
        Self { random, on, idle: BTreeMap::new() }
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.on
    }
}

/// An order that a plan asked for: no exit of a bracket.
fn is_of_plan(request: &OrderRequest) -> bool {
    let alone = request.contingency.parent.is_none() && request.contingency.oco_group.is_none();
    request.origin.kind == OriginKind::Exit && request.reduce_only && alone
}

/// Does a plan name an order as its stop or as its exit.
fn names(group: &ExitGroup, id: ClientOrderId) -> bool {
    group.order == Some(id) || group.resting == Some(id)
}

impl World {
    /// A person sets or takes off a plan, or prices move beyond one.
    pub(crate) fn exits_act(&mut self) {
        if !self.exits.on {
            return;
        }
        let chance = self.exits.random.below(9);
        let share = instruments()[usize::try_from(self.exits.random.below(2)).unwrap()].clone();
        let n = usize::try_from(self.exits.random.below(self.brokers.len() as u64)).unwrap();
        let account = self.brokers[n].account.clone();
        match chance {
            0..=2 => {
                self.quote();
                let plan = PLANS[usize::try_from(self.exits.random.below(5)).unwrap()];
                let plan = Box::new(ExitPlan::from_line(plan).unwrap());
                self.change_exit(ExitChange::Set { account, instrument: share, plan });
            }
            3 if self.exits.random.once_in(4) => {
                self.change_exit(ExitChange::Clear { account, instrument: share });
            }
            4 => self.moves(&share, 94),
            5 => self.moves(&share, 106),
            6 => self.quote(),
            7 if self.exits.random.once_in(3) => self.deliver_beside_a_stop(),
            _ => {}
        }
    }

    /// Shares whose plan has a stop at the broker go without it.
    fn deliver_beside_a_stop(&mut self) {
        let rests = |plan: &&ExitGroup| {
            let stop = plan.resting.and_then(|id| self.engine.order(id));
            plan.long && stop.is_some_and(|stop| stop.status == OrderStatus::Submitted)
        };
        let plans = self.engine.exit_plans();
        let Some(plan) = plans.iter().find(rests) else { return };
        let Some(n) = self.brokers.iter().position(|broker| broker.account == plan.account) else { return };
        let faults = self.faults;
        if self.brokers[n].deliver(&mut self.exits.random, faults, self.now, &plan.instrument) {
            self.write(|| format!("all {} of {} are delivered", plan.instrument, plan.account));
            self.count("shares delivered beside their stop");
        }
    }

    fn change_exit(&mut self, change: ExitChange) {
        self.write(|| format!("exit {change:?}"));
        self.step(Input::Exit { request: RequestId(8), change: Box::new(change) });
    }

    /// A price that holds for two updates.
    fn moves(&mut self, share: &Instrument, price: i64) {
        self.write(|| format!("{share} at {price}"));
        for _ in 0..2 {
            self.now += SignedDuration::from_millis(300);
            let mut quote = Quote::empty(share.clone(), self.now, Feed::Simulated);
            quote.bid = Some(Price::from(price));
            quote.ask = Some(Price::new(Decimal::from(price) + Decimal::new(5, 2)));
            self.step(Input::Quote(Box::new(quote)));
        }
    }

    /// Prices go on once nothing goes wrong any more: what was set off gets out.
    pub(crate) fn exits_go_on(&mut self) {
        // The exits of brackets can race without any plan of a person.
        if self.exits.on || !self.engine.exit_plans().is_empty() {
            self.quote();
        }
    }

    /// J9: whatever a plan asks for is in one transaction with the plan that names it; and no exit goes beside others that close the same units.
    pub(crate) fn read_exits(&mut self, entry: &JournalEntry) {
        for line in &entry.log {
            match line.code.as_str() {
                "EXIT_TRIGGERED" => self.count("exit plan set off"),
                "EXIT_SET" => self.count("exit plan set"),
                "EXIT_DONE" => self.count("exit plan done"),
                "EXIT_MAKES_ROOM" => self.count("orders made room for an exit"),
                "EXIT_IN_ENGINE" => self.count("stop of a plan not taken by its broker"),
                "ORDER_NOT_SENT" => self.count("order not sent as a stop had filled or stayed"),
                "REPLACE_NOT_SENT" => self.count("replace overtaken by a fill"),
                "OCO_RACE" => self.count("position turned by two orders"),
                "EXIT_BY_HAND" => self.count("exit of a plan moved by hand"),
                "EXIT_STUCK" => self.count("exit of a plan stuck"),
                _ => {}
            }
        }
        for intent in entry.intents.iter().filter(|intent| intent.kind != IntentKind::Cancel) {
            let order = &intent.order;
            if !is_of_plan(&order.request) || order.status != OrderStatus::PendingSubmit {
                continue;
            }
            let id = order.request.client_order_id;
            let named = entry.exits.iter().flatten().any(|group| names(group, id));
            // A plan changes its own; a person may change them too, and the plan adopts what takes their place. What a plan has left behind
            // is nobody's.
            if let Some(old) = order.replaces {
                self.count("exit of a plan changed");
                let left = self.engine.exit_plans().iter().any(|group| names(group, old));
                assert!(!left, "exit {old} was changed to {id}, and its plan still means the old one");
            } else {
                self.count("exit of a plan sent");
                assert!(named, "exit {id} was asked for and its plan is not beside it");
            }
            self.closes_once(order);
        }
    }

    /// Everything that closes the position of a new exit, itself among it, closes no more than is held. Of a bracket's exits one cancels the
    /// other, those of an order that has not filled close nothing yet, and an order and what is to take its place do not fill both; what the
    /// new one is to replace may be for more than is held by now: that is why.
    fn closes_once(&self, new: &Order) {
        let exit = &new.request;
        let Some(instrument) = exit.subject.instrument() else { return };
        let first = self.first_of(new);
        let mut groups = BTreeSet::new();
        let mut closing = BTreeMap::from([(first, new.leaves_quantity())]);
        for order in self.engine.book().working_of(&exit.account) {
            let request = &order.request;
            let other = request.subject.instrument() != Some(instrument);
            if other || request.side.is_buy() != exit.side.is_buy() || !self.may_close(order) {
                continue;
            }
            let counts = request.contingency.oco_group.is_none_or(|group| groups.insert(group));
            let chain = self.first_of(order);
            if counts && chain != first {
                let most = closing.entry(chain).or_default();
                *most = (*most).max(self.may_close_now(order));
            }
        }
        let closing = closing.into_values().fold(Quantity::ZERO, |a, b| a + b);
        let held = self.engine.held(&exit.account, instrument).abs();
        let id = exit.client_order_id;
        assert!(closing <= held, "exit {id}: {closing} {instrument} are being closed of {held}");
    }

    /// The order that began a chain of changes.
    fn first_of(&self, order: &Order) -> ClientOrderId {
        let mut first = order;
        while let Some(before) = first.replaces.and_then(|id| self.engine.order(id)) {
            first = before;
        }
        first.request.client_order_id
    }

    /// What is left of an order; an exit of a bracket closes no more than its entry has bought by now.
    fn may_close_now(&self, order: &Order) -> Quantity {
        let entry = order.request.contingency.parent.and_then(|parent| self.engine.order(parent));
        let bought = entry.filter(|entry| entry.status != OrderStatus::Replaced).map(|it| it.filled_quantity);
        bought.map_or(order.leaves_quantity(), |bought| order.leaves_quantity().min(bought))
    }

    fn may_close(&self, order: &Order) -> bool {
        let parent = order.request.contingency.parent.and_then(|parent| self.engine.order(parent));
        parent.is_none_or(Order::has_filled)
    }

    /// Once all is quiet: every plan has a position and waits for its price, and brokers have no stop or exit that no plan knows.
    pub(crate) fn exits_settled(&self) {
        if !self.exits.on {
            return;
        }
        let plans = self.engine.exit_plans();
        for plan in &plans {
            let held = self.engine.held(&plan.account, &plan.instrument);
            let name = format!("the plan {}/{} of {}", plan.instrument, plan.part, plan.account);
            assert!(!held.is_zero() && held.is_negative() != plan.long, "{name} has no position: {held}");
            assert_eq!(plan.state, ExitState::Armed, "{name}");
        }
        for broker in &self.brokers {
            for (id, held) in broker.orders.iter().filter(|(_, held)| held.works()) {
                let request = &held.request;
                let meant = !is_of_plan(request) || plans.iter().any(|plan| names(plan, *id));
                assert!(meant, "exit {id} of {} works at {} for no plan", request.subject, broker.account);
            }
            for share in &instruments()[..2] {
                self.is_covered_once(&plans, &broker.account, share);
            }
        }
    }

    /// Another engine has begun.
    pub(crate) fn exits_begin_anew(&mut self) {
        self.exits.idle.clear();
    }

    /// A stop whose position is gone would open another one: it does not stay.
    pub(crate) fn stops_leave(&mut self) {
        if !self.exits.on {
            return;
        }
        let mut idle = BTreeMap::new();
        for plan in self.engine.exit_plans() {
            let held = self.engine.held(&plan.account, &plan.instrument);
            let stop = plan.resting.and_then(|id| self.engine.order(id));
            let stays = stop.is_some_and(|stop| stop.status == OrderStatus::Submitted);
            if let Some(id) = plan.resting.filter(|_| stays && held.is_zero()) {
                let since = self.exits.idle.get(&id).copied().unwrap_or(self.now);
                let name = format!("stop {id} of {} at {}", plan.instrument, plan.account);
                assert!(self.now.duration_since(since) < LEAVES_WITHIN, "{name} works on without a position");
                idle.insert(id, since);
            }
        }
        self.exits.idle = idle;
    }

    /// What the stops of plans would close together is no more than is held.
    fn is_covered_once(&self, plans: &[ExitGroup], account: &AccountId, share: &Instrument) {
        let stops = plans.iter().filter(|plan| plan.account == *account && plan.instrument == *share);
        let orders = stops.filter_map(|plan| self.engine.order(plan.resting?));
        let units = orders.filter(|order| order.is_working()).map(Order::leaves_quantity);
        let resting = units.fold(Quantity::ZERO, |a, b| a + b);
        let held = self.engine.held(account, share).abs();
        assert!(resting <= held, "stops for {resting} {share} rest at {account}, {held} are held");
    }
}
