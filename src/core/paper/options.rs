//! The life of options: the last quarter of an hour, expiry, exercise by exception, assignment.
//!
//! An expiry is decided at the close of its last session by the last regular trade. Longs are exercised at 17:30 New York, until when their
//! holder can say no; who wrote them hears of it at 07:00 the next morning. What is worthless goes at 17:30 too.

use jiff::civil::{Date, Time, time};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::core::risk::MarketView;
use crate::domain::account::AccountKind;
use crate::domain::calendar::{exchange_date, instant, plus_days};
use crate::domain::execution::{AccountEvent, Execution, ExecutionKind};
use crate::domain::instrument::{Instrument, InstrumentSpec};
use crate::domain::money::{Price, Quantity};
use crate::domain::option::{OptionContract, Right};
use crate::domain::order::{OrderStatus, Side};

use super::Venue;
use super::fills::LegFill;

/// Before the close, when a broker sells what its client could not pay for.
const LIQUIDATION: SignedDuration = SignedDuration::from_mins(15);
/// Until when a holder can say that he does not exercise (OCC's cut-off for clients).
const DECIDED: Time = time(17, 30, 0, 0);
/// When writers hear of their assignments.
const NOTICES: Time = time(7, 0, 0, 0);

/// What has been decided and is yet to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) at: Timestamp,
    pub(super) contract: OptionContract,
    /// How many of it; all that are held when absent.
    contracts: Option<Quantity>,
    /// The underlying's close that decided it; absent for an early assignment.
    spot: Option<Price>,
}

impl Pending {
    /// An assignment that its writer hears of the morning after `day`.
    pub(super) fn early(contract: OptionContract, contracts: Quantity, day: Date) -> Self {
        Self { at: instant(plus_days(day, 1), NOTICES), contract, contracts: Some(contracts), spot: None }
    }
}

impl Venue {
    /// When something happens to a held option next.
    pub(super) fn next_of_options(&self) -> Option<Timestamp> {
        let mut next: Option<Timestamp> = None;
        let mut at = |instant: Timestamp| next = Some(next.map_or(instant, |known| known.min(instant)));
        let mut writes = false;
        for (contract, quantity) in self.options() {
            let close = self.calendar.expiry_instant(contract.expiry);
            if quantity.is_positive() && close - LIQUIDATION > self.lived {
                at(close - LIQUIDATION);
            }
            // What waits for a price is settled by the price, not by time.
            if !self.is_pending(contract) && (!self.awaits_price || close > self.now) {
                at(close);
            }
            writes |= quantity.is_negative() && !contract.is_cash_settled_index() && close > self.now;
        }
        if writes {
            at(self.evening_after(self.lived));
        }
        next
    }

    /// Held options, signed.
    pub(super) fn options(&self) -> impl Iterator<Item = (&OptionContract, Quantity)> {
        self.books
            .holdings()
            .filter_map(|(instrument, holding)| Some((instrument.as_option()?, holding.quantity)))
    }

    fn is_pending(&self, contract: &OptionContract) -> bool {
        self.pending.iter().any(|pending| pending.spot.is_some() && pending.contract == *contract)
    }

    fn evening_after(&self, at: Timestamp) -> Timestamp {
        let day = exchange_date(at);
        let evening = instant(day, DECIDED);
        if evening > at && self.calendar.is_session(day) {
            evening
        } else {
            instant(self.calendar.next_session(day), DECIDED)
        }
    }

    /// Books an execution. Time without options is not lived by them: it must not be caught up on.
    pub(super) fn book(&mut self, execution: &Execution) {
        if execution.instrument.as_option().is_some() && self.options().next().is_none() {
            self.lived = self.now;
        }
        self.books.apply_unchecked(execution);
    }

    /// Lives the time since the last call up to `now`: liquidations, expiries, evenings, and what is due of them.
    pub(super) fn live_options(&mut self, now: Timestamp) {
        if self.pending.is_empty() && self.options().next().is_none() {
            return;
        }
        let since = self.lived;
        self.lived = since.max(now);
        let of = |venue: &Self, lead: SignedDuration, least: Timestamp| -> Vec<(OptionContract, Quantity)> {
            let due = |contract: &OptionContract| venue.calendar.expiry_instant(contract.expiry) - lead;
            let held = venue.options().filter(|(contract, _)| (least..=now).contains(&due(contract)));
            held.map(|(contract, quantity)| (contract.clone(), quantity)).collect()
        };
        // Whoever was not there a quarter of an hour before the close was not liquidated.
        for (contract, quantity) in of(self, LIQUIDATION, since + SignedDuration::from_nanos(1)) {
            if quantity.is_positive() && self.calendar.expiry_instant(contract.expiry) > now {
                self.liquidate_unpayable(&contract, quantity);
            }
        }
        for (contract, _) in of(self, SignedDuration::ZERO, Timestamp::MIN) {
            if !self.is_pending(&contract) {
                self.decide(&contract);
            }
        }
        if self.evening_after(since) <= now {
            self.assign_early(exchange_date(now));
        }
        let mut due: Vec<Pending> = self.pending.extract_if(.., |pending| pending.at <= now).collect();
        due.sort_by_key(|pending| pending.at);
        for pending in due {
            self.carry_out(&pending);
        }
    }

