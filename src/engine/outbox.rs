//! Events that a broker kept by ourselves has reported and the journal may not have yet.
//!
//! A live broker can be asked again what became of an order. The paper venue is our own: it is stored before it reports, so an event that
//! was on its way when the process was killed would be known to nobody. It is therefore stored with the venue until the journal has what
//! it led to, and is reported again at the next start. Reports are idempotent: executions count once by their id.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::core::effect::Ticket;
use crate::domain::execution::AccountEvent;

/// Names a reported event. Rises with every event of an outbox, over restarts too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Receipt(u64);

/// An event on its way to the engine.
#[derive(Debug)]
pub(super) struct Reported {
    /// What happened.
    pub(super) event: AccountEvent,
    /// To be given back once the journal has it. Absent where the broker can be asked again.
    pub(super) receipt: Option<Receipt>,
}

impl From<AccountEvent> for Reported {
    fn from(event: AccountEvent) -> Self {
        Self { event, receipt: None }
    }
}

/// Reported events that nobody has given a receipt back for, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outbox {
    next: u64,
    events: VecDeque<(Receipt, AccountEvent)>,
}

impl Outbox {
    /// Keeps events and says how they are to be handed over, in the same order.
    pub(super) fn keep(&mut self, events: Vec<AccountEvent>) -> Vec<Reported> {
        events
            .into_iter()
            .map(|event| {
                let receipt = Receipt(self.next);
                self.next += 1;
                self.events.push_back((receipt, event.clone()));
                Reported { event, receipt: Some(receipt) }
            })
            .collect()
    }

    /// The journal has everything up to and with this event.
    pub(super) fn settle(&mut self, upto: Receipt) {
        while self.events.front().is_some_and(|(receipt, _)| *receipt <= upto) {
            self.events.pop_front();
        }
    }

    /// What must be reported again after a start, oldest first.
    pub(super) fn unsettled(&self) -> Vec<Reported> {
        self.events
            .iter()
            .map(|(receipt, event)| Reported { event: event.clone(), receipt: Some(*receipt) })
            .collect()
    }
}

/// Receipts that wait for the journal: each under the ticket of the entry that holds what its event led to.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    waiting: VecDeque<(Ticket, Receipt)>,
    /// An entry was lost before it reached the journal: from then on nothing is given back, and the next start reports it all again.
    broken: bool,
}

impl Receipts {
    /// An event led to this entry, or to none. Gives back what is settled by that.
    pub(super) fn add(&mut self, ticket: Option<Ticket>, receipt: Receipt) -> Option<Receipt> {
        match (ticket, self.waiting.back_mut()) {
            (Some(ticket), _) => {
                self.waiting.push_back((ticket, receipt));
                None
            }
            // Nothing to write, but earlier events still wait: settled with them.
            (None, Some((_, last))) => {
                *last = receipt;
                None
            }
            (None, None) => (!self.broken).then_some(receipt),
        }
    }

    /// The journal has this entry, and with it every earlier one: what a failed write left behind goes with the next.
    pub(super) fn journaled(&mut self, ticket: Ticket) -> Option<Receipt> {
        let mut settled = None;
        while self.waiting.front().is_some_and(|(waiting, _)| *waiting <= ticket) {
            settled = self.waiting.pop_front().map(|(_, receipt)| receipt);
        }
        settled.filter(|_| !self.broken)
    }

    /// An entry will never reach the journal.
    pub(super) fn lost(&mut self) {
        self.broken = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::execution::{OrderEvent, OrderUpdate};
    use crate::domain::ids::{AccountId, ClientOrderId};

    fn events(count: u128) -> Vec<AccountEvent> {
        (1..=count)
            .map(|n| {
                AccountEvent::Order(OrderUpdate {
                    account: AccountId::new("paper"),
                    client_order_id: ClientOrderId::from_u128(n),
                    at: jiff::Timestamp::UNIX_EPOCH,
                    event: OrderEvent::Expired,
                })
            })
            .collect()
    }

    #[test]
    fn what_is_not_settled_is_reported_again_after_a_restart() {
        let mut outbox = Outbox::default();
        let receipts: Vec<Receipt> =
            outbox.keep(events(3)).into_iter().filter_map(|reported| reported.receipt).collect();
        outbox.settle(receipts[1]);
        let text = serde_json::to_string(&outbox).unwrap();
        let mut again: Outbox = serde_json::from_str(&text).unwrap();
        let left = again.unsettled();
        assert_eq!((left.len(), left[0].receipt), (1, Some(receipts[2])));
        // Numbers go on where they stood.
        assert!(again.keep(events(1))[0].receipt > Some(receipts[2]));
    }

    #[test]
    fn receipts_go_back_in_order_and_only_once_the_journal_has_them() {
        let mut receipts = Receipts::default();
        assert_eq!(receipts.add(None, Receipt(0)), Some(Receipt(0)));
        assert_eq!(receipts.add(Some(Ticket(7)), Receipt(1)), None);
        // A repeat that leads to nothing may not overtake what waits.
        assert_eq!(receipts.add(None, Receipt(2)), None);
        assert_eq!(receipts.add(Some(Ticket(9)), Receipt(3)), None);
        assert_eq!(receipts.journaled(Ticket(6)), None);
        assert_eq!(receipts.journaled(Ticket(8)), Some(Receipt(2)));
        assert_eq!(receipts.journaled(Ticket(9)), Some(Receipt(3)));
    }

    #[test]
    fn after_a_lost_entry_nothing_is_given_back() {
        let mut receipts = Receipts::default();
        assert_eq!(receipts.add(Some(Ticket(1)), Receipt(1)), None);
        receipts.lost();
        assert_eq!(receipts.add(Some(Ticket(2)), Receipt(2)), None);
        assert_eq!(receipts.journaled(Ticket(2)), None);
        assert_eq!(receipts.add(None, Receipt(3)), None);
    }
}
