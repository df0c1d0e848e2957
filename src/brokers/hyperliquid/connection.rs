//! A login at Hyperliquid: an agent's key, and the accounts that it may trade for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;

use super::account::HyperliquidAccount;
use super::budget::Budget;
use super::feed::Feed;
use super::signing::{Address, Signer};
use super::venue::{self, LIST, Venue};
use super::wire::{Agent, SubAccount, UserRole};
use super::{NAME, Settings, errors, wrong};
use crate::brokers::http::Health;
use crate::brokers::{
    AccountSummary, Broker, BrokerError, BrokerKind, BrokerSettings, Connection, Credentials, Environment,
    MarketFeed,
};
use crate::domain::ids::AccountId;

/// What the role of an address costs.
const ROLE: u32 = 60;

/// A login at Hyperliquid.
pub struct Hyperliquid {
    venue: Arc<Venue>,
    signer: Arc<Signer>,
    /// Whose agent the key is, once it was asked.
    master: Mutex<Option<Address>>,
    agent: Arc<AgentEnd>,
    /// Requests of the addresses whose accounts are open.
    budgets: Mutex<Vec<(Address, Arc<Budget>)>>,
}

impl std::fmt::Debug for Hyperliquid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hyperliquid").field("signer", &self.signer).finish_non_exhaustive()
    }
}

fn unauthorized(reason: impl Into<String>) -> BrokerError {
    BrokerError::Unauthorized { broker: NAME.to_owned(), reason: reason.into() }
}

fn address(call: &'static str, text: &str) -> Result<Address, BrokerError> {
    text.parse().map_err(|error: super::signing::SigningError| BrokerError::Unreadable {
        broker: NAME.to_owned(),
        call,
        reason: error.to_string(),
    })
}

/// When the approval of an agent ends; `None` for one without an end, and for the account's own key.
pub(super) async fn agent_ends(
    venue: &Venue,
    signer: &Signer,
    user: &Address,
) -> Result<Option<Timestamp>, BrokerError> {
    let body = json!({"type": "extraAgents", "user": user.to_string()});
    let agents: Vec<Agent> = venue.info(venue::read("extraAgents", LIST), &body).await?;
    let ours = signer.address().to_string();
    let found = agents.iter().find(|agent| agent.address.eq_ignore_ascii_case(&ours));
    if let Some(agent) = found {
        tracing::debug!(name = %errors::shown(&agent.name), "the agent is approved");
    }
    found.and_then(|agent| agent.valid_until).map(venue::instant).transpose()
}

/// How long what is known of an agent's approval stands.
const AGENT_FRESH: Duration = Duration::from_secs(600);

/// When the approval of a login's agent ends, asked for once for all of its accounts.
#[derive(Debug, Default)]
pub(super) struct AgentEnd(Mutex<Option<(Instant, Option<Timestamp>)>>);

impl AgentEnd {
    /// As it was asked for within ten minutes; the outer `None` where it was not.
    pub(super) fn known(&self) -> Option<Option<Timestamp>> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.filter(|(at, _)| at.elapsed() < AGENT_FRESH).map(|(_, ends)| ends)
    }

    fn keep(&self, ends: Option<Timestamp>) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), ends));
        ends
    }
}

impl Hyperliquid {
    /// Reads settings and key; nothing is sent.
    ///
    /// # Errors
    /// `Unsupported` for settings, `Unauthorized` for a key that is none.
    pub fn new(settings: &BrokerSettings, credentials: &Credentials) -> Result<Self, BrokerError> {
        let key = credentials.get("private_key").ok_or_else(|| unauthorized("there is no private_key"))?;
        let signer = Signer::new(key).map_err(|error| unauthorized(error.to_string()))?;
        let venue = Venue::new(Settings::read(settings)?)?;
        let (master, agent, budgets) = Default::default();
        Ok(Self { venue: Arc::new(venue), signer: Arc::new(signer), master, agent, budgets })
    }

    /// Whose agent the key is, and what to call that account.
    async fn role(&self) -> Result<(Address, &'static str), BrokerError> {
        let agent = self.signer.address().to_string();
        let body = json!({"type": "userRole", "user": agent});
        let role: UserRole = self.venue.info(venue::read("userRole", ROLE), &body).await?;
        let (master, kind) = match (role.role.as_str(), role.data) {
            ("agent", Some(data)) => {
                let user = data.user.or(data.master).unwrap_or_default();
                (address("userRole", &user)?, "master, by its agent")
            }
            ("user", _) => (*self.signer.address(), "its own key, which may also withdraw"),
            ("missing", _) => {
                let network = self.venue.network().as_str();
                return Err(unauthorized(format!(
                    "no account on {network} has approved this API wallet: it was revoked, has expired, or belongs to the other network"
                )));
            }
            (other, _) => {
                return Err(unauthorized(format!("the key belongs to a {}", errors::shown(other))));
            }
        };
        *self.master.lock().unwrap_or_else(PoisonError::into_inner) = Some(master);
        Ok((master, kind))
    }

