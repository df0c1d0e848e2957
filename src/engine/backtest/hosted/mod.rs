//! Strategies that act at times of the day and on option chains: the strategy host of the core drives them as it does on paper and live,
//! over recorded bars of the shares and model prices of their options.
//!
//! What is known of a bar at its start is its open, and the rest of it at its end: between the two the open stands. Orders meet the quotes
//! of the next look, half a minute later while one works.

mod bot;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use crate::bots::replay::ReplayedHead;
use crate::core::effect::{Effect, Outcome, RequestId};
use crate::core::engine::Records;
use crate::core::input::{Input, Needed};
use crate::core::paper::{Sessions, VenueConfig};
use crate::domain::bot::KIND_PREFIX;
use crate::domain::calendar::{exchange_date, plus_days};
use crate::domain::corporate::{CorporateAction, CorporateActionKind};
use crate::domain::events::{Dividend, EventBook, UnderlyingEvents};
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::quote::{Feed, Interval, Quote};
use crate::domain::strategy::{DecisionRecord, StrategyChange, StrategyRules, StrategySpec};
use crate::market::bars_file::{RecordedBar, RecordedBars};
use crate::market::model_chain::ModelMarket;
use crate::market::timeline::dated_actions;
use crate::strategies::schedule::{OFTEN, ScheduleSpec, next_due};
use crate::strategies::{Need, Schedule, Strategy};

use super::{BOTS_WATCHED_EVERY, Backtest, Driver, WATCHED_EVERY};

use bot::BotSide;

/// Its name in the run.
pub(super) const NAME: SmolStr = SmolStr::new_inline("backtest");
/// A bar ends this much before its last instant: an expiry at the close is decided by the close.
const BEFORE_END: SignedDuration = SignedDuration::from_millis(1);
/// Dividends are announced so many days before they go off.
pub const ANNOUNCED_DAYS: i64 = 14;
/// Reports are announced so many days before they come, where nobody wrote down when.
pub const REPORT_SAID_DAYS: i64 = 21;
/// The options level of the account: long options and covered ones.
const LEVEL: u8 = 3;

/// What happens next in the recording.
#[derive(Clone, Copy)]
enum Happening<'a> {
    Corporate(&'a CorporateAction),
    Open(&'a Instrument, &'a RecordedBar),
    Complete(&'a Instrument, &'a RecordedBar),
}

impl Happening<'_> {
    const fn rank(&self) -> u8 {
        match self {
            Self::Corporate(_) => 0,
            Self::Open(..) => 1,
            Self::Complete(..) => 2,
        }
    }
}

/// Why such a run could not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostedError {
    /// The host refuses the strategy.
    #[error("{0}")]
    Refused(String),
    /// Whoever watched ended it.
    #[error("it was ended before it was done")]
    Ended,
}

/// Runs a strategy by its kind and parameters. `actions` are splits and dividends by the instant they take effect, `dates` what a person wrote
/// down of reports; `watch` is told how many bars more are done, and ends it by saying `false`.
///
/// # Errors
/// When the host refuses the strategy, or it was ended.
pub fn run_hosted(
    bars: &RecordedBars,
    actions: &[(Timestamp, CorporateAction)],
    dates: &EventBook,
    strategy: &dyn Strategy,
    params: &std::collections::BTreeMap<String, String>,
    venue: VenueConfig,
    watch: &mut dyn FnMut(u64) -> bool,
) -> Result<Backtest, HostedError> {
    let what = What { kind: strategy.kind(), instruments: strategy.instruments(), params };
    Hosted::run(bars, actions, dates, (what, strategy.schedules(), None), venue, watch)
}