    /// A price has come: what expired without one is settled now.
    pub(super) fn settle_late(&mut self) {
        if std::mem::take(&mut self.awaits_price) {
            self.live_options(self.now);
            // What is decided so late may be due already.
            self.live_options(self.now);
            self.schedule();
        }
    }

    /// Decides an expiry by the underlying's last regular trade.
    fn decide(&mut self, contract: &OptionContract) {
        let share = Instrument::Option(contract.clone()).price_driver();
        let quote = self.quotes.get(&share);
        // Without a price nobody knows what it is worth; after a start the first quotes are on their way.
        let Some(spot) = quote.and_then(|quote| quote.last.or_else(|| quote.mark())) else {
            self.awaits_price = true;
            return;
        };
        let held = self.books.quantity(&Instrument::Option(contract.clone()));
        let assigned = held.is_negative() && self.is_in_the_money(contract, spot);
        let at = if assigned {
            instant(plus_days(contract.expiry, 1), NOTICES)
        } else {
            instant(contract.expiry, DECIDED)
        };
        self.pending.push(Pending { at, contract: contract.clone(), contracts: None, spot: Some(spot) });
    }

    /// By a cent, which is where OCC exercises without being asked.
    fn is_in_the_money(&self, contract: &OptionContract, spot: Price) -> bool {
        self.intrinsic(contract, spot) >= Price::new(Decimal::new(1, 2))
    }

    /// Value of what is delivered, per unit of the multiplier. An adjusted contract delivers other than it multiplies.
    pub(super) fn intrinsic(&self, contract: &OptionContract, spot: Price) -> Price {
        let spec = self.specs.get(&Instrument::Option(contract.clone()));
        match spec.filter(|spec| spec.deliverable != spec.multiplier && !spec.multiplier.is_zero()) {
            Some(spec) => contract.intrinsic(Price::new(spot.get() * spec.deliverable / spec.multiplier)),
            None => contract.intrinsic(spot),
        }
    }

    fn carry_out(&mut self, pending: &Pending) {
        let contract = &pending.contract;
        let held = self.books.quantity(&Instrument::Option(contract.clone()));
        match pending.spot {
            Some(spot) => {
                self.settle(contract, held, spot);
                self.kept.retain(|kept| kept != contract);
            }
            None if held.is_negative() => {
                let contracts = pending.contracts.unwrap_or(held.abs()).min(held.abs());
                self.deliver(contract, -contracts, ExecutionKind::Assignment);
            }
            None => {}
        }
    }

    /// Says that contracts are not to be exercised, until 17:30 New York of their last day. False when it is too late, or nothing is held.
    pub fn do_not_exercise(&mut self, now: Timestamp, contract: &OptionContract) -> bool {
        self.advance(now);
        let held = self.books.quantity(&Instrument::Option(contract.clone()));
        if !held.is_positive() || self.now >= instant(contract.expiry, DECIDED) {
            return false;
        }
        if !self.kept.contains(contract) {
            self.kept.push(contract.clone());
        }
        true
    }

    /// Ends every option that expires today or has expired, whatever the time of day.
    pub fn expire(&mut self, now: Timestamp) {
        self.advance(now);
        let today = exchange_date(self.now);
        let due = |contract: &OptionContract| contract.expiry <= today;
        let held: Vec<(OptionContract, Quantity)> = self
            .options()
            .filter(|(contract, _)| due(contract))
            .map(|(contract, quantity)| (contract.clone(), quantity))
            .collect();
        for (contract, quantity) in held {
            let share = Instrument::Option(contract.clone()).price_driver();
            let quote = self.quotes.get(&share);
            match quote.and_then(|quote| quote.last.or_else(|| quote.mark())) {
                Some(spot) => self.settle(&contract, quantity, spot),
                None => self.awaits_price = true,
            }
        }
        self.pending.retain(|pending| !due(&pending.contract));
        self.schedule();
    }

    /// Assigns short contracts now. Returns how many were.
    pub fn assign(
        &mut self,
        now: Timestamp,
        contract: &OptionContract,
        contracts: Option<Quantity>,
    ) -> Quantity {
        self.advance(now);
        let held = self.books.quantity(&Instrument::Option(contract.clone()));
        if !held.is_negative() {
            return Quantity::ZERO;
        }
        let assigned = contracts.unwrap_or(held.abs()).min(held.abs());
        self.deliver(contract, -assigned, ExecutionKind::Assignment);
        self.schedule();
        assigned
    }

