//! Orders in slices over a time: numbered apart from orders, listed apart, and so are the fills of their slices.

use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::door::{canonical, error};
use super::shows::{pointed, side};
use super::{COINS, Desk, master};

/// Numbers of the venue's.
const FIRST: u64 = 77_001;
const SLICE_OID_BASE: u64 = 900_000_000;
const SLICE_TID_BASE: u64 = 880_000_000_000;
/// A slice each half minute.
const EVERY: Duration = Duration::from_secs(30);
/// A perpetual's fee.
const FEE: Decimal = Decimal::from_parts(45, 0, 0, false, 5);

/// One of them.
#[derive(Clone, Debug)]
pub struct Twap {
    pub id: u64,
    pub coin: &'static str,
    /// As it came.
    pub wire: Value,
    pub size: Decimal,
    pub done: Decimal,
    paid: Decimal,
    began_ms: i64,
    /// Its history, oldest first: milliseconds, word, description, what was done by then.
    rows: Vec<(i64, &'static str, Option<&'static str>, Decimal, Decimal)>,
    fills: Vec<Value>,
}

impl Twap {
    fn works(&self) -> bool {
        self.rows.last().is_some_and(|(_, word, ..)| *word == "activated")
    }

    fn row(&self, at: usize) -> Value {
        let (ms, word, why, done, paid) = self.rows[at];
        let mut status = json!({ "status": word });
        if let Some(why) = why {
            status["description"] = json!(why);
        }
        json!({
            "time": ms / 1_000, "twapId": self.id, "status": status,
            "state": {
                "coin": self.coin, "user": master(), "side": side(self.wire["b"] == true), "sz": pointed(self.size),
                "executedSz": pointed(done), "executedNtl": pointed(paid), "minutes": self.wire["m"],
                "reduceOnly": self.wire["r"], "randomize": self.wire["t"], "timestamp": self.began_ms,
            },
        })
    }
}

fn answer(kind: &str, status: Value) -> Value {
    json!({"type": kind, "data": {"status": status}})
}

impl Desk {
    /// Begins one, by the venue's rules.
    pub fn begin_twap(&self, wire: &Value) -> Option<Value> {
        let (minutes, asset) = (wire["m"].as_u64()?, wire["a"].as_u64()?);
        let coin = COINS.iter().find(|(_, id, ..)| u64::from(*id) == asset)?.0;
        let size = canonical(&wire["s"])?;
        let value = size * self.exchange().top_of(coin)?.bid;
        if !(5..=1_440).contains(&minutes) {
            return Some(answer("twapOrder", error(format!("Invalid TWAP duration: {minutes} min(s)"))));
        }
        if value < Decimal::TEN * Decimal::from(minutes) {
            let least = minutes * 10;
            let text = format!("TWAP order value too small. Min is ${least}, which is $10 per minute.");
            return Some(answer("twapOrder", error(text)));
        }
        let now = self.now();
        let id = FIRST + self.state().twaps.len() as u64;
        self.state().twaps.push(Twap {
            id,
            coin,
            wire: wire.clone(),
            size,
            done: Decimal::ZERO,
            paid: Decimal::ZERO,
            began_ms: now,
            rows: vec![(now, "activated", None, Decimal::ZERO, Decimal::ZERO)],
            fills: Vec::new(),
        });
        self.tell_twap(id);
        let (desk, slices) = (self.clone(), minutes * 2);
        tokio::spawn(async move {
            for _ in 0..slices {
                tokio::time::sleep(EVERY).await;
                desk.slice(id, size / Decimal::from(slices));
            }
        });
        Some(answer("twapOrder", json!({"running": {"twapId": id}})))
    }

    /// Ends one at its owner's wish.
    pub fn cancel_twap(&self, wire: &Value) -> Value {
        let known = wire["t"].as_u64().filter(|id| self.end_twap(*id, "terminated", None));
        let gone = || error("TWAP was never placed, already canceled, or filled.".to_owned());
        answer("twapCancel", known.map_or_else(gone, |_| json!("success")))
    }

    /// Ends one with this word. False when none of this number works.
    pub fn end_twap(&self, id: u64, word: &'static str, why: Option<&'static str>) -> bool {
        let now = self.now();
        {
            let mut state = self.state();
            let Some(twap) = state.twaps.iter_mut().find(|twap| twap.id == id && twap.works()) else {
                return false;
            };
            twap.rows.push((now, word, why, twap.done, twap.paid));
        }
        self.tell_twap(id);
        true
    }

    /// Fills a slice at the other side's price.
    pub fn slice(&self, id: u64, units: Decimal) {
        let now = self.now();
        let (row, whole) = {
            let mut state = self.state();
            let number = state.twaps.iter().map(|twap| twap.fills.len() as u64).sum::<u64>() + 1;
            let Some(twap) = state.twaps.iter_mut().find(|twap| twap.id == id && twap.works()) else {
                return;
            };
            let buy = twap.wire["b"] == true;
            let units = units.min(twap.size - twap.done).round_dp(4);
            let Some(top) = self.exchange().top_of(twap.coin) else { return };
            let price = if buy { top.ask } else { top.bid };
            self.exchange().settle(twap.coin, buy, units, price);
            (twap.done, twap.paid) = (twap.done + units, twap.paid + units * price);
            let fill = json!({
                "coin": twap.coin, "px": pointed(price), "sz": pointed(units), "side": side(buy), "time": now,
                "startPosition": "0.0", "dir": if buy { "Open Long" } else { "Open Short" }, "closedPnl": "0.0",
                "hash": format!("0x{:064x}", 0), "oid": SLICE_OID_BASE + number, "crossed": true,
                "fee": pointed(price * units * FEE), "tid": SLICE_TID_BASE + number, "feeToken": "USDC", "twapId": null,
            });
            let row = json!({"fill": fill, "twapId": id});
            twap.fills.push(row.clone());
            (row, twap.done >= twap.size)
        };
        let user = master();
        let data = json!({"user": user, "twapSliceFills": [row]});
        self.say("userTwapSliceFills", &user, json!({"channel": "userTwapSliceFills", "data": data}));
        if whole {
            self.end_twap(id, "finished", None);
        }
    }

    fn tell_twap(&self, id: u64) {
        let row =
            self.state().twaps.iter().find(|twap| twap.id == id).map(|twap| twap.row(twap.rows.len() - 1));
        let user = master();
        let data = json!({"user": user, "history": [row]});
        self.say("userTwapHistory", &user, json!({"channel": "userTwapHistory", "data": data}));
    }

    /// `twapHistory`: every change of every one, newest first; the newest row of each shows it as it is now.
    pub fn show_twaps(&self) -> Value {
        let state = self.state();
        let rows = state.twaps.iter().rev().flat_map(|twap| {
            (0..twap.rows.len()).rev().map(|at| {
                let mut row = twap.row(at);
                if twap.works() && at + 1 == twap.rows.len() {
                    row["state"]["executedSz"] = json!(pointed(twap.done));
                    row["state"]["executedNtl"] = json!(pointed(twap.paid));
                }
                row
            })
        });
        rows.collect()
    }

    /// `userTwapSliceFills`, newest first.
    pub fn show_slices(&self) -> Value {
        let state = self.state();
        state.twaps.iter().rev().flat_map(|twap| twap.fills.iter().rev().cloned()).collect()
    }
}
