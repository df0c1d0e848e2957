//! Backtests, as `cli` asks for them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arbion::bots::approval::{self, Scan};
use arbion::bots::manifest::DataRight;
use arbion::bots::replay::{Fate, Replayed, ReplayedHead, Start};
use arbion::cli::CliError;
use arbion::cli::host::{
    BacktestReport, BacktestRequest, EquityPoint, MonthReturn, RoundTrip, Settings, SweepReport, SweepRow,
};
use arbion::client::progress::Progress;
use arbion::config::EventsFile;
use arbion::core::paper::VenueConfig;
use arbion::domain::account::AccountKind;
use arbion::domain::bot::bot_of;
use arbion::domain::calendar::{exchange_date, plus_days};
use arbion::domain::corporate::CorporateAction;
use arbion::domain::events::EventBook;
use arbion::domain::ids::AccountId;
use arbion::domain::instrument::Instrument;
use arbion::domain::quote::Interval;
use arbion::engine::backtest::{self, Backtest};
use arbion::engine::clock;
use arbion::market::bars_file::{self, Looked, RecordedBars};
use arbion::market::symbols::Universe;
use arbion::market::ticks_file::is_ticks;
use arbion::quant::metrics::months;
use arbion::store::Store;
use arbion::strategies::{self, Params, Strategy};
use jiff::Timestamp;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use rust_decimal::Decimal;

use crate::figures::{compared, curve, deepest_fall, metrics};
use crate::ticks;
use crate::venue::{fee_table, venue_slippage};

/// Cuts of the data that a look ahead is looked for with.
const LOOKAHEAD_CUTS: usize = 5;
/// Files from so many bytes on are read while they are run, not before.
const STREAMED_FROM: u64 = 8 * 1024 * 1024;
/// What prices of options are where recorded bars have none.
const MODEL_PRICES: &str =
    "model prices, not the market's: Black-Scholes with a smile over 30-day realized volatility";

/// Bars, costs and cash of a request.
pub struct Prepared {
    pub bars: RecordedBars,
    /// Splits and dividends of those.
    actions: Vec<(Timestamp, CorporateAction)>,
    /// Reports that the user wrote down, or why they do not read: only who plans around them minds.
    dates: Result<EventBook, String>,
    pub instruments: Vec<Instrument>,
    pub venue: VenueConfig,
    cash: Decimal,
    /// Where bots lie.
    profile: PathBuf,
    /// How far it is, and whether it is to end.
    progress: Progress,
    /// What has become of those that ran.
    fates: Mutex<Vec<Fate>>,
}

/// What is run.
pub enum Runner {
    /// Bars alone drive it.
    Bars(Box<dyn Strategy>),
    /// The strategy host drives it, at times of the day and over chains.
    Hosted(Box<dyn Strategy>),
    /// A bot that looks at chains: the host drives it too.
    HostedBot(Box<ReplayedHead>),
}

impl Prepared {
    /// Is a strategy one that can be run with such parameters; and is it the host that drives it.
    pub fn is_hosted(&self, kind: &str, params: &BTreeMap<String, String>) -> Result<bool, CliError> {
        match bot_of(kind) {
            Some(bot) => {
                let scan = self.approved(bot)?;
                scan.params.read(params).map_err(|error| CliError::usage(error.to_string()))?;
                Ok(scan.manifest.data.contains(&DataRight::Chains))
            }
            None => Ok(!self.strategy(kind, params)?.schedules().is_empty()),
        }
    }

    /// What is run; a bot's process is started for it.
    pub fn runner(&self, kind: &str, params: &BTreeMap<String, String>) -> Result<Runner, CliError> {
        let Some(bot) = bot_of(kind) else {
            let strategy = self.strategy(kind, params)?;
            let hosted = !strategy.schedules().is_empty();
            return Ok(if hosted { Runner::Hosted(strategy) } else { Runner::Bars(strategy) });
        };
        let scan = self.approved(bot)?;
        let head = self.start(&scan, params)?;
        if scan.manifest.data.contains(&DataRight::Chains) {
            return Ok(Runner::HostedBot(Box::new(head)));
        }
        let replayed = Replayed::new(head, self.instruments.clone(), self.interval());
        Ok(Runner::Bars(Box::new(replayed)))
    }

