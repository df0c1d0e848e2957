//! Backtests: the same core, venue, risk and strategies as paper and live, driven by recorded bars as fast as they can be read.
//!
//! Order inside one instant: corporate actions, bars by instrument, executions, then the strategy. A strategy sees a bar only when it is
//! complete; its orders match from the next bar on.

mod days;
mod hosted;
mod lookahead;
mod outcome;
mod ticks;
mod told;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::time;
use rust_decimal::Decimal;

use crate::core::effect::{Effect, IntentKind, RequestId};
use crate::core::engine::{Engine, EngineConfig, Records};
use crate::core::input::{AccountSetup, Input};
use crate::core::paper::{Venue, VenueConfig};
use crate::domain::account::{AccountKind, AccountMode};
use crate::domain::calendar::{Calendar, exchange_date, instant, plus_days};
use crate::domain::capabilities::Capabilities;
use crate::domain::corporate::CorporateAction;
use crate::domain::execution::AccountEvent;
use crate::domain::ids::AccountId;
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::journal::round_trips;
use crate::domain::limits::RiskLimits;
use crate::domain::money::Money;
use crate::domain::order::{OrderRequest, OrderStatus, Origin, OriginKind};
use crate::domain::quote::{Bar, Feed, Interval};
use crate::market::bars_file::{BarsError, RecordedBar, RecordedBars};
use crate::market::timeline::{Recorded, Timeline, dated_actions};
use crate::quant::number::to_f64;
use crate::strategies::{Output, Proposal, Strategy, StrategyInput};

use days::Extremes;
use told::make_room;
use view::View;

pub use days::DayEquity;
pub use hosted::{
    ANNOUNCED_DAYS, HostedError, REPORT_SAID_DAYS, actions_of, is_worth_telling, run_hosted, run_hosted_bot,
};
pub use lookahead::{Cut, check_lookahead};
pub use outcome::Backtest;
pub use ticks::run_ticks;

/// Bars between two looks of whoever watches.
const WATCHED_EVERY: u64 = 1_024;
/// The same where each bar waits for a process: whoever watches wants to see that it goes on.
const BOTS_WATCHED_EVERY: u64 = 8;

/// Bars between two looks.
fn watched_every(strategy: &dyn Strategy) -> u64 {
    if strategy.kind() == "bot" { BOTS_WATCHED_EVERY } else { WATCHED_EVERY }
}

/// Runs a strategy over recorded bars.
#[must_use]
pub fn run(bars: &RecordedBars, strategy: &mut dyn Strategy, venue: VenueConfig) -> Backtest {
    drive(bars, &dated_actions(bars), strategy, venue, None).finish()
}

/// The same, watched: `watch` is told now and then how many bars more are done, and ends it by saying `false`; there is no result then.
/// `actions` are splits and dividends by the instant they take effect, as [`actions_of`] says them of the whole file.
#[must_use]
pub fn run_watched(
    bars: &RecordedBars,
    actions: &[(Timestamp, CorporateAction)],
    strategy: &mut dyn Strategy,
    venue: VenueConfig,
    watch: &mut dyn FnMut(u64) -> bool,
) -> Option<Backtest> {
    let driver = drive(bars, actions, strategy, venue, Some(watch));
    (!driver.ended).then(|| driver.finish())
}

