//! "Sign in with Coinbase": the authorization page and the token endpoint. PKCE is checked, a code is good once, and a refresh token is used up
//! by its use.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Form, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Shared;

/// The app that it knows.
pub const CLIENT_ID: &str = "client-1";
pub const CLIENT_SECRET: &str = "hunter2-client-secret";

fn refused(error: &str, words: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": error, "error_description": words}))).into_response()
}

/// A person agrees at once.
pub async fn authorize(
    State(shared): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let get = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let fits = get("response_type") == "code"
        && get("client_id") == CLIENT_ID
        && get("code_challenge_method") == "S256"
        && get("state").len() >= 8
        && get("scope").contains("offline_access");
    if !fits {
        return (StatusCode::BAD_REQUEST, "the request is invalid").into_response();
    }
    let mut knobs = shared.knobs();
    let code = format!("code-{}", knobs.codes.len() + 1);
    let redirect = get("redirect_uri").to_owned();
    knobs.codes.insert(code.clone(), (get("code_challenge").to_owned(), redirect.clone()));
    drop(knobs);
    let place = format!("{redirect}?code={code}&state={}", get("state"));
    (StatusCode::FOUND, [(header::LOCATION, place)]).into_response()
}

pub async fn token(State(shared): State<Shared>, Form(form): Form<HashMap<String, String>>) -> Response {
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if get("client_id") != CLIENT_ID || get("client_secret") != CLIENT_SECRET {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"}))).into_response();
    }
    let mut knobs = shared.knobs();
    match get("grant_type") {
        "authorization_code" => {
            let Some((challenge, redirect)) = knobs.codes.remove(get("code")) else {
                return refused("invalid_grant", "the code is unknown or was used");
            };
            let hashed = URL_SAFE_NO_PAD.encode(Sha256::digest(get("code_verifier").as_bytes()));
            if hashed != challenge || redirect != get("redirect_uri") {
                return refused("invalid_grant", "the verifier does not fit");
            }
        }
        "refresh_token" => {
            if knobs.refresh.as_deref() != Some(get("refresh_token")) {
                return refused("invalid_grant", "the refresh token was used or revoked");
            }
        }
        _ => return refused("unsupported_grant_type", ""),
    }
    knobs.given += 1;
    let (access, refresh) = (format!("access-{}", knobs.given), format!("refresh-{}", knobs.given));
    (knobs.bearer, knobs.refresh) = (Some(access.clone()), Some(refresh.clone()));
    Json(json!({"access_token": access, "token_type": "bearer", "expires_in": 3600, "refresh_token": refresh,
        "scope": "wallet:user:read wallet:accounts:read offline_access"}))
    .into_response()
}

/// RFC 7009: what is taken back opens nothing any more.
pub async fn revoke(State(shared): State<Shared>, Form(form): Form<HashMap<String, String>>) -> Response {
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if get("client_id") != CLIENT_ID || get("client_secret") != CLIENT_SECRET {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"}))).into_response();
    }
    let mut knobs = shared.knobs();
    if knobs.refresh.as_deref() == Some(get("token")) || knobs.bearer.as_deref() == Some(get("token")) {
        (knobs.bearer, knobs.refresh) = (None, None);
    }
    StatusCode::OK.into_response()
}
