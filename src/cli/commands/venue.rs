//! What only one venue has, asked of its account.

use std::ops::RangeInclusive;

use rust_decimal::Decimal;

use super::control::confirm;
use super::speak::{Door, carry_out};
use crate::cli::args::venue::{AlpacaCommand, CoinbaseCommand, HyperliquidCommand, VenueAccount};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::language;
use crate::cli::line::Line;
use crate::cli::output::Output;
use crate::client::Request;
use crate::command::types::{Amount, Command, Place, PriceTerms, Subject};
use crate::domain::ids::AccountId;
use crate::domain::instrument::Instrument;
use crate::domain::money::{Price, Quantity};
use crate::domain::order::{OrderType, OriginKind, Side, Slices, TimeInForce};
use crate::domain::venue::VenueAction;

/// The word of the broker, as accounts there are called.
const HYPERLIQUID: &str = "hyperliquid";
/// The same.
const COINBASE: &str = "coinbase";
/// The same.
const ALPACA: &str = "alpaca";
/// Longest name and value of a setting.
const SETTING_MAX: usize = 60;
/// Minutes of an order in slices.
const MINUTES: RangeInclusive<u32> = 5..=1_440;
/// The same at Coinbase.
const COINBASE_MINUTES: RangeInclusive<u32> = 2..=1_440;
/// USDC that a request costs.
const REQUEST_PRICE: Decimal = Decimal::from_parts(5, 0, 0, false, 4);
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
        HyperliquidCommand::Twap { of, .. } => return slices(line, command, of, console).await,
        HyperliquidCommand::TwapCancel { symbol, id, of } => {
            return end_slices(line, &instrument(symbol)?, *id, of, console).await;
        }
        HyperliquidCommand::ScheduleCancel { seconds, of, .. } => {
            (VenueAction::ScheduleCancel { after_seconds: *seconds }, of)
        }
        HyperliquidCommand::ReserveRequests { requests, of } => {
            (VenueAction::ReserveRequests { requests: *requests }, of)
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
    if action.adds_risk() || action.costs() {
        let price = match &action {
            VenueAction::ReserveRequests { requests } => {
                let all = Decimal::from(*requests) * REQUEST_PRICE;
                format!(" for {} USDC", all.normalize())
            }
            _ => String::new(),
        };
        confirm(Some(console), of.yes, &format!("{action}{price}, account {account}"))?;
    }
    line.answer(Request::Venue { account, action }).await
}

/// An order in slices: an order like any other.
async fn slices(
    line: &Line<'_>,
    command: &HyperliquidCommand,
    of: &VenueAccount,
    console: &mut Console,
) -> Result<Output, CliError> {
    let HyperliquidCommand::Twap { side, quantity, symbol, minutes, even, reduce_only, .. } = command else {
        return Err(CliError::unexpected("slices"));
    };
    check_minutes(*minutes, &MINUTES)?;
    let terms = PriceTerms {
        order_type: OrderType::Twap,
        twap: Some(Slices { minutes: *minutes, randomize: !even, limit_price: None }),
        reduce_only: reduce_only.then_some(true),
        ..PriceTerms::market(TimeInForce::Gtc)
    };
    let order = ((*side).into(), above_zero("quantity", *quantity)?, symbol.as_str());
    place(line, (HYPERLIQUID, of), order, terms, console).await
}

fn check_minutes(minutes: u32, allowed: &RangeInclusive<u32>) -> Result<(), CliError> {
    if allowed.contains(&minutes) {
        return Ok(());
    }
    let text = format!("--minutes: found {minutes}, allowed {} to {}", allowed.start(), allowed.end());
    Err(CliError::usage(text))
}

fn above_zero(what: &str, found: Decimal) -> Result<Decimal, CliError> {
    if found > Decimal::ZERO {
        return Ok(found);
    }
    Err(CliError::usage(format!("{what}: found {found}, allowed a number above 0")))
}

/// An order of a type that a venue keeps by itself: an order like any other.
async fn place(
    line: &Line<'_>,
    (venue, of): (&str, &VenueAccount),
    (side, quantity, symbol): (Side, Decimal, &str),
    terms: PriceTerms,
    console: &mut Console,
) -> Result<Output, CliError> {
    let place = Place {
        side,
        position_effect: None,
        subject: Subject::Instrument(language::instrument(symbol, line.lookup)?),
        amount: Amount::Quantity(Quantity::new(quantity)),
        terms,
        exit_plan: None,
    };
    let account = account(line, venue, of.account.as_deref()).await?;
    carry_out(line, Command::Place(place), &door(account, of.yes), Some(console)).await
}

