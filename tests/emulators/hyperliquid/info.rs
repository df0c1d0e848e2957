//! `/info`: everything that is read.

use serde_json::{Value, json};

use super::shows::{book, context, middle, number_of};
use super::{COINS, Desk, SUB_ACCOUNT, VAULT, master, sign};
use crate::emulators::exchange::{Order, Status};

/// Fills and orders of one answer.
const LONGEST: usize = 2_000;

pub fn weight(body: &Value) -> u32 {
    match body["type"].as_str().unwrap_or_default() {
        "allMids" | "l2Book" | "clearinghouseState" | "spotClearinghouseState" | "orderStatus" => 2,
        "userRole" => 60,
        _ => 20,
    }
}

fn meta(dex: &str) -> Option<Value> {
    let rows: Vec<Value> = match dex {
        "" => vec![
            json!({"name": "BTC", "szDecimals": 5, "maxLeverage": 40, "marginTableId": 56}),
            json!({"name": "ETH", "szDecimals": 4, "maxLeverage": 25, "marginTableId": 55}),
            json!({"name": "OLD", "szDecimals": 2, "maxLeverage": 3, "marginTableId": 3, "isDelisted": true}),
        ],
        "xyz" => vec![json!({"name": "xyz:TSLA", "szDecimals": 3, "maxLeverage": 10, "onlyIsolated": true})],
        _ => return None,
    };
    Some(json!({"universe": rows, "marginTables": [], "collateralToken": 0}))
}

fn spot_meta() -> Value {
    json!({
        "tokens": [
            {"name": "USDC", "szDecimals": 8, "weiDecimals": 8, "index": 0, "tokenId": "0x6d1e7cde53ba9467b783cb7c530ce054",
                "isCanonical": true, "evmContract": null, "fullName": null},
            {"name": "PURR", "szDecimals": 0, "weiDecimals": 5, "index": 1, "tokenId": "0xc4bf3f870c0e9465323c0b6ed28096c2",
                "isCanonical": true, "evmContract": null, "fullName": null}],
        "universe": [{"name": "PURR/USDC", "tokens": [1, 0], "index": 0, "isCanonical": true}],
    })
}

impl Desk {
    /// What is answered; `None` for what is no question.
    pub fn inform(&self, body: &Value) -> Option<Value> {
        let kind = body["type"].as_str()?;
        let user = body["user"].as_str().map(str::to_lowercase);
        let dex = body["dex"].as_str().unwrap_or_default();
        match user {
            Some(user) => self.about_user(kind, &user, dex, body),
            None => self.about_market(kind, dex, body),
        }
    }

    fn contexts(&self, spot: bool, dex: &str) -> Vec<Value> {
        let of_dex = |coin: &str| coin.split_once(':').map_or("", |(name, _)| name) == dex;
        let mut rows: Vec<Value> = COINS
            .iter()
            .filter(|(coin, _, _, is_spot)| *is_spot == spot && of_dex(coin))
            .filter_map(|(coin, ..)| Some(context(coin, &self.exchange().top_of(coin)?)))
            .collect();
        if !spot && dex.is_empty() {
            rows.push(json!({"funding": "0.0", "openInterest": "0.0", "prevDayPx": "1.0", "dayNtlVlm": "0.0", "premium": null,
                "oraclePx": "1.0", "markPx": "1.0", "midPx": null, "impactPxs": null, "dayBaseVlm": "0.0"}));
        }
        rows
    }

    fn about_market(&self, kind: &str, dex: &str, body: &Value) -> Option<Value> {
        let coin = body["coin"].as_str().unwrap_or_default();
        Some(match kind {
            "meta" => meta(dex)?,
            "perpDexs" => json!([null, {"name": "xyz", "fullName": "XYZ", "deployer": VAULT}]),
            "spotMeta" => spot_meta(),
            "metaAndAssetCtxs" => json!([meta(dex)?, self.contexts(false, dex)]),
            "spotMetaAndAssetCtxs" => json!([spot_meta(), self.contexts(true, "")]),
            "allMids" => {
                let rows = self.exchange().tops();
                rows.iter().map(|(coin, top)| (coin.clone(), json!(middle(top)))).collect()
            }
            "l2Book" => match self.exchange().top_of(coin) {
                Some(top) => book(coin, &top, self.now()),
                None => Value::Null,
            },
            "recentTrades" => json!([]),
            "candleSnapshot" => self.candles(&body["req"])?,
            "fundingHistory" => {
                json!([{"coin": coin, "fundingRate": "0.0000125", "premium": "0.0003", "time": self.now()}])
            }
            "exchangeStatus" => json!({"time": self.now(), "specialStatuses": null}),
            _ => return None,
        })
    }

