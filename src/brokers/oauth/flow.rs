//! The authorization code flow (RFC 6749, 7636, 8252, 9207, 9700): the address to open, the exchange of what comes back, refreshes, revocation.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::http::StatusCode;
use jiff::Timestamp;
use oauth2::basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse};
use oauth2::{
    AccessToken, AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret,
    CsrfToken, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardRevocableToken, TokenResponse, TokenType,
    TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};

use super::callback::Callback;
use super::lockout::Lockout;
use super::state::{Bound, States};
use super::tokens::{Tokens, life_of};
use super::{App, Binding, OauthError, Provider, SecretIn, plain_words};
use crate::brokers::BrokerError;
use crate::brokers::http::{Call, Http};

/// Largest answer of a token endpoint.
const ANSWER_MAX: usize = 64 << 10;
/// Characters of a PKCE verifier: 48 random bytes.
const VERIFIER_BYTES: u32 = 48;
/// The call, in limits, logs and errors. It is never repeated by the line: a code is good for one try, and so may a refresh token be.
const TOKEN: Call = Call::order("token", "token");

/// A token's type, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Kind(String);

impl TokenType for Kind {}

/// What a token endpoint answers.
#[derive(Debug, Serialize, Deserialize)]
struct Grant {
    access_token: AccessToken,
    token_type: Kind,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
    #[serde(default)]
    refresh_token: Option<RefreshToken>,
    #[serde(default, deserialize_with = "scopes", skip_serializing)]
    scope: Option<Vec<Scope>>,
}

impl TokenResponse for Grant {
    type TokenType = Kind;
    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }
    fn token_type(&self) -> &Kind {
        &self.token_type
    }
    fn expires_in(&self) -> Option<Duration> {
        self.expires_in.map(Duration::from_secs)
    }
    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }
    fn scopes(&self) -> Option<&Vec<Scope>> {
        self.scope.as_ref()
    }
}

/// Seconds as a number or a text of one; anything else is as if it were not there, for a token must not be lost by it.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Number(number) => number.as_u64(),
        serde_json::Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

/// Scopes as a text or a list, separated by blanks or commas.
fn scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Scope>>, D::Error> {
    let text = match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => text,
        serde_json::Value::Array(list) => {
            list.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(" ")
        }
        _ => return Ok(None),
    };
    let parts = text.split([' ', ',']).filter(|part| !part.is_empty());
    Ok(Some(parts.map(|part| Scope::new(part.to_owned())).collect()))
}

type OurClient = Client<
    BasicErrorResponse,
    Grant,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// A sign-in that is under way.
#[derive(Debug)]
pub struct SignIn {
    provider: Provider,
    app: App,
    binding: Binding,
    states: Arc<States>,
    state: String,
    url: String,
}

impl SignIn {
    /// Begins one. `app.redirect` is the one that is listened on, with its port.
    ///
    /// # Errors
    /// `LockedOut` after three failures.
    pub fn begin(
        provider: Provider,
        app: App,
        binding: Binding,
        states: Arc<States>,
        lockout: &Lockout,
        now: Timestamp,
    ) -> Result<Self, OauthError> {
        lockout.check(provider.broker, now)?;
        let pkce = provider.pkce.then(|| PkceCodeChallenge::new_random_sha256_len(VERIFIER_BYTES));
        let verifier = pkce.as_ref().map(|(_, verifier)| SecretString::from(verifier.secret().as_str()));
        let state = states.begin(now, bound(&binding, &app), verifier)?;
        let client = client(&provider, &app)?;
        let shown = state.clone();
        let mut request = client
            .authorize_url(move || CsrfToken::new(shown))
            .add_scopes(provider.scopes.iter().map(|scope| Scope::new((*scope).to_owned())));
        if let Some((challenge, _)) = pkce {
            request = request.set_pkce_challenge(challenge);
        }
        let url = request.url().0.to_string();
        Ok(Self { provider, app, binding, states, state, url })
    }

    /// The address that a person opens in a browser.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its state: what a pasted code without an address is taken for.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }

    /// Checks what came back and exchanges its code. A failure of the other side's making counts for the lock.
    ///
    /// # Errors
    /// `LockedOut`, `State`, `Issuer`, `Denied`, `Transient`, `Unusable`.
    pub async fn finish(
        &self,
        http: &Arc<Http>,
        callback: Callback,
        lockout: &mut Lockout,
        now: Timestamp,
    ) -> Result<Tokens, OauthError> {
        lockout.check(self.provider.broker, now)?;
        let done = match self.verified(callback, now) {
            Ok((code, verifier)) => self.exchange(http, &code, verifier, now).await,
            Err(error) => Err(error),
        };
        match &done {
            Ok(_) => lockout.succeeded(),
            Err(error) if error.needs_a_person() => {
                if lockout.failed(now) {
                    tracing::warn!(broker = self.provider.broker, "sign-ins are locked after three failures");
                }
            }
            Err(_) => {}
        }
        done
    }

