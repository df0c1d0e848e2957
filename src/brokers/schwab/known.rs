//! What is remembered of an account's orders, for Schwab keeps no ids of ours: which of its orders we sent, which order may be the one whose
//! answer was lost, and which old ones still work.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::report;
use super::wire::Order;
use crate::domain::ids::ClientOrderId;
use crate::domain::order::OrderRequest;

/// Orders of ours that are remembered.
const OURS_MAX: usize = 10_000;
/// Orders in doubt that are remembered.
const DOUBTS_MAX: usize = 200;
/// An order may seem to have come this long before we sent it: clocks differ.
const BEFORE: SignedDuration = SignedDuration::from_secs(5);
/// And this long after.
const AFTER: SignedDuration = SignedDuration::from_secs(60);

/// A command whose fate is not known.
#[derive(Clone, Debug)]
struct Doubt {
    request: OrderRequest,
    sent_at: Timestamp,
}

/// The memory of one account.
#[derive(Debug, Default)]
pub struct Known {
    /// By Schwab's id: our id, and what we sent where it was this order.
    ours: BTreeMap<String, (ClientOrderId, Option<OrderRequest>)>,
    order: VecDeque<String>,
    doubts: VecDeque<Doubt>,
    /// Orders that worked when last seen, by Schwab's id of the outermost one, with their time.
    pub open: BTreeMap<String, Timestamp>,
    /// Has everything that may still work been looked for.
    pub scanned: bool,
}

impl Known {
    /// An order is ours.
    pub fn learn(&mut self, broker_order_id: &str, request: &OrderRequest) {
        self.insert(broker_order_id, request.client_order_id, Some(request.clone()));
        self.doubts.retain(|doubt| doubt.request.client_order_id != request.client_order_id);
    }

    fn insert(&mut self, broker_order_id: &str, id: ClientOrderId, request: Option<OrderRequest>) {
        if self.ours.insert(broker_order_id.to_owned(), (id, request)).is_none() {
            self.order.push_back(broker_order_id.to_owned());
        }
        if self.order.len() > OURS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ours.remove(&oldest);
        }
    }

    /// Nobody knows what became of an order.
    pub fn doubt(&mut self, request: OrderRequest, sent_at: Timestamp) {
        if self.doubts.len() == DOUBTS_MAX {
            self.doubts.pop_front();
        }
        self.doubts.push_back(Doubt { request, sent_at });
    }

    /// Our id of an order, and what we sent.
    #[must_use]
    pub fn of(&self, broker_order_id: &str) -> Option<(ClientOrderId, Option<&OrderRequest>)> {
        self.ours.get(broker_order_id).map(|(id, request)| (*id, request.as_ref()))
    }

    /// Schwab's id of an order of ours.
    #[must_use]
    pub fn id_of(&self, id: ClientOrderId) -> Option<String> {
        self.ours.iter().find(|(_, (ours, _))| *ours == id).map(|(theirs, _)| theirs.clone())
    }

    /// Is such an order in doubt.
    #[must_use]
    pub fn is_in_doubt(&self, id: ClientOrderId) -> bool {
        self.doubts.iter().any(|doubt| doubt.request.client_order_id == id)
    }

    /// Looks at a list: exits of brackets of ours are ours too, and an order in doubt is the one with its terms, entered at its time, that
    /// nobody else owns, where there is exactly one of each.
    pub fn look(&mut self, orders: &[Order]) {
        for order in orders {
            self.exits(order);
        }
        let mut pairs: Vec<(usize, String)> = Vec::new();
        for (n, doubt) in self.doubts.iter().enumerate() {
            for order in orders.iter().filter(|order| !self.ours.contains_key(&order.order_id)) {
                if alike(doubt, order) {
                    pairs.push((n, order.order_id.clone()));
                }
            }
        }
        let mut found = BTreeSet::new();
        for (n, theirs) in &pairs {
            let alone = pairs.iter().filter(|(other, id)| other == n || id == theirs).count() == 1;
            if let (true, Some(doubt)) = (alone, self.doubts.get(*n)) {
                found.insert((theirs.clone(), doubt.request.client_order_id));
            }
        }
        for (theirs, id) in found {
            let doubt = self.doubts.iter().find(|doubt| doubt.request.client_order_id == id).cloned();
            if let Some(doubt) = doubt {
                tracing::info!(order = theirs, "the order in doubt is the one with its terms");
                self.learn(&theirs, &doubt.request);
            }
        }
        for order in orders {
            self.exits(order);
        }
    }

    /// Names the exits of a bracket of ours.
    fn exits(&mut self, order: &Order) {
        let Some((_, Some(request))) = self.of(&order.order_id) else { return };
        let exits = request.exit_orders();
        if exits.is_empty() {
            return;
        }
        let mut children = Vec::new();
        for child in &order.child_order_strategies {
            report::flat(child, &mut children);
        }
        for child in children {
            let kind = child.order_type.as_deref();
            let limit = matches!(kind, Some("LIMIT"));
            let exit = exits.iter().find(|exit| exit.pricing.limit_price().is_some() == limit);
            if let Some(exit) = exit {
                self.insert(&child.order_id, exit.client_order_id, Some(exit.clone()));
            }
        }
    }
}

