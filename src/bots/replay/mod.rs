//! A bot in a backtest: the same process, cage, terms and messages, driven one input after the other. Each bar is answered before the next
//! one comes, and the clock is that of the data, so that two runs are the same.

mod head;
mod process;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::domain::account::AccountMode;
use crate::domain::bot::{BotOrder, BotTerms};
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::quote::{Bar, Interval};
use crate::strategies::schedule::{Firing, Timetable};
use crate::strategies::{
    Books, BotNews, BotOrderName, BotWant, Decision, Head, Output, Proposal, Schedule, Strategy,
    StrategyInput, news_of,
};

use super::protocol::{self, Asked, BotQuery, RpcError};

pub use head::{Answers, ReplayedHead, Start};
pub use process::Ends;

/// Bars of an instrument that are kept to be asked for.
const BARS_KEPT: usize = protocol::BARS_MAX;
/// Orders that it may make at one bar, as the host has it.
const ORDERS_MAX: usize = 50;

/// A backtest that ended because of its bot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// It could not be started.
    #[error("bot {bot} cannot be started: {reason}")]
    Start {
        /// Which.
        bot: String,
        /// Why.
        reason: String,
    },
    /// Whoever watched ended the run.
    #[error("it was ended before it was done")]
    Ended,
    /// It ended, or did what no bot may.
    #[error("bot {bot} failed at {at}: {reason}")]
    Failed {
        /// Which.
        bot: String,
        /// The time by the data.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

/// What has become of a bot in a backtest, for whoever reads the result.
#[derive(Clone, Debug, Default)]
pub struct Fate(Arc<Mutex<Option<ReplayError>>>);

impl Fate {
    /// Why the run counts for nothing; `None` where it counts.
    #[must_use]
    pub fn failure(&self) -> Option<ReplayError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, error: ReplayError) {
        let mut fate = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fate.get_or_insert(error);
    }
}

/// A bot that bars alone drive: the strategy of a run over bars.
pub struct Replayed {
    head: Head,
    bot: ReplayedHead,
    mind: Mind,
    timetable: Option<Timetable>,
    /// The schedules that the timetable is of.
    timed: Vec<Schedule>,
    held: BTreeMap<Instrument, Decimal>,
}

/// What its requests are answered by.
struct Mind {
    instruments: Vec<Instrument>,
    terms: BotTerms,
    /// Bars that were told, the newest.
    bars: BTreeMap<Instrument, Vec<Bar>>,
    interval: Interval,
    /// Its tags, with what was proposed under each and the order that it became.
    tags: BTreeMap<String, (Proposal, Option<ClientOrderId>)>,
}

impl Replayed {
    /// Makes a strategy of a bot that was started.
    #[must_use]
    pub fn new(bot: ReplayedHead, instruments: Vec<Instrument>, interval: Interval) -> Self {
        let mind = Mind {
            instruments: instruments.clone(),
            terms: bot.terms(),
            bars: BTreeMap::new(),
            interval,
            tags: BTreeMap::new(),
        };
        Self {
            head: Head::new("bot", bot.name().clone(), instruments),
            bot,
            mind,
            timetable: None,
            timed: Vec::new(),
            held: BTreeMap::new(),
        }
    }

    fn hear(
        &mut self,
        now: Timestamp,
        input: StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) -> Result<(), String> {
        let Self { bot, mind, .. } = self;
        let mut answers = |asked| mind.answer(asked, books, out);
        if let StrategyInput::Bar { instrument, .. } = input {
            let units = books.position(instrument);
            if self.held.insert(instrument.clone(), units.get()).unwrap_or_default() != units.get() {
                let news = BotNews::Position { instrument: instrument.clone(), now: units };
                bot.tell(now, &news, &mut answers)?;
            }
        }
        let Some(news) = news_of(input) else { return Ok(()) };
        bot.tell(now, &news, &mut answers)?;
        self.evaluate(now, books, out)
    }

    /// Evaluates it for what has come due by the clock of the data, each time over what it then has.
    fn evaluate(&mut self, now: Timestamp, books: &dyn Books, out: &mut Vec<Output>) -> Result<(), String> {
        if self.bot.schedules() != self.timed {
            (self.timed, self.timetable) = (self.bot.schedules().to_vec(), None);
        }
        if self.timed.is_empty() {
            return Ok(());
        }
        let timed = &self.timed;
        let start = || Timetable::new(timed.clone(), books.calendar(), now);
        let firings = self.timetable.get_or_insert_with(start).poll(now, books.calendar(), false);
        for firing in firings {
            let Firing::Due { name, due_at } = firing else { continue };
            let snapshot = self.mind.look_up(&BotQuery::Snapshot, books);
            let mind = &mut self.mind;
            let mut answers = |asked| mind.answer(asked, books, out);
            self.bot.evaluate(now, (name.as_str(), due_at), &snapshot, &mut answers)?;
        }
        Ok(())
    }
}

