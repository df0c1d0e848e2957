//! A strategy's life: `Disabled → Starting → Running ⇄ Paused → Stopping → Disabled`, and `Faulted`. A person moves it; so do the kill switch,
//! its loss limit and its own failures.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use crate::core::effect::{Effect, Outcome, RequestId};
use crate::core::engine::Engine;
use crate::core::host::{Event, Instance, restore};
use crate::domain::account::AccountMode;
use crate::domain::bot::{BotTerms, bot_of};
use crate::domain::calendar::account_day;
use crate::domain::exit::ExitPlan;
use crate::domain::ids::AccountId;
use crate::domain::limits::TradingState;
use crate::domain::money::Quantity;
use crate::domain::snapshot::Severity;
use crate::domain::strategy::{
    DecisionRecord, INSTRUMENTS_MAX, STRATEGIES_MAX, StoredStrategy, StrategyChange, StrategyEdit,
    StrategyPhase, StrategyPlan, StrategySpec, is_name,
};
use crate::domain::text::no_such;
use crate::strategies::{Params, Strategy, StrategyInput, build, kind_of};

/// Bars of a history beyond those that a strategy says it needs: what is smoothed forgets its beginning slowly.
const SETTLING_BARS: usize = 100;
/// Bars of a history at most.
const HISTORY_MAX: usize = 5_000;

impl Engine {
    pub(in crate::core::engine) fn on_strategy(&mut self, request: RequestId, change: StrategyChange) {
        let name = change.name().clone();
        let outcome = match change {
            StrategyChange::Add { spec } => self.add_strategy(*spec),
            other => match self.host.instances.get(&name) {
                None => Err(self.no_strategy(&name)),
                Some(instance) if instance.frozen => {
                    Err(format!("{name}: {}", instance.reason.as_deref().unwrap_or("it cannot be read")))
                }
                Some(_) => self.change_strategy(&name, other),
            },
        };
        match outcome {
            // On the disk before anybody is told.
            Ok(text) => self.after_journal.push(Effect::Answer { request, outcome: Outcome::Said(text) }),
            Err(reason) => self.answer(request, Outcome::Refused(reason)),
        }
    }

    fn change_strategy(&mut self, name: &SmolStr, change: StrategyChange) -> Result<String, String> {
        match change {
            StrategyChange::Add { .. } => Ok(String::new()),
            StrategyChange::Set { edit, .. } => self.set_strategy(name, *edit),
            StrategyChange::Start { confirmation, .. } => self.start_strategy(name, confirmation.as_deref()),
            StrategyChange::Pause { .. } => self.pause_strategy(name, "a person paused it"),
            StrategyChange::Stop { flatten, .. } => self.stop_strategy(name, flatten),
            StrategyChange::Confirm { proposal, hash, .. } => self.confirm_proposal(name, proposal, &hash),
            StrategyChange::Decline { proposal, .. } => self.decline_proposal(name, proposal),
            StrategyChange::Unlock { .. } => {
                let Some(instance) = self.host.instances.get_mut(name) else { return Ok(String::new()) };
                instance.dirty = true;
                let lifted = instance.guards.lift();
                self.note(Severity::Info, "STRATEGY_UNLOCKED", format!("{name}: {lifted} locks lifted"));
                Ok(format!("{name}: {lifted} locks lifted"))
            }
            StrategyChange::Remove { .. } => self.remove_strategy(name),
        }
    }

    fn add_strategy(&mut self, spec: StrategySpec) -> Result<String, String> {
        if !is_name(&spec.name) {
            let shown: String = spec.name.chars().take(40).flat_map(char::escape_default).collect();
            return Err(format!("name: found '{shown}', allowed 1 to 32 of a-z, 0-9, '-' and '_'"));
        }
        if self.host.instances.contains_key(&spec.name) {
            return Err(format!("there is a strategy {} already", spec.name));
        }
        if self.host.instances.len() >= STRATEGIES_MAX {
            return Err(format!("a profile has {STRATEGIES_MAX} strategies at most"));
        }
        if self.working_of_strategy(&spec.name).next().is_some() {
            return Err(format!("orders of an earlier {} still work; cancel them first", spec.name));
        }
        let mode = self.check_spec(&spec)?;
        let text = format!("{} is there; start it with: arbion strategy start {}", spec.name, spec.name);
        self.note(
            Severity::Info,
            "STRATEGY_ADDED",
            format!("{} {} on {}", spec.name, spec.kind, spec.account),
        );
        self.host.instances.insert(spec.name.clone(), Instance::new(spec, mode, self.now));
        Ok(text)
    }

