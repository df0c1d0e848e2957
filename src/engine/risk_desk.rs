//! The risk desk of an account: its positions valued by `quant::desk`, with the closes of `daily_closes`. What is held and what it costs is
//! read in the engine's step; histories are waited for, and all is worked out, on tasks of their own.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::time;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use smol_str::SmolStr;
use tokio::sync::oneshot;

use crate::client::{Reply, SessionError};
use crate::domain::calendar::{exchange_date, instant};
use crate::domain::desk::{ExposureRow, HistoryRow, HistorySource, RiskDesk, WhatIf};
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::money::Currency;
use crate::domain::position::Position;
use crate::domain::quote::Quote;
use crate::quant::desk::{Holding, RETURNS_MIN, aligned, beta, replayed, value_at_risk};
use crate::quant::greeks::{Terms, USUAL_RATE, implied_volatility, years_of_seconds};
use crate::quant::number::to_f64;

use super::daily_closes::{CLOSES_MIN, Closes, Known};
use super::session::give;
use super::task::EngineTask;

type Answer = oneshot::Sender<Result<Reply, SessionError>>;

/// What betas are measured against.
const BENCHMARK: &str = "SPY";
/// Closes that end longer ago than this are another time's.
const AGE_MAX: SignedDuration = SignedDuration::from_hours(24 * 35);
/// Moves that are shown: spot, volatility, days.
const MOVES: [(&str, f64, f64, f64); 6] = [
    ("spot -10 %", -0.10, 0.0, 0.0),
    ("spot -5 %", -0.05, 0.0, 0.0),
    ("spot +10 %", 0.10, 0.0, 0.0),
    ("volatility +20 %", 0.0, 0.20, 0.0),
    ("spot -10 %, volatility +20 %", -0.10, 0.20, 0.0),
    ("one day", 0.0, 0.0, 1.0),
];

/// A position as it is measured.
struct Measured {
    instrument: Instrument,
    /// What its price follows.
    driver: Instrument,
    /// Market value in the account's currency, signed.
    value: Decimal,
    sector: SmolStr,
    holding: Holding,
}

/// An account's positions at one instant, before anybody knows their past.
struct Held {
    account: AccountId,
    currency: Currency,
    net_liquidation: Decimal,
    now: Timestamp,
    measured: Vec<Measured>,
    /// What could not be measured, and why.
    unmeasured: Vec<String>,
}

impl EngineTask {
    /// One account's, or the default one's. Answered once the histories of what it holds are read.
    pub(super) fn risk_desk(&mut self, account: Option<AccountId>, reply: Answer) {
        let account = account.unwrap_or_else(|| self.core.default_account().clone());
        let Some(figures) = self.core.account(&account) else {
            let there = self.live.connected(&self.paper_account);
            let text = format!("no account is called '{account}'; {there}");
            return give(reply, Err(SessionError::Usage(text)));
        };
        let (mut measured, mut unmeasured) = (Vec::new(), Vec::new());
        for position in self.core.positions(&account) {
            let name = position.instrument.to_string();
            match self.measured(&account, position) {
                Ok(one) => measured.push(one),
                Err(why) => unmeasured.push(format!("{name}: {why}")),
            }
        }
        let mut wanted: BTreeSet<Instrument> = measured.iter().map(|one| one.driver.clone()).collect();
        // Without a position nothing has a beta.
        if !wanted.is_empty() {
            wanted.extend(Instrument::equity(BENCHMARK));
        }
        let held = Held {
            account,
            currency: figures.currency,
            net_liquidation: figures.net_liquidation,
            now: self.clock.now(),
            measured,
            unmeasured,
        };
        let gathering = self.daily_closes(wanted);
        tokio::spawn(async move {
            let known = gathering.finish().await;
            let worked_out = tokio::task::spawn_blocking(move || held.report(&known)).await;
            let worked_out = worked_out.map_err(|error| SessionError::Internal(error.to_string()));
            give(reply, worked_out.map(|desk| Reply::RiskDesk(Box::new(desk))));
        });
    }

