//! What comes from brokers: passed on, and counted where it is rare.

use arbion::core::input::Input;
use arbion::domain::execution::{AccountEvent, ExecutionKind, OrderEvent, OrderUpdate};
use arbion::domain::order::{OrderStatus, OriginKind};

use crate::world::World;

impl World {
    pub(crate) fn hear(&mut self, event: AccountEvent) {
        self.write(|| format!("  hears {}", crate::rules::brief(&event)));
        match &event {
            AccountEvent::Order(update) => self.note_update(update),
            AccountEvent::ByBroker(update) => {
                let named = self.engine.order_of(&update.account, &update.broker_order_id);
                self.count(if named.is_some() { "word by the broker's id" } else { "unknown to the stream" });
                if let Some(client_order_id) = named {
                    let (account, at, event) = (update.account.clone(), update.at, update.event.clone());
                    self.note_update(&OrderUpdate { account, client_order_id, at, event });
                }
            }
            AccountEvent::Execution(execution) if execution.kind == ExecutionKind::Bust => {
                self.count("execution busted");
            }
            AccountEvent::Cash(_) => self.count("dividend paid"),
            _ => {}
        }
        self.step(Input::Broker(Box::new(event)));
    }

    fn note_update(&mut self, update: &OrderUpdate) {
        let Some(order) = self.engine.order(update.client_order_id) else { return };
        let fills = matches!(update.event, OrderEvent::Filled(_));
        let package = fills && order.request.subject.instrument().is_none();
        let also = if package && order.status == OrderStatus::Canceled {
            Some("leg filled after cancel")
        } else if package {
            Some("package filled")
        } else if matches!(update.event, OrderEvent::Replaced { .. }) && order.request.reduce_only {
            Some("exit replaced")
        } else if order.request.origin.kind == OriginKind::External {
            match &update.event {
                OrderEvent::Filled(_) => Some("external order filled"),
                OrderEvent::Canceled { .. } if order.status == OrderStatus::PendingCancel => {
                    Some("external order canceled by us")
                }
                _ => None,
            }
        } else {
            None
        };
        let what = match (&update.event, order.status) {
            (OrderEvent::Filled(_), OrderStatus::PendingSubmit) => "fill before acknowledgement",
            (OrderEvent::Filled(_), OrderStatus::Canceled) => "fill after cancel",
            (OrderEvent::Filled(_), OrderStatus::Unknown) => "fill while unknown",
            (OrderEvent::Acknowledged { .. }, OrderStatus::Unknown) => "unknown order found",
            (OrderEvent::Acknowledged { .. }, _) if self.carried.contains(&update.client_order_id) => {
                "acknowledged after restart"
            }
            (OrderEvent::CancelRejected(_), OrderStatus::PendingCancel) => "cancel refused",
            (OrderEvent::Filled(_), OrderStatus::PendingReplace) => "fill while being replaced",
            (OrderEvent::Filled(_), OrderStatus::Replaced) => "fill after being replaced",
            (OrderEvent::Filled(_), _) if order.request.contingency.parent.is_some() => "exit filled",
            (OrderEvent::QuantityChanged { quantity }, _)
                if *quantity <= order.filled_quantity && !order.status.is_terminal() =>
            {
                "exit shrunk to what had filled"
            }
            (OrderEvent::QuantityChanged { .. }, _) => "exit shrunk",
            (OrderEvent::Replaced { .. }, OrderStatus::PendingReplace) => "replaced",
            (OrderEvent::Replaced { .. }, OrderStatus::PendingCancel) => "replaced while being canceled",
            (OrderEvent::ReplaceRejected(_), OrderStatus::PendingReplace) => "replace refused",
            _ => "",
        };
        for what in also.into_iter().chain([what]).filter(|what| !what.is_empty()) {
            self.count(what);
        }
    }
}
