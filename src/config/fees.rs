//! Fee schedules and regulatory rates: the ones that come with the program, and the user's `fees.toml` over them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::error::Problem;
use crate::domain::fees::{FeeTable, SecRate, TafRate};
use crate::domain::text::ascii_escaped;

const SHIPPED: &str = include_str!("../../assets/fees.toml");
/// Where problems of the shipped file are said to be; a test sees that it has none.
const SHIPPED_NAME: &str = "assets/fees.toml";

/// What `fees.toml` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeFile {
    /// Section 31 fees by rising day.
    pub sec: Vec<SecRate>,
    /// Trading activity fees by rising day.
    pub taf: Vec<TafRate>,
    /// Schedules by name.
    pub schedules: BTreeMap<String, FeeTable>,
}

/// The file as written: a part that is missing leaves the part below as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    sec: Option<Vec<SecRate>>,
    taf: Option<Vec<TafRate>>,
    #[serde(default)]
    schedule: BTreeMap<String, FeeTable>,
}

impl Default for FeeFile {
    fn default() -> Self {
        let mut file = Self { sec: Vec::new(), taf: Vec::new(), schedules: BTreeMap::new() };
        let problem = file.lay_over(Path::new(SHIPPED_NAME), SHIPPED);
        debug_assert_eq!(problem, Ok(()), "the shipped fees are read by a test");
        file
    }
}

impl FeeFile {
    /// Lays a user's file over this one: its lists of rates in place of these, its schedules by name.
    ///
    /// # Errors
    /// The first thing that is wrong with it; nothing has changed then.
    pub fn lay_over(&mut self, file: &Path, text: &str) -> Result<(), Problem> {
        let at = |line, text| Problem { file: file.to_path_buf(), line, text };
        let written: Written = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            at(line, ascii_escaped(&message).into_owned())
        })?;
        let rising = |days: &[jiff::civil::Date]| days.windows(2).all(|pair| pair[0] < pair[1]);
        let days =
            |rates: &Option<Vec<SecRate>>| -> Vec<_> { rates.iter().flatten().map(|r| r.from).collect() };
        if !rising(&days(&written.sec)) {
            return Err(at(1, "sec: found days out of order, allowed rising ones".to_owned()));
        }
        let days: Vec<_> = written.taf.iter().flatten().map(|rate| rate.from).collect();
        if !rising(&days) {
            return Err(at(1, "taf: found days out of order, allowed rising ones".to_owned()));
        }
        for (name, schedule) in &written.schedule {
            if let Err(wrong) = check(schedule) {
                return Err(at(1, format!("schedule.{}.{wrong}", ascii_escaped(name))));
            }
        }
        if let Some(sec) = written.sec {
            self.sec = sec;
        }
        if let Some(taf) = written.taf {
            self.taf = taf;
        }
        self.schedules.extend(written.schedule);
        Ok(())
    }

    /// Regulatory rates put into a table.
    #[must_use]
    pub fn regulated(&self, table: FeeTable) -> FeeTable {
        FeeTable { sec: self.sec.clone(), taf: self.taf.clone(), ..table }
    }
}

/// No fee is beyond reason: a slip of the decimal point would eat an account.
fn check(schedule: &FeeTable) -> Result<(), String> {
    let percents = [
        ("equity_order_max_percent", schedule.equity_order_max_percent),
        ("crypto_maker_percent", schedule.crypto_maker_percent),
        ("crypto_taker_percent", schedule.crypto_taker_percent),
        ("perpetual_percent", schedule.perpetual_percent),
    ];
    let rates = [
        ("margin_interest_percent", schedule.margin_interest_percent),
        ("short_borrow_percent", schedule.short_borrow_percent),
    ];
    let money = [
        ("equity_per_share", schedule.equity_per_share),
        ("equity_order_min", schedule.equity_order_min),
        ("option_per_contract", schedule.option_per_contract),
        ("option_order_min", schedule.option_order_min),
        ("option_exchange_per_contract", schedule.option_exchange_per_contract),
        ("exercise", schedule.exercise),
    ];
    let within = |list: &[(&str, rust_decimal::Decimal)], least: i64, most: i64| {
        let wrong = list.iter().find(|(_, value)| *value < least.into() || *value > most.into());
        wrong.map_or(Ok(()), |(name, value)| {
            Err(format!("{name}: found {}, allowed a number from {least} to {most}", value.normalize()))
        })
    };
    within(&percents, -1, 10)?;
    within(&money, 0, 100)?;
    within(&rates, 0, 1_000)?;
    let tiers = schedule.option_tiers.windows(2).all(|pair| pair[0].premium < pair[1].premium);
    if tiers {
        Ok(())
    } else {
        Err("option_tiers: found premiums out of order, allowed rising ones".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_fees_are_sound() {
        let mut file = FeeFile { sec: Vec::new(), taf: Vec::new(), schedules: BTreeMap::new() };
        assert_eq!(file.lay_over(Path::new(SHIPPED_NAME), SHIPPED), Ok(()));
        assert_eq!(file, FeeFile::default());
        let names: Vec<_> = file.schedules.keys().map(String::as_str).collect();
        assert_eq!(names, ["alpaca", "coinbase", "ibkr", "schwab", "tastytrade"]);
        assert_eq!(file.schedules["ibkr"].option_tiers.len(), 3);
        // What a schedule does not say costs nothing.
        assert!(file.schedules["coinbase"].option_per_contract.is_zero());
    }

    #[test]
    fn a_users_file_replaces_what_it_says() {
        let mut file = FeeFile::default();
        let text = "[[sec]]\nfrom = \"2027-01-01\"\nper_million = \"9\"\n[schedule.mine]\noption_per_contract = \"0.10\"";
        assert_eq!(file.lay_over(Path::new("fees.toml"), text), Ok(()));
        assert_eq!((file.sec.len(), file.taf == FeeFile::default().taf), (1, true));
        assert!(file.schedules.contains_key("mine") && file.schedules.contains_key("ibkr"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let rows = [
            ("[schedule.x]\nequity = \"1\"", "fees.toml:2: unknown field `equity`"),
            ("\n[[sec]]\nfrom = \"2027-13-01\"\nper_million = \"9\"", "fees.toml:3: "),
            ("[schedule.x]\nexercise = 1", "fees.toml:2: invalid type: integer `1`"),
            (
                "[schedule.x]\nexercise = \"101\"",
                "fees.toml:1: schedule.x.exercise: found 101, allowed a number from 0 to 100",
            ),
            (
                "[[sec]]\nfrom = \"2027-01-01\"\nper_million = \"9\"\n[[sec]]\nfrom = \"2026-01-01\"\nper_million = \"9\"",
                "fees.toml:1: sec: found days out of order, allowed rising ones",
            ),
        ];
        for (text, expect) in rows {
            let mut file = FeeFile::default();
            let problem = file.lay_over(Path::new("fees.toml"), text).unwrap_err().to_string();
            assert!(problem.starts_with(expect), "{problem}");
            assert_eq!(file, FeeFile::default());
        }
    }
}
