//! What must hold: after every step, at every send, and once all is quiet (reliability 17.3, 17.4).

use arbion::core::lifecycle::{Next, Transition, next};
use arbion::domain::execution::AccountEvent;
use arbion::domain::ids::{AccountId, ClientOrderId};
use arbion::domain::instrument::Instrument;
use arbion::domain::limits::TradingState;
use arbion::domain::money::{Price, Quantity};
use arbion::domain::order::{Order, OrderRequest, OrderStatus, OriginKind};
use rust_decimal::Decimal;

use crate::accounts::cost;
use crate::world::{CAPITAL, World, instruments};

/// Statuses that a status may become, by any number of events.
fn reaches(from: OrderStatus, to: OrderStatus) -> bool {
    let mut reached = vec![from];
    let mut n = 0;
    while let Some(status) = reached.get(n).copied() {
        n += 1;
        for event in Transition::ALL {
            let after: &[OrderStatus] = match next(status, event) {
                Next::To(status) => &[status],
                Next::Working => &[OrderStatus::Submitted, OrderStatus::PartiallyFilled],
                Next::Stay | Next::Illegal => &[],
            };
            reached
                .extend(after.iter().filter(|status| !reached.contains(status)).copied().collect::<Vec<_>>());
        }
    }
    reached.contains(&to)
}

impl World {
    /// Rules 1, 2 and 8, and that nothing opens before the first comparison (R1).
    pub(crate) fn may_be_sent(&self, request: &OrderRequest) {
        let id = request.client_order_id;
        for id in request.exit_orders().iter().map(|exit| exit.client_order_id).chain([id]) {
            assert!(self.disk.has_intent(id), "order {id} was sent before it was on disk");
        }
        let opens = self.opening.contains(&id);
        let halted = self.engine.trading_state() == TradingState::Halted;
        assert!(!(opens && halted), "order {id} opens and was sent after a halt");
        let compared = self.engine.last_reconcile(&request.account).is_some();
        assert!(compared || !opens, "order {id} opens and was sent before the first comparison");
        // Nobody has withdrawn it meanwhile.
        let status = self.engine.order(id).map(|order| order.status);
        assert_eq!(status, Some(OrderStatus::PendingSubmit), "order {id} was sent");
    }

    /// Nothing is let out while something of the stream may have been missed (R7): asked when an order is placed, as what has been let out by then
    /// may be on its way. Whether it opens is what it was let out for: what it closes may be gone when the disk has it.
    pub(crate) fn may_be_placed(&mut self, request: &OrderRequest) {
        let gap = self.gaps.get(&request.account);
        let run = self.engine.last_reconcile(&request.account);
        let trusted = gap.is_none_or(|gap| run.is_some_and(|run| run.started >= *gap));
        let (id, opens) = (request.client_order_id, self.opens(request));
        assert!(trusted || !opens, "order {id} opens and was let out after a gap in the stream");
        if opens {
            self.opening.insert(id);
        }
    }

    /// A fill that is taken back can leave a short position, which may be bought back.
    fn opens(&self, request: &OrderRequest) -> bool {
        let mut held = request.subject.instruments().map(|it| self.engine.held(&request.account, it));
        request.side.is_buy() && !held.all(|units| units.is_negative())
    }

    /// Rule 9: a halt that is to leave what protects leaves it.
    pub(crate) fn may_be_canceled(&self, id: ClientOrderId) {
        let Some(order) = self.engine.order(id) else { panic!("order {id} is canceled and not known") };
        let protects = order.request.origin.kind == OriginKind::Exit && order.request.reduce_only;
        let meant = self.halting != Some(false) || !protects;
        assert!(meant, "exit {id} was canceled by a halt that keeps exits");
    }

    /// Rule 5 by what is known here: when an order is let out, the money is there for it and for everything else that may still fill, be it
    /// in doubt, being canceled or a package.
    pub(crate) fn can_pay(&self, new: &Order) {
        let request = &new.request;
        // What buys a short position back is not counted.
        let left = |order: &Order| match self.opens(&order.request) {
            true => cost(&order.request, order.request.quantity - order.filled_quantity),
            false => Decimal::ZERO,
        };
        let old = new.replaces.and_then(|old| self.engine.order(old)).map(left).unwrap_or_default();
        // What was too dear when another program placed it may be made smaller.
        if left(new) <= old {
            return;
        }
        let own = |order: &&Order| order.request.account == request.account;
        let held: Decimal = self.engine.book().working().filter(own).map(left).sum();
        // An order and the one that is to take its place do not fill both.
        let replaced = |order: &Order| {
            let old = order.replaces.and_then(|old| self.engine.order(old));
            old.filter(|old| old.is_working()).map(|old| left(old).min(left(order)))
        };
        let twice: Decimal = self.engine.book().working().filter(own).filter_map(replaced).sum();
        let cash = self.engine.account(&request.account).unwrap().cash;
        let id = request.client_order_id;
        assert!(cash + twice >= held, "order {id} was let out: {cash} is there, {} may fill", held - twice);
    }

