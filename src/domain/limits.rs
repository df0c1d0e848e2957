//! Risk limits: the numbers of the pre-trade checks. Defaults are reliability 4.1's.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::instrument::Instrument;
use super::money::decimal_text;
use super::strategy::Lock;

/// Which day-trade rule an account obeys (reliability 4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayTradeRule {
    /// Obey what the broker still flags; no check where it flags nothing.
    #[default]
    Broker,
    /// The former pattern-day-trader rule, counted by ourselves.
    Pdt,
    /// Equity must stay at 25 % of long margin positions.
    IntradayMargin,
    /// No check.
    Off,
}

/// The limits of one account. Money in its currency; per cents as 5 for 5 %.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RiskLimits {
    /// Most units in one order of shares, coins or currency.
    #[serde(with = "decimal_text")]
    pub order_quantity_max: Decimal,
    /// Most contracts in one option order.
    #[serde(with = "decimal_text")]
    pub order_contracts_max: Decimal,
    /// Most money in one order.
    #[serde(with = "decimal_text")]
    pub order_notional_max: Decimal,
    /// Largest position, in per cent of equity.
    #[serde(with = "decimal_text")]
    pub position_percent_max: Decimal,
    /// Positions and working orders together, in per cent of equity: cash accounts.
    #[serde(with = "decimal_text")]
    pub exposure_percent_max_cash: Decimal,
    /// The same for margin accounts.
    #[serde(with = "decimal_text")]
    pub exposure_percent_max_margin: Decimal,
    /// Working orders of the account.
    pub open_orders_max: u32,
    /// Working orders of one instrument.
    pub open_orders_per_instrument_max: u32,
    /// Loss of the day, in per cent of its first equity, from which opening is denied.
    #[serde(with = "decimal_text")]
    pub daily_loss_percent: Decimal,
    /// Loss of the day from which the kill switch trips.
    #[serde(with = "decimal_text")]
    pub daily_loss_halt_percent: Decimal,
    /// Fall from the 20-day high from which opening is denied.
    #[serde(with = "decimal_text")]
    pub drawdown_percent: Decimal,
    /// Orders a second.
    pub orders_per_second_max: u32,
    /// Orders a minute.
    pub orders_per_minute_max: u32,
    /// Orders a minute of one bot or agent.
    pub automation_orders_per_minute_max: u32,
    /// Times the median of the last 20 orders in the instrument.
    #[serde(with = "decimal_text")]
    pub fat_finger_multiple: Decimal,
    /// Per cent of the 20-day average volume.
    #[serde(with = "decimal_text")]
    pub volume_percent_max: Decimal,
    /// Seconds within which the same order is a duplicate.
    pub duplicate_seconds: u32,
    /// Age in seconds at which a quote is too old for market and stop orders.
    pub quote_age_market_seconds: u32,
    /// Age in seconds at which a quote is too old for limit orders.
    pub quote_age_limit_seconds: u32,
    /// Widest spread for a market order, in per cent of the middle.
    #[serde(with = "decimal_text")]
    pub spread_percent_max: Decimal,
    /// The same for options.
    #[serde(with = "decimal_text")]
    pub spread_percent_max_option: Decimal,
    /// The day-trade rule.
    pub day_trade_rule: DayTradeRule,
    /// Never traded.
    pub restricted: Vec<Instrument>,
    /// When not empty, only these are traded.
    pub allowed: Vec<Instrument>,
    /// May the account sell short.
    pub allow_short: bool,
    /// Losing stop-outs within 24 hours after which automation opens nothing for a while; 0 for never.
    pub guard_stop_outs: u32,
    /// Stop-outs are counted, and lock, by instrument; else over all of them.
    pub guard_by_instrument: bool,
    /// Losing trades in a row after which automation opens nothing for a while; 0 for never.
    pub guard_loss_streak: u32,
    /// Minutes after an exit in which no automation opens the instrument again; 0 for none.
    pub guard_cooldown_minutes: u32,
    /// Closed trades of one instrument whose sum below zero closes it to automation for a day; 0 for never.
    pub guard_low_profit_trades: u32,
    /// Minutes that stop-outs and a streak of losses pause for.
    pub guard_pause_minutes: u32,
}

