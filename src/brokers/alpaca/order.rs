//! Our orders as Alpaca wants them: numbers as text, nothing that is not meant.

use serde::Serialize;

use super::{NAME, ids};
use crate::brokers::BrokerError;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::canonical;
use crate::domain::option::Leg;
use crate::domain::order::{
    OrderRequest, OrderSubject, OrderType, PositionEffect, Pricing, Side, TimeInForce, TradingSession, Trail,
};

/// The body of `POST /v2/orders`.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct NewOrder {
    #[serde(skip_serializing_if = "Option::is_none")]
    symbol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qty: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notional: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<&'static str>,
    #[serde(rename = "type")]
    order_type: &'static str,
    time_in_force: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trail_price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trail_percent: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    extended_hours: bool,
    client_order_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_class: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    take_profit: Option<TakeProfit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_loss: Option<StopLoss>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    legs: Vec<NewLeg>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position_intent: Option<&'static str>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct TakeProfit {
    limit_price: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct StopLoss {
    stop_price: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct NewLeg {
    symbol: String,
    ratio_qty: String,
    side: &'static str,
    position_intent: &'static str,
}

/// The body of `PATCH /v2/orders/{id}`: what changes, and the prices, which are wanted in any case.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) qty: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time_in_force: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trail: Option<String>,
    client_order_id: String,
}

/// What Alpaca calls an instrument in an order.
pub(super) fn symbol(instrument: &Instrument) -> String {
    match instrument {
        Instrument::Option(contract) => contract.occ_symbol().replace(' ', ""),
        Instrument::Crypto { base, quote } => format!("{base}/{quote}"),
        other => other.root().to_string(),
    }
}

/// Their word for a type.
pub(super) const fn type_word(order_type: OrderType) -> &'static str {
    order_type.as_str()
}

/// Their word for a time in force.
pub(super) const fn time_word(order: &OrderRequest) -> &'static str {
    order.time_in_force.as_str()
}

const fn side_word(side: Side) -> &'static str {
    if side.is_buy() { "buy" } else { "sell" }
}

const fn intent_word(side: Side, effect: PositionEffect) -> &'static str {
    match (side.is_buy(), effect) {
        (true, PositionEffect::Open) => "buy_to_open",
        (true, PositionEffect::Close) => "buy_to_close",
        (false, PositionEffect::Open) => "sell_to_open",
        (false, PositionEffect::Close) => "sell_to_close",
    }
}

/// What a single order is meant to do to the position. A sale of shares that are held says so: where they are gone, it must not go short.
fn intent(order: &OrderRequest) -> Option<&'static str> {
    let class = order.subject.asset_class();
    let effect = match (order.position_effect, order.side, class) {
        (_, _, AssetClass::Crypto) => return None,
        (Some(effect), ..) => effect,
        // It may never open a position.
        (None, ..) if order.reduce_only => PositionEffect::Close,
        (None, Side::SellShort, _) => PositionEffect::Open,
        (None, Side::BuyToCover, _) | (None, Side::Sell, AssetClass::Equity) => PositionEffect::Close,
        (None, Side::Buy | Side::Sell, _) => return None,
    };
    Some(intent_word(order.side, effect))
}

impl NewOrder {
    /// Writes an order that was checked.
    pub(super) fn of(order: &OrderRequest) -> Self {
        let mut body = Self {
            qty: order.cash_order_quantity.is_none().then(|| canonical(order.quantity.get())),
            notional: order.cash_order_quantity.map(canonical),
            order_type: type_word(order.pricing.order_type()),
            time_in_force: time_word(order),
            extended_hours: order.session == TradingSession::Extended
                && order.subject.asset_class() == AssetClass::Equity,
            client_order_id: ids::write(order),
            ..Self::default()
        };
        body.price(order);
        match &order.subject {
            OrderSubject::Legs(legs) => {
                body.order_class = Some("mleg");
                body.legs = legs.iter().map(NewLeg::of).collect();
            }
            OrderSubject::Instrument(instrument) => {
                if instrument.asset_class() == AssetClass::Crypto && order.time_in_force == TimeInForce::Day {
                    body.time_in_force = TimeInForce::Gtc.as_str();
                }
                body.symbol = Some(symbol(instrument));
                body.side = Some(side_word(order.side));
                body.position_intent = intent(order);
                body.exits(order);
            }
        }
        body
    }

    fn price(&mut self, order: &OrderRequest) {
        // A sold package's credit is a negative price there.
        let sign = match order.subject {
            OrderSubject::Legs(_) => order.side.sign(),
            OrderSubject::Instrument(_) => rust_decimal::Decimal::ONE,
        };
        self.limit_price = order.pricing.limit_price().map(|price| canonical(price.get() * sign));
        self.stop_price = order.pricing.stop_price().map(|price| canonical(price.get()));
        if let Pricing::TrailingStop { trail } = order.pricing {
            match trail {
                Trail::Amount(price) => self.trail_price = Some(canonical(price.get())),
                Trail::Percent(percent) => self.trail_percent = Some(canonical(percent)),
            }
        }
    }

    fn exits(&mut self, order: &OrderRequest) {
        let price = |exit: &crate::domain::order::BracketExit| canonical(exit.price.get());
        self.take_profit = order.take_profit.as_ref().map(|exit| TakeProfit { limit_price: price(exit) });
        self.stop_loss = order.stop_loss.as_ref().map(|exit| StopLoss { stop_price: price(exit) });
        self.order_class = match (&self.take_profit, &self.stop_loss) {
            (Some(_), Some(_)) => Some("bracket"),
            (None, None) => None,
            _ => Some("oto"),
        };
    }
}

