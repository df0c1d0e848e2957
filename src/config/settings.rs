//! Every option with its type and default. The names are those of the TOML file; `schema` says what each may be.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::Offset;
use rust_decimal::Decimal;
use serde::Serialize;

use super::look::{AlertSettings, Screen};
use crate::domain::account::AccountKind;
use crate::domain::exit::ExitPlan;
use crate::domain::fees::FeeTable;
use crate::domain::instrument::AssetClass;
use crate::domain::limits::RiskLimits;
use crate::domain::money::{canonical, decimal_text, parse_decimal};
use crate::domain::snapshot::Watchlist;
use crate::domain::tax::{LotMethod, WashScope};

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Config {
    /// The paper account and its venue.
    pub paper: Paper,
    /// Limits of the pre-trade checks.
    pub risk: RiskLimits,
    /// Interest rates.
    pub rates: Rates,
    /// Plans that positions get which a person opens.
    pub exits: Exits,
    /// Tax lots.
    pub tax: Tax,
    /// The screen.
    pub screen: Screen,
    /// How one is told of an alert that rings.
    pub alerts: AlertSettings,
    /// The simulated market.
    pub market: Market,
    /// The engine's process.
    pub engine: EngineProcess,
    /// The log file.
    pub log: Log,
    /// Watchlists of a new profile, in order; empty means the ones that come with the program.
    pub watchlists: Vec<Watchlist>,
    /// Backtests.
    pub backtest: Backtest,
    /// Keys of the screen by the name of their action, in place of its own. The screen knows which actions and keys there are.
    pub keys: BTreeMap<String, Vec<String>>,
    /// How brokers are reached, by broker: addresses and options of its connector. Never a secret.
    pub brokers: BTreeMap<String, BrokerSection>,
    /// Keys of the screen that run a line of the command language.
    pub macros: BTreeMap<String, String>,
}

/// Options of one broker's connector, as text: `base_url`, `feed`, ....
pub type BrokerSection = BTreeMap<String, String>;

/// The paper account and its venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Paper {
    /// Cash of a new paper account, in US dollars.
    #[serde(with = "decimal_text")]
    pub starting_cash: Decimal,
    /// Cash or margin.
    pub account_kind: AccountKind,
    /// Options level 0 to 4.
    pub options_level: u8,
    /// When the simulated exchange trades.
    pub sessions: Sessions,
    /// What a trade at the price of a resting limit does.
    pub touch: Touch,
    /// Good-till-cancelled orders are adjusted at a split, not cancelled.
    pub adjust_gtc: bool,
    /// Whose time the profile lives by.
    pub clock: PaperClock,
    /// Seed of the simulated market and of every random choice of the venue.
    pub seed: u64,
    /// Slippage of shares and currencies.
    pub slippage: Slippage,
    /// Slippage of crypto.
    pub slippage_crypto: Slippage,
    /// Slippage of options.
    pub slippage_option: Slippage,
    /// Part of the displayed size that can be had; 1 is all of it.
    #[serde(with = "decimal_text")]
    pub participation: Decimal,
    /// Part of a bar's volume that can be had, in a replay.
    #[serde(with = "decimal_text")]
    pub bar_participation: Decimal,
    /// Fill only what is displayed; else every fill is whole.
    pub partial_fills: bool,
    /// Milliseconds until an order is acknowledged.
    pub ack_ms: u32,
    /// Milliseconds until a cancel takes effect.
    pub cancel_ms: u32,
    /// What fills cost.
    pub fees: Fees,
}

impl Default for Paper {
    fn default() -> Self {
        Self {
            starting_cash: Decimal::from(100_000),
            account_kind: AccountKind::Margin,
            options_level: 3,
            sessions: Sessions::Always,
            touch: Touch::Never,
            adjust_gtc: false,
            clock: PaperClock::System,
            seed: 0,
            slippage: Slippage::BasisPoints(Decimal::ONE),
            slippage_crypto: Slippage::BasisPoints(Decimal::from(5)),
            slippage_option: Slippage::Spread(Decimal::new(25, 2)),
            participation: Decimal::ONE,
            bar_participation: Decimal::new(1, 1),
            partial_fills: true,
            ack_ms: 50,
            cancel_ms: 50,
            fees: Fees::default(),
        }
    }
}

/// Whose time a profile lives by. Real accounts know the world's time alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaperClock {
    /// The system's.
    #[default]
    System,
    /// Its own: it begins at this instant, goes on at the pace of life, and may be moved ahead.
    From(Timestamp),
}

impl PaperClock {
    /// Years that the simulated market has.
    const YEARS: std::ops::RangeInclusive<i16> = 2000..=2099;

    /// Reads `system`, or an instant such as `2026-11-12T14:40:00Z`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "system" {
            return Some(Self::System);
        }
        let at: Timestamp = text.parse().ok()?;
        Self::YEARS.contains(&Offset::UTC.to_datetime(at).year()).then_some(Self::From(at))
    }
}

