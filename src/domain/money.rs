//! Decimal newtypes: prices, quantities and money. Never floating point; every rounding is explicit and named.

use std::cmp::Ordering;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is wrong with a decimal text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a decimal number (digits with at most one point, up to 28 digits)")]
pub struct DecimalError {
    /// The text as given, shortened to 40 characters.
    pub text: String,
}

/// Parses a plain decimal: optional sign, digits, at most one point. No exponent, no separators.
///
/// # Errors
/// Names the text when it is anything else or has more than 28 significant digits.
pub fn parse_decimal(text: &str) -> Result<Decimal, DecimalError> {
    let plain = !text.is_empty()
        && text.bytes().any(|b| b.is_ascii_digit())
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| b.is_ascii_digit() || b == b'.' || (i == 0 && (b == b'-' || b == b'+')));
    let error = || DecimalError { text: text.chars().take(40).collect() };
    if !plain {
        return Err(error());
    }
    Decimal::from_str_exact(text.strip_prefix('+').unwrap_or(text)).map_err(|_| error())
}

/// Canonical text: no trailing zeros, no exponent, `-0` is `0`.
#[must_use]
pub fn canonical(value: Decimal) -> String {
    value.normalize().to_string()
}

/// `1,234.50` with exactly this many decimals, rounded half away from zero: to be read, never to be reckoned with.
#[must_use]
pub fn grouped(value: Decimal, decimals: u32) -> String {
    let rounded = value.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
    let plain = format!("{:.*}", decimals as usize, rounded.abs());
    let (whole, fraction) = plain.split_once('.').map_or((plain.as_str(), None), |(w, f)| (w, Some(f)));
    let mut out = String::with_capacity(plain.len() + whole.len() / 3 + 1);
    if rounded.is_sign_negative() && !rounded.is_zero() {
        out.push('-');
    }
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// The same with every decimal that the value has, and at least so many.
#[must_use]
pub fn grouped_whole(value: Decimal, decimals_min: u32) -> String {
    grouped(value, value.normalize().scale().max(decimals_min))
}

/// Serde as a canonical string, for bare decimals (`#[serde(with = "decimal_text")]`).
pub mod decimal_text {
    use super::{Decimal, Deserialize, Deserializer, Serializer};

    /// Writes the canonical text.
    ///
    /// # Errors
    /// Whatever the serializer says.
    pub fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&value.normalize())
    }

    /// Reads a decimal from a string; numbers are refused, for they may have passed through a float.
    ///
    /// # Errors
    /// When the text is no decimal.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        super::parse_decimal(&text).map_err(serde::de::Error::custom)
    }
}

/// Serde for `Option<Decimal>` as a canonical string or null.
pub mod decimal_text_option {
    use super::{Decimal, Deserialize, Deserializer, Serializer};

    /// Writes the canonical text or null.
    ///
    /// # Errors
    /// Whatever the serializer says.
    pub fn serialize<S: Serializer>(value: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(&value.normalize()),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a decimal from a string, or null.
    ///
    /// # Errors
    /// When the text is no decimal.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
        let text = <Option<String>>::deserialize(deserializer)?;
        text.map(|t| super::parse_decimal(&t).map_err(serde::de::Error::custom)).transpose()
    }
}

/// Powers of ten by which a mantissa of 96 bits is multiplied within 127, so that nothing wraps.
const TENS: [i128; 10] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// Which of two comes first. Prices of one instrument have nearly as many decimals: whole numbers are compared.
#[inline]
fn compare(a: Decimal, b: Decimal) -> Ordering {
    let (x, y) = (a.mantissa(), b.mantissa());
    let (up, down) = (b.scale().saturating_sub(a.scale()), a.scale().saturating_sub(b.scale()));
    match (TENS.get(up as usize), TENS.get(down as usize)) {
        (Some(up), Some(down)) => x.wrapping_mul(*up).cmp(&y.wrapping_mul(*down)),
        _ => a.cmp(&b),
    }
}

