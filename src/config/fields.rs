//! The table of every option: its path in the file, what it may be, and where it lies in `Config`. Reading, writing, unknown keys and the
//! example file all come from this one table; a test holds it against the fields of `Config`.

use toml::Spanned;
use toml::de::DeValue;

use super::kinds::{
    ACCOUNT_KINDS, AccountMethods, COLOURS, CRYPTO_PRICES, ClockOf, DAY_TRADE_RULES, Flag, Instruments, Kind,
    LEVELS, LOT_METHODS, NOTICES, Number, ON_EXITS, PlanWords, ProgramPath, Refused, SESSIONS, ScheduleName,
    SlippageModel, TOUCHES, ThemeName, WASH_SCOPES, Whole, ZONES,
};
use super::settings::Config;

/// Largest amount of money and largest quantity in the file.
const LARGE: &str = "1000000000000";
/// Largest seed: TOML's own largest whole number.
const SEED_MAX: u64 = i64::MAX as u64;

/// One option.
pub(super) struct Field {
    /// Path of its table, such as `paper.fees`.
    pub table: &'static str,
    /// Its key there.
    pub name: &'static str,
    pub allowed: fn() -> String,
    pub choices: fn() -> Vec<String>,
    pub read: fn(&mut Config, &Spanned<DeValue<'_>>) -> Result<(), Refused>,
    pub write: fn(&Config) -> String,
    pub copy: fn(&mut Config, &Config),
}

impl Field {
    /// The whole path, such as `paper.fees.exercise`.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.table, self.name)
    }
}

macro_rules! field {
    ($table:literal, [$($part:ident).+], $name:ident, $kind:expr) => {
        Field {
            table: $table,
            name: stringify!($name),
            allowed: || $kind.allowed(),
            choices: || $kind.choices(),
            read: |config, value| {
                config.$($part).+.$name = $kind.read(value)?;
                Ok(())
            },
            write: |config| $kind.write(&config.$($part).+.$name),
            copy: |to, from| to.$($part).+.$name.clone_from(&from.$($part).+.$name),
        }
    };
}

macro_rules! fields {
    ($($table:literal at $place:tt { $($name:ident: $kind:expr,)* })*) => {
        &[$($(field!($table, $place, $name, $kind),)*)*]
    };
}

