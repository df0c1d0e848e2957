//! The strategy host: instances through their life, orders by the one door, what is theirs, what keeps them from opening, restarts.

mod bots;
mod closed_out;
mod confirm;
mod plans;
mod schedules;

use super::rig::*;
use crate::core::effect::BotTold;
use crate::domain::instrument::Symbol;
use crate::domain::quote::{Bar, Interval};
use crate::domain::strategy::{
    StoredStrategy, StrategyChange, StrategyEdit, StrategyPhase, StrategyRules, StrategySpec,
};

pub(super) fn spec(name: &str) -> StrategySpec {
    let params = [("fast", "1"), ("slow", "2"), ("quantity", "10")];
    StrategySpec {
        name: name.into(),
        kind: "sma_cross".into(),
        account: paper(),
        instruments: vec![aapl()],
        interval: Interval::Minute1,
        params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        adopt: Vec::new(),
        rules: StrategyRules { cooldown_minutes: 0, ..StrategyRules::default() },
        exits: None,
    }
}

/// The disk: strategies as they were last written, orders and fills.
#[derive(Default)]
pub(super) struct Disk {
    pub(super) strategies: BTreeMap<SmolStr, StoredStrategy>,
    pub(super) orders: BTreeMap<ClientOrderId, Order>,
    pub(super) executions: Vec<Execution>,
    pub(super) decisions: Vec<String>,
}

pub(super) struct Hosted {
    pub(super) rig: Rig,
    pub(super) disk: Disk,
    /// What was sent to the broker, in order.
    pub(super) sent: Vec<OrderRequest>,
    pub(super) canceled: Vec<ClientOrderId>,
    pub(super) said: Vec<Outcome>,
    /// What processes of bots were told.
    pub(super) told: Vec<BotTold>,
    /// What strategies asked for and nobody has answered.
    pub(super) needs: Vec<(SmolStr, crate::strategies::Need)>,
}

impl Hosted {
    pub(super) fn new() -> Self {
        let mut hosted = Self::silent();
        hosted.step(Input::RunStrategies);
        hosted
    }

    pub(super) fn silent() -> Self {
        Self {
            rig: Rig::new(),
            disk: Disk::default(),
            sent: Vec::new(),
            canceled: Vec::new(),
            said: Vec::new(),
            told: Vec::new(),
            needs: Vec::new(),
        }
    }

    /// A step, everything of it written down, histories answered with nothing.
    pub(super) fn step(&mut self, input: Input) {
        let mut queue: VecDeque<Effect> = self.rig.step(input).into();
        while let Some(effect) = queue.pop_front() {
            match effect {
                Effect::Journal { ticket, entry, .. } => {
                    for gone in &entry.strategies_gone {
                        self.disk.strategies.remove(gone);
                    }
                    self.disk.strategies.extend(entry.strategies.into_iter().map(|s| (s.name.clone(), s)));
                    self.disk.orders.extend(entry.orders.into_iter().map(|o| (o.request.client_order_id, o)));
                    self.disk.executions.extend(entry.executions.into_iter().map(|b| b.execution));
                    self.disk.decisions.extend(entry.decisions.iter().map(|d| d.code.to_string()));
                    queue.extend(self.rig.step(Input::Journaled(ticket)));
                }
                Effect::History { strategy, instrument, interval, .. } => {
                    let (bars, feed) = (Vec::new(), Feed::Simulated);
                    queue.extend(self.rig.step(Input::History {
                        strategy,
                        instrument,
                        interval,
                        bars,
                        feed,
                    }));
                }
                Effect::Submit { order, .. } => self.sent.push(order.into_inner()),
                Effect::Cancel { order, .. } => self.canceled.push(order),
                Effect::Answer { outcome, .. } => self.said.push(outcome),
                Effect::Bot { told, .. } => self.told.push(told),
                Effect::Need { strategy, need } => self.needs.push((strategy, need)),
                _ => {}
            }
        }
    }

    pub(super) fn ask(&mut self, change: StrategyChange) -> Outcome {
        self.said.clear();
        self.step(Input::Strategy { request: RequestId(1), change });
        self.said.pop().expect("every change is answered")
    }

