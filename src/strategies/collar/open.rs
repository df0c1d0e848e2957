//! Hedging what is not hedged: both legs as one order, or the put first; shares too where they are to be bought.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{Leg, Right};
use crate::domain::order::{PositionEffect, Pricing, Side};
use crate::quant::number::to_f64;
use crate::strategies::options::turn::Values;
use crate::strategies::options::{SHARES, fee, marketable};
use crate::strategies::{Decision, Output, Proposal, sizing};

use super::build::{Pair, Wants};
use super::turn::{Group, Turn, leg};

impl Turn<'_> {
    /// Hedges the lots that have neither put nor call, and buys lots first where that is wanted.
    pub(super) fn open(&mut self, spot: Price) -> bool {
        let groups = self.groups();
        let puts: i64 = groups.iter().map(Group::put_count).sum();
        let calls: i64 = groups.iter().map(Group::call_count).sum();
        let bare = self.lots() - puts.max(calls);
        if bare <= 0 {
            let wanted = self.params.optional("lots").and_then(|lots| lots.to_i64()).unwrap_or_default();
            let missing = wanted - self.positions.lots();
            return self.params.flag("buy_shares") && missing > 0 && self.buy(missing, spot);
        }
        let count = bare.min(self.calls_allowed() - calls);
        if count <= 0 {
            let share = Some(self.positions.share.clone());
            self.skip("COVERED_ELSEWHERE", share, vec![("lots", bare as f64)]);
            return false;
        }
        let Some(pair) = self.pair_or_say(spot) else { return false };
        let Some(count) = self.affordable(&pair, Price::ZERO, count) else { return false };
        self.memory.spot = Some(spot);
        let decision = Decision::new("COLLAR_OPEN", put_of(&pair), numbers(&pair, spot));
        if self.books.standing().multi_leg {
            let legs = opening_legs(&pair);
            return self.trade_package(legs, count, (pair.net(), pair.most), decision);
        }
        // The put first: the other way round the shares would stand without a floor between the two.
        let worst = pair.put.ask;
        self.trade(&pair.put.contract, (Side::Buy, PositionEffect::Open), count, Some(worst), decision)
    }

    fn pair_or_say(&mut self, spot: Price) -> Option<Pair> {
        match self.build(spot, &Wants { fallback: true, ..Wants::default() }) {
            Ok(pair) => Some(pair),
            Err(screened) => {
                let values = vec![
                    ("spot", to_f64(spot.get())),
                    ("least_call", to_f64(self.least_call(spot).get())),
                    ("max_debit", to_f64(self.params.fallback_debit(spot))),
                ];
                self.skip_screened("COLLAR_NONE", &screened, values);
                if self.memory.none_said != Some(self.hours.today) {
                    self.memory.none_said = Some(self.hours.today);
                    let share = &self.positions.share;
                    let text = format!("{}: no collar fits, {share} stays unhedged", self.name);
                    self.out.push(Output::Alert(text));
                    self.out.push(Output::Remember);
                }
                None
            }
        }
    }

    /// How many of a pair, each with so much for its shares, the free cash pays; says where it pays none.
    fn affordable(&mut self, pair: &Pair, share: Price, count: i64) -> Option<i64> {
        // Leg by leg the put is paid before the call brings anything.
        let options =
            if self.books.standing().multi_leg { pair.put.ask - pair.call.bid } else { pair.put.ask };
        let fees = Decimal::TWO * fee(self.books, pair.put.ask);
        let each = (options + share).get().max(Decimal::ZERO) * SHARES + fees;
        let free = self.books.free_cash().max(Decimal::ZERO);
        let most = free.checked_div(each).unwrap_or_default().floor().to_i64().unwrap_or(i64::MAX);
        if most <= 0 {
            let values = vec![("needs", to_f64(each)), ("free_cash", to_f64(free))];
            self.skip("NO_CASH", Some(self.positions.share.clone()), values);
            return None;
        }
        let allowed = self.allowed(pair, share, each);
        if allowed <= 0 {
            let room = self.books.room(&self.positions.share);
            let values = vec![
                ("needs", to_f64(each)),
                ("order_notional_max", to_f64(room.order_money)),
                ("position_max", to_f64(room.position_money)),
            ];
            self.skip("RISK_LIMIT", Some(self.positions.share.clone()), values);
            return None;
        }
        Some(count.min(most).min(allowed))
    }

    /// How many of a pair one order may be, by the account's limits; where shares come with it, how many of those too.
    fn allowed(&self, pair: &Pair, share: Price, each: Decimal) -> i64 {
        let contracts = self.books.room(&Instrument::Option(pair.put.contract.clone()));
        let pairs = sizing::allowed(&contracts, each, Decimal::ONE);
        if !share.is_positive() {
            return pairs;
        }
        let shares = self.books.room(&self.positions.share);
        let lot = share.get() * SHARES;
        let held = self.positions.shares * share.get();
        let position = (shares.position_money - held).max(Decimal::ZERO).checked_div(lot).unwrap_or_default();
        let position = position.floor().to_i64().unwrap_or(i64::MAX);
        pairs.min(sizing::allowed(&shares, lot, SHARES)).min(position)
    }

    /// Buys lots: with their options as one order, else by themselves, and the next evaluation hedges them.
    fn buy(&mut self, lots: i64, spot: Price) -> bool {
        let share = self.positions.share.clone();
        let Some(ask) = self.books.quote(&share).and_then(|quote| quote.ask) else { return false };
        // What cannot be hedged is not bought.
        let Some(pair) = self.pair_or_say(spot) else { return false };
        let Some(lots) = self.affordable(&pair, ask, lots) else { return false };
        self.memory.spot = Some(spot);
        let mut values = numbers(&pair, spot);
        values.push(("shares", lots as f64 * to_f64(SHARES)));
        let decision = Decision::new("COLLAR_BUY", Some(share.clone()), values);
        let odd = self.positions.shares - Decimal::from(self.positions.lots()) * SHARES;
        if self.books.standing().multi_leg && !self.memory.no_share_legs {
            let shares = Leg {
                side: Side::Buy,
                position_effect: PositionEffect::Open,
                ratio: SHARES,
                instrument: share,
            };
            let legs = [vec![shares], opening_legs(&pair)].concat();
            return self.trade_package(legs, lots, (spot + pair.net(), ask + pair.most), decision);
        }
        let limit_price = marketable(self.books, &share, ask);
        let units = Quantity::new(Decimal::from(lots) * SHARES - odd.max(Decimal::ZERO));
        let order = Proposal::single(share, Side::Buy, units, Pricing::Limit { limit_price });
        self.propose(order, Some(limit_price), decision)
    }

    /// Puts without calls: the call that pays for them, of their expiry, at each evaluation until there is one.
    pub(super) fn complete(&mut self, spot: Price) -> bool {
        let groups = self.groups();
        let calls: i64 = groups.iter().map(Group::call_count).sum();
        for group in &groups {
            let missing = (group.put_count() - group.call_count()).min(self.calls_allowed() - calls);
            let Some(put) = group.puts.first().filter(|_| missing > 0) else { continue };
            let calls = self.of_expiry(Right::Call, group.expiry, spot);
            let pays = |most: Decimal| {
                let call = calls.iter().find(|call| (put.price - call.bid).get() <= most)?;
                Some((call.clone(), put.price - Price::new(most)))
            };
            let free = self.params.number("max_net_debit");
            let Some((call, least)) = pays(free).or_else(|| pays(self.params.fallback_debit(spot))) else {
                let values = vec![("put_cost", to_f64(put.price.get())), ("lots", missing as f64)];
                self.skip("COLLAR_PUT_ONLY", Some(Instrument::Option(put.contract.clone())), values);
                continue;
            };
            let mut values = bounds(spot, put.contract.strike, call.contract.strike, put.price - call.mid());
            values.push(("credit", to_f64(call.mid().get())));
            values.push(("put_cost", to_f64(put.price.get())));
            let decision =
                Decision::new("COLLAR_OPEN", Some(Instrument::Option(call.contract.clone())), values);
            let least = least.max(Price::ZERO);
            return self.trade(
                &call.contract,
                (Side::Sell, PositionEffect::Open),
                missing,
                Some(least),
                decision,
            );
        }
        false
    }

    /// Everything has its put and its call: between which ends the shares are.
    pub(super) fn say_bounds(&mut self) -> bool {
        for group in self.groups() {
            let (Some(put), Some(call), Some(spot)) =
                (group.puts.first(), group.calls.first(), self.memory.spot)
            else {
                continue;
            };
            let mut values = bounds(spot, put.contract.strike, call.contract.strike, put.price - call.price);
            values.push(("dte", self.dte(group.expiry).into()));
            self.skip("HEDGED", Some(Instrument::Option(put.contract.clone())), values);
        }
        false
    }
}

