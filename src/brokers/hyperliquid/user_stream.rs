//! The stream of one account: what happens to its orders, its fills, funding, deposits, and the venue's words to its owner. One line watches
//! one account: the venue does not say whose order an update is about.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Interval, MissedTickBehavior, interval, interval_at};

use super::account::Shared;
use super::actions::Action;
use super::replaces::Meaning;
use super::wire::{
    Fill, Message, Notification, OrderWithStatus, Subscribed, TwapRow, UserFills, UserFundings, UserLedger,
    UserSliceFills, UserTwapHistory,
};
use super::{NAME, errors, mapping, movements, twaps, venue};
use crate::brokers::stream::{
    Frame, Handshake, Kept, Line, Overflow, Protocol, StreamError, Watch, keep_open,
};
use crate::brokers::{AccountStream, BrokerError, json as reading};
use crate::domain::execution::{AccountEvent, CashEntry, ExecutionKind, Notice, OrderEvent, OrderUpdate};
use crate::domain::statement::BrokerUpdate;

/// We ping this often: the venue closes a line on which it has said nothing for a minute.
pub(super) const PING_EVERY: Duration = Duration::from_secs(30);
/// Silence of two pings is the end.
pub(super) const WATCH: Watch =
    Watch { ping_after: Duration::from_secs(35), dead_after: Duration::from_secs(60) };
/// What is listed is asked for again for an unknown name, but not more often than this.
pub(super) const LISTED_AGAIN: Duration = Duration::from_secs(60);
/// Snapshots come whole: two thousand fills of half a kilobyte.
const MESSAGE_MAX: usize = 4 << 20;
/// Messages that may wait for the engine.
const WAITING_MAX: usize = 1_024;
/// The dead man's switch is set this far ahead, this often.
const SWITCH_AHEAD: SignedDuration = SignedDuration::from_secs(60);
const SWITCH_EVERY: Duration = Duration::from_secs(20);
/// Subscriptions whose confirmation is waited for: what comes before is found by asking.
const SUBSCRIPTIONS: [&str; 7] = [
    "orderUpdates",
    "userFills",
    "userTwapHistory",
    "userTwapSliceFills",
    "userFundings",
    "userNonFundingLedgerUpdates",
    "notification",
];
/// Longest an expiring agent is kept quiet about.
const AGENT_WARNING: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A ping of the venue's own kind.
pub(super) fn ping() -> Frame {
    Frame::text(r#"{"method":"ping"}"#)
}

/// Ticks for pings, beginning now.
pub(super) fn pings() -> Interval {
    let mut pings = interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings
}

/// A subscription or its end.
pub(super) fn subscription(method: &str, subscription: &serde_json::Value) -> Frame {
    Frame::text(json!({"method": method, "subscription": subscription}).to_string())
}

/// Reads a message; `None` for the venue's greeting, which is plain words.
pub(super) fn message(frame: &Frame) -> Result<Option<Message<'_>>, StreamError> {
    let bytes = frame.bytes();
    if !bytes.starts_with(b"{") {
        return Ok(None);
    }
    reading::read(bytes).map(Some).map_err(|reason| StreamError::Gap(format!("a message: {reason}")))
}

/// The data of a message.
pub(super) fn data<'a, T: serde::Deserialize<'a>>(message: &Message<'a>) -> Result<T, StreamError> {
    let channel = &message.channel;
    let raw = message.data.map_or("null", |raw| raw.get());
    // What cannot be read may be a fill: everything is asked for again.
    reading::read(raw.as_bytes())
        .map_err(|reason| StreamError::Gap(format!("{}: {reason}", errors::shown(channel))))
}

struct UserStream {
    shared: Arc<Shared>,
    pings: Interval,
    /// Movements of cash up to here have been told.
    cash_since: i64,
    /// A name that is not known was seen.
    unlisted: bool,
    /// What came while greeting.
    early: Vec<AccountEvent>,
}

