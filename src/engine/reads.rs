//! Reads: quotes, bars, chains, and history from the database on a blocking thread.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;
use rust_decimal::prelude::ToPrimitive;
use tokio::sync::oneshot;

use crate::client::message::{
    Chain, ChainRow, EquityPoint, HistoryQuery, OrderNote, OrderRef, PnlReport, PnlRow, StrategyRequest,
};
use crate::client::{Reply, Request, SessionError};
use crate::domain::calendar::exchange_date;
use crate::domain::instrument::{Instrument, Symbol};
use crate::domain::money::Price;
use crate::domain::option::{OptionContract, Right};
use crate::domain::quote::{Interval, Quote};
use crate::market::chain;
use crate::market::simulated::SimulatedMarket;
use crate::quant::greeks::{StrikePrices, Terms, black_scholes, strike_volatilities};
use crate::store::{HistoryFilter, OrderKey, PnlTotals, Store, StoreError};

use super::feed::Source;
use super::journal::Job;
use super::session::give;
use super::task::EngineTask;

type Answer = oneshot::Sender<Result<Reply, SessionError>>;

/// Bars in one answer at most.
const BARS_MAX: usize = 5_000;
/// Points of an equity curve at most.
const EQUITY_POINTS_MAX: u32 = 2_000;
/// Decisions in one answer at most.
const DECISIONS_MAX: u32 = 5_000;
/// Expiries of a chain that a strategy asks for at most.
pub(super) const EXPIRIES_NEEDED_MAX: usize = 16;
/// Expiries of a chain when none is asked for.
const EXPIRIES_SHOWN: usize = 4;

impl EngineTask {
    pub(super) async fn quotes(&mut self, instruments: &[Instrument]) -> Result<Reply, SessionError> {
        let mut quotes = Vec::with_capacity(instruments.len());
        for instrument in instruments {
            if !self.ensure(instrument).await {
                return Err(SessionError::Usage(format!(
                    "no instrument {instrument} is known here; try: arbion search {}",
                    instrument.root()
                )));
            }
            let quote = self.core.quote(instrument).cloned();
            quotes.push(quote.ok_or_else(|| SessionError::Usage(format!("{instrument} has no quote now")))?);
        }
        Ok(Reply::Quotes(quotes))
    }

    pub(super) fn bars(
        &mut self,
        instrument: &Instrument,
        interval: Interval,
        limit: u32,
    ) -> Result<Reply, SessionError> {
        if !self.feed.knows(instrument) {
            return Err(SessionError::Usage(format!("no instrument {instrument} is known here")));
        }
        let now = self.clock.now();
        Ok(Reply::Bars(self.feed.bars(instrument, interval, now, (limit as usize).min(BARS_MAX))))
    }

    pub(super) async fn chain(
        &mut self,
        underlying: &Symbol,
        expiry: Option<Date>,
        right: Option<Right>,
    ) -> Result<Reply, SessionError> {
        let share = Instrument::Equity { symbol: underlying.clone() };
        if !self.ensure(&share).await {
            return Err(SessionError::Usage(format!("no underlying {underlying} is known here")));
        }
        let Source::Simulated(market) = &self.feed.source else {
            return Err(SessionError::Usage("recorded bars have no option chain".to_owned()));
        };
        let now = self.clock.now();
        let expiries = chain::expiries(&self.calendar, exchange_date(now));
        let shown: Vec<Date> = match expiry {
            Some(day) if expiries.contains(&day) => vec![day],
            Some(day) => {
                let near: Vec<String> = nearest(&expiries, day).iter().map(ToString::to_string).collect();
                return Err(SessionError::Usage(format!(
                    "{underlying} has no expiry on {day}; near it: {}",
                    near.join(", ")
                )));
            }
            None => expiries.iter().copied().take(EXPIRIES_SHOWN).collect(),
        };
        let spot = market.level(&share, now).unwrap_or_default();
        let rows = shown
            .iter()
            .flat_map(|day| expiry_rows(market, underlying, *day, spot, now))
            .filter(|row| right.is_none_or(|wanted| wanted == row.contract.right))
            .collect();
        let spot = self.core.quote(&share).and_then(|quote| quote.last);
        Ok(Reply::Chain(Box::new(Chain { underlying: underlying.clone(), spot, expiries, rows })))
    }