    pub(super) fn add(&mut self, spec: StrategySpec) -> Outcome {
        self.ask(StrategyChange::Add { spec: Box::new(spec) })
    }

    pub(super) fn start(&mut self, name: &str) -> Outcome {
        self.ask(StrategyChange::Start { name: name.into(), confirmation: None })
    }

    pub(super) fn running(name: &str) -> Self {
        Self::running_with(spec(name))
    }

    pub(super) fn running_with(spec: StrategySpec) -> Self {
        let mut hosted = Self::new();
        let name = spec.name.clone();
        hosted.add(spec);
        hosted.start(&name);
        assert_eq!(hosted.phase(&name), StrategyPhase::Running);
        hosted
    }

    /// A minute passes; its bar closes at this price.
    pub(super) fn bar(&mut self, price: i64) {
        self.rig.now += SignedDuration::from_secs(60);
        self.rig.quote(&price.to_string());
        let price = Price::from(price);
        let start = self.rig.now - SignedDuration::from_secs(62);
        let bar = Bar { start, open: price, high: price, low: price, close: price, volume: Decimal::ONE };
        let (interval, feed) = (Interval::Minute1, Feed::Simulated);
        self.step(Input::StrategyBar { instrument: aapl(), interval, bar, feed });
    }

    /// The last order sent fills whole.
    pub(super) fn fills(&mut self, price: &str) {
        let order = self.sent.last().unwrap().clone();
        let (id, name) = (order.client_order_id, format!("x{}", self.sent.len()));
        let units = i64::try_from(order.quantity.get()).unwrap();
        let account = paper();
        for event in [acknowledged(), fill(id, &name, order.side, units, price)] {
            let update =
                OrderUpdate { account: account.clone(), client_order_id: id, at: self.rig.now, event };
            self.step(Input::Broker(Box::new(AccountEvent::Order(update))));
        }
    }

    pub(super) fn view(&self, name: &str) -> crate::domain::strategy::StrategyView {
        self.rig.engine.strategies().into_iter().find(|view| view.spec.name == name).unwrap()
    }

    pub(super) fn phase(&self, name: &str) -> StrategyPhase {
        self.view(name).phase
    }

    pub(super) fn owns(&self, name: &str) -> Quantity {
        let claims = self.view(name).claims;
        claims.iter().find(|claim| claim.instrument == aapl()).map(|claim| claim.quantity).unwrap_or_default()
    }

    /// Another engine over the same disk.
    pub(super) fn restarted(&self) -> Self {
        let mut next = Self::silent();
        next.rig.now = self.rig.now;
        let restored = Restored {
            orders: self.disk.orders.values().cloned().collect(),
            executions: self.disk.executions.clone(),
            strategies: self.disk.strategies.values().cloned().collect(),
            ..Restored::default()
        };
        next.step(Input::Restored(Box::new(restored)));
        next.disk.strategies.clone_from(&self.disk.strategies);
        next.disk.orders.clone_from(&self.disk.orders);
        next.disk.executions.clone_from(&self.disk.executions);
        next.rig.quote("100");
        next
    }
}

/// Down, then up: the fast average crosses the slow one.
pub(super) fn crosses_up(hosted: &mut Hosted) {
    for price in [100, 99, 98, 101] {
        hosted.bar(price);
    }
}

