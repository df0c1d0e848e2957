//! What strategies are told: histories before they run, complete bars, prices at most once a second, what became of their orders.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use crate::core::engine::Engine;
use crate::core::host::{Event, Instance};
use crate::domain::account::AccountMode;
use crate::domain::execution::ExecutionKind;
use crate::domain::instrument::Instrument;
use crate::domain::quote::{Bar, Feed, Interval, Quote};
use crate::domain::snapshot::Severity;
use crate::domain::strategy::{QuotesTold, StrategyPhase};
use crate::strategies::schedule::Timetable;
use crate::strategies::{Output, StrategyInput};

use super::books::View;
use super::{EVENTS_PER_STEP_MAX, PROPOSALS_PER_STEP_MAX};

/// Things that one which starts hears afterwards, at most.
const LATE_MAX: usize = 1_024;
/// A strategy is told of an instrument's prices so often at most.
const QUOTE_EVERY: SignedDuration = SignedDuration::from_secs(1);
/// A bar that was missed while the engine was away is acted upon no later than so long after its end.
const GRACE: SignedDuration = SignedDuration::from_mins(5);

impl Engine {
    /// New prices, for those who watch the instrument.
    pub(in crate::core::engine) fn quote_strategies(&mut self, quote: &Quote) {
        let now = self.now;
        let mut told: Vec<SmolStr> = Vec::new();
        for (name, instance) in &mut self.host.instances {
            if instance.phase != StrategyPhase::Running
                || !instance.watches(&quote.instrument)
                || !may_use(instance, quote.feed)
            {
                continue;
            }
            let all = instance.spec.rules.quotes == QuotesTold::All;
            let last = instance.quoted.get_mut(&quote.instrument);
            if let Some((_, newer)) = last.filter(|(at, _)| !all && now.duration_since(*at) < QUOTE_EVERY) {
                *newer = true;
                continue;
            }
            instance.quoted.insert(quote.instrument.clone(), (now, false));
            told.push(name.clone());
        }
        for name in told {
            self.host.tell(&name, Event::Quote(Box::new(quote.clone())));
        }
    }

    /// A complete bar, for those who watch the instrument at this width. One that was told before is not told again.
    pub(in crate::core::engine) fn bar_strategies(
        &mut self,
        instrument: &Instrument,
        interval: Interval,
        bar: &Bar,
        feed: Feed,
    ) {
        if !bar.is_sound() {
            return self.bad_bars(instrument, interval, &[bar.start]);
        }
        let mut told: Vec<SmolStr> = Vec::new();
        for (name, instance) in &mut self.host.instances {
            let wants = instance.phase == StrategyPhase::Running
                && instance.spec.interval == interval
                && instance.watches(instrument)
                && may_use(instance, feed);
            if wants && take_bar(instance, instrument, bar) {
                told.push(name.clone());
            }
        }
        for name in told {
            self.host.tell(&name, Event::Bar { instrument: instrument.clone(), interval, bar: *bar });
        }
    }

    /// The newest prices, for those who were told of older ones less than a second before them: the last word before a silence is theirs too.
    pub(in crate::core::engine) fn tell_newest_quotes(&mut self) {
        let now = self.now;
        let mut told: Vec<(SmolStr, Instrument)> = Vec::new();
        for (name, instance) in &mut self.host.instances {
            for (instrument, (at, newer)) in &mut instance.quoted {
                if *newer && now.duration_since(*at) >= QUOTE_EVERY {
                    (*at, *newer) = (now, false);
                    told.push((name.clone(), instrument.clone()));
                }
            }
        }
        for (name, instrument) in told {
            let runs = self.host.instances.get(&name).is_some_and(|it| it.phase == StrategyPhase::Running);
            if let Some(quote) = self.market.quote(&instrument).filter(|_| runs) {
                let quote = Box::new(quote.clone());
                self.host.tell(&name, Event::Quote(quote));
            }
        }
    }

    /// A strategy's history of one instrument has come.
    pub(in crate::core::engine) fn on_history(
        &mut self,
        name: &SmolStr,
        instrument: &Instrument,
        (interval, feed): (Interval, Feed),
        bars: Vec<(Timestamp, Bar)>,
    ) {
        let Some(instance) = self.host.instances.get_mut(name) else { return };
        if instance.phase != StrategyPhase::Starting
            || instance.spec.interval != interval
            || !may_use(instance, feed)
            || !instance.awaits.remove(instrument)
        {
            return;
        }
        let (sound, bad): (Vec<_>, Vec<_>) = bars.into_iter().partition(|(_, bar)| bar.is_sound());
        instance.history.extend(sound.into_iter().map(|(end, bar)| (end, instrument.clone(), bar)));
        let whole = instance.awaits.is_empty();
        let bad: Vec<Timestamp> = bad.into_iter().map(|(_, bar)| bar.start).collect();
        self.bad_bars(instrument, interval, &bad);
        if whole {
            self.warm_up(name, feed);
        }
    }

