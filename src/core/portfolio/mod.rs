//! The books of one account: executions in, positions, cash and margin out. Every execution counts once.
//!
//! Prices are marks: what a position was last valued at. A position without a mark is valued at the price of the record, else at its cost,
//! and its unrealised gain is absent, never zero by default.

mod lots;
mod margin;

use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::core::table::Table;
use crate::domain::account::{Account, AccountKind, AccountMode};
use crate::domain::calendar::{Calendar, account_day, account_day_end, exchange_date};
use crate::domain::execution::{CashEntry, CashKind, Execution, ExecutionKind};
use crate::domain::ids::{AccountId, ExecutionId};
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::{Currency, Money, Price, Quantity, times};
use crate::domain::position::{Lot, Position};

pub use lots::Holding;
pub use margin::{MarginNeed, cash_securing_puts, option_strategy_margin};

/// What an account is, for its books.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountTerms {
    /// Its id.
    pub account: AccountId,
    /// Cash or margin.
    pub kind: AccountKind,
    /// Paper or live.
    pub mode: AccountMode,
    /// The currency it is kept in.
    pub currency: Currency,
    /// Options level 0 to 4.
    pub options_level: u8,
    /// Cash before the first execution.
    pub opening_cash: Vec<Money>,
}

/// What became of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Taken in.
    New {
        /// Gain or loss it realised, fees of opening and closing taken off.
        realized_pnl: Decimal,
    },
    /// Known already.
    Duplicate,
    /// Known with other figures; the first is kept.
    Conflict {
        /// Quantity and price that are kept.
        kept: (Quantity, Price),
    },
}

/// Cash of a sale that has not settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unsettled {
    settles: Date,
    amount: Decimal,
}

/// One account's books.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Portfolio {
    terms: AccountTerms,
    cash: BTreeMap<Currency, Decimal>,
    rates: BTreeMap<Currency, Decimal>,
    #[serde(with = "holdings_as_list")]
    holdings: Holdings,
    /// Quantity and price of every execution, by id.
    #[serde(with = "seen_in_order")]
    seen: Seen,
    seen_cash: BTreeSet<ExecutionId>,
    unsettled: Vec<Unsettled>,
    realized_pnl: Decimal,
    fees: Decimal,
    day: Option<Date>,
    #[serde(skip)]
    day_end: DayEnd,
    day_start_equity: Decimal,
    deposits_today: Decimal,
    /// What settlement is counted by.
    #[serde(skip, default = "rules")]
    calendar: Arc<Calendar>,
}

fn rules() -> Arc<Calendar> {
    Arc::new(Calendar::nyse())
}

type Holdings = Table<Holding>;

/// What an account comes to, in its currency.
struct Worth {
    cash: Decimal,
    cost: Decimal,
    long_market_value: Decimal,
    short_market_value: Decimal,
    need: MarginNeed,
}

impl Worth {
    fn net_liquidation(&self) -> Decimal {
        self.cash + self.long_market_value + self.short_market_value
    }
}

/// Looked up by every fill and never gone through; the hash is the same in every run.
type Seen = HashMap<ExecutionId, (Quantity, Price), BuildHasherDefault<DefaultHasher>>;

/// When the account day ends, worked out from the day once it is asked for: zones are dear in a backtest's inner loop.
/// It is no part of the books, so that books are equal whether it is known or not.
#[derive(Clone, Copy, Debug, Default)]
struct DayEnd(Option<Timestamp>);

impl PartialEq for DayEnd {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// JSON has no maps with structured keys: holdings are stored as pairs.
mod holdings_as_list {
    use super::{Holding, Holdings, Instrument};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(map: &Holdings, serializer: S) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<Holdings, D::Error> {
        let mut holdings: Holdings = Vec::<(Instrument, Holding)>::deserialize(de)?.into_iter().collect();
        holdings.values_mut().for_each(Holding::revalue);
        Ok(holdings)
    }
}

/// What is stored is the same text whatever the order in which it came.
mod seen_in_order {
    use std::collections::BTreeMap;

