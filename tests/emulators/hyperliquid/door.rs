//! `/exchange`: who signed, whether he may, and what becomes of what he wants.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::shows::{OID_BASE, number_of, text};
use super::{COINS, Desk, SUB_ACCOUNT, VAULT, master, sign};
use crate::emulators::exchange::{NewOrder, Order, Refusal, Status, Terms};

const DAY_MS: i64 = 86_400_000;
/// Nonces that are remembered of a signer.
const NONCES_MAX: usize = 100;

/// A number as it may be written; others change the hash at the venue, and so the signer.
pub fn canonical(value: &Value) -> Option<Decimal> {
    let number = Decimal::from_str(value.as_str()?).ok()?;
    (text(number) == value.as_str()?).then_some(number)
}

pub fn error(text: impl Into<String>) -> Value {
    json!({ "error": text.into() })
}

impl Desk {
    /// What is answered; `None` for what is no request.
    pub fn act(&self, body: &Value) -> Option<Result<Value, String>> {
        let action = body.get("action")?;
        let kind = action["type"].as_str()?;
        let nonce = body["nonce"].as_u64()?;
        body.get("signature").filter(|signature| signature.is_object())?;
        if kind == "approveAgent" {
            return self.approve(body, nonce);
        }
        let mainnet = self.state().mainnet;
        let signer = if self.written_well(action) {
            sign::signer_of(body, mainnet)?
        } else {
            format!("0x{:040x}", nonce)
        };
        if let Err(text) = self.may(body, &signer, nonce) {
            return Some(Err(text));
        }
        self.do_it(kind, action)
    }

    /// Are all numbers of orders written as the venue writes them.
    fn written_well(&self, action: &Value) -> bool {
        let modified = action["modifies"].as_array().into_iter().flatten().map(|one| &one["order"]);
        let orders = action["orders"].as_array().into_iter().flatten().chain(modified);
        let well = |order: &Value| canonical(&order["p"]).is_some() && canonical(&order["s"]).is_some();
        orders.into_iter().all(well)
    }

    fn may(&self, body: &Value, signer: &str, nonce: u64) -> Result<(), String> {
        let now = self.now();
        let mut state = self.state();
        let account = if signer == master() { Some(master()) } else { state.agents.get(signer).cloned() };
        let expired = signer != master() && state.agent_until.is_some_and(|until| until <= now);
        if account.is_none() || expired {
            return Err(format!("L1 error: User or API Wallet {signer} does not exist."));
        }
        if let Some(vault) = body["vaultAddress"].as_str()
            && ![SUB_ACCOUNT, VAULT].contains(&vault)
        {
            return Err(format!("Vault not registered: {vault}"));
        }
        let at = i64::try_from(nonce).unwrap_or(i64::MAX);
        let kept = state.nonces.entry(signer.to_owned()).or_default();
        if kept.contains(&nonce) {
            return Err(format!("Invalid nonce: duplicate nonce {nonce}"));
        }
        let too_low = kept.len() >= NONCES_MAX && kept.first().is_some_and(|lowest| nonce < *lowest);
        if too_low || at < now - 2 * DAY_MS || at > now + DAY_MS {
            return Err(format!("Invalid nonce: {nonce}"));
        }
        kept.insert(nonce);
        if kept.len() > NONCES_MAX {
            kept.pop_first();
        }
        match body["expiresAfter"].as_i64() {
            Some(expires) if expires < now => Err("Order has expired".to_owned()),
            _ => Ok(()),
        }
    }

    fn approve(&self, body: &Value, nonce: u64) -> Option<Result<Value, String>> {
        let action = &body["action"];
        let chain = if self.state().mainnet { "Mainnet" } else { "Testnet" };
        let signer = sign::approver_of(body)?;
        if action["nonce"].as_u64() != Some(nonce)
            || action["hyperliquidChain"] != chain
            || signer != master()
        {
            return Some(Err(format!("Must deposit before performing actions. User: {signer}")));
        }
        let agent = action["agentAddress"].as_str()?.to_lowercase();
        self.state().agents.insert(agent, signer);
        Some(Ok(json!({"type": "default"})))
    }

