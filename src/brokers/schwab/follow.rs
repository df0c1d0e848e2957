//! What happens in an account, told as it happens: the streamer's word of an order is a hint to ask for it, and what is new in the answer is
//! told once. Beside it, working orders are asked for every few seconds, for words can be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::account::SchwabAccount;
use super::fees::Fees;
use super::streamer::Heard;
use super::wire::Order;
use super::{NAME, report, wire};
use crate::brokers::{AccountStream, BrokerError};
use crate::domain::execution::{AccountEvent, OrderEvent, OrderUpdate, Reject};
use crate::domain::ids::{BrokerOrderId, ExecutionId};
use crate::domain::order::OrderStatus;
use crate::domain::statement::BrokerUpdate;

/// Words of one order come in bunches.
const SETTLES: Duration = Duration::from_millis(250);
/// Between two questions for everything that works.
const POLL: Duration = Duration::from_secs(5);
/// Before a question that failed is asked again.
const AGAIN: Duration = Duration::from_secs(2);
/// Orders that are remembered as told.
const TOLD_MAX: usize = 20_000;

/// What was told of an order.
#[derive(Debug, Default)]
struct Told {
    fills: BTreeSet<ExecutionId>,
    status: Option<OrderStatus>,
}

/// What was told.
#[derive(Default)]
struct Follower {
    told: BTreeMap<String, Told>,
    /// A fill was told whose fees are to be asked for.
    filled: bool,
}

impl Follower {
    /// What is new in an order and in what hangs on it.
    fn news(&mut self, account: &SchwabAccount, order: &Order) -> Result<Vec<AccountEvent>, BrokerError> {
        let (mut flat, mut events) = (Vec::new(), Vec::new());
        report::flat(order, &mut flat);
        let known = account.known();
        for order in flat {
            let ours = known.of(&order.order_id);
            let executions = report::executions(order, &account.id, ours)?;
            let status = report::state(order).status;
            let id = BrokerOrderId::new(order.order_id.as_str());
            let at = order.close_time.as_deref().and_then(wire::time).unwrap_or_else(|| account.now());
            let by_broker = |at: Timestamp, event| {
                AccountEvent::ByBroker(BrokerUpdate {
                    account: account.id.clone(),
                    broker_order_id: id.clone(),
                    at,
                    event,
                })
            };
            if self.told.len() >= TOLD_MAX && !self.told.contains_key(&order.order_id) {
                self.told.retain(|_, told| !told.status.is_some_and(OrderStatus::is_terminal));
            }
            let told = self.told.entry(order.order_id.clone()).or_default();
            if told.status.is_none() && status != OrderStatus::Rejected {
                let event = OrderEvent::Acknowledged { broker_order_id: id.clone() };
                let at = report::entered_at(order).unwrap_or(at);
                events.push(match ours {
                    // An exit of a bracket of ours learns its id here.
                    Some((client_order_id, _)) => AccountEvent::Order(OrderUpdate {
                        account: account.id.clone(),
                        client_order_id,
                        at,
                        event,
                    }),
                    None => by_broker(at, event),
                });
            }
            for execution in executions {
                if told.fills.insert(execution.execution_id.clone()) {
                    self.filled = true;
                    events.push(by_broker(execution.at, OrderEvent::Filled(execution)));
                }
            }
            if told.status != Some(status) {
                told.status = Some(status);
                let reason = order.status_description.as_deref().map(words);
                events.extend(ended(status, reason).map(|event| by_broker(at, event)));
            }
        }
        Ok(events)
    }
}

/// A description, cleaned; a text that comes twice, joined by a bar, is shown once.
fn words(text: &str) -> String {
    let mut parts: Vec<&str> = text.split('|').map(str::trim).filter(|part| !part.is_empty()).collect();
    parts.dedup();
    crate::domain::text::clean(&parts.join("; ")).into_owned()
}

/// The event of an order's end. A replaced one is told by whoever replaced it.
fn ended(status: OrderStatus, reason: Option<String>) -> Option<OrderEvent> {
    match status {
        OrderStatus::Canceled => Some(OrderEvent::Canceled { reason }),
        OrderStatus::Expired => Some(OrderEvent::Expired),
        OrderStatus::Rejected => Some(OrderEvent::Rejected(Reject {
            code: "REJECTED".into(),
            message: reason.unwrap_or_else(|| "Schwab gives no reason".to_owned()),
        })),
        _ => None,
    }
}

fn unheard() -> BrokerError {
    BrokerError::Unreachable { broker: NAME.to_owned(), reason: "nobody listens".to_owned() }
}