    /// The code of an answer to this sign-in, with the verifier.
    fn verified(
        &self,
        callback: Callback,
        now: Timestamp,
    ) -> Result<(SecretString, Option<SecretString>), OauthError> {
        let state = callback.state.as_deref().unwrap_or_default();
        let verifier = self.states.take(now, bound(&self.binding, &self.app), state)?;
        if let Some(issuer) = callback.issuer.filter(|issuer| *issuer != self.provider.issuer) {
            return Err(OauthError::Issuer { found: issuer, expected: self.provider.issuer.clone() });
        }
        let broker = || self.provider.broker.to_owned();
        if let Some(code) = callback.error {
            return Err(OauthError::Denied {
                broker: broker(),
                words: words(&code, callback.description.as_deref()),
            });
        }
        let code = callback.code.ok_or(OauthError::State { reason: "it holds no code" })?;
        Ok((code, verifier))
    }

    async fn exchange(
        &self,
        http: &Arc<Http>,
        code: &SecretString,
        verifier: Option<SecretString>,
        now: Timestamp,
    ) -> Result<Tokens, OauthError> {
        let client = client(&self.provider, &self.app)?;
        let mut request = client.exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()));
        if let Some(verifier) = verifier {
            request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()));
        }
        let line = Line::new(http);
        let answer = request.request_async(&line).await;
        let grant = answer.map_err(|error| line.told(&self.provider, error, false))?;
        let login_until = self.provider.login_life.and_then(|life| now.checked_add(life).ok());
        let blank = Tokens {
            binding: self.binding.clone(),
            access: SecretString::default(),
            given_at: now,
            access_until: now,
            refresh: None,
            login_at: now,
            login_until,
            scopes: None,
        };
        tokens(&blank, grant, now)
    }
}

/// New tokens for a refresh token. What the answer leaves out stays as it was; the login's own end stays in any case.
///
/// # Errors
/// `LoginNeeded` when the refresh token is no good any more, `Denied` when the app is not, `Transient` and `Unusable` when it is to be tried again.
pub async fn refresh(
    http: &Arc<Http>,
    provider: &Provider,
    app: &App,
    old: &Tokens,
    now: Timestamp,
) -> Result<Tokens, OauthError> {
    let Some(token) = &old.refresh else {
        let broker = provider.broker.to_owned();
        return Err(OauthError::LoginNeeded { broker, words: "it came without a refresh token".to_owned() });
    };
    let token = RefreshToken::new(token.expose_secret().to_owned());
    let client = client(provider, app)?;
    let line = Line::new(http);
    let answer = client.exchange_refresh_token(&token).request_async(&line).await;
    let grant = answer.map_err(|error| line.told(provider, error, true))?;
    tokens(old, grant, now)
}

/// Asks the broker to take a login back (RFC 7009). `false` where it has no such call.
///
/// # Errors
/// As the line says; the login is deleted here all the same.
pub async fn revoke(
    http: &Arc<Http>,
    provider: &Provider,
    app: &App,
    tokens: &Tokens,
) -> Result<bool, BrokerError> {
    let Some(url) = &provider.revoke_url else { return Ok(false) };
    let mut all = true;
    // Some take a login back by either token, some by one of them alone, and all say yes to one that they do not know.
    for token in std::iter::once(&tokens.access).chain(&tokens.refresh) {
        let answer = http
            .send(Call::cancel("revoke", "token"), |client| {
                let mut form = vec![("token", token.expose_secret()), ("client_id", app.client_id.as_str())];
                if let Some(secret) = &app.client_secret {
                    form.push(("client_secret", secret.expose_secret()));
                }
                Ok(client.post(url.as_url().clone()).form(&form))
            })
            .await?;
        all &= answer.is_success();
    }
    Ok(all)
}

/// An error's code and words, cleaned.
fn words(code: &str, description: Option<&str>) -> String {
    let said = description.map(crate::domain::text::clean).filter(|said| !said.is_empty());
    match (plain_words(code), said) {
        (Some(plain), None) => plain.to_owned(),
        (Some(plain), Some(said)) => format!("{plain} ({said})"),
        (None, None) => code.to_owned(),
        (None, Some(said)) => format!("{code}: {said}"),
    }
}

fn bound<'a>(binding: &'a Binding, app: &'a App) -> Bound<'a> {
    Bound { broker: binding.broker, profile: &binding.profile, redirect_uri: app.redirect.as_str() }
}