    /// Rules 4 and 5 by what is so: if everything fills that could, the money is there. What a lost message tells of only the broker knows, so
    /// that those with little money may be short of a little.
    pub(crate) fn affords(&self, n: usize) {
        let broker = &self.brokers[n];
        if self.capital < CAPITAL[0] {
            return;
        }
        let fees: Decimal = broker.orders.values().flat_map(|held| &held.fills).map(|fill| fill.fee).sum();
        let worst = broker.worst_cash(Decimal::from(self.capital)) + broker.unforeseen + fees;
        assert!(worst >= Decimal::ZERO, "{} could be overdrawn by {}", broker.account, -worst);
    }

    /// What must hold at any moment, of every order that has changed: rules 6 and 7.
    pub(crate) fn watch(&mut self) {
        let mut rare = Vec::new();
        let mut lines = Vec::new();
        for order in self.engine.book().working().chain(self.engine.book().ended()) {
            let id = order.request.client_order_id;
            let before = self.seen.get(&id);
            if before.is_some_and(|before| before == order) {
                continue;
            }
            if let Some(before) = before {
                self.moved_rightly(before, order);
                if order.reason.as_deref() == Some("never_reached") && before.reason != order.reason {
                    rare.push(match (order.replaces, order.request.contingency.parent) {
                        (Some(_), _) => "replacement never reached",
                        (_, Some(_)) => "exit never reached",
                        _ => "never reached",
                    });
                    let inbound = self.brokers.iter().any(|broker| broker.orders.contains_key(&id));
                    assert!(!inbound, "order {id} is said never to have reached the broker, which has it");
                }
            }
            assert!(order.overfill_quantity.is_zero(), "order {id} was overfilled");
            self.is_who_it_is(order);
            if self.trace.is_some() {
                lines.push(format!(
                    "    {id} #{} {} {}/{} {}",
                    order.number,
                    order.status,
                    order.filled_quantity,
                    order.request.quantity,
                    order.reason.as_deref().unwrap_or_default()
                ));
            }
            self.seen.insert(id, order.clone());
        }
        for line in lines {
            self.write(|| line);
        }
        for what in rare {
            self.count(what);
        }
        let halted = self.engine.trading_state() == TradingState::Halted;
        assert!(halted || !self.must_halt || !self.restored, "the kill switch was on, and is off by itself");
        let tripped = self.engine.trading_state() == TradingState::Halted && !self.halted;
        self.halted = self.engine.trading_state() == TradingState::Halted;
        if tripped && self.halting.is_none() {
            self.count("tripped");
        }
    }

    fn moved_rightly(&self, before: &Order, order: &Order) {
        let id = order.request.client_order_id;
        assert!(order.filled_quantity >= before.filled_quantity, "order {id}: the filled part shrank");
        let (was, is) = (before.status, order.status);
        // What could not be written down was never sent, whatever was wished of it meanwhile.
        let unsent = matches!(was, OrderStatus::PendingSubmit | OrderStatus::PendingCancel)
            && !self.sent.contains(&id);
        let denied = is == OrderStatus::Denied && unsent;
        let stays = was == is || (reaches(was, is) && (!was.is_terminal() || is == OrderStatus::Filled));
        assert!(stays || denied, "order {id} was {was} and is {is}");
        let adopted = before.broker_order_id.is_none() || before.broker_order_id == order.broker_order_id;
        assert!(adopted, "order {id} has changed its name at the broker");
    }

    /// Rule 1 from the other side: an order that says that it is one at the broker is that one.
    fn is_who_it_is(&self, order: &Order) {
        let Some(theirs) = &order.broker_order_id else { return };
        let (id, account) = (order.request.client_order_id, &order.request.account);
        let broker = self.brokers.iter().find(|broker| broker.account == *account);
        let Some(held) = broker.and_then(|broker| broker.orders.get(&id)) else {
            let external = order.request.origin.kind == OriginKind::External;
            assert!(external, "order {id} has the broker's id {theirs}, and the broker does not have it");
            return;
        };
        assert_eq!(held.broker_id, *theirs, "order {id} took another one's place");
    }

    /// Rule 3 at any moment: what is held is what the journal says, and no money is held back that is not there.
    pub(crate) fn adds_up(&self) {
        for broker in &self.brokers {
            for instrument in instruments() {
                let written = self.disk.units(&broker.account, &instrument);
                let held = self.engine.held(&broker.account, &instrument);
                assert_eq!(held, written, "{instrument} of {}: held and journalled", broker.account);
            }
        }
    }

