//! What a run comes to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use crate::core::effect::BookedExecution;
use crate::domain::denial::DenialCode;
use crate::domain::journal::Trip;
use crate::domain::order::{Order, OrderStatus};
use crate::domain::strategy::DecisionRecord;

use super::days::DayEquity;
use super::told::ToldList;

/// What a backtest did.
#[derive(Clone, Debug)]
pub struct Backtest {
    /// Bars fed.
    pub bars: u64,
    /// Quotes and trades fed, where bars are made of them; else none.
    pub ticks: u64,
    /// Bars at whose end something was held.
    pub bars_held: u64,
    /// Start of the first bar.
    pub from: Option<Timestamp>,
    /// Start of the last bar.
    pub until: Option<Timestamp>,
    /// Cash at the start.
    pub opening_cash: Decimal,
    /// Cash and positions at the end.
    pub final_equity: Decimal,
    /// Fees, positive.
    pub fees: Decimal,
    /// What slippage made fills worse by, positive; it is in their prices.
    pub slippage: Decimal,
    /// Orders placed.
    pub orders: u64,
    /// Orders that risk denied.
    pub denied: u64,
    /// Why, by how many: an order may be denied for several reasons.
    pub denials: BTreeMap<DenialCode, u64>,
    /// Every fill, oldest first.
    pub fills: Vec<BookedExecution>,
    /// Closed trades by closing time.
    pub trips: Vec<Trip>,
    /// Equity of each day, oldest first.
    pub equity: Vec<DayEquity>,
    /// Why a strategy of the host did or did not do something, oldest first; empty for one that bars alone drive. [`Backtest::records`] has both.
    pub decisions: Vec<DecisionRecord>,
    pub(super) told: ToldList,
}

impl Backtest {
    /// Counts an order that risk denied, and why.
    pub(super) fn count_denied(&mut self, order: Option<&Order>) {
        let Some(order) = order.filter(|order| order.status == OrderStatus::Denied) else { return };
        self.denied += 1;
        for denial in &order.denials {
            *self.denials.entry(denial.code).or_default() += 1;
        }
    }

    /// SHA-256 over price, quantity, fee and time of the fills, in hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for BookedExecution { execution: e, .. } in &self.fills {
            // Equal numbers have equal bytes once they are normal.
            for number in [e.price.get(), e.quantity.get(), e.fee] {
                hash.update(number.normalize().serialize());
            }
            hash.update(e.at.as_nanosecond().to_le_bytes());
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
