//! What can be traded: equities, options, crypto pairs, perpetuals, FX pairs and on-chain tokens, and what an exchange says about each.

use std::cmp::Ordering;
use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::money::{Currency, Price, decimal_text};
use super::option::OptionContract;

pub use super::symbol::{SYMBOL_LENGTH_MAX, Symbol, SymbolError};

/// A tradable thing. Ordered by kind, then by symbol.
#[derive(Clone, Debug, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(clippy::derived_hash_with_manual_eq, reason = "equal by every field, as a derived one, and inline")]
pub enum Instrument {
    /// A share of a company or fund.
    Equity {
        /// Ticker, such as `AAPL` or `BRK.B`.
        symbol: Symbol,
    },
    /// A listed option.
    Option(OptionContract),
    /// A spot crypto pair.
    Crypto {
        /// The coin bought or sold, such as `BTC`.
        base: Symbol,
        /// What it is priced in, such as `USD`.
        quote: Symbol,
    },
    /// A perpetual future.
    Perpetual {
        /// The coin, such as `ETH`.
        symbol: Symbol,
    },
    /// A currency pair.
    Fx {
        /// The currency bought or sold, such as `EUR`.
        base: Symbol,
        /// What it is priced in, such as `USD`.
        quote: Symbol,
    },
    /// An on-chain token.
    Token {
        /// The chain, such as `BASE`.
        chain: Symbol,
        /// The token's symbol, such as `WETH`.
        symbol: Symbol,
    },
}

impl PartialEq for Instrument {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Equity { symbol: a }, Self::Equity { symbol: b }) => a == b,
            _ => self.cmp(other).is_eq(),
        }
    }
}

impl Ord for Instrument {
    /// Written out for its first line: nearly everything that is looked up is a share, and maps by instrument are on every path.
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Equity { symbol: a }, Self::Equity { symbol: b })
            | (Self::Perpetual { symbol: a }, Self::Perpetual { symbol: b }) => a.cmp(b),
            (Self::Option(a), Self::Option(b)) => a.cmp(b),
            (Self::Crypto { base: a, quote: c }, Self::Crypto { base: b, quote: d })
            | (Self::Fx { base: a, quote: c }, Self::Fx { base: b, quote: d })
            | (Self::Token { chain: a, symbol: c }, Self::Token { chain: b, symbol: d }) => {
                a.cmp(b).then_with(|| c.cmp(d))
            }
            _ => self.asset_class().cmp(&other.asset_class()),
        }
    }
}

impl PartialOrd for Instrument {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The kinds of `Instrument`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetClass {
    /// Shares and funds.
    Equity,
    /// Listed options.
    Option,
    /// Spot crypto.
    Crypto,
    /// Perpetual futures.
    Perpetual,
    /// Currency pairs.
    Fx,
    /// On-chain tokens.
    Token,
}

impl AssetClass {
    /// True where the market never closes (crypto, perpetuals, tokens).
    #[must_use]
    pub const fn trades_around_the_clock(self) -> bool {
        matches!(self, Self::Crypto | Self::Perpetual | Self::Token)
    }

    /// Lower-case word, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equity => "equity",
            Self::Option => "option",
            Self::Crypto => "crypto",
            Self::Perpetual => "perpetual",
            Self::Fx => "fx",
            Self::Token => "token",
        }
    }
}

impl fmt::Display for AssetClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Instrument {
    /// A share by its ticker.
    ///
    /// # Errors
    /// When the ticker is no symbol.
    pub fn equity(symbol: &str) -> Result<Self, SymbolError> {
        Ok(Self::Equity { symbol: Symbol::new(symbol)? })
    }

    /// A spot crypto pair.
    ///
    /// # Errors
    /// When a side is no symbol.
    pub fn crypto(base: &str, quote: &str) -> Result<Self, SymbolError> {
        Ok(Self::Crypto { base: Symbol::new(base)?, quote: Symbol::new(quote)? })
    }

