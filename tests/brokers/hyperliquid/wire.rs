//! Our requests beside those of the official client, field by field.

use std::collections::BTreeMap;

use arbion::domain::order::{BracketExit, OrderRequest, Pricing, Side, TimeInForce};
use serde_json::Value;

use super::{Ground, ground, of};
use crate::contract::{Subject, handle, price};

fn recorded() -> Vec<Value> {
    let all: Value =
        serde_json::from_str(include_str!("../../fixtures/brokers/hyperliquid/sdk-wire.json")).unwrap();
    all["rest"].as_array().unwrap().iter().map(|row| row["request"].clone()).collect()
}

/// The action of the official client whose call begins so.
fn action_of(call: &str) -> Value {
    let all: Value =
        serde_json::from_str(include_str!("../../fixtures/brokers/hyperliquid/sdk-wire.json")).unwrap();
    let rows = all["rest"].as_array().unwrap();
    let row = rows.iter().find(|row| row["call"].as_str().unwrap().starts_with(call));
    row.unwrap_or_else(|| panic!("{call}"))["request"]["body"]["action"].clone()
}

/// The action that we sent last, without our own ids: the client of the recording mostly had none.
fn sent(ground: &Ground) -> Value {
    let mut action = ground.posted("/exchange").pop().unwrap()["action"].clone();
    for order in action.get_mut("orders").and_then(Value::as_array_mut).into_iter().flatten() {
        let cloid = order.as_object_mut().unwrap().remove("c").unwrap();
        assert_eq!(cloid.as_str().unwrap().len(), 34);
    }
    for modify in action.get_mut("modifies").and_then(Value::as_array_mut).into_iter().flatten() {
        modify["order"].as_object_mut().unwrap().remove("c").unwrap();
    }
    action
}

fn limit(text: &str) -> Pricing {
    Pricing::Limit { limit_price: price(text) }
}

async fn prepared() -> (Ground, Subject) {
    let ground = ground().await;
    ground.emulator.exchange.quote("ETH", "1670.2".parse().unwrap(), "1670.4".parse().unwrap());
    let subject = ground.subject().await;
    (ground, subject)
}

#[tokio::test]
async fn orders_are_those_of_the_official_client() {
    let (ground, subject) = prepared().await;
    let order = |side, quantity: &str, pricing| {
        let order = subject.order(side, pricing);
        OrderRequest { quantity: quantity.parse().unwrap(), ..order }
    };
    let gtc = order(Side::Buy, "0.0147", limit("1670.1"));
    subject.accepted(&gtc).await;
    assert_eq!(
        sent(&ground),
        action_of("ex.order(\"ETH\",True,0.0147,1670.1,{\"limit\":{\"tif\":\"Gtc\"}})")
    );
    ground.emulator.exchange.quote("ETH", "1670".parse().unwrap(), "1670.1".parse().unwrap());
    let ioc = OrderRequest { time_in_force: TimeInForce::Ioc, ..order(Side::Buy, "0.0147", limit("1670.1")) };
    subject.accepted(&ioc).await;
    assert_eq!(
        sent(&ground),
        action_of("ex.order(\"ETH\",True,0.0147,1670.1,{\"limit\":{\"tif\":\"Ioc\"}})")
    );
    let alo = OrderRequest { post_only: true, ..order(Side::SellShort, "1.5", limit("1670.1")) };
    subject.submit(&alo).await;
    let mut theirs = action_of("ex.order(\"ETH\",False,1.5,1670.1,{\"limit\":{\"tif\":\"Alo\"}}");
    theirs["orders"][0].as_object_mut().unwrap().remove("c");
    // Theirs closes what nobody holds here.
    theirs["orders"][0]["r"] = false.into();
    assert_eq!(sent(&ground), theirs);
    let spot = of("PURR-USDC", order(Side::Buy, "100", limit("0.1234")));
    subject.submit(&spot).await;
    let mut theirs = action_of("ex.order(\"PURR/USDC\",True,100,0.12345");
    theirs["orders"][0]["p"] = "0.1234".into();
    assert_eq!(sent(&ground), theirs);
    let stop = order(Side::SellShort, "0.01", Pricing::Stop { stop_price: price("50000") });
    subject.submit(&of("BTC-PERP", stop)).await;
    let mut theirs = action_of("ex.order(\"BTC\",False,0.01,50000,{\"trigger\"");
    // Their caller chose the worst price himself; ours lies ten per cent beyond the trigger.
    theirs["orders"][0]["p"] = "45000".into();
    theirs["orders"][0]["r"] = false.into();
    assert_eq!(sent(&ground), theirs);
}

#[tokio::test]
async fn a_bracket_is_that_of_the_official_client() {
    let (ground, subject) = prepared().await;
    let exit =
        |text| Some(BracketExit { client_order_id: subject.resting().client_order_id, price: price(text) });
    let mut bracket = subject.order(Side::Buy, limit("60000"));
    bracket.quantity = "0.01".parse().unwrap();
    (bracket.take_profit, bracket.stop_loss) = (exit("65000"), exit("56000"));
    subject.submit(&of("BTC-PERP", bracket)).await;
    let mut theirs = action_of("ex.bulk_orders([{\"coin\":\"BTC\"");
    // Ours takes the profit at its price and stops the loss at the market.
    theirs["orders"][1]["t"]["trigger"]["isMarket"] = false.into();
    theirs["orders"][2]["t"]["trigger"]["isMarket"] = true.into();
    theirs["orders"][2]["p"] = "50400".into();
    assert_eq!(sent(&ground), theirs);
}

