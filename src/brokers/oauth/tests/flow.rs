use std::sync::Arc;

use secrecy::ExposeSecret;
use url::Url;

use super::super::callback::Callback;
use super::super::flow::{SignIn, refresh, revoke};
use super::super::lockout::Lockout;
use super::super::state::States;
use super::super::tokens::Tokens;
use super::super::{OauthError, Provider, SecretIn};
use super::server::Server;
use super::{app, at, binding, provider};
use crate::brokers::http::Http;

fn http() -> Arc<Http> {
    Arc::new(Http::new("schwab", &[]).unwrap())
}

fn begin(provider: &Provider) -> SignIn {
    let states = Arc::new(States::new().unwrap());
    SignIn::begin(provider.clone(), app(), binding(), states, &Lockout::default(), at(0)).unwrap()
}

fn query(url: &str) -> std::collections::BTreeMap<String, String> {
    Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

fn callback(sign_in: &SignIn, code: &str) -> Callback {
    Callback { code: Some(code.into()), state: Some(sign_in.state().to_owned()), ..Callback::default() }
}

#[tokio::test]
async fn o1_the_address_is_as_the_rfcs_say() {
    let sign_in = begin(&Provider {
        scopes: vec!["wallet:user:read", "offline_access"],
        ..provider("https://a.b", true)
    });
    let asked = query(sign_in.url());
    assert!(sign_in.url().starts_with("https://a.b/authorize?response_type=code&client_id=app&"));
    assert_eq!(asked["redirect_uri"], "https://127.0.0.1:8182", "byte for byte");
    assert_eq!((asked["code_challenge_method"].as_str(), asked["code_challenge"].len()), ("S256", 43));
    assert_eq!((asked["scope"].as_str(), asked["state"].len()), ("wallet:user:read offline_access", 54));
    // The verifier is sent, and fits the challenge.
    let server = Server::default();
    let base = server.clone().start().await;
    let sign_in = begin(&provider(&base, true));
    let challenge = query(sign_in.url())["code_challenge"].clone();
    sign_in.finish(&http(), callback(&sign_in, "C0.a@"), &mut Lockout::default(), at(10)).await.unwrap();
    let form = server.asked.lock().unwrap()[0].0.clone();
    assert_eq!(form["code_verifier"].len(), 64);
    let digest = <sha2::Sha256 as sha2::Digest>::digest(form["code_verifier"].as_bytes());
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    assert_eq!(base64::Engine::encode(&engine, digest), challenge);
    // Without PKCE there is none, and nothing else is left out.
    let plain = query(begin(&provider("https://a.b", false)).url());
    assert_eq!(plain.keys().collect::<Vec<_>>(), ["client_id", "redirect_uri", "response_type", "state"]);
}

#[tokio::test]
async fn o1_a_code_becomes_tokens_and_is_sent_once() {
    let server = Server::default();
    *server.good.lock().unwrap() = "R0".to_owned();
    let base = server.clone().start().await;
    let sign_in = begin(&provider(&base, false));
    let mut lockout = Lockout::default();
    let tokens = sign_in.finish(&http(), callback(&sign_in, "C0.abc@"), &mut lockout, at(60)).await.unwrap();
    assert_eq!(
        (tokens.access.expose_secret(), tokens.refresh.as_ref().unwrap().expose_secret()),
        ("A1", "R0")
    );
    assert_eq!((tokens.access_until, tokens.login_until), (at(60 + 1_800), Some(at(60 + 7 * 86_400))));
    let (form, who) = server.asked.lock().unwrap()[0].clone();
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!((form["code"].as_str(), form["redirect_uri"].as_str()), ("C0.abc@", "https://127.0.0.1:8182"));
    assert_eq!(who, "Basic YXBwOmh1bnRlcjI=");
    assert!(!form.contains_key("client_secret"));
    let error =
        sign_in.finish(&http(), callback(&sign_in, "C0.abc@"), &mut lockout, at(61)).await.unwrap_err();
    assert!(matches!(error, OauthError::State { .. }), "{error}");
    assert_eq!(server.count(), 1);
    // The end of the login stays where it was, whatever is refreshed.
    let newer = refresh(&http(), &provider(&base, false), &app(), &tokens, at(1_600)).await.unwrap();
    assert_eq!((newer.login_until, newer.access_until), (tokens.login_until, at(1_600 + 1_800)));
    let in_form = Provider { secret_in: SecretIn::Form, ..provider(&base, false) };
    refresh(&http(), &in_form, &app(), &tokens, at(1_601)).await.unwrap();
    let (form, who) = server.asked.lock().unwrap()[2].clone();
    assert_eq!(
        (form["client_id"].as_str(), form["client_secret"].as_str(), who.as_str()),
        ("app", "hunter2", "")
    );
    assert_eq!(revoke(&http(), &in_form, &app(), &tokens).await, Ok(true));
    assert_eq!(revoke(&http(), &Provider { revoke_url: None, ..in_form }, &app(), &tokens).await, Ok(false));
}

#[tokio::test]
async fn o3_an_answer_of_another_issuer_sends_nothing() {
    let server = Server::default();
    let base = server.clone().start().await;
    for (issuer, good) in [("https://evil.example", false), ("https://issuer.example", true)] {
        let sign_in = begin(&provider(&base, false));
        let callback = Callback { issuer: Some(issuer.to_owned()), ..callback(&sign_in, "C0.a@") };
        let done = sign_in.finish(&http(), callback, &mut Lockout::default(), at(1)).await;
        assert_eq!(done.is_ok(), good, "{done:?}");
        assert!(good || matches!(done, Err(OauthError::Issuer { .. })));
        assert_eq!(server.count(), usize::from(good));
    }
}

#[tokio::test]
async fn o5_failures_lock_the_sign_in() {
    let server = Server::default();
    let base = server.clone().start().await;
    let mut lockout = Lockout::default();
    let declined = Callback { error: Some("access_denied".to_owned()), code: None, ..Callback::default() };
    for n in 0..3 {
        let sign_in = begin(&provider(&base, false));
        let callback = match n {
            0 => Callback { state: Some("x".to_owned()), ..callback(&sign_in, "C0.a@") },
            1 => Callback { state: Some(sign_in.state().to_owned()), ..declined.clone() },
            _ => {
                server.answer(400, r#"{"error":"invalid_grant"}"#);
                callback(&sign_in, "C0.a@")
            }
        };
        sign_in.finish(&http(), callback, &mut lockout, at(n)).await.unwrap_err();
    }
    let states = Arc::new(States::new().unwrap());
    let error = SignIn::begin(provider(&base, false), app(), binding(), states, &lockout, at(3)).unwrap_err();
    assert!(matches!(error, OauthError::LockedOut { .. }), "{error}");
    let sign_in = begin(&provider(&base, false));
    let error = sign_in.finish(&http(), callback(&sign_in, "C0.a@"), &mut lockout, at(4)).await.unwrap_err();
    assert!(matches!(error, OauthError::LockedOut { .. }), "{error}");
    assert_eq!(server.count(), 1);
}

fn held() -> Tokens {
    Tokens {
        binding: binding(),
        access: "A0".into(),
        given_at: at(0),
        access_until: at(1_800),
        refresh: Some("R0".into()),
        login_at: at(0),
        login_until: None,
        scopes: None,
    }
}

#[tokio::test]
async fn n6_every_refusal_has_its_meaning() {
    let ended = "{\"error\":\"unsupported_token_type\",\"error_description\":\"400 Bad Request: \\\"{\\\\\\\"error\\\\\\\":\\\\\\\"refresh_token_authentication_error\\\\\\\"}\\\"\"}";
    let server = Server::default();
    let base = server.clone().start().await;
    for (status, body, meaning) in [
        (400, r#"{"error":"invalid_grant"}"#, "ended"),
        (400, ended, "ended"),
        (401, r#"{"error":"invalid_client","error_description":"Unauthorized"}"#, "denied"),
        (401, "", "denied"),
        (401, "<html>", "denied"),
        (400, r#"{"error":"unauthorized_client"}"#, "denied"),
        (403, "<html>Access Denied</html>", "later"),
        (500, "", "later"),
        (503, "<html>", "later"),
        (429, "{}", "later"),
        (400, r#"{"error":"temporarily_unavailable"}"#, "later"),
        (200, "", "unusable"),
        (200, "<html>", "unusable"),
        (200, r#"{"error":"invalid_grant"}"#, "unusable"),
        (200, r#"{"access_token":"A","token_type":"mac"}"#, "unusable"),
        (200, r#"{"access_token":"","token_type":"bearer"}"#, "unusable"),
        (200, r#"{"access_token":"A\nB: c","token_type":"bearer"}"#, "unusable"),
        (400, r#"{"odd":1}"#, "unusable"),
    ] {
        server.answer(status, body);
        let error = refresh(&http(), &provider(&base, false), &app(), &held(), at(0)).await.unwrap_err();
        let found = match &error {
            OauthError::LoginNeeded { .. } => "ended",
            OauthError::Denied { .. } => "denied",
            OauthError::Transient { .. } => "later",
            OauthError::Unusable { .. } => "unusable",
            other => panic!("{other}"),
        };
        assert_eq!(found, meaning, "{status} {body}: {error}");
        assert!(!error.to_string().contains("R0") && !error.to_string().contains("hunter2"), "{error}");
    }
    server.answer(
        200,
        &format!(r#"{{"access_token":"A","token_type":"bearer","x":"{}"}}"#, "x".repeat(70_000)),
    );
    let error = refresh(&http(), &provider(&base, false), &app(), &held(), at(0)).await.unwrap_err();
    assert!(error.to_string().contains("longer than 64 KiB"), "{error}");
}

#[tokio::test]
async fn o7_a_life_that_cannot_be_is_half_an_hour() {
    let server = Server::default();
    let base = server.clone().start().await;
    for (said, life) in [
        ("\"expires_in\":3600,", 3_600),
        ("\"expires_in\":\"3600\",", 3_600),
        ("", 1_800),
        ("\"expires_in\":null,", 1_800),
        ("\"expires_in\":-5,", 1_800),
        ("\"expires_in\":0,", 1_800),
        ("\"expires_in\":1e30,", 1_800),
        ("\"expires_in\":99999999999,", 1_800),
        ("\"expires_in\":\"soon\",\"scope\":[\"a\"],", 1_800),
    ] {
        server.answer(200, &format!(r#"{{{said}"access_token":"A","token_type":"BEARER"}}"#));
        let tokens = refresh(&http(), &provider(&base, false), &app(), &held(), at(0)).await.unwrap();
        assert_eq!(tokens.access_until, at(life), "{said}");
        assert_eq!(tokens.refresh.unwrap().expose_secret(), "R0", "what is left out stays");
    }
}
