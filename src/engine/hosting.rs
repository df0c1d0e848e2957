//! What the shell does for strategies: their histories, their complete bars, their requests. The core decides what they may do with them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, Instant};

use crate::brokers::{self, Market};
use crate::client::message::StrategyRequest;
use crate::client::{Reply, SessionError};
use crate::command::types::StrategyAction;
use crate::core::engine::strategy_kinds;
use crate::core::input::{Input, Needed};
use crate::domain::account::AccountMode;
use crate::domain::chain::{Chain, ChainRow};
use crate::domain::instrument::{AssetClass, Instrument, Symbol};
use crate::domain::order::{Order, OrderStatus};
use crate::domain::quote::{Bar, Feed, Interval, Quote};
use crate::domain::snapshot::Severity;
use crate::domain::strategy::{NAME_MAX, StrategyChange, StrategyRules, StrategySpec, StrategyView};
use crate::market::bar_builder::{BAR_DELAY, BarBuilder, bar_end, ended};
use crate::strategies::Need;

use super::checked_bars::Checks;
use super::feed::Source;
use super::reads::EXPIRIES_NEEDED_MAX;
use super::session::give;
use super::task::EngineTask;

type Answer = oneshot::Sender<Result<Reply, SessionError>>;

/// Histories of brokers that may wait for the engine.
const ANSWERS_MAX: usize = 256;
/// How long a replay waits for disk and venue at one bar.
const FOLLOWED_MAX: Duration = Duration::from_secs(5);
/// A broker that has not got a bar yet is asked again after this.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(15);
/// Bars of one answer at most.
const BARS_MAX: usize = 5_000;
/// Newest bars that are looked at for one that has just become complete.
const NEWEST: usize = 3;

/// A broker's bars, for a strategy's past or for all who want the newest.
pub(super) struct Bars {
    /// Absent: for all.
    strategy: Option<SmolStr>,
    instrument: Instrument,
    interval: Interval,
    bars: Result<Vec<Bar>, brokers::BrokerError>,
}

/// What a broker has answered.
pub(super) enum Answered {
    /// Bars of the past, or the newest.
    Bars(Bars),
    /// A broker's own bars, to be compared with those that were made here of its prices.
    Check(Instrument, Interval, Vec<Bar>),
    /// What a strategy asked for.
    Needed(SmolStr, Needed),
    /// An exit plan whose range was measured.
    Exit(Box<crate::domain::exit::ExitChange>, Answer),
    /// The range that a plan at work waits for.
    Range(Instrument, Option<rust_decimal::Decimal>),
}

/// What is known of one stream of bars.
pub(super) struct Stream {
    /// They come from a broker.
    live: bool,
    /// When the next bar is to be looked for.
    next: Timestamp,
    /// Makes bars of a broker's prices.
    builder: Option<BarBuilder>,
    /// How those bars stand to the broker's own.
    pub(super) checks: Checks,
}

/// The bars that strategies want.
pub(super) struct Hosting {
    pub(super) streams: BTreeMap<(Instrument, Interval), Stream>,
    pub(super) answers_in: mpsc::Sender<Answered>,
    pub(super) answers: mpsc::Receiver<Answered>,
}

impl Default for Hosting {
    fn default() -> Self {
        let (answers_in, answers) = mpsc::channel(ANSWERS_MAX);
        Self { streams: BTreeMap::new(), answers_in, answers }
    }
}

/// A broker's chain of the expiries between two days.
///
/// # Errors
/// What the broker's call ended with; it is in the log too.
pub(super) async fn chain_between(
    feed: &dyn brokers::MarketFeed,
    underlying: &Symbol,
    from: Date,
    until: Date,
) -> Result<Chain, brokers::BrokerError> {
    let told =
        |error: &brokers::BrokerError| tracing::warn!(%underlying, %error, "a strategy's chain was not read");
    let expiries = feed.expiries(underlying).await.inspect_err(told)?;
    let mut rows = Vec::new();
    for day in expiries.iter().filter(|day| (from..=until).contains(*day)).take(EXPIRIES_NEEDED_MAX) {
        rows.extend(feed.chain(underlying, *day).await.inspect_err(told)?);
    }
    rows.sort_by(|a, b| {
        let key = |row: &ChainRow| (row.contract.expiry, row.contract.strike, row.contract.right);
        key(a).cmp(&key(b))
    });
    Ok(Chain { underlying: underlying.clone(), spot: None, expiries, rows })
}

