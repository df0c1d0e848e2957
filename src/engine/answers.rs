//! Requests: each is resolved against the books, handed to the core, or read from where the answer lies.

use tokio::sync::oneshot;

use crate::client::message::{OrderRef, ReplayControl, StrategyRequest};
use crate::client::{Reply, Request, SessionError};
use crate::command::types::{Command, FlattenScope, TradingMode};
use crate::core::effect::RequestId;
use crate::core::input::Input;
use crate::domain::account::AccountMode;
use crate::domain::alert::AlertChange;
use crate::domain::ids::{AccountId, ClientOrderId};
use crate::domain::instrument::{Instrument, SymbolLookup};
use crate::domain::option::OptionContract;
use crate::domain::order::{BrokerPreview, OrderChange, OrderFate, OrderPreview, OrderRequest, OriginKind};
use crate::domain::role::Action;
use crate::domain::snapshot::Watchlist;
use crate::domain::text::{clean, no_such};

use super::audited::audited;
use super::feed::Source;
use super::launch::Access;
use super::paper::VenueCommand;
use super::previews::confirmation_hash;
use super::resolve::{self, Asker};
use super::rights;
use super::session::{Asked, give};
use super::task::{EngineTask, Pending};
use super::waiters::Until;

type Answer = oneshot::Sender<Result<Reply, SessionError>>;

/// Instruments on one watchlist at most.
const WATCHED_MAX: usize = 500;

/// Characters of how a person knows what became of an order.
const WHY_MAX: usize = 200;

/// Does a request change anything but what is looked at.
const fn changes(request: &Request) -> bool {
    !matches!(rights::action(request), Action::Look | Action::Health | Action::Export)
}

/// How long a person waits for a broker's own word on what an order would cost.
const BROKER_SAYS_MAX: std::time::Duration = std::time::Duration::from_secs(3);

/// A broker's word that is none.
fn warned(text: String) -> BrokerPreview {
    BrokerPreview { warnings: vec![text], ..BrokerPreview::default() }
}

impl EngineTask {
    pub(super) async fn answer(&mut self, asked: Asked) {
        let Asked { request, reply, door } = asked;
        let reply = audited(self.audit.as_ref(), &request, &door, reply);
        if let Some(refusal) = self.refused_by_lock(&request) {
            return give(reply, Err(refusal));
        }
        if self.access == Access::Read && changes(&request) {
            let text = "another process runs this profile's engine; this one only reads";
            return give(reply, Err(SessionError::Usage(text.to_owned())));
        }
        let Some(reply) = self.live_read(&request, reply) else { return };
        match request {
            Request::Lock | Request::Unlock { .. } | Request::SetSecret { .. } => {
                self.keep_safe(request, &door, reply);
            }
            Request::Preview { command, origin, account, ask_broker } => {
                match self.asker(&command, origin, account, false) {
                    Ok(asker) => self.preview(command, asker, ask_broker, reply).await,
                    Err(error) => give(reply, Err(error)),
                }
            }
            Request::Execute { command, origin, account, confirmation_hash, allow_duplicate, wait } => {
                match self.asker(&command, origin, account, allow_duplicate) {
                    Ok(asker) => {
                        self.execute(command, &asker, confirmation_hash.as_deref(), wait, reply).await
                    }
                    Err(error) => give(reply, Err(error)),
                }
            }
            Request::Cancel { order, wait } => match self.order_id(&order) {
                Ok(id) => self.cancel(vec![id], wait, reply).await,
                Err(error) => give(reply, Err(error)),
            },
            Request::Replace { order, change, wait } => match self.order_id(&order) {
                Ok(id) => self.replace(id, change, wait, reply).await,
                Err(error) => give(reply, Err(error)),
            },
            Request::Settle { order, fate, why } => match self.order_id(&order) {
                Ok(id) => self.settle_by_hand(id, fate, &why, reply).await,
                Err(error) => give(reply, Err(error)),
            },
            Request::Venue { account, action } => self.venue_action(account, action, reply).await,
            Request::ReduceOnly { why } => {
                self.step(Input::ReduceOnly { reason: clean(&why).into_owned() }).await;
                give(reply, Ok(Reply::Done("only what reduces goes out".to_owned())));
            }
            Request::Halt { all } => self.halt(all, reply).await,
            Request::Resume => self.resume(reply).await,
            Request::Flatten { scope, wait } => {
                let account = self.core.default_account().clone();
                let asker = Asker { origin: OriginKind::Cli, account, allow_duplicate: true };
                self.flatten(scope, &asker, wait, reply).await;
            }
            other => self.answer_question(other, reply).await,
        }
    }

