//! Packages through a session: what is typed of them is what they mean.

use arbion::client::{Reply, Request, Session};
use arbion::command::types::Command;
use arbion::domain::option::{OptionContract, Right};
use arbion::domain::order::OriginKind;
use arbion::engine::FeedChoice;

use crate::engine::start;

/// A word beside a package's price is meant: what is bought for a credit brings money, whoever sends it, and costs none.
#[tokio::test]
async fn a_package_bought_for_a_credit_brings_it() {
    let directory = tempfile::tempdir().unwrap();
    let engine = start(&directory.path().join("p"), FeedChoice::Simulated);
    let session = engine.session();
    let chain = Request::Chain { underlying: "SPY".parse().unwrap(), expiry: None, right: Some(Right::Call) };
    let Reply::Chain(chain) = session.request(chain).await.unwrap() else { panic!() };
    let expiry = chain.rows.last().unwrap().contract.expiry;
    let mut rows = chain.rows.iter().filter(|row| row.contract.expiry == expiry);
    let (low, high) = (&rows.next().unwrap().contract, &rows.next().unwrap().contract);
    let leg = |side: &str, contract: &OptionContract| {
        serde_json::json!({
            "side": side, "position_effect": "open", "ratio": "1",
            "instrument": {
                "kind": "option", "underlying": "SPY", "expiry": contract.expiry.to_string(),
                "strike": contract.strike.to_string(), "right": "call",
            },
        })
    };
    for (side, effect, limit, cost, words) in [
        ("buy", "credit", "-2.1", -210, "at a limit of 2.1 credit"),
        ("sell", "credit", "2.1", -210, "at a limit of 2.1 credit"),
        ("buy", "debit", "2.1", 210, "at a limit of 2.1 debit"),
        ("sell", "debit", "-2.1", 210, "at a limit of 2.1 debit"),
    ] {
        let command = serde_json::json!({
            "intent": "place", "side": side, "legs": [leg("sell", low), leg("buy", high)], "quantity": "1", "order_type": "limit",
            "limit_price": "2.1", "time_in_force": "day", "price_effect": effect,
        });
        let command: Command = serde_json::from_value(command).unwrap();
        let preview = Request::Preview { command, origin: OriginKind::Cli, account: None, ask_broker: false };
        let Reply::Preview(preview) = session.request(preview).await.unwrap() else { panic!() };
        let price = preview.request.pricing.limit_price().unwrap().to_string();
        assert_eq!((price.as_str(), preview.estimated_cost), (limit, Some(cost.into())), "{side} {effect}");
        assert!(preview.words.contains(words), "{}", preview.words);
    }
}
