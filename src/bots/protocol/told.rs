//! What a bot is told: news and answers as JSON. Decimals are texts, times RFC 3339.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::domain::calendar::Calendar;
use crate::domain::chain::Chain;
use crate::domain::execution::Execution;
use crate::domain::instrument::Instrument;
use crate::domain::money::Price;
use crate::domain::order::Order;
use crate::domain::quote::{Bar, Interval, Quote};
use crate::quant::indicators::Candle;
use crate::quant::indicators::named as indicators;
use crate::quant::number::to_f64;
use crate::strategies::{BotNews, BotPlaced, silence};

use super::Over;

/// What became of what a bot wanted.
#[must_use]
pub fn placed(placed: &BotPlaced) -> Value {
    let mut value = json!({"status": placed.status});
    if let (Some(object), Some((id, number))) = (value.as_object_mut(), placed.order) {
        object.insert("order_id".to_owned(), id.to_string().into());
        object.insert("number".to_owned(), number.to_string().into());
    }
    if let (Some(object), Some(proposal)) = (value.as_object_mut(), placed.proposal) {
        object.insert("proposal".to_owned(), proposal.into());
    }
    value
}

/// A bar. `end` is when it was complete, where that is known.
#[must_use]
pub fn bar(bar: &Bar) -> Value {
    json!({
        "start": bar.start.to_string(), "open": bar.open.to_string(), "high": bar.high.to_string(),
        "low": bar.low.to_string(), "close": bar.close.to_string(), "volume": bar.volume.normalize().to_string(),
    })
}

/// An indicator over complete bars, oldest first: the values at the newest one and at the one before, by line. Numbers, as they are no money.
#[must_use]
pub fn past(
    over: &Over,
    (instrument, interval): (&Instrument, Interval),
    (bars, fill_forward): (&[Bar], bool),
    calendar: &Calendar,
) -> Value {
    let filled;
    let bars = match fill_forward {
        true => {
            filled = silence::filled(calendar, (instrument, interval), bars);
            &filled[filled.len().saturating_sub(over.count())..]
        }
        false => bars,
    };
    match over {
        Over::Bars(_) => json!({"bars": bars.iter().map(bar).collect::<Vec<_>>()}),
        Over::Indicator(asked) => indicator(asked, bars),
    }
}

fn indicator(indicator: &indicators::Asked, bars: &[Bar]) -> Value {
    let candles = bars.iter().map(|bar| Candle {
        high: to_f64(bar.high.get()),
        low: to_f64(bar.low.get()),
        close: to_f64(bar.close.get()),
        volume: to_f64(bar.volume),
    });
    let newest = indicator.newest(candles);
    let start = bars.last().map(|bar| bar.start.to_string());
    json!({"start": start, "bars": bars.len(), "values": newest.values, "before": newest.before})
}

/// A chain: its rows by expiry, strike and right, prices as texts, greeks as numbers.
#[must_use]
pub fn chain(chain: &Chain) -> Value {
    let price = |price: Option<Price>| price.map(|price| price.to_string());
    let rows: Vec<Value> = chain
        .rows
        .iter()
        .map(|row| {
            json!({
                "instrument": row.contract.occ_symbol(),
                "expiry": row.contract.expiry.to_string(), "strike": row.contract.strike.to_string(),
                "right": row.contract.right.to_string(), "bid": price(row.quote.bid), "ask": price(row.quote.ask),
                "last": price(row.quote.last), "as_of": row.quote.as_of.to_string(), "iv": row.iv,
                "delta": row.delta, "gamma": row.gamma, "theta": row.theta, "vega": row.vega,
                "open_interest": row.open_interest,
            })
        })
        .collect();
    let expiries: Vec<String> = chain.expiries.iter().map(ToString::to_string).collect();
    json!({"underlying": chain.underlying.as_str(), "spot": price(chain.spot), "expiries": expiries, "rows": rows})
}

/// Prices.
#[must_use]
pub fn quote(quote: &Quote) -> Value {
    let price = |price: Option<Price>| price.map(|price| price.to_string());
    json!({
        "instrument": quote.instrument.key(), "bid": price(quote.bid), "ask": price(quote.ask),
        "last": price(quote.last), "as_of": quote.as_of.to_string(),
    })
}

/// A fill.
#[must_use]
pub fn execution(execution: &Execution) -> Value {
    json!({
        "execution_id": execution.execution_id.as_str(),
        "order_id": execution.client_order_id.map(|id| id.to_string()),
        "instrument": execution.instrument.key(), "side": execution.side.as_str(),
        "quantity": execution.quantity.to_string(), "price": execution.price.to_string(),
        "fee": execution.fee.normalize().to_string(), "currency": execution.currency.as_str(),
        "at": execution.at.to_string(),
    })
}

/// An order.
#[must_use]
pub fn order(order: &Order) -> Value {
    let request = &order.request;
    json!({
        "order_id": request.client_order_id.to_string(), "number": order.number.to_string(),
        "instrument": request.subject.instrument().map(Instrument::key), "side": request.side.as_str(),
        "quantity": request.quantity.to_string(), "filled_quantity": order.filled_quantity.to_string(),
        "average_price": order.average_price.map(|price| price.to_string()),
        "limit_price": request.pricing.limit_price().map(|price| price.to_string()),
        "status": order.status.as_str(),
    })
}

/// News as a line: the method and its parameters. `now` is the time by the clock that the bot lives by.
#[must_use]
pub fn news(now: Timestamp, news: &BotNews) -> (&'static str, Value) {
    let (method, mut value) = match news {
        BotNews::Bar { instrument, interval, bar: prices } => {
            let value =
                json!({"instrument": instrument.key(), "interval": interval.as_str(), "bar": bar(prices)});
            ("bar", value)
        }
        BotNews::Quote(prices) => ("quote", quote(prices)),
        BotNews::Execution(fill) => ("execution", execution(fill)),
        BotNews::Assigned(fill) => ("assigned", execution(fill)),
        BotNews::Order(changed) => ("order", order(changed)),
        BotNews::Position { instrument, now } => {
            ("position", json!({"instrument": instrument.key(), "quantity": now.to_string()}))
        }
        BotNews::Account => ("account", json!({})),
        BotNews::Corporate(action) => ("corporate_action", json!({"text": format!("{action:?}")})),
        BotNews::Denied { code, subject } => {
            ("denied", json!({"code": code.as_str(), "subject": subject.to_string()}))
        }
        BotNews::Halted => ("halted", json!({})),
        BotNews::Resumed => ("resumed", json!({})),
        BotNews::ParamsChanged => ("params_changed", json!({})),
        // Where a process runs it is asked, with what it is evaluated over beside it.
        BotNews::Due { schedule, due_at } => {
            ("due", json!({"schedule": schedule.as_str(), "due": due_at.to_string()}))
        }
        BotNews::Session { open, until } => {
            ("session", json!({"open": open, "until": until.map(|until| until.to_string())}))
        }
    };
    if let Some(object) = value.as_object_mut() {
        object.insert("now".to_owned(), now.to_string().into());
    }
    (method, value)
}

/// Money of an account: its value, its cash, and what it may still buy for.
#[must_use]
pub fn account(net_liquidation: Decimal, cash: Decimal, buying_power: Decimal) -> Value {
    let money = |money: Decimal| money.round_dp(2).to_string();
    json!({"net_liquidation": money(net_liquidation), "cash": money(cash), "buying_power": money(buying_power)})
}