    use super::Seen;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(seen: &Seen, serializer: S) -> Result<S::Ok, S::Error> {
        seen.iter().collect::<BTreeMap<_, _>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<Seen, D::Error> {
        Seen::deserialize(de)
    }
}

impl Portfolio {
    /// Books with the opening cash and nothing else.
    #[must_use]
    pub fn new(terms: AccountTerms) -> Self {
        let mut cash = BTreeMap::new();
        for money in &terms.opening_cash {
            *cash.entry(money.currency).or_insert(Decimal::ZERO) += money.amount;
        }
        let opening = cash.get(&terms.currency).copied().unwrap_or_default();
        Self {
            terms,
            cash,
            rates: BTreeMap::new(),
            holdings: Table::default(),
            seen: Seen::default(),
            seen_cash: BTreeSet::new(),
            unsettled: Vec::new(),
            realized_pnl: Decimal::ZERO,
            fees: Decimal::ZERO,
            day: None,
            day_end: DayEnd::default(),
            day_start_equity: opening,
            deposits_today: Decimal::ZERO,
            calendar: rules(),
        }
    }

    /// Sets the exchange's calendar, where another one than that of the rules holds. What is on its way settles on the day it was given.
    pub fn set_calendar(&mut self, calendar: Arc<Calendar>) {
        self.calendar = calendar;
    }

    /// The account's terms.
    #[must_use]
    pub const fn terms(&self) -> &AccountTerms {
        &self.terms
    }

    /// Sets what the account may do.
    pub fn set_rights(&mut self, kind: AccountKind, options_level: u8) {
        self.terms.kind = kind;
        self.terms.options_level = options_level;
    }

    /// Sets what one unit of a currency is worth in the account's.
    pub fn set_rate(&mut self, currency: Currency, rate: Decimal) {
        self.rates.insert(currency, rate);
    }

    /// Units of the account's currency that one unit of `currency` buys, as last set; dollar coins count as dollars.
    #[must_use]
    pub fn rate(&self, currency: Currency) -> Option<Decimal> {
        if currency == self.terms.currency {
            return Some(Decimal::ONE);
        }
        let dollar_coin = matches!(currency.as_str(), "USDC" | "USDT");
        let currency = if dollar_coin { Currency::USD } else { currency };
        if currency == self.terms.currency { Some(Decimal::ONE) } else { self.rates.get(&currency).copied() }
    }

    /// Currencies other than the account's whose rate has been set, in order.
    pub fn rated(&self) -> impl Iterator<Item = Currency> {
        self.rates.keys().copied()
    }

    /// Makes room for so many executions: whoever takes in thousands at once moves none of them as it grows.
    pub fn expect_executions(&mut self, count: usize) {
        self.seen.reserve(count);
    }

    /// Executions taken in so far, those of the journal among them.
    #[must_use]
    pub fn executions_seen(&self) -> usize {
        self.seen.len()
    }

    /// Has an execution been taken in.
    #[must_use]
    pub fn knows(&self, execution: &ExecutionId) -> bool {
        self.seen.contains_key(execution)
    }

    /// Has a cash movement been taken in.
    #[must_use]
    pub fn knows_cash(&self, entry: &ExecutionId) -> bool {
        self.seen_cash.contains(entry)
    }

    /// Takes an execution in, once.
    pub fn apply(&mut self, execution: &Execution) -> Applied {
        match self.seen.entry(execution.execution_id.clone()) {
            Entry::Occupied(known) => {
                let kept = *known.get();
                return if kept == (execution.quantity, execution.price) {
                    Applied::Duplicate
                } else {
                    Applied::Conflict { kept }
                };
            }
            Entry::Vacant(room) => drop(room.insert((execution.quantity, execution.price))),
        }
        Applied::New { realized_pnl: self.book(execution) }
    }

    /// The same for books whose source never repeats itself, such as the paper venue's own: no id is kept.
    pub fn apply_unchecked(&mut self, execution: &Execution) -> Decimal {
        self.book(execution)
    }

