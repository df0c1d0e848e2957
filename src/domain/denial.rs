//! Why risk refuses: a closed set of stable codes, and one result per check.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::money::{canonical, decimal_text_option};

macro_rules! denial_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,)*) => {
        /// The stable code of a refusal. Source: reliability K, after SEC rule 15c3-5 and nautilus_trader's denied reasons.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum DenialCode {
            $($(#[$doc])* #[serde(rename = $code)] $variant,)*
        }

        impl DenialCode {
            /// Every code, in the order the checks run.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as written everywhere, such as `MAX_ORDER_NOTIONAL`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }
        }
    };
}

denial_codes! {
    /// The kill switch is on.
    Halted = "HALTED",
    /// Only reducing orders are let through.
    ReducingOnly = "REDUCING_ONLY",
    /// The account has not been reconciled with its broker.
    AccountUnreconciled = "ACCOUNT_UNRECONCILED",
    /// The broker does not answer.
    BrokerDown = "BROKER_DOWN",
    /// The broker restricts the account.
    AccountRestricted = "ACCOUNT_RESTRICTED",
    /// Role, permission or live mode is missing.
    NotAuthorised = "NOT_AUTHORISED",
    /// No such instrument is known.
    UnknownInstrument = "UNKNOWN_INSTRUMENT",
    /// The venue does not trade it now.
    NotTradable = "NOT_TRADABLE",
    /// The user's own lists forbid it.
    RestrictedList = "RESTRICTED_LIST",
    /// Non-standard deliverable: closing only.
    AdjustedOption = "ADJUSTED_OPTION",
    /// Not positive, or not a multiple of the increment.
    BadQuantity = "BAD_QUANTITY",
    /// Price is not a multiple of the tick.
    BadTick = "BAD_TICK",
    /// Price is not positive.
    BadPrice = "BAD_PRICE",
    /// The account cannot do this type, time in force, session or asset.
    Unsupported = "UNSUPPORTED",
    /// A market order outside its session.
    MarketClosed = "MARKET_CLOSED",
    /// No quote, or one too old, crossed or one-sided.
    StaleQuote = "STALE_QUOTE",
    /// A market order into a wide spread.
    SpreadTooWide = "SPREAD_TOO_WIDE",
    /// A limit too far through the market, or a stop on the wrong side.
    PriceCollar = "PRICE_COLLAR",
    /// Far larger than usual.
    FatFinger = "FAT_FINGER",
    /// More units than one order may have.
    MaxOrderQuantity = "MAX_ORDER_QUANTITY",
    /// More money than one order may move.
    MaxOrderNotional = "MAX_ORDER_NOTIONAL",
    /// The position would be too large.
    MaxPosition = "MAX_POSITION",
    /// All positions and orders together would be too large.
    MaxExposure = "MAX_EXPOSURE",
    /// Too many working orders.
    MaxOpenOrders = "MAX_OPEN_ORDERS",
    /// Today's loss is at its limit.
    DailyLoss = "DAILY_LOSS",
    /// The fall from the 20-day high is at its limit.
    Drawdown = "DRAWDOWN",
    /// Too many orders in a short time.
    OrderRate = "ORDER_RATE",
    /// The same order a moment ago.
    Duplicate = "DUPLICATE",
    /// Would trade against our own working order.
    WashCross = "WASH_CROSS",
    /// Not enough buying power.
    BuyingPower = "BUYING_POWER",
    /// Not enough settled cash.
    CashSettled = "CASH_SETTLED",
    /// The account may not sell short.
    ShortNotAllowed = "SHORT_NOT_ALLOWED",
    /// The instrument cannot be borrowed.
    NotShortable = "NOT_SHORTABLE",
    /// Borrow is hard and was not confirmed.
    HardToBorrow = "HARD_TO_BORROW",
    /// The short-sale restriction forbids this price.
    ShortSaleRestricted = "SHORT_SALE_RESTRICTED",
    /// Selling more than is held and free.
    SellExceedsPosition = "SELL_EXCEEDS_POSITION",
    /// The account's options level is too low.
    OptionsLevel = "OPTIONS_LEVEL",
    /// A short call without the shares.
    UncoveredCall = "UNCOVERED_CALL",
    /// A short put without the cash.
    UnsecuredPut = "UNSECURED_PUT",
    /// The day-trade rule of the account.
    DayTrade = "DAY_TRADE",
    /// A reduce-only order that would open or flip.
    WouldIncrease = "WOULD_INCREASE",
    /// Our clock and the broker's differ.
    ClockSkew = "CLOCK_SKEW",
    /// A guard holds a lock.
    Protect = "PROTECT",
    /// The journal could not be written.
    JournalUnavailable = "JOURNAL_UNAVAILABLE",
}

impl fmt::Display for DenialCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The order may go, as far as this check is concerned.
    Pass,
    /// It may not.
    Fail,
    /// The check does not concern this order, or an exemption holds.
    Skip,
}

/// One check's result. Numbers stay numbers, so that passing checks cost nothing to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskCheck {
    /// Which check.
    pub code: DenialCode,
    /// How it ended.
    pub verdict: Verdict,
    /// What was measured, in the check's own unit; absent where nothing is.
    #[serde(default, with = "decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub measured: Option<Decimal>,
    /// What is allowed, in the same unit.
    #[serde(default, with = "decimal_text_option", skip_serializing_if = "Option::is_none")]
    pub limit: Option<Decimal>,
    /// A few more words, such as which leg; `key=value` pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<SmolStr>,
}

impl RiskCheck {
    /// A result without numbers.
    #[must_use]
    pub const fn new(code: DenialCode, verdict: Verdict) -> Self {
        Self { code, verdict, measured: None, limit: None, note: None }
    }

    /// With what was measured and what is allowed.
    #[must_use]
    pub const fn with_numbers(mut self, measured: Decimal, limit: Decimal) -> Self {
        self.measured = Some(measured);
        self.limit = Some(limit);
        self
    }

    /// With a note.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<SmolStr>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// The refusal, if it is one.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        (self.verdict == Verdict::Fail).then(|| Denial { code: self.code, text: self.to_string() })
    }
}

/// Decimals of a check's numbers in its text.
const DECIMALS_SHOWN: u32 = 8;

/// A check's number for showing, with so many decimals: one that would read as zero and is none keeps its first digits instead.
#[must_use]
pub fn rounded(value: Decimal, decimals: u32) -> Decimal {
    let rounded = value.round_dp(decimals);
    if rounded.is_zero() && !value.is_zero() { value.round_sf(3).unwrap_or(value) } else { rounded }
}

impl fmt::Display for RiskCheck {
    /// `MAX_ORDER_NOTIONAL measured=12500 limit=10000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())?;
        if let Some(measured) = self.measured {
            write!(f, " measured={}", canonical(rounded(measured, DECIMALS_SHOWN)))?;
        }
        if let Some(limit) = self.limit {
            write!(f, " limit={}", canonical(rounded(limit, DECIMALS_SHOWN)))?;
        }
        if let Some(note) = &self.note {
            write!(f, " {note}")?;
        }
        Ok(())
    }
}

/// A refusal of our own risk: a code and its numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text}")]
pub struct Denial {
    /// The stable code.
    pub code: DenialCode,
    /// The code with `key=value` text.
    pub text: String,
}