#[tokio::test]
async fn cancels_and_replaces_are_those_of_the_official_client() {
    let (ground, subject) = prepared().await;
    let order = OrderRequest { quantity: "0.02".parse().unwrap(), ..subject.order(Side::Buy, limit("1600")) };
    let known = subject.accepted(&order).await;
    let oid: u64 = known.broker_order_id.clone().unwrap().as_str().parse().unwrap();
    let new = OrderRequest {
        pricing: limit("1650"),
        client_order_id: subject.resting().client_order_id,
        ..order.clone()
    };
    subject.broker.replace(&known, crate::approved::approve(new.clone())).await;
    let mut theirs = action_of("ex.modify_order(");
    theirs["modifies"][0]["oid"] = oid.into();
    theirs["modifies"][0]["order"]["p"] = "1650".into();
    assert_eq!(sent(&ground), theirs);
    subject.broker.cancel(&known).await;
    let mut theirs = action_of("ex.cancel(");
    theirs["cancels"][0]["o"] = oid.into();
    assert_eq!(sent(&ground), theirs);
    subject.broker.cancel(&handle(&new, None)).await;
    let mut theirs = action_of("ex.cancel_by_cloid(");
    theirs["cancels"][0]["cloid"] = format!("0x{:032x}", new.client_order_id.as_u128()).into();
    assert_eq!(sent(&ground), theirs);
}

#[tokio::test]
async fn leverage_and_margin_are_those_of_the_official_client() {
    let ground = ground().await;
    let account = ground.account().await;
    let btc = super::instrument("BTC-PERP");
    account.update_leverage(&btc, 10, true).await.unwrap();
    assert_eq!(sent(&ground), action_of("ex.update_leverage("));
    account.update_isolated_margin(&btc, "-1.5".parse().unwrap()).await.unwrap();
    assert_eq!(sent(&ground), action_of("ex.update_isolated_margin("));
}

/// Questions that the recorded client has no method for: of those the venue's documents say what they are.
const BY_SHEET: [&str; 2] = ["twapHistory", "userTwapSliceFills"];
/// Fields that the recorded call had and ours leaves to the venue, and the other way round.
const ASIDE: &[(&str, &[&str])] =
    &[("userFillsByTime", &["endTime"]), ("metaAndAssetCtxs", &["dex"]), ("orderStatus", &[])];

#[tokio::test]
async fn every_question_is_one_of_the_official_clients() {
    let ground = ground().await;
    let login = ground.login(crate::emulators::hyperliquid::AGENT_KEY);
    arbion::brokers::Connection::accounts(&login).await.unwrap();
    let subject = ground.subject().await;
    subject.broker.account().await.unwrap();
    subject.broker.positions().await.unwrap();
    subject.broker.orders().await.unwrap();
    subject.broker.executions(jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    subject.broker.order(&handle(&subject.resting(), None)).await.unwrap();
    let feed = arbion::brokers::Connection::feed(&login).unwrap();
    feed.quotes(&[super::instrument("ETH-PERP"), super::instrument("PURR-USDC")]).await.unwrap();
    let now = arbion::brokers::clock::wall();
    feed.bars(&super::instrument("ETH-PERP"), arbion::domain::quote::Interval::Minute1, now, 3)
        .await
        .unwrap();
    let theirs: BTreeMap<String, Value> = recorded()
        .into_iter()
        .filter(|request| request["target"] == "/info")
        .map(|request| (request["body"]["type"].as_str().unwrap().to_owned(), request["body"].clone()))
        .collect();
    let ours = ground.posted("/info");
    let plain = serde_json::json!({"type": "", "user": ""});
    let mut seen = std::collections::BTreeSet::new();
    for body in &ours {
        let kind = body["type"].as_str().unwrap();
        let by_sheet = BY_SHEET.contains(&kind).then_some(&plain);
        let recorded = theirs.get(kind).or(by_sheet);
        let Some(recorded) = recorded else { panic!("the official client has no {kind}") };
        let aside = ASIDE.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, fields)| fields);
        let fields = |value: &Value| {
            let names = value.as_object().unwrap().keys().cloned();
            names.filter(|name| !aside.contains(&name.as_str())).collect::<Vec<_>>()
        };
        assert_eq!(fields(body), fields(recorded), "{kind}");
        if let (Some(ours), Some(theirs)) = (body.get("req"), recorded.get("req")) {
            assert_eq!(fields(ours), fields(theirs), "{kind}");
        }
        assert!(
            body.get("user")
                .is_none_or(|user| user.as_str() == Some(user.as_str().unwrap().to_lowercase().as_str()))
        );
        seen.insert(kind);
    }
    assert!(seen.len() >= 16, "{seen:?}");
}
