//! What a bot asks for, read strictly: a field that is not known is an error.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::domain::ids::ClientOrderId;
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{OrderChange, Pricing, Side, TimeInForce};
use crate::domain::quote::Interval;
use crate::quant::indicators::named as indicators;
use crate::strategies::schedule::{ScheduleError, ScheduleSpec};
use crate::strategies::{BotOrderName, BotWant, Proposal, Schedule};

use super::{BARS_MAX, RpcError, STATE_MAX};

/// What bars are asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Over {
    /// So many of them themselves, the newest, oldest first.
    Bars(usize),
    /// The newest values of an indicator, with its parameters.
    Indicator(indicators::Asked),
}

impl Over {
    /// How many bars that takes.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Bars(count) => *count,
            Self::Indicator(indicator) => indicator.bars(),
        }
    }
}

/// Something that a bot wants to know.
#[derive(Clone, Debug, PartialEq)]
pub enum BotQuery {
    /// Its own working orders.
    Orders,
    /// What it owns.
    Positions,
    /// What its account has, without its name.
    Account,
    /// Complete bars, or what is worked out of them.
    Past {
        /// Of what.
        instrument: Instrument,
        /// How wide.
        interval: Interval,
        /// What of them.
        over: Over,
        /// Steps in which nothing traded are among them, each at the last close.
        fill_forward: bool,
    },
    /// The newest prices.
    Quote(Instrument),
    /// The option chain of a share, of the expiries between two days.
    Chain {
        /// The share.
        underlying: Instrument,
        /// The first day; today where nothing is said.
        from: Option<Date>,
        /// The last day; the same of the expiry that is asked for.
        until: Option<Date>,
    },
    /// Its orders, positions and money, and the newest prices of what it trades: what it is evaluated over.
    Snapshot,
}

/// Days that a chain reaches where nothing is said.
pub const CHAIN_DAYS: i64 = 60;
/// Schedules of one bot at most.
const SCHEDULES_MAX: usize = 16;

/// Reads when a bot wants to be evaluated: texts such as `every 5m` or `close-15m`, each its own name.
///
/// # Errors
/// −32602 for what is none, for the same twice, and for too many.
pub fn schedules(value: &Value) -> Result<Vec<Schedule>, RpcError> {
    let allowed =
        || RpcError::params("schedule: allowed a list of texts such as \"every 5m\" or \"close-15m\"");
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        _ => return Err(allowed()),
    };
    if list.len() > SCHEDULES_MAX {
        return Err(RpcError::params(format!("schedule: {} times, {SCHEDULES_MAX} are allowed", list.len())));
    }
    let mut read: Vec<Schedule> = Vec::new();
    for item in list {
        let text = item.as_str().ok_or_else(allowed)?;
        let spec: ScheduleSpec =
            text.parse().map_err(|error: ScheduleError| RpcError::params(format!("schedule: {error}")))?;
        if read.iter().any(|known| known.spec == spec) {
            let text: String = text.chars().take(40).flat_map(char::escape_default).collect();
            return Err(RpcError::params(format!("schedule: '{text}' is there twice")));
        }
        read.push(Schedule::managing(text, spec));
    }
    Ok(read)
}

/// Something that a bot asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// To do.
    Want(BotWant),
    /// To know.
    Query(BotQuery),
}

/// Fields that are taken out while they are read: what is left at the end is not known.
struct Fields(Map<String, Value>);

