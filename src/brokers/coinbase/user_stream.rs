//! What happens in an account, by the `user` channel. It tells how far an order is, not what filled it: the fills are asked for, so that they
//! carry the same ids and figures in the stream and in the list.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::account::CoinbaseAccount;
use super::channel::{Channel, Heard};
use super::line::Line as RestLine;
use super::wire::Fill;
use super::{BROKER, convert, errors};
use crate::brokers::endpoint::Endpoint;
use crate::brokers::json::decimal_or_none;
use crate::brokers::stream::{
    Frame, Handshake, Kept, Line, Overflow, Protocol, StreamError, Watch, keep_open,
};
use crate::brokers::{AccountStream, BrokerError};
use crate::domain::execution::{AccountEvent, OrderEvent, OrderUpdate, Reject};
use crate::domain::ids::{BrokerOrderId, ClientOrderId};
use crate::domain::money::Quantity;
use crate::domain::statement::BrokerUpdate;

/// Frames that may wait for their fills to be asked for.
const FRAMES_MAX: usize = 1_024;
/// Orders that are followed.
const FOLLOWED_MAX: usize = 4_096;
/// Orders of a snapshot's message; one with fewer is its last.
const SNAPSHOT_PAGE: usize = 50;
/// Times that fills are asked for when the list is behind the stream, and the first pause between two.
const FILL_TRIES: u32 = 6;
const FILL_PAUSE: Duration = Duration::from_millis(100);

/// An order as the channel shows it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct OrderFrame {
    order_id: String,
    #[serde(default)]
    client_order_id: String,
    status: String,
    #[serde(default)]
    order_type: String,
    #[serde(default, deserialize_with = "decimal_or_none")]
    cumulative_quantity: Option<Decimal>,
    #[serde(default)]
    cancel_reason: String,
    // Older frames spell it so.
    #[serde(default, alias = "reject_Reason")]
    reject_reason: String,
}

#[derive(Deserialize)]
struct UserFrame {
    #[serde(default)]
    events: Vec<UserEvent>,
}

#[derive(Deserialize)]
struct UserEvent {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    orders: Vec<OrderFrame>,
}

/// An order's news, from the snapshot or after it.
pub(super) struct News {
    order: OrderFrame,
    first: bool,
    at: Timestamp,
}

/// The channel.
struct UserChannel {
    rest: Arc<RestLine>,
    endpoint: Endpoint,
    channel: Channel,
    /// What came while we were greeting.
    backlog: Vec<News>,
}

impl UserChannel {
    /// A token for one message.
    async fn token(&self) -> Result<Option<SecretString>, StreamError> {
        self.rest.stream_token().await.map_err(|error| match error {
            BrokerError::Unauthorized { reason, .. } => StreamError::Refused(reason),
            error => StreamError::Lost(error.to_string()),
        })
    }

    fn take(&mut self, frame: &Frame, items: &mut Vec<News>) -> Result<bool, StreamError> {
        let Heard::Data { channel, at } = self.channel.hear(frame)? else { return Ok(false) };
        if channel != "user" {
            return Ok(false);
        }
        let message: UserFrame = crate::brokers::json::read(frame.bytes())
            .map_err(|reason| StreamError::Gap(format!("a message cannot be read: {reason}")))?;
        let mut last = false;
        for event in message.events {
            let first = event.kind == "snapshot";
            last |= first && event.orders.len() < SNAPSHOT_PAGE;
            items.extend(event.orders.into_iter().map(|order| News { order, first, at }));
        }
        Ok(last)
    }
}

#[async_trait]
impl Protocol for UserChannel {
    type Item = News;

    fn watch(&self) -> Watch {
        Channel::WATCH
    }

    async fn handshake(&mut self) -> Result<Handshake, StreamError> {
        self.channel.reopen();
        if self.channel.was_refused() {
            // Perhaps only our clock was off.
            self.rest.learn_time().await;
        }
        Ok(Handshake::to(&self.endpoint))
    }

