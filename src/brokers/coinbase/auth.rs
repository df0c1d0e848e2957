//! Proof of who asks: a JSON Web Token per request, signed by the CDP key (ES256 or EdDSA), or a bearer token of "Sign in with Coinbase".
//! Never: a key or token in a log, an error or `Debug`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::Signer as _;
use jiff::Timestamp;
use p256::pkcs8::DecodePrivateKey as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{BROKER, unauthorized};
use crate::brokers::oauth::keeper::Keeper;
use crate::brokers::{BrokerError, Credentials};

/// How long a token lives; the venue takes no longer one.
const LIFE_SECONDS: i64 = 120;
/// Who a token says it is issued by.
const ISSUER: &str = "cdp";
/// Random bytes in a token's nonce.
const NONCE_BYTES: usize = 32;
/// What a PKCS#8 Ed25519 key begins with, before its 32 bytes (RFC 8410).
const ED25519_PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// The private half of a CDP key.
enum Secret {
    Es256(Box<p256::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

/// A CDP key: its name and what it signs with.
pub struct Key {
    name: String,
    secret: Secret,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    nonce: &'a str,
    typ: &'static str,
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    iss: &'static str,
    nbf: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
}

/// The key file that Coinbase hands out.
#[derive(serde::Deserialize)]
struct KeyFile {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(rename = "privateKey")]
    private_key: String,
}

impl Key {
    /// A key from its name and its secret as Coinbase shows it: a PEM block, base64, or the whole key file as JSON (then the name may be empty).
    ///
    /// # Errors
    /// `Unauthorized`, saying which forms are taken.
    pub fn read(name: &str, secret: &SecretString) -> Result<Self, BrokerError> {
        let text = secret.expose_secret().trim();
        if text.starts_with('{') {
            let file: KeyFile = serde_json::from_str(text)
                .map_err(|_| unauthorized("the key file is not the JSON that Coinbase hands out"))?;
            let named = file.name.or(file.id).unwrap_or_default();
            let name = if named.is_empty() { name.to_owned() } else { named };
            return Self::of(&name, &Zeroizing::new(file.private_key));
        }
        Self::of(name, text)
    }

    fn of(name: &str, secret: &str) -> Result<Self, BrokerError> {
        let name = name.trim();
        if name.is_empty() {
            return Err(unauthorized("the key has no name (organizations/.../apiKeys/..., or the key's id)"));
        }
        Ok(Self { name: name.to_owned(), secret: read_secret(secret)? })
    }

    /// `ES256` or `EdDSA`.
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        match self.secret {
            Secret::Es256(_) => "ES256",
            Secret::Ed25519(_) => "EdDSA",
        }
    }

    /// A fresh token: for one request when `uri` is its method, host and path, for a stream's message when there is none.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn token(&self, uri: Option<&str>, now: Timestamp) -> Result<String, BrokerError> {
        let mut noise = [0; NONCE_BYTES];
        getrandom::fill(&mut noise).map_err(|error| BrokerError::Unreachable {
            broker: BROKER.to_owned(),
            reason: format!("the system has no randomness: {error}"),
        })?;
        let mut nonce = String::with_capacity(NONCE_BYTES * 2);
        for byte in noise {
            for half in [byte >> 4, byte & 15] {
                nonce.push(char::from(b"0123456789abcdef"[usize::from(half)]));
            }
        }
        self.token_with(uri, now.as_second(), &nonce)
    }

    /// The same with a given nonce: what the vectors are checked by.
    fn token_with(&self, uri: Option<&str>, nbf: i64, nonce: &str) -> Result<String, BrokerError> {
        let unwritable = |error: serde_json::Error| BrokerError::Unreachable {
            broker: BROKER.to_owned(),
            reason: format!("the token cannot be written: {error}"),
        };
        let header = Header { alg: self.algorithm(), kid: &self.name, nonce, typ: "JWT" };
        let claims = Claims { sub: &self.name, iss: ISSUER, nbf, exp: nbf + LIFE_SECONDS, uri };
        let mut token = String::with_capacity(1_024);
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(&header).map_err(unwritable)?, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(&claims).map_err(unwritable)?, &mut token);
        let signature = self.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        match &self.secret {
            // r and s, 32 bytes each; not DER.
            Secret::Es256(key) => {
                let signature: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(&**key, message);
                signature.to_bytes().into()
            }
            Secret::Ed25519(key) => key.sign(message).to_bytes(),
        }
    }
}

