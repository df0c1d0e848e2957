//! What only Hyperliquid has: orders in slices, a cancel of everything at a time to come, leverage and margin of a position.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;

use super::account::HyperliquidAccount;
use super::actions::{Action, TwapWire};
use super::venue::{self, LIST, ms};
use super::wire::{Status, StatusBody};
use super::{NAME, errors, mapping, wrong};
use crate::brokers::BrokerError;
use crate::domain::instrument::Instrument;
use crate::domain::money::Quantity;
use crate::domain::order::OrderSubject;
use crate::domain::venue::{VenueAction, VenueAnswer};

/// Minutes of an order in slices.
const MINUTES_MIN: u32 = 5;
const MINUTES_MAX: u32 = 1_440;
/// A cancel of everything lies at least this far ahead.
const AHEAD_MIN_MS: u64 = 5_000;
/// Millionths of a dollar.
const MILLION: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// An order in slices of half a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twap {
    /// Of what.
    pub instrument: Instrument,
    /// Buys, or sells.
    pub buy: bool,
    /// Units in all, positive.
    pub quantity: Quantity,
    /// Over this many minutes, 5 to 1440.
    pub minutes: u32,
    /// At random times.
    pub randomize: bool,
    /// Never opens or flips a position.
    pub reduce_only: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Budget {
    n_requests_used: u64,
    n_requests_cap: u64,
}

impl HyperliquidAccount {
    /// Carries out what only this venue has, and says in words what came of it.
    pub(super) async fn carry_out(&self, action: &VenueAction) -> Result<VenueAnswer, BrokerError> {
        match action {
            VenueAction::Twap { instrument, side, quantity, minutes, randomize, reduce_only } => {
                let twap = Twap {
                    instrument: instrument.clone(),
                    buy: side.is_buy(),
                    quantity: *quantity,
                    minutes: *minutes,
                    randomize: *randomize,
                    reduce_only: *reduce_only,
                };
                let id = self.twap(&twap).await?;
                return Ok(VenueAnswer::Done(format!("{action}: it runs as {id}")));
            }
            VenueAction::CancelTwap { instrument, twap } => self.cancel_twap(instrument, *twap).await?,
            VenueAction::ScheduleCancel { after_seconds } => {
                let after = after_seconds.map(|seconds| jiff::SignedDuration::from_secs(seconds.into()));
                let now = self.shared.venue.http.broker_now();
                let at = after.map(|after| now.checked_add(after).unwrap_or(Timestamp::MAX));
                self.schedule_cancel(at).await?;
            }
            VenueAction::Leverage { instrument, leverage, cross } => {
                self.update_leverage(instrument, *leverage, *cross).await?;
            }
            VenueAction::IsolatedMargin { instrument, amount } => {
                self.update_isolated_margin(instrument, *amount).await?;
            }
            VenueAction::DepositAddresses { .. } | VenueAction::NewDepositAddress { .. } => {
                return Err(wrong(
                    format!("'{action}'"),
                    "deposits by a transfer from the wallet to the bridge",
                ));
            }
        }
        Ok(VenueAnswer::Done(format!("{action}: done")))
    }

    /// Starts an order in slices. Returns the venue's id of it.
    ///
    /// # Errors
    /// `Unsupported` for what is refused here, and what the venue says.
    pub async fn twap(&self, twap: &Twap) -> Result<u64, BrokerError> {
        if !(MINUTES_MIN..=MINUTES_MAX).contains(&twap.minutes) {
            return Err(wrong(format!("{} minutes", twap.minutes), "5 to 1440 minutes"));
        }
        let universe = self.shared.venue.universe().await?;
        let subject = OrderSubject::Instrument(twap.instrument.clone());
        let (asset, instrument) = mapping::asset_of(&universe, &subject)?;
        let action = Action::TwapOrder {
            twap: TwapWire {
                a: asset.id,
                b: twap.buy,
                s: mapping::size(asset, &instrument, twap.quantity)?,
                r: twap.reduce_only,
                m: twap.minutes,
                t: twap.randomize,
            },
        };
        let done = self.shared.act(venue::order("twapOrder"), &action, true).await?;
        match done.status {
            Some(Status::Body(StatusBody { running: Some(running), .. })) => Ok(running.twap_id),
            Some(Status::Body(StatusBody { error: Some(text), .. })) => Err(errors::refused(&text)),
            _ => Err(BrokerError::Unreadable {
                broker: NAME.to_owned(),
                call: "twapOrder",
                reason: "data.status: neither running nor an error".to_owned(),
            }),
        }
    }

