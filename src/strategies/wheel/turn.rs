//! One evaluation of one slot: the gates, the steps in their order, and how an order is proposed. The first step that proposes something
//! ends it (strategies §6.3).

use rust_decimal::Decimal;

use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{OptionContract, Right};
use crate::domain::order::{PositionEffect, Side};
use crate::domain::quote::Interval;
use crate::quant::contracts::Screened;
use crate::quant::number::to_f64;
use crate::strategies::options::ladder;
use crate::strategies::options::market::middle;
use crate::strategies::options::positions::{Contracts, Positions};
use crate::strategies::options::slots::Moment;
use crate::strategies::options::turn::{self, PhaseWord};
use crate::strategies::options::{fee, marketable};
use crate::strategies::{Decision, Output, Proposal};

use super::campaign::Memory;
use super::params::WheelParams;
use super::phase::Phase;
use super::{SHARES, Wheel};

/// One slot at one instant.
pub(super) type Turn<'a> = turn::Turn<'a, WheelParams, Memory, Phase>;

impl<'a> Turn<'a> {
    pub(super) fn new(
        wheel: &'a mut Wheel,
        at: usize,
        Moment { now, hours, books, chain }: Moment<'a>,
        out: &'a mut Vec<Output>,
    ) -> Self {
        let slot = &mut wheel.slots[at];
        let positions = Positions::of(books, &slot.symbol);
        let frozen =
            slot.memory.kept.frozen || slot.memory.kept.unexplained || turn::is_unfit(books, &positions);
        let awaits = slot.memory.kept.awaits_shares();
        let phase = Phase::of(&positions, frozen, hours.today, awaits);
        Self {
            name: &wheel.head.name,
            now,
            hours,
            params: &wheel.params,
            books,
            chain,
            positions,
            memory: &mut slot.memory,
            phase,
            out,
        }
    }

    /// All steps in their order.
    pub(super) fn run(&mut self) {
        let Some(spot) = self.gates() else { return };
        let _proposed = self.protect(spot)
            || self.manage(Right::Call, spot)
            || self.manage(Right::Put, spot)
            || self.may_open() && (self.write_calls(spot) || self.write_puts(spot));
    }

    /// May anything be done at all; the price of the shares then.
    fn gates(&mut self) -> Option<Price> {
        let price = self.spot_or_say()?;
        let share = Instrument::clone(&self.positions.share);
        let level = self.books.standing().options_level;
        let has_options = !self.positions.short.is_empty() || !self.positions.long.is_empty();
        if level < 1 && !has_options {
            self.skip("OPTIONS_LEVEL", Some(share), vec![("level", level.into()), ("need", 1.0)]);
            return None;
        }
        Some(price)
    }

    /// May something new be opened; says why not.
    fn may_open(&mut self) -> bool {
        let standing = self.books.standing();
        let share = Some(self.positions.share.clone());
        let today = self.hours.today;
        if self.phase == Phase::Frozen {
            let code = if self.positions.has_adjusted() { "ADJUSTED_CONTRACT" } else { "FROZEN" };
            self.skip(code, share, Vec::new());
        } else if self.phase == Phase::Settling || !self.positions.working.is_empty() {
            return false;
        } else if standing.options_level < 1 {
            self.skip("OPTIONS_LEVEL", share, vec![("level", standing.options_level.into()), ("need", 1.0)]);
        } else if standing.closing_only {
            self.skip("RESTRICTED", share, Vec::new());
        } else if self.memory.kept.is_in_hand(today) {
            self.skip("BY_HAND", share, Vec::new());
        } else if let Some(until) = self.memory.cooldown_until.filter(|until| today < *until) {
            let days = crate::quant::contracts::days_to_expiry(until, today);
            self.skip("COOLDOWN", share, vec![("days_left", days.into())]);
        } else if let Some((loss, most)) = self.lost_too_much() {
            self.skip("MAX_LOSS", share, vec![("loss", loss), ("max", most)]);
        } else {
            return self.hours.may_open;
        }
        false
    }

    /// The campaign's loss at the marks, and what it may be, where it is more.
    fn lost_too_much(&self) -> Option<(f64, f64)> {
        let percent = self.params.optional("max_loss_pct")?;
        let most = self.params.slot_capital(self.books) * percent / Decimal::ONE_HUNDRED;
        let spot = self.chain.spot.map_or(Decimal::ZERO, Price::get);
        let open: Decimal = self
            .positions
            .short
            .iter()
            .filter_map(|held| {
                let mid = self.mid_of(&held.contract)?;
                Some(mid.get() * SHARES * Decimal::from(held.count))
            })
            .sum();
        let pnl = self.memory.campaign.cash_result() + self.positions.shares * spot - open;
        (-pnl > most).then(|| (to_f64(-pnl), to_f64(most)))
    }