/// Which kind of key a text is.
fn read_secret(text: &str) -> Result<Secret, BrokerError> {
    let wrong = || {
        unauthorized(
            "the secret is neither a PEM block (-----BEGIN EC PRIVATE KEY-----) nor base64 of an Ed25519 key of 32 or 64 bytes",
        )
    };
    if text.contains("-----BEGIN") {
        // Often pasted with a backslash and an n in place of each line's end.
        let pem = Zeroizing::new(text.replace("\\n", "\n").trim().to_owned());
        let key = p256::SecretKey::from_sec1_pem(&pem).ok();
        if let Some(key) = key.or_else(|| p256::SecretKey::from_pkcs8_pem(&pem).ok()) {
            return Ok(Secret::Es256(Box::new(key.into())));
        }
        let inner: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = Zeroizing::new(STANDARD.decode(Zeroizing::new(inner).trim()).map_err(|_| wrong())?);
        let seed = der.strip_prefix(&ED25519_PKCS8).and_then(|rest| <[u8; 32]>::try_from(rest).ok());
        let seed = Zeroizing::new(seed.ok_or_else(wrong)?);
        return Ok(Secret::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed))));
    }
    let packed: Zeroizing<String> = Zeroizing::new(text.split_whitespace().collect());
    let bytes = Zeroizing::new(STANDARD.decode(packed.as_bytes()).map_err(|_| wrong())?);
    let seed = match bytes.len() {
        32 | 64 => <[u8; 32]>::try_from(&bytes[..32]).map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    let seed = Zeroizing::new(seed);
    let key = ed25519_dalek::SigningKey::from_bytes(&seed);
    // The second half is the public key: one that belongs to another seed is a text that was cut or mixed up.
    if bytes.len() == 64 && key.verifying_key().as_bytes() != &bytes[32..] {
        return Err(unauthorized("the secret's two halves do not belong together: it was not copied whole"));
    }
    Ok(Secret::Ed25519(Box::new(key)))
}

/// How calls prove who asks.
#[derive(Debug)]
pub enum Login {
    /// By a CDP key.
    Key(Box<Key>),
    /// By an access token of "Sign in with Coinbase".
    Bearer(SecretString),
    /// By "Sign in with Coinbase", kept fresh.
    SignedIn(Keeper),
    /// Not at all: public data alone.
    Public,
}

impl Login {
    /// What the credentials give: `access_token`, or `key_name` and `private_key`.
    ///
    /// # Errors
    /// `Unauthorized`, naming what is missing or wrong.
    pub fn of(credentials: &Credentials) -> Result<Self, BrokerError> {
        if let Some(token) = credentials.get("access_token") {
            if token.expose_secret().trim().is_empty() {
                return Err(unauthorized("access_token is empty"));
            }
            return Ok(Self::Bearer(token.clone()));
        }
        let name = credentials.get("key_name").map(|name| name.expose_secret()).unwrap_or_default();
        let secret = credentials
            .get("private_key")
            .ok_or_else(|| unauthorized("private_key is missing (or access_token)"))?;
        Ok(Self::Key(Box::new(Key::read(name, secret)?)))
    }

