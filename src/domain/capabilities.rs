//! What an account at a broker can do. The ticket offers only this, and risk refuses the rest.

use serde::{Deserialize, Serialize};

use super::instrument::AssetClass;
use super::order::{OrderType, TimeInForce};

/// A protective order that an account's broker keeps working by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeStop {
    /// Of what.
    pub asset_class: AssetClass,
    /// As a stop or a trailing stop.
    pub order_type: OrderType,
    /// For how long it works there at most.
    pub time_in_force: TimeInForce,
}

/// What an account can trade and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Asset classes; never empty.
    pub asset_classes: Vec<AssetClass>,
    /// Order types.
    pub order_types: Vec<OrderType>,
    /// Times in force.
    pub times_in_force: Vec<TimeInForce>,
    /// Orders in pre- and post-market hours (limit orders only).
    pub extended_hours: bool,
    /// Fractions of a share.
    pub fractional: bool,
    /// Packages of legs as one order.
    pub multi_leg: bool,
    /// Brackets, OCO and OTO held by the broker itself.
    pub bracket: bool,
    /// Replace in place.
    pub replace: bool,
    /// Short sales.
    pub short_sales: bool,
    /// Orders can be asked for by our id.
    pub searchable_client_id: bool,
    /// Market buys for an amount of money: the broker makes units of it.
    pub notional: bool,
    /// The broker says what an order would cost before it is sent.
    pub preview: bool,
    /// It reports fills by itself; otherwise it is asked again and again.
    pub streaming: bool,
    /// It says what companies did to shares that are held: dividends, splits, symbol changes, mergers.
    #[serde(default)]
    pub corporate_actions: bool,
    /// Each order of shares or options either opens or closes there, and says so: none turns a position around, and none opens against one.
    #[serde(default)]
    pub one_effect: bool,
    /// An order in slices over a time has a worst price there, which is to be said; elsewhere it trades at the market.
    #[serde(default)]
    pub limited_slices: bool,
    /// Stops that work at the broker without this program, in whole units and the regular hours; what is not here waits in the engine.
    #[serde(default)]
    pub native_stops: Vec<NativeStop>,
}

impl Capabilities {
    /// How a stop of a class of instruments can rest at the broker.
    #[must_use]
    pub fn native_stop(&self, class: AssetClass, order_type: OrderType) -> Option<NativeStop> {
        let fits = |stop: &&NativeStop| stop.asset_class == class && stop.order_type == order_type;
        self.native_stops.iter().find(fits).copied()
    }

    /// Stops and, where so said, trailing stops of these classes, good till canceled.
    #[must_use]
    pub fn stops_of(classes: &[AssetClass], trails: bool) -> Vec<NativeStop> {
        let types: &[OrderType] =
            if trails { &[OrderType::Stop, OrderType::TrailingStop] } else { &[OrderType::Stop] };
        let of = |class: &AssetClass| {
            let class = *class;
            types.iter().map(move |order_type| NativeStop {
                asset_class: class,
                order_type: *order_type,
                time_in_force: TimeInForce::Gtc,
            })
        };
        classes.iter().flat_map(of).collect()
    }

    /// What brokers of US shares and options have in common; each says what is its own.
    #[must_use]
    pub fn us_broker(asset_classes: Vec<AssetClass>) -> Self {
        Self {
            asset_classes,
            times_in_force: vec![
                TimeInForce::Day,
                TimeInForce::Gtc,
                TimeInForce::Ioc,
                TimeInForce::Fok,
                TimeInForce::Cls,
            ],
            fractional: false,
            corporate_actions: false,
            one_effect: true,
            native_stops: Self::stops_of(&[AssetClass::Equity], true),
            ..Self::paper()
        }
    }

    /// What the paper venue takes.
    pub const PAPER_ORDER_TYPES: [OrderType; 5] =
        [OrderType::Market, OrderType::Limit, OrderType::Stop, OrderType::StopLimit, OrderType::TrailingStop];

    /// Everything the paper venue does.
    #[must_use]
    pub fn paper() -> Self {
        Self {
            asset_classes: vec![
                AssetClass::Equity,
                AssetClass::Option,
                AssetClass::Crypto,
                AssetClass::Perpetual,
                AssetClass::Fx,
            ],
            order_types: Self::PAPER_ORDER_TYPES.to_vec(),
            times_in_force: vec![
                TimeInForce::Day,
                TimeInForce::Gtc,
                TimeInForce::Ioc,
                TimeInForce::Fok,
                TimeInForce::Opg,
                TimeInForce::Cls,
                TimeInForce::Gtd,
            ],
            extended_hours: true,
            fractional: true,
            multi_leg: true,
            bracket: true,
            replace: true,
            short_sales: true,
            searchable_client_id: true,
            notional: false,
            preview: false,
            streaming: true,
            corporate_actions: true,
            one_effect: false,
            limited_slices: false,
            native_stops: Self::stops_of(
                &[
                    AssetClass::Equity,
                    AssetClass::Option,
                    AssetClass::Crypto,
                    AssetClass::Perpetual,
                    AssetClass::Fx,
                ],
                true,
            ),
        }
    }
}