/// The cancel of the order that has this number at the venue.
async fn end_slices(
    line: &Line<'_>,
    instrument: &Instrument,
    id: u64,
    of: &VenueAccount,
    console: &mut Console,
) -> Result<Output, CliError> {
    let account = account(line, HYPERLIQUID, of.account.as_deref()).await?;
    let named = format!("twap-{id}");
    let snapshot = line.snapshot().await?;
    let order = snapshot.orders.iter().find(|order| {
        order.request.account == account
            && order.request.subject.instrument() == Some(instrument)
            && order.broker_order_id.as_ref().is_some_and(|id| id.as_str() == named)
    });
    let Some(order) = order else {
        let text =
            format!("no slices {id} of {instrument} are known in {account}; see: arbion order list --all");
        return Err(CliError::usage(text));
    };
    let order_id = Some(order.number.to_string().into());
    let command = Command::Cancel { order_id, instrument: None, side: None };
    carry_out(line, command, &door(account, of.yes), Some(console)).await
}

const fn door(account: AccountId, yes: bool) -> Door {
    Door { account: Some(account), yes, allow_duplicate: true, wait: true, origin: OriginKind::Cli }
}

pub(super) async fn coinbase(
    line: &Line<'_>,
    command: &CoinbaseCommand,
    console: &mut Console,
) -> Result<Output, CliError> {
    let (action, named, yes) = match command {
        CoinbaseCommand::Twap { side, quantity, symbol, limit, minutes, of } => {
            check_minutes(*minutes, &COINBASE_MINUTES)?;
            let limit_price = Price::new(above_zero("--limit", *limit)?);
            let terms = PriceTerms {
                order_type: OrderType::Twap,
                limit_price: Some(limit_price),
                twap: Some(Slices { minutes: *minutes, randomize: false, limit_price: None }),
                ..PriceTerms::market(TimeInForce::Gtc)
            };
            let order = ((*side).into(), above_zero("quantity", *quantity)?, symbol.as_str());
            return place(line, (COINBASE, of), order, terms, console).await;
        }
        CoinbaseCommand::Oco { quantity, symbol, limit, stop, of } => {
            let (limit, stop) = (above_zero("--limit", *limit)?, above_zero("--stop", *stop)?);
            if stop >= limit {
                let text = format!("--stop: found {stop}, allowed below the limit of {limit}");
                return Err(CliError::usage(text));
            }
            let terms = PriceTerms {
                order_type: OrderType::Oco,
                limit_price: Some(Price::new(limit)),
                stop_price: Some(Price::new(stop)),
                reduce_only: Some(true),
                ..PriceTerms::market(TimeInForce::Gtc)
            };
            let order = (Side::Sell, above_zero("quantity", *quantity)?, symbol.as_str());
            return place(line, (COINBASE, of), order, terms, console).await;
        }
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

pub(super) async fn alpaca(
    line: &Line<'_>,
    command: &AlpacaCommand,
    console: &mut Console,
) -> Result<Output, CliError> {
    let option = |symbol: &str| match language::instrument(symbol, line.lookup)? {
        option @ Instrument::Option(_) => Ok(option),
        other => Err(CliError::usage(format!("contract: found {other}, allowed an option's OCC symbol"))),
    };
    let (action, named, yes) = match command {
        AlpacaCommand::Settings { account } => (VenueAction::Settings, account, true),
        AlpacaCommand::Set { setting, value, of } => {
            let (setting, value) = (word("setting", setting)?, word("value", value)?);
            (VenueAction::Set { setting, value }, &of.account, of.yes)
        }
        AlpacaCommand::Exercise { contract, of } => {
            (VenueAction::Exercise { instrument: option(contract)? }, &of.account, of.yes)
        }
        AlpacaCommand::DoNotExercise { contract, of } => {
            (VenueAction::DoNotExercise { instrument: option(contract)? }, &of.account, of.yes)
        }
    };
    let account = account(line, ALPACA, named.as_deref()).await?;
    confirm(Some(console), yes, &format!("{action}, account {account}"))?;
    line.answer(Request::Venue { account, action }).await
}

/// A word of the venue's, in lower case as it writes them.
fn word(what: &str, text: &str) -> Result<String, CliError> {
    let fits = (1..=SETTING_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !fits {
        let shown: String = text.chars().take(SETTING_MAX).flat_map(char::escape_default).collect();
        let text = format!("{what}: found '{shown}', allowed a word as arbion alpaca settings shows it");
        return Err(CliError::usage(text));
    }
    Ok(text.to_ascii_lowercase())
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