/// The same over bars that come one by one and are not held, by rising end and then by instrument.
///
/// # Errors
/// What the bars say; `Ok(None)` where whoever watched ended it.
pub fn run_streamed(
    bars: impl Iterator<Item = Result<(Instrument, RecordedBar), BarsError>>,
    interval: Interval,
    strategy: &mut dyn Strategy,
    venue: VenueConfig,
    watch: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<Backtest>, BarsError> {
    let mut bars = bars.peekable();
    let start = match bars.peek() {
        Some(Ok((_, row))) => row.end,
        _ => Timestamp::UNIX_EPOCH,
    };
    let wanted = strategy.instruments().to_vec();
    let mut driver = Driver::new(venue, start, Records::Executions);
    for instrument in &wanted {
        driver.know(instrument);
    }
    let every = watched_every(strategy);
    for row in bars {
        let (instrument, row) = row?;
        if !wanted.contains(&instrument) {
            continue;
        }
        driver.bar(row.end, &instrument, interval, &row.bar, strategy);
        if driver.result.bars.is_multiple_of(every) && !watch(every) {
            return Ok(None);
        }
    }
    Ok(Some(driver.finish()))
}

fn drive(
    bars: &RecordedBars,
    actions: &[(Timestamp, CorporateAction)],
    strategy: &mut dyn Strategy,
    venue: VenueConfig,
    mut watch: Option<&mut dyn FnMut(u64) -> bool>,
) -> Driver {
    let interval = bars.interval.unwrap_or(Interval::Day1);
    let wanted = strategy.instruments().to_vec();
    let mut events = Timeline::new(bars, actions, |instrument| wanted.contains(instrument)).peekable();
    let mut driver =
        Driver::new(venue, events.peek().map_or(Timestamp::UNIX_EPOCH, |(at, _)| *at), Records::Executions);
    for instrument in &wanted {
        driver.know(instrument);
    }
    driver.venue.announce(actions.iter().map(|(_, action)| action.clone()).collect());
    let every = watched_every(strategy);
    for (at, event) in events {
        match event {
            Recorded::Corporate(action) => {
                // The day before ends without what happens after its close.
                driver.turn_day(at);
                driver.venue.corporate_action(at, action);
                driver.collect(at);
            }
            Recorded::Bar(instrument, row) => {
                driver.bar(row.end, instrument, interval, &row.bar, strategy);
                if let Some(watch) = &mut watch
                    && driver.result.bars.is_multiple_of(every)
                    && !watch(every)
                {
                    driver.ended = true;
                    break;
                }
            }
        }
    }
    driver
}

struct Driver {
    core: Engine,
    venue: Venue,
    account: AccountId,
    calendar: Arc<Calendar>,
    risk_free: f64,
    /// The instruments it was told of.
    known: Vec<Instrument>,
    /// The core's host drives the strategy.
    hosts: bool,
    /// What the host of strategies asks for, oldest first; nothing where there is no host.
    asked: VecDeque<Effect>,
    inbox: Vec<AccountEvent>,
    /// What is still to be done; kept for its room.
    queue: VecDeque<Effect>,
    wanted: Vec<Output>,
    next_day: Timestamp,
    extremes: Extremes,
    /// Whoever watched wanted it to end.
    ended: bool,
    result: Backtest,
}

impl Driver {
    fn new(mut config: VenueConfig, now: Timestamp, records: Records) -> Self {
        (config.ack_ms, config.cancel_ms) = (0, 0);
        let account = config.account.clone();
        let risk_free = to_f64(config.risk_free);
        let cash = config.opening_cash;
        let engine = EngineConfig {
            profile: "backtest".into(),
            default_account: account.clone(),
            feed: Feed::Replayed,
            seed: config.seed,
            bar_mode: true,
            never_closed: true,
            fees: config.fees.clone(),
            records,
        };
        let calendar = Arc::clone(&config.calendar);
        let mut core = Engine::new(engine, Arc::clone(&calendar), now);
        let setup = AccountSetup {
            account: account.clone(),
            kind: config.kind,
            mode: AccountMode::Paper,
            currency: config.currency,
            opening_cash: vec![Money::new(cash, config.currency)],
            options_level: config.options_level,
            capabilities: Capabilities {
                short_sales: config.kind == AccountKind::Margin,
                ..Capabilities::paper()
            },
            limits: RiskLimits::bar_mode(cash),
        };
        drop(core.step(now, Input::Account(Box::new(setup))));
        drop(core.step(now, Input::BrokerStatus { account: account.clone(), up: true, reconciled: true }));
        let result = Backtest {
            bars: 0,
            ticks: 0,
            bars_held: 0,
            from: None,
            until: None,
            opening_cash: cash,
            final_equity: cash,
            fees: Decimal::ZERO,
            slippage: Decimal::ZERO,
            orders: 0,
            denied: 0,
            denials: BTreeMap::new(),
            fills: Vec::new(),
            trips: Vec::new(),
            equity: Vec::new(),
            decisions: Vec::new(),
            told: told::ToldList::default(),
        };
        Self {
            core,
            venue: Venue::new(config),
            account,
            calendar,
            risk_free,
            known: Vec::new(),
            hosts: records == Records::All,
            asked: VecDeque::new(),
            inbox: Vec::new(),
            queue: VecDeque::new(),
            wanted: Vec::new(),
            next_day: Timestamp::MIN,
            extremes: Extremes::default(),
            ended: false,
            result,
        }
    }

    fn know(&mut self, instrument: &Instrument) {
        let spec = InstrumentSpec::standard(instrument.clone());
        self.known.push(instrument.clone());
        self.venue.set_spec(spec.clone());
        let now = self.core.now();
        drop(self.core.step(now, Input::Instrument(Box::new(spec))));
    }

    fn bar(
        &mut self,
        end: Timestamp,
        instrument: &Instrument,
        interval: Interval,
        bar: &Bar,
        strategy: &mut dyn Strategy,
    ) {
        self.later_bar(end, bar.start);
        self.turn_day(bar.start);
        self.result.bars += 1;
        self.result.from.get_or_insert(bar.start);
        self.result.until = Some(bar.start);
        self.venue.on_bar(end, instrument, bar);
        self.collect(end);
        if self.core.on_bar_fast(end, instrument, bar) {
            self.result.bars_held += 1;
            self.held_over(instrument, bar);
        }
        let view = View {
            core: &self.core,
            account: &self.account,
            calendar: &self.calendar,
            risk_free: self.risk_free,
        };
        strategy.on_input(end, StrategyInput::Bar { instrument, interval, bar }, &view, &mut self.wanted);
        if !self.wanted.is_empty() {
            self.carry_out(end, strategy);
        }
    }

    fn carry_out(&mut self, now: Timestamp, strategy: &dyn Strategy) {
        let mut wanted = std::mem::take(&mut self.wanted);
        for output in wanted.drain(..) {
            match output {
                Output::Propose(proposal, decision) => {
                    self.result.orders += 1;
                    let order = self.order(now, proposal, strategy);
                    let id = order.client_order_id;
                    self.result.tell(now, decision, Some(id));
                    let input = Input::Place { request: RequestId(0), orders: vec![order] };
                    let effects = self.core.step(now, input);
                    self.perform(now, effects);
                    self.result.count_denied(self.core.order(id));
                }
                Output::Cancel(order) => {
                    let effects =
                        self.core.step(now, Input::Cancel { request: RequestId(0), orders: vec![order] });
                    self.perform(now, effects);
                }
                Output::Replace(order, change, decision) => {
                    self.result.tell(now, decision, Some(order));
                    let effects =
                        self.core.step(now, Input::Replace { request: RequestId(0), order, change });
                    self.perform(now, effects);
                }
                Output::Decision(decision) => self.result.tell(now, decision, None),
                Output::Need(_) | Output::Remember | Output::Alert(_) | Output::Tell(_) => {}
            }
        }
        self.wanted = wanted;
    }

    fn order(&mut self, now: Timestamp, proposal: Proposal, strategy: &dyn Strategy) -> OrderRequest {
        OrderRequest {
            time_in_force: proposal.time_in_force,
            reduce_only: proposal.reduce_only,
            position_effect: proposal.position_effect,
            price_effect: proposal.price_effect,
            ..OrderRequest::plain(
                self.core.mint(now),
                self.account.clone(),
                Origin { kind: OriginKind::Strategy, name: Some(strategy.name().clone()) },
                proposal.subject,
                proposal.side,
                proposal.quantity,
                proposal.pricing,
            )
        }
    }

    /// What the core wants done: there is no disk here, so every entry is written at once.
    fn perform(&mut self, now: Timestamp, effects: Vec<Effect>) {
        let mut queue = std::mem::take(&mut self.queue);
        queue.extend(effects);
        while let Some(effect) = queue.pop_front() {
            match effect {
                Effect::Journal { ticket, entry, .. } => {
                    make_room(&mut self.result.fills, entry.executions.len());
                    self.result.fills.extend(entry.executions);
                    self.result.decisions.extend(entry.decisions.into_iter().filter(is_worth_telling));
                    // Nothing but executions is written where there is no host.
                    let intents = entry.intents.iter().filter(|intent| intent.kind == IntentKind::New);
                    self.result.orders += intents.count() as u64;
                    let denied = entry.changes.iter().filter(|change| change.to == OrderStatus::Denied);
                    denied.for_each(|change| self.result.count_denied(self.core.order(change.order)));
                    queue.extend(self.core.step(now, Input::Journaled(ticket)));
                }
                Effect::Submit { order, .. } => {
                    self.venue.submit(now, order.get());
                    self.hand_over(now, &mut queue);
                }
                Effect::Cancel { order, .. } => {
                    self.venue.cancel(now, order);
                    self.hand_over(now, &mut queue);
                }
                Effect::Replace { order, new, filled, .. } => {
                    self.venue.replace(now, order, filled, new.get());
                    self.hand_over(now, &mut queue);
                }
                asked @ (Effect::History { .. }
                | Effect::Need { .. }
                | Effect::Answer { .. }
                | Effect::Bot { .. })
                    if self.hosts =>
                {
                    self.asked.push_back(asked);
                }
                Effect::Ask { .. }
                | Effect::History { .. }
                | Effect::Need { .. }
                | Effect::Measure { .. }
                | Effect::Bot { .. }
                | Effect::Reconcile { .. }
                | Effect::Ring { .. }
                | Effect::Answer { .. } => {}
            }
        }
        self.queue = queue;
    }

    fn hand_over(&mut self, now: Timestamp, queue: &mut VecDeque<Effect>) {
        if !self.venue.has_events() {
            return;
        }
        self.end_stretch();
        let mut events = std::mem::take(&mut self.inbox);
        self.venue.drain(&mut events);
        for event in events.drain(..) {
            queue.extend(self.core.step(now, Input::Broker(Box::new(event))));
        }
        self.inbox = events;
    }

    fn collect(&mut self, now: Timestamp) {
        if self.venue.has_events() {
            let mut queue = std::mem::take(&mut self.queue);
            self.hand_over(now, &mut queue);
            self.queue = queue;
            self.perform(now, Vec::new());
        }
    }

    /// Equity of the day that has ended, once something of a later day begins.
    fn turn_day(&mut self, start: Timestamp) {
        if start < self.next_day {
            return;
        }
        let day = exchange_date(start);
        if let Some(last) = self.result.until {
            self.end_day(exchange_date(last));
        }
        self.next_day = instant(plus_days(day, 1), time(0, 0, 0, 0));
    }

    fn finish(mut self) -> Backtest {
        let end = self.core.now();
        self.venue.end_of_data(end);
        self.collect(end);
        if let Some(last) = self.result.until {
            self.end_day(exchange_date(last));
        }
        self.result.slippage = self.venue.slippage_paid();
        self.result.final_equity = self.core.net_liquidation(&self.account);
        // Fees in coins and charges for what is held are no part of a fill.
        self.result.fees = self.core.account(&self.account).map(|account| account.fees).unwrap_or_default();
        self.result.trips = round_trips(self.result.fills.iter().map(|booked| &booked.execution));
        self.result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::execution::ExecutionKind;
    use crate::market::bars_file;
    use crate::strategies::{Params, build};

    fn backtest(symbol: &str) -> Backtest {
        let bars = bars_file::shipped().unwrap();
        let params = Params::new(
            [("fast", "10"), ("slow", "30"), ("quantity", "100")].map(|(k, v)| (k.to_owned(), v.to_owned())),
        );
        let instruments = vec![Instrument::equity(symbol).unwrap()];
        let mut strategy = build("sma_cross", "test".into(), instruments, &params).unwrap();
        run(&bars, strategy.as_mut(), VenueConfig::new(AccountId::new("backtest"), Decimal::from(100_000)))
    }

    #[test]
    fn a_run_is_the_same_every_time_and_its_books_add_up() {
        let (first, second) = (backtest("MSFT"), backtest("MSFT"));
        assert_eq!(first.fingerprint(), second.fingerprint());
        assert!(
            first.trips.len() > 20 && first.denied == 0,
            "{} trips, {} denied",
            first.trips.len(),
            first.denied
        );
        let realized: Decimal = first.fills.iter().map(|fill| fill.realized_pnl).sum();
        let by_trips: Decimal = first.trips.iter().map(|trip| trip.pnl).sum();
        assert_eq!(realized, by_trips);
        assert_eq!(first.bars, 3_270);
        assert_eq!(first.equity.len(), 3_270);
    }

    #[test]
    fn orders_fill_at_the_next_open() {
        let run = backtest("IBM");
        let bars = bars_file::shipped().unwrap();
        let series = &bars.series[&Instrument::equity("IBM").unwrap()];
        for fill in run.fills.iter().filter(|fill| fill.execution.kind == ExecutionKind::Trade) {
            let bar = series.iter().find(|row| row.end == fill.execution.at).unwrap().bar;
            let off = (fill.execution.price.get() - bar.open.get()).abs();
            assert!(
                off <= bar.open.get() * Decimal::new(2, 4),
                "{:?} opened at {}",
                fill.execution,
                bar.open
            );
        }
    }

    /// Whatever way a file lies, what is read as it is run is what was held before.
    #[test]
    fn bars_that_are_streamed_make_the_same_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bars.csv");
        let calendar = Calendar::nyse();
        let row = |symbol: &str, n: i64| {
            let at = Timestamp::from_second(1_704_067_200 + n * 60).unwrap();
            let close = 100 + (n * 7 + n / 13) % 23;
            format!("{symbol},{at},{close},{},{},{close},1000\n", close + 1, close - 1)
        };
        let by_symbol = || ["B", "A", "C"].into_iter().flat_map(|of| (0..400).map(move |n| row(of, n)));
        let by_time = || (0..400).flat_map(|n| ["B", "A", "C"].into_iter().map(move |of| row(of, n)));
        let neither = || by_symbol().skip(1).chain([row("B", 500)]);
        let text = |rows: &mut dyn Iterator<Item = String>| {
            format!("symbol,date,open,high,low,close,volume\n{}", rows.collect::<String>())
        };
        let made = || {
            let params = [("fast", "3"), ("slow", "9"), ("quantity", "10")];
            let params = Params::new(params.map(|(k, v)| (k.to_owned(), v.to_owned())));
            let of = ["A", "B", "C"].map(|symbol| Instrument::equity(symbol).unwrap()).to_vec();
            build("sma_cross", "test".into(), of, &params).unwrap()
        };
        let venue = || VenueConfig::new(AccountId::new("backtest"), Decimal::from(100_000));
        let wanted = |_: &Instrument, at: Timestamp| at >= Timestamp::from_second(1_704_067_800).unwrap();
        for rows in [text(&mut by_symbol()), text(&mut by_time())] {
            std::fs::write(&path, &rows).unwrap();
            let looked = bars_file::survey(&path, &calendar, &wanted, &mut |_| true).unwrap();
            let bars_file::Looked::Streams(survey) = looked else { panic!("{looked:?}") };
            assert_eq!(survey.series.values().map(|series| series.count).sum::<u64>(), 3 * 390);
            let stream = survey.stream(&calendar, &wanted).unwrap();
            let streamed = run_streamed(stream, survey.interval, made().as_mut(), venue(), &mut |_| true);
            let streamed = streamed.unwrap().unwrap();
            let mut bars = bars_file::load(&path, &calendar).unwrap();
            for (instrument, series) in &mut bars.series {
                series.retain(|row| wanted(instrument, row.bar.start));
                let ends = &survey.series[instrument];
                assert_eq!((series.first(), series.last()), (Some(&ends.first), Some(&ends.last)));
            }
            let held = run(&bars, made().as_mut(), venue());
            assert!(held.orders > 50 && held.bars == 3 * 390, "{} orders", held.orders);
            assert_eq!((streamed.fingerprint(), streamed.equity), (held.fingerprint(), held.equity));
            assert_eq!(survey.doubts, bars_file::doubts(&bars, &calendar));
        }
        // What lies neither way, has days, or adjusted closes, is held.
        let held = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let looked = bars_file::survey(&path, &calendar, &wanted, &mut |_| true).unwrap();
            matches!(looked, bars_file::Looked::Held)
        };
        assert!(held(&text(&mut neither())));
        assert!(held("symbol,date,open,high,low,close,volume\nA,2024-01-02,1,1,1,1,1\n"));
        let wrong = text(&mut by_symbol()).replace("A,2024-01-01T00:05:00Z,", "A,2024-01-01T00:04:00Z,");
        std::fs::write(&path, wrong).unwrap();
        let error = bars_file::survey(&path, &calendar, &wanted, &mut |_| true).unwrap_err();
        assert!(error.to_string().contains("bars.csv:407: date: found '2024-01-01T00:04:00Z'"), "{error}");
    }
}
