//! The order stream: who asks, what it listens to, and what its events mean. There is no replay of what was missed: each time it comes up,
//! everything is asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::account::AlpacaAccount;
use super::rest::{Login, Rest};
use super::wire::{Order, TradeUpdate};
use super::{NAME, ids, report};
use crate::brokers::clock::wall;
use crate::brokers::stream::{
    Frame, Handshake, Kept, Line, Overflow, Protocol, StreamError, Watch, keep_open,
};
use crate::brokers::{AccountStream, BrokerError, json};
use crate::domain::execution::{AccountEvent, ExecutionKind, OrderEvent, OrderUpdate, Reject};
use crate::domain::ids::{BrokerOrderId, ClientOrderId, ExecutionId};
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{OrderSubject, Side};
use crate::domain::statement::BrokerUpdate;
use crate::domain::text::clean;

/// Messages between the line and whoever maps them (reliability N10).
const QUEUE_MAX: usize = 1_024;
/// We ping after this much silence, as the official client does.
const PING_AFTER: Duration = Duration::from_secs(10);
/// The line is dead after this much.
const DEAD_AFTER: Duration = Duration::from_secs(30);
/// How often the list is asked for the fills of a package, and how long it is waited in between.
const LEG_TRIES: u32 = 4;
const LEG_PAUSE: Duration = Duration::from_millis(500);
/// Fills of a package are looked for from this long before their event.
const LEGS_SINCE: SignedDuration = SignedDuration::from_secs(120);
/// Executions of packages that are remembered as told.
const TOLD_MAX: usize = 4_096;

/// A message, before it is known what it is.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    stream: Option<String>,
    /// Says `error` where something is wrong, in place of a stream's name.
    #[serde(default)]
    action: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Authorization {
    status: String,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    error_message: String,
}

#[derive(Deserialize)]
struct Listening {
    #[serde(default)]
    streams: Vec<String>,
}

/// What is said about orders.
struct Orders {
    rest: Rest,
}

impl Orders {
    fn sign_in(&self) -> Frame {
        let data = match &self.rest.login {
            Login::Keys { key_id, secret_key } => serde_json::json!({
                "key_id": key_id.expose_secret(), "secret_key": secret_key.expose_secret(),
            }),
            Login::Token(token) => serde_json::json!({ "oauth_token": token.expose_secret() }),
        };
        Frame::text(serde_json::json!({ "action": "authenticate", "data": data }).to_string())
    }
}

/// A message of the stream: its name, and the rest of it.
fn opened(bytes: &[u8]) -> Result<(String, &RawValue), StreamError> {
    let envelope: Envelope<'_> = json::read(bytes)
        .map_err(|reason| StreamError::Gap(format!("a message cannot be read: {reason}")))?;
    let empty: &RawValue = serde_json::from_str("null").unwrap_or(RawValue::NULL);
    let name = envelope.stream.or(envelope.action.filter(|action| action == "error"));
    Ok((name.unwrap_or_default(), envelope.data.unwrap_or(empty)))
}

#[async_trait]
impl Protocol for Orders {
    type Item = Box<TradeUpdate>;

    fn watch(&self) -> Watch {
        Watch { ping_after: PING_AFTER, dead_after: DEAD_AFTER }
    }

    async fn handshake(&mut self) -> Result<Handshake, StreamError> {
        Ok(Handshake::to(&self.rest.places.stream))
    }

