//! What only one venue has, asked of its account.

use super::control::confirm;
use crate::cli::args::venue::{HyperliquidCommand, VenueAccount};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::language;
use crate::cli::line::Line;
use crate::cli::output::Output;
use crate::client::Request;
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::money::Quantity;
use crate::domain::venue::VenueAction;

/// The word of the broker, as accounts there are called.
const HYPERLIQUID: &str = "hyperliquid";

pub(super) async fn hyperliquid(
    line: &Line<'_>,
    command: &HyperliquidCommand,
    console: &mut Console,
) -> Result<Output, CliError> {
    let instrument =
        |symbol: &str| -> Result<Instrument, CliError> { language::instrument(symbol, line.lookup) };
    let (action, of) = match command {
        HyperliquidCommand::Twap { side, quantity, symbol, minutes, even, reduce_only, of } => {
            let action = VenueAction::Twap {
                instrument: instrument(symbol)?,
                side: (*side).into(),
                quantity: Quantity::new(*quantity),
                minutes: *minutes,
                randomize: !even,
                reduce_only: *reduce_only,
            };
            (action, of)
        }
        HyperliquidCommand::TwapCancel { symbol, id, of } => {
            (VenueAction::CancelTwap { instrument: instrument(symbol)?, twap: *id }, of)
        }
        HyperliquidCommand::ScheduleCancel { seconds, of, .. } => {
            (VenueAction::ScheduleCancel { after_seconds: *seconds }, of)
        }
        HyperliquidCommand::Leverage { symbol, leverage, isolated, of } => {
            let instrument = instrument(symbol)?;
            (VenueAction::Leverage { instrument, leverage: *leverage, cross: !isolated }, of)
        }
        HyperliquidCommand::Margin { symbol, amount, of } => {
            (VenueAction::IsolatedMargin { instrument: instrument(symbol)?, amount: *amount }, of)
        }
    };
    let account = account(line, of).await?;
    if action.adds_risk() {
        confirm(Some(console), of.yes, &format!("{action}, account {account}"))?;
    }
    line.answer(Request::Venue { account, action }).await
}

/// The one that is named, else the only one there.
async fn account(line: &Line<'_>, of: &VenueAccount) -> Result<AccountId, CliError> {
    if let Some(named) = line.named_account(of.account.as_deref()).await? {
        return Ok(named);
    }
    let snapshot = line.snapshot().await?;
    let there: Vec<&AccountId> = snapshot
        .accounts
        .iter()
        .map(|view| &view.account.account)
        .filter(|id| id.as_str().starts_with(HYPERLIQUID))
        .collect();
    match there.as_slice() {
        [only] => Ok((*only).clone()),
        [] => Err(CliError::usage("no account at hyperliquid is connected; or name it: --account NAME")),
        several => {
            let names: Vec<&str> = several.iter().map(|id| id.as_str()).collect();
            Err(CliError::usage(format!("which account: --account {}", names.join(" or "))))
        }
    }
}