    async fn answer_question(&mut self, request: Request, reply: Answer) {
        let answer = match request {
            Request::Subscribe { instruments } => self.quotes(&instruments).await,
            Request::Bars { instrument, interval, limit } => self.bars(&instrument, interval, limit),
            Request::History { instrument, interval, limit } => {
                return self.history(instrument, interval, limit, reply);
            }
            Request::Chain { underlying, expiry, right } => self.chain(&underlying, expiry, right).await,
            Request::Search { query, limit } => {
                Ok(Reply::Listings(self.universe.search(&query, limit as usize)))
            }
            Request::SetWatchlist { name, instruments } => self.set_watchlist(name, instruments).await,
            Request::EditWatchlists(edit) => self.edit_watchlists(edit).await,
            Request::Alert(change) => return self.alert(change, reply).await,
            Request::LiftGuards { account } => {
                let account = account.unwrap_or_else(|| self.core.default_account().clone());
                let request = self.expect(reply, None);
                return self.step(Input::LiftGuards { request, account }).await;
            }
            Request::Exit(change) => return self.exit_plan(change, reply).await,
            Request::Strategy(request) if !matches!(request, StrategyRequest::Decisions { .. }) => {
                return self.strategy(request, reply).await;
            }
            Request::Bot(request) => return self.bot(request, reply).await,
            Request::Book { instrument } => self.book(&instrument).await,
            Request::RiskDesk { account } => return self.risk_desk(account, reply),
            Request::Groups => Ok(Reply::Groups(self.groups())),
            Request::Members { group } => Ok(Reply::Listings(self.members(&group))),
            Request::Movers { by, limit } => self.movers(by, limit).await,
            Request::SetNote { order, text } => return self.set_note(order, &text, reply),
            Request::NoteSymbol(change) => return self.note_symbol(change, reply).await,
            Request::PaperAssign { contract, contracts } => self.assign(contract, contracts).await,
            Request::PaperDoNotExercise { contract } => self.do_not_exercise(contract).await,
            Request::PaperExpire => self.expire().await,
            Request::Connect { logins } => self.connect(logins).await,
            Request::Disconnect { name } => self.disconnect(&name).await,
            Request::Mode { mode, account, confirmed } => {
                self.switch(mode, account.as_ref(), confirmed).await
            }
            Request::Reconcile { account } => self.reconcile_now(account).await,
            Request::Override { account, confirmation } => {
                self.override_standing(account, confirmation.as_deref()).await
            }
            Request::SetLimit { name, value, confirmation } => {
                self.set_limit(&name, value.as_deref(), confirmation.as_deref()).await
            }
            Request::Advance { seconds } => self.advance(seconds).await,
            Request::Replay(control) => self.steer(control).await,
            // The door of an engine in a process of its own answers these itself.
            Request::EngineStatus | Request::StopEngine { .. } => {
                let text = "this engine lives in this process and ends with it";
                Err(SessionError::Usage(text.to_owned()))
            }
            other => return self.read(other, reply),
        };
        give(reply, answer);
    }