/// Follows an account until nobody listens or the login ends.
pub async fn watch(account: &SchwabAccount, events: mpsc::Sender<AccountStream>) -> BrokerError {
    let mut heard = account.streamer.listen();
    let mut follower = Follower::default();
    let mut due: BTreeMap<String, Instant> = BTreeMap::new();
    let (mut up, mut waiting) = (false, false);
    let mut fees = Fees::new();
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        if std::mem::take(&mut follower.filled) {
            fees.filled();
        }
        let next = due.values().min().copied();
        let ready = async {
            match next {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let asked = tokio::select! {
            biased;
            () = events.closed() => return unheard(),
            word = heard.recv() => match word {
                Some(Heard::Up) => { (up, waiting) = (false, true); Ok(()) }
                Some(Heard::Down { reason, retry_at }) => {
                    (up, waiting) = (false, false);
                    tell(&events, AccountStream::Down { reason, retry_at }).await
                }
                Some(Heard::Activity(word)) if word.account == account.number.account_number => {
                    due.entry(word.order_id.clone()).or_insert_with(|| Instant::now() + SETTLES);
                    Ok(())
                }
                Some(Heard::Ended(error)) => return error,
                Some(_) => Ok(()),
                None => return unheard(),
            },
            () = ready => ask_due(account, &events, &mut follower, &mut due).await,
            () = tokio::time::sleep_until(fees.due()), if up => ask_fees(account, &events, &mut fees).await,
            _ = poll.tick(), if up => ask_all(account, &events, &mut follower).await,
            () = std::future::ready(()), if waiting => {
                match baseline(account, &mut follower).await {
                    Ok(()) => { (up, waiting) = (true, false); tell(&events, AccountStream::Up).await }
                    Err(error @ BrokerError::Unauthorized { .. }) => return error,
                    Err(error) => {
                        tracing::info!(broker = NAME, %error, "the account's orders are asked for again");
                        tokio::time::sleep(AGAIN).await;
                        Ok(())
                    }
                }
            }
        };
        if let Err(error) = asked {
            return error;
        }
    }
}

async fn tell(events: &mpsc::Sender<AccountStream>, word: AccountStream) -> Result<(), BrokerError> {
    events.send(word).await.map_err(|_| unheard())
}

/// What there is when the stream comes up was told, or is asked for by the engine now.
async fn baseline(account: &SchwabAccount, follower: &mut Follower) -> Result<(), BrokerError> {
    for order in account.orders_since(account.now()).await? {
        follower.news(account, &order)?;
    }
    Ok(())
}

/// Asks for the orders whose words have settled.
async fn ask_due(
    account: &SchwabAccount,
    events: &mpsc::Sender<AccountStream>,
    follower: &mut Follower,
    due: &mut BTreeMap<String, Instant>,
) -> Result<(), BrokerError> {
    let now = Instant::now();
    let ids: Vec<String> = due.iter().filter(|(_, at)| **at <= now).map(|(id, _)| id.clone()).collect();
    for id in ids {
        due.remove(&id);
        let found = match account.fetch(&id).await {
            Ok(Some(order)) => follower.news(account, &order),
            Ok(None) => continue,
            Err(error) => Err(error),
        };
        match found {
            Ok(news) => {
                for event in news {
                    tell(events, AccountStream::Event(Box::new(event))).await?;
                }
            }
            Err(error @ BrokerError::Unauthorized { .. }) => return Err(error),
            Err(error) => {
                tracing::info!(broker = NAME, %error, "an order is asked for again");
                due.insert(id, Instant::now() + AGAIN);
            }
        }
    }
    Ok(())
}

/// Asks what fills have cost.
async fn ask_fees(
    account: &SchwabAccount,
    events: &mpsc::Sender<AccountStream>,
    fees: &mut Fees,
) -> Result<(), BrokerError> {
    match fees.ask(account).await {
        Ok(news) => {
            for event in news {
                tell(events, AccountStream::Event(Box::new(event))).await?;
            }
            Ok(())
        }
        Err(error @ BrokerError::Unauthorized { .. }) => Err(error),
        Err(error) => {
            tracing::info!(broker = NAME, %error, "fees are asked for again");
            Ok(())
        }
    }
}

/// Asks for everything, while something works.
async fn ask_all(
    account: &SchwabAccount,
    events: &mpsc::Sender<AccountStream>,
    follower: &mut Follower,
) -> Result<(), BrokerError> {
    if account.known().open.is_empty() {
        return Ok(());
    }
    let orders = match account.orders_since(account.now()).await {
        Ok(orders) => orders,
        Err(error @ BrokerError::Unauthorized { .. }) => return Err(error),
        Err(error) => {
            tracing::debug!(broker = NAME, %error, "the next question may be answered");
            return Ok(());
        }
    };
    for order in orders {
        match follower.news(account, &order) {
            Ok(news) => {
                for event in news {
                    tell(events, AccountStream::Event(Box::new(event))).await?;
                }
            }
            Err(error) => tracing::warn!(broker = NAME, %error, "an order is passed over"),
        }
    }
    Ok(())
}
