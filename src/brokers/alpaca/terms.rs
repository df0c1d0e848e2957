//! The terms of instruments: increments, whether they trade, what a contract delivers.

use rust_decimal::Decimal;

use super::order::symbol;
use super::rest::{Rest, TRADING, escaped};
use super::wire::{Asset, Contract};
use super::{NAME, errors};
use crate::brokers::http::Call;
use crate::brokers::{BrokerError, penny};
use crate::domain::instrument::{AssetClass, Instrument, InstrumentSpec, TickRow};
use crate::domain::money::Price;

const ASSET: Call = Call::read("asset", TRADING);
const CONTRACT: Call = Call::read("contract", TRADING);

/// Instruments whose terms are kept.
pub(super) const KEPT_MAX: usize = 4_096;
/// Decimals of a part of a share.
const FRACTION: Decimal = Decimal::from_parts(1, 0, 0, false, 9);

/// The terms before anybody was asked.
pub(super) fn standard(instrument: Instrument) -> InstrumentSpec {
    let mut spec = InstrumentSpec::standard(instrument);
    if matches!(spec.instrument, Instrument::Equity { .. }) {
        spec.quantity_increment = FRACTION;
        spec.quantity_min = FRACTION;
    }
    spec
}

/// Asks for the terms of an instrument.
pub(super) async fn ask(rest: &Rest, instrument: &Instrument) -> Result<InstrumentSpec, BrokerError> {
    let name = symbol(instrument);
    let unknown = |error: BrokerError| {
        if errors::is_not_found(&error) {
            return BrokerError::NotFound { broker: NAME.to_owned(), what: instrument.to_string() };
        }
        error
    };
    match instrument.asset_class() {
        AssetClass::Option => {
            let path = format!("/v2/options/contracts/{name}");
            let contract: Contract = rest.get(CONTRACT, &path, &[]).await.map_err(unknown)?;
            Ok(of_contract(instrument.clone(), &contract))
        }
        AssetClass::Equity | AssetClass::Crypto => {
            let path = format!("/v2/assets/{}", escaped(&name));
            let asset: Asset = rest.get(ASSET, &path, &[]).await.map_err(unknown)?;
            Ok(of_asset(instrument.clone(), &asset))
        }
        other => Err(BrokerError::Unsupported {
            broker: NAME.to_owned(),
            what: format!("{other} instruments"),
            allowed: "equities, options and crypto".to_owned(),
        }),
    }
}

fn of_asset(instrument: Instrument, asset: &Asset) -> InstrumentSpec {
    let mut spec = standard(instrument);
    spec.tradable = asset.tradable && asset.status == "active";
    if asset.class == "crypto" {
        spec.shortable = false;
        let increment = asset.min_trade_increment.filter(|increment| !increment.is_zero());
        spec.quantity_increment = increment.unwrap_or(spec.quantity_increment);
        spec.quantity_min = asset.min_order_size.unwrap_or(spec.quantity_increment);
        if let Some(tick) = asset.price_increment.filter(|tick| !tick.is_zero()) {
            spec.ticks = vec![TickRow { from: Price::ZERO, tick }];
        }
        return spec;
    }
    spec.shortable = asset.shortable;
    spec.easy_to_borrow = match asset.borrow_status.as_deref() {
        Some(status) => status == "easy_to_borrow",
        None => asset.easy_to_borrow.unwrap_or(false),
    };
    if !asset.fractionable {
        spec.quantity_increment = Decimal::ONE;
        spec.quantity_min = Decimal::ONE;
    }
    spec
}

fn of_contract(instrument: Instrument, contract: &Contract) -> InstrumentSpec {
    let mut spec = standard(instrument);
    spec.tradable = contract.tradable && contract.status == "active";
    spec.multiplier = contract.multiplier.or(contract.size).unwrap_or(spec.multiplier);
    spec.deliverable = contract.size.unwrap_or(spec.deliverable);
    spec.ticks = penny::ticks(&spec.instrument, contract.ppind);
    spec
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::option::OptionContract;

    #[test]
    fn terms_are_as_the_broker_says_them() {
        let asset = |text: &str| serde_json::from_str::<Asset>(text).unwrap();
        let share = Instrument::equity("AAPL").unwrap();
        let whole = of_asset(
            share.clone(),
            &asset(
                r#"{"symbol":"AAPL","class":"us_equity","status":"active","tradable":true,"fractionable":false,"shortable":true,"borrow_status":"hard_to_borrow"}"#,
            ),
        );
        assert_eq!(
            (whole.quantity_increment, whole.tradable, whole.easy_to_borrow),
            (Decimal::ONE, true, false)
        );
        let parts = of_asset(
            share,
            &asset(
                r#"{"symbol":"AAPL","class":"us_equity","status":"inactive","tradable":true,"fractionable":true,"easy_to_borrow":true}"#,
            ),
        );
        assert_eq!((parts.quantity_increment, parts.tradable, parts.easy_to_borrow), (FRACTION, false, true));
        let coin = of_asset(
            Instrument::crypto("BTC", "USD").unwrap(),
            &asset(
                r#"{"symbol":"BTC/USD","class":"crypto","status":"active","tradable":true,"min_order_size":"0.0001","min_trade_increment":"0.00001","price_increment":"0.5"}"#,
            ),
        );
        assert_eq!((coin.quantity_increment, coin.quantity_min), (Decimal::new(1, 5), Decimal::new(1, 4)));
        assert_eq!((coin.tick_at(Price::from(60_000)), coin.shortable), (Decimal::new(5, 1), false));
        let contract = |symbol: &str, ppind: &str| {
            let instrument = OptionContract::from_occ(symbol).unwrap().into_instrument();
            let text = format!(
                r#"{{"symbol":"{symbol}","status":"active","tradable":true,"multiplier":"100","size":"100","ppind":{ppind}}}"#
            );
            of_contract(instrument, &serde_json::from_str(&text).unwrap())
        };
        for (symbol, ppind, low, high) in [
            ("AAPL270115C00200000", "true", 1, 5),
            ("X270115C00030000", "false", 5, 10),
            ("SPY270115C00600000", "true", 1, 1),
            ("AAPL270115C00200000", "null", 1, 1),
        ] {
            let spec = contract(symbol, ppind);
            let tick = |price: i64| spec.tick_at(Price::from(price));
            assert_eq!((tick(2), tick(3)), (Decimal::new(low, 2), Decimal::new(high, 2)), "{symbol} {ppind}");
        }
    }
}