    /// Who asks, and for which account: the one that is said, else the one that the command's broker or instrument leads to.
    fn asker(
        &self,
        command: &Command,
        origin: OriginKind,
        account: Option<AccountId>,
        allow_duplicate: bool,
    ) -> Result<Asker, SessionError> {
        let account = match account {
            Some(account) if self.core.account(&account).is_none() || self.live.closed.contains(&account) => {
                return Err(SessionError::Usage(format!(
                    "no account {account}; {}",
                    self.live.connected(&self.paper_account)
                )));
            }
            Some(account) => account,
            None => resolve::route(&self.core, self.live.logins(), command)?,
        };
        Ok(Asker { origin, account, allow_duplicate })
    }

    /// Registers a request whose answer the core will give.
    pub(super) fn expect(&mut self, reply: Answer, wait: Option<Until>) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.pending.insert(id, Pending { reply, wait });
        id
    }

    fn order_id(&self, order: &OrderRef) -> Result<ClientOrderId, SessionError> {
        match order {
            OrderRef::ClientOrderId(id) => Ok(*id),
            OrderRef::Number(number) => self
                .core
                .book()
                .by_number(*number)
                .map(|order| order.request.client_order_id)
                .ok_or_else(|| super::absent::no_order(&self.core, &number.to_string())),
        }
    }

    pub(super) async fn know(&mut self, instruments: &[Instrument]) -> Result<(), SessionError> {
        for instrument in instruments {
            if !self.ensure(instrument).await {
                return Err(SessionError::Usage(format!(
                    "no instrument {instrument} is known here; try: arbion search {}",
                    instrument.root()
                )));
            }
        }
        Ok(())
    }

    /// The order that a `place` or `close` means now.
    async fn order_of(&mut self, command: &Command, asker: &Asker) -> Result<OrderRequest, SessionError> {
        let instruments = resolve::instruments(command);
        self.know(&instruments).await?;
        for instrument in &instruments {
            self.tell_average_volume(instrument).await;
        }
        match command {
            Command::Place(place) => resolve::place(&mut self.core, place, asker),
            Command::Close(close) => resolve::close(&mut self.core, close, asker),
            _ => Err(SessionError::Usage("only an order can be previewed".to_owned())),
        }
    }

    /// What an order would do. A broker that says so itself is asked on a task of its own, so that no order waits meanwhile.
    async fn preview(&mut self, command: Command, asker: Asker, ask_broker: bool, reply: Answer) {
        let mut preview = match self.previewed(command, &asker).await {
            Ok(preview) => preview,
            Err(error) => return give(reply, Err(error)),
        };
        let (broker, _) = self.live.at_broker(&asker.account);
        match broker.filter(|broker| ask_broker && broker.capabilities().preview) {
            None => give(reply, Ok(Reply::Preview(preview))),
            Some(broker) => drop(tokio::spawn(async move {
                let answer = tokio::time::timeout(BROKER_SAYS_MAX, broker.preview(&preview.request)).await;
                preview.broker = match answer {
                    Ok(Ok(said)) => said,
                    Ok(Err(error)) => Some(warned(error.to_string())),
                    Err(_) => Some(warned("the broker does not say in time what it would cost".to_owned())),
                };
                if let Some(after) = preview.broker.as_ref().and_then(|said| said.buying_power_after) {
                    preview.buying_power_after = after;
                }
                give(reply, Ok(Reply::Preview(preview)));
            })),
        }
    }

    async fn previewed(
        &mut self,
        command: Command,
        asker: &Asker,
    ) -> Result<Box<OrderPreview>, SessionError> {
        let request = self.order_of(&command, asker).await?;
        let outcome = self.core.check(&request);
        let estimate = self.core.estimate(&request).unwrap_or_default();
        // A broker's own word on what may be spent counts before what our margin rules make of the books.
        let theirs = self.live.at_broker(&asker.account).1.map(|figures| figures.buying_power);
        let ours = || self.core.account(&asker.account).map(|account| account.buying_power);
        let before = theirs.or_else(ours).unwrap_or_default();
        let confirmation_hash = self.previews.remember(self.clock.now(), command, request.clone());
        Ok(Box::new(OrderPreview {
            words: crate::command::order_words(&request),
            estimated_price: estimate.price,
            estimated_cost: estimate.price.map(|_| estimate.cost),
            estimated_fees: estimate.fees,
            buying_power_before: before,
            buying_power_after: (before - estimate.buying_power).max(rust_decimal::Decimal::ZERO),
            broker: None,
            denials: outcome.result.err().unwrap_or_default(),
            checks: outcome.checks,
            confirmation_hash,
            request,
        }))
    }

    async fn execute(
        &mut self,
        command: Command,
        asker: &Asker,
        hash: Option<&str>,
        wait: bool,
        reply: Answer,
    ) {
        match command {
            Command::Place(_) | Command::Close(_) => {
                let order = match hash {
                    Some(hash) => self.confirmed(&command, hash, asker).await,
                    None => self.order_of(&command, asker).await,
                };
                match order {
                    Ok(order) => self.place(vec![order], wait, reply).await,
                    Err(error) => give(reply, Err(error)),
                }
            }
            Command::Flatten { scope } => self.flatten(scope, asker, wait, reply).await,
            Command::Cancel { order_id, instrument, side } => {
                match resolve::cancel_targets(&self.core, order_id.as_deref(), instrument.as_ref(), side) {
                    Ok(ids) => self.cancel(ids, wait, reply).await,
                    Err(error) => give(reply, Err(error)),
                }
            }
            Command::CancelAll => match resolve::cancel_targets(&self.core, None, None, None) {
                Ok(ids) => self.cancel(ids, wait, reply).await,
                Err(error) => give(reply, Err(error)),
            },
            Command::Replace { order_id, instrument, limit_price, stop_price, quantity, time_in_force } => {
                let change = OrderChange { limit_price, stop_price, trail: None, quantity, time_in_force };
                match resolve::replace_target(&self.core, order_id.as_deref(), instrument.as_ref(), &change) {
                    Ok(id) => self.replace(id, change, wait, reply).await,
                    Err(error) => give(reply, Err(error)),
                }
            }
            Command::Strategy { action, name, underlying } => {
                self.strategy_words(action, &name, underlying.as_ref(), reply).await;
            }
            Command::Halt => self.halt(false, reply).await,
            Command::Resume => self.resume(reply).await,
            Command::Alert { instrument, when, value } => {
                self.alert(AlertChange::Set { instrument, when, value }, reply).await;
            }
            other => {
                let answer = self.simple(other).await;
                give(reply, answer);
            }
        }
    }

    /// Exactly what was shown, under fresh ids: the same preview confirmed later is a new intent.
    async fn confirmed(
        &mut self,
        command: &Command,
        hash: &str,
        asker: &Asker,
    ) -> Result<OrderRequest, SessionError> {
        let now = self.clock.now();
        let mut request =
            self.previews.confirm(now, command, hash).ok_or(SessionError::ConfirmationChanged)?;
        let instruments: Vec<Instrument> = request.subject.instruments().cloned().collect();
        self.know(&instruments).await?;
        request.client_order_id = self.core.mint(now);
        for exit in [&mut request.take_profit, &mut request.stop_loss].into_iter().flatten() {
            exit.client_order_id = self.core.mint(now);
        }
        debug_assert_eq!(confirmation_hash(&request), hash, "what is sent is what was shown");
        request.allow_duplicate = asker.allow_duplicate && asker.origin.is_human();
        Ok(request)
    }

    /// Commands that need no order.
    async fn simple(&mut self, command: Command) -> Result<Reply, SessionError> {
        match command {
            Command::Quote { instruments } => self.quotes(&instruments).await,
            Command::Watch { instruments, list } => self.watch(&instruments, list.as_deref(), true).await,
            Command::Unwatch { instruments, list } => self.watch(&instruments, list.as_deref(), false).await,
            Command::Chain { underlying, expiry, right } => self.chain(&underlying, expiry, right).await,
            Command::Clarify { message, .. } => Err(SessionError::Clarify(message)),
            Command::Mode { mode } => {
                let mode = match mode {
                    TradingMode::Live => AccountMode::Live,
                    TradingMode::Paper => AccountMode::Paper,
                };
                self.switch(mode, None, false).await
            }
            other => Ok(Reply::FrontEnd(other)),
        }
    }

    async fn place(&mut self, orders: Vec<OrderRequest>, wait: bool, reply: Answer) {
        // Who does not wait for the broker waits for the disk: an order that was denied for want of one is told so.
        let request = self.expect(reply, Some(if wait { Until::Answered } else { Until::Written }));
        self.step(Input::Place { request, orders }).await;
    }

    async fn cancel(&mut self, orders: Vec<ClientOrderId>, wait: bool, reply: Answer) {
        let request = self.expect(reply, wait.then_some(Until::Ended));
        self.step(Input::Cancel { request, orders }).await;
    }

    async fn replace(&mut self, order: ClientOrderId, change: OrderChange, wait: bool, reply: Answer) {
        let request = self.expect(reply, wait.then_some(Until::Answered));
        let change = resolve::change(&self.core, order, change);
        self.step(Input::Replace { request, order, change }).await;
    }

    async fn settle_by_hand(&mut self, order: ClientOrderId, fate: OrderFate, why: &str, reply: Answer) {
        let why: String = clean(why).trim().chars().take(WHY_MAX).collect();
        if why.is_empty() {
            let text = "say how you know what became of the order: it is kept in the audit log";
            return give(reply, Err(SessionError::Usage(text.to_owned())));
        }
        let request = self.expect(reply, None);
        self.step(Input::Settle { request, order, fate, why }).await;
    }

    async fn halt(&mut self, all: bool, reply: Answer) {
        let request = self.expect(reply, Some(Until::Ended));
        self.step(Input::Halt { request, all, reason: "asked for".to_owned() }).await;
        self.settle();
    }

    async fn resume(&mut self, reply: Answer) {
        if let Err(error) = self.clear_halt() {
            return give(reply, Err(error));
        }
        let request = self.expect(reply, None);
        self.step(Input::Resume { request }).await;
    }

    async fn flatten(&mut self, scope: FlattenScope, asker: &Asker, wait: bool, reply: Answer) {
        let held: Vec<Instrument> =
            self.core.positions(&asker.account).into_iter().map(|p| p.instrument).collect();
        for instrument in &held {
            self.ensure(instrument).await;
        }
        // Flattening is one wish: that one of its orders looks like an earlier one is no mistake.
        let asker = &Asker { allow_duplicate: true, ..asker.clone() };
        match resolve::flatten(&mut self.core, scope, asker) {
            Ok(orders) => self.place(orders, wait, reply).await,
            Err(error) => give(reply, Err(error)),
        }
    }

    async fn watch(
        &mut self,
        instruments: &[Instrument],
        list: Option<&str>,
        add: bool,
    ) -> Result<Reply, SessionError> {
        if add {
            self.know(instruments).await?;
        }
        let mut lists = self.core.watchlists().to_vec();
        let name = list.or_else(|| lists.first().map(|l| l.name.as_str())).unwrap_or("main").to_owned();
        if !lists.iter().any(|l| l.name == name.as_str()) {
            if !add {
                let known = lists.iter().map(|list| list.name.as_str());
                return Err(SessionError::Usage(no_such("watchlist", &name, known)));
            }
            lists.push(Watchlist { name: name.as_str().into(), instruments: Vec::new() });
        }
        let mut count = 0;
        if let Some(list) = lists.iter_mut().find(|l| l.name == name.as_str()) {
            for instrument in instruments {
                let at = list.instruments.iter().position(|i| i == instrument);
                match at {
                    None if add && list.instruments.len() < WATCHED_MAX => {
                        list.instruments.push(instrument.clone())
                    }
                    Some(at) if !add => drop(list.instruments.remove(at)),
                    _ => {}
                }
            }
            count = list.instruments.len();
        }
        self.step(Input::Watchlists(lists)).await;
        Ok(Reply::Done(format!("watchlist {name} has {count} symbols")))
    }

    async fn set_watchlist(
        &mut self,
        name: smol_str::SmolStr,
        instruments: Vec<Instrument>,
    ) -> Result<Reply, SessionError> {
        self.know(&instruments).await?;
        let mut lists = self.core.watchlists().to_vec();
        lists.retain(|list| list.name != name || !instruments.is_empty());
        if !instruments.is_empty() {
            match lists.iter_mut().find(|list| list.name == name) {
                Some(list) => list.instruments = instruments,
                None => lists.push(Watchlist { name: name.clone(), instruments }),
            }
        }
        if lists.is_empty() {
            return Err(SessionError::Usage("one watchlist at least must stay".to_owned()));
        }
        self.step(Input::Watchlists(lists)).await;
        Ok(Reply::Done(format!("watchlist {name} is set")))
    }

    async fn assign(
        &mut self,
        contract: OptionContract,
        contracts: Option<crate::domain::money::Quantity>,
    ) -> Result<Reply, SessionError> {
        let (done, finished) = oneshot::channel();
        let text = contract.to_string();
        self.paper.tell(VenueCommand::Assign(contract, contracts, done)).await;
        let assigned = finished.await.map_err(|_| SessionError::Gone)?;
        if assigned.is_zero() {
            return Err(SessionError::Usage(format!("no short position in {text} to assign")));
        }
        // What was said to be so outlives a kill.
        self.follow_venue().await;
        self.follow_disk().await;
        Ok(Reply::Done(format!("assigned {assigned} of {text}")))
    }

    async fn expire(&mut self) -> Result<Reply, SessionError> {
        let (done, finished) = oneshot::channel();
        self.paper.tell(VenueCommand::Expire(done)).await;
        finished.await.map_err(|_| SessionError::Gone)?;
        self.follow_venue().await;
        self.follow_disk().await;
        Ok(Reply::Done("expired what was due".to_owned()))
    }

    async fn do_not_exercise(&mut self, contract: OptionContract) -> Result<Reply, SessionError> {
        let (done, finished) = oneshot::channel();
        let text = contract.to_string();
        self.paper.tell(VenueCommand::DoNotExercise(contract, done)).await;
        if finished.await.map_err(|_| SessionError::Gone)? {
            Ok(Reply::Done(format!("{text} will not be exercised")))
        } else {
            Err(SessionError::Usage(format!("no long position in {text}, or it is past 17:30 New York")))
        }
    }

    async fn advance(&mut self, seconds: i64) -> Result<Reply, SessionError> {
        let Source::Replay(replay) = &mut self.feed.source else {
            return self.advance_own(seconds).await;
        };
        let target = replay.now() + jiff::SignedDuration::from_secs(seconds);
        let events = replay.advance_to(target);
        self.replay(events).await;
        Ok(Reply::Done(format!("the replay stands at {}", self.clock.now())))
    }

    async fn steer(&mut self, control: ReplayControl) -> Result<Reply, SessionError> {
        let Source::Replay(replay) = &mut self.feed.source else {
            return Err(SessionError::Usage("this is not a replay".to_owned()));
        };
        match control {
            ReplayControl::Paused(paused) => replay.set_paused(paused),
            ReplayControl::Speed(speed) => replay.set_speed(speed),
            ReplayControl::Seek(at) if at < replay.now() => {
                return Err(SessionError::Usage(
                    "a replay goes forward only; start it anew to go back".to_owned(),
                ));
            }
            ReplayControl::Seek(at) => {
                let events = replay.advance_to(at);
                self.replay(events).await;
            }
        }
        Ok(Reply::Done("done".to_owned()))
    }
}
