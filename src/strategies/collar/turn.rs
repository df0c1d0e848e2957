//! One evaluation of one slot: the gates, the steps in their order, and how an order is proposed. The first step that proposes something
//! ends it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{Leg, OptionContract, Right};
use crate::domain::order::{OrderSubject, PositionEffect, Side};
use crate::quant::contracts::{Screened, days_to_expiry};
use crate::strategies::options::market::middle;
use crate::strategies::options::positions::{Contracts, Positions};
use crate::strategies::options::slots::Moment;
use crate::strategies::options::turn::{self, PhaseWord, Values};
use crate::strategies::options::{SHARES, ladder, marketable};
use crate::strategies::{Decision, Output, Proposal};

use super::params::CollarParams;
use super::phase::{Counts, Phase};
use super::{Collar, Memory};

/// Options level that buying puts and writing covered calls needs.
const LEVEL: u8 = 2;

/// One slot at one instant.
pub(super) type Turn<'a> = turn::Turn<'a, CollarParams, Memory, Phase>;

/// What is held of one expiry.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Group {
    pub(super) expiry: Date,
    /// Long puts and short calls, by contract.
    pub(super) puts: Vec<Contracts>,
    pub(super) calls: Vec<Contracts>,
}

impl Group {
    pub(super) fn put_count(&self) -> i64 {
        self.puts.iter().map(|held| held.count).sum()
    }

    pub(super) fn call_count(&self) -> i64 {
        self.calls.iter().map(|held| held.count).sum()
    }

    /// One contract of each side at most, and as many of one as of the other where both are there: it can be traded as one package.
    pub(super) fn is_plain(&self) -> bool {
        let (puts, calls) = (self.put_count(), self.call_count());
        self.puts.len() <= 1 && self.calls.len() <= 1 && (puts == calls || puts == 0 || calls == 0)
    }
}

impl<'a> Turn<'a> {
    pub(super) fn new(
        collar: &'a mut Collar,
        at: usize,
        Moment { now, hours, books, chain }: Moment<'a>,
        out: &'a mut Vec<Output>,
    ) -> Self {
        let slot = &mut collar.slots[at];
        let positions = Positions::of(books, &slot.symbol);
        let mut turn = Self {
            name: &collar.head.name,
            now,
            hours,
            params: &collar.params,
            books,
            chain,
            phase: Phase::Unhedged,
            memory: &mut slot.memory,
            out,
            positions,
        };
        let groups = turn.groups();
        let options = turn.positions.long.iter().chain(&turn.positions.short);
        let counts = Counts {
            lots: turn.lots(),
            puts: groups.iter().map(Group::put_count).sum(),
            calls: groups.iter().map(Group::call_count).sum(),
            first_expiry: options.map(|held| held.contract.expiry).min(),
            is_working: !turn.positions.working.is_empty(),
            is_rolling: turn.memory.unwinding.is_some() || turn.positions.working.iter().any(rolls),
            is_frozen: turn.memory.kept.frozen
                || turn.memory.kept.unexplained
                || turn::is_unfit(books, &turn.positions),
            awaits: turn.memory.kept.awaits_shares(),
        };
        turn.phase = Phase::of(counts, hours.today);
        turn
    }

    /// All steps in their order.
    pub(super) fn run(&mut self) {
        let Some(spot) = self.spot_or_say() else { return };
        if self.cover() || !self.positions.working.is_empty() {
            return;
        }
        let _proposed = self.sell_surplus()
            || self.cover_put(spot)
            || self.before_ex_dividend(spot)
            || self.unwind()
            // At the very end a put in the money is not left to another roll that may not fill.
            || self.hours.last && self.on_expiry_day(spot)
            || self.roll_time(spot)
            || self.on_expiry_day(spot)
            || self.roll_up(spot)
            || self.roll_down(spot)
            || self.may_open() && (self.complete(spot) || self.open(spot))
            || self.say_bounds();
    }

    /// May something new be opened; says why not.
    pub(super) fn may_open(&mut self) -> bool {
        let standing = self.books.standing();
        let share = Some(self.positions.share.clone());
        if self.phase == Phase::Frozen {
            let code = if self.positions.has_adjusted() { "ADJUSTED_CONTRACT" } else { "FROZEN" };
            self.skip(code, share, Vec::new());
        } else if self.phase == Phase::Settling {
            return false;
        } else if standing.options_level < LEVEL {
            let values = vec![("level", standing.options_level.into()), ("need", LEVEL.into())];
            self.skip("OPTIONS_LEVEL", share, values);
        } else if standing.closing_only {
            self.skip("RESTRICTED", share, Vec::new());
        } else if self.memory.kept.is_in_hand(self.hours.today) {
            self.skip("BY_HAND", share, Vec::new());
        } else {
            return self.hours.may_open;
        }
        false
    }

    /// May a pair take the place of another, without a word where it may not.
    pub(super) fn may_roll(&self) -> bool {
        let standing = self.books.standing();
        !matches!(self.phase, Phase::Frozen | Phase::Settling)
            && !standing.closing_only
            && standing.options_level >= LEVEL
            && self.hours.may_open
    }