    /// Both sides of every strike of the expiries between two days, where the simulated market has the underlying.
    pub(super) fn chain_between(&self, underlying: &Symbol, from: Date, until: Date) -> Option<Chain> {
        let Source::Simulated(market) = &self.feed.source else { return None };
        let share = Instrument::Equity { symbol: underlying.clone() };
        let now = self.clock.now();
        let spot = market.level(&share, now)?;
        let expiries = chain::expiries(&self.calendar, exchange_date(now));
        let wanted = expiries.iter().copied().filter(|day| (from..=until).contains(day));
        let rows = wanted
            .take(EXPIRIES_NEEDED_MAX)
            .flat_map(|day| expiry_rows(market, underlying, day, spot, now))
            .collect();
        let spot = self.core.quote(&share).and_then(|quote| quote.last);
        Some(Chain { underlying: underlying.clone(), spot, expiries, rows })
    }

    /// History and backups: written first, then read on a thread of its own, so that no order waits meanwhile.
    pub(super) fn read(&mut self, request: Request, reply: Answer) {
        let (done, flushed) = oneshot::channel();
        if self.journal.send(Job::Flush(done)).is_err() {
            return drop(
                reply.send(Err(SessionError::Storage("the journal's queue is full; try again".to_owned()))),
            );
        }
        let (directory, now) = (self.directory.clone(), self.clock.now());
        let account = self.core.account(self.core.default_account());
        let default_account = self.core.default_account().clone();
        tokio::spawn(async move {
            // A journal that has stopped cannot be waited for; what is on disk is still the truth.
            drop(flushed.await);
            let answer = tokio::task::spawn_blocking(move || {
                let store = Store::open_reader(&directory)?;
                match request {
                    Request::OrderHistory(query) => Ok(Reply::Orders(store.orders(&filter(query))?)),
                    Request::Executions(query) => Ok(Reply::Executions(store.executions(&filter(query))?)),
                    Request::Pnl(query) => report(&store, &filter(query), account.as_ref()),
                    Request::Strategy(StrategyRequest::Decisions { name, limit }) => {
                        let limit = limit.min(DECISIONS_MAX);
                        Ok(Reply::Decisions(store.decisions(name.as_deref(), limit)?))
                    }
                    Request::Notes => {
                        let note = |(order, text)| OrderNote { order, text };
                        Ok(Reply::Notes(store.notes()?.into_iter().map(note).collect()))
                    }
                    Request::Equity { account, since, points } => {
                        let account = account.unwrap_or(default_account);
                        let since = since.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
                        let point = |(at, net_liquidation, cash)| EquityPoint { at, net_liquidation, cash };
                        let curve =
                            store.equity_curve(&account, since, points.clamp(1, EQUITY_POINTS_MAX))?;
                        Ok(Reply::Equity(curve.into_iter().map(point).collect()))
                    }
                    Request::Backup { to } => {
                        let path = store.backup(to.as_deref().map(Path::new), now)?;
                        Ok(Reply::Done(path.display().to_string()))
                    }
                    _ => Ok(Reply::Done(String::new())),
                }
            })
            .await;
            let answer = match answer {
                Ok(Err(error @ StoreError::Exists { .. })) => Err(SessionError::Usage(error.to_string())),
                Ok(result) => result.map_err(|error| SessionError::Storage(error.to_string())),
                Err(error) => Err(SessionError::Internal(error.to_string())),
            };
            give(reply, answer);
        });
    }
}

fn nearest(expiries: &[Date], day: Date) -> Vec<Date> {
    let before = expiries.iter().rev().find(|e| **e < day);
    let after = expiries.iter().find(|e| **e > day);
    before.into_iter().chain(after).copied().collect()
}

