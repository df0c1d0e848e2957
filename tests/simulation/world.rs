//! One run: it owns time, brokers, lines, disk and process. What is tried at random is in `trader`, what must hold in `rules`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use arbion::core::effect::{Effect, IntentKind, JournalEntry, Ticket};
use arbion::core::engine::{Engine, EngineConfig, Records};
use arbion::core::input::{AccountSetup, Input};
use arbion::domain::account::{AccountKind, AccountMode};
use arbion::domain::calendar::Calendar;
use arbion::domain::capabilities::Capabilities;
use arbion::domain::execution::{Execution, ExecutionKind};
use arbion::domain::fees::FeeTable;
use arbion::domain::ids::{AccountId, ClientOrderId};
use arbion::domain::instrument::{Instrument, InstrumentSpec};
use arbion::domain::limits::{RiskLimits, TradingState};
use arbion::domain::money::{Currency, Money, Price};
use arbion::domain::order::{Order, OrderStatus};
use arbion::domain::quote::{Feed, Quote};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::broker::{Broker, Faults, Personality};
use crate::disk::Disk;
use crate::exits::Exits;
use crate::random::Random;
use crate::strategies::Strategies;
use crate::wheel::Wheel;

/// How often a rare thing happened.
pub(crate) type Coverage = BTreeMap<&'static str, u64>;

/// What an account begins with: enough for most of what is tried, or so little that every order counts.
pub(crate) const CAPITAL: [i64; 2] = [60_000, 5_000];
/// Time for everything to settle once nothing goes wrong any more (reliability 17.4), in turns of half a second.
const QUIET_TURNS: u32 = 240;
/// The turns at their end in which only what trades at the market fills, so that no word is on its way when it is over.
const CALM_TURNS: u32 = 60;
/// When people look at what nobody can tell, in turns.
const PERSON_LOOKS: u32 = 60;

/// How long a broker's list may be without the order of a fill that it has.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_secs(5);

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) faults: Faults,
    kills: u64,
    disk_fails: u64,
    pub(crate) now: Timestamp,
    calendar: Arc<Calendar>,
    pub(crate) engine: Engine,
    life: u64,
    pub(crate) disk: Disk,
    pub(crate) brokers: Vec<Broker>,
    pub(crate) sent: BTreeSet<ClientOrderId>,
    /// Orders that opened something when they were let out.
    pub(crate) opening: BTreeSet<ClientOrderId>,
    /// Orders as they last were, to see what moved.
    pub(crate) seen: BTreeMap<ClientOrderId, Order>,
    /// The journal has been read: from here on the books say what it says.
    pub(crate) restored: bool,
    /// Orders in flight when a process was killed.
    pub(crate) carried: BTreeSet<ClientOrderId>,
    pub(crate) last_seq: u64,
    pub(crate) halted: bool,
    /// The kill switch is on, on the disk too, and nobody has lifted it.
    pub(crate) must_halt: bool,
    /// When the stream of an account last broke off.
    pub(crate) gaps: BTreeMap<AccountId, Timestamp>,
    /// Entries that the disk takes its time for, oldest first; whatever comes after them waits behind them.
    writing: VecDeque<(Ticket, JournalEntry)>,
    slow_disk: u64,
    /// Somebody asks for the halt that is seen next; `Some(true)` where exits are to go too.
    pub(crate) halting: Option<bool>,
    /// Entries that tell of such a halt.
    halts: BTreeSet<Ticket>,
    /// One of those could not be written yet.
    halt_kept: bool,
    pub(crate) capital: i64,
    /// When the world began.
    pub(crate) began: Timestamp,
    pub(crate) strategies: Strategies,
    pub(crate) exits: Exits,
    pub(crate) wheel: Wheel,
    pub(crate) coverage: Coverage,
    /// What happened, line by line, where somebody wants to read it.
    pub(crate) trace: Option<Vec<String>>,
}

/// The last one is the wheel's alone.
pub(crate) fn instruments() -> [Instrument; 5] {
    [Instrument::equity("AAPL").unwrap(), Instrument::equity("MSFT").unwrap(), option(), put(), call()]
}

pub(crate) fn call() -> Instrument {
    Instrument::from_key("MSFT  261218C00105000").unwrap()
}