    /// Can such a strategy be: parameters, instruments, account.
    fn check_spec(&self, spec: &StrategySpec) -> Result<AccountMode, String> {
        let mode = self.mode_of(&spec.account)?;
        if spec.instruments.is_empty() || spec.instruments.len() > INSTRUMENTS_MAX {
            return Err(format!(
                "instruments: found {}, allowed 1 to {INSTRUMENTS_MAX}",
                spec.instruments.len()
            ));
        }
        for (n, instrument) in spec.instruments.iter().enumerate() {
            if spec.instruments[..n].contains(instrument) {
                return Err(format!("{instrument} is named twice"));
            }
            let class = instrument.asset_class();
            let can = self.capabilities(&spec.account);
            if can.is_some_and(|can| !can.asset_classes.contains(&class)) {
                return Err(format!("account {} does not trade {instrument}", spec.account));
            }
        }
        if let Some(stray) = spec.adopt.iter().find(|adopted| !spec.instruments.contains(adopted)) {
            return Err(format!("{stray} is to be adopted and is none of its instruments"));
        }
        if let Some(plan) = &spec.exits {
            plan.check().map_err(|error| error.to_string())?;
        }
        self.build_strategy(spec)?;
        let kind = kind_of(&spec.kind);
        if let (AccountMode::Live, Some(why)) = (mode, kind.and_then(|kind| kind.paper_only)) {
            return Err(format!("{} trades on paper only: {why}", spec.kind));
        }
        let told = self.capabilities(&spec.account).is_some_and(|can| can.corporate_actions);
        if mode == AccountMode::Live && kind.is_some_and(|kind| kind.needs_corporate_actions) && !told {
            return Err(format!(
                "{} trades real money only at brokers that say what companies do to their shares (dividends, splits, symbol changes); that of {} does not",
                spec.kind, spec.account
            ));
        }
        Ok(mode)
    }

    fn mode_of(&self, account: &AccountId) -> Result<AccountMode, String> {
        let books = self.accounts.get(account);
        books.map(|books| books.setup.mode).ok_or_else(|| format!("no account is called '{account}'"))
    }

    /// No strategy has this name.
    fn no_strategy(&self, name: &str) -> String {
        no_such("strategy", name, self.host.instances.keys().map(SmolStr::as_str))
    }

    fn build_strategy(&self, spec: &StrategySpec) -> Result<Box<dyn Strategy>, String> {
        self.check_bot(spec)?;
        let params = Params::new(spec.params.clone());
        build(&spec.kind, spec.name.clone(), spec.instruments.clone(), &params)
            .map_err(|error| error.to_string())
    }

    fn set_strategy(&mut self, name: &SmolStr, edit: StrategyEdit) -> Result<String, String> {
        let Some(instance) = self.host.instances.get(name) else { return Ok(String::new()) };
        let mut spec = instance.spec.clone();
        for (param, value) in edit.params {
            if value.is_empty() {
                spec.params.remove(&param);
            } else {
                spec.params.insert(param, value);
            }
        }
        for (rule, value) in &edit.rules {
            spec.rules.set(rule, value).map_err(|error| error.to_string())?;
        }
        if !edit.exits.is_empty() {
            spec.exits = changed_plan(spec.exits.as_ref(), &edit.exits)?;
        }
        if let Some(account) = edit.account.filter(|account| *account != spec.account) {
            if !instance.ledger.is_empty() || self.working_of_strategy(name).next().is_some() {
                return Err(format!("{name} owns something on {}; stop and flatten it first", spec.account));
            }
            spec.account = account;
        }
        spec.instruments = edit.instruments.unwrap_or(spec.instruments);
        spec.interval = edit.interval.unwrap_or(spec.interval);
        spec.adopt.retain(|adopted| spec.instruments.contains(adopted));
        if spec == instance.spec {
            return Ok(format!("{name} is as it was"));
        }
        let mode = self.check_spec(&spec)?;
        // What was confirmed for real money is not what it would do now.
        let confirmed_anew = mode == AccountMode::Live && instance.phase.is_at_work();
        let restarts = matches!(instance.phase, StrategyPhase::Running | StrategyPhase::Starting);
        let now = self.now;
        let Some(instance) = self.host.instances.get_mut(name) else { return Ok(String::new()) };
        (instance.spec, instance.mode, instance.changed_at, instance.dirty) = (spec, mode, now, true);
        instance.changed = true;
        self.note(Severity::Info, "STRATEGY_CHANGED", format!("{name} has other parameters"));
        if confirmed_anew {
            self.rest(name, StrategyPhase::Paused, "it was changed; start it again to confirm that");
            return Ok(format!("{name} is changed and paused; start it again to confirm that"));
        }
        if restarts {
            self.begin(name)?;
        }
        Ok(format!("{name} is changed"))
    }