    fn book(&mut self, execution: &Execution) -> Decimal {
        self.roll_day(execution.at);
        let mut in_units = Decimal::ZERO;
        let flow = execution.cash_flow();
        let holding = self.holdings.get_or_insert_with(&execution.instrument, || Holding::new(execution));
        let realized = if execution.moves_units_alone() {
            let mark = holding.mark;
            let value = execution.quantity.get() * holding.average_price().get() * execution.multiplier;
            holding.spread(execution.signed_quantity());
            if execution.kind == ExecutionKind::Fee {
                // A unit is worth what it was; only there are fewer.
                if let Some(mark) = mark {
                    holding.set_mark(mark);
                }
                in_units = value;
            }
            Decimal::ZERO
        } else {
            holding.trade(execution, flow)
        };
        if holding.quantity.is_zero() {
            self.holdings.remove(&execution.instrument);
        }
        *self.cash.entry(execution.currency).or_insert(Decimal::ZERO) += flow;
        let rate = self.rate(execution.currency).unwrap_or(Decimal::ONE);
        self.fees += (execution.fee + in_units) * rate;
        self.deposits_today += self.brought_in(execution).unwrap_or_default();
        self.realized_pnl += realized * rate;
        let settles_later =
            matches!(execution.instrument.asset_class(), AssetClass::Equity | AssetClass::Option);
        if settles_later && flow > Decimal::ZERO && self.terms.kind == AccountKind::Cash {
            let settles = self.calendar.settlement_date(exchange_date(execution.at));
            self.unsettled.push(Unsettled { settles, amount: flow });
        }
        realized
    }

    /// Takes a cash movement in, once. False when it was known.
    pub fn apply_cash(&mut self, entry: &CashEntry) -> bool {
        if !self.seen_cash.insert(entry.id.clone()) {
            return false;
        }
        self.roll_day(entry.at);
        *self.cash.entry(entry.currency).or_insert(Decimal::ZERO) += entry.amount;
        let value = entry.amount * self.rate(entry.currency).unwrap_or(Decimal::ONE);
        self.deposits_today += self.paid_in(entry).unwrap_or_default();
        match entry.kind {
            CashKind::Deposit => {}
            CashKind::Fee => self.fees -= value,
            CashKind::Dividend | CashKind::Interest | CashKind::Corporate => self.realized_pnl += value,
        }
        true
    }

    /// What an entry pays in, in the account's currency; `None` for what is earned or spent.
    pub(super) fn paid_in(&self, entry: &CashEntry) -> Option<Decimal> {
        let rate = || self.rate(entry.currency).unwrap_or(Decimal::ONE);
        (entry.kind == CashKind::Deposit).then(|| entry.amount * rate())
    }

    /// What units that come or go without a trade are worth: no gain or loss of the day. `None` for trades.
    pub(super) fn brought_in(&self, execution: &Execution) -> Option<Decimal> {
        let rate = || self.rate(execution.currency).unwrap_or(Decimal::ONE);
        let moved = || execution.signed_quantity().get() * execution.price.get() * execution.multiplier;
        execution.kind.is_without_cash().then(|| moved() * rate())
    }

    /// Sets what was paid in since the equity that the day begins with was recorded.
    pub fn set_deposits_today(&mut self, amount: Decimal) {
        self.deposits_today = amount;
    }

    /// Values a position at a new price. Nothing happens for what is not held. True when it was.
    pub fn mark(&mut self, instrument: &Instrument, price: Price) -> bool {
        match self.holdings.get_mut(instrument) {
            Some(holding) => {
                holding.set_mark(price);
                true
            }
            None => false,
        }
    }

    /// Moves to the account day of `now` if it has turned. True when it did.
    pub fn roll_day(&mut self, now: Timestamp) -> bool {
        if self.unsettled.is_empty() && self.day_end.0.is_some_and(|end| now < end) {
            return false;
        }
        let day = account_day(now);
        let turned = self.day.is_some_and(|before| day > before);
        if turned || self.day.is_none() {
            if turned {
                self.day_start_equity = self.net_liquidation();
                self.deposits_today = Decimal::ZERO;
                for holding in self.holdings.values_mut() {
                    holding.start_day();
                }
            }
            self.day = Some(day);
        }
        self.day_end = DayEnd(self.day.map(account_day_end));
        self.unsettled.retain(|sale| sale.settles > exchange_date(now));
        turned
    }