    /// The token of one request or, without a `uri`, of one message of a stream; none where the login has none.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn token(&self, uri: Option<&str>, now: Timestamp) -> Result<Option<SecretString>, BrokerError> {
        match self {
            Self::Key(key) => Ok(Some(key.token(uri, now)?.into())),
            Self::Bearer(token) => Ok(Some(token.clone())),
            // The keeper gives its own.
            Self::SignedIn(_) | Self::Public => Ok(None),
        }
    }

    /// Is it a person's login, not bound to one portfolio as a key is.
    #[must_use]
    pub const fn is_of_person(&self) -> bool {
        matches!(self, Self::Bearer(_) | Self::SignedIn(_))
    }

    /// Is it public data alone.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        matches!(self, Self::Public)
    }

    /// What a person can do about a refused login.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Key(key) if key.algorithm() == "EdDSA" => {
                "the key is unknown, revoked or barred from this address; if it is right, make an ECDSA key instead of an Ed25519 one"
            }
            Self::Key(_) => "the key is unknown, revoked or barred from this address",
            Self::Bearer(_) | Self::SignedIn(_) => {
                "the access token has expired or was revoked: sign in again"
            }
            Self::Public => "this needs a key",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTORS: &str = include_str!("../../../tests/fixtures/brokers/coinbase/jwt-vectors.json");

    fn vectors() -> serde_json::Value {
        serde_json::from_str(VECTORS).unwrap()
    }

    fn text(value: &serde_json::Value) -> String {
        value.as_str().unwrap().to_owned()
    }

    fn key(secret: &str) -> Result<Key, BrokerError> {
        Key::read(vectors()["kid"].as_str().unwrap(), &secret.into())
    }

    #[test]
    fn tokens_are_those_of_the_official_client_byte_for_byte() {
        let all = vectors();
        let es256 = key(&text(&all["ec"]["private_key_sec1_pem"])).unwrap();
        let eddsa = key(&text(&all["ed25519"]["secret_base64_64"])).unwrap();
        let mut checked = 0;
        for row in all["tokens"].as_array().unwrap() {
            let key = if row["alg"] == "ES256" { &es256 } else { &eddsa };
            let token = key
                .token_with(row["uri"].as_str(), all["nbf"].as_i64().unwrap(), all["nonce"].as_str().unwrap())
                .unwrap();
            assert_eq!(token, row["token"].as_str().unwrap(), "{} {}", row["alg"], row["use"]);
            checked += 1;
        }
        assert_eq!(checked, 4);
    }

    #[test]
    fn every_form_of_a_key_is_the_same_key() {
        let all = vectors();
        let token = |secret: &str| key(secret).unwrap().token_with(None, 1, "n").unwrap();
        let sec1 = text(&all["ec"]["private_key_sec1_pem"]);
        let file = serde_json::json!({"name": all["kid"], "privateKey": sec1, "more": 1}).to_string();
        let by_id = serde_json::json!({"id": all["kid"], "privateKey": sec1}).to_string();
        for other in [
            text(&all["ec"]["private_key_pkcs8_pem"]),
            sec1.replace('\n', "\\n"),
            format!(" {sec1}\n"),
            file,
            by_id,
        ] {
            assert_eq!(token(&other), token(&sec1));
        }
        let long = text(&all["ed25519"]["secret_base64_64"]);
        let seed: Vec<u8> = (1..=32).collect();
        let pkcs8 = [&ED25519_PKCS8[..], &seed].concat();
        let pem =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", STANDARD.encode(pkcs8));
        let (first, rest) = long.split_at(20);
        for other in [text(&all["ed25519"]["secret_base64_32"]), pem, format!("{first}\n {rest}\n")] {
            assert_eq!(token(&other), token(&long));
        }
    }

    #[test]
    fn what_is_no_key_is_said_without_showing_it() {
        let mut mixed = STANDARD.decode(text(&vectors()["ed25519"]["secret_base64_64"])).unwrap();
        mixed[40] ^= 1;
        for bad in [
            "hunter2",
            "",
            "aHVudGVyMg==",
            "-----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY-----",
            "{\"name\":\"hunter2\"}",
            &STANDARD.encode(mixed),
        ] {
            let error = key(bad).unwrap_err();
            assert!(matches!(error, BrokerError::Unauthorized { .. }), "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        let seed = text(&vectors()["ed25519"]["secret_base64_32"]);
        let error = Key::read("", &seed.as_str().into()).unwrap_err().to_string();
        assert!(error.contains("has no name"), "{error}");
        assert_eq!(format!("{:?}", key(&seed).unwrap()), "Key { algorithm: \"EdDSA\", .. }");
    }

    #[test]
    fn no_two_tokens_share_a_nonce() {
        let key = key(&text(&vectors()["ed25519"]["secret_base64_32"])).unwrap();
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        assert_ne!(key.token(None, now).unwrap(), key.token(None, now).unwrap());
    }

    #[test]
    fn a_login_is_a_key_or_a_bearer_token() {
        let login = Login::of(&Credentials::new().with("access_token", "hunter2".into())).unwrap();
        let token = login.token(Some("GET x"), Timestamp::UNIX_EPOCH).unwrap().unwrap();
        assert_eq!(token.expose_secret(), "hunter2");
        assert!(!format!("{login:?}").contains("hunter2"));
        for (credentials, said) in [
            (Credentials::new(), "private_key is missing"),
            (Credentials::new().with("access_token", " ".into()), "access_token is empty"),
        ] {
            assert!(Login::of(&credentials).unwrap_err().to_string().contains(said));
        }
        assert!(Login::Public.token(None, Timestamp::UNIX_EPOCH).unwrap().is_none());
    }
}
