//! Tokens as the venue checks them, and the throw-away keys of the vectors.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use p256::ecdsa::signature::Verifier as _;
use serde_json::Value;

const VECTORS: &str = include_str!("../../fixtures/brokers/coinbase/jwt-vectors.json");

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub fn kid() -> String {
    text(&vectors()["kid"])
}

pub fn ec_pem() -> String {
    text(&vectors()["ec"]["private_key_sec1_pem"])
}

pub fn ed25519_base64() -> String {
    text(&vectors()["ed25519"]["secret_base64_64"])
}

fn part(text: &str) -> Result<Value, String> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

/// Checks a token made out to `uri` (none for streams) at `now`; gives its nonce.
pub fn check(token: &str, uri: Option<&str>, now: i64) -> Result<String, String> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { return Err("not three parts".into()) };
    let (head, claim) = (part(header)?, part(claims)?);
    if head["kid"] != kid() || head["typ"] != "JWT" {
        return Err("unknown kid".into());
    }
    let message = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|error| error.to_string())?;
    let signature: [u8; 64] = signature.try_into().map_err(|_| "signature of another length")?;
    let wrong = |_| "signature does not fit".to_owned();
    match head["alg"].as_str() {
        Some("ES256") => {
            let key = p256::SecretKey::from_sec1_pem(&ec_pem()).unwrap();
            let key = p256::ecdsa::VerifyingKey::from(key.public_key());
            let signature = p256::ecdsa::Signature::from_slice(&signature).map_err(wrong)?;
            key.verify(message.as_bytes(), &signature).map_err(wrong)?;
        }
        Some("EdDSA") => {
            let bytes = STANDARD.decode(ed25519_base64()).unwrap();
            let key = ed25519_dalek::SigningKey::from_bytes(&bytes[..32].try_into().unwrap()).verifying_key();
            let signature = ed25519_dalek::Signature::from_bytes(&signature);
            key.verify_strict(message.as_bytes(), &signature).map_err(|_| "signature does not fit")?;
        }
        _ => return Err("unknown alg".into()),
    }
    let (Some(nbf), Some(exp)) = (claim["nbf"].as_i64(), claim["exp"].as_i64()) else {
        return Err("nbf and exp are missing".into());
    };
    let fits = claim["iss"] == "cdp" && claim["sub"] == kid() && claim.get("aud").is_none();
    if !fits || nbf > now + 5 || now >= exp || exp - nbf > 120 {
        return Err(format!("claims do not fit at {now}: {claim}"));
    }
    if claim.get("uri").and_then(Value::as_str) != uri {
        return Err(format!("made out to {}, used for {uri:?}", claim["uri"]));
    }
    let nonce = text(&head["nonce"]);
    if nonce.len() >= 16 { Ok(nonce) } else { Err("nonce is short".into()) }
}
