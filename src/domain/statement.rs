//! What a broker shows when it is asked for everything at once, and what the comparison with our books came to. Plain data: who asks is
//! `engine::link`, who compares is `core::engine`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::execution::{Execution, OrderEvent};
use super::ids::{AccountId, BrokerOrderId, ClientOrderId};
use super::money::{Price, Quantity};
use super::movement::Movement;
use super::order::{OrderRequest, OrderStatus, OrderSubject, Pricing, Side, TimeInForce};
use super::position::Position;

/// An order as a broker shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReport {
    /// Our id, where the broker keeps one; absent for orders of others, and at brokers that keep none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<ClientOrderId>,
    /// The broker's.
    pub broker_order_id: BrokerOrderId,
    /// Where it stands there.
    pub status: OrderStatus,
    /// What it trades.
    pub subject: OrderSubject,
    /// Buy or sell.
    pub side: Side,
    /// Units or packages in all, the filled part included.
    pub quantity: Quantity,
    /// Type and prices.
    #[serde(flatten)]
    pub pricing: Pricing,
    /// How long it works.
    pub time_in_force: TimeInForce,
    /// What the broker says was filled.
    pub filled_quantity: Quantity,
    /// Mean price of the fills, where the broker says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_price: Option<Price>,
    /// When the broker took it in.
    pub entered_at: Timestamp,
    /// What the broker calls its type, with the figures that `pricing` has no place for, such as `bracket: profit 60000, stop 45000`; absent
    /// where `pricing` says all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_type: Option<SmolStr>,
    /// The group of which one order cancels the others, by the broker's own id of it; absent where it stands alone, and where the broker does
    /// not say. What the paper venue and our own orders have of the kind is in their requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oco_group: Option<BrokerOrderId>,
}

impl OrderReport {
    /// Its prices as `request` says them. A package has no side at most brokers: what one calls sold for 2 another calls bought for -2.
    #[must_use]
    pub fn pricing_as(&self, request: &OrderRequest) -> Pricing {
        match (self.pricing, &request.subject) {
            (Pricing::Limit { limit_price }, OrderSubject::Legs(_))
                if self.side.is_buy() != request.side.is_buy() =>
            {
                Pricing::Limit { limit_price: -limit_price }
            }
            (pricing, _) => pricing,
        }
    }

    /// Does it trade the same in the same way, whenever it came in.
    #[must_use]
    pub fn has_terms_of(&self, request: &OrderRequest) -> bool {
        self.has_terms_but_size_of(request) && request.quantity == self.quantity
    }

    /// The same of what may be the rest of what was asked for: an order that took another's place is for fewer units where more of that had
    /// filled by then.
    #[must_use]
    pub fn has_terms_of_rest_of(&self, request: &OrderRequest) -> bool {
        self.has_terms_but_size_of(request) && self.quantity <= request.quantity
    }

    fn has_terms_but_size_of(&self, request: &OrderRequest) -> bool {
        let package = matches!(request.subject, OrderSubject::Legs(_));
        request.subject == self.subject
            && (package || request.side == self.side)
            && request.pricing == self.pricing_as(request)
    }
}

/// Why the books are compared with a broker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReconcileReason {
    /// The engine has started.
    Start,
    /// The line was down, or something on it may have been missed.
    Reconnect,
    /// It is time again.
    Timer,
    /// The account's day has ended: a whole week is looked through once.
    Daily,
    /// Something is in doubt.
    Doubt,
    /// A person asks.
    Person,
}

impl ReconcileReason {
    /// Snake-case word, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Reconnect => "reconnect",
            Self::Timer => "timer",
            Self::Daily => "daily",
            Self::Doubt => "doubt",
            Self::Person => "person",
        }
    }
}

/// Everything a broker shows of an account. A part that could not be had is absent: it is not an empty one (reliability R6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Whose.
    pub account: AccountId,
    /// Why it was asked for.
    pub reason: ReconcileReason,
    /// When the asking began: what happened since may or may not be in it.
    pub asked_at: Timestamp,
    /// Working orders, and those that ended lately; asked for first.
    pub orders: Option<Vec<OrderReport>>,
    /// Fills and other movements since the instant that was asked for, oldest first; asked for after the orders, so that no order is further
    /// than its fills.
    pub executions: Option<Vec<Execution>>,
    /// What moved without an order since the same instant, oldest first; asked for after the orders too.
    #[serde(default)]
    pub movements: Option<Vec<Movement>>,
    /// Every open position; asked for last. Empty means flat.
    pub positions: Option<Vec<Position>>,
    /// Why parts are absent, a line each.
    pub failures: Vec<String>,
}