/// Has the order the terms of the one in doubt, and came at its time.
fn alike(doubt: &Doubt, order: &Order) -> bool {
    let Ok(Some(report)) = report::report(order, None) else { return false };
    let request = &doubt.request;
    let age = report.entered_at.duration_since(doubt.sent_at);
    // Times are given in whole seconds.
    let at_its_time = age >= -BEFORE - SignedDuration::from_secs(1) && age <= AFTER;
    let same_prices = match super::terms::body(request) {
        Ok(body) => {
            body.order_type == order.order_type.as_deref()
                && body.duration == order.duration.as_deref()
                && order.session.as_deref().is_none_or(|session| body.session == Some(session))
                && same_legs(&body, order)
                && same(body.price.as_deref(), order.price)
                && same(body.stop_price.as_deref(), order.stop_price)
                && same_trail(&body, order)
        }
        Err(_) => false,
    };
    at_its_time && report.quantity == request.quantity && same_prices
}

fn same(ours: Option<&str>, theirs: Option<rust_decimal::Decimal>) -> bool {
    match ours {
        Some(text) => text.parse().ok() == theirs,
        None => true,
    }
}

/// The distance of a trailing stop, where it is shown.
fn same_trail(body: &super::terms::Body, order: &Order) -> bool {
    let Some(offset) = body.stop_price_offset else { return true };
    order.stop_price_offset.is_none_or(|theirs| theirs == offset.get())
        && order.stop_price_link_type.as_deref().is_none_or(|kind| body.stop_price_link_type == Some(kind))
}

fn same_legs(body: &super::terms::Body, order: &Order) -> bool {
    body.order_leg_collection.len() == order.order_leg_collection.len()
        && body.order_leg_collection.iter().zip(&order.order_leg_collection).all(|(ours, theirs)| {
            ours.instruction == theirs.instruction
                && ours.instrument.symbol == theirs.instrument.symbol
                && theirs.quantity.is_none_or(|quantity| quantity == ours.quantity.get())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::AccountId;
    use crate::domain::instrument::Instrument;
    use crate::domain::money::Quantity;
    use crate::domain::order::{OrderSubject, Origin, OriginKind, Pricing, Side, Trail};

    fn shown(id: u64, more: &str) -> Order {
        let text = format!(
            r#"{{"orderId":{id},"status":"WORKING","enteredTime":"2026-11-24T15:00:01+0000","orderType":"LIMIT","duration":"DAY","quantity":10.0,
            "price":90.0,"orderLegCollection":[{{"legId":1,"instruction":"BUY","quantity":10.0,"instrument":{{"assetType":"EQUITY","symbol":"AAPL"}}}}]{more}}}"#
        );
        crate::brokers::json::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_order_in_doubt_is_the_one_with_all_of_its_terms() {
        let id = ClientOrderId::from_parts(1_790_000_000_000, 1);
        let request = OrderRequest::plain(
            id,
            AccountId::new("a"),
            Origin::person(OriginKind::Cli),
            OrderSubject::Instrument(Instrument::equity("AAPL").unwrap()),
            Side::Buy,
            Quantity::from(10),
            Pricing::Limit { limit_price: "90".parse().unwrap() },
        );
        for (more, is_it) in [
            ("", true),
            (r#","session":"NORMAL""#, true),
            (r#","session":"SEAMLESS""#, false),
            (r#","stopPrice":89.0"#, true),
        ] {
            let mut known = Known::default();
            known.doubt(request.clone(), "2026-11-24T15:00:00Z".parse().unwrap());
            known.look(&[shown(7, more)]);
            assert_eq!(known.id_of(id).is_some(), is_it, "{more}");
        }
        // Nor is a trailing stop the one that follows at another distance.
        let trail = |percent: i64| Trail::Percent(percent.into());
        for (more, is_it) in [
            (r#""stopPriceOffset":5.0,"stopPriceLinkType":"PERCENT""#, true),
            (r#""stopPriceOffset":4.0,"stopPriceLinkType":"PERCENT""#, false),
            (r#""stopPriceOffset":5.0,"stopPriceLinkType":"VALUE""#, false),
            (r#""session":"NORMAL""#, true),
        ] {
            let text = format!(
                r#"{{"orderId":7,"status":"WORKING","enteredTime":"2026-11-24T15:00:01+0000","orderType":"TRAILING_STOP","duration":"DAY",
                "quantity":10.0,"orderLegCollection":[{{"legId":1,"instruction":"SELL","quantity":10.0,
                "instrument":{{"assetType":"EQUITY","symbol":"AAPL"}}}}],{more}}}"#
            );
            let mut known = Known::default();
            let pricing = Pricing::TrailingStop { trail: trail(5) };
            let sent = OrderRequest { side: Side::Sell, pricing, ..request.clone() };
            known.doubt(sent, "2026-11-24T15:00:00Z".parse().unwrap());
            known.look(&[crate::brokers::json::read(text.as_bytes()).unwrap()]);
            assert_eq!(known.id_of(id).is_some(), is_it, "{more}");
        }
        // Two alike are nobody's.
        let mut known = Known::default();
        known.doubt(request, "2026-11-24T15:00:00Z".parse().unwrap());
        known.look(&[shown(7, ""), shown(8, "")]);
        assert!(known.id_of(id).is_none() && known.is_in_doubt(id));
    }
}