macro_rules! decimal_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Eq, Hash)]
        #[allow(clippy::derived_hash_with_manual_eq, reason = "equal as decimals are, only told faster")]
        pub struct $name(Decimal);

        impl PartialEq for $name {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other).is_eq()
            }
        }

        impl Ord for $name {
            #[inline]
            fn cmp(&self, other: &Self) -> Ordering {
                compare(self.0, other.0)
            }
        }

        impl PartialOrd for $name {
            #[inline]
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(Decimal::ZERO);

            /// Wraps a decimal.
            #[must_use]
            pub const fn new(value: Decimal) -> Self {
                Self(value)
            }

            /// The decimal inside.
            #[must_use]
            pub const fn get(self) -> Decimal {
                self.0
            }

            /// Absolute value.
            #[must_use]
            pub fn abs(self) -> Self {
                Self(self.0.abs())
            }

            /// True for exactly zero.
            #[must_use]
            pub fn is_zero(self) -> bool {
                self.0.is_zero()
            }

            /// True above zero.
            #[must_use]
            #[inline]
            pub fn is_positive(self) -> bool {
                self.0.is_sign_positive() && !self.0.is_zero()
            }

            /// True below zero.
            #[must_use]
            #[inline]
            pub fn is_negative(self) -> bool {
                self.0.is_sign_negative() && !self.0.is_zero()
            }
        }

        impl fmt::Display for $name {
            /// Canonical text, or as many decimals as the format's precision asks for.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match f.precision() {
                    Some(_) => fmt::Display::fmt(&self.0, f),
                    None => f.pad(&canonical(self.0)),
                }
            }
        }

        impl FromStr for $name {
            type Err = DecimalError;
            fn from_str(text: &str) -> Result<Self, DecimalError> {
                parse_decimal(text).map(Self)
            }
        }

        impl From<Decimal> for $name {
            fn from(value: Decimal) -> Self {
                Self(value)
            }
        }

        impl From<i64> for $name {
            fn from(value: i64) -> Self {
                Self(Decimal::from(value))
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }

        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }

        impl SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                self.0 -= other.0;
            }
        }

        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }

        impl Mul<Decimal> for $name {
            type Output = Self;
            fn mul(self, factor: Decimal) -> Self {
                Self(self.0 * factor)
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self::ZERO, Add::add)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                decimal_text::serialize(&self.0, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                decimal_text::deserialize(deserializer).map(Self)
            }
        }
    };
}

decimal_newtype! {
    /// Price per unit in the instrument's quote currency, before the multiplier. May be negative (net price of a spread).
    Price
}

decimal_newtype! {
    /// Shares, contracts or coins. Orders carry it positive and say the side beside it; positions carry it signed.
    Quantity
}

impl Price {
    /// Rounds down to a multiple of `tick` (toward negative infinity). A zero tick leaves the price as it is.
    #[must_use]
    pub fn floor_to_tick(self, tick: Decimal) -> Self {
        self.to_tick(tick, |ticks| ticks.floor())
    }

    /// Rounds up to a multiple of `tick` (toward positive infinity). A zero tick leaves the price as it is.
    #[must_use]
    pub fn ceil_to_tick(self, tick: Decimal) -> Self {
        self.to_tick(tick, |ticks| ticks.ceil())
    }

    /// Rounds to the nearest multiple of `tick`, halves away from zero. A zero tick leaves the price as it is.
    #[must_use]
    pub fn round_to_tick(self, tick: Decimal) -> Self {
        self.to_tick(tick, |ticks| ticks.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero))
    }

    /// So does a tick so small beside the price that nobody can count how often it fits.
    fn to_tick(self, tick: Decimal, whole: impl FnOnce(Decimal) -> Decimal) -> Self {
        self.0.checked_div(tick).and_then(|ticks| whole(ticks).checked_mul(tick)).map_or(self, Self)
    }

    /// The money that `quantity` units cost at this price, before the multiplier.
    #[must_use]
    pub fn notional(self, quantity: Quantity) -> Decimal {
        self.0 * quantity.0
    }
}

impl Quantity {
    /// Rounds toward zero to a multiple of `increment`. A zero increment leaves the quantity as it is.
    #[must_use]
    pub fn floor_to_increment(self, increment: Decimal) -> Self {
        if increment.is_zero() { self } else { Self((self.0 / increment).trunc() * increment) }
    }

    /// The smaller of two quantities.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Ord::min(self, other)
    }
}

/// A product with a factor that is one nearly always, such as a share's multiplier or the rate of the account's own currency: a decimal
/// multiplication costs far more than the question.
#[must_use]
#[inline]
pub fn times(value: Decimal, factor: Decimal) -> Decimal {
    let is_one = factor.scale() == 0 && factor.mantissa() == 1;
    if is_one { value } else { value * factor }
}

/// Rounds money to cents, halves to even: the rule of the ledger for fees and interest.
#[must_use]
pub fn round_to_cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven)
}

/// A currency or coin code of one to eight upper-case ASCII letters or digits, such as `USD`, `JPY`, `USDC`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 8]);

impl Currency {
    /// US dollar.
    pub const USD: Self = Self(*b"USD\0\0\0\0\0");

