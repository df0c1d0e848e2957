//! Whose prices an instrument has.

use crate::domain::instrument::{AssetClass, Instrument};

/// Instruments that have their prices from one place: those of a class, and of futures those that one venue lists, which are nobody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Market {
    /// All of a class, unless they belong to a market of their own.
    Class(AssetClass),
    /// Futures that Coinbase lists, known by their whole product id, such as `BIP-20DEC30-CDE`.
    CoinbaseFutures,
}

impl Market {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::Class(AssetClass::Equity),
        Self::Class(AssetClass::Option),
        Self::Class(AssetClass::Crypto),
        Self::Class(AssetClass::Perpetual),
        Self::CoinbaseFutures,
        Self::Class(AssetClass::Fx),
    ];

    /// Where an instrument has its prices.
    #[must_use]
    pub fn of(instrument: &Instrument) -> Self {
        match instrument {
            Instrument::Perpetual { symbol } if symbol.as_str().split('-').count() == 3 => {
                Self::CoinbaseFutures
            }
            other => Self::Class(other.asset_class()),
        }
    }

    /// What is in it.
    #[must_use]
    pub const fn class(self) -> AssetClass {
        match self {
            Self::Class(class) => class,
            Self::CoinbaseFutures => AssetClass::Perpetual,
        }
    }

    /// Is all of one of these classes in it.
    #[must_use]
    pub fn is_of(self, classes: &[AssetClass]) -> bool {
        matches!(self, Self::Class(class) if classes.contains(&class))
    }
}
