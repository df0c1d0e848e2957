//! Good-faith violations of cash accounts: something bought with the proceeds of a sale that had not settled, and sold before they had.
//! Source: Regulation T, 12 CFR 220.8(c), as brokers count it; reliability 4.3.

use std::collections::{BTreeMap, VecDeque};

use jiff::civil::Date;

use crate::domain::calendar::{exchange_date, plus_days};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::Quantity;

/// Violations within a year from which brokers restrict an account to settled cash.
pub const GOOD_FAITH_MAX: usize = 3;
/// Days that a violation counts.
const DAYS: i64 = 365;
/// Violations remembered: far more than any broker lets pass.
const REMEMBERED_MAX: usize = 64;

/// The violations of one cash account.
#[derive(Clone, Debug, Default)]
pub struct GoodFaith {
    /// What was bought with money that settles on this day at the latest.
    unpaid: BTreeMap<Instrument, Date>,
    /// Days of violations, rising, with the order that made each: its fills are one.
    days: VecDeque<(Date, Option<ClientOrderId>)>,
}

impl GoodFaith {
    /// Takes an execution in, with the units held before it and the day on which all the cash that paid for it will have settled (`None`
    /// where settled cash was enough). True when it is a violation that was not counted yet.
    pub fn record(&mut self, execution: &Execution, held: Quantity, settles: Option<Date>) -> bool {
        let class = execution.instrument.asset_class();
        let security = matches!(class, AssetClass::Equity | AssetClass::Option);
        if !security || execution.kind != ExecutionKind::Trade {
            return false;
        }
        let (day, instrument) = (exchange_date(execution.at), &execution.instrument);
        if execution.side.is_buy() {
            if let Some(settles) = settles.filter(|_| !held.is_negative()) {
                let latest = self.unpaid.entry(instrument.clone()).or_insert(settles);
                *latest = settles.max(*latest);
            }
            return false;
        }
        let early = held.is_positive() && self.unpaid.get(instrument).is_some_and(|settles| day < *settles);
        if !held.is_positive() || execution.quantity >= held || !early {
            self.unpaid.remove(instrument);
        }
        let by = execution.client_order_id;
        let counted = by.is_some() && self.days.iter().any(|(_, other)| *other == by);
        if !early || counted {
            return false;
        }
        self.days.push_back((day, by));
        if self.days.len() > REMEMBERED_MAX {
            self.days.pop_front();
        }
        true
    }

    /// Violations within a year before `today`.
    #[must_use]
    pub fn count(&self, today: Date) -> usize {
        let since = plus_days(today, -DAYS);
        self.days.iter().rev().take_while(|(day, _)| *day > since).count()
    }

    /// Until when a sale of this would be a violation: the money that bought it settles on that day.
    #[must_use]
    pub fn unpaid_until(&self, instrument: &Instrument) -> Option<Date> {
        self.unpaid.get(instrument).copied()
    }
}
