//! Orders of an account: entered, found, canceled, replaced.

use std::time::Duration;

use super::account::CoinbaseAccount;
use super::changes::{Change, Doubtful};
use super::convert::{self, instrument_in};
use super::line::V3;
use super::products::product_id;
use super::wire::{
    CancelAnswer, CancelRequest, ClosePosition, EditAnswer, EditRequest, NewOrder, Order, PlaceAnswer,
    Product,
};
use super::{BROKER, PRIVATE, errors, refused_locally};
use crate::brokers::http::Call;
use crate::brokers::{BrokerError, Certainty, SubmitOutcome, rest_of};
use crate::domain::execution::Reject;
use crate::domain::ids::BrokerOrderId;
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{OrderHandle, OrderRequest, OrderStatus, Pricing, TimeInForce};

/// How long a cancel may take before the order that takes its place is entered.
const CANCEL_WAIT: Duration = Duration::from_secs(8);
const CANCEL_POLL: Duration = Duration::from_millis(100);
/// Around the making of an id, for finding its order: as far as our clock may have been off when it was made.
const AROUND: jiff::SignedDuration = jiff::SignedDuration::from_secs(3_600);

impl CoinbaseAccount {
    pub(super) async fn find(&self, handle: &OrderHandle) -> Result<Option<Order>, BrokerError> {
        if let Some(id) = &handle.broker_order_id {
            return self.order_by_id(id.as_str()).await;
        }
        if let Some(doubtful) = self.changes.doubtful(handle.client_order_id) {
            return self.find_edited(&doubtful).await;
        }
        let mut filter = vec![("product_ids", product_id(instrument_in(&handle.subject)?)?)];
        if let Some(made) = convert::made_at(handle.client_order_id) {
            filter.push(("start_date", made.checked_sub(AROUND).unwrap_or(made).to_string()));
        }
        let wanted = convert::client_id_text(handle.client_order_id);
        Ok(self.list(filter).await?.into_iter().find(|order| order.client_order_id == wanted))
    }

    /// An edit in doubt: it was done if the order's history has it.
    async fn find_edited(&self, doubtful: &Doubtful) -> Result<Option<Order>, BrokerError> {
        let Some(order) = self.order_by_id(&doubtful.broker).await? else { return Ok(None) };
        let last = order.edit_history.as_ref().and_then(|history| history.last());
        let done =
            last.is_some_and(|edit| edit.price == Some(doubtful.price) && edit.size == Some(doubtful.size));
        if !done {
            return Ok(None);
        }
        self.changes.edited(&doubtful.broker, doubtful.change.clone());
        Ok(Some(order))
    }

    pub(super) fn body(&self, order: &OrderRequest, product: &Product) -> Result<NewOrder, BrokerError> {
        let instrument = instrument_in(&order.subject)?;
        // Holdings are kept per coin, not per pair: an order in another currency would be booked against a position that is not there.
        if let Instrument::Crypto { base, quote } = instrument
            && quote.as_str() != self.currency.as_str()
        {
            return Err(refused_locally(
                format!("{instrument} in an account that is kept in {}", self.currency),
                &format!("{base}-{} (or set currency = \"{quote}\" in [brokers.coinbase])", self.currency),
            ));
        }
        let mut body = convert::new_order(order, product, self.line.now())?;
        body.retail_portfolio_id = self.scope().pop().map(|(_, portfolio)| portfolio);
        Ok(body)
    }

    pub(super) async fn place(&self, order: &OrderRequest) -> Result<BrokerOrderId, BrokerError> {
        let product =
            self.products.get(&product_id(instrument_in(&order.subject)?)?).await.map_err(unsent)?;
        let body = self.body(order, &product)?;
        let call = Call::order("order", PRIVATE);
        let answer: PlaceAnswer = if convert::closes_a_future(order) {
            let size = order.quantity.get().normalize();
            let body =
                ClosePosition { client_order_id: body.client_order_id, product_id: body.product_id, size };
            self.line.post(call, &format!("{V3}/orders/close_position"), &body).await?
        } else {
            self.line.post(call, &format!("{V3}/orders"), &body).await?
        };
        if !answer.success {
            return Err(refused(errors::placing(&answer)));
        }
        let id = answer.success_response.map(|placed| placed.order_id).or(answer.order_id);
        id.filter(|id| !id.is_empty()).map(BrokerOrderId::new).ok_or_else(|| BrokerError::Unreadable {
            broker: BROKER.to_owned(),
            call: "order",
            reason: "success_response.order_id: missing field".to_owned(),
        })
    }

