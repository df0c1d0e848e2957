//! Listed options: the contract, its OCC symbol, and the legs of a multi-leg order.

use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use super::instrument::{Instrument, Symbol};
use super::money::Price;
use super::order::{PositionEffect, Side};

/// Call or put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// The right to buy.
    Call,
    /// The right to sell.
    Put,
}

impl Right {
    /// `C` or `P`.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Call => 'C',
            Self::Put => 'P',
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Call => "call",
            Self::Put => "put",
        })
    }
}

/// An option contract. Ordered by underlying, expiry, strike, right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OptionContract {
    /// The underlying's ticker.
    pub underlying: Symbol,
    /// Last trading day.
    pub expiry: Date,
    /// Strike in the underlying's currency, per share.
    pub strike: Price,
    /// Call or put.
    pub right: Right,
    /// The option root where it is not the underlying (`SPXW`, or `AAPL1` after an adjustment).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Symbol>,
}

/// A text that is no OCC symbol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an OCC option symbol (root, yymmdd, C or P, strike x 1000 in 8 digits)")]
pub struct OccError {
    /// The text as given, escaped and shortened.
    pub text: String,
}

impl OptionContract {
    /// The 21-character OCC symbol: root padded to 6, yymmdd, C or P, strike x 1000 in 8 digits.
    /// Source: OCC Option Symbology Initiative.
    #[must_use]
    pub fn occ_symbol(&self) -> String {
        let root = self.root.as_ref().unwrap_or(&self.underlying).as_str().replace(['.', '/', '-'], "");
        let thousandths = (self.strike.get() * Decimal::ONE_THOUSAND).trunc().to_u64().unwrap_or_default();
        format!(
            "{root:<6}{:02}{:02}{:02}{}{thousandths:08}",
            self.expiry.year().rem_euclid(100),
            self.expiry.month(),
            self.expiry.day(),
            self.right.letter(),
        )
    }

    /// Reads an OCC symbol, with the root padded by spaces or not. Two-digit years are 20xx.
    ///
    /// # Errors
    /// When any part is malformed or the date does not exist.
    pub fn from_occ(text: &str) -> Result<Self, OccError> {
        Self::parse_occ(text)
            .ok_or_else(|| OccError { text: text.chars().take(30).flat_map(char::escape_default).collect() })
    }

    /// Reads what a contract is shown as, `AAPL 15Jan27 190P`, in whatever case; `None` where it is no such text.
    #[must_use]
    pub fn from_shown(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (root, expiry, strike) = (words.next()?, words.next()?, words.next()?);
        let right = strike.chars().next_back().filter(char::is_ascii)?;
        let strike = strike.strip_suffix(right).filter(|_| words.next().is_none())?;
        let expiry = Date::strptime("%d%b%y", expiry).ok()?;
        let thousandths = strike.parse::<Decimal>().ok()?.checked_mul(Decimal::ONE_THOUSAND)?.normalize();
        let fits = thousandths.scale() == 0 && thousandths.is_sign_positive();
        let thousandths = thousandths.to_u32().filter(|thousandths| fits && *thousandths < 100_000_000)?;
        let (root, day) = (root.to_ascii_uppercase(), expiry.strftime("%y%m%d"));
        Self::parse_occ(&format!("{root:<6}{day}{right}{thousandths:08}"))
    }

    fn parse_occ(text: &str) -> Option<Self> {
        if !text.is_ascii() || text.len() < 16 || text.len() > 21 {
            return None;
        }
        let (root, tail) = text.split_at(text.len() - 15);
        let root = root.trim_end_matches(' ');
        if !root.bytes().all(|b| b.is_ascii_alphanumeric())
            || !tail.bytes().enumerate().all(|(i, b)| i == 6 || b.is_ascii_digit())
        {
            return None;
        }
        let number = |range: std::ops::Range<usize>| tail[range].parse::<i64>().ok();
        let right = match tail.as_bytes()[6].to_ascii_uppercase() {
            b'C' => Right::Call,
            b'P' => Right::Put,
            _ => return None,
        };
        let year = i16::try_from(2000 + number(0..2)?).ok()?;
        let expiry =
            Date::new(year, i8::try_from(number(2..4)?).ok()?, i8::try_from(number(4..6)?).ok()?).ok()?;
        let strike = Price::new(Decimal::new(number(7..15)?, 3).normalize());
        if !strike.is_positive() {
            return None;
        }
        let symbol = Symbol::new(root).ok()?;
        let underlying = underlying_of_root(&symbol);
        let root = (underlying != symbol).then_some(symbol);
        Some(Self { underlying, expiry, strike, right, root })
    }

    /// The option as an instrument.
    #[must_use]
    pub fn into_instrument(self) -> Instrument {
        Instrument::Option(self)
    }

