//! Bots: strategies whose heads are processes of their own. What they want passes their terms first, then the same guards and the same door
//! as every strategy's order. A tag names one order, however often it is sent.

use std::sync::Arc;

use rust_decimal::Decimal;
use smol_str::SmolStr;

use crate::core::effect::{BotTold, Effect};
use crate::core::engine::Engine;
use crate::core::engine::place::ReplaceError;
use crate::core::host::Unconfirmed;
use crate::core::input::BotWord;
use crate::domain::account::AccountMode;
use crate::domain::bot::{BotOrder, BotPhase, BotTerms, OrderRight, bot_of};
use crate::domain::calendar::exchange_date;
use crate::domain::denial::{Denial, DenialCode};
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::Instrument;
use crate::domain::limits::TradingState;
use crate::domain::order::{Order, OrderChange, OrderRequest, OrderStatus};
use crate::domain::snapshot::Severity;
use crate::domain::strategy::{Confirm, StrategyPhase, StrategySpec};
use crate::strategies::schedule::Timetable;
use crate::strategies::{
    BotNews, BotOrderName, BotPlaced, BotRefusal, BotWant, Decision, Proposal, Schedule,
};

use super::changes::{changed, takes_less};
use super::confirm::UNCONFIRMED_MAX;
use super::outputs::{denial, parts, request_of};
use super::owner;

/// Tags kept of one bot, the newest.
const TAGS_MAX: usize = 1_000;
/// Characters of a tag.
const TAG_MAX: usize = 64;

type Answer = Result<BotPlaced, BotRefusal>;

impl Engine {
    /// What an approved bot may do, where a strategy is one.
    pub(super) fn bot_terms(&self, spec: &StrategySpec) -> Option<&BotTerms> {
        self.host.terms.get(bot_of(&spec.kind)?)
    }

    /// Can a strategy be: if it is a bot, somebody approved it, and its terms let it trade what it is to trade where it is to.
    pub(super) fn check_bot(&self, spec: &StrategySpec) -> Result<(), String> {
        let Some(bot) = bot_of(&spec.kind) else { return Ok(()) };
        let Some(terms) = self.host.terms.get(bot) else {
            let bot = bot.escape_default();
            return Err(format!("bot {bot} has no approved version; see: arbion bot approve {bot}"));
        };
        let stray = terms
            .instruments
            .as_ref()
            .and_then(|allowed| spec.instruments.iter().find(|instrument| !allowed.contains(instrument)));
        if let Some(stray) = stray {
            return Err(format!("{stray} is none of the instruments that bot {bot} was approved for"));
        }
        let mode = self.accounts.get(&spec.account).map(|books| books.setup.mode);
        if mode == Some(AccountMode::Live) && terms.orders <= OrderRight::Paper {
            return Err(format!(
                "bot {bot} was approved with orders={}, and {} is a real account",
                terms.orders, spec.account
            ));
        }
        Ok(())
    }

    /// What a bot's process is started with: its strategy's spec, where it trades, what it remembers. `None` where it is no bot, or not to run.
    #[must_use]
    pub fn bot_to_run(&self, name: &str) -> Option<(&StrategySpec, AccountMode, Option<&str>)> {
        let instance = self.host.instances.get(name)?;
        let wanted = matches!(
            instance.phase,
            StrategyPhase::Starting | StrategyPhase::Running | StrategyPhase::Paused
        );
        bot_of(&instance.spec.kind)?;
        (wanted && instance.strategy.is_some()).then_some((
            &instance.spec,
            instance.mode,
            instance.memory.as_deref(),
        ))
    }

    /// The strategies that are bots, by name.
    pub fn bot_strategies(&self) -> impl Iterator<Item = (&SmolStr, &str)> {
        self.host.instances.iter().filter_map(|(name, instance)| Some((name, bot_of(&instance.spec.kind)?)))
    }