    /// Bars that cannot be are gaps, and said to be (strategies §3).
    fn bad_bars(&mut self, instrument: &Instrument, interval: Interval, starts: &[Timestamp]) {
        let Some(first) = starts.first() else { return };
        let more = if starts.len() > 1 { format!(" and {} more", starts.len() - 1) } else { String::new() };
        let text = format!("{instrument} {interval}: the bar of {first}{more} cannot be, and is left out");
        self.note(Severity::Warning, "BAD_BAR", text);
    }

    /// An instrument's bars come from elsewhere: who watches it begins anew.
    pub(in crate::core::engine) fn begin_anew(&mut self, instrument: &Instrument) {
        let watching: Vec<SmolStr> = self
            .host
            .instances
            .iter()
            .filter(|(_, i)| matches!(i.phase, StrategyPhase::Running | StrategyPhase::Starting))
            .filter(|(_, i)| i.watches(instrument))
            .map(|(name, _)| name.clone())
            .collect();
        for name in watching {
            self.begin_if_at_work(&name);
        }
    }

    fn begin_if_at_work(&mut self, name: &SmolStr) {
        let phase = self.host.instances.get(name).map(|instance| instance.phase);
        if matches!(phase, Some(StrategyPhase::Running | StrategyPhase::Starting))
            && let Err(reason) = self.begin(name)
        {
            self.fail(name, &reason);
        }
    }

    /// Has everything it must know first: it is told the past without being heard, and runs from here. The newest bar, where it came while the
    /// engine was away and not long ago, is not of the past.
    fn warm_up(&mut self, name: &SmolStr, feed: Feed) {
        let Some(instance) = self.host.instances.get_mut(name) else { return };
        let mut history = std::mem::take(&mut instance.history);
        history.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let needed = instance.strategy.as_ref().map_or(0, |strategy| strategy.warm_up_bars());
        let interval = instance.spec.interval;
        let newest = history.last().map(|(end, ..)| *end);
        let late = newest.filter(|end| self.now.duration_since(*end) <= GRACE);
        let mut missed = Vec::new();
        for (end, instrument, bar) in history {
            let Some(instance) = self.host.instances.get_mut(name) else { return };
            let known = instance.last_bars.get(&instrument).copied();
            if Some(end) == late && known.is_some_and(|known| bar.start > known) {
                missed.push((instrument, bar));
                continue;
            }
            if needed > 1 {
                let input = StrategyInput::Bar { instrument: &instrument, interval, bar: &bar };
                self.ask(name, input);
            }
            if let Some(instance) = self.host.instances.get_mut(name) {
                let last = instance.last_bars.entry(instrument).or_insert(bar.start);
                *last = bar.start.max(*last);
            }
        }
        let Some(instance) = self.host.instances.get_mut(name) else { return };
        if instance.phase != StrategyPhase::Starting {
            return;
        }
        instance.enter(StrategyPhase::Running, None);
        let mut schedules =
            instance.strategy.as_ref().map(|strategy| strategy.schedules()).unwrap_or_default();
        schedules.extend(instance.bot_schedules.iter().cloned());
        let handled = instance.handled.unwrap_or(self.now);
        instance.timetable =
            (!schedules.is_empty()).then(|| Timetable::new(schedules, &self.calendar, handled));
        let changed = std::mem::take(&mut instance.changed).then_some(Event::ParamsChanged);
        let resumed = std::mem::take(&mut instance.resumes).then_some(Event::Resumed);
        let late = std::mem::take(&mut instance.late);
        for event in changed.into_iter().chain(resumed).chain(late) {
            self.host.tell(name, event);
        }
        self.note(Severity::Info, "STRATEGY_RUNNING", format!("{name} runs"));
        for (instrument, bar) in missed {
            self.bar_strategies(&instrument, interval, &bar, feed);
        }
    }

    /// Tells strategies what has happened, and carries out what they want, until nothing is left of this step.
    pub(in crate::core::engine) fn serve_strategies(&mut self) {
        let changed = std::mem::take(&mut self.host.changed);
        if self.host.instances.is_empty() {
            return;
        }
        let concerned = |instance: &Instance| {
            changed.contains(&instance.spec.account) && instance.phase == StrategyPhase::Running
        };
        let told: Vec<SmolStr> =
            self.host.instances.iter().filter(|(_, i)| concerned(i)).map(|(name, _)| name.clone()).collect();
        for name in told {
            self.host.tell(&name, Event::Account);
        }
        for _ in 0..EVENTS_PER_STEP_MAX {
            let Some((name, event)) = self.host.events.pop_front() else { break };
            self.serve(&name, &event);
        }
        for name in std::mem::take(&mut self.host.renamed) {
            self.begin_if_at_work(&name);
        }
        self.finish_stopping();
        for instance in self.host.instances.values_mut() {
            instance.proposed = 0;
            if std::mem::take(&mut instance.dirty) && !instance.frozen {
                self.entry.strategies.push(instance.stored());
                self.dirty.any = true;
            }
        }
    }

