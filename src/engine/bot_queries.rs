//! What bots want to know: their orders, positions and money, prices, bars, chains and indicators. What a broker must be asked for is answered
//! once it has answered; the engine waits for none of it.

use std::time::Duration;

use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::bots::protocol::{self, BotQuery, CHAIN_DAYS, Over, RpcError};
use crate::bots::{BotLine, ToBot};
use crate::brokers::{BrokerError, Market};
use crate::core::engine::Engine;
use crate::domain::calendar::{exchange_date, plus_days};
use crate::domain::ids::AccountId;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::quote::Interval;
use crate::domain::text::clean;
use crate::market::bar_builder::ended;

use super::hosting::chain_between;
use super::task::EngineTask;

/// What a broker's failure is to a bot.
fn failed(error: &BrokerError) -> RpcError {
    let text = clean(&error.to_string()).into_owned();
    match error {
        BrokerError::Busy { wait, .. } => RpcError::rate(text, millis(*wait)),
        BrokerError::RateLimited { retry_after, .. } => RpcError::rate(text, millis(*retry_after)),
        _ => RpcError::new(-32_008, text),
    }
}

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

/// Working orders of a bot's strategy.
pub(super) fn orders(core: &Engine, strategy: &SmolStr) -> Vec<Value> {
    core.orders_of_strategy(strategy).map(protocol::order).collect()
}

/// What a bot's strategy owns.
pub(super) fn positions(core: &Engine, strategy: &SmolStr) -> Vec<Value> {
    let views = core.strategies();
    let claims = views.into_iter().filter(|view| view.spec.name == *strategy).flat_map(|view| view.claims);
    claims
        .map(|claim| {
            json!({"instrument": claim.instrument.key(), "quantity": claim.quantity.to_string(),
                "average_price": claim.average_price.to_string()})
        })
        .collect()
}

/// Money of the account that a bot trades on, without its name.
pub(super) fn account(core: &Engine, account: &AccountId) -> Result<Value, RpcError> {
    let account = core.account(account).ok_or_else(|| RpcError::new(-32_004, "there is no account"))?;
    Ok(protocol::account(account.net_liquidation, account.cash, account.buying_power))
}

/// What a bot is evaluated over.
pub(super) fn snapshot(
    core: &Engine,
    strategy: &SmolStr,
    of: &AccountId,
    instruments: &[Instrument],
) -> Result<Value, RpcError> {
    let quotes: Vec<Value> =
        instruments.iter().filter_map(|of| core.quote(of)).map(protocol::quote).collect();
    Ok(json!({
        "account": account(core, of)?, "positions": positions(core, strategy),
        "orders": orders(core, strategy), "quotes": quotes,
    }))
}

impl EngineTask {
    /// Something that a bot wants to know.
    pub(super) async fn bot_asks(&mut self, strategy: &SmolStr, ask: u64, query: BotQuery) {
        let Some((task, spec)) = self.bots.tasks.get(strategy) else { return };
        let (line, account) = (task.line().clone(), spec.account.clone());
        let give = |result| line.tell(ToBot::Answer { ask, result });
        match query {
            BotQuery::Orders => give(Ok(json!({"orders": orders(&self.core, strategy)}))),
            BotQuery::Positions => give(Ok(json!({"positions": positions(&self.core, strategy)}))),
            BotQuery::Account => give(self::account(&self.core, &account)),
            BotQuery::Quote(instrument) => {
                let known = self.ensure(&instrument).await;
                give(match self.core.quote(&instrument).filter(|_| known) {
                    Some(quote) => Ok(protocol::quote(quote)),
                    None => Err(RpcError::new(-32_005, format!("nobody has prices of {instrument}"))),
                });
            }
            BotQuery::Snapshot => {
                give(snapshot(&self.core, strategy, &account, &spec.instruments));
            }
            BotQuery::Past { instrument, interval, over, fill_forward } => {
                self.bot_bars(&line, ask, (instrument, interval), (over, fill_forward)).await;
            }
            BotQuery::Chain { underlying, from, until } => {
                let from = from.unwrap_or_else(|| exchange_date(self.clock.now()));
                let until = until.unwrap_or_else(|| plus_days(from, CHAIN_DAYS));
                self.bot_chain(line, ask, underlying, (from, until)).await;
            }
        }
    }

    async fn bot_bars(
        &mut self,
        line: &BotLine,
        ask: u64,
        (instrument, interval): (Instrument, Interval),
        (over, fill_forward): (Over, bool),
    ) {
        if !self.ensure(&instrument).await {
            let error = RpcError::new(-32_005, format!("nobody has bars of {instrument}"));
            return line.tell(ToBot::Answer { ask, result: Err(error) });
        }
        let now = self.clock.now();
        if self.feed.is_live(&instrument)
            && let Some(feed) = self.live.prices.feed_for(&instrument)
        {
            let (line, calendar) = (line.clone(), self.calendar.clone());
            tokio::spawn(async move {
                // The bar of now is not complete, and for a moment after its end the one before is not either.
                let result = match feed.bars(&instrument, interval, now, over.count() + 2).await {
                    Ok(bars) => {
                        let bars = ended(&calendar, (&instrument, interval), bars, now);
                        let newest = &bars[bars.len().saturating_sub(over.count())..];
                        Ok(protocol::past(&over, (&instrument, interval), (newest, fill_forward), &calendar))
                    }
                    Err(error) => Err(failed(&error)),
                };
                line.tell(ToBot::Answer { ask, result });
            });
            return;
        }
        let bars = self.complete_bars(&instrument, interval, over.count());
        let past = protocol::past(&over, (&instrument, interval), (&bars, fill_forward), &self.calendar);
        line.tell(ToBot::Answer { ask, result: Ok(past) });
    }

    async fn bot_chain(
        &mut self,
        line: BotLine,
        ask: u64,
        share: Instrument,
        (from, until): (jiff::civil::Date, jiff::civil::Date),
    ) {
        let none = |share: &Instrument| RpcError::new(-32_005, format!("nobody has a chain of {share}"));
        let known = self.ensure(&share).await;
        let underlying = share.root().clone();
        if let Some(feed) = self.live.prices.feed_of(Market::Class(AssetClass::Option)) {
            tokio::spawn(async move {
                let result = match chain_between(feed.as_ref(), &underlying, from, until).await {
                    Ok(chain) if chain.expiries.is_empty() => Err(none(&share)),
                    Ok(chain) => Ok(protocol::chain(&chain)),
                    Err(error) => Err(failed(&error)),
                };
                line.tell(ToBot::Answer { ask, result });
            });
            return;
        }
        let chain = self.chain_between(&underlying, from, until).filter(|_| known);
        let result = chain.map(|chain| protocol::chain(&chain)).ok_or_else(|| none(&share));
        line.tell(ToBot::Answer { ask, result });
    }
}