/// The legs that open a pair.
pub(super) fn opening_legs(pair: &Pair) -> Vec<Leg> {
    vec![
        leg(&pair.put.contract, Side::Buy, PositionEffect::Open),
        leg(&pair.call.contract, Side::Sell, PositionEffect::Open),
    ]
}

pub(super) fn put_of(pair: &Pair) -> Option<Instrument> {
    Some(Instrument::Option(pair.put.contract.clone()))
}

/// The numbers of a pair that is opened.
pub(super) fn numbers(pair: &Pair, spot: Price) -> Values {
    let mut values = vec![
        ("net", to_f64(pair.net().get())),
        ("max_net", to_f64(pair.most.get())),
        ("call_strike", to_f64(pair.call.contract.strike.get())),
        ("put_delta", pair.put.delta),
        ("dte", pair.put.dte.into()),
    ];
    values.extend(bounds(spot, pair.put.contract.strike, pair.call.contract.strike, pair.net()));
    values
}

/// What the shares can lose and gain per share until the expiry, from the price they had, and where they neither lose nor gain.
pub(super) fn bounds(spot: Price, put: Price, call: Price, net_debit: Price) -> Values {
    vec![
        ("max_loss", to_f64((spot - put + net_debit).get())),
        ("max_gain", to_f64((call - spot - net_debit).get())),
        ("break_even", to_f64((spot + net_debit).get())),
    ]
}