    /// What is held, by expiry, what has expired left out.
    pub(super) fn groups(&self) -> Vec<Group> {
        let mut groups: BTreeMap<Date, Group> = BTreeMap::new();
        let sides = [(&self.positions.long, Right::Put), (&self.positions.short, Right::Call)];
        for (side, right) in sides {
            let live =
                |held: &&Contracts| held.contract.right == right && held.contract.expiry >= self.hours.today;
            for held in side.iter().filter(live) {
                let expiry = held.contract.expiry;
                let group = groups.entry(expiry).or_insert_with(|| Group { expiry, ..Group::default() });
                if right == Right::Put { &mut group.puts } else { &mut group.calls }.push(held.clone());
            }
        }
        groups.into_values().collect()
    }

    /// Lots that are to be hedged.
    pub(super) fn lots(&self) -> i64 {
        self.params.lots_of(self.positions.lots())
    }

    /// Calls that may be short in all: lots of the account less the calls that others wrote on them.
    pub(super) fn calls_allowed(&self) -> i64 {
        let symbol = self.positions.share.root();
        let account = self.books.account_position(&self.positions.share).get().max(Decimal::ZERO);
        let lots = (account / SHARES).floor().to_i64().unwrap_or_default();
        let short = self.books.account_options_of(symbol).into_iter().filter_map(|(instrument, units)| {
            let is_call = instrument.as_option().is_some_and(|contract| contract.right == Right::Call);
            (is_call && units.is_negative()).then(|| -units.get())
        });
        let all: Decimal = short.sum();
        let own = Decimal::from(self.positions.short_count(Right::Call));
        let others = (all - own).max(Decimal::ZERO).ceil().to_i64().unwrap_or(i64::MAX);
        self.lots().min(lots.saturating_sub(others)).max(0)
    }

    pub(super) fn dte(&self, expiry: Date) -> i32 {
        days_to_expiry(expiry, self.hours.today)
    }

    /// Trades one contract: patiently from the middle, or at once. `worst` is the price beyond which it is not worth it.
    pub(super) fn trade(
        &mut self,
        contract: &OptionContract,
        (side, effect): (Side, PositionEffect),
        count: i64,
        worst: Option<Price>,
        decision: Decision,
    ) -> bool {
        let Some(market) = self.market_or_say(contract) else { return false };
        let instrument = Instrument::Option(contract.clone());
        let (bid, ask) = market;
        let tick = self.memory.kept.limits.tick(self.books, &instrument, ask);
        let mid = middle(market);
        let limit = match (side.is_buy(), worst) {
            (true, worst) => ladder::first(true, mid.min(worst.unwrap_or(ask)), tick).max(Price::new(tick)),
            (false, worst) => ladder::first(false, mid.max(worst.unwrap_or(bid)), tick),
        };
        let order = Proposal::option(instrument, side, effect, Quantity::from(count), limit);
        self.propose(order, worst, decision)
    }

    /// Trades one contract at once.
    pub(super) fn trade_now(
        &mut self,
        contract: &OptionContract,
        (side, effect): (Side, PositionEffect),
        count: i64,
        decision: Decision,
    ) -> bool {
        let Some((bid, ask)) = self.market_or_say(contract) else { return false };
        let instrument = Instrument::Option(contract.clone());
        let limit = if side.is_buy() {
            let tick = self.memory.kept.limits.tick(self.books, &instrument, ask);
            marketable(self.books, &instrument, ask).ceil_to_tick(tick)
        } else {
            bid
        };
        if !limit.is_positive() {
            self.skip("NO_QUOTE", Some(instrument), Vec::new());
            return false;
        }
        let order = Proposal::option(instrument, side, effect, Quantity::from(count), limit);
        self.propose(order, None, decision)
    }

    /// Trades several legs as one order, patiently from their middle. `worst` is the most it may cost per share.
    pub(super) fn trade_package(
        &mut self,
        legs: Vec<Leg>,
        count: i64,
        (net, worst): (Price, Price),
        decision: Decision,
    ) -> bool {
        let net = ladder::first(true, net.min(worst), Decimal::new(1, 2));
        self.propose(Proposal::package(legs, Quantity::from(count), net), Some(worst), decision)
    }

    /// Says why a chain had nothing to trade: by the contract that came furthest, with all counts.
    pub(super) fn skip_screened(&mut self, code: &'static str, screened: &Screened, values: Values) {
        let share = Some(self.positions.share.clone());
        if let Some(miss) = &screened.near_miss {
            let instrument = Some(Instrument::Option(miss.contract.clone()));
            self.skip(miss.rejection.code(), instrument, miss.values.clone());
        }
        let decision = Decision::skip(code, share, values);
        let rejected = screened.counts();
        self.out.push(Output::Decision(Decision { phase: self.phase.word(), rejected, ..decision }));
    }
}

/// A leg of one contract.
pub(super) fn leg(contract: &OptionContract, side: Side, position_effect: PositionEffect) -> Leg {
    Leg { side, position_effect, ratio: Decimal::ONE, instrument: Instrument::Option(contract.clone()) }
}

/// Does an order close something and open something else.
fn rolls(order: &crate::strategies::Working) -> bool {
    let OrderSubject::Legs(legs) = &order.subject else { return false };
    let any = |effect| legs.iter().any(|leg| leg.position_effect == effect);
    any(PositionEffect::Open) && any(PositionEffect::Close)
}