impl Fields {
    fn text(&mut self, name: &str) -> Result<Option<String>, RpcError> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(RpcError::params(format!("{name} must be a text"))),
        }
    }

    fn needed(&mut self, name: &str) -> Result<String, RpcError> {
        self.text(name)?.ok_or_else(|| RpcError::params(format!("{name} is missing")))
    }

    fn parsed<T: std::str::FromStr>(&mut self, name: &str, allowed: &str) -> Result<Option<T>, RpcError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            let found: String = text.chars().take(40).flat_map(char::escape_default).collect();
            RpcError::params(format!("{name}: found '{found}', allowed {allowed}"))
        })
    }

    /// True or false; false where nothing is said.
    fn flag(&mut self, name: &str) -> Result<bool, RpcError> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(value)) => Ok(value),
            Some(_) => Err(RpcError::params(format!("{name}: allowed true, false"))),
        }
    }

    fn instrument(&mut self) -> Result<Instrument, RpcError> {
        let key = self.needed("instrument")?;
        Instrument::from_key(&key).map_err(|_| {
            let key: String = key.chars().take(40).flat_map(char::escape_default).collect();
            RpcError::new(-32_005, format!("'{key}' is the key of no instrument"))
        })
    }

    fn interval(&mut self) -> Result<Interval, RpcError> {
        self.parsed("interval", "1m, 5m, 15m, 1h, 1d, 1w")?
            .ok_or_else(|| RpcError::params("interval is missing"))
    }

    fn end(self) -> Result<(), RpcError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(stray) => {
                let stray: String = stray.chars().take(40).flat_map(char::escape_default).collect();
                Err(RpcError::params(format!("{stray} is not known here")))
            }
        }
    }
}

/// Reads what a request asks for.
///
/// # Errors
/// −32601 for a method that there is not, −32602 for parameters that are wrong, −32005 for what is no instrument.
pub fn asked(method: &str, params: Map<String, Value>) -> Result<Asked, RpcError> {
    let mut fields = Fields(params);
    let asked = match method {
        "order.place" => Asked::Want(place(&mut fields)?),
        "order.cancel" => Asked::Want(BotWant::Cancel(order_name(&mut fields)?)),
        "order.replace" => {
            let order = order_name(&mut fields)?;
            let change = OrderChange {
                limit_price: fields.parsed("limit_price", PRICE)?,
                stop_price: fields.parsed("stop_price", PRICE)?,
                trail: None,
                quantity: fields.parsed("quantity", UNITS)?,
                time_in_force: None,
            };
            Asked::Want(BotWant::Replace(order, change))
        }
        "state.set" => {
            let state = fields.0.remove("json").ok_or_else(|| RpcError::params("json is missing"))?;
            let text = state.to_string();
            if text.len() > STATE_MAX {
                return Err(RpcError::params(format!("json: {} bytes, {STATE_MAX} are allowed", text.len())));
            }
            Asked::Want(BotWant::Remember(text))
        }
        "orders.list" => Asked::Query(BotQuery::Orders),
        "positions.list" => Asked::Query(BotQuery::Positions),
        "account.get" => Asked::Query(BotQuery::Account),
        "data.quote" => Asked::Query(BotQuery::Quote(fields.instrument()?)),
        "data.chain" => {
            let underlying = fields.instrument()?;
            if !matches!(underlying, Instrument::Equity { .. }) {
                return Err(RpcError::new(
                    -32_005,
                    format!("{underlying} is no share; only shares have chains"),
                ));
            }
            let expiry: Option<Date> = fields.parsed("expiry", DAY)?;
            let (from, until) = (fields.parsed("from", DAY)?, fields.parsed("until", DAY)?);
            if expiry.is_some() && (from.is_some() || until.is_some()) {
                return Err(RpcError::params("expiry: allowed alone, or from and until instead"));
            }
            Asked::Query(BotQuery::Chain { underlying, from: expiry.or(from), until: expiry.or(until) })
        }
        "indicator" => {
            let name = fields.needed("name")?;
            let instrument = fields.instrument()?;
            let interval = fields.interval()?;
            let params = match fields.0.remove("params") {
                None | Some(Value::Null) => BTreeMap::new(),
                Some(Value::Object(params)) => params
                    .into_iter()
                    .map(|(name, value)| value.as_f64().map(|value| (name, value)))
                    .collect::<Option<_>>()
                    .ok_or_else(|| RpcError::params("params: allowed names with numbers"))?,
                Some(_) => return Err(RpcError::params("params: allowed names with numbers")),
            };
            let indicator = indicators::Asked::new(&name, &params)
                .map_err(|error| RpcError::params(error.to_string()))?;
            let (over, fill_forward) = (Over::Indicator(indicator), fields.flag("fill_forward")?);
            Asked::Query(BotQuery::Past { instrument, interval, over, fill_forward })
        }
        "schedule.set" => {
            let list = fields.0.remove("schedule").ok_or_else(|| RpcError::params("schedule is missing"))?;
            Asked::Want(BotWant::Schedule(schedules(&list)?))
        }
        "data.bars" => {
            let instrument = fields.instrument()?;
            let interval = fields.interval()?;
            let limit = match fields.0.remove("limit") {
                None => 500,
                Some(limit) => limit
                    .as_u64()
                    .and_then(|limit| usize::try_from(limit).ok())
                    .filter(|limit| (1..=BARS_MAX).contains(limit))
                    .ok_or_else(|| RpcError::params(format!("limit: allowed 1 to {BARS_MAX}")))?,
            };
            let (over, fill_forward) = (Over::Bars(limit), fields.flag("fill_forward")?);
            Asked::Query(BotQuery::Past { instrument, interval, over, fill_forward })
        }
        other => {
            let other: String = other.chars().take(40).flat_map(char::escape_default).collect();
            return Err(RpcError::new(-32_601, format!("there is no method {other}")));
        }
    };
    fields.end()?;
    Ok(asked)
}