/// Every option, in the order of the file. Watchlists and keys are not here: their names are the user's and the screen's.
pub(super) static FIELDS: &[Field] = fields! {
    "paper" at [paper] {
        starting_cash: Number("1", LARGE),
        account_kind: ACCOUNT_KINDS,
        options_level: Whole(0_u8, 4),
        sessions: SESSIONS,
        touch: TOUCHES,
        adjust_gtc: Flag,
        clock: ClockOf,
        seed: Whole(0_u64, SEED_MAX),
        slippage: SlippageModel,
        slippage_crypto: SlippageModel,
        slippage_option: SlippageModel,
        participation: Number("0.0001", "1"),
        bar_participation: Number("0.0001", "1"),
        partial_fills: Flag,
        ack_ms: Whole(0_u32, 60_000),
        cancel_ms: Whole(0_u32, 60_000),
    }
    "paper.fees" at [paper.fees] {
        schedule: ScheduleName,
        equity_per_share: Number("0", "100"),
        option_per_contract: Number("0", "100"),
        option_exchange_per_contract: Number("0", "100"),
        crypto_maker_percent: Number("-1", "10"),
        crypto_taker_percent: Number("0", "10"),
        perpetual_percent: Number("0", "10"),
        crypto_fee_in_coin: Flag,
        exercise: Number("0", "100"),
        margin_interest_percent: Number("0", "1000"),
        short_borrow_percent: Number("0", "1000"),
    }
    "risk" at [risk] {
        order_quantity_max: Number("0", LARGE),
        order_contracts_max: Number("0", LARGE),
        order_notional_max: Number("0", LARGE),
        position_percent_max: Number("0", "10000"),
        exposure_percent_max_cash: Number("0", "10000"),
        exposure_percent_max_margin: Number("0", "10000"),
        open_orders_max: Whole(0_u32, 100_000),
        open_orders_per_instrument_max: Whole(0_u32, 100_000),
        daily_loss_percent: Number("0.01", "100"),
        daily_loss_halt_percent: Number("0.01", "100"),
        drawdown_percent: Number("0.01", "100"),
        orders_per_second_max: Whole(0_u32, 1_000_000),
        orders_per_minute_max: Whole(0_u32, 1_000_000),
        automation_orders_per_minute_max: Whole(0_u32, 1_000_000),
        fat_finger_multiple: Number("1", LARGE),
        volume_percent_max: Number("0", "10000"),
        duplicate_seconds: Whole(0_u32, 3_600),
        quote_age_market_seconds: Whole(1_u32, 3_600),
        quote_age_limit_seconds: Whole(1_u32, 3_600),
        spread_percent_max: Number("0", "100"),
        spread_percent_max_option: Number("0", "100"),
        day_trade_rule: DAY_TRADE_RULES,
        restricted: Instruments,
        allowed: Instruments,
        allow_short: Flag,
        guard_stop_outs: Whole(0_u32, 100),
        guard_by_instrument: Flag,
        guard_loss_streak: Whole(0_u32, 100),
        guard_cooldown_minutes: Whole(0_u32, 10_080),
        guard_low_profit_trades: Whole(0_u32, 50),
        guard_pause_minutes: Whole(1_u32, 10_080),
    }
    "rates" at [rates] {
        risk_free: Number("-0.1", "1"),
    }
    "exits" at [exits] {
        equity: PlanWords,
        option: PlanWords,
        crypto: PlanWords,
        perpetual: PlanWords,
        fx: PlanWords,
    }
    "tax" at [tax] {
        method: LOT_METHODS,
        accounts: AccountMethods,
        wash: WASH_SCOPES,
    }
    "screen" at [screen] {
        fps: Whole(1_u32, 120),
        bytes_per_second: Whole(1_024_u32, 100_000_000),
        colour: COLOURS,
        theme: ThemeName,
        ascii: Flag,
        plain: Flag,
        mouse: Flag,
        lock_minutes: Whole(0_u32, 1_440),
        zone: ZONES,
        top_line: Instruments,
    }
    "alerts" at [alerts] {
        terminal: NOTICES,
        desktop: Flag,
        command: ProgramPath,
    }
    "market" at [market] {
        updates_per_symbol: Number("0.01", "1000"),
        crypto: CRYPTO_PRICES,
    }
    "engine" at [engine] {
        detach: Flag,
        keep_running: Flag,
        restart: Flag,
        alone_minutes: Whole(0_u32, 10_080),
        on_exit: ON_EXITS,
    }
    "log" at [log] {
        level: LEVELS,
    }
    "backtest" at [backtest] {
        starting_cash: Number("1", LARGE),
        account_kind: ACCOUNT_KINDS,
        slippage: SlippageModel,
        bar_participation: Number("0.0001", "1"),
        partial_fills: Flag,
    }
    "backtest.fees" at [backtest.fees] {
        schedule: ScheduleName,
        equity_per_share: Number("0", "100"),
        option_per_contract: Number("0", "100"),
        option_exchange_per_contract: Number("0", "100"),
        crypto_maker_percent: Number("-1", "10"),
        crypto_taker_percent: Number("0", "10"),
        perpetual_percent: Number("0", "10"),
        crypto_fee_in_coin: Flag,
        exercise: Number("0", "100"),
        margin_interest_percent: Number("0", "1000"),
        short_borrow_percent: Number("0", "1000"),
    }
};

/// The table whose keys are names of watchlists.
pub(super) const WATCHLISTS: &str = "watchlists";
/// The table whose keys are names of the screen's actions.
pub(super) const KEYS: &str = "keys";
/// The table whose tables are brokers.
pub(super) const BROKERS: &str = "brokers";
/// The table whose keys are keys of the keyboard.
pub(super) const MACROS: &str = "macros";

/// Is this the path of a table, or of one that holds tables.
pub(super) fn is_table(path: &str) -> bool {
    matches!(path, WATCHLISTS | KEYS | MACROS) || FIELDS.iter().any(|field| field.table == path)
}