/// Watches an account until nobody listens.
pub(super) async fn watch(
    shared: &Arc<Shared>,
    mut words: broadcast::Receiver<AccountEvent>,
    events: &mpsc::Sender<AccountStream>,
) -> BrokerError {
    let (out, mut kept) = mpsc::channel(WAITING_MAX);
    let mut stream = UserStream {
        shared: Arc::clone(shared),
        pings: pings(),
        cash_since: i64::try_from(shared.venue.now_ms()).unwrap_or(i64::MAX),
        unlisted: false,
        early: Vec::new(),
    };
    let keeping = keep_open(NAME, &mut stream, &out, Overflow::Reopen);
    tokio::pin!(keeping);
    let mut switch = interval_at(tokio::time::Instant::now() + SWITCH_EVERY, SWITCH_EVERY);
    switch.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (wants_switch, mut armed) = (shared.venue.settings.schedule_cancel, false);
    loop {
        let told = tokio::select! {
            biased;
            () = events.closed() => return unheard(),
            Some(kept) = kept.recv() => match kept {
                Kept::Up => {
                    if let Some(notice) = agent_notice(shared).await
                        && events.send(AccountStream::Event(Box::new(AccountEvent::Notice(notice)))).await.is_err()
                    {
                        return unheard();
                    }
                    AccountStream::Up
                }
                Kept::Item(event) => AccountStream::Event(Box::new(event)),
                Kept::Down { reason, retry_at } => AccountStream::Down { reason, retry_at },
            },
            heard = words.recv() => match heard {
                Ok(event) => AccountStream::Event(Box::new(event)),
                // Words of ours went by unheard: everything is asked for, as after a gap.
                Err(broadcast::error::RecvError::Lagged(_)) => AccountStream::Up,
                // The account itself is gone.
                Err(broadcast::error::RecvError::Closed) => return unheard(),
            },
            _ = switch.tick(), if wants_switch => {
                armed = hold_switch(shared, armed).await;
                continue;
            }
            () = shared.switch.notified(), if wants_switch => {
                armed = hold_switch(shared, armed).await;
                continue;
            }
            error = &mut keeping => return error,
        };
        if events.send(told).await.is_err() {
            return unheard();
        }
    }
}

fn unheard() -> BrokerError {
    BrokerError::Unreachable { broker: NAME.to_owned(), reason: StreamError::Unheard.to_string() }
}

/// Sets the dead man's switch anew while orders of ours work, and takes it off when none do. Returns whether it is set.
async fn hold_switch(shared: &Shared, armed: bool) -> bool {
    let works = shared.any_works();
    if !works && !armed {
        return false;
    }
    let at = venue::ms(shared.venue.http.broker_now() + SWITCH_AHEAD);
    let action = Action::ScheduleCancel { time: works.then_some(at) };
    match shared.act(venue::cancel("scheduleCancel"), &action, false).await {
        Ok(_) => works,
        Err(error) => {
            tracing::warn!(%error, "the venue's cancel of everything could not be scheduled");
            armed
        }
    }
}

/// Says that the agent's approval ends soon. That it cannot be asked is no reason to stop.
async fn agent_notice(shared: &Shared) -> Option<Notice> {
    let ends = match shared.agent.known() {
        Some(known) => known?,
        None => super::connection::agent_ends(&shared.venue, &shared.signer, &shared.user).await.ok()??,
    };
    let now = shared.venue.http.broker_now();
    (ends.duration_since(now) < AGENT_WARNING).then(|| Notice {
        account: shared.id.clone(),
        code: "AGENT_EXPIRES".into(),
        text: format!("the approval of this API wallet ends {ends}; approve a new one before"),
        at: now,
    })
}