    /// Bars of one price each, a thousandth higher every time.
    fn candles(&self, request: &Value) -> Option<Value> {
        let coin = request["coin"].as_str()?;
        let step = match request["interval"].as_str()? {
            "1m" => 60_000,
            "5m" => 300_000,
            "15m" => 900_000,
            "1h" => 3_600_000,
            "1d" => 86_400_000,
            "1w" => 604_800_000,
            _ => return None,
        };
        let (start, end) =
            (request["startTime"].as_i64()?, request["endTime"].as_i64().unwrap_or_else(|| self.now()));
        self.exchange().top_of(coin)?;
        let first = (start + step - 1).div_euclid(step) * step;
        let times = (0..5_000).map(|n| first + n * step).take_while(|at| *at <= end);
        let rows = times.map(|at| {
            json!({"t": at, "T": at + step - 1, "s": coin, "i": request["interval"], "o": "100.0", "c": "100.5", "h": "101.0",
                "l": "99.0", "v": "3.5", "n": 42})
        });
        Some(rows.collect())
    }

    fn about_user(&self, kind: &str, user: &str, dex: &str, body: &Value) -> Option<Value> {
        // Another's state is empty, an agent's own too.
        let known = user == master() || [SUB_ACCOUNT, VAULT].contains(&user);
        let orders = || if known { self.exchange().orders() } else { Vec::new() };
        let of_dex = |order: &Order| order.new.symbol.split_once(':').map_or("", |(name, _)| name) == dex;
        let open = || orders().into_iter().filter(|order| order.status == Status::Working && of_dex(order));
        Some(match kind {
            "clearinghouseState" if known => self.show_clearinghouse(dex),
            "clearinghouseState" => {
                let nothing = json!({"accountValue": "0.0", "totalNtlPos": "0.0", "totalRawUsd": "0.0", "totalMarginUsed": "0.0"});
                json!({"assetPositions": [], "marginSummary": nothing, "crossMarginSummary": nothing,
                    "crossMaintenanceMarginUsed": "0.0", "withdrawable": "0.0", "time": self.now()})
            }
            "spotClearinghouseState" if known => self.show_spot(),
            "spotClearinghouseState" => json!({"balances": []}),
            "openOrders" => open().map(|order| self.show_update(&order)[0]["order"].clone()).collect(),
            "frontendOpenOrders" => open().map(|order| self.show_order(&order)).collect(),
            "historicalOrders" => {
                let rows = orders().into_iter().rev().take(LONGEST);
                rows.map(|order| self.show_with_status(&order)).collect()
            }
            "orderStatus" => {
                let found = match body["oid"].as_str() {
                    Some(cloid) => self.exchange().by_client_id(cloid),
                    None => number_of(&body["oid"]).and_then(|number| self.exchange().order(number)),
                };
                match found.filter(|_| known) {
                    Some(order) => json!({"status": "order", "order": self.show_with_status(&order)}),
                    None => json!({"status": "unknownOid"}),
                }
            }
            "userFills" | "userFillsByTime" => self.fills(known, body),
            "userRole" => self.role(user),
            "extraAgents" => self.agents(user),
            "subAccounts" if user == master() => {
                json!([{"name": "second", "subAccountUser": SUB_ACCOUNT, "master": user}])
            }
            "subAccounts" => Value::Null,
            "userAbstraction" => json!(self.state().abstraction.unwrap_or("default")),
            "userRateLimit" => {
                let (used, cap) = self.state().requests.unwrap_or((10, 11_234));
                json!({"cumVlm": "1234.5", "nRequestsUsed": used, "nRequestsCap": cap, "nRequestsSurplus": 0})
            }
            "portfolio" => {
                let part = json!({"accountValueHistory": [[1, "1000.0"]], "pnlHistory": [[1, "0.0"], [2, "12.5"]], "vlm": "0.0"});
                json!([["day", part], ["week", part]])
            }
            "userFees" => json!({"dailyUserVlm": [], "userCrossRate": "0.00045", "userAddRate": "0.00015",
                "userSpotCrossRate": "0.0007", "userSpotAddRate": "0.0004"}),
            "twapHistory" if known => self.show_twaps(),
            "userTwapSliceFills" if known => self.show_slices(),
            "userFunding" | "userNonFundingLedgerUpdates" | "userTwapSliceFills" | "twapHistory" => json!([]),
            _ => return None,
        })
    }

    fn fills(&self, known: bool, body: &Value) -> Value {
        let fills = if known { self.exchange().fills() } else { Vec::new() };
        let start = body["startTime"].as_i64().unwrap_or(i64::MIN);
        let end = body["endTime"].as_i64().unwrap_or(i64::MAX);
        let within = fills.iter().filter(|fill| fill.at_ms >= start && fill.at_ms <= end);
        within.take(LONGEST).map(|fill| self.show_fill(fill)).collect()
    }

    fn role(&self, user: &str) -> Value {
        let state = self.state();
        match state.agents.get(user) {
            Some(master) => json!({"role": "agent", "data": {"user": master}}),
            None if user == master() => json!({"role": "user"}),
            None if user == SUB_ACCOUNT => json!({"role": "subAccount", "data": {"master": master()}}),
            None if user == VAULT => json!({"role": "vault"}),
            None => json!({"role": "missing"}),
        }
    }

    fn agents(&self, user: &str) -> Value {
        let state = self.state();
        let agent = sign::address(super::AGENT_KEY);
        if user != master() || !state.agents.contains_key(&agent) {
            return json!([]);
        }
        json!([{"name": "arbion", "address": agent, "validUntil": state.agent_until}])
    }
}