    /// A currency pair.
    ///
    /// # Errors
    /// When a side is no symbol.
    pub fn fx(base: &str, quote: &str) -> Result<Self, SymbolError> {
        Ok(Self::Fx { base: Symbol::new(base)?, quote: Symbol::new(quote)? })
    }

    /// Which kind it is.
    #[must_use]
    pub const fn asset_class(&self) -> AssetClass {
        match self {
            Self::Equity { .. } => AssetClass::Equity,
            Self::Option(_) => AssetClass::Option,
            Self::Crypto { .. } => AssetClass::Crypto,
            Self::Perpetual { .. } => AssetClass::Perpetual,
            Self::Fx { .. } => AssetClass::Fx,
            Self::Token { .. } => AssetClass::Token,
        }
    }

    /// The option inside, if it is one.
    #[must_use]
    pub const fn as_option(&self) -> Option<&OptionContract> {
        match self {
            Self::Option(contract) => Some(contract),
            _ => None,
        }
    }

    /// The instrument whose price drives this one: the underlying share of an option, else itself.
    #[must_use]
    pub fn price_driver(&self) -> Self {
        match self {
            Self::Option(contract) => Self::Equity { symbol: contract.underlying.clone() },
            other => other.clone(),
        }
    }

    /// The ticker, or the base of a pair.
    #[must_use]
    pub const fn root(&self) -> &Symbol {
        match self {
            Self::Equity { symbol } | Self::Perpetual { symbol } | Self::Token { symbol, .. } => symbol,
            Self::Option(contract) => &contract.underlying,
            Self::Crypto { base, .. } | Self::Fx { base, .. } => base,
        }
    }
}

impl fmt::Display for Instrument {
    /// What a trader reads: `AAPL`, `AAPL 15Jan27 190P`, `BTC-USD`, `ETH-PERP`, `EUR/USD`, `WETH@BASE`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equity { symbol } => f.pad(symbol.as_str()),
            Self::Option(contract) => f.pad(&contract.to_string()),
            Self::Crypto { base, quote } => f.pad(&format!("{base}-{quote}")),
            Self::Perpetual { symbol } => f.pad(&format!("{symbol}-PERP")),
            Self::Fx { base, quote } => f.pad(&format!("{base}/{quote}")),
            Self::Token { chain, symbol } => f.pad(&format!("{symbol}@{chain}")),
        }
    }
}

/// The key of an instrument in files and tables: like `Display`, but an option is its OCC symbol. Parses back with [`Instrument::from_key`].
impl Instrument {
    /// The stable text key.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Option(contract) => contract.occ_symbol(),
            other => other.to_string(),
        }
    }

    /// Reads a key back.
    ///
    /// # Errors
    /// When the text is the key of no instrument.
    pub fn from_key(key: &str) -> Result<Self, SymbolError> {
        if let Ok(contract) = OptionContract::from_occ(key) {
            return Ok(Self::Option(contract));
        }
        if let Some(symbol) = key.strip_suffix("-PERP") {
            return Ok(Self::Perpetual { symbol: Symbol::new(symbol)? });
        }
        if let Some((base, quote)) = key.split_once('/') {
            return Self::fx(base, quote);
        }
        if let Some((symbol, chain)) = key.split_once('@') {
            return Ok(Self::Token { chain: Symbol::new(chain)?, symbol: Symbol::new(symbol)? });
        }
        // A class share is written with a point (BRK.B); a dash always separates a pair.
        if let Some((base, quote)) = key.split_once('-') {
            return Self::crypto(base, quote);
        }
        Self::equity(key)
    }
}

/// One row of a tick table: from `from` upward (absolute price), prices are multiples of `tick`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TickRow {
    /// Lowest absolute price the row holds for.
    pub from: Price,
    /// The increment.
    #[serde(with = "decimal_text")]
    pub tick: Decimal,
}

