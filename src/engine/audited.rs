//! What people do through an engine, written into the audit log with what came of it: orders confirmed, the kill switch, backups.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::client::message::{OrderRef, StrategyRequest};
use crate::client::{Reply, Request, SessionError};
use crate::command::explain;
use crate::command::types::{Command, StrategyAction};
use crate::domain::audit::AuditAction;
use crate::domain::exit::ExitChange;
use crate::domain::order::OriginKind;
use crate::keeping::Recorder;

use super::session::give;

type Answer = oneshot::Sender<Result<Reply, SessionError>>;

/// An answer on whose way the log learns of it. What is no event goes as it came.
pub(super) fn audited(
    recorder: Option<&Arc<Recorder>>,
    request: &Request,
    through: &Arc<str>,
    reply: Answer,
) -> Answer {
    let Some((recorder, (action, door, object))) = recorder.zip(event(request)) else { return reply };
    let recorder = Arc::clone(recorder);
    let door = door.map_or_else(|| through.to_string(), |door| format!("{door}, {through}"));
    let (ours, answer) = oneshot::channel();
    tokio::spawn(async move {
        let answer = answer.await.unwrap_or(Err(SessionError::Gone));
        recorder.record(action, &door, &object, &result(&answer));
        give(reply, answer);
    });
    ours
}

/// What of a request is an event: the action, the part of the front end that it came from where that is known, and to what it was done.
/// What safe keeping does it writes down itself.
fn event(request: &Request) -> Option<(AuditAction, Option<&'static str>, String)> {
    match request {
        Request::Execute { command, origin, allow_duplicate, .. } => match command {
            Command::Halt => Some((AuditAction::Halted, Some(door(*origin)), "the kill switch".to_owned())),
            Command::Resume => {
                Some((AuditAction::Resumed, Some(door(*origin)), "the kill switch".to_owned()))
            }
            Command::Strategy { action, .. } if *action != StrategyAction::Status => {
                Some((AuditAction::StrategyChanged, Some(door(*origin)), explain(command)))
            }
            Command::Place(_) | Command::Close(_) | Command::Flatten { .. } if origin.is_human() => {
                let action =
                    if *allow_duplicate { AuditAction::OrderOverridden } else { AuditAction::OrderConfirmed };
                Some((action, Some(door(*origin)), explain(command)))
            }
            _ => None,
        },
        Request::Halt { all } => {
            let what = if *all { "the kill switch, exits too" } else { "the kill switch" };
            Some((AuditAction::Halted, None, what.to_owned()))
        }
        Request::ReduceOnly { why } => {
            Some((AuditAction::Halted, None, format!("all but what reduces: {why}")))
        }
        Request::Resume => Some((AuditAction::Resumed, None, "the kill switch".to_owned())),
        Request::Flatten { scope, .. } => {
            Some((AuditAction::OrderConfirmed, None, explain(&Command::Flatten { scope: *scope })))
        }
        Request::Settle { order, fate, why } => {
            Some((AuditAction::OrderSettled, None, format!("{} as {fate}: {why}", named(order))))
        }
        Request::Strategy(StrategyRequest::Change(change)) => {
            let what = format!("{} strategy {}", change.verb(), change.name());
            Some((AuditAction::StrategyChanged, None, what))
        }
        Request::Bot(request) => request.deed().map(|what| (AuditAction::StrategyChanged, None, what)),
        Request::Venue { account, action } if action.changes() => {
            Some((AuditAction::OrderConfirmed, None, format!("{action}, account {account}")))
        }
        Request::Override { account, .. } => {
            let what = format!("{account} before it agrees with its broker");
            Some((AuditAction::OrderOverridden, None, what))
        }
        Request::SetLimit { name, value, .. } => {
            let value = value.as_deref().unwrap_or("its default");
            Some((AuditAction::LimitsChanged, None, format!("{name} to {value}")))
        }
        Request::LiftGuards { account } => {
            let of = account.as_ref().map_or_else(|| "the default account".to_owned(), ToString::to_string);
            Some((AuditAction::LimitsChanged, None, format!("locks of guards lifted, {of}")))
        }
        Request::Exit(ExitChange::Set { account, instrument, plan }) => {
            let what = format!("exit of {instrument}: {}, account {account}", plan.words());
            Some((AuditAction::OrderConfirmed, None, what))
        }
        Request::Exit(ExitChange::Clear { account, instrument }) => Some((
            AuditAction::OrderConfirmed,
            None,
            format!("no exit plan for {instrument}, account {account}"),
        )),
        Request::Backup { .. } => Some((AuditAction::BackedUp, None, "the database".to_owned())),
        _ => None,
    }
}

fn named(order: &OrderRef) -> String {
    match order {
        OrderRef::Number(number) => format!("order {number}"),
        OrderRef::ClientOrderId(id) => format!("order {id}"),
    }
}

const fn door(origin: OriginKind) -> &'static str {
    match origin {
        OriginKind::Ticket => "ticket",
        OriginKind::Command => "command bar",
        OriginKind::Cli => "command line",
        _ => "automation",
    }
}

fn result(answer: &Result<Reply, SessionError>) -> String {
    match answer {
        Ok(Reply::Orders(orders)) => {
            let words: Vec<String> = orders
                .iter()
                .map(|order| format!("order {} {}", order.number, order.status.as_str()))
                .collect();
            if words.is_empty() { "ok".to_owned() } else { words.join(", ") }
        }
        Ok(Reply::Done(text)) => text.clone(),
        Ok(_) => "ok".to_owned(),
        Err(error) => error.to_string(),
    }
}
