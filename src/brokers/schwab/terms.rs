//! Our orders as Schwab wants them, and what it does not take: refused here, with what it takes, before anything is sent.

use jiff::civil::time;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{NAME, symbols};
use crate::brokers::BrokerError;
use crate::domain::instrument::{AssetClass, Instrument};
use crate::domain::money::{Price, canonical};
use crate::domain::option::{Leg, OptionContract, Right};
use crate::domain::order::{
    OrderRequest, OrderSubject, OrderType, PositionEffect, PriceEffect, Pricing, Side, TimeInForce,
    TradingSession, Trail,
};

/// Where days of the exchange end.
const NEW_YORK: &str = "America/New_York";
/// Legs of a package.
const LEGS_MAX: usize = 4;

/// A decimal as a JSON number, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(Decimal);

impl Number {
    /// The decimal.
    #[must_use]
    pub const fn get(self) -> Decimal {
        self.0
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(canonical(self.0)).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// The body of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names are the broker's")]
pub struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<&'static str>,
    pub order_strategy_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complex_order_strategy_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_price_link_basis: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_price_link_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_price_offset: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_time: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order_leg_collection: Vec<BodyLeg>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub child_order_strategies: Vec<Self>,
}

/// A leg of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names are the broker's")]
pub struct BodyLeg {
    pub instruction: &'static str,
    pub quantity: Number,
    pub instrument: BodyInstrument,
}

/// The instrument of a leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names are the broker's")]
pub struct BodyInstrument {
    pub symbol: String,
    pub asset_type: &'static str,
}

fn refuse(what: impl Into<String>, allowed: impl Into<String>) -> BrokerError {
    BrokerError::Unsupported { broker: NAME.to_owned(), what: what.into(), allowed: allowed.into() }
}

/// The body of an order.
///
/// # Errors
/// `Unsupported`, with what would be taken.
pub fn body(order: &OrderRequest) -> Result<Body, BrokerError> {
    check(order)?;
    let mut body = match &order.subject {
        OrderSubject::Instrument(instrument) => single(order, instrument)?,
        OrderSubject::Legs(legs) => package(order, legs)?,
    };
    let exits: Vec<Body> = order
        .exit_orders()
        .iter()
        .map(|exit| {
            // An exit outlives the day that its entry fills on.
            let exit = OrderRequest { session: TradingSession::Regular, ..exit.clone() };
            self::body(&exit)
        })
        .collect::<Result<_, _>>()?;
    if exits.is_empty() {
        return Ok(body);
    }
    body.order_strategy_type = "TRIGGER";
    body.child_order_strategies = if exits.len() == 1 {
        exits
    } else {
        vec![Body { order_strategy_type: "OCO", child_order_strategies: exits, ..Body::default() }]
    };
    Ok(body)
}

/// What holds for every order.
fn check(order: &OrderRequest) -> Result<(), BrokerError> {
    if order.cash_order_quantity.is_some() {
        return Err(refuse("an amount of money", "a quantity of whole shares or contracts"));
    }
    if order.post_only {
        return Err(refuse("post only", "limit orders that may take liquidity"));
    }
    let quantity = order.quantity.get();
    if !quantity.fract().is_zero() || quantity < Decimal::ONE {
        let nearest = quantity.trunc().max(Decimal::ONE);
        return Err(refuse(
            format!("{} units", canonical(quantity)),
            format!("whole units; the nearest is {}", canonical(nearest)),
        ));
    }
    let kind = order.pricing.order_type();
    match order.time_in_force {
        TimeInForce::Opg => {
            return Err(refuse("orders for the opening auction", "day, gtc, gtd, ioc, fok and cls"));
        }
        TimeInForce::Gtc | TimeInForce::Gtd if kind == OrderType::Market => {
            return Err(refuse(
                format!("market orders {}", order.time_in_force),
                "market orders for the day or the close",
            ));
        }
        TimeInForce::Ioc | TimeInForce::Fok if kind != OrderType::Limit => {
            return Err(refuse(format!("{kind} orders {}", order.time_in_force), "limit orders so"));
        }
        TimeInForce::Cls if !matches!(kind, OrderType::Market | OrderType::Limit) => {
            return Err(refuse(
                format!("{kind} orders on the close"),
                "market and limit orders on the close",
            ));
        }
        TimeInForce::Gtd if order.expire_date.is_none() => {
            return Err(refuse("gtd without a date", "gtd with its last day"));
        }
        _ => {}
    }
    if order.session == TradingSession::Extended {
        let day_or_gtc = matches!(order.time_in_force, TimeInForce::Day | TimeInForce::Gtc);
        if kind != OrderType::Limit || !day_or_gtc || order.subject.asset_class() != AssetClass::Equity {
            return Err(refuse(
                "this order in extended hours",
                "limit orders of shares there, for the day or gtc",
            ));
        }
    }
    if order.take_profit.is_some() || order.stop_loss.is_some() {
        let opens = matches!(order.side, Side::Buy | Side::SellShort);
        if matches!(order.subject, OrderSubject::Legs(_)) || !opens {
            return Err(refuse(
                "exits of this order",
                "brackets around an order of one instrument that opens",
            ));
        }
    }
    Ok(())
}

/// A price on its tick, as text with two decimals at least.
fn priced(price: Price, instrument: &Instrument) -> Result<String, BrokerError> {
    if !price.is_positive() {
        return Err(refuse(format!("a price of {price}"), "prices above zero"));
    }
    let option = instrument.as_option().is_some();
    let tick = if !option && price.get() < Decimal::ONE { Decimal::new(1, 4) } else { Decimal::new(1, 2) };
    let nearest = price.round_to_tick(tick);
    if nearest != price {
        return Err(refuse(
            format!("a price of {price}"),
            format!("multiples of {}; the nearest is {nearest}", canonical(tick)),
        ));
    }
    Ok(text(price.get()))
}

/// With two decimals at least.
fn text(price: Decimal) -> String {
    let price = price.normalize();
    if price.scale() < 2 { format!("{price:.2}") } else { price.to_string() }
}

/// Duration, session, and until when.
fn timing(order: &OrderRequest, body: &mut Body) -> Result<(), BrokerError> {
    body.session = Some(match order.session {
        TradingSession::Regular => "NORMAL",
        TradingSession::Extended => "SEAMLESS",
    });
    body.duration = Some(match order.time_in_force {
        TimeInForce::Day | TimeInForce::Cls | TimeInForce::Opg => "DAY",
        TimeInForce::Gtc | TimeInForce::Gtd => "GOOD_TILL_CANCEL",
        TimeInForce::Ioc => "IMMEDIATE_OR_CANCEL",
        TimeInForce::Fok => "FILL_OR_KILL",
    });
    if let (TimeInForce::Gtd, Some(date)) = (order.time_in_force, order.expire_date) {
        let zone = TimeZone::get(NEW_YORK).map_err(|error| refuse("gtd", error.to_string()))?;
        let close = zone.to_timestamp(date.to_datetime(time(16, 0, 0, 0)));
        let close =
            close.map_err(|_| refuse(format!("gtd until {date}"), "gtd with a day of this century"))?;
        body.cancel_time = Some(close.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string());
    }
    Ok(())
}

fn single(order: &OrderRequest, instrument: &Instrument) -> Result<Body, BrokerError> {
    let mut body = Body { order_strategy_type: "SINGLE", ..Body::default() };
    timing(order, &mut body)?;
    let close = order.time_in_force == TimeInForce::Cls;
    let option = instrument.as_option().is_some();
    if option && close {
        return Err(refuse("options on the close", "options day, gtc, gtd, ioc and fok"));
    }
    body.order_type = Some(match order.pricing {
        Pricing::Market if close => "MARKET_ON_CLOSE",
        Pricing::Market => "MARKET",
        Pricing::Limit { .. } if close => "LIMIT_ON_CLOSE",
        Pricing::Limit { .. } => "LIMIT",
        Pricing::Stop { .. } => "STOP",
        Pricing::StopLimit { .. } => "STOP_LIMIT",
        Pricing::TrailingStop { .. } => "TRAILING_STOP",
        Pricing::Twap(_) | Pricing::Oco { .. } => {
            let what = format!("{} orders", order.pricing.order_type());
            return Err(refuse(what, "market, limit, stop, stop-limit and trailing-stop orders"));
        }
    });
    body.price = order.pricing.limit_price().map(|price| priced(price, instrument)).transpose()?;
    if let Some(stop) = order.pricing.stop_price() {
        // Without it the order cannot be moved in thinkorswim.
        body.stop_type = Some("STANDARD");
        body.stop_price = Some(priced(stop, instrument)?);
    }
    if let Pricing::TrailingStop { trail } = order.pricing {
        body.stop_price_link_basis = Some(if order.side.is_buy() { "ASK" } else { "BID" });
        let (kind, offset) = match trail {
            Trail::Amount(amount) => ("VALUE", amount.get()),
            Trail::Percent(percent) => ("PERCENT", percent),
        };
        (body.stop_price_link_type, body.stop_price_offset) = (Some(kind), Some(Number(offset)));
    }
    if option {
        body.complex_order_strategy_type = Some("NONE");
    }
    // What may only reduce closes, whether that was said of it or not.
    let effect = order.position_effect.or(order.reduce_only.then_some(PositionEffect::Close));
    if option && effect.is_none() && matches!(order.side, Side::Buy | Side::Sell) {
        return Err(refuse(
            "an option order that does not say whether it opens or closes",
            "orders to open and orders to close",
        ));
    }
    body.order_leg_collection = vec![leg(instrument, order.side, effect, order.quantity.get())?];
    Ok(body)
}

fn leg(
    instrument: &Instrument,
    side: Side,
    effect: Option<PositionEffect>,
    quantity: Decimal,
) -> Result<BodyLeg, BrokerError> {
    let class = instrument.asset_class();
    let symbol = match class {
        AssetClass::Equity | AssetClass::Option => symbols::written(instrument),
        _ => None,
    };
    let Some(symbol) = symbol.filter(|symbol| !symbol.starts_with('$')) else {
        return Err(refuse(format!("orders of {instrument}"), "shares, funds and options on US exchanges"));
    };
    let option = class == AssetClass::Option;
    let opens = match (effect, side) {
        (Some(effect), _) => effect == PositionEffect::Open,
        (None, side) => matches!(side, Side::Buy | Side::SellShort),
    };
    let instruction = match (option, side.is_buy(), opens) {
        (true, true, true) => "BUY_TO_OPEN",
        (true, true, false) => "BUY_TO_CLOSE",
        (true, false, true) => "SELL_TO_OPEN",
        (true, false, false) => "SELL_TO_CLOSE",
        (false, true, true) => "BUY",
        (false, true, false) => "BUY_TO_COVER",
        (false, false, true) => "SELL_SHORT",
        (false, false, false) => "SELL",
    };
    let asset_type = if option { "OPTION" } else { "EQUITY" };
    Ok(BodyLeg { instruction, quantity: Number(quantity), instrument: BodyInstrument { symbol, asset_type } })
}

/// A package: what it costs or brings, and each leg as it is traded.
fn package(order: &OrderRequest, legs: &[Leg]) -> Result<Body, BrokerError> {
    if legs.len() < 2 || legs.len() > LEGS_MAX {
        return Err(refuse(format!("packages of {} legs", legs.len()), "packages of two to four"));
    }
    let Pricing::Limit { limit_price } = order.pricing else {
        return Err(refuse(format!("{} packages", order.pricing.order_type()), "packages at a net limit"));
    };
    if !matches!(order.time_in_force, TimeInForce::Day | TimeInForce::Gtc) {
        return Err(refuse(format!("packages {}", order.time_in_force), "packages for the day or gtc"));
    }
    let cent = Decimal::new(1, 2);
    let nearest = limit_price.round_to_tick(cent);
    if nearest != limit_price {
        return Err(refuse(
            format!("a net price of {limit_price}"),
            format!("cents; the nearest is {nearest}"),
        ));
    }
    let mut body = Body { order_strategy_type: "SINGLE", ..Body::default() };
    timing(order, &mut body)?;
    // The price's sign decides, as it does for risk: a word beside it may be that of an order which this one replaces.
    body.order_type = Some(match PriceEffect::of(order.side, limit_price) {
        PriceEffect::Debit => "NET_DEBIT",
        PriceEffect::Credit => "NET_CREDIT",
        PriceEffect::Even => "NET_ZERO",
    });
    body.price = Some(text(limit_price.abs().get()));
    body.complex_order_strategy_type = Some(strategy(legs));
    body.quantity = Some(Number(order.quantity.get()));
    for part in legs {
        // Legs are as they are traded; the package's side only says whose side its price is on.
        let quantity = part.ratio * order.quantity.get();
        body.order_leg_collection.push(leg(
            &part.instrument,
            part.side,
            Some(part.position_effect),
            quantity,
        )?);
    }
    Ok(body)
}

/// Schwab's name of a package; `CUSTOM` for what has none, which it takes for all.
fn strategy(legs: &[Leg]) -> &'static str {
    let shares = legs.iter().filter(|leg| leg.instrument.as_option().is_none()).count();
    let options: Vec<(&Leg, &OptionContract)> =
        legs.iter().filter_map(|leg| Some((leg, leg.instrument.as_option()?))).collect();
    match (shares, options.as_slice()) {
        (1, [(_, call)]) if call.right == Right::Call => "COVERED",
        (1, [(_, a), (_, b)]) if a.right != b.right => "COLLAR_WITH_STOCK",
        (0, [(x, a), (y, b)]) if x.ratio == y.ratio => pair(x, a, y, b),
        (0, four) if four.len() == 4 => {
            let calls = four.iter().filter(|(_, contract)| contract.right == Right::Call).count();
            let same = four
                .iter()
                .all(|(leg, contract)| leg.ratio == four[0].0.ratio && contract.expiry == four[0].1.expiry);
            if calls == 2 && same { "IRON_CONDOR" } else { "CUSTOM" }
        }
        _ => "CUSTOM",
    }
}

fn pair(x: &Leg, a: &OptionContract, y: &Leg, b: &OptionContract) -> &'static str {
    let (same_side, same_right) = (x.side.is_buy() == y.side.is_buy(), a.right == b.right);
    match (same_side, same_right, a.expiry == b.expiry, a.strike == b.strike) {
        (false, true, true, false) => "VERTICAL",
        (false, true, false, true) => "CALENDAR",
        (false, true, false, false) => "DIAGONAL",
        (true, false, true, true) => "STRADDLE",
        (true, false, true, false) => "STRANGLE",
        _ => "CUSTOM",
    }
}