impl Default for RiskLimits {
    fn default() -> Self {
        Self {
            order_quantity_max: Decimal::from(1_000),
            order_contracts_max: Decimal::from(10),
            order_notional_max: Decimal::from(10_000),
            position_percent_max: Decimal::from(25),
            exposure_percent_max_cash: Decimal::from(100),
            exposure_percent_max_margin: Decimal::from(200),
            open_orders_max: 100,
            open_orders_per_instrument_max: 20,
            daily_loss_percent: Decimal::from(3),
            daily_loss_halt_percent: Decimal::from(5),
            drawdown_percent: Decimal::from(10),
            orders_per_second_max: 5,
            orders_per_minute_max: 30,
            automation_orders_per_minute_max: 10,
            fat_finger_multiple: Decimal::from(20),
            volume_percent_max: Decimal::from(5),
            duplicate_seconds: 3,
            quote_age_market_seconds: 5,
            quote_age_limit_seconds: 30,
            spread_percent_max: Decimal::from(2),
            spread_percent_max_option: Decimal::from(15),
            day_trade_rule: DayTradeRule::Broker,
            restricted: Vec::new(),
            allowed: Vec::new(),
            allow_short: true,
            guard_stop_outs: 4,
            guard_by_instrument: false,
            guard_loss_streak: 5,
            // Each strategy has its own, of 30 minutes: another strategy's exit is no reason of this one's.
            guard_cooldown_minutes: 0,
            guard_low_profit_trades: 10,
            guard_pause_minutes: 240,
        }
    }
}

impl RiskLimits {
    /// Limits sized to a simulated account: no money is at risk, so one order may use a quarter of the equity,
    /// and quantity caps give way to the notional cap.
    #[must_use]
    pub fn simulated(equity: Decimal) -> Self {
        Self {
            order_quantity_max: Decimal::from(1_000_000),
            order_contracts_max: Decimal::from(100),
            order_notional_max: (equity / Decimal::from(4)).max(Decimal::from(10_000)).round_dp(2),
            orders_per_second_max: 20,
            orders_per_minute_max: 300,
            automation_orders_per_minute_max: 120,
            ..Self::default()
        }
    }