/// Does a bar of this width come of the prices themselves, aligned as its broker would. Others are asked for.
fn is_built(instrument: &Instrument, interval: Interval) -> bool {
    match interval {
        Interval::Minute1 | Interval::Minute5 | Interval::Minute15 => true,
        Interval::Hour1 => instrument.asset_class().trades_around_the_clock(),
        Interval::Day1 | Interval::Week1 => false,
    }
}

impl EngineTask {
    /// Tells a strategy its past, now or once its broker has answered.
    pub(super) async fn tell_history(
        &mut self,
        strategy: SmolStr,
        instrument: Instrument,
        interval: Interval,
        count: usize,
    ) {
        let feed = self.feed.feed();
        if !self.ensure(&instrument).await {
            let text = format!("{strategy}: no instrument {instrument} is known here; it has no bars");
            self.step(Input::Note { severity: Severity::Warning, code: "NO_BARS", text }).await;
            return self
                .step(Input::History { strategy, instrument, interval, bars: Vec::new(), feed })
                .await;
        }
        self.tell_average_volume(&instrument).await;
        if self.feed.is_live(&instrument) {
            return self.ask_bars(Some(strategy), instrument, interval, count);
        }
        let now = self.clock.now();
        let bars = self.feed.bars(&instrument, interval, now, count);
        let bars = self.complete(&instrument, interval, bars);
        self.step(Input::History { strategy, instrument, interval, bars, feed }).await;
    }

    fn ask_bars(&self, strategy: Option<SmolStr>, instrument: Instrument, interval: Interval, count: usize) {
        let Some(feed) = self.live.prices.feed_for(&instrument) else { return };
        let (answers, end) = (self.hosting.answers_in.clone(), self.clock.now());
        tokio::spawn(async move {
            let bars = feed.bars(&instrument, interval, end, count).await;
            // The engine may have gone.
            drop(answers.send(Answered::Bars(Bars { strategy, instrument, interval, bars })).await);
        });
    }

    /// A broker has answered.
    pub(super) async fn on_answer(&mut self, answer: Answered) {
        match answer {
            Answered::Bars(bars) => self.on_bars(bars).await,
            Answered::Check(instrument, interval, bars) => {
                self.compare_bars(&instrument, interval, &bars).await;
            }
            Answered::Exit(change, reply) => self.change_exit(*change, reply).await,
            Answered::Range(instrument, range) => self.step(Input::Range { instrument, range }).await,
            Answered::Needed(strategy, answer) => self.step(Input::Needed { strategy, answer }).await,
        }
    }

    /// Finds out what a strategy must know, now or once its broker has answered.
    pub(super) async fn find_out(&mut self, strategy: SmolStr, need: Need) {
        let answer = match need {
            Need::Chain { underlying, from, until } => {
                self.ensure(&Instrument::Equity { symbol: underlying.clone() }).await;
                if let Some(feed) = self.live.prices.feed_of(Market::Class(AssetClass::Option)) {
                    let answers = self.hosting.answers_in.clone();
                    tokio::spawn(async move {
                        let chain = chain_between(feed.as_ref(), &underlying, from, until).await.ok();
                        let answer =
                            chain.map_or(Needed::NoChain(underlying), |chain| Needed::Chain(Box::new(chain)));
                        // The engine may have gone.
                        drop(answers.send(Answered::Needed(strategy, answer)).await);
                    });
                    return;
                }
                match self.chain_between(&underlying, from, until) {
                    Some(chain) => Needed::Chain(Box::new(chain)),
                    None => Needed::NoChain(underlying),
                }
            }
            Need::Bars { instrument, interval, count } => {
                if !self.ensure(&instrument).await {
                    Needed::Bars { instrument, interval, bars: Vec::new() }
                } else if self.feed.is_live(&instrument) {
                    return self.ask_needed_bars(strategy, instrument, interval, count);
                } else {
                    let now = self.clock.now();
                    let bars = self.feed.bars(&instrument, interval, now, count.min(BARS_MAX) + 1);
                    let bars = self.complete(&instrument, interval, bars);
                    Needed::Bars {
                        instrument,
                        interval,
                        bars: bars.into_iter().map(|(_, bar)| bar).collect(),
                    }
                }
            }
            Need::Events { underlying } => {
                let events = Some(Box::new(self.dates_of(&underlying).await));
                Needed::Events { underlying, events }
            }
        };
        self.step(Input::Needed { strategy, answer }).await;
    }

