//! Orders that Coinbase keeps by itself, as they are sent: slices over a time, and a profit and a stop in one. What it cannot take is refused
//! here. Pure.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::refused_locally;
use super::wire::{Configuration, Product, Terms};
use crate::brokers::BrokerError;
use crate::domain::instrument::AssetClass;
use crate::domain::money::{Price, canonical};
use crate::domain::order::{OrderRequest, Pricing, Side, Slices, TimeInForce};

/// Minutes of an order in slices.
const MINUTES_MIN: u32 = 2;
const MINUTES_MAX: u32 = 1_440;

/// How an order is cut: all slices are alike, in size and in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    slices: u32,
    size: Decimal,
    seconds: u32,
}

/// The most slices of a minute or more into which a size goes without a rest, each large enough to be an order.
fn cut(size: Decimal, minutes: u32, limit: Price, product: &Product) -> Option<Cut> {
    let step = product.base_increment;
    let least = product.base_min_size.unwrap_or(step).max(step);
    let money = product.quote_min_size.unwrap_or_default();
    let seconds = minutes.checked_mul(60)?;
    (MINUTES_MIN..=minutes).rev().filter(|slices| seconds % slices == 0).find_map(|slices| {
        let each = size.checked_div(slices.into())?;
        let whole = each.checked_mul(slices.into())? == size && (step.is_zero() || (each % step).is_zero());
        let large =
            each >= least && each.checked_mul(limit.get())?.checked_mul(product.multiplier())? >= money;
        (whole && large).then_some(Cut { slices, size: each.normalize(), seconds: seconds / slices })
    })
}

/// The configuration of an order in slices, which begins now.
///
/// # Errors
/// `Unsupported`, naming what is taken instead.
pub fn slices(
    request: &OrderRequest,
    slices: Slices,
    product: &Product,
    now: Timestamp,
) -> Result<Configuration, BrokerError> {
    let Some(limit) = slices.limit_price else {
        return Err(refused_locally(
            "twap orders without a worst price".to_owned(),
            "twap orders with a limit: no slice trades beyond it",
        ));
    };
    if slices.randomize {
        return Err(refused_locally("slices at random times".to_owned(), "slices at even times"));
    }
    let minutes = slices.minutes;
    if !(MINUTES_MIN..=MINUTES_MAX).contains(&minutes) {
        return Err(refused_locally(
            format!("slices over {minutes} minutes"),
            &format!("{MINUTES_MIN} to {MINUTES_MAX} minutes"),
        ));
    }
    // The time of its slices is how long it works.
    if !matches!(request.time_in_force, TimeInForce::Day | TimeInForce::Gtc) {
        let what = format!("twap orders that are {}", request.time_in_force);
        return Err(refused_locally(what, "twap orders of gtc, which end with their time"));
    }
    let size = request.quantity.get();
    let cut = cut(size, minutes, limit, product).ok_or_else(|| {
        let least = product.quote_min_size.map_or_else(String::new, |money| {
            format!(", each worth {} {} or more", canonical(money), product.quote_currency_id)
        });
        refused_locally(
            format!("{} in equal slices over {minutes} minutes", canonical(size)),
            &format!(
                "sizes that two or more slices of a multiple of {} make up{least}",
                canonical(product.base_increment)
            ),
        )
    })?;
    let unreal = |_| refused_locally("such a time".to_owned(), "times of this century");
    // Whole seconds, the first of which has not gone by when it arrives.
    let start = Timestamp::from_second(now.as_second() + 1).map_err(unreal)?;
    let end = start.checked_add(SignedDuration::from_mins(minutes.into())).map_err(unreal)?;
    let terms = Terms {
        base_size: Some(size.normalize()),
        limit_price: Some(limit.get().normalize()),
        start_time: Some(start.to_string()),
        end_time: Some(end.to_string()),
        number_buckets: Some(cut.slices.into()),
        bucket_size: Some(cut.size),
        bucket_duration: Some(format!("{}s", cut.seconds)),
        ..Terms::default()
    };
    Ok(Configuration { twap_limit_gtd: Some(terms), ..Configuration::default() })
}

/// The configuration of a sale that takes a profit at a limit and stops a loss by a trigger, whichever comes first.
///
/// # Errors
/// As above.
pub fn exits(
    request: &OrderRequest,
    (limit, stop): (Price, Price),
    end_time: Option<String>,
) -> Result<Configuration, BrokerError> {
    let spot = request.subject.asset_class() == AssetClass::Crypto;
    if !spot || request.side != Side::Sell {
        return Err(refused_locally(
            format!("{} {} that are oco", request.subject.asset_class(), request.side),
            "oco orders that sell coins",
        ));
    }
    if stop >= limit {
        return Err(refused_locally(
            format!("a stop at {stop} with its limit at {limit}"),
            "stops below their limit",
        ));
    }
    let terms = Terms {
        base_size: Some(request.quantity.get().normalize()),
        limit_price: Some(limit.get().normalize()),
        stop_trigger_price: Some(stop.get().normalize()),
        end_time,
        ..Terms::default()
    };
    let blank = Configuration::default();
    match request.time_in_force {
        TimeInForce::Gtc => Ok(Configuration { trigger_bracket_gtc: Some(terms), ..blank }),
        TimeInForce::Day | TimeInForce::Gtd => {
            Ok(Configuration { trigger_bracket_gtd: Some(terms), ..blank })
        }
        other => {
            Err(refused_locally(format!("oco orders that are {other}"), "oco orders of day, gtc or gtd"))
        }
    }
}

/// What an order of these terms reads back as.
#[must_use]
pub fn read_exits(terms: &Terms) -> Option<Pricing> {
    let (limit, stop) = terms.limit_price.zip(terms.stop_trigger_price)?;
    Some(Pricing::Oco { limit_price: Price::new(limit), stop_price: Price::new(stop) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product() -> Product {
        serde_json::from_str(
            r#"{"product_id":"BTC-USD","base_increment":"0.00000001","quote_increment":"0.01","price_increment":"0.01",
            "quote_min_size":"1","base_min_size":"0.00000001","quote_currency_id":"USD"}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_size_is_cut_without_a_rest_and_no_slice_is_too_small() {
        let cut = |size: &str, minutes| {
            let found = cut(size.parse().unwrap(), minutes, Price::from(50_000), &product())?;
            Some((found.slices, found.size.to_string(), found.seconds))
        };
        assert_eq!(cut("0.03", 30), Some((30, "0.001".to_owned(), 60)));
        // 30 does not divide it: the next that does both.
        assert_eq!(cut("1", 30), Some((25, "0.04".to_owned(), 72)));
        assert_eq!(cut("0.0002", 60), Some((10, "0.00002".to_owned(), 360)), "a dollar each");
        assert_eq!(cut("0.00000001", 30), None, "it cannot be cut");
        assert_eq!(cut("0.00000007", 60), None);
    }
}