    /// The middle of a contract's market. Never its last price.
    pub(super) fn mid_of(&self, contract: &OptionContract) -> Option<Price> {
        self.market(contract).map(middle)
    }

    /// Contracts of a position that no working order closes yet.
    pub(super) fn free(&self, held: &Contracts) -> i64 {
        (held.count - self.positions.closing(&held.contract)).max(0)
    }

    /// Is anything of this contract at work.
    pub(super) fn is_worked(&self, contract: &OptionContract) -> bool {
        self.positions.working.iter().any(|order| {
            order.subject.instruments().any(|instrument| instrument.as_option() == Some(contract))
        })
    }

    /// Buys contracts back: patiently from the middle, or at once. `worst` is the highest debit it is worth.
    pub(super) fn close(
        &mut self,
        contract: &OptionContract,
        count: i64,
        urgent: bool,
        worst: Option<Price>,
        decision: Decision,
    ) -> bool {
        let Some((bid, ask)) = self.market_or_say(contract) else { return false };
        let instrument = Instrument::Option(contract.clone());
        let tick = self.tick(&instrument, ask);
        let mid = Price::new((bid.get() + ask.get()) / Decimal::TWO);
        let limit = if urgent {
            marketable(self.books, &instrument, ask).ceil_to_tick(tick)
        } else {
            let most = worst.unwrap_or(ask);
            ladder::first(true, mid.min(most), tick).max(Price::new(tick))
        };
        let order =
            Proposal::option(instrument, Side::Buy, PositionEffect::Close, Quantity::from(count), limit);
        self.propose(order, worst, decision)
    }

    /// Sells contracts, from the middle of their market.
    pub(super) fn sell_to_open(
        &mut self,
        contract: &OptionContract,
        count: i64,
        mid: Price,
        least: Price,
        decision: Decision,
    ) -> bool {
        let instrument = Instrument::Option(contract.clone());
        let tick = self.tick(&instrument, mid);
        let limit = ladder::first(false, mid, tick);
        let order =
            Proposal::option(instrument, Side::Sell, PositionEffect::Open, Quantity::from(count), limit);
        self.propose(order, Some(least), decision)
    }

    /// The price step, wide where a broker has said so.
    pub(super) fn tick(&self, instrument: &Instrument, price: Price) -> Decimal {
        self.memory.kept.limits.tick(self.books, instrument, price)
    }

    /// What buying and selling one contract costs.
    pub(super) fn round_trip(&self) -> Decimal {
        Decimal::TWO * fee(self.books, Price::from(1))
    }

    /// Was today's move what a side is written on; `None` where nobody knows it.
    pub(super) fn moved(&self, when: &str, spot: Price) -> Option<bool> {
        // Any day is one, whether or not somebody knows the close before.
        if when == "any" {
            return Some(true);
        }
        let close = self.books.quote(&self.positions.share)?.previous_close?;
        let day = spot - close;
        match when {
            "red_day" => Some(day.is_negative()),
            "green_day" => Some(day.is_positive()),
            "move_sigma" => {
                let bars = self.books.bars(&self.positions.share, Interval::Day1);
                let closes: Vec<f64> = bars.iter().map(|bar| to_f64(bar.close.get())).collect();
                let sigma = daily_deviation(&closes)?;
                let k = to_f64(self.params.number("move_sigma"));
                Some(to_f64(day.get().abs()) >= k * sigma.exp_m1() * to_f64(close.get()))
            }
            _ => None,
        }
    }

    /// Says why a chain had nothing to sell: by the contract that came furthest, with all counts.
    pub(super) fn skip_screened(&mut self, screened: &Screened) {
        let decision = match &screened.near_miss {
            Some(miss) => Decision::skip(
                miss.rejection.code(),
                Some(Instrument::Option(miss.contract.clone())),
                miss.values.clone(),
            ),
            None => Decision::skip("NO_CONTRACT", Some(self.positions.share.clone()), Vec::new()),
        };
        let rejected = screened.counts();
        self.out.push(Output::Decision(Decision { phase: self.phase.word(), rejected, ..decision }));
    }
}

/// Deviation of the daily log returns; `None` with fewer than thirty.
fn daily_deviation(closes: &[f64]) -> Option<f64> {
    let returns: Vec<f64> = closes.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect();
    if returns.len() + 1 < super::BARS {
        return None;
    }
    let count = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let squares: f64 = returns.iter().map(|value| (value - mean).powi(2)).sum();
    let sigma = (squares / (count - 1.0)).sqrt();
    sigma.is_finite().then_some(sigma)
}
