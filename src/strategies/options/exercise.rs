//! When the holder of a short call would exercise it for a dividend (strategies §6.5).

use rust_decimal::Decimal;

use crate::domain::chain::Chain;
use crate::domain::events::Dividend;
use crate::domain::money::Price;
use crate::domain::option::{OptionContract, Right};
use crate::quant::contracts::{days_to_expiry, volatility_of};
use crate::quant::greeks::{Terms, american_price, should_exercise_before_ex_dividend, years};
use crate::quant::number::to_f64;

use super::market::row_of;

/// What a holder gives up by exercising may be so much more than the dividend and still be nothing.
const EXERCISE_MARGIN: Decimal = Decimal::from_parts(2, 0, 0, false, 2);

/// Would the holder of a call in the money, whose middle is `mid`, exercise it today for tomorrow's dividend.
pub(in crate::strategies) fn pays_for_dividend(
    chain: &Chain,
    contract: &OptionContract,
    (spot, mid): (Price, Price),
    dividend: Dividend,
    (today, rate): (jiff::civil::Date, f64),
) -> bool {
    let extrinsic = mid - contract.intrinsic(spot);
    if extrinsic.get() <= dividend.amount.get() + EXERCISE_MARGIN {
        return true;
    }
    // By the value of the put that the holder would give up: that of the same volatility once the dividend is off.
    let dte = days_to_expiry(contract.expiry, today);
    let Some((terms, sigma)) = row_of(chain, contract).and_then(|row| volatility_of(row, spot, dte, rate))
    else {
        return false;
    };
    let amount = to_f64(dividend.amount.get());
    let put = Terms { right: Right::Put, spot: terms.spot - amount, ..terms };
    let value = american_price(&put, sigma);
    should_exercise_before_ex_dividend(amount, value, terms.strike, rate, years(dte))
}