    fn settle(&mut self, contract: &OptionContract, quantity: Quantity, spot: Price) {
        if quantity.is_zero() {
            return;
        }
        let kept = quantity.is_positive() && self.kept.contains(contract);
        if kept || !self.is_in_the_money(contract, spot) {
            self.close_option(contract, quantity, Price::ZERO, ExecutionKind::Expiration);
            return;
        }
        let kind = if quantity.is_positive() { ExecutionKind::Exercise } else { ExecutionKind::Assignment };
        if contract.is_cash_settled_index() {
            self.close_option(contract, quantity, contract.intrinsic(spot), kind);
        } else {
            self.deliver(contract, quantity, kind);
        }
    }

    /// What the account could not pay for if it were exercised is sold by the broker. What nobody bids for is not exercised.
    fn liquidate_unpayable(&mut self, contract: &OptionContract, quantity: Quantity) {
        let instrument = Instrument::Option(contract.clone());
        let share = instrument.price_driver();
        let Some(spot) = self.quotes.get(&share).and_then(|quote| quote.last.or_else(|| quote.mark())) else {
            return;
        };
        if contract.is_cash_settled_index()
            || self.kept.contains(contract)
            || !self.is_in_the_money(contract, spot)
        {
            return;
        }
        let payable = self.exercisable(contract, quantity);
        let excess = quantity - payable;
        if !excess.is_positive() {
            return;
        }
        let working: Vec<u64> = self.by_instrument.get(&instrument).cloned().unwrap_or_default();
        for seq in working {
            self.end(seq, OrderStatus::Canceled, Some("the broker closes the position".to_owned()));
        }
        match self.quotes.get(&instrument).and_then(|quote| quote.bid).filter(|bid| bid.is_positive()) {
            Some(price) => {
                let leg = LegFill { instrument, side: Side::Sell, quantity: excess, price };
                self.outside_order(leg, ExecutionKind::Liquidation);
            }
            None => {
                if !self.kept.contains(contract) {
                    self.kept.push(contract.clone());
                }
            }
        }
    }

    /// Whole contracts that the account can pay (or deliver) for.
    fn exercisable(&self, contract: &OptionContract, quantity: Quantity) -> Quantity {
        let instrument = Instrument::Option(contract.clone());
        let spec = self.specs.get(&instrument);
        let (deliverable, multiplier) = spec
            .map_or((Decimal::ONE_HUNDRED, Decimal::ONE_HUNDRED), |spec| (spec.deliverable, spec.multiplier));
        let held = self.books.quantity(&instrument.price_driver()).get();
        let account = self.account(self.now);
        let call = contract.right == Right::Call;
        // Shares that the exercise only closes need no money.
        let closes = if call { -held } else { held }.max(Decimal::ZERO);
        let covered = closes.checked_div(deliverable).unwrap_or_default().floor();
        let each = contract.strike.get() * multiplier;
        let affordable = if each <= Decimal::ZERO || (!call && account.kind == AccountKind::Cash) {
            Decimal::ZERO
        } else {
            (account.buying_power / each).floor()
        };
        Quantity::new((covered + affordable).min(quantity.get()))
    }

    /// Contracts (signed) end and shares change hands at the strike.
    fn deliver(&mut self, contract: &OptionContract, quantity: Quantity, kind: ExecutionKind) {
        if quantity.is_zero() {
            return;
        }
        self.close_option(contract, quantity, Price::ZERO, kind);
        let instrument = Instrument::Option(contract.clone());
        let share = instrument.price_driver();
        let spec: &InstrumentSpec = self.spec_or_standard(&instrument);
        let shares = Quantity::new(quantity.abs().get() * spec.deliverable);
        // The money is strike times multiplier, whatever is delivered for it.
        let price = if spec.deliverable == spec.multiplier || spec.deliverable.is_zero() {
            contract.strike
        } else {
            Price::new(contract.strike.get() * spec.multiplier / spec.deliverable)
        };
        let buys = (contract.right == Right::Call) == quantity.is_positive();
        let side = if buys { Side::Buy } else { Side::Sell };
        self.outside_order(LegFill { instrument: share, side, quantity: shares, price }, kind);
    }

    pub(super) fn close_option(
        &mut self,
        contract: &OptionContract,
        quantity: Quantity,
        price: Price,
        kind: ExecutionKind,
    ) {
        let side = if quantity.is_positive() { Side::Sell } else { Side::Buy };
        let instrument = Instrument::Option(contract.clone());
        self.outside_order(LegFill { instrument, side, quantity: quantity.abs(), price }, kind);
    }

    /// An execution that no order made.
    pub(super) fn outside_order(&mut self, leg: LegFill, kind: ExecutionKind) {
        let mut execution = self.execution(None, leg, kind, true);
        if matches!(kind, ExecutionKind::Exercise | ExecutionKind::Assignment)
            && execution.instrument.as_option().is_some()
        {
            execution.fee = self.config.fees.exercise * execution.quantity.get();
        }
        self.book(&execution);
        if kind != ExecutionKind::CorporateAction
            && let Some(mark) = MarketView::quote(self, &execution.instrument).and_then(|quote| quote.mark())
        {
            self.books.mark(&execution.instrument, mark);
        }
        self.events.push(AccountEvent::Execution(execution));
    }
}