impl std::fmt::Display for PaperClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::From(at) => write!(f, "{at}"),
        }
    }
}

impl Serialize for PaperClock {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// When the simulated exchange trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sessions {
    /// It has no bell.
    Always,
    /// In New York's hours.
    Nyse,
}

/// Does a trade at the price of a resting limit fill it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Touch {
    /// Only a trade through it.
    Never,
    /// Once what stood in front of it at its price has traded.
    Queue,
}

/// How far a fill is worse than the price that triggered it. Never past an order's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slippage {
    /// Not at all.
    None,
    /// So many ticks.
    Ticks(u32),
    /// So many hundredths of a per cent.
    BasisPoints(Decimal),
    /// This part of the spread.
    Spread(Decimal),
    /// By the square of the part of the volume that is taken.
    VolumeShare,
    /// So many times the day's volatility times the root of the part of the average day's volume.
    SquareRoot(Decimal),
}

impl Slippage {
    /// Most ticks.
    const TICKS_MAX: u32 = 10_000;
    /// Most basis points: all of the price.
    const BASIS_POINTS_MAX: i64 = 10_000;
    /// Most of the spread, and largest factor of the root.
    const SPREAD_MAX: i64 = 10;

    /// Reads `none`, `2 ticks`, `1.5 bps`, `0.25 spread`, `volume share` or `0.7 sqrt`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(Self::None);
        }
        if text == "volume share" {
            return Some(Self::VolumeShare);
        }
        let (number, unit) = text.split_once(' ')?;
        let within = |max: i64| {
            parse_decimal(number).ok().filter(|value| *value >= Decimal::ZERO && *value <= Decimal::from(max))
        };
        match unit {
            "ticks" => number.parse().ok().filter(|ticks| *ticks <= Self::TICKS_MAX).map(Self::Ticks),
            "bps" => within(Self::BASIS_POINTS_MAX).map(Self::BasisPoints),
            "spread" => within(Self::SPREAD_MAX).map(Self::Spread),
            "sqrt" => within(Self::SPREAD_MAX).map(Self::SquareRoot),
            _ => None,
        }
    }
}

impl std::fmt::Display for Slippage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Ticks(ticks) => write!(f, "{ticks} ticks"),
            Self::BasisPoints(points) => write!(f, "{} bps", canonical(*points)),
            Self::Spread(part) => write!(f, "{} spread", canonical(*part)),
            Self::VolumeShare => f.write_str("volume share"),
            Self::SquareRoot(k) => write!(f, "{} sqrt", canonical(*k)),
        }
    }
}

impl Serialize for Slippage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What fills cost. Percentages as 0.25 for 0.25 %.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fees {
    /// Name of a schedule in `fees.toml`; `own` is what the options below say.
    pub schedule: String,
    /// Per share.
    #[serde(with = "decimal_text")]
    pub equity_per_share: Decimal,
    /// Commission per contract.
    #[serde(with = "decimal_text")]
    pub option_per_contract: Decimal,
    /// Clearing and regulatory fees per contract.
    #[serde(with = "decimal_text")]
    pub option_exchange_per_contract: Decimal,
    /// Per cent of the value of a fill that rested.
    #[serde(with = "decimal_text")]
    pub crypto_maker_percent: Decimal,
    /// Per cent of the value of a fill that took.
    #[serde(with = "decimal_text")]
    pub crypto_taker_percent: Decimal,
    /// Per cent of the value of a perpetual's fill.
    #[serde(with = "decimal_text")]
    pub perpetual_percent: Decimal,
    /// What a purchase of coins costs is taken in coins.
    pub crypto_fee_in_coin: bool,
    /// Per exercised or assigned contract.
    #[serde(with = "decimal_text")]
    pub exercise: Decimal,
    /// Interest on money owed, in per cent a year.
    #[serde(with = "decimal_text")]
    pub margin_interest_percent: Decimal,
    /// Cost of shares borrowed for short sales, in per cent of their value a year.
    #[serde(with = "decimal_text")]
    pub short_borrow_percent: Decimal,
}

impl Default for Fees {
    fn default() -> Self {
        let table = FeeTable::default();
        Self {
            schedule: "own".to_owned(),
            equity_per_share: table.equity_per_share,
            option_per_contract: table.option_per_contract,
            option_exchange_per_contract: table.option_exchange_per_contract,
            crypto_maker_percent: table.crypto_maker_percent,
            crypto_taker_percent: table.crypto_taker_percent,
            perpetual_percent: table.perpetual_percent,
            crypto_fee_in_coin: table.crypto_fee_in_coin,
            exercise: table.exercise,
            margin_interest_percent: table.margin_interest_percent,
            short_borrow_percent: table.short_borrow_percent,
        }
    }
}

/// Interest rates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rates {
    /// Riskless rate a year, continuously compounded, as 0.04 for 4 %: option prices and performance figures use it.
    #[serde(with = "decimal_text")]
    pub risk_free: Decimal,
}

