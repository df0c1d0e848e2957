//! Prices, bars, chains and the universe of symbols.

use std::time::Duration;

use serde::Serialize;

use crate::cli::args::{BarsArgs, ChainArgs, NewsArgs, QuoteArgs, RightArg, SearchArgs};
use crate::cli::error::CliError;
use crate::cli::host::Host;
use crate::cli::language;
use crate::cli::line::Line;
use crate::cli::output::{Named, Output, views};
use crate::client::{Reply, Request};
use crate::domain::instrument::Instrument;
use crate::domain::option::Right;
use crate::domain::quote::{Bar, Interval};

/// How long a broker may take to be reached.
const SIGNING_IN_MAX: Duration = Duration::from_secs(8);
/// Between two looks meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Bars with what they are of.
#[derive(Serialize)]
struct BarsShown<'a> {
    instrument: &'a Instrument,
    interval: Interval,
    bars: &'a [Bar],
}

/// The newest bars of an instrument, as `bars` and a chart asked for in words show them.
pub(super) async fn bars_of(
    line: &Line<'_>,
    instrument: &Instrument,
    interval: Interval,
    limit: u32,
) -> Result<Output, CliError> {
    let request = Request::Bars { instrument: instrument.clone(), interval, limit };
    let Reply::Bars(bars) = line.ask(request).await? else {
        return Err(CliError::unexpected("bars"));
    };
    let document = BarsShown { instrument, interval, bars: &bars };
    Ok(Output::new(&document)?.table(views::bars(&bars, &line.zone)))
}

impl From<RightArg> for Right {
    fn from(right: RightArg) -> Self {
        match right {
            RightArg::Call => Self::Call,
            RightArg::Put => Self::Put,
        }
    }
}

pub(super) async fn quote(line: &Line<'_>, args: &QuoteArgs) -> Result<Output, CliError> {
    let instruments: Result<Vec<Instrument>, CliError> =
        args.symbols.iter().map(|symbol| language::instrument(symbol, line.lookup)).collect();
    line.answer(Request::Subscribe { instruments: instruments? }).await
}

pub(super) async fn bars(line: &Line<'_>, args: &BarsArgs) -> Result<Output, CliError> {
    let instrument = language::instrument(&args.symbol, line.lookup)?;
    bars_of(line, &instrument, args.interval, args.limit).await
}

pub(super) async fn chain(line: &Line<'_>, args: &ChainArgs) -> Result<Output, CliError> {
    let instrument = language::instrument(&args.symbol, line.lookup)?;
    let Instrument::Equity { symbol: underlying } = instrument else {
        return Err(CliError::usage(format!(
            "{instrument} has no option chain; allowed are shares and funds"
        )));
    };
    line.answer(Request::Chain { underlying, expiry: args.expiry, right: args.right.map(Right::from) }).await
}

pub(super) async fn news(line: &Line<'_>, args: &NewsArgs) -> Result<Output, CliError> {
    let about: Result<Vec<Instrument>, CliError> =
        args.symbols.iter().map(|symbol| language::instrument(symbol, line.lookup)).collect();
    news_of(line, about?, args.limit).await
}

/// News about these instruments. An engine that has just been started signs in at its broker first: that is waited for, a little.
pub(super) async fn news_of(line: &Line<'_>, about: Vec<Instrument>, limit: u32) -> Result<Output, CliError> {
    let until = tokio::time::Instant::now() + SIGNING_IN_MAX;
    loop {
        let reply = line.ask(Request::News { about: about.clone(), limit }).await?;
        let Reply::News(news) = &reply else { return Err(CliError::unexpected("news")) };
        if news.unreached.is_none() || tokio::time::Instant::now() >= until {
            return line.show(&reply);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

pub(super) fn search(args: &SearchArgs, host: &dyn Host) -> Result<Output, CliError> {
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let query = args.query.join(" ");
    let listings = host.lookup().search(&query, limit);
    let output = Output::new(&Named("listings", &listings))?;
    Ok(match language::nearest(&query, host.lookup()).filter(|_| listings.is_empty()) {
        Some(near) => output.line(format!("nothing matches; nearest is {near}")),
        None => output.table(views::listings(&listings)),
    })
}
