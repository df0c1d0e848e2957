//! New orders and replaces: check, reserve, journal; the submit waits for the disk.

use crate::core::effect::{Effect, Intent, IntentKind, Outcome, RequestId};
use crate::core::lifecycle::{self, Transition};
use crate::core::risk::{self, Kept, RiskOutcome};
use crate::domain::denial::{Denial, RiskCheck};
use crate::domain::ids::{ClientOrderId, OrderNumber};
use crate::domain::instrument::AssetClass;
use crate::domain::money::Quantity;
use crate::domain::order::{
    Contingency, Order, OrderChange, OrderRequest, OrderStatus, OrderSubject, OriginKind, PositionEffect,
    PriceEffect, Pricing, Side, Slices,
};
use crate::domain::snapshot::Severity;

use super::Engine;

impl Engine {
    pub(super) fn on_place(&mut self, request: RequestId, orders: Vec<OrderRequest>) {
        let mut ids = Vec::with_capacity(orders.len());
        let mut denials = Vec::new();
        let mut sent = 0;
        for order in orders {
            ids.push(order.client_order_id);
            match self.place_one(order) {
                Ok(()) => sent += 1,
                Err(reasons) => denials.extend(reasons),
            }
        }
        let outcome = if sent == 0 && !denials.is_empty() {
            Outcome::Denied { orders: ids, denials }
        } else {
            Outcome::Orders(ids)
        };
        self.answer(request, outcome);
    }

    /// An order that does not say whether it opens or closes, at a broker that wants to hear it: what is held decides. It closes where
    /// it goes against the position and is no larger, and opens where nothing is against it; one that would do both stays as it is, for risk to
    /// deny. What comes with exits of its own is meant to open.
    #[must_use]
    pub fn stated(&self, mut request: OrderRequest) -> OrderRequest {
        let said = request.position_effect.is_some() || request.reduce_only;
        let Some(instrument) = request.subject.instrument().filter(|_| !said) else { return request };
        let (class, buy) = (instrument.asset_class(), request.side.is_buy());
        if !self.capabilities(&request.account).is_some_and(|can| can.one_effect) {
            return request;
        }
        let held = self.held(&request.account, instrument);
        let against = !held.is_zero() && held.is_positive() != buy;
        let has_exits =
            request.take_profit.is_some() || request.stop_loss.is_some() || request.exit_plan.is_some();
        let closes =
            against && !has_exits && request.cash_order_quantity.is_none() && request.quantity <= held.abs();
        match class {
            AssetClass::Equity if closes && request.side == Side::Buy => request.side = Side::BuyToCover,
            AssetClass::Option if closes => request.position_effect = Some(PositionEffect::Close),
            AssetClass::Option if !against => request.position_effect = Some(PositionEffect::Open),
            _ => {}
        }
        request
    }

    /// Every check with its result, and what the order may cost, without placing it.
    #[must_use]
    pub fn check(&self, request: &OrderRequest) -> RiskOutcome {
        self.check_keeping(request, Kept::All)
    }

    fn check_keeping(&self, request: &OrderRequest, kept: Kept) -> RiskOutcome {
        match self.accounts.get(&request.account) {
            Some(books) => {
                let account = self.account_figures(books);
                let mut view = self.risk_view(books, &account);
                // Whoever let it loose on real money confirmed what it may do.
                view.live_armed |= self.is_let_loose(&request.account, &request.origin);
                // So did whoever set the plan that an exit carries out.
                view.live_armed |= self.is_exit_of_plan(request);
                // A plan's stop at the broker makes way for whatever else closes the position.
                if !self.exits.is_empty() && request.origin.kind != OriginKind::Exit {
                    view.working = view.working.aside(self.exits.resting_stops());
                }
                risk::check_keeping(&view, request, kept)
            }
            None => RiskOutcome::unknown_account(&request.account),
        }
    }

    /// Own working orders that an order would trade with.
    pub(super) fn crossing(&self, request: &OrderRequest) -> Vec<ClientOrderId> {
        let Some(books) = self.accounts.get(&request.account) else { return Vec::new() };
        let account = self.account_figures(books);
        risk::crossing(&self.risk_view(books, &account), request)
    }

    pub(super) fn place_one(&mut self, request: OrderRequest) -> Result<(), Vec<Denial>> {
        // The same intent delivered twice is one order.
        if self.book.get(request.client_order_id).is_some() {
            return Ok(());
        }
        self.saw_request(&request.account);
        let kept = if self.keeps_all() { Kept::All } else { Kept::Failures };
        let RiskOutcome { checks, reduces, result } = self.check_keeping(&request, kept);
        let approved = match result {
            Ok(approved) => approved,
            Err(denials) => {
                self.record_denied(request, &denials, checks);
                return Err(denials);
            }
        };
        let account = request.account.clone();
        if let Some(books) = self.accounts.get_mut(&account) {
            books.activity.record(self.now, &request, reduces);
        }
        let exits = request.exit_orders();
        self.clear_the_way(&request);
        let order = self.new_order(request, OrderStatus::PendingSubmit);
        self.journal_intent(IntentKind::New, &order, checks);
        self.put_order(order);
        // After their order, so that its number is the first of the bracket.
        for exit in exits {
            let order = self.new_order(exit, OrderStatus::PendingSubmit);
            self.journal_intent(IntentKind::New, &order, Vec::new());
            self.put_order(order);
        }
        self.after_journal.push(Effect::Submit { account, order: Box::new(approved) });
        Ok(())
    }

