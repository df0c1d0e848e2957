//! Option chains: contracts of one underlying with their prices and greeks.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::instrument::Symbol;
use super::money::Price;
use super::option::OptionContract;
use super::quote::Quote;

/// One contract of a chain with its greeks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChainRow {
    /// The contract.
    pub contract: OptionContract,
    /// Its prices.
    pub quote: Quote,
    /// Contracts outstanding; absent where the source has none.
    pub open_interest: Option<u64>,
    /// Implied volatility of the strike, per year as 0.25 for 25 %: as its source has it, else of the side that is out of the money, or of
    /// the nearest strike that has one. Absent where there is none.
    pub iv: Option<f64>,
    /// Price change per 1.00 of the underlying.
    pub delta: Option<f64>,
    /// Delta change per 1.00 of the underlying.
    pub gamma: Option<f64>,
    /// Price change per calendar day.
    pub theta: Option<f64>,
    /// Price change per point of volatility.
    pub vega: Option<f64>,
}

/// A chain: one underlying, sorted by expiry, strike, right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    /// The ticker.
    pub underlying: Symbol,
    /// Its price.
    pub spot: Option<Price>,
    /// Every listed expiry, rising, also those without rows here.
    pub expiries: Vec<Date>,
    /// The contracts.
    pub rows: Vec<ChainRow>,
}
