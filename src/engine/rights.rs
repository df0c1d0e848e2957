//! Who may ask what of an engine: each request is one action of the table of roles, and few of them are answered while the profile is
//! locked or disabled. Both matches name every request, so that a new one is decided on or does not compile.

use std::sync::Arc;

use tokio::sync::watch;

use crate::client::message::{BotRequest, StrategyRequest};
use crate::client::{Request, SessionError};
use crate::command::types::{Command, StrategyAction};
use crate::domain::audit::AuditAction;
use crate::domain::role::{Action, Role, Whose, permits};
use crate::domain::strategy::StrategyChange;
use crate::keeping::{Recorder, Standing, Watched};

/// What a request does, in the words of the table of roles.
#[must_use]
pub const fn action(request: &Request) -> Action {
    match request {
        Request::Preview { .. }
        | Request::Subscribe { .. }
        | Request::Bars { .. }
        | Request::History { .. }
        | Request::Chain { .. }
        | Request::News { .. }
        | Request::Search { .. }
        | Request::OrderHistory(_)
        | Request::Executions(_)
        | Request::Pnl(_)
        | Request::RiskDesk { .. }
        | Request::Book { .. }
        | Request::Groups
        | Request::Members { .. }
        | Request::Movers { .. }
        | Request::Equity { .. }
        | Request::Strategy(
            StrategyRequest::List
            | StrategyRequest::Kinds
            | StrategyRequest::Plan { .. }
            | StrategyRequest::Decisions { .. },
        )
        | Request::Bot(
            BotRequest::List | BotRequest::Plan { .. } | BotRequest::Log { .. } | BotRequest::Versions { .. },
        )
        | Request::Notes => Action::Look,
        Request::Venue { action, .. } if !action.changes() => Action::Look,
        Request::Execute { command, .. } => match command {
            Command::Halt => Action::Halt,
            Command::Quote { .. }
            | Command::Chain { .. }
            | Command::Clarify { .. }
            | Command::Show { .. }
            | Command::Help { .. } => Action::Look,
            Command::Strategy { action: StrategyAction::Status, .. } => Action::Look,
            _ => Action::Trade,
        },
        Request::Cancel { .. }
        | Request::Replace { .. }
        | Request::Settle { .. }
        | Request::Resume
        | Request::Flatten { .. }
        | Request::SetWatchlist { .. }
        | Request::EditWatchlists(_)
        | Request::Alert(_)
        | Request::Exit(_)
        | Request::LiftGuards { .. }
        | Request::Strategy(StrategyRequest::Change(_))
        | Request::Bot(_)
        | Request::SetNote { .. }
        | Request::NoteSymbol(_)
        | Request::PaperAssign { .. }
        | Request::PaperDoNotExercise { .. }
        | Request::PaperExpire
        | Request::Advance { .. }
        | Request::Mode { .. }
        | Request::Reconcile { .. }
        | Request::Override { .. }
        | Request::Venue { .. }
        | Request::Replay(_) => Action::Trade,
        Request::Halt { .. } | Request::ReduceOnly { .. } => Action::Halt,
        Request::SetLimit { confirmation: Some(_), .. } => Action::LoosenLimits,
        Request::SetLimit { .. } => Action::TightenLimits,
        Request::EngineStatus => Action::Health,
        Request::StopEngine { .. } => Action::StopEngine,
        Request::Backup { .. } => Action::Export,
        Request::Lock | Request::Unlock { .. } => Action::Lock,
        Request::SetSecret { .. } | Request::Connect { .. } | Request::Disconnect { .. } => Action::Secrets,
    }
}

/// Is a request answered though the profile is locked: the kill switch, and what looks after the engine and the lock.
#[must_use]
pub const fn works_when_locked(request: &Request) -> bool {
    matches!(action(request), Action::Halt | Action::Health | Action::StopEngine | Action::Lock)
}

/// Is a request answered though the profile is disabled: nothing new is done, but what stops.
const fn works_when_disabled(request: &Request) -> bool {
    matches!(
        request,
        Request::Cancel { .. }
            | Request::Strategy(StrategyRequest::Change(
                StrategyChange::Stop { .. } | StrategyChange::Pause { .. }
            ))
    ) || matches!(action(request), Action::Halt | Action::Health | Action::StopEngine)
}

/// What stands between front ends and an engine.
#[derive(Clone, Debug)]
pub struct Gate {
    profile: String,
    /// Who is what; absent where the installation cannot be read: then the own trader is let in, and nobody else.
    standing: Option<watch::Receiver<Arc<Standing>>>,
    recorder: Option<Arc<Recorder>>,
}

impl Gate {
    /// The gate of a profile's engine.
    #[must_use]
    pub fn new(profile: &str, watched: Option<&Watched>, recorder: Option<Arc<Recorder>>) -> Self {
        Self { profile: profile.to_owned(), standing: watched.map(Watched::standing), recorder }
    }

    /// Somebody on behalf of `actor`; absent means the engine's own trader.
    #[must_use]
    pub fn asker(&self, actor: Option<String>) -> Asker {
        Asker::new(actor, &self.profile)
    }

    /// Lets a request through, or writes down that it did not.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, asker: &Asker, door: &str, request: &Request) -> Result<(), SessionError> {
        let refused = match &self.standing {
            Some(standing) => {
                let standing = Arc::clone(&standing.borrow());
                asker.may(&standing, request).err()
            }
            None if asker.whose == Whose::Own => None,
            None => {
                let text = "who is what in this installation cannot be read; see: arbion doctor";
                Some((Role::Standard, SessionError::NotAllowed(text.to_owned())))
            }
        };
        let Some((role, refusal)) = refused else { return Ok(()) };
        if let Some(recorder) = &self.recorder {
            let what = format!("ask '{}' of the engine of {}", request.name(), self.profile);
            let actor: String = asker.actor.chars().flat_map(char::escape_default).take(64).collect();
            recorder.record_of((&actor, role), AuditAction::Refused, door, &what, "not allowed");
        }
        Err(refusal)
    }
}

/// Somebody who asks an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The profile on whose behalf.
    pub actor: String,
    /// Whose the engine is for it.
    pub whose: Whose,
}

impl Asker {
    /// Somebody on behalf of `actor`, or of the engine's own profile.
    #[must_use]
    pub fn new(actor: Option<String>, profile: &str) -> Self {
        let actor = actor.unwrap_or_else(|| profile.to_owned());
        let whose = if actor == profile { Whose::Own } else { Whose::Other };
        Self { actor, whose }
    }

    /// May it ask this. The role is handed back, for the log.
    ///
    /// # Errors
    /// Why not, with the role it was refused in.
    pub fn may(&self, standing: &Standing, request: &Request) -> Result<Role, (Role, SessionError)> {
        let role = match standing.role(&self.actor) {
            Ok(role) => role,
            Err(_) if self.whose == Whose::Own && works_when_disabled(request) => Role::Standard,
            Err(text) => return Err((Role::Standard, SessionError::NotAllowed(text))),
        };
        if permits(role, action(request), self.whose) {
            return Ok(role);
        }
        let text = format!(
            "{} is {role} and may not ask '{}' of another profile's engine",
            self.actor,
            request.name()
        );
        Err((role, SessionError::NotAllowed(text)))
    }
}

#[cfg(test)]
mod tests;
