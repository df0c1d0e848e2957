//! A company's shares trade under another symbol: positions, orders and whatever waits follow it, their ids stay (strategies §11.4).

use rust_decimal::Decimal;

use crate::domain::corporate::{renamed, renamed_contract};
use crate::domain::execution::OrderEvent;
use crate::domain::instrument::{Instrument, InstrumentSpec, Symbol};
use crate::domain::money::Quantity;
use crate::domain::order::OrderSubject;

use super::Venue;

/// What an instrument is called once shares of `old` are called `to`; `None` where it has nothing to do with them.
impl Venue {
    pub(super) fn rename(&mut self, old: &Instrument, to: &Symbol) {
        let held: Vec<(Instrument, Quantity)> = self
            .books
            .holdings()
            .filter(|(instrument, _)| instrument.price_driver() == *old)
            .map(|(instrument, holding)| (instrument.clone(), holding.quantity))
            .collect();
        let named: Vec<Instrument> =
            self.specs.keys().filter(|it| it.price_driver() == *old).cloned().collect();
        for instrument in named {
            let Some(new) = renamed(&instrument, old, to) else { continue };
            self.rename_terms(&instrument, new);
        }
        for (instrument, quantity) in held {
            let Some(new) = renamed(&instrument, old, to) else { continue };
            let holding = self.books.holding(&instrument);
            let Some((cost, mark)) = holding.map(|holding| (holding.average_price(), holding.mark())) else {
                continue;
            };
            self.swap(&instrument, &new, quantity, Decimal::ONE, cost);
            if let Some(mark) = mark {
                self.books.mark(&new, mark);
            }
        }
        self.rename_orders(old, to);
        self.rename_waiting(old, to);
    }

    /// Terms, prices and what was learnt.
    fn rename_terms(&mut self, instrument: &Instrument, new: Instrument) {
        if let Some(spec) = self.specs.remove(instrument) {
            self.specs.insert(new.clone(), InstrumentSpec { instrument: new.clone(), ..spec });
        }
        if let Some(mut quote) = self.quotes.remove(instrument) {
            quote.instrument = new.clone();
            self.quotes.insert(new.clone(), quote);
        }
        if let Some(shown) = self.shown.remove(instrument) {
            self.shown.insert(new.clone(), shown);
        }
        if let Some(stats) = self.stats.remove(instrument) {
            self.stats.insert(new.clone(), stats);
        }
        if let Some(learning) = self.learning.remove(instrument) {
            self.learning.insert(new, learning);
        }
    }

    fn rename_orders(&mut self, old: &Instrument, to: &Symbol) {
        let mut told = Vec::new();
        for order in self.orders.values_mut() {
            let mut moved = false;
            let mut change = |instrument: &mut Instrument| {
                if let Some(new) = renamed(instrument, old, to) {
                    *instrument = new;
                    moved = true;
                }
            };
            match &mut order.request.subject {
                OrderSubject::Instrument(instrument) => change(instrument),
                OrderSubject::Legs(legs) => legs.iter_mut().for_each(|leg| change(&mut leg.instrument)),
            }
            if moved {
                told.push((order.request.client_order_id, order.request.subject.clone()));
            }
        }
        if told.is_empty() {
            return;
        }
        self.by_instrument.clear();
        let listed: Vec<_> = self.orders.iter().map(|(seq, order)| (*seq, order.request.clone())).collect();
        for (seq, request) in listed {
            self.index(seq, &request);
        }
        for (id, subject) in told {
            self.report(id, self.now, OrderEvent::Renamed { subject });
        }
    }

    /// Dividends on their way, decisions about options, and marks put on an instrument.
    fn rename_waiting(&mut self, old: &Instrument, to: &Symbol) {
        let change = |instrument: &mut Instrument| {
            if let Some(new) = renamed(instrument, old, to) {
                *instrument = new;
            }
        };
        for entry in &mut self.payable {
            entry.instrument.iter_mut().for_each(change);
        }
        for spec in &mut self.adjusted {
            change(&mut spec.instrument);
        }
        for action in &mut self.announced {
            change(&mut action.instrument);
        }
        let contracts = self.pending.iter_mut().map(|pending| &mut pending.contract).chain(&mut self.kept);
        for contract in contracts {
            if Instrument::Option(contract.clone()).price_driver() == *old {
                *contract = renamed_contract(contract, to);
            }
        }
        for set in [&mut self.in_lieu, &mut self.frozen] {
            *set = std::mem::take(set).into_iter().map(|it| renamed(&it, old, to).unwrap_or(it)).collect();
        }
    }
}