/// What a venue says about an instrument. Figures are per unit of the instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentSpec {
    /// Which instrument.
    pub instrument: Instrument,
    /// Currency of its price and of its cash flows.
    pub currency: Currency,
    /// Units of the underlying per contract; 1 for everything but derivatives.
    #[serde(with = "decimal_text")]
    pub multiplier: Decimal,
    /// Price increments, by rising `from`; never empty.
    pub ticks: Vec<TickRow>,
    /// Orders are multiples of this many units.
    #[serde(with = "decimal_text")]
    pub quantity_increment: Decimal,
    /// The smallest order, in units.
    #[serde(with = "decimal_text")]
    pub quantity_min: Decimal,
    /// False while the venue lists it but does not trade it.
    pub tradable: bool,
    /// May it be sold short at all.
    pub shortable: bool,
    /// Is borrow easy; a hard borrow needs a confirmation.
    pub easy_to_borrow: bool,
    /// A contract whose deliverable is not standard: closing trades only.
    pub adjusted: bool,
    /// Shares delivered per contract; the multiplier unless adjusted.
    #[serde(with = "decimal_text")]
    pub deliverable: Decimal,
    /// Settles in cash (index options).
    pub cash_settled: bool,
}

impl InstrumentSpec {
    /// The usual terms of an instrument of this kind on a US venue.
    /// Source: Reg NMS rule 612 (equity ticks), OCC penny program (options), Alpaca's crypto increments.
    #[must_use]
    pub fn standard(instrument: Instrument) -> Self {
        let cent = Decimal::new(1, 2);
        let row = |from: Decimal, tick| TickRow { from: Price::new(from), tick };
        let mut spec = Self {
            currency: Currency::USD,
            multiplier: Decimal::ONE,
            ticks: vec![row(Decimal::ZERO, Decimal::new(1, 4)), row(Decimal::ONE, cent)],
            quantity_increment: Decimal::ONE,
            quantity_min: Decimal::ONE,
            tradable: true,
            shortable: true,
            easy_to_borrow: true,
            adjusted: false,
            deliverable: Decimal::ONE,
            cash_settled: false,
            instrument,
        };
        match &spec.instrument {
            Instrument::Equity { .. } => {
                spec.quantity_increment = Decimal::new(1, 6);
                spec.quantity_min = Decimal::new(1, 6);
            }
            Instrument::Option(contract) => {
                spec.multiplier = Decimal::ONE_HUNDRED;
                spec.deliverable = Decimal::ONE_HUNDRED;
                spec.ticks = vec![row(Decimal::ZERO, cent)];
                spec.adjusted = contract.root.is_some_and_digit();
                spec.cash_settled = contract.is_cash_settled_index();
            }
            Instrument::Crypto { quote, .. } | Instrument::Fx { quote, .. } => {
                let fx = matches!(spec.instrument, Instrument::Fx { .. });
                if let Ok(currency) = Currency::new(quote.as_str()) {
                    spec.currency = currency;
                }
                spec.shortable = fx;
                let small = if fx { 5 } else { 8 };
                spec.ticks = if fx {
                    vec![
                        row(Decimal::ZERO, Decimal::new(1, small)),
                        row(Decimal::from(20), Decimal::new(1, 3)),
                    ]
                } else {
                    vec![
                        row(Decimal::ZERO, Decimal::new(1, small)),
                        row(Decimal::new(1, 1), Decimal::new(1, 4)),
                        row(Decimal::TEN, cent),
                    ]
                };
                spec.quantity_increment = if fx { Decimal::ONE } else { Decimal::new(1, 8) };
                spec.quantity_min = spec.quantity_increment;
            }
            Instrument::Perpetual { .. } | Instrument::Token { .. } => {
                spec.ticks =
                    vec![row(Decimal::ZERO, Decimal::new(1, 6)), row(Decimal::ONE, Decimal::new(1, 2))];
                spec.quantity_increment = Decimal::new(1, 6);
                spec.quantity_min = Decimal::new(1, 6);
            }
        }
        spec
    }

