//! The risk desk of an account: its positions valued by `quant::desk`, with histories where this engine has them.

use std::collections::BTreeMap;

use jiff::civil::time;
use rust_decimal::Decimal;
use smol_str::SmolStr;

use crate::client::{Reply, SessionError};
use crate::domain::calendar::instant;
use crate::domain::desk::{ExposureRow, RiskDesk, WhatIf};
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::position::Position;
use crate::domain::quote::{Interval, Quote};
use crate::quant::desk::{Holding, beta, replayed, returns, value_at_risk};
use crate::quant::greeks::{Terms, implied_volatility};
use crate::quant::number::to_f64;

use super::task::EngineTask;

/// Daily bars behind betas and the value at risk.
const BARS: usize = 260;
/// What betas are measured against.
const BENCHMARK: &str = "SPY";
/// The yearly rate that options are valued with.
const RATE: f64 = 0.04;
const YEAR_SECONDS: f64 = 365.0 * 86_400.0;
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
    position: Position,
    /// Market value in the account's currency, signed.
    value: Decimal,
    sector: SmolStr,
    holding: Holding,
    returns: Vec<f64>,
}

impl EngineTask {
    /// One account's, or the default one's.
    pub(super) fn risk_desk(&mut self, account: Option<AccountId>) -> Result<Reply, SessionError> {
        let account = account.unwrap_or_else(|| self.core.default_account().clone());
        let figures = self.core.account(&account);
        let figures =
            figures.ok_or_else(|| SessionError::Usage(format!("no account is called '{account}'")))?;
        let (mut measured, mut unmeasured) = (Vec::new(), Vec::new());
        for position in self.core.positions(&account) {
            let name = position.instrument.to_string();
            match self.measured(&account, position) {
                Ok(one) => measured.push(one),
                Err(why) => unmeasured.push(format!("{name}: {why}")),
            }
        }
        let benchmark = Instrument::equity(BENCHMARK).map(|it| self.daily_returns(&it)).unwrap_or_default();
        let mut weighted = None;
        for one in &measured {
            match beta(&one.returns, &benchmark) {
                Some(beta) => weighted = Some(weighted.unwrap_or(0.0) + beta * one.holding.delta_value()),
                None => {
                    unmeasured.push(format!("{}: too little history for a beta", one.position.instrument))
                }
            }
        }
        let with_history: Vec<(Holding, &[f64])> = measured
            .iter()
            .filter(|one| !one.returns.is_empty())
            .map(|one| (one.holding, one.returns.as_slice()))
            .collect();
        let gains = replayed(&with_history);
        let at = |confidence| value_at_risk(&gains, confidence);
        let what_if = MOVES.iter().filter_map(|(name, spot, volatility, days)| {
            let gain = measured.iter().map(|one| one.holding.gain(*spot, *volatility, *days)).sum();
            Some(WhatIf { name: (*name).into(), gain: cents(gain)? })
        });
        Ok(Reply::RiskDesk(Box::new(RiskDesk {
            account,
            currency: figures.currency,
            net_liquidation: figures.net_liquidation,
            by_class: grouped(&measured, |one| one.position.instrument.asset_class().as_str().into()),
            by_sector: grouped(&measured, |one| one.sector.clone()),
            benchmark: BENCHMARK.into(),
            beta_weighted_delta: weighted.and_then(cents),
            days: u32::try_from(gains.len()).unwrap_or(u32::MAX),
            value_at_risk_95: at(0.95).and_then(|it| cents(it.loss)),
            value_at_risk_99: at(0.99).and_then(|it| cents(it.loss)),
            shortfall_95: at(0.95).and_then(|it| cents(it.shortfall)),
            what_if: what_if.collect(),
            unmeasured,
        })))
    }

    fn measured(&mut self, account: &AccountId, position: Position) -> Result<Measured, &'static str> {
        let instrument = position.instrument.clone();
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
                let years = left / YEAR_SECONDS;
                let terms =
                    Terms { right: contract.right, spot, strike, years, rate: RATE, dividend_yield: 0.0 };
                let volatility = implied_volatility(&terms, to_f64(mark.get()));
                Some((terms, volatility.map_err(|_| "its price implies no volatility")?))
            }
        };
        let listings = self.universe.listings();
        let sector = listings.iter().find(|listing| listing.instrument == driver);
        let sector = sector.map(|listing| listing.sector.clone()).unwrap_or_default();
        let returns = self.daily_returns(&driver);
        let value = mark.get() * units;
        Ok(Measured {
            value,
            sector,
            holding: Holding { units: to_f64(units), spot, option },
            returns,
            position,
        })
    }

    /// Daily returns, oldest first; empty where a broker has the bars, whom nobody waits for.
    fn daily_returns(&mut self, instrument: &Instrument) -> Vec<f64> {
        if !self.feed.knows(instrument) || self.feed.is_live(instrument) {
            return Vec::new();
        }
        let bars = self.feed.bars(instrument, Interval::Day1, self.clock.now(), BARS);
        let closes: Vec<f64> = bars.iter().map(|bar| to_f64(bar.close.get())).collect();
        returns(&closes)
    }
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