const PRICE: &str = "a price as text, such as \"190.5\"";
const DAY: &str = "a day as YYYY-MM-DD";
const UNITS: &str = "units above 0 as text, such as \"10\"";

fn order_name(fields: &mut Fields) -> Result<BotOrderName, RpcError> {
    if let Some(tag) = fields.text("client_tag")? {
        return Ok(BotOrderName::Tag(tag));
    }
    let id: Option<ClientOrderId> = fields.parsed("order_id", "an order's id")?;
    id.map(BotOrderName::Id).ok_or_else(|| RpcError::params("client_tag or order_id is missing"))
}

fn place(fields: &mut Fields) -> Result<BotWant, RpcError> {
    let tag = fields.needed("client_tag")?;
    let instrument = fields.instrument()?;
    let side = match fields.needed("side")?.as_str() {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        "sell_short" => Side::SellShort,
        "buy_to_cover" => Side::BuyToCover,
        _ => return Err(RpcError::params("side: allowed buy, sell, sell_short, buy_to_cover")),
    };
    let quantity: Quantity =
        fields.parsed("quantity", UNITS)?.ok_or_else(|| RpcError::params("quantity is missing"))?;
    if !quantity.is_positive() {
        return Err(RpcError::params(format!("quantity: allowed {UNITS}")));
    }
    let limit: Option<Price> = fields.parsed("limit_price", PRICE)?;
    let stop: Option<Price> = fields.parsed("stop_price", PRICE)?;
    let pricing = match (fields.needed("order_type")?.as_str(), limit, stop) {
        ("market", None, None) => Pricing::Market,
        ("limit", Some(limit_price), None) => Pricing::Limit { limit_price },
        ("stop", None, Some(stop_price)) => Pricing::Stop { stop_price },
        ("stop_limit", Some(limit_price), Some(stop_price)) => Pricing::StopLimit { stop_price, limit_price },
        ("market" | "limit" | "stop" | "stop_limit", ..) => {
            return Err(RpcError::params(
                "a limit order has limit_price, a stop order stop_price, a stop_limit order both, a market order none",
            ));
        }
        _ => return Err(RpcError::params("order_type: allowed market, limit, stop, stop_limit")),
    };
    let usual =
        if instrument.asset_class().trades_around_the_clock() { TimeInForce::Gtc } else { TimeInForce::Day };
    let time_in_force = match fields.text("time_in_force")?.as_deref() {
        None => usual,
        Some("day") => TimeInForce::Day,
        Some("gtc") => TimeInForce::Gtc,
        Some("ioc") => TimeInForce::Ioc,
        Some("fok") => TimeInForce::Fok,
        Some(_) => return Err(RpcError::params("time_in_force: allowed day, gtc, ioc, fok")),
    };
    let reduce_only = match fields.0.remove("reduce_only") {
        None => false,
        Some(Value::Bool(flag)) => flag,
        Some(_) => return Err(RpcError::params("reduce_only: allowed true, false")),
    };
    let proposal =
        Proposal { time_in_force, reduce_only, ..Proposal::single(instrument, side, quantity, pricing) };
    Ok(BotWant::Place { tag, proposal: Box::new(proposal) })
}