    fn record_denied(&mut self, request: OrderRequest, denials: &[Denial], checks: Vec<RiskCheck>) {
        let mut order = self.new_order(request, OrderStatus::Denied);
        order.denials = denials.to_vec();
        let reasons: Vec<&str> = denials.iter().map(|denial| denial.text.as_str()).collect();
        self.note(
            Severity::Warning,
            denials.first().map_or("DENIED", |denial| denial.code.as_str()),
            format!(
                "order {} {} denied: {}",
                order.number,
                order.request.subject.short(),
                reasons.join("; ")
            ),
        );
        self.journal_intent(IntentKind::New, &order, checks);
        self.put_order(order);
    }

    pub(super) fn new_order(&mut self, request: OrderRequest, status: OrderStatus) -> Order {
        let number = OrderNumber(self.next_number);
        self.next_number += 1;
        Order::new(number, request, status, self.now)
    }

    pub(super) fn journal_intent(&mut self, kind: IntentKind, order: &Order, checks: Vec<RiskCheck>) {
        if !self.keeps_all() {
            return;
        }
        let id = match kind {
            IntentKind::New | IntentKind::Replace => order.request.client_order_id,
            IntentKind::Cancel => self.ids.next(self.now),
        };
        self.entry.intents.push(Intent { id, kind, order: order.clone(), checks });
    }

    /// Keeps an order and has its newest state written.
    pub(super) fn put_order(&mut self, order: Order) {
        self.orders_dirty();
        if self.keeps_all() {
            self.entry.orders.push(order.clone());
        }
        self.book.insert(order);
    }

    /// Orders, and what they hold back, are to be shown anew.
    pub(super) const fn orders_dirty(&mut self) {
        self.dirty.any = true;
        self.dirty.orders = true;
        self.dirty.books = true;
    }

    pub(super) fn on_replace(&mut self, request: RequestId, id: ClientOrderId, change: &OrderChange) {
        if let Some(account) = self.book.get(id).map(|order| order.request.account.clone()) {
            self.saw_request(&account);
        }
        if let Some(text) = self.refused_by_plan(id, change) {
            return self.answer(request, Outcome::Refused(text));
        }
        let outcome = match self.replace(id, change) {
            Ok(new) => {
                self.changed_by_hand(id, new);
                Outcome::Orders(vec![id, new])
            }
            Err(ReplaceError::Refused(reason)) => Outcome::Refused(reason),
            Err(ReplaceError::Denied(new, denials)) => Outcome::Denied { orders: vec![id, new], denials },
        };
        self.answer(request, outcome);
    }

    pub(super) fn replace(
        &mut self,
        id: ClientOrderId,
        change: &OrderChange,
    ) -> Result<ClientOrderId, ReplaceError> {
        let old =
            self.book.get(id).cloned().ok_or_else(|| ReplaceError::Refused(format!("no order {id}")))?;
        let new = self.replacement(&old, change).map_err(ReplaceError::Refused)?;
        let new_id = new.client_order_id;
        let mut moved = old.clone();
        lifecycle::transition(&mut moved, Transition::ReplaceRequested, self.now)
            .map_err(|_| ReplaceError::Refused(self.ended_already(&old)))?;
        let RiskOutcome { checks, reduces, result } = self.check_replace(&old, &new);
        let approved = match result {
            Ok(approved) => approved,
            Err(denials) => {
                self.record_denied(new, &denials, checks);
                return Err(ReplaceError::Denied(new_id, denials));
            }
        };
        self.change_status(old.status, &moved, "replace requested");
        let account = old.request.account.clone();
        // A replace is an order to the broker: it counts for rate and repetition.
        if let Some(books) = self.accounts.get_mut(&account) {
            books.activity.record(self.now, &new, reduces);
        }
        self.put_order(moved);
        let mut order = self.new_order(new, OrderStatus::PendingSubmit);
        order.replaces = Some(id);
        self.journal_intent(IntentKind::Replace, &order, checks);
        self.put_order(order);
        let filled = old.filled_quantity;
        self.after_journal.push(Effect::Replace { account, order: id, new: Box::new(approved), filled });
        Ok(new_id)
    }

    fn check_replace(&self, old: &Order, new: &OrderRequest) -> RiskOutcome {
        match self.accounts.get(&new.account) {
            Some(books) => {
                let account = self.account_figures_without(books, Some(old));
                let mut view = self.risk_view(books, &account);
                // What let the old one out lets the new one out.
                view.live_armed |= self.is_let_loose(&new.account, &new.origin);
                view.live_armed |= self.is_exit_of_plan(new);
                risk::check_replace(&view, old, new)
            }
            None => RiskOutcome::unknown_account(&new.account),
        }
    }

