//! How accounts stand with their brokers, at a person's wish: compared now, or traded by hand before they agree (reliability R1).

use crate::client::{Reply, SessionError};
use crate::core::input::Input;
use crate::domain::ids::AccountId;

use super::task::EngineTask;

impl EngineTask {
    /// Compares one account's books with what its broker shows, or every account's.
    pub(super) async fn reconcile_now(&mut self, account: Option<AccountId>) -> Result<Reply, SessionError> {
        let views = self.core.snapshot().accounts;
        let ids = views.iter().map(|view| view.account.account.clone());
        let known: Vec<AccountId> = ids.filter(|id| !self.live.closed.contains(id)).collect();
        let asked = match account {
            Some(account) if !known.contains(&account) => {
                let names: Vec<&str> = known.iter().map(AccountId::as_str).collect();
                let text = format!("account: found '{account}', allowed {}", names.join(", "));
                return Err(SessionError::Usage(text));
            }
            Some(account) => vec![account],
            None => known,
        };
        let names: Vec<String> = asked.iter().map(ToString::to_string).collect();
        for account in asked {
            self.step(Input::Reconcile(account)).await;
        }
        Ok(Reply::Done(format!("asked what the broker shows of {}", names.join(", "))))
    }

    /// Lets a person's own orders out before the account agrees; `typed` is its name again.
    pub(super) async fn override_standing(
        &mut self,
        account: AccountId,
        typed: Option<&str>,
    ) -> Result<Reply, SessionError> {
        let snapshot = self.core.snapshot();
        let view = snapshot.accounts.iter().find(|view| view.account.account == account);
        match view.filter(|_| !self.live.closed.contains(&account)) {
            None => {
                let there = self.live.connected(&self.paper_account);
                Err(SessionError::Usage(format!("there is no account '{account}'; {there}")))
            }
            Some(view) if view.standing.reconciled => Err(SessionError::Usage(format!(
                "{account} agrees with its broker; nothing is to be overridden"
            ))),
            Some(_) if typed.map(str::trim) != Some(account.as_str()) => {
                let text = format!(
                    "orders of {account} would go out before it agrees with its broker; to confirm it the account's name has to be typed"
                );
                Err(SessionError::Clarify(text))
            }
            Some(_) => {
                self.step(Input::Override(account.clone())).await;
                Ok(Reply::Done(format!(
                    "a person's own orders of {account} go out until it agrees or its line breaks"
                )))
            }
        }
    }
}