/// The same of a bot that looks at chains: its process is told and asked by the host, as where it trades.
///
/// # Errors
/// As `run_hosted`. What became of the bot its fate says.
pub fn run_hosted_bot(
    bars: &RecordedBars,
    actions: &[(Timestamp, CorporateAction)],
    dates: &EventBook,
    (head, instruments): (ReplayedHead, &[Instrument]),
    params: &std::collections::BTreeMap<String, String>,
    venue: VenueConfig,
    watch: &mut dyn FnMut(u64) -> bool,
) -> Result<Backtest, HostedError> {
    let kind = format!("{KIND_PREFIX}{}", head.name());
    let what = What { kind: &kind, instruments, params };
    let schedules = head.schedules().to_vec();
    Hosted::run(bars, actions, dates, (what, schedules, Some(head)), venue, watch)
}

/// What is run.
struct What<'a> {
    kind: &'a str,
    instruments: &'a [Instrument],
    params: &'a std::collections::BTreeMap<String, String>,
}

/// Splits and dividends as a file of bars says them.
#[must_use]
pub fn actions_of(bars: &RecordedBars) -> Vec<(Timestamp, CorporateAction)> {
    dated_actions(bars)
}

fn happenings<'a>(
    bars: &'a RecordedBars,
    actions: &'a [(Timestamp, CorporateAction)],
    wanted: &[Instrument],
) -> Vec<(Timestamp, Happening<'a>)> {
    let mut events: Vec<(Timestamp, Happening<'a>)> = Vec::new();
    for (instrument, series) in bars.series.iter().filter(|(instrument, _)| wanted.contains(instrument)) {
        for row in series {
            events.push((row.bar.start, Happening::Open(instrument, row)));
            events.push((row.end - BEFORE_END, Happening::Complete(instrument, row)));
        }
    }
    let of_wanted = actions.iter().filter(|(_, action)| wanted.contains(&action.instrument));
    events.extend(of_wanted.map(|(at, action)| (*at, Happening::Corporate(action))));
    events.sort_by_key(|(at, event)| (*at, event.rank()));
    events
}

struct Hosted {
    driver: Driver,
    model: ModelMarket,
    actions: Vec<CorporateAction>,
    dates: EventBook,
    schedules: Vec<Schedule>,
    interval: Interval,
    refused: Option<String>,
    bot: Option<BotSide>,
}

impl Hosted {
    fn run(
        bars: &RecordedBars,
        actions: &[(Timestamp, CorporateAction)],
        dates: &EventBook,
        (what, schedules, head): (What<'_>, Vec<Schedule>, Option<ReplayedHead>),
        venue: VenueConfig,
        watch: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Backtest, HostedError> {
        let events = happenings(bars, actions, what.instruments);
        let start = events.first().map_or(Timestamp::UNIX_EPOCH, |(at, _)| *at);
        let config = VenueConfig { sessions: Sessions::Nyse, options_level: LEVEL, ..venue };
        let mut hosted = Self {
            model: ModelMarket::new(Arc::clone(&config.calendar)),
            driver: Driver::new(config, start, Records::All),
            actions: actions.iter().map(|(_, action)| action.clone()).collect(),
            dates: dates.clone(),
            schedules,
            interval: bars.interval.unwrap_or(Interval::Day1),
            refused: None,
            bot: None,
        };
        for instrument in what.instruments {
            hosted.driver.know(instrument);
        }
        hosted.driver.venue.announce(hosted.actions.clone());
        // Whoever waits for a process wants to see that it goes on.
        let every = if head.is_some() { BOTS_WATCHED_EVERY } else { WATCHED_EVERY / 8 };
        hosted.begin(start, &what, head)?;
        for (at, event) in events {
            hosted.live_until(at);
            hosted.happen(at, event);
            let complete = matches!(event, Happening::Complete(..));
            if complete && hosted.driver.result.bars.is_multiple_of(every) && !watch(every) {
                return Err(HostedError::Ended);
            }
        }
        Ok(hosted.driver.finish())
    }

    fn begin(
        &mut self,
        now: Timestamp,
        what: &What<'_>,
        head: Option<ReplayedHead>,
    ) -> Result<(), HostedError> {
        let spec = StrategySpec {
            name: NAME,
            kind: what.kind.into(),
            account: self.driver.account.clone(),
            instruments: what.instruments.to_vec(),
            interval: self.interval,
            params: what.params.clone(),
            adopt: Vec::new(),
            // What is measured is the strategy, not what would have stopped it.
            rules: StrategyRules::without_pauses(),
            exits: None,
        };
        if let Some(head) = head {
            self.step(now, Input::BotTerms(Box::new(head.terms())));
            self.bot = Some(BotSide::new(head));
        }
        self.step(now, Input::RunStrategies);
        let ask = |change| Input::Strategy { request: RequestId(0), change };
        self.step(now, ask(StrategyChange::Add { spec: Box::new(spec) }));
        self.step(now, ask(StrategyChange::Start { name: NAME, confirmation: None }));
        self.bot_begins(now);
        self.refused.take().map_or(Ok(()), |reason| Err(HostedError::Refused(reason)))
    }

    /// A step of the core, with all that follows from it.
    fn step(&mut self, now: Timestamp, input: Input) {
        let effects = self.driver.core.step(now, input);
        self.follow(now, effects);
    }

    fn follow(&mut self, now: Timestamp, effects: Vec<Effect>) {
        let mut effects = effects;
        loop {
            self.driver.perform(now, std::mem::take(&mut effects));
            let Some(asked) = self.driver.asked.pop_front() else { return };
            let input = match asked {
                Effect::History { strategy, instrument, interval, .. } => {
                    Input::History { strategy, instrument, interval, bars: Vec::new(), feed: Feed::Replayed }
                }
                Effect::Need { strategy, need } => Input::Needed { strategy, answer: self.answer(now, need) },
                Effect::Bot { told, .. } => {
                    effects = self.bot_told(now, told);
                    continue;
                }
                Effect::Answer { outcome: Outcome::Refused(reason), .. } => {
                    self.refused.get_or_insert(reason);
                    continue;
                }
                _ => continue,
            };
            effects = self.driver.core.step(now, input);
        }
    }

    fn answer(&self, now: Timestamp, need: Need) -> Needed {
        let today = exchange_date(now);
        match need {
            Need::Chain { underlying, from, until } => {
                match self.model.chain(&underlying, from, until, now) {
                    Some(chain) => Needed::Chain(Box::new(chain)),
                    None => Needed::NoChain(underlying),
                }
            }
            Need::Bars { instrument, interval, count } => {
                let daily = interval == Interval::Day1;
                let bars = if daily { self.model.days(instrument.root(), today, count) } else { Vec::new() };
                Needed::Bars { instrument, interval, bars }
            }
            Need::Events { underlying } => {
                let events = Some(Box::new(self.announced(&underlying, now)));
                Needed::Events { underlying, events }
            }
        }
    }

    /// What a company has said by now: its next dividends as the bars have them, and reports that a person wrote down.
    fn announced(&self, underlying: &Symbol, now: Timestamp) -> UnderlyingEvents {
        let today = exchange_date(now);
        let last = plus_days(today, ANNOUNCED_DAYS);
        let of = self.actions.iter().filter(|action| action.instrument.root() == underlying);
        let dividends = of.filter(|action| action.ex_date <= last).filter_map(|action| match action.kind {
            CorporateActionKind::Dividend { amount } => Some(Dividend { ex_date: action.ex_date, amount }),
            _ => None,
        });
        let written = self.dates.known(underlying, today, Some(REPORT_SAID_DAYS), now);
        UnderlyingEvents { dividends: dividends.collect(), ..written }
    }

    /// Due times, and what happens at the venue by itself, up to an instant that has not come yet.
    fn live_until(&mut self, end: Timestamp) {
        let mut now = self.driver.core.now();
        loop {
            let due = self.next_due(now);
            let next = [due, self.driver.venue.next_due()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next < end) else { return };
            now = next.max(now);
            self.look(now);
        }
    }

    fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let works = self.driver.core.book().working_of(&self.driver.account).next().is_some();
        let passed = |schedule: &&Schedule| match schedule.spec {
            // Those of working orders are passed over while none works.
            ScheduleSpec::Every { step, .. } => works || step >= OFTEN,
            _ => true,
        };
        let calendar = &self.driver.calendar;
        let wanted = self.schedules.iter().filter(passed);
        wanted.filter_map(|schedule| next_due(&schedule.spec, calendar, now)).min()
    }

    /// The prices of now, what they fill, and what is due.
    fn look(&mut self, now: Timestamp) {
        self.driver.venue.advance(now);
        self.collect(now);
        self.publish(now);
        self.step(now, Input::Tick);
        self.driver.look_at_equity();
    }

    fn publish(&mut self, now: Timestamp) {
        let today = exchange_date(now);
        let open = self.driver.calendar.session(today).is_some_and(|it| it.open <= now && now < it.close);
        if !open {
            return;
        }
        let account = self.driver.account.clone();
        let held = self.driver.core.positions(&account).into_iter().map(|position| position.instrument);
        let worked = self.driver.core.book().working_of(&account);
        let worked = worked.flat_map(|order| order.request.subject.instruments().cloned());
        let mut instruments: Vec<Instrument> =
            held.chain(worked).filter(|instrument| instrument.as_option().is_some()).collect();
        instruments.sort();
        instruments.dedup();
        let shares: Vec<Symbol> = self.driver.known.iter().map(|known| known.root().clone()).collect();
        let trading: Vec<Symbol> =
            shares.into_iter().filter(|share| self.model.trades(share, today)).collect();
        let mut quotes: VecDeque<Quote> =
            trading.iter().filter_map(|share| self.model.share_quote(share, now)).collect();
        for instrument in instruments {
            let Some(contract) = instrument.as_option() else { continue };
            if trading.contains(&contract.underlying)
                && let Some(quote) = self.model.option_quote(contract, now)
            {
                quotes.push_back(quote);
            }
        }
        for quote in quotes {
            self.quote(now, quote);
        }
    }

    fn quote(&mut self, now: Timestamp, quote: Quote) {
        self.driver.venue.on_quote(now, &quote);
        self.step(now, Input::Quote(Box::new(quote)));
        self.collect(now);
    }

    fn collect(&mut self, now: Timestamp) {
        self.driver.collect(now);
        // What the venue reported may have made the strategy ask for something.
        self.follow(now, Vec::new());
    }

    fn happen(&mut self, at: Timestamp, event: Happening<'_>) {
        match event {
            Happening::Corporate(action) => {
                self.driver.turn_day(at);
                if let CorporateActionKind::Split { numerator, denominator } = action.kind {
                    self.model.split(action.instrument.root(), numerator, denominator);
                }
                self.driver.venue.corporate_action(at, action);
                self.collect(at);
            }
            Happening::Open(instrument, row) => {
                self.driver.turn_day(row.bar.start);
                self.model.see(instrument.root(), row.bar.open, at);
                self.look(at);
            }
            Happening::Complete(instrument, row) => {
                let result = &mut self.driver.result;
                result.bars += 1;
                result.from.get_or_insert(row.bar.start);
                result.until = Some(row.bar.start);
                self.model.see(instrument.root(), row.bar.close, at);
                self.model.complete(instrument.root(), &row.bar);
                if let Some(bot) = &mut self.bot {
                    bot.see(instrument, &row.bar);
                }
                self.look(at);
                let (interval, bar) = (self.interval, row.bar);
                let instrument = instrument.clone();
                self.step(at, Input::StrategyBar { instrument, interval, bar, feed: Feed::Replayed });
                if !self.driver.core.positions(&self.driver.account).is_empty() {
                    self.driver.result.bars_held += 1;
                }
            }
        }
    }
}

/// Why a strategy did or did not do something, without what repeats every half minute.
#[must_use]
pub fn is_worth_telling(decision: &DecisionRecord) -> bool {
    decision.code != "LADDER_STEP"
}