    /// The order that takes the old one's place: same intent, changed fields, for what is still open.
    fn replacement(&mut self, old: &Order, change: &OrderChange) -> Result<OrderRequest, String> {
        if old.request.cash_order_quantity.is_some() {
            return Err(format!(
                "order {} is for an amount of money and cannot be changed; cancel it and place a new one",
                old.number
            ));
        }
        // Another program's order of a kind that we have no words for: what took its place would lack what those say, such as the stop of a bracket.
        if let Some(native) =
            old.native_type.as_ref().filter(|_| old.request.origin.kind == OriginKind::External)
        {
            return Err(format!(
                "order {} was entered elsewhere and is more than can be changed here ({native}); change it there, or cancel it",
                old.number
            ));
        }
        let mut new = old.request.clone();
        let total = change.quantity.unwrap_or(old.request.quantity);
        if old.has_filled() && matches!(old.request.subject, OrderSubject::Legs(_)) {
            return Err(format!("order {}: a leg of it has filled; cancel it instead", old.number));
        }
        if total <= old.filled_quantity {
            return Err(format!(
                "order {}: {} has filled already; cancel it instead",
                old.number, old.filled_quantity
            ));
        }
        new.client_order_id = self.ids.next(self.now);
        new.quantity = total - old.filled_quantity;
        new.pricing = changed_pricing(old, change)?;
        // A net price on the other side of zero is another word.
        let net = new.pricing.limit_price();
        new.price_effect = old.request.price_effect.zip(net).map(|(_, net)| PriceEffect::of(new.side, net));
        if let Some(time_in_force) = change.time_in_force {
            new.time_in_force = time_in_force;
            if time_in_force != crate::domain::order::TimeInForce::Gtd {
                new.expire_date = None;
            }
        }
        // The exits of a bracket are orders of their own by now; a second set must not be made.
        if old.filled_quantity.is_positive() {
            new.take_profit = None;
            new.stop_loss = None;
        }
        new.contingency = Contingency { parent: None, ..old.request.contingency.clone() };
        Ok(new)
    }

    /// A replace came to nothing: the old order works on. Where somebody wanted the new one gone meanwhile, `withdrawn`, the wish is for
    /// whichever order works.
    pub(super) fn undo_replace(&mut self, id: ClientOrderId, withdrawn: bool) {
        let Some(before) = self.book.get(id).cloned() else { return };
        let mut order = before.clone();
        if lifecycle::transition(&mut order, Transition::ReplaceRejected, self.now).is_ok() {
            self.change_status(before.status, &order, "replace not sent");
            self.put_order(order);
        }
        if withdrawn {
            self.pass_on_cancel(id);
        }
    }

    /// An order that was to be canceled has another one in its place, or works on where that came to nothing: that one is canceled.
    pub(super) fn pass_on_cancel(&mut self, id: ClientOrderId) {
        let wanted = |order: &Order| order.is_working() && order.status != OrderStatus::PendingCancel;
        if self.book.get(id).is_some_and(wanted)
            && let Ok(cancel) = self.request_cancel(id)
        {
            self.after_journal.push(cancel);
        }
    }

    /// Has the old order of a replace moved on since the new one was made: it would be for more than is left, or for an order that has ended.
    pub(super) fn is_overtaken(&self, old: ClientOrderId, filled: Quantity) -> bool {
        let packages = |order: &Order| matches!(order.request.subject, OrderSubject::Legs(_));
        self.book.get(old).is_none_or(|order| {
            order.status != OrderStatus::PendingReplace
                || order.filled_quantity != filled
                || (packages(order) && order.has_filled())
        })
    }
}

pub(super) enum ReplaceError {
    Refused(String),
    Denied(ClientOrderId, Vec<Denial>),
}

/// The old pricing with the changed prices in it. A price the order type does not have is refused, never ignored.
fn changed_pricing(old: &Order, change: &OrderChange) -> Result<Pricing, String> {
    let refuse = |what: &str| {
        Err(format!("order {} is a {} order and has no {what}", old.number, old.request.pricing.order_type()))
    };
    let mut pricing = old.request.pricing;
    if let Some(price) = change.limit_price {
        match &mut pricing {
            Pricing::Limit { limit_price }
            | Pricing::StopLimit { limit_price, .. }
            | Pricing::Oco { limit_price, .. } => *limit_price = price,
            Pricing::Twap(Slices { limit_price: Some(limit_price), .. }) => *limit_price = price,
            _ => return refuse("limit price"),
        }
    }
    if let Some(price) = change.stop_price {
        match &mut pricing {
            Pricing::Stop { stop_price }
            | Pricing::StopLimit { stop_price, .. }
            | Pricing::Oco { stop_price, .. } => *stop_price = price,
            _ => return refuse("stop price"),
        }
    }
    if let Some(new_trail) = change.trail {
        match &mut pricing {
            Pricing::TrailingStop { trail } => *trail = new_trail,
            _ => return refuse("trail"),
        }
    }
    Ok(pricing)
}