    /// Which limits let more through in `new` than in these, by name, in the order of the fields. A day-trade rule that is another one
    /// counts, unless there was none.
    #[must_use]
    pub fn loosened_by(&self, new: &Self) -> Vec<&'static str> {
        let amounts = [
            ("order_quantity_max", self.order_quantity_max, new.order_quantity_max),
            ("order_contracts_max", self.order_contracts_max, new.order_contracts_max),
            ("order_notional_max", self.order_notional_max, new.order_notional_max),
            ("position_percent_max", self.position_percent_max, new.position_percent_max),
            ("exposure_percent_max_cash", self.exposure_percent_max_cash, new.exposure_percent_max_cash),
            (
                "exposure_percent_max_margin",
                self.exposure_percent_max_margin,
                new.exposure_percent_max_margin,
            ),
            ("daily_loss_percent", self.daily_loss_percent, new.daily_loss_percent),
            ("daily_loss_halt_percent", self.daily_loss_halt_percent, new.daily_loss_halt_percent),
            ("drawdown_percent", self.drawdown_percent, new.drawdown_percent),
            ("fat_finger_multiple", self.fat_finger_multiple, new.fat_finger_multiple),
            ("volume_percent_max", self.volume_percent_max, new.volume_percent_max),
            ("spread_percent_max", self.spread_percent_max, new.spread_percent_max),
            ("spread_percent_max_option", self.spread_percent_max_option, new.spread_percent_max_option),
        ];
        // Seconds in which the same order is a duplicate let more through when they are fewer.
        let counts = [
            ("open_orders_max", self.open_orders_max, new.open_orders_max),
            (
                "open_orders_per_instrument_max",
                self.open_orders_per_instrument_max,
                new.open_orders_per_instrument_max,
            ),
            ("orders_per_second_max", self.orders_per_second_max, new.orders_per_second_max),
            ("orders_per_minute_max", self.orders_per_minute_max, new.orders_per_minute_max),
            (
                "automation_orders_per_minute_max",
                self.automation_orders_per_minute_max,
                new.automation_orders_per_minute_max,
            ),
            ("duplicate_seconds", new.duplicate_seconds, self.duplicate_seconds),
            ("quote_age_market_seconds", self.quote_age_market_seconds, new.quote_age_market_seconds),
            ("quote_age_limit_seconds", self.quote_age_limit_seconds, new.quote_age_limit_seconds),
            ("guard_stop_outs", or_never(self.guard_stop_outs), or_never(new.guard_stop_outs)),
            ("guard_loss_streak", or_never(self.guard_loss_streak), or_never(new.guard_loss_streak)),
            (
                "guard_low_profit_trades",
                or_never(self.guard_low_profit_trades),
                or_never(new.guard_low_profit_trades),
            ),
            // Minutes of peace let more through when they are fewer.
            ("guard_cooldown_minutes", new.guard_cooldown_minutes, self.guard_cooldown_minutes),
            ("guard_pause_minutes", new.guard_pause_minutes, self.guard_pause_minutes),
        ];
        let rest = [
            (
                "day_trade_rule",
                self.day_trade_rule != new.day_trade_rule && self.day_trade_rule != DayTradeRule::Off,
            ),
            ("restricted", self.restricted.iter().any(|one| !new.restricted.contains(one))),
            (
                "allowed",
                !self.allowed.is_empty()
                    && (new.allowed.is_empty() || new.allowed.iter().any(|one| !self.allowed.contains(one))),
            ),
            ("allow_short", new.allow_short && !self.allow_short),
            ("guard_by_instrument", new.guard_by_instrument && !self.guard_by_instrument),
        ];
        let amounts = amounts.into_iter().map(|(name, before, after)| (name, after > before));
        let counts = counts.into_iter().map(|(name, before, after)| (name, after > before));
        amounts.chain(counts).chain(rest).filter(|(_, looser)| *looser).map(|(name, _)| name).collect()
    }

    /// Limits of a backtest or another run on bars: caps at 100 % of equity (design, decision 1).
    #[must_use]
    pub fn bar_mode(equity: Decimal) -> Self {
        let everything = Decimal::from(100);
        Self {
            order_notional_max: Decimal::MAX,
            order_contracts_max: Decimal::from(1_000_000),
            position_percent_max: everything,
            exposure_percent_max_cash: everything,
            exposure_percent_max_margin: everything,
            daily_loss_percent: everything,
            daily_loss_halt_percent: everything,
            drawdown_percent: everything,
            fat_finger_multiple: Decimal::MAX,
            orders_per_second_max: u32::MAX,
            orders_per_minute_max: u32::MAX,
            automation_orders_per_minute_max: u32::MAX,
            order_quantity_max: Decimal::MAX,
            guard_stop_outs: 0,
            guard_loss_streak: 0,
            guard_cooldown_minutes: 0,
            guard_low_profit_trades: 0,
            ..Self::simulated(equity)
        }
    }
}

/// A count at which a guard acts; 0 is never.
const fn or_never(count: u32) -> u32 {
    if count == 0 { u32::MAX } else { count }
}

