//! What keeps a strategy from opening after it has lost (reliability 4.4): each guard makes a lock with a reason and an end.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::instrument::Instrument;
use crate::domain::money::decimal_text;
use crate::domain::strategy::{Lock, StopScope, StrategyRules};

/// Closed trades kept in mind; the longest guard looks at fifty.
const TRADES_MAX: usize = 200;
/// Locks at a time.
const LOCKS_MAX: usize = 100;
/// How far back stop-outs count, and how long an instrument without profit stays closed.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Orders of one minute are counted over this.
const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// A closed trade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Trade {
    instrument: Instrument,
    #[serde(with = "decimal_text")]
    pnl: Decimal,
    at: Timestamp,
    /// A stop closed it.
    stopped: bool,
}

/// A strategy's guards: what they have seen, and what they hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::core) struct Guards {
    #[serde(default)]
    trades: VecDeque<Trade>,
    #[serde(default)]
    locks: Vec<Lock>,
    /// When orders were proposed within the last minute.
    #[serde(skip)]
    proposed: VecDeque<Timestamp>,
}

impl Guards {
    /// Losing trades in a row, up to now.
    pub(in crate::core) fn streak(&self) -> usize {
        self.trades.iter().rev().take_while(|trade| trade.pnl < Decimal::ZERO).count()
    }

    /// Losing stop-outs within a day, of one instrument or of all.
    pub(in crate::core) fn stop_outs(&self, now: Timestamp, only: Option<&Instrument>) -> usize {
        let counts = |trade: &&Trade| {
            trade.stopped
                && trade.pnl < Decimal::ZERO
                && now.duration_since(trade.at) < DAY
                && only.is_none_or(|only| trade.instrument == *only)
        };
        self.trades.iter().filter(counts).count()
    }

    /// The same of the instrument that has most.
    pub(in crate::core) fn most_stop_outs(&self, now: Timestamp) -> usize {
        self.trades.iter().map(|trade| self.stop_outs(now, Some(&trade.instrument))).max().unwrap_or(0)
    }

    /// Every lock, those that have ended among them.
    pub(in crate::core) fn held(&self) -> &[Lock] {
        &self.locks
    }

    /// Locks in force.
    pub(in crate::core) fn locks(&self, now: Timestamp) -> Vec<Lock> {
        self.locks.iter().filter(|lock| lock.until > now).cloned().collect()
    }

    /// What keeps an instrument from being opened.
    pub(in crate::core) fn held_by(&self, now: Timestamp, instrument: &Instrument) -> Option<&Lock> {
        let concerns = |lock: &&Lock| lock.instrument.as_ref().is_none_or(|only| only == instrument);
        self.locks.iter().filter(concerns).find(|lock| lock.until > now)
    }

    /// Instruments have other names now.
    pub(in crate::core) fn rename(&mut self, new: &dyn Fn(&Instrument) -> Option<Instrument>) {
        let locked = self.locks.iter_mut().filter_map(|lock| lock.instrument.as_mut());
        for instrument in self.trades.iter_mut().map(|trade| &mut trade.instrument).chain(locked) {
            if let Some(new) = new(instrument) {
                *instrument = new;
            }
        }
    }

    /// A person lifts them. What was lost before counts no more.
    pub(in crate::core) fn lift(&mut self) -> usize {
        self.trades.clear();
        let lifted = self.locks.len();
        self.locks.clear();
        lifted
    }

    /// Counts one order. False where it would be one too many of this minute: it is not counted then.
    pub(in crate::core) fn count(&mut self, now: Timestamp, most: u32) -> bool {
        while self.proposed.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            self.proposed.pop_front();
        }
        if self.proposed.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
            return false;
        }
        self.proposed.push_back(now);
        true
    }

    /// A trade has been closed. Returns what is locked by it, for the log.
    pub(in crate::core) fn closed(
        &mut self,
        rules: &StrategyRules,
        now: Timestamp,
        instrument: &Instrument,
        pnl: Decimal,
        stopped: bool,
    ) -> Vec<Lock> {
        if self.trades.len() >= TRADES_MAX {
            self.trades.pop_front();
        }
        self.trades.push_back(Trade { instrument: instrument.clone(), pnl, at: now, stopped });
        let minutes = |minutes: u32| SignedDuration::from_mins(i64::from(minutes));
        let mut made = Vec::new();
        let mut lock = |only: Option<&Instrument>, lasts: SignedDuration, reason: String| {
            made.push(Lock { instrument: only.cloned(), until: now + lasts, reason });
        };
        if rules.cooldown_minutes > 0 {
            let reason = format!("cooldown: an exit {} min ago at most", rules.cooldown_minutes);
            lock(Some(instrument), minutes(rules.cooldown_minutes), reason);
        }
        let streak = self.streak();
        if is_reached(streak, rules.loss_streak) && pnl < Decimal::ZERO {
            lock(None, minutes(rules.pause_minutes), format!("loss_streak: {streak} losing trades in a row"));
        }
        let only = (rules.stop_scope == StopScope::Instrument).then_some(instrument);
        let stop_outs = if stopped { self.stop_outs(now, only) } else { 0 };
        if is_reached(stop_outs, rules.stop_outs) && stopped {
            let reason = format!("stop_guard: {stop_outs} losing stop-outs in 24 h");
            lock(only, minutes(rules.pause_minutes), reason);
        }
        let most = usize::try_from(rules.low_profit_trades).unwrap_or_default();
        let of_it: Vec<Decimal> = self
            .trades
            .iter()
            .rev()
            .filter(|trade| trade.instrument == *instrument)
            .take(most)
            .map(|trade| trade.pnl)
            .collect();
        let sum: Decimal = of_it.iter().sum();
        if most > 0 && of_it.len() == most && sum < Decimal::ZERO {
            lock(Some(instrument), DAY, format!("low_profit: {most} trades made {}", sum.normalize()));
        }
        self.locks.retain(|held| held.until > now);
        self.locks.extend(made.iter().cloned());
        let excess = self.locks.len().saturating_sub(LOCKS_MAX);
        self.locks.drain(..excess);
        made
    }
}

fn is_reached(count: usize, at: u32) -> bool {
    at > 0 && count >= usize::try_from(at).unwrap_or(usize::MAX)
}