    fn ask_needed_bars(&self, strategy: SmolStr, instrument: Instrument, interval: Interval, count: usize) {
        let Some(feed) = self.live.prices.feed_for(&instrument) else { return };
        let (answers, end) = (self.hosting.answers_in.clone(), self.clock.now());
        let calendar = self.calendar.clone();
        tokio::spawn(async move {
            let bars =
                feed.bars(&instrument, interval, end, count.min(BARS_MAX)).await.unwrap_or_else(|error| {
                    tracing::warn!(%instrument, %error, "a strategy's bars were not read");
                    Vec::new()
                });
            let bars = ended(&calendar, (&instrument, interval), bars, end);
            // The engine may have gone.
            drop(answers.send(Answered::Needed(strategy, Needed::Bars { instrument, interval, bars })).await);
        });
    }

    /// The newest bars of the market here that are complete, oldest first.
    pub(super) fn complete_bars(
        &mut self,
        instrument: &Instrument,
        interval: Interval,
        count: usize,
    ) -> Vec<Bar> {
        let now = self.clock.now();
        // The bar of now is not complete, and for a moment after its end the one before is not either.
        let bars = self.feed.bars(instrument, interval, now, count.min(BARS_MAX) + 2);
        let bars: Vec<Bar> =
            self.complete(instrument, interval, bars).into_iter().map(|(_, bar)| bar).collect();
        bars[bars.len().saturating_sub(count)..].to_vec()
    }

    async fn on_bars(&mut self, answer: Bars) {
        let Bars { strategy, instrument, interval, bars } = answer;
        let bars = match bars {
            Ok(bars) => bars,
            Err(error) => {
                let text = format!("{instrument} {interval}: {error}");
                self.step(Input::Note { severity: Severity::Warning, code: "NO_BARS", text }).await;
                Vec::new()
            }
        };
        let bars = self.complete(&instrument, interval, bars);
        match strategy {
            Some(strategy) => {
                let feed = Feed::RealTime;
                self.step(Input::History { strategy, instrument, interval, bars, feed }).await;
            }
            None => self.hand_out(instrument, interval, bars, Feed::RealTime).await,
        }
    }

    /// Bars that are complete, each with its end.
    fn complete(&self, instrument: &Instrument, interval: Interval, bars: Vec<Bar>) -> Vec<(Timestamp, Bar)> {
        let now = self.clock.now();
        let delay = if self.clock.goes_on() { BAR_DELAY } else { SignedDuration::ZERO };
        let ended = bars.into_iter().map(|bar| (bar_end(&self.calendar, instrument, interval, &bar), bar));
        // A replay hands out nothing that is not complete.
        ended.filter(|(end, _)| !self.clock.goes_on() || *end + delay <= now).collect()
    }

    /// A replay runs faster than the disk and the venue: what strategies asked for at a bar is with the venue before the next one comes.
    pub(super) async fn follow_strategies(&mut self) {
        if self.core.strategy_bars().next().is_some() {
            self.follow_orders().await;
        }
    }

    /// What was asked for is written and with the venue, or the time for that is over.
    pub(super) async fn follow_orders(&mut self) {
        let deadline = Instant::now() + FOLLOWED_MAX;
        loop {
            let in_flight = |order: &Order| {
                matches!(
                    order.status,
                    OrderStatus::PendingSubmit | OrderStatus::PendingCancel | OrderStatus::PendingReplace
                )
            };
            if self.written >= self.urgent && !self.core.book().working().any(in_flight) {
                return;
            }
            tokio::select! {
                biased;
                Some(written) = self.journaled.recv() => self.on_written(written).await,
                Some(reported) = self.reports.recv() => self.reported(reported).await,
                () = tokio::time::sleep_until(deadline) => {
                    tracing::warn!("disk or venue do not keep up with the clock");
                    return;
                }
            }
        }
    }

    /// All that has happened so far is on the disk, or the time for that is over.
    pub(super) async fn follow_disk(&mut self) {
        let (deadline, wanted) = (Instant::now() + FOLLOWED_MAX, self.newest);
        while self.written < wanted {
            tokio::select! {
                biased;
                Some(written) = self.journaled.recv() => self.on_written(written).await,
                () = tokio::time::sleep_until(deadline) => {
                    tracing::warn!("the disk does not keep up");
                    return;
                }
            }
        }
    }

