//! How an order trades at Coinbase, read back: also what other programs entered there, and what we have no type for. Such an order is shown as
//! the type whose prices are true of it, and says beside it what it is. Pure.

use jiff::Timestamp;
use rust_decimal::Decimal;
use smol_str::SmolStr;

use super::convert::{round_units, side_of};
use super::products::instrument_of;
use super::ways_out;
use super::wire::{Configuration, Order, Terms};
use crate::brokers::json::shown;
use crate::domain::ids::{BrokerOrderId, ClientOrderId};
use crate::domain::money::{Price, Quantity, canonical};
use crate::domain::order::{OrderSubject, Pricing, Slices, TimeInForce};
use crate::domain::statement::OrderReport;

/// The way an order trades, and its figures.
struct Way<'a> {
    pricing: Pricing,
    force: TimeInForce,
    terms: &'a Terms,
    native: Option<String>,
}

impl<'a> Way<'a> {
    const fn plain(pricing: Pricing, force: TimeInForce, terms: &'a Terms) -> Self {
        Self { pricing, force, terms, native: None }
    }
}

fn limit(price: Option<Decimal>) -> Pricing {
    price.map_or(Pricing::Market, |price| Pricing::Limit { limit_price: Price::new(price) })
}

fn figure(value: Option<Decimal>) -> String {
    value.map_or_else(|| "?".to_owned(), canonical)
}

/// `profit 60000, stop 45000`.
fn exits(terms: &Terms) -> String {
    format!("profit {}, stop {}", figure(terms.limit_price), figure(terms.stop_trigger_price))
}

fn bracket_of(configuration: &Configuration) -> Option<&Terms> {
    configuration.trigger_bracket_gtc.as_ref().or(configuration.trigger_bracket_gtd.as_ref())
}

/// The take-profit is what rests; the stop replaces it.
fn bracket(terms: &Terms, force: TimeInForce) -> Way<'_> {
    match ways_out::read_exits(terms) {
        Some(pricing) => Way::plain(pricing, force, terms),
        None => {
            let native = Some(format!("bracket: {}", exits(terms)));
            Way { native, ..Way::plain(limit(terms.limit_price), force, terms) }
        }
    }
}

/// Slices over a time, never worse than a price. Without its time it is the limit order that it is for the rest.
fn twap(terms: &Terms) -> Way<'_> {
    let at = |text: &Option<String>| text.as_deref()?.parse::<Timestamp>().ok();
    let lasts = at(&terms.start_time).zip(at(&terms.end_time)).map(|(from, to)| to.duration_since(from));
    let minutes = lasts.and_then(|lasts| u32::try_from((lasts.as_secs() + 59) / 60).ok()).filter(|m| *m > 0);
    let Some(minutes) = minutes else {
        let until =
            terms.end_time.as_deref().map_or_else(String::new, |end| format!(" until {}", shown(end)));
        let native = Some(format!("twap: worst price {}{until}", figure(terms.limit_price)));
        return Way { native, ..Way::plain(limit(terms.limit_price), TimeInForce::Gtd, terms) };
    };
    let limit_price = terms.limit_price.map(Price::new);
    Way::plain(Pricing::Twap(Slices { minutes, randomize: false, limit_price }), TimeInForce::Gtd, terms)
}

/// Limit orders over a range of prices: as far as it may go, it is a limit order at the worst of them.
fn scaled(terms: &Terms, buys: bool) -> Way<'_> {
    let (low, high) = (terms.min_price, terms.max_price);
    let orders = terms.num_orders.map_or_else(String::new, |orders| format!("{} orders ", canonical(orders)));
    Way {
        pricing: limit(if buys { high } else { low }),
        force: TimeInForce::Gtc,
        terms,
        native: Some(format!("scaled: {orders}from {} to {}", figure(low), figure(high))),
    }
}

