//! The kill switch's own trips (reliability H6): loss, contradictions, refusals, haste, a clock that jumps. A run on bars has none but the
//! loss: its time is not the world's.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::domain::ids::AccountId;
use crate::domain::limits::TradingState;

use super::{Books, Engine};

/// Contradicted executions and overfills in an hour that trip it.
const CONTRADICTIONS: usize = 3;
const CONTRADICTIONS_WITHIN: SignedDuration = SignedDuration::from_hours(1);
/// Refusals by brokers in a minute above which it trips.
const REJECTS_MAX: usize = 20;
const REJECTS_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// Times the rate limit at which it trips.
const HASTE: u32 = 3;
/// How long after a start prices of what is held are waited for.
const UNMARKED: SignedDuration = SignedDuration::from_secs(300);
/// A jump of the clock from which it trips while orders work.
const CLOCK_STEP: SignedDuration = SignedDuration::from_secs(5);
/// A jump back from which quotes of before are not believed; less is the clock being set right.
const CLOCK_NOISE: SignedDuration = SignedDuration::from_secs(1);

/// When things happened, the newest last; what is older than it asks about is forgotten.
#[derive(Clone, Debug, Default)]
struct Times(VecDeque<Timestamp>);

impl Times {
    /// Adds one, and says how many there are within the window.
    fn add(&mut self, now: Timestamp, window: SignedDuration) -> usize {
        self.0.push_back(now);
        while self.0.front().is_some_and(|at| now.duration_since(*at) >= window) {
            self.0.pop_front();
        }
        self.0.len()
    }

    fn within(&self, now: Timestamp, window: SignedDuration) -> usize {
        self.0.iter().rev().take_while(|at| now.duration_since(**at) < window).count()
    }
}

/// What the trips have seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Trips {
    contradictions: Times,
    rejects: Times,
    /// Orders asked for in the last minute, let out or not; no more are kept than trip.
    asked: BTreeMap<AccountId, Times>,
    /// The newest time before the clock last jumped back.
    pub(super) clock_back_at: Option<Timestamp>,
}

impl Engine {
    pub(super) fn trip(&mut self, reason: &str) {
        if self.trading_state != TradingState::Halted && !self.config.bar_mode {
            self.halt(false, reason);
        }
    }

    /// Trips at the daily loss limit.
    pub(super) fn trip_on_daily_loss(&mut self) {
        if self.trading_state == TradingState::Halted {
            return;
        }
        let tripped =
            self.accounts.values().filter(|books| !self.is_valued_blindly(books)).find_map(|books| {
                let account = books.portfolio.account(self.now);
                let start = account.day_start_equity;
                let limit = books.setup.limits.daily_loss_halt_percent;
                (start > Decimal::ZERO && account.day_pnl * Decimal::ONE_HUNDRED <= -(start * limit)).then(
                    || {
                        format!(
                            "{} lost {} today, {limit} % or more of {start}",
                            account.account, -account.day_pnl
                        )
                    },
                )
            });
        if let Some(reason) = tripped {
            self.halt(false, &reason);
        }
    }

    /// Just after a start, or while its broker is down, what is held stands at its cost until a price comes, where no record says what it was
    /// last valued at: measured by the equity of before, that would be a loss which nobody had. What never has a price stood at its cost then
    /// too. Nothing is opened meanwhile (`core::risk`), as nobody knows the loss.
    pub(super) fn is_valued_blindly(&self, books: &Books) -> bool {
        let just_started = self.now.duration_since(self.restored_at) < UNMARKED;
        !books.has_record && (just_started || !books.broker_up) && !books.portfolio.is_marked()
    }

    /// An execution contradicts one that is known, or fills more than was asked.
    pub(super) fn saw_contradiction(&mut self) {
        if self.trips.contradictions.add(self.now, CONTRADICTIONS_WITHIN) >= CONTRADICTIONS {
            // Whoever lifts the switch begins anew.
            self.trips.contradictions = Times::default();
            self.trip("3 contradicted executions or overfills within an hour");
        }
    }

    /// A broker refused an order.
    pub(super) fn saw_reject(&mut self) {
        if self.trips.rejects.add(self.now, REJECTS_WITHIN) > REJECTS_MAX {
            self.trips.rejects = Times::default();
            self.trip("more than 20 orders refused within a minute");
        }
    }

    /// Somebody asks for an order, whatever becomes of it. Called before it is checked, so that the one too many is not let out.
    pub(super) fn saw_request(&mut self, account: &AccountId) {
        let Some(books) = self.accounts.get(account) else { return };
        let limits = &books.setup.limits;
        let per_second = limits.orders_per_second_max.saturating_mul(HASTE);
        let per_minute = limits.orders_per_minute_max.saturating_mul(HASTE);
        if self.config.bar_mode || per_minute == u32::MAX {
            return;
        }
        if !self.trips.asked.contains_key(account) {
            self.trips.asked.insert(account.clone(), Times::default());
        }
        let Some(asked) = self.trips.asked.get_mut(account) else { return };
        let (second, minute) = (SignedDuration::from_secs(1), SignedDuration::from_secs(60));
        let in_minute = asked.add(self.now, minute);
        let in_second = asked.within(self.now, second);
        let more = |count: usize, most: u32| count > usize::try_from(most).unwrap_or(usize::MAX);
        if more(in_minute, per_minute) || more(in_second, per_second) {
            *asked = Times::default();
            let rate = if more(in_second, per_second) { "a second" } else { "a minute" };
            self.trip(&format!("orders of {account} are asked for at three times the limit {rate}"));
        }
    }

    /// The clock was set forward by so much, against one that nobody sets. Quotes of before are as old as it says now.
    pub(super) fn saw_clock_step(&mut self, by: SignedDuration) {
        if by <= CLOCK_NOISE || self.config.bar_mode {
            return;
        }
        let text = format!("the clock went forward {} s at once", by.as_secs());
        self.note(crate::domain::snapshot::Severity::Warning, "CLOCK_FORWARD", text);
        if by > CLOCK_STEP && self.book.working().next().is_some() {
            self.trip(&format!("the clock went forward {} s while orders work", by.as_secs()));
        }
    }

    /// Notes what time a step begins at, before it is clamped.
    pub(super) fn saw_clock(&mut self, now: Timestamp) {
        // Every quote comes by here.
        if now >= self.now {
            return;
        }
        let back = self.now.duration_since(now);
        if back <= CLOCK_NOISE || self.config.bar_mode || self.trips.clock_back_at == Some(self.now) {
            return;
        }
        self.trips.clock_back_at = Some(self.now);
        let text = format!("the clock went back {} s; prices of before are not believed", back.as_secs());
        self.note(crate::domain::snapshot::Severity::Warning, "CLOCK_BACK", text);
        if back > CLOCK_STEP && self.book.working().next().is_some() {
            self.trip(&format!("the clock went back {} s while orders work", back.as_secs()));
        }
    }
}