/// The other half of a package.
pub(crate) fn put() -> Instrument {
    Instrument::from_key("MSFT  261218P00095000").unwrap()
}

pub(crate) fn option() -> Instrument {
    Instrument::from_key("MSFT  261127C00105000").unwrap()
}

impl World {
    pub(crate) fn new(seed: u64, trace: bool) -> Self {
        let mut random = Random::new(seed);
        let wheel = Wheel::new(seed);
        let now = Timestamp::from_second(1_795_539_600).unwrap() + wheel.begins_after();
        // Each seed has some of the faults.
        let mut some = |value: u64| if random.once_in(3) { 0 } else { value };
        let faults = Faults {
            lost: some(6),
            repeated: some(4),
            latency_ms: 1 + some(4_000),
            hidden_ms: 1 + some(19_000),
            busts: some(30),
            list_lag_ms: some(20_000),
            failing: some(8),
            flicker: some(5),
        };
        let (kills, disk_fails, slow_disk) = (some(60), some(25), some(3));
        let count = if random.once_in(4) { 3 } else { 1 };
        let capital = CAPITAL[usize::from(random.once_in(4))];
        let personalities = [Personality::Dedupes, Personality::Tags, Personality::NoIds];
        let first = random.below(3);
        let brokers = (0..count)
            .map(|n| {
                let personality = personalities[usize::try_from((first + n) % 3).unwrap()];
                Broker::new(AccountId::new(format!("sim{n}")), personality)
            })
            .collect();
        let calendar = Arc::new(Calendar::nyse());
        Self {
            random,
            faults,
            kills,
            disk_fails,
            now,
            engine: engine(&calendar, seed, now),
            calendar,
            life: seed,
            disk: Disk::new(seed.is_multiple_of(100), now),
            brokers,
            sent: BTreeSet::new(),
            opening: BTreeSet::new(),
            seen: BTreeMap::new(),
            restored: false,
            carried: BTreeSet::new(),
            last_seq: 0,
            halted: false,
            must_halt: false,
            gaps: BTreeMap::new(),
            writing: VecDeque::new(),
            slow_disk,
            halting: None,
            halts: BTreeSet::new(),
            halt_kept: false,
            capital,
            began: now,
            strategies: Strategies::new(seed),
            exits: Exits::new(seed),
            wheel,
            coverage: Coverage::new(),
            trace: trace.then(Vec::new),
        }
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.coverage.entry(what).or_default() += 1;
    }

