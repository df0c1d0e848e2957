//! Connecting accounts, disconnecting them, and which one plain commands mean.

use std::sync::Arc;
use std::time::Duration;

use crate::brokers::{BrokerKind, BrokerSettings, registry};
use crate::client::{Reply, SessionError};
use crate::core::input::Input;
use crate::domain::account::AccountMode;
use crate::domain::audit::AuditAction;
use crate::domain::ids::AccountId;
use crate::domain::login::Login;
use crate::domain::snapshot::Severity;
use crate::keeping::Recorder;

use super::super::clock::Clock;
use super::super::own_clock;
use super::super::task::EngineTask;
use super::login::{LoginKey, SealedLogin, key_of, setup_of};
use super::prices::FeedKey;
use super::tokens::VaultTokens;
use super::totals::RATES_KEY;

/// How long a broker may take to take a login back.
const REVOKE_WITHIN: Duration = Duration::from_secs(10);
/// Connected accounts of a profile.
const LOGINS_MAX: usize = 32;

/// Has the broker take a login back, with what the vault still has of it.
async fn revoke(key: LoginKey, settings: &BrokerSettings, recorder: Arc<Recorder>) -> Result<bool, String> {
    let sealed = sealed(&recorder, key.secret_name()).await?;
    let tokens = VaultTokens::new(Arc::clone(&recorder), key.tokens_name());
    let parts = registry::LoginParts {
        settings,
        credentials: &sealed.credentials,
        profile: recorder.profile(),
        tokens: Arc::new(tokens),
    };
    registry::revoke(key.broker, parts).await.map_err(|error| error.to_string())
}

/// What the vault has of a login.
pub(super) async fn sealed(recorder: &Arc<Recorder>, name: String) -> Result<SealedLogin, String> {
    let recorder = Arc::clone(recorder);
    let read = tokio::task::spawn_blocking(move || recorder.secret(&name)).await;
    let secret = read.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    SealedLogin::read(&secret)
}