    /// Ends one.
    ///
    /// # Errors
    /// What the venue says.
    pub async fn cancel_twap(&self, instrument: &Instrument, twap: u64) -> Result<(), BrokerError> {
        let a = self.asset_id(instrument).await?;
        let done =
            self.shared.act(venue::cancel("twapCancel"), &Action::TwapCancel { a, t: twap }, false).await?;
        match done.status {
            Some(Status::Body(StatusBody { error: Some(text), .. })) => Err(errors::refused(&text)),
            _ => Ok(()),
        }
    }

    /// Lets the venue cancel every order of the account at an instant, unless it is told another one before; `None` takes that back. Ten
    /// times a day at most does it fire.
    ///
    /// # Errors
    /// `Unsupported` for an instant less than five seconds ahead, and what the venue says.
    pub async fn schedule_cancel(&self, at: Option<Timestamp>) -> Result<(), BrokerError> {
        let time = at.map(ms);
        if time.is_some_and(|time| time < self.shared.venue.now_ms() + AHEAD_MIN_MS) {
            return Err(wrong("a cancel of everything so soon".to_owned(), "at least 5 seconds ahead"));
        }
        let action = Action::ScheduleCancel { time };
        self.shared.act(venue::cancel("scheduleCancel"), &action, false).await.map(|_| ())
    }

    /// Sets the leverage of a perpetual.
    ///
    /// # Errors
    /// `Unsupported` beyond what the instrument allows, and what the venue says.
    pub async fn update_leverage(
        &self,
        instrument: &Instrument,
        leverage: u32,
        cross: bool,
    ) -> Result<(), BrokerError> {
        let universe = self.shared.venue.universe().await?;
        let subject = OrderSubject::Instrument(instrument.clone());
        let (asset, _) = mapping::asset_of(&universe, &subject)?;
        if asset.is_spot {
            return Err(wrong(format!("leverage of {instrument}"), "leverage of perpetuals"));
        }
        if leverage == 0 || (asset.leverage_max > 0 && leverage > asset.leverage_max) {
            let allowed = format!("1 to {}", asset.leverage_max);
            return Err(wrong(format!("leverage {leverage} of {instrument}"), &allowed));
        }
        if cross && asset.only_isolated {
            return Err(wrong(format!("shared margin for {instrument}"), "isolated margin"));
        }
        let action = Action::UpdateLeverage { asset: asset.id, is_cross: cross, leverage };
        self.shared.act(venue::order("updateLeverage"), &action, true).await.map(|_| ())
    }

    /// Adds margin to an isolated position (positive), or takes some out; dollars.
    ///
    /// # Errors
    /// `Unsupported` for what is finer than a millionth, and what the venue says.
    pub async fn update_isolated_margin(
        &self,
        instrument: &Instrument,
        amount: Decimal,
    ) -> Result<(), BrokerError> {
        let millionths = (amount * MILLION).normalize();
        let whole = millionths.scale() == 0;
        let ntli = i64::try_from(millionths.trunc().mantissa()).ok().filter(|_| whole);
        let ntli = ntli.ok_or_else(|| wrong(format!("a margin of {amount}"), "millionths of a dollar"))?;
        let asset = self.asset_id(instrument).await?;
        let action = Action::UpdateIsolatedMargin { asset, is_buy: true, ntli };
        self.shared.act(venue::order("updateIsolatedMargin"), &action, true).await.map(|_| ())
    }

    /// Requests that the account's address has used, and may use in all.
    ///
    /// # Errors
    /// Whatever the read comes to.
    pub async fn request_budget(&self) -> Result<(u64, u64), BrokerError> {
        let body = json!({"type": "userRateLimit", "user": self.shared.user.to_string()});
        let budget: Budget = self.shared.venue.info(venue::read("userRateLimit", LIST), &body).await?;
        Ok((budget.n_requests_used, budget.n_requests_cap))
    }

    async fn asset_id(&self, instrument: &Instrument) -> Result<u32, BrokerError> {
        let universe = self.shared.venue.universe().await?;
        let missing =
            || BrokerError::NotFound { broker: NAME.to_owned(), what: format!("instrument {instrument}") };
        universe.asset(instrument).map(|asset| asset.id).ok_or_else(missing)
    }
}