    pub(super) async fn cancel_ids(&self, ids: &[String]) -> Result<CancelAnswer, BrokerError> {
        let body = CancelRequest { order_ids: ids };
        self.line.post(Call::cancel("cancel", PRIVATE), &format!("{V3}/orders/batch_cancel"), &body).await
    }

    pub(super) async fn cancel_one(&self, id: &str) -> Result<(), BrokerError> {
        let answer = self.cancel_ids(&[id.to_owned()]).await?;
        let result = answer.results.iter().find(|result| result.order_id == id).or(answer.results.first());
        match result {
            Some(result) if result.success => Ok(()),
            Some(result) => Err(refused(errors::canceling(result))),
            None => Err(BrokerError::Unreadable {
                broker: BROKER.to_owned(),
                call: "cancel",
                reason: "results: it is empty".to_owned(),
            }),
        }
    }

    /// The broker's id of an order, looked up where it is not known.
    pub(super) async fn broker_id(&self, handle: &OrderHandle) -> Result<String, BrokerError> {
        if let Some(id) = &handle.broker_order_id {
            return Ok(id.as_str().to_owned());
        }
        let found = self.find(handle).await?;
        found.map(|order| order.order_id).ok_or_else(|| BrokerError::NotFound {
            broker: BROKER.to_owned(),
            what: format!("order {}", handle.client_order_id),
        })
    }

    pub(super) async fn change(
        &self,
        handle: &OrderHandle,
        new: &OrderRequest,
    ) -> Result<BrokerOrderId, BrokerError> {
        let id = self.broker_id(handle).await.map_err(unsent)?;
        let Some(_guard) = self.changes.begin(&id) else {
            return Err(ended("ORDER_IS_ALREADY_BEING_REPLACED", "a replace of it is on its way"));
        };
        let not_found = || BrokerError::NotFound { broker: BROKER.to_owned(), what: format!("order {id}") };
        let order = self.order_by_id(&id).await.map_err(unsent)?.ok_or_else(not_found)?;
        if order.standing().is_terminal() {
            return Err(ended(
                "ONLY_OPEN_ORDERS_CAN_BE_EDITED",
                &format!("it is {} already", order.standing()),
            ));
        }
        let product = self.products.get(&order.product_id).await.map_err(unsent)?;
        let body = self.body(new, &product)?;
        let change = Change { old: handle.client_order_id, new: new.client_order_id };
        if handle.filled_quantity.is_zero() && is_editable(&order, new, &body) {
            self.edit(&order, new, change).await
        } else {
            self.swap(&order, (new, handle.filled_quantity), change).await
        }
    }

    /// Changes an order in its place. It keeps its id.
    async fn edit(
        &self,
        order: &Order,
        new: &OrderRequest,
        change: Change,
    ) -> Result<BrokerOrderId, BrokerError> {
        let price = new.pricing.limit_price().unwrap_or(Price::ZERO).get().normalize();
        let size = new.quantity.get().normalize();
        let stop_price = new.pricing.stop_price().map(|price| price.get().normalize());
        let body = EditRequest { order_id: order.order_id.clone(), size, price, stop_price };
        let asked = self
            .line
            .post::<EditAnswer>(Call::order("edit", PRIVATE), &format!("{V3}/orders/edit"), &body)
            .await;
        match asked {
            Ok(answer) if answer.success => {
                self.changes.edited(&order.order_id, change);
                Ok(BrokerOrderId::new(&order.order_id))
            }
            Ok(answer) => Err(refused(errors::editing(&answer))),
            Err(error) => {
                if error.outcome() == Certainty::Unknown {
                    let broker = order.order_id.clone();
                    self.changes.doubt(Doubtful { broker, change, price, size });
                }
                Err(error)
            }
        }
    }

