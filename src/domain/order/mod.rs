//! Orders: what is asked for, how it is priced, and what became of it.

mod origin;
mod preview;
mod status;
mod subject;
mod terms;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::denial::Denial;
use super::exit::ExitPlan;
use super::ids::{AccountId, BrokerOrderId, ClientOrderId, OrderNumber};
use super::instrument::{AssetClass, Instrument};
use super::money::{Price, Quantity, decimal_text};
use super::option::Leg;

pub use origin::{Origin, OriginKind};
pub use preview::{BrokerPreview, OrderPreview};
pub use status::OrderStatus;
pub use terms::{
    OrderType, PositionEffect, PriceEffect, Pricing, Side, Slices, TimeInForce, TradingSession, Trail,
};

/// What an order trades: one instrument, or several as a package.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderSubject {
    /// One instrument.
    Instrument(Instrument),
    /// A package; two to four legs, filled all or none.
    Legs(Vec<Leg>),
}

impl OrderSubject {
    /// The single instrument, if it is one.
    #[must_use]
    pub fn instrument(&self) -> Option<&Instrument> {
        match self {
            Self::Instrument(instrument) => Some(instrument),
            Self::Legs(_) => None,
        }
    }

    /// Every instrument in it, in order.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        let (one, legs) = match self {
            Self::Instrument(instrument) => (Some(instrument), &[][..]),
            Self::Legs(legs) => (None, legs.as_slice()),
        };
        one.into_iter().chain(legs.iter().map(|leg| &leg.instrument))
    }

    /// The asset class that decides rules and fees: that of the instrument, or of the first leg.
    #[must_use]
    pub fn asset_class(&self) -> AssetClass {
        self.instruments().next().map_or(AssetClass::Equity, Instrument::asset_class)
    }
}

/// What became of an order in doubt, as a person has it from the broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case")]
pub enum OrderFate {
    /// It is this order there; what has come of it the broker shows.
    At {
        /// Its id at the broker.
        broker_order_id: BrokerOrderId,
    },
    /// What was open of it has filled.
    Filled {
        /// At this price per unit, positive.
        price: Price,
    },
    /// It was canceled there; what had filled before stays.
    Canceled,
    /// The broker refused it.
    Rejected,
    /// It never came there.
    NeverReached,
}

impl fmt::Display for OrderFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At { broker_order_id } => write!(f, "{broker_order_id} at the broker"),
            Self::Filled { price } => write!(f, "filled at {price}"),
            Self::Canceled => f.write_str("canceled"),
            Self::Rejected => f.write_str("rejected"),
            Self::NeverReached => f.write_str("never sent"),
        }
    }
}

/// One exit of a bracket: its own order, made when the parent is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BracketExit {
    /// The exit's own id.
    pub client_order_id: ClientOrderId,
    /// Its price: the limit of a take-profit, the trigger of a stop-loss.
    pub price: Price,
}

/// Links between orders (FIX ContingencyType, tag 1385).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Contingency {
    /// One triggers the other: this order works once, and as far as, the parent has filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ClientOrderId>,
    /// One cancels the other: a fill of one shrinks the others of the group, by the id of its first member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oco_group: Option<ClientOrderId>,
}

impl Contingency {
    /// True when the order stands alone.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.parent.is_none() && self.oco_group.is_none()
    }
}

/// How much an order asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderSize {
    /// Units or packages.
    Units(Quantity),
    /// Money, in the instrument's currency.
    Cash(Decimal),
}

/// The fields of an order intent, before risk. Every door hands the engine one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Our id, made once.
    pub client_order_id: ClientOrderId,
    /// The account it goes to.
    pub account: AccountId,
    /// Who asked.
    pub origin: Origin,
    /// What is traded.
    pub subject: OrderSubject,
    /// Buy or sell. For a package: buy for a debit, sell for a credit, unless said.
    pub side: Side,
    /// Open or close, where said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_effect: Option<PositionEffect>,
    /// Units or packages, positive. Of an order for an amount of money an estimate, until its fills say how many they were.
    pub quantity: Quantity,
    /// Money to spend, in the instrument's currency and without fees (FIX CashOrderQty, tag 152): the broker makes units of it. Absent for
    /// orders in units.
    #[serde(default, with = "super::money::decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub cash_order_quantity: Option<Decimal>,
    /// Type and prices.
    #[serde(flatten)]
    pub pricing: Pricing,
    /// How long it works.
    pub time_in_force: TimeInForce,
    /// Last day of a gtd order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_date: Option<Date>,
    /// Which hours.
    #[serde(default)]
    pub session: TradingSession,
    /// Debit or credit of a package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_effect: Option<PriceEffect>,
    /// Bracket: limit order that takes the profit once this order fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take_profit: Option<BracketExit>,
    /// Bracket: stop order that limits the loss once this order fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_loss: Option<BracketExit>,
    /// What closes the position that this order opens: a plan that begins with its first fill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_plan: Option<Box<ExitPlan>>,
    /// Links to other orders.
    #[serde(default, skip_serializing_if = "Contingency::is_empty")]
    pub contingency: Contingency,
    /// Never take liquidity.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub post_only: bool,
    /// Never open or flip a position.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reduce_only: bool,
    /// A person said that the same order twice is meant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_duplicate: bool,
}