    fn measured(&mut self, account: &AccountId, position: Position) -> Result<Measured, &'static str> {
        let instrument = position.instrument;
        let driver = instrument.price_driver();
        let rate =
            self.core.rate(account, &instrument).ok_or("no rate turns it into the account's currency")?;
        let mark = position.mark.ok_or("it has no price")?;
        let spot = self.core.quote(&driver).and_then(Quote::mark).or((driver == instrument).then_some(mark));
        let spot = to_f64(spot.ok_or("its underlying has no price")?.get());
        let units = position.quantity.get() * position.multiplier * rate;
        let option = match instrument.as_option() {
            None => None,
            Some(contract) => {
                let end = instant(contract.expiry, time(16, 0, 0, 0));
                let left = end.duration_since(self.clock.now()).as_secs_f64();
                let strike = to_f64(contract.strike.get());
                let years = years_of_seconds(left);
                let (right, rate) = (contract.right, USUAL_RATE);
                let terms = Terms { right, spot, strike, years, rate, dividend_yield: 0.0 };
                let volatility = implied_volatility(&terms, to_f64(mark.get()));
                Some((terms, volatility.map_err(|_| "its price implies no volatility")?))
            }
        };
        let listings = self.universe.listings();
        let sector = listings.iter().find(|listing| listing.instrument == driver);
        let sector = sector.map(|listing| listing.sector.clone()).unwrap_or_default();
        let value = mark.get() * units;
        let holding = Holding { units: to_f64(units), spot, option };
        Ok(Measured { instrument, driver, value, sector, holding })
    }
}

impl Held {
    /// The report, with the closes of each underlying and of the benchmark.
    fn report(mut self, known: &BTreeMap<Instrument, Known>) -> RiskDesk {
        let drivers: BTreeSet<&Instrument> = self.measured.iter().map(|one| &one.driver).collect();
        let drivers: Vec<Instrument> = drivers.into_iter().cloned().collect();
        let mut left_out = Vec::new();
        let mut usable: BTreeMap<&Instrument, &Closes> = BTreeMap::new();
        let mut history = Vec::new();
        let benchmark = self.benchmark(known, &mut left_out);
        for driver in &drivers {
            let closes = match known.get(driver) {
                Some(Ok(closes)) => closes,
                Some(Err(why)) => {
                    left_out.push(format!(
                        "{driver}: no daily closes ({why}); betas and value at risk leave it out"
                    ));
                    continue;
                }
                None => continue,
            };
            let mut row = HistoryRow {
                name: driver.to_string().into(),
                source: closes.source,
                file: closes.file.clone(),
                days: u32::try_from(closes.days.len()).unwrap_or(u32::MAX),
                until: closes.days.last().map(|(day, _)| *day),
                beta: None,
            };
            match usable_since(closes, self.now) {
                Ok(()) => {
                    usable.insert(driver, closes);
                    row.beta = benchmark.and_then(|benchmark| {
                        let beta = beta_of(closes, benchmark);
                        beta.map_err(|why| left_out.push(format!("{driver}: {why}: no beta"))).ok()
                    });
                }
                Err(why) => left_out.push(format!("{driver}: {why}; betas and value at risk leave it out")),
            }
            history.push(row);
        }
        let weighted = self.weighted(&history);
        let gains = self.days_again(&usable, &mut left_out);
        let at = |confidence| value_at_risk(&gains, confidence);
        let what_if = MOVES.iter().filter_map(|(name, spot, volatility, days)| {
            let gain = self.measured.iter().map(|one| one.holding.gain(*spot, *volatility, *days)).sum();
            Some(WhatIf { name: (*name).into(), gain: cents(gain)? })
        });
        let what_if = what_if.collect();
        self.unmeasured.extend(left_out);
        RiskDesk {
            as_of: self.now,
            net_liquidation: self.net_liquidation,
            by_class: grouped(&self.measured, |one| one.instrument.asset_class().as_str().into()),
            by_sector: grouped(&self.measured, |one| one.sector.clone()),
            benchmark: BENCHMARK.into(),
            beta_weighted_delta: weighted.and_then(cents),
            days: u32::try_from(gains.len()).unwrap_or(u32::MAX),
            value_at_risk_95: at(0.95).and_then(|it| cents(it.loss)),
            value_at_risk_99: at(0.99).and_then(|it| cents(it.loss)),
            shortfall_95: at(0.95).and_then(|it| cents(it.shortfall)),
            what_if,
            history,
            unmeasured: self.unmeasured,
            account: self.account,
            currency: self.currency,
        }
    }

