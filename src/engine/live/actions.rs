//! What a venue does that is no order: carried out on a task of its own, once nothing speaks against it.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::brokers::{BrokerError, Certainty};
use crate::client::{Reply, SessionError};
use crate::core::input::Input;
use crate::domain::account::AccountMode;
use crate::domain::ids::AccountId;
use crate::domain::snapshot::Severity;
use crate::domain::venue::{VenueAction, VenueAnswer};

use super::super::session::give;
use super::super::task::EngineTask;

/// How long a venue may take.
const VENUE_WITHIN: Duration = Duration::from_secs(15);

type Answer = oneshot::Sender<Result<Reply, SessionError>>;

/// What an error means for whoever asked.
fn told(error: &BrokerError) -> SessionError {
    match error {
        BrokerError::Refused { .. } | BrokerError::Unauthorized { .. } => {
            SessionError::Rejected(error.to_string())
        }
        error if error.outcome() == Certainty::Unknown => SessionError::OutcomeUnknown(error.to_string()),
        error => SessionError::Usage(error.to_string()),
    }
}

impl EngineTask {
    /// Has a venue do something, once nothing speaks against it.
    pub(in crate::engine) async fn venue_action(
        &mut self,
        account: AccountId,
        action: VenueAction,
        reply: Answer,
    ) {
        let (Some(broker), _) = self.live.at_broker(&account) else {
            let text = format!(
                "{account} is no connected account that answers; {}",
                self.live.connected(&self.paper_account)
            );
            return give(reply, Err(SessionError::Usage(text)));
        };
        if let Err(refusal) = self.venue_may(&account, &action).await {
            return give(reply, Err(refusal));
        }
        if action.changes() {
            let text = format!("{account}: {action}");
            self.step(Input::Note { severity: Severity::Info, code: "VENUE_ACTION", text }).await;
        }
        tokio::spawn(async move {
            let answer = match tokio::time::timeout(VENUE_WITHIN, broker.act(&action)).await {
                Ok(Ok(VenueAnswer::Done(words))) => Ok(Reply::Done(words)),
                Ok(Ok(VenueAnswer::Addresses(addresses))) => Ok(Reply::DepositAddresses(addresses)),
                Ok(Ok(VenueAnswer::Settings(settings))) => Ok(Reply::VenueSettings(settings)),
                Ok(Err(error)) => Err(told(&error)),
                Err(_) => {
                    let text = format!("{action}: no answer within {} s", VENUE_WITHIN.as_secs());
                    Err(SessionError::OutcomeUnknown(text))
                }
            };
            give(reply, answer);
        });
    }

    /// What adds risk needs trading to be on.
    async fn venue_may(&mut self, account: &AccountId, action: &VenueAction) -> Result<(), SessionError> {
        if let Some(instrument) = action.instrument() {
            self.know(std::slice::from_ref(instrument)).await?;
        }
        let real = self.core.account(account).is_some_and(|figures| figures.mode == AccountMode::Live);
        if let Some(why) = self.core.keeps_from_risk().filter(|_| action.adds_risk()) {
            return Err(SessionError::Usage(why.to_owned()));
        }
        if action.adds_risk() && real && !self.core.trades_live() {
            let text = "trading with real money is not on; see: arbion mode live".to_owned();
            return Err(SessionError::Usage(text));
        }
        Ok(())
    }
}