    async fn greet(&mut self, line: &mut Line) -> Result<(), StreamError> {
        line.send(self.sign_in()).await?;
        let frame = line.next().await?;
        let (stream, data) = opened(frame.bytes())?;
        let answer: Authorization = json::read(data.get().as_bytes()).map_err(|reason| {
            StreamError::Lost(format!("the answer to the login cannot be read: {reason}"))
        })?;
        if stream != "authorization" || answer.status != "authorized" {
            let status = clean(&answer.status).into_owned();
            return Err(StreamError::Refused(format!("the order stream says {status}")));
        }
        let listen = serde_json::json!({ "action": "listen", "data": { "streams": ["trade_updates"] } });
        line.send(Frame::text(listen.to_string())).await?;
        let frame = line.next().await?;
        let (_, data) = opened(frame.bytes())?;
        let heard: Listening = json::read(data.get().as_bytes())
            .map_err(|reason| StreamError::Lost(format!("the list of streams cannot be read: {reason}")))?;
        if heard.streams.iter().any(|stream| stream == "trade_updates") {
            return Ok(());
        }
        Err(StreamError::Lost("it does not send order updates".to_owned()))
    }

    fn read(&mut self, frame: &Frame, items: &mut Vec<Self::Item>) -> Result<Vec<Frame>, StreamError> {
        let (stream, data) = opened(frame.bytes())?;
        match stream.as_str() {
            "trade_updates" => {
                let update = json::read(data.get().as_bytes())
                    .map_err(|reason| StreamError::Gap(format!("an event cannot be read: {reason}")))?;
                items.push(Box::new(update));
                Ok(Vec::new())
            }
            "authorization" => Err(StreamError::Lost("it wants a new login".to_owned())),
            // What it could not do is not said: the line is opened anew, and everything asked for.
            "error" => {
                let fault = json::read::<Fault>(data.get().as_bytes());
                let words =
                    fault.map_or_else(|_| "an error".to_owned(), |fault| json::shown(&fault.error_message));
                Err(StreamError::Lost(format!("the order stream says {words}")))
            }
            _ => Ok(Vec::new()),
        }
    }

    async fn speak(&mut self) -> Vec<Frame> {
        std::future::pending().await
    }
}

/// Reports until nobody listens or the login is refused.
pub(super) async fn watch(account: &AlpacaAccount, events: mpsc::Sender<AccountStream>) -> BrokerError {
    let (out, mut heard) = mpsc::channel(QUEUE_MAX);
    let mut protocol = Orders { rest: account.rest.clone() };
    let keeping = keep_open(NAME, &mut protocol, &out, Overflow::Reopen);
    let mut teller = Teller { account, events, told: BTreeSet::new() };
    tokio::pin!(keeping);
    loop {
        let listened = tokio::select! {
            error = &mut keeping => return error,
            () = account.known.news.notified() => teller.exits().await,
            () = teller.unheard() => Err(Unheard),
            message = heard.recv() => match message {
                Some(message) => teller.tell(message).await,
                None => Err(Unheard),
            },
        };
        if listened.is_err() {
            let reason = StreamError::Unheard.to_string();
            return BrokerError::Unreachable { broker: NAME.to_owned(), reason };
        }
    }
}

/// Nobody listens any more.
struct Unheard;

struct Teller<'a> {
    account: &'a AlpacaAccount,
    events: mpsc::Sender<AccountStream>,
    /// Executions of packages that were told.
    told: BTreeSet<ExecutionId>,
}