fn way_of(order: &Order, buys: bool) -> Option<Way<'_>> {
    use TimeInForce::{Fok, Gtc, Gtd, Ioc};
    let c = &order.order_configuration;
    let limits = [
        (&c.sor_limit_ioc, Ioc),
        (&c.limit_limit_gtc, Gtc),
        (&c.limit_limit_gtd, Gtd),
        (&c.limit_limit_fok, Fok),
    ];
    for (terms, force) in limits {
        if let Some(terms) = terms {
            return Some(Way::plain(limit(terms.limit_price), force, terms));
        }
    }
    for (terms, force) in [(&c.stop_limit_stop_limit_gtc, Gtc), (&c.stop_limit_stop_limit_gtd, Gtd)] {
        if let Some(terms) = terms {
            let pricing = Pricing::StopLimit {
                stop_price: Price::new(terms.stop_price?),
                limit_price: Price::new(terms.limit_price?),
            };
            return Some(Way::plain(pricing, force, terms));
        }
    }
    for (terms, force) in [(&c.trigger_bracket_gtc, Gtc), (&c.trigger_bracket_gtd, Gtd)] {
        if let Some(terms) = terms {
            return Some(bracket(terms, force));
        }
    }
    if let Some(terms) = &c.twap_limit_gtd {
        return Some(twap(terms));
    }
    if let Some(terms) = &c.scaled_limit_gtc {
        return Some(scaled(terms, buys));
    }
    let markets = [(&c.market_market_ioc, Ioc), (&c.market_market_fok, Fok)];
    markets.into_iter().find_map(|(terms, force)| Some(Way::plain(Pricing::Market, force, terms.as_ref()?)))
}

/// What the broker calls it, where that says more than our type; with the exits that hang on it.
fn native_type(order: &Order, way: Option<String>) -> Option<SmolStr> {
    let attached = order.attached_order_configuration.as_ref().and_then(bracket_of);
    let attached = attached.map(|terms| format!("once it fills a bracket: {}", exits(terms)));
    let parts: Vec<String> = way.into_iter().chain(attached).collect();
    (!parts.is_empty()).then(|| parts.join("; ").into())
}

/// An order as we report it. `client` is our id of it, where that is known. `None` for an instrument that we cannot name.
#[must_use]
pub fn report(order: &Order, client: Option<ClientOrderId>) -> Option<OrderReport> {
    let instrument = instrument_of(&order.product_id)?;
    let side = side_of(&order.side);
    let blank = Terms::default();
    let way = way_of(order, side.is_buy()).unwrap_or_else(|| {
        // A way to trade that is new there: how much of it is open is known, not at what price.
        let word = order.order_type.as_deref().map_or_else(|| "?".to_owned(), shown);
        let native = Some(format!("a type that is not known here: {word}"));
        Way { native, ..Way::plain(Pricing::Market, TimeInForce::Gtc, &blank) }
    });
    let (terms, filled) = (way.terms, order.filled());
    let price = terms.limit_price.or(order.average_filled_price).filter(|price| !price.is_zero());
    // An order for an amount of money says no units: those that it has bought, and at its price the rest.
    let quantity = match (terms.base_size, terms.quote_size, price) {
        (Some(size), ..) => size,
        (None, Some(money), Some(price)) if !order.standing().is_terminal() => {
            money.checked_div(price).map_or(filled, |units| round_units(units).max(filled))
        }
        _ => filled,
    };
    Some(OrderReport {
        client_order_id: client,
        broker_order_id: BrokerOrderId::new(&order.order_id),
        status: order.standing(),
        subject: OrderSubject::Instrument(instrument),
        side,
        quantity: Quantity::new(quantity),
        pricing: way.pricing,
        time_in_force: way.force,
        filled_quantity: Quantity::new(filled),
        average_price: order.average_filled_price.filter(|price| !price.is_zero()).map(Price::new),
        entered_at: order.created_time,
        native_type: native_type(order, way.native),
        oco_group: None,
    })
}

#[cfg(test)]
#[path = "ways_tests.rs"]
mod tests;
