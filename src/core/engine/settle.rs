//! Doubts that a person ends: what became of an order that no rule could tell (reliability J5, design decision 5). Never: an order that is not
//! in doubt, a word that the broker's own could not have been.

use crate::core::effect::{Effect, Outcome, RequestId};
use crate::domain::execution::{Execution, ExecutionKind, OrderEvent, OrderUpdate, Reject};
use crate::domain::ids::{ClientOrderId, ExecutionId};
use crate::domain::instrument::InstrumentSpec;
use crate::domain::money::Price;
use crate::domain::order::{Order, OrderFate, OrderStatus, OrderSubject};
use crate::domain::snapshot::Severity;

use super::Engine;
use super::doubt::{doubtful_from, is_unproven};

/// Bytes of an order's id at a broker.
const BROKER_ID_MAX: usize = 64;

impl Engine {
    /// A person says what became of an order in doubt. What the broker shows of it afterwards still counts: a fill is exchanged for the real
    /// one, an order that works all the same is canceled.
    pub(super) fn on_settle(&mut self, request: RequestId, id: ClientOrderId, fate: &OrderFate, why: &str) {
        let event = match self.settled(id, fate, why) {
            Ok(event) => event,
            Err(text) => return self.answer(request, Outcome::Refused(text)),
        };
        let Some(order) = self.book.get(id) else { return };
        let (account, number) = (order.request.account.clone(), order.number);
        self.note(
            Severity::Warning,
            "ORDER_SETTLED",
            format!("order {number} was settled by hand as {fate}: {why}"),
        );
        self.settle(id, event);
        // A cancel that could not say which order it meant.
        if matches!(fate, OrderFate::At { .. }) && self.is_being_canceled(id) {
            self.after_journal.push(Effect::Cancel { account: account.clone(), order: id });
        }
        // Exits of an order that is not there are not there either.
        let ended = matches!(fate, OrderFate::NeverReached | OrderFate::Rejected | OrderFate::Canceled);
        if ended && self.book.get(id).is_some_and(|order| !order.has_filled()) {
            let is_exit = |order: &&Order| order.request.contingency.parent == Some(id) && is_unproven(order);
            let exits: Vec<ClientOrderId> =
                self.book.working().filter(is_exit).map(|exit| exit.request.client_order_id).collect();
            for exit in exits {
                self.settle(exit, OrderEvent::NeverReached);
            }
        }
        // Its fills, and whatever else, are in what the broker shows.
        self.want_statement(&account);
        self.answer(request, Outcome::Orders(vec![id]));
    }

    fn settle(&mut self, id: ClientOrderId, event: OrderEvent) {
        let Some(account) = self.book.get(id).map(|order| order.request.account.clone()) else { return };
        self.doubts.remove(&id);
        self.on_order_update(&OrderUpdate { account, client_order_id: id, at: self.now, event });
    }

    /// The broker's word that the person's stands for.
    fn settled(&self, id: ClientOrderId, fate: &OrderFate, why: &str) -> Result<OrderEvent, String> {
        let order = self.book.get(id).ok_or_else(|| format!("no order {id}"))?;
        let number = order.number;
        // One of which it was said that a person has to tell is in doubt whatever was wished of it since.
        let asked_for = is_unproven(order) && self.is_ambiguous(id);
        let in_doubt = asked_for || doubtful_from(order).is_some_and(|from| from <= self.now);
        if !in_doubt || self.waits_for_disk(id) {
            return Err(format!(
                "order {number} is {}, not in doubt: there is nothing to settle",
                order.status
            ));
        }
        match fate {
            OrderFate::At { broker_order_id: theirs } => {
                let id = theirs.as_str();
                if id.is_empty() || id.len() > BROKER_ID_MAX || !id.chars().all(|c| c.is_ascii_graphic()) {
                    return Err(format!(
                        "an id at a broker is 1 to {BROKER_ID_MAX} plain letters and digits"
                    ));
                }
                if let Some(known) = &order.broker_order_id {
                    return Err(format!("order {number} is {known} at the broker already"));
                }
                if let Some(taken) = self.order_of(&order.request.account, theirs) {
                    let taken =
                        self.book.get(taken).map_or_else(String::new, |taken| taken.number.to_string());
                    return Err(format!("that order at the broker is order {taken} of ours already"));
                }
                Ok(OrderEvent::Acknowledged { broker_order_id: theirs.clone() })
            }
            OrderFate::NeverReached if is_unproven(order) => Ok(OrderEvent::NeverReached),
            OrderFate::NeverReached => Err(format!(
                "order {number} was seen at the broker: settle it as filled, canceled or rejected"
            )),
            OrderFate::Rejected if order.has_filled() => {
                Err(format!("order {number} has filled in part, so that it was not rejected"))
            }
            OrderFate::Rejected => {
                Ok(OrderEvent::Rejected(Reject { code: "SETTLED".into(), message: why.to_owned() }))
            }
            OrderFate::Canceled => Ok(OrderEvent::Canceled { reason: Some(format!("settled: {why}")) }),
            OrderFate::Filled { price } => self.settled_fill(order, *price).map(OrderEvent::Filled),
        }
    }

    /// A fill of everything that is open, which the real one takes the place of when it comes.
    fn settled_fill(&self, order: &Order, price: Price) -> Result<Execution, String> {
        let (id, number) = (order.request.client_order_id, order.number);
        let OrderSubject::Instrument(instrument) = &order.request.subject else {
            return Err(format!(
                "order {number} is a package, of which one price says nothing: name its id at the broker"
            ));
        };
        if order.status == OrderStatus::PendingReplace {
            return Err(format!("order {number} is being replaced: settle the order that takes its place"));
        }
        if !price.is_positive() {
            return Err("the price of a fill is above 0".to_owned());
        }
        let buys = order.request.side.is_buy();
        if let Some(limit) = order.request.pricing.worst_price()
            && (if buys { price > limit } else { price < limit })
        {
            let words = |price| self.market.price_words(instrument, price);
            let (price, limit) = (words(price), words(limit));
            return Err(format!("order {number} cannot have filled at {price}: its limit is {limit}"));
        }
        let standard;
        let spec = match self.market.spec(instrument) {
            Some(spec) => spec,
            None => {
                standard = InstrumentSpec::standard(instrument.clone());
                &standard
            }
        };
        let quantity = order.request.quantity - order.filled_quantity;
        Ok(Execution {
            execution_id: ExecutionId::new(format!("settled-{id}-{}-{price}", order.request.quantity)),
            account: order.request.account.clone(),
            client_order_id: Some(id),
            broker_order_id: order.broker_order_id.clone(),
            instrument: instrument.clone(),
            side: order.request.side,
            quantity,
            price,
            multiplier: spec.multiplier,
            fee: rust_decimal::Decimal::ZERO,
            currency: spec.currency,
            at: self.now,
            kind: ExecutionKind::Inferred,
        })
    }
}
