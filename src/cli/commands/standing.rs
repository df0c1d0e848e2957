//! How accounts stand with their brokers: compared at once, or traded by hand before they agree.

use std::time::Duration;

use serde_json::json;

use super::control::with_typed;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::line::Line;
use crate::cli::output::{Output, market_views};
use crate::client::Request;
use crate::domain::snapshot::AccountView;

/// Longest wait for brokers to show everything: where little is left of a broker's limit, its long lists wait up to a minute for their turn.
const SHOWN_WITHIN: Duration = Duration::from_secs(90);

pub(super) async fn reconcile(line: &Line<'_>, account: Option<&str>) -> Result<Output, CliError> {
    let account = line.named_account(account).await?;
    let before = line.snapshot().await?;
    let mut snapshots = line.session.snapshots();
    line.ask(Request::Reconcile { account: account.clone() }).await?;
    let meant = |view: &&AccountView| account.as_ref().is_none_or(|id| view.account.account == *id);
    let old = |view: &AccountView| {
        let of = |other: &&AccountView| other.account.account == view.account.account;
        before.accounts.iter().find(of).and_then(|view| view.standing.last.clone())
    };
    let compared = snapshots.wait_for(|snapshot| {
        snapshot
            .accounts
            .iter()
            .filter(meant)
            .all(|view| view.standing.last.is_some() && view.standing.last != old(view))
    });
    let compared = match tokio::time::timeout(SHOWN_WITHIN, compared).await {
        Ok(Ok(snapshot)) => std::sync::Arc::clone(&snapshot),
        Ok(Err(_)) => return Err(crate::client::SessionError::Gone.into()),
        Err(_) => {
            let text = format!(
                "not every broker has answered within {} s; see: arbion connections",
                SHOWN_WITHIN.as_secs()
            );
            return Err(crate::client::SessionError::OutcomeUnknown(text).into());
        }
    };
    let views: Vec<&AccountView> = compared.accounts.iter().filter(meant).collect();
    let documents: Vec<serde_json::Value> = views
        .iter()
        .map(|view| json!({ "account": view.account.account, "standing": view.standing }))
        .collect();
    Ok(Output::new(&json!({ "accounts": documents }))?.table(market_views::standings(&views, &line.zone)))
}

pub(super) async fn override_it(
    line: &Line<'_>,
    account: &str,
    confirm: Option<&str>,
    console: &mut Console,
) -> Result<Output, CliError> {
    let account = line.account(Some(account)).await?;
    let question = format!("Orders of {account} would go out before it agrees with its broker.");
    let request = |confirmation| Request::Override { account: account.clone(), confirmation };
    with_typed(line, console, (account.as_str(), confirm), &question, request).await
}
