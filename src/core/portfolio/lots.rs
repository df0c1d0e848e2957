//! One holding: its lots first in first out, average cost, gain and loss.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::execution::Execution;
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::money::{Currency, Price, Quantity, decimal_text, times};
use crate::domain::position::{Lot, Position};

/// What is held of one instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Units, signed: the sum of the lots.
    pub quantity: Quantity,
    /// Lots, oldest first, all of one sign.
    pub lots: Vec<Lot>,
    /// Units of the underlying per unit.
    #[serde(with = "decimal_text")]
    pub multiplier: Decimal,
    /// Currency of the prices.
    pub currency: Currency,
    /// What it was last valued at.
    pub(super) mark: Option<Price>,
    /// What it was last valued at before this process, as the record says: it stands at that until there is a mark.
    #[serde(skip)]
    recorded: Option<Price>,
    /// Gain or loss of what was closed since the position opened, fees taken off.
    #[serde(with = "decimal_text")]
    pub realized: Decimal,
    /// Value when the account day began.
    #[serde(with = "decimal_text")]
    day_start_value: Decimal,
    /// Cash that flowed since, fees included.
    #[serde(with = "decimal_text")]
    day_flow: Decimal,
    /// What was paid for what is held: worked out when it changes, for every order asks for that of all holdings.
    #[serde(skip)]
    cost: Decimal,
}

impl Holding {
    /// An empty holding for what an execution trades.
    #[must_use]
    pub const fn new(execution: &Execution) -> Self {
        Self {
            quantity: Quantity::ZERO,
            lots: Vec::new(),
            multiplier: execution.multiplier,
            currency: execution.currency,
            mark: None,
            recorded: None,
            realized: Decimal::ZERO,
            day_start_value: Decimal::ZERO,
            day_flow: Decimal::ZERO,
            cost: Decimal::ZERO,
        }
    }

    /// Works the cost out again: whatever changes lots calls it, and so must whoever reads a stored holding.
    pub(super) fn revalue(&mut self) {
        let cost = match self.lots.as_slice() {
            [only] => only.price.get() * only.quantity.get(),
            lots => lots.iter().map(|lot| lot.price.get() * lot.quantity.get()).sum(),
        };
        self.cost = times(cost, self.multiplier);
    }

    /// Values it at a new price.
    pub(super) const fn set_mark(&mut self, mark: Price) {
        self.mark = Some(mark);
    }

    /// What it was last valued at before this process.
    pub(super) const fn set_recorded(&mut self, price: Price) {
        self.recorded = Some(price);
    }

    /// Does it stand at a price of before this process, as none has come since.
    #[must_use]
    pub const fn is_of_before(&self) -> bool {
        self.mark.is_none() && self.recorded.is_some()
    }

    /// The newest price it is valued at: its mark, else that of the record.
    #[must_use]
    pub fn last_price(&self) -> Option<Price> {
        self.mark.or(self.recorded)
    }

    /// Takes a fill in, of which the cash flow is known: closes the oldest lots first, opens a lot with the rest. Returns the gain realised.
    pub fn trade(&mut self, execution: &Execution, flow: Decimal) -> Decimal {
        let mut left = execution.signed_quantity();
        let fee_per_unit = if execution.quantity.is_zero() || execution.fee.is_zero() {
            Decimal::ZERO
        } else {
            execution.fee / execution.quantity.get()
        };
        let mut realized = Decimal::ZERO;
        while !left.is_zero()
            && self.lots.first().is_some_and(|lot| lot.quantity.is_negative() != left.is_negative())
        {
            let lot = &mut self.lots[0];
            let closed = left.abs().min(lot.quantity.abs());
            let signed = Quantity::new(
                closed.get() * if lot.quantity.is_negative() { Decimal::NEGATIVE_ONE } else { Decimal::ONE },
            );
            let opening_fees = if closed == lot.quantity.abs() {
                lot.fees
            } else {
                lot.fees * (closed.get() / lot.quantity.abs().get())
            };
            realized += times((execution.price - lot.price).get() * signed.get(), self.multiplier)
                - opening_fees
                - fee_per_unit * closed.get();
            lot.fees -= opening_fees;
            lot.quantity -= signed;
            left += signed;
            if lot.quantity.is_zero() {
                self.lots.remove(0);
            }
        }
        if !left.is_zero() {
            let fees = fee_per_unit * left.abs().get();
            self.lots.push(Lot { opened_at: execution.at, quantity: left, price: execution.price, fees });
        }
        self.quantity += execution.signed_quantity();
        self.realized += realized;
        self.day_flow += flow;
        self.revalue();
        realized
    }