    fn do_it(&self, kind: &str, action: &Value) -> Option<Result<Value, String>> {
        let default = || Some(Ok(json!({"type": "default"})));
        match kind {
            "order" => {
                let orders = action["orders"].as_array()?;
                let group = action["grouping"].as_str()?;
                Some(self.place_all(orders, group).map(|all| answer("order", &all)))
            }
            "batchModify" => {
                let all: Option<Vec<Value>> =
                    action["modifies"].as_array()?.iter().map(|one| self.modify(one)).collect();
                Some(Ok(answer("order", &all?)))
            }
            "cancel" => {
                let cancels = action["cancels"].as_array()?;
                let all: Vec<Value> =
                    cancels.iter().map(|one| self.cancel(one["a"].as_u64(), number_of(&one["o"]))).collect();
                Some(Ok(answer("cancel", &all)))
            }
            "cancelByCloid" => {
                let cancels = action["cancels"].as_array()?;
                let by_id = |one: &Value| {
                    let found = self.exchange().by_client_id(one["cloid"].as_str().unwrap_or_default());
                    self.cancel(one["asset"].as_u64(), found.map(|order| order.number))
                };
                Some(Ok(answer("cancel", &cancels.iter().map(by_id).collect::<Vec<_>>())))
            }
            "scheduleCancel" => self.schedule(action["time"].as_u64()),
            "updateLeverage" => {
                self.state().leverage.insert(action["asset"].as_u64()?, action.clone());
                default()
            }
            "updateIsolatedMargin" => {
                self.state().margins.push(action.clone());
                default()
            }
            "twapOrder" => Some(Ok(self.begin_twap(&action["twap"])?)),
            "twapCancel" => Some(Ok(self.cancel_twap(action))),
            "reserveRequestWeight" => {
                let weight = action["weight"].as_u64().filter(|weight| *weight > 0)?;
                self.exchange().pay(-Decimal::from(weight) * Decimal::new(5, 4));
                let mut state = self.state();
                let (used, cap) = state.requests.unwrap_or((10, 11_234));
                state.requests = Some((used, cap + weight));
                default()
            }
            "noop" => default(),
            _ => None,
        }
    }

    fn place_all(&self, orders: &[Value], group: &str) -> Result<Vec<Value>, String> {
        if self.state().post_only && orders.iter().any(|order| order["t"]["limit"]["tif"] != "Alo") {
            return Err("Only post-only orders allowed immediately after a network upgrade".to_owned());
        }
        if group != "normalTpsl" {
            return Ok(orders.iter().map(|order| self.place(order)).collect());
        }
        let wait = |number: u64| self.state().waiting.insert(number, orders[1..].to_vec());
        let first = self.place_then(&orders[0], &wait);
        if first.get("error").is_some() {
            return Ok(vec![first]);
        }
        let mut all = vec![first];
        all.resize(orders.len(), json!("waitingForFill"));
        Ok(all)
    }

    pub fn place(&self, order: &Value) -> Value {
        self.place_then(order, &|_| None)
    }

    /// Enters an order; what depends on it is made known before it can fill.
    fn place_then(&self, order: &Value, made: &dyn Fn(u64) -> Option<Vec<Value>>) -> Value {
        let asset = order["a"].as_u64().unwrap_or(u64::MAX);
        let refused = |text: &str| error(format!("{text} asset={asset}"));
        let new = match self.checked(order) {
            Ok(new) => new,
            Err(text) => return refused(&text),
        };
        made(self.exchange().orders().len() as u64 + 1);
        match self.exchange().submit(new) {
            Ok(order) => entered(&order),
            Err(Refusal::NotEnoughCash) => refused("Insufficient margin to place order."),
            Err(Refusal::DuplicateClientId) => refused("Order with this client id exists already."),
            Err(other) => refused(&format!("Order was refused ({other:?}).")),
        }
    }