/// The crate's client for a provider and an app.
fn client(provider: &Provider, app: &App) -> Result<OurClient, OauthError> {
    let wrong = |error: url::ParseError| OauthError::Unusable {
        broker: provider.broker.to_owned(),
        reason: error.to_string(),
    };
    let mut client = Client::new(ClientId::new(app.client_id.clone()))
        .set_auth_uri(AuthUrl::new(provider.authorize_url.as_url().to_string()).map_err(wrong)?)
        .set_token_uri(TokenUrl::new(provider.token_url.as_url().to_string()).map_err(wrong)?)
        .set_redirect_uri(RedirectUrl::new(app.redirect.as_str().to_owned()).map_err(wrong)?)
        .set_auth_type(match provider.secret_in {
            SecretIn::Header => AuthType::BasicAuth,
            SecretIn::Form => AuthType::RequestBody,
        });
    if let Some(secret) = &app.client_secret {
        client = client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
    }
    Ok(client)
}

/// Tokens from an answer, on the ground of those before.
fn tokens(old: &Tokens, grant: Grant, now: Timestamp) -> Result<Tokens, OauthError> {
    let unusable = |reason: &str| OauthError::Unusable {
        broker: old.binding.broker.to_owned(),
        reason: reason.to_owned(),
    };
    if !grant.token_type.0.eq_ignore_ascii_case("bearer") {
        return Err(unusable("its token is no bearer token"));
    }
    let access = grant.access_token.secret().as_str();
    if access.is_empty() || !access.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(unusable("its access token has characters that no token has"));
    }
    let refresh = grant.refresh_token.filter(|token| !token.secret().is_empty());
    let scopes = grant.scope.map(|list| list.iter().map(|scope| scope.to_string()).collect());
    Ok(Tokens {
        access: access.into(),
        given_at: now,
        access_until: now.checked_add(life_of(grant.expires_in)).unwrap_or(now),
        refresh: refresh.map(|token| token.into_secret().into()).or_else(|| old.refresh.clone()),
        scopes: scopes.or_else(|| old.scopes.clone()),
        ..old.clone()
    })
}

/// Our line under the crate's calls.
struct Line {
    http: Arc<Http>,
    status: Mutex<Option<StatusCode>>,
}

impl<'c> AsyncHttpClient<'c> for Line {
    type Error = BrokerError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, BrokerError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl Line {
    fn new(http: &Arc<Http>) -> Self {
        Self { http: Arc::clone(http), status: Mutex::default() }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, BrokerError> {
        let (parts, body) = request.into_parts();
        let answer = self
            .http
            .send(TOKEN, |client| {
                let url = parts.uri.to_string();
                Ok(client
                    .request(parts.method.clone(), url)
                    .headers(parts.headers.clone())
                    .body(body.clone()))
            })
            .await?;
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer.status);
        if answer.body.len() > ANSWER_MAX {
            let reason = format!("it is longer than {} KiB", ANSWER_MAX >> 10);
            return Err(BrokerError::Unreadable { broker: String::new(), call: "token", reason });
        }
        // Without its type: a token whose answer calls itself text is a token still.
        let mut response = HttpResponse::new(answer.body.to_vec());
        *response.status_mut() = answer.status;
        Ok(response)
    }

    /// What an error means.
    fn told(
        &self,
        provider: &Provider,
        error: RequestTokenError<BrokerError, BasicErrorResponse>,
        refreshing: bool,
    ) -> OauthError {
        let broker = provider.broker.to_owned();
        let status = *self.status.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            RequestTokenError::Request(error @ BrokerError::Unreadable { .. }) => {
                OauthError::Unusable { broker, reason: error.to_string() }
            }
            RequestTokenError::Request(error) => OauthError::Transient { broker, reason: error.to_string() },
            RequestTokenError::ServerResponse(answer) => {
                let code = answer.error().as_ref().to_owned();
                let description = answer.error_description().map(String::as_str);
                let words = words(&code, description);
                let has = |word: &&str| code == *word || description.is_some_and(|said| said.contains(*word));
                let ended = code == "invalid_grant" || provider.ended_words.iter().any(has);
                match code.as_str() {
                    _ if ended && refreshing => OauthError::LoginNeeded { broker, words },
                    "server_error" | "temporarily_unavailable" => {
                        OauthError::Transient { broker, reason: words }
                    }
                    _ => OauthError::Denied { broker, words },
                }
            }
            // What cannot be read holds no code: the status alone speaks.
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => match status {
                Some(StatusCode::UNAUTHORIZED) => {
                    let words = plain_words("invalid_client").unwrap_or_default().to_owned();
                    OauthError::Denied { broker, words }
                }
                Some(StatusCode::FORBIDDEN) => OauthError::Transient {
                    broker,
                    reason: "HTTP 403: it keeps us out for a while".to_owned(),
                },
                Some(status) => OauthError::Unusable {
                    broker,
                    reason: format!("HTTP {} without a token or an error that can be read", status.as_u16()),
                },
                None => OauthError::Unusable { broker, reason: "no answer".to_owned() },
            },
        }
    }
}