    /// Value at expiry per unit of the underlying, never negative.
    #[must_use]
    pub fn intrinsic(&self, spot: Price) -> Price {
        let value = match self.right {
            Right::Call => spot - self.strike,
            Right::Put => self.strike - spot,
        };
        if value.is_negative() { Price::ZERO } else { value }
    }

    /// The index classes that settle in cash. Source: Cboe product specifications.
    #[must_use]
    pub fn is_cash_settled_index(&self) -> bool {
        matches!(self.underlying.as_str(), "SPX" | "XSP" | "VIX" | "NDX" | "RUT" | "DJX" | "OEX" | "XEO")
    }
}

/// The underlying of an option root: weekly index roots and roots with a digit suffix name another symbol, class shares lose their point.
fn underlying_of_root(root: &Symbol) -> Symbol {
    let mapped = match root.as_str() {
        "SPXW" => "SPX",
        "NDXP" => "NDX",
        "RUTW" => "RUT",
        "VIXW" => "VIX",
        "BRKB" => "BRK.B",
        "BFB" => "BF.B",
        other => other.trim_end_matches(|c: char| c.is_ascii_digit()),
    };
    Symbol::new(mapped).unwrap_or_else(|_| root.clone())
}

impl fmt::Display for OptionContract {
    /// `AAPL 15Jan27 190P`; a root other than the underlying stands in its place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self.root.as_ref().unwrap_or(&self.underlying);
        f.pad(&format!("{root} {} {}{}", self.expiry.strftime("%d%b%y"), self.strike, self.right.letter()))
    }
}

/// One leg of a multi-leg order. The side is absolute: what is done with this leg when the package is bought as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Leg {
    /// Buy or sell.
    pub side: Side,
    /// Open or close.
    pub position_effect: PositionEffect,
    /// Units per package, at least 1 (100 for shares beside options).
    #[serde(with = "super::money::decimal_text")]
    pub ratio: Decimal,
    /// What.
    pub instrument: Instrument,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occ_round_trips() {
        for text in ["AAPL  270115P00190000", "SPY   261218C00612500", "F     260116C00000500"] {
            let contract = OptionContract::from_occ(text).unwrap();
            assert_eq!(contract.occ_symbol(), text);
        }
        let contract = OptionContract::from_occ("AAPL270115P00190000").unwrap();
        assert_eq!(contract.to_string(), "AAPL 15Jan27 190P");
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for text in [
            "AAPL  270115P00190000",
            "SPXW  261218C05400000",
            "F     260116C00000500",
            "AAPL1 261218C00400000",
        ] {
            let contract = OptionContract::from_occ(text).unwrap();
            assert_eq!(
                OptionContract::from_shown(&contract.to_string()),
                Some(contract.clone()),
                "{contract}"
            );
            let lower = contract.to_string().to_lowercase();
            assert_eq!(OptionContract::from_shown(&lower), Some(contract), "{lower}");
        }
        for text in [
            "",
            "AAPL",
            "AAPL 15Jan27",
            "AAPL 15Jan27 190",
            "AAPL 15Jan27 190X",
            "AAPL 31Feb27 190P",
            "AAPL 15Jan27 -190P",
            "AAPL 15Jan27 0P",
            "AAPL 15Jan27 1.0005P",
            "AAPL 15Jan27 190P now",
            "AAPL 15Jan27 100000000P",
            "TOOLONG 15Jan27 190P",
            "AAPL 15Jan27 190é",
        ] {
            assert_eq!(OptionContract::from_shown(text), None, "{text:?}");
        }
    }

    #[test]
    fn occ_roots_map_to_their_underlying() {
        let weekly = OptionContract::from_occ("SPXW  261218C05400000").unwrap();
        assert_eq!((weekly.underlying.as_str(), weekly.is_cash_settled_index()), ("SPX", true));
        assert_eq!(weekly.occ_symbol(), "SPXW  261218C05400000");
        let class_share = OptionContract::from_occ("BRKB  261218C00400000").unwrap();
        assert_eq!(class_share.underlying.as_str(), "BRK.B");
        let adjusted = OptionContract::from_occ("AAPL1 261218C00400000").unwrap();
        assert_eq!((adjusted.underlying.as_str(), adjusted.root.unwrap().as_str()), ("AAPL", "AAPL1"));
    }

    #[test]
    fn malformed_occ_symbols_are_refused() {
        for text in [
            "",
            "AAPL",
            "AAPL  271315P00190000",
            "AAPL  270230P00190000",
            "AAPL  270115X00190000",
            "AAPL  270115P00000000",
            "A\u{1b}PL  270115P00190000",
        ] {
            assert!(OptionContract::from_occ(text).is_err(), "{text:?}");
        }
    }
}