/// The contracts of an expiry with greeks: both sides of a strike at one volatility, so that what is deep in the money has a delta that
/// stands still.
fn expiry_rows(
    market: &SimulatedMarket,
    underlying: &Symbol,
    expiry: Date,
    spot: f64,
    now: jiff::Timestamp,
) -> Vec<ChainRow> {
    let quoted: Vec<(OptionContract, Quote)> = chain::contracts(underlying, expiry, spot, None)
        .into_iter()
        .filter_map(|contract| {
            let quote = chain::option_quote(market, &contract, now)?;
            Some((contract, quote))
        })
        .collect();
    let terms = Terms {
        right: Right::Call,
        spot,
        strike: spot,
        years: chain::years_until(market.calendar(), expiry, now),
        rate: chain::RATE,
        dividend_yield: 0.0,
    };
    let mut strikes: BTreeMap<Price, StrikePrices> = BTreeMap::new();
    for (contract, quote) in &quoted {
        let Some(strike) = contract.strike.get().to_f64() else { continue };
        let prices = strikes.entry(contract.strike).or_insert(StrikePrices { strike, call: None, put: None });
        let mid = quote.mid().and_then(|mid| mid.get().to_f64());
        match contract.right {
            Right::Call => prices.call = mid,
            Right::Put => prices.put = mid,
        }
    }
    let prices: Vec<StrikePrices> = strikes.values().copied().collect();
    let found = strike_volatilities(&terms, &prices);
    let volatilities: BTreeMap<Price, Option<f64>> = strikes.into_keys().zip(found).collect();
    quoted
        .into_iter()
        .map(|(contract, quote)| {
            let iv = volatilities.get(&contract.strike).copied().flatten();
            let greeks = iv
                .zip(contract.strike.get().to_f64())
                .map(|(iv, strike)| black_scholes(&Terms { right: contract.right, strike, ..terms }, iv));
            ChainRow {
                open_interest: Some(chain::open_interest(market, &contract, spot)),
                iv,
                delta: greeks.map(|g| g.delta),
                gamma: greeks.map(|g| g.gamma),
                theta: greeks.map(|g| g.theta),
                vega: greeks.map(|g| g.vega),
                contract,
                quote,
            }
        })
        .collect()
}

fn filter(query: HistoryQuery) -> HistoryFilter {
    HistoryFilter {
        account: query.account,
        instrument: query.instrument,
        order: query.order.map(|order| match order {
            OrderRef::Number(number) => OrderKey::Number(number),
            OrderRef::ClientOrderId(id) => OrderKey::Id(id),
        }),
        since: query.since,
        until: query.until,
        limit: query.limit,
        offset: query.offset,
    }
}

fn report(
    store: &Store,
    filter: &HistoryFilter,
    account: Option<&crate::domain::account::Account>,
) -> Result<Reply, StoreError> {
    let (days, instruments) = store.pnl(filter)?;
    let row = |totals: &PnlTotals| PnlRow {
        day: None,
        instrument: None,
        realized_pnl: totals.realized_pnl,
        fees: totals.fees,
        executions: totals.executions,
    };
    let by_day: Vec<PnlRow> = days.iter().map(|(day, t)| PnlRow { day: Some(*day), ..row(t) }).collect();
    let by_instrument =
        instruments.iter().map(|(i, t)| PnlRow { instrument: Some(i.clone()), ..row(t) }).collect();
    Ok(Reply::Pnl(Box::new(PnlReport {
        day_pnl: account.map(|a| a.day_pnl).unwrap_or_default(),
        unrealized_pnl: account.map(|a| a.unrealized_pnl).unwrap_or_default(),
        realized_pnl: by_day.iter().map(|r| r.realized_pnl).sum(),
        fees: by_day.iter().map(|r| r.fees).sum(),
        by_day,
        by_instrument,
    })))
}