    fn start_strategy(&mut self, name: &SmolStr, confirmation: Option<&str>) -> Result<String, String> {
        if !self.host.runs {
            return Err("strategies run in the profile's own engine; this one only reads".to_owned());
        }
        let Some(instance) = self.host.instances.get(name) else { return Ok(String::new()) };
        match instance.phase {
            StrategyPhase::Running | StrategyPhase::Starting => return Ok(format!("{name} runs already")),
            StrategyPhase::Stopping => {
                return Err(format!("{name} is stopping; start it once it has stopped"));
            }
            StrategyPhase::Disabled | StrategyPhase::Paused | StrategyPhase::Faulted => {}
        }
        if self.trading_state == TradingState::Halted {
            return Err("the kill switch is on; lift it first (resume)".to_owned());
        }
        let mode = self.check_spec(&instance.spec.clone())?;
        if mode == AccountMode::Live {
            let plan = self.strategy_plan(name)?;
            if confirmation != Some(plan.confirmation.as_str()) {
                return Err(format!(
                    "{name} would trade real money on {}; its plan must be confirmed",
                    plan.spec.account
                ));
            }
        }
        if let Some(instance) = self.host.instances.get_mut(name) {
            (instance.mode, instance.enabled) = (mode, true);
            instance.resumes = instance.phase == StrategyPhase::Paused;
        }
        self.begin(name)?;
        Ok(format!("{name} starts"))
    }

    /// Makes the strategy and asks for what it must know first.
    pub(super) fn begin(&mut self, name: &SmolStr) -> Result<(), String> {
        let Some(instance) = self.host.instances.get(name) else { return Ok(()) };
        let spec = instance.spec.clone();
        let mut strategy = self.build_strategy(&spec)?;
        if let Some(memory) = &instance.memory {
            strategy
                .restore(memory)
                .map_err(|error| format!("{name}: {error}; nothing of it was changed"))?;
        }
        let needed = strategy.warm_up_bars();
        let Some(instance) = self.host.instances.get_mut(name) else { return Ok(()) };
        instance.strategy = Some(strategy);
        instance.enter(StrategyPhase::Starting, Some("it waits for the bars of the past".to_owned()));
        (instance.awaits, instance.history) = (spec.instruments.iter().cloned().collect(), Vec::new());
        self.adopt_for(name, self.now);
        let wanted = self.ask(name, StrategyInput::Started);
        self.carry_out(name, wanted);
        let bars = (needed + SETTLING_BARS).min(HISTORY_MAX);
        for instrument in spec.instruments {
            let (strategy, interval) = (name.clone(), spec.interval);
            self.after_journal.push(Effect::History { strategy, instrument, interval, bars });
        }
        Ok(())
    }

    fn pause_strategy(&mut self, name: &SmolStr, reason: &str) -> Result<String, String> {
        let phase = self.host.instances.get(name).map(|instance| instance.phase).unwrap_or_default();
        match phase {
            StrategyPhase::Running | StrategyPhase::Starting => {
                self.rest(name, StrategyPhase::Paused, reason);
                Ok(format!("{name} is paused; its orders work on"))
            }
            StrategyPhase::Paused => Ok(format!("{name} is paused already")),
            other => Err(format!("{name} is {other} and cannot be paused")),
        }
    }

    fn rest(&mut self, name: &SmolStr, phase: StrategyPhase, reason: &str) {
        let Some(instance) = self.host.instances.get_mut(name) else { return };
        instance.enter(phase, Some(reason.to_owned()));
        self.host.tell(name, Event::Paused);
        self.note(Severity::Info, "STRATEGY_PAUSED", format!("{name}: {reason}"));
    }

    pub(super) fn stop_strategy(&mut self, name: &SmolStr, flatten: bool) -> Result<String, String> {
        let Some(instance) = self.host.instances.get(name) else { return Ok(String::new()) };
        let owns = !instance.ledger.instruments().is_empty();
        if instance.phase == StrategyPhase::Disabled && (!owns || !flatten) {
            return Ok(format!("{name} is disabled already"));
        }
        let wanted = self.ask(name, StrategyInput::Stopping);
        let Some(instance) = self.host.instances.get_mut(name) else { return Ok(String::new()) };
        (instance.enabled, instance.strategy, instance.flattening) = (false, None, None);
        instance.enter(StrategyPhase::Stopping, Some("its opening orders are being canceled".to_owned()));
        drop(wanted);
        self.cancel_opening(name);
        self.note(Severity::Info, "STRATEGY_STOPPING", format!("{name} stops"));
        if flatten {
            return self.flatten(name);
        }
        Ok(format!("{name} stops; what it owns stays"))
    }