impl NewLeg {
    fn of(leg: &Leg) -> Self {
        Self {
            symbol: symbol(&leg.instrument),
            ratio_qty: canonical(leg.ratio),
            side: side_word(leg.side),
            position_intent: intent_word(leg.side, leg.position_effect),
        }
    }
}

/// The parts of an order that a change is measured by.
pub(super) struct Before<'a> {
    /// Its type, in their word.
    pub(super) order_type: &'a str,
    /// Its quantity in all.
    pub(super) quantity: rust_decimal::Decimal,
    /// Its time in force, in their word.
    pub(super) time_in_force: &'a str,
}

impl Change {
    /// What makes the old order the new one.
    ///
    /// # Errors
    /// `Unsupported` where a replace cannot do it.
    pub(super) fn of(before: &Before<'_>, new: &OrderRequest) -> Result<Self, BrokerError> {
        let refuse = |what: &str, allowed: &str| BrokerError::Unsupported {
            broker: NAME.to_owned(),
            what: what.to_owned(),
            allowed: allowed.to_owned(),
        };
        let body = NewOrder::of(new);
        if before.order_type != body.order_type {
            return Err(refuse("a replace that changes the order type", "a cancel and a new order"));
        }
        let changes = before.quantity != new.quantity.get();
        let fraction = !before.quantity.fract().is_zero() || !new.quantity.get().fract().is_zero();
        if changes && fraction && new.subject.asset_class() == AssetClass::Equity {
            return Err(refuse("another quantity of a part of a share", "another price, or a new order"));
        }
        Ok(Self {
            qty: body.qty.filter(|_| changes),
            time_in_force: (before.time_in_force != body.time_in_force).then_some(body.time_in_force),
            limit_price: body.limit_price,
            stop_price: body.stop_price,
            trail: body.trail_price.or(body.trail_percent),
            client_order_id: body.client_order_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{AccountId, ClientOrderId};
    use crate::domain::money::Quantity;
    use crate::domain::option::OptionContract;
    use crate::domain::order::{Origin, OriginKind};

    fn order(instrument: Instrument, side: Side) -> OrderRequest {
        OrderRequest::plain(
            ClientOrderId::from_parts(1, 1),
            AccountId::new("a"),
            Origin::person(OriginKind::Cli),
            OrderSubject::Instrument(instrument),
            side,
            Quantity::from(1),
            Pricing::Market,
        )
    }

    #[test]
    fn a_sale_says_whether_it_closes() {
        let share = || Instrument::equity("BRK.B").unwrap();
        let coin = || Instrument::crypto("BTC", "USD").unwrap();
        let option = || OptionContract::from_occ("BRKB270115C00400000").unwrap().into_instrument();
        for (instrument, side, effect, symbol, intent) in [
            (share(), Side::Buy, None, "BRK.B", None),
            (share(), Side::Sell, None, "BRK.B", Some("sell_to_close")),
            (share(), Side::SellShort, None, "BRK.B", Some("sell_to_open")),
            (share(), Side::BuyToCover, None, "BRK.B", Some("buy_to_close")),
            (coin(), Side::Sell, Some(PositionEffect::Close), "BTC/USD", None),
            (option(), Side::Sell, None, "BRKB270115C00400000", None),
            (option(), Side::Buy, Some(PositionEffect::Close), "BRKB270115C00400000", Some("buy_to_close")),
        ] {
            let body = NewOrder::of(&OrderRequest { position_effect: effect, ..order(instrument, side) });
            assert_eq!((body.symbol.as_deref(), body.position_intent), (Some(symbol), intent), "{side}");
        }
    }

    #[test]
    fn what_may_only_reduce_says_that_it_closes() {
        let buy = order(Instrument::equity("F").unwrap(), Side::Buy);
        let body = NewOrder::of(&OrderRequest { reduce_only: true, ..buy });
        assert_eq!(body.position_intent, Some("buy_to_close"));
    }

    #[test]
    fn a_change_is_what_changes() {
        let before =
            Before { order_type: "limit", quantity: rust_decimal::Decimal::ONE, time_in_force: "day" };
        let limit = |side| OrderRequest {
            pricing: Pricing::Limit { limit_price: "9.50".parse().unwrap() },
            ..order(Instrument::equity("F").unwrap(), side)
        };
        let text = |new: &OrderRequest| serde_json::to_value(Change::of(&before, new).unwrap()).unwrap();
        let id = "arb-00000000010000000000000001";
        let same = serde_json::json!({ "limit_price": "9.5", "client_order_id": id });
        assert_eq!(text(&limit(Side::Buy)), same);
        let more =
            OrderRequest { quantity: Quantity::from(2), time_in_force: TimeInForce::Gtc, ..limit(Side::Buy) };
        let all = serde_json::json!({ "qty": "2", "time_in_force": "gtc", "limit_price": "9.5", "client_order_id": id });
        assert_eq!(text(&more), all);
        let part = OrderRequest { quantity: "1.5".parse().unwrap(), ..limit(Side::Buy) };
        assert!(Change::of(&before, &part).unwrap_err().to_string().contains("another quantity"));
        let other = order(Instrument::equity("F").unwrap(), Side::Buy);
        assert!(Change::of(&before, &other).unwrap_err().to_string().contains("order type"));
    }
}