    /// Working orders of a strategy, oldest first.
    pub fn orders_of_strategy<'a>(&'a self, name: &'a SmolStr) -> impl Iterator<Item = &'a Order> {
        self.working_of_strategy(name)
    }

    /// Orders of one minute that a strategy may send: its own limit, and its bot's.
    pub(super) fn orders_per_minute(&self, name: &SmolStr) -> u32 {
        let Some(instance) = self.host.instances.get(name) else { return 0 };
        let own = instance.spec.rules.orders_per_minute;
        self.bot_terms(&instance.spec).map_or(own, |terms| terms.max_orders_per_minute.min(own))
    }

    /// Does the bot behind a strategy let an order pass.
    pub(super) fn check_terms(&self, name: &SmolStr, request: &OrderRequest) -> Result<(), Denial> {
        self.forbidden(name, request, None)
            .map_or(Ok(()), |text| Err(denial(DenialCode::NotAuthorised, &format!("strategy={name} {text}"))))
    }

    /// `instead_of` is the working order whose place it takes.
    fn forbidden(
        &self,
        name: &SmolStr,
        request: &OrderRequest,
        instead_of: Option<ClientOrderId>,
    ) -> Option<String> {
        let instance = self.host.instances.get(name)?;
        let terms = self.bot_terms(&instance.spec)?;
        let mut opens = false;
        let mut position = self.money_for(request, request.quantity);
        for part in parts(request) {
            if part.closes || part.quantity <= self.closable(name, part.instrument, part.side, instead_of) {
                continue;
            }
            opens = true;
            position =
                position.and_then(|money| Some(money + self.bound_in(name, part.instrument, instead_of)?));
        }
        let instruments: Vec<Instrument> =
            parts(request).map(|part| part.instrument.price_driver()).collect();
        terms.forbids(&BotOrder {
            mode: instance.mode,
            instruments: instruments.iter().collect(),
            opens,
            notional: self.money_for(request, request.quantity),
            position_notional: position,
        })
    }

    /// Money that a strategy has in an instrument, and that its working orders would put there.
    fn bound_in(
        &self,
        name: &SmolStr,
        instrument: &Instrument,
        without: Option<ClientOrderId>,
    ) -> Option<Decimal> {
        let own = self.host.instances.get(name)?.ledger.quantity(instrument);
        let multiplier = self.spec(instrument).map_or(Decimal::ONE, |spec| spec.multiplier);
        let held = match own.is_zero() {
            true => Decimal::ZERO,
            false => (self.mark_of(instrument)?.notional(own) * multiplier).abs(),
        };
        let working: Option<Decimal> = self
            .working_of_strategy(name)
            .filter(|order| Some(order.request.client_order_id) != without)
            .filter(|order| order.request.subject.instrument() == Some(instrument))
            .map(|order| self.money_for(&order.request, order.leaves_quantity()))
            .sum();
        Some(held + working?)
    }

    pub(in crate::core::engine) fn on_bot_terms(&mut self, terms: BotTerms) {
        self.dirty.any = true;
        self.host.terms.insert(terms.bot.clone(), terms);
    }

    /// A bot is gone: its strategies stop being run.
    pub(in crate::core::engine) fn on_bot_gone(&mut self, bot: &SmolStr) {
        self.dirty.any = true;
        self.host.terms.remove(bot);
        let of: Vec<SmolStr> = self
            .host
            .instances
            .iter()
            .filter(|(_, instance)| bot_of(&instance.spec.kind) == Some(bot) && instance.strategy.is_some())
            .map(|(name, _)| name.clone())
            .collect();
        for name in of {
            self.fail(&name, &format!("bot {bot} has no approved version any more"));
        }
    }