    /// What stops has stopped once nothing that opens works any more.
    pub(super) fn finish_stopping(&mut self) {
        let stopping: Vec<SmolStr> = self
            .host
            .instances
            .iter()
            .filter(|(_, instance)| instance.phase == StrategyPhase::Stopping)
            .map(|(name, _)| name.clone())
            .collect();
        for name in stopping {
            // An order in doubt that would open keeps nothing of it from being closed.
            let closes = self.goes_on_flattening(&name);
            if closes || self.working_of_strategy(&name).any(|order| !order.request.reduce_only) {
                continue;
            }
            if let Some(instance) = self.host.instances.get_mut(&name) {
                instance.enter(StrategyPhase::Disabled, None);
                self.note(Severity::Info, "STRATEGY_STOPPED", format!("{name} has stopped"));
            }
        }
    }

    fn remove_strategy(&mut self, name: &SmolStr) -> Result<String, String> {
        let Some(instance) = self.host.instances.get(name) else { return Ok(String::new()) };
        if !matches!(instance.phase, StrategyPhase::Disabled | StrategyPhase::Faulted) {
            return Err(format!("{name} is {}; stop it first", instance.phase));
        }
        if self.working_of_strategy(name).next().is_some() {
            return Err(format!("{name} has working orders; cancel them first"));
        }
        let owned = instance.ledger.claims();
        self.host.instances.remove(name);
        self.entry.strategies_gone.push(name.clone());
        self.note(Severity::Info, "STRATEGY_REMOVED", format!("{name} is removed"));
        let zero = Quantity::ZERO;
        let kept: Vec<String> = owned
            .iter()
            .filter(|claim| claim.quantity != zero)
            .map(|claim| format!("{} {}", claim.quantity, claim.instrument))
            .collect();
        Ok(match kept.is_empty() {
            true => format!("{name} is removed"),
            false => format!("{name} is removed; {} is nobody's in particular now", kept.join(", ")),
        })
    }

    /// What a strategy would do with whose money: read before it is let loose on real one.
    ///
    /// # Errors
    /// When there is no such strategy, or it could not run.
    pub fn strategy_plan(&self, name: &SmolStr) -> Result<StrategyPlan, String> {
        let instance = self.host.instances.get(name);
        let instance = instance.ok_or_else(|| self.no_strategy(name))?;
        let spec = instance.spec.clone();
        let mode = self.mode_of(&spec.account)?;
        let kind = kind_of(&spec.kind);
        let defaults = kind.into_iter().flat_map(|kind| kind.params);
        let params: BTreeMap<String, String> = defaults
            .map(|param| {
                let value = spec.params.get(param.name).cloned().unwrap_or_else(|| param.default.to_owned());
                (param.name.to_owned(), value)
            })
            .collect();
        let params = if bot_of(&spec.kind).is_some() { spec.params.clone() } else { params };
        let account = self.account(&spec.account);
        let equity = account.as_ref().map_or(Decimal::ZERO, |account| account.net_liquidation);
        let money = account.map_or(equity, |account| account.buying_power.max(equity));
        let own = self.build_strategy(&spec).ok().and_then(|strategy| strategy.capital_max(equity));
        let worst_case_capital =
            [spec.rules.capital, own].into_iter().flatten().fold(money, |most, capital| most.min(capital));
        let mut limits: Vec<(String, String)> =
            spec.rules.words().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        limits.extend(spec.exits.iter().map(|plan| ("exits".to_owned(), plan.words())));
        limits.extend(self.bot_terms(&spec).map(BotTerms::words).unwrap_or_default());
        if let Some(books) = self.accounts.get(&spec.account) {
            let of = &books.setup.limits;
            let percent = |value: Decimal| format!("{} %", value.normalize());
            limits.extend([
                ("account: one order at most".to_owned(), of.order_notional_max.normalize().to_string()),
                ("account: one position at most".to_owned(), percent(of.position_percent_max)),
                ("account: loss of one day".to_owned(), percent(of.daily_loss_percent)),
            ]);
        }
        let canonical =
            serde_json::to_vec(&(&spec, mode, &params, &limits)).map_err(|error| error.to_string())?;
        let confirmation =
            Sha256::digest(&canonical).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Ok(StrategyPlan { spec, mode, params, worst_case_capital, limits, confirmation })
    }

