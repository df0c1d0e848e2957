//! What only one venue has, asked of its account.

use super::control::confirm;
use crate::cli::args::venue::{CoinbaseCommand, HyperliquidCommand};
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
/// The same.
const COINBASE: &str = "coinbase";
/// Longest code of a currency.
const CODE_MAX: usize = 12;

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
    let account = account(line, HYPERLIQUID, of.account.as_deref()).await?;
    if action.adds_risk() {
        confirm(Some(console), of.yes, &format!("{action}, account {account}"))?;
    }
    line.answer(Request::Venue { account, action }).await
}

pub(super) async fn coinbase(
    line: &Line<'_>,
    command: &CoinbaseCommand,
    console: &mut Console,
) -> Result<Output, CliError> {
    let (action, named, yes) = match command {
        CoinbaseCommand::Addresses { currency, account } => {
            let currency = currency.as_deref().map(code).transpose()?;
            (VenueAction::DepositAddresses { currency }, account, true)
        }
        CoinbaseCommand::NewAddress { currency, of } => {
            (VenueAction::NewDepositAddress { currency: code(currency)? }, &of.account, of.yes)
        }
    };
    let account = account(line, COINBASE, named.as_deref()).await?;
    confirm(Some(console), yes, &format!("{action}, account {account}"))?;
    line.answer(Request::Venue { account, action }).await
}

/// The code of a currency, in capitals.
fn code(text: &str) -> Result<String, CliError> {
    let fits = (1..=CODE_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !fits {
        let text =
            format!("currency: found {text:?}, allowed letters and digits, at most {CODE_MAX}, such as BTC");
        return Err(CliError::usage(text));
    }
    Ok(text.to_ascii_uppercase())
}

/// The one that is named, else the only one at the venue.
async fn account(line: &Line<'_>, venue: &str, named: Option<&str>) -> Result<AccountId, CliError> {
    if let Some(named) = line.named_account(named).await? {
        return Ok(named);
    }
    let snapshot = line.snapshot().await?;
    let there: Vec<&AccountId> = snapshot
        .accounts
        .iter()
        .map(|view| &view.account.account)
        .filter(|id| id.as_str().starts_with(venue))
        .collect();
    match there.as_slice() {
        [only] => Ok((*only).clone()),
        [] => {
            let text = format!("no account at {venue} is connected; see: arbion connect {venue}");
            Err(CliError::usage(text))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|id| id.as_str()).collect();
            Err(CliError::usage(format!("which account: --account {}", names.join(" or "))))
        }
    }
}
