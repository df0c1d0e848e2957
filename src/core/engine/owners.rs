//! Whose an order is that a broker shows: ours by our id, ours by the broker's, ours by its terms where the broker keeps no ids of ours, or
//! somebody else's, which is then adopted (reliability J5, R4).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::core::effect::IntentKind;
use crate::domain::ids::{AccountId, BrokerOrderId, ClientOrderId};
use crate::domain::order::{Contingency, Order, OrderRequest, OrderStatus, Origin, OriginKind, Pricing};
use crate::domain::snapshot::Severity;
use crate::domain::statement::{OrderReport, Statement};

use super::Engine;
use super::doubt::is_unproven;
use super::reconcile::YOUNG;

/// A broker's clock may be this far behind ours.
const BEFORE_SEND: SignedDuration = SignedDuration::from_secs(5);
/// A clock that was wrong when the order was made may be this far off: what was entered so early may be ours, and nobody can tell.
const MAYBE_BEFORE: SignedDuration = SignedDuration::from_secs(60);
/// An order is entered at most this long after it was sent.
const AFTER_SEND: SignedDuration = SignedDuration::from_secs(60);

/// Whose the orders of a statement are.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// Our order for each report, in their order; absent where it is nobody's or nobody can tell.
    pub(super) of: Vec<Option<ClientOrderId>>,
    /// Orders of ours in doubt that more than one report may be, or that share the report they may be.
    pub(super) ambiguous: BTreeSet<ClientOrderId>,
    /// The broker's ids of orders that may yet turn out to be ours.
    pub(super) undecided: BTreeSet<BrokerOrderId>,
    /// Every order of the account that is known here by the broker's id.
    pub(super) by_broker: BTreeMap<BrokerOrderId, ClientOrderId>,
}

impl Engine {
    /// Our order by the broker's id of it.
    #[must_use]
    pub fn order_of(&self, account: &AccountId, broker_order_id: &BrokerOrderId) -> Option<ClientOrderId> {
        let orders = self.book.working().rev().chain(self.book.ended().rev());
        let mut named = orders.filter(|order| order.broker_order_id.as_ref() == Some(broker_order_id));
        named.find(|order| order.request.account == *account).map(|order| order.request.client_order_id)
    }

    /// Does its broker keep our id of an order, so that one without it is another. Slices over a time have none of ours anywhere.
    pub(super) fn keeps_our_id(&self, order: &Order) -> bool {
        let books = self.accounts.get(&order.request.account);
        books.is_some_and(|books| books.setup.capabilities.searchable_client_id)
            && !matches!(order.request.pricing, Pricing::Twap(_))
    }

    pub(super) fn own(
        &mut self,
        statement: &Statement,
        reports: &[OrderReport],
        found: &mut Vec<String>,
    ) -> Owners {
        let account = &statement.account;
        // An order that was changed in place has the broker id of the one it replaced: of two, the later one counts, and one that works most.
        let orders = self.book.ended().chain(self.book.working());
        let named = orders
            .filter(|order| order.request.account == *account)
            .filter_map(|order| Some((order.broker_order_id.clone()?, order.request.client_order_id)));
        let mut owners = Owners { by_broker: named.collect(), ..Owners::default() };
        owners.of = reports
            .iter()
            .map(|report| {
                let ours = report.client_order_id.filter(|id| self.book.get(*id).is_some());
                ours.or_else(|| owners.by_broker.get(&report.broker_order_id).copied())
            })
            .collect();
        self.own_by_terms(statement, reports, &mut owners, found);
        for (n, report) in reports.iter().enumerate() {
            if owners.of.get(n).is_some_and(Option::is_some)
                || owners.undecided.contains(&report.broker_order_id)
                || report.status.is_terminal()
            {
                continue;
            }
            if statement.asked_at.duration_since(report.entered_at) < YOUNG {
                owners.undecided.insert(report.broker_order_id.clone());
                continue;
            }
            let id = self.adopt(account, report);
            owners.by_broker.insert(report.broker_order_id.clone(), id);
            if let Some(owner) = owners.of.get_mut(n) {
                *owner = Some(id);
            }
            found.push(format!("order {} of the broker was not known here: adopted", report.broker_order_id));
        }
        owners
    }