    /// Reads a code; lower case is raised.
    ///
    /// # Errors
    /// The text when it is empty, longer than eight characters, or not ASCII letters and digits.
    pub fn new(code: &str) -> Result<Self, CurrencyError> {
        let ok = !code.is_empty() && code.len() <= 8 && code.bytes().all(|b| b.is_ascii_alphanumeric());
        if !ok {
            return Err(CurrencyError { text: code.chars().take(16).collect() });
        }
        let mut bytes = [0; 8];
        for (slot, byte) in bytes.iter_mut().zip(code.bytes()) {
            *slot = byte.to_ascii_uppercase();
        }
        Ok(Self(bytes))
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|b| *b == 0).unwrap_or(self.0.len());
        std::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

/// A text that is no currency code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a currency code (1 to 8 letters or digits, such as USD)")]
pub struct CurrencyError {
    /// The text as given, shortened.
    pub text: String,
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({})", self.as_str())
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;
    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        Self::new(text)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// An amount of one currency. Positive is money to the account, negative money from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// The amount in units of the currency, such as dollars.
    #[serde(with = "decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// An amount of a currency.
    #[must_use]
    pub const fn new(amount: Decimal, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// US dollars.
    #[must_use]
    pub const fn usd(amount: Decimal) -> Self {
        Self { amount, currency: Currency::USD }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", canonical(self.amount), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Prices come in the order of their decimals, whatever their scales, zeros with a sign among them.
        #[test]
        fn prices_are_ordered_as_decimals_are(
            a in -99_i64..99, b in -99_i64..99, scales in (0_u32..3, 0_u32..3), minus in any::<bool>()
        ) {
            let (mut a, b) = (Decimal::new(a, scales.0), Decimal::new(b, scales.1));
            if minus {
                a.set_sign_negative(true);
            }
            let (x, y) = (Price::new(a), Price::new(b));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x == y, a == b);
            prop_assert_eq!((x.is_positive(), x.is_negative()), (a > Decimal::ZERO, a < Decimal::ZERO));
        }

        /// To the last bit of both: the largest mantissas at any two scales.
        #[test]
        fn prices_of_any_size_are_ordered_as_decimals_are(
            a in any::<[u32; 3]>(), b in any::<[u32; 3]>(), large in any::<[bool; 2]>(),
            signs in any::<[bool; 2]>(), scales in [0_u32..=28, 0_u32..=28]
        ) {
            let of = |at: usize, parts: [u32; 3]| {
                let [lo, mid, hi] = if large[at] { [u32::MAX; 3] } else { parts };
                Decimal::from_parts(lo, mid, hi, signs[at], scales[at])
            };
            let (a, b) = (of(0, a), of(1, b));
            prop_assert_eq!(Price::new(a).cmp(&Price::new(b)), a.cmp(&b));
        }
    }

    #[test]
    fn decimals_are_canonical_strings_in_json() {
        let price: Price = "185.00".parse().unwrap();
        assert_eq!(serde_json::to_string(&price).unwrap(), "\"185\"");
        assert_eq!(serde_json::from_str::<Price>("\"0.050\"").unwrap().to_string(), "0.05");
        assert!(serde_json::from_str::<Price>("0.05").is_err(), "a JSON number may have been a float");
    }

    #[test]
    fn malformed_decimals_are_refused() {
        for text in [
            "",
            "-",
            ".",
            "1e5",
            "NaN",
            "inf",
            "1,000",
            "1.2.3",
            "0x10",
            "١٢",
            "99999999999999999999999999999999",
        ] {
            assert!(parse_decimal(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ticks_round_the_way_they_say() {
        let tick = Decimal::new(5, 2);
        let price: Price = "2.37".parse().unwrap();
        assert_eq!(price.floor_to_tick(tick).to_string(), "2.35");
        assert_eq!(price.ceil_to_tick(tick).to_string(), "2.4");
        assert_eq!((-price).floor_to_tick(tick).to_string(), "-2.4");
        assert_eq!("2.375".parse::<Price>().unwrap().round_to_tick(tick).to_string(), "2.4");
        let huge = Price::new(Decimal::MAX);
        for round in [Price::floor_to_tick, Price::ceil_to_tick, Price::round_to_tick] {
            assert_eq!(round(price, Decimal::ZERO), price);
            assert_eq!(round(huge, tick), huge, "it has no such multiple");
        }
    }

    #[test]
    fn currencies_are_short_ascii_codes() {
        assert_eq!(Currency::new("usd").unwrap(), Currency::USD);
        assert_eq!(Currency::USD.to_string(), "USD");
        for bad in ["", "US DOLLAR", "TOOLONGCODE", "€"] {
            assert!(Currency::new(bad).is_err(), "{bad}");
        }
    }
}