    /// Sets the equity the account day began with, from the record. What was paid in on days before is not of this one.
    pub fn set_day_start_equity(&mut self, now: Timestamp, equity: Decimal) {
        let today = account_day(now);
        if self.day.replace(today) != Some(today) {
            self.deposits_today = Decimal::ZERO;
        }
        self.day_end = DayEnd::default();
        self.day_start_equity = equity;
    }

    /// Units held, signed.
    #[must_use]
    pub fn quantity(&self, instrument: &Instrument) -> Quantity {
        self.holdings.get(instrument).map_or(Quantity::ZERO, |holding| holding.quantity)
    }

    /// One position, if it is open.
    #[must_use]
    pub fn position(&self, instrument: &Instrument) -> Option<Position> {
        self.holdings.get(instrument).map(|holding| holding.position(&self.terms.account, instrument))
    }

    /// Open positions in instrument order.
    #[must_use]
    pub fn positions(&self) -> Vec<Position> {
        self.holdings
            .iter()
            .map(|(instrument, holding)| holding.position(&self.terms.account, instrument))
            .collect()
    }

    /// What a position was last valued at before this process; nothing happens for what is not held. It stands at that until a mark comes,
    /// so that a loss of the others is seen meanwhile, and none that nobody had.
    pub fn recall(&mut self, instrument: &Instrument, price: Price) {
        if let Some(holding) = self.holdings.get_mut(instrument) {
            holding.set_recorded(price);
        }
    }

    /// Has everything that is held been valued since it is held here: nothing stands at its cost for want of a price.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.holdings.values().all(|holding| holding.mark.is_some())
    }

    /// Open holdings in instrument order.
    pub fn holdings(&self) -> impl Iterator<Item = (&Instrument, &Holding)> {
        self.holdings.iter()
    }

    /// One holding, if it is open.
    #[must_use]
    pub fn holding(&self, instrument: &Instrument) -> Option<&Holding> {
        self.holdings.get(instrument)
    }

    /// Lots of a position, oldest first; empty when flat.
    #[must_use]
    pub fn lots(&self, instrument: &Instrument) -> &[Lot] {
        self.holdings.get(instrument).map_or(&[], |holding| holding.lots.as_slice())
    }

    /// Cash of the account's currency.
    #[must_use]
    pub fn cash(&self) -> Decimal {
        self.cash.get(&self.terms.currency).copied().unwrap_or_default()
    }

    /// Cash by currency, in order; negative is owed.
    pub fn balances(&self) -> impl Iterator<Item = (Currency, Decimal)> {
        self.cash.iter().map(|(currency, amount)| (*currency, *amount))
    }

    /// When the money that pays for a purchase will all have settled; `None` where settled cash is enough, and for what is no purchase. Asked
    /// before the purchase is taken in.
    #[must_use]
    pub fn settles_behind(&self, purchase: &Execution) -> Option<Date> {
        let day = exchange_date(purchase.at);
        let open = || self.unsettled.iter().filter(|sale| sale.settles > day);
        let last = open().map(|sale| sale.settles).max()?;
        let settled = self.total_cash() - open().map(|sale| sale.amount).sum::<Decimal>();
        (purchase.side.is_buy() && -purchase.cash_flow() > settled).then_some(last)
    }

    /// Cash of all currencies in the account's. A currency without a rate is left out.
    fn total_cash(&self) -> Decimal {
        self.cash.iter().filter_map(|(currency, amount)| Some(times(*amount, self.rate(*currency)?))).sum()
    }

    /// Cash and positions at their marks.
    #[must_use]
    pub fn net_liquidation(&self) -> Decimal {
        let positions: Decimal = self
            .holdings
            .values()
            .filter_map(|holding| Some(times(holding.value(), self.rate(holding.currency)?)))
            .sum();
        self.total_cash() + positions
    }

    /// Value of all positions at their marks, long and short ones alike positive.
    #[must_use]
    pub fn gross_value(&self) -> Decimal {
        self.holdings
            .values()
            .filter_map(|holding| Some(times(holding.value(), self.rate(holding.currency)?).abs()))
            .sum()
    }