impl OrderRequest {
    /// An order of its own, for the day and the regular hours, without exits, links or wishes; whatever is different is set on it.
    #[must_use]
    pub fn plain(
        client_order_id: ClientOrderId,
        account: AccountId,
        origin: Origin,
        subject: OrderSubject,
        side: Side,
        quantity: Quantity,
        pricing: Pricing,
    ) -> Self {
        Self {
            client_order_id,
            account,
            origin,
            subject,
            side,
            position_effect: None,
            quantity,
            cash_order_quantity: None,
            pricing,
            time_in_force: TimeInForce::Day,
            expire_date: None,
            session: TradingSession::Regular,
            price_effect: None,
            take_profit: None,
            stop_loss: None,
            exit_plan: None,
            contingency: Contingency::default(),
            post_only: false,
            reduce_only: false,
            allow_duplicate: false,
        }
    }

    /// What it is the size of: two orders for the same money are the same order, whatever units were estimated.
    #[must_use]
    pub fn size(&self) -> OrderSize {
        self.cash_order_quantity.map_or(OrderSize::Units(self.quantity), OrderSize::Cash)
    }

    /// The bracket's exits as orders of their own: opposite side, closing, one cancels the other, triggered by this one.
    /// Empty unless this is a bracket of one instrument.
    #[must_use]
    pub fn exit_orders(&self) -> Vec<Self> {
        let exits = [
            self.take_profit.as_ref().map(|exit| (exit, Pricing::Limit { limit_price: exit.price })),
            self.stop_loss.as_ref().map(|exit| (exit, Pricing::Stop { stop_price: exit.price })),
        ];
        let side = match self.side {
            Side::Buy => Side::Sell,
            Side::SellShort => Side::BuyToCover,
            Side::Sell | Side::BuyToCover => return Vec::new(),
        };
        exits
            .into_iter()
            .flatten()
            .map(|(exit, pricing)| Self {
                client_order_id: exit.client_order_id,
                side,
                cash_order_quantity: None,
                position_effect: self.position_effect.map(|_| PositionEffect::Close),
                pricing,
                time_in_force: TimeInForce::Gtc,
                expire_date: None,
                origin: Origin { kind: OriginKind::Exit, name: self.origin.name.clone() },
                take_profit: None,
                stop_loss: None,
                exit_plan: None,
                contingency: Contingency {
                    parent: Some(self.client_order_id),
                    oco_group: Some(self.client_order_id),
                },
                post_only: false,
                reduce_only: true,
                ..self.clone()
            })
            .collect()
    }
}

/// Proof that `core::risk` passed this: what a broker's `submit` accepts. Only `core/risk` may call the constructor (a test reads the source).
///
/// ```compile_fail
/// // Nothing outside the crate can approve an order.
/// use arbion::domain::order::{Approved, OrderRequest};
/// fn forge(order: OrderRequest) -> Approved<OrderRequest> {
///     Approved::seal(order)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// Seals what risk has passed.
    #[must_use]
    pub(crate) const fn seal(value: T) -> Self {
        Self(value)
    }

    /// What was approved.
    #[must_use]
    pub const fn get(&self) -> &T {
        &self.0
    }

    /// What was approved, by value.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// An order with its progress, as the engine knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The number a user types.
    pub number: OrderNumber,
    /// What was asked for.
    pub request: OrderRequest,
    /// The broker's id, once it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker_order_id: Option<BrokerOrderId>,
    /// Where it stands.
    pub status: OrderStatus,
    /// Units filled, 0 to `quantity` (plus `overfill_quantity`). Of a package as much as every leg of it has filled.
    pub filled_quantity: Quantity,
    /// Units filled of each leg of a package, in the order of its legs; empty before the first, and for what is no package.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs_filled: Vec<Quantity>,
    /// Mean price of the fills per unit; absent before the first. Net per package for legs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_price: Option<Price>,
    /// Sum of price times quantity over the fills, exact: the average comes from it. Signed net cash per multiplier for legs.
    #[serde(default, with = "decimal_text")]
    pub filled_notional: Decimal,
    /// Units filled beyond what was asked.
    #[serde(default)]
    pub overfill_quantity: Quantity,
    /// When the intent was made.
    pub created_at: Timestamp,
    /// When the last event came.
    pub updated_at: Timestamp,
    /// Why it ended, or what is wrong: the broker's or our own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why risk said no; empty unless `Denied`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denials: Vec<Denial>,
    /// The order that this one replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<ClientOrderId>,
    /// Where a trailing stop stands, by the broker's last word of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trailing_stop: Option<Price>,
    /// As [`OrderReport::native_type`](super::statement::OrderReport::native_type), by the broker's last word of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_type: Option<SmolStr>,
}