    /// Adds (or takes) units without money: the cost is spread over what is then held, lot by lot.
    pub fn spread(&mut self, added: Quantity) {
        let before = self.quantity;
        let after = before + added;
        if before.is_zero() || after.is_zero() {
            return;
        }
        let ratio = after.get() / before.get();
        let mut sum = Quantity::ZERO;
        for lot in &mut self.lots {
            lot.quantity = Quantity::new(lot.quantity.get() * ratio);
            lot.price = Price::new(lot.price.get() / ratio);
            sum += lot.quantity;
        }
        // Whatever the division left over belongs to the newest lot: lots always sum to the position.
        if let Some(last) = self.lots.last_mut() {
            last.quantity += after - sum;
        }
        self.quantity = after;
        let scaled = |price: Price| Price::new(price.get() / ratio);
        (self.mark, self.recorded) = (self.mark.map(scaled), self.recorded.map(scaled));
        self.revalue();
    }

    /// What it is valued at, once it has been.
    #[must_use]
    pub const fn mark(&self) -> Option<Price> {
        self.mark
    }

    /// Average cost per unit, without fees.
    #[must_use]
    pub fn average_price(&self) -> Price {
        if let [only] = self.lots.as_slice() {
            return only.price;
        }
        let cost: Decimal = self.lots.iter().map(|lot| lot.price.get() * lot.quantity.get()).sum();
        if self.quantity.is_zero() {
            Price::ZERO
        } else {
            Price::new((cost / self.quantity.get()).round_dp(10))
        }
    }

    /// Average cost of so many units that are closed next, without fees; `None` where there are fewer.
    #[must_use]
    pub fn price_of_oldest(&self, quantity: Quantity) -> Option<Price> {
        let (mut left, mut cost) = (quantity.get(), Decimal::ZERO);
        for lot in &self.lots {
            let taken = lot.quantity.get().abs().min(left);
            cost += taken * lot.price.get();
            left -= taken;
        }
        let price = cost.checked_div(quantity.get()).filter(|_| left.is_zero())?;
        Some(Price::new(price.round_dp(12)))
    }

    /// What was paid for what is held, signed, without fees.
    pub(super) const fn cost(&self) -> Decimal {
        self.cost
    }

    /// Value at the mark, signed; while there is none at the price of the record, and at cost without one.
    #[must_use]
    pub fn value(&self) -> Decimal {
        // Prices come far more often than somebody asks.
        self.last_price().map_or(self.cost, |price| times(price.get() * self.quantity.get(), self.multiplier))
    }

    /// Gain at the mark; absent without one.
    #[must_use]
    pub fn unrealized(&self) -> Option<Decimal> {
        self.mark.map(|_| self.value() - self.cost())
    }

    /// A new account day begins.
    pub(super) fn start_day(&mut self) {
        self.day_start_value = self.value();
        self.day_flow = Decimal::ZERO;
    }

    pub(super) fn position(&self, account: &AccountId, instrument: &Instrument) -> Position {
        Position {
            account: account.clone(),
            instrument: instrument.clone(),
            quantity: self.quantity,
            average_price: self.average_price(),
            multiplier: self.multiplier,
            currency: self.currency,
            mark: self.mark,
            market_value: self.mark.map(|_| self.value()),
            unrealized_pnl: self.unrealized(),
            realized_pnl: self.realized,
            day_pnl: self.mark.map(|_| self.value() - self.day_start_value + self.day_flow),
        }
    }
}