/// How much of an account's limits is used now. Per cents as 5 for 5 %.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskUse {
    /// The largest position and its part of equity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_position: Option<(Instrument, Decimal)>,
    /// Market value of all positions and money held back for working orders, in per cent of equity.
    #[serde(with = "decimal_text")]
    pub exposure_percent: Decimal,
    /// Working orders.
    pub open_orders: u32,
    /// Working orders of the instrument that has most.
    pub open_orders_of_one: u32,
    /// Loss of the day in per cent of its first equity; zero on a day of gains.
    #[serde(with = "decimal_text")]
    pub daily_loss_percent: Decimal,
    /// Fall from the 20-day high in per cent; zero at the high.
    #[serde(with = "decimal_text")]
    pub drawdown_percent: Decimal,
    /// Orders of the last second that do more than reduce.
    pub orders_last_second: u32,
    /// The same of the last minute.
    pub orders_last_minute: u32,
    /// Losing trades of automation in a row, up to now.
    #[serde(default)]
    pub loss_streak: u32,
    /// Losing stop-outs of automation within 24 hours; of the instrument that has most where they count by instrument.
    #[serde(default)]
    pub stop_outs: u32,
    /// What keeps automation from opening.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Lock>,
}

/// May orders go out (reliability 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradingState {
    /// All orders.
    #[default]
    Active,
    /// Only what reduces a position.
    ReducingOnly,
    /// The kill switch is on: cancels, protective exits and a person's typed close only.
    Halted,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(symbol: &str) -> Instrument {
        Instrument::equity(symbol).unwrap()
    }

    #[test]
    fn k5_each_limit_knows_which_way_is_looser() {
        let tight = RiskLimits {
            allow_short: false,
            restricted: vec![one("GME")],
            allowed: vec![one("KO")],
            guard_cooldown_minutes: 30,
            ..RiskLimits::default()
        };
        let more = |value: Decimal| value + Decimal::ONE;
        let loose = RiskLimits {
            order_quantity_max: more(tight.order_quantity_max),
            order_contracts_max: more(tight.order_contracts_max),
            order_notional_max: more(tight.order_notional_max),
            position_percent_max: more(tight.position_percent_max),
            exposure_percent_max_cash: more(tight.exposure_percent_max_cash),
            exposure_percent_max_margin: more(tight.exposure_percent_max_margin),
            open_orders_max: tight.open_orders_max + 1,
            open_orders_per_instrument_max: tight.open_orders_per_instrument_max + 1,
            daily_loss_percent: more(tight.daily_loss_percent),
            daily_loss_halt_percent: more(tight.daily_loss_halt_percent),
            drawdown_percent: more(tight.drawdown_percent),
            orders_per_second_max: tight.orders_per_second_max + 1,
            orders_per_minute_max: tight.orders_per_minute_max + 1,
            automation_orders_per_minute_max: tight.automation_orders_per_minute_max + 1,
            fat_finger_multiple: more(tight.fat_finger_multiple),
            volume_percent_max: more(tight.volume_percent_max),
            duplicate_seconds: tight.duplicate_seconds - 1,
            quote_age_market_seconds: tight.quote_age_market_seconds + 1,
            quote_age_limit_seconds: tight.quote_age_limit_seconds + 1,
            spread_percent_max: more(tight.spread_percent_max),
            spread_percent_max_option: more(tight.spread_percent_max_option),
            day_trade_rule: DayTradeRule::Off,
            restricted: Vec::new(),
            allowed: vec![one("KO"), one("PEP")],
            allow_short: true,
            guard_stop_outs: tight.guard_stop_outs + 1,
            guard_by_instrument: true,
            guard_loss_streak: 0,
            guard_cooldown_minutes: 0,
            guard_low_profit_trades: tight.guard_low_profit_trades + 1,
            guard_pause_minutes: tight.guard_pause_minutes - 1,
        };
        // Every field there is must be told apart, so a new one that nobody compares fails here.
        let named: std::collections::BTreeSet<&str> = tight.loosened_by(&loose).into_iter().collect();
        let value = serde_json::to_value(&tight).unwrap();
        let fields: std::collections::BTreeSet<&str> =
            value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(named, fields);
        assert_eq!(tight.loosened_by(&tight), Vec::<&str>::new());
        let back = loose.loosened_by(&tight);
        assert!(back.is_empty(), "what is tightened is no loosening: {back:?}");
        let nobody = RiskLimits { allowed: Vec::new(), ..tight.clone() };
        assert_eq!(tight.loosened_by(&nobody), ["allowed"]);
        assert!(nobody.loosened_by(&tight).is_empty());
    }
}