    /// What the process behind a strategy says, or what has become of it.
    pub(in crate::core::engine) fn on_bot(&mut self, name: &SmolStr, word: BotWord) {
        let Some(instance) = self.host.instances.get_mut(name) else { return };
        if bot_of(&instance.spec.kind).is_none() {
            return;
        }
        match word {
            BotWord::State(state) => {
                if instance.bot.as_ref() != Some(&state) {
                    // A process that starts is told of the session anew.
                    if state.phase != BotPhase::Running {
                        instance.told_open = None;
                    }
                    instance.bot = Some(state);
                    self.dirty.any = true;
                }
            }
            BotWord::Down(reason) => {
                self.note(Severity::Warning, "BOT_DOWN", format!("{name}: {reason}"));
                self.cancel_opening(name);
            }
            BotWord::Failed(reason) if instance.strategy.is_some() => self.fail(name, &reason),
            BotWord::Failed(_) => {}
            BotWord::Finished => {
                self.note(Severity::Info, "BOT_FINISHED", format!("{name}: its process has ended by itself"));
                // Nothing is flattened, so that nothing can be refused.
                drop(self.stop_strategy(name, false));
            }
            BotWord::Ask { ask, want } => {
                let answer = self.bot_wants(name, want);
                let effect = Effect::Bot { strategy: name.clone(), told: BotTold::Answer { ask, answer } };
                // On the disk before it is told.
                self.after_journal.push(effect);
            }
        }
    }

    /// Something for the process. What a broker reported is on the disk first.
    pub(super) fn tell_bot(&mut self, name: &SmolStr, news: BotNews) {
        let kept = news.is_kept();
        let effect = Effect::Bot { strategy: name.clone(), told: BotTold::News(Box::new(news)) };
        if kept { &mut self.after_journal } else { &mut self.effects }.push(effect);
    }

    fn bot_wants(&mut self, name: &SmolStr, want: BotWant) -> Answer {
        let Some(instance) = self.host.instances.get(name) else {
            return Err(BotRefusal::NotReady("removed".to_owned()));
        };
        let phase = instance.phase;
        if instance.strategy.is_none() {
            return Err(BotRefusal::NotReady(phase.to_string()));
        }
        let done = || BotPlaced { status: "done".to_owned(), ..BotPlaced::default() };
        match want {
            BotWant::Remember(json) => {
                self.remember(name, json);
                Ok(done())
            }
            BotWant::Alert(text) => {
                self.alert_of(name, &text);
                Ok(done())
            }
            BotWant::Schedule(schedules) => {
                self.schedule_bot(name, schedules);
                Ok(done())
            }
            BotWant::Cancel(order) => {
                let id = self.own_order(name, &order)?;
                self.cancel_own(name, id);
                Ok(self.placed(id))
            }
            BotWant::Replace(order, change) => {
                self.may_send(phase)?;
                let id = self.own_order(name, &order)?;
                self.bot_replaces(name, id, &change)
            }
            BotWant::Place { tag, proposal } => {
                if tag.is_empty() || tag.len() > TAG_MAX || !tag.bytes().all(|b| b.is_ascii_graphic()) {
                    let text =
                        format!("client_tag: allowed 1 to {TAG_MAX} characters of ASCII without blanks");
                    return Err(BotRefusal::Bad(text));
                }
                let known = instance.tags.iter().find(|(known, _)| *known == tag).map(|(_, id)| *id);
                if let Some(id) = known {
                    self.is_known(id)?;
                    return Ok(self.placed(id));
                }
                let waits = |it: &&Unconfirmed| it.tag.as_deref() == Some(tag.as_str());
                if let Some(waiting) = instance.unconfirmed.iter().find(waits) {
                    return Ok(proposed(waiting.number));
                }
                self.may_send(phase)?;
                self.bot_places(name, tag, *proposal)
            }
        }
    }

