//! Cancels: of one order, by whichever number it has, and of everything.

use super::account::{HyperliquidAccount, error_of, not_sent, oid_of};
use super::actions::{Action, CancelByCloidWire, CancelWire};
use super::{NAME, errors, mapping, twaps, venue};
use crate::brokers::BrokerError;
use crate::domain::execution::OrderEvent;
use crate::domain::ids::{BrokerOrderId, ClientOrderId};
use crate::domain::money::Quantity;
use crate::domain::order::{OrderHandle, OrderSubject, OrderType};

/// Cancels in one action.
const BATCH_MAX: usize = 40;

impl HyperliquidAccount {
    pub(super) async fn take_off(&self, order: &OrderHandle) -> Result<BrokerOrderId, BrokerError> {
        if twaps::is_meant(order) {
            let id = self.end_slices(order).await?;
            // The stream's word of it does not always say of which.
            self.tell(order.client_order_id, OrderEvent::Canceled { reason: None });
            return Ok(id);
        }
        let universe = self.venue().universe().await.map_err(not_sent)?;
        let asset = order.subject.instrument().and_then(|instrument| universe.asset(instrument));
        let asset = asset.ok_or_else(|| BrokerError::NotFound {
            broker: NAME.to_owned(),
            what: format!("instrument {}", order.subject),
        })?;
        // One whose answer was lost must not arrive after its cancel.
        self.keep_from_arriving(order.client_order_id).await;
        let cloid = mapping::cloid(order.client_order_id);
        let action = match oid_of(order) {
            Some(oid) => Action::Cancel { cancels: vec![CancelWire { a: asset.id, o: oid }] },
            None => {
                let cancels = vec![CancelByCloidWire { asset: asset.id, cloid: cloid.clone() }];
                Action::CancelByCloid { cancels }
            }
        };
        let done = self.shared.act(venue::cancel("cancel"), &action, false).await?;
        match venue::each("cancel", done.statuses, 1)?.first().and_then(error_of) {
            Some(error) => Err(error),
            None => Ok(order.broker_order_id.clone().unwrap_or_else(|| BrokerOrderId::new(cloid))),
        }
    }

    pub(super) async fn cancel_everything(&self) -> Result<(), BrokerError> {
        let universe = self.venue().universe().await?;
        let (mut cancels, mut unknown) = (Vec::new(), None);
        // An exit that waits goes with its entry.
        for order in self.open_orders().await?.into_iter().filter(|order| order.oid != 0) {
            let instrument = universe.instrument(&order.coin);
            match instrument.and_then(|instrument| universe.asset(&instrument).map(|asset| asset.id)) {
                Some(a) => cancels.push(CancelWire { a, o: order.oid }),
                None => unknown = Some(order),
            }
        }
        for batch in cancels.chunks(BATCH_MAX) {
            let action = Action::Cancel { cancels: batch.to_vec() };
            let done = self.shared.act(venue::cancel("cancel"), &action, false).await?;
            for status in venue::each("cancel", done.statuses, batch.len())? {
                match error_of(&status) {
                    // It has ended by itself meanwhile.
                    Some(BrokerError::Refused { reject, .. }) if reject.code == "notWorking" => {}
                    Some(error) => return Err(error),
                    None => {}
                }
            }
        }
        for (number, coin) in self.working_twaps().await? {
            let instrument = universe.instrument(&coin);
            let Some(instrument) = instrument.filter(|instrument| universe.asset(instrument).is_some())
            else {
                return Err(BrokerError::NotFound {
                    broker: NAME.to_owned(),
                    what: format!("listing of {}, of which slices still work", errors::shown(&coin)),
                });
            };
            let slices = OrderHandle {
                client_order_id: ClientOrderId::from_u128(0),
                broker_order_id: Some(twaps::broker_order_id(number)),
                subject: OrderSubject::Instrument(instrument),
                order_type: OrderType::Twap,
                filled_quantity: Quantity::ZERO,
            };
            match self.end_slices(&slices).await {
                // It has ended by itself meanwhile.
                Err(BrokerError::Refused { .. }) | Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
        // What can be canceled has been: that something is left is not kept quiet.
        match unknown {
            None => Ok(()),
            Some(order) => Err(BrokerError::NotFound {
                broker: NAME.to_owned(),
                what: format!(
                    "listing of {}, of which order {} still works",
                    errors::shown(&order.coin),
                    order.oid
                ),
            }),
        }
    }
}