    fn serve(&mut self, name: &SmolStr, event: &Event) {
        let Some(instance) = self.host.instances.get_mut(name) else { return };
        if instance.strategy.is_none() {
            return;
        }
        // One that has not yet been told the past hears afterwards what happened to what it owns; the rest comes too early.
        if instance.phase == StrategyPhase::Starting {
            if event.lasts() && instance.late.len() < LATE_MAX {
                instance.late.push(event.clone());
            }
            return;
        }
        let wanted = match event {
            Event::Chain(underlying) => {
                let chain = instance.known.chains.get(underlying).cloned();
                chain.map(|chain| self.ask(name, StrategyInput::ChainReady(&chain)))
            }
            Event::Bars(instrument, interval) => {
                let key = (instrument.clone(), *interval);
                let bars = instance.known.bars.get(&key).cloned().unwrap_or_default();
                let (interval, bars) = (*interval, bars.as_slice());
                Some(self.ask(name, StrategyInput::BarsReady { instrument, interval, bars }))
            }
            Event::Order(id) => {
                let order = self.book.get(*id).cloned();
                order.map(|order| self.ask(name, StrategyInput::OrderChanged(&order)))
            }
            other => Some(self.ask(name, input_of(other))),
        };
        self.carry_out(name, wanted.unwrap_or_default());
    }

    /// Asks a strategy. One that panics has failed, and nothing else with it.
    pub(super) fn ask(&mut self, name: &SmolStr, input: StrategyInput<'_>) -> Vec<Output> {
        let Some(instance) = self.host.instances.get_mut(name) else { return Vec::new() };
        let Some(mut strategy) = instance.strategy.take() else { return Vec::new() };
        let now = self.now;
        let mut wanted = Vec::new();
        let well = match self.host.instances.get(name) {
            Some(Instance { spec, ledger, known, .. }) => {
                let books = View { engine: self, spec, ledger, known };
                catch_unwind(AssertUnwindSafe(|| strategy.on_input(now, input, &books, &mut wanted))).is_ok()
            }
            None => return Vec::new(),
        };
        if !well {
            self.fail(name, "it has a bug: it panicked; see the log file");
            return Vec::new();
        }
        let remembers = wanted.contains(&Output::Remember).then(|| strategy.memory());
        if let Some(instance) = self.host.instances.get_mut(name) {
            instance.strategy = Some(strategy);
        }
        if let Some(memory) = remembers {
            self.remember(name, memory);
        }
        let proposals = wanted.iter().filter(|output| matches!(output, Output::Propose(..))).count();
        if proposals > PROPOSALS_PER_STEP_MAX {
            self.fail(
                name,
                &format!(
                    "it proposed {proposals} orders in one step, {PROPOSALS_PER_STEP_MAX} are allowed; none was sent"
                ),
            );
            return Vec::new();
        }
        wanted
    }
}

/// What an event is to a strategy, where nothing needs to be looked up for it.
fn input_of(event: &Event) -> StrategyInput<'_> {
    match event {
        Event::Quote(quote) => StrategyInput::Quote(quote),
        Event::Bar { instrument, interval, bar } => {
            StrategyInput::Bar { instrument, interval: *interval, bar }
        }
        Event::Execution(execution) => match (execution.kind, execution.instrument.as_option()) {
            (ExecutionKind::Assignment, Some(_)) => StrategyInput::Assigned(execution),
            (ExecutionKind::Exercise, Some(_)) => StrategyInput::Exercised(execution),
            (ExecutionKind::Expiration, Some(_)) => StrategyInput::Expired(execution),
            _ => StrategyInput::Execution(execution),
        },
        Event::Position { instrument, before, now } => {
            StrategyInput::PositionChanged { instrument, before: *before, now: *now }
        }
        Event::Denied(code, subject) => StrategyInput::Denied { code: *code, subject },
        Event::Due { schedule, due_at } => StrategyInput::Due { schedule, due_at: *due_at },
        Event::Dates(underlying) => StrategyInput::EventsReady { underlying },
        Event::Paused => StrategyInput::Paused,
        Event::Resumed => StrategyInput::Resumed,
        Event::Account => StrategyInput::AccountChanged,
        Event::Corporate(action) => StrategyInput::CorporateAction(action),
        Event::ParamsChanged => StrategyInput::ParamsChanged,
        // Looked up before: an account has changed where an order or a chain has.
        Event::Order(_) | Event::Chain(_) | Event::Bars(..) => StrategyInput::AccountChanged,
    }
}

/// Real money never acts on prices that are made up.
fn may_use(instance: &Instance, feed: Feed) -> bool {
    instance.mode == AccountMode::Paper || feed != Feed::Simulated
}

/// True for a bar that is newer than those it was told of, which it counts as from now on.
fn take_bar(instance: &mut Instance, instrument: &Instrument, bar: &Bar) -> bool {
    let known = instance.last_bars.get(instrument);
    if known.is_some_and(|known| bar.start <= *known) {
        return false;
    }
    instance.last_bars.insert(instrument.clone(), bar.start);
    instance.dirty = true;
    true
}