impl Default for Rates {
    fn default() -> Self {
        Self { risk_free: Decimal::new(4, 2) }
    }
}

/// What closes positions that a person opens without a plan of their own, by class of instrument.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exits {
    /// Shares and funds.
    pub equity: Option<ExitPlan>,
    /// Options.
    pub option: Option<ExitPlan>,
    /// Coins.
    pub crypto: Option<ExitPlan>,
    /// Perpetual futures.
    pub perpetual: Option<ExitPlan>,
    /// Currencies.
    pub fx: Option<ExitPlan>,
}

impl Exits {
    /// Those that there are.
    #[must_use]
    pub fn by_class(&self) -> BTreeMap<AssetClass, ExitPlan> {
        let all = [
            (AssetClass::Equity, &self.equity),
            (AssetClass::Option, &self.option),
            (AssetClass::Crypto, &self.crypto),
            (AssetClass::Perpetual, &self.perpetual),
            (AssetClass::Fx, &self.fx),
        ];
        all.into_iter().filter_map(|(class, plan)| Some((class, plan.clone()?))).collect()
    }
}

/// Which lots a sale closes in reports for taxes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tax {
    /// Of accounts that have no method of their own.
    pub method: LotMethod,
    /// By account.
    pub accounts: Vec<(String, LotMethod)>,
    /// Among what wash sales are looked for.
    pub wash: WashScope,
}

/// The simulated market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Market {
    /// New prices a second of each symbol, on average.
    #[serde(with = "decimal_text")]
    pub updates_per_symbol: Decimal,
    /// Where prices of coins come from while no account that has some is connected.
    pub crypto: CryptoPrices,
}

impl Default for Market {
    fn default() -> Self {
        Self { updates_per_symbol: Decimal::TWO, crypto: CryptoPrices::Auto }
    }
}

/// A public source of coin prices, which needs no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CryptoPrices {
    /// Coinbase's once it can be reached, simulated until then.
    Auto,
    /// Simulated.
    Simulated,
    /// Coinbase's.
    Coinbase,
    /// Hyperliquid's.
    Hyperliquid,
}

/// The engine's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EngineProcess {
    /// The engine runs in a process of its own, which outlives the terminal; else in the process of each command.
    pub detach: bool,
    /// It stays though nobody is attached and nothing needs it.
    pub keep_running: bool,
    /// A parent process starts it again when it crashes or is killed.
    pub restart: bool,
    /// Without anybody attached for so many minutes it lets out only what reduces; 0 for never.
    pub alone_minutes: u32,
    /// What becomes of working orders when it is told to end.
    pub on_exit: OnExit,
}

impl Default for EngineProcess {
    fn default() -> Self {
        Self { detach: true, keep_running: false, restart: true, alone_minutes: 0, on_exit: OnExit::Keep }
    }
}

/// What becomes of working orders when the engine is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExit {
    /// They stay as they are.
    Keep,
    /// Those for the day are canceled.
    CancelDay,
    /// All are canceled.
    CancelAll,
}

/// The log file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Log {
    /// From which level on lines are written.
    pub level: LogLevel,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: LogLevel::Info }
    }
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Failures only.
    Error,
    /// And what is worth a look.
    Warn,
    /// And what happened.
    Info,
    /// And why.
    Debug,
    /// And every step.
    Trace,
}

impl LogLevel {
    /// The level as `tracing` writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Backtests. Slippage and fees are their own, so that a paper account can be tuned without changing old results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Backtest {
    /// Cash at the start, in US dollars.
    #[serde(with = "decimal_text")]
    pub starting_cash: Decimal,
    /// Cash or margin.
    pub account_kind: AccountKind,
    /// Slippage of every fill.
    pub slippage: Slippage,
    /// Part of a bar's volume that can be had; 1 is all of it.
    #[serde(with = "decimal_text")]
    pub bar_participation: Decimal,
    /// Fill only what the bar's volume allows; else every fill is whole.
    pub partial_fills: bool,
    /// What fills cost.
    pub fees: Fees,
}

impl Default for Backtest {
    fn default() -> Self {
        Self {
            starting_cash: Decimal::from(100_000),
            account_kind: AccountKind::Margin,
            slippage: Slippage::BasisPoints(Decimal::ONE),
            bar_participation: Decimal::new(1, 1),
            partial_fills: true,
            fees: Fees::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slippage_reads_what_it_writes() {
        for text in [
            "none",
            "0 ticks",
            "2 ticks",
            "1 bps",
            "1.5 bps",
            "0.25 spread",
            "10000 bps",
            "volume share",
            "0.7 sqrt",
        ] {
            assert_eq!(Slippage::parse(text).unwrap().to_string(), text);
        }
        for bad in [
            "",
            "2",
            "ticks",
            "-1 bps",
            "1.5 ticks",
            "10001 bps",
            "11 spread",
            "1bps",
            "1 bp",
            "x bps",
            "1e3 bps",
        ] {
            assert_eq!(Slippage::parse(bad), None, "{bad}");
        }
    }
}
