//! A bot that looks at chains, in a run of the host: what the host tells it goes to its process, what it wants comes back through the host's own
//! door, and what it asks is answered out of the core and the model's prices.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::bots::protocol::{self, Asked, BotQuery, CHAIN_DAYS, RpcError};
use crate::bots::replay::ReplayedHead;
use crate::core::effect::{BotTold, Effect};
use crate::core::input::{BotWord, Input};
use crate::domain::bot::{BotPhase, BotState};
use crate::domain::calendar::{exchange_date, plus_days};
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::quote::{Bar, Interval, Quote};
use crate::engine::bot_queries;
use crate::strategies::{BotNews, BotWant};

use super::{Hosted, NAME};

/// Bars of an instrument that are kept to be asked for.
const BARS_KEPT: usize = protocol::BARS_MAX;

/// The process of the bot that is run, and what only it needs.
pub(super) struct BotSide {
    /// Away while it is told something.
    head: Option<ReplayedHead>,
    bars: BTreeMap<Instrument, Vec<Bar>>,
    next_ask: u64,
}

impl BotSide {
    pub(super) const fn new(head: ReplayedHead) -> Self {
        Self { head: Some(head), bars: BTreeMap::new(), next_ask: 1 }
    }

    pub(super) fn see(&mut self, instrument: &Instrument, bar: &Bar) {
        let kept = self.bars.entry(instrument.clone()).or_default();
        kept.push(*bar);
        if kept.len() > BARS_KEPT * 2 {
            kept.drain(..BARS_KEPT);
        }
    }
}

impl Hosted {
    /// It runs, and is evaluated when it wants to be.
    pub(super) fn bot_begins(&mut self, now: Timestamp) {
        if self.bot.is_none() {
            return;
        }
        let running = BotState { phase: BotPhase::Running, ..BotState::default() };
        self.step(now, Input::Bot { strategy: NAME, word: BotWord::State(running) });
        let want = BotWant::Schedule(self.schedules.clone());
        self.step(now, Input::Bot { strategy: NAME, word: BotWord::Ask { ask: 0, want } });
    }

    /// The host tells it something; what follows from what it wants then.
    pub(super) fn bot_told(&mut self, now: Timestamp, told: BotTold) -> Vec<Effect> {
        let BotTold::News(news) = told else { return Vec::new() };
        let Some(mut head) = self.bot.as_mut().and_then(|bot| bot.head.take()) else { return Vec::new() };
        if head.fate().failure().is_none()
            && let Err(reason) = self.tell(now, &mut head, &news)
        {
            head.fails(now, reason);
        }
        let wanted = head.schedules().to_vec();
        if let Some(bot) = &mut self.bot {
            bot.head = Some(head);
        }
        if wanted == self.schedules {
            return Vec::new();
        }
        self.schedules.clone_from(&wanted);
        let word = BotWord::Ask { ask: 0, want: BotWant::Schedule(wanted) };
        self.driver.core.step(now, Input::Bot { strategy: NAME, word })
    }

    fn tell(&mut self, now: Timestamp, head: &mut ReplayedHead, news: &BotNews) -> Result<(), String> {
        match news {
            BotNews::Due { schedule, due_at } => {
                let snapshot = self.snapshot();
                let mut answers = |asked| self.bot_asks(now, asked);
                head.evaluate(now, (schedule.as_str(), *due_at), &snapshot, &mut answers)
            }
            news => head.tell(now, news, &mut |asked| self.bot_asks(now, asked)),
        }
    }

    fn snapshot(&self) -> Value {
        let instruments: Vec<Instrument> = self.driver.known.clone();
        bot_queries::snapshot(&self.driver.core, &NAME, &self.driver.account, &instruments)
            .unwrap_or_else(|error| json!({"error": error.message}))
    }