impl Mind {
    fn see(&mut self, instrument: &Instrument, bar: &Bar) {
        let kept = self.bars.entry(instrument.clone()).or_default();
        kept.push(*bar);
        if kept.len() > BARS_KEPT * 2 {
            kept.drain(..BARS_KEPT);
        }
    }

    fn answer(&mut self, asked: Asked, books: &dyn Books, out: &mut Vec<Output>) -> Result<Value, RpcError> {
        match asked {
            Asked::Query(BotQuery::Past { instrument, interval, over, fill_forward }) => {
                let bars = self.told(&instrument, interval, over.count())?;
                let of = (&instrument, interval);
                Ok(protocol::past(&over, of, (bars, fill_forward), books.calendar()))
            }
            Asked::Query(BotQuery::Chain { underlying, .. }) => {
                Err(RpcError::new(-32_004, format!("the data has no chain of {underlying}")))
            }
            Asked::Query(query) => Ok(self.look_up(&query, books)),
            Asked::Want(BotWant::Place { tag, proposal }) => self.place(tag, *proposal, books, out),
            Asked::Want(BotWant::Cancel(name)) => {
                out.push(Output::Cancel(self.own(&name, books)?));
                Ok(json!({"status": "pending_cancel"}))
            }
            Asked::Want(BotWant::Replace(name, change)) => {
                let decision = Decision::new("BOT_REPLACE", None, Vec::new());
                out.push(Output::Replace(self.own(&name, books)?, change, decision));
                Ok(json!({"status": "pending_replace"}))
            }
            // The head has taken these itself.
            Asked::Want(BotWant::Remember(_) | BotWant::Alert(_) | BotWant::Schedule(_)) => {
                Ok(json!({"status": "done"}))
            }
        }
    }

    fn look_up(&self, query: &BotQuery, books: &dyn Books) -> Value {
        match query {
            BotQuery::Positions => {
                let held = self.instruments.iter().map(|of| (of, books.position(of)));
                let rows: Vec<Value> = held
                    .filter(|(_, units)| !units.is_zero())
                    .map(|(of, units)| json!({"instrument": of.key(), "quantity": units.to_string()}))
                    .collect();
                json!({"positions": rows})
            }
            BotQuery::Orders => {
                let working = self
                    .instruments
                    .iter()
                    .flat_map(|of| books.working(of).into_iter().map(move |w| (of, w)));
                let rows: Vec<Value> = working
                    .map(|(of, order)| {
                        json!({"order_id": order.id.to_string(), "instrument": of.key(), "side": order.side.as_str(),
                            "quantity": order.quantity.to_string(), "status": order.status.as_str()})
                    })
                    .collect();
                json!({"orders": rows})
            }
            BotQuery::Account => protocol::account(books.equity(), books.free_cash(), books.buying_power()),
            BotQuery::Snapshot => {
                let of = |query| self.look_up(&query, books);
                let quotes: Vec<Value> =
                    self.instruments.iter().map(|it| of(BotQuery::Quote(it.clone()))).collect();
                json!({
                    "account": of(BotQuery::Account), "positions": of(BotQuery::Positions)["positions"],
                    "orders": of(BotQuery::Orders)["orders"], "quotes": quotes,
                })
            }
            BotQuery::Quote(instrument) => {
                let close =
                    self.bars.get(instrument).and_then(|bars| bars.last()).map(|bar| bar.close.to_string());
                json!({"instrument": instrument.key(), "bid": null, "ask": null, "last": close})
            }
            // Answered before the data has begun too.
            BotQuery::Past { .. } | BotQuery::Chain { .. } => Value::Null,
        }
    }

    /// Bars that it was told, the newest.
    fn told(&self, instrument: &Instrument, interval: Interval, limit: usize) -> Result<&[Bar], RpcError> {
        if interval != self.interval {
            let text = format!("the data has bars:{} alone", self.interval);
            return Err(RpcError::new(-32_004, text));
        }
        let bars = self.bars.get(instrument).map_or(&[][..], Vec::as_slice);
        Ok(&bars[bars.len().saturating_sub(limit)..])
    }

