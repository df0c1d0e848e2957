//! What comes first: calls that nothing covers, options that hedge nothing, calls without puts, dividends, expiry day.

use rust_decimal::Decimal;

use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::option::Right;
use crate::domain::order::{PositionEffect, Side};
use crate::quant::contracts::Candidate;
use crate::quant::number::to_f64;
use crate::strategies::options::cover::cover;
use crate::strategies::options::dates::ex_dividend_tomorrow;
use crate::strategies::options::exercise::pays_for_dividend;
use crate::strategies::options::market::middle;
use crate::strategies::options::positions::Contracts;
use crate::strategies::options::{SHARES, fee};
use crate::strategies::{Decision, Output};

use super::build::Wants;
use super::turn::{Group, Turn};

/// A put that brings less on its last afternoon is let go.
const WORTH_SELLING: Decimal = Decimal::from_parts(5, 0, 0, false, 2);

impl Turn<'_> {
    /// Buys back, at once, the calls that shares do not cover: the user sold them, or they were called away in part.
    pub(super) fn cover(&mut self) -> bool {
        if self.books.standing().halted {
            return false;
        }
        let cover = cover(self.books, &self.positions);
        self.out.extend(cover.cancel.iter().map(|order| Output::Cancel(*order)));
        let mut proposed = cover.is_working;
        for (held, count) in cover.buy {
            let values = vec![("shares", to_f64(self.positions.shares)), ("calls", held.count as f64)];
            let instrument = Some(Instrument::Option(held.contract.clone()));
            let decision = Decision::new("COLLAR_UNCOVERED", instrument, values);
            let is_bought =
                self.trade_now(&held.contract, (Side::Buy, PositionEffect::Close), count, decision);
            let done = if is_bought { "is bought back" } else { "nothing sells it just now" };
            let text = format!("{}: {} x{count} is uncovered and {done}", self.name, held.contract);
            proposed |= is_bought;
            self.out.push(Output::Alert(text));
        }
        proposed
    }

    /// Sells what hedges nothing any more: puts beyond the lots, the nearest expiry first, and calls that are long by accident.
    pub(super) fn sell_surplus(&mut self) -> bool {
        let puts: i64 = self.groups().iter().map(Group::put_count).sum();
        let mut surplus = puts - self.lots();
        let mut long: Vec<Contracts> = self.positions.long.clone();
        long.retain(|held| held.contract.expiry >= self.hours.today);
        long.sort_by_key(|held| held.contract.expiry);
        for held in long {
            let count = match held.contract.right {
                Right::Call => held.count,
                Right::Put => held.count.min(surplus),
            };
            if count <= 0 {
                continue;
            }
            if self.market(&held.contract).is_none_or(|(bid, _)| !bid.is_positive()) {
                // What nobody buys is the surplus all the same: a put that still hedges is not sold in its place.
                surplus -= if held.contract.right == Right::Put { count } else { 0 };
                continue;
            }
            let values = vec![("puts", puts as f64), ("lots", self.lots() as f64)];
            let instrument = Some(Instrument::Option(held.contract.clone()));
            let decision = Decision::new("COLLAR_SURPLUS", instrument, values);
            return self.trade(&held.contract, (Side::Sell, PositionEffect::Close), count, None, decision);
        }
        false
    }

    /// Calls without puts are a risk: the put is bought at once, or the calls are bought back.
    pub(super) fn cover_put(&mut self, spot: Price) -> bool {
        let groups = self.groups();
        let puts: i64 = groups.iter().map(Group::put_count).sum();
        let calls: i64 = groups.iter().map(Group::call_count).sum();
        if calls <= puts {
            // A put that was sold for a lower one has its successor.
            self.memory.banked = None;
            return false;
        }
        let mut missing = calls - puts;
        for group in groups {
            let Some(call) = group.calls.first().cloned() else { continue };
            let without = (group.call_count() - group.put_count()).min(missing);
            let ends_worthless =
                group.expiry == self.hours.today && self.hours.late && call.contract.strike > spot;
            if without <= 0 || ends_worthless {
                missing -= without.max(0);
                continue;
            }
            let values = vec![("calls", calls as f64), ("puts", puts as f64)];
            let may_buy = self.dte(group.expiry) > self.params.days("roll_dte") && self.may_hold_puts();
            let most =
                Price::new(self.params.fallback_debit(spot)) + self.memory.banked.unwrap_or(call.price);
            // A put that nobody can pay would be denied for ever, and the calls stay as they are.
            let free = self.books.free_cash();
            let pays = |put: &Candidate| {
                let each = put.ask.get() * SHARES + fee(self.books, put.ask);
                free >= each * Decimal::from(without)
            };
            let put = self.wanted_put(group.expiry, spot);
            let put = put.filter(|put| may_buy && put.ask <= most && pays(put));
            if let Some(put) = put {
                let instrument = Some(Instrument::Option(put.contract.clone()));
                let decision = Decision::new("COLLAR_CALL_ONLY", instrument, values);
                return self.trade_now(&put.contract, (Side::Buy, PositionEffect::Open), without, decision);
            }
            let count = without.min(call.count);
            let instrument = Some(Instrument::Option(call.contract.clone()));
            let decision = Decision::new("COLLAR_CALL_ONLY", instrument, values);
            return self.trade_now(&call.contract, (Side::Buy, PositionEffect::Close), count, decision);
        }
        false
    }

    /// A put is bought also in the first minutes of a session: what stands without one cannot wait.
    fn may_hold_puts(&self) -> bool {
        let standing = self.books.standing();
        self.phase != super::phase::Phase::Frozen
            && !standing.closing_only
            && standing.options_level >= 2
            // Whoever sold the put does not want another one: the call goes too.
            && !self.memory.kept.is_in_hand(self.hours.today)
    }

    /// The last half hour before an ex-date: calls in the money whose holders gain by exercising. In its last quarter they are bought back:
    /// there is no time for another roll that nobody may take.
    pub(super) fn before_ex_dividend(&mut self, spot: Price) -> bool {
        if !self.hours.late || self.params.word("ex_dividend") == "accept" {
            return false;
        }
        let events = self.books.events(self.positions.share.root());
        let Some(dividend) = ex_dividend_tomorrow(events, self.books.calendar(), self.hours.today) else {
            return false;
        };
        for group in self.groups() {
            for call in group.calls.iter().filter(|call| call.contract.strike < spot) {
                let Some(market) = self.market(&call.contract) else {
                    self.out.push(Output::Alert(format!(
                        "{}: {} goes ex-dividend tomorrow and has no market",
                        self.name, call.contract
                    )));
                    continue;
                };
                let mid = middle(market);
                let of = (self.hours.today, self.books.risk_free());
                if !pays_for_dividend(self.chain, &call.contract, (spot, mid), dividend, of) {
                    continue;
                }
                let wants = Wants { after: Some(group.expiry), fallback: true, ..Wants::default() };
                if self.params.word("ex_dividend") == "roll"
                    && !self.hours.last
                    && self.roll(&group, spot, wants, Some(dividend.amount), "COLLAR_EXDIV")
                {
                    return true;
                }
                let values = vec![
                    ("dividend", to_f64(dividend.amount.get())),
                    ("extrinsic", to_f64((mid - call.contract.intrinsic(spot)).get())),
                ];
                let instrument = Some(Instrument::Option(call.contract.clone()));
                let decision = Decision::new("COLLAR_EXDIV", instrument, values);
                let side = (Side::Buy, PositionEffect::Close);
                if self.trade_now(&call.contract, side, call.count, decision) {
                    return true;
                }
            }
        }
        false
    }

    /// The last half hour of a pair that could not be rolled: the put is sold where it would be exercised against the holder's will, or
    /// where the call takes the shares and the put is still worth something.
    pub(super) fn on_expiry_day(&mut self, spot: Price) -> bool {
        if !self.hours.late {
            return false;
        }
        let today = self.hours.today;
        for group in self.groups().into_iter().filter(|group| group.expiry == today) {
            let called = group.calls.iter().any(|call| call.contract.strike < spot);
            for put in &group.puts {
                let inside = put.contract.strike > spot;
                if !(inside && self.params.flag("protect_shares") || called && !inside) {
                    continue;
                }
                let Some((bid, _)) = self.market(&put.contract).filter(|(bid, _)| bid.get() >= WORTH_SELLING)
                else {
                    continue;
                };
                let values = vec![
                    ("spot", to_f64(spot.get())),
                    ("strike", to_f64(put.contract.strike.get())),
                    ("bid", to_f64(bid.get())),
                ];
                let instrument = Some(Instrument::Option(put.contract.clone()));
                let decision = Decision::new("COLLAR_SELL_PUT", instrument, values);
                let side = (Side::Sell, PositionEffect::Close);
                if self.trade_now(&put.contract, side, put.count, decision) {
                    return true;
                }
            }
        }
        false
    }
}