    fn bot_asks(&mut self, now: Timestamp, asked: Asked) -> Result<Value, RpcError> {
        match asked {
            Asked::Want(want) => self.bot_wants(now, want),
            Asked::Query(BotQuery::Orders) => {
                Ok(json!({"orders": bot_queries::orders(&self.driver.core, &NAME)}))
            }
            Asked::Query(BotQuery::Positions) => {
                Ok(json!({"positions": bot_queries::positions(&self.driver.core, &NAME)}))
            }
            Asked::Query(BotQuery::Account) => bot_queries::account(&self.driver.core, &self.driver.account),
            Asked::Query(BotQuery::Snapshot) => Ok(self.snapshot()),
            Asked::Query(BotQuery::Quote(instrument)) => self
                .model_quote(&instrument, now)
                .map(|quote| protocol::quote(&quote))
                .ok_or_else(|| RpcError::new(-32_004, format!("there is no price of {instrument} yet"))),
            Asked::Query(BotQuery::Past { instrument, interval, over, fill_forward }) => {
                let bars = self.told(&instrument, interval, over.count())?;
                Ok(protocol::past(
                    &over,
                    (&instrument, interval),
                    (bars, fill_forward),
                    &self.driver.calendar,
                ))
            }
            Asked::Query(BotQuery::Chain { underlying, from, until }) => {
                let from = from.unwrap_or_else(|| exchange_date(now));
                let until = until.unwrap_or_else(|| plus_days(from, CHAIN_DAYS));
                let chain = self.model.chain(underlying.root(), from, until, now);
                chain.map(|chain| protocol::chain(&chain)).ok_or_else(|| {
                    let text = format!("no chain of {underlying} yet: the model needs 21 closes of its past");
                    RpcError::new(-32_004, text)
                })
            }
        }
    }

    /// Bars that have been complete by now, the newest.
    fn told(&self, instrument: &Instrument, interval: Interval, limit: usize) -> Result<&[Bar], RpcError> {
        if interval != self.interval {
            return Err(RpcError::new(-32_004, format!("the data has bars:{} alone", self.interval)));
        }
        let bars = self.bot.as_ref().and_then(|bot| bot.bars.get(instrument));
        let bars = bars.map_or(&[][..], Vec::as_slice);
        Ok(&bars[bars.len().saturating_sub(limit)..])
    }

    fn model_quote(&self, instrument: &Instrument, now: Timestamp) -> Option<Quote> {
        match instrument.as_option() {
            Some(contract) => self.model.option_quote(contract, now),
            None => self.driver.core.quote(instrument).cloned(),
        }
    }

    /// What it wants goes through the host's door, and is answered at once: there is no disk here.
    fn bot_wants(&mut self, now: Timestamp, want: BotWant) -> Result<Value, RpcError> {
        if let BotWant::Place { proposal, .. } = &want {
            let instruments: Vec<Instrument> = proposal.subject.instruments().cloned().collect();
            for instrument in instruments {
                self.make_known(&instrument, now);
            }
        }
        let Some(bot) = &mut self.bot else { return Err(RpcError::new(-32_603, "there is no bot")) };
        let ask = bot.next_ask;
        bot.next_ask += 1;
        let effects =
            self.driver.core.step(now, Input::Bot { strategy: NAME, word: BotWord::Ask { ask, want } });
        self.driver.perform(now, effects);
        // News that came with it wait for their turn.
        let is_answer = |effect: &Effect| matches!(effect, Effect::Bot { told: BotTold::Answer { ask: of, .. }, .. } if *of == ask);
        let at = self.driver.asked.iter().position(is_answer);
        match at.and_then(|at| self.driver.asked.remove(at)) {
            Some(Effect::Bot { told: BotTold::Answer { answer, .. }, .. }) => {
                answer.map(|placed| protocol::placed(&placed)).map_err(|error| protocol::refused(&error))
            }
            _ => Err(RpcError::unknown("nobody answered", None)),
        }
    }

    /// A contract that it orders for the first time: its terms, and its price by the model.
    fn make_known(&mut self, instrument: &Instrument, now: Timestamp) {
        let Some(contract) = instrument.as_option() else { return };
        if self.driver.core.spec(instrument).is_none() {
            let spec = InstrumentSpec::standard(instrument.clone());
            self.driver.venue.set_spec(spec.clone());
            let effects = self.driver.core.step(now, Input::Instrument(Box::new(spec)));
            self.driver.perform(now, effects);
        }
        if let Some(quote) = self.model.option_quote(contract, now) {
            self.driver.venue.on_quote(now, &quote);
            let effects = self.driver.core.step(now, Input::Quote(Box::new(quote)));
            self.driver.perform(now, effects);
        }
    }
}
