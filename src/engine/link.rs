//! The link to a broker: one task per account that carries out what the core wants sent, and turns outcomes into events.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::brokers::{Broker, SubmitOutcome};
use crate::domain::execution::{AccountEvent, OrderEvent, OrderUpdate};
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::order::{Approved, OrderRequest, OrderStatus};

use super::clock::Clock;

/// Commands that may wait for a broker.
pub(super) const COMMANDS_MAX: usize = 64;

/// What goes to a broker.
pub(super) enum LinkCommand {
    Submit(Box<Approved<OrderRequest>>),
    Cancel(ClientOrderId),
    Replace(ClientOrderId, Box<Approved<OrderRequest>>),
    Ask(ClientOrderId),
}

/// Runs a link until the engine goes.
pub(super) async fn run(
    account: AccountId,
    broker: Arc<dyn Broker>,
    mut commands: mpsc::Receiver<LinkCommand>,
    events: mpsc::Sender<AccountEvent>,
    clock: Clock,
) {
    let link = Link { account, events, clock };
    while let Some(command) = commands.recv().await {
        match command {
            LinkCommand::Submit(order) => {
                let id = order.get().client_order_id;
                let event = match broker.submit(*order).await {
                    SubmitOutcome::Acknowledged(broker_order_id) => {
                        OrderEvent::Acknowledged { broker_order_id }
                    }
                    SubmitOutcome::Rejected(reject) => OrderEvent::Rejected(reject),
                    SubmitOutcome::Unknown(error) => OrderEvent::OutcomeUnknown { reason: error.to_string() },
                };
                link.report(id, event).await;
            }
            LinkCommand::Cancel(id) => match broker.cancel(id).await {
                // That it is gone is said by the broker's stream, not by this answer.
                SubmitOutcome::Acknowledged(_) => {}
                SubmitOutcome::Rejected(reject) => link.report(id, OrderEvent::CancelRejected(reject)).await,
                SubmitOutcome::Unknown(error) => {
                    link.report(id, OrderEvent::OutcomeUnknown { reason: error.to_string() }).await;
                }
            },
            LinkCommand::Replace(id, new) => {
                let new_id = new.get().client_order_id;
                match broker.replace(id, *new).await {
                    SubmitOutcome::Acknowledged(_) => {}
                    SubmitOutcome::Rejected(reject) => {
                        link.report(id, OrderEvent::ReplaceRejected(reject)).await
                    }
                    SubmitOutcome::Unknown(error) => {
                        link.report(new_id, OrderEvent::OutcomeUnknown { reason: error.to_string() }).await;
                    }
                }
            }
            LinkCommand::Ask(id) => {
                if let Ok(found) = broker.order(id).await {
                    let event = match found {
                        Some(report) if !report.status.is_terminal() => {
                            OrderEvent::Acknowledged { broker_order_id: report.broker_order_id }
                        }
                        Some(report) if report.status == OrderStatus::Expired => OrderEvent::Expired,
                        Some(report) if report.status == OrderStatus::Canceled => {
                            OrderEvent::Canceled { reason: None }
                        }
                        Some(_) => continue,
                        None => OrderEvent::NeverReached,
                    };
                    link.report(id, event).await;
                }
            }
        }
    }
}

struct Link {
    account: AccountId,
    events: mpsc::Sender<AccountEvent>,
    clock: Clock,
}

impl Link {
    async fn report(&self, client_order_id: ClientOrderId, event: OrderEvent) {
        let update =
            OrderUpdate { account: self.account.clone(), client_order_id, at: self.clock.now(), event };
        // The engine has ended: nobody is left to tell.
        drop(self.events.send(AccountEvent::Order(update)).await);
    }
}