    /// A broker's prices, for the bars that are made of them.
    pub(super) fn see_for_bars(&mut self, quote: &Quote) {
        for ((instrument, _), stream) in &mut self.hosting.streams {
            if *instrument == quote.instrument
                && let Some(builder) = &mut stream.builder
            {
                builder.see(quote);
            }
        }
    }

    /// Looks for bars that have become complete. A replay hands them out itself.
    pub(super) async fn look_for_bars(&mut self) {
        if !matches!(self.feed.source, Source::Simulated(_)) {
            return;
        }
        let mut wanted: Vec<(Instrument, Interval)> =
            self.core.strategy_bars().map(|(instrument, interval)| (instrument.clone(), interval)).collect();
        wanted.sort();
        wanted.dedup();
        self.hosting.streams.retain(|key, _| wanted.binary_search(key).is_ok());
        let now = self.clock.now();
        for (instrument, interval) in wanted {
            let live = self.feed.is_live(&instrument);
            let builds = live && is_built(&instrument, interval);
            let key = (instrument.clone(), interval);
            let fresh = || Stream {
                live,
                next: now,
                builder: builds.then(|| BarBuilder::new(interval, now)),
                checks: Checks::default(),
            };
            let stream = self.hosting.streams.entry(key).or_insert_with(fresh);
            if stream.live != live {
                *stream = fresh();
                self.step(Input::BarsChanged(instrument)).await;
                continue;
            }
            if let Some(builder) = &mut stream.builder {
                if let Some(bar) = builder.complete(now) {
                    stream.checks.made(bar, now);
                    let end = bar.start + SignedDuration::from_secs(interval.seconds());
                    self.hand_out(instrument, interval, vec![(end, bar)], Feed::RealTime).await;
                } else if stream.checks.is_due(now) {
                    self.ask_own_bars(instrument, interval);
                } else if let Some(said) = stream.checks.late(builder.late(), now) {
                    self.step(said.of(&instrument, interval)).await;
                }
                continue;
            }
            if now < stream.next {
                continue;
            }
            stream.next = now + ASK_AGAIN;
            if live {
                self.ask_bars(None, instrument, interval, NEWEST);
            } else {
                let bars = self.feed.bars(&instrument, interval, now, NEWEST);
                let bars = self.complete(&instrument, interval, bars);
                self.hand_out(instrument, interval, bars, Feed::Simulated).await;
            }
        }
    }

    /// Tells the strategies; the next bar is looked for when it can be complete.
    async fn hand_out(
        &mut self,
        instrument: Instrument,
        interval: Interval,
        bars: Vec<(Timestamp, Bar)>,
        feed: Feed,
    ) {
        let length = SignedDuration::from_secs(interval.seconds());
        let newest = bars.last().map(|(end, _)| *end);
        for (_, bar) in bars {
            let instrument = instrument.clone();
            self.step(Input::StrategyBar { instrument, interval, bar, feed }).await;
        }
        let now = self.clock.now();
        if let Some(stream) = self.hosting.streams.get_mut(&(instrument.clone(), interval))
            && let Some(newest) = newest
        {
            // Days differ in length: those of a session are looked for again and again from its end on.
            let day = interval == Interval::Day1 && instrument.asset_class() == AssetClass::Equity;
            let next = newest + if day { SignedDuration::from_mins(5) } else { length } + BAR_DELAY;
            stream.next = if next > now { next } else { now + ASK_AGAIN };
        }
    }

    /// What is asked about strategies, but what is read from the disk.
    pub(super) async fn strategy(&mut self, request: StrategyRequest, reply: Answer) {
        let answer = match request {
            StrategyRequest::List => Ok(Reply::Strategies(self.core.strategies())),
            StrategyRequest::Kinds => Ok(Reply::StrategyKinds(self.bots.kinds(strategy_kinds()))),
            StrategyRequest::Plan { name } => match self.core.strategy_plan(&name) {
                Ok(plan) => Ok(Reply::StrategyPlan(Box::new(plan))),
                Err(reason) => Err(SessionError::Usage(reason)),
            },
            StrategyRequest::Change(change) => return self.change_strategy(change, reply).await,
            StrategyRequest::Decisions { .. } => Ok(Reply::Done(String::new())),
        };
        give(reply, answer);
    }