    /// An order by the venue's rules, or its words for why not.
    fn checked(&self, order: &Value) -> Result<NewOrder, String> {
        let asset = order["a"].as_u64().unwrap_or(u64::MAX);
        let known = COINS.iter().find(|(_, id, ..)| u64::from(*id) == asset);
        let (coin, _, size_decimals, is_spot) = *known.ok_or("Order has an unknown asset.")?;
        let (price, size) =
            (canonical(&order["p"]).unwrap_or_default(), canonical(&order["s"]).unwrap_or_default());
        let (buy, reduces) = (order["b"] == true, order["r"] == true);
        let decimals = if is_spot { 8 - size_decimals } else { 6 - size_decimals };
        let trigger = &order["t"]["trigger"];
        let trigger_price = canonical(&trigger["triggerPx"]);
        for price in [Some(price), trigger_price].into_iter().flatten() {
            let figures = price.normalize().mantissa().unsigned_abs().to_string().len();
            let whole = price.normalize().scale() == 0;
            if price <= Decimal::ZERO || !(whole || (figures <= 5 && price.normalize().scale() <= decimals)) {
                return Err("Price must be divisible by tick size.".to_owned());
            }
        }
        if size.is_zero() {
            return Err("Order has zero size.".to_owned());
        }
        if size.normalize().scale() > size_decimals {
            return Err("Order has invalid size.".to_owned());
        }
        if price * size < Decimal::TEN && !reduces {
            let unit = if is_spot { "10 USDC" } else { "$10" };
            return Err(format!("Order must have minimum value of {unit}."));
        }
        let held = self.exchange().positions().into_iter().find(|(symbol, ..)| symbol == coin);
        let held = held.map_or(Decimal::ZERO, |(_, units, _)| units);
        if reduces && trigger.is_null() && (if buy { held >= Decimal::ZERO } else { held <= Decimal::ZERO }) {
            return Err("Reduce only order would increase position.".to_owned());
        }
        let top = self.exchange().top_of(coin).ok_or("Order has an unknown asset.")?;
        let crosses = if buy { price >= top.ask } else { price <= top.bid };
        let tif = order["t"]["limit"]["tif"].as_str();
        match tif {
            Some("Alo") if crosses => {
                let bbo = format!("{}@{}", text(top.bid), text(top.ask));
                return Err(format!("Post only order would have immediately matched, bbo was {bbo}."));
            }
            Some("Ioc") if !crosses => {
                return Err("Order could not immediately match against any resting orders.".to_owned());
            }
            _ => {}
        }
        let terms = match trigger_price {
            None => Terms::Limit(price),
            Some(at) => {
                let reaches = if buy { price >= at } else { price <= at };
                if trigger["isMarket"] == true && !reaches {
                    return Err("Invalid TP/SL price.".to_owned());
                }
                match (trigger["tpsl"].as_str(), trigger["isMarket"] == true) {
                    (Some("tp"), _) => Terms::Limit(at),
                    (_, true) => Terms::Stop(at),
                    (_, false) => Terms::StopLimit { stop: at, limit: price },
                }
            }
        };
        Ok(NewOrder {
            client_id: order["c"].as_str().map(str::to_owned),
            symbol: coin.to_owned(),
            buy,
            quantity: size,
            terms,
            immediate: tif == Some("Ioc"),
            wire: order.clone(),
        })
    }

    fn modify(&self, one: &Value) -> Option<Value> {
        let order = &one["order"];
        let old = match one["oid"].as_str() {
            Some(cloid) => self.exchange().by_client_id(cloid).map(|order| order.number),
            None => number_of(&one["oid"]),
        };
        let working = old
            .and_then(|number| self.exchange().order(number))
            .filter(|order| order.status == Status::Working);
        let Some(old) = working else { return Some(error("Cannot modify canceled or filled order")) };
        if let Err(text) = self.checked(order) {
            return Some(error(format!("{text} asset={}", order["a"])));
        }
        let ends_first = self.state().ends_first;
        if ends_first {
            self.exchange().cancel(old.number).ok()?;
        }
        let placed = self.place(order);
        if !ends_first {
            self.exchange().cancel(old.number).ok()?;
        }
        Some(placed)
    }

    fn cancel(&self, asset: Option<u64>, number: Option<u64>) -> Value {
        let gone = || {
            let asset = asset.map_or_else(String::new, |asset| format!(" asset={asset}"));
            error(format!("Order was never placed, already canceled, or filled.{asset}"))
        };
        let Some(number) = number else { return gone() };
        if self.exchange().cancel(number).is_ok() { json!("success") } else { gone() }
    }

    /// Ends an order for a reason of the venue's own.
    pub fn end(&self, number: u64, word: &'static str) {
        self.state().words.insert(number, word);
        self.exchange().cancel(number).ok();
    }

    fn schedule(&self, time: Option<u64>) -> Option<Result<Value, String>> {
        let now = u64::try_from(self.now()).ok()?;
        if time.is_some_and(|time| time < now + 5_000) {
            return Some(Err("Cannot set scheduled cancel time too soon".to_owned()));
        }
        self.state().scheduled = time;
        if let Some(time) = time {
            let desk = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(std::time::Duration::from_millis(time - now)).await;
                if desk.state().scheduled == Some(time) {
                    for order in desk.exchange().orders() {
                        if order.status == Status::Working {
                            desk.end(order.number, "scheduledCancel");
                        }
                    }
                }
            });
        }
        Some(Ok(json!({"type": "default"})))
    }
}

fn answer(kind: &str, statuses: &[Value]) -> Value {
    json!({"type": kind, "data": {"statuses": statuses}})
}

fn entered(order: &Order) -> Value {
    let mut body = json!({"oid": OID_BASE + order.number});
    if let Some(cloid) = &order.new.client_id {
        body["cloid"] = json!(cloid);
    }
    let ended = order.status == Status::Filled || (order.new.immediate && !order.filled.is_zero());
    if ended {
        body["totalSz"] = json!(text(order.filled));
        body["avgPx"] = json!(text(order.average().unwrap_or_default()));
        json!({ "filled": body })
    } else {
        json!({ "resting": body })
    }
}