    /// A bot wants to be evaluated at other times. What came due before and nobody was there for is made up for, once.
    fn schedule_bot(&mut self, name: &SmolStr, schedules: Vec<Schedule>) {
        let (now, calendar) = (self.now, Arc::clone(&self.calendar));
        let Some(instance) = self.host.instances.get_mut(name) else { return };
        if instance.bot_schedules == schedules && instance.timetable.is_some() {
            return;
        }
        let handled = instance.timetable.take().map(|timetable| timetable.handled()).or(instance.handled);
        // Nothing is missed of what nobody wants.
        instance.handled = handled.filter(|_| !schedules.is_empty());
        if instance.phase == StrategyPhase::Running && !schedules.is_empty() {
            instance.timetable = Some(Timetable::new(schedules.clone(), &calendar, handled.unwrap_or(now)));
        }
        (instance.bot_schedules, instance.dirty) = (schedules, true);
    }

    /// Bots are told when the exchange opens and closes.
    pub(super) fn tell_sessions(&mut self) {
        if self.host.instances.values().all(|instance| instance.bot.is_none()) {
            return;
        }
        let now = self.now;
        let bells = self.calendar.session(exchange_date(now)).map(|session| (session.open, session.close));
        let (open, until) = match bells {
            Some((open, close)) if now < close => (now >= open, Some(if now < open { open } else { close })),
            _ => {
                let next = self.calendar.session(self.calendar.next_session(exchange_date(now)));
                (false, next.map(|session| session.open))
            }
        };
        let told: Vec<SmolStr> = self
            .host
            .instances
            .iter_mut()
            .filter(|(_, instance)| instance.bot.as_ref().is_some_and(|bot| bot.phase == BotPhase::Running))
            .filter_map(|(name, instance)| {
                (instance.told_open.replace(open) != Some(open)).then(|| name.clone())
            })
            .collect();
        for name in told {
            self.tell_bot(&name, BotNews::Session { open, until });
        }
    }

    pub(super) fn may_send(&self, phase: StrategyPhase) -> Result<(), BotRefusal> {
        match phase {
            _ if self.trading_state == TradingState::Halted => Err(BotRefusal::Halted),
            StrategyPhase::Running => Ok(()),
            other => Err(BotRefusal::NotReady(other.to_string())),
        }
    }

    fn bot_places(&mut self, name: &SmolStr, tag: String, proposal: Proposal) -> Answer {
        let Some(instance) = self.host.instances.get(name) else { return Ok(BotPlaced::default()) };
        let right = self.bot_terms(&instance.spec).map(|terms| terms.orders);
        let account = instance.spec.account.clone();
        // Only looked at: what goes gets an id of its own.
        let request = request_of(ClientOrderId::from_parts(0, 0), account, name, proposal.clone());
        if let Some(text) = self.forbidden(name, &request, None) {
            let text = format!("{} NOT_PERMITTED {text}", request.subject);
            self.note(Severity::Warning, "BOT_REFUSED", format!("{name}: {text}"));
            return Err(BotRefusal::Permission(text));
        }
        let each = instance.spec.rules.confirm == Confirm::Each;
        if right == Some(OrderRight::Propose) || each {
            return self.wait_for_person(name, tag, proposal);
        }
        self.send_for_bot(name, tag, proposal)
    }

    pub(super) fn send_for_bot(&mut self, name: &SmolStr, tag: String, proposal: Proposal) -> Answer {
        let decision = bot_decision(&proposal);
        match self.send_proposal(name, proposal, &decision) {
            Ok(id) => {
                if let Some(instance) = self.host.instances.get_mut(name) {
                    instance.tags.push_back((tag, id));
                    let excess = instance.tags.len().saturating_sub(TAGS_MAX);
                    instance.tags.drain(..excess);
                    instance.dirty = true;
                }
                Ok(self.placed(id))
            }
            Err(denials) => Err(refusal(&denials)),
        }
    }

    fn wait_for_person(&mut self, name: &SmolStr, tag: String, proposal: Proposal) -> Answer {
        let decision = bot_decision(&proposal);
        match self.ask_a_person(name, Some(tag), proposal, decision) {
            Some(number) => Ok(proposed(number)),
            None => {
                Err(BotRefusal::TooMany(format!("{UNCONFIRMED_MAX} proposals wait for a person already")))
            }
        }
    }