pub(super) fn refused(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refused(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_strategy_trades_under_its_name_and_its_state_is_on_the_disk_with_its_order() {
    let mut hosted = Hosted::running("trend");
    crosses_up(&mut hosted);
    assert_eq!(hosted.sent.len(), 1);
    let order = hosted.sent[0].clone();
    assert_eq!(order.origin, Origin { kind: OriginKind::Strategy, name: Some("trend".into()) });
    assert_eq!((order.side, order.quantity), (Side::Buy, Quantity::from(10)));
    assert_eq!(hosted.disk.decisions, ["SMA_CROSS_BUY"]);
    assert_eq!(hosted.owns("trend"), Quantity::ZERO);
    hosted.fills("101");
    assert_eq!(hosted.owns("trend"), Quantity::from(10));
    hosted.bar(95);
    assert_eq!((hosted.sent.len(), hosted.sent[1].side), (2, Side::Sell));
    assert!(hosted.sent[1].reduce_only);
    hosted.fills("95");
    let view = hosted.view("trend");
    // 10 x (95 - 101), and a fee of a cent for each of twice ten.
    assert_eq!((view.realized_pnl, view.fees), (Decimal::new(-6020, 2), Decimal::new(20, 2)));
    assert_eq!((view.trades, view.claims.len()), (1, 0));
}

#[test]
fn the_past_is_told_without_being_heard_and_no_bar_comes_twice() {
    let mut hosted = Hosted::new();
    hosted.add(spec("trend"));
    let step =
        |hosted: &mut Hosted, change| hosted.rig.step(Input::Strategy { request: RequestId(1), change });
    let start = StrategyChange::Start { name: "trend".into(), confirmation: None };
    let effects = step(&mut hosted, start);
    let sent = hosted.rig.journaled(effects);
    assert!(sent.iter().any(|e| matches!(e, Effect::History { bars, .. } if *bars >= 2)), "{sent:?}");
    assert_eq!(hosted.phase("trend"), StrategyPhase::Starting);
    let bar = |minute: i64, price: i64| {
        let (start, price) = (start_of(minute), Price::from(price));
        Bar { start, open: price, high: price, low: price, close: price, volume: Decimal::ONE }
    };
    let past = [(0, 100), (1, 99), (2, 98), (3, 101)].map(|(m, p)| (start_of(m + 1), bar(m, p))).to_vec();
    hosted.rig.now = start_of(5);
    let (strategy, instrument, interval, feed) = ("trend".into(), aapl(), Interval::Minute1, Feed::Simulated);
    hosted.step(Input::History { strategy, instrument, interval, bars: past, feed });
    // It crossed in the past: nothing is bought for that.
    assert_eq!((hosted.phase("trend"), hosted.sent.len()), (StrategyPhase::Running, 0));
    for bar in [bar(3, 90), bar(2, 90), bar(4, 90), bar(4, 200), bar(5, 120)] {
        hosted.rig.quote("100");
        hosted.step(Input::StrategyBar { instrument: aapl(), interval, bar, feed });
    }
    // Of those only 4 and 5 were new: down, then up.
    assert_eq!(hosted.sent.len(), 1);
}

fn start_of(minute: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minute)
}

#[test]
fn a_restart_adopts_its_orders_and_proposes_none_of_them_again() {
    let mut hosted = Hosted::running("trend");
    crosses_up(&mut hosted);
    let id = hosted.sent[0].client_order_id;
    let mut next = hosted.restarted();
    assert_eq!(next.phase("trend"), StrategyPhase::Running);
    assert_eq!(next.view("trend").reason.as_deref(), Some("no engine runs it now"));
    next.step(Input::RunStrategies);
    assert_eq!((next.phase("trend"), next.view("trend").working_orders), (StrategyPhase::Running, 1));
    // It would buy again, did it not know of the order that works.
    crosses_up(&mut next);
    assert!(next.sent.is_empty(), "{:?}", next.sent);
    next.sent.push(next.disk.orders[&id].request.clone());
    next.fills("101");
    assert_eq!(next.owns("trend"), Quantity::from(10));
    let mut third = next.restarted();
    third.step(Input::RunStrategies);
    assert_eq!(third.owns("trend"), Quantity::from(10));
    for price in [101, 102, 90] {
        third.bar(price);
    }
    assert_eq!((third.sent.len(), third.sent[0].side), (1, Side::Sell));
}

/// Killed at each moment around an order: what the next engine sends, together with what this one sent, is one order.
#[test]
fn j9_a_kill_before_or_after_the_commit_makes_one_order() {
    for committed in [false, true] {
        let mut hosted = Hosted::running("trend");
        for price in [100, 99, 98] {
            hosted.bar(price);
        }
        hosted.rig.now += SignedDuration::from_secs(60);
        hosted.rig.quote("101");
        let price = Price::from(101);
        let bar_start = hosted.rig.now - SignedDuration::from_secs(62);
        let bar = Bar {
            start: bar_start,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Decimal::ONE,
        };
        let (interval, feed) = (Interval::Minute1, Feed::Simulated);
        let effects = hosted.rig.step(Input::StrategyBar { instrument: aapl(), interval, bar, feed });
        for effect in effects {
            if let (Effect::Journal { entry, .. }, true) = (effect, committed) {
                assert_eq!((entry.intents.len(), entry.strategies.len(), entry.decisions.len()), (1, 1, 1));
                hosted.disk.strategies.extend(entry.strategies.into_iter().map(|s| (s.name.clone(), s)));
                hosted.disk.orders.extend(entry.orders.into_iter().map(|o| (o.request.client_order_id, o)));
            }
        }
        let mut next = hosted.restarted();
        next.rig.now += SignedDuration::from_secs(10);
        next.rig.quote("101");
        let effects = next.rig.step(Input::RunStrategies);
        let mut past: Vec<(Timestamp, Bar)> = Vec::new();
        for (n, close) in [100, 99, 98, 101].into_iter().enumerate() {
            let price = Price::from(close);
            let start = bar_start - SignedDuration::from_secs(61 * (3 - i64::try_from(n).unwrap()));
            let bar = Bar { start, open: price, high: price, low: price, close: price, volume: Decimal::ONE };
            past.push((start + SignedDuration::from_secs(60), bar));
        }
        next.rig.journaled(effects);
        let strategy = "trend".into();
        next.step(Input::History { strategy, instrument: aapl(), interval, bars: past, feed });
        assert_eq!(next.phase("trend"), StrategyPhase::Running);
        assert_eq!(next.sent.len(), usize::from(!committed), "committed: {committed}");
    }
}

#[test]
fn what_a_person_sells_by_hand_is_taken_from_the_newest_claim() {
    let mut hosted = Hosted::running("first");
    hosted.add(spec("second"));
    hosted.start("second");
    crosses_up(&mut hosted);
    assert_eq!(hosted.sent.len(), 1, "the same order twice within three seconds is a duplicate");
    hosted.fills("101");
    assert_eq!((hosted.owns("first"), hosted.owns("second")), (Quantity::from(10), Quantity::ZERO));
    for price in [90, 95] {
        hosted.bar(price);
    }
    // The first closes, the second opens.
    let sides: Vec<(Side, Option<SmolStr>)> =
        hosted.sent.iter().skip(1).map(|o| (o.side, o.origin.name.clone())).collect();
    assert_eq!(sides[0], (Side::Sell, Some("first".into())));
    assert!(sides[1..].iter().all(|(side, _)| *side == Side::Buy), "{sides:?}");
    let mut hosted = Hosted::running("first");
    crosses_up(&mut hosted);
    hosted.fills("101");
    hosted.add(StrategySpec { adopt: vec![aapl()], ..spec("second") });
    let by_hand = |hosted: &mut Hosted, id: &str, side, units| {
        let mut execution = match fill(ClientOrderId::from_parts(1, 1), id, side, units, "100") {
            OrderEvent::Filled(execution) => execution,
            other => panic!("{other:?}"),
        };
        execution.client_order_id = None;
        hosted.step(Input::Broker(Box::new(AccountEvent::Execution(execution))));
    };
    by_hand(&mut hosted, "h1", Side::Buy, 5);
    hosted.rig.now += SignedDuration::from_secs(1);
    hosted.start("second");
    assert_eq!((hosted.owns("first"), hosted.owns("second")), (Quantity::from(10), Quantity::from(5)));
    by_hand(&mut hosted, "h2", Side::Sell, 7);
    assert_eq!((hosted.owns("first"), hosted.owns("second")), (Quantity::from(8), Quantity::ZERO));
    assert_eq!(hosted.rig.said("CLAIM_REDUCED"), 2);
    // It sells what is left of its own, not what it once had.
    hosted.bar(90);
    assert_eq!(hosted.sent.last().map(|o| (o.side, o.quantity)), Some((Side::Sell, Quantity::from(8))));
}

#[test]
fn the_life_of_a_strategy_goes_by_the_rules() {
    let mut hosted = Hosted::new();
    assert_eq!(refused(hosted.start("trend")), "no strategy is called 'trend'; there are none");
    hosted.add(spec("trend"));
    assert_eq!(refused(hosted.add(spec("trend"))), "there is a strategy trend already");
    assert_eq!(
        refused(hosted.ask(StrategyChange::Pause { name: "trend".into() })),
        "trend is disabled and cannot be paused"
    );
    hosted.start("trend");
    assert_eq!(
        refused(hosted.ask(StrategyChange::Remove { name: "trend".into() })),
        "trend is running; stop it first"
    );
    hosted.ask(StrategyChange::Pause { name: "trend".into() });
    crosses_up(&mut hosted);
    assert_eq!((hosted.phase("trend"), hosted.sent.len()), (StrategyPhase::Paused, 0));
    let next = hosted.restarted();
    assert_eq!(next.phase("trend"), StrategyPhase::Paused);
    hosted.start("trend");
    assert_eq!(hosted.phase("trend"), StrategyPhase::Running);
    crosses_up(&mut hosted);
    assert_eq!(hosted.sent.len(), 1);
    // Its order still works: it stops once that has ended.
    let id = hosted.sent[0].client_order_id;
    hosted.rig.report(id, acknowledged());
    hosted.ask(StrategyChange::Stop { name: "trend".into(), flatten: false });
    assert_eq!((hosted.phase("trend"), hosted.canceled.as_slice()), (StrategyPhase::Stopping, &[id][..]));
    let event = OrderEvent::Canceled { reason: None };
    let update = OrderUpdate { account: paper(), client_order_id: id, at: hosted.rig.now, event };
    hosted.step(Input::Broker(Box::new(AccountEvent::Order(update))));
    assert_eq!(hosted.phase("trend"), StrategyPhase::Disabled);
    assert!(!hosted.disk.strategies["trend"].enabled);
    hosted.ask(StrategyChange::Remove { name: "trend".into() });
    assert!(hosted.rig.engine.strategies().is_empty() && hosted.disk.strategies.is_empty());
}

#[test]
fn what_is_wrong_is_said_with_what_is_allowed() {
    let mut hosted = Hosted::new();
    let with = |params: &[(&str, &str)]| StrategySpec {
        params: params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ..spec("trend")
    };
    for (spec, said) in [
        (with(&[("fast", "0")]), "parameter fast: found '0', allowed 1 to 10000"),
        (with(&[("fast", "30")]), "parameter fast: found '30', allowed a number below slow (30)"),
        (
            StrategySpec { name: "A B".into(), ..spec("x") },
            "name: found 'A B', allowed 1 to 32 of a-z, 0-9, '-' and '_'",
        ),
        (StrategySpec { account: AccountId::new("none"), ..spec("x") }, "no account is called 'none'"),
        (StrategySpec { instruments: Vec::new(), ..spec("x") }, "instruments: found 0, allowed 1 to 50"),
        (StrategySpec { instruments: vec![aapl(), aapl()], ..spec("x") }, "AAPL is named twice"),
        (
            StrategySpec { kind: "martingale".into(), ..spec("x") },
            "no strategy is called 'martingale'; there are",
        ),
    ] {
        let text = refused(hosted.add(spec));
        assert!(text.starts_with(said), "{text}");
    }
    let token =
        Instrument::Token { chain: Symbol::new("BASE").unwrap(), symbol: Symbol::new("DEGEN").unwrap() };
    let text = refused(hosted.add(StrategySpec { instruments: vec![token], ..spec("x") }));
    assert!(text.starts_with("account paper does not trade"), "{text}");
    hosted.add(spec("trend"));
    let edit =
        StrategyEdit { rules: [("capital".to_owned(), "x".to_owned())].into(), ..StrategyEdit::default() };
    let text = refused(hosted.ask(StrategyChange::Set { name: "trend".into(), edit: Box::new(edit) }));
    assert_eq!(text, "limit capital: found 'x', allowed none, or money above 0");
}

#[test]
fn h1_the_kill_switch_pauses_strategies_until_a_person_starts_each() {
    let mut hosted = Hosted::running("trend");
    hosted.step(Input::Halt { request: RequestId(5), all: false, reason: "asked for".to_owned() });
    assert_eq!(hosted.phase("trend"), StrategyPhase::Paused);
    assert_eq!(refused(hosted.start("trend")), "the kill switch is on; lift it first (resume)");
    hosted.step(Input::Resume { request: RequestId(6) });
    crosses_up(&mut hosted);
    assert_eq!((hosted.phase("trend"), hosted.sent.len()), (StrategyPhase::Paused, 0));
    hosted.start("trend");
    crosses_up(&mut hosted);
    assert_eq!(hosted.sent.len(), 1);
}

#[test]
fn a_state_of_a_newer_program_is_left_as_it_is() {
    let mut hosted = Hosted::running("trend");
    crosses_up(&mut hosted);
    let stored = hosted.disk.strategies.get_mut("trend").unwrap();
    (stored.version, stored.state) = (9, r#"{"new":"things"}"#.to_owned());
    let before = stored.clone();
    let mut next = hosted.restarted();
    next.step(Input::RunStrategies);
    assert_eq!(next.phase("trend"), StrategyPhase::Faulted);
    let said = refused(next.start("trend"));
    assert_eq!(
        said,
        "trend: its state is of version 9, this program knows 1: use the newer arbion; nothing of it was changed"
    );
    for change in [
        StrategyChange::Remove { name: "trend".into() },
        StrategyChange::Stop { name: "trend".into(), flatten: true },
        StrategyChange::Set { name: "trend".into(), edit: Box::default() },
    ] {
        assert_eq!(refused(next.ask(change)), said);
    }
    crosses_up(&mut next);
    assert_eq!((next.sent.len(), &next.disk.strategies["trend"]), (0, &before));
}

#[test]
fn guards_capital_and_rates_keep_it_from_opening_and_the_reason_is_written_down() {
    let rules =
        StrategyRules { loss_streak: 1, pause_minutes: 60, cooldown_minutes: 0, ..StrategyRules::default() };
    let mut hosted = Hosted::running_with(StrategySpec { rules, ..spec("trend") });
    crosses_up(&mut hosted);
    hosted.fills("101");
    hosted.bar(90);
    hosted.fills("90");
    let view = hosted.view("trend");
    assert_eq!(view.locks.len(), 1, "{:?}", view.locks);
    assert!(view.locks[0].reason.starts_with("loss_streak"), "{:?}", view.locks);
    let sent = hosted.sent.len();
    crosses_up(&mut hosted);
    assert_eq!(
        (hosted.sent.len(), hosted.disk.decisions.last().map(String::as_str)),
        (sent, Some("PROTECT"))
    );
    // Locks outlive the engine; a person lifts them.
    let mut next = hosted.restarted();
    next.step(Input::RunStrategies);
    assert_eq!(next.view("trend").locks.len(), 1);
    next.ask(StrategyChange::Unlock { name: "trend".into() });
    crosses_up(&mut next);
    assert_eq!(next.sent.len(), 1);
    let rules = StrategyRules { capital: Some(Decimal::from(1_000)), ..StrategyRules::default() };
    let mut small = Hosted::running_with(StrategySpec { rules, ..spec("small") });
    crosses_up(&mut small);
    // Ten at 101 is more than 1,000.
    assert_eq!((small.sent.len(), small.disk.decisions.as_slice()), (0, &["MAX_EXPOSURE".to_owned()][..]));
    let text = small.view("small").last_decision.unwrap().text;
    assert!(text.contains("capital=1000 at_work=0 wanted=1010"), "{text}");
}

#[test]
fn a_strategy_that_loses_too_much_in_a_day_pauses() {
    let rules = StrategyRules { daily_loss: Some(Decimal::from(50)), ..StrategyRules::default() };
    let mut hosted = Hosted::running_with(StrategySpec { rules, ..spec("trend") });
    hosted.step(Input::Tick);
    crosses_up(&mut hosted);
    hosted.fills("101");
    hosted.rig.quote("97");
    hosted.step(Input::Tick);
    assert_eq!(hosted.phase("trend"), StrategyPhase::Running);
    hosted.rig.quote("96");
    hosted.step(Input::Tick);
    assert_eq!(hosted.phase("trend"), StrategyPhase::Paused);
    let reason = hosted.view("trend").reason.unwrap();
    assert_eq!(reason, "it lost 50.1 today, its limit is 50");
    // What it holds it keeps.
    assert_eq!(hosted.owns("trend"), Quantity::from(10));
}