    /// Once all is quiet: the engine and its brokers agree on everything.
    pub(crate) fn settled(&self) {
        for n in 0..self.brokers.len() {
            self.orders_settled(n);
            let broker = &self.brokers[n];
            let account = self.engine.account(&broker.account).unwrap();
            assert!(account.reserved >= Decimal::ZERO, "{} is held back", account.reserved);
            assert_eq!(
                account.cash,
                Decimal::from(self.capital) + broker.money(),
                "cash of {}",
                broker.account
            );
            for instrument in instruments() {
                let held = self.engine.held(&broker.account, &instrument);
                assert_eq!(held, broker.units(&instrument), "{instrument} of {}", broker.account);
            }
            let run = self.engine.last_reconcile(&broker.account);
            let complete = run.is_some_and(|run| run.positions.is_some() && run.orders.is_some());
            assert!(complete, "{} was not reconciled: {run:?}", broker.account);
        }
    }

    fn orders_settled(&self, n: usize) {
        let (broker, books) = (&self.brokers[n], self.engine.book());
        let own = |order: &&Order| order.request.account == broker.account;
        for order in books.working().chain(books.ended()).filter(own) {
            let id = order.request.client_order_id;
            let theirs = order.broker_order_id.as_ref();
            let by_theirs = || broker.orders.values().find(|held| Some(&held.broker_id) == theirs);
            let there = broker.orders.get(&id).or_else(by_theirs);
            let works = there.is_some_and(|held| held.works());
            let agrees = match order.status {
                OrderStatus::Submitted | OrderStatus::PartiallyFilled => works,
                status => status.is_terminal() && !works,
            };
            assert!(agrees, "order {id} is {} here and works there: {works}", order.status);
            let filled = there.map(|held| held.filled()).unwrap_or_default();
            assert_eq!(order.filled_quantity, filled, "order {id}");
            let open = there.filter(|_| works).map(|held| held.quantity);
            let asked = order.request.quantity;
            assert!(
                open.is_none_or(|open| open == asked),
                "order {id} works for {open:?} there, {asked} here"
            );
        }
        for (id, held) in &broker.orders {
            let known =
                books.get(*id).is_some() || self.engine.order_of(&broker.account, &held.broker_id).is_some();
            // What others placed and what ended before anybody looked is in the books alone.
            assert!(known || (held.external && !held.works()), "the broker has order {id}, not known here");
        }
    }

    /// What the disk gives is what the memory has (J8), and giving it twice changes nothing (rule 11).
    pub(crate) fn rebuilt(&mut self) {
        let picture = |world: &Self| (world.positions(), world.orders(), world.money());
        self.disk.flush();
        let owned = self.owned();
        let live = picture(self);
        for _ in 0..2 {
            self.restart();
            let again = picture(self);
            assert_eq!(again.1, live.1, "orders rebuilt from the journal");
            assert_eq!(again.2, live.2, "cash, gains and fees rebuilt from the journal");
            assert_eq!(again.0, live.0, "positions rebuilt from the journal");
            assert_eq!(self.owned(), owned, "what strategies own, rebuilt from the journal");
        }
    }

    fn accounts(&self) -> impl Iterator<Item = &AccountId> {
        self.brokers.iter().map(|broker| &broker.account)
    }

    /// Units, average price and gain of every position.
    fn positions(&self) -> Vec<(Instrument, Quantity, Price, Decimal)> {
        let positions = self.accounts().flat_map(|account| self.engine.positions(account));
        positions.map(|p| (p.instrument, p.quantity, p.average_price, p.realized_pnl)).collect()
    }

    /// Cash, gains and fees.
    fn money(&self) -> Vec<[Decimal; 3]> {
        let accounts = self.accounts().map(|account| self.engine.account(account).unwrap());
        accounts.map(|account| [account.cash, account.realized_pnl, account.fees]).collect()
    }

    fn orders(&self) -> Vec<Order> {
        self.engine.book().working().chain(self.engine.book().ended()).cloned().collect()
    }
}

/// An event in a line of the trace.
pub(crate) fn brief(event: &AccountEvent) -> String {
    match event {
        AccountEvent::Order(update) => format!("{} {:?}", update.client_order_id, update.event),
        AccountEvent::ByBroker(update) => format!("{} {:?}", update.broker_order_id, update.event),
        AccountEvent::Execution(execution) => format!(
            "{} {} {} {}",
            execution.execution_id, execution.side, execution.quantity, execution.instrument
        ),
        AccountEvent::Statement(statement) => {
            let count = |many: Option<usize>| many.map_or("none".to_owned(), |many| many.to_string());
            format!(
                "a statement of {}: orders {}, executions {}, positions {}",
                statement.asked_at.strftime("%H:%M:%S%.3f"),
                count(statement.orders.as_ref().map(Vec::len)),
                count(statement.executions.as_ref().map(Vec::len)),
                count(statement.positions.as_ref().map(Vec::len)),
            )
        }
        AccountEvent::Cash(entry) => format!("cash {} {}", entry.id, entry.amount),
        AccountEvent::Corporate(report) => report.action.to_string(),
        AccountEvent::Notice(notice) => notice.text.clone(),
    }
}