    fn bot_replaces(&mut self, name: &SmolStr, id: ClientOrderId, change: &OrderChange) -> Answer {
        let Some(order) = self.book.get(id) else { return Err(BotRefusal::NoOrder(id.to_string())) };
        self.is_known(id)?;
        if matches!(
            order.status,
            OrderStatus::PendingSubmit | OrderStatus::PendingCancel | OrderStatus::PendingReplace
        ) {
            return Err(BotRefusal::Underway { order: id, status: order.status.as_str() });
        }
        let changed = changed(order, change);
        if let Some(text) = self.forbidden(name, &changed, Some(id)) {
            return Err(BotRefusal::Permission(text));
        }
        let asks = self.host.instances.get(name).and_then(|instance| self.bot_terms(&instance.spec));
        if asks.is_some_and(|terms| terms.orders == OrderRight::Propose) && !takes_less(order, change) {
            let text = "orders=propose: an order that was confirmed may shrink or get a better limit; for more, cancel \
                        it and place anew";
            return Err(BotRefusal::Permission(text.to_owned()));
        }
        let decision = Decision::new("BOT_REPLACE", changed.subject.instrument().cloned(), Vec::new());
        match self.replace_own(name, id, change, &decision) {
            Ok(new) => {
                if let Some(instance) = self.host.instances.get_mut(name) {
                    // Its tag follows the order.
                    for (_, known) in instance.tags.iter_mut().filter(|(_, known)| *known == id) {
                        *known = new;
                    }
                    instance.dirty = true;
                }
                Ok(self.placed(new))
            }
            Err(ReplaceError::Denied(_, denials)) => Err(refusal(&denials)),
            Err(ReplaceError::Refused(reason)) => Err(BotRefusal::Bad(reason)),
        }
    }

    fn own_order(&self, name: &SmolStr, order: &BotOrderName) -> Result<ClientOrderId, BotRefusal> {
        let id = match order {
            BotOrderName::Id(id) => Some(*id),
            BotOrderName::Tag(tag) => self
                .host
                .instances
                .get(name)
                .and_then(|instance| instance.tags.iter().find(|(known, _)| known == tag))
                .map(|(_, id)| *id),
        };
        let shown = || match order {
            BotOrderName::Id(id) => id.to_string(),
            BotOrderName::Tag(tag) => tag.chars().take(TAG_MAX).flat_map(char::escape_default).collect(),
        };
        id.filter(|id| self.book.get(*id).and_then(owner) == Some(name))
            .ok_or_else(|| BotRefusal::NoOrder(shown()))
    }

    /// Is it known what became of an order. Where it is not, the same tag again is no answer, and other terms could be a second order.
    fn is_known(&self, id: ClientOrderId) -> Result<(), BotRefusal> {
        let in_doubt = self.book.get(id).is_some_and(|order| order.status == OrderStatus::Unknown);
        if in_doubt { Err(BotRefusal::OutcomeUnknown(id)) } else { Ok(()) }
    }

    fn placed(&self, id: ClientOrderId) -> BotPlaced {
        let order = self.book.get(id);
        BotPlaced {
            order: order.map(|order| (id, order.number)),
            status: order.map_or("ended", |order| order.status.as_str()).to_owned(),
            proposal: None,
        }
    }
}

fn bot_decision(proposal: &Proposal) -> Decision {
    Decision {
        quantity: Some(proposal.quantity),
        ..Decision::new("BOT_ORDER", proposal.subject.instrument().cloned(), Vec::new())
    }
}

fn proposed(number: u32) -> BotPlaced {
    BotPlaced { order: None, status: "proposed".to_owned(), proposal: Some(number) }
}

fn refusal(denials: &[Denial]) -> BotRefusal {
    let texts: Vec<&str> = denials.iter().map(|denial| denial.text.as_str()).collect();
    match denials.first() {
        Some(first) => BotRefusal::Denied { code: first.code, text: texts.join("; ") },
        None => BotRefusal::NotReady("faulted".to_owned()),
    }
}