    /// What cannot be changed in its place is canceled, and the new order entered once nothing of the old one can fill any more. The new order
    /// is what was left when so much of the old one was known to have filled: what has filled beyond that is taken off it.
    async fn swap(
        &self,
        order: &Order,
        (new, counted): (&OrderRequest, Quantity),
        change: Change,
    ) -> Result<BrokerOrderId, BrokerError> {
        self.cancel_one(&order.order_id).await?;
        let deadline = tokio::time::Instant::now() + CANCEL_WAIT;
        let gone = loop {
            let seen = self.order_by_id(&order.order_id).await?;
            match seen.filter(|order| order.standing().is_terminal()) {
                Some(gone) => break gone,
                None if tokio::time::Instant::now() >= deadline => {
                    let message = "its cancel was taken and has not happened yet; the new order was not sent";
                    return Err(ended("CANCEL_PENDING", message));
                }
                None => tokio::time::sleep(CANCEL_POLL).await,
            }
        };
        if gone.standing() == OrderStatus::Filled {
            return Err(ended("ORDER_IS_FULLY_FILLED", "it filled before it could be replaced"));
        }
        let rest = rest_of(BROKER, new, counted, Quantity::new(gone.filled()))?;
        match self.place(&rest).await {
            Ok(id) => {
                self.changes.superseded(&order.order_id, change);
                Ok(id)
            }
            Err(BrokerError::Refused { reject, .. }) => {
                let message =
                    format!("the old order is canceled, and the new one was refused: {}", reject.message);
                Err(refused(Reject { message, ..reject }))
            }
            // Whatever became of the new one, it is asked about under its own id; the old one has ended for it.
            Err(error) => {
                if error.outcome() == Certainty::Unknown {
                    self.changes.superseded(&order.order_id, change);
                }
                Err(error)
            }
        }
    }
}

/// Can the broker change it in its place: the same kind of good-til-canceled order, of which nothing is filled yet (what had filled before and
/// after an edit could not be told apart).
fn is_editable(order: &Order, new: &OrderRequest, body: &NewOrder) -> bool {
    let (from, to) = (&order.order_configuration, &body.order_configuration);
    let limits = from.limit_limit_gtc.as_ref().zip(to.limit_limit_gtc.as_ref());
    let same_limit =
        limits.is_some_and(|(from, to)| from.post_only.unwrap_or(false) == to.post_only.unwrap_or(false));
    let same_stop = from.stop_limit_stop_limit_gtc.is_some() && to.stop_limit_stop_limit_gtc.is_some();
    order.filled().is_zero()
        && new.time_in_force == TimeInForce::Gtc
        && order.side.eq_ignore_ascii_case(body.side)
        && (same_limit || same_stop && matches!(new.pricing, Pricing::StopLimit { .. }))
}

pub(super) fn refused(reject: Reject) -> BrokerError {
    BrokerError::Refused { broker: BROKER.to_owned(), status: 200, reject }
}

fn ended(code: &str, message: &str) -> BrokerError {
    refused(Reject { code: code.into(), message: message.to_owned() })
}

/// What failed before anything of the command was sent: whatever it was, nothing is in doubt.
fn unsent(error: BrokerError) -> BrokerError {
    match error.outcome() {
        Certainty::Definite => error,
        Certainty::Unknown => {
            BrokerError::Unreachable { broker: BROKER.to_owned(), reason: error.to_string() }
        }
    }
}

/// A command's fate. A read before it that got no answer has sent nothing.
pub(super) fn outcome(result: Result<BrokerOrderId, BrokerError>) -> SubmitOutcome {
    match result {
        Ok(id) => SubmitOutcome::Acknowledged(id),
        Err(error @ BrokerError::NotFound { .. }) => {
            SubmitOutcome::Rejected(Reject { code: "NOT_FOUND".into(), message: error.to_string() })
        }
        Err(error) => SubmitOutcome::from(error),
    }
}