impl Teller<'_> {
    async fn unheard(&self) {
        self.events.closed().await;
    }

    async fn send(&self, message: AccountStream) -> Result<(), Unheard> {
        self.events.send(message).await.map_err(|_| Unheard)
    }

    /// About an order, by our id where it is known.
    async fn event(
        &self,
        client: Option<ClientOrderId>,
        broker_order_id: BrokerOrderId,
        at: Timestamp,
        event: OrderEvent,
    ) -> Result<(), Unheard> {
        let account = self.account.id.clone();
        let event = match client {
            Some(client_order_id) => AccountEvent::Order(OrderUpdate { account, client_order_id, at, event }),
            None => AccountEvent::ByBroker(BrokerUpdate { account, broker_order_id, at, event }),
        };
        self.send(AccountStream::Event(Box::new(event))).await
    }

    /// The broker's ids of exits that were seen for the first time.
    async fn exits(&self) -> Result<(), Unheard> {
        for (exit, broker_order_id) in self.account.known.take_untold() {
            let event = OrderEvent::Acknowledged { broker_order_id: broker_order_id.clone() };
            self.event(Some(exit), broker_order_id, wall(), event).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, message: Kept<Box<TradeUpdate>>) -> Result<(), Unheard> {
        match message {
            Kept::Up => self.send(AccountStream::Up).await,
            Kept::Down { reason, retry_at } => self.send(AccountStream::Down { reason, retry_at }).await,
            Kept::Item(update) => {
                self.account.known.learn(&update.order);
                // An exit's id comes before whatever happens to the exit.
                self.exits().await?;
                self.update(&update).await
            }
        }
    }

    async fn update(&mut self, update: &TradeUpdate) -> Result<(), Unheard> {
        let order = &update.order;
        let at = update.timestamp.or(update.at).unwrap_or_else(wall);
        let own = BrokerOrderId::new(order.id.as_str());
        let (client, own) = match self.account.known.owner(&order.id) {
            Some(owner) => (owner.client, owner.broker),
            None => (None, own),
        };
        let reject = |code: &str| Reject { code: code.into(), message: format!("alpaca: {}", order.status) };
        let event = match update.event.as_str() {
            "fill" | "partial_fill" => return self.fill(update, at).await,
            "accepted" | "pending_new" | "new" | "held" => {
                OrderEvent::Acknowledged { broker_order_id: own.clone() }
            }
            "canceled" => OrderEvent::Canceled { reason: None },
            "expired" => OrderEvent::Expired,
            "rejected" => OrderEvent::Rejected(reject("REJECTED")),
            "order_cancel_rejected" => OrderEvent::CancelRejected(reject("CANCEL_REJECTED")),
            "order_replace_rejected" => OrderEvent::ReplaceRejected(reject("REPLACE_REJECTED")),
            "replaced" => match self.replacement(order).await {
                Some(by) => OrderEvent::Replaced { by },
                // Whose the new one is cannot be told: everything is asked for.
                None => return self.send(AccountStream::Up).await,
            },
            "restated" => match restated(order) {
                Some(event) => event,
                None => return Ok(()),
            },
            "trade_bust" | "trade_correct" => return self.send(AccountStream::Up).await,
            // On their way, or nothing that changes an order of ours.
            _ => return self.stop_moved(order, client, own, at).await,
        };
        // The legs of a package end with it, and are no orders of ours.
        if own.as_str() != order.id {
            return Ok(());
        }
        self.event(client, own, at, event).await
    }

    /// Our id of the order that took another's place.
    async fn replacement(&self, order: &Order) -> Option<ClientOrderId> {
        if let Some(by) = self.account.known.replacement(&order.id) {
            return Some(by);
        }
        let by = order.replaced_by.as_deref()?;
        match self.account.known.owner(by) {
            Some(owner) => owner.client,
            None => {
                let found = self.account.seen_by_id(by).await?;
                ids::read(&found.client_order_id).map(|ids| ids.order)
            }
        }
    }

    /// Where a trailing stop stands now.
    async fn stop_moved(
        &self,
        order: &Order,
        client: Option<ClientOrderId>,
        own: BrokerOrderId,
        at: Timestamp,
    ) -> Result<(), Unheard> {
        match order.stop_price.filter(|_| order.order_type.as_deref() == Some("trailing_stop")) {
            Some(stop) => {
                self.event(client, own, at, OrderEvent::StopMoved { stop_price: Price::new(stop) }).await
            }
            None => Ok(()),
        }
    }

    async fn fill(&mut self, update: &TradeUpdate, at: Timestamp) -> Result<(), Unheard> {
        let order = &update.order;
        let is_package = order.class() == "mleg" && !order.legs().is_empty();
        let whole = update.execution_id.as_deref().zip(update.qty).zip(update.price);
        let class = order.asset_class.as_deref().unwrap_or_default();
        let instrument = report::instrument(order.symbol.as_deref().unwrap_or_default(), class);
        let (Some(((id, quantity), price)), Ok(instrument), false) = (whole, instrument, is_package) else {
            return self.by_list(order, at).await;
        };
        let side = if order.side.as_deref() == Some("sell") { Side::Sell } else { Side::Buy };
        let of = report::Of {
            account: &self.account.id,
            known: &self.account.known,
            order_id: Some(&order.id),
            instrument,
        };
        let numbers = (Quantity::new(quantity.abs()), Price::new(price));
        let execution = report::execution(of, ExecutionId::new(id), side, numbers, at, ExecutionKind::Trade);
        self.remember(&execution.execution_id);
        let client = execution.client_order_id;
        let own = execution.broker_order_id.clone().unwrap_or_else(|| BrokerOrderId::new(order.id.as_str()));
        self.event(client, own.clone(), at, OrderEvent::Filled(execution)).await?;
        // How many units the money of an order has bought in all is known with its last fill.
        match (order.status.as_str(), order.qty, order.filled_qty) {
            ("filled", None, Some(filled)) => {
                let event = OrderEvent::QuantityChanged { quantity: Quantity::new(filled) };
                self.event(client, own, at, event).await
            }
            _ => Ok(()),
        }
    }

    fn remember(&mut self, id: &ExecutionId) -> bool {
        if self.told.len() >= TOLD_MAX {
            self.told.pop_first();
        }
        self.told.insert(id.clone())
    }

    /// A fill of a package says its net price; what its legs traded at is in the list of fills, which may lag behind.
    async fn by_list(&mut self, order: &Order, at: Timestamp) -> Result<(), Unheard> {
        let since = at.min(wall()).checked_sub(LEGS_SINCE).unwrap_or(Timestamp::UNIX_EPOCH);
        let package = BrokerOrderId::new(order.id.as_str());
        let legs = match report::order(order, &self.account.known, rust_decimal::Decimal::ZERO) {
            Ok(report) => match report.subject {
                OrderSubject::Legs(legs) => legs.len(),
                OrderSubject::Instrument(_) => 1,
            },
            Err(_) => 1,
        };
        for attempt in 0..LEG_TRIES {
            if attempt > 0 {
                tokio::time::sleep(LEG_PAUSE * attempt).await;
            }
            let Ok(fills) = self.account.fills(since).await else { continue };
            let fills: Vec<_> =
                fills.into_iter().filter(|fill| fill.broker_order_id.as_ref() == Some(&package)).collect();
            let fresh = fills.iter().filter(|fill| !self.told.contains(&fill.execution_id)).count();
            if fresh < legs && attempt + 1 < LEG_TRIES {
                continue;
            }
            for fill in fills {
                if self.remember(&fill.execution_id) {
                    let (client, at) = (fill.client_order_id, fill.at);
                    self.event(client, package.clone(), at, OrderEvent::Filled(fill)).await?;
                }
            }
            if fresh >= legs {
                return Ok(());
            }
        }
        // They are not there yet: everything is asked for.
        self.send(AccountStream::Up).await
    }
}

/// New terms of an order that works on.
fn restated(order: &Order) -> Option<OrderEvent> {
    let quantity = Quantity::new(order.qty?);
    let sold = ids::read(&order.client_order_id).is_some_and(|ids| ids.sold);
    Some(OrderEvent::Restated { quantity, pricing: report::pricing(order, sold) })
}

#[cfg(test)]
mod tests {
    use super::opened;

    #[test]
    fn an_error_has_no_stream_and_a_name_of_its_own() {
        let name = |text: &str| opened(text.as_bytes()).unwrap().0;
        assert_eq!(name(r#"{"action":"error","data":{"error_message":"internal"}}"#), "error");
        assert_eq!(name(r#"{"stream":"listening","data":{"streams":[]}}"#), "listening");
        assert_eq!(name(r#"{"action":"listen"}"#), "");
    }
}
