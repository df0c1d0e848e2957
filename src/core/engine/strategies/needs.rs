//! What strategies must know before they can decide, and when they are asked: chains, bars, dates, and the clock's due times.

use jiff::SignedDuration;
use smol_str::SmolStr;

use crate::core::effect::Effect;
use crate::core::engine::Engine;
use crate::core::host::Event;
use crate::core::input::Needed;
use crate::domain::snapshot::Severity;
use crate::domain::strategy::StrategyPhase;
use crate::strategies::Need;
use crate::strategies::schedule::Firing;

/// Things that one strategy may wait for at a time.
const NEEDS_MAX: usize = 64;
/// An answer that has not come by then is not waited for any more: due times come again.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

impl Engine {
    /// A strategy wants to know something. What it waits for already is not asked for again.
    pub(super) fn need(&mut self, name: &SmolStr, need: Need) {
        let now = self.now;
        let Some(instance) = self.host.instances.get_mut(name) else { return };
        if instance.needs.iter().any(|(known, _)| *known == need) {
            return;
        }
        if instance.needs.len() >= NEEDS_MAX {
            let text = format!("{name} waits for {NEEDS_MAX} things already; one more was not asked for");
            return self.note(Severity::Warning, "TOO_MANY_NEEDS", text);
        }
        instance.needs.push((need.clone(), now));
        self.effects.push(Effect::Need { strategy: name.clone(), need });
    }

    /// What a strategy asked for has come, or nobody has it.
    pub(in crate::core::engine) fn on_needed(&mut self, name: &SmolStr, answer: Needed) {
        let Some(instance) = self.host.instances.get_mut(name) else { return };
        let is_this = |need: &Need| match (need, &answer) {
            (Need::Chain { underlying, .. }, Needed::Chain(chain)) => *underlying == chain.underlying,
            (Need::Chain { underlying, .. }, Needed::NoChain(of)) => underlying == of,
            (
                Need::Bars { instrument, interval, .. },
                Needed::Bars { instrument: of, interval: wide, .. },
            ) => instrument == of && interval == wide,
            (Need::Events { underlying }, Needed::Events { underlying: of, .. }) => underlying == of,
            _ => false,
        };
        let asked = instance.needs.len();
        instance.needs.retain(|(need, _)| !is_this(need));
        if instance.needs.len() == asked {
            return;
        }
        let event = match answer {
            Needed::Chain(chain) => {
                let underlying = chain.underlying.clone();
                instance.known.chains.insert(underlying.clone(), *chain);
                Some(Event::Chain(underlying))
            }
            Needed::NoChain(_) => None,
            Needed::Bars { instrument, interval, bars } => {
                let bars = bars.into_iter().filter(crate::domain::quote::Bar::is_sound).collect();
                instance.known.bars.insert((instrument.clone(), interval), bars);
                Some(Event::Bars(instrument, interval))
            }
            Needed::Events { underlying, events } => {
                if let Some(events) = events {
                    instance.known.dates.insert(underlying.clone(), *events);
                }
                Some(Event::Dates(underlying))
            }
        };
        if let Some(event) = event {
            self.host.tell(name, event);
        }
    }

    /// What has come due by the clock, in the order of the strategies' names. Nothing is, while one waits for something.
    pub(super) fn fire_schedules(&mut self) {
        let now = self.now;
        let mut told: Vec<(SmolStr, Event)> = Vec::new();
        let mut missed: Vec<String> = Vec::new();
        for (name, instance) in &mut self.host.instances {
            instance.needs.retain(|(_, since)| now.duration_since(*since) < PATIENCE);
            if instance.phase != StrategyPhase::Running {
                continue;
            }
            let waiting = !instance.needs.is_empty();
            let Some(timetable) = &mut instance.timetable else { continue };
            let firings = timetable.poll(now, &self.calendar, waiting);
            instance.dirty |= !firings.is_empty();
            for firing in firings {
                match firing {
                    Firing::Due { name: schedule, due_at } => {
                        told.push((name.clone(), Event::Due { schedule, due_at }));
                    }
                    Firing::Missed { name: schedule, due_at } => {
                        missed.push(format!("{name}: {schedule} was due at {due_at} and is let go"));
                    }
                    // The engine's own clock says so once for all.
                    Firing::ClockBack { .. } => {}
                }
            }
        }
        for text in missed {
            self.note(Severity::Warning, "MISSED", text);
        }
        for (name, event) in told {
            self.host.tell(&name, event);
        }
    }
}
