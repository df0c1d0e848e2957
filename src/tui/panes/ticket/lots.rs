//! Tax lots that a sale closes: numbers of the orders that bought them. They are checked before the order is shown, and written beside it once
//! it went; the order itself knows nothing of them.

use std::collections::BTreeMap;

use crate::client::message::{HistoryQuery, OrderRef};
use crate::client::{Reply, Request, SessionError};
use crate::domain::ids::OrderNumber;
use crate::domain::instrument::Instrument;
use crate::domain::journal::TAGS_MAX;
use crate::domain::order::{Order, OrderSubject};
use crate::domain::snapshot::Snapshot;
use crate::domain::text::clean;
use crate::tui::panes::PaneKind;
use crate::tui::wish::{Purpose, Wish};

/// Lots named for one sale: each is a tag beside it.
const LOTS_MAX: usize = TAGS_MAX;

/// What stands in the way of lots that were typed.
#[derive(Debug, PartialEq, Eq)]
pub enum Hold {
    /// They cannot be: one line for the user.
    Not(String),
    /// These orders are none of today's: they are to be asked for first.
    Unknown(Vec<OrderNumber>),
}

/// What was learned of orders that were named as lots and are none of today's.
#[derive(Debug, Default)]
pub struct Bought {
    known: BTreeMap<OrderNumber, bool>,
    /// Of which instrument.
    instrument: Option<Instrument>,
}

impl Bought {
    /// The lots of a text such as `12, 15`, each an order that bought this instrument. Empty where none are named.
    ///
    /// # Errors
    /// When the text is no list of numbers, when one of them bought something else, or as long as one of them is not known.
    pub fn lots(
        &self,
        text: &str,
        instrument: &Instrument,
        snapshot: &Snapshot,
    ) -> Result<Vec<OrderNumber>, Hold> {
        let lots = numbers(text)?;
        let mut unknown = Vec::new();
        for lot in &lots {
            let today = snapshot.orders.iter().find(|order| order.number == *lot);
            let learned = self.known.get(lot).filter(|_| self.instrument.as_ref() == Some(instrument));
            match today.map(|order| has_bought(order, instrument)).or(learned.copied()) {
                Some(true) => {}
                Some(false) => return Err(Hold::Not(format!("order {lot} bought no {instrument}"))),
                None => unknown.push(*lot),
            }
        }
        if unknown.is_empty() { Ok(lots) } else { Err(Hold::Unknown(unknown)) }
    }

    /// Asks for orders that are none of today's.
    #[must_use]
    pub fn questions(orders: &[OrderNumber]) -> Vec<Wish> {
        let question = |number: &OrderNumber| {
            let order = Some(OrderRef::Number(*number));
            let query = HistoryQuery { order, limit: 1, ..HistoryQuery::default() };
            Wish::Ask(Request::OrderHistory(query), Purpose::Pane(PaneKind::Ticket, number.0))
        };
        orders.iter().map(question).collect()
    }

    /// What came back of the question for an order.
    ///
    /// # Errors
    /// When it was not answered: one line for the user.
    pub fn answer(
        &mut self,
        number: OrderNumber,
        instrument: &Instrument,
        reply: Result<Reply, SessionError>,
    ) -> Result<(), String> {
        if self.instrument.as_ref() != Some(instrument) {
            *self = Self { known: BTreeMap::new(), instrument: Some(instrument.clone()) };
        }
        let found = match reply {
            Ok(Reply::Orders(orders)) => {
                orders.iter().any(|o| o.number == number && has_bought(o, instrument))
            }
            Ok(_) => return Err(format!("order {number} could not be looked up")),
            Err(error) => return Err(clean(&format!("order {number}: {error}")).into_owned()),
        };
        self.known.insert(number, found);
        Ok(())
    }
}

fn has_bought(order: &Order, instrument: &Instrument) -> bool {
    let same = matches!(&order.request.subject, OrderSubject::Instrument(of) if of == instrument);
    same && order.request.side.is_buy() && order.filled_quantity.is_positive()
}

fn numbers(text: &str) -> Result<Vec<OrderNumber>, Hold> {
    let mut lots = Vec::new();
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        let number = word.trim_start_matches('#').parse().map(OrderNumber);
        let number =
            number.map_err(|_| Hold::Not(format!("{} is no number of an order; as 12, 15", clean(word))))?;
        if !lots.contains(&number) {
            lots.push(number);
        }
    }
    if lots.len() > LOTS_MAX {
        return Err(Hold::Not(format!("at most {LOTS_MAX} lots are named for a sale")));
    }
    Ok(lots)
}

/// `lots 12, 15`, or `lot 12`.
#[must_use]
pub fn words(lots: &[OrderNumber]) -> String {
    let listed: Vec<String> = lots.iter().map(ToString::to_string).collect();
    format!("{} {}", if lots.len() == 1 { "lot" } else { "lots" }, listed.join(", "))
}
