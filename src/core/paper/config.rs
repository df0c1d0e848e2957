//! How the paper venue behaves.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::account::AccountKind;
use crate::domain::calendar::Calendar;
use crate::domain::fees::FeeTable;
use crate::domain::ids::AccountId;
use crate::domain::instrument::AssetClass;
use crate::domain::money::{Currency, decimal_text};

/// When the venue trades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sessions {
    /// Always: the simulated market has no bell.
    #[default]
    Always,
    /// In New York's hours.
    Nyse,
}

/// How far a fill is worse than the price that triggered it. Never past an order's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slippage {
    /// Not at all.
    None,
    /// So many ticks.
    Ticks(u32),
    /// So many hundredths of a per cent.
    BasisPoints(#[serde(with = "decimal_text")] Decimal),
    /// This part of the spread.
    Spread(#[serde(with = "decimal_text")] Decimal),
    /// By the square of the part of the volume that is taken: of what is displayed, or of the bar (Lean's `VolumeShareSlippageModel`).
    VolumeShare,
    /// `k` times the day's volatility times the root of the part of the average day's volume; nothing where these are not known.
    SquareRoot(#[serde(with = "decimal_text")] Decimal),
}

/// Does a trade at the price of a resting limit fill it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touch {
    /// Only a trade through it.
    #[default]
    Never,
    /// Once what stood in front of it at its price has traded.
    Queue,
}

/// What goes wrong on purpose, for tests: chances in per cent of the reports on orders, decided by the account's seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// Acknowledgements that never arrive. Fills always do, in the end.
    pub drop_percent: u8,
    /// Reports that arrive twice.
    pub duplicate_percent: u8,
    /// Reports that arrive late.
    pub delay_percent: u8,
    /// How late.
    pub delay_ms: u32,
}

/// The venue's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueConfig {
    /// The account it keeps.
    pub account: AccountId,
    /// Cash or margin.
    pub kind: AccountKind,
    /// Cash at the start.
    #[serde(with = "decimal_text")]
    pub opening_cash: Decimal,
    /// Its currency.
    pub currency: Currency,
    /// Options level 0 to 4.
    pub options_level: u8,
    /// Seed of every random choice.
    pub seed: u64,
    /// What fills cost.
    pub fees: FeeTable,
    /// Slippage of shares and FX.
    pub slippage: Slippage,
    /// Slippage of crypto.
    pub slippage_crypto: Slippage,
    /// Slippage of options.
    pub slippage_option: Slippage,
    /// Part of the displayed size that can be had; 1 is all of it.
    #[serde(with = "decimal_text")]
    pub participation: Decimal,
    /// Part of a bar's volume that can be had.
    #[serde(with = "decimal_text")]
    pub bar_participation: Decimal,
    /// Fill only what is displayed; else every fill is whole.
    pub partial_fills: bool,
    /// Milliseconds until an order is acknowledged.
    pub ack_ms: u32,
    /// Milliseconds until a cancel takes effect.
    pub cancel_ms: u32,
    /// When it trades.
    pub sessions: Sessions,
    /// Milliseconds after which nobody trades on a quote any more.
    #[serde(default = "stale_ms")]
    pub stale_ms: u32,
    /// What a trade at a resting limit's price does.
    #[serde(default)]
    pub touch: Touch,
    /// Good-till-cancelled orders are adjusted at a split, not cancelled.
    #[serde(default)]
    pub adjust_gtc: bool,
    /// Riskless rate a year, as 0.04 for 4 %: who exercises early reckons with it.
    #[serde(default = "risk_free", with = "decimal_text")]
    pub risk_free: Decimal,
    /// Faults on purpose.
    #[serde(default)]
    pub faults: Faults,
    /// The exchange's days.
    #[serde(skip, default = "rules")]
    pub calendar: Arc<Calendar>,
}

pub(super) fn rules() -> Arc<Calendar> {
    Arc::new(Calendar::nyse())
}

/// Reliability §4.1, STALE_QUOTE: the longest age that it allows an order.
const fn stale_ms() -> u32 {
    30_000
}

const fn risk_free() -> Decimal {
    Decimal::from_parts(4, 0, 0, false, 2)
}

impl VenueConfig {
    /// A margin account with this much money and the usual settings.
    #[must_use]
    pub fn new(account: AccountId, opening_cash: Decimal) -> Self {
        Self {
            account,
            kind: AccountKind::Margin,
            opening_cash,
            currency: Currency::USD,
            options_level: 3,
            seed: 0,
            fees: FeeTable::default(),
            slippage: Slippage::BasisPoints(Decimal::ONE),
            slippage_crypto: Slippage::BasisPoints(Decimal::from(5)),
            slippage_option: Slippage::Spread(Decimal::new(25, 2)),
            participation: Decimal::ONE,
            bar_participation: Decimal::new(10, 2),
            partial_fills: true,
            ack_ms: 50,
            cancel_ms: 50,
            sessions: Sessions::Always,
            stale_ms: stale_ms(),
            touch: Touch::Never,
            adjust_gtc: false,
            risk_free: risk_free(),
            faults: Faults::default(),
            calendar: rules(),
        }
    }

    /// Does a slippage model ask what is usual of an instrument.
    #[must_use]
    pub const fn needs_daily_stats(&self) -> bool {
        matches!(self.slippage, Slippage::SquareRoot(_))
            || matches!(self.slippage_crypto, Slippage::SquareRoot(_))
            || matches!(self.slippage_option, Slippage::SquareRoot(_))
    }

    /// The slippage of an asset class.
    #[must_use]
    pub const fn slippage_of(&self, class: AssetClass) -> Slippage {
        match class {
            AssetClass::Equity | AssetClass::Fx => self.slippage,
            AssetClass::Option => self.slippage_option,
            AssetClass::Crypto | AssetClass::Perpetual | AssetClass::Token => self.slippage_crypto,
        }
    }
}