impl Order {
    /// An order that has not filled.
    #[must_use]
    pub const fn new(number: OrderNumber, request: OrderRequest, status: OrderStatus, at: Timestamp) -> Self {
        Self {
            number,
            request,
            broker_order_id: None,
            status,
            filled_quantity: Quantity::ZERO,
            legs_filled: Vec::new(),
            average_price: None,
            filled_notional: Decimal::ZERO,
            overfill_quantity: Quantity::ZERO,
            created_at: at,
            updated_at: at,
            reason: None,
            denials: Vec::new(),
            replaces: None,
            trailing_stop: None,
            native_type: None,
        }
    }

    /// Units still to fill while it works, else 0 (FIX LeavesQty, tag 151).
    #[must_use]
    pub fn leaves_quantity(&self) -> Quantity {
        if self.status.is_terminal() || self.filled_quantity >= self.request.quantity {
            return Quantity::ZERO;
        }
        self.request.quantity - self.filled_quantity
    }

    /// Has anything of it filled, were it one leg of a package.
    #[must_use]
    pub fn has_filled(&self) -> bool {
        self.filled_quantity.is_positive() || self.legs_filled.iter().any(|leg| leg.is_positive())
    }

    /// What its broker knows it by.
    #[must_use]
    pub fn handle(&self) -> OrderHandle {
        OrderHandle {
            client_order_id: self.request.client_order_id,
            broker_order_id: self.broker_order_id.clone(),
            subject: self.request.subject.clone(),
            order_type: self.request.pricing.order_type(),
            filled_quantity: self.filled_quantity,
        }
    }

    /// Is it an exit that only reduces: it protects a position, so a halt leaves it. One that took another's place has no parent any more, and
    /// protects all the same.
    #[must_use]
    pub fn is_protective(&self) -> bool {
        self.request.origin.kind == OriginKind::Exit && self.request.reduce_only
    }

    /// True until a terminal status.
    #[must_use]
    pub const fn is_working(&self) -> bool {
        !self.status.is_terminal()
    }
}

/// How a broker is told which order is meant: some know it by our id, some by theirs alone, some ask for its instrument too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderHandle {
    /// Our id.
    pub client_order_id: ClientOrderId,
    /// The broker's, once it gave one.
    pub broker_order_id: Option<BrokerOrderId>,
    /// What it trades.
    pub subject: OrderSubject,
    /// Its type: some venues keep orders of one type elsewhere than the others.
    pub order_type: OrderType,
    /// What of it is filled as far as we know: a replacement is for the rest, and some brokers count the whole.
    pub filled_quantity: Quantity,
}

/// The changed fields of a replace; absent fields stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderChange {
    /// New limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<Price>,
    /// New trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<Price>,
    /// New trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<Trail>,
    /// New total quantity, filled part included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// New time in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_in_force: Option<TimeInForce>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_round_trip_through_json() {
        let request = OrderRequest::plain(
            ClientOrderId::from_parts(1, 1),
            AccountId::new("paper"),
            Origin::person(OriginKind::Cli),
            OrderSubject::Instrument(Instrument::equity("AAPL").unwrap()),
            Side::Buy,
            Quantity::from(10),
            Pricing::TrailingStop { trail: Trail::Percent(Decimal::from(5)) },
        );
        let json = serde_json::to_string(&request).unwrap();
        assert!(json.contains(r#""order_type":"trailing_stop","trail_percent":"5""#), "{json}");
        assert_eq!(serde_json::from_str::<OrderRequest>(&json).unwrap(), request);
        let slices = Slices { minutes: 30, randomize: true, limit_price: None };
        let twap = OrderRequest { pricing: Pricing::Twap(slices), ..request };
        let json = serde_json::to_string(&twap).unwrap();
        assert!(json.contains(r#""order_type":"twap","minutes":30,"randomize":true"#), "{json}");
        assert_eq!(serde_json::from_str::<OrderRequest>(&json).unwrap(), twap);
        let price = |text: &str| text.parse::<Price>().unwrap();
        let limited = Pricing::Twap(Slices { limit_price: Some(price("60.5")), ..slices });
        let oco = Pricing::Oco { limit_price: price("120"), stop_price: price("90") };
        for (pricing, written) in [
            (limited, r#""order_type":"twap","minutes":30,"randomize":true,"limit_price":"60.5""#),
            (oco, r#""order_type":"oco","limit_price":"120","stop_price":"90""#),
        ] {
            let request = OrderRequest { pricing, ..twap.clone() };
            let json = serde_json::to_string(&request).unwrap();
            assert!(json.contains(written), "{json}");
            assert_eq!(serde_json::from_str::<OrderRequest>(&json).unwrap(), request);
        }
        // Its stop may fill it at whatever the market gives; a slice trades at its limit or better.
        assert_eq!((oco.worst_price(), limited.worst_price()), (None, Some(price("60.5"))));
        assert!(!limited.is_at_market() && Pricing::Twap(slices).is_at_market());
    }
}
