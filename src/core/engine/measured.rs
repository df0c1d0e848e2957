//! What a broker says in numbers that no market has: said in one line and not taken in, so that neither a book nor the process breaks by it.
//! The broker is asked for everything then, and what it shows is what counts.

use std::borrow::Cow;

use crate::domain::execution::{CashEntry, Execution, OrderUpdate};
use crate::domain::ids::{AccountId, ExecutionId};
use crate::domain::measure::{self, Beyond};
use crate::domain::snapshot::Severity;
use crate::domain::statement::Statement;

use super::Engine;

/// Ids of entries that were not taken; after so many, an old one may be said again.
const REFUSED_MAX: usize = 1_000;

impl Engine {
    /// Can the books hold an execution. Where not it is said, once for its id.
    pub(super) fn is_bookable(&mut self, execution: &Execution) -> bool {
        let Err(beyond) = measure::execution(execution) else { return true };
        let what = format!("execution {} of {}", execution.execution_id, execution.instrument);
        self.refuse(&execution.account, &execution.execution_id, &what, beyond);
        false
    }

    /// The same of cash that moved.
    pub(super) fn is_payable(&mut self, entry: &CashEntry) -> bool {
        let Err(beyond) = measure::cash(entry) else { return true };
        let what = format!("cash entry {}", entry.id);
        self.refuse(&entry.account, &entry.id, &what, beyond);
        false
    }

    fn refuse(&mut self, account: &AccountId, id: &ExecutionId, what: &str, beyond: Beyond) {
        if self.refused.len() >= REFUSED_MAX {
            self.refused.clear();
        }
        if !self.refused.insert(id.clone()) {
            return;
        }
        let text = format!("{account}: {what}: {beyond}; not taken, the broker is asked for everything");
        self.note(Severity::Error, "BEYOND_MEASURE", text);
        self.want_statement(account);
    }

    /// Can an order hold what is said of it; a fill was asked about before.
    pub(super) fn is_measured(&mut self, update: &OrderUpdate) -> bool {
        let Err(beyond) = measure::event(&update.event) else { return true };
        let number = self.book.get(update.client_order_id).map(|order| order.number.to_string());
        let text = format!(
            "{}: order {}: {beyond}; not taken, the broker is asked for everything",
            update.account,
            number.unwrap_or_else(|| update.client_order_id.to_string())
        );
        self.note(Severity::Error, "BEYOND_MEASURE", text);
        self.want_statement(&update.account);
        false
    }
}

/// A statement without the parts of which something is beyond measure: a part that cannot be read is not an empty one.
pub(super) fn measured(statement: &Statement) -> Cow<'_, Statement> {
    let beyond_order = statement.orders.iter().flatten().find_map(|report| {
        let beyond = measure::report(report).err()?;
        Some(format!("orders: {} of {}: {beyond}", report.broker_order_id, report.subject))
    });
    let beyond_position = statement.positions.iter().flatten().find_map(|position| {
        let beyond = measure::position(position).err()?;
        Some(format!("positions: {}: {beyond}", position.instrument))
    });
    if beyond_order.is_none() && beyond_position.is_none() {
        return Cow::Borrowed(statement);
    }
    let mut rest = statement.clone();
    if let Some(line) = beyond_order {
        rest.orders = None;
        rest.failures.push(line);
    }
    if let Some(line) = beyond_position {
        rest.positions = None;
        rest.failures.push(line);
    }
    Cow::Owned(rest)
}