impl UserStream {
    fn update(&self, row: &OrderWithStatus) -> Option<AccountEvent> {
        let order = &row.order;
        let client = mapping::ours(order.cloid.as_deref(), order.timestamp);
        let ended = mapping::status(&row.status, order.orig_sz, order.sz).is_terminal();
        if let (Some(client), true) = (client, ended) {
            self.shared.works(client, false);
        }
        let mut event = mapping::event(row)?;
        if matches!(event, OrderEvent::Canceled { .. }) {
            match self.shared.replaces().canceled(order.oid, client) {
                Meaning::Cancel => {}
                Meaning::Replaced(by) => event = OrderEvent::Replaced { by },
                Meaning::Later => return None,
            }
        }
        let at = Timestamp::from_millisecond(row.status_timestamp)
            .unwrap_or_else(|_| crate::brokers::clock::wall());
        let account = self.shared.id.clone();
        Some(match client {
            Some(client_order_id) => AccountEvent::Order(OrderUpdate { account, client_order_id, at, event }),
            None => {
                let broker_order_id = mapping::broker_order_id(order.oid);
                AccountEvent::ByBroker(BrokerUpdate { account, broker_order_id, at, event })
            }
        })
    }

    /// What becomes of slices over a time.
    fn slices(&self, row: &TwapRow) -> Option<AccountEvent> {
        let (broker_order_id, event) = twaps::event(row)?;
        let at = Timestamp::from_second(row.time).unwrap_or_else(|_| crate::brokers::clock::wall());
        let account = self.shared.id.clone();
        Some(AccountEvent::ByBroker(BrokerUpdate { account, broker_order_id, at, event }))
    }

    fn fill(&mut self, fill: &Fill, items: &mut Vec<AccountEvent>) -> Result<(), StreamError> {
        let universe = self.shared.venue.known();
        if universe.instrument(&fill.coin).is_none() && !self.unlisted {
            // Perhaps it was listed within the hour. Opened again, everything is asked for, this fill too.
            self.unlisted = true;
            return Err(StreamError::Gap(format!("a fill of {}", errors::shown(&fill.coin))));
        }
        let executions = mapping::executions(&universe, &self.shared.id, fill)
            .map_err(|error| StreamError::Gap(error.to_string()))?;
        for execution in executions {
            let at = execution.at;
            let account = self.shared.id.clone();
            let event = match (execution.kind, execution.client_order_id, &execution.broker_order_id) {
                (ExecutionKind::Trade, Some(client_order_id), _) => {
                    let event = OrderEvent::Filled(execution);
                    AccountEvent::Order(OrderUpdate { account, client_order_id, at, event })
                }
                (ExecutionKind::Trade, None, Some(broker_order_id)) => {
                    let broker_order_id = broker_order_id.clone();
                    let event = OrderEvent::Filled(execution);
                    AccountEvent::ByBroker(BrokerUpdate { account, broker_order_id, at, event })
                }
                _ => AccountEvent::Execution(execution),
            };
            items.push(event);
        }
        Ok(())
    }

    /// A movement of cash, unless it lies before what has been told. One of the same instant comes again, under the same id.
    fn is_news(&self, entry: &CashEntry) -> bool {
        entry.at.as_millisecond() >= self.cash_since
    }

    fn fundings(&mut self, message: &Message<'_>, items: &mut Vec<AccountEvent>) -> Result<(), StreamError> {
        let told: UserFundings = data(message)?;
        let universe = self.shared.venue.known();
        let entries =
            told.fundings.iter().filter_map(|it| movements::of_funding(&universe, &self.shared.id, it));
        items.extend(entries.filter(|entry| self.is_news(entry)).map(AccountEvent::Cash));
        Ok(())
    }

    fn ledger(&mut self, message: &Message<'_>, items: &mut Vec<AccountEvent>) -> Result<(), StreamError> {
        let told: UserLedger = data(message)?;
        let rows = &told.non_funding_ledger_updates;
        let entries = rows.iter().filter_map(|row| movements::of_ledger(&self.shared.id, row));
        items.extend(entries.filter(|entry| self.is_news(entry)).map(AccountEvent::Cash));
        Ok(())
    }