    /// Strategies as the last engine left them. Nothing runs yet.
    pub(in crate::core::engine) fn restore_strategies(
        &mut self,
        stored: &[StoredStrategy],
        decisions: Vec<DecisionRecord>,
    ) {
        for row in stored {
            self.host.instances.insert(row.name.clone(), restore(row));
        }
        for decision in decisions {
            if let Some(instance) = self.host.instances.get_mut(&decision.strategy) {
                instance.last_decision = Some(decision);
            }
        }
    }

    /// From here this engine runs the profile's strategies: those that ran when the last one ended go on, those that were stopping stop.
    pub(in crate::core::engine) fn run_strategies(&mut self) {
        if std::mem::replace(&mut self.host.runs, true) {
            return;
        }
        let all: Vec<(SmolStr, StrategyPhase)> = self
            .host
            .instances
            .iter()
            .filter(|(_, instance)| !instance.frozen)
            .map(|(name, instance)| (name.clone(), instance.phase))
            .collect();
        for (name, phase) in all {
            match phase {
                StrategyPhase::Running | StrategyPhase::Starting => {
                    if let Err(reason) = self.begin(&name) {
                        self.fail(&name, &reason);
                    }
                }
                StrategyPhase::Stopping => {
                    self.cancel_opening(&name);
                    self.resume_flattening(&name);
                }
                StrategyPhase::Disabled | StrategyPhase::Paused | StrategyPhase::Faulted => {}
            }
        }
    }

    /// The kill switch is on: nobody proposes anything until a person starts them again, one by one.
    pub(in crate::core::engine) fn halt_strategies(&mut self) {
        let at_work: Vec<SmolStr> = self
            .host
            .instances
            .iter()
            .filter(|(_, i)| matches!(i.phase, StrategyPhase::Running | StrategyPhase::Starting))
            .map(|(name, _)| name.clone())
            .collect();
        for name in at_work {
            self.rest(&name, StrategyPhase::Paused, "the kill switch was put on; start it again");
        }
    }

    /// Time has passed: days turn, and who has lost too much of one pauses.
    pub(in crate::core::engine) fn tick_strategies(&mut self) {
        if !self.host.runs {
            return;
        }
        self.fire_schedules();
        self.tell_newest_quotes();
        self.tell_sessions();
        self.forget_proposals();
        let day = account_day(self.now);
        let names: Vec<SmolStr> = self.host.instances.keys().cloned().collect();
        for name in names {
            let Some(instance) = self.host.instances.get(&name) else { continue };
            let total = self.strategy_gain(&instance.ledger);
            let lost = -instance.ledger.day_pnl(total);
            let of_bot = self.bot_terms(&instance.spec).and_then(|terms| terms.max_daily_loss);
            let most = [instance.spec.rules.daily_loss, of_bot].into_iter().flatten().min();
            let runs = matches!(instance.phase, StrategyPhase::Running);
            if let Some(instance) = self.host.instances.get_mut(&name)
                && instance.ledger.turn_day(day, total)
            {
                instance.dirty = true;
                continue;
            }
            if let Some(most) = most.filter(|most| runs && lost >= *most) {
                let (lost, most) = (lost.round_dp(2).normalize(), most.normalize());
                let reason = format!("it lost {lost} today, its limit is {most}");
                self.rest(&name, StrategyPhase::Paused, &reason);
                self.note(Severity::Warning, "STRATEGY_LOSS", format!("{name}: {reason}"));
                self.after_journal
                    .push(Effect::Ring { text: format!("strategy {name} is paused: {reason}") });
            }
        }
    }
}

/// A plan with other parts; `None` where none is left.
fn changed_plan(
    known: Option<&ExitPlan>,
    changes: &BTreeMap<String, String>,
) -> Result<Option<ExitPlan>, String> {
    let before = known.map(ExitPlan::pairs).unwrap_or_default();
    let mut parts: BTreeMap<String, String> =
        before.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for (name, value) in changes {
        match value.is_empty() {
            true => drop(parts.remove(name)),
            false => drop(parts.insert(name.clone(), value.clone())),
        }
    }
    if parts.is_empty() {
        return Ok(None);
    }
    let pairs = parts.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    ExitPlan::from_pairs(pairs).map(Some).map_err(|error| error.to_string())
}