impl EngineTask {
    /// Accounts that a person has connected, verified by whoever asks: they are kept, and opened.
    pub(in crate::engine) async fn connect(&mut self, logins: Vec<Login>) -> Result<Reply, SessionError> {
        if logins.is_empty() {
            // What has prices alone has no account; its key counts from now on.
            self.forget_rates();
            self.follow_rates();
            return Ok(Reply::Done("connected".to_owned()));
        }
        if let (Clock::Own(_), Some(login)) = (&self.clock, logins.first()) {
            return Err(SessionError::Usage(own_clock::with_broker(&login.broker)));
        }
        if self.live.logins.len() + logins.len() > LOGINS_MAX {
            let text = format!("a profile has 1 to {LOGINS_MAX} connected accounts");
            return Err(SessionError::Usage(text));
        }
        let mut keys = Vec::new();
        for login in logins {
            let key = key_of(&login).ok_or_else(|| {
                SessionError::Usage(format!("{} is no broker that is known here", login.broker))
            })?;
            if login.account == self.paper_account {
                return Err(SessionError::Usage(format!(
                    "{} is the name of the paper account",
                    login.account
                )));
            }
            if self.core.account(&login.account).is_none() {
                self.step(Input::Account(Box::new(setup_of(&login, &self.live.limits)))).await;
                let account = login.account.clone();
                self.step(Input::BrokerStatus { account, up: false, reconciled: false }).await;
            }
            let text = format!("{} ...{}", login.environment, login.last_four);
            self.record(AuditAction::Connected, login.account.as_str(), &text);
            self.live.closed.remove(&login.account);
            self.live.logins.retain(|known| known.account != login.account);
            self.live.logins.push(login);
            keys.push(key);
        }
        self.write_logins().await;
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            self.host(key);
        }
        self.publish();
        Ok(Reply::Done("connected".to_owned()))
    }

    /// Ends an account's login: its secrets are wiped, plain commands mean paper. What was traded there stays in the history.
    pub(in crate::engine) async fn disconnect(&mut self, name: &str) -> Result<Reply, SessionError> {
        let named = |login: &&Login| login.account.as_str() == name || login.broker == name;
        let gone: Vec<Login> = self.live.logins.iter().filter(named).cloned().collect();
        if gone.is_empty() && name == BrokerKind::Coingecko.as_str() {
            self.wipe(RATES_KEY);
            self.forget_rates();
            return Ok(Reply::Done(format!(
                "the key of {name} is wiped; rates of coins are had without one"
            )));
        }
        if gone.is_empty() {
            return Err(SessionError::Usage(format!(
                "{} is not connected; {}",
                name.escape_default(),
                self.live.connected(&self.paper_account)
            )));
        }
        let working =
            gone.iter().map(|login| self.core.book().working_of(&login.account).count()).sum::<usize>();
        if working > 0 {
            let text =
                format!("{working} orders work at {name}; cancel them first, as nobody would watch them");
            return Err(SessionError::Usage(text));
        }
        for login in &gone {
            self.links.remove(&login.account);
            self.live.brokers.remove(&login.account);
            self.live.figures.remove(&login.account);
            let account = login.account.clone();
            self.step(Input::BrokerStatus { account, up: false, reconciled: false }).await;
            self.leave(&login.account).await;
            self.live.logins.retain(|known| known.account != login.account);
            self.live.closed.insert(login.account.clone());
            self.record(AuditAction::Disconnected, login.account.as_str(), "ok");
        }
        self.write_logins().await;
        let left = self.live.keys();
        for key in gone.iter().filter_map(key_of).filter(|key| !left.contains(key)) {
            if let Some(host) = self.live.hosts.remove(&key) {
                host.abort();
            }
            self.live.prices.close(FeedKey::Login(key));
            self.live.states.remove(&key);
            self.live.healths.remove(&key);
            self.wipe(key);
        }
        self.follow_live_classes();
        for login in &gone {
            let text =
                format!("{} is disconnected; what was traded there stays in the history", login.account);
            self.step(Input::Note { severity: Severity::Info, code: "DISCONNECTED", text }).await;
        }
        self.publish();
        let names: Vec<&str> = gone.iter().map(|login| login.account.as_str()).collect();
        Ok(Reply::Done(format!("{} disconnected, its secrets are wiped", names.join(", "))))
    }

    /// Has the broker take a login back where it can, and removes its secrets whatever it says.
    fn wipe(&self, key: LoginKey) {
        let Some(recorder) = self.audit.clone() else { return };
        let settings = self.live.settings(key);
        tokio::spawn(async move {
            match tokio::time::timeout(REVOKE_WITHIN, revoke(key, &settings, Arc::clone(&recorder))).await {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => tracing::info!(broker = key.broker.as_str(), "the login is taken back"),
                Ok(Err(reason)) => {
                    tracing::warn!(broker = key.broker.as_str(), reason, "the login was not taken back");
                }
                Err(_) => {
                    tracing::warn!(broker = key.broker.as_str(), "no word on whether the login is taken back")
                }
            }
            let wiped = tokio::task::spawn_blocking(move || {
                for name in [key.secret_name(), key.tokens_name()] {
                    match recorder.delete_secret("engine", name) {
                        Err(error) if !error.is_absent() => {
                            tracing::error!(%error, "the secrets of a login cannot be wiped");
                        }
                        _ => {}
                    }
                }
            });
            if let Err(error) = wiped.await {
                tracing::error!(%error, "the secrets of a login may be there still");
            }
        });
    }

    /// Which account plain commands mean from now on. Real money needs a verified connection, and whoever asks has had it typed.
    pub(in crate::engine) async fn switch(
        &mut self,
        mode: AccountMode,
        account: Option<&AccountId>,
        confirmed: bool,
    ) -> Result<Reply, SessionError> {
        let wanted = match (mode, account) {
            (AccountMode::Paper, None) => self.paper_account.clone(),
            (_, Some(account)) => {
                let logins = self.live.logins.iter();
                let known = logins.map(|login| (&login.account, Some(login.broker.as_str())));
                let known = std::iter::once((&self.paper_account, None)).chain(known);
                AccountId::meant(account.as_str(), known).unwrap_or(account).clone()
            }
            (AccountMode::Live, None) => {
                let live: Vec<&Login> =
                    self.live.logins.iter().filter(|login| login.mode() == AccountMode::Live).collect();
                match live.as_slice() {
                    [] => {
                        let text =
                            "no live account is connected; this profile trades on paper; see: arbion connect";
                        return Err(SessionError::Usage(text.to_owned()));
                    }
                    [only] => only.account.clone(),
                    several => {
                        let names: Vec<&str> = several.iter().map(|login| login.account.as_str()).collect();
                        return Err(SessionError::Usage(format!("which account: {}", names.join(", "))));
                    }
                }
            }
        };
        if wanted != self.paper_account {
            let login = self.live.logins.iter().find(|login| login.account == wanted);
            let login = login.ok_or_else(|| {
                SessionError::Usage(format!(
                    "{wanted} is not connected; {}",
                    self.live.connected(&self.paper_account)
                ))
            })?;
            if login.mode() != mode {
                return Err(SessionError::Usage(format!("{wanted} is a {} account", login.environment)));
            }
            if !self.live.brokers.contains_key(&wanted) {
                let text = format!("{wanted} is not verified now; see: arbion connections");
                return Err(SessionError::Usage(text));
            }
            if mode == AccountMode::Live && !confirmed {
                let text = "trading with real money needs the word LIVE; run: arbion mode live";
                return Err(SessionError::Usage(text.to_owned()));
            }
        }
        self.record(
            AuditAction::ModeChanged,
            wanted.as_str(),
            if mode == AccountMode::Live { "live" } else { "paper" },
        );
        self.use_account(&wanted).await;
        Ok(Reply::Done(format!("plain commands go to {wanted} now")))
    }
}