    fn take(&mut self, message: &Message<'_>, items: &mut Vec<AccountEvent>) -> Result<(), StreamError> {
        match message.channel.as_str() {
            "orderUpdates" => {
                for row in data::<Vec<OrderWithStatus>>(message)? {
                    items.extend(self.update(&row));
                }
                Ok(())
            }
            "userFills" => {
                let told: UserFills = data(message)?;
                // A snapshot is history: what is missing of it is asked for once the line is up.
                if !told.is_snapshot {
                    for fill in &told.fills {
                        self.fill(fill, items)?;
                    }
                }
                Ok(())
            }
            "userTwapHistory" => {
                let told: UserTwapHistory = data(message)?;
                if !told.is_snapshot {
                    items.extend(told.history.iter().filter_map(|row| self.slices(row)));
                }
                Ok(())
            }
            "userTwapSliceFills" => {
                let told: UserSliceFills = data(message)?;
                if !told.is_snapshot {
                    for slice in told.twap_slice_fills {
                        self.fill(&slice.into_fill(), items)?;
                    }
                }
                Ok(())
            }
            "userFundings" => self.fundings(message, items),
            "userNonFundingLedgerUpdates" => self.ledger(message, items),
            "notification" => {
                let told: Notification = data(message)?;
                items.push(AccountEvent::Notice(Notice {
                    account: self.shared.id.clone(),
                    code: "VENUE_SAYS".into(),
                    text: errors::shown(&told.notification),
                    at: crate::brokers::clock::wall(),
                }));
                Ok(())
            }
            "error" => {
                let text: String = data(message)?;
                Err(StreamError::Lost(errors::shown(&text)))
            }
            _ => Ok(()),
        }
    }

    /// Cash that has been told is not told again after the line was down.
    fn remember(&mut self, items: &[AccountEvent]) {
        for item in items {
            if let AccountEvent::Cash(entry) = item {
                self.cash_since = self.cash_since.max(entry.at.as_millisecond());
            }
        }
    }
}

#[async_trait]
impl Protocol for UserStream {
    type Item = AccountEvent;

    fn watch(&self) -> Watch {
        WATCH
    }

    fn message_max(&self) -> usize {
        MESSAGE_MAX
    }

    async fn handshake(&mut self) -> Result<Handshake, StreamError> {
        if self.unlisted {
            let listed = self.shared.venue.universe_within(LISTED_AGAIN).await;
            listed.map_err(|error| StreamError::Lost(error.to_string()))?;
        }
        Ok(Handshake::to(&self.shared.venue.settings.stream))
    }

    async fn greet(&mut self, line: &mut Line) -> Result<(), StreamError> {
        let user = self.shared.user.to_string();
        for kind in SUBSCRIPTIONS {
            line.send(subscription("subscribe", &json!({"type": kind, "user": user}))).await?;
        }
        let mut missing = SUBSCRIPTIONS.to_vec();
        let mut early = Vec::new();
        while !missing.is_empty() {
            let frame = line.next().await?;
            let Some(message) = message(&frame)? else { continue };
            if message.channel == "subscriptionResponse" {
                let told: Subscribed = data(&message)?;
                if told.method == "subscribe" {
                    missing.retain(|kind| *kind != told.subscription.kind);
                }
            } else {
                self.take(&message, &mut early)?;
            }
        }
        self.remember(&early);
        self.early = early;
        self.pings = pings();
        Ok(())
    }

    fn read(&mut self, frame: &Frame, items: &mut Vec<AccountEvent>) -> Result<Vec<Frame>, StreamError> {
        items.append(&mut self.early);
        let Some(message) = message(frame)? else { return Ok(Vec::new()) };
        let from = items.len();
        self.take(&message, items)?;
        self.remember(&items[from..]);
        Ok(Vec::new())
    }

    async fn speak(&mut self) -> Vec<Frame> {
        self.pings.tick().await;
        vec![ping()]
    }
}