    /// A strategy in words: by its name, or by its kind and what it trades; one that is started and is not there yet is made, with its
    /// defaults, where no real money is meant.
    pub(super) async fn strategy_words(
        &mut self,
        action: StrategyAction,
        word: &str,
        underlying: Option<&Symbol>,
        reply: Answer,
    ) {
        let word = word.replace('-', "_");
        let share = underlying.map(|symbol| Instrument::Equity { symbol: symbol.clone() });
        let about = |view: &StrategyView| {
            share.as_ref().is_none_or(|share| view.spec.instruments.iter().any(|i| i.root() == share.root()))
        };
        let found: Vec<StrategyView> = self
            .core
            .strategies()
            .into_iter()
            .filter(|view| {
                (view.spec.name.replace('-', "_") == word || view.spec.kind == word) && about(view)
            })
            .collect();
        if action == StrategyAction::Status {
            return give(reply, Ok(Reply::Strategies(found)));
        }
        let name = match (found.as_slice(), share, action) {
            ([one], ..) => one.spec.name.clone(),
            ([], Some(share), StrategyAction::Start) => match self.add_by_words(&word, share).await {
                Ok(name) => name,
                Err(error) => return give(reply, Err(error)),
            },
            ([], ..) => {
                let text = format!("there is no {word} strategy; make one with: arbion strategy add");
                return give(reply, Err(SessionError::Usage(text)));
            }
            (several, ..) => {
                let names: Vec<&str> = several.iter().map(|view| view.spec.name.as_str()).collect();
                let text = format!("which one: {}? say it with: arbion strategy", names.join(", "));
                return give(reply, Err(SessionError::Clarify(text)));
            }
        };
        let change = match action {
            StrategyAction::Stop => StrategyChange::Stop { name, flatten: false },
            StrategyAction::Pause => StrategyChange::Pause { name },
            StrategyAction::Start | StrategyAction::Status => {
                StrategyChange::Start { name, confirmation: None }
            }
        };
        self.change_strategy(change, reply).await;
    }

    /// Makes one with its defaults on the account that plain commands mean, which must be a paper one.
    async fn add_by_words(&mut self, kind: &str, share: Instrument) -> Result<SmolStr, SessionError> {
        let account = self.core.default_account().clone();
        let live = self.core.account(&account).is_none_or(|account| account.mode == AccountMode::Live);
        if live {
            let text =
                "a strategy for real money is made and started with its plan before you: arbion strategy add";
            return Err(SessionError::Usage(text.to_owned()));
        }
        self.know(std::slice::from_ref(&share)).await?;
        let name: SmolStr = format!("{kind}-{}", share.root())
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' })
            .take(NAME_MAX)
            .collect();
        let spec = StrategySpec {
            name: name.clone(),
            kind: kind.into(),
            account,
            instruments: vec![share],
            interval: Interval::Day1,
            params: BTreeMap::new(),
            adopt: Vec::new(),
            rules: StrategyRules::default(),
            exits: None,
        };
        let (told, answer) = oneshot::channel();
        let request = self.expect(told, None);
        self.step(Input::Strategy { request, change: StrategyChange::Add { spec: Box::new(spec) } }).await;
        // Refused at once, or on its way to the disk: the start that follows is written after it.
        self.pending.remove(&request);
        match { answer }.try_recv() {
            Ok(Err(error)) => Err(error),
            _ => Ok(name),
        }
    }

    /// Carries a person's change out. Its instruments must be known here.
    pub(super) async fn change_strategy(&mut self, change: StrategyChange, reply: Answer) {
        let instruments = match &change {
            StrategyChange::Add { spec } => spec.instruments.clone(),
            StrategyChange::Set { edit, .. } => edit.instruments.clone().unwrap_or_default(),
            _ => Vec::new(),
        };
        if let Err(reason) = self.check_bot_params(&change) {
            return give(reply, Err(SessionError::Usage(reason)));
        }
        for instrument in &instruments {
            if !self.ensure(instrument).await {
                let text = format!(
                    "no instrument {instrument} is known here; try: arbion search {}",
                    instrument.root()
                );
                return give(reply, Err(SessionError::Usage(text)));
            }
        }
        let request = self.expect(reply, None);
        self.step(Input::Strategy { request, change }).await;
        self.keep_bots();
    }
}
