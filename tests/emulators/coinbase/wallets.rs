//! The v2 interface: wallets and their deposit addresses.

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Shared, all, pairs};

/// Network, address, tag.
type AddressRow = (&'static str, &'static str, Option<&'static str>);
/// Id, currency, kind, addresses.
type Row = (&'static str, &'static str, &'static str, &'static [AddressRow]);

/// Ids of the v2 accounts, with currency, kind and addresses by network.
const V2: [Row; 4] = [
    (
        "2bbf394c-193b-5b2a-9155-3b4732659ede",
        "BTC",
        "wallet",
        &[("bitcoin", "bc1qexampleexampleexampleexample00", None)],
    ),
    (
        "2bbf394c-193b-5b2a-9155-3b4732659edf",
        "USDC",
        "wallet",
        &[("ethereum", "0xaaaa", None), ("solana", "SoLaNa", None)],
    ),
    ("XRP", "XRP", "wallet", &[("ripple", "rExample", Some("1234567"))]),
    ("2bbf394c-193b-5b2a-9155-3b4732659ee0", "USD", "fiat", &[]),
];

pub async fn v2_accounts(RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    if headers.get("cb-version").is_none() {
        return v2_error(StatusCode::BAD_REQUEST, "invalid_request", "CB-VERSION is missing");
    }
    let query = pairs(query.as_deref());
    let after = all(&query, "starting_after").first().copied().unwrap_or_default().to_owned();
    let from = V2.iter().position(|(id, ..)| *id == after).map_or(0, |at| at + 1);
    // Two to a page, so that pages are followed.
    let page: Vec<Value> = V2
        .iter()
        .skip(from)
        .take(2)
        .map(|(id, code, kind, _)| {
            json!({"id": id, "name": format!("{code} Wallet"), "primary": true, "type": kind,
                "currency": {"code": code, "name": code, "type": if *kind == "fiat" { "fiat" } else { "crypto" }},
                "balance": {"amount": "1", "currency": code}, "created_at": "2024-01-31T20:49:02Z",
                "updated_at": "2024-01-31T20:49:02Z", "resource": "account", "resource_path": format!("/v2/accounts/{id}")})
        })
        .collect();
    let next =
        (from + 2 < V2.len()).then(|| format!("/v2/accounts?starting_after={}&limit=2", V2[from + 1].0));
    axum::Json(
        json!({"pagination": {"ending_before": null, "starting_after": null, "limit": 2, "order": "desc",
        "previous_uri": null, "next_uri": next}, "data": page}),
    )
    .into_response()
}

fn v2_error(status: StatusCode, id: &str, message: &str) -> Response {
    (status, axum::Json(json!({"errors": [{"id": id, "message": message}]}))).into_response()
}

fn v2_address(id: usize, network: &str, address: &str, tag: Option<&str>) -> Value {
    let mut row = json!({"id": format!("ad-{id}"), "address": address, "name": null, "callback_url": null,
        "created_at": "2024-01-31T20:49:02Z", "updated_at": "2024-01-31T20:49:02Z", "network": network,
        "resource": "address", "resource_path": "/v2"});
    if let Some(tag) = tag {
        row["destination_tag"] = json!(tag);
    }
    row
}

pub async fn v2_addresses(Path(id): Path<String>) -> Response {
    let Some((.., rows)) = V2.iter().find(|(known, ..)| *known == id) else {
        return v2_error(StatusCode::NOT_FOUND, "not_found", "Not found");
    };
    let rows: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(n, (network, address, tag))| v2_address(n, network, address, *tag))
        .collect();
    axum::Json(json!({"pagination": {"next_uri": null}, "data": rows})).into_response()
}

pub async fn v2_make_address(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let Some((.., rows)) = V2.iter().find(|(known, ..)| *known == id) else {
        return v2_error(StatusCode::NOT_FOUND, "not_found", "Not found");
    };
    let Some((network, address, tag)) = rows.first() else {
        return v2_error(StatusCode::BAD_REQUEST, "validation_error", "fiat accounts have no addresses");
    };
    let number = {
        let mut knobs = shared.knobs();
        knobs.made += 1;
        knobs.made
    };
    let row = v2_address(100 + number, network, &format!("{address}-{number}"), *tag);
    (StatusCode::CREATED, axum::Json(json!({"data": row}))).into_response()
}