    fn place(
        &mut self,
        tag: String,
        proposal: Proposal,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) -> Result<Value, RpcError> {
        if self.tags.contains_key(&tag) {
            return Ok(json!({"status": "accepted"}));
        }
        let proposed = out.iter().filter(|output| matches!(output, Output::Propose(..))).count();
        if proposed >= ORDERS_MAX {
            return Err(RpcError::rate(format!("{ORDERS_MAX} orders in one step are allowed"), 0));
        }
        let Some(instrument) = proposal.subject.instrument().cloned() else {
            return Err(RpcError::params("a bot trades one instrument at a time"));
        };
        let own = books.position(&instrument);
        let closes = proposal.reduce_only
            || (!own.is_zero()
                && own.is_negative() == proposal.side.is_buy()
                && proposal.quantity <= own.abs());
        let close = self.bars.get(&instrument).and_then(|bars| bars.last()).map(|bar| bar.close);
        let price = proposal.pricing.limit_price().or(close);
        let multiplier = InstrumentSpec::standard(instrument.clone()).multiplier;
        let notional = price.map(|price| (price.notional(proposal.quantity) * multiplier).abs());
        let held = close.map(|close| (close.notional(own) * multiplier).abs());
        let forbidden = self.terms.forbids(&BotOrder {
            mode: AccountMode::Paper,
            instruments: vec![&instrument.price_driver()],
            opens: !closes,
            notional,
            position_notional: notional.zip(held).map(|(wanted, held)| wanted + held),
        });
        if let Some(text) = forbidden {
            return Err(RpcError::new(-32_001, format!("its permissions forbid it: {text}")));
        }
        self.tags.insert(tag, (proposal.clone(), None));
        out.push(Output::Propose(proposal, Decision::new("BOT_ORDER", Some(instrument), Vec::new())));
        Ok(json!({"status": "accepted"}))
    }

    /// The order that a name means: a tag's is the working one with its terms that no other tag has.
    fn own(&mut self, name: &BotOrderName, books: &dyn Books) -> Result<ClientOrderId, RpcError> {
        let none = || RpcError::params("it has no such working order");
        let tag = match name {
            BotOrderName::Id(id) => return Ok(*id),
            BotOrderName::Tag(tag) => tag,
        };
        let (proposal, known) = self.tags.get(tag).cloned().ok_or_else(none)?;
        let instrument = proposal.subject.instrument().ok_or_else(none)?;
        let working = books.working(instrument);
        let taken: Vec<ClientOrderId> = self.tags.values().filter_map(|(_, id)| *id).collect();
        let id = known.filter(|id| working.iter().any(|order| order.id == *id)).or_else(|| {
            let same = |order: &&crate::strategies::Working| {
                !taken.contains(&order.id)
                    && order.side == proposal.side
                    && order.quantity == proposal.quantity
                    && order.limit_price == proposal.pricing.limit_price()
            };
            working.iter().find(same).map(|order| order.id)
        });
        let id = id.ok_or_else(none)?;
        self.tags.insert(tag.clone(), (proposal, Some(id)));
        Ok(id)
    }
}

impl Strategy for Replayed {
    fn head(&self) -> &Head {
        &self.head
    }

    fn on_input(
        &mut self,
        now: Timestamp,
        input: StrategyInput<'_>,
        books: &dyn Books,
        out: &mut Vec<Output>,
    ) {
        if self.bot.fate().failure().is_some() {
            return;
        }
        let interval = self.mind.interval;
        if matches!(input, StrategyInput::Bar { interval: wide, .. } if wide != interval) {
            return;
        }
        if let StrategyInput::Bar { instrument, bar, .. } = input {
            self.mind.see(instrument, bar);
        }
        if let Err(reason) = self.hear(now, input, books, out) {
            out.clear();
            self.bot.fails(now, reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_of_a_run_is_what_is_said() {
        let fate = Fate::default();
        let start = ReplayError::Start { bot: "tiny".to_owned(), reason: "no".to_owned() };
        assert_eq!(start.to_string(), "bot tiny cannot be started: no");
        let failed = ReplayError::Failed {
            bot: "tiny".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            reason: "no".to_owned(),
        };
        assert_eq!(failed.to_string(), "bot tiny failed at 1970-01-01T00:00:00Z: no");
        fate.set(failed.clone());
        fate.set(start);
        assert_eq!(fate.failure(), Some(failed));
    }
}