    async fn master(&self) -> Result<Address, BrokerError> {
        let known = *self.master.lock().unwrap_or_else(PoisonError::into_inner);
        match known {
            Some(master) => Ok(master),
            None => Ok(self.role().await?.0),
        }
    }

    async fn sub_accounts(&self, master: &Address) -> Result<Vec<(Address, String)>, BrokerError> {
        let body = json!({"type": "subAccounts", "user": master.to_string()});
        let rows: Option<Vec<SubAccount>> = self.venue.info(venue::read("subAccounts", LIST), &body).await?;
        let named = |row: SubAccount| {
            let kind = format!("sub-account {}", errors::shown(&row.name));
            Ok((address("subAccounts", &row.sub_account_user)?, kind.trim_end().to_owned()))
        };
        rows.unwrap_or_default().into_iter().map(named).collect()
    }

    /// An account, with what only this venue has.
    ///
    /// # Errors
    /// `NotFound` for an address that is none; whatever asking for what is listed comes to.
    pub async fn open(&self, key: &str, id: AccountId) -> Result<Arc<HyperliquidAccount>, BrokerError> {
        let user: Address = key.parse().map_err(|_| BrokerError::NotFound {
            broker: NAME.to_owned(),
            what: "account of this address".to_owned(),
        })?;
        let master = self.master().await?;
        self.venue.universe().await?;
        let vault = (user != master).then_some(user);
        let (venue, signer) = (Arc::clone(&self.venue), Arc::clone(&self.signer));
        let account = HyperliquidAccount::new(venue, signer, user, vault, (id, Arc::clone(&self.agent)));
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        budgets.retain(|(known, _)| *known != user);
        budgets.push((user, Arc::clone(&account.shared.budget)));
        Ok(Arc::new(account))
    }
}

#[async_trait]
impl Connection for Hyperliquid {
    fn broker(&self) -> BrokerKind {
        BrokerKind::Hyperliquid
    }

    fn environment(&self) -> Environment {
        self.venue.settings.environment
    }

    async fn accounts(&self) -> Result<Vec<AccountSummary>, BrokerError> {
        let (master, kind) = self.role().await?;
        let mut all = vec![(master, kind.to_owned())];
        all.extend(self.sub_accounts(&master).await?);
        if let Some(vault) = self.venue.settings.vault
            && all.iter().all(|(known, _)| *known != vault)
        {
            all.push((vault, "vault".to_owned()));
        }
        if let Some(wanted) = self.venue.settings.account {
            all.retain(|(known, _)| *known == wanted);
            if all.is_empty() {
                return Err(wrong(
                    format!("account_address ...{}", wanted.last_four()),
                    &format!(
                        "the account of this agent, ...{}, its sub-accounts and vault_address",
                        master.last_four()
                    ),
                ));
            }
        }
        let ends = self.agent.keep(agent_ends(&self.venue, &self.signer, &master).await?);
        let now = self.venue.http.broker_now();
        let trading = match ends {
            Some(ends) if ends <= now => Err(format!("the approval of this API wallet ended {ends}")),
            _ => Ok(()),
        };
        let summary = |(address, kind): (Address, String)| AccountSummary {
            key: address.to_string(),
            last_four: address.last_four(),
            kind,
            trading: trading.clone(),
        };
        Ok(all.into_iter().map(summary).collect())
    }

    async fn account(&self, key: &str, id: AccountId) -> Result<Arc<dyn Broker>, BrokerError> {
        Ok(self.open(key, id).await?)
    }

    fn feed(&self) -> Option<Arc<dyn MarketFeed>> {
        Some(Arc::new(Feed::new(Arc::clone(&self.venue))))
    }

    fn health(&self) -> Health {
        let budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let several = budgets.len() > 1;
        let words = budgets.iter().filter_map(|(user, budget)| {
            let words = budget.words()?;
            Some(if several { format!("...{}: {words}", user.last_four()) } else { words })
        });
        Health { words: words.collect(), ..self.venue.http.health() }
    }
}