    /// What the figures leave out, as no rate turns it into the account's currency: cash and positions, by currency.
    #[must_use]
    pub fn unrated(&self) -> Vec<Money> {
        let mut found: BTreeMap<Currency, Decimal> = BTreeMap::new();
        let cash = self.cash.iter().map(|(currency, amount)| (*currency, *amount));
        let held = self.holdings.values().map(|holding| (holding.currency, holding.value()));
        for (currency, amount) in cash.chain(held).filter(|(currency, _)| self.rate(*currency).is_none()) {
            *found.entry(currency).or_default() += amount;
        }
        let named = found.into_iter().filter(|(_, amount)| !amount.is_zero());
        named.map(|(currency, amount)| Money::new(amount, currency)).collect()
    }

    /// The account's figures. `reserved` and buying power are before working orders; see [`Portfolio::account_with`].
    #[must_use]
    pub fn account(&self, now: Timestamp) -> Account {
        self.account_with(now, Decimal::ZERO)
    }

    /// The account's figures with money held back for working orders.
    #[must_use]
    pub fn account_with(&self, _now: Timestamp, reserved: Decimal) -> Account {
        let worth = self.worth();
        let Worth { cash, long_market_value, short_market_value, need, .. } = worth;
        let unrealized_pnl = long_market_value + short_market_value - worth.cost;
        let net_liquidation = worth.net_liquidation();
        Account {
            account: self.terms.account.clone(),
            kind: self.terms.kind,
            mode: self.terms.mode,
            currency: self.terms.currency,
            cash,
            cash_by_currency: self.cash_by_currency(),
            settled_cash: self.settled_cash(cash),
            net_liquidation,
            long_market_value,
            short_market_value,
            buying_power: self.power(&worth, reserved),
            initial_margin: need.initial,
            maintenance_margin: need.maintenance,
            excess_liquidity: net_liquidation - need.maintenance,
            reserved,
            day_pnl: net_liquidation - self.day_start_equity - self.deposits_today,
            day_start_equity: self.day_start_equity + self.deposits_today,
            realized_pnl: self.realized_pnl,
            unrealized_pnl,
            fees: self.fees,
            options_level: self.terms.options_level,
        }
    }

    /// What it can buy for with money held back for working orders, as its figures say it.
    #[must_use]
    pub fn buying_power(&self, reserved: Decimal) -> Decimal {
        self.power(&self.worth(), reserved)
    }

    fn worth(&self) -> Worth {
        let mut sums = margin::PositionSums::default();
        let mut cost = Decimal::ZERO;
        for (instrument, holding) in self.holdings.iter() {
            let Some(rate) = self.rate(holding.currency) else { continue };
            cost += times(holding.cost(), rate);
            sums.add(instrument, holding, times(holding.value(), rate));
        }
        let (long_market_value, short_market_value) = sums.long_and_short();
        Worth {
            cash: self.total_cash(),
            cost,
            long_market_value,
            short_market_value,
            need: sums.finish(self),
        }
    }

    fn settled_cash(&self, cash: Decimal) -> Decimal {
        let unsettled: Decimal = self.unsettled.iter().map(|sale| sale.amount).sum();
        cash - unsettled
    }

    fn power(&self, worth: &Worth, reserved: Decimal) -> Decimal {
        let power = match self.terms.kind {
            AccountKind::Cash => self.settled_cash(worth.cash) - worth.need.secured - reserved,
            AccountKind::Margin => (worth.net_liquidation() - worth.need.initial) * Decimal::TWO - reserved,
        };
        power.max(Decimal::ZERO)
    }

    fn cash_by_currency(&self) -> Vec<Money> {
        let base = self.terms.currency;
        let mut list = vec![Money::new(self.cash(), base)];
        let others = self.cash.iter().filter(|(currency, amount)| **currency != base && !amount.is_zero());
        list.extend(others.map(|(currency, amount)| Money::new(*amount, *currency)));
        list
    }
}

#[cfg(test)]
mod tests;
