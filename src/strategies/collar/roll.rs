//! Rolling: both legs near their end, up with the shares, down with the put; as one order, or leg by leg where the broker has no packages.

use rust_decimal::Decimal;

use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::option::{Leg, Right};
use crate::domain::order::{PositionEffect, Side};
use crate::quant::contracts::delta_of;
use crate::quant::number::to_f64;
use crate::strategies::Decision;
use crate::strategies::options::market::{middle, row_of};
use crate::strategies::options::positions::Contracts;
use crate::strategies::options::turn::Values;

use super::build::Wants;
use super::open::{bounds, numbers, opening_legs};
use super::turn::{Group, Turn, leg};

/// What closing a group costs per share: at the middle, and at once. Negative where it brings money.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Closing {
    mid: Decimal,
    natural: Decimal,
}

impl Turn<'_> {
    /// Takes apart what could not be rolled as one order: the calls first, then the puts. When nothing is left another pair is opened.
    pub(super) fn unwind(&mut self) -> bool {
        let Some(expiry) = self.memory.unwinding else { return false };
        let group = self.groups().into_iter().find(|group| group.expiry == expiry);
        let next = group.and_then(|group| group.calls.into_iter().chain(group.puts).next());
        match next {
            Some(held) => {
                let decision = Decision::new("COLLAR_UNWIND", instrument_of(&held), Vec::new());
                self.close(&held, decision)
            }
            None => {
                self.memory.unwinding = None;
                false
            }
        }
    }

    fn close(&mut self, held: &Contracts, decision: Decision) -> bool {
        let side = if held.contract.right == Right::Call { Side::Buy } else { Side::Sell };
        self.trade(&held.contract, (side, PositionEffect::Close), held.count, None, decision)
    }

    /// Both legs near their end are exchanged for a new pair.
    pub(super) fn roll_time(&mut self, spot: Price) -> bool {
        for group in self.groups() {
            if self.dte(group.expiry) > self.params.days("roll_dte") || !self.may_roll() {
                continue;
            }
            let inside = group.puts.iter().any(|put| put.contract.strike > spot);
            if inside && self.params.word("down_action") == "exercise" {
                continue;
            }
            let wants = Wants { after: Some(group.expiry), fallback: true, ..Wants::default() };
            if self.roll(&group, spot, wants, None, "COLLAR_ROLL_TIME") {
                return true;
            }
        }
        false
    }

    /// The shares have come near the call, or past it: both legs go up and out, for no more than no cost.
    pub(super) fn roll_up(&mut self, spot: Price) -> bool {
        for group in self.groups() {
            let Some(call) = group.calls.first().filter(|_| self.may_roll()) else { continue };
            let strike = call.contract.strike;
            let near = spot >= strike * (self.params.number("roll_up_at_pct") / Decimal::ONE_HUNDRED);
            let delta = self.delta(call, spot);
            let deep = delta.is_some_and(|delta| delta >= to_f64(self.params.number("roll_up_delta")));
            if !(near || deep) || self.dte(group.expiry) <= self.params.days("roll_dte") {
                continue;
            }
            let wants = Wants {
                after: Some(group.expiry),
                call_above: Some(strike),
                put_from: group.puts.first().map(|put| put.contract.strike),
                ..Wants::default()
            };
            if self.roll(&group, spot, wants, None, "COLLAR_ROLL_UP") {
                return true;
            }
        }
        false
    }

    /// Exchanges a group for the best pair, or says that there is none. `beyond` asks for more time value of the call than a dividend.
    pub(super) fn roll(
        &mut self,
        group: &Group,
        spot: Price,
        wants: Wants,
        beyond: Option<Price>,
        code: &'static str,
    ) -> bool {
        let first = group.calls.first().or(group.puts.first());
        let Some(first) = first.cloned() else { return false };
        let Some(closing) = self.closing(group) else { return false };
        // Calls of other expiries stand on the same lots.
        let all: i64 = self.groups().iter().map(Group::call_count).sum();
        let free = self.calls_allowed() - (all - group.call_count());
        let count = group.put_count().max(group.call_count()).min(free);
        if count <= 0 {
            if beyond.is_none() {
                self.skip("ROLL_NONE", instrument_of(&first), vec![("free_lots", free as f64)]);
            }
            return false;
        }
        // What the old pair brings is kept, what it costs is part of the price.
        let wants = Wants { beside: closing.mid.max(Decimal::ZERO), ..wants };
        let enough = |pair: &super::build::Pair| beyond.is_none_or(|amount| pair.call.mid() > amount);
        let pair = match self
            .build(spot, &wants)
            .and_then(|pair| if enough(&pair) { Ok(pair) } else { Err(Box::default()) })
        {
            Ok(pair) => pair,
            Err(screened) => {
                // A dividend has another way out.
                if beyond.is_none() {
                    let values = vec![("closing", to_f64(closing.mid)), ("spot", to_f64(spot.get()))];
                    self.skip_screened("ROLL_NONE", &screened, values);
                }
                return false;
            }
        };
        let mut values = numbers(&pair, spot);
        values.push(("closing", to_f64(closing.mid)));
        values.push(("from_dte", self.dte(group.expiry).into()));
        let decision = Decision::new(code, instrument_of(&first), values);
        self.memory.spot = Some(spot);
        if self.books.standing().multi_leg && group.is_plain() {
            let legs = [closing_legs(group), opening_legs(&pair)].concat();
            let net = pair.net() + Price::new(closing.mid);
            // The order walks no further than what fills it, wherever that has gone since: this is what it is worth.
            let most = Price::new(closing.natural) + pair.most.max(pair.net());
            return self.trade_package(legs, count, (net, most.max(net)), decision);
        }
        self.memory.unwinding = Some(group.expiry);
        self.close(&first, decision)
    }

    /// What closing a group costs; says where a leg has no market.
    fn closing(&mut self, group: &Group) -> Option<Closing> {
        let mut closing = Closing::default();
        // Per share of one pair: contracts of the same side are alike, or are closed leg by leg.
        for (side, sign) in [(&group.calls, Decimal::ONE), (&group.puts, -Decimal::ONE)] {
            let Some(held) = side.first() else { continue };
            let market = self.market_or_say(&held.contract)?;
            closing.mid += middle(market).get() * sign;
            closing.natural += if sign.is_sign_positive() { market.1.get() } else { -market.0.get() };
        }
        Some(closing)
    }

    fn delta(&self, held: &Contracts, spot: Price) -> Option<f64> {
        let row = row_of(self.chain, &held.contract)?;
        delta_of(row, spot, self.dte(held.contract.expiry), self.books.risk_free())
    }

    /// The shares have fallen: the put is sold and a lower one of the same expiry bought, and the gain is kept.
    pub(super) fn roll_down(&mut self, spot: Price) -> bool {
        if self.params.word("down_action") != "roll_down" || !self.may_roll() {
            return false;
        }
        for group in self.groups() {
            let Some(put) = group.puts.first().cloned() else { continue };
            let deep = self.delta(&put, spot).map_or(0.0, f64::abs);
            if deep < to_f64(self.params.number("roll_down_delta"))
                || self.dte(group.expiry) <= self.params.days("roll_dte")
            {
                continue;
            }
            let Some(market) = self.market_or_say(&put.contract) else { continue };
            let mid = middle(market);
            let lower = self.wanted_put(group.expiry, spot);
            let Some(lower) = lower.filter(|it| it.contract.strike < put.contract.strike && it.mid() < mid)
            else {
                self.skip("ROLL_NONE", instrument_of(&put), vec![("spot", to_f64(spot.get()))]);
                continue;
            };
            let call = group.calls.first();
            let mut values: Values = vec![
                ("gain", to_f64((mid - lower.mid()).get())),
                ("to_strike", to_f64(lower.contract.strike.get())),
                ("delta", deep),
            ];
            if let Some(call) = call {
                let cost = put.price - mid + lower.mid() - call.price;
                let start = self.memory.spot.unwrap_or(spot);
                values.extend(bounds(start, lower.contract.strike, call.contract.strike, cost));
            }
            let decision = Decision::new("COLLAR_ROLL_DOWN", instrument_of(&put), values);
            if self.books.standing().multi_leg {
                let legs = vec![
                    leg(&put.contract, Side::Sell, PositionEffect::Close),
                    leg(&lower.contract, Side::Buy, PositionEffect::Open),
                ];
                // It is worth it as long as it brings something.
                let worst = (lower.ask - market.0).min(Price::ZERO);
                return self.trade_package(legs, put.count, (lower.mid() - mid, worst), decision);
            }
            self.memory.banked = Some(market.0);
            return self.close(&put, decision);
        }
        false
    }
}

/// The legs that close a group.
fn closing_legs(group: &Group) -> Vec<Leg> {
    let calls = group.calls.iter().map(|held| leg(&held.contract, Side::Buy, PositionEffect::Close));
    let puts = group.puts.iter().map(|held| leg(&held.contract, Side::Sell, PositionEffect::Close));
    calls.chain(puts).collect()
}

fn instrument_of(held: &Contracts) -> Option<Instrument> {
    Some(Instrument::Option(held.contract.clone()))
}