    async fn greet(&mut self, line: &mut Line) -> Result<(), StreamError> {
        self.backlog.clear();
        for channel in ["heartbeats", "user"] {
            let token = self.token().await?;
            line.send(self.channel.subscribe(token.as_ref(), channel, &[])?).await?;
        }
        // Whatever happens after the snapshot is told: only then are we up. It may come before or after the word that we are subscribed.
        let mut complete = false;
        while !(complete && self.channel.has("user")) {
            let frame = line.next().await?;
            let mut items = Vec::new();
            complete |= self.take(&frame, &mut items)?;
            self.backlog.extend(items);
        }
        self.channel.accepted();
        Ok(())
    }

    fn read(&mut self, frame: &Frame, items: &mut Vec<News>) -> Result<Vec<Frame>, StreamError> {
        items.append(&mut self.backlog);
        self.take(frame, items)?;
        Ok(Vec::new())
    }

    async fn speak(&mut self) -> Vec<Frame> {
        self.channel.until_silent().await;
        let Ok(token) = self.token().await else { return Vec::new() };
        self.channel.subscribe(token.as_ref(), "heartbeats", &[]).into_iter().collect()
    }
}

/// How far an order had come.
#[derive(Default)]
struct Followed {
    /// It stood before we listened, perhaps before this process: its own id of ours may be that of an order which it has replaced since.
    stood: bool,
    told: bool,
    ended: bool,
    /// Units whose fills were told, or had filled before.
    filled: Decimal,
    seen: BTreeSet<String>,
    since: Option<Instant>,
}

/// Do fills come to so many units: where some say money, as near as that can be told, and else to the last of them.
fn are_all(fills: &[Fill], until: Decimal) -> bool {
    let size = |fill: &Fill| match fill.size_in_quote {
        true => fill.size.checked_div(fill.price).unwrap_or_default(),
        false => fill.size,
    };
    let listed: Decimal = fills.iter().map(size).sum();
    match fills.iter().any(|fill| fill.size_in_quote) {
        true => listed.round_dp(7) >= until.round_dp(7),
        false => listed >= until,
    }
}

/// Turns news into events, in order.
struct Follower<'a> {
    account: &'a CoinbaseAccount,
    events: &'a mpsc::Sender<AccountStream>,
    orders: BTreeMap<String, Followed>,
    /// News of orders whose replace is on its way.
    held: Vec<News>,
}

/// Nobody listens.
struct Unheard;

/// Watches an account until nobody listens or the login is refused.
pub(super) async fn watch(account: &CoinbaseAccount, events: mpsc::Sender<AccountStream>) -> BrokerError {
    let mut protocol = UserChannel {
        rest: Arc::clone(&account.line),
        endpoint: account.stream.clone(),
        channel: Channel::default(),
        backlog: Vec::new(),
    };
    let (out, heard) = mpsc::channel(FRAMES_MAX);
    let follower = Follower { account, events: &events, orders: BTreeMap::new(), held: Vec::new() };
    tokio::select! {
        error = keep_open(BROKER, &mut protocol, &out, Overflow::Reopen) => error,
        () = follower.run(heard) => BrokerError::Unreachable {
            broker: BROKER.to_owned(),
            reason: StreamError::Unheard.to_string(),
        },
    }
}