    pub(crate) fn write(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{} {}", self.now.strftime("%H:%M:%S%.3f"), line()));
        }
    }

    /// The first start.
    pub(crate) fn begin(&mut self) {
        if self.disk.is_real() {
            self.count("real database");
        }
        if self.brokers.len() > 1 {
            self.count("several accounts");
        }
        let who: Vec<_> = self.brokers.iter().map(|broker| broker.personality).collect();
        let (kills, disk_fails, faults) = (self.kills, self.disk_fails, self.faults);
        self.write(|| format!("{who:?} kills={kills} disk_fails={disk_fails} {faults:?}"));
        let kills = std::mem::take(&mut self.kills);
        self.set_up();
        self.make_strategies();
        self.make_wheel();
        self.kills = kills;
    }

    /// What every start tells the engine.
    fn set_up(&mut self) {
        self.restored = false;
        let capital = Decimal::from(self.capital);
        let accounts: Vec<_> = self.brokers.iter().map(|b| (b.account.clone(), b.personality)).collect();
        for (account, personality) in &accounts {
            let own = *personality != Personality::NoIds;
            let setup = AccountSetup {
                account: account.clone(),
                kind: AccountKind::Cash,
                mode: AccountMode::Paper,
                currency: Currency::USD,
                opening_cash: vec![Money::new(capital, Currency::USD)],
                options_level: 2,
                capabilities: Capabilities {
                    searchable_client_id: own,
                    notional: false,
                    preview: false,
                    streaming: true,
                    bracket: own,
                    ..Capabilities::paper()
                },
                // What stops an order is that the money is not there.
                limits: RiskLimits {
                    exposure_percent_max_cash: Decimal::from(1_000),
                    position_percent_max: Decimal::from(1_000),
                    ..RiskLimits::bar_mode(capital)
                },
            };
            self.step(Input::Account(Box::new(setup)));
        }
        self.step(Input::Restored(Box::new(self.disk.read())));
        self.restored = true;
        for instrument in instruments() {
            self.step(Input::Instrument(Box::new(InstrumentSpec::standard(instrument))));
        }
        for (account, _) in accounts {
            self.step(Input::BrokerStatus { account, up: true, reconciled: false });
        }
        self.quote();
        self.run_strategies();
    }

    pub(crate) fn quote(&mut self) {
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
            self.strategies_act();
            self.exits_act();
            self.wheel_acts();
            self.turn();
        }
        self.write(|| "nothing goes wrong any more".to_owned());
        (self.faults, self.kills, self.disk_fails, self.slow_disk) = (Faults::NONE, 0, 0, 0);
        self.wheel_rests();
        for turn in 0..QUIET_TURNS {
            self.now += SignedDuration::from_millis(500);
            if turn == PERSON_LOOKS {
                self.decide();
            }
            self.brokers.iter_mut().for_each(|broker| broker.calm = turn >= QUIET_TURNS - CALM_TURNS);
            self.exits_go_on();
            self.turn();
        }
        self.settled();
        self.exits_settled();
        self.rebuilt();
    }

    pub(crate) fn turn(&mut self) {
        self.disk_catches_up();
        self.step(Input::Tick);
        for n in 0..self.brokers.len() {
            self.brokers[n].work(&mut self.random, self.faults, self.now);
            while let Some(event) = self.brokers[n].receive(self.now) {
                self.hear(event);
            }
            for rare in std::mem::take(&mut self.brokers[n].rare) {
                self.count(rare);
            }
        }
        let seq = self.engine.snapshot().seq;
        assert!(seq >= self.last_seq, "the snapshot's number fell from {} to {seq}", self.last_seq);
        self.last_seq = seq;
        self.strategies_add_up();
    }

    /// Steps the engine and does what it wants, with a kill between any two things.
    pub(crate) fn step(&mut self, input: Input) {
        let queue: VecDeque<Effect> = self.engine.step(self.now, input).into();
        self.carry_out(queue);
    }

    fn carry_out(&mut self, mut queue: VecDeque<Effect>) {
        while let Some(effect) = queue.pop_front() {
            if self.random.once_in(self.kills) {
                return self.kill(&effect);
            }
            self.watch();
            queue.extend(self.perform(effect));
        }
        self.watch();
        self.stops_leave();
        if self.restored {
            self.adds_up();
        }
    }

    fn broker(&mut self, account: &AccountId) -> usize {
        self.brokers.iter().position(|broker| broker.account == *account).unwrap()
    }

    /// What the broker calls an order of the engine; absent where the link cannot name it.
    fn named(&self, n: usize, id: ClientOrderId) -> Option<ClientOrderId> {
        let broker = &self.brokers[n];
        let theirs = self.engine.order(id).and_then(|order| order.broker_order_id.clone());
        let by_theirs = theirs.and_then(|theirs| {
            broker.orders.iter().find(|(_, held)| held.broker_id == theirs).map(|(id, _)| *id)
        });
        by_theirs.or_else(|| (broker.personality != Personality::NoIds).then_some(id))
    }

    fn perform(&mut self, effect: Effect) -> Vec<Effect> {
        match effect {
            Effect::Journal { ticket, entry, .. } => {
                self.read_entry(&entry);
                self.disk.expect(&entry);
                if self.halting.is_some() {
                    self.halts.insert(ticket);
                }
                if !self.writing.is_empty() || self.random.once_in(self.slow_disk) {
                    self.count("entry waits for the disk");
                    self.writing.push_back((ticket, *entry));
                    return Vec::new();
                }
                return self.write_down(ticket, *entry);
            }
            Effect::Submit { account, order } => {
                let request = order.get();
                self.may_be_sent(request);
                assert!(
                    self.sent.insert(request.client_order_id),
                    "order {} was sent twice",
                    request.client_order_id
                );
                let n = self.broker(&account);
                self.write(|| format!("  sends {}", request.client_order_id));
                self.brokers[n].submit(&mut self.random, self.faults, self.now, request);
                self.affords(n);
            }
            Effect::Cancel { account, order } => {
                self.may_be_canceled(order);
                let n = self.broker(&account);
                match self.named(n, order) {
                    Some(name) => self.brokers[n].cancel(&mut self.random, self.faults, self.now, name),
                    None => self.count("cancel could not be named"),
                }
                self.write(|| format!("  cancels {order}"));
            }
            Effect::Ask { account, order } => {
                self.count("asked");
                let n = self.broker(&account);
                let name = self.named(n, order);
                self.write(|| format!("  asks about {order}"));
                // What it cannot name it cannot ask about.
                let Some(name) = name else { return Vec::new() };
                self.brokers[n].ask(&mut self.random, self.faults, self.now, name, order);
            }
            Effect::Replace { account, order, new, .. } => {
                let request = new.get();
                self.may_be_sent(request);
                assert!(
                    self.sent.insert(request.client_order_id),
                    "replacement {} was sent twice",
                    request.client_order_id
                );
                let n = self.broker(&account);
                let known = self.engine.order(order).map(|order| order.filled_quantity).unwrap_or_default();
                self.write(|| format!("  replaces {order} by {}", request.client_order_id));
                let Some(name) = self.named(n, order) else { return Vec::new() };
                self.brokers[n].replace(&mut self.random, self.faults, self.now, (name, known), request);
                self.affords(n);
            }
            Effect::Reconcile { account, reason, since } => {
                let n = self.broker(&account);
                self.write(|| format!("  asks for everything ({})", reason.as_str()));
                self.brokers[n].gather(&mut self.random, self.faults, self.now, reason, since);
            }
            Effect::History { .. } => return self.history(effect),
            Effect::Need { strategy, need } => return self.answer(strategy, need),
            Effect::Ring { .. } | Effect::Answer { .. } | Effect::Measure { .. } | Effect::Bot { .. } => {}
        }
        Vec::new()
    }

    /// Executions that are in the books: written, kept, or on their way to the disk.
    pub(crate) fn booked(&self) -> impl Iterator<Item = &Execution> {
        let waiting = self.writing.iter().flat_map(|(_, entry)| &entry.executions);
        self.disk.booked().chain(waiting.map(|booked| &booked.execution))
    }

    fn write_down(&mut self, ticket: Ticket, entry: JournalEntry) -> Vec<Effect> {
        let (written, resumes) = match entry.trading_state {
            Some(state) => (state == TradingState::Halted, state == TradingState::Active),
            None => (false, false),
        };
        // Whoever asked for a halt is told once this is on the disk, whatever is in it.
        let halts = self.halts.remove(&ticket) || written || std::mem::take(&mut self.halt_kept);
        if self.random.once_in(self.disk_fails) {
            self.count("journal failed");
            let reason = "disk full".to_owned();
            // Facts are kept and written with what comes next; what was to be sent is not sent.
            self.halt_kept = halts;
            self.disk.keep(entry);
            return self.engine.step(self.now, Input::JournalFailed { ticket, reason });
        }
        self.strategies_written(&entry);
        self.disk.write(entry);
        let still = self.engine.trading_state() == TradingState::Halted;
        self.must_halt = (self.must_halt || (halts && still)) && !resumes;
        self.engine.step(self.now, Input::Journaled(ticket))
    }

    /// The disk has written what it was given some time ago.
    fn disk_catches_up(&mut self) {
        while !self.writing.is_empty() && !self.random.once_in(self.slow_disk) {
            let Some((ticket, entry)) = self.writing.pop_front() else { return };
            let effects = self.write_down(ticket, entry);
            self.carry_out(effects.into());
        }
    }

    /// The order of a fill may not be shown yet: one of just now is nobody's before that has had its time.
    fn has_an_order(&self, fill: &Execution) {
        let known = fill.client_order_id.is_some()
            || fill
                .broker_order_id
                .as_ref()
                .is_some_and(|id| self.engine.order_of(&fill.account, id).is_some());
        let old = self.now.duration_since(fill.at) >= SHOWN_WITHIN;
        assert!(known || old, "the fill {} of just now is said to be nobody's", fill.execution_id);
    }

    /// What the engine writes down tells what it did.
    fn read_entry(&mut self, entry: &JournalEntry) {
        self.read_strategies(entry);
        self.read_exits(entry);
        self.read_wheel(entry);
        for intent in entry.intents.iter().filter(|intent| intent.kind != IntentKind::Cancel) {
            if intent.order.status == OrderStatus::PendingSubmit {
                self.may_be_placed(&intent.order.request);
                self.can_pay(&intent.order);
            }
        }
        for booked in &entry.executions {
            match booked.execution.kind {
                ExecutionKind::Inferred if booked.execution.execution_id.as_str().starts_with("undo-") => {
                    self.count("inferred execution exchanged for the real one");
                }
                ExecutionKind::Inferred => self.count("execution inferred"),
                ExecutionKind::Adjustment
                    if booked.execution.execution_id.as_str().starts_with("explained-") =>
                {
                    self.count("adjustment explained");
                }
                ExecutionKind::Adjustment => self.count("position adjusted"),
                ExecutionKind::Trade => self.has_an_order(&booked.execution),
                _ => {}
            }
        }
        for run in &entry.reconciles {
            let found = if run.differences.is_empty() {
                "statement found nothing"
            } else {
                "statement found something"
            };
            self.count(found);
            let by_terms =
                run.differences.iter().filter(|line| line.contains("has the terms of one in doubt"));
            for _ in 0..by_terms.count() {
                self.count("matched by its terms");
            }
        }
        for line in &entry.log {
            self.write(|| format!("  notes {} {}", line.code, line.text));
            match line.code.as_str() {
                "EXTERNAL_ORDER" => self.count("external order adopted"),
                "ORDER_AMBIGUOUS" => self.count("nobody can tell which"),
                "ACCOUNT_UNRECONCILED" => self.count("denied before the first comparison"),
                "BUYING_POWER" => self.count("denied for want of money"),
                _ => {}
            }
        }
    }

    /// The process dies before it does `next`; another begins with what is on disk.
    fn kill(&mut self, next: &Effect) {
        self.count(match next {
            Effect::Journal { .. } => "killed before the journal",
            Effect::Submit { .. } => "killed before a send",
            Effect::Replace { .. } => "killed before a replace",
            _ => "killed elsewhere",
        });
        self.write(|| "KILLED".to_owned());
        let kills = std::mem::take(&mut self.kills);
        for broker in &mut self.brokers {
            broker.cut();
        }
        self.writing.clear();
        self.halts.clear();
        self.halt_kept = false;
        // Whoever asked for a halt asked the process that has ended: the next one's entries are not its.
        self.halting = None;
        self.disk.forget();
        self.restart();
        let in_flight: Vec<Order> = self.engine.book().working().cloned().collect();
        for order in in_flight {
            let id = order.request.client_order_id;
            self.carried.insert(id);
            let n = self.broker(&order.request.account);
            let Some(name) = self.named(n, id) else { continue };
            match order.status {
                OrderStatus::PendingSubmit | OrderStatus::Unknown => {
                    self.brokers[n].ask(&mut self.random, self.faults, self.now, name, id);
                }
                OrderStatus::PendingCancel => {
                    self.count("cancel sent again");
                    self.brokers[n].cancel(&mut self.random, self.faults, self.now, name);
                }
                _ => {}
            }
        }
        self.kills = kills;
    }

    pub(crate) fn restart(&mut self) {
        self.life = self.life.wrapping_add(1_000_003);
        self.engine = engine(&self.calendar, self.life, self.now);
        self.seen.clear();
        self.gaps.clear();
        self.exits_begin_anew();
        self.last_seq = 0;
        self.set_up();
    }
}

fn engine(calendar: &Arc<Calendar>, seed: u64, now: Timestamp) -> Engine {
    let config = EngineConfig {
        profile: "sim".into(),
        default_account: AccountId::new("sim0"),
        feed: Feed::Simulated,
        seed,
        bar_mode: false,
        never_closed: true,
        fees: FeeTable::free(),
        records: Records::All,
    };
    Engine::new(config, Arc::clone(calendar), now)
}
