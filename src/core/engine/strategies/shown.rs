//! Strategies as front ends see them.

use std::sync::Arc;

use jiff::Timestamp;

use crate::core::engine::Engine;
use crate::core::host::Instance;
use crate::domain::strategy::{KindView, ParamView, StrategyView};
use crate::strategies::{KINDS, ParamKind};

impl Engine {
    /// Every strategy, by name; shared with the picture before where nothing differs.
    pub(in crate::core::engine) fn strategies_shown(&mut self) -> Arc<Vec<StrategyView>> {
        if self.host.instances.is_empty() && self.host.shown.as_ref().is_some_and(|shown| shown.is_empty()) {
            return self.host.shown.clone().unwrap_or_default();
        }
        let views: Vec<StrategyView> = self.strategies();
        match &self.host.shown {
            Some(shown) if **shown == views => Arc::clone(shown),
            _ => {
                let shown = Arc::new(views);
                self.host.shown = Some(Arc::clone(&shown));
                shown
            }
        }
    }

    /// Every strategy, by name.
    #[must_use]
    pub fn strategies(&self) -> Vec<StrategyView> {
        self.host.instances.values().map(|instance| self.strategy_view(instance)).collect()
    }

    /// When the first of the strategies at work does something by the clock: at its next evaluation, and where its orders work at their next
    /// step too.
    #[must_use]
    pub fn strategies_due(&self) -> Option<Timestamp> {
        let due = |instance: &Instance| {
            let timetable = instance.timetable.as_ref().filter(|_| instance.phase.is_at_work())?;
            let works = self.working_of_strategy(&instance.spec.name).next().is_some();
            if works { timetable.next() } else { timetable.next_look() }
        };
        self.host.instances.values().filter_map(due).min()
    }

    fn strategy_view(&self, instance: &Instance) -> StrategyView {
        let ledger = &instance.ledger;
        let unrealized_pnl = ledger.unrealized(&|instrument| self.mark_of(instrument)).round_dp(2);
        let total = self.strategy_gain(ledger);
        let working = self.working_of_strategy(&instance.spec.name).count();
        StrategyView {
            spec: instance.spec.clone(),
            mode: instance.mode,
            enabled: instance.enabled,
            phase: instance.phase,
            reason: if instance.phase.is_at_work() && !self.host.runs {
                Some("no engine runs it now".to_owned())
            } else {
                instance.reason.clone()
            },
            claims: ledger.claims(),
            working_orders: u32::try_from(working).unwrap_or(u32::MAX),
            realized_pnl: ledger.realized(),
            unrealized_pnl,
            day_pnl: ledger.day_pnl(total).round_dp(2),
            fees: ledger.fees(),
            trades: ledger.trades(),
            locks: instance.guards.locks(self.now),
            proposals: self.proposals_of(instance),
            last_decision: instance.last_decision.clone(),
            next_due: instance.timetable.as_ref().and_then(crate::strategies::schedule::Timetable::next_look),
            bot: instance.bot.clone(),
            created_at: instance.created_at,
            changed_at: instance.changed_at,
        }
    }
}

/// The kinds of strategies, for help and forms: from the same schema that their parameters are checked by.
#[must_use]
pub fn strategy_kinds() -> Vec<KindView> {
    let choices = |kind: ParamKind| match kind {
        ParamKind::Choice(words) => words.iter().map(|word| (*word).to_owned()).collect(),
        _ => Vec::new(),
    };
    KINDS
        .iter()
        .map(|kind| KindView {
            name: kind.name.to_owned(),
            about: kind.about.to_owned(),
            params: kind
                .params
                .iter()
                .map(|param| ParamView {
                    name: param.name.to_owned(),
                    default: param.default.to_owned(),
                    allowed: param.kind.allowed(),
                    choices: choices(param.kind),
                    about: param.about.to_owned(),
                })
                .collect(),
        })
        .collect()
}
