//! A sign-in in the browser on behalf of the command line: the address, the redirect that comes back or is pasted, the tokens. Failures are
//! counted in a file of the profile, so that they lock whoever starts anew (reliability O5).

use std::path::PathBuf;
use std::sync::Arc;

use arbion::brokers::clock::wall;
use arbion::brokers::http::Http;
use arbion::brokers::oauth::callback::Callback;
use arbion::brokers::oauth::flow::SignIn;
use arbion::brokers::oauth::listener::Listener;
use arbion::brokers::oauth::lockout::Lockout;
use arbion::brokers::oauth::state::States;
use arbion::brokers::oauth::{Binding, OauthError, RedirectUri, paste, qr};
use arbion::brokers::registry::BrowserSignIn;
use arbion::cli::CliError;
use arbion::cli::host::{Settings, SigningIn};
use arbion::client::secret::Secret;
use arbion::config::files;
use arbion::engine::live::LoginKey;
use async_trait::async_trait;

/// One sign-in.
pub struct BrowserLogin {
    sign_in: SignIn,
    redirect: RedirectUri,
    http: Arc<Http>,
    lockout: Lockout,
    lockout_file: PathBuf,
}

impl BrowserLogin {
    pub fn begin(settings: &Settings, key: LoginKey, found: BrowserSignIn) -> Result<Self, CliError> {
        let lockout_file =
            settings.paths.profile_dir(&settings.profile).join(format!("sign-in-{}.json", key.broker));
        // A file that cannot be read counts for nothing: it locks nobody out and lets nobody in.
        let lockout: Lockout = std::fs::read_to_string(&lockout_file)
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let binding = Binding {
            profile: settings.profile.as_str().to_owned(),
            broker: key.broker.as_str(),
            environment: key.environment,
        };
        let states = Arc::new(States::new().map_err(|error| told(&error))?);
        let redirect = found.app.redirect.clone();
        let sign_in = SignIn::begin(found.provider, found.app, binding, states, &lockout, wall())
            .map_err(|error| told(&error))?;
        Ok(Self { sign_in, redirect, http: found.http, lockout, lockout_file })
    }

    async fn finish(&mut self, callback: Callback) -> Result<Secret, CliError> {
        let done = self.sign_in.finish(&self.http, callback, &mut self.lockout, wall()).await;
        let text =
            serde_json::to_string(&self.lockout).map_err(|error| CliError::internal(error.to_string()))?;
        files::write_private(&self.lockout_file, text.as_bytes(), true)?;
        let tokens = done.map_err(|error| told(&error))?;
        tokens.to_text().map(Secret::from).map_err(|error| told(&error))
    }
}

#[async_trait]
impl SigningIn for BrowserLogin {
    fn url(&self) -> &str {
        self.sign_in.url()
    }

    fn qr(&self) -> Vec<String> {
        qr::half_blocks(self.sign_in.url(), qr::Blocks::Light).unwrap_or_default()
    }

    async fn by_browser(&mut self) -> Result<Secret, CliError> {
        let mut listener = Listener::bind(&self.redirect).await.map_err(|error| told(&error))?;
        let callback = listener.next().await.map_err(|error| told(&error))?;
        self.finish(callback).await
    }

    async fn by_paste(&mut self, text: &Secret) -> Result<Secret, CliError> {
        let read = |text: &str| paste::read(text, &self.redirect, self.sign_in.state());
        let callback = read(&text.clone().reveal_once()).map_err(|error| told(&error))?;
        self.finish(callback).await
    }
}

fn told(error: &OauthError) -> CliError {
    let (code, exit) = if error.needs_a_person() { ("LOGIN_NEEDED", 5) } else { ("NETWORK", 6) };
    CliError::new(code, exit, error.to_string())
}