    /// The price increment at this price.
    #[must_use]
    pub fn tick_at(&self, price: Price) -> Decimal {
        let price = price.abs();
        self.ticks
            .iter()
            .rev()
            .find(|row| row.from <= price)
            .or(self.ticks.first())
            .map_or(Decimal::ZERO, |row| row.tick)
    }

    /// Decimals of prices near this one: those of its tick. A venue's dollar tick still reads as money.
    #[must_use]
    pub fn decimals_at(&self, price: Price) -> u32 {
        self.tick_at(price).normalize().scale().max(2)
    }
}

/// A listing of the symbol universe: what search finds and the command language resolves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The instrument.
    pub instrument: Instrument,
    /// Company, fund or coin name.
    pub name: SmolStr,
    /// Market identifier code or venue word; may be empty.
    pub exchange: SmolStr,
    /// Trading currency.
    pub currency: Currency,
    /// GICS sector or a fund or coin category; may be empty.
    pub sector: SmolStr,
    /// Indices it belongs to; may be empty.
    pub indices: Vec<SmolStr>,
}

/// What a name meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameMatch {
    /// Nothing is called so.
    None,
    /// Exactly one thing.
    One(Instrument),
    /// Several; sorted, at least two.
    Many(Vec<Instrument>),
}

/// How the command language and front ends learn of symbols, without importing the universe.
pub trait SymbolLookup: Send + Sync {
    /// The listing of an exact ticker (`AAPL`, `BRK.B`) or pair (`BTC-USD`), upper case.
    fn listing(&self, symbol: &str) -> Option<Listing>;

    /// Is this an exact equity or fund ticker. Cheaper than `listing`.
    fn is_equity(&self, symbol: &str) -> bool;

    /// Is this a coin that has a USD pair.
    fn is_coin(&self, symbol: &str) -> bool;

    /// What a lower-case name means (`apple`, `berkshire hathaway b`, `bitcoin`).
    fn by_name(&self, name: &str) -> NameMatch;

    /// Listed expiries of an underlying, rising; `None` where no chain is known.
    fn expiries(&self, underlying: &str) -> Option<Vec<Date>>;

    /// Best matches for a few typed characters, best first, at most `limit`.
    fn search(&self, query: &str, limit: usize) -> Vec<Listing>;

    /// What a mistyped word was perhaps meant to be: a ticker one letter off, or a company's name a letter or two off, that begins the
    /// same. Much cheaper than `search`.
    fn nearest(&self, mistyped: &str) -> Option<Instrument>;
}

/// Is a root adjusted: a digit suffix after a corporate action, as OCC writes it.
trait AdjustedRoot {
    fn is_some_and_digit(&self) -> bool;
}

impl AdjustedRoot for Option<Symbol> {
    fn is_some_and_digit(&self) -> bool {
        self.as_ref().is_some_and(|root| root.as_str().ends_with(|c: char| c.is_ascii_digit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip() {
        for key in ["AAPL", "BRK.B", "BTC-USD", "ETH-PERP", "EUR/USD", "WETH@BASE", "AAPL  270115P00190000"] {
            assert_eq!(Instrument::from_key(key).unwrap().key(), key);
        }
    }

    #[test]
    fn json_is_tagged_by_kind() {
        let json = serde_json::to_string(&Instrument::crypto("btc", "usd").unwrap()).unwrap();
        assert_eq!(json, r#"{"kind":"crypto","base":"BTC","quote":"USD"}"#);
        let json = serde_json::to_string(&Instrument::from_key("AAPL  270115P00190000").unwrap()).unwrap();
        assert_eq!(
            json,
            r#"{"kind":"option","underlying":"AAPL","expiry":"2027-01-15","strike":"190","right":"put"}"#
        );
    }

    #[test]
    fn ticks_follow_the_price() {
        let spec = InstrumentSpec::standard(Instrument::equity("F").unwrap());
        assert_eq!(spec.tick_at("0.95".parse().unwrap()), Decimal::new(1, 4));
        assert_eq!(spec.tick_at("12".parse().unwrap()), Decimal::new(1, 2));
    }
}
