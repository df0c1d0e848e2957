//! The link to a broker: one task per account that carries out what the core wants sent, and turns outcomes into events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::brokers::{Broker, SubmitOutcome};
use crate::domain::execution::{AccountEvent, OrderEvent, OrderUpdate};
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::order::{Approved, OrderRequest, OrderStatus, PositionEffect, Side};

use super::clock::Clock;

/// Commands that may wait for a broker.
pub(super) const COMMANDS_MAX: usize = 64;

/// What a broker reports at a time.
pub(super) struct Reported {
    /// In order.
    pub(super) events: Vec<AccountEvent>,
    /// The paper venue as these events left it, as JSON: stored in the transaction that books them, so that a kill between the two is
    /// impossible and no fill is lost or comes twice.
    pub(super) venue: Option<(AccountId, String)>,
}

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
    reports: mpsc::Sender<Reported>,
    clock: Clock,
    halted: Arc<AtomicBool>,
) {
    let link = Link { account, reports, clock };
    while let Some(command) = commands.recv().await {
        match command {
            LinkCommand::Submit(order) if halted.load(Ordering::Acquire) && opens(order.get()) => {
                // The kill switch came after this was let out and before it was sent.
                link.report(order.get().client_order_id, OrderEvent::NeverReached).await;
            }
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
                let asked = link.clock.now();
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
                        None if broker.shows_at_once() => OrderEvent::NeverReached,
                        None => {
                            link.report_at(asked, id, OrderEvent::NotFound).await;
                            continue;
                        }
                    };
                    link.report(id, event).await;
                }
            }
        }
    }
}

/// Could this order open or enlarge a position.
fn opens(order: &OrderRequest) -> bool {
    let closes = order.reduce_only
        || match order.position_effect {
            Some(effect) => effect == PositionEffect::Close,
            None => matches!(order.side, Side::Sell | Side::BuyToCover),
        };
    !closes
}

struct Link {
    account: AccountId,
    reports: mpsc::Sender<Reported>,
    clock: Clock,
}

impl Link {
    async fn report(&self, client_order_id: ClientOrderId, event: OrderEvent) {
        self.report_at(self.clock.now(), client_order_id, event).await;
    }

    async fn report_at(&self, at: Timestamp, client_order_id: ClientOrderId, event: OrderEvent) {
        let update = OrderUpdate { account: self.account.clone(), client_order_id, at, event };
        let reported = Reported { events: vec![AccountEvent::Order(update)], venue: None };
        if self.reports.send(reported).await.is_err() {
            tracing::debug!("the engine has ended: nobody is left to tell");
        }
    }
}