impl Follower<'_> {
    async fn run(mut self, mut heard: mpsc::Receiver<Kept<News>>) {
        loop {
            let done = tokio::select! {
                () = self.events.closed() => return,
                () = self.account.changes.wait() => self.replaces_ended().await,
                kept = heard.recv() => match kept {
                    None => return,
                    Some(Kept::Up) => self.say(AccountStream::Up).await,
                    Some(Kept::Down { reason, retry_at }) => self.say(AccountStream::Down { reason, retry_at }).await,
                    Some(Kept::Item(news)) => self.news(news).await,
                },
            };
            if done.is_err() {
                return;
            }
        }
    }

    async fn say(&self, what: AccountStream) -> Result<(), Unheard> {
        self.events.send(what).await.map_err(|_| Unheard)
    }

    /// What happened to an order of ours, or to one that the broker alone has a name for.
    async fn tell(
        &self,
        broker: &str,
        client: Option<ClientOrderId>,
        at: Timestamp,
        event: OrderEvent,
    ) -> Result<(), Unheard> {
        let account = self.account.id.clone();
        let event = match client {
            Some(client_order_id) => AccountEvent::Order(OrderUpdate { account, client_order_id, at, event }),
            None => AccountEvent::ByBroker(BrokerUpdate {
                account,
                broker_order_id: BrokerOrderId::new(broker),
                at,
                event,
            }),
        };
        self.say(AccountStream::Event(Box::new(event))).await
    }

    /// Edits are told, and what was held back meanwhile.
    async fn replaces_ended(&mut self) -> Result<(), Unheard> {
        for (broker, change) in self.account.changes.take_untold() {
            let at = self.account.line.now();
            self.tell(&broker, Some(change.old), at, OrderEvent::Replaced { by: change.new }).await?;
            let broker_order_id = BrokerOrderId::new(&broker);
            self.tell(&broker, Some(change.new), at, OrderEvent::Acknowledged { broker_order_id }).await?;
        }
        for news in std::mem::take(&mut self.held) {
            self.news(news).await?;
        }
        Ok(())
    }

    async fn news(&mut self, news: News) -> Result<(), Unheard> {
        let id = news.order.order_id.clone();
        if self.account.changes.is_in_flight(&id) {
            self.held.push(news);
            return Ok(());
        }
        if self.orders.len() >= FOLLOWED_MAX && !self.orders.contains_key(&id) {
            self.forget();
        }
        let total = news.order.cumulative_quantity.unwrap_or_default();
        if news.first && !self.orders.contains_key(&id) {
            // What stood before we listened is compared, not told.
            let since = Some(Instant::now());
            let followed = Followed { stood: true, told: true, filled: total, since, ..Followed::default() };
            self.orders.insert(id, followed);
            return Ok(());
        }
        let followed = self.orders.entry(id.clone()).or_default();
        // An order that was changed in its place keeps the id of before, and its news do not say that it was: of what this process does not
        // remember, the broker's id alone is sure.
        let theirs = Some(&news.order.client_order_id).filter(|_| !followed.stood);
        let client = self
            .account
            .changes
            .now_of(&id)
            .or_else(|| theirs.and_then(|text| convert::client_id_of(text, self.account.line.now())));
        followed.since.get_or_insert_with(Instant::now);
        let fresh = !std::mem::replace(&mut followed.told, true);
        let behind = total > followed.filled;
        let was_ended = followed.ended;
        if fresh && !matches!(news.order.status.as_str(), "FAILED" | "UNKNOWN_ORDER_STATUS") {
            let broker_order_id = BrokerOrderId::new(&id);
            self.tell(&id, client, news.at, OrderEvent::Acknowledged { broker_order_id }).await?;
        }
        if behind {
            self.fills(&id, client, total).await?;
        }
        if !was_ended && news.order.status == "FILLED" && news.order.order_type.eq_ignore_ascii_case("market")
        {
            return self.bought(&id, client, news.at).await;
        }
        let Some(event) = self.end_of(&news.order, total) else { return Ok(()) };
        if was_ended {
            return Ok(());
        }
        if let Some(followed) = self.orders.get_mut(&id) {
            followed.ended = true;
        }
        if let OrderEvent::Canceled { .. } = event
            && let Some(change) = self.account.changes.successor_of(&id)
        {
            return self.tell(&id, Some(change.old), news.at, OrderEvent::Replaced { by: change.new }).await;
        }
        self.tell(&id, client, news.at, event).await
    }

    /// A market order is done: if it was for an amount of money, its fills say how many units that has bought in all.
    async fn bought(
        &mut self,
        id: &str,
        client: Option<ClientOrderId>,
        at: Timestamp,
    ) -> Result<(), Unheard> {
        let for_money = match self.account.order_by_id(id).await {
            Ok(Some(order)) => {
                order.order_configuration.market_market_ioc.is_some_and(|terms| terms.quote_size.is_some())
            }
            Ok(None) => false,
            // It is compared with everything else.
            Err(_) => return self.say(AccountStream::Up).await,
        };
        if let Some(followed) = self.orders.get_mut(id) {
            followed.ended = true;
        }
        if !for_money {
            return Ok(());
        }
        let Ok(fills) = self.account.fills(vec![("order_ids", id.to_owned())]).await else {
            return self.say(AccountStream::Up).await;
        };
        let quantity = fills.iter().filter_map(convert::units).sum();
        self.tell(id, client, at, OrderEvent::QuantityChanged { quantity: Quantity::new(quantity) }).await
    }

    /// How an order ended, when it did by anything but its fills.
    fn end_of(&self, order: &OrderFrame, filled: Decimal) -> Option<OrderEvent> {
        let said = |text: &str| Some(errors::words(text)).filter(|text| !text.is_empty());
        match order.status.as_str() {
            "CANCELLED" => {
                let reason = said(&order.cancel_reason).filter(|text| text != "User requested cancel");
                Some(OrderEvent::Canceled { reason })
            }
            "EXPIRED" => Some(OrderEvent::Expired),
            "FAILED" => {
                let why = said(&order.reject_reason).or_else(|| said(&order.cancel_reason));
                let message = why.unwrap_or_else(|| "it failed there".to_owned());
                Some(if filled.is_zero() {
                    OrderEvent::Rejected(Reject { code: "FAILED".into(), message })
                } else {
                    OrderEvent::Canceled { reason: Some(message) }
                })
            }
            _ => None,
        }
    }

    /// Asks for an order's fills and tells those that are new. The list may be a moment behind the stream.
    async fn fills(
        &mut self,
        id: &str,
        client: Option<ClientOrderId>,
        until: Decimal,
    ) -> Result<(), Unheard> {
        for attempt in 0..FILL_TRIES {
            if attempt > 0 {
                tokio::time::sleep(FILL_PAUSE * (1 << (attempt - 1))).await;
            }
            let fills = match self.account.fills(vec![("order_ids", id.to_owned())]).await {
                Ok(fills) => fills,
                Err(error) => {
                    tracing::warn!(broker = BROKER, %error, "the fills of an order are not known yet");
                    continue;
                }
            };
            let mut known = true;
            for fill in &fills {
                let Some(followed) = self.orders.get(id) else { return Ok(()) };
                if followed.seen.contains(&fill.entry_id) {
                    continue;
                }
                let execution = match self.account.execution_of(fill, client).await {
                    Ok(execution) => execution,
                    // What a contract is of could not be had: it is told once it can.
                    Err(error) => {
                        tracing::warn!(broker = BROKER, %error, "a fill cannot be told yet");
                        known = false;
                        continue;
                    }
                };
                let Some(followed) = self.orders.get_mut(id) else { return Ok(()) };
                followed.seen.insert(fill.entry_id.clone());
                if let Some(execution) = execution {
                    self.tell(id, client, execution.at, OrderEvent::Filled(execution)).await?;
                }
            }
            if known && are_all(&fills, until) {
                if let Some(followed) = self.orders.get_mut(id) {
                    followed.filled = until;
                }
                return Ok(());
            }
        }
        // The stream has said more than the list shows: everything is compared.
        self.say(AccountStream::Up).await
    }

    /// Makes room: what ended longest ago goes, else what has been followed longest.
    fn forget(&mut self) {
        let oldest = self.orders.iter().min_by_key(|(_, order)| (!order.ended, order.since));
        if let Some(id) = oldest.map(|(id, _)| id.clone()) {
            self.orders.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_are_all_there_to_the_smallest_unit() {
        let fill = |size: &str, in_quote: bool| -> Fill {
            let text = format!(
                r#"{{"entry_id":"e","order_id":"o","trade_time":"2026-01-02T03:04:05Z","price":"30000","size":"{size}",
                "product_id":"BTC-USD","size_in_quote":{in_quote},"side":"BUY"}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let least: Decimal = "0.00000001".parse().unwrap();
        assert!(!are_all(&[], least), "a unit that is not listed yet is waited for");
        assert!(are_all(&[fill("0.00000001", false)], least));
        assert!(!are_all(&[fill("0.00000001", false)], least + least));
        // 10 dollars at 30000 are 0.000333333333... units.
        assert!(are_all(&[fill("10", true)], "0.00033333".parse().unwrap()));
        assert!(!are_all(&[fill("5", true)], "0.00033333".parse().unwrap()));
    }
}