    /// The benchmark's closes; where they cannot be used that is said once, not for each position.
    fn benchmark<'a>(
        &self,
        known: &'a BTreeMap<Instrument, Known>,
        left_out: &mut Vec<String>,
    ) -> Option<&'a Closes> {
        let known = known.get(&Instrument::equity(BENCHMARK).ok()?)?;
        let usable = known.as_ref().map_err(|why| format!("no daily closes ({why})"));
        let usable = usable.and_then(|closes| usable_since(closes, self.now).map(|()| closes.as_ref()));
        usable
            .map_err(|why| left_out.push(format!("{BENCHMARK}, the benchmark: {why}; nothing has a beta")))
            .ok()
    }

    /// Money that moves as the benchmark does; absent where nothing has a beta.
    fn weighted(&self, history: &[HistoryRow]) -> Option<f64> {
        let betas: BTreeMap<&str, f64> =
            history.iter().filter_map(|row| Some((row.name.as_str(), to_f64(row.beta?)))).collect();
        let weighed = self.measured.iter().filter_map(|one| {
            let beta = betas.get(one.driver.to_string().as_str())?;
            Some(beta * one.holding.delta_value())
        });
        weighed.fold(None, |sum, one| Some(sum.unwrap_or(0.0) + one))
    }

    /// What it all would have gained on each day of the past that all of it has.
    fn days_again(&self, usable: &BTreeMap<&Instrument, &Closes>, left_out: &mut Vec<String>) -> Vec<f64> {
        let series: Vec<&[_]> = usable.values().map(|closes| closes.days.as_slice()).collect();
        let returns: BTreeMap<&Instrument, Vec<f64>> = usable.keys().copied().zip(aligned(&series)).collect();
        let holdings: Vec<(Holding, &[f64])> = self
            .measured
            .iter()
            .filter_map(|one| Some((one.holding, returns.get(&one.driver)?.as_slice())))
            .collect();
        let gains = replayed(&holdings);
        if !holdings.is_empty() && gains.len() < RETURNS_MIN {
            left_out
                .push(format!("value at risk: the histories have {} days in common, too few", gains.len()));
        }
        gains
    }
}

/// Can figures of now be worked out from closes.
fn usable_since(closes: &Closes, now: Timestamp) -> Result<(), String> {
    let Some((newest, _)) = closes.days.last() else { return Err("no daily closes".to_owned()) };
    let oldest = now.checked_sub(AGE_MAX).map(exchange_date);
    if oldest.is_ok_and(|oldest| *newest < oldest) {
        return Err(format!("its daily closes end on {newest}"));
    }
    if closes.days.len() < CLOSES_MIN {
        return Err(format!("{} daily closes are too few", closes.days.len()));
    }
    Ok(())
}

/// How much of the benchmark's moves a thing makes, to the fourth digit.
fn beta_of(closes: &Closes, benchmark: &Closes) -> Result<Decimal, String> {
    let simulated = |closes: &Closes| closes.source == HistorySource::Simulated;
    if simulated(closes) != simulated(benchmark) {
        // What was made up moves with nothing that is real.
        let words = |closes: &Closes| if simulated(closes) { "simulated" } else { "real" };
        return Err(format!("its closes are {}, those of {BENCHMARK} {}", words(closes), words(benchmark)));
    }
    let returns = aligned(&[&closes.days, &benchmark.days]);
    let found = match returns.as_slice() {
        [of, benchmark] => beta(of, benchmark),
        _ => None,
    };
    let found = found.and_then(Decimal::from_f64_retain).map(|beta| beta.round_dp(4));
    found.ok_or_else(|| format!("too few days in common with {BENCHMARK}"))
}

fn cents(value: f64) -> Option<Decimal> {
    Decimal::from_f64_retain(value).map(|value| value.round_dp(2))
}

/// Sums by a name, the largest first.
fn grouped(measured: &[Measured], name: impl Fn(&Measured) -> SmolStr) -> Vec<ExposureRow> {
    let mut rows: BTreeMap<SmolStr, ExposureRow> = BTreeMap::new();
    for one in measured {
        let name = name(one);
        let zero = Decimal::ZERO;
        let row =
            rows.entry(name.clone()).or_insert(ExposureRow { name, long: zero, short: zero, delta: zero });
        if one.value.is_sign_negative() {
            row.short -= one.value;
        } else {
            row.long += one.value;
        }
        row.delta += cents(one.holding.delta_value()).unwrap_or_default();
    }
    let mut rows: Vec<ExposureRow> = rows.into_values().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.long + row.short));
    rows
}

#[cfg(test)]
mod tests;
