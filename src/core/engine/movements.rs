//! What moves in an account without an order (strategies §11.4): told to whoever it concerns, then booked, once, by its id. Cash that was
//! followed before its reason came is not counted twice.

use rust_decimal::Decimal;

use crate::domain::corporate::{CorporateActionKind, CorporateReport};
use crate::domain::execution::{CashEntry, CashKind, Execution, ExecutionKind};
use crate::domain::ids::{AccountId, ExecutionId};
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::movement::{BALANCE_ID, Moved, Movement};
use crate::domain::order::Side;

use super::Engine;

/// Decimals of the part that both sides of an exchange are multiples of.
const PART_DECIMALS: u32 = 12;

impl Engine {
    /// Takes a movement in. False when it was known.
    pub(super) fn on_movement(&mut self, movement: &Movement) -> bool {
        let Movement { cash, action, units } = movement;
        let known = |books: &super::Books| books.portfolio.knows_cash(&cash.id);
        if self.accounts.get(&cash.account).is_none_or(known) || !self.is_payable(cash) {
            return false;
        }
        if let Some(action) = action {
            let (account, action) = (cash.account.clone(), action.clone());
            self.on_corporate(&CorporateReport { account, at: cash.at, action });
        }
        let split = matches!(action.as_ref().map(|it| &it.kind), Some(CorporateActionKind::Split { .. }));
        for moved in units {
            match moved {
                // Of what is not held here yet, the comparison of positions will see all there is.
                Moved::Units(execution)
                    if execution.moves_units_alone() && self.is_of_nothing(execution, split) => {}
                Moved::Units(execution) if execution.kind == ExecutionKind::Transfer => {
                    self.transfer(execution);
                }
                Moved::Units(execution) => self.on_execution(execution),
                Moved::Exchanged { id, from, quantity, into, into_quantity } => {
                    self.exchange(cash, id, (from, *quantity), (into, *into_quantity));
                }
            }
        }
        let followed = self.followed(cash);
        self.on_cash(cash.clone());
        followed.into_iter().for_each(|entry| self.on_cash(entry));
        true
    }

    /// A split of something that is not held, or fewer of it: what it cost is not known. Units of something new have cost nothing.
    fn is_of_nothing(&self, execution: &Execution, split: bool) -> bool {
        let held = self.held(&execution.account, &execution.instrument);
        held.is_zero() && (split || execution.side == Side::Sell)
    }

    /// Units that came or went without a trade. What goes takes what it had cost along; what comes costs what the broker says of it, else what
    /// it is worth now, else what its like had cost. Of what goes and is not here, and of what comes and has no price, the comparison of
    /// positions will see all there is.
    fn transfer(&mut self, execution: &Execution) {
        let Some(books) = self.accounts.get(&execution.account) else { return };
        let holding = books.portfolio.holding(&execution.instrument);
        let held = holding.map(|holding| holding.quantity).unwrap_or_default();
        let goes = held.is_positive() != execution.side.is_buy();
        let price = if goes && !held.is_zero() {
            holding.and_then(|holding| holding.price_of_oldest(execution.quantity))
        } else if execution.side.is_buy() {
            let said = Some(execution.price).filter(|price| price.is_positive());
            let worth = self.market.quote(&execution.instrument).and_then(crate::domain::quote::Quote::mark);
            said.or(worth).or_else(|| holding.map(|holding| holding.average_price()))
        } else {
            None
        };
        let Some(price) = price else { return };
        let execution = Execution { price, ..execution.clone() };
        self.on_execution(&execution);
        self.tell_unexplained(
            &execution.account,
            &execution.instrument,
            &format!("{} {} by a transfer", execution.signed_quantity(), execution.instrument),
        );
    }

    /// One thing became another, at what it had cost.
    fn exchange(
        &mut self,
        cash: &CashEntry,
        id: &ExecutionId,
        (from, quantity): (&Instrument, Quantity),
        (into, into_quantity): (&Instrument, Quantity),
    ) {
        let Some(books) = self.accounts.get(&cash.account) else { return };
        let Some(holding) = books.portfolio.holding(from) else { return };
        let long = holding.quantity.is_positive();
        let out = holding.quantity.abs().min(quantity);
        let came = into_quantity.get().checked_mul(out.get()).and_then(|all| all.checked_div(quantity.get()));
        let came = came.unwrap_or_default();
        if came.is_zero() {
            return;
        }
        // A price on either side such that what goes and what comes are worth the same to the last digit.
        let part = (holding.average_price().get() / came).round_dp(PART_DECIMALS);
        let (price, into_price) = (part * came, part * out.get());
        let (multiplier, currency) = (holding.multiplier, holding.currency);
        let one = |end: &str, instrument: &Instrument, side, units, price| Execution {
            execution_id: ExecutionId::new(format!("{id}-{end}")),
            account: cash.account.clone(),
            client_order_id: None,
            broker_order_id: None,
            instrument: instrument.clone(),
            side,
            quantity: Quantity::new(units),
            price: Price::new(price),
            multiplier,
            fee: Decimal::ZERO,
            currency,
            at: cash.at,
            kind: ExecutionKind::CorporateAction,
        };
        let (away, back) = if long { (Side::Sell, Side::Buy) } else { (Side::Buy, Side::Sell) };
        let out = one("out", from, away, out.get(), price);
        let mut into = one("in", into, back, came, into_price);
        // Both ends or neither.
        if !self.is_bookable(&out) || !self.is_bookable(&into) {
            return;
        }
        into.fee = out.cash_flow() + into.cash_flow();
        self.on_execution(&out);
        self.on_execution(&into);
    }

    /// The entry that takes cash out again that was followed before its reason came: it happened before our cash was last brought to what the
    /// broker shows.
    fn followed(&self, entry: &CashEntry) -> Option<CashEntry> {
        let books = self.accounts.get(&entry.account)?;
        let at = books.unexplained.followed_at(entry.currency).filter(|at| entry.at <= *at)?;
        (!entry.amount.is_zero()).then(|| CashEntry {
            id: ExecutionId::new(format!("explained-{}", entry.id)),
            kind: CashKind::Deposit,
            amount: -entry.amount,
            instrument: None,
            at,
            ..entry.clone()
        })
    }

    /// Keeps in mind when cash was followed, by an entry that has just been booked or comes from the journal.
    pub(super) fn saw_cash(&mut self, entry: &CashEntry) {
        if entry.kind == CashKind::Deposit && entry.id.as_str().starts_with(BALANCE_ID) {
            let account: &AccountId = &entry.account;
            if let Some(books) = self.accounts.get_mut(account) {
                books.unexplained.followed(entry.currency, entry.at);
            }
        }
    }
}