    fn strategy(&self, kind: &str, params: &BTreeMap<String, String>) -> Result<Box<dyn Strategy>, CliError> {
        let strategy =
            strategies::build(kind, kind.into(), self.instruments.clone(), &Params::new(params.clone()))
                .map_err(|error| CliError::usage(error.to_string()))?;
        // A collar without shares would stand still, and that would look like a result.
        if kind == "collar" && params.get("buy_shares").map(String::as_str) != Some("true") {
            return Err(CliError::usage(
                "a collar in a backtest has no shares yet; say how many it buys: --set buy_shares=true --set lots=1",
            ));
        }
        Ok(strategy)
    }

    fn interval(&self) -> Interval {
        self.bars.interval.unwrap_or(Interval::Day1)
    }

    /// One run over bars that are these or a part of them.
    pub fn run_over(
        &self,
        bars: &RecordedBars,
        kind: &str,
        params: &BTreeMap<String, String>,
        watch: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Backtest, CliError> {
        // After a bot has failed nothing that is run with it counts.
        let mut watch = |bars| watch(bars) && self.check().is_ok();
        self.check()?;
        let last = bars.series.values().filter_map(|series| series.last()).map(|row| row.end).max();
        let announced = last.map(|end| plus_days(exchange_date(end), backtest::ANNOUNCED_DAYS));
        let known = |action: &CorporateAction| announced.is_some_and(|last| action.ex_date <= last);
        let actions: Vec<(Timestamp, CorporateAction)> =
            self.actions.iter().filter(|(_, action)| known(action)).cloned().collect();
        let venue = self.venue.clone();
        let dates = || self.dates.as_ref().map_err(|error| CliError::usage(error.clone()));
        let run = match self.runner(kind, params)? {
            Runner::Bars(mut strategy) => {
                backtest::run_watched(bars, &actions, strategy.as_mut(), venue, &mut watch).ok_or_else(ended)
            }
            Runner::Hosted(strategy) => {
                let strategy = strategy.as_ref();
                backtest::run_hosted(bars, &actions, dates()?, strategy, params, venue, &mut watch)
                    .map_err(|error| CliError::usage(error.to_string()))
            }
            Runner::HostedBot(head) => {
                let bot = (*head, self.instruments.as_slice());
                backtest::run_hosted_bot(bars, &actions, dates()?, bot, params, venue, &mut watch)
                    .map_err(|error| CliError::usage(error.to_string()))
            }
        };
        self.check()?;
        run
    }

    /// A bot as it was approved.
    fn approved(&self, bot: &str) -> Result<Scan, CliError> {
        let usage = |error: &dyn std::fmt::Display| CliError::usage(error.to_string());
        let scan = approval::scan(&self.profile, bot).map_err(|error| usage(&error))?;
        let store = Store::open_reader(&self.profile).map_err(|error| usage(&error))?;
        let versions = store.approved_bots().map_err(|error| usage(&error))?;
        if !versions.iter().any(|version| version.bot == bot && version.fingerprint == scan.fingerprint) {
            return Err(CliError::usage(format!(
                "bot {bot} is not what was approved; see what changed: arbion bot approve {bot}"
            )));
        }
        Ok(scan)
    }

    /// The process of a bot that was approved, over the data's bars.
    fn start(&self, scan: &Scan, params: &BTreeMap<String, String>) -> Result<ReplayedHead, CliError> {
        let usage = |error: &dyn std::fmt::Display| CliError::usage(error.to_string());
        let runner = std::env::current_exe().map_err(|error| usage(&error))?;
        let progress = self.progress.clone();
        let start = Start {
            runner: &runner,
            scan,
            instruments: &self.instruments,
            interval: self.interval(),
            params,
            ends: Arc::new(move || progress.ends()),
        };
        let head = ReplayedHead::start(&start).map_err(|error| usage(&error))?;
        self.fates.lock().unwrap_or_else(PoisonError::into_inner).push(head.fate());
        Ok(head)
    }

    /// A run whose bot failed is no result.
    pub fn check(&self) -> Result<(), CliError> {
        let fates = self.fates.lock().unwrap_or_else(PoisonError::into_inner);
        fates.iter().find_map(Fate::failure).map_or(Ok(()), |error| Err(CliError::usage(error.to_string())))
    }
}

fn ended() -> CliError {
    CliError::usage("it was ended before it was done")
}

/// Runs a strategy over recorded bars.
pub fn run(
    settings: &Settings,
    request: &BacktestRequest,
    progress: &Progress,
) -> Result<BacktestReport, CliError> {
    if let Some(report) = ticks::run(settings, request, progress)? {
        return Ok(report);
    }
    if let Some(report) = streamed(settings, request, progress)? {
        return Ok(report);
    }
    let prepared = prepare(settings, request, progress)?;
    let started = clock::monotonic();
    progress.set_total(prepared.bars.series.values().map(|series| series.len() as u64).sum());
    let mut watch = |bars| {
        progress.add_done(bars);
        !progress.ends()
    };
    let run = prepared.run_over(&prepared.bars, &request.strategy, &request.params, &mut watch)?;
    let elapsed = started.elapsed();
    let mut report = report(settings, request, &prepared, (&run, elapsed))?;
    if request.check_lookahead {
        let mut again = |bars: &RecordedBars, _| {
            prepared.run_over(bars, &request.strategy, &request.params, &mut |_| !progress.ends())
        };
        let cuts = backtest::check_lookahead(&prepared.bars, &run, LOOKAHEAD_CUTS, &mut again)?;
        if let Some((at, difference)) = cuts.iter().find_map(|cut| Some((cut.at, cut.difference.as_ref()?))) {
            return Err(CliError::usage(format!(
                "{} looks ahead: cut off at {at}, it does otherwise before: {difference}",
                request.strategy
            )));
        }
        report.lookahead_cuts = Some(cuts.len());
    }
    Ok(report)
}

/// A run over a large file whose bars are not held: what it takes does not grow with them. `None` where the file or the strategy needs all of
/// them at hand.
fn streamed(
    settings: &Settings,
    request: &BacktestRequest,
    progress: &Progress,
) -> Result<Option<BacktestReport>, CliError> {
    let usage = |error: &dyn std::fmt::Display| CliError::usage(error.to_string());
    let large = |path: &&PathBuf| std::fs::metadata(path).is_ok_and(|about| about.len() >= STREAMED_FROM);
    let Some(path) = request.data.as_ref().filter(large).filter(|_| !request.check_lookahead) else {
        return Ok(None);
    };
    let calendar = settings.calendar()?;
    let wanted = |instrument: &Instrument, start: Timestamp| is_wanted(request, instrument, start);
    let looked = bars_file::survey(path, &calendar, &wanted, &mut |_| !progress.ends());
    let survey = match looked.map_err(|error| usage(&error))? {
        Looked::Streams(survey) => survey,
        Looked::Held => return Ok(None),
        Looked::Ended => return Err(ended()),
    };
    // Of each series the ends: what a buyer who held would have made.
    let ends = |series: &bars_file::Series| {
        let last = (series.count > 1).then_some(series.last);
        std::iter::once(series.first).chain(last).collect::<Vec<_>>()
    };
    let series = survey.series.iter().map(|(instrument, of)| (instrument.clone(), ends(of))).collect();
    let bars = RecordedBars { series, interval: Some(survey.interval) };
    let prepared = of_bars(settings, request, bars, progress)?;
    if prepared.is_hosted(&request.strategy, &request.params)? {
        return Ok(None);
    }
    let Runner::Bars(mut strategy) = prepared.runner(&request.strategy, &request.params)? else {
        return Ok(None);
    };
    progress.set_total(survey.series.values().map(|series| series.count).sum());
    let started = clock::monotonic();
    let bars = survey.stream(&calendar, &wanted).map_err(|error| usage(&error))?;
    let mut watch = |bars| {
        progress.add_done(bars);
        !progress.ends() && prepared.check().is_ok()
    };
    let venue = prepared.venue.clone();
    let run = backtest::run_streamed(bars, survey.interval, strategy.as_mut(), venue, &mut watch);
    let elapsed = started.elapsed();
    prepared.check()?;
    let run = run.map_err(|error| usage(&error))?.ok_or_else(ended)?;
    let report = report(settings, request, &prepared, (&run, elapsed))?;
    Ok(Some(BacktestReport { warnings: survey.doubts, ..report }))
}

/// Is a bar of what was asked for: symbols and days.
pub fn is_wanted(request: &BacktestRequest, instrument: &Instrument, start: Timestamp) -> bool {
    let day = || exchange_date(start);
    (request.instruments.is_empty() || request.instruments.contains(instrument))
        && request.from.is_none_or(|from| day() >= from)
        && request.until.is_none_or(|until| day() <= until)
}

/// The parameters of a request with those of one set.
pub fn params_of(request: &BacktestRequest, set: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    request.params.iter().chain(set).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Runs a strategy once for each set of parameters, over all cores. A set that is wrong is said before the first run.
pub fn sweep(
    settings: &Settings,
    request: &BacktestRequest,
    sets: &[BTreeMap<String, String>],
    progress: &Progress,
) -> Result<SweepReport, CliError> {
    let prepared = prepare(settings, request, progress)?;
    // A set that is wrong is said before the first run.
    for set in sets {
        prepared.is_hosted(&request.strategy, &params_of(request, set))?;
    }
    progress.set_total(sets.len() as u64);
    let started = clock::monotonic();
    let rows: Vec<Option<SweepRow>> = sets
        .par_iter()
        .map(|set| {
            if progress.ends() {
                return Ok(None);
            }
            let params = params_of(request, set);
            let run = match prepared.run_over(&prepared.bars, &request.strategy, &params, &mut |_| true) {
                // A bot is not waited for any longer.
                Err(_) if progress.ends() => return Ok(None),
                run => run?,
            };
            progress.add_done(1);
            let metrics = metrics(settings, &prepared.bars, &run);
            Ok(Some(SweepRow {
                params,
                final_equity: run.final_equity,
                fees: run.fees,
                orders: run.orders,
                metrics,
            }))
        })
        .collect::<Result<_, CliError>>()?;
    Ok(SweepReport {
        strategy: request.strategy.clone(),
        data: data_name(request),
        bars: prepared.bars.series.values().map(|series| series.len() as u64).sum(),
        instruments: prepared.instruments,
        starting_cash: prepared.cash,
        asked: sets.len(),
        rows: rows.into_iter().flatten().collect(),
        elapsed_seconds: started.elapsed().as_secs_f64(),
    })
}

pub fn data_name(request: &BacktestRequest) -> String {
    request.data.as_ref().map_or_else(|| "shipped daily bars".to_owned(), |path| path.display().to_string())
}

pub fn prepare(
    settings: &Settings,
    request: &BacktestRequest,
    progress: &Progress,
) -> Result<Prepared, CliError> {
    let usage = |error: &dyn std::fmt::Display| CliError::usage(error.to_string());
    let calendar = settings.calendar()?;
    if let Some(path) = &request.data
        && is_ticks(path).map_err(|error| usage(&error))?
    {
        return Err(CliError::usage("many runs at once are over bars; a run over ticks is one by itself"));
    }
    let bars = match &request.data {
        Some(path) => bars_file::load(path, &calendar),
        None => bars_file::shipped(),
    }
    .map_err(|error| usage(&error))?;
    of_bars(settings, request, bars, progress)
}

pub fn of_bars(
    settings: &Settings,
    request: &BacktestRequest,
    mut bars: RecordedBars,
    progress: &Progress,
) -> Result<Prepared, CliError> {
    if let (Some(said), Some(own)) = (request.interval, bars.interval)
        && said != own
    {
        return Err(CliError::usage(format!("--interval: the data has bars:{own}, and they stay so wide")));
    }
    for instrument in &request.instruments {
        if !bars.series.contains_key(instrument) {
            return Err(CliError::usage(format!("the data has no bars of {instrument}")));
        }
    }
    for (instrument, series) in &mut bars.series {
        series.retain(|row| is_wanted(request, instrument, row.bar.start));
    }
    bars.series.retain(|_, series| !series.is_empty());
    if bars.series.is_empty() {
        return Err(CliError::usage("no bars are left in that range of dates"));
    }
    let costs = &settings.loaded.config.backtest;
    let cash = request.starting_cash.unwrap_or(costs.starting_cash);
    let venue = VenueConfig {
        kind: costs.account_kind,
        fees: fee_table(settings, &costs.fees),
        slippage: venue_slippage(costs.slippage),
        slippage_crypto: venue_slippage(costs.slippage),
        slippage_option: venue_slippage(costs.slippage),
        bar_participation: costs.bar_participation,
        partial_fills: costs.partial_fills,
        calendar: settings.calendar()?,
        ..VenueConfig::new(AccountId::new("backtest"), cash)
    };
    debug_assert!(matches!(venue.kind, AccountKind::Cash | AccountKind::Margin));
    let instruments: Vec<_> = bars.series.keys().cloned().collect();
    let profile = settings.paths.profile_dir(&settings.profile);
    let actions = backtest::actions_of(&bars);
    let dates = dates_of(&profile, &instruments);
    let (progress, fates) = (progress.clone(), Mutex::default());
    Ok(Prepared { actions, dates, bars, instruments, venue, cash, profile, progress, fates })
}

/// What the profile's file of dates says, with the funds among the instruments, which report nothing.
fn dates_of(profile: &std::path::Path, instruments: &[Instrument]) -> Result<EventBook, String> {
    let mut dates = EventsFile::of(profile).load().map_err(|error| error.to_string())?;
    let universe = Universe::load();
    for fund in instruments.iter().filter(|instrument| universe.is_fund(instrument)) {
        dates.set_fund(fund.root(), true).map_err(|error| error.to_string())?;
    }
    Ok(dates)
}

pub fn report(
    settings: &Settings,
    request: &BacktestRequest,
    prepared: &Prepared,
    (run, elapsed): (&Backtest, Duration),
) -> Result<BacktestReport, CliError> {
    let hosted = prepared.is_hosted(&request.strategy, &request.params)?;
    Ok(BacktestReport {
        strategy: request.strategy.clone(),
        params: request.params.clone(),
        data: data_name(request),
        instruments: prepared.instruments.clone(),
        from: run.from,
        until: run.until,
        bars: run.bars,
        ticks: (run.ticks > 0).then_some(run.ticks),
        starting_cash: prepared.cash,
        final_equity: run.final_equity,
        fees: run.fees,
        slippage: run.slippage,
        orders: run.orders,
        denied: run.denied,
        denials: run.denials.clone(),
        deepest_fall: deepest_fall(run),
        decisions: run.records(),
        metrics: [metrics(settings, &prepared.bars, run), compared(&prepared.bars, run)].concat(),
        months: months(&curve(run))
            .into_iter()
            .map(|(year, month, gain)| MonthReturn { year, month, gain })
            .collect(),
        trades: run
            .trips
            .iter()
            .map(|trip| {
                let each =
                    if trip.instrument.as_option().is_some() { Decimal::ONE_HUNDRED } else { Decimal::ONE };
                let money = (trip.entry_price.get() * trip.quantity.get() * each).abs();
                RoundTrip {
                    instrument: trip.instrument.clone(),
                    quantity: trip.quantity,
                    opened_at: trip.opened_at,
                    entry_price: trip.entry_price,
                    closed_at: trip.closed_at,
                    exit_price: trip.exit_price,
                    fees: trip.fees,
                    pnl: trip.pnl,
                    pnl_percent: (!money.is_zero())
                        .then(|| (trip.pnl / money * Decimal::ONE_HUNDRED).round_dp(4)),
                }
            })
            .collect(),
        equity: run
            .equity
            .iter()
            .map(|day| EquityPoint { date: day.date, equity: day.close, low: day.low, high: day.high })
            .collect(),
        fingerprint: run.fingerprint(),
        option_prices: hosted.then_some(MODEL_PRICES),
        warnings: bars_file::doubts(&prepared.bars, &prepared.venue.calendar),
        lookahead_cuts: None,
        elapsed_seconds: elapsed.as_secs_f64(),
    })
}