impl Statement {
    /// One of which nothing has been had yet.
    #[must_use]
    pub const fn asked(account: AccountId, reason: ReconcileReason, asked_at: Timestamp) -> Self {
        Self {
            account,
            reason,
            asked_at,
            orders: None,
            executions: None,
            movements: None,
            positions: None,
            failures: Vec::new(),
        }
    }

    /// Is every part there.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.orders.is_some()
            && self.executions.is_some()
            && self.movements.is_some()
            && self.positions.is_some()
    }
}

/// What a broker says about an order that it names by its own id alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerUpdate {
    /// The account.
    pub account: AccountId,
    /// The broker's id of the order.
    pub broker_order_id: BrokerOrderId,
    /// When the broker says it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: OrderEvent,
}

/// What one comparison came to: a row of the journal (reliability R8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileRun {
    /// Whose.
    pub account: AccountId,
    /// Why.
    pub reason: ReconcileReason,
    /// When the broker was asked.
    #[serde(rename = "started_at")]
    pub started: Timestamp,
    /// When the answer had been compared.
    #[serde(rename = "finished_at")]
    pub finished: Timestamp,
    /// Orders shown; absent when that part failed.
    pub orders: Option<usize>,
    /// Executions shown; absent when that part failed.
    pub executions: Option<usize>,
    /// Positions shown; absent when that part failed.
    pub positions: Option<usize>,
    /// What differed and what was done about it, or why a part is absent; a line each.
    pub differences: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_written_as_in_json() {
        for reason in [
            ReconcileReason::Start,
            ReconcileReason::Reconnect,
            ReconcileReason::Timer,
            ReconcileReason::Daily,
            ReconcileReason::Doubt,
            ReconcileReason::Person,
        ] {
            assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{}\"", reason.as_str()));
        }
    }

    #[test]
    fn r6_a_statement_without_a_part_is_not_complete() {
        let mut statement =
            Statement::asked(AccountId::new("a"), ReconcileReason::Timer, Timestamp::UNIX_EPOCH);
        assert!(!statement.is_complete());
        (statement.orders, statement.executions) = (Some(Vec::new()), Some(Vec::new()));
        assert!(!statement.is_complete());
        statement.positions = Some(Vec::new());
        assert!(!statement.is_complete());
        statement.movements = Some(Vec::new());
        assert!(statement.is_complete());
    }

    /// A package that is sold for a credit of 2.1 is shown as bought for -2.1 where packages have no side.
    #[test]
    fn a_package_is_the_same_whatever_side_its_broker_calls_it() {
        use crate::domain::instrument::Instrument;
        use crate::domain::option::Leg;
        use crate::domain::order::{Origin, OriginKind, PositionEffect};
        let leg = |key: &str, side| Leg {
            side,
            position_effect: PositionEffect::Open,
            ratio: rust_decimal::Decimal::ONE,
            instrument: Instrument::from_key(key).unwrap(),
        };
        let legs = OrderSubject::Legs(vec![
            leg("AAPL  261211C00265000", Side::Sell),
            leg("AAPL  261211C00270000", Side::Buy),
        ]);
        let limit = |text: &str| Pricing::Limit { limit_price: text.parse().unwrap() };
        let sold = OrderRequest::plain(
            ClientOrderId::from_parts(1, 1),
            AccountId::new("a"),
            Origin::person(OriginKind::Cli),
            legs.clone(),
            Side::Sell,
            Quantity::from(1),
            limit("2.1"),
        );
        let shown = |side, price: &str| OrderReport {
            client_order_id: None,
            broker_order_id: BrokerOrderId::new("b"),
            status: OrderStatus::Submitted,
            subject: legs.clone(),
            side,
            quantity: Quantity::from(1),
            pricing: limit(price),
            time_in_force: TimeInForce::Day,
            filled_quantity: Quantity::ZERO,
            average_price: None,
            entered_at: Timestamp::UNIX_EPOCH,
            native_type: None,
            oco_group: None,
        };
        for (side, price, same) in [
            (Side::Buy, "-2.1", true),
            (Side::Sell, "2.1", true),
            (Side::Buy, "2.1", false),
            (Side::Sell, "-2.1", false),
        ] {
            let report = shown(side, price);
            assert_eq!(report.has_terms_of(&sold), same, "{side} {price}");
            assert_eq!(report.pricing_as(&sold) == sold.pricing, same, "{side} {price}");
        }
        // Shares are bought or sold.
        let share = OrderSubject::Instrument(Instrument::equity("AAPL").unwrap());
        let sold = OrderRequest { subject: share.clone(), ..sold };
        assert!(!OrderReport { subject: share, ..shown(Side::Buy, "-2.1") }.has_terms_of(&sold));
    }
}