    /// A broker that keeps no id of an order: one in doubt is the one that was entered with its terms at its time, where there is exactly one of each.
    fn own_by_terms(
        &mut self,
        statement: &Statement,
        reports: &[OrderReport],
        owners: &mut Owners,
        found: &mut Vec<String>,
    ) {
        let in_doubt = |order: &&Order| is_unproven(order) && !self.keeps_our_id(order);
        let doubtful: Vec<Order> =
            self.book.working_of(&statement.account).filter(in_doubt).cloned().collect();
        if doubtful.is_empty() {
            return;
        }
        let mut pairs: Vec<(usize, ClientOrderId)> = Vec::new();
        for (n, report) in reports.iter().enumerate() {
            if owners.of.get(n).is_some_and(Option::is_none) {
                let alike = |order: &&Order| has_terms(order, self.sent_by(order), report);
                for order in doubtful.iter().filter(alike) {
                    let id = order.request.client_order_id;
                    if order.created_at.duration_since(report.entered_at) <= BEFORE_SEND {
                        pairs.push((n, id));
                    } else {
                        owners.undecided.insert(report.broker_order_id.clone());
                        owners.ambiguous.insert(id);
                    }
                }
            }
        }
        for (n, id) in &pairs {
            let Some(report) = reports.get(*n) else { continue };
            let alone = pairs.iter().filter(|(other_n, other)| other_n == n || other == id).count() == 1;
            if alone {
                owners.by_broker.insert(report.broker_order_id.clone(), *id);
                if let Some(owner) = owners.of.get_mut(*n) {
                    *owner = Some(*id);
                }
                found.push(format!(
                    "order {} of the broker has the terms of one in doubt",
                    report.broker_order_id
                ));
            } else {
                owners.undecided.insert(report.broker_order_id.clone());
                owners.ambiguous.insert(*id);
            }
        }
        // One that has found its own is in doubt no longer.
        let found: BTreeSet<ClientOrderId> = owners.of.iter().flatten().copied().collect();
        owners.ambiguous.retain(|id| !found.contains(id));
        for id in owners.ambiguous.clone() {
            self.tell_ambiguous(id);
        }
    }

    /// Said once: only a person can tell.
    fn tell_ambiguous(&mut self, id: ClientOrderId) {
        let Some(order) = self.book.get(id) else { return };
        let text = format!(
            "order {}: more than one order at the broker may be it; say which (arbion order settle {}), it stays {} until then",
            order.number, order.number, order.status
        );
        if self.mark_ambiguous(id) {
            self.note(Severity::Error, "ORDER_AMBIGUOUS", text);
        }
    }

    /// An order that works at the broker and that nobody here has placed: shown and cancellable, owned by no strategy. Its id is made of the
    /// broker's, so that finding it twice is finding it once.
    fn adopt(&mut self, account: &AccountId, report: &OrderReport) -> ClientOrderId {
        let id = report
            .client_order_id
            .unwrap_or_else(|| external_id(account, &report.broker_order_id, report.entered_at));
        // Its members are found one after the other: what binds them is an id that is the same for each.
        let group = report.oco_group.as_ref();
        let oco_group = group.map(|group| external_id(account, group, Timestamp::UNIX_EPOCH));
        let request = OrderRequest {
            time_in_force: report.time_in_force,
            contingency: Contingency { parent: None, oco_group },
            ..OrderRequest::plain(
                id,
                account.clone(),
                Origin { kind: OriginKind::External, name: None },
                report.subject.clone(),
                report.side,
                report.quantity,
                report.pricing,
            )
        };
        let mut order = self.new_order(request, OrderStatus::Submitted);
        order.broker_order_id = Some(report.broker_order_id.clone());
        order.native_type.clone_from(&report.native_type);
        let native = report.native_type.as_ref().map_or_else(String::new, |native| format!(", {native}"));
        self.note(
            Severity::Warning,
            "EXTERNAL_ORDER",
            format!(
                "order {} {} {} {}{native} was found at the broker ({}); it is shown and can be canceled",
                order.number, report.side, report.quantity, report.subject, report.broker_order_id
            ),
        );
        self.journal_intent(IntentKind::New, &order, Vec::new());
        self.put_order(order);
        self.claim_fills(account, id, &report.broker_order_id);
        id
    }
}

/// The terms of an order of ours, entered when it may have been sent: between its making and the latest moment at which it may have gone.
fn has_terms(order: &Order, sent_by: Timestamp, report: &OrderReport) -> bool {
    let (earliest, latest) = (order.created_at.checked_sub(MAYBE_BEFORE), sent_by.checked_add(AFTER_SEND));
    let alike = if order.replaces.is_some() {
        report.has_terms_of_rest_of(&order.request)
    } else {
        report.has_terms_of(&order.request)
    };
    alike
        && earliest.is_ok_and(|earliest| report.entered_at >= earliest)
        && latest.is_ok_and(|latest| report.entered_at <= latest)
}

/// Our id of an order of others: the same in every process.
fn external_id(account: &AccountId, broker_order_id: &BrokerOrderId, entered_at: Timestamp) -> ClientOrderId {
    let digest = Sha256::new()
        .chain_update(account.as_str())
        .chain_update([0])
        .chain_update(broker_order_id.as_str())
        .finalize();
    let random = digest.iter().take(10).fold(0, |sum: u128, byte| (sum << 8) | u128::from(*byte));
    ClientOrderId::from_parts(u64::try_from(entered_at.as_millisecond()).unwrap_or_default(), random)
}
