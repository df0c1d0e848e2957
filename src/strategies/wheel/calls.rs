//! Managing what is written, and writing covered calls on free shares.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::calendar::plus_days;
use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::option::Right;
use crate::quant::contracts::{Candidate, Rejection, Screen, by_delta, days_to_expiry, screen};
use crate::quant::number::to_f64;
use crate::strategies::options::dates::{Report, report_until};
use crate::strategies::options::positions::Contracts;
use crate::strategies::options::turn::PhaseWord;
use crate::strategies::{Decision, Output, sizing};

use super::SHARES;
use super::phase::Phase;
use super::turn::Turn;

/// What has earned so much of its credit is bought back at any time.
const NEARLY_ALL: Decimal = Decimal::from_parts(90, 0, 0, false, 2);

impl Turn<'_> {
    /// Takes profits and rolls what is written on a side.
    pub(super) fn manage(&mut self, right: Right, spot: Price) -> bool {
        let held: Vec<Contracts> =
            self.positions.short.iter().filter(|held| held.contract.right == right).cloned().collect();
        for held in &held {
            let settling = held.contract.expiry < self.hours.today;
            if settling || self.free(held) == 0 || self.is_worked(&held.contract) {
                continue;
            }
            if self.take_profit(held) || self.roll_due(held, spot) {
                return true;
            }
        }
        false
    }

    fn take_profit(&mut self, held: &Contracts) -> bool {
        let Some(mid) = self.mid_of(&held.contract).filter(|_| held.price.is_positive()) else {
            return false;
        };
        let profit = (held.price - mid).get() / held.price.get();
        let wanted = self.params.number("take_profit").min(NEARLY_ALL);
        if profit < wanted {
            return false;
        }
        let most = held.price * (Decimal::ONE - wanted);
        let values = vec![
            ("credit", to_f64(held.price.get())),
            ("mid", to_f64(mid.get())),
            ("profit_pct", to_f64(profit) * 100.0),
            ("target_pct", to_f64(wanted) * 100.0),
        ];
        let instrument = Instrument::Option(held.contract.clone());
        let decision = Decision::new("WHEEL_TAKE_PROFIT", Some(instrument), values);
        let count = self.free(held);
        self.close(&held.contract, count, false, Some(most), decision)
    }

    /// Is it near its end and on the side that is rolled; if so it is, or it is said why not.
    fn roll_due(&mut self, held: &Contracts, spot: Price) -> bool {
        let contract = &held.contract;
        let dte = days_to_expiry(contract.expiry, self.hours.today);
        if self.phase == Phase::Frozen || dte > self.params.days("roll_dte") || !self.hours.may_open {
            return false;
        }
        let inside = contract.intrinsic(spot).is_positive();
        let wanted = match contract.right {
            Right::Put => !inside || self.params.flag("roll_put_itm"),
            Right::Call => inside && self.params.flag("roll_call_itm"),
        };
        wanted && self.roll(held, None, "WHEEL_ROLL")
    }

    /// Sells covered calls on the lots that are free.
    pub(super) fn write_calls(&mut self, spot: Price) -> bool {
        let lots = (Decimal::from(self.positions.lots()) * self.params.number("call_coverage")).floor();
        let open = self.positions.short_count(Right::Call) + self.positions.opening(Right::Call);
        let free = lots.to_i64().unwrap_or_default() - open;
        let count = free.min(self.left_today());
        if count <= 0 {
            return false;
        }
        if !self.is_day_for("write_call_when", spot) {
            return false;
        }
        let floor = self.call_floor();
        let least = if self.params.flag("allow_itm") { floor } else { floor.max(Some(spot)) };
        let wanted = Screen { strike_min: least, ..self.screen(Right::Call) };
        let mut screened = screen(self.chain, &wanted, self.hours.today, self.now);
        self.drop_reports(&mut screened);
        let Some(best) = self.best(&screened.candidates) else {
            let miss = screened.near_miss.as_ref().map(|miss| miss.rejection);
            self.mark_underwater(miss);
            self.skip_screened(&screened);
            return false;
        };
        (self.memory.underwater_since, self.memory.underwater_said) = (None, false);
        let room = self.books.room(&Instrument::Option(best.contract.clone()));
        let count = count.min(sizing::allowed(&room, best.mid().get() * SHARES, Decimal::ONE));
        if count <= 0 {
            let values = vec![("order_contracts_max", to_f64(room.order_units))];
            self.skip("RISK_LIMIT", Some(Instrument::Option(best.contract)), values);
            return false;
        }
        let mut values = Self::numbers(&best);
        values.extend(floor.map(|floor| ("floor", to_f64(floor.get()))));
        let instrument = Instrument::Option(best.contract.clone());
        let decision = Decision::new("WHEEL_SELL_CALL", Some(instrument), values);
        self.sell_to_open(&best.contract, count, best.mid(), wanted.premium_min, decision)
    }

    /// The lowest strike at which the shares may be called away.
    pub(super) fn call_floor(&self) -> Option<Price> {
        let average = || {
            let held = self.books.held(&self.positions.share)?;
            Some(held.average_price)
        };
        let campaign = &self.memory.campaign;
        match self.params.word("call_floor") {
            "net_basis" => campaign.net_basis().or_else(average),
            "assigned_strike" => campaign.gross_basis().or_else(average),
            "average_cost" => average(),
            _ => None,
        }
    }

    /// Nothing pays at the floor: since when, and said once when it has been long.
    fn mark_underwater(&mut self, miss: Option<Rejection>) {
        if !matches!(miss, Some(Rejection::Strike | Rejection::Premium)) {
            return;
        }
        let today = self.hours.today;
        let since = *self.memory.underwater_since.get_or_insert(today);
        let days = days_to_expiry(today, since);
        if days >= self.params.days("underwater_days") && !self.memory.underwater_said {
            self.memory.underwater_said = true;
            let share = &self.positions.share;
            let text = format!("{}: no call on {share} has paid at its floor for {days} days", self.name);
            self.out.push(Output::Alert(text));
        }
    }

    pub(super) fn screen(&self, right: Right) -> Screen {
        self.params.screen(right, self.round_trip(), self.books.risk_free())
    }

    /// Turns down what a report comes before.
    pub(super) fn drop_reports(&mut self, screened: &mut crate::quant::contracts::Screened) {
        if self.params.word("earnings") == "ignore" {
            return;
        }
        let events = self.books.events(self.positions.share.root());
        let blocks_unknown = self.params.word("earnings_unknown") == "block";
        let today = self.hours.today;
        let mut unknown = false;
        for candidate in &screened.candidates {
            unknown |= report_until(events, today, candidate.contract.expiry) == Report::Unknown;
        }
        screened.retain(Rejection::Earnings, |candidate| {
            match report_until(events, today, candidate.contract.expiry) {
                Report::None => true,
                Report::On(_) => false,
                Report::Unknown => !blocks_unknown,
            }
        });
        if unknown {
            let share = Some(self.positions.share.clone());
            let decision =
                Decision { skip: blocks_unknown, ..Decision::new("EARNINGS_UNKNOWN", share, Vec::new()) };
            self.out.push(Output::Decision(Decision { phase: self.phase.word(), ..decision }));
        }
    }

    pub(super) fn best(&self, candidates: &[Candidate]) -> Option<Candidate> {
        let best = match self.params.word("select") {
            "delta" => by_delta(candidates, self.params.days("dte_target")),
            _ => candidates.first(),
        };
        best.cloned()
    }

    /// Contracts that may still be opened today.
    pub(super) fn left_today(&self) -> i64 {
        let opened = self.memory.opened.filter(|(day, _)| *day == self.hours.today);
        self.params.whole("max_new_contracts") - opened.map_or(0, |(_, count)| count)
    }

    /// Is today a day on which this side is written; says why not.
    pub(super) fn is_day_for(&mut self, when: &str, spot: Price) -> bool {
        let word = self.params.word(when);
        let code = match self.moved(word, spot) {
            Some(true) => return true,
            None => "NO_BARS",
            Some(false) => match word {
                "red_day" => "NOT_RED_DAY",
                "green_day" => "NOT_GREEN_DAY",
                _ => "NO_MOVE",
            },
        };
        let close = self.books.quote(&self.positions.share).and_then(|quote| quote.previous_close);
        let mut values = vec![("spot", to_f64(spot.get()))];
        values.extend(close.map(|close| ("close", to_f64(close.get()))));
        self.skip(code, Some(self.positions.share.clone()), values);
        false
    }

    pub(super) fn numbers(best: &Candidate) -> Vec<(&'static str, f64)> {
        vec![
            ("credit", to_f64(best.mid().get())),
            ("delta", best.delta),
            ("dte", best.dte.into()),
            ("yield_pct", best.annual_yield * 100.0),
        ]
    }

    /// The last day that a roll may reach.
    pub(super) fn furthest(&self) -> jiff::civil::Date {
        plus_days(self.hours.today, i64::from(self.params.days("dte_max") + super::ROLL_BEYOND))
    }
}
